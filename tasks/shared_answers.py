"""Expressions asked again and again for many cases of one chunk: equal inputs, one evaluation. It knows no setting's meaning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from workflows.case import Case
from workflows.feel import compile_expression
from workflows.host import Functions, feel

CASE_BOUND = frozenset({"seen_before"})  # host functions whose answer depends on more of the case than their arguments


class SharedAnswers:
    """Lives as long as one chunk in one transaction: what host functions read from tables cannot change meanwhile.

    Two cases get the same answer when the text, the moment, the cycle and every value the expression reads are equal.
    An answer is shared: whoever takes it must not change it.
    """

    def __init__(self) -> None:
        self._answers: dict[tuple[Any, ...], Any] = {}

    def ask(self, case: Case, functions: Functions, text: str | None, extra: Mapping[str, Any] | None = None) -> Any:
        """The same as `workflows.host.feel`."""
        if text is None or not text.startswith("="):
            return text
        expression = compile_expression(text[1:])
        if expression.called & CASE_BOUND:
            return feel(case, functions, text, extra)
        key = (text, case.version.id, case.now, case.cycle, _inputs(expression, {**case.feel(), **(extra or {})}))
        if key not in self._answers:
            self._answers[key] = feel(case, functions, text, extra)
        return self._answers[key]


def _inputs(expression: Any, variables: Mapping[str, Any]) -> bytes:
    """Everything the expression can read: the values at its paths, and whole the names that a filter may take from outside."""
    read = [[list(path), _look_up(variables, path)] for path in sorted(expression.paths)]
    read += [[name, variables.get(name)] for name in sorted(expression.item_names)]
    return orjson.dumps(read, default=str)


def _look_up(variables: Any, path: tuple[str, ...]) -> Any:
    for part in path:
        variables = variables.get(part) if isinstance(variables, Mapping) else None
    return variables
