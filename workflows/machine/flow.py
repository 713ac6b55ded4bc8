"""How tokens leave nodes and pass gateways: conditions, splits and joins (BPMN 2.0.2 §13.4). It knows no activities."""

from __future__ import annotations

from collections.abc import Iterable

from workflows.graph import Flow, Node
from workflows.machine.contract import Cause, MachineError
from workflows.machine.marking import Move, Run


def leave(run: Run, node: Node, scope: str, cause: Cause) -> None:
    """Send tokens out of an activity or event: over every flow without condition and every flow whose condition holds.

    The default flow is taken when no condition holds; no outgoing flow at all is an implicit end.
    """
    outgoing = node.outgoing
    if len(outgoing) == 1 and outgoing[0].condition is None:
        run.agenda.append(Move(outgoing[0].target, scope, cause, outgoing[0].id))
    elif outgoing:
        taken = _fulfilled(run, node, scope)
        if any(flow.condition is not None for flow in outgoing):
            run.happen("fired", node.id, None, scope, cause, detail={"taken": [flow.id for flow in taken]})
        _take(run, taken, scope, cause)


def _take(run: Run, flows: Iterable[Flow], scope: str, cause: Cause) -> None:
    for flow in flows:
        run.agenda.append(Move(flow.target, scope, cause, flow.id))


def _fulfilled(run: Run, node: Node, scope: str) -> list[Flow]:
    """The flows that receive a token from an inclusive gateway or an activity."""
    holding = {
        flow.id for flow in node.outgoing
        if flow.condition is not None and flow.id != node.default and run.host.condition(flow.condition, scope)
    }
    taken = [
        flow for flow in node.outgoing
        if flow.id in holding or (flow.id == node.default and not holding) or (flow.condition is None and flow.id != node.default)
    ]
    if not taken:
        raise no_way(node)
    return taken


def no_way(node: Node) -> MachineError:
    """No condition holds and there is no default flow."""
    name = node.name or node.id
    return MachineError(
        f"“{name}”的出线条件都不成立，也没有默认出线，事项无法继续。请更正数据后重试，或在模型中加默认出线。",
        f"No condition out of {name} holds and there is no default flow. Correct the data and try again, or give the model a default flow.",
        node.id,
    )


def pass_exclusive(run: Run, node: Node, move: Move) -> None:
    """The first flow in document order whose condition holds, else the default."""
    taken: Flow | None = None
    for flow in node.outgoing:
        if flow.id != node.default and (flow.condition is None or run.host.condition(flow.condition, move.scope)):
            taken = flow
            break
    if taken is None:
        taken = next((flow for flow in node.outgoing if flow.id == node.default), None)
    if taken is None:
        raise no_way(node)
    run.happen("fired", node.id, None, move.scope, move.cause, detail={"taken": [taken.id]})
    _take(run, (taken,), move.scope, move.cause)


def pass_parallel(run: Run, node: Node, move: Move) -> None:
    """Wait for one token on every incoming flow, take one from each, send one over every outgoing flow."""
    if move.flow is None or len(node.incoming) <= 1:
        run.happen("fired", node.id, None, move.scope, move.cause, detail={"taken": [flow.id for flow in node.outgoing]})
        _take(run, node.outgoing, move.scope, move.cause)
        return
    arrivals = rest(run, move)
    if all(arrivals.get(flow.id) for flow in node.incoming):
        cause = consume(run, node, move.scope, node.outgoing)
        _take(run, node.outgoing, move.scope, cause)


def pass_inclusive(run: Run, node: Node, move: Move) -> None:
    """Let the token rest when there are several incoming flows (the join is looked at when nothing else moves), else split."""
    if move.flow is None or len(node.incoming) <= 1:
        taken = _inclusive_ways(run, node, move.scope)
        run.happen("fired", node.id, None, move.scope, move.cause, detail={"taken": [flow.id for flow in taken]})
        _take(run, taken, move.scope, move.cause)
    else:
        rest(run, move)


def _inclusive_ways(run: Run, node: Node, scope: str) -> list[Flow]:
    return list(node.outgoing) if len(node.outgoing) == 1 and node.outgoing[0].condition is None else _fulfilled(run, node, scope)


def rest(run: Run, move: Move) -> dict[str, list[list[str]]]:
    """Let a token rest at a join; the arrivals of the scope by flow."""
    arrivals: dict[str, list[list[str]]] = run.part("j").setdefault(move.scope, {})
    arrivals.setdefault(str(move.flow), []).append(list(move.cause))
    return arrivals


def consume(run: Run, node: Node, scope: str, taken: Iterable[Flow]) -> Cause:
    """Take one arrival from every incoming flow that has one; the firing becomes the cause of what follows."""
    arrivals = run.state["j"][scope]
    used: list[tuple[str, str]] = []
    causes: list[str] = []
    for flow in node.incoming:
        resting = arrivals.get(flow.id)
        if resting:
            cause = resting.pop(0)
            used.extend((flow.id, token) for token in cause or [""])
            causes.extend(token for token in cause if token not in causes)
            if not resting:
                del arrivals[flow.id]
    if not arrivals:
        run.drop("j", scope)
    firing = run.new_id()
    run.happen("fired", node.id, firing, scope, tuple(causes), detail={"taken": [flow.id for flow in taken], "arrivals": used})
    return (firing,)


def fire_inclusive_join(run: Run) -> bool:
    """Fire the first inclusive join, in document order, that waits for nobody any more (BPMN 2.0.2 §13.4.3); False: none."""
    waiting = []
    for scope, arrivals in run.state.get("j", {}).items():
        joins = {run.plan.flows[flow].target for flow in arrivals}
        waiting += [(run.nodes[join].order, scope, run.nodes[join]) for join in joins if run.nodes[join].type == "inclusiveGateway"]
    for _, scope, node in sorted(waiting, key=lambda entry: entry[:2]):
        if _may_fire(run, node, scope):
            taken = _inclusive_ways(run, node, scope)
            _take(run, taken, scope, consume(run, node, scope, taken))
            return True
    return False


def _may_fire(run: Run, node: Node, scope: str) -> bool:
    """No other token of the scope can reach an empty incoming flow, unless it can also reach a filled one."""
    arrivals = run.state["j"][scope]
    filled = sum(1 << bit for bit, flow in enumerate(node.incoming) if arrivals.get(flow.id))
    empty = (1 << len(node.incoming)) - 1 & ~filled
    mask = run.plan.mask(node)
    places = {entry[0] for entry in run.tokens.values() if entry[1] == scope}
    places.update(run.plan.flows[flow].target for flow in arrivals)
    places.discard(node.id)
    return all(not mask.get(place, 0) & empty or mask.get(place, 0) & filled for place in places)
