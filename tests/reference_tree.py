"""Reference interpreter for structured diagrams, written from BPMN 2.0.2 chapters 10 and 13: blocks that call what follows them.

It shares nothing with the token machine: there are no tokens, only blocks under way, scopes that count what is under way in
them, and a list of what a person or an event may do next.
"""

from __future__ import annotations

import random
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
        self.on_error: Callable[[], None] | None = None
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

    if block.error is not None:
        inner.on_error = failed
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


def run_undo(world: World, block: Block, scope: Scope, done: Done) -> None:
    """What was completed in the scope is undone, latest first, one after the other."""
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
}


# random trees


class Grower:
    """Grows a random tree; `features` limits what it may use."""

    def __init__(self, source: random.Random, features: frozenset[str]) -> None:
        self.random, self.features = source, features
        self.names = 0
        self.inside_some = 0

    def name(self, prefix: str) -> str:
        """A new name."""
        self.names += 1
        return f"{prefix}{self.names}"

    def tree(self, depth: int) -> Block:
        """A whole process."""
        root = Block("sub", "process", [self.block(depth, False, False)])
        self._listeners(root, depth)
        return root

    def block(self, depth: int, can_fail: bool, in_handler: bool) -> Block:
        """A random block; `can_fail`: some scope around has an error event."""
        kinds = ["task", "task", "catch"]
        if depth > 0:
            kinds += ["sequence", "sequence", "choice", "together", "some", "loop", "instances", "sub"]
        kinds = [kind for kind in kinds if kind in self.features or kind == "task"]
        kind = self.random.choice(kinds)
        made: Block = getattr(self, f"_{kind}")(depth, can_fail, in_handler)
        return made

    def _task(self, depth: int, can_fail: bool, in_handler: bool) -> Block:
        block = Block("task", self.name("t"))
        if "undo" in self.features and self.random.random() < 0.3:
            block.handler = self.name("h")
        self._boundary(block, depth, can_fail, in_handler)
        return block

    def _boundary(self, block: Block, depth: int, can_fail: bool, in_handler: bool) -> None:
        if "boundary" in self.features and self.random.random() < 0.3:
            for _ in range(self.random.randint(1, 2)):
                interrupting = self.random.random() < 0.5
                block.boundary.append(Boundary(
                    self.name("b"), interrupting, self.random.random() < 0.5, self.block(min(depth - 1, 1), can_fail, in_handler),
                ))

    def _catch(self, depth: int, can_fail: bool, in_handler: bool) -> Block:
        return Block("catch", self.name("c"))

    def _sequence(self, depth: int, can_fail: bool, in_handler: bool) -> Block:
        inner = [self.block(depth - 1, can_fail, in_handler) for _ in range(self.random.randint(2, 3))]
        if "undo" in self.features and not in_handler and self.random.random() < 0.2:
            inner += [Block("task", self.name("t")), Block("undo", self.name("u")), Block("task", self.name("t"))]
        return Block("sequence", "", inner)

    def _branches(self, depth: int, can_fail: bool, in_handler: bool) -> list[Block]:
        return [self.block(depth - 1, can_fail, in_handler) for _ in range(self.random.randint(2, 3))]

    def _choice(self, depth: int, can_fail: bool, in_handler: bool) -> Block:
        branches = self._branches(depth, can_fail, in_handler)
        # an inclusive join does not wait for a token that can only reach an end (§13.4.3), a block would
        if "terminate" in self.features and not self.inside_some and self.random.random() < 0.3:
            last = Block("error", self.name("e")) if can_fail and self.random.random() < 0.5 else Block("terminate", self.name("x"))
            branches.insert(0, Block("sequence", "", [Block("task", self.name("t")), last]))
        return Block("choice", self.name("g"), branches)

    def _together(self, depth: int, can_fail: bool, in_handler: bool) -> Block:
        return Block("together", self.name("g"), self._branches(depth, can_fail, in_handler))

    def _some(self, depth: int, can_fail: bool, in_handler: bool) -> Block:
        self.inside_some += 1
        branches = self._branches(depth, can_fail, in_handler)
        self.inside_some -= 1
        return Block("some", self.name("g"), branches)

    def _loop(self, depth: int, can_fail: bool, in_handler: bool) -> Block:
        return Block("loop", self.name("g"), [self.block(depth - 1, can_fail, in_handler)])

    def _instances(self, depth: int, can_fail: bool, in_handler: bool) -> Block:
        block = Block("instances", self.name("t"), count=self.random.randint(1, 4), sequential=self.random.random() < 0.5)
        self._boundary(block, depth, can_fail, in_handler)
        return block

    def _sub(self, depth: int, can_fail: bool, in_handler: bool) -> Block:
        block = Block("sub", self.name("s"))
        if "terminate" in self.features and self.random.random() < 0.4:
            block.error = self.block(min(depth - 1, 1), can_fail, in_handler)
        outside, self.inside_some = self.inside_some, 0
        block.inner = [self.block(depth - 1, can_fail or block.error is not None, False)]
        self._listeners(block, depth)
        self.inside_some = outside
        self._boundary(block, depth, can_fail, in_handler)
        return block

    def _listeners(self, block: Block, depth: int) -> None:
        if "listeners" in self.features and self.random.random() < 0.3:
            for _ in range(self.random.randint(1, 2)):
                block.listeners.append(Boundary(
                    self.name("l"), self.random.random() < 0.5, self.random.random() < 0.5, self.block(min(depth - 1, 1), False, True),
                ))


