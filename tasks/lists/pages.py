"""A page of cases with the cells a list shows: one query for the cases, a few for what hangs on them. It decides no right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, select

from tasks.actors import Actor
from tasks.lists.cells import CellReader
from tasks.lists.queries import CASE
from tasks.models import Person
from tasks.people import People
from tasks.roster.columns import ListColumn
from workflows.definitions import Definitions


@dataclass(frozen=True, slots=True)
class ListPage:
    """A page of a list: heading, rows of (case id, cells), and where the next page starts."""

    columns: Sequence[ListColumn]
    rows: list[tuple[int, list[str]]]
    next: int | None


class ListPages:
    """Reads pages by case id, so that the last page costs what the first does."""

    def __init__(self, definitions: Definitions, people: People) -> None:
        self._definitions = definitions
        self._people = people

    def page(
        self, connection: Connection, actor: Actor, columns: Sequence[ListColumn], conditions: Sequence[ColumnElement[bool]], after: int, size: int,
        language: str,
    ) -> ListPage:
        """The cases after id `after` that meet `conditions`, at most `size`, oldest first; fields hidden from `actor` are empty."""
        query = (
            select(
                CASE.id, CASE.definition_id, CASE.number, CASE.subject, CASE.stage, CASE.status, CASE.round, CASE.cycle, CASE.started_at,
                CASE.last_change_at, CASE.ended_at, CASE.variables, CASE.subject_person, Person.name.label("person_name"), Person.student_number,
                Person.id_number_masked, Person.mobile_masked,
            )
            .outerjoin(Person, Person.id == CASE.subject_person).where(*conditions, CASE.id > after).order_by(CASE.id).limit(size + 1)
        )
        found: Sequence[Any] = connection.execute(query).all()
        rows = found[:size]
        reader = CellReader(connection, actor, self._definitions, self._people.organisations.tree(connection), columns, language)
        cells = [(row.id, line) for row, line in zip(rows, reader.read(rows), strict=True)] if rows else []
        return ListPage(columns, cells, rows[-1].id if len(found) > size else None)
