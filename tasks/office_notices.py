"""Notices to an office about many cases at once: one a day and occasion that says how many. Writes notices, reads nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from tasks.models import Notification
from workflows.business_calendar import SHANGHAI
from workflows.errors import Words


def named(text: Words, seat: Row[Any]) -> dict[str, str]:
    """The words with whom they are about before them."""
    subject = (seat.summary or {}).get("subject") or ""
    return {language: f"{subject} {words}".strip() for language, words in text.items()}


def tell_office(
    connection: Connection, candidate: str, kind: str, text: Words, part: str, seats: Sequence[Row[Any]], now: datetime
) -> None:
    """Tell an office ("role@ORG") about `seats`; what it is told on the same day in the same words becomes one notice with the sum.

    `part` names this share of the sum, so that the same share done again after a crash counts once.
    """
    key = _key(candidate, kind, text, seats[0], now)
    known = connection.execute(select(Notification.id, Notification.text).where(Notification.unique_key == key)).first()
    parts = {**(known.text.get("parts", {}) if known else {}), part: len(seats)}
    total = sum(parts.values())
    one = seats[0] if total == 1 else None
    values = {
        "text": {**(named(text, one) if one else counted(text, total)), "parts": parts},
        "instance_id": one.instance_id if one else None, "seat_id": one.id if one else None,
    }
    if known:
        connection.execute(update(Notification).where(Notification.id == known.id).values(**values))
    else:
        connection.execute(insert(Notification).values(candidate=candidate, kind=kind, created_at=now, unique_key=key, **values))


def counted(text: Words, total: int) -> dict[str, str]:
    """The words with how many cases they are about."""
    shown = {"zh": f"{text['zh']}（{total} 件）"}
    return shown | {"en": f"{text.get('en') or text['zh']} ({total} cases)"}


def _key(candidate: str, kind: str, text: Words, seat: Row[Any], now: datetime) -> str:
    day = now.astimezone(SHANGHAI).date().isoformat()
    words = hashlib.sha256(f"{seat.process_id}|{seat.node_id}|{text['zh']}".encode()).hexdigest()[:16]
    return f"{kind}:{candidate}:{day}:{words}"
