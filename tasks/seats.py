"""Seats follow tokens: hears the engine, gives each new user activity its seat and closes the seats of what ended. Decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Row, String, and_, cast, delete, exists, insert, literal, or_, select, update

from tasks.alarms import alarm_nobody, alarms_over
from tasks.assignment import Assignment, Later, assign
from tasks.lifecycle import IN_TURN, LIVE
from tasks.models import Draft, Schedule, ScheduleMark, Seat, SeatExclusion, SeatOffer
from tasks.parties import refresh_parties, write_parties
from tasks.seat_statements import EXCLUDE_ACTORS, INSERT_OFFERS, INSERT_POOL, INSERT_SEATS, OPEN_AT_ONCE, OPEN_POOL_AT_ONCE, pool_asked
from tasks.shared_answers import SharedAnswers
from tasks.telling import tell
from tasks.votes.opening import Entered, Place, is_office_pool, is_plain, participants_of, placed, places, pooled, seat_values, staffed, staffed_lines
from workflows.alarms import raise_calendar_alarm
from workflows.case import Case
from workflows.engine import Outcome, ProcessEngine
from workflows.errors import CalendarMissing, Rejection
from workflows.graph import HUMAN, Node
from workflows.jobs import raise_incident
from workflows.models import FAR_FUTURE
from workflows.store import insert_missing
from workflows.timers import as_instant

SEAT = Seat.__table__
ASKED = and_(SEAT.c.status.in_(IN_TURN), SEAT.c.parent_seat_id.is_(None))  # those below have the dates of the one above
DRAFTED = exists().where(Draft.seat_id == SeatOffer.seat_id, SeatOffer.candidate == literal("person:") + cast(Draft.person_id, String))


class Seats:
    """The seat layer's answer to what happens on the token layer."""

    def __init__(self, engine: ProcessEngine) -> None:
        self._engine = engine
        self._schedules: dict[bytes, int] = {}
        self._written: WeakKeyDictionary[Connection, set[bytes]] = WeakKeyDictionary()  # schedules a transaction under way has made
        self.stood_still: Callable[[Connection, Case, datetime], Later] | None = None  # how much later a date is for the time a case stood still
        self.on_offer: list[Callable[[Connection, Sequence[int], bool], None]] = []  # told which seats were offered, and whether they are new
        engine.listeners.append(self.hear)
        engine.after_events.append(self.refresh)

    def forget(self) -> None:
        """Look schedules up anew: after a restore their numbers may be others."""
        self._schedules = {}

    def hear(self, connection: Connection, outcomes: Sequence[Outcome]) -> None:
        """In the engine's transaction: close seats of ended activities, open seats for entered ones."""
        openings: list[Entered] = []
        answers = SharedAnswers() if len(outcomes) > 1 else None
        started: list[Case] = []
        for case, happenings in outcomes:
            if case.revision == 0 and case.chain.rows and case.chain.rows[0]["kind"] == "started":
                started.append(case)
            elif case.facts_changed:
                refresh_parties(connection, case, self._engine.functions(connection, case))
            for happening in happenings:
                node = case.version.graph.nodes.get(happening.node) if happening.node else None
                if node is None or node.type not in HUMAN:
                    continue
                if happening.kind == "opened":
                    openings.append(Entered(case, node, str(happening.token), self._assign(connection, case.at(str(happening.token)), node, answers)))
                elif happening.kind == "cancelled":
                    openings = [known for known in openings if not (known.case is case and known.token == str(happening.token))]
                    self._keep_drafts(connection, case, str(happening.token))
                    self.close(connection, case.id, str(happening.token), "cancelled", case.now)
                if happening.kind in ("cancelled", "completed"):
                    alarms_over(connection, case, str(happening.token))
        write_parties(connection, started, self._engine)
        if openings:
            self._open(connection, openings)

    def _assign(self, connection: Connection, case: Case, node: Node, answers: SharedAnswers | None = None) -> Assignment:
        return assign(case, node, self._engine.functions(connection, case), case.now, answers)

    def candidates(self, connection: Connection, case: Case, node_id: str) -> tuple[str, ...]:
        """Who may act on an activity of the case under the rules of today."""
        node = case.version.graph.nodes[node_id]
        functions = self._engine.functions(connection, case)
        if node.properties.get("participants"):
            return tuple(participants_of(case, node, functions))
        return assign(case, node, functions, case.now).candidates

    def _open(self, connection: Connection, openings: Sequence[Entered]) -> None:
        schedules = self._schedule_ids(connection, [opening.assignment for opening in openings], openings)
        if len(openings) == 1 and is_office_pool(openings[0].case, openings[0].node, openings[0].assignment.candidates):
            self._open_pool(connection, openings[0], schedules)
            return
        behind = staffed_lines(connection, openings)
        opened = [
            (opening, place) for opening in openings
            for place in places(connection, opening, self._engine.functions(connection, opening.case), behind)
        ]
        self._open_places(connection, opened, schedules)

    def open_place(self, connection: Connection, entered: Entered, place: Place) -> None:
        """One more seat in an activity that is open already."""
        self._open_places(connection, [(entered, place)], self._schedule_ids(connection, [entered.assignment], [entered]))

    def _open_places(self, connection: Connection, opened: Sequence[tuple[Entered, Place]], schedules: dict[bytes, int]) -> None:
        rows = [self._seat_row(opening, place, schedules) for opening, place in opened]
        if len(rows) == 1 and connection.dialect.name == "postgresql":
            opening, place = opened[0]
            seat_id = connection.execute(OPEN_AT_ONCE, self._at_once(opening, place, rows[0])).scalar_one()
            self._after_opening(connection, opening.case, opening.node, opening.token, seat_id, place)
            self._tell_offered(connection, [seat_id])
            return
        ids = connection.execute(INSERT_SEATS, rows).scalars().all()
        offers = [
            self.offer_row(candidate, seat_id, row["due_at"], row["created_at"], row["priority"])
            for (_, place), seat_id, row in zip(opened, ids, rows, strict=True) for candidate in place.candidates
        ]
        if offers:
            connection.execute(INSERT_OFFERS, offers)
        for (opening, place), seat_id in zip(opened, ids, strict=True):
            self.settle_place(connection, opening.case, opening.node, opening.token, seat_id, place)
        self._tell_offered(connection, ids)

    def _open_pool(self, connection: Connection, opening: Entered, schedules: dict[bytes, int]) -> None:
        """The same for the one seat of offices, asked in passing whether anybody is there: most completions come here."""
        lines, place = opening.assignment.candidates, Place(opening.assignment.candidates)
        row = self._seat_row(opening, place, schedules)
        asked = pool_asked(lines, opening.case.now)
        if connection.dialect.name == "postgresql":
            seat_id, anybody = connection.execute(OPEN_POOL_AT_ONCE, self._at_once(opening, place, row) | asked).one()
        else:
            seat_id, anybody = connection.execute(INSERT_POOL, row | asked).one()
            connection.execute(INSERT_OFFERS, [self.offer_row(line, seat_id, row["due_at"], row["created_at"], row["priority"]) for line in lines])
            self.exclude(connection, opening.case, seat_id, opening.node)
        self._after_opening(connection, opening.case, opening.node, opening.token, seat_id, replace(place, alarm=not anybody))
        self._tell_offered(connection, [seat_id])

    @staticmethod
    def _at_once(opening: Entered, place: Place, row: dict[str, Any]) -> dict[str, Any]:
        apart = opening.case.version.kept_apart[opening.node.id]
        return {**row, "lines": place.candidates, "apart": apart, "reason": ",".join(apart), "root": opening.case.root}

    def _tell_offered(self, connection: Connection, seat_ids: Sequence[int]) -> None:
        for listener in self.on_offer:
            listener(connection, seat_ids, True)

    def settle_place(self, connection: Connection, case: Case, node: Node, token: str, seat_id: int, place: Place) -> None:
        """What a place needs beside its row and offers: who is kept out, and the alarm when nobody the model names may act."""
        self.exclude(connection, case, seat_id, node)
        self._after_opening(connection, case, node, token, seat_id, place)

    def _after_opening(self, connection: Connection, case: Case, node: Node, token: str, seat_id: int, place: Place) -> None:
        if place.excluded is not None:
            insert_missing(connection, SeatExclusion, [{"seat_id": seat_id, "person_id": place.excluded, "reason": "applicant"}])
        if place.alarm:
            alarm_nobody(connection, case, node, token, seat_id if place.position else None)

    @staticmethod
    def offer_row(candidate: str, seat_id: int, due_at: datetime, created_at: datetime, priority: int) -> dict[str, Any]:
        """One row of the worklist."""
        return {"candidate": candidate, "seat_id": seat_id, "due_at": due_at, "created_at": created_at, "priority": priority}

    def _seat_row(self, opening: Entered, place: Place, schedules: dict[bytes, int]) -> dict[str, Any]:
        case, assignment = opening.case, opening.assignment
        return {
            "instance_id": case.id, "definition_id": case.version.id, "process_id": case.version.process_id, "node_id": opening.node.id,
            "token": opening.token, "created_at": case.now, "due_at": assignment.due_at,
            "yellow_at": assignment.yellow_at, "priority": assignment.priority, "round": case.round, "revision": 0,
            "schedule_id": schedules.get(assignment.digest) if assignment.digest else None, "duty": assignment.duty,
            "summary": assignment.summary, "urged": 0, "owner_id": None, **seat_values(place),
        }

    def exclude(self, connection: Connection, case: Case, seat_id: int, node: Node) -> None:
        """Keep out of a seat who had a hand in an activity that is kept apart: signed, voted or advised there, also where it was never completed."""
        nodes = case.version.kept_apart[node.id]
        if not nodes:
            return
        connection.execute(EXCLUDE_ACTORS, {"seat": seat_id, "reason": ",".join(nodes), "instance": case.root, "nodes": nodes})

    def _schedule_ids(self, connection: Connection, assignments: Sequence[Assignment], openings: Sequence[Entered]) -> dict[bytes, int]:
        wanted = {a.digest: (a, o) for a, o in zip(assignments, openings, strict=True) if a.digest}
        unknown = [digest for digest in wanted if digest not in self._schedules]
        found = {digest: self._schedules[digest] for digest in wanted if digest in self._schedules}
        if not unknown:
            return found
        known = connection.execute(select(Schedule.digest, Schedule.id).where(Schedule.digest.in_(unknown))).all()
        here = self._written.get(connection, ())
        for row in known:
            found[bytes(row.digest)] = row.id
            # Remembered only when another transaction has made it: what this one has written may still be rolled back.
            if bytes(row.digest) not in here:
                self._schedules[bytes(row.digest)] = row.id
        for digest in unknown:
            if digest not in found and digest is not None:
                found[digest] = self._new_schedule(connection, digest, *wanted[digest])
                self._written.setdefault(connection, set()).add(digest)
        return found

    def schedule_of(self, connection: Connection, entered: Entered) -> int | None:
        """The schedule with the time marks of a seat that opens now."""
        digest = entered.assignment.digest
        return self._schedule_ids(connection, [entered.assignment], [entered])[digest] if digest else None

    def _new_schedule(self, connection: Connection, digest: bytes, assignment: Assignment, opening: Entered) -> int:
        schedule_id = connection.execute(insert(Schedule).values(
            digest=digest, definition_id=opening.case.version.id, node_id=opening.node.id
        ).returning(Schedule.id)).scalar_one()
        connection.execute(insert(ScheduleMark), [
            {"schedule_id": schedule_id, "at": as_instant(mark["at"]), "kind": mark["kind"], "argument": mark["argument"]}
            for mark in assignment.marks
        ])
        return schedule_id

    def refresh(self, connection: Connection, case: Case) -> None:
        """After an event changed facts of a case without a decision: who sees it, and who may act on its open seats now."""
        refresh_parties(connection, case, self._engine.functions(connection, case))
        for seat in connection.execute(select(SEAT).where(SEAT.c.instance_id == case.id, ASKED).order_by(SEAT.c.id)).all():
            self.reevaluate(connection, case, seat)
        self._engine.save(connection, [case])

    def close(self, connection: Connection, instance_id: int, token: str, status: str, now: datetime) -> None:
        """End the live seats of an activity instance that was cancelled or decided without them."""
        live = select(SEAT.c.id).where(SEAT.c.instance_id == instance_id, SEAT.c.token == token, SEAT.c.status.in_(LIVE))
        ids = connection.execute(live).scalars().all()
        if not ids:
            return
        connection.execute(delete(SeatOffer).where(SeatOffer.seat_id.in_(ids)))
        connection.execute(delete(SeatExclusion).where(SeatExclusion.seat_id.in_(ids)))
        connection.execute(delete(Draft).where(Draft.seat_id.in_(ids)))
        connection.execute(update(Seat).where(SEAT.c.id.in_(ids)).values(status=status, completed_at=now, revision=SEAT.c.revision + 1))

    @staticmethod
    def _keep_drafts(connection: Connection, case: Case, token: str) -> None:
        """What people had typed in an activity that is cancelled goes to the history."""
        query = select(Draft.seat_id, Draft.person_id, Draft.values, SEAT.c.node_id).join(SEAT, SEAT.c.id == Draft.seat_id).where(
            SEAT.c.instance_id == case.id, SEAT.c.token == token, SEAT.c.status.in_(LIVE)
        )
        for draft in connection.execute(query.order_by(Draft.seat_id, Draft.person_id)).all():
            detail = {"seat": draft.seat_id, "drafts": [{"person": draft.person_id, "values": draft.values}]}
            case.record("draft_kept", node=draft.node_id, token=token, detail=detail)

    def reevaluate(
        self, connection: Connection, case: Case, seat: Row[Any], *, keep_dates: bool = False, only_changes: bool = False
    ) -> bool:
        """Work out anew who may act on an open seat and until when; a claim stays. Returns whether anything changed.

        With `keep_dates` the due date stands: a seat that only went back to its pool gains no time. With `only_changes`
        a seat whose answers are as they were is not touched, so that nobody's open page grows stale for nothing.
        """
        node = case.version.graph.nodes[seat.node_id]
        try:
            later = self.stood_still(connection, case, seat.created_at) if self.stood_still is not None else None
            assignment = assign(case.at(seat.token), node, self._engine.functions(connection, case), seat.created_at, later=later)
        except CalendarMissing as missing:
            raise_calendar_alarm(connection, case.now, missing)
            return False
        except Rejection as problem:
            raise_incident(connection, case.now, "assignment", problem.zh, instance_id=case.id, node_id=node.id,
                           unique_key=f"assignment:{seat.id}")
            return False
        place = self._place(connection, case.at(seat.token), node, seat, assignment.candidates)
        assignment = replace(assignment, candidates=place.candidates)
        if keep_dates or seat.parent_seat_id is not None:
            assignment = replace(assignment, due_at=seat.due_at, yellow_at=seat.yellow_at)
        if seat.parent_seat_id is not None:  # what the activity's time marks do is done to the seat above
            assignment = replace(assignment, priority=seat.priority, duty=seat.duty, summary=seat.summary, marks=())
        if place.alarm and seat.owner_id is None:
            alarm_nobody(connection, case, node, seat.token, seat.id if place.position else None)
        elif seat.participant is None and seat.owner_id is None:
            alarms_over(connection, case, seat.token)
        if only_changes and self._stands(connection, seat, assignment):
            return False
        schedule = assignment.digest and self._schedule_ids(
            connection, [assignment], [Entered(case, node, seat.token, assignment)]
        )[assignment.digest]
        before = {"duty": seat.duty, "due_at": _iso(seat.due_at)}
        after = {"duty": assignment.duty, "due_at": _iso(assignment.due_at)}
        if assignment.duty and assignment.duty != seat.duty:
            self._tell_duty(connection, case, seat, assignment)
        if seat.owner_id is None and seat.status == "open":
            self.offer_to(connection, seat.id, assignment.candidates, assignment.due_at, seat.created_at, assignment.priority, drafted=True)
        connection.execute(update(Seat).where(SEAT.c.id == seat.id).values(
            due_at=assignment.due_at, yellow_at=assignment.yellow_at, priority=assignment.priority, duty=assignment.duty,
            summary=assignment.summary, schedule_id=schedule, revision=SEAT.c.revision + 1,
        ))
        connection.execute(update(SeatOffer).where(SeatOffer.seat_id == seat.id).values(due_at=assignment.due_at))
        if assignment.due_at != seat.due_at:
            self._follow(connection, [seat.id], assignment)
        case.record("reassessed", node=node.id, token=seat.token, detail={
            "before": before, "after": after, "candidates": list(assignment.candidates),
        })
        return only_changes or before != after

    @staticmethod
    def _follow(connection: Connection, above: Sequence[int], assignment: Assignment) -> None:
        """The live seats below have the dates of the one above."""
        while above:
            above = connection.execute(select(SEAT.c.id).where(SEAT.c.parent_seat_id.in_(above), SEAT.c.status.in_(LIVE))).scalars().all()
            if above:
                connection.execute(update(Seat).where(SEAT.c.id.in_(above)).values(due_at=assignment.due_at, yellow_at=assignment.yellow_at))
                connection.execute(update(SeatOffer).where(SeatOffer.seat_id.in_(above)).values(due_at=assignment.due_at))

    def _place(self, connection: Connection, case: Case, node: Node, seat: Row[Any], pool: tuple[str, ...]) -> Place:
        """The place of a seat today: its pool's, or that of the vote it stands for, by the rules for applicants and empty lines."""
        if seat.kind != "main":  # a named signer's seat stays his
            return Place(tuple(connection.execute(select(SeatOffer.candidate).where(SeatOffer.seat_id == seat.id, SeatOffer.principal_id.is_(None))).scalars()))
        if seat.participant is None and is_plain(case, node):
            return pooled(pool, staffed(connection, pool, case))
        lines = (seat.participant,) if seat.participant else pool
        return placed(connection, case, node, self._engine.functions(connection, case), lines, seat.position, bool(seat.veto))

    @staticmethod
    def _stands(connection: Connection, seat: Row[Any], assignment: Assignment) -> bool:
        """Whether the seat already says what was worked out; of its marks, those still to come count."""
        said = (seat.due_at, seat.priority, seat.duty, seat.summary)
        if said != (assignment.due_at, assignment.priority, assignment.duty, assignment.summary):
            return False
        offered = set(connection.execute(select(SeatOffer.candidate).where(SeatOffer.seat_id == seat.id, SeatOffer.principal_id.is_(None))).scalars())
        if seat.owner_id is None and seat.status == "open" and offered != set(assignment.candidates):
            return False
        coming = select(ScheduleMark.at, ScheduleMark.kind, ScheduleMark.argument).where(
            ScheduleMark.schedule_id == seat.schedule_id, ScheduleMark.done_at.is_(None)
        )
        known = [(row.at, row.kind, row.argument) for row in connection.execute(coming)]
        wanted = [(as_instant(mark["at"]), mark["kind"], mark["argument"]) for mark in assignment.marks]
        return len(known) == len(wanted) and all(mark in known for mark in wanted)

    @staticmethod
    def _tell_duty(connection: Connection, case: Case, seat: Row[Any], assignment: Assignment) -> None:
        """The office that must act now, and those that had the work until now, are told."""
        before = connection.execute(select(SeatOffer.candidate).where(SeatOffer.seat_id == seat.id)).scalars().all()
        words = {"zh": "办理责任已转移", "en": "the duty to decide has moved"}
        tell(connection, case, "duty", words, [(line, seat.id) for line in dict.fromkeys([assignment.duty, *before]) if line])

    def offer_to(
        self, connection: Connection, seat_id: int, candidates: Sequence[str], due_at: datetime, created_at: datetime, priority: int,
        *, drafted: bool = False,
    ) -> None:
        """Replace the seat's candidate rows; agents get their keys anew. With `drafted`, an agent's key stays to a seat he has drafted."""
        gone = delete(SeatOffer).where(SeatOffer.seat_id == seat_id)
        connection.execute(gone.where(or_(SeatOffer.principal_id.is_(None), ~DRAFTED)) if drafted else gone)
        if candidates:
            connection.execute(insert(SeatOffer), [
                self.offer_row(candidate, seat_id, due_at, created_at, priority) for candidate in candidates
            ])
            for listener in self.on_offer:
                listener(connection, [seat_id], False)


def _iso(moment: datetime) -> str | None:
    return None if moment >= FAR_FUTURE else moment.isoformat()
