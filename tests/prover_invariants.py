"""The ten invariants of human work, each a function named after its number; its docstring is the sentence. Cheap ones run after every step."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import orjson

from tests.prover_acts import Attempt
from tests.prover_branches import Fork, forks_of, unaccounted
from tests.prover_changes import expected
from tests.prover_dates import Dates
from tests.prover_fold import ballots_of, decision, outcome_of, side_of
from tests.prover_lineage import Lineage
from tests.prover_office import Office, document
from tests.prover_owners import Owners
from tests.prover_probes import goes_back_and_straight, lists_are_what_guards_accept, takes_back
from tests.prover_replay import began_with, replayed
from tests.prover_world import HUMAN, LIVE, World, counts
from workflows.definitions import ProcessVersion
from workflows.errors import CalendarMissing, Rejection

MODIFICATIONS = ("returned", "jumped", "decision_withdrawn", "withdrawn")
OPENED = frozenset({"activity_opened", "scope_opened", "instances_opened"})
RULES = frozenset({"same_person", "applicant_is_approver", "timeout", "agreement_kept"})
CASE = re.compile(r"of case (\d+)\)")
UNSOUND = ("After the change ", "The change would take away")
LISTS_EVERY, REPLAY_EVERY, PROBE_EVERY = 12, 30, 9


@dataclass(frozen=True)
class Step:
    """One step that has been done: what was tried, the database before it, and why it was refused."""

    number: int
    attempt: Attempt
    before: bytes
    refused: Rejection | None


class Invariants:
    """Looks at an office after every step."""

    def __init__(self, office: Office, source: random.Random, probes: Counter[str]) -> None:
        self.office, self.random, self.probes = office, source, probes
        self._versions: dict[int, ProcessVersion] = {}
        self._forks: dict[int, list[Fork]] = {}
        self.began: dict[int, dict[str, Any]] = {}  # case → the values it was given
        self.read = 0
        self.world = self._seen(None)
        self.facts: list[dict[str, Any]] = []
        self.dates = Dates(office)
        self.owners = Owners()
        self.lineage = Lineage()

    def _seen(self, before: World | None) -> World:
        for row in self.office.rows("SELECT DISTINCT definition_id FROM process_instance"):
            if row[0] not in self._versions:
                self._versions[row[0]] = self.office.look(lambda house, connection, one=row[0]: house.engine.version(connection, one))
        return World(self.office, self._versions, before)

    def check(self, step: Step) -> None:
        """All invariants that can be looked at after this step."""
        if step.refused is not None and step.attempt.several is None:
            self.invariant_9_refused(step, step.refused)
            return
        old, self.world = self.world, self._seen(self.world)
        rows = self.office.rows("SELECT * FROM history WHERE id > ? ORDER BY id", self.read)
        self.facts = [{**dict(row), "detail": document(row["detail"]) or {}} for row in rows]
        self.read = self.facts[-1]["id"] if self.facts else self.read
        self.lineage.note(old, self.world, self.facts)
        for number in self.world.cases.keys() - self.began.keys():
            mine = [fact for fact in self.facts if fact["instance_id"] == number]
            self.began[number] = began_with(mine, self.world.cases[number]["variables"])
        self.nothing_failed()
        self.invariant_1()
        self.invariant_2(old)
        self.invariant_3(old, step)
        self.invariant_5()
        self.invariant_6()
        self.invariant_8(old)
        self.invariant_9_acts()
        self.owners.check(self.world, self.facts)
        if step.number % LISTS_EVERY == 0:
            self.invariant_7()
        if step.number % PROBE_EVERY == 0:
            self.invariant_4()
        if step.number % REPLAY_EVERY == 0:
            self.invariant_10()

    def at_the_end(self) -> None:
        """The dear ones once more."""
        self.invariant_7()
        self.invariant_10()

    def nothing_failed(self) -> None:
        """No command item, job or worker step failed for a reason that is no refusal."""
        stuck = self.office.rows("SELECT kind, result FROM command WHERE status = 'failed'") + self.office.rows("SELECT kind, last_error FROM job WHERE last_error IS NOT NULL")
        assert not stuck, [tuple(row) for row in stuck]
        incidents = self.office.rows("SELECT kind, message FROM incident WHERE kind NOT IN ('no_assignee', 'signer_left', 'deadlock', 'agency_barred')")
        assert not incidents, [tuple(row) for row in incidents]

    # 1

    def invariant_1(self) -> None:
        """A user activity is live ⇔ it has at least one open, parked or queued seat, or exactly one no-assignee incident; closed ⇒ no open seat,
        timer, subscription or candidate row."""
        world = self.world
        for number, case in world.cases.items():
            live = world.activities(case)
            for token, node in live.items():
                seats = [seat for seat in world.seats_of.get((number, token), ()) if seat["status"] in LIVE]
                alarms = [one for one in world.alarms.get((number, token), ()) if one["kind"] == "no_assignee"]
                assert seats or len(alarms) == 1, f"1: {node} ({token} of case {number}) is live without a seat"
            self._nothing_left(number, case, live)
        for seat in world.seats.values():
            blocking = [one for one in world.seats_of[seat["instance_id"], seat["token"]] if one["parent_seat_id"] == seat["id"] and one["blocking"]]
            waits = any(one["status"] in ("open", "parked") for one in blocking)
            if seat["status"] in ("open", "parked"):
                assert (seat["status"] == "parked") == waits, f"1: seat {seat['id']} is {seat['status']}, an open blocking child: {waits}"
            if seat["status"] not in ("open", "parked"):
                assert seat["id"] not in world.offers, f"1: seat {seat['id']} is {seat['status']} and still offered"

    def _nothing_left(self, number: int, case: Mapping[str, Any], live: Mapping[str, str]) -> None:
        world, state = self.world, case["state"]
        assert ("e" in state) == (case["status"] not in ("active", "suspended")), f"1: case {number} is {case['status']}, its marking says otherwise"
        if "e" in state:
            assert not state["t"] and not state.get("w") and not state.get("j"), f"1: case {number} is over and {state} is left"
        kept = {row["wait_id"] for row in world.waits.get(number, ())}
        assert kept == set(state.get("w", {})), f"1: case {number} listens to {sorted(state.get('w', {}))}, subscriptions are {sorted(kept)}"
        for wait, (node, owner, *_) in state.get("w", {}).items():
            there = owner == "0" or owner.partition("#")[0] in state["t"]
            host = self.world.version(case).graph.nodes[node].attached_to
            assert there, f"1: case {number} listens to {node} ({wait}) of {owner}, which is over"
            if host is not None:
                assert state["t"][owner.partition("#")[0]][0] == host, f"1: {node} listens for {owner}, which is on another activity"
        for (instance, token), seats in world.seats_of.items():
            if instance == number and token not in live:
                left = [seat["id"] for seat in seats if seat["status"] in LIVE]
                assert not left, f"1: {token} of case {number} is over and seats {left} are live"
        for (instance, token), alarms in world.alarms.items():
            if instance == number and token is not None and token not in live:
                assert not [one for one in alarms if one["kind"] == "no_assignee"], f"1: {token} of case {number} is over and an alarm asks for somebody"

    # 2

    def invariant_2(self, old: World) -> None:
        """The activity's outcome is the fold above; while it is live neither A ≥ need nor A + O < need, unless wait-for-all, veto or blocking
        children hold it."""
        world = self.world
        for number, case in world.cases.items():
            if case["status"] != "active":
                continue
            for token, node in world.activities(case).items():
                seats = [seat for seat in world.seats_of.get((number, token), ()) if seat["status"] != "cancelled"]
                held = any(seat["kind"] == "after" and seat["blocking"] and seat["status"] in ("open", "parked") for seat in seats)
                rule, ballots, waiting = self._poll(world, number, token, node, seats)
                if not held and (ballots or waiting):
                    found, _ = decision(rule, ballots, len(waiting), sum(bool(seat["veto"]) for seat in waiting))
                    assert found is None, f"2: {node} ({token} of case {number}) is live and decided: {found} by {ballots}, {len(waiting)} undecided, {rule}"
        for fact in self.facts:
            if fact["kind"] == "activity_completed" and "outcome" in fact["detail"] and not self._taken_back(fact):
                self._outcome_is_the_fold(old, fact)

    def _outcomes(self, world: World, number: int, node: str) -> list[dict[str, Any]]:
        text = world.version(world.cases[number]).graph.nodes[node].properties.get("outcomes")
        return orjson.loads(text) if text else [{"value": "complete"}]

    def _poll(self, world: World, number: int, token: str, node: str, seats: list[dict[str, Any]]) -> Any:
        outcomes = self._outcomes(world, number, node)
        written = world.rules.get((number, token))
        # without a written rule every vote must agree, and the outcomes of the model say which ones do
        rule = written or {"rule": "all", "sides": {one["value"]: side_of(None, outcomes, one["value"]) for one in outcomes}}
        votes = world.votes(number, token)
        waiting = [seat for seat in seats if counts(seat) and seat["status"] in LIVE]
        return rule, ballots_of(votes, seats, written, outcomes), waiting

    def _taken_back(self, fact: Mapping[str, Any]) -> bool:
        """Whether a later fact of the same step undid it."""
        seat = fact["detail"].get("seat")
        return any(one["kind"] in ("undone", "decision_withdrawn") and one["id"] > fact["id"] and seat in (one["detail"].get("seat"), one["detail"].get("seat_withdrawn"))
                   for one in self.facts)

    def _outcome_is_the_fold(self, old: World, fact: Mapping[str, Any]) -> None:
        world, number, token, node = self.world, fact["instance_id"], fact["token"], fact["node_id"]
        seats = [seat for seat in world.seats_of.get((number, token), ()) if seat["status"] == "completed"]
        rule, ballots, _ = self._poll(world, number, token, node, seats)
        assert ballots, f"2: {node} ({token} of case {number}) was decided without a vote"
        before = [seat for seat in old.seats_of.get((number, token), ()) if counts(seat) and seat["status"] in (*LIVE, "completed")]
        gone = {one["detail"].get("seat") for one in self.facts if one["kind"] in ("vote_dropped", "signer_removed", "child_closed", "undone")}
        voters = [seat for seat in before if seat["id"] not in gone]
        entered_since = not before
        undecided = 0 if entered_since else len({seat["id"] for seat in voters} - {seat["id"] for seat in seats})
        vetoes = 0 if entered_since else sum(bool(seat["veto"]) for seat in voters if world.seats[seat["id"]]["status"] != "completed")
        result, length = decision(rule, ballots, undecided, vetoes)
        if result is None and entered_since:
            return  # opened and decided by a rule within one step: how many seats there were is not seen from outside
        assert result is not None, f"2: {node} ({token} of case {number}) was decided by {ballots} with {undecided} undecided under {rule}"
        wanted = outcome_of(rule, result, ballots[:length]) if world.rules.get((number, token)) or len(voters) > 1 else None
        if wanted is not None and not entered_since:
            assert fact["detail"]["outcome"] == wanted, f"2: {node} came to {fact['detail']['outcome']}, by its votes {ballots} it is {wanted}"

    # 3

    def invariant_3(self, old: World, step: Step) -> None:
        """After a modification: marking′ = marking − cancelled + started + re-deposited; at most one token per flow and scope (in diagrams that
        pass the soundness check; non-interrupting events apart); an end stays reachable."""
        self._branches()
        changes = [fact for fact in self.facts if fact["kind"] in MODIFICATIONS]
        for fact in changes:
            self._an_end_is_reachable(fact["instance_id"])
        moved = [fact for fact in self.facts if fact["kind"] in ("activity_completed", "fired", "error_uncaught")]
        if len(changes) != 1 or moved or step.attempt.several is not None:
            return
        fact = changes[0]
        if fact["kind"] == "returned":
            self.lineage.returned(old, self.world, fact)
        number, detail = fact["instance_id"], fact["detail"]
        version, after = self.world.version(self.world.cases[number]), self.world.cases[number]
        before = old.cases[number]
        plain = all(node.type != "inclusiveGateway" or len(node.incoming) < 2 for node in version.graph.nodes.values())
        starts = [node for node in detail["start"] if version.graph.nodes[node].type in HUMAN]
        if not plain or len(starts) != 1 or len(detail["start"]) != 1 or before["definition_id"] != after["definition_id"] or "e" in before["state"]:
            return
        shim = SimpleNamespace(machine=version.machine, graph=version.graph)
        kept, made = expected(shim, before["state"], detail["cancel"], starts[0])  # type: ignore[arg-type]
        there = after["state"]["t"]
        newest = before["state"]["n"]
        if (turned := self._turned_true(number, version)) is not None:
            begun = self._begun(number, turned, newest)
            assert begun == made, f"3: {fact['kind']} started {dict(begun)}, not {dict(made)}, before a condition was looked at"
            return
        assert {token for token in there if int(token) <= newest} == kept, f"3: {fact['kind']} kept {sorted(there)}, not {sorted(kept)}"
        new = Counter(entry[0] for token, entry in there.items() if int(token) > newest)
        assert new == made, f"3: {fact['kind']} started {dict(new)}, not {dict(made)}"
        self._resting(fact, before, after, kept)
        self._no_doubles(fact, before, after)

    def _turned_true(self, number: int, version: ProcessVersion) -> int | None:
        """The fact with which an event came because its condition holds; what it brings and takes away is not part of the change before it."""
        nodes = version.graph.nodes
        mine = (fact for fact in self.facts if fact["instance_id"] == number and fact["kind"] == "passed")
        return next((int(fact["id"]) for fact in mine if nodes[fact["node_id"]].event.kind == "conditional"), None)

    def _begun(self, number: int, until: int, newest: int) -> Counter[str]:
        """By the facts, what was opened before one of them; several instances are one activity."""
        opened = {
            (fact["token"].partition("#")[0], fact["node_id"]) for fact in self.facts
            if fact["instance_id"] == number and fact["id"] < until and fact["kind"] in OPENED
        }
        return Counter(node for token, node in opened if int(token) > newest)

    def _branches(self) -> None:
        for number, case in self.world.cases.items():
            version, state = self.world.version(case), case["state"]
            if case["definition_id"] not in self._forks:
                self._forks[case["definition_id"]] = forks_of(version.graph)
            wrong = unaccounted(self._forks[case["definition_id"]], state.get("r", version.graph.id), state)
            assert not wrong, f"3: case {number} cannot come to its end: {wrong}"

    @staticmethod
    def _resting(fact: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any], kept: set[str]) -> None:
        def flows(state: Mapping[str, Any], scopes: set[str]) -> Counter[str]:
            return Counter(flow for scope, found in state.get("j", {}).items() if scope in scopes for flow, causes in found.items() for _ in causes)

        detail = fact["detail"]
        wanted = flows(before["state"], {"0", *kept})
        wanted.subtract(Counter(flow for flow, scope, _ in detail.get("discard", ()) if scope in {"0", *kept}))
        wanted.update(Counter(flow for flow, _, _ in detail.get("redeposit", ())))
        found = flows(after["state"], {"0", *after["state"]["t"]})
        assert +wanted == found, f"3: {fact['kind']} left {dict(found)} at joins, not {dict(+wanted)}"

    def _no_doubles(self, fact: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
        graph = self.world.version(after).graph
        if any(node.type in ("boundaryEvent", "startEvent") and node.interrupting is False for node in graph.nodes.values()):
            return
        had = Counter((entry[0], entry[1]) for entry in before["state"]["t"].values())
        for place, number in Counter((entry[0], entry[1]) for entry in after["state"]["t"].values()).items():
            assert number == 1 or number <= had[place], f"3: {fact['kind']} put {number} tokens on {place}"

    def _an_end_is_reachable(self, number: int) -> None:
        case = self.world.cases[number]
        graph = self.world.version(case).graph
        for token, (node, *_) in case["state"].get("t", {}).items():
            seen, stack = {node}, [node]
            while stack:
                here = graph.nodes[stack.pop()]
                ways = [flow.target for flow in here.outgoing] + [one.id for one in graph.nodes.values() if one.attached_to == here.id]
                ways += [here.scope] if here.scope in graph.nodes else []
                ways += [one.id for one in graph.nodes.values() if one.event.kind == "link" and one.event.name == here.event.name and here.event.kind == "link"]
                stack += [way for way in ways if way not in seen]
                seen |= set(ways)
            # where no flow leads on, a token ends as well
            ends = any(graph.nodes[one].type == "endEvent" or not graph.nodes[one].outgoing for one in seen)
            assert ends, f"3: from {node} ({token}) no end can be reached"

    # 4

    def invariant_4(self) -> None:
        """return ∘ 直达 without a material change restores the multiset of (activity, scope, join arrivals); complete ∘ withdraw restores marking,
        owners, values and due dates."""
        probe = self.random.choice([goes_back_and_straight, takes_back, takes_back])
        self.probes[probe(self.office, self._versions, self.random)] += 1

    # 5

    def invariant_5(self) -> None:
        """For every four-eyes pair the sets {actors, principals, delegates, writers} are disjoint over all rounds."""
        acted: dict[tuple[int, str], set[int]] = {}
        for seat in self.world.seats.values():
            if seat["status"] == "completed" and seat["kind"] != "asked":
                case = self.world.cases[seat["instance_id"]]
                people = acted.setdefault((case["body_of"] or seat["instance_id"], seat["node_id"]), set())
                people |= {one for one in (seat["completed_by"], seat["on_behalf_of"]) if one is not None}
        for (number, node), people in acted.items():
            rule = self.world.version(self.world.cases[number]).graph.nodes.get(node)
            for other in (part.strip() for part in (rule.properties.get("separate_from") or "").split(",")) if rule is not None else ():
                both = people & acted.get((number, other), set())
                assert not both, f"5: {sorted(both)} acted in {node} and in {other} of case {number}"

    # 6

    def invariant_6(self) -> None:
        """A person, as actor or principal, has at most one counted vote per activity instance."""
        for (number, token), seats in self.world.seats_of.items():
            voted = Counter(
                person for seat in seats if counts(seat) and seat["status"] == "completed"
                for person in {seat["completed_by"], seat["on_behalf_of"]} if person is not None
            )
            twice = [person for person, times in voted.items() if times > 1]
            assert not twice, f"6: {twice} voted twice in {token} of case {number}"

    # 7

    def invariant_7(self) -> None:
        """Per person: 待办 ∪ 待认领 = seats whose guards accept complete or answer now; badge = its length."""
        lists_are_what_guards_accept(self.office, self.world)

    # 8

    def invariant_8(self, old: World) -> None:
        """due = start + working duration + suspended working time, or the calendar row; while suspended, marking and votes are constant."""
        for number, case in self.world.cases.items():
            was = old.cases.get(number)
            touched = {fact["kind"] for fact in self.facts if fact["instance_id"] == number}
            if was is not None and was["status"] == case["status"] == "suspended" and not touched & {"resumed", "suspended"}:
                assert was["state"] == case["state"], f"8: case {number} moved while it was suspended"
                for key, seats in self.world.seats_of.items():
                    if key[0] == number:
                        now = [(seat["id"], seat["outcome"]) for seat in seats if seat["status"] == "completed"]
                        then = [(seat["id"], seat["outcome"]) for seat in old.seats_of.get(key, ()) if seat["status"] == "completed"]
                        assert now == then, f"8: votes on {key} changed while the case was suspended"
        self.dates.check(self.world, self.facts)

    # 9

    def invariant_9_refused(self, step: Step, refused: Rejection) -> None:
        """A rejected command changes no row except the security log; a return by the table is never refused as one that could not end."""
        number = CASE.search(step.attempt.label)
        if number is not None and step.attempt.verb == "return" and self.lineage.is_straight(int(number[1])):
            assert not refused.en.startswith(UNSOUND), f"3: {step.attempt.label}: {refused.en}"
        told_apart = {"incident"} if isinstance(refused, CalendarMissing) else set()  # the alarm of a year without calendar, not the command's own
        changed = set(self.office.changed(step.before)) - told_apart
        assert not changed, f"9: a refused command changed {sorted(changed)}"

    def invariant_9_acts(self) -> None:
        """Every completed activity has a person's act or one named system rule."""
        for fact in self.facts:
            if fact["kind"] == "activity_completed":
                node = self.world.version(self.world.cases[fact["instance_id"]]).graph.nodes.get(fact["node_id"])
                if node is not None and node.type in HUMAN:
                    named = fact["detail"].get("rule") in RULES
                    acted = fact["person"] is not None or self._somebody_voted(fact)
                    assert acted or named, f"9: {fact['node_id']} of case {fact['instance_id']} was completed by nobody and no rule: {fact['detail']}"

    def _somebody_voted(self, fact: Mapping[str, Any]) -> bool:
        """Whether the votes that decided are people's, or name the rule by which the system cast them."""
        votes = self.world.votes(fact["instance_id"], fact["token"])
        return bool(votes) and all(seat["completed_by"] is not None or (document(seat["answer"]) or {}).get("rule") in RULES for seat in votes)

    # 10

    def invariant_10(self) -> None:
        """Replaying history gives the same marking, seats and values; the chain verifies."""
        for number in self.world.cases:
            replayed(self.office, self.world, number, self.began[number])


__all__ = ["Invariants", "Step"]
