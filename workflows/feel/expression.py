"""Compiled expressions and decision table cells: what the rest of the engine evaluates. Compiling is cached by text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeVar

from workflows.feel import syntax
from workflows.feel.compiler import Code, Compiler, any_holds
from workflows.feel.errors import FeelLimitError, Words
from workflows.feel.parser import parse_expression, parse_unary_tests
from workflows.feel.runtime import Run, Scope
from workflows.feel.values import FeelValue, from_python, to_python

Functions = Mapping[str, Callable[..., Any]]
Found = TypeVar("Found")


class Expression:
    """A compiled expression. `names` are the free names it reads, `paths` the dotted paths, `item_names` names inside
    filters that may be an entry of the item or a free name, `called` functions neither built in nor defined in the text."""

    def __init__(self, text: str, tree: syntax.Node) -> None:
        compiler = Compiler()
        self.text = text
        self.tree = tree
        self.code: Code = compiler.compile(tree)
        self.names = frozenset(compiler.names)
        self.item_names = frozenset(compiler.item_names)
        self.paths = frozenset(compiler.paths)
        self.called = frozenset(compiler.called)

    def evaluate(
        self, variables: Mapping[str, Any], functions: Functions | None = None, now: datetime | None = None
    ) -> Any:
        """The value for these variables (plain JSON or FEEL values); an unknown name is null.

        Dates, times and days-and-time durations come back as Python's own classes where those can hold them, numbers
        as Decimal. `now` is the aware moment that now() and today() tell. Raises FeelError when a limit is reached.
        """
        run = Run(functions, now)
        value = self.value(variables, run)
        if type(value) is list or type(value) is dict:
            guarded(run.charge_value, value)
        return to_python(value)

    def value(self, variables: Mapping[str, Any], run: Run) -> FeelValue:
        """Like evaluate, with FEEL's own classes and a running budget."""
        return guarded(self.code, Scope(variables, None, run))

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"


class UnaryTests:
    """A compiled decision table cell. `literals` are its values when it only compares with literals (None otherwise)."""

    def __init__(self, text: str, tree: syntax.UnaryTests) -> None:
        compiler = Compiler()
        self.text = text
        self.tree = tree
        self.negated = tree.negated
        self.tests = [compiler.test(test) for test in tree.tests]
        self.names = frozenset(compiler.names - {"?"})
        self.item_names = frozenset(compiler.item_names)
        self.paths = frozenset(compiler.paths)
        self.called = frozenset(compiler.called)
        literal = tree.tests and not tree.negated and all(isinstance(test, syntax.Literal) for test in tree.tests)
        self.literals = tuple(test.value for test in tree.tests if isinstance(test, syntax.Literal)) if literal else None

    def matches(
        self, value: Any, variables: Mapping[str, Any], functions: Functions | None = None, now: datetime | None = None
    ) -> bool | None:
        """Whether the value passes; null when that cannot be said. `-` and an empty cell pass everything."""
        return self.test(from_python(value), variables, Run(functions, now))

    def test(self, value: FeelValue, variables: Mapping[str, Any], run: Run) -> bool | None:
        """Like matches, for a FEEL value and a running budget."""
        if not self.tests:
            return True
        scope = Scope({"?": value}, Scope(variables, None, run), run)
        result = guarded(any_holds, self.tests, value, scope)
        return (None if result is None else not result) if self.negated else result


def guarded(code: Callable[..., Found], *arguments: Any) -> Found:
    """Run compiled code; too deep a recursion is a limit like the others."""
    try:
        return code(*arguments)
    except RecursionError:
        raise FeelLimitError(Words("求值嵌套太深；可能有函数无休止地调用自己", "the evaluation is nested too deeply; a function may call itself without end")) from None


@lru_cache(maxsize=8192)
def _compile_expression(text: str, known_names: frozenset[str]) -> Expression:
    return Expression(text, parse_expression(text, known_names))


@lru_cache(maxsize=16384)
def _compile_unary_tests(text: str, known_names: frozenset[str]) -> UnaryTests:
    return UnaryTests(text, parse_unary_tests(text, known_names))


def compile_expression(text: str, known_names: Iterable[str] = ()) -> Expression:
    """Compile FEEL text, cached. `known_names` helps with names that hold marks or keywords, such as `a+b`.

    Raises FeelSyntaxError with line, column and hint.
    """
    return guarded(_compile_expression, text, frozenset(known_names))


def compile_unary_tests(text: str, known_names: Iterable[str] = ()) -> UnaryTests:
    """Compile the text of a decision table's cell, cached."""
    return guarded(_compile_unary_tests, text, frozenset(known_names))


