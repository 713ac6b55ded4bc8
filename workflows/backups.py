"""Backup and restore of the embedded database while it runs. Knows files, no tables."""

from __future__ import annotations

import sqlite3
import tempfile
import zipfile
from pathlib import Path

from workflows.errors import Rejection

DATABASE_ENTRY = "database.sqlite"
KEY_ENTRY = "secret.key"


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


def restore(instance: Path, database: str, source: Path) -> Path:
    """Put the database back to what `source` holds, page by page under the database's own lock, so a running server sees it next.

    Returns the file that keeps the state before. Raises Rejection when `source` is no backup of ours, is damaged, or
    was made with another key.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = _unpack(source, Path(folder))
        _check(copy)
        _check_key(instance, source)
        instance.mkdir(parents=True, exist_ok=True)
        live = instance / database
        kept = instance / f"{database}.before-restore"
        if live.exists():
            _copy(live, kept)
        _copy(copy, live)
    return kept


def _copy(source: Path, target: Path) -> None:
    with sqlite3.connect(source, timeout=30) as reading, sqlite3.connect(target, timeout=30) as writing:
        reading.backup(writing)
    reading.close()
    writing.close()


def _unpack(source: Path, folder: Path) -> Path:
    try:
        with zipfile.ZipFile(source) as archive:
            (folder / DATABASE_ENTRY).write_bytes(archive.read(DATABASE_ENTRY))
    except (zipfile.BadZipFile, KeyError, OSError) as error:
        raise Rejection(f"{source} 不是本系统的备份文件：{error}", f"{source} is not a backup of this product: {error}") from None
    return folder / DATABASE_ENTRY


def _check(copy: Path) -> None:
    try:
        connection = sqlite3.connect(copy)
        answer = connection.execute("PRAGMA integrity_check").fetchone()[0]
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        connection.close()
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
    if key.exists() and any(instance.glob("banjie.sqlite")):
        raise Rejection(
            "备份使用的密钥与本机不同；请在空的安装目录恢复。", "The backup was made with another key; restore it into an empty instance folder."
        )
    instance.mkdir(parents=True, exist_ok=True)
    key.write_bytes(saved)
    key.chmod(0o600)
