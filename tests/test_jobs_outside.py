"""Jobs that call the outside world: nobody waits for a slow answer, a dead worker's job is done by another, a late answer moves nothing."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select

from app import House
from engine_walk import END, START, EngineWalk, chain, extensions, process, user
from tests import databases
from workflows.connectors import Work
from workflows.history import verify
from workflows.jobs import GRACE
from workflows.models import HistoryRow, Incident, Job, Setting
from workflows.store import create_database_engine

pytestmark = pytest.mark.usefixtures("database")

PATIENCE = 60.0  # seconds after which a test gives up; none ever waits so long when all is well
ROOT = Path(__file__).resolve().parent.parent
TIMER = (
    '<bpmn:boundaryEvent id="late" attachedToRef="store"><bpmn:timerEventDefinition><bpmn:timeDuration>PT10S</bpmn:timeDuration>'
    "</bpmn:timerEventDefinition></bpmn:boundaryEvent>"
) + user("hurry") + chain("late", "hurry", "end")


def service(inner: str = "", more: str = "") -> bytes:
    """A service task done by the connector "archive", then a task."""
    setting = 'camunda:type="external" camunda:topic="archive" camunda:resultVariable="filed"'
    return process(
        START + f'<bpmn:serviceTask id="store" name="store" {setting}>{inner}</bpmn:serviceTask>' + user("after") + END + chain("start", "store", "after", "end") + more,
        "filing",
    )


def retry_cycle(text: str, **settings: str) -> str:
    return extensions(f"<camunda:failedJobRetryTimeCycle>{text}</camunda:failedJobRetryTimeCycle>", **settings)


class SlowArchive:
    """A connector that answers when told, each call for itself; a second archive is another worker's."""

    def __init__(self, answer: Any, error: Exception | None = None) -> None:
        self.answer, self.error = answer, error
        self.works: list[Work] = []
        self.asked, self.may_answer = threading.Event(), threading.Event()

    def __call__(self, work: Work) -> Any:
        self.works.append(work)
        self.asked.set()
        assert self.may_answer.wait(PATIENCE)
        if self.error is not None:
            raise self.error
        return self.answer


class Yard(EngineWalk):
    """Houses over one database on disk, each with a store of its own, as in several processes; workers in threads."""

    def __init__(self, folder: Path, *diagrams: bytes) -> None:
        super().__init__()
        self.engine.dispose()
        self.url = databases.url(folder)
        self.engine = create_database_engine(self.url)
        for diagram in diagrams:
            self.deploy(diagram)

    def worker(self, connector: Callable[[Work], Any], act: Callable[[House], Any] = lambda house: house.jobs.call_due()) -> threading.Thread:
        """A worker that runs one job with this connector, started."""
        house = self.house
        house.engine.connectors["archive"] = connector
        thread = threading.Thread(target=act, args=(house,), daemon=True)
        thread.start()
        return thread

    def begin(self, archive: SlowArchive) -> threading.Thread:
        """A worker in the middle of its call."""
        worker = self.worker(archive)
        assert archive.asked.wait(PATIENCE)
        return worker

    def end(self, archive: SlowArchive, worker: threading.Thread) -> None:
        """The outside world answers; the worker does what he then does."""
        archive.may_answer.set()
        worker.join(PATIENCE)
        assert not worker.is_alive()

    def start(self, process_id: str = "process", start_event: str | None = None, **variables: Any) -> Yard:
        self.connectors = {"archive": lambda _work: None}  # known when the job is written
        super().start(process_id, start_event, **variables)
        return self

    def facts(self, kind: str) -> list[Any]:
        """What the case's history has of one kind."""
        with self.house.store.read() as connection:
            assert list(verify(connection)) == []
        table = HistoryRow.__table__
        return self.rows(select(table).where(table.c.instance_id == self.case_id, table.c.kind == kind))

    def all_incidents(self) -> list[Any]:
        return self.rows(select(Incident.__table__).where(Incident.kind != "no_assignee"))


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Callable[..., Yard]]:
    made: list[Yard] = []

    def make(*diagrams: bytes) -> Yard:
        made.append(Yard(tmp_path / str(len(made)), *diagrams))
        return made[-1]

    yield make
    for one in made:
        one.engine.dispose()


def test_people_go_on_working_while_a_connector_waits_for_its_answer(yard: Callable[..., Yard]) -> None:
    walk = yard(service(), process(START + user("ask") + END + chain("start", "ask", "end"), "asking"))
    for _ in range(5):
        walk.start("asking")
    walk.start("filing")
    archive, order = SlowArchive({"number": "A1"}), []
    worker = walk.begin(archive)

    def decide() -> None:
        walk.complete_all("ask")
        order.append("decided")

    person = threading.Thread(target=decide, daemon=True)
    person.start()
    person.join(PATIENCE)
    assert order == ["decided"] and worker.is_alive(), "they waited for the answer"
    walk.end(archive, worker)
    assert walk.open == ["after"] and walk.variables["filed"] == {"number": "A1"} and walk.jobs == []


