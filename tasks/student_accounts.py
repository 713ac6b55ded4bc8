"""Accounts of borrowers: who may hand out the one-time codes they activate with. It knows no case beyond who sees it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Case, ColumnElement, Connection, case, exists, or_, select, update

from tasks import security_log
from tasks.actors import Actor
from tasks.credentials import Credentials
from tasks.models import CaseParty, Membership, Organisation, Person
from tasks.organisations import OrganisationRow, scope_condition
from tasks.permissions import require, visible_cases
from workflows.business_calendar import Clock
from workflows.errors import Forbidden
from workflows.models import AnyRow, ProcessInstance

STATES = ("none", "issued", "activated")  # no code or an expired one, a valid code, a password of his own
STUDENT_ROLES = ("student", "class_rep", "volunteer")  # roles a borrower may hold beside


class StudentAccounts:
    """Gives borrowers their codes; the account of somebody who works here is his administrator's business."""

    def __init__(self, clock: Clock, credentials: Credentials) -> None:
        self._clock = clock
        self._credentials = credentials

    def codes(self, connection: Connection, actor: Actor, person_ids: Sequence[int]) -> dict[int, str]:
        """One-time codes for borrowers whose cases the actor sees and who have no password yet; others are left out.

        A student who forgot his password is reset one by one (`reset`), so that no list locks people out.
        """
        require(actor, "codes.issue")
        found = [row.id for row in self._students(connection, actor, person_ids) if row.password_hash is None]
        self._log(connection, actor, "codes.issued", count=len(found))
        return self._credentials.issue_codes(connection, found)

    def page(
        self, connection: Connection, actor: Actor, *, organisation: OrganisationRow | None = None, search: str = "", state: str = "", after: int = 0,
        before: int | None = None, limit: int = 50,
    ) -> Sequence[AnyRow]:
        """Borrowers with a case of the acting office (and below `organisation`) by id, after the person `after` or the last before `before`.

        `state`: one of STATES or empty. Columns: id, name, student_number, masks, state, activation_expires_at.
        """
        require(actor, "codes.issue")
        query = select(
            Person.id, Person.name, Person.student_number, Person.id_number_masked, Person.mobile_masked, Person.activation_expires_at,
            self._state().label("state"),
        ).where(Person.active, self._of_office(actor, organisation), ~_is_staff())
        if search.strip():
            words = search.strip()
            query = query.where(or_(Person.name.contains(words, autoescape=True), Person.student_number == words))
        if state:
            query = query.where(self._state() == state)
        if before is not None:
            return connection.execute(query.where(Person.id < before).order_by(Person.id.desc()).limit(limit)).all()[::-1]
        return connection.execute(query.where(Person.id > after).order_by(Person.id).limit(limit)).all()

    @staticmethod
    def described(connection: Connection, person_ids: Sequence[int]) -> Sequence[AnyRow]:
        """Name, student number and masked ID number of people one has just given codes to."""
        columns = (Person.id, Person.name, Person.student_number, Person.id_number_masked)
        return connection.execute(select(*columns).where(Person.id.in_(list(person_ids)))).all()

    @staticmethod
    def classes_of(connection: Connection, person_ids: Sequence[int]) -> dict[int, str]:
        """Person id → name of the class (or other lowest school unit) that his newest case names."""
        query = (
            select(ProcessInstance.subject_person, Organisation.name).join(CaseParty, CaseParty.instance_id == ProcessInstance.id)
            .join(Organisation, Organisation.code == CaseParty.organisation_code)
            .where(ProcessInstance.subject_person.in_(list(person_ids)), Organisation.kind.in_(("class", "faculty")))
            .order_by(ProcessInstance.id, Organisation.path)
        )
        return {row.subject_person: row.name for row in connection.execute(query)}

    def _state(self) -> Case[str]:
        coded = Person.activation_expires_at.is_not(None) & (Person.activation_expires_at > self._clock.now())
        return case((Person.password_hash.is_not(None), "activated"), (coded, "issued"), else_="none")

    @staticmethod
    def _of_office(actor: Actor, organisation: OrganisationRow | None) -> ColumnElement[bool]:
        """SQL over Person: subject of a case with a party in the acting office's scope, and below `organisation`."""
        conditions = [scope_condition(actor.acting.kind, actor.acting.path)] if actor.acting is not None else []
        if organisation is not None:
            conditions.append(scope_condition(organisation.kind, organisation.path))
        subjects = (
            select(ProcessInstance.subject_person).join(CaseParty, CaseParty.instance_id == ProcessInstance.id)
            .join(Organisation, Organisation.code == CaseParty.organisation_code).where(ProcessInstance.subject_person.is_not(None), *conditions)
        )
        return Person.id.in_(subjects)

    def reset(self, connection: Connection, actor: Actor, person_id: int) -> str:
        """A new one-time code for one borrower who lost his password; the old one ends. Raises Forbidden out of sight."""
        require(actor, "codes.issue")
        if not self._students(connection, actor, [person_id]):
            raise Forbidden("该学生没有您可查看的事项，不能发放激活码。", "You see no case of this student, so you may not give him a code.")
        values = {"password_hash": None, "session_version": Person.session_version + 1}
        connection.execute(update(Person).where(Person.id == person_id).values(values))
        self._log(connection, actor, "password.reset", about=person_id)
        return self._credentials.issue_codes(connection, [person_id])[person_id]

    def _students(self, connection: Connection, actor: Actor, person_ids: Sequence[int]) -> Sequence[AnyRow]:
        seen = exists(select(ProcessInstance.id).where(ProcessInstance.subject_person == Person.id, visible_cases(actor)))
        query = select(Person.id, Person.password_hash).where(Person.id.in_(list(person_ids)), Person.active, ~_is_staff(), seen)
        return connection.execute(query.order_by(Person.id)).all()

    def _log(self, connection: Connection, actor: Actor, kind: str, **about: Any) -> None:
        detail = {"acting_role": actor.role, "acting_organisation": actor.organisation_code, **about}
        security_log.record(connection, self._clock.now(), kind, person_id=actor.person_id, address=actor.address, detail=detail)


def _is_staff() -> ColumnElement[bool]:
    return exists(select(Membership.id).where(Membership.person_id == Person.id, Membership.role.not_in(STUDENT_ROLES)))
