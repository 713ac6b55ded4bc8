"""How much of a visible case somebody sees: all of it, or only its status and who decided. It decides nothing about acting.

An office sees across to another one's work only through a shared case, and only while that lasts.
"""

from __future__ import annotations

from typing import Literal

from sqlalchemy import ColumnElement, Connection, exists, or_, select

from tasks.actors import Actor
from tasks.models import CaseActor, CaseParty, Organisation, Seat, SeatOffer
from tasks.organisations import scope_condition
from tasks.permissions import visible_cases
from tasks.roles import SEEING, role
from workflows.models import HistoryRow, ProcessInstance

Sight = Literal["full", "status", "none"]
LIVE = ("open", "parked", "queued")


def sight(connection: Connection, actor: Actor, instance_id: int) -> Sight:
    """"full": the person himself, whoever took part, supervisors above a party, and an office that works on the case
    now or did before. "status": a party that only has to know. "none": everybody else (`visible_cases`).
    """
    if actor.is_system:
        return "full"
    case = select(ProcessInstance.subject_person).where(ProcessInstance.id == instance_id, visible_cases(actor))
    found = connection.execute(case).first()
    if found is None:
        return "none"
    if found.subject_person == actor.person_id or _took_part(connection, actor, instance_id) or _supervises(connection, actor, instance_id):
        return "full"
    return "full" if _office_works(connection, actor, instance_id) else "status"


def _took_part(connection: Connection, actor: Actor, instance_id: int) -> bool:
    acted = exists().where(CaseActor.instance_id == instance_id, CaseActor.person_id == actor.person_id)
    offered = exists().where(SeatOffer.seat_id == Seat.id, SeatOffer.candidate.in_(actor.candidates))
    seated = exists().where(Seat.instance_id == instance_id, or_(Seat.owner_id == actor.person_id, offered))
    return bool(connection.execute(select(or_(acted, seated))).scalar())


def _supervises(connection: Connection, actor: Actor, instance_id: int) -> bool:
    scopes = [scope_condition(one.kind, one.path) for one in actor.memberships if role(one.role).sees == "region"]
    parties = select(CaseParty.organisation_code).where(CaseParty.instance_id == instance_id)
    return bool(scopes) and _any_inside(connection, scopes, set(connection.execute(parties).scalars()))


def _office_works(connection: Connection, actor: Actor, instance_id: int) -> bool:
    """An organisation in his scope has acted on the case, or a live seat of it is offered to one."""
    scopes = [scope_condition(one.kind, one.path) for one in actor.memberships if role(one.role).sees in SEEING]
    acted = select(HistoryRow.organisation).where(HistoryRow.instance_id == instance_id, HistoryRow.organisation.is_not(None)).distinct()
    lines = (
        select(SeatOffer.candidate).join(Seat, Seat.id == SeatOffer.seat_id)
        .where(Seat.instance_id == instance_id, Seat.status.in_(LIVE), SeatOffer.candidate.contains("@"))
    )
    codes = set(connection.execute(acted).scalars()) | {line.split("@")[1] for line in connection.execute(lines).scalars()}
    return bool(scopes) and _any_inside(connection, scopes, codes)


def _any_inside(connection: Connection, scopes: list[ColumnElement[bool]], codes: set[str | None]) -> bool:
    if not codes:
        return False
    return connection.execute(select(Organisation.id).where(Organisation.code.in_(sorted(filter(None, codes))), or_(*scopes)).limit(1)).first() is not None
