"""Backup and restore of the embedded database while it runs. Knows files, no tables."""

from __future__ import annotations

import sqlite3
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from workflows.errors import Rejection

DATABASE_ENTRY = "database.sqlite"
KEY_ENTRY = "secret.key"
UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, KeyError, OSError, RuntimeError)  # all that a broken archive raises


def backup(instance: Path, database: str, target: Path) -> None:
    """Write a consistent copy of the database and the key file into `target` (.zip); writers are not held up.

    The copy holds personal data and its key: keep it where the installation itself may be kept.
    """
    source = instance / database
    if not source.exists():
        raise Rejection(f"没有数据库 {source}。", f"There is no database {source}.")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / DATABASE_ENTRY
        _copy(source, copy)
        partial = target.with_name(target.name + ".part")
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(copy, DATABASE_ENTRY)
            if (instance / KEY_ENTRY).exists():
                archive.write(instance / KEY_ENTRY, KEY_ENTRY)
        partial.chmod(0o600)
        partial.replace(target)


def restore(instance: Path, database: str, source: Path, prepare: Callable[[Path], None] | None = None) -> Path | None:
    """Put the database back to what `source` holds, page by page under the database's own lock, so a running server sees it next.

    `prepare` may bring the unpacked database up to date before it goes live. Returns the file that keeps the state before,
    None when there was none. Raises Rejection when `source` is no backup of ours, is damaged, or was made with another key.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = _unpack(source, Path(folder))
        _check(copy)
        _check_key(instance, source)
        if prepare is not None:
            prepare(copy)
        instance.mkdir(parents=True, exist_ok=True)
        live = instance / database
        kept = _kept(live)
        if kept is not None:
            _copy(live, kept)
            _outdate(live, copy)
        _copy(copy, live)
    return kept


def _kept(live: Path) -> Path | None:
    """Where the state before goes; an earlier one is never overwritten."""
    if not live.exists():
        return None
    names = (live.with_name(f"{live.name}.before-restore{suffix}") for suffix in ("", *(f"-{number}" for number in range(2, 10_000))))
    return next(path for path in names if not path.exists())


def _outdate(live: Path, copy: Path) -> None:
    """Number the copy behind the live database, so that running processes see that what they remember may be wrong."""
    with _open(live) as running, _open(copy) as coming:
        generation = int(running.execute("PRAGMA user_version").fetchone()[0]) + 1
        coming.execute(f"PRAGMA user_version = {generation}")
        versions = dict(running.execute("SELECT name, version FROM data_version").fetchall())
        coming.executemany(
            "UPDATE data_version SET version = max(version, ?) + 1 WHERE name = ?", [(version, name) for name, version in versions.items()]
        )


def _copy(source: Path, target: Path) -> None:
    with _open(source) as reading, _open(target) as writing:
        reading.backup(writing)


@contextmanager
def _open(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection of its own to one file; changes are kept and the file is let go of at the end."""
    connection = sqlite3.connect(path, timeout=30)
    try:
        with connection:
            yield connection
    finally:
        connection.close()


def _unpack(source: Path, folder: Path) -> Path:
    try:
        with zipfile.ZipFile(source) as archive:
            (folder / DATABASE_ENTRY).write_bytes(archive.read(DATABASE_ENTRY))
    except UNREADABLE as error:
        raise Rejection(f"{source} 不是本系统的备份文件：{error}", f"{source} is not a backup of this product: {error}") from None
    return folder / DATABASE_ENTRY


def _check(copy: Path) -> None:
    try:
        with _open(copy) as connection:
            answer = connection.execute("PRAGMA integrity_check").fetchone()[0]
            tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    except sqlite3.DatabaseError as error:
        raise Rejection(f"备份文件已损坏：{error}", f"The backup is damaged: {error}") from None
    if answer != "ok" or "process_instance" not in tables:
        raise Rejection("备份文件已损坏或不是本系统的数据库。", "The backup is damaged or not a database of this product.")


def _check_key(instance: Path, source: Path) -> None:
    """Without its key the personal data of a backup cannot be read: a new machine takes the key over, another key is refused."""
    key = instance / KEY_ENTRY
    with zipfile.ZipFile(source) as archive:
        saved = archive.read(KEY_ENTRY) if KEY_ENTRY in archive.namelist() else None
    if saved is None or (key.exists() and key.read_bytes() == saved):
        return
    if key.exists() and any(instance.glob("*.sqlite")):
        raise Rejection(
            "备份使用的密钥与本机不同；请在空的安装目录恢复。", "The backup was made with another key; restore it into an empty instance folder."
        )
    instance.mkdir(parents=True, exist_ok=True)
    key.write_bytes(saved)
    key.chmod(0o600)
