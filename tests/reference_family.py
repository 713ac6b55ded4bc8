"""The machine's side of the prover: one marking, or a family of markings that call each other; saved, loaded and checked after every door.

It stands in for the engine: it carries ends, errors and escalations to callers and signals to all; it knows no reference interpreter.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.reference_host import NoVariables
from workflows.graph import Node, ProcessGraph
from workflows.machine import Happening, Machine

Action = Callable[[], list[Happening]]
Offer = tuple["Row", str]  # a marking and a token or wait of it


class Answers(NoVariables):
    """Conditions by chance, the same for everybody who asks within one step; the machine's host of cases that call nothing."""

    def __init__(self, seed: int) -> None:
        self.seed, self.step = seed, 0

    def __call__(self, expression: str) -> bool:
        """Whether a condition holds in this step."""
        return random.Random(f"{self.seed}/{self.step}/{expression}").random() < 0.45

    def condition(self, expression: str, scope: str, counters: Mapping[str, int] | None = None) -> bool:
        """For the machine: by chance, or a count of instances."""
        if counters is not None and ">=" in expression:
            name, number = expression.split(">=")
            return counters[name.strip()] >= int(number)
        return self(expression)

    def count(self, expression: str, scope: str) -> int:
        """For the machine: cardinalities are numbers."""
        return int(expression)

    def perform(self, node: Node, token: str, scope: str) -> None:
        """For the machine: a script counts; who counts is known to a row only."""


class Row(Answers):
    """One marking of a family, and the machine's host for it: it keeps the counters that scripts write."""

    def __init__(self, machine: Machine, answers: Answers, parent: Row | None = None, token: str = "", body: str | None = None) -> None:
        super().__init__(answers.seed)
        self.machine, self.answers = machine, answers
        self.parent, self.token, self.body = parent, token, body
        self.state: dict[str, Any] = {}
        self.counters: dict[str, int] = {}

    def __call__(self, expression: str) -> bool:
        """By chance, or a comparison with a counter."""
        if " > " not in expression:
            return self.answers(expression)
        number, name = expression.split(" > ")
        value = self.counter(name)
        return value is not None and int(number) > value

    def counter(self, name: str) -> int | None:
        """A counter of this row, or of the row whose sub-process this is an instance of."""
        found = self.counters.get(name)
        return self.parent.counter(name) if found is None and self.body is not None and self.parent is not None else found

    def perform(self, node: Node, token: str, scope: str) -> None:
        """A script counts one up."""
        name = str(node.attributes["resultVariable"])
        self.counters[name] = (self.counter(name) or 0) + 1

    @property
    def live(self) -> bool:
        """Whether this marking goes on and is still called for."""
        if self.machine.is_ended(self.state):
            return False
        return self.parent is None or (self.parent.live and self.parent.is_open(self.token))

    def is_open(self, token: str) -> bool:
        """Whether a token or instance is there."""
        return any(found == token for found, *_ in self.machine.tokens(self.state))

    def save(self) -> None:
        """Write and read the marking; it must be sound, and a migration to the same version must change nothing."""
        self.state = json.loads(json.dumps(self.state))
        problems = unsound(self.machine, self.state)
        assert not problems, problems
        moved = json.loads(json.dumps(self.state))
        assert self.machine.migrate(moved, self.machine) == [] and moved == self.state, "migration to the same version changed something"

    def work(self) -> list[tuple[str, str]]:
        """(token, node) of what can be completed by a person."""
        outer = self.state.get("m", {})
        return [
            (token, node) for token, node, _, _ in self.machine.tokens(self.state)
            if self.machine.plan.nodes[node].type == "userTask" and token not in outer
        ]


