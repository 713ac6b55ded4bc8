"""Process versions: checks a folder of files, deploys it as an immutable version, hands out parsed versions from memory."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import Connection, func, insert, select, update

from workflows.business_calendar import Clock
from workflows.connectors import CONNECTORS
from workflows.decisions import DecisionModel, read_decisions
from workflows.errors import DeploymentRefused, NotFound
from workflows.feel import FeelError, Words, compile_expression
from workflows.forms import check_form
from workflows.graph import Finding, Node, ProcessGraph, read_graph
from workflows.graph.notes import Notes
from workflows.graph.rules import check_calls
from workflows.machine import Machine
from workflows.models import Definition, DefinitionResource, ProcessInstance
from workflows.name_check import name_findings
from workflows.plain_yaml import read_yaml
from workflows.spiff import validate_schema

LANGUAGES = ("zh-CN", "en")
NOT_YET: Mapping[str, tuple[str, str]] = {
    "mapping": ("事件上的输入输出映射；请改用脚本任务", "an input or output mapping of an event (use a script task instead)"),
    "connector": ("没有安装的连接器", "a connector that is not installed"),
    "local": ("只传局部变量的映射；请逐个写明变量", "a mapping of local variables only (name the variables instead)"),
}


@dataclass(frozen=True)
class ResourceFinding:
    """A finding and the file it is in."""

    resource: str
    finding: Finding

    @property
    def severity(self) -> str:
        return self.finding.severity


@dataclass(frozen=True)
class ProcessVersion:
    """Everything a running case needs of its process, parsed once and shared by all threads."""

    id: int
    process_id: str
    version: int
    name: str
    graph: ProcessGraph
    machine: Machine
    decisions: Mapping[str, Any]
    forms: Mapping[str, dict[str, Any]]
    labels: Mapping[str, Mapping[str, Any]]
    roster: dict[str, Any] | None
    resources: Mapping[str, bytes]
    bpmn: str
    applicant_nodes: frozenset[str] = field(default_factory=frozenset)

    def label(self, key: str | None, language: str) -> str:
        """The words for an id, in `language`; the diagram's own name, then the id itself, where no label is given."""
        if key is None:
            return ""
        words = self.labels.get("zh-CN" if language.startswith("zh") else "en", {}).get(key)
        if words:
            return str(words)
        node = self.graph.nodes.get(key)
        return (node.name if node else None) or key

    def both(self, key: str | None) -> dict[str, str]:
        """The words for an id in both languages."""
        return {"zh": self.label(key, "zh"), "en": self.label(key, "en")}

    def form_of(self, node: Node) -> dict[str, Any] | None:
        """The form schema of a user task, if it has one."""
        reference = node.attributes.get("formRef") or node.attributes.get("formKey")
        return self.forms.get(_stem(reference)) if reference else None

    def decision_of(self, reference: str) -> tuple[Any, str]:
        """The decision model and the decision's id for a decisionRef such as "audit_authority"."""
        for model in self.decisions.values():
            if reference in model.decisions:
                return model, reference
        raise NotFound(f"流程中没有决策“{reference}”。", f"The process has no decision named {reference}.")


def _stem(reference: str) -> str:
    return reference.removeprefix("camunda-forms:").rsplit("/", 1)[-1].removesuffix(".form")


def read_folder(folder: Path) -> dict[str, bytes]:
    """The files of a process folder by name."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


def check_expression(text: str) -> Words | None:
    """What is wrong with a FEEL expression, in Chinese and English, or None."""
    try:
        compile_expression(text)
    except FeelError as error:
        return error.words
    return None


def decision_siblings(files: Mapping[str, bytes], name: str) -> dict[str, bytes]:
    """The folder's other DMN files, which the file `name` may import."""
    return {other: content for other, content in files.items() if other.endswith(".dmn") and other != name}


def decision_findings(resource: str, model: DecisionModel) -> list[ResourceFinding]:
    """What reading a decision model found, as findings at its file."""
    return [
        ResourceFinding(resource, Finding(
            found.severity, "dmn", found.element_id, found.name, found.line, str(found.reason), found.reason.en, str(found.advice), found.advice.en,
        ))
        for found in model.findings
    ]


def _finding(severity: str, code: str, zh: str, en: str, element: str = "", line: int = 0) -> Finding:
    return Finding(
        severity=severity, code=code, element_id=element, name="", line=line, reason_zh=zh, reason_en=en, advice_zh="", advice_en=""
    )


