"""The renewal declaration audit on the stage: the cast, the deployed process, verbs in one line, and the application over a file."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import Connection, select

from app import House, create_app
from tasks.lifecycle import LIVE
from tasks.models import CaseMark, Notification, Person, SeatOffer
from tasks.scenarios.cast import Cast
from tasks.scenarios.playing import Play, ScenarioBook
from tasks.seats import SEAT
from tests import databases
from tests.conftest import RENEWAL, ROOT, shanghai
from workflows import history
from workflows.business_calendar import FrozenClock
from workflows.definitions import read_folder
from workflows.engine import INSTANCE
from workflows.models import OutboxMessage
from workflows.plain_yaml import read_yaml

PROCESS = "renewal_declaration_audit"
FILES = read_folder(RENEWAL)
SHARED = read_folder(ROOT / "bpmn" / "shared")
SCRIPT: Mapping[str, Any] = read_yaml(FILES["scenarios.yaml"])
TEXTS: Mapping[str, str] = SCRIPT["texts"]
TOO_SHORT = {"return_reasons": ["R01"], "return_text": "声明字数不符合要求，请充实内容后重新提交。"}


def declaration(text: str, mobile: str = "13800000001") -> dict[str, Any]:
    """What a student fills in."""
    return {"statement": text, "mobile": mobile, "enrolment_confirmed": True}


@cache
def prepared(_database: str) -> House:
    """The cast and the deployed process, made once for each sort of database; every stage is a copy."""
    return ScenarioBook(FILES, SHARED, databases.scenario_house).empty_stage()  # type: ignore[no-any-return]


class Verbs:
    """Verbs and questions over a house with the cast in it; a refusal is raised to the test."""

    house: House
    cast: Cast
    cases: dict[str, int]

    @property
    def clock(self) -> FrozenClock:
        """The house's clock, to be moved."""
        assert isinstance(self.house.clock, FrozenClock)
        return self.house.clock

    def start(self, login: str, *keys: str, **facts: Any) -> None:
        """Enter these students of the cast as the import does."""
        with self.house.store.transaction() as connection:
            for key in keys:
                self.cases[key] = self.cast.start(connection, self.cast.actor(connection, login, "import"), PROCESS, key, facts)

    def seat(self, key: str, node: str | None = None, connection: Connection | None = None) -> Any:
        """The live seat of a case (of one activity), else its latest."""
        query = select(SEAT).where(SEAT.c.instance_id == self.cases[key]).order_by(SEAT.c.id.desc())
        rows = self.rows(query if node is None else query.where(SEAT.c.node_id == node), connection)
        return next((row for row in rows if row.status in LIVE), rows[0])

    def complete(self, login: str, key: str, outcome: str, values: Mapping[str, Any] | None = None) -> Any:
        """Decide the case's live seat as this person."""
        with self.house.store.transaction() as connection:
            seat = self.seat(key, connection=connection)
            return self.house.tasks.complete(connection, self.cast.actor(connection, login), seat.id, values or {}, outcome, seat.revision)

    def declare(self, key: str, text: str, by: str | None = None) -> None:
        """The student (or somebody on his behalf) submits."""
        self.complete(by or f"@{key}", key, "submit", declaration(text))

    def advance(self, to: str) -> None:
        """Move the clock, doing all that falls due on the way."""
        play = Play.__new__(Play)
        play.house = self.house
        play.step({"do": "advance", "to": shanghai(to)})

    def case(self, key: str) -> Any:
        """The case's row."""
        return self.rows(select(INSTANCE).where(INSTANCE.c.id == self.cases[key]))[0]

    def case_in(self, connection: Connection, key: str) -> Any:
        """The case's row, read through an open connection."""
        return self.rows(select(INSTANCE).where(INSTANCE.c.id == self.cases[key]), connection)[0]

    def offers(self, key: str) -> set[str]:
        """To whom the case's live seats are offered."""
        query = select(SeatOffer.candidate).join(SEAT, SEAT.c.id == SeatOffer.seat_id).where(SEAT.c.instance_id == self.cases[key])
        return {self.cast.shown(row.candidate) for row in self.rows(query)}

    def marks(self, key: str) -> set[str]:
        """The marks later figures read: "kind@organisation"."""
        query = select(CaseMark.kind, CaseMark.organisation_code).where(CaseMark.instance_id == self.cases[key])
        return {f"{row.kind}@{row.organisation_code}" for row in self.rows(query)}

    def told(self, key: str) -> set[str]:
        """Who has had a notice about the case."""
        query = select(Notification.candidate).where(Notification.instance_id == self.cases[key])
        return {self.cast.shown(row.candidate) for row in self.rows(query)}

    def facts(self, key: str) -> list[Any]:
        """The case's history."""
        with self.house.store.read() as connection:
            return list(history.facts(connection, self.cases[key]))

    def outbox(self, key: str) -> dict[str, Any]:
        """What the case sent or holds to send: name → payload."""
        query = select(OutboxMessage.name, OutboxMessage.payload).where(
            OutboxMessage.instance_id == self.cases[key], OutboxMessage.status != "withdrawn"
        )
        return {row.name: row.payload for row in self.rows(query)}

    def view(self, login: str, key: str) -> Any:
        """The case page as this person sees it."""
        with self.house.store.read() as connection:
            return self.house.tasks.case_view(connection, self.cast.actor(connection, login), self.cases[key])

    def task(self, login: str, key: str) -> Any:
        """The task page of the case's live seat as this person sees it."""
        with self.house.store.read() as connection:
            seat = self.seat(key, connection=connection)
            return self.house.tasks.task_view(connection, self.cast.actor(connection, login), seat.id)

    def inbox(self, login: str) -> list[int]:
        """The cases in somebody's to-do list."""
        with self.house.store.read() as connection:
            page = self.house.worklist.page(connection, self.cast.actor(connection, login), "todo", size=1000)
            return [row.instance_id for row in page.rows]

    def message(self, login: str, key: str, name: str, payload: Mapping[str, Any] | None = None) -> None:
        """Send a message the model lets this person send."""
        with self.house.store.transaction() as connection:
            self.house.tasks.send_message(connection, self.cast.actor(connection, login), self.cases[key], name, payload or {})

    def correlate(self, key: str, name: str, payload: Mapping[str, Any]) -> None:
        """A message of another system about the case."""
        with self.house.store.transaction() as connection:
            correlation = self.cast.expression(connection, self.house, self.cases[key], SCRIPT["key"])
            identity = f"{name}:{correlation}:{self.clock.now().isoformat()}"
            self.house.engine.correlate(connection, name, correlation, dict(payload), identity)

    def rows(self, query: Any, connection: Connection | None = None) -> list[Any]:
        """What a query finds."""
        if connection is not None:
            return list(connection.execute(query).all())
        with self.house.store.read() as reading:
            return list(reading.execute(query).all())


