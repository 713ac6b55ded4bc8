"""Messages between cases and from outside: correlation by key, early messages, held outgoing ones. It decides no routing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Connection, Row, bindparam, select, update

from workflows.case import Case
from workflows.case_store import lock_cases
from workflows.errors import Rejection
from workflows.history import SYSTEM, Author
from workflows.jobs import raise_incident
from workflows.models import AnyRow, BufferedMessage, OutboxMessage, Wait, table_of
from workflows.start_events import StartEvents
from workflows.store import Store, insert_missing, lock_names
from workflows.suspension import suspended

EARLY_MESSAGES = (
    select(BufferedMessage.id, BufferedMessage.payload, Wait.wait_id, Wait.instance_id.label("case_id"))
    .join(Wait, (Wait.name == BufferedMessage.name) & (Wait.correlation_key == BufferedMessage.correlation_key))
    .where(
        Wait.instance_id.in_(bindparam("cases", expanding=True)), Wait.kind == "message", BufferedMessage.delivered_to.is_(None)
    ).order_by(BufferedMessage.id)
)


class Cases(Protocol):
    """What message delivery needs of the engine."""

    def now(self) -> datetime:
        """The engine's clock."""

    def load(self, connection: Connection, instance_id: int, author: Author = SYSTEM) -> Case:
        """Lock a case and read it."""

    def trigger(self, connection: Connection, case: Case, wait_id: str, payload: Any, kind: str) -> None:
        """Let the event of a wait happen."""


