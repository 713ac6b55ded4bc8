"""撤回: whoever decided last takes his decision back, as long as nobody has touched what it created. One modification."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, exists, or_, select, update

from tasks.actors import Actor
from tasks.four_eyes import forgotten
from tasks.going_back import GoingBack
from tasks.models import Draft, Seat, UndoRecord
from tasks.operations import Answer, Arguments, Line, Operation, Preview
from tasks.people import People
from tasks.returning.consequences import take_messages_back
from tasks.returning.preview import Words
from tasks.returning.returns import opened_as
from tasks.returning.targets import Past, Target
from tasks.seats import SEAT, Seats
from tasks.service import author_of
from tasks.standing import locked_seat, require, see, standing
from workflows.case import Case
from workflows.causal_past import CausalPast, Completion, Fact
from workflows.engine import INSTANCE, ProcessEngine
from workflows.errors import Conflict, Rejection
from workflows.models import Wait
from workflows.modifying import Plan, perform, rehearse
from workflows.store import Store

ASK = "如需更正，请联系现办理人退回。"
ASK_EN = "Ask whoever has it now to return it."


class Withdrawals:
    """The handler's withdrawal, within the undo time exactly as it was, later as a modification."""

    def __init__(self, engine: ProcessEngine, people: People, seats: Seats, going_back: GoingBack) -> None:
        self._engine = engine
        self._people = people
        self._seats = seats
        self._going_back = going_back

    def operation(self) -> Operation:
        """The operation as pages offer it."""
        return Operation(
            "withdraw", "seat", "撤回", "Withdraw",
            "收回自己刚作的办理：只要之后的环节还没有人领取、填写或办理，也没有发出任何结果。",
            "Takes your decision back, as long as nobody has claimed, written or done anything after it and nothing was sent.",
            self.perform, (), None, self.preview, "plain", "withdraw",
        )

    def preview(self, connection: Connection, actor: Actor, seat_id: int, arguments: Arguments) -> Preview:
        """Which seats disappear and what comes back, or why it is too late."""
        row = see(connection, actor, seat_id)
        case = self._engine.attach(connection, row, author_of(actor))
        try:
            require(standing(connection, actor, row, case), "withdraw")
            if row.several:
                self._going_back.check(connection, actor, seat_id, case)
                return Preview([Line("您的一票撤回，重新由您办理", "Your vote is taken back and is yours to give again")], revision=case.revision)
            target, plan, patch = self._plan(connection, case, row)
        except Rejection as refused:
            return Preview(refused=refused.both, revision=case.revision)
        rehearsal = rehearse(self._engine, connection, case, plan, patch)
        if rehearsal.refused is not None:
            return Preview(refused=rehearsal.refused.both, revision=case.revision)
        return Preview(Words(self._engine, self._people, connection, case).lines(plan, rehearsal), revision=case.revision)

    def perform(self, connection: Connection, actor: Actor, seat_id: int, arguments: Arguments) -> Answer:
        """Take the decision back. Raises Conflict with the reason when something touched what it created."""
        row = locked_seat(connection, actor, seat_id)
        case = self._engine.attach(connection, row, author_of(actor, row.seat_claimed_as))
        require(standing(connection, actor, row, case), "withdraw")
        answer = Answer("已撤回，请重新办理。", "Taken back; decide again.")
        if self._as_if_it_never_was(connection, actor, row):
            return answer
        target, plan, patch = self._plan(connection, case, row)
        take_messages_back(connection, target.held)
        connection.execute(update(Seat).where(SEAT.c.id == row.seat_id).values(status="cancelled", revision=SEAT.c.revision + 1))
        forgotten(connection, case, connection.execute(select(SEAT).where(SEAT.c.id == row.seat_id)).one())
        detail = {"seat_withdrawn": row.seat_id, "outcome": row.seat_outcome, "to": row.seat_node_id}
        happenings = perform(self._engine, connection, case, plan, kind="decision_withdrawn", detail=detail, patch=patch)
        token = opened_as(happenings, row.seat_node_id)
        self._as_it_was(connection, case, row, token)
        self._timers_as_they_were(connection, case, row.seat_id, token)
        return answer

    def _as_if_it_never_was(self, connection: Connection, actor: Actor, row: Row[Any]) -> bool:
        """Nothing else has happened in the case: everything stands as before the decision. A vote is taken back in this way only."""
        try:
            with Store.savepoint(connection):
                self._going_back.undo(connection, actor, row.seat_id, later=True)
        except Rejection:
            if row.several:
                raise
            return False
        return True

    # may it be taken back, and how

    def _plan(self, connection: Connection, case: Case, row: Row[Any]) -> tuple[Target, Plan, dict[str, Any]]:
        if "#" in row.seat_token:
            raise _decided_together()
        if case.parent_id is not None and case.status != "active":
            raise Conflict("该流程已结束并交回上级流程，不能撤回。", "This process is over and has handed its result on.")
        past = Past(self._engine, connection, case, row.seat_token)
        causal = past.levels[0][1]
        done = causal.completions.get(str(row.seat_token).partition("#")[0])
        if done is None or done.detail.get("seat") != row.seat_id:
            raise Conflict("该办理已被退回或撤销。", "This decision no longer counts.")
        if "tally" in done.detail:  # others had a vote; his refusal may have made theirs needless
            raise _decided_together()
        target = past.planned(Target(case, done), causal)
        if target.refused is not None:
            raise target.refused
        if target.plan is None:
            raise Conflict("不能撤回。", "It cannot be taken back.")
        descending = causal.descendants(done.token, done.newest)
        facts = causal.facts_after(done.token, done.sequence, descending)
        self._guard_untouched(connection, case, target.plan, facts)
        return target, target.plan, reverted(case, causal, done, facts)

    def _guard_untouched(self, connection: Connection, case: Case, plan: Plan, facts: Iterable[Fact]) -> None:
        """No act of a person, no completed step, no join, on what the decision created; opening a page does not count."""
        for fact in facts:
            if fact.kind == "fired" and fact.token is not None:
                raise Conflict(f"结果已与其他分支汇合，不能撤回。{ASK}", f"A join has used the result. {ASK_EN}")
            if fact.kind == "activity_completed" or (fact.person is not None and fact.kind in ACTS):
                raise Conflict(f"后续环节已有办理，不能撤回。{ASK}", f"Later steps have been worked on. {ASK_EN}")
        tokens = [one for one in (token for token, *_ in case.version.machine.tokens(case.state)) if self._within(case, one, set(plan.cancel))]
        self._guard_seats(connection, (SEAT.c.instance_id == case.id, SEAT.c.token.in_(tokens)))
        called = select(INSTANCE.c.id).where(INSTANCE.c.parent_id == case.id, INSTANCE.c.parent_token.in_(tokens))
        level = list(connection.execute(called).scalars())
        while level:
            self._guard_seats(connection, (SEAT.c.instance_id.in_(level),))
            level = list(connection.execute(select(INSTANCE.c.id).where(INSTANCE.c.parent_id.in_(level))).scalars())

    @staticmethod
    def _within(case: Case, token: str, cancelled: set[str]) -> bool:
        current = token.partition("#")[0]
        while current in case.state["t"]:
            if current in cancelled:
                return True
            current = str(case.state["t"][current][1])
        return False

    @staticmethod
    def _guard_seats(connection: Connection, where: tuple[Any, ...]) -> None:
        drafted = exists().where(Draft.seat_id == SEAT.c.id)
        touched = or_(SEAT.c.claimed_at.is_not(None), SEAT.c.status == "completed", SEAT.c.parent_seat_id.is_not(None), drafted)
        if connection.execute(select(SEAT.c.id).where(*where, touched).limit(1)).first() is not None:
            raise Conflict(f"后续环节已被领取或填写，不能撤回。{ASK}", f"The next step was claimed or written on. {ASK_EN}")

    # putting it back

    def _as_it_was(self, connection: Connection, case: Case, row: Row[Any], token: str | None) -> None:
        """The new seat has the owner and dates the old one had before it was decided; from a pool, whoever decided it has it now."""
        seat = connection.execute(
            select(SEAT).where(SEAT.c.instance_id == case.id, SEAT.c.token == token, SEAT.c.status == "open").order_by(SEAT.c.id).limit(1)
        ).first()
        if seat is None:
            return
        before: Mapping[str, Any] = connection.execute(select(UndoRecord.before).where(UndoRecord.seat_id == row.seat_id)).scalar() or {}
        held = before.get("owner") not in (None, row.seat_completed_by)  # an agent has decided what his principal held
        owner, line = (before["owner"], before["claimed_as"]) if held else (row.seat_completed_by, row.seat_claimed_as)
        connection.execute(update(Seat).where(SEAT.c.id == seat.id).values(
            owner_id=owner, claimed_at=row.seat_claimed_at or case.now, claimed_as=line, due_at=row.seat_due_at,
            yellow_at=row.seat_yellow_at, priority=row.seat_priority, schedule_id=row.seat_schedule_id,
            participant=seat.participant or row.seat_participant,  # a timeout may have passed it on to another line
        ))
        self._seats.offer_to(connection, seat.id, [f"person:{owner}"], row.seat_due_at, seat.created_at, row.seat_priority)

    @staticmethod
    def _timers_as_they_were(connection: Connection, case: Case, seat_id: int, token: str | None) -> None:
        """The timers of the activity run from when it was entered first."""
        before: Mapping[str, Any] = connection.execute(select(UndoRecord.before).where(UndoRecord.seat_id == seat_id)).scalar() or {}
        waits = {node: wait for wait, (node, owner) in case.version.machine.waits(case.state).items() if owner == token}
        for dropped in before.get("dropped_waits", ()):
            if dropped["due_at"] is not None and dropped["node_id"] in waits:
                mine = (Wait.instance_id == case.id, Wait.wait_id == waits[dropped["node_id"]])
                connection.execute(update(Wait).where(*mine).values(due_at=datetime.fromisoformat(dropped["due_at"]), repeat=dropped["repeat"]))


