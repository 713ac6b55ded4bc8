"""Every kind of gateway, conditional flows, implicit splits and merges, loops and links."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reference_host import Walk, graph_of
from workflows.machine import MachineError


def test_an_exclusive_gateway_takes_the_first_flow_that_holds_else_the_default() -> None:
    assert Walk("exclusive_gateway", {"amount>8000": True}).open == ["large"]
    assert Walk("exclusive_gateway").open == ["small"]
    assert Walk("exclusive_gateway").complete("small").ended


def test_a_parallel_join_waits_for_every_branch() -> None:
    walk = Walk("parallel_gateway")
    assert walk.open == ["a", "b"]
    assert walk.complete("b").open == ["a"]
    assert walk.complete("a").ended


def test_a_join_names_its_arrivals_and_what_caused_them() -> None:
    walk = Walk("parallel_gateway")
    a, b = walk.token("a"), walk.token("b")
    walk.complete("b", "a")
    firing = next(happening for happening in walk.happenings if "arrivals" in happening.detail)
    assert set(firing.detail["arrivals"]) == {("a_to_join", a), ("b_to_join", b)} and set(firing.cause) == {a, b}


def test_a_parallel_block_can_be_repeated() -> None:
    walk = Walk("parallel_loop", {"more": True})
    for _ in range(5):
        walk.complete("a", "b")
    assert walk.open == ["a", "b"]
    assert walk.answer(more=False).complete("b", "a").ended


@pytest.mark.parametrize(("answers", "opened"), [
    ({}, ["c"]), ({"first": True}, ["a"]), ({"second": True}, ["b"]), ({"first": True, "second": True}, ["a", "b"]),
])
def test_an_inclusive_gateway_takes_every_flow_that_holds(answers: dict[str, bool], opened: list[str]) -> None:
    walk = Walk("inclusive_gateway", answers)
    assert walk.open == opened
    for position, node in enumerate(opened):
        assert "after" not in walk.open, position
        walk.complete(node)
    assert walk.open == ["after"] and walk.complete("after").ended


def test_an_inclusive_block_can_be_repeated() -> None:
    walk = Walk("inclusive_loop", {"more": True, "first": True})
    for _ in range(5):
        assert walk.open == ["a"]
        walk.complete("a")
    assert walk.answer(more=False).complete("a").ended


def test_an_inclusive_join_waits_for_a_branch_that_may_still_come_back() -> None:
    walk = Walk("inclusive_with_back_edge", {"more": True}).complete("b")
    assert walk.open == ["a"]
    walk.complete("a")
    assert walk.open == ["a"]
    assert walk.answer(more=False).complete("a").open == ["after"]


def test_an_event_gateway_follows_the_first_event_and_forgets_the_others() -> None:
    walk = Walk("event_gateway")
    assert walk.waits == ["answered", "said", "waited"]
    walk.trigger("waited")
    assert walk.open == ["remind"] and walk.waits == []
    assert Walk("event_gateway").trigger("answered").open == ["read"]


def test_a_receive_task_may_follow_an_event_gateway() -> None:
    assert Walk("event_gateway_receive").trigger("hear").ended


@pytest.mark.parametrize(("answers", "opened"), [
    ({}, ["normal"]), ({"urgent": True}, ["urgent"]), ({"urgent": True, "costly": True}, ["costly", "urgent"]),
])
def test_conditional_flows_leave_an_activity_directly(answers: dict[str, bool], opened: list[str]) -> None:
    assert Walk("conditional_flow", answers).complete("act").open == opened


def test_implicit_splits_merges_and_ends() -> None:
    walk = Walk("implicit").complete("act")
    assert walk.open == ["left", "right"]
    walk.complete("left", "right")
    assert walk.open == ["merged", "merged"]
    assert not walk.complete("merged").ended
    assert walk.complete("merged").ended


def test_links_are_flows() -> None:
    assert Walk("link").complete("act").open == ["finish"]
    assert Walk("link", {"other": True}).complete("act", "finish").ended


def test_no_way_out_is_said_in_plain_words() -> None:
    graph = graph_of("exclusive_gateway")
    nodes = {**graph.nodes, "which": replace(graph.nodes["which"], default=None, outgoing=graph.nodes["which"].outgoing[:1])}
    with pytest.raises(MachineError, match="No condition out of which holds") as caught:
        Walk(replace(graph, nodes=nodes))
    assert "which" in caught.value.zh


def test_tokens_left_at_a_join_are_a_deadlock_never_a_silent_hang() -> None:
    walk = Walk("deadlock").complete("b")
    assert walk.machine.is_deadlocked(walk.state) and not walk.ended
    assert walk.kinds("deadlocked") == [("deadlocked", "join")]


def test_state_and_tokens_stay_the_same_size_over_two_thousand_rounds() -> None:
    walk = Walk("loop_of_five", {"more": True, "first": True})
    sizes = []
    for _ in range(2_000):
        walk.complete("a", "b", "e", "d")
        walk.happenings.clear()
        sizes.append(len(str(walk.state)))
    assert max(sizes) - sizes[0] <= 16 and max(sizes) < 250
    assert walk.answer(more=False).complete("a", "b", "d", "e").ended


def test_an_endless_automatic_loop_is_stopped() -> None:
    walk = Walk("boundary_to_its_host")
    assert walk.trigger("late", "late").open == ["act"]
    with pytest.raises(MachineError):
        walk.machine.trigger(walk.state, "w999", walk.host)
