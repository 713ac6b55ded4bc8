"""Which rules an input value matches in one column, as a bit mask; cells of literals and of constant number ranges are indexed."""

from __future__ import annotations

from bisect import bisect_left
from decimal import Decimal
from typing import Protocol

from workflows.decisions.running import DecisionRun
from workflows.decisions.workshop import Workshop
from workflows.decisions.xml import Xml
from workflows.feel import UnaryTests, syntax
from workflows.feel.runtime import Run
from workflows.feel.values import FeelValue, Names

INDEX_FROM = 8
Cell = UnaryTests | None


class Column(Protocol):
    """The cells of one input column."""

    def matching(self, value: FeelValue, mask: int, names: Names, run: DecisionRun) -> int:
        """Those rules of `mask` (bit 0 is the first rule) whose cell the value passes."""
        ...


class PlainColumn:
    """Tests every cell that is still in question; equal cells are tested once."""

    def __init__(self, cells: list[Cell]) -> None:
        self._groups: list[tuple[Cell, int]] = []
        masks: dict[int, int] = {}
        kept: dict[int, Cell] = {}
        for index, cell in enumerate(cells):
            masks[id(cell)] = masks.get(id(cell), 0) | 1 << index
            kept[id(cell)] = cell
        self._groups = [(kept[key], group) for key, group in masks.items()]

    def matching(self, value: FeelValue, mask: int, names: Names, run: DecisionRun) -> int:
        found = 0
        for cell, group in self._groups:
            asked = group & mask
            if asked and cell is not None and cell.test(value, names, run) is True:
                found |= asked
        return found


class LiteralColumn:
    """Cells that only list literal texts, numbers or booleans, or accept anything: one dictionary access."""

    def __init__(self, cells: list[UnaryTests]) -> None:
        self._anything = 0
        self._by_value: dict[tuple[type, FeelValue], int] = {}
        for index, cell in enumerate(cells):
            if cell.literals is None:
                self._anything |= 1 << index
            for literal in cell.literals or ():
                key = (type(literal), literal)
                self._by_value[key] = self._by_value.get(key, 0) | 1 << index
        self._plain = PlainColumn(list(cells))

    def matching(self, value: FeelValue, mask: int, names: Names, run: DecisionRun) -> int:
        if isinstance(value, (list, dict)):
            return self._plain.matching(value, mask, names, run)
        try:
            return mask & (self._by_value.get((type(value), value), 0) | self._anything)
        except TypeError:
            return self._plain.matching(value, mask, names, run)


class NumberColumn:
    """Cells of constant number ranges: the number line is cut at every endpoint and each piece knows its rules."""

    def __init__(self, cells: list[UnaryTests], points: list[Decimal]) -> None:
        self._points = points
        self._plain = PlainColumn(list(cells))
        probes: list[Decimal] = []
        for index, point in enumerate(points):
            before = points[index - 1] if index else point - 2
            probes += [(before + point) / 2, point]
        probes.append(points[-1] + 1)
        self._pieces = [self._mask(cells, probe) for probe in probes]

    @staticmethod
    def _mask(cells: list[UnaryTests], probe: Decimal) -> int:
        run = Run(None, None)
        return sum(1 << index for index, cell in enumerate(cells) if cell.test(probe, Names(), run) is True)

    def matching(self, value: FeelValue, mask: int, names: Names, run: DecisionRun) -> int:
        if type(value) is not Decimal:
            return self._plain.matching(value, mask, names, run)
        index = bisect_left(self._points, value)
        at_point = index < len(self._points) and self._points[index] == value
        return mask & self._pieces[2 * index + at_point]


def compile_column(
    workshop: Workshop, cells: list[tuple[Xml | None, str | None]], at: Xml, known: frozenset[str]
) -> Column:
    """The best kind of column for these cells; an empty cell accepts anything, a broken one nothing."""
    compiled: list[Cell] = [
        workshop.unary_tests(text or "-", at if element is None else element, known) for element, text in cells
    ]
    whole = [cell for cell in compiled if cell is not None]
    if len(whole) < len(compiled) or len(compiled) < INDEX_FROM:
        return PlainColumn(compiled)
    if all(_is_simple(cell) for cell in whole):
        return LiteralColumn(whole)
    points: set[Decimal] = set()
    if all(_collect_points(cell, points) for cell in whole) and points:
        return NumberColumn(whole, sorted(points))
    return PlainColumn(compiled)


def _is_simple(cell: UnaryTests) -> bool:
    if not cell.tests:
        return True
    return cell.literals is not None and all(type(literal) in (str, Decimal, bool) for literal in cell.literals)


def _collect_points(cell: UnaryTests, points: set[Decimal]) -> bool:
    """Add the constant endpoints of a cell; False when the cell has anything but constant numbers."""
    for node in cell.tree.tests:
        ends: tuple[syntax.Node, ...] = (node,)
        if isinstance(node, syntax.UnaryRange):
            ends = (node.operand,)
        elif isinstance(node, syntax.Interval):
            ends = (node.start, node.end)
        for end in ends:
            if not isinstance(end, syntax.Literal) or type(end.value) is not Decimal:
                return False
            points.add(end.value)
    return True
