"""Countersigning on the seats: who is asked, when the votes decide, and what the others are told."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from app import House, build_house, create_app
from tasks.models import Draft, SeatExclusion
from tasks.personal_data import load_or_create_keys
from tasks.timeline import timeline
from tests import databases
from tests.voting_stage import SEAT, Committee
from workflows import history
from workflows.business_calendar import FrozenClock
from workflows.errors import Conflict, Forbidden, Rejection
from workflows.store import create_database_engine


# one seat for each participant


def test_every_participant_gets_a_seat_of_his_own(house: House) -> None:
    committee = Committee(house)
    committee.start("zhao", "qian", "sun")
    assert [committee.offers(seat) for seat in committee.seats()] == [{"zhao"}, {"qian"}, {"sun"}]
    assert committee.states() == ["open"] * 3
    assert committee.voting().rule["ratio"] == "2/3"


def test_two_of_three_decide_and_the_third_is_told(house: House) -> None:
    committee = Committee(house)
    committee.start("zhao", "qian", "sun")
    committee.vote("zhao", opinion="可以")
    assert (committee.outcome, committee.states()) == (None, ["completed", "open", "open"])
    committee.vote("sun", opinion="同意采购", amount=5)
    assert (committee.outcome, committee.states()) == ("approve", ["completed", "cancelled", "completed"])
    assert committee.told() == {"qian"}
    votes = committee.case.variables["vote_votes"]
    assert [(vote["person"], vote["outcome"], vote["opinion"]) for vote in votes] == [
        (committee.people["zhao"], "approve", "可以"), (committee.people["sun"], "approve", "同意采购"),
    ]
    assert (committee.case.variables["amount"], committee.actors()) == (5, {"zhao", "sun"})
    assert committee.case.variables["vote_by"]["person"] == committee.people["sun"]
    assert [seat.node_id for seat in committee.seats() if seat.status == "open"] == ["file"]
    assert (committee.voting().outcome, committee.kinds().count("voted")) == ("approve", 2)
    assert committee.intact()


def test_the_values_of_an_undecided_vote_are_in_the_case_at_once(house: House) -> None:
    committee = Committee(house)
    committee.start("zhao", "qian", "sun")
    committee.vote("zhao", opinion="可以", amount=7)
    assert (committee.case.variables["amount"], committee.seat_of("zhao").answer["values"]["amount"]) == (7, 7)
    assert committee.facts("voted")[0].detail["changes"]["amount"] == [None, 7]


def test_r04_a_half_vote_ends_with_an_early_refusal(house: House) -> None:
    committee = Committee(house, voting='{"rule": "ratio", "ratio": "1/2"}')
    committee.start("zhao", "qian", "sun", "li")
    for who in ("zhao", "qian"):
        committee.vote(who, "reject")
        assert committee.outcome is None
    committee.vote("sun", "reject")
    assert (committee.outcome, committee.states(), committee.told()) == ("reject", ["completed"] * 3 + ["cancelled"], {"li"})
    assert committee.case.status == "completed"
    tally = committee.facts("activity_completed")[-1].detail["tally"]
    assert (tally["agreed"], tally["refused"], tally["undecided"], tally["need"]) == (0, 3, 1, 2)


def test_an_early_decision_leaves_drafts_and_offers_of_nobody(house: House) -> None:
    committee = Committee(house, voting='{"rule": "any"}')
    committee.start("zhao", "qian")
    committee.do("save_draft", "qian", committee.seat_of("qian").id, {"opinion": "写到一半"})
    committee.vote("zhao", "reject")
    assert committee.rows(select(Draft.seat_id)) == []
    assert all(committee.offers(seat) == set() for seat in committee.seats())


def test_wait_for_all_hears_everybody(house: House) -> None:
    committee = Committee(house, voting='{"rule": "majority", "wait_for_all": true, "outcome_refused": "reject"}')
    committee.start("zhao", "qian", "sun")
    committee.vote("zhao")
    committee.vote("qian")
    assert committee.outcome is None
    committee.vote("sun", "reject")
    assert (committee.outcome, committee.told()) == ("approve", set())


def test_one_veto_fails_and_a_pass_waits_for_its_holder(house: House) -> None:
    committee = Committee(house, "veto_vote")
    committee.start("zhao", "qian", "sun")
    committee.vote("zhao")
    committee.vote("sun")
    assert committee.outcome is None and committee.seat_of("qian").veto
    committee.vote("qian", "reject")
    assert committee.outcome == "reject"


def test_abstaining_counts_in_the_number_of_voters(house: House) -> None:
    committee = Committee(house, voting='{"rule": "majority"}')
    committee.start("zhao", "qian", "sun", "li")
    committee.vote("zhao", "abstain")
    committee.vote("qian", "abstain")
    assert committee.outcome == "reject"


def test_the_outcome_may_be_named_by_the_model(house: House) -> None:
    committee = Committee(house, voting='{"rule": "majority", "agree": ["abstain", "approve"], "outcome_agreed": "approve"}')
    committee.start("zhao")
    committee.vote("zhao", "abstain")
    assert committee.outcome == "approve"


# in turn


def test_in_turn_only_the_first_is_asked(house: House) -> None:
    committee = Committee(house, "countersign_in_turn")
    committee.start("zhao", "qian", "sun")
    assert committee.states() == ["open", "queued", "queued"]
    with pytest.raises(Rejection, match="轮到"):
        committee.vote("qian")
    committee.vote("zhao")
    assert committee.states() == ["completed", "open", "queued"]
    assert committee.offers(committee.seat_of("qian")) == {"qian"}
    committee.vote("qian")
    committee.vote("sun")
    assert committee.outcome == "approve"


def test_in_turn_a_refusal_ends_it(house: House) -> None:
    committee = Committee(house, "countersign_in_turn")
    committee.start("zhao", "qian", "sun")
    committee.vote("zhao", "reject")
    assert (committee.outcome, committee.states(), committee.told()) == ("reject", ["completed", "cancelled", "cancelled"], set())


def test_in_turn_the_list_is_frozen_when_it_begins(house: House) -> None:
    committee = Committee(house, "countersign_in_turn")
    committee.start("zhao", "qian")
    with house.store.transaction() as connection:
        case = house.engine.load(connection, committee.instance)
        house.engine.set_variables(connection, case, {"case": {**case.variables["case"], "members": [committee.people["li"]]}}, {})
    committee.vote("zhao")
    assert committee.offers(committee.seat_of("qian")) == {"qian"}


def test_r10_a_disabled_user_in_the_queue_goes_to_the_process_owner_and_is_never_skipped(house: House) -> None:
    committee = Committee(house, "countersign_in_turn")
    committee.start("zhao", "qian", "sun")
    committee.disable("qian")
    assert committee.states() == ["open", "queued", "queued"]
    committee.vote("zhao")
    assert committee.states() == ["completed", "open", "queued"]
    assert (committee.offers(committee.seat_of("qian")), committee.incidents()) == ({"univ_principal@U1"}, ["no_assignee"])
    committee.vote("head", seat=committee.seat_of("qian"))
    committee.vote("sun")
    assert (committee.outcome, committee.incidents()) == ("approve", [])


def test_r10_a_disabled_user_whose_turn_it_is_hands_it_to_the_process_owner(house: House) -> None:
    committee = Committee(house, "countersign_in_turn")
    committee.start("zhao", "qian")
    committee.disable("zhao")
    assert (committee.states(), committee.incidents()) == (["open", "queued"], ["no_assignee"])
    assert committee.offers(committee.seats()[0]) == {"univ_principal@U1"}


# one person, one vote


def test_two_lines_that_mean_one_person_are_one_seat(house: House) -> None:
    committee = Committee(house)
    committee.start("zhao", "head", "univ_principal@U1", "zhao")
    assert [committee.offers(seat) for seat in committee.seats()] == [{"zhao"}, {"head"}]


def test_a_second_vote_of_the_same_person_is_refused_in_words(house: House) -> None:
    committee = Committee(house)
    committee.start("zhao", "univ_clerk@U1", "sun")
    pool = committee.seats()[1]
    committee.vote("zhao", "reject")
    with pytest.raises(Forbidden, match="每人一票"):
        committee.vote("zhao", seat=pool)
    with pytest.raises(Forbidden, match="每人一票"):
        committee.do("claim", "zhao", pool.id)
    committee.vote("qian", seat=pool)
    assert len({seat.completed_by for seat in committee.seats() if seat.status == "completed"}) == 2


def test_a_seat_only_voters_could_take_leaves_the_vote(house: House) -> None:
    committee = Committee(house, voting='{"rule": "all"}')
    committee.start("univ_clerk@U1", "univ_principal@U1", "head")  # the third means the same person as the second
    assert len(committee.seats()) == 2
    committee.vote("zhao", seat=committee.seats()[0])
    committee.vote("head", seat=committee.seats()[1])
    assert committee.outcome == "approve"


def test_a_pool_whose_only_other_member_voted_is_dropped_by_a_named_rule(house: House) -> None:
    committee = Committee(house, voting='{"rule": "all"}')
    committee.start("zhao", "univ_clerk@U1", "qian")
    for who in ("sun", "li", "zhou", "clerk"):
        committee.disable(who)
    committee.vote("zhao")
    committee.vote("qian")
    assert (committee.states(), committee.outcome) == (["completed", "cancelled", "completed"], "approve")
    assert committee.facts("vote_dropped")[0].detail["rule"] == "duplicate_voter"


# people who leave


def test_a_disabled_voter_leaves_the_vote_and_the_rest_may_decide(house: House) -> None:
    committee = Committee(house, voting='{"rule": "all"}')
    committee.start("zhao", "qian", "sun")
    committee.vote("zhao")
    committee.vote("qian")
    committee.disable("sun")
    assert (committee.states(), committee.outcome) == (["completed", "completed", "cancelled"], "approve")
    assert committee.facts("activity_completed")[-1].person is None


def test_the_vote_of_somebody_disabled_later_stays(house: House) -> None:
    committee = Committee(house)
    committee.start("zhao", "qian", "sun")
    committee.vote("zhao")
    committee.disable("zhao")
    committee.vote("qian")
    assert committee.outcome == "approve"


def test_when_everybody_left_the_process_owner_gets_it(house: House) -> None:
    committee = Committee(house)
    committee.start("zhao")
    committee.disable("zhao")
    assert committee.states() == ["cancelled", "open"]
    assert (committee.offers(committee.seats()[1]), committee.incidents()) == ({"univ_principal@U1"}, ["no_assignee"])
    committee.vote("head", "reject", seat=committee.seats()[1])
    assert committee.outcome == "reject"


def test_without_participants_the_process_owner_is_asked_and_an_alarm_raised(house: House) -> None:
    committee = Committee(house)
    committee.start()
    assert (committee.offers(committee.seats()[0]), committee.incidents()) == ({"univ_principal@U1"}, ["no_assignee"])


def test_a_claimed_seat_of_somebody_who_left_goes_back_to_its_line(house: House) -> None:
    committee = Committee(house)
    committee.start("univ_clerk@U1", "head")
    committee.do("claim", "zhao", committee.seats()[0].id)
    committee.disable("zhao")
    assert (committee.seats()[0].owner_id, committee.offers(committee.seats()[0])) == (None, {"univ_clerk@U1"})


def test_release_gives_a_seat_back_to_the_line_it_stands_for(house: House) -> None:
    committee = Committee(house)
    committee.start("univ_clerk@U1", "head")
    seat = committee.seats()[0]
    committee.do("claim", "zhao", seat.id)
    assert committee.offers(seat) == {"zhao"}
    committee.do("release", "zhao", seat.id)
    assert committee.offers(seat) == {"univ_clerk@U1"}


def test_working_out_anew_who_may_act_keeps_every_vote_with_its_line(house: House) -> None:
    committee = Committee(house, "countersign_in_turn")
    committee.start("zhao", "univ_clerk@U1", "qian")
    committee.disable("zhao")
    before = [committee.offers(seat) for seat in committee.seats()]
    with house.store.transaction() as connection:
        case = house.engine.load(connection, committee.instance)
        for told in house.engine.after_events:
            told(connection, case)
    assert before == [committee.offers(seat) for seat in committee.seats()] == [{"univ_principal@U1"}, set(), set()]


def test_a_supervisor_may_not_give_a_vote_to_somebody_it_does_not_stand_for(house: House) -> None:
    committee = Committee(house)
    committee.start("zhao", "univ_clerk@U1", "sun")
    with pytest.raises(Forbidden, match="李委员不是"):
        committee.do("reassign", "head", committee.seats()[0].id, committee.people["li"], "出差")
    committee.do("reassign", "head", committee.seats()[1].id, committee.people["li"], "出差")
    assert committee.offers(committee.seats()[1]) == {"li"}


# races


def test_whoever_votes_after_the_decision_is_told_who_decided(house: House) -> None:
    committee = Committee(house, voting='{"rule": "any"}')
    committee.start("zhao", "qian")
    late = committee.seat_of("qian")
    committee.vote("zhao", "reject")
    with pytest.raises(Conflict, match="赵委员.*09:00"):
        committee.vote("qian", seat=late)


def test_two_last_voters_at_the_same_moment_both_succeed_or_one_is_told(tmp_path: Path, clock: FrozenClock, database: str) -> None:
    house = build_house(create_database_engine(databases.url(tmp_path)), clock, load_or_create_keys(None))
    committee = Committee(house, voting='{"rule": "majority"}')
    committee.start("zhao", "qian", "sun", "li")
    committee.vote("zhao")
    committee.vote("qian")
    answers: dict[str, Any] = {}
    gate = threading.Barrier(2)

    def vote(who: str) -> None:
        gate.wait()
        try:
            committee.vote(who)
            answers[who] = "voted"
        except Conflict as told:
            answers[who] = told.zh

    threads = [threading.Thread(target=vote, args=(who,)) for who in ("sun", "li")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == ["li", "sun"] and "voted" in answers.values()
    assert [text for text in answers.values() if text != "voted" and "委员于" not in text] == []
    assert (committee.outcome, committee.kinds().count("activity_completed")) == ("approve", 1)
    assert committee.intact()
    house.store.engine.dispose()


# refused


def test_a_refused_vote_changes_nothing(house: House) -> None:
    committee = Committee(house)
    committee.start("zhao", "qian", "sun")
    before = committee.case, committee.seats()
    for outcome in ("nothing", "approve"):
        with pytest.raises(Rejection):
            committee.vote("clerk", outcome, seat=committee.seat_of("zhao"))
    assert (committee.case, committee.seats()) == before


def test_nobody_outside_the_list_votes(house: House) -> None:
    committee = Committee(house)
    committee.start("zhao", "qian", "sun")
    with pytest.raises(Forbidden):
        committee.vote("head", seat=committee.seat_of("zhao"))


def test_one_vote_each_holds_for_every_person_and_instance(house: House) -> None:
    committee = Committee(house, voting='{"rule": "majority", "wait_for_all": true}')
    committee.start("univ_clerk@U1", "univ_clerk@U1", "zhao", "qian", "univ_principal@U1")
    for who, seat in zip(("sun", "zhao", "qian", "head"), committee.seats(), strict=True):
        committee.vote(who, seat=seat)
    doubled = select(SEAT.c.completed_by).where(SEAT.c.node_id == "vote").group_by(SEAT.c.completed_by).having(func.count() > 1)
    assert committee.rows(doubled) == []
    assert committee.rows(select(SeatExclusion.seat_id).join(SEAT, SEAT.c.id == SeatExclusion.seat_id).where(SEAT.c.status == "cancelled")) == []


# undo


def test_a_vote_can_be_taken_back_while_the_activity_is_being_decided(house: House) -> None:
    committee = Committee(house)
    committee.start("zhao", "qian", "sun")
    before = committee.case.variables
    committee.vote("zhao", "reject", amount=9)
    committee.do("undo", "zhao", committee.seats()[0].id)
    seat = committee.seats()[0]
    assert (seat.status, seat.outcome, seat.answer, committee.offers(seat)) == ("open", None, None, {"zhao"})
    assert (committee.case.variables, committee.actors(), committee.rows(select(SeatExclusion.seat_id))) == (before, set(), [])
    committee.vote("zhao")
    committee.vote("qian")
    assert (committee.outcome, committee.intact()) == ("approve", True)


def test_a_vote_can_be_taken_back_although_somebody_else_has_voted_since(house: House) -> None:
    committee = Committee(house, voting='{"rule": "all"}')
    committee.start("zhao", "qian", "sun")
    committee.vote("zhao", "approve", opinion="可以")
    committee.vote("qian", "approve", opinion="可以")
    committee.do("undo", "qian", committee.seats()[1].id)
    assert committee.states() == ["completed", "open", "open"]
    committee.vote("qian", "reject")
    assert committee.outcome == "reject"


def test_a_vote_whose_values_were_overwritten_stays(house: House) -> None:
    committee = Committee(house, voting='{"rule": "all"}')
    committee.start("zhao", "qian", "sun")
    committee.vote("zhao", amount=5)
    committee.vote("qian", amount=6)
    with pytest.raises(Conflict, match="已被他人更改"):
        committee.do("undo", "zhao", committee.seats()[0].id)


def test_taking_back_in_turn_sends_the_next_back_into_the_queue(house: House) -> None:
    committee = Committee(house, "countersign_in_turn")
    committee.start("zhao", "qian", "sun")
    committee.vote("zhao")
    committee.do("undo", "zhao", committee.seats()[0].id)
    assert (committee.states(), committee.offers(committee.seats()[1])) == (["open", "queued", "queued"], set())
    committee.vote("zhao")
    committee.do("claim", "qian", committee.seats()[1].id)
    with pytest.raises(Conflict, match="下一位"):
        committee.do("undo", "zhao", committee.seats()[0].id)


def test_taking_the_deciding_vote_back_opens_what_it_closed(house: House) -> None:
    committee = Committee(house, voting='{"rule": "majority"}')
    committee.start("zhao", "qian", "sun")
    committee.do("save_draft", "sun", committee.seats()[2].id, {"opinion": "写到一半"})
    committee.vote("zhao")
    before = committee.case.variables, committee.case.state["t"]
    committee.vote("qian")
    assert committee.states() == ["completed", "completed", "cancelled"]
    committee.do("undo", "qian", committee.seats()[1].id)
    assert committee.states() == ["completed", "open", "open"]
    assert (committee.case.variables, committee.case.state["t"]) == before
    assert [committee.offers(seat) for seat in committee.seats()[1:3]] == [{"qian"}, {"sun"}]
    assert [row.values for row in committee.rows(select(Draft.values))] == [{"opinion": "写到一半"}]
    assert (committee.outcome, committee.voting().outcome, [seat.status for seat in committee.seats("file")]) == (None, None, ["cancelled"])
    with pytest.raises(Forbidden, match="每人一票"):
        committee.vote("zhao", seat=committee.seats()[2])
    committee.vote("sun")
    assert (committee.outcome, committee.intact()) == ("approve", True)


def test_a_deciding_vote_is_not_taken_back_once_the_next_step_has_begun(house: House) -> None:
    committee = Committee(house, voting='{"rule": "any"}')
    committee.start("zhao", "qian")
    committee.vote("zhao")
    committee.do("claim", "clerk", committee.seats("file")[0].id)
    with pytest.raises(Conflict):
        committee.do("undo", "zhao", committee.seats()[0].id)


# what people see


def test_the_task_page_tells_who_voted_what_and_who_is_asked(tmp_path: Path, clock: FrozenClock, database: str) -> None:
    app = create_app({
        "INSTANCE_PATH": tmp_path, "SQLALCHEMY_DATABASE_URI": databases.url(tmp_path), "CLOCK": clock, "TESTING": False, "WTF_CSRF_ENABLED": False,
    })
    committee = Committee(app.extensions["banjie"], "veto_vote")
    committee.start("zhao", "qian", "univ_principal@U1")
    committee.vote("zhao", opinion="价格合理")
    seat = committee.seats()[1]
    with committee.house.store.read() as connection:
        actor = committee.house.people.actor(connection, committee.people["qian"])
        view = committee.house.tasks.task_view(connection, actor, seat.id)
    assert [(vote["name"]["zh"], vote["status"], vote["outcome"] and vote["outcome"]["zh"], vote["opinion"], vote["veto"]) for vote in view.votes] == [
        ("赵委员", "completed", "同意", "价格合理", False), ("钱委员", "open", None, None, True), ("高校资助中心负责人（甲单位）", "open", None, None, False),
    ]
    client = app.test_client()
    moment = clock.now().timestamp()
    with client.session_transaction() as session:
        session.update({"_user_id": f"{committee.people['qian']}:1", "_fresh": True, "started": moment, "used": moment})
    page = client.get(f"/tasks/{seat.id}").get_data(as_text=True)
    assert all(words in page for words in ("会签情况", "1 人已表决，共 3 人", "价格合理", "有否决权", "表决：同意"))
    committee.house.store.engine.dispose()


def test_the_timeline_tells_votes_and_their_result_in_both_languages(house: House) -> None:
    committee = Committee(house)
    committee.start("zhao", "qian", "sun")
    committee.vote("zhao")
    committee.vote("qian")
    row = committee.case
    with house.store.read() as connection:
        case = house.engine.attach(connection, row, history.SYSTEM)
        items = timeline(connection, house.people, case, history.facts(connection, committee.instance))
    told = [(item.zh, item.en, item.person) for item in items if item.node_id == "vote"]
    assert told == [
        ("“委员会表决”表决：同意", "Voted on “Committee vote”: Approve", "赵委员"), ("“委员会表决”表决：同意", "Voted on “Committee vote”: Approve", "钱委员"),
        ("“委员会表决”表决结果：同意", "Result of “Committee vote”: Approve", None),
    ]


PARALLEL = """<?xml version="1.0" encoding="UTF-8"?>
<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:camunda="http://camunda.org/schema/1.0/bpmn" id="d" targetNamespace="urn:banjie:two">
  <process id="committee" name="并行" isExecutable="true">
    <startEvent id="start"><outgoing>a</outgoing></startEvent>
    <sequenceFlow id="a" sourceRef="start" targetRef="fork" />
    <parallelGateway id="fork"><incoming>a</incoming><outgoing>b</outgoing><outgoing>c</outgoing></parallelGateway>
    <sequenceFlow id="b" sourceRef="fork" targetRef="left" /><sequenceFlow id="c" sourceRef="fork" targetRef="right" />
    <userTask id="left" name="左" camunda:assignee="= case.members[1]"><incoming>b</incoming><outgoing>e</outgoing></userTask>
    <userTask id="right" name="右" camunda:assignee="= case.members[2]"><incoming>c</incoming><outgoing>f</outgoing></userTask>
    <sequenceFlow id="e" sourceRef="left" targetRef="join" /><sequenceFlow id="f" sourceRef="right" targetRef="join" />
    <parallelGateway id="join"><incoming>e</incoming><incoming>f</incoming><outgoing>g</outgoing></parallelGateway>
    <sequenceFlow id="g" sourceRef="join" targetRef="end" /><endEvent id="end"><incoming>g</incoming></endEvent>
  </process>
</definitions>
"""


def test_an_undo_leaves_the_seat_of_a_parallel_branch_alone(house: House) -> None:
    committee = Committee(house)
    with house.store.transaction() as connection:
        house.definitions.deploy_all(connection, {"committee.bpmn": PARALLEL.encode()}, None)
    committee.start("zhao", "qian")
    left, right = committee.seats()
    committee.do("complete", "zhao", left.id, {}, "complete")
    committee.do("undo", "zhao", left.id)
    assert ([seat.status for seat in committee.seats()], committee.offers(right)) == (["open", "open"], {"qian"})
    committee.do("complete", "qian", right.id, {}, "complete")
    committee.do("complete", "zhao", left.id, {}, "complete")
    assert committee.case.status == "completed"
