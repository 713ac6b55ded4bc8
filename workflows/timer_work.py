"""The worker's step that fires due timers, each in a transaction of its own, so that one stuck case holds up no other."""

from __future__ import annotations

from sqlalchemy import update

from workflows.engine import ProcessEngine
from workflows.errors import Rejection
from workflows.jobs import raise_incident
from workflows.models import StartEvent, Wait
from workflows.store import Store

BATCH = 50


def fire_due_timers(store: Store, engine: ProcessEngine) -> int:
    """Fire up to a batch of due timers; returns how many were tried."""
    with store.read() as connection:
        due = engine.due_timers(connection, BATCH)
    for instance_id, wait_id in due:
        try:
            with store.transaction() as connection:
                engine.fire_timer(connection, instance_id, wait_id)
        except Rejection as problem:
            _set_aside(store, engine, instance_id, wait_id, problem)
    return len(due) + _fire_starts(store, engine)


def _fire_starts(store: Store, engine: ProcessEngine) -> int:
    """Start cases by timer start events that are due."""
    with store.read() as connection:
        due = engine.starts.due(connection, BATCH)
    for start_event in due:
        try:
            with store.transaction() as connection:
                engine.starts.fire(connection, start_event)
        except Rejection as problem:
            with store.transaction() as connection:
                raise_incident(connection, engine.now(), "timer_start_failed", problem.zh, unique_key=f"timer_start:{start_event}")
                connection.execute(update(StartEvent).where(StartEvent.id == start_event).values(due_at=None))
    return len(due)


def _set_aside(store: Store, engine: ProcessEngine, instance_id: int, wait_id: str, problem: Rejection) -> None:
    """A timer that cannot fire becomes an incident and stops being due."""
    with store.transaction() as connection:
        raise_incident(
            connection, engine.now(), "timer_failed", problem.zh, instance_id=instance_id, unique_key=f"timer:{instance_id}:{wait_id}",
            detail={"wait": wait_id},
        )
        connection.execute(update(Wait).where(Wait.instance_id == instance_id, Wait.wait_id == wait_id).values(due_at=None))
