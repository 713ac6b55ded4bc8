"""Many decisions as one command: what makes a seat unfit for it, and how each item is run. The decision itself is the caller's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, select

from tasks.actors import Actor
from tasks.commands import Commands, ItemByItem, Outcome
from tasks.models import Draft, Person, Seat
from workflows.case import Case
from workflows.errors import Rejection
from workflows.graph import Node

DRAFT_PROTECTS = timedelta(minutes=15)
SEAT = Seat.__table__


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


class Bulk:
    """Decides many seats by a command that the worker runs; `complete` is the plain decision."""

    def __init__(self, commands: Commands, complete: Callable[..., Any]) -> None:
        self._commands = commands
        self._complete = complete
        commands.register("bulk_complete", ItemByItem(self._item, cases=_cases_of))

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
