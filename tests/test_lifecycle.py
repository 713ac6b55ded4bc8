"""The table of tasks.lifecycle on real seats: every verb × every way to stand to a seat × every state of seat and case is accepted exactly where the table says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import Connection, event, insert, select, update

from app import House
from tasks.lifecycle import (
    ACTUAL_OWNER, ADDER, BUSINESS_ADMINISTRATOR, DELEGATOR, KIND_WORDS, LIVE, PARKED, PAST_OWNER, POTENTIAL_OWNER, PROCESS_OWNER, RELATIONS,
    STAKEHOLDER, STAND_IN, STATES, SUBSTITUTE, TASK_INITIATOR, VERBS,
)
from tasks.models import SeatOffer
from tasks.standing import Standing, see, standing
from tasks.votes.opening import owns_process
from tests.child_stage import NAMES, SEAT, Report, dump
from workflows.errors import Rejection
from workflows.history import SYSTEM
from workflows.models import ProcessInstance
from workflows.store import Store

EVERYTHING = "forward,delegate,ask,comment,circulate,urge,snooze,return,add_before,add_parallel,add_after"
MODEL = {"operations": EVERYTHING, "signers_may_return": "true", "proxy": "volunteer"}
CASE_STATES = ("active", "suspended", "completed", "terminated")
PRINCIPAL = {"principal"} & set(RELATIONS)  # whose agent has a key
P, A, S = POTENTIAL_OWNER, ACTUAL_OWNER, STAKEHOLDER


@dataclass
class Situation:
    """A seat in a state, and how people stand to it beside those who always stand as `ALWAYS` says."""

    status: str
    kind: str
    build: Callable[[Report], Any]
    people: dict[str, set[str]]
    settings: dict[str, str] = field(default_factory=dict)


ALWAYS: dict[str, set[str]] = {
    "head": {BUSINESS_ADMINISTRATOR, PROCESS_OWNER, S}, "applicant": {TASK_INITIATOR, S}, "maker": set(), "stranger": set(), "writer": {S}, "wu": set(),
    "proxy": {STAND_IN}, "qian": {S}, "sun": {S}, "li": {S}, "zhou": {S},
}


def pooled(report: Report) -> Any:
    seat = report.seat()
    with report.house.store.transaction() as connection:
        connection.execute(insert(SeatOffer).values(
            candidate=f"person:{report.people['wu']}", seat_id=seat.id, due_at=seat.due_at, created_at=seat.created_at, priority=seat.priority,
            principal_id=report.people["zhou"],
        ))
    return seat


def claimed(report: Report) -> Any:
    report.do("claim", "qian", report.seat().id)
    return report.seat()


def child(verb: str, **given: Any) -> Callable[[Report], Any]:
    def build(report: Report) -> Any:
        report.perform(verb, "qian", report.seat(), **given)
        return report.seats()[-1]

    return build


def parent(verb: str, **given: Any) -> Callable[[Report], Any]:
    def build(report: Report) -> Any:
        child(verb, **given)(report)
        return report.seat()

    return build


def passed_on(report: Report) -> Any:
    asked = child("delegate", person="sun")(report)
    report.perform("delegate", "sun", asked, person="li")
    return asked


def decided(report: Report) -> Any:
    report.decide("qian", "approve", report.seat())
    return report.seat()


def answered(report: Report) -> Any:
    signer = child("add_before", people=["sun"])(report)
    report.decide("sun", "suggest_agree", signer)
    return signer


def removed(report: Report) -> Any:
    signer = child("add_before", people=["sun"])(report)
    report.perform("remove_signer", "qian", signer)
    return signer


POOL = {"qian": {P, S}, "sun": {P, S}, "li": {P, S}, "zhou": {P, S}}
SIGNING = {"sun": {P, A, S}, "qian": {ADDER, S}, "proxy": set[str]()}
SITUATIONS = {
    "in the pool": Situation("open", "main", pooled, {**POOL, "wu": {SUBSTITUTE, S}, "zhou": {P, S, *PRINCIPAL}}),
    "claimed": Situation("open", "main", claimed, {"qian": {P, A, S}}),
    "delegated": Situation("parked", "main", parent("delegate", person="sun"), {"qian": {P, A, DELEGATOR, S}}),
    "waiting for a signer": Situation("parked", "main", parent("add_before", people=["sun"]), {"qian": {A, S}}),
    "decided": Situation("completed", "main", decided, {"qian": {PAST_OWNER, S}, "proxy": set()}),
    "a delegation": Situation("open", "delegate", child("delegate", person="sun"), SIGNING),
    "a delegation passed on": Situation("parked", "delegate", passed_on, {**SIGNING, "sun": {P, A, DELEGATOR, S}}),
    "a signer before": Situation("open", "before", child("add_before", people=["sun"]), SIGNING),
    "an advisory signer beside": Situation("open", "advisory", child("add_parallel", people=["sun"]), SIGNING),
    "a deciding signer beside": Situation("open", "parallel", child("add_parallel", people=["sun"]), SIGNING, {"signers_decide": "true"}),
    "a signer after whose turn has not come": Situation("queued", "after", child("add_after", people=["sun"]), {**SIGNING, "sun": {A, S}}),
    "a question": Situation("open", "asked", child("ask", person="writer", text="？"), {"writer": {P, A, S}, "qian": {ADDER, S}, "proxy": set()}),
    "an answered request": Situation("completed", "before", answered, {"sun": {PAST_OWNER, S}, "qian": {ADDER, S}, "proxy": set()}),
    "a removed signer": Situation("cancelled", "before", removed, {"qian": {ADDER, S}, "proxy": set()}),
}


def said_by_the_table(name: str, situation: Situation, verb: str, relations: set[str], case_status: str) -> bool:
    """What the row of the table says, with the three facts it leaves to the database."""
    rule = VERBS[verb]
    if case_status not in rule.cases or situation.kind not in rule.kinds:
        return False
    if verb == "take_back" and name == "waiting for a signer":
        return False  # there is no delegation to take back
    if verb == "return" and situation.kind in ("delegate", "asked"):
        return False  # neither ever returns
    if verb == "undo" and name == "an answered request":
        return False  # an opinion is no decision
    if situation.status in rule.states and rule.by & relations:
        return True
    return situation.status == PARKED and bool(rule.when_parked & relations)


def stands(connection: Connection, report: Report, who: str, seat: Any) -> Standing:
    actor = report.house.people.actor(connection, report.people[who])
    row = see(connection, actor, seat.id)
    assert row is not None
    case = report.house.engine.attach(connection, row, SYSTEM)
    return standing(connection, actor, row, case, lambda: owns_process(actor, case, report.house.engine.functions(connection, case)))


def attempt(connection: Connection, report: Report, verb: str, who: str, seat: Any, kind: str) -> None:
    """Try the verb; raises its refusal."""
    actor, tasks = report.house.people.actor(connection, report.people[who]), report.house.tasks
    other = report.people["li" if who == "zhou" else "zhou"]
    operations: dict[str, dict[str, Any]] = {
        "delegate": {"person": other}, "take_back": {}, "remove_signer": {"reason": "不再需要"},
        "ask": {"person": report.people["applicant"], "text": "附件在哪里？"},
        **{f"add_{when}": {"people": [other]} for when in ("before", "parallel", "after")},
    }
    if verb in operations:
        tasks.operations.perform(connection, actor, verb, seat.id, operations[verb])
    elif verb == "complete":
        tasks.complete(connection, actor, seat.id, {}, "approve")
    elif verb == "answer":
        tasks.complete(connection, actor, seat.id, {"opinion": "可以"}, "answer" if kind == "asked" else "suggest_agree")
    elif verb == "save":
        tasks.save_draft(connection, actor, seat.id, {"opinion": "写到一半"})
    elif verb == "reassign":
        tasks.reassign(connection, actor, seat.id, other, "忙不过来")
    else:
        getattr(tasks, verb)(connection, actor, seat.id)


class TakenBack(Exception):
    """Ends an attempt that was accepted, so that the next one meets the same seat."""


def as_wanted(connection: Connection, report: Report, verb: str, who: str, seat: Any, kind: str, wanted: bool) -> bool:
    """Whether the verb is accepted as `wanted`. What is accepted is taken back; a refusal is not: it must have written nothing."""
    try:
        if not wanted:
            attempt(connection, report, verb, who, seat, kind)
            return False
        with Store.savepoint(connection):
            attempt(connection, report, verb, who, seat, kind)
            raise TakenBack
    except TakenBack:
        return True
    except Rejection as refusal:
        assert refusal.zh and refusal.en
        return not wanted


PERFORMED = (
    "claim", "release", "save", "complete", "answer", "delegate", "take_back", "add_before", "add_parallel", "add_after", "remove_signer", "ask", "reassign",
    "urge",
)


@pytest.mark.parametrize("name", list(SITUATIONS))
def test_a_verb_is_accepted_exactly_where_the_table_says_so_and_a_refused_one_changes_no_row(house: House, name: str) -> None:
    situation = SITUATIONS[name]
    report = Report(house, **MODEL, **situation.settings)
    seat = report.again(situation.build(report))
    assert (seat.status, seat.owner_id is not None or seat.status == "open") == (situation.status, True)
    wrong: list[tuple[str, ...]] = []
    for case_status in CASE_STATES:
        with house.store.transaction() as connection:
            connection.execute(update(ProcessInstance).where(ProcessInstance.id == report.instance).values(status=case_status))
        with house.store.transaction() as connection:
            untouched = dump(connection)
            for who in NAMES:
                relations = situation.people.get(who, ALWAYS[who]) - ({PROCESS_OWNER} if seat.status not in LIVE else set())
                found = stands(connection, report, who, seat)
                assert set(found.relations) == relations, (name, who)
                for verb in VERBS:
                    wanted = said_by_the_table(name, situation, verb, relations, case_status)
                    if (found.refusal(verb) is None) != wanted:
                        wrong.append((case_status, who, verb, "guard", str(wanted)))
                    if verb in PERFORMED and not _told_elsewhere(verb, situation):
                        if not as_wanted(connection, report, verb, who, seat, situation.kind, wanted):
                            wrong.append((case_status, who, verb, "performed", str(wanted)))
            assert dump(connection) == untouched, case_status
    assert wrong == []


@pytest.mark.parametrize("name", list(SITUATIONS))
def test_a_to_do_list_holds_exactly_the_seats_a_person_may_decide_or_answer_now(house: House, name: str) -> None:
    report = Report(house, **MODEL, **SITUATIONS[name].settings)
    SITUATIONS[name].build(report)
    found: dict[str, set[int]] = {}
    with house.store.read() as connection:
        for who in NAMES:
            standings = {seat.id: stands(connection, report, who, seat) for seat in connection.execute(select(SEAT)).all()}
            # whoever stands in for the applicant finds his seats at the counter, by the student
            found[who] = {number for number, one in standings.items() if one.verbs & {"complete", "answer"} and STAND_IN not in one.relations}
    assert {who: report.todo(who) for who in NAMES} == found


def test_how_somebody_stands_to_a_seat_costs_two_statements(house: House) -> None:
    report = Report(house)
    seat = claimed(report)
    for who in NAMES:
        with house.store.read() as connection:
            actor = house.people.actor(connection, report.people[who])
            row = see(connection, actor, seat.id)
            assert row is not None
            case = house.engine.attach(connection, row, SYSTEM)
            seen: list[str] = []
            event.listen(house.store.engine, "before_cursor_execute", lambda *call, seen=seen: seen.append(call[2]))
            row = see(connection, actor, seat.id)
            assert row is not None
            standing(connection, actor, row, case)
            assert len(seen) == 2, seen


def _told_elsewhere(verb: str, situation: Situation) -> bool:
    """A removal has rules of its own beside the table: no question or delegation, and never the last voter (tests.test_child_seats).

    An opinion is answered by the same door as a decision is made: each is tried on its own kinds.
    """
    if verb == "remove_signer":
        return situation.kind in ("main", "delegate", "asked")
    deciding = situation.kind in VERBS["complete"].kinds
    return (verb == "complete" and not deciding) or (verb == "answer" and deciding)


def test_a_refusal_is_made_before_anything_is_written(house: House) -> None:
    report = Report(house, **MODEL)
    seat = claimed(report)
    for who in ("sun", "stranger", "applicant", "writer"):
        with house.store.transaction() as connection:
            before = dump(connection)
            for verb in ("release", "save", "complete", "delegate", "take_back", "add_before", "ask", "remove_signer", "reassign"):
                with pytest.raises(Rejection):
                    attempt(connection, report, verb, who, seat, "main")
            assert dump(connection) == before


def test_the_situations_reach_every_state_relation_and_kind() -> None:
    reached = set().union(*(relations for one in SITUATIONS.values() for relations in {**ALWAYS, **one.people}.values()))
    assert reached == set(RELATIONS)
    assert {one.status for one in SITUATIONS.values()} == set(STATES)
    assert {one.kind for one in SITUATIONS.values()} == {"main", "parallel", "delegate", "before", "advisory", "after", "asked"}
    assert set(LIVE) < set(STATES) and set(KIND_WORDS) == {True, False}


def test_the_words_name_who_holds_the_seat_and_which_rule_keeps_a_person_out(house: House) -> None:
    report = Report(house)
    seat = claimed(report)
    with house.store.read() as connection:
        held = stands(connection, report, "sun", seat).refusal("complete")
        alien = stands(connection, report, "stranger", seat).refusal("claim")
    assert held is not None and "钱审核" in held.zh and "06-18" in held.zh
    assert alien is not None and alien.status == 409
    report.do("release", "qian", seat.id)
    with house.store.transaction() as connection:
        connection.execute(insert(SeatOffer).values(
            candidate=f"person:{report.people['writer']}", seat_id=seat.id, due_at=seat.due_at, created_at=seat.created_at, priority=50
        ))
        barred = stands(connection, report, "writer", seat).refusal("complete")
    assert barred is not None and barred.status == 403 and "经办与复核" in barred.zh
