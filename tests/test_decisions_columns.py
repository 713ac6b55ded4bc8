"""An indexed decision table answers exactly what testing every cell answers, whatever the cells, the values and the hit policy."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from xml.sax.saxutils import escape

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from workflows.decisions import DecisionModel, Result, columns, read_decisions

POLICIES = ("UNIQUE", "ANY", "PRIORITY", "FIRST", "RULE ORDER", "OUTPUT ORDER", "COLLECT")
NUMBERS = ("0", "-1", "5", "5.0", "99", "99.5", "1e33", "1000000000000000000000000000000001", "0.0000000000000000000000000000000001")
DATES = ('@"2026-07-10"', 'date("2026-07-11")', '@"2026-12-31"', 'date("2026-02-30")')
MOMENTS = (
    '@"2026-07-10T12:00:00"', '@"2026-07-10T12:00:00.5"', '@"2026-07-10T12:00:00Z"', '@"2026-07-10T08:00:00+08:00"',
    'date and time("2026-07-10T12:00:01@Asia/Shanghai")',
)
OTHERS = ('"a"', '"b"', '"ab"', '""', "true", "false", "null", '@"P1D"', '@"PT24H"', '@"P1M"', '@"12:00:00"', 'time("12:00:00.25")', '@"12:00:00Z"')
VALUES = (
    None, True, False, 0, -1, 5, 5.5, 42, 99, Decimal("99.5"), Decimal("1e33"), Decimal("1000000000000000000000000000000001"), Decimal("1e-34"),
    "", "a", "ab", "aa", "b", "c", date(2026, 7, 10), date(2026, 7, 11), date(2026, 9, 1), date(1, 1, 1), datetime(2026, 7, 10, 12),
    datetime(2026, 7, 10, 12, 0, 0, 600_000), datetime(2026, 7, 10), {"$datetime": "2026-07-10T00:00:00Z"}, {"$datetime": "2026-07-10T12:00:00.7Z"},
    {"$datetime": "2026-07-10T12:00:01+08:00"}, {"$time": "12:00:00"}, {"$time": "12:00:00.3"}, {"$time": "12:00:00Z"}, timedelta(days=1),
    {"$duration": "P1M"}, {"$duration": "P3M"}, [1, 5], ["a"], {"a": 1},
)
constant = st.sampled_from((*NUMBERS, *DATES, *MOMENTS, *OTHERS))
same_kind = st.sampled_from((NUMBERS, DATES, MOMENTS, DATES + MOMENTS)).flatmap(lambda kind: st.tuples(st.sampled_from(kind), st.sampled_from(kind)))
interval = st.builds(
    lambda ends, low, high: f"{low}{ends[0]}..{ends[1]}{high}", st.one_of(same_kind, st.tuples(constant, constant)),
    st.sampled_from("[(]"), st.sampled_from("])["),
)
compared = st.builds(lambda operator, end: operator + end, st.sampled_from(("<", "<=", ">", ">=", "=", "!=")), constant)
listed = st.lists(st.one_of(constant, interval), min_size=1, max_size=3).map(lambda entries: f"[{', '.join(entries)}]")
test = st.one_of(constant, interval, compared, listed, st.sampled_from(("other", "< other", "? = other", "[other..99]")))
cell = st.one_of(st.just("-"), st.lists(test, min_size=1, max_size=3).map(", ".join), test.map(lambda inner: f"not({inner})"))
output = st.sampled_from(('"优"', '"良"', '"差"'))
rule = st.tuples(st.tuples(cell, cell), output)


def model_of(rules: list[tuple[tuple[str, str], str]], policy: str, aggregation: str = "") -> DecisionModel:
    """A table over the inputs `first` and `second`, in which cells may read `other`."""
    needs = "".join(f'<informationRequirement><requiredInput href="#{name}"/></informationRequirement>' for name in ("first", "second", "other"))
    inputs = "".join(f"<input><inputExpression><text>{name}</text></inputExpression></input>" for name in ("first", "second"))
    rows = "".join(
        f"<rule>{''.join(f'<inputEntry><text>{escape(one)}</text></inputEntry>' for one in cells)}<outputEntry><text>{answer}</text></outputEntry></rule>"
        for cells, answer in rules
    )
    chosen = f'hitPolicy="{policy}"' + (f' aggregation="{aggregation}"' if aggregation else "")
    return read_decisions((
        '<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" namespace="t" name="t">'
        + "".join(f'<inputData id="{name}" name="{name}"/>' for name in ("first", "second", "other"))
        + f'<decision id="d" name="d">{needs}<decisionTable {chosen}>{inputs}'
        f'<output name="grade"><outputValues><text>"优","良","差"</text></outputValues></output>{rows}</decisionTable></decision></definitions>'
    ).encode())


def both(rules: list[tuple[tuple[str, str], str]], policy: str, aggregation: str = "") -> tuple[DecisionModel, DecisionModel]:
    """The table with indexes of any size, and without any."""
    with pytest.MonkeyPatch.context() as limits:
        limits.setattr(columns, "INDEX_FROM", 1)
        indexed = model_of(rules, policy, aggregation)
        limits.setattr(columns, "INDEX_FROM", len(rules) + 1)
        return indexed, model_of(rules, policy, aggregation)


def answer(model: DecisionModel, first: Any, second: Any, other: Any) -> Result:
    return model.evaluate("d", {"first": first, "second": second, "other": other})


@settings(max_examples=80, deadline=None)
@example([(("date(\"2026-02-30\")", "-"), '"优"')], ("UNIQUE", ""), [(None, None, None)])
@given(
    st.lists(rule, min_size=1, max_size=12), st.sampled_from([(policy, "") for policy in POLICIES] + [("COLLECT", "COUNT"), ("COLLECT", "MIN")]),
    st.lists(st.tuples(*[st.sampled_from(VALUES)] * 3), min_size=1, max_size=12),
)
def test_an_indexed_table_answers_what_testing_every_cell_answers(
    rules: list[tuple[tuple[str, str], str]], policy: tuple[str, str], given_values: list[tuple[Any, Any, Any]]
) -> None:
    indexed, plain = both(rules, *policy)
    for values in given_values:
        assert answer(indexed, *values) == answer(plain, *values), values


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(cell, st.just('"优"')), min_size=1, max_size=12), st.sampled_from(VALUES))
def test_one_column_matches_the_same_rules(cells: list[tuple[str, str]], value: Any) -> None:
    indexed, plain = both([((one, "-"), grade) for one, grade in cells], "RULE ORDER")
    for other in (5, date(2026, 7, 10)):
        assert answer(indexed, value, None, other).matched == answer(plain, value, None, other).matched


def test_a_neighbour_of_34_digits_is_told_apart() -> None:
    rules = [((f"[{10**33 + number}..{10**33 + number}]", "-"), f'"{number}"') for number in range(20)]
    indexed, _ = both(rules, "RULE ORDER")
    for number in range(20):
        assert answer(indexed, Decimal(10**33 + number), None, None).matched[0].rule_number == number + 1
    assert answer(indexed, Decimal(f"{10**33}.5"), None, None).matched == ()


def test_a_function_of_the_host_named_like_a_constructor_is_obeyed() -> None:
    rules = [(('date("2026-07-10")', "-"), '"优"')] * 10
    indexed, _ = both(rules, "FIRST")
    given_values = {"first": "mine", "second": None, "other": None}
    assert indexed.evaluate("d", given_values).value is None
    assert indexed.evaluate("d", given_values, {"date": lambda text: "mine"}).value == "优"
    assert indexed.evaluate("d", {**given_values, "first": date(2026, 7, 10)}).value == "优"
