"""What a case page shows to somebody who sees the case in full, or only its status and who decided. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection, select

from tasks.attachments import named_files
from tasks.case_picture import diagram, facts, masked_timeline
from tasks.models import CaseItem, CaseMark
from tasks.people import Actor, People
from tasks.returning.applicant import people_work_at, withdrawable
from tasks.returning.steerers import steering_verbs
from tasks.reading import Reading, reading_of
from tasks.sight import sight
from tasks.steering import Steering
from tasks.timeline import TimelineItem, timeline
from tasks.whose import live_seats, whose
from tasks.worklist import CaseRow, Worklist, WorklistRow
from workflows import history
from workflows.case import Case
from workflows.definitions import ProcessVersion
from workflows.engine import INSTANCE, ProcessEngine
from workflows.errors import NotFound, Words
from workflows.models import AnyRow, OutboxMessage, Wait


@dataclass(frozen=True)
class CaseView:
    """Everything the case page shows."""

    instance: CaseRow
    process: ProcessVersion
    facts: list[dict[str, Any]]
    items: dict[str, list[str]]
    timeline: list[TimelineItem]
    diagram: dict[str, Any]
    open: list[WorklistRow]
    asked: dict[int, Words]  # an open seat that nobody holds → whom it is for
    may: frozenset[str]
    messages: list[dict[str, Any]]
    marks: list[dict[str, Any]]
    outbox: list[dict[str, Any]] = field(default_factory=list)
    own: bool = False  # the case is about the reader himself
    status_only: bool = False
    reading: Reading = field(default_factory=Reading)  # what is the reader's alone


class CaseViews:
    """Builds the case page's data."""

    def __init__(self, engine: ProcessEngine, worklist: Worklist, people: People, steering: Steering) -> None:
        self._engine = engine
        self._worklist = worklist
        self._people = people
        self._steering = steering

    def case_view(self, connection: Connection, actor: Actor, instance_id: int) -> CaseView:
        """The case page for somebody who may see the case; raises NotFound for anybody else."""
        seen = sight(connection, actor, instance_id)
        if seen == "none":
            raise NotFound("没有这个事项，或您无权查看。", "There is no such case, or you may not see it.")
        instance = connection.execute(select(INSTANCE).where(INSTANCE.c.id == instance_id)).one()
        seats = live_seats(connection, instance_id)
        case, case_row = self._engine.attach(connection, instance, history.SYSTEM), self._worklist.case_rows(connection, [instance], seats)[0]
        rows = history.facts(connection, instance_id)
        items = timeline(connection, self._people, case, rows)
        if seen == "status":
            return CaseView(
                case_row, case.version, [], {}, _who_decided(items), {}, [], {}, frozenset(), self._messages(connection, actor, case),
                self._marks(connection, instance_id), status_only=True,
            )
        own, functions = case.subject_person == actor.person_id, self._engine.functions(connection, case)
        reading = reading_of(connection, self._people, actor, case, functions)
        items = masked_timeline(reading.fields.timeline(items), case.version)
        return CaseView(
            case_row, case.version, named_files(facts(case, None, functions, reading.fields), reading.files), self._items(connection, instance_id),
            [replace(item, changes=named_files(item.changes, reading.files)) for item in items], diagram(case, rows),
            [self._worklist.row(row, actor) for row in seats], whose(connection, self._people, seats),
            self._verbs(connection, actor, case, seats, reading), self._messages(connection, actor, case), self._marks(connection, instance_id),
            self._outbox(connection, instance_id), own, reading=reading,
        )

    def _verbs(self, connection: Connection, actor: Actor, case: Case, seats: Sequence[AnyRow], reading: Reading) -> frozenset[str]:
        own = case.status == "active" and case.subject_person == actor.person_id
        nodes = people_work_at(connection, case) if own else set()
        verbs = {"withdraw"} if nodes and nodes <= withdrawable(case.version) else set()
        return frozenset(verbs | {"unwatch" if reading.follows else "watch"} | ({"urge"} if seats else set())) | steering_verbs(connection, actor, case)

    def _messages(self, connection: Connection, actor: Actor, case: Case) -> list[dict[str, Any]]:
        his = self._steering.messages(case.version, set(case.version.graph.nodes), actor)
        if not his:
            return []
        waiting = set(connection.execute(select(Wait.node_id).where(Wait.instance_id == case.id, Wait.kind == "message")).scalars())
        return [{"name": node.event.name, **case.version.both(node.id)} for node in his if node.id in waiting]

    @staticmethod
    def _items(connection: Connection, instance_id: int) -> dict[str, list[str]]:
        items: dict[str, list[str]] = {}
        for row in connection.execute(select(CaseItem.__table__).where(CaseItem.instance_id == instance_id).order_by(CaseItem.value)):
            items.setdefault(row.kind, []).append(row.value)
        return items

    @staticmethod
    def _marks(connection: Connection, instance_id: int) -> list[dict[str, Any]]:
        rows = connection.execute(select(CaseMark.__table__).where(CaseMark.instance_id == instance_id).order_by(CaseMark.id)).all()
        return [{"kind": row.kind, "organisation": row.organisation_code, "round": row.round, "at": row.at} for row in rows]

    @staticmethod
    def _outbox(connection: Connection, instance_id: int) -> list[dict[str, Any]]:
        rows = connection.execute(
            select(OutboxMessage.__table__).where(OutboxMessage.instance_id == instance_id).order_by(OutboxMessage.id)
        ).all()
        return [{"name": row.name, "status": row.status, "release_at": row.release_at, "sent_at": row.sent_at} for row in rows]


def _who_decided(items: Sequence[TimelineItem]) -> list[TimelineItem]:
    """Status and deciders only: no opinions, no values."""
    return [replace(item, opinion=None, changes=[]) for item in items if item.kind in ("activity_completed", "ended")]
