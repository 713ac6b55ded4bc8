"""For whom a live seat is that nobody holds, in words. Asks nobody who is behind a pool."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select

from tasks.models import SeatOffer
from tasks.people import People
from workflows.errors import Words


def whose(connection: Connection, people: People, seats: Sequence[Any]) -> dict[int, Words]:
    """Live seat that nobody holds → whom it is for: its voter, else the pools and people it is offered to."""
    free = [seat for seat in seats if seat.owner_id is None]
    lines: dict[int, list[str]] = {seat.id: [seat.participant] for seat in free if seat.participant}
    pools = [seat.id for seat in free if seat.id not in lines]
    if pools:
        offers = select(SeatOffer.seat_id, SeatOffer.candidate).where(SeatOffer.seat_id.in_(pools), SeatOffer.principal_id.is_(None))
        for offer in connection.execute(offers.order_by(SeatOffer.seat_id, SeatOffer.candidate)):
            lines.setdefault(offer.seat_id, []).append(offer.candidate)
    words = line_words(connection, people, [line for named in lines.values() for line in named])
    return {seat: joined([words[line] for line in named if line in words]) for seat, named in lines.items()}


def joined(words: Sequence[Words]) -> Words:
    """Several names in one."""
    return {"zh": "、".join(one["zh"] for one in words), "en": ", ".join(one["en"] for one in words)}
