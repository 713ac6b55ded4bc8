"""Reference interpreter for structured diagrams, written from BPMN 2.0.2 chapters 10 and 13: blocks that call what follows them."""

from __future__ import annotations

from typing import Any

from tests.reference_scopes import RUN, Block, Boundary, Done, Handle, Scope, World, listen, run


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
        went = lambda event=event, position=position: went_off(event, position)  # noqa: E731
        offered.append(world.handle(event.name, scope, went, True, event.trigger, event.topic))
    return close


def run_catch(world: World, block: Block, scope: Scope, done: Done) -> None:
    """An intermediate catch event."""
    def came() -> None:
        world.forget(made)
        done()

    made = world.handle(block.name, scope, came, True, block.trigger, block.topic)


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
        if world.holds(question(block, position), scope):
            run(world, branch, scope, done)
            return
    run(world, block.inner[-1], scope, done)


def question(block: Block, position: int) -> str:
    """What is asked before a branch is taken."""
    return block.data if block.data and position == 0 else f"{block.name}_{position}"


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
    chosen = [branch for position, branch in enumerate(block.inner[:-1]) if world.holds(question(block, position), scope)]
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
            if left[0] == 0 or enough(world, block, block.count - left[0]):
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


def enough(world: World, block: Block, completed: int) -> bool:
    """Whether the completion condition of a multi-instance activity holds after so many instances (table 10.31)."""
    if block.enough.startswith("at least "):
        return completed >= int(block.enough.removeprefix("at least "))
    return bool(block.enough) and world.condition(block.enough)


def run_sub_process(world: World, block: Block, scope: Scope, done: Done) -> None:
    """The content in a scope of its own, then whatever follows."""
    run_inside(world, block, scope, done, done)


def run_inside(world: World, block: Block, scope: Scope, ended: Done, done: Done, *, apart: bool = False) -> None:
    """The content in a scope of its own (`apart`: with counters of its own), with boundary events and event sub-processes.

    `ended` follows the end of the content, `done` a boundary event that was taken instead.
    """
    def over() -> None:
        close()
        ended()

    inner = Scope(world, scope, over)
    if apart:
        inner.counters, inner.forgotten = {}, True

    def stop() -> None:
        close()
        inner.kill()

    leave_by_events(world, block, inner, scope, done, stop)
    close = attach(world, block, scope, done, [], inner.kill)
    listen(world, block, inner)
    run(world, block.inner[0], inner, inner.one_done)


def leave_by_events(world: World, block: Block, inner: Scope, scope: Scope, done: Done, stop: Done) -> None:
    """The error, cancel and escalation boundary events of a block whose content runs in `inner`; `stop` cancels the block."""
    def failed() -> None:
        assert block.error is not None
        stop()
        run(world, block.error, scope, done)

    def cancelled() -> None:
        assert block.cancel is not None
        stop()
        run(world, block.cancel, scope, done)

    def heard() -> bool:
        assert block.heard is not None
        if block.heard.interrupting:
            stop()
            run(world, block.heard.block, scope, done)
        else:
            scope.under_way += 1
            run(world, block.heard.block, scope, scope.one_done)
        return block.heard.interrupting

    inner.on_error = failed if block.error is not None else None
    inner.on_cancel = cancelled if block.cancel is not None else None
    inner.on_escalation = heard if block.heard is not None else None


def run_terminate(world: World, block: Block, scope: Scope, done: Done) -> None:
    """Everything in the scope is cancelled; the scope is over."""
    scope.finish()


def run_error(world: World, block: Block, scope: Scope, done: Done) -> None:
    """The nearest scope that has an error event is left by it; instances of sub-processes that end by it hand out their counters."""
    place: Scope | None = scope
    while place is not None:
        place.hand_out()
        if place.on_error is not None:
            break
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


RUN.update({
    "task": run_task, "catch": run_catch, "sequence": run_sequence, "choice": run_choice, "together": run_together, "some": run_some,
    "loop": run_loop, "instances": run_instances, "sub": run_sub_process, "terminate": run_terminate, "error": run_error, "undo": run_undo,
    "shout": run_shout, "cancel": run_cancel, "first": run_first, "repeat": run_repeat,
})
