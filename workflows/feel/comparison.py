"""Equality, order and membership of values (DMN 10.3.2.13 and tables 53 to 55): three-valued, typed, total."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from workflows.feel.errors import FeelLimitError, Words
from workflows.feel.temporal import NANOSECONDS, Date, DateTime, DaysTimeDuration, Time, YearsMonthsDuration
from workflows.feel.types import midnight
from workflows.feel.values import FeelValue, Range

MAXIMUM_COMPARED = 1_000_000
_DIRECT = (Decimal, str, Date, DaysTimeDuration, YearsMonthsDuration)


def equal(left: FeelValue, right: FeelValue) -> bool | None:
    """left = right; null when the two are of different kinds."""
    if left is None or right is None:
        return left is right
    kind = type(left)
    if kind is type(right):
        if kind is Decimal or kind is str or kind is bool:
            return bool(left == right)
        if kind is list or kind is dict:
            return _Comparison().equal(left, right)
        if kind is Range:
            return _ranges_equal(left, right)
        if kind is Time:
            return _same_second(left.order_key(), right.order_key(), left.zone is None, right.zone is None)
        if kind is DateTime:
            return _same_second(left.nanoseconds, right.nanoseconds, left.time.zone is None, right.time.zone is None)
        return bool(left == right)
    if isinstance(left, Date) and isinstance(right, DateTime):
        return equal(midnight(left), right)
    if isinstance(left, DateTime) and isinstance(right, Date):
        return equal(left, midnight(right))
    return None


def _same_second(left: int, right: int, left_local: bool, right_local: bool) -> bool:
    """Times are equal by the second: the standard's value of a time has no fraction (DMN 10.3.2.3.5)."""
    return left_local == right_local and left // NANOSECONDS == right // NANOSECONDS


class _Comparison:
    """Deep comparison with a bound on the elements looked at."""

    def __init__(self) -> None:
        self.left_over = MAXIMUM_COMPARED

    def equal(self, left: FeelValue, right: FeelValue) -> bool | None:
        self.left_over -= 1
        if self.left_over < 0:
            raise FeelLimitError(Words(f"元素超过 {MAXIMUM_COMPARED:,} 个的两个值不能比较", f"two values with more than {MAXIMUM_COMPARED:,} elements cannot be compared"))
        if left is right:
            return True
        if type(left) is list and type(right) is list:
            return len(left) == len(right) and self._all(zip(left, right, strict=True))
        if type(left) is dict and type(right) is dict:
            return left.keys() == right.keys() and self._all((value, right[key]) for key, value in left.items())
        return equal(left, right)

    def _all(self, pairs: Any) -> bool | None:
        return all(self.equal(left, right) is True for left, right in pairs)


def _ranges_equal(left: Range, right: Range) -> bool | None:
    if (left.start_included, left.end_included, left.operator) != (right.start_included, right.end_included, right.operator):
        return False
    return equal(left.start, right.start) is True and equal(left.end, right.end) is True


def compare(left: FeelValue, right: FeelValue) -> int | None:
    """Negative, zero or positive as left is before, equal to or after right; null when they have no common order."""
    kind, other = type(left), type(right)
    if kind is other and kind in _DIRECT:
        return int(left > right) - int(left < right)
    if kind is Time and other is Time:
        return _sign(left.order_key(), right.order_key(), left.zone is None, right.zone is None)
    if kind is Date and other is DateTime:
        left = midnight(left)
    elif kind is DateTime and other is Date:
        right = midnight(right)
    if type(left) is DateTime and type(right) is DateTime:
        return _sign(left.nanoseconds, right.nanoseconds, left.time.zone is None, right.time.zone is None)
    return None


def _sign(left: int, right: int, left_local: bool, right_local: bool) -> int | None:
    """A local time has no order with a zoned one."""
    return None if left_local != right_local else (left > right) - (left < right)


def in_range(value: FeelValue, interval: Range) -> bool | None:
    """Whether value lies in the interval; null when it cannot be compared."""
    if interval.operator == "!=":
        same = equal(value, interval.start)
        return None if same is None else not same
    if interval.operator == "=":
        return equal(value, interval.start)
    if value is None or (not interval.operator and (interval.start is None or interval.end is None)):
        return None
    above = True if interval.start is None else _above(compare(value, interval.start), interval.start_included)
    below = True if interval.end is None else _above(compare(interval.end, value), interval.end_included)
    if above is False or below is False:
        return False
    return None if above is None or below is None else True


def _above(order: int | None, included: bool) -> bool | None:
    return None if order is None else order > 0 or (included and order == 0)


def contains(elements: list[FeelValue], value: FeelValue) -> bool:
    """Whether a list has an element equal to value."""
    return any(equal(element, value) is True for element in elements)


def matches_test(value: FeelValue, test: FeelValue) -> bool | None:
    """`value in test` for one evaluated test: a range, a list (of values or ranges), or a value to be equal to."""
    if type(test) is Range:
        if type(value) is Range:
            return equal(value, test)
        return in_range(value, test)
    if type(test) is list:
        if type(value) is list and equal(value, test) is True:
            return True
        return any(
            (in_range(value, element) if type(element) is Range and type(value) is not Range else equal(value, element))
            is True
            for element in test
        )
    return equal(value, test)
