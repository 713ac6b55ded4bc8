"""Commands on cases: start, complete, messages, timers, modification. Runs the machine, keeps its waits, facts and messages. Knows no people."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, update

from workflows.business_calendar import Clock
from workflows.calls import Outcome
from workflows.case import Case
from workflows.case_store import INSTANCE, CaseStore
from workflows.case_timers import CaseTimers
from workflows.definitions import Definitions, ProcessVersion
from workflows.errors import Conflict, Rejection
from workflows.feel.values import to_json
from workflows.history import GENESIS, SYSTEM, Author
from workflows.host import EngineHost, Functions, assignments, feel
from workflows.machine import Happening
from workflows.modifying import Plan, perform
from workflows.running import refusing, run_door
from workflows.settlement import Listener, Settlement


@dataclass(frozen=True, slots=True)
class StartItem:
    """One case to start: its facts become the variable `case`."""

    facts: Mapping[str, Any]
    variables: Mapping[str, Any] = field(default_factory=dict)


class ProcessEngine:
    """The enactment service: every public method is one command inside the caller's transaction."""

    def __init__(
        self, definitions: Definitions, clock: Clock, functions: Callable[[Connection, Case], Functions],
        outbox_delay: timedelta = timedelta(seconds=30),
    ) -> None:
        self._definitions = definitions
        self._clock = clock
        self._functions = functions
        self._store = CaseStore(definitions, clock)
        self.settlement = Settlement(self, definitions, self._store, outbox_delay)
        self.settle = self.settlement.settle
        self.listeners = self.settlement.listeners
        self.job_handlers, self.connectors = self.settlement.job_handlers, self.settlement.connectors
        self.starts, self.signals, self.messages = self.settlement.starts, self.settlement.signals, self.settlement.messages
        self.correlate, self.next_release = self.messages.correlate, self.messages.next_release
        self.outbox_is_due, self.release_outbox = self.messages.outbox_is_due, self.messages.release_outbox
        timers = CaseTimers(self)
        self.fire_timer, self.due_timers, self.next_timer = timers.fire, timers.due, timers.next
        self.after_events: list[Callable[[Connection, Case], None]] = []
        # Completes a step that a return with 直达 started, by putting back what it cancelled; False: the step goes its usual way.
        self.resubmission: Callable[[Connection, Case, str, Mapping[str, Any], Mapping[str, Any]], bool] | None = None

    def functions(self, connection: Connection, case: Case) -> Functions:
        """The host functions expressions of `case` may call."""
        return self._functions(connection, case)

    def now(self) -> datetime:
        """The engine's clock."""
        return self._clock.now()

    def version(self, connection: Connection, definition_id: int) -> ProcessVersion:
        """A process version by its number."""
        return self._definitions.get(connection, definition_id)

    # loading and saving

    def load(self, connection: Connection, instance_id: int, author: Author = SYSTEM) -> Case:
        """Lock a case for this transaction and read it."""
        return self._store.load(connection, instance_id, author)

    def attach(self, connection: Connection, row: Any, author: Author) -> Case:
        """A Case over an instance row that the caller has read and locked."""
        return self._store.attach(connection, row, author)

    def save(self, connection: Connection, cases: Sequence[Case]) -> None:
        """Write what the command changed; settling does it for what moves tokens."""
        self._store.save(connection, cases)

    def restore(self, connection: Connection, case: Case, before: Mapping[str, Any], kind: str, detail: Mapping[str, Any]) -> None:
        """Put marking, variables and waits back as `before` says."""
        self._store.restore(connection, case, before, kind, detail)

    def void(self, connection: Connection, case: Case, detail: Mapping[str, Any]) -> None:
        """A called case never was, because its call was taken back: everything in it is cancelled; its history stays, its key is free."""
        case.record("voided", detail=detail)
        self.settle(connection, [(case, case.version.machine.cancel_all(case.state))])
        case.status = "void"
        self.save(connection, [case])
        connection.execute(update(INSTANCE).where(INSTANCE.c.id == case.id).values(business_key=None))

    # commands

    def start(self, connection: Connection, process_id: str, item: StartItem, author: Author) -> Case:
        """Start one case of the current version."""
        return self.start_many(connection, process_id, [item], author)[0]

    def start_with(
        self, connection: Connection, process_id: str, facts: Mapping[str, Any], variables: Mapping[str, Any], author: Author, start_event: str
    ) -> Case:
        """Start one case by one of its start events."""
        return self.start_many(connection, process_id, [StartItem(facts, variables)], author, start_event)[0]

    def start_many(
        self, connection: Connection, process_id: str, items: Sequence[StartItem], author: Author, start_event: str | None = None
    ) -> list[Case]:
        """Start many cases in few statements; business keys must be new (the database refuses a second case of a key)."""
        version = self._definitions.current(connection, process_id)
        now = self._clock.now()
        rows = [self._new_row(connection, version, item, now) for item in items]
        cases = self._store.create(connection, rows, [version] * len(rows), author)
        outcomes: list[Outcome] = []
        for case in cases:
            case.record("started", detail={"version": version.version, **({"event": start_event} if start_event else {})})
            outcomes.append((case, self._enter(connection, case, start_event)))
        self.settle(connection, outcomes)
        return cases

    def _enter(self, connection: Connection, case: Case, start_event: str | None) -> list[Happening]:
        host = EngineHost(case, self.functions(connection, case))
        with refusing():
            happenings = case.version.machine.start(host, start_event, into=case.state)[1]
        return run_door(case, host, lambda: happenings)

    def blank(self, connection: Connection, version: ProcessVersion, facts: Mapping[str, Any], variables: Mapping[str, Any]) -> Case:
        """A case of a version that exists nowhere, to evaluate settings."""
        row = _blank_row(version, StartItem(facts, variables), self._clock.now())
        return Case({**row, "id": 0, "ended_at": None}, version, self._clock.now(), SYSTEM)

    def _new_row(self, connection: Connection, version: ProcessVersion, item: StartItem, now: datetime) -> dict[str, Any]:
        row = _blank_row(version, item, now)
        case = Case({**row, "id": 0, "ended_at": None}, version, now, SYSTEM)
        functions = self.functions(connection, case)
        properties = version.graph.properties
        for column in ("business_key", "subject", "subject_person"):
            value = feel(case, functions, properties.get(column))
            row[column] = to_json(value)
        return row

    def complete(self, connection: Connection, case: Case, token: str, patch: Mapping[str, Any], detail: Mapping[str, Any]) -> list[Happening]:
        """A waiting activity is done: store its values, move the token on, settle everything that follows."""
        node = case.version.graph.nodes[self.node_of(case, token)]
        if self.resubmission is not None and token in case.state.get("s", ()) and self.resubmission(connection, case, token, patch, detail):
            return []
        changes = case.set(patch, token)
        case.record("activity_completed", node=node.id, token=token, detail={**detail, "changes": changes, "newest": case.state["n"]})
        host = EngineHost(case, self.functions(connection, case))
        happenings = run_door(case, host, lambda: case.version.machine.complete(case.state, token, host))
        self.settle(connection, [(case, happenings)])
        return happenings

    def throw(
        self, connection: Connection, case: Case, token: str, kind: str, code: str | None, message: str | None = None
    ) -> list[Happening]:
        """A BPMN `error` or `escalation` comes out of a waiting activity: a connector or an outside worker gives it up."""
        said = {"message": message} if message is not None else {}
        case.record(f"{kind}_thrown", node=self.node_of(case, token), token=token, detail={"code": code, **said})
        host = EngineHost(case, self.functions(connection, case))
        happenings = run_door(case, host, lambda: case.version.machine.throw(case.state, token, kind, code, host, message))
        self.settle(connection, [(case, happenings)])
        return happenings

    def terminate(self, connection: Connection, case: Case, detail: Mapping[str, Any]) -> None:
        """End a case with everything it called; a called case leaves its caller's activity cancelled, never completed."""
        if case.parent_id is not None:
            caller = self._store.relative(connection, case, case.parent_id)
            more = {**detail, "called": case.id}
            self.modify(connection, caller, cancel=[str(case.parent_token)], start=[], kind="call_terminated", detail=more)
            return
        case.record("terminated", detail=detail)
        self.settle(connection, [(case, case.version.machine.cancel_all(case.state))])

    def set_variables(self, connection: Connection, case: Case, patch: Mapping[str, Any], detail: Mapping[str, Any]) -> None:
        """Correct data of a case outside of any activity; conditional events look at it at once."""
        case.record("variables_set", detail={**detail, "changes": case.set(patch)})
        host = EngineHost(case, self.functions(connection, case))
        self.settle(connection, [(case, run_door(case, host, list))])

    def modify(
        self, connection: Connection, case: Case, *, cancel: Sequence[str], start: Sequence[str], kind: str, detail: Mapping[str, Any],
        discard: Sequence[tuple[str, str, tuple[str, ...]]] = (),
    ) -> list[Happening]:
        """One atomic modification of the marking: cancel tokens, start activities, leave one audit row that names the reason.

        `discard` takes away arrivals that rest at joins, as (flow, scope, cause) of `Machine.arrivals`.
        """
        plan = Plan(tuple(cancel), tuple((node, None, None) for node in start), (), tuple(discard))
        return perform(self, connection, case, plan, kind=kind, detail=detail, safely=False)

    def trigger(self, connection: Connection, case: Case, wait_id: str, payload: Any, kind: str) -> None:
        """A timer is due or a message has come for a waiting case."""
        node_id, owner = case.version.machine.waits(case.state)[wait_id]
        node = case.version.graph.nodes[node_id]
        variable = node.event.message_variable or node.properties.get("message_variable")
        there = case.at(owner).feel() if variable else {}
        changes = case.set(assignments(variable, payload, there), owner) if variable and payload is not None else {}
        case.record(kind, node=node_id, detail={"wait": wait_id, "changes": changes, **({"payload": payload} if payload is not None else {})})
        host = EngineHost(case, self.functions(connection, case))
        happenings = run_door(case, host, lambda: case.version.machine.trigger(case.state, wait_id, host))
        self.settle(connection, [(case, happenings)])
        for listener in self.after_events:
            listener(connection, case)

    @staticmethod
    def node_of(case: Case, token: str) -> str:
        """Where a token is; raises Conflict when it is gone."""
        if not case.is_open(token):
            raise Conflict("该环节已经结束，请刷新。", "This step is over; reload.")
        return str(case.state["t"][token.partition("#")[0]][0])


def _blank_row(version: ProcessVersion, item: StartItem, now: datetime) -> dict[str, Any]:
    return {
        "definition_id": version.id, "process_id": version.process_id, "business_key": None, "cycle": item.facts.get("cycle"),
        "number": None, "subject": None, "subject_person": None, "status": "active", "stage": None, "round": 0, "revision": 0,
        "state": {}, "variables": {"case": dict(item.facts), **item.variables}, "history_sequence": 0, "history_hash": GENESIS,
        "started_at": now, "last_change_at": now, "parent_id": None, "parent_token": None, "body_of": None,
    }


__all__ = ["INSTANCE", "Case", "Listener", "Outcome", "ProcessEngine", "Rejection", "StartItem"]
