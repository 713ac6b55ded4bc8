"""Runs random diagrams through the token machine and two reference interpreters, step by step, and counts where they differ."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from reference_drawing import Drawer
from reference_growth import Grower
from reference_host import NoVariables
from reference_marking import Net, TooMuch, Tokens, drawn, grown
from reference_tree import World
from workflows.graph import Node, ProcessGraph, read_graph
from workflows.machine import Machine, MachineError

FEATURES = frozenset({
    "catch", "sequence", "choice", "together", "some", "loop", "instances", "sub", "boundary", "listeners", "terminate", "undo",
    "first", "repeat", "shout",
})
SHAPES = frozenset({"unreachable", "no-end", "busy-loop", "gateway-single", "no-default"})
Report = Callable[[str], None]


class Answers(NoVariables):
    """Conditions by chance, the same for everybody who asks within one step; also the machine's host."""

    def __init__(self, seed: int) -> None:
        self.seed, self.step = seed, 0

    def __call__(self, expression: str) -> bool:
        """Whether a condition holds in this step."""
        return random.Random(f"{self.seed}/{self.step}/{expression}").random() < 0.45

    def condition(self, expression: str, scope: str, counters: Mapping[str, int] | None = None) -> bool:
        """For the machine."""
        return self(expression)

    def count(self, expression: str, scope: str) -> int:
        """For the machine: cardinalities are numbers."""
        return int(expression)

    def perform(self, node: Node, token: str, scope: str) -> None:
        """For the machine: nothing is inline."""
        raise AssertionError(node.id)


class Case:
    """The machine's side: saves and loads after every step and checks that its state is sound."""

    def __init__(self, graph: ProcessGraph, answers: Answers) -> None:
        self.graph, self.answers = graph, answers
        self.machine = Machine(graph)
        self.order: list[str] = []
        self.state, _ = self.machine.start(answers)
        self._settle()

    def _settle(self) -> None:
        self.state = json.loads(json.dumps(self.state))
        problems = unsound(self.machine, self.state)
        assert not problems, problems
        moved = json.loads(json.dumps(self.state))
        assert self.machine.migrate(moved, self.machine) == [] and moved == self.state, "migration to the same version changed something"
        now = [token for token, _ in self.work()]
        self.order = [token for token in self.order if token in now] + [token for token in now if token not in self.order]

    def work(self) -> list[tuple[str, str]]:
        """(token, node) of what can be completed."""
        outer = set(self.state.get("m", {}))
        return [
            (token, node) for token, node, _, _ in self.machine.tokens(self.state)
            if self.graph.nodes[node].type == "userTask" and token not in outer
        ]

    def waits(self) -> list[tuple[str, str]]:
        """(wait, node) of what is listened to."""
        return [(wait, node) for wait, (node, _) in self.machine.waits(self.state).items()]

    def resting(self) -> dict[str, int]:
        """How many tokens rest on each flow into a join."""
        return dict(Counter(flow for flow, _, _ in self.machine.arrivals(self.state)))

    def complete(self, token: str) -> None:
        """Complete an activity or instance."""
        self.machine.complete(self.state, token, self.answers)
        self._settle()

    def trigger(self, wait: str) -> None:
        """Let an event happen."""
        self.machine.trigger(self.state, wait, self.answers)
        self._settle()

    def modify(self, cancel: list[str], start: list[str], redeposit: list[Any], discard: list[Any]) -> None:
        """Change the marking."""
        self.machine.modify(self.state, self.answers, cancel, start, redeposit, discard)
        self._settle()


