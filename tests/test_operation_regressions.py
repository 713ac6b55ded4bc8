"""What the random operations have found: each a small case by hand, named after what went wrong."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import event, select

from app import House
from tasks.keys.agencies import Absence
from tasks.models import Schedule, SeatExclusion, SeatOffer
from tests.returning_walk import END, START, Office, chain, fork, join, process, step
from tests.voting_stage import FOLDER, Committee
from workflows.engine import StartItem
from workflows.errors import Conflict

pytestmark = pytest.mark.usefixtures("database")
TWICE = (
    '<bpmn:multiInstanceLoopCharacteristics isSequential="true"><bpmn:loopCardinality>2</bpmn:loopCardinality></bpmn:multiInstanceLoopCharacteristics>'
)


def in_turn() -> Office:
    """A step that is done twice, one after the other."""
    return Office(process(START + step("apply") + step("sign", TWICE) + step("file") + END + chain("start", "apply", "sign", "file", "end"))).begin().done("apply")


def undo(office: Office, seat: int, who: str = "qian") -> None:
    office.command(lambda house, connection: house.tasks.undo(connection, office.actor(house, connection, who), seat))


def test_undoing_one_of_several_instances_closes_the_next_one_again() -> None:
    office = in_turn()
    first = office.seat("sign")
    office.done("sign")
    undo(office, first.id)
    assert [(seat.id, seat.token) for seat in office.seats()] == [(first.id, first.token)]
    office.done("sign", "sign").finish("file")


def test_an_instance_of_several_is_withdrawn_while_nobody_touched_the_next() -> None:
    office = in_turn()
    first = office.seat("sign")
    office.done("sign").later(minutes=2)
    office.perform("withdraw", first.id)
    assert [seat.id for seat in office.seats()] == [first.id]
    office.done("sign").later(minutes=2)
    office.perform_claim("sign", "sun")
    with pytest.raises(Conflict):
        office.perform("withdraw", first.id)
    office.do("sign", "sun").finish("file")


def test_the_alarm_of_a_step_that_an_undo_took_back_is_over() -> None:
    office = Office(process(START + step("apply") + step("sign", line="= null") + END + chain("start", "apply", "sign", "end"))).begin()
    seat = office.seat("apply")
    office.done("apply")
    assert [alarm.node_id for alarm in office.incidents] == ["sign"]
    undo(office, seat.id)
    assert office.incidents == [] and office.open == ["apply"]


def test_a_vote_taken_back_puts_the_next_in_turn_back_with_his_dates(house: House) -> None:
    committee = Committee(house, voting='{"rule": "sequential"}')
    committee.start("zhao", "qian")
    before = [(seat.status, seat.due_at, seat.schedule_id) for seat in committee.seats()]
    house.clock.set(house.clock.now() + timedelta(days=4))  # type: ignore[attr-defined]
    committee.vote("zhao")
    assert committee.seats()[1].due_at != before[1][1]
    committee.do("undo", "zhao", committee.seats()[0].id)
    assert [(seat.status, seat.due_at, seat.schedule_id) for seat in committee.seats()] == before


def test_a_vote_taken_back_brings_back_the_seat_it_had_made_needless(house: House) -> None:
    committee = Committee(house, voting='{"rule": "ratio", "ratio": "1"}')
    committee.start("zhao", "univ_clerk@U1", "qian")
    group = committee.seats()[1]
    committee.vote("zhao", seat=group)
    assert committee.states() == ["cancelled", "completed", "open"]
    committee.do("undo", "zhao", group.id)
    assert committee.states() == ["open", "open", "open"]
    assert committee.offers(committee.seats()[0]) == {"zhao"} and committee.offers(group) == {"univ_clerk@U1"}


def test_what_somebody_may_do_is_worked_out_without_asking_who_decided(house: House) -> None:
    committee = Committee(house)
    committee.start("zhao", "qian", "sun")
    for who in ("zhao", "qian"):
        committee.vote(who)
    sent: list[str] = []
    listen = (house.store.engine, "before_cursor_execute", lambda *given: sent.append(given[2]))
    event.listen(*listen)
    try:
        with pytest.raises(Conflict):
            committee.vote("sun", seat=committee.seats()[2])
    finally:
        event.remove(*listen)
    assert len([statement for statement in sent if "ORDER BY seat.completed_at DESC" in statement]) == 1


def test_a_schedule_whose_transaction_was_rolled_back_is_not_remembered(house: House) -> None:
    committee = Committee(house, **{"on_timeout": '{"at": "due", "do": "remind"}'})
    facts = {"name": "采购申请", "office": "U1", "members": [committee.people["zhao"], committee.people["qian"]], "applicant": None}
    with pytest.raises(ZeroDivisionError), house.store.transaction() as connection:
        for _ in range(2):  # the second finds the schedule the first has written
            house.tasks.start_many(connection, house.people.actor(connection, committee.people["clerk"]), "committee", [StartItem(facts)])
        raise ZeroDivisionError
    committee.start("zhao", "qian")
    schedules = {row.id for row in committee.rows(select(Schedule.id))}
    assert {seat.schedule_id for seat in committee.seats()} <= schedules


def test_an_agent_decides_what_his_principal_has_delegated(house: House) -> None:
    committee = Committee(house, voting='{"rule": "any"}')
    committee.start("zhao", "qian")
    now, mine = house.clock.now(), committee.seats()[0].id
    with house.store.transaction() as connection:
        actor = house.people.actor(connection, committee.people["zhao"])
        house.tasks.keys.agencies.create(connection, actor, committee.people["zhao"], Absence(committee.people["sun"], None, now, now + timedelta(days=3)))
        house.tasks.operations.perform(connection, actor, "delegate", mine, {"person": committee.people["li"], "text": "请看"})
    with house.store.read() as connection:
        agent = house.people.actor(connection, committee.people["sun"])
        listed = {row.seat_id for row in house.worklist.page(connection, agent).rows}
    assert mine in listed and committee.seats()[0].status == "parked"
    committee.vote("sun", seat=committee.seats()[0])
    assert (committee.outcome, committee.seats()[0].on_behalf_of) == ("approve", committee.people["zhao"])


def test_whoever_advised_in_a_step_that_was_never_completed_is_kept_out_of_the_one_apart_from_it() -> None:
    office = Office(process(
        START + step("apply") + step("draft", separate_from="check") + step("check") + END + chain("start", "apply", "draft", "check", "end")
    )).begin().done("apply")
    office.perform("delegate", office.seat("draft").id, "wang", person=office.people["sun"], text="请看")
    advice = next(seat for seat in office.seats("draft") if seat.kind == "delegate")
    office.command(lambda house, connection: house.tasks.complete(connection, office.actor(house, connection, "sun"), advice.id, {}, "suggest_agree"))
    token = next(one for one, entry in office.row().state["t"].items() if entry[0] == "draft")
    office.command(lambda house, connection: house.engine.modify(
        connection, house.engine.load(connection, office.case_id), cancel=[token], start=["check"], kind="jumped", detail={}
    ))
    with office.house.store.read() as connection:
        house = office.house
        listed = {who: len(house.worklist.page(connection, office.actor(house, connection, who)).rows) for who in ("qian", "sun")}
    assert listed == {"qian": 1, "sun": 0}


UPWARDS = '{"do": "forward", "to": "univ_principal@U1"}'


def listed(committee: Committee, who: str) -> set[int]:
    """The seats in somebody's list."""
    house = committee.house
    with house.store.read() as connection:
        return {row.seat_id for row in house.worklist.page(connection, house.people.actor(connection, committee.people[who])).rows}


