"""评论: a remark on a case that everybody who sees the case in full can read; it moves nothing and is never changed or removed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from tasks.actors import Actor, author_of
from tasks.lifecycle import IN_TURN
from tasks.models import Notification, Seat
from tasks.operations import Answer, Argument, Arguments, Operation
from tasks.standing import lock_seat, require, standing
from workflows.case import Case
from workflows.engine import ProcessEngine
from workflows.errors import NotFound

SEAT = Seat.__table__


def told_about(
    engine: ProcessEngine, connection: Connection, actor: Actor, seat_id: int, verb: str
) -> tuple[Row[Any], Case]:
    """The seat and its case, locked, for somebody who may use `verb` there: also for those who only see the case.

    Raises NotFound, or the refusal of the verb in words.
    """
    row = lock_seat(connection, actor, seat_id)
    if row is None:
        raise NotFound("没有这个待办事项。", "There is no such task.")
    case = engine.attach(connection, row, author_of(actor, row.seat_claimed_as or row.offered_as))
    require(standing(connection, actor, row, case), verb)
    return row, case


class Comments:
    """The operation comment."""

    def __init__(self, engine: ProcessEngine) -> None:
        self._engine = engine

    def operations(self) -> Sequence[Operation]:
        """As data for the register."""
        return [Operation(
            "comment", "seat", "评论", "Comment",
            "在办理经过中留言，能查看全部内容的人都能看到；不改变办理进度，也不能修改或删除。",
            "Leaves a remark in the history for everybody who sees the case in full; it moves nothing and cannot be changed or removed.",
            self.comment, (Argument("text", "text", "内容", "Remark", True),), icon="chat",
        )]

    def comment(self, connection: Connection, actor: Actor, seat_id: int, given: Arguments) -> Answer:
        """Leave a remark; whoever holds another live seat of the case is told. Raises what the guards say."""
        row, case = told_about(self._engine, connection, actor, seat_id, "comment")
        case.record("commented", node=row.seat_node_id, token=row.seat_token, detail={"seat": seat_id, "text": given["text"]})
        holders = select(SEAT.c.owner_id).where(
            SEAT.c.instance_id == row.seat_instance_id, SEAT.c.status.in_(IN_TURN), SEAT.c.owner_id.is_not(None),
            SEAT.c.owner_id != actor.person_id,
        )
        notices = [
            {"candidate": f"person:{person}", "kind": "commented", "instance_id": case.id, "seat_id": None, "created_at": case.now,
             "text": {"zh": f"{case.subject or ''}：{actor.name}留言", "en": f"{case.subject or ''}: {actor.name} left a remark"}}
            for person in connection.execute(holders.distinct()).scalars()
        ]
        if notices:
            connection.execute(insert(Notification), notices)
        self._engine.save(connection, [case])
        return Answer("已留言。", "Your remark was added.")
