"""沟通: a question to a past handler or the applicant, without returning the case and without waiting for the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from tasks.actors import Actor
from tasks.children.choosing import Choosing
from tasks.children.entering import enter, look
from tasks.children.tree import ChildSeats, NewChild
from tasks.operations import Answer, Argument, Arguments, Choice, Operation, Preview
from workflows.engine import ProcessEngine


class Asking:
    """The operation ask."""

    def __init__(self, engine: ProcessEngine, children: ChildSeats, choosing: Choosing) -> None:
        self._engine = engine
        self._children = children
        self._choosing = choosing

    def operations(self) -> list[Operation]:
        """As data for the register."""
        return [Operation(
            "ask", "seat", "沟通", "Ask",
            "向以前的办理人或申请人提问；事项不退回，也不用等答复就可以办理。", "Puts a question to somebody who handled the case before, or to the applicant; the case is "
            "not returned and you need not wait for the answer.",
            self.ask, (Argument("person", "person", "向谁提问", "Whom to ask", True), Argument("text", "text", "问题", "Question", True)),
            self.choices, self.preview, icon="mail",
        )]

    def ask(self, connection: Connection, actor: Actor, seat_id: int, given: Arguments) -> Answer:
        """Ask `person` the question `text`; the seat stays as it is. Raises what the guards say."""
        here = enter(self._engine, connection, actor, seat_id, "ask", given)
        person = int(given["person"])
        name = self._choosing.guard_askable(connection, actor, here.case, here.row, person)
        child = self._children.add(connection, here.case, actor, here.row, NewChild("asked", person, given["text"], blocking=False))
        here.record("asked", child=child, to=person, name=name, text=given["text"])
        self._engine.save(connection, [here.case])
        return Answer(f"已向{name}提问，答复会通知您。", f"{name} was asked; you will be told the answer.")

    def choices(self, connection: Connection, actor: Actor, seat_id: int) -> Mapping[str, Sequence[Choice]]:
        """Whom one may ask."""
        here = look(self._engine, connection, actor, seat_id)
        return {"person": self._choosing.askable(connection, actor, here.case, here.row)}

    def preview(self, connection: Connection, actor: Actor, seat_id: int, given: Arguments) -> Preview:
        """Whether he may ask now; asking changes nothing else."""
        here = look(self._engine, connection, actor, seat_id)
        return Preview(refused=here.refused("ask"), revision=here.row.revision)