# the same tree as a diagram


class Drawer:
    """Draws a tree as BPMN."""

    def __init__(self) -> None:
        self.associations = 0

    def draw(self, tree: Block) -> bytes:
        """The file."""
        return diagram("".join(self._scope(tree)))

    def _scope(self, block: Block) -> list[str]:
        lines: list[str] = []
        begin, end = f"{block.name}_start", f"{block.name}_end"
        entry, leave = self._block(block.inner[0], lines)
        lines += [f'<bpmn:startEvent id="{begin}"/>', flow(begin, entry)]
        if leave is not None:
            lines += [f'<bpmn:endEvent id="{end}"/>', flow(leave, end)]
        for event in block.listeners:
            body: list[str] = []
            start, stop = event.name, f"{event.name}_end"
            entry, leave = self._block(event.block, body)
            definition = timer() if event.once else '<bpmn:messageEventDefinition messageRef="message"/>'
            interrupting = str(event.interrupting).lower()
            body += [f'<bpmn:startEvent id="{start}" isInterrupting="{interrupting}">{definition}</bpmn:startEvent>', flow(start, entry)]
            if leave is not None:
                body += [f'<bpmn:endEvent id="{stop}"/>', flow(leave, stop)]
            lines.append(f'<bpmn:subProcess id="{event.name}_sub" triggeredByEvent="true">{"".join(body)}</bpmn:subProcess>')
        return lines

    def _block(self, block: Block, lines: list[str]) -> tuple[str, str | None]:
        found: tuple[str, str | None] = getattr(self, f"_{block.kind}")(block, lines)
        return found

    def _bounded(self, block: Block, lines: list[str], extra: str | None = None) -> str:
        """Boundary events of an activity; where the flow goes on after it or its interrupting events."""
        merges = [block.name]
        for event in block.boundary:
            definition = timer() if event.once else '<bpmn:messageEventDefinition messageRef="message"/>'
            interrupting = str(event.interrupting).lower()
            lines.append(f'<bpmn:boundaryEvent id="{event.name}" attachedToRef="{block.name}" cancelActivity="{interrupting}">{definition}</bpmn:boundaryEvent>')
            entry, leave = self._block(event.block, lines)
            lines.append(flow(event.name, entry))
            if event.interrupting and leave is not None:
                merges.append(leave)
            elif leave is not None:
                lines += [f'<bpmn:endEvent id="{event.name}_end"/>', flow(leave, f"{event.name}_end")]
        if extra is not None:
            merges.append(extra)
        if len(merges) == 1:
            return block.name
        merge = f"{block.name}_merge"
        lines += [f'<bpmn:exclusiveGateway id="{merge}"/>', *(flow(source, merge) for source in merges)]
        return merge

    def _task(self, block: Block, lines: list[str]) -> tuple[str, str | None]:
        lines.append(user(block.name))
        if block.handler is not None:
            self.associations += 1
            lines += [
                user(block.handler, ' isForCompensation="true"'),
                f'<bpmn:boundaryEvent id="{block.handler}_event" attachedToRef="{block.name}"><bpmn:compensateEventDefinition/></bpmn:boundaryEvent>',
                f'<bpmn:association id="association{self.associations}" sourceRef="{block.handler}_event" targetRef="{block.handler}"/>',
            ]
        return block.name, self._bounded(block, lines)

    def _catch(self, block: Block, lines: list[str]) -> tuple[str, str | None]:
        lines.append(f'<bpmn:intermediateCatchEvent id="{block.name}"><bpmn:messageEventDefinition messageRef="message"/></bpmn:intermediateCatchEvent>')
        return block.name, block.name

    def _sequence(self, block: Block, lines: list[str]) -> tuple[str, str | None]:
        parts = [self._block(inner, lines) for inner in block.inner]
        for (_, leave), (entry, _) in zip(parts, parts[1:]):
            assert leave is not None
            lines.append(flow(leave, entry))
        return parts[0][0], parts[-1][1]

    def _gateway(self, block: Block, lines: list[str], tag: str, conditions: bool) -> tuple[str, str | None]:
        split, join = f"{block.name}_split", f"{block.name}_join"
        parts = [self._block(inner, lines) for inner in block.inner]
        default = f' default="{split}_{parts[-1][0]}"' if conditions else ""
        lines += [f'<bpmn:{tag} id="{split}"{default}/>', f'<bpmn:{tag} id="{join}"/>']
        for position, (entry, leave) in enumerate(parts):
            conditional = conditions and position < len(parts) - 1
            lines.append(flow(split, entry, f"{block.name}_{position}" if conditional else None))
            if leave is not None:
                lines.append(flow(leave, join))
        return split, join

    def _choice(self, block: Block, lines: list[str]) -> tuple[str, str | None]:
        return self._gateway(block, lines, "exclusiveGateway", True)

    def _together(self, block: Block, lines: list[str]) -> tuple[str, str | None]:
        return self._gateway(block, lines, "parallelGateway", False)

    def _some(self, block: Block, lines: list[str]) -> tuple[str, str | None]:
        return self._gateway(block, lines, "inclusiveGateway", True)

    def _loop(self, block: Block, lines: list[str]) -> tuple[str, str | None]:
        begin, after, out = f"{block.name}_begin", f"{block.name}_after", f"{block.name}_out"
        entry, leave = self._block(block.inner[0], lines)
        assert leave is not None
        lines += [
            f'<bpmn:exclusiveGateway id="{begin}"/>', f'<bpmn:exclusiveGateway id="{after}" default="{after}_{out}"/>',
            f'<bpmn:exclusiveGateway id="{out}"/>', flow(begin, entry), flow(leave, after), flow(after, begin, f"{block.name}_again"), flow(after, out),
        ]
        return begin, out

    def _instances(self, block: Block, lines: list[str]) -> tuple[str, str | None]:
        sequential = str(block.sequential).lower()
        marker = (
            f'<bpmn:multiInstanceLoopCharacteristics isSequential="{sequential}"><bpmn:loopCardinality>{block.count}</bpmn:loopCardinality>'
            "</bpmn:multiInstanceLoopCharacteristics>"
        )
        lines.append(user(block.name, inner=marker))
        return block.name, self._bounded(block, lines)

    def _sub(self, block: Block, lines: list[str]) -> tuple[str, str | None]:
        lines.append(f'<bpmn:subProcess id="{block.name}">{"".join(self._scope(block))}</bpmn:subProcess>')
        after_error = None
        if block.error is not None:
            lines.append(f'<bpmn:boundaryEvent id="{block.name}_failed" attachedToRef="{block.name}"><bpmn:errorEventDefinition/></bpmn:boundaryEvent>')
            entry, after_error = self._block(block.error, lines)
            lines.append(flow(f"{block.name}_failed", entry))
        return block.name, self._bounded(block, lines, after_error)

    def _terminate(self, block: Block, lines: list[str]) -> tuple[str, str | None]:
        lines.append(f'<bpmn:endEvent id="{block.name}"><bpmn:terminateEventDefinition/></bpmn:endEvent>')
        return block.name, None

    def _error(self, block: Block, lines: list[str]) -> tuple[str, str | None]:
        lines.append(f'<bpmn:endEvent id="{block.name}"><bpmn:errorEventDefinition errorRef="bad"/></bpmn:endEvent>')
        return block.name, None

    def _undo(self, block: Block, lines: list[str]) -> tuple[str, str | None]:
        lines.append(f'<bpmn:intermediateThrowEvent id="{block.name}"><bpmn:compensateEventDefinition/></bpmn:intermediateThrowEvent>')
        return block.name, block.name


