"""One cell of a cohort sheet: what it means, or what is wrong with it in words for the person who typed it. Knows no table."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from tasks.personal_data import normalise_id_number, normalise_mobile, valid_id_number
from tasks.roster.columns import Column
from workflows.errors import Words

_EXACT_FLOAT = 10**15  # beyond this a spreadsheet number has lost digits
_FIRST_SERIAL, _LAST_SERIAL = 18264, 73415  # 1950-01-01 … 2100-12-31 as spreadsheet day numbers
_EPOCH = date(1899, 12, 30)
_SCIENTIFIC = re.compile(r"[+-]?\d+(\.\d+)?[eE]\+?\d+")
_DATE = re.compile(r"(\d{4})[-/.年](\d{1,2})(?:[-/.月](\d{1,2})日?|月)?(?:[ T]0{1,2}:00(?::00)?)?")
_COMPACT_DATE = re.compile(r"(\d{4})(\d{2})(\d{2})")
_MOBILE = re.compile(r"1[3-9]\d{9}")
_SEPARATORS = re.compile(r"[;；,，、\s|]+")
_TRUE = {"是", "y", "yes", "true", "1", "√", "✓", "✔", "有", "t"}
_FALSE = {"否", "n", "no", "false", "0", "×", "✗", "✘", "无", "f"}


class CellRefused(Exception):
    """A cell cannot be understood; `words` say why in both languages."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(zh)
        self.words: Words = {"zh": zh, "en": en}


NUMBER_CELL = ("该单元格是数字，请设为文本", "the cell is a number, so digits are lost: format it as text")


def read_cell(column: Column, cell: Any) -> Any:
    """The meaning of `cell` for `column` as plain Python (str, date, bool, Decimal, list of str), None when it is empty.

    Raises CellRefused. An organisation column gives the text as typed: whether it is registered is another question.
    """
    text = visible_text(cell)
    if text == "":
        if column.required:
            raise CellRefused("不能为空", "must not be empty")
        return None
    return _READERS[column.type](column, cell, text)


def visible_text(cell: Any) -> str:
    """The cell as a person sees it: no invisible characters, no spaces around; whole numbers without ".0"."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        if cell.isascii() and cell.isprintable():
            return cell.strip()
        spaced = "".join(
            " " if (kind := unicodedata.category(sign)) == "Zs" or sign in "\t\r\n" else "" if kind in ("Cf", "Cc", "Co", "Cn") else sign
            for sign in cell
        )
        return spaced.strip()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


def _folded(text: str) -> str:
    """Codes typed in full-width signs mean the same as in narrow ones."""
    return text if text.isascii() else unicodedata.normalize("NFKC", text).strip()


def _is_number(cell: Any) -> bool:
    return isinstance(cell, (int, float, Decimal)) and not isinstance(cell, bool)


def _id_number(column: Column, cell: Any, text: str) -> str:
    if _is_number(cell) or _SCIENTIFIC.fullmatch(text):
        raise CellRefused(*NUMBER_CELL)
    number = normalise_id_number(text).lstrip("'")
    if reason := valid_id_number(number):
        raise CellRefused(reason["zh"], reason["en"])
    return number


def _text(column: Column, cell: Any, text: str) -> str:
    if (_is_number(cell) and abs(cell) >= _EXACT_FLOAT) or (isinstance(cell, str) and _SCIENTIFIC.fullmatch(text) and "+" in text):
        raise CellRefused(*NUMBER_CELL)
    if isinstance(cell, (date, datetime)):
        raise CellRefused("该单元格是日期，请设为文本", "the cell is a date: format it as text")
    _fits(column, text)
    if column.pattern and not re.fullmatch(column.pattern, text):
        raise CellRefused("格式不符合要求", "does not have the required form")
    return text


def _fits(column: Column, text: str) -> None:
    if len(text) > column.max_length:
        raise CellRefused(
            f"超过 {column.max_length} 个字（实有 {len(text)} 个）", f"longer than {column.max_length} characters ({len(text)})"
        )


def _name(column: Column, cell: Any, text: str) -> str:
    _fits(column, text)
    if not any(sign.isalpha() for sign in text) or any(sign.isdigit() for sign in text):
        raise CellRefused("姓名含有数字或没有文字", "a name has letters and no digits")
    # Two-character names are often padded ("张 测") to line up in print; a space inside a Chinese name means nothing.
    return re.sub(r"\s+", " ", text) if text.isascii() else re.sub(r"(?<=[^\x00-\x7f])\s+(?=[^\x00-\x7f])", "", text)


def _mobile(column: Column, cell: Any, text: str) -> str:
    number = normalise_mobile(text)
    if not _MOBILE.fullmatch(number):
        raise CellRefused("手机号应为 1 开头的 11 位数字", "a mobile number has 11 digits and starts with 1")
    return number


def _date(column: Column, cell: Any, text: str) -> date:
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    folded = _folded(text)
    try:
        if compact := _COMPACT_DATE.fullmatch(folded):
            return date(int(compact[1]), int(compact[2]), int(compact[3]))
        if parts := _DATE.fullmatch(folded):
            return date(int(parts[1]), int(parts[2]), int(parts[3] or 1))
    except ValueError:
        raise CellRefused(f"日期“{text}”不存在", f"the date {text!r} does not exist") from None
    if _is_number(cell) and _FIRST_SERIAL <= cell <= _LAST_SERIAL:
        return _EPOCH + timedelta(days=int(cell))
    raise CellRefused(f"“{text[:20]}”不是日期，请写成 2027-06-30", f"{text[:20]!r} is not a date; write 2027-06-30")


def _number(column: Column, cell: Any, text: str) -> Decimal:
    try:
        value = Decimal(_folded(text).replace(",", "").replace(" ", ""))
    except InvalidOperation:
        raise CellRefused(f"“{text[:20]}”不是数字", f"{text[:20]!r} is not a number") from None
    if not value.is_finite():
        raise CellRefused(f"“{text[:20]}”不是数字", f"{text[:20]!r} is not a number")
    return value


def _boolean(column: Column, cell: Any, text: str) -> bool:
    if isinstance(cell, bool):
        return cell
    folded = _folded(text).casefold()
    if folded in _TRUE:
        return True
    if folded in _FALSE:
        return False
    raise CellRefused(f"“{text[:20]}”应填“是”或“否”", f"{text[:20]!r}: write yes or no")


def _list(column: Column, cell: Any, text: str) -> list[str]:
    if (_is_number(cell) and abs(cell) >= _EXACT_FLOAT) or _SCIENTIFIC.fullmatch(text):
        raise CellRefused(*NUMBER_CELL)
    parts = list(dict.fromkeys(part for part in _SEPARATORS.split(_folded(text)) if part))
    for part in parts:
        _fits(column, part)
        if column.pattern and not re.fullmatch(column.pattern, part):
            raise CellRefused(f"“{part[:20]}”格式不符合要求", f"{part[:20]!r} does not have the required form")
    return parts


def _organisation(column: Column, cell: Any, text: str) -> str:
    _fits(column, text)
    return _folded(text)


_READERS: dict[str, Callable[[Column, Any, str], Any]] = {
    "id_number": _id_number, "text": _text, "name": _name, "mobile": _mobile, "date": _date, "number": _number, "boolean": _boolean,
    "list": _list, "organisation": _organisation,
}
