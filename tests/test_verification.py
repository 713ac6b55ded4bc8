"""Soundness of a marking: what is found in sound and unsound diagrams, and random ones against a brute-force search of another interpreter."""

from __future__ import annotations

import random
from collections import deque
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine_walk import END, START, chain, flow, process
from tests.prover_nets import SHAPES
from tests.prover_trees import graph_of
from tests.reference_marking import Net, TooMuch, Tokens, drawn, grown
from workflows.graph import ProcessGraph, read_graph
from workflows.machine import Machine
from workflows.verification import Verdict, explore
from workflows.verification.choices import ChoosingHost

DIAGRAMS = Path(__file__).resolve().parent / "diagrams"
UNSOUND = {"deadlock": "deadlock", "implicit": "double"}


def user(identity: str) -> str:
    return f'<bpmn:userTask id="{identity}" name="{identity}" camunda:candidateGroups="clerk"/>'


def gateway(identity: str, kind: str = "parallel", default: str = "") -> str:
    return f'<bpmn:{kind}Gateway id="{identity}" name="{identity}"' + (f' default="{default}"' if default else "") + "/>"


def graph(content: bytes) -> ProcessGraph:
    return next(iter(read_graph(content).graphs.values()))


def verdict(drawing: ProcessGraph, most: int = 5_000) -> Verdict:
    machine = Machine(drawing)
    state, _ = machine.start(ChoosingHost([]), drawing.starts[0])
    return explore(machine, state, most)


@pytest.mark.parametrize("diagram", sorted(path.stem for path in DIAGRAMS.glob("*.bpmn")))
def test_every_construct_is_explored_to_its_end(diagram: str) -> None:
    for drawing in read_graph((DIAGRAMS / f"{diagram}.bpmn").read_bytes()).graphs.values():
        found = verdict(drawing)
        assert found.proved
        assert {kind for kind, _ in found.problems} - {"stuck"} == ({UNSOUND[diagram]} if diagram in UNSOUND else set())


def test_a_choice_that_leads_into_a_join_starves_it() -> None:
    content = process(
        START + gateway("choice", "exclusive", "choice_to_b") + user("a") + user("b") + gateway("join") + END
        + flow("start", "choice") + flow("choice", "a", "= x") + flow("choice", "b") + chain("a", "join", "end") + flow("b", "join")
    )
    found = verdict(graph(content))
    assert found.deadlocks == ("join",) and not found.sound and set(found.stuck) == {"a", "join"}


def test_a_fork_that_meets_in_a_plain_node_doubles_its_token() -> None:
    content = process(START + gateway("fork") + user("a") + user("b") + user("after") + END + chain("start", "fork", "a", "after", "end") + chain("fork", "b", "after"))
    assert verdict(graph(content)).doubles == ("after",)


def test_a_loop_without_a_way_out_never_ends() -> None:
    content = process(START + user("a") + user("b") + chain("start", "a", "b", "a"))
    found = verdict(graph(content))
    assert found.proved and set(found.stuck) == {"a", "b"} and not found.deadlocks


def test_beyond_the_bound_nothing_is_proved() -> None:
    names = [f"t{number}" for number in range(12)]
    content = process(
        START + gateway("fork") + "".join(user(name) for name in names) + gateway("join") + END + flow("start", "fork")
        + "".join(flow("fork", name) + flow(name, "join") for name in names) + flow("join", "end")
    )
    found = verdict(graph(content), 100)
    assert not found.proved and found.sound and found.markings > 100
    assert verdict(graph(content)).proved


def test_the_marking_at_hand_is_judged_and_not_the_diagram() -> None:
    content = process(START + gateway("fork") + user("a") + user("b") + gateway("join") + END + chain("start", "fork", "a", "join", "end") + chain("fork", "b", "join"))
    machine = Machine(graph(content))
    state, _ = machine.start(ChoosingHost([]))
    assert explore(machine, state).sound
    token = next(token for token, node, _, _ in machine.tokens(state) if node == "a")
    machine.modify(state, ChoosingHost([]), cancel=[token])
    assert explore(machine, state).deadlocks == ("join",)


