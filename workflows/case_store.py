"""Cases in the database: lock and read one for a command, write back what the command changed. It moves no token."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Select, bindparam, delete, insert, or_, select, union_all, update

from workflows.business_calendar import Clock
from workflows.case import Case
from workflows.definitions import Definitions, ProcessVersion
from workflows.errors import Conflict, NotFound
from workflows.history import MOST_AT_ONCE, Author, bound, inserting, write
from workflows.models import OutboxMessage, ProcessInstance, Wait, table_of
from workflows.store import in_one
from workflows.variables import DROP as DROP_LOCALS
from workflows.variables import INSERT as INSERT_LOCALS
from workflows.variables import LocalScopes, read_outer

INSTANCE = table_of(ProcessInstance)
RELATED = INSTANCE.alias("related")
SAVED = (
    "number", "status", "stage", "round", "state", "variables", "history_sequence", "history_hash", "last_change_at", "ended_at",
)
SAVE_CASE = update(INSTANCE).where(INSTANCE.c.id == bindparam("b_id"), INSTANCE.c.revision == bindparam("b_revision")).values(
    {name: bindparam(f"b_{name}") for name in SAVED} | {"revision": INSTANCE.c.revision + 1}
)
DROP_WAIT = delete(Wait).where(Wait.instance_id == bindparam("b_instance"), Wait.wait_id == bindparam("b_wait"))
INSERT_INSTANCES = insert(INSTANCE).returning(INSTANCE.c.id, sort_by_parameter_order=True)
INSERT_WAIT, INSERT_MESSAGE = insert(Wait), insert(OutboxMessage)
WAIT_COLUMNS = ("instance_id", "wait_id", "node_id", "kind", "repeat", "name", "correlation_key")


def locking(cases: Any) -> Select[Any]:
    """The statement that locks these cases, and those they are part of or were called by, in the order of their ids.

    `cases` is a query of case numbers, or a bound parameter for a list of them. Whoever runs it often builds it once.
    """
    these = INSTANCE.c.id.in_(cases)
    family = union_all(*(select(column).where(these) for column in (INSTANCE.c.id, INSTANCE.c.parent_id, INSTANCE.c.body_of)))
    return select(INSTANCE.c.id).where(INSTANCE.c.id.in_(family)).order_by(INSTANCE.c.id).with_for_update()


def locking_one(case: Any) -> Select[Any]:
    """The same for one case, a scalar: the rows themselves come back too, as whoever held them before left them.

    Of a row it had to wait for, PostgreSQL (READ COMMITTED) reads the columns anew and asks the condition again. It answers rightly for
    comparisons with values, as here, and not for a list of rows, as in `locking`: that one locks the row, but may not show it.
    """
    def of(column: Any) -> Any:
        return select(column).where(RELATED.c.id == case).scalar_subquery()

    mine = or_(INSTANCE.c.id == case, INSTANCE.c.id == of(RELATED.c.parent_id), INSTANCE.c.id == of(RELATED.c.body_of))
    return select(INSTANCE).where(mine).order_by(INSTANCE.c.id).with_for_update(of=INSTANCE)


READ_ONE = select(INSTANCE).where(INSTANCE.c.id == bindparam("case"))
LOCK_AND_READ = locking_one(bindparam("case"))
LOCK_LISTED = locking(bindparam("cases", expanding=True))


def lock_cases(connection: Connection, cases: Iterable[int] | Select[Any]) -> bool:
    """Lock these cases, and those they are part of or were called by, in the order of their ids.

    PostgreSQL only, and then True; SQLite has one writer. Two commands then never wait for each other in a circle, and because the wait is over
    before anything is read, what is read about the cases (offers, exclusions, actors) is as the one before left it.
    """
    if connection.dialect.name == "sqlite":
        return False
    if isinstance(cases, Select):
        connection.execute(locking(cases))
    else:
        connection.execute(LOCK_LISTED, {"cases": sorted(set(cases))})
    return True


class CaseStore:
    """Reads and writes process instances; a case is locked by its row, and a lost race is refused by its revision."""

    def __init__(self, definitions: Definitions, clock: Clock) -> None:
        self._definitions = definitions
        self._clock = clock

    def load(self, connection: Connection, instance_id: int, author: Author) -> Case:
        """Lock a case for this transaction and read it."""
        statement = READ_ONE if connection.dialect.name == "sqlite" else LOCK_AND_READ
        rows = connection.execute(statement, {"case": instance_id}).all()
        row = next((one for one in rows if one.id == instance_id), None)
        if row is None:
            raise NotFound("没有这个事项。", "There is no such case.")
        return self.attach(connection, row, author)

    def attach(self, connection: Connection, row: Any, author: Author) -> Case:
        """A Case over an instance row that the caller has read and locked."""
        case = Case(row, self._definitions.get(connection, row.definition_id), self._clock.now(), author)
        if case.version.machine.plan.local:
            case.locals = LocalScopes(connection, case.id)
        if case.body_of is not None:
            case.outer = read_outer(connection, row._mapping, INSTANCE)
        return case

    def relative(self, connection: Connection, case: Case, instance_id: int) -> Case:
        """Another case of the same call tree: the one at hand if this command has loaded it already."""
        known = case.family.get(instance_id)
        if known is None:
            known = self.load(connection, instance_id, case.author)
            known.join(case.family)
        return known

    def create(self, connection: Connection, rows: Sequence[dict[str, Any]], versions: Sequence[ProcessVersion], author: Author) -> list[Case]:
        """Insert instance rows in one statement; the cases are new and hold nothing yet."""
        ids = connection.execute(INSERT_INSTANCES, list(rows)).scalars().all()
        cases = []
        for row, instance_id, version in zip(rows, ids, versions, strict=True):
            case = Case({**row, "id": instance_id, "ended_at": None}, version, self._clock.now(), author)
            if version.machine.plan.local:
                case.locals = LocalScopes(connection, case.id, fresh=True)
            cases.append(case)
        return cases

    def save(self, connection: Connection, cases: Sequence[Case]) -> None:
        """Write what the command changed: facts, waits, messages, and last the cases, each guarded by its revision."""
        facts = [row for case in cases for row in case.chain.take()]
        at_once = connection.dialect.name == "postgresql" and len(cases) == 1 and 0 < len(facts) <= MOST_AT_ONCE
        if not at_once:
            write(connection, facts)
        waits = [wait for case in cases for wait in case.waits]
        unwaits = [{"b_instance": case.id, "b_wait": wait} for case in cases for wait in case.unwaits]
        messages = [message for case in cases for message in case.outbox]
        self._save_locals(connection, cases)
        if unwaits:
            self._remember_dropped(connection, cases)
            connection.execute(DROP_WAIT, unwaits)
        if waits:
            connection.execute(INSERT_WAIT, waits)
        if messages:
            connection.execute(INSERT_MESSAGE, messages)
        rows = [_row_of(case) for case in cases]
        written = connection.execute(_save_with(len(facts)), rows[0] | bound(facts)) if at_once else connection.execute(SAVE_CASE, rows)
        if len(cases) == 1 and written.rowcount == 0:
            raise Conflict("该事项刚刚被他人更改，请刷新。", "This case was changed by somebody else just now; reload.")
        for case in cases:
            case.revision += 1
            case.waits, case.unwaits, case.outbox = [], [], []

    @staticmethod
    def _save_locals(connection: Connection, cases: Sequence[Case]) -> None:
        changes = [case.locals.take() for case in cases if case.locals is not None]
        if gone := [row for dropped, _ in changes for row in dropped]:
            connection.execute(DROP_LOCALS, gone)
        if new := [row for _, added in changes for row in added]:
            connection.execute(INSERT_LOCALS, new)

    @staticmethod
    def _remember_dropped(connection: Connection, cases: Sequence[Case]) -> None:
        """An undo needs the waits as they were, due times included."""
        for case in cases:
            if case.unwaits:
                query = select(table_of(Wait)).where(Wait.instance_id == case.id, Wait.wait_id.in_(case.unwaits))
                case.dropped_waits += [
                    {**row._mapping, "due_at": row.due_at.isoformat() if row.due_at else None} for row in connection.execute(query)
                ]

    def restore(self, connection: Connection, case: Case, before: Mapping[str, Any], kind: str, detail: Mapping[str, Any]) -> None:
        """Put marking, variables and waits back as `before` says; token numbers go on counting, history keeps both ways."""
        case.state = case.version.machine.restored(before["state"], case.state)
        case.variables, case.inputs = dict(before["variables"]), None
        case.status, case.stage, case.round = before["status"], before["stage"], before["round"]
        case.ended_at = None
        if case.locals is not None:
            case.locals.restore(before.get("locals", {}))
        now_waiting = set(connection.execute(select(Wait.wait_id).where(Wait.instance_id == case.id)).scalars())
        restored = {wait["wait_id"]: wait for wait in before.get("dropped_waits", [])}
        kept = {str(wait) for wait in case.version.machine.waits(case.state)}
        case.unwaits = sorted(now_waiting - kept)
        case.waits = [
            {**{name: wait[name] for name in WAIT_COLUMNS}, "due_at": datetime.fromisoformat(wait["due_at"]) if wait["due_at"] else None}
            for wait_id, wait in restored.items() if wait_id in kept and wait_id not in now_waiting
        ]
        case.record(kind, detail=detail)
        self.save(connection, [case])


@lru_cache(maxsize=MOST_AT_ONCE)
def _save_with(facts: int) -> Any:
    """SAVE_CASE that also writes so many facts, for PostgreSQL."""
    return in_one(SAVE_CASE, inserting(facts))


def _row_of(case: Case) -> dict[str, Any]:
    return {
        "b_id": case.id, "b_revision": case.revision, "b_number": case.number, "b_status": case.status, "b_stage": case.stage,
        "b_round": case.round, "b_state": case.state, "b_variables": case.variables, "b_history_sequence": case.chain.sequence,
        "b_history_hash": case.chain.head, "b_last_change_at": case.now, "b_ended_at": case.ended_at,
    }
