"""The common beginning of every operation on a seat: lock it, read its case, ask for the right, and see that nothing moved since the preview."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row

from tasks import errors
from tasks.actors import Actor, author_of
from tasks.operations import Arguments
from tasks.standing import Standing, locked_seat, near, require, see
from tasks.votes.opening import owns_process
from workflows.case import Case
from workflows.engine import ProcessEngine
from workflows.errors import Words
from workflows.graph import Node
from workflows.history import SYSTEM


Taking = Callable[[Connection, Case, Actor, Row[Any]], None]  # whoever involves others holds the seat from then on, as if he had claimed it


@dataclass(frozen=True, slots=True)
class Entered:
    """A seat somebody works on: `row` of SEE_SEAT, its case, and how he stands to it."""

    row: Row[Any]
    case: Case
    standing: Standing

    @property
    def node(self) -> Node:
        return self.case.version.graph.nodes[self.row.seat_node_id]

    def refused(self, verb: str) -> Words | None:
        """Why the verb is refused, in words, or None."""
        found = self.standing.refusal(verb)
        return found.both if found else None

    def record(self, kind: str, **detail: Any) -> None:
        """One history row about this seat."""
        self.case.record(kind, node=self.row.seat_node_id, token=self.row.seat_token, detail={"seat": self.row.seat_id, **detail})


def enter(engine: ProcessEngine, connection: Connection, actor: Actor, seat_id: int, verb: str | None, given: Arguments) -> Entered:
    """The seat, locked, for somebody who may use `verb` on it now (None: the caller asks).

    Raises NotFound, the refusal of the verb, or Conflict when the case is no longer at the `revision` he saw.
    """
    found = _entered(engine, connection, actor, locked_seat(connection, actor, seat_id))
    if verb is not None:
        require(found.standing, verb)
    if given.get("revision") is not None and given["revision"] != found.row.revision:
        raise errors.changed_meanwhile()
    return found


def look(engine: ProcessEngine, connection: Connection, actor: Actor, seat_id: int) -> Entered:
    """The same without a lock and without asking for a right: for choices and previews."""
    return _entered(engine, connection, actor, see(connection, actor, seat_id))


def _entered(engine: ProcessEngine, connection: Connection, actor: Actor, row: Row[Any]) -> Entered:
    case = engine.attach(connection, row, SYSTEM)
    found = near(connection, actor, row, case.version, owns=lambda: owns_process(actor, case, engine.functions(connection, case)))
    case.author = author_of(actor, row.seat_claimed_as or row.offered_as or row.seat_duty, found.on_behalf_of)
    return Entered(row, case, found)
