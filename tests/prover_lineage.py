"""Who led to whom in every case, noted step by step while people work; from it, what a return must cancel, take from joins and put back there.

It reads markings and facts, never a plan of the house: the general rule is worked out here once more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.prover_world import HUMAN, World

Arrival = tuple[str, tuple[str, ...]]  # a flow into a join, and the tokens that led there
UNREAD = ("undone", "migrated", "jumped", "withdrawn", "decision_withdrawn")  # facts after which the past of a case is not followed up
Fact = Mapping[str, Any]


@dataclass
class Past:
    """One case: what led to each token; completions by person as (node, token, newest token then); what joins consumed."""

    causes: dict[str, set[str]] = field(default_factory=dict)
    done: list[tuple[str, str, int]] = field(default_factory=list)
    fired: dict[str, tuple[str, list[Arrival]]] = field(default_factory=dict)
    readable: bool = True
    void: set[str] = field(default_factory=set)  # firings that the last return took back

    def led(self, token: str, causes: Iterable[Any]) -> None:
        """These led to a token; an instance of several hangs on the activity."""
        own = _plain(token)
        self.causes.setdefault(own, set()).update({_plain(cause) for cause in causes} - {own})

    def before(self, token: str) -> set[str]:
        """Everything that led to a token."""
        found: set[str] = set()
        stack = [token]
        while stack:
            fresh = self.causes.get(stack.pop(), set()) - found
            found |= fresh
            stack += fresh
        return found

    def after(self, token: str, newest: int) -> set[str]:
        """Everything that followed from a token's completion, when `newest` was the newest token."""
        found = {one for one, causes in self.causes.items() if token in causes and int(one) > newest}
        while more := {one for one, causes in self.causes.items() if causes & found} - found:
            found |= more
        return found


class Lineage:
    """The pasts of all cases of an office."""

    def __init__(self) -> None:
        self.pasts: dict[int, Past] = {}

    def note(self, old: World, world: World, facts: Iterable[Fact]) -> None:
        """What has become of every case in a step."""
        for past in self.pasts.values():
            past.fired = {token: firing for token, firing in past.fired.items() if token not in past.void}
        for fact in facts:
            past = self.pasts.setdefault(fact["instance_id"], Past())
            detail, token = fact["detail"], fact["token"]
            if fact["kind"] in UNREAD or "instead_of" in detail:
                past.readable = False
            if token is not None and detail.get("cause") is not None:
                past.led(token, detail["cause"])
            if fact["kind"] == "fired" and token is not None:
                past.fired[token] = (fact["node_id"], _arrivals(detail.get("arrivals", ())))
            if fact["kind"] == "activity_completed" and fact["person"] is not None:
                before = old.cases.get(fact["instance_id"])
                past.done.append((fact["node_id"], _plain(token), before["state"]["n"] if before else 0))
            if fact["kind"] == "returned":
                self._void(world, fact)
        for number, case in world.cases.items():
            past = self.pasts.setdefault(number, Past())
            for token, (_, _, causes) in case["state"].get("t", {}).items():
                past.led(token, causes)

    def is_straight(self, number: int) -> bool:
        """Whether nobody has moved tokens of a case but by completing and returning: then every return that is offered can be done."""
        return number in self.pasts and self.pasts[number].readable

    def returned(self, old: World, world: World, fact: Fact) -> None:
        """The plan of a return within one case is the one of the general rule; AssertionError says how it differs."""
        number, detail = fact["instance_id"], fact["detail"]
        past = self.pasts[number]
        if not self._is_followed(world, fact):
            return
        to, newest = self._target(world, fact)
        assert to, f"3: {detail['to']} did not lead to {detail['from']} in case {number}, and it was returned there"
        following = past.after(to, newest)
        state = old.cases[number]["state"]
        gone = {token for token in state["t"] if token in following}
        top = {token for token in gone if state["t"][token][1] not in gone}
        assert set(detail["cancel"]) == top, f"3: a return to {detail['to']} cancels {sorted(detail['cancel'])}, not {sorted(top)}"
        self._taken(detail, state, gone, following | {to})
        self._put_back(detail, past, world, number, state, gone, following, to)

    def _void(self, world: World, fact: Fact) -> None:
        """The joins that fired because of what a return makes undone have not fired any more."""
        past = self.pasts[fact["instance_id"]]
        if self._is_followed(world, fact):
            past.void |= past.after(*self._target(world, fact)) & set(past.fired)
        else:
            past.readable = False

    def _is_followed(self, world: World, fact: Fact) -> bool:
        """Whether a return stays within one case, goes to a person's step, and the past of the case is known."""
        case, detail = world.cases[fact["instance_id"]], fact["detail"]
        near = world.seats[detail["seat_returned"]]["instance_id"] == fact["instance_id"]
        return self.pasts[fact["instance_id"]].readable and near and world.version(case).graph.nodes[detail["to"]].type in HUMAN

    def _target(self, world: World, fact: Fact) -> tuple[str, int]:
        """The last completion of the step gone back to that led to the seat it came from, with the newest token then."""
        past, detail = self.pasts[fact["instance_id"]], fact["detail"]
        led = past.before(_plain(world.seats[detail["seat_returned"]]["token"]))
        return next(((token, then) for node, token, then in reversed(past.done) if node == detail["to"] and token in led), ("", 0))

    @staticmethod
    def _taken(detail: Mapping[str, Any], state: Mapping[str, Any], gone: set[str], mine: set[str]) -> None:
        wanted = sorted(
            (flow, scope, tuple(causes)) for scope, flows in state.get("j", {}).items() if scope not in gone
            for flow, resting in flows.items() for causes in resting if {_plain(cause) for cause in causes} & mine
        )
        found = sorted((flow, scope, tuple(causes)) for flow, scope, causes in detail.get("discard", ()))
        assert found == wanted, f"3: a return to {detail['to']} takes {found} from joins, not {wanted}"

    @staticmethod
    def _put_back(
        detail: Mapping[str, Any], past: Past, world: World, number: int, state: Mapping[str, Any], gone: set[str], following: set[str], to: str
    ) -> None:
        graph = world.version(world.cases[number]).graph
        root, wanted = state.get("r", graph.id), set()
        for token, (node, arrivals) in past.fired.items():
            place = graph.nodes[node].scope
            around = {one for one in past.before(token) if one in state["t"] and one not in gone and state["t"][one][0] == place}
            if token in following and (place == root or around):
                wanted |= {(flow, causes) for flow, causes in arrivals if not {_plain(cause) for cause in causes} & (following | {to})}
        found = sorted((flow, tuple(causes)) for flow, _, causes in detail.get("redeposit", ()))
        assert found == sorted(wanted), f"3: a return to {detail['to']} puts {found} back at joins, not {sorted(wanted)}"


def _arrivals(pairs: Iterable[Iterable[str]]) -> list[Arrival]:
    """Of a firing: one arrival for every flow."""
    found: dict[str, tuple[str, ...]] = {}
    for flow, cause in pairs:
        found[flow] = (*found.get(flow, ()), *([cause] if cause else []))
    return list(found.items())


def _plain(token: Any) -> str:
    return str(token).partition("#")[0]


__all__ = ["Lineage", "Past"]
