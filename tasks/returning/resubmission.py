"""重新提交 after a return: 逐级 needs nothing; 直达 puts back what the return cancelled, when nothing that decides the way has changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, or_, select, update

from tasks.deciding import Deciding
from tasks.four_eyes import acted
from tasks.lifecycle import LIVE
from tasks.models import Seat, SeatExclusion, SeatOffer
from tasks.operation_models import Agency, ReturnRecord
from tasks.people import People
from tasks.returning.consequences import RESULTS
from tasks.seats import SEAT, Seats
from workflows import history
from workflows.case import Case
from workflows.engine import ProcessEngine
from workflows.errors import Rejection
from workflows.graph import ProcessGraph
from workflows.modifying import reinstate
from workflows.name_check import diagram_uses

ASSIGNMENT = frozenset({
    "candidateGroups", "candidateUsers", "assignee", "participants", "voting", "duty", "superior", "dueDate", "loopCardinality", "collection",
    "completionCondition", "loopCondition", "condition", "script", "conditionExpression", "same_person", "process_owner",
})
DECIDED = "decision"


class Resubmission:
    """Asked by the engine when a step that a return started, with 直达, is completed."""

    def __init__(self, engine: ProcessEngine, seats: Seats, people: People, deciding: Deciding) -> None:
        self._engine = engine
        self._seats = seats
        self._people = people
        self._deciding = deciding
        engine.resubmission = self.complete

    def complete(self, connection: Connection, case: Case, token: str, patch: Mapping[str, Any], detail: Mapping[str, Any]) -> bool:
        """Complete `token` straight to where the return came from; False: every step is done again, the engine goes its way."""
        record = connection.execute(select(ReturnRecord.__table__).where(ReturnRecord.id == case.state["s"].pop(token))).one()
        if not case.state["s"]:
            del case.state["s"]
        connection.execute(update(ReturnRecord).where(ReturnRecord.id == record.id).values(resubmitted_at=case.now))
        facts = history.facts(connection, case.id)
        patch = {**results_again(facts, record, case), **patch}
        changed = changed_since(facts, record.before["sequence"], case, patch)
        why = self._every_step(case, record, changed)
        if why is not None:
            case.record("every_step", node=record.to_node, token=token, detail={"because": why, "names": sorted(changed)})
            return False
        ids = reinstate(self._engine, connection, case, token, patch, {**detail, "straight": True}, record.before)
        skipped = skipped_steps(history.facts(connection, case.id), record)
        self._seats_again(connection, case, record.before["seats"], ids, bool(business(changed)))
        for one in record.before.get("called", ()):
            child = case.family[one["id"]]
            self._seats_again(connection, child, one["seats"], child.reach.put_back, bool(business(changed)))
        for node_id in skipped:
            case.record("skipped", node=node_id, detail={"because": "straight", "return": record.id})
        self._engine.save(connection, [case])
        return True

    def _every_step(self, case: Case, record: Any, changed: frozenset[str]) -> str | None:
        """Why every step must be done again, or None."""
        graph = case.version.graph
        tokens: dict[str, Any] = record.before["state"]["t"]
        if record.to_node not in graph.nodes:
            return "target_gone"
        for token in record.before["cancel"]:
            node_id, scope, _ = tokens[token.partition("#")[0]]
            node = graph.nodes.get(node_id)
            if node is None:
                return "target_gone"
            around = graph.id if scope == "0" else str(tokens[scope][0]) if scope in tokens else None
            if around is not None and node.scope != around and node.scope != case.state.get("r", graph.id):
                return "scope_changed"
            if scope != "0" and scope not in case.state["t"] and scope not in self._cancelled(record):
                return "scope_gone"
        if any(flow not in graph.flows for flow, _, _ in (*record.before["discard"], *record.before["redeposit"])):
            return "target_gone"
        if any(token.partition("#")[0] in record.before["state"].get("k", {}) for token in record.before["cancel"]):
            return "compensation"
        called = [one for one in record.before.get("called", ()) if one["parent"] == case.id]
        if any(one["body"] for one in called) and record.definition_id != case.version.id:
            return "scope_changed"  # the instances stand in the version they were called off in
        if any("k" in one["state"] for one in record.before.get("called", ())):
            return "compensation"
        if any(changed_input(case, str(tokens[str(one["token"]).partition("#")[0]][0]), changed) for one in called):
            return "changed"
        to = {str(tokens[token.partition("#")[0]][0]) for token in record.before["cancel"]}
        return "changed" if changed & reads(case, record.to_node, to) else None

    @staticmethod
    def _cancelled(record: Any) -> set[str]:
        tokens: dict[str, Any] = record.before["state"]["t"]
        inside = {token.partition("#")[0] for token in record.before["cancel"]}
        while more := {token for token, entry in tokens.items() if entry[1] in inside} - inside:
            inside |= more
        return inside

    # the seats that came back

    def _seats_again(self, connection: Connection, case: Case, seats: Sequence[Mapping[str, Any]], ids: Mapping[str, str], changed: bool) -> None:
        """Give each seat back to whoever held it, keep agreements when no field changed."""
        came_back = [
            (ids[activity] + mark + index, old) for old in seats for activity, mark, index in [str(old["token"]).partition("#")] if activity in ids
        ]
        # Signers are not recreated: where one is still awaited, or has not agreed, kept votes would decide without him, so those who agreed are asked again.
        held = {token for token, old in came_back if _awaited(old) or self._opposed(connection, case, token, old)}
        came_back = [(token, old) for token, old in came_back if old["kind"] == "main"]
        voted = [(token, old) for token, old in came_back if old["status"] == "completed" and token not in held]
        for token, old in voted if not changed else ():
            if new := self._counterpart(connection, case, token, old):
                self._keep_vote(connection, case, new, old)
        for token in dict.fromkeys(token for token, _ in voted):
            if case.is_open(token):
                self._deciding.after_change(connection, case, token)
        for token, old in came_back:
            # Of a sequence only the one whose turn it is now: the others are resolved to a person when they are reached.
            new = self._counterpart(connection, case, token, old) if old["owner_id"] is not None and (token, old) not in voted else None
            if new is not None and new.status != "queued":
                self._give_back(connection, case, new, int(old["owner_id"]), old["claimed_as"])
        self._engine.save(connection, [case])

    @staticmethod
    def _counterpart(connection: Connection, case: Case, token: str, old: Mapping[str, Any]) -> Row[Any] | None:
        query = select(SEAT).where(
            SEAT.c.instance_id == case.id, SEAT.c.token == token, SEAT.c.status.in_(LIVE), SEAT.c.participant == old["participant"]
            if old["participant"] is not None else SEAT.c.participant.is_(None),
        )
        return connection.execute(query.order_by(SEAT.c.id).limit(1)).first()

    def _opposed(self, connection: Connection, case: Case, token: str, old: Mapping[str, Any]) -> bool:
        """Whether this is the vote of an added signer who did not agree."""
        if old["kind"] != "parallel" or not old["counts"] or old["status"] != "completed":
            return False
        return case.is_open(token) and _side(self._deciding.poll(connection, case, token).rule, old) != "A"

    def _keep_vote(self, connection: Connection, case: Case, seat: Row[Any], old: Mapping[str, Any]) -> None:
        """沿用: an agreement of somebody who may still give it; what a rule cast is nobody's, the rule is asked anew."""
        if old["completed_by"] is None:
            return
        poll = self._deciding.poll(connection, case, seat.token)
        if _side(poll.rule, old) != "A" or self._line(connection, case, seat, int(old["completed_by"])) is None:
            return
        answer = {**(old["answer"] or {}), "order": len(poll.cast)}
        connection.execute(update(Seat).where(SEAT.c.id == seat.id).values(
            status="completed", completed_at=case.now, completed_by=old["completed_by"], on_behalf_of=old["on_behalf_of"], owner_id=old["owner_id"],
            claimed_as=old["claimed_as"], outcome=old["outcome"], answer=answer, revision=SEAT.c.revision + 1,
        ))
        connection.execute(delete(SeatOffer).where(SeatOffer.seat_id == seat.id))
        acted(connection, case, seat.node_id, [old["completed_by"], old["on_behalf_of"]])
        case.record("vote_kept", node=seat.node_id, token=seat.token, detail={
            "seat": seat.id, "person": old["completed_by"], "outcome": old["outcome"], "rule": "agreement_kept",
        })

    def _give_back(self, connection: Connection, case: Case, seat: Row[Any], person_id: int, claimed_as: str | None) -> None:
        """The returner, else his agent; else the pool stands as it was worked out now."""
        line = self._line(connection, case, seat, person_id)
        if line is not None:
            self._own(connection, case, seat, person_id, claimed_as or line, None)
            return
        agent = self._agent(connection, case, seat, person_id)
        if agent is not None:
            self._own(connection, case, seat, agent, None, person_id)

    def _own(self, connection: Connection, case: Case, seat: Row[Any], person_id: int, line: str | None, principal: int | None) -> None:
        connection.execute(update(Seat).where(SEAT.c.id == seat.id).values(
            owner_id=person_id if principal is None else None, claimed_at=None,  # he has not touched it yet
            claimed_as=line, revision=SEAT.c.revision + 1,
        ))
        connection.execute(delete(SeatOffer).where(SeatOffer.seat_id == seat.id))
        offer = self._seats.offer_row(f"person:{person_id}", seat.id, seat.due_at, seat.created_at, seat.priority)
        connection.execute(insert(SeatOffer).values({**offer, "principal_id": principal}))
        case.record("given_back", node=seat.node_id, token=seat.token, detail={"seat": seat.id, "person": person_id, "for": principal})

    def _line(self, connection: Connection, case: Case, seat: Row[Any], person_id: int) -> str | None:
        """The candidate line by which a person may act on a seat today; None when he may not."""
        try:
            person = self._people.actor(connection, person_id, acting=None, channel="system", address=None)
        except Rejection:
            return None
        offered = set(connection.execute(select(SeatOffer.candidate).where(SeatOffer.seat_id == seat.id)).scalars())
        offered |= {seat.participant} if seat.participant else set()
        barred = select(SeatExclusion.reason).where(SeatExclusion.seat_id == seat.id, SeatExclusion.person_id == person_id)
        if connection.execute(barred).first() is not None:
            return None
        return next((line for line in person.candidates if line in offered), None)

    @staticmethod
    def _agent(connection: Connection, case: Case, seat: Row[Any], person_id: int) -> int | None:
        """Who stands in for an absent person today, in this process; never the applicant or somebody a four-eyes rule keeps out."""
        barred = select(SeatExclusion.person_id).where(SeatExclusion.seat_id == seat.id)
        query = select(Agency.agent_id).where(
            Agency.principal_id == person_id, Agency.valid_from <= case.now, Agency.valid_to > case.now, Agency.ended_at.is_(None),
            or_(Agency.process_id.is_(None), Agency.process_id == case.version.process_id), Agency.agent_id.not_in(barred),
            Agency.agent_id != (case.subject_person or 0),
        )
        return connection.execute(query.order_by(Agency.id).limit(1)).scalar()


