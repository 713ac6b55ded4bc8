"""The one modification of a marking: its plan, a rehearsal on a copy, and performing it with a safety check and one fact. Knows no people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import copy, deepcopy
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy import Connection

from workflows.calls import Outcome
from workflows.case import Aftermath, Case, Reach
from workflows.causal_past import CausalPast, Completion
from workflows.errors import Conflict, Rejection
from workflows.feel.values import to_json
from workflows.history import Chain
from workflows.host import EngineHost, Functions
from workflows.machine import ROOT, Happening, Machine
from workflows.running import run_door
from workflows.variables import LocalScopes
from workflows.verification import Verdict, explore
from workflows.verification.canonical import doubled

State = dict[str, Any]
Arrival = tuple[str, str, tuple[str, ...]]  # flow, scope, cause
Started = tuple[str, str | None, tuple[str, ...] | None]  # node, scope, cause; None: as the machine finds it
ABOUT = 2_000  # markings looked at while a person waits for the answer


@dataclass(frozen=True, slots=True)
class Plan:
    """What a modification takes away and puts in its place.

    `firings`: joins whose firing is taken back; `undone`: completions that no longer count.
    """

    cancel: tuple[str, ...] = ()
    start: tuple[Started, ...] = ()
    redeposit: tuple[Arrival, ...] = ()
    discard: tuple[Arrival, ...] = ()
    firings: tuple[str, ...] = ()
    undone: tuple[Completion, ...] = ()

    def facts(self) -> dict[str, Any]:
        """The plan as the audit row keeps it."""
        kept: dict[str, Any] = {
            "cancel": list(self.cancel), "start": [node for node, _, _ in self.start],
            "places": [[scope, None if cause is None else list(cause)] for _, scope, cause in self.start],
            "redeposit": [[flow, scope, list(cause)] for flow, scope, cause in self.redeposit],
            "discard": [[flow, scope, list(cause)] for flow, scope, cause in self.discard], "firings_undone": list(self.firings),
            "undone": [done.token for done in self.undone],
        }
        return {key: value for key, value in kept.items() if value or key in ("cancel", "start")}


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What a plan would do: activities by (token, node), events by node, and what the marking could then come to."""

    cancelled: tuple[tuple[str, str], ...]
    opened: tuple[tuple[str, str], ...]
    waits_closed: tuple[str, ...]
    waits_opened: tuple[str, ...]
    resting: tuple[Arrival, ...]
    verdict: Verdict
    refused: Rejection | None
    case: Case = field(repr=False)


class Commands(Protocol):
    """What a modification needs of the engine."""

    def functions(self, connection: Connection, case: Case) -> Functions:
        """The host functions of a case."""

    def settle(self, connection: Connection, outcomes: Sequence[Outcome]) -> None:
        """Everything that follows from what happened."""


# planning


def scope_of(machine: Machine, state: State, past: CausalPast, static: str, of: Iterable[str]) -> str | None:
    """The live scope instance of a process or sub-process (its id) around tokens with this past; None when it is over."""
    if static == str(state.get("r", machine.plan.graph.id)):
        return ROOT
    around = set(of)
    for token, entry in state["t"].items():
        if entry[0] == static and token in around and machine.plan.is_scope(machine.plan.nodes[static]):
            return str(token)
    return None


def going_back(machine: Machine, state: State, past: CausalPast, to: Completion, *, whole: bool = False) -> Plan:
    """Return to a completion: cancel all that descends from it, start it anew, and let the arrivals of others wait again at joins.

    `whole`: `to` is a sub-process or call that is started again as a whole. Raises Conflict when its scope is over.
    """
    descending = past.descendants(to.token, 0 if whole else to.newest)
    led = past.ancestors([to.token])
    node = machine.plan.nodes[to.node]
    scope = scope_of(machine, state, past, node.scope, led)
    if scope is None:
        outer = machine.plan.nodes[node.scope]
        name = outer.name or outer.id
        raise Conflict(f"该环节在已结束的子流程“{name}”内，不能退回到其中；可退回到“{name}”的开始。",
                       f"It lies inside the sub-process {name}, which is over; go back to the start of {name} instead.")
    live: dict[str, list[Any]] = state["t"]
    gone = {token for token in live if token in descending}
    top = tuple(token for token in live if token in gone and str(live[token][1]) not in gone)
    discard = tuple(
        (flow, place, cause) for flow, place, cause in machine.arrivals(state)
        if place not in gone and past.follows(cause, to.token, descending)
    )
    firings = tuple(firing for firing in past.firings if firing in descending)
    cause = tuple(sorted(past.causes.get(to.token, ()), key=_number))
    return Plan(
        top, ((to.node, scope, cause),), tuple(_deposits(machine, state, past, to, descending, gone, firings)), discard, firings,
        tuple(done for done in past.completions.values() if done.token == to.token or done.token in descending),
    )


