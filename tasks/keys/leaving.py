"""离职交接: everything somebody leaves behind – seats, agencies, and a report of the models that name him – as a command that survives a crash."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, exists, insert, or_, select, update

from tasks.actors import Actor, author_of
from tasks.children.tree import ChildSeats
from tasks.commands import ItemByItem, Outcome
from tasks.deciding import Deciding
from tasks.ground import Ground
from tasks.hand_over import open_seats_of
from tasks.keys.agencies import Agencies
from tasks.keys.agency import AGENCY
from tasks.keys.references import references
from tasks.keys.replacing import Replacing
from tasks.lifecycle import LIVE
from tasks.models import Draft, Person, Seat, SeatExclusion, SeatOffer
from tasks.operation_models import Agency
from tasks.steering import Steering
from tasks.standing import locked_seat, principal_of
from tasks.telling import tell
from workflows.case import Case
from workflows.definitions import Definitions
from workflows.errors import Conflict, Rejection, Words

SEAT = Seat.__table__
OTHER = SEAT.alias("other")
KIND = "hand_over"
NO_OPINION: Words = {"zh": "交接对象在该环节已有席位，您的席位已关闭（未发表意见）", "en": "your successor has a seat here already; yours was closed without an opinion"}


class Leaving:
    """Hands over item by item, each in a savepoint of its own, guarded anew when its turn comes."""

    def __init__(self, ground: Ground, steering: Steering, replacing: Replacing, agencies: Agencies, deciding: Deciding, definitions: Definitions) -> None:
        self._ground = ground
        self._engine, self._people = ground.engine, ground.people
        self._steering, self._replacing, self._agencies = steering, replacing, agencies
        self._deciding, self._definitions = deciding, definitions
        self._children = ChildSeats(ground.seats)
        ground.commands.register(KIND, ItemByItem(self._item, cases=_cases, on_finish=self._report))

    def hand_over(
        self, connection: Connection, actor: Actor, from_person: int, to_person: int | None, reason: str, only: Container[int] | None = None,
    ) -> int:
        """Write the command: every live seat of `from_person` (or those in `only`, then no agencies) to `to_person`, None: to their pools.

        Returns its number. Raises Forbidden out of scope, Rejection when both are the same person.
        """
        self._people.directory.manageable(connection, actor, from_person)
        if from_person == to_person:
            raise Rejection("交接对象不能是本人。", "Somebody cannot hand over to himself.")
        if to_person is not None:
            self._people.actor(connection, to_person, None, "system")
        items: list[dict[str, int]] = [{"seat_id": row.id} for row in open_seats_of(connection, from_person) if only is None or row.id in only]
        if only is None:
            items += [{"agency_id": agency.id} for agency in self._agencies.live_of(connection, from_person)]
        argument = {"from": from_person, "to": to_person, "reason": reason}
        return self._ground.commands.create(connection, actor, KIND, argument, items)

    def _item(self, connection: Connection, command: Row[Any], item: Row[Any]) -> Outcome:
        actor, argument = Actor.from_json(command.actor), command.argument
        if "agency_id" in item.payload:
            return self._agency(connection, argument, int(item.payload["agency_id"]))
        return self._seat(connection, actor, argument, int(item.payload["seat_id"]))

    # seats

    def _seat(self, connection: Connection, actor: Actor, argument: Mapping[str, Any], seat_id: int) -> Outcome:
        leaver = self._people.directory.manageable(connection, actor, argument["from"])
        row = locked_seat(connection, actor, seat_id)
        own = f"person:{leaver.id}"
        offered = {own} if row.seat_participant == own else set(connection.execute(select(SeatOffer.candidate).where(SeatOffer.seat_id == seat_id)).scalars())
        if row.seat_status not in LIVE or (row.seat_owner_id != leaver.id and not (row.seat_owner_id is None and own in offered)):
            raise Conflict(f"该事项已不在{leaver.name}名下。", f"{leaver.name} no longer holds this item.")
        case = self._engine.attach(connection, row, author_of(actor))
        principal, to = principal_of(row), argument["to"]
        lines = self._replacing.lines(connection, case, row)
        alone = not {*lines, *offered} - {own}
        if principal is not None and connection.execute(select(Person.active).where(Person.id == principal)).scalar():
            self._give(connection, actor, case, row, principal, argument["reason"])  # he held it for somebody who is still there
        elif to is None:
            if alone:
                raise Conflict("该事项只指定给本人，没有可退回的待认领池。", "This item is assigned to this person alone; there is no pool to return it to.")
            self._steering.give_back(connection, actor, row, argument["reason"])
        elif self._seated(connection, row, to):
            return self._close(connection, case, row, leaver.id, to)
        elif own in lines and row.seat_owner_id is None and not alone:
            raise Conflict("该事项还有其他可办理人员，仍在待认领中，无需交接。", "Others may take this item; it stays in their pool and needs no hand-over.")
        elif row.seat_parent_seat_id is not None or own in lines:
            self._give(connection, actor, case, row, to, argument["reason"], named=alone)
        else:
            self._steering.give(connection, actor, row, to, argument["reason"])
        return Outcome("done", row.seat_instance_id)

    def _give(self, connection: Connection, actor: Actor, case: Case, row: Row[Any], to: int, reason: str, *, named: bool = False) -> None:
        """What was given to one person by name goes to another, who need be no candidate but may have had no part in it."""
        name = self._people.actor(connection, to, None, "system").name
        self._replacing.guard_free(connection, case, row, to)
        self._steering.put(connection, actor, case, row, to, f"person:{to}", name, reason, named=named)

    @staticmethod
    def _seated(connection: Connection, row: Row[Any], person: int) -> bool:
        """Whether somebody has a seat, or has voted, in the same activity instance."""
        named = exists().where(SeatOffer.seat_id == OTHER.c.id, SeatOffer.candidate == f"person:{person}", SeatOffer.principal_id.is_(None))
        live = and_(OTHER.c.status.in_(LIVE), or_(OTHER.c.owner_id == person, named, OTHER.c.participant == f"person:{person}"))
        voted = and_(OTHER.c.status == "completed", OTHER.c.counts.is_(True), or_(OTHER.c.completed_by == person, OTHER.c.on_behalf_of == person))
        here = (OTHER.c.instance_id == row.seat_instance_id, OTHER.c.token == row.seat_token, OTHER.c.id != row.seat_id)
        return connection.execute(select(OTHER.c.id).where(*here, or_(live, voted)).limit(1)).first() is not None

    def _close(self, connection: Connection, case: Case, row: Row[Any], leaver: int, to: int) -> Outcome:
        """未发表意见: nobody has two seats; the leaver's ends and the votes are counted anew, which a case that stands still does not allow."""
        if case.status != "active":
            raise Conflict("该事项已挂起，恢复后才能交接。", "The case is suspended; this item can be handed over once it is resumed.")
        seats = {seat.id: seat for seat in self._children.of_instance(connection, case, row.seat_token)}
        seat, below = seats[row.seat_id], self._children.below(connection, case, row.seat_token, row.seat_id)
        others = [one for one in self._deciding.poll(connection, case, row.seat_token).voters if one.id != seat.id]
        if seat.parent_seat_id is None and not others:
            name = self._people.name(connection, to)
            raise Conflict(f"{name}正在为该事项提供意见，不能接手。", f"{name} is giving an opinion on this item and cannot take it over.")
        drafts = self._replacing.take_drafts(connection, seat.id, [leaver])
        self._children.close(connection, case, below, "holder_left", NO_OPINION)
        for table in (SeatOffer, SeatExclusion, Draft):
            connection.execute(delete(table).where(table.__table__.c.seat_id == seat.id))
        connection.execute(update(Seat).where(SEAT.c.id == seat.id).values(status="cancelled", completed_at=case.now, revision=SEAT.c.revision + 1))
        case.record("vote_dropped", node=seat.node_id, token=seat.token, detail={"seat": seat.id, "person": leaver, "rule": "no_opinion", **drafts})
        tell(connection, case, "vote_dropped", NO_OPINION, [(leaver, seat.id)])
        if seat.parent_seat_id is not None:
            self._children.settle(connection, case, seat.parent_seat_id)
        if not self._deciding.after_change(connection, case, seat.token):
            self._engine.save(connection, [case])
        return Outcome("done", case.id, detail={"closed": "no_opinion"})

    # agencies

    def _agency(self, connection: Connection, argument: Mapping[str, Any], agency_id: int) -> Outcome:
        """His own stand-in is no longer needed; where he stands in, his successor does from now on."""
        agency = connection.execute(select(AGENCY).where(AGENCY.c.id == agency_id, AGENCY.c.ended_at.is_(None))).first()
        if agency is None:
            raise Conflict("这项代理已经结束。", "This agency has ended.")
        self._agencies.end(connection, agency)
        to, now = argument["to"], self._ground.clock.now()
        if agency.agent_id == argument["from"] and to is not None and to != agency.principal_id:
            connection.execute(insert(Agency).values(
                principal_id=agency.principal_id, agent_id=to, process_id=agency.process_id, valid_from=max(agency.valid_from, now), valid_to=agency.valid_to,
                reason=agency.reason, created_by=argument["from"], created_at=now, begun_at=None, ended_at=None,
            ))
            return Outcome("done", detail={"agency": "passed_on"})
        return Outcome("done", detail={"agency": "ended"})

    # models

    def _report(self, connection: Connection, command: Row[Any]) -> Any:
        return {"references": [asdict(one) for one in references(connection, self._definitions, command.argument["from"])]}


def _cases(items: Any) -> Any:
    return select(SEAT.c.instance_id).where(SEAT.c.id.in_([item.payload.get("seat_id", 0) for item in items]))
