"""The doors of the token machine: causes, modifications, migration, errors, and random diagrams against the reference interpreters."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.reference_drawing import diagram, flow, user
from tests.reference_host import NoVariables, Walk, graph_of
from tests import prover
from workflows.graph import Node, ProcessGraph, read_graph
from workflows.machine import BpmnError, Machine, MachineError, MigrationRefused


def process(body: str) -> ProcessGraph:
    """A process of this body, deployable."""
    reading = read_graph(diagram(body))
    assert reading.deployable, reading.findings
    return reading.graphs["process"]


def fork_join() -> ProcessGraph:
    """u, then a (with a timer) beside b1 and b2, a join, then t."""
    return process(
        '<bpmn:startEvent id="s"/>' + user("u") + '<bpmn:parallelGateway id="fork"/>' + user("a") + user("b1") + user("b2")
        + '<bpmn:boundaryEvent id="late" attachedToRef="a"><bpmn:timerEventDefinition><bpmn:timeDuration>PT1H</bpmn:timeDuration></bpmn:timerEventDefinition></bpmn:boundaryEvent>'
        + '<bpmn:parallelGateway id="join"/>' + user("t") + '<bpmn:endEvent id="e"/>'
        + flow("s", "u") + flow("u", "fork") + flow("fork", "a") + flow("fork", "b1") + flow("b1", "b2") + flow("a", "join") + flow("b2", "join")
        + flow("join", "t") + flow("t", "e") + flow("late", "e")
    )


# causes


def test_every_token_names_what_caused_it() -> None:
    walk = Walk(fork_join())
    u = walk.token("u")
    walk.complete("u")
    a, b1 = walk.token("a"), walk.token("b1")
    causes = {token: cause for token, _, _, cause in walk.machine.tokens(walk.state)}
    assert causes[a] == (u,) and causes[b1] == (u,)
    walk.complete("a", "b1")
    b2 = walk.token("b2")
    walk.complete("b2")
    firing = next(happening for happening in walk.happenings if "arrivals" in happening.detail)
    assert firing.cause == (a, b2) and walk.machine.tokens(walk.state)[0][3] == (firing.token,)


def test_ids_are_never_used_twice() -> None:
    walk = Walk("parallel_loop", {"more": True})
    for _ in range(10):
        walk.complete("a", "b")
    opened = [happening.token for happening in walk.happenings if happening.kind == "opened"]
    assert len(opened) == len(set(opened)) == 22


# modifications: the table of returns


def test_return_within_one_branch() -> None:
    walk = Walk(fork_join()).complete("u", "b1").modify(["b2"], ["b1"])
    assert walk.open == ["a", "b1"] and walk.waits == ["late"]


def test_return_from_after_the_join_to_before_the_fork() -> None:
    walk = Walk(fork_join()).complete("u", "a", "b1", "b2").modify(["t"], ["u"])
    assert walk.open == ["u"]
    assert walk.complete("u", "a", "b1", "b2", "t").ended


def test_return_from_a_branch_to_before_the_fork_while_the_sibling_waits_at_the_join() -> None:
    walk = Walk(fork_join()).complete("u", "a")
    assert walk.machine.arrivals(walk.state) == [("a_join", "0", ("2",))]
    walk.door(walk.machine.modify, walk.host, cancel=[walk.token("b1")], start=["u"], discard=[("a_join", "0", ("2",))])
    assert walk.open == ["u"] and walk.machine.arrivals(walk.state) == []
    assert walk.complete("u", "a", "b1", "b2", "t").ended


def test_return_into_one_branch_from_after_the_join_puts_the_other_arrival_back() -> None:
    walk = Walk(fork_join()).complete("u", "a", "b1", "b2")
    firing = next(happening for happening in walk.happenings if "arrivals" in happening.detail)
    kept = [(flow_id, None, (cause,)) for flow_id, cause in firing.detail["arrivals"] if flow_id == "a_join"]
    walk.modify(["t"], ["b2"], kept)
    assert walk.open == ["b2"] and len(walk.machine.arrivals(walk.state)) == 1
    assert walk.complete("b2").open == ["t"]


def test_return_out_of_a_sub_process_cancels_it_whole() -> None:
    walk = Walk("nested_sub_process").modify(["outer"], ["outer"])
    assert walk.open == ["beside", "deep"] and len(walk.kinds("scope_opened")) == 4
    assert walk.complete("deep", "beside").ended


def test_cancelling_the_last_token_of_a_scope_cancels_the_scope_and_never_completes_it() -> None:
    walk = Walk("sub_process").modify(["check"], ["hurry"])
    assert walk.open == ["hurry"] and walk.waits == [] and walk.kinds("scope_closed") == []


def test_a_start_inside_a_sub_process_uses_the_scope_that_is_there() -> None:
    walk = Walk("sub_process")
    scope = walk.token("review")
    walk.modify(["check"], ["sign"])
    assert walk.open == ["sign"] and walk.token("review") == scope and walk.complete("sign").ended


def test_a_start_inside_sub_processes_makes_the_missing_scopes() -> None:
    walk = Walk("nested_sub_process").modify(["outer"], ["deep"])
    assert walk.open == ["deep"]
    walk.complete("deep")
    assert walk.machine.is_deadlocked(walk.state)  # the other branch of the join was cancelled with its scope


def test_what_was_started_is_caused_by_what_was_cancelled_unless_told() -> None:
    walk = Walk(fork_join()).complete("u")
    a, b = walk.token("a"), walk.token("b1")
    walk.modify(["a", "b1"], ["u"])
    assert walk.machine.tokens(walk.state)[0][3] == (a, b)
    walk.modify(["u"], [("u", None, ("7",))])
    assert walk.machine.tokens(walk.state)[0][3] == ("7",)


def test_boundary_timers_are_made_anew_on_return() -> None:
    walk = Walk(fork_join()).complete("u")
    before = set(walk.machine.waits(walk.state))
    walk.modify(["a"], ["a"])
    assert walk.waits == ["late"] and not before & set(walk.machine.waits(walk.state))


def test_return_within_a_multi_instance_activity_cancels_all_instances() -> None:
    walk = Walk("multi_instance_parallel").complete("sign")
    walk.door(walk.machine.modify, walk.host, cancel=[token for token, *_ in walk.machine.tokens(walk.state)], start=["sign"])
    assert walk.open == ["sign"] * 3 and walk.waits == ["late"]


def test_removing_one_instance_keeps_the_others_and_removing_all_cancels_the_activity() -> None:
    walk = Walk("multi_instance_parallel")
    tokens = walk.tokens("sign")
    walk.door(walk.machine.modify, walk.host, cancel=tokens[:1])
    assert walk.open == ["sign"] * 2
    assert walk.complete("sign", "sign").open == ["after"]
    walk = Walk("multi_instance_parallel")
    walk.door(walk.machine.modify, walk.host, cancel=walk.tokens("sign"), start=["after"])
    assert walk.open == ["after"] and walk.kinds("instances_completed") == []


def test_an_ended_case_can_be_opened_again() -> None:
    walk = Walk("event_sub_process_interrupting").complete("act")
    assert walk.ended
    walk.modify([], ["act"])
    assert walk.open == ["act"] and walk.waits == ["asked"] and not walk.ended


@pytest.mark.parametrize(("cancel", "start", "redeposit"), [
    (["99"], [], []), (["1"], [], []), (["1", "1"], [], []), ([], ["nothing"], []), ([], ["u"], [("s_u", None, ())]), ([], ["u"], [("a_join", "55", ())]), ([], [("u", "9")], []),
])
def test_nonsense_is_refused(cancel: list[str], start: list[Any], redeposit: list[Any]) -> None:
    walk = Walk(fork_join())
    with pytest.raises(MachineError) as caught:
        walk.machine.modify(walk.state, walk.host, cancel, start, redeposit)
    assert caught.value.zh and caught.value.en


@pytest.mark.parametrize("start", ["check", ("check", "1")])
def test_nothing_is_started_inside_a_multi_instance_sub_process_from_outside(start: Any) -> None:
    walk = Walk("multi_instance_sub_process")
    with pytest.raises(MachineError, match="start the sub-process itself|does not belong"):
        walk.machine.modify(walk.state, walk.host, start=[start])


def test_an_arrival_that_is_not_there_cannot_be_discarded() -> None:
    walk = Walk(fork_join()).complete("u", "a")
    with pytest.raises(MachineError):
        walk.machine.modify(walk.state, walk.host, discard=[("a_join", None, ("99",))])
    walk.door(walk.machine.modify, walk.host, discard=[("a_join", None, None)], start=["a"])
    assert walk.open == ["a", "b1"]


def test_a_withdrawal_cancels_every_token_and_every_arrival() -> None:
    walk = Walk("parallel_loop").complete("a")
    walk.modify([], ["a"])
    walk.complete("a")
    assert len(walk.machine.arrivals(walk.state)) == 2
    tokens = [token for token, *_ in walk.machine.tokens(walk.state)]
    walk.door(walk.machine.modify, walk.host, cancel=tokens, start=["again"], discard=walk.machine.arrivals(walk.state))
    assert walk.open == ["a", "b"] and walk.machine.arrivals(walk.state) == []
    assert walk.complete("a", "b").ended


def test_cancel_all_ends_the_case_with_nothing_left() -> None:
    walk = Walk("event_sub_process_non_interrupting").trigger("asked")
    walk.door(walk.machine.cancel_all)
    assert walk.ended and ("cancelled", "answer") in walk.kinds("cancelled")


# migration


def renamed(graph: ProcessGraph, old: str, new: str) -> ProcessGraph:
    """The same process with one node called otherwise."""
    nodes = {}
    for node in graph.nodes.values():
        identity = new if node.id == old else node.id
        flows = {
            "incoming": tuple(replace(f, source=new if f.source == old else f.source, target=new if f.target == old else f.target) for f in node.incoming),
            "outgoing": tuple(replace(f, source=new if f.source == old else f.source, target=new if f.target == old else f.target) for f in node.outgoing),
        }
        nodes[identity] = replace(node, id=identity, attached_to=new if node.attached_to == old else node.attached_to, **flows)
    flows_of = {f.id: f for node in nodes.values() for f in node.outgoing}
    return replace(graph, nodes=nodes, flows=flows_of)


def test_migration_keeps_tokens_arrivals_and_waits() -> None:
    walk = Walk(fork_join()).complete("u", "b1", "b2")
    before = json.dumps(walk.state)
    assert walk.machine.migrate(walk.state, Machine(fork_join())) == [] and json.dumps(walk.state) == before


def test_migration_maps_renamed_elements() -> None:
    walk = Walk(fork_join()).complete("u")
    target = Machine(renamed(fork_join(), "a", "a_new"))
    walk.door(walk.machine.migrate, target, {"a": "a_new"})
    walk.machine = target
    assert walk.open == ["a_new", "b1"] and walk.waits == ["late"]
    assert walk.complete("a_new", "b1", "b2", "t").ended


def test_migration_refuses_by_name_what_is_gone_and_changes_nothing() -> None:
    walk = Walk(fork_join()).complete("u", "a")
    before = json.dumps(walk.state)
    with pytest.raises(MigrationRefused) as caught:
        walk.machine.migrate(walk.state, Machine(graph_of("user_task")))
    assert set(caught.value.names) == {"b1", "join"} and json.dumps(walk.state) == before


def test_migration_adds_and_removes_boundary_waits() -> None:
    walk = Walk("timer_boundary")
    plain = process('<bpmn:startEvent id="start"/>' + user("act") + '<bpmn:endEvent id="end"/>' + flow("start", "act") + flow("act", "end"))
    happened = walk.door(walk.machine.migrate, Machine(plain))
    assert [happening.kind for happening in happened] == ["unwait"] and walk.waits == []
    back = walk.door(Machine(plain).migrate, walk.machine)
    assert [happening.kind for happening in back] == ["wait"] and walk.waits == ["late"]


def test_migration_does_not_arm_a_timer_again_that_went_off() -> None:
    walk = Walk("timer_boundary_non_interrupting").trigger("late")
    walk.door(walk.machine.migrate, Machine(graph_of("timer_boundary_non_interrupting")))
    assert walk.waits == []


# errors


class Failing(NoVariables):
    """A host whose inline work raises a BPMN error."""

    def condition(self, expression: str, scope: str, counters: Any = None) -> bool:
        return True

    def count(self, expression: str, scope: str) -> int:
        return -1

    def perform(self, node: Node, token: str, scope: str) -> None:
        raise BpmnError("BAD")


def test_inline_work_that_raises_a_bpmn_error_reaches_its_boundary_event() -> None:
    graph = process(
        '<bpmn:startEvent id="s"/><bpmn:scriptTask id="x" scriptFormat="feel" camunda:resultVariable="v"><bpmn:script>1</bpmn:script></bpmn:scriptTask>'
        '<bpmn:boundaryEvent id="b" attachedToRef="x"><bpmn:errorEventDefinition errorRef="bad"/></bpmn:boundaryEvent>' + user("mend")
        + '<bpmn:endEvent id="e"/>' + flow("s", "x") + flow("x", "e") + flow("b", "mend") + flow("mend", "e")
    )
    state, _ = Machine(graph).start(Failing())
    assert [node for _, node, _, _ in Machine(graph).tokens(state)] == ["mend"]


def test_an_impossible_number_of_instances_is_said_in_plain_words() -> None:
    with pytest.raises(MachineError, match="-1 instances"):
        Machine(graph_of("multi_instance_parallel")).start(Failing())


def test_automatic_steps_without_end_are_stopped_in_plain_words() -> None:
    graph = process(
        '<bpmn:startEvent id="s"/><bpmn:exclusiveGateway id="m"/><bpmn:task id="x"/><bpmn:exclusiveGateway id="c" default="c_e"/><bpmn:endEvent id="e"/>'
        + flow("s", "m") + flow("m", "x") + flow("x", "c") + flow("c", "m", "again") + flow("c", "e")
    )
    with pytest.raises(MachineError, match="did not come to rest"):
        Machine(graph).start(Failing())


def test_one_machine_serves_many_cases() -> None:
    machine = Machine(graph_of("inclusive_gateway"))
    first, second = Walk("inclusive_gateway", {"first": True}), Walk("inclusive_gateway", {"second": True})
    first.machine = second.machine = machine
    assert first.complete("a").open == second.complete("b").open == ["after"]


# random diagrams


RANDOM = settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))


@RANDOM
@given(st.integers(0, 2**32))
def test_structured_diagrams_agree_with_the_process_tree(seed: int) -> None:
    prover.prove_tree(random.Random(seed), 25)


@RANDOM
@given(st.integers(0, 2**32))
def test_unstructured_diagrams_agree_with_the_flow_marking(seed: int) -> None:
    prover.prove_net(random.Random(seed), 25)


@RANDOM
@given(st.integers(0, 2**32))
def test_random_returns_and_jumps_leave_a_sound_state(seed: int) -> None:
    prover.prove_change(random.Random(seed), 25)


def test_the_prover_counts_operations_and_finds_nothing() -> None:
    told: list[str] = []
    found = prover.prove(1_500, 11, told.append)
    assert found.operations >= 1_500 and found.violations == 0 and found.asked, told


def test_an_instance_that_ends_by_an_error_has_handed_out_what_it_counted() -> None:
    assert prover.replay(20261122, 56808, opinion_every=0).found.violations == 0
