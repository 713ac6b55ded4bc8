"""Every construct runs right through the real engine: loaded, saved and reloaded by a new house after every step."""

from __future__ import annotations

import pytest

from engine_walk import END, START, EngineWalk, chain, extensions, flow, process, several, user
from workflows.errors import Rejection

pytestmark = pytest.mark.usefixtures("database")

SIGNING = process(START + user("sign", several() + extensions(
    output_collection="opinions", output_element="= {by: who, said: opinion, at: loopCounter}",
)) + user("after") + END + chain("start", "sign", "after", "end"))


def marked(before: str, marker: str) -> str:
    """An activity with its marker behind its extensions."""
    return before.replace("</bpmn:extensionElements>", "</bpmn:extensionElements>" + marker)


# multi-instance user tasks


def test_parallel_instances_see_their_element_and_counter() -> None:
    walk = EngineWalk(SIGNING).start(people=["a", "b", "c"])
    assert walk.open == ["sign"] * 3
    assert [walk.seen("[who, loopCounter]", seat) for seat in walk.seats()] == [["a", 0], ["b", 1], ["c", 2]]


def test_results_are_listed_in_the_order_of_the_instances() -> None:
    walk = EngineWalk(SIGNING).start(people=["a", "b", "c"])
    for nth, said in ((2, "no"), (0, "yes"), (0, "maybe")):
        walk.complete("sign", nth, opinion=said)
    assert walk.variables["opinions"] == [
        {"by": "a", "said": "yes", "at": 0}, {"by": "b", "said": "maybe", "at": 1}, {"by": "c", "said": "no", "at": 2},
    ]
    assert walk.open == ["after"] and "who" not in walk.variables
    assert walk.complete("after").ended


def test_a_sequence_keeps_the_list_it_began_with() -> None:
    walk = EngineWalk(process(START + user("sign", several(sequential=True)) + END + chain("start", "sign", "end")))
    walk.start(people=["a", "b", "c"])
    seen = []
    while not walk.ended:
        assert walk.open == ["sign"]
        seen.append(walk.seen("who", walk.seats()[0]))
        walk.complete("sign", people=["x"])
    assert seen == ["a", "b", "c"]


@pytest.mark.parametrize(("condition", "needed"), [
    ("= nrOfCompletedInstances &gt;= 2", 2), ("= nrOfCompletedInstances / nrOfInstances &gt;= 0.5", 2), ("= nrOfActiveInstances = 1", 3),
    ('= opinion = "no"', 1),
])
def test_a_completion_condition_ends_the_rest(condition: str, needed: int) -> None:
    walk = EngineWalk(process(START + user("sign", several(until=condition)) + user("after") + END + chain("start", "sign", "after", "end")))
    walk.start(people=["a", "b", "c", "d"])
    for done in range(needed):
        assert walk.open == ["sign"] * (4 - done)
        walk.complete("sign", opinion="no")
    assert walk.open == ["after"]
    assert walk.complete("after").ended


def test_a_completion_condition_sees_the_variables_of_the_instance_that_ended() -> None:
    walk = EngineWalk(process(START + user("sign", several(until='= who = "chief"')) + END + chain("start", "sign", "end")))
    walk.start(people=["a", "chief", "c"])
    assert not walk.complete("sign", 0).ended
    assert walk.complete("sign", 0).ended


def test_no_instances_leave_an_empty_list() -> None:
    walk = EngineWalk(SIGNING).start(people=[])
    assert walk.open == ["after"] and walk.variables["opinions"] == []


def test_the_number_of_instances_must_be_a_number_or_a_list() -> None:
    with pytest.raises(Rejection, match="没有得出列表或整数"):
        EngineWalk(SIGNING).start(people={"a": 1})


def test_script_instances_build_a_list() -> None:
    script = (
        '<bpmn:scriptTask id="double" scriptFormat="feel" camunda:resultVariable="twice">'
        + extensions(output_collection="doubled", output_element="= twice") + several("= numbers", "number")
        + "<bpmn:script>= number * 2</bpmn:script></bpmn:scriptTask>"
    )
    walk = EngineWalk(process(START + script + user("after") + END + chain("start", "double", "after", "end")))
    walk.start(numbers=[1, 2, 3])
    assert walk.variables["doubled"] == [2, 4, 6]
    assert walk.complete("after").ended


