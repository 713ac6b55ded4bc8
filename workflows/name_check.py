"""Names in the FEEL of a process folder: whether anything gives them a value, and whether the functions they call exist.

It knows where values come from; it evaluates nothing and stores nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from workflows.decisions import DecisionModel
from workflows.feel import Expression, FeelError, UnaryTests, Words, compile_expression
from workflows.feel.builtins import BUILT_INS
from workflows.feel.catalogue import HOST_FUNCTIONS
from workflows.feel.names import canonical, perhaps, where
from workflows.forms import fields, form_expressions
from workflows.graph import HUMAN, Finding, Flow, Node, ProcessGraph
from workflows.graph.notes import MAXIMUM_FEEL
from workflows.graph.settings import FEEL_SETTINGS

ALWAYS = frozenset((
    "case", "process_instance", "outcome", "matched_rules", "loopCounter", "numberOfInstances", "numberOfCompletedInstances",
    "numberOfActiveInstances", "numberOfTerminatedInstances", "nrOfInstances", "nrOfCompletedInstances", "nrOfActiveInstances",
))
MOST_FINDINGS = 100
IN_ROWS = frozenset(("this", "parent", "i"))  # what form-js adds for the rows of a list
HOST_NAMES = frozenset(host.signature.partition("(")[0] for host in HOST_FUNCTIONS)
RESULTS = ("resultVariable", "errorCodeVariable", "errorMessageVariable", "escalationCodeVariable")
SETTLED = ("message_variable", "output_collection", "decision_result")


class Use(NamedTuple):
    """One FEEL text and where it stands."""

    resource: str
    element: str
    name: str
    line: int
    setting: str
    text: str  # trimmed, so that positions in it are those of its errors
    compiled: Expression | UnaryTests


@dataclass(frozen=True)
class Sources:
    """Everything that gives values: `names` at the top, `facts` of the case (None: nobody declares which there are).

    `open` is true when variables come from outside under names that only another process knows.
    """

    names: frozenset[str]
    facts: frozenset[str] | None
    open: bool

    def seen_by(self, use: Use, more: Iterable[str] = ()) -> Iterator[Finding]:
        """A warning for every name in a text that nothing gives a value to, and for every fact that looks like a declared one misspelt.

        A fact unlike all others is no mistake: whoever starts a case may give it more than the roster does.
        """
        if self.open:
            return
        known = self.names.union(more)
        for name in sorted(use.compiled.names - known - {"?"}):
            yield _unknown_name(use, name, known)
        for path in sorted(use.compiled.paths):
            if len(path) > 1 and path[0] == "case" and self.facts is not None and path[1] not in self.facts:
                if like := perhaps(path[1], self.facts):
                    yield _unknown_fact(use, path[1], like)


class Placed(Protocol):
    """An executable process and the file it is drawn in."""

    @property
    def resource(self) -> str:
        """The file."""

    @property
    def graph(self) -> ProcessGraph:
        """The process."""


def name_findings(
    processes: Iterable[Placed], decisions: Mapping[str, DecisionModel], forms: Mapping[str, dict[str, Any]], roster: Any
) -> Iterator[tuple[str, Finding]]:
    """Warnings for names nothing gives a value to and errors for functions that do not exist, each with its file.

    Of either at most MOST_FINDINGS are made. Forms and decisions belong to all processes of the folder.
    """
    counts = {"error": 0, "warning": 0}
    for resource, finding in _all_findings(list(processes), decisions, forms, roster):
        counts[finding.severity] += 1
        if counts[finding.severity] <= MOST_FINDINGS:
            yield resource, finding
        elif min(counts.values()) >= MOST_FINDINGS:
            return


def _all_findings(
    processes: list[Placed], decisions: Mapping[str, DecisionModel], forms: Mapping[str, dict[str, Any]], roster: Any
) -> Iterator[tuple[str, Finding]]:
    graphs = [placed.graph for placed in processes]
    known = {graph.id: _given_by_callers(sources_of(graph, forms, roster), graph, graphs) for graph in graphs}
    for placed in processes:
        for use in diagram_uses(placed.resource, placed.graph):
            yield from ((placed.resource, finding) for finding in (*known[placed.graph.id].seen_by(use), *unknown_functions(use)))
    if not graphs:
        return
    sources = _together(list(known.values()))
    for name, schema in forms.items():
        inner = IN_ROWS | {part for field in fields(schema) for part in field.path}
        for use in _form_uses(f"{name}.form", schema):
            yield from ((use.resource, finding) for finding in (*sources.seen_by(use, inner), *unknown_functions(use)))
    for name, model in decisions.items():
        yield from ((f"{name}.dmn", finding) for finding in _decision_findings(f"{name}.dmn", model, graphs, sources))


def _given_by_callers(sources: Sources, called: ProcessGraph, graphs: Iterable[ProcessGraph]) -> Sources:
    """What a process knows, with what the call activities of its folder give it."""
    calls = [node for graph in graphs for node in graph.nodes.values() if node.attributes.get("calledElement") == called.id]
    given = [mapping for node in calls for mapping in node.inputs if mapping.called]
    names = {canonical((mapping.target or "").partition(".")[0]) for mapping in given}
    return Sources(sources.names | names, sources.facts, sources.open or any(mapping.all_variables for mapping in given))


def _together(several: list[Sources]) -> Sources:
    """What any of them knows."""
    facts = [sources.facts for sources in several if sources.facts is not None]
    return Sources(
        frozenset().union(*(sources.names for sources in several)), frozenset().union(*facts) if facts else None,
        any(sources.open for sources in several),
    )


def sources_of(graph: ProcessGraph, forms: Mapping[str, dict[str, Any]], roster: Any) -> Sources:
    """What the diagram, the forms and the roster of a folder give values to."""
    names = set(ALWAYS)
    facts = _roster_facts(roster) if isinstance(roster, dict) else None
    written = {written for node in graph.nodes.values() for written in _written(node)}
    for schema in forms.values():
        written |= {".".join(field.path[:2]) for field in fields(schema)}
    for entry in graph.data_objects:
        written |= {entry.id, entry.name}
    for path in written:
        first, _, rest = path.partition(".")
        names.add(canonical(first))
        if first == "case" and rest and facts is not None:
            facts.add(rest.partition(".")[0])
    open_ended = any(mapping.all_variables for node in graph.nodes.values() for mapping in node.outputs)
    return Sources(frozenset(names), None if facts is None else frozenset(facts), open_ended)


def _written(node: Node) -> Iterator[str]:
    """The variables an activity or event writes."""
    if node.type in HUMAN:
        yield from (f"{node.id}_outcome", f"{node.id}_by", f"{node.id}_votes")
    if node.type == "businessRuleTask" and not node.attributes.get("resultVariable"):
        yield node.attributes.get("decisionRef", "")
    yield node.properties.get("decision", "")
    yield from (node.attributes.get(name, "") for name in RESULTS)
    yield from (node.properties.get(name, "") for name in SETTLED)
    yield from (node.event.message_variable or "", node.event.code_variable or "", node.event.error_message_variable or "")
    yield from (mapping.target or "" for mapping in (*node.inputs, *node.outputs))
    if node.multi_instance is not None:
        yield from (node.multi_instance.element_variable or "", node.multi_instance.output_collection or "")


def _roster_facts(roster: Mapping[str, Any]) -> set[str]:
    """The facts of `case` a roster declares: mapped columns, constants, the person and the cycle."""
    paths = [str((roster.get("person") or {}).get("fact") or "case.borrower"), "case.cycle", *(roster.get("fixed") or {})]
    for column in roster.get("columns") or ():
        mapped = column.get("maps_to") if isinstance(column, dict) else None
        paths += mapped if isinstance(mapped, list) else [mapped]
    found = {path.split(".")[1] for path in paths if isinstance(path, str) and path.startswith("case.")}
    return found | {f"{name}_key" for name in found}


def diagram_uses(resource: str, graph: ProcessGraph) -> Iterator[Use]:
    """Every FEEL text of a diagram that can be read, as far as the reader of diagrams checks them."""
    length = 0
    for use in _diagram_uses(resource, graph):
        length += len(use.text)
        if length > MAXIMUM_FEEL:
            return
        yield use


def _diagram_uses(resource: str, graph: ProcessGraph) -> Iterator[Use]:
    yield from _uses(resource, graph, [(name, text[1:]) for name, text in graph.properties.items() if text.startswith("=")])
    for node in graph.nodes.values():
        yield from _uses(resource, node, _texts(node))
    for flow in graph.flows.values():
        yield from _uses(resource, flow, [("conditionExpression", flow.condition or "")])


def _uses(resource: str, place: ProcessGraph | Node | Flow, texts: Iterable[tuple[str, str]]) -> Iterator[Use]:
    for setting, text in texts:
        compiled = _compiled(text)
        if compiled is not None:
            yield Use(resource, place.id, place.name or "", place.line, setting, text.strip(), compiled)


def _texts(node: Node) -> Iterator[tuple[str, str]]:
    """The settings of a node that are FEEL, without "="."""
    for name, text in (*node.attributes.items(), *node.properties.items()):
        if text.startswith("=") or name in FEEL_SETTINGS:
            yield name, text.removeprefix("=")
    event, instances, loop = node.event, node.multi_instance, node.loop
    if event.kind == "conditional" or (event.expression or "").startswith("="):
        yield event.timer or "condition", (event.expression or "").removeprefix("=")
    if "correlation" not in node.properties:
        yield "correlation", event.correlation or ""
    yield "script", (node.script or "").removeprefix("=")
    if instances is not None:
        yield "loopCardinality", instances.cardinality or ""
        yield "collection", instances.collection or ""
        yield "completionCondition", instances.completion_condition or ""
    yield "loopCondition", (loop.condition or "") if loop is not None else ""
    inward = (*node.inputs, *(() if node.type == "callActivity" else node.outputs))
    yield from ((mapping.target or "businessKey", mapping.expression or mapping.source or "") for mapping in inward)


def _form_uses(resource: str, schema: Mapping[str, Any]) -> Iterator[Use]:
    for component, setting, text in form_expressions(schema):
        compiled = _compiled(text)
        if compiled is not None:
            yield Use(resource, component, "", 0, setting, text.strip(), compiled)


def _compiled(text: str) -> Expression | None:
    """The expression, or None when there is none or it cannot be read, which is a finding elsewhere."""
    try:
        return compile_expression(text.strip()) if text.strip() else None
    except FeelError:
        return None


def _decision_findings(resource: str, model: DecisionModel, graphs: Iterable[ProcessGraph], sources: Sources) -> Iterator[Finding]:
    """Functions no decision can call, and inputs of decisions of this process that no variable of the process fills."""
    for formula in model.formulas:
        use = Use(resource, formula.element_id, formula.name, formula.line, "", formula.text, formula.compiled)
        yield from unknown_functions(use, formula.known)
        if "case" in formula.known:
            yield from Sources(formula.compiled.names, sources.facts, sources.open).seen_by(use)
    nodes = [node for graph in graphs for node in graph.nodes.values()]
    asked = {node.attributes.get("decisionRef") for node in nodes} | {node.properties.get("decision") for node in nodes}
    if sources.open or asked.isdisjoint(model.decisions):
        return
    for identity, name in model.inputs.items():
        if canonical(name) not in sources.names:
            like = perhaps(name, sources.names)
            yield Finding(
                "warning", "input-unknown", identity, name, model.line_of(identity), f"输入“{name}”在流程中没有来源，值会是 null",
                f"nothing in the process gives the input {name} a value; it will be null", f"请让变量与输入同名{like}", f"name the variable like the input{like.en}",
            )


def unknown_functions(use: Use, known: frozenset[str] = frozenset()) -> Iterator[Finding]:
    """An error for every function a text calls that neither FEEL nor the desk has."""
    for name in sorted(use.compiled.called - HOST_NAMES - known):
        like, place = perhaps(name, {*BUILT_INS, *HOST_NAMES}), where(use.text, name)
        yield _at(
            use, "error", "function-unknown", f"没有名为“{name}”的函数{place}", f"there is no function named {name}{place.en}",
            f"请改用 docs/feel.md 中的函数{like}", f"use a function of docs/feel.md{like.en}",
        )


def _unknown_name(use: Use, name: str, known: Iterable[str]) -> Finding:
    like, place = perhaps(name, known), where(use.text, name)
    return _at(
        use, "warning", "name-unknown", f"名字“{name}”没有来源，值会是 null{place}", f"nothing gives the name {name} a value; it will be null{place.en}",
        f"请检查拼写{like}；值由外部给出的，请画成数据对象", f"check its spelling{like.en}; draw a data object for a value that comes from outside",
    )


def _unknown_fact(use: Use, name: str, like: Words) -> Finding:
    place = where(use.text, "case", ".", name)
    return _at(
        use, "warning", "fact-unknown", f"roster.yaml 没有给出事项的“{name}”，case.{name} 会是 null{place}",
        f"roster.yaml gives the case no {name}; case.{name} will be null{place.en}", f"请检查拼写{like}；也可在 roster.yaml 中加一列",
        f"check its spelling{like.en}; or add a column to roster.yaml",
    )


def _at(use: Use, severity: str, code: str, zh: str, en: str, advice_zh: str, advice_en: str) -> Finding:
    place_zh, place_en = (f"{use.setting} 中：", f"in {use.setting}: ") if use.setting else ("", "")
    return Finding(severity, code, use.element, use.name, use.line, f"{place_zh}{zh}", f"{place_en}{en}", advice_zh, advice_en)

