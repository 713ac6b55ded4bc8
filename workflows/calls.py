"""Called processes and instances of multi-instance sub-processes: each a case row of its own under the case that called it.

It starts and stops such rows and carries their end, errors and escalations to the caller. It knows no messages and no people.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select, update

from workflows.case import Case
from workflows.case_store import INSTANCE, CaseStore
from workflows.definitions import Definitions, ProcessVersion
from workflows.errors import Rejection
from workflows.graph import Node
from workflows.history import GENESIS
from workflows.host import EngineHost, Functions, feel, handed_in
from workflows.machine import ROOT, Happening
from workflows.running import refusing, run_door
from workflows.variables import Local, merged

DEEPEST_CALL = 30
Outcome = tuple[Case, list[Happening]]
LIVE = ("active", "suspended")


class Calls:
    """What happens between a caller and what it calls; every method returns the cases that moved, to be settled next."""

    def __init__(self, definitions: Definitions, store: CaseStore, functions: Callable[[Connection, Case], Functions]) -> None:
        self._definitions = definitions
        self._store = store
        self._functions = functions

    def follow_up(self, connection: Connection, outcomes: Sequence[Outcome]) -> list[Outcome]:
        """After cases moved: stop what they no longer call, start what they call now, tell callers of what is over."""
        moved = _Moved()
        for case, happenings in outcomes:
            left, case.reach.left_calls = case.reach.left_calls, []
            if left:
                self._stop(connection, case, left, moved)
            if case.parent_id is not None:
                self._tell_caller(connection, case, happenings, moved)
            if case.written:
                case.written = False
                self._look_inside(connection, case, moved)
        for outcome in self._start(connection, [case for case, _ in outcomes if case.reach.calls]):
            moved.add(*outcome)
        return moved.outcomes

    def _look_inside(self, connection: Connection, case: Case, moved: _Moved) -> None:
        """Variables of a case changed: conditional events inside its sub-process instances see them too, at every depth."""
        plan = case.version.machine.plan
        if not plan.conditional:
            return
        live = {str(entry[0]) for entry in case.state.get("t", {}).values()}
        bodies = {node.id for node in plan.nodes.values() if node.id in live and node.type == "subProcess" and node.multi_instance is not None}
        if not any(bodies & set(plan.chain(node, plan.graph.id) or ()) for node in plan.nodes.values() if node.event.kind == "conditional"):
            return
        query = select(INSTANCE).where(INSTANCE.c.parent_id == case.id, INSTANCE.c.body_of.is_not(None), INSTANCE.c.status == "active")
        for row in connection.execute(query.order_by(INSTANCE.c.id).with_for_update()).all():
            child = case.family.get(row.id)
            if child is None:
                child = self._store.attach(connection, row, case.author)
                child.join(case.family)
            child.outer, child.inputs = {**(case.outer or {}), **case.variables}, None
            seen = _conditions_seen(child)
            happenings = run_door(child, EngineHost(child, self._functions(connection, child)), list)
            if happenings or seen != _conditions_seen(child):  # a condition that turned false must be remembered too
                moved.add(child, happenings)
                case.aftermath.final = case.aftermath.final or not child.is_new
            self._look_inside(connection, child, moved)

    # starting

    def _start(self, connection: Connection, cases: Sequence[Case]) -> list[Outcome]:
        revived = [self._revive(connection, case, token) for case in cases for token, _ in case.reach.calls if token in case.reach.revived]
        wanted = [
            (case, token, case.version.graph.nodes[node]) for case in cases for token, node in case.reach.calls if token not in case.reach.revived
        ]
        for case in cases:
            case.reach.calls, case.reach.revived, case.reach.called = [], {}, ()
            if case.depth >= DEEPEST_CALL:
                raise Rejection("流程互相调用层数过多，可能是无休止的循环。", "Processes call each other too deeply; perhaps without end.", status=409)
        return [*revived, *self._new(connection, cases, wanted)]

    def _new(self, connection: Connection, cases: Sequence[Case], wanted: Sequence[tuple[Case, str, Node]]) -> list[Outcome]:
        if not wanted:
            return []
        versions, rows = [], []
        for case, token, node in wanted:
            version = case.version if node.type == "subProcess" else self._called(connection, case, token, node)
            versions.append(version)
            rows.append(self._row(connection, case, token, node, version))
        children = self._store.create(connection, rows, versions, cases[0].author)
        return [self._begin(connection, *one) for one in zip(children, wanted, strict=True)]

    def _begin(self, connection: Connection, child: Case, wanted: tuple[Case, str, Node]) -> Outcome:
        parent, token, node = wanted
        child.join(parent.family)
        child.is_new = True
        child.aftermath.started.append(child)
        child.depth = parent.depth + 1
        child.author = parent.author
        child.record("started", detail={"version": child.version.version, "caller": parent.id, "token": token})
        body = node.id if node.type == "subProcess" else None
        if body is not None and child.locals is not None and parent.locals is not None:
            child.outer = {**(parent.outer or {}), **parent.variables}
            child.locals.put(ROOT, Local(parent.locals.visible(parent.scopes(token))))
        host = EngineHost(child, self._functions(connection, child))
        with refusing():
            happenings = child.version.machine.start(host, sub_process=body, into=child.state)[1]
        return child, run_door(child, host, lambda: happenings)

    def _revive(self, connection: Connection, caller: Case, token: str) -> Outcome:
        """What a call had called, and was called off with it, goes on where it stood; its history and its rules of people with it."""
        memory = caller.reach.revived[token]
        child = self._store.relative(connection, caller, memory["id"])
        child.author, child.depth = caller.author, caller.depth + 1
        child.status, child.ended_at = "active", None
        caller.aftermath.final = True
        connection.execute(update(INSTANCE).where(INSTANCE.c.id == child.id).values(parent_token=token))
        child.parent_token = token
        child.record("revived", detail={"caller": caller.id, "token": token})
        kept: Mapping[str, Sequence[Any]] = memory["locals"]
        if child.locals is not None and ROOT in kept:
            child.locals.put(ROOT, Local(*kept[ROOT]))
        host, machine = EngineHost(child, self._functions(connection, child)), child.version.machine
        with refusing():
            happenings, ids = machine.revive(child.state, host, memory["state"])
        child.put_back(memory, ids, caller.reach.called)
        return child, run_door(child, host, lambda: happenings)

    def _row(self, connection: Connection, case: Case, token: str, node: Node, version: ProcessVersion) -> dict[str, Any]:
        row: dict[str, Any] = {
            "definition_id": version.id, "process_id": version.process_id, "business_key": None, "cycle": case.cycle, "number": case.number,
            "subject": case.subject, "subject_person": case.subject_person, "status": "active", "stage": None, "round": case.round,
            "revision": 0, "state": {}, "variables": {}, "history_sequence": 0, "history_hash": GENESIS, "started_at": case.now,
            "last_change_at": case.now, "parent_id": case.id, "parent_token": token, "body_of": case.root,
        }
        if node.type == "subProcess":
            return row
        there, functions = case.at(token), self._functions(connection, case)
        key = next((mapping.business_key for mapping in node.inputs if mapping.business_key is not None), None)
        business_key = feel(there, functions, key)
        row |= {
            "number": None, "round": 0, "body_of": None, "variables": dict(handed_in(node, case, token, functions)),
            "business_key": None if business_key is None else str(business_key),
        }
        called = Case({**row, "id": 0, "ended_at": None}, version, case.now, case.author)
        for column in ("subject", "subject_person"):
            setting = version.graph.properties.get(column)
            row[column] = row[column] if setting is None else feel(called, self._functions(connection, called), setting)
        return row

    def _called(self, connection: Connection, case: Case, token: str, node: Node) -> ProcessVersion:
        """The version a call activity runs: the latest, the one deployed with the caller, or a given one."""
        there, functions = case.at(token), self._functions(connection, case)
        process_id = str(feel(there, functions, node.attributes.get("calledElement")) or "")
        binding = node.attributes.get("calledElementBinding", "latest")
        wanted = feel(there, functions, node.attributes.get("calledElementVersion" if binding == "version" else "calledElementVersionTag"))
        found = self._definitions.bound(connection, process_id, binding, wanted, case.version.id)
        if found is None:
            name = node.name or node.id
            raise Rejection(
                f"“{name}”调用的流程“{process_id}”尚未发布，或没有所要求的版本。请先发布该流程。",
                f"The process {process_id} that {name} calls is not deployed, or lacks the version asked for. Deploy it first.", status=409,
            )
        return found

    # ending

    def _stop(self, connection: Connection, case: Case, tokens: Sequence[str], moved: _Moved) -> None:
        """The calls were cancelled: so is everything they started."""
        query = select(INSTANCE).where(INSTANCE.c.parent_id == case.id, INSTANCE.c.parent_token.in_(tokens), INSTANCE.c.status.in_(LIVE))
        for row in connection.execute(query.order_by(INSTANCE.c.id).with_for_update()).all():
            child = case.family.get(row.id)
            if child is None:
                child = self._store.attach(connection, row, case.author)
                child.join(case.family)
            if child.status in LIVE:
                case.aftermath.final = case.aftermath.final or not child.is_new
                child.record("called_off", detail={"caller": case.id})
                moved.add(child, child.version.machine.cancel_all(child.state))

    def _tell_caller(self, connection: Connection, child: Case, happenings: Sequence[Happening], moved: _Moved) -> None:
        """Its end completes the caller's token; an error or escalation that nothing caught goes on there."""
        news = [happening for happening in happenings if happening.kind == "ended" or (happening.kind == "escalation" and not happening.detail["caught"])]
        for happening in news:
            if happening.detail.get("cancelled") or child.parent_id is None:
                continue
            caller = self._store.relative(connection, child, child.parent_id)
            token = str(child.parent_token)
            child.aftermath.final = child.aftermath.final or not child.is_new
            if caller.status in LIVE and caller.is_open(token):
                moved.add(caller, self._carry(connection, caller, token, child, happening))

    def _carry(self, connection: Connection, caller: Case, token: str, child: Case, happening: Happening) -> list[Happening]:
        host = EngineHost(caller, self._functions(connection, caller), {token: child})
        machine, code = caller.version.machine, happening.detail.get("error", happening.detail.get("code"))
        if happening.kind == "ended":
            self._hand_over(caller, token, child)
        if happening.kind == "escalation" or "error" in happening.detail:
            kind = "escalation" if happening.kind == "escalation" else "error"
            caller.record(f"{kind}_from_call", node=self._node(caller, token), token=token, detail={"code": code, "called": child.id})
            return run_door(caller, host, lambda: machine.throw(caller.state, token, kind, code, host, happening.detail.get("message")))
        caller.record("activity_completed", node=self._node(caller, token), token=token, detail={"called": child.id})
        return run_door(caller, host, lambda: machine.complete(caller.state, token, host))

    @staticmethod
    def _node(case: Case, token: str) -> str:
        return str(case.state["t"][token.partition("#")[0]][0])

    @staticmethod
    def _hand_over(caller: Case, token: str, child: Case) -> None:
        """What a sub-process instance wrote becomes visible around it when it ends; the last one to end wins, entry by entry."""
        if child.body_of is not None:
            scope = str(caller.state["t"][token.partition("#")[0]][1])
            there = caller.at(scope).feel()
            caller.set({name: merged(child.bases.get(name), value, there.get(name)) for name, value in child.variables.items()}, scope)
            caller.stage = child.stage or caller.stage


def _conditions_seen(case: Case) -> list[Any]:
    """What the conditions that a case listens to gave when they were last looked at."""
    return [entry[2] for entry in case.state.get("w", {}).values() if len(entry) > 2]


class _Moved:
    """Cases that moved, each once, with all that happened to it."""

    def __init__(self) -> None:
        self._by_id: dict[int, Outcome] = {}

    def add(self, case: Case, happenings: Sequence[Happening]) -> None:
        self._by_id.setdefault(case.id, (case, []))[1].extend(happenings)

    @property
    def outcomes(self) -> list[Outcome]:
        return list(self._by_id.values())