# Facts that are an act of a person on a step; a step that was only opened or looked at has none of them.
ACTS = frozenset({
    "claimed", "released", "forwarded", "delegated", "taken_back", "asked", "advice_given", "commented", "signers_added", "signer_removed", "reassigned",
    "voted", "returned", "jumped", "circulated", "activity_completed",
})


def _decided_together() -> Conflict:
    return Conflict(f"该环节由多人共同决定，不能单独撤回。{ASK}", f"Several people decide here; a vote is not taken back alone. {ASK_EN}")


def reverted(case: Case, past: CausalPast, done: Completion, facts: Iterable[Fact]) -> dict[str, Any]:
    """What the decision and automatic work after it wrote, as it was before. Raises Conflict when something was overwritten since."""
    first: dict[str, Any] = {}
    last: dict[str, Any] = {}
    mine = next((fact for fact in past.facts if fact.sequence == done.sequence), None)
    for fact in (*([mine] if mine is not None else []), *facts):
        for name, (before, after) in ((fact.detail or {}).get("changes") or {}).items():
            first.setdefault(name, before)
            last[name] = after
    overwritten = [name for name, value in last.items() if case.variables.get(name) != value]
    if overwritten:
        zh = "、".join(case.version.label(name, "zh") for name in overwritten)
        raise Conflict(f"“{zh}”已被他人修改，不能撤回。{ASK}", f"{', '.join(overwritten)} was changed since. {ASK_EN}")
    return first
