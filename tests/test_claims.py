"""Claims that end by themselves: after their hours, or with the membership that allowed them; never while somebody is at work on them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from app import House
from tasks.actors import system_actor
from tasks.models import Membership
from tests.agency_stage import later
from tests.child_stage import Report, dump
from workflows.errors import Conflict, DeploymentRefused, Forbidden

HOURS = timedelta(hours=1)


@pytest.fixture
def report(house: House) -> Report:
    return Report(house, claim_expires="4")


def claimed(report: Report, who: str = "qian") -> Any:
    seat = report.seat()
    report.do("claim", who, seat.id)
    return seat


def end_membership(report: Report, who: str) -> None:
    with report.house.store.transaction() as connection:
        number = connection.execute(select(Membership.id).where(Membership.person_id == report.people[who])).scalar_one()
        report.house.people.administration.change_membership(
            connection, system_actor("cli"), number, valid_from=None, valid_to=report.house.clock.today() - timedelta(days=1)
        )


def test_a_claim_ends_after_its_hours_and_the_pool_is_back(report: Report) -> None:
    seat = claimed(report)
    later(report, 3 * HOURS)
    assert report.again(seat).owner_id == report.people["qian"]
    later(report, 1 * HOURS)
    now = report.again(seat)
    assert (now.owner_id, now.claim_expires_at, now.due_at) == (None, None, seat.due_at) and report.offers(seat) == {"univ_clerk@U1"}
    assert len(report.facts("claim_expired")) == 1 and any("领取超时" in text for text in report.told("qian"))
    report.whole()


def test_days_off_do_not_count(house: House) -> None:
    report = Report(house, claim_expires="24")
    house.clock.advance(timedelta(days=1, hours=12))  # type: ignore[attr-defined]
    seat = claimed(report)  # on a Friday evening before the Dragon Boat days off
    later(report, timedelta(days=1))
    assert report.again(seat).owner_id == report.people["qian"]
    later(report, timedelta(days=4))
    assert report.again(seat).owner_id is None


def test_without_the_setting_a_claim_stays(house: House) -> None:
    report = Report(house)
    seat = claimed(report)
    later(report, timedelta(days=2))
    assert report.again(seat).owner_id == report.people["qian"]


def test_a_draft_of_the_last_quarter_of_an_hour_protects(report: Report) -> None:
    seat = claimed(report)
    report.house.clock.advance(4 * HOURS - timedelta(minutes=10))  # type: ignore[attr-defined]
    report.do("save_draft", "qian", seat.id, {"note": "在写"})
    later(report, timedelta(minutes=11))
    assert report.again(seat).owner_id == report.people["qian"]
    later(report, timedelta(minutes=5))
    assert report.again(seat).owner_id is None
    assert report.view("qian", seat).draft == {"note": "在写"} or "note" in str(report.view("qian", seat))


def test_waiting_for_an_opinion_protects(report: Report) -> None:
    seat = claimed(report)
    report.perform("delegate", "qian", seat, person="sun")
    later(report, 5 * HOURS)
    assert report.again(seat).owner_id == report.people["qian"]
    report.perform("take_back", "qian", seat)
    later(report, timedelta(minutes=1))
    assert report.again(seat).owner_id is None


def test_late_completion_is_claim_and_complete_while_it_is_free(report: Report) -> None:
    seat = claimed(report)
    later(report, 5 * HOURS)
    report.decide("qian", "approve", seat)
    assert report.again(seat).completed_by == report.people["qian"]


def test_late_completion_is_refused_when_somebody_else_took_it(report: Report) -> None:
    seat = claimed(report)
    later(report, 5 * HOURS)
    report.do("claim", "sun", seat.id)
    with pytest.raises(Conflict, match="已由孙审核"):
        report.decide("qian", "approve", seat)


def test_forwarded_work_does_not_expire(report: Report) -> None:
    seat = claimed(report)
    report.perform("forward", "qian", seat, person="sun", reason="外出")
    later(report, 9 * HOURS)
    assert report.again(seat).owner_id == report.people["sun"]


def test_a_claim_ends_with_its_membership(report: Report) -> None:
    seat = claimed(report)
    end_membership(report, "qian")
    report.house.work_off()
    assert report.again(seat).owner_id is None and len(report.facts("claim_lapsed")) == 1
    with pytest.raises(Forbidden):
        report.do("claim", "qian", seat.id)
    report.whole()


def test_a_claim_ends_when_its_membership_ends_by_date(house: House) -> None:
    report = Report(house)
    report.house.work_off()  # the day is known
    seat = claimed(report)
    with report.house.store.transaction() as connection:
        connection.execute(update(Membership).where(Membership.person_id == report.people["qian"]).values(valid_to=report.house.clock.today()))
    later(report, timedelta(hours=1))
    assert report.again(seat).owner_id == report.people["qian"]
    later(report, timedelta(days=1))
    assert report.again(seat).owner_id is None


def test_a_claim_ends_when_its_person_is_disabled_and_what_he_asked_for_with_it(house: House) -> None:
    report = Report(house)
    seat = claimed(report)
    report.perform("delegate", "qian", seat, person="sun")
    child = report.seat_of("sun")
    with report.house.store.transaction() as connection:
        report.house.people.administration.disable_person(connection, system_actor("cli"), report.people["qian"])
    report.house.work_off()
    assert report.again(seat).owner_id is None and report.again(seat).status == "open" and report.again(child).status == "cancelled"
    report.decide("sun", "approve", seat)
    report.whole()


def test_another_membership_of_the_same_person_keeps_what_it_allowed(house: House) -> None:
    report = Report(house)
    seat = claimed(report, "sun")
    end_membership(report, "qian")
    report.house.work_off()
    assert report.again(seat).owner_id == report.people["sun"]


def test_no_assignee_is_not_anyone(house: House) -> None:
    report = Report(house)
    seat = report.seat()
    for who in ("stranger", "wu", "head"):
        with report.house.store.read() as connection:
            before = dump(connection)
        with pytest.raises(Forbidden):
            report.decide(who, "approve", seat)
        with report.house.store.read() as connection:
            assert dump(connection) == before


@pytest.mark.parametrize("text", ["0", "-1", "soon", "= 4"])
def test_wrong_hours_are_a_finding(house: House, text: str) -> None:
    with pytest.raises(DeploymentRefused) as refused:
        Report(house, claim_expires=text)
    assert [found.finding.code for found in refused.value.findings] == ["claim-expires"]
