"""Withdrawal by the handler and the applicant, jumps, termination, voiding, suspension: what each does, and when it is refused."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from tasks.models import Membership, Notification, Seat, SeatOffer
from tasks.worklist import Filters
from tests.conftest import shanghai
from tests.engine_walk import extensions
from tests.returning_walk import END, START, Office, chain, fork, join, process, step
from workflows.errors import Conflict, Forbidden, Rejection
from workflows.models import Wait

pytestmark = pytest.mark.usefixtures("database")

PARTIES = '<bpmn:extensionElements><camunda:properties><camunda:property name="parties" value="= {unit: case.unit}"/></camunda:properties></bpmn:extensionElements>'
LINE = process(PARTIES + START + step("apply") + step("check") + step("sign") + END + chain("start", "apply", "check", "sign", "end"))
BRANCHES = process(
    PARTIES + START + step("apply") + fork("split") + step("left") + step("right") + join("merge") + step("sign") + END
    + chain("start", "apply", "split", "left", "merge", "sign", "end") + chain("split", "right", "merge")
)
CALLED = process(START + step("called_work") + END + chain("start", "called_work", "end"), "called")
CALLING = process(PARTIES + START + step("apply") + '<bpmn:callActivity id="call" name="call" calledElement="called"/>' + END + chain("start", "apply", "call", "end"))


def decided(office: Office, node: str) -> int:
    """The seat of the last decision on an activity."""
    query = select(Seat.id).where(Seat.node_id == node, Seat.status == "completed").order_by(Seat.id.desc())
    return int(office.rows(query)[0].id)


# the handler's withdrawal


def test_after_the_undo_time_a_decision_is_taken_back_while_nobody_touched_what_it_created() -> None:
    office = Office(LINE).begin(amount=7).done("apply")
    office.perform_claim("check", "qian")
    before, owner = office.marking, office.seat("check").owner_id
    variables = office.variables
    office.done("check").later(minutes=5)
    office.perform("withdraw", decided(office, "check"))
    assert office.marking == before and office.seat("check").owner_id == owner
    assert {name: value for name, value in office.variables.items() if value is not None} == variables
    office.finish("check", "sign")


def test_within_the_undo_time_it_is_the_undo() -> None:
    office = Office(LINE).begin().done("apply", "check")
    office.perform("withdraw", decided(office, "check"))
    assert office.history("undone") and not office.history("decision_withdrawn")
    office.finish("check", "sign")


@pytest.mark.parametrize("touch", ["claim", "draft", "complete"])
def test_a_touched_successor_refuses_the_withdrawal(touch: str) -> None:
    office = Office(LINE).begin().done("apply", "check").later(minutes=5)
    seat = office.seat("sign").id
    if touch == "claim":
        office.perform_claim("sign", "sun")
    elif touch == "draft":
        office.command(lambda house, connection: house.tasks.save_draft(connection, office.actor(house, connection, "sun"), seat, {"a": 1}))
    else:
        office.do("sign", "sun")
    before = office.row()
    with pytest.raises(Conflict):
        office.perform("withdraw", decided(office, "check"))
    assert office.row() == before


@pytest.mark.parametrize("verb", ["comment", "forward", "delegate", "add_before", "circulate"])
def test_a_remark_or_a_seat_passed_on_is_a_touch_and_looking_is_not(verb: str) -> None:
    signing = LINE.replace(b'id="sign" name="sign" camunda:candidateGroups="univ_clerk@U1"><bpmn:extensionElements><camunda:properties>', b'id="sign" name="sign" camunda:candidateGroups="univ_clerk@U1"><bpmn:extensionElements><camunda:properties><camunda:property name="signers" value="before"/>')
    office = Office(signing).begin().done("apply", "check").later(minutes=5)
    seat, wang = office.seat("sign").id, office.people["wang"]
    office.command(lambda house, connection: house.tasks.task_view(connection, office.actor(house, connection, "sun"), seat))
    assert office.preview("withdraw", decided(office, "check")).refused is None
    office.perform(verb, seat, "sun", person=wang, people=[wang], text="请看一下", reason="请看一下", question="请看一下")
    with pytest.raises(Conflict):
        office.perform("withdraw", decided(office, "check"))


def test_a_claim_given_back_still_counts_as_a_touch() -> None:
    office = Office(LINE).begin().done("apply", "check").later(minutes=5)
    office.perform_claim("sign", "sun")
    seat = office.seat("sign").id
    office.command(lambda house, connection: house.tasks.release(connection, office.actor(house, connection, "sun"), seat))
    with pytest.raises(Conflict):
        office.perform("withdraw", decided(office, "check"))


def test_a_join_that_used_the_result_refuses_the_withdrawal() -> None:
    office = Office(BRANCHES).begin().done("apply", "left").do("right", "sun").later(minutes=5)
    with pytest.raises(Conflict, match="汇合"):
        office.perform("withdraw", decided(office, "right"), "sun")


def test_a_result_that_waits_at_a_join_can_be_taken_back() -> None:
    office = Office(BRANCHES).begin().done("apply", "left").later(minutes=5)
    office.perform("withdraw", decided(office, "left"))
    assert office.open == ["left", "right"] and not office.marking[1]
    office.finish("left", "right", "sign")


def test_a_field_overwritten_since_refuses_the_withdrawal() -> None:
    office = Office(LINE).begin().done("apply", "check").later(minutes=5)
    office.set(check_outcome="other")
    with pytest.raises(Conflict, match="修改"):
        office.perform("withdraw", decided(office, "check"))


def test_somebody_else_cannot_withdraw_it() -> None:
    office = Office(LINE).begin().done("apply", "check").later(minutes=5)
    with pytest.raises(Rejection):
        office.perform("withdraw", decided(office, "check"), "sun")


def test_the_last_decision_of_a_case_can_be_taken_back() -> None:
    office = Office(LINE).begin().done("apply", "check", "sign").later(minutes=5)
    assert office.row().status == "completed"
    office.perform("withdraw", decided(office, "sign"))
    assert office.row().status == "active" and office.open == ["sign"]
    office.finish("sign")


TIMED_CHECK = process(
    PARTIES + START + step("apply") + fork("split") + step("check")
    + '<bpmn:boundaryEvent id="late" name="late" attachedToRef="check"><bpmn:timerEventDefinition><bpmn:timeDuration>P5D</bpmn:timeDuration></bpmn:timerEventDefinition></bpmn:boundaryEvent>'
    + step("sign") + step("other") + step("more") + step("chase") + END
    + chain("start", "apply", "split", "check", "sign", "end") + chain("split", "other", "more", "end") + chain("late", "chase", "end")
)


@pytest.mark.parametrize("meanwhile", [False, True])
def test_a_withdrawal_restores_the_dates_of_timers_whether_or_not_a_branch_has_moved_meanwhile(meanwhile: bool) -> None:
    office = Office(TIMED_CHECK).begin().done("apply")
    due = office.rows(select(Wait.due_at))
    office.later(hours=5)
    office.done("check").later(hours=5)
    if meanwhile:
        office.do("other", "sun")
    office.perform("withdraw", decided(office, "check"))
    assert office.rows(select(Wait.due_at)) == due and office.seat("check").owner_id in (None, office.people["qian"])
    office.finish("check", "sign", "more" if meanwhile else "other", *([] if meanwhile else ["more"]))


OWN = PARTIES.replace("</camunda:properties>", '<camunda:property name="subject_person" value="= case.person"/></camunda:properties>')


def take_back(office: Office) -> None:
    office.command(lambda house, connection: house.tasks.withdraw_case(connection, office.actor(house, connection, "zhao"), office.case_id))


def withdrawable(nodes: str, between: str, *steps: str) -> bytes:
    return process(OWN + START + step("apply", applicant="true", withdrawable=nodes, stage="draft") + between + END + chain("start", "apply", *steps, "end"))


def test_a_withdrawal_by_the_applicant_voids_the_results_of_every_step_and_leaves_the_fields() -> None:
    office = Office(withdrawable("check,sign", step("check") + step("sign"), "check", "sign")).begin(amount=3).done("apply", "check")
    take_back(office)
    assert (office.variables["apply_outcome"], office.variables["check_outcome"], office.variables["check_by"], office.variables["amount"]) == (None, None, None, 3)
    assert office.row().round == 2 and office.targets("apply") == {}
    office.finish("apply", "check", "sign")


def test_not_even_the_applicant_goes_back_past_a_point_of_no_return() -> None:
    office = Office(withdrawable("pay,sign", step("pay", point_of_no_return="true") + step("sign"), "pay", "sign")).begin().done("apply")
    take_back(office)
    office.done("apply", "pay")
    with pytest.raises(Conflict, match="pay"):
        take_back(office)
    office.finish("sign")


def test_the_applicant_takes_his_case_back_out_of_a_called_process_only_where_the_model_lists_the_call() -> None:
    call = '<bpmn:callActivity id="call" name="call" calledElement="called"/>'
    closed, opened = (Office(CALLED, withdrawable(nodes, call, "call")).begin().done("apply") for nodes in ("check", "call"))
    with pytest.raises(Conflict, match="当前环节"):
        take_back(closed)
    take_back(opened)
    assert opened.open == ["apply"] and opened.row().round == 2
    opened.finish("apply", "called_work")


def test_the_applicant_takes_his_case_back_in_a_new_round_under_the_same_number() -> None:
    office = Office(process(
        '<bpmn:extensionElements><camunda:properties><camunda:property name="subject_person" value="= case.person"/></camunda:properties></bpmn:extensionElements>'
        + START + step("apply", applicant="true", withdrawable="check", stage="draft") + step("check", stage="submitted") + END + chain("start", "apply", "check", "end")
    )).begin().done("apply")
    number = office.row().number
    office.command(lambda house, connection: house.tasks.withdraw_case(connection, office.actor(house, connection, "zhao"), office.case_id))
    row = office.row()
    assert (row.round, row.number, row.stage, office.open) == (2, number, "draft", ["apply"])
    office.finish("apply", "check")


# jumps


def jump(office: Office, start: str, to: str, who: str = "zhou", **given: object) -> None:
    token = next(one.value for one in office.choices("jump", office.case_id, who)["from"] if one.zh == start)
    office.perform("jump", office.case_id, who, **{"from": token, "to": to, "reason": "更正流转", **given})


def test_a_jump_moves_forwards() -> None:
    office = Office(LINE).begin()
    jump(office, "apply", "sign")
    assert office.open == ["sign"] and office.history("jumped")[0].detail["reason"] == "更正流转"
    office.finish("sign")


def test_a_jump_backwards_follows_the_table_of_returns() -> None:
    office = Office(BRANCHES).begin().done("apply", "left", "right")
    jump(office, "sign", "left")
    assert office.open == ["left"] and office.marking[1] == {"right_to_merge": 1}
    office.finish("left", "sign")


def test_a_jump_that_would_starve_a_join_is_refused() -> None:
    office = Office(BRANCHES).begin()
    before = office.row()
    token = office.choices("jump", office.case_id, "zhou")["from"][0].value
    refused = office.preview("jump", office.case_id, "zhou", **{"from": token, "to": "left"}).refused
    assert refused is not None and "merge" in refused["zh"]
    with pytest.raises(Conflict, match="merge"):
        jump(office, "apply", "left")
    assert office.row() == before


def test_a_jump_out_of_one_branch_past_its_join_is_refused_and_of_all_branches_is_not() -> None:
    office = Office(BRANCHES).begin().done("apply")
    with pytest.raises(Conflict):
        jump(office, "left", "sign")
    jump(office, "所有在办环节", "sign")
    assert office.open == ["sign"]
    office.finish("sign")


def test_a_jump_is_for_supervisors_and_bound_to_what_was_seen() -> None:
    office = Office(LINE).begin()
    with pytest.raises(Forbidden):
        jump(office, "apply", "sign", "qian")
    seen = office.row().revision
    office.perform_claim("apply", "qian")
    with pytest.raises(Conflict, match="已有变化"):
        jump(office, "apply", "sign", revision=seen)


def test_the_preview_of_a_jump_says_what_it_would_do_and_does_nothing() -> None:
    office = Office(LINE).begin()
    before = office.row()
    token = office.choices("jump", office.case_id, "zhou")["from"][0].value
    lines = [one.zh for one in office.preview("jump", office.case_id, "zhou", **{"from": token, "to": "sign"}).lines]
    assert "“apply”的待办取消" in lines and "已验证：之后仍能办结" in lines and any("“sign”成为待办" in one for one in lines)
    assert office.row() == before


# terminate and void


@pytest.mark.parametrize(("verb", "status"), [("terminate", "terminated"), ("void", "void")])
def test_ending_a_case_cancels_everything_it_called_and_keeps_its_record(verb: str, status: str) -> None:
    office = Office(CALLED, CALLING).begin().done("apply")
    office.perform(verb, office.case_id, "zhou", reason="重复申报")
    assert office.open == [] and office.row().status == status
    assert {row.status for row in office.instances() if row.id != office.case_id} == {"terminated"}
    fact = office.history("terminated" if verb == "terminate" else "voided")[0]
    assert fact.detail["reason"] == "重复申报" and fact.person == office.people["zhou"]
    with pytest.raises(Conflict):
        office.perform(verb, office.case_id, "zhou", reason="再来一次")


def test_a_void_case_keeps_its_number_and_frees_its_business_key() -> None:
    keyed = LINE.replace(PARTIES.encode(), (PARTIES.replace("</camunda:properties>", '<camunda:property name="business_key" value="= case.unit"/></camunda:properties>')).encode())
    office = Office(keyed).begin()
    number = office.row().number
    office.perform("void", office.case_id, "zhou", reason="作废重办")
    assert (office.row().business_key, office.row().number) == (None, number)
    office.begin()
    assert office.open == ["apply"]


def test_a_void_case_is_listed_only_when_asked_for() -> None:
    office = Office(LINE).begin()
    void = office.case_id
    office.perform("void", void, "zhou", reason="作废重办")
    office.begin()

    def listed(**asked: str) -> list[int]:
        with office.house.store.read() as connection:
            return [row.instance_id for row in office.house.worklist.cases(connection, office.actor(office.house, connection, "zhou"), **asked).rows]

    assert listed() == [office.case_id] and listed(status="void") == [void]


def test_an_applicant_has_one_card_for_a_case_however_many_instances_it_has() -> None:
    inner = '<bpmn:startEvent id="begin"/>' + step("one") + '<bpmn:endEvent id="close"/>' + chain("begin", "one", "close")
    many = '<bpmn:multiInstanceLoopCharacteristics isSequential="false" camunda:collection="= people" camunda:elementVariable="who"/>'
    office = Office(process(
        OWN + START + f'<bpmn:subProcess id="each" name="each">{many}{inner}</bpmn:subProcess>' + END + chain("start", "each", "end")
    )).begin(people=[1, 2, 3])
    house, parts = office.house, [seat.instance_id for seat in office.seats("one")]
    with house.store.read() as connection:
        assert [row.instance_id for row in house.worklist.my_cases(connection, office.actor(house, connection, "zhao"))] == [office.case_id]
        assert set(house.worklist.whole_of(connection, parts).values()) == {office.case_id}


def test_a_clerk_neither_ends_nor_suspends_a_case_and_a_reason_is_needed() -> None:
    office = Office(LINE).begin()
    for verb in ("terminate", "void", "suspend"):
        with pytest.raises(Forbidden):
            office.perform(verb, office.case_id, "qian", reason="不应允许")
        with pytest.raises(Rejection):
            office.perform(verb, office.case_id, "zhou", reason="")
    assert office.row().status == "active"


def test_holders_are_told_of_the_end() -> None:
    office = Office(LINE).begin()
    office.perform_claim("apply", "qian")
    office.perform("terminate", office.case_id, "zhou", reason="重复申报")
    told = office.rows(select(Notification.candidate, Notification.kind))
    assert (f"person:{office.people['qian']}", "terminated") in {tuple(row) for row in told}


# suspension


TIMED = process(
    PARTIES + START + step("apply")
    + '<bpmn:boundaryEvent id="late" name="late" attachedToRef="apply"><bpmn:timerEventDefinition><bpmn:timeDuration>P2D</bpmn:timeDuration></bpmn:timerEventDefinition></bpmn:boundaryEvent>'
    + step("chase") + END + chain("start", "apply", "end") + chain("late", "chase", "end")
)


def suspend(office: Office) -> None:
    office.perform("suspend", office.case_id, "zhou", reason="等待核实")


def test_a_suspended_case_can_be_read_but_not_worked_on() -> None:
    office = Office(LINE).begin()
    suspend(office)
    assert office.open == ["apply"] and office.row().suspended_at is not None
    with pytest.raises(Conflict, match="挂起"):
        office.done("apply")
    with pytest.raises(Conflict, match="挂起"):
        office.perform_claim("apply", "qian")
    office.perform("resume", office.case_id, "zhou")
    assert office.row().suspended_at is None
    office.finish("apply", "check", "sign")


def test_timers_of_a_suspended_case_wait_and_move_by_the_suspended_working_time() -> None:
    office = Office(TIMED).begin()  # Thursday, 18 June 2026, 09:00; the 19th to the 21st are days off
    office.clock.advance(timedelta(hours=10))
    suspend(office)
    office.later(days=6)
    assert office.open == ["apply"]
    office.perform("resume", office.case_id, "zhou")
    [wait] = office.rows(select(Wait.due_at))
    assert wait.due_at > office.clock.now()
    minutes = office.history("resumed")[0].detail["working_minutes"]
    assert minutes == 5 * 60 + 2 * 24 * 60 + 19 * 60
    office.later(days=10)
    assert office.open == ["chase"]


def test_calendar_dates_of_timers_stand_and_fire_once_on_resume() -> None:
    dated = TIMED.replace(b"timeDuration>P2D</bpmn:timeDuration", b"timeDate>2026-06-20T09:00:00+08:00</bpmn:timeDate")
    office = Office(dated).begin()
    suspend(office)
    office.later(days=6)
    assert office.open == ["apply"]
    office.perform("resume", office.case_id, "zhou")
    office.work()
    assert office.open == ["chase"]
    office.finish("chase")


def due(expression: str, **more: str) -> bytes:
    return LINE.replace(b'id="apply" name="apply"', f'id="apply" name="apply" camunda:dueDate="{expression}"'.encode())


def test_a_due_date_counted_from_entry_moves_and_one_of_the_calendar_stands() -> None:
    counted, fixed = Office(due("= working days after(now(), 3)")).begin(), Office(due("= date and time(&quot;2026-06-30T12:00:00+08:00&quot;)")).begin()
    before = [office.seat("apply").due_at for office in (counted, fixed)]
    for office in (counted, fixed):
        office.clock.set(shanghai("2026-06-22T09:00"))
        suspend(office)
        office.later(days=2)
        office.perform("resume", office.case_id, "zhou")
    assert counted.seat("apply").due_at == before[0] + timedelta(days=2)
    assert fixed.seat("apply").due_at == before[1]
    assert {row.due_at for row in counted.rows(select(SeatOffer.due_at))} == {counted.seat("apply").due_at}


def test_no_light_burns_while_a_case_is_suspended_and_undated_work_is_neither_green_nor_lost() -> None:
    office = Office(due("= working days after(now(), 3)")).begin()
    seat = office.seat("apply").id

    def lights() -> tuple[str, str]:
        with office.house.store.read() as connection:
            actor = office.actor(office.house, connection, "zhou")
            [row] = office.house.worklist.cases(connection, actor).rows
            return row.open[0]["light"], office.house.tasks.task_view(connection, office.actor(office.house, connection, "qian"), seat).seat.light

    assert lights() == ("green", "green")
    suspend(office)
    assert lights() == ("grey", "grey")
    undated = Office(LINE).begin()
    with undated.house.store.read() as connection:
        actor = undated.actor(undated.house, connection, "qian")
        found = {light: len(undated.house.worklist.page(connection, actor, "todo", filters=Filters(light=light)).rows) for light in ("red", "yellow", "green", "grey")}
    assert found == {"red": 0, "yellow": 0, "green": 0, "grey": 1}


def test_reminders_that_passed_while_suspended_come_once_on_resume() -> None:
    reminding = LINE.replace(
        b'<camunda:property name="return_to"', b'<camunda:property name="reminders" value="= [{at: date and time(&quot;2026-06-20T09:00:00+08:00&quot;), to: &quot;candidates&quot;}]"/><camunda:property name="return_to"', 1
    )
    office = Office(reminding).begin()
    suspend(office)
    office.later(days=6)
    assert not [row for row in office.rows(select(Notification.kind)) if row.kind == "reminder"]
    office.perform("resume", office.case_id, "zhou")
    office.work()
    office.later(days=1)
    assert len([row for row in office.rows(select(Notification.kind)) if row.kind == "reminder"]) == 1


def test_membership_changes_apply_once_on_resume() -> None:
    office = Office(LINE.replace(b'candidateGroups="univ_clerk@U1"', b'candidateGroups="= office"')).begin(office="univ_clerk@U1")
    suspend(office)
    office.set(office="univ_principal@U1")
    office.perform("resume", office.case_id, "zhou")
    assert {row.candidate for row in office.rows(select(SeatOffer.candidate))} == {"univ_principal@U1"}


def test_a_claim_that_ends_by_itself_lasts_longer_by_the_suspended_working_time() -> None:
    office = Office(LINE.replace(b'<camunda:property name="return_to"', b'<camunda:property name="claim_expires" value="4"/><camunda:property name="return_to"', 1)).begin()
    office.clock.set(shanghai("2026-06-22T09:00"))
    office.perform_claim("apply", "qian")
    office.later(hours=3)
    suspend(office)
    office.later(hours=5)
    office.perform("resume", office.case_id, "zhou")
    office.later(minutes=50)
    assert office.seat("apply").owner_id == office.people["qian"]
    office.later(minutes=20)
    assert office.seat("apply").owner_id is None


def test_a_holder_whose_post_ended_meanwhile_loses_his_claim_on_resume_and_not_before() -> None:
    office = Office(LINE).begin()
    office.perform_claim("apply", "qian")
    suspend(office)
    office.command(lambda house, connection: connection.execute(Membership.__table__.delete().where(Membership.person_id == office.people["qian"])))
    office.command(lambda house, connection: house.people.administration.on_change[0](connection, office.people["qian"]))
    office.later(minutes=1)
    assert office.seat("apply").owner_id == office.people["qian"]
    office.perform("resume", office.case_id, "zhou")
    assert office.seat("apply").owner_id is None and office.history("claim_lapsed")
    office.finish("apply", "check", "sign", who="sun")


def test_a_message_for_a_suspended_case_waits_until_it_goes_on() -> None:
    office = Office(process(
        PARTIES + START + f'<bpmn:receiveTask id="paid_up" name="paid_up" messageRef="paid">{extensions(correlation="= case.unit")}</bpmn:receiveTask>' + step("sign") + END
        + chain("start", "paid_up", "sign", "end")
    )).begin()
    suspend(office)
    assert office.message("paid", "U1") is None
    assert office.open == []
    office.perform("resume", office.case_id, "zhou")
    assert office.open == ["sign"]
    office.finish("sign")


def test_votes_stay_through_a_suspension_and_called_cases_stand_still_too() -> None:
    office = Office(CALLED, CALLING).begin().done("apply")
    suspend(office)
    assert {row.status for row in office.instances()} == {"suspended"}
    with pytest.raises(Conflict):
        office.done("called_work")
    office.perform("resume", office.case_id, "zhou")
    assert {row.status for row in office.instances()} == {"active"}
    office.finish("called_work")


VOTES = process(
    START + step("vote", participants="= [&quot;person:2&quot;, &quot;person:3&quot;, &quot;person:6&quot;]") + step("sign") + END + chain("start", "vote", "sign", "end")
)


def test_inside_an_open_countersign_a_vote_is_taken_back_and_the_seat_opens_again() -> None:
    office = Office(VOTES).begin().do("vote", "qian").later(minutes=5)
    office.perform("withdraw", decided(office, "vote"))
    assert len(office.seats("vote")) == 3
    office.do("vote", "qian").do("vote", "sun").do("vote", "wang")
    office.finish("sign")


def test_the_vote_that_decided_is_taken_back_while_nobody_touched_what_it_created_and_an_earlier_one_is_not() -> None:
    office = Office(VOTES).begin().do("vote", "qian")
    first = decided(office, "vote")
    office.do("vote", "sun").do("vote", "wang").later(minutes=5)
    with pytest.raises(Conflict, match="后续环节已有办理"):
        office.perform("withdraw", first, "qian")
    assert office.preview("withdraw", decided(office, "vote"), "wang").refused is None
    office.perform("withdraw", decided(office, "vote"), "wang")
    assert [(seat.node_id, seat.participant) for seat in office.seats()] == [("vote", "person:6")]
    office.do("vote", "wang").later(minutes=5)
    office.perform_claim("sign", "qian")
    with pytest.raises(Conflict):
        office.perform("withdraw", decided(office, "vote"), "wang")
    office.finish("sign")


def test_in_a_sequence_the_seat_that_was_called_up_waits_again() -> None:
    office = Office(VOTES.replace(b'<camunda:property name="participants"', b'<camunda:property name="voting" value="{&quot;rule&quot;: &quot;sequential&quot;}"/><camunda:property name="participants"'))
    office.begin().do("vote", "qian").later(minutes=5)
    assert [seat.status for seat in office.seats("vote")] == ["open", "queued"]
    office.perform("withdraw", decided(office, "vote"))
    assert [seat.status for seat in office.seats("vote")] == ["open", "queued", "queued"]
    office.do("vote", "qian").do("vote", "sun").do("vote", "wang")
    office.finish("sign")


def test_not_even_a_jump_goes_back_past_a_point_of_no_return() -> None:
    office = Office(LINE.replace(b'id="check" name="check" camunda:candidateGroups="univ_clerk@U1"><bpmn:extensionElements><camunda:properties>', b'id="check" name="check" camunda:candidateGroups="univ_clerk@U1"><bpmn:extensionElements><camunda:properties><camunda:property name="point_of_no_return" value="true"/>'))
    office.begin().done("apply", "check")
    with pytest.raises(Conflict, match="不能撤回"):
        jump(office, "sign", "apply")
    office.finish("sign")
