"""Failures as people and programs see them, and that a failed request leaves nothing behind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import abort
from sqlalchemy import update

from tasks.models import Person
from tests.web_office import Office
from web.context import after_commit, connection
from workflows.business_calendar import FrozenClock
from workflows.errors import Conflict


@pytest.fixture
def office(tmp_path: Path, clock: FrozenClock, database: str) -> Iterator[Office]:
    built = Office(tmp_path, clock)
    work: list[str] = []

    def rename(name: str) -> None:
        connection().execute(update(Person).values(name=name))
        after_commit(lambda: work.append(name))

    def refuse() -> str:
        rename("甲")
        raise Conflict("已由王五办理。", "Decided by Wang Wu.")

    def crash() -> str:
        rename("乙")
        raise ZeroDivisionError("秘密内容")

    def stop() -> str:
        abort(413)

    def keep() -> str:
        rename("丙")
        return "ok"

    for name, view in {"refuse": refuse, "crash": crash, "stop": stop, "keep": keep}.items():
        built.app.add_url_rule(f"/test/{name}", name, view, methods=["GET", "POST"])
    built.app.extensions["work"] = work
    yield built
    built.close()


def names(office: Office) -> set[str]:
    with office.house.store.read() as reading:
        return set(reading.exec_driver_sql("SELECT name FROM person").scalars())


def test_a_refusal_is_a_page_with_its_words_and_nothing_is_kept(office: Office) -> None:
    before = names(office)
    answer = office.browser(office.clerk).post("/test/refuse")
    assert answer.status_code == 409 and "已由王五办理。" in answer.text
    assert names(office) == before and office.app.extensions["work"] == []


def test_a_program_gets_the_same_refusal_as_json_in_both_languages(office: Office) -> None:
    answer = office.browser(office.clerk).post("/test/refuse", headers={"Accept": "application/json"})
    assert answer.status_code == 409
    assert answer.json == {
        "ok": False, "error": {"zh": "已由王五办理。", "en": "Decided by Wang Wu."}, "message": "已由王五办理。", "fields": {}, "errors": {},
    }


def test_htmx_gets_a_toast_and_swaps_nothing(office: Office) -> None:
    answer = office.browser(office.clerk).post("/test/refuse", headers={"HX-Request": "true", "Accept-Language": "en"})
    assert answer.headers["HX-Reswap"] == "none"
    assert json.loads(answer.headers["HX-Trigger"])["toast"] == {"text": "Decided by Wang Wu.", "kind": "danger"}


def test_a_bug_shows_a_code_and_never_its_inside(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    before = names(office)
    answer = office.browser(office.clerk).post("/test/crash")
    assert answer.status_code == 500 and "系统出错了" in answer.text
    assert "秘密内容" not in answer.text and "Traceback" not in answer.text and "ZeroDivision" not in answer.text
    code = answer.text.split("<code>", 1)[1].split("<", 1)[0]
    assert f"bug {code}" in caplog.text and names(office) == before


def test_what_returns_normally_is_kept_and_then_what_waited_for_it_runs(office: Office) -> None:
    assert office.browser(office.clerk).post("/test/keep").status_code == 200
    assert names(office) == {"丙"} and office.app.extensions["work"] == ["丙"]


def test_a_reading_request_cannot_write(office: Office) -> None:
    before = names(office)
    assert office.browser(office.clerk).get("/test/keep").status_code == 500
    assert names(office) == before


@pytest.mark.parametrize(("path", "status", "words"), [
    ("/nowhere", 404, "没有找到"), ("/tasks/999999", 404, "没有这个待办事项"), ("/test/stop", 413, "文件过大"),
])
def test_every_error_page_says_what_to_do(office: Office, path: str, status: int, words: str) -> None:
    answer = office.browser(office.clerk).get(path)
    assert answer.status_code == status and words in answer.text and 'href="/"' in answer.text


def test_a_missing_token_is_explained_and_the_request_does_nothing(office: Office) -> None:
    office.app.config["WTF_CSRF_ENABLED"] = True
    before = names(office)
    answer = office.browser(office.clerk).post("/test/keep")
    assert answer.status_code == 400 and "页面已失效" in answer.text and names(office) == before


def test_choosing_a_language_is_remembered_and_stays_on_this_site(office: Office) -> None:
    browser = office.browser(office.clerk)
    answer = browser.post("/language", data={"lang": "en", "next": "/inbox"})
    assert answer.status_code == 303 and answer.location == "/inbox"
    assert "Inbox" in browser.get("/inbox").text
    assert browser.post("/language", data={"lang": "zh-CN", "next": "//evil.example"}).location == "/"
    assert "待办" in browser.get("/inbox").text