def unsound(machine: Machine, state: dict[str, Any]) -> list[str]:
    """What is wrong with a state at rest; every item must be impossible."""
    tokens, nodes = state["t"], machine.plan.nodes
    problems = []
    for token, (node, scope, _) in tokens.items():
        around = machine.plan.graph.id if scope == "0" else tokens.get(scope, [None])[0]
        if nodes[node].scope != around and not nodes[node].for_compensation:
            problems.append(f"{node} stands in {around}")
        if machine.plan.is_scope(nodes[node]) and not any(entry[1] == token for entry in tokens.values()) and token not in state.get("j", {}):
            problems.append(f"scope {node} is empty but open")
        if int(token) > state["n"]:
            problems.append(f"id {token} was not counted")
    for wait, (node, owner, *_) in state.get("w", {}).items():
        if owner != "0" and owner.partition("#")[0] not in tokens:
            problems.append(f"{wait} on {node} belongs to nobody")
        elif nodes[node].type == "boundaryEvent" and tokens[owner][0] != nodes[node].attached_to:
            problems.append(f"{wait} on {node} belongs to another activity")
    for part in ("m", "k"):
        problems += [f"{part} of {token} is left over" for token in state.get(part, {}) if token not in tokens]
    for part in ("j", "c"):
        problems += [f"{part} of {scope} is left over" for scope in state.get(part, {}) if scope != "0" and scope not in tokens]
    if "e" in state and (tokens or state.get("w") or state.get("j")):
        problems.append("ended with something open")
    if "e" not in state and not tokens and not state.get("j"):
        problems.append("nothing open but not ended")
    return problems


def graph_of(xml: bytes, tolerated: frozenset[str] = frozenset()) -> ProcessGraph:
    """The graph of a generated file; findings other than the tolerated ones are a fault of generator or linter."""
    reading = read_graph(xml)
    wrong = [finding for finding in reading.findings if finding.severity == "error" and finding.code not in tolerated]
    assert not wrong, wrong
    return next(iter(reading.graphs.values()))


def prove_tree(source: random.Random, steps: int, features: frozenset[str] = FEATURES) -> int:
    """One random structured diagram against the process-tree interpreter; the number of steps done. AssertionError: they differ."""
    tree = Grower(source, features).tree(source.randint(1, 5))
    answers = Answers(source.getrandbits(32))
    case = Case(graph_of(Drawer().draw(tree)), answers)
    world = World(tree, answers)
    compare_tree(case, world)
    done = 0
    while done < steps and not world.ended:
        answers.step += 1
        done += 1
        step_tree(source, case, world)
        compare_tree(case, world)
    return done


def step_tree(source: random.Random, case: Case, world: World) -> None:
    """Complete something or trigger something, the same on both sides (same-named ones in the order they came)."""
    names = sorted({handle.name for handle in world.handles})
    name = source.choice(names)
    mine = sorted((case.order.index(token), token) for token, node in case.work() if node == name)
    waits = sorted((int(wait[1:]), wait) for wait, node in case.waits() if node == name)
    position = source.randrange(len(mine) or len(waits))
    if mine:
        case.complete(mine[position][1])
    else:
        case.trigger(waits[position][1])
    world.fire(name, position)


def compare_tree(case: Case, world: World) -> None:
    """Both sides must offer the same."""
    assert sorted(node for _, node in case.work()) == world.open, (case.work(), world.open)
    assert sorted(node for _, node in case.waits()) == world.waits, (case.waits(), world.waits)
    assert case.machine.is_ended(case.state) == world.ended
    assert not case.machine.is_deadlocked(case.state)


def prove_net(source: random.Random, steps: int) -> int:
    """One random unstructured diagram against the flow-marking interpreter; the number of steps done."""
    net = grown(source)
    answers = Answers(source.getrandbits(32))
    try:
        tokens = Tokens(net, answers)
        case = Case(graph_of(drawn(net), SHAPES), answers)
    except (TooMuch, MachineError):
        return 0
    done = 0
    compare_net(case, tokens)
    while done < steps and tokens.active:
        answers.step += 1
        done += 1
        try:
            step_net(source, case, tokens, net)
        except TooMuch:
            break
        compare_net(case, tokens)
    return done


def step_net(source: random.Random, case: Case, tokens: Tokens, net: Net) -> None:
    """Complete, trigger or modify, the same on both sides; the reference goes first and may give up."""
    single = [event for event in tokens.listening if tokens.active[net.hosts[event]] == 1 and tokens.listening[event] == 1]
    if single and source.random() < 0.3:
        event = source.choice(sorted(single))
        tokens.trigger(event)
        case.trigger(next(wait for wait, node in case.waits() if node == event))
    elif source.random() < 0.15 and not any(net.kinds[event] == "beside" for event in net.hosts):
        modify_net(source, case, tokens, net)
    else:
        multiple = {host for event, host in net.hosts.items() if net.kinds[event] == "beside" and 0 < tokens.listening[event] < tokens.active[host]}
        ready = sorted(set(tokens.active) - multiple)
        if not ready:
            raise TooMuch
        task = source.choice(ready)
        tokens.complete(task)
        case.complete(next(token for token, node in case.work() if node == task))


