"""Whom a person may involve: candidates of the activity under the rules of today, his own unit, past handlers and the applicant. Reads only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, or_, select

from tasks.actors import Actor
from tasks.candidate_lines import people_named
from tasks.colleagues import colleagues
from tasks.lifecycle import LIVE
from tasks.models import CaseActor, Person, Seat, SeatExclusion, SeatOffer
from tasks.operations import Choice
from tasks.people import People
from tasks.seats import Seats
from tasks.votes.participants import people_of
from workflows.business_calendar import local_day
from workflows.case import Case
from workflows.errors import Conflict, Forbidden, Rejection, Words
from workflows.graph import Node

SEAT = Seat.__table__
VOTED = "voted"  # an exclusion that only says that the person has had his vote


class Choosing:
    """Who may get a child seat, and why another may not."""

    def __init__(self, seats: Seats, people: People) -> None:
        self._seats = seats
        self._people = people

    def names_of(self, connection: Connection, people: Sequence[int]) -> list[str]:
        """Their names, in this order."""
        names = self._people.names(connection, people)
        return [names[person] for person in people if person in names]

    # signers and delegates

    def colleagues(self, connection: Connection, actor: Actor, case: Case, row: Row[Any], text: str = "") -> list[Choice]:
        """Candidates of the activity first, then the people of his unit, of both those `text` names; those who may not be chosen with the reason."""
        candidates = self._candidates(connection, case, row)
        unit = colleagues(connection, actor, local_day(case.now), text=text)
        ids = [person for person in dict.fromkeys([*sorted(candidates), *unit]) if person != actor.person_id]
        names = self._people.names(connection, ids)
        ids = [person for person in ids if person in unit or text.strip() in names.get(person, "")]
        refused = self.refused(connection, case, row, ids)
        return [self._choice(person, names[person], unit[person][1] if person in unit else None, refused.get(person)) for person in ids if person in names]

    def guard_colleague(self, connection: Connection, actor: Actor, case: Case, row: Row[Any], person_id: int) -> str:
        """The name of somebody who may sign or be delegated to.

        Raises Conflict for oneself and for somebody who holds a seat here, Forbidden for the applicant, for four-eyes and for strangers.
        """
        name = self._active(connection, actor, person_id)
        if found := self.refused(connection, case, row, [person_id]).get(person_id):
            raise found
        if person_id not in self._candidates(connection, case, row) and person_id not in colleagues(connection, actor, local_day(case.now), [person_id]):
            raise Forbidden(f"{name}不是该环节的可办理人员，也不在您的单位。", f"{name} is neither a candidate of this step nor in your unit.")
        return name

    # people to ask

    def askable(self, connection: Connection, actor: Actor, case: Case, row: Row[Any]) -> list[Choice]:
        """Whoever handled the case before, and the applicant."""
        ids = self._handlers(connection, actor, case)
        names = self._people.names(connection, ids)
        taken = self._holders(connection, case, row, asked=True)
        return [
            self._choice(person, names[person], "申请人" if person == case.subject_person else None, _holds(names[person]) if person in taken else None)
            for person in ids if person in names
        ]

    def guard_askable(self, connection: Connection, actor: Actor, case: Case, row: Row[Any], person_id: int) -> str:
        """The name of a past handler or the applicant. Raises Conflict when he is asked already, Forbidden for anybody else."""
        name = self._active(connection, actor, person_id)
        if person_id not in self._handlers(connection, actor, case):
            raise Forbidden(f"{name}没有办理过该事项，也不是申请人。", f"{name} has not handled this case and is not its applicant.")
        if person_id in self._holders(connection, case, row, asked=True):
            raise _holds(name)
        return name

    # facts

    def _active(self, connection: Connection, actor: Actor, person_id: int) -> str:
        if person_id == actor.person_id:
            raise Conflict("不能选择本人。", "You cannot choose yourself.")
        return self._people.actor(connection, person_id, None, "system").name

    def _candidates(self, connection: Connection, case: Case, row: Row[Any]) -> frozenset[int]:
        lines = self._seats.candidates(connection, case.at(row.seat_token), row.seat_node_id)
        return frozenset().union(*people_of(connection, lines, case).values())

    def refused(self, connection: Connection, case: Case, row: Row[Any], people: Sequence[int]) -> dict[int, Rejection]:
        """Person → why he may not get a seat here: applicant, four-eyes, a seat of his own."""
        names = self._people.names(connection, people)
        node = case.version.graph.nodes[row.seat_node_id]
        barred, holders = self._barred(connection, case, row, node, people), self._holders(connection, case, row)
        found: dict[int, Rejection] = {}
        for person in people:
            name = names.get(person, "")
            if person == case.subject_person and not _may_be_applicant(node):
                found[person] = Forbidden(f"{name}是申请人，不能参与办理。", f"{name} is the applicant and may not take part.")
            elif person in barred:
                found[person] = Forbidden(
                    f"经办与复核须为不同人员：{name}已参与该事项的前序环节。", f"Four-eyes rule: {name} took part in an earlier step."
                )
            elif person in holders:
                found[person] = _holds(name)
        return found

    @staticmethod
    def _barred(connection: Connection, case: Case, row: Row[Any], node: Node, people: Sequence[int]) -> set[int]:
        acted = select(CaseActor.person_id).where(
            CaseActor.instance_id == case.root, CaseActor.node_id.in_(case.version.kept_apart[node.id]), CaseActor.person_id.in_(people)
        )
        excluded = select(SeatExclusion.person_id).where(
            SeatExclusion.seat_id == row.seat_id, SeatExclusion.person_id.in_(people), SeatExclusion.reason != VOTED
        )
        return {*connection.execute(acted).scalars(), *connection.execute(excluded).scalars()}

    @staticmethod
    def _holders(connection: Connection, case: Case, row: Row[Any], *, asked: bool = False) -> set[int]:
        """Whoever holds or is personally offered a live seat of the activity instance, and whose vote is counted in it.

        With `asked`, only who is asked a question already.
        """
        here = (SEAT.c.instance_id == case.id, SEAT.c.token == row.seat_token)
        if asked:
            live = (SEAT.c.status.in_(LIVE), SEAT.c.kind == "asked")
            return set(connection.execute(select(SEAT.c.owner_id).where(*here, *live)).scalars())
        voted = or_(SEAT.c.status.in_(LIVE), (SEAT.c.status == "completed") & SEAT.c.counts.is_(True))
        rows = connection.execute(select(SEAT.c.owner_id, SEAT.c.completed_by, SEAT.c.on_behalf_of).where(*here, voted)).all()
        offered = connection.execute(
            select(SeatOffer.candidate).join(SEAT, SEAT.c.id == SeatOffer.seat_id).where(*here, SEAT.c.id != row.seat_id, SeatOffer.candidate.like("person:%"), SeatOffer.principal_id.is_(None))
        ).scalars()
        later = connection.execute(select(SEAT.c.participant).where(*here, SEAT.c.id != row.seat_id, SEAT.c.status == "queued", SEAT.c.participant.like("person:%"))).scalars()
        return people_named([*offered, *later]) | {person for found in rows for person in found if person is not None}

    @staticmethod
    def _handlers(connection: Connection, actor: Actor, case: Case) -> list[int]:
        acted = select(CaseActor.person_id).join(Person, Person.id == CaseActor.person_id).where(CaseActor.instance_id == case.root, Person.active)
        people: Iterable[int | None] = [*connection.execute(acted.distinct().order_by(CaseActor.person_id)).scalars(), case.subject_person]
        return [person for person in dict.fromkeys(people) if person is not None and person != actor.person_id]

    @staticmethod
    def _choice(person: int, name: str, where: str | None, refused: Rejection | None) -> Choice:
        shown = f"{name}（{where}）" if where else name
        words: Words | None = refused.both if refused else None
        return Choice(str(person), shown, f"{name} ({where})" if where else name, words)


def _may_be_applicant(node: Node) -> bool:
    return node.properties.get("applicant") == "true" or node.properties.get("applicant_is_approver") == "self"


def _holds(name: str) -> Conflict:
    return Conflict(f"{name}在该环节已有席位，不能重复。", f"{name} already holds a seat in this step.")
