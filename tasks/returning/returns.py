"""退回: the one whose turn it is sends the case back to somebody in its causal past. Guards, preview, one modification, one record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, insert, update

from tasks.actors import Actor
from tasks.four_eyes import acted
from tasks.lifecycle import ADVICE, RETURNED
from tasks.models import Seat
from tasks.operation_models import ReturnRecord
from tasks.operations import Answer, Argument, Arguments, Choice, Line, Operation, Preview
from tasks.people import People
from tasks.returning.consequences import reset, take_messages_back
from tasks.returning.losers import tell_losers
from tasks.returning.memory import memory
from tasks.returning.preview import Words
from tasks.returning.targets import Past, Target, allowed
from tasks.seats import SEAT
from tasks.service import author_of
from tasks.standing import locked_seat, require, see, standing
from workflows.case import Case
from workflows.engine import ProcessEngine
from workflows.errors import Conflict, Rejection
from workflows.history import Author
from workflows.machine import Happening
from workflows.modifying import Plan, perform, rehearse

STRAIGHT, EVERY_STEP = "straight", "every_step"
MODES = (Choice(EVERY_STEP, "逐级重新办理", "every step again"), Choice(STRAIGHT, "直接回到我这里", "straight back to me"))
SHORTEST_REASON = 2


class Returns:
    """Returns by operation. A return drawn in the model is a decision like any other and needs none of this."""

    def __init__(self, engine: ProcessEngine, people: People) -> None:
        self._engine = engine
        self._people = people

    def operation(self) -> Operation:
        """The operation as pages offer it."""
        return Operation(
            "return", "seat", "退回", "Return",
            "把事项退回给之前的办理环节：此后的办理作废，表单内容保留；其他分支不受影响的到达继续等待汇合。",
            "Sends the case back to an earlier step: what was decided since no longer counts, field values stay, and arrivals of other "
            "branches go on waiting.",
            self.perform,
            (
                Argument("to", "choice", "退回到", "back to", required=True),
                Argument("reason", "text", "退回理由", "reason", required=True),
                Argument("resubmit", "choice", "重新提交方式", "when it is submitted again"),
            ),
            self.choices, self.preview, "danger", "return",
        )

    # looking

    def choices(self, connection: Connection, actor: Actor, seat_id: int) -> Mapping[str, Sequence[Choice]]:
        """Where this seat may send the case back to; what is refused is shown with the reason."""
        row = see(connection, actor, seat_id)
        case = self._engine.attach(connection, row, author_of(actor))
        targets = self._targets(connection, case, row)
        modes = MODES if case.version.graph.nodes[row.seat_node_id].properties.get("resubmit") == "choose" else ()
        return {"to": [_choice(one) for one in targets], "resubmit": list(modes)}

    def preview(self, connection: Connection, actor: Actor, seat_id: int, arguments: Arguments) -> Preview:
        """Whose work is lost, what waits again, which seats appear."""
        row = see(connection, actor, seat_id)
        case = self._engine.attach(connection, row, author_of(actor))
        try:
            require(standing(connection, actor, row, case), "return")
            target, plan = self._chosen(connection, case, row, arguments)
        except Rejection as refused:
            return Preview(refused=refused.both, revision=case.revision)
        rehearsal = rehearse(self._engine, connection, target.case, plan, reset(target.case, plan))
        if rehearsal.refused is not None:
            return Preview(refused=rehearsal.refused.both, revision=case.revision)
        lines = Words(self._engine, self._people, connection, target.case).lines(plan, rehearsal)
        return Preview([*lines, *_messages_held(target)], revision=case.revision)

    # performing

    def perform(self, connection: Connection, actor: Actor, seat_id: int, arguments: Arguments) -> Answer:
        """Return the case. Raises Forbidden, Conflict (not reachable, past a point of no return, changed since the preview)."""
        row = locked_seat(connection, actor, seat_id)
        case = self._engine.attach(connection, row, author_of(actor, row.seat_claimed_as or row.offered_as))
        stands = standing(connection, actor, row, case)
        require(stands, "return")
        case.author = author_of(actor, row.seat_claimed_as or row.offered_as, stands.on_behalf_of)
        node = case.version.graph.nodes[row.seat_node_id]
        if row.seat_kind in ADVICE and node.properties.get("signers_may_return") != "true":
            raise Conflict("加签人不能直接退回，请答复“建议退回”。", "A signer does not return the case; answer that you advise to.")
        bound(case, arguments)
        reason = reasoned(arguments)
        target, plan = self._chosen(connection, case, row, arguments)
        mode = self._mode(node.properties.get("resubmit"), arguments, target)
        self._return(connection, case, row, target, plan, reason, mode)
        return Answer(f"已退回到“{target.name['zh']}”。", f"Returned to {target.name['en']}.", stay=False)

    @staticmethod
    def _mode(setting: str | None, arguments: Arguments, target: Target) -> str:
        wanted = arguments.get("resubmit") if setting == "choose" else setting
        return STRAIGHT if wanted == STRAIGHT and not target.whole else EVERY_STEP

    def _targets(self, connection: Connection, case: Case, row: Any) -> list[Target]:
        setting = case.version.graph.nodes[row.seat_node_id].properties.get("return_to")
        return allowed(Past(self._engine, connection, case, row.seat_token).targets(), setting)

    def _chosen(self, connection: Connection, case: Case, row: Any, arguments: Arguments) -> tuple[Target, Plan]:
        wanted = str(arguments.get("to") or "")
        target = next((one for one in self._targets(connection, case, row) if one.value == wanted), None)
        if target is None:
            raise Conflict("不能退回到该环节，请重新选择。", "The case cannot be returned there; choose again.")
        return target, planned(target)

    def _return(
        self, connection: Connection, seat_case: Case, row: Any, target: Target, plan: Plan, reason: str, mode: str
    ) -> None:
        case = target.case if target.case.id == seat_case.id else self._locked(connection, target.case, seat_case.author)
        case.author = seat_case.author
        detail = {
            "from": row.seat_node_id, "to": target.done.node, "reason": reason, "seat_returned": row.seat_id, "resubmit": mode,
            "handed_by": target.done.person,
        }
        before = memory(self._engine, connection, case, plan, target)
        tell_losers(connection, case, plan, row.seat_id, target.name, reason)
        take_messages_back(connection, target.held)
        acted(connection, seat_case, row.seat_node_id, (case.author.person, case.author.on_behalf_of))
        happenings = perform(self._engine, connection, case, plan, kind="returned", detail=detail, patch=reset(case, plan))
        connection.execute(update(Seat).where(SEAT.c.id == row.seat_id).values(
            completed_by=case.author.person, on_behalf_of=case.author.on_behalf_of, outcome=RETURNED
        ))
        token = opened_as(happenings, target.done.node)
        record = connection.execute(insert(ReturnRecord).values(
            instance_id=case.id, at=case.now, person_id=case.author.person, from_node=row.seat_node_id, from_seat=row.seat_id,
            to_node=target.done.node, to_token=token, mode=mode, definition_id=case.version.id, before=before,
        ).returning(ReturnRecord.id)).scalar_one()
        if mode == STRAIGHT and token is not None:
            straight = {one: kept for one, kept in case.state.get("s", {}).items() if case.is_open(one)}
            case.state["s"] = {**straight, token: record}
            self._engine.save(connection, [case])

    def _locked(self, connection: Connection, around: Case, author: Author) -> Case:
        """A case around the seat's own, locked now; whoever moved it since is not overrun, because its revision is compared on saving."""
        locked = self._engine.load(connection, around.id, author)
        if locked.revision != around.revision:
            raise Conflict("该事项刚刚被他人更改，请刷新。", "This case was changed by somebody else just now; reload.")
        return locked