class Family:
    """A case with everything it calls, and the signals that fly in it."""

    def __init__(self, graphs: Mapping[str, ProcessGraph], process: str, answers: Answers) -> None:
        self.machines = {name: Machine(graph) for name, graph in graphs.items()}
        self.answers = answers
        self.rows: list[Row] = []
        self.fresh: dict[str, list[Offer]] = {}  # by name, what was offered since the reference was linked to it, in order
        self.waited: dict[tuple[Row, str, str], str] = {}  # (marking, node, owner) → wait
        self.around: dict[tuple[Row, str], str] = {}  # the scope around the inner scope of a token
        self.heard: list[tuple[str, str, Offer]] = []  # (condition or signal, name, wait) of what went off by itself, in order
        self.carried: list[Offer] = []
        self.root = self._new(Row(self.machines[process], answers))

    def _new(self, row: Row) -> Row:
        self.rows.append(row)
        self.follow([(row, self.door(row, lambda: row.machine.start(row, sub_process=row.body, into=row.state)[1]))])
        return row

    def door(self, row: Row, action: Action) -> list[Happening]:
        """One door of one marking, and the conditional events that go off because of it."""
        row.step = self.answers.step
        happenings = action()
        happenings += row.machine.evaluate_conditions(row.state, row)
        row.save()
        for happening in happenings:
            self._note(row, happening)
        return happenings

    def _note(self, row: Row, happening: Happening) -> None:
        node, token = str(happening.node), str(happening.token)
        if happening.kind == "opened" and row.machine.plan.nodes[node].type == "userTask":
            self.fresh.setdefault(node, []).append((row, token))
        elif happening.kind == "wait":
            self.fresh.setdefault(node, []).append((row, str(happening.wait)))
            self.waited[row, node, token] = str(happening.wait)
        elif happening.kind == "scope_opened":
            self.around[row, token] = happening.scope
        elif happening.kind == "signal_thrown":
            self._throw(row, happening.detail["name"], happening.detail["waits"])
        elif happening.kind == "passed" and happening.detail["kind"] == "conditional":
            kind = row.machine.plan.nodes[node].type
            owner = token if kind == "intermediateCatchEvent" else happening.cause[0] if kind == "boundaryEvent" else self.around[row, happening.scope]
            self.heard.append(("condition", node, (row, self.waited[row, node, owner])))

    def _throw(self, thrower: Row, name: str, own: Sequence[str]) -> None:
        for row in self.rows:
            waits = own if row is thrower else [wait for wait, node in self._waits(row) if row.machine.plan.nodes[node].event.name == name]
            self.carried += [(row, str(wait)) for wait in waits]

    @staticmethod
    def _waits(row: Row) -> list[tuple[str, str]]:
        return sorted(((wait, node) for wait, (node, _) in row.machine.waits(row.state).items()), key=lambda entry: int(entry[0][1:]))

    # what follows

    def follow(self, outcomes: list[tuple[Row, list[Happening]]]) -> None:
        """Stop what is called no longer, tell callers, start what is called now; then the same for those that moved."""
        while outcomes:
            moved: list[tuple[Row, list[Happening]]] = []
            for row, happenings in outcomes:
                self._tell(row, happenings, moved)
            for row, happenings in outcomes:
                self._call(row, happenings, moved)
            self.rows = [row for row in self.rows if row.live or row.parent is None]
            outcomes = moved

    def _call(self, row: Row, happenings: list[Happening], moved: list[tuple[Row, list[Happening]]]) -> None:
        for happening in happenings:
            if happening.kind == "call" and row.live and row.is_open(str(happening.token)):
                node = row.machine.plan.nodes[str(happening.node)]
                body = node.id if node.type == "subProcess" else None
                machine = row.machine if body else self.machines[str(node.attributes["calledElement"])]
                child = Row(machine, self.answers, row, str(happening.token), body)
                self.rows.append(child)
                moved.append((child, self._started(child)))

    def _started(self, child: Row) -> list[Happening]:
        return self.door(child, lambda: child.machine.start(child, sub_process=child.body, into=child.state)[1])

    def _tell(self, child: Row, happenings: list[Happening], moved: list[tuple[Row, list[Happening]]]) -> None:
        for happening in happenings:
            caller = child.parent
            news = happening.kind == "ended" or (happening.kind == "escalation" and not happening.detail["caught"])
            if caller is None or not news or not caller.live or not caller.is_open(child.token):
                continue
            moved.append((caller, self.door(caller, self._carried_on(caller, child, happening))))

    def _carried_on(self, caller: Row, child: Row, happening: Happening) -> Action:
        if happening.kind == "escalation":
            return lambda: caller.machine.throw(caller.state, child.token, "escalation", happening.detail["code"], caller)
        if child.body is not None:
            caller.counters.update(child.counters)
        if "error" in happening.detail:
            return lambda: caller.machine.throw(caller.state, child.token, "error", happening.detail["error"], caller)
        return lambda: caller.machine.complete(caller.state, child.token, caller)

    # what may be done

    def offers(self) -> set[Offer]:
        """All work and all waits that are open."""
        return {(row, token) for row in self.rows if row.live for token, _ in [*row.work(), *self._waits(row)]}

    def act(self, row: Row, token: str) -> None:
        """Complete the work, or let the event happen."""
        door = row.machine.trigger if token.startswith("w") else row.machine.complete
        self.follow([(row, self.door(row, lambda: door(row.state, token, row)))])

    def broadcast(self, topic: str) -> None:
        """A signal comes from outside."""
        for row in self.rows:
            self.carried += [(row, wait) for wait, node in self._waits(row) if row.machine.plan.nodes[node].event.kind == "signal" and row.machine.plan.nodes[node].event.name == topic]

    def carry(self) -> list[str]:
        """Names of those that a signal is on its way to."""
        return sorted(row.machine.waits(row.state)[wait][0] for row, wait in self.carried if row.live and wait in row.machine.waits(row.state))

    def deliver(self) -> None:
        """Bring the signals that were thrown to those that still listen."""
        while self.carried:
            row, wait = self.carried.pop(0)
            if row.live and wait in row.machine.waits(row.state):
                self.heard.append(("signal", row.machine.waits(row.state)[wait][0], (row, wait)))
                self.follow([(row, self.door(row, lambda row=row, wait=wait: row.machine.trigger(row.state, wait, row)))])  # type: ignore[misc]

    def look(self) -> None:
        """Conditions may have changed: every marking looks at what it listens to."""
        for row in list(self.rows):
            if row.live and row.machine.plan.conditional:
                self.follow([(row, self.door(row, list))])

    # looking

    @property
    def open(self) -> list[str]:
        """Names of the work people can complete, sorted."""
        return sorted(node for row in self.rows if row.live for _, node in row.work())

    @property
    def waits(self) -> list[str]:
        """Names of what is listened to, sorted."""
        return sorted(node for row in self.rows if row.live for _, node in self._waits(row))

    @property
    def ended(self) -> bool:
        """Whether the case is over."""
        return self.root.machine.is_ended(self.root.state)

    @property
    def deadlocked(self) -> bool:
        """Whether a marking of the family rests at joins and nothing else is open."""
        return any(row.machine.is_deadlocked(row.state) for row in self.rows if row.live)


