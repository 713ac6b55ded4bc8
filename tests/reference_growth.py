"""Grows random trees of blocks for the process-tree interpreter. It draws nothing and runs nothing."""

from __future__ import annotations

import random

from reference_tree import Block, Boundary


class Grower:
    """Grows a random tree; `features` limits what it may use."""

    def __init__(self, source: random.Random, features: frozenset[str]) -> None:
        self.random, self.features = source, features
        self.names = 0
        self.inside_some = 0
        self.cancellable = False

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
            kinds += ["sequence", "sequence", "choice", "together", "some", "loop", "instances", "sub", "first", "repeat"]
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
        if "shout" in self.features and self.random.random() < 0.2:
            inner += [Block("task", self.name("t")), Block("shout", self.name("u")), Block("task", self.name("t"))]
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
        if "shout" in self.features and self.random.random() < 0.4:
            block.heard = Boundary(self.name("b"), self.random.random() < 0.5, False, self.block(min(depth - 1, 1), can_fail, in_handler))
        if "undo" in self.features and self.random.random() < 0.3:
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
                block.listeners.append(Boundary(
                    self.name("l"), self.random.random() < 0.5, self.random.random() < 0.5, self.block(min(depth - 1, 1), False, True),
                ))
