"""Answers the token machine's questions about a case with FEEL and DMN: conditions, decisions, scripts, counts. Knows no people."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import copy
from decimal import Decimal
from typing import Any

from workflows.case import Case
from workflows.errors import Rejection
from workflows.feel import FeelError, compile_expression
from workflows.feel.values import to_json
from workflows.graph import DataMapping, Node
from workflows.variables import Local, LocalScopes, assignments

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
    """The machine's view of one case during one command.

    `returned` holds, by call token, the called cases that are over: what they hand out is read from their variables.
    """

    def __init__(self, case: Case, functions: Functions, returned: Mapping[str, Case] | None = None) -> None:
        self._case = case
        self._functions = functions
        self._returned = returned or {}
        self._collections: dict[str, list[Any]] = {}
        self._ended: tuple[str, dict[str, Any]] | None = None

    def condition(self, expression: str, scope: str, counters: Mapping[str, int] | None = None) -> bool:
        """Whether a condition holds; anything but true does not (FEEL: null is not true).

        A completion condition also sees the variables of the instance that has just ended.
        """
        extra: dict[str, Any] | None = None
        if counters is not None:
            extra = {**(self._ended[1] if self._ended and self._ended[0] == scope else {}), **counters}
        return feel(self._case.at(scope), self._functions, formula(expression), extra) is True

    def count(self, expression: str, scope: str) -> int:
        """How many instances a multi-instance activity has: a number, or the length of a list."""
        value = feel(self._case.at(scope), self._functions, formula(expression))
        if isinstance(value, list):
            return len(value)
        if value is None or isinstance(value, bool) or not isinstance(value, (int, Decimal)) or value != int(value):
            raise Rejection(f"多实例的数量“{expression}”没有得出列表或整数。", f"The number of instances {expression} is neither a list nor a whole number.", status=409)
        return int(value)

    def perform(self, node: Node, token: str, scope: str) -> None:
        """Run a business rule task (DMN) or a script task (FEEL) and store its result."""
        view = self._case.at(token)
        if node.type == "businessRuleTask":
            reference = str(node.attributes.get("decisionRef"))
            value, matched = decide(view, self._functions, reference)
            detail: dict[str, Any] = {"decision": reference, "rules": matched}
            name = node.attributes.get("resultVariable") or reference
        else:
            script = (node.script or "").strip()
            value = feel(view, self._functions, formula(script))
            detail, name = {}, node.attributes.get("resultVariable") or ""
        if name:
            detail["changes"] = self._case.set(assignments(name, to_json(value), view.feel()), token)
        detail["cause"] = list(self._case.state["t"][token.partition("#")[0]][2])
        self._case.record("performed", node=node.id, token=str(token), detail=detail)

    # local variables

    def begin(self, node: Node, token: str, scope: str) -> None:
        """Give a piece of work its own variables: counter, element and mapped inputs."""
        scopes = self._scopes()
        activity, _, index = token.partition("#")
        document: dict[str, Any] = {}
        if node.multi_instance is not None:
            document["loopCounter"] = int(index)
            if node.multi_instance.element_variable:
                document[node.multi_instance.element_variable] = self._element(node, activity, int(index), scope)
        elif node.loop is not None:
            document["loopCounter"] = self._case.state["m"][activity][1]
        scopes.put(token, Local(document))
        self._case.inputs = None
        for mapping in node.inputs:
            if not mapping.called:
                for target, value in mapped((mapping,), self._case.at(token), self._functions):
                    document[target] = value

    def _element(self, node: Node, activity: str, index: int, scope: str) -> Any:
        """The element of one instance; a sequential multi-instance keeps its list as it was when it began."""
        instances = node.multi_instance
        if instances is None or instances.collection is None:
            return None
        if activity not in self._collections:
            kept = self._scopes().get(activity) if instances.sequential else None
            listed = kept.result if kept is not None else to_json(feel(self._case.at(scope), self._functions, formula(instances.collection)))
            self._collections[activity] = listed if isinstance(listed, list) else []
            if instances.sequential and kept is None:
                self._scopes().put(activity, Local(None, self._collections[activity]))
        listed = self._collections[activity]
        return listed[index] if index < len(listed) else None

    def end(self, node: Node, token: str, scope: str) -> None:
        """Hand the results of a piece of work outwards and forget its own variables."""
        scopes = self._scopes()
        called = self._returned.get(token)
        view = called if called is not None else self._case.at(token)
        if node.type == "callActivity":
            self._take_over(node, token, scope, called)
        outward = [mapping for mapping in node.outputs if not mapping.called]
        for target, value in mapped(outward, self._case.at(token) if node.type == "callActivity" else view, self._functions):
            self._case.set(assignments(target, value, self._case.at(scope).feel()), scope)
        self._ended = (scope, {**scopes.visible((token,)), **(called.feel() if called is not None and called.body_of is not None else {})})
        instances = node.multi_instance
        if instances is not None and instances.output_collection:
            element = instances.output_element
            result = to_json(feel(view, self._functions, formula(element))) if element else None
            scopes.put(token, Local(None, result, True))
        else:
            scopes.drop(token)
        self._case.inputs = None

    def _take_over(self, node: Node, token: str, scope: str, called: Case | None) -> None:
        """What a called process hands back by camunda:out: to the call's own variables (local) or outside."""
        for mapping in node.outputs if called is not None else ():
            for target, value in mapped((mapping,), called, self._functions) if mapping.called and called is not None else ():
                if mapping.local:
                    own = self._scopes().visible((token,))
                    self._scopes().put(token, Local({**own, **assignments(target, value, own)}))
                else:
                    self._case.set(assignments(target, value, self._case.at(scope).feel()), scope)
        self._case.inputs = None

    def gather(self, node: Node, token: str, scope: str) -> None:
        """Store the list of results of a multi-instance activity, in the order of its instances."""
        instances = node.multi_instance
        if instances is not None and instances.output_collection:
            self._case.set({instances.output_collection: self._scopes().results(token)}, scope)
        self._scopes().drop_all(token)

    def caught(self, event: Node, code: str | None, scope: str, message: str | None) -> None:
        """Store the code of a caught error or escalation, and what an error says."""
        for variable, value in ((event.event.code_variable, code), (event.event.error_message_variable, message)):
            if variable is not None:
                self._case.set(assignments(variable, value, self._case.at(scope).feel()), scope)

    def thrown(self, node: Node, scope: str) -> dict[str, Any]:
        """The correlation key and the payload of a message or signal, as they are when it is thrown."""
        there = self._case.at(scope)
        payload = to_json(feel(there, self._functions, node.properties.get("payload")))
        return {"key": correlation_key(there, self._functions, node), "payload": payload}

    def _scopes(self) -> LocalScopes:
        scopes = self._case.locals
        if scopes is None:
            raise RuntimeError("the version of this case keeps no local variables")
        return scopes


