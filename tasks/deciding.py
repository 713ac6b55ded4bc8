"""Casts votes and makes one outcome of them: closes the other seats with a notice, opens the next in a sequence, moves the case on.

It does not ask who may vote: guards are the caller's. What the votes come to is `tasks.votes`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, or_, select, update

from tasks import errors
from tasks.alarms import alarms_over
from tasks.assignment import assign
from tasks.children.tree import ChildSeats
from tasks.lifecycle import LIVE
from tasks.models import Draft, Membership, Organisation, Seat, SeatExclusion, SeatOffer
from tasks.operation_models import Voting
from tasks.people import People
from tasks.seats import SEAT, Seats
from tasks.standing import principal_of_line
from tasks.telling import tell
from tasks.votes.fold import Verdict
from tasks.votes.opening import Entered, placed, process_owner
from tasks.votes.participants import people_ids, people_of
from tasks.votes.poll import Poll, opinion_of, read_poll
from workflows.case import Case
from workflows.engine import INSTANCE, ProcessEngine
from workflows.host import EngineHost
from workflows.running import run_door
from workflows.store import insert_missing

VOTED = "voted"  # the reason that keeps a voter out of the other seats of the same activity instance


@dataclass(frozen=True, slots=True)
class Ballot:
    """A vote on a seat that is closed already: `values` go into the case, `by` is what `<activity>_by` says of a deciding vote."""

    seat_id: int
    token: str
    outcome: str
    values: Mapping[str, Any]
    by: Mapping[str, Any]
    detail: Mapping[str, Any]


@dataclass
class Cast:
    """What a vote did beside itself, as an undo needs it: plain JSON. `moved`: its values moved tokens although it decided nothing."""

    seat: int = 0
    token: str = ""
    moved: bool = False
    decided: bool = False
    activated: list[int] = field(default_factory=list)  # seats that left the queue
    waited: list[dict[str, Any]] = field(default_factory=list)  # their dates while they were in it
    closed: list[dict[str, Any]] = field(default_factory=list)  # seats it made needless, as they were
    changes: Mapping[str, Any] = field(default_factory=dict)  # name → [before, after] of its values
    alone: tuple[dict[str, Any], dict[str, Any]] = field(default=({}, {}))  # values and detail of a vote that is recorded with the decision

    def facts(self) -> dict[str, Any]:
        """As a JSON value."""
        return {name: value for name, value in asdict(self).items() if name != "alone"}


class Deciding:
    """The activity's decision by the votes of its seats."""

    def __init__(self, engine: ProcessEngine, seats: Seats, people: People) -> None:
        self._engine = engine
        self._seats = seats
        self._people = people
        self._children = ChildSeats(seats)
        self.reached: list[Callable[[Connection, Case, str], None]] = []  # told when a next vote of a sequence has opened, the case saved

    def several(self, connection: Connection, case: Case, token: str) -> bool:
        """Whether more than one seat decides an activity instance, or the model has participants."""
        poll = self.poll(connection, case, token)
        return poll.written or len(poll.seats) > 1

    def poll(self, connection: Connection, case: Case, token: str) -> Poll:
        """The votes of an activity instance as they stand."""
        return read_poll(connection, case, token, self._engine.functions(connection, case))

    def guard_once(self, connection: Connection, case: Case, token: str, people: Sequence[int]) -> None:
        """Raises Conflict when one of `people` (actor, principal) has a counted vote in this activity instance already."""
        for seat in self.poll(connection, case, token).cast:
            if {seat.completed_by, seat.on_behalf_of} & set(people):
                raise errors.voted_already(self._people.name(connection, seat.completed_by), seat.completed_at)

    # casting

    def cast(self, connection: Connection, case: Case, ballot: Ballot) -> None:
        """Count the vote of a seat that has just been completed; the case is saved and, when decided, has moved on."""
        before = self.poll(connection, case, ballot.token)
        values = dict(ballot.values)
        answer = {**self._answer(before, ballot.seat_id), "opinion": opinion_of(before.node, values), "values": values, "order": len(before.cast), "by": dict(ballot.by)}
        connection.execute(update(Seat).where(SEAT.c.id == ballot.seat_id).values(answer=answer))
        done = Cast(ballot.seat_id, ballot.token)
        detail = {**ballot.detail, "outcome": ballot.outcome, "seat": ballot.seat_id}
        if not before.written and len(before.voters) == 1 and not before.held:
            done.alone = (values, detail)  # the only vote is the decision, and one fact tells both
        else:
            done.changes = case.set(values, ballot.token)
            case.record("voted", node=before.node.id, token=ballot.token, detail={**detail, "changes": done.changes})
        poll = self.poll(connection, case, ballot.token)
        self._keep_out(connection, poll)
        place = len(case.aftermath.votes)
        case.aftermath.votes.append({})
        if not self._settled(connection, case, poll, done):
            done.moved = self._look(connection, case)
        case.aftermath.votes[place] = done.facts()
        for listener in self.reached if done.activated and not done.decided else ():
            listener(connection, case, ballot.token)

    @staticmethod
    def _answer(poll: Poll, seat_id: int) -> dict[str, Any]:
        return next((dict(seat.answer) for seat in poll.seats if seat.id == seat_id and seat.answer), {})

    def after_change(self, connection: Connection, case: Case, token: str) -> bool:
        """Count anew after a seat of the activity was added, removed or answered, or its holder disabled.

        Returns True when that decided the activity: then the case has moved on and is saved. Else the caller saves it; a next
        seat of a sequence may have opened, and an activity without any voter has gone to the process owner.
        """
        if not case.is_open(token):
            return False
        done = Cast()
        decided = self._settled(connection, case, self.poll(connection, case, token), done)
        for listener in self.reached if done.activated and not decided else ():
            listener(connection, case, token)
        return decided or not case.is_open(token)

    def _settled(self, connection: Connection, case: Case, poll: Poll, done: Cast) -> bool:
        """Go on as far as the votes allow; whether the activity was decided."""
        while True:
            verdict = poll.verdict()
            if poll.held:
                return False
            if verdict.decided:
                done.decided = True
                self._conclude(connection, case, poll, verdict, done)
                return True
            if verdict.result == "empty":
                self._seat_for_owner(connection, case, poll)
                return False
            if not self._drop_doubles(connection, case, poll, done):
                self._open_next(connection, case, poll, done)
                return False
            poll = self.poll(connection, case, poll.token)

    def _look(self, connection: Connection, case: Case) -> bool:
        """Values were written without a token moving: conditional events look at them, and the case is saved. Whether any was true."""
        host = EngineHost(case, self._engine.functions(connection, case))
        happenings = run_door(case, host, list)
        self._engine.settle(connection, [(case, happenings)])
        return bool(happenings)

    def _keep_out(self, connection: Connection, poll: Poll) -> None:
        """Whoever has a counted vote is no candidate of the other seats any more."""
        insert_missing(connection, SeatExclusion, [
            {"seat_id": seat.id, "person_id": person, "reason": VOTED} for seat in poll.waiting for person in sorted(poll.people)
        ])

    # deciding

    def _conclude(self, connection: Connection, case: Case, poll: Poll, verdict: Verdict, done: Cast) -> None:
        node, outcome, last = poll.node, poll.outcome(verdict), poll.cast[-1]
        done.closed += self._close_others(connection, case, poll)
        alarms_over(connection, case, poll.token)
        connection.execute(update(Voting).where(Voting.instance_id == case.id, Voting.token == poll.token).values(outcome=outcome, decided_at=case.now))
        values, told = done.alone
        patch = {**values, f"{node.id}_outcome": outcome, f"{node.id}_by": (last.answer or {}).get("by") or {"person": last.completed_by}}
        detail: dict[str, Any] = {**told, "outcome": outcome, "seat": last.id}
        if poll.written or len(poll.voters) > 1:
            patch[f"{node.id}_votes"] = poll.variable()
            detail["tally"] = {
                "agreed": verdict.agreed, "refused": verdict.refused, "abstained": verdict.abstained, "undecided": verdict.undecided,
                "need": verdict.need, "result": verdict.result,
            }
        self._engine.complete(connection, case, poll.token, patch, detail)

    def _close_others(self, connection: Connection, case: Case, poll: Poll) -> list[dict[str, Any]]:
        """Cancel what is left of the activity and tell the holders; returns the seats as they were."""
        if not poll.live:
            return []
        kept, offers = _as_they_are(connection, poll.live)
        self._tell(connection, case, poll, offers)
        self._seats.close(connection, case.id, poll.token, "cancelled", case.now)
        return kept

    @staticmethod
    def _tell(connection: Connection, case: Case, poll: Poll, offers: Sequence[Row[Any]]) -> None:
        words = case.version.both(poll.node.id)
        lines = {(f"person:{seat.owner_id}", seat.id) for seat in poll.live if seat.owner_id is not None}
        lines |= {(row.candidate, row.seat_id) for row in offers}
        tell(connection, case, "vote_closed", {
            "zh": f"“{words['zh']}”已有结果，无需您再办理", "en": f"“{words['en']}” is decided; your part is no longer needed",
        }, sorted(lines))

    # who is next

    def _open_next(self, connection: Connection, case: Case, poll: Poll, done: Cast) -> None:
        """In a sequence: the next queued seat opens once nobody is open before it."""
        waiting = poll.waiting
        if any(seat.status != "queued" for seat in waiting):
            return
        seat, functions, view = waiting[0], self._engine.functions(connection, case), case.at(poll.token)
        lines = (seat.participant,) if seat.participant else ()
        place = placed(connection, view, poll.node, functions, lines, seat.position, bool(seat.veto))
        assignment = assign(view, poll.node, functions, case.now)
        schedule = self._seats.schedule_of(connection, Entered(case, poll.node, poll.token, assignment))
        connection.execute(update(Seat).where(SEAT.c.id == seat.id).values(
            status="open", created_at=case.now, schedule_id=schedule, due_at=assignment.due_at, yellow_at=assignment.yellow_at, priority=assignment.priority, summary=assignment.summary,
            revision=SEAT.c.revision + 1,
        ))
        self._seats.offer_to(connection, seat.id, place.candidates, assignment.due_at, case.now, assignment.priority)
        self._seats.settle_place(connection, case, poll.node, poll.token, seat.id, place)
        case.record("vote_reached", node=poll.node.id, token=poll.token, detail={"seat": seat.id, "position": seat.position})
        done.activated.append(seat.id)
        done.waited.append({
            "id": seat.id, "created_at": seat.created_at.isoformat(), "due_at": seat.due_at.isoformat(), "yellow_at": seat.yellow_at.isoformat(), "priority": seat.priority, "schedule_id": seat.schedule_id,
        })

    def _drop_doubles(self, connection: Connection, case: Case, poll: Poll, done: Cast) -> bool:
        """Close seats that only people could take who have voted already: one person, one vote. Whether one was closed."""
        candidates = [
            seat for index, seat in enumerate(poll.waiting)
            if seat.participant and seat.owner_id is None and (seat.status == "open" or index == 0)  # of a sequence, the one whose turn it is
        ]
        if not poll.written or not poll.people or not candidates:
            return False
        behind = people_of(connection, [seat.participant for seat in candidates], case)
        doubles = [seat for seat in candidates if behind[seat.participant] and behind[seat.participant] <= poll.people]
        if not doubles:
            return False
        before = _as_they_are(connection, poll.live)[0]
        for seat in doubles:
            self._drop(connection, case, poll, seat, "duplicate_voter")
        gone = select(SEAT.c.id).where(SEAT.c.instance_id == case.id, SEAT.c.token == poll.token, SEAT.c.status == "cancelled")
        closed = set(connection.execute(gone).scalars())  # the doubles, and whom they had asked
        done.closed += [one for one in before if one["id"] in closed]
        return True

    def _drop(self, connection: Connection, case: Case, poll: Poll, seat: Row[Any], rule: str) -> None:
        """Take a seat that nobody can use out of N, by a named rule."""
        self._children.stop_waiting(connection, case, seat)
        for table in (SeatOffer, SeatExclusion, Draft):
            connection.execute(delete(table).where(table.__table__.c.seat_id == seat.id))
        gone = update(Seat).where(SEAT.c.id == seat.id).values(status="cancelled", completed_at=case.now, revision=SEAT.c.revision + 1)
        connection.execute(gone)
        case.record("vote_dropped", node=poll.node.id, token=poll.token, detail={"seat": seat.id, "participant": seat.participant, "rule": rule})

    def _seat_for_owner(self, connection: Connection, case: Case, poll: Poll) -> None:
        """N = 0: the empty-assignee rule gives the activity one seat for the process owner, and an alarm."""
        functions, view = self._engine.functions(connection, case), case.at(poll.token)
        place = placed(connection, view, poll.node, functions, ())
        self._seats.open_place(connection, Entered(case, poll.node, poll.token, assign(view, poll.node, functions, case.now)), place)

    # people who leave

    def people_changed(self, connection: Connection, case: Case, token: str) -> bool:
        """After somebody was disabled or a membership ended: seats nobody stands behind any more, then count anew.

        Votes that were cast stay. In a sequence the entry goes to the empty-assignee rule; else it leaves N. Returns as `after_change`.
        """
        poll = self.poll(connection, case, token)
        open_seats = [seat for seat in poll.waiting if poll.written and seat.participant and seat.status != "queued"]
        owners = process_owner(case.at(token), self._engine.functions(connection, case))
        behind = people_of(connection, [*owners, *(seat.participant for seat in open_seats)], case)
        deputies = people_ids({line: behind[line] for line in owners})
        for seat in open_seats:
            if behind[seat.participant]:
                holder = principal_of_line(seat.claimed_as, seat.owner_id) or seat.owner_id  # an agent stays as long as his principal
                stays = holder is None or holder in behind[seat.participant]
            else:
                stays = seat.owner_id is not None and seat.owner_id in deputies
            if not stays and not behind[seat.participant] and not poll.sequential:
                self._drop(connection, case, poll, seat, "voter_left")
            elif not stays:
                self._replace(connection, case, poll, seat)
        return self.after_change(connection, case, token)

    def _replace(self, connection: Connection, case: Case, poll: Poll, seat: Row[Any]) -> None:
        """Give the seat of somebody who left back to its line, or to the process owner when nobody is left on it."""
        functions = self._engine.functions(connection, case)
        place = placed(connection, case.at(poll.token), poll.node, functions, (seat.participant,), seat.position, bool(seat.veto))
        free = update(Seat).where(SEAT.c.id == seat.id).values(owner_id=None, claimed_at=None, claimed_as=None, revision=SEAT.c.revision + 1)
        connection.execute(free)
        self._children.stop_waiting(connection, case, seat)
        self._seats.offer_to(connection, seat.id, place.candidates, seat.due_at, seat.created_at, seat.priority)
        self._seats.settle_place(connection, case, poll.node, poll.token, seat.id, place)
        case.record("vote_reached", node=poll.node.id, token=poll.token, detail={"seat": seat.id, "position": seat.position, "rule": "voter_left"})

    @staticmethod
    def votes_of(connection: Connection, person_id: int) -> ColumnElement[bool]:
        """SQL: the seat is a vote of this person, or of a line he ever stood behind."""
        return or_(SEAT.c.participant == f"person:{person_id}", SEAT.c.participant.in_(_lines_of(connection, person_id)))

    def person_left(self, connection: Connection, person_id: int) -> None:
        """After somebody was disabled: his open votes of active cases, by `people_changed`; suspended cases hear of it when they resume."""
        mine = or_(SEAT.c.owner_id == person_id, self.votes_of(connection, person_id))
        query = select(SEAT.c.instance_id, SEAT.c.token).join(INSTANCE, INSTANCE.c.id == SEAT.c.instance_id).where(
            SEAT.c.status.in_(LIVE), SEAT.c.participant.is_not(None), INSTANCE.c.status == "active", mine
        ).distinct().order_by(SEAT.c.instance_id, SEAT.c.token)
        for row in connection.execute(query).all():
            case = self._engine.load(connection, row.instance_id)
            if case.status == "active" and case.is_open(row.token) and not self.people_changed(connection, case, row.token):
                self._engine.save(connection, [case])


