"""An import as a command row, from upload to result: what it keeps, sealed, and what of it is shown. It checks no row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from tasks.commands import Commands
from tasks.people import Actor
from tasks.personal_data import PersonalData
from tasks.roster.entry import RosterEntry
from tasks.roster.run import KIND, ROW_PURPOSE, CohortImport
from tasks.sealed import seal, unseal
from workflows.definitions import Definitions
from workflows.errors import Conflict, Forbidden, NotFound
from workflows.models import Command, CommandItem

PURPOSE = "roster.command"
SEALED = ("sheet", "good", "findings")
ITEM_BATCH = 2000


@dataclass(frozen=True)
class ImportRow:
    """An import as its page and the history show it; `argument` holds no personal data in clear."""

    id: int
    status: str  # preview, waiting, running, done, failed, cancelled
    argument: Mapping[str, Any]
    total: int
    done: int
    result: Mapping[str, int] | None
    created_at: datetime
    finished_at: datetime | None

    @property
    def step(self) -> str:
        """mapping (columns must be named), checked (to be confirmed), running, done or cancelled."""
        if self.status == "preview":
            return str(self.argument["step"])
        return "running" if self.status in ("waiting", "running") else self.status

    @property
    def percent(self) -> int:
        """How much of the rows is done."""
        return 100 if not self.total else self.done * 100 // self.total


class RosterCommands:
    """Keeps imports as commands of kind `cohort_import`."""

    def __init__(self, commands: Commands, personal_data: PersonalData, definitions: Definitions, entry: RosterEntry) -> None:
        self._commands = commands
        self._personal_data = personal_data
        self.entry = entry
        commands.register(KIND, CohortImport(definitions, entry, personal_data, commands))

    def create(self, connection: Connection, actor: Actor, argument: Mapping[str, Any]) -> int:
        """Keep a new import as a preview; `sheet`, `good` and `findings` are sealed."""
        return self._commands.create(connection, actor, KIND, self._sealed(argument), [], status="preview")

    def load(self, connection: Connection, actor: Actor, command_id: int) -> ImportRow:
        """The import, for the person who made it. Raises NotFound or Forbidden."""
        row = connection.execute(select(Command.__table__).where(Command.id == command_id, Command.kind == KIND)).first()
        if row is None:
            raise NotFound("没有这次导入。", "There is no such import.")
        if row.person != actor.person_id:
            raise Forbidden("只有导入人可以查看这次导入。", "Only the person who imported can see this import.")
        return _import_row(row)

    def part(self, imported: ImportRow, name: str) -> Any:
        """A sealed part of the import (sheet, good, findings) in clear; None when it is gone."""
        sealed = imported.argument.get(name)
        return unseal(self._personal_data, PURPOSE, sealed) if sealed else None

    def replace(self, connection: Connection, imported: ImportRow, argument: Mapping[str, Any]) -> None:
        """Keep what a new choice of columns came to. Raises Conflict when the import was confirmed meanwhile."""
        merged = {**imported.argument, **self._sealed(argument)}
        self._move(connection, imported.id, "preview", argument=merged)

    def confirm(self, connection: Connection, imported: ImportRow) -> None:
        """Hand the good rows to the worker; the uploaded sheet itself is dropped."""
        good = self.part(imported, "good") or []
        kept = {key: value for key, value in imported.argument.items() if key not in ("sheet", "good")}
        self._move(connection, imported.id, "waiting", argument=kept, total=len(good))
        for start in range(0, len(good), ITEM_BATCH):
            connection.execute(insert(CommandItem), [
                {"command_id": imported.id, "position": position, "payload": {"sealed": seal(self._personal_data, ROW_PURPOSE, row)},
                 "status": "waiting"}
                for position, row in enumerate(good[start:start + ITEM_BATCH], start + 1)
            ])

    def discard(self, connection: Connection, imported: ImportRow) -> None:
        """Forget a preview: everything the file said is deleted."""
        kept = {key: value for key, value in imported.argument.items() if key not in SEALED}
        self._move(connection, imported.id, "cancelled", argument=kept)
        connection.execute(delete(CommandItem).where(CommandItem.command_id == imported.id))

    def _move(self, connection: Connection, command_id: int, status: str, **values: Any) -> None:
        written = connection.execute(
            update(Command).where(Command.id == command_id, Command.status == "preview").values(status=status, **values)
        )
        if written.rowcount == 0:
            raise Conflict("这次导入已确认或已取消，请刷新。", "This import was confirmed or cancelled already; reload.")

    def _sealed(self, argument: Mapping[str, Any]) -> dict[str, Any]:
        return {
            key: seal(self._personal_data, PURPOSE, value) if key in SEALED and value is not None else value
            for key, value in argument.items()
        }

    def history(self, connection: Connection, actor: Actor, limit: int = 30) -> list[ImportRow]:
        """The person's latest imports, newest first."""
        query = select(Command.__table__).where(Command.person == actor.person_id, Command.kind == KIND)
        return [_import_row(row) for row in connection.execute(query.order_by(Command.id.desc()).limit(limit))]

    def left(self, connection: Connection, imported: ImportRow, limit: int = 300) -> list[dict[str, Any]]:
        """Rows that passed the check but could not be entered: row number and reason."""
        query = select(CommandItem.detail).where(
            CommandItem.command_id == imported.id, CommandItem.status.in_(("skipped", "failed"))
        ).order_by(CommandItem.position).limit(limit)
        found: Sequence[Any] = connection.execute(query).scalars().all()
        return [{"row": (item["detail"] or {}).get("row"), **(item["reason"] or {})} for item in found if item]


def _import_row(row: Row[Any]) -> ImportRow:
    return ImportRow(
        row.id, row.status, row.argument, row.total, row.done, row.result, row.created_at, row.finished_at
    )
