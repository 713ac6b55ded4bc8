"""The syntax tree of FEEL: one small class per construct, no behaviour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from workflows.feel.types import Type
from workflows.feel.values import FeelValue


@dataclass(frozen=True, slots=True)
class Literal:
    value: FeelValue


@dataclass(frozen=True, slots=True)
class Name:
    text: str


@dataclass(frozen=True, slots=True)
class Path:
    base: Node
    name: str


@dataclass(frozen=True, slots=True)
class Filter:
    base: Node
    condition: Node


@dataclass(frozen=True, slots=True)
class Call:
    function: Node
    arguments: tuple[tuple[str | None, Node], ...]


@dataclass(frozen=True, slots=True)
class Negation:
    operand: Node


@dataclass(frozen=True, slots=True)
class Binary:
    """`operator` is one of + - * / **, = != < <= > >=, and, or."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Between:
    value: Node
    low: Node
    high: Node


@dataclass(frozen=True, slots=True)
class In:
    value: Node
    tests: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class InstanceOf:
    value: Node
    type: Type


@dataclass(frozen=True, slots=True)
class If:
    condition: Node
    then: Node
    otherwise: Node


@dataclass(frozen=True, slots=True)
class Iterator:
    """`name in source`, or `name in source..end` when `end` is given."""

    name: str
    source: Node
    end: Node | None


@dataclass(frozen=True, slots=True)
class For:
    iterators: tuple[Iterator, ...]
    body: Node


@dataclass(frozen=True, slots=True)
class Quantified:
    """`some` or `every`."""

    kind: str
    iterators: tuple[Iterator, ...]
    condition: Node


@dataclass(frozen=True, slots=True)
class FunctionDefinition:
    """`body` is None for an external function."""

    parameters: tuple[tuple[str, Type | None], ...]
    body: Node | None


@dataclass(frozen=True, slots=True)
class ListLiteral:
    entries: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class ContextLiteral:
    entries: tuple[tuple[str, Node], ...]


@dataclass(frozen=True, slots=True)
class Interval:
    start: Node
    end: Node
    start_included: bool
    end_included: bool


@dataclass(frozen=True, slots=True)
class UnaryRange:
    """`< 5` standing alone; `operator` is one of < <= > >= = !=."""

    operator: str
    operand: Node


@dataclass(frozen=True, slots=True)
class UnaryTests:
    """The text of a decision table cell; no tests at all means `-`."""

    negated: bool
    tests: tuple[Node, ...]


Node: TypeAlias = (
    Literal | Name | Path | Filter | Call | Negation | Binary | Between | In | InstanceOf | If | For | Quantified
    | FunctionDefinition | ListLiteral | ContextLiteral | Interval | UnaryRange
)
