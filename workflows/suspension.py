"""What a suspended case holds up, and how much working time a suspension took. It suspends nothing itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Connection, exists

from workflows.calendar_tables import SHANGHAI, local_day
from workflows.models import ProcessInstance

ONE_DAY = timedelta(days=1)
LONGEST = 3_660  # days looked at for one due date


class Days(Protocol):
    """What is needed of the calendar."""

    def is_working_day(self, connection: Connection, day: date) -> bool:
        """Whether people work on a day."""


def suspended(instance_id: Any) -> ColumnElement[bool]:
    """SQL: the case with this number is suspended, so that its timers, messages and jobs wait."""
    return exists().where(ProcessInstance.id == instance_id, ProcessInstance.status == "suspended")


def working_time(calendar: Days, connection: Connection, start: datetime, end: datetime) -> timedelta:
    """The time between two moments that lies on working days of Asia/Shanghai, whole days counted from 00:00 to 24:00.

    Raises CalendarMissing when a year has no official table.
    """
    total = timedelta()
    for first, last in _days(start, end):
        if calendar.is_working_day(connection, local_day(first)):
            total += last - first
    return total


def later_by(calendar: Days, connection: Connection, moment: datetime, working: timedelta) -> datetime:
    """The moment that lies `working` of working time after `moment`; what falls on days off is not counted."""
    left, current = working, moment
    for _ in range(LONGEST):
        if left <= timedelta():
            return current
        day = local_day(current)
        midnight = _start_of(day + ONE_DAY)
        if calendar.is_working_day(connection, day):
            if midnight - current > left:
                return current + left
            left -= midnight - current
            if left <= timedelta():
                return midnight
        current = midnight
    return current


def _days(start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The parts of a stretch of time, cut at midnight."""
    while start < end:
        midnight = _start_of(local_day(start) + ONE_DAY)
        yield start, min(midnight, end)
        start = midnight


def _start_of(day: date) -> datetime:
    return datetime.combine(day, time(), SHANGHAI)
