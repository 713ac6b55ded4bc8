"""The built-in functions on contexts (DMN 10.3.4.9), each declared with its documentation."""

from __future__ import annotations

from collections.abc import Sequence

from workflows.feel.errors import FeelError, Words
from workflows.feel.registry import built_in
from workflows.feel.values import FeelValue

Values = list[FeelValue]


@built_in("get value", "context: context, key: string")
@built_in("get value", "m: context, key: string", "取某键的值", "the value of a key",
          'get value({key1: "value1"}, "key1") = "value1"', group="context")
def get_value(context: dict[str, FeelValue], key: str) -> FeelValue:
    return context.get(key)


@built_in("get entries", "context: context")
@built_in("get entries", "m: context", "键值对列表", "the list of key and value pairs",
          'get entries({a: 1}) = [{key: "a", value: 1}]', group="context")
def get_entries(context: dict[str, FeelValue]) -> Values:
    return [{"key": key, "value": value} for key, value in context.items()]


@built_in("context", "entries: list", "由键值对造上下文", "a context from key and value pairs",
          'context([{key: "a", value: 1}]) = {a: 1}', group="context")
def context_of(entries: Values) -> dict[str, FeelValue] | None:
    built: dict[str, FeelValue] = {}
    for entry in entries:
        if type(entry) is not dict or type(entry.get("key")) is not str or "value" not in entry or entry["key"] in built:
            return None
        built[entry["key"]] = entry["value"]
    return built


@built_in("context put", "context: context, key: string, value", "添加或替换一键（也可给键路径列表）",
          "add or replace a key (or a path of keys)", "context put({x: 1}, \"y\", 2) = {x: 1, y: 2}", group="context")
def context_put(context: dict[str, FeelValue], key: str, value: FeelValue) -> dict[str, FeelValue]:
    return context | {key: value}


@built_in("context put", "context: context, keys: list, value")
def context_put_path(context: dict[str, FeelValue], keys: Values, value: FeelValue) -> dict[str, FeelValue] | None:
    return _put(context, keys, value)


def _put(context: FeelValue, keys: Sequence[FeelValue], value: FeelValue) -> dict[str, FeelValue] | None:
    if not keys or type(keys[0]) is not str or type(context) is not dict:
        return None
    if len(keys) > 60:
        raise FeelError(Words("键路径超过 60 层", "the path of keys is longer than 60"))
    if len(keys) == 1:
        return context | {keys[0]: value}
    inner = _put(context.get(keys[0]), keys[1:], value)
    return None if inner is None else context | {keys[0]: inner}


@built_in("context merge", "contexts: list", "合并上下文，后者优先", "join contexts, later ones win",
          "context merge([{x: 1}, {y: 2}]) = {x: 1, y: 2}", group="context")
def context_merge(contexts: Values) -> dict[str, FeelValue] | None:
    merged: dict[str, FeelValue] = {}
    for context in contexts:
        if type(context) is not dict:
            return None
        merged |= context
    return merged
