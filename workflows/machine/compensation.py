"""Compensation and transactions: the log of completed work, and undoing it in reverse order (BPMN 2.0.2 §13.5.5, §10.7)."""

from __future__ import annotations

from typing import Any

from workflows.graph import Node
from workflows.machine.contract import Cause
from workflows.machine.flow import leave
from workflows.machine.marking import Move, Run


def remember(run: Run, node: Node, token: str, scope: str) -> None:
    """Log a completed activity that can be compensated, or a completed sub-process with what it logged inside."""
    inner = run.state.get("c", {}).get(token)
    if node.id in run.plan.handlers:
        run.part("c").setdefault(scope, []).append([node.id, token])
    elif inner:
        run.part("c").setdefault(scope, []).append([node.id, token, inner])


def throw_compensation(run: Run, node: Node, move: Move) -> None:
    """A compensation throw or end event: undo the named activity, or everything logged in the scope, latest first."""
    handlers = _taken_from_log(run, move.scope, node.event.activity)
    run.happen("passed", node.id, None, move.scope, move.cause, detail={"kind": "compensation"})
    if not handlers:
        leave(run, node, move.scope, move.cause)
        return
    waits = node.event.waits_for_completion or node.type == "endEvent"
    _begin(run, node, move, handlers, "leave" if waits else "gone")
    if not waits:
        leave(run, node, move.scope, move.cause)


def cancel_transaction(run: Run, node: Node, move: Move) -> None:
    """A cancel end event: stop everything in the transaction, undo what was done, then leave by the cancel boundary event."""
    run.happen("passed", node.id, None, move.scope, move.cause, detail={"kind": "cancel"})
    run.interrupt(move.scope)
    _begin(run, node, move, _taken_from_log(run, move.scope, None), "cancel")


def _begin(run: Run, node: Node, move: Move, handlers: list[str], mode: str) -> None:
    token = run.open_token(node.id, move.scope, move.cause)
    run.part("k")[token] = [handlers, None, mode]
    run.happen("compensated", node.id, token, move.scope, move.cause, detail={"activities": list(handlers)})
    if handlers:
        _next(run, token)
    else:
        _finish(run, token)


def _taken_from_log(run: Run, scope: str, activity: str | None) -> list[str]:
    """Take entries out of the scope's log; the handlers to run, in order."""
    log = run.state.get("c", {}).get(scope, [])
    chosen = [entry for entry in log if activity is None or entry[0] == activity]
    kept = [entry for entry in log if not (activity is None or entry[0] == activity)]
    if chosen and kept:
        run.state["c"][scope] = kept
    elif chosen:
        run.drop("c", scope)
    return _handlers(run, chosen)


def _handlers(run: Run, entries: list[list[Any]]) -> list[str]:
    found: list[str] = []
    for entry in reversed(entries):
        if entry[0] in run.plan.handlers:
            found.append(run.plan.handlers[entry[0]])
        elif len(entry) > 2:
            found.extend(_handlers(run, entry[2]))
    return found


def _next(run: Run, thrower: str) -> None:
    entry = run.state["k"][thrower]
    handler = entry[0].pop(0)
    run.agenda.append(Move(handler, str(run.tokens[thrower][1]), (thrower,)))


def handler_opened(run: Run, token: str, cause: Cause) -> None:
    """Remember which handler of its thrower is at work."""
    if cause and cause[0] in run.state.get("k", {}):
        run.state["k"][cause[0]][1] = token


def handler_done(run: Run, token: str) -> None:
    """A compensation handler is over: the next one, or the throwing event goes on."""
    for thrower, entry in list(run.state.get("k", {}).items()):
        if entry[1] == token:
            entry[1] = None
            if entry[0]:
                _next(run, thrower)
            else:
                _finish(run, thrower)


def _finish(run: Run, thrower: str) -> None:
    mode = run.state["k"][thrower][2]
    node_id, scope, _ = run.tokens[thrower]
    run.close_token(thrower)
    if mode == "leave":
        leave(run, run.nodes[node_id], scope, (thrower,))
    elif mode == "cancel":
        _leave_cancelled(run, scope)


def _leave_cancelled(run: Run, transaction: str) -> None:
    node_id, scope, _ = run.tokens[transaction]
    event = next(event for event in run.plan.boundary[node_id] if event.event.kind == "cancel")
    run.cancel_token(transaction)
    run.happen("passed", event.id, None, scope, (transaction,), detail={"kind": "cancel"})
    leave(run, event, scope, (transaction,))
