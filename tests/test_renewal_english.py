"""The renewal audit in English: titles, facts, flags, outcomes and stages have English words with no Chinese left in them."""

from __future__ import annotations

import re

import pytest

from tests.renewal_stage import TEXTS, TOO_SHORT, Stage, declaration

CHINESE = re.compile(r"[\u4e00-\u9fff]")
NAMES = {"Name", "University", "Faculty", "Class", "County of origin", "Returned by", "Declaration", "What to correct", "Last return"}


@pytest.fixture
def stage(database):
    built = Stage("2026-06-18T09:00")
    yield built
    built.close()


def chinese_left(view):
    """Where the page would show Chinese to an English reader, names and people's own texts apart."""
    summary = view.seat.summary
    found = [("title", summary["title"]["en"])] + [("flag", flag["en"]) for flag in view.flags] + [("outcome", one["en"]) for one in view.outcomes]
    for fact in view.facts:
        found.append(("fact", fact["en"]))
        if isinstance(fact["value"], dict):
            found.append((fact["en"], fact["value"]["en"]))
        elif fact["en"] not in NAMES:
            found.append((fact["en"], str(fact["value"])))
    return [(where, text) for where, text in found if CHINESE.search(text) or " / " in text]


def test_every_page_of_the_way_is_english(stage):
    stage.start("gaojingban", "K1", roll_status=None, campus_loan=True)
    pages = {"submit_declaration": stage.task("@K1", "K1")}
    stage.complete("@K1", "K1", "submit", declaration(TEXTS["short"]))
    pages["audit_declaration"] = stage.task("gaojingban", "K1")
    stage.message("chenjingban", "K1", "university.nudge")
    pages["nudge_university"] = stage.task("chenjingban", "K1")
    with stage.house.store.transaction() as connection:
        seat = stage.seat("K1", "audit_declaration", connection)
        stage.house.tasks.complete(connection, stage.cast.actor(connection, "gaojingban"), seat.id, TOO_SHORT, "return")
    pages["correct_declaration"] = stage.task("@K1", "K1")
    assert {name: page.seat.node_id for name, page in pages.items()} == {name: name for name in pages}
    assert {name: chinese_left(page) for name, page in pages.items()} == {name: [] for name in pages}


def test_an_unknown_universitys_page_is_english(stage):
    stage.start("chenjingban", "unknown_code")
    stage.complete("@K1", "unknown_code", "submit", declaration(TEXTS["k1"]))
    assert chinese_left(stage.task("chenjingban", "unknown_code")) == []


def test_a_title_is_shown_in_the_readers_language_and_a_summary_too(stage):
    stage.start("gaojingban", "K1")
    assert stage.seat("K1").summary["title"] == {"zh": "续贷声明 2026", "en": "Renewal declaration 2026"}
    stage.complete("@K1", "K1", "submit", declaration(TEXTS["short"]))
    stage.complete("gaojingban", "K1", "return", TOO_SHORT)
    stage.complete("@K1", "K1", "withdraw")
    assert stage.seat("K1").summary["text"] == {
        "zh": f"上次退回：{TOO_SHORT['return_text']}", "en": f"Last return: {TOO_SHORT['return_text']}"
    }
