"""Every diagram with a timer at, before and long after its moment, and every diagram with parallel work under two threads at once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from tests.engine_races import DIAGRAMS_NAMES, DiagramWalk, at_once, completing, firing, graph_of, one_after_the_other
from tests.engine_walk import END, START, chain, process, user
from workflows.history import verify
from workflows.models import StartEvent

pytestmark = pytest.mark.usefixtures("database")
BLINK, ROUNDS = timedelta(microseconds=1), 2


def is_start(diagram: str, node: Any) -> bool:
    """Whether this is a start event of the process itself."""
    return node.type == "startEvent" and node.id in graph_of(diagram).starts


TIMERS = [
    (diagram, node.id) for diagram in DIAGRAMS_NAMES for node in graph_of(diagram).nodes.values()
    if node.event.kind == "timer" and not is_start(diagram, node)
]
STARTS = [(diagram, node.id) for diagram in DIAGRAMS_NAMES for node in graph_of(diagram).nodes.values() if node.event.kind == "timer" and is_start(diagram, node)]
each_timer = pytest.mark.parametrize(("diagram", "node"), TIMERS)


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Any]:
    """Makes cases of a diagram, each time on a new database."""
    made: list[DiagramWalk] = []

    def one(diagram: str | bytes) -> DiagramWalk:
        made.append(DiagramWalk(diagram, tmp_path / str(len(made))))
        return made[-1].begin() if not isinstance(diagram, str) or diagram not in dict(STARTS) else made[-1]

    yield one
    for walk in made:
        with walk.house.store.read() as connection:
            assert list(verify(connection)) == []
        walk.engine.dispose()


def times(diagram: str, node: str) -> int | None:
    """How often a timer goes off while nothing interferes: once, or as often as its cycle says (None: for ever)."""
    event = graph_of(diagram).nodes[node].event
    match = re.match(r"R(\d*)/", event.expression or "") if event.timer == "cycle" else None
    return 1 if match is None else int(match[1]) if match[1] else None


def test_the_diagrams_have_timers_of_every_sort() -> None:
    kinds = {(graph_of(diagram).nodes[node].type, graph_of(diagram).nodes[node].event.timer) for diagram, node in TIMERS}
    assert {("boundaryEvent", "duration"), ("boundaryEvent", "cycle"), ("intermediateCatchEvent", "duration"), ("intermediateCatchEvent", "date")} <= kinds
    assert STARTS


@each_timer
def test_nothing_happens_a_microsecond_before_and_all_of_it_at_the_moment_itself(make: Any, diagram: str, node: str) -> None:
    walk, twin = make(diagram), make(diagram)
    wait = walk.until_waiting_for(node)
    twin.trigger(twin.until_waiting_for(node))
    before = walk.picture()
    walk.clock.set(wait.due_at - BLINK)
    walk.work()
    assert walk.fired(node) == twin.fired(node) - 1 and walk.picture() == before
    walk.clock.set(wait.due_at)
    walk.work()
    assert walk.fired(node) == twin.fired(node) and walk.picture() == twin.picture()
    walk.work()
    assert walk.fired(node) == twin.fired(node) and walk.picture() == twin.picture(), "time stands still: it goes off once"


@each_timer
def test_long_after_its_moment_a_timer_has_gone_off_as_often_as_it_says(make: Any, diagram: str, node: str) -> None:
    walk = make(diagram)
    wait, earlier = walk.until_waiting_for(node), walk.fired(node)
    expected = times(diagram, node)
    assert expected is not None, "no diagram of the folder has a boundary timer that never stops"
    walk.clock.set(wait.due_at + timedelta(days=400))
    walk.work()
    assert walk.fired(node) - earlier == expected
    again = [one.due_at for one in walk.armed() if one.node_id == node and one.due_at is not None]
    assert all(due > walk.clock.now() for due in again), "what is armed again counts from when it was armed"


@pytest.mark.parametrize(("diagram", "node"), [one for one in TIMERS if graph_of(one[0]).nodes[one[1]].event.timer == "cycle"])
def test_a_cycle_keeps_its_beat_however_late_the_worker_comes(make: Any, diagram: str, node: str) -> None:
    walk = make(diagram)
    first = walk.until_waiting_for(node).due_at
    beat = first - walk.clock.now()
    walk.clock.set(first + beat * 1.5)
    walk.work()
    assert walk.fired(node) == 2 and [one.due_at for one in walk.armed() if one.node_id == node] == [first + 2 * beat]
    walk.clock.set(first + 2 * beat - BLINK)
    walk.work()
    assert walk.fired(node) == 2
    walk.clock.set(first + 2 * beat)
    walk.work()
    assert walk.fired(node) == 3


@each_timer
def test_timers_of_two_cases_due_at_the_same_moment_both_go_off_once(make: Any, diagram: str, node: str) -> None:
    walk, alone = make(diagram), make(diagram)
    moment = alone.until_waiting_for(node).due_at
    walk.until_waiting_for(node)
    walk.begin()
    for _ in range(6):
        if len([wait for wait in walk.armed() if wait.node_id == node]) == 2:
            break
        second = [wait for wait in walk.armed() if wait.instance_id == walk.case_id]
        seats = [seat for seat in walk.seats() if seat.instance_id == walk.case_id]
        one_after_the_other(walk, [completing(seats[0])]) if seats else walk.trigger(second[0])
    assert [wait.due_at for wait in walk.armed() if wait.node_id == node] == [moment] * 2
    earlier = walk.fired(node), alone.fired(node)
    for one in (walk, alone):
        one.clock.set(moment)
        one.work()
    assert (walk.fired(node) - earlier[0], alone.fired(node) - earlier[1]) == (2, 1)
    assert walk.picture() == tuple(sorted([*part, *part]) for part in alone.picture())


@pytest.mark.parametrize(("first", "second"), [(True, True), (True, False), (False, True), (False, False)])
def test_two_timers_of_one_activity_due_at_the_same_moment(make: Any, first: bool, second: bool) -> None:
    events = "".join(
        f'<bpmn:boundaryEvent id="b{number}" attachedToRef="act" cancelActivity="{str(interrupting).lower()}"><bpmn:timerEventDefinition>'
        "<bpmn:timeDuration>PT1H</bpmn:timeDuration></bpmn:timerEventDefinition></bpmn:boundaryEvent>"
        for number, interrupting in enumerate((first, second))
    )
    content = START + user("act") + events + user("t0") + user("t1") + END + chain("start", "act", "end") + chain("b0", "t0", "end") + chain("b1", "t1", "end")
    walk = make(process(content))
    assert {wait.due_at for wait in walk.armed()} == {walk.clock.now() + timedelta(hours=1)}
    walk.later(hours=1)
    fired = walk.fired("b0"), walk.fired("b1")
    open_work = ["t0"] * fired[0] + ["t1"] * fired[1]
    if first and second:
        assert sum(fired) == 1 and walk.open == open_work
    elif first or second:
        assert fired[0 if first else 1] == 1 and max(fired) == 1 and walk.open == open_work
    else:
        assert fired == (1, 1) and walk.open == ["act", *open_work]
    assert not [wait for wait in walk.armed() if wait.due_at is not None]


@each_timer
def test_two_workers_on_one_timer_let_it_go_off_once(make: Any, diagram: str, node: str) -> None:
    walk, twin = make(diagram), make(diagram)
    wait, same = walk.until_waiting_for(node), twin.until_waiting_for(node)
    earlier = walk.fired(node)
    for one, due in ((walk, wait), (twin, same)):
        one.clock.set(due.due_at)
    at_once(walk, [firing(wait)] * 2)
    one_after_the_other(twin, [firing(same)])
    assert walk.fired(node) == earlier + 1 and walk.picture() == twin.picture()


@each_timer
def test_a_timer_and_the_completion_of_the_work_beside_it_never_undo_each_other(make: Any, diagram: str, node: str) -> None:
    interrupting = graph_of(diagram).nodes[node].type == "boundaryEvent" and graph_of(diagram).nodes[node].interrupting
    allowed = [outcome for acts in permutations(("timer", "work")) if (outcome := _raced(make(diagram), node, acts, False))]
    for _ in range(ROUNDS):
        outcome = _raced(make(diagram), node, ("timer", "work"), True)
        assert (outcome in allowed) if allowed else outcome is None
        if outcome is not None and interrupting and "multi" not in diagram and "sub_process" not in diagram:
            assert sum(outcome[0]) == 1, "exactly one of them wins"


def _raced(walk: DiagramWalk, node: str, order: tuple[str, ...], together: bool) -> Any:
    """What comes of it: who got through, and the picture; None when there is no work beside the timer."""
    wait = walk.until_waiting_for(node)
    earlier, seats = walk.fired(node), walk.seats()
    if not seats:
        return None
    walk.clock.set(wait.due_at)
    acts = {"timer": firing(wait), "work": completing(seats[0])}
    answers = dict(zip(order, (at_once if together else one_after_the_other)(walk, [acts[name] for name in order]), strict=True))
    return (walk.fired(node) - earlier, int(answers["work"])), walk.picture()


@pytest.mark.parametrize(("diagram", "node"), STARTS)
def test_a_timer_that_starts_cases_starts_one_for_every_round(make: Any, diagram: str, node: str) -> None:
    walk = make(diagram)
    due = walk.rows(select(StartEvent.due_at))[0].due_at
    walk.clock.set(due - BLINK)
    walk.work()
    assert walk.instances() == []
    walk.clock.set(due)
    walk.work()
    walk.work()
    assert len(walk.instances()) == 1
    walk.clock.set(due + timedelta(days=2 * 366))
    walk.work()
    assert len(walk.instances()) == 3 and len(walk.seats()) == 3
    following = walk.rows(select(StartEvent.due_at))[0].due_at
    assert following > walk.clock.now() and (following.month, following.day) == (due.month, due.day)


# two people at two pieces of work of one case

# Diagrams with a parallel construct in which two pieces of human work are never open at once in one case.
NEVER_TWO = {"inclusive_loop", "multi_instance_script", "signal_catch"}


def _is_parallel(diagram: str) -> bool:
    return any(
        (node.type not in ("exclusiveGateway", "eventBasedGateway") and len(node.outgoing) > 1)
        or (node.multi_instance is not None and not node.multi_instance.sequential)
        or (node.type in ("boundaryEvent", "startEvent") and not node.interrupting)
        for node in graph_of(diagram).nodes.values()
    )


PARALLEL = [diagram for diagram in DIAGRAMS_NAMES if _is_parallel(diagram)]


@pytest.mark.parametrize("diagram", PARALLEL)
def test_two_people_who_complete_two_pieces_of_work_at_once_lose_no_token(make: Any, diagram: str) -> None:
    allowed = []
    for order in ((0, 1), (1, 0)):
        walk = make(diagram)
        seats = walk.until_two_are_open()
        assert bool(seats) == (diagram not in NEVER_TWO)
        if not seats:
            return
        answers = one_after_the_other(walk, [completing(seats[position]) for position in order])
        allowed.append((tuple(answers[order.index(position)] for position in (0, 1)), walk.picture()))
    for _ in range(ROUNDS):
        walk = make(diagram)
        answers = at_once(walk, [completing(seat) for seat in walk.until_two_are_open()])
        assert (tuple(answers), walk.picture()) in allowed
