"""Cuts the text of an expression into tokens (DMN 10.3.1.2); it knows no grammar."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass

from workflows.feel.errors import FeelSyntaxError, Words

MAXIMUM_TEXT = 100_000

# Full-width marks are name characters to the standard; nobody who types one means a name, so they are refused with a hint.
FULL_WIDTH = {
    "（": "(", "）": ")", "，": ",", "：": ":", "＜": "<", "＞": ">", "＝": "=", "＋": "+", "－": "-", "＊": "*", "／": "/",
    "［": "[", "］": "]", "｛": "{", "｝": "}", "“": '"', "”": '"', "。": ".", "；": ",", "、": ",", "！": "!", "？": "?",
    "≥": ">=", "≤": "<=", "≠": "!=", "×": "*", "÷": "/",
}
_START = (
    r"A-Z_a-z\u00C0-\u00D6\u00D8-\u00F6\u00F8-\u02FF\u0370-\u037D\u037F-\u1FFF\u200C\u200D\u2070-\u218F\u2C00-\u2FEF"
    r"\u3003-\uD7FF\uF900-\uFDCF\uFDF0-\uFEFE\uFF10-\uFF19\uFF21-\uFF3A\uFF41-\uFF5A\uFF66-\uFFFD\U00010000-\U000EFFFF"
)
_BLANK = r"\s\u0085\u00A0\u1680\u180E\u2000-\u200B\u2028\u2029\u202F\u205F\u3000\uFEFF"
_TOKEN = re.compile(
    rf"""(?P<blank>(?:[{_BLANK}]|//[^\n]*|/\*(?s:.*?)\*/)+)
    |(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)
    |(?P<string>"(?:[^"\\]|\\(?s:.))*")
    |(?P<at>@"(?:[^"\\]|\\(?s:.))*")
    |(?P<name>[{_START}][{_START}0-9\u00B7\u0300-\u036F\u203F\u2040]*)
    |(?P<mark>\*\*|\.\.|->|<=|>=|!=|[-+*/<>=()\[\]{{}},.:;?|'’])""",
    re.VERBOSE | re.ASCII,
)
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{6}|[nrt'\"\\])")
_PLAIN_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "'": "'", '"': '"', "\\": "\\"}


@dataclass(frozen=True, slots=True)
class Token:
    """`kind` is number, string, at, name, mark or end; `start` and `end` are offsets into the text."""

    kind: str
    text: str
    start: int
    end: int


def tokenize(text: str) -> list[Token]:
    """The tokens of `text`, closed by one of kind `end`; FeelSyntaxError at a character that begins none."""
    if len(text) > MAXIMUM_TEXT:
        raise FeelSyntaxError(Words(f"表达式超过 {MAXIMUM_TEXT} 字", f"the expression is longer than {MAXIMUM_TEXT} characters"))
    tokens: list[Token] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise _unexpected(text, position)
        if match.lastgroup != "blank":
            tokens.append(Token(match.lastgroup or "", match.group(), position, match.end()))
        position = match.end()
    tokens.append(Token("end", "", position, position))
    return tokens


def syntax_error(text: str, position: int, reason: Words, hint: Words | None = None) -> FeelSyntaxError:
    """An error that points at the offset `position` of `text`."""
    starts = [0, *(index + 1 for index, character in enumerate(text) if character == "\n")]
    line = bisect_right(starts, position)
    return FeelSyntaxError(reason, line, position - starts[line - 1] + 1, hint)


def unescape(literal: str) -> str:
    """The characters of a string literal given with its quotes; an unknown escape stays as written."""
    return _join_surrogates(_ESCAPE.sub(_unescape_one, literal[1:-1])) if "\\" in literal else literal[1:-1]


def _unescape_one(match: re.Match[str]) -> str:
    code = match[1]
    if code[0] not in "uU":
        return _PLAIN_ESCAPES[code]
    point = int(code[1:], 16)
    return chr(point) if point <= 0x10FFFF else match[0]


def _join_surrogates(text: str) -> str:
    """Two escapes such as \\uD83D\\uDC0E are one character; a lone half becomes the replacement character."""
    if not any("\ud800" <= character <= "\udfff" for character in text):
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


_HINTS = {
    "&": Words("请写 and", "write and"),
    "%": Words("请写 modulo(a, b)", "write modulo(a, b)"),
}


def _unexpected(text: str, position: int) -> FeelSyntaxError:
    character = text[position]
    if character in FULL_WIDTH:
        return syntax_error(text, position, Words(f"{character} 是全角标点", f"{character} is a full-width mark"), Words(f"请改用半角 {FULL_WIDTH[character]}", f"write {FULL_WIDTH[character]}"))
    if character == '"' or text.startswith('@"', position):
        return syntax_error(text, position, Words("文字缺少右引号", "the text has no closing quote"), Words('在末尾加 "', 'end it with "'))
    reason = Words(f"字符 {character} 在这里没有意义", f"the character {character} has no meaning here")
    return syntax_error(text, position, reason, _HINTS.get(character))
