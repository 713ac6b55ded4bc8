"""Thirty seconds after a decision: what it sends waits so long, and taking it back leaves the case as it was, called cases included."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from app import House
from engine_walk import END, START, chain, extensions, process, several, user
from tasks.lifecycle import LIVE
from tasks.models import CaseActor, CaseMark, Seat, SeatOffer
from tasks.scenarios.cast import Cast
from tests.renewal_stage import TEXTS, TOO_SHORT, Stage, declaration
from workflows.business_calendar import FrozenClock
from workflows.connectors import Work
from workflows.errors import Conflict, NotFound, Rejection
from workflows.history import verify
from workflows.models import BufferedMessage, HistoryRow, Incident, Job, LocalVariables, ProcessInstance, Wait, table_of

SEAT, INSTANCE, JOB, WAIT = Seat.__table__, table_of(ProcessInstance), table_of(Job), table_of(Wait)
CLERK = "gaojingban"
JOB_FACTS = ("kind", "argument", "instance_id", "run_at", "tries", "maximum_tries", "unique_key", "last_error")
SEAT_FACTS = ("id", "node_id", "token", "status", "owner_id", "due_at", "claimed_as", "claimed_at", "outcome", "completed_by", "completed_at")
STORE = '<bpmn:serviceTask id="store" name="store" camunda:type="external" camunda:topic="archive" camunda:resultVariable="filed"/>'
CRY = '<bpmn:intermediateThrowEvent id="cry"><bpmn:signalEventDefinition signalRef="alarm"/></bpmn:intermediateThrowEvent>'
REMIND = (
    '<bpmn:boundaryEvent id="late" attachedToRef="{0}"><bpmn:timerEventDefinition><bpmn:timeDuration>{1}</bpmn:timeDuration>'
    "</bpmn:timerEventDefinition></bpmn:boundaryEvent>"
)


def task(identity: str) -> str:
    """A task of the university's clerks that is due at some time and may be decided in bulk."""
    return user(identity, extensions(bulk="true")).replace('candidateGroups="clerk"', 'candidateGroups="univ_clerk@U1401" camunda:dueDate="= now() + duration(&quot;P2D&quot;)"')


def call(process_id: str, inner: str = "") -> str:
    return f'<bpmn:callActivity id="call" calledElement="{process_id}">{inner}</bpmn:callActivity>'


FILING = process(START + task("ask") + STORE + task("after") + END + REMIND.format("ask", "PT1H") + task("hurry") + chain("start", "ask", "store", "after", "end") + chain("late", "hurry", "store"), "filing")
CRYING = process(START + task("ask") + CRY + task("after") + END + chain("start", "ask", "cry", "after", "end"), "crying")
LISTENING = process(
    START + '<bpmn:intermediateCatchEvent id="hear"><bpmn:signalEventDefinition signalRef="alarm"/></bpmn:intermediateCatchEvent>' + task("act") + END
    + chain("start", "hear", "act", "end"), "listening",
)
CALLED = process(START + task("look") + END + REMIND.format("look", "PT2H") + task("hurry") + chain("start", "look", "end") + chain("late", "hurry", "end"), "called")
BETWEEN = process(
    START + '<bpmn:parallelGateway id="split"/>' + STORE + call("called") + END + chain("start", "split", "store", "end") + chain("split", "call", "end"), "between"
)
CALLING = process(START + task("ask") + call("between", extensions('<camunda:in businessKey="= &quot;sub-&quot; + case.name"/>')) + task("after") + END + chain("start", "ask", "call", "after", "end"), "calling")
SEVERAL = process(
    START + task("ask") + f'<bpmn:subProcess id="each">{several("= [1, 2, 3]")}' + '<bpmn:startEvent id="begin"/>' + task("part") + '<bpmn:endEvent id="done"/>'
    + chain("begin", "part", "done") + "</bpmn:subProcess>" + task("after") + END + chain("start", "ask", "each", "after", "end"), "several",
)
STOPPING = process(
    START + '<bpmn:subProcess id="inside"><bpmn:startEvent id="begin"/><bpmn:parallelGateway id="split"/>' + STORE + task("decide")
    + '<bpmn:endEvent id="stored"/><bpmn:endEvent id="no"><bpmn:errorEventDefinition errorRef="bad"/></bpmn:endEvent>'
    + chain("begin", "split", "store", "stored") + chain("split", "decide", "no") + "</bpmn:subProcess>"
    + '<bpmn:boundaryEvent id="stop" attachedToRef="inside"><bpmn:errorEventDefinition errorRef="bad"/></bpmn:boundaryEvent>' + task("repair") + END
    + chain("start", "inside", "end") + chain("stop", "repair", "end"), "stopping",
)