def test_a_boundary_timer_calls_off_open_instances_and_forgets_their_variables() -> None:
    timer = '<bpmn:boundaryEvent id="late" attachedToRef="sign"><bpmn:timerEventDefinition><bpmn:timeDuration>PT1H</bpmn:timeDuration></bpmn:timerEventDefinition></bpmn:boundaryEvent>'
    walk = EngineWalk(process(START + user("sign", several()) + timer + user("hurry") + END + chain("start", "sign", "end") + chain("late", "hurry", "end")))
    walk.start(people=["a", "b", "c"]).complete("sign").later(hours=2)
    assert walk.open == ["hurry"]
    assert walk.complete("hurry").ended


def test_three_hundred_instances_cost_what_three_cost() -> None:
    sizes = {}
    for count in (3, 300):
        walk = EngineWalk(SIGNING).start(people=[str(number) for number in range(count)])
        sizes[count] = len(walk.seats())
        statements = walk.statements(lambda walk=walk: walk.complete("sign", opinion="yes"))
        sizes[f"statements {count}"] = statements
        assert len(str(walk.row().state)) < 400
    assert sizes[300] == 300 and sizes["statements 300"] == sizes["statements 3"]


# mappings


def test_mapped_inputs_are_seen_inside_only_and_outputs_outside() -> None:
    task = user("act", extensions(
        '<camunda:inputOutput><camunda:inputParameter name="limit">= amount * 2</camunda:inputParameter>'
        '<camunda:inputParameter name="word">plain "text"</camunda:inputParameter>'
        '<camunda:outputParameter name="total">= limit + entered</camunda:outputParameter></camunda:inputOutput>'
    ))
    walk = EngineWalk(process(START + task + user("after") + END + chain("start", "act", "after", "end"))).start(amount=10)
    assert walk.seen("[limit, word]", walk.seats()[0]) == [20, 'plain "text"']
    walk.complete("act", entered=5)
    assert walk.variables["total"] == 25 and "limit" not in walk.variables and "word" not in walk.variables
    assert walk.seen("limit", walk.seats()[0]) is None


def test_what_is_written_goes_to_the_innermost_scope_that_has_the_name() -> None:
    task = user("act", extensions('<camunda:inputOutput><camunda:inputParameter name="amount">= 1</camunda:inputParameter></camunda:inputOutput>'))
    walk = EngineWalk(process(START + task + user("after") + END + chain("start", "act", "after", "end"))).start(amount=10)
    walk.complete("act", amount=99, other=7)
    assert walk.variables == {"amount": 10, "other": 7}


def test_inputs_of_a_sub_process_are_seen_by_its_conditions_and_its_outputs_by_the_next_gateway() -> None:
    inside = (
        '<bpmn:startEvent id="s"/><bpmn:exclusiveGateway id="choice" default="choice_to_low"/>' + user("high") + user("low") + '<bpmn:endEvent id="e"/>'
        + flow("s", "choice") + flow("choice", "high", "= limit &gt; 5") + flow("choice", "low") + flow("high", "e") + flow("low", "e")
    )
    outer = (
        START + '<bpmn:subProcess id="part">' + extensions(
            '<camunda:inputOutput><camunda:inputParameter name="limit">= amount + 1</camunda:inputParameter>'
            '<camunda:outputParameter name="grade">= if limit &gt; 5 then "A" else "B"</camunda:outputParameter></camunda:inputOutput>'
        ) + inside + '</bpmn:subProcess><bpmn:exclusiveGateway id="next" default="next_to_end"/>' + user("praise") + END
        + chain("start", "part", "next") + flow("next", "praise", '= grade = "A"') + flow("next", "end") + flow("praise", "end")
    )
    walk = EngineWalk(process(outer)).start(amount=10)
    assert walk.open == ["high"]
    walk.complete("high")
    assert walk.open == ["praise"] and walk.variables["grade"] == "A"
    assert walk.complete("praise").ended
    low = EngineWalk(process(outer)).start(amount=1)
    assert low.open == ["low"] and low.complete("low").ended


