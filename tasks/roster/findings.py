"""What a check of a cohort sheet found, as plain JSON for its page and its error sheet. It checks nothing itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from tasks.personal_data import mask_id_number, mask_mobile
from tasks.roster.checks import Checked, CheckedRow, Problem, SheetRow, to_plain
from tasks.roster.columns import Column, Roster
from tasks.roster.rows import pack_cell

PREVIEW_ROWS = 20
SHOWN_PROBLEMS = 300  # on the page; the error sheet has all
_MASKS = {"id_number": mask_id_number, "mobile": mask_mobile}


def findings_of(roster: Roster, mapping: Mapping[str, int], rows: Sequence[SheetRow], checked: Checked) -> dict[str, Any]:
    """The preview, the problems and the rejected original rows, as JSON. It holds personal data: keep it sealed."""
    columns = [column for column in roster.columns if column.key in mapping]
    cells = {row.number: row.cells for row in rows if row.number in checked.rejected}
    problems = checked.problems
    return {
        "preview": [_preview_row(columns, row) for row in checked.good[:PREVIEW_ROWS]],
        "preview_columns": [column.key for column in columns],
        "problems": [asdict(problem) for problem in problems[:SHOWN_PROBLEMS]],
        "problems_total": len(problems),
        "rejected": [
            {"row": number, "cells": [pack_cell(cell) for cell in cells[number]], **_reasons(found)} for number, found in sorted(checked.rejected.items())
        ],
    }


def counts_of(checked: Checked) -> dict[str, int]:
    """The figures of the preview: rows read, good ones, merged into an earlier row, rejected, warnings."""
    return {
        "rows": checked.rows, "good": len(checked.good), "merged": checked.merged, "rejected": len(checked.rejected),
        "warnings": len(checked.warnings),
    }


def shown(column: Column, value: Any) -> str:
    """A value as a list shows it: ID and mobile numbers masked."""
    if value is None:
        return ""
    return _MASKS[column.type](str(value)) if column.type in _MASKS else str(to_plain(value))


def _preview_row(columns: Sequence[Column], row: CheckedRow) -> dict[str, Any]:
    return {"row": row.number, "also": row.also, "cells": [shown(column, row.values.get(column.key)) for column in columns]}


def _reasons(problems: Sequence[Problem]) -> dict[str, list[str]]:
    errors = [problem for problem in problems if problem.severity == "error"]
    return {
        "zh": [f"{problem.address} {problem.zh}" for problem in errors],
        "en": [f"{problem.address} {problem.en}" for problem in errors],
    }
