"""Turns what the services answer (facts, histories, diagrams) into what the page macros take. It asks nothing and decides nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from tasks.roles import ROLES
from web.i18n import language, local_datetime, masked, translate as _, words

KINDS = {
    "activity_completed": "blue", "ended": "green", "withdrawn": "yellow", "undone": "yellow", "reassigned": "yellow", "urged": "yellow",
    "returned_to_pool": "yellow", "escalated": "red",
}
LONG_TEXT = 60  # characters from which a fact is shown as a text of its own
CHANNELS = {"web": "", "api": "接口", "counter": "窗口", "import": "导入", "system": "系统", "cli": "命令行"}


def problem_words(value: Any) -> str:
    """A form value as a person reads it."""
    if isinstance(value, bool):
        return _("是") if value else _("否")
    if value is None or value == "":
        return ""
    if isinstance(value, (list, tuple)):
        return "、".join(problem_words(item) for item in value)
    return words(value)


def fact_pairs(facts: Iterable[dict[str, Any]]) -> list[tuple[str, str]]:
    """Label and value of each fact."""
    return [(words(fact), problem_words(fact.get("value"))) for fact in facts]


def split_facts(facts: Iterable[dict[str, Any]]) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Short facts, and the long texts a person has to read before deciding."""
    pairs = fact_pairs(facts)
    return [pair for pair in pairs if len(pair[1]) <= LONG_TEXT], [pair for pair in pairs if len(pair[1]) > LONG_TEXT]


def timeline_items(items: Iterable[Any]) -> list[dict[str, Any]]:
    """The newest first, as the timeline macro takes them; `items` come oldest first."""
    return [_timeline_item(item) for item in reversed(list(items))]


def _timeline_item(item: Any) -> dict[str, Any]:
    changes = [
        {"label": words(change), "before": problem_words(change.get("before")), "after": problem_words(change.get("after"))}
        for change in item.changes or () if change.get("before") or change.get("after") not in (None, "", [])
    ]
    return {
        "at": local_datetime(item.at), "title": words({"zh": item.zh, "en": item.en}), "who": _who(item),
        "text": item.opinion or "", "kind": KINDS.get(item.kind, "grey"), "round": item.round if item.round and item.round > 1 else None,
        "changes": changes,
    }


def _who(item: Any) -> str:
    """甲（县级经办，示例县）代 乙 · 窗口."""
    if not item.person:
        return _("系统")
    place = "，".join(part for part in (_role(item.role), item.organisation) if part)
    name = item.person + (f"（{place}）" if place else "")
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
    state = {key: value for key, value in diagram.items() if key != "xml"}
    return {"xml": diagram.get("xml", ""), "state": state | {"names": names}}


def safe_items(items: dict[str, Sequence[str]]) -> dict[str, list[str]]:
    """A case's child rows; whatever looks like an ID number or a phone is masked."""
    return {kind: [masked(value) if kind in ("id_number", "mobile") else str(value) for value in values] for kind, values in items.items()}
