"""The page about FEEL says what the code does."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from workflows.feel import compile_expression
from workflows.feel.catalogue import GROUPS, HOST_FUNCTIONS, feel_page
from workflows.feel.registry import REGISTRY

PAGE = Path(__file__).parent.parent / "docs" / "feel.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == feel_page(), "write feel_page() of workflows/feel/catalogue.py to docs/feel.md"


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_every_example_is_true(name: str) -> None:
    entry = REGISTRY[name]
    assert entry.chinese and entry.english and entry.group in GROUPS
    assert compile_expression(entry.example).evaluate({}, None, datetime(2026, 7, 6, tzinfo=UTC)) is True


@pytest.mark.parametrize("function", HOST_FUNCTIONS, ids=lambda function: function.signature)
def test_the_examples_of_host_functions_can_be_read(function: object) -> None:
    assert compile_expression(getattr(function, "example")).called
