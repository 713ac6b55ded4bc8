"""Dates, times and durations of FEEL: any year, nanoseconds, named zones, and two kinds of duration kept apart.

It must not know expressions, JSON or other values.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache, total_ordering
from zoneinfo import ZoneInfo

NANOSECONDS = 1_000_000_000
DAY_SECONDS = 86_400
MAXIMUM_YEAR = 999_999_999


def days_from_civil(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01 of a proleptic Gregorian date of any year (Howard Hinnant's days_from_civil)."""
    year -= month <= 2
    era = year // 400
    year_of_era = year - era * 400
    day_of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146_097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719_468


def civil_from_days(days: int) -> tuple[int, int, int]:
    """The inverse of days_from_civil: (year, month, day)."""
    days += 719_468
    era = days // 146_097
    day_of_era = days - era * 146_097
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month_index = (5 * day_of_year + 2) // 153
    month = month_index + (3 if month_index < 10 else -9)
    return year_of_era + era * 400 + (month <= 2), month, day_of_year - (153 * month_index + 2) // 5 + 1


def days_in_month(year: int, month: int) -> int:
    """Length of a month, 28 to 31."""
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31


class Zone:
    """A time zone: a fixed offset in seconds, or a name of the IANA database."""

    __slots__ = ("name", "offset", "_rules")

    def __init__(self, name: str | None, offset: int | None, rules: ZoneInfo | None = None) -> None:
        self.name = name
        self.offset = offset
        self._rules = rules

    @staticmethod
    def named(name: str) -> Zone:
        """The IANA zone `name`; ValueError if there is none."""
        rules = _zone_rules(name)
        if rules is None:
            raise ValueError(f"there is no time zone {name!r}")
        return Zone(name, None, rules)

    @staticmethod
    def fixed(seconds: int) -> Zone:
        """A fixed offset; ValueError beyond 18 hours."""
        if abs(seconds) > 18 * 3600:
            raise ValueError("the offset is larger than 18 hours")
        return Zone(None, seconds)

    def offset_at(self, day: Date, second_of_day: int) -> int:
        """Offset in seconds east of UTC at a local time."""
        if self.offset is not None:
            return self.offset
        year = day.year if 1 < day.year < 9999 else 2000 + day.year % 400
        moment = datetime(year, day.month, day.day, tzinfo=self._rules) + timedelta(seconds=second_of_day)
        offset = moment.utcoffset()
        return int(offset.total_seconds()) if offset is not None else 0

    def offset_from_utc(self, day: Date, second_of_day: int) -> int:
        """Offset in seconds east of UTC at a moment given in UTC."""
        if self.offset is not None or self._rules is None:
            return self.offset or 0
        year = day.year if 1 < day.year < 9999 else 2000 + day.year % 400
        moment = datetime(year, day.month, day.day, tzinfo=UTC) + timedelta(seconds=second_of_day)
        offset = moment.astimezone(self._rules).utcoffset()
        return int(offset.total_seconds()) if offset is not None else 0

    def python(self) -> tzinfo:
        """The same zone for Python's datetime."""
        if self._rules is not None:
            return self._rules
        return UTC if self.offset == 0 else timezone(timedelta(seconds=self.offset or 0))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Zone) and (self.name, self.offset) == (other.name, other.offset)

    def __hash__(self) -> int:
        return hash((self.name, self.offset))

    def __str__(self) -> str:
        if self.name is not None:
            return f"@{self.name}"
        seconds = self.offset or 0
        if seconds == 0:
            return "Z"
        sign, seconds = ("-", -seconds) if seconds < 0 else ("+", seconds)
        tail = f":{seconds % 60:02d}" if seconds % 60 else ""
        return f"{sign}{seconds // 3600:02d}:{seconds % 3600 // 60:02d}{tail}"


@lru_cache(maxsize=1024)
def _zone_rules(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None


@total_ordering
class Date:
    """A date of the proleptic Gregorian calendar, years −999,999,999 to 999,999,999 (DMN 10.3.2.3.4)."""

    __slots__ = ("year", "month", "day")

    def __init__(self, year: int, month: int, day: int) -> None:
        if not (abs(year) <= MAXIMUM_YEAR and 1 <= month <= 12 and 1 <= day <= days_in_month(year, month)):
            raise ValueError("there is no such date")
        self.year = year
        self.month = month
        self.day = day

    @staticmethod
    def from_days(days: int) -> Date:
        """The date `days` after 1970-01-01."""
        return Date(*civil_from_days(days))

    @property
    def days(self) -> int:
        """Days since 1970-01-01."""
        return days_from_civil(self.year, self.month, self.day)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Date) and self._key() == other._key()

    def __lt__(self, other: Date) -> bool:
        return self._key() < other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[int, int, int]:
        return (self.year, self.month, self.day)

    def __str__(self) -> str:
        sign = "-" if self.year < 0 else ""
        return f"{sign}{abs(self.year):04d}-{self.month:02d}-{self.day:02d}"

    def __repr__(self) -> str:
        return f"Date({self})"


