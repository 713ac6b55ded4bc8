"""Acts beside the decision: reassign, urge, send a message the model allows. Seats change hands here; tokens move only by messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, select, update

from tasks.actors import Actor, author_of
from tasks.children.tree import ChildSeats
from tasks.ground import Ground
from tasks.keys.claims import Claims
from tasks.keys.replacing import Replacing
from tasks.lifecycle import IN_TURN, PARKED
from tasks.models import CaseParty, Seat, SeatOffer
from tasks.seats import SEAT
from tasks.standing import locked_seat, principal_of, standing
from tasks.telling import tell
from workflows.case import Case
from workflows.errors import Conflict, Forbidden, NotFound, Rejection
from workflows.graph import Node, listed
from workflows.history import SYSTEM
from workflows.models import Wait

URGE_EVERY = timedelta(hours=4)


class Steering:
    """What supervisors, colleagues and the counter do to a case without deciding it."""

    def __init__(self, ground: Ground, claims: Claims, replacing: Replacing) -> None:
        self._engine = ground.engine
        self._clock = ground.clock
        self._claims = claims
        self._replacing = replacing
        self._children = ChildSeats(ground.seats)

    def reassign(self, connection: Connection, actor: Actor, seat_id: int, person_id: int, reason: str) -> None:
        """Give an open seat to another person who may act on it; needs a reason and the right to steer there."""
        if len(reason.strip()) < 2:
            raise Rejection("请写明改派理由。", "Give a reason for the reassignment.", status=422)
        row = locked_seat(connection, actor, seat_id)
        self._require(connection, actor, row, "reassign", ("您没有改派权限。", "You may not reassign work here."))
        self.give(connection, actor, row, person_id, reason)

    def possible(self, connection: Connection, seat_ids: Sequence[int]) -> dict[int, list[tuple[int, str]]]:
        """Per seat whom a supervisor could give it to; see Replacing.possible."""
        return self._replacing.possible(connection, seat_ids)

    def give(self, connection: Connection, actor: Actor, row: Any, person_id: int, reason: str) -> None:
        """Put a candidate in the place of whoever holds the locked seat; the caller has asked for the right."""
        case = self._engine.attach(connection, row, author_of(actor))
        name, line = self._replacing.guard(connection, case, row, row.seat_owner_id, person_id)
        self.put(connection, actor, case, row, person_id, line, name, reason)

    def put(
        self, connection: Connection, actor: Actor, case: Case, row: Any, person_id: int, line: str, name: str, reason: str, *, named: bool = False
    ) -> None:
        """Somebody whom the caller has found fit takes the place on the locked seat, and is told. `named`: see Replacing.replace."""
        self._replacing.replace(connection, case, row, person_id, line, named=named)
        if row.seat_status == PARKED:
            self._children.settle(connection, case, row.seat_id)
        case.record("reassigned", node=row.seat_node_id, token=row.seat_token, detail={
            "seat": row.seat_id, "from": row.seat_owner_id, "to": person_id, "name": name, "reason": reason.strip()
        })
        words = {"zh": f"由{actor.name}改派给您，理由：{reason.strip()}", "en": f"reassigned to you by {actor.name}"}
        tell(connection, case, "reassigned", words, [(person_id, row.seat_id)])
        self._engine.save(connection, [case])

    def _require(self, connection: Connection, actor: Actor, row: Any, verb: str, missing: tuple[str, str]) -> None:
        """The person may use the verb on the locked seat; `missing` are the words for somebody without the right."""
        case = self._engine.attach(connection, row, SYSTEM)
        refused = standing(connection, actor, row, case).refusal(verb)
        if isinstance(refused, Forbidden):
            raise Forbidden(*missing)
        if refused is not None:
            raise refused

    def release(self, connection: Connection, actor: Actor, seat_id: int, reason: str) -> None:
        """Put somebody's claimed seat back into its pool, for a supervisor or a hand-over."""
        row = locked_seat(connection, actor, seat_id)
        self._require(connection, actor, row, "reassign", ("您没有改派权限。", "You may not reassign work here."))
        self.give_back(connection, actor, row, reason)

    def give_back(self, connection: Connection, actor: Actor, row: Any, reason: str) -> None:
        """Put the locked seat back into its pool; the caller has asked for the right."""
        if row.seat_status == PARKED or row.seat_parent_seat_id is not None:
            raise Conflict("该事项正在征求意见，不能退回待认领。", "Somebody's opinion is being asked here; it cannot go back to the pool.")
        case = self._engine.attach(connection, row, author_of(actor))
        self._claims.release_seat(connection, case, row.seat_id, "returned_to_pool", **{"from": row.seat_owner_id, "reason": reason})
        self._engine.save(connection, [case])

    def urge(self, connection: Connection, actor: Actor, seat_id: int) -> None:
        """催办: a notice to those who hold or may take the seat, counted on the row, at most once in four hours."""
        row = locked_seat(connection, actor, seat_id)
        self._require(connection, actor, row, "urge", ("您看不到该事项的全部内容，不能催办。", "You do not see this case in full, so you cannot urge it."))
        now = self._clock.now()
        if row.seat_urged_at and now - row.seat_urged_at < URGE_EVERY:
            raise Rejection("四小时内已催办过。", "It was urged less than four hours ago.", status=429)
        case = self._engine.attach(connection, row, author_of(actor))
        words = {"zh": f"{actor.name}催办", "en": f"urged by {actor.name}"}
        tell(connection, case, "urged", words, [(line, seat_id) for line in self._urged(connection, row)])
        connection.execute(update(Seat).where(SEAT.c.id == seat_id).values(urged=SEAT.c.urged + 1, urged_at=now))
        case.record("urged", node=row.seat_node_id, token=row.seat_token)
        self._engine.save(connection, [case])

    @staticmethod
    def _urged(connection: Connection, row: Any) -> list[str]:
        """Who is told: everybody the seat is offered to, agents included, its holder, and whoever it waits for."""
        lines = list(connection.execute(select(SeatOffer.candidate).where(SeatOffer.seat_id == row.seat_id)).scalars())
        asked = select(SEAT.c.owner_id).where(
            SEAT.c.parent_seat_id == row.seat_id, SEAT.c.status.in_(IN_TURN), SEAT.c.blocking.is_(True), SEAT.c.owner_id.is_not(None)
        )
        held = [row.seat_owner_id, principal_of(row), *connection.execute(asked).scalars()]
        return sorted({*lines, *(f"person:{person}" for person in held if person is not None)})

    # messages staff may send to a case

    def messages(self, case_version: Any, node_ids: set[str], actor: Actor) -> list[Node]:
        """The message events that wait in the case and that the model lets this person send (`sent_by`: roles)."""
        roles = {membership.role for membership in actor.memberships}
        return [
            node for node in case_version.graph.nodes.values()
            if node.event.kind == "message" and node.id in node_ids
            and roles & set(listed(node.properties.get("sent_by")))
        ]

    def send_message(self, connection: Connection, actor: Actor, instance_id: int, name: str, payload: Mapping[str, Any]) -> None:
        """Send a message the model lets this person send, e.g. that the student stands at the counter."""
        case = self._engine.load(connection, instance_id, author_of(actor))
        if case.status == "suspended":
            raise Conflict("该事项已挂起，恢复后才能办理。", "The case is suspended; it can be worked on once it is resumed.")
        waits = connection.execute(
            select(Wait.wait_id, Wait.node_id).where(Wait.instance_id == instance_id, Wait.kind == "message", Wait.name == name)
        ).all()
        allowed = {node.id for node in self.messages(case.version, {wait.node_id for wait in waits}, actor)}
        wait = next((wait for wait in waits if wait.node_id in allowed), None)
        if wait is None:
            raise NotFound("该事项目前不接受这项登记。", "The case does not take this message now.")
        self._guard_party(connection, actor, case, case.version.graph.nodes[wait.node_id])
        sender = {"person": actor.person_id, "role": actor.role, "organisation": actor.organisation_code}
        self._engine.trigger(connection, case, wait.wait_id, {**payload, "sender": sender}, "message_received")

    def _guard_party(self, connection: Connection, actor: Actor, case: Case, node: Node) -> None:
        roles = listed(node.properties.get("sent_by"))
        mine = {one.organisation_code for one in actor.memberships if one.role in roles}
        wanted = set(listed(node.properties.get("sent_by_party")))
        query = select(CaseParty.kind).where(CaseParty.instance_id == case.id, CaseParty.organisation_code.in_(mine))
        kinds = set(connection.execute(query).scalars())
        if not (kinds & wanted if wanted else kinds):
            raise Forbidden("该事项不属于您的机构。", "The case does not belong to your organisation.")
