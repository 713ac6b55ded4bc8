"""Compares the machine with the flow-marking interpreter on one random unstructured diagram, after every step."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

from tests.prover_trees import WALKS, Answers, Case, Note, graph_of, silent
from tests.reference_marking import Net, TooMuch, Tokens, drawn, grown
from workflows.graph import ProcessGraph

SHAPES = frozenset({"unreachable", "no-end", "busy-loop", "gateway-single", "no-default"})


def prove_net(source: random.Random, steps: int, note: Note = silent) -> int:
    """Cases of one random unstructured diagram against the flow-marking interpreter; the number of steps done. AssertionError: they differ."""
    net = grown(source)
    xml = drawn(net)
    note(xml.decode())
    graph = graph_of(xml, SHAPES)
    return sum(_walk(source, net, graph, steps, note) for _ in range(WALKS))


def _walk(source: random.Random, net: Net, graph: ProcessGraph, steps: int, note: Note) -> int:
    answers = Answers(source.getrandbits(32))
    note("a new case")
    try:
        tokens = Tokens(net, answers)
    except TooMuch:
        return 0
    case = Case(graph, answers)
    compare_net(case, tokens)
    while answers.step < steps and tokens.active:
        answers.step += 1
        try:
            step_net(source, case, tokens, net, note)
        except TooMuch:
            break
        compare_net(case, tokens)
    return answers.step


def step_net(source: random.Random, case: Case, tokens: Tokens, net: Net, note: Note = silent) -> None:
    """Complete, trigger or modify, the same on both sides; the reference goes first and may give up."""
    single = [event for event in tokens.listening if tokens.active[net.hosts[event]] == 1 and tokens.listening[event] == 1]
    if single and source.random() < 0.3:
        event = source.choice(sorted(single))
        note(f"step {case.answers.step}: {event}")
        tokens.trigger(event)
        case.trigger(next(wait for wait, node in case.waits() if node == event))
    elif source.random() < 0.15 and not any(net.kinds[event] == "beside" for event in net.hosts):
        note(f"step {case.answers.step}: a modification")
        modify_net(source, case, tokens, net)
    else:
        multiple = {host for event, host in net.hosts.items() if net.kinds[event] == "beside" and 0 < tokens.listening[event] < tokens.active[host]}
        ready = sorted(set(tokens.active) - multiple)
        if not ready:
            raise TooMuch
        task = source.choice(ready)
        note(f"step {case.answers.step}: {task}")
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
