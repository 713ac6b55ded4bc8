"""代理, the keys: while an agency is valid its agent has a second key to each seat of his principal. Set-based; who set the agency up is not its matter.

Depth 1: only what is offered to the principal in his own right is passed on, never a key he holds for somebody else.
"""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock
from time import monotonic
from typing import Any

from sqlalchemy import Connection, Select, and_, delete, exists, func, insert, literal, or_, select, union, update
from sqlalchemy.orm import aliased

from tasks.lifecycle import LIVE
from tasks.memberships import valid_on
from tasks.models import Draft, Membership, Organisation, Person, Seat, SeatExclusion, SeatOffer
from tasks.operation_models import Agency
from tasks.standing import own_line
from workflows.business_calendar import Clock
from workflows.jobs import raise_incident
from workflows.models import DataVersion, ProcessInstance

SEAT, OFFER, INSTANCE, AGENCY = Seat.__table__, SeatOffer.__table__, ProcessInstance.__table__, Agency.__table__
OTHER, OTHERS, KEY = aliased(SEAT, name="other_seat"), aliased(OFFER, name="other_offer"), aliased(OFFER, name="key_offer")
PRINCIPAL, AGENT = aliased(Person, name="principal"), aliased(Person, name="agent")
VERSION_NAME = "agency"
CHECK_EVERY = 1.0  # seconds between two looks at whether another process has changed agencies


