"""The database a test runs on: SQLite or PostgreSQL. Whoever builds a house in a test asks here for a place to keep it."""

from __future__ import annotations

import shutil
import tempfile
from datetime import datetime
from functools import cache
from pathlib import Path

from sqlalchemy import Engine

from app import House, build_house, wire_house
from tasks.installation import migrate
from tasks.personal_data import load_or_create_keys
from tests import postgresql
from workflows.business_calendar import Clock, FrozenClock
from workflows.store import copy_memory, create_database_engine

NAMES = ("sqlite", "postgresql")
chosen: list[str] = []  # the database of the running test; empty in a test that did not ask for `database`


_opened: list[Engine] = []  # every engine on PostgreSQL made here is let go of at the end of its test


def kind() -> str:
    """Which database this test runs on; a test that asks must use the fixture `database`, so that it runs on both."""
    assert chosen, "a test that needs a database uses the fixture `database`"
    return chosen[-1]


@cache
def _template() -> Path:
    """A SQLite file with the migrated, empty schema."""
    path = Path(tempfile.mkdtemp(prefix="banjie-sqlite-")) / "template.sqlite"
    migrate(f"sqlite:///{path}")
    return path


def url(folder: Path, name: str = "banjie.sqlite") -> str:
    """The address of a new database with the empty schema; SQLite's file stands in `folder`."""
    if kind() == "postgresql":
        server = postgresql.server()
        return server.url(server.take())
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(_template(), folder / name)
    return f"sqlite:///{folder / name}"


def url_without_tables(folder: Path, name: str = "banjie.sqlite") -> str:
    """The address of a new database with nothing in it."""
    if kind() == "postgresql":
        server = postgresql.server()
        return server.url(server.take_copy(None))
    folder.mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{folder / name}"


def engine(like: Engine | None = None) -> Engine:
    """An engine on a database with the empty schema, or with a copy of what `like` holds; SQLite's is in memory, in one connection."""
    if kind() == "sqlite":
        made = create_database_engine("sqlite://")
        if like is None:
            like = create_database_engine(f"sqlite:///{_template()}")
        copy_memory(like, made)
        return made
    server = postgresql.server()
    if like is not None:
        like.dispose()
    made = create_database_engine(server.url(server.take() if like is None else server.take_copy(like.url.database)))
    _opened.append(made)
    return made


def house(clock: Clock, like: House | None = None) -> House:
    """A house of its own: an empty one, or a copy of another, with its keys."""
    if like is None:
        return build_house(engine(), clock, load_or_create_keys(None))
    return wire_house(engine(like.store.engine), clock, like.personal_data)


def scenario_house(at: datetime, like: House | None = None) -> House:
    """A house at a moment, for scenarios; one that is no copy is there to be copied, and outlives its test."""
    built = house(FrozenClock(at), like)
    if like is None and kind() == "postgresql":
        postgresql.server().keep(str(built.store.engine.url.database))
    return built


def release() -> None:
    """What every test does at its end."""
    while _opened:
        _opened.pop().dispose()
    if chosen and kind() == "postgresql":
        postgresql.server().give_back()
