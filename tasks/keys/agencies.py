"""代理, the record: who stands in for whom, from when to when, in which process. By the person himself, or by whoever administers his account."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, exists, insert, or_, select, update
from sqlalchemy.orm import aliased

from tasks import security_log
from tasks.actors import Actor
from tasks.ground import Ground
from tasks.keys.agency import AGENCY, SEAT, AgencyKeys
from tasks.keys.agency_dates import AgencyDates
from tasks.lifecycle import IN_TURN
from tasks.memberships import valid_on
from tasks.models import Membership, Notification, Person
from tasks.operation_models import Agency
from workflows.errors import Conflict, InvalidForm, NotFound, Words
from workflows.models import ProcessInstance

PRINCIPAL, AGENT = aliased(Person, name="principal"), aliased(Person, name="agent")
LONGEST_REASON = 200


@dataclass(frozen=True, slots=True)
class Absence:
    """What somebody fills in: who stands in, in which process (None: all), from when to when, and why."""

    agent_id: int
    process_id: str | None
    valid_from: datetime
    valid_to: datetime
    reason: str = ""


class Agencies:
    """Creates, changes, revokes and lists agencies."""

    def __init__(self, ground: Ground, keys: AgencyKeys, dates: AgencyDates) -> None:
        self._people, self._clock = ground.people, ground.clock
        self._keys = keys
        self._dates = dates

    # reading

    def given(self, connection: Connection, person_id: int) -> Sequence[Row[Any]]:
        """The agencies of a principal, the latest first, with both names."""
        return self._list(connection, AGENCY.c.principal_id == person_id)

    def held(self, connection: Connection, person_id: int) -> Sequence[Row[Any]]:
        """For whom somebody stands in, the latest first, with both names."""
        return self._list(connection, AGENCY.c.agent_id == person_id)

    @staticmethod
    def _list(connection: Connection, condition: Any) -> Sequence[Row[Any]]:
        query: Select[Any] = select(*AGENCY.c, PRINCIPAL.name.label("principal"), AGENT.name.label("agent"), AGENT.active.label("agent_active"))
        query = query.join(PRINCIPAL, PRINCIPAL.id == AGENCY.c.principal_id).join(AGENT, AGENT.id == AGENCY.c.agent_id).where(condition)
        found: Sequence[Row[Any]] = connection.execute(query.order_by(AGENCY.c.valid_to.desc(), AGENCY.c.id.desc()).limit(100)).all()
        return found

    @staticmethod
    def with_agents(connection: Connection, person_id: int) -> Sequence[Row[Any]]:
        """The live seats of a principal that an agent has claimed for him: seat_id, subject, number, node_id, definition_id, agent, due_at."""
        query: Select[Any] = select(SEAT.c.id.label("seat_id"), ProcessInstance.subject, ProcessInstance.number, SEAT.c.node_id, SEAT.c.definition_id, SEAT.c.process_id, AGENT.name.label("agent"), SEAT.c.due_at)
        query = query.join(ProcessInstance, ProcessInstance.id == SEAT.c.instance_id).join(AGENT, AGENT.id == SEAT.c.owner_id)
        mine = (SEAT.c.claimed_as == f"person:{person_id}", SEAT.c.owner_id != person_id, SEAT.c.status.in_(IN_TURN))
        agents = select(AGENCY.c.agent_id).where(AGENCY.c.principal_id == person_id)  # so that the index of owners serves
        found: Sequence[Row[Any]] = connection.execute(query.where(SEAT.c.owner_id.in_(agents), *mine).order_by(SEAT.c.due_at, SEAT.c.id).limit(200)).all()
        return found

    def possible_agents(self, connection: Connection, principal_id: int) -> list[tuple[int, str]]:
        """Colleagues: active people who hold a role today where the principal holds one, by name."""
        today = self._clock.today()
        units = select(Membership.organisation_id).where(Membership.person_id == principal_id, valid_on(today))
        query = select(Person.id, Person.name).join(Membership, Membership.person_id == Person.id).where(
            Membership.organisation_id.in_(units), Person.active, Person.id != principal_id, valid_on(today)
        )
        return [(row.id, row.name) for row in connection.execute(query.distinct().order_by(Person.name, Person.id).limit(500))]

    # writing

    def create(self, connection: Connection, actor: Actor, principal_id: int, absence: Absence) -> int:
        """Let somebody stand in. Raises Forbidden for somebody else's account out of scope, InvalidForm, Conflict when he has a stand-in then."""
        self._guard(connection, actor, principal_id)
        self._check(connection, principal_id, absence)
        now = self._clock.now()
        agency_id = int(connection.execute(insert(Agency).values(
            principal_id=principal_id, agent_id=absence.agent_id, process_id=absence.process_id, valid_from=absence.valid_from, valid_to=absence.valid_to,
            reason=absence.reason.strip()[:LONGEST_REASON], created_by=actor.person_id, created_at=now, begun_at=None, ended_at=None,
        ).returning(Agency.id)).scalar_one())
        self._after(connection, actor, "agency.created", principal_id, absence.agent_id, agency_id)
        return agency_id

    def change(self, connection: Connection, actor: Actor, agency_id: int, absence: Absence) -> None:
        """Change agent, process or dates of an agency that has not ended; keys are taken back and given out anew."""
        agency = self._live(connection, actor, agency_id)
        self._check(connection, agency.principal_id, absence, agency_id)
        self._dates.withdraw(connection, agency)
        connection.execute(update(Agency).where(AGENCY.c.id == agency_id).values(
            agent_id=absence.agent_id, process_id=absence.process_id, valid_from=absence.valid_from, valid_to=absence.valid_to,
            reason=absence.reason.strip()[:LONGEST_REASON], created_at=self._clock.now(), begun_at=None,
        ))
        self._after(connection, actor, "agency.changed", agency.principal_id, absence.agent_id, agency_id)

    def revoke(self, connection: Connection, actor: Actor, agency_id: int) -> None:
        """End an agency now: its keys are gone at once; what the agent claimed or drafted stays with him until it is taken back."""
        self.end(connection, self._live(connection, actor, agency_id))
        agency = connection.execute(select(AGENCY).where(AGENCY.c.id == agency_id)).one()
        self._after(connection, actor, "agency.revoked", agency.principal_id, agency.agent_id, agency_id)

    def end(self, connection: Connection, agency: Row[Any]) -> None:
        """The same without asking for a right: somebody left."""
        connection.execute(update(Agency).where(AGENCY.c.id == agency.id).values(ended_at=self._clock.now()))
        self._dates.withdraw(connection, agency)
        self._dates.ask(connection, agency.principal_id)
        self._keys.changed(connection)

    def live_of(self, connection: Connection, person_id: int) -> Sequence[Row[Any]]:
        """The agencies somebody gave or holds that have not ended."""
        mine = or_(AGENCY.c.principal_id == person_id, AGENCY.c.agent_id == person_id)
        return connection.execute(select(AGENCY).where(mine, AGENCY.c.ended_at.is_(None), AGENCY.c.valid_to > self._clock.now()).order_by(AGENCY.c.id)).all()

    def get(self, connection: Connection, actor: Actor, agency_id: int) -> Row[Any]:
        """An agency this person may change. Raises NotFound, Forbidden."""
        agency = connection.execute(select(AGENCY).where(AGENCY.c.id == agency_id)).first()
        if agency is None:
            raise NotFound("没有这项代理。", "There is no such agency.")
        self._guard(connection, actor, agency.principal_id)
        return agency

    def _live(self, connection: Connection, actor: Actor, agency_id: int) -> Row[Any]:
        agency = self.get(connection, actor, agency_id)
        if agency.ended_at is not None or agency.valid_to <= self._clock.now():
            raise Conflict("这项代理已经结束。", "This agency has ended.")
        return agency

    def _guard(self, connection: Connection, actor: Actor, principal_id: int) -> None:
        if actor.person_id != principal_id:
            self._people.directory.manageable(connection, actor, principal_id)

    def _check(self, connection: Connection, principal_id: int, absence: Absence, but: int | None = None) -> None:
        wrong: dict[str, Words] = {}
        agent = connection.execute(select(Person.active).where(Person.id == absence.agent_id)).first()
        works = exists().where(Membership.person_id == absence.agent_id, valid_on(self._clock.today()))
        if absence.agent_id == principal_id:
            wrong["agent"] = {"zh": "代理人不能是本人", "en": "nobody stands in for himself"}
        elif agent is None or not agent.active or not connection.execute(select(works)).scalar():
            wrong["agent"] = {"zh": "代理人须是在职人员", "en": "choose somebody who works here"}
        if absence.valid_to <= absence.valid_from:
            wrong["valid_to"] = {"zh": "结束时间须晚于开始时间", "en": "it must end after it begins"}
        elif absence.valid_to <= self._clock.now():
            wrong["valid_to"] = {"zh": "结束时间已过", "en": "it would have ended already"}
        if wrong:
            raise InvalidForm(wrong)
        same = AGENCY.c.process_id.is_(None) if absence.process_id is None else AGENCY.c.process_id == absence.process_id
        overlaps = and_(AGENCY.c.valid_from < absence.valid_to, AGENCY.c.valid_to > absence.valid_from, AGENCY.c.ended_at.is_(None), AGENCY.c.id != (but or 0))
        if connection.execute(select(AGENCY.c.id).where(AGENCY.c.principal_id == principal_id, same, overlaps).limit(1)).first():
            raise Conflict("这段时间、这个流程已有代理人，请先修改或撤销那一项。", "Somebody stands in then already; change or revoke that agency first.")

    def _after(self, connection: Connection, actor: Actor, kind: str, principal_id: int, agent_id: int, agency_id: int) -> None:
        self._keys.changed(connection)
        now, names = self._clock.now(), self._people.names(connection, [principal_id, agent_id])
        words = {
            "agency.created": ("请您代理办理", "you are to stand in"), "agency.changed": ("代理设置有变化", "the agency was changed"),
            "agency.revoked": ("代理已撤销", "the agency was revoked"),
        }[kind]
        text = {"zh": f"{names[principal_id]}：{words[0]}", "en": f"{names[principal_id]}: {words[1]}"}
        told = {agent_id, principal_id} - {actor.person_id}
        for person in sorted(told):
            connection.execute(insert(Notification).values(candidate=f"person:{person}", kind="agency", instance_id=None, seat_id=None, text=text, created_at=now))
        security_log.record(connection, now, kind, person_id=actor.person_id, address=actor.address, detail={
            "agency": agency_id, "principal": principal_id, "agent": agent_id, "acting_role": actor.role, "acting_organisation": actor.organisation_code,
        })
