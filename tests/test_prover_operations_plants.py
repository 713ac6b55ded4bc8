"""Proves the prover of people's work: clean as things are, and every fault planted in the rules is found within a bounded number of diagrams."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import delete

from tasks import closing, standing
from tasks.models import SeatOffer
from tasks.returning import targets
from tasks.seats import Seats
from tasks.votes import poll
from tasks.worklist import Count, Worklist
from tests import prover
from tests.prover_models import Model, forked, grown, voted
from tests.prover_operations import STEPS, prove_operations
from workflows import case_store, modifying
from workflows.machine import doors, flow, modification
from workflows.models import Wait
from workflows.verification import Verdict

Plant = Callable[[pytest.MonkeyPatch], None]
CLEAN, MOST, SEED = 2, 40, 1  # diagrams, of 150 operations each
PLANTS: dict[str, Plant] = {}


def plant(patch: Plant) -> Plant:
    """Register a planted fault under what it does wrong."""
    PLANTS[patch.__name__] = patch
    return patch


@plant
def a_vote_is_counted_twice(patch: pytest.MonkeyPatch) -> None:
    """Each vote also takes the place of one that is still to come."""
    right = poll.fold

    def planted(rule: Any, votes: Any, undecided: int, vetoes: int = 0) -> Any:
        return right(rule, [vote for vote in votes for _ in range(2)], max(0, undecided - len(votes)), vetoes)

    patch.setattr(poll, "fold", planted)


@plant
def a_timer_is_kept_after_a_return(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(case_store, "DROP_WAIT", delete(Wait).where(Wait.id < 0))


@plant
def an_offer_is_not_deleted_on_closing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(closing, "DROP_OFFERS", closing.DROP_OFFERS.where(SeatOffer.seat_id < 0))


@plant
def four_eyes_are_not_checked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(standing, "_barred", lambda *given: None)
    patch.setattr(Seats, "exclude", lambda *given: None)


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


# A return into a branch and the join behind it: each is looked for in diagrams that lead through a fork.


def _unchecked(patch: pytest.MonkeyPatch) -> None:
    """The house does not look whether a changed marking can end; only the prover does."""
    patch.setattr(modifying, "_unsafe", lambda *given: (None, Verdict(False, 0)))


@plant
def a_return_forgets_what_waits_at_the_join(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(modifying, "_deposits", lambda *given: ())


@plant
def a_return_forgets_what_waits_at_the_join_and_nobody_looks(patch: pytest.MonkeyPatch) -> None:
    a_return_forgets_what_waits_at_the_join(patch)
    _unchecked(patch)


@plant
def a_return_puts_what_waits_at_the_join_there_twice_and_nobody_looks(patch: pytest.MonkeyPatch) -> None:
    a_return_puts_what_waits_at_the_join_there_twice(patch)
    _unchecked(patch)


@plant
def a_return_puts_what_waits_at_the_join_there_twice(patch: pytest.MonkeyPatch) -> None:
    right = modifying._deposits
    patch.setattr(modifying, "_deposits", lambda *given: [arrival for arrival in right(*given) for _ in range(2)])


@plant
def a_modification_puts_nothing_back_at_joins(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(modification, "_deposit", lambda *given: None)


@plant
def a_join_does_not_wait_for_the_last_arrival(patch: pytest.MonkeyPatch) -> None:
    def planted(run: Any, node: Any, move: Any) -> None:
        if move.flow is None or len(node.incoming) <= 1:
            right(run, node, move)
        elif len(flow.rest(run, move)) >= len(node.incoming) - 1:
            flow._take(run, node.outgoing, move.scope, flow.consume(run, node, move.scope, node.outgoing))

    right = flow.pass_parallel
    enter_of = doors._enter_of
    patch.setattr(doors, "_enter_of", lambda node: planted if node.type == "parallelGateway" else enter_of(node))


@plant
def a_join_forgets_an_arrival(patch: pytest.MonkeyPatch) -> None:
    """What arrives second at a join takes the place of what arrived first."""
    def planted(run: Any, move: Any) -> Any:
        run.part("j").pop(move.scope, None)
        return right(run, move)

    right = flow.rest
    patch.setattr(flow, "rest", planted)


@plant
def a_return_leaves_the_arrivals_of_the_branches_it_goes_back_before(patch: pytest.MonkeyPatch) -> None:
    right = modifying.going_back
    patch.setattr(targets, "going_back", lambda *given, **more: replace(right(*given, **more), discard=()))


@plant
def a_return_cancels_only_the_seat_it_comes_from(patch: pytest.MonkeyPatch) -> None:
    right = modifying.going_back
    patch.setattr(targets, "going_back", lambda *given, **more: (lambda plan: replace(plan, cancel=plan.cancel[:1]))(right(*given, **more)))


FORKS = {
    "a_join_does_not_wait_for_the_last_arrival", "a_join_forgets_an_arrival", "a_modification_puts_nothing_back_at_joins",
    "a_return_cancels_only_the_seat_it_comes_from", "a_return_forgets_what_waits_at_the_join",
    "a_return_forgets_what_waits_at_the_join_and_nobody_looks", "a_return_leaves_the_arrivals_of_the_branches_it_goes_back_before",
    "a_return_puts_what_waits_at_the_join_there_twice", "a_return_puts_what_waits_at_the_join_there_twice_and_nobody_looks",
}


VOTES = {"a_vote_is_counted_twice": voted}


def fault(number: int, grow: Callable[[random.Random], Model] = grown) -> str:
    """What is violated in a diagram of the seed; nothing when it is as it should be."""
    try:
        prove_operations(random.Random(f"{SEED}/{number}"), STEPS, grow=grow)
    except prover.FAULTS as error:
        return f"{type(error).__name__}: {error}"
    return ""


def test_people_at_work_break_no_invariant() -> None:
    assert [found for number in range(1, CLEAN + 1) if (found := fault(number) or fault(number, forked))] == []


@pytest.mark.parametrize("name", sorted(PLANTS))
def test_a_planted_fault_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Found is what goes wrong with the fault and does not without it."""
    grow = forked if name in FORKS else VOTES.get(name, grown)
    for number in range(1, MOST + 1):
        with monkeypatch.context() as planted:
            PLANTS[name](planted)
            wrong = fault(number, grow)
        if wrong and not fault(number, grow):
            return
    pytest.fail(f"{name} was not found in {MOST} diagrams")
