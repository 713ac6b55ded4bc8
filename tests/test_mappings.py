"""Data mappings of events and calls, what caught errors say, retry cycles, and timers that stand for a date of the calendar."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from engine_walk import END, START, EngineWalk, chain, extensions, flow, process, user
from tests.test_engine_work import Archive, service
from workflows.business_calendar import SHANGHAI
from workflows.definitions import check
from workflows.engine import StartItem
from workflows.errors import CalendarMissing, DeploymentRefused
from workflows.graph import Finding
from workflows.history import SYSTEM
from workflows.machine import BpmnError

needs_database = pytest.mark.usefixtures("database")
PAID, ALARM = '<bpmn:messageEventDefinition messageRef="paid"/>', '<bpmn:signalEventDefinition signalRef="alarm"/>'
HOUR = "<bpmn:timerEventDefinition><bpmn:timeDuration>PT1H</bpmn:timeDuration></bpmn:timerEventDefinition>"


def mapping(inputs: dict[str, str] | None = None, outputs: dict[str, str] | None = None) -> str:
    """camunda:inputOutput."""
    listed = "".join(f'<camunda:inputParameter name="{name}">{text}</camunda:inputParameter>' for name, text in (inputs or {}).items())
    listed += "".join(f'<camunda:outputParameter name="{name}">{text}</camunda:outputParameter>' for name, text in (outputs or {}).items())
    return f"<camunda:inputOutput>{listed}</camunda:inputOutput>"


def element(kind: str, definition: str = "", *entries: str, identity: str = "it", more: str = "", **settings: str) -> str:
    """An event, a gateway or a task with extensions."""
    return f'<bpmn:{kind} id="{identity}" name="{identity}"{more}>{extensions(*entries, **settings)}{definition}</bpmn:{kind}>'


def around(it: str) -> bytes:
    """start → it → act → end."""
    return process(START + it + user("act") + END + chain("start", "it", "act", "end"))


def findings(content: bytes, severity: str = "error") -> list[Finding]:
    """What the check says, without the schema's warnings."""
    return [one.finding for one in check({"process.bpmn": content}) if one.severity == severity and one.finding.code != "schema"]


# events that catch


@needs_database
@pytest.mark.parametrize("definition", [PAID, ALARM, HOUR], ids=["message", "signal", "timer"])
def test_what_a_catch_event_hands_out_is_there_when_it_is_caught_and_its_inputs_are_gone(definition: str) -> None:
    mapped = mapping({"fee": "= amount * 2"}, {"total": "= fee + 1"})
    walk = EngineWalk(around(element("intermediateCatchEvent", definition, mapped, correlation="= order + fee")))
    walk.start(amount=10, order=5)
    assert walk.waits == ["it"] and "total" not in walk.variables
    if definition is PAID:
        assert walk.message("paid", "15") is None, "the key is made of the inputs"
        walk.message("paid", "25", identity="second")
    elif definition is ALARM:
        walk.command(lambda house, connection: house.engine.signals.throw(connection, "alarm", None))
        walk.work()
    else:
        walk.later(hours=2)
    assert walk.open == ["act"] and walk.variables["total"] == 21 and "fee" not in walk.variables
    assert walk.seen("fee", walk.seats()[0]) is None
    assert walk.complete("act").ended


@needs_database
def test_the_outputs_of_a_message_event_see_what_the_message_holds_and_the_next_gateway_sees_them() -> None:
    it = element("intermediateCatchEvent", PAID, mapping(None, {"enough": "= told.sum &gt; 5"}), message_variable="told", correlation="= 1")
    content = START + it + '<bpmn:exclusiveGateway id="choice" default="choice_to_end"/>' + user("act") + END + chain("start", "it", "choice")
    walk = EngineWalk(process(content + flow("choice", "act", "= enough") + flow("choice", "end") + flow("act", "end"))).start()
    walk.message("paid", "1", {"sum": 9})
    assert walk.open == ["act"] and walk.variables["enough"] is True


