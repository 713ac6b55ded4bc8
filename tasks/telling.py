"""Notices about one case to people and offices, each beginning with what the case is about. Who is told, and why, is the caller's matter."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, insert

from tasks.models import Notification
from workflows.case import Case
from workflows.errors import Words


def tell(connection: Connection, case: Case, kind: str, words: Words, to: Iterable[tuple[int | str, int | None]]) -> None:
    """One notice in `words` for each of `to`: a person's number or a candidate line, and the seat it leads to."""
    text = {"zh": f"{case.subject or ''}：{words['zh']}", "en": f"{case.subject or ''}: {words['en']}"}
    rows = [
        {"candidate": f"person:{one}" if isinstance(one, int) else one, "kind": kind, "instance_id": case.id, "seat_id": seat_id, "text": text,
         "created_at": case.now}
        for one, seat_id in to
    ]
    if rows:
        connection.execute(insert(Notification), rows)
