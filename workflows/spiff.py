"""The only door to SpiffWorkflow: its schema validation of files, and its second opinion on the path a scenario took.

It never runs a case, evaluates nothing a diagram says, and never raises.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from lxml import etree
from SpiffWorkflow.bpmn import BpmnWorkflow
from SpiffWorkflow.bpmn.parser import BpmnParser, BpmnValidator
from SpiffWorkflow.bpmn.script_engine import PythonScriptEngine
from SpiffWorkflow.bpmn.script_engine.python_environment import BasePythonScriptEngineEnvironment
from SpiffWorkflow.exceptions import SpiffWorkflowException
from SpiffWorkflow.task import TaskState

from workflows.graph import Finding
from workflows.graph.names import BPMN, Element, local
from workflows.hardened_xml import XmlError, parse_xml

FAULTS = (
    SpiffWorkflowException, etree.LxmlError, AttributeError, TypeError, ValueError, LookupError, ArithmeticError, AssertionError,
    NotImplementedError, RecursionError,
)
MAXIMUM_FINDINGS = 200
WAITING = frozenset({"userTask", "manualTask", "serviceTask", "sendTask", "receiveTask", "callActivity", "intermediateCatchEvent"})
INLINE = frozenset({"scriptTask", "businessRuleTask", "task", "intermediateThrowEvent"})
KEPT = frozenset({"startEvent", "endEvent", "exclusiveGateway", "parallelGateway", "inclusiveGateway", "subProcess"})
NOT_RUN = {
    "multiInstanceLoopCharacteristics": "multi-instance", "standardLoopCharacteristics": "standard loop", "transaction": "transaction",
    "compensateEventDefinition": "compensation", "linkEventDefinition": "link event", "eventBasedGateway": "event-based gateway",
    "cancelEventDefinition": "cancel event", "errorEventDefinition": "error event", "escalationEventDefinition": "escalation event",
}
_lock = threading.Lock()
_validators: list[Any] = []


class Step(NamedTuple):
    """One step of a recorded path: what was completed (None: the start), what was open afterwards, and the ways taken.

    `open` lists the node ids of waiting activities and events, one per token; `taken` the firings in order as (node id, flow ids);
    `ended` is whether the case was over.
    """

    completed: str | None
    open: Sequence[str]
    taken: Sequence[tuple[str, Sequence[str]]] = ()
    ended: bool = False


def step_of(completed: str | None, happenings: Iterable[Any], open_nodes: Sequence[str], ended: bool) -> Step:
    """The step that a door of the token machine made, from what it returned."""
    taken = [(happening.node, tuple(happening.detail["taken"])) for happening in happenings if happening.kind == "fired"]
    return Step(completed, tuple(open_nodes), tuple(taken), ended)


def validate_schema(xml: bytes) -> list[Finding]:
    """What the BPMN 2.0 XML schema objects to, every entry with its line, as warnings; unreadable bytes give none."""
    try:
        root = parse_xml(xml)
    except XmlError:
        return []
    try:
        with _lock:
            if not _validators:
                _validators.append(BpmnValidator())
            validator = _validators[0]
            validator.preprocess(root)
            validator.validator.validate(root)
            entries = [(entry.line, entry.message) for entry in validator.validator.error_log]
    except FAULTS as error:
        entries = [(0, str(error))]
    return [_schema_finding(line, message) for line, message in list(dict.fromkeys(entries))[:MAXIMUM_FINDINGS]]


def _schema_finding(line: int, message: str) -> Finding:
    text = message.replace(BPMN, "").replace("{http://camunda.org/schema/1.0/bpmn}", "camunda:")
    return Finding(
        "warning", "schema", "", "", line, f"不符合 BPMN 2.0 模式：{text}", f"does not follow the BPMN 2.0 schema: {text}",
        "请用建模工具重新保存；不影响运行", "save it again with a modeler; it runs all the same",
    )


def second_opinion(xml: bytes, process_id: str, steps: Sequence[Step]) -> str:
    """Walk a recorded path through SpiffWorkflow: "agrees", "disagrees: …" or "does not run this diagram: …"."""
    try:
        document, reason = _prepared(xml, process_id, steps)
        return f"does not run this diagram: {reason}" if document is None else _walk(document, process_id, steps)
    except XmlError as error:
        return f"does not run this diagram: {error.reason.en}"
    except FAULTS as error:
        return f"does not run this diagram: {type(error).__name__}: {error}"


# a copy of the diagram that holds nothing but its flow


def _prepared(xml: bytes, process_id: str, steps: Sequence[Step]) -> tuple[Element | None, str]:
    root = parse_xml(xml)
    process = next((element for element in root.iter(BPMN + "process") if element.get("id") == process_id), None)
    if process is None:
        return None, f"there is no process {process_id}"
    if not _without_event_sub_processes(process, steps):
        return None, "event sub-process on the path"
    for element in process.iter():
        name, parent = local(element), element.getparent()
        attached = parent is not None and local(parent) == "boundaryEvent"
        if name in NOT_RUN and not (name.endswith("EventDefinition") and attached):
            return None, NOT_RUN[name]
    boundary = {element.get("id") for element in process.iter(BPMN + "boundaryEvent")}
    if any(step.completed in boundary for step in steps):
        return None, "boundary event on the path"
    for other in list(root):
        if other is not process:
            root.remove(other)
    dropped = _without_boundary(process, boundary)
    _simplify(process, dropped)
    return (None, reason) if (reason := _unsuitable(process)) else (root, "")


def _without_event_sub_processes(process: Element, steps: Sequence[Step]) -> bool:
    """Drop the event sub-processes, which only listen unless the path goes through them; whether that was possible."""
    passed = {node for step in steps for node in (step.completed, *step.open, *(gateway for gateway, _ in step.taken))}
    for element in list(process.iter(BPMN + "subProcess")):
        if element.get("triggeredByEvent") in ("true", "1"):
            if any(inner.get("id") in passed for inner in element.iter() if inner.get("id")):
                return False
            _remove(element)
    return True


def _without_boundary(process: Element, boundary: set[str | None]) -> set[str]:
    dropped = set()
    for flow in list(process.iter(BPMN + "sequenceFlow")):
        if flow.get("sourceRef") in boundary:
            dropped.add(flow.get("id") or "")
            _remove(flow)
    for element in list(process.iter(BPMN + "boundaryEvent")):
        _remove(element)
    return dropped


def _remove(element: Element) -> None:
    parent = element.getparent()
    if parent is not None:
        parent.remove(element)


def _simplify(process: Element, dropped: set[str]) -> None:
    """Everything that waits becomes a user task, everything done inline a script task, every condition its flow's id."""
    for element in list(process.iter()):
        name = local(element)
        if name in WAITING | INLINE:
            _strip(element)
            element.tag = BPMN + ("userTask" if name in WAITING else "scriptTask")
            if name in INLINE:
                etree.SubElement(element, BPMN + "script").text = "inline"
        elif name in ("incoming", "outgoing"):
            if (element.text or "").strip() in dropped:
                _remove(element)
        elif name == "sequenceFlow":
            conditional = element.find(BPMN + "conditionExpression") is not None
            _strip(element)
            if conditional:
                etree.SubElement(element, BPMN + "conditionExpression").text = element.get("id")
        elif name == "endEvent":
            terminating = element.find(BPMN + "terminateEventDefinition") is not None
            _strip(element)
            if terminating:
                etree.SubElement(element, BPMN + "terminateEventDefinition")
        elif name == "startEvent":
            _strip(element)
        elif element is not process and name not in KEPT and name not in ("script", "conditionExpression", "terminateEventDefinition"):
            _remove(element)


