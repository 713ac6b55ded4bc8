"""Activities: entering, working, loops and multi-instance as counters, completing (BPMN 2.0.2 §13.3)."""

from __future__ import annotations

from typing import Any

from workflows.graph import Node
from workflows.machine.compensation import handler_done, handler_opened, remember
from workflows.machine.contract import ROOT, BpmnError, Cause, MachineError
from workflows.machine.events import throw_error
from workflows.machine.flow import leave
from workflows.machine.marking import Move, Run, open_instances

WORK_OF_OTHERS = frozenset({"userTask", "manualTask", "serviceTask", "sendTask", "receiveTask"})
MAXIMUM_INSTANCES = 10_000
TOTAL, DONE, OPEN, NEXT = 0, 1, 2, 3


def enter_activity(run: Run, node: Node, move: Move) -> None:
    """A token enters an activity."""
    token = run.open_token(node.id, move.scope, move.cause)
    if node.for_compensation:
        handler_opened(run, token, move.cause)
    run.open_boundary_waits(node, token, move.scope)
    if node.multi_instance is not None:
        _begin_instances(run, node, token, move.scope, move.cause)
    elif node.loop is not None:
        _begin_loop(run, node, token, move.scope, move.cause)
    else:
        work(run, node, token, move.scope, move.cause)


def work(run: Run, node: Node, token: str, scope: str, cause: Cause) -> None:
    """Begin one piece of work: for a person, a job, a state row of its own, an inner scope – or do it now."""
    kind = node.type
    if node.id in run.plan.local:
        run.host.begin(node, token, scope)
    if kind in WORK_OF_OTHERS or (kind == "businessRuleTask" and "topic" in node.attributes):
        run.happen("opened", node.id, token, scope, cause, detail=_described(node, token))
        if kind == "receiveTask":
            run.open_wait(node, token, scope)
    elif kind == "callActivity" or (kind == "subProcess" and node.multi_instance is not None):
        run.happen("call", node.id, token, scope, cause, detail=_described(node, token))
    elif kind == "subProcess":
        open_scope(run, node, token.partition("#")[0], scope, cause)
        run.agenda.append(Move(run.plan.plain_start[node.id], token.partition("#")[0], (token,)))
    else:
        _perform(run, node, token, scope, cause)


def _described(node: Node, token: str) -> dict[str, Any]:
    index = token.partition("#")[2]
    return {"type": node.type, "index": int(index)} if index else {"type": node.type}


def open_scope(run: Run, node: Node, token: str, scope: str, cause: Cause) -> None:
    """The inner scope of a sub-process begins to exist."""
    run.happen("scope_opened", node.id, token, scope, cause)
    run.open_scope_waits(token)


def _perform(run: Run, node: Node, token: str, scope: str, cause: Cause) -> None:
    try:
        if node.type != "task":
            run.host.perform(node, token, scope)
    except BpmnError as error:
        throw_error(run, token.partition("#")[0], scope, error.code, error.message)
        return
    run.happen("performed", node.id, token, scope, cause, detail=_described(node, token))
    work_done(run, token)


def work_done(run: Run, token: str) -> None:
    """One piece of work is done: the whole activity, or one instance of it."""
    activity, _, index = token.partition("#")
    node = run.node_of(activity)
    counters = run.state.get("m", {}).get(activity)
    if node.id in run.plan.local:
        run.host.end(node, token, str(run.tokens[activity][1]))
    if counters is None:
        finish(run, activity)
        return
    if index:
        _close_instance(run, token, counters, int(index))
    counters[DONE] += 1
    if node.loop is not None:
        _continue_loop(run, node, activity, counters)
    else:
        _continue_instances(run, node, activity, counters)


def finish(run: Run, token: str) -> None:
    """An activity is over: its waits close, it may be logged for compensation, tokens leave it."""
    node_id, scope, _ = run.tokens[token]
    node = run.nodes[node_id]
    if run.plan.handlers or run.plan.compensating:
        remember(run, node, token, scope)
    run.close_token(token)
    if node.for_compensation:
        handler_done(run, token)
    else:
        leave(run, node, scope, (token,))


# multi-instance


def _begin_instances(run: Run, node: Node, token: str, scope: str, cause: Cause) -> None:
    instances = node.multi_instance
    assert instances is not None
    total = run.host.count(instances.size, scope)
    if not 0 <= total <= MAXIMUM_INSTANCES:
        raise MachineError(
            f"“{node.name or node.id}”的实例数 {total} 不在 0 到 {MAXIMUM_INSTANCES} 之间。",
            f"{node.name or node.id} would have {total} instances; 0 to {MAXIMUM_INSTANCES} are possible.", node.id,
        )
    run.happen("instances_opened", node.id, token, scope, cause, detail={"instances": total, "sequential": instances.sequential})
    counters = run.part("m")[token] = [total, 0, "0", 0]
    if total == 0:
        _complete_instances(run, node, token, counters)
        return
    for _ in range(1 if instances.sequential else total):
        _open_instance(run, node, token, counters)


def _open_instance(run: Run, node: Node, token: str, counters: list[Any]) -> None:
    """Queue the next instance, so that many inline instances need no deep call stack."""
    index = counters[NEXT]
    counters[NEXT] += 1
    counters[OPEN] = f"{int(counters[OPEN], 16) | 1 << index:x}"
    run.agenda.append(Move(node.id, str(run.tokens[token][1]), (token,), work=f"{token}#{index}"))


