"""Operations that meet: agency with a vote, hand-over with a suspension, a claim with the end of a post, an undo with other people's votes."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select

from app import House
from tasks.actors import system_actor
from tasks.keys.agencies import Absence
from tasks.models import Membership, Organisation, SeatOffer
from tests.agency_stage import keys, later, revoke, stand_in
from tests.child_stage import Report
from tests.returning_walk import END, START, Office, chain, process, step
from tests.test_hand_over import leave, refusals
from tests.voting_stage import FOLDER, Committee
from workflows.errors import Conflict, Forbidden

pytestmark = pytest.mark.usefixtures("database")
IN_TURN, FIRST_ACT, EVERYBODY = '{"rule": "sequential"}', '{"rule": "any"}', '{"rule": "all"}'
CHAIN = START + step("apply") + step("sign", separate_from="apply") + END + chain("start", "apply", "sign", "end")


def agency(committee: Committee, agent: str, principal: str) -> None:
    house, now = committee.house, committee.house.clock.now()
    with house.store.transaction() as connection:
        actor = house.people.actor(connection, committee.people[principal])
        absence = Absence(committee.people[agent], None, now, now + timedelta(days=3))
        house.tasks.keys.agencies.create(connection, actor, committee.people[principal], absence)
    house.clock.set(now + timedelta(seconds=5))  # type: ignore[attr-defined]
    house.work_off()


def listed(stage: Any, who: str, view: str = "todo") -> set[int]:
    house = stage.house
    with house.store.read() as connection:
        return {row.seat_id for row in house.worklist.page(connection, house.people.actor(connection, stage.people[who]), view).rows}


def steer(stage: Any, verb: str) -> None:
    """Suspend or resume the case, as the house itself."""
    with stage.house.store.transaction() as connection:
        stage.house.tasks.operations.perform(connection, system_actor("cli"), verb, stage.instance, {"reason": "待核实材料"})


def end_post(stage: Any, who: str) -> None:
    house = stage.house
    with house.store.transaction() as connection:
        number = connection.execute(select(Membership.id).where(Membership.person_id == stage.people[who])).scalar_one()
        until = house.clock.today() - timedelta(days=1)
        house.people.administration.change_membership(connection, system_actor("cli"), number, valid_from=None, valid_to=until)
    house.work_off()


def disable(stage: Any, who: str) -> None:
    with stage.house.store.transaction() as connection:
        stage.house.people.administration.disable_person(connection, system_actor(), stage.people[who])
    stage.house.work_off()


def day_off(house: House, day: date) -> None:
    with house.store.transaction() as connection:
        house.calendar.set_day(connection, day, False, "全市停电放假", None)
    house.work_off()


# lists


def test_what_somebody_else_decided_among_several_is_others_work_and_not_mine(house: House) -> None:
    committee = Committee(house, voting=FIRST_ACT)
    committee.start("zhao", "qian", "univ_principal@U1")
    first, second, third = committee.seats()
    committee.vote("zhao")
    assert (listed(committee, "zhao", "done"), listed(committee, "zhao", "others")) == ({first.id}, set())
    assert (listed(committee, "qian", "done"), listed(committee, "qian", "others"), listed(committee, "head", "others")) == (set(), {second.id}, {third.id})


def test_what_an_agent_decided_is_his_work_done_and_others_work_of_his_principal(house: House) -> None:
    report = Report(house)
    stand_in(report, "wu", "qian")
    seat = report.seat()
    report.decide("wu", "approve", seat)
    assert seat.id in listed(report, "wu", "done") & listed(report, "qian", "others")
    assert seat.id not in listed(report, "qian", "done")


def test_whoever_returned_a_case_has_acted_on_it() -> None:
    office = Office(process(CHAIN)).begin().done("apply")
    seat = office.seat("sign").id
    office.give_back("sign", "apply", who="sun")
    assert seat in listed(office, "sun", "done") and seat not in listed(office, "sun", "others")


# agency


def test_whoever_votes_later_in_the_same_sequence_is_no_agent_of_an_earlier_voter(house: House) -> None:
    committee = Committee(house, voting=IN_TURN)
    agency(committee, "qian", "zhao")
    committee.start("zhao", "qian")
    assert (listed(committee, "qian"), committee.incidents()) == (set(), ["agency_barred"])
    committee.vote("zhao")
    committee.vote("qian")
    assert (committee.outcome, committee.states()) == ("approve", ["completed", "completed"])


def test_the_only_one_behind_a_voting_office_is_no_agent_of_another_voter(house: House) -> None:
    committee = Committee(house, voting=EVERYBODY)
    agency(committee, "head", "zhao")
    committee.start("zhao", "univ_principal@U1")
    assert listed(committee, "head") == {committee.seats()[1].id}


def test_an_agents_claim_of_a_vote_stays_when_another_voter_is_disabled(house: House) -> None:
    committee = Committee(house, voting=EVERYBODY)
    agency(committee, "sun", "zhao")
    committee.start("zhao", "qian", "li")
    committee.do("claim", "sun", committee.seats()[0].id)
    disable(committee, "qian")
    assert committee.seats()[0].owner_id == committee.people["sun"] and committee.states() == ["open", "cancelled", "open"]


def test_an_agents_claim_ends_with_the_post_of_his_principal(house: House) -> None:
    report = Report(house)
    stand_in(report, "wu", "qian")
    seat = report.seat()
    report.do("claim", "wu", seat.id)
    end_post(report, "qian")
    assert (report.again(seat).owner_id, report.offers(seat)) == (None, {"univ_clerk@U1"})
    assert any("委托人已不在该岗位" in text for text in report.told("wu"))


def test_an_undo_after_the_agency_is_over_gives_the_seat_back_to_the_pool_alone(house: House) -> None:
    report = Report(house)
    number = stand_in(report, "wu", "qian")
    seat = report.seat()
    report.decide("wu", "approve", seat)
    with house.store.transaction() as connection:
        house.tasks.keys.agencies.revoke(connection, house.people.actor(connection, report.people["qian"]), number)
    report.do("undo", "wu", seat.id)
    assert (keys(report, seat), report.offers(seat)) == ({}, {"univ_clerk@U1"})


def test_released_after_the_agency_is_over_it_reverts(house: House) -> None:
    report = Report(house)
    number = stand_in(report, "wu", "qian")
    seat = report.seat()
    report.do("claim", "wu", seat.id)
    revoke(report, "qian", number)
    assert report.again(seat).owner_id == report.people["wu"]
    report.do("release", "wu", seat.id)
    assert (keys(report, seat), report.offers(seat)) == ({}, {"univ_clerk@U1"})


# four eyes


def test_whoever_returned_a_case_may_not_do_the_step_apart_from_his_in_the_next_round() -> None:
    office = Office(process(CHAIN)).begin().done("apply")
    office.give_back("sign", "apply", who="sun")
    with pytest.raises(Forbidden, match="经办与复核"):
        office.done("apply", who="sun")
    office.done("apply", who="qian")


# claims and suspension


def test_a_late_decision_on_the_page_of_a_claim_that_ran_out_is_claim_and_decision(house: House) -> None:
    report = Report(house, claim_expires="4")
    seat = report.seat()
    report.do("claim", "qian", seat.id)
    shown = report.again(seat).revision
    later(report, timedelta(hours=5))
    report.do("claim", "sun", seat.id)
    with pytest.raises(Conflict, match="已由孙审核"):
        report.do("complete", "qian", seat.id, {}, "approve", shown)
    report.do("release", "sun", seat.id)
    report.do("complete", "qian", seat.id, {}, "approve", shown)
    assert report.again(seat).completed_by == report.people["qian"]


def test_an_old_page_of_somebody_who_released_it_himself_is_still_old(house: House) -> None:
    report = Report(house, claim_expires="4")
    seat = report.seat()
    report.do("claim", "qian", seat.id)
    shown = report.again(seat).revision
    report.do("release", "qian", seat.id)
    with pytest.raises(Conflict, match="刷新"):
        report.do("complete", "qian", seat.id, {}, "approve", shown)


def test_a_claim_does_not_run_out_while_the_case_stands_still_nor_sooner_after_it(house: House) -> None:
    report = Report(house, claim_expires="4")
    seat = report.seat()
    report.do("claim", "qian", seat.id)
    later(report, timedelta(hours=1))
    steer(report, "suspend")
    later(report, timedelta(hours=5))
    steer(report, "resume")
    later(report, timedelta(hours=2))
    assert report.again(seat).owner_id == report.people["qian"]
    later(report, timedelta(hours=1))
    assert report.again(seat).owner_id is None


def test_who_lost_his_post_during_a_suspension_loses_his_claim_when_it_is_over(house: House) -> None:
    report = Report(house)
    seat = report.seat()
    report.do("claim", "qian", seat.id)
    steer(report, "suspend")
    end_post(report, "qian")
    assert report.again(seat).owner_id == report.people["qian"]
    steer(report, "resume")
    assert (report.again(seat).owner_id, report.offers(seat)) == (None, {"univ_clerk@U1"})
    report.whole()


def test_involving_others_holds_a_seat_no_longer_than_a_claim_would(house: House) -> None:
    report = Report(house, claim_expires="4")
    seat = report.seat()
    report.perform("delegate", "qian", seat, person="sun")
    report.perform("take_back", "qian", seat)
    later(report, timedelta(hours=5))
    assert report.again(seat).owner_id is None


# hand-over


def test_a_vote_given_by_name_goes_to_the_successor_and_keeps_its_place(house: House) -> None:
    committee = Committee(house)
    committee.start("zhao", "qian", "sun")
    assert refusals(committee, leave(committee, "zhao", "li")) == []
    disable(committee, "zhao")
    assert committee.states() == ["open", "open", "open"]
    committee.vote("li", seat=committee.seats()[0])
    assert committee.seats()[0].status == "completed"


def test_a_vote_whose_turn_has_not_come_goes_over_too_and_is_offered_in_its_turn(house: House) -> None:
    committee = Committee(house, voting=IN_TURN)
    committee.start("qian", "zhao")
    assert refusals(committee, leave(committee, "zhao", "li")) == []
    assert (committee.states(), listed(committee, "li")) == (["open", "queued"], set())
    committee.vote("qian")
    assert listed(committee, "li") == {committee.seats()[1].id}
    committee.vote("li")
    assert committee.outcome == "approve"


def test_a_later_vote_closes_without_an_opinion_when_the_successor_votes_in_the_same_sequence(house: House) -> None:
    committee = Committee(house, voting=IN_TURN)
    committee.start("qian", "zhao")
    assert refusals(committee, leave(committee, "zhao", "qian")) == []
    assert committee.states() == ["open", "cancelled"]
    committee.vote("qian")
    assert committee.outcome == "approve"


def test_what_was_given_to_the_leaver_by_name_goes_to_a_successor_who_is_no_candidate(house: House) -> None:
    report = Report(house)
    report.decide("qian", "return", report.seat())
    mine = report.seat("write")
    assert refusals(report, leave(report, "writer", "wu")) == []
    report.do("release", "wu", mine.id)
    assert report.offers(mine) == {"wu"}
    report.decide("wu", "complete", mine)


def test_an_opinion_asked_of_the_leaver_is_asked_of_his_successor(house: House) -> None:
    report = Report(house)
    report.perform("delegate", "qian", report.seat(), person="sun")
    child = report.seat_of("sun")
    assert refusals(report, leave(report, "sun", "wu")) == []
    report.decide("wu", "suggest_agree", child, opinion="可以")
    assert report.seat().status == "open"
    report.whole()


def test_what_the_leaver_held_as_an_agent_goes_back_to_his_principal(house: House) -> None:
    report = Report(house)
    stand_in(report, "wu", "qian")
    seat = report.seat()
    report.do("claim", "wu", seat.id)
    assert refusals(report, leave(report, "wu", "head")) == []
    assert report.again(seat).owner_id == report.people["qian"]
    report.decide("qian", "approve", seat)
    assert report.again(seat).on_behalf_of is None


def test_a_hand_over_counts_no_votes_while_the_case_stands_still(house: House) -> None:
    committee = Committee(house)
    committee.start("zhao", "univ_clerk@U1", "sun")
    committee.do("claim", "qian", committee.seats()[1].id)
    steer(committee, "suspend")
    before = committee.states(), committee.case.state
    found = refusals(committee, leave(committee, "qian", "sun"))
    assert (committee.states(), committee.case.state) == before and "已挂起" in found[0]


def test_a_voter_whose_turn_has_not_come_is_no_delegate_in_the_same_vote(house: House) -> None:
    committee = Committee(house, voting=IN_TURN)
    committee.start("zhao", "qian")
    mine = committee.seats()[0].id
    with pytest.raises(Conflict, match="已有席位"), house.store.transaction() as connection:
        actor = house.people.actor(connection, committee.people["zhao"])
        house.tasks.operations.perform(connection, actor, "delegate", mine, {"person": committee.people["qian"]})


# people who are gone


def test_the_seat_above_a_disabled_delegate_opens_again_with_an_alarm(house: House) -> None:
    report = Report(house)
    report.perform("delegate", "qian", report.seat(), person="sun")
    report.perform("delegate", "sun", report.seat_of("sun"), person="li")
    disable(report, "sun")
    assert [seat.status for seat in report.seats() if seat.node_id == "review"] == ["open", "cancelled", "cancelled"]
    assert report.incidents() == ["signer_left"] and any("账号已停用" in text for text in report.told("qian", "signer_left"))
    report.whole()
    report.decide("qian", "approve", report.seat())
    assert report.incidents() == []


def test_a_case_goes_on_when_the_last_signer_after_a_decision_is_disabled(house: House) -> None:
    report = Report(house)
    report.perform("add_after", "qian", report.seat(), people=["sun"])
    report.decide("qian", "approve", report.seat())
    assert report.outcome is None
    disable(report, "sun")
    assert report.outcome == "approve"


def test_a_seat_given_by_name_to_somebody_disabled_goes_to_the_process_owner_with_an_alarm(house: House) -> None:
    desk = Committee(house, "approval_chain", FOLDER.parent / "approval_chain")
    desk.start_chain("zhao", "qian", "qian")
    disable(desk, "zhao")
    assert (desk.offers(desk.seats()[0]), desk.incidents()) == ({"univ_principal@U1"}, ["no_assignee"])
    desk.vote("head", seat=desk.seats()[0])
    assert desk.incidents() == []


def test_a_role_nobody_holds_raises_an_alarm_also_where_no_process_owner_is_named(house: House) -> None:
    desk = Committee(house, "approval_chain", FOLDER.parent / "approval_chain", **{"approval_chain:process_owner": None})
    desk.start_chain("univ_finance@U1", "qian", "qian")
    assert desk.incidents() == ["no_assignee"]


def test_the_alarm_is_over_once_somebody_takes_up_the_post(house: House) -> None:
    desk = Committee(house, "approval_chain", FOLDER.parent / "approval_chain", **{"approval_chain:process_owner": None})
    desk.start_chain("univ_finance@U1", "qian", "qian")
    with house.store.transaction() as connection:
        house.people.administration.add_membership(connection, system_actor("cli"), desk.people["li"], "univ_finance", "U1")
    house.work_off()
    assert desk.incidents() == [] and listed(desk, "li") == {desk.seats()[0].id}


# signers


def test_the_process_owner_is_offered_the_removal_of_a_signer_and_an_administrator_of_processes_is_not(house: House) -> None:
    report = Report(house)
    report.perform("add_before", "qian", report.seat(), people=["sun"])
    child = report.seat_of("sun")
    assert "remove_signer" in report.view("head", child).may and "remove_signer" in report.view("head", report.seat()).may
    with pytest.raises(Forbidden, match="流程负责人"):
        report.perform("remove_signer", "maker", child)
    report.perform("remove_signer", "head", child)
    assert report.seat().status == "open"


def test_a_signer_who_has_asked_for_an_opinion_himself_has_not_acted_and_may_be_removed(house: House) -> None:
    report = Report(house, signers_decide="true")
    report.perform("add_parallel", "qian", report.seat(), people=["sun"])
    child = report.seat_of("sun")
    report.perform("delegate", "sun", child, person="li")
    report.perform("remove_signer", "qian", child)
    assert [seat.status for seat in report.seats() if seat.node_id == "review"] == ["open", "cancelled", "cancelled"]
    report.whole()


# undo


def test_the_undo_of_a_vote_is_offered_also_after_others_have_voted(house: House) -> None:
    committee = Committee(house, voting=EVERYBODY)
    committee.start("zhao", "qian", "sun")
    committee.vote("zhao")
    committee.vote("qian")
    mine = committee.seats()[0].id
    with house.store.read() as connection:
        assert "undo" in house.tasks.task_view(connection, house.people.actor(connection, committee.people["zhao"]), mine).may
    committee.do("undo", "zhao", mine)
    assert committee.states() == ["open", "completed", "open"]


# dates


def test_those_asked_for_an_opinion_have_the_dates_of_the_seat_above_also_when_it_moves(house: House) -> None:
    report = Report(house)
    before = report.seat().due_at
    report.perform("add_after", "qian", report.seat(), people=["zhou"])
    report.perform("delegate", "qian", report.seat(), person="sun")
    report.perform("delegate", "sun", report.seat_of("sun"), person="li")
    day_off(house, before.date())
    assert report.seat().due_at > before
    assert {seat.due_at for seat in report.seats() if seat.node_id == "review"} == {report.seat().due_at}
    assert {row.due_at for row in report.rows(select(SeatOffer.due_at))} == {report.seat().due_at}


def test_working_out_a_seat_anew_gives_it_no_more_time(house: House) -> None:
    report = Report(house)
    due = report.seat().due_at
    later(report, timedelta(days=5))
    day_off(house, (due + timedelta(days=28)).date())
    assert report.seat().due_at == due


def test_working_out_a_seat_anew_keeps_the_time_its_case_stood_still(house: House) -> None:
    report = Report(house)
    steer(report, "suspend")
    later(report, timedelta(days=5))
    steer(report, "resume")
    due = report.seat().due_at
    later(report, timedelta(hours=1))
    day_off(house, (due + timedelta(days=28)).date())
    assert report.seat().due_at == due


# reassigning


def test_a_claimed_seat_can_be_given_to_every_candidate_of_the_step_today(house: House) -> None:
    report = Report(house)
    seat = report.seat()
    report.do("claim", "qian", seat.id)
    with house.store.transaction() as connection:
        office = select(Organisation.id).where(Organisation.code == "U1").scalar_subquery()
        for who in ("wu", "writer"):  # the writer may not check his own work
            connection.execute(insert(Membership).values(person_id=report.people[who], organisation_id=office, role="univ_clerk"))
    with house.store.read() as connection:
        found = {number for number, _name in house.tasks.possible(connection, [seat.id])[seat.id]}
    assert found == {report.people[who] for who in ("sun", "li", "zhou", "wu")}
    report.do("reassign", "head", seat.id, report.people["wu"], "忙不过来")
    assert report.again(seat).owner_id == report.people["wu"]
