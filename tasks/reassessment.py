"""Works open seats out anew after a date, the working days or an organisation changed under them: a job, chunk by chunk. Moves no token."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, select

from tasks.derived import derive
from tasks.models import CaseParty, Organisation, Seat
from tasks.organisations import Organisations, scope_condition
from tasks.seats import ASKED, SEAT, Seats
from workflows.business_calendar import CalendarEdit, Clock
from workflows.calendar_tables import EVERYWHERE
from workflows.case import Case
from workflows.engine import INSTANCE, ProcessEngine
from workflows.history import SYSTEM
from workflows.jobs import Jobs
from workflows.retiming import retime

KIND = "reassess"
CHUNK = 100  # cases whose seats are worked out in one transaction


class Reassessment:
    """Asked for by whoever changes calendars and organisations; done by the worker."""

    def __init__(self, engine: ProcessEngine, seats: Seats, organisations: Organisations, jobs: Jobs, clock: Clock) -> None:
        self._engine = engine
        self._seats = seats
        self._organisations = organisations
        self._jobs = jobs
        self._clock = clock
        jobs.register(KIND, self._run)

    def after_calendar_edit(self, connection: Connection, edit: CalendarEdit) -> None:
        """For `BusinessCalendar.on_edit`: a date concerns the cases of its organisation, a year's days concern all."""
        self.ask(connection, edit.organisation or EVERYWHERE)

    def ask(self, connection: Connection, organisation: str) -> None:
        """Have the open seats of every case worked out anew that has a party in `organisation` or below ("*": of every case)."""
        if connection.execute(select(SEAT.c.id).where(ASKED).limit(1)).first() is not None:
            self._enqueue(connection, organisation, 0)

    def _enqueue(self, connection: Connection, organisation: str, after: int) -> None:
        argument = {"organisation": organisation, "after": after}
        self._jobs.enqueue(connection, KIND, argument, self._clock.now(), unique_key=f"{KIND}:{organisation}:{after}")

    def _run(self, connection: Connection, argument: Mapping[str, Any]) -> None:
        """One chunk; what is left becomes the next job."""
        organisation = str(argument["organisation"])
        rows = self._cases(connection, organisation, int(argument["after"]))
        seats = self._open_seats(connection, [row.id for row in rows])
        touched = [case for row in rows if self._one(connection, case := self._engine.attach(connection, row, SYSTEM), seats[row.id])]
        if touched:
            self._engine.save(connection, touched)
        if len(rows) == CHUNK:
            self._enqueue(connection, organisation, rows[-1].id)

    def _cases(self, connection: Connection, organisation: str, after: int) -> Sequence[Row[Any]]:
        open_here = select(Seat.id).where(SEAT.c.instance_id == INSTANCE.c.id, ASKED).exists()
        query = select(INSTANCE).where(INSTANCE.c.id > after, INSTANCE.c.status == "active", open_here)
        if organisation != EVERYWHERE:
            query = query.where(self._below(connection, organisation))
        return connection.execute(query.order_by(INSTANCE.c.id).limit(CHUNK).with_for_update()).all()

    def _below(self, connection: Connection, organisation: str) -> ColumnElement[bool]:
        found = self._organisations.get(connection, organisation)
        inside = select(Organisation.code).where(scope_condition(found.kind, found.path)) if found else None
        codes = CaseParty.organisation_code.in_(inside) if inside is not None else CaseParty.organisation_code == organisation
        party = select(CaseParty.kind).where(CaseParty.instance_id == INSTANCE.c.id, codes)
        return party.exists()

    @staticmethod
    def _open_seats(connection: Connection, instance_ids: Sequence[int]) -> dict[int, list[Row[Any]]]:
        found: dict[int, list[Row[Any]]] = {instance_id: [] for instance_id in instance_ids}
        query = select(SEAT).where(SEAT.c.instance_id.in_(instance_ids), ASKED).order_by(SEAT.c.id)
        for seat in connection.execute(query):
            found[seat.instance_id].append(seat)
        return found

    def _one(self, connection: Connection, case: Case, seats: Sequence[Row[Any]]) -> bool:
        functions = self._engine.functions(connection, case)
        derived = derive(case, functions)
        retimed = retime(connection, case, functions)
        changed = [self._seats.reevaluate(connection, case, seat, only_changes=True) for seat in seats]
        return derived or retimed or any(changed)
