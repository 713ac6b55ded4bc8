"""An installation: its schema, its first administrator, and the processes and calendars it ships with. Knows no demo."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, select

from tasks.models import Person
from tasks.shared_organisations import create_first_administrator
from workflows.business_calendar import BusinessCalendar
from workflows.definitions import Definitions, read_folder
from workflows.errors import Rejection

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"


def migrate(url: str) -> None:
    """Bring the database at `url` to the newest schema; a SQLite file that holds data is copied first.

    Raises Rejection when a newer release of this product wrote it.
    """
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    scripts = ScriptDirectory.from_config(config)
    newest = scripts.get_current_head()
    engine = create_engine(url)
    with engine.connect() as connection:
        present = MigrationContext.configure(connection).get_current_revision()
    engine.dispose()
    if present == newest:
        return
    if present is not None and present not in {script.revision for script in scripts.walk_revisions()}:
        raise Rejection(
            f"数据库的结构（{present}）来自更新的版本；请先升级本系统。",
            f"The database ({present}) was written by a newer release of this product; upgrade the product first.",
        )
    path = Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:///") else None
    if present is not None and path is not None and path.exists():
        shutil.copy2(path, path.with_name(f"{path.name}.before-{newest}"))
    command.upgrade(config, "head")


def is_installed(connection: Connection) -> bool:
    """Whether somebody can sign in here: an interrupted or refused `init` leaves nobody."""
    return connection.execute(select(Person.id).limit(1)).first() is not None


def deploy_shipped(connection: Connection, definitions: Definitions, calendar: BusinessCalendar, folder: Path) -> None:
    """Deploy every process folder below `folder` and seed the official calendar years."""
    calendar.seed_official_years(connection)
    for process in sorted(path for path in folder.iterdir() if path.is_dir() and any(path.glob("*.bpmn"))):
        definitions.deploy(connection, read_folder(process), None)


def install(connection: Connection, house: Any, folder: Path, *, login: str, name: str, password: str) -> None:
    """Make an empty installation: shipped processes and calendars, and one person who may add everything else.

    Raises Rejection when there are people already, InvalidForm when the login or password will not do.
    """
    if is_installed(connection):
        raise Rejection("已有人员，无需再次初始化。", "There are people already; nothing was changed.")
    create_first_administrator(connection, house.people, login=login, name=name, password=password)
    deploy_shipped(connection, house.definitions, house.calendar, folder)
    house.calendar.load_calendars(connection, (folder / "shared" / "calendars.yaml").read_text())
