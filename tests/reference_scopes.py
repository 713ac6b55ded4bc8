"""The ground of the reference interpreter for structured diagrams (BPMN 2.0.2 chapters 10 and 13): blocks, scopes and what may be done next.

It shares nothing with the token machine: there are no tokens, only blocks under way, scopes that count what is under way in
them, and a list of what a person or an event may do next. How each kind of block runs is in `reference_tree` and `reference_calls`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Done = Callable[[], None]
Condition = Callable[[str], bool]


@dataclass
class Block:
    """One block: kind, name, inner blocks; the rest depends on the kind.

    `trigger` is what a catch waits for ("", signal or condition), `topic` the name of a signal thrown or caught, `enough` a
    completion condition, `data` a comparison with a counter ("3 > v1") that the first branch of a choice or a loop asks.
    """

    kind: str
    name: str
    inner: list[Block] = field(default_factory=list)
    boundary: list[Boundary] = field(default_factory=list)
    listeners: list[Boundary] = field(default_factory=list)
    count: int = 0
    sequential: bool = False
    handler: str | None = None
    error: Block | None = None
    cancel: Block | None = None
    heard: Boundary | None = None
    trigger: str = ""
    topic: str = ""
    enough: str = ""
    data: str = ""


@dataclass
class Boundary:
    """A boundary event, or the start of an event sub-process, with what it leads to; `trigger` and `topic` as in a block."""

    name: str
    interrupting: bool
    once: bool
    block: Block
    trigger: str = ""
    topic: str = ""


@dataclass(eq=False)
class Handle:
    """Something that may be done next: complete an activity, or trigger an event."""

    name: str
    event: bool
    scope: Scope
    fire: Done
    trigger: str = ""
    topic: str = ""
    held: bool = False  # of a conditional event: what its condition gave when it was last looked at


class Scope:
    """A process or sub-process under way: it is over when nothing in it is under way."""

    def __init__(self, world: World, parent: Scope | None, over: Done) -> None:
        self.world, self.parent, self.over = world, parent, over
        self.under_way = 1
        self.children: list[Scope] = []
        self.listening: list[Handle] = []
        self.log: list[Any] = []
        self.dead = False
        self.on_error: Done | None = None
        self.on_cancel: Done | None = None
        self.on_escalation: Callable[[], bool] | None = None
        self.counters: dict[str, Any] | None = None if parent is not None else {}  # None: those of the scope around
        self.sees_outside = False
        self.forgotten = False  # what was completed inside cannot be undone from outside
        if parent is not None:
            parent.children.append(self)

    def one_done(self) -> None:
        """One thing under way came to its end."""
        if not self.dead:
            self.under_way -= 1
            if self.under_way == 0:
                self.finish()

    def finish(self) -> None:
        """The scope is over; what can be undone is remembered around it."""
        self.kill()
        if self.parent is not None and self.log and not self.forgotten:
            self.parent.log.append(list(self.log))
        self.over()

    def empty(self) -> None:
        """Cancel everything under way, but not the scope."""
        self.world.handles = [handle for handle in self.world.handles if handle.scope is not self]
        for child in list(self.children):
            child.kill()
        self.children = []
        self.listening = []

    def kill(self) -> None:
        """Cancel the scope and everything in it."""
        self.empty()
        self.dead = True
        if self.parent is not None and self in self.parent.children:
            self.parent.children.remove(self)


    def homes(self) -> list[Scope]:
        """Every scope from here inwards that keeps counters."""
        return [*([self] if self.counters is not None else []), *(home for child in self.children for home in child.homes())]

    def home(self) -> Scope:
        """The scope that keeps the counters which are written here: a process, or one instance of a sub-process."""
        return self if self.counters is not None or self.parent is None else self.parent.home()

    def hand_out(self) -> None:
        """An instance of a sub-process came to its end: what it counted is seen around it."""
        if self.sees_outside and self.parent is not None:
            around = self.parent.home().counters
            assert around is not None
            around.update(self.counters or {})

    def counter(self, name: str) -> Any:
        """A counter as it is seen here; None: it was never written."""
        home = self.home()
        found = (home.counters or {}).get(name)
        return home.parent.counter(name) if found is None and home.sees_outside and home.parent is not None else found


class Air:
    """Carries signals between the cases that share it; a signal reaches what listens when it is thrown."""

    def __init__(self) -> None:
        self.worlds: list[World] = []
        self.carried: list[Handle] = []

    def throw(self, topic: str) -> None:
        """Note everything that listens now."""
        for world in self.worlds:
            self.carried += [handle for handle in world.handles if handle.trigger == "signal" and handle.topic == topic]


class World:
    """One case of a tree of blocks."""

    def __init__(self, tree: Block, condition: Condition, air: Air | None = None) -> None:
        self.condition = condition
        self.moment = 0
        self.air = air or Air()
        self.air.worlds.append(self)
        self.handles: list[Handle] = []
        self.fresh: dict[str, list[Handle]] = {}  # by name, what was offered since a comparison, in order
        self.ended = False
        self.root = Scope(self, None, self._end)
        listen(self, tree, self.root)
        run(self, tree.inner[0], self.root, self.root.one_done)

    def _end(self) -> None:
        self.ended = True

    @property
    def open(self) -> list[str]:
        """Names of the work that can be completed, sorted."""
        return sorted(handle.name for handle in self.handles if not handle.event)

    @property
    def waits(self) -> list[str]:
        """Names of the events that are listened to, sorted."""
        return sorted(handle.name for handle in self.handles if handle.event)

    def fire(self, name: str, position: int = 0) -> None:
        """Do what is possible under this name (the n-th of several)."""
        handle = [handle for handle in self.handles if handle.name == name][position]
        handle.fire()

    def deliver(self, handle: Handle) -> None:
        """A carried signal has come to one that it was meant for and that still listens."""
        assert handle in self.air.carried and handle in self.handles, f"{handle.name} heard a signal that was not meant for it"
        self.air.carried.remove(handle)
        handle.fire()

    def turn_true(self, handle: Handle) -> None:
        """A conditional event goes off: its condition holds and did not hold, or was not looked at, before (§10.5.5)."""
        assert handle in self.handles and not handle.held, f"{handle.name} went off though it did not turn true"
        assert self.condition(f"{handle.name}_if"), f"{handle.name} went off though its condition does not hold"
        handle.held = True
        handle.fire()

    def settled(self) -> bool:
        """Whether no conditional event and no carried signal is left to go off; remembers what the conditions give now."""
        left = [handle for handle in self.handles if handle.trigger == "condition" and not handle.held and self.condition(f"{handle.name}_if")]
        for handle in self.handles:
            handle.held = handle.trigger == "condition" and self.condition(f"{handle.name}_if")
        return not left and not [handle for handle in self.air.carried if handle in self.handles]

    def holds(self, question: str, scope: Scope) -> bool:
        """A condition by chance, or a comparison of a number with a counter."""
        if " > " not in question:
            return self.condition(question)
        number, name = question.split(" > ")
        value = scope.counter(name)
        return value is not None and int(number) > value

    def handle(self, name: str, scope: Scope, fire: Done, event: bool = False, trigger: str = "", topic: str = "") -> Handle:
        """Offer something."""
        made = Handle(name, event, scope, fire, trigger, topic)
        self.fresh.setdefault(name, []).append(made)
        self.handles.append(made)
        return made

    def forget(self, *handles: Handle) -> None:
        """Offer something no longer."""
        self.handles = [handle for handle in self.handles if handle not in handles]


def run(world: World, block: Block, scope: Scope, done: Done) -> None:
    """Begin a block; `done` is called when it is over."""
    if not scope.dead:
        RUN[block.kind](world, block, scope, done)


def listen(world: World, block: Block, scope: Scope) -> None:
    """Offer the event sub-processes of a scope."""
    def came(event: Boundary, made: list[Handle]) -> None:
        if event.interrupting:
            scope.empty()
            scope.under_way = 1
        else:
            if event.once:
                world.forget(*made)
            scope.under_way += 1
        body = Scope(world, scope, scope.one_done)
        run(world, event.block, body, body.one_done)

    for event in block.listeners:
        made: list[Handle] = []
        start = lambda event=event, made=made: came(event, made)  # noqa: E731
        made.append(world.handle(event.name, scope, start, True, event.trigger, event.topic))


RUN: dict[str, Callable[[World, Block, Scope, Done], None]] = {}
