"""People and what they may act as: accounts, dated memberships and acting identities.

The door to everything about people: organisations, credentials and the import of staff hang on it. It knows no HTTP.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, Date, and_, bindparam, select

from tasks.actors import Actor, MembershipView, build_actor, system_actor
from tasks.credentials import Credentials
from tasks.memberships import valid_on
from tasks.models import Membership, Organisation, Person
from tasks.organisations import OrganisationRow, Organisations
from tasks.people_administration import PeopleAdministration
from tasks.people_directory import PeopleDirectory
from tasks.personal_data import PersonalData
from workflows.business_calendar import Clock
from workflows.errors import Forbidden, NotFound
from workflows.models import AnyRow

__all__ = ["Actor", "MembershipView", "People", "system_actor"]


class People:
    """Reads who somebody is today and what he belongs to."""

    def __init__(self, clock: Clock, personal_data: PersonalData) -> None:
        self.clock = clock
        self.personal_data = personal_data
        self.organisations = Organisations()
        self.credentials = Credentials(clock, personal_data)
        self.directory = PeopleDirectory(self.organisations)
        self.administration = PeopleAdministration(clock, self.directory, self.credentials, personal_data)
        self.students = self.administration.students

    def organisation(self, connection: Connection, code: str | None) -> OrganisationRow | None:
        """The organisation with `code`, from memory; None for an unknown code."""
        return self.organisations.get(connection, code)

    def org(self, connection: Connection, code: str | None) -> dict[str, Any] | None:
        """FEEL's `org(code)`: a context, or None."""
        found = self.organisations.get(connection, code)
        return found.as_context() if found else None

    def ancestors(self, connection: Connection, code: str) -> list[str]:
        """The code itself, its parents up to the root, then the province it lies in; empty for an unknown code."""
        return self.organisations.ancestors(connection, code)

    def children(self, connection: Connection, code: str) -> list[OrganisationRow]:
        """The organisations directly below `code`, in order of their codes."""
        return self.organisations.children(connection, code)

    def office_of(self, connection: Connection, line: str | None) -> str | None:
        """The name of the organisation of a candidate line such as "county_clerk@C149999"; None for a person's own line."""
        code = line.partition("@")[2] if line else ""
        found = self.organisation(connection, code) if code else None
        return found.name if found else None

    def name(self, connection: Connection, person_id: int) -> str:
        """What the person is called; empty for nobody."""
        return self.names(connection, [person_id]).get(person_id, "")

    def names(self, connection: Connection, person_ids: Iterable[int]) -> dict[int, str]:
        """Person id → name, in one statement."""
        wanted = sorted(set(person_ids))
        if not wanted:
            return {}
        return {row.id: row.name for row in connection.execute(select(Person.id, Person.name).where(Person.id.in_(wanted)))}

    def logins(self, connection: Connection, person_ids: Iterable[int]) -> dict[int, str]:
        """Person id → login name, in one statement; people without one are left out."""
        query = select(Person.id, Person.login).where(Person.id.in_(sorted(set(person_ids))), Person.login.is_not(None))
        return {row.id: str(row.login) for row in connection.execute(query)}

    def actor(
        self, connection: Connection, person_id: int, acting: int | None = None, channel: str = "web", address: str | None = None,
    ) -> Actor:
        """The person in the identity `acting` (a membership id), or in the first valid one.

        Raises NotFound for nobody and Forbidden for a disabled account. One statement.
        """
        rows = self._identity(connection, person_id)
        if not rows:
            raise NotFound(f"没有编号为 {person_id} 的人员。", f"There is no person {person_id}.")
        if not rows[0].active:
            raise Forbidden(f"{rows[0].name}的账号已停用。", f"The account of {rows[0].name} is disabled.")
        return self.actor_from(connection, rows, acting, channel, address)

    def actor_in_session(
        self, connection: Connection, person_id: int, session_version: int, acting: int | None, address: str | None,
    ) -> Actor | None:
        """The actor of a web session, or None when the account was disabled or its password changed since."""
        rows = self._identity(connection, person_id)
        if not rows or not rows[0].active or rows[0].session_version != session_version:
            return None
        return self.actor_from(connection, rows, acting, "web", address)

    def actor_from(
        self, connection: Connection, rows: Sequence[AnyRow], acting: int | None, channel: str, address: str | None,
    ) -> Actor:
        """An actor from the rows of one person with his memberships."""
        person = rows[0]
        by_id = self.organisations.tree(connection).by_id
        memberships = [
            MembershipView(row.membership_id, row.role, found.code, found.name, found.kind, found.path, found.province)
            for row in rows
            if row.membership_id is not None and (found := by_id.get(row.organisation_id)) is not None and found.active
        ]
        return build_actor(
            person.id, person.name, memberships, acting=acting, channel=channel, address=address, language=person.language,
            must_change_password=person.must_change_password,
        )

    def members(self, connection: Connection, role: str, organisation_code: str, on: date | None = None) -> Sequence[AnyRow]:
        """Active people (id, name, login) who hold `role` at the organisation on the day `on` (default today)."""
        query = (
            select(Person.id, Person.name, Person.login)
            .join(Membership, Membership.person_id == Person.id)
            .join(Organisation, Organisation.id == Membership.organisation_id)
            .where(Organisation.code == organisation_code, Organisation.active, Membership.role == role, Person.active)
            .where(valid_on(on or self.clock.today()))
            .distinct().order_by(Person.id)
        )
        return connection.execute(query).all()

    def _identity(self, connection: Connection, person_id: int) -> Sequence[AnyRow]:
        return connection.execute(_IDENTITY, {"person": person_id, "today": self.clock.today()}).all()


# One person with the memberships valid on a day; built once, since every request asks it.
_IDENTITY = (
    select(
        Person.id, Person.name, Person.active, Person.language, Person.must_change_password, Person.session_version,
        Membership.id.label("membership_id"), Membership.role, Membership.organisation_id,
    )
    .outerjoin(Membership, and_(Membership.person_id == Person.id, valid_on(bindparam("today", type_=Date))))
    .where(Person.id == bindparam("person")).order_by(Membership.id)
)
