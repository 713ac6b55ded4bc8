"""A cohort file imported in one go, as the command line does it: everything of the pages except the looking. Knows no terminal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from tasks.commands import Commands
from tasks.models import Person
from tasks.people import Actor, People
from tasks.roster.access import RosterAccess
from tasks.roster.rosters import Rosters
from workflows.errors import Forbidden, NotFound, Rejection
from workflows.store import Store

Report = Callable[[str], None]


class RosterFiles:
    """Imports files in this thread, chunk by chunk; started again after a crash it finishes what is left."""

    def __init__(self, store: Store, people: People, commands: Commands, access: RosterAccess, rosters: Rosters) -> None:
        self._store = store
        self._people = people
        self._commands = commands
        self._access = access
        self._rosters = rosters

    def run(self, path: Path, process_id: str, login: str, report: Report, cycle: str = "") -> dict[str, Any]:
        """Import the file at `path` as the person with `login`; `report` takes lines of text as it goes.

        Returns the figures (created, merged, unchanged, rejected, warnings). Raises Rejection when nothing can be imported.
        """
        with self._store.read() as connection:
            actor = self._actor(connection, login, process_id)
            prepared = self._rosters.read(connection, actor, process_id, path.name, path.read_bytes(), cycle)
            self._rosters.require_columns(connection, process_id, prepared)
        self._show(prepared, report)
        with self._store.transaction() as connection:
            command_id = self._rosters.keep(connection, actor, prepared)
            self._rosters.confirm(connection, actor, command_id)
        self._commands.run_all(command_id, lambda done, total: report(f"{done}/{total}"))
        with self._store.read() as connection:
            imported = self._rosters.imports.load(connection, actor, command_id)
            for left in self._rosters.imports.left(connection, imported):
                report(f"第 {left['row']} 行：{left['zh']}")
        counts = dict(imported.result or {})
        report(f"{summary(counts)}\n{summary(counts, 'en')}")
        if counts.get("rejected"):
            report(f"错误表 / error sheet: /import/{command_id}")
        return counts

    def import_file(self, _house: object, path: Path, process_id: str, login: str, report: Report, cycle: str | None = None) -> bool:
        """Import a file for the command line, talking to `report` line by line; False when nothing could be imported."""
        try:
            self.run(path, process_id, login, report, cycle or "")
        except Rejection as refusal:
            report(f"{refusal.zh}\n{refusal.en}")
            return False
        return True

    def _actor(self, connection: Connection, login: str, process_id: str) -> Actor:
        """The person in the first identity that may import there."""
        person_id = connection.execute(select(Person.id).where(Person.login == login)).scalar()
        if person_id is None:
            raise NotFound(f"没有登录名为“{login}”的人员。", f"There is nobody with the login {login!r}.")
        actor = self._people.actor(connection, person_id, channel="cli")
        roster = self._access.roster(connection, process_id)
        for membership in actor.memberships:
            if roster.importer(membership.role):
                return self._people.actor(connection, person_id, membership.id, "cli")
        raise Forbidden(f"{actor.name}没有可以导入该流程名单的身份。", f"{actor.name} has no identity that may import into this process.")

    @staticmethod
    def _show(prepared: dict[str, Any], report: Report) -> None:
        for problem in prepared["findings"]["problems"]:
            report(f"{problem['address']} {problem['zh']}" + ("（警告）" if problem["severity"] == "warning" else ""))
        hidden = prepared["findings"]["problems_total"] - len(prepared["findings"]["problems"])
        if hidden > 0:
            report(f"另有 {hidden} 条问题未列出。")


def summary(counts: dict[str, Any], language: str = "zh-CN") -> str:
    """The figures of an import as one line: "1 created, 2 merged, …"."""
    numbers = {name: int(counts.get(name, 0)) for name in ("created", "merged", "unchanged", "rejected", "warnings")}
    if language.startswith("zh"):
        return "新建 {created}，合并 {merged}，未变 {unchanged}，拒绝 {rejected}，警告 {warnings}".format(**numbers)
    return "{created} created, {merged} merged, {unchanged} unchanged, {rejected} rejected, {warnings} warnings".format(**numbers)
