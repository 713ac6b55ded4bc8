"""What every service of human work stands on, as one value for those who build them. It decides nothing."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.commands import Commands
from tasks.people import People
from tasks.seats import Seats
from tasks.worklist import Worklist
from workflows.business_calendar import BusinessCalendar, Clock
from workflows.definitions import Definitions
from workflows.engine import ProcessEngine
from workflows.store import Store


@dataclass(frozen=True, slots=True)
class Ground:
    """The services below the verbs, wired once."""

    store: Store
    engine: ProcessEngine
    seats: Seats
    people: People
    commands: Commands
    worklist: Worklist
    clock: Clock
    calendar: BusinessCalendar
    definitions: Definitions
