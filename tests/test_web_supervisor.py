"""The supervisor's pages over HTTP: figures open their lists, an incident's job is retried, strangers are refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import insert, select

from tests.web_office import Office
from workflows.business_calendar import FrozenClock
from workflows.models import Incident, Job


@pytest.fixture
def office(tmp_path: Path, clock: FrozenClock, database: str) -> Iterator[Office]:
    built = Office(tmp_path, clock)
    yield built
    built.close()


@pytest.fixture
def supervisor(office: Office) -> FlaskClient:
    """A province's clerk over 甲单位, signed in."""
    with office.house.store.transaction() as connection:
        person = office._person(connection, "吴督办", "wududu", ("province_clerk", 1))
    return office.browser(person)


def broken_job(office: Office) -> tuple[int, int]:
    """A job that was given up, and its incident."""
    now = office.house.clock.now()
    with office.house.store.transaction() as connection:
        job = connection.execute(
            insert(Job).values(kind="anything", argument={}, run_at=now, tries=6, maximum_tries=6).returning(Job.id)
        ).scalar_one()
        incident = connection.execute(
            insert(Incident).values(kind="job_failed", message="连接失败", detail={"job": job}, created_at=now).returning(Incident.id)
        ).scalar_one()
    return int(job), int(incident)


def test_the_job_behind_an_incident_is_tried_again(office: Office, supervisor: FlaskClient) -> None:
    job, incident = broken_job(office)
    assert "重试" in supervisor.get("/supervisor").text
    assert supervisor.post(f"/supervisor/incidents/{incident}/retry").status_code == 303
    with office.house.store.read() as connection:
        assert connection.execute(select(Job.tries).where(Job.id == job)).scalar_one() == 0
        assert connection.execute(select(Incident.resolved_at).where(Incident.id == incident)).scalar_one() is not None


def test_a_clerk_may_not_retry(office: Office) -> None:
    _, incident = broken_job(office)
    assert office.browser(office.clerk).post(f"/supervisor/incidents/{incident}/retry").status_code == 403


def test_an_incident_that_is_not_there_is_refused_in_words(supervisor: FlaskClient) -> None:
    answer = supervisor.post("/supervisor/incidents/999/retry")
    assert answer.status_code == 404 and "督办范围" in answer.text
