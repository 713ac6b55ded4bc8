"""Tables of human work: organisations, people, seats and what is offered to whom. Plain classes, no behaviour."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import Boolean, Date, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, false, text, true
from sqlalchemy.orm import Mapped, mapped_column

from workflows.models import Base as Base, Document as Document


class Organisation(Base):
    """A node of one of the organisation trees; `path` lists the codes from the root: "/14/1499/C149999/"."""

    __tablename__ = "organisation"
    __table_args__ = (Index(None, "path"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    kind: Mapped[str] = mapped_column(String(30))  # province, city, county, university, faculty, class, bank_branch, office …
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"))
    path: Mapped[str] = mapped_column(String(400).with_variant(String(400, collation="C"), "postgresql"))  # ranges compare bytes
    province: Mapped[str | None] = mapped_column(String(20))  # two-digit code of the province it lies in
    on_platform: Mapped[bool] = mapped_column(Boolean)
    active: Mapped[bool] = mapped_column(Boolean)


class Person(Base):
    """Somebody who works here or whom a case is about; a student has no password until he activates."""

    __tablename__ = "person"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    login: Mapped[str | None] = mapped_column(unique=True)
    password_hash: Mapped[str | None]
    must_change_password: Mapped[bool] = mapped_column(Boolean)
    active: Mapped[bool] = mapped_column(Boolean)
    student_number: Mapped[str | None]
    id_number_cipher: Mapped[bytes | None] = mapped_column(LargeBinary)
    id_number_index: Mapped[bytes | None] = mapped_column(LargeBinary, unique=True)  # keyed hash: exact match only
    id_number_masked: Mapped[str | None] = mapped_column(String(20))
    mobile_cipher: Mapped[bytes | None] = mapped_column(LargeBinary)
    mobile_masked: Mapped[str | None] = mapped_column(String(20))
    language: Mapped[str | None] = mapped_column(String(10))
    activation_hash: Mapped[str | None]
    activation_expires_at: Mapped[datetime | None]
    failed_logins: Mapped[int]
    locked_until: Mapped[datetime | None]
    session_version: Mapped[int]  # raised on password change and disabling: older sessions end
    created_at: Mapped[datetime]


class Membership(Base):
    """Person × organisation × role × dates (both ends inclusive; null = open)."""

    __tablename__ = "membership"
    __table_args__ = (Index(None, "person_id"), Index(None, "organisation_id", "role"))
    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    role: Mapped[str] = mapped_column(String(40))
    valid_from: Mapped[date | None] = mapped_column(Date)
    valid_to: Mapped[date | None] = mapped_column(Date)


class Schedule(Base):
    """Seats that share the same time marks: ten thousand cases of one deadline share one row."""

    __tablename__ = "schedule"
    id: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    definition_id: Mapped[int]
    node_id: Mapped[str]


class ScheduleMark(Base):
    """One moment of a schedule: a reminder, an escalation, or a re-evaluation of who may act."""

    __tablename__ = "schedule_mark"
    __table_args__ = (Index(None, "done_at", "at"), Index(None, "schedule_id"))
    id: Mapped[int] = mapped_column(primary_key=True)
    schedule_id: Mapped[int] = mapped_column(ForeignKey("schedule.id"))
    at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(String(20))  # reminder, escalation, reevaluate
    argument: Mapped[Any] = mapped_column(Document)
    done_at: Mapped[datetime | None]


class Seat(Base):
    """One person-vote inside one activity instance (`token`)."""

    __tablename__ = "seat"
    __table_args__ = (
        Index(None, "instance_id", "token"),
        Index(None, "owner_id", "status"),
        Index(None, "schedule_id"),
        Index(None, "status", "due_at"),
        Index(None, "completed_by", "completed_at"),
        Index(None, "decided_as", "completed_at"),
        Index(None, "parent_seat_id"),
        Index(None, "claim_expires_at"),
        Index(None, "participant", sqlite_where=text("participant IS NOT NULL"), postgresql_where=text("participant IS NOT NULL")),
        Index(None, "on_behalf_of", sqlite_where=text("on_behalf_of IS NOT NULL"), postgresql_where=text("on_behalf_of IS NOT NULL")),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    instance_id: Mapped[int] = mapped_column(ForeignKey("process_instance.id"))
    definition_id: Mapped[int]
    process_id: Mapped[str]
    node_id: Mapped[str]
    token: Mapped[str]
    status: Mapped[str] = mapped_column(String(20))  # open, parked, queued, completed, cancelled
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))  # actual owner after claim
    claimed_at: Mapped[datetime | None]
    claimed_as: Mapped[str | None] = mapped_column(String(80))  # the candidate line the owner claimed it by; an agent's claim: his principal's own line
    created_at: Mapped[datetime]
    due_at: Mapped[datetime]  # FAR_FUTURE when there is none
    yellow_at: Mapped[datetime]  # from here on the light is yellow
    priority: Mapped[int]
    round: Mapped[int]
    revision: Mapped[int]
    schedule_id: Mapped[int | None] = mapped_column(ForeignKey("schedule.id"))
    duty: Mapped[str | None]  # candidate group that must act, when several may
    summary: Mapped[Any] = mapped_column(Document)  # what the list row shows, see tasks.assignment
    urged: Mapped[int]
    urged_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    completed_by: Mapped[int | None]
    on_behalf_of: Mapped[int | None]
    decided_as: Mapped[str | None] = mapped_column(String(80))  # the candidate line whose vote it was: a pool, or a person
    outcome: Mapped[str | None] = mapped_column(String(60))
    parent_seat_id: Mapped[int | None]
    kind: Mapped[str] = mapped_column(String(20), server_default="main")  # main, delegate, before, parallel, after, asked
    counts: Mapped[bool] = mapped_column(Boolean, server_default=true())  # False: advisory, outside N
    blocking: Mapped[bool] = mapped_column(Boolean, server_default=false())  # while it lives, its parent is parked or the token waits
    position: Mapped[int] = mapped_column(server_default="0")  # order of a sequential vote
    participant: Mapped[str | None] = mapped_column(String(80))  # the candidate line this vote stands for
    veto: Mapped[bool] = mapped_column(Boolean, server_default=false())
    added_by: Mapped[int | None]
    answer: Mapped[Any | None] = mapped_column(Document)  # opinion and values of a vote or an answer
    claim_expires_at: Mapped[datetime | None]


class SeatOffer(Base):
    """One indexed row per open seat and candidate: "county_clerk@C149999" or "person:42"."""

    __tablename__ = "seat_offer"
    __table_args__ = (
        Index("ix_seat_offer_due", "candidate", "due_at", "seat_id"),
        Index("ix_seat_offer_arrival", "candidate", "created_at", "seat_id"),
        Index("ix_seat_offer_priority", "candidate", "priority", "due_at", "seat_id"),
        Index("ix_seat_offer_seat", "seat_id"),
    )
    candidate: Mapped[str] = mapped_column(String(80), primary_key=True)
    seat_id: Mapped[int] = mapped_column(ForeignKey("seat.id"), primary_key=True)
    due_at: Mapped[datetime]
    created_at: Mapped[datetime]
    priority: Mapped[int]  # small = urgent, so that every sort is ascending
    principal_id: Mapped[int | None]  # agency: whoever acts by this line acts for him


class SeatExclusion(Base):
    """Somebody who must not act on a seat: four-eyes, by person."""

    __tablename__ = "seat_exclusion"
    seat_id: Mapped[int] = mapped_column(ForeignKey("seat.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(primary_key=True)
    reason: Mapped[str]


class CaseActor(Base):
    """Who did what in a case, in every round: actors, principals and writers of values."""

    __tablename__ = "case_actor"
    __table_args__ = (Index(None, "person_id", "instance_id"),)
    instance_id: Mapped[int] = mapped_column(ForeignKey("process_instance.id"), primary_key=True)
    node_id: Mapped[str] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(primary_key=True)


class CaseParty(Base):
    """An organisation that takes part in a case and therefore sees it: the jurisdiction keys."""

    __tablename__ = "case_party"
    __table_args__ = (Index(None, "organisation_code", "instance_id"),)
    instance_id: Mapped[int] = mapped_column(ForeignKey("process_instance.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(40), primary_key=True)  # university, origin_county, class …
    organisation_code: Mapped[str]


class CaseItem(Base):
    """A child row of a case that can be searched and matched, such as a contract number."""

    __tablename__ = "case_item"
    __table_args__ = (Index(None, "kind", "value"),)
    instance_id: Mapped[int] = mapped_column(ForeignKey("process_instance.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[str] = mapped_column(primary_key=True)


class Draft(Base):
    """What somebody has typed into a form and not yet sent."""

    __tablename__ = "draft"
    __table_args__ = (Index(None, "person_id"),)
    seat_id: Mapped[int] = mapped_column(ForeignKey("seat.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(primary_key=True)
    values: Mapped[Any] = mapped_column(Document)
    saved_at: Mapped[datetime]


class UndoRecord(Base):
    """What a completion replaced, kept while the handler may still withdraw it."""

    __tablename__ = "undo_record"
    __table_args__ = (Index(None, "person_id", "expires_at"), Index(None, "command_id"))
    seat_id: Mapped[int] = mapped_column(ForeignKey("seat.id"), primary_key=True)
    instance_id: Mapped[int]
    person_id: Mapped[int]
    command_id: Mapped[int | None]
    revision: Mapped[int]  # of the instance right after the completion
    expires_at: Mapped[datetime]
    before: Mapped[Any] = mapped_column(Document)


class Notification(Base):
    """A line in somebody's notices; `candidate` as in SeatOffer."""

    __tablename__ = "notification"
    __table_args__ = (Index(None, "candidate", "id"), Index(None, "instance_id"))
    id: Mapped[int] = mapped_column(primary_key=True)
    candidate: Mapped[str] = mapped_column(String(80))
    kind: Mapped[str]
    instance_id: Mapped[int | None]
    seat_id: Mapped[int | None]
    text: Mapped[Any] = mapped_column(Document)  # {"zh": …, "en": …}
    created_at: Mapped[datetime]
    unique_key: Mapped[str | None] = mapped_column(unique=True)


