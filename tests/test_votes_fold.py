"""The fold of votes: the formulas of the rule table, and every case against a second, naive formulation."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.votes.fold import Rule, Vote, fold
from workflows.human_rules import RULES

RATIOS = st.integers(1, 12).flatmap(lambda q: st.integers(1, q).map(lambda p: Fraction(p, q)))
RULE = st.builds(Rule, st.sampled_from(RULES), RATIOS, st.booleans())
VOTES = st.lists(st.builds(Vote, st.sampled_from("ARB"), st.booleans()), max_size=9)
OPEN = st.integers(0, 6).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n)))


def votes(text: str) -> list[Vote]:
    """ "ARB" with "!" behind a vote whose holder has a veto."""
    return [Vote(sign, text[index + 1: index + 2] == "!") for index, sign in enumerate(text) if sign != "!"]  # type: ignore[arg-type]


def naive_need(rule: Rule, n: int) -> int:
    """The least whole number k ≥ 1 with k ≥ N·p/q, found by counting; for 过半 the least k with 2k > N."""
    share = {"any": Fraction(0), "first_agreement": Fraction(0), "all": Fraction(1)}.get(rule.name, rule.ratio)
    k = 1
    while (2 * k <= n) if rule.name == "majority" else (k * share.denominator < n * share.numerator):
        k += 1
    return k


def naive(rule: Rule, cast: list[Vote], undecided: int, vetoes: int) -> tuple[str, int]:
    """Look at every prefix on its own, with everybody behind it as not decided yet."""
    n = len(cast) + undecided
    if n == 0:
        return "empty", 0
    for length in range(len(cast) + 1):
        seen, later = cast[:length], cast[length:]
        agreed = sum(1 for vote in seen if vote.side == "A")
        left = n - length
        if rule.wait_for_all and left > 0:
            continue
        if any(vote.side == "R" and vote.veto for vote in seen):
            return "refused", length
        acted = [vote.side for vote in seen if vote.side != "B"]
        if rule.name == "any" and acted[:1] == ["R"]:
            return "refused", length
        if agreed + left < naive_need(rule, n):
            return "refused", length
        if agreed >= naive_need(rule, n) and not any(vote.veto for vote in later) and vetoes == 0:
            return "agreed", length
    return "open", len(cast)


@given(RULE, VOTES, OPEN)
def test_the_fold_is_the_first_decisive_prefix(rule: Rule, cast: list[Vote], left: tuple[int, int]) -> None:
    verdict = fold(rule, cast, *left)
    assert (verdict.result, verdict.counted) == naive(rule, cast, *left)


@given(RULE, VOTES, OPEN)
def test_the_counts_add_up_to_all_voters(rule: Rule, cast: list[Vote], left: tuple[int, int]) -> None:
    verdict = fold(rule, cast, *left)
    assert verdict.agreed + verdict.refused + verdict.abstained + verdict.undecided == len(cast) + left[0]


@given(RULE, VOTES.filter(bool))
def test_when_everybody_voted_it_is_decided(rule: Rule, cast: list[Vote]) -> None:
    assert fold(rule, cast, 0).decided


@given(RULE, VOTES, OPEN, VOTES)
def test_a_later_vote_changes_no_decision(rule: Rule, cast: list[Vote], left: tuple[int, int], more: list[Vote]) -> None:
    verdict = fold(rule, cast, len(more) + left[0], sum(vote.veto for vote in more) + left[1])
    if verdict.decided:
        assert fold(rule, [*cast, *more], *left) == verdict


@given(RATIOS, st.integers(1, 10_000))
def test_the_ratio_is_exact(ratio: Fraction, n: int) -> None:
    need = Rule("ratio", ratio).need(n)
    exact = Decimal(n * ratio.numerator)
    assert 1 <= need <= n and need * ratio.denominator >= exact and ((need - 1) * ratio.denominator < exact or need == 1)


@pytest.mark.parametrize(("n", "need"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (100, 51), (101, 51)])
def test_more_than_half(n: int, need: int) -> None:
    assert Rule("majority").need(n) == need


@pytest.mark.parametrize(("ratio", "n", "need"), [("2/3", 3, 2), ("2/3", 4, 3), ("1/3", 3, 1), ("1/2", 5, 3), ("1/100", 3, 1), ("7/10", 10, 7)])
def test_the_ratio_rounds_up(ratio: str, n: int, need: int) -> None:
    assert Rule("ratio", Fraction(ratio)).need(n) == need


TABLE = [
    (Rule("all"), "AA", 1, "open"), (Rule("all"), "AAA", 0, "agreed"), (Rule("all"), "AR", 5, "refused"), (Rule("all"), "B", 2, "refused"),
    (Rule("any"), "R", 2, "refused"), (Rule("any"), "A", 2, "agreed"), (Rule("any"), "B", 1, "open"), (Rule("any"), "BB", 0, "refused"),
    (Rule("first_agreement"), "RR", 1, "open"), (Rule("first_agreement"), "RRA", 4, "agreed"), (Rule("first_agreement"), "RRR", 0, "refused"),
    (Rule("majority"), "AAR", 2, "open"), (Rule("majority"), "AARA", 1, "agreed"), (Rule("majority"), "RB", 1, "refused"),
    (Rule("ratio", Fraction(1, 2)), "RR", 1, "refused"), (Rule("ratio", Fraction(1, 2), True), "RR", 1, "open"),
    (Rule("sequential"), "AA", 1, "open"), (Rule("sequential"), "AR", 4, "refused"),
    (Rule("majority"), "AAR!", 2, "refused"), (Rule("majority", wait_for_all=True), "R!A", 1, "open"),
]


@pytest.mark.parametrize(("rule", "cast", "left", "result"), TABLE)
def test_the_table_of_rules(rule: Rule, cast: str, left: int, result: str) -> None:
    assert fold(rule, votes(cast), left).result == result


def test_a_pass_waits_for_every_holder_of_a_veto() -> None:
    assert fold(Rule("majority"), votes("AAA"), 2, 1).result == "open"
    assert fold(Rule("majority"), votes("AAAA!"), 1).result == "agreed"
    assert fold(Rule("majority"), votes("AAAB!"), 1).result == "agreed"


def test_r04_a_half_vote_with_an_early_refusal_is_decided_when_agreement_is_out_of_reach() -> None:
    half = Rule("ratio", Fraction(1, 2))
    assert [fold(half, votes("RRR"[:count]), 4 - count).result for count in range(4)] == ["open", "open", "open", "refused"]
    assert fold(half, votes("RRR"), 1).counted == 3


def test_without_voters_nothing_is_decided() -> None:
    assert fold(Rule(), [], 0).result == "empty"
