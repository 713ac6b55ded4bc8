"""The calendar as FEEL sees it: host functions over Python's dates. It knows no tables and keeps nothing.

An argument of the wrong kind gives null, as everywhere in FEEL; a missing year raises CalendarMissing.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Protocol

from sqlalchemy import Connection

from workflows.calendar_tables import SHANGHAI, end_of_day, local_day

MOST_DAYS = 10_000


class Days(Protocol):
    """What the functions need of the calendar."""

    def working_days_after(self, connection: Connection, start: datetime, days: int) -> datetime: ...

    def working_days_between(self, connection: Connection, start: datetime, end: datetime) -> int: ...

    def deadline(self, connection: Connection, cycle: str | None, key: str, organisation_code: str) -> datetime | None: ...


def host_functions(calendar: Days, connection: Connection, cycle: str | None) -> dict[str, Callable[..., Any]]:
    """deadline(key, org), working days after(from, n), working days between(a, b) and end of day(x).

    Moments may be dates, dates with time or ISO strings; without a zone they are local to Asia/Shanghai. Results are
    moments with the offset of Asia/Shanghai.
    """

    def deadline(key: Any, org: Any) -> datetime | None:
        code = org.get("code") if isinstance(org, dict) else org
        if not isinstance(key, str) or not isinstance(code, str):
            return None
        return local_moment(calendar.deadline(connection, cycle, key, code))

    def working_days_after(start: Any, days: Any) -> datetime | None:
        moment, count = moment_of(start), _whole(days)
        if moment is None or count is None:
            return None
        return local_moment(calendar.working_days_after(connection, moment, count))

    def working_days_between(start: Any, end: Any) -> int | None:
        first, last = moment_of(start), moment_of(end)
        return None if first is None or last is None else calendar.working_days_between(connection, first, last)

    def end_of_the_day(value: Any) -> datetime | None:
        moment = moment_of(value)
        return None if moment is None else local_moment(end_of_day(local_day(moment)))

    return {
        "deadline": deadline,
        "working days after": working_days_after,
        "working days between": working_days_between,
        "end of day": end_of_the_day,
    }


def local_moment(moment: datetime | None) -> datetime | None:
    """A moment with the offset of Asia/Shanghai, so that FEEL writes it as 2026-07-10T23:59:59+08:00."""
    if moment is None:
        return None
    local = moment.astimezone(SHANGHAI)
    return local.replace(tzinfo=timezone(local.utcoffset() or timedelta()))


def moment_of(value: Any) -> datetime | None:
    """The moment a value names, aware; None when it names none."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if isinstance(value, datetime):
        return value if value.tzinfo is not None else value.replace(tzinfo=SHANGHAI)
    return datetime(value.year, value.month, value.day, tzinfo=SHANGHAI) if isinstance(value, date) else None


def _whole(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)) or not -MOST_DAYS <= value <= MOST_DAYS:
        return None
    return int(value) if value == int(value) else None