def test_the_other_steps_of_a_worker_do_not_wait_for_a_connector(yard: Callable[..., Yard]) -> None:
    walk = yard(service()).start("filing")
    archive, done, house = SlowArchive(1), threading.Event(), walk.house
    house.engine.connectors["archive"] = archive
    house.jobs.register("note", lambda _connection, _argument: done.set())
    worker = house.new_worker()
    worker.start()
    try:
        assert archive.asked.wait(PATIENCE)
        walk.command(lambda other, connection: other.jobs.enqueue(connection, "note", "", walk.clock.now()))
        worker.ring()
        assert done.wait(PATIENCE)
    finally:
        archive.may_answer.set()
        worker.stop()
    assert not worker.is_alive() and walk.open == ["after"]


def test_a_lease_outlives_the_call_it_covers(yard: Callable[..., Yard]) -> None:
    for setting, seconds in ((None, 60), ("300", 300), ("PT2M", 120), ("= duration(&quot;PT90S&quot;)", 90)):
        walk = yard(service(extensions(**({"time_limit": setting} if setting else {})))).start("filing")
        archive = SlowArchive(1)
        worker = walk.begin(archive)
        assert walk.jobs[0].lease_until == walk.clock.now() + timedelta(seconds=seconds) + GRACE
        walk.end(archive, worker)
        assert walk.open == ["after"]


def test_a_call_that_takes_too_long_is_given_up_and_tried_again(yard: Callable[..., Yard], caplog: pytest.LogCaptureFixture) -> None:
    walk = yard(service(retry_cycle("R3/PT10M", time_limit="0.05"))).start("filing")
    archive = SlowArchive("late")
    with caplog.at_level("CRITICAL"):
        worker = walk.worker(archive)
        worker.join(PATIENCE)
    assert not worker.is_alive() and "0.05" in walk.jobs[0].last_error and walk.open == []
    archive.may_answer.set()
    assert walk.open == [] and walk.jobs[0].tries == 1, "nobody hears the late answer"
    walk.connectors = {"archive": lambda _work: "in time"}
    assert walk.later(minutes=10).variables["filed"] == "in time" and walk.open == ["after"]


def test_a_worker_killed_during_its_call_is_followed_by_another_with_the_same_key(yard: Callable[..., Yard], tmp_path: Path) -> None:
    walk = yard(service()).start("filing")
    script = (
        "import os, sys; from datetime import datetime; from app import build_house; from workflows.business_calendar import FrozenClock; "
        "from workflows.store import create_database_engine\n"
        "house = build_house(create_database_engine(sys.argv[1]), FrozenClock(datetime.fromisoformat(sys.argv[2])), bytes.fromhex(sys.argv[3]))\n"
        "def die(work):\n    open(sys.argv[4], 'w').write(work.idempotency_key)\n    os._exit(9)\n"
        "house.engine.connectors['archive'] = die\nhouse.jobs.call_due()\n"
    )
    noted = tmp_path / "key"
    arguments = [walk.url, walk.clock.now().isoformat(), walk.keys.hex(), str(noted)]
    died = subprocess.run([sys.executable, "-c", script, *arguments], cwd=ROOT, check=False, timeout=PATIENCE)
    assert died.returncode == 9 and walk.jobs[0].tries == 1
    archive = SlowArchive("done")
    archive.may_answer.set()
    walk.connectors = {"archive": archive}
    walk.work()
    assert archive.works == [], "its lease still runs"
    walk.later(seconds=91)
    assert [work.idempotency_key for work in archive.works] == [noted.read_text()]
    assert walk.variables["filed"] == "done" and walk.open == ["after"] and walk.jobs == [] and walk.all_incidents() == []


def test_an_answer_is_dropped_when_a_second_worker_was_done_first(yard: Callable[..., Yard]) -> None:
    walk = yard(service()).start("filing")
    first, second = SlowArchive("first"), SlowArchive("second")
    slow = walk.begin(first)
    walk.clock.advance(timedelta(seconds=91))
    walk.end(second, walk.begin(second))
    assert walk.variables["filed"] == "second" and walk.open == ["after"]
    walk.end(first, slow)
    assert walk.variables["filed"] == "second" and walk.open == ["after"] and walk.jobs == [] and walk.all_incidents() == []
    assert [(fact.node_id, fact.detail["idempotency_key"]) for fact in walk.facts("result_dropped")] == [("store", first.works[0].idempotency_key)]
    assert first.works[0].idempotency_key == second.works[0].idempotency_key


