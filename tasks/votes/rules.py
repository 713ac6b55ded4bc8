"""The voting rule of an activity: read from its settings, frozen when the activity is entered, and what each outcome counts as."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, cast

import orjson

from tasks.assignment import outcomes
from tasks.candidate_lines import lines_of
from tasks.votes.fold import Rule, Side
from workflows.case import Case
from workflows.errors import Rejection
from workflows.feel.values import to_json
from workflows.graph import Node
from workflows.host import Functions, feel
from workflows.human_rules import RULES
from workflows.human_rules import natural_side as natural_side

Frozen = Mapping[str, Any]
PLAIN: Frozen = {"rule": "all"}


def frozen(case: Case, node: Node, functions: Functions) -> dict[str, Any]:
    """The rule of `node` for `case` as a document that later versions and later values cannot change.

    Raises Rejection (409) when the setting is no rule; the linter has said so of settings that are written out.
    """
    given = _settings(case, node, functions)
    name, ratio = str(given.get("rule", "all")), str(given.get("ratio") or ("1/1" if given.get("rule") != "ratio" else ""))
    if name not in RULES or ratio_of(ratio) is None:
        zh, en = f"环节“{node.name or node.id}”的表决规则不可用：{name} {ratio}", f"The voting rule of {node.id} cannot be used: {name} {ratio}"
        raise Rejection(zh, en, status=409)
    offered = outcomes(case, node, functions)
    return {
        "rule": name, "ratio": ratio, "wait_for_all": given.get("wait_for_all") in (True, "true"),
        "veto": lines_of(given.get("veto")),
        "sides": {str(item["value"]): _side(item, given) for item in offered},
        "agreed": given.get("outcome_agreed"), "refused": given.get("outcome_refused"),
    }


def _settings(case: Case, node: Node, functions: Functions) -> Mapping[str, Any]:
    text = node.properties.get("voting")
    if not text:
        return PLAIN
    value = to_json(feel(case, functions, text)) if text.startswith("=") else _document(text)
    if not isinstance(value, dict):
        raise Rejection(f"环节“{node.name or node.id}”的 voting 不是一组设置。", f"The voting of {node.id} is no context.", status=409)
    return value


def _document(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def ratio_of(text: str) -> Fraction | None:
    """The fraction p/q with 0 < p/q ≤ 1 that the text says ("2/3", "1", "0.5"), or None."""
    try:
        found = Fraction(text.strip())
    except (ValueError, ZeroDivisionError):
        return None
    return found if 0 < found <= 1 else None


def _side(item: Mapping[str, Any], given: Mapping[str, Any]) -> Side:
    value = str(item["value"])
    sides: tuple[tuple[str, Side], ...] = (("agree", "A"), ("refuse", "R"), ("abstain", "B"))
    for name, side in sides:
        if value in (given.get(name) or ()):
            return side
    return cast(Side, natural_side(item))


def rule_of(document: Frozen) -> Rule:
    """The rule of a frozen document."""
    return Rule(str(document["rule"]), ratio_of(str(document.get("ratio") or "1")) or Fraction(1), bool(document.get("wait_for_all")))


def side_of(document: Frozen, outcome: str | None) -> Side:
    """What an outcome value counts as under the frozen rule."""
    found: Side = (document.get("sides") or {}).get(outcome) or cast(Side, natural_side({"value": outcome}))
    return found


def outcome_of(document: Frozen, agreed: bool, votes: Sequence[tuple[Side, str]]) -> str:
    """The activity's outcome: the model's, else that of the first counted vote on the winning side, else of the last vote.

    `votes` are side and outcome value of the counted votes, in order. Refused by abstentions alone, an outcome that refuses is taken.
    """
    if named := document.get("agreed" if agreed else "refused"):
        return str(named)
    wanted = "A" if agreed else "R"
    cast = next((value for side, value in votes if side == wanted), None)
    if cast is None and len(votes) != 1:
        cast = next((value for value, side in (document.get("sides") or {}).items() if side == wanted), None)
    return cast if cast is not None else votes[-1][1]
