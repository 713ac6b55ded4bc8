"""Files made to hurt are refused in words: entities, depth, size, circles, long texts and forged lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.scenarios.process_check import check_path

HOSTILE = Path(__file__).parent / "hostile"
BPMN = '<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:camunda="http://camunda.org/schema/1.0/bpmn" targetNamespace="urn:t">'
DMN = '<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" namespace="urn:t" name="t">'


def process(body: str) -> str:
    return f'{BPMN}<process id="p" isExecutable="true">{body}</process></definitions>'


def around(activity: str) -> str:
    """Start, this activity (id a), end."""
    return process(
        f'<startEvent id="s"/><sequenceFlow id="f" sourceRef="s" targetRef="a"/>{activity}'
        '<sequenceFlow id="g" sourceRef="a" targetRef="e"/><endEvent id="e"/>'
    )


def decisions(number: int, requires: int) -> str:
    """Decisions each of which requires the next; the last one requires the decision `requires`, when there is one."""
    def one(index: int) -> str:
        required = index + 1 if index + 1 < number else requires
        need = f'<informationRequirement><requiredDecision href="#d{required}"/></informationRequirement>' if required < number else ""
        return f'<decision id="d{index}" name="d{index}">{need}<literalExpression><text>1</text></literalExpression></decision>'

    return f"{DMN}{''.join(map(one, range(number)))}</definitions>"


def types(number: int) -> str:
    parts = "".join(f'<itemDefinition name="t{index}"><typeRef>t{index + 1}</typeRef></itemDefinition>' for index in range(number))
    return f'{DMN}{parts}<decision id="d" name="d"><variable name="d" typeRef="t0"/><literalExpression><text>1</text></literalExpression></decision></definitions>'


def table(rules: int) -> str:
    """A decision table of one column."""
    rows = "".join(f'<rule id="r{index}"><inputEntry><text>{index}</text></inputEntry><outputEntry><text>1</text></outputEntry></rule>' for index in range(rules))
    head = '<input id="i"><inputExpression><text>1</text></inputExpression></input><output id="o"/>'
    return f'{DMN}<decision id="d" name="d"><decisionTable id="t">{head}{rows}</decisionTable></decision></definitions>'


def ring(number: int) -> str:
    """Processes each of which calls the next, the last one the first."""
    parts = (
        f'<process id="p{index}" isExecutable="true"><startEvent id="s{index}"/><sequenceFlow id="f{index}" sourceRef="s{index}" targetRef="a{index}"/>'
        f'<callActivity id="a{index}" calledElement="p{(index + 1) % number}"/></process>' for index in range(number)
    )
    return f"{BPMN}{''.join(parts)}</definitions>"


MADE = {
    "a table of a hundred thousand rules.dmn": lambda: table(100_000),
    "a table of twenty thousand rules.dmn": lambda: table(20_000),
    "a table of nine thousand texts.dmn": lambda: table(9_000),
    "a million comments.bpmn": lambda: around('<task id="a">' + "<!---->" * 1_000_000 + "</task>"),
    "a hundred thousand flows.bpmn": lambda: process(
        '<startEvent id="s"/><endEvent id="e"/>' + "".join(f'<sequenceFlow id="f{index}" sourceRef="s" targetRef="e"/>' for index in range(100_000))
    ),
    "sub-processes at the limit.bpmn": lambda: process("".join(f'<subProcess id="s{index}">' for index in range(190)) + "</subProcess>" * 190),
    "brackets in a condition.bpmn": lambda: process(
        '<startEvent id="s"/><exclusiveGateway id="g"/><endEvent id="e"/><sequenceFlow id="f" sourceRef="s" targetRef="g"/>'
        f'<sequenceFlow id="h" sourceRef="g" targetRef="e"><conditionExpression>= {"(" * 50_000}1{")" * 50_000}</conditionExpression></sequenceFlow>'
    ),
    "a ring of calls.bpmn": lambda: ring(190),
    "a million elements.bpmn": lambda: around('<task id="a">' + "<incoming/>" * 1_000_000 + "</task>"),
    "a hundred thousand elements.bpmn": lambda: around('<task id="a">' + "<incoming>f</incoming>" * 100_000 + "</task>"),
    "a million inputs.dmn": lambda: f"{DMN}{'<inputData/>' * 600_000}</definitions>",
    "nested sub-processes.bpmn": lambda: process("".join(f'<subProcess id="s{index}">' for index in range(5_000)) + "</subProcess>" * 5_000),
    "nested contexts.dmn": lambda: f"{DMN}<decision id='d' name='d'>{'<list>' * 5_000}{'</list>' * 5_000}</decision></definitions>",
    "a huge attribute.bpmn": lambda: around(f'<userTask id="a" camunda:assignee="x" name="{"n" * 5_000_000}"/>'),
    "a hundred thousand attributes.bpmn": lambda: BPMN[:-1] + "".join(f' a{index}="1"' for index in range(100_000)) + "/>",
    "twenty thousand processes.bpmn": lambda: BPMN + "".join(f'<process id="p{index}" isExecutable="true"/>' for index in range(20_000)) + "</definitions>",
    "thirty thousand tasks.bpmn": lambda: process('<startEvent id="s"/>' + "".join(f'<task id="t{index}"/>' for index in range(30_000))),
    "open brackets.bpmn": lambda: around(f'<userTask id="a" camunda:assignee="= {"(" * 90_000}"/>'),
    "a long sum.bpmn": lambda: around(f'<userTask id="a" camunda:assignee="= {"1+" * 40_000}1"/>'),
    "too many expressions.bpmn": lambda: process(
        '<startEvent id="s"/>' + "".join(f'<userTask id="a{index}" camunda:assignee="= &quot;{index}{"x" * 10_000}&quot;"/>' for index in range(100))
    ),
    "a process that calls itself.bpmn": lambda: around('<callActivity id="a" calledElement="p"/>'),
    "a long circle.dmn": lambda: decisions(5_000, 0),
    "a long chain.dmn": lambda: decisions(5_000, 5_000),
    "a chain of types.dmn": lambda: types(5_000),
    "nothing.bpmn": lambda: "",
    "null bytes.bpmn": lambda: "\0" * 100_000,
    "an unknown encoding.dmn": lambda: '<?xml version="1.0" encoding="klingon"?><a/>',
}


def refused(path: Path) -> list[str]:
    lines: list[str] = []
    assert not check_path(path, path, lambda *_: None, lines.append)  # type: ignore[arg-type, return-value]
    assert any(line.startswith("✗") for line in lines)
    return lines


@pytest.mark.parametrize("path", sorted(HOSTILE.iterdir()), ids=lambda path: path.name)
def test_a_hostile_file_is_refused(path: Path) -> None:
    refused(path)


@pytest.mark.parametrize("name", MADE)
def test_a_hostile_file_of_any_size_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(MADE[name](), encoding="utf-8")
    refused(tmp_path / name)


def test_an_entity_is_never_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("do not tell", encoding="utf-8")
    text = (HOSTILE / "external_entity.bpmn").read_text("utf-8").replace("file:///etc/hostname", (tmp_path / "secret").as_uri())
    (tmp_path / "p.bpmn").write_text(text, encoding="utf-8")
    assert "do not tell" not in "\n".join(refused(tmp_path / "p.bpmn"))


def test_an_id_cannot_write_lines_of_its_own() -> None:
    lines = refused(HOSTILE / "newline_ids.bpmn")
    assert all(line.isprintable() for line in lines)
    assert [line for line in lines if line.startswith("0 errors")] == []


def test_a_circle_of_calls_and_of_requirements_is_named() -> None:
    assert any("one → two → one" in line for line in refused(HOSTILE / "recursive_calls.bpmn"))
    assert any("a → b → a" in line for line in refused(HOSTILE / "cyclic_requirements.dmn"))
