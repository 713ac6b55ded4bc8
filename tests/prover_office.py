"""A small house for random work of people: one SQLite database in memory with a cast, whose bytes can be kept, compared, copied and broken off."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, StaticPool, event, insert

from app import House, wire_house
from tasks.actors import Actor
from tasks.models import Membership, Organisation, Person
from tasks.operation_models import Base
from tasks.personal_data import PersonalData, load_or_create_keys
from workflows.business_calendar import SHANGHAI, FrozenClock
from workflows.store import create_database_engine

BEGIN = datetime(2026, 6, 18, 9, tzinfo=SHANGHAI)
UNITS = {"U1": "university", "U2": "university", "C1": "county", "P": "platform"}
# Everybody's memberships; the two without any apply for something.
CAST: dict[str, tuple[tuple[str, str], ...]] = {
    "zhao": (("univ_clerk", "U1"),), "qian": (("univ_clerk", "U1"),), "sun": (("univ_clerk", "U1"), ("univ_principal", "U1")),
    "li": (("univ_principal", "U1"),), "zhou": (("univ_clerk", "U2"),), "wu": (("univ_principal", "U2"), ("univ_clerk", "U2")),
    "zheng": (("county_clerk", "C1"),), "wang": (("county_principal", "C1"), ("county_clerk", "C1")), "chen": (("process_admin", "P"),),
    "chu": (("people_admin", "P"), ("univ_clerk", "U1")), "feng": (), "wei": (),
}
APPLICANTS = ("feng", "wei")
LINES = tuple(dict.fromkeys(f"{role}@{unit}" for places in CAST.values() for role, unit in places if unit != "P"))
STATEMENTS = 4000  # remembered in compiled form: more than there are
IDLE: list[Engine] = []
UNCHANGED = ("security_log",)  # the one table a refused command may write


class Crash(Exception):
    """The process dies in the middle of a command: from then on no statement reaches the database, whoever catches this."""


@cache
def _template() -> bytes:
    """A database with the schema, the calendar and the cast."""
    office = Office(None)
    with office.house.store.transaction() as connection:
        places = {}
        for code, kind in UNITS.items():
            places[code] = connection.execute(insert(Organisation).values(
                code=code, name=f"{code}单位", kind=kind, path=f"/{code}/", province="14", on_platform=True, active=True
            )).inserted_primary_key[0]
        office.house.calendar.seed_official_years(connection)
        for login, memberships in CAST.items():
            person = connection.execute(insert(Person).values(
                name=login, login=login, must_change_password=False, active=True, failed_logins=0, session_version=1, created_at=BEGIN,
            )).inserted_primary_key[0]
            for role, code in memberships:
                connection.execute(insert(Membership).values(person_id=person, organisation_id=places[code], role=role))
    return office.bytes()


def _engine() -> Engine:
    """An engine over a database in memory of its own. One that was used before knows the statements it has compiled.

    Its connection is a new one: where `deserialize` exchanges the database of a connection, SQLite 3.40 falls over what json_each() knew of the old.
    """
    connect = {"cached_statements": STATEMENTS}
    if not IDLE:
        return create_database_engine("sqlite://", poolclass=StaticPool, query_cache_size=STATEMENTS, connect_args=connect)
    engine = IDLE.pop()
    engine.dispose()
    return engine


@cache
def _personal_data() -> PersonalData:
    return PersonalData(load_or_create_keys(None))


PEOPLE = {login: number for number, login in enumerate(CAST, start=1)}


class Office:
    """One database and the house over it; `content` None: an empty one."""

    def __init__(self, content: bytes | None = b"", now: datetime = BEGIN) -> None:
        self.engine = _engine()
        with self.engine.connect() as connection:
            self.raw: sqlite3.Connection = connection.connection.driver_connection  # type: ignore[assignment]
        if content is None:
            Base.metadata.create_all(self.engine)
        else:
            self.raw.deserialize(content or _template())
        self.clock = FrozenClock(now)
        self.reload()
        self._left: int | None = None
        event.listen(self.engine, "before_cursor_execute", self._count)

    def reload(self) -> None:
        """Forget everything that is only in memory."""
        self.house: House = wire_house(self.engine, self.clock, _personal_data())

    def copy(self) -> Office:
        """Another house over a copy of the database, at the same moment."""
        return Office(self.bytes(), self.clock.now())

    def close(self) -> None:
        """Let go of the database; the next office that opens gets its engine."""
        event.remove(self.engine, "before_cursor_execute", self._count)
        IDLE.append(self.engine)

    def later(self, by: timedelta) -> None:
        """Time passes; nobody notices yet."""
        self.clock.set(self.clock.now() + by)

    # commands

    def command(self, act: Callable[[House, Connection], Any]) -> Any:
        """One command in its own transaction."""
        with self.house.store.transaction() as connection:
            return act(self.house, connection)

    def look(self, act: Callable[[House, Connection], Any]) -> Any:
        """The same for reading."""
        with self.house.store.read() as connection:
            return act(self.house, connection)

    def actor(self, connection: Connection, person: int) -> Actor:
        """Somebody in his first identity; disabled people raise Rejection."""
        return self.house.people.actor(connection, person)

    @contextmanager
    def dying(self, after: int | None) -> Iterator[None]:
        """The process dies when the statement after so many is about to be run (None: it lives)."""
        self._left = after
        try:
            yield
        finally:
            self._left = None

    def _count(self, *_: Any) -> None:
        if self._left is not None:
            if self._left == 0:
                raise Crash
            self._left -= 1

    def work_off(self, most: int = 300) -> None:
        """Do all background work that is due; unlike the worker's own loop it lets errors through."""
        steps = self.house.steps()
        for _ in range(most):
            if not any([step() for step in steps.values()]):
                return
        raise AssertionError(f"background work does not come to an end in {most} rounds")

    # the database as such

    def bytes(self) -> bytes:
        """The whole database."""
        return self.raw.serialize()

    def dump(self, *, without: tuple[str, ...] = ()) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table."""
        return dump(self.raw, without)

    def rows(self, query: str, *values: Any) -> list[sqlite3.Row]:
        """Rows of plain SQL, past the house."""
        cursor = self.raw.cursor()
        cursor.row_factory = sqlite3.Row
        return cursor.execute(query, values).fetchall()

    def changed(self, before: bytes, *, everything: bool = False) -> list[str]:
        """The tables that are not as they were; the security log is left out unless `everything` is asked."""
        if before == self.bytes():
            return []
        old = sqlite3.connect(":memory:")
        old.deserialize(before)
        without = () if everything else UNCHANGED
        there, here = dump(old, without), dump(self.raw, without)
        old.close()
        return [table for table in there if there[table] != here[table]]


def dump(raw: sqlite3.Connection, without: tuple[str, ...]) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table."""
    names = [row[0] for row in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
    return {name: sorted(raw.execute(f'SELECT * FROM "{name}"').fetchall(), key=repr) for name in names if name not in without}  # noqa: S608


def document(value: bytes | None) -> Any:
    """A JSON column."""
    return None if value is None else orjson.loads(value)


__all__ = ["APPLICANTS", "BEGIN", "CAST", "LINES", "PEOPLE", "Crash", "Office", "document"]
