"""A bounded run of `run.py faults`: the server dies in the middle of its work, and nothing is half done."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import text

from tests.faults import Faults, examine, opened, prepare_bulk, prepare_import


def test_a_server_killed_in_the_middle_of_a_bulk_approval_and_of_an_import_leaves_nothing_half_done() -> None:
    said: list[str] = []
    faults = Faults(said.append, seed=1)
    assert faults.run(rounds=1, kills=2, cases=160, rows=800) == []
    assert faults.kills == 4
    assert said[-1] == "0 faults"


def test_the_count_finds_a_half_case(tmp_path: Path) -> None:
    prepared = prepare_import(tmp_path / "house", 60)
    with opened(prepared.folder) as house:
        house.commands.run_all(prepared.command_id)
    assert examine(prepared) == []
    with opened(prepared.folder) as house, house.store.transaction() as connection:
        connection.execute(text("DELETE FROM seat_offer WHERE seat_id = (SELECT max(seat_id) FROM seat_offer)"))
        connection.execute(text("UPDATE command SET done = done - 1"))
        connection.execute(text("DELETE FROM history WHERE id = (SELECT max(id) FROM history)"))
    found = "; ".join(examine(prepared))
    assert "offered to nobody" in found and "rows at the end are missing" in found and "59 of 60" in found


def test_the_count_finds_an_approval_that_was_given_twice(tmp_path: Path) -> None:
    prepared = prepare_bulk(tmp_path / "house", 3)
    with opened(prepared.folder) as house:
        house.commands.run_all(prepared.command_id)
    assert examine(prepared) == []
    with opened(prepared.folder) as house, house.store.transaction() as connection:
        connection.execute(text("DELETE FROM undo_record WHERE seat_id = (SELECT max(seat_id) FROM undo_record)"))
        connection.execute(text("UPDATE command_item SET status = 'waiting' WHERE position = 1"))
    found = "; ".join(examine(prepared))
    assert "1 items still wait" in found and "2 ways back for 3 items" in found
