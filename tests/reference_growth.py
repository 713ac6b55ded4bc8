"""Grows random trees of blocks for the process-tree interpreter. It draws nothing and runs nothing."""

from __future__ import annotations

import random

from tests.reference_scopes import Block, Boundary

TOPICS = ("alarm", "horn")


class Grower:
    """Grows a random tree; `features` limits what it may use."""

    def __init__(self, source: random.Random, features: frozenset[str], bounded: float = 0.3) -> None:
        self.random, self.features = source, features
        self.bounded = bounded  # how often an activity has boundary events
        self.eager = 0.45 if len(features) < 12 else 0.2  # how often something is thrown or undone
        self.names = 0
        self.inside_some = 0
        self.cancellable = False
        self.counters: list[str] = []

    def name(self, prefix: str) -> str:
        """A new name."""
        self.names += 1
        return f"{prefix}{self.names}"

    def tree(self, depth: int) -> Block:
        """A whole process."""
        root = Block("sub", "process", [self.block(depth, False, False)])
        self._listeners(root, depth)
        if "signal" in self.features and self.random.random() < 0.3:
            self._alarmed(root)
        return root

    def _alarmed(self, root: Block) -> None:
        """The process throws a signal at its end and listens for signals all the time."""
        throw = Block("throw", self.name("u"), topic=self.random.choice(TOPICS))
        root.inner = [Block("sequence", "", [*root.inner, Block("task", self.name("t")), throw, Block("task", self.name("t"))])]
        body = Block("task", self.name("t"))
        root.listeners.append(Boundary(self.name("l"), self.random.random() < 0.3, False, body, "signal", self.random.choice(TOPICS)))

    def block(self, depth: int, can_fail: bool, in_handler: bool) -> Block:
        """A random block; `can_fail`: some scope around has an error event."""
        kinds = ["task", "task", "catch"]
        if depth > 0:
            kinds += ["sequence", "sequence", "choice", "together", "some", "loop", "instances", "sub", "first", "repeat", "link", "call", "many", "counting"]
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
        if "boundary" in self.features and self.random.random() < self.bounded:
            for _ in range(self.random.randint(1, 2)):
                block.boundary.append(self._event("b", self.block(min(depth - 1, 1), can_fail, in_handler)))

    def _event(self, prefix: str, block: Block) -> Boundary:
        """An event with what it leads to: mostly a timer or a message, else a signal or a condition."""
        event = Boundary(self.name(prefix), self.random.random() < 0.5, self.random.random() < 0.5, block)
        wanted = self.random.choice(["", *(kind for kind in ("", "signal", "condition") if not kind or kind in self.features)])
        if wanted:
            event.trigger, event.once, event.topic = wanted, False, self.random.choice(TOPICS) if wanted == "signal" else ""
        return event

    def _catch(self, depth: int, can_fail: bool, in_handler: bool) -> Block:
        block = Block("catch", self.name("c"))
        wanted = self.random.choice(["", *(kind for kind in ("", "signal", "condition") if not kind or kind in self.features)])
        if wanted == "signal":
            block.trigger, block.topic = wanted, self.random.choice(TOPICS)
        elif wanted == "condition":
            block.trigger = wanted
            # a condition may hold at once; the task before it keeps a loop from running for ever
            return Block("sequence", "", [Block("task", self.name("t")), block])
        return block

    def _sequence(self, depth: int, can_fail: bool, in_handler: bool) -> Block:
        inner = [self.block(depth - 1, can_fail, in_handler) for _ in range(self.random.randint(2, 3))]
        if "undo" in self.features and not in_handler and self.random.random() < self.eager:
            inner += [Block("task", self.name("t")), Block("undo", self.name("u")), Block("task", self.name("t"))]
        if "shout" in self.features and self.random.random() < self.eager:
            inner += [Block("task", self.name("t")), Block("shout", self.name("u")), Block("task", self.name("t"))]
        if "signal" in self.features and self.random.random() < self.eager:
            inner += [Block("task", self.name("t")), Block("throw", self.name("u"), topic=self.random.choice(TOPICS)), Block("task", self.name("t"))]
        return Block("sequence", "", inner)

    def _branches(self, depth: int, can_fail: bool, in_handler: bool) -> list[Block]:
        return [self.block(depth - 1, can_fail, in_handler) for _ in range(self.random.randint(2, 3))]

    def _choice(self, depth: int, can_fail: bool, in_handler: bool) -> Block:
        branches = self._branches(depth, can_fail, in_handler)
        # an inclusive join does not wait for a token that can only reach an end (§13.4.3), a block would
        if "terminate" in self.features and not self.inside_some and self.random.random() < 0.3:
            last = Block("error", self.name("e")) if can_fail and self.random.random() < 0.5 else Block("terminate", self.name("x"))
            if self.cancellable and self.random.random() < 0.6:
                last = Block("cancel", self.name("x"))
            branches.insert(0, Block("sequence", "", [Block("task", self.name("t")), last]))
        return Block("choice", self.name("g"), branches, data=self._compared())

    def _compared(self) -> str:
        """Now and then a comparison with a counter that was written before."""
        return f"{self.random.randint(1, 3)} > {self.random.choice(self.counters)}" if self.counters and self.random.random() < 0.5 else ""

    def _link(self, depth: int, can_fail: bool, in_handler: bool) -> Block:
        return Block("jump", self.name("j"), self._branches(depth, can_fail, in_handler), data=self._compared())

    def _counting(self, depth: int, can_fail: bool, in_handler: bool) -> Block:
        counter = self.name("v")
        self.counters.append(counter)
        # the task right before the count makes it the first thing that happens in a step
        body = Block("sequence", "", [self.block(depth - 1, can_fail, in_handler), Block("task", self.name("t"))])
        return Block("counting", self.name("g"), [body], data=f"{self.random.randint(1, 3)} > {counter}")

    def _together(self, depth: int, can_fail: bool, in_handler: bool) -> Block:
        together = Block("together", self.name("g"), self._branches(depth, can_fail, in_handler))
        if "terminate" not in self.features or self.inside_some or self.random.random() > 0.25:
            return together
        # one branch may end everything while the others still move; the task keeps a loop from running for ever
        last = Block("error", self.name("e")) if can_fail and self.random.random() < 0.5 else Block("terminate", self.name("x"))
        position = self.random.randint(0, len(together.inner))
        together.inner.insert(position, Block("choice", self.name("g"), [last, Block("task", self.name("t"))]))
        return Block("sequence", "", [Block("task", self.name("t")), together])

    def _some(self, depth: int, can_fail: bool, in_handler: bool) -> Block:
        self.inside_some += 1
        branches = self._branches(depth, can_fail, in_handler)
        self.inside_some -= 1
        return Block("some", self.name("g"), branches)

    def _loop(self, depth: int, can_fail: bool, in_handler: bool) -> Block:
        return Block("loop", self.name("g"), [self.block(depth - 1, can_fail, in_handler)])

    def _instances(self, depth: int, can_fail: bool, in_handler: bool) -> Block:
        block = Block("instances", self.name("t"), count=self.random.randint(1, 4), sequential=self.random.random() < 0.5)
        self._enough(block)
        self._boundary(block, depth, can_fail, in_handler)
        return block

    def _enough(self, block: Block) -> None:
        if "enough" in self.features and self.random.random() < 0.4:
            block.enough = self.random.choice([f"{block.name}_enough", f"at least {self.random.randint(1, block.count)}"])

    def _call(self, depth: int, can_fail: bool, in_handler: bool) -> Block:
        return self._sub(depth, can_fail, in_handler, "call")

    def _many(self, depth: int, can_fail: bool, in_handler: bool) -> Block:
        return self._sub(depth, can_fail, in_handler, "many")

    def _sub(self, depth: int, can_fail: bool, in_handler: bool, kind: str = "sub") -> Block:
        block = Block(kind, self.name("s"))
        if kind == "many":
            block.count, block.sequential = self.random.randint(1, 3), self.random.random() < 0.5
            self._enough(block)
        if "terminate" in self.features and self.random.random() < 0.4:
            block.error = self.block(min(depth - 1, 1), can_fail, in_handler)
        if "shout" in self.features and self.random.random() < 0.4:
            block.heard = Boundary(self.name("b"), self.random.random() < 0.5, False, self.block(min(depth - 1, 1), can_fail, in_handler))
        if "undo" in self.features and kind == "sub" and self.random.random() < 0.3:
            block.cancel = self.block(min(depth - 1, 1), can_fail, in_handler)
        outside, self.inside_some = self.inside_some, 0
        around, self.cancellable = self.cancellable, block.cancel is not None
        body = [self.block(depth - 1, can_fail or block.error is not None, False)]
        if block.heard is not None:
            body += [Block("task", self.name("t")), Block("shout", self.name("u"))]
        for kind, event in (("cancel", block.cancel), ("error", block.error)):
            if event is not None:
                body.append(self._leaving(kind))
        block.inner = [Block("sequence", "", [*body, Block("task", self.name("t"))])]
        self._listeners(block, depth)
        self.inside_some, self.cancellable = outside, around
        self._boundary(block, depth, can_fail, in_handler)
        return block

    def _leaving(self, kind: str) -> Block:
        """A choice between going on and leaving the scope."""
        away = Block("sequence", "", [Block("task", self.name("t")), Block(kind, self.name("x"))])
        return Block("choice", self.name("g"), [away, Block("task", self.name("t"))])

    def _first(self, depth: int, can_fail: bool, in_handler: bool) -> Block:
        return Block("first", self.name("v"), self._branches(depth, can_fail, in_handler))

    def _repeat(self, depth: int, can_fail: bool, in_handler: bool) -> Block:
        block = Block("repeat", self.name("t"), count=self.random.randint(1, 4))
        self._boundary(block, depth, can_fail, in_handler)
        return block

    def _listeners(self, block: Block, depth: int) -> None:
        self.cancellable = False
        if "listeners" in self.features and self.random.random() < 0.3:
            for _ in range(self.random.randint(1, 2)):
                block.listeners.append(self._event("l", self.block(min(depth - 1, 1), False, True)))