def _as_they_are(connection: Connection, seats: Sequence[Row[Any]]) -> tuple[list[dict[str, Any]], Sequence[Row[Any]]]:
    """What an undo needs to open these seats again, and the offers of them."""
    ids = [seat.id for seat in seats]
    if not ids:
        return [], []
    offers = connection.execute(select(SeatOffer.__table__).where(SeatOffer.seat_id.in_(ids))).all()
    drafts = connection.execute(select(Draft.__table__).where(Draft.seat_id.in_(ids))).all()
    barred = connection.execute(select(SeatExclusion.__table__).where(SeatExclusion.seat_id.in_(ids))).all()
    kept = [
        {"id": seat.id, "status": seat.status,
         "offers": [[row.candidate, row.principal_id] for row in offers if row.seat_id == seat.id],
         "drafts": [[row.person_id, row.values, row.saved_at.isoformat()] for row in drafts if row.seat_id == seat.id],
         "barred": [[row.person_id, row.reason] for row in barred if row.seat_id == seat.id]}
        for seat in seats
    ]
    return kept, offers


def _lines_of(connection: Connection, person_id: int) -> list[str]:
    """Every candidate line somebody ever stood behind."""
    query = select(Membership.role, Organisation.code).join(Organisation, Organisation.id == Membership.organisation_id)
    return [f"{row.role}@{row.code}" for row in connection.execute(query.where(Membership.person_id == person_id)).all()]
