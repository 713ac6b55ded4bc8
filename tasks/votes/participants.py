"""Whom candidate lines mean today: the people behind "role@ORG" and "person:42", and who of them is barred. Reads only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, select

from tasks.memberships import valid_on
from tasks.models import CaseActor, Membership, Organisation, Person
from workflows.business_calendar import local_day
from workflows.case import Case


def lines_of(value: Any) -> list[str]:
    """Candidate lines of a setting's value: texts stay, numbers are people, null is left out; equal ones once."""
    listed = value if isinstance(value, list) else [] if value is None else [value]
    found = [_line(one) for one in listed]
    return list(dict.fromkeys(line for line in found if line))


def _line(value: Any) -> str:
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        return f"person:{int(value)}"
    return str(value).strip() if value is not None else ""


def person_of(line: str) -> int | None:
    """The number of a person's own line, else None."""
    number = line.removeprefix("person:")
    return int(number) if line.startswith("person:") and number.isdigit() else None


def people_of(connection: Connection, lines: Iterable[str], case: Case) -> dict[str, frozenset[int]]:
    """Line → the active people it means on the case's day; a line nobody stands behind has the empty set."""
    wanted = list(dict.fromkeys(lines))
    found: dict[str, set[int]] = {line: set() for line in wanted}
    own = {number: line for line in wanted if (number := person_of(line)) is not None}
    if own:
        active = select(Person.id).where(Person.id.in_(own), Person.active)
        for number in connection.execute(active).scalars():
            found[own[number]].add(number)
    if groups := [line for line in wanted if "@" in line]:
        for line, number in _members(connection, groups, local_day(case.now)):
            if line in found:
                found[line].add(number)
    return {line: frozenset(people) for line, people in found.items()}


def _members(connection: Connection, lines: Sequence[str], day: date) -> list[tuple[str, int]]:
    pairs = [line.split("@", 1) for line in lines]
    query = (
        select(Membership.role, Organisation.code, Person.id)
        .join(Organisation, Organisation.id == Membership.organisation_id).join(Person, Person.id == Membership.person_id)
        .where(
            Membership.role.in_({role for role, _ in pairs}), Organisation.code.in_({code for _, code in pairs}), Organisation.active, Person.active,
            valid_on(day),
        )
    )
    return [(f"{row.role}@{row.code}", row.id) for row in connection.execute(query)]


def barred(connection: Connection, case: Case, nodes: Sequence[str]) -> frozenset[int]:
    """Who acted in one of these activities, in any round."""
    if not nodes:
        return frozenset()
    acted = select(CaseActor.person_id).where(CaseActor.instance_id == case.root, CaseActor.node_id.in_(nodes))
    return frozenset(connection.execute(acted).scalars())


def distinct(lines: Sequence[str], people: Mapping[str, frozenset[int]]) -> list[str]:
    """The lines without those that mean one person only whom an earlier one means alone already: one person, one vote."""
    kept: list[str] = []
    alone: set[int] = set()
    for line in lines:
        behind = people[line]
        if len(behind) == 1 and behind <= alone:
            continue
        alone |= behind if len(behind) == 1 else frozenset()
        kept.append(line)
    return kept


def people_ids(people: Mapping[str, frozenset[int]]) -> frozenset[int]:
    """Everybody behind any of the lines."""
    return frozenset().union(*people.values())
