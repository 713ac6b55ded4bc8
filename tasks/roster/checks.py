"""A cohort sheet row by row: good rows with their values, wrong ones with cell address and reason. It writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

from sqlalchemy import Connection, or_, select

from tasks.models import Organisation
from tasks.roster.cells import CellRefused, read_cell, visible_text
from tasks.roster.columns import Column, Importer, Roster
from workflows.workbook import cell_address

_BATCH = 400  # values in one IN list


class SheetRow(Protocol):
    """What a reader gives for a line of the sheet: its number as the spreadsheet shows it, and its cells."""

    @property
    def number(self) -> int: ...
    @property
    def cells(self) -> Sequence[Any]: ...


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one cell; `severity` is error (the row is left out) or warning."""

    row: int
    address: str
    column: str
    severity: str
    zh: str
    en: str


@dataclass(slots=True)
class CheckedRow:
    """A row as understood; `also` are the numbers of later rows about the same person that were merged into it."""

    number: int
    values: dict[str, Any]
    also: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Checked:
    """The whole sheet: `good` rows to import, `rejected` row numbers, every problem, and how many rows were merged."""

    good: list[CheckedRow] = field(default_factory=list)
    rejected: dict[int, list[Problem]] = field(default_factory=dict)
    warnings: list[Problem] = field(default_factory=list)
    rows: int = 0
    merged: int = 0

    @property
    def problems(self) -> list[Problem]:
        """Errors and warnings in the order of the sheet."""
        return sorted((*(item for items in self.rejected.values() for item in items), *self.warnings), key=lambda item: item.row)


@dataclass(frozen=True, slots=True)
class RegisteredOrganisation:
    """What the checks need to know of an organisation."""

    code: str
    name: str
    kind: str
    path: str
    active: bool


class Register:
    """The organisations a sheet names, looked up once for all rows, by code or by full name."""

    def __init__(self, connection: Connection, texts: Iterable[str]) -> None:
        wanted = sorted(set(texts))
        self._by_code: dict[str, RegisteredOrganisation] = {}
        self._by_name: dict[str, list[RegisteredOrganisation]] = {}
        for start in range(0, len(wanted), _BATCH):
            self._load(connection, wanted[start:start + _BATCH])

    def _load(self, connection: Connection, texts: list[str]) -> None:
        columns = (Organisation.code, Organisation.name, Organisation.kind, Organisation.path, Organisation.active)
        for row in connection.execute(select(*columns).where(or_(Organisation.code.in_(texts), Organisation.name.in_(texts)))):
            found = RegisteredOrganisation(*row)
            self._by_code[found.code] = found
            self._by_name.setdefault(found.name, []).append(found)

    def find(self, text: str, kinds: Sequence[str] = ()) -> RegisteredOrganisation | None:
        """The organisation with this code, else the only one of `kinds` with this name."""
        if found := self._by_code.get(text):
            return found
        named = [item for item in self._by_name.get(text, ()) if not kinds or item.kind in kinds]
        return named[0] if len(named) == 1 else None


@dataclass(frozen=True, slots=True)
class Asker:
    """Who hands the rows in: the rule of his role and the organisation he acts for (None: no own-organisation rule)."""

    rule: Importer
    organisation_code: str | None


def check_rows(
    connection: Connection, roster: Roster, mapping: Mapping[str, int], rows: Sequence[SheetRow], asker: Asker,
    progress: Callable[[int], None] | None = None,
) -> Checked:
    """Check every row and merge those about the same person (same identity value after normalising).

    A wrong cell rejects its row only. Lists of merged rows are united; where other values differ, the first row stands
    and the later one carries a warning.
    """
    checker = _Checker(roster, mapping, _register(connection, roster, mapping, rows), asker)
    result = Checked()
    merger = _Merger(roster, mapping, result)
    for row in rows:
        if not any(visible_text(cell) for cell in row.cells):
            continue
        result.rows += 1
        values, problems = checker.read(row)
        errors = [problem for problem in problems if problem.severity == "error"]
        if errors:
            result.rejected[row.number] = problems
            continue
        result.warnings.extend(problems)
        merger.add(row.number, values)
        if progress and result.rows % 1000 == 0:
            progress(result.rows)
    return result


def _register(connection: Connection, roster: Roster, mapping: Mapping[str, int], rows: Sequence[SheetRow]) -> Register:
    positions = [mapping[column.key] for column in roster.columns if column.type == "organisation" and column.key in mapping]
    texts = {visible_text(row.cells[position]) for row in rows for position in positions if position < len(row.cells)}
    return Register(connection, {read for text in texts if text for read in (text, text.upper())})


