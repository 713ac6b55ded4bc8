"""The runner of the conformance kit counts test cases, tells what failed, and survives broken files."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from workflows.conformance import decide, run_conformance
from workflows.decisions import DecisionError

MODELS = Path(__file__).parent / "models"
CASES = """<testCases xmlns="http://www.omg.org/spec/DMN/20160719/testcase" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
  xmlns:xsd="http://www.w3.org/2001/XMLSchema"><modelName>student_loan.dmn</modelName>
  <testCase id="right"><inputNode name="申请人"><component name="学历层次"><value xsi:type="xsd:string">本科</value></component></inputNode>
    <inputNode name="申请金额"><value xsi:type="xsd:decimal">30000.000000001</value></inputNode>
    <resultNode name="核定金额" type="decision"><expected><value xsi:type="xsd:decimal">20000</value></expected></resultNode></testCase>
  <testCase id="wrong"><inputNode name="申请金额"><value xsi:type="xsd:decimal">5</value></inputNode>
    <resultNode name="核定金额"><expected><value xsi:type="xsd:decimal">6</value></expected></resultNode></testCase>
  <testCase id="unknown"><resultNode name="没有"><expected><value xsi:nil="true"/></expected></resultNode></testCase>
  <testCase id="service" invocableName="去向服务" type="decisionService">
    <inputNode name="核定金额"><value xsi:type="xsd:decimal">24000</value></inputNode>
    <resultNode name="审批去向"><expected><component name="去向"><value xsi:type="xsd:string">市级</value></component>
      <component name="时限"><value xsi:type="xsd:duration">P5D</value></component></expected></resultNode></testCase>
</testCases>"""


def lay_out(directory: Path, cases: str = CASES) -> None:
    folder = directory / "level-9" / "0001-loan"
    folder.mkdir(parents=True)
    shutil.copy(MODELS / "student_loan.dmn", folder)
    (folder / "0001-loan-test-01.xml").write_text(cases, encoding="utf-8")


def test_cases_are_counted_and_failures_told(tmp_path: Path) -> None:
    lay_out(tmp_path)
    lines: list[str] = []
    assert run_conformance(tmp_path, lines.append) == (2, 4)
    assert lines[-1] == "passed 2 of 4"
    assert len(lines) == 3
    for part in ("0001-loan", "0001-loan-test-01.xml", "wrong", "6", "5"):
        assert part in lines[0]
    assert "没有" in lines[1]


@pytest.mark.parametrize("broken", ["", "<testCases", "<a/>", "\x00\x01"])
def test_a_broken_test_file_is_no_traceback(tmp_path: Path, broken: str) -> None:
    lay_out(tmp_path, broken)
    lines: list[str] = []
    passed, _ = run_conformance(tmp_path, lines.append)
    assert passed == 0
    assert lines[-1].startswith("passed 0 of")


def test_a_broken_model_fails_its_cases(tmp_path: Path) -> None:
    lay_out(tmp_path)
    (tmp_path / "level-9" / "0001-loan" / "student_loan.dmn").write_bytes(b"<broken")
    lines: list[str] = []
    assert run_conformance(tmp_path, lines.append) == (0, 4)


def test_an_empty_directory_has_no_cases(tmp_path: Path) -> None:
    lines: list[str] = []
    assert run_conformance(tmp_path, lines.append) == (0, 0)
    assert lines == ["passed 0 of 0"]


def test_decide_prints_values_and_rules() -> None:
    inputs = {"申请人": {"家庭年收入": 1000, "学历层次": "本科"}, "申请金额": 9000}
    printed = decide(MODELS / "student_loan.dmn", inputs, "审批去向")
    assert "县级" in printed and "rule_poor" in printed and "低收入优先" in printed
    everything = decide(MODELS / "student_loan.dmn", inputs, None)
    assert "核定金额 = 9000" in everything and "审批去向 =" in everything


def test_decide_tells_when_a_file_or_decision_is_missing(tmp_path: Path) -> None:
    with pytest.raises(DecisionError):
        decide(tmp_path / "none.dmn", {}, None)
    with pytest.raises(DecisionError):
        decide(MODELS / "student_loan.dmn", {}, "没有")