def check(files: Mapping[str, bytes], previous: ProcessVersion | None = None) -> list[ResourceFinding]:
    """Every reason against deploying `files`, and every warning; `previous` is the version they would replace."""
    reader = _Reader(files, previous)
    schema = [ResourceFinding(reader.bpmn, finding) for finding in validate_schema(reader.files[reader.bpmn])] if reader.bpmn else []
    return [*reader.findings, *schema]


class _Reader:
    """Reads a folder into a version, noting all findings on the way."""

    def __init__(self, files: Mapping[str, bytes], previous: ProcessVersion | None = None) -> None:
        self.files = files
        self.findings: list[ResourceFinding] = []
        self.graph: ProcessGraph | None = None
        self.bpmn = ""
        self.decisions = self._read_decisions()
        self.forms = self._read_forms()
        self.labels = {language: self._read_yaml(f"labels.{language}.yaml") or {} for language in LANGUAGES}
        self.roster = self._read_yaml("roster.yaml")
        self._read_diagram()
        if self.graph is not None:
            self._check_references(self.graph)
            self._check_runs_here(self.graph)
            names = name_findings(self.bpmn, self.graph, self.decisions, self.forms, self.roster)
            self.findings += [ResourceFinding(resource, finding) for resource, finding in names]
            if previous is not None:
                self._check_four_eyes_kept(self.graph, previous.graph)

    def add(self, resource: str, finding: Finding) -> None:
        self.findings.append(ResourceFinding(resource, finding))

    def _read_diagram(self) -> None:
        names = [name for name in self.files if name.endswith(".bpmn")]
        if len(names) != 1:
            self.add("", _finding("error", "one_diagram", f"需要且只能有一个 .bpmn 文件，现有 {len(names)} 个", f"exactly one .bpmn file is needed, found {len(names)}"))
            return
        self.bpmn = names[0]
        reading = read_graph(self.files[self.bpmn], check_expression=check_expression)
        for finding in reading.findings:
            self.add(self.bpmn, finding)
        graphs = list(reading.graphs.values())
        if len(graphs) > 1:
            self.add(self.bpmn, _finding("error", "one_process", "一个文件夹只能有一个可执行流程", "a folder holds one executable process"))
        self.graph = graphs[0] if len(graphs) == 1 else None

    def _read_decisions(self) -> dict[str, Any]:
        models = {}
        for name, content in self.files.items():
            if name.endswith(".dmn"):
                model = models[name.removesuffix(".dmn")] = read_decisions(content, decision_siblings(self.files, name))
                self.findings += decision_findings(name, model)
        return models

    def _read_forms(self) -> dict[str, dict[str, Any]]:
        forms = {}
        for name, content in self.files.items():
            if name.endswith(".form"):
                problems = check_form(content, name)
                for problem in problems:
                    self.add(name, _finding("error", "form", getattr(problem, "zh", str(problem)), getattr(problem, "en", str(problem))))
                if not problems:
                    forms[name.removesuffix(".form")] = json.loads(content)
        return forms

    def _read_yaml(self, name: str) -> Any:
        if name not in self.files:
            return None
        try:
            return read_yaml(self.files[name])
        except yaml.YAMLError as error:
            self.add(name, _finding("error", "yaml", f"无法读取：{error}", f"cannot be read: {error}"))
            return None

    def _check_references(self, graph: ProcessGraph) -> None:
        decisions = {decision for model in self.decisions.values() for decision in model.decisions}
        for node in graph.nodes.values():
            form = node.attributes.get("formRef") or node.attributes.get("formKey")
            if form and _stem(form) not in self.forms:
                self._missing(node, f"表单“{form}”", f"form {form}")
            for reference in (node.attributes.get("decisionRef"), node.properties.get("decision")):
                if reference and reference not in decisions:
                    self._missing(node, f"决策“{reference}”", f"decision {reference}")

    def _check_runs_here(self, graph: ProcessGraph) -> None:
        """Constructs the machine runs but the engine does not carry data, jobs or broadcasts for yet."""
        for node in graph.nodes.values():
            kind = NOT_YET.get(node.type) or NOT_YET.get(node.event.kind)
            if node.type.endswith("Event") and (node.inputs or node.outputs):
                kind = NOT_YET["mapping"]
            elif node.properties.get("connector", "log") not in CONNECTORS:
                kind = NOT_YET["connector"]
            elif any(mapping.local for mapping in (*node.inputs, *node.outputs)):
                kind = NOT_YET["local"]
            if kind is not None:
                zh, en = kind
                finding = _finding("error", "not_yet", f"本版本尚不支持{zh}", f"{en} is not supported by this release yet", node.id, node.line)
                self.add(self.bpmn, replace(finding, name=node.name or ""))

    def _missing(self, node: Node, zh: str, en: str) -> None:
        finding = _finding("error", "missing_reference", f"文件夹中没有{zh}", f"the folder has no {en}", node.id, node.line)
        self.add(self.bpmn, replace(finding, name=node.name or ""))

    def _check_four_eyes_kept(self, graph: ProcessGraph, before: ProcessGraph) -> None:
        for node in before.nodes.values():
            old = _listed(node.properties.get("separate_from"))
            now = graph.nodes.get(node.id)
            lost = old - _listed(now.properties.get("separate_from")) if now else set()
            if now and lost:
                zh = f"新版本去掉了“经办与复核须为不同人员”的规定（{'、'.join(sorted(lost))}）；不得发布"
                en = f"the new version drops the four-eyes rule against {', '.join(sorted(lost))}; it cannot be published"
                self.add(self.bpmn, _finding("error", "four_eyes_removed", zh, en, node.id, now.line))

    def version(self, definition_id: int, number: int) -> ProcessVersion:
        """What was read, as version `number`; every version made from one reading shares its graph and compiled parts."""
        if self.graph is None:
            raise DeploymentRefused(self.findings)
        graph = self.graph
        applicants = frozenset(node.id for node in graph.nodes.values() if node.properties.get("applicant") == "true")
        return ProcessVersion(
            definition_id, graph.id, number, graph.name or graph.id, graph, Machine(graph), self.decisions, self.forms, self.labels,
            self.roster, self.files, self.bpmn, applicants,
        )


