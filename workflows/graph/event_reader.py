"""Reads the event definitions of one event: what it catches or throws. It judges each alone, not where it stands."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from workflows.graph.model import Event
from workflows.graph.names import CAMUNDA, Element, bpmn_children, camunda, camunda_extensions, first, flag, local, namespace, text_of
from workflows.graph.notes import Notes, is_foreign, shortened

KINDS = {
    "messageEventDefinition": "message", "timerEventDefinition": "timer", "signalEventDefinition": "signal",
    "errorEventDefinition": "error", "escalationEventDefinition": "escalation", "conditionalEventDefinition": "conditional",
    "compensateEventDefinition": "compensation", "linkEventDefinition": "link", "terminateEventDefinition": "terminate",
    "cancelEventDefinition": "cancel",
}
REFERENCES = {"message": "messageRef", "signal": "signalRef", "error": "errorRef", "escalation": "escalationRef"}
TIMERS = {"timeDate": "date", "timeDuration": "duration", "timeCycle": "cycle"}
MOMENT = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)?)?")
DAYS_AND_TIME = r"P(?=\d|T\d)(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?"
DURATION = re.compile(rf"P(?=\d)(\d+Y)?(\d+M)?|{DAYS_AND_TIME}")
CYCLE = re.compile(rf"R\d*/(P(?=\d)(\d+Y)?(\d+M)?|{DAYS_AND_TIME})")
KNOWN_ATTRIBUTES = frozenset({"errorCodeVariable", "errorMessageVariable", "escalationCodeVariable"})
OWNER = "case.university"  # whose deadline a timer with a calendar key stands for, unless it says so
LITERALS = {"date": MOMENT, "duration": DURATION, "cycle": CYCLE}


@dataclass
class Declared:
    """The messages, signals, errors and escalations of the file, and event definitions given at its root, by id."""

    elements: dict[str, dict[str, Element]] = field(default_factory=dict)

    def add(self, element: Element) -> None:
        """Remember a root element."""
        identity = element.get("id")
        if identity:
            self.elements.setdefault(local(element), {})[identity] = element

    def find(self, kind: str, reference: str | None) -> Element | None:
        """The element a reference such as "tns:Message_1" names."""
        known = self.elements.get(kind, {})
        return known.get(reference or "") if (reference or "") in known else known.get((reference or "").rpartition(":")[2])


class EventReader:
    """Turns event definitions into Event values and notes what is wrong with them."""

    def __init__(self, declared: Declared, notes: Notes) -> None:
        self._declared = declared
        self._notes = notes

    def read(self, element: Element, properties: dict[str, str]) -> Event:
        """The event of an event element, or of a receive task (its messageRef)."""
        definitions = [child for child in bpmn_children(element) if local(child) in KINDS]
        definitions += self._referenced(element)
        if len(definitions) > 1:
            self._notes.add("event-multiple", element)
        if not definitions:
            return Event()
        definition = definitions[0]
        kind = KINDS[local(definition)]
        self._camunda(element, definition)
        if kind in REFERENCES:
            return self.named(element, definition, kind, properties)
        return self._unnamed(element, definition, kind, properties)

    def _camunda(self, element: Element, definition: Element) -> None:
        """Note what other engines read in an event definition and this one does not."""
        for name in definition.attrib:
            if namespace(str(name)) == CAMUNDA[1:-1] and str(name)[len(CAMUNDA):] not in KNOWN_ATTRIBUTES:
                self._notes.add("unused-attribute", element, attribute=str(name)[len(CAMUNDA):])
        for child in camunda_extensions(definition, "in", "inputOutput"):
            self._notes.add("mapping-place", element, mapping=f"camunda:{local(child)}", where=local(definition))

    def _referenced(self, element: Element) -> list[Element]:
        found = []
        for child in bpmn_children(element, "eventDefinitionRef"):
            named = [self._declared.find(kind, text_of(child)) for kind in KINDS]
            hits = [definition for definition in named if definition is not None]
            if not hits:
                self._notes.add("dangling-reference", element, attribute="eventDefinitionRef", target=text_of(child))
            found += hits
        return found

    def named(self, element: Element, definition: Element, kind: str, properties: dict[str, str]) -> Event:
        """An event that refers to a message, signal, error or escalation of the file."""
        reference = definition.get(REFERENCES[kind])
        target = self._declared.find(kind, reference)
        if target is None and reference:
            self._notes.add("dangling-reference", element, attribute=REFERENCES[kind], target=reference)
        elif target is None and not (kind in ("error", "escalation") and is_catching(element)):
            self._notes.add("event-reference", element, kind=kind)
        name = (target.get("name") or "").strip() if target is not None else None
        code = (target.get(f"{kind}Code") or name or target.get("id")) if target is not None and kind in ("error", "escalation") else None
        if target is not None and not name and kind in ("message", "signal"):
            self._notes.add("event-name", target, kind=kind)
        if name and (name.startswith("=") or "${" in name):
            self._notes.add("name-expression", target)
        return Event(
            kind=kind, name=name or (target.get("id") if target is not None else None), code=code,
            correlation=self._correlation(element, target, properties) if kind == "message" else None,
            code_variable=camunda(definition, f"{kind}CodeVariable"), message_variable=properties.get("message_variable"),
            error_message=self._error_message(target) if kind == "error" and target is not None else None,
            error_message_variable=camunda(definition, "errorMessageVariable") if kind == "error" else None,
        )

    def _error_message(self, error: Element) -> str | None:
        text = camunda(error, "errorMessage")
        if text is not None and (text.startswith("=") or is_foreign(text)):
            self._notes.add("error-message", error, text=shortened(text))
        return text

    def _correlation(self, element: Element, message: Element | None, properties: dict[str, str]) -> str | None:
        text = properties.get("correlation")
        if text is None and message is not None:
            for entry in camunda_extensions(message, "properties"):
                for child in entry.iter(CAMUNDA + "property"):
                    text = child.get("value") if child.get("name") == "correlation" else text
        return self._notes.expression(element, "correlation", text) if text is not None else None

    def _unnamed(self, element: Element, definition: Element, kind: str, properties: dict[str, str]) -> Event:
        if kind == "timer":
            return self._timer(element, definition, properties)
        if "calendar_key" in properties:
            self._notes.add("calendar-place", element)
        if kind == "conditional":
            condition = first(definition, "condition")
            expression = self._notes.expression(element, "condition", text_of(condition))
            return Event(kind=kind, expression=expression)
        if kind == "link":
            name = (definition.get("name") or element.get("name") or "").strip()
            if not name:
                self._notes.add("event-name", element, kind=kind)
            return Event(kind=kind, name=name)
        if kind == "compensation":
            activity = definition.get("activityRef")
            return Event(kind=kind, activity=activity, waits_for_completion=flag(definition, "waitForCompletion", True))
        return Event(kind=kind)

    def _timer(self, element: Element, definition: Element, properties: dict[str, str]) -> Event:
        given = [child for child in bpmn_children(definition) if local(child) in TIMERS]
        if "calendar_key" in properties:
            if any(text_of(child) for child in given):
                self._notes.add("calendar-and-time", element)
            return self._deadline(element, properties["calendar_key"].strip(), properties.get("calendar_organisation", "").strip())
        text = text_of(given[0]) if given else ""
        if not text:
            self._notes.add("timer-empty", element)
            return Event(kind="timer")
        if len(given) > 1:
            self._notes.add("event-multiple", element)
        timer = TIMERS[local(given[0])]
        if text.startswith("=") or "${" in text or "#{" in text:
            self._notes.expression(element, local(given[0]), text)
        elif not LITERALS[timer].fullmatch(text):
            self._notes.add("timer-literal", element, text=shortened(text), timer=timer)
        return Event(kind="timer", timer=timer, expression=text)

    def _deadline(self, element: Element, key: str, organisation: str) -> Event:
        """A timer that is due at the deadline of this key in the cycle of the case."""
        if not key or not key.isidentifier():
            self._notes.add("calendar-key", element, text=shortened(key))
            return Event(kind="timer", timer="date", expression="null")
        if organisation:
            self._notes.value(element, "calendar_organisation", organisation)
        owner = organisation or f"={OWNER}"
        feel = owner.removeprefix("=") if owner.startswith("=") else f'"{owner}"'
        return Event(
            kind="timer", timer="date", expression=f'=deadline("{key}", {feel})', calendar_key=key, calendar_organisation=owner,
        )


def is_catching(element: Element) -> bool:
    """True for start, catch and boundary events."""
    return local(element) in ("startEvent", "intermediateCatchEvent", "boundaryEvent")
