"""The people whom imported rows are about: found by blind index, made once, completed where something was unknown. Knows no sheet."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Connection, bindparam, insert, select, update

from tasks.models import Person
from tasks.personal_data import PersonalData, mask_id_number, mask_mobile
from workflows.business_calendar import Clock

SEALED_COLUMN = "case.fact"  # the encryption context of personal data inside a case's facts


class Student(Protocol):
    """What is known of a person before he ever logs in."""

    @property
    def name(self) -> str: ...
    @property
    def id_number(self) -> str: ...
    @property
    def student_number(self) -> str | None: ...
    @property
    def mobile(self) -> str | None: ...


class Students:
    """Finds and adds the persons of imported rows, and seals personal data that belongs to a case."""

    def __init__(self, personal_data: PersonalData, clock: Clock) -> None:
        self._personal_data = personal_data
        self._clock = clock

    def ensure(self, connection: Connection, rows: Sequence[Student]) -> list[int]:
        """The ids of the persons of `rows`, in order; who is not known yet is added without login or password.

        One statement when all are known, three otherwise. A student number or mobile that was empty is filled in; what
        is known stays.
        """
        indexes = [self._personal_data.blind_index(row.id_number) for row in rows]
        known = _known(connection, indexes) if rows else {}
        new = {index: row for index, row in zip(indexes, rows, strict=True) if index not in known}
        if new:
            now = self._clock.now()
            connection.execute(insert(Person), [_new_person(self._personal_data, index, row, now) for index, row in new.items()])
            known |= _known(connection, list(new))
        pairs = [(known[index], row) for index, row in zip(indexes, rows, strict=True) if index not in new]
        _complete(connection, self._personal_data, pairs)
        return [int(known[index].id) for index in indexes]

    def find(self, connection: Connection, rows: Sequence[Student]) -> list[int]:
        """The ids of those of `rows` who are known."""
        indexes = [self._personal_data.blind_index(row.id_number) for row in rows]
        return [int(known.id) for known in _known(connection, indexes).values()]

    def key(self, row: Student) -> str:
        """The keyed hash of the person's ID number as text: equal for one person in all processes, telling nothing of him."""
        return self._personal_data.blind_index(row.id_number).hex()

    def seal(self, text: str) -> str:
        """Somebody's ID or mobile number as text that only this installation can read again."""
        return base64.b64encode(self._personal_data.encrypt(SEALED_COLUMN, text)).decode()


def _known(connection: Connection, indexes: Sequence[bytes]) -> dict[bytes, Any]:
    columns = (Person.id, Person.id_number_index, Person.student_number, Person.mobile_masked)
    found = connection.execute(select(*columns).where(Person.id_number_index.in_(list(indexes)))).all()
    return {bytes(row.id_number_index): row for row in found}


def _new_person(personal_data: PersonalData, index: bytes, row: Student, now: datetime) -> dict[str, Any]:
    return {
        "name": row.name, "login": None, "password_hash": None, "must_change_password": False, "active": True,
        "student_number": row.student_number, "id_number_cipher": personal_data.encrypt("person.id_number", row.id_number),
        "id_number_index": index, "id_number_masked": mask_id_number(row.id_number), "failed_logins": 0, "session_version": 0,
        "created_at": now, **_mobile(personal_data, row.mobile),
    }


def _mobile(personal_data: PersonalData, mobile: str | None) -> dict[str, Any]:
    if not mobile:
        return {"mobile_cipher": None, "mobile_masked": None}
    return {"mobile_cipher": personal_data.encrypt("person.mobile", mobile), "mobile_masked": mask_mobile(mobile)}


def _complete(connection: Connection, personal_data: PersonalData, pairs: Sequence[tuple[Any, Student]]) -> None:
    numbers = [
        {"b_id": known.id, "student_number": row.student_number} for known, row in pairs if row.student_number and not known.student_number
    ]
    mobiles = [
        {"b_id": known.id, **_mobile(personal_data, row.mobile)} for known, row in pairs if row.mobile and not known.mobile_masked
    ]
    for changes in (numbers, mobiles):
        if changes:
            connection.execute(update(Person).where(Person.id == bindparam("b_id")), changes)
