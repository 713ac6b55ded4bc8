"""Rules that decide without a person: when they act, when they must not, and that the record says it was the system."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from app import House
from tests.conftest import shanghai
from tests.voting_stage import FOLDER, Committee, with_settings
from workflows.business_calendar import FrozenClock
from workflows.definitions import check, read_folder
from workflows.errors import DeploymentRefused

CHAIN = FOLDER.parent / "approval_chain"


def chain(house: House, **settings: str | None) -> Committee:
    """The approval in three steps; settings are written "second__same_person"."""
    named: dict[str, Any] = {name.replace("__", ":"): value for name, value in settings.items()}
    return Committee(house, "approval_chain", CHAIN, **named)


def open_nodes(committee: Committee) -> list[str]:
    return [seat.node_id for seat in committee.seats() if seat.status == "open"]


def findings(diagram: str, folder: Any = CHAIN, **settings: str | None) -> list[str]:
    """The codes of the errors the checks find."""
    files = with_settings(read_folder(folder), f"{diagram}.bpmn", {name.replace("__", ":"): value for name, value in settings.items()})
    return [found.finding.code for found in check(files) if found.severity == "error"]


def worked_off(house: House, clock: FrozenClock, days: int = 7) -> None:
    clock.advance(timedelta(days=days))
    house.work_off()


# the same person


def test_whoever_agreed_just_before_is_not_asked_again(house: House) -> None:
    desk = chain(house, second__same_person="consecutive", third__same_person="consecutive")
    desk.start_chain("zhao", "zhao", "qian")
    desk.vote("zhao")
    assert open_nodes(desk) == ["third"]
    skipped = next(seat for seat in desk.seats() if seat.node_id == "second")
    assert (skipped.status, skipped.outcome, skipped.completed_by) == ("completed", "approve", None)
    row = desk.facts("activity_completed")[-1]
    assert (row.person, row.detail["rule"], row.detail["for"]) == (None, "same_person", desk.people["zhao"])
    assert (desk.case.variables["second_by"]["rule"], desk.intact()) == ("same_person", True)


def test_a_chain_of_the_same_person_is_skipped_to_its_end(house: House) -> None:
    desk = chain(house, second__same_person="consecutive", third__same_person="consecutive")
    desk.start_chain("zhao", "zhao", "zhao")
    desk.vote("zhao")
    assert (desk.case.status, len(desk.actors())) == ("completed", 1)


def test_without_the_rule_everybody_is_asked_at_every_step(house: House) -> None:
    desk = chain(house)
    desk.start_chain("zhao", "zhao", "qian")
    desk.vote("zhao")
    assert open_nodes(desk) == ["second"]


def test_a_refusal_skips_nothing(house: House) -> None:
    desk = chain(house, second__same_person="consecutive")
    desk.start_chain("zhao", "zhao", "qian")
    desk.vote("zhao", "reject")
    assert open_nodes(desk) == ["second"]


def test_an_earlier_agreement_counts_only_under_its_own_rule(house: House) -> None:
    desk = chain(house, third__same_person="consecutive")
    desk.start_chain("zhao", "qian", "zhao")
    desk.vote("zhao")
    desk.vote("qian")
    assert open_nodes(desk) == ["third"]


def test_an_earlier_agreement_counts_while_no_value_has_changed(house: House) -> None:
    desk = chain(house, third__same_person="approved")
    desk.start_chain("zhao", "qian", "zhao")
    desk.vote("zhao", amount=5, opinion="可以")
    desk.vote("qian", amount=5, opinion="同意")  # an opinion is said anew at every step; it is no value of the case
    assert desk.case.status == "completed"


def test_an_earlier_agreement_ends_when_a_value_changes(house: House) -> None:
    desk = chain(house, third__same_person="approved")
    desk.start_chain("zhao", "qian", "zhao")
    desk.vote("zhao", amount=5)
    desk.vote("qian", amount=6)
    assert open_nodes(desk) == ["third"]


def test_an_agreement_in_a_vote_counts_as_the_step_before(house: House) -> None:
    committee = Committee(house, voting='{"rule": "all"}')
    files = committee.files["committee.bpmn"].decode().replace(
        'camunda:candidateGroups="= role(&quot;univ_clerk&quot;, case.office)"><incoming>agreed',
        'camunda:candidateGroups="= person(case.members[1])"><extensionElements><camunda:properties>'
        '<camunda:property name="same_person" value="approved" /></camunda:properties></extensionElements><incoming>agreed',
    )
    with house.store.transaction() as connection:
        house.definitions.deploy_all(connection, {**committee.files, "committee.bpmn": files.encode()}, None)
    committee.start("zhao", "qian")
    committee.vote("zhao")
    committee.vote("qian")
    assert committee.case.status == "completed"


def test_a_pool_is_never_skipped_for_one_of_its_members(house: House) -> None:
    desk = chain(house, second__same_person="consecutive")
    desk.start_chain("zhao", "univ_clerk@U1", "qian")
    desk.vote("zhao")
    assert open_nodes(desk) == ["second"]


def test_the_vote_of_whoever_agreed_just_before_is_cast_by_the_system(house: House) -> None:
    desk = chain(house, second__participants="= [case.first, case.third]", second__voting='{"rule": "all"}', second__same_person="consecutive")
    desk.start_chain("zhao", "zhao", "qian")
    desk.vote("zhao")
    assert [(seat.node_id, seat.status, seat.completed_by) for seat in desk.seats()[1:]] == [("second", "completed", None), ("second", "open", None)]
    desk.vote("qian")
    assert (desk.case.variables["second_outcome"], open_nodes(desk)) == ("approve", ["third"])
    voted = desk.facts("voted")
    assert [(row.person, row.detail.get("rule")) for row in voted] == [(None, "same_person"), (desk.people["qian"], None)]


def test_in_turn_the_next_vote_is_cast_by_the_system_as_soon_as_it_is_reached(house: House) -> None:
    desk = chain(
        house, second__participants="= [case.third, case.first]", second__voting='{"rule": "sequential"}', second__same_person="consecutive"
    )
    desk.start_chain("zhao", "zhao", "qian")
    desk.vote("zhao")
    assert [seat.status for seat in desk.seats() if seat.node_id == "second"] == ["open", "queued"]
    desk.vote("qian")
    assert (desk.case.variables["second_outcome"], open_nodes(desk)) == ("approve", ["third"])
    desk.do("undo", "qian", desk.seats()[1].id)
    assert [seat.status for seat in desk.seats() if seat.node_id == "second"] == ["open", "queued"]
    assert desk.offers(desk.seats()[1]) == {"qian"} and desk.intact()


# the applicant


def test_r11_the_head_of_the_unit_who_applies_is_decided_by_the_superior(house: House) -> None:
    desk = chain(house, first__applicant_is_approver="superior", first__superior="= person(case.boss)")
    desk.start_with(first="univ_principal@U1", second="person:1", third="person:1", applicant=desk.people["head"], boss=desk.people["boss"])
    seat = desk.seats()[0]
    assert desk.offers(seat) == {"boss"}
    desk.vote("boss", seat=seat)


def test_r11_without_a_superior_the_head_cannot_decide_his_own_case_and_an_alarm_is_raised(house: House) -> None:
    desk = chain(house, first__applicant_is_approver="superior", first__superior="= null")
    desk.start_chain("univ_principal@U1", "zhao", "zhao", applicant="head")
    assert desk.incidents() == ["no_assignee"]
    with pytest.raises(Exception, match="本人的事项"):
        desk.vote("head", seat=desk.seats()[0])


def test_r11_an_applicant_among_several_is_left_out(house: House) -> None:
    desk = chain(house, first__applicant_is_approver="skip")
    desk.start_chain("univ_clerk@U1", "qian", "qian", applicant="zhao")
    assert open_nodes(desk) == ["first"]
    with pytest.raises(Exception, match="本人的事项"):
        desk.vote("zhao", seat=desk.seats()[0])


def test_r11_the_system_passes_what_only_the_applicant_could_approve_where_the_model_says_so(house: House) -> None:
    desk = chain(house, first__applicant_is_approver="skip")
    desk.start_chain("head", "qian", "qian", applicant="head")
    assert open_nodes(desk) == ["second"]
    assert desk.facts("activity_completed")[0].detail["rule"] == "applicant_is_approver"


def test_r11_by_default_the_applicant_decides_himself(house: House) -> None:
    desk = chain(house)
    desk.start_chain("head", "qian", "qian", applicant="head")
    desk.vote("head", seat=desk.seats()[0])


# nobody


def test_a_role_nobody_holds_goes_to_the_process_owner_with_an_alarm(house: House) -> None:
    desk = chain(house)
    desk.start_chain("univ_dean@U1", "qian", "qian")
    assert (desk.offers(desk.seats()[0]), desk.incidents()) == ({"univ_principal@U1"}, ["no_assignee"])


def test_without_a_process_owner_an_empty_list_stands_still_with_an_alarm(house: House) -> None:
    desk = chain(house, approval_chain__process_owner=None)
    desk.start_with(first=None, second=None, third=None, applicant=None)
    assert (open_nodes(desk), desk.offers(desk.seats()[0]), desk.incidents()) == (["first"], set(), ["no_assignee"])


# time is up


def test_a_timeout_reminds(house: House, clock: FrozenClock) -> None:
    desk = chain(house, first__on_timeout='{"do": "remind"}')
    desk.start_chain("zhao", "qian", "qian")
    worked_off(house, clock)
    assert (open_nodes(desk), desk.told("timeout"), "timeout_reminded" in desk.kinds()) == (["first"], {"zhao"}, True)


def test_a_timeout_passes_to_the_superior_and_not_before_its_working_time(house: House, clock: FrozenClock) -> None:
    desk = chain(house, first__on_timeout='{"at": "= working days after(now(), 2)", "do": "forward", "to": "= role(\\"univ_principal\\", case.office)"}')
    desk.start_chain("zhao", "qian", "qian")  # a Thursday before the Dragon Boat Festival: two working days end on the Tuesday
    clock.set(shanghai("2026-06-23T12:00"))
    house.work_off()
    assert desk.offers(desk.seats()[0]) == {"zhao"}
    clock.set(shanghai("2026-06-24T00:30"))
    house.work_off()
    assert (desk.offers(desk.seats()[0]), "timeout_forwarded" in desk.kinds()) == ({"univ_principal@U1"}, True)
    desk.vote("head", seat=desk.seats()[0])


def test_a_timeout_may_end_a_step_by_an_outcome_that_does_not_agree(house: House, clock: FrozenClock) -> None:
    desk = chain(house, first__on_timeout='{"do": "outcome", "outcome": "expire"}')
    desk.start_chain("zhao", "qian", "qian")
    worked_off(house, clock)
    assert (open_nodes(desk), desk.case.variables["first_outcome"]) == (["second"], "expire")
    assert (desk.seats()[0].completed_by, desk.facts("activity_completed")[0].detail["rule"]) == (None, "timeout")


def test_a_timeout_in_a_vote_is_the_refusal_of_those_who_did_not_vote(house: House, clock: FrozenClock) -> None:
    committee = Committee(house, voting='{"rule": "majority"}', on_timeout='{"do": "outcome", "outcome": "abstain"}')
    committee.start("zhao", "qian", "sun")
    committee.vote("zhao")
    worked_off(house, clock)
    assert (committee.outcome, committee.case.status, committee.intact()) == ("reject", "completed", True)
    assert [vote["person"] for vote in committee.case.variables["vote_votes"]] == [committee.people["zhao"], None, None]


def test_r13_a_timeout_on_an_activity_that_demands_a_signature_decides_nothing(house: House, clock: FrozenClock) -> None:
    with pytest.raises(DeploymentRefused) as refused:
        chain(house, first__on_timeout='{"do": "outcome", "outcome": "expire"}', first__signature="true")
    assert [found.finding.code for found in refused.value.findings if found.severity == "error"] == ["rule-needs-hand"]


def test_r13_where_a_signature_is_asked_for_the_system_reminds_even_if_a_mark_says_decide(house: House, clock: FrozenClock) -> None:
    desk = chain(house, first__on_timeout='{"do": "remind"}', first__signature="true")
    desk.start_chain("zhao", "qian", "qian")
    seat = desk.seats()[0]
    with house.store.transaction() as connection:
        done = house.tasks.automatic.time_out(connection, seat.id, {"do": "outcome", "outcome": "expire"})
    assert (done, open_nodes(desk), desk.told("timeout")) == ("remind", ["first"], {"zhao"})


# what the checks refuse


TIMEOUT = '{"do": "outcome", "outcome": "expire"}'
REFUSED = [
    ({"second__same_person": "sometimes"}, "setting-value"),
    ({"second__empty_assignee": "skip"}, "setting-value"),
    ({"second__applicant_is_approver": "superior"}, "superior-missing"),
    ({"second__voting": '{"rule": "all"}'}, "participants-missing"),
    ({"second__on_timeout": "soon"}, "timeout"),
    ({"second__on_timeout": '{"do": "approve"}'}, "timeout"),
    ({"second__on_timeout": '{"do": "forward"}'}, "timeout"),
    ({"second__on_timeout": '{"do": "outcome", "outcome": "nothing"}'}, "timeout"),
    ({"second__on_timeout": '{"do": "outcome", "outcome": "approve"}'}, "timeout-agrees"),
    ({"second__on_timeout": '{"at": "= 1 +", "do": "remind"}'}, "timeout"),
    ({"second__on_timeout": TIMEOUT, "second__signature": "true"}, "rule-needs-hand"),
    ({"second__same_person": "approved", "second__separate_from": "first"}, "rule-needs-hand"),
    ({"second__separate_from": "first", "first__applicant_is_approver": "skip"}, "rule-needs-hand"),
    ({"second__same_person": "consecutive", "second__outcomes": '[{"value": "approve", "requires": ["opinion"]}]'}, "rule-needs-hand"),
]


@pytest.mark.parametrize(("settings", "code"), REFUSED)
def test_the_checks_refuse_a_rule_that_would_not_do_or_may_not(settings: dict[str, str], code: str) -> None:
    assert findings("approval_chain", **settings) == [code]


VOTES = [
    '{"rule": "most"}', '{"rule": "ratio"}', '{"rule": "ratio", "ratio": "3/2"}', '{"rule": "ratio", "ratio": "two thirds"}', '{"rule": "all", "ratio": "1/2"}',
    '{"rule": "all", "refuse": ["no"]}', '{"rule": "all", "agree": ["approve"], "refuse": ["approve", "reject"]}', '{"rule": "all", "outcome_refused": "no"}',
    '{"rule": "all", "wait": true}', "all", '{"rule": "all", "veto": "person:1"}', '{"rule": "all", "refuse": ["approve", "reject"], "abstain": ["abstain"]}',
]


@pytest.mark.parametrize("voting", VOTES)
def test_the_checks_refuse_a_voting_rule_that_cannot_work(voting: str) -> None:
    assert set(findings("committee", FOLDER, voting=voting)) == {"voting"}


def test_the_checks_have_nothing_against_the_demo_processes() -> None:
    assert [findings(name, FOLDER) for name in ("committee", "countersign_in_turn", "veto_vote")] + [findings("approval_chain")] == [[]] * 4


def test_a_finding_names_its_element_and_speaks_both_languages() -> None:
    files = with_settings(read_folder(FOLDER), "committee.bpmn", {"voting": '{"rule": "ratio", "ratio": "5/4"}'})
    (found,) = [one.finding for one in check(files) if one.severity == "error"]
    assert (found.element_id, found.name) == ("vote", "委员会表决")
    assert "5/4" in found.reason_zh and "5/4" in found.reason_en and found.line > 0


def test_an_undo_takes_back_what_the_rules_did_after_it(house: House) -> None:
    desk = chain(house, second__same_person="consecutive")
    desk.start_chain("zhao", "zhao", "qian")
    desk.vote("zhao")
    desk.do("undo", "zhao", desk.seats()[0].id)
    assert [(seat.node_id, seat.status) for seat in desk.seats()] == [("first", "open"), ("second", "cancelled"), ("third", "cancelled")]
    desk.vote("zhao", "reject")
    assert open_nodes(desk) == ["second"]