def perform(committee: Committee, verb: str, who: str, seat: int, **given: object) -> None:
    with committee.house.store.transaction() as connection:
        committee.house.tasks.operations.perform(connection, committee.house.people.actor(connection, committee.people[who]), verb, seat, given)


def time_is_up(house: House) -> None:
    house.clock.set(house.clock.now() + timedelta(days=14))  # type: ignore[attr-defined]
    house.work_off()


def test_the_superior_decides_a_delegated_seat_that_was_passed_to_him_for_its_delay(house: House) -> None:
    committee = Committee(house, participants="= [\"univ_clerk@U1\"]", on_timeout=UPWARDS)
    committee.start("zhao")
    mine = committee.seats()[0]
    perform(committee, "delegate", "zhao", mine.id, person=committee.people["qian"], text="请看")
    time_is_up(house)
    assert (committee.seats()[0].status, listed(committee, "head"), listed(committee, "zhao")) == ("parked", {mine.id}, set())
    committee.vote("head", seat=mine)
    assert (committee.outcome, committee.states()) == ("approve", ["completed", "cancelled"])


def test_a_seat_passed_to_the_superior_waits_for_its_signers_before_it_is_offered(house: House) -> None:
    committee = Committee(house, signers="before", on_timeout=UPWARDS)
    committee.start("zhao")
    mine = committee.seats()[0]
    perform(committee, "add_before", "zhao", mine.id, people=[committee.people["qian"]], text="请签")
    time_is_up(house)
    assert (committee.seats()[0].status, listed(committee, "head")) == ("parked", set())
    committee.do("complete", "qian", committee.seats()[1].id, {"opinion": "同意"}, "suggest_agree")
    assert (committee.seats()[0].status, listed(committee, "head"), listed(committee, "zhao")) == ("open", {mine.id}, set())
    committee.vote("head", seat=mine)
    assert committee.outcome == "approve"


