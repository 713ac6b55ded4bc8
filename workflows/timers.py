"""When a timer of the diagram is due: ISO 8601 text or FEEL, as date, duration or cycle. It reads no clock itself."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from workflows.business_calendar import SHANGHAI, end_of_day
from workflows.errors import DeadlineMissing, Rejection
from workflows.feel import compile_expression
from workflows.graph import Event

CYCLE = re.compile(r"R(\d*)/(P[^/]+)$")


def as_instant(value: Any) -> datetime | None:
    """A FEEL or JSON value as a moment: a local time is Asia/Shanghai, a date means its last second."""
    if value is None or isinstance(value, datetime):
        return value.replace(tzinfo=SHANGHAI) if value is not None and value.tzinfo is None else value
    if isinstance(value, date):
        return end_of_day(value)
    if isinstance(value, dict):
        text = value.get("$datetime") or value.get("$date")
        return as_instant(_parsed(str(text))) if text else None
    return as_instant(_parsed(value)) if isinstance(value, str) else None


def _parsed(text: str) -> datetime | date | None:
    try:
        return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)
    except ValueError:
        return None


def after(start: datetime, duration: Any) -> datetime | None:
    """`start` plus a duration, given as ISO text or as a FEEL duration."""
    if isinstance(duration, str):
        duration = compile_expression(f"duration({_quoted(duration)})").evaluate({})
    return as_instant(compile_expression("start + length").evaluate({"start": start, "length": duration}))


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "").replace('"', "") + '"'


def next_round(last: datetime, repeat: str | None) -> tuple[datetime | None, str | None]:
    """When a cycle is due again after it was due at `last`, and what is left of it then; (None, None) when it is used up."""
    match = CYCLE.match(repeat or "")
    if match is None:
        return None, None
    count = int(match[1]) if match[1] else None
    left = repeat if count is None else f"R{count - 1}/{match[2]}" if count > 1 else None
    return after(last, match[2]), left


def timer_due(event: Event, now: datetime, evaluate: Callable[[str], Any]) -> tuple[datetime, str | None]:
    """The due moment of a timer that starts now, and what is left of its cycle ("R2/PT1H", or None).

    Raises DeadlineMissing when the calendar lacks the deadline it stands for, Rejection when an expression gives no date or duration.
    """
    value = evaluate(event.expression or "")
    left: str | None = None
    if event.timer == "cycle" and isinstance(value, str) and (match := CYCLE.match(value)):
        count = int(match[1]) if match[1] else None
        left = value if count is None else f"R{count - 1}/{match[2]}" if count > 1 else None
        value = match[2]
    is_moment = isinstance(value, date) or (event.timer == "date")
    due = as_instant(value) if is_moment else after(now, value)
    if due is None and event.calendar_key is not None:
        raise DeadlineMissing(event.calendar_key, _text(evaluate(event.calendar_organisation or "")), _text(evaluate("=process_instance.cycle")))
    if due is None:
        raise Rejection(
            f"定时器“{event.expression}”没有得出日期或时长。", f"The timer {event.expression} gives neither a date nor a duration.", status=409
        )
    return due, left


def _text(value: Any) -> str | None:
    return str(value) if value else None
