"""Long work as rows: created in one transaction, run in chunks that each commit, resumed after a crash. Knows no kind's meaning."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import Connection, Row, Select, bindparam, func, insert, or_, select, update

from tasks import security_log
from tasks.people import Actor
from workflows.alarms import raise_calendar_alarm
from workflows.business_calendar import Clock
from workflows.case_store import lock_cases
from workflows.errors import CalendarMissing, Forbidden, NotFound, Rejection
from workflows.jobs import raise_incident
from workflows.models import Command, CommandItem, table_of
from workflows.store import Store

CHUNK = 50
REST = timedelta(seconds=60)  # how long a command whose chunk broke is left alone
FAILURES_TOLD = 3  # after so many broken attempts in a row an incident is raised


@dataclass(frozen=True, slots=True)
class Rest:
    """How long a broken command is left alone, and how often it broke in a row."""

    until: datetime
    failures: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one item: status is done, merged, skipped or failed."""

    status: str
    instance_id: int | None = None
    reason: dict[str, str] | None = None
    detail: Any = None


class Handler(Protocol):
    """How a kind of command does its items; `chunk` items at a time share one transaction."""

    chunk: int

    def run(self, connection: Connection, command: Row[Any], items: Sequence[Row[Any]]) -> list[Outcome]:
        """Do the items and say what became of each, in order."""

    def finish(self, connection: Connection, command: Row[Any]) -> Any:
        """After the last item: the command's result, as plain JSON."""


@dataclass(frozen=True)
class CommandView:
    """A command as its page shows it."""

    id: int
    kind: str
    status: str
    total: int
    done: int
    succeeded: int
    skipped: int
    result: Any
    argument: Any
    created_at: Any
    finished_at: Any
    items_left: list[dict[str, Any]] = field(default_factory=list)

    @property
    def percent(self) -> int:
        return 100 if not self.total else self.done * 100 // self.total


@dataclass
class ItemByItem:
    """The usual handler: each item in its own savepoint, a rejection leaves it with its reason."""

    run_item: Callable[[Connection, Row[Any], Row[Any]], Outcome]
    chunk: int = CHUNK
    on_finish: Callable[[Connection, Row[Any]], Any] | None = None
    cases: Callable[[Sequence[Row[Any]]], Select[Any]] | None = None  # what a chunk locks before its first item

    def run(self, connection: Connection, command: Row[Any], items: Sequence[Row[Any]]) -> list[Outcome]:
        if self.cases is not None:
            lock_cases(connection, self.cases(items))
        return [self._one(connection, command, item) for item in items]

    def _one(self, connection: Connection, command: Row[Any], item: Row[Any]) -> Outcome:
        try:
            with Store.savepoint(connection):
                return self.run_item(connection, command, item)
        except Rejection as refusal:
            if isinstance(refusal, CalendarMissing):
                raise_calendar_alarm(connection, command.created_at, refusal)
            if isinstance(refusal, Forbidden):
                security_log.record(
                    connection, command.created_at, security_log.REFUSED, person_id=command.person, address=command.actor.get("address"),
                    detail={"words": refusal.both, "command": command.id, "position": item.position},
                )
            return Outcome("skipped", reason=refusal.both)

    def finish(self, connection: Connection, command: Row[Any]) -> Any:
        return self.on_finish(connection, command) if self.on_finish else None


