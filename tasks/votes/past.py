"""What a person has agreed to before an activity was entered, by the case's history: the step before, or any step that led here. Reads only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Row

from tasks.votes.poll import OPINION_KEYS
from tasks.votes.rules import side_of
from workflows.case import Case
from workflows.graph import HUMAN
from workflows.human_rules import natural_side, static_outcomes

KEPT = ("_outcome", "_by", "_votes")  # what the engine writes about a decision is no value of the case


def agreed_just_before(case: Case, rows: Sequence[Row[Any]], token: str, person: int) -> bool:
    """Whether every human step that handed the case to `token` directly was agreed to by this person (or skipped for him)."""
    nearest = list(_nearest(case, rows, token))
    return bool(nearest) and all(_agreed(case, rows, row, person) is not None for row in nearest)


def agreed_and_unchanged(case: Case, rows: Sequence[Row[Any]], token: str, person: int) -> bool:
    """Whether this person agreed at a step in the causal past of `token` and no value of the case was changed since."""
    known = _completions(case, rows)
    agreed = [_agreed(case, rows, known[past], person) for past in _past(_causes(rows), token) if past in known]
    latest = max((sequence for sequence in agreed if sequence is not None), default=None)
    return latest is not None and not any(_changes(case, row) for row in rows if row.sequence > latest)


def _causes(rows: Iterable[Row[Any]]) -> dict[str, list[str]]:
    """Token → the tokens it came from."""
    return {str(row.token): [str(one) for one in row.detail["cause"]] for row in rows if row.token is not None and (row.detail or {}).get("cause")}


def _past(causes: Mapping[str, Sequence[str]], token: str) -> set[str]:
    seen: set[str] = set()
    stack = list(causes.get(token, ()))
    while stack:
        one = stack.pop()
        if one not in seen:
            seen.add(one)
            stack += causes.get(one, ())
    return seen


def _completions(case: Case, rows: Iterable[Row[Any]]) -> dict[str, Row[Any]]:
    """Token → the last completion of a human activity by it."""
    nodes = case.version.graph.nodes
    return {str(row.token): row for row in rows if row.kind == "activity_completed" and row.node_id in nodes and nodes[row.node_id].type in HUMAN}


def _nearest(case: Case, rows: Sequence[Row[Any]], token: str) -> Iterator[Row[Any]]:
    causes, known = _causes(rows), _completions(case, rows)
    seen: set[str] = set()
    stack = list(causes.get(token, ()))
    while stack:
        one = stack.pop()
        if one in seen:
            continue
        seen.add(one)
        if one in known:
            yield known[one]
        else:
            stack += causes.get(one, ())


def _agreed(case: Case, rows: Sequence[Row[Any]], completed: Row[Any], person: int) -> int | None:
    """The place in history of this person's agreement in a completed activity, or None; an agreement that was taken back is none."""
    if f"{completed.node_id}_outcome" not in case.variables or case.variables[f"{completed.node_id}_outcome"] != completed.detail.get("outcome"):
        return None
    acts = [row for row in rows if row.kind == "voted" and str(row.token) == str(completed.token) and row.sequence < completed.sequence]
    for row in [*acts, *([] if "tally" in completed.detail else [completed])]:
        if person in (row.person, (row.detail or {}).get("for")) and _sides(case, row) == "A":
            return int(completed.sequence)
    return None


def _sides(case: Case, row: Row[Any]) -> str:
    node = case.version.graph.nodes[row.node_id]
    item = next((one for one in static_outcomes(node) or () if str(one.get("value")) == row.detail.get("outcome")), None)
    return natural_side(item) if item is not None else side_of({}, row.detail.get("outcome"))


def _changes(case: Case, row: Row[Any]) -> bool:
    """Whether a fact changed a value that people or systems gave; opinions are said anew at every step and are none."""
    changes = (row.detail or {}).get("changes") or {}
    nodes = case.version.graph.nodes.values()
    own = {f"{node.id}{end}" for node in nodes for end in KEPT} | {*OPINION_KEYS, *(node.properties.get("opinion_field", "") for node in nodes)}
    return any(before != after for name, (before, after) in changes.items() if name not in own)
