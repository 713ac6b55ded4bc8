"""Random operations by random people on random diagrams with votes, signers and four-eyes; after each step the invariants are checked.

Between any two steps the house may be built anew over its database, and a command may die at any of its statements and be tried again.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from tests.prover_acts import Acts, Attempt
from tests.prover_invariants import Invariants, Step
from tests.prover_models import Model, dressed_again, grown
from tests.prover_office import Crash, Office
from tests.prover_trees import Note, silent
from workflows.errors import Rejection

STEPS = 150  # of one diagram
RELOADS, CRASHES, REDEPLOYS = 0.05, 0.07, 0.01
LATEST = 40  # a crash comes at one of the first so many statements


@dataclass
class Tally:
    """What walks did: attempts by verb, and how many of them were refused, died or were followed by a reload; refused diagrams.

    `known`: every verb that could have been tried.
    """

    known: set[str] = field(default_factory=set)
    done: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    crashes: int = 0
    reloads: int = 0
    probes: Counter[str] = field(default_factory=Counter)
    diagrams: int = 0
    diagrams_refused: int = 0

    @property
    def never(self) -> list[str]:
        """The verbs that were not once accepted."""
        return sorted(verb for verb in self.known if self.done[verb] == self.refused[verb])

    def __str__(self) -> str:
        verbs = ", ".join(f"{verb} {number - self.refused[verb]} of {number}" for verb, number in self.done.most_common())
        probes = ", ".join(f"{name} {number}" for name, number in self.probes.most_common())
        return (
            f"accepted: {verbs}\nnever accepted: {', '.join(self.never) or 'none'}\n{self.crashes} commands died and were tried again, {self.reloads} reloads, "
            f"{self.diagrams} diagrams ({self.diagrams_refused} refused by the checks)\nprobes: {probes}"
        )


def prove_operations(
    source: random.Random, steps: int = STEPS, note: Note = silent, tally: Tally | None = None, grow: Callable[[random.Random], Model] = grown
) -> int:
    """One random diagram with people at work; the number of attempts. AssertionError: an invariant does not hold."""
    tally = tally if tally is not None else Tally()
    while True:
        model, office = grow(source), Office()
        try:
            office.command(lambda house, connection: house.definitions.deploy(connection, model.files, None))
            break
        except Rejection:
            tally.diagrams_refused += 1
            office.close()
    tally.diagrams += 1
    for name, content in model.files.items():
        if name.endswith(".bpmn"):
            note(content.decode())
    try:
        return Walk(source, office, model, note, tally).run(steps)
    finally:
        office.close()


class Walk:
    """One office at work."""

    def __init__(self, source: random.Random, office: Office, model: Model, note: Note, tally: Tally) -> None:
        self.random, self.office, self.model, self.note, self.tally = source, office, model, note, tally
        self.acts = Acts(office, model, source)
        tally.known |= set(self.acts.verbs)
        self.invariants = Invariants(office, source, tally.probes)

    def run(self, steps: int) -> int:
        """So many steps; the first starts a case."""
        self._step(0, self.acts.start())
        for number in range(1, steps):
            self.office.later(timedelta(seconds=self.random.randint(0, 6)))
            if self.random.random() < REDEPLOYS:
                self._redeploy()
            self._step(number, self.acts.attempt())
        self.invariants.at_the_end()
        return steps

    def _redeploy(self) -> None:
        """The same diagram with other settings becomes the current version while cases run."""
        files = dressed_again(self.random, self.model)
        try:
            self.office.command(lambda house, connection: house.definitions.deploy(connection, files, None))
            self.note("another version is deployed")
        except Rejection:
            self.tally.diagrams_refused += 1

    def _step(self, number: int, attempt: Attempt) -> None:
        verb = attempt.verb
        self.note(f"step {number}: {attempt.label}")
        self.tally.done[verb] += 1
        before = self.office.bytes()
        if self.random.random() < CRASHES:
            self._die(attempt, before)
        refused: Rejection | None = None
        try:
            self._run(attempt)
        except Rejection as rejection:
            refused = rejection
            self.note(f"  refused: {rejection.en}")
            self.tally.refused[verb] += 1
        if self.random.random() < RELOADS:
            self.tally.reloads += 1
            self.office.reload()
            self.note("  reloaded")
        self.invariants.check(Step(number, attempt, before, refused))

    def _run(self, attempt: Attempt) -> Any:
        if attempt.several is not None:
            return attempt.several()
        assert attempt.act is not None
        return self.office.command(attempt.act)

    def _die(self, attempt: Attempt, before: bytes) -> None:
        """The process dies in the middle; then another goes on with what is stored."""
        after = self.random.randint(0, LATEST)
        try:
            with self.office.dying(after):
                self._rehearsed(attempt)
        except Crash:
            self.tally.crashes += 1
            self.note(f"  died at statement {after}")
            if attempt.several is None:
                assert self.office.bytes() == before or not self.office.changed(before, everything=True), "a command that died has left something behind"
            self.office.reload()
        except (Rejection, _Lived):
            pass

    def _rehearsed(self, attempt: Attempt) -> None:
        """Run it, but keep nothing of it when it does not die: then it is run for good afterwards."""
        if attempt.several is not None:
            attempt.several()
            return
        act = attempt.act
        assert act is not None

        def whole(house: Any, connection: Any) -> None:
            act(house, connection)
            raise _Lived

        self.office.command(whole)


class _Lived(Exception):
    """It did not die."""


__all__ = ["STEPS", "Tally", "prove_operations"]
