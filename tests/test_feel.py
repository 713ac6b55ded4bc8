"""What FEEL expressions are worth: numbers, logic, texts, lists, contexts, functions, dates and ranges."""

from __future__ import annotations

import gc
import weakref
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from workflows.feel import compile_expression, compile_unary_tests
from workflows.feel.temporal import Date, YearsMonthsDuration

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 7, 6, 9, 30, tzinfo=SHANGHAI)


def value(text: str, **variables: Any) -> Any:
    return compile_expression(text).evaluate(variables, None, NOW)


TRUE = """
0.1 + 0.2 = 0.3
1/3 = 0.3333333333333333333333333333333333
10 - 4 - 3 = 3
2 + 3 * 4 = 14
-2 ** 2 = 4
2 ** 3 ** 2 = 64
2 ** -1 = 0.5
1.5e2 = 150
.5 + .5 = 1
1/0 = null
1 + null = null
"a" + 1 = null
"国家" + "开发银行" = "国家开发银行"
"\\u4E2D\\U01F40E" = "中🐎"
(true and null) = null
(false and null) = false
(true or null) = true
(false or null) = null
(true and 1) = null
not(null) = null
(1 = "1") = null
(1 < "2") = null
[] != null
[1, 2] = [1, 2.0]
{a: 1, b: 2} = {b: 2, a: 1}
5 between 1 and 10
(5 between 10 and null) = false
3 in [1..3]
(3 in [1..3)) = false
3 in ]2..4[
3 in (<2, >2)
"a" in ("b", "a")
1 in [3, 2, 1]
not(5 in (>= 6))
if 1 > 0 then true else false
(if null then 1 else 2) = 2
(for x in 1..3 return x * x) = [1, 4, 9]
(for x in 3..1 return x) = [3, 2, 1]
(for x in [1..3] return x) = [1, 2, 3]
(for x in 1..2, y in [x, 10] return x * y) = [1, 10, 4, 20]
(for i in 0..4 return if i = 0 then 1 else i * partial[-1]) = [1, 1, 2, 6, 24]
(for i in 1..3 return partial) = [[], [[]], [[], [[]]]]
(for d in @"2026-02-28"..@"2026-03-01" return d.day) = [28, 1]
some x in [1, 2], y in [2, 3] satisfies x = y
every x in [] satisfies false
(every x in [1] satisfies null) = null
[1, 2, 3][2] = 2
[1, 2, 3][-1] = 3
[1, 2, 3][4] = null
[1, 2, 3, 4][item > 2] = [3, 4]
[{x: 1, y: 2}, {x: 2, y: 3}][x = 2].y = [3]
[{a: 1}, {a: 2}].a = [1, 2]
1[1] = 1
null[1] = null
{a: 1, b: a + 1}.b = 2
{"带 空格": 1}.带 空格 = 1
{foo+bar: 1, sum: foo+bar}.sum = 1
{fac: function(n) if n < 2 then 1 else n * fac(n - 1), r: fac(5)}.r = 120
(function(a: number, b) a + b)(b: 1, a: 2) = 3
(function(a: number) a)("x") = null
(function(a: number) a)([5]) = 5
{f: function(x) x + 1}.f(2) = 3
[1, 2] instance of list<number>
not(["a"] instance of list<number>)
{a: 1} instance of context<a: number>
[1..2] instance of range<number>
@"P1D" instance of days and time duration
(function(x: number) x) instance of function<number> -> Any
null instance of Null
not(null instance of Any)
count([1, [2, 3]]) = 2
substring(string: "foobar", start position: -2) = "ar"
or([true, null])
@"2026-01-31" + @"P1M" = @"2026-02-28"
@"2026-07-10" - @"2026-07-06" = @"P4D"
@"2026-07-10T23:59:59+08:00" = @"2026-07-10T15:59:59Z"
@"2026-07-10T23:59:59+08:00" < @"2026-07-11T00:00:00+08:00"
(@"2026-07-10T23:59:59" < @"2026-07-11T00:00:00Z") = null
@"2026-07-10T08:00:00@Asia/Shanghai" = @"2026-07-10T00:00:00Z"
@"P1D" / @"PT1H" = 24
@"P1Y" * 1.5 = @"P18M"
@"23:00:00" + @"PT2H" = @"01:00:00"
string(@"2021-03-28T01:30:00@Europe/Paris" + @"PT1H") = "2021-03-28T03:30:00@Europe/Paris"
string(@"2026-07-10T23:30:00@Asia/Shanghai" + @"PT1H") = "2026-07-11T00:30:00@Asia/Shanghai"
@"2026-07-10T23:30:00-09:00" + @"P1D" = @"2026-07-11T23:30:00-09:00"
@"2026-07-10".weekday = 5
@"PT36H".days = 1
@"PT36H".hours = 12
@"P14M".months = 2
@"10:00:00+08:00".time offset = @"PT8H"
@"2026-07-10T10:00:00@Asia/Shanghai".timezone = "Asia/Shanghai"
string(@"2026-07-10T10:00:00@Asia/Shanghai") = "2026-07-10T10:00:00@Asia/Shanghai"
string(duration("PT90M")) = "PT1H30M"
string(1.10) = "1.1"
string([1, "a", null]) = "[1, \\"a\\", null]"
date("2026-02-30") = null
date("-999999999-01-01").year = -999999999
is(@"10:00:00Z", @"10:00:00") = false
[1..5].start included
(1..5].start = 1
range("[18..21)") = [18..21)
range("[3..1]") = null
before([1..5), 5)
includes([1..10], [4..6])
now() > @"2026-07-06T00:00:00Z"
today() = @"2026-07-06"
1 + /* 注释 */ 2 = 3 // 到行尾
"""


