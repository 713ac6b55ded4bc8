"""The random people of the prover use every operation there is, and print how often it was accepted."""

from __future__ import annotations

import random

from tests.prover_operations import STEPS, Tally, prove_operations

SEED, DIAGRAMS = 5, 10


def test_every_operation_is_accepted_at_least_once() -> None:
    tally = Tally()
    for number in range(1, DIAGRAMS + 1):
        prove_operations(random.Random(f"{SEED}/{number}"), STEPS, tally=tally)
    assert len(tally.known) > 40 and tally.never == []
