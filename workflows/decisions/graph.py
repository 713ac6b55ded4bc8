"""The decision requirement graph of one model: its elements and what each requires, here or in imported models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from workflows.decisions.elements import DESCRIPTIONS, REFUSED, SUPPORT
from workflows.decisions.running import Code
from workflows.decisions.workshop import Workshop
from workflows.decisions.xml import Xml, child, children, foreign_names, local_name, reference
from workflows.feel import Words
from workflows.feel.types import Type

MAXIMUM_REQUIREMENT_DEPTH = 60
MOST_SHOWN = 10


@dataclass(slots=True)
class Node:
    """An input, decision, knowledge model or service. `requires` are (name of the import or "", node).

    `code` computes a decision's value or a knowledge model's body.
    """

    kind: str
    id: str
    name: str
    xml: Xml
    model: ModelPart
    variable: str = ""
    type: Type | None = None
    requires: list[tuple[str, Node]] = field(default_factory=list)
    code: Code | None = None
    parameters: tuple[str, ...] = ()
    parameter_types: Sequence[Type | None] = field(default_factory=list)
    outputs: list[Node] = field(default_factory=list)
    service_inputs: list[Node] = field(default_factory=list)
    external: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """What identifies the node across models."""
        return (self.model.namespace, self.id)

    def __repr__(self) -> str:
        return f"Node({self.kind} {self.name!r})"


class ModelPart:
    """One DMN file: its nodes by id, its workshop, and its imports by name."""

    def __init__(self, root: Xml) -> None:
        self.root = root
        self.namespace = root.get("namespace", "")
        self.name = root.get("name", "")
        self.workshop = Workshop(root)
        self.nodes: dict[str, Node] = {}
        self.imports: dict[str, ModelPart] = {}
        self._check_elements()
        for element in root:
            kind = local_name(element)
            if kind in ("inputData", "decision", "businessKnowledgeModel", "decisionService"):
                self._add(kind, element)

    def _check_elements(self) -> None:
        """Findings for what the table of elements refuses, and for top-level elements it does not know."""
        foreign: dict[str, dict[str, Xml]] = {}
        for element in self.root.iter():
            kind = local_name(element)
            for space, name in foreign_names(element):
                foreign.setdefault(space, {}).setdefault(name, element)
            if SUPPORT.get(kind) == REFUSED:
                self.workshop.remark("error", element, Words(f"不支持 {kind}", f"{kind} is not supported"), Words("可用的元素见 docs/dmn_support.md", "see docs/dmn_support.md for what to use instead"))
            elif kind and element.getparent() is self.root and kind not in SUPPORT and kind not in DESCRIPTIONS:
                self.workshop.remark("warning", element, Words(f"DMN 没有元素 {kind}", f"the element {kind} is not known to DMN"), Words("请删去", "remove it"))

        for space, names in foreign.items():
            self._name_foreign(space, names)

    def _name_foreign(self, space: str, names: dict[str, Xml]) -> None:
        """One warning for what another product wrote, with the names; it may have meant more to that product."""
        listed = [name[:60] for name in list(names)[:MOST_SHOWN]] + (["…"] if len(names) > MOST_SHOWN else [])
        shown = f"{space[:120]}: {', '.join(listed)}"
        self.workshop.remark("warning", next(iter(names.values())), Words(f"其他产品的扩展（{shown}）不起作用", f"extensions of another product ({shown}) have no effect"),
                             Words("如其中含有变量名、公式或命中规则，请用 DMN 本身的写法", "if they hold names of variables, formulas or rules, write those in DMN itself"))

    def _add(self, kind: str, element: Xml) -> None:
        name = element.get("name", "")
        node = Node(kind, element.get("id") or name, name, element, self)
        variable = child(element, "variable")
        node.variable = (variable.get("name") if variable is not None else None) or name
        if node.id in self.nodes:
            self.workshop.remark("error", element, Words(f"id {node.id} 重复", f"the id {node.id} is used twice"), Words("请让每个元素各有自己的 id", "give every element its own id"))
            return
        self.nodes[node.id] = node

    def resolve(self, href: str, at: Xml) -> tuple[str, Node] | None:
        """The node an href points at and the import it comes through; None and a finding when there is none."""
        namespace, _, identifier = href.rpartition("#")
        places = [("", self)] if namespace in ("", self.namespace) else []
        places += [(name, part) for name, part in self.imports.items() if namespace in ("", part.namespace)]
        for name, part in places:
            node = part.nodes.get(identifier)
            if node is not None:
                return name, node
        self.workshop.remark("error", at, Words(f"引用 {href or '（空）'} 没有指向任何元素", f"the reference {href or '(empty)'} points at nothing"),
                             Words("请重画需求线，或引入所指的模型", "draw the requirement again, or import the model it points into"))
        return None


def link(part: ModelPart) -> None:
    """Resolve every requirement of a model's nodes."""
    for node in part.nodes.values():
        if node.kind == "decisionService":
            _link_service(part, node)
            continue
        for requirement in children(node.xml, "informationRequirement", "knowledgeRequirement"):
            target = child(requirement, "requiredDecision", "requiredInput", "requiredKnowledge")
            if target is None:
                part.workshop.remark("error", requirement, Words("有一条需求线没有指向任何元素", "a requirement points at nothing"), Words("请重画需求线", "draw the requirement again"))
                continue
            found = part.resolve(reference(target), target)
            if found is not None:
                node.requires.append(found)


