"""Opinions and signatures inside an activity: delegation, signers before, beside and after, questions; who is told and what waits for whom."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app import House
from tasks.models import CaseActor
from tests.child_stage import Report
from tests.voting_stage import Committee
from workflows.business_calendar import FrozenClock
from workflows.errors import Conflict, Forbidden, InvalidForm, NotFound, Rejection

DECIDING = {"signers_decide": "true"}


# delegation


def test_a_delegated_seat_waits_for_the_opinion_and_comes_back(house: House) -> None:
    report = Report(house)
    report.perform("delegate", "qian", report.seat(), person="sun", text="请看第三节")
    main, asked = report.seat(), report.seat_of("sun")
    assert (main.status, main.owner_id, asked.kind, asked.status, asked.parent_seat_id) == ("parked", report.people["qian"], "delegate", "open", main.id)
    assert report.offers(asked) == {"sun"} and any("请看第三节" in text for text in report.told("sun"))
    report.whole()
    report.decide("sun", "suggest_agree", opinion="写得清楚")
    assert (report.seat().status, report.again(asked).status, report.outcome) == ("open", "completed", None)
    assert report.again(asked).answer == {"opinion": "写得清楚", "values": {}}
    assert any("建议同意" in text for text in report.told("qian"))
    report.whole()
    report.decide("qian", opinion="同意")
    assert report.outcome == "approve"
    report.whole()


def test_r06_a_delegate_refuses_and_decides_nothing(house: House) -> None:
    report = Report(house)
    report.perform("delegate", "qian", report.seat(), person="sun")
    asked = report.seat_of("sun")
    for outcome in ("approve", "reject", "return"):
        with pytest.raises(Rejection) as refused:
            report.decide("sun", outcome, opinion="不行")
        assert refused.value.status == 422
    with pytest.raises(InvalidForm) as missing:
        report.decide("sun", "suggest_disagree")
    assert set(missing.value.fields) == {"opinion"}
    report.decide("sun", "suggest_disagree", opinion="数据对不上")
    assert (report.again(asked).outcome, report.seat().status, report.outcome, report.case.status) == ("suggest_disagree", "open", None, "active")
    report.decide("qian", "approve")
    assert report.outcome == "approve"


def test_r07_a_chain_of_delegations_comes_back_to_the_first_owner(house: House) -> None:
    report = Report(house)
    report.perform("delegate", "qian", report.seat(), person="sun")
    second = report.seat_of("sun")
    report.perform("delegate", "sun", second, person="li")
    third = report.seat_of("li")
    assert [report.again(seat).status for seat in (report.seat(), second, third)] == ["parked", "parked", "open"]
    report.whole()
    report.decide("li", "suggest_agree")
    assert [report.again(seat).status for seat in (report.seat(), second, third)] == ["open", "cancelled", "completed"]
    assert report.told("qian", "advice") and report.told("sun", "child_closed")
    report.whole()


def test_whoever_passed_a_delegation_on_may_take_it_back_himself(house: House) -> None:
    report = Report(house)
    report.perform("delegate", "qian", report.seat(), person="sun")
    second = report.seat_of("sun")
    report.perform("delegate", "sun", second, person="li")
    report.perform("take_back", "sun", second)
    assert [report.again(seat).status for seat in (report.seat(), second, report.seat_of("li"))] == ["parked", "open", "cancelled"]
    report.whole()


def test_nobody_of_the_chain_is_delegated_to_again(house: House) -> None:
    report = Report(house)
    report.perform("delegate", "qian", report.seat(), person="sun")
    for who in ("qian", "sun"):
        with pytest.raises(Conflict):
            report.perform("delegate", "sun", report.seat_of("sun"), person=who)


def test_taking_back_cancels_the_request_tells_him_and_keeps_his_draft(house: House) -> None:
    report = Report(house)
    report.perform("delegate", "qian", report.seat(), person="sun")
    asked = report.seat_of("sun")
    report.do("save_draft", "sun", asked.id, {"opinion": "写到一半"})
    report.perform("take_back", "qian", report.seat())
    assert (report.again(asked).status, report.seat().status) == ("cancelled", "open")
    assert report.told("sun", "child_closed")
    assert report.facts("child_closed")[0].detail["drafts"] == [{"person": report.people["sun"], "values": {"opinion": "写到一半"}}]
    with pytest.raises(Conflict):
        report.decide("sun", "suggest_agree", seat=asked)
    report.whole()


def test_its_owner_may_decide_a_delegated_seat_which_takes_it_back_in_the_same_act(house: House) -> None:
    report = Report(house)
    report.perform("delegate", "qian", report.seat(), person="sun")
    asked = report.seat_of("sun")
    report.do("save_draft", "sun", asked.id, {"opinion": "写到一半"})
    assert report.seat().id in report.todo("qian")  # his list holds what his guards accept
    report.decide("qian", "approve", report.seat())
    assert (report.outcome, report.again(asked).status) == ("approve", "cancelled")
    assert report.told("sun", "child_closed") and report.facts("child_closed")[0].detail["drafts"]
    report.whole()


def test_a_chain_may_be_decided_from_above_at_any_time(house: House) -> None:
    report = Report(house)
    report.perform("delegate", "qian", report.seat(), person="sun")
    report.perform("delegate", "sun", report.seat_of("sun"), person="li")
    report.decide("qian", "reject", report.seat())
    assert report.outcome == "reject" and {seat.status for seat in report.seats() if seat.kind == "delegate"} == {"cancelled"}
    assert report.told("sun", "child_closed") and report.told("li", "child_closed")


def test_handing_back_says_nothing_and_needs_no_words(house: House) -> None:
    report = Report(house)
    report.perform("delegate", "qian", report.seat(), person="sun")
    report.decide("sun", "hand_back")
    assert report.seat().status == "open" and report.seat_of("sun").answer["opinion"] is None


def test_delegating_takes_a_pooled_seat_and_colleagues_lose_it(house: House) -> None:
    report = Report(house)
    report.perform("delegate", "qian", report.seat(), person="sun")
    assert report.seat().id not in report.todo("li")
    with pytest.raises(Conflict, match="钱审核"):
        report.decide("li", "approve", report.seat())


# who may be involved


@pytest.mark.parametrize(("who", "error"), [("qian", Conflict), ("applicant", Forbidden), ("stranger", Forbidden), ("writer", Forbidden)])
@pytest.mark.parametrize("verb", ["delegate", "add_before", "add_parallel", "add_after"])
def test_oneself_the_applicant_strangers_and_who_wrote_it_are_refused(house: House, verb: str, who: str, error: type[Rejection]) -> None:
    report = Report(house)
    given = {"person": who} if verb == "delegate" else {"people": [who]}
    with pytest.raises(error):
        report.perform(verb, "qian", report.seat(), **given)
    assert [seat.kind for seat in report.seats() if seat.kind != "main"] == [] and report.seat().owner_id is None


def test_somebody_of_the_unit_who_is_no_candidate_may_sign(house: House) -> None:
    report = Report(house)
    report.perform("add_before", "qian", report.seat(), people=["wu"])
    report.decide("wu", "suggest_agree")
    assert report.seat().status == "open"


def test_a_disabled_person_and_nobody_are_refused(house: House) -> None:
    report = Report(house)
    report.disable("sun")
    with pytest.raises(Forbidden, match="停用"):
        report.perform("delegate", "qian", report.seat(), person="sun")
    report.people["nobody"] = 99_999
    with pytest.raises(NotFound):
        report.perform("delegate", "qian", report.seat(), person="nobody")


def test_somebody_who_holds_a_seat_in_the_step_gets_no_second_one(house: House) -> None:
    report = Report(house)
    report.perform("add_after", "qian", report.seat(), people=["sun"])
    for verb, given in (("add_before", {"people": ["li", "sun"]}), ("delegate", {"person": "sun"})):
        with pytest.raises(Conflict, match="已有席位"):
            report.perform(verb, "qian", report.seat(), **given)
    assert len([seat for seat in report.seats() if seat.node_id == "review"]) == 2


def test_pickers_offer_candidates_first_and_say_why_somebody_cannot_be_chosen(house: House) -> None:
    report = Report(house)
    shown = report.choices("delegate", "qian", report.seat())["person"]
    by_person = {int(choice.value): choice for choice in shown}
    assert report.people["qian"] not in by_person and report.people["stranger"] not in by_person
    assert {int(choice.value) for choice in shown[:3]} == {report.people[who] for who in ("sun", "li", "zhou")}
    assert by_person[report.people["sun"]].refused is None
    assert "四眼" in by_person[report.people["writer"]].refused["zh"] or "经办与复核" in by_person[report.people["writer"]].refused["zh"]


def test_the_owner_of_a_waiting_seat_is_told_what_it_waits_for(house: House) -> None:
    report = Report(house)
    report.perform("add_before", "qian", report.seat(), people=["sun"])
    view = report.view("qian", report.seat())
    assert view.waits == view.refused == {"zh": "正在等待孙审核（前加签）的意见。", "en": "Waits for the opinion of 孙审核 (signer before)."} and "complete" not in view.may


# signers before


def test_a_seat_waits_for_all_signers_before_it(house: House) -> None:
    report = Report(house)
    report.perform("add_before", "qian", report.seat(), people=["sun", "li"], text="请先核数")
    assert report.seat().status == "parked" and report.seat().id not in report.todo("qian")
    with pytest.raises(Conflict):
        report.decide("qian", "approve", report.seat())
    report.decide("sun", "suggest_agree")
    assert report.seat().status == "parked"
    report.whole()
    report.decide("li", "suggest_disagree", opinion="再算一遍")
    assert report.seat().status == "open" and report.seat().id in report.todo("qian")
    report.whole()
    report.decide("qian", "approve")
    assert report.outcome == "approve"  # advice decides nothing


def test_r08_a_before_signer_wants_the_case_returned(house: House) -> None:
    report = Report(house)
    report.perform("add_before", "qian", report.seat(), people=["sun"])
    child = report.seat_of("sun")
    assert "return" not in report.view("sun", child).may
    assert {item["value"] for item in report.view("sun", child).outcomes} == {"suggest_agree", "suggest_disagree", "suggest_return"}
    with pytest.raises(Rejection):
        report.decide("sun", "return")
    report.decide("sun", "suggest_return", opinion="缺附件")
    assert (report.case.round, report.seat().status, report.outcome) == (0, "open", None)  # it is advice: nothing has moved
    assert any("建议退回" in text for text in report.told("qian"))
    report.decide("qian", "return")
    assert [seat.node_id for seat in report.seats() if seat.status == "open"] == ["write"]


def test_a_signer_may_return_only_where_the_model_says_so(house: House) -> None:
    report = Report(house, signers_may_return="true", return_to="previous")
    report.perform("add_before", "qian", report.seat(), people=["sun"])
    assert "return" in report.view("sun", report.seat_of("sun")).may
    assert "return" in report.view("qian", report.seat()).may  # the parked seat is still his


def test_the_refusal_of_a_deciding_signer_before_turns_the_vote(house: House) -> None:
    report = Report(house, **DECIDING)
    report.perform("add_before", "qian", report.seat(), people=["sun"])
    with pytest.raises(InvalidForm):
        report.decide("sun", "reject")
    report.decide("sun", "reject", opinion="不同意")
    assert report.seat().status == "open"
    report.decide("qian", "approve")
    assert (report.outcome, report.seat().outcome) == ("reject", "reject")
    report.whole()


def test_the_agreement_of_a_deciding_signer_leaves_the_vote_alone(house: House) -> None:
    report = Report(house, **DECIDING)
    report.perform("add_before", "qian", report.seat(), people=["sun"])
    report.decide("sun", "approve")
    report.decide("qian", "approve")
    assert report.outcome == "approve"


# beside


def test_an_advisory_signer_beside_me_blocks_my_seat_and_is_not_counted(house: House) -> None:
    report = Report(house)
    report.perform("add_parallel", "qian", report.seat(), people=["sun"])
    assert (report.seat().status, report.seat_of("sun").counts) == ("parked", False)
    report.whole()
    report.decide("sun", "suggest_disagree", opinion="不妥")
    report.decide("qian", "approve")
    assert report.outcome == "approve"


def test_a_deciding_signer_beside_me_joins_the_vote(house: House) -> None:
    report = Report(house, **DECIDING)
    report.perform("add_parallel", "qian", report.seat(), people=["sun"])
    assert [report.seat().status, report.seat_of("sun").status] == ["open", "open"]
    report.decide("qian", "approve", report.seat())
    assert report.outcome is None  # N = 2
    report.whole()
    report.decide("sun", "approve")
    assert report.outcome == "approve" and len(report.case.variables["review_votes"]) == 2
    report.whole()


def test_the_refusal_of_a_deciding_signer_beside_me_fails_the_vote(house: House) -> None:
    report = Report(house, **DECIDING)
    report.perform("add_parallel", "qian", report.seat(), people=["sun"])
    report.decide("sun", "reject")
    assert report.outcome == "reject" and report.seat().status == "cancelled"
    report.whole()


# after


def test_my_decision_is_stored_and_the_case_waits_for_signers_after_me(house: House) -> None:
    report = Report(house)
    report.perform("add_after", "qian", report.seat(), people=["sun"])
    waiting = report.seat_of("sun")
    assert (report.seat().status, waiting.status, report.offers(waiting)) == ("open", "queued", set())
    report.whole()
    report.decide("qian", "approve", report.seat(), grade="甲")
    assert (report.seat().status, report.seat().outcome, report.again(waiting).status) == ("completed", "approve", "open")
    assert report.outcome is None and waiting.id in report.todo("sun")
    report.whole()
    report.decide("sun", "suggest_agree")
    assert report.outcome == "approve" and report.case.variables["grade"] == "甲"
    assert report.case.variables["review_by"]["person"] == report.people["qian"]
    report.whole()


def test_the_refusal_of_a_deciding_signer_after_turns_the_stored_vote(house: House) -> None:
    report = Report(house, **DECIDING)
    report.perform("add_after", "qian", report.seat(), people=["sun"])
    report.decide("qian", "approve", report.seat())
    report.decide("sun", "reject", opinion="不能同意")
    assert (report.outcome, report.seat().outcome, report.seat().answer["own_outcome"]) == ("reject", "reject", "approve")
    assert report.facts("vote_turned")
    report.whole()


def test_a_decision_that_others_sign_after_cannot_be_undone(house: House) -> None:
    report = Report(house)
    report.perform("add_after", "qian", report.seat(), people=["sun"])
    report.decide("qian", "approve", report.seat())
    with pytest.raises(Conflict, match="请求退回"):
        report.do("undo", "qian", report.seat().id)


# removing


def test_whoever_added_a_signer_may_remove_him_while_he_has_not_acted(house: House) -> None:
    report = Report(house)
    report.perform("add_before", "qian", report.seat(), people=["sun", "li"])
    sun = report.seat_of("sun")
    with pytest.raises(Forbidden):
        report.perform("remove_signer", "li", sun)
    report.perform("remove_signer", "qian", report.seat(), signer=str(sun.id))
    assert (report.again(sun).status, report.seat().status) == ("cancelled", "parked")
    assert report.told("sun", "child_closed")
    report.whole()
    report.perform("remove_signer", "head", report.seat_of("li"))  # the process owner
    assert report.seat().status == "open"
    report.whole()


def test_a_signer_who_has_acted_stays(house: House) -> None:
    report = Report(house)
    report.perform("add_before", "qian", report.seat(), people=["sun"])
    report.decide("sun", "suggest_agree")
    with pytest.raises(Conflict):
        report.perform("remove_signer", "qian", report.seat_of("sun"))


def test_the_last_voter_is_never_removed(house: House) -> None:
    report = Report(house, **DECIDING)
    with pytest.raises(Conflict, match="最后一名"):
        report.perform("remove_signer", "head", report.seat())
    assert report.seat().status == "open"


def test_a_removal_that_decides_says_so_and_needs_a_reason(house: House) -> None:
    report = Report(house, **DECIDING)
    report.perform("add_parallel", "qian", report.seat(), people=["sun"])
    report.decide("qian", "approve", report.seat())
    sun = report.seat_of("sun")
    preview = report.preview("remove_signer", "qian", sun)
    assert preview.refused is None and any(line.tone == "warning" for line in preview.lines)
    with pytest.raises(InvalidForm) as missing:
        report.perform("remove_signer", "qian", sun)
    assert set(missing.value.fields) == {"reason"} and report.outcome is None
    report.perform("remove_signer", "qian", sun, reason="出差")
    assert report.outcome == "approve" and report.facts("signer_removed")[0].detail["decides"] is True
    report.whole()


def test_removing_the_last_signer_after_me_lets_the_case_go_on(house: House) -> None:
    report = Report(house)
    report.perform("add_after", "qian", report.seat(), people=["sun"])
    report.decide("qian", "approve", report.seat())
    report.perform("remove_signer", "qian", report.seat_of("sun"), reason="请假")
    assert report.outcome == "approve"
    report.whole()


# questions


def test_a_question_waits_for_nobody_and_its_answer_comes_back(house: House) -> None:
    report = Report(house)
    report.perform("ask", "qian", report.seat(), person="writer", text="第二表的口径？")
    asked = report.seat_of("writer")
    assert (report.seat().status, asked.kind, asked.blocking) == ("open", "asked", False) and asked.id in report.todo("writer")
    assert {item["value"] for item in report.view("writer", asked).outcomes} == {"answer"}
    report.decide("writer", "answer", asked, opinion="按年末数")
    assert report.told("qian", "advice") and report.seat().status == "open"
    report.decide("qian", "approve", report.seat())
    assert report.outcome == "approve"
    report.whole()


def test_the_applicant_may_be_asked_and_a_stranger_may_not(house: House) -> None:
    report = Report(house)
    report.perform("ask", "qian", report.seat(), person="applicant", text="附件在哪里？")
    assert report.seat_of("applicant").id in report.todo("applicant")
    for who in ("stranger", "sun"):
        with pytest.raises(Forbidden):
            report.perform("ask", "qian", report.seat(), person=who, text="？")
    with pytest.raises(Conflict):
        report.perform("ask", "qian", report.seat(), person="applicant", text="还有呢？")


def test_a_decision_closes_the_questions_nobody_answered(house: House) -> None:
    report = Report(house)
    report.perform("ask", "qian", report.seat(), person="writer", text="？")
    report.decide("qian", "approve", report.seat())
    assert report.seat_of("writer").status == "cancelled" and report.outcome == "approve"
    report.whole()


def test_an_answer_does_not_make_the_writer_somebody_who_acted_here(house: House) -> None:
    report = Report(house, separate_from=None)
    report.perform("ask", "qian", report.seat(), person="writer", text="？")
    report.decide("writer", "answer", opinion="是")
    report.decide("qian", "approve", report.seat())
    actors = {row.person_id for row in report.rows(select(CaseActor.person_id).where(CaseActor.node_id == "review"))}
    assert actors == {report.people["qian"]}


# what ends children from outside


def test_a_case_that_is_returned_closes_every_child_and_draft(house: House) -> None:
    report = Report(house)
    report.perform("add_after", "qian", report.seat(), people=["sun"])
    report.perform("delegate", "qian", report.seat(), person="li")
    with house.store.transaction() as connection:
        case = house.engine.load(connection, report.instance)
        house.engine.terminate(connection, case, {"reason": "test"})
    assert {seat.status for seat in report.seats() if seat.node_id == "review"} == {"cancelled"}
    report.whole()


def test_a_parked_seat_may_change_hands_and_its_children_stay(house: House) -> None:
    report = Report(house)
    report.perform("add_before", "qian", report.seat(), people=["sun"])
    report.do("reassign", "head", report.seat().id, report.people["li"], "钱审核请假")
    assert (report.seat().status, report.seat().owner_id, report.offers(report.seat())) == ("parked", report.people["li"], set())
    report.decide("sun", "suggest_agree")
    assert report.seat().status == "open" and report.offers(report.seat()) == {"li"}
    report.whole()


def test_no_clock_pauses_and_both_are_reminded(house: House, clock: FrozenClock) -> None:
    report = Report(house)
    report.perform("delegate", "qian", report.seat(), person="sun")
    due = report.seat().due_at
    clock.advance(timedelta(hours=30))
    house.work_off()
    assert report.told("qian", "reminder") and report.told("sun", "reminder") and report.seat().due_at == due


def test_a_disabled_signer_leaves_the_seat_parked_until_he_is_removed(house: House) -> None:
    report = Report(house)
    report.perform("add_before", "qian", report.seat(), people=["sun"])
    report.disable("sun")
    report.whole()
    report.perform("remove_signer", "qian", report.seat_of("sun"))
    assert report.seat().status == "open"


# lists and pages


def test_a_child_says_in_the_list_who_asks_for_what(house: House) -> None:
    report = Report(house)
    report.perform("add_before", "qian", report.seat(), people=["sun"], text="请先核数")
    child = report.seat_of("sun").id
    with house.store.read() as connection:
        actor = house.people.actor(connection, report.people["sun"])
        row = next(row for row in house.worklist.page(connection, actor).rows if row.seat_id == child)
    assert row.summary["asked"] == {"kind": "before", "by": report.people["qian"], "text": "请先核数", "zh": "前加签：钱审核", "en": "Signer before: 钱审核"}
    assert row.summary["flags"][0]["zh"] == "前加签：钱审核"


def test_an_opinion_is_written_beside_the_form_which_is_read_only(house: House) -> None:
    report = Report(house)
    report.perform("delegate", "qian", report.seat(), person="sun")
    view = report.view("sun", report.seat_of("sun"))
    components = {component["key"]: component for component in view.schema["components"]}
    assert components["grade"]["readonly"] is True and "readonly" not in components["opinion"]
    assert {"answer", "save"} <= view.may and "complete" not in view.may
    report.decide("sun", "suggest_agree", grade="甲", opinion="好")
    assert "grade" not in report.case.variables


def test_an_opinion_is_not_given_in_bulk(house: House) -> None:
    report = Report(house, bulk="true")
    report.perform("add_before", "qian", report.seat(), people=["sun"])
    child = report.seat_of("sun")
    command = report.do("bulk_complete", "sun", [(child.id, child.revision)], "suggest_agree", {})
    house.commands.run_all(command)
    assert report.again(child).status == "open"


def test_only_what_the_model_offers_is_offered(house: House) -> None:
    report = Report(house, signers=None)
    assert not {"add_before", "add_parallel", "add_after"} & report.view("qian", report.seat()).may
    with pytest.raises(Conflict, match="没有开放"):
        report.perform("add_before", "qian", report.seat(), people=["sun"])
    exact = report.view("qian", report.seat()).may
    assert {"delegate", "ask", "complete", "claim"} <= exact


def test_the_timeline_tells_delegation_opinion_and_signers(house: House) -> None:
    report = Report(house)
    report.perform("add_after", "qian", report.seat(), people=["li"])
    report.perform("delegate", "qian", report.seat(), person="sun")
    report.decide("sun", "suggest_agree", opinion="好")
    words = [item.zh for item in report.view("qian", report.seat()).timeline]
    assert {"“审核报告”加签：李审核", "“审核报告”委派给孙审核", "对“审核报告”的意见：建议同意"} <= set(words)


def test_a_deciding_signer_beside_me_has_no_return(house: House) -> None:
    report = Report(house, **DECIDING)
    report.perform("add_parallel", "qian", report.seat(), people=["sun"])
    signer = report.seat_of("sun")
    assert {item["value"] for item in report.view("sun", signer).outcomes} == {"approve", "reject"}
    with pytest.raises(Rejection):
        report.decide("sun", "return", signer)
    assert report.again(signer).status == "open"


def test_what_a_signer_had_typed_goes_to_the_history_when_the_case_ends(house: House) -> None:
    report = Report(house)
    report.perform("add_before", "qian", report.seat(), people=["sun"])
    report.do("save_draft", "sun", report.seat_of("sun").id, {"opinion": "写到一半"})
    with house.store.transaction() as connection:
        house.engine.terminate(connection, house.engine.load(connection, report.instance), {"reason": "test"})
    assert report.facts("draft_kept")[0].detail["drafts"] == [{"person": report.people["sun"], "values": {"opinion": "写到一半"}}]
    report.whole()


# signers among several voters

SIGNING = {"signers": "before,parallel,after", "signers_decide": "true"}


def involve(committee: Committee, verb: str, who: str, seat: Any, *others: str) -> None:
    with committee.house.store.transaction() as connection:
        actor = committee.house.people.actor(connection, committee.people[who])
        people = [committee.people[other] for other in others]
        committee.house.tasks.operations.perform(connection, actor, verb, seat.id, {"people": people, "person": people[0]})


def test_in_a_sequence_signers_after_me_come_directly_after_me(house: House) -> None:
    committee = Committee(house, "countersign_in_turn", **SIGNING)
    committee.start("zhao", "qian")
    involve(committee, "add_after", "zhao", committee.seat_of("zhao"), "sun")
    committee.vote("zhao")
    assert {seat.owner_id or seat.participant: seat.status for seat in committee.seats()} == {
        committee.people["zhao"]: "completed", committee.people["sun"]: "open", f"person:{committee.people['qian']}": "queued",
    }
    committee.vote("sun")
    assert committee.seat_of("qian").status == "open"
    committee.vote("qian")
    assert committee.case.variables["sign_outcome"] == "approve" and committee.intact()


def test_in_a_sequence_a_refusal_after_me_turns_my_vote_and_ends_it(house: House) -> None:
    committee = Committee(house, "countersign_in_turn", **SIGNING)
    committee.start("zhao", "qian")
    involve(committee, "add_after", "zhao", committee.seat_of("zhao"), "sun")
    committee.vote("zhao")
    committee.vote("sun", "reject", opinion="不同意")
    assert committee.case.variables["sign_outcome"] == "reject" and committee.seat_of("qian").status == "cancelled"


def test_signers_after_somebody_who_has_not_voted_hold_nothing_up(house: House) -> None:
    committee = Committee(house, voting='{"rule": "any"}', **SIGNING)
    committee.start("zhao", "qian")
    involve(committee, "add_after", "zhao", committee.seat_of("zhao"), "sun")
    committee.vote("qian")
    assert committee.outcome == "approve" and committee.seat_of("sun").status == "cancelled"


def test_a_voter_who_waits_for_advice_counts_as_undecided(house: House) -> None:
    committee = Committee(house, voting='{"rule": "all"}', signers="before")
    committee.start("zhao", "qian")
    involve(committee, "add_before", "zhao", committee.seat_of("zhao"), "sun")
    committee.vote("qian")
    assert committee.outcome is None and committee.seat_of("zhao").status == "parked"
    committee.vote("sun", "suggest_agree")
    committee.vote("zhao")
    assert committee.outcome == "approve" and len(committee.case.variables["vote_votes"]) == 2


def test_a_signer_beside_a_voter_changes_what_a_majority_is(house: House) -> None:
    committee = Committee(house, voting='{"rule": "majority"}', **SIGNING)
    committee.start("zhao", "qian", "sun")
    involve(committee, "add_parallel", "zhao", committee.seat_of("zhao"), "li")
    committee.vote("zhao")
    committee.vote("qian")
    assert committee.outcome is None  # two of four are no majority
    committee.vote("li")
    assert committee.outcome == "approve" and committee.intact()


def test_another_voter_is_no_signer(house: House) -> None:
    committee = Committee(house, **SIGNING)
    committee.start("zhao", "qian", "sun")
    for verb in ("add_before", "delegate"):
        with pytest.raises(Conflict, match="已有席位"):
            involve(committee, verb, "zhao", committee.seat_of("zhao"), "qian")


def test_whoever_passed_a_delegation_on_may_answer_it_himself(house: House) -> None:
    report = Report(house)
    report.perform("delegate", "qian", report.seat(), person="sun")
    second = report.seat_of("sun")
    report.perform("delegate", "sun", second, person="li")
    report.decide("sun", "suggest_agree", second)
    assert [report.again(seat).status for seat in (report.seat(), second, report.seat_of("li"))] == ["open", "completed", "cancelled"]
    assert report.told("li", "child_closed")
    report.whole()


def test_opinions_given_before_a_decision_do_not_keep_it_from_being_undone(house: House) -> None:
    report = Report(house)
    report.perform("add_before", "qian", report.seat(), people=["sun"])
    report.decide("sun", "suggest_agree")
    report.decide("qian", "approve", report.seat())
    assert report.outcome == "approve"
    report.do("undo", "qian", report.seat().id)
    assert (report.seat().status, report.offers(report.seat()), report.outcome) == ("open", {"qian"}, None)
    report.whole()


def test_undoing_a_decision_that_took_a_delegation_back_leaves_the_seat_with_its_owner(house: House) -> None:
    report = Report(house)
    report.perform("delegate", "qian", report.seat(), person="sun")
    report.decide("qian", "approve", report.seat())
    report.do("undo", "qian", report.seat().id)
    assert (report.seat().status, report.seat_of("sun").status) == ("open", "cancelled")
    report.whole()


def test_undoing_a_vote_leaves_the_opinion_asked_before_it(house: House) -> None:
    committee = Committee(house, voting='{"rule": "all"}', signers="before")
    committee.start("zhao", "qian")
    involve(committee, "add_before", "zhao", committee.seat_of("zhao"), "sun")
    committee.vote("sun", "suggest_agree")
    committee.vote("zhao")
    committee.do("undo", "zhao", committee.seat_of("zhao").id)
    assert (committee.seat_of("zhao").status, committee.seat_of("sun").status) == ("open", "completed")
