"""Reads what an activity carries beside its place: settings, mappings, scripts, loops and multi-instance. It judges each alone."""

from __future__ import annotations

import re
from collections.abc import Mapping

from workflows.graph.event_reader import DURATION
from workflows.graph.model import DataMapping, MultiInstance, StandardLoop
from workflows.graph.names import CAMUNDA, Element, camunda, camunda_extensions, first, flag, local, namespace, text_of
from workflows.graph.notes import Notes, is_foreign, shortened
from workflows.graph.settings import FEEL_SETTINGS, known_settings, nearest
from workflows.graph.support import REFUSED_ATTRIBUTES, REFUSED_EXTENSIONS

OWN_ATTRIBUTES = ("calledElement", "scriptFormat", "messageRef", "implementation", "ioBinding")
EXPRESSION_ATTRIBUTES = frozenset({
    "assignee", "candidateGroups", "candidateUsers", "dueDate", "followUpDate", "priority", "taskPriority", "calledElement",
    "calledElementVersion", "formKey", "formRef", "decisionRef", "topic", "calledElementVersionTag",
})
WITHOUT_EFFECT = frozenset({"followUpDate", "taskPriority"})  # read by Camunda, checked here all the same
KNOWN_ATTRIBUTES = EXPRESSION_ATTRIBUTES - WITHOUT_EFFECT | frozenset({
    "formRefBinding", "decisionRefBinding", "resultVariable", "type", "calledElementBinding", "versionTag", "isStartableInTasklist",
})
RETRY_CYCLE = re.compile(r"R\d{1,4}/(P[0-9YMWDTHS.]+)")
READ_EXTENSIONS = frozenset({"properties", "in", "out", "inputOutput", "failedJobRetryTimeCycle"})
JOBS = frozenset({"serviceTask", "sendTask", "businessRuleTask"})
FEEL_FORMATS = frozenset({"feel", "application/feel", "text/feel", "http://www.omg.org/spec/dmn/20191111/feel/"})


