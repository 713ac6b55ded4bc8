"""Builds the services of this room and registers their operations. It decides nothing."""

from __future__ import annotations

from tasks.deciding import Deciding
from tasks.going_back import GoingBack
from tasks.operations import Operations
from tasks.people import People
from tasks.returning.endings import Endings
from tasks.returning.jumps import Jumps
from tasks.returning.resubmission import Resubmission
from tasks.returning.returns import Returns
from tasks.returning.standstill import Lapsing, Standstill
from tasks.returning.withdrawals import Withdrawals
from tasks.seats import Seats
from workflows.business_calendar import BusinessCalendar
from workflows.engine import ProcessEngine


def wire(
    engine: ProcessEngine, seats: Seats, people: People, deciding: Deciding, going_back: GoingBack,
    lapses: Lapsing, calendar: BusinessCalendar, operations: Operations,
) -> None:
    """Going back and steering whole cases."""
    Resubmission(engine, seats, people, deciding)
    operations.register(
        Returns(engine, people).operation(), Withdrawals(engine, people, seats, going_back).operation(), Jumps(engine, people).operation(),
        *Endings(engine, Standstill(engine, seats, deciding, lapses, calendar)).operations(),
    )
