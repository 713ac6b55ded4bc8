"""The seats that hang below another seat: creating, closing and telling, and the rule that a seat is parked ⇔ it waits for an open child.

It asks nobody whether he may: guards are the caller's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from tasks.actors import Actor
from tasks.children.words import HOLDER_LEFT, KIND_WORDS
from tasks.lifecycle import CANCELLED, IN_TURN, LIVE, OPEN, PARKED, QUEUED
from tasks.models import Draft, Seat, SeatExclusion, SeatOffer
from tasks.seats import SEAT, Seats
from tasks.telling import tell
from workflows.case import Case
from workflows.errors import Words


@dataclass(frozen=True, slots=True)
class NewChild:
    """A child seat to create: its kind, its person, whether it counts and blocks, and what is asked."""

    kind: str
    person_id: int
    text: str | None = None
    counts: bool = False
    blocking: bool = True
    waits: bool = False  # an after-signer of a seat that has not decided yet


class ChildSeats:
    """Writes child seats."""

    def __init__(self, seats: Seats) -> None:
        self._seats = seats

    # reading

    @staticmethod
    def of_instance(connection: Connection, case: Case, token: str) -> Sequence[Row[Any]]:
        """Every seat of an activity instance, oldest first."""
        return connection.execute(select(SEAT).where(SEAT.c.instance_id == case.id, SEAT.c.token == token).order_by(SEAT.c.id)).all()

    def below(self, connection: Connection, case: Case, token: str, seat_id: int) -> list[Row[Any]]:
        """The live seats below a seat, parents before their children."""
        seats = self.of_instance(connection, case, token)
        found: list[Row[Any]] = []
        wanted = {seat_id}
        for seat in seats:  # a child is younger than its parent
            if seat.parent_seat_id in wanted:
                wanted.add(seat.id)
                if seat.status in LIVE:
                    found.append(seat)
        return found

    # creating

    def add(self, connection: Connection, case: Case, actor: Actor, row: Row[Any], child: NewChild) -> int:
        """Create a child of the seat of `row` (of locked_seat), tell its person, and park the parent when it blocks; returns the child's number."""
        words = KIND_WORDS[child.kind]
        asked: Words = {"zh": f"{words['zh']}：{actor.name}", "en": f"{words['en']}: {actor.name}"}
        summary = {
            **(row.seat_summary or {}), "asked": {**asked, "kind": child.kind, "by": actor.person_id, "text": child.text}, "open_first": True,
            "flags": [{"code": child.kind, **asked}, *_own_flags(row.seat_summary)], "clause": None,
        }
        values = {
            "instance_id": case.id, "definition_id": row.seat_definition_id, "process_id": row.seat_process_id, "node_id": row.seat_node_id,
            "token": row.seat_token, "status": QUEUED if child.waits else OPEN, "owner_id": child.person_id, "claimed_at": case.now,
            "claimed_as": None, "created_at": case.now, "due_at": row.seat_due_at, "yellow_at": row.seat_yellow_at, "priority": row.seat_priority,
            "round": case.round, "revision": 0, "schedule_id": None, "duty": None, "summary": summary, "urged": 0, "parent_seat_id": row.seat_id,
            "kind": child.kind, "counts": child.counts, "blocking": child.blocking, "position": row.seat_position, "added_by": actor.person_id,
        }
        child_id = int(connection.execute(insert(Seat).values(values).returning(SEAT.c.id)).scalar_one())
        if child.kind != "asked":  # a question may be put to anybody; an opinion is not given, nor stood in for, by whom four eyes keep out
            self._seats.exclude(connection, case, child_id, case.version.graph.nodes[row.seat_node_id])
        if not child.waits:
            self._offer(connection, child_id, child.person_id, values)
            question = f"：{child.text}" if child.text else ""
            tell(connection, case, child.kind, {
                "zh": f"{actor.name}请您处理（{words['zh']}）{question}",
                "en": f"{words['en'].lower()} by {actor.name}{': ' + child.text if child.text else ''}",
            }, [(child.person_id, child_id)])
        self.settle(connection, case, row.seat_id)
        return child_id

    def _offer(self, connection: Connection, seat_id: int, person_id: int, values: Mapping[str, Any]) -> None:
        self._seats.offer_to(connection, seat_id, [f"person:{person_id}"], values["due_at"], values["created_at"], values["priority"])

    def reach_after(self, connection: Connection, case: Case, parent: Row[Any], actor: Actor) -> list[int]:
        """The parent's decision is stored: its after-signers' turn has come. Returns their seats."""
        query = select(SEAT).where(SEAT.c.parent_seat_id == parent.seat_id, SEAT.c.kind == "after", SEAT.c.status == QUEUED).order_by(SEAT.c.id)
        reached = connection.execute(query).all()
        for seat in reached:
            connection.execute(update(Seat).where(SEAT.c.id == seat.id).values(status=OPEN, claimed_at=case.now, revision=SEAT.c.revision + 1))
            self._offer(connection, seat.id, seat.owner_id, seat._asdict())
            words = {"zh": f"{actor.name}已办理，请您签署意见（后加签）", "en": f"{actor.name} decided; please sign after"}
            tell(connection, case, "after", words, [(seat.owner_id, seat.id)])
        return [seat.id for seat in reached]

    # closing

    def close(self, connection: Connection, case: Case, seats: Sequence[Row[Any]], why: str, words: Words) -> None:
        """Cancel live child seats: their people are told, drafts go to the history. `why` is the kind of the history row's reason."""
        for seat in seats:
            drafts = connection.execute(select(Draft.person_id, Draft.values).where(Draft.seat_id == seat.id)).all()
            for table in (SeatOffer, SeatExclusion, Draft):
                connection.execute(delete(table).where(table.__table__.c.seat_id == seat.id))
            connection.execute(update(Seat).where(SEAT.c.id == seat.id).values(
                status=CANCELLED, completed_at=case.now, revision=SEAT.c.revision + 1
            ))
            case.record("child_closed", node=seat.node_id, token=seat.token, detail={
                "seat": seat.id, "kind": seat.kind, "person": seat.owner_id, "why": why,
                **({"drafts": [{"person": one.person_id, "values": one.values} for one in drafts]} if drafts else {}),
            })
            if seat.owner_id is not None and seat.status != QUEUED:
                tell(connection, case, "child_closed", words, [(seat.owner_id, seat.id)])

    def close_below(self, connection: Connection, case: Case, row: Row[Any], why: str, words: Words, kinds: Sequence[str] = ()) -> None:
        """Cancel what is live below the seat of `row` (of locked_seat): children of these `kinds` with all below them, or all."""
        below = self.below(connection, case, row.seat_token, row.seat_id)
        gone: set[int] = set()
        for seat in below:
            if seat.parent_seat_id in gone or (seat.parent_seat_id == row.seat_id and (not kinds or seat.kind in kinds)):
                gone.add(seat.id)
        self.close(connection, case, [seat for seat in below if seat.id in gone], why, words)
        self.settle(connection, case, row.seat_id)

    def stop_waiting(self, connection: Connection, case: Case, seat: Row[Any]) -> None:
        """Whoever asked is gone: what the seat waits for is cancelled with all below; who has a vote of his own keeps it."""
        gone: set[int] = set()
        below = self.below(connection, case, seat.token, seat.id)
        for one in below:
            if one.parent_seat_id in gone or (one.parent_seat_id == seat.id and one.blocking and one.status in IN_TURN):
                gone.add(one.id)
        self.close(connection, case, [one for one in below if one.id in gone], "holder_left", HOLDER_LEFT)
        self.settle(connection, case, seat.id)

    # parked ⇔ at least one open blocking child

    def settle(self, connection: Connection, case: Case, seat_id: int) -> None:
        """Park a seat that waits for an open child, open one that waits for none any more; whoever only delegated it may still decide it."""
        seat = connection.execute(select(SEAT).where(SEAT.c.id == seat_id)).one()
        if seat.status not in (OPEN, PARKED):
            return
        blocking = connection.execute(select(SEAT.c.kind).where(
            SEAT.c.parent_seat_id == seat_id, SEAT.c.status.in_((OPEN, PARKED)), SEAT.c.blocking.is_(True)
        )).scalars().all()
        wanted = PARKED if blocking else OPEN
        if wanted != seat.status:
            connection.execute(update(Seat).where(SEAT.c.id == seat_id).values(status=wanted, revision=SEAT.c.revision + 1))
        if not set(blocking) <= {"delegate"}:
            connection.execute(delete(SeatOffer).where(SeatOffer.seat_id == seat_id))
        elif connection.execute(select(SeatOffer.seat_id).where(SeatOffer.seat_id == seat_id).limit(1)).first() is None:
            if seat.owner_id is not None:
                self._offer(connection, seat_id, seat.owner_id, seat._asdict())
            else:  # while it waited it was passed on to people of whom nobody holds it
                self._seats.reevaluate(connection, case, connection.execute(select(SEAT).where(SEAT.c.id == seat_id)).one(), keep_dates=True)


def _own_flags(summary: Mapping[str, Any] | None) -> list[Any]:
    return [flag for flag in (summary or {}).get("flags") or [] if flag.get("code") not in KIND_WORDS]
