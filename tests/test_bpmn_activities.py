"""Every kind of activity does what BPMN says, with save and reload after every step."""

from __future__ import annotations

import pytest

from reference_host import Walk, graph_of
from workflows.machine import MachineError


@pytest.mark.parametrize(("diagram", "activity"), [
    ("user_task", "apply"), ("manual_task", "stamp"), ("service_task", "store"), ("send_task", "tell"), ("call_activity", "appraise"),
    ("receive_task", "hear"), ("data_object", "act"), ("collaboration", "act"),
])
def test_an_activity_waits_until_it_is_completed(diagram: str, activity: str) -> None:
    walk = Walk(diagram)
    assert walk.open == [activity] and not walk.ended
    assert walk.complete(activity).ended


def test_an_activity_cannot_be_completed_twice() -> None:
    walk = Walk("multi_instance_parallel")
    token = walk.tokens("sign")[0]
    walk.door(walk.machine.complete, token, walk.host)
    with pytest.raises(MachineError):
        walk.machine.complete(walk.state, token, walk.host)
    with pytest.raises(MachineError):
        walk.machine.complete(walk.state, "999", walk.host)


def test_a_task_without_type_is_passed_at_once() -> None:
    assert Walk("task").open == ["act"]


@pytest.mark.parametrize(("diagram", "work"), [("business_rule_task", "decide"), ("script_task", "add")])
def test_rules_and_scripts_are_done_inline(diagram: str, work: str) -> None:
    walk = Walk(diagram)
    assert walk.host.performed == [work] and walk.open == ["act"]


def test_a_receive_task_is_done_by_its_message() -> None:
    walk = Walk("receive_task")
    assert walk.waits == ["hear"]
    assert walk.trigger("hear").ended
    assert ("completed", "hear") in walk.kinds("completed")


def test_a_called_process_that_fails_is_caught_on_the_call() -> None:
    walk = Walk("call_activity").throw("appraise", "error", "BAD")
    assert walk.open == ["repair"] and walk.complete("repair").ended


def test_a_called_process_carries_its_mappings() -> None:
    node = graph_of("call_activity").nodes["appraise"]
    assert [(mapping.source, mapping.expression, mapping.target) for mapping in node.inputs] == [
        ("amount", None, "amount"), (None, "applicant.name", "person"),
    ]
    assert node.outputs[0].target == "grade"


def test_a_sub_process_runs_to_its_end_and_goes_on() -> None:
    walk = Walk("sub_process")
    assert walk.open == ["check"] and walk.waits == ["late"]
    assert walk.complete("check", "sign").ended


def test_a_boundary_event_cancels_a_sub_process_with_all_inside() -> None:
    walk = Walk("sub_process").complete("check").trigger("late")
    assert walk.open == ["hurry"] and walk.waits == []
    assert ("cancelled", "sign") in walk.kinds("cancelled") and ("cancelled", "review") in walk.kinds("cancelled")


def test_nested_sub_processes_close_from_inside() -> None:
    walk = Walk("nested_sub_process")
    assert walk.open == ["beside", "deep"]
    assert walk.complete("beside").open == ["deep"]
    assert walk.complete("deep").ended
    assert walk.kinds("scope_closed") == [("scope_closed", "inner"), ("scope_closed", "outer")]


def test_a_sub_process_cannot_be_completed_by_hand() -> None:
    walk = Walk("sub_process")
    with pytest.raises(MachineError):
        walk.machine.complete(walk.state, walk.token("review"), walk.host)


# multi-instance


def test_parallel_instances_are_open_together_and_the_last_one_goes_on() -> None:
    walk = Walk("multi_instance_parallel")
    assert walk.open == ["sign"] * 3
    walk.complete("sign", "sign")
    assert walk.open == ["sign"]
    assert walk.complete("sign").open == ["after"] and walk.waits == []


