"""Events, compensation, transactions and ends through the real engine on the constructs' own diagrams; undo, cascades and control."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from sqlalchemy import select

from engine_walk import DIAGRAMS, END, START, EngineWalk, chain, extensions, process, several, user
from tasks.models import CaseActor, CaseParty, SeatExclusion
from workflows.definitions import check
from workflows.errors import DeploymentRefused, Rejection
from workflows.models import LocalVariables

pytestmark = pytest.mark.usefixtures("database")


@pytest.mark.parametrize("diagram", sorted(path.stem for path in DIAGRAMS.glob("*.bpmn")))
def test_every_diagram_of_a_construct_can_be_deployed(diagram: str) -> None:
    files = {"process.bpmn": (DIAGRAMS / f"{diagram}.bpmn").read_bytes()}
    errors = [found.finding for found in check(files) if found.severity == "error" and found.finding.code != "missing_reference"]
    assert errors == []


# event-based gateways


@pytest.mark.parametrize(("event", "next_task"), [("message", "read"), ("timer", "remind"), ("signal", "read")])
def test_the_first_event_after_an_event_gateway_wins(event: str, next_task: str) -> None:
    walk = EngineWalk("event_gateway").start()
    assert walk.waits == ["answered", "said", "waited"] and walk.open == []
    if event == "message":
        walk.message("answer")
    elif event == "timer":
        walk.later(days=3)
    else:
        walk.command(lambda house, connection: house.engine.signals.throw(connection, "holiday", None))
        walk.work()
    assert walk.waits == [] and walk.open == [next_task]
    assert walk.complete(next_task).ended


def test_events_that_lost_do_nothing_later() -> None:
    walk = EngineWalk("event_gateway").start()
    walk.message("answer", identity="1")
    assert walk.later(days=9).open == ["read"]
    assert walk.message("answer", identity="2") is None and walk.open == ["read"]


# compensation and transactions


def test_compensation_undoes_completed_work_latest_first() -> None:
    walk = EngineWalk("compensation").start().complete("book").complete("pay").complete("well", failed=True)
    assert walk.open == ["refund"]
    assert walk.complete("refund").open == ["cancel_booking"]
    assert walk.complete("cancel_booking").open == ["after"]
    assert walk.complete("after").ended
    assert EngineWalk("compensation").start().complete("book").complete("pay").complete("well", failed=False).ended


def test_a_cancelled_transaction_undoes_its_work_and_leaves_by_its_boundary() -> None:
    walk = EngineWalk("transaction").start().complete("reserve").complete("pay", cancelled=True)
    assert walk.open == ["unreserve"]
    assert walk.complete("unreserve").open == ["explain"]
    assert walk.complete("explain").ended
    assert EngineWalk("transaction").start().complete("reserve").complete("pay", cancelled=False).ended


def test_an_open_handler_survives_a_reload_and_its_case_ends() -> None:
    walk = EngineWalk("compensation_sub_process").start()
    for _ in range(20):
        if walk.ended:
            break
        walk.complete(walk.open[0], failed=True, undo=True)
    assert walk.ended


# event sub-processes and ends


def test_an_interrupting_event_sub_process_replaces_what_was_open() -> None:
    walk = EngineWalk("event_sub_process_interrupting").start()
    assert walk.open == ["act"]
    walk.message("answer")
    assert walk.open == ["confirm"] and walk.waits == []
    assert walk.complete("confirm").ended


def test_a_non_interrupting_event_sub_process_runs_beside() -> None:
    walk = EngineWalk("event_sub_process_non_interrupting").start()
    before = walk.open
    wait = walk.waits
    assert len(wait) == 1
    walk.message("answer", identity="1") or walk.later(days=30)
    assert set(before) < set(walk.open)
    for _ in range(20):
        if walk.ended:
            break
        walk.complete(walk.open[0])
    assert walk.ended


def test_a_terminate_end_stops_its_own_scope_only() -> None:
    walk = EngineWalk("terminate_in_sub_process").start()
    assert walk.open == ["a", "b"]
    walk.complete("a")
    assert walk.open == ["after"] and walk.complete("after").ended


def test_a_terminate_end_calls_off_called_processes_and_jobs() -> None:
    called = process(START + user("look") + END + chain("start", "look", "end"), "appraisal")
    content = (
        START + '<bpmn:parallelGateway id="fork"/><bpmn:callActivity id="call" calledElement="appraisal"/>' + user("stop")
        + '<bpmn:serviceTask id="store" camunda:topic="log"/>' + END + '<bpmn:endEvent id="all"><bpmn:terminateEventDefinition/></bpmn:endEvent>'
        + chain("start", "fork", "call", "end") + chain("fork", "stop", "all") + chain("fork", "store", "end")
    )
    walk = EngineWalk(called, process(content)).start()
    assert walk.open == ["look", "stop"] and len(walk.jobs) == 1
    assert walk.complete("stop").ended and walk.open == [] and walk.jobs == []


# waits inside instances


def test_a_message_finds_the_instance_whose_element_is_its_key() -> None:
    receive = '<bpmn:receiveTask id="hear" messageRef="paid">' + extensions(correlation="= who", message_variable="got") + "</bpmn:receiveTask>"
    inner = f'<bpmn:startEvent id="s"/>{receive}' + user("check") + '<bpmn:endEvent id="e"/>' + chain("s", "hear", "check", "e")
    content = START + '<bpmn:subProcess id="part">' + extensions(output_collection="all", output_element="= [who, got]") + several() + inner + "</bpmn:subProcess>" + END + chain("start", "part", "end")
    walk = EngineWalk(process(content))
    walk.message("paid", "b", 2, "early")
    walk.start(people=["a", "b", "c"])
    assert walk.open == ["check"]
    walk.message("paid", "c", 3, "c")
    walk.message("paid", "a", 1, "a")
    assert walk.complete_all("check").ended and walk.variables["all"] == [["a", 1], ["b", 2], ["c", 3]]


def test_timers_of_instances_are_due_by_their_own_element() -> None:
    timer = '<bpmn:intermediateCatchEvent id="rest"><bpmn:timerEventDefinition><bpmn:timeDuration>= duration("PT" + string(who) + "H")</bpmn:timeDuration></bpmn:timerEventDefinition></bpmn:intermediateCatchEvent>'
    inner = f'<bpmn:startEvent id="s"/>{timer}' + user("check") + '<bpmn:endEvent id="e"/>' + chain("s", "rest", "check", "e")
    walk = EngineWalk(process(START + '<bpmn:subProcess id="part">' + several() + inner + "</bpmn:subProcess>" + END + chain("start", "part", "end"))).start(people=[1, 2, 3])
    assert [len(walk.open), len(walk.later(minutes=61).open), len(walk.later(hours=1).open), len(walk.later(hours=1).open)] == [0, 1, 2, 3]
    assert walk.complete_all("check").ended


# terminating, undoing, control


NESTED = (
    process(START + user("look") + END + chain("start", "look", "end"), "appraisal"),
    process(START + '<bpmn:parallelGateway id="fork"/><bpmn:callActivity id="call" calledElement="appraisal"/>' + user("beside") + END
            + chain("start", "fork", "call", "end") + chain("fork", "beside", "end")),
)


def end(walk: EngineWalk, case: int) -> None:
    """Terminate a case."""
    walk.command(lambda house, connection: house.engine.terminate(connection, house.engine.load(connection, case), {"reason": "mistake"}))


def test_terminating_a_case_ends_what_it_called() -> None:
    walk = EngineWalk(*NESTED).start()
    end(walk, walk.case_id)
    assert walk.ended and [row.status for row in walk.instances()] == ["terminated", "terminated"] and walk.open == []


def test_terminating_a_called_case_cancels_the_call_and_never_completes_it() -> None:
    walk = EngineWalk(*NESTED).start()
    end(walk, walk.instances()[1].id)
    assert walk.open == ["beside"] and [row.status for row in walk.instances()] == ["active", "terminated"]
    assert walk.complete("beside").ended


def test_terminating_the_only_thing_open_is_refused_with_what_to_do_instead() -> None:
    walk = EngineWalk(NESTED[0], process(START + '<bpmn:callActivity id="call" calledElement="appraisal"/>' + END + chain("start", "call", "end"))).start()
    with pytest.raises(Rejection, match="终止"):
        end(walk, walk.instances()[1].id)
    assert walk.open == ["look"]


def test_an_undo_puts_local_variables_back() -> None:
    content = process(START + user("sign", extensions(output_collection="all", output_element="= said") + several()) + END + chain("start", "sign", "end"))
    walk = EngineWalk(content).start(people=["a", "b"])
    seat = walk.seats()[0]
    kept: dict[str, Any] = {}

    def act(house: Any, connection: Any) -> None:
        case = house.engine.load(connection, seat.instance_id)
        kept.update(state=deepcopy(case.state), variables=dict(case.variables))
        kept.update(status=case.status, stage=case.stage, round=case.round)
        house.engine.complete(connection, case, seat.token, {"said": "yes"}, {})
        assert case.undoable
        kept.update(case.undo_facts())

    walk.command(act)
    walk.command(lambda house, connection: house.engine.restore(connection, house.engine.load(connection, seat.instance_id), kept, "undone", {}))
    assert [walk.seen("who", seat) for seat in walk.seats()] == ["a", "b"] and "said" not in walk.variables
    assert len(walk.rows(select(LocalVariables.scope))) == 2
    assert walk.complete_all("sign", said="no").variables["all"] == ["no", "no"]


def test_a_command_that_moved_a_caller_on_cannot_be_undone() -> None:
    walk = EngineWalk(NESTED[0], process(START + user("ask") + '<bpmn:callActivity id="call" calledElement="appraisal"/>' + END + chain("start", "ask", "call", "end"))).start()

    def undoable(seat: Any) -> bool:
        def act(house: Any, connection: Any) -> bool:
            case = house.engine.load(connection, seat.instance_id)
            house.engine.complete(connection, case, seat.token, {}, {})
            return bool(case.undoable)

        return bool(walk.command(act))

    assert undoable(walk.seats("ask")[0]) is True
    assert undoable(walk.seats("look")[0]) is False


def test_processes_that_call_each_other_in_a_circle_are_refused_at_deployment() -> None:
    def caller(identity: str, element: str) -> bytes:
        return process(START + f'<bpmn:callActivity id="call" calledElement="{element}"/>' + END + chain("start", "call", "end"), identity)

    walk = EngineWalk(caller("one", "two"))
    with pytest.raises(DeploymentRefused) as refused:
        walk.deploy(caller("two", "one"))
    assert [found.finding.code for found in refused.value.findings if found.severity == "error"] == ["called-cycle"]


def test_a_connector_that_does_not_exist_is_refused_at_deployment() -> None:
    content = process(START + '<bpmn:serviceTask id="act">' + extensions(connector="teleport") + "</bpmn:serviceTask>" + END + chain("start", "act", "end"))
    with pytest.raises(DeploymentRefused) as refused:
        EngineWalk(content)
    assert [found.finding.element_id for found in refused.value.findings if found.severity == "error"] == ["act"]


def test_who_acted_before_may_not_check_inside_a_sub_process_instance_and_the_other_way_round() -> None:
    def clerk(identity: str, others: str) -> str:
        return user(identity, extensions(separate_from=others))

    inner = '<bpmn:startEvent id="s"/>' + clerk("check", "apply") + '<bpmn:endEvent id="e"/>' + chain("s", "check", "e")
    content = process(START + user("apply") + '<bpmn:subProcess id="part">' + several() + inner + "</bpmn:subProcess>" + clerk("confirm", "check") + END
                      + chain("start", "apply", "part", "confirm", "end"))
    walk = EngineWalk(content).start(people=["a", "b"])
    acted(walk, "apply", 7)
    walk.complete("apply")
    assert {(row.seat_id, row.person_id) for row in walk.rows(select(SeatExclusion))} == {(seat.id, 7) for seat in walk.seats("check")}
    acted(walk, "check", 8)
    walk.complete_all("check")
    confirm = walk.seats("confirm")[0]
    assert [row.person_id for row in walk.rows(select(SeatExclusion.__table__).where(SeatExclusion.seat_id == confirm.id))] == [8]


def acted(walk: EngineWalk, node: str, person: int) -> None:
    """What completing a seat notes about its person: the act belongs to the whole case."""
    seat = walk.seats(node)[0]

    def note(house: Any, connection: Any) -> None:
        case = house.engine.load(connection, seat.instance_id)
        connection.execute(CaseActor.__table__.insert().values(instance_id=case.root, node_id=node, person_id=person))

    walk.command(note)


def test_a_condition_inside_an_instance_sees_data_change_outside() -> None:
    event = '<bpmn:intermediateCatchEvent id="until"><bpmn:conditionalEventDefinition><bpmn:condition>= level &gt; who</bpmn:condition></bpmn:conditionalEventDefinition></bpmn:intermediateCatchEvent>'
    inner = f'<bpmn:startEvent id="s"/>{event}' + user("check") + '<bpmn:endEvent id="e"/>' + chain("s", "until", "check", "e")
    content = process(START + '<bpmn:parallelGateway id="fork"/><bpmn:subProcess id="part">' + several() + inner + "</bpmn:subProcess>" + user("beside") + END
                      + chain("start", "fork", "part", "end") + chain("fork", "beside", "end"))
    walk = EngineWalk(content).start(people=[1, 5], level=0)
    assert walk.open == ["beside"]
    walk.complete("beside", level=3)
    assert walk.open == ["check"]
    walk.complete("check")
    walk.command(lambda house, connection: house.engine.set_variables(connection, house.engine.load(connection, walk.case_id), {"level": 9}, {}))
    assert walk.open == ["check"] and walk.complete("check").ended


def test_a_message_its_receiver_refuses_holds_up_no_other() -> None:
    keyed = extensions(business_key="= case.key")
    receiver = process(keyed + '<bpmn:startEvent id="on_paid"><bpmn:messageEventDefinition messageRef="paid"/></bpmn:startEvent>' + user("act") + END + chain("on_paid", "act", "end"), "receiver")
    sender = process(START + '<bpmn:intermediateThrowEvent id="tell">' + extensions(payload="= {key: key}") + '<bpmn:messageEventDefinition messageRef="paid"/></bpmn:intermediateThrowEvent>'
                     + END + chain("start", "tell", "end"), "sender")
    walk = EngineWalk(receiver, sender)
    for key in ("K1", "K1", "K2"):
        walk.start("sender", key=key)
    walk.later(minutes=1)
    assert walk.open == ["act", "act"] and [one.status for one in walk.sent] == ["sent", "failed", "sent"]
    assert [one.kind for one in walk.failures] == ["message_failed"]


def test_instances_that_change_different_entries_of_one_context_lose_nothing() -> None:
    script = '<bpmn:scriptTask id="note" scriptFormat="feel" camunda:resultVariable="{}"><bpmn:script>= mark</bpmn:script></bpmn:scriptTask>'
    gateway = '<bpmn:exclusiveGateway id="which" default="which_to_note_b"/>'
    inner = (
        '<bpmn:startEvent id="s"/>' + user("check") + gateway + script.replace('id="note"', 'id="note_a"').format("case.a")
        + script.replace('id="note"', 'id="note_b"').format("case.b") + user("confirm") + '<bpmn:endEvent id="e"/>' + chain("s", "check", "which")
        + '<bpmn:sequenceFlow id="which_to_note_a" sourceRef="which" targetRef="note_a"><bpmn:conditionExpression>= who = "a"</bpmn:conditionExpression></bpmn:sequenceFlow>'
        + chain("which", "note_b", "confirm") + chain("note_a", "confirm", "e")
    )
    walk = EngineWalk(process(START + '<bpmn:subProcess id="part">' + several() + inner + "</bpmn:subProcess>" + END + chain("start", "part", "end")))
    walk.start(people=["a", "b"], case={"a": 0, "b": 0, "c": 0})
    walk.complete("check", mark=1).complete("check", mark=2)
    walk.complete_all("confirm")
    assert walk.ended and walk.row().variables["case"] == {"a": 1, "b": 2, "c": 0}


def test_receive_tasks_in_several_instances_each_wait_for_their_own_message() -> None:
    receive = '<bpmn:receiveTask id="hear" messageRef="paid">' + extensions(correlation="= who") + several() + "</bpmn:receiveTask>"
    walk = EngineWalk(process(START + receive + user("after") + END + chain("start", "hear", "after", "end"))).start(people=["a", "b"])
    assert walk.message("paid", "z", identity="1") is None and walk.message("paid", "b", identity="2") == walk.case_id
    assert walk.waits == ["hear"] and walk.open == []
    walk.message("paid", "a", identity="3")
    assert walk.open == ["after"] and walk.complete("after").ended


def test_a_call_in_a_loop_runs_again_until_its_condition_fails() -> None:
    called = process(START + user("look") + END + chain("start", "look", "end"), "appraisal")
    loop = extensions('<camunda:out source="good" target="good"/>') + '<bpmn:standardLoopCharacteristics loopMaximum="9"><bpmn:loopCondition>= not(good)</bpmn:loopCondition></bpmn:standardLoopCharacteristics>'
    walk = EngineWalk(called, process(START + f'<bpmn:callActivity id="call" calledElement="appraisal">{loop}</bpmn:callActivity>' + END + chain("start", "call", "end"))).start(good=False)
    walk.complete("look", good=False).complete("look", good=False)
    assert walk.open == ["look"] and len(walk.instances()) == 4
    assert walk.complete("look", good=True).ended


def test_an_event_sub_process_inside_an_instance_replaces_that_instance_only() -> None:
    event = ('<bpmn:subProcess id="stop" triggeredByEvent="true"><bpmn:startEvent id="on_paid"><bpmn:extensionElements><camunda:properties><camunda:property name="correlation" value="= who"/>'
             '</camunda:properties></bpmn:extensionElements><bpmn:messageEventDefinition messageRef="paid"/></bpmn:startEvent>' + user("wind_up") + '<bpmn:endEvent id="we"/>' + chain("on_paid", "wind_up", "we") + "</bpmn:subProcess>")
    inner = '<bpmn:startEvent id="s"/>' + user("check") + '<bpmn:endEvent id="e"/>' + chain("s", "check", "e") + event
    walk = EngineWalk(process(START + '<bpmn:subProcess id="part">' + several() + inner + "</bpmn:subProcess>" + END + chain("start", "part", "end"))).start(people=["a", "b"])
    walk.message("paid", "b")
    assert walk.open == ["check", "wind_up"] and walk.seen("who", walk.seats("wind_up")[0]) == "b"
    walk.complete("check")
    assert not walk.ended and walk.complete("wind_up").ended


@pytest.mark.parametrize("binding", ["sub-process", "call"])
def test_a_second_error_after_the_first_interrupted_everything_does_nothing(binding: str) -> None:
    failing = '<bpmn:endEvent id="e"><bpmn:errorEventDefinition errorRef="bad"/></bpmn:endEvent>'
    caught = '<bpmn:boundaryEvent id="failed" attachedToRef="part"><bpmn:errorEventDefinition errorRef="bad"/></bpmn:boundaryEvent>' + user("repair") + chain("failed", "repair", "end")
    inner = '<bpmn:startEvent id="s"/>' + failing + chain("s", "e")
    part = f'<bpmn:subProcess id="part">{several()}{inner}</bpmn:subProcess>' if binding == "sub-process" else f'<bpmn:callActivity id="part" calledElement="inner">{several()}</bpmn:callActivity>'
    walk = EngineWalk(process(inner, "inner"), process(START + part + caught + END + chain("start", "part", "end"))).start(people=["a", "b", "c"])
    assert walk.open == ["repair"] and walk.complete("repair").ended


def test_a_called_case_is_seen_by_the_organisations_of_its_caller() -> None:
    parties = extensions(parties="= {university: school}")
    inner = '<bpmn:startEvent id="s"/>' + user("check") + '<bpmn:endEvent id="e"/>' + chain("s", "check", "e")
    content = process(parties + START + '<bpmn:subProcess id="part">' + several() + inner + '</bpmn:subProcess><bpmn:callActivity id="call" calledElement="appraisal"/>' + END
                      + chain("start", "part", "call", "end"))
    walk = EngineWalk(NESTED[0], content).start(people=["a"], school="U1").complete("check")
    assert walk.open == ["look"]
    seen = {(row.instance_id, row.kind, row.organisation_code) for row in walk.rows(select(CaseParty.instance_id, CaseParty.kind, CaseParty.organisation_code))}
    assert seen == {(row.id, "university", "U1") for row in walk.instances()}
