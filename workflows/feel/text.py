"""How a value reads as text: what `string(...)` gives (DMN 10.3.4.1)."""

from __future__ import annotations

from decimal import Decimal

from workflows.feel.errors import FeelLimitError, Words
from workflows.feel.values import MAXIMUM_DEPTH, FeelValue, Range

_LONGEST = 200_000


def to_text(value: FeelValue) -> str:
    """The text of any value; texts inside lists and contexts are quoted, a text alone is not."""
    return value if isinstance(value, str) else _Writer().write(value, MAXIMUM_DEPTH)


class _Writer:
    """Writes one value, refusing to grow past _LONGEST characters."""

    def __init__(self) -> None:
        self.written = 0

    def write(self, value: FeelValue, depth: int) -> str:
        text = self._write(value, depth)
        self.written += len(text) if not isinstance(value, (list, dict)) else 4
        if depth < 0 or self.written > _LONGEST:
            raise FeelLimitError(Words("值太大，不能转成文字", "the value is too large to be written as text"))
        return text

    def _write(self, value: FeelValue, depth: int) -> str:
        match value:
            case None:
                return "null"
            case bool():
                return "true" if value else "false"
            case Decimal():
                return number_text(value)
            case str():
                return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
            case list():
                return "[" + ", ".join(self.write(element, depth - 1) for element in value) + "]"
            case dict():
                return "{" + ", ".join(f"{_key(key)}: {self.write(entry, depth - 1)}" for key, entry in value.items()) + "}"
            case Range():
                return self._range(value, depth)
        return str(value)

    def _range(self, value: Range, depth: int) -> str:
        if value.operator:
            end = value.end if value.start is None else value.start
            return f"{value.operator} {self.write(end, depth - 1)}"
        opening, closing = "[" if value.start_included else "(", "]" if value.end_included else ")"
        return f"{opening}{self.write(value.start, depth - 1)}..{self.write(value.end, depth - 1)}{closing}"


def number_text(value: Decimal) -> str:
    """Plain digits, no exponent and no zeros at the end."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def _key(key: str) -> str:
    plain = key.replace(" ", "_").isidentifier()
    return key if plain else '"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'
