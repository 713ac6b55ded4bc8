"""四眼: whoever had a hand in one activity of a pair never has one in the other, in any round, as actor, principal, delegate or signer."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select

from app import House
from tasks.models import CaseActor, Membership, Organisation, SeatExclusion
from tests import databases
from tests.agency_stage import keys, stand_in
from tests.child_stage import Report
from tests.conftest import shanghai
from workflows.business_calendar import FrozenClock
from workflows.errors import Forbidden, Rejection

CROWD = ("writer", "qian", "sun", "li")  # all of them may write and review, but for the rule


def join(report: Report, who: str, role: str = "univ_clerk") -> None:
    with report.house.store.transaction() as connection:
        office = select(Organisation.id).where(Organisation.code == "U1").scalar_subquery()
        connection.execute(insert(Membership).values(person_id=report.people[who], organisation_id=office, role=role))


def hands(report: Report) -> dict[str, set[str]]:
    """Activity → everybody who had a hand in it, over all rounds."""
    names = {number: login for login, number in report.people.items()}
    found: dict[str, set[str]] = {}
    for row in report.rows(select(CaseActor.node_id, CaseActor.person_id).where(CaseActor.instance_id == report.instance)):
        found.setdefault(row.node_id, set()).add(names[row.person_id])
    return found


@pytest.fixture
def report(house: House) -> Report:
    built = Report(house)
    join(built, "writer")
    return built


def test_the_writer_neither_sees_nor_takes_nor_gets_the_review(report: Report) -> None:
    seat = report.seat()
    assert seat.id not in report.todo("writer")
    for verb, arguments in (("claim", ()), ("complete", ({}, "approve")), ("save_draft", ({},))):
        with pytest.raises(Forbidden, match="经办与复核"):
            report.do(verb, "writer", seat.id, *arguments)
    for verb in ("forward", "delegate"):
        with pytest.raises(Forbidden, match="经办与复核"):
            report.perform(verb, "qian", seat, person="writer", reason="外出")
    with pytest.raises(Rejection):
        report.perform("add_before", "qian", seat, people=["writer"])


def test_a_delegate_of_the_review_may_not_write_the_next_round(report: Report) -> None:
    seat = report.seat()
    report.perform("delegate", "qian", seat, person="sun")
    report.decide("sun", "suggest_disagree", report.seat_of("sun"), opinion="不妥")
    report.decide("qian", "return", seat)
    again = report.seat("write")
    assert again.status == "open"
    for who in ("sun", "qian"):
        with pytest.raises(Rejection):
            report.perform("forward", "writer", again, person=who, reason="外出")


def test_a_principal_counts_as_an_actor(report: Report) -> None:
    stand_in(report, "wu", "qian")
    report.decide("wu", "return", report.seat())
    stand_in(report, "qian", "writer")
    stand_in(report, "wu", "head")
    again = report.seat("write")
    assert keys(report, again) == {}
    for who in ("qian", "wu"):
        with pytest.raises(Forbidden):
            report.decide(who, "complete", again)


def test_who_is_kept_out_stays_so_after_claim_and_release(report: Report) -> None:
    seat = report.seat()
    report.do("claim", "qian", seat.id)
    report.do("release", "qian", seat.id)
    assert seat.id not in report.todo("writer")
    assert [row.person_id for row in report.rows(select(SeatExclusion.person_id).where(SeatExclusion.seat_id == seat.id))] == [report.people["writer"]]


def test_the_rule_holds_across_versions_of_the_model(report: Report) -> None:
    report.decide("qian", "return", report.seat())
    report.decide("writer", "complete", report.seat("write"))
    for who in ("writer",):
        with pytest.raises(Forbidden, match="经办与复核"):
            report.decide(who, "approve", report.seat())
    report.decide("qian", "approve", report.seat())
    assert hands(report)["write"].isdisjoint(hands(report)["review"])


STEPS = st.tuples(
    st.sampled_from(("claim", "release", "complete", "complete", "return", "forward", "delegate", "answer", "add_before", "take_back", "agency", "undo", "ask")),
    st.sampled_from(CROWD), st.sampled_from(CROWD), st.booleans(),
)


def step(report: Report, what: str, who: str, other: str, flag: bool) -> None:
    """One try of one person; most are refused."""
    live = [seat for seat in report.seats() if seat.status in ("open", "parked")]
    if not live:
        return
    seat = live[-1] if flag else live[0]
    if what in ("claim", "release"):
        report.do(what, who, seat.id)
    elif what in ("complete", "return"):
        report.do("complete", who, seat.id, {"opinion": "说明"}, "return" if what == "return" else "complete" if seat.node_id != "review" else "approve" if flag else "return")
    elif what == "answer":
        child = next((one for one in live if one.parent_seat_id is not None), None)
        if child is not None:
            report.do("complete", who, child.id, {"opinion": "说明"}, "suggest_agree" if child.kind != "asked" else "answer")
    elif what == "agency":
        stand_in(report, other, who, lasts=timedelta(hours=1))
    elif what == "undo":
        for one in [one for one in report.seats() if one.status == "completed"][-1:]:
            report.do("undo", who, one.id)
    elif what == "add_before":
        report.perform(what, who, seat, people=[other])
    elif what == "take_back":
        report.perform(what, who, seat)
    else:
        report.perform(what, who, seat, person=other, reason="理由", text="请看")


@given(st.lists(STEPS, min_size=5, max_size=20))
@settings(max_examples=12)
def test_no_person_has_a_hand_on_both_sides_of_a_four_eyes_rule(steps: list[tuple[str, str, str, bool]]) -> None:
    """Invariant 5, over random operations by random people."""
    databases.chosen.append("sqlite")
    try:
        report = Report(databases.house(FrozenClock(shanghai("2026-06-18T09:00"))))
        join(report, "writer")
        for what, who, other, flag in steps:
            try:
                step(report, what, who, other, flag)
            except Rejection:
                continue
            found = hands(report)
            assert found.get("write", set()).isdisjoint(found.get("review", set())), (what, who, other)
        report.house.store.engine.dispose()
    finally:
        databases.release()
        databases.chosen.clear()