def _deposits(
    machine: Machine, state: State, past: CausalPast, to: Completion, descending: set[str], gone: set[str], firings: Sequence[str]
) -> Iterable[Arrival]:
    """The arrivals that joins consumed since and that do not come from `to`."""
    for firing in firings:
        node, arrivals = past.firings[firing]
        join = machine.plan.nodes.get(node)
        if join is None:
            continue
        scope = scope_of(machine, state, past, join.scope, past.ancestors([firing]))
        if scope is None or scope in gone:
            continue
        for flow, causes in arrivals.items():
            if not past.follows(causes, to.token, descending):
                yield flow, scope, causes


def _number(token: str) -> tuple[int, str]:
    digits = token.partition("#")[0]
    return (int(digits), token) if digits.isdigit() else (0, token)


def instead(tokens: Sequence[str], start: Sequence[Started]) -> Plan:
    """Cancel tokens and start activities in their place, wherever these stand."""
    return Plan(tuple(tokens), tuple(start))


# rehearsing and performing


def rehearse(commands: Commands, connection: Connection, case: Case, plan: Plan, patch: Mapping[str, Any] | None = None) -> Rehearsal:
    """What the plan would do, on a copy of the case; nothing is written."""
    trial = _copied(connection, case)
    trial.set(patch or {})
    before = deepcopy(case.state)
    try:
        happenings = _modify(commands, connection, trial, plan)
    except Rejection as refused:
        return Rehearsal((), (), (), (), (), Verdict(False, 0), refused, trial)
    refused_after, verdict = _unsafe(case.version.machine, before, trial.state, plan, happenings)
    closed = {one.wait for one in happenings if one.kind == "unwait"}
    opened = {one.wait for one in happenings if one.kind == "wait"}
    return Rehearsal(
        tuple((str(one.token), str(one.node)) for one in happenings if one.kind == "cancelled"),
        tuple((str(one.token), str(one.node)) for one in happenings if one.kind in ("opened", "call")),
        tuple(str(one.node) for one in happenings if one.kind == "unwait" and one.wait not in opened),
        tuple(str(one.node) for one in happenings if one.kind == "wait" and one.wait not in closed),
        tuple(case.version.machine.arrivals(trial.state)), verdict, refused_after, trial,
    )


def _copied(connection: Connection, case: Case) -> Case:
    trial = copy(case)
    trial.state, trial.variables, trial.inputs = deepcopy(case.state), deepcopy(case.variables), None
    trial.chain = Chain(case.id, case.version.id, case.chain.sequence, case.chain.head)
    trial.waits, trial.unwaits, trial.dropped_waits, trial.outbox = [], [], [], []
    trial.reach, trial.aftermath, trial.family = Reach(), Aftermath(), {case.id: trial}
    trial.locals = None if case.locals is None else LocalScopes(connection, case.id)
    return trial


def _modify(commands: Commands, connection: Connection, case: Case, plan: Plan) -> list[Happening]:
    host = EngineHost(case, commands.functions(connection, case))
    start: list[Any] = [(node, scope) if cause is None else (node, scope, cause) for node, scope, cause in plan.start]
    return run_door(case, host, lambda: case.version.machine.modify(
        case.state, host, cancel=plan.cancel, start=start, redeposit=plan.redeposit, discard=plan.discard,
    ))


def perform(
    commands: Commands, connection: Connection, case: Case, plan: Plan, *, kind: str, detail: Mapping[str, Any],
    patch: Mapping[str, Any] | None = None, safely: bool = True,
) -> list[Happening]:
    """Modify the marking, leave one fact, settle. With `safely`, a result that could not come to a proper end is refused.

    `patch` are variables that change with it. Raises Conflict or Rejection; the caller's transaction is then rolled back.
    """
    changes = case.set(to_json(patch)) if patch else {}
    case.record(kind, detail={**detail, **plan.facts(), **({"changes": changes} if changes else {})})
    if plan.start and case.status == "completed":
        case.status, case.ended_at = "active", None
    before = deepcopy(case.state) if safely else {}
    happenings = _modify(commands, connection, case, plan)
    if safely:
        refused, _ = _unsafe(case.version.machine, before, case.state, plan, happenings)
        if refused is not None:
            raise refused
    commands.settle(connection, [(case, happenings)])
    return happenings


