"""Every verb of the pages, posted by everybody who stands inside a case, in every state of a seat: it succeeds, or it is refused in words and changes nothing."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from tasks.keys.agencies import Absence
from tasks.operations import Operation
from tests.test_web_operations import JSON, REFUSALS, DocumentOffice, worded
from workflows.business_calendar import FrozenClock
from workflows.errors import Rejection

pytestmark = pytest.mark.sqlite_file  # the database is put back by copying its file

ROLES = {
    "hefudao": "applicant", "gaojingban": "candidate, then holder, delegator, past owner", "lvcaiwu": "voter, delegate, signer", "maguanli": "voter and agent",
    "zhouzhuren": "process owner and business administrator", "liuchengguanli": "process administrator", "tangshengban": "supervisor of the province",
    "xiaobanzhang": "got a copy and follows", "xujingban": "stranger",
}
VERBS = ("claim", "release", "complete", "draft", "undo", "urge", "reassign", "phrases", "phrases/forget", "attachments")
CASE_VERBS = ("withdraw", "read", "messages/nothing")
UNKEPT = ("security_log", "data_version", "alembic_version")


class Stage(DocumentOffice):
    """The document at its compliance check, with a copy sent and followed; `scene` brings it on, `reset` puts all of it back."""

    def __init__(self, folder: Path, clock: FrozenClock) -> None:
        super().__init__(folder, clock)
        self.numbers: dict[str, int] = {}
        self.file, self.copy = folder / "banjie.sqlite", folder / "copy.sqlite"
        self.operate("circulate", "gaojingban", self.seat, people=[self.person("xiaobanzhang")])
        self.operate("watch", "xiaobanzhang", self.case)

    def person(self, login: str) -> int:
        if login not in self.numbers:
            with self.house.store.read() as connection:
                self.numbers[login] = self.cast.person(connection, login)
        return self.numbers[login]

    def operate(self, verb: str, login: str, subject: int, **given: Any) -> None:
        with self.house.store.transaction() as connection:
            self.house.tasks.operations.perform(connection, self.actor(connection, login), verb, subject, given)

    def do(self, verb: str, login: str, seat: int, *arguments: Any) -> None:
        with self.house.store.transaction() as connection:
            getattr(self.house.tasks, verb)(connection, self.actor(connection, login), seat, *arguments)

    def absent(self) -> None:
        """马管理 stands in for 高经办, from now on."""
        now = self.clock.now()
        with self.house.store.transaction() as connection:
            absence = Absence(self.cast.person(connection, "maguanli"), None, now, now + timedelta(days=3), "出差")
            self.house.tasks.keys.agencies.create(connection, self.actor(connection, "gaojingban"), self.cast.person(connection, "gaojingban"), absence)
        self.clock.advance(timedelta(seconds=5))
        self.house.work_off()

    def save(self) -> None:
        self.house.store.engine.dispose()
        shutil.copy(self.file, self.copy)

    def reset(self) -> None:
        self.house.store.engine.dispose()
        shutil.copy(self.copy, self.file)
        for rest in ("-wal", "-shm"):
            self.file.with_name(self.file.name + rest).unlink(missing_ok=True)

    def everything(self) -> dict[str, list[Any]]:
        """All rows but those a refusal may write."""
        with closing(sqlite3.connect(self.file)) as connection:
            names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'") if row[0] not in UNKEPT]
            return {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in names}  # noqa: S608

    def seats(self) -> list[Any]:
        """The seats of the compliance check and one vote beside it."""
        with self.house.store.read() as connection:
            mine = connection.execute(text("SELECT id, revision, kind FROM seat WHERE node_id = 'check_compliance' ORDER BY id")).all()
            vote = connection.execute(text("SELECT id, revision, kind FROM seat WHERE node_id = 'countersign' ORDER BY id LIMIT 1")).all()
        return [*mine, *vote]

    def given(self, login: str, operation: Operation, subject: int) -> dict[str, Any]:
        """What the dialog of this person would send: the first that may be chosen, and some words."""
        with self.house.store.read() as connection:
            try:
                choices = self.house.tasks.operations.choices(connection, self.actor(connection, login), operation.verb, subject)
            except Rejection:
                choices = {}
        found: dict[str, Any] = {}
        for argument in operation.arguments:
            possible = [one.value for one in choices.get(argument.key, ()) if one.refused is None]
            found[argument.key] = possible[0] if possible else "因工作需要" if argument.kind == "text" else str(self.person("lvcaiwu"))
        return found


def nothing(stage: Stage) -> None:
    """It waits in its pool."""


def claimed(stage: Stage) -> None:
    stage.do("claim", "gaojingban", stage.seat)


def delegated(stage: Stage) -> None:
    stage.operate("delegate", "gaojingban", stage.seat, person=stage.person("lvcaiwu"))


def signers_before(stage: Stage) -> None:
    stage.operate("add_before", "gaojingban", stage.seat, people=[stage.person("lvcaiwu")])


def asked(stage: Stage) -> None:
    stage.operate("ask", "gaojingban", stage.seat, person=stage.person("hefudao"), text="模板发了吗？")


def claimed_by_an_agent(stage: Stage) -> None:
    stage.absent()
    stage.do("claim", "maguanli", stage.seat)


def suspended(stage: Stage) -> None:
    stage.do("claim", "gaojingban", stage.seat)
    stage.operate("suspend", "zhouzhuren", stage.case, reason="等待")


def decided(stage: Stage) -> None:
    stage.do("complete", "gaojingban", stage.seat, {}, "approve")


def returned(stage: Stage) -> None:
    operation = stage.house.tasks.operations.get("return")
    stage.operate("return", "gaojingban", stage.seat, **stage.given("gaojingban", operation, stage.seat))


def voided(stage: Stage) -> None:
    stage.operate("void", "zhouzhuren", stage.case, reason="重复")


SCENES = (nothing, claimed, delegated, signers_before, asked, claimed_by_an_agent, suspended, decided, returned, voided)


@pytest.fixture
def stage(tmp_path: Path, clock: FrozenClock, database: str) -> Iterator[Stage]:
    built = Stage(tmp_path, clock)
    yield built
    built.house.store.engine.dispose()


def posts(stage: Stage, login: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every address a page posts to about this case, with what it would send."""
    for seat in stage.seats():
        outcome = "approve" if seat.kind == "main" else "suggest_agree" if seat.kind != "asked" else "answer"
        sent = {
            "claim": {"revision": seat.revision}, "complete": {"outcome": outcome, "revision": seat.revision, "data": {"opinion": "看过了"} if seat.kind != "main" else {}},
            "draft": {"data": {"compliance_opinion": "写到一半"}}, "reassign": {"person_id": stage.person("gaojingban"), "reason": "忙"}, "phrases": {"text": "同意"},
            "phrases/forget": {"text": "同意"},
        }
        yield from ((f"/tasks/{seat.id}/{verb}", sent.get(verb, {})) for verb in VERBS)
        for operation in stage.operations:
            if operation.about == "seat":
                yield f"/tasks/{seat.id}/operations/{operation.verb}", stage.given(login, operation, seat.id)
    yield from ((f"/cases/{stage.case}/{verb}", {}) for verb in CASE_VERBS)
    for operation in stage.operations:
        if operation.about == "case":
            yield f"/cases/{stage.case}/operations/{operation.verb}", stage.given(login, operation, stage.case)


