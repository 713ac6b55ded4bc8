"""Mistakes in expressions are told with their place and with what to write instead."""

from __future__ import annotations

import pytest

from workflows.feel import FeelSyntaxError, compile_expression, compile_unary_tests


@pytest.mark.parametrize(
    ("text", "line", "column", "hint"),
    [
        ("1 +", 1, 4, ""), ("(1", 1, 3, ""), ("a == b", 1, 4, "="), ("a & b", 1, 3, "and"), ("月收入（1）", 1, 4, "("),
        ("a > 1，b", 1, 6, ","), ('"open', 1, 1, '"'), ("a\n  + ]", 2, 6, ""), ("if a then b", 1, 12, ""), ("{a 1}", 1, 2, ""),
        ("'text'", 1, 1, '"'), ("f(a: 1, 2)", 1, 11, ""), ("for x [1] return x", 1, 7, ""), ("[1..2", 1, 6, "]"),
    ],
)
def test_a_syntax_error_points_at_its_place(text: str, line: int, column: int, hint: str) -> None:
    with pytest.raises(FeelSyntaxError) as caught:
        compile_expression(text)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert hint in caught.value.hint


def test_words_of_the_language_are_no_names() -> None:
    with pytest.raises(FeelSyntaxError):
        compile_expression("then + 1")


def test_a_cell_may_be_broken_too() -> None:
    with pytest.raises(FeelSyntaxError):
        compile_unary_tests("< , 3")


def test_compiling_the_same_text_twice_gives_the_same_expression() -> None:
    assert compile_expression("1 + 1") is compile_expression("1 + 1")
