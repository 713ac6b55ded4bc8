"""One atomic modification of the marking: what to cancel, what to start, which join arrivals to take away or put back. It knows no people."""

from __future__ import annotations

from collections.abc import Sequence

from workflows.graph import Node
from workflows.machine.activities import open_scope, remove_instance
from workflows.machine.compensation import handler_done
from workflows.machine.contract import ROOT, Cause, MachineError
from workflows.machine.marking import Move, Run

Start = str | tuple[str, str | None] | tuple[str, str | None, Sequence[str]]
Deposit = tuple[str, str | None, Sequence[str]]
Discard = tuple[str, str | None, Sequence[str] | None]


def modify_marking(
    run: Run, cancel: Sequence[str], start: Sequence[Start], redeposit: Sequence[Deposit], discard: Sequence[Discard]
) -> None:
    """Discard arrivals and cancel tokens, then start and re-deposit; scopes left empty are cancelled, never completed.

    Raises MachineError when a token, arrival or node does not exist, a scope is ambiguous, or nothing would be left.
    """
    for flow, scope, cause in discard:
        discard_arrival(run, flow, scope or ROOT, cause)
    cancelled = _cancel(run, cancel)
    if run.state.pop("e", None):
        run.forget_interruption(ROOT)
        run.open_scope_waits(ROOT)
    if not start and not redeposit and not run.tokens and not run.agenda and "j" not in run.state:
        raise MachineError("这样修改后事项没有任何待办环节；如要结束事项，请用“终止”。",
                           "The change would leave nothing open; to end the case, terminate it.")
    for wanted in start:
        _start(run, wanted, tuple(cancelled))
    for flow, scope, cause in redeposit:
        _deposit(run, flow, scope or ROOT, tuple(cause))
    _cancel_empty_scopes(run)


def _cancel(run: Run, cancel: Sequence[str]) -> list[str]:
    throwers = run.state.get("k", {})
    wanted = sorted(dict.fromkeys(str(token) for token in cancel), key=lambda token: token not in throwers)
    cancelled: list[str] = []
    present = set(run.tokens)
    for token in wanted:
        activity, _, index = token.partition("#")
        if activity not in present:
            raise MachineError("要取消的环节已经结束，请刷新。", f"There is no open token {token}.")
        cancelled.append(token)
        if activity not in run.tokens or activity in wanted and index:
            continue
        if index:
            remove_instance(run, token)
        else:
            _cancel_one(run, token)
    return cancelled


def discard_arrival(run: Run, flow: str, scope: str, cause: Sequence[str] | None) -> None:
    """Take away one arrival of this cause that rests on a flow into a join, or all that rest there."""
    resting = run.state.get("j", {}).get(scope, {})
    arrivals = resting.get(flow, [])
    wanted = None if cause is None else [str(token) for token in cause]
    if not arrivals or (wanted is not None and wanted not in arrivals):
        raise MachineError("汇合处没有这个到达，可能已经处理，请刷新。", f"No such arrival rests on {flow}; it may have been used already.")
    if wanted is None:
        arrivals.clear()
    else:
        arrivals.remove(wanted)
    if not arrivals:
        del resting[flow]
    if not resting:
        run.drop("j", scope)


def _cancel_one(run: Run, token: str) -> None:
    node = run.node_of(token)
    entry = run.state.get("k", {}).get(token)
    if entry and entry[1] in run.tokens:
        run.cancel_token(entry[1])
    run.cancel_token(token)
    if node.for_compensation:
        handler_done(run, token)


def _start(run: Run, wanted: Start, cancelled: Cause) -> None:
    parts = (wanted,) if isinstance(wanted, str) else wanted
    node_id, scope = parts[0], parts[1] if len(parts) > 1 else None
    cause = parts[2] if len(parts) > 2 else cancelled
    node = run.nodes.get(node_id)
    if node is None or node.for_compensation or node.triggered_by_event:
        raise MachineError(f"流程中没有可以开始的环节“{node_id}”。", f"The process has no element {node_id} that can be started.")
    place = _scope_for(run, node, tuple(cause)) if scope is None else _given_scope(run, node, str(scope))
    run.agenda.append(Move(node.id, place, tuple(str(token) for token in cause)))


def _given_scope(run: Run, node: Node, scope: str) -> str:
    if (scope != ROOT and scope not in run.tokens) or run.scope_node(scope) != node.scope or not _holds_tokens(run, scope):
        raise MachineError(f"“{node.name or node.id}”不在范围 {scope} 中。", f"{node.name or node.id} does not belong to scope {scope}.")
    return scope


def _holds_tokens(run: Run, scope: str) -> bool:
    """Whether tokens of this state may stand in a scope; instances of a multi-instance sub-process have states of their own."""
    return scope == ROOT or run.plan.is_scope(run.node_of(scope))


def _scope_for(run: Run, node: Node, cause: Cause) -> str:
    """The one live scope the node belongs to, made when there is none."""
    chain = run.plan.chain(node, run.scope_node(ROOT))
    if chain is None:
        raise MachineError(f"“{node.name or node.id}”不在此范围内。", f"{node.name or node.id} is not inside this scope.")
    place = ROOT
    for sub_process in chain:
        if run.nodes[sub_process].multi_instance is not None:
            raise _only_as_a_whole(run.nodes[sub_process])
        found = [token for token, entry in run.tokens.items() if entry[0] == sub_process and entry[1] == place]
        if len(found) > 1:
            name = run.nodes[sub_process].name or sub_process
            raise MachineError(f"子流程“{name}”有多个在运行，请指明是哪一个。", f"The sub-process {name} runs several times; say which.")
        place = found[0] if found else _new_scope(run, run.nodes[sub_process], place, cause)
    return place


def _only_as_a_whole(node: Node) -> MachineError:
    return MachineError(f"“{node.name or node.id}”是多实例子流程，只能从它本身开始。",
                        f"{node.name or node.id} is a multi-instance sub-process; start the sub-process itself.")


def _new_scope(run: Run, node: Node, scope: str, cause: Cause) -> str:
    token = run.open_token(node.id, scope, cause)
    run.open_boundary_waits(node, token, scope)
    if node.loop is not None:
        run.happen("instances_opened", node.id, token, scope, cause, detail={"loop": True})
        run.part("m")[token] = [0, 0, "0", 1]
    open_scope(run, node, token, scope, cause)
    return token


def _deposit(run: Run, flow_id: str, scope: str, cause: Cause) -> None:
    flow = run.plan.flows.get(flow_id)
    if flow is None or not run.plan.is_join(flow) or (scope != ROOT and scope not in run.tokens):
        raise MachineError(f"连线“{flow_id}”不通向汇合网关。", f"The flow {flow_id} does not lead to a join.")
    if run.scope_node(scope) != run.nodes[flow.target].scope or not _holds_tokens(run, scope):
        raise MachineError(f"连线“{flow_id}”不在范围 {scope} 中。", f"The flow {flow_id} does not belong to scope {scope}.")
    run.agenda.append(Move(flow.target, scope, cause, flow_id))


def _cancel_empty_scopes(run: Run) -> None:
    """A sub-process in which everything was cancelled was not completed: it is cancelled too, inner ones first."""
    while True:
        occupied = {entry[1] for entry in run.tokens.values()} | {move.scope for move in run.agenda} | set(run.state.get("j", {}))
        queued = {move.work.partition("#")[0] for move in run.agenda if move.work}
        empty = [
            token for token, entry in run.tokens.items()
            if run.plan.is_scope(run.nodes[entry[0]]) and token not in occupied and token not in queued
        ]
        if not empty:
            return
        for token in empty:
            run.cancel_token(token)
