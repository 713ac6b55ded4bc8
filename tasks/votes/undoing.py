"""Taking a vote back: his seat opens again, and every seat his act closed or called up is as it was. Guards time and person elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, exists, insert, or_, select, update

from tasks.models import Draft, Seat, SeatExclusion, SeatOffer
from tasks.operation_models import Voting
from tasks.seats import SEAT, Seats
from workflows.case import Case
from workflows.errors import Conflict
from workflows.store import insert_missing


def open_vote(record: Row[Any], seat: Row[Any], case: Case) -> bool:
    """Whether the act was a vote on an activity that is still being decided: then no token has to go back."""
    acts = record.before.get("votes") or ()
    return bool(acts) and not any(act["decided"] for act in acts) and case.status == "active" and case.is_open(seat.token)


def guard_open_vote(connection: Connection, record: Row[Any], seat: Row[Any], case: Case) -> None:
    """Raises Conflict when something his vote caused was touched, or a value he gave was changed since."""
    acts = record.before["votes"]
    if any(act["moved"] for act in acts):
        raise Conflict("您填写的内容已引发后续处理，不能撤销。", "What you filled in has already had effects; it can no longer be undone.")
    called = [number for act in acts for number in act["activated"]]
    drafted = exists().where(Draft.seat_id == SEAT.c.id)
    # signers after him whose turn his vote has brought, and whoever the next one has involved; earlier opinions are no consequence of it
    signing = and_(SEAT.c.parent_seat_id == seat.id, SEAT.c.kind == "after", SEAT.c.status != "cancelled")
    child = select(SEAT.c.parent_seat_id).where(or_(SEAT.c.parent_seat_id.in_(called), signing))
    touched = select(SEAT.c.id).where(
        SEAT.c.id.in_(called), or_(SEAT.c.owner_id.is_not(None), SEAT.c.completed_by.is_not(None), SEAT.c.status == "parked", drafted)
    )
    if connection.execute(child.limit(1)).first():
        raise Conflict("已转由他人签署，不能撤销；可请求退回。", "Others sign now; it can no longer be undone. Ask for the case to be returned.")
    if connection.execute(touched.limit(1)).first():
        raise Conflict("轮到的下一位已开始办理，不能撤销。", "The next in turn has begun; it can no longer be undone.")
    there = case.at(seat.token).feel()
    for name, (_, after) in acts[0]["changes"].items():
        if there.get(name) != after:
            raise Conflict(f"您填写的“{name}”已被他人更改，不能撤销。", f"{name} was changed by somebody since; it can no longer be undone.")


def values_back(record: Row[Any], seat: Row[Any], case: Case) -> dict[str, Any]:
    """Put the values of the vote back; returns what changed."""
    changes = record.before["votes"][0]["changes"]
    changed = case.set({name: before for name, (before, _) in changes.items()}, seat.token)
    for name in changes:
        if name not in record.before["variables"] and case.variables.get(name, ()) is None:
            del case.variables[name]
            case.inputs = None
    return changed


def seats_back(connection: Connection, seats: Seats, case: Case, record: Row[Any], seat: Row[Any]) -> None:
    """After the marking is as it was: what the acts of the command did to other seats is taken back, the last act first."""
    acts: Sequence[Mapping[str, Any]] = record.before.get("votes") or ()
    if not acts:
        return
    queued = {number for act in acts for number in act["activated"]}
    dates = {waited["id"]: _dates(waited) for act in reversed(acts) for waited in act.get("waited", ())}
    for act in reversed(acts):
        if act["token"] == seat.token:
            for closed in act["closed"]:
                _reopen(connection, seats, closed, queued)
        if act["seat"] != seat.id and act["seat"] not in queued:
            _set(connection, act["seat"], status="cancelled")  # a rule decided it in a step that never was
    for number in queued:
        connection.execute(delete(SeatOffer).where(SeatOffer.seat_id == number))
        _set(connection, number, status="queued", completed_at=None, outcome=None, answer=None, **dates.get(number, {}))
    _set(connection, seat.id, answer=seat_answer(seat))
    mine = [person for person in (seat.completed_by, seat.on_behalf_of) if person is not None]
    together = select(SEAT.c.id).where(SEAT.c.instance_id == case.id, SEAT.c.token == seat.token)
    connection.execute(delete(SeatExclusion).where(
        SeatExclusion.seat_id.in_(together), SeatExclusion.person_id.in_(mine), SeatExclusion.reason == "voted"
    ))
    connection.execute(update(Voting).where(Voting.instance_id == case.id, Voting.token == seat.token).values(outcome=None, decided_at=None))


def _dates(waited: Mapping[str, Any]) -> dict[str, Any]:
    """The dates a seat had while it was queued."""
    moments = {name: datetime.fromisoformat(waited[name]) for name in ("created_at", "due_at", "yellow_at")}
    return {**moments, "priority": waited["priority"], "schedule_id": waited["schedule_id"]}


def seat_answer(seat: Row[Any]) -> dict[str, Any] | None:
    """What stays of a seat's answer when its vote is taken back: what a vote added goes."""
    kept = {name: value for name, value in (seat.answer or {}).items() if name not in ("opinion", "values", "order", "by")}
    return kept or None


def _reopen(connection: Connection, seats: Seats, closed: Mapping[str, Any], queued: set[int]) -> None:
    number = closed["id"]
    row = connection.execute(select(SEAT).where(SEAT.c.id == number)).one()
    _set(connection, number, status=closed["status"], completed_at=None)
    if offers := closed["offers"] if number not in queued else []:
        connection.execute(insert(SeatOffer), [
            {**seats.offer_row(candidate, number, row.due_at, row.created_at, row.priority), "principal_id": principal} for candidate, principal in offers
        ])
    insert_missing(connection, SeatExclusion, [{"seat_id": number, "person_id": person, "reason": reason} for person, reason in closed["barred"]])
    insert_missing(connection, Draft, [
        {"seat_id": number, "person_id": person, "values": values, "saved_at": datetime.fromisoformat(saved)} for person, values, saved in closed["drafts"]
    ])


def _set(connection: Connection, seat_id: int, **values: Any) -> None:
    connection.execute(update(Seat).where(SEAT.c.id == seat_id).values(**values, revision=SEAT.c.revision + 1))
