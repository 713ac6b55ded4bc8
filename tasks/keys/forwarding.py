"""转办: another candidate takes the place of whoever has the seat, and the flow goes on. A vote keeps its place in the count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from tasks.actors import Actor
from tasks.children.entering import Entered, enter, look
from tasks.ground import Ground
from tasks.keys.replacing import Replacing
from tasks.models import Draft
from tasks.operations import Answer, Argument, Arguments, Choice, Line, Operation, Preview
from tasks.telling import tell
from workflows.errors import Forbidden, Rejection


class Forwarding:
    """The operation forward."""

    def __init__(self, ground: Ground, replacing: Replacing) -> None:
        self._engine = ground.engine
        self._replacing = replacing

    def operation(self) -> Operation:
        """As data for the register."""
        return Operation(
            "forward", "seat", "转办", "Forward",
            "由另一位可办理人员接替您办理，您不再负责；不能转给本人、申请人或在该环节已有席位的人。您的草稿留在办理经过中。",
            "Another candidate of this step takes your place and you are no longer responsible; not yourself, not the applicant, not somebody who already "
            "holds a seat in this step. Your draft is kept in the history.",
            self.forward,
            (Argument("person", "person", "转给", "Forward to", True), Argument("reason", "text", "理由", "Reason", True)),
            self.choices, self.preview, icon="send",
        )

    def forward(self, connection: Connection, actor: Actor, seat_id: int, given: Arguments) -> Answer:
        """Put `person` in the place of whoever has the seat, for a `reason`. Raises what the guards say; nothing has changed then."""
        here = enter(self._engine, connection, actor, seat_id, "forward", given)
        person, reason = int(given["person"]), str(given["reason"])
        name, line = self._guard(connection, actor, here, person)
        leaves = self._leaves(actor, here)
        drafts = self._replacing.take_drafts(connection, seat_id, sorted({leaves, actor.person_id}))
        self._replacing.replace(connection, here.case, here.row, person, line)
        here.record("forwarded", **{"from": leaves, "to": person, "name": name, "reason": reason}, **drafts)
        words = {"zh": f"{actor.name}转给您办理，理由：{reason}", "en": f"forwarded to you by {actor.name}: {reason}"}
        tell(connection, here.case, "forwarded", words, [(person, seat_id)])
        if leaves != actor.person_id:
            words = {"zh": f"{actor.name}代您转给{name}办理", "en": f"forwarded for you to {name} by {actor.name}"}
            tell(connection, here.case, "forwarded", words, [(leaves, seat_id)])
        self._engine.save(connection, [here.case])
        return Answer(f"已转给{name}办理。", f"Forwarded to {name}.", stay=False)

    def choices(self, connection: Connection, actor: Actor, seat_id: int) -> Mapping[str, Sequence[Choice]]:
        """Every candidate of the step with what he has open; who may not take it with the reason."""
        here = look(self._engine, connection, actor, seat_id)
        return {"person": self._replacing.candidates(connection, here.case, here.row, self._leaves(actor, here))}

    def preview(self, connection: Connection, actor: Actor, seat_id: int, given: Arguments) -> Preview:
        """Whose work it becomes, how much he has open, and what becomes of a draft."""
        here = look(self._engine, connection, actor, seat_id)
        refused, text = here.refused("forward"), str(given.get("person") or "").strip()
        if refused is not None or not (text.isascii() and text.isdigit()):
            return Preview(refused=refused, revision=here.row.revision)
        try:
            name, _line = self._guard(connection, actor, here, int(text))
        except Rejection as rejection:
            return Preview(refused=rejection.both, revision=here.row.revision)
        load = self._replacing.loads(connection, [int(text)]).get(int(text), 0)
        lines = [Line(f"{name}接替办理（目前在办 {load} 件）", f"{name} takes it over ({load} items open now)", "gain"), Line(
            "您不再负责该事项，期限不变", "You are no longer responsible; the deadline stays", "loss"
        )]
        if connection.execute(select(Draft.seat_id).where(Draft.seat_id == seat_id, Draft.person_id == actor.person_id)).first():
            lines.append(Line("您的草稿留在办理经过中，不随事项转出", "Your draft goes to the history, not to the other", "warning"))
        return Preview(tuple(lines), revision=here.row.revision)

    def _guard(self, connection: Connection, actor: Actor, here: Entered, person: int) -> tuple[str, str]:
        if person == here.case.subject_person:
            raise Forbidden("不能转给申请人。", "It cannot be forwarded to the applicant.")
        if person == actor.person_id:
            return self._replacing.guard(connection, here.case, here.row, person, person)
        return self._replacing.guard(connection, here.case, here.row, self._leaves(actor, here), person)

    @staticmethod
    def _leaves(actor: Actor, here: Entered) -> int:
        """Whose place is taken: the principal's when his agent forwards, else the actor's own."""
        found: Any = here.standing.on_behalf_of
        return int(found) if found is not None else actor.person_id
