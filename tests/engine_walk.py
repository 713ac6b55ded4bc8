"""Walks whole cases through the real engine over a database; the house is built anew for every step, so nothing lives in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event, select

from app import House, build_house
from tasks.models import Seat
from tasks.personal_data import load_or_create_keys
from tests import databases
from workflows.business_calendar import SHANGHAI, FrozenClock
from workflows.case import Case
from workflows.engine import StartItem
from workflows.history import SYSTEM, verify
from workflows.host import feel
from workflows.models import Incident, Job, LocalVariables, OutboxMessage, ProcessInstance, Wait

DIAGRAMS = Path(__file__).parent / "diagrams"
LIVE = ("open", "parked", "queued")
HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?><bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL" '
    'xmlns:camunda="http://camunda.org/schema/1.0/bpmn" id="definitions" targetNamespace="http://example.org/engine">'
)
DECLARED = (
    '<bpmn:error id="bad" name="bad" errorCode="BAD"/><bpmn:escalation id="up" name="up" escalationCode="UP"/>'
    '<bpmn:message id="paid" name="paid"/><bpmn:signal id="alarm" name="alarm"/>'
)


def process(content: str, identity: str = "process", **attributes: str) -> bytes:
    """A file with one process; flows are drawn by `flow`."""
    more = "".join(f' camunda:{name}="{value}"' for name, value in attributes.items())
    return f'{HEAD}{DECLARED}<bpmn:process id="{identity}" name="{identity}" isExecutable="true"{more}>{content}</bpmn:process></bpmn:definitions>'.encode()


def flow(source: str, target: str, condition: str | None = None) -> str:
    """A sequence flow."""
    inner = f"<bpmn:conditionExpression>{condition}</bpmn:conditionExpression>" if condition else ""
    return f'<bpmn:sequenceFlow id="{source}_to_{target}" sourceRef="{source}" targetRef="{target}">{inner}</bpmn:sequenceFlow>'


def chain(*nodes: str) -> str:
    """Flows from each node to the next."""
    return "".join(flow(source, target) for source, target in zip(nodes, nodes[1:], strict=False))


def user(identity: str, inner: str = "") -> str:
    """A user task."""
    return f'<bpmn:userTask id="{identity}" name="{identity}" camunda:candidateGroups="clerk">{inner}</bpmn:userTask>'


def extensions(*entries: str, **settings: str) -> str:
    """extensionElements with camunda entries and our own settings."""
    listed = "".join(f'<camunda:property name="{name}" value="{value}"/>' for name, value in settings.items())
    box = f"<camunda:properties>{listed}</camunda:properties>" if settings else ""
    return f"<bpmn:extensionElements>{box}{''.join(entries)}</bpmn:extensionElements>"


def several(collection: str = "= people", element: str = "who", *, sequential: bool = False, until: str | None = None) -> str:
    """The multi-instance marker over a collection."""
    condition = f"<bpmn:completionCondition>{until}</bpmn:completionCondition>" if until else ""
    return (
        f'<bpmn:multiInstanceLoopCharacteristics isSequential="{str(sequential).lower()}" camunda:collection="{collection}" '
        f'camunda:elementVariable="{element}">{condition}</bpmn:multiInstanceLoopCharacteristics>'
    )


START, END = '<bpmn:startEvent id="start"/>', '<bpmn:endEvent id="end"/>'


class EngineWalk:
    """One database with some processes and, once started, one case; every step loads, changes and saves."""

    def __init__(self, *diagrams: str | bytes, connectors: Mapping[str, Any] | None = None, engine: Engine | None = None) -> None:
        self.clock = FrozenClock(datetime(2026, 6, 18, 9, tzinfo=SHANGHAI))
        self.engine = engine or databases.engine()
        self.keys = load_or_create_keys(None)
        self.connectors = connectors or {}
        self.case_id = 0
        for diagram in diagrams:
            self.deploy(diagram)

    @property
    def house(self) -> House:
        """A new house over the database: no version, case or job is remembered."""
        house = build_house(self.engine, self.clock, self.keys)
        for name, connector in self.connectors.items():
            house.engine.connectors[name] = connector
        return house

    def deploy(self, diagram: str | bytes) -> int:
        """Deploy a test diagram by name, or a file; the version number."""
        content = (DIAGRAMS / f"{diagram}.bpmn").read_bytes() if isinstance(diagram, str) else diagram
        house = self.house
        with house.store.transaction() as connection:
            return house.definitions.deploy(connection, {"process.bpmn": content}, None).version

    def start(self, process_id: str = "process", start_event: str | None = None, **variables: Any) -> EngineWalk:
        """Start a case whose variables are these."""
        house = self.house
        with house.store.transaction() as connection:
            item = StartItem({}, variables)
            self.case_id = house.engine.start_many(connection, process_id, [item], SYSTEM, start_event)[0].id
        return self

    def command(self, action: Callable[[House, Connection], Any]) -> Any:
        """One command in its own transaction, in a new house."""
        house = self.house
        with house.store.transaction() as connection:
            return action(house, connection)

    def rows(self, query: Any) -> list[Any]:
        """Rows of a query."""
        with self.house.store.read() as connection:
            return list(connection.execute(query).all())

    # people

    def seats(self, node: str | None = None) -> list[Any]:
        """Live seats, oldest first."""
        query = select(Seat.__table__).where(Seat.status.in_(LIVE)).order_by(Seat.id)
        return [seat for seat in self.rows(query) if node is None or seat.node_id == node]

    @property
    def open(self) -> list[str]:
        """The activities people are asked to do, sorted, over all rows."""
        return sorted(seat.node_id for seat in self.seats())

    def complete(self, node: str, nth: int = 0, **patch: Any) -> EngineWalk:
        """Complete one open seat of an activity with these values."""
        seat = self.seats(node)[nth]

        def act(house: House, connection: Connection) -> None:
            case = house.engine.load(connection, seat.instance_id)
            house.engine.complete(connection, case, seat.token, patch, {})
            connection.execute(Seat.__table__.update().where(Seat.id == seat.id).values(status="completed"))

        self.command(act)
        return self

    def complete_all(self, node: str, **patch: Any) -> EngineWalk:
        """Complete every open seat of an activity, one command each."""
        for _ in self.seats(node):
            self.complete(node, **patch)
        return self

    # time, messages, jobs

    def work(self) -> EngineWalk:
        """Run everything that is due."""
        self.house.work_off()
        return self

    def later(self, **by: float) -> EngineWalk:
        """Let time pass and run what has become due."""
        self.clock.set(self.clock.now() + timedelta(**by))
        return self.work()

    def message(self, name: str, key: str | None = None, payload: Any = None, identity: str | None = None) -> int | None:
        """Send a message; the case it reached."""
        return self.command(lambda house, connection: house.engine.correlate(connection, name, key, payload, identity or f"{name}{self.clock.now()}"))

    def statements(self, action: Callable[[], Any]) -> int:
        """How many statements an action sends, reads of the test itself included."""
        sent = 0

        def count(*_: Any) -> None:
            nonlocal sent
            sent += 1

        event.listen(self.engine, "before_cursor_execute", count)
        action()
        event.remove(self.engine, "before_cursor_execute", count)
        return sent

    # looking

    def instances(self) -> list[Any]:
        """All case rows, oldest first."""
        return self.rows(select(ProcessInstance.__table__).order_by(ProcessInstance.id))

    def row(self, case_id: int | None = None) -> Any:
        """One case row."""
        return next(row for row in self.instances() if row.id == (case_id or self.case_id))

    @property
    def variables(self) -> dict[str, Any]:
        """The document of the case."""
        return {name: value for name, value in self.row().variables.items() if name != "case"}

    @property
    def waits(self) -> list[str]:
        """What is listened to, over all rows."""
        return sorted(row.node_id for row in self.rows(select(Wait.node_id)))

    @property
    def jobs(self) -> list[Any]:
        """The job rows."""
        return self.rows(select(Job.__table__).order_by(Job.id))

    @property
    def incidents(self) -> list[Any]:
        """The open incidents."""
        return self.rows(select(Incident.__table__).where(Incident.resolved_at.is_(None)))

    @property
    def failures(self) -> list[Any]:
        """The open incidents, but for the alarms that nobody may act: nobody lives in these diagrams."""
        return [one for one in self.incidents if one.kind != "no_assignee"]

    @property
    def sent(self) -> list[Any]:
        """Messages thrown out."""
        return self.rows(select(OutboxMessage.__table__).order_by(OutboxMessage.id))

    def seen(self, expression: str, seat: Any) -> Any:
        """What an expression gives where this seat stands."""
        def ask(house: House, connection: Connection) -> Any:
            case: Case = house.engine.load(connection, seat.instance_id)
            return feel(case.at(seat.token), {}, f"={expression}")

        return self.command(ask)

    @property
    def ended(self) -> bool:
        """Whether the case is over; then nothing of it may be left anywhere, and every chain verifies."""
        row = self.row()
        if row.status == "active":
            return False
        live = [one for one in self.instances() if one.status == "active" and (one.parent_id is not None or one.id == self.case_id)]
        assert live == [] and self.rows(select(LocalVariables.scope)) == [], live
        for one in self.instances():
            if one.status != "active":
                assert not one.state["t"] and not one.state.get("w") and not one.state.get("j"), one.state
        with self.house.store.read() as connection:
            assert list(verify(connection)) == []
        return True


