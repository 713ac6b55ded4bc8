"""Every kind of event: starts, catches, throws, boundary events, event sub-processes, ends."""

from __future__ import annotations

import pytest

from reference_host import Walk, graph_of


@pytest.mark.parametrize(("diagram", "event"), [("message_start", "called"), ("timer_start", "yearly"), ("signal_start", "called"), ("conditional_start", "ready")])
def test_a_case_may_start_by_an_event(diagram: str, event: str) -> None:
    assert Walk(diagram, start=event).open == ["act"]


def test_without_a_named_start_the_none_start_is_taken() -> None:
    walk = Walk("message_start")
    assert walk.kinds("passed")[0] == ("passed", "begin")


@pytest.mark.parametrize(("diagram", "event"), [("message_catch", "answered"), ("timer_catch", "pause"), ("conditional_catch", "waiting")])
def test_a_catch_event_waits(diagram: str, event: str) -> None:
    walk = Walk(diagram)
    assert walk.waits == [event] and not walk.ended
    assert walk.trigger(event).ended


def test_timers_carry_their_kind_and_expression() -> None:
    nodes = graph_of("timer_date").nodes
    assert nodes["pause"].event.timer == "date" and nodes["pause"].event.expression == "2026-09-30T18:00:00"
    assert (nodes["computed"].event.expression or "").startswith("=")
    assert Walk("timer_date").trigger("pause", "computed").ended


def test_messages_carry_name_and_correlation() -> None:
    event = graph_of("message_catch").nodes["answered"].event
    assert event.name == "answer" and event.correlation == "case.number"


def test_a_message_is_thrown_and_the_case_goes_on() -> None:
    walk = Walk("message_throw")
    assert walk.open == ["act"] and walk.kinds("message_thrown") == [("message_thrown", "tell")]
    assert walk.complete("act").ended and walk.kinds("message_thrown")[-1] == ("message_thrown", "told")


def test_a_signal_names_the_waits_of_its_own_case_that_listen() -> None:
    walk = Walk("signal_catch").complete("ask")
    thrown = next(happening for happening in walk.happenings if happening.kind == "signal_thrown")
    assert thrown.detail["name"] == "holiday" and len(thrown.detail["waits"]) == 1
    assert walk.trigger("heard").ended


def test_a_none_throw_event_is_passed() -> None:
    assert ("passed", "milestone") in Walk("none_throw").kinds("passed")


def test_a_terminate_end_cancels_everything_else() -> None:
    walk = Walk("terminate_end").complete("a")
    assert walk.ended and walk.kinds("cancelled") == [("cancelled", "b")]


def test_a_terminate_end_in_a_sub_process_ends_only_that() -> None:
    walk = Walk("terminate_in_sub_process").complete("a")
    assert walk.open == ["after"]


# boundary events


def test_an_interrupting_boundary_event_replaces_its_activity() -> None:
    walk = Walk("timer_boundary").trigger("late")
    assert walk.open == ["hurry"] and walk.waits == [] and walk.complete("hurry").ended


def test_completing_the_activity_ends_its_boundary_waits() -> None:
    walk = Walk("timer_boundary").complete("act")
    assert walk.ended and walk.kinds("unwait") == [("unwait", "late")]


def test_a_non_interrupting_timer_goes_off_once() -> None:
    walk = Walk("timer_boundary_non_interrupting").trigger("late")
    assert walk.open == ["act", "remind"] and walk.waits == []
    assert walk.complete("act").open == ["remind"] and walk.complete("remind").ended


def test_a_cycle_goes_off_again_and_its_tasks_outlive_the_activity() -> None:
    walk = Walk("timer_boundary_cycle").trigger("late", "late")
    assert walk.open == ["act", "remind", "remind"] and walk.waits == ["late"]
    assert walk.complete("act").open == ["remind", "remind"] and walk.waits == []


def test_a_non_interrupting_message_may_come_many_times() -> None:
    walk = Walk("message_boundary").trigger("asked", "asked", "asked")
    assert walk.open == ["act", "answer", "answer", "answer"]
    assert walk.trigger("changed").open == ["again", "answer", "answer", "answer"]


def test_a_signal_interrupts() -> None:
    assert Walk("signal_boundary").trigger("stop").open == ["again"]


