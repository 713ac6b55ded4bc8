"""What has followed from a step, in its case and in everything that was called: what nothing takes back, what is made void, messages still held."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select, update

from workflows import history
from workflows.case import Case
from workflows.causal_past import CausalPast, Fact
from workflows.engine import INSTANCE, ProcessEngine
from workflows.errors import Conflict, Rejection
from workflows.graph import HUMAN, Node
from workflows.models import AnyRow, OutboxMessage, table_of
from workflows.modifying import Plan

OUTBOX = table_of(OutboxMessage)
RESULTS = ("outcome", "by", "votes")  # variables <activity>_<result> of a completed user task
DONE = frozenset({"activity_completed", "performed", "passed", "fired", "timer_fired"})
Found = tuple[Rejection | None, tuple[int, ...]]  # why nothing goes back to before it, and the messages that have not gone out


def inside_of(case: Case, tokens: Collection[str]) -> set[str]:
    """These tokens and everything inside them, without the instances of an activity."""
    inside = set(tokens)
    while more := {token for token, entry in case.state["t"].items() if entry[1] in inside} - inside:
        inside |= more
    return inside


def called_by(connection: Connection, instance_id: int, tokens: Collection[str], *, over: bool = False) -> list[AnyRow]:
    """The cases that these tokens called, with what those called, callers first; `over`: also those that have ended. Void ones never were."""
    wanted = ("active", "suspended", *(("completed", "terminated") if over else ()))
    query = select(INSTANCE).where(INSTANCE.c.status.in_(wanted)).order_by(INSTANCE.c.id)
    level = [
        row for row in connection.execute(query.where(INSTANCE.c.parent_id == instance_id)).all()
        if str(row.parent_token).partition("#")[0] in tokens
    ] if tokens else []
    found: list[AnyRow] = []
    while level:
        found += level
        level = list(connection.execute(query.where(INSTANCE.c.parent_id.in_([row.id for row in level]))).all())
    return found


def done_for_good(
    engine: ProcessEngine, connection: Connection, case: Case, facts: Iterable[Fact], calls: Collection[str], nodes: Collection[str] = ()
) -> Found:
    """Whether `facts` of a case, or any fact of what its tokens `calls` called, passed a point of no return.

    `nodes`: activities that count as passed beside the facts.
    """
    refused, held = _passed(connection, case.id, case.version.graph.nodes, facts, nodes)
    rows = called_by(connection, case.id, calls, over=True) if refused is None else []
    versions = {row.definition_id: engine.version(connection, row.definition_id) for row in rows}
    for row in rows:
        if not _worth_reading(versions[row.definition_id].graph.nodes):
            continue
        past = CausalPast(history.facts(connection, row.id), {})
        refused, more = _passed(connection, row.id, versions[row.definition_id].graph.nodes, past.facts, ())
        held += more
        if refused is not None:
            break
    return refused, () if refused is not None else held


def _worth_reading(nodes: Mapping[str, Node]) -> bool:
    """Whether a process can throw a message or has a point of no return."""
    return any(node.properties.get("point_of_no_return") == "true" or node.event.kind == "message" for node in nodes.values())


def _passed(connection: Connection, instance_id: int, nodes: Mapping[str, Node], facts: Iterable[Fact], more: Collection[str]) -> Found:
    facts = list(facts)
    thrown = [fact.token for fact in facts if fact.kind == "message_thrown"]
    query = select(OUTBOX.c.id, OUTBOX.c.node_id, OUTBOX.c.status).where(OUTBOX.c.instance_id == instance_id, OUTBOX.c.token.in_(thrown))
    messages: Sequence[AnyRow] = connection.execute(query).all() if thrown else []
    held = {row.node_id for row in messages if row.status == "held"}
    sent = {row.node_id for row in messages if row.status not in ("held", "withdrawn")}
    passed = {str(fact.node_id) for fact in facts if fact.kind in DONE} | sent | set(more)
    for node_id in sorted(passed):
        node = nodes.get(node_id)
        if node is not None and node.properties.get("point_of_no_return") == "true" and (node_id not in held or node_id in sent):
            name = node.name or node.id
            return Conflict(f"其后已执行“{name}”，该步骤不能撤回，因此不能再回到它之前。",
                            f"{name} was done since and cannot be undone, so nothing goes back to before it."), ()
    return None, tuple(row.id for row in messages if row.status == "held")


def reset(case: Case, plan: Plan) -> dict[str, Any]:
    """The result variables of every undone user activity, as null; business fields stay."""
    nodes = case.version.graph.nodes
    names = {f"{done.node}_{result}" for done in plan.undone if done.node in nodes and nodes[done.node].type in HUMAN for result in RESULTS}
    return {name: None for name in sorted(names) if case.variables.get(name) is not None}


def take_messages_back(connection: Connection, messages: Sequence[int]) -> None:
    """Messages of undone steps that have not gone out yet stay here."""
    if messages:
        held = (OutboxMessage.id.in_(messages), OutboxMessage.status == "held")
        connection.execute(update(OutboxMessage).where(*held).values(status="withdrawn"))
