"""Somebody's notices: what was sent to him or to an office he works in, newest first. Reads, and remembers what was read; sends nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select

from tasks.models import Notification, NotificationRead
from tasks.people import Actor
from tasks.worklist import Count, Page
from workflows.models import ProcessInstance

NOTICE = Notification.__table__
COUNT_LIMIT = 1000


@dataclass(frozen=True)
class Notice:
    """One line: what happened, in which case, and whether this person has read it."""

    id: int
    kind: str
    text: dict[str, str]
    instance_id: int | None
    seat_id: int | None
    number: str | None
    subject: str | None
    created_at: datetime
    read: bool
    own: bool  # the case is about the reader himself


def page(connection: Connection, actor: Actor, *, after: int | None = None, size: int = 25) -> Page:
    """Notices older than number `after`, newest first; a page of `size`."""
    seen = _seen(connection, actor)
    query = (
        select(NOTICE, ProcessInstance.number, ProcessInstance.subject, ProcessInstance.subject_person)
        .outerjoin(ProcessInstance, ProcessInstance.id == NOTICE.c.instance_id)
        .where(NOTICE.c.candidate.in_(actor.candidates)).order_by(NOTICE.c.id.desc()).limit(size + 1)
    )
    if after is not None:
        query = query.where(NOTICE.c.id < after)
    rows = connection.execute(query).all()
    shown = [_notice(row, seen, actor.person_id) for row in rows[:size]]
    return Page(shown, str(shown[-1].id) if len(rows) > size else None, None)


def unread(connection: Connection, actor: Actor) -> Count:
    """How many are new, exact to 1,000."""
    seen = select(func.coalesce(func.max(NotificationRead.notification_id), 0)).where(NotificationRead.person_id == actor.person_id)
    new = select(NOTICE.c.id).where(NOTICE.c.candidate.in_(actor.candidates), NOTICE.c.id > seen.scalar_subquery())
    number = connection.execute(select(func.count()).select_from(new.limit(COUNT_LIMIT + 1).subquery())).scalar_one()
    return Count(min(number, COUNT_LIMIT), number > COUNT_LIMIT)


def mark_read(connection: Connection, actor: Actor, up_to: int) -> None:
    """Everything up to notice `up_to` counts as read by this person."""
    if up_to <= _seen(connection, actor):
        return
    connection.execute(delete(NotificationRead).where(NotificationRead.person_id == actor.person_id))
    connection.execute(insert(NotificationRead).values(person_id=actor.person_id, notification_id=up_to))


def _seen(connection: Connection, actor: Actor) -> int:
    query = select(func.max(NotificationRead.notification_id)).where(NotificationRead.person_id == actor.person_id)
    return int(connection.execute(query).scalar() or 0)


def _notice(row: Any, seen: int, reader: int | None) -> Notice:
    return Notice(
        row.id, row.kind, row.text or {}, row.instance_id, row.seat_id, row.number, row.subject, row.created_at, row.id <= seen,
        row.subject_person is not None and row.subject_person == reader,
    )
