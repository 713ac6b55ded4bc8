"""Files in the shape other tools write: accepted with warnings, or refused with a list a person can act on; in any encoding."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.scenarios.process_check import check_path
from workflows.decisions import read_decisions
from workflows.definitions import check_expression
from workflows.graph import Finding, read_graph

FOREIGN = Path(__file__).parent / "foreign"
DIAGRAMS: dict[str, tuple[set[str], set[str]]] = {  # the errors, and what the warnings name
    "bpmn_io.bpmn": ({"nothing-executable", "condition-missing"}, set()),
    "camunda_modeler_7_feel.bpmn": (set(), {"http://camunda.org/schema/modeler/1.0", "historyTimeToLive", "asyncBefore"}),
    "camunda_modeler_7.bpmn": ({"expression-foreign", "refused", "foreign-attribute", "job-missing", "script-language"}, set()),
    "camunda_modeler_8.bpmn": (
        {"decision-missing", "script-language", "script-result", "instances-missing", "candidate-missing", "job-missing", "foreign-lost"},
        {"http://camunda.org/schema/zeebe/1.0", "zeebe:formDefinition", "zeebe:taskSchedule"},
    ),
    "flowable.bpmn": ({"candidate-missing", "job-missing", "expression-foreign", "foreign-lost"}, {"http://flowable.org/bpmn", "http://flowable.org/design", "flowable:skipExpression"}),
    "activiti.bpmn20.xml": ({"candidate-missing", "instances-missing", "script-language", "script-result", "foreign-lost"}, {"http://activiti.org/bpmn", "activiti:assignee"}),
    "signavio.bpmn": ({"nothing-executable", "event-reference"}, {"http://www.signavio.com"}),
    "bizagi.bpmn": ({"nothing-executable", "candidate-missing", "expression-empty"}, {"http://www.bizagi.com/bpmn20"}),
    "adonis.bpmn": ({"nothing-executable", "refused"}, {"http://www.boc-group.com"}),
    "enterprise_architect.bpmn": ({"candidate-missing"}, {"dataStore", "ioSpecification"}),
    "visual_paradigm.bpmn": ({"refused", "candidate-missing", "job-missing"}, {"http://www.visual-paradigm.com"}),
    "jbpm.bpmn2": (
        {"refused", "candidate-missing", "script-language", "script-result", "condition-language", "foreign-lost"},
        {"http://www.jboss.org/drools", "http://www.bpsim.org"},
    ),
}
DECISIONS = {
    "camunda_7.dmn": ("dish-decision", {"season": "Winter", "guests": 8}, "Roast"),
    "trisotech.dmn": ("Yearly Income", {"Applicant": {"Monthly Income": 10}}, 120),
    "kogito.dmn": ("Suspended", {"Driver": {"Points": 19}}, "Yes"),
    "signavio.dmn": ("ageClass", {"age": 18}, "adult"),
}
MODELS = {  # the namespaces of DMN 1.1 to 1.5
    "1.1": "http://www.omg.org/spec/DMN/20151101/dmn.xsd", "1.2": "http://www.omg.org/spec/DMN/20180521/MODEL/",
    "1.3": "https://www.omg.org/spec/DMN/20191111/MODEL/", "1.4": "https://www.omg.org/spec/DMN/20211108/MODEL/",
    "1.5": "https://www.omg.org/spec/DMN/20230324/MODEL/",
}


def findings(content: bytes) -> list[Finding]:
    return read_graph(content, check_expression=check_expression).findings


def said(path: Path) -> tuple[bool, list[str]]:
    lines: list[str] = []
    return check_path(path, path, lambda *_: None, lines.append), lines  # type: ignore[arg-type, return-value]


def test_every_sample_is_looked_at() -> None:
    assert {path.name for path in FOREIGN.iterdir()} == {*DIAGRAMS, *DECISIONS, "camunda_7_juel.dmn"}


@pytest.mark.parametrize("name", DIAGRAMS)
def test_a_diagram_of_another_tool_is_accepted_or_refused_with_a_list(name: str) -> None:
    errors, named = DIAGRAMS[name]
    found = findings((FOREIGN / name).read_bytes())
    assert {finding.code for finding in found if finding.severity == "error"} == errors
    warnings = " ".join(finding.reason_en for finding in found if finding.severity == "warning")
    assert [word for word in named if word not in warnings] == []


@pytest.mark.parametrize("name", [*DIAGRAMS, *DECISIONS, "camunda_7_juel.dmn"])
def test_the_check_ends_with_a_count_and_every_error_says_where_and_what_to_do(name: str) -> None:
    fine, lines = said(FOREIGN / name)
    errors = [index for index, line in enumerate(lines) if line.startswith("✗")]
    assert lines[-1].startswith(f"{len(errors)} errors, ") and fine == (not errors)
    for index in errors:
        assert lines[index].split(":")[1].split()[0].isdigit(), lines[index]
        assert lines[index + 1].startswith("    → ") and " / " in lines[index + 1]


@pytest.mark.parametrize("name", ["flowable.bpmn", "signavio.bpmn", "jbpm.bpmn2", "camunda_modeler_7_feel.bpmn"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "iso-8859-15", "gb18030"])
def test_the_encoding_a_file_declares_changes_nothing(name: str, encoding: str) -> None:
    text = (FOREIGN / name).read_text("utf-8")
    declared = {"utf-8-sig": "UTF-8", "utf-16-le": "UTF-16"}.get(encoding, encoding.upper())
    encoded = text.replace("UTF-8", declared, 1).encode(encoding, "xmlcharrefreplace")
    assert findings(encoded.replace(b"<", b"\xff\xfe<", 1) if encoding == "utf-16-le" else encoded) == findings(text.encode())


def test_an_umlaut_of_a_windows_file_is_read() -> None:
    (graph,) = read_graph((FOREIGN / "enterprise_architect.bpmn").read_bytes()).graphs.values()
    assert graph.name == "Antrag prüfen" and graph.nodes["EAID_T"].name == "Prüfen – Unterlagen"


def test_what_surrounds_a_refused_element_is_judged_as_if_it_stood_there() -> None:
    found = findings((FOREIGN / "visual_paradigm.bpmn").read_bytes())
    assert not {"dangling-flow", "unreachable", "no-end"} & {finding.code for finding in found}


@pytest.mark.parametrize("name", DECISIONS)
def test_a_decision_of_another_tool_is_evaluated(name: str) -> None:
    decision, inputs, value = DECISIONS[name]
    model = read_decisions((FOREIGN / name).read_bytes())
    assert [finding for finding in model.findings if finding.severity == "error"] == []
    assert model.evaluate(decision, inputs).value == value


@pytest.mark.parametrize("version", MODELS)
def test_a_decision_table_of_every_version_is_evaluated(version: str) -> None:
    text = (FOREIGN / "camunda_7.dmn").read_bytes().replace(MODELS["1.3"].encode(), MODELS[version].encode())
    assert read_decisions(text).evaluate("dish-decision", {"season": "Spring", "guests": 9}).value == "Stew"


@pytest.mark.parametrize(("place", "language"), [
    ("inputEntry id=\"c1\"", "javascript"), ("outputEntry id=\"c3\"", "groovy"), ("inputExpression id=\"e1\"", "juel"), ("definitions ", "http://www.w3.org/1999/XPath"),
])
def test_another_expression_language_is_refused_wherever_it_is_declared(place: str, language: str) -> None:
    text = (FOREIGN / "camunda_7.dmn").read_text("utf-8").replace(f"<{place}", f'<{place} expressionLanguage="{language}" ', 1)
    model = read_decisions(text.encode())
    assert any(finding.severity == "error" and language in finding.reason.en and finding.line for finding in model.findings)


def test_other_expressions_of_a_decision_are_listed_by_cell() -> None:
    model = read_decisions((FOREIGN / "camunda_7_juel.dmn").read_bytes())
    assert {finding.element_id for finding in model.findings if finding.severity == "error"} == {"e1", "c1"}


@pytest.mark.parametrize(("name", "word"), [("trisotech.dmn", "http://www.trisotech.com"), ("signavio.dmn", "signavio"), ("kogito.dmn", "https://kie.org/dmn/extensions")])
def test_what_another_product_wrote_into_a_decision_is_named_once(name: str, word: str) -> None:
    named = [finding.reason.en for finding in read_decisions((FOREIGN / name).read_bytes()).findings if "another product" in finding.reason.en]
    assert len(named) == len(set(named)) and any(word in reason for reason in named)


def test_drawings_and_types_of_the_standard_are_not_another_products() -> None:
    text = (FOREIGN / "camunda_7.dmn").read_text("utf-8").replace("<definitions ", '<definitions xmlns:c="http://camunda.org/schema/1.0/dmn" c:versionTag="1" ', 1)
    named = [finding.reason.en for finding in read_decisions(text.encode()).findings if "another product" in finding.reason.en]
    assert len(named) == 2 and "versionTag, historyTimeToLive, inputVariable" in named[0] and not any("omg.org" in one for one in named)
