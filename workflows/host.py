"""Answers the token machine's questions about a case with FEEL and DMN: conditions, decisions, scripts, counts. Knows no people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from workflows.case import Case
from workflows.errors import Rejection
from workflows.feel import FeelError, compile_expression
from workflows.feel.values import to_json
from workflows.graph import Node

Functions = Mapping[str, Callable[..., Any]]


def feel(case: Case, functions: Functions, text: str | None, extra: Mapping[str, Any] | None = None) -> Any:
    """Evaluate a setting: FEEL when it starts with "=", else the text itself; None stays None."""
    if text is None or not text.startswith("="):
        return text
    variables = case.feel() if not extra else {**case.feel(), **extra}
    try:
        return compile_expression(text[1:]).evaluate(variables, functions, case.now)
    except FeelError as error:
        raise Rejection(f"表达式无法计算：{error}（{text}）", f"The expression cannot be evaluated: {error.words.en} ({text})", status=409) from error


def decide(case: Case, functions: Functions, reference: str, extra: Mapping[str, Any] | None = None) -> tuple[Any, list[Any]]:
    """Evaluate a decision of the case's version: its value and the rules that matched. Raises Rejection when it cannot decide."""
    model, decision = case.version.decision_of(reference)
    result = model.evaluate(decision, case.feel() if not extra else {**case.feel(), **extra}, functions, case.now)
    if result.errors:
        problem, in_english = "；".join(result.errors), "; ".join(error.en for error in result.errors)
        raise Rejection(f"决策表“{reference}”无法得出结论：{problem}", f"Decision {reference} has no result: {in_english}", status=409)
    return result.value, [[match.decision_id, match.rule_id] for match in result.matched]


class EngineHost:
    """The machine's view of one case during one command."""

    def __init__(self, case: Case, functions: Functions) -> None:
        self._case = case
        self._functions = functions

    def condition(self, expression: str, scope: str, counters: Mapping[str, int] | None = None) -> bool:
        """Whether a condition holds; anything but true does not (FEEL: null is not true)."""
        text = expression if expression.startswith("=") else f"={expression}"
        return feel(self._case, self._functions, text, counters) is True

    def count(self, expression: str, scope: str) -> int:
        """How many instances a multi-instance activity has: a number, or the length of a list."""
        text = expression if expression.startswith("=") else f"={expression}"
        value = feel(self._case, self._functions, text)
        return len(value) if isinstance(value, list) else int(value or 0)

    def perform(self, node: Node, token: str, scope: str) -> None:
        """Run a business rule task (DMN) or a script task (FEEL) and store its result."""
        if node.type == "businessRuleTask":
            reference = str(node.attributes.get("decisionRef"))
            value, matched = decide(self._case, self._functions, reference)
            detail: dict[str, Any] = {"decision": reference, "rules": matched}
            name = node.attributes.get("resultVariable") or reference
        else:
            script = (node.script or "").strip()
            value = feel(self._case, self._functions, script if script.startswith("=") else f"={script}")
            detail, name = {}, node.attributes.get("resultVariable") or ""
        if name:
            changes = self._case.set(assignments(name, to_json(value), self._case.variables))
            detail["changes"] = changes
        self._case.record("performed", node=node.id, token=str(token), detail=detail)


def assignments(name: str, value: Any, variables: Mapping[str, Any]) -> dict[str, Any]:
    """The patch that stores `value` under `name`; "case.university" writes one entry of the context `case`."""
    if "." not in name:
        return {name: value}
    first, rest = name.split(".", 1)
    inner = variables.get(first)
    context = dict(inner) if isinstance(inner, dict) else {}
    context.update(assignments(rest, value, context))
    return {first: context}
