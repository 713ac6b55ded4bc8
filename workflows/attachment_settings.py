"""Which files an activity takes: the setting `attachments` and its defaults. Knows no file and no person."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from workflows.graph import Finding, Node, ProcessGraph
from workflows.graph.settings import nearest

KINDS = ("pdf", "jpg", "png", "webp", "docx", "xlsx")
MEGABYTES = 10  # of one file, unless the model says less or more
MOST_MEGABYTES = 25
MEGABYTE = 1024 * 1024
ENTRIES = ("types", "megabytes", "opinion")
Said = tuple[str, str]


@dataclass(frozen=True, slots=True)
class AttachmentRule:
    """The kinds of file, how large one may be in bytes, and whether an opinion takes files."""

    kinds: tuple[str, ...] = KINDS
    most: int = MEGABYTES * MEGABYTE
    opinion: bool = False


def attachment_rule(node: Node) -> AttachmentRule:
    """The rule of an activity; without the setting, what form fields of files take by default."""
    return _rule(node.properties.get("attachments", ""))


@lru_cache(maxsize=256)
def _rule(text: str) -> AttachmentRule:
    try:
        given = json.loads(text) if text else {}
    except ValueError:
        given = {}
    given = given if isinstance(given, dict) else {}
    kinds = tuple(kind for kind in KINDS if kind in given.get("types", KINDS))
    return AttachmentRule(kinds, int(float(given.get("megabytes", MEGABYTES)) * MEGABYTE), given.get("opinion") is True)


def attachment_findings(graph: ProcessGraph) -> Iterator[Finding]:
    """An error for every entry of `attachments` that would not do what it says."""
    for node in graph.nodes.values():
        for zh, en in _problems(node.properties.get("attachments")):
            yield Finding("error", "attachments", node.id, node.name or "", node.line, f"attachments：{zh}", f"attachments: {en}", "", "")


def _problems(text: str | None) -> Iterator[Said]:
    if text is None:
        return
    try:
        given = json.loads(text)
    except ValueError:
        given = None
    if not isinstance(given, dict):
        yield "不是 JSON 对象", "no JSON object"
        return
    for name in given:
        if name not in ENTRIES:
            near = nearest(name, ENTRIES)
            yield f"没有“{name}”这一项" + (f"，是否指“{near}”" if near else ""), f"no entry {name}" + (f"; did you mean {near}?" if near else "")
    yield from _types(given.get("types", list(KINDS)))
    size = given.get("megabytes", MEGABYTES)
    if isinstance(size, bool) or not isinstance(size, (int, float)) or not 0 < size <= MOST_MEGABYTES:
        yield f"megabytes 应为 0 到 {MOST_MEGABYTES} 之间的数", f"megabytes is a number above 0 and up to {MOST_MEGABYTES}"
    if given.get("opinion", False) not in (True, False):
        yield "opinion 应为 true 或 false", "opinion is true or false"


def _types(types: Any) -> Iterator[Said]:
    if not isinstance(types, list) or not types:
        yield "types 应为列表", "types is a list"
        return
    for kind in types:
        if kind not in KINDS:
            near = nearest(str(kind), KINDS)
            hint = (f"，是否指“{near}”", f"; did you mean {near}?") if near else ("", "")
            yield f"不支持“{kind}”，可用 {'、'.join(KINDS)}{hint[0]}", f"{kind} is not supported; use {', '.join(KINDS)}{hint[1]}"
