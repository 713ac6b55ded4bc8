"""The linter's rules for events: which kind may stand where, and what it must be attached to. It reads no XML."""

from __future__ import annotations

from collections.abc import Mapping

from workflows.graph.model import Node, ProcessGraph
from workflows.graph.notes import Notes

KINDS = {
    "intermediateCatchEvent": {"message", "timer", "signal", "conditional", "link"},
    "intermediateThrowEvent": {"none", "message", "signal", "escalation", "compensation", "link"},
    "endEvent": {"none", "message", "signal", "error", "escalation", "compensation", "terminate", "cancel"},
    "boundaryEvent": {"message", "timer", "signal", "conditional", "error", "escalation", "compensation", "cancel"},
}
HOSTS = frozenset({
    "userTask", "manualTask", "task", "serviceTask", "sendTask", "receiveTask", "businessRuleTask", "scriptTask", "callActivity", "subProcess",
})


def check_event(node: Node, graph: ProcessGraph, boundary: Mapping[str, list[Node]], notes: Notes) -> None:
    """Note what is wrong with an event where it stands."""
    kind = node.event.kind
    if node.type in KINDS and kind not in KINDS[node.type]:
        notes.add("event-kind", node, type=node.type, kind=kind)
    if node.type == "intermediateCatchEvent" and node.event.timer == "cycle":
        notes.add("cycle-once", node)
    if node.event.calendar_key is not None and node.id in graph.starts:
        notes.add("calendar-start", node)
    if node.type == "endEvent" and node.outgoing:
        notes.add("event-kind", node, type="endEvent + outgoing", kind=kind)
    if node.type == "boundaryEvent":
        _check_boundary(node, graph, notes)
    if kind == "cancel" and node.type == "endEvent":
        _check_cancel(node, graph, boundary, notes)
    if kind == "compensation" and node.type in ("intermediateThrowEvent", "endEvent"):
        _check_thrown_compensation(node, graph, boundary, notes)


def _check_boundary(node: Node, graph: ProcessGraph, notes: Notes) -> None:
    kind = node.event.kind
    host = graph.nodes.get(node.attached_to or "")
    if host is None or host.type not in HOSTS or host.scope != node.scope or host.triggered_by_event:
        notes.add("boundary-host", node)
        return
    if node.incoming:
        notes.add("boundary-incoming", node)
    if kind in ("error", "cancel") and not node.interrupting:
        notes.add("boundary-interrupting", node, kind=kind)
    if kind == "cancel" and not host.transaction:
        notes.add("cancel-place", node)
    if kind == "compensation":
        if node.compensation_handler is None:
            notes.add("compensation-handler", node)
        if host.multi_instance or host.loop:
            notes.add("compensation-repeated", node)
        if node.outgoing:
            notes.add("compensation-flow", node)


def _check_cancel(node: Node, graph: ProcessGraph, boundary: Mapping[str, list[Node]], notes: Notes) -> None:
    owner = graph.nodes.get(node.scope)
    if owner is None or not owner.transaction:
        notes.add("cancel-place", node)
    elif not any(event.event.kind == "cancel" for event in boundary.get(owner.id, [])):
        notes.add("cancel-unhandled", owner)


def _check_thrown_compensation(node: Node, graph: ProcessGraph, boundary: Mapping[str, list[Node]], notes: Notes) -> None:
    owner = graph.nodes.get(node.scope)
    if owner is not None and owner.triggered_by_event:
        notes.add("compensation-event-sub-process", node)
    if node.event.activity:
        _check_compensated(node, graph, boundary, notes)


def check_compensation_inside(graph: ProcessGraph, boundary: Mapping[str, list[Node]], notes: Notes) -> None:
    """What the instances of a multi-instance sub-process did lies in states of their own and cannot be undone from outside."""
    inside = [
        graph.nodes[host] for host, events in boundary.items()
        if host in graph.nodes and graph.nodes[host].scope != graph.id and any(event.event.kind == "compensation" for event in events)
    ]
    throwing: dict[str, list[str | None]] = {}
    for node in graph.nodes.values():
        if node.event.kind == "compensation" and node.type != "boundaryEvent":
            throwing.setdefault(node.scope, []).append(node.event.activity)
    for scope, activities in throwing.items():
        for host in inside:
            instances = _instances_around(host, scope, graph)
            if instances is not None and any(activity in (None, instances.id) for activity in activities):
                notes.add("compensation-inside", instances)


def _instances_around(node: Node, scope: str, graph: ProcessGraph) -> Node | None:
    """The multi-instance sub-process between a node and an outer scope, if the scope is around it."""
    found = None
    current: Node | None = node
    while current is not None and current.scope != scope:
        current = graph.nodes.get(current.scope)
        found = current if current is not None and current.multi_instance else found
    return found if current is not None else None


def _check_compensated(node: Node, graph: ProcessGraph, boundary: Mapping[str, list[Node]], notes: Notes) -> None:
    target = graph.nodes.get(node.event.activity or "")
    if target is None or target.scope != node.scope:
        notes.add("dangling-reference", node, attribute="activityRef", target=node.event.activity)
        return
    handled = any(event.event.kind == "compensation" for event in boundary.get(target.id, []))
    if not handled and target.type != "subProcess":
        notes.add("compensation-target", node, target=target.name or target.id)
