"""Reads the ISO 8601 texts of dates, times and durations into values; None when the text is not one.

It must not know expressions.
"""

from __future__ import annotations

import re
from functools import lru_cache

from workflows.feel.temporal import (
    DAY_SECONDS, NANOSECONDS, Date, DateTime, DaysTimeDuration, Time, YearsMonthsDuration, Zone,
)

_DATE = r"(-?(?:[1-9]\d{4,8}|\d{4}))-(\d\d)-(\d\d)"
_TIME = r"(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9})\d*)?(Z|z|[+-]\d\d:\d\d(?::\d\d)?|@[A-Za-z][A-Za-z0-9_+\-/]*)?"
_DATE_PATTERN = re.compile(_DATE, re.ASCII)
_TIME_PATTERN = re.compile(_TIME, re.ASCII)
_DATE_TIME_PATTERN = re.compile(f"{_DATE}T{_TIME}", re.ASCII)
_MONTHS_PATTERN = re.compile(r"(-)?P(?=\d)(?:(\d{1,18})Y)?(?:(\d{1,18})M)?", re.ASCII)
_DAYS_PATTERN = re.compile(
    r"(-)?P(?=\d|T\d)(?:(\d{1,18})D)?(?:T(?=\d)(?:(\d{1,18})H)?(?:(\d{1,18})M)?(?:(\d{1,18})(?:\.(\d{0,9})\d*)?S)?)?",
    re.ASCII,
)

Duration = DaysTimeDuration | YearsMonthsDuration


@lru_cache(maxsize=1024)
def parse_date(text: str) -> Date | None:
    """`2026-07-10`, also years of five to nine digits and negative years."""
    match = _DATE_PATTERN.fullmatch(text)
    return None if match is None else _date(*match.groups())


@lru_cache(maxsize=1024)
def parse_time(text: str) -> Time | None:
    """`23:59:00`, with a fraction and with `Z`, an offset or `@Asia/Shanghai`."""
    match = _TIME_PATTERN.fullmatch(text)
    return None if match is None else _time(*match.groups())


@lru_cache(maxsize=1024)
def parse_date_time(text: str) -> DateTime | None:
    """A date, `T` and a time; a date alone is its midnight."""
    match = _DATE_TIME_PATTERN.fullmatch(text)
    if match is None:
        day = parse_date(text)
        return None if day is None else DateTime(day, Time(0, 0, 0))
    groups = match.groups()
    day, clock = _date(*groups[:3]), _time(*groups[3:])
    return None if day is None or clock is None else DateTime(day, clock)


@lru_cache(maxsize=1024)
def parse_duration(text: str) -> Duration | None:
    """`P1Y2M` or `P1DT2H3M4.5S`, either may be negative."""
    match = _MONTHS_PATTERN.fullmatch(text)
    if match is not None:
        months = int(match[2] or 0) * 12 + int(match[3] or 0)
        return YearsMonthsDuration(-months if match[1] else months)
    match = _DAYS_PATTERN.fullmatch(text)
    if match is None:
        return None
    days, hours, minutes, seconds = (int(match[index] or 0) for index in (2, 3, 4, 5))
    total = (days * DAY_SECONDS + hours * 3600 + minutes * 60 + seconds) * NANOSECONDS + _fraction(match[6])
    return DaysTimeDuration(-total if match[1] else total)


def parse_at_literal(text: str) -> Date | Time | DateTime | Duration | None:
    """What `@"..."` means (DMN 10.3.1.2 rule 62): the first of date and time, date, time or duration that fits."""
    if "T" in text and not text.startswith(("P", "-P")):
        return parse_date_time(text)
    return parse_date(text) or parse_time(text) or parse_duration(text)


def parse_offset(text: str) -> Zone | None:
    """`Z`, `+08:00` or `@Asia/Shanghai`; None for any other text."""
    try:
        if text in ("Z", "z"):
            return Zone.fixed(0)
        if text.startswith("@"):
            return Zone.named(text[1:])
        hours, minutes, *rest = (int(part) for part in text[1:].split(":"))
        if minutes > 59 or (rest and rest[0] > 59):
            return None
        seconds = hours * 3600 + minutes * 60 + (rest[0] if rest else 0)
        return Zone.fixed(-seconds if text[0] == "-" else seconds)
    except ValueError:
        return None


def _date(year: str, month: str, day: str) -> Date | None:
    try:
        return None if year == "-0000" else Date(int(year), int(month), int(day))
    except ValueError:
        return None


def _time(hour: str, minute: str, second: str, fraction: str | None, offset: str | None) -> Time | None:
    zone = None if offset is None else parse_offset(offset)
    if offset is not None and zone is None:
        return None
    try:
        return Time(int(hour), int(minute), int(second), _fraction(fraction), zone)
    except ValueError:
        return None


def _fraction(digits: str | None) -> int:
    return int(digits.ljust(9, "0")) if digits else 0
