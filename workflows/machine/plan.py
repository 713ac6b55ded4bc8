"""A process graph prepared for running: look-ups by node and scope, and reachability masks of inclusive joins. Never changes."""

from __future__ import annotations

from workflows.graph import Flow, Node, ProcessGraph

WAIT_KINDS = frozenset({"message", "timer", "signal", "conditional"})


class Plan:
    """Everything the machine looks up, computed once per version and shared by threads."""

    def __init__(self, graph: ProcessGraph) -> None:
        self.graph = graph
        self.nodes = graph.nodes
        self.flows = graph.flows
        self.plain_start: dict[str, str] = {}
        self.boundary: dict[str, list[Node]] = {}
        self.handlers: dict[str, str] = {}
        self.event_starts: dict[str, list[Node]] = {}
        self.conditional = False
        self.local: set[str] = set()  # activities whose pieces of work have variables of their own
        for node in graph.nodes.values():
            self._add(node)
        self.compensating = self._compensating_scopes()
        self._masks: dict[str, dict[str, int]] = {}

    def _add(self, node: Node) -> None:
        self.conditional = self.conditional or node.event.kind == "conditional"
        if node.inputs or node.outputs or node.multi_instance is not None or node.loop is not None:
            self.local.add(node.id)
        if node.type == "startEvent":
            owner = self.nodes.get(node.scope)
            if owner is not None and owner.triggered_by_event:
                self.event_starts.setdefault(owner.scope, []).append(node)
                self.plain_start.setdefault(node.scope, node.id)
            elif node.event.kind == "none":
                self.plain_start[node.scope] = node.id
        elif node.type == "boundaryEvent" and node.attached_to:
            self.boundary.setdefault(node.attached_to, []).append(node)
            if node.event.kind == "compensation" and node.compensation_handler:
                self.handlers[node.attached_to] = node.compensation_handler

    def _compensating_scopes(self) -> frozenset[str]:
        """Sub-processes that hold, at any depth, an activity with a compensation handler."""
        found: set[str] = set()
        for activity in self.handlers:
            scope = self.nodes[activity].scope
            while scope in self.nodes and scope not in found:
                found.add(scope)
                scope = self.nodes[scope].scope
        return frozenset(found)

    def is_scope(self, node: Node) -> bool:
        """True when a token on `node` owns an inner scope in the same state; instances of a multi-instance have their own state."""
        return node.type == "subProcess" and node.multi_instance is None

    def chain(self, node: Node, root: str) -> list[str] | None:
        """Ids of the sub-processes around `node`, outermost first, down from `root` (exclusive); None when it is not inside."""
        found: list[str] = []
        scope = node.scope
        while scope != root:
            if scope not in self.nodes:
                return None
            found.append(scope)
            scope = self.nodes[scope].scope
        return found[::-1]

    def mask(self, join: Node) -> dict[str, int]:
        """For every node: which incoming flows of `join` (one bit each) a token there can reach without passing `join`.

        BPMN 2.0.2 §13.4.3. A token in an activity may also leave by its boundary events.
        """
        known = self._masks.get(join.id)
        if known is None:
            known = self._masks[join.id] = self._reachability(join)
        return known

    def _reachability(self, join: Node) -> dict[str, int]:
        masks: dict[str, int] = {}
        for bit, flow in enumerate(join.incoming):
            stack = [flow.source]
            while stack:
                current = stack.pop()
                if current == join.id or masks.get(current, 0) >> bit & 1:
                    continue
                masks[current] = masks.get(current, 0) | 1 << bit
                node = self.nodes[current]
                stack.extend(incoming.source for incoming in node.incoming)
                if node.attached_to:
                    stack.append(node.attached_to)
        return masks

    def is_join(self, flow: Flow) -> bool:
        """True when tokens rest at the end of this flow until others come."""
        target = self.nodes[flow.target]
        return target.type in ("parallelGateway", "inclusiveGateway") and len(target.incoming) > 1
