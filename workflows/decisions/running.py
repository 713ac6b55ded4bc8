"""One evaluation of a decision model: the FEEL run plus the problems and the matched rules it collects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from workflows.feel import Words
from workflows.feel.runtime import Run
from workflows.feel.values import FeelValue, Names


@dataclass(frozen=True, slots=True)
class Match:
    """A rule that matched: the table's decision, the rule's number from 1 and id, and its annotations by column."""

    decision_id: str
    rule_number: int
    rule_id: str
    annotations: Mapping[str, str] = field(default_factory=dict)


class DecisionRun(Run):
    """A Run that also keeps `errors` (plain words) and `matched` rules, and knows which element is being evaluated."""

    __slots__ = ("errors", "matched", "element_id", "element_name")

    def __init__(self, functions: Mapping[str, Callable[..., Any]] | None, now: datetime | None) -> None:
        super().__init__(functions, now)
        self.errors: list[Words] = []
        self.matched: list[Match] = []
        self.element_id = ""
        self.element_name = ""

    def problem(self, words: Words) -> None:
        """Note what went wrong, with the element it went wrong in."""
        name = self.element_name
        self.errors.append(Words(f"{name}：{words}", f"{name}: {words.en}") if name else words)


Code: TypeAlias = Callable[[Names, DecisionRun], FeelValue]
