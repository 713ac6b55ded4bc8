"""docs/operations.md says what the tables say."""

from __future__ import annotations

from pathlib import Path

from app import memory_house
from tasks.lifecycle import RELATIONS as KNOWN_RELATIONS
from tasks.operations_page import RELATIONS, page
from workflows.business_calendar import SystemClock

PAGE = Path(__file__).resolve().parent.parent / "docs" / "operations.md"


def written() -> str:
    """The page as the code would write it now."""
    house = memory_house(SystemClock())
    try:
        return page(list(house.tasks.operations.known.values()))
    finally:
        house.store.engine.dispose()


def test_the_page_is_the_one_the_tables_write() -> None:
    assert PAGE.read_text("utf-8") == written()


def test_every_relation_of_the_lifecycle_has_its_words() -> None:
    assert set(KNOWN_RELATIONS) <= set(RELATIONS)


if __name__ == "__main__":
    PAGE.write_text(written(), "utf-8")
