"""What one evaluation carries: the caller's functions and moment, the step budget, and the chain of name scopes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from workflows.feel.errors import FeelLimitError
from workflows.feel.values import FeelValue

MAXIMUM_STEPS = 1_000_000
MAXIMUM_STRING = 1_000_000
MAXIMUM_CALLS = 60


class Run:
    """One evaluation. `steps` is what is left of its budget; `calls` how deep function calls are nested."""

    __slots__ = ("functions", "now", "steps", "calls")

    def __init__(self, functions: Mapping[str, Callable[..., Any]] | None, now: datetime | None) -> None:
        self.functions = functions
        self.now = now
        self.steps = MAXIMUM_STEPS
        self.calls = 0

    def charge(self, steps: int) -> None:
        """Take `steps` from the budget; FeelLimitError when it is used up."""
        self.steps -= steps
        if self.steps < 0:
            raise FeelLimitError(
                f"the expression took more than {MAXIMUM_STEPS:,} steps and was stopped; loop over less, or filter first"
            )

    def check_text(self, text: str) -> str:
        """`text` unless it is longer than one evaluation may build."""
        if len(text) > MAXIMUM_STRING:
            raise FeelLimitError(f"the expression built a text of more than {MAXIMUM_STRING:,} characters and was stopped")
        self.charge(len(text) >> 10)
        return text


class Scope:
    """One frame of names. `frame` is a mapping of names, or any value when the frame is a filtered item."""

    __slots__ = ("frame", "parent", "run")

    def __init__(self, frame: FeelValue, parent: Scope | None, run: Run) -> None:
        self.frame = frame
        self.parent = parent
        self.run = run