def _link_service(part: ModelPart, node: Node) -> None:
    groups: dict[str, list[Node]] = {"outputDecision": [], "inputData": [], "inputDecision": [], "encapsulatedDecision": []}
    for element in children(node.xml, *groups):
        found = part.resolve(reference(element), element)
        if found is not None:
            groups[local_name(element)].append(found[1])
    node.outputs = groups["outputDecision"]
    node.service_inputs = groups["inputData"] + groups["inputDecision"]
    node.parameters = tuple(entry.variable for entry in node.service_inputs)
    if not node.outputs:
        part.workshop.remark("error", node.xml, Words("决策服务没有输出决策", "the decision service has no output decision"), Words("请指定一个", "give it one"))


def find_cycles(part: ModelPart) -> None:
    """A decision that requires itself, over any path, is a finding, and so is too deep a chain; knowledge models may be recursive."""
    depths: dict[tuple[str, str], int] = {}
    for node in part.nodes.values():
        if node.kind == "decision" and node.key not in depths:
            _visit(node, depths)
    for node in part.nodes.values():
        if depths.get(node.key, 0) == MAXIMUM_REQUIREMENT_DEPTH:
            limit = MAXIMUM_REQUIREMENT_DEPTH - 1
            part.workshop.remark("error", node.xml, Words(f"需求关系超过 {limit} 层", f"the requirements are deeper than {limit} levels"), Words("请合并几个决策", "merge some decisions"))


def _visit(first: Node, depths: dict[tuple[str, str], int]) -> None:
    """Walk the decisions below one, noting circles and how many levels each stands on."""
    path: dict[tuple[str, str], Node] = {}
    stack: list[tuple[Node, bool]] = [(first, False)]
    while stack:
        node, leaving = stack.pop()
        below = [required for _, required in node.requires if required.kind in ("decision", "inputData")]
        if leaving:
            path.pop(node.key)
            depths[node.key] = 1 + max((depths.get(required.key, 1) for required in below), default=0)
        elif node.key in path:
            names = [entry.name for entry in path.values()]
            circle = names[[*path].index(node.key) :] + [node.name]
            shown = " → ".join(circle if len(circle) <= MOST_SHOWN else [*circle[:MOST_SHOWN], "…", node.name])
            node.model.workshop.remark("error", node.xml, Words(f"需求关系成环：{shown}", f"the requirements go round in a circle: {shown}"), Words("请去掉其中一条需求线", "remove one requirement"))
        elif node.key not in depths:
            path[node.key] = node
            stack.append((node, True))
            stack.extend((required, False) for required in below if required.kind == "decision")
