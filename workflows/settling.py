"""What follows from what happened in the machine: facts, stage, round, waits and messages of the case. Touches no database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from workflows.case import Case
from workflows.graph import Node
from workflows.host import Functions, correlation_key, feel
from workflows.machine import ROOT, Happening
from workflows.timers import timer_due

RECORDED = {"opened", "completed", "cancelled", "passed", "fired", "error_uncaught", "escalation", "scope_opened", "instances_opened", "compensated"}


class Follower:
    """Writes onto a case what its happenings mean; the case is saved by whoever asked."""

    def __init__(self, outbox_delay: timedelta) -> None:
        self._outbox_delay = outbox_delay

    def follow(self, case: Case, functions: Functions, happenings: Sequence[Happening]) -> None:
        """Note everything that happened, in order."""
        closed = {happening.wait for happening in happenings if happening.kind == "unwait"}
        for happening in happenings:
            if happening.wait is None or happening.kind == "unwait" or happening.wait not in closed:
                self._follow(case, functions, happening)

    def _follow(self, case: Case, functions: Functions, happening: Happening) -> None:
        node = case.version.graph.nodes.get(happening.node) if happening.node else None
        kind = happening.kind
        if kind in RECORDED or (kind == "performed" and node is not None and node.type == "task"):
            _record(case, happening)  # other inline work is recorded with its result by whoever performs it
        if node is not None and kind in ("opened", "passed"):
            stage = feel(case.at(_place(happening)), functions, node.properties.get("stage"))
            case.stage = str(stage) if stage is not None else case.stage
        if kind == "wait":
            case.waits.append(_wait_row(case, functions, happening))
        elif kind == "unwait":
            _drop_wait(case, str(happening.wait))
        elif kind == "message_thrown" and node is not None:
            self._throw(case, node, happening)
        elif kind == "signal_thrown" and node is not None:
            _throw_signal(case, node, happening)
        elif kind == "ended":
            case.status = "terminated" if happening.detail.get("cancelled") else "completed"
            case.ended_at = case.now
            case.record("ended", detail={"stage": case.stage})
            if case.body_of is not None and case.locals is not None:
                case.feel()  # kept in memory: the caller still reads results from what was visible
                own = case.locals.get(ROOT)
                case.bases = (own.result if own is not None else None) or {}
                case.locals.drop(ROOT)
        elif node is not None and kind in ("opened", "call", "cancelled"):
            _reach(case, node, happening)

    def _throw(self, case: Case, node: Node, happening: Happening) -> None:
        case.outbox.append({
            "instance_id": case.id, "node_id": node.id, "token": str(happening.token), "name": node.event.name or node.id,
            "correlation_key": happening.detail["key"], "payload": happening.detail["payload"],
            "status": "held", "created_at": case.now, "release_at": case.now + self._outbox_delay,
        })
        detail = {"message": case.outbox[-1]["name"], "cause": [str(token) for token in happening.cause]}
        case.record("message_thrown", node=node.id, token=str(happening.token), detail=detail)


def _place(happening: Happening) -> str:
    """The innermost token or scope whose variables the happening sees."""
    return str(happening.token) if happening.token is not None else happening.scope


def _throw_signal(case: Case, node: Node, happening: Happening) -> None:
    name = node.event.name or node.id
    case.reach.signals.append((name, happening.detail["payload"], tuple(str(wait) for wait in happening.detail.get("waits", ()))))
    case.record("signal_thrown", node=node.id, token=str(happening.token), detail={"signal": name})


def _reach(case: Case, node: Node, happening: Happening) -> None:
    """Work that is done elsewhere begins or is called off: a called process, a sub-process instance, a job."""
    token, reach = str(happening.token), case.reach
    if happening.kind == "call":
        reach.calls.append((token, node.id))
        case.record("called", node=node.id, token=token, detail={"cause": [str(one) for one in happening.cause]})
    elif happening.kind == "opened":
        if node.id in case.version.applicant_nodes and not happening.detail.get("again"):
            case.round += 1
        if is_job(node):
            reach.work.append((token, node.id))
    elif is_call(node):
        reach.calls, before = [call for call in reach.calls if call[0] != token], len(reach.calls)
        if len(reach.calls) == before:
            reach.left_calls.append(token)
    elif is_job(node):
        reach.work, before = [work for work in reach.work if work[0] != token], len(reach.work)
        if len(reach.work) == before:
            reach.left_work.append(token)
    if happening.kind == "cancelled" and case.locals is not None and node.id in case.version.machine.plan.local:
        case.locals.drop_all(token) if "#" not in token else case.locals.drop(token)


def is_call(node: Node) -> bool:
    """Whether pieces of work of this activity have a row of their own."""
    return node.type == "callActivity" or (node.type == "subProcess" and node.multi_instance is not None)


def is_job(node: Node) -> bool:
    """Whether this activity is done by a job or by an outside worker."""
    return node.type in ("serviceTask", "sendTask") or (node.type == "businessRuleTask" and "topic" in node.attributes)


def _record(case: Case, happening: Happening) -> None:
    if happening.kind == "completed":
        return  # the completing command has recorded it with its author and values
    detail: dict[str, Any] = {"cause": [str(token) for token in happening.cause]} if happening.cause else {}
    arrivals = happening.detail.get("arrivals") if happening.detail else None
    if arrivals:
        detail["arrivals"] = [[flow, str(token)] for flow, token in arrivals]
    token = str(happening.token) if happening.token is not None else None
    case.record(f"activity_{happening.kind}" if happening.kind in ("opened", "cancelled") else happening.kind,
                node=happening.node, token=token, detail=detail)


def _wait_row(case: Case, functions: Functions, happening: Happening) -> dict[str, Any]:
    node = case.version.graph.nodes[str(happening.node)]
    event, case_there = node.event, case.at(_place(happening))
    row: dict[str, Any] = {
        "instance_id": case.id, "wait_id": str(happening.wait), "node_id": node.id, "kind": event.kind,
        "due_at": None, "repeat": None, "name": None, "correlation_key": None,
    }
    if event.kind == "timer":
        row["due_at"], row["repeat"] = timer_due(event, case.now, lambda text: feel(case_there, functions, text))
    else:
        row["name"] = event.name
        row["correlation_key"] = correlation_key(case_there, functions, node)
    return row


def _drop_wait(case: Case, wait_id: str) -> None:
    kept = [wait for wait in case.waits if wait["wait_id"] != wait_id]
    if len(kept) == len(case.waits):
        case.unwaits.append(wait_id)
    case.waits = kept
