"""Who holds each seat, followed through the facts of history alone: a claim that no fact tells of, or that tells another story, is found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tests.prover_world import LIVE, World

HOLDS = ("claimed", "delegated", "signers_added", "taken_from_agent")  # whoever does it holds the seat from then on
GIVES = ("forwarded", "reassigned")
FREES = ("released", "claim_expired", "claim_lapsed", "returned_to_pool", "timeout_forwarded")


class Owners:
    """The holder of every seat, by its facts up to now; a seat that was decided keeps who held it before, which an undo gives back."""

    def __init__(self) -> None:
        self.held: dict[int, int | None] = {}
        self.seen: set[int] = set()

    def check(self, world: World, facts: Iterable[Mapping[str, Any]]) -> None:
        """Every live seat is held by whom the facts name."""
        for fact in facts:
            self._follow(world, fact)
        for number, seat in world.seats.items():
            if seat["status"] in LIVE:
                wanted = self.held.get(number)
                assert seat["owner_id"] == wanted, f"10: by the history of case {seat['instance_id']} seat {number} is held by {wanted}, it is by {seat['owner_id']}"
        self.seen = set(world.seats)

    def _follow(self, world: World, fact: Mapping[str, Any]) -> None:
        kind, detail = fact["kind"], fact["detail"]
        seat = detail.get("seat")
        if kind in HOLDS:
            self.held[seat] = fact["person"]
        elif kind in GIVES:
            # a vote whose turn has not come is given to somebody by name; nobody holds it yet, as a signer holds his seat from the first
            queued_vote = world.seats[seat]["status"] == "queued" and world.seats[seat]["kind"] == "main"
            self.held[seat] = None if queued_vote else detail["to"]
        elif kind in FREES or (kind == "vote_reached" and "rule" in detail):
            self.held[seat] = None
        elif kind == "given_back":
            self.held[seat] = detail["person"] if detail.get("for") is None else None
        elif kind == "decision_withdrawn":
            self._withdrawn(world, fact["instance_id"], detail)
        if kind in ("delegated", "asked"):
            self.held[detail["child"]] = detail["to"]
        elif kind == "signers_added":
            self.held |= dict(zip(detail["children"], detail["people"], strict=True))

    def _withdrawn(self, world: World, number: int, detail: Mapping[str, Any]) -> None:
        """The new seat is held by whom the old one was, or by whoever took it from its pool by deciding it."""
        old = world.seats[detail["seat_withdrawn"]]
        for seat in world.seats.values():
            if seat["instance_id"] == number and seat["node_id"] == detail["to"] and seat["id"] not in self.seen and seat["status"] in LIVE:
                self.held[seat["id"]] = self.held.get(old["id"]) or old["completed_by"]


__all__ = ["Owners"]
