"""Replays the history of a case: the facts of commands move a marking of their own, the changes they name make the values, the acts make the seats."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from tests.prover_office import Office, document
from tests.prover_world import World
from workflows.case import Case
from workflows.history import verify
from workflows.host import EngineHost

MODIFICATIONS = ("returned", "jumped", "decision_withdrawn", "withdrawn")
UNREPLAYED = frozenset({"migrated"})


def replayed(office: Office, world: World, number: int, began: Mapping[str, Any]) -> None:
    """The replay of a case that `began` with these values comes to what stands there, and its chain verifies; AssertionError says where not."""
    case = world.cases[number]
    with office.house.store.read() as connection:
        assert list(verify(connection, number)) == [], f"10: the chain of case {number} is broken"
        rows = [{**dict(row), "detail": document(row["detail"]) or {}} for row in office.rows("SELECT * FROM history WHERE instance_id = ? ORDER BY sequence", number)]
        version = world.version(case)
        if version.machine.plan.local or version.machine.plan.conditional or any(row["kind"] in UNREPLAYED for row in rows):
            return
        replay = Replay(office, connection, world, number, began)
        replay.run(rows)
        there, here = ({name: value for name, value in state.items() if name != "s"} for state in (case["state"], replay.case.state))
        assert here == there, f"10: replaying case {number} gives {here}, there is {there}"
        there, here = (_known(values) for values in (case["variables"], replay.case.variables))
        assert here == there, f"10: replaying case {number} gives the values {here}, there are {there}"
    acted = {seat["id"]: (seat["completed_by"], seat["outcome"]) for seat in world.seats.values() if seat["instance_id"] == number and seat["status"] == "completed"}
    assert replay.acts == acted, f"10: by the history of case {number} acts are {replay.acts}, seats say {acted}"


def _known(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values that are there: to a case, a name without a value is as good as none."""
    return {name: value for name, value in values.items() if value is not None}


def began_with(facts: Iterable[Mapping[str, Any]], variables: Mapping[str, Any]) -> dict[str, Any]:
    """The values a case was given, from what it has after its first step and the facts of that step alone; what follows is worked out from here on."""
    found = dict(variables)
    seen: set[str] = set()
    for fact in facts:
        for name, (before, _) in (fact["detail"].get("changes") or {}).items():
            if name not in seen:
                seen.add(name)
                found[name] = before
    return _known(found)


