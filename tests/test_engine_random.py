"""Random structured diagrams through the real engine, compared after every saved step with the process-tree interpreter."""

from __future__ import annotations

import random
from typing import Any

import pytest
from sqlalchemy import select

from engine_walk import EngineWalk
from prover import FEATURES, Answers, graph_of
from reference_drawing import Drawer
from reference_growth import Grower
from reference_tree import World
from tasks.models import Seat
from workflows.graph import ProcessGraph
from workflows.models import Wait

pytestmark = pytest.mark.usefixtures("database")

SEEDS = range(24)
STEPS = 15


def conditions(graph: ProcessGraph) -> set[str]:
    """Every condition the diagram asks; each is one variable."""
    found = {flow.condition for flow in graph.flows.values()}
    for node in graph.nodes.values():
        found.add(node.loop.condition if node.loop else None)
        found.add(node.multi_instance.completion_condition if node.multi_instance else None)
    return {condition for condition in found if condition}


class Both:
    """The engine's case and the interpreter's, side by side."""

    def __init__(self, seed: int) -> None:
        self.source = random.Random(seed)
        tree = Grower(self.source, FEATURES).tree(self.source.randint(1, 5))
        xml = Drawer().draw(tree)
        self.graph = graph_of(xml)
        self.answers = Answers(self.source.getrandbits(32))
        self.walk = EngineWalk(xml)
        self.walk.start(self.graph.id, **self.given())
        self.world = World(tree, self.answers)

    def given(self) -> dict[str, bool]:
        """The answers of this step as variables."""
        return {name: self.answers(name) for name in conditions(self.graph)}

    def waits(self) -> list[Any]:
        return sorted(self.walk.rows(select(Wait.wait_id, Wait.node_id)), key=lambda row: int(row.wait_id[1:]))

    def compare(self) -> None:
        assert self.walk.open == self.world.open
        assert [row.node_id for row in sorted(self.waits(), key=lambda row: row.node_id)] == self.world.waits
        assert self.walk.ended == self.world.ended

    def step(self) -> None:
        """Complete or trigger the same thing on both sides."""
        self.answers.step += 1
        name = self.source.choice(sorted({handle.name for handle in self.world.handles}))
        seats = self.walk.seats(name)
        waits = [row.wait_id for row in self.waits() if row.node_id == name]
        position = self.source.randrange(len(seats) or len(waits))
        if seats:
            self.walk.complete(name, position, **self.given())
        else:
            self.trigger(waits[position])
        self.world.fire(name, position)

    def trigger(self, wait: str) -> None:
        def act(house: Any, connection: Any) -> None:
            case = house.engine.load(connection, self.walk.case_id)
            case.set(self.given())
            house.engine.trigger(connection, case, wait, None, "timer_fired")

        self.walk.command(act)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_engine_offers_what_the_process_tree_says(seed: int) -> None:
    both = Both(seed)
    both.compare()
    for _ in range(STEPS):
        if both.world.ended:
            break
        both.step()
        both.compare()
    assert both.walk.rows(select(Seat.id)) or both.world.ended
