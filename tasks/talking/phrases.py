"""常用意见: phrases a person uses often at an activity, offered above the opinion field, most used first."""

from __future__ import annotations

from sqlalchemy import Connection, delete, func, insert, select, update

from tasks.actors import Actor
from tasks.children.entering import look
from tasks.models import OpinionPhrase
from tasks.standing import require
from workflows.engine import ProcessEngine
from workflows.errors import Rejection

LONGEST = 200  # characters
MOST = 12  # per person and activity: as many as fit above a field


def phrases(connection: Connection, actor: Actor, node_id: str) -> list[str]:
    """The person's phrases for an activity, most used first."""
    query = select(OpinionPhrase.text).where(OpinionPhrase.person_id == actor.person_id, OpinionPhrase.node_id == node_id)
    return list(connection.execute(query.order_by(OpinionPhrase.used.desc(), OpinionPhrase.id).limit(MOST)).scalars())


def remember_phrase(connection: Connection, actor: Actor, node_id: str, text: str) -> None:
    """Keep a phrase, or count one more use of it. Raises Rejection for an empty or over-long one."""
    text = text.strip()
    if not text or len(text) > LONGEST:
        raise Rejection(f"常用意见须为 1–{LONGEST} 字。", f"A phrase has 1–{LONGEST} characters.", status=422)
    here = (OpinionPhrase.person_id == actor.person_id, OpinionPhrase.node_id == node_id, OpinionPhrase.text == text)
    if connection.execute(update(OpinionPhrase).where(*here).values(used=OpinionPhrase.used + 1)).rowcount == 0:
        mine = select(func.count()).select_from(OpinionPhrase).where(OpinionPhrase.person_id == actor.person_id, OpinionPhrase.node_id == node_id)
        if connection.execute(mine).scalar_one() >= MOST:
            raise Rejection(f"常用意见最多 {MOST} 条，请先移除一条。", f"You have {MOST} phrases; remove one first.", status=409)
        connection.execute(insert(OpinionPhrase).values(person_id=actor.person_id, node_id=node_id, text=text, used=1))


def forget_phrase(connection: Connection, actor: Actor, node_id: str, text: str) -> None:
    """Drop a phrase."""
    connection.execute(delete(OpinionPhrase).where(
        OpinionPhrase.person_id == actor.person_id, OpinionPhrase.node_id == node_id, OpinionPhrase.text == text
    ))


class Phrases:
    """The same for the activity of a seat that a person works on."""

    def __init__(self, engine: ProcessEngine) -> None:
        self._engine = engine

    def remember(self, connection: Connection, actor: Actor, seat_id: int, text: str) -> list[str]:
        """Keep a phrase for the seat's activity; returns those he has now. Raises what the guards say, Rejection for a bad or the 13th one."""
        node = self._activity(connection, actor, seat_id)
        remember_phrase(connection, actor, node, text)
        return phrases(connection, actor, node)

    def forget(self, connection: Connection, actor: Actor, seat_id: int, text: str) -> list[str]:
        """Drop a phrase of the seat's activity; returns those that are left."""
        node = self._activity(connection, actor, seat_id)
        forget_phrase(connection, actor, node, text)
        return phrases(connection, actor, node)

    def _activity(self, connection: Connection, actor: Actor, seat_id: int) -> str:
        here = look(self._engine, connection, actor, seat_id)
        require(here.standing, "save")
        return here.node.id
