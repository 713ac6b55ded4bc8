"""The database: connections, transactions, and the only commit. It knows tables by name only."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import Boolean, Connection, Dialect, Engine, Integer, Text, create_engine, event, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

from workflows.errors import Conflict

SQLITE_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000", "cache_size=-65536", "mmap_size=268435456")
LOST_TO_ANOTHER = ("40P01", "40001")  # PostgreSQL: a deadlock was broken, a snapshot is out of date
WRITING = ("INSERT", "UPDATE", "DELETE", "REPLACE", "CREATE", "ALTER", "DROP")


class ReadOnly(Exception):
    """A statement that writes was run by a reader: a fault of the program."""


class Store:
    """Hands out connections; whoever asks for a transaction never commits himself."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.on_replaced: list[Callable[[], None]] = []  # told when a restore put another database under our feet
        self.on_failure: list[Callable[[BaseException], None]] = []  # told why a transaction was rolled back, once it is
        self._generation: int | None = None
        self._sqlite = engine.dialect.name == "sqlite"
        # PostgreSQL: a reader sees one moment, whatever others commit while a page is made; the driver says so in its BEGIN.
        self._reading = _reader(engine) if self._sqlite else engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        # Threads queue here for SQLite's only writer: its own waiting sleeps in growing steps and lets nobody overtake.
        self._writer: AbstractContextManager[Any] = threading.RLock() if self._sqlite else nullcontext()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A snapshot for reading; writing through it fails, and nothing is ever kept."""
        with self._reading.connect() as connection:
            if self._sqlite:
                _driver(connection).execute("BEGIN")
                self._notice_restore(connection)
            try:
                yield connection
            finally:
                gone = connection.invalidated  # by an interrupt in the middle of a statement
                connection.rollback()
                if self._sqlite and not gone:
                    _driver(connection).execute("ROLLBACK") if _driver(connection).in_transaction else None

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One command: everything in the block is kept together, or, on any exception, nothing is.

        On SQLite the write lock is taken before the first statement, so that nobody reads a state he cannot change. On PostgreSQL
        each statement sees what is committed when it begins (READ COMMITTED): lock the row of a case first, then read about it.
        """
        try:
            with self._one_transaction() as connection:
                yield connection
        except DBAPIError as error:
            self._note(error)
            if getattr(error.orig, "sqlstate", None) in LOST_TO_ANOTHER:
                raise Conflict(
                    "同一时间有人在办理相同的事项，本次操作未生效，请重试。", "Others were working on the same things at this moment; nothing was changed. Try again."
                ) from error
            raise
        except BaseException as error:
            self._note(error)
            raise

    def _note(self, error: BaseException) -> None:
        for note in self.on_failure:
            note(error)

    @contextmanager
    def alone(self, name: str) -> Iterator[bool]:
        """Whether no other process does the work of this name now; none will until the end of the block.

        With SQLite one process does all background work.
        """
        if self._sqlite:
            yield True
            return
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            mine = bool(connection.execute(select(func.pg_try_advisory_lock(_number(name)))).scalar_one())
            try:
                yield mine
            finally:
                if mine and not connection.invalidated:
                    connection.execute(select(func.pg_advisory_unlock(_number(name))))

    @contextmanager
    def _one_transaction(self) -> Iterator[Connection]:
        with self._writer, self.engine.connect() as connection:
            if self._sqlite:
                _driver(connection).execute("BEGIN IMMEDIATE")
                self._notice_restore(connection)
            try:
                yield connection
                if self._sqlite:
                    _driver(connection).execute("COMMIT")
                connection.commit()
            except BaseException:
                # An interrupt in the middle of a statement takes the connection away: nothing is left to roll back then.
                if self._sqlite and not connection.invalidated and _driver(connection).in_transaction:
                    _driver(connection).execute("ROLLBACK")
                connection.rollback()
                raise

    def _notice_restore(self, connection: Connection) -> None:
        """A restore raises the database's generation (see workflows.backups): what was remembered of its rows may be wrong then."""
        generation = int(_driver(connection).execute("PRAGMA user_version").fetchone()[0])
        if generation == self._generation:
            return
        if self._generation is not None:
            for forget in self.on_replaced:
                forget()
        self._generation = generation

    @staticmethod
    @contextmanager
    def savepoint(connection: Connection) -> Iterator[None]:
        """Keep or drop one item of a chunk without touching the others."""
        connection.exec_driver_sql("SAVEPOINT item")
        try:
            yield
        except BaseException:
            if not connection.invalidated:
                connection.exec_driver_sql("ROLLBACK TO SAVEPOINT item")
                connection.exec_driver_sql("RELEASE SAVEPOINT item")
            raise
        connection.exec_driver_sql("RELEASE SAVEPOINT item")


def lock_names(connection: Connection, names: Iterable[str]) -> None:
    """Until this transaction ends, whoever locks one of these names waits: for what has no row yet that could be locked.

    SQLite has one writer: nothing to lock.
    """
    if connection.dialect.name != "sqlite":
        for number in sorted({_number(name) for name in names}):
            connection.execute(select(func.pg_advisory_xact_lock(number)))


def _number(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)


def _insert(dialect: str, model: Any) -> Any:
    """The database's own INSERT, which knows ON CONFLICT."""
    return sqlite.insert(model) if dialect == "sqlite" else postgresql.insert(model)


@lru_cache(maxsize=64)
def _insert_missing(dialect: str, model: Any) -> Any:
    return _insert(dialect, model).on_conflict_do_nothing()


