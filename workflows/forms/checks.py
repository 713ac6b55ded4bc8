"""The rules of a single value: limits, patterns, kinds and options, compiled once per component from its form-js settings.

A check may ask expressions through `Asking`; it knows nothing of the form around the value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, Protocol, TypeAlias

import re2

from workflows.calendar_tables import SHANGHAI
from workflows.feel.values import to_json
from workflows.forms.values import Wrong, option_key

_EMAIL = re.compile(r"[^@\s]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)+")
_PHONE = re.compile(r"(?:\+|00)\d{6,15}|1[3-9]\d{9}")


class Asking(Protocol):
    """What a check may ask while it looks at a value."""

    now: datetime | None

    def limit(self, setting: Any) -> Any: ...

    def lookup(self, name: str) -> Any: ...


Check: TypeAlias = Callable[[Any, Asking], None]
Component: TypeAlias = Mapping[str, Any]


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
