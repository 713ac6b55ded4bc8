"""Decision tables (DMN chapter 8): rules compiled once, every hit policy, rules found through bit masks per column."""

from __future__ import annotations

from dataclasses import dataclass

from workflows.decisions.columns import Column, compile_column
from workflows.decisions.hit_policies import Hit, Output, apply_hit_policy, read_hit_policy
from workflows.decisions.running import Code, DecisionRun, Match
from workflows.decisions.workshop import Workshop
from workflows.decisions.xml import Xml, child, children, text_of, type_reference
from workflows.feel import UnaryTests, Words
from workflows.feel.types import Type, coerce
from workflows.feel.values import FeelValue, Names

MAXIMUM_RULES = 10_000


@dataclass(frozen=True, slots=True)
class Input:
    """An input column: where its value comes from, what values it may have, and its cells."""

    label: str
    value: Code
    type: Type | None
    allowed: UnaryTests | None
    cells: Column


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule's id, its output cells, and its annotations by column."""

    id: str
    outputs: tuple[Code, ...]
    annotations: dict[str, str]


def compile_table(workshop: Workshop, element: Xml, known: frozenset[str]) -> Code:
    """The code of a decision table."""
    rule_elements = list(children(element, "rule"))
    if len(rule_elements) > MAXIMUM_RULES:
        count = len(rule_elements)
        workshop.remark("error", element, Words(f"决策表有 {count:,} 条规则，超过 {MAXIMUM_RULES:,} 条", f"the table has {count:,} rules, more than {MAXIMUM_RULES:,}"),
                        Words("请拆分为几个决策表", "split it into several tables"))
        rule_elements = []
    cells = [list(children(rule, "inputEntry")) for rule in rule_elements]
    inputs = [
        _input(workshop, column, [row[index] if index < len(row) else None for row in cells], known)
        for index, column in enumerate(children(element, "input"))
    ]
    outputs = [_output(workshop, column, known) for column in children(element, "output")]
    policy = read_hit_policy(workshop, element, outputs)
    titles = [column.get("name", "") for column in children(element, "annotation")]
    rules = [_rule(workshop, rule, len(outputs), titles, known) for rule in rule_elements]
    everything = (1 << len(rules)) - 1

    def evaluate(names: Names, run: DecisionRun) -> FeelValue:
        mask = everything
        for column in inputs:
            value = _input_value(column, names, run)
            if value is _INVALID:
                return None
            mask = column.cells.matching(value, mask, names, run)
            if not mask:
                break
        hits = _hits(rules, mask, policy.stops_at_first)
        return apply_hit_policy(policy, hits, names, run, lambda rule: _note(rules, rule, run))

    return evaluate


_INVALID = object()


def _input_value(column: Input, names: Names, run: DecisionRun) -> FeelValue:
    value = column.value(names, run)
    if column.type is not None and value is not None:
        fitted = coerce(value, column.type)
        if fitted is None:
            run.problem(Words(f"输入 {column.label} 的值不符合其类型", f"the input {column.label} has a value that does not conform to its type"))
        value = fitted
    if value is not None and column.allowed is not None and column.allowed.test(value, names, run) is not True:
        run.problem(Words(f"输入 {column.label} 的值 {value} 不在其取值之内", f"the input {column.label} has the value {value}, which is not among its input values"))
        return _INVALID
    return value


def _hits(rules: list[Rule], mask: int, first_only: bool) -> list[Hit]:
    hits = []
    while mask:
        lowest = mask & -mask
        index = lowest.bit_length() - 1
        hits.append(Hit(index, rules[index].outputs))
        if first_only:
            break
        mask ^= lowest
    return hits


def _note(rules: list[Rule], index: int, run: DecisionRun) -> None:
    run.matched.append(Match(run.element_id, index + 1, rules[index].id, rules[index].annotations))


def _input(workshop: Workshop, column: Xml, cells: list[Xml | None], known: frozenset[str]) -> Input:
    expression = child(column, "inputExpression")
    text = text_of(expression, "text")
    if text is None:
        workshop.remark("error", column, Words("有输入列没有表达式", "an input column has no expression"), Words("请给该列写输入表达式", "give the column an input expression"))
    speaks = workshop.speaks_feel(expression)
    value: Code = (lambda names, run: None) if text is None or not speaks else workshop.code(text, column, known)
    allowed_text = text_of(column, "inputValues", "text")
    allowed = None if allowed_text is None else workshop.unary_tests(allowed_text, column, known)
    label = column.get("label") or text or ""
    texts = [(cell, text_of(cell, "text") if workshop.speaks_feel(cell) else "null") for cell in cells]
    compiled = compile_column(workshop, texts, column, known)
    return Input(label, value, workshop.find_type(type_reference(expression), column), allowed, compiled)


def _output(workshop: Workshop, column: Xml, known: frozenset[str]) -> Output:
    values_text = text_of(column, "outputValues", "text")
    values = None if values_text is None else workshop.unary_tests(values_text, column, known)
    default_text = text_of(column, "defaultOutputEntry", "text")
    default = None if default_text is None else workshop.code(default_text, column, known)
    declared = workshop.find_type(type_reference(column), column)
    order = values.literals if values is not None else None
    if order is None and declared is not None:
        order = declared.ordered_values
    return Output(column.get("name") or "", declared, order, default)


def _rule(workshop: Workshop, rule: Xml, columns: int, titles: list[str], known: frozenset[str]) -> Rule:
    entries = list(children(rule, "outputEntry"))
    if len(entries) != columns:
        workshop.remark("error", rule, Words(f"规则有 {len(entries)} 个输出，而输出列有 {columns} 个", f"the rule has {len(entries)} output entries for {columns} output columns"),
                        Words("请让每个输出列各有一个", "give every output column one entry"))
    codes: list[Code] = []
    for entry in entries[:columns]:
        text = text_of(entry, "text")
        empty = text in (None, "-") or not workshop.speaks_feel(entry)
        codes.append((lambda names, run: None) if empty else workshop.code(text or "", entry, known))
    codes += [lambda names, run: None] * (columns - len(codes))
    notes = [text_of(note, "text") or "" for note in children(rule, "annotationEntry")]
    annotations = {(titles[index] if index < len(titles) else "") or str(index + 1): note for index, note in enumerate(notes)}
    return Rule(rule.get("id", ""), tuple(codes), annotations)
