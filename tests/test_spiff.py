"""SpiffWorkflow's schema findings and its second opinion on recorded paths; neither ever raises."""

from __future__ import annotations

import random

import pytest

from tests.reference_host import DIAGRAMS, Walk, graph_of
from tests.prover_opinions import prove_opinion
from workflows.spiff import Step, second_opinion, step_of, validate_schema

# The library runs no loop that passes a join again; such a diagram has no second opinion.
AGREED = ("SpiffWorkflow agrees", "SpiffWorkflow does not run this diagram: loop through a join")


def recorded(walk: Walk, *completed: str) -> list[Step]:
    """The path of a walk that completes these activities."""
    steps = [step_of(None, walk.happenings, walk.open, walk.ended)]
    for node in completed:
        walk.complete(node)
        steps.append(step_of(node, walk.last, walk.open, walk.ended))
    return steps


def content(diagram: str) -> bytes:
    """The bytes of a test diagram."""
    return (DIAGRAMS / f"{diagram}.bpmn").read_bytes()


@pytest.mark.parametrize("diagram", sorted(path.stem for path in DIAGRAMS.glob("*.bpmn")))
def test_the_test_diagrams_follow_the_schema(diagram: str) -> None:
    assert validate_schema(content(diagram)) == []


def test_every_schema_finding_is_a_warning_with_its_line() -> None:
    findings = validate_schema(content("user_task").replace(b'<bpmn:endEvent id="end"', b'<bpmn:endEvent\nid="start"').replace(b"<bpmn:sequenceFlow", b"<bpmn:wonder/><bpmn:sequenceFlow", 1))
    assert len(findings) >= 2 and all(finding.severity == "warning" and finding.line > 1 and finding.reason_zh for finding in findings)


@pytest.mark.parametrize("data", [b"", b"<a/>", b"not xml", b"<!DOCTYPE a><a/>"])
def test_unreadable_files_give_no_exception(data: bytes) -> None:
    validate_schema(data)
    assert second_opinion(data, "process", []).startswith("does not run this diagram: ")


@pytest.mark.parametrize(("diagram", "answers", "completed"), [
    ("user_task", {}, ["apply"]), ("exclusive_gateway", {"amount>8000": True}, ["large"]), ("exclusive_gateway", {}, ["small"]),
    ("parallel_gateway", {}, ["b", "a"]), ("inclusive_gateway", {"first": True, "second": True}, ["b", "a", "after"]),
    ("sub_process", {}, ["check", "sign"]), ("nested_sub_process", {}, ["beside", "deep"]), ("timer_boundary", {}, ["act"]),
    ("terminate_end", {}, ["a"]), ("service_task", {}, ["store"]), ("script_task", {}, ["act"]), ("message_throw", {}, ["act"]),
])
def test_it_agrees_where_it_runs_a_diagram(diagram: str, answers: dict[str, bool], completed: list[str]) -> None:
    steps = recorded(Walk(diagram, answers), *completed)
    assert steps[-1].ended and second_opinion(content(diagram), "process", steps) == "agrees"


def test_it_disagrees_when_the_record_is_wrong() -> None:
    steps = recorded(Walk("parallel_gateway"), "b", "a")
    assert second_opinion(content("parallel_gateway"), "process", [steps[0], steps[2]]).startswith("disagrees: step 1")
    assert second_opinion(content("parallel_gateway"), "process", [Step(None, ("a",))]) == "disagrees: step 0: open are a, b there, a here"
    assert second_opinion(content("user_task"), "process", [Step("nothing", ())]).startswith("disagrees: step 0: nothing is not open")


@pytest.mark.parametrize(("diagram", "reason"), [
    ("multi_instance_parallel", "multi-instance"), ("compensation", "compensation"), ("link", "link event"), ("event_gateway", "event-based gateway"),
    ("implicit", "conditional or several flows"), ("conditional_flow", "conditional or several flows"),
    ("inclusive_loop", "loop through a join"), ("transaction", "transaction"), ("standard_loop", "standard loop"),
])
def test_it_says_which_diagrams_it_does_not_run(diagram: str, reason: str) -> None:
    answer = second_opinion(content(diagram), "process", [])
    assert answer.startswith("does not run this diagram: ") and reason in answer


def test_an_event_sub_process_matters_only_on_the_path() -> None:
    diagram = content("event_sub_process_interrupting")
    assert second_opinion(diagram, "process", recorded(Walk("event_sub_process_interrupting"), "act")) == "agrees"
    through = [Step(None, ("act",)), Step("confirm", ())]
    assert second_opinion(diagram, "process", through) == "does not run this diagram: event sub-process on the path"


def test_a_path_over_a_boundary_event_has_no_second_opinion() -> None:
    steps = [Step(None, ("act",)), Step("late", ("hurry",))]
    assert second_opinion(content("timer_boundary"), "process", steps) == "does not run this diagram: boundary event on the path"
    assert "no process" in second_opinion(content("user_task"), "other", [])


def test_nothing_of_the_diagram_is_ever_executed() -> None:
    hostile = content("script_task").replace(b"= 1 + 1", b"raise SystemExit").replace(b"start_to_add", b"f")
    steps = recorded(Walk("script_task"), "act")
    assert second_opinion(hostile, "process", steps) == "agrees"
    assert graph_of("script_task").nodes["add"].script == "1 + 1"


@pytest.mark.parametrize("seed", range(40))
def test_both_engines_and_both_references_agree_on_random_structured_diagrams(seed: int) -> None:
    said: list[str] = []
    steps, outvoted = prove_opinion(random.Random(seed), said.append)
    assert steps and not outvoted and said[-1] in AGREED, said
