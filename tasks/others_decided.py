"""他人已办: what somebody could have decided and somebody else did, as one statement. Each way to it reads an index of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, select, union

from tasks.worklist_statements import SEAT, SEAT_ROWS, beyond, seat_conditions

COLUMNS = (SEAT.c.completed_at, SEAT.c.id)


def decided_by_others(
    person_id: int, candidates: Sequence[str], position: Sequence[Any] | None, backwards: bool, shape: tuple[str, ...], limit: int
) -> Select[Any]:
    """The newest `limit` seats he held, was in the pool of, or was asked to vote on, and that others decided or made needless.

    `candidates` are his lines; filters of `shape` are bound as for `seat_conditions`, `position` is that of a cursor.
    """
    order = [column if backwards else column.desc() for column in COLUMNS]
    limits = [SEAT.c.completed_at.is_not(None), SEAT.c.completed_by.is_distinct_from(person_id), *seat_conditions(shape)]
    limits += [beyond(COLUMNS, position, not backwards)] if position is not None else []
    branches = [
        select(*COLUMNS).where(way, *limits).order_by(*order).limit(limit).subquery() for way in _ways(person_id, candidates)
    ]
    merged = union(*[select(branch) for branch in branches]).subquery()
    chosen = select(merged).order_by(*[merged.c[column.name] if backwards else merged.c[column.name].desc() for column in COLUMNS]).limit(limit).subquery()
    return SEAT_ROWS.join(chosen, chosen.c.id == SEAT.c.id).order_by(*order)


def _ways(person_id: int, candidates: Sequence[str]) -> list[ColumnElement[bool]]:
    """He held it, it was decided on his behalf or by a pool of his, or his vote was decided or no longer wanted."""
    over = SEAT.c.status.in_(("completed", "cancelled"))
    pooled = [and_(SEAT.c.decided_as == line, over) for line in candidates]
    asked = [and_(SEAT.c.participant == line, over) for line in candidates]
    return [and_(SEAT.c.owner_id == person_id, over), and_(SEAT.c.on_behalf_of == person_id, over), *pooled, *asked]
