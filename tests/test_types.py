"""The engine and the desk are typed strictly: mypy, as pyproject.toml sets it up, finds nothing."""

from __future__ import annotations

from pathlib import Path

from mypy import api

ROOT = Path(__file__).resolve().parent.parent


def test_workflows_and_tasks_are_typed_strictly() -> None:
    settings = ["--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", str(ROOT / ".mypy_cache")]
    said, complained, status = api.run([*settings, str(ROOT / "workflows"), str(ROOT / "tasks")])
    assert (status, complained) == (0, ""), said


def test_the_checks_are_not_switched_off_file_by_file() -> None:
    silenced = [
        f"{path.relative_to(ROOT)}:{number}"
        for layer in ("workflows", "tasks")
        for path in (ROOT / layer).rglob("*.py")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if "# mypy:" in line or line.rstrip().endswith("# type: ignore")
    ]
    assert silenced == []
