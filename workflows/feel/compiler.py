"""Turns a syntax tree into nested closures, each taking the scope of names and returning a value; nothing is interpreted later.

Names are bound where they can be bound before evaluation: only inside a filter does a name depend on the item's own entries.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from workflows.feel import syntax
from workflows.feel.arithmetic import add, divide, multiply, negate, power, subtract
from workflows.feel.builtins import BUILT_INS
from workflows.feel.calls import compile_call, define_function
from workflows.feel.comparison import compare, equal, matches_test
from workflows.feel.errors import FeelLimitError, Words
from workflows.feel.loops import compile_filter, compile_for, compile_quantified, mentions
from workflows.feel.properties import get_property
from workflows.feel.runtime import Scope
from workflows.feel.syntax import Node
from workflows.feel.types import is_instance
from workflows.feel.values import FeelValue, Names, Range, is_tagged

Code = Callable[[Scope], FeelValue]
MAXIMUM_TREE_DEPTH = 300
_ORDERS: dict[str, Callable[[int], bool]] = {
    "<": lambda order: order < 0,
    "<=": lambda order: order <= 0,
    ">": lambda order: order > 0,
    ">=": lambda order: order >= 0,
}
_ARITHMETIC = {"-": subtract, "*": multiply, "/": divide, "**": power}


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
            found = _outer(text, len(self.frames))
        else:
            found = _local(text, hops)
        return found if not items else _item_or(text, items, found)

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
            return _outer_path(base.text, tuple(keys), len(self.frames))
        code, name = self.compile(node.base), node.name

        def read(scope: Scope) -> FeelValue:
            value = code(scope)
            if type(value) is dict:
                return value.get(name)
            return get_property(value, name, scope.run)

        return read

    def negation(self, node: syntax.Negation) -> Code:
        code = self.compile(node.operand)
        return lambda scope: negate(code(scope))

    def binary(self, node: syntax.Binary) -> Code:
        left, right = self.operands(node)
        match node.operator:
            case "and":
                return _and(left, right)
            case "or":
                return _or(left, right)
            case "=":
                return _equal(left, right)
            case "!=":
                return _unequal(left, right)
            case "+":
                return _plus(left, right)
            case "-" | "*" | "/" | "**":
                operation = _ARITHMETIC[node.operator]
                return lambda scope: operation(left(scope), right(scope))
        return _ordered(left, right, _ORDERS[node.operator])

    def operands(self, node: syntax.Binary) -> tuple[Code, Code]:
        """Both sides; a long chain such as a + b + c … leans left and is bounded here."""
        depth, leaning = 0, node.left
        while isinstance(leaning, syntax.Binary):
            depth, leaning = depth + 1, leaning.left
        if depth > MAXIMUM_TREE_DEPTH:
            raise FeelLimitError(Words(f"连续的运算符超过 {MAXIMUM_TREE_DEPTH} 个；请把值放进列表", f"more than {MAXIMUM_TREE_DEPTH} operators follow each other; put the values into a list"))
        return self.compile(node.left), self.compile(node.right)

    def between(self, node: syntax.Between) -> Code:
        value, low, high = self.compile(node.value), self.compile(node.low), self.compile(node.high)

        def between(scope: Scope) -> bool | None:
            tested = value(scope)
            first, second = compare(tested, low(scope)), compare(tested, high(scope))
            if (first is not None and first < 0) or (second is not None and second > 0):
                return False
            return None if first is None or second is None else True

        return between

    def membership(self, node: syntax.In) -> Code:
        value = self.compile(node.value)
        tests = [self.test(test) for test in node.tests]

        def member(scope: Scope) -> bool | None:
            tested = value(scope)
            if type(tested) is list or type(tested) is dict:
                scope.run.charge_value(tested)
            inner = Scope({"?": tested}, scope, scope.run)
            unknown = False
            for test in tests:
                result = test(tested, inner)
                if result is True:
                    return True
                unknown = unknown or result is None
            return None if unknown else False

        return member

    def test(self, node: Node) -> Callable[[FeelValue, Scope], bool | None]:
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


def charged_test(value: FeelValue, test: FeelValue, scope: Scope) -> bool | None:
    """`value in test`; a list that is looked through costs its length."""
    if type(test) is list:
        scope.run.charge(len(test))
    return matches_test(value, test)


def make_range(low: FeelValue, high: FeelValue, low_included: bool, high_included: bool) -> Range | None:
    """An interval of two comparable endpoints; null when they are not comparable."""
    if low is not None and high is not None and compare(low, high) is None:
        return None
    return Range(low, high, low_included, high_included)


def unary_range(operator: str, end: FeelValue) -> Range | None:
    """The range a unary test such as `< 5` stands for."""
    if operator in ("=", "!="):
        return Range(end, end, True, True, operator)
    if end is None or compare(end, end) is None:
        return None
    included = operator in ("<=", ">=")
    return Range(end, None, included, False, operator) if operator[0] == ">" else Range(None, end, False, included, operator)


def _outer(text: str, hops: int) -> Code:
    """A name from the caller's variables, made a FEEL value when it is read."""
    built_in = BUILT_INS.get(text)

    def read(scope: Scope) -> FeelValue:
        for _ in range(hops):
            scope = scope.parent  # type: ignore[assignment]
        value = scope.frame.get(text)
        kind = type(value)
        if kind is str or kind is Decimal or kind is bool:
            return value
        if value is None:
            return built_in
        return value if type(scope.frame) is Names else scope.run.convert(scope.frame, text, value)

    return read