def in_one(statement: Any, *writes: Any) -> Any:
    """One statement for PostgreSQL that does the other writes too: a way to the server costs more than the work there.

    None of them sees what the others do. A model with its row instead of a write inserts that row if its key is not there yet.
    """
    made = (_insert_missing("postgresql", one[0]).values(one[1]) if isinstance(one, tuple) else one for one in writes)
    return statement.add_cte(*(one.cte(f"write_{number}") for number, one in enumerate(made)))


def insert_missing(connection: Connection, model: Any, rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert rows whose primary or unique key is not there yet, in one statement; the others stay as they are. Returns how many are new."""
    return connection.execute(_insert_missing(connection.dialect.name, model), list(rows)).rowcount if rows else 0


@lru_cache(maxsize=64)
def _put(dialect: str, model: Any, keys: tuple[str, ...], names: tuple[str, ...]) -> Any:
    statement = _insert(dialect, model)
    rest = {name: statement.excluded[name] for name in names if name not in keys}
    return statement.on_conflict_do_update(index_elements=list(keys), set_=rest)


def put(connection: Connection, model: Any, keys: Sequence[str], row: Mapping[str, Any]) -> None:
    """Insert a row, or replace the one that has the same `keys`, in one statement."""
    connection.execute(_put(connection.dialect.name, model, tuple(keys), tuple(row)), dict(row))


def count_up(connection: Connection, model: Any, key: str, value: str, counter: str) -> int:
    """Raise a counter row by one, making it at 1 when it is new, and return its value, in one statement."""
    statement = _insert(connection.dialect.name, model).values({key: value, counter: 1})
    raised = statement.on_conflict_do_update(index_elements=[key], set_={counter: getattr(model, counter) + 1})
    return int(connection.execute(raised.returning(getattr(model, counter))).scalar_one())


class ByteSearch(FunctionElement[int]):
    """`ByteSearch(column, bytes)`: where the bytes stand in the column, 1 and up; 0 when they are not in it."""

    type = Integer()
    inherit_cache = True


@compiles(ByteSearch)
def _instr(element: ByteSearch, compiler: SQLCompiler, **options: Any) -> str:
    return f"instr({compiler.process(element.clauses, **options)})"


@compiles(ByteSearch, "postgresql")
def _position(element: ByteSearch, compiler: SQLCompiler, **options: Any) -> str:
    place, wanted = (compiler.process(clause, **options) for clause in element.clauses)
    return f"position({wanted} IN {place})"


class Texts(TypeDecorator[Sequence[str]]):
    """A list of texts as one bound value: a PostgreSQL array, JSON for SQLite."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return postgresql.ARRAY(Text()) if dialect.name == "postgresql" else Text()

    def process_bind_param(self, value: Sequence[str] | None, dialect: Dialect) -> Any:
        return list(value or ()) if dialect.name == "postgresql" else orjson.dumps(list(value or ())).decode()


class Among(FunctionElement[bool]):
    """`Among(column, bindparam(…, type_=Texts()))`: the column is one of the texts. The statement is the same for any number of them.

    An expanding `IN` is put together anew each time it runs, which costs more than a short statement itself.
    """

    type = Boolean()
    inherit_cache = True

    def self_group(self, against: Any = None) -> Any:
        """Itself: SQLite would be asked whether a condition equals 1, and use no index for it."""
        return self


@compiles(Among)
def _in_json(element: Among, compiler: SQLCompiler, **options: Any) -> str:
    column, texts = (compiler.process(clause, **options) for clause in element.clauses)
    return f"({column} IN (SELECT value FROM json_each({texts})))"


@compiles(Among, "postgresql")
def _in_array(element: Among, compiler: SQLCompiler, **options: Any) -> str:
    column, texts = (compiler.process(clause, **options) for clause in element.clauses)
    return f"({column} = ANY ({texts}))"


class Asked(FunctionElement[bool]):
    """`Asked(condition)`: a condition about other tables in RETURNING, where their columns' names would otherwise stand without their tables."""

    type = Boolean()
    inherit_cache = True


@compiles(Asked)
def _asked(element: Asked, compiler: SQLCompiler, **options: Any) -> str:
    return ", ".join(compiler.process(clause, **options | {"include_table": True}) for clause in element.clauses)


def create_database_engine(url: str, **options: Any) -> Engine:
    """An engine for `url` with the settings every connection needs (SQLite: write-ahead log, full durability)."""
    engine = create_engine(url, **options)
    prepare(engine)
    return engine


def prepare(engine: Engine) -> None:
    """Give every new connection of `engine` its settings."""
    if engine.dialect.name == "postgresql":
        event.listen(engine, "connect", _spare_compiling)
        return

    @event.listens_for(engine, "connect")
    def set_pragmas(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we begin and end transactions ourselves: pysqlite would begin too late
        for pragma in SQLITE_PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")


def _spare_compiling(connection: Any, _record: Any) -> None:
    """PostgreSQL compiles statements it thinks dear, or shares them among processes; ours are short, and either takes longer than running one."""
    connection.execute("SET jit = off")
    connection.execute("SET max_parallel_workers_per_gather = 0")
    connection.commit()


def copy_memory(source: Engine, target: Engine) -> None:
    """Copy a whole SQLite database into another, page by page; both may be in memory."""
    with source.connect() as reading, target.connect() as writing:
        _driver(reading).backup(_driver(writing))


def _reader(engine: Engine) -> Engine:
    """The same connections for reading: a statement that would write fails. (SQLite's own `query_only` makes it compile every statement anew.)"""
    reading = engine.execution_options()

    @event.listens_for(reading, "before_cursor_execute")
    def refuse_writing(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith(WRITING):
            raise ReadOnly(statement)

    return reading


def _driver(connection: Connection) -> Any:
    return connection.connection.driver_connection
