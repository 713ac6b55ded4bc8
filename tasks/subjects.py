"""Whom and which offices the cases of a list are about: masked numbers and parties. Reads only, and nothing in clear."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from tasks.models import CaseParty, Person
from workflows.models import ProcessInstance


@dataclass(frozen=True, slots=True)
class SubjectNumbers:
    """What tells two people of one name apart."""

    id_number: str | None
    student_number: str | None


def subject_numbers(connection: Connection, instance_ids: Sequence[int]) -> dict[int, SubjectNumbers]:
    """By case: the masked ID number and the student number of its person; one statement, nothing for cases about nobody."""
    if not instance_ids:
        return {}
    rows = connection.execute(
        select(ProcessInstance.id, Person.id_number_masked, Person.student_number)
        .join(Person, Person.id == ProcessInstance.subject_person).where(ProcessInstance.id.in_(set(instance_ids)))
    ).all()
    return {row.id: SubjectNumbers(row.id_number_masked, row.student_number) for row in rows}


def case_parties(connection: Connection, instance_ids: Sequence[int]) -> dict[int, dict[str, str]]:
    """By case: its parties, kind → organisation code; one statement."""
    found: dict[int, dict[str, str]] = {}
    if instance_ids:
        query = select(CaseParty.instance_id, CaseParty.kind, CaseParty.organisation_code).where(CaseParty.instance_id.in_(set(instance_ids)))
        for row in connection.execute(query):
            found.setdefault(row.instance_id, {})[row.kind] = row.organisation_code
    return found
