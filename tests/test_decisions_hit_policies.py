"""Every hit policy of decision tables, with one output and with several, with defaults and without."""

from __future__ import annotations

from typing import Any

import pytest

from workflows.decisions import DecisionModel, Result, read_decisions

ROWS = [(">= 60", '"良"'), (">= 90", '"优"'), ("[0..60)", '"差"'), (">= 80", '"良"')]


def table(policy: str, rows: list[tuple[str, ...]] = ROWS, *, outputs: int = 1, extra: str = "", aggregation: str = "") -> DecisionModel:
    """A decision on the input 分数 whose rules are (test, output, …)."""
    names = ["等级", "奖金"][:outputs]
    columns = "".join(f'<output name="{name}">{extra if not index else ""}</output>' for index, name in enumerate(names))
    rules = "".join(
        f'<rule id="r{index}"><inputEntry><text>{row[0].replace("<", "&lt;")}</text></inputEntry>'
        + "".join(f"<outputEntry><text>{cell}</text></outputEntry>" for cell in row[1:]) + "</rule>"
        for index, row in enumerate(rows, 1)
    )
    chosen = f'hitPolicy="{policy}"' + (f' aggregation="{aggregation}"' if aggregation else "")
    return read_decisions(
        f'<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" namespace="t" name="t">'
        f'<inputData id="i" name="分数"/><decision id="d" name="评级"><variable name="评级"/>'
        f'<informationRequirement><requiredInput href="#i"/></informationRequirement>'
        f"<decisionTable {chosen}><input><inputExpression><text>分数</text></inputExpression></input>{columns}{rules}"
        f"</decisionTable></decision></definitions>".encode()
    )


def answer(model: DecisionModel, score: Any) -> Result:
    assert not [finding for finding in model.findings if finding.severity == "error"]
    return model.evaluate("评级", {"分数": score})


ORDER = '<outputValues><text>"优","良","差"</text></outputValues>'
DEFAULT = '<defaultOutputEntry><text>"缺考"</text></defaultOutputEntry>'
NUMBERS: list[tuple[str, ...]] = [("> 1", "10"), ("> 2", "20"), ("> 3", "30"), ("> 2", "20")]


def test_unique_gives_the_one_rule_that_matches() -> None:
    result = answer(table("UNIQUE"), 59)
    assert (result.value, result.errors) == ("差", ())
    assert [(match.decision_id, match.rule_number, match.rule_id) for match in result.matched] == [("d", 3, "r3")]


def test_unique_with_two_rules_is_null_and_says_which() -> None:
    result = answer(table("U"), 85)
    assert result.value is None and result.matched == ()
    assert "1, 4" in result.errors[0] or "1、4" in result.errors[0]


def test_any_wants_equal_outputs() -> None:
    assert answer(table("ANY"), 85).value == "良"
    assert [match.rule_number for match in answer(table("A"), 85).matched] == [1, 4]
    different = answer(table("ANY"), 95)
    assert different.value is None and different.errors


def test_first_takes_the_first_rule() -> None:
    result = answer(table("FIRST"), 95)
    assert result.value == "良" and [match.rule_number for match in result.matched] == [1]


def test_priority_takes_the_output_listed_first() -> None:
    result = answer(table("PRIORITY", extra=ORDER), 95)
    assert result.value == "优" and [match.rule_number for match in result.matched] == [2]


def test_priority_over_several_outputs_goes_column_by_column() -> None:
    rows: list[tuple[str, ...]] = [("> 0", '"良"', "3"), ("> 0", '"优"', "1"), ("> 0", '"优"', "2")]
    assert answer(table("PRIORITY", rows, outputs=2, extra=ORDER), 1).value == {"等级": "优", "奖金": 1}


def test_rule_order_lists_outputs_by_rule() -> None:
    assert answer(table("RULE ORDER"), 95).value == ["良", "优", "良"]


def test_output_order_lists_outputs_by_priority() -> None:
    result = answer(table("OUTPUT ORDER", extra=ORDER), 95)
    assert result.value == ["优", "良", "良"]
    assert [match.rule_number for match in result.matched] == [2, 1, 4]


def test_collect_lists_outputs() -> None:
    assert answer(table("COLLECT"), 95).value == ["良", "优", "良"]
    assert answer(table("C"), -1).value == []


@pytest.mark.parametrize(("aggregation", "value"), [("SUM", 80), ("MIN", 10), ("MAX", 30), ("COUNT", 4)])
def test_collect_aggregates(aggregation: str, value: int) -> None:
    assert answer(table("COLLECT", NUMBERS, aggregation=aggregation), 4).value == value


@pytest.mark.parametrize(("aggregation", "value"), [("SUM", None), ("MIN", None), ("MAX", None), ("COUNT", 0)])
def test_collect_of_nothing(aggregation: str, value: int | None) -> None:
    assert answer(table("COLLECT", NUMBERS, aggregation=aggregation), 0).value == value


@pytest.mark.parametrize("policy", ["UNIQUE", "ANY", "FIRST", "PRIORITY"])
def test_no_match_gives_the_default_output_or_null(policy: str) -> None:
    assert answer(table(policy, extra=ORDER), -1).value is None
    assert answer(table(policy, extra=ORDER + DEFAULT), -1).value == "缺考"


def test_several_outputs_make_a_context() -> None:
    rows: list[tuple[str, ...]] = [("> 5", '"良"', "100"), ("<= 5", '"差"', "-")]
    assert answer(table("UNIQUE", rows, outputs=2), 6).value == {"等级": "良", "奖金": 100}
    assert answer(table("UNIQUE", rows, outputs=2), 5).value == {"等级": "差", "奖金": None}
    assert answer(table("COLLECT", rows, outputs=2), 6).value == [{"等级": "良", "奖金": 100}]


def test_an_unknown_hit_policy_is_a_finding() -> None:
    assert [finding.severity for finding in table("BEST").findings] == ["error"]


def test_output_values_missing_for_priority_are_a_warning() -> None:
    assert [finding.severity for finding in table("PRIORITY").findings] == ["warning"]


def bands(cells: list[str]) -> DecisionModel:
    return table("RULE ORDER", [(cell, str(index)) for index, cell in enumerate(cells, 1)])


LONG_NUMBERS = [f"[{low}..{low + 15})" for low in range(0, 300, 10)] + ["< 0", ">= 300", "150", "-", "1.5, 2.5"]
LONG_TEXTS = [f'"C{number}", "D{number % 3}"' for number in range(30)] + ["-", '"C1"']


@pytest.mark.parametrize("score", [-1, 0, 5, 9.99, 10, 149.5, 150, 151, 299, 300, 1.5, 2.5, None, "x", True, [5]])
def test_a_long_table_of_numbers_decides_like_its_cells_one_by_one(score: Any) -> None:
    single = [index for index, cell in enumerate(LONG_NUMBERS, 1) if answer(bands([cell]), score).value == [1]]
    assert (answer(bands(LONG_NUMBERS), score).value or []) == single


@pytest.mark.parametrize("code", ["C1", "C29", "D0", "", None, 1, ["C1"]])
def test_a_long_table_of_texts_decides_like_its_cells_one_by_one(code: Any) -> None:
    single = [index for index, cell in enumerate(LONG_TEXTS, 1) if answer(bands([cell]), code).value == [1]]
    assert (answer(bands(LONG_TEXTS), code).value or []) == single