def _listed(text: str | None) -> set[str]:
    return {part.strip() for part in (text or "").split(",") if part.strip()}


class Definitions:
    """Deploys versions and hands them out; parsed versions stay in memory because they never change."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._versions: dict[int, ProcessVersion] = {}
        self._lock = threading.Lock()
        self.listeners: list[Callable[[Connection, ProcessVersion], None]] = []  # hear of every version that becomes current

    def deploy(self, connection: Connection, files: Mapping[str, bytes], deployed_by: int | None) -> ProcessVersion:
        """Store `files` as the next version of their process and make it current; running cases stay on theirs.

        The same files again return the current version. Raises DeploymentRefused with every finding.
        """
        digest = _digest(files)
        reader = _read(digest, files)
        if reader.graph is None:
            raise DeploymentRefused(reader.findings)
        current = self._current_row(connection, reader.graph.id)
        if current is not None and current.digest == digest:
            return self.get(connection, current.id)
        findings = check(files, self.get(connection, current.id)) if current is not None else reader.findings
        findings = [*findings, *self._circles(connection, reader)]
        if any(finding.severity == "error" for finding in findings):
            raise DeploymentRefused(findings)
        number = current.version + 1 if current is not None else 1
        connection.execute(update(Definition).where(Definition.process_id == reader.graph.id).values(current=False))
        definition_id = connection.execute(insert(Definition).values(
            process_id=reader.graph.id, version=number, name=reader.graph.name or reader.graph.id, digest=digest, current=True,
            deployed_at=self._clock.now(), deployed_by=deployed_by,
        ).returning(Definition.id)).scalar_one()
        connection.execute(insert(DefinitionResource), [
            {"definition_id": definition_id, "name": name, "content": content} for name, content in files.items()
        ])
        version = reader.version(definition_id, number)
        for listener in self.listeners:
            listener(connection, version)
        return version

    def _circles(self, connection: Connection, reader: _Reader) -> list[ResourceFinding]:
        """Circles of processes that would call each other once this file is deployed."""
        def called(process_id: str) -> list[str] | None:
            row = self._current_row(connection, process_id)
            if row is None:
                return None
            names = [node.attributes.get("calledElement", "") for node in self.get(connection, row.id).graph.nodes.values()]
            return [name for name in names if name and not name.startswith("=")]

        notes = Notes()
        if reader.graph is not None:
            check_calls({reader.graph.id: reader.graph}, called, notes)
        return [ResourceFinding(reader.bpmn, finding) for finding in notes.findings if finding not in [one.finding for one in reader.findings]]

    def _current_row(self, connection: Connection, process_id: str) -> Any:
        query = select(Definition.__table__).where(Definition.process_id == process_id, Definition.current)
        return connection.execute(query).first()

    def current(self, connection: Connection, process_id: str) -> ProcessVersion:
        """The version new cases start on."""
        row = self._current_row(connection, process_id)
        if row is None:
            raise NotFound(f"流程“{process_id}”尚未部署。", f"The process {process_id} is not deployed.")
        return self.get(connection, row.id)

    def all_current(self, connection: Connection) -> list[ProcessVersion]:
        """The current version of every process."""
        rows = connection.execute(select(Definition.id).where(Definition.current).order_by(Definition.process_id)).all()
        return [self.get(connection, row.id) for row in rows]

    def versions(self, connection: Connection, process_id: str) -> list[Any]:
        """The rows of all versions of a process, newest first."""
        query = select(Definition.__table__).where(Definition.process_id == process_id).order_by(Definition.version.desc())
        return list(connection.execute(query).all())

    def running_by_version(self, connection: Connection, process_id: str) -> dict[int, int]:
        """How many cases run on each version of a process."""
        query = select(ProcessInstance.definition_id, func.count()).where(
            ProcessInstance.process_id == process_id, ProcessInstance.status == "active"
        )
        return {row[0]: row[1] for row in connection.execute(query.group_by(ProcessInstance.definition_id))}

    def running(self, connection: Connection, versions: Sequence[ProcessVersion]) -> list[tuple[ProcessVersion, int]]:
        """Each version with the number of running cases of its process, on whatever version."""
        return [(version, sum(self.running_by_version(connection, version.process_id).values())) for version in versions]

    def get(self, connection: Connection, definition_id: int) -> ProcessVersion:
        """A version by its number, from memory after the first time."""
        version = self._versions.get(definition_id)
        if version is None:
            version = self._load(connection, definition_id)
            with self._lock:
                self._versions[definition_id] = version
        return version

    def forget(self) -> None:
        """Read every version anew: a restore may have put another one under a known number."""
        with self._lock:
            self._versions = {}

    def bound(self, connection: Connection, process_id: str, binding: str, wanted: Any, caller: int) -> ProcessVersion | None:
        """The version of a called process: latest, the given version or version tag, or (deployment) the one the caller found.

        `caller` is the calling version's number; None when there is no such version.
        """
        rows = list(self.versions(connection, process_id))
        if binding == "version":
            rows = [row for row in rows if str(row.version) == str(wanted)]
        elif binding == "deployment":
            rows = [row for row in rows if row.id <= caller] or rows[-1:]
        elif binding == "versionTag":
            rows = [row for row in rows if self.get(connection, row.id).graph.attributes.get("versionTag") == str(wanted)]
        else:
            rows = [row for row in rows if row.current]
        return self.get(connection, rows[0].id) if rows else None

    def _load(self, connection: Connection, definition_id: int) -> ProcessVersion:
        row = connection.execute(select(Definition.__table__).where(Definition.id == definition_id)).first()
        if row is None:
            raise NotFound("没有这个流程版本。", "There is no such process version.")
        resources = connection.execute(
            select(DefinitionResource.name, DefinitionResource.content).where(DefinitionResource.definition_id == definition_id)
        ).all()
        files = {name: bytes(content) for name, content in resources}
        return _read(_digest(files), files).version(definition_id, row.version)


_READINGS: OrderedDict[str, _Reader] = OrderedDict()
_READINGS_KEPT = 16
_READINGS_LOCK = threading.Lock()


def _read(digest: str, files: Mapping[str, bytes]) -> _Reader:
    """Files of equal content are read and compiled once in this process, whatever version they are in whichever database."""
    with _READINGS_LOCK:
        if (known := _READINGS.get(digest)) is not None:
            _READINGS.move_to_end(digest)
            return known
    reader = _Reader(files)
    with _READINGS_LOCK:
        _READINGS[digest] = reader
        while len(_READINGS) > _READINGS_KEPT:
            _READINGS.popitem(last=False)
    return reader


def _digest(files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(name.encode() + b"\0" + hashlib.sha256(files[name]).digest())
    return digest.hexdigest()
