"""The `expect` of a scenario: compares what the house holds with what the scenario says. Reads only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from tasks.lifecycle import LIVE
from tasks.models import CaseMark, Notification, Seat, SeatOffer
from workflows.business_calendar import SHANGHAI
from workflows.models import CommandItem, FAR_FUTURE, HistoryRow, Incident, OutboxMessage, ProcessInstance

SEAT = Seat.__table__


def unmet(connection: Connection, play: Any, expected: Mapping[str, Any]) -> list[str]:
    """What differs from `expected`, as sentences; an unknown word is a difference too."""
    return Expectations(connection, play, expected).problems()


class Expectations:
    """One `expect` step."""

    def __init__(self, connection: Connection, play: Any, expected: Mapping[str, Any]) -> None:
        self.connection = connection
        self.play = play
        self.expected = expected
        self.case_id: int | None = play.instance(expected) if play.cases else None

    def problems(self) -> list[str]:
        found = []
        for key, wanted in self.expected.items():
            if key in ("case", "as", "activity", "command"):
                continue
            check = getattr(self, f"_{key}", None)
            if check is None:
                found.append(f"the runner does not know “expect: {key}”")
                continue
            got = check()
            if not self._same(key, got, wanted):
                found.append(f"{key}: expected {wanted!r}, got {got!r}")
        return found

    @staticmethod
    def _same(key: str, got: Any, wanted: Any) -> bool:
        if key in ("open", "candidates", "flags") and isinstance(wanted, list):
            return sorted(map(str, got)) == sorted(map(str, wanted))
        if key in CONTAINING and isinstance(wanted, list):
            return all(any(_covers(one, want) for one in got) for want in wanted)
        if key in ABSENT and isinstance(wanted, list):
            return not any(_covers(one, want) for one in got for want in wanted)
        if isinstance(wanted, Mapping) and isinstance(got, Mapping):
            return all(_equal(got.get(name), value) for name, value in wanted.items())
        return _equal(got, wanted)

    # the case

    def _case_row(self) -> Any:
        return self.connection.execute(select(ProcessInstance.__table__).where(ProcessInstance.id == self.case_id)).one()

    def _status(self) -> str:
        return str(self._case_row().status)

    def _stage(self) -> str | None:
        stage: str | None = self._case_row().stage
        return stage

    def _round(self) -> int:
        return int(self._case_row().round)

    def _number(self) -> str | None:
        number: str | None = self._case_row().number
        return number

    def _numbered(self) -> bool:
        return self._number() is not None

    def _variables(self) -> dict[str, Any]:
        return dict(self._case_row().variables)

    def _case_facts(self) -> dict[str, Any]:
        return dict(self._case_row().variables.get("case", {}))

    # seats

    def _seats(self) -> list[Any]:
        query = select(SEAT).where(SEAT.c.instance_id == self.case_id, SEAT.c.status.in_(LIVE))
        if self.expected.get("activity"):
            query = query.where(SEAT.c.node_id == self.expected["activity"])
        return list(self.connection.execute(query.order_by(SEAT.c.id)).all())

    def _open(self) -> list[str]:
        return list({(seat.instance_id, seat.token): seat.node_id for seat in self._seats()}.values())

    def _candidates(self) -> list[str]:
        ids = [seat.id for seat in self._seats()]
        rows = self.connection.execute(select(SeatOffer.candidate).where(SeatOffer.seat_id.in_(ids)).distinct()).scalars().all()
        return [self.play.cast.shown(candidate) for candidate in rows]

    def _duty(self) -> str | None:
        return self._seats()[0].duty if self._seats() else None

    def _owner(self) -> str | None:
        owners = [seat.owner_id for seat in self._seats() if seat.owner_id]
        return self.play.cast.login_of(owners[0]) if owners else None

    def _due(self) -> str | None:
        seats = self._seats()
        if not seats or seats[0].due_at >= FAR_FUTURE:
            return None
        moment: datetime = seats[0].due_at.astimezone(SHANGHAI).replace(tzinfo=None)
        return moment.isoformat()

    def _flags(self) -> list[str]:
        return [flag["code"] for seat in self._seats() for flag in (seat.summary or {}).get("flags", [])]

    def _flags_include(self) -> list[str]:
        return self._flags()

    def _open_first(self) -> bool:
        return any((seat.summary or {}).get("open_first") for seat in self._seats())

    # what was written

    def _outbox(self) -> list[str]:
        query = select(OutboxMessage.name).where(OutboxMessage.instance_id == self.case_id, OutboxMessage.status != "withdrawn")
        return list(self.connection.execute(query.order_by(OutboxMessage.id)).scalars())

    def _outbox_absent(self) -> list[str]:
        return self._outbox()

    def _outbox_payload(self) -> dict[str, Any]:
        query = select(OutboxMessage.payload).where(OutboxMessage.instance_id == self.case_id).order_by(OutboxMessage.id.desc())
        return dict(self.connection.execute(query.limit(1)).scalar() or {})

    def _marks(self) -> list[Any]:
        rows = self.connection.execute(select(CaseMark.__table__).where(CaseMark.instance_id == self.case_id)).all()
        return [{"kind": row.kind, "organisation": row.organisation_code, "round": row.round} for row in rows]

    def _marks_absent(self) -> list[Any]:
        return self._marks()

    def _notices(self) -> list[str]:
        query = select(Notification.candidate, Notification.kind).where(Notification.instance_id == self.case_id)
        return [f"{row.kind}:{self.play.cast.shown(row.candidate)}" for row in self.connection.execute(query)]

    def _notices_to(self) -> list[str]:
        query = select(Notification.candidate).where(Notification.instance_id == self.case_id)
        return [self.play.cast.shown(candidate) for candidate in self.connection.execute(query).scalars()]

    def _no_notices_to(self) -> list[str]:
        return self._notices_to()

    def _history(self) -> list[Any]:
        return list(self.connection.execute(
            select(HistoryRow.__table__).where(HistoryRow.instance_id == self.case_id).order_by(HistoryRow.sequence)
        ).all())

    def _history_contains(self) -> list[Any]:
        return [
            {"kind": row.kind, "node": row.node_id, "outcome": (row.detail or {}).get("outcome"), "round": row.round,
             "person": self.play.cast.login_of(row.person) if row.person else None, "organisation": row.organisation, "role": row.role,
             "on_behalf_of": self.play.cast.login_of(row.on_behalf_of) if row.on_behalf_of else None, "channel": row.channel}
            for row in self._history()
        ]

    def _history_absent(self) -> list[Any]:
        return self._history_contains()

    def _security_log(self) -> int:
        return int(self.play.security_log_rows(self.connection))

    def _incidents(self) -> list[str]:
        query = select(Incident.kind).where(Incident.resolved_at.is_(None))
        return [reason for reason in self.connection.execute(query).scalars() if reason is not None]

    # lists and commands

    def _sees(self) -> list[str]:
        """The activities of the case that the named person finds in his worklist."""
        actor = self.play.cast.actor(self.connection, self.expected["as"])
        rows = self.play.house.worklist.page(self.connection, actor, "todo", size=500).rows
        return [row.node_id for row in rows if self.case_id is None or row.instance_id == self.case_id]

    def _command_counts(self) -> dict[str, int]:
        command = self.play.commands[self.expected.get("command", "bulk")]
        counts: dict[str, int] = self.play.house.commands.counts(self.connection, command)
        return counts

    def _reasons(self) -> list[str]:
        command = self.play.commands[self.expected.get("command", "bulk")]
        query = select(CommandItem.reason).where(CommandItem.command_id == command, CommandItem.reason.is_not(None))
        return [reason for reason in self.connection.execute(query).scalars() if reason is not None]


CONTAINING = frozenset({"outbox", "marks", "notices", "notices_to", "history_contains", "incidents", "flags_include", "reasons"})
ABSENT = frozenset({"outbox_absent", "marks_absent", "no_notices_to", "history_absent"})


def _covers(got: Any, wanted: Any) -> bool:
    if isinstance(wanted, Mapping):
        return isinstance(got, Mapping) and all(_equal(got.get(name), value) for name, value in wanted.items())
    if isinstance(got, Mapping):
        return wanted in (got.get("kind"), f"{got.get('kind')}:{got.get('node')}", f"{got.get('kind')}@{got.get('organisation')}")
    return str(wanted) in str(got)


def _equal(got: Any, wanted: Any) -> bool:
    if isinstance(wanted, datetime):
        return str(got) == wanted.replace(tzinfo=None).isoformat()
    if isinstance(wanted, (int, float)) and not isinstance(wanted, bool) and isinstance(got, (int, float)):
        return float(got) == float(wanted)
    return bool(got == wanted)


