"""评论: a remark on a case that everybody who sees the case in full can read; it moves nothing and is never changed or removed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, select

from tasks.actors import Actor, author_of
from tasks.lifecycle import IN_TURN
from tasks.models import Seat
from tasks.operations import Answer, Argument, Arguments, Operation
from tasks.standing import locked_seat, require, standing
from tasks.telling import tell
from workflows.case import Case
from workflows.engine import ProcessEngine

SEAT = Seat.__table__


def told_about(
    engine: ProcessEngine, connection: Connection, actor: Actor, seat_id: int, verb: str
) -> tuple[Row[Any], Case]:
    """The seat and its case, locked, for somebody who may use `verb` there: also for those who only see the case.

    Raises NotFound, or the refusal of the verb in words.
    """
    row = locked_seat(connection, actor, seat_id)
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
        words = {"zh": f"{actor.name}留言", "en": f"{actor.name} left a remark"}
        tell(connection, case, "commented", words, [(person, None) for person in connection.execute(holders.distinct()).scalars()])
        self._engine.save(connection, [case])
        return Answer("已留言。", "Your remark was added.")
