"""Who handed a step here: causes, joins, loops, rounds, what was taken back – read from the history of stored cases."""

from __future__ import annotations

from typing import Any

import pytest

from tests.returning_walk import END, START, Office, chain, flow, fork, join, process, step
from workflows.causal_past import CausalPast, human_in

pytestmark = pytest.mark.usefixtures("database")

BRANCHES = process(
    START + step("apply") + fork("split") + step("left") + step("right") + join("merge") + step("sign") + END
    + chain("start", "apply", "split", "left", "merge", "sign", "end") + chain("split", "right", "merge")
)


def past(office: Office) -> CausalPast:
    return CausalPast(office.history(), {token: entry[2] for token, entry in office.row().state["t"].items()})


def names(found: Any) -> list[str]:
    return [done.node for done in found]


def human(office: Office) -> Any:
    return human_in(office.machine().plan.nodes)


def test_a_join_is_handed_over_by_every_branch() -> None:
    office = Office(BRANCHES).begin().done("apply", "left", "right")
    token = office.seat("sign").token
    assert set(names(past(office).handed_by(token, human(office)))) == {"left", "right"}
    assert names(past(office).human_past(token, human(office))) == ["right", "left", "apply"]


def test_a_branch_does_not_know_its_sibling() -> None:
    office = Office(BRANCHES).begin().done("apply", "left")
    assert names(past(office).human_past(office.seat("right").token, human(office))) == ["apply"]


def test_a_join_remembers_what_arrived_from_where() -> None:
    office = Office(BRANCHES).begin().done("apply", "left", "right")
    [firing] = past(office).firings.values()
    assert firing.node == "merge" and set(firing.arrivals) == {"left_to_merge", "right_to_merge"}


def test_everything_after_a_completion_descends_from_it() -> None:
    office = Office(BRANCHES).begin().done("apply", "left")
    known = past(office)
    done = next(one for one in known.completions.values() if one.node == "left")
    descending = known.descendants(done.token, done.newest)
    assert office.seat("right").token not in descending
    [(_, _, cause)] = office.machine().arrivals(office.row().state)
    assert known.follows(cause, done.token, descending)


def test_work_a_rule_did_is_nobodys() -> None:
    office = Office(process(START + step("apply") + '<bpmn:scriptTask id="count" scriptFormat="feel" camunda:resultVariable="n"><bpmn:script>1</bpmn:script></bpmn:scriptTask>'
                            + '<bpmn:task id="note"/>' + step("sign") + END + chain("start", "apply", "count", "note", "sign", "end"))).begin().done("apply")
    assert names(past(office).handed_by(office.seat("sign").token, human(office))) == ["apply"]


def test_across_rounds_the_latest_completion_stands_for_an_activity() -> None:
    office = Office(process(
        START + step("apply") + step("check") + fork("decide", "exclusive", "decide_to_end") + END
        + chain("start", "apply", "check", "decide", "end") + flow("decide", "apply", "= again")
    )).begin(again=True).done("apply").do("check", "sun").do("apply", "wang")
    found = past(office).human_past(office.seat("check").token, human(office))
    assert [(done.node, done.person) for done in found] == [("apply", office.people["wang"]), ("check", office.people["sun"])]


def test_a_decision_that_was_undone_never_was() -> None:
    office = Office(BRANCHES).begin().done("apply", "left")
    seat = office.history("activity_completed")[-1].detail["seat"]
    office.command(lambda house, connection: house.tasks.undo(connection, office.actor(house, connection, "qian"), seat))
    assert names(past(office).completions.values()) == ["apply"]
    office.finish("left", "right", "sign")


def test_a_non_interrupting_event_does_not_descend_from_the_completion_of_its_activity() -> None:
    office = Office(process(
        START + step("apply")
        + '<bpmn:boundaryEvent id="late" attachedToRef="apply" cancelActivity="false"><bpmn:timerEventDefinition><bpmn:timeDuration>PT1H</bpmn:timeDuration></bpmn:timerEventDefinition></bpmn:boundaryEvent>'
        + step("remind") + step("sign") + END + chain("start", "apply", "sign", "end") + chain("late", "remind", "end")
    )).begin().later(hours=2)
    office.done("apply")
    office.give_back("sign", "apply")
    assert office.open == ["apply", "remind"]
    office.finish("apply", "sign", "remind")


def test_several_instances_lead_to_their_activity_and_back() -> None:
    several = '<bpmn:multiInstanceLoopCharacteristics isSequential="false" camunda:collection="= people" camunda:elementVariable="who"/>'
    office = Office(process(START + step("apply") + step("each", several) + step("sign") + END + chain("start", "apply", "each", "sign", "end")))
    office.begin(people=[1, 2]).done("apply").do("each").do("each", nth=0)
    assert names(past(office).handed_by(office.seat("sign").token, human(office))) == ["each"]
    office.give_back("sign", "each")
    assert office.open == ["each", "each"]
    office.done("each", "each")
    office.finish("sign")


def test_out_of_one_of_several_instances_the_whole_activity_goes_back() -> None:
    several = '<bpmn:multiInstanceLoopCharacteristics isSequential="false" camunda:collection="= people" camunda:elementVariable="who"/>'
    office = Office(process(START + step("apply") + step("each", several) + END + chain("start", "apply", "each", "end")))
    office.begin(people=[1, 2]).done("apply").do("each")
    office.give_back("each", "apply")
    assert office.open == ["apply"]
    office.finish("apply", "each", "each")
