"""The built-in functions on numbers and booleans (DMN 10.3.4.2, 10.3.4.5), each declared with its documentation."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_UP, Decimal
from typing import Any

from workflows.feel.registry import built_in
from workflows.feel.temporal import DaysTimeDuration, YearsMonthsDuration
from workflows.feel.values import DECIMAL, FeelValue

GROUP = "number"
_LARGEST_SCALE, _SMALLEST_SCALE = 6176, -6111


@built_in("not", "negand", "逻辑非", "logical negation", "not(true) = false", group="boolean")
def negation(value: FeelValue) -> bool | None:
    return not value if type(value) is bool else None


@built_in("is", "value1, value2", "两值同类型且完全相同（含时区）", "same kind and same value, zones included",
          'is(date("2026-07-10"), time("23:00:50")) = false', group="boolean")
def same(left: FeelValue, right: FeelValue) -> bool:
    return type(left) is type(right) and _identity(left) == _identity(right)


def _identity(value: FeelValue) -> Any:
    return str(value) if hasattr(value, "zone") or hasattr(value, "time") else value


def round_to(value: Decimal, scale: Decimal, rounding: str) -> Decimal | None:
    """`value` with `scale` digits after the point (negative: before it)."""
    if not _SMALLEST_SCALE <= scale <= _LARGEST_SCALE:
        return None
    places = int(scale)
    if places >= 0 and -value.as_tuple().exponent <= places:  # type: ignore[operator]
        return value
    return value.quantize(Decimal(1).scaleb(-places, DECIMAL), rounding=rounding, context=_WIDE)


_WIDE = DECIMAL.copy()
_WIDE.prec = 200


@built_in("decimal", "n: number, scale: number", "四舍六入五取偶到指定小数位", "round to scale digits, half to even",
          "decimal(2.5, 0) = 2", group=GROUP)
def decimal(value: Decimal, scale: Decimal) -> Decimal | None:
    return round_to(value, scale, ROUND_HALF_EVEN)


def _rounding(name: str, mode: str, chinese: str, english: str, example: str) -> None:
    @built_in(name, "n: number, scale: number", chinese, english, example, group=GROUP)
    def rounded(value: Decimal, scale: Decimal) -> Decimal | None:
        return round_to(value, scale, mode)


_rounding("round up", ROUND_UP, "远离零进位", "round away from zero", "round up(5.51, 1) = 5.6")
_rounding("round down", ROUND_DOWN, "向零舍去", "round toward zero", "round down(5.59, 1) = 5.5")
_rounding("round half up", ROUND_HALF_UP, "四舍五入", "round to nearest, half away from zero", "round half up(5.55, 1) = 5.6")
_rounding("round half down", ROUND_HALF_DOWN, "五舍六入", "round to nearest, half toward zero",
          "round half down(5.55, 1) = 5.5")


def _whole(name: str, mode: str, chinese: str, english: str, example: str) -> None:
    @built_in(name, "n: number, scale?: number", chinese, english, example, group=GROUP)
    def whole(value: Decimal, scale: Decimal = Decimal(0)) -> Decimal | None:
        return round_to(value, scale, mode)


_whole("floor", ROUND_FLOOR, "不大于它的最大数", "largest number not above", "floor(-1.5) = -2")
_whole("ceiling", ROUND_CEILING, "不小于它的最小数", "smallest number not below", "ceiling(1.5) = 2")


@built_in("abs", "n: number | days and time duration | years and months duration", "绝对值", "absolute value",
          "abs(-10) = 10", group=GROUP)
def absolute(value: FeelValue) -> FeelValue:
    if isinstance(value, DaysTimeDuration):
        return DaysTimeDuration(abs(value.nanoseconds))
    return YearsMonthsDuration(abs(value.months)) if isinstance(value, YearsMonthsDuration) else value.copy_abs()


@built_in("modulo", "dividend: number, divisor: number", "取模，符号随除数", "remainder with the sign of the divisor",
          "modulo(-12, 5) = 3", group=GROUP)
def modulo(dividend: Decimal, divisor: Decimal) -> Decimal | None:
    if not divisor:
        return None
    remainder = _WIDE.remainder(dividend, divisor)
    if remainder and (remainder < 0) != (divisor < 0):
        remainder = _WIDE.add(remainder, divisor)
    return DECIMAL.plus(remainder)


def _unary(name: str, chinese: str, english: str, example: str) -> Callable[[Callable[[Decimal], FeelValue]], Any]:
    return built_in(name, "number: number", chinese, english, example, group=GROUP)


@_unary("sqrt", "平方根", "square root", "sqrt(16) = 4")
def square_root(value: Decimal) -> Decimal | None:
    return None if value < 0 else value.sqrt(DECIMAL)


@_unary("log", "自然对数", "natural logarithm", "decimal(log(10), 8) = 2.30258509")
def logarithm(value: Decimal) -> Decimal | None:
    return None if value <= 0 else value.ln(DECIMAL)


@_unary("exp", "e 的幂", "e to the power", "decimal(exp(5), 6) = 148.413159")
def exponential(value: Decimal) -> Decimal:
    return value.exp(DECIMAL)


@_unary("odd", "是否奇数", "whether odd", "odd(5) = true")
def odd(value: Decimal) -> bool | None:
    return None if value != value.to_integral_value() else modulo(value, Decimal(2)) == 1


@_unary("even", "是否偶数", "whether even", "even(5) = false")
def even(value: Decimal) -> bool | None:
    return None if value != value.to_integral_value() else modulo(value, Decimal(2)) == 0


_SEPARATORS = (" ", ",", ".", None)


@built_in("number", "from: string, grouping separator: string?, decimal separator: string?", "把文字读成数",
          "read a text as a number", 'number("1 000,0", " ", ",") = 1000', group="conversion")
def number(text: str, grouping: str | None = None, point: str | None = None) -> Decimal | None:
    if grouping not in _SEPARATORS or point not in (".", ",", None) or (grouping is not None and grouping == point):
        return None
    plain = text.replace(grouping, "") if grouping is not None else text
    plain = plain.replace(".", "x").replace(point, ".") if point not in (None, ".") else plain
    return _read_number(plain)


@built_in("number", "from: string | number")
def number_alone(value: FeelValue) -> Decimal | None:
    return value if isinstance(value, Decimal) else _read_number(value)


def _read_number(text: str) -> Decimal | None:
    if not text or len(text) > 7000 or any(character not in "0123456789.eE+-" for character in text):
        return None
    value = DECIMAL.create_decimal(text)
    return value if value.is_finite() else None
