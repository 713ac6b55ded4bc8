"""Who voted what and who is still asked, as the task page shows it. Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row

from tasks.candidate_lines import line_words, person_of
from tasks.people import People
from tasks.votes.poll import read_poll
from workflows.case import Case
from workflows.errors import Words
from workflows.host import Functions

SYSTEM: Words = {"zh": "系统", "en": "System"}
STATES: Mapping[str, Words] = {
    "open": {"zh": "待表决", "en": "Asked"}, "parked": {"zh": "等待意见", "en": "Waits for advice"}, "queued": {"zh": "未轮到", "en": "Not yet asked"},
    "completed": {"zh": "已表决", "en": "Voted"},
}


def vote_lines(
    connection: Connection, people: People, case: Case, token: str, functions: Functions, outcomes: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The votes of an activity instance, cast ones first in their order: name, status, outcome ({zh, en} or None), opinion, at, veto."""
    poll = read_poll(connection, case, token, functions)
    listed = [*poll.cast, *poll.waiting]
    if not poll.written and len(listed) < 2:
        return []
    names = people.names(connection, {number for seat in listed if (number := _person(seat)) is not None})
    said = {str(item["value"]): {"zh": str(item.get("zh") or item["value"]), "en": str(item.get("en") or item["value"])} for item in outcomes}
    return [
        {
            "name": _name(connection, people, seat, names), "status": seat.status, "state": STATES[seat.status], "veto": bool(seat.veto),
            "outcome": said.get(seat.outcome, {"zh": seat.outcome, "en": seat.outcome}) if seat.outcome else None,
            "opinion": (seat.answer or {}).get("opinion"), "at": seat.completed_at,
        }
        for seat in listed
    ]


def _person(seat: Row[Any]) -> int | None:
    """Whoever voted or holds the seat, or whom its line names."""
    number = seat.completed_by or seat.owner_id or person_of(seat.participant)
    return int(number) if number is not None and not (seat.status == "completed" and seat.completed_by is None) else None


def _name(connection: Connection, people: People, seat: Row[Any], names: Mapping[int, str]) -> Words:
    number = _person(seat)
    if number is not None:
        return {"zh": names.get(number, ""), "en": names.get(number, "")}
    if seat.status == "completed":
        return SYSTEM
    unknown: Words = {"zh": "", "en": ""}
    return line_words(connection, people, [seat.participant]).get(seat.participant, unknown) if seat.participant else unknown
