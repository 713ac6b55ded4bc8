"""Enters checked rows: the persons, a case for each new one, additions to known ones. It knows no file, page or command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from tasks.commands import Outcome
from tasks.roster.columns import Roster
from tasks.roster.facts import facts_of, student_of, with_key
from tasks.roster.merge import known_cases, merge
from tasks.students import Students
from workflows.alarms import raise_calendar_alarm
from workflows.engine import ProcessEngine, StartItem
from workflows.errors import CalendarMissing, Rejection
from workflows.history import Author
from workflows.store import Store


LOOK_UP = 400  # persons in one query


@dataclass(frozen=True, slots=True)
class Entry:
    """A row ready to become a case."""

    number: int
    person_id: int | None
    facts: dict[str, Any]
    key: str | None  # a keyed hash that tells other systems whom the case is about


class RosterEntry:
    """Makes cases of checked rows, many at a time; entering the same row again changes nothing."""

    def __init__(self, engine: ProcessEngine, students: Students) -> None:
        self._engine = engine
        self._students = students

    def enter(
        self, connection: Connection, author: Author, roster: Roster, cycle: str, rows: Sequence[Mapping[str, Any]]
    ) -> list[Outcome]:
        """Enter rows ({"row": number, "values": plain values}); one outcome each, in order.

        done: a case was started; merged: a known case got something new; unchanged; skipped: refused, with the reason.
        """
        entries = self._entries(connection, roster, cycle, rows)
        persons = [entry.person_id for entry in entries if entry.person_id is not None]
        known = known_cases(connection, roster.process_id, cycle, persons)
        run = _Run(connection, self._engine, author, roster, cycle)
        started = run.start([entry for entry in entries if entry.person_id not in known])
        return [
            started[id(entry)] if entry.person_id not in known else run.merge(known[entry.person_id], entry) for entry in entries
        ]

    def count_known(self, connection: Connection, roster: Roster, cycle: str, rows: Sequence[Mapping[str, Any]]) -> int:
        """How many of these rows are about people who have a case of this cycle already."""
        students = [student for row in rows if (student := student_of(roster, row["values"]))]
        known = 0
        for start in range(0, len(students), LOOK_UP):
            persons = self._students.find(connection, students[start:start + LOOK_UP])
            known += len(known_cases(connection, roster.process_id, cycle, persons))
        return known

    def _entries(self, connection: Connection, roster: Roster, cycle: str, rows: Sequence[Mapping[str, Any]]) -> list[Entry]:
        students = [student_of(roster, row["values"]) for row in rows]
        ids = iter(self._students.ensure(connection, [student for student in students if student]))
        entries = []
        for row, student in zip(rows, students, strict=True):
            person_id = next(ids) if student else None
            facts = facts_of(roster, row["values"], cycle, person_id, self._students.seal)
            entries.append(Entry(row["row"], person_id, facts, self._students.key(student) if student else None))
        return entries


class _Run:
    """One chunk in one transaction, for one author."""

    def __init__(self, connection: Connection, engine: ProcessEngine, author: Author, roster: Roster, cycle: str) -> None:
        self._connection = connection
        self._engine = engine
        self._author = author
        self._roster = roster
        self._process_id = roster.process_id
        self._cycle = cycle

    def start(self, entries: Sequence[Entry]) -> dict[int, Outcome]:
        """Start all in one go; if that fails, each for itself, so that one bad row costs only itself."""
        if not entries:
            return {}
        try:
            started = self._start_cases(entries)
        except (IntegrityError, Rejection):
            return {id(entry): self._start_one(entry) for entry in entries}
        return {
            id(entry): Outcome("done", instance_id, detail={"row": entry.number}) for entry, instance_id in zip(entries, started, strict=True)
        }

    def _start_cases(self, entries: Sequence[Entry]) -> list[int]:
        items = [StartItem(with_key(self._roster, entry.facts, entry.key)) for entry in entries]
        with Store.savepoint(self._connection):
            return [case.id for case in self._engine.start_many(self._connection, self._process_id, items, self._author)]

    def _start_one(self, entry: Entry) -> Outcome:
        try:
            return Outcome("done", self._start_cases([entry])[0], detail={"row": entry.number})
        except IntegrityError:  # somebody else started it first: the business key is unique
            persons = [entry.person_id] if entry.person_id is not None else []
            known = known_cases(self._connection, self._process_id, self._cycle, persons)
            if entry.person_id in known:
                return self.merge(known[entry.person_id], entry)
            return Outcome("unchanged", detail={"row": entry.number})
        except Rejection as refusal:
            if isinstance(refusal, CalendarMissing):
                raise_calendar_alarm(self._connection, self._engine.now(), refusal)
            return Outcome("skipped", reason=refusal.both, detail={"row": entry.number})

    def merge(self, known: Any, entry: Entry) -> Outcome:
        """A case of this person exists: add what it lacks."""
        changed, differing = merge(self._connection, self._engine, known, entry.facts, self._author)
        detail = {"row": entry.number, **({"differs": differing} if differing else {})}
        return Outcome("merged" if changed else "unchanged", known.id, detail=detail)
