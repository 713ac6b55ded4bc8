"""One deployed version of one process, parsed: its graph and machine, and the forms, decisions and words of its folder. Never changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from workflows.activity_fields import permissions_of, with_opinion
from workflows.errors import NotFound
from workflows.forms import Field, fields
from workflows.graph import Node, ProcessGraph, listed
from workflows.machine import Machine


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
        """The form schema of a user task, if it has one; with a field for the opinion where the activity takes one."""
        reference = form_reference(node)
        schema = self.forms.get(stem(reference)) if reference else None
        if node.properties.get("opinion") not in ("required", "optional"):
            return schema
        if node.id not in self._opinion_forms:  # kept: a form is compiled once per object
            self._opinion_forms[node.id] = with_opinion(node, schema)
        return self._opinion_forms[node.id]

    @cached_property
    def _opinion_forms(self) -> dict[str, dict[str, Any]]:
        return {}

    @cached_property
    def form_keys(self) -> tuple[str, ...]:
        """The keys of all fields of its forms; a field in the rows of a list as "members[].name"."""
        return tuple(dict.fromkeys(one.key for one in self._fields))

    @cached_property
    def file_keys(self) -> frozenset[str]:
        """The keys of the fields that hold files."""
        return frozenset(one.key for one in self._fields if one.type == "filepicker")

    @cached_property
    def _fields(self) -> list[Field]:
        of_nodes = (schema for node in self.graph.nodes.values() if (schema := self.form_of(node)) is not None)
        return [one for schema in (*self.forms.values(), *of_nodes) for one in fields(schema)]

    @cached_property
    def restricted_nodes(self) -> frozenset[str]:
        """The activities that show not everybody every field (`field_permissions`)."""
        return frozenset(node.id for node in self.graph.nodes.values() if permissions_of(node))

    @cached_property
    def kept_apart(self) -> Mapping[str, tuple[str, ...]]:
        """Per node, the activities that share no person with it: those it names, and those that name it, since a case may come back."""
        named = {node.id: separated(node) for node in self.graph.nodes.values()}
        return {one: tuple(dict.fromkeys((*its, *(other for other, theirs in named.items() if one in theirs)))) for one, its in named.items()}

    def decision_of(self, reference: str) -> tuple[Any, str]:
        """The decision model and the decision's id for a decisionRef such as "audit_authority"."""
        for model in self.decisions.values():
            if reference in model.decisions:
                return model, reference
        raise NotFound(f"流程中没有决策“{reference}”。", f"The process has no decision named {reference}.")


def form_reference(node: Node) -> str:
    """The form an activity names; empty without one."""
    return node.attributes.get("formRef") or node.attributes.get("formKey") or ""


def separated(node: Node) -> tuple[str, ...]:
    """The activities whose actors may not act here (`separate_from`)."""
    return tuple(listed(node.properties.get("separate_from")))


def stem(reference: str) -> str:
    """The name of the form file a reference such as "camunda-forms:deployment:leave.form" means."""
    return reference.removeprefix("camunda-forms:").rsplit("/", 1)[-1].removesuffix(".form")
