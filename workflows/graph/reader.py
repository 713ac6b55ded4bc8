"""Reads a BPMN file into process graphs with all findings at once. It trusts nothing in the file and runs nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from workflows.graph.activity_reader import ActivityReader
from workflows.graph.event_reader import Declared, EventReader
from workflows.graph.foreign import ForeignExtensions
from workflows.graph.model import Collaboration, DataObject, Event, Flow, MessageFlow, Node, Participant, ProcessGraph, Reading
from workflows.graph.names import (
    BPMN, CAMUNDA, DIAGRAM_NAMESPACES, Element, bpmn_children, camunda, first, flag, local, namespace, text_of,
)
from workflows.graph.notes import CheckExpression, Notes, is_foreign, shortened
from workflows.graph.rules import check_calls, check_graph, check_message_flows
from workflows.graph.support import IGNORED, REFUSED, REFUSED_NODES, SUPPORT
from workflows.hardened_xml import XmlError, parse_xml

MAXIMUM_NODES = 5_000
MAXIMUM_ELEMENTS = 60_000
MAXIMUM_PROCESSES = 200
TASKS = frozenset({"userTask", "manualTask", "task", "serviceTask", "sendTask", "receiveTask", "businessRuleTask", "scriptTask"})
SUB_PROCESSES = frozenset({"subProcess", "transaction"})
ACTIVITIES = TASKS | SUB_PROCESSES | {"callActivity"}
GATEWAYS = frozenset({"exclusiveGateway", "parallelGateway", "inclusiveGateway", "eventBasedGateway"})
EVENTS = frozenset({"startEvent", "endEvent", "intermediateCatchEvent", "intermediateThrowEvent", "boundaryEvent"})
FLOW_NODES = ACTIVITIES | GATEWAYS | EVENTS
QUIET = frozenset({"textAnnotation", "messageFlow", "group", "category", "categoryValue", "itemDefinition"})
CalledProcesses = Callable[[str], Iterable[str] | None]


def read_graph(
    xml: bytes, *, check_expression: CheckExpression | None = None, called_processes: CalledProcesses | None = None
) -> Reading:
    """Read any bytes: graphs of the executable processes, and every reason against deploying them.

    `check_expression` gets FEEL without "=" and says what is wrong, or None; `called_processes` gives the ids of the processes
    that a process calls (None: unknown), to find circles. Never raises.
    """
    notes = Notes(check_expression)
    try:
        root = parse_xml(xml)
    except XmlError as error:
        notes.add("xml", reason=error.reason)
        return Reading({}, [replace(finding, line=error.line) for finding in notes.findings])
    if root.tag != BPMN + "definitions":
        notes.add("not-bpmn", root, root=shortened(str(root.tag)))
        return Reading({}, notes.findings)
    count = _size(root)
    if count > MAXIMUM_ELEMENTS:
        notes.add("file-too-large", root, count=count, limit=MAXIMUM_ELEMENTS)
        return Reading({}, notes.findings)
    reader = FileReader(root, notes)
    reading = reader.read()
    check_calls(reading.graphs, called_processes, notes)
    return replace(reading, findings=sorted(notes.findings, key=lambda finding: (finding.severity, finding.line)))


def _size(root: Element) -> int:
    """How many elements the file has, the drawing itself not counted."""
    drawing = sum(sum(1 for _ in child.iter()) for child in root if isinstance(child.tag, str) and namespace(child.tag) in DIAGRAM_NAMESPACES)
    return sum(1 for _ in root.iter()) - drawing


class FileReader:
    """One walk over one file."""

    def __init__(self, root: Element, notes: Notes) -> None:
        self._root = root
        self._notes = notes
        self._declared = Declared()
        self._count = 0  # the flow nodes of all processes together
        self._feel_everywhere = "feel" in (root.get("expressionLanguage") or "").lower()
        self._lines: dict[str, int] = {}
        for child in bpmn_children(root):
            self._declared.add(child)
        self._events = EventReader(self._declared, notes)
        self._activities = ActivityReader(notes)

    def read(self) -> Reading:
        """Graphs, findings and pools of the file."""
        processes = list(bpmn_children(self._root, "process"))
        if len(processes) > MAXIMUM_PROCESSES:
            self._notes.add("too-many-processes", self._root, count=len(processes), limit=MAXIMUM_PROCESSES)
            return Reading({}, self._notes.findings)
        executable = [process for process in processes if flag(process, "isExecutable")]
        self._elements(self._root, {process for process in processes if process not in executable} if executable else set())
        collaboration = self._collaboration()
        if not processes:
            self._notes.add("no-process", self._root)
        elif not executable:
            self._notes.add("nothing-executable", processes[0])
        for process in processes:
            if executable and process not in executable:
                self._notes.add("not-executable", process)
        pools: dict[str | None, str] = {participant.process: participant.id for participant in collaboration.participants if participant.process}
        graphs = {}
        for process in executable or [process for process in processes if _has_nodes(process)] or processes:
            graph = self._process(process, pools)
            if graph is not None:
                check_graph(graph, self._notes)
                graphs[graph.id] = graph
        check_message_flows(graphs, collaboration, self._notes)
        return Reading(graphs if executable else {}, self._notes.findings, collaboration)

    # the whole file

    def _elements(self, element: Element, skipped: set[Element]) -> None:
        """Note what is refused, ignored, unknown or foreign, wherever it stands."""
        foreign = ForeignExtensions(self._notes)
        stack = [element]
        while stack:
            current = stack.pop()
            if not isinstance(current.tag, str) or current in skipped:
                continue
            space = namespace(current.tag)
            if space in DIAGRAM_NAMESPACES:
                continue
            foreign.see(current)
            if space == BPMN[1:-1]:
                self._bpmn_element(current)
            if space in (BPMN[1:-1], CAMUNDA[1:-1]):
                stack.extend(reversed(current))
        foreign.close()

    def _bpmn_element(self, element: Element) -> None:
        name, identity = local(element), element.get("id")
        for attribute in ("startQuantity", "completionQuantity"):
            if (element.get(attribute) or "1").strip() != "1":
                self._notes.add("quantity", element, attribute=attribute)
        support = SUPPORT.get(name)
        if identity:
            if identity in self._lines:
                self._notes.add("id-duplicate", element, first=self._lines[identity])
            self._lines.setdefault(identity, element.sourceline or 0)
        if support is None:
            self._notes.add("unknown-element", element, element=shortened(name))
        elif support.status == REFUSED or (support.status == IGNORED and name not in QUIET):
            self._notes.add(
                support.status, element, element=name, element_zh=support.chinese, element_en=support.english,
                advice_zh=support.advice_zh, advice_en=support.advice_en,
            )

    def _collaboration(self) -> Collaboration:
        participants: list[Participant] = []
        flows: list[MessageFlow] = []
        for element in bpmn_children(self._root, "collaboration"):
            for child in bpmn_children(element, "participant"):
                reference = (child.get("processRef") or "").rpartition(":")[2] or None
                if reference is not None and self._declared.find("process", reference) is None:
                    self._notes.add("dangling-reference", child, attribute="processRef", target=reference)
                    reference = None
                participants.append(Participant(child.get("id") or "", child.get("name") or "", reference))
            flows += [
                MessageFlow(child.get("id") or "", child.get("name") or "", child.get("sourceRef") or "", child.get("targetRef") or "")
                for child in bpmn_children(element, "messageFlow")
            ]
        return Collaboration(tuple(participants), tuple(flows))

    # one process

    def _process(self, process: Element, pools: dict[str | None, str]) -> ProcessGraph | None:
        identity = process.get("id")
        if not identity:
            self._notes.add("id-missing", process, element="process")
            return None
        scopes, elements, flow_elements = _contents(process, identity)
        self._count += len(elements)
        if self._count > MAXIMUM_NODES:
            self._notes.add("too-large", process, limit=MAXIMUM_NODES)
            return None
        lanes: dict[str, str] = {}
        for container, _ in scopes:
            self._lanes(container, lanes)
        nodes: dict[str, Node] = {}
        for element, scope in elements:
            node = self._node(element, scope, lanes, len(nodes))
            if node is not None:
                nodes.setdefault(node.id, node)
        flows = self._flows(flow_elements, nodes)
        nodes = _connected(self._handlers(scopes, nodes), flows)
        self._activities.refused_extensions(process)
        if any(self._activities.mappings(process)):
            self._notes.add("mapping-place", process, mapping="camunda:inputOutput", where="process")
        starts = tuple(node.id for node in nodes.values() if node.type == "startEvent" and node.scope == identity)
        return ProcessGraph(
            identity, process.get("name") or "", process.sourceline or 0, nodes, flows, starts, lanes,
            self._activities.properties(process), self._activities.attributes(process), self._data_objects(scopes),
            text_of(first(process, "documentation")), pools.get(identity),
        )

    @staticmethod
    def _data_objects(scopes: list[tuple[Element, str]]) -> tuple[DataObject, ...]:
        return tuple(
            DataObject(child.get("id") or "", child.get("name") or "", scope)
            for container, scope in scopes for child in bpmn_children(container, "dataObject", "dataObjectReference")
        )

    @staticmethod
    def _lanes(container: Element, lanes: dict[str, str]) -> None:
        """Innermost lane name by node id: inner lanes are visited after their outer lane and win."""
        queue = [lane for lanes_ in bpmn_children(container, "laneSet") for lane in bpmn_children(lanes_, "lane")]
        for lane in queue:
            for reference in bpmn_children(lane, "flowNodeRef"):
                lanes[text_of(reference)] = lane.get("name") or lane.get("id") or ""
            queue.extend(inner for box in bpmn_children(lane, "childLaneSet") for inner in bpmn_children(box, "lane"))

    def _node(self, element: Element, scope: str, lanes: dict[str, str], order: int) -> Node | None:
        identity, kind = element.get("id"), local(element)
        if not identity:
            self._notes.add("id-missing", element, element=kind)
            return None
        if kind in REFUSED_NODES:
            return Node(identity, (element.get("name") or "").strip(), kind, scope, element.sourceline or 0, order=order)
        self._activities.refused_extensions(element)
        properties = self._activities.properties(element)
        inputs, outputs = self._activities.mappings(element)
        script, script_format = self._activities.script(element) if kind == "scriptTask" else (None, None)
        activity = kind in ACTIVITIES
        return Node(
            id=identity, name=(element.get("name") or "").strip(), type="subProcess" if kind == "transaction" else kind, scope=scope,
            line=element.sourceline or 0, default=element.get("default"), attached_to=element.get("attachedToRef"),
            interrupting=flag(element, "cancelActivity" if kind == "boundaryEvent" else "isInterrupting", True),
            triggered_by_event=flag(element, "triggeredByEvent"), transaction=kind == "transaction",
            for_compensation=flag(element, "isForCompensation"), event=self._event(element, kind, properties),
            attributes=self._node_attributes(element, kind), properties=properties, inputs=inputs, outputs=outputs, script=script, script_format=script_format,
            multi_instance=self._activities.multi_instance(element, properties) if activity else None,
            loop=self._activities.loop(element) if activity else None, lane=lanes.get(identity),
            documentation=text_of(first(element, "documentation")), order=order,
        )

    def _node_attributes(self, element: Element, kind: str) -> dict[str, str]:
        attributes = self._activities.attributes(element)
        for name in ("instantiate", "eventGatewayType", "parallelMultiple", "triggeredByEvent"):
            if element.get(name) is not None:
                attributes[name] = str(element.get(name))
        return attributes

    def _event(self, element: Element, kind: str, properties: dict[str, str]) -> Event:
        if kind in EVENTS:
            return self._events.read(element, properties)
        if kind in ("receiveTask", "sendTask") and element.get("messageRef"):
            return self._events.named(element, element, "message", properties)
        return Event()

    # flows

    def _flows(self, elements: list[Element], nodes: dict[str, Node]) -> dict[str, Flow]:
        flows: dict[str, Flow] = {}
        for element in elements:
            flow = self._flow(element, nodes)
            if flow is not None:
                flows.setdefault(flow.id, flow)
        for flow in self._links(nodes):
            flows[flow.id] = flow
        return flows

    def _flow(self, element: Element, nodes: dict[str, Node]) -> Flow | None:
        self._activities.refused_extensions(element)
        identity, source, target = element.get("id"), element.get("sourceRef") or "", element.get("targetRef") or ""
        missing = [(zh, en, end) for zh, en, end in (("起点", "source", source), ("终点", "target", target)) if end not in nodes]
        for zh, en, end in missing:
            self._notes.add("dangling-flow", element, end_zh=zh, end_en=en, target=shortened(end))
        if missing:
            return None
        if not identity:
            # The schema lets a flow go without an id; joins need one that stays the same in the next version.
            identity = f"{source}->{target}"
            self._notes.add("flow-id-made", element, made=shortened(identity))
        if nodes[source].scope != nodes[target].scope:
            self._notes.add("flow-leaves-scope", element)
            return None
        return Flow(identity, element.get("name") or "", source, target, self._condition(element), element.sourceline or 0)

    def _condition(self, element: Element) -> str | None:
        expression = first(element, "conditionExpression")
        if expression is None:
            return None
        if camunda(expression, "resource") is not None:
            self._activities.attributes(expression)
        text, language = text_of(expression), (expression.get("language") or "").lower()
        declared = "feel" in language or (self._feel_everywhere and not language)
        if text and not text.startswith("=") and declared and not is_foreign(text):
            return self._notes.feel(element, "conditionExpression", text)
        if text and language and "feel" not in language and not is_foreign(text):
            self._notes.add("condition-language", element, format=shortened(language))
            return "null"
        return self._notes.expression(element, "conditionExpression", text) or "null"

    def _links(self, nodes: dict[str, Node]) -> list[Flow]:
        catches: dict[tuple[str, str | None], Node] = {}
        for node in nodes.values():
            if node.event.kind == "link" and node.type == "intermediateCatchEvent":
                if (node.scope, node.event.name) in catches:
                    self._notes.add("link-ambiguous", node, link=node.event.name)
                catches.setdefault((node.scope, node.event.name), node)
        flows, used = [], set()
        for node in nodes.values():
            if node.event.kind == "link" and node.type == "intermediateThrowEvent":
                key = (node.scope, node.event.name)
                used.add(key)
                if key in catches:
                    flows.append(Flow(f"link:{node.id}", node.event.name or "", node.id, catches[key].id, None, node.line))
                else:
                    self._notes.add("link-unmatched", node, link=node.event.name)
        for key, node in catches.items():
            if key not in used:
                self._notes.add("link-unmatched", node, link=node.event.name)
        return flows

    def _handlers(self, scopes: list[tuple[Element, str]], nodes: dict[str, Node]) -> dict[str, Node]:
        """Connect compensation boundary events with their handlers by the associations of the file."""
        containers = [container for container, _ in scopes] + list(bpmn_children(self._root, "collaboration"))
        for container in containers:
            for element in bpmn_children(container, "association"):
                source, target = nodes.get(element.get("sourceRef") or ""), nodes.get(element.get("targetRef") or "")
                if source is None or target is None or source.event.kind != "compensation" or source.type != "boundaryEvent":
                    continue
                if target.for_compensation and target.scope == source.scope:
                    nodes[source.id] = replace(source, compensation_handler=target.id)
        return nodes


def _has_nodes(process: Element) -> bool:
    return any(local(child) in FLOW_NODES for child in bpmn_children(process))


def _contents(process: Element, identity: str) -> tuple[list[tuple[Element, str]], list[tuple[Element, str]], list[Element]]:
    """In document order: the process and its sub-processes with their ids, flow nodes with their scope's id, and sequence flows."""
    scopes, nodes, flows = [(process, identity)], [], []
    stack = [(child, identity) for child in reversed(list(bpmn_children(process)))]
    while stack:
        element, scope = stack.pop()
        name = local(element)
        if name == "sequenceFlow":
            flows.append(element)
        elif name in FLOW_NODES or name in REFUSED_NODES:
            nodes.append((element, scope))
            if name in SUB_PROCESSES:
                inner = element.get("id") or ""
                scopes.append((element, inner))
                stack.extend((child, inner) for child in reversed(list(bpmn_children(element))))
    return scopes, nodes, flows


def _connected(nodes: dict[str, Node], flows: dict[str, Flow]) -> dict[str, Node]:
    incoming: dict[str, list[Flow]] = {}
    outgoing: dict[str, list[Flow]] = {}
    for flow in flows.values():
        incoming.setdefault(flow.target, []).append(flow)
        outgoing.setdefault(flow.source, []).append(flow)
    return {
        node.id: replace(node, incoming=tuple(incoming.get(node.id, ())), outgoing=tuple(outgoing.get(node.id, ())))
        for node in nodes.values()
    }
