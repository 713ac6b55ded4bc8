"""The built-in relations between points and ranges (DMN 10.3.4.7, table 78) and range(); null when a pair has no order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workflows.feel import syntax
from workflows.feel.comparison import compare, in_range
from workflows.feel.errors import FeelSyntaxError
from workflows.feel.literals import parse_date, parse_date_time, parse_duration, parse_time
from workflows.feel.parser import parse_expression
from workflows.feel.registry import built_in
from workflows.feel.values import FeelValue, Range

GROUP = "range"
Relation = Callable[[FeelValue, FeelValue], bool | None]


class _Undefined(Exception):
    """Two points have no common order."""


def _order(left: FeelValue, right: FeelValue) -> int:
    found = compare(left, right)
    if found is None:
        raise _Undefined
    return found


def _relation(name: str, first: str, second: str, chinese: str = "", english: str = "", example: str = "") -> Any:
    """Declare a relation of two arguments given as `name: kind`."""

    def declare(rule: Relation) -> Relation:
        def guarded(left: FeelValue, right: FeelValue) -> bool | None:
            try:
                return rule(left, right)
            except _Undefined:
                return None

        built_in(name, f"{first}, {second}", chinese, english, example, group=GROUP)(guarded)
        return rule

    return declare


_POINT = "number | string | date | time | date and time | days and time duration | years and months duration"
POINT, POINT1, POINT2 = (f"{name}: {_POINT}" for name in ("point", "point1", "point2"))
RANGE, RANGE1, RANGE2 = (f"{name}: range" for name in ("range", "range1", "range2"))


def _ends_before(left: Range, right: Range) -> bool:
    """left lies wholly before right."""
    if left.end is None or right.start is None:
        return False
    order = _order(left.end, right.start)
    return order < 0 or (order == 0 and not (left.end_included and right.start_included))


def _point_before_range(point: FeelValue, range_: Range) -> bool:
    order = -1 if range_.start is None else _order(point, range_.start)
    if range_.start is None:
        return False
    return order < 0 or (order == 0 and not range_.start_included)


def _range_before_point(range_: Range, point: FeelValue) -> bool:
    if range_.end is None:
        return False
    order = _order(range_.end, point)
    return order < 0 or (order == 0 and not range_.end_included)


_relation("before", POINT1, POINT2, "在前", "lies before", "before(1, [5..10]) = true")(lambda a, b: _order(a, b) < 0)
_relation("before", POINT, RANGE)(_point_before_range)
_relation("before", RANGE, POINT)(_range_before_point)
_relation("before", RANGE1, RANGE2)(_ends_before)
_relation("after", POINT1, POINT2, "在后", "lies after", "after(12, [5..10]) = true")(lambda a, b: _order(a, b) > 0)
_relation("after", POINT, RANGE)(lambda a, b: _range_before_point(b, a))
_relation("after", RANGE, POINT)(lambda a, b: _point_before_range(b, a))
_relation("after", RANGE1, RANGE2)(lambda a, b: _ends_before(b, a))


def _meets(left: Range, right: Range) -> bool:
    if left.end is None or right.start is None:
        return False
    return left.end_included and right.start_included and _order(left.end, right.start) == 0


_relation("meets", RANGE1, RANGE2, "首尾相接", "ends where the other starts", "meets([1..5], [5..10]) = true")(_meets)
_relation("met by", RANGE1, RANGE2, "被首尾相接", "starts where the other ends", "met by([5..10], [1..5]) = true")(
    lambda a, b: _meets(b, a)
)


def _start_order(left: Range, right: Range) -> int:
    """Which range starts earlier: negative for left. An unbounded start is the earliest."""
    if left.start is None or right.start is None:
        return (left.start is not None) - (right.start is not None)
    return _order(left.start, right.start) or right.start_included - left.start_included


def _end_order(left: Range, right: Range) -> int:
    """Which range ends earlier: negative for left. An unbounded end is the latest."""
    if left.end is None or right.end is None:
        return (left.end is None) - (right.end is None)
    return _order(left.end, right.end) or left.end_included - right.end_included


def _overlaps(left: Range, right: Range) -> bool:
    return not _ends_before(left, right) and not _ends_before(right, left)


def _overlaps_before(left: Range, right: Range) -> bool:
    return _start_order(left, right) < 0 and _end_order(left, right) <= 0 and _overlaps(left, right)


_relation("overlaps", RANGE1, RANGE2, "有交集", "shares a point", "overlaps([1..5], [3..8]) = true")(_overlaps)
_relation("overlaps before", RANGE1, RANGE2, "从前面交叠", "begins earlier and ends inside",
          "overlaps before([1..5], [3..8]) = true")(_overlaps_before)
_relation("overlaps after", RANGE1, RANGE2, "从后面交叠", "begins inside and ends later",
          "overlaps after([3..8], [1..5]) = true")(lambda a, b: _overlaps_before(b, a))


def _finishes(left: Range, right: Range) -> bool:
    return _end_order(left, right) == 0 and _start_order(left, right) >= 0


def _starts(left: Range, right: Range) -> bool:
    return _start_order(left, right) == 0 and _end_order(left, right) <= 0


def _point_finishes(point: FeelValue, range_: Range) -> bool:
    return range_.end is not None and range_.end_included and _order(point, range_.end) == 0


def _point_starts(point: FeelValue, range_: Range) -> bool:
    return range_.start is not None and range_.start_included and _order(point, range_.start) == 0


_relation("finishes", POINT, RANGE, "同时结束", "ends together with", "finishes([3..10], [1..10]) = true")(_point_finishes)
_relation("finishes", RANGE1, RANGE2)(_finishes)
_relation("finished by", RANGE, POINT, "被同时结束", "is ended together with", "finished by([1..10], 10) = true")(
    lambda a, b: _point_finishes(b, a)
)
_relation("finished by", RANGE1, RANGE2)(lambda a, b: _finishes(b, a))
_relation("starts", POINT, RANGE, "同时开始", "begins together with", "starts(1, [1..10]) = true")(_point_starts)
_relation("starts", RANGE1, RANGE2)(_starts)
_relation("started by", RANGE, POINT, "被同时开始", "is begun together with", "started by([1..10], 1) = true")(
    lambda a, b: _point_starts(b, a)
)
_relation("started by", RANGE1, RANGE2)(lambda a, b: _starts(b, a))


def _includes(outer: Range, inner: FeelValue) -> bool:
    if isinstance(inner, Range):
        return _start_order(outer, inner) <= 0 and _end_order(outer, inner) >= 0
    inside = in_range(inner, outer)
    if inside is None:
        raise _Undefined
    return inside


_relation("includes", RANGE, POINT, "包含", "has it inside", "includes([5..10], 6) = true")(_includes)
_relation("includes", RANGE1, RANGE2)(_includes)
_relation("during", POINT, RANGE, "被包含", "lies inside", "during(5, [1..10]) = true")(lambda a, b: _includes(b, a))
_relation("during", RANGE1, RANGE2)(lambda a, b: _includes(b, a))


def _coincides(left: Range, right: Range) -> bool:
    return _start_order(left, right) == 0 and _end_order(left, right) == 0


_relation("coincides", POINT1, POINT2, "重合", "is the same", "coincides(5, 5) = true")(lambda a, b: _order(a, b) == 0)
_relation("coincides", RANGE1, RANGE2)(_coincides)


@built_in("range", "from: string", "由文字造区间", "a range from its text", 'range("[18..21)").start = 18', group="conversion")
def range_from(text: str) -> Range | None:
    """The text holds two literal endpoints of one kind, the first not above the second."""
    try:
        node = parse_expression(text)
    except FeelSyntaxError:
        return None
    if not isinstance(node, syntax.Interval):
        return None
    start, end = _endpoint(node.start), _endpoint(node.end)
    order = None if type(start) is not type(end) else compare(start, end)
    return None if order is None or order > 0 else Range(start, end, node.start_included, node.end_included)


def _endpoint(node: syntax.Node) -> FeelValue:
    """A literal, or a literal text inside date, time, date and time or duration."""
    if isinstance(node, syntax.Literal):
        return node.value
    if isinstance(node, syntax.Call) and isinstance(node.function, syntax.Name) and len(node.arguments) == 1:
        argument = node.arguments[0][1]
        reader = _ENDPOINT_READERS.get(node.function.text)
        if reader is not None and isinstance(argument, syntax.Literal) and isinstance(argument.value, str):
            return reader(argument.value)
    return None


_ENDPOINT_READERS: dict[str, Callable[[str], FeelValue]] = {
    "date": parse_date, "time": parse_time, "date and time": parse_date_time, "duration": parse_duration,
}
