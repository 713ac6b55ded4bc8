"""经办与复核分离: who acted where in a case, and whom that keeps out of work that is open now. Kept by person, in every round and every part of a case.

Written are actors, principals, delegates, signers and voters: whoever had a hand in an activity.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, delete, exists, or_, select

from tasks.lifecycle import LIVE
from tasks.models import CaseActor, Seat, SeatExclusion, SeatOffer
from workflows.case import Case
from workflows.definitions import ProcessVersion
from workflows.models import ProcessInstance
from workflows.store import insert_missing

SEAT, INSTANCE = Seat.__table__, ProcessInstance.__table__


def acted(connection: Connection, case: Case, node_id: str, people: Collection[int | None], written: int | None = None) -> None:
    """These people have had a hand in the activity; what is open elsewhere and must be kept apart from it is closed to them.

    `written`: one of them whom the caller has written down already.
    """
    known = sorted({person for person in people if person})
    rows = [{"instance_id": case.root, "node_id": node_id, "person_id": person} for person in known if person != written]
    insert_missing(connection, CaseActor, rows)
    apart = case.version.kept_apart[node_id]
    if not apart or not _may_be_open(case, apart):
        return
    seats = _open_seats(connection, case, apart)
    insert_missing(connection, SeatExclusion, [
        {"seat_id": seat.id, "person_id": person, "reason": node_id} for seat in seats for person in known
    ])
    if seats:
        connection.execute(delete(SeatOffer).where(SeatOffer.seat_id.in_([seat.id for seat in seats]), SeatOffer.principal_id.in_(known)))


def _may_be_open(case: Case, nodes: Sequence[str]) -> bool:
    """Whether one of these activities may have a seat now: a token stands there, or instances of a sub-process have rows of their own."""
    if case.body_of is not None or any(node.multi_instance is not None for node in case.version.graph.nodes.values()):
        return True
    return any(token[0] in nodes for token in case.state["t"].values())


def _open_seats(connection: Connection, case: Case, nodes: Sequence[str]) -> Sequence[Row[Any]]:
    """The live seats of these activities, without questions: those may be put to anybody."""
    family = select(INSTANCE.c.id).where(or_(INSTANCE.c.id == case.root, INSTANCE.c.body_of == case.root))
    query: Select[Any] = select(SEAT.c.id, SEAT.c.node_id).where(SEAT.c.instance_id.in_(family), SEAT.c.node_id.in_(nodes), SEAT.c.status.in_(LIVE), SEAT.c.kind != "asked")
    return connection.execute(query.order_by(SEAT.c.id)).all()


def hands_in_both(connection: Connection, case: Case, version: ProcessVersion) -> tuple[str, str] | None:
    """Two activities that `version` keeps apart and one person has had a hand in, in any round of the case; None: none."""
    hands = _hands(connection, case)
    pairs = ((here, there) for here in sorted(hands) for there in version.kept_apart.get(here, ()))
    return next(((here, there) for here, there in pairs if hands[here] & hands.get(there, set())), None)


def renamed(connection: Connection, case: Case, mapping: Mapping[str, str]) -> None:
    """The activities have other ids from now on: whoever had a hand in one has had it in the same activity."""
    hands = {node_id: people for node_id, people in _hands(connection, case).items() if node_id in mapping}
    connection.execute(delete(CaseActor).where(CaseActor.instance_id == case.root, CaseActor.node_id.in_(hands)))
    insert_missing(connection, CaseActor, [
        {"instance_id": case.root, "node_id": mapping[node_id], "person_id": person} for node_id, people in hands.items() for person in sorted(people)
    ])


def looked_at_anew(connection: Connection, case: Case) -> None:
    """The case has come under other rules: what is open is closed to whoever they keep apart from it."""
    for node_id, people in sorted(_hands(connection, case).items()):
        if node_id in case.version.graph.nodes:
            acted(connection, case, node_id, people)


def _hands(connection: Connection, case: Case) -> dict[str, set[int]]:
    """Activity → everybody who has had a hand in it."""
    found: dict[str, set[int]] = {}
    for row in connection.execute(select(CaseActor.node_id, CaseActor.person_id).where(CaseActor.instance_id == case.root)).all():
        found.setdefault(row.node_id, set()).add(row.person_id)
    return found


def forgotten(connection: Connection, case: Case, seat: Row[Any]) -> None:
    """The decision of `seat` was taken back: its people may check others again, unless they had a hand in that activity otherwise."""
    for person in sorted({one for one in (seat.completed_by, seat.on_behalf_of) if one}):
        other = select(SEAT.c.id).where(
            SEAT.c.instance_id == case.id, SEAT.c.node_id == seat.node_id, SEAT.c.status == "completed", SEAT.c.id != seat.id,
            or_(SEAT.c.completed_by == person, SEAT.c.on_behalf_of == person),
        )
        if connection.execute(other.limit(1)).first() is None:
            mine = (CaseActor.instance_id == case.root, CaseActor.node_id == seat.node_id, CaseActor.person_id == person)
            connection.execute(delete(CaseActor).where(*mine))
            _let_in(connection, case, seat.node_id, person)


def _let_in(connection: Connection, case: Case, node_id: str, person: int) -> None:
    for seat in _open_seats(connection, case, case.version.kept_apart[node_id]):
        others = case.version.kept_apart[seat.node_id]
        still = exists().where(CaseActor.instance_id == case.root, CaseActor.person_id == person, CaseActor.node_id.in_(others))
        gone = and_(SeatExclusion.seat_id == seat.id, SeatExclusion.person_id == person, SeatExclusion.reason.not_in(("voted", "applicant")), ~still)
        connection.execute(delete(SeatExclusion).where(gone))
