"""The statements of worklists, built once per shape: building one for twenty candidate lines costs more than running it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import (
    ColumnElement, LargeBinary, Select, String, and_, bindparam, column, func, literal, literal_column, not_, or_, select, true, union, union_all,
)
from sqlalchemy.orm import aliased

from tasks.models import CaseParty, Organisation, Person, Seat, SeatExclusion, SeatOffer
from tasks.operation_models import Snooze
from workflows.models import FAR_FUTURE, ProcessInstance
from workflows.store import Among, ByteSearch, Texts

SEAT, OFFER, INSTANCE = Seat.__table__, SeatOffer.__table__, ProcessInstance.__table__
SUBJECT, PRINCIPAL = aliased(Person), aliased(Person)
SORTS: Mapping[str, Sequence[Any]] = {
    "due": (OFFER.c.due_at, OFFER.c.seat_id),
    "arrival": (OFFER.c.created_at, OFFER.c.seat_id),
    "priority": (OFFER.c.priority, OFFER.c.due_at, OFFER.c.seat_id),
}
# What `Worklist.row` needs of a seat, its case, its owner and whom the case is about.
SEAT_ROWS = (
    select(
        *SEAT.c, INSTANCE.c.number, INSTANCE.c.subject, INSTANCE.c.stage, INSTANCE.c.status.label("case_status"), Person.name.label("owner_name"),
        SUBJECT.id_number_masked.label("subject_id_number"), SUBJECT.mobile_masked.label("subject_mobile"),
        SUBJECT.student_number.label("subject_student_number"),
    )
    .join(INSTANCE, INSTANCE.c.id == SEAT.c.instance_id).outerjoin(Person, Person.id == SEAT.c.owner_id)
    .outerjoin(SUBJECT, SUBJECT.id == INSTANCE.c.subject_person)
)


def escape_like(text: str) -> str:
    """`text` with the wildcards of LIKE made literal (escape sign "!")."""
    return text.replace("!", "!!").replace("%", "!%").replace("_", "!_")


def filter_values(filters: Any, now: datetime) -> dict[str, Any]:
    """What the conditions of `seat_conditions` are bound to."""
    text = (filters.text or "").strip()
    found = {
        "process_id": {"process": filters.process_id}, "node_id": {"node": filters.node_id},
        "flag": {"flag": b'"code":' + orjson.dumps(filters.flag)}, "text": {"prefix": escape_like(text) + "%", "whole": text},
        "organisation": {"inside": f"%/{escape_like(filters.organisation or '')}/%"},
    }
    lights = {"light_red", "light_yellow", "light_green"}
    values = {name: value for part in filters.shape for name, value in found.get(part, {}).items()}
    return {**values, "now": now} if lights & set(filters.shape) else values


def offer_values(
    person_id: int, candidates: Sequence[str], looped: bool, position: Sequence[Any] | None, filters: Any, now: datetime
) -> dict[str, Any]:
    """Everything `offer_page` is bound to."""
    keys = {f"key{number}": value for number, value in enumerate(position or ())}
    return {"person": person_id, "moment": now, **line_values(candidates, looped), **keys, **filter_values(filters, now)}


def line_values(candidates: Sequence[str], looped: bool) -> dict[str, Any]:
    """The candidate lines, as `_per_line` is bound to them."""
    return {"lines": candidates, **({} if looped else {f"line{number}": line for number, line in enumerate(candidates or ["nobody"])})}


def seat_conditions(shape: tuple[str, ...]) -> list[ColumnElement[bool]]:
    """Conditions over seats for the filters that are set."""
    now = bindparam("now", type_=SEAT.c.due_at.type)
    match = or_(INSTANCE.c.subject.like(bindparam("prefix"), escape="!"), INSTANCE.c.number == bindparam("whole"))
    inside = select(CaseParty.instance_id).join(Organisation, Organisation.code == CaseParty.organisation_code).where(
        CaseParty.instance_id == SEAT.c.instance_id, Organisation.path.like(bindparam("inside"), escape="!")
    )
    known = {
        "process_id": SEAT.c.process_id == bindparam("process"), "node_id": SEAT.c.node_id == bindparam("node"),
        "flag": ByteSearch(SEAT.c.summary, bindparam("flag", type_=LargeBinary)) > 0, "organisation": inside.exists(),
        "text": select(INSTANCE.c.id).where(INSTANCE.c.id == SEAT.c.instance_id, match).exists(),
        "light_red": SEAT.c.due_at < now, "light_yellow": and_(SEAT.c.due_at >= now, SEAT.c.yellow_at <= now),
        "light_green": and_(SEAT.c.due_at >= now, SEAT.c.yellow_at > now, SEAT.c.due_at < FAR_FUTURE), "light_grey": SEAT.c.due_at >= FAR_FUTURE,
    }
    return [known[name] for name in shape]


def beyond(columns: Sequence[Any], position: Sequence[Any], backwards: bool) -> ColumnElement[bool]:
    """Rows past the cursor: (a, b) > (x, y) written out, so that both databases use their index."""
    clauses = []
    for index, column in enumerate(columns):
        equal = [earlier == value for earlier, value in zip(columns[:index], position[:index], strict=True)]
        clauses.append(and_(*equal, column < position[index] if backwards else column > position[index]))
    bound = columns[0] <= position[0] if backwards else columns[0] >= position[0]
    return and_(bound, or_(*clauses))


def _held() -> Any:
    """The seats that wait for nobody's decision now: those this person has put aside, and those of suspended cases; worked out once a statement."""
    aside = select(Snooze.seat_id.label("id")).where(Snooze.person_id == bindparam("person"), Snooze.until > bindparam("moment", type_=OFFER.c.due_at.type))
    suspended = select(SEAT.c.id).join(INSTANCE, INSTANCE.c.id == SEAT.c.instance_id).where(INSTANCE.c.status == "suspended")
    return union_all(aside, suspended).cte("held")


