"""The migrations make exactly the tables the code uses, on an empty database and on one that holds data."""

from __future__ import annotations

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from tasks.installation import migrate
from tasks.operation_models import Base


def test_migrations_and_models_agree(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'migrated.sqlite'}"
    migrate(url)
    engine = create_engine(url)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    engine.dispose()


def test_a_second_migration_changes_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'migrated.sqlite'}"
    migrate(url)
    before = (tmp_path / "migrated.sqlite").read_bytes()
    migrate(url)
    assert (tmp_path / "migrated.sqlite").read_bytes() == before
