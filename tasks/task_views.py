"""What a task page shows: the seat, its form, facts, timeline, differences, diagram, and the verbs this person may use. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from tasks import errors
from tasks.assignment import outcomes, refusal
from tasks.children.answers import offered_answers, voting_outcomes
from tasks.children.waiting import waits_for
from tasks.form_panel import FormPanel, form_panel
from tasks.lifecycle import ACTUAL_OWNER, ADVICE, LIVE, PAST_OWNER, POTENTIAL_OWNER, STAND_IN, SUBSTITUTE, reading
from tasks.people import Actor, People
from tasks.personal_fields import PersonalFields
from tasks.seats import SEAT
from tasks.sight import sight
from tasks.standing import Standing, see, standing
from tasks.story import Story, story_of, view_at
from tasks.votes.opening import owns_process
from tasks.worklist import Worklist, WorklistRow
from tasks.worklist_statements import SEAT_ROWS
from workflows import history
from workflows.case import Case
from workflows.definitions import ProcessVersion
from workflows.engine import ProcessEngine
from workflows.errors import Words
from workflows.graph import Node

FOUR_EYES = {"zh": "经办与复核须为不同人员，您已参与前序环节。", "en": "Four-eyes: you took part in an earlier step."}
NOT_YET = {"zh": "还没有轮到您签署。", "en": "It is not your turn yet."}
TAKING_PART = frozenset({POTENTIAL_OWNER, ACTUAL_OWNER, SUBSTITUTE, STAND_IN, PAST_OWNER})
READ_ONLY = {"zh": "该事项未分派给您，仅可查看。", "en": "Not offered to you; read only."}


@dataclass(frozen=True, kw_only=True)
class TaskView(Story):
    """Everything the task page shows of one seat."""

    seat: WorklistRow
    process: ProcessVersion
    node_name: dict[str, str]
    form: FormPanel
    outcomes: list[dict[str, Any]]
    flags: list[dict[str, Any]]
    notices: list[dict[str, Any]]
    may: frozenset[str]
    refused: Words | None
    waits: Words | None  # for whose opinion it waits
    on_behalf: str | None  # for whom the reader would complete it, the applicant or his principal; None in his own name
    sequence: int  # of the newest fact of the case

    @property
    def schema(self) -> dict[str, Any] | None:
        """The form, as the reader gets it."""
        return self.form.schema

    @property
    def data(self) -> dict[str, Any]:
        """What the form may read."""
        return self.form.data

    @property
    def draft(self) -> dict[str, Any] | None:
        """What the reader typed and did not send."""
        return self.form.draft


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
        facts_of_seat = see(connection, actor, seat_id)
        row = connection.execute(SEAT_ROWS.where(SEAT.c.id == seat_id)).one()
        case = self._engine.attach(connection, facts_of_seat, history.SYSTEM).at(row.token)
        functions = self._engine.functions(connection, case)
        stands = standing(connection, actor, facts_of_seat, case, (lambda: owns_process(actor, case, functions)) if facts_of_seat.several else None)
        node = case.version.graph.nodes[row.node_id]
        asked = facts_of_seat.seat_participant in actor.candidates  # his vote, also once it is no longer wanted
        if not (takes_part := bool(facts_of_seat.offered_as or asked or stands.relations & TAKING_PART)):
            self._guard_sight(connection, actor, row)
        view = view_at(connection, actor, facts_of_seat, case, node, takes_part=takes_part)
        panel = form_panel(connection, actor, case, node, view, stands, self._fields, advises=reading(row.kind, row.counts) in ADVICE)
        story = story_of(connection, self._people, case, node, facts_of_seat, functions, view, panel.files)
        return self._view(connection, actor, row, case, node, stands, panel, story, facts_of_seat.history_sequence)

    def _guard_sight(self, connection: Connection, actor: Actor, row: Any) -> None:
        """Whoever sees the case in full may look; whoever sees its status only is told who decided, nothing else."""
        seen = sight(connection, actor, row.instance_id)
        if seen == "status" and row.status == "completed":
            name = self._people.name(connection, row.completed_by)
            raise errors.already_decided(name, row.completed_at, self._people.office_of(connection, row.claimed_as))
        if seen != "full":
            raise errors.not_yours((row.summary or {}).get("clause"))

    def _view(
        self, connection: Connection, actor: Actor, row: Any, case: Case, node: Node, standing: Standing, panel: FormPanel, story: Story,
        sequence: int,
    ) -> TaskView:
        functions = self._engine.functions(connection, case)
        advises = reading(row.kind, row.counts) in ADVICE
        offered = offered_answers(case, node, functions, row.kind, row.counts) if advises else outcomes(case, node, functions)
        if row.kind == "parallel" and not advises:
            offered = voting_outcomes(offered)
        verbs = self._verbs(actor, row, standing)
        live = row.status in LIVE
        block = refusal(case, node, functions) if live and not advises else None
        waits = waits_for(connection, self._people, row) if row.status == "parked" else None
        refused = None
        if live and not verbs & {"complete", "answer"}:
            waiting = waits or (NOT_YET if row.status == "queued" else None) if row.owner_id == actor.person_id else None
            refused = FOUR_EYES if standing.excluded and node.properties.get("separate_from") else waiting or (row.summary or {}).get("clause") or READ_ONLY
        return TaskView(
            **vars(story), seat=self._worklist.row(row, actor), process=case.version, node_name=case.version.both(node.id), form=panel,
            outcomes=[dict(one) for one in offered], flags=list((row.summary or {}).get("flags", [])), notices=[block] if block else [], may=verbs,
            refused=refused, waits=waits, sequence=sequence,
            on_behalf=self._people.name(connection, standing.on_behalf_of) if standing.on_behalf_of is not None else None,
        )

    @staticmethod
    def _verbs(actor: Actor, row: Any, standing: Standing) -> frozenset[str]:
        """His verbs, without those that would lead nowhere: to claim what is his alone, to release what has no pool, to urge himself."""
        verbs = set(standing.verbs)
        if row.owner_id == actor.person_id or not (standing.pooled or row.owner_id is not None):
            verbs.discard("claim")
        if not row.claimed_as:
            verbs.discard("release")
        if verbs & {"complete", "answer"}:
            verbs.discard("urge")
        return frozenset(verbs)
