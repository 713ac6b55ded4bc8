"""Due dates worked out once more: from the moment a seat opened, and by the working time a suspension took. It changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from tests.prover_office import Office
from tests.prover_world import LIVE, World
from workflows.business_calendar import SHANGHAI

DAY = timedelta(days=1)
FAR = "9999"
IN_DAYS, IN_TWO_DAYS, FIXED = "= working days after(now(), 3)", '= now() + duration("P2D")', '= date and time("2026-07-10T17:00:00+08:00")'


def moment(text: str) -> datetime:
    """A moment as SQLite keeps it."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class Dates:
    """What every seat's due date must be."""

    def __init__(self, office: Office) -> None:
        listed = office.rows("SELECT day, working FROM calendar_day")
        self.special = {date.fromisoformat(row["day"]): bool(row["working"]) for row in listed}
        self.known: dict[int, datetime | None] = {}
        self.queued: dict[int, datetime] = {}  # what a seat of a sequence was due at before its turn came

    def check(self, world: World, facts: Iterable[Mapping[str, Any]]) -> None:
        """Every live seat is due when it must be; resumed cases move what counts working time."""
        again = {fact["token"] for fact in facts if fact["kind"] in ("decision_withdrawn", "undone", "given_back")}
        renewed = {(fact["instance_id"], fact["token"]) for fact in facts if fact["kind"] in ("reassessed", "vote_reached")}
        resumed = {fact["instance_id"]: datetime.fromisoformat(fact["detail"]["since"]) for fact in facts if fact["kind"] == "resumed"}
        taken_back = {(fact["instance_id"], fact["token"]) for fact in facts if fact["kind"] == "undone"}
        withdrawn = {fact["instance_id"] for fact in facts if fact["kind"] == "decision_withdrawn"}
        for seat in world.seats.values():
            if seat["status"] not in LIVE or seat["due_at"].startswith(FAR):
                continue
            number, due, rule = seat["id"], moment(seat["due_at"]), self.rule(world, seat)
            if number not in self.known:
                taken_over = seat["kind"] != "main" or seat["instance_id"] in withdrawn or bool(again) or rule is None
                wanted = due if taken_over or rule is None else self.due(rule, moment(seat["created_at"]))
                if rule is not None and rule != FIXED and seat["instance_id"] in resumed:
                    wanted = due  # opened and moved within one step
                assert due == wanted, f"8: seat {number} is due {due}, not {wanted}"
            elif seat["instance_id"] in resumed and rule in (IN_DAYS, IN_TWO_DAYS):
                before = self.known[number]
                wanted = None if before is None else self.later(before, self.working(resumed[seat["instance_id"]], world.now))
                assert wanted in (None, due), f"8: seat {number} is due {due} after the suspension, not {wanted}"
                self.queued.pop(number, None)
            elif seat["status"] == "queued" and (seat["instance_id"], seat["token"]) in taken_back:
                wanted = self.queued.get(number, due)  # not known when a suspension lay between: it is worked out anew when its turn comes
                assert due == wanted, f"8: seat {number} waits again and is due {due}, not {wanted}"
            elif (seat["instance_id"], seat["token"]) not in renewed:
                assert due == self.known[number], f"8: seat {number} was due {self.known[number]} and is due {due}"
            self.known[number] = due
            if seat["status"] == "queued":
                self.queued[number] = due

    @staticmethod
    def rule(world: World, seat: Mapping[str, Any]) -> str | None:
        node = world.version(world.cases[seat["instance_id"]]).graph.nodes.get(seat["node_id"])
        return node.attributes.get("dueDate") if node is not None else None

    def due(self, rule: str, start: datetime) -> datetime:
        """Start + duration, the third working day after it, or the calendar's own date."""
        if rule == IN_TWO_DAYS:
            return start + 2 * DAY
        if rule == FIXED:
            return datetime(2026, 7, 10, 17, tzinfo=SHANGHAI)
        here = start.astimezone(SHANGHAI)
        left = 3
        while left:
            here += DAY
            left -= self.is_working(here.date())
        return datetime.combine(here.date(), time(23, 59, 59), SHANGHAI)

    def is_working(self, day: date) -> bool:
        return self.special.get(day, day.weekday() < 5)

    def working(self, start: datetime, end: datetime) -> timedelta:
        """How much of a stretch lies on working days."""
        total, here = timedelta(), start.astimezone(SHANGHAI)
        while here < end:
            midnight = datetime.combine(here.date() + DAY, time(), SHANGHAI)
            total += (min(midnight, end.astimezone(SHANGHAI)) - here) if self.is_working(here.date()) else timedelta()
            here = midnight
        return total

    def later(self, due: datetime, by: timedelta) -> datetime:
        """So much working time later."""
        here = due.astimezone(SHANGHAI)
        while by > timedelta():
            midnight = datetime.combine(here.date() + DAY, time(), SHANGHAI)
            if self.is_working(here.date()):
                if midnight - here > by:
                    return here + by
                by -= midnight - here
            here = midnight
        return here
