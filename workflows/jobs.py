"""Background jobs: rows written with the work that causes them, run after it at least once, with back-off. Knows no job's meaning.

A job that only changes this house runs inside one transaction. A job that calls the outside world is claimed, read and
finished in short ones, and calls with none open.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, or_, select, update

from workflows.errors import Rejection
from workflows.models import AnyRow, Incident, Job
from workflows.store import Store, insert_missing
from workflows.suspension import suspended

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
GRACE = timedelta(seconds=30)  # a lease outlives the call it covers by this much, to write down the answer
MAXIMUM_TRIES = 6
BACK_OFF = (timedelta(seconds=5), timedelta(seconds=30), timedelta(minutes=2), timedelta(minutes=10), timedelta(minutes=30))

Handler = Callable[[Connection, Any], None]
Now = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Call:
    """What a job asks of the outside world, how long it may take, and how long to wait after each try that failed.

    `ask` None: nothing outside is asked, the job is finished at once.
    """

    ask: Callable[[], Any] | None
    limit: timedelta
    back_off: Sequence[timedelta] = BACK_OFF


@dataclass(frozen=True, slots=True)
class OutsideHandler:
    """Does jobs of one kind that call the outside world; each part takes the job's argument.

    `prepare` reads what the call needs (None: there is nothing to do any more), `lock` locks what `finish` changes, before the
    job itself (whoever calls a job off goes the same way), `finish` writes the answer down, `dropped` is told of an answer that came when the job was no longer this worker's: called off, or done by another.
    """

    prepare: Callable[[Connection, Any], Call | None]
    lock: Callable[[Connection, Any], None]
    finish: Callable[[Connection, Any, Any], None]
    dropped: Callable[[Connection, Any], None]


class Claim(NamedTuple):
    """A job taken by a worker. It stays his while `tries` and `lease_until` stand in its row: whoever takes it over changes both."""

    id: int
    tries: int
    lease_until: datetime


class ClaimLost(Exception):
    """The job is no longer this worker's: it was called off, or its lease ran out and another took it over."""


class Jobs:
    """The job table: enqueue inside a transaction, run outside of it."""

    def __init__(self, store: Store, now: Now) -> None:
        self._store = store
        self._now = now
        self._handlers: dict[str, Handler] = {}
        self._outside: dict[str, OutsideHandler] = {}

    def register(self, kind: str, handler: Handler | OutsideHandler) -> None:
        """`handler(connection, argument)` does a job of `kind` in one transaction; either sort must bear being run twice."""
        if isinstance(handler, OutsideHandler):
            self._outside[kind] = handler
        else:
            self._handlers[kind] = handler

    def enqueue(
        self, connection: Connection, kind: str, argument: Any, run_at: datetime, *, instance_id: int | None = None,
        unique_key: str | None = None,
    ) -> None:
        """Write a job in the caller's transaction; a second one with the same `unique_key` is not written."""
        insert_missing(connection, Job, [job_row(kind, argument, run_at, instance_id=instance_id, unique_key=unique_key)])

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
        """Run up to `limit` due jobs that change this house only, each in its own transaction; returns how many were tried."""
        claimed = self._claim(limit, outside=False)
        for claim in claimed:
            self._run(claim)
        return len(claimed)

    def call_due(self) -> int:
        """Run one due job that calls the outside world, with no transaction open during the call; returns how many were tried."""
        claimed = self._claim(1, outside=True)
        for claim in claimed:
            self._run_outside(claim)
        return len(claimed)

    def _claim(self, limit: int, *, outside: bool) -> list[Claim]:
        now = self._now()
        kind = Job.kind.in_(self._outside) if outside else Job.kind.not_in(self._outside)
        # A lease that ran out means that its worker died: even after the last try such a job is looked at once more.
        goes_on = or_(Job.instance_id.is_(None), ~suspended(Job.instance_id))
        due = [kind, goes_on, Job.run_at <= now, or_(and_(Job.lease_until.is_(None), Job.tries < Job.maximum_tries), Job.lease_until < now)]
        with self._store.read() as connection:
            if connection.execute(select(Job.id).where(*due).limit(1)).first() is None:
                return []
        with self._store.transaction() as connection:
            query = select(Job.id, Job.tries).where(*due).order_by(Job.run_at, Job.id).limit(limit).with_for_update(skip_locked=True)
            claimed = [Claim(row.id, row.tries + 1, now + LEASE) for row in connection.execute(query)]
            if claimed:
                taken = update(Job).where(Job.id.in_([claim.id for claim in claimed]))
                connection.execute(taken.values(lease_until=now + LEASE, tries=Job.tries + 1))
            return claimed

    @staticmethod
    def _held(connection: Connection, claim: Claim) -> AnyRow | None:
        """The job, if it is still this worker's. It is not locked: whoever calls a job off has its case locked already, then the job."""
        job = connection.execute(select(Job.__table__).where(*_mine(claim))).first()
        if job is not None and job.tries > job.maximum_tries:
            raise Rejection("执行这项后台工作的进程多次中断。", "The process that did this job died again and again.")
        return job

    def _run(self, claim: Claim) -> None:
        try:
            with self._store.transaction() as connection:
                job = self._held(connection, claim)
                if job is not None:
                    self._handlers[job.kind](connection, job.argument)
                    _done(connection, claim)
        except ClaimLost:
            log.warning("job %s was called off or done by another worker meanwhile; what this one did is dropped", claim.id)
        except Exception as error:  # the worker must outlive any job; the job is tried again, then shown as an incident
            self._put_back(claim, error)

    def _run_outside(self, claim: Claim) -> None:
        call: Call | None = None
        try:
            with self._store.read() as connection:
                job = self._held(connection, claim)
                if job is None:
                    return
                call = self._outside[job.kind].prepare(connection, job.argument)
            answer = None
            if call is not None and call.ask is not None:
                renewed = self._renew(claim, call.limit)
                if renewed is None:
                    return
                claim = renewed
                answer = _ask(call.ask, call.limit)
            self._finish(claim, job, call, answer)
        except Exception as error:  # as in _run
            self._put_back(claim, error, BACK_OFF if call is None else call.back_off)

    def _renew(self, claim: Claim, limit: timedelta) -> Claim | None:
        """The claim with a lease that outlives the call; None when the job was called off or taken over meanwhile."""
        until = self._now() + limit + GRACE
        with self._store.transaction() as connection:
            renewed = connection.execute(update(Job).where(*_mine(claim)).values(lease_until=until))
        return claim._replace(lease_until=until) if renewed.rowcount else None

    def _finish(self, claim: Claim, job: AnyRow, call: Call | None, answer: Any) -> None:
        handler = self._outside[job.kind]
        try:
            with self._store.transaction() as connection:
                handler.lock(connection, job.argument)
                _done(connection, claim)
                if call is not None:
                    handler.finish(connection, job.argument, answer)
        except ClaimLost:
            log.warning("the answer to job %s came when it was no longer wanted; it is dropped", claim.id)
            if call is not None and call.ask is not None:
                with self._store.transaction() as connection:
                    handler.dropped(connection, job.argument)

    def _put_back(self, claim: Claim, error: Exception, back_off: Sequence[timedelta] = BACK_OFF) -> None:
        log.error("job %s failed", claim.id, exc_info=error)
        now = self._now()
        words = error.zh if isinstance(error, Rejection) else f"{type(error).__name__}: {error}"
        with self._store.transaction() as connection:
            job = connection.execute(select(Job.__table__).where(*_mine(claim)).with_for_update()).first()
            if job is None:
                return
            wait = back_off[min(claim.tries, len(back_off)) - 1]
            connection.execute(update(Job).where(Job.id == claim.id).values(lease_until=None, run_at=now + wait, last_error=words))
            if claim.tries >= job.maximum_tries:
                raise_incident(
                    connection, now, "job_failed", words, instance_id=job.instance_id, unique_key=f"job:{claim.id}",
                    detail={"job": claim.id, "kind": job.kind},
                )


