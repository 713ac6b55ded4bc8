"""The shape of a single submitted value: one reader per form-js component type, from any JSON to a clean value.

It asks no expression and knows neither limits nor the form around the value.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, TypeAlias

import orjson

from workflows.feel.values import to_json

LONGEST_TEXT = 50_000  # characters, where the form itself sets no limit
LARGEST_NUMBER = 2**53  # what a browser counts exactly
MOST_ENTRIES = 1_000  # in a list of choices or rows

_NUMBER = re.compile(r"[+-]?\d{1,30}(\.\d{1,20})?")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIME = re.compile(r"\d{2}:\d{2}(?::\d{2})?(?:Z|[+-]\d{2}:\d{2})?")
_FILE = re.compile(r"files::[A-Za-z0-9_-]{1,80}")


class Wrong(Exception):
    """A value cannot be accepted; the words are for the person at the field."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(zh)
        self.zh = zh
        self.en = en


Reader: TypeAlias = Callable[[Any], Any]


def is_empty(value: Any) -> bool:
    """Whether nothing was entered: null, an empty list, or a text of spaces."""
    return value is None or value == [] or (isinstance(value, str) and not value.strip())


def read_text(raw: Any) -> Any:
    """A text; null counts as empty."""
    if raw is None:
        return ""
    if not isinstance(raw, str):
        raise Wrong("应为文字。", "This must be text.")
    if len(raw) > LONGEST_TEXT:
        raise Wrong(f"最多 {LONGEST_TEXT} 个字，现在 {len(raw)} 个。", f"At most {LONGEST_TEXT} characters, now {len(raw)}.")
    return storable(raw.replace("\r\n", "\n"))


def storable(text: str) -> str:
    """`text` unless a database could not keep it."""
    if "\x00" in text or not text.isascii() and any("\ud800" <= sign <= "\udfff" for sign in text):
        raise Wrong("含有无法保存的字符，请重新输入。", "It holds characters that cannot be stored; type it again.")
    return text


def read_number(raw: Any) -> Any:
    """A number as a browser sends it, or its digits as text; null and "" count as empty."""
    if raw is None or raw == "":
        return None
    if isinstance(raw, str) and _NUMBER.fullmatch(raw.strip()):
        raw = to_json(Decimal(raw.strip()))
    if isinstance(raw, bool) or not isinstance(raw, (int, float)) or raw != raw:
        raise Wrong("应为数字。", "This must be a number.")
    if not -LARGEST_NUMBER < raw < LARGEST_NUMBER:
        raise Wrong("数字过大。", "The number is too large.")
    return raw


def read_number_text(raw: Any) -> Any:
    """A number kept as the text of its digits (`serializeToString`)."""
    if raw is None or raw == "":
        return None
    if isinstance(raw, str) and _NUMBER.fullmatch(raw.strip()):
        return raw.strip()
    value = read_number(raw)
    return format(Decimal(str(value)), "f")


def read_boolean(raw: Any) -> Any:
    """A tick; null counts as not ticked."""
    if raw is None:
        return False
    if not isinstance(raw, bool):
        raise Wrong("应为勾选或不勾选。", "This must be ticked or not.")
    return raw


def read_choice(raw: Any) -> Any:
    """One option's value; null and "" count as nothing chosen."""
    if raw == "":
        return None
    option_key(raw)
    return raw


def read_choices(raw: Any) -> Any:
    """Several options' values, each once."""
    if raw is None or raw == "":
        return []
    if not isinstance(raw, list) or len(raw) > MOST_ENTRIES:
        raise Wrong("应为选项列表。", "This must be a list of options.")
    if len({option_key(entry) for entry in raw}) < len(raw):
        raise Wrong("同一选项只能选一次。", "An option can be chosen only once.")
    return raw


def read_date(raw: Any) -> Any:
    """A real day, YYYY-MM-DD."""
    return _read_moment(raw, _DATE, date.fromisoformat, ("日期不存在，请写成 2026-07-10。", "There is no such date; write 2026-07-10."))


def read_time(raw: Any) -> Any:
    """A real time of day, HH:MM, perhaps with an offset."""
    return _read_moment(raw, _TIME, time.fromisoformat, ("时间不存在，请写成 09:30。", "There is no such time; write 09:30."))


def read_datetime(raw: Any) -> Any:
    """A real day and time, 2026-12-15T09:00+08:00."""
    return _read_moment(raw, _DATE_TIME, datetime.fromisoformat, ("日期时间不存在，请重新选择。", "There is no such date and time; choose it again."))


_DATE_TIME = re.compile(f"{_DATE.pattern}T{_TIME.pattern}")


def _read_moment(raw: Any, form: re.Pattern[str], parse: Callable[[str], Any], words: tuple[str, str]) -> Any:
    if raw is None or raw == "":
        return None
    if not isinstance(raw, str) or not form.fullmatch(raw) or not raw.isascii():
        raise Wrong(*words)
    try:
        parse(raw)
    except ValueError:
        raise Wrong(*words) from None
    return raw


def read_file(raw: Any) -> Any:
    """The id of an uploaded file, or a list of them; what the file is, is checked at the upload."""
    if raw is None or raw == "" or raw == []:
        return None
    ids = raw if isinstance(raw, list) else [raw]
    if len(ids) > MOST_ENTRIES or not all(isinstance(entry, str) and _FILE.fullmatch(entry) for entry in ids):
        raise Wrong("附件无效，请重新上传。", "The attachment is not valid; upload it again.")
    return raw


def option_key(value: Any) -> Any:
    """A hashable stand-in by which JSON values are equal: 1 is not true and "1" is not 1."""
    if value is None or isinstance(value, (str, bool)):
        return storable(value) if isinstance(value, str) else (type(value), value)
    if isinstance(value, (int, float)):
        return ("number", value)
    try:
        return ("json", orjson.dumps(value, option=orjson.OPT_SORT_KEYS))
    except (TypeError, RecursionError):
        raise Wrong("选项无效。", "This option is not valid.") from None
