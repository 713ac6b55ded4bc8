"""加签 and 减签: signers before, beside and after somebody, who advise or, where the model says so, decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from sqlalchemy import Connection, Row, select

from tasks.actors import Actor
from tasks.children.choosing import Choosing
from tasks.children.entering import Entered, Taking, enter, look
from tasks.children.tree import ChildSeats, NewChild
from tasks.children.words import KIND_WORDS
from tasks.deciding import Deciding
from tasks.lifecycle import ADDER, LIVE, PROCESS_OWNER
from tasks.models import Seat
from tasks.operations import Answer, Argument, Arguments, Choice, Line, Operation, Preview
from tasks.standing import SIGNERS, require
from workflows.engine import ProcessEngine
from workflows.errors import Conflict, Forbidden, InvalidForm, Rejection, Words

SEAT = Seat.__table__
REMOVED: Words = {"zh": "加签已取消，无需您再办理", "en": "You were removed as a signer; nothing is left to do"}
RULES: Mapping[str, tuple[str, str]] = {
    "before": (
        "请人在您之前签署意见；您的事项等他们全部签完后再由您办理。", "Asks others to sign before you; your item waits until all of them have."
    ),
    "parallel": ("请人与您一并签署；模型规定加签人有表决权时，他们的票计入总数。", "Asks others to sign beside you; where the model lets signers decide, their votes count."),
    "after": ("请人在您之后签署；您办理后，事项等他们签完再往下走。", "Asks others to sign after you; once you have decided, the case waits for them."),
}


@dataclass(frozen=True, slots=True)
class Removal:
    """What removing a signer would do."""

    target: Row[Any]
    name: str
    decides: bool


class Signers:
    """The operations add_before, add_parallel, add_after and remove_signer."""

    def __init__(self, engine: ProcessEngine, children: ChildSeats, choosing: Choosing, deciding: Deciding, take: Taking) -> None:
        self._engine = engine
        self._children = children
        self._choosing = choosing
        self._deciding = deciding
        self._take = take

    def operations(self) -> list[Operation]:
        """As data for the register."""
        arguments = (Argument("people", "people", "加签人", "Signers", True), Argument("text", "text", "要求", "What you ask for"))
        adding = [
            Operation(
                f"add_{kind}", "seat", KIND_WORDS[kind]["zh"], f"Add a {KIND_WORDS[kind]['en'].lower()}", *RULES[kind], partial(self.add, kind),
                arguments, self.choices, partial(self.preview, kind), icon="before", search=self.choices,
            )
            for kind in SIGNERS
        ]
        return [*adding, Operation(
            "remove_signer", "seat", "减签", "Remove a signer",
            "取消尚未签署的加签人；只有加签的人或流程负责人可以取消，最后一名表决人不能取消，因此而有结果时须写明理由。",
            "Removes a signer who has not acted yet: only by who added him or the process owner, never the last voter; a removal that decides needs a reason.",
            self.remove, (Argument("signer", "choice", "加签人", "Signer"), Argument("reason", "text", "理由", "Reason")),
            self.removable, self.preview_removal, tone="danger", icon="without",
        )]

    # adding

    def add(self, kind: str, connection: Connection, actor: Actor, seat_id: int, given: Arguments) -> Answer:
        """Add `people` as signers; each must be free to sign here. Raises what the guards say; nothing has changed then."""
        here = enter(self._engine, connection, actor, seat_id, f"add_{kind}", given)
        people = list(dict.fromkeys(int(person) for person in given["people"]))
        names = [self._choosing.guard_colleague(connection, actor, here.case, here.row, person) for person in people]
        self._take(connection, here.case, actor, here.row)
        decides = here.node.properties.get("signers_decide") == "true"
        seats = [self._children.add(connection, here.case, actor, here.row, self._child(kind, person, given.get("text"), decides)) for person in people]
        here.record("signers_added", signing=kind, children=seats, people=people, name="、".join(names), text=given.get("text"), decides=decides)
        self._engine.save(connection, [here.case])
        words = KIND_WORDS[kind]
        waits = kind == "before" or (kind == "parallel" and not decides)
        return Answer(f"已{words['zh']}：{'、'.join(names)}。", f"{words['en']}: {', '.join(names)}.", stay=not waits)

    @staticmethod
    def _child(kind: str, person: int, text: str | None, decides: bool) -> NewChild:
        """A deciding parallel signer has a vote of his own and blocks nobody."""
        return NewChild(kind, person, text, counts=decides, blocking=not (kind == "parallel" and decides), waits=kind == "after")

    def choices(self, connection: Connection, actor: Actor, seat_id: int, text: str = "") -> Mapping[str, Sequence[Choice]]:
        """Who may sign; with `text`, those it names."""
        here = look(self._engine, connection, actor, seat_id)
        return {"people": self._choosing.colleagues(connection, actor, here.case, here.row, text)}

    def preview(self, kind: str, connection: Connection, actor: Actor, seat_id: int, given: Arguments) -> Preview:
        """Who would get a seat, and what becomes of mine."""
        here = look(self._engine, connection, actor, seat_id)
        refused = here.refused(f"add_{kind}")
        decides = here.node.properties.get("signers_decide") == "true"
        mine = {
            "before": ("您的事项等待他们签署", "Your item waits until they have signed"), "after": ("您办理后等待他们签署", "Once you decide, the case waits for them"),
            "parallel": ("他们的票计入总数", "Their votes count") if decides else ("您的事项等待他们签署", "Your item waits until they have signed"),
        }[kind]
        lines = [Line(*mine)]
        if decides and kind != "parallel":
            lines.append(Line("加签人不同意时，您的票计为不同意", "If a signer refuses, your vote counts as refused", "warning"))
        return Preview(tuple(lines), refused, here.row.revision)

    # removing

    def remove(self, connection: Connection, actor: Actor, seat_id: int, given: Arguments) -> Answer:
        """Remove the signer `signer` (a child's number), or the seat itself; `reason` is needed when that decides the activity.

        Raises Forbidden for who neither added him nor answers for the process, Conflict for who acted already and for the last voter.
        """
        here = enter(self._engine, connection, actor, self._target(seat_id, given), None, given)
        removal = self._removal(connection, actor, here)
        if removal.decides and not given.get("reason"):
            raise InvalidForm({"reason": {"zh": "取消后即有结果，请写明理由", "en": "This decides the step; give a reason"}})
        case, row = here.case, here.row
        self._children.close(connection, case, [removal.target, *self._children.below(connection, case, row.seat_token, row.seat_id)], "removed", REMOVED)
        here.record("signer_removed", person=row.seat_owner_id, name=removal.name, reason=given.get("reason"), decides=removal.decides)
        if row.seat_parent_seat_id is not None:
            self._children.settle(connection, case, row.seat_parent_seat_id)
        if not self._deciding.after_change(connection, case, row.seat_token):
            self._engine.save(connection, [case])
        return Answer(f"已减签：{removal.name}。", f"Removed: {removal.name}.", stay=not removal.decides)

    def removable(self, connection: Connection, actor: Actor, seat_id: int) -> Mapping[str, Sequence[Choice]]:
        """The signers below a seat whom this person may remove now; those who may not with the reason."""
        here = look(self._engine, connection, actor, seat_id)
        below = self._children.below(connection, here.case, here.row.seat_token, seat_id)
        found = [seat for seat in below if seat.kind in SIGNERS] or ([here.row] if here.row.seat_parent_seat_id is not None else [])
        return {"signer": [self._choice(connection, actor, seat) for seat in found]}

    def _choice(self, connection: Connection, actor: Actor, seat: Row[Any]) -> Choice:
        child = look(self._engine, connection, actor, getattr(seat, "seat_id", None) or seat.id)
        words = KIND_WORDS[child.row.seat_kind]
        refused: Words | None = None
        try:
            self._guard(child)
        except Rejection as rejection:
            refused = rejection.both
        name = child.row.owner_name or ""
        return Choice(str(child.row.seat_id), f"{name}（{words['zh']}）", f"{name} ({words['en']})", refused)

    def preview_removal(self, connection: Connection, actor: Actor, seat_id: int, given: Arguments) -> Preview:
        """Who would lose his seat, and whether that decides the activity."""
        here = look(self._engine, connection, actor, self._target(seat_id, given))
        try:
            removal = self._removal(connection, actor, here)
        except Rejection as rejection:
            return Preview(refused=rejection.both, revision=here.row.revision)
        lines = [Line(f"{removal.name}不再签署", f"{removal.name} no longer signs", "loss")]
        if removal.decides:
            lines.append(Line("取消后该环节即有结果，须写明理由", "Removing him decides the step; a reason is required", "warning"))
        return Preview(tuple(lines), revision=here.row.revision)

    def _removal(self, connection: Connection, actor: Actor, here: Entered) -> Removal:
        self._guard(here)
        target = connection.execute(select(SEAT).where(SEAT.c.id == here.row.seat_id)).one()
        name = here.row.owner_name or target.participant or ""
        poll = self._deciding.poll(connection, here.case, target.token)
        without = replace(poll, seats=[seat for seat in poll.seats if seat.id != target.id])
        if target.id in {seat.id for seat in poll.voters} and not without.voters:
            raise Conflict("不能取消最后一名表决人。", "The last voter cannot be removed.")
        return Removal(target, name, without.verdict().decided and not without.held)

    @staticmethod
    def _guard(here: Entered) -> None:
        """Live and unacted, and added by this person, or he answers for the process."""
        row = here.row
        if row.seat_kind in ("delegate", "asked"):
            raise Conflict("委派或提问不是加签，请收回委派。", "A delegation or a question is no signature; take it back instead.")
        if row.seat_status in LIVE and not {ADDER, PROCESS_OWNER} & here.standing.relations:
            raise Forbidden("只有加签的人或流程负责人可以减签。", "Only who added the signer, or the process owner, may remove him.")
        require(here.standing, "remove_signer")

    @staticmethod
    def _target(seat_id: int, given: Arguments) -> int:
        text = str(given.get("signer") or "")
        return int(text) if text.isascii() and text.isdigit() else seat_id

