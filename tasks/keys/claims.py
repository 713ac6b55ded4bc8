"""Taking a seat, giving it back, and keeping what was typed into it: claim, release, draft. Decides nothing about the case."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy import Connection, Row, insert, or_, select, update

from tasks.actors import Actor, author_of
from tasks.field_view import acting_roles, node_view
from tasks.ground import Ground
from tasks.models import Draft, Seat
from tasks.personal_fields import PersonalFields
from tasks.seats import SEAT
from tasks.security_log import note_hidden_fields
from tasks.standing import line_taken, locked_seat, near, require
from tasks.telling import tell
from workflows.case import Case
from workflows.graph import Node
from workflows.models import HistoryRow, table_of
from workflows.suspension import later_by


HISTORY = table_of(HistoryRow)
UNSEEN = ("reassessed", "claimed", "released", "escalated", "timeout_reminded", "commented", "circulated", "urged")  # facts that change nothing on a page


class Claims:
    """The verbs claim, release and save."""

    def __init__(self, ground: Ground) -> None:
        self._engine, self._seats, self._clock, self._calendar = ground.engine, ground.seats, ground.clock, ground.calendar
        self._fields = PersonalFields(ground.people.personal_data)

    def claim(self, connection: Connection, actor: Actor, seat_id: int, revision: int | None = None) -> None:
        """Take a pooled seat; other offers of it disappear until it is released. The loser is told who won."""
        row = locked_seat(connection, actor, seat_id)
        standing = near(connection, actor, row, self._engine.version(connection, row.definition_id))
        require(standing, "claim")
        if row.seat_owner_id == actor.person_id:
            return
        line = line_taken(actor, row)
        case = self._engine.attach(connection, row, author_of(actor, line, standing.on_behalf_of))
        if row.seat_owner_id is not None:
            tell(connection, case, "taken_over", {"zh": f"已由{actor.name}接管办理", "en": f"taken over by {actor.name}"}, [(row.seat_owner_id, seat_id)])
        elif standing.on_behalf_of is not None:
            tell(connection, case, "claimed_by_agent", {"zh": f"{actor.name}代您领取", "en": f"claimed by {actor.name} for you"}, [(standing.on_behalf_of, seat_id)])
        self.take(connection, case, actor, row)
        case.record("claimed", node=row.seat_node_id, token=row.seat_token, detail={"seat": row.seat_id, "as": line})
        self._engine.save(connection, [case])

    def take(self, connection: Connection, case: Case, actor: Actor, row: Row[Any]) -> None:
        """He holds the seat of `row` (of locked_seat) from now on: he claimed it, or involved others in it. The caller records it and saves the case."""
        if row.seat_owner_id == actor.person_id:
            return
        expires = self._expires(connection, case, case.version.graph.nodes[row.seat_node_id])
        connection.execute(update(Seat).where(SEAT.c.id == row.seat_id).values(
            owner_id=actor.person_id, claimed_at=case.now, claimed_as=line_taken(actor, row), claim_expires_at=expires, revision=SEAT.c.revision + 1
        ))
        self._seats.offer_to(connection, row.seat_id, [f"person:{actor.person_id}"], row.seat_due_at, row.seat_created_at, row.seat_priority)

    def _expires(self, connection: Connection, case: Case, node: Node) -> datetime | None:
        """When a claim made now ends by itself (`claim_expires`: hours, days off not counted)."""
        hours = claim_hours(node)
        return later_by(self._calendar, connection, case.now, timedelta(hours=float(hours))) if hours is not None else None

    def release(self, connection: Connection, actor: Actor, seat_id: int) -> None:
        """Give a claimed seat back to its pool, worked out with today's members and rules."""
        row = locked_seat(connection, actor, seat_id)
        standing = near(connection, actor, row, self._engine.version(connection, row.definition_id))
        require(standing, "release")
        case = self._engine.attach(connection, row, author_of(actor, row.seat_claimed_as, standing.on_behalf_of))
        self.release_seat(connection, case, row.seat_id)
        self._engine.save(connection, [case])

    def release_seat(self, connection: Connection, case: Case, seat_id: int, kind: str = "released", **detail: Any) -> None:
        """Back to the pool, whoever asks; the caller saves the case. `kind` names the history row."""
        free = {"owner_id": None, "claimed_at": None, "claimed_as": None, "claim_expires_at": None}
        connection.execute(update(Seat).where(SEAT.c.id == seat_id).values(**free))
        seat = connection.execute(select(SEAT).where(SEAT.c.id == seat_id)).one()
        case.record(kind, node=seat.node_id, token=seat.token, detail={"seat": seat_id, **detail})
        self._seats.reevaluate(connection, case, seat, keep_dates=True)

    def save_draft(self, connection: Connection, actor: Actor, seat_id: int, values: Mapping[str, Any]) -> datetime:
        """Keep what somebody typed; drafts belong to (seat, person) and survive release and time marks."""
        row = locked_seat(connection, actor, seat_id)
        version = self._engine.version(connection, row.definition_id)
        require(near(connection, actor, row, version), "save")
        now, view = self._clock.now(), node_view(version, version.graph.nodes[row.seat_node_id], acting_roles(actor, row))
        note_hidden_fields(connection, actor, now, row, view.admitted(values)[1])
        values = self._fields.seal(version, view.draft(values), row.variables)
        key = (Draft.seat_id == seat_id, Draft.person_id == actor.person_id)
        written = connection.execute(update(Draft).where(*key).values(values=dict(values), saved_at=now))
        if written.rowcount == 0:
            connection.execute(insert(Draft).values(seat_id=seat_id, person_id=actor.person_id, values=dict(values), saved_at=now))
        return now


def ran_out(connection: Connection, row: Row[Any], person: int) -> bool:
    """Whether the free seat of `row` (of locked_seat) was his until his claim ran out, and since then nothing changed what its page showed."""
    if row.seat_owner_id is not None:
        return False
    here = or_(HISTORY.c.token == row.seat_token, HISTORY.c.token.is_(None))
    query = select(HISTORY.c.kind, HISTORY.c.detail).where(HISTORY.c.instance_id == row.seat_instance_id, here, HISTORY.c.kind.not_in(UNSEEN))
    last = connection.execute(query.order_by(HISTORY.c.sequence.desc()).limit(1)).first()
    return last is not None and last.kind == "claim_expired" and (last.detail["seat"], last.detail["from"]) == (row.seat_id, person)


def claim_hours(node: Node) -> Decimal | None:
    """The hours after which a claim of this activity ends by itself (`claim_expires`), None when it does not."""
    try:
        hours = Decimal((node.properties.get("claim_expires") or "").strip())
    except InvalidOperation:
        return None
    return hours if hours > 0 else None
