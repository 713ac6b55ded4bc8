"""Organisations and people from a YAML file, for the demo, the scenarios and the tests; and the first administrator of a real start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, insert, select, update

from tasks import passwords
from tasks.account_fields import blank_account, check_membership, check_person, normalise_login, sealed
from tasks.models import Membership, Person
from tasks.people import People
from workflows.errors import InvalidForm
from workflows.plain_yaml import read_yaml

PLATFORM = "PLATFORM"
FIRST_ROLES = ("people_admin", "process_admin")


def load_organisations(
    connection: Connection, people: People, yaml_text: str, password: str | None, *, student_password: str | None = None,
) -> dict[str, int]:
    """Add what the file names and is not there yet; returns person ids by login, and those of students by key and login.

    All staff get `password` (None: nobody can sign in), students `student_password`. One hash is computed for each.
    """
    found = read_yaml(yaml_text)
    for entry in found.get("organisations", ()):
        if people.organisation(connection, entry["code"]) is None:
            people.organisations.add(connection, **entry)
    staff_hash = passwords.hash_password(password) if password else None
    student_hash = passwords.hash_password(student_password) if student_password else None
    ids: dict[str, int] = {}
    for entry in found.get("people", ()):
        ids[entry["login"]] = _staff(connection, people, entry, staff_hash)
    for entry in found.get("students", ()):
        ids[entry["key"]] = _student(connection, people, entry, student_hash)
        if entry.get("login"):
            ids[entry["login"]] = ids[entry["key"]]
    return ids


def create_first_administrator(connection: Connection, people: People, *, login: str, name: str, password: str) -> int:
    """Make the platform and its first administrator (people, calendars, processes); returns the person id.

    Raises InvalidForm when login, name or password will not do.
    """
    login, name = normalise_login(login), name.strip()
    check_person(name, login)
    reason = passwords.weakness(password, [login, name])
    if reason:
        raise InvalidForm({"password": reason})
    if people.organisation(connection, PLATFORM) is None:
        people.organisations.add(connection, code=PLATFORM, name="本平台", kind="platform")
    entry = {"login": login, "name": name, "memberships": [f"{role}@{PLATFORM}" for role in FIRST_ROLES]}
    return _staff(connection, people, entry, passwords.hash_password(password))


def _staff(connection: Connection, people: People, entry: Mapping[str, Any], password_hash: str | None) -> int:
    login = normalise_login(entry["login"])
    check_person(entry["name"], login)
    known = connection.execute(select(Person.id).where(Person.login == login)).scalar()
    person_id = known or _add(connection, people, {"name": entry["name"], "login": login, "password_hash": password_hash})
    for membership in entry.get("memberships", ()):
        role_code, code = membership.split("@")
        organisation = people.organisations.require(connection, code)
        check_membership(role_code, organisation, None, None)
        if not people.directory.holds(connection, person_id, role_code, code, None, None):
            connection.execute(insert(Membership).values(person_id=person_id, organisation_id=organisation.id, role=role_code))
    return int(person_id)


def _student(connection: Connection, people: People, entry: Mapping[str, Any], password_hash: str | None) -> int:
    login = entry.get("login")
    check_person(entry["name"], login, entry["id_number"], entry.get("mobile"))
    columns = sealed(people.personal_data, entry["id_number"], entry.get("mobile"))
    known = connection.execute(select(Person.id).where(Person.id_number_index == columns["id_number_index"])).scalar()
    own = {"login": login, "password_hash": password_hash, "student_number": entry.get("student_number")}
    if known is None:
        return _add(connection, people, {"name": entry["name"], **columns, **own})
    connection.execute(update(Person).where(Person.id == known, Person.login.is_(None)).values(own))
    return int(known)


def _add(connection: Connection, people: People, values: Mapping[str, Any]) -> int:
    row = {**blank_account(), "created_at": people.clock.now(), **values}
    return int(connection.execute(insert(Person).values(row).returning(Person.id)).scalar_one())
