"""After a date, an organisation or a case's facts have changed, open work is worked out anew: who, until when, and why not yet."""

from __future__ import annotations

from datetime import datetime

import pytest
from sqlalchemy import select

from tasks.models import Draft
from tests.conftest import shanghai
from tests.renewal_stage import TEXTS, Stage, declaration
from tests.test_acceptance_renewal_scale import declare, enter, import_rows
from workflows.errors import Rejection
from workflows.models import Job, Wait

REASON = "省中心调整期限"


@pytest.fixture
def stage(database):
    built = Stage("2026-06-18T09:00")
    yield built
    built.close()


def set_date(stage, organisation, key, moment):
    with stage.house.store.transaction() as connection:
        stage.house.calendar.set_deadline(connection, organisation, "2026", key, shanghai(moment), REASON, None)


def change(stage, code, **values):
    with stage.house.store.transaction() as connection:
        stage.house.people.organisations.change(connection, code, **values)


def due(stage, key):
    moment: datetime = stage.seat(key).due_at
    return moment.astimezone(shanghai("2026-01-01").tzinfo).replace(tzinfo=None).isoformat()


def test_a_new_audit_date_moves_every_open_due_date_below_it_and_no_other(stage):
    stage.start("gaojingban", "K1", "K2")
    stage.start("xiejingban", "K3")
    with stage.house.store.transaction() as connection:
        stage.cases["K10"] = stage.cast.start(connection, stage.cast.actor(connection, "xujingban"), "renewal_declaration_audit", "K10", {})
    stage.declare("K1", TEXTS["k1"])
    before = {key: stage.seat(key) for key in stage.cases}
    set_date(stage, "U1401", "renewal_audit", "2026-07-05T23:59:59")
    stage.house.work_off()
    assert {key: due(stage, key) for key in ("K1", "K2")} == dict.fromkeys(("K1", "K2"), "2026-07-05T23:59:59")
    assert due(stage, "K10") == "2026-07-10T23:59:59"
    assert stage.seat("K10").revision == before["K10"].revision
    assert stage.rows(select(Job.id)) == []


def test_a_provinces_date_reaches_the_universities_in_it_and_reminders_move_along(stage):
    stage.start("gaojingban", "K1")
    set_date(stage, "14", "renewal_audit", "2026-07-20T23:59:59")
    stage.house.work_off()
    assert due(stage, "K1") == "2026-07-20T23:59:59"
    stage.advance("2026-07-02T09:00")
    assert "@K1" not in stage.told("K1")
    stage.advance("2026-07-03T09:00")
    assert "@K1" in stage.told("K1")


def test_a_longer_acceptance_window_keeps_undeclared_cases_open(stage):
    stage.start("gaojingban", "K1")
    set_date(stage, "14", "acceptance_window_end", "2026-09-25T23:59:59")
    stage.house.work_off()
    (timer,) = stage.rows(select(Wait.due_at).where(Wait.kind == "timer"))
    assert timer.due_at == shanghai("2026-09-26T00:00:00")
    stage.advance("2026-09-25T23:59:59")
    assert stage.case("K1").stage == "draft"
    stage.advance("2026-09-26T00:00:00")
    assert stage.case("K1").stage == "expired"


def test_a_university_that_leaves_the_platform_loses_its_open_work_to_the_county(stage):
    stage.start("gaojingban", "K2")
    stage.declare("K2", TEXTS["k2"])
    assert stage.offers("K2") == {"univ_clerk@U1401", "county_clerk@C429999"}
    change(stage, "U1401", on_platform=False)
    stage.house.work_off()
    assert stage.offers("K2") == {"county_clerk@C429999"}
    assert stage.seat("K2").duty == "county_clerk@C429999"
    change(stage, "U1401", on_platform=True)
    stage.house.work_off()
    assert stage.offers("K2") == {"univ_clerk@U1401", "county_clerk@C429999"}


def test_what_does_not_change_is_not_touched_and_drafts_and_claims_stay(stage):
    stage.start("gaojingban", "K1", "K2")
    stage.declare("K2", TEXTS["k2"])
    with stage.house.store.transaction() as connection:
        actor, seat = stage.cast.actor(connection, "gaojingban"), stage.seat("K2", connection=connection)
        stage.house.tasks.claim(connection, actor, seat.id)
        stage.house.tasks.save_draft(connection, actor, seat.id, {"opinion": "待核"})
    before = {key: tuple(stage.seat(key)) for key in stage.cases}
    rows = {key: len(stage.facts(key)) for key in stage.cases}
    set_date(stage, "14", "bank_payment", "2026-11-21T23:59:59")
    stage.house.work_off()
    assert {key: tuple(stage.seat(key)) for key in stage.cases} == before
    assert {key: len(stage.facts(key)) for key in stage.cases} == rows
    set_date(stage, "14", "renewal_audit", "2026-07-06T23:59:59")
    stage.house.work_off()
    owner = stage.seat("K2")
    assert owner.owner_id is not None
    assert due(stage, "K2") == "2026-07-10T23:59:59"  # the fallback date belongs to the province of origin
    assert len(stage.rows(select(Draft.seat_id))) == 1


def test_hundreds_of_cases_are_worked_out_in_chunks(stage, tmp_path):
    enter(stage, 230, folder=tmp_path)
    declare(stage, ["0", "1", "2"])
    set_date(stage, "U1401", "renewal_audit", "2026-07-03T23:59:59")
    stage.house.work_off()
    assert {due(stage, key) for key in stage.cases} == {"2026-07-03T23:59:59"}


def test_facts_a_later_sheet_adds_change_eligibility_and_who_may_act(stage, tmp_path):
    row = ["李样二", "429999200402199221", "20230102", "U1401", "", "U1401-CS-2301", "C429999", "13800000002", "", "", ""]
    import_rows(stage, "gaojingban", [row], tmp_path)
    stage.cases["K2"] = stage.rows(select(Wait.instance_id))[0].instance_id
    stage.complete("@K2", "K2", "submit", declaration(TEXTS["k2"]))
    assert stage.seat("K2").summary["flags"] == []
    assert stage.offers("K2") == {"univ_clerk@U1401", "county_clerk@C429999"}
    with stage.house.store.transaction() as connection:
        stage.cast.start(connection, stage.cast.actor(connection, "gaojingban"), "renewal_declaration_audit", "K2",
                         {"campus_loan": True, "in_bank_register": False})
    assert "campus_loan" in [flag["code"] for flag in stage.seat("K2").summary["flags"]]
    assert stage.offers("K2") == {"county_clerk@C429999"}


def test_a_further_study_learnt_later_blocks_the_declaration(stage):
    stage.start("gaojingban", "K1")
    case = stage.cases["K1"]
    assert stage.task("@K1", "K1").notices == []
    stage.start("chenjingban", "K1", further_study=True)
    assert stage.cases["K1"] == case
    assert stage.task("@K1", "K1").notices != []
    with pytest.raises(Rejection):
        stage.declare("K1", TEXTS["k1"])
