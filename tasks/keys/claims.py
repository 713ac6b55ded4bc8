"""Taking a seat, giving it back, and keeping what was typed into it: claim, release, draft. Decides nothing about the case."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from tasks.actors import Actor, author_of
from tasks.models import Draft, Notification
from tasks.personal_data import PersonalData
from tasks.personal_fields import PersonalFields
from tasks.seats import SEAT, Seats
from tasks.standing import locked_seat, near, require
from workflows.business_calendar import Clock
from workflows.case import Case
from workflows.engine import ProcessEngine


class Claims:
    """The verbs claim, release and save."""

    def __init__(self, engine: ProcessEngine, seats: Seats, personal_data: PersonalData, clock: Clock) -> None:
        self._engine = engine
        self._seats = seats
        self._fields = PersonalFields(personal_data)
        self._clock = clock

    def claim(self, connection: Connection, actor: Actor, seat_id: int, revision: int | None = None) -> None:
        """Take a pooled seat; other offers of it disappear until it is released. The loser is told who won."""
        row = self._enter(connection, actor, seat_id, "claim")
        if row.seat_owner_id == actor.person_id:
            return
        case = self._engine.attach(connection, row, author_of(actor, row.offered_as or row.seat_duty))
        if row.seat_owner_id is not None:
            connection.execute(insert(Notification).values(
                candidate=f"person:{row.seat_owner_id}", kind="taken_over", instance_id=case.id, seat_id=seat_id, created_at=case.now,
                text={"zh": f"{row.subject}：已由{actor.name}接管办理", "en": f"{row.subject}: taken over by {actor.name}"},
            ))
        line = row.offered_as if row.offered_as and row.seat_owner_id is None else row.seat_duty
        self._give(connection, case, row, actor.person_id, line or row.offered_as)
        case.record("claimed", node=row.seat_node_id, token=row.seat_token, detail={"as": line})
        self._engine.save(connection, [case])

    def _enter(self, connection: Connection, actor: Actor, seat_id: int, verb: str) -> Row[Any]:
        """The locked seat, for somebody who may use the verb on it."""
        row = locked_seat(connection, actor, seat_id)
        require(near(connection, actor, row, self._engine.version(connection, row.definition_id)), verb)
        return row

    def _give(self, connection: Connection, case: Case, row: Row[Any], person_id: int, line: str | None) -> None:
        connection.execute(update(SEAT).where(SEAT.c.id == row.seat_id).values(
            owner_id=person_id, claimed_at=case.now, claimed_as=line, revision=SEAT.c.revision + 1
        ))
        self._seats.offer_to(connection, row.seat_id, [f"person:{person_id}"], row.seat_due_at, row.seat_created_at, row.seat_priority)

    def release(self, connection: Connection, actor: Actor, seat_id: int) -> None:
        """Give a claimed seat back to its pool, worked out with today's members and rules."""
        row = self._enter(connection, actor, seat_id, "release")
        case = self._engine.attach(connection, row, author_of(actor, row.seat_claimed_as))
        self.release_seat(connection, case, row.seat_id)
        self._engine.save(connection, [case])

    def release_seat(self, connection: Connection, case: Case, seat_id: int) -> None:
        """Back to the pool, whoever asks; the caller saves the case."""
        connection.execute(update(SEAT).where(SEAT.c.id == seat_id).values(owner_id=None, claimed_at=None, claimed_as=None))
        seat = connection.execute(select(SEAT).where(SEAT.c.id == seat_id)).one()
        case.record("released", node=seat.node_id, token=seat.token)
        self._seats.reevaluate(connection, case, seat, keep_dates=True)

    def save_draft(self, connection: Connection, actor: Actor, seat_id: int, values: Mapping[str, Any]) -> datetime:
        """Keep what somebody typed; drafts belong to (seat, person) and survive release and time marks."""
        row = self._enter(connection, actor, seat_id, "save")
        values = self._fields.seal(self._engine.version(connection, row.definition_id), values, row.variables)
        now = self._clock.now()
        key = (Draft.seat_id == seat_id, Draft.person_id == actor.person_id)
        written = connection.execute(update(Draft).where(*key).values(values=dict(values), saved_at=now))
        if written.rowcount == 0:
            connection.execute(insert(Draft).values(seat_id=seat_id, person_id=actor.person_id, values=dict(values), saved_at=now))
        return now