def test_a_boundary_event_may_lead_back_to_its_activity() -> None:
    walk = Walk("boundary_to_its_host")
    for _ in range(20):
        walk.trigger("late")
    assert walk.open == ["act"] and walk.waits == ["late"] and walk.complete("act").ended


def test_conditions_go_off_when_they_turn_true() -> None:
    walk = Walk("conditional_boundary")
    evaluate = walk.machine.evaluate_conditions
    walk.door(evaluate, walk.host)
    assert walk.open == ["act"]
    walk.answer(ready=True).door(evaluate, walk.host)
    walk.door(evaluate, walk.host)
    assert walk.open == ["act", "again"]
    walk.answer(ready=False).door(evaluate, walk.host)
    walk.answer(ready=True).door(evaluate, walk.host)
    assert walk.open == ["act", "again", "again"]
    walk.answer(stop=True).door(evaluate, walk.host)
    assert walk.open == ["again", "again"]


def test_a_conditional_catch_that_holds_already_is_passed() -> None:
    walk = Walk("conditional_catch", {"ready": True})
    walk.door(walk.machine.evaluate_conditions, walk.host)
    assert walk.ended


# errors and escalations


def test_an_error_finds_the_boundary_event_that_names_it() -> None:
    assert Walk("error_boundary", {"refused": True}).complete("act").open == ["repair"]
    walk = Walk("error_boundary")
    walk.door(walk.machine.throw, walk.token("act"), "error", "OTHER", walk.host)
    assert walk.open == ["other"]


def test_a_failed_job_is_caught_on_its_activity() -> None:
    assert Walk("service_task").throw("store", "error", "BAD").open == ["repair"]


def test_inline_work_may_raise_an_error() -> None:
    walk = Walk("service_task")
    assert walk.throw("store", "error", "BAD").complete("repair").ended


def test_an_uncaught_error_ends_the_case_and_says_so() -> None:
    walk = Walk("error_uncaught").complete("act")
    assert walk.ended and walk.kinds("error_uncaught") == [("error_uncaught", None)] and ("cancelled", "beside") in walk.kinds("cancelled")


def test_a_non_interrupting_escalation_lets_the_thrower_go_on() -> None:
    walk = Walk("escalation_boundary").complete("act")
    assert walk.open == ["look", "more"]
    assert walk.complete("more", "look").ended


def test_an_interrupting_escalation_cancels_the_sub_process() -> None:
    walk = Walk("escalation_interrupting").complete("act")
    assert walk.open == ["look"] and ("cancelled", "beside") in walk.kinds("cancelled")


def test_an_escalation_starts_an_event_sub_process() -> None:
    walk = Walk("escalation_event_sub_process").complete("act")
    assert walk.open == ["look", "more"] and walk.complete("more").open == ["look"] and walk.complete("look").ended


def test_an_uncaught_escalation_changes_nothing_but_is_told() -> None:
    walk = Walk("user_task")
    walk.throw("apply", "escalation", "LATE")
    assert walk.open == ["apply"]
    assert [happening.detail["caught"] for happening in walk.happenings if happening.kind == "escalation"] == [False]


# event sub-processes


def test_an_interrupting_event_sub_process_replaces_everything() -> None:
    walk = Walk("event_sub_process_interrupting")
    assert walk.waits == ["asked"]
    walk.trigger("asked")
    assert walk.open == ["confirm"] and walk.waits == [] and walk.complete("confirm").ended


def test_a_normal_end_stops_listening() -> None:
    assert Walk("event_sub_process_interrupting").complete("act").ended


def test_a_non_interrupting_event_sub_process_runs_beside_and_again() -> None:
    walk = Walk("event_sub_process_non_interrupting").trigger("asked", "asked")
    assert walk.open == ["act", "answer", "answer"]
    assert not walk.complete("act").ended and walk.waits == ["asked"]
    assert walk.complete("answer", "answer").ended


def test_an_error_starts_an_event_sub_process_and_the_scope_then_ends_normally() -> None:
    walk = Walk("event_sub_process_error", {"refused": True}).complete("act")
    assert walk.open == ["repair"] and walk.complete("repair").open == ["after"]
