"""Cases of a test diagram on a real database file: brought to a place in the diagram, looked at as a whole, and acted on by threads at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, select

from app import House
from tasks.models import Seat
from tests import databases
from tests.engine_walk import END, START, EngineWalk, chain, process, user
from tests.reference_host import DIAGRAMS
from workflows.errors import Rejection
from workflows.graph import ProcessGraph, read_graph
from workflows.models import HistoryRow, Wait
from workflows.store import create_database_engine

Act = Callable[[House, Connection], None]
CALLED = process(START + user("look") + END + chain("start", "look", "end"), "appraisal")
LIMIT = b'=deadline("renewal_audit",case.university)'  # asks a deadline table that is no matter here
FARTHEST = 8


def graph_of(diagram: str) -> ProcessGraph:
    """The first executable process of a test diagram."""
    return next(iter(read_graph((DIAGRAMS / f"{diagram}.bpmn").read_bytes()).graphs.values()))


DIAGRAMS_NAMES = sorted(path.stem for path in DIAGRAMS.glob("*.bpmn"))


class DiagramWalk(EngineWalk):
    """A test diagram on a database file of its own; gateways' conditions hold, conditions of events do not."""

    def __init__(self, diagram: str | bytes, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(engine=create_database_engine(databases.url(folder)))
        content = (DIAGRAMS / f"{diagram}.bpmn").read_bytes() if isinstance(diagram, str) else diagram
        self.deploy(CALLED)
        self.deploy(content.replace(LIMIT, b'= date and time("2026-10-08T18:00:00")'))
        self.graph = next(iter(read_graph(content).graphs.values()))

    def begin(self) -> DiagramWalk:
        """One case."""
        asked = {flow.condition for flow in self.graph.flows.values()}
        variables = {name: True for name in asked if name and name.isidentifier()}
        self.start(self.graph.id, None if any(node.type == "startEvent" and node.event.kind == "none" for node in self.graph.nodes.values()) else self.graph.starts[0],
                   signers=["a", "b", "c"], amount=9000, **variables)
        return self

    def armed(self) -> list[Any]:
        """The waits that are open, oldest first."""
        return self.rows(select(Wait.__table__).order_by(Wait.id))

    def trigger(self, wait: Any) -> None:
        """Let the event of a wait happen, whatever the clock says."""
        def act(house: House, connection: Connection) -> None:
            house.engine.trigger(connection, house.engine.load(connection, wait.instance_id), wait.wait_id, None, "timer_fired")

        self.command(act)

    def go_on(self, towards: frozenset[str] = frozenset()) -> bool:
        """One step onwards: an event of `towards`, else a task, else any event; False: there is none."""
        waits, seats = self.armed(), self.seats()
        wanted = [wait for wait in waits if wait.node_id in towards]
        if wanted:
            self.trigger(wanted[0])
        elif seats:
            self.complete(seats[0].node_id)
        elif waits:
            self.trigger(waits[0])
        return bool(waits or seats)

    def until_waiting_for(self, node: str) -> Any:
        """Go on until a timer is armed; its wait."""
        for _ in range(FARTHEST):
            found = [wait for wait in self.armed() if wait.node_id == node]
            if found:
                return found[-1]
            self.go_on()
        raise AssertionError(f"{node} is never waited for")

    def until_two_are_open(self) -> list[Any]:
        """Go on until two pieces of work are open at once; none when that does not happen."""
        beside = frozenset(node.id for node in self.graph.nodes.values() if node.type in ("boundaryEvent", "startEvent") and not node.interrupting)
        for _ in range(FARTHEST):
            if len(self.seats()) >= 2:
                return self.seats()[:2]
            if not self.go_on(beside):
                break
        return []

    def picture(self) -> tuple[Any, ...]:
        """The whole of it: open work, waits, tokens at joins, how many rows are in which status."""
        rows = self.instances()
        resting = sorted(flow for row in rows for flows in row.state.get("j", {}).values() for flow, causes in flows.items() for _ in causes)
        return self.open, self.waits, resting, sorted(row.status for row in rows)

    def fired(self, node: str) -> int:
        """How often a timer has gone off."""
        query = select(func.count()).select_from(HistoryRow).where(HistoryRow.kind == "timer_fired", HistoryRow.node_id == node)
        return int(self.rows(query)[0][0])


def completing(seat: Any) -> Act:
    """Complete the work of a seat."""
    def act(house: House, connection: Connection) -> None:
        case = house.engine.load(connection, seat.instance_id)
        house.engine.complete(connection, case, seat.token, {}, {})
        connection.execute(Seat.__table__.update().where(Seat.id == seat.id).values(status="completed"))

    return act


def firing(wait: Any) -> Act:
    """What the worker does with a timer that is due."""
    return lambda house, connection: house.engine.fire_timer(connection, wait.instance_id, wait.wait_id)


def one_after_the_other(walk: EngineWalk, acts: list[Act]) -> list[bool]:
    """Each in its own transaction; whether each got through."""
    return [_attempt(walk.house, act) for act in acts]


def at_once(walk: EngineWalk, acts: list[Act]) -> list[bool]:
    """Each in a thread and a house of its own, started at the same moment; whether each got through."""
    answers = [False] * len(acts)
    broken: list[BaseException] = []
    gate = threading.Barrier(len(acts))

    def run(position: int, act: Act) -> None:
        house = walk.house
        gate.wait()
        try:
            answers[position] = _attempt(house, act)
        except BaseException as error:  # noqa: BLE001 - a thread's failure must fail the test
            broken.append(error)

    threads = [threading.Thread(target=run, args=one) for one in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert broken == []
    return answers


def _attempt(house: House, act: Act) -> bool:
    try:
        with house.store.transaction() as connection:
            act(house, connection)
    except Rejection:
        return False
    return True
