"""Who may act on an activity, until when, and what the list row shows: evaluates a user task's settings into a seat. Moves nothing."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from tasks.field_view import node_view
from tasks.shared_answers import SharedAnswers
from workflows.case import Case
from workflows.errors import Rejection
from workflows.feel.values import to_json
from workflows.graph import Node
from workflows.host import Functions, decide, feel
from workflows.human_rules import timeout_of
from workflows.models import FAR_FUTURE
from workflows.timers import as_instant

DEFAULT_PRIORITY = 50
FROM_NOW = re.compile(r"\b(?:now|today)\s*\(\s*\)")
Later = Callable[[datetime], datetime]
SNIPPET = 280  # characters of a text in a list row
YELLOW_SHARE = 0.75  # of the time from arrival to due


@dataclass(frozen=True)
class Assignment:
    """The evaluated settings of one activity instance."""

    candidates: tuple[str, ...]
    due_at: datetime
    yellow_at: datetime
    priority: int
    duty: str | None
    summary: dict[str, Any]
    marks: tuple[dict[str, Any], ...] = field(default=())

    @property
    def digest(self) -> bytes | None:
        """Equal for seats that share all their time marks; None without marks."""
        if not self.marks:
            return None
        return hashlib.sha256(orjson.dumps(self.marks, option=orjson.OPT_SORT_KEYS)).digest()


def assign(
    case: Case, node: Node, functions: Functions, created_at: datetime, answers: SharedAnswers | None = None, later: Later | None = None,
) -> Assignment:
    """Evaluate the settings of `node` for `case` as of the case's clock; `created_at` is when the seat came to be.

    Dates that count from now count from `created_at`, however late the question is asked; `later` adds the time the case stood still.

    Cases of one chunk may share `answers`: settings that read equal values are then evaluated once.

    Raises Rejection when an expression or the decision cannot be evaluated, CalendarMissing when a year is not official.
    """
    settings, extra = node.properties, {}
    if decision := settings.get("decision"):
        value, matched = decide(case, functions, decision)
        extra = {settings.get("decision_result") or decision: value, "matched_rules": [rule for _, rule in matched]}

    def ask(text: str | None) -> Any:
        return feel(case, functions, text, extra)

    def ask_date(text: str | None) -> Any:
        if counts_from_entry(text) and created_at != case.now:
            return feel(_as_of(case, created_at), functions, text, extra)
        return answers.ask(case, functions, text, extra) if answers is not None else ask(text)

    def moved(text: str | None, at: datetime | None) -> datetime | None:
        return later(at) if later is not None and at is not None and counts_from_entry(text) else at

    due = moved(node.attributes.get("dueDate"), as_instant(ask_date(node.attributes.get("dueDate")))) or FAR_FUTURE
    priority = ask(node.attributes.get("priority"))
    duty = ask(settings.get("duty"))
    return Assignment(
        _candidates(ask(node.attributes.get("candidateGroups")), ask(node.attributes.get("candidateUsers")), ask(node.attributes.get("assignee"))),
        due, _yellow(created_at, due), int(priority) if priority is not None else DEFAULT_PRIORITY, None if duty is None else str(duty),
        _summary(case, node, ask, _shown_to_all(case, node, functions, extra)), tuple(_marks(case, node, ask_date, moved)),
    )


def candidates_of(case: Case, node: Node, functions: Functions) -> tuple[str, ...]:
    """The candidate lines of an activity with today's data, before it is entered; of a vote, its participants.

    Raises Rejection when a setting cannot be evaluated.
    """
    def ask(text: str | None) -> Any:
        return feel(case, functions, text)

    if voters := node.properties.get("participants"):
        lines = [one for one in _list(ask(voters)) if one is not None]
        return tuple(dict.fromkeys(str(one) if isinstance(one, str) and "@" in one else _person(one) for one in lines))
    return _candidates(ask(node.attributes.get("candidateGroups")), ask(node.attributes.get("candidateUsers")), ask(node.attributes.get("assignee")))


def _candidates(groups: Any, users: Any, assignee: Any) -> tuple[str, ...]:
    if assignee is not None:
        return (_person(assignee),)
    found = [str(group).strip() for group in _list(groups) if group]
    found += [_person(user) for user in _list(users) if user is not None]
    return tuple(dict.fromkeys(found))


def _person(value: Any) -> str:
    text = str(value).strip()
    return text if text.startswith("person:") else f"person:{int(value)}"


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    if isinstance(value, str):
        return value.split(",")
    return value if isinstance(value, list) else [value]


def _yellow(created_at: datetime, due: datetime) -> datetime:
    return FAR_FUTURE if due >= FAR_FUTURE else created_at + (due - created_at) * YELLOW_SHARE


def _shown_to_all(case: Case, node: Node, functions: Functions, extra: Mapping[str, Any]) -> Callable[[str | None], Any]:
    """Evaluates texts of a list row: one row for everybody it is offered to, so a field hidden from any of them is null."""
    overlay = node_view(case.version, node, None).overlay(case.variables)
    return lambda text: feel(case, functions, text, {**extra, **overlay})


def _summary(case: Case, node: Node, ask: Any, show: Callable[[str | None], Any]) -> dict[str, Any]:
    """What a list row and its guards need, so that lists never load the case."""
    settings = node.properties
    facts = case.variables.get("case") or {}
    flags = [flag for flag in to_json(_list(ask(settings.get("flags")))) if flag]
    clause = to_json(ask(settings.get("clause")))
    return {
        "title": to_json(show(settings.get("title"))) or None,
        "text": _snippet(to_json(show(settings.get("summary")))),
        "flags": flags,
        "facts": to_json(_list(show(settings.get("list_facts")))),
        "id_number": facts.get("id_number_masked"),
        "mobile": facts.get("mobile_masked"),
        "open_first": ask(settings.get("open_first")) in (True, "true"),
        "clause": {"zh": clause, "en": clause} if isinstance(clause, str) else clause,
        "stage": case.stage,
        "number": case.number,
        "subject": case.subject,
    }


def _snippet(value: Any) -> Any:
    """The first characters of a text, or of both languages of one."""
    if isinstance(value, dict):
        return {language: str(words)[:SNIPPET] for language, words in value.items()}
    return str(value)[:SNIPPET] if value else None


def _as_of(case: Case, moment: datetime) -> Case:
    """The case for an expression that is asked as if it were `moment`. For reading only."""
    view = copy(case)
    view.now = moment
    return view


def counts_from_entry(text: str | None) -> bool:
    """Whether an expression counts from the moment it is asked (now or today), and so is a duration and no calendar row."""
    return bool(text and FROM_NOW.search(text))


def _marks(case: Case, node: Node, ask: Any, moved: Callable[[str | None, datetime | None], datetime | None]) -> list[dict[str, Any]]:
    """The moments at which something happens to the seat; those already past are left out."""
    settings = node.properties
    marks: list[dict[str, Any]] = []

    def mark(kind: str, text: str | None, moment: Any, argument: dict[str, Any]) -> None:
        marks.append({"kind": kind, "at": moved(text, as_instant(moment)), "argument": argument})

    for moment in _list(ask(text := settings.get("time_marks"))):
        mark("reevaluate", text, moment, {})
    for reminder in _list(ask(text := settings.get("reminders"))):
        mark("reminder", text, reminder.get("at"), {"to": reminder.get("to"), "key": reminder.get("key")})
    for step in _list(ask(text := settings.get("escalation"))):
        mark("escalation", text, step.get("at"), {key: value for key, value in step.items() if key != "at"})
    if (timeout := timeout_of(node)) is not None:
        at = str(timeout.get("at", "due"))
        text = node.attributes.get("dueDate") if at == "due" else at
        mark("timeout", text, ask(text), {"do": timeout.get("do"), "to": _list(ask(timeout.get("to"))), "outcome": timeout.get("outcome")})
    coming = [one for one in marks if one["at"] is not None and one["at"] > case.now]
    return [
        {"at": one["at"].isoformat(), "kind": one["kind"], "argument": to_json(one["argument"]), "node": node.id, "version": case.version.id}
        for one in sorted(coming, key=lambda one: (one["at"], one["kind"]))
    ]


def refusal(case: Case, node: Node, functions: Functions) -> dict[str, Any] | None:
    """Why the activity may not be completed now ({zh, en, link}), or None."""
    value = to_json(feel(case, functions, node.properties.get("refuse_completion")))
    if not value:
        return None
    return {"zh": value, "en": value} if isinstance(value, str) else dict(value)


def outcomes(case: Case, node: Node, functions: Functions) -> list[dict[str, Any]]:
    """The outcomes the model offers: {value, zh, en, style, …}; without a list there is one, "complete"."""
    text = node.properties.get("outcomes")
    if not text:
        return [{"value": "complete", "zh": "提交", "en": "Submit", "style": "primary"}]
    value = orjson.loads(text) if text.lstrip().startswith("[") else to_json(feel(case, functions, text))
    if not isinstance(value, list):
        raise Rejection(f"环节“{node.name}”的办理结果没有定义为列表。", f"The outcomes of {node.id} are not a list.", status=409)
    return value
