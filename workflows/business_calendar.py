"""The one clock and the working calendar: what time it is, which days count, and when something is due.

It knows organisations only as codes whose ancestors somebody else names; it knows no people and no process.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from threading import Lock
from time import monotonic
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection

from workflows import calendar_deadlines, calendar_functions, calendar_years
from workflows.calendar_notice import Notice
from workflows.calendar_tables import (
    EVERYWHERE, SHANGHAI, CalendarPicture, end_of_day, local_day, raise_version, read_picture, read_version,
)

__all__ = ["SHANGHAI", "BusinessCalendar", "CalendarEdit", "Clock", "FrozenClock", "SystemClock", "end_of_day", "local_day"]

Ancestors = Callable[[Connection, str], Sequence[str]]

CHECK_EVERY = 1.0  # seconds between two looks for edits of other processes
EDIT_WINDOW = 60.0  # seconds in which an edit of this process must commit or is taken for rolled back


class Clock:
    """What time it is. Everybody asks this object; nobody asks the system."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        raise NotImplementedError

    def today(self) -> date:
        """The present day in Asia/Shanghai."""
        return local_day(self.now())


class SystemClock(Clock):
    """The machine's time, shifted by `offset` (the demo lives at a shifted time)."""

    def __init__(self, offset: timedelta = timedelta()) -> None:
        self.offset = offset

    def now(self) -> datetime:
        """The machine's time plus the offset, in UTC."""
        return datetime.now(UTC) + self.offset


class FrozenClock(Clock):
    """A clock that moves only when told."""

    def __init__(self, at: datetime) -> None:
        self.set(at)

    def now(self) -> datetime:
        """The moment it was set to, in UTC."""
        return self._at

    def set(self, at: datetime) -> None:
        """Put the clock at `at`; a moment without a zone is read as Asia/Shanghai."""
        self._at = (at if at.tzinfo else at.replace(tzinfo=SHANGHAI)).astimezone(UTC)

    def advance(self, delta: timedelta) -> None:
        """Move the clock by `delta`."""
        self._at += delta


@dataclass(frozen=True, slots=True)
class CalendarEdit:
    """What somebody has changed: years whose working days differ now, or a date of an organisation ("*" = everybody) and all below."""

    years: tuple[int, ...] = ()
    organisation: str | None = None


