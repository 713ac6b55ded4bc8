"""Tables of the process engine. Plain SQLAlchemy classes: they know no people, no HTTP and no behaviour."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, TypeAlias, cast

import orjson
from sqlalchemy import (
    BigInteger, Boolean, Date, DateTime, ForeignKey, Index, Integer, LargeBinary, MetaData, Row, String, Table, Text, UniqueConstraint,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

AnyRow: TypeAlias = Row[*tuple[Any, ...]]  # a row of however many columns its statement names

# Stands for "no date" in columns that sort: keyset paging needs a value in every row.
FAR_FUTURE = datetime(9999, 12, 31, tzinfo=UTC)


class Instant(TypeDecorator[datetime]):
    """A moment: aware in Python, UTC in the database."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone cannot be stored")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


class Document(TypeDecorator[Any]):
    """A JSON value kept as compact bytes."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> bytes | None:
        return None if value is None else orjson.dumps(value)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> Any:
        return None if value is None else orjson.loads(value)


class Base(DeclarativeBase):
    """Common base: one metadata, one naming convention."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)
    type_annotation_map = {datetime: Instant(), str: String(200), int: BigInteger().with_variant(Integer, "sqlite")}


def table_of(model: type[Base]) -> Table:
    """The table of a model, for statements that name its columns."""
    return cast(Table, model.__table__)


