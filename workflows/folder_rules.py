"""What the processes of one folder owe each other and its files: references, settings, calls, messages, and what may not be taken away.

It reads no files and knows no database.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from workflows.activity_fields import field_findings
from workflows.attachment_settings import attachment_findings
from workflows.connectors import CONNECTORS
from workflows.forms import fields
from workflows.graph import Finding, Node, ProcessGraph, listed
from workflows.graph.notes import Notes
from workflows.graph.rules import check_calls
from workflows.human_rules import human_findings
from workflows.process_version import form_reference, stem

NOT_YET: Mapping[str, tuple[str, str]] = {
    "connector": ("没有安装的连接器", "a connector that is not installed"),
}


@dataclass(frozen=True)
class ResourceFinding:
    """A finding and the file it is in."""

    resource: str
    finding: Finding

    @property
    def severity(self) -> str:
        return self.finding.severity


class Placed(Protocol):
    """An executable process and the file it is drawn in."""

    @property
    def resource(self) -> str:
        """The file."""

    @property
    def graph(self) -> ProcessGraph:
        """The process."""


Processes = Mapping[str, Placed]


def finding_of(
    severity: str, code: str, zh: str, en: str, element: str = "", line: int = 0, advice_zh: str = "", advice_en: str = "", name: str = "",
) -> Finding:
    """A finding in both languages."""
    return Finding(severity, code, element, name, line, zh, en, advice_zh, advice_en)


def folder_findings(
    processes: Processes, forms: Mapping[str, Any], decisions: Mapping[str, Any], labels: Mapping[str, Any], known: Sequence[ResourceFinding]
) -> list[ResourceFinding]:
    """Everything wrong between the processes of a folder and with what they refer to; what is `known` already is not said again."""
    names = {decision for model in decisions.values() for decision in model.decisions}
    found: list[ResourceFinding] = []
    for placed in processes.values():
        for node in placed.graph.nodes.values():
            single = (*_missing(node, forms, names), *_not_running(node))
            found += [ResourceFinding(placed.resource, finding) for finding in single]
        found += [ResourceFinding(placed.resource, finding) for finding in setting_findings(placed.graph, forms)]
    found += call_findings(processes)
    found += _message_starts(processes)
    found += _shared_labels(processes, labels)
    return [one for one in found if one not in known]


def setting_findings(graph: ProcessGraph, forms: Mapping[str, Any]) -> Iterator[Finding]:
    """What is wrong with the settings of a process; those about fields are looked at once the forms are there."""
    yield from human_findings(graph, forms)
    yield from attachment_findings(graph)
    form_of = {node.id: stem(form_reference(node)) for node in graph.nodes.values()}
    if set(filter(None, form_of.values())) <= forms.keys():
        yield from field_findings(graph, {name: [one.key for one in fields(schema)] for name, schema in forms.items()}, form_of)


def call_findings(processes: Processes, elsewhere: Any = None) -> list[ResourceFinding]:
    """Circles of processes that call each other; `elsewhere` knows what the processes outside the folder call."""
    notes = Notes()
    check_calls({process: placed.graph for process, placed in processes.items()}, elsewhere, notes)
    return [ResourceFinding(processes[finding.element_id].resource, finding) for finding in notes.findings]


def called_by(graph: ProcessGraph) -> list[str]:
    """The processes a process calls by name."""
    names = [node.attributes.get("calledElement", "") for node in graph.nodes.values()]
    return [name for name in names if name and not name.startswith("=")]


def _missing(node: Node, forms: Mapping[str, Any], decisions: set[str]) -> Iterator[Finding]:
    form = form_reference(node)
    if form and stem(form) not in forms:
        yield _absent(node, f"表单“{form}”", f"form {form}")
    for reference in (node.attributes.get("decisionRef"), node.properties.get("decision")):
        if reference and reference not in decisions:
            yield _absent(node, f"决策“{reference}”", f"decision {reference}")


def _absent(node: Node, zh: str, en: str) -> Finding:
    return finding_of("error", "missing_reference", f"文件夹中没有{zh}", f"the folder has no {en}", node.id, node.line, name=node.name or "")


def _not_running(node: Node) -> Iterator[Finding]:
    """Constructs that can be read but not run here."""
    kind = NOT_YET.get(node.type) or NOT_YET.get(node.event.kind)
    if node.properties.get("connector", "log") not in CONNECTORS:
        kind = NOT_YET["connector"]
    if kind is not None:
        zh, en = kind
        yield finding_of("error", "not_yet", f"本版本尚不支持{zh}", f"{en} is not supported by this release yet", node.id, node.line, name=node.name or "")


def _message_starts(processes: Processes) -> Iterator[ResourceFinding]:
    """A message goes to one receiver, so it cannot start two processes."""
    first: dict[str, str] = {}
    for process, placed in processes.items():
        for node in (placed.graph.nodes[start] for start in placed.graph.starts):
            name = node.event.name if node.event.kind == "message" else None
            if name is None:
                continue
            other = first.setdefault(name, process)
            if other != process:
                zh, en = f"消息“{name}”也启动流程“{other}”", f"the message {name} starts the process {other} as well"
                advice = ("一条消息只到一处：请另用一条消息，或用信号", "a message reaches one receiver: use a message of its own, or a signal")
                yield ResourceFinding(placed.resource, finding_of("error", "message_start_twice", zh, en, node.id, node.line, *advice, node.name or ""))


def _shared_labels(processes: Processes, labels: Mapping[str, Any]) -> Iterator[ResourceFinding]:
    """The label files go by id: one label must not stand for two elements that are drawn with different names."""
    labelled = {str(key) for words in labels.values() if isinstance(words, Mapping) for key in words}
    first: dict[str, tuple[str, str]] = {}
    for process, placed in processes.items():
        for node in placed.graph.nodes.values():
            other, name = first.setdefault(node.id, (process, node.name))
            if other != process and name != node.name and node.id in labelled:
                zh = f"流程“{other}”中也有 {node.id}（{name}），两处共用同一个标签"
                en = f"the process {other} has a {node.id} ({name}) too; both would show the same label"
                found = finding_of("error", "label_shared", zh, en, node.id, node.line, "请改其中一个 id", "change one of the ids", node.name)
                yield ResourceFinding(placed.resource, found)


def four_eyes_findings(graph: ProcessGraph, before: ProcessGraph) -> Iterator[Finding]:
    """A new version may not drop a four-eyes rule."""
    for node in before.nodes.values():
        old = set(listed(node.properties.get("separate_from")))
        now = graph.nodes.get(node.id)
        lost = old - set(listed(now.properties.get("separate_from"))) if now else set()
        if now and lost:
            zh = f"新版本去掉了“经办与复核须为不同人员”的规定（{'、'.join(sorted(lost))}）；不得发布"
            en = f"the new version drops the four-eyes rule against {', '.join(sorted(lost))}; it cannot be published"
            yield replace(finding_of("error", "four_eyes_removed", zh, en, node.id, now.line), name=now.name or "")
