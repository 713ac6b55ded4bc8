"""What supervisors see: open, overdue and stalled work by organisation and by person, each figure with the list behind it. Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Integer, Row, String, and_, case, cast, func, literal, not_, or_, select
from sqlalchemy.orm import aliased

from tasks.lifecycle import LIVE
from tasks.models import CaseParty, Organisation, Person, Seat, SeatOffer
from tasks.people import Actor, People
from tasks.permissions import supervised_cases
from tasks.worklist import Page, Worklist, WorklistRow, decode_cursor, encode_cursor
from workflows.business_calendar import BusinessCalendar, Clock, local_day
from workflows.errors import CalendarMissing
from workflows.models import Incident, ProcessInstance

SEAT, INSTANCE = Seat.__table__, ProcessInstance.__table__
UNCLAIMED_DAYS, IDLE_DAYS, STUDENT_DAYS, UNCHANGED_DAYS = 2, 3, 10, 5  # working days, domain §10
NEAR = timedelta(days=3)
LONG_AGO = datetime(1900, 1, 1, tzinfo=UTC)
MANY_ROUNDS = 3  # in the third round the case has come back twice

REASONS: Mapping[str, tuple[str, str]] = {
    "overdue": ("已逾期", "overdue"),
    "unclaimed": ("两个工作日无人领取", "unclaimed for two working days"),
    "idle": ("领取后三个工作日未办", "claimed and idle for three working days"),
    "waiting_student": ("等待学生超过十个工作日", "waiting for the student for ten working days"),
    "returned_twice": ("退回两次以上", "returned twice or more"),
    "near": ("三天内到期", "due within three days"),
    "assignee_disabled": ("办理人已停用", "the assignee's account is disabled"),
    "unchanged": ("五个工作日无进展", "no progress for five working days"),
}


@dataclass(frozen=True)
class Figure:
    """One line of the overview: an organisation or a person, and how much of what."""

    key: str
    name: str
    open: int
    overdue: int
    stalled: int
    reasons: dict[str, int]


@dataclass(frozen=True)
class Overview:
    """The supervisor's first page."""

    total: Figure
    organisations: list[Figure]
    people: list[Figure]
    dimension: str
    dimensions: list[str]


@dataclass(frozen=True)
class StalledRow:
    """A seat that is stuck, and why."""

    row: WorklistRow
    reasons: list[str]


