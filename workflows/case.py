"""A case loaded for one command: its marking, variables and what the command adds to it. Knows no people and no database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from workflows.definitions import ProcessVersion
from workflows.history import Author, Chain
from workflows.machine import ROOT, mapped
from workflows.variables import Local, LocalScopes


@dataclass(slots=True)
class Reach:
    """What a command asks for beyond the rows of its case: calls, jobs and signals; done when the case is settled."""

    calls: list[tuple[str, str]] = field(default_factory=list)  # (token, node id) of what needs a row of its own
    left_calls: list[str] = field(default_factory=list)  # tokens of calls that were cancelled
    work: list[tuple[str, str]] = field(default_factory=list)  # (token, node id) of service and send tasks
    left_work: list[str] = field(default_factory=list)
    signals: list[tuple[str, Any, tuple[str, ...]]] = field(default_factory=list)  # name, payload, waits of this case that listen
    revived: dict[str, Mapping[str, Any]] = field(default_factory=dict)  # token of a call → what it had called, to go on instead of a new case
    called: Sequence[Mapping[str, Any]] = ()  # all that was called off with them, at every depth
    put_back: Mapping[str, str] = field(default_factory=dict)  # old token → new one, of a case that goes on

    @property
    def empty(self) -> bool:
        return not (self.calls or self.left_calls or self.work or self.left_work or self.signals)


@dataclass(slots=True)
class Aftermath:
    """What a command did beyond the rows of the case it began with, as an undo needs it; shared by all cases of the command."""

    hold_until: datetime | None = None  # until then a person may take his decision back: what goes out waits as long
    jobs: list[int] = field(default_factory=list)  # held jobs it wrote
    called_off: list[dict[str, Any]] = field(default_factory=list)  # job rows it deleted
    resolved: list[int] = field(default_factory=list)  # incidents of those jobs
    started: list[Case] = field(default_factory=list)  # called processes and sub-process instances, callers before called ones
    final: bool = False  # it did what nothing takes back
    votes: list[dict[str, Any]] = field(default_factory=list)  # what votes and rules did to seats, in order
    by_rule: int = 0  # how many activities rules decided in it without a person


class Case:
    """What a command reads and changes of one case; `workflows.case_store` loads and saves it."""

    __slots__ = (
        "id", "version", "cycle", "number", "subject", "subject_person", "status", "stage", "round", "revision", "state", "variables",
        "started_at", "ended_at", "chain", "waits", "unwaits", "dropped_waits", "outbox", "now", "author", "inputs", "facts_changed",
        "parent_id", "parent_token", "body_of", "locals", "outer", "family", "reach", "aftermath", "is_new", "depth", "written", "bases", "alarmed",
    )

    def __init__(self, row: Row[Any] | Mapping[str, Any], version: ProcessVersion, now: datetime, author: Author) -> None:
        values = row if isinstance(row, Mapping) else row._mapping
        self.id: int = values["id"]
        self.version = version
        self.cycle: str | None = values["cycle"]
        self.number: str | None = values["number"]
        self.subject: str | None = values["subject"]
        self.subject_person: int | None = values["subject_person"]
        self.status: str = values["status"]
        self.stage: str | None = values["stage"]
        self.round: int = values["round"]
        self.revision: int = values["revision"]
        self.state: dict[str, Any] = values["state"]
        self.variables: dict[str, Any] = values["variables"]
        self.started_at: datetime = values["started_at"]
        self.ended_at: datetime | None = values["ended_at"]
        self.parent_id: int | None = values["parent_id"]
        self.parent_token: str | None = values["parent_token"]
        self.body_of: int | None = values["body_of"]
        self.alarmed: bool = values.get("alarmed", True)  # whether alarms may stand; False only where its row said that none do
        self.chain = Chain(self.id, version.id, values["history_sequence"], bytes(values["history_hash"]))
        self.waits: list[dict[str, Any]] = []
        self.unwaits: list[str] = []
        self.dropped_waits: list[dict[str, Any]] = []
        self.outbox: list[dict[str, Any]] = []
        self.now = now
        self.author = author
        self.inputs: dict[str, Any] | None = None
        self.facts_changed = False  # the context `case` was written: jurisdiction may have moved
        self.locals: LocalScopes | None = None  # None: no activity of the process has variables of its own
        self.outer: Mapping[str, Any] | None = None  # what a sub-process instance sees around it
        self.family: dict[int, Case] = {self.id: self}  # cases of one call tree that this command has loaded
        self.reach = Reach()
        self.aftermath = Aftermath()
        self.is_new = False  # True: the command at hand has started it for its caller
        self.depth = 0
        self.written = False  # variables changed since conditions inside its sub-process instances were looked at

        self.bases: dict[str, Any] = {}  # of a sub-process instance that ended: contexts as they were when it first wrote them

    @property
    def root(self) -> int:
        """The case a sub-process instance is a part of; else the case itself. Four-eyes rules hold across its parts."""
        return self.id if self.body_of is None else self.body_of

    def join(self, family: dict[int, Case]) -> None:
        """Be known to the other loaded cases of the call tree, so that nobody works on a second copy."""
        self.aftermath = next(iter(family.values())).aftermath
        family[self.id] = self
        self.family = family

    @property
    def undoable(self) -> bool:
        """Whether what the command did can be taken back."""
        return not self.aftermath.final

    # variables

    def feel(self) -> dict[str, Any]:
        """The variables an expression sees: the document and `process_instance` ("instance" is a FEEL keyword)."""
        if self.inputs is None:
            self.inputs = {
                **(self.outer or {}),
                **self.variables,
                "process_instance": {
                    "id": self.root, "number": self.number, "round": self.round, "cycle": self.cycle, "stage": self.stage,
                    "started_at": {"$datetime": self.started_at.isoformat()},
                },
            }
            if self.body_of is not None and self.locals is not None:
                self.inputs.update(self.locals.visible((ROOT,)))
        return self.inputs

    def scopes(self, token: str) -> list[str]:
        """The scope chain of a token or scope, inner first, ending with the whole row."""
        chain: list[str] = []
        while token != ROOT:
            chain.append(token)
            activity = token.partition("#")[0]
            if activity not in self.state.get("t", {}):
                break
            if activity != token:
                chain.append(activity)
            token = str(self.state["t"][activity][1])
        return [*chain, ROOT]

    def at(self, token: str) -> Case:
        """The case as expressions of this token's activity see it: local variables before outer ones. For reading only."""
        if self.locals is None:
            return self
        local = self.locals.visible(self.scopes(token))
        if not local:
            return self
        view = copy(self)
        view.inputs = {**self.feel(), **local}
        return view

    def set(self, patch: Mapping[str, Any], token: str | None = None) -> dict[str, list[Any]]:
        """Write variables; returns what changed as name → [before, after].

        A name goes to the innermost scope around `token` that has it, else to the case's document.
        """
        patch, changes = self._set_local(patch, token)
        changed = {
            name: [self.variables.get(name), value]
            for name, value in patch.items()
            if name not in self.variables or self.variables[name] != value
        }
        if changed:
            self._keep_bases(changed)
            self.variables.update(patch)
            self.facts_changed = self.facts_changed or "case" in changed
        if changed or changes:
            self.inputs = None
            self.written = True
        return {**changes, **changed}

    def _keep_bases(self, names: Iterable[str]) -> None:
        """Before a sub-process instance first writes a context from around it: what that was, to hand over only what changed."""
        if self.body_of is None or self.locals is None or self.outer is None:
            return
        new = {name: self.outer[name] for name in names if name not in self.variables and isinstance(self.outer.get(name), dict)}
        own = self.locals.get(ROOT)
        if new and own is not None:
            self.locals.put(ROOT, own._replace(result={**(own.result or {}), **new}))

    def _set_local(self, patch: Mapping[str, Any], token: str | None) -> tuple[Mapping[str, Any], dict[str, list[Any]]]:
        if self.locals is None or (token is None and self.body_of is None):
            return patch, {}
        chain = self.scopes(token or ROOT)
        rest: dict[str, Any] = {}
        changes: dict[str, list[Any]] = {}
        for name, value in patch.items():
            home = self.locals.home(name, chain)
            if home is None:
                rest[name] = value
            else:
                changes[name] = [home[name], value]
                home[name] = value
        return rest, changes

    def undo_facts(self) -> dict[str, Any]:
        """What an undo needs beside the state and the document: dropped waits, local variables as they were, jobs and called cases."""
        done = self.aftermath
        found: dict[str, Any] = {
            "votes": done.votes, "dropped_waits": self.dropped_waits, "jobs": done.jobs, "called_off": done.called_off, "resolved": done.resolved,
            "sequence": self.chain.sequence, "started": [[case.id, case.chain.sequence] for case in done.started],
        }
        if self.locals is not None:
            found["locals"] = self.locals.memory()
        return found

    def put_back(self, before: Mapping[str, Any], ids: Mapping[str, str], called: Sequence[Mapping[str, Any]]) -> None:
        """After tokens of `before` (`state`, `locals`) came back under new ids: their local variables are as they were, what they had called
        goes on, and what had itself been returned to still goes straight on.
        """
        self.reach.put_back = ids
        straight = {ids[one]: record for one, record in before["state"].get("s", {}).items() if one in ids}
        if straight:
            self.state["s"] = {**self.state.get("s", {}), **straight}
        for scope, local in before.get("locals", {}).items():
            if self.locals is not None and scope.partition("#")[0] in ids:
                self.locals.put(mapped(scope, ids), Local(*local))
        mine = [one for one in called if one["parent"] == self.id and str(one["token"]).partition("#")[0] in ids]
        self.reach.revived, self.reach.called = {mapped(str(one["token"]), ids): one for one in mine}, called
        self.inputs = None

    def is_open(self, token: str) -> bool:
        """Whether a token, or one instance such as "12#3", is live."""
        activity, _, index = token.partition("#")
        if activity not in self.state["t"]:
            return False
        counters = self.state.get("m", {}).get(activity)
        return not index or bool(counters and int(counters[2], 16) >> int(index) & 1)

    def record(
        self, kind: str, *, node: str | None = None, token: str | None = None, detail: Mapping[str, Any] | None = None,
        author: Author | None = None,
    ) -> None:
        """Add a fact to the case's history."""
        self.chain.append(kind, self.now, self.round, author or self.author, node=node, token=token, detail=detail)
