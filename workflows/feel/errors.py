"""What can go wrong with an expression before or beside its value: bad syntax and exhausted limits.

Run-time type errors are not here: they are the value null, as the standard demands.
"""

from __future__ import annotations


class FeelError(ValueError):
    """An expression was refused or stopped; the text says why in plain words."""


class FeelSyntaxError(FeelError):
    """The text is not FEEL; `line` and `column` count from 1, `hint` says what to write instead (may be empty)."""

    def __init__(self, reason: str, line: int = 1, column: int = 1, hint: str = "") -> None:
        place = f"line {line}, column {column}"
        super().__init__(f"{reason} ({place})" + (f"; {hint}" if hint else ""))
        self.reason = reason
        self.line = line
        self.column = column
        self.hint = hint


class FeelLimitError(FeelError):
    """The evaluation would cost more steps, depth or memory than one expression may use."""
