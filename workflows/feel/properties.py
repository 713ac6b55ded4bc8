"""The properties of values that a path can name: `.year`, `.time offset`, `.start included` (DMN table 65 and on)."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from workflows.feel.runtime import Run
from workflows.feel.temporal import (
    DAY_SECONDS, NANOSECONDS, Date, DateTime, DaysTimeDuration, Time, YearsMonthsDuration,
)
from workflows.feel.values import FeelValue, Range

Reader = Callable[[FeelValue], FeelValue]


def _offset(value: Time | DateTime) -> FeelValue:
    offset = value.offset
    return None if offset is None else DaysTimeDuration(offset * NANOSECONDS)


def _toward_zero(value: DaysTimeDuration, unit: int, wrap: int | None) -> Decimal:
    amount = abs(value.nanoseconds) // (unit * NANOSECONDS)
    amount = amount % wrap if wrap else amount
    return Decimal(-amount if value.nanoseconds < 0 else amount)


def _years(value: YearsMonthsDuration) -> Decimal:
    return Decimal(int(value.months / 12) if abs(value.months) < 2**50 else value.months // 12)


_DATE: dict[str, Reader] = {
    "year": lambda value: Decimal(value.year),
    "month": lambda value: Decimal(value.month),
    "day": lambda value: Decimal(value.day),
    "weekday": lambda value: Decimal((value.days + 3) % 7 + 1),
}
_TIME: dict[str, Reader] = {
    "hour": lambda value: Decimal(value.hour),
    "minute": lambda value: Decimal(value.minute),
    "second": lambda value: Decimal(value.second),
    "time offset": _offset,
    "timezone": lambda value: None if value.zone is None else value.zone.name,
}


def _of_date(read: Reader) -> Reader:
    return lambda value: read(value.date)


def _of_time(read: Reader) -> Reader:
    return lambda value: read(value.time)


PROPERTIES: dict[type, dict[str, Reader]] = {
    Date: _DATE,
    Time: _TIME,
    DateTime: {
        **{name: _of_date(read) for name, read in _DATE.items()},
        **{name: _of_time(read) for name, read in _TIME.items()},
        "time offset": _offset,
    },
    DaysTimeDuration: {
        "days": lambda value: _toward_zero(value, DAY_SECONDS, None),
        "hours": lambda value: _toward_zero(value, 3600, 24),
        "minutes": lambda value: _toward_zero(value, 60, 60),
        "seconds": lambda value: _toward_zero(value, 1, 60),
    },
    YearsMonthsDuration: {
        "years": _years,
        "months": lambda value: Decimal(abs(value.months) % 12 * (-1 if value.months < 0 else 1)),
    },
    Range: {
        "start": lambda value: value.start,
        "end": lambda value: value.end,
        "start included": lambda value: value.start_included,
        "end included": lambda value: value.end_included,
    },
}


def get_property(value: FeelValue, name: str, run: Run) -> FeelValue:
    """`value.name`; on a list the list of what its elements have; null where there is no such property."""
    kind = type(value)
    if kind is dict:
        return value.get(name)
    if kind is list:
        run.charge(len(value))
        return [get_property(element, name, run) for element in value]
    readers = PROPERTIES.get(kind)
    reader = None if readers is None else readers.get(name)
    return None if reader is None else reader(value)
