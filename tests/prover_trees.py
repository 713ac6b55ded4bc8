"""Compares the machine with the process-tree interpreter on one random structured diagram, after every step."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from tests.reference_calls import World
from tests.reference_drawing import Drawer
from tests.reference_family import Answers, Case, Family, Offer
from tests.reference_growth import Grower
from tests.reference_scopes import Block, Handle
from workflows.graph import ProcessGraph, read_graph

FEATURES = frozenset({
    "catch", "sequence", "choice", "together", "some", "loop", "instances", "sub", "boundary", "listeners", "terminate", "undo",
    "first", "repeat", "shout", "link", "signal", "condition", "call", "many", "enough", "counting",
})
REFUSED = "compensation-inside"
ALWAYS, FEW = frozenset({"sequence", "sub"}), 6
WALKS = 2  # cases per diagram: reading a diagram costs more than running it
Note = Callable[[str], None]


def silent(line: str) -> None:
    """Notes nothing."""


def graph_of(xml: bytes, tolerated: frozenset[str] = frozenset()) -> ProcessGraph:
    """The graph of a generated file; findings other than the tolerated ones are a fault of generator or linter."""
    reading = read_graph(xml)
    wrong = [finding for finding in reading.findings if finding.severity == "error" and finding.code not in tolerated]
    assert not wrong, wrong
    return next(iter(reading.graphs.values()))


def focused(source: random.Random, features: frozenset[str]) -> frozenset[str]:
    """Every second diagram is made of a few features only, so that these meet each other more often."""
    others = sorted(features - ALWAYS)
    if len(others) <= FEW or source.random() < 0.5:
        return features
    return features & ALWAYS | set(source.sample(others, source.randint(2, FEW)))


@dataclass(frozen=True)
class Drawn:
    """A tree with the files of its process and of those it calls, their graphs, and the names it asks for and writes."""

    tree: Block
    files: dict[str, bytes]
    graphs: dict[str, ProcessGraph]
    asked: list[str]
    kept: set[str]


def deployable_tree(source: random.Random, features: frozenset[str], most: int = 5, bounded: float = 0.3) -> Drawn:
    """A random tree; the linter refuses some compensations, then another one is grown."""
    while True:
        tree = Grower(source, focused(source, features), bounded).tree(source.randint(1, most))
        drawer = Drawer()
        files = {"process": drawer.draw(tree)}
        files |= drawer.called
        readings = {name: read_graph(xml) for name, xml in files.items()}
        wrong = [finding for reading in readings.values() for finding in reading.findings if finding.severity == "error"]
        if all(finding.code != REFUSED for finding in wrong):
            assert not wrong, wrong
            return Drawn(tree, files, {name: reading.graphs[name] for name, reading in readings.items()}, drawer.asked, drawer.kept)


def prove_tree(source: random.Random, steps: int, note: Note = silent, features: frozenset[str] = FEATURES) -> int:
    """Cases of one random structured diagram against the process-tree interpreter; the number of steps done. AssertionError: they differ."""
    drawn = deployable_tree(source, features)
    for xml in drawn.files.values():
        note(xml.decode())
    return sum(_walk(source, drawn, steps, note) for _ in range(WALKS))


def _walk(source: random.Random, drawn: Drawn, steps: int, note: Note) -> int:
    answers = Answers(source.getrandbits(32))
    note("a new case")
    both = Both(Family(drawn.graphs, "process", answers), World(drawn.tree, answers))
    both.settle()
    while answers.step < steps and not both.world.ended:
        answers.step += 1
        both.world.moment = answers.step
        both.family.look()
        both.settle()
        if not both.world.ended:
            both.step(source, note)
            both.settle()
    return answers.step


class Both:
    """The machine's family and the interpreter's world side by side, each offer of one linked to the same offer of the other."""

    def __init__(self, family: Family, world: World) -> None:
        self.family, self.world = family, world
        self.links: dict[Offer, Handle] = {}

    def step(self, source: random.Random, note: Note = silent) -> None:
        """Complete something, trigger something or send a signal, the same on both sides."""
        choices = [handle for handle in self.world.handles if handle.trigger != "condition"]
        names = sorted({handle.name for handle in choices})
        if not names:
            return
        name = source.choice(names)
        handle = source.choice([handle for handle in choices if handle.name == name])
        row, token = next(offer for offer, linked in self.links.items() if linked is handle)
        note(f"step {self.world.moment}: {name} ({token} of {self.family.rows.index(row)})")
        if handle.trigger == "signal":
            self.family.broadcast(handle.topic)
            self.world.air.throw(handle.topic)
        else:
            self.family.act(row, token)
            handle.fire()
        meant = sorted(carried.name for carried in self.world.air.carried if carried in self.world.handles)
        assert self.family.carry() == meant, f"the signal goes to {self.family.carry()}, not to {meant}"
        self.family.deliver()

    def settle(self) -> None:
        """What went off by itself there goes off here, in the same order; then both must offer the same."""
        for kind, name, offer in self.family.heard:
            handle = self.links.get(offer) or self.world.fresh[name][self.family.fresh[name].index(offer)]
            if kind == "signal":
                self.world.deliver(handle)
            else:
                self.world.turn_true(handle)
        self.family.heard.clear()
        assert self.world.settled(), "an event that should have gone off did not"
        self.world.air.carried.clear()
        compare_tree(self.family, self.world)
        self._link()

    def _link(self) -> None:
        offers, handles = self.family.offers(), set(self.world.handles)
        for name, fresh in self.family.fresh.items():
            here = [offer for offer in fresh if offer in offers]
            there = [handle for handle in self.world.fresh.get(name, []) if handle in handles]
            assert len(here) == len(there), f"{name} is offered {len(here)} times anew, not {len(there)} times"
            self.links |= dict(zip(here, there, strict=True))
        self.family.fresh, self.world.fresh = {}, {}
        self.links = {offer: handle for offer, handle in self.links.items() if offer in offers}
        assert set(self.links) == offers and set(self.links.values()) == handles, "another instance is offered than should be"


def compare_tree(family: Family, world: World) -> None:
    """Both sides must offer the same."""
    assert family.open == world.open, (family.open, world.open)
    assert family.waits == world.waits, (family.waits, world.waits)
    assert family.ended == world.ended, (family.ended, world.ended)
    assert not family.deadlocked


__all__ = ["FEATURES", "Answers", "Case", "graph_of", "prove_tree"]
