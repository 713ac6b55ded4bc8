"""Runs the test cases of the DMN Technology Compatibility Kit, and answers `run.py decide`; it decides nothing itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal, DecimalException
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from lxml import etree

from workflows.decisions import DecisionError, DecisionModel, Result, read_decisions
from workflows.feel import FeelError, Words
from workflows.feel.comparison import equal
from workflows.feel.literals import parse_date, parse_date_time, parse_duration, parse_time
from workflows.feel.text import to_text
from workflows.feel.values import FeelValue, Range, from_python
from workflows.hardened_xml import XmlError, parse_xml

Report = Callable[[str], None]
Xml = etree._Element
# The kit's own runner compares numbers to eight digits after the point.
# Tests of now() and today() ask for some moment, not for a certain one.
MOMENT = datetime(2026, 7, 6, 9, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
TOLERANCE = Decimal("0.00000001")
_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_READERS: dict[str, Callable[[str], FeelValue]] = {
    "boolean": lambda text: text.strip() in ("true", "1"),
    "date": lambda text: parse_date(text.strip()),
    "time": lambda text: parse_time(text.strip()),
    "dateTime": lambda text: parse_date_time(text.strip()),
    "duration": lambda text: parse_duration(text.strip()),
    "dayTimeDuration": lambda text: parse_duration(text.strip()),
    "yearMonthDuration": lambda text: parse_duration(text.strip()),
}
_NUMBERS = frozenset(("decimal", "double", "float", "integer", "int", "long", "short", "number"))


def run_conformance(directory: Path, report: Report) -> tuple[int, int]:
    """Run every test case below `directory`; a line for each that fails and `passed N of M` at the end.

    Returns (passed, all). A test case passes when all its result nodes match; a file that cannot be read fails its cases.
    """
    passed = total = 0
    for test_file in sorted(directory.rglob("*-test-*.xml")):
        for line in _run_file(directory, test_file):
            total += 1
            if line is None:
                passed += 1
            else:
                report(line)
    report(f"passed {passed} of {total}")
    return passed, total


def _run_file(directory: Path, test_file: Path) -> Iterator[str | None]:
    """None for each case that passes, a line for each that fails."""
    place = f"{test_file.parent.relative_to(directory)} {test_file.name}"
    try:
        root = parse_xml(test_file.read_bytes())
    except (XmlError, OSError) as error:
        yield f"{place} (file): the test file cannot be read: {error}"
        return
    cases = _all(root, "testCase")
    try:
        model = load_model(_model_file(root, test_file))
    except (DecisionError, FeelError, OSError) as error:
        for number, case in enumerate(cases, 1):
            yield f"{place} case {case.get('id') or number}: the model cannot be read: {error}"
        return
    for number, case in enumerate(cases, 1):
        failures = _run_case(model, case)
        yield f"{place} case {case.get('id') or number}: {'; '.join(failures)}" if failures else None


def load_model(path: Path) -> DecisionModel:
    """Read a DMN file with the other DMN files of its folder as what it may import."""
    neighbours = {other.name: other.read_bytes() for other in sorted(path.parent.glob("*.dmn")) if other != path}
    return read_decisions(path.read_bytes(), neighbours)


def _model_file(root: Xml, test_file: Path) -> Path:
    named = next((element.text or "" for element in _children(root, "modelName")), "").strip()
    candidate = test_file.parent / Path(named).name
    if named and candidate.is_file():
        return candidate
    files = sorted(test_file.parent.glob("*.dmn"))
    if not files:
        raise DecisionError(Words("文件夹中没有 DMN 文件", "there is no DMN file in the folder"))
    return next((file for file in files if test_file.name.startswith(file.stem)), files[0])


def _run_case(model: DecisionModel, case: Xml) -> list[str]:
    inputs: dict[str, FeelValue] = {}
    for node in _children(case, "inputNode"):
        value = _value(node)
        inputs[node.get("name", "")] = value
        if node.get("namespace"):
            inputs[f"{{{node.get('namespace')}}}{node.get('name', '')}"] = value
    invocable = case.get("invocableName")
    failures = []
    for wanted in _children(case, "resultNode"):
        name = wanted.get("name", "")
        expected = next((_value(element) for element in _children(wanted, "expected")), None)
        try:
            result = model.evaluate(invocable or name, inputs, now=MOMENT)
        except (DecisionError, FeelError) as error:
            failures.append(f"{name}: expected {_show(expected)}, got an error: {error}")
            continue
        got = from_python(result.value)
        if invocable and isinstance(got, dict) and name in got and not (isinstance(expected, dict) and name in expected):
            got = got[name]
        if not same(expected, got):
            note = f" ({result.errors[0]})" if result.errors else ""
            failures.append(f"{name}: expected {_show(expected)}, got {_show(got)}{note}")
    return failures


def same(expected: FeelValue, got: FeelValue) -> bool:
    """Whether a result is the expected one: numbers to eight digits after the point, everything else exactly."""
    if isinstance(expected, Decimal) and isinstance(got, Decimal):
        return abs(expected - got) < TOLERANCE
    if isinstance(expected, list) and isinstance(got, list):
        return len(expected) == len(got) and all(map(same, expected, got))
    if isinstance(expected, dict) and isinstance(got, dict):
        return expected.keys() == got.keys() and all(same(expected[key], got[key]) for key in expected)
    if type(expected) is not type(got):
        return False
    return str(expected) == str(got) or equal(expected, got) is True


def _value(holder: Xml) -> FeelValue:
    """The value written inside an element of a test file: a value, a list or components."""
    components = _children(holder, "component")
    if components:
        return {component.get("name", ""): _value(component) for component in components}
    for element in _children(holder, "list"):
        return None if element.get(_NIL) == "true" else [_value(item) for item in _children(element, "item")]
    for element in _children(holder, "value"):
        return _scalar(element)
    return None


def _scalar(element: Xml) -> FeelValue:
    if element.get(_NIL) == "true":
        return None
    kind = (element.get(_TYPE) or "").rpartition(":")[2]
    text = element.text or ""
    if kind in _NUMBERS:
        try:
            return Decimal(text.strip())
        except DecimalException:
            return None
    return _READERS[kind](text) if kind in _READERS else text


def _children(element: Xml, name: str) -> list[Xml]:
    return [child for child in element if isinstance(child.tag, str) and etree.QName(child).localname == name]


def _all(element: Xml, name: str) -> list[Xml]:
    return [found for found in element.iter() if isinstance(found.tag, str) and etree.QName(found).localname == name]


def _show(value: FeelValue) -> str:
    text = repr(value) if isinstance(value, Range) else to_text(value)
    return text if len(text) <= 200 else text[:197] + "…"


def decide(path: Path, inputs: Mapping[str, Any], decision: str | None) -> str:
    """The printable answer of one decision, or of every decision of the file when none is named; see `decide_all`."""
    return "\n".join(decide_all(path, inputs, decision)[0])


def decide_all(path: Path, inputs: Mapping[str, Any], decision: str | None) -> tuple[list[str], bool]:
    """The answers line by line with the rules that matched, and whether every decision could be evaluated.

    Raises DecisionError when the file or the decision cannot be found or read, or when the file holds nothing to decide.
    """
    try:
        model = load_model(path)
    except OSError as error:
        raise DecisionError(Words(f"文件 {path} 无法读取：{error.strerror}", f"the file {path} cannot be read: {error.strerror}")) from None
    if not model.decisions and (broken := [finding.reason for finding in model.findings if finding.severity == "error"]):
        raise DecisionError(broken[0])
    lines = [
        f"{finding.severity} {path.name}:{finding.line} {finding.name}: {finding.reason} / {finding.reason.en}" for finding in model.findings
    ]
    fine = True
    for wanted in [decision] if decision else model.decisions:
        result = model.evaluate(wanted, inputs)
        lines += _answer(model.find(wanted).name, result)
        fine = fine and not result.errors
    return lines, fine


def _answer(name: str, result: Result) -> list[str]:
    lines = [f"{name} = {_show(from_python(result.value))}"]
    for match in result.matched:
        notes = "; ".join(f"{title}: {note}" for title, note in match.annotations.items() if note)
        lines.append(f"  rule {match.rule_number} {match.rule_id}{f' — {notes}' if notes else ''}".rstrip())
    return lines + [f"  error: {error} / {error.en}" for error in result.errors]
