"""The votes of one activity instance as they stand: its seats, its frozen rule, and the verdict of the fold. Reads; decides and writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select

from tasks.lifecycle import IN_TURN, LIVE, MAIN
from tasks.models import Seat
from tasks.operation_models import Voting
from tasks.votes.fold import Side, Verdict, Vote, fold
from tasks.votes.rules import Frozen, frozen, outcome_of, rule_of, side_of
from workflows.case import Case
from workflows.graph import Node
from workflows.host import Functions

SEAT = Seat.__table__
VOTING = Voting.__table__
OPINION_KEYS = ("opinion", "return_text", "note")


@dataclass(frozen=True)
class Poll:
    """One activity instance: every seat that was not cancelled, and the rule; `written` when the model has participants."""

    token: str
    node: Node
    rule: Frozen
    seats: Sequence[Row[Any]]
    written: bool

    @property
    def voters(self) -> list[Row[Any]]:
        """The seats of N: main and parallel seats that count."""
        return [seat for seat in self.seats if seat.kind in MAIN and seat.counts]

    @property
    def cast(self) -> list[Row[Any]]:
        """The seats that have voted, in the order of the votes."""
        return sorted((seat for seat in self.voters if seat.status == "completed"), key=_order)

    @property
    def waiting(self) -> list[Row[Any]]:
        """The seats of N that have not voted, in their order: open, parked or queued."""
        return sorted((seat for seat in self.voters if seat.status in LIVE), key=lambda seat: (seat.position, seat.id))

    @property
    def live(self) -> list[Row[Any]]:
        """Every seat that is not closed, advice included."""
        return [seat for seat in self.seats if seat.status in LIVE]

    @property
    def held(self) -> bool:
        """Whether the token waits for after-signers although the votes are in; those of a seat that has not voted are queued and hold nothing."""
        return any(seat.kind == "after" and bool(seat.blocking) and seat.status in IN_TURN for seat in self.seats)

    @property
    def people(self) -> set[int]:
        """Everybody whose vote is counted, as actor or principal."""
        return {person for seat in self.cast for person in (seat.completed_by, seat.on_behalf_of) if person is not None}

    @property
    def sequential(self) -> bool:
        return bool(self.rule["rule"] == "sequential")

    def side(self, seat: Row[Any]) -> Side:
        """What a vote counts as; the refusal of a deciding before- or after-signer turns it."""
        if any(self._refuses(child) for child in self.seats if child.parent_seat_id == seat.id):
            return "R"
        return side_of(self.rule, seat.outcome)

    def _refuses(self, child: Row[Any]) -> bool:
        return bool(child.kind in ("before", "after") and child.counts and child.status == "completed" and self.side(child) == "R")

    def verdict(self) -> Verdict:
        """The fold of the votes so far."""
        votes = [Vote(self.side(seat), bool(seat.veto)) for seat in self.cast]
        return fold(rule_of(self.rule), votes, len(self.waiting), sum(bool(seat.veto) for seat in self.waiting))

    def outcome(self, verdict: Verdict) -> str:
        """The activity's outcome by the first decisive prefix."""
        counted = [(self.side(seat), str(seat.outcome)) for seat in self.cast[: verdict.counted]]
        return outcome_of(self.rule, verdict.result == "agreed", counted)

    def variable(self) -> list[dict[str, Any]]:
        """`<activity>_votes`: who voted what, in order."""
        return [
            {"person": seat.completed_by, "outcome": seat.outcome, "opinion": (seat.answer or {}).get("opinion"),
             "at": {"$datetime": seat.completed_at.isoformat()}, "on_behalf_of": seat.on_behalf_of}
            for seat in self.cast
        ]


def _order(seat: Row[Any]) -> tuple[int, Any, int]:
    return ((seat.answer or {}).get("order", 0), seat.completed_at, seat.id)


def read_poll(connection: Connection, case: Case, token: str, functions: Functions) -> Poll:
    """The poll of the activity instance `token`; without a frozen rule, the rule is what the model says now. Two statements."""
    seats = connection.execute(
        select(SEAT).where(SEAT.c.instance_id == case.id, SEAT.c.token == token, SEAT.c.status != "cancelled").order_by(SEAT.c.id)
    ).all()
    written = connection.execute(select(VOTING.c.rule, VOTING.c.node_id).where(VOTING.c.instance_id == case.id, VOTING.c.token == token)).first()
    node_id = str(written.node_id if written is not None else seats[0].node_id if seats else case.state["t"][token.partition("#")[0]][0])
    node = case.version.graph.nodes[node_id]
    rule: Frozen = written.rule if written is not None else frozen(case.at(token), node, functions)
    return Poll(token, node, rule, seats, written is not None)


def opinion_of(node: Node, values: dict[str, Any]) -> str | None:
    """The opinion among a form's values: the field the model names (`opinion_field`), else the usual ones."""
    named = node.properties.get("opinion_field")
    found = next((values[key] for key in ((named,) if named else OPINION_KEYS) if values.get(key)), None)
    return found if isinstance(found, str) else None
