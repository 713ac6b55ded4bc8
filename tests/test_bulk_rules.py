"""批量: what many decisions at once need beside what each one needs – a comment on refusals, outcomes meant for it, one time in which all can be taken back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app import House
from tasks.models import UndoRecord
from tests.voting_stage import FOLDER, Committee
from workflows.errors import Rejection
from workflows.models import CommandItem

ONE_BY_ONE = '[{"value": "approve", "zh": "同意", "en": "Approve", "bulk": false}, {"value": "reject", "zh": "不同意", "en": "Reject", "style": "danger"}]'


@pytest.fixture
def desk(house: House) -> Committee:
    return Committee(house, "approval_chain", FOLDER.parent / "approval_chain", **{"first:bulk": "true"})


def cases(desk: Committee, number: int) -> list[Any]:
    """So many cases that wait for zhao, by their seats."""
    return [(desk.start_chain("zhao", "qian", "qian"), desk.seats("first")[0])[1] for _ in range(number)]


def bulk(desk: Committee, seats: list[Any], outcome: str, **values: str) -> int:
    command: int = desk.do("bulk_complete", "zhao", [(seat.id, seat.revision) for seat in seats], outcome, values)
    return command


def left(desk: Committee, command: int) -> list[str | None]:
    return [row.reason for row in desk.rows(select(CommandItem.reason).where(CommandItem.command_id == command).order_by(CommandItem.position))]


def test_refusing_many_needs_a_comment(desk: Committee) -> None:
    seats = cases(desk, 2)
    command = bulk(desk, seats, "reject")
    desk.house.commands.run_all(command)
    assert left(desk, command) == ["批量不同意或退回须写明意见。"] * 2 and desk.seats("first")[0].status == "open"
    command = bulk(desk, seats, "reject", opinion="材料不全")
    desk.house.commands.run_all(command)
    assert left(desk, command) == [None, None] and desk.seats("first")[0].outcome == "reject"


def test_agreeing_to_many_needs_none(desk: Committee) -> None:
    command = bulk(desk, cases(desk, 2), "approve")
    desk.house.commands.run_all(command)
    assert left(desk, command) == [None, None]


def test_an_outcome_that_is_given_one_by_one_is_refused_for_many_also_by_a_hand_made_request(house: House) -> None:
    desk = Committee(house, "approval_chain", FOLDER.parent / "approval_chain", **{"first:bulk": "true", "first:outcomes": ONE_BY_ONE})
    seats = cases(desk, 1)
    with pytest.raises(Rejection, match="逐件办理"):
        desk.do("complete", "zhao", seats[0].id, {}, "approve", bulk=True)
    desk.do("complete", "zhao", seats[0].id, {}, "approve")


def test_all_of_a_bulk_decision_can_be_taken_back_until_thirty_seconds_after_its_end(desk: Committee) -> None:
    house, seats = desk.house, cases(desk, 3)
    house.commands._handlers["bulk_complete"].chunk = 1
    command = bulk(desk, seats, "approve")
    while house.commands.run_chunk(command):
        house.clock.set(house.clock.now() + timedelta(seconds=20))  # type: ignore[attr-defined]
    ends = {row.expires_at for row in desk.rows(select(UndoRecord.expires_at))}
    assert ends == {house.clock.now() + timedelta(seconds=30)}
    house.clock.set(house.clock.now() + timedelta(seconds=29))  # type: ignore[attr-defined]
    assert desk.do("undo_command", "zhao", command) == (3, [])


def test_nothing_of_a_bulk_decision_is_taken_back_later(desk: Committee) -> None:
    command = bulk(desk, cases(desk, 2), "approve")
    desk.house.commands.run_all(command)
    desk.house.clock.set(desk.house.clock.now() + timedelta(seconds=31))  # type: ignore[attr-defined]
    undone, stayed = desk.do("undo_command", "zhao", command)
    assert undone == 0 and len(stayed) == 2 and "30 秒" in stayed[0]["zh"]
