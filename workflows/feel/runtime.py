"""What one evaluation carries: the caller's functions and moment, the step budget, and the chain of name scopes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from workflows.feel.errors import FeelLimitError, Words
from workflows.feel.values import FeelValue, from_python

MAXIMUM_STEPS = 1_000_000
MAXIMUM_STRING = 200_000
MAXIMUM_CALLS = 60


class Run:
    """One evaluation. `steps` is what is left of its budget; `calls` how deep function calls are nested.

    `read` keeps lists and contexts converted from the caller's variables, so that a loop converts each only once.
    """

    __slots__ = ("functions", "now", "steps", "calls", "read")

    def __init__(self, functions: Mapping[str, Callable[..., Any]] | None, now: datetime | None) -> None:
        self.functions = functions
        self.now = now
        self.steps = MAXIMUM_STEPS
        self.calls = 0
        self.read: dict[tuple[int, object], tuple[object, FeelValue]] = {}

    def charge(self, steps: int) -> None:
        """Take `steps` from the budget; FeelLimitError when it is used up."""
        self.steps -= steps
        if self.steps < 0:
            raise FeelLimitError(
                Words(
                    f"表达式超过 {MAXIMUM_STEPS:,} 步，已停止；请减少循环，或先筛选",
                    f"the expression took more than {MAXIMUM_STEPS:,} steps and was stopped; loop over less, or filter first",
                )
            )

    def charge_value(self, value: FeelValue) -> None:
        """Take a step for every element of nested lists and contexts: what looking through all of it may cost."""
        kind = type(value)
        if kind is list or kind is dict:
            self.charge(len(value))
            for element in value if kind is list else value.values():
                if type(element) is list or type(element) is dict:
                    self.charge_value(element)

    def convert(self, frame: object, key: object, value: FeelValue) -> FeelValue:
        """The FEEL value of one of the caller's variables, remembered for this run when it is a list or a dict."""
        if type(value) is not list and type(value) is not dict:
            return from_python(value)
        known = self.read.get((id(frame), key))
        if known is None:
            known = self.read[(id(frame), key)] = (frame, from_python(value))
        return known[1]

    def check_text(self, text: str) -> str:
        """`text` unless it is longer than one evaluation may build."""
        if len(text) > MAXIMUM_STRING:
            raise FeelLimitError(Words(f"表达式造出的文字超过 {MAXIMUM_STRING:,} 字，已停止", f"the expression built a text of more than {MAXIMUM_STRING:,} characters and was stopped"))
        self.charge(len(text) >> 10)
        return text


class Scope:
    """One frame of names. `frame` is a mapping of names, or any value when the frame is a filtered item."""

    __slots__ = ("frame", "parent", "run")

    def __init__(self, frame: FeelValue, parent: Scope | None, run: Run) -> None:
        self.frame = frame
        self.parent = parent
        self.run = run