class Supervision:
    """Figures and lists for whoever supervises."""

    def __init__(self, calendar: BusinessCalendar, people: People, worklist: Worklist, clock: Clock) -> None:
        self._calendar = calendar
        self._people = people
        self._worklist = worklist
        self._clock = clock

    def _cutoffs(self, connection: Connection) -> dict[int, datetime]:
        """The moments that lie 2, 3, 5 and 10 working days back; none while the calendar of the year is missing (there is an alarm)."""
        try:
            return self._days_back(connection)
        except CalendarMissing:
            return {}

    def _days_back(self, connection: Connection) -> dict[int, datetime]:
        wanted, day, passed = {UNCLAIMED_DAYS, IDLE_DAYS, UNCHANGED_DAYS, STUDENT_DAYS}, self._clock.now(), 0
        found: dict[int, datetime] = {}
        while len(found) < len(wanted):
            if self._calendar.is_working_day(connection, local_day(day)):
                passed += 1
                if passed in wanted:
                    found[passed] = day - timedelta(days=1)
            day -= timedelta(days=1)
        return found

    def conditions(self, connection: Connection) -> dict[str, ColumnElement[bool]]:
        """Each reason to call a seat stalled, as SQL over seat and process_instance; what cannot be counted holds for none."""
        now = self._clock.now()
        counted = dict.fromkeys((UNCLAIMED_DAYS, IDLE_DAYS, UNCHANGED_DAYS, STUDENT_DAYS), LONG_AGO) | self._cutoffs(connection)
        waits_for_student = select(SeatOffer.seat_id).where(
            SeatOffer.seat_id == SEAT.c.id, SeatOffer.candidate == literal("person:") + cast(INSTANCE.c.subject_person, String)
        ).exists()
        owner = aliased(Person)  # lists join Person for the owner's name; this must stay a table of its own
        disabled = select(owner.id).where(owner.id == SEAT.c.owner_id, not_(owner.active)).exists()
        return {
            "overdue": SEAT.c.due_at < now,
            "unclaimed": and_(SEAT.c.owner_id.is_(None), SEAT.c.created_at < counted[UNCLAIMED_DAYS], not_(waits_for_student)),
            "idle": and_(SEAT.c.owner_id.is_not(None), SEAT.c.claimed_at < counted[IDLE_DAYS]),
            "waiting_student": and_(waits_for_student, SEAT.c.created_at < counted[STUDENT_DAYS]),
            "returned_twice": SEAT.c.round >= MANY_ROUNDS,
            "near": and_(SEAT.c.due_at >= now, SEAT.c.due_at < now + NEAR),
            "assignee_disabled": disabled,
            "unchanged": and_(not_(waits_for_student), INSTANCE.c.last_change_at < counted[UNCHANGED_DAYS]),
        }

    def overview(self, connection: Connection, actor: Actor, dimension: str | None = None) -> Overview:
        """Figures over everything `actor` supervises, by the parties of kind `dimension` and by person."""
        dimensions = self.dimensions(connection, actor)
        chosen = dimension if dimension in dimensions else (dimensions[0] if dimensions else "")
        conditions = self.conditions(connection)
        base = self._base(actor)
        total = self._figures(connection, base, conditions, None)
        by_party = base.join(CaseParty, and_(CaseParty.instance_id == INSTANCE.c.id, CaseParty.kind == chosen))
        organisations = self._figures(connection, by_party, conditions, CaseParty.organisation_code)
        people = self._figures(connection, base.where(SEAT.c.owner_id.is_not(None)), conditions, SEAT.c.owner_id)
        return Overview(
            total[0] if total else Figure("", "", 0, 0, 0, {}), self._named_organisations(connection, organisations),
            self._named_people(connection, people), chosen, dimensions,
        )

    def dimensions(self, connection: Connection, actor: Actor) -> list[str]:
        """The kinds of party by which this supervisor's figures can be broken down."""
        query = select(CaseParty.kind).join(INSTANCE, INSTANCE.c.id == CaseParty.instance_id).where(supervised_cases(actor)).distinct()
        found = set(connection.execute(query).scalars())
        order = {"university": 0, "origin_county": 1, "faculty": 2, "class": 3}
        level = actor.acting.kind if actor.acting else ""
        preferred = {"county": "university", "city": "origin_county", "university": "faculty", "campus": "faculty", "faculty": "class"}
        return sorted(found, key=lambda kind: (kind != preferred.get(level), order.get(kind, 9), kind))

    @staticmethod
    def _base(actor: Actor) -> Any:
        return (
            select().select_from(SEAT).join(INSTANCE, INSTANCE.c.id == SEAT.c.instance_id)
            .where(SEAT.c.status.in_(LIVE), INSTANCE.c.status == "active", supervised_cases(actor))
        )

    @staticmethod
    def _figures(connection: Connection, base: Any, conditions: Mapping[str, ColumnElement[bool]], group: Any) -> list[Figure]:
        stalled = or_(*[condition for name, condition in conditions.items() if name != "near"])
        columns = [func.count().label("open"), _count(stalled).label("stalled")]
        columns += [_count(condition).label(name) for name, condition in conditions.items()]
        query = base.add_columns(*columns)
        if group is not None:
            query = query.add_columns(group.label("key")).group_by(group).order_by(_count(stalled).desc(), func.count().desc()).limit(200)
        return [
            Figure(str(getattr(row, "key", "")), "", row.open, row.overdue or 0, row.stalled or 0,
                   {name: getattr(row, name) or 0 for name in conditions if getattr(row, name)})
            for row in connection.execute(query)
        ]

    def _named_organisations(self, connection: Connection, figures: Sequence[Figure]) -> list[Figure]:
        named = []
        for figure in figures:
            found = self._people.organisation(connection, figure.key)
            named.append(Figure(figure.key, found.name if found else figure.key, figure.open, figure.overdue, figure.stalled, figure.reasons))
        return named

    def _named_people(self, connection: Connection, figures: Sequence[Figure]) -> list[Figure]:
        names = self._people.names(connection, {int(figure.key) for figure in figures})
        return [
            Figure(figure.key, names.get(int(figure.key), figure.key), figure.open, figure.overdue, figure.stalled, figure.reasons)
            for figure in figures
        ]

    def incidents(self, connection: Connection, actor: Actor, limit: int = 50) -> list[Row[Any]]:
        """Open incidents of supervised cases, and those of the house as a whole, newest first."""
        query = (
            select(Incident.__table__).outerjoin(INSTANCE, INSTANCE.c.id == Incident.instance_id)
            .where(Incident.resolved_at.is_(None), or_(Incident.instance_id.is_(None), supervised_cases(actor)))
        )
        return list(connection.execute(query.order_by(Incident.id.desc()).limit(limit)).all())

    def candidates(self, connection: Connection, rows: Sequence[WorklistRow]) -> dict[int, list[tuple[int, str]]]:
        """Per seat: the people it could be given to, from the lines it is offered to or was claimed by."""
        ids = [row.seat_id for row in rows]
        lines = list(connection.execute(select(SeatOffer.seat_id, SeatOffer.candidate).where(SeatOffer.seat_id.in_(ids))).all())
        claimed = connection.execute(select(SEAT.c.id, SEAT.c.claimed_as, SEAT.c.duty).where(SEAT.c.id.in_(ids))).all()
        wanted: dict[int, set[str]] = {}
        for seat_id, candidate in [*lines, *((row.id, line) for row in claimed for line in (row.claimed_as, row.duty))]:
            if candidate and "@" in candidate:
                wanted.setdefault(seat_id, set()).add(candidate)
        members = {}
        for line in {line for found in wanted.values() for line in found}:
            role, _, code = line.partition("@")
            members[line] = [(row.id, row.name) for row in self._people.members(connection, role, code)]
        return {
            seat_id: sorted({person for line in found for person in members[line]}, key=lambda person: person[1])
            for seat_id, found in wanted.items()
        }

    def stalled(
        self, connection: Connection, actor: Actor, *, reason: str | None = None, dimension: str | None = None,
        organisation: str | None = None, person: int | None = None, after: str | None = None, size: int = 25,
    ) -> Page:
        """The seats behind a figure, earliest due first; `reason` one of REASONS, "open" for all, None for every stalled one."""
        conditions = self.conditions(connection)
        query = self._base(actor).add_columns(
            *SEAT.c, INSTANCE.c.number, INSTANCE.c.subject, INSTANCE.c.stage, Person.name.label("owner_name"),
            *[condition.label(f"is_{name}") for name, condition in conditions.items()],
        ).outerjoin(Person, Person.id == SEAT.c.owner_id)
        if reason in conditions:
            query = query.where(conditions[reason])
        elif reason != "open":
            query = query.where(or_(*[condition for name, condition in conditions.items() if name != "near"]))
        if organisation:
            query = query.where(self._in_organisation(organisation, dimension))
        if person:
            query = query.where(SEAT.c.owner_id == person)
        return self._page(connection, actor, query, after, size, conditions)

    @staticmethod
    def _in_organisation(organisation: str, dimension: str | None) -> ColumnElement[bool]:
        inside = select(CaseParty.instance_id).join(Organisation, Organisation.code == CaseParty.organisation_code).where(
            CaseParty.instance_id == INSTANCE.c.id, Organisation.path.contains(f"/{organisation}/", autoescape=True)
        )
        return (inside.where(CaseParty.kind == dimension) if dimension else inside).exists()

    def _page(
        self, connection: Connection, actor: Actor, query: Any, after: str | None, size: int, conditions: Mapping[str, Any]
    ) -> Page:
        backwards, position = decode_cursor(after) if after else (False, None)
        if position is not None:
            due, seat_id = position
            beyond = or_(SEAT.c.due_at < due, and_(SEAT.c.due_at == due, SEAT.c.id < seat_id)) if backwards else or_(
                SEAT.c.due_at > due, and_(SEAT.c.due_at == due, SEAT.c.id > seat_id)
            )
            query = query.where(beyond)
        order = (SEAT.c.due_at.desc(), SEAT.c.id.desc()) if backwards else (SEAT.c.due_at, SEAT.c.id)
        rows = list(connection.execute(query.order_by(*order).limit(size + 1)).all())
        more, shown = len(rows) > size, rows[:size]
        if backwards:
            shown.reverse()
        found = [
            StalledRow(self._worklist.row(row, actor), [name for name in conditions if getattr(row, f"is_{name}")]) for row in shown
        ]
        first = encode_cursor([shown[0].due_at, shown[0].id], True) if shown else None
        last = encode_cursor([shown[-1].due_at, shown[-1].id]) if shown else None
        started = position is not None
        has_next, has_previous = (started, more) if backwards else (more, started)
        return Page(found, last if has_next else None, first if has_previous else None)


def _count(condition: ColumnElement[bool]) -> Any:
    return func.sum(case((condition, 1), else_=0)).cast(Integer)
