"""What a return takes away, as 直达 puts it back: the marking, the local variables, the seats, and all that was called from there. Reads only."""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy import Connection, select

from tasks.returning.consequences import called_by, inside_of
from tasks.returning.targets import Target
from tasks.seats import SEAT
from workflows.case import Case
from workflows.engine import ProcessEngine
from workflows.machine import ROOT
from workflows.modifying import Plan

COLUMNS = (
    "token", "status", "kind", "counts", "owner_id", "claimed_as", "participant", "position", "completed_by", "on_behalf_of", "outcome", "answer",
    "blocking",
)


def memory(engine: ProcessEngine, connection: Connection, case: Case, plan: Plan, target: Target) -> dict[str, Any]:
    """The record of a return, as `workflows.modifying.reinstate` reads it; a JSON value."""
    kept, inside = plan.facts(), inside_of(case, plan.cancel)
    found = {
        **_remembered(connection, case, inside), "cancel": kept["cancel"], "discard": kept.get("discard", []), "redeposit": kept.get("redeposit", []),
        "firings_undone": kept.get("firings_undone", []), "target": target.done.token, "sequence": case.chain.sequence, "called": [],
    }
    for row in called_by(connection, case.id, inside):
        child = engine.attach(connection, row, case.author)
        place = {"id": row.id, "parent": row.parent_id, "token": row.parent_token, "body": row.body_of is not None}
        found["called"].append({**place, **_remembered(connection, child, set(child.state["t"]))})
    return found


def _remembered(connection: Connection, case: Case, inside: set[str]) -> dict[str, Any]:
    """The marking of a case, the local variables of these tokens and the seats on them."""
    seats = connection.execute(select(SEAT).where(SEAT.c.instance_id == case.id, SEAT.c.status != "cancelled").order_by(SEAT.c.id)).all()
    local = {} if case.locals is None else case.locals.everything()
    return {
        "state": orjson.loads(orjson.dumps(case.state)),  # later changes of the marking do not reach it
        "locals": {scope: one for scope, one in local.items() if scope == ROOT or scope.partition("#")[0] in inside},
        "seats": [{name: seat._mapping[name] for name in COLUMNS} for seat in seats if str(seat.token).partition("#")[0] in inside],
    }
