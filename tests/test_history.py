"""The audit trail: every fact is chained to the one before, and whatever is changed or removed later is found and named."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text

from tests.conftest import shanghai
from tests.web_office import Office
from workflows.business_calendar import FrozenClock
from workflows.history import GENESIS, SYSTEM, Author, Chain, facts, link, verify
from workflows.models import HistoryRow


@pytest.fixture
def office(tmp_path: Path, database: str) -> Iterator[Office]:
    found = Office(tmp_path, FrozenClock(shanghai("2026-06-18T09:00")))
    found.submitted(3)
    yield found
    found.close()


def damage(office: Office, statement: str) -> list[tuple[int, int, str]]:
    """Change the database behind the product's back; what the proof finds then."""
    with office.house.store.transaction() as connection:
        connection.execute(text(statement), {"bytes": b"[1]"} if ":bytes" in statement else {})
    with office.house.store.read() as connection:
        return list(verify(connection))


def test_an_untouched_trail_is_intact(office: Office) -> None:
    with office.house.store.read() as connection:
        assert connection.execute(select(HistoryRow.id)).first() is not None
        assert list(verify(connection)) == []


@pytest.mark.parametrize("column", [
    "kind = 'x'", "node_id = 'x'", "token = 'x'", "person = 999", "on_behalf_of = 999", "role = 'x'", "organisation = 'x'", "channel = 'x'",
    "definition_id = 2", "round = 7", "detail = :bytes", "at = '2020-01-01 00:00:00.000000'",
])
def test_a_changed_column_is_found_with_its_case_and_row(office: Office, column: str) -> None:
    found = damage(office, f"UPDATE history SET {column} WHERE instance_id = 2 AND sequence = 3")
    assert found == [(2, 3, "the row was changed after it was written")]


def test_a_row_whose_hash_was_made_to_fit_breaks_the_next_one(office: Office) -> None:
    with office.house.store.transaction() as connection:
        rows = facts(connection, 2)
        forged = {**rows[2]._mapping, "person": 999}
        connection.execute(text("UPDATE history SET person = 999, hash = :hash WHERE id = :id"), {"hash": link(rows[1].hash, forged), "id": rows[2].id})
    with office.house.store.read() as connection:
        assert list(verify(connection)) == [(2, 4, "the row was changed after it was written")]


def test_a_removed_row_is_found_in_the_middle_and_at_the_end(office: Office) -> None:
    found = damage(office, "DELETE FROM history WHERE instance_id = 1 AND sequence = 2")
    assert (1, 3, "row 2 is missing") in found and {case for case, _, _ in found} == {1}
    last = "(SELECT max(sequence) FROM history WHERE instance_id = 3)"
    found = damage(office, f"DELETE FROM history WHERE instance_id = 3 AND sequence = {last}")
    assert [problem for case, _, problem in found if case == 3] == ["rows at the end are missing"]


def test_a_case_whose_whole_trail_was_removed_is_found(office: Office) -> None:
    assert [problem for _, _, problem in damage(office, "DELETE FROM history WHERE instance_id = 1")] == ["rows at the end are missing"]


def test_rows_exchanged_between_two_cases_are_found(office: Office) -> None:
    found = damage(office, "UPDATE history SET instance_id = 5 - instance_id, sequence = 100 WHERE instance_id IN (2, 3) AND sequence = 3")
    assert {case for case, _, _ in found} == {2, 3}


def test_the_proof_of_one_case_looks_at_that_case_only(office: Office) -> None:
    damage(office, "UPDATE history SET kind = 'x' WHERE instance_id = 2 AND sequence = 3")
    with office.house.store.read() as connection:
        assert list(verify(connection, 1)) == [] and len(list(verify(connection, 2))) == 1


def test_every_fact_says_who_in_which_role_for_whom_by_which_way(office: Office) -> None:
    with office.house.store.read() as connection:
        completed = facts(connection, 1, ["activity_completed"])[0]
        started = facts(connection, 1, ["started"])[0]
    assert (completed.person, completed.channel, completed.round, completed.node_id) == (office.applicant, "web", 1, "fill_claim")
    assert (started.person, started.role, started.organisation) == (office.clerk, "univ_clerk", "U1")
    changes = completed.detail["changes"]
    assert changes["amount"] == [None, 100]


def test_a_refused_command_leaves_no_fact(office: Office) -> None:
    with office.house.store.read() as connection:
        before = len(connection.execute(select(HistoryRow.id)).all())
    with pytest.raises(Exception, match="分派"), office.house.store.transaction() as connection:
        office.house.tasks.complete(connection, office.house.people.actor(connection, office.stranger), office.seat(1, connection).id, {}, "approve")
    with office.house.store.read() as connection:
        assert len(connection.execute(select(HistoryRow.id)).all()) == before


def test_a_chain_goes_on_where_it_was_cut_into_commands() -> None:
    moment = shanghai("2026-06-18T09:00")
    whole, first = Chain(1, 1, 0, GENESIS), Chain(1, 1, 0, GENESIS)
    for number in range(4):
        whole.append("fact", moment + timedelta(seconds=number), 1, Author(person=number), detail={"n": number})
    for number in range(2):
        first.append("fact", moment + timedelta(seconds=number), 1, Author(person=number), detail={"n": number})
    second = Chain(1, 1, first.sequence, first.head)
    for number in range(2, 4):
        second.append("fact", moment + timedelta(seconds=number), 1, Author(person=number), detail={"n": number})
    assert [row["hash"] for row in whole.take()] == [row["hash"] for row in [*first.take(), *second.take()]]
    assert whole.take() == [] and SYSTEM.channel == "system"
