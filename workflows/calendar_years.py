"""The working days of a year: seeded for years whose notice is known, edited day by day, or saved from a read notice.

It writes rows and records the change; it reads no clock and knows no cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import holidays
from sqlalchemy import Connection, delete, insert, select, update

from workflows.calendar_deadlines import record_change, required_reason
from workflows.calendar_notice import Notice, NoticeDay
from workflows.calendar_tables import is_working
from workflows.errors import Rejection
from workflows.models import CalendarDay, CalendarYear

# Years whose State Council notice the holidays library contains in full, make-up days included. It answers later
# years without make-up days and without a warning, so a year enters here only after its notice was compared.
OFFICIAL_YEARS = (2024, 2025, 2026)
SEED_SOURCE = "国务院办公厅节假日安排通知"


def seed_official_years(connection: Connection, now: datetime) -> list[int]:
    """Write the known official years the table lacks; what is there stays. Returns the years written."""
    present = set(connection.execute(select(CalendarYear.year)).scalars())
    missing = [year for year in OFFICIAL_YEARS if year not in present]
    for year in missing:
        write_year(connection, year, f"{SEED_SOURCE}（{year}）", known_days(year))
        record_change(connection, str(year), None, "official", "随产品提供", None, now)
    return missing


def known_days(year: int) -> list[NoticeDay]:
    """The days of an official year that are holidays or differ from Monday–Friday, from the holidays library.

    The library leaves out weekends inside a holiday; a notice names them, so they are named here as well.
    """
    table = holidays.country_holidays("CN", years=[year], language="zh_CN")
    made_up = {day for day in getattr(table, "weekend_workdays", set()) if day.year == year}
    rest = {day: str(name) for day, name in table.items() if day.year == year and day not in made_up}
    weekends = [day for day in every_day(year) if day.weekday() >= 5 and day not in made_up]
    for day in [*weekends, *reversed(weekends)]:
        beside = rest.get(day - timedelta(days=1)) or rest.get(day + timedelta(days=1))
        if beside:
            rest.setdefault(day, beside.partition("（")[0])
    days = [*(NoticeDay(day, False, name) for day, name in rest.items()), *(NoticeDay(day, True, "调休上班") for day in made_up)]
    return sorted(days, key=lambda entry: entry.day)


def save_notice(connection: Connection, notice: Notice, person: int | None, now: datetime) -> None:
    """Make the notice's year official with exactly its days (days of a neighbouring year are set one by one).

    A Rejection when the notice has problems or names no day at all.
    """
    if notice.problems or not notice.days:
        first = notice.problems[0] if notice.problems else {"zh": "没有读到任何放假或上班日期。", "en": "No day was found in it."}
        raise Rejection(f"通知不能保存：{first['zh']}", f"The notice cannot be saved: {first['en']}", status=422)
    before = connection.execute(select(CalendarYear.source).where(CalendarYear.year == notice.year)).scalar()
    write_year(connection, notice.year, notice.source, [entry for entry in notice.days if entry.day.year == notice.year])
    for entry in notice.days:
        if entry.day.year != notice.year:
            _write_day(connection, entry)
    record_change(connection, str(notice.year), before, "official", f"导入通知：{notice.source}", person, now)


def write_year(connection: Connection, year: int, source: str, days: Sequence[NoticeDay]) -> None:
    """Replace the rows of a year and declare it official."""
    first, last = date(year, 1, 1), date(year, 12, 31)
    connection.execute(delete(CalendarDay).where(CalendarDay.day.between(first, last)))
    connection.execute(delete(CalendarYear).where(CalendarYear.year == year))
    connection.execute(insert(CalendarYear).values(year=year, official=True, source=source[:200]))
    if days:
        connection.execute(insert(CalendarDay), [_row(entry) for entry in days])


def save_day(connection: Connection, day: date, working: bool, reason: str, person: int | None, now: datetime) -> None:
    """Set one day and record why; a Rejection without a reason, or when nothing would change."""
    reason = required_reason(reason)
    before = day_state(connection, day)
    if before == working:
        raise Rejection(f"{day} 本来就是{_word(working)}，没有变化。", f"{day} already is a {'working day' if working else 'day off'}.")
    _write_day(connection, NoticeDay(day, working, reason))
    record_change(connection, day.isoformat(), _word(before), _word(working), reason, person, now)


def day_state(connection: Connection, day: date) -> bool:
    """Whether the table says that people work on `day`, official year or not."""
    stored = connection.execute(select(CalendarDay.working).where(CalendarDay.day == day)).scalar()
    return is_working(day, {} if stored is None else {day: bool(stored)})


def days_of_year(connection: Connection, year: int) -> dict[date, tuple[bool, str | None]]:
    """The exceptional days of a year: whether people work, and the note."""
    table = CalendarDay
    query = select(table.day, table.working, table.note).where(table.day.between(date(year, 1, 1), date(year, 12, 31)))
    return {day: (bool(working), note) for day, working, note in connection.execute(query)}


def every_day(year: int) -> list[date]:
    """All days of a year."""
    first = date(year, 1, 1)
    return [first + timedelta(days=count) for count in range((date(year + 1, 1, 1) - first).days)]


def _write_day(connection: Connection, entry: NoticeDay) -> None:
    changed = connection.execute(update(CalendarDay).where(CalendarDay.day == entry.day).values(_row(entry)))
    if not changed.rowcount:
        connection.execute(insert(CalendarDay).values(_row(entry)))


def _row(entry: NoticeDay) -> dict[str, Any]:
    return {"day": entry.day, "working": entry.working, "note": entry.note[:200]}


def _word(working: bool) -> str:
    return "工作日" if working else "休息日"
