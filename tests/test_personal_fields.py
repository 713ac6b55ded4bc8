"""Personal data typed into a form: sealed in every row, in clear for the applicant and whoever acts for him, masked for all others."""

from __future__ import annotations

import pytest
from sqlalchemy import MetaData, select

from tasks.lists.queries import Filters
from tasks.models import Draft
from tests.renewal_stage import PROCESS, TEXTS, TOO_SHORT, Stage, declaration

MOBILE, MASKED = "13911112222", "139****2222"


@pytest.fixture
def stage(database):
    built = Stage("2026-06-18T09:00")
    yield built
    built.close()


def stored_in(stage, text):
    """The tables that hold `text` in clear in any column."""
    with stage.house.store.read() as connection:
        metadata = MetaData()
        metadata.reflect(connection)
        return sorted(
            table.name for table in metadata.sorted_tables
            if any(_holds(value, text) for row in connection.execute(select(table)) for value in row)
        )


def _holds(value, text):
    return text in (value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value))


def draft(stage, who, key, values):
    with stage.house.store.transaction() as connection:
        stage.house.tasks.save_draft(connection, stage.cast.actor(connection, who), stage.seat(key, connection=connection).id, values)


def test_a_submitted_number_lies_in_clear_in_no_table(stage):
    stage.start("gaojingban", "K1")
    stage.complete("@K1", "K1", "submit", declaration(TEXTS["short"], MOBILE))
    stage.complete("gaojingban", "K1", "return", TOO_SHORT)
    draft(stage, "@K1", "K1", declaration(TEXTS["better"], MOBILE))
    assert stored_in(stage, MOBILE) == []
    assert "history" in stored_in(stage, MASKED)


def test_the_applicant_finds_his_number_and_his_draft_in_clear(stage):
    stage.start("gaojingban", "K1")
    draft(stage, "@K1", "K1", {"mobile": MOBILE})
    assert stage.task("@K1", "K1").draft == {"mobile": MOBILE}
    stage.complete("@K1", "K1", "submit", declaration(TEXTS["short"], MOBILE))
    assert stage.task("gaojingban", "K1").data["mobile"] == MASKED
    stage.complete("gaojingban", "K1", "return", TOO_SHORT)
    assert stage.task("@K1", "K1").data["mobile"] == MOBILE
    assert stage.task("hefudao", "K1").data["mobile"] == MOBILE  # the counsellor fills it in for him


def test_timelines_and_differences_show_the_mask_and_only_a_real_change(stage):
    stage.start("gaojingban", "K1")
    stage.complete("@K1", "K1", "submit", declaration(TEXTS["short"], MOBILE))
    stage.complete("gaojingban", "K1", "return", TOO_SHORT)
    stage.complete("@K1", "K1", "resubmit", declaration(TEXTS["better"], MOBILE))
    assert [one["key"] for one in stage.task("gaojingban", "K1").differences] == ["statement"]
    stage.complete("gaojingban", "K1", "return", TOO_SHORT)
    stage.complete("@K1", "K1", "resubmit", declaration(TEXTS["k1"], "13933334444"))
    shown = {one["key"]: (one["before"], one["after"]) for one in stage.task("gaojingban", "K1").differences}
    assert shown["mobile"] == (MASKED, "139****4444")
    for who in ("gaojingban", "@K1"):
        changes = [change for item in stage.view(who, "K1").timeline for change in item.changes if change["key"] == "mobile"]
        assert [(change["before"], change["after"]) for change in changes] == [(None, MASKED), (MASKED, "139****4444")]


def test_an_undo_brings_the_sealed_number_back(stage):
    stage.start("gaojingban", "K1")
    done = stage.complete("@K1", "K1", "submit", declaration(TEXTS["k1"], MOBILE))
    with stage.house.store.transaction() as connection:
        stage.house.tasks.undo(connection, stage.cast.actor(connection, "@K1"), done.seat_id)
    assert "mobile" not in stage.case("K1").variables
    stage.complete("@K1", "K1", "submit", declaration(TEXTS["k1"], MOBILE))
    assert stage.case("K1").variables["mobile"]["masked"] == MASKED
    assert stored_in(stage, MOBILE) == []


def test_expressions_can_test_its_presence_and_lists_show_no_digit_of_it(stage):
    stage.start("gaojingban", "K1")
    stage.complete("@K1", "K1", "submit", declaration(TEXTS["k1"], MOBILE))
    with stage.house.store.transaction() as connection:
        assert stage.cast.expression(connection, stage.house, stage.cases["K1"], '= if mobile = null then "no" else "yes"') == "yes"
        actor = stage.cast.actor(connection, "gaojingban")
        rows = [cell for row in stage.house.lists.rows(connection, actor, PROCESS, "export", Filters(cycle="2026")) for cell in row]
    assert MOBILE not in rows
    assert stage.rows(select(Draft.seat_id)) == []
