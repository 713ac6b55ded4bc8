"""终止, 作废, 挂起, 恢复: what a supervisor does to a whole case. Tokens end or stand still; nothing goes back."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, select, update

from tasks.actors import Actor
from tasks.lifecycle import LIVE
from tasks.models import Person
from tasks.operations import Answer, Argument, Arguments, Line, Operation, Preview
from tasks.returning.returns import bound, reasoned
from tasks.returning.standstill import Standstill
from tasks.returning.steerers import require_steering, require_whole
from tasks.seats import SEAT
from tasks.service import author_of
from tasks.telling import tell
from workflows.case import Case
from workflows.engine import INSTANCE, ProcessEngine
from workflows.errors import Conflict, NotFound, Rejection
from workflows.models import Incident, OutboxMessage

REASON = Argument("reason", "text", "理由", "reason", required=True)
STATUS_WORDS = {
    "active": ("办理中", "active"), "suspended": ("已挂起", "suspended"), "completed": ("已办结", "completed"),
    "terminated": ("已终止", "terminated"), "void": ("已作废", "void"),
}
Act = Callable[[Connection, Case, str], None]


class Endings:
    """Ends, voids, suspends and resumes cases, with everything they called."""

    def __init__(self, engine: ProcessEngine, standstill: Standstill) -> None:
        self._engine = engine
        self._standstill = standstill

    def operations(self) -> Sequence[Operation]:
        """The four operations as pages offer them."""
        return (
            self._operation("terminate", "终止", "Terminate", "立即结束事项，记录保留；所有待办、定时器和被调用的流程一并取消。",
                            "Ends the case now; its record is kept, and open items, timers and called processes are cancelled.", {"active", "suspended"},
                            self.terminate, "danger"),
            self._operation("void", "作废", "Void", "事项作废：编号不再使用，同一业务可以重新办理。",
                            "The case never counts: its number is not given out again, and the same matter may be started anew.",
                            {"active", "suspended", "completed", "terminated"}, self.void, "danger"),
            self._operation("suspend", "挂起", "Suspend", "暂停办理：待办只可查看，已投的票保留，定时器、消息和作业等候。",
                            "Stops the work: items can only be read, votes stay, timers, messages and jobs wait.", {"active"}, self.suspend, "plain"),
            self._operation("resume", "恢复", "Resume", "继续办理：按工作时间计的期限顺延，日历期限不变，已过的提醒补发一次。",
                            "The work goes on: durations move by the suspended working time, calendar dates stand, reminders that passed come once.",
                            {"suspended"}, self.resume, "plain", reason=False),
        )

    def _operation(
        self, verb: str, zh: str, en: str, rule_zh: str, rule_en: str, when: set[str], act: Act, tone: str, *, reason: bool = True
    ) -> Operation:
        def perform(connection: Connection, actor: Actor, case_id: int, arguments: Arguments) -> Answer:
            case = self._engine.load(connection, case_id, author_of(actor))
            self._guard(connection, actor, case, when, verb)
            bound(case, arguments)
            act(connection, case, reasoned(arguments) if reason else "")
            return Answer(f"已{zh}。", f"Done: {en.lower()}.", stay=True)

        def preview(connection: Connection, actor: Actor, case_id: int, arguments: Arguments) -> Preview:
            row = connection.execute(select(INSTANCE).where(INSTANCE.c.id == case_id)).first()
            if row is None:
                raise NotFound("没有这个事项。", "There is no such case.")
            case = self._engine.attach(connection, row, author_of(actor))
            try:
                self._guard(connection, actor, case, when, verb)
            except Rejection as refused:
                return Preview(refused=refused.both, revision=case.revision)
            return Preview(self._lines(connection, case, verb), revision=case.revision)

        return Operation(verb, "case", zh, en, rule_zh, rule_en, perform, (REASON,) if reason else (), None, preview, tone, verb)

    def _guard(self, connection: Connection, actor: Actor, case: Case, when: set[str], verb: str) -> None:
        require_steering(connection, actor, case)
        if case.status not in when:
            zh, en = STATUS_WORDS[case.status]
            raise Conflict(f"该事项{zh}，不能这样处理。", f"The case is {en}; {verb} is not possible.")
        require_whole(case)

    def _lines(self, connection: Connection, case: Case, verb: str) -> list[Line]:
        """Whose open work is concerned."""
        query = select(SEAT.c.node_id, Person.name).outerjoin(Person, Person.id == SEAT.c.owner_id).where(
            SEAT.c.instance_id.in_([one.id for one in self.family(connection, case)]), SEAT.c.status.in_(LIVE)
        )
        verbs = {"suspend": ("暂停", "stands still"), "resume": ("恢复办理", "goes on")}
        zh, en = verbs.get(verb, ("取消", "is cancelled"))
        tone = "plain" if verb in verbs else "loss"
        lines = []
        for row in connection.execute(query.order_by(SEAT.c.id)).all():
            both = case.version.both(row.node_id)
            who = f"（{row.name}）" if row.name else ""
            lines.append(Line(f"“{both['zh']}”{who}{zh}", f"{both['en']} {en}", tone))
        return lines

    def family(self, connection: Connection, case: Case) -> list[Case]:
        """The case and every live row it called, callers first."""
        found, level = [case], [case.id]
        while level:
            query = select(INSTANCE).where(INSTANCE.c.parent_id.in_(level), INSTANCE.c.status.in_(("active", "suspended")))
            rows = connection.execute(query.order_by(INSTANCE.c.id)).all()
            found += [self._engine.attach(connection, row, case.author) for row in rows]
            level = [row.id for row in rows]
        return found

    # ending

    def terminate(self, connection: Connection, case: Case, reason: str) -> None:
        """End a case; its record is kept."""
        self._tell(connection, case, "terminated", f"事项已终止。理由：{reason}", f"the case was terminated. Reason: {reason}")
        self._engine.terminate(connection, case, {"reason": reason})
        self._close_incidents(connection, case)

    def void(self, connection: Connection, case: Case, reason: str) -> None:
        """Void a case: its number stays with it for ever, its business key is free again."""
        self._tell(connection, case, "voided", f"事项已作废。理由：{reason}", f"the case is void. Reason: {reason}")
        held = (OutboxMessage.instance_id == case.id, OutboxMessage.status == "held")
        connection.execute(update(OutboxMessage).where(*held).values(status="withdrawn"))
        self._engine.void(connection, case, {"reason": reason})
        self._close_incidents(connection, case)

    @staticmethod
    def _close_incidents(connection: Connection, case: Case) -> None:
        stuck = update(Incident).where(Incident.instance_id == case.id, Incident.resolved_at.is_(None))
        connection.execute(stuck.values(resolved_at=case.now))

    def _tell(self, connection: Connection, case: Case, kind: str, zh: str, en: str) -> None:
        """Whoever holds an open item of the case, and the person it is about."""
        ids = [one.id for one in self.family(connection, case)]
        query = select(SEAT.c.owner_id).where(SEAT.c.instance_id.in_(ids), SEAT.c.status.in_(LIVE), SEAT.c.owner_id.is_not(None))
        people = {*connection.execute(query).scalars(), *([case.subject_person] if case.subject_person is not None else [])}
        tell(connection, case, kind, {"zh": zh, "en": en}, [(person, None) for person in sorted(people)])

    # standing still

    def suspend(self, connection: Connection, case: Case, reason: str) -> None:
        """Stop all work on a case and on what it called."""
        family = [case, *(self._engine.load(connection, one.id, case.author) for one in self.family(connection, case)[1:])]
        for one in family:
            if one.status == "active":
                one.status = "suspended"
                one.record("suspended", detail={"reason": reason})
                self._engine.save(connection, [one])
                connection.execute(update(INSTANCE).where(INSTANCE.c.id == one.id).values(suspended_at=case.now))
        self._tell(connection, case, "suspended", f"事项已挂起。理由：{reason}", f"the case is suspended. Reason: {reason}")

    def resume(self, connection: Connection, case: Case, _: str = "") -> None:
        """Let the work go on: move what counts working time, apply what changed meanwhile, hand over what has waited."""
        for one in [case, *(self._engine.load(connection, one.id, case.author) for one in self.family(connection, case)[1:])]:
            if one.status == "suspended":
                self._standstill.over(connection, one)
        self._tell(connection, case, "resumed", "事项恢复办理", "the case goes on")
