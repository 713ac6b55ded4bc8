"""Many decisions as one command: what makes a seat unfit for it, and how each item is run. The decision itself is the caller's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, or_, select, update

from tasks.actors import Actor
from tasks.closing import UNDO_TIME
from tasks.commands import Commands, ItemByItem, Outcome
from tasks.models import Draft, Person, Seat, UndoRecord
from tasks.votes.poll import OPINION_KEYS
from workflows.activity_fields import opinion_field
from workflows.case import Case
from workflows.errors import Rejection
from workflows.graph import Node
from workflows.human_rules import natural_side
from workflows.models import Job, OutboxMessage, ProcessInstance, table_of

DRAFT_PROTECTS = timedelta(minutes=15)
SEAT = Seat.__table__
INSTANCE, JOB, OUTBOX = table_of(ProcessInstance), table_of(Job), table_of(OutboxMessage)


def guard_bulk(connection: Connection, actor: Actor, row: Row[Any], case: Case, node: Node) -> None:
    """Raise Rejection when the seat of `row` (of locked_seat) cannot be decided together with others."""
    if node.properties.get("bulk") != "true":
        raise Rejection("该环节不允许批量办理。", "This step cannot be decided in bulk.")
    if row.seat_status != "open":
        raise Rejection("正在等待委派的意见，已跳过。", "It waits for the opinion of somebody it was delegated to; skipped.")
    summary = row.seat_summary or {}
    if summary.get("open_first"):
        flags = "、".join(str(flag.get("zh", "")) for flag in summary.get("flags", []))
        raise Rejection(f"需打开逐件查看：{flags or '有提示'}", "Needs to be opened first: it carries flags.")
    if row.drafted:
        fresh = select(Person.name).join(Draft, Draft.person_id == Person.id).where(
            Draft.seat_id == row.seat_id, Draft.person_id != actor.person_id, Draft.saved_at > case.now - DRAFT_PROTECTS
        )
        if (name := connection.execute(fresh.limit(1)).scalar()) is not None:
            raise Rejection(f"{name}正在填写，已跳过。", f"{name} is working on it; skipped.")


def in_bulk(outcome: Mapping[str, Any]) -> bool:
    """Whether an outcome of the model may be given to many at once: not one it asks to confirm, unless it says so."""
    return bool(outcome.get("bulk", not outcome.get("confirm")))


def guard_outcome(node: Node, outcome: Mapping[str, Any], patch: Mapping[str, Any]) -> None:
    """Raise Rejection for an outcome that is given one by one, and for a refusal that `patch`, the values given, does not explain."""
    if not in_bulk(outcome):
        raise Rejection("该办理结果须逐件办理。", "This outcome is given one by one.")
    explains = [*outcome.get("requires", ()), opinion_field(node), *OPINION_KEYS]
    if natural_side(outcome) == "R" and not any(isinstance(patch.get(key), str) and patch[key].strip() for key in explains):
        raise Rejection("批量不同意或退回须写明意见。", "Refusing many at once needs a comment.", status=422)


@dataclass(kw_only=True)
class ItemsHeld(ItemByItem):
    """Each decision of the command can be taken back, and what it sends waits, until 30 seconds after the last one."""

    now: Callable[[], datetime]

    def run(self, connection: Connection, command: Row[Any], items: Sequence[Row[Any]]) -> list[Outcome]:
        found = super().run(connection, command, items)
        now = self.now()
        self._hold(connection, command, now + UNDO_TIME, UndoRecord.expires_at < now + UNDO_TIME / 2)
        return found

    def finish(self, connection: Connection, command: Row[Any]) -> Any:
        self._hold(connection, command, self.now() + UNDO_TIME)
        return super().finish(connection, command)

    @staticmethod
    def _hold(connection: Connection, command: Row[Any], until: datetime, *which: ColumnElement[bool]) -> None:
        """The decisions of the command (`which` of them) end to be undoable, and what they send goes out, at `until`."""
        mine = (UndoRecord.command_id == command.id, *which)
        cases = select(UndoRecord.instance_id).where(*mine)
        called = select(INSTANCE.c.id).where(INSTANCE.c.parent_id.in_(cases))
        theirs = select(UndoRecord.expires_at).where(*mine)
        connection.execute(update(Job).where(
            or_(JOB.c.instance_id.in_(cases), JOB.c.instance_id.in_(called)), JOB.c.run_at.in_(theirs), JOB.c.tries == 0, JOB.c.lease_until.is_(None)
        ).values(run_at=until))
        connection.execute(update(OutboxMessage).where(
            or_(OUTBOX.c.instance_id.in_(cases), OUTBOX.c.instance_id.in_(called)), OUTBOX.c.status == "held", OUTBOX.c.created_at >= command.created_at
        ).values(release_at=until))
        connection.execute(update(UndoRecord).where(*mine).values(expires_at=until))


class Bulk:
    """Decides many seats by a command that the worker runs; `complete` is the plain decision."""

    def __init__(self, commands: Commands, complete: Callable[..., Any], now: Callable[[], datetime]) -> None:
        self._commands = commands
        self._complete = complete
        commands.register("bulk_complete", ItemsHeld(self._item, cases=_cases_of, now=now))

    def complete(
        self, connection: Connection, actor: Actor, items: Sequence[tuple[int, int]], outcome: str, values: Mapping[str, Any],
        idempotency_key: str | None = None,
    ) -> int:
        """Decide many seats; each item is (seat, revision) as it was on the screen. Returns the command's number."""
        payloads = [{"seat_id": seat_id, "revision": revision} for seat_id, revision in items]
        argument = {"outcome": outcome, "values": dict(values)}
        return self._commands.create(connection, actor, "bulk_complete", argument, payloads, idempotency_key=idempotency_key)

    def _item(self, connection: Connection, command: Row[Any], item: Row[Any]) -> Outcome:
        actor, argument = Actor.from_json(command.actor), command.argument
        completion = self._complete(
            connection, actor, item.payload["seat_id"], argument["values"], argument["outcome"], item.payload["revision"],
            bulk=True, command_id=command.id,
        )
        return Outcome("done", completion.instance_id)


def _cases_of(items: Sequence[Row[Any]]) -> Select[Any]:
    return select(SEAT.c.instance_id).where(SEAT.c.id.in_([item.payload["seat_id"] for item in items]))
