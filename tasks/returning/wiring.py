"""Builds the services of this room and registers their operations. It decides nothing."""

from __future__ import annotations

from tasks.deciding import Deciding
from tasks.operations import Operations
from tasks.people import People
from tasks.returning.resubmission import Resubmission
from tasks.returning.returns import Returns
from tasks.seats import Seats
from tasks.service import TaskService
from workflows.engine import ProcessEngine


def wire(engine: ProcessEngine, seats: Seats, service: TaskService, people: People, deciding: Deciding, operations: Operations) -> None:
    """Going back and steering whole cases."""
    Resubmission(engine, seats, people, deciding)
    operations.register(Returns(engine, service).operation())
