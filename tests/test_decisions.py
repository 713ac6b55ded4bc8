"""Decision models: requirement graphs, knowledge models, services, boxed expressions, imports, types and findings."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from workflows.decisions import DecisionError, DecisionModel, read_decisions

MODELS = Path(__file__).parent / "models"
APPLICANT = {"姓名": "张三", "家庭年收入": 30000, "学历层次": "研究生"}


def read(name: str, *imports: str) -> DecisionModel:
    return read_decisions((MODELS / name).read_bytes(), {other: (MODELS / other).read_bytes() for other in imports})


@pytest.fixture(scope="module")
def loan() -> DecisionModel:
    return read("student_loan.dmn")


def test_a_sound_model_has_no_findings(loan: DecisionModel) -> None:
    assert loan.findings == []
    assert loan.decisions == {"granted": "核定金额", "route": "审批去向"}
    assert loan.inputs == {"applicant": "申请人", "amount": "申请金额"}
    assert loan.decision_services == {"routing": "去向服务"}


def test_a_decision_is_found_by_name_and_by_id(loan: DecisionModel) -> None:
    inputs = {"申请人": APPLICANT, "申请金额": 24000}
    by_name, by_id = loan.evaluate("审批去向", inputs), loan.evaluate("route", inputs)
    assert by_name == by_id
    assert by_name.value == {"去向": "市级", "时限": timedelta(days=5)}
    assert by_name.matched[0].annotations == {"依据": "大额"}


def test_required_decisions_and_knowledge_are_evaluated_on_the_way(loan: DecisionModel) -> None:
    assert loan.evaluate("核定金额", {"申请人": APPLICANT, "申请金额": 99999}).value == 25000
    assert loan.evaluate("额度上限", {"层次": "本科"}).value == 20000


def test_a_service_takes_its_input_decisions_from_outside(loan: DecisionModel) -> None:
    result = loan.evaluate("去向服务", {"申请人": APPLICANT, "核定金额": 100})
    assert result.value == {"去向": "县级", "时限": timedelta(days=7)}


def test_an_input_that_does_not_conform_is_null_with_a_reason(loan: DecisionModel) -> None:
    result = loan.evaluate("核定金额", {"申请人": {**APPLICANT, "学历层次": "小学"}, "申请金额": 1000})
    assert result.value == 1000
    assert "申请人" in result.errors[0]


def test_a_missing_input_is_null(loan: DecisionModel) -> None:
    assert loan.evaluate("核定金额", {}).value is None


def test_an_unknown_decision_is_refused_with_the_known_ones(loan: DecisionModel) -> None:
    with pytest.raises(DecisionError, match="核定金额"):
        loan.evaluate("nothing", {})


@pytest.mark.parametrize(
    ("decision", "value"),
    [
        ("relation", [{"city": "成都", "level": 2}, {"city": "兰州", "level": 3}]), ("list", [1, "a"]), ("conditional", "many"),
        ("filter", [2, 3]), ("for", [1, 3, 5]), ("every", True), ("some", True), ("function", [3, None]), ("java", None),
    ],
)
def test_boxed_expressions(decision: str, value: Any) -> None:
    assert read("boxed_expressions.dmn").evaluate(decision, {"numbers": [1, 2, 3]}).value == value


def test_imported_models_are_found_by_namespace() -> None:
    model = read("importing_greeting.dmn", "imported_people.dmn", "student_loan.dmn")
    assert model.findings == []
    assert model.evaluate("hello", {"person": {"name": "李四"}}).value == "您好，李四"
    assert model.evaluate("hello", {"base people": {"person": {"name": "王五"}}}).value == "您好，王五"


def test_a_missing_import_is_a_finding_and_the_rest_is_still_read() -> None:
    model = read("importing_greeting.dmn")
    assert {finding.severity for finding in model.findings} == {"error", "warning"}
    assert model.evaluate("hello", {}).value is None


def test_all_findings_are_told_at_once_with_their_place() -> None:
    model = read("faulty.dmn")
    errors = {(finding.line, finding.element_id) for finding in model.findings if finding.severity == "error"}
    assert errors == {(4, "nowhere"), (5, "lost_text"), (8, "first")}
    warnings = {(finding.line, finding.name) for finding in model.findings if finding.severity == "warning"}
    assert warnings == {(6, "unknown"), (7, "unknown")}
    assert all(finding.reason and finding.advice for finding in model.findings)


def test_a_faulty_model_still_answers_what_it_can() -> None:
    model = read("faulty.dmn")
    assert model.evaluate("sound", {}).value == 2
    lost = model.evaluate("lost", {})
    assert lost.value is None and lost.errors
    circle = model.evaluate("first", {})
    assert circle.value is None and circle.errors


@pytest.mark.parametrize(
    "data",
    [b"", b"no xml", b"<a/>", b"<definitions/>", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', b"\xff\xfe\x00", b"<a>" * 300],
)
def test_a_file_that_is_no_decision_model_is_one_finding(data: bytes) -> None:
    model = read_decisions(data)
    assert [finding.severity for finding in model.findings] == ["error"]
    assert model.decisions == {}


def literal(expression: str, more: str = "", variable: str = "") -> DecisionModel:
    """A model of one decision `d` on the input `x`."""
    text = expression.replace("&", "&amp;").replace("<", "&lt;")
    return read_decisions(
        f'<definitions xmlns="https://www.omg.org/spec/DMN/20211108/MODEL/" namespace="t" name="t">{more}'
        f'<inputData id="x" name="x"/><decision id="d" name="d"><variable name="d" {variable}/>'
        f'<informationRequirement><requiredInput href="#x"/></informationRequirement>'
        f"<literalExpression><text>{text}</text></literalExpression></decision></definitions>".encode()
    )


def test_values_are_coerced_to_the_declared_type() -> None:
    assert literal("[x]", variable='typeRef="number"').evaluate("d", {"x": 5}).value == 5
    wrong = literal("x", variable='typeRef="number"').evaluate("d", {"x": "five"})
    assert wrong.value is None and wrong.errors
    types = '<itemDefinition name="tList" isCollection="true"><typeRef>number</typeRef></itemDefinition>'
    assert literal("x", types, 'typeRef="tList"').evaluate("d", {"x": 5}).value == [5]


def test_allowed_values_and_constraints_of_types_count() -> None:
    types = (
        '<itemDefinition name="tGrade"><typeRef>number</typeRef><allowedValues><text>[0..100]</text></allowedValues></itemDefinition>'
        '<itemDefinition name="tGrades" isCollection="true"><typeRef>tGrade</typeRef>'
        "<typeConstraint><text>count(?) &lt; 3</text></typeConstraint></itemDefinition>"
    )
    model = literal("x", types, 'typeRef="tGrades"')
    assert model.evaluate("d", {"x": [1, 100]}).value == [1, 100]
    assert model.evaluate("d", {"x": [1, 101]}).value is None
    assert model.evaluate("d", {"x": [1, 2, 3]}).value is None


def test_declared_types_can_be_asked_for() -> None:
    types = '<itemDefinition name="t人"><itemComponent name="姓名"><typeRef>string</typeRef></itemComponent></itemDefinition>'
    assert literal("x instance of t人", types).evaluate("d", {"x": {"姓名": "张三"}}).value is True
    assert literal("x instance of t人", types).evaluate("d", {"x": {}}).value is False


def test_a_type_inside_itself_does_not_hang() -> None:
    types = '<itemDefinition name="tTree" isCollection="true"><itemComponent name="children"><typeRef>tTree</typeRef></itemComponent></itemDefinition>'
    assert literal("x", types, 'typeRef="tTree"').evaluate("d", {"x": [{"children": []}]}).value == [{"children": []}]


def test_a_limit_makes_the_decision_null_with_a_reason() -> None:
    result = literal("count(for a in 1..9999, b in 1..9999 return x)").evaluate("d", {"x": 1})
    assert result.value is None
    assert "1,000,000" in result.errors[0]


def test_other_expression_languages_are_refused() -> None:
    xml = (MODELS / "faulty.dmn").read_bytes().replace(b"<literalExpression><text>1 + 1", b'<literalExpression expressionLanguage="javascript"><text>1 + 1')
    model = read_decisions(xml)
    assert any("javascript" in finding.reason for finding in model.findings)
    assert model.evaluate("sound", {}).value is None


def test_host_functions_are_called_and_listed() -> None:
    model = literal('role("clerk", x)')
    assert model.host_functions == {"role"}
    assert model.evaluate("d", {"x": "C1"}, {"role": lambda name, org: f"{name}@{org}"}).value == "clerk@C1"


@pytest.mark.parametrize(
    "namespace",
    [
        "http://www.omg.org/spec/DMN/20151101/dmn.xsd", "http://www.omg.org/spec/DMN/20180521/MODEL/",
        "https://www.omg.org/spec/DMN/20191111/MODEL/", "https://www.omg.org/spec/DMN/20211108/MODEL/",
        "https://www.omg.org/spec/DMN/20230324/MODEL/",
    ],
)
def test_every_version_of_dmn_is_read(namespace: str) -> None:
    xml = (MODELS / "student_loan.dmn").read_bytes().replace(b"https://www.omg.org/spec/DMN/20191111/MODEL/", namespace.encode())
    assert read_decisions(xml).evaluate("核定金额", {"申请人": APPLICANT, "申请金额": 1}).value == 1
