"""The one modification: its rehearsal changes nothing, its result is safe, it leaves one fact, and random returns lose and double no token."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app import House
from tests.returning_walk import END, START, Office, chain, fork, join, process, step
from tests.test_resubmission import Told
from workflows.causal_past import human_in
from workflows.errors import Conflict, Rejection
from workflows.modifying import Plan, going_back, perform, rehearse
from workflows.verification.canonical import doubled

pytestmark = pytest.mark.usefixtures("database")

BRANCHES = process(
    START + step("apply") + fork("split") + step("left") + step("right") + join("merge") + step("sign") + END
    + chain("start", "apply", "split", "left", "merge", "sign", "end") + chain("split", "right", "merge")
)


def modify(office: Office, plan: Plan, **given: object) -> None:
    def act(house: House, connection: object) -> None:
        perform(house.engine, connection, house.engine.load(connection, office.case_id), plan, kind="jumped", detail={}, **given)  # type: ignore[arg-type]

    office.command(act)


def test_a_rehearsal_tells_what_would_happen_and_changes_nothing() -> None:
    office = Office(BRANCHES).begin().done("apply", "left")
    before, token = office.row(), office.seat("right").token

    def act(house: House, connection: object) -> tuple[object, object]:
        case = house.engine.load(connection, office.case_id)  # type: ignore[arg-type]
        found = rehearse(house.engine, connection, case, Plan((token,), (("sign", None, None),), (), tuple(case.version.machine.arrivals(case.state))))  # type: ignore[arg-type]
        return found, case.state

    found, state = office.command(act)
    assert [node for _, node in found.cancelled] == ["right"] and [node for _, node in found.opened] == ["sign"]
    assert found.refused is None and found.verdict.proved
    assert state == before.state and office.row() == before


@pytest.mark.parametrize(("cancel", "start", "words"), [
    (["left"], (), "merge"), ([], (("left", None, None),), "left"), (["nothing"], (("left", None, None),), "已经结束"), (["left"], (("ghost", None, None),), "ghost"),
])
def test_an_unsafe_or_impossible_plan_is_refused_and_changes_nothing(cancel: list[str], start: tuple[object, ...], words: str) -> None:
    office = Office(BRANCHES).begin().done("apply")
    before = office.row()
    tokens = tuple(office.seat(node).token if node != "nothing" else "999" for node in cancel)
    with pytest.raises(Rejection, match=words):
        modify(office, Plan(tokens, start))  # type: ignore[arg-type]
    assert office.row() == before and office.history("jumped") == []
    office.finish("left", "right", "sign")


def test_a_modification_leaves_one_fact_with_its_whole_plan() -> None:
    office = Office(BRANCHES).begin().done("apply", "left")
    arrivals = tuple(office.machine().arrivals(office.row().state))
    token = office.seat("right").token
    modify(office, Plan((token,), (("sign", None, None),), (), arrivals), patch={"note": 1})
    [fact] = office.history("jumped")
    assert fact.detail["cancel"] == [token] and fact.detail["start"] == ["sign"] and fact.detail["changes"] == {"note": [None, 1]}
    assert [arrival[0] for arrival in fact.detail["discard"]] == ["left_to_merge"]
    office.finish("sign")


@settings(max_examples=150)
@given(st.integers(0, 2**32))
def test_random_returns_leave_the_marking_minus_cancelled_plus_started_plus_redeposited_and_the_case_still_ends(seed: int) -> None:
    told = Told(seed)
    for _ in range(12):
        work = told.work()
        if not work:
            return
        if told.source.random() < 0.35 and step_back(told):
            continue
        told.complete(told.source.choice(work))
        assert not doubled(told.state)
    for _ in range(400):
        if not told.work():
            break
        told.complete(told.source.choice(told.work()))
        assert not doubled(told.state)
    if not told.work():
        assert told.machine.is_ended(told.state) and not told.machine.is_deadlocked(told.state)


def step_back(told: Told) -> bool:
    """Return a random step to a random target; False when there is none."""
    token = told.source.choice(told.work())
    past = told.past()
    targets = past.human_past(token, human_in(told.graph.nodes))
    if not targets:
        return False
    try:
        plan = going_back(told.machine, told.state, past, told.source.choice(targets))
    except Conflict:
        return False
    places, arrivals = told.marking()
    inside = set(plan.cancel)
    while more := {one for one, entry in told.state["t"].items() if entry[1] in inside} - inside:
        inside |= more
    tokens = told.state["t"]
    gone = Counter((tokens[one][0], "" if tokens[one][1] == "0" else tokens[tokens[one][1]][0]) for one in inside)
    lost = Counter(
        (flow, "" if scope == "0" else tokens[scope][0]) for flow, scope, cause in told.machine.arrivals(told.state)
        if scope in inside or (flow, scope, cause) in plan.discard
    )
    [(node, scope, _)] = plan.start
    started = Counter([(node, "" if scope == "0" else tokens[scope][0])])
    back = Counter((flow, "" if place == "0" else tokens[place][0]) for flow, place, _ in plan.redeposit)
    told.undo_facts(plan)
    told.tell(told.machine.modify(told.state, told.host, cancel=plan.cancel, start=list(plan.start), redeposit=plan.redeposit, discard=plan.discard))  # type: ignore[arg-type]
    assert told.marking() == (places - gone + started, arrivals - lost + back)
    assert not doubled(told.state)
    return True
