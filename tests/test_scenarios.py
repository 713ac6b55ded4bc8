"""Every scenario of every process folder passes."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from tasks.scenarios.playing import ScenarioBook
from tests import databases
from tests.conftest import ROOT
from workflows.definitions import read_folder
from workflows.models import ProcessInstance

BPMN = ROOT / "bpmn"
FOLDERS = sorted(path.parent for path in BPMN.glob("*/scenarios.yaml"))


@cache
def book(folder: Path, _database: str = "") -> ScenarioBook:
    """The scenarios of a folder; on one sort of database they share the house they start from."""
    return ScenarioBook(read_folder(folder), read_folder(BPMN / "shared"), databases.scenario_house)


def test_there_are_scenarios_to_play():
    assert FOLDERS
    for folder in FOLDERS:
        assert len(book(folder).ids) == len(set(book(folder).ids)) > 0, folder.name


@pytest.mark.parametrize("folder, scenario", [
    pytest.param(folder, scenario, id=f"{folder.name}:{scenario}") for folder in FOLDERS for scenario in book(folder).ids
])
def test_the_scenario_passes(folder, scenario, database):
    (result,) = book(folder, database).run_all(scenario)
    assert result.passed, "\n".join(result.problems)


def test_one_scenario_leaves_nothing_behind_for_the_next(database):
    played = book(BPMN / "renewal_declaration_audit", database)
    for _ in range(2):
        (result,) = played.run_all("AC-01")
        assert result.passed, result.problems
    stage = played.empty_stage()
    with stage.store.read() as connection:
        assert connection.execute(ProcessInstance.__table__.select()).all() == []
