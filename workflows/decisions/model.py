"""A decision model ready to evaluate: reads DMN files, compiles their logic, and evaluates decisions over inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from workflows.decisions.boxed import BoxedCompiler
from workflows.decisions.elements import MODEL_NAMESPACES
from workflows.decisions.evaluation import Evaluation
from workflows.decisions.findings import DecisionError, Finding
from workflows.decisions.graph import ModelPart, Node, find_cycles, link
from workflows.decisions.running import DecisionRun, Match
from workflows.decisions.xml import Xml, child, children, expression_child, local_name, type_reference
from workflows.feel import Words
from workflows.feel.values import FeelValue, from_python, to_python
from workflows.hardened_xml import XmlError, parse_xml

MAXIMUM_ELEMENTS = 10_000
Functions = Mapping[str, Callable[..., Any]]


@dataclass(frozen=True, slots=True)
class Result:
    """A decision's value, the rules that matched (in all tables evaluated on the way) and what went wrong."""

    value: Any
    matched: tuple[Match, ...]
    errors: tuple[Words, ...]


class DecisionModel:
    """A DMN model with everything it imports. `decisions`, `decision_services`, `knowledge_models` and
    `inputs` map ids to names; `formulas` are its FEEL texts; `host_functions` are functions it calls that neither FEEL nor the
    model defines."""

    def __init__(self, main: ModelPart, parts: list[ModelPart]) -> None:
        self._main = main
        self.findings: list[Finding] = [finding for part in parts for finding in part.workshop.findings]
        self.name = main.name
        self.namespace = main.namespace
        self.decisions = self._names("decision")
        self.decision_services = self._names("decisionService")
        self.knowledge_models = self._names("businessKnowledgeModel")
        self.inputs = self._names("inputData")
        self.formulas = [formula for part in parts for formula in part.workshop.formulas]
        self.host_functions = frozenset(name for part in parts for name in part.workshop.called)

    def _names(self, kind: str) -> dict[str, str]:
        return {node.id: node.name for node in self._main.nodes.values() if node.kind == kind}

    def find(self, wanted: str, *kinds: str) -> Node:
        """A node by id or name; DecisionError lists what there is when it is unknown."""
        kinds = kinds or ("decision", "decisionService", "businessKnowledgeModel")
        candidates = [node for node in self._main.nodes.values() if node.kind in kinds]
        for node in candidates:
            if node.id == wanted:
                return node
        for node in candidates:
            if node.name == wanted:
                return node
        known = ", ".join(node.name for node in candidates) or "none"
        raise DecisionError(Words(f"模型中没有决策 {wanted!r}；现有：{known}", f"the model has no decision {wanted!r}; it has: {known}"))

    def line_of(self, identity: str) -> int:
        """The line a node of the model begins in; 0 when there is none of that id."""
        return next((node.xml.sourceline or 0 for node in self._main.nodes.values() if node.id == identity), 0)

    def evaluate(
        self, decision: str, inputs: Mapping[str, Any], functions: Functions | None = None, now: datetime | None = None
    ) -> Result:
        """Evaluate a decision, decision service or knowledge model by id or name.

        `inputs` are plain JSON or FEEL values by the names of input data (for a service also of its input decisions).
        Raises DecisionError when there is no such decision; everything else that fails is null with a word in `errors`.
        """
        node = self.find(decision)
        run = DecisionRun(functions, now)
        value = Evaluation(run, given_inputs(inputs)).answer(node)
        return Result(to_python(value), tuple(run.matched), tuple(run.errors))


def given_inputs(inputs: Mapping[str, Any]) -> dict[str, FeelValue]:
    """The inputs as FEEL values."""
    return {name: from_python(value) for name, value in inputs.items()}


def read_decisions(xml: bytes, imports: Mapping[str, bytes] | None = None) -> DecisionModel:
    """Read a DMN file of version 1.1 to 1.5; what is wrong with it is collected in `findings`, not raised.

    `imports` holds other DMN files, under any key: they are found by the namespace they declare. A file that is
    not XML, or not a DMN model, gives a model without decisions and one finding.
    """
    try:
        main = _part(xml)
    except DecisionError as error:
        return _unreadable(error.words)
    parts = {main.namespace: main}
    asks = child(main.root, "import") is not None
    for file in (imports or {}).values() if asks else ():
        try:
            part = _part(file)
        except DecisionError:
            continue
        parts.setdefault(part.namespace, part)
    used = _connect(main, parts)
    for part in used:
        link(part)
    for part in used:
        find_cycles(part)
        for node in part.nodes.values():
            _compile(node)
    return DecisionModel(main, used)


