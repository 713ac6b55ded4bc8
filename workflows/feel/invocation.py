"""Invokes function values and the host's functions: arguments by position or name, coercion at declared types, bounded depth.

It knows no expressions.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from types import CodeType, FunctionType
from typing import Any

from workflows.feel.errors import FeelLimitError, Words
from workflows.feel.runtime import MAXIMUM_CALLS, Run
from workflows.feel.types import Type, coerce
from workflows.feel.values import FeelValue, Function, from_python, to_python


def invoke(function: Function, arguments: Sequence[FeelValue], names: Sequence[str], run: Run) -> FeelValue:
    """Call a function value; null when the arguments do not fit its parameters or the result its declared type."""
    run.charge(1)
    run.calls += 1
    if run.calls > MAXIMUM_CALLS:
        raise FeelLimitError(Words(f"函数互相调用超过 {MAXIMUM_CALLS} 层", f"functions call each other more than {MAXIMUM_CALLS} levels deep"))
    try:
        if not names:
            return function.call(arguments, run)
        given = dict(zip(names, arguments, strict=True))
        if function.call_named is not None:
            return function.call_named(given, run)
        if not set(given) <= set(function.parameters):
            return None
        return function.call([given.get(name) for name in function.parameters], run)
    finally:
        run.calls -= 1


def call_host(function: Callable[..., Any], arguments: Sequence[FeelValue], names: Sequence[str]) -> FeelValue:
    """Call a function of the host with Python values; null when its signature does not take these arguments."""
    values = [to_python(argument) for argument in arguments]
    if names:
        named = dict(zip(names, values, strict=True))
        return from_python(function(**named)) if _fits(function, 0, frozenset(named)) else None
    return from_python(function(*values)) if _fits(function, len(values), frozenset()) else None


def _fits(function: Callable[..., Any], count: int, names: frozenset[str]) -> bool:
    """Whether the function takes these arguments. The host makes its functions anew for each case; what they take stands in their code."""
    if not isinstance(function, FunctionType):
        return _binds(function, count, names)
    key = (function.__code__, count, names)
    if key not in _KNOWN:
        _KNOWN[key] = _binds(function, count, names)
    return _KNOWN[key]


_KNOWN: dict[tuple[CodeType, int, frozenset[str]], bool] = {}


def _binds(function: Callable[..., Any], count: int, names: frozenset[str]) -> bool:
    try:
        inspect.signature(function).bind(*range(count), **dict.fromkeys(names))
    except TypeError:
        return False
    except ValueError:
        return True
    return True


def closure(
    name: str, parameters: tuple[str, ...], types: Sequence[Type | None], result: Type | None,
    body: Callable[[dict[str, FeelValue], Run], FeelValue],
) -> Function:
    """A function value with declared types: each argument is coerced, one that does not fit makes the result null."""

    def call(arguments: Sequence[FeelValue], run: Run) -> FeelValue:
        if len(arguments) != len(parameters):
            return None
        frame: dict[str, FeelValue] = {}
        for parameter, type_, argument in zip(parameters, types, arguments, strict=True):
            value = coerce(argument, type_)
            if value is None and argument is not None:
                return None
            frame[parameter] = value
        return coerce(body(frame, run), result)

    return Function(name, parameters, call, types, result)