def test_a_looped_task_sees_its_counter() -> None:
    loop = '<bpmn:standardLoopCharacteristics loopMaximum="5"><bpmn:loopCondition>= not(good)</bpmn:loopCondition></bpmn:standardLoopCharacteristics>'
    walk = EngineWalk(process(START + user("try", loop) + END + chain("start", "try", "end"))).start(good=False)
    assert walk.seen("loopCounter", walk.seats()[0]) == 0
    walk.complete("try", good=False)
    assert walk.seen("loopCounter", walk.seats()[0]) == 1
    assert walk.complete("try", good=True).ended


# sub-processes in several instances


def body(inner: str, *, sequential: bool = False, until: str | None = None, **settings: str) -> bytes:
    """A multi-instance sub-process between start and a task `after`."""
    marker = several(sequential=sequential, until=until)
    return process(
        START + f'<bpmn:subProcess id="part">{extensions(**settings) if settings else ""}{marker}<bpmn:startEvent id="s"/>{inner}</bpmn:subProcess>'
        + user("after") + END + chain("start", "part", "after", "end")
    )


REVIEWS = user("check") + user("confirm") + '<bpmn:endEvent id="e"/>' + chain("s", "check", "confirm", "e")


def test_each_instance_of_a_sub_process_has_a_row_and_variables_of_its_own() -> None:
    walk = EngineWalk(body(REVIEWS, output_collection="grades", output_element="= {who: who, grade: grade}")).start(people=["a", "b"], base=7)
    assert walk.open == ["check", "check"] and [row.body_of for row in walk.instances()] == [None, 1, 1]
    assert [walk.seen("[who, base]", seat) for seat in walk.seats()] == [["a", 7], ["b", 7]]
    walk.complete("check", 1, grade="B").complete("confirm").complete("check", grade="A")
    assert walk.seen("grade", walk.seats("confirm")[0]) == "A" and walk.open == ["confirm"]
    walk.complete("confirm")
    assert walk.variables["grades"] == [{"who": "a", "grade": "A"}, {"who": "b", "grade": "B"}]
    assert walk.open == ["after"] and walk.complete("after").ended


def test_what_an_instance_wrote_is_seen_by_the_next_of_a_sequence() -> None:
    adding = '<bpmn:scriptTask id="add" scriptFormat="feel" camunda:resultVariable="total"><bpmn:script>= total + who</bpmn:script></bpmn:scriptTask>'
    inner = user("check") + adding + '<bpmn:endEvent id="e"/>' + chain("s", "check", "add", "e")
    walk = EngineWalk(body(inner, sequential=True)).start(people=[1, 2, 3], total=0)
    for _ in range(3):
        assert walk.open == ["check"]
        walk.complete("check")
    assert walk.open == ["after"] and walk.variables["total"] == 6
    assert walk.complete("after").ended


def test_instances_without_work_end_at_once() -> None:
    walk = EngineWalk(body('<bpmn:endEvent id="e"/>' + chain("s", "e"))).start(people=list(range(40)))
    assert walk.open == ["after"] and walk.complete("after").ended


def test_a_completion_condition_calls_off_the_other_sub_processes() -> None:
    walk = EngineWalk(body(REVIEWS, until="= good")).start(people=["a", "b", "c"], good=False)
    walk.complete("check", 2, good=True)
    assert walk.open == ["check", "check", "confirm"]
    walk.complete("confirm")
    assert walk.open == ["after"] and [row.status for row in walk.instances()] == ["active", "terminated", "terminated", "completed"]
    assert walk.complete("after").ended


def test_an_error_inside_an_instance_reaches_the_boundary_outside() -> None:
    inner = user("check") + '<bpmn:endEvent id="e"><bpmn:errorEventDefinition errorRef="bad"/></bpmn:endEvent>' + chain("s", "check", "e")
    content = body(inner).decode().replace("</bpmn:process>", (
        '<bpmn:boundaryEvent id="failed" attachedToRef="part"><bpmn:errorEventDefinition errorRef="bad" camunda:errorCodeVariable="why"/></bpmn:boundaryEvent>'
        + user("repair") + chain("failed", "repair", "end") + "</bpmn:process>"
    ))
    walk = EngineWalk(content.encode()).start(people=["a", "b"]).complete("check")
    assert walk.open == ["repair"] and walk.variables["why"] == "BAD"
    assert walk.complete("repair").ended


