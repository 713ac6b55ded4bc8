"""`check`: lints process folders or a single file and plays their scenarios, and says everything it found. Deploys nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from tasks.scenarios.playing import Build, ScenarioBook, ScenarioResult
from tasks.scenarios.shape import malformed
from workflows.decisions import read_decisions
from workflows.errors import Rejection
from workflows.folder_rules import ResourceFinding, finding_of, setting_findings
from workflows.graph import Finding, read_graph
from workflows.name_check import diagram_uses, unknown_functions
from workflows.plain_yaml import YamlError, read_yaml
from workflows.process_folder import check, check_expression, decision_findings, read_folder, read_forms, yaml_finding
from workflows.spiff import validate_schema

Report = Callable[[str], None]
LARGEST_FILE = 16 * 1024 * 1024
LARGEST_FOLDER = 64 * 1024 * 1024
MAXIMUM_SHOWN = 200
MAXIMUM_FOLDERS = 100
DEEPEST_FOLDER = 6
SIGNS = {"error": "✗", "warning": "!"}
DIAGRAMS = (".bpmn", ".bpmn2", ".xml")
CHECKED = (*DIAGRAMS, ".dmn", ".form", ".yaml", ".yml")
SPIFF = ("agrees", "disagrees", "does not run", "no second opinion")


def check_path(path: Path, shared: Path, build: Build, report: Report) -> bool:
    """Check a process folder, a folder of such folders, or one file (.bpmn, .dmn, .form, .yaml).

    `shared` holds the cast and calendars of scenarios, `build` makes their houses. Returns whether everything is deployable; what
    cannot be read is a line of the report, never an exception.
    """
    def say(text: str) -> None:
        report(_on_one_line(text))

    try:
        if path.is_dir():
            return _check_folders(path, shared, build, say)
        if not path.exists():
            say(f"✗ 没有这个文件或文件夹：{path} / there is no such file or folder: {path}")
            return False
        if not path.is_file():
            say(f"✗ {path} 不是文件也不是文件夹 / {path} is neither a file nor a folder")
            return False
        return _report(_findings_of(path), say)
    except OSError as error:
        say(f"✗ {path}: 无法读取 / cannot be read: {error.strerror or error}")
        return False


# one file


def _findings_of(path: Path) -> list[ResourceFinding]:
    """What is wrong with one file, whatever it is."""
    if path.stat().st_size > LARGEST_FILE:
        return [_too_large(path.name)]
    content = path.read_bytes()
    if path.suffix == ".dmn":
        imports = b"import" in content.replace(b"\0", b"")
        return decision_findings(path.name, read_decisions(content, _beside(path, ".dmn") if imports else {}))
    if path.suffix == ".form":
        return read_forms({path.name: content})[1]
    found = _yaml_findings(path.name, content) if path.suffix in (".yaml", ".yml") else _diagram_findings(path, content)
    return [ResourceFinding(path.name, finding) for finding in found]


def _diagram_findings(path: Path, content: bytes) -> Iterator[Finding]:
    """What is wrong with a diagram by itself, and with what it says about the forms beside it."""
    reading = read_graph(content, check_expression=check_expression)
    yield from reading.findings
    forms = read_forms(_beside(path, ".form"))[0] if reading.graphs else {}
    for graph in reading.graphs.values():
        yield from setting_findings(graph, forms)
        for use in diagram_uses(path.name, graph):
            yield from unknown_functions(use)
    yield from validate_schema(content)


def _yaml_findings(name: str, content: bytes) -> Iterator[Finding]:
    try:
        document = read_yaml(content)
    except YamlError as error:
        yield yaml_finding(error)
        return
    for problem in malformed(document) if name == "scenarios.yaml" else ():
        yield finding_of("error", "scenarios", f"场景无法读取：{problem}", f"the scenarios cannot be read: {problem}")


def _too_large(name: str) -> ResourceFinding:
    size = LARGEST_FILE // 1024 // 1024
    return ResourceFinding(name, finding_of("error", "file_size", f"文件超过 {size} MB，未读取", f"the file is larger than {size} MB and was not read"))


def _beside(path: Path, ending: str) -> dict[str, bytes]:
    return {name: content for name, content in _contents(path.parent, [], (ending,)).items() if name != path.name}


# folders


def _check_folders(root: Path, shared: Path, build: Build, report: Report) -> bool:
    folders = _process_folders(root)
    if not folders:
        report(f"✗ 文件夹中没有可检查的文件，至少要有一个 .bpmn 文件：{root} / there is nothing to check in the folder, it needs a .bpmn file: {root}")
        return False
    if len(folders) > MAXIMUM_FOLDERS:
        report(f"✗ 超过 {MAXIMUM_FOLDERS} 个文件夹，请逐个检查 / more than {MAXIMUM_FOLDERS} folders; check them one by one")
        return False
    if folders == [root]:
        return _check_folder(root, shared, build, report)
    fine = 0
    for folder in folders:
        report(f"── {folder.relative_to(root)}")
        fine += _check_folder(folder, shared, build, report)
    report(f"{len(folders)} 个文件夹中 {fine} 个没有错误 / {fine} of {len(folders)} folders without errors")
    return fine == len(folders)


def _process_folders(root: Path) -> list[Path]:
    """The folders at and below `root` that hold something to check; below a folder with a diagram nothing more is looked for."""
    found: list[Path] = []
    for place, below, names in os.walk(root, followlinks=False):
        folder = Path(place)
        below[:] = sorted(name for name in below if not name.startswith(".") and len(folder.relative_to(root).parts) < DEEPEST_FOLDER)
        if any(name.endswith(CHECKED) for name in names):
            found.append(folder)
        if any(name.endswith(".bpmn") for name in names):
            below.clear()
        if len(found) > MAXIMUM_FOLDERS:
            break
    return found


def _check_folder(folder: Path, shared: Path, build: Build, report: Report) -> bool:
    findings: list[ResourceFinding] = []
    files = _contents(folder, findings)
    if not any(name.endswith(".bpmn") for name in files):
        findings += [finding for name in files if name.endswith(CHECKED) for finding in _findings_of(folder / name)]
        zh, en = "没有 .bpmn 文件：各文件已单独检查，不能部署", "no .bpmn file: each file was checked alone, there is nothing to deploy"
        findings.append(ResourceFinding(folder.name, finding_of("warning", "no_diagram", zh, en)))
        return _report(findings, report)
    fine = _report([*findings, *check(files)], report)
    if not fine or "scenarios.yaml" not in files:
        if fine:
            report("! 没有 scenarios.yaml，未运行场景 / no scenarios.yaml, nothing was run")
        return fine
    return _play(folder, files, shared, build, report)


def _contents(folder: Path, findings: list[ResourceFinding], endings: tuple[str, ...] = ("",)) -> dict[str, bytes]:
    """The files of a folder by name; those too large, or too many together, are findings instead."""
    files: dict[str, bytes] = {}
    total = 0
    for path in sorted(folder.iterdir()):
        if not path.name.endswith(endings) or not path.is_file():
            continue
        size = path.stat().st_size
        total += size
        if size > LARGEST_FILE or total > LARGEST_FOLDER:
            findings.append(_too_large(path.name))
        else:
            files[path.name] = path.read_bytes()
    return files


def _play(folder: Path, files: Mapping[str, bytes], shared: Path, build: Build, report: Report) -> bool:
    try:
        book = ScenarioBook(files, read_folder(shared), build, folder.resolve().name)
    except Rejection as refusal:
        for number, line in enumerate([refusal.zh, *refusal.en.splitlines()]):
            report(f"    {line}" if number else f"✗ {line}")
        return False
    passed = total = 0
    opinions: list[str] = []
    for result in book.run_all():
        total += 1
        passed += result.passed
        opinions += (word for word in SPIFF if (result.second_opinion or "").startswith(word))
        _report_scenario(result, report)
    report(f"{passed} of {total} scenarios passed; SpiffWorkflow: {', '.join(f'{word} {opinions.count(word)}' for word in SPIFF)}")
    return passed == total


def _report_scenario(result: ScenarioResult, report: Report) -> None:
    report(f"{'✓' if result.passed else '✗'} {result.id} {result.name}")
    for problem in result.problems:
        report(f"    {problem}")
    if result.second_opinion:
        report(f"    SpiffWorkflow: {result.second_opinion}")


def _report(findings: list[ResourceFinding], report: Report) -> bool:
    """Print findings file by file, errors first, and a closing line; whether there is no error. Errors are the last to be left out."""
    shown = sorted(findings, key=lambda one: one.severity != "error")[:MAXIMUM_SHOWN]
    for found in sorted(shown, key=lambda one: (one.resource, one.severity != "error", one.finding.line)):
        finding = found.finding
        place = f"{found.resource}:{finding.line}" if finding.line else found.resource
        name = f" {finding.element_id}" + (f"（{finding.name}）" if finding.name else "") if finding.element_id else ""
        report(f"{SIGNS.get(found.severity, '·')} {place}{name}: {finding.reason_zh} / {finding.reason_en}")
        if finding.advice_zh or finding.advice_en:
            report(f"    → {finding.advice_zh} / {finding.advice_en}")
    if len(findings) > len(shown):
        report(f"… 另有 {len(findings) - len(shown)} 条 / and {len(findings) - len(shown)} more")
    errors = sum(one.severity == "error" for one in findings)
    report(f"{errors} errors, {len(findings) - errors} warnings")
    return errors == 0


def _on_one_line(text: str) -> str:
    """The text with what moves the cursor shown as a mark: an id or a name may not write lines of its own."""
    return "".join(character if character.isprintable() else "␣" for character in text)
