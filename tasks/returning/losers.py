"""Tells those whose work a return cancels, in the case and in all that was called from there. It decides nothing."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, insert, select

from tasks.lifecycle import LIVE
from tasks.models import Notification
from tasks.returning.consequences import called_by, inside_of
from tasks.seats import SEAT
from workflows.case import Case
from workflows.modifying import Plan


def tell_losers(connection: Connection, case: Case, plan: Plan, seat_id: int, target: Mapping[str, str], reason: str) -> None:
    """Whoever holds work that is cancelled, here or in what was called, is told why."""
    inside = inside_of(case, plan.cancel)
    lost = {case.id: case, **{row.id: row for row in called_by(connection, case.id, inside)}}
    query = select(SEAT.c.id, SEAT.c.instance_id, SEAT.c.token, SEAT.c.owner_id).where(
        SEAT.c.instance_id.in_(list(lost)), SEAT.c.status.in_(LIVE), SEAT.c.owner_id.is_not(None), SEAT.c.id != seat_id,
    )
    rows = [row for row in connection.execute(query).all() if row.instance_id != case.id or str(row.token).partition("#")[0] in inside]
    if rows:
        text = {"zh": f"{case.subject or ''}：已退回到“{target['zh']}”，您的办理已取消。理由：{reason}",
                "en": f"{case.subject or ''}: returned to {target['en']}; your item is cancelled"}
        connection.execute(insert(Notification), [
            {"candidate": f"person:{row.owner_id}", "kind": "returned", "instance_id": row.instance_id, "seat_id": row.id, "text": text, "created_at": case.now}
            for row in rows
        ])
