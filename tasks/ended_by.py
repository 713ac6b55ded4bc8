"""Who took work away that somebody was about to do, or was there first, and when: for the words of a refusal. Reads only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, Select, select

from tasks import errors
from tasks.models import Person, Seat
from workflows.errors import Conflict, Words
from workflows.models import HistoryRow, table_of

HISTORY, SEAT = table_of(HistoryRow), table_of(Seat)
CLOCKWORK = ("escalated", "reassessed", "result_dropped")  # facts of the house itself that move no token and change no data
CASE_ENDS: Mapping[str, tuple[str, str]] = {
    "terminated": ("终止", "terminated"), "voided": ("作废", "made void"), "suspended": ("挂起，恢复后才能办理", "suspended until it is resumed"),
}
SEAT_ENDS: Mapping[str, tuple[str, str]] = {
    **CASE_ENDS, "returned": ("退回", "returned"), "jumped": ("跳转到其他环节", "moved to another step"), "withdrawn": ("撤回", "withdrawn"),
    "decision_withdrawn": ("撤回上一步的办理", "taken back a step"), "undone": ("撤销上一步的办理", "undone"), "taken_back": ("收回", "taken back"),
    "signer_removed": ("减签", "relieved of your signature"), "timer_fired": ("因到期转出", "moved on because time was up"),
}


def ended_by(connection: Connection, row: Row[Any]) -> Conflict | None:
    """Who stopped the case, or took away the seat, of `row` (of SEE_SEAT), in words; None when nobody did, or a decision did."""
    facts = select(HISTORY.c.kind, HISTORY.c.at, Person.name).outerjoin(Person, Person.id == HISTORY.c.person)
    facts = facts.where(HISTORY.c.instance_id == row.id).order_by(HISTORY.c.sequence.desc()).limit(1)
    if row.status in ("suspended", "terminated", "void"):
        return _told(connection, facts.where(HISTORY.c.kind.in_(tuple(CASE_ENDS))))
    if row.seat_status == "cancelled":
        return _told(connection, facts.where(HISTORY.c.kind.in_(tuple(SEAT_ENDS)), HISTORY.c.at == row.seat_completed_at))
    return None


def answered(connection: Connection, row: Row[Any]) -> Conflict | None:
    """Whose opinion has come back to the seat of `row` (of SEE_SEAT), in words; None when it was not delegated."""
    last = select(Person.name, SEAT.c.completed_at).join(Person, Person.id == SEAT.c.completed_by).where(
        SEAT.c.parent_seat_id == row.seat_id, SEAT.c.kind == "delegate", SEAT.c.status == "completed"
    ).order_by(SEAT.c.completed_at.desc(), SEAT.c.id.desc())
    found = connection.execute(last.limit(1)).first()
    return errors.already_answered(found.name, found.completed_at) if found else None


def last_act(connection: Connection, case_id: int, since: int = 0) -> Words:
    """Who touched the case last, and when, as the end of a refusal; empty words when nobody has since its history had so many facts."""
    facts = select(HISTORY.c.at, Person.name).outerjoin(Person, Person.id == HISTORY.c.person)
    facts = facts.where(HISTORY.c.instance_id == case_id, HISTORY.c.sequence > since, HISTORY.c.kind.not_in(CLOCKWORK))
    found = connection.execute(facts.order_by(HISTORY.c.sequence.desc()).limit(1)).first()
    return errors.last_act(found.name, found.at) if found else {"zh": "", "en": ""}


def _told(connection: Connection, facts: Select[Any]) -> Conflict | None:
    fact = connection.execute(facts).first()
    return errors.ended(fact.name, fact.at, *SEAT_ENDS[fact.kind]) if fact else None
