"""The host functions expressions may call: roles, organisations, calendars, earlier texts. Read-only, injected into the engine by app.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection

from tasks.people import People
from tasks.texts import seen_before
from workflows.business_calendar import BusinessCalendar
from workflows.case import Case


def host_functions(calendar: BusinessCalendar, people: People) -> Callable[[Connection, Case], dict[str, Callable[..., Any]]]:
    """The function that gives each case its host functions."""

    def role(role: Any, organisation: Any) -> str | None:
        return f"{role}@{organisation}" if role and organisation else None

    def person(identifier: Any) -> str | None:
        return None if identifier is None else f"person:{int(identifier)}"

    def functions(connection: Connection, case: Case) -> dict[str, Callable[..., Any]]:
        def org(code: Any) -> dict[str, Any] | None:
            found = people.organisation(connection, code) if isinstance(code, str) else None
            return found.as_context() if found else None

        return {
            **calendar.functions(connection, case.cycle), "role": role, "person": person, "org": org,
            "seen_before": seen_before(connection, case),
        }

    return functions
