"""The linter's rules over a finished graph: what would run wrong is an error, what looks wrong a warning. It reads no XML."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from workflows.graph.event_rules import check_compensation_inside, check_event
from workflows.graph.model import HUMAN, Collaboration, Flow, Node, ProcessGraph
from workflows.graph.notes import Notes
from workflows.graph.settings import listed
from workflows.graph.support import REFUSED_NODES

JOB_TASKS = frozenset({"serviceTask", "sendTask"})
GATEWAYS = frozenset({"exclusiveGateway", "parallelGateway", "inclusiveGateway", "eventBasedGateway"})
CONDITIONAL_SOURCES = frozenset({
    "exclusiveGateway", "inclusiveGateway", "userTask", "manualTask", "task", "serviceTask", "sendTask", "receiveTask",
    "businessRuleTask", "scriptTask", "callActivity", "subProcess",
})
WAITING = frozenset({
    "userTask", "manualTask", "serviceTask", "sendTask", "receiveTask", "callActivity", "eventBasedGateway", "intermediateCatchEvent",
})
THROWING = frozenset({"intermediateThrowEvent", "endEvent", "sendTask"})
CANDIDATES = ("assignee", "candidateGroups", "candidateUsers")


@dataclass(frozen=True)
class View:
    """A graph with the look-ups the rules share."""

    graph: ProcessGraph
    by_scope: Mapping[str, list[Node]]
    boundary: Mapping[str, list[Node]]


def check_graph(graph: ProcessGraph, notes: Notes) -> None:
    """Note every finding of the rules for one process."""
    by_scope: dict[str, list[Node]] = {graph.id: []}
    boundary: dict[str, list[Node]] = {}
    for node in graph.nodes.values():
        by_scope.setdefault(node.scope, []).append(node)
        if node.type == "subProcess":
            by_scope.setdefault(node.id, [])
        if node.attached_to:
            boundary.setdefault(node.attached_to, []).append(node)
    view = View(graph, by_scope, boundary)
    for node in graph.nodes.values():
        check_event(node, graph, boundary, notes)
        _check_gateway(node, view, notes)
        _check_flows(node, notes)
        _check_task(node, graph, notes)
        _check_compensation(node, notes)
        _check_mappings(node, graph, notes)
        if node.multi_instance is not None and node.loop is not None:
            notes.add("instances-and-loop", node)
        if node.multi_instance is not None and node.transaction:
            notes.add("instances-transaction", node)
    check_compensation_inside(graph, boundary, notes)
    for scope, nodes in by_scope.items():
        _check_start(scope, nodes, view, notes)
        _check_ways(nodes, view, notes)


def _check_start(scope: str, nodes: list[Node], view: View, notes: Notes) -> None:
    owner = view.graph.nodes.get(scope)
    starts = [node for node in nodes if node.type == "startEvent"]
    place = owner if owner is not None else view.graph
    if not starts:
        notes.add("start-missing", place)
    by_event = owner is not None and owner.triggered_by_event
    plain = [node for node in starts if node.event.kind == "none" or by_event]
    if len(plain) > 1:
        notes.add("start-ambiguous", plain[1], others=", ".join(node.id for node in plain))
    kinds = {"none", "message", "timer", "signal", "conditional"} if owner is None else {"none"}
    if by_event:
        kinds = {"message", "timer", "signal", "conditional", "error", "escalation"}
    for node in starts:
        if node.event.kind not in kinds:
            notes.add("start-kind", node, kind=node.event.kind)
        if node.incoming:
            notes.add("start-incoming", node)
        if by_event and node.event.kind == "error" and not node.interrupting:
            notes.add("boundary-interrupting", node, kind="error")
    if by_event and owner is not None and (owner.incoming or owner.outgoing or owner.multi_instance or owner.loop):
        notes.add("start-incoming", owner)


def _check_ways(nodes: list[Node], view: View, notes: Notes) -> None:
    """Everything must be reachable from a start, and from everything an end must be reachable."""
    def following(node: Node) -> list[Node]:
        return [view.graph.nodes[flow.target] for flow in node.outgoing] + view.boundary.get(node.id, [])

    begins = [node for node in nodes if node.type == "startEvent" or node.triggered_by_event or node.for_compensation]
    # Without a start nothing is reachable: that one finding says it all.
    begun = any(node.type == "startEvent" for node in nodes)
    reached = _closure(begins, following) if begun else {node.id for node in nodes}
    for node in nodes:
        if node.id not in reached and not (node.type == "boundaryEvent" and node.attached_to not in view.graph.nodes):
            notes.add("unreachable", node)
    backwards: dict[str, list[Node]] = {}
    for node in nodes:
        for target in following(node):
            backwards.setdefault(target.id, []).append(node)
    ends = [node for node in nodes if not node.outgoing and node.type not in ("startEvent", *GATEWAYS)]
    ending = _closure(ends, lambda node: backwards.get(node.id, []))
    for node in nodes:
        if node.id in reached and node.id not in ending:
            notes.add("no-end", node)
    _check_busy_loops(nodes, view, notes)


def _check_busy_loops(nodes: list[Node], view: View, notes: Notes) -> None:
    """A circle of steps none of which waits or decides runs for ever."""
    def free(node: Node) -> list[Node]:
        merging = len(node.outgoing) == 1 and (node.type == "exclusiveGateway" or len(node.incoming) <= 1)
        if node.type in WAITING or node.type == "subProcess" or (node.type in GATEWAYS and not merging and (node.type != "parallelGateway" or len(node.incoming) > 1)):
            return []
        return [view.graph.nodes[flow.target] for flow in node.outgoing if flow.condition is None]

    done: set[str] = set()
    for start in nodes:
        path: set[str] = set()
        stack: list[tuple[Node, bool]] = [(start, False)]
        while stack:
            node, leaving = stack.pop()
            if leaving:
                path.discard(node.id)
                done.add(node.id)
            elif node.id in path:
                notes.add("busy-loop", node)
            elif node.id not in done:
                path.add(node.id)
                stack.append((node, True))
                stack.extend((target, False) for target in free(node))


def _closure(begin: Iterable[Node], following: Callable[[Node], list[Node]]) -> set[str]:
    stack = list(begin)
    seen = {node.id for node in stack}
    while stack:
        for target in following(stack.pop()):
            if target.id not in seen:
                seen.add(target.id)
                stack.append(target)
    return seen


def _check_gateway(node: Node, view: View, notes: Notes) -> None:
    if node.type not in GATEWAYS:
        return
    if not node.outgoing:
        notes.add("gateway-ending", node)
    if len(node.incoming) <= 1 and len(node.outgoing) == 1:
        notes.add("gateway-single", node)
    if node.type == "eventBasedGateway":
        _check_event_gateway(node, view, notes)
    elif node.type in ("exclusiveGateway", "inclusiveGateway") and len(node.outgoing) > 1:
        for flow in node.outgoing:
            if flow.condition is None and flow.id != node.default:
                notes.add("condition-missing", flow, flow=_named(flow))
    if node.type in ("exclusiveGateway", "inclusiveGateway") and len(node.outgoing) > 1 and node.default is None:
        if all(flow.condition is not None for flow in node.outgoing):
            notes.add("no-default", node)


def _check_event_gateway(node: Node, view: View, notes: Notes) -> None:
    if node.attributes.get("instantiate") == "true" or node.attributes.get("eventGatewayType") == "Parallel":
        notes.add("refused", node, element="eventBasedGateway", element_zh="由事件网关启动或并行等待", element_en="an instantiating or parallel event-based gateway",
                  advice_zh="请用消息开始事件", advice_en="use message start events")
    for flow in node.outgoing:
        target = view.graph.nodes[flow.target]
        catching = target.type == "intermediateCatchEvent" and target.event.kind in ("message", "timer", "signal", "conditional")
        plain = target.type == "receiveTask" and target.multi_instance is None and target.loop is None
        if not (catching or plain) or target.id in view.boundary:
            notes.add("event-gateway-target", node, target=target.name or target.id)
        if len(target.incoming) > 1:
            notes.add("event-gateway-shared", node, target=target.name or target.id)


def _check_flows(node: Node, notes: Notes) -> None:
    if node.type in REFUSED_NODES:
        return
    flows = {flow.id for flow in node.outgoing}
    if node.default is not None and node.default not in flows:
        notes.add("dangling-reference", node, attribute="default", target=node.default)
    for flow in node.outgoing:
        if flow.condition is None:
            continue
        if node.type not in CONDITIONAL_SOURCES:
            notes.add("condition-place", flow, flow=_named(flow))
        elif flow.id == node.default:
            notes.add("condition-default", flow, flow=_named(flow))
    if node.type in CONDITIONAL_SOURCES and node.type not in GATEWAYS and node.default is None:
        if node.outgoing and all(flow.condition is not None for flow in node.outgoing):
            notes.add("no-default", node)


def _check_task(node: Node, graph: ProcessGraph, notes: Notes) -> None:
    attributes, properties = node.attributes, node.properties
    if node.type in HUMAN:
        if not any(attributes.get(name, "").strip() for name in CANDIDATES) and not properties.get("participants") and properties.get("applicant") != "true":
            notes.add("candidate-missing", node)
        _check_four_eyes(node, graph, notes)
    elif node.type == "task":
        notes.add("pass-through", node)
    elif node.type in JOB_TASKS and not (attributes.get("topic") or properties.get("connector") or (node.type == "sendTask" and node.event.name)):
        notes.add("job-missing", node)
    elif node.type == "receiveTask":
        if attributes.get("instantiate") == "true":
            notes.add("refused", node, element="receiveTask", element_zh="由接收任务启动流程", element_en="a receive task that starts a process",
                      advice_zh="请用消息开始事件", advice_en="use a message start event")
        if node.event.kind != "message":
            notes.add("message-missing", node)
    elif node.type == "businessRuleTask" and not (attributes.get("decisionRef") or attributes.get("topic")):
        notes.add("decision-missing", node)
    elif node.type == "scriptTask" and not attributes.get("resultVariable"):
        notes.add("script-result", node)
    elif node.type == "callActivity":
        _check_call(node, notes)


def _check_call(node: Node, notes: Notes) -> None:
    if not node.attributes.get("calledElement"):
        notes.add("called-missing", node)
    binding = node.attributes.get("calledElementBinding", "latest")
    needed = {"version": "calledElementVersion", "versionTag": "calledElementVersionTag"}.get(binding)
    if binding not in ("latest", "deployment", "version", "versionTag") or (needed and not node.attributes.get(needed)):
        notes.add("binding", node, binding=binding)


def _check_four_eyes(node: Node, graph: ProcessGraph, notes: Notes) -> None:
    text = node.properties.get("separate_from", "")
    if text.startswith("="):
        return
    for target in listed(text):
        if target == node.id:
            notes.add("four-eyes-self", node)
        elif target not in graph.nodes or graph.nodes[target].type not in HUMAN:
            notes.add("four-eyes-target", node, target=target)


def _check_compensation(node: Node, notes: Notes) -> None:
    if node.for_compensation and (node.incoming or node.outgoing):
        notes.add("compensation-flow", node)


def _check_mappings(node: Node, graph: ProcessGraph, notes: Notes) -> None:
    """Mappings stand where a piece of work or a waiting or throwing token can have variables of its own (as in Camunda 7)."""
    inward, outward = [mapping for mapping in node.inputs if not mapping.called], [mapping for mapping in node.outputs if not mapping.called]
    if node.type != "callActivity" and (len(inward) < len(node.inputs) or len(outward) < len(node.outputs)):
        notes.add("mapping-place", node, mapping="camunda:in/out", where=node.type)
    nowhere = node.type in (*GATEWAYS, "startEvent", "boundaryEvent") or node.triggered_by_event or node.event.kind == "link"
    if nowhere and (inward or outward):
        notes.add("mapping-place", node, mapping="camunda:inputOutput", where="event sub-process" if node.triggered_by_event else node.type)
    elif node.type == "endEvent" and outward:
        notes.add("mapping-place", node, mapping="camunda:outputParameter", where="endEvent")
    elif inward and any(graph.nodes[flow.source].type == "eventBasedGateway" for flow in node.incoming):
        notes.add("mapping-gateway", node)


def _named(flow: Flow) -> str:
    return flow.name or flow.id


def check_calls(graphs: Mapping[str, ProcessGraph], resolver: Callable[[str], Iterable[str] | None] | None, notes: Notes) -> None:
    """Note circles of processes that call each other; `resolver` knows the processes outside this file."""
    own = {graph.id: _called(graph) for graph in graphs.values()}

    def calls(process: str) -> list[str]:
        return own[process] if process in own else list((resolver(process) or ()) if resolver else ())

    for graph in graphs.values():
        parents: dict[str, str] = {}
        stack = [graph.id]
        while stack:
            process = stack.pop()
            for target in calls(process):
                if target == graph.id:
                    path = [process]
                    while path[-1] != graph.id:
                        path.append(parents[path[-1]])
                    notes.add("called-cycle", graph, path=" → ".join([*reversed(path), graph.id]))
                elif target not in parents:
                    parents[target] = process
                    stack.append(target)


def check_message_flows(graphs: Mapping[str, ProcessGraph], collaboration: Collaboration, notes: Notes) -> None:
    """Note message flows between executable pools whose ends do not speak of one message; what is drawn to a black box documents."""
    nodes = {node.id: (graph.id, node) for graph in graphs.values() for node in graph.nodes.values()}
    for flow in collaboration.message_flows:
        if flow.source not in nodes or flow.target not in nodes or nodes[flow.source][0] == nodes[flow.target][0]:
            continue
        source, target = nodes[flow.source][1], nodes[flow.target][1]
        sent = source.event.name if source.event.kind == "message" and source.type in THROWING else None
        awaited = target.event.name if target.event.kind == "message" and target.type not in THROWING else None
        if sent is None or sent != awaited:
            notes.add("message-flow", source, target=target.name or target.id, sent=sent or "–", awaited=awaited or "–")


def _called(graph: ProcessGraph) -> list[str]:
    names = (node.attributes.get("calledElement", "") for node in graph.nodes.values() if node.type == "callActivity")
    return [name for name in names if name and not name.startswith("=")]
