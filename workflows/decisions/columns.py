"""Which rules an input value matches in one column, as a bit mask: cells of constants are indexed, other cells are tested.

An index is made by asking the cells themselves about a value of each piece of the line, so it cannot disagree with them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate
from operator import xor
from typing import Any, Protocol

from workflows.decisions.lines import NUMBERS, TEXTS, Line, line_of
from workflows.decisions.running import DecisionRun
from workflows.decisions.workshop import Workshop
from workflows.decisions.xml import Xml
from workflows.feel import UnaryTests, syntax
from workflows.feel.expression import Expression
from workflows.feel.runtime import Run
from workflows.feel.values import FeelValue, Names

INDEX_FROM = 8
MAXIMUM_CONSTANTS = 64
MAXIMUM_INDEX_BITS = 64 * 1024 * 1024
CONSTRUCTORS = frozenset(("date", "time", "date and time", "duration"))
Cell = UnaryTests | None


class Column(Protocol):
    """The cells of one input column."""

    def matching(self, value: FeelValue, mask: int, names: Names, run: DecisionRun) -> int:
        """Those rules of `mask` (bit 0 is the first rule) whose cell the value passes."""
        ...


class PlainColumn:
    """Tests every cell that is still in question; equal cells are tested once."""

    def __init__(self, groups: list[tuple[Cell, int]]) -> None:
        self._groups = groups

    def matching(self, value: FeelValue, mask: int, names: Names, run: DecisionRun) -> int:
        found = 0
        for cell, group in self._groups:
            asked = group & mask
            if asked and cell is not None and cell.test(value, names, run) is True:
                found |= asked
        return found


@dataclass(frozen=True, slots=True)
class ConstantCell:
    """A cell whose verdict depends on the value and on these constants only; `group` are the rules that share it."""

    tests: UnaryTests
    constants: tuple[FeelValue, ...]
    group: int

    def passes(self, value: FeelValue) -> bool:
        """Whether the value passes, asked of the cell itself."""
        return self.tests.test(value, Names(), Run(None, None)) is True


class Index:
    """One line cut at every point where a cell's verdict may change; each piece knows its rules."""

    def __init__(self, line: Line, cells: list[ConstantCell]) -> None:
        cuts = [sorted({cut for constant in cell.constants for cut in line.cuts(constant)}) for cell in cells]
        self._points = sorted({point for own in cuts for point in own})
        places = {point: 2 * rank + 1 for rank, point in enumerate(self._points)}
        changes = [0] * (2 * len(self._points) + 1)
        for cell, own in zip(cells, cuts, strict=True):
            verdict = False
            for place, passed in _verdicts(line, cell, own, places):
                if passed is not verdict:
                    changes[place] ^= cell.group
                    verdict = passed
        self._pieces: list[int] = list(accumulate(changes, xor))

    def rules(self, key: Any) -> int:
        """The rules whose cells a value at `key` passes."""
        points = self._points
        rank = bisect_left(points, key)
        return self._pieces[2 * rank + 1 if rank < len(points) and points[rank] == key else 2 * rank]


def _verdicts(line: Line, cell: ConstantCell, cuts: list[Any], places: dict[Any, int]) -> Iterable[tuple[int, bool]]:
    """Where a cell's verdict may change, as places among the pieces of the whole line, and the verdict from there on."""
    if cell.tests.literals is not None and line in (NUMBERS, TEXTS):
        for cut in cuts:
            yield places[cut], True
            yield places[cut] + 1, False
        return
    low = None
    for high in (*cuts, None):
        between = line.sample(low, high)
        if between is not None:
            yield (0 if low is None else places[low] + 1), cell.passes(between)
        point = None if high is None else line.at(high)
        if point is not None:
            yield places[high], cell.passes(point)
        low = high


