"""The acceptance cases of the renewal declaration audit (AC-01 to AC-19) through the services; those of size are in ..._scale."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import select

from tasks.models import SecurityLog
from tasks.notices import page as notice_page
from tests.renewal_stage import TEXTS, TOO_SHORT, Office, Stage, declaration
from workflows import history
from workflows.errors import Conflict, Forbidden, Rejection
from workflows.models import CommandItem, OutboxMessage

COUNTY_CLAUSE = "不得代为审核"
OUTBOX = OutboxMessage.__table__


@pytest.fixture
def stage(request, database):
    built = Stage(getattr(request, "param", "2026-06-18T09:00"))
    yield built
    built.close()


@pytest.fixture
def office(tmp_path, database):
    built = Office(tmp_path, "2026-06-18T09:00")
    yield built
    built.close()


def at(moment):
    return pytest.mark.parametrize("stage", [moment], indirect=True, ids=[""])


def decisions(stage, key):
    """(activity, outcome, organisation) of every decision in the case."""
    return [(row.node_id, row.detail["outcome"], row.organisation) for row in stage.facts(key) if row.kind == "activity_completed"]


# AC-01


def test_ac_01_an_in_province_declaration_is_the_universitys_alone(stage):
    assert len(TEXTS["k1"]) == 156
    stage.start("gaojingban", "K1")
    stage.declare("K1", TEXTS["k1"])
    assert stage.offers("K1") == {"univ_clerk@U1401"}
    assert stage.inbox("chenjingban") == []
    stage.complete("gaojingban", "K1", "approve")
    case = stage.case("K1")
    assert (case.status, case.stage) == ("completed", "approved")
    assert stage.outbox("K1")["declaration.approved"]["decided_by"] == "U1401"
    assert {organisation for _, _, organisation in decisions(stage, "K1")} <= {None, "U1401"}
    assert "county_clerk@C149999" not in stage.told("K1")


def test_ac_01_the_acceptance_gate_opens_when_the_time_to_undo_is_over(stage):
    stage.start("gaojingban", "K1")
    stage.declare("K1", TEXTS["k1"])
    stage.complete("gaojingban", "K1", "approve")
    stage.advance("2026-06-18T09:00:29")
    held = stage.rows(select(OUTBOX.c.status))
    assert {row.status for row in held} == {"held"}
    stage.advance("2026-06-18T09:00:31")
    assert {row.status for row in stage.rows(select(OUTBOX.c.status))} == {"sent"}


def test_ac_01_the_county_of_origin_sees_the_status_and_nothing_else(stage):
    stage.start("gaojingban", "K1")
    stage.declare("K1", TEXTS["k1"])
    stage.complete("gaojingban", "K1", "approve")
    view = stage.view("chenjingban", "K1")
    assert view.status_only
    assert view.instance.stage == "approved"
    assert view.may == frozenset()
    assert view.facts == []
    assert TEXTS["k1"] not in repr(view)


# AC-02


def test_ac_02_a_county_cannot_approve_for_an_in_province_student_by_any_door(office):
    office.start("gaojingban", "K1")
    office.declare("K1", TEXTS["k1"])
    seat, browser = office.seat("K1"), office.browser("chenjingban")
    rows_before, seat_before = len(office.facts("K1")), tuple(seat)
    sent = {"outcome": "approve", "revision": seat.revision}
    answers = [
        browser.post(f"/tasks/{seat.id}/complete", data={**sent, "view": "todo"}, headers={"HX-Request": "true"}),
        browser.post(f"/tasks/{seat.id}/complete", json={**sent, "values": {}}),
        browser.post("/inbox/bulk", data={"verb": "approve", "task": f"{seat.id}:{seat.revision}"}),
    ]
    office.house.work_off()
    for answer in answers:
        assert answer.status_code == 403
        assert COUNTY_CLAUSE in (answer.get_json()["error"]["zh"] if answer.is_json else answer.get_data(as_text=True))
    assert_three_refusals(office)
    assert tuple(office.seat("K1")) == seat_before
    assert len(office.facts("K1")) == rows_before
    assert [one for one in decisions(office, "K1") if one[2] == "C149999"] == []


def assert_three_refusals(office):
    """The security log names who tried, and the clause, three times."""
    with office.house.store.read() as connection:
        logged = connection.execute(select(SecurityLog.kind, SecurityLog.person_id, SecurityLog.detail)).all()
        chen = office.cast.person(connection, "chenjingban")
    assert [(row.kind, row.person_id) for row in logged] == [("refused", chen)] * 3
    assert all(COUNTY_CLAUSE in str(row.detail) for row in logged)


def test_ac_02_a_bulk_command_leaves_each_item_with_the_clause_and_logs_each(office):
    office.start("gaojingban", "K1", "K7")
    office.declare("K1", TEXTS["k1"])
    office.declare("K7", TEXTS["k7"])
    rows = [f"{office.seat(key).id}:{office.seat(key).revision}" for key in ("K1", "K7")]
    assert office.browser("chenjingban").post("/inbox/bulk", data={"verb": "approve", "task": rows}).status_code == 303
    office.house.work_off()
    left = office.rows(select(CommandItem.status, CommandItem.reason))
    assert [row.status for row in left] == ["skipped", "skipped"]
    assert all(COUNTY_CLAUSE in row.reason for row in left)
    assert len(office.rows(select(SecurityLog.id))) == 2
    assert {office.seat(key).status for key in ("K1", "K7")} == {"open"}


def test_ac_02_a_refused_claim_from_the_inbox_is_logged_too(office):
    office.start("gaojingban", "K1")
    office.declare("K1", TEXTS["k1"])
    seat = office.seat("K1")
    office.browser("chenjingban").post("/inbox/bulk", data={"verb": "claim", "task": f"{seat.id}:{seat.revision}"})
    (row,) = office.rows(select(SecurityLog.kind, SecurityLog.detail))
    assert row.kind == "refused"
    assert COUNTY_CLAUSE in str(row.detail)
    assert office.seat("K1").owner_id is None


# AC-03


@at("2026-06-20T10:00")
def test_ac_03_the_first_claim_takes_it_and_both_provinces_see_who_decided(stage):
    stage.start("dengjingban", "K2")
    stage.declare("K2", TEXTS["k2"])
    assert stage.offers("K2") == {"univ_clerk@U1401", "county_clerk@C429999"}
    stage.advance("2026-06-25T10:00")
    seat = stage.seat("K2")
    assert stage.inbox("gaojingban") == [stage.cases["K2"]]
    with stage.house.store.transaction() as connection:
        stage.house.tasks.claim(connection, stage.cast.actor(connection, "dengjingban"), seat.id)
    assert stage.inbox("gaojingban") == []
    stage.complete("dengjingban", "K2", "approve", {"guided_on_site": False})
    with pytest.raises(Conflict) as refused, stage.house.store.transaction() as connection:
        stage.house.tasks.complete(connection, stage.cast.actor(connection, "gaojingban"), seat.id, {}, "approve")
    assert refused.value.zh.startswith("已由乙省样板县学生资助管理中心邓经办于 06-25 10:00 办理")
    with pytest.raises(Conflict, match="已由乙省样板县学生资助管理中心邓经办"):
        stage.task("gaojingban", "K2")
    for supervisor in ("tangshengban", "shengyiban"):
        decided = [item for item in stage.view(supervisor, "K2").timeline if item.outcome == "approve"]
        assert [(item.person, item.role, item.organisation) for item in decided] == [("邓经办", "county_clerk", "乙省样板县学生资助管理中心")]


# AC-04


@at("2026-06-20T10:00")
def test_ac_04_what_the_university_leaves_becomes_the_countys_duty_to_the_second(stage):
    stage.start("gaojingban", "K2")
    stage.declare("K2", TEXTS["k2"])
    stage.advance("2026-07-10T23:59:59")
    assert stage.seat("K2").duty == "univ_clerk@U1401"
    assert "audit_overdue@U1401" not in stage.marks("K2")
    stage.advance("2026-07-11T00:00:00")
    seat = stage.seat("K2")
    assert seat.duty == "county_clerk@C429999"
    assert seat.due_at.isoformat() == "2026-07-14T15:59:59+00:00"
    assert stage.marks("K2") == {"audit_overdue@U1401"}
    assert {"univ_principal@U1401", "county_clerk@C429999"} <= stage.told("K2")
    stage.advance("2026-07-13T10:00")
    stage.complete("dengjingban", "K2", "approve", {"guided_on_site": False})
    assert stage.case("K2").stage == "approved"
    assert stage.outbox("K2")["declaration.approved"]["decided_by"] == "C429999"
    stage.advance("2026-07-20T00:00:00")
    assert stage.marks("K2") == {"audit_overdue@U1401"}


@at("2026-06-20T10:00")
def test_ac_04_an_idle_county_is_reported_to_its_principal_and_then_to_the_city(stage):
    stage.start("gaojingban", "K2")
    stage.declare("K2", TEXTS["k2"])
    stage.advance("2026-07-14T23:59:59")
    assert "county_principal@C429999" not in stage.told("K2")
    stage.advance("2026-07-15T00:00:00")
    assert "county_principal@C429999" in stage.told("K2")
    assert "city_supervisor@4299" not in stage.told("K2")
    assert stage.marks("K2") == {"audit_overdue@U1401", "audit_overdue@C429999"}
    assert notices(stage, "jiangfuze") == ["escalation"]
    stage.advance("2026-07-16T00:00:00")
    assert notices(stage, "shiyidu") == ["escalation"]
    assert [row.detail["to"] for row in stage.facts("K2") if row.kind == "escalated"][-1] == ["city_supervisor@4299"]


def notices(stage, login):
    with stage.house.store.read() as connection:
        return [notice.kind for notice in notice_page(connection, stage.cast.actor(connection, login)).rows]


# AC-06


def test_ac_06_of_two_who_decide_in_the_same_second_one_wins_and_the_other_is_told(office):
    office.start("gaojingban", "K2")
    office.declare("K2", TEXTS["k2"])
    seat = office.seat("K2")
    gate = threading.Barrier(2)
    answers = {}

    def decide(login, outcome, values):
        gate.wait()
        try:
            with office.house.store.transaction() as connection:
                actor = office.cast.actor(connection, login)
                office.house.tasks.complete(connection, actor, seat.id, values, outcome, seat.revision)
                answers[login] = outcome
        except Rejection as refusal:
            answers[login] = refusal

    threads = [
        threading.Thread(target=decide, args=("gaojingban", "return", TOO_SHORT)),
        threading.Thread(target=decide, args=("dengjingban", "approve", {"guided_on_site": False})),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winner = next(login for login, answer in answers.items() if isinstance(answer, str))
    loser = next(login for login in answers if login != winner)
    assert isinstance(answers[loser], Conflict)
    assert {"gaojingban": "高经办", "dengjingban": "邓经办"}[winner] in answers[loser].zh
    assert len([one for one in decisions(office, "K2") if one[0] == "audit_declaration"]) == 1
    assert office.case("K2").stage == {"return": "returned", "approve": "approved"}[answers[winner]]
    assert ("declaration.approved" in office.outbox("K2")) == (answers[winner] == "approve")
    with office.house.store.read() as connection:
        assert list(history.verify(connection, office.cases["K2"])) == []


# AC-08


def test_ac_08_a_short_declaration_is_flagged_returned_and_corrected_in_round_two(stage):
    short, better = TEXTS["short"], TEXTS["better"]
    assert (len(short), len(better)) == (46, 120)
    stage.start("gaojingban", "K1")
    stage.declare("K1", short)
    assert [flag["code"] for flag in stage.seat("K1").summary["flags"]] == ["length"]
    stage.complete("gaojingban", "K1", "return", TOO_SHORT)
    shown = stage.task("@K1", "K1")
    assert TOO_SHORT["return_text"] in [fact["value"] for fact in shown.facts]
    assert shown.seat.round == 2
    stage.complete("@K1", "K1", "resubmit", declaration(better))
    assert stage.offers("K1") == {"univ_clerk@U1401"}
    (difference,) = [one for one in stage.task("gaojingban", "K1").differences if one["key"] == "statement"]
    assert (difference["before"], difference["after"]) == (short, better)
    stage.complete("gaojingban", "K1", "return", TOO_SHORT)
    stage.advance("2026-06-18T09:01")
    assert stage.marks("K1") == {"returned_twice@U1401"}
    assert "univ_principal@U1401" in stage.told("K1")
    with stage.house.store.read() as connection:
        figure = stage.house.supervision.overview(connection, stage.cast.actor(connection, "zhouzhuren")).total
    assert figure.reasons["returned_twice"] == 1


# AC-09


def test_ac_09_last_years_text_is_flagged_and_left_to_a_person(stage):
    stage.start("gaojingban", "K1", last_statement=TEXTS["k1"])
    stage.declare("K1", TEXTS["k1"])
    seat = stage.seat("K1")
    assert [(flag["code"], flag["zh"]) for flag in seat.summary["flags"]] == [("same_as_last_year", "与上年相同")]
    assert (seat.node_id, seat.status, seat.summary["open_first"]) == ("audit_declaration", "open", True)
    stage.complete("gaojingban", "K1", "approve")
    assert stage.case("K1").stage == "approved"


# AC-11


@at("2026-07-17T10:00")
def test_ac_11_at_the_counter_the_county_must_decide_the_same_day(stage):
    stage.start("gaojingban", "K2")
    stage.declare("K2", TEXTS["k2"])
    assert stage.seat("K2").due_at.isoformat() == "2026-07-22T15:59:59+00:00"
    stage.advance("2026-07-18T10:00")
    for stranger in ("gaojingban", "chenjingban"):
        with pytest.raises(Rejection):
            stage.message(stranger, "K2", "counter.visit")
    stage.message("dengjingban", "K2", "counter.visit")
    seat = stage.seat("K2")
    assert (seat.duty, seat.due_at.isoformat()) == ("county_clerk@C429999", "2026-07-18T15:59:59+00:00")
    assert "univ_clerk@U1401" in stage.told("K2")
    stage.complete("dengjingban", "K2", "approve", {"guided_on_site": True})
    assert stage.outbox("K2")["declaration.approved"]["guided_on_site"] is True
    assert stage.case("K2").status == "completed"


# AC-14


@at("2026-06-22T10:00")
def test_ac_14_a_university_off_the_platform_is_not_waited_for(stage):
    stage.start("chenjingban", "off_platform")
    stage.complete("@K7", "off_platform", "submit", declaration(TEXTS["k7"]))
    seat = stage.seat("off_platform")
    assert (seat.duty, seat.due_at.isoformat()) == ("county_clerk@C149999", "2026-06-25T15:59:59+00:00")
    assert stage.offers("off_platform") == {"county_clerk@C149999"}


# AC-15


@at("2026-06-20T10:00")
def test_ac_15_further_study_waits_for_the_plan_change_and_then_never_goes_to_the_old_university(stage):
    stage.start("xiejingban", "K3")
    with pytest.raises(Rejection) as refused:
        stage.declare("K3", TEXTS["k3"])
    assert refused.value.detail["link"]
    assert stage.task("@K3", "K3").notices[0]["link"]
    stage.correlate("K3", "plan_change.effective", {"university": "U1401", "class": "U1401-GS-2601", "expected_graduation": "2029-06-30"})
    stage.declare("K3", TEXTS["k3"])
    assert stage.offers("K3") == {"univ_clerk@U1401", "county_clerk@C419999"}
    assert stage.inbox("xujingban") == []
    with pytest.raises(Forbidden):
        stage.complete("xujingban", "K3", "approve")


# AC-19


@at("2026-06-22T10:00")
def test_ac_19_an_unknown_university_waits_for_a_data_fix_and_is_then_routed_anew(stage):
    stage.start("chenjingban", "unknown_code")
    stage.complete("@K1", "unknown_code", "submit", declaration(TEXTS["k1"]))
    assert stage.seat("unknown_code").node_id == "resolve_unknown_university"
    assert stage.offers("unknown_code") == {"county_clerk@C149999"}
    for login in ("gaojingban", "chenjingban"):
        with pytest.raises(Rejection):
            stage.complete(login, "unknown_code", "approve")
    stage.complete("chenjingban", "unknown_code", "re_route", {"resolved_university": "U1401"})
    assert stage.offers("unknown_code") == {"univ_clerk@U1401"}
    assert stage.seat("unknown_code").duty == "univ_clerk@U1401"
    assert "U1401" in {code for code in stage.view("gaojingban", "unknown_code").instance.parties.values()}
