"""Signals: thrown to every case that listens at that moment, in batches run after the throwing command. It decides no routing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, insert, select

from workflows.case import Case
from workflows.case_store import lock_cases
from workflows.errors import Rejection
from workflows.history import SYSTEM
from workflows.jobs import job_row, raise_incident
from workflows.messages import Cases
from workflows.models import Job, Wait
from workflows.start_events import StartEvents
from workflows.store import Store
from workflows.work import write_jobs

JOB_KIND, START_KIND = "signal", "signal_start"
BATCH = 50


class Signals:
    """Writes the jobs that carry a signal to its listeners, and runs them."""

    def __init__(self, cases: Cases, starts: StartEvents) -> None:
        self._cases = cases
        self._starts = starts

    def follow_up(self, connection: Connection, cases: Sequence[Case]) -> None:
        """After cases were saved: the signals they threw are on their way."""
        for case in cases:
            if case.reach.signals:
                thrown, case.reach.signals = case.reach.signals, []
                for name, payload, own in thrown:
                    write_jobs(connection, case, self._rows(connection, name, payload, (case.id, own))[1])

    def throw(self, connection: Connection, name: str, payload: Any) -> int:
        """Send a signal to every wait of that name that is open now; returns how many listen."""
        listening, rows = self._rows(connection, name, payload)
        if rows:
            connection.execute(insert(Job), rows)
        return listening

    def _rows(
        self, connection: Connection, name: str, payload: Any, own: tuple[int, Sequence[str]] | None = None
    ) -> tuple[int, list[dict[str, Any]]]:
        """How many listen now, and the jobs that tell them.

        `own` is the throwing case with those of its waits that listened when it threw: later ones hear nothing.
        """
        query = select(Wait.instance_id, Wait.wait_id).where(Wait.kind == "signal", Wait.name == name).order_by(Wait.id)
        targets = [[row.instance_id, row.wait_id] for row in connection.execute(query) if own is None or row.instance_id != own[0] or row.wait_id in own[1]]
        now = self._cases.now()
        rows = [
            job_row(JOB_KIND, {"name": name, "targets": targets[first:first + BATCH], "payload": payload}, now)
            for first in range(0, len(targets), BATCH)
        ]
        rows += [
            job_row(START_KIND, {"process": start.process_id, "event": start.node_id, "payload": payload}, now)
            for start in self._starts.named(connection, "signal", name)
        ]
        return len(targets), rows

    def run(self, connection: Connection, argument: Mapping[str, Any]) -> None:
        """Carry a signal to one batch; a case that cannot go on becomes an incident and holds up no other."""
        lock_cases(connection, [instance_id for instance_id, _ in argument["targets"]])
        for instance_id, wait_id in argument["targets"]:
            try:
                with Store.savepoint(connection):
                    self._trigger(connection, instance_id, wait_id, argument["payload"])
            except Rejection as problem:
                raise_incident(
                    connection, self._cases.now(), "signal_failed", problem.zh, instance_id=instance_id,
                    unique_key=f"signal:{instance_id}:{wait_id}", detail={"wait": wait_id, "signal": argument["name"]},
                )

    def _trigger(self, connection: Connection, instance_id: int, wait_id: str, payload: Any) -> None:
        case = self._cases.load(connection, instance_id)
        if case.status == "active" and wait_id in case.version.machine.waits(case.state):
            self._cases.trigger(connection, case, wait_id, payload, "signal_received")

    def start(self, connection: Connection, argument: Mapping[str, Any]) -> None:
        """A signal starts a case of one process."""
        self._starts.start(connection, argument["process"], argument["event"], argument["payload"], SYSTEM)
