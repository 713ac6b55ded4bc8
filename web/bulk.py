"""What the inbox's bulk bar offers, read from the deployed models, and what its form posts. It knows no process."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from werkzeug.datastructures import MultiDict

from tasks.bulk import in_bulk
from tasks.votes.poll import OPINION_KEYS
from web.i18n import now, words
from web.labels import label, version
from workflows.errors import Rejection
from workflows.human_rules import natural_side

DOUBLE_CLICK_SECONDS = 30
CHOICES = ("radio", "select", "checklist", "taglist")
TEXTS = ("textarea", "textfield")


@dataclass(frozen=True)
class Reason:
    """One ready answer of a verb's dialog; `digit` is the key that picks it, `sentence` what it writes into the text."""

    value: str
    text: str
    digit: str
    sentence: str


@dataclass(frozen=True)
class Choice:
    """A verb of the bulk bar: an outcome that the models of the page's rows offer."""

    value: str
    text: str
    style: str
    reason_key: str = ""
    reason_many: bool = False
    reasons: tuple[Reason, ...] = ()
    text_key: str = ""
    text_label: str = ""
    key: str = ""  # the key that stands for it on the inbox
    whole: bool = True  # its dialog asks for all the form needs; otherwise the task has to be opened
    confirm: str = ""

    @property
    def asks(self) -> bool:
        """Whether a dialog must come first."""
        return bool(self.reason_key or self.text_key)


def verbs_for_rows(rows: Sequence[Any]) -> dict[tuple[int, str], list[Choice]]:
    """The verbs of each (process version, activity) on the page whose model says `bulk`."""
    offered = {}
    for definition_id, node_id in {(row.definition_id, row.node_id) for row in rows}:
        process = version(definition_id)
        node = process.graph.nodes.get(node_id)
        if node is not None and node.properties.get("bulk") == "true":
            offered[definition_id, node_id] = choices(process, process.form_of(node) or {}, _outcomes(node))
    return offered


def choices(process: Any, form: Mapping[str, Any], outcomes: Sequence[Mapping[str, Any]]) -> list[Choice]:
    """The outcomes of one activity with what each asks for and the key that stands for it: A the first that agrees, R the first that returns."""
    found = [_choice(process, form, outcome) for outcome in outcomes]
    agreeing = next((one for one in found if one.value == "approve"), next((one for one in found if one.style != "danger" and not one.reasons), None))
    returning = next((one for one in found if one.value == "return"), next((one for one in found if one.reasons and one is not agreeing), None))
    keys = {id(returning): "r", id(agreeing): "a"}
    return [replace(one, key=keys.get(id(one), "")) for one in found]


def _outcomes(node: Any) -> list[dict[str, Any]]:
    """The outcomes that may be given to many at once: not those the model asks to confirm, nor lists it computes per case."""
    text = (node.properties.get("outcomes") or "").strip()
    if not text.startswith("["):
        return []
    return [outcome for outcome in json.loads(text) if in_bulk(outcome)]


def _choice(process: Any, form: Mapping[str, Any], outcome: Mapping[str, Any]) -> Choice:
    needed = [field["key"] for field in _fields(form) if _always_required(field)] if not outcome.get("novalidate") else []
    wanted = [field for key in dict.fromkeys([*(outcome.get("requires") or ()), *needed]) for field in _fields(form) if field.get("key") == key]
    reason = next((field for field in wanted if field["type"] in CHOICES), None)
    text = next((field for field in wanted if field["type"] in TEXTS), None)
    if text is None and natural_side(outcome) == "R":  # refusing many at once needs a comment
        text = next((field for field in _fields(form) if field.get("key") in OPINION_KEYS and field["type"] in TEXTS), None)
    return Choice(
        value=outcome["value"], text=words(outcome), style=outcome.get("style") or "default",
        reason_key=reason["key"] if reason else "", reason_many=bool(reason) and reason["type"] in ("checklist", "taglist"),
        reasons=_reasons(process, reason) if reason else (), text_key=text["key"] if text else "",
        text_label=label(process, text["key"], text.get("label", "")) if text else "",
        whole=all(field is reason or field is text for field in wanted), confirm=words(outcome.get("confirm")),
    )


def _always_required(field: Mapping[str, Any]) -> bool:
    """Whether a form cannot be sent without this field, whatever the outcome."""
    validate = field.get("validate") or {}
    return bool(validate.get("required")) and "key" in field and not field.get("conditional") and not field.get("readonly") and not field.get("disabled")


def _fields(form: Mapping[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for component in form.get("components") or ():
        found.append(component)
        found += _fields(component)
    return found


def _reasons(process: Any, field: Mapping[str, Any]) -> tuple[Reason, ...]:
    return tuple(_reason(process, option, place) for place, option in enumerate(field.get("values") or (), 1))


def _reason(process: Any, option: Mapping[str, Any], place: int) -> Reason:
    """The option's own words; the model may give the sentence it stands for as the label `VALUE.text`."""
    value = str(option["value"])
    text = label(process, value, option.get("label", ""))
    return Reason(value, text, str(place % 10) if place <= 10 else "", label(process, f"{value}.text", text))


def ticked(form: MultiDict[str, str]) -> list[tuple[int, int]]:
    """The ticked (seat, revision) pairs of the inbox's form: rows of the page one by one, those of other pages together in `tasks`."""
    pairs = [*form.getlist("task"), *filter(None, form.get("tasks", "").split(","))]
    try:
        return [(int(seat), int(revision or 0)) for seat, _, revision in (item.partition(":") for item in dict.fromkeys(pairs))]
    except ValueError as wrong:
        raise Rejection("勾选的事项无法识别，请刷新后重试。", "The ticked items could not be read; reload and try again.") from wrong


def values_of(form: MultiDict[str, str]) -> dict[str, Any]:
    """The form values a verb's dialog stands for: its reason and its text under the keys of the model's form."""
    values: dict[str, Any] = {}
    reason, text = form.get("reason", ""), form.get("text", "").strip()
    if form.get("reason_key") and reason:
        values[form["reason_key"]] = [reason] if form.get("reason_many") else reason
    if form.get("text_key") and text:
        values[form["text_key"]] = text
    return values


def command_key(person_id: int, verb: str, items: Sequence[tuple[int, int]], values: Mapping[str, Any]) -> str:
    """The same request again within half a minute (a double click, a retry) is the same command."""
    moment = int(now().timestamp()) // DOUBLE_CLICK_SECONDS
    text = json.dumps([person_id, verb, sorted(items), values, moment], ensure_ascii=False, sort_keys=True)
    return "bulk:" + hashlib.sha256(text.encode()).hexdigest()[:40]