def _part(data: bytes) -> ModelPart:
    try:
        root = parse_xml(data)
    except XmlError as error:
        raise DecisionError(Words(f"文件不是可读的 XML：{error.reason}（第 {error.line} 行）", f"the file is not readable XML: {error.reason.en} (line {error.line})")) from None
    if local_name(root) != "definitions":
        raise DecisionError(Words("文件不是 DMN 模型：根元素不是 DMN 1.1 至 1.5 命名空间的 definitions", "the file is not a DMN model: its root is not definitions in a namespace of DMN 1.1 to 1.5"))
    if len(root) > MAXIMUM_ELEMENTS:
        raise DecisionError(Words(f"文件有超过 {MAXIMUM_ELEMENTS:,} 个决策、输入和类型", f"the file has more than {MAXIMUM_ELEMENTS:,} decisions, inputs and types"))
    return ModelPart(root)


def _unreadable(reason: Words) -> DecisionModel:
    """A model of nothing, for a file that cannot be read."""
    part = ModelPart(parse_xml(b"<definitions/>"))
    part.workshop.remark("error", part.root, reason, Words("请上传 DMN 文件", "give a DMN file"))
    return DecisionModel(part, [part])


def _connect(main: ModelPart, parts: Mapping[str, ModelPart]) -> list[ModelPart]:
    """Hand each model the models it imports; the models reached, the main one first."""
    used, waiting = [main], [main]
    while waiting:
        part = waiting.pop()
        for element in children(part.root, "import"):
            target = parts.get(element.get("namespace", ""))
            if target is None or target is part:
                _missing_import(part, element)
                continue
            name = element.get("name") or ""
            part.imports[name] = target
            part.workshop.types.imported[name] = target.workshop.types
            part.workshop.names |= target.workshop.names
            if target not in used:
                used.append(target)
                waiting.append(target)
    return used


def _missing_import(part: ModelPart, element: Xml) -> None:
    kind = element.get("importType", "")
    name = element.get("name") or element.get("namespace", "")
    if kind in MODEL_NAMESPACES or not kind:
        part.workshop.remark("error", element, Words(f"引入的模型 {name} 不在所给文件中", f"the imported model {name} is not among the given files"), Words("请与它放在同一文件夹一起部署", "deploy it in the same folder"))
    else:
        part.workshop.remark("warning", element, Words(f"引入 {name}（类型 {kind}）不读取", f"the import {name} of type {kind} is not read"), Words("请把其中的类型写成 itemDefinition", "define its types as item definitions"))


def _compile(node: Node) -> None:
    """Compile a node's logic with the names it may use."""
    part = node.model
    boxed = BoxedCompiler(part.workshop)
    variable = child(node.xml, "variable")
    node.type = part.workshop.find_type(type_reference(variable), node.xml)
    known = known_names(node)
    if node.kind == "decision":
        logic = expression_child(node.xml)
        if logic is None:
            part.workshop.remark("warning", node.xml, Words("决策没有逻辑", "the decision has no logic"), Words("给它决策表或表达式；目前它的值是 null", "give it a decision table or an expression; its value is null"))
        node.code = boxed.compile(logic, known)
    elif node.kind == "businessKnowledgeModel":
        _compile_knowledge(node, boxed, known)


def _compile_knowledge(node: Node, boxed: BoxedCompiler, known: frozenset[str]) -> None:
    logic = child(node.xml, "encapsulatedLogic")
    if logic is None:
        node.model.workshop.remark("warning", node.xml, Words("业务知识模型没有逻辑", "the business knowledge model has no logic"), Words("给它函数；目前结果是 null", "give it a function; its result is null"))
        node.code = boxed.compile(None, known)
        return
    node.parameters, node.parameter_types = boxed.parameters(logic)
    kind = logic.get("kind", "FEEL")
    if kind not in ("FEEL", "F"):
        node.model.workshop.remark("warning", logic, Words(f"{kind} 函数不能运行", f"functions of kind {kind} are not run"), Words("请用 FEEL 写函数；在这里结果是 null", "write the function in FEEL; its result is null here"))
        node.external = True
        return
    if node.type is not None and node.type.kind == "function":
        node.parameter_types = [
            given or declared for given, declared in zip(node.parameter_types, node.type.parameters or node.parameter_types, strict=False)
        ] or node.parameter_types
        node.type = node.type.element
    node.code = boxed.compile(expression_child(logic), known | frozenset(node.parameters))


def known_names(node: Node) -> frozenset[str]:
    """The names a node's logic may use: what it requires, and how imports are called."""
    names = {node.variable} if node.kind == "businessKnowledgeModel" else set()
    for import_name, required in node.requires:
        names.add(required.variable)
        if import_name:
            names.add(import_name)
    return frozenset(names)
