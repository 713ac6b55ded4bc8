"""Up to which fact a person has seen a case, and what others changed since. Remembers and compares; decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, and_, or_, select

from tasks.actors import Actor
from tasks.case_picture import field_labels
from tasks.models import Seat
from tasks.operation_models import LastLook
from tasks.personal_fields import personal_fields, shown
from workflows.business_calendar import Clock
from workflows.definitions import ProcessVersion
from workflows.models import HistoryRow, ProcessInstance
from workflows.store import put

LOOK, HISTORY = LastLook.__table__, HistoryRow.__table__


class Looks:
    """The last look of each person at each case."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def looked(self, connection: Connection, actor: Actor, seat_id: int, sequence: int) -> None:
        """The person has seen the case of a seat up to the fact `sequence`; never beyond what there is, never back."""
        case = select(ProcessInstance.id, ProcessInstance.history_sequence, LOOK.c.sequence).join(Seat, Seat.instance_id == ProcessInstance.id).outerjoin(
            LOOK, and_(LOOK.c.instance_id == ProcessInstance.id, LOOK.c.person_id == actor.person_id)
        )
        known = connection.execute(case.where(Seat.id == seat_id)).first()
        reached = min(sequence, known.history_sequence) if known is not None else 0
        if known is not None and (known.sequence or 0) < reached:
            put(connection, LastLook, ["person_id", "instance_id"], {
                "person_id": actor.person_id, "instance_id": known.id, "sequence": reached, "at": self._clock.now()
            })

    @staticmethod
    def since(connection: Connection, actor: Actor, instance_id: int, version: ProcessVersion) -> list[dict[str, Any]]:
        """Field by field what others changed since this person's last look; empty for who sees the case for the first time."""
        rows = connection.execute(
            select(HISTORY.c.detail).join(LOOK, LOOK.c.instance_id == HISTORY.c.instance_id)
            .where(
                LOOK.c.person_id == actor.person_id, HISTORY.c.instance_id == instance_id, HISTORY.c.sequence > LOOK.c.sequence,
                or_(HISTORY.c.person.is_(None), HISTORY.c.person != actor.person_id),
            ).order_by(HISTORY.c.sequence)
        )
        first: dict[str, Any] = {}
        last: dict[str, Any] = {}
        for (detail,) in rows:
            changes: Mapping[str, Any] = (detail or {}).get("changes") or {}
            for name, (before, after) in changes.items():
                first.setdefault(name, before)
                last[name] = after
        labels, hidden = field_labels(version), personal_fields(version)
        return [
            {"key": name, **labels[name], "before": shown(name, first[name], hidden), "after": shown(name, after, hidden)}
            for name, after in last.items() if name in labels and first[name] != after
        ]
