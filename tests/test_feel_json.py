"""Values survive storage as plain JSON."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some

from workflows.feel.literals import parse_date, parse_date_time, parse_duration, parse_time
from workflows.feel.temporal import civil_from_days, days_from_civil
from workflows.feel.values import from_json, to_json


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (Decimal("3"), 3), (Decimal("3.50"), 3.5), (Decimal("0.1"), 0.1), (Decimal(2**53 + 1), {"$number": "9007199254740993"}),
        (Decimal("0.1234567890123456789"), {"$number": "0.1234567890123456789"}), (True, True), (None, None),
        (date(2026, 7, 10), {"$date": "2026-07-10"}), (timedelta(days=1), {"$duration": "P1D"}),
        (datetime(2026, 7, 10, 23, 59, 59, tzinfo=ZoneInfo("Asia/Shanghai")), {"$datetime": "2026-07-10T23:59:59@Asia/Shanghai"}),
        (datetime(2026, 7, 10, tzinfo=UTC), {"$datetime": "2026-07-10T00:00:00Z"}), (parse_time("10:00:00"), {"$time": "10:00:00"}),
        (parse_duration("P1Y2M"), {"$duration": "P1Y2M"}), ({"a": [Decimal(1)]}, {"a": [1]}),
    ],
)
def test_values_are_stored_in_their_plainest_form(value: Any, stored: Any) -> None:
    assert to_json(value) == stored
    assert type(to_json(value)) is type(stored)
    assert to_json(from_json(json.loads(json.dumps(stored)))) == stored


FINITE = some.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-10**20, max_value=10**20)


@given(FINITE)
def test_every_number_comes_back_equal(number: Decimal) -> None:
    assert from_json(json.loads(json.dumps(to_json(number)))) == number


@given(some.dates())
def test_every_date_comes_back(day: date) -> None:
    stored = to_json(day)
    assert from_json(stored) == parse_date(day.isoformat())
    assert civil_from_days(days_from_civil(day.year, day.month, day.day)) == (day.year, day.month, day.day)
    assert days_from_civil(day.year, day.month, day.day) == day.toordinal() - date(1970, 1, 1).toordinal()


@given(some.datetimes(timezones=some.sampled_from([UTC, ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Paris")])))
def test_every_moment_comes_back(moment: datetime) -> None:
    assert to_json(from_json(to_json(moment))) == to_json(moment)


@given(some.timedeltas())
def test_every_duration_comes_back(duration: timedelta) -> None:
    assert to_json(from_json(to_json(duration))) == to_json(duration)


@pytest.mark.parametrize("text", ["2026-13-01", "2026-02-29", "26-01-01", "02026-01-01", "2026-1-1", "2026-01-01T", "٢٠٢٦-01-01"])
def test_texts_that_are_no_dates_are_refused(text: str) -> None:
    assert parse_date(text) is None
    assert from_json({"$date": text}) is None


@pytest.mark.parametrize("text", ["24:00:00", "10:60:00", "10:00", "10:00:00+19:00", "10:00:00@Nowhere/Land", "10:00:00@../etc"])
def test_texts_that_are_no_times_are_refused(text: str) -> None:
    assert parse_time(text) is None
    assert parse_date_time(f"2026-01-01T{text}") is None


@pytest.mark.parametrize("text", ["P", "PT", "P1", "P1Y1D", "P1DT", "1D", "P-1D"])
def test_texts_that_are_no_durations_are_refused(text: str) -> None:
    assert parse_duration(text) is None


def test_a_dict_with_a_dollar_key_of_its_own_is_left_alone() -> None:
    assert from_json({"$price": "5"}) == {"$price": "5"}
    assert from_json({"$date": "2026-07-10", "note": "x"}) == {"$date": "2026-07-10", "note": "x"}