def _per_line(lines: int | None, made: Callable[[Any], Select[Any]]) -> list[Select[Any]]:
    """What `made` selects for each of so many candidate lines, one select a line.

    None: one select that goes through a list of any length in a loop. PostgreSQL takes it, and takes longer to plan twenty selects than to run them.
    """
    if lines is not None:
        return [made(bindparam(f"line{number}")) for number in range(lines)]
    listed = func.unnest(bindparam("lines", type_=Texts())).table_valued(column("candidate", String)).render_derived()
    each = made(listed.c.candidate).lateral()
    return [select(each).select_from(listed.join(each, true()))]


def _at_most(number: int) -> ColumnElement[int]:
    """A limit that is written out: PostgreSQL plans for it, and keeps the plan."""
    return literal_column(str(int(number)))


def _line(columns: Sequence[Any], line: Any, held: Any) -> Select[Any]:
    """Offers of one candidate line that wait for this person now: he is not excluded from them, and they are not held."""
    excluded = select(SeatExclusion.seat_id).where(
        SeatExclusion.seat_id == OFFER.c.seat_id, SeatExclusion.person_id == bindparam("person")
    )
    # Nearly always nothing is held: one question a line is cheaper than one an offer.
    free = or_(not_(select(held.c.id).exists()), OFFER.c.seat_id.not_in(select(held.c.id)))
    return select(*columns).where(OFFER.c.candidate == line, not_(excluded.exists()), free)


@lru_cache(maxsize=512)
def offer_page(lines: int | None, limit: int, sort: str, positioned: bool, backwards: bool, shape: tuple[str, ...]) -> Select[Any]:
    """A page of seats in order: each candidate line (see `_per_line`) reads its own index, then the few rows are merged.

    One `candidate IN (…)` would sort every offer of every line; twenty short index reads do not.
    """
    columns = SORTS[sort]
    keys = [bindparam(f"key{number}", type_=column.type) for number, column in enumerate(columns)]
    order = [one.desc() if backwards else one for one in columns]
    held = _held()

    def branch(line: Any) -> Select[Any]:
        found = _line(columns, line, held)
        if shape:
            found = found.join(SEAT, SEAT.c.id == OFFER.c.seat_id).where(*seat_conditions(shape))
        if positioned:
            found = found.where(beyond(columns, keys, backwards))
        return found.order_by(*order).limit(_at_most(limit))

    branches = [select(one.subquery()) for one in _per_line(lines, branch)]
    merged = (union(*branches) if len(branches) > 1 else branches[0].distinct()).subquery()
    merged_order = [merged.c[column.name].desc() if backwards else merged.c[column.name] for column in columns]
    chosen = select(merged).order_by(*merged_order).limit(_at_most(limit)).subquery()
    final = [chosen.c[column.name].desc() if backwards else chosen.c[column.name] for column in columns]
    agency = SeatOffer.__table__.alias("agency")
    principal = select(PRINCIPAL.name).join(agency, agency.c.principal_id == PRINCIPAL.id).where(
        agency.c.seat_id == SEAT.c.id, Among(agency.c.candidate, bindparam("lines", type_=Texts()))
    ).limit(_at_most(1)).scalar_subquery()
    return SEAT_ROWS.add_columns(principal.label("principal_name")).join(chosen, chosen.c.seat_id == SEAT.c.id).order_by(*final)


@lru_cache(maxsize=64)
def offer_counts(lines: int | None, scan: int) -> Select[Any]:
    """Counts of mine, pool, only mine, and overdue; reads at most `scan` offers for each. `lines` as in `_per_line`."""
    now = bindparam("now", type_=OFFER.c.due_at.type)
    held = _held()

    def line(name: Any) -> Select[Any]:
        return _line([OFFER.c.seat_id], name, held).limit(_at_most(scan))

    def late(name: Any) -> Select[Any]:
        return line(name).where(OFFER.c.due_at < now)

    pool, mine, mine_late = _per_line(lines, line), line(bindparam("mine")), late(bindparam("mine"))
    other = SeatOffer.__table__.alias("other")
    also_pooled = select(other.c.seat_id).where(
        other.c.seat_id == OFFER.c.seat_id, Among(other.c.candidate, bindparam("lines", type_=Texts()))
    )
    only_mine = mine.where(not_(also_pooled.exists()))

    def counted(branches: Sequence[Select[Any]], *, distinct: bool = True) -> Any:
        if not branches:
            return literal(0)
        read = [select(branch.subquery()) for branch in branches]
        rows = (union_all(*read) if len(read) > 1 else read[0]).limit(_at_most(scan)).subquery()
        return select(func.count(rows.c.seat_id.distinct() if distinct else rows.c.seat_id)).scalar_subquery()

    return select(
        counted([mine]).label("mine"), counted(pool).label("pool"), counted(pool, distinct=False).label("scanned"),
        counted([only_mine]).label("only_mine"), counted([*_per_line(lines, late), mine_late]).label("overdue"),
    )
