"""What can go wrong with an expression before or beside its value, in Chinese and English: bad syntax and exhausted limits.

Run-time type errors are not here: they are the value null, as the standard demands.
"""

from __future__ import annotations


class Words(str):
    """A sentence for people: the text itself is Chinese, `en` is English."""

    en: str

    def __new__(cls, zh: str, en: str) -> Words:
        words = super().__new__(cls, zh)
        words.en = en
        return words


class FeelError(ValueError):
    """An expression was refused or stopped; str() says why in Chinese, `words.en` in English."""

    def __init__(self, words: Words) -> None:
        super().__init__(words)
        self.words = words


class FeelSyntaxError(FeelError):
    """The text is not FEEL; `line` and `column` count from 1, `hint` says what to write instead (may be empty)."""

    def __init__(self, reason: Words, line: int = 1, column: int = 1, hint: Words | None = None) -> None:
        advice_zh, advice_en = (f"；{hint}", f"; {hint.en}") if hint else ("", "")
        super().__init__(
            Words(f"{reason}（第 {line} 行第 {column} 列）{advice_zh}", f"{reason.en} (line {line}, column {column}){advice_en}")
        )
        self.reason = reason
        self.line = line
        self.column = column
        self.hint = hint or Words("", "")


class FeelLimitError(FeelError):
    """The evaluation would cost more steps, depth or memory than one expression may use."""