@pytest.mark.parametrize("text", [line for line in TRUE.splitlines() if line])
def test_the_expression_is_true(text: str) -> None:
    assert value(text) is True


def test_unknown_names_are_null() -> None:
    assert value("nobody") is None
    assert value("nobody.at.home") is None
    assert value("nobody(1)") is None


def test_names_with_spaces_and_chinese_names_need_no_declaration() -> None:
    assert value("月收入 * 2", 月收入=3000) == 6000
    assert compile_expression("monthly income + 家庭 人数").evaluate({"monthly income": 1, "家庭 人数": 2}) == 3
    assert compile_expression("学生.入学 年份").evaluate({"学生": {"入学 年份": 2024}}) == 2024


def test_declared_names_may_hold_marks_and_keywords() -> None:
    variables = {"a+b": 5, "a": 1, "b": 1, "in-state": True}
    assert compile_expression("a+b * 2", {"a+b"}).evaluate(variables) == 10
    assert compile_expression("a + b * 2", {"a+b"}).evaluate(variables) == 10
    assert compile_expression("a+b").evaluate(variables) == 2
    assert compile_expression("in-state", {"in-state"}).evaluate(variables) is True


def test_numbers_are_exact_decimals() -> None:
    assert value("a * 3", a=0.1) == Decimal("0.3")
    assert value("total - 12000.10", total=12000.3) == Decimal("0.2")
    assert value("true + 1") is None


def test_json_variables_are_read_as_they_are_stored() -> None:
    case = {"due": {"$date": "2026-07-10"}, "at": {"$datetime": "2026-07-10T23:59:59+08:00"}, "wait": {"$duration": "P3D"}}
    assert value("case.due + case.wait", case=case) == date(2026, 7, 13)
    assert value("case.due.month", case=case) == 7
    assert value("case.at", case=case) == datetime.fromisoformat("2026-07-10T23:59:59+08:00")
    assert value("[case][due < date(\"2026-08-01\")].wait", case=case) == [timedelta(days=3)]


