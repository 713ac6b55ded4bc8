"""The page about DMN says what the code does."""

from __future__ import annotations

from pathlib import Path

from workflows.decisions.catalogue import support_page
from workflows.decisions.elements import ELEMENTS, EXPRESSIONS, KEPT, REFUSED, RUNS

PAGE = Path(__file__).parent.parent / "docs" / "dmn_support.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == support_page(), "write support_page() of workflows/decisions/catalogue.py to docs/dmn_support.md"


def test_every_boxed_expression_is_in_the_table_as_running() -> None:
    assert {element.name for element in ELEMENTS if element.support == RUNS} >= EXPRESSIONS
    assert {element.support for element in ELEMENTS} == {RUNS, KEPT, REFUSED}
