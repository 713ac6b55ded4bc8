"""The figures beside the list: what the person did today and at what pace, what he put aside, and his saved views. One indexed statement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from sqlalchemy import Connection, and_, bindparam, func, literal, select

from tasks.actors import Actor
from tasks.inbox.saved_views import TABLE as VIEW
from tasks.inbox.saved_views import known_to
from tasks.models import Draft, Seat
from tasks.operation_models import Circulation, Snooze
from workflows.business_calendar import SHANGHAI, Clock

SEAT, SNOOZE, DRAFT, COPY = Seat.__table__, Snooze.__table__, Draft.__table__, Circulation.__table__
LONGEST_PACE = 3600  # seconds between two decisions that say nothing about pace


@dataclass(frozen=True, slots=True)
class ViewRow:
    """One saved view, as a tab."""

    id: int
    name: str
    query: dict[str, Any]
    own: bool
    shared: bool


@dataclass(frozen=True, slots=True)
class Progress:
    """What the head of the inbox shows. `pace`: seconds per decision today, None before the third."""

    done: int
    pace: int | None
    later: int
    drafts: int
    unread: int
    views: Sequence[ViewRow]


class Days:
    """Reads the figures."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def today(self, connection: Connection, actor: Actor) -> Progress:
        """Figures of this day in Asia/Shanghai and the views the person may use, in one statement."""
        now = self._clock.now()
        midnight = datetime.combine(now.astimezone(SHANGHAI).date(), time(), SHANGHAI)
        mine = and_(SEAT.c.completed_by == actor.person_id, SEAT.c.completed_at >= bindparam("midnight", midnight, SEAT.c.completed_at.type))
        figures = select(
            select(func.count()).select_from(SEAT).where(mine).scalar_subquery().label("done"),
            select(func.min(SEAT.c.completed_at)).where(mine).scalar_subquery().label("first"),
            select(func.max(SEAT.c.completed_at)).where(mine).scalar_subquery().label("last"),
            _count(SNOOZE, SNOOZE.c.person_id == actor.person_id, SNOOZE.c.until > now).label("later"),
            _count(DRAFT.join(SEAT, SEAT.c.id == DRAFT.c.seat_id), DRAFT.c.person_id == actor.person_id, SEAT.c.status.in_(("open", "parked"))).label("drafts"),
            _count(COPY, COPY.c.person_id == actor.person_id, COPY.c.read_at.is_(None)).label("unread"),
        ).subquery()
        query = select(figures, VIEW.c.id, VIEW.c.name, VIEW.c.query, VIEW.c.owner_id, VIEW.c.organisation_code).select_from(
            figures.outerjoin(VIEW, and_(literal(True), known_to(actor)))
        ).order_by(VIEW.c.owner_id != actor.person_id, VIEW.c.position, VIEW.c.id)
        rows = connection.execute(query).all()
        row = rows[0]
        views = [
            ViewRow(one.id, one.name, dict(one.query), one.owner_id == actor.person_id, one.organisation_code is not None)
            for one in rows if one.id is not None
        ]
        return Progress(row.done, _pace(row), row.later, row.drafts, row.unread, views)


def _count(table: Any, *conditions: Any) -> Any:
    return select(func.count()).select_from(table).where(*conditions).scalar_subquery()


def _pace(row: Any) -> int | None:
    if row.done < 3:
        return None
    seconds = (row.last - row.first).total_seconds() / (row.done - 1)
    return round(seconds) if 0 < seconds < LONGEST_PACE else None
