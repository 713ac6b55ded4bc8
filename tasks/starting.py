"""发起: which processes a person may start by hand, and starting one; the case begins with who started it and where. It fills in no form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select

from tasks.actors import Actor, author_of
from tasks.models import Seat, SeatOffer
from workflows.business_calendar import Clock, local_day
from workflows.definitions import Definitions, ProcessVersion
from workflows.engine import ProcessEngine, StartItem
from workflows.errors import Forbidden
from workflows.graph import listed

SEAT = Seat.__table__


class Starting:
    """Starts cases of processes whose model says who may (`start_roles`)."""

    def __init__(self, engine: ProcessEngine, definitions: Definitions, clock: Clock) -> None:
        self._engine = engine
        self._definitions = definitions
        self._clock = clock

    def startable(self, connection: Connection, actor: Actor) -> Sequence[ProcessVersion]:
        """The processes the acting identity may start, by name."""
        found = [process for process in self._definitions.all_current(connection) if may_start(process, actor)]
        return sorted(found, key=lambda process: process.name)

    def start(self, connection: Connection, actor: Actor, process_id: str) -> tuple[int, int | None]:
        """Start one case; returns its number and that of the starter's own first task, if he has one.

        The facts it starts with: `case.starter` {person, name, role, organisation} and `case.cycle`, the year. Raises NotFound, Forbidden.
        """
        process = self._definitions.current(connection, process_id)
        if not may_start(process, actor):
            raise Forbidden(f"您不能发起“{process.name}”。", f"You may not start {process.name}.")
        starter: dict[str, Any] = {
            "person": actor.person_id, "name": actor.name, "role": actor.role, "organisation": actor.organisation_code,
        }
        facts = {"starter": starter, "cycle": str(local_day(self._clock.now()).year)}
        case = self._engine.start(connection, process_id, StartItem(facts), author_of(actor))
        mine = (
            select(SEAT.c.id).join(SeatOffer, SeatOffer.seat_id == SEAT.c.id)
            .where(SEAT.c.instance_id == case.id, SEAT.c.status == "open", SeatOffer.candidate.in_(actor.candidates)).order_by(SEAT.c.id)
        )
        return case.id, connection.execute(mine.limit(1)).scalar()


def may_start(process: ProcessVersion, actor: Actor) -> bool:
    """Whether the model lets the acting identity's role start it by hand."""
    return actor.role in listed(process.graph.properties.get("start_roles"))
