"""Evaluates the nodes of a requirement graph over given inputs; every node is computed at most once per evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from workflows.decisions.boxed import boxed_function, fit
from workflows.decisions.graph import MAXIMUM_REQUIREMENT_DEPTH, Node
from workflows.decisions.running import DecisionRun
from workflows.feel import FeelError, Words
from workflows.feel.runtime import Run
from workflows.feel.types import coerce
from workflows.feel.values import FeelValue, Function, Names

_TOO_DEEP = Words("求值嵌套太深", "the evaluation is nested too deeply")


class Evaluation:
    """One evaluation. `given` are inputs by name, `known` the values of nodes settled from outside (a service's inputs)."""

    def __init__(
        self, run: DecisionRun, given: Mapping[str, FeelValue], known: dict[tuple[str, str], FeelValue] | None = None
    ) -> None:
        self.run = run
        self.given = given
        self.values: dict[tuple[str, str], FeelValue] = dict(known or {})
        self.depth = 0

    def answer(self, node: Node) -> FeelValue:
        """The value asked for from outside: services and knowledge models are invoked with the given inputs by name."""
        try:
            if node.kind == "decisionService":
                given = [self._given(entry, "") for entry in node.service_inputs]
                served = self._serve(node, given, self.run)
                self.run.charge_value(served)
                return served
            if node.kind == "businessKnowledgeModel":
                function = self.value(node)
                return function.call([self.given.get(name) for name in node.parameters], self.run)
            value = self.value(node)
            self.run.charge_value(value)
            return value
        except (FeelError, RecursionError) as error:
            self.run.element_name = node.name
            self.run.problem(_TOO_DEEP if isinstance(error, RecursionError) else error.words)
            return None

    def value(self, node: Node, import_name: str = "") -> FeelValue:
        """The value of a node, computed when first asked for."""
        key = node.key
        if key not in self.values:
            self.depth += 1
            if self.depth > MAXIMUM_REQUIREMENT_DEPTH:
                raise FeelError(Words("需求关系嵌套太深或成环", "the requirements are nested too deeply or go round in a circle"))
            try:
                self.values[key] = self._compute(node, import_name)
            finally:
                self.depth -= 1
        return self.values[key]

    def _compute(self, node: Node, import_name: str) -> FeelValue:
        if node.kind == "inputData":
            return self._input(node, import_name)
        if node.kind == "businessKnowledgeModel":
            return self._knowledge(node)
        if node.kind == "decisionService":
            return self._service(node)
        return self._decide(node)

    def _input(self, node: Node, import_name: str) -> FeelValue:
        run = self.run
        outer, run.element_name = run.element_name, node.name
        try:
            return self._typed(node, self._given(node, import_name))
        finally:
            run.element_name = outer

    def _decide(self, node: Node) -> FeelValue:
        names = self.names_for(node)
        run = self.run
        outer = (run.element_id, run.element_name)
        run.element_id, run.element_name = node.id, node.name
        try:
            return self._typed(node, node.code(names, run) if node.code is not None else None)
        finally:
            run.element_id, run.element_name = outer

    def _typed(self, node: Node, value: FeelValue) -> FeelValue:
        return value if node.type is None else fit(value, node.type, self.run)

    def names_for(self, node: Node) -> Names:
        """What a node's logic sees: the values of what it requires, imported ones inside a context of the import's name."""
        names = Names()
        for import_name, required in node.requires:
            value = self.value(required, import_name)
            if import_name:
                names.setdefault(import_name, {})[required.variable] = value
            else:
                names[required.variable] = value
        return names

    def _given(self, node: Node, import_name: str) -> FeelValue:
        """An input by its name; an imported one also as `import.name`, `{namespace}name` or inside a context."""
        namespaced = f"{{{node.model.namespace}}}{node.name}"
        if namespaced in self.given:
            return self.given[namespaced]
        if import_name:
            inside = self.given.get(import_name)
            if isinstance(inside, dict) and node.name in inside:
                return inside[node.name]
            if f"{import_name}.{node.name}" in self.given:
                return self.given[f"{import_name}.{node.name}"]
        return self.given.get(node.name, self.given.get(node.variable))

    def _knowledge(self, node: Node) -> Function:
        """A knowledge model as a function; the functions it requires are looked up when it runs, so it may be recursive."""
        if node.external or node.code is None:
            return Function(node.name, node.parameters, lambda arguments, run: None, node.parameter_types, node.type)
        surrounding: list[Names] = []

        def names(run: Run) -> Names:
            if not surrounding:
                surrounding.append(Names())
                surrounding[0].update(self.names_for(node))
                surrounding[0].setdefault(node.variable, function)
            return surrounding[0]

        function = boxed_function(node.name, node.parameters, node.parameter_types, node.type, node.code, names)
        return function

    def _service(self, node: Node) -> Function:
        def call(arguments: Sequence[FeelValue], run: Run) -> FeelValue:
            if len(arguments) != len(node.parameters) or not isinstance(run, DecisionRun):
                return None
            for argument, entry in zip(arguments, node.service_inputs, strict=True):
                if argument is not None and coerce(argument, entry.type) is None:
                    run.problem(Words(f"{node.name}：参数 {entry.variable} 不符合其类型", f"{node.name}: the argument {entry.variable} does not conform to its type"))
                    return None
            return self._serve(node, arguments, run)

        return Function(node.name, node.parameters, call, [entry.type for entry in node.service_inputs], node.type)

    def _serve(self, node: Node, arguments: Sequence[FeelValue], run: DecisionRun) -> FeelValue:
        """The output of a service: the value of its one output decision, or a context of several (DMN 10.4)."""
        known = {
            entry.key: coerce(argument, entry.type) for entry, argument in zip(node.service_inputs, arguments, strict=True)
        }
        inner = Evaluation(run, self.given, known)
        inner.depth = self.depth
        outputs = {output.variable: inner.value(output) for output in node.outputs}
        if len(node.outputs) != 1:
            return outputs
        (value,) = outputs.values()
        return value if node.type is None else fit(value, node.type, run)
