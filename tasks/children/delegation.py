"""委派: somebody else gives an opinion, the seat comes back to its owner. Chains come back to the first owner; he may take it back at any time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from tasks.actors import Actor
from tasks.children.choosing import Choosing
from tasks.children.entering import Entered, Taking, enter, look
from tasks.children.tree import ChildSeats, NewChild
from tasks.operations import Answer, Argument, Arguments, Choice, Line, Operation, Preview
from workflows.engine import ProcessEngine
from workflows.errors import Rejection, Words

TAKEN_BACK: Words = {"zh": "委派已被收回，无需您再提供意见", "en": "The delegation was taken back; your opinion is no longer needed"}


class Delegation:
    """The operations delegate and take_back."""

    def __init__(self, engine: ProcessEngine, children: ChildSeats, choosing: Choosing, take: Taking) -> None:
        self._engine = engine
        self._children = children
        self._choosing = choosing
        self._take = take

    def operations(self) -> list[Operation]:
        """As data for the register."""
        return [
            Operation(
                "delegate", "seat", "委派", "Delegate",
                "请一个人提供意见；事项仍是您的，等意见回来后由您办理。对方只能建议同意、建议不同意或交回，您可随时收回。",
                "Asks one person for an opinion; the item stays yours and comes back to you. He suggests to agree or to disagree, or hands it back; you may "
                "take it back at any time.",
                self.delegate, (Argument("person", "person", "委派给", "Delegate to", True), Argument("text", "text", "要求", "What you ask for")),
                self.choices, self.preview, icon="delegate", search=self.choices,
            ),
            Operation(
                "take_back", "seat", "收回委派", "Take back",
                "收回委派出去的事项，由您直接办理；对方会收到通知，他的草稿留在办理经过中。",
                "Takes a delegated item back to decide it yourself; the other is told, his draft is kept in the history.",
                self.take_back, preview=self.preview_take_back, icon="return",
            ),
        ]

    def delegate(self, connection: Connection, actor: Actor, seat_id: int, given: Arguments) -> Answer:
        """Ask `person` for an opinion, with `text`; the seat waits. Raises what the guards say; nothing has changed then."""
        here = enter(self._engine, connection, actor, seat_id, "delegate", given)
        person = int(given["person"])
        name = self._choosing.guard_colleague(connection, actor, here.case, here.row, person)
        self._take(connection, here.case, actor, here.row)
        child = self._children.add(connection, here.case, actor, here.row, NewChild("delegate", person, given.get("text")))
        here.record("delegated", child=child, to=person, name=name, text=given.get("text"))
        self._engine.save(connection, [here.case])
        return Answer(f"已委派给{name}，意见回来后由您办理。", f"Delegated to {name}; it comes back to you with his opinion.", stay=False)

    def take_back(self, connection: Connection, actor: Actor, seat_id: int, given: Arguments) -> Answer:
        """End the delegation of a seat, however far it was passed on."""
        here = enter(self._engine, connection, actor, seat_id, "take_back", given)
        self._children.close_below(connection, here.case, here.row, "taken_back", TAKEN_BACK, ("delegate",))
        here.record("taken_back")
        self._engine.save(connection, [here.case])
        return Answer("已收回，由您办理。", "Taken back; you decide it.")

    def choices(self, connection: Connection, actor: Actor, seat_id: int, text: str = "") -> Mapping[str, Sequence[Choice]]:
        """Whom it may be delegated to; with `text`, those it names."""
        here = look(self._engine, connection, actor, seat_id)
        return {"person": self._choosing.colleagues(connection, actor, here.case, here.row, text)}

    def preview(self, connection: Connection, actor: Actor, seat_id: int, given: Arguments) -> Preview:
        """What delegating would do."""
        here = look(self._engine, connection, actor, seat_id)
        refused = here.refused("delegate")
        person = _number(given.get("person"))
        if refused is not None or person is None:
            return Preview(refused=refused, revision=here.row.revision)
        try:
            name = self._choosing.guard_colleague(connection, actor, here.case, here.row, person)
        except Rejection as rejection:
            return Preview(refused=rejection.both, revision=here.row.revision)
        return Preview((
            Line(f"{name}收到征求意见的事项", f"{name} is asked for an opinion", "gain"),
            Line("您的事项等待意见，期限照常计算", "Your item waits; its deadline goes on"),
        ), revision=here.row.revision)

    def preview_take_back(self, connection: Connection, actor: Actor, seat_id: int, given: Arguments) -> Preview:
        """Whose opinion would no longer be waited for."""
        here = look(self._engine, connection, actor, seat_id)
        return Preview(tuple(self._losers(connection, here)), here.refused("take_back"), here.row.revision)

    def _losers(self, connection: Connection, here: Entered) -> list[Line]:
        below = [seat for seat in self._children.below(connection, here.case, here.row.seat_token, here.row.seat_id) if seat.kind == "delegate"]
        return [
            Line(f"{name}的征求意见取消", f"The request to {name} is cancelled", "loss")
            for name in self._choosing.names_of(connection, [seat.owner_id for seat in below])
        ]


def _number(value: Any) -> int | None:
    text = str(value or "").strip()
    return int(text) if text.isascii() and text.isdigit() else None