def test_parallel_instances_may_be_completed_in_any_order() -> None:
    walk = Walk("multi_instance_parallel")
    for token in reversed(walk.tokens("sign")):
        walk.door(walk.machine.complete, token, walk.host)
    assert walk.open == ["after"]


def test_a_boundary_event_cancels_all_instances() -> None:
    walk = Walk("multi_instance_parallel").complete("sign").trigger("late")
    assert walk.ended and len([kind for kind in walk.kinds("cancelled") if kind[1] == "sign"]) == 3  # two open ones and the activity


def test_sequential_instances_are_open_one_by_one() -> None:
    walk = Walk("multi_instance_sequential", {"signers": 4})
    for index in range(4):
        assert walk.open == ["sign"] and walk.tokens("sign")[0].endswith(f"#{index}")
        walk.complete("sign")
    assert walk.ended


@pytest.mark.parametrize("diagram", ["multi_instance_sequential", "multi_instance_completion_condition"])
def test_no_instances_means_the_activity_is_passed(diagram: str) -> None:
    assert Walk(diagram, {"signers": 0}).ended


def test_a_completion_condition_cancels_the_rest() -> None:
    walk = Walk("multi_instance_completion_condition", {"signers": 5}).complete("sign")
    assert len(walk.open) == 4
    walk.complete("sign")
    assert walk.ended and len(walk.kinds("cancelled")) == 3


def test_inline_instances_need_no_waiting() -> None:
    walk = Walk("multi_instance_script")
    assert walk.host.performed == ["add"] * 3 and walk.open == ["act"]


@pytest.mark.parametrize("diagram", ["multi_instance_sub_process", "multi_instance_call"])
def test_each_instance_of_a_sub_process_or_call_asks_for_a_state_of_its_own(diagram: str) -> None:
    walk = Walk(diagram)
    calls = [happening for happening in walk.happenings if happening.kind == "call"]
    assert [happening.detail["index"] for happening in calls] == [0, 1, 2]
    for happening in calls:
        assert happening.token is not None
        walk.door(walk.machine.complete, happening.token, walk.host)
    assert walk.ended


def test_the_body_of_a_multi_instance_sub_process_runs_as_its_own_state() -> None:
    body = Walk("multi_instance_sub_process", sub_process="review")
    assert body.open == ["check"] and body.complete("check", "sign").ended


def test_an_error_of_one_instance_cancels_the_whole_activity() -> None:
    walk = Walk("multi_instance_sub_process")
    walk.door(walk.machine.throw, f"{walk.token('review')}#1", "error", "ANY", walk.host)
    assert walk.open == ["repair"]


def test_three_hundred_instances_complete_with_a_state_that_stays_small() -> None:
    walk = Walk("multi_instance_sequential", {"signers": 300})
    sizes = set()
    for _ in range(300):
        sizes.add(len(str(walk.state)) // 100)
        walk.complete("sign")
    assert walk.ended and max(sizes) <= 2


# standard loops


def test_a_standard_loop_repeats_while_its_condition_holds() -> None:
    walk = Walk("standard_loop", {"again": True}).complete("try")
    assert walk.open == ["try"]
    assert walk.answer(again=False).complete("try").ended


def test_a_standard_loop_stops_at_its_maximum() -> None:
    assert Walk("standard_loop", {"again": True}).complete("try", "try", "try").ended


def test_a_loop_tested_before_may_not_run_at_all() -> None:
    assert Walk("standard_loop_test_before").ended
    assert Walk("standard_loop_test_before", {"again": True}).open == ["try"]


def test_a_sub_process_loops() -> None:
    walk = Walk("standard_loop_sub_process").complete("check")
    assert walk.open == ["check"] and walk.complete("check").ended


def test_lanes_name_the_innermost_lane() -> None:
    graph = graph_of("lanes")
    assert graph.nodes["check"].lane == "clerk" and graph.nodes["pay"].lane == "bank" and graph.nodes["start"].lane == "county"
