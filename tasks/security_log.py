"""The security log: logins, refusals, changes of people and rights. Append-only: there is no verb to change or remove a row."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select

from tasks.models import SecurityLog

SIGN_IN_FAILED = "sign_in.failed"
SIGNED_IN = "sign_in.done"
LOCKED = "sign_in.locked"
SIGNED_OUT = "sign_out"
PASSWORD_PROVED = "password.proved"
PASSWORD_CHANGED = "password.changed"
ACTIVATED = "account.activated"
REFUSED = "refused"


def record(
    connection: Connection, at: datetime, kind: str, *, person_id: int | None = None, address: str | None = None,
    instance_id: int | None = None, detail: Mapping[str, Any] | None = None,
) -> None:
    """Append one row. `detail` holds no password, no code and no personal data beyond a name."""
    row = {
        "at": at, "person_id": person_id or None, "kind": kind, "instance_id": instance_id, "address": address, "detail": dict(detail or {}),
    }
    connection.execute(insert(SecurityLog).values(row))


def failures_from(connection: Connection, address: str, since: datetime) -> int:
    """How many sign-ins and activations failed from one address since a moment."""
    table = SecurityLog
    query = select(func.count()).where(table.at >= since, table.kind.in_((SIGN_IN_FAILED, LOCKED)), table.address == address)
    return int(connection.execute(query).scalar_one())
