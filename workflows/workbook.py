"""Sheets in: .xlsx and .csv files as rows with their numbers and the cells' own types, within limits that protect the house.

It knows no column's meaning; a number in a text column stays a number, so that the reader of the rows can refuse it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TypeAlias

from python_calamine import CalamineError, CalamineWorkbook

from workflows.errors import Rejection
from workflows.workbook_guard import check_extent
from workflows.workbook_writing import SheetColumn, write_error_sheet, write_template, write_workbook

__all__ = [
    "Cell", "Row", "Sheet", "SheetColumn", "cell_address", "read_rows", "write_error_sheet", "write_template", "write_workbook",
]

Cell: TypeAlias = str | float | int | bool | date | datetime | time | timedelta | None

MAXIMUM_BYTES = 40 * 1024 * 1024
MAXIMUM_ROWS = 200_000
MAXIMUM_COLUMNS = 200
MAXIMUM_CELL_TEXT = 32_767  # what a spreadsheet cell can hold
HEADER_SEARCH = 20  # rows looked at for the headings
ZIP_MARK, OLE_MARK = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"


@dataclass(slots=True)
class Row:
    """One line of the sheet: its number as the spreadsheet shows it (from 1) and its cells from column A on."""

    number: int
    cells: list[Cell]


@dataclass(slots=True)
class Sheet:
    """Headings, the number of their row, and every row below that is not empty; all rows are as wide as the headings."""

    header: list[str]
    rows: list[Row]
    header_row: int = 1
    name: str = ""


def cell_address(row: int, column: int) -> str:
    """The spreadsheet's name of a cell, both counted from 1: (7, 28) → "AB7"."""
    letters = ""
    while column > 0:
        column, rest = divmod(column - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return f"{letters}{row}"


def read_rows(data: bytes, filename: str, expected: Collection[str] = (), maximum_rows: int = MAXIMUM_ROWS) -> Sheet:
    """Read the first sheet of an .xlsx, or a .csv in UTF-8, UTF-16 or GB18030.

    Titles above the headings are skipped: the headings are the row with most of the `expected` names or, without
    these, the first row with at least two texts. The content decides what the file is, not its name. Rejection (422)
    when it is too large, broken, protected, an old .xls, or empty.
    """
    if len(data) > MAXIMUM_BYTES:
        raise _refused(f"文件超过 {MAXIMUM_BYTES // 2**20} MB。", f"The file is larger than {MAXIMUM_BYTES // 2**20} MB.")
    if data.startswith(OLE_MARK):
        raise _refused("这是旧版 Excel（.xls）或带密码的文件，请去除密码并另存为 .xlsx。", "This is an old .xls or a protected file; save it without password as .xlsx.")
    if data.startswith(ZIP_MARK):
        name, lines, merged = _read_xlsx(data)
    elif filename.lower().endswith((".xlsx", ".xlsm", ".xls", ".et")):
        raise _broken()
    else:
        name, lines, merged = "", _read_csv(data), []
    return _sheet(name, lines, merged, expected, maximum_rows)


Lines: TypeAlias = Iterable[Sequence[Cell]]
Merged: TypeAlias = list[tuple[tuple[int, int], tuple[int, int]]]


def _read_xlsx(data: bytes) -> tuple[str, Lines, Merged]:
    check_extent(data)
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        visible = [entry.name for entry in book.sheets_metadata if str(entry.visible).endswith("Visible") and str(entry.typ).endswith("WorkSheet")]
        name = (visible or book.sheet_names)[0]
        sheet = book.get_sheet_by_name(name)
    except (CalamineError, IndexError, ValueError) as error:
        raise _broken() from error
    if sheet.start is None:
        raise _empty()
    return name, _shifted(sheet.iter_rows(), sheet.start[1]), list(sheet.merged_cell_ranges or [])


def _shifted(lines: Iterable[Sequence[Cell]], columns: int) -> Iterator[Sequence[Cell]]:
    """The library leaves out empty columns on the left; addresses need them."""
    left: list[Cell] = [None] * columns
    for line in lines:
        yield [*left, *line] if left else line


def _read_csv(data: bytes) -> Iterator[list[str]]:
    text = _decode(data)
    if "\x00" in text:
        raise _broken()
    lines = text.splitlines()
    start = next((line for line in lines if line.strip()), "")
    delimiter = max(",\t;", key=start.count)
    csv.field_size_limit(MAXIMUM_CELL_TEXT * 4)
    try:
        yield from csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    except csv.Error as error:
        raise _refused(f"CSV 文件无法读取：{error}。", f"The CSV file cannot be read: {error}.") from error


def _decode(data: bytes) -> str:
    encodings = ("utf-16",) if data.startswith((b"\xff\xfe", b"\xfe\xff")) else ("utf-8-sig", "gb18030")
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise _refused("文件既不是 UTF-8 也不是 GB18030 编码，请另存为 .xlsx。", "The file is neither UTF-8 nor GB18030; save it as .xlsx.")


def _sheet(name: str, lines: Lines, merged: Merged, expected: Collection[str], maximum_rows: int) -> Sheet:
    numbered = ((number, line) for number, line in enumerate(lines, 1) if not _is_empty(line))
    head: list[tuple[int, Sequence[Cell]]] = []
    for entry in numbered:
        head.append(entry)
        if len(head) >= HEADER_SEARCH or entry[0] > 10 * HEADER_SEARCH:
            break
    if not head:
        raise _empty()
    position = _header_position(head, expected)
    header_row, line = head[position]
    filled = _Merged(merged, dict(head)) if merged else None
    header = _header(filled.fill(header_row, line, vertical_only=True) if filled else line)
    if len(header) > MAXIMUM_COLUMNS:
        raise _refused(f"表头有 {len(header)} 列，最多 {MAXIMUM_COLUMNS} 列。", f"There are {len(header)} columns; at most {MAXIMUM_COLUMNS}.")
    rows: list[Row] = []
    for entry_number, entry_line in _chain(head[position + 1 :], numbered):
        if len(rows) >= maximum_rows:
            raise _refused(f"数据超过 {maximum_rows} 行，请分成几个文件。", f"There are more than {maximum_rows} rows; split the file.")
        cells = filled.fill(entry_number, entry_line) if filled else entry_line
        rows.append(Row(entry_number, _cells(cells, len(header))))
    return Sheet(header, rows, header_row, name)


class _Merged:
    """Gives every cell of a merged block the value of its first cell."""

    def __init__(self, ranges: Merged, seen: dict[int, Sequence[Cell]]) -> None:
        self._by_row: dict[int, list[tuple[int, int, int, int]]] = {}
        self._values: dict[tuple[int, int], Cell] = {}
        for (top, left), (bottom, right) in ranges[:20_000]:
            for row in range(top, min(bottom, top + 5000) + 1):
                self._by_row.setdefault(row, []).append((top, left, bottom, right))
        for number, line in seen.items():
            self._remember(number - 1, line)

    def fill(self, number: int, line: Sequence[Cell], vertical_only: bool = False) -> Sequence[Cell]:
        """`line` with the merged values written in; in headings a block over several columns stays one cell."""
        blocks = self._by_row.get(number - 1)
        if not blocks:
            return line
        self._remember(number - 1, line)
        cells = list(line)
        for top, left, _, right in blocks:
            if vertical_only and right > left:
                continue
            for column in range(left, min(right + 1, len(cells))):
                cells[column] = self._values.get((top, left), cells[column])
        return cells

    def _remember(self, row: int, line: Sequence[Cell]) -> None:
        for top, left, _, _ in self._by_row.get(row, ()):
            if top == row and left < len(line):
                self._values[top, left] = line[left]


def _header_position(head: list[tuple[int, Sequence[Cell]]], expected: Collection[str]) -> int:
    if expected:
        wanted = {_heading(name).lower() for name in expected}
        scores = [sum(_heading(cell).lower() in wanted for cell in line) for _, line in head]
        if max(scores) > 0:
            return scores.index(max(scores))
    for position, (_, line) in enumerate(head):
        if sum(isinstance(cell, str) and cell.strip() != "" for cell in line) >= 2:
            return position
    return 0


def _header(line: Sequence[Cell]) -> list[str]:
    header = [_heading(cell) for cell in line]
    while header and not header[-1]:
        header.pop()
    return header


def _heading(cell: object) -> str:
    return "" if cell is None else " ".join(str(cell).split())


def _cells(line: Sequence[Cell], width: int) -> list[Cell]:
    cells = [None if cell == "" else cell for cell in line[:width]]
    if len(cells) < width:
        cells.extend([None] * (width - len(cells)))
    return cells


def _is_empty(line: Sequence[Cell]) -> bool:
    if line and type(line[0]) is str and line[0].strip():  # the usual row, without a loop
        return False
    return not any(cell is not None and (not isinstance(cell, str) or cell.strip()) for cell in line)


def _chain(first: list[tuple[int, Sequence[Cell]]], rest: Iterator[tuple[int, Sequence[Cell]]]) -> Iterator[tuple[int, Sequence[Cell]]]:
    yield from first
    yield from rest


def _refused(zh: str, en: str) -> Rejection:
    return Rejection(zh, en, status=422)


def _broken() -> Rejection:
    return _refused("文件已损坏或不是 Excel 表格，请用 Excel 或 WPS 打开后另存为 .xlsx。", "The file is broken or no spreadsheet; open it and save it as .xlsx.")


def _empty() -> Rejection:
    return _refused("表格是空的。", "The sheet is empty.")
