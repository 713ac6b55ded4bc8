"""Events: catching, throwing, propagation of errors and escalations, event sub-processes, termination (BPMN 2.0.2 §13.5)."""

from __future__ import annotations

from collections.abc import Callable

from workflows.graph import Node
from workflows.machine.contract import ROOT, Cause
from workflows.machine.flow import leave
from workflows.machine.marking import Move, Run


def enter_catch(run: Run, node: Node, move: Move) -> None:
    """A token waits for an event; a link catch passes at once."""
    if node.event.kind == "link":
        leave(run, node, move.scope, move.cause)
        return
    token = run.open_token(node.id, move.scope, move.cause)
    if node.id in run.plan.local:
        run.host.begin(node, token, move.scope)
    run.open_wait(node, token, move.scope)


def enter_event_gateway(run: Run, node: Node, move: Move) -> None:
    """A token waits for the first of several events."""
    token = run.open_token(node.id, move.scope, move.cause)
    for flow in node.outgoing:
        run.open_wait(run.nodes[flow.target], token, move.scope)


def pass_event(run: Run, node: Node, move: Move) -> None:
    """A start event, a boundary event or an event without trigger is passed at once."""
    run.happen("passed", node.id, None, move.scope, move.cause, detail={"kind": node.event.kind})
    leave(run, node, move.scope, move.cause)


def throw_out(run: Run, node: Node, move: Move) -> None:
    """A message or signal leaves the case; the host delivers it. A throw event goes on at once."""
    kind, mapped = node.event.kind, node.id in run.plan.local
    waits = [wait for wait, entry in run.state.get("w", {}).items() if listens(run.nodes[entry[0]], kind, node.event.name)]
    token = run.open_token(node.id, move.scope, move.cause) if mapped else run.new_id()
    if mapped:
        run.host.begin(node, token, move.scope)
    carried = run.host.thrown(node, token if mapped else move.scope)
    run.happen(f"{kind}_thrown", node.id, token, move.scope, move.cause, detail={"name": node.event.name, "waits": waits, **carried})
    if mapped:
        run.host.end(node, token, move.scope)
        run.close_token(token)
    pass_event(run, node, move)


def after_mappings(enter: Callable[[Run, Node, Move], None]) -> Callable[[Run, Node, Move], None]:
    """An event that carries nothing: what its mappings say is written, then it is entered."""
    def enter_mapped(run: Run, node: Node, move: Move) -> None:
        token = run.open_token(node.id, move.scope, move.cause)
        run.host.begin(node, token, move.scope)
        run.host.end(node, token, move.scope)
        run.close_token(token)
        enter(run, node, move)

    return enter_mapped


def listens(node: Node, kind: str, name: str | None) -> bool:
    """Whether a catching node listens for this message or signal."""
    return node.event.kind == kind and node.event.name == name


def terminate(run: Run, node: Node, move: Move) -> None:
    """A terminate end event cancels everything else in its scope."""
    run.happen("passed", node.id, None, move.scope, move.cause, detail={"kind": "terminate"})
    run.empty_scope(move.scope)


def throw_error_event(run: Run, node: Node, move: Move) -> None:
    """An error end event."""
    run.happen("passed", node.id, None, move.scope, move.cause, detail={"kind": "error"})
    throw_error(run, None, move.scope, node.event.code, node.event.error_message)


def throw_escalation_event(run: Run, node: Node, move: Move) -> None:
    """An escalation throw or end event; the token goes on unless the catching event interrupts it."""
    run.happen("passed", node.id, None, move.scope, move.cause, detail={"kind": "escalation"})
    if not throw_escalation(run, None, move.scope, node.event.code, move.cause):
        leave(run, node, move.scope, move.cause)


# propagation


def throw_error(run: Run, token: str | None, scope: str, code: str | None, message: str | None = None) -> bool:
    """Carry an error outwards to the nearest event that catches it; uncaught, it ends the case. True when caught."""
    if _propagate(run, "error", token, scope, code, message) is not None:
        return True
    said = {"message": message} if message is not None else {}
    run.happen("error_uncaught", None, token, scope, detail={"code": code, **said})
    run.empty_scope(ROOT)
    run.state["e"] = 1
    run.happen("ended", detail={"error": code, **said})
    return False


