"""The verbs of human work: who may do what to a seat in which state, and what the one who may not is told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from tasks.models import CaseActor, Draft, Notification, Seat, SeatOffer
from tests.conftest import shanghai
from tests.web_office import Office
from workflows.business_calendar import FrozenClock
from workflows.definitions import read_folder
from workflows.errors import Conflict, Forbidden, InvalidForm, NotFound, Rejection
from workflows.history import verify
from workflows.models import OutboxMessage, ProcessInstance

SEAT = Seat.__table__
FILLED = {"text": "去省城参加培训，往返车票", "amount": 100}


class Desk:
    """An office with a principal, and verbs by the names of the people."""

    def __init__(self, folder: Path) -> None:
        self.office = Office(folder, FrozenClock(shanghai("2026-06-18T09:00")))
        self.house = self.office.house
        self.clock = self.office.clock
        with self.house.store.transaction() as connection:
            principal = self.office._person(connection, "周主任", "zhou", ("univ_principal", 1))
        office = self.office
        self.people = {
            "clerk": office.clerk, "colleague": office.other, "stranger": office.stranger, "applicant": office.applicant, "principal": principal
        }

    def do(self, verb: str, who: str, *arguments: Any, **options: Any) -> Any:
        """One command of one person in its own transaction."""
        with self.house.store.transaction() as connection:
            actor = self.house.people.actor(connection, self.people[who])
            return getattr(self.house.tasks, verb)(connection, actor, *arguments, **options)

    def bulk(self, who: str, seats: list[Any], outcome: str = "approve", key: str | None = None) -> tuple[int, dict[str, int]]:
        """A bulk decision run to its end: the command and its items by status."""
        command = self.do("bulk_complete", who, [(seat.id, seat.revision) for seat in seats], outcome, {}, key)
        self.house.commands.run_all(command)
        with self.house.store.read() as connection:
            return command, self.house.commands.counts(connection, command)

    def rows(self, query: Any) -> list[Any]:
        with self.house.store.read() as connection:
            return list(connection.execute(query).all())

    def seat(self, seat_id: int) -> Any:
        return self.rows(select(SEAT).where(SEAT.c.id == seat_id))[0]

    def offers(self, seat_id: int) -> set[str]:
        return {row.candidate for row in self.rows(select(SeatOffer.candidate).where(SeatOffer.seat_id == seat_id))}

    def in_state(self, state: str) -> Any:
        """A seat of the audit: open, claimed by the clerk, decided by the clerk, or gone because the applicant withdrew."""
        seat = self.office.submitted()[0]
        if state == "claimed":
            self.do("claim", "clerk", seat.id)
        elif state == "decided":
            self.do("complete", "clerk", seat.id, {}, "approve")
        elif state == "withdrawn":
            instance = self.seat(seat.id).instance_id
            self.do("withdraw_case", "applicant", instance)
        return self.seat(seat.id)


@pytest.fixture
def desk(tmp_path: Path, database: str) -> Iterator[Desk]:
    found = Desk(tmp_path)
    yield found
    found.office.close()


def attempt(desk: Desk, verb: str, who: str, seat: Any) -> int:
    """200, or the status of the refusal."""
    arguments: dict[str, tuple[Any, ...]] = {
        "complete": (seat.id, {}, "approve"), "save_draft": (seat.id, {"return_text": "写到一半"}), "withdraw_case": (seat.instance_id,),
        "reassign": (seat.id, desk.people["colleague"], "忙不过来"),
    }
    try:
        desk.do(verb, who, *arguments.get(verb, (seat.id,)))
    except Rejection as refusal:
        assert refusal.zh and refusal.en
        return refusal.status
    return 200


PEOPLE = ("clerk", "colleague", "stranger", "applicant", "principal")
# verb → state → what clerk, colleague, stranger, applicant and principal are answered
ANSWERS = {
    "claim": {
        "open": (200, 200, 403, 403, 403), "claimed": (200, 409, 409, 409, 409), "decided": (409,) * 5, "withdrawn": (409,) * 5,
    },
    "release": {
        "open": (409,) * 5, "claimed": (200, 409, 409, 409, 409), "decided": (409,) * 5, "withdrawn": (409,) * 5,
    },
    "complete": {
        "open": (200, 200, 403, 403, 403), "claimed": (200, 409, 409, 409, 409), "decided": (409,) * 5, "withdrawn": (409,) * 5,
    },
    "save_draft": {
        "open": (200, 200, 403, 403, 403), "claimed": (200, 409, 409, 409, 409), "decided": (409,) * 5, "withdrawn": (409,) * 5,
    },
    "undo": {
        "open": (404,) * 5, "claimed": (404,) * 5, "decided": (200, 403, 403, 403, 403), "withdrawn": (404,) * 5,
    },
    "withdraw_case": {
        "open": (403, 403, 403, 200, 403), "claimed": (403, 403, 403, 200, 403), "decided": (403, 403, 403, 409, 403),
        "withdrawn": (403, 403, 403, 409, 403),
    },
    "reassign": {
        "open": (403, 403, 403, 403, 200), "claimed": (403, 403, 403, 403, 200), "decided": (409,) * 5, "withdrawn": (409,) * 5,
    },
    "urge": {
        "open": (200, 200, 403, 200, 200), "claimed": (200, 200, 403, 200, 200), "decided": (409,) * 5, "withdrawn": (409,) * 5,
    },
}


@pytest.mark.parametrize("state", ["open", "claimed", "decided", "withdrawn"])
@pytest.mark.parametrize("verb", list(ANSWERS))
def test_a_verb_is_answered_by_who_asks_and_by_the_state_of_the_seat(desk: Desk, verb: str, state: str) -> None:
    answers = {who: attempt(desk, verb, who, desk.in_state(state)) for who in PEOPLE}
    assert answers == dict(zip(PEOPLE, ANSWERS[verb][state], strict=True))
    with desk.house.store.read() as connection:
        assert list(verify(connection)) == []


@pytest.mark.parametrize("verb", list(ANSWERS))
def test_a_refused_verb_changes_nothing(desk: Desk, verb: str) -> None:
    seat = desk.in_state("claimed")
    before = desk.seat(seat.id), desk.offers(seat.id), desk.rows(select(ProcessInstance.__table__).where(ProcessInstance.id == seat.instance_id))
    assert attempt(desk, verb, "stranger", seat) != 200
    assert (desk.seat(seat.id), desk.offers(seat.id), desk.rows(select(ProcessInstance.__table__).where(ProcessInstance.id == seat.instance_id))) == before


def test_a_seat_that_does_not_exist_is_not_found(desk: Desk) -> None:
    for verb, arguments in (("claim", ()), ("release", ()), ("complete", ({}, "approve")), ("save_draft", ({},)), ("urge", ()), ("undo", ())):
        with pytest.raises(NotFound):
            desk.do(verb, "clerk", 99_999, *arguments)


# claim and release


def test_a_claim_takes_the_seat_out_of_the_pool_and_a_release_puts_it_back(desk: Desk) -> None:
    seat = desk.in_state("open")
    assert desk.offers(seat.id) == {"univ_clerk@U1"}
    desk.do("claim", "clerk", seat.id)
    assert desk.offers(seat.id) == {f"person:{desk.people['clerk']}"}
    due = desk.seat(seat.id).due_at
    desk.clock.advance(timedelta(hours=3))
    desk.do("release", "clerk", seat.id)
    released = desk.seat(seat.id)
    assert desk.offers(seat.id) == {"univ_clerk@U1"} and released.owner_id is None and released.due_at == due


def test_the_loser_of_a_claim_is_told_who_has_it_and_since_when(desk: Desk) -> None:
    seat = desk.in_state("claimed")
    with pytest.raises(Conflict, match=r"已由.*钱经办于 06-18 09:01 领取") as refused:
        desk.do("claim", "colleague", seat.id)
    assert "钱经办" in refused.value.en


# deciding


def test_the_loser_of_a_decision_is_told_who_decided_and_when(desk: Desk) -> None:
    seat = desk.in_state("decided")
    with pytest.raises(Conflict, match=r"已由.*钱经办于 06-18 09:01 办理"):
        desk.do("complete", "colleague", seat.id, {}, "approve")


def test_a_decision_on_an_old_page_is_refused(desk: Desk) -> None:
    seat = desk.in_state("open")
    desk.do("claim", "clerk", seat.id)
    with pytest.raises(Conflict, match="刷新"):
        desk.do("complete", "clerk", seat.id, {}, "approve", seat.revision)
    desk.do("complete", "clerk", seat.id, {}, "approve", desk.seat(seat.id).revision)


def test_an_unknown_outcome_and_a_missing_reason_are_refused_and_the_field_is_named(desk: Desk) -> None:
    seat = desk.in_state("open")
    with pytest.raises(Rejection) as unknown:
        desk.do("complete", "clerk", seat.id, {}, "burn")
    assert unknown.value.status == 422
    with pytest.raises(InvalidForm) as missing:
        desk.do("complete", "clerk", seat.id, {"return_text": "缺车票"}, "return")
    assert set(missing.value.fields) == {"return_reason"}
    assert desk.seat(seat.id).status == "open"


def test_a_return_raises_the_round_and_keeps_the_number(desk: Desk) -> None:
    seat = desk.in_state("open")
    number = desk.rows(select(ProcessInstance.number).where(ProcessInstance.id == seat.instance_id))[0].number
    desk.do("complete", "clerk", seat.id, {"return_reason": "R1", "return_text": "事由不清"}, "return")
    case = desk.rows(select(ProcessInstance.__table__).where(ProcessInstance.id == seat.instance_id))[0]
    assert (case.round, case.stage, case.number) == (2, "draft", number)


def test_a_suspended_case_takes_no_decision(desk: Desk) -> None:
    seat = desk.in_state("open")
    with desk.house.store.transaction() as connection:
        connection.execute(update(ProcessInstance).where(ProcessInstance.id == seat.instance_id).values(status="suspended"))
    with pytest.raises(Conflict, match="挂起"):
        desk.do("complete", "clerk", seat.id, {}, "approve")


# drafts


def test_a_draft_survives_release_and_ends_with_the_decision(desk: Desk) -> None:
    seat = desk.in_state("claimed")
    desk.do("save_draft", "clerk", seat.id, {"return_text": "写到一半"})
    desk.do("release", "clerk", seat.id)
    assert [row.values for row in desk.rows(select(Draft.values).where(Draft.seat_id == seat.id))] == [{"return_text": "写到一半"}]
    desk.do("complete", "clerk", seat.id, {}, "approve")
    assert desk.rows(select(Draft.seat_id)) == []


# undo


def test_an_undo_puts_everything_back_as_it_was(desk: Desk) -> None:
    seat = desk.in_state("claimed")
    query = select(ProcessInstance.state, ProcessInstance.status, ProcessInstance.stage, ProcessInstance.round, ProcessInstance.variables)
    before = desk.rows(query)
    desk.do("complete", "clerk", seat.id, {}, "approve")
    desk.clock.advance(timedelta(seconds=30))
    desk.do("undo", "clerk", seat.id)
    after = desk.seat(seat.id)
    assert [row[1:] for row in desk.rows(query)] == [row[1:] for row in before]
    assert (after.status, after.owner_id, after.outcome, after.completed_at) == ("open", desk.people["clerk"], None, None)
    assert desk.offers(seat.id) == {f"person:{desk.people['clerk']}"}
    acted = select(CaseActor.person_id).where(CaseActor.instance_id == seat.instance_id, CaseActor.node_id == "audit_claim")
    assert desk.rows(acted) == []
    with pytest.raises(NotFound):
        desk.do("undo", "clerk", seat.id)
    desk.do("complete", "clerk", seat.id, {}, "approve")


def test_an_undo_is_refused_after_thirty_seconds(desk: Desk) -> None:
    seat = desk.in_state("decided")
    desk.clock.advance(timedelta(seconds=31))
    with pytest.raises(Conflict, match="30 秒"):
        desk.do("undo", "clerk", seat.id)


def test_an_undo_is_refused_once_the_next_step_was_touched(desk: Desk) -> None:
    touches = {"completed": "后续", "drafted": "领取"}
    for touch, words in touches.items():
        seat = desk.in_state("open")
        desk.do("complete", "clerk", seat.id, {"return_reason": "R1", "return_text": "事由不清"}, "return")
        follower = desk.rows(select(SEAT).where(SEAT.c.instance_id == seat.instance_id, SEAT.c.status == "open"))[0]
        if touch == "completed":
            desk.do("complete", "applicant", follower.id, FILLED, "submit")
        else:
            desk.do("save_draft", "applicant", follower.id, {"text": "改一改"})
        with pytest.raises(Conflict, match=words):
            desk.do("undo", "clerk", seat.id)


# withdrawal


def test_the_applicant_may_withdraw_before_the_decision_and_the_holder_is_told(desk: Desk) -> None:
    seat = desk.in_state("claimed")
    desk.do("withdraw_case", "applicant", seat.instance_id)
    assert (desk.seat(seat.id).status, desk.offers(seat.id)) == ("cancelled", set())
    told = desk.rows(select(Notification.candidate).where(Notification.kind == "withdrawn"))
    assert [row.candidate for row in told] == [f"person:{desk.people['clerk']}"]
    again = desk.rows(select(SEAT).where(SEAT.c.instance_id == seat.instance_id, SEAT.c.status == "open"))
    assert [row.node_id for row in again] == ["fill_claim"]
    assert desk.rows(select(ProcessInstance.round))[0].round == 2


# reassign and urge


def test_a_reassignment_needs_a_reason_and_somebody_who_may_do_the_work(desk: Desk) -> None:
    seat = desk.in_state("open")
    with pytest.raises(Rejection) as bare:
        desk.do("reassign", "principal", seat.id, desk.people["colleague"], " ")
    assert bare.value.status == 422
    with pytest.raises(Forbidden, match="李外人不是"):
        desk.do("reassign", "principal", seat.id, desk.people["stranger"], "换人")
    desk.do("reassign", "principal", seat.id, desk.people["colleague"], "换人")
    assert desk.offers(seat.id) == {f"person:{desk.people['colleague']}"}
    with pytest.raises(Conflict):
        desk.do("complete", "clerk", seat.id, {}, "approve")
    desk.do("complete", "colleague", seat.id, {}, "approve")


def test_urging_counts_and_is_held_back_for_four_hours(desk: Desk) -> None:
    seat = desk.in_state("open")
    desk.do("urge", "applicant", seat.id)
    with pytest.raises(Rejection, match="四小时") as early:
        desk.do("urge", "principal", seat.id)
    assert early.value.status == 429
    desk.clock.advance(timedelta(hours=4))
    desk.do("urge", "principal", seat.id)
    assert desk.seat(seat.id).urged == 2
    assert len(desk.rows(select(Notification.id).where(Notification.kind == "urged"))) == 2


# bulk


def test_a_bulk_decision_decides_what_it_can_and_says_why_it_left_the_rest(desk: Desk) -> None:
    seats = [*desk.office.submitted(3), *desk.office.submitted(1, amount=5000)]
    desk.do("claim", "colleague", seats[1].id)
    command, counts = desk.bulk("clerk", seats)
    assert counts == {"done": 2, "skipped": 2}
    with desk.house.store.read() as connection:
        view = desk.house.commands.view(connection, command, desk.house.people.actor(connection, desk.people["clerk"]))
    reasons = [item["reason"]["zh"] for item in view.items_left]
    assert "孙经办" in reasons[0] and "逐件" in reasons[1]
    assert (view.total, view.done, view.succeeded, view.skipped, view.percent) == (4, 4, 2, 2, 100)


def test_a_bulk_decision_skips_what_changed_since_the_page_was_shown_and_what_a_colleague_is_writing(desk: Desk) -> None:
    seats = desk.office.submitted(2)
    desk.do("claim", "clerk", seats[0].id)
    desk.do("save_draft", "colleague", seats[1].id, {"return_text": "我来写"})
    assert desk.bulk("clerk", seats)[1] == {"skipped": 2}
    desk.clock.advance(timedelta(minutes=16))
    assert desk.bulk("clerk", [desk.seat(seat.id) for seat in seats])[1] == {"done": 2}


def test_the_same_bulk_decision_sent_twice_is_one_command(desk: Desk) -> None:
    seats = desk.office.submitted(2)
    first, _ = desk.bulk("clerk", seats, key="one page")
    second, counts = desk.bulk("clerk", seats, key="one page")
    assert first == second and counts == {"done": 2}


def test_a_bulk_decision_is_taken_back_as_a_whole_but_for_what_was_touched(desk: Desk) -> None:
    seats = desk.office.submitted(3)
    with desk.house.store.transaction() as connection:
        actor = desk.house.people.actor(connection, desk.people["clerk"])
        values = {"return_reason": "R2", "return_text": "请补齐车票"}
        command = desk.house.tasks.bulk_complete(connection, actor, [(seat.id, seat.revision) for seat in seats], "return", values)
    desk.house.commands.run_all(command)
    touched = desk.seat(seats[0].id).instance_id
    follower = desk.rows(select(SEAT.c.id).where(SEAT.c.instance_id == touched, SEAT.c.status == "open"))[0].id
    desk.do("complete", "applicant", follower, FILLED, "submit")
    undone, left = desk.do("undo_command", "clerk", command)
    assert undone == 2 and [item["seat_id"] for item in left] == [seats[0].id] and left[0]["zh"] and left[0]["en"]
    with pytest.raises(NotFound):
        desk.do("undo_command", "colleague", command)


def test_four_eyes_hold_for_claim_complete_and_reassign(house: Any, cast: Any, shared: Any) -> None:
    folder = Path(__file__).resolve().parent / "processes" / "two_tasks"
    with house.store.transaction() as connection:
        house.definitions.deploy(connection, read_folder(folder), None)
        clerk = cast.actor(connection, "gaojingban")
        case = house.tasks.start(connection, clerk, "two_tasks", {"name": "某", "university": "U1401", "cycle": "2026"})
        first = connection.execute(select(SEAT.c.id).where(SEAT.c.instance_id == case)).scalar_one()
        house.tasks.complete(connection, clerk, first, {"title": "测试", "amount": 1, "reason": "", "urgent": False}, "complete")
        check = connection.execute(select(SEAT.c.id).where(SEAT.c.instance_id == case, SEAT.c.node_id == "check")).scalar_one()
        moment = house.clock.now()
        connection.execute(insert(SeatOffer).values(
            candidate=f"person:{clerk.person_id}", seat_id=check, due_at=moment, created_at=moment, priority=50
        ))
    for verb, arguments in (("claim", ()), ("complete", ({"title": "x"}, "complete")), ("save_draft", ({},))):
        with pytest.raises(Forbidden, match="经办与复核"), house.store.transaction() as connection:
            getattr(house.tasks, verb)(connection, clerk, check, *arguments)
    with pytest.raises(Forbidden, match="经办与复核"), house.store.transaction() as connection:
        principal = cast.actor(connection, "zhouzhuren")
        house.tasks.reassign(connection, principal, check, clerk.person_id, "请代办")
    with house.store.read() as connection:
        assert connection.execute(select(OutboxMessage.id)).first() is None
