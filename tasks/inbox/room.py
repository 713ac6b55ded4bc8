"""The inbox's services under one name, as the house holds them. It adds nothing to them but their sweep."""

from __future__ import annotations

from tasks.desk import Desk
from tasks.inbox.blocks import Blocks
from tasks.inbox.earlier import Earlier
from tasks.inbox.looks import Looks
from tasks.inbox.presence import Presences
from tasks.inbox.progress import Days
from tasks.inbox.saved_views import SavedViews
from tasks.inbox.snoozing import Snoozing
from tasks.worklist import Worklist
from workflows.business_calendar import BusinessCalendar, Clock
from workflows.definitions import Definitions
from workflows.engine import ProcessEngine
from workflows.store import Store


class InboxRoom:
    """Snoozing, presence, saved views, looks, blocks, the day's figures, and what differs from an earlier case."""

    def __init__(
        self, store: Store, engine: ProcessEngine, definitions: Definitions, desk: Desk, worklist: Worklist, calendar: BusinessCalendar, clock: Clock
    ) -> None:
        self.snoozing = Snoozing(store, engine, calendar, clock)
        self.presences, self.looks, self.days = Presences(store, clock), Looks(clock), Days(clock)
        self.views, self.blocks, self.earlier = SavedViews(), Blocks(desk, worklist), Earlier(definitions)
        desk.operations.register(*self.snoozing.operations())

    def sweep(self) -> bool:
        """Drop beats and snoozes that mean nothing any more; the worker asks now and then."""
        return self.presences.forget_old() or self.snoozing.forget_old()