class AgencyKeys:
    """Gives out and takes back second keys; a seat layer without any agency costs no statement."""

    def __init__(self, clock: Clock, check_every: float = CHECK_EVERY) -> None:
        self._clock = clock
        self._check_every = check_every
        self._known: tuple[int, bool] | None = None
        self._next_check = 0.0
        self._watch_until = 0.0
        self._lock = Lock()

    # are there agencies at all

    def changed(self, connection: Connection) -> None:
        """An agency was made or changed: every process looks again."""
        raised = connection.execute(update(DataVersion).where(DataVersion.name == VERSION_NAME).values(version=DataVersion.version + 1))
        if not raised.rowcount:
            connection.execute(insert(DataVersion).values(name=VERSION_NAME, version=1))
        with self._lock:
            self._watch_until = monotonic() + 2 * self._check_every

    def any(self, connection: Connection) -> bool:
        """Whether an agency is under way or to come; changes of this process show at once, those of another within a second."""
        known, now = self._known, monotonic()
        if known is not None and now < self._next_check and now >= self._watch_until:
            return known[1]
        version = int(connection.execute(select(DataVersion.version).where(DataVersion.name == VERSION_NAME)).scalar() or 0)
        if known is None or known[0] != version:
            there = connection.execute(select(AGENCY.c.id).where(AGENCY.c.ended_at.is_(None)).limit(1)).first()
            known = (version, there is not None)
        with self._lock:
            self._known, self._next_check = known, now + self._check_every
        return known[1]

    # giving out

    def hear(self, connection: Connection, seat_ids: Sequence[int], created: bool) -> None:
        """These seats have just been offered; for `Seats.on_offer`."""
        if seat_ids and self.any(connection):
            self.attach(connection, seat_ids, alarm=created)
            self._drop_keys_of_seated(connection, seat_ids)

    def attach(self, connection: Connection, seat_ids: Sequence[int], *, agency_id: int | None = None, alarm: bool = False) -> int:
        """Give every valid agency (or the one named) its keys to these seats; returns how many were new.

        An agent whom four-eyes or a seat of his own in that activity instance bars gets none; with `alarm` an incident says so, once.
        """
        rows: dict[tuple[int, int], dict[str, Any]] = {}
        for found in connection.execute(self._due(seat_ids, agency_id)).all():
            if found.barred:
                if alarm:
                    self._alarm(connection, found)
                continue
            rows.setdefault((found.agent_id, found.seat_id), {
                "candidate": f"person:{found.agent_id}", "seat_id": found.seat_id, "due_at": found.due_at, "created_at": found.created_at,
                "priority": found.priority, "principal_id": found.principal_id,
            })
        if rows:
            connection.execute(insert(SeatOffer), list(rows.values()))
        return len(rows)

    def _due(self, seat_ids: Sequence[int], agency_id: int | None) -> Select[Any]:
        now, lines = self._clock.now(), self._lines(agency_id)
        together = and_(OTHER.c.instance_id == SEAT.c.instance_id, OTHER.c.token == SEAT.c.token, OTHER.c.id != SEAT.c.id)
        voted = and_(OTHER.c.status == "completed", OTHER.c.counts.is_(True), or_(OTHER.c.completed_by == AGENCY.c.agent_id, OTHER.c.on_behalf_of == AGENCY.c.agent_id))
        seated = exists().where(together, or_(and_(OTHER.c.status.in_(LIVE), OTHER.c.owner_id == AGENCY.c.agent_id), voted))
        named = exists().where(together, OTHERS.c.seat_id == OTHER.c.id, OTHERS.c.candidate == own_line(AGENCY.c.agent_id), OTHERS.c.principal_id.is_(None))
        votes = exists().where(together, OTHER.c.status.in_(LIVE), OTHER.c.participant.in_(self._own_lines()), ~self._others_behind(OTHER.c.participant))
        excluded = exists().where(SeatExclusion.seat_id == SEAT.c.id, SeatExclusion.person_id == AGENCY.c.agent_id)
        query = select(
            SEAT.c.id.label("seat_id"), AGENCY.c.id.label("agency_id"), AGENCY.c.agent_id, AGENCY.c.principal_id, AGENT.name.label("agent"), PRINCIPAL.name.label("principal"),
            func.min(OFFER.c.due_at).label("due_at"), func.min(OFFER.c.created_at).label("created_at"), func.min(OFFER.c.priority).label("priority"),
            SEAT.c.instance_id, SEAT.c.token, SEAT.c.node_id, or_(seated, named, votes, excluded).label("barred"),
        ).select_from(lines).join(AGENCY, AGENCY.c.id == lines.c.agency_id)
        query = query.join(PRINCIPAL, PRINCIPAL.id == AGENCY.c.principal_id).join(AGENT, AGENT.id == AGENCY.c.agent_id)
        query = query.join(OFFER, OFFER.c.candidate == lines.c.line).join(SEAT, SEAT.c.id == OFFER.c.seat_id).join(INSTANCE, INSTANCE.c.id == SEAT.c.instance_id)
        mine = exists().where(KEY.c.seat_id == SEAT.c.id, KEY.c.candidate.in_(self._own_lines()))
        handed_on = and_(SEAT.c.owner_id == AGENCY.c.principal_id, SEAT.c.claimed_as.like("person:%"), SEAT.c.claimed_as != own_line(SEAT.c.owner_id))
        kept_out = exists().where(SeatExclusion.seat_id == SEAT.c.id, SeatExclusion.person_id == AGENCY.c.principal_id)
        return query.where(
            SEAT.c.id.in_(seat_ids), SEAT.c.status.in_(LIVE), OFFER.c.principal_id.is_(None), self.valid(now), AGENT.active,
            or_(AGENCY.c.process_id.is_(None), AGENCY.c.process_id == SEAT.c.process_id), ~mine, ~kept_out,
            or_(SEAT.c.owner_id.is_(None), SEAT.c.claimed_as.is_(None), ~handed_on),  # he holds it for somebody else himself
            or_(INSTANCE.c.subject_person.is_(None), INSTANCE.c.subject_person != AGENCY.c.agent_id),
        ).group_by(SEAT.c.id, AGENCY.c.id, AGENCY.c.agent_id, AGENCY.c.principal_id, AGENT.name, PRINCIPAL.name).order_by(SEAT.c.id, AGENCY.c.id)

    def _lines(self, agency_id: int | None) -> Any:
        """Each valid agency with the candidate lines of its principal today."""
        valid = [self.valid(self._clock.now())]
        if agency_id is not None:
            valid.append(AGENCY.c.id == agency_id)
        own = select(AGENCY.c.id.label("agency_id"), own_line(AGENCY.c.principal_id).label("line")).where(*valid)
        held = select(AGENCY.c.id, (Membership.role + literal("@") + Organisation.code).label("line")).join(Membership, Membership.person_id == AGENCY.c.principal_id)
        held = held.join(Organisation, Organisation.id == Membership.organisation_id).where(*valid, Organisation.active, valid_on(self._clock.today()))
        return union(own, held).subquery("lines")

    def _own_lines(self) -> Any:
        """The lines that admit the agent himself."""
        member, unit = aliased(Membership), aliased(Organisation)
        today = self._clock.today()
        held = select(member.role + literal("@") + unit.code).join(unit, unit.id == member.organisation_id).where(
            member.person_id == AGENCY.c.agent_id, unit.active,
            or_(member.valid_from.is_(None), member.valid_from <= today), or_(member.valid_to.is_(None), member.valid_to >= today),
        ).correlate(AGENCY)
        return union(select(own_line(AGENCY.c.agent_id)).correlate(AGENCY), held)

    def _others_behind(self, line: Any) -> Any:
        """SQL: somebody beside the agent stands behind a candidate line."""
        member, unit, person = aliased(Membership), aliased(Organisation), aliased(Person)
        today = self._clock.today()
        return exists().where(
            member.role + literal("@") + unit.code == line, unit.id == member.organisation_id, unit.active, person.id == member.person_id, person.active,
            person.id != AGENCY.c.agent_id, or_(member.valid_from.is_(None), member.valid_from <= today), or_(member.valid_to.is_(None), member.valid_to >= today),
        ).correlate(OTHER, AGENCY)

    @staticmethod
    def valid(now: Any) -> Any:
        """SQL over Agency: under way at `now` and not revoked."""
        return and_(AGENCY.c.valid_from <= now, AGENCY.c.valid_to > now, AGENCY.c.ended_at.is_(None))

    def _alarm(self, connection: Connection, found: Any) -> None:
        raise_incident(
            connection, self._clock.now(), "agency_barred", f"{found.agent}不能代{found.principal}办理：经办与复核须为不同人员，或在该环节已有席位",
            instance_id=found.instance_id, token=found.token, node_id=found.node_id, unique_key=f"agency:{found.agency_id}:{found.seat_id}",
            detail={"agency": found.agency_id, "seat": found.seat_id},
        )

    # taking back

    @staticmethod
    def _drop_keys_of_seated(connection: Connection, seat_ids: Sequence[int]) -> None:
        """Whoever has just got a seat of his own loses the keys he held to others of that activity instance."""
        here = (OTHER.c.instance_id == SEAT.c.instance_id, OTHER.c.token == SEAT.c.token, OTHER.c.id != SEAT.c.id, OTHER.c.id == OFFER.c.seat_id)
        mine = (OTHERS.c.seat_id == SEAT.c.id, OTHERS.c.principal_id.is_(None), OTHERS.c.candidate == OFFER.c.candidate)
        seated = exists().where(SEAT.c.id.in_(seat_ids), *here, *mine)
        connection.execute(delete(SeatOffer).where(OFFER.c.principal_id.is_not(None), OFFER.c.candidate.like("person:%"), seated))

    def detach(self, connection: Connection, principal_id: int, agent_id: int, process_id: str | None, seat_ids: Sequence[int]) -> None:
        """Take these keys back; a seat on which the agent has a draft stays open to him until the principal takes it back."""
        drafted = exists().where(Draft.seat_id == OFFER.c.seat_id, Draft.person_id == agent_id)
        mine = (OFFER.c.candidate == f"person:{agent_id}", OFFER.c.principal_id == principal_id, OFFER.c.seat_id.in_(seat_ids))
        query = delete(SeatOffer).where(*mine, ~drafted)
        if process_id is not None:
            query = query.where(OFFER.c.seat_id.in_(select(SEAT.c.id).where(SEAT.c.process_id == process_id)))
        connection.execute(query)
