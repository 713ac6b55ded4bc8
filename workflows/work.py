"""Service and send tasks: a job per piece of work, written with the case, run after it, at least once. It moves tokens by the engine only."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy import Connection, delete, insert, select, update

from workflows.case import Case
from workflows.connectors import Connector, Work, connector_name
from workflows.errors import Conflict, Rejection
from workflows.feel.values import to_json
from workflows.graph import Node
from workflows.history import SYSTEM, Author
from workflows.host import Functions, feel
from workflows.jobs import MAXIMUM_TRIES, job_row
from workflows.machine import BpmnError
from workflows.models import Incident, Job
from workflows.settling import correlation_key
from workflows.variables import assignments

JOB_KIND = "service_task"
RETRY_CYCLE = re.compile(r"R(\d+)/")


class Commands(Protocol):
    """What the work of connectors needs of the engine."""

    def functions(self, connection: Connection, case: Case) -> Functions:
        """The host functions of a case."""

    def load(self, connection: Connection, instance_id: int, author: Author = SYSTEM) -> Case:
        """Lock a case and read it."""

    def complete(self, connection: Connection, case: Case, token: str, patch: Mapping[str, Any], detail: Mapping[str, Any]) -> Any:
        """A waiting activity is done."""

    def throw(self, connection: Connection, case: Case, token: str, kind: str, code: str | None) -> Any:
        """An error or escalation comes out of a waiting activity."""


class ConnectorWork:
    """Writes, calls off and runs the jobs of service and send tasks."""

    def __init__(self, commands: Commands, connectors: Mapping[str, Connector]) -> None:
        self._commands = commands
        self._connectors = connectors

    def follow_up(self, connection: Connection, cases: Sequence[Case]) -> None:
        """After cases were saved: jobs for work that began, none for work that was called off."""
        rows: list[dict[str, Any]] = []
        for case in cases:
            begun, left = case.reach.work, case.reach.left_work
            if begun or left:
                case.reach.work, case.reach.left_work, case.undoable = [], [], False
                rows += [row for token, node in begun if (row := self._row(connection, case, token, case.version.graph.nodes[node]))]
                self._call_off(connection, case, left)
        if rows:
            connection.execute(insert(Job), rows)

    def _row(self, connection: Connection, case: Case, token: str, node: Node) -> dict[str, Any] | None:
        if node.properties.get("connector") is None and connector_name(node) not in self._connectors:
            return None  # an outside worker asks for the topic and completes the activity itself
        argument = {"instance": case.id, "token": token}
        tries = self._tries(connection, case, token, node)
        return job_row(JOB_KIND, argument, case.now, instance_id=case.id, unique_key=_key(case, token), maximum_tries=tries)

    def _tries(self, connection: Connection, case: Case, token: str, node: Node) -> int:
        cycle = RETRY_CYCLE.match(node.attributes.get("failedJobRetryTimeCycle", ""))
        setting = feel(case.at(token), self._commands.functions(connection, case), node.properties.get("retries"))
        wanted = setting if setting is not None else cycle[1] if cycle else MAXIMUM_TRIES
        try:
            return max(1, int(wanted))
        except (TypeError, ValueError) as error:
            raise Rejection(f"“{node.name or node.id}”的重试次数不是整数。", f"The retries of {node.id} are no whole number.", status=409) from error

    @staticmethod
    def _call_off(connection: Connection, case: Case, tokens: Sequence[str]) -> None:
        keys = [_key(case, token) for token in tokens]
        jobs = connection.execute(select(Job.id).where(Job.unique_key.in_(keys))).scalars().all() if keys else []
        if jobs:
            connection.execute(delete(Job).where(Job.id.in_(jobs)))
            stuck = Incident.unique_key.in_([f"job:{job}" for job in jobs])
            connection.execute(update(Incident).where(stuck, Incident.resolved_at.is_(None)).values(resolved_at=case.now))

    def run(self, connection: Connection, argument: Mapping[str, Any]) -> None:
        """Do one piece of work and complete its activity; nothing when it is done or called off already."""
        case, token = self._commands.load(connection, argument["instance"]), str(argument["token"])
        if case.status not in ("active", "suspended") or not case.is_open(token):
            return
        if case.status == "suspended":
            raise Conflict("事项已挂起，恢复后再执行。", "The case is suspended; the work is done when it goes on.")
        node = case.version.graph.nodes[str(case.state["t"][token.partition("#")[0]][0])]
        name = str(connector_name(node))
        connector = self._connectors.get(name)
        if connector is None:
            raise Rejection(f"没有连接器“{name}”，请管理员安装后重试。", f"There is no connector {name}; install it, then try again.", status=409)
        work = self._work(connection, case, token, node)
        try:
            result = to_json(connector(connection, work))
        except BpmnError as error:
            self._commands.throw(connection, case, token, "error", error.code)
            return
        variable = node.attributes.get("resultVariable") or node.properties.get("message_variable")
        patch = assignments(variable, result, case.at(token).feel()) if variable else {}
        self._commands.complete(connection, case, token, patch, {"connector": name, "idempotency_key": work.idempotency_key})

    def _work(self, connection: Connection, case: Case, token: str, node: Node) -> Work:
        there, functions = case.at(token), self._commands.functions(connection, case)
        key = feel(there, functions, node.properties.get("idempotency_key"))
        return Work(
            case.id, token, node.id, to_json(feel(there, functions, node.properties.get("payload"))),
            str(key) if key is not None else f"{case.id}:{token}", node.event.name, correlation_key(there, functions, node), case.now,
        )


def _key(case: Case, token: str) -> str:
    return f"work:{case.id}:{token}"
