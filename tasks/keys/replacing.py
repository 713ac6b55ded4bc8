"""One person in another's place on a seat: who may come, and the change itself. Whether somebody may ask for it is the caller's matter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select, update

from tasks import errors
from tasks.candidate_lines import person_of
from tasks.children.choosing import Choosing
from tasks.ground import Ground
from tasks.lifecycle import LIVE, QUEUED
from tasks.models import Draft, Seat, SeatExclusion, SeatOffer
from tasks.operations import Choice
from tasks.votes.participants import people_of
from workflows.case import Case
from workflows.engine import INSTANCE
from workflows.errors import Conflict, Forbidden
from workflows.history import SYSTEM

SEAT = Seat.__table__
WITH_CASE = select(*INSTANCE.c, *[column.label(f"seat_{column.name}") for column in SEAT.c]).join(INSTANCE, INSTANCE.c.id == SEAT.c.instance_id)


class Replacing:
    """Puts a candidate of the activity in the place of whoever holds a seat."""

    def __init__(self, ground: Ground) -> None:
        self._engine, self._seats = ground.engine, ground.seats
        self._people = ground.people
        self._choosing = Choosing(ground.seats, ground.people)

    def lines(self, connection: Connection, case: Case, row: Any) -> list[str]:
        """The candidate lines of the seat of `row` (of locked_seat) under the rules of today; a vote stands for its line alone."""
        own = [row.seat_participant] if row.seat_participant else []
        if own and case.version.graph.nodes[row.seat_node_id].properties.get("participants"):
            return own
        return [*own, *self._seats.candidates(connection, case.at(row.seat_token), row.seat_node_id)]

    def candidates(self, connection: Connection, case: Case, row: Row[Any], leaves: int) -> list[Choice]:
        """Everybody behind the lines except whoever leaves, with how much he has open; who may not come with the reason."""
        behind = people_of(connection, self.lines(connection, case, row), case)
        ids = sorted({person for people in behind.values() for person in people} - {leaves})
        names, loads, refused = self._people.names(connection, ids), self.loads(connection, ids), self._choosing.refused(connection, case, row, ids)
        found = [(loads.get(person, 0), names[person], person, refused.get(person)) for person in ids if person in names]
        return [
            Choice(str(person), f"{name}（在办 {load} 件）", f"{name} ({load} open)", why.both if why else None)
            for load, name, person, why in sorted(found, key=lambda one: (one[3] is not None, one[0], one[1]))
        ]

    def possible(self, connection: Connection, seat_ids: Sequence[int]) -> dict[int, list[tuple[int, str]]]:
        """Per seat whom it could be given to, by the rules of today: (person, name) by name; not its holder, nor whom a rule keeps out of it."""
        rows = connection.execute(WITH_CASE.where(SEAT.c.id.in_(seat_ids))).all()
        cases = {row.seat_id: self._engine.attach(connection, row, SYSTEM) for row in rows}
        lines = {row.seat_id: self.lines(connection, cases[row.seat_id], row) for row in rows}
        if not rows:
            return {}
        behind = people_of(connection, {line for found in lines.values() for line in found}, cases[rows[0].seat_id])
        out = {(row.seat_id, row.seat_owner_id) for row in rows} | {(row.seat_id, cases[row.seat_id].subject_person) for row in rows}
        kept_out = select(SeatExclusion.seat_id, SeatExclusion.person_id).where(SeatExclusion.seat_id.in_(seat_ids))
        out |= {(row.seat_id, row.person_id) for row in connection.execute(kept_out)}
        found = {seat: {person for line in offered for person in behind[line] if (seat, person) not in out} for seat, offered in lines.items()}
        names = self._people.names(connection, set().union(*found.values()))
        return {seat: sorted(((person, names[person]) for person in people), key=lambda one: one[1]) for seat, people in found.items()}

    def guard(self, connection: Connection, case: Case, row: Row[Any], leaves: int | None, comes: int) -> tuple[str, str]:
        """The name of `comes` and the line by which he may act here.

        Raises Conflict for the same person, Forbidden for a stranger, the applicant and four-eyes, Conflict for whoever holds a seat here already.
        """
        if comes == leaves:
            raise Conflict("不能转给本人。", "It is his already.")
        other = self._people.actor(connection, comes, None, "system")
        self.guard_free(connection, case, row, comes)
        lines = self.lines(connection, case, row)
        line = next((candidate for candidate in other.candidates if candidate in lines), None)
        if line is None:
            named = person_of(row.seat_participant)
            if named is not None:
                raise Forbidden(
                    f"{other.name}不是该环节的可办理人员：该票指定由{self._people.name(connection, named)}本人投。",
                    f"{other.name} is not a candidate: this vote is given to one person by name.",
                )
            raise Forbidden(f"{other.name}不是该环节的可办理人员。", f"{other.name} is not a candidate of this step.")
        return other.name, line

    def guard_free(self, connection: Connection, case: Case, row: Row[Any], comes: int) -> None:
        """Raises Forbidden for the applicant and for four-eyes, Conflict for whoever holds a seat here already."""
        if why := self._choosing.refused(connection, case, row, [comes]).get(comes):
            raise why

    def replace(self, connection: Connection, case: Case, row: Row[Any], comes: int, line: str, *, named: bool = False) -> None:
        """The seat is his from now on; position and veto stay as they are. The caller records it and saves the case.

        With `named` it was given to one person by name, and is given to him by name instead. A vote whose turn has not come is offered to nobody yet.
        """
        waits = row.seat_status == QUEUED
        values: dict[str, Any] = {"participant": line} if named and row.seat_parent_seat_id is None else {}
        if not (waits and row.seat_parent_seat_id is None):
            values |= {"owner_id": comes, "claimed_at": case.now, "claimed_as": line, "claim_expires_at": None}
        written = connection.execute(update(Seat).where(SEAT.c.id == row.seat_id, SEAT.c.status.in_(LIVE)).values(**values, revision=SEAT.c.revision + 1))
        if written.rowcount == 0:
            raise errors.changed_meanwhile()
        if not waits:
            self._seats.offer_to(connection, row.seat_id, [f"person:{comes}"], row.seat_due_at, row.seat_created_at, row.seat_priority)

    @staticmethod
    def take_drafts(connection: Connection, seat_id: int, people: Sequence[int]) -> dict[str, Any]:
        """What these people had typed, out of the seat and into a fact: {"drafts": […]}, or nothing."""
        mine = (Draft.seat_id == seat_id, Draft.person_id.in_(people))
        drafts = connection.execute(select(Draft.person_id, Draft.values).where(*mine).order_by(Draft.person_id)).all()
        connection.execute(delete(Draft).where(*mine))
        return {"drafts": [{"person": one.person_id, "values": one.values} for one in drafts]} if drafts else {}

    @staticmethod
    def loads(connection: Connection, people: Sequence[int]) -> dict[int, int]:
        """Person → how many live seats he holds or is named for."""
        named = {f"person:{person}": person for person in people}
        held = connection.execute(select(SEAT.c.owner_id, func.count()).where(SEAT.c.owner_id.in_(people), SEAT.c.status.in_(LIVE)).group_by(SEAT.c.owner_id))
        found: dict[int, int] = {row[0]: row[1] for row in held}
        own = select(SeatOffer.candidate, func.count()).join(SEAT, SEAT.c.id == SeatOffer.seat_id).where(
            SeatOffer.candidate.in_(named), SeatOffer.principal_id.is_(None), SEAT.c.owner_id.is_(None)
        )
        for line, count in connection.execute(own.group_by(SeatOffer.candidate)):
            found[named[line]] = found.get(named[line], 0) + count
        return found
