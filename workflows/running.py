"""Goes through a door of the token machine: refusals in words, and conditional events looked at afterwards. Knows no database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from workflows.case import Case
from workflows.errors import Rejection
from workflows.host import EngineHost
from workflows.machine import Happening, MachineError


@contextmanager
def refusing() -> Iterator[None]:
    """What the machine cannot do, as a refusal: the transaction is rolled back, so its half-changed state is thrown away."""
    try:
        yield
    except MachineError as error:
        raise Rejection(error.zh, error.en, status=409) from error


def run_door(case: Case, host: EngineHost, door: Callable[[], list[Happening]]) -> list[Happening]:
    """What happened behind the door, and because of conditions that are true now."""
    with refusing():
        happenings = door()
        if case.version.machine.plan.conditional:
            happenings = [*happenings, *case.version.machine.evaluate_conditions(case.state, host)]
    return happenings
