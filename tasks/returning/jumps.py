"""跳转: an administrator moves a token of a case, back by the table of returns or forward, when the result can still come to an end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from tasks.actors import Actor
from tasks.ended_by import last_act
from tasks.operations import Answer, Argument, Arguments, Choice, Line, Operation, Preview
from tasks.people import People
from tasks.returning.consequences import reset, take_messages_back
from tasks.returning.preview import Words
from tasks.returning.returns import bound, planned, reasoned
from tasks.returning.steerers import require_steering
from tasks.returning.targets import Past, Target
from tasks.service import author_of
from workflows.case import Case
from workflows.engine import INSTANCE, ProcessEngine
from workflows.errors import Conflict, NotFound, Rejection
from workflows.modifying import Plan, perform, rehearse

EVERYTHING = "all"
STARTED = frozenset({
    "userTask", "manualTask", "serviceTask", "sendTask", "receiveTask", "businessRuleTask", "scriptTask", "task", "callActivity", "subProcess",
})


class Jumps:
    """Moves tokens by hand."""

    def __init__(self, engine: ProcessEngine, people: People) -> None:
        self._engine = engine
        self._people = people

    def operation(self) -> Operation:
        """The operation as pages offer it."""
        return Operation(
            "jump", "case", "跳转", "Jump",
            "把事项从一个环节移到另一个环节：向后按退回的规则，向前直接开始；只有之后仍能办结时才允许。",
            "Moves the case from one step to another: backwards by the rules of returns, forwards by starting it; only if the case can still end.",
            self.perform,
            (
                Argument("from", "choice", "从", "from", required=True), Argument("to", "choice", "到", "to", required=True),
                Argument("reason", "text", "理由", "reason", required=True),
            ),
            self.choices, self.preview, "danger", "jump",
        )

    def choices(self, connection: Connection, actor: Actor, case_id: int) -> Mapping[str, Sequence[Choice]]:
        """The tokens of the case, and the activities that could be started."""
        case = self._seen(connection, actor, case_id)
        plan = case.version.machine.plan
        tokens = [
            Choice(token, *self._names(case, node))
            for token, node, _, _ in case.version.machine.tokens(case.state) if "#" not in token
            if not plan.is_scope(plan.nodes[node])
        ]
        nodes = [node for node in case.version.graph.nodes.values() if node.type in STARTED and not node.triggered_by_event and not node.for_compensation]
        everything = [Choice(EVERYTHING, "所有在办环节", "everything that is open")] if len(tokens) > 1 else []
        return {"from": [*tokens, *everything], "to": [Choice(node.id, *self._names(case, node.id)) for node in sorted(nodes, key=lambda one: one.order)]}

    @staticmethod
    def _names(case: Case, node_id: str) -> tuple[str, str]:
        both = case.version.both(node_id)
        return both["zh"], both["en"]

    def _seen(self, connection: Connection, actor: Actor, case_id: int) -> Case:
        row = connection.execute(select(INSTANCE).where(INSTANCE.c.id == case_id)).first()
        if row is None:
            raise NotFound("没有这个事项。", "There is no such case.")
        return self._engine.attach(connection, row, author_of(actor))

    def preview(self, connection: Connection, actor: Actor, case_id: int, arguments: Arguments) -> Preview:
        """Which tokens go and come, whose work is lost, and whether the case can still end."""
        case = self._seen(connection, actor, case_id)
        try:
            self._guard(connection, actor, case)
            plan, _ = self._plan(connection, case, arguments)
        except Rejection as refused:
            return Preview(refused=refused.both, revision=case.revision)
        rehearsal = rehearse(self._engine, connection, case, plan, reset(case, plan))
        if rehearsal.refused is not None:
            return Preview(refused=rehearsal.refused.both, revision=case.revision)
        proved = Line("已验证：之后仍能办结", "Proved: the case can still come to an end") if rehearsal.verdict.proved else None
        return Preview([*Words(self._engine, self._people, connection, case).lines(plan, rehearsal), *([proved] if proved else [])], revision=case.revision)

    def perform(self, connection: Connection, actor: Actor, case_id: int, arguments: Arguments) -> Answer:
        """Move. Raises Forbidden, Conflict (changed since the preview, not sound) or Rejection."""
        case = self._engine.load(connection, case_id, author_of(actor))
        self._guard(connection, actor, case)
        bound(case, arguments)
        reason = reasoned(arguments)
        plan, target = self._plan(connection, case, arguments)
        if target is not None:
            take_messages_back(connection, target.held)
        detail = {"from": self._node(case, str(arguments.get("from"))), "to": arguments.get("to"), "reason": reason, "back": target is not None}
        perform(self._engine, connection, case, plan, kind="jumped", detail=detail, patch=reset(case, plan))
        both = case.version.both(str(arguments.get("to")))
        return Answer(f"已跳转到“{both['zh']}”。", f"Moved to {both['en']}.")

    @staticmethod
    def _node(case: Case, token: str) -> str | None:
        entry: list[Any] | None = case.state["t"].get(token)
        return None if entry is None else str(entry[0])

    def _guard(self, connection: Connection, actor: Actor, case: Case) -> None:
        require_steering(connection, actor, case)
        if case.status != "active":
            raise Conflict("只有在办事项可以跳转；已挂起的请先恢复。", "Only an active case can jump; resume a suspended one first.")

    def _plan(self, connection: Connection, case: Case, arguments: Arguments) -> tuple[Plan, Target | None]:
        """The table of returns when `to` lies in the causal past of `from`, else a move forwards or sideways."""
        token, to = str(arguments.get("from") or ""), str(arguments.get("to") or "")
        node = case.version.graph.nodes.get(to)
        if node is None or node.type not in STARTED:
            raise Conflict("流程中没有这个环节。", "The process has no such step.")
        if token == EVERYTHING:
            self._guard_no_return(connection, case, to)
            tokens = tuple(str(one) for one, entry in case.state["t"].items() if entry[1] == "0")
            return Plan(tokens, ((to, None, None),), (), tuple(case.version.machine.arrivals(case.state))), None
        if token not in case.state["t"]:
            last = last_act(connection, case.id)
            raise Conflict(f"要离开的环节已经结束，请刷新。{last['zh']}", f"The step to leave is over; reload.{last['en']}")
        for target in Past(self._engine, connection, case, token).targets():
            if target.case is case and target.done.node == to and (target.passed or target.plan is not None):
                return planned(target), target
        scope = str(case.state["t"][token][1])
        beside = case.version.graph.nodes[case.state["t"][token][0]].scope == node.scope
        return Plan((token,), ((to, scope if beside else None, None),)), None

    def _guard_no_return(self, connection: Connection, case: Case, to: str) -> None:
        """Nothing goes back past a point of no return, whichever token it is seen from."""
        for token in case.state["t"]:
            for target in Past(self._engine, connection, case, token).targets():
                if target.case is case and target.done.node == to and target.passed and target.refused is not None:
                    raise target.refused
