"""The official document in a served office with a frozen clock: cases brought to where a test begins, and what its seats say.

It decides nothing about what a test expects.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from tasks.models import Seat, SecurityLog
from tasks.security_log import HIDDEN_FIELD
from tasks.starting import Starting
from tests.browser_desk import MORNING, PROCESS, BrowserDesk
from workflows.business_calendar import FrozenClock
from workflows.errors import Rejection

DOCUMENT, FUNDS = "official_document", "funding_request"
VALUES = {"document_kind": "通知", "urgency": "普通", "document_body": "请各学院于七月十日前完成资助工作总结并报送汇总表。", "budget": 3000}
VOTERS = ("songxueyuan", "lvcaiwu", "maguanli")


class DocumentDesk(BrowserDesk):
    """The office with all processes that are shipped."""

    clock: FrozenClock

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, FrozenClock(MORNING), (PROCESS, DOCUMENT, FUNDS))

    def document(self, title: str, upto: str = "countersign") -> int:
        """A document of 何辅导 at draft_document, countersign (with check_compliance), sign_document or file_document."""
        with self.house.store.transaction() as connection:
            starting = Starting(self.house.engine, self.house.definitions, self.house.clock)
            case, _seat = starting.start(connection, self.cast.actor(connection, "hefudao"), DOCUMENT)
        if upto == "draft_document":
            return case
        self.complete(case, "draft_document", "hefudao", "submit", {**VALUES, "document_title": title})
        if upto == "countersign":
            return case
        self.complete(case, "countersign", "songxueyuan", "approve")
        self.complete(case, "countersign", "lvcaiwu", "approve")
        self.complete(case, "check_compliance", "gaojingban", "approve")
        if upto == "file_document":
            self.complete(case, "sign_document", "zhouzhuren", "approve")
        return case

    def pass_time(self, delta: timedelta) -> None:
        """Time goes by, and the worker does what is due."""
        self.clock.advance(delta)
        self.house.work_off()

    def complete(self, case: int, node: str, login: str, outcome: str, values: dict[str, Any] | None = None) -> None:
        """Decide the seat this person has there."""
        seat = self.seat_of(case, node, login)
        with self.house.store.transaction() as connection:
            self.house.tasks.complete(connection, self.cast.actor(connection, login), seat, values or {}, outcome)

    def seat_of(self, case: int, node: str, login: str | None = None) -> int:
        """The newest live vote of an activity, of several the one this person holds or is offered."""
        found = [row for row in self.live(case, node) if row.kind in ("main", "parallel")] or self.live(case, node)
        if login is None or len(found) == 1:
            return int(found[0].id)
        with self.house.store.read() as connection:
            actor = self.cast.actor(connection, login)
            may = {int(row.id): set(self.house.tasks.task_view(connection, actor, row.id).may) for row in found if self._sees(connection, actor, row.id)}
        for wanted in ("complete", "take_back", "remove_signer", "release"):
            for seat, verbs in may.items():
                if wanted in verbs:
                    return seat
        raise AssertionError(f"{login} has no seat at {node}")

    def _sees(self, connection: Connection, actor: Any, seat: int) -> bool:
        try:
            self.house.tasks.task_view(connection, actor, seat)
        except Rejection:
            return False
        return True

    def live(self, case: int, node: str | None = None) -> list[Any]:
        """The live seats of a case, newest first."""
        query = select(Seat.id, Seat.node_id, Seat.kind, Seat.status, Seat.owner_id).where(
            Seat.instance_id == case, Seat.status.in_(("open", "parked", "queued"))
        )
        with self.house.store.read() as connection:
            return list(connection.execute((query.where(Seat.node_id == node) if node else query).order_by(Seat.id.desc())).all())

    def nodes(self, case: int) -> list[str]:
        """Where the case waits."""
        return sorted({str(row.node_id) for row in self.live(case)})

    def person(self, login: str) -> int:
        """The number of one of the cast."""
        with self.house.store.read() as connection:
            return self.cast.person(connection, login)

    def hidden_fields_sent(self, case: int) -> list[str]:
        """What the security log says somebody sent of fields that are hidden from him."""
        query = select(SecurityLog.detail).where(SecurityLog.instance_id == case, SecurityLog.kind == HIDDEN_FIELD)
        with self.house.store.read() as connection:
            return [name for detail in connection.execute(query).scalars() for name in detail["fields"]]
