"""The statements that open seats: a row, its offers and whom four-eyes rules keep out; one statement for all of it on PostgreSQL. They decide nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, String, and_, bindparam, exists, func, insert, select, true

from tasks.models import CaseActor, Seat, SeatExclusion, SeatOffer
from tasks.votes.participants import somebody_behind
from workflows.business_calendar import local_day
from workflows.store import Among, Texts

SEAT = Seat.__table__
NEW_SEAT = (
    "instance_id", "definition_id", "process_id", "node_id", "token", "created_at", "due_at", "yellow_at", "priority", "round", "revision", "schedule_id",
    "duty", "summary", "urged", "owner_id", "status", "position", "participant", "veto",
)
GIVEN = {name: bindparam(name, type_=SEAT.c[name].type) for name in NEW_SEAT}
INSERT_SEATS = insert(Seat).returning(SEAT.c.id, sort_by_parameter_order=True)
INSERT_POOL = insert(Seat).values(GIVEN).returning(SEAT.c.id, somebody_behind().label("staffed"))
INSERT_OFFERS = insert(SeatOffer)
EXCLUDE_ACTORS = insert(SeatExclusion).from_select(
    ["seat_id", "person_id", "reason"],
    select(bindparam("seat", type_=SEAT.c.id.type), CaseActor.person_id, bindparam("reason", type_=String)).where(
        CaseActor.instance_id == bindparam("instance"), Among(CaseActor.node_id, bindparam("nodes", type_=Texts())),
        ~exists().where(SeatExclusion.seat_id == bindparam("seat", type_=SEAT.c.id.type), SeatExclusion.person_id == CaseActor.person_id),
    ).distinct(),
)


def _open_at_once(*asked: ColumnElement[bool]) -> Any:
    """One statement for PostgreSQL (see `workflows.store.in_one`): a new seat, its offers, and whom four-eyes rules keep out. Returns its id, and `asked`."""
    new = insert(Seat).values(GIVEN).returning(SEAT.c.id, SEAT.c.due_at, SEAT.c.created_at, SEAT.c.priority).cte("new")
    lines = func.unnest(bindparam("lines", type_=Texts())).table_valued("candidate").render_derived()
    offered = select(lines.c.candidate, new.c.id, new.c.due_at, new.c.created_at, new.c.priority).select_from(new.join(lines, true()))
    offers = insert(SeatOffer).from_select(["candidate", "seat_id", "due_at", "created_at", "priority"], offered)
    acted = and_(CaseActor.instance_id == bindparam("root"), Among(CaseActor.node_id, bindparam("apart", type_=Texts())))
    kept_out = select(new.c.id, CaseActor.person_id, bindparam("reason", type_=String)).select_from(new.join(CaseActor, acted))
    exclusions = insert(SeatExclusion).from_select(["seat_id", "person_id", "reason"], kept_out.distinct())
    return select(new.c.id, *asked).add_cte(offers.cte("offers"), exclusions.cte("exclusions"))


OPEN_AT_ONCE, OPEN_POOL_AT_ONCE = _open_at_once(), _open_at_once(somebody_behind().label("staffed"))


def pool_asked(lines: Sequence[str], moment: datetime) -> dict[str, Any]:
    """What `somebody_behind` is bound to: the offices of a pool, on the day of `moment`."""
    return {"lines": lines, "codes": [line.split("@", 1)[1] for line in lines], "day": local_day(moment)}
