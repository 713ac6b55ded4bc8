"""Operations that meet: agency with a vote, a claim with the end of a post, a suspension with both, an undo with other people's votes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import insert, select

from app import House
from tasks.actors import system_actor
from tasks.models import Membership, Organisation, SeatOffer
from tests.agency_stage import keys, later, revoke, stand_in
from tests.child_stage import Report
from tests.returning_walk import END, START, Office, chain, process, step
from tests.together_stage import agency, day_off, disable, end_post, listed, operate, steer
from tests.voting_stage import FOLDER, Committee
from workflows.errors import Conflict, Forbidden

pytestmark = pytest.mark.usefixtures("database")
IN_TURN, FIRST_ACT, EVERYBODY = '{"rule": "sequential"}', '{"rule": "any"}', '{"rule": "all"}'
CHAIN = START + step("apply") + step("sign", separate_from="apply") + END + chain("start", "apply", "sign", "end")


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


def test_who_stands_in_for_the_only_voter_does_not_keep_a_rule_from_casting_his_vote(house: House) -> None:
    desk = Committee(house, "approval_chain", FOLDER.parent / "approval_chain", **{"second:same_person": "consecutive"})
    agency(desk, "sun", "zhao")
    desk.start_chain("zhao", "zhao", "qian")
    desk.vote("zhao")
    assert [(seat.status, seat.completed_by) for seat in desk.seats("second")] == [("completed", None)]


def test_an_agent_who_gets_a_seat_of_his_own_loses_his_key_to_the_other(house: House) -> None:
    report = Report(house)
    stand_in(report, "wu", "qian")
    seat = report.seat()
    report.do("claim", "qian", seat.id)
    assert keys(report, seat) == {"wu": "qian"}
    report.perform("delegate", "qian", seat, person="wu")
    assert (keys(report, seat), report.todo("wu")) == ({}, {report.seat_of("wu").id})
    with pytest.raises(Conflict):
        report.decide("wu", "approve", seat)


def test_one_agent_of_two_voters_votes_once(house: House) -> None:
    committee = Committee(house, voting=EVERYBODY)
    agency(committee, "head", "zhao")
    agency(committee, "head", "qian")
    committee.start("zhao", "qian")
    assert listed(committee, "head") == {seat.id for seat in committee.seats()}
    committee.vote("head", seat=committee.seats()[0])
    assert listed(committee, "head") == set()
    with pytest.raises(Forbidden, match="每人一票"):
        committee.vote("head", seat=committee.seats()[1])
    committee.vote("qian")
    assert committee.outcome == "approve"


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


@pytest.mark.parametrize("rule", [EVERYBODY, IN_TURN])
def test_the_opinion_a_disabled_voter_was_waiting_for_ends_with_his_vote(house: House, rule: str) -> None:
    committee = Committee(house, voting=rule)
    committee.start("zhao", "qian")
    mine = committee.seats()[0].id
    operate(committee, "delegate", "zhao", mine, person=committee.people["li"])
    disable(committee, "zhao")
    assert committee.seats()[-1].status == "cancelled"
    if rule == IN_TURN:  # an entry of a sequence is never skipped
        assert (committee.seats()[0].status, committee.offers(committee.seats()[0])) == ("open", {"univ_principal@U1"})
        committee.vote("head", seat=committee.seats()[0])
    else:
        assert committee.seats()[0].status == "cancelled"
    committee.vote("qian")
    assert committee.outcome == "approve"


def test_a_voter_disabled_while_the_case_stood_still_leaves_the_vote_when_it_goes_on(house: House) -> None:
    committee = Committee(house, voting=EVERYBODY)
    committee.start("zhao", "qian")
    committee.vote("qian")
    operate(committee, "delegate", "zhao", committee.seats()[0].id, person=committee.people["li"])
    steer(committee, "suspend")
    disable(committee, "zhao")
    assert committee.states() == ["parked", "completed", "open"]
    steer(committee, "resume")
    assert (committee.outcome, committee.states()) == ("approve", ["cancelled", "completed", "cancelled"])


def test_the_alarm_is_over_once_the_only_one_who_may_act_is_enabled_again_or_has_acted(house: House) -> None:
    desk = Committee(house, "approval_chain", FOLDER.parent / "approval_chain", **{"approval_chain:process_owner": None})
    disable(desk, "head")
    desk.start_chain("univ_principal@U1", "qian", "qian")
    assert desk.incidents() == ["no_assignee"]
    with house.store.transaction() as connection:
        house.people.administration.enable_person(connection, system_actor(), desk.people["head"])
    desk.vote("head", seat=desk.seats()[0])  # the worker has not looked yet
    assert desk.incidents() == []


# signers


def test_a_deciding_signer_beside_a_voter_in_turn_votes_before_the_next(house: House) -> None:
    committee = Committee(house, voting=IN_TURN, signers="parallel", signers_decide="true")
    committee.start("zhao", "qian")
    operate(committee, "add_parallel", "zhao", committee.seats()[0].id, people=[committee.people["li"]])
    committee.vote("zhao")
    assert committee.states() == ["completed", "queued", "open"]
    committee.vote("li")
    assert committee.states() == ["completed", "open", "completed"]
    committee.vote("qian")
    assert committee.outcome == "approve"


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


def test_a_voter_whose_turn_has_not_come_is_no_delegate_in_the_same_vote(house: House) -> None:
    committee = Committee(house, voting=IN_TURN)
    committee.start("zhao", "qian")
    with pytest.raises(Conflict, match="已有席位"):
        operate(committee, "delegate", "zhao", committee.seats()[0].id, person=committee.people["qian"])


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
