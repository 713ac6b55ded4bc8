"""The door, over HTTP: nothing open by default, sessions that end, forms that cannot be forged, headers on every answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from app import create_app
from tasks.models import Person, SecurityLog
from tasks.shared_organisations import load_organisations
from tests import databases
from web.security import needs_style_attributes, public, requires, safe_next
from workflows.business_calendar import FrozenClock

PASSWORD, NEW = "correct horse battery", "another long secret"
NUMBER = "429999200402199221"
CAST = (Path(__file__).parent.parent / "bpmn" / "shared" / "organisations.yaml").read_text("utf-8")
OPEN = {"sign_in.login", "sign_in.sign_in", "sign_in.logout", "sign_in.activate", "sign_in.take_account", "signing_again.again", "language.choose", "static"}


class Door:
    """The application over a fresh database with the cast, and a browser."""

    def __init__(self, folder: Path, clock: FrozenClock) -> None:
        self.clock = clock
        self.app: Flask = create_app({"INSTANCE_PATH": folder, "SQLALCHEMY_DATABASE_URI": databases.url(folder), "CLOCK": clock})
        self._add_test_routes()
        self.house = self.app.extensions["banjie"]
        with self.house.store.transaction() as connection:
            self.ids = load_organisations(connection, self.house.people, CAST, PASSWORD)
        self.browser: FlaskClient = self.app.test_client()

    def _add_test_routes(self) -> None:
        self.app.add_url_rule("/test/plain", "test_plain", lambda: "plain", methods=["GET", "POST"])
        self.app.add_url_rule("/test/open", "test_open", public(lambda: "open"))
        self.app.add_url_rule("/test/deploy", "test_deploy", requires("model.deploy")(lambda: "deployed"))
        self.app.add_url_rule("/test/editor", "test_editor", needs_style_attributes(lambda: "editor"))

    def token(self, path: str = "/login") -> str:
        found = re.search(r'name="csrf_token" value="([^"]+)"', self.browser.get(path).get_data(as_text=True))
        assert found is not None
        return found.group(1)

    def post(self, path: str, page: str = "/login", **form: str) -> TestResponse:
        return self.browser.post(path, data={"csrf_token": self.token(page), **form})

    def sign_in(self, login: str, password: str = PASSWORD, **form: str) -> TestResponse:
        return self.post("/login", login=login, password=password, **form)

    def log(self, kind: str) -> list[Any]:
        with self.house.store.read() as connection:
            return list(connection.execute(select(SecurityLog.__table__).where(SecurityLog.kind == kind)).all())

    def set(self, login: str, **values: Any) -> None:
        with self.house.store.transaction() as connection:
            connection.execute(update(Person).where(Person.login == login).values(values))


@pytest.fixture
def door(tmp_path: Path, database: str) -> Iterator[Door]:
    built = Door(tmp_path, FrozenClock(datetime(2026, 7, 6, 9, 0)))
    yield built
    built.house.store.engine.dispose()


def test_every_route_refuses_a_stranger_unless_it_says_otherwise(door: Door) -> None:
    for rule in door.app.url_map.iter_rules():
        if rule.endpoint in OPEN or rule.endpoint == "test_open":
            continue
        path = re.sub(r"<(?:[^:>]+:)?[^>]+>", "1", rule.rule)
        for method in sorted(rule.methods - {"HEAD", "OPTIONS"}):
            page = door.browser.open(path, method=method)
            led = page.status_code == 303 and page.location.startswith("/login")
            assert led or (path.endswith(".json") and page.status_code == 401), (method, path, page.status)
            program = door.browser.open(path, method=method, headers={"Accept": "application/json"})
            assert program.status_code == 401 and program.json["ok"] is False, (method, path)
            swap = door.browser.open(path, method=method, headers={"HX-Request": "true"})
            assert swap.status_code == 401, (method, path)


def test_only_these_views_are_open(door: Door) -> None:
    marked = {name for name, view in door.app.view_functions.items() if getattr(view, "public", False)}
    assert marked - {"test_open"} == OPEN - {"static"}


def test_a_stranger_is_led_to_the_sign_in_and_back(door: Door) -> None:
    answer = door.browser.get("/test/plain?filter=late&page=2")
    assert answer.location == "/login?next=/test/plain%3Ffilter%3Dlate%26page%3D2"
    page = door.browser.get(answer.location).get_data(as_text=True)
    assert 'name="next" value="/test/plain?filter=late&amp;page=2"' in page
    assert door.sign_in("gaojingban", next="/test/plain?filter=late&page=2").location == "/test/plain?filter=late&page=2"
    assert door.browser.get("/test/plain").data == b"plain"
    assert len(door.log("sign_in.done")) == 1


@pytest.mark.parametrize(
    "target",
    ["https://evil.example", "//evil.example", "/\\evil.example", "/\t/evil.example", "/\n/evil.example", "\\\\evil.example", "javascript:alert(1)",
     "evil", "", None, "/login?next=/x", "/logout", "///evil.example", "/x\\..\\y"],
)
def test_the_way_back_never_leaves_the_site(target: str | None) -> None:
    assert safe_next(target) == "/"


def test_the_way_back_may_be_any_page_of_the_site() -> None:
    assert safe_next("/cases?q=张测一&page=2") == "/cases?q=张测一&page=2"


def test_a_wrong_password_is_refused_counted_and_kept(door: Door) -> None:
    for _ in range(5):
        answer = door.sign_in("gaojingban", "wrong")
        assert answer.status_code == 401 and "登录名或密码不正确" in answer.get_data(as_text=True)
    assert (len(door.log("sign_in.failed")), len(door.log("sign_in.locked"))) == (4, 1)
    assert door.log("sign_in.locked")[0].address == "127.0.0.1"
    assert door.sign_in("gaojingban").status_code == 401
    assert door.browser.get("/test/plain").status_code == 303


def test_a_form_of_another_site_does_nothing(door: Door) -> None:
    assert door.browser.post("/login", data={"login": "gaojingban", "password": PASSWORD}).status_code == 400
    assert door.log("sign_in.done") == []
    door.sign_in("gaojingban")
    assert door.browser.post("/test/plain").status_code == 400
    token = door.token("/password")
    assert door.browser.post("/test/plain", headers={"X-CSRFToken": token}).data == b"plain"
    assert door.browser.post("/test/plain", headers={"X-CSRFToken": token[:-2] + "xx"}).status_code == 400


def test_signing_in_starts_a_fresh_session(door: Door) -> None:
    before = door.token()
    with door.browser.session_transaction() as session:
        session["planted"] = "by somebody else"
    door.sign_in("gaojingban")
    with door.browser.session_transaction() as session:
        assert "planted" not in session
    assert door.browser.post("/test/plain", headers={"X-CSRFToken": before}).status_code == 400


def test_an_idle_session_ends_and_says_so(door: Door) -> None:
    door.sign_in("gaojingban")
    door.clock.advance(timedelta(minutes=29))
    assert door.browser.get("/test/plain").status_code == 200
    door.clock.advance(timedelta(minutes=29))
    assert door.browser.get("/test/plain").status_code == 200
    door.clock.advance(timedelta(minutes=31))
    answer = door.browser.get("/test/plain")
    assert answer.status_code == 303
    assert "登录已过期" in door.browser.get(answer.location).get_data(as_text=True)


def test_a_page_that_refreshes_itself_keeps_no_session_alive(door: Door) -> None:
    door.sign_in("gaojingban")
    for _ in range(4):
        door.clock.advance(timedelta(minutes=10))
        last = door.browser.get("/test/plain", headers={"X-Poll": "1", "HX-Request": "true"})
    assert last.status_code == 401


def test_a_session_ends_after_twelve_hours_of_use(door: Door) -> None:
    door.sign_in("gaojingban")
    for _ in range(12 * 3):
        door.clock.advance(timedelta(minutes=20))
        assert door.browser.get("/test/plain").status_code == 200
    door.clock.advance(timedelta(minutes=1))
    assert door.browser.get("/test/plain").status_code == 303


def test_signing_out_ends_the_session(door: Door) -> None:
    door.sign_in("gaojingban")
    assert door.browser.get("/logout").status_code in (404, 405)
    assert door.post("/logout", page="/password").location == "/login"
    assert door.browser.get("/test/plain").status_code == 303
    assert len(door.log("sign_out")) == 1


def test_a_disabled_account_is_out_with_its_next_request(door: Door) -> None:
    door.sign_in("gaojingban")
    door.set("gaojingban", active=False)
    assert door.browser.get("/test/plain").status_code == 303


def test_the_cookie_is_out_of_reach_of_scripts_and_secure_over_https(door: Door) -> None:
    cookie = door.sign_in("gaojingban").headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Secure" not in cookie
    over_https = door.app.test_client().get("/login", base_url="https://localhost")
    assert "Secure" in over_https.headers["Set-Cookie"]
    assert over_https.headers["Strict-Transport-Security"]


@pytest.mark.parametrize("path", ["/login", "/test/open", "/test/plain", "/nowhere", "/static/mark.svg"])
def test_every_answer_carries_the_policy(door: Door, path: str) -> None:
    answer = door.browser.get(path)
    answer.close()
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "script-src 'self'" in policy and "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"


def test_only_an_editor_s_page_may_write_style_attributes(door: Door) -> None:
    door.sign_in("gaojingban")
    assert "style-src-attr 'unsafe-inline'" in door.browser.get("/test/editor").headers["Content-Security-Policy"]
    answer = door.browser.get("/test/plain")
    assert "style-src-attr" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_view_that_requires_an_action_refuses_others_with_the_reason(door: Door) -> None:
    door.sign_in("gaojingban")
    answer = door.browser.get("/test/deploy")
    assert answer.status_code == 403 and "流程管理员" in answer.get_data(as_text=True)
    refused = door.log("refused")
    assert [(row.person_id, row.detail["path"], row.detail["action"]) for row in refused] == [
        (door.ids["gaojingban"], "/test/deploy", "model.deploy")
    ]
    door.post("/logout", page="/password")
    door.sign_in("liuchengguanli")
    assert door.browser.get("/test/deploy").data == b"deployed"


def test_somebody_with_two_identities_chooses_which_acts(door: Door) -> None:
    door.sign_in("xujingban")
    assert "乙省样板师范大学甲省校区" in door.browser.get("/password").get_data(as_text=True)
    with door.house.store.read() as connection:
        campus = door.house.people.actor(connection, door.ids["xujingban"]).memberships[1].id
    answer = door.post("/identity", page="/password", identity=str(campus), next="/test/plain")
    assert answer.location == "/test/plain"
    page = door.browser.get("/password").get_data(as_text=True)
    assert re.search(rf'value="{campus}"[^>]*aria-current="true"', page)
    door.post("/identity", page="/password", identity="999999")
    with door.browser.session_transaction() as session:
        assert session["acting"] == campus


def test_a_person_changes_his_password_and_stays_while_his_other_sessions_end(door: Door) -> None:
    elsewhere = door.app.test_client()
    first, door.browser = door.browser, elsewhere
    door.sign_in("gaojingban")
    door.browser = first
    door.sign_in("gaojingban")
    wrong = door.post("/password", page="/password", old="wrong", password=NEW, again=NEW)
    assert wrong.status_code == 422 and "登录名或密码不正确" in wrong.get_data(as_text=True)
    assert "两次输入" in door.post("/password", page="/password", old=PASSWORD, password=NEW, again=NEW + "x").get_data(as_text=True)
    assert "至少 10" in door.post("/password", page="/password", old=PASSWORD, password="short", again="short").get_data(as_text=True)
    assert door.post("/password", page="/password", old=PASSWORD, password=NEW, again=NEW).status_code == 303
    assert door.browser.get("/test/plain").status_code == 200
    assert elsewhere.get("/test/plain").status_code == 303
    assert len(door.log("password.changed")) == 1


def test_somebody_guessing_the_old_password_is_locked_out(door: Door) -> None:
    door.sign_in("gaojingban")
    for _ in range(5):
        door.post("/password", page="/password", old="wrong", password=NEW, again=NEW)
    assert len(door.log("sign_in.locked")) == 1
    assert door.post("/password", page="/password", old=PASSWORD, password=NEW, again=NEW).status_code == 422


def test_a_temporary_password_opens_nothing_but_the_page_to_change_it(door: Door) -> None:
    door.set("gaojingban", must_change_password=True)
    door.sign_in("gaojingban")
    assert door.browser.get("/test/plain").location == "/password"
    assert door.browser.get("/test/plain", headers={"HX-Request": "true"}).status_code == 403
    assert "请先设置您自己的密码" in door.browser.get("/password").get_data(as_text=True)
    door.post("/password", page="/password", old=PASSWORD, password=NEW, again=NEW)
    assert door.browser.get("/test/plain").status_code == 200


def test_a_student_takes_his_account_with_the_code(door: Door) -> None:
    with door.house.store.transaction() as connection:
        code = door.house.people.credentials.issue_codes(connection, [door.ids["K2"]])[door.ids["K2"]]
    wrong = door.post("/activate", page="/activate", login=NUMBER, code="AAAAA-AAAAA", password=NEW, again=NEW)
    assert wrong.status_code == 401 and "激活码" in wrong.get_data(as_text=True)
    assert len(door.log("sign_in.failed")) == 1
    weak = door.post("/activate", page="/activate", login=NUMBER, code=code, password="short", again="short")
    assert weak.status_code == 422 and "至少 10" in weak.get_data(as_text=True)
    assert door.post("/activate", page="/activate", login=NUMBER, code=code, password=NEW, again=NEW).location == "/"
    assert door.browser.get("/test/plain").status_code == 200
    assert len(door.log("account.activated")) == 1


def test_the_sign_in_page_speaks_english(door: Door) -> None:
    page = door.browser.get("/login", headers={"Accept-Language": "en"}).get_data(as_text=True)
    main = page[page.index("<main") : page.index("</main>")]
    assert "Sign in" in main
    assert re.findall(r"[\u4e00-\u9fff]+", re.sub(r'lang="zh-CN">[^<]*', "", main)) == []
