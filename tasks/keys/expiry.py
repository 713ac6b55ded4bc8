"""Claims that end by themselves: because their time is up, or because the membership that allowed them ended. Worker's work; decides nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, exists, insert, or_, select, update

from tasks.bulk import DRAFT_PROTECTS
from tasks.children.answers import DECIDED
from tasks.children.tree import ChildSeats
from tasks.deciding import Deciding
from tasks.ground import Ground
from tasks.keys.agency_dates import AgencyDates
from tasks.keys.claims import Claims
from tasks.keys.replacing import Replacing
from tasks.lifecycle import IN_TURN, LIVE, PARKED
from tasks.models import Draft, Membership, Person, Seat
from workflows.case import Case
from workflows.case_store import lock_cases
from workflows.history import SYSTEM
from workflows.jobs import Jobs
from workflows.models import DataVersion, ProcessInstance

SEAT, INSTANCE = Seat.__table__, ProcessInstance.__table__
CHUNK = 100
KIND = "membership_changed"
DAY_NAME = "membership_day"


class Expiry:
    """Ends claims and renews keys when time or memberships take them away."""

    def __init__(self, ground: Ground, claims: Claims, deciding: Deciding, dates: AgencyDates) -> None:
        self._ground = ground
        self._engine, self._store, self._clock = ground.engine, ground.store, ground.clock
        self._claims, self._deciding, self._dates = claims, deciding, dates
        self._children = ChildSeats(ground.seats)
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
        self._free(connection, case, seat, "claim_expired", {"zh": "领取超时，已退回待认领", "en": "your claim has expired; it is back in the pool"})
        self._engine.save(connection, [case])

    def _free(self, connection: Connection, case: Case, seat: Row[Any], kind: str, words: dict[str, str]) -> None:
        self._claims.release_seat(connection, case, seat.id, kind, **{"from": seat.owner_id})
        Replacing.tell(connection, case, seat.id, seat.owner_id, kind, words)

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
        for seat in self._lapsed(connection, person):
            self._lapse(connection, seat)
        self._deciding.person_left(connection, person)
        for agency in connection.execute(self._dates.live_of(person)).all():
            self._dates.withdraw(connection, agency)
        self._dates.ask(connection, person)

    def _lapsed(self, connection: Connection, person: int) -> Sequence[Row[Any]]:
        """The seats he claimed by a line that no longer admits him; suspended cases hear of it when they resume."""
        lines = self.lines_of(connection, person)
        query: Select[Any] = select(SEAT.c.id, SEAT.c.instance_id).join(INSTANCE, INSTANCE.c.id == SEAT.c.instance_id).where(
            SEAT.c.owner_id == person, SEAT.c.status.in_(IN_TURN), SEAT.c.claimed_as.like("%@%"), SEAT.c.claimed_as.not_in(lines), INSTANCE.c.status == "active",
            SEAT.c.parent_seat_id.is_(None), SEAT.c.participant.is_(None),
        )
        found: Sequence[Row[Any]] = connection.execute(query.order_by(SEAT.c.instance_id, SEAT.c.id)).all()
        return found

    def lines_of(self, connection: Connection, person: int) -> list[str]:
        """The lines that admit somebody today; none when he is disabled."""
        found = connection.execute(select(Person.active).where(Person.id == person)).scalar()
        return list(self._ground.people.actor(connection, person, None, "system").candidates) if found else []

    def _lapse(self, connection: Connection, seat: Row[Any]) -> None:
        case = self._engine.load(connection, seat.instance_id, SYSTEM)
        if case.status == "active":
            self.free_lapsed(connection, case, seat.id)
            self._engine.save(connection, [case])

    def free_lapsed(self, connection: Connection, case: Case, seat_id: int) -> None:
        """Give a seat back to its pool because its holder no longer belongs there; opinions that were asked for end. The caller saves the case."""
        seat = connection.execute(select(SEAT).where(SEAT.c.id == seat_id)).one()
        if seat.owner_id is None or seat.status not in IN_TURN:
            return
        if seat.status == PARKED:
            below = self._children.below(connection, case, seat.token, seat.id)
            self._children.close(connection, case, below, "holder_left", DECIDED)
            self._children.settle(connection, case, seat.id)
        self._free(connection, case, seat, "claim_lapsed", {"zh": "您已不在该岗位，事项退回待认领", "en": "you no longer hold that post; it is back in the pool"})
