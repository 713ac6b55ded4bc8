"""The cohort import from file to confirmed command: read, map columns, check, preview. Knows no HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from tasks.people import Actor
from tasks.roster.access import RosterAccess
from tasks.roster.checks import Asker, check_rows
from tasks.roster.columns import Importer, Roster
from tasks.roster.command import RosterCommands
from tasks.roster.facts import plain_values
from tasks.roster.findings import counts_of, findings_of
from tasks.roster.mapping import check_header, check_mapping, match, missing, remember, remembered
from tasks.roster.rows import StoredRow, pack_rows, unpack_rows
from workflows.errors import Rejection
from workflows.workbook import read_rows


class Rosters:
    """Imports cohorts into any process whose folder has a roster.yaml."""

    def __init__(self, access: RosterAccess, imports: RosterCommands) -> None:
        self._access = access
        self.imports = imports

    def read(
        self, connection: Connection, actor: Actor, process_id: str, filename: str, data: bytes, cycle: str = ""
    ) -> dict[str, Any]:
        """Read and check an uploaded file without writing anything; `keep` stores what this returns.

        Raises Rejection when the file is no sheet, has no headings or no rows, and Forbidden.
        """
        roster, rule = self._access.permitted(connection, actor, process_id)
        sheet = read_rows(data, filename, [name for column in roster.columns for name in column.names])
        header = [str(cell) if cell is not None else "" for cell in sheet.header]
        check_header(header)
        packed = pack_rows(sheet.rows)
        mapping = remembered(connection, actor.organisation_code or "", process_id, header) or match(roster, header)
        cycle = self._access.cycle(roster, cycle)
        prepared = {
            "process_id": process_id, "filename": filename[:200], "cycle": cycle, "role": actor.role,
            "organisation": actor.organisation_code, "sheet": {"header": header, "rows": packed}, "columns": len(header),
        }
        if missing(roster, mapping):
            return {**prepared, "step": "mapping", "mapping": mapping, "counts": None}
        return {**prepared, **self._checked(connection, actor, roster, rule, cycle, mapping, header, unpack_rows(packed))}

    def _checked(
        self, connection: Connection, actor: Actor, roster: Roster, rule: Importer, cycle: str, mapping: Mapping[str, int], header: list[str],
        rows: list[StoredRow],
    ) -> dict[str, Any]:
        check_mapping(roster, header, mapping)
        checked = check_rows(connection, roster, mapping, rows, Asker(rule, actor.organisation_code))
        good = [{"row": row.number, "values": plain_values(row.values)} for row in checked.good]
        known = self.imports.entry.count_known(connection, roster, cycle, good)
        return {
            "step": "checked", "mapping": dict(mapping), "counts": {**counts_of(checked), "known": known},
            "unread": len(header) - len(set(mapping.values())), "good": good,
            "findings": {"header": header, **findings_of(roster, mapping, rows, checked)},
        }

    def require_columns(self, connection: Connection, process_id: str, prepared: Mapping[str, Any]) -> None:
        """Raise Rejection naming the columns that a read file lacks."""
        if prepared["step"] == "mapping":
            check_mapping(self._access.roster(connection, process_id), prepared["sheet"]["header"], prepared["mapping"])

    def keep(self, connection: Connection, actor: Actor, prepared: Mapping[str, Any]) -> int:
        """Store a read file as an import that waits for its columns or its confirmation; returns its id."""
        return self.imports.create(connection, actor.on("import"), prepared)

    def choose_columns(self, connection: Connection, actor: Actor, command_id: int, mapping: Mapping[str, int]) -> None:
        """Say which column of the sheet means what, check again, and remember it for this office's next sheet.

        `mapping`: roster column key → position in the sheet, from 0. Raises Rejection naming missing or doubled columns.
        """
        imported = self.imports.load(connection, actor, command_id)
        roster, rule = self._access.permitted(connection, actor, str(imported.argument["process_id"]))
        sheet = self.imports.part(imported, "sheet")
        if sheet is None:
            raise Rejection("这次导入已确认，不能再更改列。", "This import was confirmed; its columns cannot change any more.", status=409)
        known = {column.key for column in roster.columns}
        chosen = {key: position for key, position in mapping.items() if key in known and 0 <= position < len(sheet["header"])}
        checked = self._checked(connection, actor, roster, rule, imported.argument["cycle"], chosen, sheet["header"], unpack_rows(sheet["rows"]))
        self.imports.replace(connection, imported, checked)
        remember(connection, actor.organisation_code or "", roster.process_id, sheet["header"], chosen)

    def confirm(self, connection: Connection, actor: Actor, command_id: int) -> None:
        """Let the worker enter the good rows. A second press does nothing more than say so (Conflict)."""
        imported = self.imports.load(connection, actor, command_id)
        self._access.permitted(connection, actor, str(imported.argument["process_id"]))
        if imported.step == "mapping":
            raise Rejection("请先指明各列的含义。", "Say first what the columns mean.", status=409)
        self.imports.confirm(connection, imported)

    def discard(self, connection: Connection, actor: Actor, command_id: int) -> None:
        """Forget a preview and all its data."""
        self.imports.discard(connection, self.imports.load(connection, actor, command_id))
