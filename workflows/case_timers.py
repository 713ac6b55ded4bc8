"""Timers of cases: which are due, when the next is, and firing one. Knows no start events' rows beyond their due time."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select, update

from workflows.case_store import INSTANCE
from workflows.messages import Cases
from workflows.models import Wait
from workflows.start_events import StartEvents
from workflows.suspension import suspended
from workflows.timers import next_round


class CaseTimers:
    """The due waits of cases."""

    def __init__(self, cases: Cases) -> None:
        self._cases = cases

    def fire(self, connection: Connection, instance_id: int, wait_id: str) -> None:
        """A timer of a case is due: move its token, unless it was cancelled meanwhile."""
        mine = (Wait.instance_id == instance_id, Wait.wait_id == wait_id)
        case = self._cases.load(connection, instance_id)
        wait = connection.execute(select(Wait.due_at, Wait.repeat, Wait.node_id).where(*mine)).first()
        if wait is None or wait.due_at is None or wait.due_at > self._cases.now() or case.status != "active":
            return
        self._cases.trigger(connection, case, wait_id, None, "timer_fired")
        if case.version.graph.nodes[wait.node_id].event.timer == "cycle":
            due, left = next_round(wait.due_at, wait.repeat)
            connection.execute(update(Wait).where(*mine).values(due_at=due, repeat=left))

    def due(self, connection: Connection, limit: int = 200) -> list[tuple[int, str]]:
        """(case, wait) of timers that are due, earliest first."""
        query = (
            select(Wait.instance_id, Wait.wait_id).join(INSTANCE, INSTANCE.c.id == Wait.instance_id)
            .where(Wait.due_at <= self._cases.now(), INSTANCE.c.status == "active").order_by(Wait.due_at).limit(limit)
        )
        return [(row.instance_id, row.wait_id) for row in connection.execute(query)]

    @staticmethod
    def next(connection: Connection) -> datetime | None:
        """When the next timer is due, of a case or of a start event."""
        query = select(Wait.due_at).where(Wait.due_at.is_not(None), ~suspended(Wait.instance_id)).order_by(Wait.due_at).limit(1)
        return min(filter(None, (connection.execute(query).scalar(), StartEvents.next_due(connection))), default=None)
