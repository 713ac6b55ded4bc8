"""Compares machine and SpiffWorkflow on one random diagram that the library runs right; two reference interpreters judge a quarrel."""

from __future__ import annotations

import random

from tests.prover_trees import Answers, Case, Note, deployable_tree, silent
from tests.reference_calls import World
from tests.reference_marking import Arc, Net, Tokens
from tests.reference_scopes import Block
from workflows.machine import Happening
from workflows.spiff import Step, second_opinion, step_of

SIMPLE = frozenset({"sequence", "choice", "together", "sub", "catch", "loop"})
LONGEST = 12


def prove_opinion(source: random.Random, note: Note = silent) -> tuple[int, int]:
    """One small diagram; (steps, 1 when SpiffWorkflow alone disagrees). AssertionError: a reference sides with SpiffWorkflow."""
    drawn = deployable_tree(source, SIMPLE, 3)
    note(drawn.files["process"].decode())
    answers = Answers(source.getrandbits(32))
    case, world = Case(drawn.graphs["process"], answers), World(drawn.tree, answers)
    net = net_of(drawn.tree)
    questions = {arc.name: arc.name.removeprefix("?") for arc in net.arcs}
    tokens = Tokens(net, lambda name: answers(questions[name]))
    quarrel = ""
    steps = [_step(case, None, case.happenings)]
    while not quarrel and not case.machine.is_ended(case.state) and len(steps) <= LONGEST:
        answers.step += 1
        node = source.choice(sorted({handle.name for handle in world.handles}))
        note(f"step {answers.step}: {node}")
        _act(case, node)
        steps.append(_step(case, node, case.happenings))
        world.fire(node)
        tokens.complete(node)
        quarrel = _quarrel(steps[-1], world, tokens)
    opinion = second_opinion(drawn.files["process"], "process", steps)
    if quarrel:
        raise AssertionError(f"{quarrel}; SpiffWorkflow: {opinion}")
    note(f"SpiffWorkflow {opinion}")
    return len(steps), int(opinion.startswith("disagrees"))


def _act(case: Case, node: str) -> None:
    working = [token for token, found in case.work() if found == node]
    if working:
        case.complete(working[0])
    else:
        case.trigger(next(wait for wait, found in case.waits() if found == node))


def _step(case: Case, completed: str | None, happenings: list[Happening]) -> Step:
    scopes, nodes = case.machine.plan.is_scope, case.graph.nodes
    waiting = [node for _, node, _, _ in case.machine.tokens(case.state) if not scopes(nodes[node])]
    return step_of(completed, happenings, waiting, case.machine.is_ended(case.state))


def _quarrel(step: Step, world: World, tokens: Tokens) -> str:
    """Which reference sees something else open, or ""."""
    by_tree, by_net = sorted(handle.name for handle in world.handles), sorted(tokens.active.elements())
    here = sorted(step.open)
    return "" if here == by_tree == by_net else f"open are {here}, by the tree {by_tree}, by the net {by_net}"


def net_of(tree: Block) -> Net:
    """The same diagram for the flow-marking interpreter; a sub-process that nothing can interrupt is what it contains.

    Arcs with a condition are named "?" and the condition.
    """
    net = Net({"start": "start"})
    entry, leave = _part(tree.inner[0], net)
    net.kinds["end"] = "end"
    net.arcs += [Arc("start", "start", entry), Arc("end", leave, "end")]
    return net


def _part(block: Block, net: Net) -> tuple[str, str]:
    if block.kind in ("task", "catch"):
        net.kinds[block.name] = "task"
        return block.name, block.name
    if block.kind == "sub":
        return _part(block.inner[0], net)
    if block.kind == "sequence":
        parts = [_part(inner, net) for inner in block.inner]
        net.arcs += [Arc(f"{before}>{after}", before, after) for (_, before), (after, _) in zip(parts, parts[1:], strict=False)]
        return parts[0][0], parts[-1][1]
    split, join = f"{block.name}_in", f"{block.name}_out"
    net.kinds[split] = net.kinds[join] = "parallel" if block.kind == "together" else "exclusive"
    parts = [_part(inner, net) for inner in block.inner]
    if block.kind == "loop":
        (entry, leave), after = parts[0], f"{block.name}_after"
        net.kinds[after] = "exclusive"
        net.arcs += [Arc(f"{split}>", split, entry), Arc(f"{after}<", leave, after)]
        net.arcs += [Arc(f"?{block.name}_again", after, split, True), Arc(f"{join}<", after, join, False, True)]
        return split, join
    for position, (entry, leave) in enumerate(parts):
        asked, last = block.kind == "choice", position == len(parts) - 1
        net.arcs.append(Arc(f"?{block.name}_{position}", split, entry, asked and not last, asked and last))
        net.arcs.append(Arc(f"{block.name}_{position}<", leave, join))
    return split, join