# shared with jumps and withdrawals


def planned(target: Target) -> Plan:
    """The plan of a target, or its refusal."""
    if target.refused is not None:
        raise target.refused
    if target.plan is None:
        raise Conflict("不能退回到该环节。", "The case cannot be returned there.")
    return target.plan


def opened_as(happenings: Sequence[Happening], node_id: str) -> str | None:
    """The token of the activity that was started."""
    return next((str(one.token) for one in happenings if one.kind == "opened" and one.node == node_id and "#" not in str(one.token)), None)


def bound(case: Case, arguments: Arguments) -> None:
    """Raises Conflict when the case has moved since the dialog was shown."""
    revision = arguments.get("revision")
    if revision is not None and int(revision) != case.revision:
        raise Conflict("该事项在您查看后已有变化，请重新打开对话框。", "The case has changed since you looked; open the dialog again.")


def reasoned(arguments: Arguments) -> str:
    """The reason, which every such act needs."""
    reason = str(arguments.get("reason") or "").strip()
    if len(reason) < SHORTEST_REASON:
        raise Rejection("请写明理由。", "Give a reason.", status=422)
    return reason


def _choice(target: Target) -> Choice:
    zh, en = target.name["zh"], target.name["en"]
    refused = None if target.refused is None else target.refused.both
    if target.whole:
        zh, en = f"{zh}（重新开始）", f"{en} (from its start)"
    return Choice(target.value, zh, en, refused)


def _messages_held(target: Target) -> list[Line]:
    if not target.held:
        return []
    return [Line(f"尚未发出的 {len(target.held)} 条消息撤回", f"{len(target.held)} message(s) that have not gone out are taken back", "loss")]