class Archive:
    """A connector that remembers what it was asked, and fails as long as it has an error."""

    def __init__(self) -> None:
        self.works: list[Work] = []
        self.error: Exception | None = None

    def __call__(self, work: Work) -> Any:
        self.works.append(work)
        if self.error is not None:
            raise self.error
        return "A1"


class Desk:
    """One clerk at work in a house with the cast; connectors are its archive."""

    def __init__(self, house: House, cast: Cast, clock: FrozenClock) -> None:
        self.house, self.cast, self.clock, self.archive = house, cast, clock, Archive()
        house.engine.connectors["archive"] = self.archive
        self.case_id = 0

    def begin(self, *diagrams: bytes, process_id: str, **facts: Any) -> Desk:
        """Deploy and start a case."""
        with self.house.store.transaction() as connection:
            for diagram in diagrams:
                self.house.definitions.deploy(connection, {"process.bpmn": diagram}, None)
        return self.start(process_id, **facts)

    def start(self, process_id: str, **facts: Any) -> Desk:
        with self.house.store.transaction() as connection:
            self.case_id = self.house.tasks.start(connection, self.cast.actor(connection, CLERK), process_id, {"name": "某", "cycle": "2026", **facts})
        return self

    def do(self, verb: str, *arguments: Any, **options: Any) -> Any:
        """One command of the clerk."""
        with self.house.store.transaction() as connection:
            return getattr(self.house.tasks, verb)(connection, self.cast.actor(connection, CLERK), *arguments, **options)

    def rows(self, query: Any) -> list[Any]:
        with self.house.store.read() as connection:
            return list(connection.execute(query).all())

    def open(self, node: str | None = None) -> list[Any]:
        """Live seats, oldest first."""
        return [seat for seat in self.rows(select(SEAT).where(SEAT.c.status.in_(LIVE)).order_by(SEAT.c.id)) if node in (None, seat.node_id)]

    @property
    def todo(self) -> list[str]:
        return [seat.node_id for seat in self.open()]

    def complete(self, node: str) -> int:
        """Decide the newest seat of an activity; its number."""
        seat = self.open(node)[-1]
        self.do("complete", seat.id, {}, "complete")
        return int(seat.id)

    def pass_time(self, **by: float) -> None:
        self.clock.advance(timedelta(**by))
        self.house.work_off()

    def picture(self) -> Mapping[str, Any]:
        """Everything that stands of live cases: marking, data, seats, offers, waits, jobs, incidents."""
        with self.house.store.read() as connection:
            assert list(verify(connection)) == []
        cases = self.rows(select(INSTANCE).where(INSTANCE.c.status != "void").order_by(INSTANCE.c.id))
        live = [case.id for case in cases]
        return {
            "cases": [(case.id, {name: part for name, part in case.state.items() if name != "n" and part}, case.variables, case.status, case.stage, case.round) for case in cases],
            "seats": [tuple(seat._mapping[name] for name in SEAT_FACTS) for seat in self.open()],
            "offers": sorted((row.candidate, row.seat_id, row.due_at) for row in self.rows(select(SeatOffer.candidate, SeatOffer.seat_id, SeatOffer.due_at))),
            "waits": sorted((row.instance_id, row.wait_id, row.kind, str(row.due_at)) for row in self.rows(select(WAIT))),
            "jobs": [{name: job._mapping[name] for name in JOB_FACTS} for job in self.rows(select(JOB).order_by(JOB.c.id))],
            "incidents": sorted((row.kind, row.instance_id) for row in self.rows(select(Incident.kind, Incident.instance_id).where(Incident.resolved_at.is_(None)))),
            "actors": sorted(tuple(row) for row in self.rows(select(CaseActor.node_id, CaseActor.person_id).where(CaseActor.instance_id.in_(live)))),
            "marks": sorted(tuple(row) for row in self.rows(select(CaseMark.instance_id, CaseMark.kind, CaseMark.organisation_code, CaseMark.round))),
            "locals": sorted((row.instance_id, row.scope) for row in self.rows(select(LocalVariables.instance_id, LocalVariables.scope))),
        }


