"""What the check of a process folder or file says: in both languages, with lines, and with DMN files that import each other."""

from __future__ import annotations

from pathlib import Path

from tasks.scenarios.process_check import check_path
from workflows.definitions import check, check_expression

DMN = "https://www.omg.org/spec/DMN/20191111/MODEL/"
FEES = f"""<definitions xmlns="{DMN}" id="fees" name="fees" namespace="urn:fees">
  <decision id="fee" name="Fee"><variable name="Fee" typeRef="number"/>
    <literalExpression><text>{{text}}</text></literalExpression></decision>
</definitions>"""
TOTAL = f"""<definitions xmlns="{DMN}" id="total" name="total" namespace="urn:total">
  <import name="fees" namespace="urn:fees" importType="{DMN}"/>
  <decision id="sum" name="Sum"><variable name="Sum" typeRef="number"/>
    <informationRequirement><requiredDecision href="urn:fees#fee"/></informationRequirement>
    <literalExpression><text>fees.Fee + 1</text></literalExpression></decision>
</definitions>"""
DIAGRAM = """<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" targetNamespace="urn:t"><process id="p" isExecutable="true">
  <startEvent id="s"/><sequenceFlow id="a" sourceRef="s" targetRef="g"/><exclusiveGateway id="g"/>
  <sequenceFlow id="b" sourceRef="g" targetRef="e"><conditionExpression>{condition}</conditionExpression></sequenceFlow>
  <sequenceFlow id="c" sourceRef="g" targetRef="f"><conditionExpression>= true</conditionExpression></sequenceFlow>
  <endEvent id="e"/><endEvent id="f"/></process></definitions>"""


def folder(fee: str = "41", condition: str = "= x &gt; 1") -> dict[str, bytes]:
    return {
        "p.bpmn": DIAGRAM.format(condition=condition).encode(), "fees.dmn": FEES.format(text=fee).encode(), "total.dmn": TOTAL.encode(),
    }


def errors(files: dict[str, bytes]) -> list[tuple[str, str, str]]:
    return [(one.resource, one.finding.reason_zh, one.finding.reason_en) for one in check(files) if one.severity == "error"]


def said(path: Path) -> tuple[bool, str]:
    lines: list[str] = []
    fine = check_path(path, path, lambda *_: None, lines.append)  # type: ignore[arg-type, return-value]
    return fine, "\n".join(lines)


def test_decision_files_of_a_folder_may_import_each_other() -> None:
    assert errors(folder()) == []
    alone = {name: content for name, content in folder().items() if name != "fees.dmn"}
    assert {resource for resource, *_ in errors(alone)} == {"total.dmn"}


def test_a_decision_file_is_checked_with_its_neighbours(tmp_path: Path) -> None:
    (tmp_path / "total.dmn").write_text(TOTAL, encoding="utf-8")
    fine, text = said(tmp_path / "total.dmn")
    assert not fine and "不在所给文件中" in text and "not among the given files" in text
    (tmp_path / "fees.dmn").write_text(FEES.format(text="41"), encoding="utf-8")
    assert said(tmp_path / "total.dmn") == (True, "0 errors, 0 warnings")


def test_a_broken_decision_says_so_with_advice_in_both_languages(tmp_path: Path) -> None:
    (tmp_path / "fees.dmn").write_text(FEES.format(text="1 +"), encoding="utf-8")
    fine, text = said(tmp_path / "fees.dmn")
    assert not fine and "fees.dmn:3 fee" in text
    assert "表达式 1 + 无法读取" in text and "the expression 1 + cannot be read" in text and "→ 请更正表达式 / correct the expression" in text


def test_a_broken_condition_says_so_in_both_languages() -> None:
    found = [(zh, en) for resource, zh, en in errors(folder(condition="= x &gt;")) if resource == "p.bpmn"]
    assert len(found) == 1
    chinese, english = found[0]
    assert "语法错误" in chinese and "第 1 行" in chinese and "syntax error" in english and "line 1" in english
    assert not any("\u4e00" <= sign <= "\u9fff" for sign in english)


def test_the_words_about_an_expression_are_bilingual() -> None:
    words = check_expression("1 +")
    assert words is not None and "行" in words and "line 1" in words.en
    assert check_expression("1 + 1") is None


def test_a_diagram_alone_is_checked_for_its_settings_too_and_with_the_forms_beside_it(tmp_path: Path) -> None:
    (tmp_path / "p.bpmn").write_text("""<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:camunda="http://camunda.org/schema/1.0/bpmn"
      targetNamespace="urn:t"><process id="p" isExecutable="true"><startEvent id="s"/><sequenceFlow id="a" sourceRef="s" targetRef="t"/>
      <userTask id="t" camunda:assignee="x" camunda:formRef="money"><extensionElements><camunda:properties>
      <camunda:property name="same_person" value="always"/>
      <camunda:property name="field_permissions" value='{"amont": "hidden"}'/></camunda:properties></extensionElements></userTask>
      <sequenceFlow id="b" sourceRef="t" targetRef="e"/><endEvent id="e"/></process></definitions>""", encoding="utf-8")
    fine, text = said(tmp_path / "p.bpmn")
    assert not fine and "same_person cannot be always" in text and "amont" not in text
    (tmp_path / "money.form").write_text(
        '{"type": "default", "id": "money", "schemaVersion": 16, "components": [{"type": "number", "key": "amount", "label": "金额"}]}', encoding="utf-8"
    )
    assert "did you mean amount?" in said(tmp_path / "p.bpmn")[1]