class _Checker:
    """Reads the cells of one row after another against the same columns, register and importer."""

    def __init__(self, roster: Roster, mapping: Mapping[str, int], register: Register, asker: Asker) -> None:
        self._columns = [(column, mapping[column.key]) for column in roster.columns if column.key in mapping]
        self._mapping = mapping
        self._register = register
        self._asker = asker
        self._roster = roster

    def read(self, row: SheetRow) -> tuple[dict[str, Any], list[Problem]]:
        """The values of a row and everything wrong with it."""
        values: dict[str, Any] = {}
        problems: list[Problem] = []
        for column, position in self._columns:
            try:
                value = read_cell(column, row.cells[position] if position < len(row.cells) else None)
            except CellRefused as refusal:
                problems.append(self._problem(row, column, "error", refusal.words))
                continue
            if value is None:
                continue
            if column.type == "organisation":
                value = self._organisation(row, column, value, problems)
            values[column.key] = value
        self._nesting(row, values, problems)
        return values, problems

    def _problem(self, row: SheetRow, column: Column, severity: str, words: Mapping[str, str]) -> Problem:
        address = cell_address(row.number, self._mapping[column.key] + 1)
        return Problem(row.number, address, column.key, severity, f"{column.zh}：{words['zh']}", f"{column.en}: {words['en']}")

    def _organisation(self, row: SheetRow, column: Column, text: str, problems: list[Problem]) -> str:
        found = self._register.find(text, column.kinds) or self._register.find(text.upper(), column.kinds)
        if found is None or not found.active:
            words = {"zh": f"机构代码“{text}”未登记", "en": f"organisation code {text!r} is not registered"}
            if found is not None:
                words = {"zh": f"机构“{found.name}”已停用", "en": f"organisation {found.code} is disabled"}
            problems.append(self._problem(row, column, self._asker.rule.severity(column), words))
            return text
        if column.kinds and found.kind not in column.kinds:
            words = {"zh": f"“{found.name}”不是所要求的机构类型", "en": f"{found.code} is not an organisation of the required kind"}
            problems.append(self._problem(row, column, "error", words))
        self._own(row, column, found, problems)
        return found.code

    def _own(self, row: SheetRow, column: Column, found: RegisteredOrganisation, problems: list[Problem]) -> None:
        own = self._asker.organisation_code
        if column.key in self._asker.rule.own and own and f"/{own}/" not in found.path:
            words = {"zh": f"“{found.name}”不是您所在的单位，只能导入本单位的名单", "en": f"{found.code} is not your organisation; import your own list only"}
            problems.append(self._problem(row, column, "error", words))

    def _nesting(self, row: SheetRow, values: Mapping[str, Any], problems: list[Problem]) -> None:
        """A faculty or class must lie inside the organisation that the row names for the column `inside`."""
        for column, _position in self._columns:
            outer = values.get(column.inside) if column.inside else None
            inner = self._register.find(str(values[column.key])) if outer and column.key in values else None
            if inner and self._register.find(str(outer)) and f"/{outer}/" not in inner.path:
                words = {"zh": f"“{inner.name}”不属于“{outer}”", "en": f"{inner.code} does not belong to {outer}"}
                problems.append(self._problem(row, column, "error", words))


class _Merger:
    """Puts rows about the same person together, in the order of the sheet."""

    def __init__(self, roster: Roster, mapping: Mapping[str, int], result: Checked) -> None:
        self._roster = roster
        self._mapping = mapping
        self._result = result
        self._first: dict[str, CheckedRow] = {}

    def add(self, number: int, values: dict[str, Any]) -> None:
        """Take a good row in: as the first about its person, or into that one."""
        identity = str(values.get(self._roster.identity.key, number))
        first = self._first.get(identity)
        if first is None:
            self._first[identity] = row = CheckedRow(number, values)
            self._result.good.append(row)
            return
        first.also.append(number)
        self._result.merged += 1
        differing = unite(first.values, values)
        for key in differing:
            self._warn(number, first.number, self._roster.column(key))

    def _warn(self, number: int, first: int, column: Column) -> None:
        self._result.warnings.append(Problem(
            number, cell_address(number, self._mapping[column.key] + 1), column.key, "warning",
            f"{column.zh}：与第 {first} 行同一人但内容不同，以第 {first} 行为准",
            f"{column.en}: differs from row {first} about the same person; row {first} stands",
        ))


def unite(base: dict[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Take into `base` what only `other` has; lists are united. Returns the keys whose values differ."""
    differing = []
    for key, value in other.items():
        known = base.get(key)
        if known is None:
            base[key] = value
        elif isinstance(known, list) and isinstance(value, list):
            base[key] = list(dict.fromkeys((*known, *value)))
        elif known != value:
            differing.append(key)
    return differing


def to_plain(value: Any) -> Any:
    """A cell's meaning as text for a page: dates as 2027-06-30, lists with 、, booleans as 是/否."""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, list):
        return "、".join(str(item) for item in value)
    return str(value) if isinstance(value, Decimal) else value.isoformat() if hasattr(value, "isoformat") else value
