"""Start events that begin cases by themselves: message, signal, timer and condition of the current versions. Rows, written at deployment."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Connection, delete, insert, select, update

from workflows.case import Case
from workflows.definitions import ProcessVersion
from workflows.errors import Conflict
from workflows.history import SYSTEM, Author
from workflows.host import Functions, feel, formula
from workflows.models import ProcessInstance, StartEvent
from workflows.timers import next_round, timer_due

KINDS = ("message", "signal", "timer", "conditional")
COLUMNS = (StartEvent.id, StartEvent.process_id, StartEvent.definition_id, StartEvent.node_id, StartEvent.due_at, StartEvent.repeat)


class Starter(Protocol):
    """What start events need of the engine."""

    def now(self) -> datetime:
        """The engine's clock."""

    def functions(self, connection: Connection, case: Case) -> Functions:
        """The host functions of a case."""

    def version(self, connection: Connection, definition_id: int) -> ProcessVersion:
        """A process version by its number."""

    def blank(self, connection: Connection, version: ProcessVersion, facts: Mapping[str, Any], variables: Mapping[str, Any]) -> Case:
        """A case of a version that exists nowhere, to evaluate settings."""

    def start_with(
        self, connection: Connection, process_id: str, facts: Mapping[str, Any], variables: Mapping[str, Any], author: Author, start_event: str
    ) -> Case:
        """Start a case by one of its start events."""


class StartEvents:
    """Subscribes the start events of a new version and starts cases when they happen."""

    def __init__(self, engine: Starter) -> None:
        self._engine = engine

    def subscribe(self, connection: Connection, version: ProcessVersion) -> None:
        """A version became current: its start events listen, those of the one before no longer. A date that is past stays past."""
        connection.execute(delete(StartEvent).where(StartEvent.process_id == version.process_id))
        rows = []
        for node in (version.graph.nodes[start] for start in version.graph.starts):
            if node.event.kind not in KINDS:
                continue
            due, repeat = None, None
            if node.event.kind == "timer":
                due, repeat = self._due(connection, version, node.event)
            rows.append({
                "process_id": version.process_id, "definition_id": version.id, "node_id": node.id, "kind": node.event.kind,
                "name": node.event.name, "due_at": due, "repeat": repeat,
            })
        if rows:
            connection.execute(insert(StartEvent), rows)

    def _due(self, connection: Connection, version: ProcessVersion, event: Any) -> tuple[datetime | None, str | None]:
        case = self._engine.blank(connection, version, {}, {})
        functions = self._engine.functions(connection, case)
        due, repeat = timer_due(event, case.now, lambda text: feel(case, functions, text))
        return (None, None) if due <= case.now and event.timer == "date" else (due, repeat)

    def named(self, connection: Connection, kind: str, name: str | None = None) -> list[Any]:
        """The start events of a kind (and name) of all current versions."""
        query = select(*COLUMNS).where(StartEvent.kind == kind).order_by(StartEvent.id)
        return list(connection.execute(query if name is None else query.where(StartEvent.name == name)).all())

    def start(self, connection: Connection, process_id: str, node_id: str, payload: Any, author: Author) -> Case:
        """Start a case by an event; a payload that is a context becomes the facts, or goes to the event's `message_variable`.

        Raises Conflict when a case of the same business key exists.
        """
        found = next((row for kind in KINDS for row in self.named(connection, kind) if (row.process_id, row.node_id) == (process_id, node_id)), None)
        version = None if found is None else self._engine.version(connection, found.definition_id)
        variable = version.graph.nodes[node_id].properties.get("message_variable") if version is not None else None
        facts = payload if isinstance(payload, dict) and variable is None else {}
        variables = {variable: payload} if variable is not None else {}
        if version is not None:
            self._refuse_second(connection, version, facts, variables)
        return self._engine.start_with(connection, process_id, facts, variables, author, node_id)

    def _refuse_second(self, connection: Connection, version: ProcessVersion, facts: Mapping[str, Any], variables: Mapping[str, Any]) -> None:
        case = self._engine.blank(connection, version, facts, variables)
        key = feel(case, self._engine.functions(connection, case), version.graph.properties.get("business_key"))
        same = select(ProcessInstance.id).where(ProcessInstance.process_id == version.process_id, ProcessInstance.business_key == str(key))
        if key is not None and connection.execute(same).first() is not None:
            raise Conflict(f"该事项已存在（{key}），不能重复发起。", f"There is a case of key {key} already.")

    def by_message(self, connection: Connection, name: str, payload: Any, author: Author) -> Case | None:
        """Start a case of the process whose start event takes this message; None when there is none."""
        found = self.named(connection, "message", name)
        return self.start(connection, found[0].process_id, found[0].node_id, payload, author) if found else None

    def by_condition(self, connection: Connection, facts: Mapping[str, Any], author: Author = SYSTEM) -> list[Case]:
        """Start a case of every process whose conditional start event holds for these facts."""
        started = []
        for row in self.named(connection, "conditional"):
            version = self._engine.version(connection, row.definition_id)
            case = self._engine.blank(connection, version, facts, {})
            condition = version.graph.nodes[row.node_id].event.expression or "false"
            if feel(case, self._engine.functions(connection, case), formula(condition)) is True:
                started.append(self._engine.start_with(connection, version.process_id, facts, {}, author, row.node_id))
        return started

    def due(self, connection: Connection, limit: int) -> list[int]:
        """Timer start events that are due."""
        query = select(StartEvent.id).where(StartEvent.due_at <= self._engine.now()).order_by(StartEvent.due_at).limit(limit)
        return list(connection.execute(query).scalars())

    def fire(self, connection: Connection, start_event: int) -> None:
        """Start a case by a timer that is due, and set its next round."""
        query = select(*COLUMNS).where(StartEvent.id == start_event, StartEvent.due_at <= self._engine.now()).with_for_update()
        row = connection.execute(query).first()
        if row is None or row.due_at is None:
            return
        cycle = self._engine.version(connection, row.definition_id).graph.nodes[row.node_id].event.timer == "cycle"
        due, repeat = next_round(row.due_at, row.repeat) if cycle else (None, None)
        connection.execute(update(StartEvent).where(StartEvent.id == row.id).values(due_at=due, repeat=repeat))
        self._engine.start_with(connection, row.process_id, {}, {}, SYSTEM, row.node_id)

    @staticmethod
    def next_due(connection: Connection) -> datetime | None:
        """When the next timer start event is due."""
        return connection.execute(select(StartEvent.due_at).where(StartEvent.due_at.is_not(None)).order_by(StartEvent.due_at).limit(1)).scalar()
