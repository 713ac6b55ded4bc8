"""他人已办: what somebody could have decided and somebody else did, in the order of the decisions, page by page."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app import House
from tasks.worklist import Filters
from tests.child_stage import Report
from tests.voting_stage import Committee

pytestmark = pytest.mark.usefixtures("database")


def others(committee: Committee, who: str, view: str = "others", **given: object) -> list[int]:
    with committee.house.store.read() as connection:
        actor = committee.house.people.actor(connection, committee.people[who])
        return [row.seat_id for row in committee.house.worklist.page(connection, actor, view, filters=Filters(**given)).rows]  # type: ignore[arg-type]


def test_what_a_colleague_of_the_pool_decided_stands_among_what_others_decided(house: House) -> None:
    report = Report(house)
    seat = report.seat()
    report.decide("sun", "approve", seat)
    with house.store.read() as connection:
        lists = {
            who: [row.seat_id for row in house.worklist.page(connection, house.people.actor(connection, report.people[who]), "others").rows]
            for who in ("qian", "sun", "stranger")
        }
    assert lists["qian"] == [seat.id] and seat.id not in lists["sun"] and lists["stranger"] == []


def test_a_vote_no_longer_wanted_stands_there_for_whoever_was_asked(house: House) -> None:
    committee = Committee(house, voting='{"rule": "any"}')
    committee.start("zhao", "qian", "univ_principal@U1")
    committee.vote("zhao")
    assert others(committee, "qian") == [committee.seat_of("qian").id]
    assert len(others(committee, "head")) == 1 and others(committee, "zhao") == [] and others(committee, "sun") == []
    assert others(committee, "zhao", "done") == [committee.seat_of("zhao").id]


def test_the_newest_decision_comes_first_and_pages_neither_skip_nor_repeat(house: House) -> None:
    committee = Committee(house, voting='{"rule": "any"}')
    seats = []
    for number in range(7):
        committee.start("zhao", "qian")
        committee.vote("zhao", "approve" if number % 2 else "reject")
        seats.append(committee.seat_of("qian").id)
        house.clock.advance(timedelta(minutes=1))  # type: ignore[attr-defined]
    found: list[int] = []
    after = None
    with house.store.read() as connection:
        actor = house.people.actor(connection, committee.people["qian"])
        while True:
            page = house.worklist.page(connection, actor, "others", after=after, size=3)
            found += [row.seat_id for row in page.rows]
            if page.next is None:
                break
            after = page.next
        back = house.worklist.page(connection, actor, "others", after=page.previous, size=3)
    assert found == seats[::-1]
    assert [row.seat_id for row in back.rows] == found[3:6]
    assert others(committee, "qian", process_id="nothing") == [] and others(committee, "qian", process_id="committee") == found