def test_exploring_leaves_the_marking_as_it_was() -> None:
    machine = Machine(graph(process(START + user("a") + END + chain("start", "a", "end"))))
    state, _ = machine.start(ChoosingHost([]))
    before = repr(state)
    explore(machine, state)
    assert repr(state) == before


# random diagrams against another interpreter


class Script:
    """Answers conditions from a row of bits, and says when it was asked beyond its end."""

    def __init__(self, bits: tuple[bool, ...]) -> None:
        self.bits, self.asked = bits, 0

    def __call__(self, name: str) -> bool:
        self.asked += 1
        if self.asked > len(self.bits):
            raise Longer
        return self.bits[self.asked - 1]


class Longer(Exception):
    """The row of answers is too short."""


def every_way(act: Any, longest: int = 7) -> list[Any]:
    """What `act` gives for every row of answers."""
    found, queue = [], deque([()])
    while queue:
        bits: tuple[bool, ...] = queue.popleft()
        try:
            found.append(act(Script(bits)))
        except Longer:
            if len(bits) >= longest:
                raise TooMuch from None
            queue.extend([(*bits, True), (*bits, False)])
    return found


def key(tokens: Tokens) -> tuple[Any, ...]:
    return (tuple(sorted(tokens.active.items())), tuple(sorted(tokens.resting.items())), tuple(sorted(tokens.listening.items())))


def after(net: Net, known: tuple[Any, ...], script: Script, act: str, name: str) -> Tokens:
    tokens = Tokens.__new__(Tokens)
    tokens.net, tokens.condition, tokens.arcs = net, script, {arc.name: arc for arc in net.arcs}
    tokens.active, tokens.on, tokens.listening = (type(Tokens(Net({"start": "start"}), script).on)(dict(part)) for part in known)
    getattr(tokens, act)(name)
    return tokens


def brute_force(net: Net) -> tuple[bool, bool, bool]:
    """(some join starves, some place is doubled, some marking cannot end), by searching every marking of the reference interpreter."""
    first = every_way(lambda script: key(Tokens(net, script)))
    known, following, queue = set(first), {}, deque(first)
    while queue:
        current = queue.popleft()
        active, _, listening = (dict(part) for part in current)
        if any(count > 1 for part in current[:2] for _, count in part):
            following[current] = []
            continue
        found = [one for task in active for one in every_way(lambda script, task=task: key(after(net, current, script, "complete", task)))]
        found += [one for event in listening for one in every_way(lambda script, event=event: key(after(net, current, script, "trigger", event)))]
        following[current] = found
        for one in found:
            if one not in known:
                known.add(one)
                queue.append(one)
        if len(known) > 300:
            raise TooMuch
    doubled = any(count > 1 for one in known for part in one[:2] for _, count in part)
    starved = any(one[1] and not one[0] for one in known)
    good = {one for one in known if not one[0] and not one[1]}
    while more := {one for one in known - good if any(other in good for other in following[one])}:
        good |= more
    return starved, doubled, bool(known - good)


@settings(max_examples=150)
@given(st.integers(0, 2**32))
def test_random_diagrams_are_judged_as_by_brute_force(seed: int) -> None:
    net = grown(random.Random(seed))
    if any(kind == "beside" for kind in net.kinds.values()) or len(net.kinds) > 9:
        return
    try:
        starved, doubled, stuck = brute_force(net)
    except TooMuch:
        return
    machine = Machine(graph_of(drawn(net), SHAPES))
    found: list[Verdict] = []
    starts: list[Any] = []
    collect(machine, starts)
    for state in starts:
        found.append(explore(machine, state))
    assert all(one.proved for one in found)
    assert any(one.doubles for one in found) == doubled
    if not doubled:
        assert any(one.deadlocks for one in found) == starved
        assert any(one.stuck for one in found) == stuck


def collect(machine: Machine, starts: list[Any]) -> None:
    """Every marking a case can begin with."""
    queue: deque[list[bool]] = deque([[]])
    seen: set[tuple[bool, ...]] = set()
    while queue:
        host = ChoosingHost(queue.popleft())
        state, _ = machine.start(host)
        answers = tuple(host.script[:host.asked])
        if answers in seen:
            continue
        seen.add(answers)
        starts.append(state)
        for position in range(len(answers)):
            queue.append([*answers[:position], not answers[position]])