def _awaited(old: Mapping[str, Any]) -> bool:
    """Whether a decision cannot fall without this added seat: an after-signer it waits for, or a signer with a vote."""
    return bool(old["status"] in LIVE and (old["kind"] == "after" and old["blocking"] or old["kind"] == "parallel" and old["counts"]))


def _side(rule: Mapping[str, Any], old: Mapping[str, Any]) -> str:
    """What a vote said, by the outcomes of the activity."""
    return str((rule.get("sides") or {}).get(old["outcome"], "A"))


# what has changed, and what reads it


def results_again(facts: Sequence[Any], record: Any, case: Case) -> dict[str, Any]:
    """The results that the return made void, as they were: steps that are skipped count again, and conditions behind them read what they said."""
    returned = next((fact for fact in facts if fact.sequence > record.before["sequence"] and fact.kind == "returned"), None)
    changes: Mapping[str, Any] = (returned.detail or {}).get("changes") or {} if returned is not None else {}
    return {
        name: old for name, (old, new) in changes.items()
        if new is None and name.rpartition("_")[2] in RESULTS and case.variables.get(name) is None
    }


def changed_since(facts: Sequence[Any], sequence: int, case: Case, patch: Mapping[str, Any]) -> frozenset[str]:
    """Names whose value differs now, with `patch`, from what it was before the fact after `sequence`; who and when do not count."""
    before: dict[str, Any] = {}
    for fact in facts:
        if fact.sequence > sequence:
            for name, (old, _) in ((fact.detail or {}).get("changes") or {}).items():
                before.setdefault(name, old)
    for name in patch:
        before.setdefault(name, case.variables.get(name))
    now = {**case.variables, **patch}
    return frozenset(
        name for name, old in before.items() if now.get(name) != old and not name.endswith(("_by", "_votes"))
    )


