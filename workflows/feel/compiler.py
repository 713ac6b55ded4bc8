"""Turns a syntax tree into nested closures, each taking the scope of names and returning a value; nothing is interpreted later.

Names are bound where they can be bound before evaluation: only inside a filter does a name depend on the item's own entries.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from workflows.feel import syntax
from workflows.feel.builtins import BUILT_INS
from workflows.feel.calls import compile_call, define_function
from workflows.feel.errors import FeelLimitError, Words
from workflows.feel.loops import compile_filter, compile_for, compile_quantified, mentions
from workflows.feel.lookups import item_or, local, outer, outer_path
from workflows.feel.operators import between, binary, charged_test, make_range, negation, unary_range
from workflows.feel.properties import get_property
from workflows.feel.runtime import Scope
from workflows.feel.syntax import Node
from workflows.feel.types import is_instance
from workflows.feel.values import FeelValue, Range

Code = Callable[[Scope], FeelValue]
Test = Callable[[FeelValue, Scope], bool | None]
MAXIMUM_TREE_DEPTH = 300


class Compiler:
    """Compiles one tree. `frames` are the statically known names around the place being compiled, None for an item.

    After compiling, `names` and `paths` hold what the expression reads from outside, `item_names` what is read inside
    filters and may belong to the item or to the outside, `called` the functions it does not find itself.
    """

    def __init__(self) -> None:
        self.frames: list[frozenset[str] | None] = []
        self.names: set[str] = set()
        self.item_names: set[str] = set()
        self.paths: set[tuple[str, ...]] = set()
        self.called: set[str] = set()
        self._compilers: dict[type, Callable[[Any], Code]] = {
            syntax.Literal: self.literal,
            syntax.Name: self.name,
            syntax.Path: self.path,
            syntax.Filter: lambda node: compile_filter(self, node),
            syntax.Call: lambda node: compile_call(self, node),
            syntax.Negation: self.negation,
            syntax.Binary: self.binary,
            syntax.Between: self.between,
            syntax.In: self.membership,
            syntax.InstanceOf: self.instance_of,
            syntax.If: self.conditional,
            syntax.For: lambda node: compile_for(self, node),
            syntax.Quantified: lambda node: compile_quantified(self, node),
            syntax.FunctionDefinition: lambda node: define_function(self, node),
            syntax.ListLiteral: self.list_literal,
            syntax.ContextLiteral: self.context_literal,
            syntax.Interval: self.interval,
            syntax.UnaryRange: self.unary_range,
        }

    def compile(self, node: Node) -> Code:
        """The closure of a node."""
        return self._compilers[type(node)](node)

    def inside(self, frame: frozenset[str] | None, node: Node) -> Code:
        """The closure of a node that will run one scope deeper, with these names (None: those of an item)."""
        self.frames.append(frame)
        try:
            return self.compile(node)
        finally:
            self.frames.pop()

    def literal(self, node: syntax.Literal) -> Code:
        value = node.value
        return lambda scope: value

    def name(self, node: syntax.Name) -> Code:
        text = node.text
        items, hops = self.find(text)
        if hops is None:
            if items:
                self.item_names.add(text)
            elif text not in BUILT_INS:
                self.names.add(text)
                self.paths.add((text,))
            found = outer(text, len(self.frames))
        else:
            found = local(text, hops)
        return found if not items else item_or(text, items, found)

    def find(self, text: str) -> tuple[tuple[int, ...], int | None]:
        """How many scopes up the name is bound (None: outside), and the item scopes on the way that may have it."""
        items: list[int] = []
        for hops, frame in enumerate(reversed(self.frames)):
            if frame is None:
                if text == "item":
                    return tuple(items), hops
                items.append(hops)
            elif text in frame:
                return tuple(items), hops
        return tuple(items), None

    def path(self, node: syntax.Path) -> Code:
        keys = [node.name]
        base = node.base
        while isinstance(base, syntax.Path):
            keys.append(base.name)
            base = base.base
        keys.reverse()
        if isinstance(base, syntax.Name) and self.find(base.text) == ((), None):
            self.names.add(base.text)
            self.paths.add((base.text, *keys))
            return outer_path(base.text, tuple(keys), len(self.frames))
        code, name = self.compile(node.base), node.name

        def read(scope: Scope) -> FeelValue:
            value = code(scope)
            if type(value) is dict:
                return value.get(name)
            return get_property(value, name, scope.run)

        return read

    def negation(self, node: syntax.Negation) -> Code:
        code = self.compile(node.operand)
        return negation(code)

    def binary(self, node: syntax.Binary) -> Code:
        left, right = self.operands(node)
        return binary(node.operator, left, right)

    def operands(self, node: syntax.Binary) -> tuple[Code, Code]:
        """Both sides; a long chain such as a + b + c … leans left and is bounded here."""
        depth, leaning = 0, node.left
        while isinstance(leaning, syntax.Binary):
            depth, leaning = depth + 1, leaning.left
        if depth > MAXIMUM_TREE_DEPTH:
            raise FeelLimitError(Words(f"连续的运算符超过 {MAXIMUM_TREE_DEPTH} 个；请把值放进列表", f"more than {MAXIMUM_TREE_DEPTH} operators follow each other; put the values into a list"))
        return self.compile(node.left), self.compile(node.right)

    def between(self, node: syntax.Between) -> Code:
        return between(self.compile(node.value), self.compile(node.low), self.compile(node.high))

    def membership(self, node: syntax.In) -> Code:
        value = self.compile(node.value)
        tests = [self.test(test) for test in node.tests]

        def member(scope: Scope) -> bool | None:
            tested = value(scope)
            if type(tested) is list or type(tested) is dict:
                scope.run.charge_value(tested)
            return any_holds(tests, tested, Scope({"?": tested}, scope, scope.run))

        return member

    def test(self, node: Node) -> Test:
        """One unary test as a function of the tested value and a scope that binds `?`."""
        code = self.inside(frozenset(("?",)), node)
        if mentions(node, "?"):
            return lambda value, scope: _boolean(code(scope))
        if isinstance(node, (syntax.Literal, syntax.Name, syntax.Path, syntax.ListLiteral, syntax.Interval, syntax.UnaryRange)):
            return lambda value, scope: charged_test(value, code(scope), scope)

        def computed(value: FeelValue, scope: Scope) -> bool | None:
            test = code(scope)
            return True if test is True and type(value) is not bool else charged_test(value, test, scope)

        return computed

    def instance_of(self, node: syntax.InstanceOf) -> Code:
        value, type_ = self.compile(node.value), node.type

        def instance(scope: Scope) -> bool | None:
            tested = value(scope)
            scope.run.charge_value(tested)
            return is_instance(tested, type_)

        return instance

    def conditional(self, node: syntax.If) -> Code:
        condition, then, otherwise = self.compile(node.condition), self.compile(node.then), self.compile(node.otherwise)
        return lambda scope: then(scope) if condition(scope) is True else otherwise(scope)

    def list_literal(self, node: syntax.ListLiteral) -> Code:
        entries = [self.compile(entry) for entry in node.entries]
        return lambda scope: [entry(scope) for entry in entries]

    def context_literal(self, node: syntax.ContextLiteral) -> Code:
        """Entries see those before them; a function sees itself too, so that it may be recursive."""
        entries = []
        seen: set[str] = set()
        for key, value in node.entries:
            own = {key} if isinstance(value, syntax.FunctionDefinition) else set()
            entries.append((key, self.inside(frozenset(seen | own), value)))
            seen.add(key)

        def build(scope: Scope) -> dict[str, FeelValue]:
            built: dict[str, FeelValue] = {}
            inner = Scope(built, scope, scope.run)
            for key, code in entries:
                built[key] = code(inner)
            return built

        return build

    def interval(self, node: syntax.Interval) -> Code:
        start, end = self.compile(node.start), self.compile(node.end)
        start_included, end_included = node.start_included, node.end_included

        def interval(scope: Scope) -> Range | None:
            low, high = start(scope), end(scope)
            return make_range(low, high, start_included, end_included)

        return interval

    def unary_range(self, node: syntax.UnaryRange) -> Code:
        code, operator = self.compile(node.operand), node.operator

        def unary(scope: Scope) -> Range | None:
            end = code(scope)
            return unary_range(operator, end)

        return unary


def any_holds(tests: Sequence[Test], value: FeelValue, scope: Scope) -> bool | None:
    """Whether a unary test accepts the value; null when none does and one cannot say."""
    unknown = False
    for test in tests:
        result = test(value, scope)
        if result is True:
            return True
        unknown = unknown or result is None
    return None if unknown else False


def _boolean(value: FeelValue) -> bool | None:
    return value if type(value) is bool else None
