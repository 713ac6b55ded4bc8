"""Answering for a child seat: which answers it offers, what an answer does to the seat above it, and how a parent's decision ends its children."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, select, update

from tasks import errors
from tasks.actors import Actor, author_of
from tasks.assignment import outcomes
from tasks.children.delegation import TAKEN_BACK
from tasks.children.tree import ChildSeats
from tasks.children.words import ANSWERS, ANSWER_WORDS, KIND_WORDS, OPINION_FORM, RETURN
from tasks.deciding import Deciding
from tasks.four_eyes import acted
from tasks.lifecycle import COMPLETED, LIVE
from tasks.models import Draft, Seat, SeatExclusion, SeatOffer
from tasks.seats import SEAT
from tasks.standing import near, require, signer_may_return
from tasks.telling import tell
from tasks.votes.rules import natural_side
from workflows.case import Case
from workflows.engine import ProcessEngine
from workflows.errors import InvalidForm, Rejection, Words
from workflows.graph import Node
from workflows.host import Functions

LONGEST_OPINION = 2000  # characters
DECIDED: Words = {"zh": "该环节已办理，无需您再提供意见", "en": "The step was decided; your opinion is no longer needed"}
PASSED_ON: Words = {"zh": "您转请的人已直接答复，无需您再提供意见", "en": "Whom you asked has answered; nothing is left to do"}


class Answers:
    """What becomes of opinions."""

    def __init__(self, engine: ProcessEngine, children: ChildSeats, deciding: Deciding) -> None:
        self._engine = engine
        self._children = children
        self._deciding = deciding

    def answer(
        self, connection: Connection, actor: Actor, row: Row[Any], values: Mapping[str, Any], outcome: str, revision: int | None = None,
        *, bulk: bool = False,
    ) -> int:
        """Answer the advice seat of `row` (of locked_seat) with an outcome and `values["opinion"]`; returns the case's number.

        Raises what the guards say, Rejection 422 for an answer that is not offered, InvalidForm without an opinion where one is needed.
        """
        version = self._engine.version(connection, row.definition_id)
        standing = near(connection, actor, row, version)
        require(standing, "answer")
        if bulk:
            raise Rejection("征求意见的事项须逐件答复。", "A request for an opinion is answered one by one.")
        if revision is not None and revision != row.seat_revision:
            raise errors.changed_meanwhile()
        case = self._engine.attach(connection, row, author_of(actor, None, standing.on_behalf_of))
        node = version.graph.nodes[row.seat_node_id]
        opinion = self._checked(case, node, self._engine.functions(connection, case), row, values, outcome)
        self.before_decision(connection, case, row)
        self._store(connection, case, actor, row, outcome, opinion, standing.on_behalf_of)
        if not self._go_up(connection, case, row, node, outcome):
            self._engine.save(connection, [case])
        return case.id

    @staticmethod
    def _checked(case: Case, node: Node, functions: Functions, row: Row[Any], values: Mapping[str, Any], outcome: str) -> str | None:
        offered = {item["value"]: item for item in offered_answers(case.at(row.seat_token), node, functions, row.seat_kind, row.seat_counts)}
        if outcome not in offered:
            raise Rejection(f"没有“{outcome}”这个答复。", f"There is no answer {outcome} here.", status=422)
        opinion = str(values.get("opinion") or "").strip()
        if not opinion and "opinion" in offered[outcome].get("requires", ()):
            raise InvalidForm({"opinion": {"zh": "请填写意见", "en": "Please give your opinion"}})
        if len(opinion) > LONGEST_OPINION:
            raise InvalidForm({"opinion": {"zh": f"意见不超过 {LONGEST_OPINION} 字", "en": f"At most {LONGEST_OPINION} characters"}})
        return opinion or None

    @staticmethod
    def _store(
        connection: Connection, case: Case, actor: Actor, row: Row[Any], outcome: str, opinion: str | None, on_behalf_of: int | None
    ) -> None:
        written = connection.execute(update(Seat).where(SEAT.c.id == row.seat_id, SEAT.c.status == "open").values(
            status=COMPLETED, completed_at=case.now, completed_by=actor.person_id, on_behalf_of=on_behalf_of, outcome=outcome,
            answer={"opinion": opinion, "values": {}}, urged=0, revision=SEAT.c.revision + 1,
        ))
        if written.rowcount == 0:
            raise errors.changed_meanwhile()
        for table in (SeatOffer, SeatExclusion, Draft):
            connection.execute(delete(table).where(table.__table__.c.seat_id == row.seat_id))
        if row.seat_kind != "asked":  # who signs or advises may not check his own work later; who is asked only tells what he knows
            acted(connection, case, row.seat_node_id, (actor.person_id, on_behalf_of))
        case.record("advice_given", node=row.seat_node_id, token=row.seat_token, detail={
            "seat": row.seat_id, "kind": row.seat_kind, "outcome": outcome, "opinion": opinion, "asked_by": row.seat_added_by,
        })

    # upwards

    def _go_up(self, connection: Connection, case: Case, row: Row[Any], node: Node, outcome: str) -> bool:
        """The seat above opens again or goes on; True when that decided the activity, which is then saved."""
        parent = self._first_owner(connection, case, row)
        words = ANSWER_WORDS.get(outcome) or {"zh": outcome, "en": outcome}
        told = parent.owner_id if row.seat_kind != "asked" else row.seat_added_by
        if told is not None:
            come = {"zh": f"{KIND_WORDS[row.seat_kind]['zh']}已答复（{words['zh']}）", "en": f"an answer has come ({words['en'].lower()})"}
            tell(connection, case, "advice", come, [(told, parent.id)])
        self._children.settle(connection, case, parent.id)
        if row.seat_kind != "after":
            return False
        if row.seat_counts and self._refuses(connection, case, row, outcome):
            self._turn(connection, case, parent, row.seat_id, outcome)
        return self._deciding.after_change(connection, case, row.seat_token)

    def _first_owner(self, connection: Connection, case: Case, row: Row[Any]) -> Row[Any]:
        """The seat the answer comes back to: delegations passed on come back to the first owner; those in between end."""
        seats = {seat.id: seat for seat in self._children.of_instance(connection, case, row.seat_token)}
        parent = seats[row.seat_parent_seat_id]
        between = []
        while parent.kind == "delegate" and row.seat_kind == "delegate":
            between.append(parent)
            parent = seats[parent.parent_seat_id]
        self._children.close(connection, case, [seat for seat in between if seat.status in LIVE], "passed_on", PASSED_ON)
        return parent

    # a decision of the seat above

    def before_decision(self, connection: Connection, case: Case, row: Row[Any]) -> None:
        """Its owner decides: a delegation is taken back, questions are closed. `row` of locked_seat."""
        if row.has_children:
            self._children.close_below(connection, case, row, "decided", DECIDED, ("asked",))
        if row.awaits_advice:
            self._children.close_below(connection, case, row, "taken_back", TAKEN_BACK, ("delegate",))
            case.record("taken_back", node=row.seat_node_id, token=row.seat_token, detail={"seat": row.seat_id})

    def turned(self, connection: Connection, case: Case, row: Row[Any], outcome: str) -> str:
        """The outcome a seat's vote has once its before-signers are heard: the refusal of a deciding one turns it.

        Raises Rejection when a signer who has a vote chose the return, which is not his.
        """
        if row.seat_kind == "parallel" and outcome == "return" and not signer_may_return(row, case.version.graph.nodes[row.seat_node_id]):
            raise Rejection("加签人没有退回，可在意见中建议。", "A signer has no return; suggest it in your opinion.", status=422)
        query = select(SEAT).where(
            SEAT.c.parent_seat_id == row.seat_id, SEAT.c.kind == "before", SEAT.c.counts.is_(True), SEAT.c.status == COMPLETED
        ).order_by(SEAT.c.completed_at, SEAT.c.id)
        signed = connection.execute(query).all()
        poll = self._deciding.poll(connection, case, row.seat_token) if signed else None
        refusal = next((seat.outcome for seat in signed if poll and poll.side(seat) == "R"), None)
        return str(refusal) if refusal else outcome

    def after_decision(self, connection: Connection, case: Case, row: Row[Any], actor: Actor) -> None:
        """The decision is stored: the turn of its after-signers has come."""
        self._children.reach_after(connection, case, row, actor)

    def _refuses(self, connection: Connection, case: Case, row: Row[Any], outcome: str) -> bool:
        poll = self._deciding.poll(connection, case, row.seat_token)
        return any(seat.id == row.seat_id and poll.side(seat) == "R" for seat in poll.seats)

    @staticmethod
    def _turn(connection: Connection, case: Case, parent: Row[Any], child_id: int, outcome: str) -> None:
        """A deciding after-signer refused: the vote above becomes his refusal; what it was stays in its answer."""
        if parent.status != COMPLETED:
            return
        answer = {**(parent.answer or {}), "own_outcome": (parent.answer or {}).get("own_outcome", parent.outcome), "turned_by": child_id}
        connection.execute(update(Seat).where(SEAT.c.id == parent.id).values(outcome=outcome, answer=answer, revision=SEAT.c.revision + 1))
        case.record("vote_turned", node=parent.node_id, token=parent.token, detail={"seat": parent.id, "by": child_id, "outcome": outcome})


def offered_answers(case: Case, node: Node, functions: Functions, kind: str, counts: bool) -> Sequence[Mapping[str, Any]]:
    """The answers a child seat offers: opinions, or the model's outcomes (a return left out) where signers decide."""
    if not counts or kind in ("delegate", "asked"):
        return ANSWERS[kind]
    return [*[_deciding_answer(item) for item in voting_outcomes(outcomes(case, node, functions))], RETURN]


def voting_outcomes(offered: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The outcomes of the model that a signer may choose: he has no return."""
    return [item for item in offered if item.get("value") != "return"]


def _deciding_answer(item: Mapping[str, Any]) -> dict[str, Any]:
    """A signer's form is read-only: a refusal needs an opinion instead of the fields the model asks for."""
    return {**item, "requires": ["opinion"] if natural_side(item) == "R" else []}


def advice_form(schema: Mapping[str, Any] | None) -> dict[str, Any]:
    """The form of an advice seat: the activity's own, read-only, and the opinion."""
    own = [_read_only(component) for component in (schema or {}).get("components", ()) if component.get("key") != OPINION_FORM["key"]]
    return {**(schema or {"type": "default", "id": "opinion"}), "components": [*own, dict(OPINION_FORM)]}


def _read_only(component: Mapping[str, Any]) -> dict[str, Any]:
    inner = {"components": [_read_only(one) for one in component["components"]]} if "components" in component else {}
    return {**component, "readonly": True, "validate": {}, **inner}
