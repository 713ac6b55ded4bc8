"""Whether scenarios.yaml is written in the words the runner knows, before anything is played. It plays nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

# What each verb needs to be said; anything else has a default.
VERBS: Mapping[str, tuple[str, ...]] = {
    "start": ("case",), "complete": ("as", "outcome"), "claim": ("as",), "release": ("as",), "draft": ("as",), "undo": ("as",),
    "withdraw": ("as",), "urge": ("as",), "reassign": ("as", "to"), "message": ("name",), "bulk": ("as", "activity", "outcome"),
    "class_list": ("as",), "advance": (), "find": ("case", "process"),
    "begin": ("as", "case"), "operate": ("as", "verb"), "stand_in": ("as", "for", "until"),
}


def malformed(book: Any) -> list[str]:
    """Every place where the file says something the runner cannot read, in Chinese and English; empty when all is well."""
    if not isinstance(book, Mapping) or not isinstance(book.get("scenarios"), list):
        return ["顶层应有列表 scenarios / the file needs a list named scenarios"]
    if not isinstance(book.get("cases", {}), Mapping):
        return ["cases 应为映射 / cases must be a mapping"]
    return [problem for number, scenario in enumerate(book["scenarios"], 1) for problem in _scenario(number, scenario)]


def _scenario(number: int, scenario: Any) -> Iterator[str]:
    if not isinstance(scenario, Mapping) or "id" not in scenario:
        yield f"第 {number} 个场景没有 id / scenario {number} has no id"
        return
    place = str(scenario["id"])
    if not _is_moment(scenario.get("clock")):
        yield f"{place}: clock 应为时间，如 2026-06-18T09:00 / clock must be a moment such as 2026-06-18T09:00"
    for part in ("given", "steps"):
        steps = scenario.get(part, [])
        if not isinstance(steps, list):
            yield f"{place}: {part} 应为列表 / {part} must be a list"
            continue
        for position, step in enumerate(steps, 1):
            yield from (f"{place}, {part} {position}: {problem}" for problem in _step(step))


def _step(step: Any) -> Iterator[str]:
    if not isinstance(step, Mapping) or not step:
        yield "步骤应为映射 / a step must be a mapping"
    elif "expect" in step:
        if not isinstance(step["expect"], Mapping):
            yield "expect 应为映射 / expect must be a mapping"
    else:
        inner = {"do": "start", **step["start"]} if isinstance(step.get("start"), Mapping) else step
        yield from _verb(inner)


def _verb(step: Mapping[str, Any]) -> Iterator[str]:
    verb = step.get("do")
    if not isinstance(verb, str) or verb not in VERBS:
        yield f"不认识“{verb or next(iter(step))}”，可用 {'、'.join(VERBS)} / unknown; the runner knows these verbs"
        return
    yield from (f"{verb} 缺少 {name} / {verb} needs {name}" for name in VERBS[verb] if name not in step)
    if verb == "advance" and not ("to" in step and _is_moment(step["to"]) or isinstance(step.get("by"), Mapping)):
        yield "advance 需要 to（时间）或 by（时长） / advance needs to (a moment) or by (a duration)"
    if verb == "stand_in" and not all(_is_moment(step[name]) for name in ("since", "until") if name in step):
        yield "stand_in 的 since、until 应为时间 / since and until of stand_in must be moments"


def _is_moment(value: Any) -> bool:
    if isinstance(value, datetime):
        return True
    try:
        datetime.fromisoformat(str(value))
    except ValueError:
        return False
    return True
