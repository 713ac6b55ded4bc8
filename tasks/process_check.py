"""`check`: lints a process folder or a single file and plays its scenarios, and says everything it found. Deploys nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from tasks.scenarios import Build, ScenarioBook, ScenarioResult
from workflows.conformance import load_model
from workflows.definitions import ResourceFinding, check, check_expression, decision_findings, read_folder
from workflows.errors import Rejection
from workflows.graph import read_graph
from workflows.name_check import diagram_uses, unknown_functions
from workflows.spiff import validate_schema

Report = Callable[[str], None]
LARGEST_FILE = 16 * 1024 * 1024
SIGNS = {"error": "✗", "warning": "!"}


def check_path(path: Path, shared: Path, build: Build, report: Report) -> bool:
    """Check a folder, a .bpmn or a .dmn file; `shared` holds the cast and calendars of scenarios, `build` makes their houses.

    Returns whether it is deployable.
    """
    if not path.exists():
        report(f"✗ 没有这个文件或文件夹：{path} / there is no such file or folder: {path}")
        return False
    if path.is_dir():
        return _check_folder(path, shared, build, report)
    if path.stat().st_size > LARGEST_FILE:
        report(f"✗ {path.name}: 文件超过 {LARGEST_FILE // 1024 // 1024} MB / the file is too large")
        return False
    if path.suffix == ".dmn":
        findings = decision_findings(path.name, load_model(path))
    else:
        content = path.read_bytes()
        reading = read_graph(content, check_expression=check_expression)
        called = [finding for graph in reading.graphs.values() for use in diagram_uses(path.name, graph) for finding in unknown_functions(use)]
        findings = [ResourceFinding(path.name, finding) for finding in [*reading.findings, *called, *validate_schema(content)]]
    return _report(findings, report)


def _check_folder(folder: Path, shared: Path, build: Build, report: Report) -> bool:
    files = read_folder(folder)
    fine = _report(check(files), report)
    if not fine or "scenarios.yaml" not in files:
        if fine:
            report("! 没有 scenarios.yaml，未运行场景 / no scenarios.yaml, nothing was run")
        return fine
    return _play(folder, files, shared, build, report)


def _play(folder: Path, files: Mapping[str, bytes], shared: Path, build: Build, report: Report) -> bool:
    try:
        book = ScenarioBook(files, read_folder(shared), build, folder.resolve().name)
    except Rejection as refusal:
        report(f"✗ {refusal.zh} / {refusal.en}")
        return False
    passed = total = 0
    for result in book.run_all():
        total += 1
        passed += result.passed
        _report_scenario(result, report)
    report(f"{passed} of {total} scenarios passed")
    return passed == total


def _report_scenario(result: ScenarioResult, report: Report) -> None:
    report(f"{'✓' if result.passed else '✗'} {result.id} {result.name}")
    for problem in result.problems:
        report(f"    {problem}")
    if result.second_opinion:
        report(f"    SpiffWorkflow: {result.second_opinion}")


def _report(findings: list[ResourceFinding], report: Report) -> bool:
    """Print findings, errors first, and a closing line; whether there is no error."""
    for found in sorted(findings, key=lambda one: (one.severity != "error", one.resource, one.finding.line)):
        finding = found.finding
        place = f"{found.resource}:{finding.line}" if finding.line else found.resource
        name = f" {finding.element_id}" + (f"（{finding.name}）" if finding.name else "") if finding.element_id else ""
        report(_on_one_line(f"{SIGNS.get(found.severity, '·')} {place}{name}: {finding.reason_zh} / {finding.reason_en}"))
        if finding.advice_zh or finding.advice_en:
            report(_on_one_line(f"    → {finding.advice_zh} / {finding.advice_en}"))
    errors = sum(one.severity == "error" for one in findings)
    report(f"{errors} errors, {len(findings) - errors} warnings")
    return errors == 0


def _on_one_line(text: str) -> str:
    """The text with what moves the cursor shown as a mark: an id or a name may not write lines of its own."""
    return "".join(character if character.isprintable() else "␣" for character in text)