@pytest.mark.parametrize("scene", SCENES, ids=[scene.__name__ for scene in SCENES])
def test_every_verb_by_everybody_succeeds_or_is_refused_in_words_and_changes_nothing(stage: Stage, scene: Callable[[Stage], None]) -> None:
    scene(stage)
    stage.save()
    before, succeeded, refused = stage.everything(), 0, 0
    for login in ROLES:
        browser = stage.browser(login)
        for number, (path, sent) in enumerate(list(posts(stage, login))):
            plain = number % 2 or path.endswith(("/claim", "/reassign"))  # those two are forms and read no JSON
            answer = browser.post(path, data={**sent}) if plain else browser.post(path, json=sent, headers=JSON)
            done = answer.status_code in (200, 204, 302, 303)
            assert done or (answer.status_code in (400, *REFUSALS) and worded(answer)), f"{login} ({ROLES[login]}) {path} {sent}: {answer.status_code}"
            assert "/login" not in (answer.location or ""), f"{login} {path}"
            if done:
                succeeded += 1
                stage.reset()
            else:
                refused += 1
                now = stage.everything()
                assert now == before, f"{login} {path} was refused with {answer.status_code} and changed {[name for name in before if now[name] != before[name]]}"
    assert refused > 100 and succeeded >= 5