class Replay:
    """A marking, values and acts, made of facts alone."""

    def __init__(self, office: Office, connection: Any, world: World, number: int, began: Mapping[str, Any]) -> None:
        engine, row = office.house.engine, world.cases[number]
        self.number = number
        self.case: Case = engine.blank(connection, world.version(row), {}, {})
        self.case.subject_person = row["subject_person"]
        self.case.variables = dict(began)
        self.host = EngineHost(self.case, engine.functions(connection, self.case))
        self.machine = world.version(row).machine
        self.acts: dict[int, tuple[Any, Any]] = {}
        self.kept: dict[int, tuple[dict[str, Any], dict[str, Any]]] = {}  # seat → marking and values before his act
        self.decided: set[int] = set()
        self.returns: dict[str, dict[str, Any]] = {}  # token that a return started → what it took away
        self.off: dict[str, Any] = {}  # the marking in which its caller called it off

    def run(self, rows: list[dict[str, Any]]) -> None:
        for number, row in enumerate(rows):
            self._keep(row)
            if row["kind"] != "undone" or row["detail"].get("seat") not in self.decided:
                self._values(row)
            self._moves(row)
            if self.machine.plan.conditional and self._is_a_door(row, rows[number + 1:]):
                self.machine.evaluate_conditions(self.case.state, self.host)
            self._acts(row)

    @staticmethod
    def _is_a_door(row: Mapping[str, Any], later: Iterable[Mapping[str, Any]]) -> bool:
        """Whether conditional events look at the case after this fact: a token was moved, or a vote that decides nothing has written values."""
        if row["kind"] == "voted":
            return not any(one["kind"] == "activity_completed" and one["token"] == row["token"] and one["at"] == row["at"] for one in later)
        return row["kind"] in ("started", "activity_completed", *MODIFICATIONS) or "wait" in row["detail"]

    def _values(self, row: Mapping[str, Any]) -> None:
        for name, (before, after) in (row["detail"].get("changes") or {}).items():
            here = self.case.variables.get(name)
            assert here == before, f"10: fact {row['sequence']} of case {self.number} changes {name} from {before}, it was {here}"
            self.case.variables[name] = after
        self.case.inputs = None

    def _keep(self, row: Mapping[str, Any]) -> None:
        """Before the first fact of somebody's act: what an undo of it puts back."""
        seat = row["detail"].get("seat")
        if row["kind"] == "voted" or (row["kind"] == "activity_completed" and seat not in self.kept):
            self.kept[seat] = (copy.deepcopy(self.case.state), copy.deepcopy(self.case.variables))
        if row["kind"] == "activity_completed":
            self.decided.add(seat)

    def _moves(self, row: Mapping[str, Any]) -> None:
        kind, detail, state = row["kind"], row["detail"], self.case.state
        if kind == "started":
            self.machine.start(self.host, detail.get("event"), into=state)
        elif kind == "activity_completed" and "instead_of" in detail:
            self._straight(row)
        elif kind == "activity_completed":
            self.machine.complete(state, row["token"], self.host)
        elif "wait" in detail:
            self.machine.trigger(state, detail["wait"], self.host)
        elif kind in MODIFICATIONS:
            self._modified(row)
        elif kind in ("terminated", "voided", "called_off"):
            self.off = copy.deepcopy(state)
            self.machine.cancel_all(state)
        elif kind == "revived":
            self._revived()
        elif kind == "undone" and detail["seat"] in self.decided:
            marking, values = self.kept[detail["seat"]]
            self.case.state = self.machine.restored(marking, state)
            self.case.variables, self.case.inputs = values, None

    def _modified(self, row: Mapping[str, Any]) -> None:
        detail, before = row["detail"], copy.deepcopy(self.case.state)
        places = detail.get("places") or [[None, None]] * len(detail["start"])
        start = [(node, scope) if cause is None else (node, scope, tuple(cause)) for node, (scope, cause) in zip(detail["start"], places, strict=True)]
        given = {name: [(flow, scope, tuple(cause)) for flow, scope, cause in detail.get(name, ())] for name in ("redeposit", "discard")}
        self.machine.modify(self.case.state, self.host, cancel=detail["cancel"], start=start, **given)
        if row["kind"] == "returned":
            memory = {"state": before, "cancel": detail["cancel"], **given}
            for token, entry in self.case.state["t"].items():
                if int(token) > before["n"] and entry[0] == detail["to"]:
                    self.returns[token] = memory

    def _straight(self, row: Mapping[str, Any]) -> None:
        kept = self.returns[row["token"]]
        _, ids = self.machine.reinstate(self.case.state, self.host, row["token"], kept["state"], kept["cancel"], kept["discard"], kept["redeposit"])
        self._follow(ids)

    def _revived(self) -> None:
        """The caller was resubmitted straight to where it stood: what it had called goes on."""
        self._follow(self.machine.revive(self.case.state, self.host, self.off)[1])

    def _follow(self, ids: Mapping[str, str]) -> None:
        """What comes back had perhaps itself been returned to."""
        self.returns |= {ids[old]: kept for old, kept in self.returns.items() if old in ids}

    def _acts(self, row: Mapping[str, Any]) -> None:
        kind, detail = row["kind"], row["detail"]
        seat = detail.get("seat")
        if kind in ("voted", "advice_given") or (kind == "activity_completed" and seat not in self.acts and seat is not None):
            self.acts[seat] = (row["person"], detail["outcome"])
        elif kind == "vote_kept":
            self.acts[seat] = (detail["person"], detail["outcome"])
        elif kind == "vote_turned":
            self.acts[seat] = (self.acts[seat][0], detail["outcome"])
        elif kind == "undone":
            for one in (seat, *detail.get("by_rule", ())):
                self._taken_back(one)
        elif kind == "decision_withdrawn":
            self.acts.pop(detail["seat_withdrawn"])

    def _taken_back(self, seat: int) -> None:
        self.acts.pop(seat, None)
        self.kept.pop(seat, None)
        self.decided.discard(seat)