def begin_queued_work(run: Run, node: Node, move: Move) -> None:
    """Begin an instance that was queued."""
    work(run, node, str(move.work), move.scope, move.cause)


def _close_instance(run: Run, token: str, counters: list[Any], index: int) -> None:
    bits = int(counters[OPEN], 16)
    if not bits >> index & 1:
        raise MachineError("该环节已经结束，请刷新。", f"The instance {token} is over.")
    counters[OPEN] = f"{bits & ~(1 << index):x}"


def _continue_instances(run: Run, node: Node, token: str, counters: list[Any]) -> None:
    instances = node.multi_instance
    assert instances is not None
    scope = str(run.tokens[token][1])
    if instances.completion_condition is not None and run.host.condition(instances.completion_condition, scope, _numbers(counters)):
        _complete_instances(run, node, token, counters)
    elif instances.sequential and counters[NEXT] < counters[TOTAL]:
        _open_instance(run, node, token, counters)
    elif counters[OPEN] == "0":
        _complete_instances(run, node, token, counters)


def _numbers(counters: list[Any]) -> dict[str, int]:
    """The instance attributes of BPMN 2.0.2 table 10.31, under their names there and under Camunda's."""
    total, done, active = counters[TOTAL], counters[DONE], len(open_instances(counters))
    return {
        "numberOfInstances": total, "numberOfCompletedInstances": done, "numberOfActiveInstances": active,
        "numberOfTerminatedInstances": counters[NEXT] - done - active,
        "nrOfInstances": total, "nrOfCompletedInstances": done, "nrOfActiveInstances": active,
    }


def _complete_instances(run: Run, node: Node, token: str, counters: list[Any]) -> None:
    run.cancel_instances(token)
    run.agenda = type(run.agenda)(move for move in run.agenda if move.work is None or move.work.partition("#")[0] != token)
    _, scope, cause = run.tokens[token]
    if node.multi_instance is not None:
        run.host.gather(node, token, str(scope))
    run.happen("instances_completed", node.id, token, scope, tuple(cause), detail={"instances": counters[TOTAL], "completed": counters[DONE]})
    finish(run, token)


def remove_instance(run: Run, token: str) -> None:
    """Cancel one instance; when no other is open the whole activity is cancelled, never completed."""
    activity, _, index = token.partition("#")
    node = run.node_of(activity)
    counters = run.state.get("m", {}).get(activity, [0, 0, "0", 0])
    _close_instance(run, token, counters, int(index))
    run.close_waits(token)
    run.happen("cancelled", node.id, token, str(run.tokens[activity][1]), (activity,), detail=_described(node, token))
    if counters[OPEN] == "0":
        run.cancel_token(activity)


# standard loop


def _begin_loop(run: Run, node: Node, token: str, scope: str, cause: Cause) -> None:
    assert node.loop is not None
    run.happen("instances_opened", node.id, token, scope, cause, detail={"loop": True})
    counters = run.part("m")[token] = [0, 0, "0", 0]
    if node.loop.test_before and not _goes_on(run, node, scope, counters):
        _complete_instances(run, node, token, counters)
    else:
        _repeat(run, node, token, counters)


def _goes_on(run: Run, node: Node, scope: str, counters: list[Any]) -> bool:
    loop = node.loop
    assert loop is not None
    if loop.maximum is not None and counters[DONE] >= loop.maximum:
        return False
    return loop.condition is None or run.host.condition(loop.condition, scope, {"loopCounter": counters[DONE]})


def _repeat(run: Run, node: Node, token: str, counters: list[Any]) -> None:
    """The next round; a sub-process runs in the scope of the looping token itself."""
    scope = str(run.tokens[token][1])
    counters[NEXT] += 1
    if node.type == "subProcess":
        run.agenda.append(Move(node.id, scope, (token,), work=token))
    else:
        counters[OPEN] = f"{1 << counters[NEXT] - 1:x}"
        run.agenda.append(Move(node.id, scope, (token,), work=f"{token}#{counters[NEXT] - 1}"))


def _continue_loop(run: Run, node: Node, token: str, counters: list[Any]) -> None:
    if _goes_on(run, node, str(run.tokens[token][1]), counters):
        _repeat(run, node, token, counters)
    else:
        _complete_instances(run, node, token, counters)


def close_finished_scopes(run: Run) -> bool:
    """Complete every scope in which nothing is left, inner ones first; False: none was closed."""
    tokens, arrivals = run.tokens, run.state.get("j", {})
    occupied = {entry[1] for entry in tokens.values()}
    finished = [
        token for token, entry in tokens.items()
        if token not in occupied and token not in arrivals and run.plan.is_scope(run.nodes[entry[0]])
    ]
    for token in finished:
        node_id, scope, cause = tokens[token]
        run.close_waits(token, starts_only=True)
        run.happen("scope_closed", node_id, token, scope, tuple(cause))
        run.forget_interruption(token)
        work_done(run, token)
    if not finished and not tokens and not arrivals and "e" not in run.state:
        run.close_waits(ROOT, starts_only=True)
        run.state["e"] = 1
        run.happen("ended")
    return bool(finished)
