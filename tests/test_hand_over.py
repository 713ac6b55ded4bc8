"""离职交接: every seat and agency of a leaver, item by item and across a crash, and a report of the models that name him."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select

from app import House, wire_house
from tasks.actors import system_actor
from tasks.keys.references import references
from tasks.models import Membership, Organisation
from tasks.operation_models import Agency
from tests.agency_stage import keys, later, stand_in
from tests.child_stage import Report
from tests.together_stage import disable, listed, steer
from tests.voting_stage import FOLDER, Committee
from workflows.errors import Rejection
from workflows.models import Command, CommandItem


@pytest.fixture
def report(house: House) -> Report:
    built = Report(house)
    with house.store.transaction() as connection:
        office = select(Organisation.id).where(Organisation.code == "U1").scalar_subquery()
        connection.execute(insert(Membership).values(person_id=built.people["maker"], organisation_id=office, role="people_admin"))
    return built


def leave(stage: Any, who: str, to: str | None, *, by: Any = None) -> int:
    """The command, run to its end; given by an administrator."""
    with stage.house.store.transaction() as connection:
        actor = by or system_actor("cli")
        command: int = stage.house.tasks.hand_over(connection, actor, stage.people[who], stage.people[to] if to else None, "调离")
    stage.house.work_off()
    return command


def refusals(stage: Any, command: int) -> list[str]:
    with stage.house.store.read() as connection:
        return [row.reason for row in connection.execute(select(CommandItem.reason).where(CommandItem.command_id == command).order_by(CommandItem.position)) if row.reason]


def test_his_seats_go_to_his_successor_and_are_told(report: Report) -> None:
    first = report.seat()
    report.do("claim", "qian", first.id)
    report._start()
    second = report.seat()
    report.do("claim", "qian", second.id)
    command = leave(report, "qian", "sun")
    assert refusals(report, command) == []
    assert {report.again(first).owner_id, report.again(second).owner_id} == {report.people["sun"]}
    assert report.facts("reassigned")[-1].detail["reason"] == "调离" and any("改派给您" in text for text in report.told("sun"))


def test_without_a_successor_they_go_back_to_the_pool(report: Report) -> None:
    seat = report.seat()
    report.do("claim", "qian", seat.id)
    assert refusals(report, leave(report, "qian", None)) == []
    assert report.again(seat).owner_id is None and report.offers(seat) == {"univ_clerk@U1"}


def test_a_four_eyes_conflict_blocks_that_item_and_says_so(report: Report) -> None:
    with report.house.store.transaction() as connection:
        office = select(Organisation.id).where(Organisation.code == "U1").scalar_subquery()
        connection.execute(insert(Membership).values(person_id=report.people["writer"], organisation_id=office, role="univ_clerk"))
    seat = report.seat()
    report.do("claim", "qian", seat.id)
    found = refusals(report, leave(report, "qian", "writer"))
    assert len(found) == 1 and "经办与复核" in found[0] and report.again(seat).owner_id == report.people["qian"]


def test_a_stranger_takes_nothing_over(report: Report) -> None:
    seat = report.seat()
    report.do("claim", "qian", seat.id)
    found = refusals(report, leave(report, "qian", "stranger"))
    assert len(found) == 1 and "不是该环节的可办理人员" in found[0] and report.again(seat).owner_id == report.people["qian"]


def test_where_the_successor_votes_already_the_leaver_s_seat_closes_without_an_opinion(house: House) -> None:
    committee = Committee(house)
    committee.start("zhao", "univ_clerk@U1", "sun")
    pooled = next(one for one in committee.seats() if one.participant == "univ_clerk@U1")
    committee.do("claim", "qian", pooled.id)
    assert refusals(committee, leave(committee, "qian", "sun")) == []
    assert next(one for one in committee.seats() if one.id == pooled.id).status == "cancelled"
    dropped = committee.facts("vote_dropped")[-1]
    assert dropped.detail["rule"] == "no_opinion" and dropped.detail["person"] == committee.people["qian"]
    committee.vote("zhao")
    committee.vote("sun")
    assert committee.outcome is not None  # two votes were all that was left to wait for


def test_closing_his_seat_decides_when_it_was_the_last_one_waited_for(house: House) -> None:
    committee = Committee(house)
    committee.start("zhao", "univ_clerk@U1", "sun")
    pooled = next(one for one in committee.seats() if one.participant == "univ_clerk@U1")
    committee.do("claim", "qian", pooled.id)
    committee.vote("zhao")
    committee.vote("sun")
    before = committee.outcome
    leave(committee, "qian", "sun")
    assert committee.outcome is not None and (before is None or before == committee.outcome)


def test_agencies_end_or_pass_on(report: Report) -> None:
    stand_in(report, "wu", "qian")
    stand_in(report, "qian", "head")
    leave(report, "qian", "sun")
    later(report, timedelta(seconds=5))
    live = report.rows(select(Agency.principal_id, Agency.agent_id).where(Agency.ended_at.is_(None)))
    assert [(row.principal_id, row.agent_id) for row in live] == [(report.people["head"], report.people["sun"])]
    assert keys(report, report.seat()) == {}


def test_the_report_names_every_model_that_names_him(house: House) -> None:
    plain = Report(house)
    with house.store.transaction() as connection:
        files = {name: content for name, content in house.definitions.current(connection, "signed_report").resources.items()}
        text = files["signed_report.bpmn"].decode().replace("= [case.writer]", f'= [&quot;person:{plain.people["qian"]}&quot;]')
        text = text.replace("role(&quot;univ_principal&quot;, case.office)", "&quot;sun&quot;")
        house.definitions.deploy_all(connection, {**files, "signed_report.bpmn": text.encode()}, None)
    with house.store.read() as connection:
        mine = references(connection, house.definitions, plain.people["qian"])
        assert [(one.place, one.setting, one.current) for one in mine] == [("起草报告", "candidateUsers", True)]
        assert [one.setting for one in references(connection, house.definitions, plain.people["sun"])] == ["process_owner"]
        assert references(connection, house.definitions, plain.people["li"]) == []


def test_the_report_is_the_command_s_result(report: Report) -> None:
    command = leave(report, "qian", "sun")
    assert report.rows(select(Command.result, Command.status).where(Command.id == command)) == [({"references": []}, "done")]


def test_nobody_hands_over_to_himself_or_out_of_scope(report: Report) -> None:
    with pytest.raises(Rejection, match="不能是本人"):
        leave(report, "qian", "qian")
    with report.house.store.read() as connection:
        sun = report.house.people.actor(connection, report.people["sun"])
    with pytest.raises(Rejection):
        leave(report, "qian", "li", by=sun)


def test_another_process_goes_on_after_a_crash(report: Report) -> None:
    seats = []
    for _ in range(3):
        report.do("claim", "qian", report.seat().id)
        seats.append(report.seat())
        report._start()
    with report.house.store.transaction() as connection:
        command = report.house.tasks.hand_over(connection, system_actor("cli"), report.people["qian"], report.people["sun"], "调离")
    restarted = wire_house(report.house.store.engine, report.house.clock, report.house.personal_data)
    restarted.work_off()
    assert {report.again(seat).owner_id for seat in seats} == {report.people["sun"]}
    assert report.rows(select(Command.done, Command.succeeded, Command.skipped).where(Command.id == command)) == [(3, 3, 0)]


def test_what_changed_meanwhile_is_skipped_with_its_reason(report: Report) -> None:
    seat = report.seat()
    report.do("claim", "qian", seat.id)
    with report.house.store.transaction() as connection:
        command = report.house.tasks.hand_over(connection, system_actor("cli"), report.people["qian"], report.people["sun"], "调离")
    report.do("release", "qian", seat.id)
    report.house.work_off()
    found = refusals(report, command)
    assert len(found) == 1 and "已不在钱审核名下" in found[0]


# what he was given by name, and cases that stand still


def test_a_vote_given_by_name_goes_to_the_successor_and_keeps_its_place(house: House) -> None:
    committee = Committee(house)
    committee.start("zhao", "qian", "sun")
    assert refusals(committee, leave(committee, "zhao", "li")) == []
    disable(committee, "zhao")
    assert committee.states() == ["open", "open", "open"]
    committee.vote("li", seat=committee.seats()[0])
    assert committee.seats()[0].status == "completed"


def test_a_vote_whose_turn_has_not_come_goes_over_too_and_is_offered_in_its_turn(house: House) -> None:
    committee = Committee(house, voting='{"rule": "sequential"}')
    committee.start("qian", "zhao")
    assert refusals(committee, leave(committee, "zhao", "li")) == []
    assert (committee.states(), listed(committee, "li")) == (["open", "queued"], set())
    committee.vote("qian")
    assert listed(committee, "li") == {committee.seats()[1].id}
    committee.vote("li")
    assert committee.outcome == "approve"


def test_a_later_vote_closes_without_an_opinion_when_the_successor_votes_in_the_same_sequence(house: House) -> None:
    committee = Committee(house, voting='{"rule": "sequential"}')
    committee.start("qian", "zhao")
    assert refusals(committee, leave(committee, "zhao", "qian")) == []
    assert committee.states() == ["open", "cancelled"]
    committee.vote("qian")
    assert committee.outcome == "approve"


def test_what_was_given_to_the_leaver_by_name_goes_to_a_successor_who_is_no_candidate(house: House) -> None:
    report = Report(house)
    report.decide("qian", "return", report.seat())
    mine = report.seat("write")
    assert refusals(report, leave(report, "writer", "wu")) == []
    report.do("release", "wu", mine.id)
    assert report.offers(mine) == {"wu"}
    report.decide("wu", "complete", mine)


def test_what_others_may_take_as_well_stays_in_their_pool(house: House) -> None:
    desk = Committee(house, "approval_chain", FOLDER.parent / "approval_chain")
    lines = [f"person:{desk.people[who]}" for who in ("zhao", "qian")]
    desk.start_with(first=lines, second=lines, third=lines, applicant=None)
    found = refusals(desk, leave(desk, "zhao", "li"))
    assert len(found) == 1 and "其他可办理人员" in found[0] and desk.offers(desk.seats()[0]) == {"zhao", "qian"}
    desk.do("claim", "zhao", desk.seats()[0].id)
    assert refusals(desk, leave(desk, "zhao", "li")) == []
    desk.do("release", "li", desk.seats()[0].id)
    assert desk.offers(desk.seats()[0]) == {"zhao", "qian"}


def test_an_opinion_asked_of_the_leaver_is_asked_of_his_successor(house: House) -> None:
    report = Report(house)
    report.perform("delegate", "qian", report.seat(), person="sun")
    child = report.seat_of("sun")
    assert refusals(report, leave(report, "sun", "wu")) == []
    report.decide("wu", "suggest_agree", child, opinion="可以")
    assert report.seat().status == "open"
    report.whole()


def test_what_the_leaver_held_as_an_agent_goes_back_to_his_principal(house: House) -> None:
    report = Report(house)
    stand_in(report, "wu", "qian")
    seat = report.seat()
    report.do("claim", "wu", seat.id)
    assert refusals(report, leave(report, "wu", "head")) == []
    assert report.again(seat).owner_id == report.people["qian"]
    report.decide("qian", "approve", seat)
    assert report.again(seat).on_behalf_of is None


def test_a_hand_over_counts_no_votes_while_the_case_stands_still(house: House) -> None:
    committee = Committee(house)
    committee.start("zhao", "univ_clerk@U1", "sun")
    committee.do("claim", "qian", committee.seats()[1].id)
    steer(committee, "suspend")
    before = committee.states(), committee.case.state
    found = refusals(committee, leave(committee, "qian", "sun"))
    assert (committee.states(), committee.case.state) == before and "已挂起" in found[0]
