"""The outcome of votes, written once more from the rules of human work: exact fractions, first decisive prefix. Shares nothing with `tasks.votes`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import ceil
from typing import Any, NamedTuple

from tests.prover_office import document


class Ballot(NamedTuple):
    """A vote: agreed (A), refused (R) or abstained (B), and whether its holder has a veto."""

    side: str
    veto: bool
    outcome: str


def need_of(rule: Mapping[str, Any], voters: int) -> int:
    """max(1, ⌈N·p/q⌉); 过半 = ⌊N/2⌋ + 1; 或签 one."""
    name = rule["rule"]
    if name in ("any", "first_agreement"):
        return 1
    if name == "majority":
        return voters // 2 + 1
    share = Fraction(str(rule.get("ratio") or 1)) if name in ("ratio", "sequential") else Fraction(1)
    return max(1, ceil(voters * share))


def decision(rule: Mapping[str, Any], ballots: Sequence[Ballot], undecided: int, vetoes_undecided: int) -> tuple[str | None, int]:
    """"A" or "R" by the first decisive prefix of the votes, and its length; None while it is open."""
    voters = len(ballots) + undecided
    for length in range(len(ballots) + 1):
        left = voters - length
        vetoes = vetoes_undecided + sum(ballot.veto for ballot in ballots[length:])
        found = _of(rule, ballots[:length], left, vetoes, need_of(rule, voters))
        if found is not None:
            return found, length
    return None, len(ballots)


def _of(rule: Mapping[str, Any], ballots: Sequence[Ballot], left: int, vetoes: int, need: int) -> str | None:
    agreed = sum(ballot.side == "A" for ballot in ballots)
    if rule.get("wait_for_all") and left > 0:
        return None
    if any(ballot.veto and ballot.side == "R" for ballot in ballots):
        return "R"
    acts = [ballot.side for ballot in ballots if ballot.side != "B"]
    if rule["rule"] == "any" and acts[:1] == ["R"]:
        return "R"
    if agreed + left < need:
        return "R"
    return "A" if agreed >= need and vetoes == 0 else None


def side_of(rule: Mapping[str, Any] | None, outcomes: Sequence[Mapping[str, Any]], outcome: str) -> str:
    """What an outcome counts as: what the frozen rule says, else danger and reject refuse, abstain abstains, all others agree."""
    found = ((rule or {}).get("sides") or {}).get(outcome)
    if found is not None:
        return str(found)
    if outcome == "abstain":
        return "B"
    style = next((one.get("style") for one in outcomes if one["value"] == outcome), None)
    return "R" if style == "danger" or outcome in ("reject", "return", "disagree") else "A"


def ballots_of(
    votes: Sequence[Mapping[str, Any]], together: Sequence[Mapping[str, Any]], rule: Mapping[str, Any] | None, outcomes: Sequence[Mapping[str, Any]]
) -> list[Ballot]:
    """The votes of an activity instance: `votes` in their order, `together` all its seats; a deciding signer's refusal turns the vote above."""
    found = []
    for seat in votes:
        children = [one for one in together if one["parent_seat_id"] == seat["id"] and one["kind"] in ("before", "after") and one["counts"]]
        turned = any(one["status"] == "completed" and side_of(rule, outcomes, one["outcome"]) == "R" for one in children)
        side = "R" if turned else side_of(rule, outcomes, seat["outcome"])
        found.append(Ballot(side, bool(seat["veto"]), seat["outcome"]))
    return found


def outcome_of(rule: Mapping[str, Any] | None, result: str, ballots: Sequence[Ballot]) -> str:
    """The activity's outcome by the counted votes: the one the model names, else the first on the winning side, else of that side at all, else the last."""
    named = (rule or {}).get("agreed" if result == "A" else "refused")
    if named:
        return str(named)
    won = [ballot.outcome for ballot in ballots if ballot.side == result]
    if won:
        return won[0]
    if len(ballots) != 1:
        for value, side in ((rule or {}).get("sides") or {}).items():
            if side == result:
                return str(value)
    return ballots[-1].outcome


def answer(seat: Mapping[str, Any]) -> dict[str, Any]:
    return document(seat["answer"]) or {}
