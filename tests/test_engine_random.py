"""Random structured diagrams through the real engine and its database, compared after every saved step with the process-tree interpreter.

Two cases of a diagram run side by side, so that signals cross between them; called processes and instances of sub-processes are
rows of their own. Data changes in steps of their own, so that conditional events go off.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import func, select

from tasks.models import Seat
from tests.engine_walk import EngineWalk
from tests.prover_trees import FEATURES, Answers, Drawn, deployable_tree
from tests.reference_calls import World
from tests.reference_scopes import Air, Handle
from workflows.models import HistoryRow, Job, Wait

pytestmark = pytest.mark.usefixtures("database")
STEPS, DEEPEST, BOUNDED = 12, 4, 0.6
NEW = {"link", "signal", "condition", "call", "many", "enough", "counting"}
PLAIN = frozenset({"sequence", "choice", "together", "boundary", "listeners", "instances"})
Offer = tuple[int, str]  # (row of the case, token or wait)


class Both:
    """Cases in the engine and in the interpreter, side by side; every offer of one is linked to the same offer of the other."""

    def __init__(self, drawn: Drawn, answers: Answers, cases: int) -> None:
        self.drawn, self.answers = drawn, answers
        self.walk = EngineWalk(*reversed(drawn.files.values()))
        self.read = 0
        self.links: dict[Offer, Handle] = {}
        self.worlds: dict[int, World] = {}
        air = Air()
        for _ in range(cases):
            self.walk.start("process", **self.given())
            self.worlds[self.walk.case_id] = World(drawn.tree, answers, air)
            self.settle()

    def given(self) -> dict[str, Any]:
        """The answers of this step as variables, and the moment."""
        return {name: self.answers(name) for name in self.drawn.asked} | {"moment": self.answers.step}

    # looking

    def families(self) -> dict[int, int]:
        """Row → the case it belongs to."""
        found: dict[int, int] = {}
        for row in self.walk.instances():
            found[row.id] = row.id if row.parent_id is None else found[row.parent_id]
        return found

    def offers(self) -> list[tuple[str, Offer]]:
        """(name, offer) of all open work and all waits, each in the order it came."""
        seats = [(seat.node_id, (seat.instance_id, seat.token)) for seat in self.walk.seats()]
        waits = [(row.node_id, (row.instance_id, row.wait_id)) for row in self.walk.rows(select(Wait.__table__).order_by(Wait.id))]
        return seats + waits

    def heard(self) -> Iterator[tuple[str, int, str]]:
        """(kind, row, name) of what went off by itself since the last time, in order."""
        rows = self.walk.rows(select(HistoryRow.__table__).where(HistoryRow.id > self.read).order_by(HistoryRow.id))
        conditional = {node.id for graph in self.drawn.graphs.values() for node in graph.nodes.values() if node.event.kind == "conditional"}
        for row in rows:
            self.read = row.id
            if row.kind == "signal_received" or (row.kind == "passed" and row.node_id in conditional):
                yield row.kind, row.instance_id, row.node_id

    # one step

    def change_data(self) -> None:
        """Every process gets the values of this step; its conditional events look at them, also in instances of its sub-processes."""
        for row in [row for row in self.walk.instances() if row.body_of is None]:
            self.walk.command(lambda house, connection, row=row: self._set(house, connection, row.id))
        self.settle()

    def _set(self, house: Any, connection: Any, row: int) -> None:
        case = house.engine.load(connection, row)
        if case.status == "active":
            house.engine.set_variables(connection, case, self.given(), {})

    def act(self, source: random.Random) -> bool:
        """Do the same thing on both sides; False: only conditions are waited for."""
        choices = [(offer, handle) for offer, handle in self.links.items() if handle.trigger != "condition"]
        if not choices:
            return False
        offer, handle = source.choice(sorted(choices, key=lambda choice: choice[0]))
        if handle.trigger == "signal":
            self.walk.command(lambda house, connection: house.engine.signals.throw(connection, handle.topic, None))
            next(iter(self.worlds.values())).air.throw(handle.topic)
        else:
            self.walk.command(lambda house, connection: self._do(house, connection, *offer))
            handle.fire()
        self.deliver()
        self.settle()
        return True

    def _do(self, house: Any, connection: Any, row: int, token: str) -> None:
        case = house.engine.load(connection, row)
        if token.startswith("w"):
            house.engine.trigger(connection, case, token, None, "timer_fired")
        else:
            house.engine.complete(connection, case, token, {}, {})
            connection.execute(Seat.__table__.update().where(Seat.instance_id == row, Seat.token == token).values(status="completed"))

    def deliver(self) -> None:
        """Signals that were thrown reach the jobs, and through them exactly those that the standard names."""
        jobs = [job.argument for job in self.walk.rows(select(Job.__table__)) if job.kind == "signal"]
        names = {offer: name for name, offer in self.offers()}
        there = sorted(names[tuple(target)] for job in jobs for target in job["targets"] if tuple(target) in names)
        world = next(iter(self.worlds.values()))
        live = [handle for one in self.worlds.values() for handle in one.handles]
        assert there == sorted(handle.name for handle in world.air.carried if handle in live)
        self.walk.work()

    def settle(self) -> None:
        """What went off by itself there goes off here, in the same order; then both must offer the same."""
        family = self.families()
        for kind, row, name in self.heard():
            world = self.worlds[family[row]]
            handle = self._meant(world, kind, row, name)
            if kind == "signal_received":
                world.deliver(handle)
            else:
                world.turn_true(handle)
        for case_id, world in self.worlds.items():
            world.air.carried = [handle for handle in world.air.carried if any(handle in one.handles for one in self.worlds.values())]
            assert world.settled(), "an event that should have gone off did not"
            live = [row.id for row in self.walk.instances() if row.status == "active" and family[row.id] == case_id]
            assert (not live) == world.ended and (case_id in live) != world.ended, f"live are the rows {live}"
        assert not self.over or self.walk.ended, "something is left of the cases though they are over"
        self.link(family)
        self.compare_kept(family)

    def _meant(self, world: World, kind: str, row: int, name: str) -> Handle:
        """The first wait of this name in this row that may go off; else one that was opened in this very step."""
        linked = [handle for (there, _), handle in self.links.items() if there == row and handle.name == name and handle in world.handles]
        if kind == "signal_received":
            return next(handle for handle in linked if handle in world.air.carried)
        return next(handle for handle in [*linked, *world.fresh.get(name, [])] if handle in world.handles and not handle.held)

    def link(self, family: dict[int, int]) -> None:
        """Every new offer there is a new offer here, of the same name and case, and what is gone there is gone here."""
        offers = self.offers()
        for case_id, world in self.worlds.items():
            fresh = [(name, offer) for name, offer in offers if family[offer[0]] == case_id and offer not in self.links]
            for name in {name for name, _ in fresh} | set(world.fresh):
                here = [offer for found, offer in fresh if found == name]
                there = [handle for handle in world.fresh.get(name, []) if handle in world.handles]
                assert len(here) == len(there), f"{name} is offered {len(here)} times anew, not {len(there)} times"
                self.links |= dict(zip(here, there, strict=True))
            world.fresh = {}
        present = {offer for _, offer in offers}
        self.links = {offer: handle for offer, handle in self.links.items() if offer in present}
        assert set(self.links) == present
        assert set(self.links.values()) == {handle for world in self.worlds.values() for handle in world.handles}

    def compare_kept(self, family: dict[int, int]) -> None:
        """Counters and what called processes gave back stand where they belong."""
        for case_id, world in self.worlds.items():
            rows = [row.variables for row in self.walk.instances() if family[row.id] == case_id and row.status == "active"]
            here = sorted(sorted((name, value) for name, value in row.items() if name in self.drawn.kept) for row in rows)
            there = [] if world.ended else sorted(sorted((home.counters or {}).items()) for home in world.root.homes())
            assert here == there, f"kept are {here}, not {there}"

    @property
    def over(self) -> bool:
        """Whether all cases are."""
        return all(world.ended for world in self.worlds.values())


def run(seed: int, features: frozenset[str], cases: int) -> Both:
    """Walk random cases of one random diagram."""
    source = random.Random(f"engine {seed}")
    both = Both(deployable_tree(source, features, DEEPEST, BOUNDED), Answers(source.getrandbits(32)), cases)
    for _ in range(STEPS):
        if both.over:
            break
        both.answers.step += 1
        for world in both.worlds.values():
            world.moment = both.answers.step
        both.change_data()
        both.act(source)
    return both


@pytest.mark.parametrize("seed", range(8))
def test_the_engine_offers_what_the_process_tree_says(seed: int) -> None:
    both = run(seed, FEATURES, 1 + seed % 2)
    assert both.walk.rows(select(func.count()).select_from(HistoryRow))[0][0] > 0


@pytest.mark.parametrize("feature", sorted(NEW))
@pytest.mark.parametrize("seed", range(1))
def test_each_construct_in_the_engine_is_what_the_process_tree_says(feature: str, seed: int) -> None:
    features = PLAIN | {feature} | ({"many"} if feature in ("enough", "counting") else set())
    source = random.Random(f"{feature} {seed}")
    while True:
        number = source.getrandbits(32)
        drawn = deployable_tree(random.Random(f"engine {number}"), features, DEEPEST, BOUNDED)
        if MARKS[feature] in b"".join(drawn.files.values()):
            break
    run(number, features, 2)


MARKS = {
    "link": b"linkEventDefinition name", "signal": b"<bpmn:intermediateThrowEvent", "condition": b"conditionalEventDefinition",
    "call": b"callActivity", "many": b"><bpmn:multiInstanceLoopCharacteristics", "enough": b"completionCondition", "counting": b"scriptTask",
}