def reinstate(
    commands: Commands, connection: Connection, case: Case, token: str, patch: Mapping[str, Any], detail: Mapping[str, Any], record: Mapping[str, Any]
) -> dict[str, str]:
    """Complete a step and put back what the modification `record` took away; returns old token → new token.

    `record`: state (the marking before it), cancel, discard, redeposit and firings_undone of its plan, `target`, the token of
    the completion that was gone back to, `locals` (local variables by scope) and `called` (every case called off: id, parent, token, state, locals).
    """
    node = case.version.graph.nodes[str(case.state["t"][token][0])]
    changes = case.set(patch, token)
    case.record("activity_completed", node=node.id, token=token, detail={
        **detail, "changes": changes, "newest": case.state["n"], "instead_of": record["target"], "firings_again": list(record.get("firings_undone", ())),
    })
    host = EngineHost(case, commands.functions(connection, case))
    machine, ids = case.version.machine, dict[str, str]()

    def door() -> list[Happening]:
        happenings, found = machine.reinstate(
            case.state, host, token, record["state"], record["cancel"], _arrivals(record.get("discard")), _arrivals(record.get("redeposit")),
        )
        ids.update(found)
        return happenings

    happenings = run_door(case, host, door)
    case.put_back(record, ids, record.get("called", ()))
    commands.settle(connection, [(case, happenings)])
    return ids


def _arrivals(kept: Sequence[Sequence[Any]] | None) -> list[Arrival]:
    return [(flow, scope, tuple(cause)) for flow, scope, cause in kept or ()]


# the safety check


def _unsafe(
    machine: Machine, before: State, after: State, plan: Plan, happenings: Sequence[Happening]
) -> tuple[Rejection | None, Verdict]:
    """marking′ = marking − cancelled + started + re-deposited; at most one token per place and scope; an end stays reachable."""
    lost = _lost(before, after, plan, happenings)
    if lost:
        names = _names(machine, lost)
        return Conflict(f"这样修改会使无关的环节消失：{names}。", f"The change would take away steps that have nothing to do with it: {names}."), Verdict(False, 0)
    verdict = explore(machine, after, ABOUT)
    wrong = verdict.problems
    if not wrong:
        return None, verdict
    known = explore(machine, before, ABOUT).problems | {("double", place) for place, _ in doubled(before)}
    new = sorted(wrong - known)
    if not new:
        return None, verdict
    return _said(machine, new), verdict


def _lost(before: State, after: State, plan: Plan, happenings: Sequence[Happening]) -> list[str]:
    """Nodes of tokens that are gone although the plan does not name them, nor a scope around them, nor all that was inside them."""
    tokens: dict[str, list[Any]] = before["t"]
    named = {token.partition("#")[0] for token in plan.cancel}
    emptied = {str(tokens[token][1]) for token in named if token in tokens}
    cancelled = {str(one.token).partition("#")[0] for one in happenings if one.kind == "cancelled"}

    def meant(token: str) -> bool:
        while token in tokens:
            if token in named:
                return True
            token = str(tokens[token][1])
        return False

    return [str(tokens[token][0]) for token in tokens if token in cancelled and token not in after["t"] and not meant(token) and token not in emptied]


def _said(machine: Machine, problems: Sequence[tuple[str, str]]) -> Rejection:
    kind = problems[0][0]
    names = _names(machine, [element for one, element in problems if one == kind])
    zh, en = {
        "deadlock": (f"这样修改后，事项会停在汇合处“{names}”，永远等不齐。", f"After the change the case would wait for ever at the join {names}."),
        "double": (f"这样修改后，“{names}”会同时有两份，流程会重复办理。", f"After the change {names} would be there twice at the same time."),
        "stuck": (f"这样修改后，从“{names}”出发到不了流程的结束。", f"After the change no end could be reached from {names}."),
    }[kind]
    return Conflict(zh, en)


def _names(machine: Machine, elements: Iterable[str]) -> str:
    found = []
    for element in dict.fromkeys(elements):
        flow = machine.plan.flows.get(element)
        node = machine.plan.nodes.get(flow.target if flow is not None else element)
        found.append((node.name or node.id) if node is not None else element)
    return "、".join(dict.fromkeys(found))
