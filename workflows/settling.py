"""What follows from what happened in the machine: facts, stage, round, waits and messages of the case. Touches no database."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from workflows.case import Case
from workflows.feel.values import to_json
from workflows.graph import Node
from workflows.host import Functions, feel
from workflows.machine import Happening
from workflows.timers import timer_due

RECORDED = {"opened", "completed", "cancelled", "passed", "fired", "error_uncaught", "escalation"}


class Follower:
    """Writes onto a case what its happenings mean; the case is saved by whoever asked."""

    def __init__(self, outbox_delay: timedelta) -> None:
        self._outbox_delay = outbox_delay

    def follow(self, case: Case, functions: Functions, happenings: Iterable[Happening]) -> None:
        """Note everything that happened, in order."""
        for happening in happenings:
            self._follow(case, functions, happening)

    def _follow(self, case: Case, functions: Functions, happening: Happening) -> None:
        node = case.version.graph.nodes.get(happening.node) if happening.node else None
        kind = happening.kind
        if kind in RECORDED:
            _record(case, happening)
        if node is not None and kind in ("opened", "passed"):
            stage = feel(case, functions, node.properties.get("stage"))
            case.stage = str(stage) if stage is not None else case.stage
        if kind == "opened" and happening.node in case.version.applicant_nodes:
            case.round += 1
        elif kind == "wait":
            case.waits.append(_wait_row(case, functions, happening))
        elif kind == "unwait":
            _drop_wait(case, str(happening.wait))
        elif kind == "message_thrown" and node is not None:
            self._throw(case, functions, node, happening)
        elif kind == "ended":
            case.status, case.ended_at = "completed", case.now
            case.record("ended", detail={"stage": case.stage})

    def _throw(self, case: Case, functions: Functions, node: Node, happening: Happening) -> None:
        case.outbox.append({
            "instance_id": case.id, "node_id": node.id, "token": str(happening.token), "name": node.event.name or node.id,
            "correlation_key": correlation_key(case, functions, node),
            "payload": to_json(feel(case, functions, node.properties.get("payload"))),
            "status": "held", "created_at": case.now, "release_at": case.now + self._outbox_delay,
        })
        case.record("message_thrown", node=node.id, token=str(happening.token), detail={"message": case.outbox[-1]["name"]})


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
    event = node.event
    row: dict[str, Any] = {
        "instance_id": case.id, "wait_id": str(happening.wait), "node_id": node.id, "kind": event.kind,
        "due_at": None, "repeat": None, "name": None, "correlation_key": None,
    }
    if event.kind == "timer":
        row["due_at"], row["repeat"] = timer_due(event, case.now, lambda text: feel(case, functions, text))
    else:
        row["name"] = event.name
        row["correlation_key"] = correlation_key(case, functions, node)
    return row


def _drop_wait(case: Case, wait_id: str) -> None:
    kept = [wait for wait in case.waits if wait["wait_id"] != wait_id]
    if len(kept) == len(case.waits):
        case.unwaits.append(wait_id)
    case.waits = kept


def correlation_key(case: Case, functions: Functions, node: Node) -> str | None:
    """The correlation key of a message this node throws or waits for."""
    text = node.event.correlation
    key = None if text is None else feel(case, functions, text if text.startswith("=") else f"={text}")
    return None if key is None else str(key)
