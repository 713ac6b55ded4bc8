"""Explores what can become of a marking when every condition may go either way and every wait may fire or not, by the machine itself."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from workflows.machine import Machine
from workflows.verification.canonical import Marking, canonical, doubled
from workflows.verification.choices import ChoosingHost, Ways

MOST_MARKINGS = 5_000
DONE_BY_OTHERS = frozenset({
    "userTask", "manualTask", "serviceTask", "sendTask", "receiveTask", "businessRuleTask", "callActivity", "subProcess",
})
State = dict[str, Any]
Door = Callable[[State, ChoosingHost], Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the exploration found. `proved`: everything reachable was looked at; the lists name elements, each once, in order of finding.

    deadlocks: joins where tokens wait for nobody; doubles: nodes or flows that can hold two tokens of one scope; stuck: activities
    and events from whose marking no end is reachable any more.
    """

    proved: bool
    markings: int
    deadlocks: tuple[str, ...] = ()
    doubles: tuple[str, ...] = ()
    stuck: tuple[str, ...] = ()

    @property
    def sound(self) -> bool:
        """Nothing wrong was found; with `proved` there is nothing."""
        return not (self.deadlocks or self.doubles or self.stuck)

    @property
    def problems(self) -> frozenset[tuple[str, str]]:
        """What was found, as (kind, element)."""
        named = (("deadlock", self.deadlocks), ("double", self.doubles), ("stuck", self.stuck))
        return frozenset((kind, element) for kind, elements in named for element in elements)


@dataclass
class _Search:
    machine: Machine
    ways: Ways = field(default_factory=Ways)
    known: dict[Marking, int] = field(default_factory=dict)
    before: list[list[int]] = field(default_factory=list)
    places: list[tuple[str, ...]] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    deadlocks: dict[str, None] = field(default_factory=dict)
    doubles: dict[str, None] = field(default_factory=dict)
    cut: bool = False


def explore(machine: Machine, state: State, most: int = MOST_MARKINGS) -> Verdict:
    """Whether an end stays reachable from everything reachable from `state`, no join starves, and no place holds two tokens.

    Tokens that non-interrupting events start beside others are not counted as doubles. `most` bounds the markings looked at.
    """
    search = _Search(machine)
    beside = _beside(machine)
    queue: deque[tuple[int, State]] = deque()
    _meet(search, state, None, queue, beside)
    while queue:
        number, current = queue.popleft()
        for door in _doors(machine, current):
            for following in search.ways.all(lambda host, door=door: _through(door, current, host)):  # type: ignore[misc]
                _meet(search, following, number, queue, beside)
        if len(search.known) > most:
            search.cut = True
            break
    proved = not search.cut and search.ways.complete
    return Verdict(proved, len(search.known), tuple(search.deadlocks), tuple(search.doubles), _stuck(search) if proved else ())


def _through(door: Door, current: State, host: ChoosingHost) -> State:
    copy = deepcopy(current)
    door(copy, host)
    return copy


def _meet(search: _Search, state: State, number: int | None, queue: deque[tuple[int, State]], beside: frozenset[str]) -> None:
    """Note a marking that was reached from marking `number`; a new one is looked at later."""
    twice = [place for place, _ in doubled(state)]
    wrong = [place for place in twice if place not in beside]
    if wrong:
        search.doubles.update(dict.fromkeys(wrong))
        return  # nothing follows that the model meant
    if len(twice) > 1:
        return  # more of what non-interrupting events start beside: it goes on as one does
    key = canonical(state, search.machine.plan.nodes)
    found = search.known.get(key)
    if found is None:
        found = search.known[key] = len(search.known)
        search.before.append([])
        search.places.append(_places(search.machine, state))
        if "e" in state:
            search.ends.append(found)
        else:
            _look_at_joins(search, state)
            queue.append((found, state))
    if number is not None:
        search.before[found].append(number)


def _places(machine: Machine, state: State) -> tuple[str, ...]:
    """Where a case stands: the nodes of its tokens, and the joins where others rest."""
    resting = [machine.plan.flows[flow].target for flow, _, _ in machine.arrivals(state)]
    return tuple(dict.fromkeys([*(str(entry[0]) for entry in state["t"].values()), *resting]))


def _look_at_joins(search: _Search, state: State) -> None:
    if search.machine.is_deadlocked(state):
        occupied = {entry[1] for entry in state["t"].values()}
        flows = search.machine.plan.flows
        starving = [flows[flow].target for scope, arrivals in state["j"].items() if scope not in occupied for flow in arrivals]
        search.deadlocks.update(dict.fromkeys(starving))


def _doors(machine: Machine, state: State) -> Iterator[Door]:
    """Everything that may happen next: work done, an event, an error or escalation that a boundary event expects."""
    counters = state.get("m", {})
    for token, node_id, _, _ in machine.tokens(state):
        node = machine.plan.nodes[node_id]
        inner = machine.plan.is_scope(node)
        if node.type in DONE_BY_OTHERS and not inner and (token not in counters or "#" in token):
            yield lambda copy, host, token=token: machine.complete(copy, token, host)  # type: ignore[misc]
        if node.type in DONE_BY_OTHERS and "#" not in token and not inner:
            for event in machine.plan.boundary.get(node_id, ()):
                if event.event.kind in ("error", "escalation"):
                    kind, code = event.event.kind, event.event.code
                    yield lambda copy, host, t=token, k=kind, c=code: machine.throw(copy, t, k, c, host)  # type: ignore[misc]
    for wait in state.get("w", {}):
        yield lambda copy, host, wait=wait: machine.trigger(copy, wait, host)  # type: ignore[misc]


def _beside(machine: Machine) -> frozenset[str]:
    """Nodes, and flows into joins, that a token started by a non-interrupting event can reach."""
    plan = machine.plan
    stack: list[str] = []
    for node in plan.nodes.values():
        if node.type == "boundaryEvent" and not node.interrupting:
            stack.append(node.id)
        elif node.type == "startEvent" and not node.interrupting:
            stack.append(node.scope)
    found: set[str] = set()
    while stack:
        current = stack.pop()
        if current in found or current not in plan.nodes:
            continue
        found.add(current)
        for flow in plan.nodes[current].outgoing:
            found.add(flow.id)
            stack.append(flow.target)
        stack.extend(event.id for event in plan.boundary.get(current, ()))
    return frozenset(found)


def _stuck(search: _Search) -> tuple[str, ...]:
    """Where the case stands in markings from which no end is reachable."""
    good = set(search.ends)
    stack = list(search.ends)
    while stack:
        for number in search.before[stack.pop()]:
            if number not in good:
                good.add(number)
                stack.append(number)
    named: dict[str, None] = {}
    for number, places in enumerate(search.places):
        if number not in good:
            named.update(dict.fromkeys(places))
    return tuple(named)
