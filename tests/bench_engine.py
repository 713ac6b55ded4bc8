"""What the engine itself costs: token machine with load and save, FEEL, decision tables, reading and deploying a model."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from tests.reference_host import NoVariables
from workflows.decisions import read_decisions
from workflows.feel import compile_expression
from workflows.graph import Node, read_graph
from workflows.machine import Machine

Put = Callable[[str, float, str], None]
HEAD = (
    '<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:camunda="http://camunda.org/schema/1.0/bpmn" '
    'targetNamespace="urn:bench" id="d"><bpmn:process id="bench" isExecutable="true">'
)
TAIL = "</bpmn:process></bpmn:definitions>"
USER = '<bpmn:userTask id="{id}" camunda:assignee="person:1">{inner}</bpmn:userTask>'
RULES = 200


class Answers(NoVariables):
    """A host that keeps a loop going until told otherwise."""

    def __init__(self) -> None:
        self.again = True
        self.instances = 300

    def condition(self, expression: str, scope: str, counters: Mapping[str, int] | None = None) -> bool:
        return self.again if expression == "again" else False

    def count(self, expression: str, scope: str) -> int:
        return self.instances

    def perform(self, node: Node, token: str, scope: str) -> None:
        return None


def flow(source: str, target: str, condition: str = "") -> str:
    """A sequence flow."""
    body = f"<bpmn:conditionExpression>={condition}</bpmn:conditionExpression>" if condition else ""
    return f'<bpmn:sequenceFlow id="{source}_{target}" sourceRef="{source}" targetRef="{target}">{body}</bpmn:sequenceFlow>'


def loop_diagram() -> bytes:
    """Five user tasks, two of them in parallel, and a choice that leads back."""
    nodes = '<bpmn:startEvent id="s"/>' + "".join(USER.format(id=f"t{n}", inner="") for n in range(1, 6))
    nodes += '<bpmn:exclusiveGateway id="m"/><bpmn:parallelGateway id="f"/><bpmn:parallelGateway id="j"/><bpmn:exclusiveGateway id="x" default="x_e"/><bpmn:endEvent id="e"/>'
    pairs = [("s", "m"), ("m", "t1"), ("t1", "f"), ("f", "t2"), ("f", "t3"), ("t2", "j"), ("t3", "j"), ("j", "t4"), ("t4", "t5"), ("t5", "x"), ("x", "e")]
    return (HEAD + nodes + "".join(flow(*pair) for pair in pairs) + flow("x", "m", "again") + TAIL).encode()


def chain_diagram(length: int) -> bytes:
    """User tasks in a row."""
    names = [f"t{number}" for number in range(length)]
    nodes = '<bpmn:startEvent id="s"/>' + "".join(USER.format(id=name, inner="") for name in names) + '<bpmn:endEvent id="e"/>'
    pairs = zip(["s", *names], [*names, "e"], strict=True)
    return (HEAD + nodes + "".join(flow(*pair) for pair in pairs) + TAIL).encode()


def instances_diagram() -> bytes:
    """One multi-instance user task."""
    inner = "<bpmn:multiInstanceLoopCharacteristics><bpmn:loopCardinality>=300</bpmn:loopCardinality></bpmn:multiInstanceLoopCharacteristics>"
    nodes = '<bpmn:startEvent id="s"/>' + USER.format(id="t", inner=inner) + '<bpmn:endEvent id="e"/>'
    return (HEAD + nodes + flow("s", "t") + flow("t", "e") + TAIL).encode()


def machine_of(xml: bytes) -> Machine:
    """The machine of the only process of a file."""
    return Machine(next(iter(read_graph(xml).graphs.values())))


class Stepper:
    """Completes the first open activity again and again, loading and saving the state each time."""

    def __init__(self, xml: bytes) -> None:
        self.machine = machine_of(xml)
        self.host = Answers()
        state, _ = self.machine.start(self.host)
        self.stored = orjson.dumps(state)

    def step(self) -> float:
        """One completion; milliseconds with load and save."""
        started = time.perf_counter()
        state = orjson.loads(self.stored)
        token = next(token for token, node, *_ in reversed(self.machine.tokens(state)) if "t" in node)
        self.machine.complete(state, token, self.host)
        self.stored = orjson.dumps(state)
        return (time.perf_counter() - started) * 1000

    def steps(self, number: int) -> list[float]:
        return [self.step() for _ in range(number)]


def measure(put: Put, scale: int) -> None:
    """Print and keep every figure of the engine."""
    loop = Stepper(loop_diagram())
    loop.steps(5)
    done = 1
    for rounds in (1, 50, 2_000 // scale):
        loop.steps(5 * max(0, rounds - done - 9))
        put(f"engine_loop_{rounds}_ms", statistics.median(loop.steps(50)), f"engine per completion with load and save, round {rounds} of a loop")
        done = rounds + 1
    put("engine_loop_state_bytes", float(len(loop.stored)), "stored marking of that loop")
    chain = Stepper(chain_diagram(200))
    put("engine_200_activities_ms", statistics.median(chain.steps(190)), "in a diagram of 200 activities in a row")
    instances = Stepper(instances_diagram())
    first = statistics.median(instances.steps(20))
    instances.steps(240)
    put("engine_instance_first_ms", first, "in the first of 300 parallel instances")
    put("engine_instance_300_ms", statistics.median(instances.steps(35)), "in the last of 300 parallel instances")
    measure_expressions(put)


def measure_expressions(put: Put) -> None:
    """FEEL conditions, a decision table of 200 rules, reading a model."""
    variables = {"outcome": "approve", "case": {"amount": 8000, "province": "14"}}
    for name, text in (("equal", 'outcome = "approve"'), ("and", 'case.amount > 5000 and case.province = "14"')):
        expression = compile_expression(text)
        put(f"feel_{name}_us", microseconds(lambda expression=expression: expression.evaluate(variables)), f"FEEL condition {text}")  # type: ignore[misc]
    model = read_decisions(table())
    put("decision_200_rules_us", microseconds(lambda: model.evaluate("rates", {"amount": 19_950, "kind": "k3"})), "decision table of 200 rules")
    xml = chain_diagram(200)
    put("parse_200_activities_ms", microseconds(lambda: read_graph(xml), 20) / 1000, "read and lint a diagram of 200 activities")


def microseconds(work: Callable[[], Any], times: int = 2_000) -> float:
    """The median time of a call."""
    found = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        found.append((time.perf_counter() - started) * 1_000_000)
    return statistics.median(found)


def table() -> bytes:
    """A UNIQUE table of 200 rules over a range and a text."""
    rules = "".join(
        f'<rule id="r{n}"><inputEntry><text>[{n * 100}..{n * 100 + 99}]</text></inputEntry><inputEntry><text>-</text></inputEntry>'
        f"<outputEntry><text>{n}</text></outputEntry></rule>"
        for n in range(RULES)
    )
    return (
        '<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" id="d" name="bench" namespace="urn:bench">'
        '<inputData id="amount" name="amount"/><inputData id="kind" name="kind"/><decision id="rates" name="rates">'
        '<informationRequirement><requiredInput href="#amount"/></informationRequirement>'
        '<informationRequirement><requiredInput href="#kind"/></informationRequirement><decisionTable hitPolicy="UNIQUE"><input><inputExpression><text>amount</text></inputExpression></input>'
        f"<input><inputExpression><text>kind</text></inputExpression></input><output name=\"rate\"/>{rules}</decisionTable></decision></definitions>"
    ).encode()
