"""What an administrator does to organisations, inside his scope, each act in the security log."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from tasks import security_log
from tasks.actors import Actor
from tasks.organisations import EVERYTHING, OrganisationRow, check_fields
from tasks.people import People
from tasks.permissions import require
from workflows.errors import Forbidden

MANAGE = "organisations.manage"


def add_organisation(connection: Connection, people: People, actor: Actor, *, parent: str | None, **values: Any) -> OrganisationRow:
    """Add an organisation below `parent` (without one only by the platform); other arguments as Organisations.add."""
    _require_parent(connection, people, actor, parent)
    row = people.organisations.add(connection, parent=parent, **values)
    _log(connection, people, actor, "organisation.added", organisation=row.code, name=row.name)
    return row


def enter_organisation(
    connection: Connection, people: People, actor: Actor, above: OrganisationRow | None, *, code: str, name: str, kind: str, province: str | None,
    on_platform: bool,
) -> OrganisationRow:
    """The same for one row of many, whose parent row the caller has at hand; he reports the change once at the end."""
    _require_above(actor, above)
    check_fields(code, name, kind)
    row = people.organisations.enter(connection, above, code=code, name=name, kind=kind, province=province, on_platform=on_platform)
    _log(connection, people, actor, "organisation.added", organisation=code, name=name)
    return row


def correct_organisation(connection: Connection, people: People, actor: Actor, row: OrganisationRow, **values: Any) -> None:
    """Write new name, province or platform mark of one row of many; the caller reports the change once at the end."""
    require(actor, MANAGE, row)
    people.organisations.correct(connection, row, values)
    _log(connection, people, actor, "organisation.changed", organisation=row.code, fields=sorted(values))


def change_organisation(connection: Connection, people: People, actor: Actor, code: str, **values: Any) -> OrganisationRow:
    """Rename, disable, enable, mark on or off the platform; arguments as Organisations.change."""
    require(actor, MANAGE, people.organisations.require(connection, code))
    row = people.organisations.change(connection, code, **values)
    _log(connection, people, actor, "organisation.changed", organisation=code, fields=sorted(values))
    return row


def move_organisation(connection: Connection, people: People, actor: Actor, code: str, parent: str | None) -> OrganisationRow:
    """Hang an organisation under another one; both must lie in the actor's scope."""
    require(actor, MANAGE, people.organisations.require(connection, code))
    _require_parent(connection, people, actor, parent)
    row = people.organisations.move(connection, code, parent)
    _log(connection, people, actor, "organisation.moved", organisation=code, parent=parent)
    return row


def _require_parent(connection: Connection, people: People, actor: Actor, parent: str | None) -> None:
    _require_above(actor, people.organisations.require(connection, parent) if parent else None)


def _require_above(actor: Actor, above: OrganisationRow | None) -> None:
    if above is not None:
        require(actor, MANAGE, above)
        return
    require(actor, MANAGE)
    if actor.acting is not None and actor.acting.kind not in EVERYTHING:
        raise Forbidden("只有平台管理员可以增加一级单位。", "Only the platform's administrator may add an organisation without a parent.")


def _log(connection: Connection, people: People, actor: Actor, kind: str, **about: Any) -> None:
    detail = {"acting_role": actor.role, "acting_organisation": actor.organisation_code, **about}
    security_log.record(connection, people.clock.now(), kind, person_id=actor.person_id, address=actor.address, detail=detail)
