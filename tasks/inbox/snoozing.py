"""稍后: a person puts a seat aside until a moment, never past its due date. It is his list alone: the case does not change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta

from sqlalchemy import Connection, delete, exists, select

from tasks.actors import Actor
from tasks.children.entering import look
from tasks.operation_models import Snooze
from tasks.operations import Answer, Argument, Arguments, Choice, Operation
from tasks.standing import require
from workflows.business_calendar import SHANGHAI, BusinessCalendar, Clock, local_day
from workflows.engine import ProcessEngine
from workflows.errors import CalendarMissing, InvalidForm, Rejection, Words
from workflows.models import FAR_FUTURE
from workflows.store import Store, put

TABLE = Snooze.__table__
MORNING, AFTERNOON = time(9), time(14)
LONGEST = timedelta(days=60)
PAST_DUE: Words = {"zh": "晚于该事项的期限", "en": "later than the item is due"}
PASSED: Words = {"zh": "这个时间已过", "en": "this moment has passed"}


class Snoozing:
    """The operations snooze and wake."""

    def __init__(self, store: Store, engine: ProcessEngine, calendar: BusinessCalendar, clock: Clock) -> None:
        self._store = store
        self._engine = engine
        self._calendar = calendar
        self._clock = clock

    def operations(self) -> Sequence[Operation]:
        """As data for the register."""
        return [Operation(
            "snooze", "seat", "稍后", "Snooze",
            "先从您的待办中收起，到时自动回来；不会晚于期限，不影响他人办理。",
            "Puts it out of your list until then; never past its due date, and others may still act on it.",
            self.snooze, (Argument("until", "choice", "到什么时候", "Until", True),), self.choices, icon="clock",
        )]

    def snooze(self, connection: Connection, actor: Actor, seat_id: int, given: Arguments) -> Answer:
        """Put the seat aside until `until` (ISO 8601, or the code of one of `moments`). Raises InvalidForm for a moment that has passed or lies past the due date."""
        here = look(self._engine, connection, actor, seat_id)
        require(here.standing, "snooze")
        until = self._moment(connection, given.get("until"))
        refused = self._refusal(until, here.row.seat_due_at)
        if refused is not None:
            raise InvalidForm({"until": refused})
        put(connection, Snooze, ["person_id", "seat_id"], {"person_id": actor.person_id, "seat_id": seat_id, "until": until})
        shown = until.astimezone(SHANGHAI)
        return Answer(f"已收起，{shown:%m-%d %H:%M} 回到待办。", f"Put aside until {shown:%m-%d %H:%M}.", stay=False)

    def wake(self, connection: Connection, actor: Actor, seat_id: int) -> None:
        """Back into the list now."""
        connection.execute(delete(Snooze).where(TABLE.c.person_id == actor.person_id, TABLE.c.seat_id == seat_id))

    def forget_old(self) -> bool:
        """Drop what has come back, or would have if its seat were not closed; writes only when there is some."""
        old = TABLE.c.until <= self._clock.now()
        with self._store.read() as connection:
            if not connection.execute(select(exists().where(old))).scalar():
                return False
        with self._store.transaction() as connection:
            return connection.execute(delete(Snooze).where(old)).rowcount > 0

    def choices(self, connection: Connection, actor: Actor, seat_id: int) -> Mapping[str, Sequence[Choice]]:
        """The usual moments; those past the due date are shown and cannot be chosen."""
        due = look(self._engine, connection, actor, seat_id).row.seat_due_at
        return {"until": [
            Choice(moment.isoformat(timespec="seconds"), f"{zh}（{moment:%m-%d %H:%M}）", f"{en} ({moment:%m-%d %H:%M})", self._refusal(moment, due))
            for _code, zh, en, moment in self.moments(connection)
        ]}

    def moments(self, connection: Connection) -> list[tuple[str, str, str, datetime]]:
        """Code, words and moment of what one may choose, in Asia/Shanghai."""
        now = self._clock.now().astimezone(SHANGHAI).replace(second=0, microsecond=0)
        found = [("hour", "1 小时后", "In an hour", now + timedelta(hours=1))]
        if now.time() < time(13):
            found.append(("afternoon", "今天下午", "This afternoon", now.replace(hour=AFTERNOON.hour, minute=0)))
        tomorrow = self._working_morning(connection, now)
        found.append(("morning", "下一个工作日", "Next working day", tomorrow))
        monday = now + timedelta(days=7 - now.weekday())
        if monday.date() > tomorrow.date():
            found.append(("monday", "下周一", "Next Monday", datetime.combine(monday.date(), MORNING, SHANGHAI)))
        return found

    def _working_morning(self, connection: Connection, now: datetime) -> datetime:
        try:
            day = local_day(self._calendar.working_days_after(connection, now, 1))
        except CalendarMissing:
            day = local_day(now + timedelta(days=1))
        return datetime.combine(day, MORNING, SHANGHAI)

    def _refusal(self, moment: datetime, due: datetime) -> Words | None:
        if moment <= self._clock.now():
            return PASSED
        if due < FAR_FUTURE and moment > due or moment > self._clock.now() + LONGEST:
            return PAST_DUE
        return None

    def _moment(self, connection: Connection, given: object) -> datetime:
        for code, _zh, _en, moment in self.moments(connection):
            if code == given:
                return moment
        try:
            moment = datetime.fromisoformat(str(given))
        except ValueError as wrong:
            raise Rejection("时间无法识别。", "The moment could not be read.") from wrong
        return moment if moment.tzinfo else moment.replace(tzinfo=SHANGHAI)
