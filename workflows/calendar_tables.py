"""The calendar's rows as one immutable picture in memory: official years, exceptional days and deadlines.

It reads and counts; it knows no clock, no people and no rule about who may change what.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, insert, select, update

from workflows.errors import CalendarMissing
from workflows.models import CalendarDay, CalendarDeadline, CalendarYear, DataVersion

SHANGHAI = ZoneInfo("Asia/Shanghai")
VERSION_NAME = "calendar"
EVERYWHERE = "*"
LAST_SECOND = time(23, 59, 59)


def end_of_day(day: date) -> datetime:
    """23:59:59 of `day` in Asia/Shanghai, as UTC: the last moment of "…日前"."""
    return datetime.combine(day, LAST_SECOND, SHANGHAI).astimezone(UTC)


def local_day(moment: datetime) -> date:
    """The day a moment falls on in Asia/Shanghai."""
    return moment.astimezone(SHANGHAI).date()


@dataclass(frozen=True)
class OfficialYears:
    """An unbroken run of official years with every working day in it, as ordinals in order."""

    first_year: int
    last_year: int
    working: list[int]

    def step(self, day: date, count: int) -> date:
        """The `count`-th working day after `day` (before it when negative); CalendarMissing beyond the run."""
        ordinal = day.toordinal()
        if count > 0:
            position = bisect_right(self.working, ordinal) + count - 1
            if position >= len(self.working):
                raise CalendarMissing(self.last_year + 1)
        else:
            position = bisect_left(self.working, ordinal) + count
            if position < 0:
                raise CalendarMissing(self.first_year - 1)
        return date.fromordinal(self.working[position])

    def between(self, start: date, end: date) -> int:
        """Working days in (start, end]."""
        return bisect_right(self.working, end.toordinal()) - bisect_right(self.working, start.toordinal())


@dataclass(frozen=True)
class CalendarPicture:
    """Everything the calendar tables said at one version."""

    version: int
    exceptions: Mapping[date, bool]
    runs: Mapping[int, OfficialYears]  # year → the run it belongs to
    deadlines: Mapping[tuple[str, str], Mapping[str, datetime]]  # (cycle, key) → organisation → moment
    sources: Mapping[int, str | None] = field(default_factory=dict)

    def is_working_day(self, day: date) -> bool:
        """Whether people work on `day`; CalendarMissing when its year is not official."""
        if day.year not in self.runs:
            raise CalendarMissing(day.year)
        return is_working(day, self.exceptions)

    def run(self, year: int) -> OfficialYears:
        """The run of official years around `year`; CalendarMissing when there is none."""
        found = self.runs.get(year)
        if found is None:
            raise CalendarMissing(year)
        return found


def is_working(day: date, exceptions: Mapping[date, bool]) -> bool:
    """Monday to Friday, unless the year's notice says otherwise."""
    return exceptions.get(day, day.weekday() < 5)


def read_version(connection: Connection) -> int:
    """The present version of the calendar tables; 0 before the first edit."""
    found = connection.execute(_VERSION).scalar()
    return int(found) if found is not None else 0


def raise_version(connection: Connection) -> int:
    """Tell every process that the calendar changed; returns the new version."""
    changed = connection.execute(_RAISE)
    if not changed.rowcount:
        connection.execute(insert(DataVersion).values(name=VERSION_NAME, version=1))
    return read_version(connection)


def read_picture(connection: Connection) -> CalendarPicture:
    """Read the three calendar tables whole; they are small (some thousand rows)."""
    version = read_version(connection)
    exceptions = {day: bool(working) for day, working in connection.execute(select(CalendarDay.day, CalendarDay.working))}
    years = connection.execute(select(CalendarYear.year, CalendarYear.source).where(CalendarYear.official))
    sources = {year: source for year, source in years}
    return CalendarPicture(version, exceptions, _runs(sorted(sources), exceptions), _read_deadlines(connection), sources)


def _read_deadlines(connection: Connection) -> dict[tuple[str, str], dict[str, datetime]]:
    table = CalendarDeadline
    found: dict[tuple[str, str], dict[str, datetime]] = {}
    rows = connection.execute(select(table.cycle, table.key, table.organisation, table.at))
    for cycle, key, organisation, at in rows:
        found.setdefault((cycle, key), {})[organisation] = at
    return found


def _runs(years: list[int], exceptions: Mapping[date, bool]) -> dict[int, OfficialYears]:
    found: dict[int, OfficialYears] = {}
    start = 0
    for position, year in enumerate(years):
        if position + 1 < len(years) and years[position + 1] == year + 1:
            continue
        run = _run(years[start], year, exceptions)
        found.update((member, run) for member in years[start : position + 1])
        start = position + 1
    return found


def _run(first: int, last: int, exceptions: Mapping[date, bool]) -> OfficialYears:
    span = range(date(first, 1, 1).toordinal(), date(last, 12, 31).toordinal() + 1)
    return OfficialYears(first, last, [ordinal for ordinal in span if is_working(date.fromordinal(ordinal), exceptions)])


_VERSION = select(DataVersion.version).where(DataVersion.name == VERSION_NAME)
_RAISE = update(DataVersion).where(DataVersion.name == VERSION_NAME).values(version=DataVersion.version + 1)
