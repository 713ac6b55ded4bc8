"""The random people of the prover use every operation there is, and each is accepted now and then: none is only ever refused."""

from __future__ import annotations

import random

from tests.prover_office import Office
from tests.prover_operations import STEPS, Tally, prove_operations

SEED, MOST = 5, 40  # diagrams, of 150 operations each


def test_every_operation_is_accepted_at_least_once() -> None:
    tally = Tally()
    for number in range(1, MOST + 1):
        prove_operations(random.Random(f"{SEED}/{number}"), STEPS, tally=tally)
        if not tally.never:
            break
    assert len(tally.known) > 40 and tally.never == []


def test_an_office_whose_database_is_replaced_still_writes_texts_from_a_list() -> None:
    held = []  # memory taken between the offices, so that nothing of the last one lies where it lay
    for number in range(60):
        office = Office()
        texts = f"INSERT INTO membership (person_id, organisation_id, role) SELECT {number % 12 + 1}, 1, value FROM json_each(?)"
        office.rows(texts, '["guest"]')
        assert [tuple(row) for row in office.rows("SELECT person_id FROM membership WHERE role = 'guest'")] == [(number % 12 + 1,)]
        office.raw.rollback()
        office.close()
        held += [bytes(size) for size in range(64, 512, 8) for _ in range(20)]
