"""Settles a command: facts, listeners, saving, then jobs, signals, early messages, callers and called cases. It starts no command itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Protocol

from sqlalchemy import Connection

from workflows import signals, work
from workflows.calls import Calls, Outcome
from workflows.case_store import CaseStore
from workflows.connectors import CONNECTORS, Connector
from workflows.definitions import Definitions
from workflows.jobs import Handler, OutsideHandler, raise_incident
from workflows.messages import Cases, Messages
from workflows.settling import Follower
from workflows.start_events import StartEvents, Starter


class Listener(Protocol):
    """Hears what happened to cases, in the same transaction, before they are saved."""

    def __call__(self, connection: Connection, outcomes: Sequence[Outcome]) -> None: ...


class Commands(work.Commands, Starter, Cases, Protocol):
    """The engine's commands, as what follows from a command may call them."""


class Settlement:
    """Everything that follows from what happened in the machine, in a fixed order, in the command's transaction."""

    def __init__(self, engine: Commands, definitions: Definitions, store: CaseStore, outbox_delay: timedelta) -> None:
        self._engine = engine
        self._store = store
        self._follower = Follower(outbox_delay)
        self._calls = Calls(definitions, store, engine.functions)
        self.listeners: list[Listener] = []
        self.settled: list[Listener] = []  # hear of everything at the end, when the cases are saved, and may command more
        self.starts = StartEvents(engine)
        definitions.listeners.append(self.starts.subscribe)
        self.signals = signals.Signals(engine, self.starts)
        self.messages = Messages(engine, self.starts)
        self.connectors: dict[str, Connector] = dict(CONNECTORS)
        self._work = work.ConnectorWork(engine, self.connectors)

    @property
    def job_handlers(self) -> Mapping[str, Handler | OutsideHandler]:
        """What runs the jobs that cases ask for, by kind."""
        return {work.JOB_KIND: self._work.handler, signals.JOB_KIND: self.signals.run, signals.START_KIND: self.signals.start}

    def settle(self, connection: Connection, outcomes: Sequence[Outcome]) -> None:
        """Record what happened, tell the listeners, save; hand over early messages; then the same for callers and called cases."""
        every: list[Outcome] = []
        while outcomes:
            self._settle(connection, outcomes)
            every += outcomes
            outcomes = self._calls.follow_up(connection, outcomes)
        for listener in self.settled:
            listener(connection, every)

    def _settle(self, connection: Connection, outcomes: Sequence[Outcome]) -> None:
        for case, happenings in outcomes:
            self._follower.follow(case, self._engine.functions(connection, case), happenings)
            if any(happening.kind == "deadlocked" for happening in happenings):
                raise_incident(
                    connection, case.now, "deadlock", f"事项停在汇合处，没有可办理的环节（{case.subject or case.id}）",
                    instance_id=case.id, unique_key=f"deadlock:{case.id}",
                )
        for listener in self.listeners:
            listener(connection, outcomes)
        cases = [case for case, _ in outcomes]
        self._store.save(connection, cases)
        self._work.follow_up(connection, cases)
        self.signals.follow_up(connection, cases)
        self.messages.deliver_early(connection, [case for case, happenings in outcomes if any(one.kind == "wait" for one in happenings)])
