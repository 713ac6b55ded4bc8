"""The reference interpreter's calls, multi-instance sub-processes, links, signals and counters, from BPMN 2.0.2 §10.3, §10.5 and §13.3."""

from __future__ import annotations

from tests.reference_scopes import RUN, Air, Block, Boundary, Done, Scope, World, listen, run
from tests.reference_tree import attach, enough, leave_by_events, run_inside


def run_jump(world: World, block: Block, scope: Scope, done: Done) -> None:
    """Every branch of a choice ends at a link throw of one name; the link catch goes on (§10.5.5)."""
    RUN["choice"](world, block, scope, done)


def run_throw(world: World, block: Block, scope: Scope, done: Done) -> None:
    """A signal is thrown to all that listen; the thrower goes on at once."""
    world.air.throw(block.topic)
    done()


def run_counting(world: World, block: Block, scope: Scope, done: Done) -> None:
    """The body, then a counter goes up by one; again while a number is greater than the counter."""
    name = block.data.split(" > ")[1]

    def over() -> None:
        value = scope.counter(name)
        counters = scope.home().counters
        assert counters is not None
        counters[name] = 1 if value is None else value + 1
        if world.holds(block.data, scope):
            run(world, block.inner[0], scope, over)
        else:
            done()

    run(world, block.inner[0], scope, over)


def run_call(world: World, block: Block, scope: Scope, done: Done) -> None:
    """A called process: its own counters, nothing to undo from outside; `entered` goes in, and comes out as a result."""
    entered = world.moment

    def ended() -> None:
        counters = scope.home().counters
        assert counters is not None
        counters[f"{block.name}_result"] = entered
        done()

    run_inside(world, block, scope, ended, done, apart=True)


class Many:
    """A multi-instance sub-process under way: every instance is a scope with counters of its own that it hands out at its end."""

    def __init__(self, world: World, block: Block, scope: Scope, done: Done) -> None:
        self.world, self.block, self.scope, self.done = world, block, scope, done
        self.begun = self.completed = 0
        self.live: list[Scope] = []
        self.close = attach(world, block, scope, done, [], self.kill)
        for _ in range(1 if block.sequential else block.count):
            self.begin()

    def begin(self) -> None:
        """The next instance."""
        self.begun += 1
        inner = Scope(self.world, self.scope, lambda: self.over(inner))
        inner.counters, inner.sees_outside, inner.forgotten = {}, True, True
        self.live.append(inner)
        leave_by_events(self.world, self.block, inner, self.scope, self.done, self.stop)
        listen(self.world, self.block, inner)
        run(self.world, self.block.inner[0], inner, inner.one_done)

    def over(self, inner: Scope) -> None:
        """One instance came to its end."""
        self.live.remove(inner)
        self.completed += 1
        inner.hand_out()
        if enough(self.world, self.block, self.completed):
            self.stop()
            self.done()
        elif self.block.sequential and self.begun < self.block.count:
            self.begin()
        elif not self.live:
            self.close()
            self.done()

    def kill(self) -> None:
        """Cancel the instances."""
        for inner in list(self.live):
            inner.kill()
        self.live = []

    def stop(self) -> None:
        """Cancel the activity."""
        self.close()
        self.kill()


RUN.update({"jump": run_jump, "throw": run_throw, "counting": run_counting, "call": run_call, "many": Many})

__all__ = ["Air", "Block", "Boundary", "World"]