def test_sub_processes_in_sub_processes_see_both_elements() -> None:
    inner = (
        '<bpmn:subProcess id="deep">' + several("= who.parts", "piece") + '<bpmn:startEvent id="ds"/>' + user("check") + '<bpmn:endEvent id="de"/>'
        + chain("ds", "check", "de") + '</bpmn:subProcess><bpmn:endEvent id="e"/>' + chain("s", "deep", "e")
    )
    walk = EngineWalk(body(inner)).start(people=[{"name": "a", "parts": [1, 2]}, {"name": "b", "parts": [3]}])
    assert [walk.seen("[who.name, piece]", seat) for seat in walk.seats()] == [["a", 1], ["a", 2], ["b", 3]]
    assert {row.body_of for row in walk.instances() if row.parent_id} == {walk.case_id}
    walk.complete_all("check")
    assert walk.open == ["after"] and walk.complete("after").ended


def test_three_hundred_sub_processes_cost_what_three_cost() -> None:
    costs = {}
    for count in (3, 300):
        walk = EngineWalk(body(REVIEWS)).start(people=list(range(count)))
        walk.complete("check")
        costs[count] = walk.statements(lambda walk=walk: walk.complete("confirm"))
    assert costs[300] == costs[3]


# call activities


def called(inner: str = "", identity: str = "appraisal", **attributes: str) -> bytes:
    """A process with one task `look` to be called."""
    return process(START + user("look") + (inner or END + chain("start", "look", "end")), identity, **attributes)


def calling(inner: str = "", more: str = "", attributes: str = "", element: str = "appraisal") -> bytes:
    """A process that calls `element` and then asks for `after`."""
    return process(
        START + f'<bpmn:callActivity id="call" name="call" calledElement="{element}" {attributes}>{inner}</bpmn:callActivity>' + user("after") + END
        + chain("start", "call", "after", "end") + more
    )


BOTH_WAYS = extensions(
    '<camunda:in source="amount" target="amount"/>', '<camunda:in sourceExpression="= applicant.name" target="person"/>',
    '<camunda:out source="grade" target="grade"/>', '<camunda:out sourceExpression="= amount * 2" target="twice"/>',
    '<camunda:in businessKey="= applicant.name"/>',
)


def test_a_called_process_gets_and_gives_what_is_mapped_and_nothing_else() -> None:
    walk = EngineWalk(called(), calling(BOTH_WAYS)).start(amount=5, applicant={"name": "赵"}, secret=1)
    child = walk.instances()[1]
    assert (child.process_id, child.variables, child.business_key, child.body_of) == ("appraisal", {"amount": 5, "person": "赵"}, "赵", None)
    walk.complete("look", grade="A", secret=2)
    assert walk.open == ["after"] and (walk.variables["grade"], walk.variables["twice"], walk.variables["secret"]) == ("A", 10, 1)
    assert walk.complete("after").ended


def test_all_variables_can_be_mapped() -> None:
    everything = extensions('<camunda:in variables="all"/>', '<camunda:out variables="all"/>')
    walk = EngineWalk(called(), calling(everything)).start(amount=5).complete("look", amount=6, more=1)
    assert walk.variables["amount"] == 6 and walk.variables["more"] == 1


@pytest.mark.parametrize(("attributes", "version"), [
    ("", 3), ('camunda:calledElementBinding="latest"', 3), ('camunda:calledElementBinding="deployment"', 2),
    ('camunda:calledElementBinding="version" camunda:calledElementVersion="1"', 1),
    ('camunda:calledElementBinding="versionTag" camunda:calledElementVersionTag="two"', 2),
])
def test_the_version_called_is_the_one_bound(attributes: str, version: int) -> None:
    walk = EngineWalk(called(versionTag="one"), called(versionTag="two"), calling(attributes=attributes), called(versionTag="three")).start()
    number = {1: 1, 2: 2, 3: 4}[version]
    assert walk.instances()[1].definition_id == number