def throw_escalation(run: Run, token: str | None, scope: str, code: str | None, cause: Cause) -> bool:
    """Carry an escalation outwards; True when the catching event interrupted the thrower."""
    caught = _propagate(run, "escalation", token, scope, code)
    run.happen("escalation", caught.id if caught else None, token, scope, cause, detail={"code": code, "caught": caught is not None})
    return caught is not None and caught.interrupting


def _propagate(run: Run, kind: str, token: str | None, scope: str, code: str | None, message: str | None = None) -> Node | None:
    """From the activity of `token`, or from `scope`, outwards: boundary events, then event sub-processes of the scope around."""
    while True:
        if token is not None:
            event = _matching(run.plan.boundary.get(run.tokens[token][0], ()), kind, code)
            if event is not None:
                _tell(run, event, code, str(run.tokens[token][1]), message)
                fire_boundary(run, event, token)
                return event
        if scope not in run.state.get("x", ()):
            start = _matching(run.plan.event_starts.get(run.scope_node(scope), ()), kind, code)
            if start is not None:
                _tell(run, start, code, scope, message)
                start_event_sub_process(run, start, scope)
                return start
        if scope == ROOT:
            return None
        token, scope = scope, str(run.tokens[scope][1])


def _tell(run: Run, event: Node, code: str | None, scope: str, message: str | None) -> None:
    if event.event.code_variable is not None or event.event.error_message_variable is not None:
        run.host.caught(event, code, scope, message)


def _matching(events: list[Node] | tuple[()], kind: str, code: str | None) -> Node | None:
    """The event that names the code, else the one that names none."""
    of_kind = [event for event in events if event.event.kind == kind]
    named = [event for event in of_kind if event.event.code is not None and event.event.code == code]
    return next(iter(named or [event for event in of_kind if event.event.code is None]), None)


# being triggered


def fire_boundary(run: Run, event: Node, token: str) -> None:
    """A boundary event goes off; an interrupting one cancels its activity."""
    scope = str(run.tokens[token][1])
    if event.interrupting:
        run.cancel_token(token)
    run.happen("passed", event.id, None, scope, (token,), detail={"kind": event.event.kind})
    leave(run, event, scope, (token,))


def start_event_sub_process(run: Run, start: Node, scope: str) -> None:
    """An event sub-process begins; an interrupting one first cancels everything in the scope around it."""
    cause: Cause = () if scope == ROOT else (scope,)
    if start.interrupting:
        run.interrupt(scope)
    token = run.open_token(start.scope, scope, cause)
    run.happen("scope_opened", start.scope, token, scope, cause)
    run.open_scope_waits(token)
    run.happen("passed", start.id, None, token, (token,), detail={"kind": start.event.kind})
    leave(run, start, token, (token,))


def trigger_event(run: Run, wait: str) -> str | None:
    """The event of a wait has come. Returns the token of a receive task that is thereby done, else None."""
    node_id, owner = run.state["w"][wait][:2]
    node = run.nodes[node_id]
    once = node.event.kind == "timer" and node.event.timer != "cycle"
    if node.type == "boundaryEvent":
        if once and not node.interrupting:
            run.close_wait(wait)
        fire_boundary(run, node, owner)
    elif node.type == "startEvent":
        if once and not node.interrupting:
            run.close_wait(wait)
        start_event_sub_process(run, node, owner)
    elif node.type == "receiveTask" and run.nodes[run.tokens[owner.partition("#")[0]][0]].type != "eventBasedGateway":
        run.close_wait(wait)
        return str(owner)
    else:
        waiting, scope, cause = run.tokens[owner]
        if node.id in run.plan.local:
            if waiting != node.id:  # it waited at an event-based gateway
                run.host.begin(node, owner, scope)
            run.host.end(node, owner, scope)
        run.close_token(owner)
        run.happen("passed", node.id, owner, scope, tuple(cause), detail={"kind": node.event.kind})
        leave(run, node, scope, (owner,))
    return None
