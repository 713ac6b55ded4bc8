"""The ordered kinds of values as lines: where a value stands, where a constant cuts the line, and sample values between the cuts.

Between two cuts no test of those constants can tell values apart. It must not know tables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal
from typing import Any

from workflows.feel.temporal import DAY_SECONDS, NANOSECONDS, Date, DateTime, DaysTimeDuration, Time, YearsMonthsDuration, Zone
from workflows.feel.types import UTC_ZONE, midnight
from workflows.feel.values import FeelValue

_EXACT = Context(prec=20_000, Emax=MAX_EMAX, Emin=MIN_EMIN)
_HALF = Decimal("0.5")
_DAY = DAY_SECONDS * NANOSECONDS


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """One kind of values in their order.

    `key` places a value of the kind, `cuts` are the keys at which a verdict about a constant may change (none for a constant of
    another kind), `sample` is a value strictly between two keys (None: no bound on that side), `at` the value at a key. Both
    samples are null where the line has no value.
    """

    key: Callable[[FeelValue], Any]
    cuts: Callable[[FeelValue], Iterable[Any]]
    sample: Callable[[Any, Any], FeelValue]
    at: Callable[[Any], FeelValue]


def line_of(value: FeelValue) -> Line | None:
    """The line a value stands on; None for lists, contexts, functions, zoned times and whatever else has no line."""
    kind = type(value)
    if kind is Decimal:
        return NUMBERS if value.is_finite() else None
    if kind is DateTime:
        return LOCAL_DATE_TIMES if value.time.zone is None else ZONED_DATE_TIMES
    if kind is Time:
        return TIMES if value.zone is None else None
    return _BY_KIND.get(kind)


def _number_sample(low: Decimal | None, high: Decimal | None) -> Decimal:
    if low is not None and high is not None:
        return _EXACT.multiply(_EXACT.add(low, high), _HALF)
    if high is not None:
        return _EXACT.subtract(high, Decimal(1))
    return Decimal(0) if low is None else _EXACT.add(low, Decimal(1))


def _text_sample(low: str | None, high: str | None) -> str | None:
    """The text right after `low`: nothing stands between the two."""
    sample = "" if low is None else low + "\0"
    return sample if high is None or sample < high else None


def _counted(
    key: Callable[[FeelValue], int], cuts: Callable[[FeelValue], Iterable[int]], make: Callable[[int], FeelValue], step: int = 1
) -> Line:
    """A line of whole numbers, of which only the multiples of `step` are values."""

    def at(place: int) -> FeelValue:
        try:
            return None if place % step else make(place)
        except ValueError:
            return None

    def sample(low: int | None, high: int | None) -> FeelValue:
        if low is None:
            return at(0 if high is None else (high - 1) // step * step)
        after = (low // step + 1) * step
        return at(after) if high is None or after < high else None

    return Line(key, cuts, sample, at)


def _second(nanoseconds: int) -> tuple[int, int, int]:
    """A moment, and the bounds of its second: moments are equal by the second but ordered by the nanosecond."""
    start = nanoseconds - nanoseconds % NANOSECONDS
    return nanoseconds, start, start + NANOSECONDS


def _moment_cuts(constant: FeelValue) -> Iterable[int]:
    if type(constant) is Date:
        constant = midnight(constant)
    return _second(constant.nanoseconds) if type(constant) is DateTime else ()


def _date_time(zone: Zone | None) -> Callable[[int], FeelValue]:
    return lambda place: DateTime(Date.from_days(place // _DAY), Time.from_nanoseconds(place, zone))


def _time(place: int) -> Time | None:
    return Time.from_nanoseconds(place, None) if 0 <= place < _DAY else None


NUMBERS = Line(lambda value: value, lambda constant: (constant,) if type(constant) is Decimal else (), _number_sample, lambda place: place)
TEXTS = Line(lambda value: value, lambda constant: (constant,) if type(constant) is str else (), _text_sample, lambda place: place)
DATES = _counted(lambda value: value.days * _DAY, _moment_cuts, lambda place: Date.from_days(place // _DAY), _DAY)
LOCAL_DATE_TIMES = _counted(lambda value: value.nanoseconds, _moment_cuts, _date_time(None))
ZONED_DATE_TIMES = _counted(lambda value: value.nanoseconds, _moment_cuts, _date_time(UTC_ZONE))
TIMES = _counted(
    lambda value: value.nanoseconds,
    lambda constant: _second(constant.nanoseconds) if type(constant) is Time and constant.zone is None else (), _time,
)
DAYS_TIME_DURATIONS = _counted(
    lambda value: value.nanoseconds, lambda constant: (constant.nanoseconds,) if type(constant) is DaysTimeDuration else (), DaysTimeDuration
)
YEARS_MONTHS_DURATIONS = _counted(
    lambda value: value.months, lambda constant: (constant.months,) if type(constant) is YearsMonthsDuration else (), YearsMonthsDuration
)
_BY_KIND: dict[type, Line] = {
    str: TEXTS, Date: DATES, DaysTimeDuration: DAYS_TIME_DURATIONS, YearsMonthsDuration: YEARS_MONTHS_DURATIONS,
}
