"""Reads a process folder: every diagram, decision, form and label of it, with all findings at once. It stores nothing."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from workflows.decisions import DecisionModel, read_decisions
from workflows.errors import DeploymentRefused
from workflows.feel import FeelError, Words, compile_expression
from workflows.folder_rules import ResourceFinding, finding_of, folder_findings, four_eyes_findings
from workflows.forms import check_form
from workflows.graph import Finding, ProcessGraph, Reading, read_graph
from workflows.machine import Machine
from workflows.name_check import name_findings
from workflows.plain_yaml import YamlError, read_yaml
from workflows.process_version import ProcessVersion
from workflows.spiff import validate_schema

LANGUAGES = ("zh-CN", "en")
ROSTER = "roster.yaml"


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


def read_forms(files: Mapping[str, bytes]) -> tuple[dict[str, dict[str, Any]], list[ResourceFinding]]:
    """The forms among some files by name, without those that have a problem, and the problems as findings at their files."""
    forms: dict[str, dict[str, Any]] = {}
    findings: list[ResourceFinding] = []
    for name in (name for name in files if name.endswith(".form")):
        problems = check_form(files[name], name)
        findings += [ResourceFinding(name, finding_of("error", "form", found.zh, found.en, found.component)) for found in problems]
        if not problems:
            forms[name.removesuffix(".form")] = json.loads(files[name])
    return forms, findings


def yaml_finding(error: YamlError) -> Finding:
    """A YAML file that cannot be read."""
    return finding_of("error", "yaml", f"无法读取：{error}", f"cannot be read: {error.words.en}", line=error.line)


def check(files: Mapping[str, bytes], previous: Iterable[ProcessVersion] = ()) -> list[ResourceFinding]:
    """Every reason against deploying `files`, and every warning; `previous` are the versions they would replace."""
    folder = ProcessFolder(files)
    schema = [ResourceFinding(name, finding) for name in folder.diagrams for finding in validate_schema(files[name])]
    return [*folder.findings, *folder.against(previous), *schema]


class Drawn(NamedTuple):
    """An executable process and the file it is drawn in."""

    resource: str
    graph: ProcessGraph


class ProcessFolder:
    """A folder as read: `processes` by id, and what they share."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = files
        self.findings: list[ResourceFinding] = []
        self.processes: dict[str, Drawn] = {}
        self.diagrams = [name for name in files if name.endswith(".bpmn")]
        self.decisions = self._read_decisions()
        self.forms = self._read_forms()
        self.labels = {language: self._read_yaml(f"labels.{language}.yaml") or {} for language in LANGUAGES}
        self.roster = self._read_yaml(ROSTER)
        self._read_diagrams()
        self.findings += folder_findings(self.processes, self.forms, self.decisions, self.labels, self.findings)
        names = name_findings(self.processes.values(), self.decisions, self.forms, self.roster)
        self.findings += [ResourceFinding(resource, finding) for resource, finding in names]

    @property
    def main(self) -> str | None:
        """The process the folder is about: its only one, else the one its roster names, else one with the id of its file, else the first."""
        named = self.roster.get("process") if isinstance(self.roster, dict) else None
        own = [process for process, drawn in self.processes.items() if drawn.resource == f"{process}.bpmn"]
        return next(iter([*([named] if named in self.processes else []), *own, *self.processes]), None)

    def against(self, previous: Iterable[ProcessVersion]) -> list[ResourceFinding]:
        """What may not change between the versions before and these."""
        return [
            ResourceFinding(drawn.resource, finding)
            for before in previous if (drawn := self.processes.get(before.process_id)) is not None
            for finding in four_eyes_findings(drawn.graph, before.graph)
        ]

    def version(self, process_id: str, definition_id: int, number: int) -> ProcessVersion:
        """A process of the folder as version `number`; all versions made from one reading share what was read."""
        drawn = self.processes.get(process_id)
        if drawn is None:
            raise DeploymentRefused(self.findings)
        graph = drawn.graph
        applicants = frozenset(node.id for node in graph.nodes.values() if node.properties.get("applicant") == "true")
        return ProcessVersion(
            definition_id, graph.id, number, graph.name or graph.id, graph, Machine(graph), self.decisions, self.forms, self.labels,
            self.roster if process_id == self.main else None, self.files, drawn.resource, applicants,
        )

    # reading

    def _add(self, resource: str, finding: Finding) -> None:
        self.findings.append(ResourceFinding(resource, finding))

    def _read_diagrams(self) -> None:
        readings = {name: read_graph(self.files[name], check_expression=check_expression) for name in self.diagrams}
        if not readings:
            self._add("", finding_of("error", "no_diagram", "文件夹中至少要有一个 .bpmn 文件", "the folder needs a .bpmn file"))
        runs = any(reading.graphs for reading in readings.values())
        for name, reading in readings.items():
            for finding in _documentation(reading) if runs else reading.findings:
                self._add(name, finding)
            for graph in reading.graphs.values():
                self._add_process(name, graph)

    def _add_process(self, resource: str, graph: ProcessGraph) -> None:
        known = self.processes.setdefault(graph.id, Drawn(resource, graph))
        if known.graph is not graph:
            zh, en = f"流程“{graph.id}”在 {known.resource} 中已有", f"there is a process {graph.id} in {known.resource} already"
            found = finding_of("error", "process_twice", zh, en, graph.id, graph.line, "请改 id，或删除其中一个", "change the id, or remove one of them")
            self._add(resource, replace(found, name=graph.name))

    def _read_decisions(self) -> dict[str, Any]:
        models = {}
        for name, content in self.files.items():
            if name.endswith(".dmn"):
                model = models[name.removesuffix(".dmn")] = read_decisions(content, decision_siblings(self.files, name))
                self.findings += decision_findings(name, model)
        return models

    def _read_forms(self) -> dict[str, dict[str, Any]]:
        forms, findings = read_forms(self.files)
        self.findings += findings
        return forms

    def _read_yaml(self, name: str) -> Any:
        if name not in self.files:
            return None
        try:
            return read_yaml(self.files[name])
        except YamlError as error:
            self._add(name, yaml_finding(error))
            return None


def _documentation(reading: Reading) -> list[Finding]:
    """The findings of a file beside others that run: one that draws nothing executable documents, whatever it draws."""
    said = [finding for finding in reading.findings if finding.code == "nothing-executable"]
    return [replace(finding, severity="warning") for finding in said] or reading.findings


# one reading for equal files

_FOLDERS: OrderedDict[str, ProcessFolder] = OrderedDict()
_FOLDERS_KEPT = 16
_FOLDERS_LOCK = threading.Lock()


def folder_of(files: Mapping[str, bytes]) -> ProcessFolder:
    """Files of equal content are read and compiled once in this process, whatever version they are in whichever database."""
    digest = digest_of(files)
    with _FOLDERS_LOCK:
        if (known := _FOLDERS.get(digest)) is not None:
            _FOLDERS.move_to_end(digest)
            return known
    folder = ProcessFolder(files)
    with _FOLDERS_LOCK:
        _FOLDERS[digest] = folder
        while len(_FOLDERS) > _FOLDERS_KEPT:
            _FOLDERS.popitem(last=False)
    return folder


def digest_of(files: Mapping[str, bytes]) -> str:
    """The fingerprint of a folder: any change of any of its files changes it."""
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(name.encode() + b"\0" + hashlib.sha256(files[name]).digest())
    return digest.hexdigest()
