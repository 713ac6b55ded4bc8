"""Service and send tasks: a job per piece of work, written with the case, run after it, at least once. It moves tokens by the engine only."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import Connection, delete, insert, select, update

from workflows.case import Case
from workflows.case_store import INSTANCE
from workflows.connectors import Connector, InHouse, Work, connector_name
from workflows.errors import Conflict, Rejection
from workflows.feel.values import to_json
from workflows.graph import Node
from workflows.history import SYSTEM, Author
from workflows.host import Functions, correlation_key, feel
from workflows.jobs import BACK_OFF, MAXIMUM_TRIES, Call, OutsideHandler, job_row
from workflows.machine import BpmnError
from workflows.models import AnyRow, Incident, Job, table_of
from workflows.timers import after
from workflows.variables import assignments

JOB_KIND = "service_task"
RETRY_CYCLE = re.compile(r"R(\d+)/(P.+)$")
TIME_LIMIT = timedelta(seconds=60)
JOB = table_of(Job)


class Commands(Protocol):
    """What the work of connectors needs of the engine."""

    def functions(self, connection: Connection, case: Case) -> Functions:
        """The host functions of a case."""

    def load(self, connection: Connection, instance_id: int, author: Author = SYSTEM) -> Case:
        """Lock a case and read it."""

    def attach(self, connection: Connection, row: Any, author: Author) -> Case:
        """A Case over an instance row."""

    def save(self, connection: Connection, cases: Sequence[Case]) -> None:
        """Write what was recorded on cases."""

    def complete(self, connection: Connection, case: Case, token: str, patch: Mapping[str, Any], detail: Mapping[str, Any]) -> Any:
        """A waiting activity is done."""

    def throw(self, connection: Connection, case: Case, token: str, kind: str, code: str | None, message: str | None = None) -> Any:
        """An error or escalation comes out of a waiting activity."""


class ConnectorWork:
    """Writes, calls off and runs the jobs of service and send tasks."""

    def __init__(self, commands: Commands, connectors: Mapping[str, Connector]) -> None:
        self._commands = commands
        self._connectors = connectors

    @property
    def handler(self) -> OutsideHandler:
        """What runs these jobs."""
        return OutsideHandler(self._prepare, self._lock, self._finish, self._dropped)

    # jobs follow the case

    def follow_up(self, connection: Connection, cases: Sequence[Case]) -> None:
        """After cases were saved: jobs for work that began, none for work that was called off."""
        for case in cases:
            begun, left = case.reach.work, case.reach.left_work
            if begun or left:
                case.reach.work, case.reach.left_work = [], []
                rows = [row for token, node in begun if (row := self._row(connection, case, token, case.version.graph.nodes[node]))]
                write_jobs(connection, case, rows)
                self._call_off(connection, case, left)

    def _row(self, connection: Connection, case: Case, token: str, node: Node) -> dict[str, Any] | None:
        name = connector_name(node)
        if node.properties.get("connector") is None and name not in self._connectors:
            return None  # an outside worker asks for the topic and completes the activity itself
        there, functions = case.at(token), self._commands.functions(connection, case)
        key = feel(there, functions, node.properties.get("idempotency_key"))
        argument = {
            "instance": case.id, "token": token, "node": node.id, "connector": name,
            # Worked out once: data may change between two tries, the key must not.
            "idempotency_key": f"{case.id}:{token}" if key is None else str(key),
        }
        tries = self._tries(there, functions, node)
        return job_row(JOB_KIND, argument, case.now, instance_id=case.id, unique_key=_key(case, token), maximum_tries=tries)

    @staticmethod
    def _tries(there: Case, functions: Functions, node: Node) -> int:
        setting = feel(there, functions, node.properties.get("retries"))
        if setting is None:
            return _retry_cycle(there, functions, node)[0]
        try:
            return max(1, int(setting))
        except (TypeError, ValueError) as error:
            raise Rejection(f"“{node.name or node.id}”的重试次数不是整数。", f"The retries of {node.id} are no whole number.", status=409) from error

    @staticmethod
    def _call_off(connection: Connection, case: Case, tokens: Sequence[str]) -> None:
        keys = [_key(case, token) for token in tokens]
        jobs = connection.execute(select(JOB).where(JOB.c.unique_key.in_(keys))).all() if keys else []
        if not jobs:
            return
        ids, written = [job.id for job in jobs], case.aftermath.jobs
        connection.execute(delete(Job).where(JOB.c.id.in_(ids)))
        case.aftermath.called_off += [_memory(job) for job in jobs if job.id not in written]
        case.aftermath.jobs = [job for job in written if job not in ids]
        stuck = select(Incident.id).where(Incident.unique_key.in_([f"job:{job}" for job in ids]), Incident.resolved_at.is_(None))
        incidents = list(connection.execute(stuck).scalars())
        case.aftermath.resolved += incidents
        connection.execute(update(Incident).where(Incident.id.in_(incidents)).values(resolved_at=case.now))

    # doing the work

    def _prepare(self, connection: Connection, argument: Mapping[str, Any]) -> Call | None:
        """What the connector needs, read without locking the case; None when the work is done or called off already."""
        token = str(argument["token"])
        row = connection.execute(select(INSTANCE).where(INSTANCE.c.id == argument["instance"])).one()
        case = self._commands.attach(connection, row, SYSTEM)
        node = self._waiting_node(case, token)
        if node is None:
            return None
        connector, work = self._connector(node), self._work(connection, case, argument, node)
        there, functions = case.at(token), self._commands.functions(connection, case)
        limit, back_off = _time_limit(there, functions, node), _retry_cycle(there, functions, node)[1]
        if isinstance(connector, InHouse):
            return Call(None, limit, back_off)

        def ask() -> Any:
            try:
                return to_json(connector(work))
            except BpmnError as error:
                return error  # an answer: it takes another way through the diagram and is not tried again

        return Call(ask, limit, back_off)

    @staticmethod
    def _waiting_node(case: Case, token: str) -> Node | None:
        """The activity that waits for this work; None when it is over. Raises Conflict while the case is suspended."""
        if case.status not in ("active", "suspended") or not case.is_open(token):
            return None
        if case.status == "suspended":
            raise Conflict("事项已挂起，恢复后再执行。", "The case is suspended; the work is done when it goes on.")
        return case.version.graph.nodes[str(case.state["t"][token.partition("#")[0]][0])]

    def _connector(self, node: Node) -> Connector:
        name = str(connector_name(node))
        if name not in self._connectors:
            raise Rejection(f"没有连接器“{name}”，请管理员安装后重试。", f"There is no connector {name}; install it, then try again.", status=409)
        return self._connectors[name]

    def _work(self, connection: Connection, case: Case, argument: Mapping[str, Any], node: Node) -> Work:
        token = str(argument["token"])
        there, functions = case.at(token), self._commands.functions(connection, case)
        return Work(
            case.id, token, node.id, to_json(feel(there, functions, node.properties.get("payload"))), str(argument["idempotency_key"]),
            node.event.name, correlation_key(there, functions, node), case.now,
        )

    @staticmethod
    def _lock(connection: Connection, argument: Mapping[str, Any]) -> None:
        connection.execute(select(INSTANCE.c.id).where(INSTANCE.c.id == argument["instance"]).with_for_update())

    def _finish(self, connection: Connection, argument: Mapping[str, Any], answer: Any) -> None:
        """Complete the activity with the connector's answer, or take its error's way."""
        case, token = self._commands.load(connection, argument["instance"]), str(argument["token"])
        node = self._waiting_node(case, token)
        if node is None:
            self._record_dropped(connection, case, argument)
            return
        connector = self._connector(node)
        try:
            if isinstance(connector, InHouse):
                answer = to_json(connector.write(connection, self._work(connection, case, argument, node)))
        except BpmnError as error:
            answer = error
        if isinstance(answer, BpmnError):
            self._commands.throw(connection, case, token, "error", answer.code, answer.message)
            return
        variable = node.attributes.get("resultVariable") or node.properties.get("message_variable")
        patch = assignments(variable, answer, case.at(token).feel()) if variable else {}
        self._commands.complete(connection, case, token, patch, _facts(argument))

    def _dropped(self, connection: Connection, argument: Mapping[str, Any]) -> None:
        """An answer came too late: nothing moves, but the case keeps that the outside world was asked."""
        self._record_dropped(connection, self._commands.load(connection, argument["instance"]), argument)

    def _record_dropped(self, connection: Connection, case: Case, argument: Mapping[str, Any]) -> None:
        case.record("result_dropped", node=argument["node"], token=str(argument["token"]), detail=_facts(argument))
        self._commands.save(connection, [case])


def write_jobs(connection: Connection, case: Case, rows: Sequence[dict[str, Any]]) -> None:
    """Write the jobs a command on `case` causes. What a person's decision causes waits as long as he may take it back."""
    held = case.aftermath.hold_until
    if rows and held is None:
        connection.execute(insert(Job), list(rows))
    elif rows:
        waiting = [{**row, "run_at": held} for row in rows]
        case.aftermath.jobs += connection.execute(insert(Job).returning(JOB.c.id), waiting).scalars().all()


