"""The engine in its database: messages early, late and twice, timers and their cycles, the outbox, incidents, and what a refusal leaves behind."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from app import House
from tasks.models import Seat
from tests.conftest import shanghai
from workflows.business_calendar import FrozenClock
from workflows.engine import StartItem
from workflows.errors import Conflict, NotFound, Rejection
from workflows.history import SYSTEM, verify
from workflows.jobs import raise_incident
from workflows.models import BufferedMessage, HistoryRow, Incident, OutboxMessage, ProcessInstance, Wait

DIAGRAMS = Path(__file__).resolve().parent / "diagrams"
SEAT, INSTANCE, WAIT = Seat.__table__, ProcessInstance.__table__, Wait.__table__
HEAD = (
    '<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:camunda="http://camunda.org/schema/1.0/bpmn" '
    'id="definitions" targetNamespace="http://example.org/test"><bpmn:message id="message" name="answer"/>'
    '<bpmn:process id="process" name="test" isExecutable="true">'
)


def process(*elements: str) -> bytes:
    """A BPMN file of these elements."""
    return (HEAD + "".join(elements) + "</bpmn:process></bpmn:definitions>").encode()


def flows(*nodes: str) -> str:
    """Sequence flows through the nodes in a row."""
    return "".join(f'<bpmn:sequenceFlow id="{a}_to_{b}" sourceRef="{a}" targetRef="{b}"/>' for a, b in zip(nodes, nodes[1:], strict=False))


CATCH = (
    '<bpmn:intermediateCatchEvent id="answered" name="answered"><bpmn:extensionElements><camunda:properties>'
    '<camunda:property name="correlation" value="= case.key"/><camunda:property name="message_variable" value="reply"/>'
    '</camunda:properties></bpmn:extensionElements><bpmn:messageEventDefinition messageRef="message"/></bpmn:intermediateCatchEvent>'
)
THROW = (
    '<bpmn:intermediateThrowEvent id="tell" name="tell"><bpmn:extensionElements><camunda:properties>'
    '<camunda:property name="correlation" value="= case.other"/><camunda:property name="payload" value="= {from: case.key}"/>'
    '</camunda:properties></bpmn:extensionElements><bpmn:messageEventDefinition messageRef="message"/></bpmn:intermediateThrowEvent>'
)
START, END = '<bpmn:startEvent id="start" name="start"/>', '<bpmn:endEvent id="end" name="end"/>'
WORK = '<bpmn:userTask id="work" name="work" camunda:candidateGroups="clerk"/>'
ASKING = process(START, CATCH, END, flows("start", "answered", "end"))
WORKING_THEN_ASKING = process(START, WORK, CATCH, END, flows("start", "work", "answered", "end"))
TELLING = process(START, THROW, END, flows("start", "tell", "end")).replace(b'id="process"', b'id="teller"')


class Cases:
    """Starts and watches cases of small diagrams."""

    def __init__(self, house: House, clock: FrozenClock) -> None:
        self.house = house
        self.clock = clock

    def deploy(self, content: bytes) -> None:
        with self.house.store.transaction() as connection:
            self.house.definitions.deploy(connection, {"process.bpmn": content}, None)

    def diagram(self, name: str) -> None:
        self.deploy((DIAGRAMS / f"{name}.bpmn").read_bytes())

    def start(self, process_id: str = "process", **facts: Any) -> int:
        with self.house.store.transaction() as connection:
            return int(self.house.engine.start(connection, process_id, StartItem(facts), SYSTEM).id)

    def send(self, key: str, payload: Any, identity: str) -> int | None:
        with self.house.store.transaction() as connection:
            return self.house.engine.correlate(connection, "answer", key, payload, identity)

    def complete(self, case_id: int, node: str) -> None:
        with self.house.store.transaction() as connection:
            case = self.house.engine.load(connection, case_id)
            token = next(str(one[0]) for one in case.version.machine.tokens(case.state) if one[1] == node)
            self.house.engine.complete(connection, case, token, {}, {})

    def rows(self, query: Any) -> list[Any]:
        with self.house.store.read() as connection:
            return list(connection.execute(query).all())

    def case(self, case_id: int) -> Any:
        return self.rows(select(INSTANCE).where(INSTANCE.c.id == case_id))[0]

    def open(self, case_id: int) -> list[str]:
        return sorted(row.node_id for row in self.rows(select(SEAT.c.node_id).where(SEAT.c.instance_id == case_id, SEAT.c.status == "open")))

    def facts(self, case_id: int, kind: str) -> list[Any]:
        return self.rows(select(HistoryRow.__table__).where(HistoryRow.instance_id == case_id, HistoryRow.kind == kind))

    def pass_time(self, **length: int) -> None:
        self.clock.advance(timedelta(**length))
        self.house.work_off()


@pytest.fixture
def cases(house: House, clock: FrozenClock) -> Cases:
    return Cases(house, clock)


# messages


def test_a_message_reaches_the_case_that_waits_for_its_key_and_no_other(cases: Cases) -> None:
    cases.deploy(ASKING)
    one, other = cases.start(key="K1"), cases.start(key="K2")
    assert cases.send("K2", {"said": "yes"}, "m1") == other
    assert (cases.case(one).status, cases.case(other).status) == ("active", "completed")
    assert cases.case(other).variables["reply"] == {"said": "yes"}


def test_a_message_that_comes_too_early_waits_for_its_case(cases: Cases) -> None:
    cases.deploy(WORKING_THEN_ASKING)
    case = cases.start(key="K1")
    assert cases.send("K1", {"said": "early"}, "m1") is None
    assert cases.case(case).status == "active"
    cases.complete(case, "work")
    assert cases.case(case).status == "completed" and cases.case(case).variables["reply"] == {"said": "early"}
    kept = cases.rows(select(BufferedMessage.delivered_to))
    assert [row.delivered_to for row in kept] == [case]


def test_a_message_that_comes_before_its_case_is_even_started_is_not_lost(cases: Cases) -> None:
    cases.deploy(ASKING)
    assert cases.send("K1", {"said": "first"}, "m1") is None
    assert cases.case(cases.start(key="K1")).status == "completed"
    second = cases.start(key="K1")
    assert cases.case(second).status == "active", "one message is delivered once"


def test_a_message_that_comes_too_late_changes_nothing(cases: Cases) -> None:
    cases.deploy(ASKING)
    case = cases.start(key="K1")
    cases.send("K1", {"said": "yes"}, "m1")
    before = cases.case(case)
    assert cases.send("K1", {"said": "no"}, "m2") is None
    assert cases.case(case) == before


def test_the_same_message_twice_is_one_message(cases: Cases) -> None:
    cases.deploy(ASKING)
    cases.start(key="K1")
    assert cases.send("K1", {}, "m1") is not None
    waiting = cases.start(key="K1")
    assert cases.send("K1", {}, "m1") is None
    assert cases.case(waiting).status == "active"
    assert len(cases.rows(select(BufferedMessage.id))) == 1


def test_the_older_case_of_two_that_wait_for_the_same_key_gets_the_message(cases: Cases) -> None:
    cases.deploy(ASKING)
    older, newer = cases.start(key="K1"), cases.start(key="K1")
    assert cases.send("K1", {}, "m1") == older
    assert cases.send("K1", {}, "m2") == newer


# the outbox


def test_a_thrown_message_is_held_and_then_delivered_once(cases: Cases) -> None:
    cases.deploy(ASKING)
    cases.deploy(TELLING)
    asking = cases.start(key="K1")
    cases.start("teller", key="K9", other="K1")
    cases.pass_time(seconds=29)
    assert cases.case(asking).status == "active"
    assert [row.status for row in cases.rows(select(OutboxMessage.status))] == ["held"]
    cases.pass_time(seconds=1)
    assert cases.case(asking).variables["reply"] == {"from": "K9"}
    sent = cases.rows(select(OutboxMessage.status, OutboxMessage.sent_at))
    assert [(row.status, row.sent_at) for row in sent] == [("sent", cases.clock.now())]
    cases.pass_time(minutes=5)
    assert len(cases.facts(asking, "message_received")) == 1


def test_an_undo_takes_the_held_message_back_and_the_decision_can_be_given_again(house: House, clock: FrozenClock, cast: Any, renewal: Any) -> None:
    values = {
        "statement": "本学年我认真学习专业课程，遵守学校纪律，生活俭朴，团结同学，积极参加志愿服务。" * 5, "mobile": "13800000001",
        "enrolment_confirmed": True,
    }
    with house.store.transaction() as connection:
        clerk = cast.actor(connection, "gaojingban")
        case = cast.start(connection, clerk, renewal.process_id, "K1", {})
        student = cast.actor(connection, "@K1")
        seat = connection.execute(select(SEAT.c.id).where(SEAT.c.instance_id == case)).scalar_one()
        house.tasks.complete(connection, student, seat, values, "submit")
        audit = connection.execute(select(SEAT.c.id).where(SEAT.c.instance_id == case, SEAT.c.status == "open")).scalar_one()
        house.tasks.complete(connection, clerk, audit, {}, "approve")
    clock.advance(timedelta(seconds=20))
    with house.store.transaction() as connection:
        house.tasks.undo(connection, clerk, audit)
    clock.advance(timedelta(minutes=5))
    house.work_off()
    with house.store.read() as connection:
        assert set(connection.execute(select(OutboxMessage.status).where(OutboxMessage.instance_id == case)).scalars()) == {"withdrawn"}
    with house.store.transaction() as connection:
        house.tasks.complete(connection, clerk, audit, {}, "approve")
    clock.advance(timedelta(minutes=5))
    house.work_off()
    with pytest.raises((Conflict, NotFound)), house.store.transaction() as connection:
        house.tasks.undo(connection, clerk, audit)
    with house.store.read() as connection:
        statuses = list(connection.execute(select(OutboxMessage.status).where(OutboxMessage.instance_id == case)).scalars())
        assert sorted(set(statuses)) == ["sent", "withdrawn"] and list(verify(connection)) == []


# timers


def test_a_timer_fires_when_it_is_due_and_not_before(cases: Cases) -> None:
    cases.diagram("timer_catch")
    case = cases.start()
    cases.pass_time(days=2, hours=23, minutes=59)
    assert cases.case(case).status == "active"
    cases.pass_time(minutes=1)
    assert cases.case(case).status == "completed"
    assert len(cases.facts(case, "timer_fired")) == 1
    assert cases.rows(select(WAIT)) == []


def test_a_timer_on_a_date_without_a_zone_is_meant_in_shanghai(cases: Cases) -> None:
    cases.deploy((DIAGRAMS / "timer_date.bpmn").read_bytes().replace(b'=deadline("renewal_audit",case.university)', b"2026-10-01"))
    case = cases.start()
    assert cases.rows(select(WAIT.c.due_at))[0].due_at == shanghai("2026-09-30T18:00")
    cases.clock.set(shanghai("2026-09-30T18:00"))
    cases.house.work_off()
    assert cases.rows(select(WAIT.c.due_at))[0].due_at == shanghai("2026-10-01T23:59:59"), "a date means its last second"
    cases.clock.set(shanghai("2026-10-02T00:00"))
    cases.house.work_off()
    assert cases.case(case).status == "completed"


def test_a_cycle_fires_as_often_as_it_says_and_counts_from_its_own_dates(cases: Cases) -> None:
    cases.diagram("timer_boundary_cycle")
    case = cases.start()
    for day in range(1, 4):
        cases.pass_time(days=1, hours=1 if day == 1 else 0)
        assert cases.open(case) == ["act", *["remind"] * day]
    cases.pass_time(days=30)
    assert cases.open(case) == ["act", "remind", "remind", "remind"]
    assert [row.at for row in cases.facts(case, "timer_fired")] == [shanghai(f"2026-06-{day}T10:00") for day in (19, 20, 21)]


def test_a_cycle_that_was_missed_for_days_catches_up_without_losing_a_round(cases: Cases) -> None:
    cases.diagram("timer_boundary_cycle")
    case = cases.start()
    cases.pass_time(days=10)
    assert cases.open(case) == ["act", "remind", "remind", "remind"]


def test_a_timer_of_a_finished_activity_never_fires(cases: Cases) -> None:
    cases.diagram("timer_boundary")
    case = cases.start()
    cases.complete(case, "act")
    cases.pass_time(days=4)
    assert cases.case(case).status == "completed" and cases.facts(case, "timer_fired") == []


def test_a_timer_fired_twice_by_two_workers_moves_its_token_once(cases: Cases) -> None:
    cases.diagram("timer_boundary")
    case = cases.start()
    cases.clock.advance(timedelta(days=3))
    with cases.house.store.read() as connection:
        due = cases.house.engine.due_timers(connection)
    for _ in range(2):
        for instance_id, wait_id in due:
            with cases.house.store.transaction() as connection:
                cases.house.engine.fire_timer(connection, instance_id, wait_id)
    assert cases.open(case) == ["hurry"] and len(cases.facts(case, "timer_fired")) == 1


def test_the_timer_of_a_suspended_case_waits_until_it_is_resumed(cases: Cases) -> None:
    cases.diagram("timer_catch")
    case = cases.start()
    for status, expected in (("suspended", "suspended"), ("active", "completed")):
        with cases.house.store.transaction() as connection:
            connection.execute(update(ProcessInstance).where(ProcessInstance.id == case).values(status=status))
        cases.pass_time(days=4)
        assert cases.case(case).status == expected


def test_of_a_timer_and_a_message_only_the_first_counts(cases: Cases) -> None:
    first = '<bpmn:eventBasedGateway id="first" name="first"/>'
    timer = (
        '<bpmn:intermediateCatchEvent id="waited" name="waited"><bpmn:timerEventDefinition><bpmn:timeDuration>P3D</bpmn:timeDuration>'
        "</bpmn:timerEventDefinition></bpmn:intermediateCatchEvent>"
    )
    paths = flows("start", "first", "answered", "end") + flows("first", "waited", "work", "end")
    cases.deploy(process(START, first, CATCH, timer, WORK, END, paths))
    answered, late = cases.start(key="K1"), cases.start(key="K2")
    cases.send("K1", {}, "m1")
    cases.pass_time(days=3)
    assert (cases.case(answered).status, cases.open(late)) == ("completed", ["work"])
    assert cases.send("K2", {}, "m2") is None, "the message of the lost path finds nobody"
    assert cases.rows(select(WAIT)) == []


# incidents and refusals


def test_a_timer_that_gives_no_date_is_refused_before_anything_is_kept(cases: Cases) -> None:
    cases.deploy((DIAGRAMS / "timer_catch.bpmn").read_bytes().replace(b"P3D", b"=case.when"))
    with pytest.raises(Rejection, match="没有得出日期"):
        cases.start()
    assert cases.rows(select(INSTANCE.c.id)) == []
    assert cases.case(cases.start(when="P1D")).status == "active"


def test_a_case_whose_timer_cannot_go_on_becomes_an_incident_and_holds_up_no_other(cases: Cases) -> None:
    pause = (
        '<bpmn:intermediateCatchEvent id="{0}" name="{0}"><bpmn:timerEventDefinition><bpmn:timeDuration>{1}</bpmn:timeDuration>'
        "</bpmn:timerEventDefinition></bpmn:intermediateCatchEvent>"
    )
    cases.deploy(process(START, pause.format("one", "P1D"), pause.format("two", "=case.next"), END, flows("start", "one", "two", "end")))
    stuck, fine = cases.start(), cases.start(next="P1D")
    cases.pass_time(days=1)
    assert cases.rows(select(WAIT.c.node_id).where(WAIT.c.instance_id == stuck))[0].node_id == "one"
    found = cases.rows(select(Incident.kind, Incident.instance_id, Incident.message))
    assert [(row.kind, row.instance_id) for row in found] == [("timer_failed", stuck)] and "没有得出日期" in found[0].message
    cases.pass_time(days=1)
    assert cases.case(fine).status == "completed" and len(cases.rows(select(Incident.id))) == 1


def test_a_deadlock_is_an_incident_that_names_the_case(cases: Cases) -> None:
    cases.diagram("deadlock")
    case = cases.start()
    cases.complete(case, "b")
    found = cases.rows(select(Incident.kind, Incident.instance_id).where(Incident.kind != "no_assignee"))  # nobody lives here
    assert [(row.kind, row.instance_id) for row in found] == [("deadlock", case)]


def test_work_that_nobody_may_do_is_an_incident(cases: Cases) -> None:
    cases.deploy(process(START, WORK.replace('"clerk"', '"= case.who"'), END, flows("start", "work", "end")))
    case = cases.start(who=None)
    assert [(row.kind, row.instance_id) for row in cases.rows(select(Incident.kind, Incident.instance_id))] == [("no_assignee", case)]


def test_an_incident_is_raised_once_while_it_is_open(house: House) -> None:
    for _ in range(3):
        with house.store.transaction() as connection:
            raise_incident(connection, house.clock.now(), "odd", "怪事", unique_key="odd:1")
    with house.store.transaction() as connection:
        assert len(connection.execute(select(Incident.id)).all()) == 1
        connection.execute(update(Incident).values(resolved_at=house.clock.now()))
        raise_incident(connection, house.clock.now(), "odd", "又来", unique_key="odd:1")
        assert len(connection.execute(select(Incident.id)).all()) == 2


def test_two_commands_that_loaded_the_same_case_cannot_both_save_it(cases: Cases) -> None:
    cases.diagram("user_task")
    case_id = cases.start()
    with pytest.raises(Conflict), cases.house.store.transaction() as connection:
        first, second = cases.house.engine.load(connection, case_id), cases.house.engine.load(connection, case_id)
        first.set({"who": "first"})
        cases.house.engine.save(connection, [first])
        second.set({"who": "second"})
        cases.house.engine.save(connection, [second])
    assert "who" not in cases.case(case_id).variables


def test_a_case_or_a_process_that_does_not_exist_is_not_found(cases: Cases) -> None:
    with pytest.raises(NotFound), cases.house.store.transaction() as connection:
        cases.house.engine.load(connection, 4711)
    with pytest.raises(NotFound, match="尚未部署"):
        cases.start("nowhere")


def test_a_business_key_names_one_case_only(cases: Cases) -> None:
    key = '<bpmn:extensionElements><camunda:properties><camunda:property name="business_key" value="= case.key"/></camunda:properties></bpmn:extensionElements>'
    cases.deploy(process(key, START, WORK, END, flows("start", "work", "end")))
    cases.start(key="2026:1")
    with pytest.raises(IntegrityError):
        cases.start(key="2026:1")
    assert len(cases.rows(select(INSTANCE.c.id))) == 1