def test_dates_come_back_as_pythons_own_where_python_has_them() -> None:
    assert value('date("2026-07-10")') == date(2026, 7, 10)
    assert value('time("10:00:00")') == time(10)
    assert value('@"P1DT2H"') == timedelta(days=1, hours=2)
    assert value('@"P1Y"') == YearsMonthsDuration(12)
    assert value('date("12026-07-10")') == Date(12026, 7, 10)
    assert str(value('time("10:00:00.123456789")')) == "10:00:00.123456789"


def test_now_and_today_are_null_without_a_moment() -> None:
    assert compile_expression("now()").evaluate({}) is None
    assert compile_expression("today()").evaluate({}) is None


def test_functions_of_the_host_may_be_made_anew_for_each_case_and_none_is_kept() -> None:
    def made(days: int) -> Any:
        return lambda start, more=0: start + timedelta(days=days + int(more))

    expression, kept = compile_expression("later(now(), n)"), []
    for days in (1, 2):
        later = made(days)
        kept.append(weakref.ref(later))
        assert expression.evaluate({"n": 3}, {"later": later, "now": lambda: NOW}) == NOW + timedelta(days=days + 3)
        assert compile_expression("later()").evaluate({}, {"later": later}) is None
        del later
    gc.collect()
    assert [one() for one in kept] == [None, None]


def test_host_functions_take_and_give_python_values() -> None:
    def working_days_after(start: datetime, days: Decimal) -> datetime:
        return start + timedelta(days=int(days))

    functions = {"working days after": working_days_after, "角色": lambda role, org: f"{role}@{org}", "now": lambda: NOW}
    expression = compile_expression("working days after(now(), 3) > now()")
    assert expression.evaluate({}, functions) is True
    assert compile_expression('角色("clerk", case.county)').evaluate({"case": {"county": "C1"}}, functions) == "clerk@C1"
    assert compile_expression("working days after(days: 1, start: now()).day").evaluate({}, functions) == 7
    assert compile_expression("working days after(now())").evaluate({}, functions) is None


def test_what_an_expression_reads_is_known_before_it_runs() -> None:
    expression = compile_expression("case.university = org(code).name and count(items[amount > limit]) > 1")
    assert expression.names == {"case", "code", "items"}
    assert expression.item_names == {"amount", "limit"}
    assert ("case", "university") in expression.paths
    assert expression.called == {"org"}


def test_local_names_are_not_free() -> None:
    assert compile_expression("for x in xs return x + y").names == {"xs", "y"}
    assert compile_expression("{a: 1, b: a + c}").names == {"c"}
    assert compile_expression("function(p) p + q").names == {"q"}


@pytest.mark.parametrize(
    ("cell", "passing", "failing"),
    [
        ("-", 1, None), ('"a","b"', "b", "c"), ("< 10", 9, 10), ("[1..5)", 1, 5), ('not("a","b")', "c", "a"),
        ("? > 3", 4, 3), ("1, [5..6], > 100", 101, 2), ('date("2026-07-10")', date(2026, 7, 10), date(2026, 7, 11)),
        ("starts with(?, \"王\")", "王五", "张三"), ("limit", 7, 8), ("true", True, False), ("null", None, 1),
    ],
)
def test_cells_of_decision_tables_match(cell: str, passing: Any, failing: Any) -> None:
    tests = compile_unary_tests(cell)
    assert tests.matches(passing, {"limit": 7}) is True
    if cell != "-":
        assert tests.matches(failing, {"limit": 7}) is not True


def test_a_cell_on_something_incomparable_is_neither_true_nor_false() -> None:
    assert compile_unary_tests("< 10").matches("text", {}) is None
    assert compile_unary_tests("not(< 10)").matches("text", {}) is None


def test_named_arguments_of_relations_follow_the_order_of_the_call() -> None:
    assert value("before(point: 1, range: [2..3])") is True
    assert value("before(range: [2..3], point: 1)") is False
    assert value("after(range: [2..3], point: 1)") is True
