"""How much of a visible case somebody sees: all of it, or only its status and who decided. It decides nothing about acting.

An office sees across to another one's work only through a shared case, and only while that lasts.
"""

from __future__ import annotations

from typing import Literal

from sqlalchemy import ColumnElement, Connection, and_, false, or_, select, true

from tasks.actors import Actor
from tasks.lifecycle import LIVE
from tasks.models import Organisation, Seat, SeatOffer
from tasks.organisations import scope_condition
from tasks.permissions import has_party, may, takes_part, visible_cases
from tasks.roles import SEEING, role
from workflows.errors import NotFound
from workflows.models import HistoryRow, ProcessInstance

Sight = Literal["full", "status", "none"]


def sight(connection: Connection, actor: Actor, instance_id: int) -> Sight:
    """"full": the person himself, whoever took part, supervisors above a party, and an office that works on the case
    now or did before. "status": a party that only has to know. "none": everybody else (`visible_cases`).
    """
    if actor.is_system:
        return "full"
    full = sees_fully(actor).label("full")
    found = connection.execute(select(full).where(ProcessInstance.id == instance_id, visible_cases(actor))).first()
    if found is None:
        return "none"
    return "full" if found.full else "status"


def guard_looking(connection: Connection, actor: Actor, about: str, subject_id: int) -> None:
    """Raise NotFound unless `actor` sees the case, or the case of the seat, in full, or administers processes."""
    seat = select(Seat.instance_id).where(Seat.id == subject_id)
    instance_id = subject_id if about == "case" else connection.execute(seat).scalar()
    query = select(ProcessInstance.id).where(ProcessInstance.id == instance_id)
    found = instance_id is not None and (sight(connection, actor, instance_id) == "full" or (
        may(actor, "model.deploy") and connection.execute(query).first() is not None
    ))
    if not found:
        raise NotFound("没有这个事项，或您无权查看。", "There is no such case, or you may not see it.")


def sees_fully(actor: Actor) -> ColumnElement[bool]:
    """SQL over ProcessInstance, for one case: whether `actor` sees all of it."""
    if actor.is_system:
        return true()
    regions = [scope_condition(one.kind, one.path) for one in actor.memberships if role(one.role).sees == "region"]
    offices = [scope_condition(one.kind, one.path) for one in actor.memberships if role(one.role).sees in SEEING]
    return or_(takes_part(actor), has_party(regions), and_(visible_cases(actor), or_(_acted(offices), _is_offered(offices))))


def _acted(scopes: list[ColumnElement[bool]]) -> ColumnElement[bool]:
    """An organisation in one of the scopes has acted on the case."""
    if not scopes:
        return false()
    acted = select(HistoryRow.sequence).join(Organisation, Organisation.code == HistoryRow.organisation)
    return acted.where(HistoryRow.instance_id == ProcessInstance.id, or_(*scopes)).exists()


def _is_offered(scopes: list[ColumnElement[bool]]) -> ColumnElement[bool]:
    """A live seat of the case is offered to an organisation in one of the scopes."""
    if not scopes:
        return false()
    lines = (
        select(SeatOffer.seat_id).join(Seat, Seat.id == SeatOffer.seat_id)
        .join(Organisation, SeatOffer.candidate.endswith("@" + Organisation.code))
    )
    return lines.where(Seat.instance_id == ProcessInstance.id, Seat.status.in_(LIVE), or_(*scopes)).exists()
