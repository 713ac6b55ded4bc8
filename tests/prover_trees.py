"""Compares the machine with the process-tree interpreter on one random structured diagram, after every step."""

from __future__ import annotations

import random
from collections.abc import Callable

from tests.reference_calls import World
from tests.reference_drawing import Drawer
from tests.reference_family import Answers, Case, Family
from tests.reference_growth import Grower
from tests.reference_scopes import Block
from workflows.graph import ProcessGraph, read_graph

FEATURES = frozenset({
    "catch", "sequence", "choice", "together", "some", "loop", "instances", "sub", "boundary", "listeners", "terminate", "undo",
    "first", "repeat", "shout", "link", "signal", "condition", "call", "many", "enough", "counting",
})
REFUSED = "compensation-inside"
Note = Callable[[str], None]


def silent(line: str) -> None:
    """Notes nothing."""


def graph_of(xml: bytes, tolerated: frozenset[str] = frozenset()) -> ProcessGraph:
    """The graph of a generated file; findings other than the tolerated ones are a fault of generator or linter."""
    reading = read_graph(xml)
    wrong = [finding for finding in reading.findings if finding.severity == "error" and finding.code not in tolerated]
    assert not wrong, wrong
    return next(iter(reading.graphs.values()))


def deployable_tree(source: random.Random, features: frozenset[str], most: int = 5) -> tuple[Block, Drawer, dict[str, bytes]]:
    """A random tree, its drawer, and the files of its process and of those it calls; the linter refuses some compensations."""
    while True:
        tree = Grower(source, features).tree(source.randint(1, most))
        drawer = Drawer()
        files = {"process": drawer.draw(tree)}
        files |= drawer.called
        codes = {finding.code for xml in files.values() for finding in read_graph(xml).findings if finding.severity == "error"}
        if not codes & {REFUSED}:
            return tree, drawer, files


def prove_tree(source: random.Random, steps: int, note: Note = silent, features: frozenset[str] = FEATURES) -> int:
    """One random structured diagram against the process-tree interpreter; the number of steps done. AssertionError: they differ."""
    tree, _, files = deployable_tree(source, features)
    for xml in files.values():
        note(xml.decode())
    answers = Answers(source.getrandbits(32))
    family = Family({name: graph_of(xml) for name, xml in files.items()}, "process", answers)
    world = World(tree, answers)
    replay(family.heard, world)
    compare_tree(family, world)
    while answers.step < steps and not world.ended:
        answers.step += 1
        world.moment = answers.step
        family.look()
        replay(family.heard, world)
        compare_tree(family, world)
        if not world.ended:
            step_tree(source, family, world, note)
            replay(family.heard, world)
            compare_tree(family, world)
    return answers.step


def step_tree(source: random.Random, family: Family, world: World, note: Note = silent) -> None:
    """Complete something, trigger something or send a signal, the same on both sides (same-named ones in the order they came)."""
    names = sorted({handle.name for handle in world.handles if handle.trigger != "condition"})
    if not names:
        return
    name = source.choice(names)
    handle = next(handle for handle in world.handles if handle.name == name)
    offered = family.offered(name)
    position = source.randrange(len(offered))
    note(f"step {world.moment}: {name} ({position + 1} of {len(offered)})")
    if handle.trigger == "signal":
        family.broadcast(handle.topic)
        world.air.throw(handle.topic)
    else:
        family.act(name, position)
        world.fire(name, position)
    meant = sorted(carried.name for carried in world.air.carried if carried in world.handles)
    assert family.carry() == meant, f"the signal goes to {family.carry()}, not to {meant}"
    family.deliver()


def replay(heard: list[tuple[str, str]], world: World) -> None:
    """What went off by itself on the other side goes off here, in the same order; nothing else may be left to go off."""
    while heard:
        kind, name = heard.pop(0)
        if kind == "signal":
            world.deliver(name)
        else:
            world.turn_true(name)
    assert world.settled(), "an event that should have gone off did not"
    world.air.carried.clear()


def compare_tree(family: Family, world: World) -> None:
    """Both sides must offer the same."""
    assert family.open == world.open, (family.open, world.open)
    assert family.waits == world.waits, (family.waits, world.waits)
    assert family.ended == world.ended, (family.ended, world.ended)
    assert not family.deadlocked


__all__ = ["FEATURES", "Answers", "Case", "graph_of", "prove_tree"]
