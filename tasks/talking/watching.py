"""关注: a person follows a case and is told when it moves on. It changes nothing in the case."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, select

from tasks.actors import Actor
from tasks.operation_models import Watch
from tasks.operations import Answer, Arguments, Operation
from tasks.sight import sight
from workflows.business_calendar import Clock
from workflows.errors import Forbidden
from workflows.models import AnyRow, ProcessInstance
from workflows.store import insert_missing


class Watching:
    """The operations watch and unwatch, and the list of what a person follows."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def operations(self) -> Sequence[Operation]:
        """As data for the register."""
        return [
            Operation("watch", "case", "关注", "Follow", "加入“我关注的”，事项有进展时可以很快找到。", "Puts the case on your list of those you follow.", self.watch, icon="eye"),
            Operation("unwatch", "case", "取消关注", "Unfollow", "从“我关注的”中移除。", "Takes the case off your list.", self.unwatch, icon="eye"),
        ]

    def watch(self, connection: Connection, actor: Actor, instance_id: int, given: Arguments) -> Answer:
        """Follow a case one sees in full. Raises Forbidden."""
        if sight(connection, actor, instance_id) != "full":
            raise Forbidden("您看不到该事项的全部内容，不能关注。", "You do not see this case in full, so you cannot follow it.")
        insert_missing(connection, Watch, [{"person_id": actor.person_id, "instance_id": instance_id, "since": self._clock.now()}])
        return Answer("已关注。", "You follow this case now.")

    def unwatch(self, connection: Connection, actor: Actor, instance_id: int, given: Arguments) -> Answer:
        """Follow it no longer."""
        connection.execute(delete(Watch).where(Watch.person_id == actor.person_id, Watch.instance_id == instance_id))
        return Answer("已取消关注。", "You no longer follow this case.")

    @staticmethod
    def watched(connection: Connection, actor: Actor, *, after: int | None = None, size: int = 25) -> Sequence[AnyRow]:
        """我关注的: the cases a person follows, newest first."""
        query = select(ProcessInstance.__table__).join(Watch, Watch.instance_id == ProcessInstance.id).where(Watch.person_id == actor.person_id)
        query = query.order_by(ProcessInstance.id.desc()).limit(size)
        return connection.execute(query.where(ProcessInstance.id < after) if after is not None else query).all()
