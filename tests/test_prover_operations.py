"""The random people of the prover use every operation there is, and each is accepted now and then: none is only ever refused."""

from __future__ import annotations

import random

from tests.prover_operations import STEPS, Tally, prove_operations

SEED, MOST = 5, 40  # diagrams, of 150 operations each


def test_every_operation_is_accepted_at_least_once() -> None:
    tally = Tally()
    for number in range(1, MOST + 1):
        prove_operations(random.Random(f"{SEED}/{number}"), STEPS, tally=tally)
        if not tally.never:
            break
    assert len(tally.known) > 40 and tally.never == []
