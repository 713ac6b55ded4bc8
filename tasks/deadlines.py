"""Time marks of seats as set-based work: reminders, escalation, and working out anew who may act. Moves no token."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, and_, insert, select, update

from tasks.lifecycle import IN_TURN
from tasks.models import CaseMark, Notification, Schedule, ScheduleMark, Seat, SeatOffer
from tasks.office_notices import named, tell_office
from tasks.seats import SEAT, Seats
from tasks.votes.automatic import Automatic
from workflows.business_calendar import Clock
from workflows.case_store import lock_cases
from workflows.engine import INSTANCE, ProcessEngine
from workflows.errors import Words
from workflows.history import SYSTEM
from workflows.store import Store, insert_missing

CHUNK = 200
MARK = ScheduleMark.__table__


class Deadlines:
    """Passes the marks that are due; ten thousand seats of one schedule cost a few statements a mark."""

    def __init__(self, store: Store, engine: ProcessEngine, seats: Seats, automatic: Automatic, clock: Clock) -> None:
        self._store = store
        self._automatic = automatic
        self._engine = engine
        self._seats = seats
        self._clock = clock

    def pass_due(self) -> bool:
        """Pass the earliest mark that is due; False when there is none."""
        with self._store.read() as connection:
            mark = self._due(connection)
        if mark is None:
            return False
        with self._store.alone("marks") as mine:
            if mine:
                self._pass(mark)
        return mine

    def _due(self, connection: Connection) -> Row[Any] | None:
        query = select(MARK).where(MARK.c.done_at.is_(None), MARK.c.at <= self._clock.now())
        return connection.execute(query.order_by(MARK.c.at, MARK.c.id).limit(1)).first()

    def _pass(self, mark: Row[Any]) -> None:
        """Seats are taken in chunks that each commit; a mark is done when its last chunk is."""
        after = 0
        while True:
            with self._store.transaction() as connection:
                seats = self._seats_of(connection, mark, after)
                if seats:
                    getattr(self, f"_{mark.kind}")(connection, mark, seats)
                    after = seats[-1].id
                if len(seats) < CHUNK:
                    done = update(ScheduleMark).where(MARK.c.id == mark.id).values(done_at=self._clock.now())
                    connection.execute(done)
                    return

    def _timeout(self, connection: Connection, mark: Row[Any], seats: Sequence[Row[Any]]) -> None:
        """Time is up: remind, pass to the superior, or a decision that does not agree, as the model says."""
        for seat in seats:
            self._automatic.time_out(connection, seat.id, mark.argument)

    @staticmethod
    def _seats_of(connection: Connection, mark: Row[Any], after: int) -> Sequence[Row[Any]]:
        query = select(SEAT).join(INSTANCE, INSTANCE.c.id == SEAT.c.instance_id).where(
            SEAT.c.schedule_id == mark.schedule_id, SEAT.c.status.in_(IN_TURN), SEAT.c.id > after, INSTANCE.c.status == "active"
        )
        query = query.order_by(SEAT.c.id).limit(CHUNK)
        seats = connection.execute(query).all()
        return connection.execute(query).all() if lock_cases(connection, [seat.instance_id for seat in seats]) else seats

    def _reminder(self, connection: Connection, mark: Row[Any], seats: Sequence[Row[Any]]) -> None:
        """A notice to the named candidates, or to everybody the seat is offered to."""
        self._notify(connection, mark, seats, mark.argument.get("to"), "reminder", {
            "zh": "提醒：有事项临近期限，请尽快办理", "en": "Reminder: an item is close to its deadline"
        })

    def _escalation(self, connection: Connection, mark: Row[Any], seats: Sequence[Row[Any]]) -> None:
        """A notice one level up, a record in each case, and the mark that later figures read."""
        argument = mark.argument
        text = argument.get("text") or {"zh": "事项逾期未办，请督促", "en": "An item is overdue; please see to it"}
        self._notify(connection, mark, seats, argument.get("to"), "escalation", text)
        self._record(connection, seats, "escalated", {"to": argument.get("to"), "mark": argument.get("mark")})
        if argument.get("mark"):
            self._mark_cases(connection, mark, seats)

    def _notify(self, connection: Connection, mark: Row[Any], seats: Sequence[Row[Any]], to: Any, kind: str, text: Words) -> None:
        """A notice per seat for a person, one for all seats together for an office; a chunk done again writes nothing twice."""
        now = self._clock.now()
        by_candidate: dict[str, list[Row[Any]]] = {}
        for seat, candidate in self._addressees(connection, seats, to):
            by_candidate.setdefault(candidate, []).append(seat)
        people = {candidate: found for candidate, found in by_candidate.items() if "@" not in candidate}
        insert_missing(connection, Notification, [
            {"candidate": candidate, "kind": kind, "instance_id": seat.instance_id, "seat_id": seat.id, "text": named(text, seat),
             "created_at": now, "unique_key": f"mark:{mark.id}:{seat.id}:{candidate}"}
            for candidate, found in people.items() for seat in found
        ])
        for candidate in by_candidate.keys() - people.keys():
            tell_office(connection, candidate, kind, text, f"{mark.id}:{seats[0].id}", by_candidate[candidate], now)

    @staticmethod
    def _addressees(connection: Connection, seats: Sequence[Row[Any]], to: Any) -> list[tuple[Row[Any], str]]:
        targets = [to] if isinstance(to, str) and to != "candidates" else to
        if isinstance(targets, list):
            return [(seat, str(target)) for seat in seats for target in targets if target]
        by_id = {seat.id: seat for seat in seats}
        offers = connection.execute(select(SeatOffer.seat_id, SeatOffer.candidate).where(SeatOffer.seat_id.in_(by_id))).all()
        found = [(by_id[offer.seat_id], offer.candidate) for offer in offers]
        if parked := [seat.id for seat in seats if seat.status == "parked"]:
            # No clock pauses while a seat waits for opinions: its owner (after a timeout there may be none) and whoever is asked are both reminded.
            found += [(by_id[seat_id], f"person:{by_id[seat_id].owner_id}") for seat_id in parked if by_id[seat_id].owner_id is not None]
            asked = select(SEAT.c.parent_seat_id, SEAT.c.owner_id).where(
                SEAT.c.parent_seat_id.in_(parked), SEAT.c.status.in_(IN_TURN), SEAT.c.blocking.is_(True)
            )
            found += [(by_id[row.parent_seat_id], f"person:{row.owner_id}") for row in connection.execute(asked)]
        return list({(seat.id, candidate): (seat, candidate) for seat, candidate in found}.values())

    def _mark_cases(self, connection: Connection, mark: Row[Any], seats: Sequence[Row[Any]]) -> None:
        kind, organisations = str(mark.argument["mark"]), mark.argument.get("mark_for")
        targets = organisations if isinstance(organisations, list) else [organisations or ""]
        known = {
            (row.instance_id, row.organisation_code, row.round) for row in connection.execute(
                select(CaseMark.instance_id, CaseMark.organisation_code, CaseMark.round)
                .where(CaseMark.kind == kind, CaseMark.instance_id.in_([seat.instance_id for seat in seats]))
            )
        }
        rows = [
            {"instance_id": seat.instance_id, "kind": kind, "organisation_code": str(target), "round": seat.round,
             "at": self._clock.now(), "detail": {"mark": mark.id}}
            for seat in seats for target in targets if (seat.instance_id, str(target), seat.round) not in known
        ]
        if rows:
            connection.execute(insert(CaseMark), rows)

    def _record(self, connection: Connection, seats: Sequence[Row[Any]], kind: str, detail: dict[str, Any]) -> None:
        cases = []
        for case, seat in self._cases(connection, seats):
            case.record(kind, node=seat.node_id, token=seat.token, detail=detail)
            cases.append(case)
        self._engine.save(connection, cases)

    def _cases(self, connection: Connection, seats: Sequence[Row[Any]]) -> list[tuple[Any, Row[Any]]]:
        rows = connection.execute(
            select(INSTANCE).where(INSTANCE.c.id.in_([seat.instance_id for seat in seats])).order_by(INSTANCE.c.id).with_for_update()
        ).all()
        cases = {row.id: self._engine.attach(connection, row, SYSTEM) for row in rows}
        return [(cases[seat.instance_id], seat) for seat in seats]

    def _reevaluate(self, connection: Connection, mark: Row[Any], seats: Sequence[Row[Any]]) -> None:
        """Who may act is a question of the date: ask the decision again for each open seat; claims and drafts stay."""
        touched = []
        for case, seat in self._cases(connection, seats):
            self._seats.reevaluate(connection, case, seat)
            touched.append(case)
        self._engine.save(connection, touched)

    def next_mark(self, connection: Connection) -> Any:
        """When the next mark is due."""
        query = select(MARK.c.at).join(Schedule, Schedule.id == MARK.c.schedule_id).where(and_(MARK.c.done_at.is_(None)))
        return connection.execute(query.order_by(MARK.c.at).limit(1)).scalar()


__all__ = ["Deadlines", "Seat"]
