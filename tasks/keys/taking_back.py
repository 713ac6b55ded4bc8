"""从代理人收回: the principal takes back a seat that his agent has claimed or begun to fill in."""

from __future__ import annotations

from sqlalchemy import Connection, select

from tasks.actors import Actor
from tasks.candidate_lines import people_named
from tasks.children.entering import Entered, enter, look
from tasks.children.tree import ChildSeats
from tasks.ground import Ground
from tasks.keys.replacing import Replacing
from tasks.lifecycle import PARKED
from tasks.models import SeatOffer
from tasks.operations import Answer, Arguments, Line, Operation, Preview
from tasks.standing import principal_of
from tasks.telling import tell


class TakingBack:
    """The operation take_back_from_agent."""

    def __init__(self, ground: Ground, replacing: Replacing) -> None:
        self._engine, self._people = ground.engine, ground.people
        self._replacing = replacing
        self._children = ChildSeats(ground.seats)

    def operation(self) -> Operation:
        """As data for the register."""
        return Operation(
            "take_back_from_agent", "seat", "从代理人收回", "Take back from agent",
            "把代理人已领取或已起草的事项收回，由您本人办理；代理人会收到通知，他的草稿留在办理经过中。",
            "Takes an item that your agent claimed or drafted back to yourself; he is told, and his draft is kept in the history.",
            self.take_back, preview=self.preview, icon="return",
        )

    def take_back(self, connection: Connection, actor: Actor, seat_id: int, given: Arguments) -> Answer:
        """The seat is the principal's own again. Raises what the guards say."""
        here = enter(self._engine, connection, actor, seat_id, "take_back_from_agent", given)
        agents = self._agents(connection, actor, here)
        drafts = self._replacing.take_drafts(connection, seat_id, agents)
        self._replacing.replace(connection, here.case, here.row, actor.person_id, f"person:{actor.person_id}")
        if here.row.seat_status == PARKED:
            self._children.settle(connection, here.case, seat_id)
        names = self._people.names(connection, agents)
        here.record("taken_from_agent", name="、".join(names.values()), **drafts)
        words = {"zh": f"{actor.name}已收回，由本人办理", "en": f"taken back by {actor.name}"}
        tell(connection, here.case, "taken_from_agent", words, [(agent, seat_id) for agent in agents])
        self._engine.save(connection, [here.case])
        return Answer("已收回，由您办理。", "Taken back; you decide it.")

    def preview(self, connection: Connection, actor: Actor, seat_id: int, given: Arguments) -> Preview:
        """Whose work it stops being."""
        here = look(self._engine, connection, actor, seat_id)
        names = self._people.names(connection, self._agents(connection, actor, here)).values()
        return Preview(tuple(Line(f"{name}不再代办该事项", f"{name} no longer acts on it", "loss") for name in names), here.refused("take_back_from_agent"), here.row.revision)

    @staticmethod
    def _agents(connection: Connection, actor: Actor, here: Entered) -> list[int]:
        """Who holds the seat for him, or has his key to it."""
        keys = select(SeatOffer.candidate).where(SeatOffer.seat_id == here.row.seat_id, SeatOffer.principal_id == actor.person_id)
        agents = people_named(connection.execute(keys).scalars())
        if principal_of(here.row) == actor.person_id and here.row.seat_owner_id is not None:
            agents.add(int(here.row.seat_owner_id))
        return sorted(agents)
