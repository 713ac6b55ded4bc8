"""The items a command left, with the case each belongs to, so that its page can name them. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from tasks.commands import CommandView
from tasks.models import Seat
from workflows.models import ProcessInstance


@dataclass(frozen=True)
class LeftItem:
    """One item that was not done: which, and why."""

    position: int
    seat_id: int | None
    instance_id: int | None
    subject: str | None
    number: str | None
    reason: dict[str, str]


def left_items(connection: Connection, view: CommandView) -> list[LeftItem]:
    """What the command of `view` left, in order; one statement for all names."""
    seats = [item["payload"]["seat_id"] for item in view.items_left if _seat(item) is not None]
    names = _names(connection, seats)
    return [_left(item, names) for item in view.items_left]


def _left(item: dict[str, Any], names: dict[int, Any]) -> LeftItem:
    row = names.get(_seat(item) or 0)
    instance_id = row.instance_id if row else item.get("instance_id")
    return LeftItem(
        item["position"], _seat(item), instance_id, row.subject if row else None, row.number if row else None, item.get("reason") or {}
    )


def _seat(item: dict[str, Any]) -> int | None:
    payload = item.get("payload")
    return payload.get("seat_id") if isinstance(payload, dict) else None


def _names(connection: Connection, seat_ids: Sequence[int]) -> dict[int, Any]:
    if not seat_ids:
        return {}
    rows = connection.execute(
        select(Seat.id, Seat.instance_id, ProcessInstance.subject, ProcessInstance.number)
        .join(ProcessInstance, ProcessInstance.id == Seat.instance_id).where(Seat.id.in_(seat_ids))
    ).all()
    return {row.id: row for row in rows}