@needs_database
def test_the_event_of_a_gateway_that_comes_hands_out_and_the_others_do_not() -> None:
    paid = element("intermediateCatchEvent", PAID, mapping(None, {"how": "paid"}), identity="it", correlation="= 1")
    late = element("intermediateCatchEvent", HOUR, mapping(None, {"how": "late"}), identity="late")
    content = START + '<bpmn:eventBasedGateway id="first"/>' + paid + late + user("act") + END
    walk = EngineWalk(process(content + chain("start", "first", "it", "act", "end") + chain("first", "late", "act")))
    walk.start().message("paid", "1")
    assert walk.variables["how"] == "paid" and walk.complete("act").ended
    walk.start().later(hours=2)
    assert walk.variables["how"] == "late" and walk.complete("act").ended


@needs_database
def test_a_catch_event_that_is_called_off_leaves_nothing_behind() -> None:
    inside = '<bpmn:startEvent id="s"/>' + element("intermediateCatchEvent", PAID, mapping({"x": "= 1"}, {"y": "= x"}), correlation="= 1")
    inside += '<bpmn:endEvent id="e"/>' + chain("s", "it", "e")
    late = f'<bpmn:boundaryEvent id="late" attachedToRef="part">{HOUR}</bpmn:boundaryEvent>'
    walk = EngineWalk(process(START + f'<bpmn:subProcess id="part">{inside}</bpmn:subProcess>' + late + user("act") + END + chain("start", "part", "end") + chain("late", "act", "end")))
    walk.start().later(hours=2)
    assert walk.open == ["act"] and "y" not in walk.variables and walk.complete("act").ended


# events that throw


@needs_database
def test_what_is_thrown_is_made_of_the_inputs_and_of_the_values_at_that_moment() -> None:
    throw = element("intermediateThrowEvent", PAID, mapping({"fee": "= amount * 2"}, {"asked": "= fee"}), correlation="= order", payload="= {fee: fee, amount: amount}")
    later = '<bpmn:scriptTask id="more" scriptFormat="feel" camunda:resultVariable="amount"><bpmn:script>99</bpmn:script></bpmn:scriptTask>'
    end = element("endEvent", PAID, mapping({"word": "= amount"}), identity="end", payload="= word")
    walk = EngineWalk(process(START + throw + later + end + chain("start", "it", "more", "end"))).start(amount=10, order="A")
    assert [(one.correlation_key, one.payload) for one in walk.sent] == [("A", {"fee": 20, "amount": 10}), (None, 99)]
    assert walk.ended and walk.variables == {"amount": 99, "order": "A", "asked": 20}


@needs_database
def test_a_thrown_signal_carries_what_its_inputs_say() -> None:
    throw = element("intermediateThrowEvent", ALARM, mapping({"fee": "= amount * 2"}), payload="= fee")
    hear = element("intermediateCatchEvent", ALARM, identity="hear", message_variable="heard")
    content = START + '<bpmn:parallelGateway id="fork"/>' + hear + user("act") + throw + END
    walk = EngineWalk(process(content + chain("start", "fork", "hear", "act", "end") + chain("fork", "it", "end"))).start(amount=4).work()
    assert walk.variables["heard"] == 8 and walk.complete("act").ended


@needs_database
@pytest.mark.parametrize("definition", ["", '<bpmn:escalationEventDefinition escalationRef="up"/>'], ids=["none", "escalation"])
def test_an_event_that_carries_nothing_still_writes_its_outputs_inside_its_sub_process(definition: str) -> None:
    inside = '<bpmn:startEvent id="s"/>' + element("intermediateThrowEvent", definition, mapping({"x": "= own + 1"}, {"own": "= x", "seen": "= x"}))
    inside += '<bpmn:endEvent id="e"/>' + chain("s", "it", "e")
    part = f'<bpmn:subProcess id="part">{extensions(mapping({"own": "= 1"}, {"final": "= own"}))}{inside}</bpmn:subProcess>'
    walk = EngineWalk(process(START + part + user("act") + END + chain("start", "part", "act", "end"))).start()
    assert walk.variables == {"seen": 2, "final": 2} and walk.complete("act").ended


# where no mapping can stand

