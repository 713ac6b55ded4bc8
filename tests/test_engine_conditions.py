"""Conditional events inside instances of sub-processes: they follow data that changes outside, at every depth and at every turn."""

from __future__ import annotations

import pytest

from tests.engine_walk import END, START, EngineWalk, chain, process, user

pytestmark = pytest.mark.usefixtures("database")
LATE = (
    '<bpmn:boundaryEvent id="late" attachedToRef="check" cancelActivity="false"><bpmn:conditionalEventDefinition>'
    "<bpmn:condition>= hurry</bpmn:condition></bpmn:conditionalEventDefinition></bpmn:boundaryEvent>"
)
SEVERAL = '<bpmn:multiInstanceLoopCharacteristics isSequential="false"><bpmn:loopCardinality>{}</bpmn:loopCardinality></bpmn:multiInstanceLoopCharacteristics>'


def instances(depth: int) -> bytes:
    """A task with a conditional event beside it, inside so many multi-instance sub-processes."""
    content = START + user("check") + LATE + user("remind") + END + chain("start", "check", "end") + chain("late", "remind", "end")
    for level in range(depth):
        content = content.replace('id="start"', f'id="s{level}"').replace('"start"', f'"s{level}"').replace('id="start_to', f'id="s{level}_to').replace('"end"', f'"e{level}"')
        content = START + f'<bpmn:subProcess id="part{level}">{SEVERAL.format(1 + level)}{content}</bpmn:subProcess>' + END + chain("start", f"part{level}", "end")
    return process(content)


def hurry(walk: EngineWalk, value: bool) -> list[str]:
    """Change the data of the case; what is open then."""
    walk.command(lambda house, connection: house.engine.set_variables(connection, house.engine.load(connection, walk.case_id), {"hurry": value}, {}))
    return walk.open


@pytest.mark.parametrize("depth", [0, 1, 2, 3])
def test_a_condition_on_data_of_the_case_goes_off_at_every_turn_to_true_at_every_depth(depth: int) -> None:
    walk = EngineWalk(instances(depth)).start(hurry=False)
    places = (1, 1, 2, 6)[depth]
    assert walk.open == ["check"] * places
    assert hurry(walk, True) == ["check"] * places + ["remind"] * places
    assert hurry(walk, True) == ["check"] * places + ["remind"] * places, "it holds still: no turn"
    assert hurry(walk, False) == ["check"] * places + ["remind"] * places
    assert hurry(walk, True) == ["check"] * places + ["remind"] * places * 2
    walk.complete_all("check").complete_all("remind")
    assert walk.ended
