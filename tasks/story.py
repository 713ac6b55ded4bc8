"""What the reader of a task is told about its case: facts, history, differences, drawing, votes, what comes next. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row

from tasks.actors import Actor
from tasks.assignment import outcomes
from tasks.attachments import AttachedFile, named_files
from tasks.case_fields import case_view_of
from tasks.case_picture import diagram, differences, facts, masked_timeline
from tasks.expected import ExpectedStep, expected
from tasks.field_view import FieldView, acting_roles, node_view
from tasks.lifecycle import LIVE
from tasks.people import People
from tasks.timeline import TimelineItem, timeline
from tasks.votes.panel import vote_lines
from workflows import history
from workflows.activity_fields import opinion_field
from workflows.case import Case
from workflows.graph import Node
from workflows.host import Functions


@dataclass(frozen=True, kw_only=True)
class Story:
    """A case as the reader of one of its tasks sees it."""

    facts: list[dict[str, Any]]
    timeline: list[TimelineItem]
    differences: list[dict[str, Any]]
    diagram: dict[str, Any]
    votes: list[dict[str, Any]]  # of a countersigned activity: who voted what, who is still asked
    expected: list[ExpectedStep]  # what probably comes next
    fields: FieldView  # which fields the reader sees


def view_at(connection: Connection, actor: Actor, row: Row[Any], case: Case, node: Node, *, takes_part: bool) -> FieldView:
    """The fields somebody sees on a task page (`row` of SEE_SEAT): those of the activity who takes part in it, else those of the case."""
    return node_view(case.version, node, acting_roles(actor, row)) if takes_part else case_view_of(connection, actor, case)


def story_of(
    connection: Connection, people: People, case: Case, node: Node, row: Row[Any], functions: Functions, view: FieldView,
    files: Sequence[AttachedFile],
) -> Story:
    """The story at the seat of `row` (of SEE_SEAT)."""
    rows = history.facts(connection, case.id)
    items = masked_timeline(view.timeline(timeline(connection, people, case, rows)), case.version)
    votes = vote_lines(connection, people, case, row.seat_token, functions, outcomes(case, node, functions)) if row.several else []
    if not view.shows(opinion_field(node)):
        votes = [{**line, "opinion": None} for line in votes]
    return Story(
        facts=named_files(facts(case, node, functions, view), files),
        timeline=[replace(item, changes=named_files(item.changes, files)) for item in items],
        differences=named_files(differences(case, rows, view), files), diagram=diagram(case, rows), votes=votes,
        expected=expected(connection, people, case, functions, [node.id]) if row.seat_status in LIVE else [], fields=view,
    )
