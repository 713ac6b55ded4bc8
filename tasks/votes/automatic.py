"""Rules that decide or pass on a seat without a person: skipping, timeout. Each act is the system's, in the engine's transaction, with its rule's name.

No rule acts where a signature or a mandatory field is asked for, nor on either side of a four-eyes rule: then the person stays asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, select, update

from tasks.assignment import outcomes as offered_outcomes
from tasks.assignment import refusal
from tasks.children.tree import ChildSeats
from tasks.deciding import Ballot, Cast, Deciding
from tasks.lifecycle import IN_TURN
from tasks.models import Draft, Seat, SeatExclusion, SeatOffer
from tasks.people import People
from tasks.seats import SEAT, Seats
from tasks.telling import tell
from tasks.votes.opening import placed
from tasks.votes.participants import people_ids, people_of
from tasks.votes.past import agreed_and_unchanged, agreed_just_before
from tasks.votes.rules import side_of
from workflows import history
from workflows.case import Case
from workflows.engine import Outcome, ProcessEngine
from workflows.graph import HUMAN, Node
from workflows.history import SYSTEM
from workflows.human_rules import agrees, needs_hand

MOST_ACTS = 100  # of rules in one command: a circle of skipped steps must end
SKIPS = {"consecutive": agreed_just_before, "approved": agreed_and_unchanged}


class Automatic:
    """Carries out the automatic rules."""

    def __init__(self, engine: ProcessEngine, seats: Seats, people: People) -> None:
        self._engine = engine
        self._seats = seats
        self.deciding = self._deciding = Deciding(engine, seats, people)
        engine.settlement.settled.append(self.hear)
        self.deciding.reached.append(self.apply)
        people.administration.on_leaving.append(self.deciding.person_left)

    # skipping

    def hear(self, connection: Connection, outcomes: Sequence[Outcome]) -> None:
        """After a command is settled: skip what was entered and needs nobody."""
        for case, happenings in outcomes:
            for happening in happenings:
                node = case.version.graph.nodes.get(happening.node) if happening.node and happening.kind == "opened" else None
                if node is not None and node.type in HUMAN and _skips(node):
                    self.apply(connection, case, str(happening.token))

    def apply(self, connection: Connection, case: Case, token: str) -> None:
        """Skip each open vote of the activity whose only possible holder has agreed already, or is the applicant."""
        poll = self._deciding.poll(connection, case, token) if case.status == "active" and case.is_open(token) else None
        if poll is None or not _skips(poll.node):
            return
        for seat in poll.waiting:
            if seat.status == "open" and seat.owner_id is None and case.is_open(token):
                person = self._only_person(connection, case, seat)
                rule = self._rule_for(connection, case, poll.node, token, person)
                if rule is not None and person is not None:
                    self._skip(connection, case, poll.node, seat, rule, person)

    def _only_person(self, connection: Connection, case: Case, seat: Row[Any]) -> int | None:
        own = (SeatOffer.seat_id == seat.id, SeatOffer.principal_id.is_(None))  # who stands in for him is no second candidate
        lines = connection.execute(select(SeatOffer.candidate).where(*own)).scalars().all()
        out = set(connection.execute(select(SeatExclusion.person_id).where(SeatExclusion.seat_id == seat.id)).scalars())
        able = people_ids(people_of(connection, lines, case)) - out
        return next(iter(able)) if len(able) == 1 else None

    def _rule_for(self, connection: Connection, case: Case, node: Node, token: str, person: int | None) -> str | None:
        if person is None:
            return None
        if node.properties.get("applicant_is_approver") == "skip" and person == case.subject_person:
            return "applicant_is_approver"
        asked = SKIPS.get(node.properties.get("same_person", "off"))
        return "same_person" if asked is not None and asked(case, history.facts(connection, case.id), token, person) else None

    def _skip(self, connection: Connection, case: Case, node: Node, seat: Row[Any], rule: str, person: int) -> None:
        item = self._agreeing(connection, case, node, seat.token)
        if item is not None and self._may_decide(connection, case, node, seat.token, item):
            self.decide(connection, case, node, seat, str(item["value"]), rule, {"for": person})

    def _agreeing(self, connection: Connection, case: Case, node: Node, token: str) -> dict[str, Any] | None:
        rule = self._deciding.poll(connection, case, token).rule
        offered = offered_outcomes(case.at(token), node, self._engine.functions(connection, case))
        return next((item for item in offered if side_of(rule, str(item["value"])) == "A"), None)

    def _may_decide(self, connection: Connection, case: Case, node: Node, token: str, item: dict[str, Any]) -> bool:
        """Whether no signature, mandatory field, four-eyes rule or word of the model's own stands against it."""
        graph, schema = case.version.graph, case.version.form_of(node)
        if needs_hand(node, graph, schema, item) is not None or case.aftermath.by_rule >= MOST_ACTS:
            return False
        return refusal(case.at(token), node, self._engine.functions(connection, case)) is None or bool(item.get("always"))

    def decide(
        self, connection: Connection, case: Case, node: Node, seat: Row[Any], outcome: str, rule: str, about: dict[str, Any] | None = None
    ) -> None:
        """Decide a seat as the system, by a named rule; the case moves on as far as the decision carries, and is saved."""
        several = self._deciding.several(connection, case, seat.token)
        connection.execute(update(Seat).where(SEAT.c.id == seat.id).values(
            status="completed", completed_at=case.now, outcome=outcome, revision=SEAT.c.revision + 1, answer={"rule": rule}
        ))
        for table in (SeatOffer, SeatExclusion, Draft):
            connection.execute(delete(table).where(table.__table__.c.seat_id == seat.id))
        by = {"person": None, "role": None, "organisation": None, "channel": "system", "on_behalf_of": None, "rule": rule,
              "at": {"$datetime": case.now.isoformat()}}
        detail = {"outcome": outcome, "seat": seat.id, "rule": rule, **(about or {})}
        author, case.author = case.author, SYSTEM
        case.aftermath.by_rule += 1
        try:
            if several:
                self._deciding.cast(connection, case, Ballot(seat.id, seat.token, outcome, {}, by, detail))
            else:
                case.aftermath.votes.append(Cast(seat.id, seat.token, decided=True).facts())
                self._engine.complete(connection, case, seat.token, {f"{node.id}_outcome": outcome, f"{node.id}_by": by}, detail)
        finally:
            case.author = author

    # time is up

    def time_out(self, connection: Connection, seat_id: int, argument: dict[str, Any]) -> str | None:
        """Do what `on_timeout` says to a seat that is still waiting; returns what was done: remind, forward, outcome, or None.

        Where no rule may decide (a signature, a mandatory field, four eyes, an outcome that agrees), its holders are reminded.
        """
        case, seat = self._locked(connection, seat_id)
        if seat is None or seat.status not in IN_TURN or case.status != "active":
            return None
        node = case.version.graph.nodes[seat.node_id]
        if argument.get("do") == "forward":
            self._forward(connection, case, node, seat, [str(line) for line in argument.get("to") or ()])
            return "forward"
        if argument.get("do") == "outcome" and self._may_expire(connection, case, node, seat, str(argument.get("outcome"))):
            self.decide(connection, case, node, seat, str(argument["outcome"]), "timeout")
            return "outcome"
        self._remind(connection, case, seat)
        return "remind"

    def _locked(self, connection: Connection, seat_id: int) -> tuple[Case, Row[Any] | None]:
        """The seat as it is once its case is locked: an earlier seat of the same mark may have decided it."""
        instance = connection.execute(select(SEAT.c.instance_id).where(SEAT.c.id == seat_id)).scalar_one()
        case = self._engine.load(connection, instance)
        return case, connection.execute(select(SEAT).where(SEAT.c.id == seat_id)).first()

    def _may_expire(self, connection: Connection, case: Case, node: Node, seat: Row[Any], outcome: str) -> bool:
        if seat.status != "open":
            return False
        rule = self._deciding.poll(connection, case, seat.token).rule
        listed = {"agree": [value for value, side in (rule.get("sides") or {}).items() if side == "A"]}
        offered = offered_outcomes(case.at(seat.token), node, self._engine.functions(connection, case))
        item = next((one for one in offered if str(one["value"]) == outcome), None)
        return item is not None and not agrees(item, listed) and self._may_decide(connection, case, node, seat.token, item)

    def _forward(self, connection: Connection, case: Case, node: Node, seat: Row[Any], lines: Sequence[str]) -> None:
        """To the superior; when nobody stands behind that line, to the process owner with an alarm. Children stay."""
        place = placed(connection, case.at(seat.token), node, self._engine.functions(connection, case), tuple(lines), seat.position, bool(seat.veto))
        connection.execute(update(Seat).where(SEAT.c.id == seat.id).values(
            owner_id=None, claimed_at=None, claimed_as=None, participant=next(iter(place.candidates), seat.participant), revision=SEAT.c.revision + 1
        ))
        self._seats.offer_to(connection, seat.id, place.candidates, seat.due_at, seat.created_at, seat.priority)
        self._seats.settle_place(connection, case, node, seat.token, seat.id, place)
        if seat.status == "parked":
            ChildSeats(self._seats).settle(connection, case, seat.id)  # while signers are awaited it is offered to nobody
        case.record("timeout_forwarded", node=node.id, token=seat.token, detail={"seat": seat.id, "to": list(place.candidates), "rule": "timeout"})
        self._engine.save(connection, [case])

    def _remind(self, connection: Connection, case: Case, seat: Row[Any]) -> None:
        lines = set(connection.execute(select(SeatOffer.candidate).where(SeatOffer.seat_id == seat.id)).scalars())
        # No clock pauses while it waits for opinions: its owner and whoever is asked are both reminded.
        asked = select(SEAT.c.owner_id).where(SEAT.c.parent_seat_id == seat.id, SEAT.c.status.in_(IN_TURN), SEAT.c.blocking.is_(True))
        lines |= {f"person:{person}" for person in (seat.owner_id, *connection.execute(asked).scalars()) if person is not None}
        words = {"zh": "事项已超时，请尽快办理", "en": "time is up; please see to it"}
        tell(connection, case, "timeout", words, [(line, seat.id) for line in sorted(lines)])
        case.record("timeout_reminded", node=seat.node_id, token=seat.token, detail={"seat": seat.id, "rule": "timeout"})
        self._engine.save(connection, [case])


def _skips(node: Node) -> bool:
    return node.properties.get("same_person", "off") != "off" or node.properties.get("applicant_is_approver") == "skip"


__all__ = ["MOST_ACTS", "Automatic"]
