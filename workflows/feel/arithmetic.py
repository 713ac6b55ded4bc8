"""Addition, subtraction, multiplication, division, power and negation of values (DMN tables 56 to 60); null where undefined."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, DecimalException

from workflows.feel.temporal import (
    DAY_SECONDS, NANOSECONDS, Date, DateTime, DaysTimeDuration, Time, YearsMonthsDuration, days_in_month,
)
from workflows.feel.types import midnight
from workflows.feel.values import DECIMAL, FeelValue

_DAY = DAY_SECONDS * NANOSECONDS


def add(left: FeelValue, right: FeelValue) -> FeelValue:
    """left + right."""
    kind, other = type(left), type(right)
    if kind is Decimal and other is Decimal:
        return _number(DECIMAL.add, left, right)
    if kind is str and other is str:
        return left + right
    if kind is other and kind is DaysTimeDuration:
        return DaysTimeDuration(left.nanoseconds + right.nanoseconds)
    if kind is other and kind is YearsMonthsDuration:
        return YearsMonthsDuration(left.months + right.months)
    if other is DaysTimeDuration or other is YearsMonthsDuration:
        return _guarded(_shift, left, right)
    if kind is DaysTimeDuration or kind is YearsMonthsDuration:
        return _guarded(_shift, right, left)
    return None


def subtract(left: FeelValue, right: FeelValue) -> FeelValue:
    """left - right."""
    kind, other = type(left), type(right)
    if kind is Decimal and other is Decimal:
        return _number(DECIMAL.subtract, left, right)
    if kind is other and kind is DaysTimeDuration:
        return DaysTimeDuration(left.nanoseconds - right.nanoseconds)
    if kind is other and kind is YearsMonthsDuration:
        return YearsMonthsDuration(left.months - right.months)
    if other is DaysTimeDuration:
        return _guarded(_shift, left, DaysTimeDuration(-right.nanoseconds))
    if other is YearsMonthsDuration:
        return _guarded(_shift, left, YearsMonthsDuration(-right.months))
    return _difference(left, right)


def _difference(left: FeelValue, right: FeelValue) -> FeelValue:
    """The time between two dates, times, or dates and times; a date counts as its midnight in UTC."""
    if type(left) is Time and type(right) is Time:
        if (left.zone is None) != (right.zone is None):
            return None
        return DaysTimeDuration(left.order_key() - right.order_key())
    if type(left) is Date and type(right) is Date:
        return DaysTimeDuration((left.days - right.days) * _DAY)
    left = midnight(left) if type(left) is Date else left
    right = midnight(right) if type(right) is Date else right
    if type(left) is not DateTime or type(right) is not DateTime:
        return None
    if (left.time.zone is None) != (right.time.zone is None):
        return None
    return DaysTimeDuration(left.nanoseconds - right.nanoseconds)


def multiply(left: FeelValue, right: FeelValue) -> FeelValue:
    """left * right."""
    if type(left) is Decimal and type(right) is Decimal:
        return _number(DECIMAL.multiply, left, right)
    if type(left) is Decimal:
        left, right = right, left
    if type(right) is not Decimal:
        return None
    if type(left) is DaysTimeDuration:
        return _scaled(left.nanoseconds, right, DaysTimeDuration)
    if type(left) is YearsMonthsDuration:
        return _scaled(left.months, right, YearsMonthsDuration)
    return None


def divide(left: FeelValue, right: FeelValue) -> FeelValue:
    """left / right; null when right is zero."""
    kind, other = type(left), type(right)
    if kind is Decimal and other is Decimal:
        return _number(DECIMAL.divide, left, right)
    if kind is other and kind is DaysTimeDuration:
        return _number(DECIMAL.divide, Decimal(left.nanoseconds), Decimal(right.nanoseconds))
    if kind is other and kind is YearsMonthsDuration:
        return _number(DECIMAL.divide, Decimal(left.months), Decimal(right.months))
    if other is Decimal and kind is DaysTimeDuration:
        return _divided(left.nanoseconds, right, DaysTimeDuration)
    if other is Decimal and kind is YearsMonthsDuration:
        return _divided(left.months, right, YearsMonthsDuration)
    return None


def power(left: FeelValue, right: FeelValue) -> FeelValue:
    """left ** right."""
    if type(left) is not Decimal or type(right) is not Decimal:
        return None
    if not left and not right:
        return Decimal(1)
    return _number(DECIMAL.power, left, right)


def negate(value: FeelValue) -> FeelValue:
    """-value."""
    kind = type(value)
    if kind is Decimal:
        return value.copy_negate() if value else value
    if kind is DaysTimeDuration:
        return DaysTimeDuration(-value.nanoseconds)
    if kind is YearsMonthsDuration:
        return YearsMonthsDuration(-value.months)
    return None


def add_months(day: Date, months: int) -> Date:
    """The same day of the month `months` later, or the month's last day when it is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return Date(year, month + 1, min(day.day, days_in_month(year, month + 1)))


def _shift(value: FeelValue, duration: DaysTimeDuration | YearsMonthsDuration) -> FeelValue:
    kind = type(value)
    if isinstance(duration, YearsMonthsDuration):
        if kind is Date:
            return add_months(value, duration.months)
        return DateTime(add_months(value.date, duration.months), value.time) if kind is DateTime else None
    if kind is Date:
        return Date.from_days(value.days + duration.nanoseconds // _DAY)
    if kind is Time:
        return Time.from_nanoseconds(value.nanoseconds + duration.nanoseconds, value.zone)
    if kind is DateTime:
        return _shift_moment(value, duration.nanoseconds)
    return None


def _shift_moment(value: DateTime, nanoseconds: int) -> DateTime:
    """Move along the time line: in a named zone the clock's offset may change on the way."""
    zone, total = value.time.zone, value.nanoseconds + nanoseconds
    if zone is not None:
        days, rest = divmod(total, _DAY)
        total += zone.offset_from_utc(Date.from_days(days), rest // NANOSECONDS) * NANOSECONDS
    days, rest = divmod(total, _DAY)
    return DateTime(Date.from_days(days), Time.from_nanoseconds(rest, zone))


def _number(operation: Callable[[Decimal, Decimal], Decimal], left: Decimal, right: Decimal) -> Decimal | None:
    try:
        result = operation(left, right)
    except DecimalException:
        return None
    return result if result.is_finite() else None


def _scaled(
    amount: int, factor: Decimal, build: Callable[[int], FeelValue]
) -> FeelValue:
    product = _number(DECIMAL.multiply, Decimal(amount), factor)
    return None if product is None or product.adjusted() > 30 else build(int(product))


def _divided(amount: int, divisor: Decimal, build: Callable[[int], FeelValue]) -> FeelValue:
    quotient = _number(DECIMAL.divide, Decimal(amount), divisor)
    return None if quotient is None or quotient.adjusted() > 30 else build(int(quotient))


def _guarded(operation: Callable[..., FeelValue], *operands: FeelValue) -> FeelValue:
    """Null when the result leaves the calendar."""
    try:
        return operation(*operands)
    except ValueError:
        return None