def test_time_that_runs_out_while_a_signer_is_awaited_reminds_holder_and_signer(house: House) -> None:
    committee = Committee(house, signers="before", on_timeout='{"do": "remind"}')
    committee.start("zhao")
    perform(committee, "add_before", "zhao", committee.seats()[0].id, people=[committee.people["qian"]], text="请签")
    time_is_up(house)
    assert (committee.told("timeout"), committee.states()) == ({"zhao", "qian"}, ["parked", "open"])


def test_a_reminder_of_a_seat_that_nobody_holds_while_it_waits_goes_to_whom_it_waits_for(house: House) -> None:
    committee = Committee(
        house, signers="before", on_timeout='{"at": "= working days after(now(), 1)", "do": "forward", "to": "univ_principal@U1"}',
        reminders='= [{at: now() + duration("P8D"), to: "candidates"}]',
    )
    committee.start("zhao")
    perform(committee, "add_before", "zhao", committee.seats()[0].id, people=[committee.people["qian"]], text="请签")
    time_is_up(house)
    assert (committee.seats()[0].owner_id, committee.seats()[0].status) == (None, "parked")
    assert committee.told("reminder") == {"qian"}


def test_a_decision_withdrawn_later_gives_back_the_seat_of_the_superior_it_had_been_passed_to(house: House) -> None:
    committee = Committee(house, "approval_chain", FOLDER.parent / "approval_chain", **{"first:on_timeout": UPWARDS})
    committee.start_chain("zhao", "qian", "qian")
    time_is_up(house)
    mine = committee.seats("first")[0]
    committee.vote("head", seat=mine)
    house.clock.set(house.clock.now() + timedelta(minutes=2))  # type: ignore[attr-defined]
    perform(committee, "withdraw", "head", mine.id)
    again = committee.seats("first")[-1]
    assert (again.id, again.status, again.participant) == (mine.id, "open", mine.participant)


def test_an_undo_names_what_a_rule_had_decided_because_of_the_act(house: House) -> None:
    committee = Committee(house, "approval_chain", FOLDER.parent / "approval_chain", **{"second:same_person": "consecutive"})
    committee.start_chain("zhao", "zhao", "qian")
    committee.vote("zhao")
    skipped = committee.seats("second")[0]
    assert skipped.outcome == "approve"
    committee.do("undo", "zhao", committee.seats("first")[0].id)
    assert committee.facts("undone")[0].detail["by_rule"] == [skipped.id]
    assert committee.seats("second")[0].status == "cancelled"


