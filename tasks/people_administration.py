"""What an administrator does to people and organisations, inside his scope, each act in the security log.

It decides who may; the writing itself is done by Organisations and Credentials. It knows no HTTP and no sheet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, exists, func, insert, or_, select, update

from tasks import security_log
from tasks.account_fields import blank_account, check_membership, check_person, normalise_login, sealed
from tasks.actors import Actor
from tasks.credentials import Credentials
from tasks.memberships import valid_on
from tasks.models import Membership, Organisation, Person
from tasks.organisations import EVERYTHING, OrganisationRow, Organisations, scope_condition
from tasks.permissions import require
from tasks.personal_data import PersonalData
from workflows.business_calendar import Clock
from workflows.errors import Conflict, Forbidden, NotFound

PERSON, MEMBERSHIP = Person.__table__, Membership.__table__
PAGE = 50


@dataclass(frozen=True)
class NewAccount:
    """A person just added, and the one-time code he activates his account with (shown once, stored nowhere)."""

    person_id: int
    code: str


class PeopleAdministration:
    """Adds, changes and disables people, memberships and organisations."""

    def __init__(self, clock: Clock, organisations: Organisations, credentials: Credentials, personal_data: PersonalData) -> None:
        self._clock = clock
        self.organisations = organisations
        self._credentials = credentials
        self._personal_data = personal_data

    # people

    def add_person(
        self, connection: Connection, actor: Actor, *, name: str, login: str, role_code: str, organisation_code: str,
        valid_from: date | None = None, valid_to: date | None = None, id_number: str | None = None, mobile: str | None = None,
    ) -> NewAccount:
        """Add somebody with his first membership; he sets his password himself with the code.

        Raises InvalidForm, Conflict (login or ID number taken), Forbidden (outside the actor's scope).
        """
        organisation = self.organisations.require(connection, organisation_code)
        require(actor, "people.manage", organisation)
        name, login = name.strip(), normalise_login(login)
        check_person(name, login, id_number, mobile)
        check_membership(role_code, organisation, valid_from, valid_to)
        self._check_free(connection, login, id_number)
        values = {"name": name, "login": login, **blank_account(), **sealed(self._personal_data, id_number, mobile), "created_at": self._clock.now()}
        person_id = int(connection.execute(insert(Person).values(values).returning(Person.id)).scalar_one())
        self._log(connection, actor, "person.added", person_id=person_id, name=name)
        self.add_membership(connection, actor, person_id, role_code, organisation_code, valid_from, valid_to)
        return NewAccount(person_id, self._credentials.issue_codes(connection, [person_id])[person_id])

    def change_person(
        self, connection: Connection, actor: Actor, person_id: int, *, name: str | None = None, login: str | None = None,
        mobile: str | None = None,
    ) -> None:
        """Correct name, login name or mobile number of somebody in scope."""
        person = self.manageable(connection, actor, person_id)
        changes: dict[str, Any] = {}
        if name is not None:
            changes["name"] = name.strip()
        if login is not None:
            changes["login"] = normalise_login(login)
        if mobile is not None:
            changes |= sealed(self._personal_data, None, mobile)
        check_person(changes.get("name", person.name), changes.get("login"), mobile=mobile)
        if changes.get("login", person.login) != person.login:
            self._check_free(connection, changes["login"], None)
        if changes:
            connection.execute(update(Person).where(Person.id == person_id).values(changes))
            self._log(connection, actor, "person.changed", person_id=person_id, fields=sorted(changes))

    def disable_person(self, connection: Connection, actor: Actor, person_id: int) -> None:
        """End somebody's access at once: sessions, code and password stop working; records and open seats stay.

        See tasks.hand_over for what he leaves behind. Nobody disables himself or the last administrator.
        """
        person = self.manageable(connection, actor, person_id)
        if person_id == actor.person_id:
            raise Forbidden("不能停用自己的账号，请由另一位管理员办理。", "You cannot disable your own account; another administrator must.")
        self._check_not_last(connection, person_id)
        values = {"active": False, "session_version": Person.session_version + 1, "activation_hash": None, "activation_expires_at": None}
        connection.execute(update(Person).where(Person.id == person_id).values(values))
        self._log(connection, actor, "person.disabled", person_id=person_id, name=person.name)

    def enable_person(self, connection: Connection, actor: Actor, person_id: int) -> None:
        """Let somebody in again, with the password he had."""
        person = self.manageable(connection, actor, person_id)
        connection.execute(update(Person).where(Person.id == person_id).values(active=True, failed_logins=0, locked_until=None))
        self._log(connection, actor, "person.enabled", person_id=person_id, name=person.name)

    def reset_password(self, connection: Connection, actor: Actor, person_id: int) -> str:
        """Take somebody's password away and give a one-time code in its place; his sessions end. Returns the code."""
        self.manageable(connection, actor, person_id)
        values = {"password_hash": None, "session_version": Person.session_version + 1}
        connection.execute(update(Person).where(Person.id == person_id).values(values))
        self._log(connection, actor, "password.reset", person_id=person_id)
        return self._credentials.issue_codes(connection, [person_id])[person_id]

    # memberships

    def add_membership(
        self, connection: Connection, actor: Actor, person_id: int, role_code: str, organisation_code: str,
        valid_from: date | None = None, valid_to: date | None = None,
    ) -> int:
        """Give somebody a role at an organisation, both dates inclusive, null open. Raises InvalidForm, Forbidden, Conflict."""
        organisation = self.organisations.require(connection, organisation_code)
        require(actor, "people.manage", organisation)
        check_membership(role_code, organisation, valid_from, valid_to)
        if self.holds(connection, person_id, role_code, organisation_code, valid_from, valid_to):
            raise Conflict("该人员在此期间已有同一身份。", "This person already holds this role there in that time.")
        values = {
            "person_id": person_id, "organisation_id": organisation.id, "role": role_code, "valid_from": valid_from, "valid_to": valid_to,
        }
        found = int(connection.execute(insert(Membership).values(values).returning(Membership.id)).scalar_one())
        self._log(connection, actor, "membership.added", person_id=person_id, role=role_code, organisation=organisation_code)
        return found

    def change_membership(
        self, connection: Connection, actor: Actor, membership_id: int, *, valid_from: date | None, valid_to: date | None,
    ) -> None:
        """Set the dates of a membership; a last day in the past ends it. Records keep who acted in it."""
        row = connection.execute(select(MEMBERSHIP).where(MEMBERSHIP.c.id == membership_id)).first()
        if row is None:
            raise NotFound("没有该任职记录。", "There is no such membership.")
        organisation = self.organisations.tree(connection).by_id[row.organisation_id]
        require(actor, "people.manage", organisation)
        check_membership(row.role, organisation, valid_from, valid_to)
        if valid_to is not None and valid_to < self._clock.today():
            self._check_not_last(connection, row.person_id)
        connection.execute(update(Membership).where(Membership.id == membership_id).values(valid_from=valid_from, valid_to=valid_to))
        self._log(
            connection, actor, "membership.changed", person_id=row.person_id, role=row.role, organisation=organisation.code,
            valid_to=valid_to.isoformat() if valid_to else None,
        )

    # organisations

    def add_organisation(self, connection: Connection, actor: Actor, *, parent: str | None, **values: Any) -> OrganisationRow:
        """Add an organisation below `parent` (a root only by the platform); see Organisations.add."""
        self._require_organisation(connection, actor, parent)
        row = self.organisations.add(connection, parent=parent, **values)
        self._log(connection, actor, "organisation.added", organisation=row.code, name=row.name)
        return row

    def change_organisation(self, connection: Connection, actor: Actor, code: str, **values: Any) -> OrganisationRow:
        """Rename, disable, enable, mark on or off the platform; see Organisations.change."""
        require(actor, "organisations.manage", self.organisations.require(connection, code))
        row = self.organisations.change(connection, code, **values)
        self._log(connection, actor, "organisation.changed", organisation=code, fields=sorted(values))
        return row

    def move_organisation(self, connection: Connection, actor: Actor, code: str, parent: str | None) -> OrganisationRow:
        """Hang an organisation under another one; both must lie in the actor's scope."""
        require(actor, "organisations.manage", self.organisations.require(connection, code))
        self._require_organisation(connection, actor, parent)
        row = self.organisations.move(connection, code, parent)
        self._log(connection, actor, "organisation.moved", organisation=code, parent=parent)
        return row

    # reading

    def people_page(
        self, connection: Connection, actor: Actor, *, search: str = "", organisation_code: str | None = None, after: int = 0,
        limit: int = PAGE,
    ) -> Sequence[Row[Any]]:
        """Staff in the actor's scope, by id, after the person `after`: id, name, login, active, masks, locked_until, has_password."""
        require(actor, "people.manage")
        columns = (
            Person.id, Person.name, Person.login, Person.active, Person.id_number_masked, Person.mobile_masked, Person.locked_until,
            Person.password_hash.is_not(None).label("has_password"),
        )
        query = select(*columns).where(Person.id > after, self._in_scope(connection, actor, organisation_code))
        if search.strip():
            query = query.where(or_(Person.name.contains(search.strip(), autoescape=True), Person.login.contains(search.strip().lower(), autoescape=True)))
        return connection.execute(query.order_by(Person.id).limit(limit)).all()

    def memberships_of(self, connection: Connection, person_ids: Sequence[int]) -> dict[int, list[Row[Any]]]:
        """Person id → all his memberships, past and future too (id, role, code, organisation name, dates)."""
        columns = (
            Membership.id, Membership.person_id, Membership.role, Membership.valid_from, Membership.valid_to, Organisation.code,
            Organisation.name.label("organisation_name"),
        )
        query = select(*columns).join(Organisation).where(Membership.person_id.in_(list(person_ids))).order_by(Membership.id)
        found: dict[int, list[Row[Any]]] = {person_id: [] for person_id in person_ids}
        for row in connection.execute(query):
            found[row.person_id].append(row)
        return found

    def holds(
        self, connection: Connection, person_id: int, role_code: str, organisation_code: str, valid_from: date | None, valid_to: date | None,
    ) -> bool:
        """Whether somebody holds the role at the organisation on any day of that time (null: open end)."""
        same = select(Membership.id).join(Organisation).where(
            Membership.person_id == person_id, Organisation.code == organisation_code, Membership.role == role_code,
            or_(Membership.valid_to.is_(None), Membership.valid_to >= (valid_from or date.min)),
            or_(Membership.valid_from.is_(None), Membership.valid_from <= (valid_to or date.max)),
        )
        return connection.execute(same).first() is not None

    def manageable(self, connection: Connection, actor: Actor, person_id: int) -> Row[Any]:
        """The person, when every organisation he works for lies in the actor's scope. Raises NotFound, Forbidden.

        Otherwise an office could take over the account of somebody who also works above it.
        """
        require(actor, "people.manage")
        person = connection.execute(select(PERSON).where(PERSON.c.id == person_id)).first()
        if person is None:
            raise NotFound(f"没有编号为 {person_id} 的人员。", f"There is no person {person_id}.")
        memberships = self.memberships_of(connection, [person_id])[person_id]
        for row in memberships:
            require(actor, "people.manage", self.organisations.get(connection, row.code))
        acting = actor.acting
        if not memberships and acting is not None and acting.kind not in EVERYTHING:
            raise Forbidden(f"{person.name}不在您的管理范围内。", f"{person.name} lies outside your scope.")
        return person

    def _in_scope(self, connection: Connection, actor: Actor, organisation_code: str | None) -> ColumnElement[bool]:
        """SQL over Person: works, or worked, for an organisation in the actor's scope (and below `organisation_code`)."""
        acting = actor.acting
        conditions = [scope_condition(acting.kind, acting.path)] if acting is not None else []
        if organisation_code:
            chosen = self.organisations.require(connection, organisation_code)
            conditions.append(scope_condition(chosen.kind, chosen.path))
        return exists(select(Membership.id).join(Organisation).where(Membership.person_id == Person.id, *conditions))

    def _require_organisation(self, connection: Connection, actor: Actor, parent: str | None) -> None:
        if parent:
            require(actor, "organisations.manage", self.organisations.require(connection, parent))
            return
        require(actor, "organisations.manage")
        if actor.acting is not None and actor.acting.kind not in EVERYTHING:
            raise Forbidden("只有平台管理员可以增加一级单位。", "Only the platform's administrator may add an organisation without a parent.")

    def _check_free(self, connection: Connection, login: str, id_number: str | None) -> None:
        if connection.execute(select(Person.id).where(Person.login == login)).first():
            raise Conflict(f"登录名“{login}”已被使用。", f"The login {login!r} is taken.")
        index = self._personal_data.blind_index(id_number) if id_number else None
        if index and connection.execute(select(Person.id).where(Person.id_number_index == index)).first():
            raise Conflict("该证件号已登记为另一人员。", "This ID number belongs to somebody who is already registered.")

    def _check_not_last(self, connection: Connection, person_id: int) -> None:
        """Somebody must stay who can let people in."""
        today = self._clock.today()
        others = (
            select(func.count(Person.id.distinct())).join(Membership, Membership.person_id == Person.id).join(Organisation)
            .where(Person.active, Membership.role == "people_admin", Organisation.kind.in_(EVERYTHING), valid_on(today))
        )
        mine = connection.execute(others.where(Person.id == person_id)).scalar_one()
        if mine and not connection.execute(others.where(Person.id != person_id)).scalar_one():
            raise Conflict("这是平台最后一位人员管理员，请先增加另一位。", "This is the platform's last people administrator; add another first.")

    def _log(self, connection: Connection, actor: Actor, kind: str, **detail: Any) -> None:
        about = {**detail, "role": actor.role, "organisation": actor.organisation_code}
        security_log.record(connection, self._clock.now(), kind, person_id=actor.person_id, address=actor.address, detail={
            ("about" if key == "person_id" else key): value for key, value in about.items()
        })
