"""Reference interpreter for unstructured diagrams, written from BPMN 2.0.2 §13.4: a multiset of tokens on sequence flows.

It knows one scope with tasks, boundary events and gateways, looks for paths afresh each time, and shares nothing with the machine.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.reference_drawing import diagram, flow, timer, user

LIMIT = 3_000


class TooMuch(Exception):
    """The diagram runs for ever or fills up with tokens; not a case to compare."""


@dataclass(frozen=True)
class Arc:
    """A sequence flow."""

    name: str
    source: str
    target: str
    conditional: bool = False
    default: bool = False


@dataclass
class Net:
    """Nodes by name (task, exclusive, parallel, inclusive, end, interrupting, beside) in document order, and arcs in document order."""

    kinds: dict[str, str] = field(default_factory=dict)
    arcs: list[Arc] = field(default_factory=list)
    hosts: dict[str, str] = field(default_factory=dict)

    def into(self, node: str) -> list[Arc]:
        """Incoming arcs in document order."""
        return [arc for arc in self.arcs if arc.target == node]

    def out_of(self, node: str) -> list[Arc]:
        """Outgoing arcs in document order."""
        return [arc for arc in self.arcs if arc.source == node]


class Tokens:
    """One case of a net: how many tokens are on each arc, and how many times each task is active."""

    def __init__(self, net: Net, condition: Callable[[str], bool]) -> None:
        self.net, self.condition = net, condition
        self.on: Counter[str] = Counter()
        self.active: Counter[str] = Counter()
        self.listening: Counter[str] = Counter()
        self.arcs = {arc.name: arc for arc in net.arcs}
        self.produce(net.out_of("start"))

    def produce(self, arcs: list[Arc]) -> None:
        """Put a token on each arc and let everything move."""
        for arc in arcs:
            self.on[arc.name] += 1
        self.settle()

    def settle(self) -> None:
        """Fire what can fire, one at a time; inclusive joins only when nothing else can."""
        for _ in range(LIMIT):
            if sum(self.on.values()) + sum(self.active.values()) > 60:
                raise TooMuch
            if not self._fire_one() and not self._fire_inclusive():
                return
        raise TooMuch

    def _fire_one(self) -> bool:
        for name in [name for name, count in self.on.items() if count]:
            target = self.arcs[name].target
            kind, into = self.net.kinds[target], self.net.into(target)
            if kind == "parallel" and len(into) > 1:
                if all(self.on[arc.name] for arc in into):
                    self._consume(into)
                    self._send(target, self.net.out_of(target))
                    return True
            elif not (kind == "inclusive" and len(into) > 1):
                self._consume([self.arcs[name]])
                self._pass(target, kind)
                return True
        return False

    def _consume(self, arcs: list[Arc]) -> None:
        for arc in arcs:
            self.on[arc.name] -= 1
        self.on = +self.on

    def _send(self, node: str, arcs: list[Arc]) -> None:
        for arc in arcs:
            self.on[arc.name] += 1

    def _pass(self, node: str, kind: str) -> None:
        if kind == "task":
            self.active[node] += 1
            for event, host in self.net.hosts.items():
                if host == node:
                    self.listening[event] += 1
        elif kind == "exclusive":
            self._send(node, [self._first(node)])
        elif kind == "parallel":
            self._send(node, self.net.out_of(node))
        elif kind == "inclusive":
            self._send(node, self._chosen(node))

    def _first(self, node: str) -> Arc:
        arcs = self.net.out_of(node)
        for arc in arcs:
            if not arc.default and (not arc.conditional or self.condition(arc.name)):
                return arc
        return next(arc for arc in arcs if arc.default)

    def _chosen(self, node: str) -> list[Arc]:
        """The flows that leave an inclusive gateway or an activity."""
        arcs = self.net.out_of(node)
        holding = [arc for arc in arcs if arc.conditional and self.condition(arc.name)]
        chosen = [arc for arc in arcs if arc in holding or (not arc.conditional and not arc.default) or (arc.default and not holding)]
        return chosen

    def _fire_inclusive(self) -> bool:
        for node, kind in self.net.kinds.items():
            if kind == "inclusive" and len(self.net.into(node)) > 1 and self._enabled(node):
                self._consume([arc for arc in self.net.into(node) if self.on[arc.name]])
                self._send(node, self._chosen(node))
                return True
        return False

    def _enabled(self, join: str) -> bool:
        """§13.4.3: a token is there, and no token elsewhere reaches an empty flow unless it also reaches a filled one."""
        into = self.net.into(join)
        filled = {arc.name for arc in into if self.on[arc.name]}
        if not filled:
            return False
        empty = {arc.name for arc in into} - filled
        starts = [self._leaving(self.arcs[name].target) for name, count in self.on.items() if count and self.arcs[name].target != join]
        starts += [self._leaving(task) for task, count in self.active.items() if count]
        for arcs in starts:
            reached = self._reached(arcs, join)
            if reached & empty and not reached & filled:
                return False
        return True

    def _leaving(self, node: str) -> list[Arc]:
        arcs = list(self.net.out_of(node))
        for event, host in self.net.hosts.items():
            if host == node:
                arcs += self.net.out_of(event)
        return arcs

    def _reached(self, arcs: list[Arc], join: str) -> set[str]:
        reached: set[str] = set()
        queue = list(arcs)
        while queue:
            arc = queue.pop()
            if arc.name not in reached:
                reached.add(arc.name)
                if arc.target != join:
                    queue.extend(self._leaving(arc.target))
        return reached

    # what may be done

    def complete(self, task: str) -> None:
        """One active task of this name is completed."""
        self._leave(task)
        self._send(task, self._chosen(task))
        self.settle()

    def _leave(self, task: str) -> None:
        self.active[task] -= 1
        self.active = +self.active
        for event, host in self.net.hosts.items():
            if host == task and self.listening[event] > self.active[task]:
                self.listening[event] -= 1
        self.listening = +self.listening

    def trigger(self, event: str) -> None:
        """A boundary event goes off on the only active task it is attached to."""
        if self.net.kinds[event] == "interrupting":
            self._leave(self.net.hosts[event])
        else:
            self.listening[event] -= 1
            self.listening = +self.listening
        self._send(event, self.net.out_of(event))
        self.settle()

    def change(self, cancel: list[str], start: list[str], redeposit: list[str], discard: list[str]) -> None:
        """The modification: marking − cancelled − discarded + started + re-deposited."""
        for name in discard:
            del self.on[name]
        for task in cancel:
            self._leave(task)
        for task in start:
            self._pass(task, "task")
        for name in redeposit:
            self.on[name] += 1
        self.settle()

    @property
    def resting(self) -> dict[str, int]:
        """Tokens that wait at joins."""
        return dict(+self.on)

    @property
    def ended(self) -> bool:
        """Nothing is left."""
        return not self.active and not +self.on


def grown(source: random.Random) -> Net:
    """A random net: anything may lead anywhere."""
    net = Net({"start": "start"})
    for number in range(source.randint(4, 13)):
        net.kinds[f"n{number}"] = source.choice(["task", "task", "task", "exclusive", "parallel", "inclusive", "inclusive"])
    names = [name for name in net.kinds if name != "start"]
    for name in names:
        if net.kinds[name] == "task" and source.random() < 0.2:
            event = f"{name}_event"
            net.kinds[event] = source.choice(["interrupting", "beside"])
            net.hosts[event] = name
    net.kinds["end"] = "end"
    pairs: set[tuple[str, str]] = set()
    for position, name in enumerate(list(net.kinds)):
        if name != "end":
            _connect(net, name, position, names, source, pairs)
    return net


def _connect(net: Net, name: str, position: int, names: list[str], source: random.Random, pairs: set[tuple[str, str]]) -> None:
    kind = net.kinds[name]
    wide = kind in ("exclusive", "parallel", "inclusive")
    wanted = 1 if name == "start" or kind in ("interrupting", "beside") else source.choice([1, 1, 2, 3]) if wide else source.choice([1, 1, 1, 2])
    targets: list[str] = []
    for _ in range(wanted):
        later = [*names[min(position, len(names) - 1):], "end"]
        target = source.choice(names) if source.random() < 0.15 else source.choice(later)
        if target != name and (name, target) not in pairs:
            pairs.add((name, target))
            targets.append(target)
    if not targets:
        targets = ["end"]
    choosing = kind in ("exclusive", "inclusive") or (kind == "task" and len(targets) > 1 and source.random() < 0.5)
    for number, target in enumerate(targets):
        last = number == len(targets) - 1
        decided = choosing and len(targets) > 1
        net.arcs.append(Arc(f"{name}_{target}", name, target, decided and not last, decided and last))


def drawn(net: Net) -> bytes:
    """The net as a BPMN file."""
    lines = []
    tags = {"exclusive": "exclusiveGateway", "parallel": "parallelGateway", "inclusive": "inclusiveGateway", "start": "startEvent", "end": "endEvent"}
    for name, kind in net.kinds.items():
        default = next((f' default="{arc.name}"' for arc in net.out_of(name) if arc.default), "")
        if kind == "task":
            lines.append(user(name, default))
        elif kind in ("interrupting", "beside"):
            interrupting = str(kind == "interrupting").lower()
            lines.append(f'<bpmn:boundaryEvent id="{name}" attachedToRef="{net.hosts[name]}" cancelActivity="{interrupting}">{timer()}</bpmn:boundaryEvent>')
        else:
            lines.append(f'<bpmn:{tags[kind]} id="{name}"{default}/>')
    lines += [flow(arc.source, arc.target, arc.name if arc.conditional else None) for arc in net.arcs]
    return diagram("".join(lines))
