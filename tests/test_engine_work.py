"""Jobs, signals, messages, conditions and start events through the real engine; a new house for every step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine_walk import END, START, EngineWalk, chain, extensions, flow, process, user
from workflows.connectors import Work
from workflows.machine import BpmnError

pytestmark = pytest.mark.usefixtures("database")

# jobs


def service(more: str = "", inner: str = "", attributes: str = 'camunda:type="external" camunda:topic="archive"') -> bytes:
    """A service task, then a task."""
    return process(START + f'<bpmn:serviceTask id="store" name="store" {attributes}>{inner}</bpmn:serviceTask>' + user("after") + END
                   + chain("start", "store", "after", "end") + more)


class Archive:
    """A connector that fails as often as told and remembers what it was given."""

    def __init__(self, failures: int = 0, error: Exception | None = None) -> None:
        self.failures, self.error = failures, error or RuntimeError("the archive is closed")
        self.works: list[Work] = []

    def __call__(self, work: Work) -> Any:
        self.works.append(work)
        if len(self.works) <= self.failures:
            raise self.error
        return {"number": f"A{len(self.works)}"}


def test_a_service_task_is_done_by_a_job_after_the_command_and_keeps_its_result() -> None:
    archive = Archive()
    setting = extensions(payload="= {title: title}", idempotency_key="= &quot;doc-&quot; + title")
    walk = EngineWalk(service(inner=setting, attributes='camunda:topic="archive" camunda:resultVariable="filed"'), connectors={"archive": archive})
    walk.start(title="T1")
    assert len(walk.jobs) == 1 and archive.works == [] and walk.open == []
    walk.work()
    assert (archive.works[0].payload, archive.works[0].idempotency_key) == ({"title": "T1"}, "doc-T1")
    assert walk.variables["filed"] == {"number": "A1"} and walk.open == ["after"] and walk.jobs == []
    assert walk.complete("after").ended


def test_a_job_that_fails_is_tried_again_with_the_same_key_and_then_becomes_an_incident_that_can_be_retried() -> None:
    archive = Archive(failures=3)
    walk = EngineWalk(service(inner=extensions(retries="3")), connectors={"archive": archive}).start()
    walk.work()
    assert len(archive.works) == 1 and walk.failures == []
    walk.work()
    assert len(archive.works) == 1, "it waits before it tries again"
    walk.later(minutes=5).later(minutes=30)
    assert len(archive.works) == 3 and [one.kind for one in walk.failures] == ["job_failed"] and walk.failures[0].instance_id == walk.case_id
    walk.later(days=2)
    assert len(archive.works) == 3, "an incident waits for a person"
    incident = walk.failures[0].id
    walk.command(lambda house, connection: house.jobs.retry(connection, incident))
    walk.work()
    assert len({work.idempotency_key for work in archive.works}) == 1 and walk.open == ["after"] and walk.failures == []


def test_a_bpmn_error_of_a_connector_reaches_its_boundary_event() -> None:
    caught = '<bpmn:boundaryEvent id="failed" attachedToRef="store"><bpmn:errorEventDefinition errorRef="bad" camunda:errorCodeVariable="why"/></bpmn:boundaryEvent>' + user("repair") + chain("failed", "repair", "end")
    walk = EngineWalk(service(caught), connectors={"archive": Archive(1, BpmnError("BAD"))}).start().work()
    assert walk.open == ["repair"] and walk.variables["why"] == "BAD" and walk.jobs == []
    assert walk.complete("repair").ended


def test_work_that_is_called_off_is_not_done() -> None:
    timer = '<bpmn:boundaryEvent id="late" attachedToRef="store"><bpmn:timerEventDefinition><bpmn:timeDuration>PT1H</bpmn:timeDuration></bpmn:timerEventDefinition></bpmn:boundaryEvent>' + user("hurry") + chain("late", "hurry", "end")
    archive = Archive(failures=1)
    walk = EngineWalk(service(timer, extensions(retries="1")), connectors={"archive": archive}).start().work()
    assert len(walk.failures) == 1
    walk.later(hours=2)
    assert walk.open == ["hurry"] and walk.jobs == [] and walk.failures == [] and len(archive.works) == 1


def test_a_topic_without_connector_waits_for_an_outside_worker() -> None:
    walk = EngineWalk(service()).start().work()
    assert walk.jobs == [] and not walk.ended
    token = next(iter(walk.row().state["t"]))
    walk.command(lambda house, connection: house.engine.complete(connection, house.engine.load(connection, walk.case_id), token, {"filed": 1}, {}))
    assert walk.open == ["after"] and walk.variables["filed"] == 1


def test_service_tasks_in_several_instances_give_one_list() -> None:
    marker = '<bpmn:multiInstanceLoopCharacteristics camunda:collection="= people" camunda:elementVariable="who"/>'
    setting = extensions(payload="= who", output_collection="filed", output_element="= [who, got.number]")
    walk = EngineWalk(service(inner=setting + marker, attributes='camunda:topic="archive" camunda:resultVariable="got"'), connectors={"archive": Archive()})
    walk.start(people=["a", "b", "c"])
    assert len(walk.jobs) == 3
    assert walk.work().variables["filed"] == [["a", "A1"], ["b", "A2"], ["c", "A3"]] and walk.open == ["after"]


def test_a_send_task_sends_its_message_to_the_case_that_waits() -> None:
    receiver = process(START + '<bpmn:receiveTask id="hear" messageRef="paid">' + extensions(correlation="= account", message_variable="got") + "</bpmn:receiveTask>" + END
                       + chain("start", "hear", "end"), "receiver")
    sender = process(START + '<bpmn:sendTask id="tell" messageRef="paid">' + extensions(correlation="= account", payload="= {sum: 5}") + "</bpmn:sendTask>" + END + chain("start", "tell", "end"), "sender")
    walk = EngineWalk(receiver, sender).start("receiver", account="X1")
    waiting = walk.case_id
    walk.start("sender", account="X1").work()
    assert walk.ended and walk.row(waiting).status == "completed" and walk.row(waiting).variables["got"] == {"sum": 5}


def test_the_log_connector_writes_its_payload(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        EngineWalk(service(inner=extensions(connector="log", payload="= title"), attributes="")).start(title="noted").work()
    assert "noted" in caplog.text


# signals


LISTENER = process(START + '<bpmn:intermediateCatchEvent id="hear"><bpmn:extensionElements><camunda:properties><camunda:property name="message_variable" value="news"/>'
                   '</camunda:properties></bpmn:extensionElements><bpmn:signalEventDefinition signalRef="alarm"/></bpmn:intermediateCatchEvent>' + user("act") + END
                   + chain("start", "hear", "act", "end"), "listener")
THROWER = process(START + '<bpmn:intermediateThrowEvent id="cry">' + extensions(payload="= what") + '<bpmn:signalEventDefinition signalRef="alarm"/></bpmn:intermediateThrowEvent>' + user("rest") + END
                  + chain("start", "cry", "rest", "end"), "thrower")


def test_a_signal_reaches_every_case_that_listens_when_it_is_thrown_and_no_later_one() -> None:
    walk = EngineWalk(LISTENER, THROWER)
    for _ in range(120):
        walk.start("listener")
    walk.start("thrower", what="fire")
    assert walk.open == ["rest"] and len(walk.jobs) == 3
    walk.start("listener")
    late = walk.case_id
    walk.work()
    assert walk.open == ["act"] * 120 + ["rest"] and [row.id for row in walk.instances() if row.state["t"] and row.process_id == "listener" and not row.variables.get("news")] == [late]


def test_one_signal_reaches_all_waits_of_a_case_and_its_boundary_events() -> None:
    inner = (
        START + '<bpmn:parallelGateway id="split"/>' + user("one") + user("two") + END + chain("start", "split", "one", "end") + flow("split", "two") + flow("two", "end")
        + "".join(
            f'<bpmn:boundaryEvent id="stop_{name}" attachedToRef="{name}" cancelActivity="{cancel}"><bpmn:signalEventDefinition signalRef="alarm"/></bpmn:boundaryEvent>'
            + user(f"after_{name}") + chain(f"stop_{name}", f"after_{name}", "end")
            for name, cancel in (("one", "true"), ("two", "false"))
        )
    )
    walk = EngineWalk(process(inner)).start()
    walk.command(lambda house, connection: house.engine.signals.throw(connection, "alarm", None))
    assert walk.work().open == ["after_one", "after_two", "two"]
    walk.command(lambda house, connection: house.engine.signals.throw(connection, "alarm", None))
    assert walk.work().open == ["after_one", "after_two", "after_two", "two"]
    assert walk.complete("two").complete_all("after_two").complete("after_one").ended


def test_a_signal_starts_a_case() -> None:
    started = process('<bpmn:startEvent id="on_alarm"><bpmn:signalEventDefinition signalRef="alarm"/></bpmn:startEvent>' + user("act") + END + chain("on_alarm", "act", "end"), "on_signal")
    walk = EngineWalk(started, THROWER).start("thrower", what={"where": "hall"}).work()
    assert walk.open == ["act", "rest"] and walk.instances()[1].variables["case"] == {"where": "hall"}


# start events


def test_a_message_starts_a_case_once() -> None:
    started = process('<bpmn:startEvent id="on_paid"><bpmn:messageEventDefinition messageRef="paid"/></bpmn:startEvent>' + user("act") + END + chain("on_paid", "act", "end"))
    walk = EngineWalk(started)
    case = walk.message("paid", payload={"sum": 5}, identity="m1")
    assert walk.open == ["act"] and walk.row(case).variables["case"] == {"sum": 5}
    assert walk.message("paid", payload={"sum": 5}, identity="m1") is None and walk.open == ["act"]


def test_only_the_current_version_listens_for_its_start_events() -> None:
    def version(name: str) -> bytes:
        return process('<bpmn:startEvent id="on_paid"><bpmn:messageEventDefinition messageRef="paid"/></bpmn:startEvent>' + user(name) + END + chain("on_paid", name, "end"))

    walk = EngineWalk(version("old"), version("new"))
    walk.message("paid")
    assert walk.open == ["new"]


def timed(content: str) -> bytes:
    return process(f'<bpmn:startEvent id="at"><bpmn:timerEventDefinition>{content}</bpmn:timerEventDefinition></bpmn:startEvent>' + user("act") + END + chain("at", "act", "end"))


def test_a_timer_starts_cases_by_cycle() -> None:
    walk = EngineWalk(timed("<bpmn:timeCycle>R2/PT1H</bpmn:timeCycle>"))
    assert walk.work().open == []
    assert walk.later(minutes=61).open == ["act"]
    assert walk.later(minutes=60).open == ["act"] * 2
    assert walk.later(hours=10).open == ["act"] * 2


def test_a_timer_starts_a_case_on_a_date_once() -> None:
    walk = EngineWalk(timed("<bpmn:timeDate>2026-06-20T08:00:00+08:00</bpmn:timeDate>"))
    assert walk.later(days=1).open == [] and walk.later(days=1).open == ["act"] and walk.later(days=9).open == ["act"]
    past = EngineWalk(timed("<bpmn:timeDate>2026-06-01T08:00:00+08:00</bpmn:timeDate>"))
    assert past.later(days=9).open == []


def test_a_condition_starts_a_case() -> None:
    started = process('<bpmn:startEvent id="on_low"><bpmn:conditionalEventDefinition><bpmn:condition>= case.stock &lt; 5</bpmn:condition></bpmn:conditionalEventDefinition></bpmn:startEvent>' + user("order") + END + chain("on_low", "order", "end"))
    walk = EngineWalk(started)
    for stock in (9, 3):
        walk.command(lambda house, connection, stock=stock: house.engine.starts.by_condition(connection, {"stock": stock}))
    assert walk.open == ["order"]


# conditional events


def conditional(kind: Callable[[], str]) -> bytes:
    return process(START + user("act") + user("beside") + '<bpmn:parallelGateway id="split"/>' + END + chain("start", "split", "act", "end") + flow("split", "beside") + flow("beside", "end") + kind())


def boundary(interrupting: str) -> str:
    return (f'<bpmn:boundaryEvent id="hot" attachedToRef="act" cancelActivity="{interrupting}"><bpmn:conditionalEventDefinition><bpmn:condition>= heat &gt; 30</bpmn:condition>'
            '</bpmn:conditionalEventDefinition></bpmn:boundaryEvent>') + user("cool") + chain("hot", "cool", "end")


def test_a_conditional_boundary_event_fires_when_another_activity_changes_the_data() -> None:
    walk = EngineWalk(conditional(lambda: boundary("true"))).start(heat=20)
    assert walk.open == ["act", "beside"]
    walk.complete("beside", heat=40)
    assert walk.open == ["cool"] and walk.complete("cool").ended


def test_a_non_interrupting_condition_fires_at_every_turn_to_true() -> None:
    walk = EngineWalk(conditional(lambda: boundary("false"))).start(heat=20)

    def set_heat(heat: int) -> list[str]:
        walk.command(lambda house, connection: house.engine.set_variables(connection, house.engine.load(connection, walk.case_id), {"heat": heat}, {}))
        return walk.open

    assert set_heat(40) == ["act", "beside", "cool"]
    assert set_heat(41) == ["act", "beside", "cool"]
    assert set_heat(10) == ["act", "beside", "cool"]
    assert set_heat(50) == ["act", "beside", "cool", "cool"]


def test_a_conditional_catch_event_that_is_true_already_is_passed() -> None:
    waiting = process(START + '<bpmn:intermediateCatchEvent id="until"><bpmn:conditionalEventDefinition><bpmn:condition>= ready</bpmn:condition></bpmn:conditionalEventDefinition></bpmn:intermediateCatchEvent>'
                      + user("act") + END + chain("start", "until", "act", "end"))
    assert EngineWalk(waiting).start(ready=True).open == ["act"]
    walk = EngineWalk(waiting).start(ready=False)
    assert walk.open == [] and walk.waits == ["until"]
    walk.command(lambda house, connection: house.engine.set_variables(connection, house.engine.load(connection, walk.case_id), {"ready": True}, {}))
    assert walk.open == ["act"]
