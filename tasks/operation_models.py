"""Tables of the operations beside the plain decision: votes, agencies, returns, circulation, attachments, views. Plain classes, no behaviour."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tasks.models import Base, Document

__all__ = [
    "Agency", "Attachment", "AttachmentContent", "Base", "Circulation", "LastLook", "Presence", "ReturnRecord", "SavedView", "Snooze",
    "Voting", "Watch",
]


class Voting(Base):
    """The voting rule of one live or decided activity instance, frozen when it was entered; only where the model has participants."""

    __tablename__ = "voting"
    instance_id: Mapped[int] = mapped_column(ForeignKey("process_instance.id"), primary_key=True)
    token: Mapped[str] = mapped_column(primary_key=True)
    node_id: Mapped[str]
    round: Mapped[int]
    rule: Mapped[Any] = mapped_column(Document)  # see tasks.votes
    outcome: Mapped[str | None] = mapped_column(String(60))
    decided_at: Mapped[datetime | None]


class Agency(Base):
    """代理: from one moment to another, `agent_id` may act for `principal_id`; null process: in every process."""

    __tablename__ = "agency"
    __table_args__ = (Index(None, "principal_id"), Index(None, "agent_id"), Index(None, "valid_from"), Index(None, "valid_to"))
    id: Mapped[int] = mapped_column(primary_key=True)
    principal_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    agent_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    process_id: Mapped[str | None]
    valid_from: Mapped[datetime]
    valid_to: Mapped[datetime]
    reason: Mapped[str] = mapped_column(Text)
    created_by: Mapped[int]
    created_at: Mapped[datetime]
    begun_at: Mapped[datetime | None]  # when its keys were given out; null: not yet
    ended_at: Mapped[datetime | None]  # when its keys were taken back, by date or by hand


class ReturnRecord(Base):
    """A return by operation: what it cancelled, so that 直达 can put it back."""

    __tablename__ = "return_record"
    __table_args__ = (Index(None, "instance_id", "id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    instance_id: Mapped[int] = mapped_column(ForeignKey("process_instance.id"))
    at: Mapped[datetime]
    person_id: Mapped[int | None]
    from_node: Mapped[str]
    from_seat: Mapped[int | None]
    to_node: Mapped[str]
    to_token: Mapped[str | None]
    mode: Mapped[str] = mapped_column(String(20))  # every_step, straight
    definition_id: Mapped[int]
    before: Mapped[Any] = mapped_column(Document)  # marking, owners and agreements as they were
    resubmitted_at: Mapped[datetime | None]


class Circulation(Base):
    """抄送/传阅: somebody was shown a step of a case; never a task."""

    __tablename__ = "circulation"
    __table_args__ = (
        UniqueConstraint("instance_id", "node_id", "round", "person_id"), Index(None, "person_id", "read_at", "id"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    instance_id: Mapped[int] = mapped_column(ForeignKey("process_instance.id"))
    node_id: Mapped[str]
    round: Mapped[int]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    sent_by: Mapped[int | None]
    text: Mapped[str | None] = mapped_column(Text)
    sent_at: Mapped[datetime]
    read_at: Mapped[datetime | None]


class AttachmentContent(Base):
    """The bytes of attachments, once per content."""

    __tablename__ = "attachment_content"
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)  # SHA-256
    size: Mapped[int]
    content: Mapped[bytes] = mapped_column(LargeBinary)


class Attachment(Base):
    """A file on a case: of a form field, or of an opinion (`field` null)."""

    __tablename__ = "attachment"
    __table_args__ = (Index(None, "instance_id"), Index(None, "seat_id"), Index(None, "digest"))
    id: Mapped[int] = mapped_column(primary_key=True)
    instance_id: Mapped[int] = mapped_column(ForeignKey("process_instance.id"))
    seat_id: Mapped[int | None]
    node_id: Mapped[str | None]
    field: Mapped[str | None]
    name: Mapped[str]
    media_type: Mapped[str]
    size: Mapped[int]
    digest: Mapped[str] = mapped_column(ForeignKey("attachment_content.digest"))
    uploaded_by: Mapped[int]
    uploaded_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]
    removed_by: Mapped[int | None]


class Watch(Base):
    """我关注的: a person follows a case."""

    __tablename__ = "watch"
    __table_args__ = (Index(None, "instance_id"),)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True)
    instance_id: Mapped[int] = mapped_column(ForeignKey("process_instance.id"), primary_key=True)
    since: Mapped[datetime]


class SavedView(Base):
    """A named filter of the inbox; with `organisation_code` it is shared with that unit."""

    __tablename__ = "saved_view"
    __table_args__ = (UniqueConstraint("owner_id", "name"), Index(None, "organisation_code"))
    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    organisation_code: Mapped[str | None]
    name: Mapped[str]
    query: Mapped[Any] = mapped_column(Document)
    position: Mapped[int]


class Snooze(Base):
    """A seat a person has put aside until a moment; never past its due date."""

    __tablename__ = "snooze"
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True)
    seat_id: Mapped[int] = mapped_column(ForeignKey("seat.id"), primary_key=True)
    until: Mapped[datetime]


class Presence(Base):
    """Who has a seat's page open right now; rows older than a few seconds mean nothing."""

    __tablename__ = "presence"
    seat_id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]


class LastLook(Base):
    """Up to which fact of a case a person has seen it, for the difference since his last look."""

    __tablename__ = "last_look"
    person_id: Mapped[int] = mapped_column(primary_key=True)
    instance_id: Mapped[int] = mapped_column(primary_key=True)
    sequence: Mapped[int]
    at: Mapped[datetime]
