"""Reference interpreter for structured diagrams, written from BPMN 2.0.2 chapters 10 and 13: blocks that call what follows them.

It shares nothing with the token machine: there are no tokens, only blocks under way, scopes that count what is under way in
them, and a list of what a person or an event may do next.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Done = Callable[[], None]
Condition = Callable[[str], bool]


@dataclass
class Block:
    """One block: kind, name, inner blocks; the rest depends on the kind."""

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


@dataclass
class Boundary:
    """A boundary event, or the start of an event sub-process, with what it leads to."""

    name: str
    interrupting: bool
    once: bool
    block: Block


@dataclass(eq=False)
class Handle:
    """Something that may be done next: complete an activity, or trigger an event."""

    name: str
    event: bool
    scope: Scope
    fire: Done
    hidden: bool = False


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
        if self.parent is not None and self.log:
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


class World:
    """One case of a tree of blocks."""

    def __init__(self, tree: Block, condition: Condition) -> None:
        self.condition = condition
        self.handles: list[Handle] = []
        self.ended = False
        root = Scope(self, None, self._end)
        listen(self, tree, root)
        run(self, tree.inner[0], root, root.one_done)

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

    def handle(self, name: str, scope: Scope, fire: Done, event: bool = False) -> Handle:
        """Offer something."""
        made = Handle(name, event, scope, fire)
        self.handles.append(made)
        return made

    def forget(self, *handles: Handle) -> None:
        """Offer something no longer."""
        self.handles = [handle for handle in self.handles if handle not in handles]


def run(world: World, block: Block, scope: Scope, done: Done) -> None:
    """Begin a block; `done` is called when it is over."""
    if not scope.dead:
        RUN[block.kind](world, block, scope, done)


def run_task(world: World, block: Block, scope: Scope, done: Done) -> None:
    """A task, with its boundary events and what it leaves to be undone."""
    def completed() -> None:
        close()
        if block.handler is not None:
            scope.log.append(block.handler)
        done()

    offered = [world.handle(block.name, scope, completed)]
    close = attach(world, block, scope, done, offered, lambda: None)


def attach(world: World, block: Block, scope: Scope, done: Done, offered: list[Handle], cancel: Done) -> Done:
    """Offer the boundary events of a block; the result closes everything the block offers."""
    def close() -> None:
        world.forget(*offered)

    def went_off(event: Boundary, position: int) -> None:
        if event.interrupting:
            close()
            cancel()
            run(world, event.block, scope, done)
        else:
            if event.once:
                world.forget(offered[position])
            scope.under_way += 1
            run(world, event.block, scope, scope.one_done)

    for event in block.boundary:
        position = len(offered)
        offered.append(world.handle(event.name, scope, lambda event=event, position=position: went_off(event, position), True))
    return close


def run_catch(world: World, block: Block, scope: Scope, done: Done) -> None:
    """An intermediate catch event."""
    def came() -> None:
        world.forget(made)
        done()

    made = world.handle(block.name, scope, came, True)


def run_sequence(world: World, block: Block, scope: Scope, done: Done) -> None:
    """One after the other."""
    def begin(position: int) -> None:
        if position == len(block.inner):
            done()
        else:
            run(world, block.inner[position], scope, lambda: begin(position + 1))

    begin(0)


def run_choice(world: World, block: Block, scope: Scope, done: Done) -> None:
    """The first branch whose condition holds; the last one is the default."""
    for position, branch in enumerate(block.inner[:-1]):
        if world.condition(f"{block.name}_{position}"):
            run(world, branch, scope, done)
            return
    run(world, block.inner[-1], scope, done)


def run_together(world: World, block: Block, scope: Scope, done: Done) -> None:
    """All branches; over when all are."""
    _together(world, block.inner, scope, done)


def _together(world: World, branches: list[Block], scope: Scope, done: Done) -> None:
    left = [len(branches)]

    def one_done() -> None:
        left[0] -= 1
        if left[0] == 0:
            done()

    for branch in branches:
        run(world, branch, scope, one_done)


def run_some(world: World, block: Block, scope: Scope, done: Done) -> None:
    """Every branch whose condition holds, the last one when none does; over when all of them are."""
    chosen = [branch for position, branch in enumerate(block.inner[:-1]) if world.condition(f"{block.name}_{position}")]
    _together(world, chosen or block.inner[-1:], scope, done)


def run_loop(world: World, block: Block, scope: Scope, done: Done) -> None:
    """The body, again while the condition holds."""
    def over() -> None:
        if world.condition(f"{block.name}_again"):
            run(world, block.inner[0], scope, over)
        else:
            done()

    run(world, block.inner[0], scope, over)


def run_instances(world: World, block: Block, scope: Scope, done: Done) -> None:
    """Several instances of one task, together or one after the other."""
    left = [block.count]
    offered: list[Handle] = []

    def one_more() -> None:
        def completed() -> None:
            world.forget(made)
            left[0] -= 1
            if left[0] == 0:
                close()
                done()
            elif block.sequential:
                one_more()

        made = world.handle(block.name, scope, completed)
        offered.append(made)

    first = Block("", "", boundary=block.boundary)
    close = attach(world, first, scope, done, offered, lambda: None)
    for _ in range(1 if block.sequential else block.count):
        one_more()


def run_sub_process(world: World, block: Block, scope: Scope, done: Done) -> None:
    """A scope of its own, with boundary events, event sub-processes and perhaps an error event."""
    offered: list[Handle] = []

    def over() -> None:
        close()
        done()

    inner = Scope(world, scope, over)

    def failed() -> None:
        close()
        inner.kill()
        assert block.error is not None
        run(world, block.error, scope, done)

    def cancelled() -> None:
        close()
        inner.kill()
        assert block.cancel is not None
        run(world, block.cancel, scope, done)

    def heard() -> bool:
        assert block.heard is not None
        if block.heard.interrupting:
            close()
            inner.kill()
            run(world, block.heard.block, scope, done)
        else:
            scope.under_way += 1
            run(world, block.heard.block, scope, scope.one_done)
        return block.heard.interrupting

    inner.on_error = failed if block.error is not None else None
    inner.on_cancel = cancelled if block.cancel is not None else None
    inner.on_escalation = heard if block.heard is not None else None
    close = attach(world, block, scope, done, offered, inner.kill)
    listen(world, block, inner)
    run(world, block.inner[0], inner, inner.one_done)


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
        made.append(world.handle(event.name, scope, lambda event=event, made=made: came(event, made), True))


def run_terminate(world: World, block: Block, scope: Scope, done: Done) -> None:
    """Everything in the scope is cancelled; the scope is over."""
    scope.finish()


def run_error(world: World, block: Block, scope: Scope, done: Done) -> None:
    """The nearest scope that has an error event is left by it."""
    place: Scope | None = scope
    while place is not None and place.on_error is None:
        place = place.parent
    assert place is not None and place.on_error is not None
    place.on_error()


def run_shout(world: World, block: Block, scope: Scope, done: Done) -> None:
    """The nearest scope that hears an escalation is told; the thrower goes on unless it was interrupted."""
    place: Scope | None = scope
    while place is not None and place.on_escalation is None:
        place = place.parent
    if place is None or place.on_escalation is None or not place.on_escalation():
        done()


def run_cancel(world: World, block: Block, scope: Scope, done: Done) -> None:
    """A transaction stops, undoes what was completed in it, and is left by its cancel event."""
    assert scope.on_cancel is not None
    scope.empty()
    scope.under_way = 1
    _undo(world, scope, scope.on_cancel)


def run_first(world: World, block: Block, scope: Scope, done: Done) -> None:
    """The first of several events decides."""
    offered: list[Handle] = []

    def came(branch: Block) -> None:
        world.forget(*offered)
        run(world, branch, scope, done)

    for position, branch in enumerate(block.inner):
        offered.append(world.handle(f"{block.name}_{position}", scope, lambda branch=branch: came(branch), True))


def run_repeat(world: World, block: Block, scope: Scope, done: Done) -> None:
    """One task again and again while its condition holds, so many times at most."""
    rounds = [0]
    offered: list[Handle] = []

    def once_more() -> None:
        def completed() -> None:
            world.forget(made)
            rounds[0] += 1
            if rounds[0] < block.count and world.condition(f"{block.name}_again"):
                once_more()
            else:
                close()
                done()

        made = world.handle(block.name, scope, completed)
        offered.append(made)

    close = attach(world, Block("", "", boundary=block.boundary), scope, done, offered, lambda: None)
    once_more()


def run_undo(world: World, block: Block, scope: Scope, done: Done) -> None:
    """What was completed in the scope is undone."""
    _undo(world, scope, done)


def _undo(world: World, scope: Scope, done: Done) -> None:
    """Latest first, one after the other."""
    handlers = _flat(scope.log)
    scope.log = []

    def begin(position: int) -> None:
        if position == len(handlers):
            done()
        else:
            run(world, Block("task", handlers[position]), scope, lambda: begin(position + 1))

    begin(0)


def _flat(log: list[Any]) -> list[str]:
    found: list[str] = []
    for entry in reversed(log):
        found.extend(_flat(entry) if isinstance(entry, list) else [entry])
    return found


RUN: dict[str, Callable[[World, Block, Scope, Done], None]] = {
    "task": run_task, "catch": run_catch, "sequence": run_sequence, "choice": run_choice, "together": run_together, "some": run_some,
    "loop": run_loop, "instances": run_instances, "sub": run_sub_process, "terminate": run_terminate, "error": run_error, "undo": run_undo,
    "shout": run_shout, "cancel": run_cancel, "first": run_first, "repeat": run_repeat,
}