BESIDE = extensions(mapping({"x": "= 1"}))
REFUSED = {
    "start event": process(f'<bpmn:startEvent id="start">{BESIDE}</bpmn:startEvent>' + user("act") + END + chain("start", "act", "end")),
    "boundary event": process(START + user("act") + END + chain("start", "act", "end") + f'<bpmn:boundaryEvent id="late" attachedToRef="act">{BESIDE}{HOUR}</bpmn:boundaryEvent>' + flow("late", "end")),
    "gateway": around(element("exclusiveGateway", "", mapping({"x": "= 1"}))),
    "link": around(element("intermediateThrowEvent", '<bpmn:linkEventDefinition name="l"/>', mapping({"x": "= 1"}))),
    "end event": process(START + user("act") + element("endEvent", "", mapping(None, {"x": "= 1"}), identity="end") + chain("start", "act", "end")),
    "camunda:in of a task": around(user("it", extensions('<camunda:in source="a" target="b"/>'))),
    "signal": around(f'<bpmn:intermediateThrowEvent id="it"><bpmn:signalEventDefinition signalRef="alarm">{extensions("<camunda:in source=&apos;a&apos; target=&apos;b&apos;/>".replace("&apos;", chr(39)))}</bpmn:signalEventDefinition></bpmn:intermediateThrowEvent>'),
    "event sub-process": process(START + user("act") + END + chain("start", "act", "end") + f'<bpmn:subProcess id="late" triggeredByEvent="true">{BESIDE}<bpmn:startEvent id="s">{HOUR}</bpmn:startEvent><bpmn:endEvent id="e"/>{chain("s", "e")}</bpmn:subProcess>'),
}


@pytest.mark.parametrize("place", REFUSED)
def test_a_mapping_where_nothing_has_variables_of_its_own_is_refused_in_words(place: str) -> None:
    found = [one for one in findings(REFUSED[place]) if one.code == "mapping-place"]
    assert len(found) == 1 and "脚本任务" in found[0].advice_zh and "script task" in found[0].advice_en


def test_inputs_of_an_event_behind_a_gateway_are_refused_because_nothing_waits_there_yet() -> None:
    it = element("intermediateCatchEvent", PAID, mapping({"x": "= 1"}), correlation="= x")
    content = START + '<bpmn:eventBasedGateway id="first"/>' + it + END + chain("start", "first", "it", "end")
    assert "mapping-gateway" in {one.code for one in findings(process(content))}


# calls


def calls(*entries: str, **settings: str) -> bytes:
    """A process that calls `child`."""
    return process(START + element("callActivity", "", *entries, more=' calledElement="child"', **settings) + user("act") + END + chain("start", "it", "act", "end"))


CHILD = process(START + user("look") + END + chain("start", "look", "end"), "child")


@needs_database
def test_an_input_parameter_of_a_call_stays_with_the_call_and_camunda_in_sees_it() -> None:
    walk = EngineWalk(CHILD, calls(mapping({"limit": "= amount * 2"}), '<camunda:in source="limit" target="most"/>')).start(amount=5)
    child = walk.instances()[1]
    assert child.variables == {"most": 10}
    walk.complete("look")
    assert "limit" not in walk.variables and walk.complete("act").ended


@needs_database
def test_local_in_hands_over_the_variables_of_the_call_only() -> None:
    walk = EngineWalk(CHILD, calls(mapping({"limit": "= 7"}), '<camunda:in variables="all" local="true"/>')).start(amount=5)
    assert walk.instances()[1].variables == {"limit": 7}
    one = EngineWalk(CHILD, calls(
        mapping({"limit": "= 7"}), '<camunda:in source="amount" target="a" local="true"/>', '<camunda:in sourceExpression="= limit" target="b" local="true"/>',
        '<camunda:in source="amount" target="c"/>',
    )).start(amount=5)
    assert one.instances()[1].variables == {"a": None, "b": 7, "c": 5}


@needs_database
def test_everything_handed_in_holds_what_is_local_to_the_call_too() -> None:
    walk = EngineWalk(CHILD, calls(mapping({"limit": "= 7"}), '<camunda:in variables="all"/>')).start(amount=5)
    assert {name: walk.instances()[1].variables[name] for name in ("amount", "limit")} == {"amount": 5, "limit": 7}
    assert "process_instance" not in walk.instances()[1].variables


@needs_database
def test_local_out_is_seen_by_the_outputs_of_the_call_and_by_nothing_else() -> None:
    walk = EngineWalk(CHILD, calls(
        mapping({"bonus": "= 1"}, {"points": "= grade + bonus"}), '<camunda:out source="grade" target="grade" local="true"/>', '<camunda:out source="word" target="word"/>',
    )).start()
    walk.complete("look", grade=4, word="fine")
    assert walk.variables == {"word": "fine", "points": 5}
    assert walk.complete("act").ended


