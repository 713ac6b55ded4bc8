"""A form-js schema made ready once: groups flattened into paths, settings compiled, one reader and list of checks per input.

It judges nothing; validation.py does, and checking.py says whether a schema may be deployed.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import orjson

from workflows.feel import Expression, compile_expression
from workflows.forms.checks import Check, choice_checks, moment_checks, number_checks, text_checks
from workflows.forms.values import (
    Reader, read_boolean, read_choice, read_choices, read_date, read_datetime, read_file, read_number, read_number_text, read_text,
    read_time,
)

INPUTS = frozenset({
    "textfield", "textarea", "number", "datetime", "date", "time", "checkbox", "radio", "select", "checklist", "taglist", "filepicker",
})
SILENT = frozenset({"text", "html", "image", "table", "documentPreview", "iframe", "spacer", "separator", "button"})
CONTAINERS = frozenset({"group", "dynamiclist", "default"})
EXPRESSION = "expression"
KNOWN_SCHEMAS = 512

Path = tuple[str, ...]


@dataclass(frozen=True)
class Field:
    """A field of a form as other parts need it: `key` names it in errors and permissions ("members[].name" in a list)."""

    key: str
    label: str
    type: str
    path: Path
    required: bool = False
    options: tuple[tuple[Any, str], ...] = ()


@dataclass(slots=True)
class Input:
    """One input of a compiled form."""

    path: Path
    name: str  # of the field, list places without index
    type: str
    label: str
    read: Reader
    checks: list[Check]
    hides: tuple[int, ...]
    disabled: Any
    readonly: Any
    required: bool
    expression: Expression | None = None
    rows: Level | None = None
    component: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Level:
    """The form itself, or the row of a list: its inputs, its hide conditions, and the names it declares."""

    inputs: list[Input] = field(default_factory=list)
    hides: list[Any] = field(default_factory=list)
    declared: dict[str, Any] = field(default_factory=dict)
    asks: bool = False  # whether anything in it is computed


def compile_schema(schema: Mapping[str, Any]) -> Level:
    """The compiled form of a schema, cached by identity and then by content. FeelSyntaxError for a bad expression."""
    known = _BY_IDENTITY.get(id(schema))
    if known is not None and known[0] is schema:
        return known[1]
    digest = orjson.dumps(schema)
    with _LOCK:
        level = _BY_CONTENT.get(digest)
        if level is None:
            level = _BY_CONTENT[digest] = _compile_level(schema.get("components") or (), "")
        _BY_IDENTITY[id(schema)] = (schema, level)
        for cache in (_BY_IDENTITY, _BY_CONTENT):
            while len(cache) > KNOWN_SCHEMAS:
                cache.popitem(last=False)
    return level


_BY_IDENTITY: OrderedDict[int, tuple[Mapping[str, Any], Level]] = OrderedDict()
_BY_CONTENT: OrderedDict[bytes, Level] = OrderedDict()
_LOCK = Lock()


def fields(schema: Mapping[str, Any]) -> list[Field]:
    """Every field that has a value, in the order of the form; a list comes before the fields of its rows."""
    return list(_fields(compile_schema(schema), ()))


def _fields(level: Level, prefix: Path) -> Iterator[Field]:
    for entry in level.inputs:
        options = tuple(
            (item.get("value"), str(item.get("label", item.get("value"))))
            for item in entry.component.get("values") or () if isinstance(item, dict)
        )
        yield Field(entry.name, entry.label, entry.type, prefix + entry.path, entry.required, options)
        if entry.rows is not None:
            yield from _fields(entry.rows, prefix + entry.path)


def setting(value: Any) -> Any:
    """A setting as written, or compiled when it is FEEL ("=…")."""
    if isinstance(value, str) and value.startswith("="):
        return compile_expression(value[1:])
    return value


def path_of(key: Any) -> Path:
    """The places of a key with dots: "person.name" is name within person."""
    return tuple(part for part in str(key or "").split(".") if part)


def _compile_level(components: Any, prefix: str) -> Level:
    level = Level()
    _collect(level, components, (), (), prefix)
    level.asks = bool(level.hides) or any(_asks(entry) for entry in level.inputs)
    return level


def _collect(level: Level, components: Any, path: Path, hides: tuple[int, ...], prefix: str) -> None:
    for component in components:
        inner = (*hides, *_hide(level, component))
        kind = component.get("type")
        if kind in ("group", "default"):
            _collect(level, component.get("components") or (), path + path_of(component.get("path")), inner, prefix)
        elif kind == "dynamiclist":
            _add(level, _list(component, path, inner, prefix))
        elif kind == EXPRESSION or kind in INPUTS:
            _add(level, _input(component, path, inner, prefix))


def _hide(level: Level, component: Mapping[str, Any]) -> tuple[int, ...]:
    text = (component.get("conditional") or {}).get("hide")
    if not text:
        return ()
    level.hides.append(compile_expression(text.removeprefix("=")) if isinstance(text, str) else text)
    return (len(level.hides) - 1,)


def _add(level: Level, entry: Input) -> None:
    if not entry.path:
        return
    level.inputs.append(entry)
    place = level.declared
    for name in entry.path[:-1]:
        inner = place.get(name)
        if not isinstance(inner, dict):
            inner = place[name] = {}
        place = inner
    place.setdefault(entry.path[-1], None)


def _list(component: Mapping[str, Any], path: Path, hides: tuple[int, ...], prefix: str) -> Input:
    full = path + path_of(component.get("path"))
    name = prefix + ".".join(full)
    rows = _compile_level(component.get("components") or (), f"{name}[].")
    return Input(
        full, name, "dynamiclist", str(component.get("label") or ""), lambda raw: raw, [], hides, setting(component.get("disabled")),
        setting(component.get("readonly")), False, rows=rows, component=component,
    )


def _input(component: Mapping[str, Any], path: Path, hides: tuple[int, ...], prefix: str) -> Input:
    full = path + path_of(component.get("key"))
    kind = str(component["type"])
    read, checks = _judges(kind, component)
    expression = compile_expression(str(component.get("expression") or "null").removeprefix("=")) if kind == EXPRESSION else None
    return Input(
        full, prefix + ".".join(full), kind, str(component.get("label") or ""), read, checks, hides,
        setting(component.get("disabled")), setting(component.get("readonly")), bool((component.get("validate") or {}).get("required")),
        expression, component=component,
    )


def _judges(kind: str, component: Mapping[str, Any]) -> tuple[Reader, list[Check]]:
    rules = component.get("validate") or {}
    component = {**component, "validate": {name: setting(value) if name in _LIMITS else value for name, value in rules.items()}}
    if component.get("valuesExpression"):
        component["valuesExpression"] = setting(component["valuesExpression"])
    if kind == "number":
        return (read_number_text if component.get("serializeToString") else read_number), number_checks(component)
    if kind in ("datetime", "date", "time"):
        subtype = component.get("subtype", "date") if kind == "datetime" else kind
        return _MOMENTS.get(str(subtype), read_date), moment_checks(component)
    reader, checks = _PLAIN.get(kind, (lambda raw: raw, lambda _: []))
    return reader, checks(component)


_LIMITS = frozenset({"min", "max", "minLength", "maxLength"})
_MOMENTS: dict[str, Reader] = {"date": read_date, "time": read_time, "datetime": read_datetime}
_PLAIN: dict[str, tuple[Reader, Callable[[Mapping[str, Any]], list[Check]]]] = {
    "textfield": (read_text, text_checks), "textarea": (read_text, text_checks), "checkbox": (read_boolean, lambda _: []),
    "radio": (read_choice, choice_checks), "select": (read_choice, choice_checks), "checklist": (read_choices, choice_checks),
    "taglist": (read_choices, choice_checks), "filepicker": (read_file, lambda _: []),
}


def _asks(entry: Input) -> bool:
    settings = [entry.disabled, entry.readonly, *((entry.component.get("validate") or {}).values())]
    computed = any(isinstance(value, Expression) or (isinstance(value, str) and value.startswith("=")) for value in settings)
    sourced = entry.component.get("valuesExpression") or entry.component.get("valuesKey")
    return computed or entry.expression is not None or entry.rows is not None or bool(sourced)
