"""Decisions that follow from a case's facts: worked out anew when facts change outside of the flow (`derived` of the process)."""

from __future__ import annotations

from workflows.case import Case
from workflows.errors import CalendarMissing, Rejection
from workflows.feel.values import to_json
from workflows.graph import listed
from workflows.host import Functions, decide


def derive(case: Case, functions: Functions) -> bool:
    """Ask the decisions named by the process's `derived` setting again; returns whether a result changed.

    Only results the case already has: what the flow has not asked yet it will ask with the new facts. A decision that
    cannot decide leaves its last result.
    """
    patch = {}
    for name in listed(case.version.graph.properties.get("derived")):
        if name in case.variables:
            try:
                patch[name] = to_json(decide(case, functions, name)[0])
            except CalendarMissing:
                raise
            except Rejection:
                continue
    changes = case.set(patch) if patch else {}
    if changes:
        case.record("derived", detail={"changes": changes})
    return bool(changes)
