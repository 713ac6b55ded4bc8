"""Blocking alarms of the house as a whole: a year without an official calendar. Raised once, over when the year is in. Knows no case."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, or_, update

from workflows.business_calendar import BusinessCalendar, CalendarEdit, Clock
from workflows.errors import CalendarMissing
from workflows.jobs import raise_incident
from workflows.models import Incident
from workflows.store import Store


def raise_calendar_alarm(connection: Connection, now: datetime, missing: CalendarMissing) -> None:
    """Show every supervisor that dates of a year cannot be computed; the work that needs one waits, and none is guessed."""
    raise_incident(
        connection, now, "calendar_missing", missing.zh, unique_key=missing.alarm, detail={**missing.detail, "en": missing.en}
    )


def end_calendar_alarms(connection: Connection, calendar: BusinessCalendar, edit: CalendarEdit) -> None:
    """For `BusinessCalendar.on_edit`: years that have become official and dates that were entered need no alarm any more."""
    keys = [_key(year) for year in set(edit.years) & set(calendar.official_years(connection))]
    over: list[ColumnElement[bool]] = [Incident.unique_key.in_(keys)]
    if edit.organisation is not None:  # a date was entered; an alarm about another one comes back when its case is tried again
        over.append(Incident.unique_key.startswith("deadline:"))
    ended = update(Incident).where(or_(*over), Incident.resolved_at.is_(None))
    connection.execute(ended.values(resolved_at=calendar.clock.now()))


def alarm_after_failure(store: Store, clock: Clock) -> Callable[[BaseException], None]:
    """For `Store.on_failure`: the command was rolled back, so its alarm is kept in a transaction of its own."""

    def note(error: BaseException) -> None:
        if isinstance(error, CalendarMissing):
            with store.transaction() as connection:
                raise_calendar_alarm(connection, clock.now(), error)

    return note


def _key(year: int) -> str:
    return f"calendar:{year}"
