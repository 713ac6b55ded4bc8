"""The normalised process graph: immutable nodes, flows and findings, built once per version and shared by all threads.

It knows neither XML nor tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


HUMAN = frozenset({"userTask", "manualTask"})  # activities that people do

@dataclass(frozen=True, slots=True)
class Finding:
    """One reason against deploying a file (`error`), or one thing to look at (`warning`); line 0 means unknown."""

    severity: str
    code: str
    element_id: str
    name: str
    line: int
    reason_zh: str
    reason_en: str
    advice_zh: str
    advice_en: str


@dataclass(frozen=True, slots=True)
class Flow:
    """A sequence flow. `condition` is FEEL without the leading "=" (None: always); links have become flows too."""

    id: str
    name: str
    source: str
    target: str
    condition: str | None = None
    line: int = 0


@dataclass(frozen=True, slots=True)
class Event:
    """What an event catches or throws.

    `kind`: none, message, timer, signal, error, escalation, conditional, compensation, link, terminate or cancel.
    `name` is the name of the message, signal, error, escalation or link; `code` the error or escalation code (None: any).
    `timer` is date, duration or cycle and `expression` its text (literal, or FEEL after "="); for a conditional event
    `expression` is FEEL without "=". `correlation` is FEEL without "=". `activity` is what a compensation throw names.
    `calendar_key` is the deadline a timer stands for, `calendar_organisation` whose (FEEL after "=", or a code). `error_message` is
    what a thrown error says; `code_variable` and `error_message_variable` receive a caught one.
    """

    kind: str = "none"
    name: str | None = None
    code: str | None = None
    timer: str | None = None
    expression: str | None = None
    correlation: str | None = None
    activity: str | None = None
    waits_for_completion: bool = True
    code_variable: str | None = None
    message_variable: str | None = None
    error_message: str | None = None
    error_message_variable: str | None = None
    calendar_key: str | None = None
    calendar_organisation: str | None = None


@dataclass(frozen=True, slots=True)
class MultiInstance:
    """Several instances of one activity. Expressions are FEEL without "="; exactly one of cardinality and collection is set.

    `output_collection` receives the list of `output_element` values when all instances are done.
    """

    sequential: bool
    cardinality: str | None = None
    collection: str | None = None
    element_variable: str | None = None
    completion_condition: str | None = None
    output_collection: str | None = None
    output_element: str | None = None

    @property
    def size(self) -> str:
        """The expression whose count gives the number of instances."""
        return self.collection if self.collection is not None else self.cardinality or "0"


@dataclass(frozen=True, slots=True)
class StandardLoop:
    """Repeats one activity while `condition` (FEEL without "=", None: for ever) holds, at most `maximum` times (None: no bound)."""

    condition: str | None
    maximum: int | None
    test_before: bool


@dataclass(frozen=True, slots=True)
class DataMapping:
    """One camunda:in, camunda:out, inputParameter or outputParameter: `expression` (FEEL without "=") goes to `target`.

    `source` is a plain variable name; `all_variables` stands for variables="all"; `business_key` carries the case number.
    `called` is true for camunda:in and camunda:out, which go to and come from a called process; `local` for local="true".
    """

    target: str | None
    expression: str | None = None
    source: str | None = None
    all_variables: bool = False
    local: bool = False
    business_key: str | None = None
    called: bool = False


@dataclass(frozen=True, slots=True)
class Node:
    """A flow node. `type` is the BPMN local name; `scope` the id of the enclosing sub-process or process.

    `attributes` holds camunda attributes and the element's own (raw text: literal, or FEEL after "="); `properties` the
    camunda:property entries. Flows are in document order; `order` is the node's own place in it.
    """

    id: str
    name: str
    type: str
    scope: str
    line: int
    incoming: tuple[Flow, ...] = ()
    outgoing: tuple[Flow, ...] = ()
    default: str | None = None
    attached_to: str | None = None
    interrupting: bool = True
    triggered_by_event: bool = False
    transaction: bool = False
    for_compensation: bool = False
    compensation_handler: str | None = None
    event: Event = Event()
    attributes: Mapping[str, str] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)
    inputs: tuple[DataMapping, ...] = ()
    outputs: tuple[DataMapping, ...] = ()
    script: str | None = None
    script_format: str | None = None
    multi_instance: MultiInstance | None = None
    loop: StandardLoop | None = None
    lane: str | None = None
    documentation: str = ""
    order: int = 0


@dataclass(frozen=True, slots=True)
class DataObject:
    """A data object of a process or sub-process; it documents, the values live in the case's variables."""

    id: str
    name: str
    scope: str


@dataclass(frozen=True, slots=True)
class ProcessGraph:
    """One executable process. `nodes` and `flows` are in document order; `starts` are the start events of the process itself."""

    id: str
    name: str
    line: int
    nodes: Mapping[str, Node]
    flows: Mapping[str, Flow]
    starts: tuple[str, ...]
    lanes: Mapping[str, str] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)
    data_objects: tuple[DataObject, ...] = ()
    documentation: str = ""
    participant: str | None = None


@dataclass(frozen=True, slots=True)
class Participant:
    """A pool; `process` is None for a black box."""

    id: str
    name: str
    process: str | None


@dataclass(frozen=True, slots=True)
class MessageFlow:
    """An arrow between pools: documentation of who tells whom."""

    id: str
    name: str
    source: str
    target: str


@dataclass(frozen=True, slots=True)
class Collaboration:
    """The pools of the file and the message flows between them."""

    participants: tuple[Participant, ...] = ()
    message_flows: tuple[MessageFlow, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file holds: graphs by process id (executable processes only), all findings by line, and its pools."""

    graphs: Mapping[str, ProcessGraph]
    findings: list[Finding]
    collaboration: Collaboration = Collaboration()

    @property
    def deployable(self) -> bool:
        """True when no finding is an error and there is a process to run."""
        return bool(self.graphs) and not any(finding.severity == "error" for finding in self.findings)