class Definition(Base):
    """One immutable version of a process (WfMC process definition)."""

    __tablename__ = "definition"
    __table_args__ = (UniqueConstraint("process_id", "version"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    process_id: Mapped[str]
    version: Mapped[int]
    name: Mapped[str]
    digest: Mapped[str]
    current: Mapped[bool] = mapped_column(Boolean)
    deployed_at: Mapped[datetime]
    deployed_by: Mapped[int | None]


class DefinitionResource(Base):
    """One file of a deployed version."""

    __tablename__ = "definition_resource"
    definition_id: Mapped[int] = mapped_column(ForeignKey("definition.id"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)


class ProcessInstance(Base):
    """One case: marking, variables and the case layer (number, status, round)."""

    __tablename__ = "process_instance"
    __table_args__ = (
        UniqueConstraint("process_id", "business_key"),
        Index(None, "status", "process_id", "last_change_at"),
        Index(None, "number"),
        Index(None, "subject"),
        Index(None, "subject_person"),
        Index(None, "parent_id", "parent_token"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    definition_id: Mapped[int] = mapped_column(ForeignKey("definition.id"))
    process_id: Mapped[str]
    business_key: Mapped[str | None]  # one case per key and process, e.g. cycle + blind index of the ID number
    cycle: Mapped[str | None] = mapped_column(String(20))
    number: Mapped[str | None]  # business number, given at first submission, never reused
    subject: Mapped[str | None]  # whom the case is about, as shown in lists
    subject_person: Mapped[int | None]  # opaque to the engine
    status: Mapped[str] = mapped_column(String(20))  # active, suspended, completed, terminated, void
    stage: Mapped[str | None]  # what the diagram last said of the case: draft, submitted, approved …
    round: Mapped[int]
    revision: Mapped[int]
    state: Mapped[Any] = mapped_column(Document)  # the marking, see workflows.machine
    variables: Mapped[Any] = mapped_column(Document)
    history_sequence: Mapped[int]
    history_hash: Mapped[bytes] = mapped_column(LargeBinary)
    started_at: Mapped[datetime]
    last_change_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    suspended_at: Mapped[datetime | None]
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("process_instance.id"))  # the case whose call started this one
    parent_token: Mapped[str | None]
    body_of: Mapped[int | None]  # the case this row is a part of: it runs one instance of a multi-instance sub-process


class LocalVariables(Base):
    """Variables of one activity instance: element and counter of a multi-instance, mapped inputs; or the result it left."""

    __tablename__ = "local_variables"
    instance_id: Mapped[int] = mapped_column(ForeignKey("process_instance.id"), primary_key=True)
    scope: Mapped[str] = mapped_column(primary_key=True)  # token id; "0": the whole row of a sub-process instance
    variables: Mapped[Any] = mapped_column(Document, nullable=True)
    result: Mapped[Any] = mapped_column(Document, nullable=True)
    done: Mapped[bool] = mapped_column(Boolean)


class StartEvent(Base):
    """A start event of a current version that starts cases by itself: by message, signal or timer."""

    __tablename__ = "start_event"
    __table_args__ = (Index(None, "kind", "name"), Index(None, "due_at"), Index(None, "process_id"))
    id: Mapped[int] = mapped_column(primary_key=True)
    process_id: Mapped[str]
    definition_id: Mapped[int] = mapped_column(ForeignKey("definition.id"))
    node_id: Mapped[str]
    kind: Mapped[str] = mapped_column(String(20))
    name: Mapped[str | None]
    due_at: Mapped[datetime | None]
    repeat: Mapped[str | None]


class Wait(Base):
    """A subscription of a token: timer, message, signal or condition, mirrored out of the marking."""

    __tablename__ = "wait"
    __table_args__ = (
        UniqueConstraint("instance_id", "wait_id"),
        Index(None, "due_at"),
        Index(None, "name", "correlation_key"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    instance_id: Mapped[int] = mapped_column(ForeignKey("process_instance.id"))
    wait_id: Mapped[str]
    node_id: Mapped[str]
    kind: Mapped[str] = mapped_column(String(20))
    due_at: Mapped[datetime | None]
    repeat: Mapped[str | None]  # what is left of a timer cycle, ISO 8601
    name: Mapped[str | None]
    correlation_key: Mapped[str | None]


class BufferedMessage(Base):
    """A message that came before anybody waited for it, or that was delivered (idempotency)."""

    __tablename__ = "buffered_message"
    __table_args__ = (Index(None, "name", "correlation_key"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    idempotency_key: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    correlation_key: Mapped[str | None]
    payload: Mapped[Any] = mapped_column(Document, nullable=True)
    received_at: Mapped[datetime]
    delivered_to: Mapped[int | None]
    delivered_at: Mapped[datetime | None]


class OutboxMessage(Base):
    """A message a case throws; held until `release_at` so that an undo can take it back."""

    __tablename__ = "outbox_message"
    __table_args__ = (Index(None, "instance_id"), Index(None, "status", "release_at"))
    id: Mapped[int] = mapped_column(primary_key=True)
    instance_id: Mapped[int] = mapped_column(ForeignKey("process_instance.id"))
    node_id: Mapped[str]
    token: Mapped[str]
    name: Mapped[str]
    correlation_key: Mapped[str | None]
    payload: Mapped[Any] = mapped_column(Document, nullable=True)
    status: Mapped[str] = mapped_column(String(20))  # held, sent, withdrawn, failed
    created_at: Mapped[datetime]
    release_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]


class Job(Base):
    """Background work, written in the transaction that causes it and run after it, at least once."""

    __tablename__ = "job"
    __table_args__ = (Index(None, "run_at"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    argument: Mapped[Any] = mapped_column(Document)
    instance_id: Mapped[int | None]
    run_at: Mapped[datetime]
    lease_until: Mapped[datetime | None]
    tries: Mapped[int]
    maximum_tries: Mapped[int]
    unique_key: Mapped[str | None] = mapped_column(unique=True)
    last_error: Mapped[str | None] = mapped_column(Text)


class Incident(Base):
    """A case, or a part of the house, is stuck and a person must look."""

    __tablename__ = "incident"
    __table_args__ = (Index(None, "resolved_at", "created_at"), Index(None, "instance_id"), Index(None, "unique_key", "resolved_at"))
    id: Mapped[int] = mapped_column(primary_key=True)
    instance_id: Mapped[int | None]
    token: Mapped[str | None]
    node_id: Mapped[str | None]
    kind: Mapped[str]  # no_assignee, calendar_missing, deadlock, job_failed …
    message: Mapped[str] = mapped_column(Text)
    detail: Mapped[Any] = mapped_column(Document)
    unique_key: Mapped[str | None]
    created_at: Mapped[datetime]
    resolved_at: Mapped[datetime | None]


class HistoryRow(Base):
    """One fact about a case; append-only and chained: `hash` covers the row and the previous hash."""

    __tablename__ = "history"
    __table_args__ = (UniqueConstraint("instance_id", "sequence"), Index(None, "person", "at"), Index(None, "kind", "at"))
    id: Mapped[int] = mapped_column(primary_key=True)
    instance_id: Mapped[int] = mapped_column(ForeignKey("process_instance.id"))
    sequence: Mapped[int]
    at: Mapped[datetime]
    kind: Mapped[str]
    node_id: Mapped[str | None]
    token: Mapped[str | None]
    person: Mapped[int | None]  # null: the system, by the rule named in detail
    on_behalf_of: Mapped[int | None]
    role: Mapped[str | None]
    organisation: Mapped[str | None]
    channel: Mapped[str | None] = mapped_column(String(20))
    definition_id: Mapped[int]
    round: Mapped[int]
    detail: Mapped[Any] = mapped_column(Document)
    hash: Mapped[bytes] = mapped_column(LargeBinary)


class Command(Base):
    """Long work in chunks that survives a crash: an import, a bulk decision, a migration."""

    __tablename__ = "command"
    __table_args__ = (Index(None, "status", "id"), Index(None, "person", "id"))
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    status: Mapped[str] = mapped_column(String(20))  # preview, waiting, running, done, failed, cancelled
    idempotency_key: Mapped[str | None] = mapped_column(unique=True)
    person: Mapped[int | None]
    actor: Mapped[Any] = mapped_column(Document)  # who asked, in which role and organisation, by which channel
    argument: Mapped[Any] = mapped_column(Document)
    total: Mapped[int]
    done: Mapped[int]
    succeeded: Mapped[int]
    skipped: Mapped[int]
    lease_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    result: Mapped[Any | None] = mapped_column(Document)


class CommandItem(Base):
    """One item of a command and what became of it."""

    __tablename__ = "command_item"
    command_id: Mapped[int] = mapped_column(ForeignKey("command.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    payload: Mapped[Any] = mapped_column(Document, nullable=True)
    status: Mapped[str] = mapped_column(String(20))  # waiting, done, merged, skipped, failed
    instance_id: Mapped[int | None]
    reason: Mapped[str | None] = mapped_column(Text)
    detail: Mapped[Any | None] = mapped_column(Document)


class CalendarYear(Base):
    """Whether the working days of a year are official (the State Council notice is in)."""

    __tablename__ = "calendar_year"
    year: Mapped[int] = mapped_column(primary_key=True)
    official: Mapped[bool] = mapped_column(Boolean)
    source: Mapped[str | None]


class CalendarDay(Base):
    """A day that differs from Monday–Friday: a holiday, or a make-up working day."""

    __tablename__ = "calendar_day"
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    working: Mapped[bool] = mapped_column(Boolean)
    note: Mapped[str | None]


class CalendarDeadline(Base):
    """A date of one organisation (and all below it, unless they have their own) in one cycle."""

    __tablename__ = "calendar_deadline"
    __table_args__ = (UniqueConstraint("organisation", "cycle", "key"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    organisation: Mapped[str]  # organisation code; "*" = everywhere
    cycle: Mapped[str] = mapped_column(String(20))
    key: Mapped[str]
    at: Mapped[datetime]
    note: Mapped[str | None]
    changed_by: Mapped[int | None]
    changed_at: Mapped[datetime | None]


class TextFingerprint(Base):
    """Hash of a text somebody handed in, for `seen_before`."""

    __tablename__ = "text_fingerprint"
    __table_args__ = (UniqueConstraint("fingerprint", "owner", "cycle"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
    owner: Mapped[str]  # whose text: opaque to the engine
    cycle: Mapped[str] = mapped_column(String(20))
    instance_id: Mapped[int | None]


class NumberSeries(Base):
    """The last business number given out per prefix; a number is never reused."""

    __tablename__ = "number_series"
    prefix: Mapped[str] = mapped_column(primary_key=True)
    last: Mapped[int]


class DataVersion(Base):
    """A counter raised with every change of a table that processes keep in memory, so that each notices the others' edits."""

    __tablename__ = "data_version"
    name: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int]


class CalendarChange(Base):
    """Who changed what in the calendar, and why; append-only."""

    __tablename__ = "calendar_change"
    __table_args__ = (Index(None, "subject", "id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    person: Mapped[int | None]  # null: the system (seed, shipped calendar)
    subject: Mapped[str]  # "2026" a year, "2026-05-09" a day, "C149999/2026/renewal_audit" a deadline
    before: Mapped[str | None]
    after: Mapped[str | None]
    reason: Mapped[str] = mapped_column(Text)


class Setting(Base):
    """One remembered value of this installation, by name."""

    __tablename__ = "setting"
    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]
