"""The roster desk: everything about cohort imports, wired once for the house."""

from __future__ import annotations

from tasks.commands import Commands
from tasks.people import People
from tasks.personal_data import PersonalData
from tasks.roster.access import RosterAccess
from tasks.roster.command import RosterCommands
from tasks.roster.counter import RosterCounter
from tasks.roster.entry import RosterEntry
from tasks.roster.file import RosterFiles
from tasks.roster.rosters import Rosters
from tasks.students import Students
from workflows.business_calendar import Clock
from workflows.definitions import Definitions
from workflows.engine import ProcessEngine
from workflows.store import Store


class RosterDesk:
    """access: who may; rosters: file to command; imports: the commands; counter: one person; files: the command line."""

    def __init__(
        self, definitions: Definitions, engine: ProcessEngine, _desk: object, personal_data: PersonalData, commands: Commands, people: People,
        clock: Clock, store: Store,
    ) -> None:
        self.students = Students(personal_data, clock)
        self.access = RosterAccess(definitions, clock)
        self.entry = RosterEntry(engine, self.students)
        self.imports = RosterCommands(commands, personal_data, definitions, self.entry)
        self.rosters = Rosters(self.access, self.imports)
        self.counter = RosterCounter(self.access, self.entry)
        self.files = RosterFiles(store, people, commands, self.access, self.rosters)
        self.import_file = self.files.import_file
