"""Deadlines as data: one row per organisation, cycle and key, inherited down the organisation tree.

It knows organisations as codes in the order the caller gives; it raises no version and reads no clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from workflows.calendar_tables import SHANGHAI, end_of_day
from workflows.errors import Rejection
from workflows.models import CalendarChange, CalendarDeadline
from workflows.plain_yaml import YamlError, read_yaml

SHORTEST_REASON = 4  # characters; below that it is no reason
LONGEST_NAME = 60


@dataclass(frozen=True)
class DeadlineRow:
    """A date that holds for an organisation, and whose it is."""

    key: str
    at: datetime
    source: str  # the organisation code it comes from; "*" = everybody's
    own: bool
    note: str | None
    changed_by: int | None
    changed_at: datetime | None
    replaces: datetime | None  # what would hold without the organisation's own date


def list_deadlines(connection: Connection, line: Sequence[str], organisation: str, cycle: str) -> list[DeadlineRow]:
    """Every key of a cycle as it holds for `organisation`; `line` = codes from itself to everybody, nearest first."""
    table = CalendarDeadline.__table__
    rows = connection.execute(select(table).where(table.c.cycle == cycle, table.c.organisation.in_([organisation, *line])))
    rank = {code: position for position, code in reversed(list(enumerate([organisation, *line])))}
    by_key: dict[str, list[Any]] = {}
    for row in sorted(rows, key=lambda row: rank[row.organisation]):
        by_key.setdefault(row.key, []).append(row)
    return [_deadline_row(held, organisation) for _, held in sorted(by_key.items())]


def _deadline_row(held: list[Any], organisation: str) -> DeadlineRow:
    nearest = held[0]
    own = nearest.organisation == organisation
    replaces = held[1].at if own and len(held) > 1 else None
    return DeadlineRow(
        nearest.key, nearest.at, nearest.organisation, own, nearest.note, nearest.changed_by, nearest.changed_at, replaces
    )


def cycles(connection: Connection) -> list[str]:
    """The cycles that have dates, newest first."""
    return list(connection.execute(select(CalendarDeadline.cycle).distinct().order_by(CalendarDeadline.cycle.desc())).scalars())


def save_deadline(
    connection: Connection, organisation: str, cycle: str, key: str, at: datetime | None, reason: str, person: int | None, now: datetime
) -> None:
    """Set, change or (with `at` None) take back one date, and record who did it and why.

    A Rejection when the reason is missing, a name is empty or too long, or there is nothing to take back.
    """
    organisation, cycle, key = _name(organisation, "机构", "organisation"), _name(cycle, "年度", "cycle"), _name(key, "事项", "key")
    reason = required_reason(reason)
    match = (CalendarDeadline.organisation == organisation, CalendarDeadline.cycle == cycle, CalendarDeadline.key == key)
    before = connection.execute(select(CalendarDeadline.at).where(*match)).scalar()
    if at is None and before is None:
        raise Rejection("该机构没有自己的日期，无需恢复继承。", "This organisation has no date of its own to take back.")
    values = {"at": at, "note": reason, "changed_by": person, "changed_at": now}
    if at is None:
        connection.execute(delete(CalendarDeadline).where(*match))
    elif before is None:
        connection.execute(insert(CalendarDeadline).values(organisation=organisation, cycle=cycle, key=key, **values))
    else:
        connection.execute(update(CalendarDeadline).where(*match).values(values))
    record_change(connection, f"{organisation}/{cycle}/{key}", before, at, reason, person, now)


def load_calendars(connection: Connection, text: str, now: datetime) -> int:
    """Write the dates of a calendars.yaml that are not in the table yet: what an administrator set stays.

    The file maps cycle → organisation code (or "*") → key → date ("2026-07-10" = its last second) or local date with
    time ("2026-07-15T00:00"). Returns how many rows were written; a Rejection names the entry that cannot be read.
    """
    table = CalendarDeadline
    known = set(connection.execute(select(table.organisation, table.cycle, table.key)))
    rows = [row for row in read_calendars(text) if (row["organisation"], row["cycle"], row["key"]) not in known]
    if rows:
        note = {"note": None, "changed_by": None, "changed_at": now}
        connection.execute(insert(table), [{**row, **note} for row in rows])
    return len(rows)


def read_calendars(text: str) -> list[dict[str, Any]]:
    """The rows of a calendars.yaml: organisation, cycle, key, at (aware)."""
    try:
        document = read_yaml(text)
    except YamlError as error:
        raise Rejection(f"日历文件无法读取：{error}", f"The calendar file cannot be read: {error.words.en}") from error
    rows = []
    for cycle, organisations in _entries(document, "deadlines"):
        for organisation, keys in _entries(organisations, cycle):
            for key, value in _entries(keys, f"{cycle} / {organisation}"):
                at = moment_of_entry(value, f"{cycle} / {organisation} / {key}")
                rows.append({"organisation": organisation, "cycle": cycle, "key": key, "at": at})
    return rows


def read_labels(text: str) -> dict[str, dict[str, str]]:
    """What the dates of a calendars.yaml are called: key → {"zh", "en"}."""
    found = read_yaml(text).get("labels") or {}
    return {str(key): {"zh": str(words["zh"]), "en": str(words["en"])} for key, words in found.items()}


@cache
def labels_in(root: str) -> dict[str, dict[str, str]]:
    """The labels of the calendars.yaml shipped below `root`, read once; none when there is no such file."""
    path = Path(root) / "bpmn" / "shared" / "calendars.yaml"
    return read_labels(path.read_text(encoding="utf-8")) if path.exists() else {}


def moment_of_entry(value: object, where: str) -> datetime:
    """A date (its last second) or a local date with time, as written in a file or a page; Rejection otherwise."""
    try:
        if isinstance(value, str):
            text = value.strip()
            value = date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)
    except ValueError:
        value = None
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=SHANGHAI)
    if isinstance(value, date):
        return end_of_day(value)
    raise Rejection(f"{where}：日期无法识别，请写成 2026-07-10 或 2026-07-15T00:00。", f"{where}: not a date; write 2026-07-10 or 2026-07-15T00:00.")


def record_change(
    connection: Connection, subject: str, before: object, after: object, reason: str, person: int | None, now: datetime
) -> None:
    """Keep who changed what and why."""
    values = {"before": _text(before), "after": _text(after), "reason": reason, "person": person, "at": now}
    connection.execute(insert(CalendarChange).values(subject=subject, **values))


def changes(connection: Connection, kind: str = "", limit: int = 20) -> list[Any]:
    """The latest changes, newest first: rows of calendar_change; `kind` = "deadlines" or "days" narrows them."""
    table = CalendarChange.__table__
    query = select(table).order_by(table.c.id.desc()).limit(limit)
    if kind:
        query = query.where(table.c.subject.contains("/") if kind == "deadlines" else ~table.c.subject.contains("/"))
    return list(connection.execute(query))


def required_reason(reason: str) -> str:
    """The trimmed reason; a Rejection at the field when there is none."""
    reason = reason.strip()
    if len(reason) >= SHORTEST_REASON:
        return reason
    words = {"zh": f"请写明变更原因（至少 {SHORTEST_REASON} 个字）。", "en": f"State the reason (at least {SHORTEST_REASON} characters)."}
    raise Rejection(words["zh"], words["en"], status=422, fields={"reason": words})


def _name(value: str, zh: str, en: str) -> str:
    value = value.strip()
    if value and len(value) <= LONGEST_NAME and "/" not in value:
        return value
    words = {"zh": f"{zh}不能为空，也不能超过 {LONGEST_NAME} 个字或含“/”。", "en": f"The {en} must have 1 to {LONGEST_NAME} characters and no “/”."}
    raise Rejection(words["zh"], words["en"], status=422, fields={en: words})


def _entries(value: object, where: str) -> list[tuple[str, Any]]:
    if not isinstance(value, dict):
        raise Rejection(f"日历文件中 {where} 之下应为“名称: 内容”。", f"Below {where} the calendar file must hold “name: content”.")
    inner = value.get("deadlines", value) if where == "deadlines" else value
    if not isinstance(inner, dict):
        return []
    return [(str(name), content) for name, content in inner.items()]


def _text(value: object) -> str | None:
    if isinstance(value, datetime):
        return value.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")
    return None if value is None else str(value)
