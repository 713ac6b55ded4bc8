"""Whom a parked seat waits for, in words: those asked, and whom they asked in their turn. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, select

from tasks.children.words import KIND_WORDS
from tasks.lifecycle import LIVE
from tasks.people import People
from tasks.seats import SEAT
from workflows.errors import Words


def waits_for(connection: Connection, people: People, row: Row[Any]) -> Words:
    """What the seat of `row` (of SEAT_ROWS) waits for: “等待吕财务（前加签）”, further down the chain with an arrow."""
    below = connection.execute(select(SEAT).where(
        SEAT.c.instance_id == row.instance_id, SEAT.c.token == row.token, SEAT.c.status.in_(LIVE), SEAT.c.parent_seat_id.is_not(None), SEAT.c.blocking.is_(True)
    ).order_by(SEAT.c.id)).all()
    names = people.names(connection, {seat.owner_id for seat in below if seat.owner_id})
    parts = [_one(seat, below, names) for seat in below if seat.parent_seat_id == row.id]
    if not parts:
        return {"zh": "该事项正在等待他人意见。", "en": "The item waits for somebody's opinion."}
    return {"zh": f"正在等待{'、'.join(one['zh'] for one in parts)}的意见。", "en": f"Waits for the opinion of {', '.join(one['en'] for one in parts)}."}


def _one(seat: Any, below: Sequence[Any], names: dict[int, str]) -> Words:
    name, kind = names.get(seat.owner_id, ""), KIND_WORDS[seat.kind]
    further = [_one(child, below, names) for child in below if child.parent_seat_id == seat.id]
    arrow = {side: f" → {', '.join(one[side] for one in further)}" if further else "" for side in ("zh", "en")}
    return {"zh": f"{name}（{kind['zh']}）{arrow['zh']}", "en": f"{name} ({kind['en'].lower()}){arrow['en']}"}
