"""Rows about cases that exist already: finds those cases and adds what they lack. It starts nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from tasks.derived import derive
from tasks.models import CaseItem
from tasks.roster.facts import additions
from workflows.case import Case
from workflows.engine import ProcessEngine
from workflows.feel.values import to_json
from workflows.history import Author
from workflows.host import feel
from workflows.models import ProcessInstance

CASE = ProcessInstance.__table__


def known_cases(connection: Connection, process_id: str, cycle: str, persons: Sequence[int]) -> dict[int, Any]:
    """Person id → his case of this process and cycle, for those who have one (void cases do not count)."""
    if not persons:
        return {}
    query = select(CASE.c.id, CASE.c.subject_person, CASE.c.status, CASE.c.variables).where(
        CASE.c.subject_person.in_(list(persons)), CASE.c.process_id == process_id, CASE.c.cycle == cycle, CASE.c.status != "void"
    )
    return {int(row.subject_person): row for row in connection.execute(query.order_by(CASE.c.id))}


def merge(connection: Connection, engine: ProcessEngine, known: Any, facts: Mapping[str, Any], author: Author) -> tuple[bool, list[str]]:
    """Add to a running case what only the new facts have; lists are united, nothing is overwritten.

    Returns whether anything was added, and the names whose values differ. Nothing is written when nothing is added.
    """
    added, differing = additions(_facts(known.variables), facts)
    if not added or known.status != "active":
        return False, differing
    case = engine.load(connection, known.id, author)
    before = _facts(case.variables)
    added, differing = additions(before, facts)
    case.set({"case": {**before, **added}})
    case.record("roster_merged", detail={"added": {name: [before.get(name), value] for name, value in added.items()}})
    _write_items(connection, engine, case)
    derive(case, engine.functions(connection, case))
    for refresh in engine.after_events:  # who sees the case now, and who may act on it until when
        refresh(connection, case)
    return True, differing


def _facts(variables: Any) -> dict[str, Any]:
    return dict((variables or {}).get("case") or {})


def _write_items(connection: Connection, engine: ProcessEngine, case: Case) -> None:
    """The child rows anew, by the process's own `items` setting."""
    listed = to_json(feel(case, engine.functions(connection, case), case.version.graph.properties.get("items"))) or []
    rows = sorted({(item["kind"], str(item["value"])) for item in listed if item.get("value")})
    connection.execute(delete(CaseItem).where(CaseItem.instance_id == case.id))
    if rows:
        connection.execute(insert(CaseItem), [{"instance_id": case.id, "kind": kind, "value": value} for kind, value in rows])
