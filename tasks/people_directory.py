"""The people an administrator looks after: lists, memberships, and who lies in his scope. It changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy import ColumnElement, Connection, exists, func, or_, select

from tasks.actors import Actor, MembershipView
from tasks.memberships import valid_on
from tasks.models import CaseParty, Membership, Organisation, Person
from tasks.organisations import EVERYTHING, Organisations, scope_condition
from tasks.permissions import require
from workflows.errors import Forbidden, NotFound
from workflows.models import AnyRow, ProcessInstance

PERSON = Person.__table__
PAGE = 50


class PeopleDirectory:
    """Reads people and memberships inside a scope."""

    def __init__(self, organisations: Organisations) -> None:
        self.organisations = organisations

    def page(
        self, connection: Connection, actor: Actor, *, search: str = "", organisation_code: str | None = None, role_code: str | None = None,
        active: bool | None = None, after: int = 0, before: int | None = None, limit: int = PAGE,
    ) -> Sequence[AnyRow]:
        """Staff in the actor's scope by id, after the person `after`, or the last ones before `before`.

        Columns: id, name, login, active, masks, locked_until, has_password. `role_code`: who holds or held that role.
        """
        require(actor, "people.manage")
        columns = (
            Person.id, Person.name, Person.login, Person.active, Person.id_number_masked, Person.mobile_masked, Person.locked_until,
            Person.password_hash.is_not(None).label("has_password"),
        )
        query = select(*columns).where(self._in_scope(connection, actor, organisation_code, role_code))
        if active is not None:
            query = query.where(Person.active == active)
        if search.strip():
            query = query.where(or_(Person.name.contains(search.strip(), autoescape=True), Person.login.contains(search.strip().lower(), autoescape=True)))
        if before is not None:
            return connection.execute(query.where(Person.id < before).order_by(Person.id.desc()).limit(limit)).all()[::-1]
        return connection.execute(query.where(Person.id > after).order_by(Person.id).limit(limit)).all()

    def memberships_of(self, connection: Connection, person_ids: Sequence[int]) -> dict[int, list[AnyRow]]:
        """Person id → all his memberships, past and future too (id, role, code, organisation name, dates)."""
        columns = (
            Membership.id, Membership.person_id, Membership.role, Membership.valid_from, Membership.valid_to, Organisation.code,
            Organisation.name.label("organisation_name"),
        )
        query = select(*columns).join(Organisation).where(Membership.person_id.in_(list(person_ids))).order_by(Membership.id)
        found: dict[int, list[AnyRow]] = {person_id: [] for person_id in person_ids}
        for row in connection.execute(query):
            found[row.person_id].append(row)
        return found

    @staticmethod
    def figures(connection: Connection, organisation_ids: Sequence[int], today: date) -> dict[str, int]:
        """Organisation code → how many active people hold a role there today."""
        query = (
            select(Organisation.code, func.count(Membership.person_id.distinct()).label("people")).join(Membership, Membership.organisation_id == Organisation.id)
            .join(Person, Person.id == Membership.person_id).where(Organisation.id.in_(list(organisation_ids)), Person.active, valid_on(today))
            .group_by(Organisation.code)
        )
        return {row.code: row.people for row in connection.execute(query)}

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

    def manageable(self, connection: Connection, actor: Actor, person_id: int) -> AnyRow:
        """The person, when every organisation he works for lies in the actor's scope. Raises NotFound, Forbidden.

        Somebody who works for none (a borrower) belongs to the offices that take part in his cases. Otherwise an office could take over the account of somebody who also works above it.
        """
        require(actor, "people.manage")
        person = connection.execute(select(PERSON).where(PERSON.c.id == person_id)).first()
        if person is None:
            raise NotFound(f"没有编号为 {person_id} 的人员。", f"There is no person {person_id}.")
        memberships = self.memberships_of(connection, [person_id])[person_id]
        for row in memberships:
            require(actor, "people.manage", self.organisations.get(connection, row.code))
        acting = actor.acting
        if not memberships and acting is not None and not self._has_case_in_scope(connection, person_id, acting):
            raise Forbidden(f"{person.name}不在您的管理范围内。", f"{person.name} lies outside your scope.")
        return person

    @staticmethod
    def _has_case_in_scope(connection: Connection, person_id: int, acting: MembershipView) -> bool:
        if acting.kind in EVERYTHING:
            return True
        query = (
            select(CaseParty.instance_id).join(Organisation, Organisation.code == CaseParty.organisation_code)
            .join(ProcessInstance, ProcessInstance.id == CaseParty.instance_id)
            .where(ProcessInstance.subject_person == person_id, scope_condition(acting.kind, acting.path))
        )
        return connection.execute(query.limit(1)).first() is not None

    def is_last_administrator(self, connection: Connection, person_id: int, today: date) -> bool:
        """Whether without this person nobody could let people in any more."""
        administrators = (
            select(func.count(Person.id.distinct())).join(Membership, Membership.person_id == Person.id).join(Organisation)
            .where(Person.active, Membership.role == "people_admin", Organisation.kind.in_(EVERYTHING), valid_on(today))
        )
        is_one = connection.execute(administrators.where(Person.id == person_id)).scalar_one()
        return bool(is_one) and not connection.execute(administrators.where(Person.id != person_id)).scalar_one()

    def _in_scope(self, connection: Connection, actor: Actor, organisation_code: str | None, role_code: str | None) -> ColumnElement[bool]:
        """SQL over Person: works, or worked, for an organisation in the actor's scope (and below `organisation_code`, as `role_code`)."""
        acting = actor.acting
        conditions = [scope_condition(acting.kind, acting.path)] if acting is not None else []
        if organisation_code:
            chosen = self.organisations.require(connection, organisation_code)
            conditions.append(scope_condition(chosen.kind, chosen.path))
        if role_code:
            conditions.append(Membership.role == role_code)
        return exists(select(Membership.id).join(Organisation).where(Membership.person_id == Person.id, *conditions))
