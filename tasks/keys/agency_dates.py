"""代理, the dates: when an agency begins its keys are given out, when it ends they are taken back. Worker's work, in chunks; asks nobody for a right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, insert, or_, select, update

from tasks.ground import Ground
from tasks.keys.agency import AGENCY, OFFER, SEAT, AgencyKeys
from tasks.lifecycle import LIVE
from tasks.memberships import valid_on
from tasks.models import Membership, Notification, Organisation
from tasks.operation_models import Agency
from workflows.case_store import lock_cases

CHUNK = 500  # seats of one transaction
SETTLE = timedelta(seconds=2)  # until every process knows of a new agency: what they opened before is found by the chunks


class AgencyDates:
    """Passes the beginnings and ends that are due."""

    def __init__(self, ground: Ground, keys: AgencyKeys) -> None:
        self._store, self._clock = ground.store, ground.clock
        self._keys = keys

    def pass_due(self) -> bool:
        """Begin or end the agency that is due first; False when there is none."""
        with self._store.read() as connection:
            agency = connection.execute(self._due()).first()
        if agency is None:
            return False
        with self._store.alone("agencies") as mine:
            if mine:
                self._end(agency) if self._over(agency) else self._begin(agency)
        return mine

    def _due(self) -> Select[Any]:
        now = self._clock.now()
        begins = (AGENCY.c.begun_at.is_(None), AGENCY.c.ended_at.is_(None), AGENCY.c.valid_from <= now, AGENCY.c.created_at <= now - SETTLE)
        ends = (AGENCY.c.ended_at.is_(None), AGENCY.c.valid_to <= now)
        first = [select(AGENCY.c.id).where(*condition).order_by(AGENCY.c.id).limit(1).scalar_subquery() for condition in (ends, begins)]
        return select(AGENCY).where(or_(*[AGENCY.c.id == one for one in first])).order_by(AGENCY.c.valid_to).limit(1)

    def _over(self, agency: Row[Any]) -> bool:
        return bool(agency.valid_to <= self._clock.now())

    def _begin(self, agency: Row[Any]) -> None:
        """Every live seat of the principal gets the key; done again after a crash it gives out only what is missing."""
        def work(connection: Connection, seats: Sequence[int]) -> None:
            self._keys.attach(connection, seats, agency_id=agency.id)

        self._in_chunks(lambda connection: self._principals(connection, agency), work)
        self._mark(agency, {"begun_at": self._clock.now()}, "agency_began", {
            "zh": "代理已开始，您可以代办委托人的事项", "en": "An agency has begun: you may act for your principal"
        })

    def _end(self, agency: Row[Any]) -> None:
        """Keys are taken back; what the agent claimed or drafted stays with him until the principal takes it back."""
        def work(connection: Connection, seats: Sequence[int]) -> None:
            self._keys.detach(connection, agency.principal_id, agency.agent_id, agency.process_id, seats)

        self._mark(agency, {"ended_at": self._clock.now()}, "agency_ended", {
            "zh": "代理已结束；已领取或已起草的事项仍由您办理，直至委托人收回",
            "en": "An agency has ended; what you claimed or drafted stays with you until the principal takes it back",
        })
        mine = select(OFFER.c.seat_id).where(OFFER.c.candidate == f"person:{agency.agent_id}", OFFER.c.principal_id == agency.principal_id)
        self._in_chunks(lambda connection: mine, work)
        self.renew(agency.principal_id)

    def withdraw(self, connection: Connection, agency: Row[Any]) -> None:
        """Take the keys back at once, in the caller's transaction: the agency was revoked or changed."""
        mine = select(OFFER.c.seat_id).where(OFFER.c.candidate == f"person:{agency.agent_id}", OFFER.c.principal_id == agency.principal_id)
        seats = connection.execute(mine).scalars().all()
        for start in range(0, len(seats), CHUNK):
            self._keys.detach(connection, agency.principal_id, agency.agent_id, agency.process_id, seats[start:start + CHUNK])

    def renew(self, principal_id: int) -> None:
        """His agencies give out their keys anew: another one of the same pair may still stand, or his memberships are others."""
        with self._store.transaction() as connection:
            self.ask(connection, principal_id)

    def ask(self, connection: Connection, principal_id: int) -> None:
        """Have the keys of his agencies worked out again by the worker."""
        again = (AGENCY.c.principal_id == principal_id, AGENCY.c.ended_at.is_(None), AGENCY.c.begun_at.is_not(None))
        connection.execute(update(Agency).where(*again).values(begun_at=None))

    def live_of(self, principal_id: int) -> Select[Any]:
        """The agencies of a principal that have not ended."""
        return select(AGENCY).where(AGENCY.c.principal_id == principal_id, AGENCY.c.ended_at.is_(None)).order_by(AGENCY.c.id)

    def _principals(self, connection: Connection, agency: Row[Any]) -> Select[Any]:
        today = self._clock.today()
        held = select(Membership.role, Organisation.code).join(Organisation, Organisation.id == Membership.organisation_id)
        held = held.where(Membership.person_id == agency.principal_id, Organisation.active, valid_on(today))
        lines = [f"person:{agency.principal_id}", *(f"{row.role}@{row.code}" for row in connection.execute(held))]
        query = select(OFFER.c.seat_id).join(SEAT, SEAT.c.id == OFFER.c.seat_id).where(OFFER.c.candidate.in_(lines), OFFER.c.principal_id.is_(None), SEAT.c.status.in_(LIVE))
        return query.where(SEAT.c.process_id == agency.process_id) if agency.process_id is not None else query

    def _in_chunks(self, query: Callable[[Connection], Select[Any]], work: Callable[[Connection, Sequence[int]], None]) -> None:
        """Do `work` for the seats of `query`, a chunk a transaction; their cases are locked first, so that no key is left on a closed seat."""
        after = 0
        while True:
            with self._store.transaction() as connection:
                chunk = query(connection).where(OFFER.c.seat_id > after).distinct().order_by(OFFER.c.seat_id).limit(CHUNK)
                seats = connection.execute(chunk).scalars().all()
                lock_cases(connection, select(SEAT.c.instance_id).where(SEAT.c.id.in_(seats)))
                work(connection, seats)
            if len(seats) < CHUNK:
                return
            after = seats[-1]

    def _mark(self, agency: Row[Any], values: dict[str, Any], kind: str, words: dict[str, str]) -> None:
        with self._store.transaction() as connection:
            connection.execute(update(Agency).where(AGENCY.c.id == agency.id).values(**values))
            told = {**words}
            key = f"{kind}:{agency.id}"
            if connection.execute(select(Notification.id).where(Notification.unique_key == key)).first() is None:
                connection.execute(insert(Notification).values(
                    candidate=f"person:{agency.agent_id}", kind=kind, instance_id=None, seat_id=None, text=told, created_at=self._clock.now(), unique_key=key
                ))
            self._keys.changed(connection)


