"""One person registered at the counter: the same columns and checks as the cohort sheet, one case. Knows no HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from tasks.people import Actor
from tasks.roster.access import RosterAccess
from tasks.roster.checks import Asker, Checked, Problem, check_rows
from tasks.roster.columns import Roster
from tasks.roster.entry import RosterEntry
from tasks.roster.facts import plain_values
from tasks.roster.rows import StoredRow
from tasks.service import author_of
from workflows.errors import InvalidForm, Rejection


@dataclass(frozen=True, slots=True)
class Registered:
    """What became of one person at the counter; without `instance_id` nothing was written: the warnings must be accepted."""

    instance_id: int | None
    outcome: str  # done, merged, unchanged, or warned
    warnings: tuple[Problem, ...] = ()


class RosterCounter:
    """Single entry, for a student who stands at the counter and is on no list."""

    def __init__(self, access: RosterAccess, entry: RosterEntry) -> None:
        self._access = access
        self._entry = entry

    def register(
        self, connection: Connection, actor: Actor, process_id: str, typed: Mapping[str, str], *, accept_warnings: bool = False,
        cycle: str = "",
    ) -> Registered:
        """Register one person at the counter: the same columns, the same checks, one case.

        `typed`: column key → text. Raises InvalidForm with the reason at each field, Forbidden, or the case's own refusal.
        """
        roster, rule = self._access.permitted(connection, actor, process_id, counter=True)
        mapping = {column.key: position for position, column in enumerate(roster.columns)}
        row = StoredRow(1, [typed.get(column.key) for column in roster.columns])
        checked = check_rows(connection, roster, mapping, [row], Asker(rule, actor.organisation_code))
        self._refuse(roster, checked)
        if checked.warnings and not accept_warnings:
            return Registered(None, "warned", tuple(checked.warnings))
        entered = self._entry.enter(
            connection, author_of(actor.on("counter")), roster, self._access.cycle(roster, cycle),
            [{"row": 1, "values": plain_values(checked.good[0].values)}],
        )[0]
        if entered.status == "skipped" and entered.reason:
            raise Rejection(entered.reason["zh"], entered.reason["en"], status=409)
        return Registered(entered.instance_id, entered.status, tuple(checked.warnings))

    @staticmethod
    def _refuse(roster: Roster, checked: Checked) -> None:
        problems = [problem for found in checked.rejected.values() for problem in found if problem.severity == "error"]
        if not checked.rows:
            problems = [Problem(1, "", column.key, "error", "不能为空", "must not be empty") for column in roster.columns if column.required]
        if problems:
            raise InvalidForm({problem.column: {"zh": problem.zh, "en": problem.en} for problem in problems})
