"""The plain decision: a person completes a seat, and the case goes on. One method = one command; knows no HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from tasks import errors
from tasks.actors import Actor, author_of
from tasks.assignment import outcomes
from tasks.bulk import guard_bulk, guard_outcome
from tasks.children.answers import Answers
from tasks.closing import UNDO_TIME, Completion, before_decision, close_completed, decided_by, keep_undo
from tasks.deciding import Ballot, Deciding
from tasks.filling import Filling
from tasks.keys.claims import ran_out
from tasks.lifecycle import ADVICE, reading
from tasks.standing import locked_seat, near, require
from workflows.engine import ProcessEngine, StartItem

class TaskService:
    """Starts cases and decides seats."""

    def __init__(self, engine: ProcessEngine, deciding: Deciding, answers: Answers, filling: Filling) -> None:
        self._engine = engine
        self._deciding = deciding
        self._answers = answers
        self._filling = filling

    def complete(
        self, connection: Connection, actor: Actor, seat_id: int, values: Mapping[str, Any], outcome: str, revision: int | None = None,
        *, bulk: bool = False, command_id: int | None = None,
    ) -> Completion:
        """Decide a seat: guards, form, engine, next seats, history – one command.

        `values` are the form's fields by key, `revision` the seat's revision the person saw. Raises Forbidden,
        Conflict (somebody was faster) or InvalidForm; nothing has changed then.
        """
        row = locked_seat(connection, actor, seat_id)
        if reading(row.seat_kind, row.seat_counts) in ADVICE:
            return Completion(seat_id, self._answers.answer(connection, actor, row, values, outcome, revision, bulk=bulk), None)
        standing = near(connection, actor, row, self._engine.version(connection, row.definition_id))
        require(standing, "complete")
        on_behalf_of = standing.on_behalf_of
        if revision is not None and revision != row.seat_revision and not ran_out(connection, row, actor.person_id):
            raise errors.changed_meanwhile()
        author = author_of(actor, row.seat_claimed_as or row.offered_as or row.seat_duty, on_behalf_of)
        case = self._engine.attach(connection, row, author)
        node = case.version.graph.nodes[row.seat_node_id]
        if bulk:
            guard_bulk(connection, actor, row, case, node)
        patch = self._filling.check(connection, actor, row, case.at(row.seat_token), node, values, outcome)
        if bulk:
            offered = outcomes(case.at(row.seat_token), node, self._engine.functions(connection, case))
            guard_outcome(node, next(item for item in offered if item["value"] == outcome), patch)
        before = before_decision(row)
        if row.several:
            self._deciding.guard_once(connection, case, row.seat_token, [one for one in (actor.person_id, on_behalf_of) if one is not None])
            outcome = self._answers.turned(connection, case, row, outcome)
            self._answers.before_decision(connection, case, row)
        self._filling.number(connection, case, node)
        close_completed(connection, row, case, actor, outcome, on_behalf_of)
        patch = self._filling.keep(connection, case, node, patch)
        detail = {"outcome": outcome, "seat": seat_id, **self._filling.opinion(node, patch), **({"command": command_id} if command_id else {})}
        until = case.aftermath.hold_until = case.now + UNDO_TIME
        if row.several:
            self._answers.after_decision(connection, case, row, actor)
            ballot = Ballot(seat_id, row.seat_token, outcome, patch, decided_by(author, case.now), detail)
            self._deciding.cast(connection, case, ballot)
        else:
            patch |= {f"{node.id}_outcome": outcome, f"{node.id}_by": decided_by(author, case.now)}
            self._engine.complete(connection, case, row.seat_token, patch, detail)
        keep_undo(connection, row, case, actor, command_id, until, before)
        return Completion(seat_id, case.id, until)

    def start(self, connection: Connection, actor: Actor, process_id: str, facts: Mapping[str, Any]) -> int:
        """Start one case; its facts become the variable `case`."""
        return self._engine.start(connection, process_id, StartItem(facts), author_of(actor)).id

    def start_many(self, connection: Connection, actor: Actor, process_id: str, items: Sequence[StartItem]) -> list[int]:
        """Start a chunk of cases in few statements."""
        return [case.id for case in self._engine.start_many(connection, process_id, items, author_of(actor))]


__all__ = ["UNDO_TIME", "Completion", "TaskService", "author_of"]