class Stage(Verbs):
    """A house in memory at a moment."""

    def __init__(self, at: str, cases: Mapping[str, Any] | None = None) -> None:
        self.house = databases.scenario_house(shanghai(at), prepared(databases.kind()))
        self.cases = {}
        with self.house.store.transaction() as connection:
            self.cast = Cast(connection, self.house, SHARED, cases if cases is not None else SCRIPT["cases"], loaded=True)

    def close(self) -> None:
        """Let go of the database."""
        self.house.store.engine.dispose()


class Office(Verbs):
    """The application over a database file, with browsers in which people are signed in."""

    def __init__(self, folder: Path, at: str) -> None:
        self.app = create_app({
            "INSTANCE_PATH": folder, "SQLALCHEMY_DATABASE_URI": databases.url(folder), "CLOCK": FrozenClock(shanghai(at)), "WTF_CSRF_ENABLED": False,
        })
        self.house = self.app.extensions["banjie"]
        self.cases = {}
        with self.house.store.transaction() as connection:
            self.cast = Cast(connection, self.house, SHARED, SCRIPT["cases"])
            self.house.definitions.deploy(connection, FILES, None)

    def browser(self, login: str) -> FlaskClient:
        """A browser in which this person is signed in."""
        with self.house.store.read() as connection:
            person = connection.execute(select(Person.id, Person.session_version).where(Person.login == login)).one()
        client = self.app.test_client()
        moment = self.clock.now().timestamp()
        with client.session_transaction() as session:
            session.update({"_user_id": f"{person.id}:{person.session_version}", "_fresh": True, "started": moment, "used": moment})
        return client

    def close(self) -> None:
        """Let go of the database."""
        self.house.store.engine.dispose()


__all__ = ["FILES", "PROCESS", "Office", "Stage", "TEXTS", "TOO_SHORT", "declaration"]