def take_jobs_back(connection: Connection, before: Mapping[str, Any], held_until: datetime) -> None:
    """Undo what a command did to jobs, by the `Case.undo_facts` it left: its held ones go, those it called off are there again.

    Raises Conflict when one of them has run, or runs.
    """
    wanted = set(before["jobs"])
    waiting = select(JOB.c.id).where(JOB.c.id.in_(wanted), JOB.c.run_at == held_until, JOB.c.tries == 0, JOB.c.lease_until.is_(None))
    if set(connection.execute(waiting.with_for_update()).scalars()) != wanted:
        raise Conflict("结果已发送，不能撤销。", "The result has been sent; it can no longer be undone.")
    connection.execute(delete(Job).where(JOB.c.id.in_(wanted)))
    for row in before["called_off"]:
        values = {**row, "run_at": datetime.fromisoformat(row["run_at"])}
        old = values.pop("id")
        new = connection.execute(insert(Job).values(values).returning(JOB.c.id)).scalar_one()
        stuck = update(Incident).where(Incident.id.in_(before["resolved"]), Incident.unique_key == f"job:{old}")
        connection.execute(stuck.values(resolved_at=None, unique_key=f"job:{new}", detail={"job": new, "kind": row["kind"]}))


def _memory(job: AnyRow) -> dict[str, Any]:
    """A job as it is put back if the command that called it off is undone; a try that was under way does not count."""
    tries = job.tries - (job.lease_until is not None)
    return {**job._mapping, "tries": tries, "run_at": job.run_at.isoformat(), "lease_until": None}