def business(changed: Iterable[str]) -> set[str]:
    """The changed names that are fields, not results of activities."""
    results = tuple(f"_{result}" for result in RESULTS)
    return {name for name in changed if not name.endswith(results)}


def reads(case: Case, start: str, ends: set[str]) -> frozenset[str]:
    """The names that gateways, decisions and assignments between an activity and what is put back read."""
    graph = case.version.graph
    between = _between(graph, start, ends)
    found: set[str] = set()
    for use in diagram_uses("", graph):
        flow = graph.flows.get(use.element)
        node = graph.nodes.get(use.element)
        mine = (flow is not None and flow.source in between) or (node is not None and node.id in between and node.id != start)
        if (mine and (use.setting in ASSIGNMENT or (node is not None and node.type == "scriptTask"))) or use.element == graph.id:
            found |= use.compiled.names | use.compiled.item_names
    for node_id in between:
        found |= _decision_reads(case, node_id)
    return frozenset(found)


def changed_input(case: Case, call: str, changed: frozenset[str]) -> bool:
    """Whether what a call hands in to its process would be different now."""
    node = case.version.graph.nodes[call]
    given = [mapping for mapping in node.inputs if mapping.called]
    if any(mapping.all_variables for mapping in given):
        return bool(business(changed))
    names = {mapping.source for mapping in given} if node.type == "callActivity" else set()
    for use in diagram_uses("", case.version.graph) if given else ():
        if use.element == call:
            names |= use.compiled.names
    return bool(changed & names)


