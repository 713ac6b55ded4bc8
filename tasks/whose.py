"""The live seats of a case, and for whom those are that nobody holds, in words. Asks nobody who is behind a pool."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.sql.functions import aggregate_strings

from tasks.candidate_lines import line_words
from tasks.lifecycle import LIVE
from tasks.models import Seat, SeatOffer
from tasks.people import People
from tasks.worklist_statements import SEAT, SEAT_ROWS
from workflows.errors import Words

OFFERED = select(aggregate_strings(SeatOffer.candidate, ",")).where(SeatOffer.seat_id == Seat.id, SeatOffer.principal_id.is_(None)).scalar_subquery().label("offered")


def live_seats(connection: Connection, instance_id: int) -> Sequence[Any]:
    """The live seats of a case, oldest first, with the lines they are offered to."""
    return connection.execute(SEAT_ROWS.add_columns(OFFERED).where(SEAT.c.instance_id == instance_id, SEAT.c.status.in_(LIVE)).order_by(SEAT.c.id)).all()


def whose(connection: Connection, people: People, seats: Sequence[Any]) -> dict[int, Words]:
    """Live seat that nobody holds → whom it is for: its voter, else the pools and people it is offered to. `seats`: rows of `live_seats`."""
    lines = {seat.id: [seat.participant] if seat.participant else sorted((seat.offered or "").split(",")) for seat in seats if seat.owner_id is None}
    words = line_words(connection, people, dict.fromkeys(line for named in lines.values() for line in named))
    return {seat: _joined(found) for seat, named in lines.items() if (found := [words[line] for line in named if line in words])}


def _joined(words: Sequence[Words]) -> Words:
    return {"zh": "、".join(one["zh"] for one in words), "en": ", ".join(one["en"] for one in words)}
