"""What a single submitted value must be: one reader and one check per form-js component type.

A reader decides shape alone; a check may ask expressions. Neither knows the form around the value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, Protocol, TypeAlias

import orjson
import re2

from workflows.calendar_tables import SHANGHAI
from workflows.feel.values import to_json

LONGEST_TEXT = 50_000  # characters, where the form itself sets no limit
LARGEST_NUMBER = 2**53  # what a browser counts exactly
MOST_ENTRIES = 1_000  # in a list of choices or rows

_NUMBER = re.compile(r"[+-]?\d{1,30}(\.\d{1,20})?")
_EMAIL = re.compile(r"[^@\s]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)+")
_PHONE = re.compile(r"(?:\+|00)\d{6,15}|1[3-9]\d{9}")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIME = re.compile(r"\d{2}:\d{2}(?::\d{2})?(?:Z|[+-]\d{2}:\d{2})?")
_FILE = re.compile(r"files::[A-Za-z0-9_-]{1,80}")


class Wrong(Exception):
    """A value cannot be accepted; the words are for the person at the field."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(zh)
        self.zh = zh
        self.en = en


class Asking(Protocol):
    """What a check may ask while it looks at a value."""

    now: datetime | None

    def limit(self, setting: Any) -> Any: ...

    def lookup(self, name: str) -> Any: ...


Reader: TypeAlias = Callable[[Any], Any]
Check: TypeAlias = Callable[[Any, Asking], None]
Component: TypeAlias = Mapping[str, Any]


def is_empty(value: Any) -> bool:
    """Whether nothing was entered: null, an empty list, or a text of spaces."""
    return value is None or value == [] or (isinstance(value, str) and not value.strip())


# Readers: from any JSON to a value of the right shape, or Wrong.


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


# Checks: compiled once per component from its `validate` and options.


def text_checks(component: Component) -> list[Check]:
    """Limits on length, form and kind of a text; an empty text passes all of them."""
    rules = component.get("validate") or {}
    checks: list[Check] = []
    if rules.get("minLength") not in (None, ""):
        checks.append(_shortest(rules["minLength"]))
    if rules.get("maxLength") not in (None, ""):
        checks.append(_longest(rules["maxLength"]))
    if rules.get("pattern"):
        checks.append(_pattern(str(rules["pattern"]), rules.get("patternErrorMessage")))
    if rules.get("validationType") == "email":
        checks.append(_kind(_EMAIL, "请填写有效的电子邮箱。", "Enter a valid e-mail address."))
    if rules.get("validationType") == "phone":
        checks.append(_kind(_PHONE, "请填写有效的电话号码。", "Enter a valid phone number."))
    return checks


def _shortest(setting: Any) -> Check:
    def check(value: Any, asking: Asking) -> None:
        least, length = asking.limit(setting), len(value.strip())
        if length and least is not None and length < least:
            raise Wrong(f"至少 {least} 个字，现在 {length} 个。", f"At least {least} characters, now {length}.")

    return check


def _longest(setting: Any) -> Check:
    def check(value: Any, asking: Asking) -> None:
        most, length = asking.limit(setting), len(value.strip())
        if most is not None and length > most:
            raise Wrong(f"最多 {most} 个字，现在 {length} 个。", f"At most {most} characters, now {length}.")

    return check


def _pattern(pattern: str, message: Any) -> Check:
    compiled = compile_pattern(pattern)
    zh = str(message) if message else "格式不正确。"
    en = str(message) if message else "This does not have the required form."

    def check(value: Any, asking: Asking) -> None:
        if value and not compiled.search(value):
            raise Wrong(zh, en)

    return check


@lru_cache(maxsize=512)
def compile_pattern(pattern: str) -> Any:
    """A linear-time pattern; re2.error when it needs what only slow engines have (look-around, back references)."""
    options = re2.Options()
    options.log_errors = False
    return re2.compile(pattern, options)


def _kind(form: re.Pattern[str], zh: str, en: str) -> Check:
    def check(value: Any, asking: Asking) -> None:
        if value.strip() and not form.fullmatch(value.strip()):
            raise Wrong(zh, en)

    return check


