"""Cells of lists and exports: from a column's `source` to text a person reads, masked. It knows no process and no page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from tasks.actors import Actor
from tasks.attached_files import PREFIX
from tasks.case_fields import Subject, case_views_of
from tasks.field_view import FieldView
from tasks.models import CaseItem, CaseParty, Person
from tasks.organisations import Tree
from tasks.roster.columns import ListColumn
from workflows.business_calendar import SHANGHAI
from workflows.definitions import Definitions, ProcessVersion

STATUS = {
    "active": ("办理中", "open"), "suspended": ("已挂起", "suspended"), "completed": ("已办结", "closed"), "terminated": ("已终止", "terminated"),
    "void": ("已作废", "void"),
}
PERSON_FIELDS = {
    "person.name": "person_name", "person.student_number": "student_number", "person.id_number": "id_number_masked",
    "person.mobile": "mobile_masked",
}
PLAIN = ("number", "subject", "round", "cycle")
MOMENTS = ("started_at", "last_change_at", "ended_at")


class CellReader:
    """Reads the cells of a batch of cases: what lies in other tables is fetched once for the whole batch."""

    def __init__(
        self, connection: Connection, actor: Actor, definitions: Definitions, organisations: Tree, columns: Sequence[ListColumn], language: str
    ) -> None:
        self._connection = connection
        self._actor = actor
        self._definitions = definitions
        self._organisations = organisations
        self._columns = columns
        self._language = "zh-CN" if language.startswith("zh") else "en"
        self._items: dict[int, dict[str, list[str]]] = {}
        self._parties: dict[int, dict[str, str]] = {}
        self._names: dict[int, str] = {}

    def read(self, rows: Sequence[Row[Any]]) -> list[list[str]]:
        """The cells of each case, in the order of the columns."""
        ids = [row.id for row in rows]
        if any(column.source.startswith("items.") for column in self._columns):
            self._items = self._children(CaseItem.instance_id, CaseItem.kind, CaseItem.value, ids)
        if any(column.source.startswith("party") for column in self._columns):
            found = self._children(CaseParty.instance_id, CaseParty.kind, CaseParty.organisation_code, ids)
            self._parties = {instance: {kind: codes[0] for kind, codes in kinds.items()} for instance, kinds in found.items()}
        self._load_names(rows)
        views = case_views_of(self._connection, self._actor, [
            Subject(row.id, row.id, row.subject_person, self._definitions.get(self._connection, row.definition_id)) for row in rows
        ])
        return [[self._cell(row, column.source, views[row.id]) for column in self._columns] for row in rows]

    def _children(self, instance: Any, kind: Any, value: Any, ids: Sequence[int]) -> dict[int, dict[str, list[str]]]:
        found: dict[int, dict[str, list[str]]] = {}
        for row in self._connection.execute(select(instance, kind, value).where(instance.in_(ids)).order_by(instance, kind, value)):
            found.setdefault(row[0], {}).setdefault(row[1], []).append(row[2])
        return found

    def _load_names(self, rows: Sequence[Row[Any]]) -> None:
        paths = [column.source for column in self._columns if column.source.endswith("_by.person")]
        wanted = {found for row in rows for path in paths if isinstance(found := look_up(row.variables, path), int)} - set(self._names)
        if wanted:
            self._names |= {row.id: row.name for row in self._connection.execute(select(Person.id, Person.name).where(Person.id.in_(wanted)))}

    def _cell(self, row: Row[Any], source: str, view: FieldView) -> str:
        if source in PERSON_FIELDS:
            return str(getattr(row, PERSON_FIELDS[source]) or "")
        if source in PLAIN:
            return "" if getattr(row, source) is None else str(getattr(row, source))
        if source in MOMENTS:
            return moment_text(getattr(row, source))
        if source == "status":
            return str(STATUS.get(row.status, (row.status, row.status))[0 if self._language == "zh-CN" else 1])
        version = self._definitions.get(self._connection, row.definition_id)
        if source == "stage":
            return self._stage(version, row.stage)
        if source.startswith("items."):
            return "、".join(self._items.get(row.id, {}).get(source.removeprefix("items."), ()))
        if source.startswith("party"):
            return self._party(row.id, source)
        variables = view.values(row.variables) if view.hidden else row.variables
        return self._value(version, look_up(variables, source), source)

    def _stage(self, version: ProcessVersion, stage: str | None) -> str:
        words = version.labels.get(self._language, {})
        return str(words.get(f"stage.{stage}") or words.get(stage) or stage or "") if stage else ""

    def _party(self, instance_id: int, source: str) -> str:
        folder, _, kind = source.partition(".")
        code = self._parties.get(instance_id, {}).get(kind, "")
        found = self._organisations.by_code.get(code) if folder == "party" else None
        return found.name if found else code

    def _value(self, version: ProcessVersion, value: Any, source: str) -> str:
        if source.endswith("_by.person") and isinstance(value, int):
            return self._names.get(value, "")
        if isinstance(value, list):
            return "、".join(self._value(version, item, source) for item in value)
        if isinstance(value, str) and value.startswith(PREFIX):
            return "附件" if self._language == "zh-CN" else "file"
        if isinstance(value, str):
            return str(version.labels.get(self._language, {}).get(value) or value)
        return plain_text(value, self._language)


def look_up(variables: Any, path: str) -> Any:
    """The value at a path such as case.university; None where the path ends early."""
    for part in path.split("."):
        if not isinstance(variables, Mapping):
            return None
        variables = variables.get(part)
    return variables


def plain_text(value: Any, language: str) -> str:
    """A stored value as text: dates, moments in Asia/Shanghai, yes and no, masked personal data."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return (("否", "是") if language.startswith("zh") else ("no", "yes"))[value]
    if isinstance(value, Mapping):
        if "masked" in value:
            return str(value["masked"])
        if "$datetime" in value:
            return moment_text(datetime.fromisoformat(str(value["$datetime"]).split("@")[0]))
        return str(next((value[tag] for tag in ("$date", "$number", "$time", "$duration") if tag in value), ""))
    return str(value)


def moment_text(moment: datetime | None) -> str:
    """Asia/Shanghai to the minute; empty when there is none."""
    return moment.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M") if moment is not None else ""
