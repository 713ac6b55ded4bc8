"""Runs a confirmed cohort import chunk by chunk as a resumable command. It knows no file and no page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, update

from tasks.commands import Commands, Outcome
from tasks.people import Actor
from tasks.personal_data import PersonalData
from tasks.roster.columns import Roster, read_roster
from tasks.roster.entry import RosterEntry
from tasks.sealed import unseal
from tasks.service import author_of
from workflows.definitions import Definitions
from workflows.models import CommandItem

KIND = "cohort_import"
ROW_PURPOSE = "roster.row"
CHUNK = 200


class CohortImport:
    """The handler of commands of kind `cohort_import`; its items are the good rows, sealed."""

    chunk = CHUNK

    def __init__(self, definitions: Definitions, entry: RosterEntry, personal_data: PersonalData, commands: Commands) -> None:
        self._definitions = definitions
        self._entry = entry
        self._personal_data = personal_data
        self._commands = commands

    def run(self, connection: Connection, command: Row[Any], items: Sequence[Row[Any]]) -> list[Outcome]:
        """Import the rows of one chunk; what they said is gone from the command as soon as the chunk is kept."""
        roster = self.roster(connection, command.argument["process_id"])
        rows = [unseal(self._personal_data, ROW_PURPOSE, item.payload["sealed"]) for item in items]
        outcomes = self._entry.enter(connection, author_of(Actor.from_json(command.actor)), roster, command.argument["cycle"], rows)
        connection.execute(
            update(CommandItem).where(
                CommandItem.command_id == command.id, CommandItem.position.between(items[0].position, items[-1].position)
            ).values(payload={})
        )
        return outcomes

    def finish(self, connection: Connection, command: Row[Any]) -> dict[str, int]:
        """What the import came to."""
        found = self._commands.counts(connection, command.id)
        checked = command.argument["counts"]
        return {
            "created": found.get("done", 0), "merged": checked["merged"] + found.get("merged", 0), "unchanged": found.get("unchanged", 0),
            "rejected": checked["rejected"] + found.get("skipped", 0), "warnings": checked["warnings"],
        }

    def roster(self, connection: Connection, process_id: str) -> Roster:
        """The columns of the process's current version. Raises NotFound when it is not deployed."""
        return read_roster(process_id, self._definitions.current(connection, process_id).roster or {})
