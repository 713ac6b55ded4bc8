"""The built-in functions on dates, times and durations (DMN 10.3.4.1, 10.3.4.6), each declared with its documentation."""

from __future__ import annotations

from decimal import Decimal

from workflows.feel.literals import parse_date, parse_date_time, parse_duration, parse_time
from workflows.feel.registry import built_in
from workflows.feel.runtime import Run
from workflows.feel.temporal import (
    NANOSECONDS, Date, DateTime, DaysTimeDuration, Time, YearsMonthsDuration, Zone, days_from_civil,
)
from workflows.feel.values import FeelValue, from_python

GROUP = "date and time"
MOMENT = "date | date and time"
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
           "December")


def _day(value: Date | DateTime) -> Date:
    return value.date if isinstance(value, DateTime) else value


@built_in("date", "from: string | date | date and time", "造日期", "a date", 'date("2026-07-10").year = 2026',
          group="conversion")
def date_from(value: FeelValue) -> Date | None:
    return parse_date(value) if isinstance(value, str) else _day(value)


@built_in("date", "year: number, month: number, day: number")
def date_of(year: Decimal, month: Decimal, day: Decimal) -> Date | None:
    return Date(_whole(year), _whole(month), _whole(day))


def _whole(value: Decimal) -> int:
    if value.adjusted() > 18:
        raise ValueError("too large")
    return int(value)


@built_in("time", "from: string | date | time | date and time", "造时刻", "a time of day", 'time("23:59:00").hour = 23',
          group="conversion")
def time_from(value: FeelValue) -> Time | None:
    if isinstance(value, str):
        return parse_time(value)
    if isinstance(value, Date):
        return Time(0, 0, 0, 0, Zone.fixed(0))
    return value.time if isinstance(value, DateTime) else value


@built_in("time", "hour: number, minute: number, second: number, offset?: days and time duration?")
def time_of(hour: Decimal, minute: Decimal, second: Decimal, offset: DaysTimeDuration | None = None) -> Time | None:
    zone = None if offset is None else Zone.fixed(int(offset.nanoseconds / NANOSECONDS))
    if not 0 <= second < 60:
        return None
    nanosecond = int((second - int(second)) * NANOSECONDS)
    return Time(_whole(hour), _whole(minute), int(second), nanosecond, zone)


@built_in("date and time", "from: string | date | date and time", "造日期时间", "a date and time",
          'date and time("2026-07-10T23:59:59+08:00").day = 10', group="conversion")
def date_time_from(value: FeelValue) -> DateTime | None:
    if isinstance(value, str):
        return parse_date_time(value)
    return value if isinstance(value, DateTime) else DateTime(value, Time(0, 0, 0, 0, Zone.fixed(0)))


@built_in("date and time", f"date: {MOMENT}, time: time")
def date_time_of(day: Date | DateTime, clock: Time) -> DateTime:
    return DateTime(_day(day), clock)


@built_in("duration", "from: string | days and time duration | years and months duration", "造时长", "a duration",
          'duration("P1DT2H").hours = 2', group="conversion")
def duration(value: FeelValue) -> FeelValue:
    return parse_duration(value) if isinstance(value, str) else value


@built_in("years and months duration", f"from: {MOMENT}, to: {MOMENT}", "两日期间的整月数", "whole months between two dates",
          'years and months duration(date("2025-09-01"), date("2026-07-10")) = duration("P10M")', group="conversion")
def years_and_months(start: Date | DateTime, end: Date | DateTime) -> YearsMonthsDuration:
    first, last = (_day(start), start), (_day(end), end)
    if first[0] > last[0]:
        return YearsMonthsDuration(-_months_between(last[0], first[0]))
    return YearsMonthsDuration(_months_between(first[0], last[0]))


def _months_between(early: Date, late: Date) -> int:
    return (late.year - early.year) * 12 + late.month - early.month - (late.day < early.day)


@built_in("now", "", "此刻（由调用者给定）", "this moment, as the caller gives it", "now() > date and time(\"2026-01-01T00:00:00Z\")",
          group=GROUP, with_run=True)
def now(run: Run) -> DateTime | None:
    return None if run.now is None else from_python(run.now)


@built_in("today", "", "今天（由调用者给定）", "today, as the caller gives it", "today().year >= 2026", group=GROUP, with_run=True)
def today(run: Run) -> Date | None:
    return None if run.now is None else from_python(run.now).date


@built_in("day of year", f"date: {MOMENT}", "一年中第几天", "day of the year, 1 to 366",
          "day of year(date(2019, 9, 17)) = 260", group=GROUP)
def day_of_year(value: Date | DateTime) -> Decimal:
    day = _day(value)
    return Decimal(day.days - days_from_civil(day.year, 1, 1) + 1)


@built_in("day of week", f"date: {MOMENT}", "星期几（英文）", "the weekday's name",
          'day of week(date(2019, 9, 17)) = "Tuesday"', group=GROUP)
def day_of_week(value: Date | DateTime) -> str:
    return _WEEKDAYS[(_day(value).days + 3) % 7]


@built_in("month of year", f"date: {MOMENT}", "月份（英文）", "the month's name",
          'month of year(date(2019, 9, 17)) = "September"', group=GROUP)
def month_of_year(value: Date | DateTime) -> str:
    return _MONTHS[_day(value).month - 1]


@built_in("week of year", f"date: {MOMENT}", "ISO 8601 周次", "the ISO 8601 week",
          "week of year(date(2019, 9, 17)) = 38", group=GROUP)
def week_of_year(value: Date | DateTime) -> Decimal:
    day = _day(value)
    thursday = Date.from_days(day.days - (day.days + 3) % 7 + 3)
    return Decimal((thursday.days - days_from_civil(thursday.year, 1, 1)) // 7 + 1)
