"""A list as a spreadsheet, and the record that somebody took it. Masked data only; it decides no right."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Connection

from tasks import security_log
from tasks.lists.queries import Filters
from tasks.people import Actor
from tasks.roster.columns import ListColumn
from workflows.workbook import SheetColumn, write_workbook


class Counted:
    """Passes rows on and counts them: the record must say how many were taken."""

    def __init__(self, rows: Iterable[Sequence[str]]) -> None:
        self._rows = rows
        self.count = 0

    def __iter__(self) -> Iterator[Sequence[str]]:
        for row in self._rows:
            self.count += 1
            yield row


def spreadsheet(columns: Sequence[ListColumn], rows: Iterable[Sequence[str]], title: str, language: str) -> tuple[bytes, int]:
    """The file and the number of its rows; one row in memory at a time."""
    chinese = language.startswith("zh")
    counted = Counted(rows)
    headings = [SheetColumn(column.zh if chinese else column.en, "identifier") for column in columns]
    return write_workbook(headings, counted, title), counted.count


def note_export(
    connection: Connection, actor: Actor, at: datetime, process_id: str, name: str, filters: Filters, columns: Sequence[ListColumn],
    rows: int, address: str | None,
) -> None:
    """Who took which list, with which filters and fields, and how many rows (S3二（五） "谁使用谁负责")."""
    detail = {
        "process": process_id, "list": name, "filters": {key: value for key, value in asdict(filters).items() if value},
        "fields": [column.source for column in columns], "rows": rows, "role": actor.role, "organisation": actor.organisation_code,
    }
    security_log.record(connection, at, "export", person_id=actor.person_id, address=address, detail=detail)
