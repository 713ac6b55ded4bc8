"""Sheets out: .xlsx files that open well in Excel and WPS, and in which no text can ever act as a formula.

It knows rows and columns only; masking and permission are the caller's.
"""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import xlsxwriter

from workflows.calendar_tables import SHANGHAI

LAST_ROW = 1_048_576
LONGEST_TEXT = 32_767
WIDEST, NARROWEST = 60, 6
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_NO_GUESSING = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
_HEADER = {"bold": True, "bg_color": "#E8EEF7", "bottom": 1, "valign": "vcenter", "text_wrap": True, "num_format": "@"}
_STAMP = datetime(2000, 1, 1)  # a fixed creation date: the same rows give the same bytes


@dataclass(frozen=True)
class SheetColumn:
    """A column: its heading, what it holds (text, identifier, number, date, datetime) and for templates its help.

    `width` counts half-width signs; without it the heading decides. `choices` become a drop-down list.
    """

    title: str
    kind: str = "text"
    width: float | None = None
    help: str = ""
    required: bool = False
    choices: tuple[str, ...] = ()
    example: str = ""


def write_workbook(columns: Sequence[SheetColumn], rows: Iterable[Sequence[Any]], title: str) -> bytes:
    """An .xlsx with a frozen heading row and a filter; `title` names the sheet.

    Texts are always text: one that starts like a formula (= + - @ tab return) gets Excel's quote prefix and is never
    a formula. Identifiers (ID numbers, phones, codes) are written as text even when they are numbers. A moment is
    shown in Asia/Shanghai.
    """
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, dict(_NO_GUESSING)) as book:
        book.set_properties({"created": _STAMP})
        writer = _Writer(book, title, columns)
        writer.write(rows)
    return buffer.getvalue()


def write_template(columns: Sequence[SheetColumn], title: str, instructions: Sequence[str] = ()) -> bytes:
    """A blank sheet to fill in: headings (required ones marked with *), text format, drop-downs; and a sheet that explains."""
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, dict(_NO_GUESSING)) as book:
        book.set_properties({"created": _STAMP})
        writer = _Writer(book, title, columns)
        for position, column in enumerate(columns):
            writer.restrict(position, column)
        writer.write(())
        _write_instructions(book, columns, instructions)
    return buffer.getvalue()


def write_error_sheet(
    header: Sequence[str], rows: Iterable[tuple[int, Sequence[Any], Sequence[str]]], title: str = "错误行", headings: Mapping[str, str] | None = None,
) -> bytes:
    """The rows that were refused, as they were, with their row number in front and a column 错误 that names each cell.

    `rows` are (row number in the original, its cells, messages such as "C7：校验码错误"). The sheet can be corrected
    and imported as it is: the extra columns are unknown headings to the reader.
    """
    words = {"row": "原行号", "error": "错误", **(headings or {})}
    columns = [SheetColumn(name or f"列{position}", "identifier") for position, name in enumerate(header, 1)]
    columns = [*columns, SheetColumn(words["error"], width=WIDEST), SheetColumn(words["row"], "number")]
    width = len(header)
    lines = ([*_padded(cells, width), "；".join(messages), number] for number, cells, messages in rows)
    return write_workbook(columns, lines, title)


