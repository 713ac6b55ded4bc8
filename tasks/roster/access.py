"""Who may bring a cohort into which process, and under which rule. It reads no sheet."""

from __future__ import annotations

from sqlalchemy import Connection

from tasks.people import Actor
from tasks.roster.columns import Importer, Roster, read_roster
from workflows.business_calendar import SHANGHAI, Clock
from workflows.definitions import Definitions, ProcessVersion
from workflows.errors import Forbidden, Rejection

LONGEST_CYCLE = 20


class RosterAccess:
    """Answers from the rosters of the current process versions."""

    def __init__(self, definitions: Definitions, clock: Clock) -> None:
        self._definitions = definitions
        self._clock = clock

    def offered(self, connection: Connection, actor: Actor, *, counter: bool = False) -> list[tuple[ProcessVersion, Roster]]:
        """The processes into which this person may import in his acting identity (or register one person at the counter)."""
        found = []
        for version in self._definitions.all_current(connection):
            if version.roster:
                roster = read_roster(version.process_id, version.roster)
                if roster.importer(actor.role, counter=counter):
                    found.append((version, roster))
        return found

    def roster(self, connection: Connection, process_id: str) -> Roster:
        """The columns of a process. Raises Rejection when it takes no cohort."""
        version = self._definitions.current(connection, process_id)
        if not version.roster:
            raise Rejection("该流程没有名单导入。", "This process takes no roster.", status=404)
        return read_roster(process_id, version.roster)

    def permitted(self, connection: Connection, actor: Actor, process_id: str, *, counter: bool = False) -> tuple[Roster, Importer]:
        """The roster and the rule under which this person imports. Raises Forbidden."""
        roster = self.roster(connection, process_id)
        rule = roster.importer(actor.role, counter=counter)
        if rule is None:
            raise Forbidden("您的当前身份不能导入该流程的名单。", "Your acting identity may not import into this process.")
        return roster, rule

    def cycle(self, roster: Roster, named: str = "") -> str:
        """The cycle `named` by the person; else the roster's own, else this year in Asia/Shanghai. Raises Rejection."""
        cycle = named.strip()
        if cycle and not (cycle.isascii() and cycle.replace("-", "").isalnum() and len(cycle) <= LONGEST_CYCLE):
            raise Rejection("年度应为 4 位年份，如 2026。", "The cycle is a year such as 2026.", status=422)
        return cycle or roster.cycle or str(self._clock.now().astimezone(SHANGHAI).year)
