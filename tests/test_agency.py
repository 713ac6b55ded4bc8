"""代理: a second key to one seat, dated, scoped, depth 1; both see it, the first to act wins, and both are kept out elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, insert, select, update

from app import House
from tasks.keys.agencies import Absence
from tasks.models import CaseActor, Membership, Organisation, Seat
from tests.agency_stage import keys, later, revoke, stand_in
from tests.child_stage import SEAT, Report
from workflows.engine import StartItem
from workflows.errors import Conflict, Forbidden, InvalidForm, Rejection
from workflows.models import Incident


@pytest.fixture
def report(house: House) -> Report:
    return Report(house)


def new_case(report: Report) -> None:
    """Another report that waits for its review."""
    report._start()


def in_case_actor(report: Report, node: str = "review") -> set[str]:
    names = {number: login for login, number in report.people.items()}
    rows = report.rows(select(CaseActor.person_id).where(CaseActor.instance_id == report.instance, CaseActor.node_id == node))
    return {names[row.person_id] for row in rows}


def test_a_key_is_given_to_what_is_open_and_to_what_opens(report: Report) -> None:
    seat = report.seat()
    stand_in(report, "wu", "qian")
    assert keys(report, seat) == {"wu": "qian"} and seat.id in report.todo("wu") and seat.id in report.todo("qian")
    new_case(report)
    assert keys(report, report.seat()) == {"wu": "qian"}


def test_the_agent_s_decision_is_recorded_as_on_behalf_of_his_principal(report: Report) -> None:
    stand_in(report, "wu", "qian")
    seat = report.seat()
    report.decide("wu", "approve", seat)
    now = report.again(seat)
    assert (now.completed_by, now.on_behalf_of) == (report.people["wu"], report.people["qian"])
    assert in_case_actor(report) == {"wu", "qian"}
    fact = report.facts("activity_completed")[-1]
    assert (fact.person, fact.on_behalf_of) == (report.people["wu"], report.people["qian"])
    with pytest.raises(Conflict):
        report.decide("qian", "approve", seat)
    report.whole()


def test_whom_an_agent_stands_in_for_elsewhere_does_not_keep_him_out_here(report: Report) -> None:
    seat = report.seat()
    stand_in(report, "wu", "qian")
    stand_in(report, "wu", "writer")
    facts = {"name": "半年报告", "office": "U1", "writer": report.people["writer"], "applicant": report.people["applicant"],
             "remind": {"$datetime": report.house.clock.now().isoformat()}}
    with report.house.store.transaction() as connection:
        actor = report.house.people.actor(connection, report.people["writer"])
        report.house.tasks.start_many(connection, actor, "signed_report", [StartItem(facts)])
    assert "writer" in keys(report, report.rows(select(SEAT).where(SEAT.c.node_id == "write", SEAT.c.status == "open"))[0]).values()
    report.decide("wu", "approve", seat)  # the writer of this report is not the one he stands in for here
    assert report.again(seat).on_behalf_of == report.people["qian"]


def test_first_to_act_wins_also_the_principal(report: Report) -> None:
    stand_in(report, "wu", "qian")
    seat = report.seat()
    report.decide("qian", "approve", seat)
    assert report.again(seat).on_behalf_of is None and report.offers(seat) == set()
    with pytest.raises(Conflict):
        report.decide("wu", "approve", seat)


def test_what_the_principal_claimed_has_a_second_key_too(report: Report) -> None:
    stand_in(report, "wu", "qian")
    seat = report.seat()
    report.do("claim", "qian", seat.id)
    assert keys(report, seat) == {"wu": "qian"}
    report.decide("wu", "approve", seat)
    assert report.again(seat).on_behalf_of == report.people["qian"]


def test_a_claimed_seat_still_counts_for_the_principal(report: Report) -> None:
    stand_in(report, "wu", "qian")
    seat = report.seat()
    report.do("claim", "wu", seat.id)
    assert report.again(seat).owner_id == report.people["wu"] and seat.id not in report.todo("qian")
    assert any("代您领取" in text for text in report.told("qian"))
    report.perform("ask", "wu", seat, person="writer", text="数字对吗？")
    report.decide("wu", "approve", seat)
    assert report.again(seat).on_behalf_of == report.people["qian"] and in_case_actor(report) == {"wu", "qian"}


def test_involving_others_as_an_agent_keeps_whom_he_acts_for(report: Report) -> None:
    stand_in(report, "wu", "qian")
    seat = report.seat()
    report.perform("delegate", "wu", seat, person="sun")
    child = report.seat_of("sun")
    report.decide("sun", "suggest_agree", child, opinion="可以")
    report.decide("wu", "approve", seat)
    assert report.again(seat).on_behalf_of == report.people["qian"] and in_case_actor(report) == {"wu", "qian", "sun"}
    report.whole()


def test_the_agent_gets_the_case_not_the_office(report: Report) -> None:
    stand_in(report, "stranger", "qian")
    seat = report.seat()
    assert report.view("stranger", seat).may >= {"claim", "complete"}
    with report.house.store.read() as connection:
        actor = report.house.people.actor(connection, report.people["stranger"])
        assert "univ_clerk@U1" not in actor.candidates


def test_depth_is_one(report: Report) -> None:
    stand_in(report, "wu", "qian")
    stand_in(report, "stranger", "wu")
    seat = report.seat()
    assert keys(report, seat) == {"wu": "qian"}
    report.do("claim", "wu", seat.id)
    later(report, timedelta(seconds=5))
    assert keys(report, seat) == {}
    with pytest.raises(Conflict, match="已由吴审核"):
        report.do("claim", "stranger", seat.id)


def test_an_agent_kept_out_gets_no_key_and_an_alarm_says_so_once(report: Report) -> None:
    stand_in(report, "writer", "qian")
    new_case(report)
    seat = report.seat()
    assert keys(report, seat) == {}
    alarms = report.rows(select(Incident.message).where(Incident.kind == "agency_barred", Incident.instance_id == report.instance))
    assert len(alarms) == 1 and "文起草不能代钱审核办理" in alarms[0].message
    with pytest.raises(Forbidden):
        report.decide("writer", "approve", seat)


def test_the_applicant_is_nobody_s_agent_in_his_own_case(report: Report) -> None:
    with report.house.store.transaction() as connection:
        office = select(Organisation.id).where(Organisation.code == "U1").scalar_subquery()
        connection.execute(insert(Membership).values(person_id=report.people["applicant"], organisation_id=office, role="volunteer"))
    stand_in(report, "applicant", "qian")
    assert keys(report, report.seat()) == {}


def test_a_candidate_in_his_own_right_needs_no_key(report: Report) -> None:
    stand_in(report, "sun", "qian")
    seat = report.seat()
    assert keys(report, seat) == {}
    report.decide("sun", "approve", seat)
    assert report.again(seat).on_behalf_of is None


def test_a_principal_kept_out_by_four_eyes_has_no_agent_there(report: Report) -> None:
    with report.house.store.transaction() as connection:
        office = select(Organisation.id).where(Organisation.code == "U1").scalar_subquery()
        connection.execute(insert(Membership).values(person_id=report.people["writer"], organisation_id=office, role="univ_clerk"))
    stand_in(report, "wu", "writer")
    seat = report.seat()
    assert keys(report, seat) == {}
    with pytest.raises(Forbidden):
        report.decide("wu", "approve", seat)


def test_it_begins_and_ends_by_its_dates(report: Report) -> None:
    seat = report.seat()
    stand_in(report, "wu", "qian", begins=timedelta(hours=2), lasts=timedelta(hours=4))
    assert keys(report, seat) == {}
    later(report, timedelta(hours=2))
    assert keys(report, seat) == {"wu": "qian"}
    later(report, timedelta(hours=4))
    assert keys(report, seat) == {} and seat.id not in report.todo("wu")
    new_case(report)
    assert keys(report, report.seat()) == {}


def test_it_holds_in_its_process_only(report: Report) -> None:
    stand_in(report, "wu", "qian", process="another_process")
    assert keys(report, report.seat()) == {}
    stand_in(report, "wu", "qian", process="signed_report")
    assert keys(report, report.seat()) == {"wu": "qian"}


def test_what_the_agent_claimed_or_drafted_stays_until_it_is_taken_back(report: Report) -> None:
    first, first_case = report.seat(), report.instance
    new_case(report)
    second, second_case = report.seat(), report.instance
    new_case(report)
    third = report.seat()
    number = stand_in(report, "wu", "qian")
    report.do("claim", "wu", first.id)
    report.do("save_draft", "wu", second.id, {"note": "草稿"})
    revoke(report, "qian", number)
    assert report.again(first).owner_id == report.people["wu"] and keys(report, second) == {"wu": "qian"} and keys(report, third) == {}
    assert {first.id, second.id} <= report.todo("wu") and third.id not in report.todo("wu")
    report.perform("take_back_from_agent", "qian", first)
    report.perform("take_back_from_agent", "qian", second)
    assert report.again(first).owner_id == report.people["qian"] and not {first.id, second.id} & report.todo("wu")
    report.instance = second_case
    assert report.facts("taken_from_agent")[-1].detail["drafts"][0]["values"] == {"note": "草稿"}
    report.instance = first_case
    assert any("已收回" in text for text in report.told("wu"))
    report.decide("qian", "approve", first)
    assert report.again(first).on_behalf_of is None


def test_only_the_principal_takes_back(report: Report) -> None:
    stand_in(report, "wu", "qian")
    seat = report.seat()
    report.do("claim", "wu", seat.id)
    for who in ("sun", "wu", "stranger"):
        with pytest.raises(Rejection):
            report.perform("take_back_from_agent", who, seat)


def test_releasing_brings_pool_and_keys_back(report: Report) -> None:
    stand_in(report, "wu", "qian")
    seat = report.seat()
    report.do("claim", "wu", seat.id)
    report.do("release", "wu", seat.id)
    assert report.again(seat).owner_id is None and keys(report, seat) == {"wu": "qian"}


def test_when_the_principal_leaves_his_post_the_keys_to_it_are_gone(report: Report) -> None:
    stand_in(report, "wu", "qian")
    seat = report.seat()
    with report.house.store.transaction() as connection:
        connection.execute(update(Membership).where(Membership.person_id == report.people["qian"]).values(valid_to=report.house.clock.today()))
    later(report, timedelta(days=1))
    assert keys(report, seat) == {}
    with pytest.raises(Forbidden):
        report.decide("wu", "approve", seat)


def test_undo_lets_both_check_again(report: Report) -> None:
    stand_in(report, "wu", "qian")
    seat = report.seat()
    report.decide("wu", "approve", seat)
    report.do("undo", "wu", seat.id)
    assert in_case_actor(report) == set() and report.again(seat).status == "open"
    report.decide("qian", "approve", seat)


@pytest.mark.parametrize(("agent", "begins", "lasts"), [("qian", 0, 1), ("applicant", 0, 1), ("wu", 0, 0), ("wu", -2, 1)])
def test_a_wrong_agency_is_refused_in_words(report: Report, agent: str, begins: int, lasts: int) -> None:
    with pytest.raises(InvalidForm):
        stand_in(report, agent, "qian", begins=timedelta(days=begins), lasts=timedelta(days=lasts))


def test_one_stand_in_at_a_time_for_the_same_work(report: Report) -> None:
    number = stand_in(report, "wu", "qian")
    with pytest.raises(Conflict, match="已有代理人"):
        stand_in(report, "stranger", "qian")
    revoke(report, "qian", number)
    stand_in(report, "stranger", "qian")
    assert keys(report, report.seat()) == {"stranger": "qian"}
    with pytest.raises(Conflict, match="已经结束"):
        revoke(report, "qian", number)


def test_a_change_moves_the_keys(report: Report) -> None:
    number, now = stand_in(report, "wu", "qian"), report.house.clock.now()
    with report.house.store.transaction() as connection:
        actor = report.house.people.actor(connection, report.people["qian"])
        report.house.tasks.keys.agencies.change(connection, actor, number, Absence(report.people["stranger"], None, now, now + timedelta(days=1)))
    later(report, timedelta(seconds=5))
    assert keys(report, report.seat()) == {"stranger": "qian"}


def test_nobody_sets_one_up_for_somebody_else(report: Report) -> None:
    with pytest.raises(Forbidden):
        stand_in(report, "wu", "qian", by="sun")


def test_urging_reaches_the_agent_and_ends_with_the_decision(report: Report) -> None:
    stand_in(report, "wu", "qian")
    seat = report.seat()
    report.do("claim", "qian", seat.id)
    report.do("urge", "applicant", seat.id)
    assert any("催办" in text for text in report.told("wu", "urged")) and any("催办" in text for text in report.told("qian", "urged"))
    assert report.again(seat).urged == 1
    report.decide("wu", "approve", seat)
    assert report.again(seat).urged == 0


@contextmanager
def counted(house: House) -> Iterator[list[str]]:
    """The statements of a block."""
    found: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        found.append(statement)

    event.listen(house.store.engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(house.store.engine, "before_cursor_execute", note)


def test_a_seat_costs_no_statement_more_without_agencies_and_two_with_one(report: Report) -> None:
    def opened() -> int:
        facts = {"name": "另一份", "office": "U1", "writer": report.people["writer"], "applicant": report.people["applicant"], "remind": None}
        with report.house.store.transaction() as connection:
            actor = report.house.people.actor(connection, report.people["writer"])
            report.house.tasks.start_many(connection, actor, "signed_report", [StartItem(facts)])
            with counted(report.house) as found:
                report.house.tasks.start_many(connection, actor, "signed_report", [StartItem(facts)])
        return sum("agency" in statement for statement in found)

    assert opened() == 0
    stand_in(report, "wu", "writer")
    with report.house.store.transaction() as connection:
        connection.execute(update(Seat).where(SEAT.c.id == 0).values(urged=0))
    assert 1 <= opened() <= 2