def test_a_straight_resubmission_offers_a_sequence_only_to_whose_turn_it_is() -> None:
    sequence = {"participants": "= [&quot;person:2&quot;, &quot;person:3&quot;]", "voting": "{&quot;rule&quot;: &quot;sequential&quot;}", "resubmit": "straight"}
    office = Office(process(START + step("apply") + step("vote", **sequence) + END + chain("start", "apply", "vote", "end"))).begin(remark="a").done("apply")
    office.do("vote", "qian")
    office.perform_claim("vote", "sun")
    office.give_back("vote", "apply", "sun")
    office.set(remark="b")  # so no vote is kept, and it is the first one's turn again
    office.done("apply")
    offered = office.rows(select(SeatOffer.candidate))
    assert [(seat.status, seat.owner_id) for seat in office.seats("vote")] == [("open", None), ("queued", None)]
    assert [row.candidate for row in offered] == ["person:2"]


def test_an_agents_decision_withdrawn_later_gives_the_seat_back_to_the_principal_who_held_it(house: House) -> None:
    committee = Committee(house, "approval_chain", FOLDER.parent / "approval_chain")
    committee.start_chain("zhao", "qian", "qian")
    now, mine = house.clock.now(), committee.seats("first")[0].id
    committee.do("claim", "zhao", mine)
    with house.store.transaction() as connection:
        actor = house.people.actor(connection, committee.people["zhao"])
        house.tasks.keys.agencies.create(connection, actor, committee.people["zhao"], Absence(committee.people["sun"], None, now, now + timedelta(days=3)))
    house.clock.set(now + timedelta(minutes=1))  # type: ignore[attr-defined]
    house.work_off()
    committee.vote("sun", seat=committee.seats("first")[0])
    house.clock.set(house.clock.now() + timedelta(minutes=2))  # type: ignore[attr-defined]
    perform(committee, "withdraw", "sun", mine)
    again = committee.seats("first")[-1]
    assert (again.owner_id, again.claimed_as) == (committee.people["zhao"], f"person:{committee.people['zhao']}")
    assert (listed(committee, "zhao"), listed(committee, "sun")) == ({again.id}, {again.id})


def test_a_refusal_that_made_a_deciding_signer_needless_is_withdrawn_with_his_seat(house: House) -> None:
    settings = {"first:signers": "parallel", "first:signers_decide": "true"}
    committee = Committee(house, "approval_chain", FOLDER.parent / "approval_chain", **settings)
    committee.start_chain("zhao", "qian", "qian")
    mine = committee.seats("first")[0]
    perform(committee, "add_parallel", "zhao", mine.id, people=[committee.people["sun"]], text="请签")
    committee.vote("zhao", "reject", seat=mine)
    house.clock.set(house.clock.now() + timedelta(minutes=2))  # type: ignore[attr-defined]
    perform(committee, "withdraw", "zhao", mine.id)
    assert [(seat.kind, seat.status, seat.owner_id) for seat in committee.seats("first")] == [
        ("main", "open", committee.people["zhao"]), ("parallel", "open", committee.people["sun"]),
    ]


def test_a_vote_whose_holder_left_is_offered_anew_and_awaits_none_of_those_he_asked(house: House) -> None:
    committee = Committee(house, voting='{"rule": "sequential"}', signers="before", participants="= [\"univ_clerk@U1\"]")
    committee.start("zhao")
    mine = committee.seats()[0]
    perform(committee, "add_before", "zhao", mine.id, people=[committee.people["qian"]], text="请签")
    committee.disable("zhao")
    assert [(seat.kind, seat.status) for seat in committee.seats()] == [("main", "open"), ("before", "cancelled")]
    assert committee.seats()[0].owner_id is None and committee.offers(mine) == {"univ_clerk@U1"}
    assert listed(committee, "sun") == {mine.id}


