"""Which column of an office's own sheet means which roster column: by name, by alias, or as the office said last time."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, insert, select, update

from tasks.models import SavedMapping
from tasks.roster.columns import Roster
from workflows.errors import Rejection

MOST_COLUMNS = 150
_REMARK = re.compile(r"[(\[【〔（].*?[)\]】〕）]")
_NOISE = re.compile(r"[\s*＊:：_\-·、,，.。/]+")


def plain_heading(text: Any) -> str:
    """A heading without marks, remarks in brackets, spaces and width differences: "*身份证号（必填）" → "身份证号"."""
    folded = unicodedata.normalize("NFKC", str(text if text is not None else ""))
    visible = "".join(sign for sign in folded if unicodedata.category(sign) not in ("Cf", "Cc"))
    return _NOISE.sub("", _REMARK.sub("", visible)).casefold()


def header_digest(header: Sequence[Any]) -> str:
    """A short name for a row of headings, under which an office's mapping is remembered."""
    return hashlib.sha256("\x1f".join(plain_heading(cell) for cell in header).encode()).hexdigest()[:32]


def match(roster: Roster, header: Sequence[Any]) -> dict[str, int]:
    """Roster column key → position in the sheet, for every heading recognised by name or alias."""
    meanings: dict[str, str] = {}
    for column in roster.columns:
        for name in column.names:
            meanings.setdefault(plain_heading(name), column.key)
    found: dict[str, int] = {}
    for position, cell in enumerate(header):
        key = meanings.get(plain_heading(cell))
        if key and plain_heading(cell):
            found.setdefault(key, position)
    return found


def remembered(connection: Connection, organisation_code: str, process_id: str, header: Sequence[Any]) -> dict[str, int]:
    """What this office said about the same headings before; empty when it never did."""
    saved = connection.execute(
        select(SavedMapping.mapping).where(
            SavedMapping.organisation_code == organisation_code, SavedMapping.process_id == process_id,
            SavedMapping.header_digest == header_digest(header),
        )
    ).scalar()
    return {key: position for key, position in (saved or {}).items() if position < len(header)}


def remember(
    connection: Connection, organisation_code: str, process_id: str, header: Sequence[Any], mapping: Mapping[str, int]
) -> None:
    """Keep what the office said, for the next sheet with the same headings."""
    where = {"organisation_code": organisation_code, "process_id": process_id, "header_digest": header_digest(header)}
    known = [getattr(SavedMapping, name) == value for name, value in where.items()]
    if connection.execute(update(SavedMapping).where(*known).values(mapping=dict(mapping))).rowcount == 0:
        connection.execute(insert(SavedMapping).values(mapping=dict(mapping), **where))


def missing(roster: Roster, mapping: Mapping[str, int]) -> list[str]:
    """Keys of the required columns that no column of the sheet stands for."""
    return [column.key for column in roster.columns if column.required and column.key not in mapping]


def check_header(header: Sequence[Any]) -> None:
    """Refuse a sheet that cannot be a roster. Raises Rejection."""
    if not any(plain_heading(cell) for cell in header):
        raise Rejection(
            "文件第一行没有列名。请下载空白模板，按模板填写后再上传。",
            "The first row has no headings. Download the blank template, fill it in and upload it again.", status=422,
        )
    if len(header) > MOST_COLUMNS:
        raise Rejection(
            f"文件有 {len(header)} 列，最多 {MOST_COLUMNS} 列。请只保留需要导入的列。",
            f"The file has {len(header)} columns; at most {MOST_COLUMNS} are read. Keep only the columns to import.", status=422,
        )


def check_mapping(roster: Roster, header: Sequence[Any], mapping: Mapping[str, int]) -> None:
    """Refuse a mapping that leaves a required column out or uses a column twice. Raises Rejection."""
    lacking = missing(roster, mapping)
    if lacking:
        columns = [roster.column(key) for key in lacking]
        raise Rejection(
            f"缺少必需的列：{'、'.join(column.zh for column in columns)}。请补充这些列，或在页面上指明对应的列。",
            f"Required columns are missing: {', '.join(column.en for column in columns)}. Add them, or say on the page which column is meant.",
            status=422, detail={"missing": lacking},
        )
    positions = list(mapping.values())
    twice = next((position for position in positions if positions.count(position) > 1), None)
    if twice is not None:
        raise Rejection(
            f"列“{header[twice]}”被指定了两次。一列只能对应一个含义。",
            f"Column {header[twice]!r} was chosen twice. One column can have one meaning only.", status=422,
        )
