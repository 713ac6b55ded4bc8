"""Whom candidate lines mean today: the people behind "role@ORG" and "person:42", and who of them is barred. Reads only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from sqlalchemy import ColumnElement, Connection, Date, bindparam, exists, select

from tasks.candidate_lines import person_of
from tasks.memberships import valid_on
from tasks.models import CaseActor, Membership, Organisation, Person
from workflows.business_calendar import local_day
from workflows.case import Case
from workflows.store import Among, Asked, Texts


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


def somebody_behind() -> ColumnElement[bool]:
    """SQL: somebody active stands behind one of the "role@ORG" bound as `lines` on the day bound as `day`; `codes` are their organisations."""
    return Asked(exists().where(
        Among(Organisation.code, bindparam("codes", type_=Texts())), Organisation.active, Membership.organisation_id == Organisation.id,
        Among(Membership.role + "@" + Organisation.code, bindparam("lines", type_=Texts())), valid_on(bindparam("day", type_=Date)),
        Person.id == Membership.person_id, Person.active,
    ))


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
