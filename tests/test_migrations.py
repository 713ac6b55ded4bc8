"""The migrations make exactly the tables the code uses, on an empty database and on one that holds data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Integer, create_engine, inspect
from sqlalchemy.dialects import postgresql

from tasks.installation import migrate
from tasks.operation_models import Base
from tests import databases


def tables(url: str) -> dict[str, list[str]]:
    """Every table with its columns, keys and indexes, as the database describes them."""
    engine = create_engine(url)
    with engine.connect() as connection:
        look = inspect(connection)
        found = {
            name: sorted(map(str, [*look.get_columns(name), *map(_plain, look.get_indexes(name)), *look.get_foreign_keys(name), *look.get_unique_constraints(name)]))
            for name in look.get_table_names()
        }
    engine.dispose()
    return found


def _plain(index: Any) -> dict[str, Any]:
    """An index with the condition of a partial one as text: its own words name a place in memory."""
    return {**index, "dialect_options": {name: str(value) for name, value in index.get("dialect_options", {}).items()}}


def test_migrations_and_models_agree(tmp_path: Path, database: str) -> None:
    url = databases.url_without_tables(tmp_path)
    migrate(url)
    engine = create_engine(url)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    engine.dispose()


def test_a_second_migration_changes_nothing(tmp_path: Path, database: str) -> None:
    url = databases.url_without_tables(tmp_path, "migrated.sqlite")
    migrate(url)
    before = tables(url)
    migrate(url)
    assert tables(url) == before and "seat_offer" in before


def test_every_number_has_64_bits_on_postgresql() -> None:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    numbers = [column for table in Base.metadata.tables.values() for column in table.columns if isinstance(column.type, Integer)]
    assert [str(column) for column in numbers if column.type.compile(dialect) != "BIGINT"] == []
    assert len(numbers) > 50
