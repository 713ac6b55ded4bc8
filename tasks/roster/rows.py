"""The rows of an uploaded sheet between two steps of an import: as plain JSON that keeps dates apart from texts. Knows no column."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from workflows.errors import Rejection

MOST_ROWS = 50_000


@dataclass(frozen=True, slots=True)
class StoredRow:
    """A line of the sheet: its number as the spreadsheet shows it, and its cells."""

    number: int
    cells: Sequence[Any]


def pack_rows(rows: Iterable[Any]) -> list[list[Any]]:
    """Rows (with `number` and `cells`) as JSON. Raises Rejection when there are none, or too many."""
    packed = [[row.number, [pack_cell(cell) for cell in row.cells]] for row in rows]
    if not packed:
        raise Rejection("文件中没有数据行。请在列名下面逐行填写后再上传。", "The file has no data rows below its headings.", status=422)
    if len(packed) > MOST_ROWS:
        raise Rejection(
            f"文件有 {len(packed)} 行，一次最多导入 {MOST_ROWS} 行，请拆分。",
            f"The file has {len(packed)} rows; at most {MOST_ROWS} are imported at once. Split it.", status=422,
        )
    return packed


def unpack_rows(packed: Sequence[Sequence[Any]]) -> list[StoredRow]:
    """The rows that `pack_rows` was given."""
    return [StoredRow(number, [unpack_cell(cell) for cell in cells]) for number, cells in packed]


def pack_cell(cell: Any) -> Any:
    """A cell as JSON; a date stays told apart from a text."""
    if isinstance(cell, (date, datetime)):
        return {"d": cell.isoformat()}
    if isinstance(cell, (time, timedelta, Decimal)):
        return str(cell)
    return cell


def unpack_cell(cell: Any) -> Any:
    """The cell that `pack_cell` was given."""
    return datetime.fromisoformat(cell["d"]) if isinstance(cell, dict) else cell