class Case(Row):
    """One marking alone; what calls others or has several instances of a sub-process is completed like any other work."""

    def __init__(self, graph: ProcessGraph, answers: Answers) -> None:
        super().__init__(Machine(graph), answers)
        self.graph = graph
        self.order: list[str] = []
        self.modified: list[Happening] = []
        self.changed: dict[str, Any] = {}
        self.happenings = self.through(lambda: self.machine.start(self, into=self.state)[1])

    def through(self, action: Action) -> list[Happening]:
        """One door, then conditional events, then saved and loaded."""
        self.step = self.answers.step
        self.happenings = action()
        self.happenings += self.machine.evaluate_conditions(self.state, self)
        self.save()
        now = [token for token, _ in self.work()]
        self.order = [token for token in self.order if token in now] + [token for token in now if token not in self.order]
        return self.happenings

    def work(self) -> list[tuple[str, str]]:
        """(token, node) of what can be completed, called processes and instances of sub-processes included."""
        outer, nodes = self.state.get("m", {}), self.machine.plan.nodes
        return [
            (token, node) for token, node, _, _ in self.machine.tokens(self.state)
            if token not in outer and (nodes[node].type in ("userTask", "callActivity") or (nodes[node].type == "subProcess" and "#" in token and nodes[node].multi_instance))
        ]

    def waits(self) -> list[tuple[str, str]]:
        """(wait, node) of what is listened to."""
        return [(wait, node) for wait, (node, _) in self.machine.waits(self.state).items()]

    def resting(self) -> dict[str, int]:
        """How many tokens rest on each flow into a join."""
        return dict(Counter(flow for flow, _, _ in self.machine.arrivals(self.state)))

    def complete(self, token: str) -> None:
        """Complete an activity or instance."""
        self.through(lambda: self.machine.complete(self.state, token, self))

    def trigger(self, wait: str) -> None:
        """Let an event happen."""
        self.through(lambda: self.machine.trigger(self.state, wait, self))

    def modify(self, cancel: list[str], start: list[str], redeposit: list[Any], discard: list[Any]) -> list[Happening]:
        """Change the marking; `modified` and `changed` tell what that alone did, before conditional events are looked at."""
        def change() -> list[Happening]:
            self.modified = self.machine.modify(self.state, self, cancel, start, redeposit, discard)
            self.changed = json.loads(json.dumps(self.state))
            return list(self.modified)

        return self.through(change)


def unsound(machine: Machine, state: dict[str, Any]) -> list[str]:
    """What is wrong with a state at rest; every item must be impossible."""
    tokens, nodes, root = state["t"], machine.plan.nodes, state.get("r", machine.plan.graph.id)
    problems = []
    for token, (node, scope, _) in tokens.items():
        around = root if scope == "0" else tokens.get(scope, [None])[0]
        if nodes[node].scope != around and not nodes[node].for_compensation:
            problems.append(f"{node} stands in {around}")
        if machine.plan.is_scope(nodes[node]) and not any(entry[1] == token for entry in tokens.values()) and token not in state.get("j", {}):
            problems.append(f"scope {node} is empty but open")
        if int(token) > state["n"]:
            problems.append(f"id {token} was not counted")
        if (nodes[node].multi_instance is not None or nodes[node].loop is not None) and token not in state.get("m", {}):
            problems.append(f"{node} has lost its counters")
    for wait, (node, owner, *_) in state.get("w", {}).items():
        if owner != "0" and owner.partition("#")[0] not in tokens:
            problems.append(f"{wait} on {node} belongs to nobody")
        elif nodes[node].type == "boundaryEvent" and tokens[owner][0] != nodes[node].attached_to:
            problems.append(f"{wait} on {node} belongs to another activity")
    for part in ("m", "k"):
        problems += [f"{part} of {token} is left over" for token in state.get(part, {}) if token not in tokens]
    for part in ("j", "c"):
        problems += [f"{part} of {scope} is left over" for scope in state.get(part, {}) if scope != "0" and scope not in tokens]
    problems += [f"x of {scope} is left over" for scope in state.get("x", ()) if scope != "0" and scope not in tokens]
    if "e" in state and (tokens or state.get("w") or state.get("j")):
        problems.append("ended with something open")
    if "e" not in state and not tokens and not state.get("j"):
        problems.append("nothing open but not ended")
    return problems
