"""Every operation's dialog, preview and door, for every role and for nobody: refused in words, never broken, and nothing changed by what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, insert, inspect, text

from app import House, create_app
from tasks.colleagues import MOST
from tasks.models import Membership, Person
from tasks.operations import Operation
from tasks.scenarios.cast import Cast
from tasks.starting import Starting
from tests import databases
from workflows.business_calendar import FrozenClock
from workflows.definitions import read_folder

ROOT = Path(__file__).resolve().parent.parent
JSON = {"Accept": "application/json"}
VALUES = {"document_title": "关于暑期资助工作的通知", "document_kind": "通知", "urgency": "普通", "document_body": "请报送汇总表。", "budget": 3000}
ROLES = (
    "hefudao", "songxueyuan", "lvcaiwu", "maguanli", "gaojingban", "zhouzhuren", "xiaobanzhang", "xujingban", "chenjingban", "linfuze", "guoshenpi",
    "sududao", "tangshengban", "liuchengguanli", "renyuanguanli", "shenjiyuan",
)
STRANGERS = ("xujingban", "chenjingban", "guoshenpi", "renyuanguanli")
KEPT = ("seat", "seat_offer", "process_instance", "history", "notification", "circulation", "watch", "voting", "return_record", "snooze", "draft")
REFUSALS = (403, 404, 409, 422)


class DocumentOffice:
    """The fixed cast with one document at its countersigning."""

    def __init__(self, folder: Path, clock: FrozenClock) -> None:
        self.clock = clock
        self.app: Flask = create_app({
            "INSTANCE_PATH": folder, "SQLALCHEMY_DATABASE_URI": databases.url(folder), "CLOCK": clock, "TESTING": False, "WTF_CSRF_ENABLED": False,
        })
        self.house: House = self.app.extensions["banjie"]
        with self.house.store.transaction() as connection:
            self.cast = Cast(connection, self.house, read_folder(ROOT / "bpmn" / "shared"), {})
            self.house.definitions.deploy(connection, read_folder(ROOT / "bpmn" / "official_document"), None)
            self.case, drafting = Starting(self.house.engine, self.house.definitions, clock).start(connection, self.actor(connection, "hefudao"), "official_document")
            assert drafting is not None
            self.house.tasks.complete(connection, self.actor(connection, "hefudao"), drafting, VALUES, "submit")
            query = text("SELECT id FROM seat WHERE status = 'open' AND node_id = 'check_compliance'")
            self.seat = int(connection.execute(query).scalar_one())

    def actor(self, connection: Connection, login: str) -> Any:
        return self.cast.actor(connection, login)

    def browser(self, login: str | None, english: bool = False) -> FlaskClient:
        """A browser in which this person is signed in, or nobody."""
        client = self.app.test_client()
        if login is not None:
            with self.house.store.read() as connection:
                person = self.cast.person(connection, login)
                version = connection.execute(text("SELECT session_version FROM person WHERE id = :id"), {"id": person}).scalar_one()
            moment = self.clock.now().timestamp()
            with client.session_transaction() as session:
                session.update({"_user_id": f"{person}:{version}", "_fresh": True, "started": moment, "used": moment})
        client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en" if english else "zh-CN"
        return client

    def path(self, operation: Operation) -> str:
        """Where an operation of the document is."""
        return f"/tasks/{self.seat}/operations/{operation.verb}" if operation.about == "seat" else f"/cases/{self.case}/operations/{operation.verb}"

    def kept(self) -> dict[str, list[Any]]:
        """All rows that an operation could change; the security log is none of them."""
        with self.house.store.read() as connection:
            tables = [name for name in KEPT if name in tables_of(connection)]
            assert len(tables) == len(KEPT)
            return {name: [tuple(row) for row in connection.execute(text(f"SELECT * FROM {name}")).all()] for name in tables}  # noqa: S608

    @property
    def operations(self) -> list[Operation]:
        return list(self.house.tasks.operations.known.values())


def tables_of(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names())


@pytest.fixture
def office(tmp_path: Path, clock: FrozenClock, database: str) -> Iterator[DocumentOffice]:
    built = DocumentOffice(tmp_path, clock)
    yield built
    built.house.store.engine.dispose()


def worded(answer: Any) -> bool:
    """A refusal says something to a person, in JSON by its message, and shows no inside of the program."""
    said = answer.json.get("message") if answer.is_json else answer.text
    return bool(said) and "Traceback" not in said


@pytest.mark.parametrize("login", ROLES)
def test_looking_at_any_operation_is_answered_or_refused_in_words(office: DocumentOffice, login: str) -> None:
    browser, before = office.browser(login), office.kept()
    for operation in office.operations:
        for path in (office.path(operation), f"{office.path(operation)}/preview"):
            for headers in ({}, {"HX-Request": "true"}, JSON):
                answer = browser.get(path, headers=headers)
                assert answer.status_code == 200 or (answer.status_code in REFUSALS and worded(answer)), f"{path} {headers}: {answer.status_code}"
    assert office.kept() == before


@pytest.mark.parametrize("login", STRANGERS)
def test_a_stranger_is_shown_no_dialog_and_performs_nothing(office: DocumentOffice, login: str) -> None:
    browser, before = office.browser(login), office.kept()
    for operation in office.operations:
        path = office.path(operation)
        assert browser.get(path).status_code in (403, 404), path
        assert browser.get(f"{path}/preview", headers=JSON).status_code in (403, 404), path
        given = {argument.key: "1" for argument in operation.arguments}
        if operation.verb == "unwatch":
            continue  # whoever follows nothing has nothing to lose
        for answer in (browser.post(path, data=given), browser.post(path, json=given, headers=JSON)):
            assert answer.status_code in REFUSALS and worded(answer), f"{path}: {answer.status_code}"
    assert office.kept() == before


def test_nobody_is_led_to_the_sign_in_page_or_told_so(office: DocumentOffice) -> None:
    browser, before = office.browser(None), office.kept()
    for operation in office.operations:
        path = office.path(operation)
        for answer in (browser.get(path), browser.get(f"{path}/preview"), browser.post(path, data={})):
            assert answer.status_code in (302, 303, 401) and "/login" in (answer.location or "/login"), f"{path}: {answer.status_code}"
        assert browser.post(path, json={}, headers=JSON).status_code == 401, path
    assert office.kept() == before


def test_a_missing_argument_is_named_and_nothing_changes(office: DocumentOffice) -> None:
    before = office.kept()
    for operation in office.operations:
        required = {argument.key for argument in operation.arguments if argument.required}
        if not required:
            continue
        browser = office.browser("gaojingban" if operation.about == "seat" else "zhouzhuren")
        answer = browser.post(office.path(operation), json={}, headers=JSON)
        assert answer.status_code == 422 and set(answer.json["fields"]) == required, f"{operation.verb}: {answer.status_code} {answer.json}"
        page = browser.post(office.path(operation), data={})
        assert page.status_code == 422 and "field-error" in page.text and "<html" in page.text, operation.verb
        assert page.text.count('class="field-error"') == len(required), operation.verb
        fragment = browser.post(office.path(operation), data={}, headers={"HX-Request": "true"})
        assert fragment.status_code == 422 and "<dialog" in fragment.text and "<html" not in fragment.text, operation.verb
    assert office.kept() == before


@pytest.mark.parametrize("english", [False, True])
def test_every_dialog_speaks_one_language(office: DocumentOffice, english: bool) -> None:
    for operation in office.operations:
        page = office.browser("gaojingban" if operation.about == "seat" else "zhouzhuren", english).get(office.path(operation)).text
        form = page.split("data-operation=", 1)[1].split("</form>", 1)[0]
        words = (operation.en, operation.rule_en) if english else (operation.zh, operation.rule_zh)
        assert all(word in form for word in words), operation.verb
        assert all((argument.en if english else argument.zh) in form or argument.kind == "choice" for argument in operation.arguments), operation.verb


def test_an_operation_stands_only_at_what_it_is_about(office: DocumentOffice) -> None:
    browser = office.browser("zhouzhuren")
    assert browser.get(f"/tasks/{office.seat}/operations/terminate").status_code == 404
    assert browser.get(f"/cases/{office.case}/operations/delegate").status_code == 404
    assert browser.post(f"/cases/{office.case}/operations/no_such_verb", headers=JSON).status_code == 404
    assert browser.post(f"/cases/{office.case}/operations/terminate", json=["reason"], headers=JSON).status_code in (400, 422)
    assert browser.get("/cases/999999/operations/terminate").status_code == 404
    assert browser.get("/tasks/999999/operations/delegate").status_code == 404


def test_a_case_that_moved_since_the_preview_is_not_ended(office: DocumentOffice) -> None:
    browser = office.browser("zhouzhuren")
    seen = office.house.tasks.operations.preview
    with office.house.store.read() as connection:
        revision = seen(connection, office.actor(connection, "zhouzhuren"), "terminate", office.case, {}).revision
    with office.house.store.transaction() as connection:
        office.house.tasks.complete(connection, office.actor(connection, "gaojingban"), office.seat, {}, "approve")
    answer = browser.post(f"/cases/{office.case}/operations/terminate", json={"reason": "重复建档", "revision": revision}, headers=JSON)
    assert answer.status_code == 409 and "变化" in answer.json["message"]
    done = browser.post(f"/cases/{office.case}/operations/terminate", data={"reason": "重复建档"})
    assert done.status_code == 303 and "已终止" in browser.get(done.location).text


def test_the_entry_that_starts_something_is_only_for_whoever_may_start_something(office: DocumentOffice) -> None:
    assert 'href="/start"' in office.browser("hefudao").get("/notices").text
    assert 'href="/start"' not in office.browser("gaojingban").get("/notices").text


def test_somebody_beyond_what_a_picker_lists_is_found_by_name_or_office(office: DocumentOffice) -> None:
    with office.house.store.transaction() as connection:
        place = connection.execute(text("SELECT id FROM organisation WHERE code = 'U1401'")).scalar_one()
        for number in range(MOST + 5):
            person = connection.execute(insert(Person).values(
                name=f"多人{number:03d}", must_change_password=False, active=True, failed_logins=0, session_version=1, created_at=office.clock.now()
            ).returning(Person.id)).scalar_one()
            connection.execute(insert(Membership).values(person_id=person, organisation_id=place, role="univ_finance"))
        connection.execute(text("UPDATE person SET name = '龘末位' WHERE name = '多人300'"))
    browser = office.browser("gaojingban")
    for verb, key in (("delegate", "person"), ("add_before", "people"), ("circulate", "people")):
        path = f"/tasks/{office.seat}/operations/{verb}"
        dialog = browser.get(path).text
        assert "龘末位" not in dialog and "data-search-url" in dialog, verb
        found = browser.get(f"{path}/search?key={key}&text=末位").text
        assert "龘末位" in found and "多人" not in found and f'name="{key}"' in found, verb
        assert "没有可选项" in browser.get(f"{path}/search?key={key}&text=%25").text
        assert browser.get(f"{path}/search?key=nothing").status_code == 404
        assert office.browser("xujingban").get(f"{path}/search?key={key}&text=末位").status_code in (403, 404)
