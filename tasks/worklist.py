"""The read side of human work: lists and counts over indexed rows. Never loads a marking and never changes a row."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, func, or_, select

from tasks.lifecycle import IN_TURN, LIVE, RETURNED
from tasks.models import CaseParty, Draft, Organisation, Person, SeatOffer
from tasks.operation_models import Snooze
from tasks.others_decided import COLUMNS, decided_by_others
from tasks.people import Actor
from tasks.permissions import visible_cases
from tasks.worklist_statements import (
    INSTANCE, SEAT, SEAT_ROWS, SORTS, beyond, filter_values, line_values, offer_counts, offer_page, offer_values, seat_conditions,
)
from workflows.business_calendar import Clock
from workflows.errors import Rejection
from workflows.models import FAR_FUTURE, AnyRow

COUNT_LIMIT = 1000
SCAN_LIMIT = 2 * (COUNT_LIMIT + 1)  # offers read for a count; a seat is rarely offered to one person twice
VIEWS = ("todo", "mine", "pool", "done", "started", "later", "drafts", "others")
MOST_ASIDE = 100  # rows of a list that has no pages


@dataclass(frozen=True)
class WorklistRow:
    """One line of a worklist."""

    seat_id: int
    revision: int
    instance_id: int
    number: str | None
    subject: str | None
    process_id: str
    definition_id: int
    node_id: str
    status: str
    owner_id: int | None
    owner_name: str | None
    mine: bool
    due_at: datetime | None
    light: str
    created_at: datetime
    priority: int
    round: int
    urged: int
    outcome: str | None
    completed_at: datetime | None
    summary: dict[str, Any]
    principal: str | None = None  # whom the reader would act for, by agency
    student_number: str | None = None
    until: datetime | None = None  # put aside until then


@dataclass(frozen=True)
class CaseRow:
    """One line of a list of cases."""

    instance_id: int
    definition_id: int
    number: str | None
    subject: str | None
    process_id: str
    cycle: str | None
    status: str
    stage: str | None
    round: int
    started_at: datetime
    last_change_at: datetime
    ended_at: datetime | None
    open: list[dict[str, Any]]
    parties: dict[str, str]


@dataclass(frozen=True)
class Page:
    """A page of rows with the cursors of its neighbours (None: there is none)."""

    rows: Sequence[Any]
    next: str | None
    previous: str | None


@dataclass(frozen=True)
class Count:
    """A count that is exact to 1,000 and then says "1000+"."""

    number: int
    more: bool

    def __str__(self) -> str:
        return f"{COUNT_LIMIT}+" if self.more else str(self.number)


@dataclass(frozen=True)
class Filters:
    """What a list is narrowed to; None means everything."""

    process_id: str | None = None
    node_id: str | None = None
    light: str | None = None
    flag: str | None = None
    organisation: str | None = None
    text: str | None = None


    @property
    def shape(self) -> tuple[str, ...]:
        """Which filters are set: statements are built once per shape, values are bound."""
        set_ones = tuple(name for name in ("process_id", "node_id", "flag", "organisation", "text") if getattr(self, name))
        return (*set_ones, f"light_{self.light}") if self.light in ("red", "yellow", "green", "grey") else set_ones


NO_FILTERS = Filters()


def encode_cursor(values: Sequence[Any], backwards: bool = False) -> str:
    """An opaque cursor: the sort values of the row it stands at."""
    plain = [value.isoformat() if isinstance(value, datetime) else value for value in values]
    return base64.urlsafe_b64encode(orjson.dumps([int(backwards), *plain])).decode().rstrip("=")


def decode_cursor(text: str) -> tuple[bool, list[Any]]:
    """The sort values of a cursor; raises Rejection for anything else."""
    try:
        values = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        moments = [datetime.fromisoformat(value) if isinstance(value, str) and "T" in value else value for value in values[1:]]
        return bool(values[0]), moments
    except (ValueError, TypeError, IndexError, KeyError):
        raise Rejection("翻页位置无效，请从第一页开始。", "The page position is not valid; start from the first page.") from None


class Worklist:
    """Lists, pages and counts for a person."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def page(
        self, connection: Connection, actor: Actor, view: str = "todo", *, sort: str = "due", after: str | None = None, size: int = 25,
        filters: Filters = NO_FILTERS,
    ) -> Page:
        """A page of `view`: todo, mine, pool (by offers); done, started, others (by acts); later, drafts (what the person put by)."""
        if view in ("done", "started", "others"):
            return self._past(connection, actor, view, after, size, filters)
        if view in ("later", "drafts"):
            return self._put_by(connection, actor, view, filters)
        backwards, position = decode_cursor(after) if after else (False, None)
        sort = sort if sort in SORTS else "due"
        candidates = self._candidates(actor, view)
        looped = connection.dialect.name == "postgresql"
        statement = offer_page(None if looped else max(1, len(candidates)), size + 1, sort, position is not None, backwards, filters.shape)
        values = offer_values(actor.person_id, candidates, looped, position, filters, self._clock.now())
        rows = connection.execute(statement, values).all()
        return self._paged(rows, SORTS[sort], actor, position is not None, backwards, size)

    @staticmethod
    def _candidates(actor: Actor, view: str) -> list[str]:
        mine = f"person:{actor.person_id}"
        if view == "mine":
            return [mine]
        return [line for line in actor.candidates if view != "pool" or line != mine]

    def _paged(
        self, rows: Sequence[AnyRow], columns: Sequence[Any], actor: Actor, started: bool, backwards: bool, size: int
    ) -> Page:
        more = len(rows) > size
        shown = list(rows[:size])
        if backwards:
            shown.reverse()
        first = encode_cursor([_sort_value(shown[0], column) for column in columns], True) if shown else None
        last = encode_cursor([_sort_value(shown[-1], column) for column in columns]) if shown else None
        has_previous = (backwards and more) or (started and not backwards)
        has_next = more if not backwards else started
        return Page([self.row(row, actor) for row in shown], last if has_next else None, first if has_previous else None)

    def row(self, row: AnyRow, actor: Actor) -> WorklistRow:
        """A seat row joined with its case, as a list shows it."""
        due = None if row.due_at >= FAR_FUTURE else row.due_at
        return WorklistRow(
            row.id, row.revision, row.instance_id, row.number, row.subject, row.process_id, row.definition_id, row.node_id, row.status,
            row.owner_id, row.owner_name, row.owner_id == actor.person_id, due, self.light(row), row.created_at, row.priority, row.round,
            row.urged, row.outcome, row.completed_at, {**(row.summary or {}), "duty": row.duty, **_masked(row)},
            getattr(row, "principal_name", None), getattr(row, "subject_student_number", None), getattr(row, "until", None),
        )

    def light(self, row: Any) -> str:
        """green, yellow, red, or grey where no date runs: there is none, the work is done, or the case is suspended."""
        now = self._clock.now()
        if row.due_at is None or row.due_at >= FAR_FUTURE or row.status not in LIVE or getattr(row, "case_status", None) == "suspended":
            return "grey"
        return "red" if row.due_at < now else "yellow" if row.yellow_at <= now else "green"

    def _past(self, connection: Connection, actor: Actor, view: str, after: str | None, size: int, filters: Filters) -> Page:
        """已办: seats on which I acted, newest first; 他人已办: see `tasks.others_decided`; 我发起的: cases whose applicant I am."""
        backwards, position = decode_cursor(after) if after else (False, None)
        values = filter_values(filters, self._clock.now())
        if view == "others":
            statement = decided_by_others(actor.person_id, actor.candidates, position, backwards, filters.shape, size + 1)
            return self._paged(connection.execute(statement, values).all(), COLUMNS, actor, position is not None, backwards, size)
        columns = (SEAT.c.completed_at, SEAT.c.id) if view == "done" else (SEAT.c.created_at, SEAT.c.id)
        query = SEAT_ROWS
        if view == "done":
            query = query.where(SEAT.c.completed_by == actor.person_id, or_(SEAT.c.status == "completed", SEAT.c.outcome == RETURNED))
        else:
            latest = select(func.max(SEAT.c.id)).where(SEAT.c.instance_id == INSTANCE.c.id).scalar_subquery()
            query = query.where(INSTANCE.c.subject_person == actor.person_id, SEAT.c.id == latest)
        query = query.where(*seat_conditions(filters.shape))
        if position is not None:
            query = query.where(beyond(columns, position, not backwards))
        rows = connection.execute(query.order_by(*[c if backwards else c.desc() for c in columns]).limit(size + 1), values).all()
        return self._paged(rows, columns, actor, position is not None, backwards, size)

    def _put_by(self, connection: Connection, actor: Actor, view: str, filters: Filters) -> Page:
        """稍后: seats put aside that still wait for the person, soonest first; 草稿: open seats he has a draft of, newest first."""
        now = self._clock.now()
        if view == "later":
            offered = select(SeatOffer.seat_id).where(SeatOffer.seat_id == SEAT.c.id, SeatOffer.candidate.in_(actor.candidates))
            query = SEAT_ROWS.add_columns(Snooze.until).join(Snooze, Snooze.seat_id == SEAT.c.id).where(
                Snooze.person_id == actor.person_id, Snooze.until > now, offered.exists()
            ).order_by(Snooze.until, SEAT.c.id)
        else:
            query = SEAT_ROWS.join(Draft, Draft.seat_id == SEAT.c.id).where(Draft.person_id == actor.person_id, SEAT.c.status.in_(IN_TURN))
            query = query.order_by(Draft.saved_at.desc(), SEAT.c.id)
        query = query.where(*seat_conditions(filters.shape)).limit(MOST_ASIDE)
        rows = connection.execute(query, filter_values(filters, now)).all()
        return Page([self.row(row, actor) for row in rows], None, None)

    def counts(self, connection: Connection, actor: Actor) -> dict[str, Count]:
        """How much there is: todo, mine, pool, overdue; exact to 1,000 and cheap beyond, in one statement."""
        mine, pool = self._candidates(actor, "mine"), self._candidates(actor, "pool")
        now = self._clock.now()
        looped = connection.dialect.name == "postgresql"
        lines = None if looped else len(pool)
        values = {"person": actor.person_id, "now": now, "moment": now, "mine": mine[0], **line_values(pool, looped)}
        row = connection.execute(offer_counts(lines, SCAN_LIMIT), values).one()
        if row.scanned >= SCAN_LIMIT and row.pool <= COUNT_LIMIT:
            # Nearly every seat is offered to several lines of this person: read on until the count is certain.
            row = connection.execute(offer_counts(lines, SCAN_LIMIT * max(2, len(pool))), values).one()
        found = {"mine": row.mine, "pool": row.pool, "todo": row.pool + row.only_mine, "overdue": row.overdue}
        return {name: Count(min(value, COUNT_LIMIT), value > COUNT_LIMIT) for name, value in found.items()}

    # cases

    def cases(
        self, connection: Connection, actor: Actor, *, text: str | None = None, status: str | None = None, stage: str | None = None,
        organisation: str | None = None, process_id: str | None = None, after: str | None = None, size: int = 25,
    ) -> Page:
        """The cases this person may see, latest change first; `text` is the start of a name, or a whole number."""
        # The body of a multi-instance sub-process has a row of its own, but it is no case of its own.
        conditions: list[ColumnElement[bool]] = [visible_cases(actor), INSTANCE.c.body_of.is_(None)]
        if text:
            conditions.append(or_(INSTANCE.c.subject.startswith(text.strip(), autoescape=True), INSTANCE.c.number == text.strip()))
        for column, value in ((INSTANCE.c.status, status), (INSTANCE.c.stage, stage), (INSTANCE.c.process_id, process_id)):
            if value:
                conditions.append(column == value)
        if not status:  # a void case never counts: it is listed when asked for, or looked for by its number
            conditions.append(or_(INSTANCE.c.status != "void", INSTANCE.c.number == (text or "").strip()))
        if organisation:
            conditions.append(select(CaseParty.instance_id).join(Organisation, Organisation.code == CaseParty.organisation_code).where(
                CaseParty.instance_id == INSTANCE.c.id, Organisation.path.contains(f"/{organisation}/", autoescape=True)
            ).exists())
        columns = (INSTANCE.c.last_change_at, INSTANCE.c.id)
        backwards, position = decode_cursor(after) if after else (False, None)
        if position is not None:
            conditions.append(beyond(columns, position, not backwards))
        order = [column if backwards else column.desc() for column in columns]
        rows = connection.execute(select(*CASE_COLUMNS).where(*conditions).order_by(*order).limit(size + 1)).all()
        more, shown = len(rows) > size, list(rows[:size])
        if backwards:
            shown.reverse()
        started = position is not None
        first = encode_cursor([shown[0].last_change_at, shown[0].id], True) if shown else None
        last = encode_cursor([shown[-1].last_change_at, shown[-1].id]) if shown else None
        has_next, has_previous = (started, more) if backwards else (more, started)
        return Page(self.case_rows(connection, shown), last if has_next else None, first if has_previous else None)

    def my_cases(self, connection: Connection, actor: Actor) -> list[CaseRow]:
        """The cases this person is the applicant of, newest first; the instances of a sub-process are parts of theirs."""
        query = select(*CASE_COLUMNS).where(INSTANCE.c.subject_person == actor.person_id, INSTANCE.c.body_of.is_(None)).order_by(INSTANCE.c.id.desc()).limit(100)
        return self.case_rows(connection, connection.execute(query).all())

    @staticmethod
    def whole_of(connection: Connection, ids: Iterable[int]) -> dict[int, int]:
        """The case each of these rows is a part of; of a whole case itself."""
        wanted = set(ids)
        parts = connection.execute(select(INSTANCE.c.id, INSTANCE.c.body_of).where(INSTANCE.c.id.in_(wanted), INSTANCE.c.body_of.is_not(None))).all()
        return {**{one: one for one in wanted}, **{part.id: part.body_of for part in parts}}

    def case_rows(self, connection: Connection, rows: Sequence[AnyRow], seats: Sequence[AnyRow] | None = None) -> list[CaseRow]:
        """Cases with their live seats and parties, in two statements for the whole page; in one with `seats` (of SEAT_ROWS) read already."""
        ids = [row.id for row in rows]
        if seats is None:
            columns = (SEAT.c.id, SEAT.c.instance_id, SEAT.c.node_id, SEAT.c.due_at, SEAT.c.yellow_at, SEAT.c.status, SEAT.c.duty)
            query = select(*columns, INSTANCE.c.status.label("case_status"), Person.name.label("owner_name")).join(INSTANCE, INSTANCE.c.id == SEAT.c.instance_id)
            query = query.outerjoin(Person, Person.id == SEAT.c.owner_id).where(SEAT.c.instance_id.in_(ids), SEAT.c.status.in_(LIVE))
            seats = connection.execute(query).all() if ids else []
        parties = connection.execute(select(CaseParty.__table__).where(CaseParty.instance_id.in_(ids))).all() if ids else []
        return [
            CaseRow(
                row.id, row.definition_id, row.number, row.subject, row.process_id, row.cycle, row.status, row.stage, row.round,
                row.started_at, row.last_change_at, row.ended_at,
                [self._open(seat) for seat in seats if seat.instance_id == row.id],
                {party.kind: party.organisation_code for party in parties if party.instance_id == row.id},
            )
            for row in rows
        ]

    def _open(self, seat: AnyRow) -> dict[str, Any]:
        due = None if seat.due_at >= FAR_FUTURE else seat.due_at
        return {
            "seat_id": seat.id, "node_id": seat.node_id, "due_at": due, "owner_name": seat.owner_name, "light": self.light(seat),
            "duty": seat.duty,
        }


CASE_COLUMNS = [
    INSTANCE.c[name] for name in (
        "id", "definition_id", "number", "subject", "process_id", "cycle", "status", "stage", "round", "started_at", "last_change_at", "ended_at"
    )
]


def _masked(row: Any) -> dict[str, Any]:
    """The masked numbers of whom the case is about, where the query joined them."""
    return {"id_number": getattr(row, "subject_id_number", None), "mobile": getattr(row, "subject_mobile", None)}


def _sort_value(row: AnyRow, column: Any) -> Any:
    return row.id if column.name in ("seat_id", "id") else getattr(row, column.name)


__all__ = ["CaseRow", "Count", "Filters", "NO_FILTERS", "Page", "Worklist", "WorklistRow"]
