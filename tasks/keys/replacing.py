"""One person in another's place on a seat: who may come, and the change itself. Whether somebody may ask for it is the caller's matter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from tasks import errors
from tasks.candidate_lines import person_of
from tasks.children.choosing import Choosing
from tasks.ground import Ground
from tasks.lifecycle import LIVE
from tasks.models import Draft, Notification, Seat, SeatOffer
from tasks.operations import Choice
from tasks.votes.participants import people_of
from workflows.case import Case
from workflows.errors import Conflict, Forbidden, Words

SEAT = Seat.__table__


class Replacing:
    """Puts a candidate of the activity in the place of whoever holds a seat."""

    def __init__(self, ground: Ground) -> None:
        self._seats = ground.seats
        self._people = ground.people
        self._choosing = Choosing(ground.seats, ground.people)

    def lines(self, connection: Connection, case: Case, row: Row[Any]) -> list[str]:
        """The candidate lines of the seat of `row` (of locked_seat) under the rules of today; a vote stands for its line alone."""
        if row.seat_participant:
            return [row.seat_participant]
        return list(self._seats.candidates(connection, case.at(row.seat_token), row.seat_node_id))

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

    def guard(self, connection: Connection, case: Case, row: Row[Any], leaves: int | None, comes: int) -> tuple[str, str]:
        """The name of `comes` and the line by which he may act here.

        Raises Conflict for the same person, Forbidden for a stranger, the applicant and four-eyes, Conflict for whoever holds a seat here already.
        """
        if comes == leaves:
            raise Conflict("不能转给本人。", "It is his already.")
        other = self._people.actor(connection, comes, None, "system")
        if why := self._choosing.refused(connection, case, row, [comes]).get(comes):
            raise why
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

    def replace(self, connection: Connection, case: Case, row: Row[Any], comes: int, line: str) -> None:
        """The seat is his from now on; position, participant and veto stay as they are. The caller records it and saves the case."""
        written = connection.execute(update(Seat).where(SEAT.c.id == row.seat_id, SEAT.c.status.in_(LIVE)).values(
            owner_id=comes, claimed_at=case.now, claimed_as=line, claim_expires_at=None, revision=SEAT.c.revision + 1
        ))
        if written.rowcount == 0:
            raise errors.changed_meanwhile()
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

    @staticmethod
    def tell(connection: Connection, case: Case, seat_id: int, person_id: int, kind: str, words: Words) -> None:
        """A notice for one person, beginning with what the case is about."""
        connection.execute(insert(Notification).values(
            candidate=f"person:{person_id}", kind=kind, instance_id=case.id, seat_id=seat_id, created_at=case.now,
            text={"zh": f"{case.subject or ''}：{words['zh']}", "en": f"{case.subject or ''}: {words['en']}"},
        ))
