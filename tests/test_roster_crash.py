"""The server is killed in the middle of an import: no half case is left, and the next worker finishes the rest."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from sqlalchemy import func, select

from app import build_house
from tasks.models import Seat
from tasks.scenarios.cast import Cast
from tests import databases
from tests.roster_process import FOLDER, PROCESS, id_number, row, sheet
from workflows.history import verify
from workflows.models import CommandItem, ProcessInstance
from workflows.store import create_database_engine

KEYS = b"k" * 32
ROWS = 450
KILLED = """
import os, signal, sys
from datetime import datetime
from app import build_house
from workflows.business_calendar import SHANGHAI, FrozenClock
from workflows.store import create_database_engine

house = build_house(create_database_engine(sys.argv[1]), FrozenClock(datetime(2026, 6, 18, 9, tzinfo=SHANGHAI)), b"k" * 32)
seen = []

def kill(connection, outcomes):
    seen.extend(outcomes)
    if len(seen) > 200:
        os.kill(os.getpid(), signal.SIGKILL)

house.engine.listeners.append(kill)
house.commands.run_all(int(sys.argv[2]))
"""


def counted(house, table):
    with house.store.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def test_an_import_killed_in_the_middle_leaves_no_half_case_and_is_finished_later(tmp_path, clock, shared, database):
    url = databases.url(tmp_path)
    house = build_house(create_database_engine(url), clock, KEYS)
    with house.store.transaction() as connection:
        cast = Cast(connection, house, shared, {})
        house.definitions.deploy(connection, FOLDER, None)
        who = cast.actor(connection, "gaojingban")
        data = sheet([row("某样", id_number(serial)) for serial in range(ROWS)])
        command_id = house.rosters.rosters.keep(connection, who, house.rosters.rosters.read(connection, who, PROCESS, "名单.xlsx", data))
        house.rosters.rosters.confirm(connection, who, command_id)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, url, str(command_id)], cwd=Path(__file__).resolve().parent.parent, env=os.environ, check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    assert counted(house, ProcessInstance) == counted(house, Seat) == 200
    with house.store.read() as connection:
        waiting = connection.execute(select(func.count()).select_from(CommandItem).where(CommandItem.status == "waiting")).scalar_one()
    assert waiting == ROWS - 200
    house.commands.run_all(command_id)
    assert counted(house, ProcessInstance) == counted(house, Seat) == ROWS
    with house.store.read() as connection:
        assert list(verify(connection)) == []
        assert house.rosters.imports.load(connection, who, command_id).result["created"] == ROWS
    house.store.engine.dispose()
