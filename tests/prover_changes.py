"""Random returns and jumps in structured diagrams: what is left, what is new, and that nothing is completed by them."""

from __future__ import annotations

import json
import random
from collections import Counter
from typing import Any

from tests.prover_trees import FEATURES, WALKS, Answers, Case, Note, deployable_tree, silent
from workflows.graph import ProcessGraph
from workflows.machine import MachineError

ONLY_BY_COMPLETION = {"completed", "performed", "scope_closed", "instances_completed", "ended"}
FEW = 3


def prove_change(source: random.Random, steps: int, note: Note = silent) -> int:
    """Random returns and jumps in structured diagrams with sub-processes; the number of steps done. AssertionError: something is wrong."""
    features = FEATURES if source.random() < 0.4 else FEATURES - {"some"}
    drawn = deployable_tree(source, features)
    note(drawn.files["process"].decode())
    return sum(_walk(source, drawn.graphs["process"], steps, note) for _ in range(WALKS))


def _walk(source: random.Random, graph: ProcessGraph, steps: int, note: Note) -> int:
    answers = Answers(source.getrandbits(32))
    note("a new case")
    case = Case(graph, answers)
    nodes = case.graph.nodes.values()
    startable = sorted(node.id for node in nodes if node.type in ("userTask", "subProcess") and not node.for_compensation and not node.triggered_by_event)
    done = 0
    while done < steps and not case.machine.is_ended(case.state):
        answers.step += 1
        done += 1
        live = [token for token, *_ in case.machine.tokens(case.state)]
        if startable and source.random() < 0.3:
            change = (source.sample(live, source.randint(0, min(FEW, len(live)))), source.choice(startable))
            note(f"step {done}: cancel {change[0]}, start {change[1]}")
            _change(case, *change)
        elif case.work():
            token, node = source.choice(case.work())
            note(f"step {done}: complete {token} on {node}")
            case.complete(token)
        elif case.waits():
            wait, node = source.choice(case.waits())
            note(f"step {done}: {wait} on {node}")
            case.trigger(wait)
        else:
            break
    return done


def _change(case: Case, cancel: list[str], start: str) -> None:
    before = json.loads(json.dumps(case.state))
    try:
        case.modify(cancel, [start], [], [])
    except MachineError:
        case.state = before
        return
    live = {token for token, *_ in case.machine.tokens(before)}
    kept = live - set(cancel)
    after = {token: node for token, node, _, _ in case.machine.tokens(case.state)}
    assert not set(cancel) & set(after), "a cancelled token lives on"
    assert all(token in kept or int(token.partition("#")[0]) > before["n"] or "#" in token for token in after)
    if _exact(case, before, cancel):
        _compare(case, before, cancel, start)
    elif not case.machine.plan.conditional:
        assert start in after.values(), "what was started is not there"


def _exact(case: Case, before: dict[str, Any], cancel: list[str]) -> bool:
    """Whether nothing but the change itself can move: no inclusive join that need wait no more, no compensation under way."""
    nodes = case.graph.nodes
    cancelled = {before["t"][token.partition("#")[0]][0] for token in cancel}
    return (
        not any(node.type == "inclusiveGateway" and len(node.incoming) > 1 for node in nodes.values())
        and not any(nodes[node].for_compensation for node in cancelled) and "k" not in before
    )


def _compare(case: Case, before: dict[str, Any], cancel: list[str], start: str) -> None:
    """The marking right after the change: before − cancelled − what was inside − sub-processes left empty + what was started."""
    kept, made = expected(case, before, cancel, start)
    after, nodes = case.changed["t"], case.graph.nodes
    if nodes[start].type == "userTask":
        assert {token for token in after if int(token) <= before["n"]} == kept, (sorted(after), sorted(kept))
        new = Counter(entry[0] for token, entry in after.items() if int(token) > before["n"])
        assert new == made, f"new are {dict(new)}, not {dict(made)}"
        finished = [(happening.kind, happening.node) for happening in case.modified if happening.kind in ONLY_BY_COMPLETION]
        assert finished == [], f"a change completed {finished}"
        waits = {wait for wait, (_, owner, *_) in before.get("w", {}).items() if owner == "0" or owner.partition("#")[0] in kept}
        waits = {wait for wait in waits if "#" not in before["w"][wait][1] or before["w"][wait][1] not in cancel}
        still = {wait for wait in case.changed.get("w", {}) if int(wait[1:]) <= before["n"]}
        assert still == waits, f"listened to are {sorted(still)}, not {sorted(waits)}"
    else:
        assert kept <= set(after) and start in {entry[0] for entry in after.values()}, "what should have stayed is gone"


def expected(case: Case, before: dict[str, Any], cancel: list[str], start: str) -> tuple[set[str], Counter[str]]:
    """The tokens that stay, and the nodes of the new ones: a task started in a sub-process that does not run makes it run.

    The body of several instances is a case of its own, whose root is that sub-process.
    """
    tokens, nodes, plan = before["t"], case.graph.nodes, case.machine.plan
    gone = {token for token in cancel if "#" not in token}
    for token in {token.partition("#")[0] for token in cancel if "#" in token}:
        instances = {one for one, *_ in case.machine.tokens(before) if one.startswith(f"{token}#")}
        if instances <= set(cancel):
            gone.add(token)
    kept = _without_inside(tokens, set(tokens) - gone)
    made, place, used = Counter([start]), "0", {"0"}
    for node in plan.chain(nodes[start], before.get("r", case.graph.id)) or ():
        found = [token for token in kept if tokens[token][0] == node and tokens[token][1] == place]
        if not found:
            made[node] += 1
        place = found[0] if found else f"new {node}"
        used.add(place)
    while True:
        resting = {scope for scope in before.get("j", {})}
        occupied = {tokens[token][1] for token in kept} | used | resting
        empty = {token for token in kept if plan.is_scope(nodes[tokens[token][0]]) and token not in occupied}
        if not empty:
            return kept, made
        kept = _without_inside(tokens, kept - empty)


def _without_inside(tokens: dict[str, Any], kept: set[str]) -> set[str]:
    while True:
        inside = {token for token in kept if tokens[token][1] != "0" and tokens[token][1] not in kept}
        if not inside:
            return kept
        kept = kept - inside
