"""Turns what the services answer (facts, histories, diagrams) into what the page macros take. It asks nothing and decides nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from flask import Flask

from tasks.roles import ROLES
from web.i18n import chinese, language, local_datetime, masked, translate as _, words

KINDS = {
    "activity_completed": "blue", "ended": "green", "withdrawn": "yellow", "undone": "yellow", "reassigned": "yellow", "urged": "yellow",
    "returned_to_pool": "yellow", "escalated": "red",
}
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?(\.\d+)?(Z|[+-]\d\d:\d\d)")
PERSONAL_NUMBER = re.compile(r"(?<!\d)(?:\d{6}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx]|1[3-9]\d{9})(?!\d)")
LONG_TEXT = 60  # characters from which a fact is shown as a text of its own
CHANNELS = {"web": "", "api": "接口", "counter": "窗口", "import": "导入", "system": "系统", "cli": "命令行"}


def value_words(value: Any) -> str:
    """A form value as a person reads it."""
    if isinstance(value, bool):
        return _("是") if value else _("否")
    if value is None or value == "":
        return ""
    if isinstance(value, (list, tuple)):
        return "、".join(value_words(item) for item in value)
    if isinstance(value, Mapping):
        if "masked" in value:
            return masked(str(value["masked"]))
        return words(value) if "zh" in value or "en" in value else " ".join(filter(None, (value_words(part) for part in value.values())))
    if isinstance(value, str) and MOMENT.fullmatch(value):
        return local_datetime(datetime.fromisoformat(value))
    return without_numbers(words(value))


def without_numbers(text: str) -> str:
    """`text` with every ID number and mobile number in it masked: nobody reads those in clear outside a form of his own."""
    return PERSONAL_NUMBER.sub(lambda found: masked(found[0]), text)


def form_data(view: Any) -> dict[str, Any]:
    """What a task's form is given: only the variables its schema names, the person's draft on top.

    What the same activity decided in an earlier round is left out, unless it is the applicant's own: a reviewer starts
    with a clean sheet, an applicant corrects what he wrote.
    """
    schema = json.dumps(view.schema, ensure_ascii=False)
    named = {name: value for name, value in view.data.items() if re.search(rf"\b{re.escape(name)}\b", schema)}
    if view.seat.node_id not in view.process.applicant_nodes:
        earlier = {change["key"] for item in view.timeline if item.node_id == view.seat.node_id for change in item.changes}
        named = {name: value for name, value in named.items() if name not in earlier}
    return named | (view.draft or {})


def schema_words(schema: dict[str, Any], process: Any) -> dict[str, Any]:
    """A form in the reader's language: its own text where the process's labels have no other.

    Labels are looked up by a field's key, notes by a component's id, hints by `key.description`, options by their value.
    """
    labels: Mapping[str, str] = process.labels.get(language(), {})
    if chinese():
        return schema

    def component(source: Mapping[str, Any]) -> dict[str, Any]:
        made, key = dict(source), str(source.get("key") or source.get("id") or "")
        found = {"label": labels.get(key) or (_("意见") if source.get("label") == "意见" else None), "description": labels.get(f"{key}.description"), "text": labels.get(str(source.get("id")))}
        made |= {name: text for name, text in found.items() if text and name in source}
        if "values" in source:
            made["values"] = [{**option, "label": labels.get(str(option["value"]), option["label"])} for option in source["values"]]
        if source.get("properties", {}).get("prefill_from"):
            made["properties"] = {name: labels.get(f"{name}.text", text) for name, text in source["properties"].items()}
        if "components" in source:
            made["components"] = [component(inner) for inner in source["components"]]
        return made

    return component(schema)


def fact_pairs(facts: Iterable[dict[str, Any]]) -> list[tuple[str, str]]:
    """Label and value of each fact."""
    return [(words(fact), value_words(fact.get("value"))) for fact in facts]


def split_facts(facts: Iterable[dict[str, Any]]) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Short facts, and the long texts a person has to read before deciding."""
    pairs = fact_pairs(facts)
    return [pair for pair in pairs if len(pair[1]) <= LONG_TEXT], [pair for pair in pairs if len(pair[1]) > LONG_TEXT]


def timeline_items(items: Iterable[Any], process: Any) -> list[dict[str, Any]]:
    """The newest first, as the timeline macro takes them; `items` come oldest first."""
    return [_timeline_item(item, process) for item in reversed(list(items))]


def change_words(changes: Iterable[dict[str, Any]], process: Any) -> list[dict[str, str]]:
    """Label, old and new value of each field that changed; a chosen option is shown by the model's word for it."""
    return [
        {"label": words(change), "before": _option(change.get("before"), process), "after": _option(change.get("after"), process)}
        for change in changes if change.get("before") or change.get("after") not in (None, "", [])
    ]


def _option(value: Any, process: Any) -> str:
    if isinstance(value, (list, tuple)):
        return "、".join(_option(item, process) for item in value)
    named = process.labels.get(language(), {}).get(value) if isinstance(value, str) else None
    return str(named) if named else value_words(value)


def _timeline_item(item: Any, process: Any) -> dict[str, Any]:
    changes = change_words(item.changes or (), process)
    return {
        "at": local_datetime(item.at), "title": words({"zh": item.zh, "en": item.en}), "who": _who(item),
        "text": item.opinion or "", "kind": KINDS.get(item.kind, "grey"), "round": item.round if item.round and item.round > 1 else None,
        "changes": changes,
    }


def _who(item: Any) -> str:
    """甲（县级经办，示例县）代 乙 · 窗口."""
    if not item.person:
        return _("系统")
    parts = [part for part in (_role(item.role), item.organisation) if part]
    place = f"（{'，'.join(parts)}）" if chinese() else f" ({', '.join(parts)})"
    name = item.person + (place if parts else "")
    if item.on_behalf_of:
        name += _(" 代 {name}", name=item.on_behalf_of)
    channel = CHANNELS.get(item.channel or "", "")
    return f"{name} · {_(channel)}" if channel else name


def _role(code: str | None) -> str:
    found = ROLES.get(code or "")
    return words({"zh": found.zh, "en": found.en}) if found else ""


def diagram_state(process: Any, diagram: dict[str, Any]) -> dict[str, Any]:
    """Where the tokens are, with the names of the activities in the reader's language."""
    names = {key: process.label(key, language()) for key in process.graph.nodes}
    names |= {} if chinese() else {key: text for key, text in process.labels.get(language(), {}).items() if "." not in key}
    state = {key: value for key, value in diagram.items() if key != "xml"}
    return {"xml": diagram.get("xml", ""), "state": state | {"names": names}}


def safe_items(items: dict[str, Sequence[str]]) -> dict[str, list[str]]:
    """A case's child rows; whatever looks like an ID number or a phone is masked."""
    return {kind: [masked(value) if kind in ("id_number", "mobile") else str(value) for value in values] for kind, values in items.items()}


def register(app: Flask) -> None:
    """Give templates the filters `shown` (a value as people read it) and `private` (text without personal numbers)."""
    app.jinja_env.filters.update(shown=value_words, private=without_numbers)