class Time:
    """A time of day with nanoseconds and perhaps a zone (DMN 10.3.2.3.5)."""

    __slots__ = ("hour", "minute", "second", "nanosecond", "zone")

    def __init__(self, hour: int, minute: int, second: int, nanosecond: int = 0, zone: Zone | None = None) -> None:
        if not (0 <= hour < 24 and 0 <= minute < 60 and 0 <= second < 60 and 0 <= nanosecond < NANOSECONDS):
            raise ValueError("there is no such time")
        self.hour = hour
        self.minute = minute
        self.second = second
        self.nanosecond = nanosecond
        self.zone = zone

    @staticmethod
    def from_nanoseconds(total: int, zone: Zone | None) -> Time:
        """The time `total` nanoseconds after midnight, wrapped into one day."""
        seconds, nanosecond = divmod(total % (DAY_SECONDS * NANOSECONDS), NANOSECONDS)
        return Time(seconds // 3600, seconds // 60 % 60, seconds % 60, nanosecond, zone)

    @property
    def second_of_day(self) -> int:
        """Whole seconds since midnight."""
        return self.hour * 3600 + self.minute * 60 + self.second

    @property
    def nanoseconds(self) -> int:
        """Nanoseconds since local midnight."""
        return self.second_of_day * NANOSECONDS + self.nanosecond

    @property
    def offset(self) -> int | None:
        """Seconds east of UTC; a named zone without a date counts at 1970-01-01; None for a local time."""
        return None if self.zone is None else self.zone.offset_at(EPOCH, self.second_of_day)

    def order_key(self) -> int:
        """Nanoseconds since midnight UTC: what times are compared by."""
        return self.nanoseconds - (self.offset or 0) * NANOSECONDS

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Time) or (self.zone is None) != (other.zone is None):
            return False
        return self.order_key() == other.order_key()

    def __hash__(self) -> int:
        return hash(self.order_key())

    def __str__(self) -> str:
        fraction = f".{self.nanosecond:09d}".rstrip("0") if self.nanosecond else ""
        zone = "" if self.zone is None else str(self.zone)
        return f"{self.hour:02d}:{self.minute:02d}:{self.second:02d}{fraction}{zone}"

    def __repr__(self) -> str:
        return f"Time({self})"


EPOCH = Date(1970, 1, 1)


class DateTime:
    """A date and a time together; local when the time has no zone (DMN 10.3.2.3.6)."""

    __slots__ = ("date", "time")

    def __init__(self, day: Date, clock: Time) -> None:
        self.date = day
        self.time = clock

    @property
    def offset(self) -> int | None:
        """Seconds east of UTC at this moment; None for a local date and time."""
        zone = self.time.zone
        return None if zone is None else zone.offset_at(self.date, self.time.second_of_day)

    @property
    def nanoseconds(self) -> int:
        """Nanoseconds since 1970-01-01T00:00:00 UTC; a local one is read as UTC."""
        seconds = self.date.days * DAY_SECONDS - (self.offset or 0)
        return seconds * NANOSECONDS + self.time.nanoseconds

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, DateTime) or (self.time.zone is None) != (other.time.zone is None):
            return False
        return self.nanoseconds == other.nanoseconds

    def __hash__(self) -> int:
        return hash(self.nanoseconds)

    def __str__(self) -> str:
        return f"{self.date}T{self.time}"

    def __repr__(self) -> str:
        return f"DateTime({self})"


@total_ordering
class DaysTimeDuration:
    """A days and time duration, in nanoseconds (DMN 10.3.2.3.7)."""

    __slots__ = ("nanoseconds",)

    def __init__(self, nanoseconds: int) -> None:
        self.nanoseconds = nanoseconds

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DaysTimeDuration) and self.nanoseconds == other.nanoseconds

    def __lt__(self, other: DaysTimeDuration) -> bool:
        return self.nanoseconds < other.nanoseconds

    def __hash__(self) -> int:
        return hash(("days", self.nanoseconds))

    def __str__(self) -> str:
        sign = "-" if self.nanoseconds < 0 else ""
        seconds, nanosecond = divmod(abs(self.nanoseconds), NANOSECONDS)
        days, seconds = divmod(seconds, DAY_SECONDS)
        fraction = f".{nanosecond:09d}".rstrip("0") if nanosecond else ""
        parts = [f"{seconds // 3600}H" if seconds >= 3600 else "", f"{seconds // 60 % 60}M" if seconds // 60 % 60 else ""]
        parts.append(f"{seconds % 60}{fraction}S" if seconds % 60 or nanosecond else "")
        clock = "".join(parts)
        if not days and not clock:
            return "PT0S"
        return f"{sign}P{f'{days}D' if days else ''}{'T' if clock else ''}{clock}"

    def __repr__(self) -> str:
        return f"DaysTimeDuration({self})"


@total_ordering
class YearsMonthsDuration:
    """A years and months duration, in months (DMN 10.3.2.3.8)."""

    __slots__ = ("months",)

    def __init__(self, months: int) -> None:
        self.months = months

    def __eq__(self, other: object) -> bool:
        return isinstance(other, YearsMonthsDuration) and self.months == other.months

    def __lt__(self, other: YearsMonthsDuration) -> bool:
        return self.months < other.months

    def __hash__(self) -> int:
        return hash(("months", self.months))

    def __str__(self) -> str:
        sign = "-" if self.months < 0 else ""
        years, months = divmod(abs(self.months), 12)
        if not years and not months:
            return "P0M"
        return f"{sign}P{f'{years}Y' if years else ''}{f'{months}M' if months else ''}"

    def __repr__(self) -> str:
        return f"YearsMonthsDuration({self})"
