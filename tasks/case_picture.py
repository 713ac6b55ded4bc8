"""The parts of a case that both the task page and the case page show: facts, differences, diagram, labels, masks. Reads only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Row

from tasks.field_view import UNRESTRICTED, FieldView
from tasks.personal_fields import PersonalFields, personal_fields, shown
from tasks.timeline import TimelineItem
from workflows.case import Case
from workflows.definitions import ProcessVersion
from workflows.errors import Rejection
from workflows.feel.values import to_json
from workflows.forms import fields
from workflows.graph import Node
from workflows.host import feel

PASSED = frozenset({"activity_completed", "performed", "passed", "fired", "message_thrown", "timer_fired", "message_received"})


def facts(case: Case, node: Node | None, functions: Mapping[str, Any], view: FieldView = UNRESTRICTED) -> list[dict[str, Any]]:
    """The facts the model wants shown: the activity's `facts`, else the process's; an expression that fails shows none.

    They are worked out from what `view` shows: a hidden field is null in them.
    """
    text = (node.properties.get("facts") if node else None) or case.version.graph.properties.get("facts")
    try:
        value = to_json(feel(case, functions, text, view.overlay(case.variables)))
    except Rejection:
        return []
    return [fact for fact in value or [] if isinstance(fact, dict) and fact.get("value") not in (None, "", [])]


def differences(case: Case, rows: Iterable[Row[Any]], view: FieldView = UNRESTRICTED) -> list[dict[str, Any]]:
    """What the applicant changed against the round before, field by field."""
    if case.round < 2:
        return []
    before: dict[str, Any] = {}
    latest: dict[str, Any] = {}
    for row in rows:
        if row.kind in ("activity_completed", "voted") and row.node_id in case.version.applicant_nodes:
            for name, (_, after) in (row.detail or {}).get("changes", {}).items():
                (before if row.round < case.round else latest)[name] = after
    labels, hidden = field_labels(case.version), personal_fields(case.version)
    return view.changes(
        {"key": name, **labels[name], "before": shown(name, before[name], hidden), "after": shown(name, after, hidden)}
        for name, after in latest.items() if name in labels and before.get(name) not in (None, after)
    )


def diagram(case: Case, rows: Iterable[Row[Any]]) -> dict[str, Any]:
    """The drawing with where the tokens are, what was passed, and how often."""
    active = [str(token[1]) for token in case.version.machine.tokens(case.state)]
    done: dict[str, int] = {}
    for row in rows:
        if row.kind in PASSED and row.node_id:
            done[row.node_id] = done.get(row.node_id, 0) + 1
    badges = [{"element": node, "text": str(count), "kind": "blue"} for node, count in done.items() if count > 1]
    return {"xml": case.version.resources[case.version.bpmn].decode(), "active": active, "done": list(done), "badges": badges}


def field_labels(version: ProcessVersion) -> dict[str, dict[str, str]]:
    """The labels of all form fields of a version by key; `labels.*.yaml` wins over the form's own text."""
    found: dict[str, dict[str, str]] = {}
    for schema in version.forms.values():
        for component in fields(schema):
            if component.key:
                zh = version.labels.get("zh-CN", {}).get(component.key) or component.label or component.key
                found[component.key] = {"zh": str(zh), "en": str(version.labels.get("en", {}).get(component.key) or zh)}
    return found


def form_data(case: Case, opened: PersonalFields | None, view: FieldView = UNRESTRICTED) -> dict[str, Any]:
    """What a form may read: the case's variables that `view` shows, without records of who acted; personal fields in clear only with `opened`."""
    values = view.values({name: value for name, value in case.variables.items() if not name.endswith("_by")})
    if opened is not None:
        return opened.open(case.version, values)
    hidden = personal_fields(case.version)
    return {name: shown(name, value, hidden) for name, value in values.items()}


def masked_timeline(items: Sequence[TimelineItem], version: ProcessVersion) -> list[TimelineItem]:
    """A timeline whose changes show personal fields masked."""
    hidden = personal_fields(version)
    return [
        replace(item, changes=[
            {**change, "before": shown(change["key"], change["before"], hidden), "after": shown(change["key"], change["after"], hidden)}
            for change in item.changes
        ])
        for item in items
    ]
