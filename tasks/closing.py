"""What a decision writes about itself: the closed seat, who acted, and what an undo needs. It asks nobody whether he may."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Connection, Row, bindparam, delete, exists, update

from tasks import errors
from tasks.actors import Actor
from tasks.four_eyes import acted
from tasks.models import CaseActor, Draft, Seat, SeatOffer, UndoRecord
from tasks.standing import OTHER, is_live, line_taken
from workflows.case import Case
from workflows.history import Author
from workflows.store import in_one, put

SEAT = Seat.__table__
UNDO_TIME = timedelta(seconds=30)
DROP_OFFERS = delete(SeatOffer).where(SeatOffer.seat_id == bindparam("seat"))
DROP_DRAFTS = delete(Draft).where(Draft.seat_id == bindparam("seat"))
COMPLETE_SEAT = update(Seat).where(SEAT.c.id == bindparam("seat"), SEAT.c.status == "open").values(
    {name: bindparam(f"new_{name}") for name in ("completed_at", "completed_by", "on_behalf_of", "outcome", "owner_id", "claimed_as", "decided_as")}
    | {"status": "completed", "urged": 0, "revision": SEAT.c.revision + 1}
)
COMPLETE_ALONE = COMPLETE_SEAT.where(~exists().where(  # a signer may have been added since the seat was read
    OTHER.c.instance_id == SEAT.c.instance_id, OTHER.c.token == SEAT.c.token, OTHER.c.id != SEAT.c.id, is_live(OTHER.c.status)
))

ACTOR: tuple[Any, dict[str, Any]] = (CaseActor, {"instance_id": bindparam("root"), "node_id": bindparam("node"), "person_id": bindparam("new_completed_by")})
ALL_AT_ONCE, ALONE_AT_ONCE = (in_one(statement, DROP_OFFERS, ACTOR) for statement in (COMPLETE_SEAT, COMPLETE_ALONE))


@dataclass(frozen=True, slots=True)
class Completion:
    """What a completion answers: the seat, its case, and until when it can be undone."""

    seat_id: int
    instance_id: int
    undo_until: datetime | None


def close_completed(connection: Connection, row: Row[Any], case: Case, actor: Actor, outcome: str, on_behalf_of: int | None) -> None:
    """Close the seat of `row` (of locked_seat) with its outcome; raises Conflict when somebody was faster."""
    given = {
        "seat": row.seat_id, "new_completed_at": case.now, "new_completed_by": actor.person_id, "new_on_behalf_of": on_behalf_of,
        "new_outcome": outcome, "new_owner_id": actor.person_id,
        "new_claimed_as": case.author.role and f"{case.author.role}@{case.author.organisation}",
        "new_decided_as": row.seat_claimed_as or line_taken(actor, row),
    }
    at_once = connection.dialect.name == "postgresql"
    if at_once:
        written = connection.execute(ALL_AT_ONCE if row.several else ALONE_AT_ONCE, {**given, "root": case.root, "node": row.seat_node_id})
    else:
        written = connection.execute(COMPLETE_SEAT if row.several else COMPLETE_ALONE, given)
    if written.rowcount == 0:
        raise errors.changed_meanwhile()
    if not at_once:
        connection.execute(DROP_OFFERS, {"seat": row.seat_id})
    if row.drafted:
        connection.execute(DROP_DRAFTS, {"seat": row.seat_id})
    acted(connection, case, row.seat_node_id, (actor.person_id, on_behalf_of), written=actor.person_id if at_once else None)


def before_decision(row: Row[Any]) -> dict[str, Any]:
    """The case and the seat as they are, for an undo."""
    # The machine and the case change their documents in place: what was must be copied first. Through JSON, which the state is: `deepcopy` takes six times as long.
    return {
        "state": orjson.loads(orjson.dumps(row.state)), "variables": dict(row.variables), "status": row.status, "stage": row.stage, "round": row.round,
        "owner": row.seat_owner_id, "claimed_at": row.seat_claimed_at.isoformat() if row.seat_claimed_at else None,
        "claimed_as": row.seat_claimed_as,
    }


def keep_undo(
    connection: Connection, row: Row[Any], case: Case, actor: Actor, command_id: int | None, until: datetime, before: dict[str, Any],
) -> None:
    """Keep what the decision replaced while the handler may withdraw it."""
    if not case.undoable:
        return  # a caller has moved on, or what was called before was stopped
    before |= case.undo_facts()
    put(connection, UndoRecord, ["seat_id"], {
        "seat_id": row.seat_id, "instance_id": case.id, "person_id": actor.person_id, "command_id": command_id,
        "revision": case.revision, "expires_at": until, "before": before,
    })


def decided_by(author: Author, now: datetime) -> dict[str, Any]:
    """`<activity>_by` as the case keeps it."""
    return {
        "person": author.person, "role": author.role, "organisation": author.organisation, "channel": author.channel,
        "on_behalf_of": author.on_behalf_of, "at": {"$datetime": now.isoformat()},
    }
