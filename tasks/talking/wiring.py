"""Builds the services of this room and registers their operations. It decides nothing."""

from __future__ import annotations

from tasks.operations import Operations
from tasks.talking.circulation import Circulations
from tasks.talking.comments import Comments
from tasks.talking.watching import Watching
from workflows.business_calendar import Clock
from workflows.engine import ProcessEngine


def wire(engine: ProcessEngine, clock: Clock, operations: Operations) -> tuple[Circulations, Watching]:
    """Comments, copies and followed cases; the lists of copies and of followed cases are read through what this returns."""
    circulations, watching = Circulations(engine, clock), Watching(clock)
    operations.register(*Comments(engine).operations(), *circulations.operations(), *watching.operations())
    return circulations, watching
