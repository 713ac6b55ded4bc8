"""What reading a decision model found wrong, and the refusal of an unknown decision."""

from __future__ import annotations

from dataclasses import dataclass

from workflows.feel import Words


class DecisionError(ValueError):
    """What was asked for cannot be decided; str() is Chinese, `words.en` English."""

    def __init__(self, words: Words) -> None:
        super().__init__(words)
        self.words = words


@dataclass(frozen=True, slots=True)
class Finding:
    """One remark on a model. `severity` is error or warning; `line` counts from 1, 0 when unknown.

    `reason` and `advice` read as Chinese, their `.en` as English.
    """

    severity: str
    line: int
    element_id: str
    name: str
    reason: Words
    advice: Words