def _local(text: str, hops: int) -> Code:
    item = text == "item"

    def read(scope: Scope) -> FeelValue:
        for _ in range(hops):
            scope = scope.parent  # type: ignore[assignment]
        return scope.frame[text] if type(scope.frame) is dict and (not item or text in scope.frame) else scope.frame

    return read


def _item_or(text: str, items: tuple[int, ...], otherwise: Code) -> Code:
    """A name that the nearest filtered item with such an entry binds, else what it means outside the filters."""

    def read(scope: Scope) -> FeelValue:
        holder, above = scope, 0
        for hops in items:
            while above < hops:
                holder, above = holder.parent, above + 1  # type: ignore[assignment]
            frame = holder.frame
            if type(frame) is dict:
                if text in frame:
                    return frame[text]
            else:
                value = get_property(frame, text, scope.run) if type(frame) is not list else None
                if value is not None:
                    return value
        return otherwise(scope)

    return read


def _outer_path(text: str, keys: tuple[str, ...], hops: int) -> Code:
    """A path from the caller's variables; only what it ends at is converted, so its cost does not grow with the document."""

    def read(scope: Scope) -> FeelValue:
        for _ in range(hops):
            scope = scope.parent  # type: ignore[assignment]
        if type(scope.frame) is Names:
            value = scope.frame.get(text)
            for key in keys:
                value = get_property(value, key, scope.run)
            return value
        value = scope.frame.get(text)
        for index, key in enumerate(keys):
            if type(value) is dict and not (len(value) == 1 and is_tagged(value)):
                value = value.get(key)
                continue
            value = scope.run.convert(scope.frame, (text, keys[:index]), value)
            for rest in keys[index:]:
                value = get_property(value, rest, scope.run)
            return value
        kind = type(value)
        return value if kind is str or kind is bool else scope.run.convert(scope.frame, (text, keys), value)

    return read


def _boolean(value: FeelValue) -> bool | None:
    return value if type(value) is bool else None


def _equal(left: Code, right: Code) -> Code:
    def same(scope: Scope) -> bool | None:
        first, second = left(scope), right(scope)
        if type(first) is list or type(first) is dict:
            scope.run.charge_value(first)
        return equal(first, second)

    return same


def _unequal(left: Code, right: Code) -> Code:
    check = _equal(left, right)

    def unequal(scope: Scope) -> bool | None:
        same = check(scope)
        return None if same is None else not same

    return unequal


def _plus(left: Code, right: Code) -> Code:
    def plus(scope: Scope) -> FeelValue:
        total = add(left(scope), right(scope))
        return scope.run.check_text(total) if type(total) is str else total

    return plus


def _ordered(left: Code, right: Code, accepts: Callable[[int], bool]) -> Code:
    def ordered(scope: Scope) -> bool | None:
        order = compare(left(scope), right(scope))
        return None if order is None else accepts(order)

    return ordered


def _and(left: Code, right: Code) -> Code:
    def conjunction(scope: Scope) -> bool | None:
        first = left(scope)
        if first is False:
            return False
        second = right(scope)
        if second is False:
            return False
        return True if first is True and second is True else None

    return conjunction


def _or(left: Code, right: Code) -> Code:
    def disjunction(scope: Scope) -> bool | None:
        first = left(scope)
        if first is True:
            return True
        second = right(scope)
        if second is True:
            return True
        return False if first is False and second is False else None

    return disjunction
