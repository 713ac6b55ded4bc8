"""Walks diagrams for tests: a host with given answers, and a case that is saved and loaded after every step."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from workflows.graph import Node, ProcessGraph, read_graph
from workflows.machine import BpmnError, Happening, Machine

DIAGRAMS = Path(__file__).parent / "diagrams"


def graph_of(diagram: str) -> ProcessGraph:
    """The one executable process of a test diagram, which must be deployable."""
    reading = read_graph((DIAGRAMS / f"{diagram}.bpmn").read_bytes())
    assert reading.deployable, reading.findings
    return next(iter(reading.graphs.values()))


class NoVariables:
    """What a host answers that keeps no local variables."""

    def begin(self, node: Node, token: str, scope: str) -> None:
        """Nothing to keep."""

    def end(self, node: Node, token: str, scope: str) -> None:
        """Nothing to hand out."""

    def gather(self, node: Node, token: str, scope: str) -> None:
        """Nothing to gather."""

    def caught(self, event: Node, code: str | None, scope: str, message: str | None) -> None:
        """Nothing to store."""

    def thrown(self, node: Node, scope: str) -> Mapping[str, Any]:
        """Nothing to carry."""
        return {}


class GivenAnswers(NoVariables):
    """Answers conditions and counts from `answers` (a missing one is false, and 3) and notes the inline work."""

    def __init__(self, answers: Mapping[str, Any] | None = None) -> None:
        self.answers = dict(answers or {})
        self.performed: list[str] = []
        self.failing: dict[str, str] = {}

    def condition(self, expression: str, scope: str, counters: Mapping[str, int] | None = None) -> bool:
        """The given answer; "name >= number" is looked up in the counters of a loop."""
        if counters is not None and ">=" in expression:
            name, number = expression.split(">=")
            return counters[name.strip()] >= int(number)
        answer = self.answers.get(expression, False)
        return bool(answer.pop(0)) if isinstance(answer, list) else bool(answer)

    def count(self, expression: str, scope: str) -> int:
        """The number itself, or the given answer."""
        return int(expression) if expression.isdigit() else int(self.answers.get(expression, 3))

    def perform(self, node: Node, token: str, scope: str) -> None:
        """Note the work, or fail as told."""
        if node.id in self.failing:
            raise BpmnError(self.failing[node.id])
        self.performed.append(node.id)


class Walk:
    """One case of a diagram; every step saves and loads the state."""

    def __init__(self, diagram: str | ProcessGraph, answers: Mapping[str, Any] | None = None, start: str | None = None, **more: Any) -> None:
        self.machine = Machine(graph_of(diagram) if isinstance(diagram, str) else diagram)
        self.host = GivenAnswers(answers)
        self.happenings: list[Happening] = []
        self.state, happened = self.machine.start(self.host, start, **more)
        self._keep(happened)

    def _keep(self, happened: list[Happening]) -> list[Happening]:
        self.state = json.loads(json.dumps(self.state))
        self.last = happened
        self.happenings += happened
        return happened

    def door(self, action: Callable[..., list[Happening]], *arguments: Any, **named: Any) -> list[Happening]:
        """Go through a door of the machine."""
        return self._keep(action(self.state, *arguments, **named))

    def answer(self, **answers: Any) -> Walk:
        """Change answers given to conditions."""
        self.host.answers.update(answers)
        return self

    @property
    def open(self) -> list[str]:
        """The node ids of open work, sorted; instances are listed one by one."""
        return sorted(node for _, node in self._work())

    def _work(self) -> list[tuple[str, str]]:
        counted = {token.partition("#")[0] for token, *_ in self.machine.tokens(self.state) if "#" in token} | set(self.state.get("m", {}))
        return [
            (token, node) for token, node, _, _ in self.machine.tokens(self.state)
            if token not in counted and not self.machine.plan.is_scope(self.machine.plan.nodes[node]) and token not in self.state.get("k", {})
        ]

    def tokens(self, node: str) -> list[str]:
        """The tokens (instances of loops one by one) on a node."""
        return [token for token, found in self._work() if found == node]

    def token(self, node: str) -> str:
        """Any live token on a node, owners of scopes included."""
        return next(token for token, found, _, _ in self.machine.tokens(self.state) if found == node)

    def complete(self, *nodes: str) -> Walk:
        """Complete the first open instance of each node in turn."""
        for node in nodes:
            self.door(self.machine.complete, self.tokens(node)[0], self.host)
        return self

    @property
    def waits(self) -> list[str]:
        """The node ids of what is listened to, sorted."""
        return sorted(node for node, _ in self.machine.waits(self.state).values())

    def trigger(self, *nodes: str) -> Walk:
        """Let the first wait on each node happen in turn."""
        for node in nodes:
            wait = next(wait for wait, (found, _) in self.machine.waits(self.state).items() if found == node)
            self.door(self.machine.trigger, wait, self.host)
        return self

    def throw(self, node: str, kind: str, code: str | None) -> Walk:
        """An activity throws an error or escalation."""
        self.door(self.machine.throw, self.tokens(node)[0], kind, code, self.host)
        return self

    def modify(self, cancel: list[str] | tuple[str, ...] = (), start: Any = (), redeposit: Any = ()) -> Walk:
        """One modification; `cancel` names nodes."""
        self.door(self.machine.modify, self.host, cancel=[self.token(node) for node in cancel], start=list(start), redeposit=list(redeposit))
        return self

    @property
    def ended(self) -> bool:
        """Whether the case is over; an ended case holds nothing."""
        if self.machine.is_ended(self.state):
            assert not self.state["t"] and not self.state.get("w") and not self.state.get("j") and not self.state.get("m"), self.state
        return self.machine.is_ended(self.state)

    def kinds(self, *wanted: str) -> list[tuple[str, str | None]]:
        """(kind, node) of what happened so far, of these kinds."""
        return [(happening.kind, happening.node) for happening in self.happenings if happening.kind in wanted]