class BusinessCalendar:
    """Working days and deadlines, read from tables and kept in memory until somebody edits them.

    `ancestors(connection, code)` names the codes a deadline is inherited along: the organisation itself first, then
    up to its root, then its province. Every method that counts days raises CalendarMissing when it would have to
    guess about a year without an official table.
    """

    def __init__(self, clock: Clock, ancestors: Ancestors) -> None:
        self.clock = clock
        self.ancestors = ancestors
        self.on_edit: list[Callable[[Connection, CalendarEdit], None]] = []  # told in the editor's transaction
        self._picture: CalendarPicture | None = None
        self._checked = 0.0
        self._confirmed = 0.0
        self._expected = 0
        self._expected_until = 0.0
        self._editors: WeakKeyDictionary[Connection, CalendarPicture | None] = WeakKeyDictionary()
        self._lock = Lock()

    def is_working_day(self, connection: Connection, day: date) -> bool:
        """Whether people work on `day`, make-up days included."""
        return self.picture(connection).is_working_day(day)

    def working_days_after(self, connection: Connection, start: datetime, days: int) -> datetime:
        """23:59:59 Asia/Shanghai of the `days`-th working day after `start`, as UTC.

        The day of `start` is not counted; 0 gives the end of that same day, a negative count goes backwards
        (domain rules §8: start day not counted, +n working days ends with the n-th working day).
        """
        day = local_day(start)
        if days == 0:
            return end_of_day(day)
        neighbour = day + timedelta(days=1 if days > 0 else -1)
        return end_of_day(self.picture(connection).run(neighbour.year).step(day, days))

    def working_days_between(self, connection: Connection, start: datetime, end: datetime) -> int:
        """Working days after the day of `start` up to and with the day of `end`; negative when `end` is earlier."""
        first, last = local_day(start), local_day(end)
        if last < first:
            return -self.working_days_between(connection, end, start)
        if last == first:
            return 0
        picture = self.picture(connection)
        for year in range((first + timedelta(days=1)).year, last.year + 1):
            run = picture.run(year)
        return run.between(first, last)

    def deadline(self, connection: Connection, cycle: str | None, key: str, organisation_code: str) -> datetime | None:
        """The moment `key` ends for an organisation in a cycle: its own, else inherited, else everybody's; UTC."""
        dates = None if cycle is None else self.picture(connection).deadlines.get((cycle, key))
        if dates is None:
            return None
        for code in self.ancestors(connection, organisation_code) or (organisation_code,):
            if code in dates:
                return dates[code]
        return dates.get(EVERYWHERE)

    def functions(self, connection: Connection, cycle: str | None) -> dict[str, Callable[..., Any]]:
        """The calendar's functions for FEEL; see workflows.calendar_functions."""
        return calendar_functions.host_functions(self, connection, cycle)

    def official_years(self, connection: Connection) -> Mapping[int, str | None]:
        """Official years and where their tables come from."""
        return self.picture(connection).sources

    def days_of_year(self, connection: Connection, year: int) -> dict[date, tuple[bool, str | None]]:
        """The days of a year that differ from Monday to Friday or have a name: whether people work, and the note."""
        return calendar_years.days_of_year(connection, year)

    def seed_official_years(self, connection: Connection) -> list[int]:
        """Write the years whose State Council notice is known and that the table lacks; returns them."""
        seeded = calendar_years.seed_official_years(connection, self.clock.now())
        if seeded:
            self._edited(connection, CalendarEdit(years=tuple(seeded)))
        return seeded

    def import_notice(self, connection: Connection, notice: Notice, person: int | None) -> None:
        """Make the year of a notice official with exactly the days of the notice; a Rejection if it has problems."""
        calendar_years.save_notice(connection, notice, person, self.clock.now())
        self._edited(connection, CalendarEdit(years=(notice.year,)))

    def set_day(self, connection: Connection, day: date, working: bool, reason: str, person: int | None) -> None:
        """Say of one day that people work or do not work; a Rejection without a reason."""
        calendar_years.save_day(connection, day, working, reason, person, self.clock.now())
        self._edited(connection, CalendarEdit(years=(day.year,)))

    def set_deadline(
        self, connection: Connection, organisation: str, cycle: str, key: str, at: datetime | None, reason: str, person: int | None
    ) -> None:
        """Give an organisation its own date, or with `at` None take it back so that it inherits again."""
        calendar_deadlines.save_deadline(connection, organisation, cycle, key, at, reason, person, self.clock.now())
        self._edited(connection, CalendarEdit(organisation=organisation))

    def _edited(self, connection: Connection, edit: CalendarEdit) -> None:
        self.changed(connection)
        for listener in self.on_edit:
            listener(connection, edit)

    def load_calendars(self, connection: Connection, text: str) -> int:
        """Write the deadlines of a calendars.yaml that nobody has set yet; returns how many were written."""
        written = calendar_deadlines.load_calendars(connection, text, self.clock.now())
        if written:
            self.changed(connection)
        return written

    def deadlines(self, connection: Connection, organisation: str, cycle: str) -> list[calendar_deadlines.DeadlineRow]:
        """Every date that holds for an organisation in a cycle, with where it comes from."""
        return calendar_deadlines.list_deadlines(connection, [*self.ancestors(connection, organisation), EVERYWHERE], organisation, cycle)

    def changed(self, connection: Connection) -> None:
        """Call after writing calendar rows through `connection`: it and, after its commit, everybody sees the edit."""
        version = raise_version(connection)
        with self._lock:
            self._editors[connection] = None
            self._expected = max(self._expected, version)
            self._expected_until = monotonic() + EDIT_WINDOW

    def picture(self, connection: Connection) -> CalendarPicture:
        """What the tables say, from memory when nothing can have changed.

        A connection that edits sees its own edit and never fills the shared memory, so a rolled-back edit leaves
        no trace. While an edit of this process is under way every call asks for the version; otherwise one call a
        second does.
        """
        picture = self._picture
        if picture is not None and not self._expected and monotonic() - self._checked < CHECK_EVERY and connection not in self._editors:
            return picture
        with self._lock:
            return self._own_picture(connection) if connection in self._editors else self._shared_picture(connection)

    def _own_picture(self, connection: Connection) -> CalendarPicture:
        picture = self._editors[connection]
        if picture is None or picture.version != read_version(connection):
            self._editors[connection] = picture = read_picture(connection)
        return picture

    def _shared_picture(self, connection: Connection) -> CalendarPicture:
        now = monotonic()
        version = read_version(connection)
        picture = self._picture
        if picture is not None and version == picture.version:
            self._confirmed = now
        # An older version is a reader whose snapshot began before the edit, unless it stays: then a backup came back.
        elif picture is None or version > picture.version or now - self._confirmed > EDIT_WINDOW:
            self._picture = picture = read_picture(connection)
            self._confirmed = now
        if self._expected and (version >= self._expected or now > self._expected_until):
            self._expected = 0
        self._checked = now
        return picture
