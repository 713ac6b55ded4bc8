"""Builds the services of this room, registers their operations, and hands on what is called by name. It decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy import Connection

from tasks.actors import Actor
from tasks.deciding import Deciding
from tasks.going_back import GoingBack
from tasks.operations import Operations
from tasks.people import People
from tasks.returning.applicant import Applicant
from tasks.returning.endings import Endings
from tasks.returning.jumps import Jumps
from tasks.returning.migrations import Migrations
from tasks.returning.resubmission import Resubmission
from tasks.returning.returns import Returns
from tasks.returning.standstill import Lapsing, Standstill
from tasks.returning.withdrawals import Withdrawals
from tasks.seats import Seats
from workflows.business_calendar import BusinessCalendar
from workflows.engine import ProcessEngine

Migrate = Callable[[Connection, Actor, int, int, Mapping[str, str]], None]
WithdrawCase = Callable[[Connection, Actor, int], None]


def wire(
    engine: ProcessEngine, seats: Seats, people: People, deciding: Deciding, going_back: GoingBack,
    lapses: Lapsing, calendar: BusinessCalendar, operations: Operations,
) -> tuple[Migrate, WithdrawCase]:
    """Going back and steering whole cases; returns how a case is carried to another version, and how its applicant takes it back."""
    Resubmission(engine, seats, people, deciding)
    operations.register(
        Returns(engine, people).operation(), Withdrawals(engine, people, seats, going_back).operation(), Jumps(engine, people).operation(),
        *Endings(engine, Standstill(engine, seats, deciding, lapses, calendar)).operations(),
    )
    return Migrations(engine, seats).migrate, Applicant(engine).withdraw_case
