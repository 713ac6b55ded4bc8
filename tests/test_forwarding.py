"""转办: another candidate takes the place, and nobody else can be put there."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert, select, update

from app import House
from tasks.models import CaseActor, Draft, Membership, Organisation, SeatOffer
from tests.child_stage import SEAT, Report, dump
from tests.voting_stage import Committee
from workflows.engine import INSTANCE
from workflows.errors import Conflict, Forbidden, InvalidForm, Rejection


@pytest.fixture
def report(house: House) -> Report:
    return Report(house)


def test_forwarded_work_is_the_others_and_the_flow_goes_on(report: Report) -> None:
    seat = report.seat()
    report.do("claim", "qian", seat.id)
    report.do("save_draft", "qian", seat.id, {"note": "看过"})
    answer = report.perform("forward", "qian", seat, person="sun", reason="外出")
    assert not answer.stay and report.again(seat).owner_id == report.people["sun"] and report.offers(seat) == {"sun"}
    assert seat.id in report.todo("sun") and seat.id not in report.todo("qian")
    fact = report.facts("forwarded")[-1]
    assert (fact.detail["from"], fact.detail["to"], fact.detail["reason"]) == (report.people["qian"], report.people["sun"], "外出")
    assert fact.detail["drafts"] == [{"person": report.people["qian"], "values": {"note": "看过"}}]
    assert report.rows(select(Draft.seat_id)) == [] and any("转给您办理，理由：外出" in text for text in report.told("sun", "forwarded"))
    with pytest.raises(Rejection):
        report.decide("qian", seat=seat)
    report.decide("sun", "approve", seat)
    assert report.outcome == "approve"
    report.whole()


@pytest.mark.parametrize(("who", "words"), [
    ("qian", "本人"), ("applicant", "申请人"), ("stranger", "不是该环节的可办理人员"), ("writer", "经办与复核"), ("wu", "不是该环节的可办理人员"),
])
def test_nobody_but_another_candidate_gets_it(report: Report, who: str, words: str) -> None:
    seat = report.seat()
    report.do("claim", "qian", seat.id)
    with report.house.store.read() as connection:
        before = dump(connection)
    with pytest.raises(Rejection, match=words):
        report.perform("forward", "qian", seat, person=who, reason="外出")
    with report.house.store.read() as connection:
        assert dump(connection) == before


def test_a_reason_is_needed(report: Report) -> None:
    with pytest.raises(InvalidForm):
        report.perform("forward", "qian", report.seat(), person="sun", reason=" ")


def test_whoever_has_a_seat_here_gets_no_second_one(report: Report) -> None:
    seat = report.seat()
    report.perform("ask", "qian", seat, person="writer", text="数字对吗？")
    report.perform("add_after", "qian", seat, people=["sun"])
    with pytest.raises(Conflict, match="已有席位"):
        report.perform("forward", "qian", seat, person="sun", reason="外出")


def test_only_who_may_act_forwards_and_not_while_it_waits(report: Report) -> None:
    seat = report.seat()
    with pytest.raises(Forbidden):
        report.perform("forward", "stranger", seat, person="sun", reason="外出")
    report.perform("delegate", "qian", seat, person="sun")
    with pytest.raises(Conflict):
        report.perform("forward", "qian", seat, person="li", reason="外出")


def test_the_model_may_leave_forwarding_out(house: House) -> None:
    report = Report(house, operations="delegate,comment")
    with pytest.raises(Conflict, match="没有开放"):
        report.perform("forward", "qian", report.seat(), person="sun", reason="外出")


def test_the_chooser_lists_candidates_with_load_and_refusals(report: Report) -> None:
    seat = report.seat()
    report.do("claim", "qian", seat.id)
    with report.house.store.transaction() as connection:  # the writer becomes a clerk: a candidate, kept out by four eyes
        office = select(Organisation.id).where(Organisation.code == "U1").scalar_subquery()
        connection.execute(insert(Membership).values(person_id=report.people["writer"], organisation_id=office, role="univ_clerk"))
    listed = {int(choice.value): choice for choice in report.choices("forward", "qian", seat)["person"]}
    assert set(listed) == {report.people[who] for who in ("sun", "li", "zhou", "writer")}
    assert listed[report.people["sun"]].zh == "孙审核（在办 0 件）" and listed[report.people["sun"]].refused is None
    refused = listed[report.people["writer"]].refused
    assert refused is not None and "经办与复核" in refused["zh"]
    shown = report.preview("forward", "qian", seat, person="sun")
    assert shown.refused is None and "在办 0 件" in shown.lines[0].zh
    assert report.preview("forward", "qian", seat, person="applicant").refused == {"zh": "不能转给申请人。", "en": "It cannot be forwarded to the applicant."}


def test_members_of_today_count_not_those_of_the_entry(report: Report) -> None:
    seat = report.seat()
    report.do("claim", "qian", seat.id)
    with report.house.store.transaction() as connection:
        connection.execute(update(Membership).where(Membership.person_id == report.people["sun"]).values(valid_to=report.house.clock.today().replace(day=1)))
    with pytest.raises(Forbidden, match="不是该环节的可办理人员"):
        report.perform("forward", "qian", seat, person="sun", reason="外出")


def test_a_forwarded_vote_keeps_its_place_and_its_line(house: House) -> None:
    committee = Committee(house)
    committee.start("zhao", "univ_clerk@U1", "sun")
    seat = next(one for one in committee.seats() if one.participant == "univ_clerk@U1")
    committee.do("claim", "qian", seat.id)
    _forward(committee, "qian", seat, "li")
    now = next(one for one in committee.seats() if one.id == seat.id)
    assert (now.owner_id, now.participant, now.position, now.veto) == (committee.people["li"], seat.participant, seat.position, seat.veto)
    with pytest.raises(Conflict, match="已有席位"):
        _forward(committee, "li", seat, "sun")
    named = next(one for one in committee.seats() if one.participant == f"person:{committee.people['zhao']}")
    with pytest.raises(Forbidden, match="本人投"):
        _forward(committee, "zhao", named, "zhou")


def _forward(committee: Committee, who: str, seat: Any, to: str) -> None:
    with committee.house.store.transaction() as connection:
        actor = committee.house.people.actor(connection, committee.people[who])
        committee.house.tasks.operations.perform(connection, actor, "forward", seat.id, {"person": committee.people[to], "reason": "外出"})


def test_forwarding_gives_no_sight_beyond_the_case(report: Report) -> None:
    seat = report.seat()
    report.do("claim", "qian", seat.id)
    report.perform("forward", "qian", seat, person="sun", reason="外出")
    assert report.rows(select(SeatOffer.candidate).where(SeatOffer.candidate == f"person:{report.people['sun']}", SeatOffer.seat_id != seat.id)) == []
    assert report.people["qian"] not in {row.person_id for row in report.rows(select(CaseActor.person_id))}
    assert report.rows(select(INSTANCE.c.status)) == [("active",)] and report.rows(select(SEAT.c.owner_id).where(SEAT.c.status == "open")) == [(report.people["sun"],)]
