"""The security log: logins, refusals, changes of people and rights. Append-only: there is no verb to change or remove a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select

from tasks.actors import Actor
from tasks.models import SecurityLog

SIGN_IN_FAILED = "sign_in.failed"
SIGNED_IN = "sign_in.done"
LOCKED = "sign_in.locked"
SIGNED_OUT = "sign_out"
PASSWORD_PROVED = "password.proved"
PASSWORD_CHANGED = "password.changed"
ACTIVATED = "account.activated"
REFUSED = "refused"
HIDDEN_FIELD = "hidden_field"


def record(
    connection: Connection, at: datetime, kind: str, *, person_id: int | None = None, address: str | None = None,
    instance_id: int | None = None, detail: Mapping[str, Any] | None = None,
) -> None:
    """Append one row. `detail` holds no password, no code and no personal data beyond a name."""
    row = {
        "at": at, "person_id": person_id or None, "kind": kind, "instance_id": instance_id, "address": address, "detail": dict(detail or {}),
    }
    connection.execute(insert(SecurityLog).values(row))


def note_hidden_fields(connection: Connection, actor: Actor, at: datetime, row: Row[Any], fields: Sequence[str]) -> None:
    """Write down that somebody sent values for fields his step hides (`row` of locked_seat); nothing when he did not."""
    if fields:
        record(
            connection, at, HIDDEN_FIELD, person_id=actor.person_id, instance_id=row.seat_instance_id, address=actor.address,
            detail={"fields": list(fields), "seat": row.seat_id, "node": row.seat_node_id},
        )


def failures_from(connection: Connection, address: str, since: datetime) -> int:
    """How many sign-ins and activations failed from one address since a moment."""
    table = SecurityLog
    query = select(func.count()).where(table.at >= since, table.kind.in_((SIGN_IN_FAILED, LOCKED)), table.address == address)
    return int(connection.execute(query).scalar_one())
