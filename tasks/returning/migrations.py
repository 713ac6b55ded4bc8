"""Carries a case with its open seats to another version of its process, by whoever may deploy it. It decides nothing about the marking."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, select, update

from tasks.actors import Actor
from tasks.four_eyes import hands_in_both, looked_at_anew, renamed
from tasks.lifecycle import LIVE
from tasks.models import Seat
from tasks.permissions import require
from tasks.returning.steerers import require_whole
from tasks.seats import SEAT, Seats
from tasks.service import author_of
from workflows.case import Case
from workflows.definitions import ProcessVersion
from workflows.engine import INSTANCE, ProcessEngine
from workflows.errors import Conflict
from workflows.migrating import migrate_case


class Migrations:
    """Moves running cases to another version."""

    def __init__(self, engine: ProcessEngine, seats: Seats) -> None:
        self._engine = engine
        self._seats = seats

    def migrate(self, connection: Connection, actor: Actor, case_id: int, definition_id: int, mapping: Mapping[str, str]) -> None:
        """Move a case, and the instances of its multi-instance sub-processes, to the version with this number.

        Claims, drafts and due dates of open seats stay; who may act is worked out anew. Raises Forbidden, Conflict, or Rejection
        with the names of what the new version lacks, Conflict too where one person acted in two activities that it keeps apart.
        """
        require(actor, "model.deploy")
        case = self._engine.load(connection, case_id, author_of(actor))
        require_whole(case)
        version = self._engine.version(connection, definition_id)
        renamed(connection, case, mapping)
        if both := hands_in_both(connection, case, version):
            here, there = both
            raise Conflict(
                f"新版本规定“{version.label(here, 'zh')}”与“{version.label(there, 'zh')}”须由不同人员办理，而本事项已由同一人办理过，不能转到新版本。",
                f"The new version keeps “{version.label(here, 'en')}” and “{version.label(there, 'en')}” apart, and one person has acted in both here; "
                "the case stays in its version.",
            )
        self._move(connection, case, version, mapping)
        level = [case.id]
        while level:
            parts = select(INSTANCE.c.id).where(
                INSTANCE.c.parent_id.in_(level), INSTANCE.c.body_of == case.id, INSTANCE.c.status.in_(("active", "suspended"))
            )
            level = list(connection.execute(parts.order_by(INSTANCE.c.id)).scalars())
            for part in level:
                self._move(connection, self._engine.load(connection, part, author_of(actor)), version, mapping)
        looked_at_anew(connection, case)

    def _move(self, connection: Connection, case: Case, version: ProcessVersion, mapping: Mapping[str, str]) -> None:
        migrate_case(self._engine, connection, case, version, mapping, {})
        live = select(SEAT).where(SEAT.c.instance_id == case.id, SEAT.c.status.in_(LIVE)).order_by(SEAT.c.id)
        for seat in connection.execute(live).all():
            renamed = mapping.get(seat.node_id, seat.node_id)
            connection.execute(update(Seat).where(SEAT.c.id == seat.id).values(node_id=renamed, definition_id=version.id, revision=SEAT.c.revision + 1))
        for seat in connection.execute(live).all():
            if seat.status == "open" and case.status == "active":
                self._seats.reevaluate(connection, case, seat, keep_dates=True, only_changes=True)
        self._engine.save(connection, [case])
