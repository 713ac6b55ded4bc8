"""Every sentence of the pages has its English, and moments read as people here say them."""

from __future__ import annotations

import ast
import re
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from flask import Flask

from web import cases, i18n, inbox, navigation, presenting
from workflows.business_calendar import SHANGHAI, FrozenClock
from workflows.models import FAR_FUTURE

ROOT = Path(__file__).resolve().parent.parent
IN_TEMPLATE = re.compile(r"\b_\(\s*(?:'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\")")
PLACE = re.compile(r"\{(\w+)\}")
HAN = re.compile(r"[\u4e00-\u9fff]")


def sources() -> set[str]:
    found = set()
    for path in (ROOT / "templates").rglob("*.html"):
        found |= {single or double for single, double in IN_TEMPLATE.findall(path.read_text("utf-8"))}
    for path in (ROOT / "web").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("_", "translate") and node.args:
                found |= {part.value for part in ast.walk(node.args[0]) if isinstance(part, ast.Constant) and isinstance(part.value, str)}
    tables = [text for table in (inbox.VIEWS, inbox.MORE_VIEWS, inbox.SORTS, inbox.LIGHTS, cases.STATUSES) for _, text in table]
    menu = [text for entry in navigation.MENU for text in (entry.label, entry.short, entry.group)] + list(inbox.EACH.values())
    return {text for text in (*found, *tables, *menu, *presenting.CHANNELS.values()) if HAN.search(text)}


def test_every_chinese_sentence_of_the_pages_has_its_english() -> None:
    missing = sorted(sources() - set(i18n.english()))
    assert missing == []


def test_the_english_fills_the_same_places() -> None:
    wrong = {zh: en for zh, en in i18n.english().items() if not set(PLACE.findall(en)) <= set(PLACE.findall(zh))}
    assert wrong == {}


def test_no_english_sentence_still_holds_chinese() -> None:
    assert [en for en in i18n.english().values() if HAN.search(en)] == []


@pytest.fixture
def page() -> Flask:
    app = Flask("app", root_path=str(ROOT))
    noon = datetime(2026, 7, 6, 12, tzinfo=SHANGHAI)
    app.extensions["banjie"] = SimpleNamespace(clock=FrozenClock(noon))
    i18n.register(app)
    return app


@pytest.mark.parametrize(("due", "zh", "en"), [
    ("2026-07-06T23:59:59", "今天 23:59 止", "today until 23:59"),
    ("2026-07-07T18:00:00", "明天 18:00 止", "tomorrow until 18:00"),
    ("2026-07-10T23:59:59", "还剩 4 天", "4 d left"),
    ("2026-07-06T08:30:00", "逾期 3 小时", "3 h overdue"),
    ("2026-07-06T11:59:00", "刚刚逾期", "just overdue"),
    ("2026-07-05T23:59:59", "逾期 1 天", "1 d overdue"),
    ("2026-07-04T23:59:59", "逾期 2 天", "2 d overdue"),
])
def test_a_due_time_is_said_as_people_say_it(page: Flask, due: str, zh: str, en: str) -> None:
    moment = datetime.fromisoformat(due).replace(tzinfo=SHANGHAI)
    with page.test_request_context(headers={"Accept-Language": "zh-CN"}):
        assert i18n.due_text(moment) == zh
    with page.test_request_context(headers={"Accept-Language": "en"}):
        assert i18n.due_text(moment) == en


def test_no_date_is_shown_as_no_date(page: Flask) -> None:
    with page.test_request_context():
        assert i18n.due_text(FAR_FUTURE) == i18n.due_text(None) == "无期限"
        assert i18n.local_datetime(FAR_FUTURE) == "—"


def test_moments_are_shown_in_shanghai_with_the_year_only_when_it_differs(page: Flask) -> None:
    with page.test_request_context():
        assert i18n.local_datetime(datetime.fromisoformat("2026-07-05T16:30:00+00:00")) == "07-06 00:30"
        assert i18n.local_datetime(datetime.fromisoformat("2025-12-31T15:59:00+00:00")) == "2025-12-31 23:59"


def test_chinese_comes_first_the_chosen_language_wins(page: Flask) -> None:
    for headers, cookie, language in (
        ({}, None, "zh-CN"), ({"Accept-Language": "fr"}, None, "zh-CN"), ({"Accept-Language": "en-GB,en;q=0.9"}, None, "en"),
        ({"Accept-Language": "en"}, "zh-CN", "zh-CN"), ({"Accept-Language": "zh"}, "en", "en"), ({}, "tlh", "zh-CN"),
    ):
        cookies = {"Cookie": f"language={cookie}"} if cookie else {}
        with page.test_request_context(headers=headers | cookies):
            assert i18n.language() == language, (headers, cookie)


@pytest.mark.parametrize("target", ["//evil.example", "/\\evil.example", "https://evil.example", "", "javascript:alert(1)", "/a\nb"])
def test_going_back_after_choosing_a_language_never_leaves_the_site(page: Flask, target: str) -> None:
    assert i18n.same_site(target) == "/"


def test_numbers_that_came_unmasked_are_masked() -> None:
    assert i18n.masked("149999200311059015") == "1499**********9015"
    assert i18n.masked("13800138000") == "138****8000"
    assert i18n.masked("1499**********9015") == "1499**********9015"
    assert i18n.masked("123") == "***"
    assert i18n.masked(None) == ""
