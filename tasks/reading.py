"""What the page of a case holds for its reader alone: the fields he sees, its files, what probably comes next, his copies, whether he follows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, exists, select

from tasks.actors import Actor
from tasks.attachments import AttachedFile, Attachments
from tasks.case_fields import case_view_of
from tasks.expected import ExpectedStep, expected
from tasks.field_view import UNRESTRICTED, FieldView
from tasks.operation_models import Attachment, Watch
from tasks.people import People
from tasks.talking.circulation import Circulations
from workflows.case import Case
from workflows.host import Functions


@dataclass(frozen=True)
class Reading:
    """A case as one person reads it. `copies`: sent to him and not read yet."""

    fields: FieldView = UNRESTRICTED
    files: Sequence[AttachedFile] = field(default_factory=tuple)
    expected: Sequence[ExpectedStep] = field(default_factory=tuple)
    copies: int = 0
    follows: bool = False


def reading_of(connection: Connection, people: People, actor: Actor, case: Case, functions: Functions) -> Reading:
    """The reading of somebody who sees the case in full."""
    view = case_view_of(connection, actor, case)
    places = list(dict.fromkeys(str(token[1]) for token in case.version.machine.tokens(case.state)))
    asked = connection.execute(select(
        exists().where(Watch.person_id == actor.person_id, Watch.instance_id == case.id).label("follows"),
        Circulations.unread_of(actor, case.id).scalar_subquery().label("copies"),
        exists().where(Attachment.instance_id == case.root, Attachment.removed_at.is_(None)).label("files"),
    )).one()
    files = Attachments.of_case(connection, actor, case, view) if asked.files else ()
    return Reading(view, files, expected(connection, people, case, functions, places), asked.copies, bool(asked.follows))
