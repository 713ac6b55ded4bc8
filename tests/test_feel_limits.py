"""No expression can hang the desk or eat its memory: everything hostile stops with plain words, quickly."""

from __future__ import annotations

from typing import Any

import pytest

from workflows.feel import FeelError, FeelLimitError, compile_expression, compile_unary_tests

DOUBLING = "for i in 1..60 return if i = 1 then [1] else [partial[-1], partial[-1]]"


def value(text: str, **variables: Any) -> Any:
    return compile_expression(text).evaluate(variables)


@pytest.mark.parametrize(
    "text",
    [
        "count(for x in 1..1000000000000 return x)",
        "count(for a in 1..2000, b in 1..2000 return a * b)",
        "some x in 1..99999999 satisfies x < 0",
        "{f: function(n) f(n + 1), r: f(1)}.r",
        'for i in 1..60 return if i = 1 then "aaaaaaaaaa" else partial[-1] + partial[-1]',
        "for i in 1..60 return if i = 1 then [1] else concatenate(partial[-1], partial[-1])",
        DOUBLING,
        f"string({DOUBLING})",
        f"flatten({DOUBLING})",
        f"({DOUBLING}) = ({DOUBLING})",
        f"({DOUBLING}).x",
        f"({DOUBLING}) instance of list<list<list<number>>>",
        f"list contains({DOUBLING}, 5)",
        'replace(string join(for i in 1..100000 return "a"), "a", "bbbbbbbbbb")',
        "for i in 1..900000 return list contains(big, 1)",
        "for i in 1..900000 return big = big2",
    ],
)
def test_expensive_expressions_are_stopped(text: str) -> None:
    with pytest.raises(FeelLimitError):
        value(text, big=list(range(2, 5000)), big2=[*range(2, 4999), 0])


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5000 + "1" + ")" * 5000, "[" * 100 + "]" * 100, "-" * 200 + "1", "1" + "+1" * 5000, "not(" * 100 + "true" + ")" * 100,
        "if true then " * 100 + "1" + " else 2" * 100, "a" + ".b" * 50_001, "x instance of " + "list<" * 2000 + "Any" + ">" * 2000,
    ],
)
def test_texts_nested_too_deeply_are_refused(text: str) -> None:
    with pytest.raises(FeelError):
        compile_expression(text)


def test_cells_nested_too_deeply_are_refused() -> None:
    with pytest.raises(FeelError):
        compile_unary_tests("not(" * 500 + "1" + ")" * 500)


def test_huge_numbers_are_null_or_exact_and_never_slow() -> None:
    assert value("9 ** 9 ** 9 ** 9 ** 9") is None
    assert value("10 ** 6000 * 10 ** 6000") is None
    assert value("modulo(10 ** 300, 7)") is None or value("modulo(10 ** 300, 7)") in range(7)


@pytest.mark.parametrize("pattern", ["^(a+)+$", "(a|aa)+$", "(a|a?)+$", "^(([a-z])+.)+[A-Z]([a-z])+$"])
def test_hostile_patterns_take_linear_time(pattern: str) -> None:
    assert compile_expression("matches(text, pattern)").evaluate({"text": "a" * 5000 + "!", "pattern": pattern}) in (True, False)


@pytest.mark.parametrize("pattern", ["(", "[", "a{2,1}", "(?=a)", "(a)\\1", "(?<!a)b", "[z-a]", "\\p{Nope}", "*a", "a" * 20_000])
def test_patterns_that_cannot_be_run_are_null(pattern: str) -> None:
    assert compile_expression("matches(text, pattern)").evaluate({"text": "ab", "pattern": pattern}) is None


def test_patterns_know_chinese_flags_and_class_subtraction() -> None:
    assert value(r'matches("张三", "^\p{IsCJKUnifiedIdeographs}{2,4}$")') is True
    assert value(r'matches("张三", "^\p{Lo}+$")') is True
    assert value('matches("hello world", "he llo[ ]world", "x")') is True
    assert value('matches("x", "[A-Z-[OI]]", "i")') is True
    assert value('matches("o", "[A-Z-[OI]]", "i")') is False
    assert value('matches("a.b", "a.b", "q")') is True
    assert value('replace("2026-07-10", "(\\d+)-(\\d+)-(\\d+)", "$3.$2.$1")') == "10.07.2026"


def test_deeply_nested_variables_are_refused_when_read() -> None:
    deep: Any = 1
    for _ in range(200):
        deep = [deep]
    with pytest.raises(FeelError):
        value("count(deep)", deep=deep)


def test_a_small_condition_does_not_look_at_a_large_document() -> None:
    class Untouchable(dict[str, Any]):
        def items(self) -> Any:
            raise AssertionError("the rest of the document was read")

    case = Untouchable(university="清华大学", everything=object())
    assert value('case.university = "清华大学"', case=case) is True
