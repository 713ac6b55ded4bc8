"""Runs random diagrams through the token machine and two reference interpreters, and random people through random diagrams; counts violations.

`python3 run.py prove --operations N --seed S` runs many; `--layer L --only K` replays the K-th diagram of that layer and seed and prints it.
"""

from __future__ import annotations

import argparse
import logging
import random
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NoReturn

from tests.prover_changes import prove_change
from tests.prover_nets import prove_net
from tests.prover_operations import Tally, prove_operations
from tests.prover_opinions import prove_opinion
from tests.prover_trees import FEATURES, Answers, Case, graph_of, prove_tree

# Anything the machine raises where the references go on is a violation, so that a broken machine cannot stop the count.
FAULTS = (Exception,)
STEPS = 60
ORDER = (prove_tree, prove_net, prove_change)
OPINION_EVERY = 50
MACHINE, PEOPLE = "machine", "operations"
PEOPLE_SHARE = 10  # of so many operations one is by people, where both layers are run
Report = Callable[[str], None]
__all__ = ["FEATURES", "Answers", "Case", "graph_of", "prove", "prove_change", "prove_net", "prove_tree"]


@dataclass
class Found:
    """What a run found: operations done, violations, diagrams that SpiffWorkflow was asked about, and where it alone differs."""

    operations: int = 0
    violations: int = 0
    asked: int = 0
    outvoted: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    people: Tally = field(default_factory=Tally)


@dataclass
class Trail:
    """Where a diagram is at: noted while it runs, printed when it fails."""

    lines: list[str] = field(default_factory=list)

    def __call__(self, line: str) -> None:
        self.lines.append(line)

    @property
    def last(self) -> str:
        """The last step; diagrams begin with "<"."""
        return next((line for line in reversed(self.lines) if not line.startswith("<")), "at the start")

    @property
    def steps(self) -> int:
        """How many steps were begun, 1 at least."""
        return max(1, sum(line.startswith("step ") for line in self.lines))


def prove(operations: int, seed: int, report: Report, opinion_every: int = OPINION_EVERY, layer: str = MACHINE) -> Found:
    """Run at least so many random operations of a layer; `report` is told of every violation and of progress."""
    found, number, told = Found(), 0, 0
    while found.operations < operations:
        number += 1
        _one(seed, number, found, report, opinion_every, layer=layer)
        if found.operations - told >= max(operations // 10, 1):
            told = found.operations
            report(f"{found.operations} operations, {found.violations} violations")
    return found


def _one(
    seed: int, number: int, found: Found, report: Report, opinion_every: int, trail: Trail | None = None, layer: str = MACHINE
) -> None:
    """Diagram `number` of a layer and seed: the same whatever was run before."""
    source, trail = random.Random(f"{seed}/{number}"), trail or Trail()
    runner = ORDER[number % 3]
    name = runner.__name__
    try:
        if layer == PEOPLE:
            name = prove_operations.__name__
            found.operations += prove_operations(source, note=trail, tally=found.people)
            found.kinds[name] += 1
            return
        if opinion_every and number % opinion_every == 0:
            name = prove_opinion.__name__
            steps, outvoted = prove_opinion(source, trail)
            found.asked += 1
            found.outvoted += outvoted
        else:
            steps = runner(source, STEPS, trail)
        found.operations += max(1, steps)
        found.kinds[name] += 1
    except FAULTS as error:
        found.violations += 1
        found.operations += trail.steps
        where = f"{name} --layer {layer} --seed {seed} --only {number}, {trail.last[:200]}"
        report(f"VIOLATION {where}: {type(error).__name__}: {str(error)[:300]}")


@dataclass
class Replayed:
    """One diagram run alone: what was found, what was reported, and its trail."""

    found: Found = field(default_factory=Found)
    report: list[str] = field(default_factory=list)
    trail: Trail = field(default_factory=Trail)


def replay(seed: int, number: int, opinion_every: int = OPINION_EVERY, layer: str = MACHINE) -> Replayed:
    """Run diagram `number` of a layer and seed alone."""
    alone = Replayed()
    _one(seed, number, alone.found, alone.report.append, opinion_every, alone.trail, layer)
    return alone


def main() -> NoReturn:
    """Parse arguments, run, print; exit 1 when there was a violation."""
    parser = argparse.ArgumentParser(
        prog="run.py prove", description="Random work on the token machine against two reference interpreters, and of random people against ten invariants.",
    )
    parser.add_argument("--operations", type=int, default=100_000, help="how many random operations")
    parser.add_argument("--seed", type=int, default=20261122, help="repeat an earlier run")
    parser.add_argument("--layer", choices=(MACHINE, PEOPLE), help="the token machine, or people at work on it; else both, nine to one")
    parser.add_argument("--only", type=int, help="replay one diagram of this seed (and layer; else the machine's) and print its file and steps")
    parser.add_argument("--opinion-every", type=int, default=OPINION_EVERY, help="ask SpiffWorkflow about one diagram in so many (0: never)")
    arguments = parser.parse_args()
    logging.disable(logging.CRITICAL)  # a job that dies on purpose says so at length
    runs = _only(arguments) if arguments.only is not None else _all(arguments)
    if asked := sum(found.asked for found in runs):
        print(f"SpiffWorkflow disagrees ({sum(found.outvoted for found in runs)}) in {asked} diagrams it was asked about")
    violations = sum(found.violations for found in runs)
    print(f"{sum(found.operations for found in runs)} operations, {violations} violations")
    sys.exit(1 if violations else 0)


def _only(arguments: argparse.Namespace) -> list[Found]:
    alone = replay(arguments.seed, arguments.only, arguments.opinion_every, arguments.layer or MACHINE)
    print("\n".join([*alone.trail.lines, *alone.report]))
    return [alone.found]


def _all(arguments: argparse.Namespace) -> list[Found]:
    people = arguments.operations if arguments.layer == PEOPLE else 0 if arguments.layer else arguments.operations // PEOPLE_SHARE
    runs = []
    for layer, number in ((MACHINE, arguments.operations - people), (PEOPLE, people)):
        if number:
            runs.append(prove(number, arguments.seed, lambda line: print(line, flush=True), arguments.opinion_every, layer))
    print(", ".join(f"{count} diagrams by {name}" for found in runs for name, count in sorted(found.kinds.items())))
    for found in runs:
        if found.people.diagrams:
            print(found.people)
    return runs


if __name__ == "__main__":
    main()
