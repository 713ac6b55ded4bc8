"""Notices at time marks: a student hears of his own case, an office hears once a day how many."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from tasks.models import Notification, ScheduleMark
from tests.conftest import shanghai
from tests.renewal_stage import Stage
from tests.test_acceptance_renewal_scale import declare, enter, import_rows, line

CLASS_REP = "class_rep@U1401-CS-2301"
OVERDUE = "续贷声明逾期未审核"


@pytest.fixture
def stage(database):
    built = Stage("2026-06-18T09:00")
    yield built
    built.close()


def told(stage, candidate):
    """(words, case) of every notice to a candidate line, oldest first."""
    query = select(Notification.text, Notification.instance_id).where(Notification.candidate == candidate).order_by(Notification.id)
    return [(row.text["zh"], row.instance_id) for row in stage.rows(query)]


def test_a_class_hears_once_a_day_how_many_have_not_declared_and_each_student_of_his_own_case(stage, tmp_path):
    enter(stage, 12, folder=tmp_path)
    stage.advance("2026-06-25T10:00")
    assert told(stage, CLASS_REP) == [("提醒：有事项临近期限，请尽快办理（12 件）", None)]
    people = [row for row in stage.rows(select(Notification.candidate)) if row.candidate.startswith("person:")]
    assert len(people) == len({row.candidate for row in people}) == 12
    stage.advance("2026-07-03T10:00")
    assert [words for words, _ in told(stage, CLASS_REP)] == ["提醒：有事项临近期限，请尽快办理（12 件）"] * 2


def test_students_of_two_counties_are_one_sum_for_their_class(stage, tmp_path):
    import_rows(stage, "gaojingban", [line(number, county="C149999" if number % 2 else "C429999") for number in range(6)], tmp_path)
    assert len(stage.rows(select(ScheduleMark.schedule_id).distinct())) == 1
    with stage.house.store.transaction() as connection:
        stage.house.calendar.set_deadline(connection, "42", "2026", "acceptance_window_end", shanghai("2026-09-25T23:59:59"), "延长受理期", None)
    import_rows(stage, "gaojingban", [line(number, county="C429999") for number in range(6, 9)], tmp_path)
    assert len(stage.rows(select(ScheduleMark.schedule_id).distinct())) == 2
    stage.advance("2026-06-25T10:00")
    assert told(stage, CLASS_REP) == [("提醒：有事项临近期限，请尽快办理（9 件）", None)]


def test_one_case_alone_is_named_and_linked(stage):
    stage.start("gaojingban", "K1")
    stage.advance("2026-06-25T10:00")
    assert told(stage, CLASS_REP) == [("张测一 提醒：有事项临近期限，请尽快办理", stage.cases["K1"])]


def test_a_principal_hears_once_of_all_that_is_overdue_and_every_case_keeps_its_own_mark(stage, tmp_path):
    enter(stage, 5, folder=tmp_path)
    declare(stage, list(stage.cases))
    stage.advance("2026-07-11T00:00:00")
    assert told(stage, "univ_principal@U1401") == [(f"{OVERDUE}（5 件）", None)]
    assert {key: stage.marks(key) for key in stage.cases} == dict.fromkeys(stage.cases, {"audit_overdue@U1401"})


def test_a_mark_passed_again_after_a_crash_tells_nobody_twice(stage, tmp_path):
    enter(stage, 4, folder=tmp_path)
    stage.advance("2026-06-25T10:00")
    before = sorted(map(tuple, stage.rows(select(Notification.candidate, Notification.unique_key))))
    with stage.house.store.transaction() as connection:
        connection.execute(update(ScheduleMark).where(ScheduleMark.done_at.is_not(None)).values(done_at=None))
    stage.house.work_off()
    assert sorted(map(tuple, stage.rows(select(Notification.candidate, Notification.unique_key)))) == before
    assert told(stage, CLASS_REP) == [("提醒：有事项临近期限，请尽快办理（4 件）", None)]
