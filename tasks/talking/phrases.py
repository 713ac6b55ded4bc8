"""常用意见: phrases a person uses often at an activity, offered above the opinion field, most used first."""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select, update

from tasks.actors import Actor
from tasks.models import OpinionPhrase
from workflows.errors import Rejection
from workflows.graph import Node

LONGEST = 200  # characters
SHOWN = 8


def phrases(connection: Connection, actor: Actor, node_id: str) -> list[str]:
    """The person's phrases for an activity, most used first."""
    query = select(OpinionPhrase.text).where(OpinionPhrase.person_id == actor.person_id, OpinionPhrase.node_id == node_id)
    return list(connection.execute(query.order_by(OpinionPhrase.used.desc(), OpinionPhrase.id).limit(SHOWN)).scalars())


def remember_phrase(connection: Connection, actor: Actor, node_id: str, text: str) -> None:
    """Keep a phrase, or count one more use of it. Raises Rejection for an empty or over-long one."""
    text = text.strip()
    if not text or len(text) > LONGEST:
        raise Rejection(f"常用意见须为 1–{LONGEST} 字。", f"A phrase has 1–{LONGEST} characters.", status=422)
    here = (OpinionPhrase.person_id == actor.person_id, OpinionPhrase.node_id == node_id, OpinionPhrase.text == text)
    if connection.execute(update(OpinionPhrase).where(*here).values(used=OpinionPhrase.used + 1)).rowcount == 0:
        connection.execute(insert(OpinionPhrase).values(person_id=actor.person_id, node_id=node_id, text=text, used=1))


def forget_phrase(connection: Connection, actor: Actor, node_id: str, text: str) -> None:
    """Drop a phrase."""
    connection.execute(delete(OpinionPhrase).where(
        OpinionPhrase.person_id == actor.person_id, OpinionPhrase.node_id == node_id, OpinionPhrase.text == text
    ))


def opinion_field(node: Node) -> str:
    """The form key that holds the opinion of an activity."""
    return node.properties.get("opinion_field") or "opinion"

