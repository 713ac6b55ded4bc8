"""Background jobs: written with their cause, done at least once, tried again with growing pauses, and shown when they cannot be done."""

from __future__ import annotations

import logging
import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, update

from app import House
from workflows.business_calendar import FrozenClock
from workflows.errors import Rejection
from workflows.jobs import BACK_OFF, LEASE, MAXIMUM_TRIES, Worker
from workflows.models import Incident, Job, Setting


def enqueue(house: House, argument: Any = "", **options: Any) -> None:
    with house.store.transaction() as connection:
        house.jobs.enqueue(connection, "note", argument, house.clock.now(), **options)


def jobs(house: House) -> list[Any]:
    with house.store.read() as connection:
        return list(connection.execute(select(Job.__table__)).all())


def incidents(house: House) -> list[Any]:
    with house.store.read() as connection:
        return list(connection.execute(select(Incident.__table__)).all())


def test_a_job_is_done_once_and_is_gone(house: House) -> None:
    done: list[Any] = []
    house.jobs.register("note", lambda _connection, argument: done.append(argument))
    enqueue(house, {"n": 1})
    house.work_off()
    assert done == [{"n": 1}] and jobs(house) == []


def test_a_job_of_a_rolled_back_command_never_existed(house: House) -> None:
    house.jobs.register("note", lambda _connection, _argument: pytest.fail("it ran"))
    with pytest.raises(Rejection), house.store.transaction() as connection:
        house.jobs.enqueue(connection, "note", "", house.clock.now())
        raise Rejection("不", "no")
    house.work_off()


def test_a_job_waits_for_its_time(house: House, clock: FrozenClock) -> None:
    done: list[Any] = []
    house.jobs.register("note", lambda _connection, argument: done.append(argument))
    with house.store.transaction() as connection:
        house.jobs.enqueue(connection, "note", 1, clock.now() + timedelta(minutes=5))
    house.work_off()
    assert done == []
    clock.advance(timedelta(minutes=5))
    house.work_off()
    assert done == [1]


def test_a_job_with_a_known_key_is_not_written_twice(house: House) -> None:
    house.jobs.register("note", lambda _connection, _argument: None)
    for _ in range(3):
        enqueue(house, unique_key="once")
    assert len(jobs(house)) == 1


def test_a_failed_job_leaves_nothing_and_is_tried_again_later_and_later(
    house: House, clock: FrozenClock, caplog: pytest.LogCaptureFixture
) -> None:
    tries: list[Any] = []

    def fail(connection: Connection, _argument: Any) -> None:
        connection.execute(insert(Setting).values(name="half", value="done"))
        tries.append(clock.now())
        raise Rejection("对方没有回应", "The other side does not answer")

    house.jobs.register("note", fail)
    enqueue(house, instance_id=7)
    started = clock.now()
    with caplog.at_level(logging.CRITICAL):
        for _ in range(200):
            house.work_off()
            clock.advance(timedelta(seconds=30))
    assert len(tries) == MAXIMUM_TRIES and tries[0] == started
    waits = [later - earlier for earlier, later in zip(tries, tries[1:], strict=False)]
    assert all(wait >= least for wait, least in zip(waits, BACK_OFF, strict=False))
    with house.store.read() as connection:
        assert connection.execute(select(Setting.name).where(Setting.name == "half")).first() is None
    found = incidents(house)
    assert [(one.kind, one.instance_id, one.message, one.detail["kind"]) for one in found] == [("job_failed", 7, "对方没有回应", "note")]
    assert jobs(house)[0].last_error == "对方没有回应"


def test_a_job_that_works_at_the_second_try_raises_no_incident(house: House, clock: FrozenClock, caplog: pytest.LogCaptureFixture) -> None:
    tries: list[int] = []

    def once_bad(_connection: Connection, _argument: Any) -> None:
        tries.append(1)
        if len(tries) == 1:
            raise ZeroDivisionError

    house.jobs.register("note", once_bad)
    enqueue(house)
    with caplog.at_level(logging.CRITICAL):
        house.work_off()
        assert jobs(house)[0].last_error.startswith("ZeroDivisionError")
        clock.advance(BACK_OFF[0])
        house.work_off()
    assert len(tries) == 2 and jobs(house) == [] and incidents(house) == []


def test_a_broken_job_holds_up_no_other(house: House, caplog: pytest.LogCaptureFixture) -> None:
    done: list[Any] = []

    def work(_connection: Connection, argument: Any) -> None:
        if argument == "bad":
            raise ZeroDivisionError
        done.append(argument)

    house.jobs.register("note", work)
    for argument in ("one", "bad", "two"):
        enqueue(house, argument)
    with caplog.at_level(logging.CRITICAL):
        house.work_off()
    assert sorted(done) == ["one", "two"] and len(jobs(house)) == 1


def test_a_job_whose_worker_died_is_taken_over_when_its_lease_is_over(house: House, clock: FrozenClock) -> None:
    done: list[Any] = []
    house.jobs.register("note", lambda _connection, argument: done.append(argument))
    enqueue(house, 1)
    with house.store.transaction() as connection:
        connection.execute(update(Job).values(tries=1, lease_until=clock.now() + LEASE))
    house.work_off()
    assert done == []
    clock.advance(LEASE + timedelta(seconds=1))
    house.work_off()
    assert done == [1]


def test_a_job_that_killed_its_worker_at_every_try_becomes_an_incident_and_is_left_alone(
    house: House, clock: FrozenClock, caplog: pytest.LogCaptureFixture
) -> None:
    house.jobs.register("note", lambda _connection, _argument: pytest.fail("it ran once more"))
    enqueue(house, instance_id=7)
    with house.store.transaction() as connection:
        connection.execute(update(Job).values(tries=MAXIMUM_TRIES, lease_until=clock.now() + LEASE))
    clock.advance(LEASE + timedelta(seconds=1))
    with caplog.at_level(logging.CRITICAL):
        house.work_off()
        clock.advance(timedelta(days=1))
        house.work_off()
    assert [(one.kind, one.instance_id) for one in incidents(house)] == [("job_failed", 7)]


def test_two_workers_do_a_job_once(house: House) -> None:
    done: list[Any] = []
    house.jobs.register("note", lambda _connection, argument: done.append(argument))
    for number in range(20):
        enqueue(house, number)
    assert house.jobs.run_due(limit=5) == 5
    claimed = house.jobs._claim(100, outside=False)
    assert len(claimed) == 15 and house.jobs.run_due() == 0
    for claim in claimed:
        house.jobs._run(claim)
        house.jobs._run(claim)
    assert sorted(done) == list(range(20))


def test_a_step_that_fails_does_not_stop_the_worker(caplog: pytest.LogCaptureFixture) -> None:
    rung = threading.Event()

    def broken() -> bool:
        raise ZeroDivisionError

    def works() -> bool:
        rung.set()
        return False

    worker = Worker({"broken": broken, "works": works}, pause=60)
    with caplog.at_level(logging.CRITICAL):
        worker.start()
        assert rung.wait(10)
        rung.clear()
        worker.ring()
        assert rung.wait(10)
        worker.stop()
    assert not worker.is_alive()
