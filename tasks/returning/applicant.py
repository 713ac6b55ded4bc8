"""撤回 by the applicant: every token is cancelled, his first activity opens again in a new round under the same number. One modification."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, insert, or_, select

from tasks.actors import Actor, author_of
from tasks.ended_by import last_act
from tasks.lifecycle import LIVE
from tasks.models import Notification
from tasks.returning.consequences import called_by, done_for_good, reset, take_messages_back
from tasks.seats import SEAT
from workflows import history
from workflows.case import Case
from workflows.causal_past import CausalPast
from workflows.definitions import ProcessVersion
from workflows.engine import INSTANCE, ProcessEngine
from workflows.errors import Conflict, Forbidden
from workflows.graph import Node, listed
from workflows.machine import ROOT
from workflows.modifying import Plan, perform


class Applicant:
    """Lets the applicant take his case back."""

    def __init__(self, engine: ProcessEngine) -> None:
        self._engine = engine

    def withdraw_case(self, connection: Connection, actor: Actor, instance_id: int) -> None:
        """Back to the applicant. Raises Forbidden, or Conflict when the case has gone too far: the model, or a point of no return, says so."""
        case = self._engine.load(connection, instance_id, author_of(actor))
        if case.subject_person != actor.person_id:
            raise Forbidden("只有申请人本人可以撤回。", "Only the applicant can withdraw this.")
        first, nodes = applicant_activity(case.version), people_work_at(connection, case)
        if case.status != "active" or first is None or not nodes or not nodes <= withdrawable(case.version):
            last = last_act(connection, case.id)
            raise Conflict(f"当前环节不能撤回；如已办结，请联系办理机构。{last['zh']}", f"It cannot be withdrawn at this step.{last['en']}")
        past = CausalPast(history.facts(connection, case.id), {token: entry[2] for token, entry in case.state["t"].items()})
        opened = next((fact for fact in past.facts if fact.kind == "activity_opened" and fact.node_id == first.id), None)
        since = opened.sequence if opened is not None else 0
        cause = None if opened is None else tuple(sorted(past.causes.get(str(opened.token).partition("#")[0], ())))
        refused, held = done_for_good(
            self._engine, connection, case, [fact for fact in past.facts if fact.sequence > since],
            {token for token, entered in past.entered.items() if entered > since},
        )
        if refused is not None:
            raise refused
        plan = Plan(
            tuple(token for token, entry in case.state["t"].items() if entry[1] == ROOT),
            ((first.id, None, cause),),
            discard=tuple(case.version.machine.arrivals(case.state)),
            undone=tuple(done for done in past.completions.values() if done.sequence > since),
        )
        self._tell(connection, case)
        take_messages_back(connection, held)
        perform(self._engine, connection, case, plan, kind="withdrawn", detail={"by": "applicant"}, patch=reset(case, plan), safely=False)

    @staticmethod
    def _tell(connection: Connection, case: Case) -> None:
        """Whoever holds work that is cancelled."""
        ids = [case.id, *(row.id for row in called_by(connection, case.id, set(case.state["t"])))]
        query = select(SEAT.c.id, SEAT.c.instance_id, SEAT.c.owner_id).where(
            SEAT.c.instance_id.in_(ids), SEAT.c.status.in_(LIVE), SEAT.c.owner_id.is_not(None)
        )
        rows: list[dict[str, Any]] = [
            {"candidate": f"person:{row.owner_id}", "kind": "withdrawn", "instance_id": row.instance_id, "seat_id": row.id, "created_at": case.now,
             "text": {"zh": f"{case.subject}：申请人已撤回", "en": f"{case.subject}: withdrawn by the applicant"}}
            for row in connection.execute(query.order_by(SEAT.c.id)).all()
        ]
        if rows:
            connection.execute(insert(Notification), rows)


def applicant_activity(version: ProcessVersion) -> Node | None:
    """The applicant's first activity in document order."""
    nodes = [node for node in version.graph.nodes.values() if node.id in version.applicant_nodes]
    return min(nodes, key=lambda node: node.order) if nodes else None


def withdrawable(version: ProcessVersion) -> set[str]:
    """The activities from which the applicant may withdraw: listed on his own activity, or on the process."""
    texts = [node.properties.get("withdrawable") for node in version.graph.nodes.values() if node.id in version.applicant_nodes]
    texts.append(version.graph.properties.get("withdrawable"))
    return {part for text in texts for part in listed(text)}


def people_work_at(connection: Connection, case: Case) -> set[str]:
    """The activities of the case at which people are asked to act now, those inside instances of sub-processes too; a call stands for what it called."""
    parts = select(SEAT.c.node_id).join(INSTANCE, INSTANCE.c.id == SEAT.c.instance_id).where(
        or_(INSTANCE.c.id == case.id, INSTANCE.c.body_of == case.id), SEAT.c.status.in_(LIVE)
    )
    found = set(connection.execute(parts.distinct()).scalars())
    for token, entry in case.state["t"].items():
        if case.version.graph.nodes[entry[0]].type == "callActivity":
            called = [row.id for row in called_by(connection, case.id, {token})]
            if called and connection.execute(select(SEAT.c.id).where(SEAT.c.instance_id.in_(called), SEAT.c.status.in_(LIVE)).limit(1)).first():
                found.add(str(entry[0]))
    return found
