"""One deployed version of one process, parsed: its graph and machine, and the forms, decisions and words of its folder. Never changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from workflows.errors import NotFound
from workflows.graph import Node, ProcessGraph
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
        """The form schema of a user task, if it has one."""
        reference = node.attributes.get("formRef") or node.attributes.get("formKey")
        return self.forms.get(stem(reference)) if reference else None

    def decision_of(self, reference: str) -> tuple[Any, str]:
        """The decision model and the decision's id for a decisionRef such as "audit_authority"."""
        for model in self.decisions.values():
            if reference in model.decisions:
                return model, reference
        raise NotFound(f"流程中没有决策“{reference}”。", f"The process has no decision named {reference}.")


def stem(reference: str) -> str:
    """The name of the form file a reference such as "camunda-forms:deployment:leave.form" means."""
    return reference.removeprefix("camunda-forms:").rsplit("/", 1)[-1].removesuffix(".form")