class Commands:
    """Creates, runs and shows commands."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._handlers: dict[str, Handler] = {}
        self._resting: dict[int, Rest] = {}

    def register(self, kind: str, handler: Handler) -> None:
        """Say how commands of `kind` are done."""
        self._handlers[kind] = handler

    def create(
        self, connection: Connection, actor: Actor, kind: str, argument: Any, payloads: Sequence[Any], *,
        idempotency_key: str | None = None, status: str = "waiting",
    ) -> int:
        """Write a command with its items in the caller's transaction and return its id.

        The same `idempotency_key` again returns the first command's id and writes nothing.
        """
        if idempotency_key:
            known = connection.execute(select(Command.id).where(Command.idempotency_key == idempotency_key)).scalar()
            if known is not None:
                return int(known)
        command_id = connection.execute(insert(Command).values(
            kind=kind, status=status, idempotency_key=idempotency_key, person=actor.person_id, actor=actor.to_json(), argument=argument,
            total=len(payloads), done=0, succeeded=0, skipped=0, created_at=self._clock.now(),
        ).returning(Command.id)).scalar_one()
        if payloads:
            connection.execute(insert(CommandItem), [
                {"command_id": command_id, "position": position, "payload": payload, "status": "waiting"}
                for position, payload in enumerate(payloads, 1)
            ])
        return command_id

    def confirm(self, connection: Connection, command_id: int) -> None:
        """A previewed command may run now."""
        connection.execute(update(Command).where(Command.id == command_id, Command.status == "preview").values(status="waiting"))

    def run_next(self) -> bool:
        """Run one chunk of the oldest command that has work; False when there is none.

        A command whose chunk broke rests for a while, so that it holds up no other; when it keeps breaking, an incident says so.
        """
        now = self._clock.now()
        resting = [command_id for command_id, rest in self._resting.items() if rest.until > now]
        with self._store.read() as connection:
            command_id = connection.execute(self._runnable(resting).limit(1)).scalar()
        if command_id is None:
            return False
        failures = self._resting[command_id].failures if command_id in self._resting else 0
        if failures == FAILURES_TOLD:
            self._tell_broken(command_id, now)
        # Written before the attempt and taken away after it: what stays is what an exception left.
        self._resting[command_id] = Rest(now + REST, failures + 1)
        self.run_chunk(command_id)
        self._resting.pop(command_id, None)
        return True

    def _tell_broken(self, command_id: int, now: datetime) -> None:
        with self._store.transaction() as connection:
            raise_incident(
                connection, now, "command_failed", f"批量操作 {command_id} 多次中断，未能完成", unique_key=f"command:{command_id}",
                detail={"command": command_id},
            )

    def _runnable(self, resting: Sequence[int] = ()) -> Any:
        free = or_(Command.lease_until.is_(None), Command.lease_until < self._clock.now())
        due = select(Command.id).where(Command.status.in_(("waiting", "running")), free)
        return (due.where(Command.id.not_in(resting)) if resting else due).order_by(Command.id)

    def run_all(self, command_id: int, report: Callable[[int, int], None] | None = None) -> None:
        """Run a command to its end in this thread; `report(done, total)` after each chunk."""
        while self.run_chunk(command_id):
            if report:
                with self._store.read() as connection:
                    row = connection.execute(select(Command.done, Command.total).where(Command.id == command_id)).one()
                report(row.done, row.total)

    def run_chunk(self, command_id: int) -> bool:
        """Do the next chunk in one transaction; a crash before its commit leaves the chunk undone, never half done."""
        with self._store.transaction() as connection:
            command = connection.execute(select(Command.__table__).where(Command.id == command_id).with_for_update()).first()
            if command is None or command.status not in ("waiting", "running"):
                return False
            handler = self._handlers[command.kind]
            items = connection.execute(
                select(CommandItem.__table__).where(CommandItem.command_id == command_id, CommandItem.status == "waiting")
                .order_by(CommandItem.position).limit(handler.chunk)
            ).all()
            self._record(connection, command_id, items, handler.run(connection, command, items) if items else [])
            left = len(items) == handler.chunk
            connection.execute(update(Command).where(Command.id == command_id).values(status="running" if left else "done"))
            if not left:
                self._finish(connection, command_id, handler)
            return left

    def _record(self, connection: Connection, command_id: int, items: Sequence[Row[Any]], outcomes: Sequence[Outcome]) -> None:
        if not items:
            return
        table = table_of(CommandItem)
        statement = update(table).where(table.c.command_id == command_id, table.c.position == bindparam("b_position")).values(
            status=bindparam("b_status"), instance_id=bindparam("b_instance"), reason=bindparam("b_reason"), detail=bindparam("b_detail")
        )
        connection.execute(statement, [
            {
                "b_position": item.position, "b_status": outcome.status, "b_instance": outcome.instance_id,
                "b_reason": outcome.reason["zh"] if outcome.reason else None,
                "b_detail": {"reason": outcome.reason, "detail": outcome.detail} if outcome.reason or outcome.detail else None,
            }
            for item, outcome in zip(items, outcomes, strict=True)
        ])
        kept = sum(outcome.status in ("done", "merged") for outcome in outcomes)
        connection.execute(update(Command).where(Command.id == command_id).values(
            done=Command.done + len(items), succeeded=Command.succeeded + kept, skipped=Command.skipped + len(items) - kept
        ))

    def _finish(self, connection: Connection, command_id: int, handler: Handler) -> None:
        command = connection.execute(select(Command.__table__).where(Command.id == command_id)).one()
        result = handler.finish(connection, command)
        connection.execute(update(Command).where(Command.id == command_id).values(finished_at=self._clock.now(), result=result))

    def view(self, connection: Connection, command_id: int, actor: Actor) -> CommandView:
        """The command and the items it left, for the person who gave it."""
        command = connection.execute(select(Command.__table__).where(Command.id == command_id)).first()
        if command is None:
            raise NotFound("没有这项批量操作。", "There is no such command.")
        if command.person != actor.person_id:
            raise Forbidden("只有发起人可以查看这项批量操作。", "Only the person who gave this command can see it.")
        left = connection.execute(
            select(CommandItem.__table__).where(CommandItem.command_id == command_id, CommandItem.status.in_(("skipped", "failed")))
            .order_by(CommandItem.position).limit(500)
        ).all()
        return CommandView(
            command.id, command.kind, command.status, command.total, command.done, command.succeeded, command.skipped, command.result,
            command.argument, command.created_at, command.finished_at,
            [{"position": row.position, "payload": row.payload, "instance_id": row.instance_id, **(row.detail or {})} for row in left],
        )

    def counts(self, connection: Connection, command_id: int) -> dict[str, int]:
        """How many items stand in each status."""
        rows = connection.execute(
            select(CommandItem.status, func.count()).where(CommandItem.command_id == command_id).group_by(CommandItem.status)
        ).all()
        return {row[0]: row[1] for row in rows}