def number_checks(component: Component) -> list[Check]:
    """Limits, decimal places and steps of a number, compared as decimals."""
    rules = component.get("validate") or {}
    checks: list[Check] = []
    if rules.get("min") not in (None, ""):
        checks.append(_bound(rules["min"], lambda value, limit: value < limit, "不能小于", "It must be at least"))
    if rules.get("max") not in (None, ""):
        checks.append(_bound(rules["max"], lambda value, limit: value > limit, "不能大于", "It must be at most"))
    if isinstance(component.get("decimalDigits"), int):
        checks.append(_digits(component["decimalDigits"]))
    if component.get("increment") not in (None, "", 0, "0"):
        checks.append(_step(Decimal(str(component["increment"]))))
    return checks


def _bound(setting: Any, outside: Callable[[Decimal, Any], bool], zh: str, en: str) -> Check:
    def check(value: Any, asking: Asking) -> None:
        limit = asking.limit(setting)
        if value is not None and limit is not None and outside(Decimal(str(value)), limit):
            raise Wrong(f"{zh} {_shown(limit)}。", f"{en} {_shown(limit)}.")

    return check


def _digits(most: int) -> Check:
    def check(value: Any, asking: Asking) -> None:
        if value is None:
            return
        exponent = Decimal(str(value)).normalize().as_tuple().exponent
        if isinstance(exponent, int) and -exponent > most:
            raise Wrong(f"最多 {most} 位小数。" if most else "应为整数。", f"At most {most} decimal places." if most else "It must be a whole number.")

    return check


def _step(step: Decimal) -> Check:
    def check(value: Any, asking: Asking) -> None:
        if value is not None and Decimal(str(value)) % step:
            raise Wrong(f"应为 {_shown(step)} 的整数倍。", f"It must be a multiple of {_shown(step)}.")

    return check


def choice_checks(component: Component) -> list[Check]:
    """The chosen value must be one of the options: listed, in the data under `valuesKey`, or from `valuesExpression`."""
    find = _options(component)
    several = component.get("type") in ("checklist", "taglist")

    def check(value: Any, asking: Asking) -> None:
        if value is None or value == []:
            return
        allowed = find(asking)
        for entry in value if several else (value,):
            if option_key(entry) not in allowed:
                raise Wrong("不在可选范围内，请重新选择。", "This is not one of the options; choose again.")

    return [check]


def _options(component: Component) -> Callable[[Asking], frozenset[Any]]:
    if component.get("valuesExpression"):
        setting = component["valuesExpression"]
        return lambda asking: option_keys(asking.limit(setting))
    if component.get("valuesKey"):
        name = str(component["valuesKey"])
        return lambda asking: option_keys(asking.lookup(name))
    static = option_keys(component.get("values"))
    return lambda asking: static


def option_keys(options: Any) -> frozenset[Any]:
    """The keys of a list of options, each a plain value or {label, value}."""
    keys = set()
    for entry in options if isinstance(options, list) else ():
        value = entry["value"] if isinstance(entry, dict) and "value" in entry else entry
        keys.add(option_key(to_json(value)))
    return frozenset(keys)


def moment_checks(component: Component) -> list[Check]:
    """`disallowPassedDates`: today (Asia/Shanghai) is the first day that may be chosen."""
    if not component.get("disallowPassedDates") or component.get("subtype") == "time":
        return []

    def check(value: Any, asking: Asking) -> None:
        if value and asking.now and _day(value) < asking.now.astimezone(SHANGHAI).date():
            raise Wrong("不能早于今天。", "It cannot be before today.")

    return [check]


def _day(value: str) -> date:
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        return moment.date()
    # A moment in the first or last hours of the calendar has no local day.
    return moment.astimezone(SHANGHAI).date() if timedelta() < moment.replace(tzinfo=None) - datetime(2, 1, 1) else moment.date()


def _shown(limit: Any) -> str:
    return format(limit, "f").rstrip("0").rstrip(".") if isinstance(limit, Decimal) and "." in format(limit, "f") else str(limit)
