"""What a leaver leaves behind: his open seats, and handing each to somebody else or back to its pool.

How a seat is moved is the caller's verb; this decides only which, and reports what could not be moved and why.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, and_, or_, select

from tasks.actors import Actor
from tasks.models import Seat, SeatOffer
from workflows.errors import Rejection, Words
from workflows.models import ProcessInstance
from workflows.store import Store

LIVE = ("open", "parked", "queued")

MoveSeat = Callable[[Connection, Actor, int, int | None], None]  # connection, actor, seat, new owner or None for the pool; raises Rejection


@dataclass(frozen=True)
class Handed:
    """One seat of the leaver and what became of it: `refused` says why it stayed."""

    seat_id: int
    instance_id: int
    refused: Words | None = None


def open_seats_of(connection: Connection, person_id: int) -> Sequence[Row[Any]]:
    """The live seats somebody holds or is offered in person, by due time: seat id, case, step, due_at, owner_id."""
    columns = (
        Seat.id, Seat.id.label("seat_id"), Seat.instance_id, Seat.definition_id, Seat.process_id, Seat.node_id, Seat.due_at, Seat.summary, Seat.owner_id,
        ProcessInstance.subject, ProcessInstance.number,
    )
    offered = select(SeatOffer.seat_id).where(SeatOffer.candidate == f"person:{person_id}")
    mine = or_(Seat.owner_id == person_id, and_(Seat.owner_id.is_(None), Seat.id.in_(offered)))
    query = select(*columns).join(ProcessInstance, ProcessInstance.id == Seat.instance_id).where(mine, Seat.status.in_(LIVE))
    return connection.execute(query.order_by(Seat.due_at, Seat.id)).all()


def hand_over(
    connection: Connection, actor: Actor, from_person: int, to_person: int | None, move: MoveSeat, only: Container[int] | None = None,
) -> list[Handed]:
    """Move every open seat of `from_person` (or those in `only`) to `to_person`, or back to its pool; what may not move stays, with the reason.

    `move` is called once per seat inside a savepoint of its own. Raises Rejection when both are the same person.
    """
    if from_person == to_person:
        raise Rejection("交接对象不能是本人。", "Somebody cannot hand over to himself.")
    seats = [seat for seat in open_seats_of(connection, from_person) if only is None or seat.id in only]
    return [_hand(connection, actor, seat, to_person, move) for seat in seats]


def _hand(connection: Connection, actor: Actor, seat: Row[Any], to_person: int | None, move: MoveSeat) -> Handed:
    try:
        with Store.savepoint(connection):
            move(connection, actor, seat.id, to_person)
    except Rejection as rejection:
        return Handed(seat.id, seat.instance_id, {"zh": rejection.zh, "en": rejection.en})
    return Handed(seat.id, seat.instance_id)
