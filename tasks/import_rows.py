"""Rows of imported sheets: the text of a cell, the cells that must be there, and why a row was refused. It knows no column."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from workflows.errors import InvalidForm, Rejection, Words


def cell_text(cells: Mapping[str, Any], key: str) -> str:
    """The trimmed text of a cell; "" when it is empty."""
    value = cells.get(key)
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # a spreadsheet turns the code 14 into 14.0
    return "" if value is None else str(value).strip()


def demand(cells: Mapping[str, Any], required: Iterable[str], columns: Mapping[str, tuple[str, ...]]) -> None:
    """Raise a Rejection that names every required column without text; `columns` give the Chinese and English headings first."""
    missing = [columns[key][:2] for key in required if not cell_text(cells, key)]
    if missing:
        raise Rejection(f"缺少：{'、'.join(zh for zh, _ in missing)}。", f"Missing: {', '.join(en for _, en in missing)}.")


def refusal_words(error: Rejection) -> Words:
    """Why a row was refused: what is wrong in each field, or the refusal itself."""
    if isinstance(error, InvalidForm):
        found = error.fields.values()
        return {"zh": "；".join(words["zh"] for words in found), "en": "; ".join(words["en"] for words in found)}
    return error.both
