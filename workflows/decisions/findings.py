"""What reading a decision model found wrong, and the error for a file that is no decision model at all."""

from __future__ import annotations

from dataclasses import dataclass


class DecisionError(ValueError):
    """The file cannot be read as a DMN model, or an unknown decision was asked for; the text says why in plain words."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One remark on a model. `severity` is error or warning; `line` counts from 1, 0 when unknown."""

    severity: str
    line: int
    element_id: str
    name: str
    reason: str
    advice: str
