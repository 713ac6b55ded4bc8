"""What a decision table answers when none, one or several rules match (DMN 8.2.11): all hit policies and aggregators."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from workflows.decisions.running import Code, DecisionRun
from workflows.decisions.workshop import Workshop
from workflows.decisions.xml import Xml
from workflows.feel import Words
from workflows.feel.builtins import BUILT_INS
from workflows.feel.comparison import equal
from workflows.feel.types import Type, coerce
from workflows.feel.values import FeelValue, Names

_LETTERS = {
    "U": "UNIQUE", "A": "ANY", "P": "PRIORITY", "F": "FIRST", "R": "RULE ORDER", "O": "OUTPUT ORDER", "C": "COLLECT",
}
_AGGREGATORS = {"SUM": "sum", "MIN": "min", "MAX": "max", "COUNT": "count"}


@dataclass(frozen=True, slots=True)
class Output:
    """An output column; `order` are its values from the highest priority down."""

    name: str
    type: Type | None
    order: tuple[FeelValue, ...] | None
    default: Code | None


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule that matched, by index from 0, and the code of its outputs."""

    rule: int
    outputs: tuple[Code, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """A table's hit policy with its outputs and, for COLLECT, the aggregating function (empty: a list)."""

    name: str
    aggregation: str
    outputs: tuple[Output, ...]

    @property
    def stops_at_first(self) -> bool:
        """Whether later rules need not be looked for."""
        return self.name == "FIRST"


def read_hit_policy(workshop: Workshop, element: Xml, outputs: list[Output]) -> Policy:
    """The hit policy of a decision table element; an unknown one is a finding and counts as UNIQUE."""
    given = element.get("hitPolicy", "UNIQUE")
    name = _LETTERS.get(given, given)
    aggregation = element.get("aggregation", "")
    if name not in _LETTERS.values() or (aggregation and aggregation not in _AGGREGATORS):
        workshop.remark("error", element, Words(f"命中策略 {given} {aggregation} 不存在", f"the hit policy {given} {aggregation} is not known"), Words("请从 U A P F R O C C+ C< C> C# 中选用", "use one of U A P F R O C C+ C< C> C#"))
        name, aggregation = "UNIQUE", ""
    if not outputs:
        workshop.remark("error", element, Words("决策表没有输出列", "the decision table has no output"), Words("请加一个输出列", "add an output column"))
    ordered = any(output.order for output in outputs)
    if name in ("PRIORITY", "OUTPUT ORDER") and not ordered:
        workshop.remark("warning", element, Words(f"命中策略 {name} 缺少输出值的次序", f"the hit policy {name} has no order of output values"), Words("请按优先级从高到低列出输出值", "list the output values from the highest priority down"))
    return Policy(name, _AGGREGATORS.get(aggregation, "") if name == "COLLECT" else "", tuple(outputs))


def apply_hit_policy(
    policy: Policy, hits: list[Hit], names: Names, run: DecisionRun, note: Callable[[int], None]
) -> FeelValue:
    """The value of a table whose rules `hits` matched; `note` records each rule that counts."""
    if not hits:
        return _nothing_matched(policy, names, run)
    values = [[_cell(output, code(names, run), run) for output, code in zip(policy.outputs, hit.outputs, strict=True)]
              for hit in hits]
    match policy.name:
        case "UNIQUE" if len(hits) > 1:
            rules = ", ".join(str(hit.rule + 1) for hit in hits)
            run.problem(Words(f"命中策略为唯一（UNIQUE），但规则 {rules} 同时命中", f"the hit policy is UNIQUE, but the rules {rules} match together"))
            return None
        case "ANY" if any(equal(values[0], other) is not True for other in values[1:]):
            run.problem(Words("命中策略为任一（ANY），但命中的规则输出不同", "the hit policy is ANY, but the matching rules have different outputs"))
            return None
        case "PRIORITY":
            best = min(range(len(hits)), key=lambda index: _rank(policy, values[index]))
            note(hits[best].rule)
            return _record(policy, values[best])
        case "OUTPUT ORDER":
            order = sorted(range(len(hits)), key=lambda index: _rank(policy, values[index]))
            hits, values = [hits[index] for index in order], [values[index] for index in order]
    for hit in hits:
        note(hit.rule)
    if policy.name in ("UNIQUE", "ANY", "FIRST"):
        return _record(policy, values[0])
    return _aggregated(policy, values, run)


def _cell(output: Output, value: FeelValue, run: DecisionRun) -> FeelValue:
    fitted = coerce(value, output.type)
    if fitted is None and value is not None:
        run.problem(Words(f"输出 {output.name} 的值 {value} 不符合其类型", f"an output {output.name} has the value {value}, which does not conform to its type"))
    return fitted


def _rank(policy: Policy, values: list[FeelValue]) -> list[int]:
    """Places in the output values, column by column; columns without an order do not count."""
    ranks = []
    for output, value in zip(policy.outputs, values, strict=True):
        if output.order:
            places = [index for index, wanted in enumerate(output.order) if equal(wanted, value) is True]
            ranks.append(places[0] if places else len(output.order))
    return ranks


def _record(policy: Policy, values: list[FeelValue]) -> FeelValue:
    if len(policy.outputs) == 1:
        return values[0]
    return {output.name: value for output, value in zip(policy.outputs, values, strict=True)}


def _aggregated(policy: Policy, values: list[list[FeelValue]], run: DecisionRun) -> FeelValue:
    if not policy.aggregation:
        return [_record(policy, row) for row in values]
    if policy.aggregation == "count":
        return Decimal(len(values))
    function = BUILT_INS[policy.aggregation]
    return _record(policy, [function.call([list(column)], run) for column in zip(*values, strict=True)])


def _nothing_matched(policy: Policy, names: Names, run: DecisionRun) -> FeelValue:
    """The default outputs if there are any, else what an empty collection means for the policy."""
    if any(output.default is not None for output in policy.outputs):
        defaults = [
            None if output.default is None else _cell(output, output.default(names, run), run) for output in policy.outputs
        ]
        return _record(policy, defaults)
    if policy.name != "COLLECT":
        return None
    return {"": [], "count": Decimal(0)}.get(policy.aggregation)
