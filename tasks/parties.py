"""Which organisations take part in a case, and under which numbers it is found (`parties`, `items` of the process). Knows no seat."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from tasks.models import CaseItem, CaseParty
from workflows.case import Case
from workflows.engine import ProcessEngine
from workflows.feel.values import to_json
from workflows.host import Functions, feel


def write_parties(connection: Connection, started: Sequence[Case], engine: ProcessEngine) -> None:
    """Write down the organisations and numbers of cases that have just started."""
    parties: list[dict[str, Any]] = []
    items: list[dict[str, Any]] = []
    for case in started:
        functions = engine.functions(connection, case)
        parties += _party_rows(connection, case, functions)
        if case.body_of is not None:
            continue  # a part of a case: its items are the case's own
        listed = to_json(feel(case, functions, case.version.graph.properties.get("items"))) or []
        items += [{"instance_id": case.id, "kind": item["kind"], "value": str(item["value"])} for item in listed if item.get("value")]
    if parties:
        connection.execute(insert(CaseParty), parties)
    if items:
        connection.execute(insert(CaseItem), items)


def refresh_parties(connection: Connection, case: Case, functions: Functions) -> None:
    """After facts changed: the organisations that see the case now."""
    rows = _party_rows(connection, case, functions)
    current = {(row.kind, row.organisation_code) for row in connection.execute(
        select(CaseParty.kind, CaseParty.organisation_code).where(CaseParty.instance_id == case.id)
    )}
    if current != {(row["kind"], row["organisation_code"]) for row in rows}:
        connection.execute(delete(CaseParty).where(CaseParty.instance_id == case.id))
        connection.execute(insert(CaseParty), rows)


def _party_rows(connection: Connection, case: Case, functions: Functions) -> list[dict[str, Any]]:
    """One row for each organisation that the process's `parties` setting names; a called process without one has its caller's."""
    if case.parent_id is not None and "parties" not in case.version.graph.properties:
        parties = select(CaseParty.kind, CaseParty.organisation_code).where(CaseParty.instance_id == case.parent_id)
        return [{"instance_id": case.id, **row._mapping} for row in connection.execute(parties)]
    value = feel(case, functions, case.version.graph.properties.get("parties"))
    return [
        {"instance_id": case.id, "kind": kind, "organisation_code": str(code)}
        for kind, code in (value or {}).items() if code is not None
    ]
