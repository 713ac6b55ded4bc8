"""Compiles boxed expressions (DMN chapter 7 and 10): each becomes code over the names in scope."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from workflows.decisions.running import Code, DecisionRun
from workflows.decisions.tables import compile_table
from workflows.decisions.workshop import Workshop, broken
from workflows.decisions.xml import Xml, child, children, expression_child, local_name, text_of, type_reference
from workflows.feel import Words
from workflows.feel.invocation import closure, invoke
from workflows.feel.loops import element_at, elements_of
from workflows.feel.runtime import Run
from workflows.feel.types import Type, coerce
from workflows.feel.values import FeelValue, Function, Names, Range

Known = frozenset[str]


class BoxedCompiler:
    """Compiles the boxed expressions of one model; `known` are the names in scope, for names that hold marks."""

    def __init__(self, workshop: Workshop) -> None:
        self.workshop = workshop
        self._kinds: dict[str, Callable[[Xml, Known], Code]] = {
            "literalExpression": self.literal,
            "decisionTable": lambda element, known: compile_table(self.workshop, element, known),
            "invocation": self.invocation,
            "functionDefinition": self.function,
            "context": self.context,
            "relation": self.relation,
            "list": self.list,
            "conditional": self.conditional,
            "filter": self.filter,
            "for": self.iteration,
            "every": lambda element, known: self.quantified(element, known, True),
            "some": lambda element, known: self.quantified(element, known, False),
        }

    def compile(self, element: Xml | None, known: Known) -> Code:
        """The code of a boxed expression; nothing at all is null."""
        if element is None:
            return lambda names, run: None
        code = self._kinds[local_name(element)](element, known)
        if local_name(element) in ("decisionTable", "functionDefinition"):
            return code
        declared = self.workshop.find_type(element.get("typeRef"), element)
        return code if declared is None else typed(code, declared)

    def inside(self, element: Xml, part: str, known: Known) -> Code:
        """The code of the expression wrapped in a child such as `in` or `then`."""
        wrapper = child(element, part)
        if expression_child(wrapper) is None:
            self.workshop.remark("error", element, Words(f"缺少 {part} 部分", f"the part {part} is missing"), Words(f"请补上 {local_name(element)} 的 {part}", f"give the {local_name(element)} its {part}"))
            return broken(Words(f"缺少 {part} 部分", f"the part {part} is missing"))
        return self.compile(expression_child(wrapper), known)

    def literal(self, element: Xml, known: Known) -> Code:
        text = text_of(element, "text")
        if not self.workshop.speaks_feel(element):
            return broken(Words("表达式的语言不支持", "the language of the expression is not supported"))
        return (lambda names, run: None) if text is None else self.workshop.code(text, element, known)

    def context(self, element: Xml, known: Known) -> Code:
        entries: list[tuple[str | None, Code]] = []
        for entry in children(element, "contextEntry"):
            variable = child(entry, "variable")
            code = self.compile(expression_child(entry), known)
            name = None if variable is None else variable.get("name")
            declared = self.workshop.find_type(type_reference(variable), entry)
            entries.append((name, code if declared is None else typed(code, declared)))
            known = known if name is None else known | {name}

        def build(names: Names, run: DecisionRun) -> FeelValue:
            inner, built = Names(names), {}
            for name, code in entries:
                value = code(inner, run)
                if name is None:
                    return value
                inner[name] = built[name] = value
            return built

        return build

    def list(self, element: Xml, known: Known) -> Code:
        codes = [self.compile(part, known) for part in element if local_name(part) in self._kinds]
        return lambda names, run: [code(names, run) for code in codes]

    def relation(self, element: Xml, known: Known) -> Code:
        columns = [column.get("name", "") for column in children(element, "column")]
        rows = [
            [self.compile(cell, known) for cell in row if local_name(cell) in self._kinds]
            for row in children(element, "row", "list")
        ]
        return lambda names, run: [
            {column: cell(names, run) for column, cell in zip(columns, row, strict=False)} for row in rows
        ]

    def conditional(self, element: Xml, known: Known) -> Code:
        condition, then, otherwise = (self.inside(element, part, known) for part in ("if", "then", "else"))

        def choose(names: Names, run: DecisionRun) -> FeelValue:
            verdict = condition(names, run)
            if verdict is not None and not isinstance(verdict, bool):
                run.problem(Words("条件既不是真也不是假", "the condition is neither true nor false"))
                return None
            return then(names, run) if verdict else otherwise(names, run)

        return choose

    def filter(self, element: Xml, known: Known) -> Code:
        source, match = self.inside(element, "in", known), self.inside(element, "match", known | {"item"})

        def select(names: Names, run: DecisionRun) -> FeelValue:
            value = source(names, run)
            if value is None:
                return None
            elements = value if isinstance(value, list) else [value]
            kept = []
            for item in elements:
                run.charge(1)
                entries = item if isinstance(item, dict) else {}
                verdict = match(Names({**names, **entries, "item": item}), run)
                if isinstance(verdict, Decimal):
                    return element_at(elements, verdict)
                if verdict is True:
                    kept.append(item)
            return kept

        return select

    def iteration(self, element: Xml, known: Known) -> Code:
        variable = element.get("iteratorVariable", "")
        source, result = self.inside(element, "in", known), self.inside(element, "return", known | {variable, "partial"})

        def loop(names: Names, run: DecisionRun) -> FeelValue:
            elements = elements_of(source(names, run), run)
            if elements is None:
                return None
            partial: list[FeelValue] = []
            for item in elements:
                run.charge(1)
                value = result(Names({**names, variable: item, "partial": partial}), run)
                if isinstance(value, (list, dict, Function)):
                    run.charge(len(partial))
                    partial = [*partial, value]
                else:
                    partial.append(value)
            return partial

        return loop

    def quantified(self, element: Xml, known: Known, every: bool) -> Code:
        variable = element.get("iteratorVariable", "")
        source, condition = self.inside(element, "in", known), self.inside(element, "satisfies", known | {variable})

        def test(names: Names, run: DecisionRun) -> bool | None:
            elements = elements_of(source(names, run), run)
            if elements is None:
                return None
            unknown = False
            for item in elements:
                run.charge(1)
                verdict = condition(Names({**names, variable: item}), run)
                if verdict is (not every):
                    return not every
                unknown = unknown or not isinstance(verdict, bool)
            return None if unknown else every

        return test

    def function(self, element: Xml, known: Known) -> Code:
        """A boxed function; only those written in FEEL have results."""
        parameters, types = self.parameters(element)
        kind = element.get("kind", "FEEL")
        if kind not in ("FEEL", "F", ""):
            self.workshop.remark("warning", element, Words(f"{kind} 函数不能运行", f"functions of kind {kind} are not run"), Words("请用 FEEL 写函数；在这里结果是 null", "write the function in FEEL; its result is null here"))
            external = Function("external", parameters, lambda arguments, run: None, types)
            return lambda names, run: external
        body = self.compile(expression_child(element), known | frozenset(parameters))

        def define(names: Names, run: DecisionRun) -> Function:
            return boxed_function("function", parameters, types, None, body, lambda run: names)

        return define

    def parameters(self, element: Xml) -> tuple[tuple[str, ...], Sequence[Type | None]]:
        """The formal parameters of a function definition."""
        found = list(children(element, "formalParameter"))
        types = [self.workshop.find_type(type_reference(parameter), parameter) for parameter in found]
        return tuple(parameter.get("name", "") for parameter in found), types

    def invocation(self, element: Xml, known: Known) -> Code:
        called = self.compile(expression_child(element), known)
        bindings = [
            (_parameter_name(binding), self.compile(expression_child(binding), known))
            for binding in children(element, "binding")
        ]

        def call(names: Names, run: DecisionRun) -> FeelValue:
            function = called(names, run)
            if not isinstance(function, Function):
                run.problem(Words("被调用的不是函数", "what is invoked is not a function"))
                return None
            arguments = [code(names, run) for _, code in bindings]
            return invoke(function, arguments, [name for name, _ in bindings], run)

        return call


def _parameter_name(binding: Xml) -> str:
    parameter = child(binding, "parameter")
    return "" if parameter is None else parameter.get("name", "")


def boxed_function(
    name: str, parameters: tuple[str, ...], types: Sequence[Type | None], result: Type | None, body: Code,
    surrounding: Callable[[DecisionRun], Names],
) -> Function:
    """A function value over boxed code; `surrounding` gives the names its body sees beside its parameters."""

    def run_body(frame: dict[str, FeelValue], run: Run) -> FeelValue:
        if not isinstance(run, DecisionRun):
            return None
        return body(Names({**surrounding(run), **frame}), run)

    return closure(name, parameters, types, result, run_body)


def typed(code: Code, declared: Type) -> Code:
    """Code whose value is fitted to a declared type."""

    def evaluate(names: Names, run: DecisionRun) -> FeelValue:
        return fit(code(names, run), declared, run)

    return evaluate


def fit(value: FeelValue, declared: Type, run: DecisionRun) -> FeelValue:
    """The value coerced to a declared type; a problem of the run when it does not conform."""
    run.charge_value(value)
    fitted = coerce(value, declared)
    if fitted is None and value is not None:
        shown = _show(value)
        run.problem(Words(f"值 {shown} 不符合声明的类型", f"the value {shown} does not conform to its declared type"))
    return fitted


def _show(value: FeelValue) -> str:
    text = repr(value) if isinstance(value, Range) else str(value)
    return text if len(text) <= 80 else text[:77] + "…"
