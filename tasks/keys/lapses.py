"""What people hold in a case without standing behind it any more: their posts ended, or they were disabled. Ends it; asks nobody for a right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, select

from tasks.candidate_lines import people_named
from tasks.children.tree import ChildSeats
from tasks.children.words import KIND_WORDS
from tasks.deciding import Deciding
from tasks.ground import Ground
from tasks.keys.claims import Claims
from tasks.lifecycle import IN_TURN, LIVE, PARKED
from tasks.models import Person, Seat, SeatOffer
from tasks.standing import principal_of_line
from tasks.telling import tell
from workflows.case import Case
from workflows.errors import Words
from workflows.jobs import raise_incident

SEAT = Seat.__table__
GONE: Words = {"zh": "您的账号已停用，该事项不再由您办理", "en": "your account was disabled; this is no longer yours"}
LEFT_POST: Words = {"zh": "您已不在该岗位，事项退回待认领", "en": "you no longer hold that post; it is back in the pool"}
PRINCIPAL_LEFT: Words = {"zh": "委托人已不在该岗位，事项退回待认领", "en": "your principal no longer holds that post; it is back in the pool"}


class Lapses:
    """Goes through the live seats of a case once."""

    def __init__(self, ground: Ground, claims: Claims, deciding: Deciding) -> None:
        self._engine, self._people, self._seats = ground.engine, ground.people, ground.seats
        self._claims, self._deciding = claims, deciding
        self._children = ChildSeats(ground.seats)

    def apply(self, connection: Connection, case: Case, person: int | None = None) -> None:
        """End what nobody stands behind any more (with `person`: what he held or was named for). The case is active and locked; it is saved."""
        for seat_id in [seat.id for seat in self._live(connection, case)]:
            seat = connection.execute(select(SEAT).where(SEAT.c.id == seat_id)).one()
            if seat.status not in LIVE or not case.is_open(seat.token):
                continue
            if seat.parent_seat_id is not None:
                self._child(connection, case, seat, person)
            elif seat.owner_id is not None:
                self._claim(connection, case, seat, person)
            elif seat.participant is None:
                self._named(connection, case, seat, person)
        self._engine.save(connection, [case])

    @staticmethod
    def _live(connection: Connection, case: Case) -> Sequence[Row[Any]]:
        return connection.execute(select(SEAT.c.id).where(SEAT.c.instance_id == case.id, SEAT.c.status.in_(LIVE)).order_by(SEAT.c.id)).all()

    def lines_of(self, connection: Connection, person: int) -> list[str]:
        """The lines that admit somebody today; none when he is disabled."""
        found = connection.execute(select(Person.active).where(Person.id == person)).scalar()
        return list(self._people.actor(connection, person, None, "system").candidates) if found else []

    # claims

    def _claim(self, connection: Connection, case: Case, seat: Row[Any], person: int | None) -> None:
        """A claim ends with the membership that allowed it: the holder's, or that of whom he holds it for. Votes: see Deciding.people_changed."""
        principal = principal_of_line(seat.claimed_as, seat.owner_id)
        if seat.participant is not None or seat.status not in IN_TURN or (person is not None and person not in (seat.owner_id, principal)):
            return
        if not (lines := self.lines_of(connection, seat.owner_id)):
            self._free(connection, case, seat, GONE)
        elif principal is not None:
            if not set(self.lines_of(connection, principal)) & set(self._seats.candidates(connection, case.at(seat.token), seat.node_id)):
                self._free(connection, case, seat, PRINCIPAL_LEFT)
        elif "@" in (seat.claimed_as or "") and seat.claimed_as not in lines:
            self._free(connection, case, seat, LEFT_POST)

    def _free(self, connection: Connection, case: Case, seat: Row[Any], words: Words) -> None:
        """Back to its pool; opinions that were asked for end."""
        if seat.status == PARKED:
            self._children.stop_waiting(connection, case, seat)
        self._claims.release_seat(connection, case, seat.id, "claim_lapsed", **{"from": seat.owner_id})
        tell(connection, case, "claim_lapsed", words, [(seat.owner_id, seat.id)])

    def _named(self, connection: Connection, case: Case, seat: Row[Any], person: int | None) -> None:
        """Offered to one who was disabled: worked out anew, by the empty-assignee rule when nobody else may act."""
        offers = connection.execute(select(SeatOffer.candidate).where(SeatOffer.seat_id == seat.id, SeatOffer.principal_id.is_(None))).scalars()
        named = people_named(offers)
        if person is not None:
            named &= {person}
        if any(not self.lines_of(connection, one) for one in named):
            self._seats.reevaluate(connection, case, seat, keep_dates=True)

    # opinions

    def _child(self, connection: Connection, case: Case, seat: Row[Any], person: int | None) -> None:
        """Who was disabled gives no opinion any more: the seat above goes on without it, and its holder and the supervisor are told."""
        if seat.owner_id is None or person not in (None, seat.owner_id) or self.lines_of(connection, seat.owner_id):
            return
        parent = connection.execute(select(SEAT).where(SEAT.c.id == seat.parent_seat_id)).one()
        self._children.close(connection, case, [seat, *self._children.below(connection, case, seat.token, seat.id)], "signer_left", GONE)
        self._children.settle(connection, case, parent.id)
        name, kind = self._people.name(connection, seat.owner_id), KIND_WORDS[seat.kind]
        if (told := parent.owner_id or seat.added_by) is not None:
            words = {"zh": f"{name}的账号已停用，{kind['zh']}未办理，事项退回给您", "en": f"{name} was disabled; {kind['en'].lower()} not done, it is back with you"}
            tell(connection, case, "signer_left", words, [(told, parent.id)])
        if seat.kind != "asked":
            raise_incident(
                connection, case.now, "signer_left", f"{name}的账号已停用，{kind['zh']}未办理", instance_id=case.id, token=seat.token, node_id=seat.node_id,
                unique_key=f"signer_left:{seat.id}", detail={"seat": seat.id},
            )
        self._deciding.after_change(connection, case, seat.token)
