"""What an activity does with the fields of forms: which it shows, opens, demands or hides, and which holds the opinion. Reads no data."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from workflows.graph import HUMAN, Finding, Node, ProcessGraph
from workflows.graph.settings import nearest

RIGHTS = ("visible", "editable", "hidden", "required")
OPINIONS = ("required", "optional", "none")
EVERY = "*"  # as a key: every field that is not named; as a line: everybody who is not named
ROLE = "role:"
OPINION = "opinion"
Said = tuple[str, str, str]  # code, Chinese, English


@lru_cache(maxsize=1024)
def _read(text: str) -> Mapping[str, Any]:
    try:
        given = json.loads(text)
    except ValueError:
        return MappingProxyType({})
    return MappingProxyType(given if isinstance(given, dict) else {})


def permissions_of(node: Node) -> Mapping[str, Any]:
    """`field_permissions` of an activity: field key → right, or → {"role:…": right, "*": right}; empty without one."""
    return _read(node.properties.get("field_permissions", "")) if node.properties.get("field_permissions") else {}


def right_of(node: Node, key: str, roles: frozenset[str] | None) -> str | None:
    """The right an activity gives to a field, or None where the form alone decides.

    `roles` are those of the viewer; None asks for the strictest right it gives to anybody. "members[].name" is a field
    in the rows of the list "members" and hidden with it; a list whose rows show a field is shown.
    """
    permissions = permissions_of(node)
    if key in permissions:
        return _resolved(permissions[key], roles)
    outer = key.rpartition("[].")[0]
    if outer and (right := right_of(node, outer, roles)) == "hidden":
        return right
    if EVERY not in permissions:
        return None
    right = _resolved(permissions[EVERY], roles)
    if right == "hidden" and any(other.startswith(f"{key}[].") and _resolved(permissions[other], roles) != "hidden" for other in permissions):
        return "visible"
    return right


def _resolved(given: Any, roles: frozenset[str] | None) -> str | None:
    if isinstance(given, str):
        return given
    if not isinstance(given, Mapping):
        return None
    if roles is None:
        return "hidden" if "hidden" in given.values() else None
    named = (right for line, right in given.items() if line.startswith(ROLE) and line.removeprefix(ROLE) in roles)
    found = next(named, given.get(EVERY))
    return found if isinstance(found, str) else None


def demands_fields(node: Node) -> bool:
    """Whether the activity makes a field mandatory, for anybody."""
    for given in permissions_of(node).values():
        if given == "required" or isinstance(given, Mapping) and "required" in given.values():
            return True
    return False


# the opinion


def opinion_field(node: Node) -> str:
    """The form key that holds the opinion of an activity."""
    return node.properties.get("opinion_field") or OPINION


def with_opinion(node: Node, schema: Mapping[str, Any] | None) -> dict[str, Any]:
    """The form of an activity that takes an opinion (`opinion`): its own, with a field for it where it has none."""
    key, own = opinion_field(node), list((schema or {}).get("components", ()))
    if not any(one.get("key") == key for one in _components(own)):
        own.append({"type": "textarea", "id": OPINION, "key": key, "label": "意见", "validate": {"maxLength": 2000}})
    return {**(schema or {"type": "default", "id": node.id, "schemaVersion": 18}), "components": own}


def _components(components: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for one in components:
        yield one
        yield from _components(one.get("components") or ())


# checks


def field_findings(graph: ProcessGraph, fields: Mapping[str, Iterable[str]], form_of: Mapping[str, str]) -> Iterator[Finding]:
    """An error for every setting about fields that would not do what it says.

    `fields` lists the keys of each form of the folder, `form_of` names the form of each activity.
    """
    added = {opinion_field(node) for node in graph.nodes.values() if node.properties.get("opinion")}
    known = sorted({key for keys in fields.values() for key in keys} | added)
    for node in graph.nodes.values():
        if node.type in HUMAN:
            own = frozenset(fields.get(form_of.get(node.id, ""), ()))
            for code, zh, en in (*_permission_findings(node, known), *_opinion_findings(node, own), *_outcome_findings(node)):
                yield Finding("error", code, node.id, node.name or "", node.line, zh, en, "", "")


def _permission_findings(node: Node, known: list[str]) -> Iterator[Said]:
    text = node.properties.get("field_permissions")
    if not text:
        return
    if not isinstance(_json(text), dict):
        yield "field-permissions", "field_permissions 不是 JSON 对象", "field_permissions is no JSON object"
        return
    for key, given in permissions_of(node).items():
        if key != EVERY and key not in known:
            near = nearest(key, known)
            hint = (f"，是否指“{near}”", f"; did you mean {near}?") if near else ("", "")
            yield "field-unknown", f"field_permissions 中的字段“{key}”不在任何表单中{hint[0]}", f"no form has the field {key} of field_permissions{hint[1]}"
        for line, right in given.items() if isinstance(given, dict) else ((EVERY, given),):
            yield from _line_findings(key, line, right)


def _line_findings(key: str, line: str, right: Any) -> Iterator[Said]:
    if line != EVERY and not (line.startswith(ROLE) and len(line) > len(ROLE)):
        yield "field-permissions", f"“{key}”中的“{line}”应写成 role:角色 或 *", f"{line} under {key} must be role:… or *"
    if right not in RIGHTS:
        near = nearest(str(right), RIGHTS)
        hint = (f"，是否指“{near}”", f"; did you mean {near}?") if near else ("", "")
        yield "field-right", f"字段“{key}”的权限不能是“{right}”，可用 {'、'.join(RIGHTS)}{hint[0]}", f"the right of {key} cannot be {right}; use {', '.join(RIGHTS)}{hint[1]}"


def _opinion_findings(node: Node, own: frozenset[str]) -> Iterator[Said]:
    given, key = node.properties.get("opinion"), node.properties.get("opinion_field")
    if given is not None and given not in OPINIONS:
        yield "setting-value", f"opinion 不能是“{given}”，可用 {'、'.join(OPINIONS)}", f"opinion cannot be {given}; use {', '.join(OPINIONS)}"
    if key and given not in ("required", "optional") and key not in own:
        near = nearest(key, own)
        hint = (f"，是否指“{near}”", f"; did you mean {near}?") if near else ("", "")
        yield "field-unknown", f"opinion_field“{key}”不在该环节的表单中{hint[0]}", f"the activity's form has no field {key} (opinion_field){hint[1]}"
    if given == "required" and right_of(node, opinion_field(node), None) in ("hidden", "visible"):
        yield "field-permissions", "意见必填，但该字段被隐藏或只读", "the opinion is required, but its field is hidden or read-only"


def _outcome_findings(node: Node) -> Iterator[Said]:
    offered = _json(node.properties.get("outcomes", ""))
    for item in offered if isinstance(offered, list) else ():
        wanted = item.get("requires") if isinstance(item, dict) else None
        for key in wanted if isinstance(wanted, list) else ():
            if right_of(node, str(key), None) in ("hidden", "visible"):
                yield (
                    "field-permissions", f"结果“{item.get('value')}”要求填写“{key}”，但该字段在此处被隐藏或只读",
                    f"the outcome {item.get('value')} needs {key}, which is hidden or read-only here",
                )


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