# what an error says


@needs_database
def test_a_caught_error_leaves_its_code_and_its_words_in_the_scope_that_catches_it() -> None:
    caught = '<bpmn:boundaryEvent id="failed" attachedToRef="store"><bpmn:errorEventDefinition errorRef="bad" camunda:errorCodeVariable="why.code" camunda:errorMessageVariable="why.words"/></bpmn:boundaryEvent>'
    content = service(caught + user("repair") + chain("failed", "repair", "end"))
    walk = EngineWalk(content, connectors={"archive": Archive(1, BpmnError("BAD", "the shelf is full"))}).start().work()
    assert walk.open == ["repair"] and walk.variables["why"] == {"code": "BAD", "words": "the shelf is full"}


@needs_database
def test_the_words_of_an_error_end_event_reach_the_caller_of_the_process() -> None:
    child = process(START + user("look") + '<bpmn:endEvent id="end"><bpmn:errorEventDefinition errorRef="bad"/></bpmn:endEvent>' + chain("start", "look", "end"), "child")
    child = child.replace(b'errorCode="BAD"', b'errorCode="BAD" camunda:errorMessage="not today"')
    caught = '<bpmn:boundaryEvent id="failed" attachedToRef="it"><bpmn:errorEventDefinition camunda:errorMessageVariable="words"/></bpmn:boundaryEvent>'
    content = calls().replace(b'<bpmn:userTask', f'{caught}{flow("failed", "act")}<bpmn:userTask'.encode(), 1)
    walk = EngineWalk(child, content).start().complete("look")
    assert walk.open == ["act"] and walk.variables["words"] == "not today"
    assert [one.code for one in findings(child.replace(b"not today", b"= words"))] == ["error-message"]


# what is read and what has no effect


@needs_database
def test_a_retry_cycle_gives_the_tries_and_the_pause_between_them() -> None:
    archive = Archive(failures=9)
    walk = EngineWalk(service(inner=extensions("<camunda:failedJobRetryTimeCycle>R2/PT3H</camunda:failedJobRetryTimeCycle>")), connectors={"archive": archive})
    walk.start().work()
    walk.later(hours=2)
    assert len(archive.works) == 1
    walk.later(hours=2)
    assert len(archive.works) == 2 and [one.kind for one in walk.incidents] == ["job_failed"]


@pytest.mark.parametrize(("text", "fine"), [("R3/PT10M", True), ("PT1M,PT10M", True), ("= retries", True), ("R3/soon", False), ("three", False), ("", False)])
def test_a_retry_cycle_nobody_can_read_is_refused_at_deployment(text: str, fine: bool) -> None:
    found = findings(service(inner=extensions(f"<camunda:failedJobRetryTimeCycle>{text}</camunda:failedJobRetryTimeCycle>")))
    assert [one.code for one in found] == ([] if fine else ["retry-cycle"])


@pytest.mark.parametrize(("content", "attribute"), [
    (around(element("intermediateCatchEvent", '<bpmn:conditionalEventDefinition camunda:variableEvents="create"><bpmn:condition>= x</bpmn:condition></bpmn:conditionalEventDefinition>')), "variableEvents"),
    (around(element("intermediateCatchEvent", '<bpmn:conditionalEventDefinition camunda:variableName="x"><bpmn:condition>= x</bpmn:condition></bpmn:conditionalEventDefinition>')), "variableName"),
    (around(element("intermediateThrowEvent", '<bpmn:messageEventDefinition messageRef="paid" camunda:topic="t"/>')), "topic"),
    (around(user("it", extensions("<camunda:failedJobRetryTimeCycle>R3/PT1M</camunda:failedJobRetryTimeCycle>"))), "failedJobRetryTimeCycle"),
    (around(user("it")).replace(b'candidateGroups="clerk"', b'candidateGroups="clerk" camunda:followUpDate="= now()"', 1), "followUpDate"),
    (process(START.replace("/>", ' camunda:initiator="who"/>') + user("act") + END + chain("start", "act", "end")), "initiator"),
])
def test_an_attribute_that_changes_nothing_here_is_named_with_its_element(content: bytes, attribute: str) -> None:
    found = [one for one in findings(content, "warning") if one.code == "unused-attribute"]
    assert [f"camunda:{attribute} has no effect" == one.reason_en for one in found] == [True] and found[0].element_id in ("it", "start")


