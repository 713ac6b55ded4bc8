"""What people do with seats: claim, release, save, complete, undo, withdraw, reassign, urge, bulk. One method = one command; knows no HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, delete, exists, insert, select, update

from tasks import errors
from tasks.actors import author_of
from tasks.children.answers import Answers
from tasks.commands import Commands, ItemByItem, Outcome
from tasks.deciding import Ballot, Deciding
from tasks.form_checking import checked
from tasks.lifecycle import ADVICE, reading
from tasks.models import CaseActor, Draft, Notification, Seat, SeatOffer, UndoRecord
from tasks.people import Actor, People
from tasks.personal_fields import PersonalFields
from tasks.seats import LIVE, SEAT, Seats
from tasks.standing import OTHER, Standing, lock_seat, near, require
from tasks.texts import remember
from workflows import numbers
from workflows.business_calendar import Clock
from workflows.case import Case
from workflows.engine import ProcessEngine, StartItem
from workflows.errors import NotFound, Rejection
from workflows.graph import Node
from workflows.history import Author
from workflows.store import insert_missing, put

UNDO_SECONDS = 30
DRAFT_PROTECTS = timedelta(minutes=15)
DROP_OFFERS = delete(SeatOffer).where(SeatOffer.seat_id == bindparam("seat"))
DROP_DRAFTS = delete(Draft).where(Draft.seat_id == bindparam("seat"))
COMPLETE_SEAT = update(Seat).where(SEAT.c.id == bindparam("seat"), SEAT.c.status == "open").values(
    {name: bindparam(f"new_{name}") for name in ("completed_at", "completed_by", "on_behalf_of", "outcome", "owner_id", "claimed_as")}
    | {"status": "completed", "revision": SEAT.c.revision + 1}
)
COMPLETE_ALONE = COMPLETE_SEAT.where(~exists().where(  # a signer may have been added since the seat was read
    OTHER.c.instance_id == SEAT.c.instance_id, OTHER.c.token == SEAT.c.token, OTHER.c.id != SEAT.c.id, OTHER.c.status.in_(LIVE)
))


@dataclass(frozen=True, slots=True)
class Completion:
    """What a completion answers: the seat, its case, and until when it can be undone."""

    seat_id: int
    instance_id: int
    undo_until: datetime | None


class TaskService:
    """The verbs of human work."""

    def __init__(self, engine: ProcessEngine, seats: Seats, people: People, commands: Commands, deciding: Deciding, answers: Answers, clock: Clock) -> None:
        self._engine = engine
        self._deciding, self._answers = deciding, answers
        self._seats = seats
        self._people = people
        self._commands = commands
        self._clock = clock
        self._fields = PersonalFields(people.personal_data)
        commands.register("bulk_complete", ItemByItem(self._bulk_item, cases=_cases_of))

    # reading a seat for a command

    def lock_seat(self, connection: Connection, actor: Actor, seat_id: int) -> Row[Any]:
        """The seat with its case, locked, and what the guards need: by which line it is offered, exclusions, drafts."""
        row = lock_seat(connection, actor, seat_id)
        if row is None:
            raise NotFound("没有这个待办事项。", "There is no such task.")
        return row

    def _allowed(self, connection: Connection, actor: Actor, row: Row[Any], verb: str) -> Standing:
        """How the person stands to the locked seat; raises, in words, unless he may use `verb` now."""
        found = near(connection, actor, row, self._engine.version(connection, row.definition_id))
        require(found, verb)
        return found

    # claim and release

    def claim(self, connection: Connection, actor: Actor, seat_id: int, revision: int | None = None) -> None:
        """Take a pooled seat; other offers of it disappear until it is released. The loser is told who won."""
        row = self.lock_seat(connection, actor, seat_id)
        self._allowed(connection, actor, row, "claim")
        if row.seat_owner_id == actor.person_id:
            return
        case = self._engine.attach(connection, row, author_of(actor, row.offered_as or row.seat_duty))
        if row.seat_owner_id is not None:
            self._tell(connection, f"person:{row.seat_owner_id}", "taken_over", case, seat_id,
                       f"{row.subject}：已由{actor.name}接管办理", f"{row.subject}: taken over by {actor.name}")
        line = row.offered_as if row.offered_as and row.seat_owner_id is None else row.seat_duty
        self._give(connection, case, row, actor.person_id, line or row.offered_as)
        case.record("claimed", node=row.seat_node_id, token=row.seat_token, detail={"as": line})
        self._engine.save(connection, [case])

    def _give(self, connection: Connection, case: Case, row: Row[Any], person_id: int, line: str | None) -> None:
        connection.execute(update(Seat).where(SEAT.c.id == row.seat_id).values(
            owner_id=person_id, claimed_at=case.now, claimed_as=line, revision=SEAT.c.revision + 1
        ))
        self._seats.offer_to(connection, row.seat_id, [f"person:{person_id}"], row.seat_due_at, row.seat_created_at, row.seat_priority)

    def release(self, connection: Connection, actor: Actor, seat_id: int) -> None:
        """Give a claimed seat back to its pool, worked out with today's members and rules."""
        row = self.lock_seat(connection, actor, seat_id)
        self._allowed(connection, actor, row, "release")
        case = self._engine.attach(connection, row, author_of(actor, row.seat_claimed_as))
        self.release_seat(connection, case, row.seat_id)
        self._engine.save(connection, [case])

    def release_seat(self, connection: Connection, case: Case, seat_id: int) -> None:
        """Back to the pool, whoever asks; the caller saves the case."""
        connection.execute(update(Seat).where(SEAT.c.id == seat_id).values(owner_id=None, claimed_at=None, claimed_as=None))
        seat = connection.execute(select(SEAT).where(SEAT.c.id == seat_id)).one()
        case.record("released", node=seat.node_id, token=seat.token)
        self._seats.reevaluate(connection, case, seat, keep_dates=True)

    # deciding

    def save_draft(self, connection: Connection, actor: Actor, seat_id: int, values: Mapping[str, Any]) -> datetime:
        """Keep what somebody typed; drafts belong to (seat, person) and survive release and time marks."""
        row = self.lock_seat(connection, actor, seat_id)
        self._allowed(connection, actor, row, "save")
        values = self._fields.seal(self._engine.version(connection, row.definition_id), values, row.variables)
        now = self._clock.now()
        key = (Draft.seat_id == seat_id, Draft.person_id == actor.person_id)
        written = connection.execute(update(Draft).where(*key).values(values=dict(values), saved_at=now))
        if written.rowcount == 0:
            connection.execute(insert(Draft).values(seat_id=seat_id, person_id=actor.person_id, values=dict(values), saved_at=now))
        return now

    def complete(
        self, connection: Connection, actor: Actor, seat_id: int, values: Mapping[str, Any], outcome: str, revision: int | None = None,
        *, bulk: bool = False, command_id: int | None = None,
    ) -> Completion:
        """Decide a seat: guards, form, engine, next seats, history – one command.

        `values` are the form's fields by key, `revision` the seat's revision the person saw. Raises Forbidden,
        Conflict (somebody was faster) or InvalidForm; nothing has changed then.
        """
        row = self.lock_seat(connection, actor, seat_id)
        if reading(row.seat_kind, row.seat_counts) in ADVICE:
            return Completion(seat_id, self._answers.answer(connection, actor, row, values, outcome, revision, bulk=bulk), None)
        on_behalf_of = self._allowed(connection, actor, row, "complete").on_behalf_of
        if revision is not None and revision != row.seat_revision:
            raise errors.changed_meanwhile()
        author = author_of(actor, row.seat_claimed_as or row.offered_as or row.seat_duty, on_behalf_of)
        case = self._engine.attach(connection, row, author)
        node = case.version.graph.nodes[row.seat_node_id]
        if bulk:
            self._guard_bulk(connection, actor, row, node)
        patch = checked(case.at(row.seat_token), node, self._engine.functions(connection, case), values, outcome)
        before = self._before(row)
        if row.several:
            self._answers.before_decision(connection, case, row)
            outcome = self._answers.turned(connection, case, row, outcome)
            self._deciding.guard_once(connection, case, row.seat_token, [one for one in (actor.person_id, on_behalf_of) if one is not None])
        if node.properties.get("numbers") == "true" and case.number is None:
            case.number = numbers.next_number(connection, case, self._engine.functions(connection, case))
        self._close_completed(connection, row, case, actor, outcome, on_behalf_of)
        remember(connection, case, node, patch)
        patch = self._fields.seal(case.version, patch, case.variables)
        detail = {"outcome": outcome, "seat": seat_id, **({"command": command_id} if command_id else {})}
        until = case.aftermath.hold_until = case.now + timedelta(seconds=UNDO_SECONDS)
        if row.several:
            self._answers.after_decision(connection, case, row, actor)
            ballot = Ballot(seat_id, row.seat_token, outcome, patch, _by(author, case.now), detail)
            before["vote"] = self._deciding.cast(connection, case, ballot).facts()
        else:
            patch |= {f"{node.id}_outcome": outcome, f"{node.id}_by": _by(author, case.now)}
            self._engine.complete(connection, case, row.seat_token, patch, detail)
        self._keep_undo(connection, row, case, actor, command_id, until, before)
        return Completion(seat_id, case.id, until)

    def _guard_bulk(self, connection: Connection, actor: Actor, row: Row[Any], node: Node) -> None:
        if node.properties.get("bulk") != "true":
            raise Rejection("该环节不允许批量办理。", "This step cannot be decided in bulk.")
        if row.seat_status != "open":
            raise Rejection("正在等待委派的意见，已跳过。", "It waits for the opinion of somebody it was delegated to; skipped.")
        summary = row.seat_summary or {}
        if summary.get("open_first"):
            flags = "、".join(str(flag.get("zh", "")) for flag in summary.get("flags", []))
            raise Rejection(f"需打开逐件查看：{flags or '有提示'}", "Needs to be opened first: it carries flags.")
        if row.drafted:
            fresh = select(Draft.person_id).where(
                Draft.seat_id == row.seat_id, Draft.person_id != actor.person_id, Draft.saved_at > self._clock.now() - DRAFT_PROTECTS
            )
            if (other := connection.execute(fresh.limit(1)).scalar()) is not None:
                name = self._people.name(connection, other)
                raise Rejection(f"{name}正在填写，已跳过。", f"{name} is working on it; skipped.")

    def _close_completed(
        self, connection: Connection, row: Row[Any], case: Case, actor: Actor, outcome: str, on_behalf_of: int | None
    ) -> None:
        written = connection.execute(COMPLETE_SEAT if row.several else COMPLETE_ALONE, {
            "seat": row.seat_id, "new_completed_at": case.now, "new_completed_by": actor.person_id, "new_on_behalf_of": on_behalf_of,
            "new_outcome": outcome, "new_owner_id": actor.person_id,
            "new_claimed_as": case.author.role and f"{case.author.role}@{case.author.organisation}",
        })
        if written.rowcount == 0:
            raise errors.changed_meanwhile()
        connection.execute(DROP_OFFERS, {"seat": row.seat_id})
        if row.drafted:
            connection.execute(DROP_DRAFTS, {"seat": row.seat_id})
        insert_missing(connection, CaseActor, [
            {"instance_id": case.root, "node_id": row.seat_node_id, "person_id": person}
            for person in {actor.person_id, on_behalf_of} if person is not None
        ])

    @staticmethod
    def _before(row: Row[Any]) -> dict[str, Any]:
        # The machine and the case change their documents in place: what was must be copied first.
        return {
            "state": deepcopy(row.state), "variables": dict(row.variables), "status": row.status, "stage": row.stage, "round": row.round,
            "owner": row.seat_owner_id, "claimed_at": row.seat_claimed_at.isoformat() if row.seat_claimed_at else None,
            "claimed_as": row.seat_claimed_as,
        }

    def _keep_undo(
        self, connection: Connection, row: Row[Any], case: Case, actor: Actor, command_id: int | None, until: datetime,
        before: dict[str, Any],
    ) -> None:
        if not case.undoable:
            return  # a caller has moved on, or what was called before was stopped
        before |= case.undo_facts()
        put(connection, UndoRecord, ["seat_id"], {
            "seat_id": row.seat_id, "instance_id": case.id, "person_id": actor.person_id, "command_id": command_id,
            "revision": case.revision, "expires_at": until, "before": before,
        })

    # bulk

    def bulk_complete(
        self, connection: Connection, actor: Actor, items: Sequence[tuple[int, int]], outcome: str, values: Mapping[str, Any],
        idempotency_key: str | None = None,
    ) -> int:
        """Decide many seats as a command that the worker runs; each item is guarded by the revision that was on the screen."""
        payloads = [{"seat_id": seat_id, "revision": revision} for seat_id, revision in items]
        argument = {"outcome": outcome, "values": dict(values)}
        return self._commands.create(connection, actor, "bulk_complete", argument, payloads, idempotency_key=idempotency_key)

    def _bulk_item(self, connection: Connection, command: Row[Any], item: Row[Any]) -> Outcome:
        actor = Actor.from_json(command.actor)
        completion = self.complete(
            connection, actor, item.payload["seat_id"], command.argument["values"], command.argument["outcome"],
            item.payload["revision"], bulk=True, command_id=command.id,
        )
        return Outcome("done", completion.instance_id)

    # starting and notices

    def start(self, connection: Connection, actor: Actor, process_id: str, facts: Mapping[str, Any]) -> int:
        """Start one case; its facts become the variable `case`."""
        return self._engine.start(connection, process_id, StartItem(facts), author_of(actor)).id

    def start_many(self, connection: Connection, actor: Actor, process_id: str, items: Sequence[StartItem]) -> list[int]:
        """Start a chunk of cases in few statements."""
        return [case.id for case in self._engine.start_many(connection, process_id, items, author_of(actor))]

    def _tell(self, connection: Connection, candidate: str, kind: str, case: Case, seat_id: int | None, zh: str, en: str) -> None:
        connection.execute(insert(Notification).values(
            candidate=candidate, kind=kind, instance_id=case.id, seat_id=seat_id, text={"zh": zh, "en": en}, created_at=case.now
        ))


def _cases_of(items: Sequence[Row[Any]]) -> Select[Any]:
    return select(SEAT.c.instance_id).where(SEAT.c.id.in_([item.payload["seat_id"] for item in items]))


def _by(author: Author, now: datetime) -> dict[str, Any]:
    return {
        "person": author.person, "role": author.role, "organisation": author.organisation, "channel": author.channel,
        "on_behalf_of": author.on_behalf_of, "at": {"$datetime": now.isoformat()},
    }


__all__ = ["Completion", "TaskService", "author_of"]
