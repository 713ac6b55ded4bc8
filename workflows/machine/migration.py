"""Carries a marking to another version of its process by mapping element ids; waits of kept elements stay as they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflows.graph import Node
from workflows.machine.contract import ROOT, MigrationRefused, State
from workflows.machine.marking import Run
from workflows.machine.plan import WAIT_KINDS, Plan


class Migration:
    """One marking on its way from `old` to `new`; `mapping` gives new ids for renamed nodes and flows, others keep theirs."""

    def __init__(self, old: Plan, new: Plan, state: State, mapping: Mapping[str, str]) -> None:
        self._old, self._new, self._state, self._mapping = old, new, state, mapping
        self._problems: list[str] = []

    def run(self, run: Run) -> None:
        """Change the state; `run` belongs to the new version. Raises MigrationRefused with every name before anything changes."""
        self._check()
        if self._problems:
            raise MigrationRefused(sorted(set(self._problems)))
        if "r" in self._state:
            self._state["r"] = self._to(self._state["r"])
        for entry in self._state["t"].values():
            entry[0] = self._to(entry[0])
        for scope, arrivals in list(self._state.get("j", {}).items()):
            self._state["j"][scope] = {self._to(flow): causes for flow, causes in arrivals.items()}
        for part in self._state.get("k", {}).values():
            part[0] = [self._to(handler) for handler in part[0]]
        if "c" in self._state:
            self._state["c"] = {scope: self._log(entries) for scope, entries in self._state["c"].items()}
        self._waits(run)

    def _to(self, identity: str) -> str:
        return self._mapping.get(identity, identity)

    def _check(self) -> None:
        root = str(self._state.get("r", self._old.graph.id))
        scopes = {ROOT: self._to(root) if root in self._old.nodes else self._new.graph.id}
        tokens: dict[str, list[Any]] = self._state["t"]
        for token, entry in tokens.items():
            scopes[token] = self._to(entry[0])
        for entry in tokens.values():
            node, target = self._old.nodes[entry[0]], self._new.nodes.get(self._to(entry[0]))
            placed = target is not None and (target.scope == scopes[entry[1]] or target.for_compensation)
            if target is None or not placed or not _alike(node, target):
                self._problems.append(node.name or node.id)
        for scope, arrivals in self._state.get("j", {}).items():
            for flow in arrivals:
                self._check_arrival(flow, scopes[scope])
        for handler in (handler for part in self._state.get("k", {}).values() for handler in part[0]):
            if self._to(handler) not in self._new.nodes:
                self._problems.append(handler)

    def _check_arrival(self, flow: str, scope: str) -> None:
        old, new = self._old.flows[flow], self._new.flows.get(self._to(flow))
        join = self._old.nodes[old.target]
        if new is None or not self._new.is_join(new) or self._new.nodes[new.target].type != join.type or self._new.nodes[new.target].scope != scope:
            self._problems.append(join.name or join.id)

    def _log(self, entries: list[list[Any]]) -> list[list[Any]]:
        """Compensation entries whose activity is still there."""
        return [
            [self._to(entry[0]), entry[1], *([self._log(entry[2])] if len(entry) > 2 else [])]
            for entry in entries if self._to(entry[0]) in self._new.nodes
        ]

    def _waits(self, run: Run) -> None:
        """Keep the waits that still mean the same, close the others, open those the new version adds."""
        wanted = self._wanted(run)
        waits: dict[str, list[Any]] = self._state.get("w", {})
        for wait, entry in list(waits.items()):
            entry[0], before = self._to(entry[0]), self._old.nodes[entry[0]]
            key = (entry[0], entry[1])
            after = run.nodes.get(entry[0])
            if key in wanted and after is not None and after.event.kind == before.event.kind:
                wanted.pop(key)
            else:
                run.drop("w", wait)
                run.happen("unwait", before.id, entry[1], wait=wait)
        for (node, owner), scope in wanted.items():
            run.open_wait(run.nodes[node], owner, scope)

    def _wanted(self, run: Run) -> dict[tuple[str, str], str]:
        """What a marking of the new version listens for: (node, owner) → scope. A timer that already went off is not armed again."""
        fired = self._fired_before()
        wanted: dict[tuple[str, str], str] = {}
        for token, (node_id, scope, _) in run.tokens.items():
            for node in _listened(run, run.nodes[node_id]):
                wanted[node.id, token] = scope
            if run.nodes[node_id].type == "receiveTask":
                for owner in _workers(run, token):
                    wanted[node_id, owner] = scope
        for scope in (ROOT, *(token for token, entry in run.tokens.items() if run.plan.is_scope(run.nodes[entry[0]]))):
            if "e" not in self._state and scope not in self._state.get("x", ()):
                for start in run.plan.event_starts.get(run.scope_node(scope), ()):
                    if start.event.kind in WAIT_KINDS:
                        wanted[start.id, scope] = scope
        return {key: scope for key, scope in wanted.items() if key not in fired}

    def _fired_before(self) -> set[tuple[str, str]]:
        """Non-interrupting one-time timers of the old version that no longer listen: they have gone off."""
        listening = {(entry[0], entry[1]) for entry in self._state.get("w", {}).values()}
        fired = set()
        for node in self._old.nodes.values():
            if node.event.kind == "timer" and not node.interrupting and node.event.timer != "cycle":
                for owner in (ROOT, *self._state["t"]):
                    if (node.id, owner) not in listening:
                        fired.add((self._to(node.id), owner))
        return fired


def _alike(old: Node, new: Node) -> bool:
    return (
        old.type == new.type and (old.multi_instance is None) == (new.multi_instance is None) and (old.loop is None) == (new.loop is None)
        and old.event.kind == new.event.kind and old.triggered_by_event == new.triggered_by_event
    )


def _listened(run: Run, node: Node) -> list[Node]:
    if node.type == "intermediateCatchEvent":
        return [node]
    if node.type == "eventBasedGateway":
        return [run.nodes[flow.target] for flow in node.outgoing]
    return [event for event in run.plan.boundary.get(node.id, ()) if event.event.kind in WAIT_KINDS]


def _workers(run: Run, token: str) -> list[str]:
    """The owners of a receive task's own waits: its open instances, or itself."""
    counters = run.state.get("m", {}).get(token)
    if counters is None:
        return [token]
    bits = int(counters[2], 16)
    return [f"{token}#{index}" for index in range(bits.bit_length()) if bits >> index & 1]
