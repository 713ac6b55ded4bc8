"""What a task page shows: the seat, its form, facts, timeline, differences, diagram, and the verbs this person may use. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, exists, func, select

from tasks import errors
from tasks.assignment import outcomes, refusal
from tasks.case_picture import diagram, differences, facts, form_data, masked_timeline
from tasks.going_back import GoingBack
from tasks.models import Draft, SeatExclusion, SeatOffer, UndoRecord
from tasks.people import Actor, People
from tasks.permissions import may
from tasks.personal_fields import PersonalFields
from tasks.seats import LIVE, SEAT, separated
from tasks.sight import sight
from tasks.timeline import TimelineItem, timeline
from tasks.worklist import CaseRow, Worklist, WorklistRow
from tasks.worklist_statements import SEAT_ROWS
from workflows import history
from workflows.case import Case
from workflows.definitions import ProcessVersion
from workflows.engine import INSTANCE, ProcessEngine
from workflows.errors import NotFound
from workflows.graph import Node
from workflows.models import AnyRow

FOUR_EYES = {"zh": "经办与复核须为不同人员，您已参与前序环节。", "en": "Four-eyes: you took part in an earlier step."}
READ_ONLY = {"zh": "该事项未分派给您，仅可查看。", "en": "Not offered to you; read only."}


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
class Standing:
    """How a person stands to a seat now."""

    offered: bool
    excluded: bool
    pooled: bool
    draft: Any
    undoable: bool
    stands_in: bool

    @property
    def may_act(self) -> bool:
        return self.offered and not self.excluded


class TaskViews:
    """Builds the task page's data."""

    def __init__(self, engine: ProcessEngine, worklist: Worklist, people: People) -> None:
        self._engine = engine
        self._worklist = worklist
        self._people = people
        self._fields = PersonalFields(people.personal_data)

    def task_view(self, connection: Connection, actor: Actor, seat_id: int) -> TaskView:
        """The task page of a seat, for somebody it is offered to, who acted on it, or who sees the case in full.

        Raises NotFound, Forbidden with the clause that keeps this person out, or Conflict where he may only know who decided.
        """
        row = connection.execute(SEAT_ROWS.where(SEAT.c.id == seat_id)).first()
        if row is None:
            raise NotFound("没有这个待办事项。", "There is no such task.")
        instance = connection.execute(select(INSTANCE).where(INSTANCE.c.id == row.instance_id)).one()
        case, case_row = self._engine.attach(connection, instance, history.SYSTEM).at(row.token), self._worklist.case_rows(connection, [instance])[0]
        node = case.version.graph.nodes[row.node_id]
        standing = self._standing(connection, actor, row, case, case_row, node)
        if not (standing.offered or standing.stands_in or row.completed_by == actor.person_id):
            self._guard_sight(connection, actor, row)
        return self._view(connection, actor, row, case, case_row, node, standing)

    def _guard_sight(self, connection: Connection, actor: Actor, row: AnyRow) -> None:
        """Whoever sees the case in full may look; whoever sees its status only is told who decided, nothing else."""
        seen = sight(connection, actor, row.instance_id)
        if seen == "status" and row.status == "completed":
            name = self._people.name(connection, row.completed_by)
            raise errors.already_decided(name, row.completed_at, self._people.office_of(connection, row.claimed_as))
        if seen != "full":
            raise errors.not_yours((row.summary or {}).get("clause"))

    def _view(
        self, connection: Connection, actor: Actor, row: AnyRow, case: Case, case_row: CaseRow, node: Node, standing: Standing
    ) -> TaskView:
        functions = self._engine.functions(connection, case)
        rows = history.facts(connection, case.id)
        verbs = self._verbs(connection, actor, row, case, case_row, standing)
        live = row.status in LIVE
        block = refusal(case, node, functions) if live else None
        refused = None
        if live and "complete" not in verbs:
            refused = FOUR_EYES if standing.excluded and separated(node) else (row.summary or {}).get("clause") or READ_ONLY
        own = case.subject_person == actor.person_id
        items = timeline(connection, self._people, case, rows)
        return TaskView(
            self._worklist.row(row, actor), case_row, case.version, case.version.both(node.id), case.version.form_of(node),
            form_data(case, self._fields if own or standing.stands_in else None),
            self._fields.open(case.version, standing.draft) if standing.draft else None, outcomes(case, node, functions), facts(case, node, functions),
            list((row.summary or {}).get("flags", [])), [block] if block else [], verbs, refused,
            masked_timeline(items, case.version), differences(case, rows), diagram(case, rows), standing.stands_in,
        )

    def _standing(
        self, connection: Connection, actor: Actor, row: AnyRow, case: Case, case_row: CaseRow, node: Node
    ) -> Standing:
        """One statement for everything that depends on this person and this seat."""
        mine = SeatOffer.seat_id == row.id
        undo = and_(UndoRecord.seat_id == row.id, UndoRecord.expires_at >= case.now, UndoRecord.revision == case.revision)
        draft = select(Draft.values).where(Draft.seat_id == row.id, Draft.person_id == actor.person_id).scalar_subquery()
        pooled = select(func.count()).select_from(SeatOffer).where(mine, SeatOffer.candidate.not_like("person:%")).scalar_subquery()
        found = connection.execute(select(
            exists().where(mine, SeatOffer.candidate.in_(actor.candidates)).label("offered"),
            exists().where(SeatExclusion.seat_id == row.id, SeatExclusion.person_id == actor.person_id).label("excluded"),
            pooled.label("pooled"), draft.label("draft"), exists().where(undo).label("undoable"),
        )).one()
        duty_here = row.status in LIVE and row.owner_id not in (None, actor.person_id) and row.duty in actor.candidates and row.claimed_as != row.duty
        offered = bool(found.offered or duty_here)
        stands_in = not offered and row.status in LIVE and self._stands_in(actor, case_row, case, node)
        return Standing(offered, bool(found.excluded), bool(found.pooled), found.draft, bool(found.undoable), stands_in)

    @staticmethod
    def _stands_in(actor: Actor, case_row: CaseRow, case: Case, node: Node) -> bool:
        roles = {part.strip() for part in (node.properties.get("proxy") or "").split(",") if part.strip()}
        mine = {one.organisation_code for one in actor.memberships if one.role in roles}
        return bool(mine & set(case_row.parties.values())) and case.subject_person != actor.person_id

    def _verbs(
        self, connection: Connection, actor: Actor, row: AnyRow, case: Case, case_row: CaseRow, standing: Standing
    ) -> frozenset[str]:
        verbs: set[str] = set()
        if row.status == "completed" and row.completed_by == actor.person_id and standing.undoable:
            verbs.add("undo")
        if row.status not in LIVE or case.status != "active":
            return frozenset(verbs)
        if standing.may_act or standing.stands_in:
            verbs |= {"complete", "save"}
        else:
            verbs.add("urge")
        if standing.may_act and row.owner_id != actor.person_id and (standing.pooled or row.owner_id is not None):
            verbs.add("claim")
        if row.owner_id == actor.person_id and row.claimed_as:
            verbs.add("release")
        if any(may(actor, "seats.reassign", self._people.organisation(connection, code)) for code in case_row.parties.values()):
            verbs.add("reassign")
        if case.subject_person == actor.person_id and row.node_id in GoingBack.withdrawable(case):
            verbs.add("withdraw")
        return frozenset(verbs)