def _facts(argument: Mapping[str, Any]) -> dict[str, Any]:
    return {"connector": argument["connector"], "idempotency_key": argument["idempotency_key"]}


def _key(case: Case, token: str) -> str:
    return f"work:{case.id}:{token}"


def _time_limit(there: Case, functions: Functions, node: Node) -> timedelta:
    """How long one call may take: `time_limit`, in seconds or as an ISO 8601 duration."""
    setting = feel(there, functions, node.properties.get("time_limit"))
    if setting is None:
        return TIME_LIMIT
    text = str(setting)
    limit = timedelta(seconds=float(text)) if re.fullmatch(r"\d+(\.\d+)?", text) else _length(there, setting)
    if limit is None or limit <= timedelta():
        raise Rejection(f"“{node.name or node.id}”的时限“{text}”不是时长。", f"The time limit {text} of {node.id} is no duration.", status=409)
    return limit


def _retry_cycle(there: Case, functions: Functions, node: Node) -> tuple[int, Sequence[timedelta]]:
    """How often the work is tried in all, and how long it waits after each try that failed.

    Camunda's failedJobRetryTimeCycle: "R3/PT10M" is three tries, ten minutes apart; "PT1M,PT10M" waits so after the first and
    the second failure, and then tries once more.
    """
    setting = feel(there, functions, node.attributes.get("failedJobRetryTimeCycle"))
    if not setting:
        return MAXIMUM_TRIES, BACK_OFF
    text = str(setting).replace(" ", "")
    cycle = RETRY_CYCLE.match(text)
    waits = [_length(there, part) for part in ([cycle[2]] if cycle else text.split(","))]
    known = [wait for wait in waits if wait is not None]
    if len(known) < len(waits):
        raise Rejection(f"“{node.name or node.id}”的重试间隔“{text}”无法读取。", f"The retry cycle {text} of {node.id} cannot be read.", status=409)
    return max(1, int(cycle[1])) if cycle else len(known) + 1, known


def _length(there: Case, duration: Any) -> timedelta | None:
    end = after(there.now, duration)
    return None if end is None else end - there.now
