"""Compiles what goes through lists: for, some, every and filters; every round is charged to the step budget."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import TYPE_CHECKING

from workflows.feel import syntax
from workflows.feel.runtime import Run, Scope
from workflows.feel.temporal import Date
from workflows.feel.values import FeelValue, Function, Range

if TYPE_CHECKING:
    from workflows.feel.compiler import Compiler

Code = Callable[[Scope], FeelValue]
Source = Callable[[Scope], Iterable[FeelValue] | None]


def compile_for(compiler: Compiler, node: syntax.For) -> Code:
    """`for … return …`: a list; the results so far are `partial`.

    A result that may hold on to `partial` gets a list of its own from then on, so that it never grows afterwards.
    """
    mentioned = mentions(node, "partial")
    compiler.frames.append(frozenset(("partial",)))
    names, sources, body = _iterators(compiler, node.iterators, node.body)
    compiler.frames.pop()

    def loop(scope: Scope) -> FeelValue:
        results: list[FeelValue] = []
        outer = Scope({"partial": results}, scope, scope.run)

        def collect(inner: Scope) -> None:
            nonlocal results
            value = body(inner)
            if mentioned and type(value) in (list, dict, Function):
                scope.run.charge(len(results))
                outer.frame["partial"] = results = [*results, value]
            else:
                results.append(value)

        return results if _visit(outer, names, sources, collect) else None

    return loop


def compile_quantified(compiler: Compiler, node: syntax.Quantified) -> Code:
    """`some` and `every`: three-valued, like a long or / and."""
    names, sources, condition = _iterators(compiler, node.iterators, node.condition)
    decisive = node.kind == "some"

    def quantified(scope: Scope) -> bool | None:
        seen: set[bool | None] = set()

        def look(inner: Scope) -> None:
            value = condition(inner)
            seen.add(value if type(value) is bool else None)

        if not _visit(scope, names, sources, look, lambda: decisive in seen):
            return None
        if decisive in seen:
            return decisive
        return None if None in seen else not decisive

    return quantified


def _iterators(
    compiler: Compiler, iterators: tuple[syntax.Iterator, ...], body: syntax.Node
) -> tuple[list[str], list[Source], Code]:
    """Each iterator opens a scope of its own, so that later ones see the variables of earlier ones."""
    names, sources = [], []
    for iterator in iterators:
        sources.append(_source(compiler, iterator))
        names.append(iterator.name)
        compiler.frames.append(frozenset((iterator.name,)))
    code = compiler.compile(body)
    del compiler.frames[-len(names) :]
    return names, sources, code


def _visit(
    scope: Scope, names: list[str], sources: list[Source], action: Callable[[Scope], None],
    done: Callable[[], bool] = lambda: False, depth: int = 0,
) -> bool:
    """Run `action` for every combination; False when a source is nothing to go through."""
    run = scope.run
    elements = sources[depth](scope)
    if elements is None:
        return False
    name, last = names[depth], depth == len(names) - 1
    for element in elements:
        run.charge(1)
        inner = Scope({name: element}, scope, run)
        if last:
            action(inner)
        elif not _visit(inner, names, sources, action, done, depth + 1):
            return False
        if done():
            break
    return True


def _source(compiler: Compiler, iterator: syntax.Iterator) -> Source:
    start = compiler.compile(iterator.source)
    if iterator.end is None:
        return lambda scope: elements_of(start(scope), scope.run)
    end = compiler.compile(iterator.end)
    return lambda scope: steps(start(scope), end(scope))


def elements_of(value: FeelValue, run: Run) -> Iterable[FeelValue] | None:
    """What a loop goes through: a list, an interval's values, or a single value as a list of one."""
    if type(value) is list:
        return list(value)
    if type(value) is Range:
        return _interval_steps(value)
    return None if value is None else [value]


def steps(start: FeelValue, end: FeelValue) -> Iterable[FeelValue] | None:
    """The whole numbers or the days from start to end, downwards when end is smaller."""
    if type(start) is Decimal and type(end) is Decimal:
        if start != start.to_integral_value() or end != end.to_integral_value():
            return None
        first, last = int(start), int(end)
        return map(Decimal, range(first, last + 1) if first <= last else range(first, last - 1, -1))
    if type(start) is Date and type(end) is Date:
        first, last = start.days, end.days
        return map(Date.from_days, range(first, last + 1) if first <= last else range(first, last - 1, -1))
    return None


def _interval_steps(value: Range) -> Iterable[FeelValue] | None:
    found = steps(value.start, value.end)
    if found is None:
        return None
    skip_first = value.start if not value.start_included else None
    skip_last = value.end if not value.end_included else None
    return (element for element in found if element not in (skip_first, skip_last))


def mentions(node: object, name: str) -> bool:
    """Whether a name occurs anywhere below a node."""
    if isinstance(node, syntax.Name):
        return node.text == name
    if isinstance(node, tuple):
        return any(mentions(part, name) for part in node)
    slots = getattr(node, "__dataclass_fields__", None)
    return slots is not None and not isinstance(node, syntax.Literal) and any(
        mentions(getattr(node, slot), name) for slot in slots if slot != "type"
    )


def compile_filter(compiler: Compiler, node: syntax.Filter) -> Code:
    """`list[condition]` or `list[position]`; a single value is a list of one."""
    base = compiler.compile(node.base)
    if isinstance(node.condition, syntax.Literal) and type(node.condition.value) is Decimal:
        position = node.condition.value
        return lambda scope: element_at(_listed(base(scope)), position)
    condition = compiler.inside(None, node.condition)

    def select(scope: Scope) -> FeelValue:
        elements = _listed(base(scope))
        run = scope.run
        if elements is None:
            return None
        if not elements:
            index = condition(Scope(None, scope, run))
            return None if type(index) is Decimal else []
        kept = []
        for element in elements:
            run.charge(1)
            verdict = condition(Scope(element, scope, run))
            if verdict is True:
                kept.append(element)
            elif type(verdict) is Decimal:
                return element_at(elements, verdict)
        return kept

    return select


def _listed(value: FeelValue) -> list[FeelValue] | None:
    if type(value) is list:
        return value
    return None if value is None else [value]


def element_at(elements: list[FeelValue] | None, position: Decimal) -> FeelValue:
    """The element at a position from 1, or from the end with a negative one; null when there is none."""
    if elements is None or position != position.to_integral_value() or position.adjusted() > 15:
        return None
    index = int(position)
    if 1 <= index <= len(elements):
        return elements[index - 1]
    return elements[index] if -len(elements) <= index < 0 else None
