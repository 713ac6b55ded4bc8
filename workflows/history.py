"""The audit trail: facts about a case, append-only and hash-chained. It knows no people beyond their numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import Connection, Row, RowMapping, bindparam, insert, select, union_all

from workflows.models import HistoryRow, ProcessInstance, table_of

GENESIS = b"\x00" * 32
INSERT_ROWS = insert(HistoryRow)
MOST_AT_ONCE = 8  # rows that are written as a part of another statement
_TABLE = table_of(HistoryRow)
_CHAINED = (
    "instance_id", "sequence", "at", "kind", "node_id", "token", "person", "on_behalf_of", "role", "organisation", "channel",
    "definition_id", "round", "detail",
)


@dataclass(frozen=True, slots=True)
class Author:
    """Who stands behind a fact; all empty means the system acted by a rule."""

    person: int | None = None
    on_behalf_of: int | None = None
    role: str | None = None
    organisation: str | None = None
    channel: str = "system"


SYSTEM = Author()


def link(previous: bytes, row: Mapping[str, Any] | RowMapping) -> bytes:
    """The hash of a row chained to `previous`: SHA-256 over the previous hash and the row's canonical JSON."""
    values = [row[name].isoformat() if isinstance(row[name], datetime) else row[name] for name in _CHAINED]
    return hashlib.sha256(previous + orjson.dumps(values, option=orjson.OPT_SORT_KEYS)).digest()


class Chain:
    """Collects the facts of one case during one command and links them to what is already written."""

    def __init__(self, instance_id: int, definition_id: int, sequence: int, head: bytes) -> None:
        self.instance_id = instance_id
        self.definition_id = definition_id
        self.sequence = sequence
        self.head = head
        self.rows: list[dict[str, Any]] = []

    def append(
        self, kind: str, at: datetime, round_: int, author: Author, *, node: str | None = None, token: str | None = None,
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        """Add one fact; `detail` must be plain JSON."""
        self.sequence += 1
        row: dict[str, Any] = {
            "instance_id": self.instance_id, "sequence": self.sequence, "at": at, "kind": kind, "node_id": node, "token": token,
            "person": author.person, "on_behalf_of": author.on_behalf_of, "role": author.role,
            "organisation": author.organisation, "channel": author.channel, "definition_id": self.definition_id, "round": round_,
            "detail": dict(detail or {}),
        }
        self.head = row["hash"] = link(self.head, row)
        self.rows.append(row)

    def take(self) -> list[dict[str, Any]]:
        """The rows to write; the chain goes on behind them."""
        rows, self.rows = self.rows, []
        return rows


@lru_cache(maxsize=MOST_AT_ONCE)
def inserting(number: int) -> Any:
    """The insertion of so many rows as a part of another statement (see `workflows.store.in_one`); `bound` gives its values."""
    names = (*_CHAINED, "hash")
    rows = [select(*(bindparam(f"{name}_{row}", type_=_TABLE.c[name].type) for name in names)) for row in range(number)]
    return insert(HistoryRow).from_select(names, union_all(*rows))  # a list of VALUES would be compiled anew each time


def bound(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What `inserting` is bound to."""
    return {f"{name}_{number}": value for number, row in enumerate(rows) for name, value in row.items()}


def write(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Append rows of any number of cases in one statement."""
    if rows:
        connection.execute(INSERT_ROWS, rows)


def facts(connection: Connection, instance_id: int, kinds: Iterable[str] | None = None) -> Sequence[Row[Any]]:
    """The facts of a case, oldest first."""
    table = HistoryRow.__table__
    query = select(table).where(table.c.instance_id == instance_id).order_by(table.c.sequence)
    return connection.execute(query.where(table.c.kind.in_(list(kinds))) if kinds else query).all()


def verify(connection: Connection, instance_id: int | None = None) -> Iterator[tuple[int, int, str]]:
    """Walk the chains and yield (case, sequence, what is wrong) for every break; nothing means all is intact."""
    table, cases = HistoryRow.__table__, ProcessInstance.__table__
    query = select(table).order_by(table.c.instance_id, table.c.sequence).execution_options(yield_per=2000)
    if instance_id is not None:
        query = query.where(table.c.instance_id == instance_id)
    heads: dict[int, tuple[int, bytes]] = {}
    for row in connection.execute(query):
        sequence, head = heads.get(row.instance_id, (0, GENESIS))
        if row.sequence != sequence + 1:
            yield row.instance_id, row.sequence, f"row {sequence + 1} is missing"
        if link(head, row._mapping) != row.hash:
            yield row.instance_id, row.sequence, "the row was changed after it was written"
        heads[row.instance_id] = (row.sequence, row.hash)
    ends = select(cases.c.id, cases.c.history_sequence, cases.c.history_hash)
    for case in connection.execute(ends if instance_id is None else ends.where(cases.c.id == instance_id)):
        sequence, head = heads.get(case.id, (0, GENESIS))
        if (case.history_sequence, bytes(case.history_hash)) != (sequence, bytes(head)):
            yield case.id, case.history_sequence, "rows at the end are missing"
