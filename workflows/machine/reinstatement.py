"""Puts cancelled tokens and join arrivals back as they were, instead of what a completed activity would start, or in a case that was called off.

It knows no people.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workflows.graph import Node
from workflows.machine.activities import WORK_OF_OTHERS, open_scope
from workflows.machine.compensation import remember
from workflows.machine.contract import ROOT, Cause, MachineError, State
from workflows.machine.marking import Run, open_instances
from workflows.machine.modification import Discard, discard_arrival

EVENTS = frozenset({"intermediateCatchEvent", "eventBasedGateway"})


def reinstate_tokens(run: Run, done: str, before: State, cancelled: Sequence[str], arrivals: Sequence[Discard], taken: Sequence[Discard]) -> dict[str, str]:
    """Close `done` as completed and put `cancelled` tokens of the marking `before` back under new ids; returns old id → new id.

    `arrivals` come back to the joins where they rested, `taken` are taken away. Raises MachineError when a node or scope is gone.
    """
    _finish(run, done)
    for flow, scope, cause in taken:
        discard_arrival(run, flow, scope or ROOT, cause)
    order = _outer_first(before, cancelled)
    ids = {token: run.new_id() for token in order}
    for token in order:
        _put_back(run, token, before, ids)
    for flow, scope, cause in arrivals:
        place = mapped(str(scope or ROOT), ids)
        if flow not in run.plan.flows or (place != ROOT and place not in run.tokens):
            raise MachineError("要恢复的汇合已不存在。", f"The join behind {flow} is no longer there.")
        run.part("j").setdefault(place, {}).setdefault(flow, []).append([mapped(one, ids) for one in cause or ()])
    return ids


def revive_tokens(run: Run, before: State) -> dict[str, str]:
    """Everything that a case which was called off held in the marking `before` goes on under new ids; returns old id → new id."""
    run.state.pop("e", None)
    run.forget_interruption(ROOT)
    if ROOT in before.get("x", ()):
        run.state.setdefault("x", []).append(ROOT)
    else:
        run.open_scope_waits(ROOT)
    order = _outer_first(before, [token for token, entry in before["t"].items() if entry[1] == ROOT])
    ids = {token: run.new_id() for token in order}
    for token in order:
        _put_back(run, token, before, ids)
    for flow, resting in before.get("j", {}).get(ROOT, {}).items():
        run.part("j").setdefault(ROOT, {})[flow] = [[mapped(one, ids) for one in cause] for cause in resting]
    if ROOT in before.get("c", {}):
        run.part("c")[ROOT] = before["c"][ROOT]
    return ids


def _finish(run: Run, token: str) -> None:
    node = run.node_of(token)
    scope = str(run.tokens[token][1])
    run.happen("completed", node.id, token, scope, (), detail={"type": node.type})
    if node.id in run.plan.local:
        run.host.end(node, token, scope)
    if run.plan.handlers or run.plan.compensating:
        remember(run, node, token, scope)
    run.close_token(token)


def _outer_first(before: State, cancelled: Sequence[str]) -> list[str]:
    """The cancelled tokens with everything inside them, scopes before what they hold."""
    tokens: dict[str, list[Any]] = before["t"]
    chosen = {token.partition("#")[0] for token in cancelled}
    order: list[str] = []
    while True:
        more = [
            token for token, entry in tokens.items()
            if token not in order and (entry[1] in order or (token in chosen and entry[1] not in chosen))
        ]
        if not more:
            return order
        order += more


def mapped(token: str, ids: Mapping[str, str]) -> str:
    """The new id of a token, or of one instance of it."""
    activity, mark, index = token.partition("#")
    return f"{ids.get(activity, activity)}{mark}{index}"


def _put_back(run: Run, old: str, before: State, ids: dict[str, str]) -> None:
    node_id, scope, cause = before["t"][old]
    node, place, token = run.nodes.get(node_id), mapped(scope, ids), ids[old]
    if node is None or (place != ROOT and place not in run.tokens) or run.scope_node(place) != node.scope:
        raise MachineError(f"环节“{node_id}”已不在原处，不能直接恢复。", f"{node_id} is no longer where it was.")
    causes: Cause = tuple(mapped(one, ids) for one in cause)
    run.tokens[token] = [node_id, place, list(causes)]
    run.open_boundary_waits(node, token, place)
    if node.type in EVENTS:
        for event in [node] if node.type == "intermediateCatchEvent" else [run.nodes[flow.target] for flow in node.outgoing]:
            run.open_wait(event, token, place)
    elif old in before.get("m", {}):
        _instances_again(run, node, token, before["m"][old], causes)
    else:
        _work_again(run, node, token, place, causes)
    for flow, resting in before.get("j", {}).get(old, {}).items():
        run.part("j").setdefault(token, {})[flow] = [[mapped(one, ids) for one in one_cause] for one_cause in resting]
    if old in before.get("c", {}):
        run.part("c")[token] = before["c"][old]


def _instances_again(run: Run, node: Node, token: str, counters: list[Any], causes: Cause) -> None:
    place = str(run.tokens[token][1])
    run.happen("instances_opened", node.id, token, place, causes, detail={"instances": counters[0]})
    run.part("m")[token] = list(counters)
    if run.plan.is_scope(node):
        open_scope(run, node, token, place, causes)
        return
    for index in open_instances(counters):
        _work_again(run, node, f"{token}#{index}", place, (token,))


def _work_again(run: Run, node: Node, token: str, place: str, causes: Cause) -> None:
    if node.id in run.plan.local:
        run.host.begin(node, token, place)
    detail = {"type": node.type, "again": True, **({"index": int(token.partition("#")[2])} if "#" in token else {})}
    if node.type in WORK_OF_OTHERS or (node.type == "businessRuleTask" and "topic" in node.attributes):
        run.happen("opened", node.id, token, place, causes, detail=detail)
        if node.type == "receiveTask":
            run.open_wait(node, token, place)
    elif node.type == "callActivity" or (node.type == "subProcess" and node.multi_instance is not None):
        run.happen("call", node.id, token, place, causes, detail=detail)
    elif node.type == "subProcess":
        open_scope(run, node, token, place, causes)
    else:
        raise MachineError(f"“{node.name or node.id}”不能直接恢复。", f"{node.name or node.id} cannot be put back.")