def modify_net(source: random.Random, case: Case, tokens: Tokens, net: Net) -> None:
    """A random return or jump: cancel some, start one, perhaps re-deposit an arrival."""
    live = sorted(tokens.active.elements())
    cancel = source.sample(live, source.randint(0, min(2, len(live))))
    start = [source.choice(sorted(node for node, kind in net.kinds.items() if kind == "task"))]
    joins = sorted(arc.name for arc in net.arcs if net.kinds[arc.target] in ("parallel", "inclusive") and len(net.into(arc.target)) > 1)
    redeposit = [source.choice(joins)] if joins and source.random() < 0.5 else []
    resting = sorted(tokens.resting)
    discard = [source.choice(resting)] if resting and source.random() < 0.5 else []
    tokens.change(cancel, start, redeposit, discard)
    chosen: list[str] = []
    for task in cancel:
        chosen.append(next(token for token, node in case.work() if node == task and token not in chosen))
    case.modify(chosen, start, [(flow, None, ()) for flow in redeposit], [(flow, None, None) for flow in discard])


def compare_net(case: Case, tokens: Tokens) -> None:
    """Both sides must have the same active tasks and the same tokens at joins."""
    assert Counter(node for _, node in case.work()) == tokens.active, (case.work(), tokens.active)
    assert Counter(node for _, node in case.waits()) == tokens.listening, (case.waits(), tokens.listening)
    assert case.resting() == tokens.resting, (case.resting(), tokens.resting)
    assert case.machine.is_ended(case.state) == tokens.ended
    assert case.machine.is_deadlocked(case.state) == (bool(tokens.resting) and not tokens.active)


def prove_change(source: random.Random, steps: int) -> int:
    """Random returns and jumps in structured diagrams with sub-processes: the state stays sound and says no to nonsense only."""
    tree = Grower(source, FEATURES).tree(source.randint(2, 5))
    answers = Answers(source.getrandbits(32))
    case = Case(graph_of(Drawer().draw(tree)), answers)
    startable = sorted(
        node.id for node in case.graph.nodes.values() if node.type in ("userTask", "subProcess") and not node.for_compensation and not node.triggered_by_event
    )
    done = 0
    while done < steps and not case.machine.is_ended(case.state):
        answers.step += 1
        done += 1
        live = [token for token, *_ in case.machine.tokens(case.state)]
        if startable and source.random() < 0.3:
            _change(case, source.sample(live, source.randint(0, min(3, len(live)))), source.choice(startable))
        elif case.work():
            case.complete(source.choice(case.work())[0])
        elif case.waits():
            case.trigger(source.choice(case.waits())[0])
        else:
            break
    return done


def _change(case: Case, cancel: list[str], start: str) -> None:
    before = json.dumps(case.state)
    try:
        case.modify(cancel, [start], [], [])
    except MachineError:
        case.state = json.loads(before)
        return
    kept = {token for token, *_ in case.machine.tokens(json.loads(before))} - set(cancel)
    after = {token: node for token, node, _, _ in case.machine.tokens(case.state)}
    assert not set(cancel) & set(after), "a cancelled token lives on"
    assert all(token in kept or int(token.partition("#")[0]) > json.loads(before)["n"] or "#" in token for token in after)
    assert start in after.values(), "what was started is not there"


def prove(operations: int, seed: int, report: Report) -> tuple[int, int]:
    """Run at least so many random operations; (operations, violations). `report` is told of every violation and of progress."""
    done = violations = number = 0
    told = 0
    while done < operations:
        number += 1
        runner = (prove_tree, prove_net, prove_change)[number % 3]
        try:
            done += max(1, runner(random.Random(f"{seed}/{number}"), 60))
        except (AssertionError, MachineError) as error:
            violations += 1
            done += 1
            report(f"{runner.__name__} {seed}/{number}: {type(error).__name__}: {str(error)[:300]}")
        if done - told >= max(operations // 10, 1):
            told = done
            report(f"{done} operations, {violations} violations")
    return done, violations