@pytest.fixture
def desk(house: House, cast: Cast, clock: FrozenClock) -> Desk:
    return Desk(house, cast, clock)


def refused(desk: Desk, seat: int, words: str, status: type[Rejection] = Conflict) -> None:
    """The undo is refused with these words, and nothing has changed."""
    before = desk.picture()
    with pytest.raises(status, match=words):
        desk.do("undo", seat)
    assert desk.picture() == before


# service tasks


def test_what_a_decision_sends_waits_until_it_can_no_longer_be_taken_back(desk: Desk) -> None:
    desk.begin(FILING, process_id="filing")
    desk.complete("ask")
    desk.pass_time(seconds=29)
    assert desk.archive.works == [] and desk.todo == []
    desk.pass_time(seconds=1)
    assert len(desk.archive.works) == 1 and desk.todo == ["after"]


@pytest.mark.parametrize("claimed", [True, False])
def test_an_undo_takes_the_work_back_and_leaves_everything_as_it_was(desk: Desk, claimed: bool) -> None:
    desk.begin(FILING, process_id="filing")
    if claimed:
        desk.do("claim", desk.open("ask")[0].id)
    before = desk.picture()
    desk.clock.advance(timedelta(minutes=3))
    seat = desk.complete("ask")
    assert len(desk.picture()["jobs"]) == 1
    desk.pass_time(seconds=29)
    desk.do("undo", seat)
    assert desk.picture() == before and before["jobs"] == []
    desk.pass_time(minutes=10)
    assert desk.archive.works == [] and desk.todo == ["ask"]
    desk.complete("ask")
    desk.pass_time(seconds=30)
    assert len(desk.archive.works) == 1 and desk.todo == ["after"]


def test_a_timer_restored_by_an_undo_still_fires_and_its_work_is_done_at_once(desk: Desk) -> None:
    desk.begin(FILING, process_id="filing")
    desk.do("undo", desk.complete("ask"))
    desk.pass_time(hours=1)
    assert desk.todo == ["hurry"]
    timed = process(START + '<bpmn:intermediateCatchEvent id="pause"><bpmn:timerEventDefinition><bpmn:timeDuration>PT5M</bpmn:timeDuration></bpmn:timerEventDefinition></bpmn:intermediateCatchEvent>'
                    + STORE + END + chain("start", "pause", "store", "end"), "timed")
    desk.begin(timed, process_id="timed")
    desk.pass_time(minutes=5)
    assert len(desk.archive.works) == 1, "nobody decided anything: there is nothing to wait for"


def test_an_undo_is_refused_once_the_work_was_done_or_is_being_done(desk: Desk) -> None:
    desk.begin(FILING, process_id="filing")
    seat = desk.complete("ask")
    desk.clock.advance(timedelta(seconds=30))
    claimed = desk.house.jobs._claim(1, outside=True)
    refused(desk, seat, "结果已发送")
    desk.house.jobs._run_outside(claimed[0])
    assert len(desk.archive.works) == 1 and desk.todo == ["after"]
    with pytest.raises(Conflict):
        desk.do("undo", seat)
    desk.clock.advance(timedelta(seconds=1))
    refused(desk, seat, "30 秒")


def test_a_job_written_later_is_not_taken_for_the_one_that_has_run(desk: Desk) -> None:
    desk.begin(FILING, CRYING, LISTENING, process_id="listening")
    desk.start("crying")
    seat = desk.complete("ask")
    desk.pass_time(seconds=30)
    desk.start("filing")
    desk.complete("ask")
    jobs = desk.picture()["jobs"]
    assert len(jobs) == 1
    refused(desk, seat, "结果已发送")


