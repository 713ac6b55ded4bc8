"""Candidate lines, "role@ORG" and "person:42": read from a setting's value, and put into words. Whom a line means today is told elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection

from tasks.people import People
from tasks.roles import role
from workflows.errors import Words


def lines_of(value: Any) -> list[str]:
    """Candidate lines of a setting's value: texts stay, numbers are people, null is left out; equal ones once."""
    listed = value if isinstance(value, list) else [] if value is None else [value]
    found = [_line(one) for one in listed]
    return list(dict.fromkeys(line for line in found if line))


def _line(value: Any) -> str:
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        return f"person:{int(value)}"
    return str(value).strip() if value is not None else ""


def person_of(line: str | None) -> int | None:
    """The number of a person's own line, else None."""
    kind, _, number = (line or "").partition(":")
    return int(number) if kind == "person" and number.isdigit() else None


def people_named(lines: Iterable[str]) -> set[int]:
    """The people whom these lines mean by name."""
    return {number for line in lines if (number := person_of(line)) is not None}


def line_words(connection: Connection, people: People, lines: Iterable[str]) -> dict[str, Words]:
    """Line → a person's name, or the role and its office, in the given order; a person nobody knows is left out."""
    wanted = list(lines)
    names = people.names(connection, people_named(wanted))
    found: dict[str, Words] = {}
    for line in wanted:
        code, at, place = line.partition("@")
        if at:
            office, known = people.office_of(connection, line) or place, role(code)
            found[line] = {"zh": f"{known.zh}（{office}）", "en": f"{known.en} ({office})"}
        elif name := names.get(person_of(line) or 0):
            found[line] = {"zh": name, "en": name}
    return found
