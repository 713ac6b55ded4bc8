"""The values of FEEL that Python lacks, and the way of every value to and from Python and plain JSON.

Numbers are Decimal, strings str, booleans bool, null None, lists list and contexts dict. It must not know expressions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta, tzinfo
from decimal import ROUND_HALF_EVEN, Context, Decimal, DivisionByZero, InvalidOperation, Overflow
from typing import Any, Protocol, TypeAlias
from zoneinfo import ZoneInfo

from workflows.feel.errors import FeelLimitError, Words
from workflows.feel.literals import parse_date, parse_date_time, parse_duration, parse_time
from workflows.feel.temporal import (
    DAY_SECONDS, NANOSECONDS, Date, DateTime, DaysTimeDuration, Time, YearsMonthsDuration, Zone,
)

FeelValue: TypeAlias = Any

# Decimal128 of IEEE 754-2008, as DMN 10.3.2.3.1 asks; overflow becomes null where the trap is caught.
DECIMAL = Context(
    prec=34, rounding=ROUND_HALF_EVEN, Emin=-6143, Emax=6144, traps=[InvalidOperation, DivisionByZero, Overflow]
)
MAXIMUM_DEPTH = 60
LARGEST_EXACT_INTEGER = 2**53


class Range:
    """An interval; a null endpoint is unbounded. `operator` remembers a unary test such as `< 5`."""

    __slots__ = ("start", "end", "start_included", "end_included", "operator")

    def __init__(
        self, start: FeelValue, end: FeelValue, start_included: bool, end_included: bool, operator: str = ""
    ) -> None:
        self.start = start
        self.end = end
        self.start_included = start_included
        self.end_included = end_included
        self.operator = operator

    def __repr__(self) -> str:
        return f"Range({'[' if self.start_included else '('}{self.start}..{self.end}{']' if self.end_included else ')'})"


class Names(dict[str, FeelValue]):
    """A frame of names whose values are FEEL values already, so that reading one converts nothing."""


class Callee(Protocol):
    """What stands behind a function value: takes positional FEEL values, returns one."""

    def __call__(self, arguments: Sequence[FeelValue], run: Any) -> FeelValue: ...


class Function:
    """A function value: built-in, written in FEEL, business knowledge model, decision service or host function.

    `types` holds one declared type per parameter (None = any); `result` the declared result type. `call_named` is
    given for functions with several signatures.
    """

    __slots__ = ("name", "parameters", "types", "result", "call", "call_named")

    def __init__(
        self, name: str, parameters: Sequence[str], call: Callee, types: Sequence[Any] = (), result: Any = None,
        call_named: Callable[[Mapping[str, FeelValue], Any], FeelValue] | None = None,
    ) -> None:
        self.name = name
        self.parameters = tuple(parameters)
        self.types = tuple(types) or (None,) * len(self.parameters)
        self.result = result
        self.call = call
        self.call_named = call_named

    def __repr__(self) -> str:
        return f"function({', '.join(self.parameters)})"


_TAGS: dict[str, Callable[[str], FeelValue]] = {
    "$number": lambda text: Decimal(text),
    "$date": parse_date,
    "$datetime": parse_date_time,
    "$time": parse_time,
    "$duration": parse_duration,
}
_AS_THEY_ARE = frozenset(
    (str, bool, type(None), Decimal, Date, Time, DateTime, DaysTimeDuration, YearsMonthsDuration, Range, Function)
)


def to_json(value: FeelValue) -> Any:
    """`value` as plain JSON for storage; what JSON lacks becomes a dict with one `$` key, such as {"$date": "2026-07-10"}.

    A function value becomes its text, a range a dict with its endpoints: neither comes back as itself.
    """
    return _to_json(value, MAXIMUM_DEPTH)


def _to_json(value: FeelValue, depth: int) -> Any:
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, Decimal):
        return _number_to_json(value)
    if depth < 0:
        raise FeelLimitError(Words(f"值嵌套超过 {MAXIMUM_DEPTH} 层", f"the value is nested deeper than {MAXIMUM_DEPTH} levels"))
    if isinstance(value, Mapping):
        return {str(key): _to_json(entry, depth - 1) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_to_json(entry, depth - 1) for entry in value]
    return _special_to_json(from_python(value), depth)


def _special_to_json(value: FeelValue, depth: int) -> Any:
    match value:
        case Date():
            return {"$date": str(value)}
        case DateTime():
            return {"$datetime": str(value)}
        case Time():
            return {"$time": str(value)}
        case DaysTimeDuration() | YearsMonthsDuration():
            return {"$duration": str(value)}
        case Range():
            ends = {"start": _to_json(value.start, depth - 1), "end": _to_json(value.end, depth - 1)}
            return ends | {"start included": value.start_included, "end included": value.end_included}
    return repr(value)


def _number_to_json(value: Decimal) -> Any:
    if value == value.to_integral_value():
        whole = int(value) if value.adjusted() < 17 else LARGEST_EXACT_INTEGER
        if abs(whole) < LARGEST_EXACT_INTEGER:
            return whole
    approximate = float(value)
    return approximate if Decimal(repr(approximate)) == value else {"$number": str(value)}


def from_json(value: Any) -> FeelValue:
    """The FEEL value of stored JSON: numbers become Decimal (floats by their shortest text), tagged dicts their value."""
    return from_python(value)


def from_python(value: Any, depth: int = MAXIMUM_DEPTH) -> FeelValue:
    """The FEEL value of a plain Python or JSON value, deeply; FEEL values pass as they are."""
    kind = type(value)
    if kind in _AS_THEY_ARE:
        return value
    if kind is int:
        return Decimal(value)
    if kind is float:
        return Decimal(repr(value)) if value == value and abs(value) != float("inf") else None
    if depth < 0:
        raise FeelLimitError(Words(f"值嵌套超过 {MAXIMUM_DEPTH} 层", f"the value is nested deeper than {MAXIMUM_DEPTH} levels"))
    if kind is dict:
        return tagged_value(value) if is_tagged(value) else {k: from_python(v, depth - 1) for k, v in value.items()}
    if kind is list or kind is tuple or kind is set or kind is frozenset:
        return [from_python(entry, depth - 1) for entry in value]
    return _from_python_object(value, depth)


def is_tagged(value: dict[str, Any]) -> bool:
    """Whether a dict stands for one of the values JSON lacks."""
    if len(value) != 1:
        return False
    (key,) = value
    return key in _TAGS and isinstance(value[key], str)


def tagged_value(value: dict[str, Any]) -> FeelValue:
    """The value of a tagged dict; null when its text does not fit its tag."""
    ((key, text),) = value.items()
    try:
        return _TAGS[key](text)
    except InvalidOperation:
        return None


def _from_python_object(value: Any, depth: int) -> FeelValue:
    if isinstance(value, datetime):
        return DateTime(Date(value.year, value.month, value.day), _from_python_time(value.timetz(), value.tzinfo, value))
    if isinstance(value, date):
        return Date(value.year, value.month, value.day)
    if isinstance(value, time):
        return _from_python_time(value, value.tzinfo, None)
    if isinstance(value, timedelta):
        seconds = value.days * DAY_SECONDS + value.seconds
        return DaysTimeDuration(seconds * NANOSECONDS + value.microseconds * 1000)
    if isinstance(value, (bool, str, int, float, Decimal)):
        plain = next(kind for kind in (bool, str, int, float, Decimal) if isinstance(value, kind))
        return from_python(plain(value), depth)
    if isinstance(value, Mapping):
        return from_python(dict(value), depth)
    if isinstance(value, Sequence):
        return from_python(list(value), depth)
    return None


def _from_python_time(value: time, zone: tzinfo | None, moment: datetime | None) -> Time:
    known: Zone | None = None
    if isinstance(zone, ZoneInfo) and zone.key:
        known = Zone.named(zone.key)
    elif zone is not None:
        offset = zone.utcoffset(moment)
        known = None if offset is None else Zone.fixed(int(offset.total_seconds()))
    return Time(value.hour, value.minute, value.second, value.microsecond * 1000, known)


def to_python(value: FeelValue) -> Any:
    """`value` with Python's own date, time, datetime and timedelta where they can hold it; other values as they are.

    Beyond years 1 to 9999, or with nanoseconds, the FEEL classes of workflows.feel.temporal stay. A years and months duration has no
    counterpart in Python and stays too.
    """
    kind = type(value)
    if kind is list:
        return [to_python(entry) for entry in value]
    if kind is dict:
        return {key: to_python(entry) for key, entry in value.items()}
    if kind is DaysTimeDuration and abs(value.nanoseconds) < 999_999_999 * DAY_SECONDS * NANOSECONDS:
        return value if value.nanoseconds % 1000 else timedelta(microseconds=value.nanoseconds // 1000)
    if kind is Date and 1 <= value.year <= 9999:
        return date(value.year, value.month, value.day)
    if kind is Time:
        return _to_python_time(value)
    if kind is DateTime and 1 <= value.date.year <= 9999 and not value.time.nanosecond % 1000:
        return datetime.combine(date(value.date.year, value.date.month, value.date.day), _to_python_time(value.time))
    return value


def _to_python_time(value: Time) -> Any:
    if value.nanosecond % 1000:
        return value
    zone = None if value.zone is None else value.zone.python()
    return time(value.hour, value.minute, value.second, value.nanosecond // 1000, zone)
