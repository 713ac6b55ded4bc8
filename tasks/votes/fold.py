"""The fold of ordered votes into one result: who has to agree, and from which vote on the matter is decided. Pure; knows no seat and no person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

Side = Literal["A", "R", "B"]  # agreed, refused, abstained
Result = Literal["open", "agreed", "refused", "empty"]
WHOLE = Fraction(1)


@dataclass(frozen=True, slots=True)
class Rule:
    """A voting rule: `ratio` is p/q of the rules ratio and sequential; `wait_for_all` decides only when nobody is left."""

    name: str = "all"
    ratio: Fraction = WHOLE
    wait_for_all: bool = False

    def need(self, voters: int) -> int:
        """How many must agree of `voters`: max(1, ⌈N·p/q⌉) in exact arithmetic, 过半 = ⌊N/2⌋ + 1."""
        if self.name in ("any", "first_agreement"):
            return 1
        if self.name == "majority":
            return voters // 2 + 1
        share = self.ratio if self.name in ("ratio", "sequential") else WHOLE
        return max(1, -(-voters * share.numerator // share.denominator))


@dataclass(frozen=True, slots=True)
class Vote:
    """One vote in the order of the votes; `veto` when its holder may stop the matter alone."""

    side: Side
    veto: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the votes come to: `counted` is the length of the first decisive prefix, or all votes while it is open."""

    result: Result
    counted: int
    agreed: int
    refused: int
    abstained: int
    undecided: int
    need: int

    @property
    def decided(self) -> bool:
        return self.result in ("agreed", "refused")


def fold(rule: Rule, votes: Sequence[Vote], undecided: int, vetoes_undecided: int = 0) -> Verdict:
    """The result of `votes` in their order while `undecided` seats (open, parked, queued) have not voted, `vetoes_undecided` of them with a veto.

    The first decisive prefix counts; without any voter the result is "empty".
    """
    voters = len(votes) + undecided
    vetoes = vetoes_undecided + sum(vote.veto for vote in votes)
    need = rule.need(voters) if voters else 0
    if not voters:
        return Verdict("empty", 0, 0, 0, 0, 0, 0)
    counts = {"A": 0, "R": 0, "B": 0}
    vetoed, first = False, None
    for length in range(len(votes) + 1):
        if length:
            vote = votes[length - 1]
            counts[vote.side] += 1
            vetoes -= vote.veto
            vetoed = vetoed or (vote.veto and vote.side == "R")
            first = first or (vote.side if vote.side != "B" else None)
        left = voters - length
        result = _result(rule, counts["A"], left, need, vetoed, vetoes, first)
        if result != "open" or length == len(votes):
            return Verdict(result, length, counts["A"], counts["R"], counts["B"], left, need)
    raise AssertionError("unreachable: the last prefix returns")


def _result(rule: Rule, agreed: int, left: int, need: int, vetoed: bool, vetoes_left: int, first: Side | None) -> Result:
    if rule.wait_for_all and left:
        return "open"
    if vetoed or agreed + left < need or (rule.name == "any" and first == "R"):
        return "refused"
    return "agreed" if agreed >= need and not vetoes_left else "open"


__all__ = ["Result", "Rule", "Side", "Verdict", "Vote", "fold"]