class IndexedColumn:
    """Looks constant cells up in an index of the value's line (made when first needed), and tests only the others."""

    def __init__(self, groups: list[tuple[Cell, int]], constant: list[ConstantCell], called: frozenset[str]) -> None:
        self._constant = constant
        self._called = called
        self._all = PlainColumn(groups)
        indexed = {id(cell.tests) for cell in constant}
        self._rest = PlainColumn([(cell, group) for cell, group in groups if cell is not None and id(cell) not in indexed and cell.tests])
        self._anything = sum(group for cell, group in groups if cell is not None and not cell.tests)
        self._tested = sum(group for cell, group in self._rest._groups)
        self._indexes: dict[Line, Index] = {}
        self._singles: dict[bool | None, int] = {}

    def matching(self, value: FeelValue, mask: int, names: Names, run: DecisionRun) -> int:
        if self._called and any(name in names or name in (run.functions or ()) for name in self._called):
            return self._all.matching(value, mask, names, run)
        if value is None or type(value) is bool:
            rules = self._single(value)
        else:
            line = line_of(value)
            if line is None:
                return self._all.matching(value, mask, names, run)
            index = self._indexes.get(line)
            if index is None:
                index = self._indexes[line] = Index(line, self._constant)
            rules = index.rules(line.key(value))
        found = mask & (rules | self._anything)
        asked = mask & self._tested
        return found | self._rest.matching(value, asked, names, run) if asked else found

    def _single(self, value: bool | None) -> int:
        """The rules of a value that stands on no line because its kind has so few."""
        if value not in self._singles:
            self._singles[value] = sum(cell.group for cell in self._constant if cell.passes(value))
        return self._singles[value]


def compile_column(
    workshop: Workshop, cells: list[tuple[Xml | None, str | None]], at: Xml, known: frozenset[str]
) -> Column:
    """The best kind of column for these cells; an empty cell accepts anything, a broken one nothing."""
    groups: dict[int, tuple[Cell, int]] = {}
    for number, (element, text) in enumerate(cells):
        cell = workshop.unary_tests(text or "-", at if element is None else element, known)
        groups[id(cell)] = (cell, groups.get(id(cell), (cell, 0))[1] | 1 << number)
    found = list(groups.values())
    if len(cells) < INDEX_FROM:
        return PlainColumn(found)
    called: set[str] = set()
    constant = [whole for cell, group in found if (whole := _constant_cell(cell, group, called)) is not None]
    points = 3 * sum(len(cell.constants) for cell in constant)
    if 2 * points * len(cells) > MAXIMUM_INDEX_BITS:
        return PlainColumn(found)
    return IndexedColumn(found, constant, frozenset(called))


def _constant_cell(cell: Cell, group: int, called: set[str]) -> ConstantCell | None:
    """The cell with its constants, when it has nothing else and few enough of them; notes the functions that make them."""
    if cell is None or not cell.tests:
        return None
    names: set[str] = set()
    constants: list[FeelValue] = []
    if not all(_collect(test, constants, names) for test in cell.tree.tests):
        return None
    simple = cell.literals is not None and all(type(literal) in (str, Decimal, bool) for literal in cell.literals)
    if len(constants) > MAXIMUM_CONSTANTS and not simple:
        return None
    called |= names
    return ConstantCell(cell, tuple(constants), group)


def _collect(node: syntax.Node, constants: list[FeelValue], called: set[str]) -> bool:
    """Add the constants of a test; False when it has anything but constants, ranges and lists of them."""
    match node:
        case syntax.Literal():
            constants.append(node.value)
            return not isinstance(node.value, Decimal) or _is_ordinary(node.value)
        case syntax.Interval():
            return _collect(node.start, constants, called) and _collect(node.end, constants, called)
        case syntax.UnaryRange():
            return _collect(node.operand, constants, called)
        case syntax.ListLiteral():
            return all(_collect(entry, constants, called) for entry in node.entries)
        case syntax.Call(syntax.Name(name), arguments) if name in CONSTRUCTORS and all(isinstance(value, syntax.Literal) for _, value in arguments):
            called.add(name)
            constants.append(Expression("", node).value(Names(), Run(None, None)))
            return True
    return False


def _is_ordinary(number: Decimal) -> bool:
    """Whether values beside the number can be computed exactly; a literal may be longer than any computed number."""
    exponent = number.as_tuple().exponent
    return isinstance(exponent, int) and exponent > -8_000 and number.adjusted() < 8_000
