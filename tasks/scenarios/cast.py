"""The fixed cast: invented organisations, people and students of bpmn/shared, for scenarios, tests and the demo. Knows no process."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, select

from tasks.actors import Actor, system_actor
from tasks.candidate_lines import person_of
from tasks.models import Person
from tasks.roster.columns import read_roster
from tasks.roster.facts import plain_values
from tasks.service import author_of
from tasks.shared_organisations import load_organisations
from workflows.business_calendar import SHANGHAI
from workflows.engine import StartItem
from workflows.errors import Rejection
from workflows.feel.values import to_json
from workflows.host import feel
from workflows.plain_yaml import read_yaml


class Cast:
    """People by login, students by key ("K1"), and the facts their cases start with."""

    def __init__(
        self, connection: Connection, house: Any, shared: Mapping[str, bytes], cases: Mapping[str, Any], password: str | None = None,
        *, loaded: bool = False,
    ) -> None:
        """Load the cast, unless the house has it already (`loaded`); without `password` nobody of it can sign in."""
        self._house = house
        self._cases = cases
        text = shared["organisations.yaml"].decode()
        if not loaded:
            load_organisations(connection, house.people, text, password, student_password=password)
            house.calendar.seed_official_years(connection)
            house.calendar.load_calendars(connection, shared["calendars.yaml"].decode())
        self._students = _students(text)
        self._logins = {str(row.login): row.id for row in connection.execute(select(Person.login, Person.id).where(Person.login.is_not(None)))}
        self._student_names = {str(row["login"]): f"@{key}" for key, row in self._students.items() if row.get("login")}
        self._persons: dict[str, int] = {}

    def person(self, connection: Connection, name: str) -> int:
        """The person behind a login or "@K1"; raises Rejection for a name nobody has."""
        if name.startswith("@"):
            key = name[1:]
            if key not in self._persons:
                self._persons[key] = self._student(connection, key)
            return self._persons[key]
        if name not in self._logins:
            raise Rejection(f"没有登录名为“{name}”的人员。", f"Nobody has the login {name}.")
        return int(self._logins[name])

    def actor(self, connection: Connection, name: str | None, channel: str = "web") -> Actor:
        """The actor named by a login or "@K1"; the system without a name."""
        if name is None:
            return system_actor()
        return self._house.people.actor(connection, self.person(connection, name), None, channel)  # type: ignore[no-any-return]

    def login_of(self, person_id: int) -> str:
        """The name a scenario uses for a person."""
        for name, identifier in [*((f"@{key}", value) for key, value in self._persons.items()), *self._logins.items()]:
            if identifier == person_id:
                return self._student_names.get(name, name)
        return f"person:{person_id}"

    def shown(self, candidate: str) -> str:
        """A candidate line as scenarios write it: "role@ORG", or "@K1" for a student."""
        return candidate if (person := person_of(candidate)) is None else self.login_of(person)

    def _student(self, connection: Connection, key: str) -> int:
        row = self.row(key)
        index = self._house.personal_data.blind_index(row["id_number"])
        found = connection.execute(select(Person.id).where(Person.id_number_index == index)).scalar()
        if found is None:
            raise Rejection(f"学生 {key} 还没有事项。", f"The student {key} has no case yet.")
        return int(found)

    def row(self, key: str, extra: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """What a roster would say of a student: the shared facts, the scenario's, and the step's."""
        case = self._cases.get(key) or {}
        base = self._students.get(str(case.get("student", key)), {})
        return {**{name: value for name, value in base.items() if name != "key"}, **case.get("row", {}), **(extra or {})}

    def start(self, connection: Connection, actor: Actor, process_id: str, key: str, extra: Mapping[str, Any]) -> int:
        """Start the case of a student the way the cohort import does, and return its id."""
        version = self._house.definitions.current(connection, process_id)
        spec = self._cases.get(key) or {}
        if version.roster is None or "facts" in spec:
            item = StartItem({**spec.get("facts", {}), **extra})
            return int(self._house.engine.start(connection, process_id, item, author_of(actor)).id)
        roster = read_roster(process_id, version.roster)
        cycle = str(spec.get("cycle") or roster.cycle or self._house.clock.today().year)
        values = plain_values(self.row(key, extra))
        entered = self._house.rosters.entry.enter(connection, author_of(actor), roster, cycle, [{"row": 1, "values": values}])[0]
        if entered.reason:
            raise Rejection(entered.reason["zh"], entered.reason["en"])
        return int(entered.instance_id)

    @staticmethod
    def expression(connection: Connection, house: Any, instance_id: int, text: str) -> str | None:
        """A correlation key computed from the case, e.g. `= case.borrower_key`."""
        case = house.engine.load(connection, instance_id)
        value = to_json(feel(case, house.engine.functions(connection, case), text))
        return None if value is None else str(value)


@lru_cache(maxsize=8)
def _students(organisations: str) -> dict[str, Any]:
    """The students of the cast by key; every scenario of a book reads the same text."""
    return {str(row["key"]): row for row in read_yaml(organisations).get("students", [])}


def moment_of(value: Any) -> datetime:
    """A clock time of a scenario; without a zone it is Asia/Shanghai."""
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return moment if moment.tzinfo else moment.replace(tzinfo=SHANGHAI)
