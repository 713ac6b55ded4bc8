"""What a task page and a case page show: facts, form, timeline, differences, diagram state, allowed verbs. Reads only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, exists, select

from tasks import errors
from tasks.assignment import outcomes, refusal
from tasks.going_back import GoingBack
from tasks.models import CaseItem, CaseMark, CaseParty, Draft, SeatExclusion, SeatOffer, UndoRecord
from tasks.people import Actor, People
from tasks.permissions import may, visible_cases
from tasks.seats import LIVE, SEAT, separated
from tasks.steering import Steering
from tasks.timeline import TimelineItem, timeline
from tasks.worklist import CaseRow, Worklist, WorklistRow
from tasks.worklist_statements import SEAT_ROWS
from workflows import history
from workflows.case import Case
from workflows.definitions import ProcessVersion
from workflows.engine import INSTANCE, ProcessEngine
from workflows.errors import NotFound, Rejection
from workflows.feel.values import to_json
from workflows.forms import fields
from workflows.graph import Node
from workflows.host import feel
from workflows.models import OutboxMessage, Wait


@dataclass(frozen=True)
class TaskView:
    """Everything the task page shows of one seat."""

    seat: WorklistRow
    case: CaseRow
    process: ProcessVersion
    node_name: dict[str, str]
    schema: dict[str, Any] | None
    data: dict[str, Any]
    draft: dict[str, Any] | None
    outcomes: list[dict[str, Any]]
    facts: list[dict[str, Any]]
    flags: list[dict[str, Any]]
    notices: list[dict[str, Any]]
    may: frozenset[str]
    refused: dict[str, str] | None
    timeline: list[TimelineItem]
    differences: list[dict[str, Any]]
    diagram: dict[str, Any]
    on_behalf: bool  # the reader would complete it for the applicant, not in his own name


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
    may: frozenset[str]
    messages: list[dict[str, Any]]
    marks: list[dict[str, Any]]
    outbox: list[dict[str, Any]] = field(default_factory=list)


class Views:
    """Builds the pages' data."""

    def __init__(self, engine: ProcessEngine, worklist: Worklist, people: People, steering: Steering) -> None:
        self._engine = engine
        self._worklist = worklist
        self._people = people
        self._steering = steering

    def _row(self, connection: Connection, seat_id: int) -> Row[Any]:
        row = connection.execute(SEAT_ROWS.where(SEAT.c.id == seat_id)).first()
        if row is None:
            raise NotFound("没有这个待办事项。", "There is no such task.")
        return row

    def _case(self, connection: Connection, instance_id: int) -> tuple[Case, CaseRow]:
        row = connection.execute(select(INSTANCE).where(INSTANCE.c.id == instance_id)).one()
        return self._engine.attach(connection, row, history.SYSTEM), self._worklist.case_rows(connection, [row])[0]

    def task_view(self, connection: Connection, actor: Actor, seat_id: int) -> TaskView:
        """The task page of a seat, for somebody it is offered to, who acted on it, or who may see the case.

        Raises NotFound, or Forbidden with the clause that keeps this person out.
        """
        row = self._row(connection, seat_id)
        case, case_row = self._case(connection, row.instance_id)
        node = case.version.graph.nodes[row.node_id]
        offered, barred = self._standing(connection, actor, row, case, node)
        stands_in = not offered and row.status in LIVE and self._stands_in(actor, case_row, case, node)
        if not (offered or stands_in or row.completed_by == actor.person_id or self._visible(connection, actor, case.id)):
            raise errors.not_yours((row.summary or {}).get("clause"))
        functions = self._engine.functions(connection, case)
        facts_of_history = history.facts(connection, case.id)
        verbs = self._task_verbs(connection, actor, row, case, offered and not barred, stands_in)
        block = refusal(case, node, functions) if row.status in LIVE else None
        refused = None
        if row.status in LIVE and not ("complete" in verbs):
            refused = barred or (row.summary or {}).get("clause") or {"zh": "该事项未分派给您，仅可查看。", "en": "Not offered to you; read only."}
        return TaskView(
            self._worklist.row(row, actor), case_row, case.version, case.version.both(node.id), case.version.form_of(node),
            _form_data(case), self._draft(connection, actor, seat_id), outcomes(case, node, functions), self.facts(case, node, functions),
            list((row.summary or {}).get("flags", [])), [block] if block else [], verbs, refused,
            timeline(connection, self._people, case, facts_of_history), self._differences(case, facts_of_history),
            self._diagram(case, facts_of_history), stands_in,
        )

    def _standing(
        self, connection: Connection, actor: Actor, row: Row[Any], case: Case, node: Node
    ) -> tuple[bool, dict[str, str] | None]:
        offered = exists().where(SeatOffer.seat_id == row.id, SeatOffer.candidate.in_(actor.candidates))
        excluded = exists().where(SeatExclusion.seat_id == row.id, SeatExclusion.person_id == actor.person_id)
        is_offered, is_excluded = connection.execute(select(offered, excluded)).one()
        duty_elsewhere = row.owner_id not in (None, actor.person_id) and row.duty in actor.candidates and row.claimed_as != row.duty
        reason = {"zh": "经办与复核须为不同人员，您已参与前序环节。", "en": "Four-eyes: you took part in an earlier step."}
        return bool(is_offered or duty_elsewhere), reason if is_excluded and separated(node) else None

    def _stands_in(self, actor: Actor, case_row: CaseRow, case: Case, node: Node) -> bool:
        roles = {part.strip() for part in (node.properties.get("proxy") or "").split(",") if part.strip()}
        mine = {one.organisation_code for one in actor.memberships if one.role in roles}
        return bool(mine & set(case_row.parties.values())) and case.subject_person != actor.person_id

    def _visible(self, connection: Connection, actor: Actor, instance_id: int) -> bool:
        query = select(INSTANCE.c.id).where(INSTANCE.c.id == instance_id, visible_cases(actor))
        return connection.execute(query).first() is not None

    def _task_verbs(
        self, connection: Connection, actor: Actor, row: Row[Any], case: Case, may_act: bool, stands_in: bool
    ) -> frozenset[str]:
        verbs: set[str] = set()
        if row.status in LIVE and case.status == "active":
            if may_act or stands_in:
                verbs |= {"complete", "save"}
            if may_act and row.owner_id != actor.person_id and not self._single(connection, row.id):
                verbs.add("claim")
            if row.owner_id == actor.person_id and row.claimed_as:
                verbs.add("release")
            if not may_act:
                verbs.add("urge")
            if self._supervises(connection, actor, case):
                verbs.add("reassign")
            if case.subject_person == actor.person_id and row.node_id in GoingBack.withdrawable(case):
                verbs.add("withdraw")
        elif row.status == "completed" and row.completed_by == actor.person_id:
            undo = select(UndoRecord.seat_id).where(
                UndoRecord.seat_id == row.id, UndoRecord.expires_at >= case.now, UndoRecord.revision == case.revision
            )
            if connection.execute(undo).first():
                verbs.add("undo")
        return frozenset(verbs)

    @staticmethod
    def _single(connection: Connection, seat_id: int) -> bool:
        """Offered to one person only: there is nothing to claim."""
        lines = connection.execute(select(SeatOffer.candidate).where(SeatOffer.seat_id == seat_id).limit(2)).scalars().all()
        return len(lines) == 1 and lines[0].startswith("person:")

    def _supervises(self, connection: Connection, actor: Actor, case: Case) -> bool:
        codes = self._worklist_parties(connection, case.id)
        return any(may(actor, "seats.reassign", self._people.organisation(connection, code)) for code in codes)

    @staticmethod
    def _worklist_parties(connection: Connection, instance_id: int) -> Sequence[str]:
        return connection.execute(select(CaseParty.organisation_code).where(CaseParty.instance_id == instance_id)).scalars().all()

    @staticmethod
    def _draft(connection: Connection, actor: Actor, seat_id: int) -> dict[str, Any] | None:
        query = select(Draft.values).where(Draft.seat_id == seat_id, Draft.person_id == actor.person_id)
        return connection.execute(query).scalar()

    def facts(self, case: Case, node: Node | None, functions: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The facts the model wants shown: the activity's `facts`, else the process's."""
        text = (node.properties.get("facts") if node else None) or case.version.graph.properties.get("facts")
        try:
            value = to_json(feel(case, functions, text))
        except Rejection:
            return []
        return [fact for fact in value or [] if isinstance(fact, dict) and fact.get("value") not in (None, "", [])]

    def _differences(self, case: Case, rows: Iterable[Row[Any]]) -> list[dict[str, Any]]:
        """What the applicant changed against the round before, field by field."""
        if case.round < 2:
            return []
        before: dict[str, Any] = {}
        latest: dict[str, Any] = {}
        for row in rows:
            if row.kind == "activity_completed" and row.node_id in case.version.applicant_nodes:
                changes = (row.detail or {}).get("changes", {})
                for name, (_, after) in changes.items():
                    if row.round < case.round:
                        before[name] = after
                    else:
                        latest[name] = after
        labels = field_labels(case.version)
        return [
            {"key": name, **labels[name], "before": before.get(name), "after": after}
            for name, after in latest.items() if name in labels and before.get(name) != after and before.get(name) is not None
        ]

    @staticmethod
    def _diagram(case: Case, rows: Iterable[Row[Any]]) -> dict[str, Any]:
        active = [str(token[1]) for token in case.version.machine.tokens(case.state)]
        done: dict[str, int] = {}
        for row in rows:
            if row.kind in ("activity_completed", "performed", "passed", "fired", "message_thrown", "timer_fired", "message_received") and row.node_id:
                done[row.node_id] = done.get(row.node_id, 0) + 1
        badges = [{"element": node, "text": str(count), "kind": "blue"} for node, count in done.items() if count > 1]
        xml = case.version.resources[case.version.bpmn].decode()
        return {"xml": xml, "active": active, "done": list(done), "badges": badges}

    def case_view(self, connection: Connection, actor: Actor, instance_id: int) -> CaseView:
        """The case page for somebody who may see the case; raises NotFound for anybody else."""
        query = select(INSTANCE.c.id).where(INSTANCE.c.id == instance_id, visible_cases(actor))
        if connection.execute(query).first() is None:
            raise NotFound("没有这个事项，或您无权查看。", "There is no such case, or you may not see it.")
        case, case_row = self._case(connection, instance_id)
        rows = history.facts(connection, instance_id)
        functions = self._engine.functions(connection, case)
        seats = connection.execute(
            SEAT_ROWS.where(SEAT.c.instance_id == instance_id, SEAT.c.status.in_(LIVE)).order_by(SEAT.c.id)
        ).all()
        verbs = {"withdraw"} if self._may_withdraw(actor, case, seats) else set()
        if seats:
            verbs.add("urge")
        return CaseView(
            case_row, case.version, self.facts(case, None, functions), self._items(connection, instance_id),
            timeline(connection, self._people, case, rows), self._diagram(case, rows), [self._worklist.row(row, actor) for row in seats],
            frozenset(verbs), self._messages(connection, actor, case), self._marks(connection, instance_id), self._outbox(connection, instance_id),
        )

    @staticmethod
    def _may_withdraw(actor: Actor, case: Case, seats: Sequence[Row[Any]]) -> bool:
        nodes = {seat.node_id for seat in seats}
        return case.status == "active" and case.subject_person == actor.person_id and bool(nodes) and nodes <= GoingBack.withdrawable(case)

    def _messages(self, connection: Connection, actor: Actor, case: Case) -> list[dict[str, Any]]:
        waiting = connection.execute(select(Wait.node_id).where(Wait.instance_id == case.id, Wait.kind == "message")).scalars().all()
        return [
            {"name": node.event.name, **case.version.both(node.id)} for node in self._steering.messages(case.version, set(waiting), actor)
        ]

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


def field_labels(version: ProcessVersion) -> dict[str, dict[str, str]]:
    """The labels of all form fields of a version by key; `labels.*.yaml` wins over the form's own text."""
    found: dict[str, dict[str, str]] = {}
    for schema in version.forms.values():
        for component in fields(schema):
            if component.key:
                zh = version.labels.get("zh-CN", {}).get(component.key) or component.label or component.key
                found[component.key] = {"zh": str(zh), "en": str(version.labels.get("en", {}).get(component.key) or zh)}
    return found


def _form_data(case: Case) -> dict[str, Any]:
    """What the form may read: the case's variables without records of who acted."""
    return {name: value for name, value in case.variables.items() if not name.endswith("_by")}


__all__ = ["CaseView", "TaskView", "Views", "field_labels"]