def test_a_call_of_what_is_not_deployed_is_refused_in_words() -> None:
    with pytest.raises(Rejection, match="尚未发布"):
        EngineWalk(calling()).start()


def test_a_process_may_be_named_by_an_expression() -> None:
    walk = EngineWalk(called(), calling(element="= wanted")).start(wanted="appraisal")
    assert walk.open == ["look"]


def test_processes_that_call_themselves_without_end_are_refused() -> None:
    endless = process(START + '<bpmn:callActivity id="call" calledElement="= me"/>' + END + chain("start", "call", "end"))
    with pytest.raises(Rejection):
        EngineWalk(endless).start(me="process")


def test_an_uncaught_error_of_a_called_process_reaches_the_caller() -> None:
    failing = called('<bpmn:endEvent id="e"><bpmn:errorEventDefinition errorRef="bad"/></bpmn:endEvent>' + chain("start", "look", "e"))
    caught = '<bpmn:boundaryEvent id="failed" attachedToRef="call"><bpmn:errorEventDefinition errorRef="bad"/></bpmn:boundaryEvent>' + user("repair") + chain("failed", "repair", "end")
    walk = EngineWalk(failing, calling(more=caught)).start().complete("look")
    assert walk.open == ["repair"] and walk.complete("repair").ended
    uncaught = EngineWalk(failing, calling()).start().complete("look")
    assert uncaught.ended


def test_an_escalation_of_a_called_process_reaches_the_caller() -> None:
    inner = (
        '<bpmn:intermediateThrowEvent id="cry"><bpmn:escalationEventDefinition escalationRef="up"/></bpmn:intermediateThrowEvent>' + user("go_on") + END
        + chain("start", "look", "cry", "go_on", "end")
    )
    event = ('<bpmn:boundaryEvent id="heard" attachedToRef="call" cancelActivity="{}"><bpmn:escalationEventDefinition escalationRef="up" '
             'camunda:escalationCodeVariable="code"/></bpmn:boundaryEvent>') + user("boss") + chain("heard", "boss", "end")
    beside = EngineWalk(called(inner), calling(more=event.format("false"))).start().complete("look")
    assert beside.open == ["boss", "go_on"] and beside.variables["code"] == "UP"
    assert beside.complete("boss").complete("go_on").complete("after").ended
    instead = EngineWalk(called(inner), calling(more=event.format("true"))).start().complete("look")
    assert instead.open == ["boss"] and instead.complete("boss").ended


def test_a_timer_on_the_call_calls_off_the_called_process_with_all_it_called() -> None:
    timer = ('<bpmn:boundaryEvent id="late" attachedToRef="call"><bpmn:timerEventDefinition><bpmn:timeDuration>PT1H</bpmn:timeDuration>'
             '</bpmn:timerEventDefinition></bpmn:boundaryEvent>') + user("hurry") + chain("late", "hurry", "end")
    middle = process(START + '<bpmn:callActivity id="deeper" calledElement="appraisal"/>' + END + chain("start", "deeper", "end"), "middle")
    walk = EngineWalk(called(), middle, calling(more=timer, element="middle")).start()
    assert walk.open == ["look"] and len(walk.instances()) == 3
    walk.later(hours=2)
    assert walk.open == ["hurry"] and [row.status for row in walk.instances()] == ["active", "terminated", "terminated"]
    assert walk.complete("hurry").ended


def test_three_called_processes_at_once_give_one_list() -> None:
    several_calls = extensions(
        '<camunda:in source="who" target="person"/>', output_collection="grades", output_element="= [person, grade]"
    ) + several()
    walk = EngineWalk(called(), calling(several_calls)).start(people=["a", "b", "c"])
    for nth, grade in ((1, "B"), (1, "C"), (0, "A")):
        walk.complete("look", nth, grade=grade)
    assert walk.variables["grades"] == [["a", "A"], ["b", "B"], ["c", "C"]]
    assert walk.complete("after").ended
