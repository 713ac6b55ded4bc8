"""From a checked row to what is kept: the person's own data and the facts a case starts with. It reads and writes no table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from tasks.personal_data import mask_id_number, mask_mobile
from tasks.roster.columns import Roster
from workflows.feel.values import to_json

_MASKS = {"id_number": mask_id_number, "mobile": mask_mobile}


@dataclass(frozen=True, slots=True)
class StudentRow:
    """What a row says about the person himself."""

    name: str
    id_number: str
    student_number: str | None = None
    mobile: str | None = None


def plain_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """The row's values as plain JSON: dates as {"$date": …}."""
    return {key: to_json(value) for key, value in values.items()}


def student_of(roster: Roster, values: Mapping[str, Any]) -> StudentRow | None:
    """The person of the row by the roster's `person` entry; None when the process's rows are not about people."""
    fields = {name: values.get(key) for name, key in roster.person.items() if name not in ("fact", "key_fact")}
    if not fields.get("id_number"):
        return None
    return StudentRow(
        name=str(fields.get("name") or ""), id_number=str(fields["id_number"]), student_number=fields.get("student_number"),
        mobile=fields.get("mobile"),
    )


def facts_of(roster: Roster, values: Mapping[str, Any], cycle: str, person_id: int | None, seal: Callable[[str], str]) -> dict[str, Any]:
    """The variable `case` of a new case: what the columns map to `case.…`, constants, the cycle and the person's id.

    An ID number or mobile number that is mapped into the facts is kept as {"masked", "sealed"}: never in clear.
    """
    facts: dict[str, Any] = {}
    for path, value in roster.fixed.items():
        _put(facts, path, value)
    for column in roster.columns:
        value = values.get(column.key)
        paths = [path for path in column.maps_to if path.startswith("case.")]
        if value is None or not paths:
            continue
        if column.type in _MASKS:
            value = {"masked": _MASKS[column.type](str(value)), "sealed": seal(str(value))}
        for path in paths:
            _put(facts, path, value)
    facts["cycle"] = cycle
    if person_id is not None:
        _put(facts, roster.person.get("fact") or "case.borrower", person_id)
    return facts


def with_key(roster: Roster, facts: Mapping[str, Any], key: str | None) -> dict[str, Any]:
    """The facts of a new case with the person's key where the roster's `key_fact` says: other systems know him by it, not by our id.

    A case that is there already keeps the key it waits for messages with.
    """
    path = roster.person.get("key_fact")
    if path is None or key is None:
        return dict(facts)
    keyed = deepcopy(dict(facts))
    _put(keyed, path, key)
    return keyed


def _put(facts: dict[str, Any], path: str, value: Any) -> None:
    *folders, last = path.removeprefix("case.").split(".")
    for folder in folders:
        facts = facts.setdefault(folder, {})
    facts[last] = value


def additions(known: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """What `new` facts add to `known` ones: values not known yet and lists made longer; and the names that differ.

    A known value is never overwritten: the case may have moved on since. Sealed values differ only when their masks do.
    """
    added: dict[str, Any] = {}
    differing: list[str] = []
    for name, value in new.items():
        before = known.get(name)
        if before is None:
            added[name] = value
        elif isinstance(before, list) and isinstance(value, list):
            if longer := _longer(before, value):
                added[name] = longer
        elif _comparable(before) != _comparable(value):
            differing.append(name)
    return added, differing


def _longer(before: list[Any], value: Iterable[Any]) -> list[Any] | None:
    new = [item for item in value if item not in before]
    return [*before, *new] if new else None


def _comparable(value: Any) -> Any:
    return value["masked"] if isinstance(value, Mapping) and "sealed" in value else value