# timers of the calendar

DATE = '<bpmn:timerEventDefinition><bpmn:timeDate/></bpmn:timerEventDefinition>'


def started(walk: EngineWalk, **facts: Any) -> EngineWalk:
    """A case of cycle 2026 with these facts."""
    def begin(house: Any, connection: Any) -> int:
        return int(house.engine.start_many(connection, "process", [StartItem({"cycle": "2026", **facts}, {})], SYSTEM)[0].id)

    walk.case_id = walk.command(begin)
    return walk


def dated(walk: EngineWalk, organisation: str, day: int) -> EngineWalk:
    """Write the deadline `renewal_audit` of an organisation into the calendar."""
    at = datetime(2026, 7, day, 18, tzinfo=SHANGHAI)
    walk.command(lambda house, connection: house.calendar.set_deadline(connection, organisation, "2026", "renewal_audit", at, "test", None))
    return walk


@needs_database
@pytest.mark.parametrize(("settings", "day"), [({}, 10), ({"calendar_organisation": "= case.other"}, 20), ({"calendar_organisation": "U2"}, 20)])
def test_a_timer_with_a_calendar_key_comes_at_that_deadline_of_the_cycle(settings: dict[str, str], day: int) -> None:
    walk = EngineWalk(around(element("intermediateCatchEvent", DATE, calendar_key="renewal_audit", **settings)))
    dated(dated(walk, "U1", 10), "U2", 20)
    started(walk, university="U1", other="U2")
    walk.clock.set(datetime(2026, 7, day, 17, 59, tzinfo=SHANGHAI))
    assert walk.work().open == []
    walk.later(minutes=1)
    assert walk.open == ["act"] and walk.complete("act").ended


@needs_database
def test_a_boundary_timer_may_stand_for_a_deadline_without_any_time_element() -> None:
    late = f'<bpmn:boundaryEvent id="late" attachedToRef="act">{extensions(calendar_key="renewal_audit")}<bpmn:timerEventDefinition/></bpmn:boundaryEvent>'
    walk = EngineWalk(process(START + user("act") + late + user("hurry") + END + chain("start", "act", "end") + chain("late", "hurry", "end")))
    started(dated(walk, "U1", 10), university="U1")
    walk.clock.set(datetime(2026, 7, 10, 18, 1, tzinfo=SHANGHAI))
    assert walk.work().open == ["hurry"]


@needs_database
def test_a_date_the_calendar_lacks_is_never_guessed_but_raises_the_alarm_until_somebody_enters_it() -> None:
    walk = EngineWalk(around(element("intermediateCatchEvent", DATE, calendar_key="renewal_audit")))
    with pytest.raises(CalendarMissing) as missing:
        started(walk, university="U1")
    assert "renewal_audit" in missing.value.zh and "U1" in missing.value.en and "2026" in missing.value.en
    assert walk.instances() == [] and [one.kind for one in walk.incidents] == ["calendar_missing"]
    dated(walk, "U1", 10)
    assert walk.incidents == [] and started(walk, university="U1").waits == ["it"]


@needs_database
def test_a_calendar_key_that_cannot_mean_anything_is_refused() -> None:
    both = DATE.replace("<bpmn:timeDate/>", "<bpmn:timeDate>2026-07-01</bpmn:timeDate>")
    start = START.replace("/>", f'>{extensions(calendar_key="renewal_audit")}{DATE}</bpmn:startEvent>')
    refused = {
        "calendar-key": around(element("intermediateCatchEvent", DATE, calendar_key="= case.key")),
        "calendar-and-time": around(element("intermediateCatchEvent", both, calendar_key="renewal_audit")),
        "calendar-place": around(element("intermediateCatchEvent", '<bpmn:conditionalEventDefinition><bpmn:condition>= x</bpmn:condition></bpmn:conditionalEventDefinition>', calendar_key="k")),
        "calendar-start": process(start + user("act") + END + chain("start", "act", "end")),
    }
    for code, content in refused.items():
        assert [one.code for one in findings(content)] == [code]
    with pytest.raises(DeploymentRefused):
        EngineWalk(refused["calendar-start"])