class Messages:
    """Delivers messages to waiting cases, keeps those that come too early, and sends what cases throw."""

    def __init__(self, cases: Cases, starts: StartEvents) -> None:
        self._cases = cases
        self._starts = starts

    def correlate(
        self, connection: Connection, name: str, key: str | None, payload: Any, idempotency_key: str, author: Author = SYSTEM
    ) -> int | None:
        """Deliver a message to the case that waits for it, else start the case it starts, else keep it until one waits.

        Returns the case's id, or None when nobody waits yet; the same idempotency key does nothing.
        """
        if connection.execute(select(BufferedMessage.id).where(BufferedMessage.idempotency_key == idempotency_key)).first():
            return None
        found = _first_waiting(connection, name, key)
        waiting = None if found is None or found.held_up else found
        now = self._cases.now()
        new = insert_missing(connection, BufferedMessage, [{
            "idempotency_key": idempotency_key, "name": name, "correlation_key": key, "payload": payload, "received_at": now,
            "delivered_to": waiting.instance_id if waiting else None, "delivered_at": now if waiting else None,
        }])
        if not new:  # the same message came twice at the same moment
            return None
        if found is not None and found.held_up:
            return None  # delivered when the case goes on
        if waiting is None:
            return self._start(connection, name, payload, idempotency_key, author)
        case = self._cases.load(connection, waiting.instance_id, author)
        self._cases.trigger(connection, case, waiting.wait_id, payload, "message_received")
        return int(waiting.instance_id)

    def _start(self, connection: Connection, name: str, payload: Any, idempotency_key: str, author: Author) -> int | None:
        case = self._starts.by_message(connection, name, payload, author)
        if case is None:
            return None
        mine = update(BufferedMessage).where(BufferedMessage.idempotency_key == idempotency_key)
        connection.execute(mine.values(delivered_to=case.id, delivered_at=case.now))
        return case.id

    def deliver_early(self, connection: Connection, cases: Sequence[Case]) -> None:
        """Messages that came before their case waited for them: one statement finds them for all cases of a chunk."""
        by_id = {case.id: case for case in cases}
        if not by_id:
            return
        if connection.dialect.name != "sqlite":
            mine = select(Wait.name, Wait.correlation_key).where(Wait.instance_id.in_(by_id), Wait.kind == "message")
            lock_names(connection, [_name_of(row.name, row.correlation_key) for row in connection.execute(mine)])
        for message in connection.execute(EARLY_MESSAGES, {"cases": list(by_id)}).all():
            case = by_id[message.case_id]
            if str(message.wait_id) not in {str(wait) for wait in case.version.machine.waits(case.state)}:
                continue
            delivered = update(BufferedMessage).where(BufferedMessage.id == message.id, BufferedMessage.delivered_to.is_(None))
            if connection.execute(delivered.values(delivered_to=case.id, delivered_at=case.now)).rowcount:
                self._cases.trigger(connection, case, message.wait_id, message.payload, "message_received")

    @staticmethod
    def next_release(connection: Connection) -> datetime | None:
        """When the next held message may be sent."""
        query = select(OutboxMessage.release_at).where(OutboxMessage.status == "held", ~suspended(OutboxMessage.instance_id)).order_by(OutboxMessage.release_at)
        return connection.execute(query.limit(1)).scalar()

    def outbox_is_due(self, connection: Connection) -> bool:
        """Whether a held message may be sent now."""
        due = (OutboxMessage.status == "held", OutboxMessage.release_at <= self._cases.now(), ~suspended(OutboxMessage.instance_id))
        query = select(OutboxMessage.id).where(*due)
        return connection.execute(query.limit(1)).first() is not None

    def release_outbox(self, connection: Connection, limit: int = 200) -> int:
        """Send messages whose holding time is over: to cases of this house that wait for them, and out."""
        now = self._cases.now()
        due = (OutboxMessage.status == "held", OutboxMessage.release_at <= now, ~suspended(OutboxMessage.instance_id))
        query = select(table_of(OutboxMessage)).where(*due)
        query = query.order_by(OutboxMessage.release_at, OutboxMessage.id).limit(limit)
        lock_cases(connection, [row.instance_id for row in connection.execute(query)])  # an undo of one of them is over, or waits
        rows = connection.execute(query.with_for_update(skip_locked=True)).all()
        ids = [row.id for row in rows if self._sent(connection, row)]
        if ids:
            connection.execute(update(OutboxMessage).where(OutboxMessage.id.in_(ids)).values(status="sent", sent_at=now))
        return len(rows)

    def _sent(self, connection: Connection, row: Row[Any]) -> bool:
        """Hand one message over; one that its receiver refuses becomes an incident of its sender and holds up no other."""
        try:
            with Store.savepoint(connection):
                self.correlate(connection, row.name, row.correlation_key, row.payload, f"outbox:{row.id}")
        except Rejection as problem:
            connection.execute(update(OutboxMessage).where(OutboxMessage.id == row.id).values(status="failed"))
            raise_incident(
                connection, self._cases.now(), "message_failed", problem.zh, instance_id=row.instance_id, token=row.token, node_id=row.node_id,
                unique_key=f"outbox:{row.id}", detail={"message": row.name},
            )
            return False
        return True


def _name_of(name: str | None, key: str | None) -> str:
    return f"message:{name}:{key}"


def _first_waiting(connection: Connection, name: str, key: str | None) -> AnyRow | None:
    """Who has waited longest for a message, locked.

    While a case was waited for, it may have stopped waiting: then the next one is asked. Before "nobody" is said the name is
    locked, so that a case that begins to wait at this moment looks for the message after it was kept.
    """
    held_up = suspended(Wait.instance_id)
    query = select(Wait.instance_id, Wait.wait_id, held_up.label("held_up")).where(
        Wait.kind == "message", Wait.name == name, Wait.correlation_key == key
    ).order_by(held_up, Wait.id).limit(1)
    named = False
    while True:
        waiting = connection.execute(query).first()
        if waiting is None and (named or connection.dialect.name == "sqlite"):
            return None
        if waiting is None:
            lock_names(connection, [_name_of(name, key)])
            named = True
            continue
        if not lock_cases(connection, [waiting.instance_id]) or connection.execute(query).first() == waiting:
            return waiting
