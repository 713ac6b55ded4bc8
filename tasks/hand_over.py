"""What a leaver leaves behind: his open seats. How they are handed over is tasks.keys.leaving's matter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, and_, or_, select

from tasks.lifecycle import LIVE
from tasks.models import Seat, SeatOffer
from workflows.models import ProcessInstance


def open_seats_of(connection: Connection, person_id: int) -> Sequence[Row[Any]]:
    """The live seats somebody holds, is offered in person or is to vote on later, by due time: seat id, case, step, due_at, owner_id."""
    columns = (
        Seat.id, Seat.id.label("seat_id"), Seat.instance_id, Seat.definition_id, Seat.process_id, Seat.node_id, Seat.due_at, Seat.summary, Seat.owner_id,
        ProcessInstance.subject, ProcessInstance.number,
    )
    offered = select(SeatOffer.seat_id).where(SeatOffer.candidate == f"person:{person_id}", SeatOffer.principal_id.is_(None))
    named = or_(Seat.id.in_(offered), Seat.participant == f"person:{person_id}")
    mine = or_(Seat.owner_id == person_id, and_(Seat.owner_id.is_(None), named))
    query = select(*columns).join(ProcessInstance, ProcessInstance.id == Seat.instance_id).where(mine, Seat.status.in_(LIVE))
    return connection.execute(query.order_by(Seat.due_at, Seat.id)).all()
