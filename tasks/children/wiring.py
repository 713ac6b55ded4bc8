"""Builds the services of this room and registers their operations. It decides nothing."""

from __future__ import annotations

from tasks.children.answers import Answers
from tasks.children.asking import Asking
from tasks.children.choosing import Choosing
from tasks.children.delegation import Delegation
from tasks.children.entering import Taking
from tasks.children.signers import Signers
from tasks.children.tree import ChildSeats
from tasks.deciding import Deciding
from tasks.operations import Operations
from tasks.people import People
from tasks.seats import Seats
from workflows.engine import ProcessEngine


def wire(engine: ProcessEngine, seats: Seats, people: People, deciding: Deciding, operations: Operations, take: Taking) -> Answers:
    """Delegation, questions and signers; returns the service that takes their answers."""
    children, choosing = ChildSeats(seats), Choosing(seats, people)
    operations.register(*Delegation(engine, children, choosing, take).operations(), *Asking(engine, children, choosing).operations())
    operations.register(*Signers(engine, children, choosing, deciding, take).operations())
    return Answers(engine, children, deciding)
