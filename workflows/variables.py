"""Local variables: small documents beside the case's one document, one per activity instance that has variables of its own.

It knows scopes by their token ids only; what an expression means is not its business.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, delete, insert, select

from workflows.models import LocalVariables

Document = dict[str, Any]
READ = select(LocalVariables.scope, LocalVariables.variables, LocalVariables.result, LocalVariables.done).where(
    LocalVariables.instance_id == bindparam("instance")
)
READ_SCOPES = READ.where(LocalVariables.scope.in_(bindparam("scopes", expanding=True)))
READ_INSTANCES = READ.where(LocalVariables.scope.startswith(bindparam("prefix")))
DROP = delete(LocalVariables).where(LocalVariables.instance_id == bindparam("b_instance"), LocalVariables.scope == bindparam("b_scope"))
INSERT = insert(LocalVariables)


class Local(NamedTuple):
    """One scope's own variables; or, once `done`, the `result` it leaves for the list of its multi-instance."""

    variables: Document | None
    result: Any = None
    done: bool = False


class LocalScopes:
    """The local documents of one case: read when first asked for, written back when the case is saved."""

    def __init__(self, connection: Connection, instance_id: int, *, fresh: bool = False) -> None:
        self._connection = connection
        self._instance_id = instance_id
        self._fresh = fresh
        self._now: dict[str, Local | None] = {}
        self._stored: dict[str, Local | None] = {}
        self._changed: set[str] = set()
        self.before: dict[str, Local | None] = {}

    def visible(self, chain: Sequence[str]) -> Document:
        """Everything local that is seen from the scopes of `chain`, inner ones first."""
        self._read(chain)
        found: Document = {}
        for scope in reversed(chain):
            local = self._now.get(scope)
            if local is not None and local.variables:
                found.update(local.variables)
        return found

    def home(self, name: str, chain: Sequence[str]) -> Document | None:
        """The innermost local document that has `name`; it counts as changed."""
        self._read(chain)
        for scope in chain:
            local = self._now.get(scope)
            if local is not None and local.variables and name in local.variables:
                self._changed.add(scope)
                return local.variables
        return None

    def get(self, scope: str) -> Local | None:
        """One scope as it is now."""
        self._read((scope,))
        return self._now.get(scope)

    def everything(self) -> dict[str, list[Any]]:
        """All scopes as they are now, as a JSON value."""
        self._remember(self._connection.execute(READ, {"instance": self._instance_id}))
        return {scope: list(local) for scope, local in self._now.items() if local is not None}

    def put(self, scope: str, local: Local) -> None:
        """Make or replace a scope."""
        self._read((scope,))
        self._now[scope] = local
        self._changed.add(scope)

    def drop(self, scope: str) -> None:
        """A scope is over."""
        if self.get(scope) is not None:
            self._now[scope] = None
            self._changed.add(scope)

    def results(self, activity: str) -> list[Any]:
        """The results of the instances of a multi-instance activity that were done, in the order of the instances."""
        instances = self._instances(activity)
        done = [(int(scope.partition("#")[2]), local.result) for scope, local in instances if local.done]
        return [result for _, result in sorted(done, key=lambda entry: entry[0])]

    def drop_all(self, activity: str) -> None:
        """An activity and all its instances are over."""
        for scope, _ in self._instances(activity):
            self.drop(scope)
        self.drop(activity)

    def _instances(self, activity: str) -> list[tuple[str, Local]]:
        prefix = f"{activity}#"
        if not self._fresh:
            self._remember(self._connection.execute(READ_INSTANCES, {"instance": self._instance_id, "prefix": prefix}))
        return [(scope, local) for scope, local in self._now.items() if local is not None and scope.startswith(prefix)]

    def _read(self, scopes: Iterable[str]) -> None:
        unknown = [scope for scope in scopes if scope not in self._now]
        if not unknown:
            return
        if not self._fresh:
            self._remember(self._connection.execute(READ_SCOPES, {"instance": self._instance_id, "scopes": unknown}))
        for scope in unknown:
            self._now.setdefault(scope, None)
            self._stored.setdefault(scope, None)

    def _remember(self, rows: Iterable[Any]) -> None:
        for row in rows:
            if row.scope not in self._stored:
                self._stored[row.scope] = Local(row.variables, row.result, row.done)
            if row.scope not in self._now:
                self._now[row.scope] = Local(None if row.variables is None else dict(row.variables), row.result, row.done)

    # writing

    def take(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """The rows to delete and to insert; what was there before is kept for an undo."""
        gone, new = [], []
        for scope in sorted(self._changed):
            stored, now = self._stored.get(scope), self._now.get(scope)
            self.before.setdefault(scope, stored)
            if stored is not None:
                gone.append({"b_instance": self._instance_id, "b_scope": scope})
            if now is not None:
                new.append({"instance_id": self._instance_id, "scope": scope, **now._asdict()})
                now = now._replace(variables=None if now.variables is None else dict(now.variables))
            self._stored[scope] = now
        self._changed.clear()
        return gone, new

    def memory(self) -> dict[str, list[Any] | None]:
        """What the command changed, as it was before it."""
        return {scope: None if local is None else list(local) for scope, local in self.before.items()}

    def restore(self, memory: Mapping[str, Sequence[Any] | None]) -> None:
        """Put back what `memory` holds."""
        for scope, local in memory.items():
            if local is None:
                self.drop(scope)
            else:
                self.put(scope, Local(*local))


def assignments(name: str, value: Any, variables: Mapping[str, Any]) -> dict[str, Any]:
    """The patch that stores `value` under `name`; "case.university" writes one entry of the context `case`."""
    if "." not in name:
        return {name: value}
    first, rest = name.split(".", 1)
    inner = variables.get(first)
    context = dict(inner) if isinstance(inner, dict) else {}
    context.update(assignments(rest, value, context))
    return {first: context}


def merged(base: Any, own: Any, current: Any) -> Any:
    """`own`, written over `base`, put into what is there `current`ly: of contexts only the entries that were changed."""
    if not (isinstance(base, dict) and isinstance(own, dict) and isinstance(current, dict)):
        return own
    kept = {name: value for name, value in current.items() if name in own or name not in base}
    return {**kept, **{name: value for name, value in own.items() if name not in base or base[name] != value}}


def read_outer(connection: Connection, row: Mapping[str, Any], table: Any) -> Document:
    """What the body of a multi-instance sub-process sees around it: the variables of the cases it runs in, inner before outer."""
    found: list[Document] = []
    parent, body = row["parent_id"], row["body_of"]
    while body is not None:
        around = connection.execute(select(table.c.variables, table.c.parent_id, table.c.body_of).where(table.c.id == parent)).one()
        found.append(around.variables)
        parent, body = around.parent_id, around.body_of
    return {name: value for variables in reversed(found) for name, value in variables.items()}
