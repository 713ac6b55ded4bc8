"""Who may steer a whole case: its process administrator, and supervisors above one of its parties. It changes nothing."""

from __future__ import annotations

from sqlalchemy import Connection, select

from tasks.actors import Actor
from tasks.permissions import may, steers
from workflows.case import Case
from workflows.errors import Conflict, Forbidden
from workflows.models import ProcessInstance

STEERED = {
    "active": frozenset({"jump", "suspend", "terminate", "void"}), "suspended": frozenset({"resume", "terminate", "void"}),
    "completed": frozenset({"void"}), "terminated": frozenset({"void"}),
}


def require_steering(connection: Connection, actor: Actor, case: Case) -> None:
    """Raise Forbidden unless `actor` administers processes or may reassign work of one of the case's parties."""
    if actor.is_system or may(actor, "model.deploy"):
        return
    role_allows = may(actor, "seats.reassign")  # else there is nothing to ask the database
    if not role_allows or not connection.execute(select(steers(actor)).where(ProcessInstance.id == case.root)).scalar():
        raise Forbidden("只有流程管理员或主管机构可以这样处理事项。", "Only the process administrator or a supervisor may do this to a case.")


def require_whole(case: Case) -> None:
    """Raise Conflict when the row is only a part of a case, or called by one: the whole is steered, never a part."""
    if case.parent_id is not None:
        raise Conflict(f"这是事项 {case.parent_id} 的一部分，请在该事项上操作。", f"This is a part of case {case.parent_id}; do it there.")


def steering_verbs(connection: Connection, actor: Actor, case: Case) -> frozenset[str]:
    """What this person may do to the case as a whole now; nothing to a part of one, or to one that is void."""
    if case.parent_id is not None or case.status not in STEERED:
        return frozenset()
    try:
        require_steering(connection, actor, case)
    except Forbidden:
        return frozenset()
    return STEERED[case.status]
