"""Reading BPMN files: every finding at once, with place and advice, for any bytes; and the graph of files that are right."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflows.graph import ELEMENTS, Reading, known_settings, read_graph

DIAGRAMS = Path(__file__).parent / "diagrams"
NAMESPACES = 'xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:camunda="http://camunda.org/schema/1.0/bpmn"'
FRAME = '<bpmn:startEvent id="s"/><bpmn:sequenceFlow id="f1" sourceRef="s" targetRef="a"/><bpmn:endEvent id="e"/>{}<bpmn:sequenceFlow id="f2" sourceRef="a" targetRef="e"/>'
USER = '<bpmn:userTask id="a" camunda:assignee="x"/>'


def read(body: str, roots: str = "", executable: str = ' isExecutable="true"', namespaces: str = "", **more: object) -> Reading:
    """A file with one process of this body."""
    text = f'<bpmn:definitions {NAMESPACES} {namespaces} id="d" targetNamespace="t">{roots}<bpmn:process id="P"{executable}>{body}</bpmn:process></bpmn:definitions>'
    return read_graph(text.encode(), **more)  # type: ignore[arg-type]


def codes(reading: Reading, severity: str = "error") -> set[str]:
    """The codes of the findings."""
    return {finding.code for finding in reading.findings if finding.severity == severity}


def around(activity: str, extra: str = "") -> str:
    """Start, this activity (id a), end."""
    return FRAME.format(activity + extra)


def event(definition: str, kind: str = "intermediateCatchEvent") -> str:
    """Start, this event (id a), end."""
    return around(f'<bpmn:{kind} id="a">{definition}</bpmn:{kind}>')


@pytest.mark.parametrize("path", sorted(DIAGRAMS.glob("*.bpmn")), ids=lambda path: path.stem)
def test_every_test_diagram_is_deployable(path: Path) -> None:
    assert read_graph(path.read_bytes()).deployable


def test_every_element_that_runs_has_a_test_diagram() -> None:
    assert [entry.element for entry in ELEMENTS if entry.status == "runs" and not (DIAGRAMS / f"{entry.diagram}.bpmn").exists()] == []


def test_every_refused_element_says_what_to_draw_instead() -> None:
    assert [entry.element for entry in ELEMENTS if entry.status == "refused" and not (entry.advice_zh and entry.advice_en)] == []


def test_the_graph_is_in_document_order_even_on_one_line() -> None:
    graph = read(around(USER)).graphs["P"]
    assert list(graph.nodes) == ["s", "e", "a"] and list(graph.flows) == ["f1", "f2"] and graph.starts == ("s",)


def test_attributes_settings_and_documentation_are_read() -> None:
    reading = read(around(
        '<bpmn:userTask id="a" name=" 初审 " camunda:candidateGroups="= role(1)" camunda:dueDate="= x" camunda:formRef="audit"><bpmn:documentation>how</bpmn:documentation>'
        '<bpmn:extensionElements><camunda:properties><camunda:property name="bulk" value="true"/></camunda:properties>'
        '<camunda:inputOutput><camunda:inputParameter name="y">= 1 + 1</camunda:inputParameter></camunda:inputOutput></bpmn:extensionElements></bpmn:userTask>'
    ))
    node = reading.graphs["P"].nodes["a"]
    assert reading.deployable and not reading.findings
    assert node.name == "初审" and node.attributes["candidateGroups"] == "= role(1)" and node.properties == {"bulk": "true"}
    assert node.documentation == "how" and node.inputs[0].expression == "1 + 1" and node.inputs[0].target == "y"


REFUSED = {
    "complex gateway": ('<bpmn:complexGateway id="c"/>', "refused"),
    "ad-hoc": ('<bpmn:adHocSubProcess id="c"/>', "refused"),
    "choreography task": ('<bpmn:choreographyTask id="c"/>', "refused"),
    "unknown element": ('<bpmn:wonderTask id="c"/>', "unknown-element"),
    "listener": ('<bpmn:userTask id="c" camunda:assignee="x"><bpmn:extensionElements><camunda:taskListener event="create" class="X"/></bpmn:extensionElements></bpmn:userTask>', "refused"),
    "class": ('<bpmn:serviceTask id="c" camunda:class="org.X"/>', "foreign-attribute"),
    "delegate": ('<bpmn:serviceTask id="c" camunda:delegateExpression="${x}"/>', "foreign-attribute"),
    "script in another language": ('<bpmn:scriptTask id="c" scriptFormat="groovy" camunda:resultVariable="x"><bpmn:script>1</bpmn:script></bpmn:scriptTask>', "script-language"),
    "script without result": ('<bpmn:scriptTask id="c" scriptFormat="feel"><bpmn:script>1</bpmn:script></bpmn:scriptTask>', "script-result"),
    "juel": ('<bpmn:userTask id="c" camunda:assignee="${x}"/>', "expression-foreign"),
    "nobody": ('<bpmn:userTask id="c"/>', "candidate-missing"),
    "no decision": ('<bpmn:businessRuleTask id="c"/>', "decision-missing"),
    "no job": ('<bpmn:serviceTask id="c"/>', "job-missing"),
    "no message": ('<bpmn:receiveTask id="c"/>', "message-missing"),
    "no called process": ('<bpmn:callActivity id="c"/>', "called-missing"),
    "bad binding": ('<bpmn:callActivity id="c" calledElement="x" camunda:calledElementBinding="version"/>', "binding"),
    "embedded form": ('<bpmn:userTask id="c" camunda:assignee="x"><bpmn:extensionElements><camunda:formData/></bpmn:extensionElements></bpmn:userTask>', "refused"),
    "potential owner": ('<bpmn:userTask id="c" camunda:assignee="x"><bpmn:potentialOwner/></bpmn:userTask>', "refused"),
    "duplicate id": ('<bpmn:userTask id="a" camunda:assignee="x"/>', "id-duplicate"),
    "no id": ('<bpmn:userTask camunda:assignee="x"/>', "id-missing"),
    "dangling flow": ('<bpmn:sequenceFlow id="c" sourceRef="a" targetRef="nowhere"/>', "dangling-flow"),
    "dangling message": ('<bpmn:intermediateCatchEvent id="c"><bpmn:messageEventDefinition messageRef="nothing"/></bpmn:intermediateCatchEvent>', "dangling-reference"),
    "unreachable": ('<bpmn:manualTask id="c" camunda:assignee="x"/>', "unreachable"),
    "stray boundary": ('<bpmn:boundaryEvent id="c" attachedToRef="s"><bpmn:timerEventDefinition><bpmn:timeDuration>PT1H</bpmn:timeDuration></bpmn:timerEventDefinition></bpmn:boundaryEvent>', "boundary-host"),
    "link without end": ('<bpmn:intermediateThrowEvent id="c"><bpmn:linkEventDefinition name="x"/></bpmn:intermediateThrowEvent>', "link-unmatched"),
    "cancel outside": ('<bpmn:endEvent id="c"><bpmn:cancelEventDefinition/></bpmn:endEvent>', "cancel-place"),
    "unhandled compensation": ('<bpmn:boundaryEvent id="c" attachedToRef="a"><bpmn:compensateEventDefinition/></bpmn:boundaryEvent>', "compensation-handler"),
    "two starts": ('<bpmn:startEvent id="c"/>', "start-ambiguous"),
    "error start": ('<bpmn:startEvent id="c"><bpmn:errorEventDefinition/></bpmn:startEvent>', "start-kind"),
    "instances without number": ('<bpmn:userTask id="c" camunda:assignee="x"><bpmn:multiInstanceLoopCharacteristics/></bpmn:userTask>', "instances-missing"),
    "endless loop": ('<bpmn:userTask id="c" camunda:assignee="x"><bpmn:standardLoopCharacteristics/></bpmn:userTask>', "loop-endless"),
    "sub-process without start": ('<bpmn:subProcess id="c"/>', "start-missing"),
    "two triggers": ('<bpmn:intermediateCatchEvent id="c"><bpmn:terminateEventDefinition/><bpmn:cancelEventDefinition/></bpmn:intermediateCatchEvent>', "event-multiple"),
    "foreign script mapping": ('<bpmn:userTask id="c" camunda:assignee="x"><bpmn:extensionElements><camunda:inputOutput><camunda:inputParameter name="p"><camunda:list/></camunda:inputParameter></camunda:inputOutput></bpmn:extensionElements></bpmn:userTask>', "mapping"),
    "four eyes on nobody": ('<bpmn:userTask id="c" camunda:assignee="x"><bpmn:extensionElements><camunda:properties><camunda:property name="separate_from" value="gone"/></camunda:properties></bpmn:extensionElements></bpmn:userTask>', "four-eyes-target"),
    "four eyes on itself": ('<bpmn:userTask id="c" camunda:assignee="x"><bpmn:extensionElements><camunda:properties><camunda:property name="separate_from" value="c"/></camunda:properties></bpmn:extensionElements></bpmn:userTask>', "four-eyes-self"),
    "message start in a sub-process": ('<bpmn:subProcess id="c"><bpmn:startEvent id="cs"><bpmn:signalEventDefinition/></bpmn:startEvent></bpmn:subProcess>', "start-kind"),
    "unnamed signal": ('<bpmn:intermediateCatchEvent id="c"><bpmn:signalEventDefinition/></bpmn:intermediateCatchEvent>', "event-reference"),
    "multi-instance transaction": ('<bpmn:transaction id="c"><bpmn:multiInstanceLoopCharacteristics/></bpmn:transaction>', "instances-transaction"),
    "instantiating receive": ('<bpmn:receiveTask id="c" instantiate="true"/>', "refused"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_not_run_right_is_refused(name: str) -> None:
    extra, code = REFUSED[name]
    reading = read(around(USER, extra))
    finding = next((finding for finding in reading.findings if finding.code == code), None)
    assert finding is not None, reading.findings
    assert finding.severity == "error" and finding.line == 1 and not reading.deployable
    for text in (finding.reason_zh, finding.reason_en, finding.advice_zh, finding.advice_en):
        assert text and "{" not in text.replace("${x}", "")


def test_all_findings_come_at_once() -> None:
    body = around(USER, "".join(extra.replace('"c', f'"c{number}') for number, (extra, _) in enumerate(REFUSED.values())))
    assert len(codes(read(body))) > 25


@pytest.mark.parametrize(("definition", "code"), [
    ("<bpmn:timerEventDefinition/>", "timer-empty"),
    ("<bpmn:timerEventDefinition><bpmn:timeDuration>three days</bpmn:timeDuration></bpmn:timerEventDefinition>", "timer-literal"),
    ("<bpmn:timerEventDefinition><bpmn:timeDuration>P1W</bpmn:timeDuration></bpmn:timerEventDefinition>", "timer-literal"),
    ("<bpmn:timerEventDefinition><bpmn:timeCycle>0 0 * * *</bpmn:timeCycle></bpmn:timerEventDefinition>", "timer-literal"),
    ("<bpmn:timerEventDefinition><bpmn:timeDate>${x}</bpmn:timeDate></bpmn:timerEventDefinition>", "expression-foreign"),
    ("<bpmn:conditionalEventDefinition><bpmn:condition>x</bpmn:condition></bpmn:conditionalEventDefinition>", "expression-equals"),
    ("<bpmn:conditionalEventDefinition/>", "expression-empty"),
    ("<bpmn:errorEventDefinition/>", "event-kind"),
    ("", "event-kind"),
])
def test_events_that_cannot_work_are_refused(definition: str, code: str) -> None:
    assert code in codes(read(event(definition)))


@pytest.mark.parametrize(("kind", "text"), [
    ("timeDuration", "P3D"), ("timeDuration", "PT2H30M"), ("timeDuration", "P1Y2M"), ("timeDuration", "P1DT12H"), ("timeDate", "2026-09-30"),
    ("timeDate", "2026-09-30T18:00:00+08:00"), ("timeDate", "= deadline()"), ("timeDuration", "= duration(x)"),
])
def test_usual_timers_are_accepted(kind: str, text: str) -> None:
    assert read(event(f"<bpmn:timerEventDefinition><bpmn:{kind}>{text}</bpmn:{kind}></bpmn:timerEventDefinition>")).findings == []


@pytest.mark.parametrize(("expression", "expected"), [
    ("<bpmn:conditionExpression>= x &gt; 1</bpmn:conditionExpression>", set()),
    ('<bpmn:conditionExpression language="feel">x &gt; 1</bpmn:conditionExpression>', set()),
    ("<bpmn:conditionExpression>${x}</bpmn:conditionExpression>", {"expression-foreign"}),
    ("<bpmn:conditionExpression>x &gt; 1</bpmn:conditionExpression>", {"expression-equals"}),
    ('<bpmn:conditionExpression language="groovy">x</bpmn:conditionExpression>', {"condition-language"}),
    ("<bpmn:conditionExpression/>", {"expression-empty"}),
    ("", {"condition-missing"}),
])
def test_conditions_are_feel(expression: str, expected: set[str]) -> None:
    body = around(
        '<bpmn:exclusiveGateway id="a" default="f2"/><bpmn:userTask id="b" camunda:assignee="x"/>'
        f'<bpmn:sequenceFlow id="f3" sourceRef="a" targetRef="b">{expression}</bpmn:sequenceFlow>'
    )
    assert codes(read(body)) == expected


def test_expressions_are_checked_by_who_knows_them() -> None:
    seen: list[str] = []

    def check(text: str) -> str | None:
        seen.append(text)
        return "no such thing" if "bad" in text else None

    reading = read(around('<bpmn:userTask id="a" camunda:assignee="= bad()" camunda:priority="= 5"/>'), check_expression=check)
    assert sorted(seen) == ["5", "bad()"] and codes(reading) == {"expression-syntax"}
    assert "no such thing" in next(finding.reason_en for finding in reading.findings if finding.severity == "error")


def test_an_unknown_setting_names_the_nearest_known_one() -> None:
    reading = read(around(
        '<bpmn:userTask id="a" camunda:assignee="x"><bpmn:extensionElements><camunda:properties><camunda:property name="seperate_from" value=""/>'
        "</camunda:properties></bpmn:extensionElements></bpmn:userTask>"
    ))
    assert codes(reading, "warning") == {"setting-unknown"} and "separate_from" in reading.findings[0].reason_en and "separate_from" in known_settings("userTask")


def test_every_known_setting_says_what_it_is_for() -> None:
    for kind in ("userTask", "process", "serviceTask", "startEvent"):
        assert all(known_settings(kind).values())


# gateways and shapes


@pytest.mark.parametrize(("body", "code", "severity"), [
    ('<bpmn:eventBasedGateway id="a"/><bpmn:sequenceFlow id="f3" sourceRef="a" targetRef="e"/>', "event-gateway-target", "error"),
    ('<bpmn:parallelGateway id="a"/><bpmn:sequenceFlow id="f3" sourceRef="a" targetRef="e"><bpmn:conditionExpression>= x</bpmn:conditionExpression></bpmn:sequenceFlow>', "condition-place", "error"),
    ('<bpmn:task id="a"/><bpmn:task id="b"/><bpmn:sequenceFlow id="f3" sourceRef="a" targetRef="b"/><bpmn:sequenceFlow id="f4" sourceRef="b" targetRef="a"/>', "busy-loop", "error"),
    ('<bpmn:userTask id="a" camunda:assignee="x"/><bpmn:userTask id="b" camunda:assignee="x"/><bpmn:sequenceFlow id="f3" sourceRef="a" targetRef="b"/><bpmn:sequenceFlow id="f4" sourceRef="b" targetRef="b"/>', "no-end", "error"),
    ('<bpmn:exclusiveGateway id="a"/>', "gateway-single", "warning"),
    ('<bpmn:task id="a"/>', "pass-through", "warning"),
])
def test_shapes_that_go_wrong_are_found(body: str, code: str, severity: str) -> None:
    assert code in codes(read(around(body)), severity)


COMPENSABLE = (
    '<bpmn:startEvent id="is"/><bpmn:userTask id="u" camunda:assignee="x"/><bpmn:boundaryEvent id="b" attachedToRef="u"><bpmn:compensateEventDefinition/>'
    '</bpmn:boundaryEvent><bpmn:userTask id="h" camunda:assignee="x" isForCompensation="true"/><bpmn:endEvent id="ie"/>'
    '<bpmn:sequenceFlow id="i1" sourceRef="is" targetRef="u"/><bpmn:sequenceFlow id="i2" sourceRef="u" targetRef="ie"/><bpmn:association id="as" sourceRef="b" targetRef="h"/>'
)
THROW = (
    '<bpmn:intermediateThrowEvent id="t"><bpmn:compensateEventDefinition/></bpmn:intermediateThrowEvent><bpmn:endEvent id="te"/>'
    '<bpmn:sequenceFlow id="t1" sourceRef="a" targetRef="t"/><bpmn:sequenceFlow id="t2" sourceRef="t" targetRef="te"/>'
)


def test_what_instances_did_cannot_be_compensated_from_outside() -> None:
    marker = "<bpmn:multiInstanceLoopCharacteristics><bpmn:loopCardinality>2</bpmn:loopCardinality></bpmn:multiInstanceLoopCharacteristics>"
    assert codes(read(around(f'<bpmn:subProcess id="a">{marker}{COMPENSABLE}</bpmn:subProcess>{THROW}'))) == {"compensation-inside"}
    assert codes(read(around(f'<bpmn:subProcess id="a">{COMPENSABLE}</bpmn:subProcess>{THROW}'))) == set()


def test_compensation_is_not_thrown_in_an_event_sub_process() -> None:
    listener = (
        '<bpmn:subProcess id="l" triggeredByEvent="true"><bpmn:startEvent id="ls"><bpmn:errorEventDefinition/></bpmn:startEvent><bpmn:endEvent id="le">'
        '<bpmn:compensateEventDefinition/></bpmn:endEvent><bpmn:sequenceFlow id="l1" sourceRef="ls" targetRef="le"/></bpmn:subProcess>'
    )
    assert codes(read(around(USER, listener))) == {"compensation-event-sub-process"}


def test_a_file_with_too_many_elements_is_refused_but_a_large_drawing_is_not() -> None:
    assert codes(read(around(USER, "<bpmn:textAnnotation/>" * 61_000))) == {"file-too-large"}
    drawing = f'<di:BPMNDiagram xmlns:di="http://www.omg.org/spec/BPMN/20100524/DI">{"<di:x/>" * 61_000}</di:BPMNDiagram>'
    assert read(around(USER), roots=drawing).deployable


def test_a_flow_out_of_a_sub_process_is_refused() -> None:
    body = around('<bpmn:subProcess id="a"><bpmn:startEvent id="i"/><bpmn:endEvent id="o"/><bpmn:sequenceFlow id="f3" sourceRef="i" targetRef="e"/></bpmn:subProcess>')
    assert "flow-leaves-scope" in codes(read(body))


def test_processes_that_call_each_other_in_a_circle_are_refused() -> None:
    calls = {"B": ["C"], "C": ["P"]}
    reading = read(around('<bpmn:callActivity id="a" calledElement="B"/>'), called_processes=calls.get)
    assert "called-cycle" in codes(reading) and "P → B → C → P" in reading.findings[0].reason_en
    assert read(around('<bpmn:callActivity id="a" calledElement="B"/>'), called_processes={"B": ["C"]}.get).deployable


# files of other tools


def test_documentation_only_models_are_refused_with_a_list() -> None:
    reading = read(around("<bpmn:userTask id='a'/>"), executable=' isExecutable="false"')
    assert {"nothing-executable", "candidate-missing"} <= codes(reading) and not reading.graphs


def test_a_pool_that_is_not_executable_does_not_hinder_the_other() -> None:
    reading = read_graph((DIAGRAMS / "collaboration.bpmn").read_bytes())
    assert list(reading.graphs) == ["process"] and reading.deployable and codes(reading, "warning") == {"not-executable"}
    assert [participant.process for participant in reading.collaboration.participants] == ["process", "bank_process", None]
    assert reading.collaboration.message_flows[0].target == "student" and reading.graphs["process"].participant == "office"


VENDORS = {
    "zeebe": ("http://camunda.org/schema/zeebe/1.0", '<bpmn:extensionElements><v:userTask/></bpmn:extensionElements>'),
    "flowable": ("http://flowable.org/bpmn", '<bpmn:extensionElements><v:formFieldValidation>true</v:formFieldValidation></bpmn:extensionElements>'),
    "activiti": ("http://activiti.org/bpmn", '<bpmn:extensionElements><v:autoStoreVariables/></bpmn:extensionElements>'),
    "signavio": ("http://www.signavio.com", '<bpmn:extensionElements><v:signavioMetaData metaKey="bgcolor" metaValue="#ffffff"/></bpmn:extensionElements>'),
}


@pytest.mark.parametrize("vendor", VENDORS)
def test_extensions_of_other_products_are_named_once_and_do_no_harm(vendor: str) -> None:
    namespace, inner = VENDORS[vendor]
    reading = read(around(f'<bpmn:userTask id="a" camunda:assignee="x" v:thing="1">{inner}</bpmn:userTask>'), namespaces=f'xmlns:v="{namespace}"')
    assert reading.deployable and [finding.code for finding in reading.findings] == ["foreign-namespace"] and namespace in reading.findings[0].reason_en


LOST = {
    "zeebe": ("http://camunda.org/schema/zeebe/1.0", "ioMapping", "taskDefinition"), "flowable": ("http://flowable.org/bpmn", "taskListener", "field"),
    "activiti": ("http://activiti.org/bpmn", "formProperty", "executionListener"), "jbpm": ("http://www.jboss.org/drools", "onEntry-script", "onExit-script"),
}


@pytest.mark.parametrize("vendor", LOST)
def test_an_extension_that_would_have_acted_is_refused_by_name_at_its_element(vendor: str) -> None:
    namespace, *names = LOST[vendor]
    inner = f"<bpmn:extensionElements>{''.join(f'<v:{name}/>' for name in names)}</bpmn:extensionElements>"
    reading = read(around(f'<bpmn:userTask id="a" name="Check" camunda:assignee="x" v:formKey="f">{inner}</bpmn:userTask>'), namespaces=f'xmlns:v="{namespace}"')
    found = {(finding.code, finding.element_id, finding.name, finding.reason_en.split(" ")[0]) for finding in reading.findings if finding.code != "foreign-namespace"}
    assert found == {("foreign-lost", "a", "Check", f"v:{name}") for name in names} | {("foreign-named", "a", "Check", "v:formKey")}
    assert not reading.deployable and all(finding.advice_en for finding in reading.findings)


@pytest.mark.parametrize(("extension", "code"), [("executionListener", "refused"), ("formProperty", "refused"), ("nonsense", "unused-attribute")])
@pytest.mark.parametrize("place", ["task", "flow"])
def test_no_camunda_extension_is_dropped_in_silence(place: str, extension: str, code: str) -> None:
    inner = f"<bpmn:extensionElements><camunda:{extension}/></bpmn:extensionElements>"
    task = '<bpmn:userTask id="a" camunda:assignee="x">' + (inner if place == "task" else "") + "</bpmn:userTask>"
    flow = '<bpmn:sequenceFlow id="h" sourceRef="a" targetRef="b">' + (inner if place == "flow" else "") + '</bpmn:sequenceFlow><bpmn:endEvent id="b"/>'
    found = read(around(task + flow)).findings
    assert [(finding.code, finding.element_id) for finding in found if extension in finding.reason_en] == [(code, "a" if place == "task" else "h")]


def test_more_than_one_token_at_a_time_is_refused() -> None:
    reading = read(around('<bpmn:task id="a" startQuantity="2" completionQuantity="1"/>'))
    assert [finding.element_id for finding in reading.findings if finding.code == "quantity"] == ["a"] and not reading.deployable


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_task_that_only_another_product_understands_is_refused(vendor: str) -> None:
    namespace, inner = VENDORS[vendor]
    reading = read(around(f'<bpmn:serviceTask id="a">{inner}</bpmn:serviceTask>'), namespaces=f'xmlns:v="{namespace}"')
    assert codes(reading) == {"job-missing"}


def test_another_prefix_default_namespace_and_diagram_interchange_are_fine() -> None:
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<!-- drawn elsewhere -->\n<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" '
        'xmlns:bpmndi="http://www.omg.org/spec/BPMN/20100524/DI" xmlns:dc="http://www.omg.org/spec/DD/20100524/DC" xmlns:c="http://camunda.org/schema/1.0/bpmn" '
        'targetNamespace="x" exporter="Somebody"><process id="P" isExecutable="1"><startEvent id="s"><outgoing>f</outgoing></startEvent>'
        '<sequenceFlow id="f" sourceRef="s" targetRef="u"/><userTask id="u" c:candidateUsers="x"/></process>'
        '<bpmndi:BPMNDiagram id="s"><bpmndi:BPMNPlane bpmnElement="P"><bpmndi:BPMNShape bpmnElement="u"><dc:Bounds x="1" y="1" width="1" height="1"/>'
        "</bpmndi:BPMNShape></bpmndi:BPMNPlane></bpmndi:BPMNDiagram></definitions>"
    )
    for encoded in (text.encode(), text.replace("UTF-8", "UTF-16").encode("utf-16")):
        reading = read_graph(encoded)
        assert reading.deployable and not reading.findings


# hostile files


@pytest.mark.parametrize("data", [
    b"", b"\x00", b"not xml", b"<a", b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", b"<a/>", b"\xff\xfe<", b"<a xmlns='&x;'/>",
    b'<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL"/>', b"<a>" * 5000,
    b'<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL"><process isExecutable="true"/></definitions>',
])
def test_any_bytes_give_findings_never_an_exception(data: bytes) -> None:
    reading = read_graph(data)
    assert codes(reading) and not reading.graphs


def test_entities_are_refused_with_the_line() -> None:
    reading = read_graph(b"<?xml version='1.0'?>\n<!DOCTYPE a>\n<a/>")
    assert reading.findings[0].code == "xml" and reading.findings[0].line == 2


@pytest.mark.parametrize("piece", [
    '<bpmn:userTask id="u{0}"/>', '<bpmn:sequenceFlow id="q{0}" sourceRef="s" targetRef="x{0}"/>', '<bpmn:wonder{0}/>', '<bpmn:complexGateway id="g{0}"/>',
    '<bpmn:startEvent id="s{0}"/>', '<bpmn:textAnnotation id="t{0}"/>', '<bpmn:exclusiveGateway/>', '<bpmn:association id="y{0}" sourceRef="s" targetRef="e"/>',
])
def test_floods_are_answered_with_a_bounded_list(piece: str) -> None:
    reading = read(around(USER, "".join(piece.format(number) for number in range(6_000))))
    assert len(reading.findings) <= 2_002


def test_a_large_flat_process_is_refused_and_a_long_chain_is_not() -> None:
    def chain(length: int) -> str:
        tasks = "".join(f'<bpmn:task id="t{number}"/><bpmn:sequenceFlow id="c{number}" sourceRef="t{number}" targetRef="t{number + 1}"/>' for number in range(length))
        return f'<bpmn:startEvent id="s"/><bpmn:sequenceFlow id="f" sourceRef="s" targetRef="t0"/>{tasks}<bpmn:endEvent id="t{length}"/>'

    assert read(chain(2_000)).deployable
    assert "too-large" in codes(read(chain(5_100)))


def test_deep_nesting_is_no_trouble() -> None:
    inner = '<bpmn:startEvent id="s0"/><bpmn:endEvent id="e0"/><bpmn:sequenceFlow id="f0" sourceRef="s0" targetRef="e0"/>'
    for depth in range(1, 90):
        inner = f'<bpmn:startEvent id="s{depth}"/><bpmn:subProcess id="p{depth}">{inner}</bpmn:subProcess><bpmn:sequenceFlow id="f{depth}" sourceRef="s{depth}" targetRef="p{depth}"/>'
    assert read(inner).deployable


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damaged_files_never_raise(data: st.DataObject) -> None:
    paths = sorted(DIAGRAMS.glob("*.bpmn"))
    content = bytearray(data.draw(st.sampled_from(paths)).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        begin = data.draw(st.integers(0, len(content) - 1))
        content[begin:begin + data.draw(st.integers(0, 40))] = data.draw(st.sampled_from([b"", b"x", b"<", b"id", b'"', b"bpmn:", b"\xe5"]))
    reading = read_graph(bytes(content))
    assert reading.findings or reading.graphs
