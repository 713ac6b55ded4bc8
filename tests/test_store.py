"""The store: one transaction per command, snapshots for readers, and no lost update."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Text, bindparam, column, event, literal, select, table, text
from sqlalchemy.exc import DBAPIError

from tests import databases
from workflows.store import Among, ReadOnly, Store, Texts, create_database_engine

LOCKED = select(column("value")).select_from(table("counter")).with_for_update()  # SQLite has one writer and no row locks


@pytest.fixture
def store(tmp_path: Path, database: str) -> Iterator[Store]:
    engine = create_database_engine(databases.url_without_tables(tmp_path))
    found = Store(engine)
    with found.transaction() as connection:
        connection.execute(text("CREATE TABLE counter (value INTEGER)"))
        connection.execute(text("INSERT INTO counter VALUES (0)"))
    yield found
    engine.dispose()


def value(store: Store) -> int:
    with store.read() as connection:
        return int(connection.execute(text("SELECT value FROM counter")).scalar_one())


def test_threads_that_read_and_then_write_lose_no_update(store: Store) -> None:
    def add() -> None:
        for _ in range(25):
            with store.transaction() as connection:
                seen = connection.execute(LOCKED).scalar_one()
                connection.execute(text("UPDATE counter SET value = :new"), {"new": seen + 1})

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert value(store) == 100


def test_whether_a_text_is_among_others_is_one_statement_for_any_number_of_them(store: Store) -> None:
    sent: list[str] = []
    event.listen(store.engine, "before_cursor_execute", lambda *given: sent.append(given[2]))
    word = literal("教务处", Text())
    among = Among(word, bindparam("texts", type_=Texts()))
    query = select(among).where(among | ~among)
    with store.read() as connection:
        asked = ([], ["教务处"], ["财务处", "教务处", 'a "b", c'], ["财务处"])
        assert [bool(connection.execute(query, {"texts": texts}).scalar_one()) for texts in asked] == [False, True, True, False]
    assert len({statement for statement in sent if "SELECT" in statement}) == 1


def test_a_reader_cannot_write(store: Store) -> None:
    with pytest.raises((DBAPIError, ReadOnly)), store.read() as connection:
        connection.execute(text("UPDATE counter SET value = 9"))
    assert value(store) == 0


def test_a_reader_keeps_its_snapshot_while_others_commit(store: Store) -> None:
    with store.read() as reading:
        assert reading.execute(text("SELECT value FROM counter")).scalar_one() == 0
        with store.transaction() as writing:
            writing.execute(text("UPDATE counter SET value = 5"))
        assert reading.execute(text("SELECT value FROM counter")).scalar_one() == 0
    assert value(store) == 5


def test_an_exception_leaves_nothing_behind(store: Store) -> None:
    with pytest.raises(ValueError), store.transaction() as connection:
        connection.execute(text("UPDATE counter SET value = 9"))
        raise ValueError
    assert value(store) == 0


def test_a_savepoint_drops_one_item_and_keeps_the_others(store: Store) -> None:
    with store.transaction() as connection:
        with store.savepoint(connection):
            connection.execute(text("UPDATE counter SET value = value + 1"))
        with pytest.raises(KeyError), store.savepoint(connection):
            connection.execute(text("UPDATE counter SET value = value + 10"))
            raise KeyError
    assert value(store) == 1


def test_an_interrupt_in_the_middle_of_a_statement_is_passed_on_and_leaves_nothing(store: Store) -> None:
    """Ctrl+C while the driver is at work: the connection is lost with the statement."""

    @event.listens_for(store.engine, "before_cursor_execute")
    def interrupt(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith("SELECT 4711"):
            raise KeyboardInterrupt

    for block in (store.read, store.transaction):
        with pytest.raises(KeyboardInterrupt), block() as connection:
            connection.execute(text("SELECT 4711"))
    with pytest.raises(KeyboardInterrupt), store.transaction() as connection:
        connection.execute(text("UPDATE counter SET value = 9"))
        with store.savepoint(connection):
            connection.execute(text("SELECT 4711"))
    assert value(store) == 0