def test_work_that_a_decision_called_off_is_there_again_with_its_incident(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.archive.error = RuntimeError("the archive is closed")
    desk.begin(STOPPING, process_id="stopping")
    with caplog.at_level("CRITICAL"):
        for _ in range(8):
            desk.pass_time(hours=1)
    before = desk.picture()
    assert [kind for kind, _ in before["incidents"]] == ["job_failed"] and len(before["jobs"]) == 1
    seat = desk.complete("decide")
    assert desk.todo == ["repair"] and desk.picture()["jobs"] == [] and desk.picture()["incidents"] == []
    desk.do("undo", seat)
    assert desk.picture() == before
    desk.archive.error = None
    incident = desk.rows(select(Incident.id).where(Incident.resolved_at.is_(None)))[0].id
    with desk.house.store.transaction() as connection:
        desk.house.jobs.retry(connection, incident)
    desk.house.work_off()
    assert desk.picture()["incidents"] == [] and desk.picture()["jobs"] == []


# signals and messages


def test_a_signal_of_a_decision_is_heard_after_thirty_seconds_or_never(desk: Desk) -> None:
    started = process('<bpmn:startEvent id="on_alarm"><bpmn:signalEventDefinition signalRef="alarm"/></bpmn:startEvent>' + task("extinguish") + END + chain("on_alarm", "extinguish", "end"), "on_signal")
    desk.begin(CRYING, LISTENING, started, process_id="listening")
    desk.start("crying")
    before = desk.picture()
    seat = desk.complete("ask")
    desk.pass_time(seconds=29)
    assert desk.todo == ["after"]
    desk.do("undo", seat)
    assert desk.picture() == before
    desk.pass_time(minutes=1)
    assert desk.todo == ["ask"]
    seat = desk.complete("ask")
    desk.pass_time(seconds=30)
    assert sorted(desk.todo) == ["act", "after", "extinguish"]
    refused(desk, seat, "结果已发送")


def test_an_early_message_that_a_decision_took_waits_again_after_the_undo(desk: Desk) -> None:
    waiting = process(START + task("ask") + '<bpmn:receiveTask id="hear" messageRef="paid">' + extensions(correlation="= case.name", message_variable="got") + "</bpmn:receiveTask>" + task("after") + END
                      + chain("start", "ask", "hear", "after", "end"), "waiting")
    desk.begin(waiting, process_id="waiting")
    with desk.house.store.transaction() as connection:
        assert desk.house.engine.correlate(connection, "paid", "某", {"sum": 5}, "m1") is None
    desk.clock.advance(timedelta(minutes=1))
    before = desk.picture()
    seat = desk.complete("ask")
    assert desk.todo == ["after"]
    desk.do("undo", seat)
    assert desk.picture() == before and desk.rows(select(BufferedMessage.delivered_to)) == [(None,)]
    desk.complete("ask")
    assert desk.todo == ["after"] and desk.rows(select(INSTANCE.c.variables))[0].variables["got"] == {"sum": 5}


# called cases


def test_an_undo_voids_what_the_decision_called_down_to_the_last_case(desk: Desk) -> None:
    desk.begin(CALLED, BETWEEN, CALLING, process_id="calling")
    desk.do("claim", desk.open("ask")[0].id)
    before = desk.picture()
    seat = desk.complete("ask")
    assert desk.todo == ["look"] and len(desk.rows(select(INSTANCE.c.id))) == 3 and len(desk.picture()["jobs"]) == 1
    desk.pass_time(seconds=20)
    desk.do("undo", seat)
    assert desk.picture() == before
    called = desk.rows(select(INSTANCE.c.id, INSTANCE.c.business_key).where(INSTANCE.c.status == "void"))
    assert len(called) == 2 and {row.business_key for row in called} == {None}
    history = HistoryRow.__table__
    kinds = [set(desk.rows(select(history.c.kind).where(history.c.instance_id == row.id))) for row in called]
    assert all({("started",), ("voided",)} <= found for found in kinds)
    desk.pass_time(hours=3)
    assert desk.todo == ["ask"] and desk.archive.works == [], "no timer and no job of a void case is left"
    desk.complete("ask")
    desk.pass_time(seconds=30)
    desk.complete("look")
    assert desk.todo == ["after"], "it can be called again, by the same key"


@pytest.mark.parametrize(("touch", "words"), [("claim", "已有办理"), ("save_draft", "被领取"), ("complete", "后续环节|已有办理")])
def test_an_undo_is_refused_when_somebody_touched_what_it_called(desk: Desk, touch: str, words: str) -> None:
    for diagrams, first, inside in (((CALLED, BETWEEN, CALLING), "calling", "look"), ((SEVERAL,), "several", "part")):
        desk.begin(*diagrams, process_id=first)
        seat = desk.complete("ask")
        target = desk.open(inside)[0].id
        arguments: Mapping[str, tuple[Any, ...]] = {"claim": (target,), "save_draft": (target, {"x": 1}), "complete": (target, {}, "complete")}
        desk.do(touch, *arguments[touch])
        refused(desk, seat, words if touch != "claim" else "已有办理|被领取")


def test_an_undo_voids_the_instances_of_a_sub_process(desk: Desk) -> None:
    desk.begin(SEVERAL, process_id="several")
    before = desk.picture()
    seat = desk.complete("ask")
    assert desk.todo == ["part"] * 3
    desk.do("undo", seat)
    assert desk.picture() == before
    desk.complete("ask")
    for _ in range(3):
        desk.complete("part")
    assert desk.todo == ["after"]


def test_a_called_case_that_was_over_at_once_does_not_stand_in_the_way(desk: Desk) -> None:
    quick = process(START + '<bpmn:scriptTask id="count" camunda:resultVariable="counted" scriptFormat="feel"><bpmn:script>1 + 1</bpmn:script></bpmn:scriptTask>' + END + chain("start", "count", "end"), "called")
    calling = process(START + task("ask") + call("called", extensions('<camunda:out source="counted" target="counted"/>')) + task("after") + END + chain("start", "ask", "call", "after", "end"), "calling")
    desk.begin(quick, calling, process_id="calling")
    before = desk.picture()
    seat = desk.complete("ask")
    assert desk.todo == ["after"] and desk.rows(select(INSTANCE.c.variables).where(INSTANCE.c.id == desk.case_id))[0].variables["counted"] == 2
    desk.do("undo", seat)
    assert desk.picture() == before


def test_a_decision_that_moved_its_caller_on_stands(desk: Desk) -> None:
    calling = process(START + call("called") + task("after") + END + chain("start", "call", "after", "end"), "calling")
    desk.begin(CALLED, calling, process_id="calling")
    refused(desk, desk.complete("look"), "不能撤销", NotFound)


# in bulk


def test_what_a_long_bulk_decision_sends_waits_until_all_of_it_can_no_longer_be_taken_back(desk: Desk) -> None:
    both = process(
        START + task("ask") + '<bpmn:parallelGateway id="split"/>' + STORE + call("called") + END + chain("start", "ask", "split", "store", "end") + chain("split", "call", "end"), "both"
    )
    desk.begin(CALLED, both, process_id="both")
    desk.start("both")
    seats, before = desk.open("ask"), desk.picture()
    desk.house.commands._handlers["bulk_complete"].chunk = 1
    command = desk.do("bulk_complete", [(seat.id, seat.revision) for seat in seats], "complete", {})
    while desk.house.commands.run_chunk(command):
        desk.clock.advance(timedelta(seconds=20))
    desk.clock.advance(timedelta(seconds=15))
    desk.house.work_off()  # the first decision is thirty-five seconds old
    undone, left = desk.do("undo_command", command)
    assert (undone, left) == (2, [])
    after = desk.picture()
    assert after["jobs"] == before["jobs"] and desk.todo == ["ask"] * 2


def test_of_a_bulk_decision_each_item_is_taken_back_wholly_or_not_at_all(desk: Desk) -> None:
    both = process(
        START + task("ask") + '<bpmn:parallelGateway id="split"/>' + STORE + call("called") + END + chain("start", "ask", "split", "store", "end") + chain("split", "call", "end"), "both"
    )
    desk.begin(CALLED, both, process_id="both")
    cases = [desk.case_id, desk.start("both").case_id, desk.start("both").case_id]
    seats = desk.open("ask")
    before = desk.picture()
    command = desk.do("bulk_complete", [(seat.id, seat.revision) for seat in seats], "complete", {})
    desk.house.commands.run_all(command)
    done = desk.picture()
    assert desk.todo == ["look"] * 3 and len(done["jobs"]) == 3
    stubborn = desk.rows(select(INSTANCE.c.id).where(INSTANCE.c.parent_id == cases[1]))[0].id

    def object_(_connection: Any, outcomes: Any) -> None:
        if any(case.id == stubborn for case, _ in outcomes):
            raise Rejection("不放手。", "It does not let go.")

    desk.house.engine.listeners.append(object_)
    undone, left = desk.do("undo_command", command)
    assert undone == 2 and [(item["seat_id"], item["zh"]) for item in left] == [(seats[1].id, "不放手。")]
    after = desk.picture()

    def of(picture: Mapping[str, Any], *numbers: int) -> list[Any]:
        return [case for case in picture["cases"] if case[0] in numbers]

    assert of(after, cases[0], cases[2]) == of(before, cases[0], cases[2])
    assert of(after, cases[1], stubborn) == of(done, cases[1], stubborn)
    assert after["jobs"] == [job for job in done["jobs"] if job["instance_id"] == cases[1]]
    assert [seat for seat in after["seats"] if seat[0] != seats[1].id] == [seat for seat in (*before["seats"], *done["seats"]) if seat in after["seats"]]
    desk.house.engine.listeners.remove(object_)
    assert desk.do("undo_command", command) == (1, []) and desk.picture() == before


# the renewal declaration


GOOD, SHORT = declaration(TEXTS["k1"]), declaration(TEXTS["short"])
MOVES: Mapping[str, list[tuple[str, str, Mapping[str, Any]]]] = {
    "submit_declaration": [("@K1", "submit", GOOD), ("@K1", "submit", SHORT), ("@K1", "not_renewing", {})],
    "audit_declaration": [(CLERK, "approve", {}), (CLERK, "return", TOO_SHORT), (CLERK, "wrong_university", {"new_university": "U4201"})],
    "correct_declaration": [("@K1", "resubmit", declaration(TEXTS["better"])), ("@K1", "withdraw", {})],
}


class Declaration(Desk):
    """The desk of the renewal declaration audit with one student."""

    def __init__(self) -> None:
        stage = Stage("2026-06-18T09:00")
        self.stage = stage
        super().__init__(stage.house, stage.cast, stage.clock)
        stage.start(CLERK, "K1")

    def move(self, who: str, outcome: str, values: Mapping[str, Any]) -> int:
        seat = self.stage.seat("K1")
        self.stage.complete(who, "K1", outcome, values)
        return int(seat.id)

    def undo(self, who: str, seat: int) -> None:
        with self.house.store.transaction() as connection:
            self.house.tasks.undo(connection, self.cast.actor(connection, who), seat)


@given(st.lists(st.tuples(st.integers(0, 2), st.booleans(), st.integers(0, 29)), min_size=1, max_size=5))
@example([(0, True, 29), (1, False, 0), (0, True, 5), (1, False, 1), (1, True, 29)])
@settings(max_examples=8, phases=[Phase.explicit, Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_decision_and_its_undo_leave_the_declaration_as_it_was(database: str, moves: list[tuple[int, bool, int]]) -> None:
    desk = Declaration()
    try:
        for choice, claim, seconds in moves:
            seat = desk.stage.seat("K1")
            if seat.status not in LIVE or seat.node_id not in MOVES:
                break
            possible = MOVES[seat.node_id]
            if "univ_clerk@U4201" in desk.stage.offers("K1"):
                possible = [("xujingban", outcome, values) for _, outcome, values in possible[:2]]  # another university's audit now
            who, outcome, values = possible[choice % len(possible)]
            with desk.house.store.transaction() as connection:
                actor = desk.cast.actor(connection, who)
                if claim:
                    desk.house.tasks.claim(connection, actor, seat.id)
            before = desk.picture()
            decided = desk.move(who, outcome, values)
            desk.pass_time(seconds=seconds)
            desk.undo(who, decided)
            assert desk.picture() == before
            desk.move(who, outcome, values)
            desk.pass_time(minutes=1)
    finally:
        desk.stage.close()


