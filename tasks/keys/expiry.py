"""Claims that end by themselves: because their time is up, or because the membership that allowed them ended. Worker's work; decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Select, and_, exists, insert, or_, select, update

from tasks.bulk import DRAFT_PROTECTS
from tasks.deciding import Deciding
from tasks.ground import Ground
from tasks.keys.agency_dates import AgencyDates
from tasks.keys.claims import Claims
from tasks.keys.lapses import Lapses
from tasks.lifecycle import LIVE
from tasks.models import Draft, Membership, Seat, SeatOffer
from tasks.operation_models import Agency
from tasks.telling import tell
from workflows.case_store import lock_cases
from workflows.history import SYSTEM
from workflows.jobs import Jobs
from workflows.models import DataVersion, Incident, ProcessInstance

SEAT, INSTANCE = Seat.__table__, ProcessInstance.__table__
CHUNK = 100
KIND = "membership_changed"
DAY_NAME = "membership_day"


class Expiry:
    """Ends claims and renews keys when time or memberships take them away."""

    def __init__(self, ground: Ground, claims: Claims, deciding: Deciding, dates: AgencyDates, lapses: Lapses) -> None:
        self._ground = ground
        self._engine, self._store, self._clock = ground.engine, ground.store, ground.clock
        self._claims, self._deciding, self._dates, self._lapses = claims, deciding, dates, lapses
        self._day = 0  # up to which day memberships that begin or end by date were looked at
        self._jobs: Jobs | None = None

    def use(self, jobs: Jobs) -> None:
        """Do what changed memberships ask for as jobs of this table."""
        self._jobs = jobs
        jobs.register(KIND, self._run)

    # time

    def expire_due(self) -> bool:
        """Release a chunk of claims whose time is up; False when there is none."""
        with self._store.read() as connection:
            if connection.execute(self._expired().limit(1)).first() is None:
                return False
        with self._store.transaction() as connection:
            seats = connection.execute(self._expired().limit(CHUNK)).scalars().all()
            lock_cases(connection, select(SEAT.c.instance_id).where(SEAT.c.id.in_(seats)))  # all at once, in the order everybody locks them
            for seat_id in seats:
                self._expire(connection, seat_id)
        return True

    def _expired(self) -> Any:
        """Not while the seat waits for an opinion, the case is suspended, or a draft was saved a short time ago."""
        now = self._clock.now()
        drafting = exists().where(Draft.seat_id == SEAT.c.id, Draft.saved_at > now - DRAFT_PROTECTS)
        query = select(SEAT.c.id).join(INSTANCE, INSTANCE.c.id == SEAT.c.instance_id).where(
            SEAT.c.claim_expires_at <= now, SEAT.c.status == "open", SEAT.c.owner_id.is_not(None), INSTANCE.c.status == "active", ~drafting
        )
        return query.order_by(SEAT.c.claim_expires_at, SEAT.c.id)

    def _expire(self, connection: Connection, seat_id: int) -> None:
        instance = connection.execute(select(SEAT.c.instance_id).where(SEAT.c.id == seat_id)).scalar_one()
        case = self._engine.load(connection, instance, SYSTEM)
        seat = connection.execute(select(SEAT).where(SEAT.c.id.in_(self._expired()), SEAT.c.id == seat_id)).first()
        if seat is None:
            return  # somebody was faster
        self._claims.release_seat(connection, case, seat.id, "claim_expired", **{"from": seat.owner_id})
        words = {"zh": "领取超时，已退回待认领", "en": "your claim has expired; it is back in the pool"}
        tell(connection, case, "claim_expired", words, [(seat.owner_id, seat.id)])
        self._engine.save(connection, [case])

    # memberships

    def ask(self, connection: Connection, person_id: int) -> None:
        """Somebody's memberships changed, or he was disabled: look at what he holds, soon."""
        if self._jobs is not None:
            self._jobs.enqueue(connection, KIND, {"person": person_id}, self._clock.now())

    def pass_day(self) -> bool:
        """Once a day: everybody whose membership began or ended by its date. False when the day was looked at."""
        today = self._clock.today().toordinal()
        if self._day >= today:
            return False
        with self._store.transaction() as connection:
            known = connection.execute(select(DataVersion.version).where(DataVersion.name == DAY_NAME)).scalar()
            if known is None:
                connection.execute(insert(DataVersion).values(name=DAY_NAME, version=today))
            elif known < today:
                since, until = self._clock.today() - timedelta(days=today - known), self._clock.today()
                passed = or_(Membership.valid_to.between(since, until - timedelta(days=1)), Membership.valid_from.between(since + timedelta(days=1), until))
                for person in connection.execute(select(Membership.person_id).where(passed).distinct().order_by(Membership.person_id)).scalars().all():
                    self.ask(connection, person)
                connection.execute(update(DataVersion).where(DataVersion.name == DAY_NAME).values(version=today))
            self._day = today
        return known is not None and known < today

    def _run(self, connection: Connection, argument: Mapping[str, Any]) -> None:
        person = int(argument["person"])
        lock_cases(connection, select(SEAT.c.instance_id).where(SEAT.c.status.in_(LIVE), or_(SEAT.c.owner_id == person, self._deciding.votes_of(connection, person))))
        for instance in connection.execute(self._his_cases(person)).scalars().all():
            case = self._engine.load(connection, instance, SYSTEM)
            if case.status == "active":
                self._lapses.apply(connection, case, person)
        self._deciding.person_left(connection, person)
        self._look_for_somebody(connection)
        for agency in connection.execute(self._dates.live_of(person)).all():
            self._dates.withdraw(connection, agency)
        self._dates.ask(connection, person)

    def _look_for_somebody(self, connection: Connection) -> None:
        """Where an alarm says that nobody may act, somebody may now: these seats are worked out anew."""
        waits = and_(Incident.instance_id == SEAT.c.instance_id, Incident.token == SEAT.c.token, Incident.kind == "no_assignee", Incident.resolved_at.is_(None))
        query = select(SEAT.c.id, SEAT.c.instance_id).join(INSTANCE, INSTANCE.c.id == SEAT.c.instance_id).where(
            exists().where(waits), SEAT.c.status == "open", SEAT.c.owner_id.is_(None), INSTANCE.c.status == "active"
        )
        for row in connection.execute(query.order_by(SEAT.c.instance_id, SEAT.c.id).limit(CHUNK)).all():
            case = self._engine.load(connection, row.instance_id, SYSTEM)
            seat = connection.execute(select(SEAT).where(SEAT.c.id == row.id)).one()
            if self._ground.seats.reevaluate(connection, case, seat, keep_dates=True, only_changes=True):
                self._engine.save(connection, [case])

    @staticmethod
    def _his_cases(person: int) -> Select[Any]:
        """The cases in which he, or an agent for him, holds a seat, or one is offered to him by name; suspended ones hear of it when they resume."""
        own = f"person:{person}"
        offered = select(SeatOffer.seat_id).where(SeatOffer.candidate == own, SeatOffer.principal_id.is_(None))
        agents = select(Agency.agent_id).where(Agency.principal_id == person)  # so that the index of owners serves
        mine = or_(SEAT.c.owner_id == person, SEAT.c.id.in_(offered), and_(SEAT.c.owner_id.in_(agents), SEAT.c.claimed_as == own))
        query = select(SEAT.c.instance_id).join(INSTANCE, INSTANCE.c.id == SEAT.c.instance_id).where(mine, SEAT.c.status.in_(LIVE), INSTANCE.c.status == "active")
        return query.distinct().order_by(SEAT.c.instance_id)