class ActivityReader:
    """Turns the inside of an activity into values and notes what is wrong with it."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes

    def attributes(self, element: Element) -> dict[str, str]:
        """Camunda attributes and the element's own behaviour attributes, as written."""
        found = {name: str(element.get(name)) for name in OWN_ATTRIBUTES if element.get(name) is not None}
        for name, value in element.attrib.items():
            if namespace(str(name)) == CAMUNDA[1:-1]:
                self._attribute(element, str(name)[len(CAMUNDA):], str(value), found)
        if "calledElement" in found:
            self._notes.value(element, "calledElement", found["calledElement"])
        for retry in camunda_extensions(element, "failedJobRetryTimeCycle"):
            found["failedJobRetryTimeCycle"] = self._retry_cycle(element, text_of(retry))
        return found

    def _attribute(self, element: Element, name: str, value: str, found: dict[str, str]) -> None:
        if name in REFUSED_ATTRIBUTES:
            advice_zh, advice_en = REFUSED_ATTRIBUTES[name]
            self._notes.add("foreign-attribute", element, attribute=name, advice_zh=advice_zh, advice_en=advice_en)
        elif name not in KNOWN_ATTRIBUTES:
            self._notes.add("unused-attribute", element, attribute=name)
        found[name] = value
        if name in EXPRESSION_ATTRIBUTES:
            self._notes.value(element, f"camunda:{name}", value)

    def _retry_cycle(self, element: Element, text: str) -> str:
        """Camunda's retry cycle: R3/PT10M, or a pause after each try; checked here so that no job meets one it cannot read."""
        plain = text.replace(" ", "")
        cycle = RETRY_CYCLE.fullmatch(plain)
        if local(element) not in JOBS:
            self._notes.add("unused-attribute", element, attribute="failedJobRetryTimeCycle")
        elif plain.startswith("=") or is_foreign(plain):
            self._notes.expression(element, "failedJobRetryTimeCycle", text)
        elif not all(DURATION.fullmatch(part) for part in ([cycle[1]] if cycle else plain.split(","))):
            self._notes.add("retry-cycle", element, text=shortened(text))
        return text

    def properties(self, element: Element) -> dict[str, str]:
        """The camunda:property entries; unknown names are noted with the nearest known one."""
        known = known_settings(local(element))
        found: dict[str, str] = {}
        for box in camunda_extensions(element, "properties"):
            for entry in box.iterchildren(CAMUNDA + "property"):
                name, value = (entry.get("name") or "").strip(), entry.get("value") or ""
                if name in found:
                    self._notes.add("setting-duplicate", element, setting=name)
                found[name] = value
                self._setting(element, name, value, known)
        return found

    def _setting(self, element: Element, name: str, value: str, known: Mapping[str, object]) -> None:
        if name not in known and not self._notes.full("warning"):
            like = nearest(name, known)
            self._notes.add("setting-unknown", element, setting=name,
                            nearest_zh=f"，是否为“{like}”" if like else "", nearest_en=f"; perhaps {like}" if like else "")
        if name in FEEL_SETTINGS:
            self._notes.expression(element, name, value)
        else:
            self._notes.value(element, name, value)

    def refused_extensions(self, element: Element) -> None:
        """Note the camunda elements that have no meaning here."""
        for child in camunda_extensions(element):
            name = local(child)
            if name in REFUSED_EXTENSIONS:
                chinese, english, advice_zh, advice_en = REFUSED_EXTENSIONS[name]
                self._notes.add("refused", element, element=f"camunda:{name}", element_zh=chinese, element_en=english, advice_zh=advice_zh, advice_en=advice_en)
            elif name not in READ_EXTENSIONS:
                self._notes.add("unused-attribute", element, attribute=name)

    def mappings(self, element: Element) -> tuple[tuple[DataMapping, ...], tuple[DataMapping, ...]]:
        """Inputs (camunda:in, inputParameter) and outputs (camunda:out, outputParameter), in document order."""
        inputs: list[DataMapping] = []
        outputs: list[DataMapping] = []
        for child in camunda_extensions(element):
            name = local(child)
            if name in ("in", "out"):
                (inputs if name == "in" else outputs).append(self._call_mapping(element, child))
            elif name == "inputOutput":
                for entry in child:
                    if isinstance(entry.tag, str):
                        (inputs if local(entry) == "inputParameter" else outputs).append(self._parameter(element, entry))
        return tuple(inputs), tuple(outputs)

    def _call_mapping(self, element: Element, child: Element) -> DataMapping:
        expression, source, target = child.get("sourceExpression"), child.get("source"), child.get("target")
        everything, key = child.get("variables") == "all", child.get("businessKey")
        if expression is not None:
            expression = self._notes.expression(element, "sourceExpression", expression)
        if key is not None:
            self._notes.value(element, "businessKey", key)
        if not everything and key is None and not (target and (expression or source)):
            self._notes.add("mapping", element, reason=f"camunda:{local(child)}")
        return DataMapping(target, expression, source, everything, flag(child, "local"), key, called=True)

    def _parameter(self, element: Element, entry: Element) -> DataMapping:
        name, text = entry.get("name"), text_of(entry)
        nested = [local(child) for child in entry if isinstance(child.tag, str)]
        if nested or not name:
            self._notes.add("mapping", element, reason=f"{name or '?'}: {', '.join(nested) or 'name'}")
            return DataMapping(name)
        if text.startswith("=") or "${" in text or "#{" in text:
            return DataMapping(name, self._notes.expression(element, name, text))
        return DataMapping(name, '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"')

    def script(self, element: Element) -> tuple[str | None, str | None]:
        """The FEEL text of a script task, without "=", and its declared format."""
        script_format = (element.get("scriptFormat") or "").strip()
        if script_format.lower() not in FEEL_FORMATS:
            self._notes.add("script-language", element, format=script_format or "?")
            return None, script_format
        text = text_of(first(element, "script"))
        if not text:
            self._notes.add("script-empty", element)
            return None, script_format
        return self._notes.feel(element, "script", text.removeprefix("=")), script_format

    def multi_instance(self, element: Element, properties: dict[str, str]) -> MultiInstance | None:
        """The multi-instance marker of an activity."""
        marker = first(element, "multiInstanceLoopCharacteristics")
        if marker is None:
            return None
        for attribute, allowed in (("behavior", "All"), ("oneBehaviorEventRef", None), ("noneBehaviorEventRef", None)):
            if marker.get(attribute) not in (None, allowed):
                self._notes.add("mapping", element, reason=attribute)
        cardinality, collection = first(marker, "loopCardinality"), camunda(marker, "collection")
        self._sized(element, cardinality, collection, marker)
        condition = first(marker, "completionCondition")
        output = properties.get("output_element")
        return MultiInstance(
            sequential=flag(marker, "isSequential"),
            cardinality=self._number(element, text_of(cardinality)) if cardinality is not None else None,
            collection=self._collection(element, collection) if collection is not None else None,
            element_variable=camunda(marker, "elementVariable"),
            completion_condition=self._notes.expression(element, "completionCondition", text_of(condition)) if condition is not None else None,
            output_collection=properties.get("output_collection"), output_element=output.strip().removeprefix("=").strip() if output else None,
        )

    def _sized(self, element: Element, cardinality: Element | None, collection: str | None, marker: Element) -> None:
        if cardinality is not None and collection is not None:
            self._notes.add("instances-both", element)
        if cardinality is None and collection is None and first(marker, "loopDataInputRef") is None:
            self._notes.add("instances-missing", element)

    def _number(self, element: Element, text: str) -> str | None:
        return text if text.isascii() and text.isdigit() else self._notes.expression(element, "loopCardinality", text)

    def _collection(self, element: Element, text: str) -> str | None:
        if text.strip().isidentifier():
            return text.strip()
        return self._notes.expression(element, "camunda:collection", text)

    def loop(self, element: Element) -> StandardLoop | None:
        """The standard loop marker of an activity."""
        marker = first(element, "standardLoopCharacteristics")
        if marker is None:
            return None
        condition, text = first(marker, "loopCondition"), marker.get("loopMaximum")
        maximum = int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0 else None
        if text is not None and maximum is None:
            self._notes.add("loop-maximum", element, text=text[:80])
        if condition is None and text is None:
            self._notes.add("loop-endless", element)
        feel = self._notes.expression(element, "loopCondition", text_of(condition)) if condition is not None else None
        return StandardLoop(feel, maximum, flag(marker, "testBefore"))
