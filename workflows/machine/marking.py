"""The marking and its elementary changes: tokens, waits, arrivals, agenda, cancelling. It decides no BPMN routing.

State, all JSON: n last id · t token → [node, scope, cause] · j scope → flow → arrivals (each a cause) · w wait → [node, owner(, last value)] ·
m token → loop counters · c scope → compensation log · k thrower → [handlers left, current handler, mode] · x interrupted scopes ·
r sub-process whose body this state runs · e ended.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any, NamedTuple

from workflows.graph import Node
from workflows.machine.contract import ROOT, Cause, Happening, Host, MachineError, State
from workflows.machine.plan import WAIT_KINDS, Plan

MAXIMUM_STEPS = 20_000


class Move(NamedTuple):
    """A token on its way: into `node` over `flow` (None: placed there), or the next piece of `work` of an activity."""

    node: str
    scope: str
    cause: Cause
    flow: str | None = None
    work: str | None = None


class Run:
    """One pass through a door: the state being changed, what happened so far, and what still moves."""

    __slots__ = ("agenda", "happenings", "host", "nodes", "plan", "state", "steps", "tokens")

    def __init__(self, plan: Plan, state: State, host: Host) -> None:
        self.plan = plan
        self.nodes = plan.nodes
        self.state = state
        self.tokens: dict[str, list[Any]] = state["t"]
        self.host = host
        self.happenings: list[Happening] = []
        self.agenda: deque[Move] = deque()
        self.steps = 0

    # identity and record

    def new_id(self) -> str:
        """An id never used before in this case."""
        self.state["n"] += 1
        return str(self.state["n"])

    def happen(
        self, kind: str, node: str | None = None, token: str | None = None, scope: str = ROOT, cause: Cause = (),
        wait: str | None = None, detail: Mapping[str, Any] | None = None,
    ) -> None:
        """Note one thing that happened."""
        self.happenings.append(Happening(kind, node, token, scope, cause, wait, detail or {}))

    def step(self) -> Move:
        """The next move; raises MachineError when automatic steps never come to rest."""
        self.steps += 1
        move = self.agenda.popleft()
        if self.steps > MAXIMUM_STEPS:
            name = self.nodes[move.node].name or move.node
            raise MachineError(
                f"自动环节连续执行超过 {MAXIMUM_STEPS} 步仍未停下（在“{name}”附近），可能是无休止的循环。请检查条件。",
                f"Automatic steps did not come to rest after {MAXIMUM_STEPS} (near {name}); perhaps a loop without end. Check its condition.",
                move.node,
            )
        return move

    # tokens

    def open_token(self, node: str, scope: str, cause: Cause) -> str:
        """Put a token on a node."""
        token = self.new_id()
        self.tokens[token] = [node, scope, list(cause)]
        return token

    def node_of(self, token: str) -> Node:
        """The node a token is on; raises MachineError when there is no such token."""
        entry = self.tokens.get(token)
        if entry is None:
            raise MachineError("该环节已经结束，请刷新。", f"There is no open token {token}; the step is over.")
        return self.nodes[entry[0]]

    def close_token(self, token: str) -> None:
        """Take a token away, with everything that hangs on it; its inner scope must be empty."""
        self.close_waits(token)
        del self.tokens[token]
        for part in ("m", "k", "c"):
            self.drop(part, token)
        self.forget_interruption(token)

    def interrupt(self, scope: str) -> None:
        """Cancel everything in a scope for good: its event sub-processes are not listened to any more."""
        self.empty_scope(scope)
        interrupted = self.state.setdefault("x", [])
        if scope not in interrupted:
            interrupted.append(scope)

    def forget_interruption(self, scope: str) -> None:
        """The scope was interrupted by an event sub-process and is now over, or begins anew."""
        interrupted = self.state.get("x", [])
        if scope in interrupted:
            interrupted.remove(scope)
            if not interrupted:
                del self.state["x"]

    def part(self, name: str) -> dict[str, Any]:
        """A part of the state, made when missing."""
        found: dict[str, Any] = self.state.setdefault(name, {})
        return found

    def drop(self, name: str, key: str) -> Any:
        """Remove an entry of a part, and the part when it is empty."""
        part = self.state.get(name)
        if part is None:
            return None
        value = part.pop(key, None)
        if not part:
            del self.state[name]
        return value

    def scope_node(self, scope: str) -> str:
        """The process or sub-process a scope instance belongs to."""
        return str(self.state.get("r", self.plan.graph.id)) if scope == ROOT else str(self.tokens[scope][0])

    # waits

    def open_wait(self, node: Node, owner: str, scope: str) -> None:
        """Listen for the event of `node` on behalf of a token (or a scope, for event sub-processes)."""
        wait = f"w{self.new_id()}"
        entry: list[Any] = [node.id, owner]
        if node.event.kind == "conditional":
            entry.append(0)
        self.part("w")[wait] = entry
        self.happen("wait", node.id, owner, scope, wait=wait, detail={"kind": node.event.kind})

    def close_wait(self, wait: str) -> None:
        """Listen no longer."""
        node, owner = self.drop("w", wait)[:2]
        self.happen("unwait", node, owner, wait=wait)

    def close_waits(self, owner: str, starts_only: bool = False) -> None:
        """Close the waits of a token, or only those of the event sub-processes of its scope."""
        waits = self.state.get("w")
        if waits:
            for wait in [wait for wait, entry in waits.items() if entry[1] == owner]:
                if not starts_only or self.nodes[waits[wait][0]].type == "startEvent":
                    self.close_wait(wait)

    def open_boundary_waits(self, node: Node, token: str, scope: str) -> None:
        """Listen for the boundary events of an activity."""
        for event in self.plan.boundary.get(node.id, ()):
            if event.event.kind in WAIT_KINDS:
                self.open_wait(event, token, scope)

    def open_scope_waits(self, scope: str) -> None:
        """Listen for the event sub-processes of a scope."""
        for start in self.plan.event_starts.get(self.scope_node(scope), ()):
            if start.event.kind in WAIT_KINDS:
                self.open_wait(start, scope, scope)

    # cancelling

    def cancel_token(self, token: str) -> None:
        """Cancel a token with its inner scope, instances and waits."""
        node_id, scope, cause = self.tokens[token]
        node = self.nodes[node_id]
        if self.plan.is_scope(node):
            self.empty_scope(token)
        self.cancel_instances(token)
        if self.agenda:
            self.agenda = deque(move for move in self.agenda if move.work is None or move.work.partition("#")[0] != token)
        self.close_token(token)
        self.happen("cancelled", node_id, token, scope, tuple(cause), detail={"type": node.type})

    def cancel_instances(self, token: str) -> None:
        """Say that the open instances of a loop or multi-instance are cancelled."""
        counters = self.state.get("m", {}).get(token)
        if counters:
            node_id, scope, _ = self.tokens[token]
            for index in open_instances(counters):
                instance = f"{token}#{index}"
                self.close_waits(instance)
                self.happen("cancelled", node_id, instance, scope, (token,), detail={"type": self.nodes[node_id].type, "index": index})

    def empty_scope(self, scope: str) -> None:
        """Cancel everything in a scope: tokens, arrivals, moves and listening event sub-processes; the scope itself stays."""
        self.agenda = deque(move for move in self.agenda if move.scope != scope)
        for token in [token for token, entry in self.tokens.items() if entry[1] == scope]:
            if token in self.tokens:
                self.cancel_token(token)
        self.agenda = deque(move for move in self.agenda if move.scope != scope)
        self.drop("j", scope)
        self.close_waits(scope, starts_only=True)


def open_instances(counters: list[Any]) -> list[int]:
    """The indices of the instances that are open; counters are [total, done, bits of the open ones (hexadecimal), next index]."""
    bits = int(counters[2], 16)
    return [index for index in range(bits.bit_length()) if bits >> index & 1]
