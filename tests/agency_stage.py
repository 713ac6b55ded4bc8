"""Agencies on the stage of signed reports: setting one up by login, and looking at keys."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select

from tasks.keys.agencies import Absence
from tasks.models import SeatOffer
from tests.child_stage import Report


def stand_in(report: Report, agent: str, principal: str, *, begins: timedelta = timedelta(), lasts: timedelta = timedelta(days=3), process: str | None = None, by: str = "") -> int:
    """An agency; the clock goes on a little, and the worker has done what is due then."""
    now = report.house.clock.now()
    with report.house.store.transaction() as connection:
        actor = report.house.people.actor(connection, report.people[by or principal])
        absence = Absence(report.people[agent], process, now + begins, now + begins + lasts, "休假")
        number = report.house.tasks.keys.agencies.create(connection, actor, report.people[principal], absence)
    later(report, timedelta(seconds=5))
    return number


def later(report: Report, delta: timedelta) -> None:
    """Time passes, and the worker does what is due."""
    report.house.clock.advance(delta)  # type: ignore[attr-defined]
    report.house.work_off()


def keys(report: Report, seat: Any) -> dict[str, str]:
    """Agent → principal of the second keys to a seat."""
    names = {number: login for login, number in report.people.items()}
    rows = report.rows(select(SeatOffer.candidate, SeatOffer.principal_id).where(SeatOffer.seat_id == seat.id, SeatOffer.principal_id.is_not(None)))
    return {names[int(row.candidate.removeprefix("person:"))]: names[row.principal_id] for row in rows}


def revoke(report: Report, who: str, number: int) -> None:
    """The agency is ended by hand."""
    with report.house.store.transaction() as connection:
        actor = report.house.people.actor(connection, report.people[who])
        report.house.tasks.keys.agencies.revoke(connection, actor, number)
    later(report, timedelta(seconds=5))
