"""Names that nothing gives a value to are warned of at deployment, functions that do not exist are refused; both with the nearest name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tasks.scenarios.process_check import check_path
from workflows.definitions import check, read_folder

ROOT = Path(__file__).resolve().parent.parent
DIAGRAM = """<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:camunda="http://camunda.org/schema/1.0/bpmn" targetNamespace="urn:t">
  <process id="p" isExecutable="true">
    <extensionElements><camunda:properties><camunda:property name="subject" value="= case.name"/></camunda:properties></extensionElements>
    <dataObject id="from_outside"/>
    <startEvent id="s"/><sequenceFlow id="a" sourceRef="s" targetRef="ask"/>
    <userTask id="ask" camunda:assignee="= person(case.borrower)" camunda:formRef="ask"/>
    <sequenceFlow id="b" sourceRef="ask" targetRef="work"/>
    <scriptTask id="work" name="计算" scriptFormat="feel" camunda:resultVariable="total"><script>{script}</script></scriptTask>
    <sequenceFlow id="c" sourceRef="work" targetRef="rule"/>
    <businessRuleTask id="rule" camunda:decisionRef="fee" camunda:resultVariable="fee"/>
    <sequenceFlow id="d" sourceRef="rule" targetRef="e"/><endEvent id="e"/>
  </process></definitions>"""
DECISION = """<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" id="d" name="d" namespace="urn:d">
  <inputData id="i" name="{input}"/>
  <decision id="fee" name="fee"><informationRequirement><requiredInput href="#i"/></informationRequirement>
    <literalExpression><text>{text}</text></literalExpression></decision></definitions>"""
ROSTER = "columns:\n  - {key: name, maps_to: [person.name, case.name]}\n  - {key: county, maps_to: case.origin_county}\n"


def folder(
    script: str = "= amount + 1", decision: str = "amount", input_name: str = "amount", hide: str = '= outcome = "no"', roster: str = ROSTER
) -> dict[str, bytes]:
    form = {"type": "default", "schemaVersion": 17, "components": [{"type": "number", "key": "amount", "id": "amount", "conditional": {"hide": hide}}]}
    return {
        "p.bpmn": DIAGRAM.format(script=script).encode(), "ask.form": json.dumps(form).encode(), "roster.yaml": roster.encode(),
        "fee.dmn": DECISION.format(text=decision, input=input_name).encode(),
    }


def said(files: dict[str, bytes]) -> list[tuple[str, str, str]]:
    """Resource, severity and the English words of every finding."""
    return [(one.resource, one.severity, f"{one.finding.reason_en} → {one.finding.advice_en}") for one in check(files)]


def test_a_folder_whose_names_all_come_from_somewhere_has_no_findings() -> None:
    assert said(folder()) == []


@pytest.mark.parametrize("script", [
    "= ask_outcome", "= ask_by.person", "= process_instance.number", "= fee + total", "= from_outside", "= count(amount[other > 1])",
    "= for one in [1] return one", "= case.borrower_key", "= case.cycle", "= org(case.origin_county).name", "= working days after(now(), 3)",
    "= case.nothing_alike",
])
def test_every_source_of_values_is_known(script: str) -> None:
    assert said(folder(script.replace(">", "&gt;"))) == []


def test_an_unknown_name_is_a_warning_with_its_place_and_the_nearest_name() -> None:
    ((resource, severity, words),) = said(folder("= 1 +\n  amuont"))
    assert (resource, severity) == ("p.bpmn", "warning")
    assert "in script: nothing gives the name amuont a value" in words and "(line 2, column 3)" in words and "perhaps amount" in words


def test_a_misspelt_fact_of_the_case_is_a_warning() -> None:
    ((resource, severity, words),) = said(folder("= case.orgin_county"))
    assert (resource, severity) == ("p.bpmn", "warning") and "perhaps origin_county" in words and "column 1" in words
    assert said({name: content for name, content in folder("= case.orgin_county").items() if name != "roster.yaml"}) == []


def test_an_unknown_function_is_an_error_with_the_nearest_function() -> None:
    ((resource, severity, words),) = said(folder("= 1 + cuont([amount])"))
    assert (resource, severity) == ("p.bpmn", "error") and "there is no function named cuont (line 1, column 5)" in words and "perhaps count" in words


def test_forms_are_looked_at_too() -> None:
    assert [(one[0], one[1]) for one in said(folder(hide="= amount > 1 and i > 1"))] == []
    ((resource, severity, words),) = said(folder(hide="= otcome = 1"))
    assert (resource, severity) == ("ask.form", "warning") and "conditional.hide" in words and "perhaps outcome" in words
    assert [one[:2] for one in said(folder(hide="= strng(1)"))] == [("ask.form", "error")]


def test_decisions_are_looked_at_too() -> None:
    ((resource, severity, words),) = said(folder(decision="amuont + 1"))
    assert (resource, severity) == ("fee.dmn", "warning") and "(line 1, column 1)" in words and "perhaps amount" in words
    assert [one[:2] for one in said(folder(decision="role2(amount)"))] == [("fee.dmn", "error")]
    ((resource, severity, words),) = said(folder(decision="amuont", input_name="amuont"))
    assert (resource, severity) == ("fee.dmn", "warning") and "nothing in the process gives the input amuont a value" in words and "perhaps" in words


def test_a_diagram_alone_is_asked_for_its_functions_only(tmp_path: Path) -> None:
    lines: list[str] = []
    (tmp_path / "p.bpmn").write_bytes(folder("= cuont([amuont])")["p.bpmn"])
    assert not check_path(tmp_path / "p.bpmn", tmp_path, lambda *_: None, lines.append)  # type: ignore[arg-type, return-value]
    assert [line for line in lines if "cuont" in line] and not [line for line in lines if "the name amuont" in line]


def test_the_renewal_folder_has_no_findings() -> None:
    assert said(read_folder(ROOT / "bpmn" / "renewal_declaration_audit")) == []
