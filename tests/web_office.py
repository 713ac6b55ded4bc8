"""A small office for tests of the pages: three people, a travel claim process, signed-in browsers, and a counter of SQL statements."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, insert, text

from app import House, create_app
from tasks.models import Membership, Organisation, Person
from tests import databases
from workflows.business_calendar import FrozenClock
from workflows.definitions import read_folder
from workflows.engine import StartItem

FOLDER = Path(__file__).resolve().parent / "processes" / "travel_claim"
LONG_ID = "149999200311059015"


class Office:
    """甲单位 with a clerk, 乙单位 with a clerk, and an applicant; people sign in without a password here."""

    def __init__(self, folder: Path, clock: FrozenClock) -> None:
        self.clock = clock
        self.app: Flask = create_app({
            "INSTANCE_PATH": folder, "SQLALCHEMY_DATABASE_URI": databases.url(folder), "CLOCK": clock, "TESTING": False, "WTF_CSRF_ENABLED": False,
        })
        self.house: House = self.app.extensions["banjie"]
        with self.house.store.transaction() as connection:
            for code, name in (("U1", "甲单位"), ("U2", "乙单位")):
                connection.execute(insert(Organisation).values(
                    code=code, name=name, kind="university", path=f"/{code}/", province="14", on_platform=True, active=True
                ))
            self.clerk = self._person(connection, "钱经办", "qian", ("univ_clerk", 1))
            self.other = self._person(connection, "孙经办", "sun", ("univ_clerk", 1))
            self.stranger = self._person(connection, "李外人", "li", ("univ_clerk", 2))
            self.applicant = self._person(connection, "赵申请", None, None)
            self.house.definitions.deploy(connection, read_folder(FOLDER), None)
            self.house.calendar.seed_official_years(connection)

    def _person(self, connection: Any, name: str, login: str | None, membership: tuple[str, int] | None) -> int:
        person_id = connection.execute(insert(Person).values(
            name=name, login=login, must_change_password=False, active=True, failed_logins=0, session_version=1,
            created_at=self.clock.now(), id_number_masked="1499**********9015",
        )).inserted_primary_key[0]
        if membership:
            role, organisation = membership
            connection.execute(insert(Membership).values(person_id=person_id, organisation_id=organisation, role=role))
        return int(person_id)

    def browser(self, person_id: int) -> FlaskClient:
        """A browser in which this person is signed in."""
        client = self.app.test_client()
        moment = self.clock.now().timestamp()
        with client.session_transaction() as session:
            session.update({"_user_id": f"{person_id}:1", "_fresh": True, "started": moment, "used": moment})
        return client

    def start(self, count: int = 1, **facts: Any) -> list[int]:
        """Claims of the applicant that wait for him to fill them in."""
        due = (self.clock.now() + timedelta(days=2)).isoformat()
        items = [
            StartItem({
                "name": f"赵申请{number}", "person": self.applicant, "office": "U1", "ticket": f"T{number:04d}",
                "due": {"$datetime": due}, "id_number_masked": "1499**********9015", **facts,
            })
            for number in range(count)
        ]
        with self.house.store.transaction() as connection:
            actor = self.house.people.actor(connection, self.clerk)
            return self.house.tasks.start_many(connection, actor, "travel_claim", items)

    def submit(self, instance_id: int, amount: int = 100, text: str = "去省城参加培训，往返车票") -> None:
        """The applicant hands one claim in."""
        with self.house.store.transaction() as connection:
            actor = self.house.people.actor(connection, self.applicant)
            seat = self.seat(instance_id, connection)
            self.house.tasks.complete(connection, actor, seat.id, {"text": text, "amount": amount}, "submit")

    def submitted(self, count: int = 1, amount: int = 100) -> list[Any]:
        """Open audit seats of `count` claims handed in."""
        instances = self.start(count)
        for instance_id in instances:
            self.submit(instance_id, amount)
        self.clock.advance(timedelta(minutes=1))
        return [self.seat(instance_id) for instance_id in instances]

    def seat(self, instance_id: int, connection: Any = None) -> Any:
        """The newest seat of a case."""
        query = "SELECT id, revision, status, outcome, owner_id, node_id, urged FROM seat WHERE instance_id = :id ORDER BY id DESC LIMIT 1"
        return self.row(query, instance_id, connection)

    def seat_by_id(self, seat_id: int) -> Any:
        """One seat."""
        return self.row("SELECT id, revision, status, outcome, owner_id, node_id, urged FROM seat WHERE id = :id", seat_id)

    def row(self, query: str, identity: int, connection: Any = None) -> Any:
        """The first row of a query about one `:id`."""
        if connection is not None:
            return connection.execute(text(query), {"id": identity}).first()
        with self.house.store.read() as reading:
            return reading.execute(text(query), {"id": identity}).first()

    def log_rows(self) -> list[Any]:
        """The security log."""
        with self.house.store.read() as reading:
            return list(reading.execute(text("SELECT kind, person_id, instance_id, address FROM security_log ORDER BY id")).all())

    @contextmanager
    def statements(self) -> Iterator[list[str]]:
        """The SQL statements sent in the block, transaction control left out."""
        seen: list[str] = []

        def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            if not statement.startswith(("BEGIN", "COMMIT", "ROLLBACK", "PRAGMA", "SAVEPOINT", "RELEASE", "SET TRANSACTION")):
                seen.append(statement)

        event.listen(self.house.store.engine, "before_cursor_execute", note)
        try:
            yield seen
        finally:
            event.remove(self.house.store.engine, "before_cursor_execute", note)

    def close(self) -> None:
        """Let go of the database."""
        self.house.store.engine.dispose()
