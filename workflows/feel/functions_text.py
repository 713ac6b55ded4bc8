"""The built-in functions on texts (DMN 10.3.4.3). Regular expressions run on RE2, so no pattern can take exponential time."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from typing import Any

import re2

from workflows.feel.errors import FeelError, Words
from workflows.feel.patterns import NotSupported, replacement_template, translate
from workflows.feel.registry import built_in
from workflows.feel.runtime import MAXIMUM_STEPS, MAXIMUM_STRING, Run
from workflows.feel.text import to_text
from workflows.feel.values import FeelValue

GROUP = "string"
_OPTIONS = re2.Options()
_OPTIONS.log_errors = False
_OPTIONS.max_mem = 16 << 20


@built_in("string", "from", "转成文字", "the value as text", 'string(1.1) = "1.1"', group="conversion", with_run=True, deep=True)
def string(run: Run, value: FeelValue) -> str | None:
    return None if value is None else run.check_text(to_text(value))


@built_in("substring", "string: string, start position: number, length?: number?",
          "从第几个字（1 起，负数从末尾）取若干字", "characters from a position (from 1; negative counts from the end)",
          'substring("foobar", 3) = "obar"', group=GROUP)
def substring(text: str, start: Decimal, length: Decimal | None = None) -> str | None:
    first = int(start)
    if first == 0 or abs(first) > len(text):
        return None if first == 0 or abs(first) > len(text) else ""
    begin = first - 1 if first > 0 else len(text) + first
    if length is None:
        return text[begin:]
    count = int(length)
    return None if count < 1 else text[begin : begin + count]


@built_in("string length", "string: string", "字数", "number of characters", 'string length("办结") = 2', group=GROUP)
def string_length(text: str) -> Decimal:
    return Decimal(len(text))


@built_in("upper case", "string: string", "转大写", "in upper case", 'upper case("aBc4") = "ABC4"', group=GROUP)
def upper_case(text: str) -> str:
    return text.upper()


@built_in("lower case", "string: string", "转小写", "in lower case", 'lower case("aBc4") = "abc4"', group=GROUP)
def lower_case(text: str) -> str:
    return text.lower()


@built_in("substring before", "string: string, match: string", "某串之前的部分", "what comes before the match",
          'substring before("foobar", "bar") = "foo"', group=GROUP)
def substring_before(text: str, match: str) -> str:
    before, found, _ = text.partition(match) if match else ("", "", "")
    return before if found else ""


@built_in("substring after", "string: string, match: string", "某串之后的部分", "what comes after the match",
          'substring after("foobar", "ob") = "ar"', group=GROUP)
def substring_after(text: str, match: str) -> str:
    return text.partition(match)[2] if match else text


@built_in("contains", "string: string, match: string", "是否含有", "whether it contains the match",
          'contains("foobar", "of") = false', group=GROUP)
def contains_text(text: str, match: str) -> bool:
    return match in text


@built_in("starts with", "string: string, match: string", "是否以它开头", "whether it starts with the match",
          'starts with("foobar", "fo") = true', group=GROUP)
def starts_with(text: str, match: str) -> bool:
    return text.startswith(match)


@built_in("ends with", "string: string, match: string", "是否以它结尾", "whether it ends with the match",
          'ends with("foobar", "r") = true', group=GROUP)
def ends_with(text: str, match: str) -> bool:
    return text.endswith(match)


@built_in("matches", "input: string, pattern: string, flags?: string?", "是否有一段符合正则表达式",
          "whether some part fits the regular expression", 'matches("foobar", "^fo*b") = true', group=GROUP)
def matches(text: str, pattern: str, flags: str | None = None) -> bool | None:
    compiled = compile_pattern(pattern, flags or "")
    return None if compiled is None else compiled.search(text) is not None


@built_in("replace", "input: string, pattern: string, replacement: string, flags?: string?",
          "按正则表达式替换（$1 是第一组）", "replace what fits the regular expression ($1 is the first group)",
          'replace("abcd", "(ab)|(a)", "[1=$1][2=$2]") = "[1=ab][2=]cd"', group=GROUP, with_run=True)
def replace(run: Run, text: str, pattern: str, replacement: str, flags: str | None = None) -> str | None:
    compiled = compile_pattern(pattern, flags or "")
    if compiled is None or compiled.search("") is not None:
        return None
    template = [replacement] if "q" in (flags or "") else replacement_template(replacement, compiled.groups)
    if template is None:
        return None
    pieces: list[str] = []
    position = built = 0
    for match in compiled.finditer(text):
        new = "".join(part if isinstance(part, str) else (match.group(part) or "") for part in template)
        pieces += [text[position : match.start()], new]
        built += len(new)
        position = match.end()
        run.charge(1 + (built // MAXIMUM_STRING) * MAXIMUM_STEPS)
    return run.check_text("".join(pieces) + text[position:])


@built_in("split", "string: string, delimiter: string", "按正则表达式切开", "cut at what fits the regular expression",
          'split("John Doe", "\\\\s") = ["John", "Doe"]', group=GROUP, with_run=True)
def split(run: Run, text: str, delimiter: str) -> list[str] | None:
    compiled = compile_pattern(delimiter, "")
    if compiled is None:
        return None
    pieces, position = [], 0
    for match in compiled.finditer(text):
        if match.end() == match.start():
            continue
        run.charge(1)
        pieces.append(text[position : match.start()])
        position = match.end()
    return [*pieces, text[position:]]


@built_in("string join", "list: list, delimiter?: string?", "把文字列表连成一段，空值略过",
          "join the texts of a list, leaving out nulls", 'string join(["a", null, "c"], ", ") = "a, c"',
          group=GROUP, with_run=True)
def string_join(run: Run, texts: list[FeelValue], delimiter: str | None = None) -> str | None:
    if any(text is not None and type(text) is not str for text in texts):
        return None
    present = [text for text in texts if text is not None]
    if sum(map(len, present)) + len(delimiter or "") * len(present) > MAXIMUM_STRING:
        raise FeelError(Words(f"连接后的文字会超过 {MAXIMUM_STRING:,} 字", f"the joined text would be longer than {MAXIMUM_STRING:,} characters"))
    return run.check_text((delimiter or "").join(present))


def compile_pattern(pattern: str, flags: str) -> Any:
    """The RE2 program of an XPath pattern, None when it is malformed or asks for what RE2 does not do."""
    if len(pattern) > 10_000:
        return None
    return _compile(pattern, "".join(sorted(set(flags))))


@lru_cache(maxsize=512)
def _compile(pattern: str, flags: str) -> Any:
    try:
        return re2.compile(translate(pattern, flags), _OPTIONS)
    except (re2.error, NotSupported):
        return None