def _strip(element: Element) -> None:
    for child in list(element):
        if local(child) not in ("incoming", "outgoing"):
            element.remove(child)


def _unsuitable(process: Element) -> str:
    """Why the library is known to run this wrong, or ""."""
    flows = list(process.iter(BPMN + "sequenceFlow"))
    sources = Counter(flow.get("sourceRef") for flow in flows)
    for scope in [process, *process.iter(BPMN + "subProcess")]:
        if len(scope.findall(BPMN + "startEvent")) != 1:
            return "several start events"
    for element in process.iter():
        name, identity = local(element), element.get("id")
        if name in ("userTask", "scriptTask", "subProcess"):
            if not sources[identity]:
                return "implicit end"
            if sources[identity] > 1 or any(flow.get("sourceRef") == identity and len(flow) for flow in flows):
                return "conditional or several flows out of an activity"
    return "loop through a join" if _joins_in_loops(process, flows) else ""


def _joins_in_loops(process: Element, flows: list[Element]) -> bool:
    following: dict[str, list[str]] = {}
    incoming = Counter(flow.get("targetRef") for flow in flows)
    for flow in flows:
        following.setdefault(flow.get("sourceRef") or "", []).append(flow.get("targetRef") or "")
    joins = [element.get("id") or "" for name in ("parallelGateway", "inclusiveGateway") for element in process.iter(BPMN + name)]
    for join in (join for join in joins if incoming[join] > 1):
        stack, seen = list(following.get(join, [])), set()
        while stack:
            current = stack.pop()
            if current == join:
                return True
            if current not in seen:
                seen.add(current)
                stack.extend(following.get(current, []))
    return False