def _mine(claim: Claim) -> tuple[ColumnElement[bool], ...]:
    return Job.id == claim.id, Job.tries == claim.tries, Job.lease_until == claim.lease_until


def _done(connection: Connection, claim: Claim) -> None:
    if connection.execute(delete(Job).where(*_mine(claim))).rowcount == 0:
        raise ClaimLost


def _ask(ask: Callable[[], Any], limit: timedelta) -> Any:
    """What the outside world answers within `limit`; raises Rejection when it does not.

    A call that hangs cannot be stopped: its thread is left to itself, and what it may still answer is heard by nobody.
    """
    answer: Future[Any] = Future()

    def wait() -> None:
        try:
            answer.set_result(ask())
        except BaseException as error:  # carried over to the worker's thread, whatever it is
            answer.set_exception(error)

    threading.Thread(target=wait, name="outside call", daemon=True).start()
    try:
        return answer.result(limit.total_seconds())
    except TimeoutError as error:
        if answer.done():
            raise  # the connector's own
        seconds = f"{limit.total_seconds():g}"
        raise Rejection(f"对方在 {seconds} 秒内没有回应。", f"There was no answer within {seconds} seconds.", status=504) from error


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
    """Runs the given steps round and round until stopped; a step returns whether it found work.

    Steps named in `apart` have a thread of their own each: they may take long, and the others must not wait for them.
    """

    def __init__(self, steps: Mapping[str, Callable[[], bool]], pause: float = 1.0, *, apart: Sequence[str] = ()) -> None:
        super().__init__(name="worker", daemon=True)
        self._steps = {name: step for name, step in steps.items() if name not in apart}
        self._beside = [Worker({name: steps[name]}, pause) for name in apart]
        self._pause = pause
        self._bell = threading.Event()
        self._stopping = threading.Event()

    def ring(self) -> None:
        """There may be work: do not wait for the next round."""
        for worker in (self, *self._beside):
            worker._bell.set()

    def stop(self) -> None:
        """Finish the step at hand and end."""
        for worker in (self, *self._beside):
            worker._stopping.set()
            worker._bell.set()
        for worker in (self, *self._beside):
            worker.join(timeout=30)

    def run(self) -> None:
        for worker in self._beside:
            worker.start()
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