class _Writer:
    def __init__(self, book: Any, title: str, columns: Sequence[SheetColumn]) -> None:
        self.columns = columns
        self.sheet = book.add_worksheet(sheet_name(title))
        self.header = book.add_format(_HEADER)
        self.text = book.add_format({"num_format": "@"})
        self.quoted = book.add_format({"num_format": "@", "quote_prefix": True})
        self.formats = {
            "date": book.add_format({"num_format": "yyyy-mm-dd"}), "datetime": book.add_format({"num_format": "yyyy-mm-dd hh:mm"}),
            "number": book.add_format({"num_format": "General"}),
        }
        for position, column in enumerate(columns):
            # Everything typed into a text column later stays text as well: an 18-digit number keeps its digits.
            self.sheet.set_column(position, position, _width(column), self.formats.get(column.kind, self.text))
        self.sheet.freeze_panes(1, 0)

    def write(self, rows: Iterable[Sequence[Any]]) -> None:
        """Headings and rows, in order: the writer keeps one row in memory."""
        for position, column in enumerate(self.columns):
            self.put_text(0, position, column.title + ("*" if column.required and not column.title.endswith("*") else ""), self.header)
        number = 0
        for number, row in enumerate(rows, 1):
            if number >= LAST_ROW:
                raise ValueError("a sheet has no more than 1,048,576 rows")
            for position, value in enumerate(row[: len(self.columns)]):
                self.put(number, position, self.columns[position].kind, value)
        if number and self.columns:
            self.sheet.autofilter(0, 0, number, len(self.columns) - 1)

    def put(self, row: int, position: int, kind: str, value: Any) -> None:
        """One cell by its value's own type, unless the column holds identifiers."""
        if value is None:
            return
        if isinstance(value, datetime):
            local = value.astimezone(SHANGHAI) if value.tzinfo else value
            self.sheet.write_datetime(row, position, local.replace(tzinfo=None), self.formats["date" if kind == "date" else "datetime"])
        elif isinstance(value, date):
            self.sheet.write_datetime(row, position, datetime(value.year, value.month, value.day), self.formats["date"])
        elif isinstance(value, bool):
            self.put_text(row, position, "是" if value else "否", self.text)
        elif isinstance(value, (int, float, Decimal)) and kind != "identifier" and _fits(value):
            self.sheet.write_number(row, position, value, self.formats["number"])
        else:
            self.put_text(row, position, _plain(value), self.text)

    def put_text(self, row: int, position: int, text: str, style: Any) -> None:
        """A text as text, whatever it looks like."""
        text = _printable(text)[:LONGEST_TEXT]
        if text.lstrip(" \u00a0").startswith(FORMULA_SIGNS) and style is self.text:
            style = self.quoted
        self.sheet.write_string(row, position, text, style)

    def restrict(self, position: int, column: SheetColumn) -> None:
        """Drop-down list and hint for a column of a template."""
        hint = {"input_title": column.title[:32], "input_message": column.help[:255]} if column.help else {}
        if column.choices and len(",".join(column.choices)) <= 255:
            self.sheet.data_validation(1, position, 20_000, position, {"validate": "list", "source": list(column.choices), **hint})
        elif hint:
            self.sheet.data_validation(1, position, 20_000, position, {"validate": "any", **hint})


def sheet_name(title: str) -> str:
    """A name Excel accepts for a sheet: 1 to 31 characters, none of []:*?/\\ and no quote at the ends."""
    kept = "".join("-" if sign in "[]:*?/\\" or not sign.isprintable() else sign for sign in title).strip("' ")[:31].strip("' ")
    return f"{kept}_" if kept.lower() == "history" else kept or "Sheet1"


def _write_instructions(book: Any, columns: Sequence[SheetColumn], instructions: Sequence[str]) -> None:
    sheet = book.add_worksheet("填写说明")
    header, wrap = book.add_format(_HEADER), book.add_format({"text_wrap": True, "valign": "top", "num_format": "@"})
    sheet.set_column(0, 0, 24, wrap)
    sheet.set_column(1, 1, 10, wrap)
    sheet.set_column(2, 3, 50, wrap)
    row = 0
    for row, line in enumerate(instructions, 1):
        sheet.write_string(row - 1, 0, line)
    for position, heading in enumerate(("列 Column", "必填 Required", "说明 Meaning", "示例 Example")):
        sheet.write_string(row + 1, position, heading, header)
    for offset, column in enumerate(columns, row + 2):
        meaning = "；".join(part for part in (column.help, f"可选：{'、'.join(column.choices)}" if column.choices else "") if part)
        for position, text in enumerate((column.title, "是 yes" if column.required else "否 no", meaning, column.example)):
            sheet.write_string(offset, position, text, wrap)


def _width(column: SheetColumn) -> float:
    if column.width is not None:
        return min(max(column.width, NARROWEST), WIDEST)
    usual = {"identifier": 20, "date": 12, "datetime": 17, "number": 10}.get(column.kind, 12)
    heading = sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in column.title) + 4
    return min(max(usual, heading), WIDEST)


def _fits(value: int | float | Decimal) -> bool:
    """Whether a spreadsheet keeps every digit."""
    size = float(value)
    return size == size and abs(size) < 1e15


def _plain(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, (list, tuple, set)):
        return "、".join(_plain(entry) for entry in value)
    return str(value)


def _printable(text: str) -> str:
    """Control characters cannot be in a sheet's XML; a tab or line break may."""
    return text if text.isprintable() else "".join(sign for sign in text if sign >= " " and sign not in "\ufffe\uffff" or sign in "\t\n\r")


def _padded(cells: Sequence[Any], width: int) -> list[Any]:
    return [*cells[:width], *([None] * (width - len(cells)))]
