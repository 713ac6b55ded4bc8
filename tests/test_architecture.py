"""The rules that keep the house livable, checked over the syntax trees of all our files."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LAYERS = {"workflows": 0, "tasks": 1, "web": 2}
ABOVE = {"app": 3, "command_line": 4}
WEB_LIBRARIES = {"flask", "werkzeug", "flask_login", "flask_wtf", "flask_sqlalchemy", "jinja2", "waitress"}
LONGEST_FILE, LONGEST_FUNCTION, MOST_IMPORTS = 500, 60, 25
CLOCK_FILE = ROOT / "workflows" / "business_calendar.py"
FORBIDDEN_NAMES = {"utils.py", "util.py", "helpers.py", "common.py"}


def sources() -> Iterator[Path]:
    for layer in LAYERS:
        yield from sorted((ROOT / layer).rglob("*.py"))
    yield ROOT / "app.py"
    yield ROOT / "command_line.py"


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(tree: ast.AST) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, node.lineno


def rank(path: Path) -> int:
    top = path.relative_to(ROOT).parts[0]
    return LAYERS[top] if top in LAYERS else ABOVE[path.stem]


def rank_of_module(name: str) -> int | None:
    top = name.split(".")[0]
    return LAYERS.get(top, ABOVE.get(top))


@pytest.fixture(scope="module")
def trees() -> dict[Path, ast.Module]:
    return {path: tree_of(path) for path in sources()}


def broken(trees: dict[Path, ast.Module], check: object) -> list[str]:
    return [f"{path.relative_to(ROOT)}:{line}: {what}" for path, tree in trees.items() for line, what in check(path, tree)]  # type: ignore[operator]


def test_imports_run_only_downwards(trees: dict[Path, ast.Module]) -> None:
    def upward(path: Path, tree: ast.Module) -> Iterator[tuple[int, str]]:
        for name, line in imported(tree):
            target = rank_of_module(name)
            if target is not None and target > rank(path):
                yield line, f"imports {name} from above"

    assert broken(trees, upward) == []


def test_only_the_web_layer_knows_http(trees: dict[Path, ast.Module]) -> None:
    def http(path: Path, tree: ast.Module) -> Iterator[tuple[int, str]]:
        if rank(path) < LAYERS["web"]:
            yield from ((line, name) for name, line in imported(tree) if name.split(".")[0] in WEB_LIBRARIES)

    assert broken(trees, http) == []


def test_spiffworkflow_has_one_door(trees: dict[Path, ast.Module]) -> None:
    def spiff(path: Path, tree: ast.Module) -> Iterator[tuple[int, str]]:
        if path != ROOT / "workflows" / "spiff.py":
            yield from ((line, name) for name, line in imported(tree) if name.startswith("SpiffWorkflow"))

    assert broken(trees, spiff) == []


def test_only_the_store_commits(trees: dict[Path, ast.Module]) -> None:
    def commits(path: Path, tree: ast.Module) -> Iterator[tuple[int, str]]:
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "commit":
                if path != ROOT / "workflows" / "store.py":
                    yield node.lineno, "commits"

    assert broken(trees, commits) == []


def test_nothing_evaluates_text_or_unpickles(trees: dict[Path, ast.Module]) -> None:
    def dangerous(_path: Path, tree: ast.Module) -> Iterator[tuple[int, str]]:
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("eval", "exec", "compile", "__import__"):
                yield node.lineno, node.func.id
        yield from ((line, name) for name, line in imported(tree) if name.split(".")[0] in ("pickle", "marshal", "shelve"))

    assert broken(trees, dangerous) == []


def test_there_is_one_clock(trees: dict[Path, ast.Module]) -> None:
    def clocks(path: Path, tree: ast.Module) -> Iterator[tuple[int, str]]:
        if path == CLOCK_FILE:
            return
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
                if (node.func.value.id, node.func.attr) in {
                    ("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today"), ("time", "time")
                }:
                    yield node.lineno, f"asks {node.func.value.id}.{node.func.attr}()"

    assert broken(trees, clocks) == []


def test_imports_stand_at_the_top(trees: dict[Path, ast.Module]) -> None:
    def inner(_path: Path, tree: ast.Module) -> Iterator[tuple[int, str]]:
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield from (
                    (child.lineno, "import inside a function") for child in ast.walk(node) if isinstance(child, (ast.Import, ast.ImportFrom))
                )

    assert broken(trees, inner) == []


def test_files_functions_and_import_lists_stay_small(trees: dict[Path, ast.Module]) -> None:
    def large(path: Path, tree: ast.Module) -> Iterator[tuple[int, str]]:
        length = len(path.read_text(encoding="utf-8").splitlines())
        if length > LONGEST_FILE:
            yield length, f"{length} lines"
        imports = sum(isinstance(node, (ast.Import, ast.ImportFrom)) for node in tree.body)
        if imports > MOST_IMPORTS and path.name not in ("app.py", "command_line.py"):
            yield 1, f"{imports} import statements"
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.end_lineno:
                if node.end_lineno - node.lineno + 1 > LONGEST_FUNCTION:
                    yield node.lineno, f"{node.name} has {node.end_lineno - node.lineno + 1} lines"

    assert broken(trees, large) == []


def test_every_file_says_what_it_is_for(trees: dict[Path, ast.Module]) -> None:
    def silent(_path: Path, tree: ast.Module) -> Iterator[tuple[int, str]]:
        if not ast.get_docstring(tree):
            yield 1, "no docstring"

    assert broken(trees, silent) == []


def test_no_file_is_a_drawer_for_leftovers(trees: dict[Path, ast.Module]) -> None:
    assert [path.name for path in trees if path.name in FORBIDDEN_NAMES] == []


def test_broad_excepts_stand_only_where_work_must_outlive_a_failure(trees: dict[Path, ast.Module]) -> None:
    allowed = {"workflows/jobs.py", "workflows/spiff.py"}

    def broad(path: Path, tree: ast.Module) -> Iterator[tuple[int, str]]:
        for node in ast.walk(tree):
            if isinstance(node, ast.ExceptHandler) and (node.type is None or (isinstance(node.type, ast.Name) and node.type.id == "Exception")):
                if str(path.relative_to(ROOT)) not in allowed:
                    yield node.lineno, "catches everything"

    assert broken(trees, broad) == []


def test_no_file_names_an_index_or_registry() -> None:
    names = ("pypi.org", "pythonhosted", "registry.npmjs", "npmmirror")
    looked_at = [*ROOT.glob("requirements*.txt"), ROOT / "pyproject.toml", ROOT / "run.py", *(ROOT / "frontend").glob("*.json"), *(ROOT / "frontend").glob("*.mjs")]
    assert [path.name for path in looked_at if any(name in path.read_text(encoding="utf-8") for name in names)] == []
