"""A case loaded for one command: its marking, variables and the facts and messages the command adds. Knows no people."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from workflows.definitions import ProcessVersion
from workflows.history import Author, Chain


class Case:
    """What a command reads and changes of one case; `workflows.engine` loads and saves it."""

    __slots__ = (
        "id", "version", "cycle", "number", "subject", "subject_person", "status", "stage", "round", "revision", "state", "variables",
        "started_at", "ended_at", "chain", "waits", "unwaits", "dropped_waits", "outbox", "now", "author", "inputs", "facts_changed",
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
        self.chain = Chain(self.id, version.id, values["history_sequence"], bytes(values["history_hash"]))
        self.waits: list[dict[str, Any]] = []
        self.unwaits: list[str] = []
        self.dropped_waits: list[dict[str, Any]] = []
        self.outbox: list[dict[str, Any]] = []
        self.now = now
        self.author = author
        self.inputs: dict[str, Any] | None = None
        self.facts_changed = False  # the context `case` was written: jurisdiction may have moved

    def feel(self) -> dict[str, Any]:
        """The variables an expression sees: the document and `process_instance` ("instance" is a FEEL keyword)."""
        if self.inputs is None:
            self.inputs = {
                **self.variables,
                "process_instance": {
                    "id": self.id, "number": self.number, "round": self.round, "cycle": self.cycle, "stage": self.stage,
                    "started_at": {"$datetime": self.started_at.isoformat()},
                },
            }
        return self.inputs

    def set(self, patch: Mapping[str, Any]) -> dict[str, list[Any]]:
        """Write variables; returns what changed as name → [before, after]."""
        changes = {
            name: [self.variables.get(name), value]
            for name, value in patch.items()
            if name not in self.variables or self.variables[name] != value
        }
        if changes:
            self.variables.update(patch)
            self.inputs = None
            self.facts_changed = self.facts_changed or "case" in changes
        return changes

    def record(
        self, kind: str, *, node: str | None = None, token: str | None = None, detail: Mapping[str, Any] | None = None,
        author: Author | None = None,
    ) -> None:
        """Add a fact to the case's history."""
        self.chain.append(kind, self.now, self.round, author or self.author, node=node, token=token, detail=detail)
