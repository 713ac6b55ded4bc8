"""Names what other products wrote into a diagram: one warning per namespace, and a finding at the element for what would have acted.

It knows no product: the names are those that engines share for listeners, delegates, mappings and forms.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from workflows.graph.names import BPMN, CAMUNDA, DIAGRAM_NAMESPACES, Element, local, namespace
from workflows.graph.notes import Notes, shortened

SHOWN_NAMES = 12
LONGEST_NAME = 60


class Lost(NamedTuple):
    """What a foreign extension would have done, and what to write instead."""

    chinese: str
    english: str
    advice_zh: str
    advice_en: str


_LISTENER = Lost("监听器或进出脚本", "a listener or a script on entry or exit", "请画成脚本任务或服务任务", "draw a script or service task")
_DELEGATE = Lost("程序调用", "a call of program code", "请用 camunda:type=\"external\" 和 camunda:topic，或 FEEL 脚本", "use camunda:type=\"external\" with camunda:topic, or a FEEL script")
_MAPPING = Lost("变量映射", "a mapping of variables", "请用 camunda:inputParameter、outputParameter，调用活动用 camunda:in、out", "use camunda:inputParameter and outputParameter; camunda:in and out for a call")
_CALLED = Lost("所调用的流程或决策", "the called process or decision", "请用 calledElement 或 camunda:decisionRef", "use calledElement or camunda:decisionRef")
_FORM = Lost("表单字段", "a form field", "请用表单文件（camunda:formRef）", "use a form file (camunda:formRef)")
_INSTANCES = Lost("多实例设置", "multi-instance settings", "请用 camunda:collection 与 camunda:elementVariable", "use camunda:collection and camunda:elementVariable")
REFUSED: Mapping[str, Lost] = {  # what is lost would change what the process does
    "executionListener": _LISTENER, "executionListeners": _LISTENER, "taskListener": _LISTENER, "taskListeners": _LISTENER, "eventListener": _LISTENER,
    "onEntry-script": _LISTENER, "onExit-script": _LISTENER, "class": _DELEGATE, "delegateExpression": _DELEGATE, "expression": _DELEGATE,
    "field": _DELEGATE, "taskDefinition": _DELEGATE, "taskName": _DELEGATE, "script": _DELEGATE, "ioMapping": _MAPPING, "in": _MAPPING, "out": _MAPPING,
    "calledElement": _CALLED, "calledDecision": _CALLED, "formProperty": _FORM, "loopCharacteristics": _INSTANCES,
}
# What says who, when or how: the step stays, and a person can see that it was meant differently.
NAMED = frozenset({
    "assignee", "candidateUsers", "candidateGroups", "assignmentDefinition", "dueDate", "taskSchedule", "formKey", "formId", "formDefinition", "userTaskForm",
    "skipExpression", "subscription", "independent", "waitForCompletion", "adHoc", "async", "asynchronous", "triggerable", "resultVariable",
    "resultVariableName", "collection", "elementVariable", "initiator", "terminateAll", "properties",
})


class ForeignExtensions:
    """What other products wrote into one file, gathered element by element."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._found: dict[str, dict[str, Element]] = {}

    def see(self, element: Element) -> None:
        """Look at an element's own name and at those of its attributes."""
        for name in (str(element.tag), *map(str, element.attrib)):
            space = namespace(name)
            if space and space not in (BPMN[1:-1], CAMUNDA[1:-1]) and space not in DIAGRAM_NAMESPACES:
                own = name.rpartition("}")[2]
                self._found.setdefault(space, {}).setdefault(own, element)
                if own in REFUSED or own in NAMED:
                    self._judge(element, space, own)

    def _judge(self, element: Element, space: str, name: str) -> None:
        holder = _holder(element)
        prefix = next((prefix for prefix, uri in element.nsmap.items() if uri == space and prefix), None)
        shown = f"{prefix}:{name}" if prefix else name
        lost = REFUSED.get(name)
        if lost is not None:
            self._notes.add("foreign-lost", holder, name=shown, what_zh=lost.chinese, what_en=lost.english, advice_zh=lost.advice_zh, advice_en=lost.advice_en)
        else:
            self._notes.add("foreign-named", holder, name=shown)

    def close(self) -> None:
        """Note every namespace once, with the names found in it."""
        for space, names in self._found.items():
            first = next(iter(names.values()))
            listed = [name[:LONGEST_NAME] for name in list(names)[:SHOWN_NAMES]] + (["…"] if len(names) > SHOWN_NAMES else [])
            self._notes.add("foreign-namespace", first, namespace=shortened(space), names=", ".join(listed))


def _holder(element: Element) -> Element:
    """The BPMN element that carries an extension."""
    around: Element | None = element
    while around is not None and (local(around) == "extensionElements" or not str(around.tag).startswith(BPMN)):
        around = around.getparent()
    return element if around is None else around
