"""Names of processes, activities, fields, stages and organisations in the reader's language. Reads only what is kept in memory."""

from __future__ import annotations

import json
from typing import Any

from flask import g

from tasks.lifecycle import RETURNED
from web.context import actor, connection, house
from web.i18n import chinese, language, translate as _, words
from workflows.graph import HUMAN


def version(definition_id: int) -> Any:
    """A process version, parsed once per server."""
    return house().definitions.get(connection(), definition_id)


def processes() -> list[Any]:
    """The current version of every process, asked once per request."""
    if "processes" not in g:
        g.processes = house().definitions.all_current(connection())
    found: list[Any] = g.processes
    return found


def label(process: Any, key: str | None, default: str = "") -> str:
    """The model's word for `key` (an activity, field, stage, outcome or message); `default`, else the key, when it has none."""
    if not key:
        return default
    found = str(process.label(key, language()))
    return default if default and found == key else found


def node_label(row: Any) -> str:
    """The name of the activity of a worklist row."""
    return label(version(row.definition_id), row.node_id)


def waits_for_applicant(row: Any) -> bool:
    """Whether a worklist row is for the applicant himself, not for an office."""
    return row.node_id in version(row.definition_id).applicant_nodes


def owner_words(row: Any) -> str:
    """Who holds a task: a person, the applicant it waits for, or nobody yet."""
    return str(row.owner_name or (_("申请人") if waits_for_applicant(row) else _("未领取")))


def task_title(row: Any) -> str:
    """What a list calls a task: the title its model computes, when it is in the reader's language, else the activity's name."""
    title = row.summary.get("title")
    return words(title) if title and (isinstance(title, dict) or chinese()) else node_label(row)


def stage_label(row: Any) -> str:
    """The name of a case's stage: from the process's `stages`, else from its labels."""
    process = version(row.definition_id)
    named = json.loads(process.graph.properties.get("stages") or "{}").get(row.stage)
    return words(named) if named else prefixed(process, "stage", row.stage)


def prefixed(process: Any, kind: str, key: str | None) -> str:
    """The model's word for one of its stages, parties, items, marks or messages: `stage.submitted`, else `submitted`."""
    if kind == "stage" and key and (listed := json.loads(process.graph.properties.get("stages") or "{}").get(key)):
        return words(listed)
    return label(process, f"{kind}.{key}", label(process, key)) if key else ""


def process_name(process: Any) -> str:
    """The name of a process."""
    return label(process, process.process_id, process.name)


def activities(process_id: str | None) -> dict[str, str]:
    """Id and name of the human activities of one process, or of all."""
    return {
        node.id: label(process, node.id)
        for process in processes() if not process_id or process.process_id == process_id
        for node in process.graph.nodes.values() if node.type in HUMAN
    }


def organisation_name(code: str | None) -> str:
    """The name of an organisation; its code when it is unknown."""
    found = house().people.organisation(connection(), code) if code else None
    return str(found.name) if found else code or ""


def parties_line(parties: dict[str, str]) -> str:
    """The organisations of a case in one line, each after the one it belongs to; the reader's own office is left out."""
    who = actor()
    codes = [code for code in dict.fromkeys(parties.values()) if code and code != getattr(who, "organisation_code", None)]
    found = {code: house().people.organisation(connection(), code) for code in codes}
    codes.sort(key=lambda code: found[code].path if found[code] else "~")
    return " · ".join(found[code].name if found[code] else code for code in codes)


def outcome_label(row: Any) -> str:
    """The words of a seat's outcome, as its model lists them."""
    if row.outcome == RETURNED:
        return words({"zh": "已退回", "en": "Returned"})
    process = version(row.definition_id)
    node = process.graph.nodes.get(row.node_id)
    text = (node.properties.get("outcomes") or "").strip() if node else ""
    offered = json.loads(text) if text.startswith("[") else []
    return next((words(outcome) for outcome in offered if outcome["value"] == row.outcome), "") or label(process, row.outcome)


def units_below(chosen: str) -> list[tuple[str, str]]:
    """The organisations right below the person's own (a university's faculties, a province's counties), and the one chosen now."""
    code = actor().organisation_code
    found = {row.code: row.name for row in house().people.organisations.children(connection(), code)} if code else {}
    if chosen and chosen not in found:
        found[chosen] = organisation_name(chosen)
    return list(found.items())
