"""Who is looking at a seat right now. A hint for colleagues, kept for seconds; it holds and decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import Connection, delete, exists, select

from tasks.actors import Actor
from tasks.models import Person, SeatOffer
from tasks.operation_models import Presence
from workflows.business_calendar import Clock
from workflows.store import Store, put

TABLE = Presence.__table__
HERE = timedelta(seconds=8)  # a beat comes every four
KEPT = timedelta(minutes=1)


class Presences:
    """Beats, and who is where."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def beat(self, connection: Connection, actor: Actor, seat_id: int) -> None:
        """The person has the seat before him; one upsert."""
        put(connection, Presence, ["seat_id", "person_id"], {"seat_id": seat_id, "person_id": actor.person_id, "at": self._clock.now()})

    def others(self, connection: Connection, actor: Actor, seat_ids: Sequence[int]) -> dict[int, list[str]]:
        """By seat: the names of others who have it before them now; only seats offered to the person himself."""
        if not seat_ids:
            return {}
        offered = exists().where(SeatOffer.seat_id == TABLE.c.seat_id, SeatOffer.candidate.in_(actor.candidates))
        query = (
            select(TABLE.c.seat_id, Person.name).join(Person, Person.id == TABLE.c.person_id)
            .where(TABLE.c.seat_id.in_(seat_ids), TABLE.c.at > self._clock.now() - HERE, TABLE.c.person_id != actor.person_id, offered)
            .order_by(TABLE.c.seat_id, Person.name)
        )
        found: dict[int, list[str]] = {}
        for row in connection.execute(query):
            found.setdefault(row.seat_id, []).append(row.name)
        return found

    def is_offered(self, connection: Connection, actor: Actor, seat_id: int) -> bool:
        """Whether the seat is before this person at all: nobody is shown as present where he has no business."""
        query = select(exists().where(SeatOffer.seat_id == seat_id, SeatOffer.candidate.in_(actor.candidates)))
        return bool(connection.execute(query).scalar())

    def forget_old(self) -> bool:
        """Drop beats older than a minute; writes only when there are some."""
        old = TABLE.c.at < self._clock.now() - KEPT
        with self._store.read() as connection:
            if not connection.execute(select(exists().where(old))).scalar():
                return False
        with self._store.transaction() as connection:
            return connection.execute(delete(Presence).where(old)).rowcount > 0
