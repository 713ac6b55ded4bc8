"""The doors of the token machine: each changes a state in place, runs until everything waits, and returns what happened.

No data, no clock, no database: conditions and inline work are asked of the host, time and messages come in as triggers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from workflows.graph import Node, ProcessGraph
from workflows.machine import activities, compensation, events, flow
from workflows.machine.contract import ROOT, Happening, Host, MachineError, State
from workflows.machine.marking import Move, Run, open_instances
from workflows.machine.migration import Migration
from workflows.machine.modification import Deposit, Discard, Start, modify_marking
from workflows.machine.plan import Plan
from workflows.machine.reinstatement import reinstate_tokens, revive_tokens

Enter = Callable[[Run, Node, Move], None]
ENTER: dict[str, Enter] = {
    "exclusiveGateway": flow.pass_exclusive, "parallelGateway": flow.pass_parallel, "inclusiveGateway": flow.pass_inclusive,
    "eventBasedGateway": events.enter_event_gateway, "startEvent": events.pass_event, "boundaryEvent": events.pass_event,
    "intermediateCatchEvent": events.enter_catch, "intermediateThrowEvent": events.pass_event, "endEvent": events.pass_event,
}
THROW: dict[str, Enter] = {
    "message": events.throw_out, "signal": events.throw_out, "error": events.throw_error_event,
    "escalation": events.throw_escalation_event, "terminate": events.terminate,
    "compensation": compensation.throw_compensation, "cancel": compensation.cancel_transaction,
}


class NoHost:
    """Stands in where nothing may be asked."""

    def condition(self, expression: str, scope: str, counters: Mapping[str, int] | None = None) -> bool:
        """Nothing moves, so nothing is asked."""
        raise MachineError("此操作不应计算条件。", "This operation evaluates no condition.")

    def count(self, expression: str, scope: str) -> int:
        """Nothing moves, so nothing is asked."""
        raise MachineError("此操作不应计算数量。", "This operation counts nothing.")

    def perform(self, node: Node, token: str, scope: str) -> None:
        """Nothing moves, so nothing is asked."""
        raise MachineError("此操作不应执行环节。", "This operation performs nothing.")

    def begin(self, node: Node, token: str, scope: str) -> None:
        """Nothing moves, so nothing begins."""
        raise MachineError("此操作不应进入环节。", "This operation enters nothing.")

    def end(self, node: Node, token: str, scope: str) -> None:
        """Nothing moves, so nothing ends."""
        raise MachineError("此操作不应办结环节。", "This operation completes nothing.")

    def gather(self, node: Node, token: str, scope: str) -> None:
        """Nothing moves, so nothing is gathered."""
        raise MachineError("此操作不应汇总结果。", "This operation gathers nothing.")

    def caught(self, event: Node, code: str | None, scope: str, message: str | None) -> None:
        """Nothing moves, so nothing is caught."""
        raise MachineError("此操作不应捕获事件。", "This operation catches nothing.")

    def thrown(self, node: Node, scope: str) -> Mapping[str, Any]:
        """Nothing moves, so nothing is thrown."""
        raise MachineError("此操作不应抛出事件。", "This operation throws nothing.")


class Machine:
    """Runs cases of one process version. Holds no case: one object serves all threads.

    A door that raises MachineError (or whatever the host raises) leaves a state to be thrown away.
    """

    def __init__(self, graph: ProcessGraph) -> None:
        self.plan = Plan(graph)
        self._enter = {node.id: _enter_of(node) for node in graph.nodes.values()}

    def start(
        self, host: Host, start_event: str | None = None, sub_process: str | None = None, into: State | None = None
    ) -> tuple[State, list[Happening]]:
        """A new case, from its none start event or from `start_event`.

        `sub_process` runs the body of that multi-instance sub-process as a state of its own (one instance after a `call`).
        `into` is the empty dict to become the state, for a host that looks at it while the case starts.
        """
        state: State = {} if into is None else into
        state |= {"n": 0, "t": {}}
        if sub_process is not None:
            state["r"] = sub_process
        run = Run(self.plan, state, host)
        begin = self._start_event(start_event, sub_process)
        run.open_scope_waits(ROOT)
        run.agenda.append(Move(begin, ROOT, ()))
        return state, self._finish(run)

    def _start_event(self, wanted: str | None, sub_process: str | None) -> str:
        graph = self.plan.graph
        if wanted is not None:
            if wanted not in graph.starts:
                raise MachineError(f"流程没有开始事件“{wanted}”。", f"The process has no start event {wanted}.", wanted)
            return wanted
        begin = self.plan.plain_start.get(sub_process or graph.id)
        if begin is None and len(graph.starts) == 1:
            begin = graph.starts[0]
        if begin is None:
            raise MachineError("流程没有空开始事件，请指明开始事件。", "The process has no none start event; name the start event.")
        return begin

    def complete(self, state: State, token: str | int, host: Host) -> list[Happening]:
        """A waiting activity, called process or instance is done."""
        run = Run(self.plan, state, host)
        identity = str(token)
        node = run.node_of(identity.partition("#")[0])
        if node.type not in activities.WORK_OF_OTHERS and node.type not in ("callActivity", "subProcess", "businessRuleTask"):
            raise MachineError(f"“{node.name or node.id}”不能由人办结。", f"{node.name or node.id} cannot be completed.", node.id)
        if self.plan.is_scope(node) or (("m" in state and identity in state["m"]) and "#" not in identity):
            raise MachineError(f"“{node.name or node.id}”在内部环节办完时自动结束。", f"{node.name or node.id} ends when what is inside it ends.", node.id)
        run.close_waits(identity) if "#" in identity else None
        scope = str(run.tokens[identity.partition("#")[0]][1])
        run.happen("completed", node.id, identity, scope, (), detail={"type": node.type})
        activities.work_done(run, identity)
        return self._finish(run)

    def trigger(self, state: State, wait: str, host: Host) -> list[Happening]:
        """The timer, message, signal or condition of a wait has come."""
        run = Run(self.plan, state, host)
        if str(wait) not in state.get("w", {}):
            raise MachineError("没有等待中的事件，可能已经处理。", f"There is no open wait {wait}; it may have been handled already.")
        done = events.trigger_event(run, str(wait))
        if done is not None:
            node = run.node_of(done.partition("#")[0])
            run.happen("completed", node.id, done, str(run.tokens[done.partition("#")[0]][1]), (), detail={"type": node.type})
            activities.work_done(run, done)
        return self._finish(run)

    def throw(
        self, state: State, token: str | int, kind: str, code: str | None, host: Host, message: str | None = None
    ) -> list[Happening]:
        """A BPMN `error` or `escalation` comes out of a waiting activity (a failed job, a called process); `message` is in words."""
        run = Run(self.plan, state, host)
        activity = str(token).partition("#")[0]
        run.node_of(activity)
        scope = str(run.tokens[activity][1])
        if kind == "error":
            events.throw_error(run, activity, scope, code, message)
        elif kind == "escalation":
            events.throw_escalation(run, activity, scope, code, (activity,))
        else:
            raise MachineError(f"不能抛出“{kind}”。", f"An activity cannot throw {kind}.")
        return self._finish(run)

    def evaluate_conditions(self, state: State, host: Host) -> list[Happening]:
        """Look at every conditional event that is listened to and trigger those that turned true; call it after data changed."""
        run = Run(self.plan, state, host)
        if not self.plan.conditional:
            return run.happenings
        turned = self._turned_true(run)
        while turned:
            events.trigger_event(run, turned)
            self._drain(run)
            turned = self._turned_true(run)
        return self._finish(run)

    @staticmethod
    def _turned_true(run: Run) -> str | None:
        for wait, entry in run.state.get("w", {}).items():
            if len(entry) > 2:
                owner = entry[1]
                node = run.nodes[entry[0]]
                inside = node.type == "startEvent" or (node.type == "intermediateCatchEvent" and node.id in run.plan.local)
                scope = owner if inside else str(run.tokens[owner][1])
                now = int(run.host.condition(run.nodes[entry[0]].event.expression or "false", scope))
                before, entry[2] = entry[2], now
                if now and not before:
                    return str(wait)
        return None

    def modify(
        self, state: State, host: Host, cancel: Sequence[str] = (), start: Sequence[Start] = (), redeposit: Sequence[Deposit] = (),
        discard: Sequence[Discard] = (),
    ) -> list[Happening]:
        """One atomic modification: cancel tokens, start nodes (id, or id and scope, or id, scope and cause), put arrivals back.

        `redeposit` entries are (flow into a join, scope or None, cause); `discard` takes resting arrivals away (same form; cause
        None: all on that flow), which a return to before a fork needs for the branches that wait at the join already. What is
        started is caused by what was cancelled unless a cause is given. An ended case may be opened again by a start.
        """
        run = Run(self.plan, state, host)
        modify_marking(run, [str(token) for token in cancel], start, redeposit, discard)
        return self._finish(run)

    def reinstate(
        self, state: State, host: Host, done: str, before: State, cancelled: Sequence[str], arrivals: Sequence[Discard] = (),
        taken: Sequence[Discard] = (),
    ) -> tuple[list[Happening], dict[str, str]]:
        """Complete `done`, and instead of what follows it put back what a modification cancelled, joins included.

        `before` is the marking before that modification, `cancelled` its tokens, `arrivals` what it took from joins and `taken` what
        it put there. Returns what happened, and the new id of every token put back.
        """
        run = Run(self.plan, state, host)
        ids = reinstate_tokens(run, done, before, cancelled, arrivals, taken)
        return self._finish(run), ids

    def revive(self, state: State, host: Host, before: State) -> tuple[list[Happening], dict[str, str]]:
        """A case that was called off goes on from the marking `before`. Returns what happened, and the new id of every token."""
        run = Run(self.plan, state, host)
        ids = revive_tokens(run, before)
        return self._finish(run), ids

    def cancel_all(self, state: State) -> list[Happening]:
        """End the case: every token and wait is cancelled."""
        run = Run(self.plan, state, NoHost())
        run.empty_scope(ROOT)
        run.drop("c", ROOT)
        if "e" not in state:
            state["e"] = 1
            run.happen("ended", detail={"cancelled": True})
        return run.happenings

    def migrate(self, state: State, new_machine: Machine, mapping: Mapping[str, str] | None = None) -> list[Happening]:
        """Carry the state to another version; waits of kept elements go on. Raises MigrationRefused before anything changes."""
        run = Run(new_machine.plan, state, NoHost())
        Migration(self.plan, new_machine.plan, state, mapping or {}).run(run)
        return run.happenings

    @staticmethod
    def restored(before: State, now: State) -> State:
        """The marking `before`, with ids counted on from `now`: an id is never given out twice in a case."""
        return {**before, "n": max(before["n"], now["n"])}

    # looking

    def tokens(self, state: State) -> list[tuple[str, str, str, tuple[str, ...]]]:
        """(token id, node id, scope id, cause ids) of everything live, instances of loops and multi-instances included."""
        found = []
        for token, (node, scope, cause) in state["t"].items():
            found.append((token, node, scope, tuple(cause)))
            counters = state.get("m", {}).get(token)
            if counters:
                found += [(f"{token}#{index}", node, scope, (token,)) for index in open_instances(counters)]
        return found

    def waits(self, state: State) -> dict[str, tuple[str, str]]:
        """Node and owner (a token, or a scope for event sub-processes) of every wait."""
        return {wait: (entry[0], entry[1]) for wait, entry in state.get("w", {}).items()}

    def arrivals(self, state: State) -> list[tuple[str, str, tuple[str, ...]]]:
        """(flow, scope, cause) of every token that rests at a join."""
        return [
            (flow_id, scope, tuple(cause))
            for scope, flows in state.get("j", {}).items() for flow_id, causes in flows.items() for cause in causes
        ]

    def is_ended(self, state: State) -> bool:
        """True when the case is over."""
        return "e" in state

    def is_deadlocked(self, state: State) -> bool:
        """True when tokens rest at joins of a scope in which nothing else is open."""
        return bool(self._deadlocked_scopes(state))

    @staticmethod
    def _deadlocked_scopes(state: State) -> list[str]:
        if "j" not in state:
            return []
        occupied = {entry[1] for entry in state["t"].values()}
        return [scope for scope in state["j"] if scope not in occupied]

    # running

    def _finish(self, run: Run) -> list[Happening]:
        self._drain(run)
        for scope in self._deadlocked_scopes(run.state):
            joins = sorted({self.plan.flows[flow_id].target for flow_id in run.state["j"][scope]})
            run.happen("deadlocked", joins[0], None, scope, detail={"joins": joins})
        return run.happenings

    def _drain(self, run: Run) -> None:
        """Move until nothing moves; then close finished scopes, then look at inclusive joins, and go on."""
        while True:
            while run.agenda:
                move = run.step()
                node = run.nodes[move.node]
                if move.work is not None:
                    activities.begin_queued_work(run, node, move)
                else:
                    self._enter[move.node](run, node, move)
            if not activities.close_finished_scopes(run) and not flow.fire_inclusive_join(run):
                return


def _enter_of(node: Node) -> Enter:
    if node.type in ("endEvent", "intermediateThrowEvent"):
        enter = THROW.get(node.event.kind, events.pass_event)
        return events.after_mappings(enter) if (node.inputs or node.outputs) and enter is not events.throw_out else enter
    return ENTER.get(node.type, activities.enter_activity)
