"""Moves waiting timers whose date is an expression, after what the expression reads has changed. Fires none."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from workflows.case import Case
from workflows.errors import Rejection
from workflows.host import Functions, feel
from workflows.models import Wait
from workflows.timers import timer_due


def retime(connection: Connection, case: Case, functions: Functions) -> bool:
    """Work the case's date timers out anew; returns whether one has moved.

    Durations and cycles stand: they run from the moment their activity began. A date that cannot be computed now stays.
    """
    moved = False
    waits = select(Wait.id, Wait.node_id, Wait.due_at).where(Wait.instance_id == case.id, Wait.kind == "timer")
    for wait in connection.execute(waits).all():
        event = case.version.graph.nodes[wait.node_id].event
        if event.timer != "date":
            continue
        try:
            due, _ = timer_due(event, case.now, lambda text: feel(case, functions, text))
        except Rejection:
            continue
        if due is not None and due != wait.due_at:
            connection.execute(update(Wait).where(Wait.id == wait.id).values(due_at=due))
            before = wait.due_at.isoformat() if wait.due_at else None
            case.record("retimed", node=wait.node_id, detail={"before": before, "after": due.isoformat()})
            moved = True
    return moved
