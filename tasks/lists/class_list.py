"""A class representative's view: names and done or not done of his own class, and one reminder a day. No other data leaves here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import IntegrityError

from tasks.lists.queries import CASE, missing_condition
from tasks.models import CaseParty, Notification, Person
from tasks.people import Actor
from tasks.permissions import require
from tasks.roster.access import RosterAccess
from tasks.roster.columns import CaseList, Roster
from workflows.business_calendar import SHANGHAI, Clock
from workflows.definitions import Definitions, ProcessVersion
from workflows.errors import Conflict, NotFound
from workflows.store import Store

ROLE = "class_rep"
KIND = "class_reminder"


@dataclass(frozen=True, slots=True)
class ClassList:
    """One class and one process: who has not declared, who has, and whether today's reminder is out."""

    process_id: str
    process_name: str
    class_code: str
    class_name: str
    cycle: str
    missing: list[str]
    done: list[str]
    reminded_today: bool

    @property
    def total(self) -> int:
        """How many are on the list."""
        return len(self.missing) + len(self.done)


class ClassLists:
    """Reads by the representative's own classes, never by the general case predicate: he sees no case."""

    def __init__(self, access: RosterAccess, definitions: Definitions, clock: Clock) -> None:
        self._access = access
        self._definitions = definitions
        self._clock = clock

    def of(self, connection: Connection, actor: Actor) -> list[ClassList]:
        """A list per class the actor represents and per process that has a cohort. Raises Forbidden for anybody else."""
        require(actor, "class.list")
        classes = [one for one in actor.memberships if one.role == ROLE]
        found = []
        for version in self._definitions.all_current(connection):
            if version.roster:
                roster = self._access.roster(connection, version.process_id)
                found += [self._list(connection, version, roster, one.organisation_code, one.organisation_name) for one in classes]
        return [listed for listed in found if listed.total]

    def _list(self, connection: Connection, version: ProcessVersion, roster: Roster, code: str, name: str) -> ClassList:
        cycle = self._access.cycle(roster)
        rows = connection.execute(self._query(version.process_id, cycle, code, roster)).all()
        return ClassList(
            version.process_id, version.name, code, name, cycle, [row.name for row in rows if row.missing],
            [row.name for row in rows if not row.missing], self._reminded(connection, version.process_id, code),
        )

    @staticmethod
    def _query(process_id: str, cycle: str, code: str, roster: Roster) -> Any:
        missing = missing_condition(roster.lists.get("not_yet") or CaseList()).label("missing")
        return (
            select(Person.id, Person.name, missing).join(CASE, CASE.subject_person == Person.id)
            .join(CaseParty, CaseParty.instance_id == CASE.id)
            .where(CaseParty.organisation_code == code, CASE.process_id == process_id, CASE.cycle == cycle, CASE.status != "void")
            .distinct().order_by(Person.name, Person.id)
        )

    def remind(self, connection: Connection, actor: Actor, process_id: str, class_code: str) -> int:
        """Tell everybody of the class who has not declared; returns how many. Once a day: a second time is a Conflict.

        The notice names the process only (S1八 "落实到班、宣传到人"; S3二（五）: nothing personal in messages).
        """
        require(actor, "class.list")
        if not any(one.role == ROLE and one.organisation_code == class_code for one in actor.memberships):
            raise NotFound("这不是您的班级。", "This is not your class.")
        if self._reminded(connection, process_id, class_code):
            raise _already()
        version = self._definitions.current(connection, process_id)
        roster = self._access.roster(connection, process_id)
        rows = connection.execute(self._query(process_id, self._access.cycle(roster), class_code, roster)).all()
        missing = [row for row in rows if row.missing]
        if not missing:
            raise Conflict("全班都已提交，无需提醒。", "Everybody in the class has submitted; nobody needs a reminder.")
        self._write(connection, actor, version, class_code, missing)
        return len(missing)

    def _write(self, connection: Connection, actor: Actor, version: ProcessVersion, class_code: str, missing: list[Any]) -> None:
        now = self._clock.now()
        key = self._key(version.process_id, class_code)
        text = {
            "zh": f"班级提醒：请尽快办理“{version.name}”。", "en": f"A reminder from your class: please complete “{version.name}” soon.",
        }
        receipt = {"zh": f"已提醒 {len(missing)} 名同学办理“{version.name}”。", "en": f"{len(missing)} classmates were reminded of “{version.name}”."}
        common = {"kind": KIND, "instance_id": None, "seat_id": None, "created_at": now}
        rows = [{**common, "candidate": f"person:{actor.person_id}", "text": receipt, "unique_key": key}]
        rows += [{**common, "candidate": f"person:{row.id}", "text": text, "unique_key": f"{key}:{row.id}"} for row in missing]
        try:
            with Store.savepoint(connection):
                connection.execute(insert(Notification), rows)
        except IntegrityError as error:  # pressed twice at the same moment
            raise _already() from error

    def _reminded(self, connection: Connection, process_id: str, class_code: str) -> bool:
        query = select(Notification.id).where(Notification.unique_key == self._key(process_id, class_code))
        return connection.execute(query).first() is not None

    def _key(self, process_id: str, class_code: str) -> str:
        day = self._clock.now().astimezone(SHANGHAI).date()
        return f"{KIND}:{process_id}:{class_code}:{day.isoformat()}"


def _already() -> Conflict:
    return Conflict("今天已经提醒过，每天最多一次。", "A reminder has gone out today; at most one a day.")
