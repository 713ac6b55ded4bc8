"""Lists a process offers about its cases: who has not declared yet, audit lists, return notices, exports. Only what the asker may see."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import ColumnElement, Connection, select

from tasks.lists.class_list import ClassList, ClassLists
from tasks.lists.export import note_export, spreadsheet
from tasks.lists.not_yet import Branch, not_yet_tree
from tasks.lists.pages import ListPage, ListPages
from tasks.lists.queries import CASE, Filters, filtered, inside, missing_condition
from tasks.people import Actor, People
from tasks.permissions import visible_cases
from tasks.roster.access import RosterAccess
from tasks.roster.columns import CaseList, ListColumn, Roster
from workflows.business_calendar import Clock
from workflows.definitions import Definitions
from workflows.errors import NotFound

BATCH = 1000
DEFAULT_COLUMNS = (
    ListColumn("number", "编号", "Number", "number"), ListColumn("name", "姓名", "Name", "person.name"),
    ListColumn("student_number", "学号", "Student number", "person.student_number"),
    ListColumn("id_number", "身份证号", "ID number", "person.id_number"), ListColumn("stage", "状态", "State", "stage"),
    ListColumn("changed", "更新时间", "Last change", "last_change_at"),
)
NOT_YET_COLUMNS = (
    ListColumn("name", "姓名", "Name", "person.name"), ListColumn("student_number", "学号", "Student number", "person.student_number"),
    ListColumn("class", "班级", "Class", "party.class"), ListColumn("mobile", "手机号", "Mobile", "person.mobile"),
    ListColumn("stage", "状态", "State", "stage"),
)
NAMES = {
    "not_yet": ("未提交名单", "Not submitted yet"), "audit": ("审核名单", "Audit list"), "returns": ("退回通知单", "Return notice"),
    "expired": ("逾期未申报名单", "Expired"), "export": ("办理结果", "Results"),
}


class Lists:
    """Answers with rows; every query carries the one predicate of who may see what."""

    def __init__(self, definitions: Definitions, people: People, clock: Clock) -> None:
        self._access = RosterAccess(definitions, clock)
        self._definitions = definitions
        self._clock = clock
        self._people = people
        self._pages = ListPages(definitions, people)
        self.classes = ClassLists(self._access, definitions, clock)

    def class_list(self, connection: Connection, actor: Actor) -> list[ClassList]:
        """The class representative's lists: names and done or not done."""
        return self.classes.of(connection, actor)

    def processes(self, connection: Connection) -> list[tuple[str, str]]:
        """(process id, name) of every process that has such lists."""
        return [(version.process_id, version.name) for version in self._definitions.all_current(connection) if version.roster]

    def roster(self, connection: Connection, process_id: str) -> Roster:
        """The columns and lists of a process."""
        return self._access.roster(connection, process_id)

    def cycle(self, roster: Roster, named: str = "") -> str:
        """The cycle to show."""
        return self._access.cycle(roster, named)

    def cycles(self, connection: Connection, process_id: str) -> list[str]:
        """The cycles that have cases, newest first."""
        query = select(CASE.cycle).where(CASE.process_id == process_id, CASE.cycle.is_not(None)).distinct()
        return sorted((str(cycle) for cycle in connection.execute(query).scalars()), reverse=True)

    def case_list(self, roster: Roster, name: str) -> CaseList:
        """The list `name` of a process. Raises NotFound."""
        found = roster.lists.get(name)
        if found is None and name not in NAMES:
            raise NotFound("没有这个清单。", "There is no such list.")
        return found or CaseList()

    # who has not declared

    def not_yet(self, connection: Connection, actor: Actor, process_id: str, filters: Filters) -> list[Branch]:
        """The tree of organisations with how many have declared, from one grouped query."""
        listed = self.case_list(self.roster(connection, process_id), "not_yet")
        conditions = self._conditions(connection, actor, process_id, filters)
        return not_yet_tree(connection, listed, conditions, self._people.organisations.tree(connection))

    # lists and exports

    def page(
        self, connection: Connection, actor: Actor, process_id: str, name: str, filters: Filters, after: int = 0, size: int = 100,
        language: str = "zh-CN",
    ) -> ListPage:
        """A page of the list `name` (audit, returns, export, not_yet), in the order the cases came."""
        listed = self.case_list(self.roster(connection, process_id), name)
        conditions = self._list_conditions(connection, actor, process_id, name, listed, filters)
        return self._pages.page(connection, actor, _columns(name, listed), conditions, after, size, language)

    def columns(self, connection: Connection, process_id: str, name: str) -> Sequence[ListColumn]:
        """The columns of a list."""
        return _columns(name, self.case_list(self.roster(connection, process_id), name))

    def rows(
        self, connection: Connection, actor: Actor, process_id: str, name: str, filters: Filters, language: str = "zh-CN"
    ) -> Iterator[list[str]]:
        """All rows of a list, a batch in memory at a time."""
        listed = self.case_list(self.roster(connection, process_id), name)
        conditions = self._list_conditions(connection, actor, process_id, name, listed, filters)
        after: int | None = 0
        while after is not None:
            page = self._pages.page(connection, actor, _columns(name, listed), conditions, after, BATCH, language)
            yield from (cells for _instance_id, cells in page.rows)
            after = page.next

    def spreadsheet(
        self, connection: Connection, actor: Actor, process_id: str, name: str, filters: Filters, language: str = "zh-CN"
    ) -> tuple[bytes, int]:
        """A list as .xlsx and how many rows it has."""
        title = NAMES[name][0 if language.startswith("zh") else 1]
        rows = self.rows(connection, actor, process_id, name, filters, language)
        return spreadsheet(self.columns(connection, process_id, name), rows, title, language)

    def note_export(
        self, connection: Connection, actor: Actor, process_id: str, name: str, filters: Filters, rows: int, address: str | None = None
    ) -> None:
        """Write to the security log that somebody took a list."""
        columns = self.columns(connection, process_id, name)
        note_export(connection, actor, self._clock.now(), process_id, name, filters, columns, rows, address)

    def _list_conditions(
        self, connection: Connection, actor: Actor, process_id: str, name: str, listed: CaseList, filters: Filters
    ) -> list[ColumnElement[bool]]:
        conditions = self._conditions(connection, actor, process_id, filters)
        if name == "not_yet":
            conditions.append(missing_condition(listed))
        elif listed.stages:
            conditions.append(CASE.stage.in_(listed.stages))
        return conditions

    def _conditions(self, connection: Connection, actor: Actor, process_id: str, filters: Filters) -> list[ColumnElement[bool]]:
        conditions = [CASE.process_id == process_id, CASE.status != "void", CASE.body_of.is_(None), visible_cases(actor, listing=True)]
        conditions += filtered(filters)
        if filters.organisation:
            conditions.append(inside(filters.organisation, self._people.organisation(connection, filters.organisation)))
        return conditions


def _columns(name: str, listed: CaseList) -> Sequence[ListColumn]:
    return listed.columns or (NOT_YET_COLUMNS if name == "not_yet" else DEFAULT_COLUMNS)
