"""Alarms of one activity: nobody may act on it, or a signer it waits for is gone. Raised once, over when somebody may. They move nothing."""

from __future__ import annotations

from sqlalchemy import Connection, update

from workflows.case import Case
from workflows.graph import Node
from workflows.jobs import raise_incident
from workflows.models import Incident


def alarm_nobody(connection: Connection, case: Case, node: Node, token: str, seat_id: int | None = None) -> None:
    """Tell the supervisor that nobody whom the model names may act on an activity; `seat_id`: on one vote of it."""
    case.alarmed = True
    raise_incident(
        connection, case.now, "no_assignee", f"环节“{node.name or node.id}”没有可办理的人员", instance_id=case.id,
        token=token, node_id=node.id, unique_key=f"no_assignee:{case.id}:{token}" + (f":{seat_id}" if seat_id else ""),
    )


def alarms_over(connection: Connection, case: Case, token: str) -> None:
    """The alarm that nobody may act, or that a signer is gone, is over once somebody may, or the activity is."""
    if not case.alarmed:
        return
    kinds = Incident.kind.in_(("no_assignee", "signer_left"))
    mine = (Incident.instance_id == case.id, Incident.token == token, kinds, Incident.resolved_at.is_(None))
    connection.execute(update(Incident).where(*mine).values(resolved_at=case.now))
