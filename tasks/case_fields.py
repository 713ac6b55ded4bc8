"""Which fields of a case somebody sees outside of a task: on the case page, in lists and exports. Reads who had to do with which step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, or_, select, union

from tasks.actors import Actor
from tasks.field_view import UNRESTRICTED, FieldView, node_view, strictest, union as joined
from tasks.models import CaseActor, CaseParty, Organisation, Seat, SeatOffer
from tasks.operation_models import Circulation
from tasks.organisations import scope_condition
from tasks.roles import SEEING, role
from workflows.case import Case
from workflows.definitions import ProcessVersion
from workflows.graph import HUMAN
from workflows.models import HistoryRow

ACTS = ("activity_completed", "voted", "advice_given", "claimed")  # facts by which an office had to do with a step, not only set it off


@dataclass(frozen=True, slots=True)
class Subject:
    """A case as far as its field view goes; `root`: the case a sub-process instance is a part of."""

    id: int
    root: int
    subject_person: int | None
    version: ProcessVersion


def case_view_of(connection: Connection, actor: Actor, case: Case) -> FieldView:
    """What somebody sees of one case: the fields that one of his steps shows, see `case_views_of`."""
    return case_views_of(connection, actor, [Subject(case.id, case.root, case.subject_person, case.version)])[case.id]


def case_views_of(connection: Connection, actor: Actor, cases: Sequence[Subject]) -> dict[int, FieldView]:
    """By case, the fields somebody sees: those that one of his steps shows him.

    His steps: the applicant's activities for the applicant, what he decided, holds, is offered or got a copy of; without
    any, what his offices did or are offered. A supervisor of the region sees every field; whoever has no step at all
    sees none that any activity hides. Processes without `field_permissions` cost no statement.
    """
    asked = [one for one in cases if one.version.restricted_nodes]
    if not asked or actor.is_system:
        return {one.id: UNRESTRICTED for one in cases}
    ids = {number for one in asked for number in (one.id, one.root)}
    above = _supervised(connection, actor, ids)
    own, offices = _steps(connection, _own_steps(actor, ids)), _steps(connection, _office_steps(actor, ids))
    roles = frozenset(one.role for one in actor.memberships)
    found = {one.id: UNRESTRICTED for one in cases}
    for one in asked:
        if not above & {one.id, one.root}:
            mine = {step for number in (one.id, one.root) for step in own.get(number, ())}
            if one.subject_person == actor.person_id:
                mine |= one.version.applicant_nodes
            found[one.id] = _view(one, mine or {step for number in (one.id, one.root) for step in offices.get(number, ())}, roles)
    return found


def _view(case: Subject, steps: set[str], roles: frozenset[str]) -> FieldView:
    nodes = [case.version.graph.nodes[name] for name in sorted(steps) if name in case.version.graph.nodes]
    human = [node for node in nodes if node.type in HUMAN]
    return joined(case.version, [node_view(case.version, node, roles) for node in human]) if human else strictest(case.version)


def _supervised(connection: Connection, actor: Actor, ids: set[int]) -> set[int]:
    scopes = [scope_condition(one.kind, one.path) for one in actor.memberships if role(one.role).sees == "region"]
    if not scopes:
        return set()
    query = select(CaseParty.instance_id).join(Organisation, Organisation.code == CaseParty.organisation_code)
    return set(connection.execute(query.where(CaseParty.instance_id.in_(ids), or_(*scopes))).scalars())


def _steps(connection: Connection, queries: Sequence[Any]) -> Mapping[int, set[str]]:
    """By case, the activities that the queries name. One statement."""
    steps: dict[int, set[str]] = {}
    for instance_id, node_id in connection.execute(union(*queries)) if queries else ():
        if node_id is not None:
            steps.setdefault(instance_id, set()).add(node_id)
    return steps


def _own_steps(actor: Actor, ids: set[int]) -> list[Any]:
    seat = Seat.instance_id.in_(ids)
    his = or_(Seat.owner_id == actor.person_id, Seat.completed_by == actor.person_id, Seat.on_behalf_of == actor.person_id)
    return [
        select(CaseActor.instance_id, CaseActor.node_id).where(CaseActor.instance_id.in_(ids), CaseActor.person_id == actor.person_id),
        select(Circulation.instance_id, Circulation.node_id).where(Circulation.instance_id.in_(ids), Circulation.person_id == actor.person_id),
        select(Seat.instance_id, Seat.node_id).where(seat, his),
        select(Seat.instance_id, Seat.node_id).join(SeatOffer, SeatOffer.seat_id == Seat.id).where(seat, SeatOffer.candidate.in_(actor.candidates)),
    ]


def _office_steps(actor: Actor, ids: set[int]) -> list[Any]:
    scopes: list[ColumnElement[bool]] = [scope_condition(one.kind, one.path) for one in actor.memberships if role(one.role).sees in SEEING]
    if not scopes:
        return []
    acted = select(HistoryRow.instance_id, HistoryRow.node_id).join(Organisation, Organisation.code == HistoryRow.organisation)
    offered = select(Seat.instance_id, Seat.node_id).join(SeatOffer, SeatOffer.seat_id == Seat.id).join(
        Organisation, SeatOffer.candidate.endswith("@" + Organisation.code)
    )
    return [acted.where(HistoryRow.instance_id.in_(ids), HistoryRow.kind.in_(ACTS), or_(*scopes)), offered.where(Seat.instance_id.in_(ids), or_(*scopes))]