def _decision_reads(case: Case, node_id: str) -> set[str]:
    node = case.version.graph.nodes[node_id]
    found: set[str] = set()
    for reference in (node.attributes.get("decisionRef"), node.properties.get(DECIDED)):
        if reference:
            model, _ = case.version.decision_of(reference)
            found |= {name for formula in model.formulas for name in formula.compiled.names} | set(model.inputs.values())
    return found


def _between(graph: ProcessGraph, start: str, ends: set[str]) -> set[str]:
    """Every node on a way from `start` to one of `ends`, with what is inside sub-processes on the way; ends and start included."""
    nodes = graph.nodes

    def following(node_id: str) -> Iterable[str]:
        node = nodes[node_id]
        yield from (flow.target for flow in node.outgoing)
        yield from (other.id for other in nodes.values() if other.attached_to == node_id or other.scope == node_id)
        if node.scope in nodes and not node.outgoing:
            yield node.scope

    def preceding(node_id: str) -> Iterable[str]:
        yield from (other for other in nodes if node_id in set(following(other)))

    return _reached(start, following) & (set().union(*(_reached(end, preceding) for end in ends)) if ends else set())


def _reached(start: str, ways: Callable[[str], Iterable[str]]) -> set[str]:
    found, stack = {start}, [start]
    while stack:
        for node_id in ways(stack.pop()):
            if node_id not in found:
                found.add(node_id)
                stack.append(node_id)
    return found


def skipped_steps(facts: Sequence[Any], record: Any) -> list[str]:
    """The activities that 直达 does not do again: those the return had undone, but the one it went back to."""
    returned = next((fact for fact in facts if fact.sequence == record.before["sequence"] + 1), None)
    names = ((returned.detail or {}).get("changes") or {}) if returned is not None else {}
    return [name.removesuffix("_outcome") for name in names if name.endswith("_outcome") and name != f"{record.to_node}_outcome"]
