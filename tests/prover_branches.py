"""Every branch between a parallel fork and its join is accounted for: somebody is at work in it, or its arrival waits at the join, never both.

Read from the drawing and the marking alone; it knows neither history nor plans. What it finds is a join that could never fire, or fires too early.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from workflows.graph import Node, ProcessGraph

SPLIT, JOIN = "_split", "_join"


@dataclass(frozen=True)
class Branch:
    """One way from a fork to its join: the nodes on it, and the flow by which it arrives (None: it never does)."""

    nodes: frozenset[str]
    arrives: str | None


@dataclass(frozen=True)
class Fork:
    """A parallel fork whose join stands in the same scope."""

    name: str
    scope: str  # the process or sub-process both stand in
    branches: tuple[Branch, ...]


def forks_of(graph: ProcessGraph) -> list[Fork]:
    """The forks of a structured drawing: `<name>_split` is joined by `<name>_join`."""
    return [
        Fork(node.id.removesuffix(SPLIT), node.scope, tuple(_branch(graph, flow.target, node.id.removesuffix(SPLIT) + JOIN) for flow in node.outgoing))
        for node in graph.nodes.values() if node.type == "parallelGateway" and node.id.endswith(SPLIT)
    ]


def _branch(graph: ProcessGraph, entry: str, join: str) -> Branch:
    seen, stack = {entry}, [entry]
    while stack:
        ways = {way for way in _ways(graph, graph.nodes[stack.pop()]) if way != join} - seen
        seen |= ways
        stack += ways
    arrives = next((flow.id for flow in graph.nodes[join].incoming if flow.source in seen), None)
    return Branch(frozenset(seen), arrives)


def _ways(graph: ProcessGraph, node: Node) -> Iterator[str]:
    """Where a token on a node may go next in its scope; what a non-interrupting event starts is no part of the branch."""
    yield from (flow.target for flow in node.outgoing)
    for other in graph.nodes.values():
        if other.attached_to == node.id and other.interrupting is not False:
            yield other.id
        linked = node.event.kind == other.event.kind == "link" and node.event.name == other.event.name and node.scope == other.scope
        if linked and node.type == "intermediateThrowEvent" and other.type == "intermediateCatchEvent":
            yield other.id


def unaccounted(forks: list[Fork], root: str, state: Mapping[str, Any]) -> list[str]:
    """What is wrong with the branches of a marking; `root` is the process or sub-process its outermost scope belongs to."""
    scopes = {"0": root} | {token: entry[0] for token, entry in state["t"].items()}
    return [
        f"{fork.name} in scope {scope}: {told}"
        for scope, place in scopes.items() for fork in forks if fork.scope == place for told in _wrong(fork, scope, state)
    ]


def _wrong(fork: Fork, scope: str, state: Mapping[str, Any]) -> list[str]:
    here = {entry[0] for entry in state["t"].values() if entry[1] == scope}
    resting = state.get("j", {}).get(scope, {})
    found = [(len(here & branch.nodes), len(resting.get(branch.arrives, ()))) for branch in fork.branches]
    if not any(live or arrived for live, arrived in found):
        return []
    return [
        f"branch {number} has {live} at work and {arrived} arrivals"
        for number, ((live, arrived), branch) in enumerate(zip(found, fork.branches, strict=True))
        if arrived + bool(live) != 1 and branch.arrives is not None
    ]


__all__ = ["Branch", "Fork", "forks_of", "unaccounted"]
