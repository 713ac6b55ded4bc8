"""What going back would do, in lines for the dialog: whose work is lost, what waits again, which seats appear. Reads only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, func, select

from tasks.assignment import assign
from tasks.candidate_lines import line_words
from tasks.lifecycle import LIVE
from tasks.models import Person
from tasks.operations import Line
from tasks.people import People
from tasks.returning.consequences import called_by
from tasks.seats import SEAT
from tasks.votes.opening import participants_of
from workflows.case import Case
from workflows.engine import ProcessEngine
from workflows.errors import Rejection
from workflows.graph import HUMAN, Node
from workflows.modifying import Plan, Rehearsal


class Words:
    """Turns a rehearsal of a modification into lines."""

    def __init__(self, engine: ProcessEngine, people: People, connection: Connection, case: Case) -> None:
        self._engine = engine
        self._people = people
        self._connection = connection
        self._case = case

    def lines(self, plan: Plan, rehearsal: Rehearsal) -> list[Line]:
        """Losses first, then what stays, then what begins, then warnings."""
        return [
            *self._lost_work(rehearsal), *self._undone(plan), *self._waits(rehearsal), *self._arrivals(plan), *self._begun(plan, rehearsal),
            *self._warnings(rehearsal),
        ]

    def _name(self, node_id: str) -> tuple[str, str]:
        both, node = self._case.version.both(node_id), self._case.version.graph.nodes.get(node_id)
        plain = (node.name or node.id) if node is not None else node_id
        return both["zh"] or plain, both["en"] or plain

    def _lost_work(self, rehearsal: Rehearsal) -> Iterable[Line]:
        tokens = [token for token, _ in rehearsal.cancelled]
        yield from self._lost_in_calls(tokens)
        who = func.coalesce(SEAT.c.owner_id, SEAT.c.completed_by)
        query = select(SEAT.c.token, SEAT.c.status, Person.name).outerjoin(Person, Person.id == who).where(
            SEAT.c.instance_id == self._case.id, SEAT.c.token.in_(tokens), SEAT.c.status.in_((*LIVE, "completed"))
        )
        holders: dict[str, list[tuple[str, str]]] = {}
        for row in self._connection.execute(query.order_by(SEAT.c.id)) if tokens else ():
            holders.setdefault(row.token, []).append((row.name or "", row.status))
        for token, node_id in rehearsal.cancelled:
            zh, en = self._name(node_id)
            people = [(name, status == "completed") for name, status in holders.get(token, []) if name]
            if people:
                done_zh = "、".join(f"{name}{'已表决' if done else '正在办理'}" for name, done in people)
                done_en = ", ".join(f"{name} {'has voted' if done else 'is working on it'}" for name, done in people)
                yield Line(f"“{zh}”取消：{done_zh}", f"{en} is cancelled: {done_en}", "loss")
            elif token in holders:
                yield Line(f"“{zh}”的待办取消", f"The open item of {en} is cancelled", "loss")
            elif self._case.version.graph.nodes[node_id].type in ("subProcess", "callActivity"):
                yield Line(f"子流程“{zh}”终止", f"The sub-process {en} is closed", "loss")

    def _lost_in_calls(self, tokens: Sequence[str]) -> Iterable[Line]:
        """Whose work is cancelled in the processes and instances that these tokens have called."""
        rows = {row.id: row for row in called_by(self._connection, self._case.id, {token.partition("#")[0] for token in tokens})}
        query = select(SEAT.c.instance_id, SEAT.c.node_id, Person.name).outerjoin(Person, Person.id == SEAT.c.owner_id).where(
            SEAT.c.instance_id.in_(list(rows)), SEAT.c.status.in_(LIVE)
        )
        for seat in self._connection.execute(query.order_by(SEAT.c.id)).all() if rows else ():
            both = self._engine.version(self._connection, rows[seat.instance_id].definition_id).both(seat.node_id)
            zh, en = (f"：{seat.name}正在办理", f": {seat.name} is working on it") if seat.name else ("", "")
            yield Line(f"“{both['zh']}”取消{zh}", f"{both['en']} is cancelled{en}", "loss")

    def _undone(self, plan: Plan) -> Iterable[Line]:
        nodes = self._case.version.graph.nodes
        human = [done for done in plan.undone if done.node in nodes and nodes[done.node].type in HUMAN]
        people = {done.person for done in human if done.person is not None}
        query = select(Person.id, Person.name).where(Person.id.in_(people))
        names: dict[int, str] = {row.id: row.name for row in self._connection.execute(query)} if people else {}
        for done in sorted(human, key=lambda one: one.sequence):
            zh, en = self._name(done.node)
            who = names.get(done.person or 0, "")
            yield Line(f"“{zh}”的办理结果作废（{who}，意见仍留在历史中）", f"The result of {en} no longer counts ({who}; the opinion stays in the history)", "loss")

    def _waits(self, rehearsal: Rehearsal) -> Iterable[Line]:
        for node_id in rehearsal.waits_closed:
            zh, en = self._name(node_id)
            yield Line(f"“{zh}”的等待取消", f"{en} is no longer waited for", "loss")
        for node_id in rehearsal.waits_opened:
            zh, en = self._name(node_id)
            yield Line(f"“{zh}”重新开始计时或等待", f"{en} is waited for anew")

    def _arrivals(self, plan: Plan) -> Iterable[Line]:
        flows = self._case.version.graph.flows
        for arrivals, zh, en, tone in (
            (plan.discard, "已到达“{}”的分支需重新办理", "A branch that had reached {} must be done again", "loss"),
            (plan.redeposit, "其他分支在“{}”处继续等待汇合", "The other branches wait again at {}", "plain"),
        ):
            for flow, _, _ in arrivals:
                names = self._name(flows[flow].target)
                yield Line(zh.format(names[0]), en.format(names[1]), tone)

    def _begun(self, plan: Plan, rehearsal: Rehearsal) -> Iterable[Line]:
        for token, node_id in rehearsal.opened:
            node = self._case.version.graph.nodes[node_id]
            zh, en = self._name(node_id)
            people_zh, people_en = self._candidates(rehearsal.case.at(token), node)
            yield Line(f"“{zh}”成为待办" + (f"：{people_zh}" if people_zh else ""), f"{en} is to be done" + (f": {people_en}" if people_en else ""), "gain")
            yield from self._changed_participants(plan, rehearsal, node, token)

    def _candidates(self, there: Case, node: Node) -> tuple[str, str]:
        """Who would have it, in both languages."""
        if node.type not in HUMAN:
            return "", ""
        try:
            lines = self._votes(there, node) or assign(there, node, self._engine.functions(self._connection, there), there.now).candidates
        except Rejection as problem:
            return problem.zh, problem.en
        return self._shown(lines)

    def _shown(self, lines: Iterable[str]) -> tuple[str, str]:
        found = line_words(self._connection, self._people, lines).values()
        return "、".join(words["zh"] for words in found), ", ".join(words["en"] for words in found)

    def _votes(self, there: Case, node: Node) -> Sequence[str]:
        return participants_of(there, node, self._engine.functions(self._connection, there))

    def _changed_participants(self, plan: Plan, rehearsal: Rehearsal, node: Node, token: str) -> Iterable[Line]:
        """A countersigned activity asks its participants anew: who is new and who is no longer among them."""
        if not node.properties.get("participants"):
            return
        before = next((done.token for done in plan.undone if done.node == node.id), None)
        query = select(SEAT.c.participant).where(SEAT.c.instance_id == self._case.id, SEAT.c.token == before, SEAT.c.participant.is_not(None))
        old, new = set(self._connection.execute(query).scalars()), set(self._votes(rehearsal.case.at(token), node))
        for people, zh, en in ((sorted(new - old), "新增参与人：", "now also asked: "), (sorted(old - new), "不再参与：", "no longer asked: ")):
            if people:
                people_zh, people_en = self._shown(people)
                yield Line(zh + people_zh, en + people_en, "warning")

    @staticmethod
    def _warnings(rehearsal: Rehearsal) -> Iterable[Line]:
        if not rehearsal.verdict.proved:
            yield Line("流程过大，未能逐一验证之后都能办结", "The process is too large to prove that every way from here ends", "warning")
