"""Runs random diagrams through the token machine and two reference interpreters, step by step, and counts where they differ.

`python3 run.py prove --operations N --seed S` runs many; `--only K` replays the K-th diagram of that seed and prints it.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NoReturn

from tests.prover_changes import prove_change
from tests.prover_nets import prove_net
from tests.prover_opinions import prove_opinion
from tests.prover_trees import FEATURES, Answers, Case, graph_of, prove_tree

# Anything the machine raises where the references go on is a violation, so that a broken machine cannot stop the count.
FAULTS = (Exception,)
STEPS = 60
ORDER = (prove_tree, prove_net, prove_change)
OPINION_EVERY = 50
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


def prove(operations: int, seed: int, report: Report, opinion_every: int = OPINION_EVERY) -> Found:
    """Run at least so many random operations; `report` is told of every violation and of progress."""
    found, number, told = Found(), 0, 0
    while found.operations < operations:
        number += 1
        _one(seed, number, found, report, opinion_every)
        if found.operations - told >= max(operations // 10, 1):
            told = found.operations
            report(f"{found.operations} operations, {found.violations} violations")
    return found


def _one(seed: int, number: int, found: Found, report: Report, opinion_every: int, trail: Trail | None = None) -> None:
    """Diagram `number` of a seed: the same whatever was run before."""
    source, trail = random.Random(f"{seed}/{number}"), trail or Trail()
    runner = ORDER[number % 3]
    name = runner.__name__
    try:
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
        found.operations += 1
        where = f"{name} --seed {seed} --only {number}, {trail.last}"
        report(f"VIOLATION {where}: {type(error).__name__}: {str(error)[:300]}")


@dataclass
class Replayed:
    """One diagram run alone: what was found, what was reported, and its trail."""

    found: Found = field(default_factory=Found)
    report: list[str] = field(default_factory=list)
    trail: Trail = field(default_factory=Trail)


def replay(seed: int, number: int, opinion_every: int = OPINION_EVERY) -> Replayed:
    """Run diagram `number` of a seed alone."""
    alone = Replayed()
    _one(seed, number, alone.found, alone.report.append, opinion_every, alone.trail)
    return alone


def main() -> NoReturn:
    """Parse arguments, run, print; exit 1 when there was a violation."""
    parser = argparse.ArgumentParser(prog="run.py prove", description="Random work on the token machine against two reference interpreters.")
    parser.add_argument("--operations", type=int, default=100_000, help="how many random operations")
    parser.add_argument("--seed", type=int, default=20261122, help="repeat an earlier run")
    parser.add_argument("--only", type=int, help="replay one diagram of this seed and print its file and steps")
    parser.add_argument("--opinion-every", type=int, default=OPINION_EVERY, help="ask SpiffWorkflow about one diagram in so many (0: never)")
    arguments = parser.parse_args()
    if arguments.only is not None:
        alone = replay(arguments.seed, arguments.only, arguments.opinion_every)
        found = alone.found
        print("\n".join([*alone.trail.lines, *alone.report]))
    else:
        found = prove(arguments.operations, arguments.seed, lambda line: print(line, flush=True), arguments.opinion_every)
        print(", ".join(f"{count} diagrams by {name}" for name, count in sorted(found.kinds.items())))
    print(f"SpiffWorkflow disagrees ({found.outvoted}) in {found.asked} diagrams it was asked about")
    print(f"{found.operations} operations, {found.violations} violations")
    sys.exit(1 if found.violations else 0)


if __name__ == "__main__":
    main()
