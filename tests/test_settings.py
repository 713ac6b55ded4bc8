"""The settings of diagrams: each known name is read by somebody, each is explained in both languages, and the guide says the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import RENEWAL, ROOT
from workflows.graph import known_settings, read_graph
from workflows.graph.settings import PLACES, settings_page

NAMES = sorted({name for _, settings in PLACES for name in settings})
READERS = [path for folder in ("tasks", "workflows", "web") for path in (ROOT / folder).rglob("*.py") if path.name != "settings.py"]
SOURCE = "\n".join(path.read_text("utf-8") for path in READERS)


@pytest.mark.parametrize("name", NAMES)
def test_a_known_setting_is_read_by_the_product(name):
    assert re.search(rf"""(?:properties|settings)(?:\.get\(|\[)["']{name}["']""", SOURCE) or read_as_column(name), f"nothing reads {name}"


def read_as_column(name):
    """Three settings of the process become columns of the case under their own names."""
    return name in ("business_key", "subject", "subject_person") and re.search(rf'"{name}"', SOURCE)


def test_every_setting_the_product_reads_is_known():
    read = set(re.findall(r"""(?:properties|settings)(?:\.get\(|\[)["']([a-z_]+)["']""", SOURCE))
    assert read - set(NAMES) == set()


def test_every_setting_is_explained_in_both_languages():
    for place, settings in PLACES:
        for name, setting in settings.items():
            assert re.search(r"[\u4e00-\u9fff]", setting.zh), (place, name)
            assert re.search(r"[a-z]{3}", setting.en), (place, name)
            assert "|" not in setting.zh + setting.en


def test_the_guide_holds_the_same_tables():
    assert settings_page() in Path(ROOT / "bpmn" / "README.md").read_text("utf-8")


def test_the_renewal_audit_carries_only_known_settings():
    reading = read_graph((RENEWAL / f"{RENEWAL.name}.bpmn").read_bytes())
    assert [finding for finding in reading.findings if finding.code == "setting-unknown"] == []
    (graph,) = reading.graphs.values()
    assert set(graph.properties) <= set(known_settings("process"))
