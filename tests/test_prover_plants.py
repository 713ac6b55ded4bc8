"""Proves the prover: faults planted in the token machine, one at a time, must be counted as violations; without one there are none."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tests import prover
from workflows.graph import Flow, Node
from workflows.machine import activities, compensation, doors, events, flow, modification
from workflows.machine.contract import MachineError
from workflows.machine.marking import Move, Run

Plant = Callable[[pytest.MonkeyPatch], None]
OPERATIONS, SEED = 12_000, 7
PLANTS: dict[str, Plant] = {}


def plant(patch: Plant) -> Plant:
    """Register a planted fault under what it does wrong."""
    PLANTS[patch.__name__] = patch
    return patch


@plant
def an_emptied_scope_completes_instead_of_being_cancelled(patch: pytest.MonkeyPatch) -> None:
    def planted(run: Run) -> None:
        while activities.close_finished_scopes(run) and run.tokens:
            pass

    patch.setattr(modification, "_cancel_empty_scopes", planted)


@plant
def an_activity_whose_instances_were_all_cancelled_completes(patch: pytest.MonkeyPatch) -> None:
    right = modification.remove_instance

    def planted(run: Run, token: str) -> None:
        activity = token.partition("#")[0]
        if int(run.state["m"][activity][2], 16).bit_count() == 1:
            activities.finish(run, activity)
        else:
            right(run, token)

    patch.setattr(modification, "remove_instance", planted)


@plant
def a_discarded_arrival_stays(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(modification, "discard_arrival", lambda run, flow_id, scope, cause: None)


@plant
def a_parallel_join_waits_for_nobody(patch: pytest.MonkeyPatch) -> None:
    def planted(run: Run, node: Node, move: Move) -> None:
        flow._take(run, node.outgoing, move.scope, move.cause)

    patch.setitem(doors.ENTER, "parallelGateway", planted)


@plant
def a_parallel_join_takes_every_arrival_of_a_flow(patch: pytest.MonkeyPatch) -> None:
    right = flow.consume

    def planted(run: Run, node: Node, scope: str, taken: Sequence[Flow]) -> Any:
        for arrivals in run.state["j"][scope].values():
            del arrivals[1:]
        return right(run, node, scope, taken)

    patch.setattr(flow, "consume", planted)


@plant
def an_inclusive_join_waits_for_nobody(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(flow, "_may_fire", lambda run, node, scope: True)


@plant
def an_inclusive_join_waits_for_every_flow(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(flow, "_may_fire", lambda run, node, scope: all(run.state["j"][scope].get(one.id) for one in node.incoming))


@plant
def an_exclusive_gateway_takes_the_last_way_that_is_open(patch: pytest.MonkeyPatch) -> None:
    def planted(run: Run, node: Node, move: Move) -> None:
        ways = [one for one in node.outgoing if one.id != node.default and (one.condition is None or run.host.condition(one.condition, move.scope))]
        chosen = ways[-1:] or [one for one in node.outgoing if one.id == node.default]
        run.happen("fired", node.id, None, move.scope, move.cause, detail={"taken": [one.id for one in chosen]})
        flow._take(run, chosen, move.scope, move.cause)

    patch.setitem(doors.ENTER, "exclusiveGateway", planted)


@plant
def a_default_flow_is_always_taken(patch: pytest.MonkeyPatch) -> None:
    right = flow._fulfilled

    def planted(run: Run, node: Node, scope: str) -> list[Flow]:
        taken = right(run, node, scope)
        return taken + [one for one in node.outgoing if one.id == node.default and one not in taken]

    patch.setattr(flow, "_fulfilled", planted)


@plant
def an_interrupting_boundary_event_cancels_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(events, "fire_boundary", lambda run, event, token: events.leave(run, event, str(run.tokens[token][1]), (token,)))


@plant
def a_boundary_event_is_listened_to_after_its_activity(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Run, "close_waits", lambda run, owner, starts_only=False: None)


@plant
def a_timer_beside_its_activity_goes_off_again(patch: pytest.MonkeyPatch) -> None:
    right = events.trigger_event

    def planted(run: Run, wait: str) -> str | None:
        node, owner = run.state["w"][wait][:2]
        done = right(run, wait)
        if run.nodes[node].event.timer == "duration" and not run.nodes[node].interrupting and owner in run.tokens:
            run.open_wait(run.nodes[node], owner, str(run.tokens[owner][1]))
        return done

    patch.setattr(events, "trigger_event", planted)


@plant
def a_terminate_end_leaves_the_rest_running(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(doors.THROW, "terminate", events.pass_event)


@plant
def an_error_goes_one_scope_too_far(patch: pytest.MonkeyPatch) -> None:
    right = events._propagate

    def planted(run: Run, kind: str, token: str | None, scope: str, code: str | None) -> Node | None:
        if kind == "error" and token is None and scope != "0" and str(run.tokens[scope][1]) != "0":
            token, scope = None, str(run.tokens[scope][1])
        return right(run, kind, token, scope, code)

    patch.setattr(events, "_propagate", planted)


@plant
def an_escalation_stops_its_thrower(patch: pytest.MonkeyPatch) -> None:
    right = events.throw_escalation
    patch.setattr(events, "throw_escalation", lambda run, *rest: right(run, *rest) or True)


@plant
def an_interrupted_scope_hears_its_event_sub_processes_again(patch: pytest.MonkeyPatch) -> None:
    def planted(run: Run, scope: str) -> None:
        run.empty_scope(scope)
        run.open_scope_waits(scope)

    patch.setattr(Run, "interrupt", planted)


@plant
def a_condition_goes_off_once_and_never_again(patch: pytest.MonkeyPatch) -> None:
    right = doors.Machine._turned_true

    def planted(run: Run) -> str | None:
        before = {wait: entry[2] for wait, entry in run.state.get("w", {}).items() if len(entry) > 2}
        found = right(run)
        for wait, held in before.items():
            run.state["w"][wait][2] = max(held, run.state["w"][wait][2])
        return found

    patch.setattr(doors.Machine, "_turned_true", staticmethod(planted))


@plant
def a_case_does_not_hear_its_own_signals(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(events, "listens", lambda node, kind, name: False)


@plant
def a_signal_is_heard_under_any_name(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(events, "listens", lambda node, kind, name: node.event.kind == kind)


@plant
def compensation_runs_oldest_first(patch: pytest.MonkeyPatch) -> None:
    right = compensation._taken_from_log
    patch.setattr(compensation, "_taken_from_log", lambda run, scope, activity: right(run, scope, activity)[::-1])


@plant
def compensation_runs_twice(patch: pytest.MonkeyPatch) -> None:
    right = compensation._taken_from_log

    def planted(run: Run, scope: str, activity: str | None) -> list[str]:
        kept = list(run.state.get("c", {}).get(scope, []))
        found = right(run, scope, activity)
        if kept:
            run.part("c")[scope] = kept
        return found

    patch.setattr(compensation, "_taken_from_log", planted)


@plant
def what_a_finished_sub_process_did_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    right = activities.remember
    patch.setattr(activities, "remember", lambda run, node, token, scope: right(run, node, token, scope) if node.type != "subProcess" else None)


@plant
def a_completion_condition_is_ignored(patch: pytest.MonkeyPatch) -> None:
    right = activities._continue_instances

    def planted(run: Run, node: Node, token: str, counters: list[Any]) -> None:
        host, run.host = run.host, Deaf(run.host)
        right(run, node, token, counters)
        run.host = host

    patch.setattr(activities, "_continue_instances", planted)


class Deaf:
    """A host for whom no condition holds."""

    def __init__(self, host: Any) -> None:
        self._host = host

    def condition(self, *_: Any) -> bool:
        return False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._host, name)


@plant
def the_last_instance_is_not_waited_for(patch: pytest.MonkeyPatch) -> None:
    right = activities._continue_instances

    def planted(run: Run, node: Node, token: str, counters: list[Any]) -> None:
        if counters[activities.DONE] == counters[activities.TOTAL] - 1:
            activities._complete_instances(run, node, token, counters)
        else:
            right(run, node, token, counters)

    patch.setattr(activities, "_continue_instances", planted)


@plant
def instances_meant_one_after_the_other_begin_together(patch: pytest.MonkeyPatch) -> None:
    right = activities._begin_instances

    def planted(run: Run, node: Node, token: str, scope: str, cause: Any) -> None:
        right(run, node, token, scope, cause)
        counters = run.state["m"].get(token)
        while counters and counters[activities.NEXT] < counters[activities.TOTAL]:
            activities._open_instance(run, node, token, counters)

    patch.setattr(activities, "_begin_instances", planted)


@plant
def a_loop_goes_round_once_too_often(patch: pytest.MonkeyPatch) -> None:
    right = activities._goes_on

    def planted(run: Run, node: Node, scope: str, counters: list[Any]) -> bool:
        return right(run, node, scope, [*counters[:1], counters[1] - 1, *counters[2:]])

    patch.setattr(activities, "_goes_on", planted)


@plant
def cancelling_keeps_what_still_moves(patch: pytest.MonkeyPatch) -> None:
    right = Run.empty_scope

    def planted(run: Run, scope: str) -> None:
        moving = run.agenda
        right(run, scope)
        run.agenda = deque(moving)

    patch.setattr(Run, "empty_scope", planted)


@plant
def arrivals_outlive_their_scope(patch: pytest.MonkeyPatch) -> None:
    right = Run.drop
    patch.setattr(Run, "drop", lambda run, name, key: None if name == "j" and run.state.get("j", {}).get(key) else right(run, name, key))


@plant
def the_machine_breaks_with_a_key_error(patch: pytest.MonkeyPatch) -> None:
    def planted(run: Run, node: Node, move: Move) -> None:
        raise KeyError(node.id)

    patch.setitem(doors.ENTER, "inclusiveGateway", planted)


@plant
def the_machine_refuses_what_is_right(patch: pytest.MonkeyPatch) -> None:
    def planted(run: Run, node: Node, move: Move) -> None:
        raise MachineError("不行", "no", node.id)

    patch.setitem(doors.THROW, "escalation", planted)


class Seen(Exception):
    """The planted fault was counted; there is no need to go on."""


@pytest.mark.parametrize("name", sorted(PLANTS))
def test_a_planted_fault_is_counted(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def told(line: str) -> None:
        if line.startswith("VIOLATION"):
            assert "--seed 7 --only" in line
            raise Seen(line)

    PLANTS[name](monkeypatch)
    with pytest.raises(Seen):
        prover.prove(OPERATIONS, SEED, told, opinion_every=0)


def test_without_a_planted_fault_nothing_is_counted() -> None:
    told: list[str] = []
    found = prover.prove(3_000, SEED, told.append)
    assert found.violations == 0 and found.operations >= 3_000 and found.asked > 0, told


def test_a_counted_violation_can_be_replayed_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    an_interrupting_boundary_event_cancels_nothing(monkeypatch)
    found = prover.prove(3_000, SEED, told.append, opinion_every=0)
    violations = [line for line in told if line.startswith("VIOLATION")]
    assert found.violations == len(violations) > 0
    number = int(violations[0].split("--only ")[1].split(",")[0])
    alone = prover.replay(SEED, number, opinion_every=0)
    assert alone.found.violations == 1 and alone.report[-1] == violations[0] and "<bpmn:process" in "".join(alone.trail.lines)
