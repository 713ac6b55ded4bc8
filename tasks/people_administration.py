"""What an administrator does to people and their memberships, inside his scope, each act in the security log.

Passwords and codes are made by Credentials. It knows no HTTP and no sheet.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from sqlalchemy import Connection, insert, select, update

from tasks import security_log
from tasks.account_fields import NewAccount, blank_account, check_membership, check_person, normalise_login, sealed
from tasks.actors import Actor
from tasks.credentials import Credentials
from tasks.models import Membership, Person
from tasks.people_directory import PeopleDirectory
from tasks.permissions import require
from tasks.personal_data import PersonalData
from tasks.student_accounts import StudentAccounts
from workflows.business_calendar import Clock
from workflows.errors import Conflict, Forbidden, NotFound

MEMBERSHIP = Membership.__table__


class PeopleAdministration:
    """Adds, changes and disables people and memberships."""

    def __init__(self, clock: Clock, directory: PeopleDirectory, credentials: Credentials, personal_data: PersonalData) -> None:
        self._clock = clock
        self.directory = directory
        self.on_change: list[Callable[[Connection, int], None]] = []  # told whose memberships or account changed
        self.on_leaving: list[Callable[[Connection, int], None]] = []  # told in the administrator's transaction who was disabled
        self.students = StudentAccounts(clock, credentials)
        self._organisations = directory.organisations
        self._credentials = credentials
        self._personal_data = personal_data

    def add_person(
        self, connection: Connection, actor: Actor, *, name: str, login: str, role_code: str, organisation_code: str,
        valid_from: date | None = None, valid_to: date | None = None, id_number: str | None = None, mobile: str | None = None,
    ) -> NewAccount:
        """Add somebody with his first membership; he sets his password himself with the code.

        Raises InvalidForm, Conflict (login or ID number taken), Forbidden (outside the actor's scope).
        """
        organisation = self._organisations.require(connection, organisation_code)
        require(actor, "people.manage", organisation)
        name, login = name.strip(), normalise_login(login)
        check_person(name, login, id_number, mobile)
        check_membership(role_code, organisation, valid_from, valid_to)
        self._check_free(connection, login, id_number)
        values = {"name": name, "login": login, **blank_account(), **sealed(self._personal_data, id_number, mobile), "created_at": self._clock.now()}
        person_id = int(connection.execute(insert(Person).values(values).returning(Person.id)).scalar_one())
        self._log(connection, actor, "person.added", person_id=person_id, name=name)
        self._add_membership(connection, actor, person_id, role_code, organisation_code, valid_from, valid_to)
        return NewAccount(person_id, self._credentials.issue_codes(connection, [person_id])[person_id])

    def change_person(
        self, connection: Connection, actor: Actor, person_id: int, *, name: str | None = None, login: str | None = None,
        mobile: str | None = None,
    ) -> None:
        """Correct name, login name or mobile number of somebody in scope."""
        person = self.directory.manageable(connection, actor, person_id)
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
        """End somebody's access at once: sessions, code and password stop working; records and open seats stay, votes are counted anew.

        See tasks.hand_over for what he leaves behind. Nobody disables himself or the last administrator.
        """
        person = self.directory.manageable(connection, actor, person_id)
        if person_id == actor.person_id:
            raise Forbidden("不能停用自己的账号，请由另一位管理员办理。", "You cannot disable your own account; another administrator must.")
        self._check_not_last(connection, person_id)
        values = {"active": False, "session_version": Person.session_version + 1, "activation_hash": None, "activation_expires_at": None}
        connection.execute(update(Person).where(Person.id == person_id).values(values))
        self._log(connection, actor, "person.disabled", person_id=person_id, name=person.name)
        for listener in (*self.on_leaving, *self.on_change):
            listener(connection, person_id)

    def enable_person(self, connection: Connection, actor: Actor, person_id: int) -> None:
        """Let somebody in again, with the password he had."""
        person = self.directory.manageable(connection, actor, person_id)
        connection.execute(update(Person).where(Person.id == person_id).values(active=True, failed_logins=0, locked_until=None))
        self._log(connection, actor, "person.enabled", person_id=person_id, name=person.name)
        for listener in self.on_change:
            listener(connection, person_id)

    def reset_password(self, connection: Connection, actor: Actor, person_id: int) -> str:
        """Take somebody's password away and give a one-time code in its place; his sessions end. Returns the code."""
        person = self.directory.manageable(connection, actor, person_id)
        if person_id == actor.person_id:
            raise Forbidden("自己的密码请在“修改密码”页更改。", "Change your own password on its page.")
        if not person.active:
            raise Conflict(f"{person.name}的账号已停用，请先启用。", f"The account of {person.name} is disabled; enable it first.")
        values = {"password_hash": None, "session_version": Person.session_version + 1}
        connection.execute(update(Person).where(Person.id == person_id).values(values))
        self._log(connection, actor, "password.reset", person_id=person_id)
        return self._credentials.issue_codes(connection, [person_id])[person_id]

    def add_membership(
        self, connection: Connection, actor: Actor, person_id: int, role_code: str, organisation_code: str,
        valid_from: date | None = None, valid_to: date | None = None,
    ) -> int:
        """Give somebody in scope a role at an organisation, both dates inclusive, null open. Raises InvalidForm, Forbidden, Conflict."""
        self.directory.manageable(connection, actor, person_id)
        return self._add_membership(connection, actor, person_id, role_code, organisation_code, valid_from, valid_to)

    def _add_membership(
        self, connection: Connection, actor: Actor, person_id: int, role_code: str, organisation_code: str,
        valid_from: date | None, valid_to: date | None,
    ) -> int:
        organisation = self._organisations.require(connection, organisation_code)
        require(actor, "people.manage", organisation)
        check_membership(role_code, organisation, valid_from, valid_to)
        if self.directory.holds(connection, person_id, role_code, organisation_code, valid_from, valid_to):
            raise Conflict("该人员在此期间已有同一身份。", "This person already holds this role there in that time.")
        values = {
            "person_id": person_id, "organisation_id": organisation.id, "role": role_code, "valid_from": valid_from, "valid_to": valid_to,
        }
        found = int(connection.execute(insert(Membership).values(values).returning(Membership.id)).scalar_one())
        self._log(connection, actor, "membership.added", person_id=person_id, role=role_code, organisation=organisation_code)
        self._changed(connection, person_id)
        return found

    def change_membership(
        self, connection: Connection, actor: Actor, membership_id: int, *, valid_from: date | None, valid_to: date | None,
    ) -> None:
        """Set the dates of a membership; a last day in the past ends it. Records keep who acted in it."""
        row = connection.execute(select(MEMBERSHIP).where(MEMBERSHIP.c.id == membership_id)).first()
        if row is None:
            raise NotFound("没有该任职记录。", "There is no such membership.")
        organisation = self._organisations.tree(connection).by_id[row.organisation_id]
        require(actor, "people.manage", organisation)
        check_membership(row.role, organisation, valid_from, valid_to)
        today = self._clock.today()
        if row.role == "people_admin" and ((valid_to or today) < today or (valid_from or today) > today):
            self._check_not_last(connection, row.person_id)
        connection.execute(update(Membership).where(Membership.id == membership_id).values(valid_from=valid_from, valid_to=valid_to))
        self._log(
            connection, actor, "membership.changed", person_id=row.person_id, role=row.role, organisation=organisation.code,
            valid_to=valid_to.isoformat() if valid_to else None,
        )
        self._changed(connection, row.person_id)

    def _changed(self, connection: Connection, person_id: int) -> None:
        for listener in self.on_change:
            listener(connection, person_id)

    def _check_free(self, connection: Connection, login: str, id_number: str | None) -> None:
        if connection.execute(select(Person.id).where(Person.login == login)).first():
            raise Conflict(f"登录名“{login}”已被使用。", f"The login {login!r} is taken.")
        index = self._personal_data.blind_index(id_number) if id_number else None
        if index and connection.execute(select(Person.id).where(Person.id_number_index == index)).first():
            raise Conflict("该证件号已登记为另一人员。", "This ID number belongs to somebody who is already registered.")

    def _check_not_last(self, connection: Connection, person_id: int) -> None:
        """Somebody must stay who can let people in."""
        if self.directory.is_last_administrator(connection, person_id, self._clock.today()):
            raise Conflict("这是平台最后一位人员管理员，请先增加另一位。", "This is the platform's last people administrator; add another first.")

    def _log(self, connection: Connection, actor: Actor, kind: str, person_id: int, **about: Any) -> None:
        detail = {"acting_role": actor.role, "acting_organisation": actor.organisation_code, "about": person_id, **about}
        security_log.record(connection, self._clock.now(), kind, person_id=actor.person_id, address=actor.address, detail=detail)