def test_an_answer_is_dropped_while_a_second_worker_is_at_it(yard: Callable[..., Yard]) -> None:
    walk = yard(service()).start("filing")
    first, second = SlowArchive("first"), SlowArchive("second")
    slow = walk.begin(first)
    walk.clock.advance(timedelta(seconds=91))
    other = walk.begin(second)
    walk.end(first, slow)
    assert walk.open == [] and len(walk.jobs) == 1 and len(walk.facts("result_dropped")) == 1
    walk.end(second, other)
    assert walk.variables["filed"] == "second" and walk.open == ["after"]


@pytest.mark.parametrize("error", [None, RuntimeError("the archive is closed")])
def test_what_an_outside_system_says_about_a_task_that_was_cancelled_meanwhile_moves_nothing(
    yard: Callable[..., Yard], error: Exception | None, caplog: pytest.LogCaptureFixture
) -> None:
    walk = yard(service(retry_cycle("R1/PT1M"), TIMER)).start("filing")
    archive = SlowArchive("late", error)
    worker = walk.begin(archive)
    walk.later(seconds=11)
    assert walk.open == ["hurry"] and walk.jobs == []
    with caplog.at_level("CRITICAL"):
        walk.end(archive, worker)
    assert walk.open == ["hurry"] and walk.jobs == [] and walk.all_incidents() == [] and "filed" not in walk.variables
    assert len(walk.facts("result_dropped")) == (1 if error is None else 0)


def test_failures_are_retried_as_the_diagram_says_and_then_by_a_supervisor_always_with_the_same_key(
    yard: Callable[..., Yard], caplog: pytest.LogCaptureFixture
) -> None:
    key = {"idempotency_key": "= &quot;file-&quot; + title"}
    for cycle, waits in (("R3/PT10M", (10, 10)), ("PT1M, PT7M", (1, 7))):
        walk = yard(service(retry_cycle(cycle, **key))).start("filing", title="T1")
        archive = SlowArchive("done", RuntimeError("the archive is closed"))
        archive.may_answer.set()
        walk.connectors = {"archive": archive}
        with caplog.at_level("CRITICAL"):
            walk.work()
            walk.command(lambda house, connection, walk=walk: house.engine.set_variables(connection, house.engine.load(connection, walk.case_id), {"title": "T2"}, {}))
            for number, minutes in enumerate(waits, 1):
                assert walk.failures == [] and len(archive.works) == number
                assert len(walk.later(minutes=minutes, seconds=-1).jobs) == 1 and len(archive.works) == number, "it waits longer"
                walk.later(seconds=1)
            assert len(archive.works) == 3 and [one.kind for one in walk.failures] == ["job_failed"]
            walk.later(days=1)
        assert len(archive.works) == 3, "an incident waits for a person"
        archive.error = None
        incident = walk.failures[0].id
        walk.command(lambda house, connection, incident=incident: house.jobs.retry(connection, incident))
        walk.work()
        assert {work.idempotency_key for work in archive.works} == {"file-T1"} and walk.failures == []
        assert walk.open == ["after"] and walk.variables["filed"] == "done"


def test_a_worker_that_hung_through_all_tries_is_not_mistaken_for_the_supervisors_retry(yard: Callable[..., Yard], caplog: pytest.LogCaptureFixture) -> None:
    walk = yard(service(retry_cycle("R1/PT1M"))).start("filing")
    first, second = SlowArchive("first"), SlowArchive("second")
    slow = walk.begin(first)
    walk.clock.advance(timedelta(seconds=91))
    with caplog.at_level("CRITICAL"):
        walk.work()
    incident = walk.failures[0].id
    walk.command(lambda house, connection: house.jobs.retry(connection, incident))
    other = walk.begin(second)
    assert walk.jobs[0].tries == 1, "as it was when the first began"
    walk.end(first, slow)
    assert walk.open == [] and len(walk.facts("result_dropped")) == 1
    walk.end(second, other)
    assert walk.variables["filed"] == "second"


def test_a_job_of_this_house_that_was_called_off_while_it_ran_leaves_nothing(yard: Callable[..., Yard], caplog: pytest.LogCaptureFixture) -> None:
    walk = yard()
    house = walk.house

    def called_off(connection: Any, _argument: Any) -> None:
        connection.execute(insert(Setting).values(name="half", value="done"))
        connection.execute(Job.__table__.delete())

    house.jobs.register("note", called_off)
    walk.command(lambda other, connection: other.jobs.enqueue(connection, "note", "", walk.clock.now()))
    with caplog.at_level("CRITICAL"):
        assert house.jobs.run_due() == 1
    assert walk.rows(select(Setting.name).where(Setting.name == "half")) == [] and walk.all_incidents() == []
