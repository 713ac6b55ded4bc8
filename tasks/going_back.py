"""撤销: the handler takes his own decision back while everything it created is untouched. One modification."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, exists, or_, select, update

from tasks.alarms import alarms_over
from tasks.ended_by import CLOCKWORK, last_act
from tasks.four_eyes import forgotten
from tasks.lifecycle import LIVE
from tasks.models import CaseMark, Draft, ScheduleMark, Seat, UndoRecord
from tasks.people import Actor
from tasks.seats import SEAT, Seats
from tasks.service import author_of
from tasks.votes.undoing import guard_open_vote, open_vote, seats_back, values_back
from workflows.case import Case
from workflows.case_store import lock_cases
from workflows.engine import ProcessEngine
from workflows.errors import Conflict, Forbidden, NotFound, Rejection
from workflows.history import facts as facts_of
from workflows.models import BufferedMessage, HistoryRow, Incident, OutboxMessage, table_of
from workflows.store import Store
from workflows.work import take_jobs_back


HISTORY = table_of(HistoryRow)


class GoingBack:
    """Undo of decisions."""

    def __init__(self, engine: ProcessEngine, seats: Seats) -> None:
        self._engine = engine
        self._seats = seats

    # the handler's withdrawal

    def undo(self, connection: Connection, actor: Actor, seat_id: int, *, later: bool = False) -> int:
        """Take back one's own decision while everything it created is untouched; returns the case's id.

        `later`: also when the time in which messages and jobs are held back is over.
        """
        record = self._record(connection, actor, seat_id)
        case = self._engine.load(connection, record.instance_id, author_of(actor))
        seat = connection.execute(select(SEAT).where(SEAT.c.id == seat_id)).one()
        if not later:
            self._guard_in_time(record, case)
        self._guard(connection, record, seat, case)
        if open_vote(record, seat, case):
            self._take_vote_back(connection, record, seat, case)
            return case.id
        take_jobs_back(connection, record.before, record.expires_at)
        self._take_calls_back(connection, record, case)
        self._reopen(connection, record, case)
        return case.id

    def check(self, connection: Connection, actor: Actor, seat_id: int, case: Case) -> None:
        """Raises the Rejection that `undo` of a decision of long ago would end in, jobs and called cases aside."""
        record = self._record(connection, actor, seat_id)
        self._guard(connection, record, connection.execute(select(SEAT).where(SEAT.c.id == seat_id)).one(), case)

    @staticmethod
    def _record(connection: Connection, actor: Actor, seat_id: int) -> Any:
        record = connection.execute(select(UndoRecord.__table__).where(UndoRecord.seat_id == seat_id)).first()
        if record is None:
            raise NotFound("这项办理已不能撤销。", "This decision can no longer be undone.")
        if record.person_id != actor.person_id:
            raise Forbidden("只能撤销您本人的办理。", "Only your own decision can be undone.")
        return record

    def _guard(self, connection: Connection, record: Any, seat: Any, case: Case) -> None:
        if open_vote(record, seat, case):
            guard_open_vote(connection, record, seat, case)
        else:
            self._guard_untouched(connection, record, case)
            if case.now > record.expires_at:
                self._guard_joins(connection, record, case)

    @staticmethod
    def _guard_joins(connection: Connection, record: Any, case: Case) -> None:
        """A result that a join has used is taken back only while nothing has gone out and nobody can have acted on it."""
        facts = facts_of(connection, case.id, ("activity_completed", "fired"))
        mine = next((fact.sequence for fact in reversed(facts) if (fact.detail or {}).get("seat") == record.seat_id), 0)
        if any(fact.kind == "fired" and fact.token is not None and fact.sequence > mine for fact in facts):
            raise Conflict("结果已与其他分支汇合，不能撤回。如需更正，请联系现办理人退回。", "A join has used the result. Ask whoever has it now to return it.")

    def undo_command(self, connection: Connection, actor: Actor, command_id: int) -> tuple[int, list[dict[str, Any]]]:
        """Take back a bulk decision as a whole; items touched since stay, with the reason. Returns (undone, left)."""
        records = connection.execute(
            select(UndoRecord.seat_id).where(UndoRecord.command_id == command_id, UndoRecord.person_id == actor.person_id)
        ).scalars().all()
        lock_cases(connection, select(UndoRecord.instance_id).where(UndoRecord.command_id == command_id, UndoRecord.person_id == actor.person_id))
        done, left = 0, []
        for seat_id in records:
            try:
                with Store.savepoint(connection):
                    self.undo(connection, actor, seat_id)
                done += 1
            except Rejection as reason:
                left.append({"seat_id": seat_id, "zh": reason.zh, "en": reason.en})
        if not records:
            raise NotFound("这批办理已不能撤销。", "This batch can no longer be undone.")
        return done, left

    def _take_vote_back(self, connection: Connection, record: Any, seat: Any, case: Case) -> None:
        """Inside an open countersign: his seat opens again, whoever it called up waits again, his values are as they were."""
        changes = values_back(record, seat, case)
        self._open_again(connection, record, case, seat)
        seats_back(connection, self._seats, case, record, seat)
        case.record("undone", node=seat.node_id, token=seat.token, detail={**_taken_back(record, seat), "changes": changes})
        self._offer_again(connection, case, seat.id, record.before["owner"])
        self._engine.save(connection, [case])

    @staticmethod
    def _guard_in_time(record: Any, case: Case) -> None:
        if case.now > record.expires_at:
            raise Conflict("已超过 30 秒，不能撤销；如需更正请联系下一环节退回。", "More than 30 seconds have passed; it can no longer be undone.")

    def _open_again(self, connection: Connection, record: Any, case: Case, seat: Any) -> None:
        """The seat itself as it was before the act, and its actor forgotten."""
        before: Mapping[str, Any] = record.before
        connection.execute(delete(UndoRecord).where(UndoRecord.seat_id == seat.id))
        connection.execute(update(Seat).where(SEAT.c.id == seat.id).values(
            status="open", completed_at=None, completed_by=None, on_behalf_of=None, outcome=None, owner_id=before["owner"],
            claimed_at=datetime.fromisoformat(before["claimed_at"]) if before["claimed_at"] else None, claimed_as=before["claimed_as"],
            revision=SEAT.c.revision + 1,
        ))
        forgotten(connection, case, seat)

    def _guard_untouched(self, connection: Connection, record: Any, case: Case) -> None:
        called = dict(record.before["started"])
        sent = select(OutboxMessage.id).where(
            OutboxMessage.instance_id.in_([case.id, *called]), OutboxMessage.status == "sent",
            OutboxMessage.created_at >= self._completed_at(connection, record),
        )
        if connection.execute(sent.limit(1)).first():
            raise Conflict("结果已发送，不能撤销。", "The result has been sent; it can no longer be undone.")
        if case.revision != record.revision and self._went_on(connection, case.id, record.before["sequence"]):
            last = last_act(connection, case.id, record.before["sequence"])
            raise Conflict(f"后续环节已有办理，不能撤销。{last['zh']}", f"Later steps have moved on; it can no longer be undone.{last['en']}")
        drafted = exists().where(Draft.seat_id == SEAT.c.id)
        touched = select(SEAT.c.instance_id, SEAT.c.token).where(
            SEAT.c.instance_id.in_([case.id, *called]), SEAT.c.id > record.seat_id, SEAT.c.status.in_(LIVE), or_(SEAT.c.claimed_at.is_not(None), drafted)
        )
        if any(row.instance_id != case.id or not _was_there(record.before, row.token) for row in connection.execute(touched)):
            raise Conflict("后续环节已被领取，不能撤销。", "The next step was claimed; it can no longer be undone.")

    @staticmethod
    def _went_on(connection: Connection, instance_id: int, sequence: int) -> bool:
        """Whether anything but the clock has touched a case since its history had this many facts."""
        later = select(HISTORY.c.id).where(HISTORY.c.instance_id == instance_id, HISTORY.c.sequence > sequence, HISTORY.c.kind.not_in(CLOCKWORK))
        return connection.execute(later.limit(1)).first() is not None

    @staticmethod
    def _unmark(connection: Connection, case: Case, schedules: Sequence[int]) -> None:
        """Time marks of seats that never were leave no trace in later figures."""
        mine = set(connection.execute(select(ScheduleMark.id).where(ScheduleMark.schedule_id.in_(schedules))).scalars())
        marks = connection.execute(select(CaseMark.id, CaseMark.detail).where(CaseMark.instance_id == case.id)).all()
        gone = [row.id for row in marks if (row.detail or {}).get("mark") in mine]
        connection.execute(delete(CaseMark).where(CaseMark.id.in_(gone)))

    def _take_calls_back(self, connection: Connection, record: Any, case: Case) -> None:
        """What the decision called, or opened as an instance of a sub-process, never was; called cases before their callers."""
        called = dict(record.before["started"])
        for instance_id in reversed(called):
            child = self._engine.load(connection, instance_id, case.author)
            if self._went_on(connection, child.id, called[instance_id]):
                raise Conflict("由此调用的流程已有办理，不能撤销。", "What this decision called has moved on; it can no longer be undone.")
            self._engine.void(connection, child, {"caller": case.id, "seat": record.seat_id})
        stuck = update(Incident).where(Incident.instance_id.in_(called), Incident.resolved_at.is_(None))
        connection.execute(stuck.values(resolved_at=case.now))

    @staticmethod
    def _completed_at(connection: Connection, record: Any) -> datetime:
        completed: datetime = connection.execute(select(SEAT.c.completed_at).where(SEAT.c.id == record.seat_id)).scalar_one()
        return completed

    def _reopen(self, connection: Connection, record: Any, case: Case) -> None:
        before: Mapping[str, Any] = record.before
        seat = connection.execute(select(SEAT).where(SEAT.c.id == record.seat_id)).one()
        live = select(SEAT.c.token, SEAT.c.schedule_id).where(SEAT.c.instance_id == case.id, SEAT.c.status.in_(LIVE), SEAT.c.id > seat.id)
        opened = [row for row in connection.execute(live).all() if not _was_there(before, row.token)]
        for row in opened:
            self._seats.close(connection, case.id, row.token, "cancelled", case.now)
            alarms_over(connection, case, row.token)
        self._unmark(connection, case, [row.schedule_id for row in opened if row.schedule_id is not None])
        connection.execute(update(OutboxMessage).where(
            OutboxMessage.instance_id.in_([case.id, *dict(before["started"])]), OutboxMessage.status == "held",
            OutboxMessage.created_at >= seat.completed_at,
        ).values(status="withdrawn"))
        # A message that had come before and was taken by the decision waits for its taker again.
        taken = (BufferedMessage.delivered_to == case.id, BufferedMessage.delivered_at == seat.completed_at, BufferedMessage.received_at < seat.completed_at)
        connection.execute(update(BufferedMessage).where(*taken).values(delivered_to=None, delivered_at=None))
        owner = before["owner"]
        self._open_again(connection, record, case, seat)
        self._engine.restore(connection, case, before, "undone", _taken_back(record, seat))
        seats_back(connection, self._seats, case, record, seat)
        self._offer_again(connection, case, seat.id, owner)

    def _offer_again(self, connection: Connection, case: Case, seat_id: int, owner: int | None) -> None:
        seat = connection.execute(select(SEAT).where(SEAT.c.id == seat_id)).one()
        if owner is not None:
            self._seats.offer_to(connection, seat_id, [f"person:{owner}"], seat.due_at, seat.created_at, seat.priority)
            return
        self._seats.reevaluate(connection, case, seat, keep_dates=True)
        self._engine.save(connection, [case])


def _taken_back(record: Any, seat: Any) -> dict[str, Any]:
    """What the fact of an undo names: the decision, and (`by_rule`) the seats that rules decided because of it."""
    by_rule = [act["seat"] for act in record.before.get("votes") or () if act["seat"] != seat.id]
    return {"seat": seat.id, "outcome": seat.outcome, "node": seat.node_id, **({"by_rule": by_rule} if by_rule else {})}


def _was_there(before: Mapping[str, Any], token: str) -> bool:
    """Whether an activity instance was live before the act: a parallel branch, or another instance, which the act did not open."""
    activity, _, index = token.partition("#")
    counters = before["state"].get("m", {}).get(activity)
    return activity in before["state"]["t"] and (not index or bool(counters and int(counters[2], 16) >> int(index) & 1))
