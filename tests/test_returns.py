"""退回, cell by cell of the table: each return is saved and loaded, then the case is finished with no lost token and no double."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from tasks.models import Notification
from tests.returning_walk import END, START, Office, chain, flow, fork, join, process, step
from workflows.errors import Conflict, Forbidden, Rejection

pytestmark = pytest.mark.usefixtures("database")

LINE = process(START + step("apply") + step("check") + step("sign") + END + chain("start", "apply", "check", "sign", "end"))
BRANCHES = process(
    START + step("apply") + fork("split") + step("left") + step("right") + step("more") + join("merge") + step("sign") + END
    + chain("start", "apply", "split", "left", "merge", "sign", "end") + chain("split", "right", "more", "merge")
)


def test_the_same_branch_goes_back_one_step_and_on_again() -> None:
    office = Office(LINE).begin().done("apply", "check")
    office.give_back("sign", "check")
    assert office.open == ["check"]
    assert office.variables["check_outcome"] is None and office.variables["apply_outcome"] == "complete"
    office.finish("check", "sign")


def test_any_earlier_step_can_be_chosen_and_everything_after_it_is_undone() -> None:
    office = Office(LINE).begin().done("apply", "check")
    assert office.targets("sign") == {"check": None, "apply": None}
    office.give_back("sign", "apply")
    assert {name: office.variables[name] for name in ("apply_outcome", "check_outcome", "apply_by", "check_by")} == dict.fromkeys(
        ("apply_outcome", "check_outcome", "apply_by", "check_by")
    )
    office.finish("apply", "check", "sign")


def test_business_fields_stay_when_a_case_goes_back() -> None:
    office = Office(LINE).begin(amount=7).done("apply", "check")
    office.give_back("sign", "apply")
    assert office.variables["amount"] == 7


def test_before_a_fork_with_t_after_its_join() -> None:
    office = Office(BRANCHES).begin().done("apply", "left", "right", "more")
    office.give_back("sign", "apply")
    assert office.open == ["apply"]
    office.finish("apply", "left", "right", "more", "sign")


def test_before_a_fork_with_t_inside_a_branch_cancels_the_others_and_says_whose_work() -> None:
    office = Office(BRANCHES).begin().done("apply")
    office.perform_claim("right", "sun")
    said = office.lines("left", "apply")
    assert "“right”取消：sun正在办理" in said
    office.give_back("left", "apply")
    assert office.open == ["apply"]
    office.finish("apply", "left", "right", "more", "sign")


def test_r01_return_from_one_branch_to_before_the_fork_while_the_sibling_waits_at_the_join() -> None:
    office = Office(BRANCHES).begin().done("apply", "left")
    assert office.marking[1] == {"left_to_merge": 1}
    assert "已到达“merge”的分支需重新办理" in office.lines("right", "apply")
    office.give_back("right", "apply")
    assert office.open == ["apply"] and not office.marking[1]
    office.finish("apply", "left", "right", "more", "sign")


def test_inside_one_branch_with_t_after_the_join_lets_the_others_arrive_again() -> None:
    office = Office(BRANCHES).begin().done("apply", "left", "right", "more")
    assert "其他分支在“merge”处继续等待汇合" in office.lines("sign", "left")
    office.give_back("sign", "left")
    assert office.open == ["left"] and office.marking[1] == {"more_to_merge": 1}
    assert office.variables["more_outcome"] == "complete" and office.variables["left_outcome"] is None
    office.finish("left", "sign")


def test_inside_one_branch_twice_in_a_row_loses_no_arrival() -> None:
    office = Office(BRANCHES).begin().done("apply", "left", "right", "more")
    office.give_back("sign", "right")
    assert office.marking[1] == {"left_to_merge": 1}
    office.done("right", "more")
    office.give_back("sign", "left")
    assert office.open == ["left"] and office.marking[1] == {"more_to_merge": 1}
    office.done("left")
    office.give_back("sign", "more")
    assert office.open == ["more"] and office.marking[1] == {"left_to_merge": 1}
    office.finish("more", "sign")


def test_a_sibling_branch_is_refused_and_says_why() -> None:
    office = Office(BRANCHES).begin().done("apply", "left", "right")
    assert "并行的另一条分支" in str(office.targets("more")["left"])
    with pytest.raises(Conflict, match="并行的另一条分支"):
        office.give_back("more", "left")
    office.finish("more", "sign")


SUB = process(
    START + step("apply")
    + '<bpmn:subProcess id="inner" name="inner"><bpmn:startEvent id="begin"/>' + step("one") + step("two") + '<bpmn:endEvent id="close"/>'
    + chain("begin", "one", "two", "close") + "</bpmn:subProcess>"
    + step("sign") + END + chain("start", "apply", "inner", "sign", "end")
)


def test_t_in_a_sub_process_and_u_outside_closes_its_scope() -> None:
    office = Office(SUB).begin().done("apply", "one")
    assert "子流程“inner”终止" in office.lines("two", "apply")
    office.give_back("two", "apply")
    assert office.open == ["apply"] and office.marking[0] == {("apply", ""): 1}
    office.finish("apply", "one", "two", "sign")


def test_t_and_u_in_the_same_sub_process_keep_it_open() -> None:
    office = Office(SUB).begin().done("apply", "one")
    office.give_back("two", "one")
    assert office.marking[0] == {("inner", ""): 1, ("one", "inner"): 1}
    office.finish("one", "two", "sign")


def test_u_inside_a_sub_process_that_is_over_is_refused_and_its_start_is_offered() -> None:
    office = Office(SUB).begin().done("apply", "one", "two")
    found = office.targets("sign")
    assert "退回到“inner”的开始" in str(found["two"]) and found["inner（重新开始）"] is None
    with pytest.raises(Conflict, match="inner"):
        office.give_back("sign", "two")
    office.give_back("sign", "inner")
    assert office.open == ["one"]
    office.finish("one", "two", "sign")


CALLED = process(START + step("called_work") + END + chain("start", "called_work", "end"), "called")
CALLING = process(
    START + step("apply") + '<bpmn:callActivity id="call" name="call" calledElement="called"/>' + step("sign") + END
    + chain("start", "apply", "call", "sign", "end")
)


def test_t_in_a_called_process_returns_to_its_caller_and_stops_it() -> None:
    office = Office(CALLED, CALLING).begin().done("apply")
    assert office.targets("called_work") == {"apply": None}
    office.give_back("called_work", "apply")
    assert office.open == ["apply"]
    office.finish("apply", "called_work", "sign")


def test_whose_work_in_a_called_process_is_cancelled_is_listed_and_told() -> None:
    office = Office(CALLED, CALLING.replace(b'<bpmn:callActivity', (fork("split") + step("beside") + '<bpmn:callActivity').encode()).replace(
        chain("start", "apply", "call", "sign", "end").encode(), (join("merge") + chain("start", "apply", "split", "call", "merge", "sign", "end") + chain("split", "beside", "merge")).encode()
    )).begin().done("apply")
    office.perform_claim("called_work", "sun")
    assert "“called_work”取消：sun正在办理" in office.lines("beside", "apply")
    office.give_back("beside", "apply")
    told = office.rows(select(Notification.candidate, Notification.kind))
    assert (f"person:{office.people['sun']}", "returned") in {tuple(row) for row in told}


def test_u_inside_a_called_process_is_not_offered_but_its_start_is() -> None:
    office = Office(CALLED, CALLING).begin().done("apply", "called_work")
    assert office.targets("sign") == {"call（重新开始）": None, "apply": None}
    office.give_back("sign", "call")
    assert office.open == ["called_work"]
    office.finish("called_work", "sign")


INCLUSIVE = process(
    START + step("apply") + fork("choose", "inclusive", "choose_to_left") + step("left") + step("right") + join("merge", "inclusive") + step("sign") + END
    + chain("start", "apply", "choose") + flow("choose", "left") + flow("choose", "right", "= both") + chain("left", "merge") + chain("right", "merge")
    + chain("merge", "sign", "end")
)


def test_an_inclusive_gateway_goes_back_as_a_parallel_one_and_asks_its_conditions_anew() -> None:
    office = Office(INCLUSIVE).begin(both=True).done("apply")
    assert office.open == ["right"]
    office.give_back("right", "apply")
    office.set(both=False)
    office.done("apply")
    assert office.open == ["left"]
    office.finish("left", "sign")


BOTH = INCLUSIVE.replace(b'default="choose_to_left"', b"").replace(
    b'<bpmn:sequenceFlow id="choose_to_left" sourceRef="choose" targetRef="left"></bpmn:sequenceFlow>',
    b'<bpmn:sequenceFlow id="choose_to_left" sourceRef="choose" targetRef="left"><bpmn:conditionExpression>= true</bpmn:conditionExpression></bpmn:sequenceFlow>',
)


def test_an_inclusive_join_waits_again_for_the_branch_that_went_back() -> None:
    office = Office(BOTH).begin(both=True).done("apply", "left", "right")
    office.give_back("sign", "left")
    assert office.open == ["left"] and office.marking[1] == {"right_to_merge": 1}
    office.finish("left", "sign")


OUTCOMES = "[" + ",".join(f'{{&quot;value&quot;:&quot;{one}&quot;,&quot;zh&quot;:&quot;{one}&quot;,&quot;en&quot;:&quot;{one}&quot;}}' for one in ("approve", "return")) + "]"
LOOP = process(
    START + step("apply", applicant="true") + step("check", outcomes=OUTCOMES)
    + fork("decide", "exclusive", "decide_to_sign") + step("sign") + END
    + chain("start", "apply", "check", "decide", "sign", "end") + flow("decide", "apply", "= check_outcome = &quot;return&quot;")
)


def test_in_a_loop_the_latest_completion_counts() -> None:
    office = Office(LOOP).begin().done("apply")
    office.do("check", outcome="return").done("apply", who="sun").do("check", outcome="approve")
    office.give_back("sign", "apply")
    assert office.history("returned")[0].detail["handed_by"] == office.people["sun"]
    office.done("apply").do("check", outcome="approve")
    office.finish("sign")


def test_a_return_drawn_in_the_model_and_one_by_operation_leave_the_same_round_and_the_same_opening() -> None:
    drawn, by_hand = Office(LOOP).begin().done("apply"), Office(LOOP).begin().done("apply")
    drawn.do("check", outcome="return")
    by_hand.give_back("check", "apply")
    for office in (drawn, by_hand):
        assert (office.row().round, office.open, office.seat("apply").round) == (2, ["apply"], 2)
        opened = office.history("activity_opened")[-1]
        assert (opened.node_id, opened.round, office.row().stage) == ("apply", 1, None)
        office.done("apply").do("check", outcome="approve")
        office.finish("sign")


def test_previous_means_who_handed_it_here_and_several_before_a_join_are_all_offered() -> None:
    office = Office(BRANCHES.replace(b'id="sign" name="sign" camunda:candidateGroups="univ_clerk@U1"><bpmn:extensionElements><camunda:properties><camunda:property name="return_to" value="any"', b'id="sign" name="sign" camunda:candidateGroups="univ_clerk@U1"><bpmn:extensionElements><camunda:properties><camunda:property name="return_to" value="previous"'))
    office.begin().done("apply", "left", "right", "more")
    assert set(office.targets("sign")) == {"left", "more"}


def test_only_what_the_model_names_is_offered() -> None:
    office = Office(process(
        START + step("apply", applicant="true") + step("check") + step("audit") + step("sign", return_to="applicant,audit") + END
        + chain("start", "apply", "check", "audit", "sign", "end")
    )).begin().done("apply", "check", "audit")
    assert office.targets("sign") == {"audit": None, "apply": None}
    with pytest.raises(StopIteration):
        office.value("sign", "check")


def test_a_step_without_return_to_has_no_return() -> None:
    office = Office(process(START + step("apply") + step("sign", return_to="") + END + chain("start", "apply", "sign", "end"))).begin().done("apply")
    with pytest.raises(Conflict, match="没有开放"):
        office.perform("return", office.seat("sign").id, to="1:1", reason="不行")


def test_a_reason_is_required_and_a_stranger_may_not_return() -> None:
    office = Office(LINE).begin().done("apply")
    to, seat = office.value("check", "apply"), office.seat("check").id
    with pytest.raises(Rejection):
        office.perform("return", seat, to=to, reason=" ")
    with pytest.raises(Forbidden):
        office.perform("return", seat, "li", to=to, reason="不是我的")
    assert office.open == ["check"] and office.history("returned") == []


def test_a_return_on_an_old_revision_is_refused() -> None:
    office = Office(LINE).begin().done("apply")
    seat = office.seat("check").id
    to, seen = office.value("check", "apply"), office.preview("return", seat, to=office.value("check", "apply")).revision
    office.perform_claim("check", "qian")
    with pytest.raises(Conflict, match="已有变化"):
        office.perform("return", seat, to=to, reason="材料不全", revision=seen)


SENT = process(
    START + step("apply") + step("pay", point_of_no_return="true") + step("sign") + END + chain("start", "apply", "pay", "sign", "end")
)


def test_nothing_goes_back_past_a_point_of_no_return() -> None:
    office = Office(SENT).begin().done("apply", "pay")
    found = office.targets("sign")
    assert "不能撤回" in str(found["pay"]) and "不能撤回" in str(found["apply"])
    with pytest.raises(Conflict, match="不能撤回"):
        office.give_back("sign", "apply")
    office.finish("sign")


PAYING = process(START + step("pay", point_of_no_return="true") + step("file") + END + chain("start", "pay", "file", "end"), "called")


def test_nothing_goes_back_past_a_point_of_no_return_inside_a_called_process() -> None:
    office = Office(PAYING, CALLING).begin().done("apply", "pay")
    assert all("pay" in str(why) for why in office.targets("file").values())
    office.done("file")
    assert all("pay" in str(why) for why in office.targets("sign").values()) and len(office.targets("sign")) == 2
    office.finish("sign")


def test_nothing_goes_back_past_a_point_of_no_return_inside_another_instance_of_a_sub_process() -> None:
    office = Office(MANY.replace(b'<camunda:property name="return_to" value="any"/></camunda:properties></bpmn:extensionElements></bpmn:userTask><bpmn:userTask id="two"', b'<camunda:property name="return_to" value="any"/><camunda:property name="point_of_no_return" value="true"/></camunda:properties></bpmn:extensionElements></bpmn:userTask><bpmn:userTask id="two"'))
    office.begin(people=[1, 2]).done("apply", "one")
    assert "one" in str(office.targets("one")["apply"])
    office.finish("one", "two", "two", "sign")


THROWN = process(
    START + step("apply")
    + '<bpmn:sendTask id="tell" name="tell"/>'.replace("sendTask", "intermediateThrowEvent").replace("/>", ">")
    + '<bpmn:extensionElements><camunda:properties><camunda:property name="point_of_no_return" value="true"/></camunda:properties></bpmn:extensionElements>'
    + '<bpmn:messageEventDefinition messageRef="paid"/></bpmn:intermediateThrowEvent>'
    + step("sign") + END + chain("start", "apply", "tell", "sign", "end")
)


def test_a_message_that_has_not_gone_out_is_taken_back_and_one_that_has_stops_the_return() -> None:
    office = Office(THROWN).begin().done("apply")
    office.give_back("sign", "apply")
    assert [row.status for row in office.outbox()] == ["withdrawn"]
    office.done("apply").later(minutes=1)
    assert "不能撤回" in str(office.targets("sign")["apply"])
    office.finish("sign")


def test_a_return_leaves_alone_what_an_event_started_beside_the_step_before_it_was_done() -> None:
    days = '<bpmn:timerEventDefinition><bpmn:timeDuration>P{}D</bpmn:timeDuration></bpmn:timerEventDefinition>'
    beside = f'<bpmn:boundaryEvent id="late" attachedToRef="apply" cancelActivity="false">{days.format(2)}</bpmn:boundaryEvent>'
    beside += f'<bpmn:intermediateCatchEvent id="wait">{days.format(30)}</bpmn:intermediateCatchEvent>'
    office = Office(process(START + step("apply") + beside + step("sign") + END + chain("start", "apply", "sign", "end") + chain("late", "wait", "end")))
    office.begin().later(hours=50)
    office.done("apply").give_back("sign", "apply")
    assert sorted(office.waits) == ["late", "wait"]


TIMED = process(
    START + step("apply")
    + step("check") + '<bpmn:boundaryEvent id="late" name="late" attachedToRef="check"><bpmn:timerEventDefinition><bpmn:timeDuration>P2D</bpmn:timeDuration></bpmn:timerEventDefinition></bpmn:boundaryEvent>'
    + step("sign") + step("chase") + END + chain("start", "apply", "check", "sign", "end") + chain("late", "chase", "end")
)


def test_boundary_timers_are_made_anew_on_re_entry() -> None:
    office = Office(TIMED).begin().done("apply").later(hours=40)
    office.give_back("check", "apply")
    assert office.waits == []
    office.done("apply").later(hours=40)
    assert office.open == ["check"]
    office.later(hours=10)
    assert office.open == ["chase"]
    office.finish("chase")


CHASED = process(
    START + step("apply")
    + step("check") + '<bpmn:boundaryEvent id="late" name="late" attachedToRef="check" cancelActivity="false"><bpmn:timerEventDefinition><bpmn:timeDuration>P1D</bpmn:timeDuration></bpmn:timerEventDefinition></bpmn:boundaryEvent>'
    + step("chase") + step("report") + '<bpmn:endEvent id="chased"/>' + step("sign") + END
    + chain("start", "apply", "check", "sign", "end") + chain("late", "chase", "report", "chased")
)


def test_what_a_non_interrupting_event_started_was_not_handed_over_by_the_completion_of_its_activity() -> None:
    office = Office(CHASED).begin().done("apply").later(days=2)
    assert office.targets("chase") == {"apply": None}
    office.done("check")
    assert office.open == ["chase", "sign"]
    assert "并行的另一条分支" in str(office.targets("chase")["check"]) and office.targets("chase")["apply"] is None
    office.give_back("sign", "check")
    assert office.open == ["chase", "check"]
    office.done("chase")
    office.give_back("report", "chase")
    assert office.open == ["chase", "check"]
    office.give_back("chase", "apply")
    assert office.open == ["apply"]
    office.finish("apply", "check", "sign")


VOTES = process(
    START + step("apply")
    + step("vote", participants="= [&quot;person:2&quot;, &quot;person:3&quot;]") + step("sign") + END
    + chain("start", "apply", "vote", "sign", "end")
)


def test_r02_return_into_a_countersigned_activity_and_then_again() -> None:
    office = Office(VOTES).begin().done("apply").do("vote", "qian").do("vote", "sun")
    office.give_back("sign", "vote")
    assert office.open == ["vote", "vote"] and office.variables["vote_votes"] is None
    office.do("vote", "qian")
    office.do("vote", "sun")
    assert office.open == ["sign"]
    office.give_back("sign", "vote")
    assert office.open == ["vote", "vote"]
    office.do("vote", "sun", nth=1).do("vote", "qian")
    office.finish("sign")


def test_the_preview_of_a_return_into_a_countersign_tells_who_is_asked_now() -> None:
    office = Office(VOTES.replace(b"= [&quot;person:2&quot;, &quot;person:3&quot;]", b"= deciders"))
    office.begin(deciders=["person:2", "person:3"]).done("apply").do("vote", "qian").do("vote", "sun")
    office.set(deciders=["person:2", "person:6"])
    said = office.lines("sign", "vote")
    assert "新增参与人：wang" in said and "不再参与：sun" in said
    office.give_back("sign", "vote")
    assert {seat.participant for seat in office.seats("vote")} == {"person:2", "person:6"}


def test_a_return_out_of_a_countersign_cancels_every_vote_in_it() -> None:
    office = Office(VOTES.replace(b'id="vote" name="vote"', b'id="vote" name="vote"')).begin().done("apply").do("vote", "qian")
    office.give_back("vote", "apply", "sun")
    assert office.open == ["apply"]
    office.done("apply").do("vote", "qian").do("vote", "sun")
    office.finish("sign")


def test_every_return_keeps_its_record_and_one_fact() -> None:
    office = Office(LINE).begin().done("apply", "check")
    office.give_back("sign", "apply")
    [record] = office.records()
    assert (record.from_node, record.to_node, record.mode, record.person_id) == ("sign", "apply", "every_step", office.people["qian"])
    [fact] = office.history("returned")
    assert fact.detail["reason"] == "材料不全" and fact.detail["start"] == ["apply"]


MANY = process(
    START + step("apply") + '<bpmn:subProcess id="each" name="each">'
    '<bpmn:multiInstanceLoopCharacteristics isSequential="false" camunda:collection="= people" camunda:elementVariable="who"/>'
    '<bpmn:startEvent id="begin"/>' + step("one") + step("two") + '<bpmn:endEvent id="close"/>' + chain("begin", "one", "two", "close") + "</bpmn:subProcess>"
    + step("sign") + END + chain("start", "apply", "each", "sign", "end")
)


def test_t_in_an_instance_of_a_multi_instance_sub_process_and_u_outside_closes_every_instance() -> None:
    office = Office(MANY).begin(people=[1, 2]).done("apply", "one")
    assert office.open == ["one", "two"]
    assert office.targets("two") == {"one": None, "apply": None}
    office.give_back("two", "apply")
    assert office.open == ["apply"]
    office.finish("apply", "one", "one", "two", "two", "sign")


def test_inside_an_instance_the_others_go_on() -> None:
    office = Office(MANY).begin(people=[1, 2]).done("apply", "one")
    office.give_back("two", "one")
    assert office.open == ["one", "one"]
    office.finish("one", "one", "two", "two", "sign")


def test_when_every_instance_is_over_only_the_whole_can_be_done_again() -> None:
    office = Office(MANY).begin(people=[1, 2]).done("apply", "one", "one", "two", "two")
    assert set(office.targets("sign")) == {"each（重新开始）", "apply"}
    office.give_back("sign", "each")
    assert office.open == ["one", "one"]
    office.finish("one", "one", "two", "two", "sign")


def test_the_first_step_has_nobody_to_return_to() -> None:
    assert Office(LINE).begin().targets("apply") == {}


def test_what_a_return_made_void_is_no_place_to_return_to() -> None:
    office = Office(LINE).begin().done("apply", "check")
    office.give_back("sign", "apply")
    assert office.targets("apply") == {}
    office.done("apply")
    assert office.targets("check") == {"apply": None}
    office.finish("check", "sign")


def test_r08_a_signer_before_returns_the_case_where_the_model_lets_him_and_only_there() -> None:
    for setting, allowed in (("true", True), ("false", False)):
        office = Office(process(
            START + step("apply") + step("check", signers="before", signers_may_return=setting, return_to="any") + END + chain("start", "apply", "check", "end")
        )).begin().done("apply")
        office.perform_claim("check", "qian")
        office.perform("add_before", office.seat("check").id, people=[office.people["sun"]], reason="请先看", text="请先看", question="请先看")
        child = next(seat for seat in office.seats("check") if seat.kind == "before")
        to = next(one.value for one in office.choices("return", child.id, "sun")["to"])
        if not allowed:
            with pytest.raises(Rejection):
                office.perform("return", child.id, "sun", to=to, reason="材料不全")
            continue
        office.perform("return", child.id, "sun", to=to, reason="材料不全")
        assert office.open == ["apply"]
        office.finish("apply", "check")