def diagram(body: str) -> bytes:
    """A BPMN file with one executable process."""
    return (
        '<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:camunda="http://camunda.org/schema/1.0/bpmn" '
        'id="definitions" targetNamespace="http://example.org/random"><bpmn:message id="message" name="answer"/>'
        f'<bpmn:error id="bad" name="bad" errorCode="BAD"/><bpmn:process id="process" isExecutable="true">{body}</bpmn:process></bpmn:definitions>'
    ).encode()


def user(name: str, attributes: str = "", inner: str = "") -> str:
    """A user task."""
    return f'<bpmn:userTask id="{name}" camunda:candidateGroups="clerk"{attributes}>{inner}</bpmn:userTask>'


def timer() -> str:
    """A timer by duration."""
    return "<bpmn:timerEventDefinition><bpmn:timeDuration>PT1H</bpmn:timeDuration></bpmn:timerEventDefinition>"


def flow(source: str, target: str, condition: str | None = None) -> str:
    """A sequence flow, perhaps with a condition."""
    inner = f"<bpmn:conditionExpression>= {condition}</bpmn:conditionExpression>" if condition else ""
    return f'<bpmn:sequenceFlow id="{source}_{target}" sourceRef="{source}" targetRef="{target}">{inner}</bpmn:sequenceFlow>'
