"""Carries a running case to another version of its process: marking, waits and version change together, in one fact. Knows no people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select, update

from workflows.case import Case
from workflows.case_store import INSTANCE
from workflows.definitions import ProcessVersion
from workflows.errors import Conflict
from workflows.host import EngineHost
from workflows.machine import Machine
from workflows.models import Wait
from workflows.modifying import Commands
from workflows.running import refusing, run_door

LIVE = ("active", "suspended")


def migrate_case(
    commands: Commands, connection: Connection, case: Case, version: ProcessVersion, mapping: Mapping[str, str], detail: Mapping[str, Any]
) -> None:
    """Let a case go on under `version`; `mapping` gives new ids for renamed nodes and flows, others keep theirs.

    Waits of kept elements go on with their due times; what the new version adds is listened to. Raises Conflict for a case that
    is over or of another process, and Rejection naming every element the new version lacks or moved; nothing has changed then.
    """
    if case.status not in LIVE:
        raise Conflict("该事项已结束，不能转到新版流程。", "The case is over; it is not moved to a new version.")
    if version.process_id != case.version.process_id:
        raise Conflict("只能转到同一流程的另一版本。", "A case moves only to another version of its own process.")
    old: Machine = case.version.machine
    case.record("migrated", detail={**detail, "from": case.version.version, "to_version": version.version, "mapping": dict(mapping)})
    with refusing():
        happenings = old.migrate(case.state, version.machine, dict(mapping))
    case.version = version
    case.chain.definition_id = version.id
    case.inputs = None
    connection.execute(update(INSTANCE).where(INSTANCE.c.id == case.id).values(definition_id=version.id))
    for wait in connection.execute(select(Wait.id, Wait.node_id).where(Wait.instance_id == case.id)).all():
        if wait.node_id in mapping:
            connection.execute(update(Wait).where(Wait.id == wait.id).values(node_id=mapping[wait.node_id]))
    host = EngineHost(case, commands.functions(connection, case))
    commands.settle(connection, [(case, run_door(case, host, lambda: happenings))])
