"""The closures of the operators: arithmetic, comparison and three-valued logic (DMN tables 50 to 60)."""

from __future__ import annotations

from collections.abc import Callable

from workflows.feel.arithmetic import add, divide, multiply, negate, power, subtract
from workflows.feel.comparison import compare, equal, matches_test
from workflows.feel.runtime import Scope
from workflows.feel.values import FeelValue, Range

Code = Callable[[Scope], FeelValue]
_ORDERS: dict[str, Callable[[int], bool]] = {
    "<": lambda order: order < 0,
    "<=": lambda order: order <= 0,
    ">": lambda order: order > 0,
    ">=": lambda order: order >= 0,
}
_ARITHMETIC = {"-": subtract, "*": multiply, "/": divide, "**": power}


def binary(operator: str, left: Code, right: Code) -> Code:
    """The closure of a binary operator over the closures of its sides."""
    match operator:
        case "and":
            return _and(left, right)
        case "or":
            return _or(left, right)
        case "=":
            return _equal(left, right)
        case "!=":
            return _unequal(left, right)
        case "+":
            return _plus(left, right)
        case "-" | "*" | "/" | "**":
            operation = _ARITHMETIC[operator]
            return lambda scope: operation(left(scope), right(scope))
    return _ordered(left, right, _ORDERS[operator])


def negation(operand: Code) -> Code:
    """The closure of an arithmetic negation."""
    return lambda scope: negate(operand(scope))


def _equal(left: Code, right: Code) -> Code:
    def same(scope: Scope) -> bool | None:
        first, second = left(scope), right(scope)
        if type(first) is list or type(first) is dict:
            scope.run.charge_value(first)
        return equal(first, second)

    return same


def _unequal(left: Code, right: Code) -> Code:
    check = _equal(left, right)

    def unequal(scope: Scope) -> bool | None:
        same = check(scope)
        return None if same is None else not same

    return unequal


def _plus(left: Code, right: Code) -> Code:
    def plus(scope: Scope) -> FeelValue:
        total = add(left(scope), right(scope))
        return scope.run.check_text(total) if type(total) is str else total

    return plus


def _ordered(left: Code, right: Code, accepts: Callable[[int], bool]) -> Code:
    def ordered(scope: Scope) -> bool | None:
        order = compare(left(scope), right(scope))
        return None if order is None else accepts(order)

    return ordered


def _and(left: Code, right: Code) -> Code:
    def conjunction(scope: Scope) -> bool | None:
        first = left(scope)
        if first is False:
            return False
        second = right(scope)
        if second is False:
            return False
        return True if first is True and second is True else None

    return conjunction


def _or(left: Code, right: Code) -> Code:
    def disjunction(scope: Scope) -> bool | None:
        first = left(scope)
        if first is True:
            return True
        second = right(scope)
        if second is True:
            return True
        return False if first is False and second is False else None

    return disjunction


def between(value: Code, low: Code, high: Code) -> Code:
    """The closure of `value between low and high`."""
    def inside(scope: Scope) -> bool | None:
        tested = value(scope)
        first, second = compare(tested, low(scope)), compare(tested, high(scope))
        if (first is not None and first < 0) or (second is not None and second > 0):
            return False
        return None if first is None or second is None else True

    return inside


def charged_test(value: FeelValue, test: FeelValue, scope: Scope) -> bool | None:
    """`value in test`; a list that is looked through costs its length."""
    if type(test) is list:
        scope.run.charge(len(test))
    return matches_test(value, test)


def make_range(low: FeelValue, high: FeelValue, low_included: bool, high_included: bool) -> Range | None:
    """An interval of two comparable endpoints; null when they are not comparable."""
    if low is not None and high is not None and compare(low, high) is None:
        return None
    return Range(low, high, low_included, high_included)


def unary_range(operator: str, end: FeelValue) -> Range | None:
    """The range a unary test such as `< 5` stands for."""
    if operator in ("=", "!="):
        return Range(end, end, True, True, operator)
    if end is None or compare(end, end) is None:
        return None
    included = operator in ("<=", ">=")
    return Range(end, None, included, False, operator) if operator[0] == ">" else Range(None, end, False, included, operator)