def formula(text: str) -> str:
    """FEEL with its leading "="."""
    return text if text.startswith("=") else f"={text}"


def correlation_key(case: Case, functions: Functions, node: Node) -> str | None:
    """The correlation key of a message this node throws or waits for."""
    key = None if node.event.correlation is None else feel(case, functions, formula(node.event.correlation))
    return None if key is None else str(key)


def handed_in(node: Node, case: Case, token: str, functions: Functions) -> Iterator[tuple[str, Any]]:
    """What a call activity gives the process it calls by camunda:in; a local one gives the call's own variables only."""
    there, own = case.at(token), copy(case)
    own.inputs = dict(case.locals.visible((token,))) if case.locals is not None else {}
    for mapping in node.inputs:
        if mapping.called:
            yield from mapped((mapping,), own if mapping.local else there, functions)


def mapped(mappings: Iterable[DataMapping], source: Case, functions: Functions) -> Iterator[tuple[str, Any]]:
    """Target and value of each mapping, evaluated in order over what `source` sees; variables="all" gives them all."""
    for mapping in mappings:
        if mapping.all_variables:
            yield from ((name, value) for name, value in source.feel().items() if name != "process_instance")
        elif mapping.target:
            value = feel(source, functions, formula(mapping.expression)) if mapping.expression is not None else source.feel().get(str(mapping.source))
            yield mapping.target, to_json(value)


__all__ = ["EngineHost", "Functions", "assignments", "correlation_key", "decide", "feel", "formula", "handed_in", "mapped"]
