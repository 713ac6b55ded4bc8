"""The people of the unit somebody acts for: whom he may involve or send a copy. It decides nothing."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from sqlalchemy import Connection, or_, select

from tasks.actors import Actor
from tasks.memberships import valid_on
from tasks.models import Membership, Organisation, Person
from tasks.organisations import scope_condition

MOST = 300  # that a picker lists


def colleagues(connection: Connection, actor: Actor, day: date, among: Collection[int] | None = None, text: str = "") -> dict[int, tuple[str, str]]:
    """Active people of the acting organisation and below on `day`: id → name and where they work.

    Those of `among`, else the first 300 by name whose name or place of work holds `text`; nobody for somebody who acts for himself.
    """
    if actor.acting is None:
        return {}
    query = (
        select(Person.id, Person.name, Organisation.name.label("place")).join(Membership, Membership.person_id == Person.id)
        .join(Organisation, Organisation.id == Membership.organisation_id)
        .where(Person.active, Organisation.active, scope_condition(actor.acting.kind, actor.acting.path), valid_on(day))
    )
    if wanted := text.strip():
        query = query.where(or_(Person.name.contains(wanted, autoescape=True), Organisation.name.contains(wanted, autoescape=True)))
    query = query.order_by(Person.name, Person.id).limit(MOST) if among is None else query.where(Person.id.in_(among))
    return {row.id: (row.name, row.place) for row in connection.execute(query)}
