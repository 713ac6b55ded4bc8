"""Alembic's door to the tables: upgrades one database, with SQLite's foreign keys off while tables are rebuilt, and checked after."""

from __future__ import annotations

from typing import Any

from alembic import context
from sqlalchemy import create_engine
from sqlalchemy.sql.elements import False_, True_

from tasks.operation_models import Base
from workflows.models import Document, Instant

URL = context.config.get_main_option("sqlalchemy.url")


def plain_type(kind: str, found: Any, _context: Any) -> str | bool:
    """Migrations name plain types, which must still run when our own have changed, and defaults that each database spells its way."""
    if kind == "server_default" and isinstance(getattr(found, "arg", None), (True_, False_)):
        return "sa.true()" if isinstance(found.arg, True_) else "sa.false()"
    if kind == "type" and isinstance(found, Document):
        return "sa.LargeBinary()"
    if kind == "type" and isinstance(found, Instant):
        return "sa.DateTime(timezone=True)"
    return False


def upgrade() -> None:
    """Run the migrations in one transaction and make sure that no row lost its parent."""
    engine = create_engine(str(URL))
    with engine.connect() as connection:
        sqlite = connection.dialect.name == "sqlite"
        if sqlite:
            # Rebuilding a parent table with foreign keys on would delete its children.
            connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
            connection.rollback()
        context.configure(connection=connection, target_metadata=Base.metadata, render_item=plain_type)
        with context.begin_transaction():
            context.run_migrations()
        if sqlite:
            orphans = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
            if orphans:
                raise RuntimeError(f"rows without their parent after migration: {orphans[:5]}")
    engine.dispose()


upgrade()