class NotificationRead(Base):
    """Up to which notice a person has read, per candidate line."""

    __tablename__ = "notification_read"
    person_id: Mapped[int] = mapped_column(primary_key=True)
    notification_id: Mapped[int] = mapped_column(primary_key=True)


class SecurityLog(Base):
    """Refused attempts, logins, exports: append-only."""

    __tablename__ = "security_log"
    __table_args__ = (Index(None, "at"), Index(None, "person_id", "at"))
    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    person_id: Mapped[int | None]
    kind: Mapped[str]
    instance_id: Mapped[int | None]
    address: Mapped[str | None]
    detail: Mapped[Any] = mapped_column(Document)


class CaseMark(Base):
    """A record later processes and figures read: bulletin mark, supervisor flag, duty handed over."""

    __tablename__ = "case_mark"
    __table_args__ = (Index(None, "kind", "organisation_code"), UniqueConstraint("instance_id", "kind", "organisation_code", "round"))
    id: Mapped[int] = mapped_column(primary_key=True)
    instance_id: Mapped[int] = mapped_column(ForeignKey("process_instance.id"))
    kind: Mapped[str] = mapped_column(String(60))
    organisation_code: Mapped[str]
    round: Mapped[int]
    at: Mapped[datetime]
    detail: Mapped[Any] = mapped_column(Document)


class SavedMapping(Base):
    """Which column of an office's own sheet means which roster column."""

    __tablename__ = "saved_mapping"
    __table_args__ = (UniqueConstraint("organisation_code", "process_id", "header_digest"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    organisation_code: Mapped[str]
    process_id: Mapped[str]
    header_digest: Mapped[str]
    mapping: Mapped[Any] = mapped_column(Document)


class OpinionPhrase(Base):
    """常用意见: a phrase a person uses often, per activity."""

    __tablename__ = "opinion_phrase"
    __table_args__ = (UniqueConstraint("person_id", "node_id", "text"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int]
    node_id: Mapped[str]
    text: Mapped[str] = mapped_column(Text)
    used: Mapped[int]
