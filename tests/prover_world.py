"""What stands in the database after a step, read by plain SQL past the house: cases with their markings, seats, keys, waits, alarms and facts."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Mapping
from typing import Any

from tests.prover_office import Office, document
from workflows.definitions import ProcessVersion

LIVE = ("open", "parked", "queued")
HUMAN = ("userTask", "manualTask")
Place = tuple[str, str]  # a node, and the node of the scope it is in
BIT = 16


class Rows:
    """Rows of one table as dictionaries, and by a column."""

    def __init__(self, rows: list[sqlite3.Row]) -> None:
        self.all = [dict(row) for row in rows]

    def by(self, *names: str) -> dict[Any, list[dict[str, Any]]]:
        found: dict[Any, list[dict[str, Any]]] = {}
        for row in self.all:
            found.setdefault(row[names[0]] if len(names) == 1 else tuple(row[name] for name in names), []).append(row)
        return found


class World:
    """One moment of an office. `before` lends what has not changed."""

    def __init__(self, office: Office, versions: Mapping[int, ProcessVersion], before: World | None = None) -> None:
        self.now = office.clock.now()
        self.versions = versions
        known = before.cases if before is not None else {}
        self.cases: dict[int, dict[str, Any]] = {}
        for row in office.rows("SELECT id, revision, status, definition_id, round, subject_person, suspended_at, ended_at, body_of, number FROM process_instance ORDER BY id"):
            old = known.get(row["id"])
            if old is not None and old["revision"] == row["revision"]:
                self.cases[row["id"]] = {**old, **dict(row)}
                continue
            documents = office.rows("SELECT state, variables FROM process_instance WHERE id = ?", row["id"])[0]
            self.cases[row["id"]] = {**dict(row), "state": document(documents["state"]), "variables": document(documents["variables"])}
        self.seats = {row["id"]: dict(row) for row in office.rows("SELECT * FROM seat ORDER BY id")}
        self.offers = Rows(office.rows("SELECT candidate, seat_id, principal_id, due_at FROM seat_offer")).by("seat_id")
        self.barred = {(row["seat_id"], row["person_id"]) for row in office.rows("SELECT seat_id, person_id FROM seat_exclusion")}
        self.waits = Rows(office.rows("SELECT instance_id, wait_id, node_id, kind, due_at FROM wait")).by("instance_id")
        self.alarms = Rows(office.rows("SELECT * FROM incident WHERE resolved_at IS NULL")).by("instance_id", "token")
        self.rules = {(row["instance_id"], row["token"]): document(row["rule"]) for row in office.rows("SELECT instance_id, token, rule FROM voting")}
        self.seats_of = Rows([]).by("id")
        for seat in self.seats.values():
            self.seats_of.setdefault((seat["instance_id"], seat["token"]), []).append(seat)

    def version(self, case: Mapping[str, Any]) -> ProcessVersion:
        return self.versions[case["definition_id"]]

    def node(self, seat: Mapping[str, Any]) -> Any:
        """The activity of a seat, in the version its case has now."""
        return self.version(self.cases[seat["instance_id"]]).graph.nodes[seat["node_id"]]

    def activities(self, case: Mapping[str, Any]) -> dict[str, str]:
        """Live user activities of a case: token → node; an activity with instances is live once for each that is open."""
        state, nodes = case["state"], self.version(case).graph.nodes
        found: dict[str, str] = {}
        for token, (node, _, _) in state.get("t", {}).items():
            if nodes[node].type not in HUMAN:
                continue
            counters = state.get("m", {}).get(token)
            if counters:
                bits = int(counters[2], BIT)
                found |= {f"{token}#{index}": node for index in range(bits.bit_length()) if bits >> index & 1}
            else:
                found[token] = node
        return found

    def marking(self, case: Mapping[str, Any]) -> tuple[Counter[Place], Counter[tuple[str, str]]]:
        """Places of a case, and the arrivals that rest at its joins."""
        state = case["state"]
        return places(state), arrivals(state)

    def votes(self, instance: int, token: str) -> list[dict[str, Any]]:
        """The counted votes of an activity instance, in their order."""
        voters = [seat for seat in self.seats_of.get((instance, token), ()) if counts(seat) and seat["status"] == "completed"]
        return sorted(voters, key=lambda seat: ((document(seat["answer"]) or {}).get("order", 0), seat["completed_at"], seat["id"]))


def counts(seat: Mapping[str, Any]) -> bool:
    """Whether a seat is one of N."""
    return seat["kind"] in ("main", "parallel") and bool(seat["counts"])


def places(state: Mapping[str, Any]) -> Counter[Place]:
    """Node and scope node of every token, instances counted."""
    tokens: dict[str, Any] = state.get("t", {})
    found: Counter[Place] = Counter()
    for token, (node, scope, _) in tokens.items():
        counters = state.get("m", {}).get(token)
        number = bin(int(counters[2], BIT)).count("1") if counters else 1
        found[node, tokens[scope][0] if scope in tokens else ""] += number
    return found


def arrivals(state: Mapping[str, Any]) -> Counter[tuple[str, str]]:
    """Flow and scope node of what rests at joins."""
    tokens: dict[str, Any] = state.get("t", {})
    found: Counter[tuple[str, str]] = Counter()
    for scope, flows in state.get("j", {}).items():
        for flow, causes in flows.items():
            found[flow, tokens[scope][0] if scope in tokens else ""] += len(causes)
    return found


__all__ = ["HUMAN", "LIVE", "Place", "World", "arrivals", "counts", "places"]
