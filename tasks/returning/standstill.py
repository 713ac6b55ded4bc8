"""What a suspension does to time and to membership, applied once when it is over: shifted due dates, late reminders, seats worked out anew."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Connection, Row, insert, or_, select, update

from tasks.assignment import Later, counts_from_entry
from tasks.deciding import Deciding
from tasks.lifecycle import LIVE
from tasks.models import Schedule, ScheduleMark, Seat, SeatOffer
from tasks.seats import SEAT, Seats
from workflows import history
from workflows.business_calendar import BusinessCalendar
from workflows.case import Case
from workflows.engine import INSTANCE, ProcessEngine
from workflows.graph import Node
from workflows.models import FAR_FUTURE, Wait
from workflows.suspension import later_by, working_time

SETTING_OF = {"reevaluate": "time_marks", "reminder": "reminders", "escalation": "escalation"}
MARK = ScheduleMark.__table__
Lapsing = Callable[[Connection, Case], None]  # ends what people hold in a case without standing behind it any more


class Standstill:
    """Ends suspensions."""

    def __init__(self, engine: ProcessEngine, seats: Seats, deciding: Deciding, lapses: Lapsing, calendar: BusinessCalendar) -> None:
        self._engine = engine
        self._seats = seats
        self._deciding = deciding
        self._lapses = lapses
        self._calendar = calendar
        seats.stood_still = self.later

    def later(self, connection: Connection, case: Case, since: datetime) -> Later:
        """By how much a moment counted from `since` lies later because the case has stood still from then on."""
        stood = [(datetime.fromisoformat(row.detail["since"]), row.at) for row in history.facts(connection, case.id, ("resumed",)) if row.at > since]
        length = sum((working_time(self._calendar, connection, begun, over) for begun, over in stood), timedelta())
        return lambda moment: later_by(self._calendar, connection, moment, length)

    def over(self, connection: Connection, case: Case) -> None:
        """The case goes on: durations move by the working time it stood still, calendar dates stand."""
        since = connection.execute(select(INSTANCE.c.suspended_at).where(INSTANCE.c.id == case.id)).scalar() or case.now
        length = working_time(self._calendar, connection, since, case.now)
        case.status = "active"
        case.record("resumed", detail={"since": since.isoformat(), "working_minutes": int(length.total_seconds() // 60)})
        self._engine.save(connection, [case])
        connection.execute(update(INSTANCE).where(INSTANCE.c.id == case.id).values(suspended_at=None))
        self._shift_waits(connection, case, length)
        live = select(SEAT).where(SEAT.c.instance_id == case.id, SEAT.c.status.in_(LIVE)).order_by(SEAT.c.id)
        stood = {seat.id: seat.schedule_id for seat in connection.execute(live).all()}
        self._apply_membership(connection, case)
        for seat in connection.execute(live).all():
            self._shift_seat(connection, case, seat, stood.get(seat.id, seat.schedule_id), since, length)
        self._engine.messages.deliver_early(connection, [case])

    def _shift_waits(self, connection: Connection, case: Case, length: timedelta) -> None:
        query = select(Wait.id, Wait.node_id, Wait.due_at).where(Wait.instance_id == case.id, Wait.due_at.is_not(None))
        for wait in connection.execute(query).all():
            if wait.due_at is not None and case.version.graph.nodes[wait.node_id].event.timer in ("duration", "cycle"):
                due = later_by(self._calendar, connection, wait.due_at, length)
                connection.execute(update(Wait).where(Wait.id == wait.id).values(due_at=due))

    def _shift_seat(
        self, connection: Connection, case: Case, seat: Row[Any], schedule: int | None, since: datetime, length: timedelta
    ) -> None:
        """A due date counted from entry moves; one from the calendar stands. Marks that passed meanwhile come now, once."""
        node = case.version.graph.nodes[seat.node_id]
        values: dict[str, Any] = {}
        if seat.due_at < FAR_FUTURE and counts_from_entry(node.attributes.get("dueDate")):
            values["due_at"] = later_by(self._calendar, connection, seat.due_at, length)
            values["yellow_at"] = later_by(self._calendar, connection, seat.yellow_at, length)
            connection.execute(update(SeatOffer).where(SeatOffer.seat_id == seat.id).values(due_at=values["due_at"]))
        if seat.claim_expires_at is not None:
            values["claim_expires_at"] = later_by(self._calendar, connection, seat.claim_expires_at, length)
        if schedule is not None:
            values["schedule_id"] = self._marks_again(connection, case, schedule, node, since, length)
        if values:
            connection.execute(update(Seat).where(SEAT.c.id == seat.id).values(**values, revision=SEAT.c.revision + 1))

    def _marks_again(
        self, connection: Connection, case: Case, schedule: int, node: Node, since: datetime, length: timedelta
    ) -> int | None:
        query = select(MARK).where(MARK.c.schedule_id == schedule, or_(MARK.c.at > since, MARK.c.done_at.is_(None)))
        marks: dict[tuple[str, bytes], dict[str, Any]] = {}
        later: list[dict[str, Any]] = []
        for mark in connection.execute(query.order_by(MARK.c.at, MARK.c.id)).all():
            relative = counts_from_entry(node.properties.get(SETTING_OF.get(mark.kind, "")))
            at = later_by(self._calendar, connection, mark.at, length) if relative else mark.at
            row = {"kind": mark.kind, "argument": mark.argument, "at": max(at, case.now)}
            if at > case.now:
                later.append(row)
            else:
                marks[mark.kind, orjson.dumps(mark.argument, option=orjson.OPT_SORT_KEYS)] = row
        wanted = [*marks.values(), *later]
        return self._schedule(connection, case, node, wanted) if wanted else None

    @staticmethod
    def _schedule(connection: Connection, case: Case, node: Node, marks: list[dict[str, Any]]) -> int:
        """A schedule of this case alone: no other seat resumed at this moment with these marks."""
        words = [{**mark, "at": mark["at"].isoformat(), "case": case.id, "node": node.id} for mark in marks]
        digest = hashlib.sha256(orjson.dumps(words, option=orjson.OPT_SORT_KEYS)).digest()
        known = connection.execute(select(Schedule.id).where(Schedule.digest == digest)).scalar()
        if known is not None:
            return int(known)
        new = insert(Schedule).values(digest=digest, definition_id=case.version.id, node_id=node.id).returning(Schedule.id)
        schedule_id = int(connection.execute(new).scalar_one())
        connection.execute(insert(ScheduleMark), [{**mark, "schedule_id": schedule_id} for mark in marks])
        return schedule_id

    def _apply_membership(self, connection: Connection, case: Case) -> None:
        """Who may act may have changed while nothing could be done: every live seat is looked at once."""
        self._lapses(connection, case)
        query = select(SEAT).where(SEAT.c.instance_id == case.id, SEAT.c.status == "open").order_by(SEAT.c.id)
        for seat in connection.execute(query).all():
            if seat.kind == "main" and seat.participant is None:
                self._seats.reevaluate(connection, case, seat, keep_dates=True, only_changes=True)
        self._engine.save(connection, [case])
        voting = select(SEAT.c.token).where(SEAT.c.instance_id == case.id, SEAT.c.status.in_(LIVE), SEAT.c.participant.is_not(None)).distinct()
        for token in connection.execute(voting.order_by(SEAT.c.token)).scalars().all():
            if case.is_open(token) and not self._deciding.people_changed(connection, case, token):
                self._engine.save(connection, [case])
