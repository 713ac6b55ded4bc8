"""Proves the prover of people's work: clean as things are, and every fault planted in the rules is found within a bounded number of diagrams."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import delete

from tasks import closing, standing
from tasks.models import SeatOffer
from tasks.seats import Seats
from tasks.votes.poll import Poll
from tasks.worklist import Count, Worklist
from tests import prover
from workflows import case_store
from workflows.models import Wait

Plant = Callable[[pytest.MonkeyPatch], None]
CLEAN, MOST, SEED = 3, 40, 11  # diagrams, of 150 operations each
PLANTS: dict[str, Plant] = {}


def plant(patch: Plant) -> Plant:
    """Register a planted fault under what it does wrong."""
    PLANTS[patch.__name__] = patch
    return patch


@plant
def a_vote_is_counted_twice(patch: pytest.MonkeyPatch) -> None:
    right = Poll.cast.fget  # type: ignore[attr-defined]
    patch.setattr(Poll, "cast", property(lambda self: [seat for seat in right(self) for _ in range(2)]))


@plant
def a_timer_is_kept_after_a_return(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(case_store, "DROP_WAIT", delete(Wait).where(Wait.id < 0))


@plant
def an_offer_is_not_deleted_on_closing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(closing, "DROP_OFFERS", closing.DROP_OFFERS.where(SeatOffer.seat_id < 0))


@plant
def four_eyes_are_not_checked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(standing, "_barred", lambda *given: None)
    patch.setattr(Seats, "_exclude", lambda *given: None)


@plant
def an_undo_leaves_the_values(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("tasks.going_back.values_back", lambda record, seat, case: {})


@plant
def the_seats_of_a_returned_branch_stay_open(patch: pytest.MonkeyPatch) -> None:
    right = Seats.close

    def planted(self: Any, connection: Any, instance_id: int, token: str, status: str, now: Any) -> None:
        if status != "cancelled":
            right(self, connection, instance_id, token, status, now)

    patch.setattr(Seats, "close", planted)


@plant
def the_badge_is_off_by_one(patch: pytest.MonkeyPatch) -> None:
    right = Worklist.counts

    def planted(self: Any, connection: Any, actor: Any) -> Any:
        return {name: Count(count.number + 1, count.more) for name, count in right(self, connection, actor).items()}

    patch.setattr(Worklist, "counts", planted)


def clean(number: int) -> bool:
    """Whether a diagram of the seed has no violation."""
    return not prover.replay(SEED, number, layer=prover.PEOPLE).found.violations


def test_people_at_work_break_no_invariant() -> None:
    assert [number for number in range(1, CLEAN + 1) if not clean(number)] == []


@pytest.mark.parametrize("name", sorted(PLANTS))
def test_a_planted_fault_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Found is what goes wrong with the fault and does not without it."""
    for number in range(1, MOST + 1):
        with monkeypatch.context() as planted:
            PLANTS[name](planted)
            wrong = not clean(number)
        if wrong and clean(number):
            return
    pytest.fail(f"{name} was not found in {MOST} diagrams")
