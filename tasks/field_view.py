"""Who sees and changes which field of a case: the view of one activity, or of all the steps somebody has had to do with. Writes nothing.

Every page, list, export and answer asks here; the form's own conditions (hide, disabled) are the form's matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Row

from tasks.actors import Actor
from tasks.timeline import TimelineItem
from workflows.activity_fields import opinion_field, right_of
from workflows.definitions import ProcessVersion
from workflows.graph import Node

VOTES = "_votes"


@dataclass(frozen=True)
class FieldView:
    """What one person may know and change. `rights`: of the fields an activity says something about; `hidden`: keys he does not see."""

    rights: Mapping[str, str] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()
    hidden_votes: frozenset[str] = frozenset()  # `<activity>_votes` whose opinions he does not see
    absent: frozenset[str] = frozenset()  # keys that the activity's form leaves out, although he may know them

    def shows(self, key: str | None) -> bool:
        """Whether he sees a field; what is no field is not kept from him."""
        return key is None or key not in self.hidden

    def values(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """`values` without what he does not see, inside lists and groups too."""
        found = dict(values)
        for key in self.hidden:
            _drop(found, _path(key))
        for name in self.hidden_votes & found.keys():
            if isinstance(found[name], list):
                found[name] = [{part: one[part] for part in one if part != "opinion"} if isinstance(one, Mapping) else one for one in found[name]]
        return found

    def overlay(self, variables: Mapping[str, Any]) -> dict[str, Any]:
        """What expressions for his eyes read instead: the variables that hold hidden fields, without them."""
        names = {_path(key)[0] for key in self.hidden} | self.hidden_votes
        kept = self.values({name: variables[name] for name in names if name in variables})
        return {name: kept.get(name) for name in names if name in variables}

    def schema(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        """A form as he gets it: hidden fields are not in it, visible ones are read-only, required ones say so."""
        return {**schema, "components": self._components(schema.get("components") or (), (), "")}

    def admitted(self, values: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """What he may hand in of `values`, and the hidden fields that he sent all the same."""
        sent = [key for key in sorted(self.hidden) if _holds(values, _path(key))]
        kept = self.values(values)
        for key in self.absent:
            _drop(kept, _path(key))
        return kept, sent

    @property
    def permissions(self) -> dict[str, str]:
        """The rights as the form's judge takes them."""
        return {**self.rights, **dict.fromkeys(self.absent, "hidden")}

    def draft(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """`values` without what he may not change."""
        kept, _ = self.admitted(values)
        for key, right in self.rights.items():
            if right == "visible":
                _drop(kept, _path(key))
        return kept

    def timeline(self, items: Iterable[TimelineItem]) -> list[TimelineItem]:
        """A timeline without the values, opinions and files of hidden fields."""
        if not self.hidden:
            return list(items)
        return [
            replace(item, changes=self.changes(item.changes), opinion=item.opinion if self.shows(item.opinion_key) else None)
            for item in items if self.shows(item.file_field)
        ]

    def changes(self, changes: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Changes of fields ({"key", "before", "after", …}) as he may know them."""
        return [
            {**one, **{side: self.values({one["key"]: one[side]})[one["key"]] for side in ("before", "after")}}
            for one in changes if self.shows(one["key"])
        ]

    def _components(self, components: Sequence[Mapping[str, Any]], path: tuple[str, ...], prefix: str) -> list[dict[str, Any]]:
        made = (self._component(one, path, prefix) for one in components)
        return [one for one in made if one is not None]

    def _component(self, one: Mapping[str, Any], path: tuple[str, ...], prefix: str) -> dict[str, Any] | None:
        listed = one.get("type") == "dynamiclist"
        if one.get("type") in ("group", "default") or listed:
            inner = (*path, *_parts(one.get("path")))
            key = prefix + ".".join(inner)
            if listed and key in self.hidden:
                return None
            place: tuple[tuple[str, ...], str] = ((), f"{key}[].") if listed else (inner, prefix)
            shown = {**one, "components": self._components(one.get("components") or (), *place)}
            if listed and self.rights.get(key) == "visible":
                return {**shown, "readonly": True, "allowAddRemove": False}
            kept = listed and any(one.startswith(f"{key}[].") for one in self.hidden)
            return {**shown, "allowAddRemove": False} if kept else shown  # what is hidden in a row stays with its row
        key = prefix + ".".join((*path, *_parts(one.get("key"))))
        if key in self.hidden or key in self.absent:
            return None
        return _with_right(one, self.rights.get(key)) if one.get("key") else dict(one)


UNRESTRICTED = FieldView()


def node_view(version: ProcessVersion, node: Node, roles: Iterable[str] | None) -> FieldView:
    """The view of one activity for somebody with these roles; None: the strictest it gives to anybody."""
    taken = opinion_field(node)
    absent = frozenset({taken} if node.properties.get("opinion") == "none" else ())
    if node.id not in version.restricted_nodes and node.properties.get("opinion") != "required" and not absent:
        return UNRESTRICTED
    known = None if roles is None else frozenset(roles)
    found = {key: right_of(node, key, known) for key in version.form_keys}
    rights = {key: right for key, right in found.items() if right is not None}
    if node.properties.get("opinion") == "required" and rights.get(taken) != "hidden":
        rights[taken] = "required"
    return _view(version, rights, absent)


def union(version: ProcessVersion, views: Sequence[FieldView]) -> FieldView:
    """What somebody sees who has several views: whatever one of them shows."""
    if not views:
        return UNRESTRICTED
    return _view(version, {key: "hidden" for key in frozenset.intersection(*(view.hidden for view in views))})


def strictest(version: ProcessVersion) -> FieldView:
    """The view of somebody who has no part in a case: no field that any activity hides from anybody."""
    views = [node_view(version, version.graph.nodes[node], None) for node in version.restricted_nodes]
    return _view(version, {key: "hidden" for view in views for key in view.hidden})


def acting_roles(actor: Actor, row: Row[Any]) -> frozenset[str]:
    """The roles in which somebody meets a seat (row of SEE_SEAT): by the line it is his, else all he has."""
    line = row.seat_claimed_as if row.seat_owner_id == actor.person_id else row.offered_as
    role, at, _ = (line or "").partition("@")
    return frozenset({role}) if at else frozenset(one.role for one in actor.memberships)


def _view(version: ProcessVersion, rights: Mapping[str, str], absent: frozenset[str] = frozenset()) -> FieldView:
    hidden = frozenset(key for key, right in rights.items() if right == "hidden")
    votes = frozenset(f"{node.id}{VOTES}" for node in version.graph.nodes.values() if opinion_field(node) in hidden) if hidden else frozenset()
    return FieldView(rights, hidden, votes, absent)


def _with_right(one: Mapping[str, Any], right: str | None) -> dict[str, Any]:
    if right == "visible":
        return {**one, "readonly": True, "validate": {}}
    if right not in ("editable", "required"):
        return dict(one)
    opened = {name: value for name, value in one.items() if name not in ("readonly", "disabled")}
    return {**opened, "validate": {**(one.get("validate") or {}), "required": True}} if right == "required" else opened


def _parts(key: Any) -> tuple[str, ...]:
    return tuple(part for part in str(key or "").split(".") if part)


def _path(key: str) -> tuple[str, ...]:
    """"members[].name" as ("members", "[]", "name")."""
    return _parts(key.replace("[]", ".[]"))


def _drop(values: dict[str, Any], path: Sequence[str]) -> None:
    """Take the value at a path out; what stands on the way is copied, so that the values given in stay as they are."""
    name, rest = path[0], path[1:]
    if name not in values:
        return
    if not rest:
        del values[name]
        return
    if rest[0] == "[]":
        if isinstance(values[name], list):
            values[name] = [_without(row, rest[1:]) for row in values[name]]
    elif isinstance(values[name], Mapping):
        values[name] = _without(values[name], rest)


def _without(row: Any, path: Sequence[str]) -> Any:
    if not isinstance(row, Mapping):
        return row
    made = dict(row)
    _drop(made, path)
    return made


def _holds(values: Any, path: Sequence[str]) -> bool:
    """Whether somebody sent something at this path."""
    if not path:
        return True
    if path[0] == "[]":
        return isinstance(values, list) and any(_holds(row, path[1:]) for row in values)
    return isinstance(values, Mapping) and path[0] in values and _holds(values[path[0]], path[1:])