# walking the path


class _Recorded(BasePythonScriptEngineEnvironment):
    """Answers nothing on its own: expressions are looked up by the engine below."""

    def evaluate(self, expression: str, context: Any, external_context: Any = None) -> bool:
        """No expression of the diagram is left in the copy."""
        return False

    def execute(self, script: str, context: Any, external_context: Any = None) -> bool:
        """Inline work was done by the recorded run."""
        return True


class _Lookup(PythonScriptEngine):
    """Answers a condition (a flow id) with what was recorded for that firing of its gateway; evaluates nothing."""

    def __init__(self, steps: Sequence[Step]) -> None:
        super().__init__(environment=_Recorded())
        self._left: dict[str, list[Sequence[str]]] = {}
        self._firings: dict[Any, Sequence[str]] = {}
        for step in steps:
            for node, flows in step.taken:
                self._left.setdefault(node, []).append(flows)

    def validate(self, expression: str) -> None:
        """A flow id is always valid."""

    def evaluate(self, task: Any, expression: str, external_context: Any = None) -> bool:
        """Whether the flow was taken in this firing."""
        if task.id not in self._firings:
            left = self._left.get(task.task_spec.bpmn_id, [])
            self._firings[task.id] = left.pop(0) if left else ()
        return expression in self._firings[task.id]


def _walk(document: Element, process_id: str, steps: Sequence[Step]) -> str:
    parser = BpmnParser()
    parser.add_bpmn_xml(document)
    workflow = BpmnWorkflow(parser.get_spec(process_id), parser.get_subprocess_specs(process_id), script_engine=_Lookup(steps))
    for number, step in enumerate(steps):
        if step.completed is not None:
            ready = [task for task in _open_tasks(workflow) if task.task_spec.bpmn_id == step.completed]
            if not ready:
                return f"disagrees: step {number}: {step.completed} is not open there"
            ready[0].run()
        workflow.do_engine_steps()
        there = Counter(task.task_spec.bpmn_id for task in _open_tasks(workflow))
        if there != Counter(step.open):
            return f"disagrees: step {number}: open are {_listed(there)} there, {_listed(Counter(step.open))} here"
        if step.ended != workflow.is_completed():
            return f"disagrees: step {number}: ended is {workflow.is_completed()} there, {step.ended} here"
    return "agrees"


def _open_tasks(workflow: Any) -> list[Any]:
    return [task for task in workflow.get_tasks(state=TaskState.READY | TaskState.WAITING) if task.task_spec.manual]


def _listed(nodes: Mapping[str, int]) -> str:
    return ", ".join(f"{node}×{count}" if count > 1 else node for node, count in sorted(nodes.items())) or "none"
