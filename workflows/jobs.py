"""Background jobs: rows written with the work that causes them, run after it at least once, with back-off. Knows no job's meaning."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, delete, insert, or_, select, update

from workflows.errors import Rejection
from workflows.models import Incident, Job
from workflows.store import Store

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
MAXIMUM_TRIES = 6
BACK_OFF = (timedelta(seconds=5), timedelta(seconds=30), timedelta(minutes=2), timedelta(minutes=10), timedelta(minutes=30))

Handler = Callable[[Connection, Any], None]
Now = Callable[[], datetime]


class Jobs:
    """The job table: enqueue inside a transaction, run outside of it."""

    def __init__(self, store: Store, now: Now) -> None:
        self._store = store
        self._now = now
        self._handlers: dict[str, Handler] = {}

    def register(self, kind: str, handler: Handler) -> None:
        """`handler(connection, argument)` does a job of `kind` in one transaction; it must bear being run twice."""
        self._handlers[kind] = handler

    def enqueue(
        self, connection: Connection, kind: str, argument: Any, run_at: datetime, *, instance_id: int | None = None,
        unique_key: str | None = None,
    ) -> None:
        """Write a job in the caller's transaction; a second one with the same `unique_key` is not written."""
        if unique_key and connection.execute(select(Job.id).where(Job.unique_key == unique_key)).first():
            return
        connection.execute(insert(Job), [job_row(kind, argument, run_at, instance_id=instance_id, unique_key=unique_key)])

    def retry(self, connection: Connection, incident_id: int) -> None:
        """A supervisor lets the job behind an incident be tried again from the start; the incident is resolved."""
        incident = connection.execute(select(Incident.detail).where(Incident.id == incident_id, Incident.resolved_at.is_(None))).first()
        job = mapping_job(incident.detail) if incident is not None else None
        if job is None:
            raise Rejection("该异常不能重试，可能已经处理。", "This incident cannot be retried; it may have been resolved already.", status=409)
        now = self._now()
        connection.execute(update(Job).where(Job.id == job).values(tries=0, run_at=now, lease_until=None))
        connection.execute(update(Incident).where(Incident.id == incident_id).values(resolved_at=now))

    def run_due(self, limit: int = 50) -> int:
        """Run up to `limit` due jobs, each in its own transaction; returns how many were tried."""
        claimed = self._claim(limit)
        for job_id, tries in claimed:
            self._run(job_id, tries)
        return len(claimed)

    def _claim(self, limit: int) -> list[tuple[int, int]]:
        now = self._now()
        # A lease that ran out means that its worker died: even after the last try such a job is looked at once more, see _run.
        due = [Job.run_at <= now, or_(and_(Job.lease_until.is_(None), Job.tries < Job.maximum_tries), Job.lease_until < now)]
        with self._store.read() as connection:
            if connection.execute(select(Job.id).where(*due).limit(1)).first() is None:
                return []
        with self._store.transaction() as connection:
            query = select(Job.id, Job.tries).where(*due).order_by(Job.run_at).limit(limit).with_for_update(skip_locked=True)
            rows = connection.execute(query).all()
            if rows:
                connection.execute(
                    update(Job).where(Job.id.in_([row.id for row in rows])).values(lease_until=now + LEASE, tries=Job.tries + 1)
                )
            return [(row.id, row.tries + 1) for row in rows]

    def _run(self, job_id: int, tries: int) -> None:
        try:
            with self._store.transaction() as connection:
                job = connection.execute(select(Job.__table__).where(Job.id == job_id, Job.tries == tries)).first()
                if job is not None:
                    if tries > job.maximum_tries:
                        raise Rejection("执行这项后台工作的进程多次中断。", "The process that did this job died again and again.")
                    self._handlers[job.kind](connection, job.argument)
                    connection.execute(delete(Job).where(Job.id == job_id))
        except Exception as error:  # the worker must outlive any job; the job is tried again, then shown as an incident
            log.exception("job %s failed", job_id)
            self._put_back(job_id, tries, error)

    def _put_back(self, job_id: int, tries: int, error: Exception) -> None:
        now = self._now()
        words = error.zh if isinstance(error, Rejection) else f"{type(error).__name__}: {error}"
        with self._store.transaction() as connection:
            job = connection.execute(select(Job.__table__).where(Job.id == job_id)).first()
            if job is None:
                return
            wait = BACK_OFF[min(tries, len(BACK_OFF)) - 1]
            connection.execute(update(Job).where(Job.id == job_id).values(lease_until=None, run_at=now + wait, last_error=words))
            if tries >= job.maximum_tries:
                raise_incident(
                    connection, now, "job_failed", words, instance_id=job.instance_id, unique_key=f"job:{job_id}",
                    detail={"job": job_id, "kind": job.kind},
                )


def job_row(
    kind: str, argument: Any, run_at: datetime, *, instance_id: int | None = None, unique_key: str | None = None,
    maximum_tries: int = MAXIMUM_TRIES,
) -> dict[str, Any]:
    """A job to insert; `maximum_tries` is how often it is run before it becomes an incident."""
    return {
        "kind": kind, "argument": argument, "run_at": run_at, "tries": 0, "instance_id": instance_id, "unique_key": unique_key,
        "maximum_tries": maximum_tries,
    }


def mapping_job(detail: Any) -> int | None:
    """The number of the job an incident is about."""
    job = detail.get("job") if isinstance(detail, dict) else None
    return job if isinstance(job, int) else None


def raise_incident(
    connection: Connection, now: datetime, kind: str, message: str, *, instance_id: int | None = None, token: str | None = None,
    node_id: str | None = None, unique_key: str | None = None, detail: Mapping[str, Any] | None = None,
) -> None:
    """Store an incident for the supervisor, once per `unique_key` while it is open."""
    if unique_key:
        open_one = select(Incident.id).where(Incident.unique_key == unique_key, Incident.resolved_at.is_(None))
        if connection.execute(open_one).first():
            return
    connection.execute(insert(Incident).values(
        instance_id=instance_id, token=token, node_id=node_id, kind=kind, message=message, detail=dict(detail or {}),
        unique_key=unique_key, created_at=now,
    ))


class Worker(threading.Thread):
    """Runs the given steps round and round until stopped; a step returns whether it found work."""

    def __init__(self, steps: Mapping[str, Callable[[], bool]], pause: float = 1.0) -> None:
        super().__init__(name="worker", daemon=True)
        self._steps = steps
        self._pause = pause
        self._bell = threading.Event()
        self._stopping = threading.Event()

    def ring(self) -> None:
        """There may be work: do not wait for the next round."""
        self._bell.set()

    def stop(self) -> None:
        """Finish the step at hand and end."""
        self._stopping.set()
        self._bell.set()
        self.join(timeout=30)

    def run(self) -> None:
        while not self._stopping.is_set():
            if not self.round():
                self._bell.wait(self._pause)
                self._bell.clear()

    def round(self) -> bool:
        """One pass over all steps; whether any found work."""
        worked = False
        for name, step in self._steps.items():
            try:
                worked = step() or worked
            except Exception:  # one broken step must not stop the others
                log.exception("worker step %s failed", name)
        return worked
