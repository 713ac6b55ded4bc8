"""The built-in functions on lists (DMN 10.3.4.4), each declared with its documentation."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Decimal
from functools import cmp_to_key
from typing import Any

from workflows.feel.arithmetic import add
from workflows.feel.invocation import invoke
from workflows.feel.comparison import compare, contains, equal
from workflows.feel.registry import built_in
from workflows.feel.runtime import Run
from workflows.feel.temporal import DaysTimeDuration, YearsMonthsDuration
from workflows.feel.values import DECIMAL, FeelValue, Function

GROUP = "list"
Values = list[FeelValue]


@built_in("list contains", "list: list, element", "是否含有该元素", "whether the element is in the list",
          "list contains([1, 2, 3], 2) = true", group=GROUP, deep=True)
def list_contains(values: Values, element: FeelValue) -> bool:
    return contains(values, element)


@built_in("count", "list: list", "元素个数", "number of elements", "count([1, 2, 3]) = 3", group=GROUP)
def count(values: Values) -> Decimal:
    return Decimal(len(values))


def _aggregate(name: str, chinese: str, english: str, example: str) -> Callable[[Callable[[Values], FeelValue]], Any]:
    """A function of one list, or of its elements given one by one."""

    def declare(implementation: Callable[[Values], FeelValue]) -> Callable[[Values], FeelValue]:
        built_in(name, "list: list", chinese, english, example, group=GROUP)(implementation)
        built_in(name, "n...")(lambda *values: implementation(list(values)))
        return implementation

    return declare


def _extreme(values: Values, sign: int) -> FeelValue:
    if not values or any(value is None for value in values):
        return None
    best = values[0]
    for value in values:
        order = compare(value, best)
        if order is None:
            return None
        best = value if order * sign > 0 else best
    return best


@_aggregate("min", "最小者", "the smallest", "min([1, 2, 3]) = 1")
def minimum(values: Values) -> FeelValue:
    return _extreme(values, -1)


@_aggregate("max", "最大者", "the largest", "max(1, 2, 3) = 3")
def maximum(values: Values) -> FeelValue:
    return _extreme(values, 1)


@_aggregate("sum", "求和", "the sum", "sum([1, 2, 3]) = 6")
def total(values: Values) -> FeelValue:
    if not values or type(values[0]) not in (Decimal, DaysTimeDuration, YearsMonthsDuration):
        return None
    result = values[0]
    for value in values[1:]:
        result = add(result, value) if type(value) is type(result) else None
        if result is None:
            return None
    return result


def _numbers(values: Values) -> list[Decimal] | None:
    return values if values and all(type(value) is Decimal for value in values) else None


@_aggregate("mean", "平均数", "the arithmetic mean", "mean([1, 2, 3]) = 2")
def mean(values: Values) -> FeelValue:
    result = total(values)
    if isinstance(result, Decimal):
        return DECIMAL.divide(result, Decimal(len(values)))
    return type(result)(int(_amount(result) / len(values))) if result is not None else None


def _amount(value: FeelValue) -> int:
    return value.nanoseconds if isinstance(value, DaysTimeDuration) else int(value.months)


@_aggregate("product", "乘积", "the product", "product([2, 3, 4]) = 24")
def product(values: Values) -> Decimal | None:
    numbers = _numbers(values)
    if numbers is None:
        return None
    result = Decimal(1)
    for number in numbers:
        result = DECIMAL.multiply(result, number)
    return result


@_aggregate("median", "中位数", "the median", "median([8, 2, 5, 3, 4]) = 4")
def median(values: Values) -> Decimal | None:
    numbers = _numbers(values)
    if numbers is None:
        return None
    ordered = sorted(numbers)
    half = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[half]
    return DECIMAL.divide(DECIMAL.add(ordered[half - 1], ordered[half]), Decimal(2))


@_aggregate("stddev", "样本标准差", "the sample standard deviation", "decimal(stddev([2, 4, 7, 5]), 8) = 2.08166600")
def standard_deviation(values: Values) -> Decimal | None:
    numbers = _numbers(values)
    if numbers is None or len(numbers) < 2:
        return None
    wide = DECIMAL.copy()
    wide.prec, wide.rounding = 50, ROUND_HALF_EVEN
    middle = wide.divide(sum(numbers, Decimal(0)), Decimal(len(numbers)))
    squares = Decimal(0)
    for number in numbers:
        deviation = wide.subtract(number, middle)
        squares = wide.add(squares, wide.multiply(deviation, deviation))
    return DECIMAL.plus(wide.divide(squares, Decimal(len(numbers) - 1)).sqrt(wide))


@_aggregate("mode", "众数列表", "the most frequent numbers, ascending", "mode([6, 1, 9, 6, 1]) = [1, 6]")
def mode(values: Values) -> list[Decimal] | None:
    if not values:
        return []
    numbers = _numbers(values)
    if numbers is None:
        return None
    counts: dict[Decimal, int] = {}
    for number in numbers:
        counts[number] = counts.get(number, 0) + 1
    most = max(counts.values())
    return sorted(number for number, times in counts.items() if times == most)


def _all(values: Values) -> bool | None:
    """False if one is false, true if all are true, else null."""
    if False in [value for value in values if type(value) is bool]:
        return False
    return True if all(value is True for value in values) else None


def _any(values: Values) -> bool | None:
    if True in [value for value in values if type(value) is bool]:
        return True
    return False if all(value is False for value in values) else None


for _name, _rule, _chinese, _english, _example in (
    ("all", _all, "是否全为真", "whether all are true", "all([true, false]) = false"),
    ("any", _any, "是否有真", "whether one is true", "any([true, false]) = true"),
    ("and", _all, "同 all", "the same as all", "and([true, true]) = true"),
    ("or", _any, "同 any", "the same as any", "or([false, true]) = true"),
):
    _aggregate(_name, _chinese, _english, _example)(_rule)


@built_in("sublist", "list: list, start position: number, length?: number?", "从某位起取若干元素",
          "elements from a position on", "sublist([4, 5, 6], 1, 2) = [4, 5]", group=GROUP)
def sublist(values: Values, start: Decimal, length: Decimal | None = None) -> Values | None:
    first = int(start)
    if first == 0 or abs(first) > len(values):
        return None
    begin = first - 1 if first > 0 else len(values) + first
    if length is None:
        return values[begin:]
    if length < 0 or begin + int(length) > len(values):
        return None
    return values[begin : begin + int(length)]


@built_in("append", "list: list, item...", "在末尾添加", "add at the end", "append([1], 2, 3) = [1, 2, 3]", group=GROUP)
def append(values: Values, *items: FeelValue) -> Values:
    return [*values, *items]


@built_in("append", "list")
def append_nothing(values: FeelValue) -> Values | None:
    return list(values) if type(values) is list else None


@built_in("concatenate", "list...: list", "连接多个列表", "join lists", "concatenate([1, 2], [3]) = [1, 2, 3]", group=GROUP)
def concatenate(*lists: Values) -> Values:
    return [element for values in lists for element in values]


@built_in("insert before", "list: list, position: number, newItem", "在某位前插入", "insert before a position",
          "insert before([1, 3], 1, 2) = [2, 1, 3]", group=GROUP)
def insert_before(values: Values, position: Decimal, item: FeelValue) -> Values | None:
    index = _index(values, position)
    return None if index is None else [*values[:index], item, *values[index:]]


@built_in("remove", "list: list, position: number", "去掉某位", "leave out one position", "remove([1, 2, 3], 2) = [1, 3]",
          group=GROUP)
def remove(values: Values, position: Decimal) -> Values | None:
    index = _index(values, position)
    return None if index is None else [*values[:index], *values[index + 1 :]]


@built_in("list replace", "list: list, position: number, newItem", "替换某位，或替换函数判真的元素",
          "replace one position, or the elements the function accepts", "list replace([2, 4, 7], 3, 6) = [2, 4, 6]",
          group=GROUP)
def list_replace(values: Values, position: Decimal, item: FeelValue) -> Values | None:
    index = _index(values, position)
    return None if index is None else [*values[:index], item, *values[index + 1 :]]


@built_in("list replace", "list: list, match: function, newItem", with_run=True)
def list_replace_matching(run: Run, values: Values, match: Function, item: FeelValue) -> Values | None:
    replaced = []
    for element in values:
        verdict = invoke(match, [element, item], (), run)
        if type(verdict) is not bool:
            return None
        replaced.append(item if verdict else element)
    return replaced


def _index(values: Values, position: Decimal) -> int | None:
    """The index of a position that exists, counted from 1 or, negative, from the end."""
    if position.adjusted() > 15:
        return None
    index = int(position)
    if index == 0 or abs(index) > len(values):
        return None
    return index - 1 if index > 0 else len(values) + index


@built_in("reverse", "list: list", "倒序", "in reverse order", "reverse([1, 2, 3]) = [3, 2, 1]", group=GROUP)
def reverse(values: Values) -> Values:
    return values[::-1]


@built_in("index of", "list: list, match", "元素所在的各位置", "the positions of an element",
          "index of([1, 2, 3, 2], 2) = [2, 4]", group=GROUP, deep=True)
def index_of(values: Values, match: FeelValue) -> list[Decimal]:
    return [Decimal(index) for index, element in enumerate(values, 1) if equal(element, match) is True]


@built_in("distinct values", "list: list", "去重", "without duplicates", "distinct values([1, 2, 1]) = [1, 2]", group=GROUP,
          with_run=True, deep=True)
def distinct_values(run: Run, values: Values) -> Values:
    kept: Values = []
    seen: set[Any] = set()
    for element in values:
        key = (type(element), element) if type(element) in (str, Decimal, bool, type(None)) else None
        if key is not None:
            if key not in seen:
                seen.add(key)
                kept.append(element)
            continue
        run.charge(len(kept))
        if not contains(kept, element):
            kept.append(element)
    return kept


@built_in("union", "list...: list", "合并去重", "join lists without duplicates", "union([1, 2], [2, 3]) = [1, 2, 3]",
          group=GROUP, with_run=True, deep=True)
def union(run: Run, *lists: Values) -> Values:
    return distinct_values(run, concatenate(*lists))


@built_in("flatten", "list: list", "摊平嵌套列表", "nested lists made flat", "flatten([[1, 2], [[3]], 4]) = [1, 2, 3, 4]",
          group=GROUP, with_run=True)
def flatten(run: Run, values: Values) -> Values:
    flat: Values = []
    for element in values:
        run.charge(1)
        if type(element) is list:
            flat.extend(flatten(run, element))
        else:
            flat.append(element)
    return flat


class _NoOrder(Exception):
    """Two elements have no common order."""


@built_in("sort", "list: list, precedes: function", "按比较函数排序", "ordered by a function",
          "sort([3, 1, 2], function(x, y) x < y) = [1, 2, 3]", group=GROUP, with_run=True)
def sort(run: Run, values: Values, precedes: Function) -> Values | None:
    if len(precedes.parameters) != 2:
        return None

    def order(left: FeelValue, right: FeelValue) -> int:
        if invoke(precedes, [left, right], (), run) is True:
            return -1
        return 1 if invoke(precedes, [right, left], (), run) is True else 0

    return sorted(values, key=cmp_to_key(order))


@built_in("sort", "list: list")
def sort_naturally(values: Values) -> Values | None:
    def order(left: FeelValue, right: FeelValue) -> int:
        found = compare(left, right)
        if found is None:
            raise _NoOrder
        return found

    try:
        return sorted(values, key=cmp_to_key(order))
    except _NoOrder:
        return None