def test_an_agent_whom_four_eyes_keep_out_gets_no_key_to_a_signers_seat() -> None:
    office = Office(process(
        START + step("draft", separate_from="check") + step("check", signers="before") + END + chain("start", "draft", "check", "end")
    )).begin().done("draft", who="qian")
    now = office.house.clock.now()
    office.command(lambda house, connection: house.tasks.keys.agencies.create(
        connection, office.actor(house, connection, "wang"), office.people["wang"], Absence(office.people["qian"], None, now, now + timedelta(days=3))
    ))
    office.perform("add_before", office.seat("check").id, "sun", people=[office.people["wang"]], text="请签")
    signer = next(seat for seat in office.seats("check") if seat.kind == "before")
    offered = office.rows(select(SeatOffer.candidate).where(SeatOffer.seat_id == signer.id))
    assert [row.candidate for row in offered] == [f"person:{office.people['wang']}"]


def test_a_question_stays_with_whoever_acts_in_the_step_kept_apart_before_he_answers() -> None:
    office = Office(process(
        START + step("apply") + fork("split") + step("draft", separate_from="check") + step("check") + join("merge") + END
        + chain("start", "apply", "split", "draft", "merge", "end") + chain("split", "check", "merge")
    )).begin().done("apply", who="sun")
    office.perform("ask", office.seat("draft").id, "qian", person=office.people["sun"], text="请说明")
    question = next(seat for seat in office.seats("draft") if seat.kind == "asked")
    office.done("check", who="sun")
    assert office.rows(select(SeatExclusion.person_id).where(SeatExclusion.seat_id == question.id)) == []
    office.command(lambda house, connection: house.tasks.complete(
        connection, office.actor(house, connection, "sun"), question.id, {"opinion": "说明如下"}, "answer"
    ))
    assert [seat.status for seat in office.seats("draft") if seat.kind == "main"] == ["open"]


def test_an_undone_vote_gives_a_seat_it_had_dropped_back_with_the_signer_it_waits_for(house: House) -> None:
    committee = Committee(house, voting='{"rule": "all"}', signers="before", on_timeout='{"do": "forward", "to": "= [\\"univ_principal@U1\\"]"}')
    committee.start("zhao", "univ_principal@U1")
    first = committee.seats()[0]
    perform(committee, "add_before", "zhao", first.id, people=[committee.people["qian"]], text="请签")
    house.clock.set(house.clock.now() + timedelta(days=30))  # type: ignore[attr-defined]
    house.work_off()
    committee.vote("head", seat=committee.seats()[1])
    committee.do("undo", "head", committee.seats()[1].id)
    assert [(seat.kind, seat.status) for seat in committee.seats("vote")] == [("main", "parked"), ("main", "open"), ("before", "open")]


def test_the_time_marks_of_a_step_are_not_those_of_a_signers_seat_that_came_to_another_version() -> None:
    settings = {"signers": "parallel", "on_timeout": "{&quot;at&quot;: &quot;= working days after(now(), 2)&quot;, &quot;do&quot;: &quot;remind&quot;}"}
    office = Office(process(START + step("check", **settings) + END + chain("start", "check", "end"))).begin()
    office.perform("add_parallel", office.seat("check").id, "qian", people=[office.people["sun"]], text="请签")
    office.migrate()
    signer = next(seat for seat in office.seats("check") if seat.kind == "parallel")
    assert signer.schedule_id is None and signer.summary["asked"]["text"] == "请签"


def test_a_message_sent_by_hand_does_not_move_a_suspended_case() -> None:
    def box(name: str, value: str) -> str:
        return f'<bpmn:extensionElements><camunda:properties><camunda:property name="{name}" value="{value}"/></camunda:properties></bpmn:extensionElements>'

    catch = f'<bpmn:intermediateCatchEvent id="wait" name="wait">{box("sent_by", "univ_principal")}<bpmn:messageEventDefinition messageRef="paid"/></bpmn:intermediateCatchEvent>'
    office = Office(process(box("parties", "= {office: case.unit}") + START + catch + step("file") + END + chain("start", "wait", "file", "end"))).begin()

    def send() -> None:
        office.command(lambda house, connection: house.tasks.send_message(connection, office.actor(house, connection, "zhou"), office.case_id, "paid", {}))

    office.perform("suspend", office.case_id, "zhou", reason="核实")
    with pytest.raises(Conflict):
        send()
    assert office.open == []
    office.perform("resume", office.case_id, "zhou")
    send()
    assert office.open == ["file"]
