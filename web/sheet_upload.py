"""A sheet sent by an administrator: read, its columns recognised, its rows handed on by key. It knows no column's meaning."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from flask import request

from web.i18n import chinese
from workflows.errors import Rejection
from workflows.workbook import read_rows

LARGEST = 4 * 1024 * 1024  # bytes
MOST_ROWS = 5000

Columns = Mapping[str, tuple[str, ...]]


def uploaded_rows(columns: Columns, required: Collection[str], most: int = MOST_ROWS) -> list[tuple[int, dict[str, Any]]]:
    """Row number and cells by key of `columns` of the file in the form field "file".

    Raises Rejection (422) without a file, for one that cannot be read, and when a required column is missing.
    """
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        raise Rejection("请选择要导入的文件。", "Choose the file to import.", status=422)
    data = sent.stream.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise Rejection("文件超过 4 MB，请拆分后分次导入。", "The file is larger than 4 MB; split it.", status=422)
    known = {_plain(name): key for key, names in columns.items() for name in names}
    expected = [f"{name}{mark}" for names in columns.values() for name in names for mark in ("", "*")]
    sheet = read_rows(data, sent.filename, expected, most)
    keys = [known.get(_plain(heading)) for heading in sheet.header]
    missing = [columns[key] for key in columns if key in required and key not in keys]
    if missing:
        zh, en = "、".join(names[0] for names in missing), ", ".join(names[1] for names in missing)
        raise Rejection(f"表头缺少列：{zh}。请使用模板。", f"Columns are missing: {en}. Use the template.", status=422)
    return [(row.number, {key: cell for key, cell in zip(keys, row.cells, strict=True) if key}) for row in sheet.rows]


def headings(columns: Columns, required: Collection[str]) -> list[tuple[str, bool]]:
    """What each column is called in the reader's language, and whether it must be there."""
    return [(names[0 if chinese() else 1], key in required) for key, names in columns.items()]


def counted(rows: Iterable[Any]) -> dict[str, int]:
    """How many rows ended in each status."""
    found: dict[str, int] = {}
    for row in rows:
        found[row.status] = found.get(row.status, 0) + 1
    return found


def _plain(heading: str) -> str:
    """A heading as it is compared: templates mark required ones with a star."""
    return heading.strip().strip("*＊ ").lower()
