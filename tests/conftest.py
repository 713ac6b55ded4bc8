"""The fixed cast, a house in memory and a frozen clock for every test."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from playwright.sync_api import Browser, expect, sync_playwright

from app import House
from tasks.scenarios.cast import Cast
from tests import databases, postgresql
from tests.browser_desk import FLAGS, find_chromium
from tests.document_desk import DocumentDesk
from tests.document_windows import Windows
from workflows.business_calendar import SHANGHAI, FrozenClock
from workflows.definitions import read_folder

# Speed is measured by the bench; a slow moment of the machine must not fail a test. The same examples on every run.
settings.register_profile("house", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")

ROOT = Path(__file__).resolve().parent.parent
RENEWAL = ROOT / "bpmn" / "renewal_declaration_audit"


def shanghai(text: str) -> datetime:
    """A moment in Asia/Shanghai, such as "2026-06-18T09:00"."""
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--database", choices=(*databases.NAMES, "both"), default="both", help="run what stores something on SQLite, on PostgreSQL, or on both")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Whatever keeps something in a database runs once on each."""
    if "database" in metafunc.fixturenames:
        asked = metafunc.config.getoption("--database")
        names = databases.NAMES if asked == "both" else (asked,)
        if metafunc.definition.get_closest_marker("sqlite_file"):
            names = tuple(name for name in names if name == "sqlite")
        metafunc.parametrize("database", names, indirect=True)


@pytest.fixture
def database(request: pytest.FixtureRequest) -> Iterator[str]:
    """The database of this test, by name; `tests.databases` then makes every house on it."""
    databases.chosen.append(request.param)
    if request.param == "postgresql":
        postgresql.server()  # skips when there is none
    yield request.param
    databases.release()
    databases.chosen.clear()


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(shanghai("2026-06-18T09:00"))


@pytest.fixture
def house(clock: FrozenClock, database: str) -> Iterator[House]:
    built = databases.house(clock)
    yield built
    built.store.engine.dispose()


@pytest.fixture
def shared() -> dict[str, bytes]:
    return read_folder(ROOT / "bpmn" / "shared")


@pytest.fixture
def cast(house: House, shared: dict[str, bytes]) -> Cast:
    with house.store.transaction() as connection:
        return Cast(connection, house, shared, {})


@pytest.fixture
def renewal(house: House, cast: Cast) -> Any:
    """The renewal declaration audit, deployed."""
    with house.store.transaction() as connection:
        return house.definitions.deploy(connection, read_folder(RENEWAL), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The one Chromium of a test run; two at once cannot live in one thread."""
    program = find_chromium()
    if program is None:
        pytest.skip("NO CHROMIUM FOUND: browser tests are NOT run; `python3 run.py test --install-browser` fetches it")
    expect.set_options(timeout=20_000)  # a busy machine is slow, not wrong
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def documents(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DocumentDesk]:
    """The official document, served to the browser tests of one file."""
    served = DocumentDesk(tmp_path_factory.mktemp("documents"))
    yield served
    served.close()


@pytest.fixture(scope="module")
def _opened(browser: Browser, documents: DocumentDesk) -> Iterator[Windows]:
    held = Windows(browser, documents)
    yield held
    held.close()


@pytest.fixture
def windows(_opened: Windows) -> Iterator[Windows]:
    """The windows of the cast on the documents; no page may complain."""
    yield _opened
    assert _opened.complaints() == []
