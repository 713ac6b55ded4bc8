"""Named filters of the inbox, kept on the server: a person's own, and those a unit shares. A view shows nobody more than he may see anyway."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, or_, select, update

from tasks.actors import Actor
from tasks.operation_models import SavedView
from workflows.errors import Conflict, Forbidden, InvalidForm, NotFound

TABLE = SavedView.__table__
MOST = 30
LONGEST_NAME = 20


def known_to(actor: Actor) -> Any:
    """SQL: the person's own views and those shared with a unit he works in."""
    units = [one.organisation_code for one in actor.memberships]
    return or_(TABLE.c.owner_id == actor.person_id, TABLE.c.organisation_code.in_(units))


class SavedViews:
    """Create, rename, share, delete."""

    def save(self, connection: Connection, actor: Actor, name: str, query: Mapping[str, str], *, shared: bool = False) -> int:
        """Keep `query` (view, sort and filters) under a name; the same name of the same person is replaced. Returns its number."""
        name = self._checked(name)
        unit = self._unit(actor) if shared else None
        found = connection.execute(select(TABLE.c.id).where(TABLE.c.owner_id == actor.person_id, TABLE.c.name == name)).scalar()
        if found is not None:
            connection.execute(update(SavedView).where(TABLE.c.id == found).values(query=dict(query), organisation_code=unit))
            return int(found)
        count = connection.execute(select(func.count()).select_from(TABLE).where(TABLE.c.owner_id == actor.person_id)).scalar_one()
        if count >= MOST:
            raise Conflict(f"最多保存 {MOST} 个视图，请先删除不用的。", f"At most {MOST} views can be kept; delete one first.")
        values = {"owner_id": actor.person_id, "organisation_code": unit, "name": name, "query": dict(query), "position": count}
        return int(connection.execute(insert(SavedView).values(values).returning(TABLE.c.id)).scalar_one())

    def rename(self, connection: Connection, actor: Actor, view_id: int, name: str) -> None:
        """Give one's own view another name."""
        self._own(connection, actor, view_id)
        name = self._checked(name)
        twin = select(TABLE.c.id).where(TABLE.c.owner_id == actor.person_id, TABLE.c.name == name, TABLE.c.id != view_id)
        if connection.execute(twin).first() is not None:
            raise InvalidForm({"name": {"zh": "已有同名视图", "en": "There is a view of this name"}})
        connection.execute(update(SavedView).where(TABLE.c.id == view_id).values(name=name))

    def share(self, connection: Connection, actor: Actor, view_id: int, shared: bool) -> None:
        """Share one's own view with the unit one acts in, or no longer."""
        self._own(connection, actor, view_id)
        connection.execute(update(SavedView).where(TABLE.c.id == view_id).values(organisation_code=self._unit(actor) if shared else None))

    def delete(self, connection: Connection, actor: Actor, view_id: int) -> None:
        """Drop one's own view."""
        self._own(connection, actor, view_id)
        connection.execute(delete(SavedView).where(TABLE.c.id == view_id))

    @staticmethod
    def _own(connection: Connection, actor: Actor, view_id: int) -> Row[Any]:
        row = connection.execute(select(TABLE).where(TABLE.c.id == view_id, known_to(actor))).first()
        if row is None:
            raise NotFound("没有这个视图，可能已被删除。", "There is no such view; it may have been deleted.")
        if row.owner_id != actor.person_id:
            raise Forbidden("这是同事共享的视图，只有他可以修改。", "A colleague shares this view; only he can change it.")
        return row

    @staticmethod
    def _checked(name: str) -> str:
        name = name.strip()
        if not name or len(name) > LONGEST_NAME:
            raise InvalidForm({"name": {"zh": f"请填写名称，不超过 {LONGEST_NAME} 字", "en": f"Give a name of at most {LONGEST_NAME} characters"}})
        return name

    @staticmethod
    def _unit(actor: Actor) -> str:
        if actor.organisation_code is None:
            raise Forbidden("没有所属单位，不能共享。", "You belong to no unit, so nothing can be shared.")
        return actor.organisation_code
