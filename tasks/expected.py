"""Who will probably have the case next: along the drawing from where it stands, with today's data. A guess for the reader; it moves nothing."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from tasks.assignment import candidates_of, outcomes
from tasks.candidate_lines import line_words
from tasks.people import People
from workflows.case import Case
from workflows.errors import Rejection, Words
from workflows.graph import HUMAN, Flow, Node
from workflows.host import Functions, feel
from workflows.human_rules import natural_side

MOST = 3  # activities that are shown
MOST_NODES = 200  # that are looked at
MOST_NAMES = 3  # of one activity


@dataclass(frozen=True, slots=True)
class ExpectedStep:
    """An activity that probably comes next, and who would have it."""

    node_id: str
    name: Words
    people: Sequence[Words]


def expected(connection: Connection, people: People, case: Case, functions: Functions, nodes: Iterable[str]) -> list[ExpectedStep]:
    """The next human activities after `nodes` (where tokens stand), at most three; none for a case that is over."""
    if case.status != "active":
        return []
    found = _Walk(case, functions).after([case.version.graph.nodes[name] for name in nodes if name in case.version.graph.nodes])
    return [ExpectedStep(node.id, case.version.both(node.id), _who(connection, people, case, functions, node)) for node in found]


class _Walk:
    """From the tokens along the flows that today's data would take; every person is taken to agree."""

    def __init__(self, case: Case, functions: Functions) -> None:
        self._case = case
        self._functions = functions
        self._nodes = case.version.graph.nodes
        self._assumed: dict[str, Any] = {}

    def after(self, standing: Sequence[Node]) -> list[Node]:
        """The human activities reached first, in the order of the drawing."""
        for node in standing:
            self._assume(node)
        waiting: deque[Node] = deque(target for node in standing for target in self._targets(node))
        seen: set[str] = set()
        found: dict[str, Node] = {}
        while waiting and len(found) < MOST and len(seen) < MOST_NODES:
            node = waiting.popleft()
            if node.id in seen:
                continue
            seen.add(node.id)
            if node.type in HUMAN:
                found[node.id] = node
            else:
                waiting.extend(self._inside(node) or self._targets(node))
        return list(found.values())

    def _assume(self, node: Node) -> None:
        """The outcome that sends a case on is the first that agrees."""
        if node.type not in HUMAN:
            return
        try:
            offered = outcomes(self._case, node, self._functions)
        except Rejection:
            return
        agreed = next((item for item in offered if natural_side(item) == "A"), offered[0] if offered else None)
        if agreed is not None:
            self._assumed[f"{node.id}_outcome"] = agreed.get("value")

    def _inside(self, node: Node) -> list[Node]:
        return [one for one in self._nodes.values() if one.scope == node.id and one.type == "startEvent" and one.event.kind == "none"]

    def _targets(self, node: Node) -> list[Node]:
        if not node.outgoing:
            around = self._nodes.get(node.scope)
            return self._targets(around) if node.type == "endEvent" and around is not None else []
        return [self._nodes[flow.target] for flow in self._taken(node) if flow.target in self._nodes]

    def _taken(self, node: Node) -> Sequence[Flow]:
        if node.type in ("parallelGateway", "eventBasedGateway"):
            return node.outgoing
        default = [flow for flow in node.outgoing if flow.id == node.default]
        true = [flow for flow in node.outgoing if flow.id != node.default and self._holds(flow)]
        return (true[:1] if node.type == "exclusiveGateway" else true) or default

    def _holds(self, flow: Flow) -> bool:
        if flow.condition is None:
            return True
        try:
            return feel(self._case, self._functions, f"={flow.condition}", self._assumed) is True
        except Rejection:
            return False


def _who(connection: Connection, people: People, case: Case, functions: Functions, node: Node) -> list[Words]:
    """Names of people, role and office of pools; nobody where it cannot be told yet."""
    try:
        lines = candidates_of(case, node, functions)
    except (Rejection, ValueError, TypeError):
        return []
    return list(line_words(connection, people, lines).values())[:MOST_NAMES]
