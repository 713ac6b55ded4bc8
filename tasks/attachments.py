"""Files on a case: attached to a form field or an opinion, kept once per content, shown to whoever sees that field. Never on a disk of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from tasks.actors import Actor
from tasks.attached_files import PREFIX, SHOWN, KnownFile, known_file
from tasks.case_fields import case_view_of
from tasks.children.entering import Entered, enter
from tasks.field_view import FieldView, acting_roles, node_view
from tasks.lifecycle import ADVICE, LIVE, reading
from tasks.models import Person, Seat
from tasks.operation_models import Attachment, AttachmentContent
from tasks.sight import sight
from workflows import history
from workflows.activity_fields import opinion_field
from workflows.attachment_settings import MEGABYTE, AttachmentRule, attachment_rule
from workflows.case import Case
from workflows.engine import INSTANCE, ProcessEngine
from workflows.errors import Conflict, Forbidden, NotFound, Rejection
from workflows.forms import fields
from workflows.store import insert_missing

FILE = Attachment.__table__
CONTENT = AttachmentContent.__table__
SEAT = Seat.__table__
MOST_OF_A_CASE = 200 * MEGABYTE
MOST_FILES = 300


@dataclass(frozen=True, slots=True)
class AttachedFile:
    """A file as lists show it. `shown`: a browser may show it in place; `removable`: by the reader, now."""

    id: int
    name: str
    media_type: str
    size: int
    node_id: str | None
    field: str | None
    seat_id: int | None
    uploaded_by: str
    uploaded_at: datetime
    shown: bool
    removable: bool

    @property
    def reference(self) -> str:
        """What a form field holds for it."""
        return f"{PREFIX}{self.id}"


class Attachments:
    """Attach, remove, read, list."""

    def __init__(self, engine: ProcessEngine) -> None:
        self._engine = engine

    def attach(self, connection: Connection, actor: Actor, seat_id: int, field: str | None, name: str, content: bytes) -> AttachedFile:
        """Keep a file for a form field of the seat's activity, or for the opinion (`field` None).

        Whoever may fill the form in may attach. Raises what the guards say, Forbidden for a field that is not his, and Rejection
        413 or 422 in words for a file that is too large, not taken here, or not what it says it is.
        """
        entered = enter(self._engine, connection, actor, seat_id, "save", {})
        found = known_file(name, content, self._rule(actor, entered, field))
        self._guard_room(connection, entered.case, len(content))
        digest = hashlib.sha256(content).hexdigest()
        insert_missing(connection, AttachmentContent, [{"digest": digest, "size": len(content), "content": content}])
        number = self._insert(connection, actor, entered, field, found, len(content), digest)
        entered.record("attached", file=number, name=found.name, size=len(content), field=field)
        self._engine.save(connection, [entered.case])
        return AttachedFile(
            number, found.name, found.media_type, len(content), entered.node.id, field, seat_id, actor.name, entered.case.now,
            found.media_type in SHOWN, True,
        )

    @staticmethod
    def _rule(actor: Actor, entered: Entered, field: str | None) -> AttachmentRule:
        """What the activity takes here; refuses a field that holds no files, or that this person may not change."""
        rule, node, version = attachment_rule(entered.node), entered.node, entered.case.version
        if field is None:
            if not rule.opinion:
                raise Rejection("该环节不接受附件。", "This step takes no files.", status=422)
            return rule
        form = version.form_of(node)
        if field not in {one.key for one in fields(form or {}) if one.type == "filepicker"}:
            raise Rejection("表单中没有这个附件栏。", "The form has no such field for files.", status=422)
        advises = reading(entered.row.seat_kind, entered.row.seat_counts) in ADVICE
        if advises or node_view(version, node, acting_roles(actor, entered.row)).rights.get(field) in ("hidden", "visible"):
            raise Forbidden("您不能更改这个附件栏。", "You may not change this field.", detail={"field": field})
        return rule

    @staticmethod
    def _guard_room(connection: Connection, case: Case, size: int) -> None:
        here = select(func.coalesce(func.sum(FILE.c.size), 0).label("size"), func.count().label("files")).where(
            FILE.c.instance_id == case.root, FILE.c.removed_at.is_(None)
        )
        taken = connection.execute(here).one()
        if taken.size + size > MOST_OF_A_CASE or taken.files >= MOST_FILES:
            most = MOST_OF_A_CASE // MEGABYTE
            raise Rejection(
                f"该事项的附件已达上限（{most} MB、{MOST_FILES} 个）。", f"The case has reached its bound of {most} MB and {MOST_FILES} files.", status=413
            )

    @staticmethod
    def _insert(
        connection: Connection, actor: Actor, entered: Entered, field: str | None, found: KnownFile, size: int, digest: str
    ) -> int:
        return int(connection.execute(insert(Attachment).values(
            instance_id=entered.case.root, seat_id=entered.row.seat_id, node_id=entered.node.id, field=field, name=found.name,
            media_type=found.media_type, size=size, digest=digest, uploaded_by=actor.person_id, uploaded_at=entered.case.now,
        ).returning(FILE.c.id)).scalar_one())

    def remove(self, connection: Connection, actor: Actor, attachment_id: int) -> None:
        """Take a file back: only whoever attached it, and only until the step is decided. Raises NotFound, Forbidden, Conflict."""
        found = connection.execute(select(FILE).where(FILE.c.id == attachment_id, FILE.c.removed_at.is_(None))).first()
        if found is None:
            raise _missing()
        entered = enter(self._engine, connection, actor, found.seat_id, None, {})
        if found.uploaded_by != actor.person_id:
            raise Forbidden("只有上传人可以移除附件。", "Only whoever attached a file may remove it.", detail={"instance_id": found.instance_id})
        if entered.row.seat_status not in LIVE:
            raise Conflict("该环节已办理，附件不能再移除。", "The step is decided; its files stay.")
        if refused := entered.standing.refusal("save"):
            raise refused
        connection.execute(update(Attachment).where(FILE.c.id == attachment_id, FILE.c.removed_at.is_(None)).values(
            removed_at=entered.case.now, removed_by=actor.person_id
        ))
        entered.record("detached", file=attachment_id, name=found.name, field=found.field)
        self._engine.save(connection, [entered.case])

    # reading

    def content(self, connection: Connection, actor: Actor, attachment_id: int) -> tuple[str, str, bytes]:
        """Name, media type and bytes of a file, for whoever sees the case in full and its field; NotFound for anybody else."""
        query = select(FILE, CONTENT.c.content, SEAT.c.instance_id.label("seat_instance")).join(CONTENT, CONTENT.c.digest == FILE.c.digest)
        row = connection.execute(query.outerjoin(SEAT, SEAT.c.id == FILE.c.seat_id).where(FILE.c.id == attachment_id)).first()
        if row is None or row.removed_at is not None:
            raise _missing()
        if all(sight(connection, actor, number) != "full" for number in {row.instance_id, row.seat_instance} if number is not None):
            raise _missing()
        instance = connection.execute(select(INSTANCE).where(INSTANCE.c.id == row.instance_id)).one()
        case = self._engine.attach(connection, instance, history.SYSTEM)
        if not _shows(case, case_view_of(connection, actor, case), row):
            raise _missing()
        return row.name, row.media_type, bytes(row.content)

    @staticmethod
    def of_case(connection: Connection, actor: Actor, case: Case, view: FieldView) -> list[AttachedFile]:
        """The files of a case that `view` shows, oldest first. One statement."""
        query = (
            select(FILE, Person.name.label("person_name"), SEAT.c.status.label("seat_status")).join(Person, Person.id == FILE.c.uploaded_by)
            .outerjoin(SEAT, SEAT.c.id == FILE.c.seat_id).where(FILE.c.instance_id == case.root, FILE.c.removed_at.is_(None)).order_by(FILE.c.id)
        )
        return [_attached(row, actor) for row in connection.execute(query) if _shows(case, view, row)]


def named_files(items: Iterable[dict[str, Any]], files: Sequence[AttachedFile]) -> list[dict[str, Any]]:
    """Facts or changes of fields in which a file is called by its name."""
    names = {file.reference: file.name for file in files}

    def named(value: Any) -> Any:
        if isinstance(value, list):
            return [named(one) for one in value]
        return names.get(value, "附件") if isinstance(value, str) and value.startswith(PREFIX) else value

    return [{part: named(value) for part, value in item.items()} for item in items]


def _shows(case: Case, view: FieldView, row: Row[Any]) -> bool:
    node = case.version.graph.nodes.get(row.node_id or "")
    return view.shows(row.field or (opinion_field(node) if node is not None else None))


def _attached(row: Row[Any], actor: Actor) -> AttachedFile:
    return AttachedFile(
        row.id, row.name, row.media_type, row.size, row.node_id, row.field, row.seat_id, row.person_name, row.uploaded_at,
        row.media_type in SHOWN, row.uploaded_by == actor.person_id and row.seat_status in LIVE,
    )


def _missing() -> NotFound:
    return NotFound("没有这个附件，或您无权查看。", "There is no such file, or you may not see it.")
