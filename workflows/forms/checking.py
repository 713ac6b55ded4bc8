"""Whether a form may be deployed: every problem of a form-js file at once, with its place. It knows no case and no data."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

import re2

from workflows.feel import FeelSyntaxError, compile_expression
from workflows.forms.checks import compile_pattern
from workflows.forms.schema import CONTAINERS, EXPRESSION, INPUTS, SILENT, path_of

OLDEST_SCHEMA, NEWEST_SCHEMA = 16, 19
MAXIMUM_BYTES = 1024 * 1024
MAXIMUM_DEPTH = 20
MAXIMUM_COMPONENTS = 2_000
_CHOICES = ("radio", "select", "checklist", "taglist")


@dataclass(frozen=True)
class FormProblem:
    """One reason why a form is refused; `component` is the id or key of the place."""

    resource: str
    component: str
    zh: str
    en: str

    def __str__(self) -> str:
        return f"{self.resource}: {self.zh}"


def check_form(content: bytes, name: str) -> list[FormProblem]:
    """Every problem of a .form file named `name`; an empty list means that it can be used.

    Looked at: JSON, schema version (16 to 19), component types, keys (missing, double), options, limits, patterns
    (linear-time syntax only) and the syntax of every FEEL expression, with line and column.
    """
    if len(content) > MAXIMUM_BYTES:
        return [FormProblem(name, "", f"表单文件超过 {MAXIMUM_BYTES // 1024} KB", f"the form is larger than {MAXIMUM_BYTES // 1024} KB")]
    try:
        schema = json.loads(content)
    except json.JSONDecodeError as error:
        place = f"{error.lineno}:{error.colno}"
        return [FormProblem(name, "", f"不是有效的 JSON（第 {error.lineno} 行第 {error.colno} 列）", f"not valid JSON at {place}: {error.msg}")]
    except UnicodeDecodeError:
        return [FormProblem(name, "", "不是 UTF-8 编码的 JSON", "not JSON in UTF-8")]
    except RecursionError:
        return [FormProblem(name, "", f"嵌套超过 {MAXIMUM_DEPTH} 层", f"nested deeper than {MAXIMUM_DEPTH} levels")]
    except ValueError:
        return [FormProblem(name, "", "有数字过长", "it holds a number that is too long")]
    return _Checker(name).check(schema)


class _Checker:
    def __init__(self, name: str) -> None:
        self.name = name
        self.problems: list[FormProblem] = []
        self.count = 0

    def check(self, schema: Any) -> list[FormProblem]:
        """Walk the whole schema."""
        if not isinstance(schema, dict) or not isinstance(schema.get("components"), list):
            self.add("", "没有 components 列表，不是 form-js 表单", "there is no list of components: not a form-js form")
            return self.problems
        version = schema.get("schemaVersion", NEWEST_SCHEMA)
        if not isinstance(version, int) or not OLDEST_SCHEMA <= version <= NEWEST_SCHEMA:
            self.add("", f"schemaVersion {version} 不受支持（{OLDEST_SCHEMA}–{NEWEST_SCHEMA}）", f"schemaVersion {version} is not supported")
        self.level(schema["components"], {}, (), 0)
        return self.problems

    def add(self, component: str, zh: str, en: str) -> None:
        """Note a problem."""
        at = f"“{component}”" if component else ""
        self.problems.append(FormProblem(self.name, component, f"{at}{zh}", f"{component}: {en}" if component else en))

    def level(self, components: Any, seen: dict[tuple[str, ...], str], path: tuple[str, ...], depth: int) -> None:
        """Check the components of one level; `seen` holds the keys of the form or row around them."""
        if depth > MAXIMUM_DEPTH:
            self.add("", f"嵌套超过 {MAXIMUM_DEPTH} 层", f"nested deeper than {MAXIMUM_DEPTH} levels")
            return
        for component in components if isinstance(components, list) else ():
            self.count += 1
            if self.count > MAXIMUM_COMPONENTS:
                self.add("", f"组件超过 {MAXIMUM_COMPONENTS} 个", f"more than {MAXIMUM_COMPONENTS} components")
                return
            if not isinstance(component, dict):
                self.add("", "组件不是对象", "a component is not an object")
                continue
            self.component(component, seen, path, depth)

    def component(self, component: Mapping[str, Any], seen: dict[tuple[str, ...], str], path: tuple[str, ...], depth: int) -> None:
        """Check one component and what is in it."""
        kind, where = component.get("type"), str(component.get("key") or component.get("id") or component.get("path") or "?")
        if kind not in INPUTS | SILENT | CONTAINERS | {EXPRESSION}:
            self.add(where, f"组件类型“{kind}”不受支持", f"component type {kind!r} is not supported")
            return
        if not self.shapes(component, where):
            return
        for text, place in _expressions(component):
            self.feel(text, where, place)
        inner = path + path_of(component.get("path"))
        if kind in ("group", "default"):
            self.level(component.get("components"), seen, inner, depth + 1)
        elif kind == "dynamiclist":
            self.key(component.get("path"), inner, where, seen)
            self.level(component.get("components"), {}, (), depth + 1)
        elif kind not in SILENT:
            self.key(component.get("key"), path + path_of(component.get("key")), where, seen)
            self.rules(component, where)

    def shapes(self, component: Mapping[str, Any], where: str) -> bool:
        """Whether the parts that must be objects or lists are."""
        expected = {"validate": dict, "conditional": dict, "values": list, "components": list}
        wrong = [name for name, shape in expected.items() if component.get(name) is not None and not isinstance(component[name], shape)]
        for name in wrong:
            self.add(where, f"的 {name} 结构不正确", f"{name} has the wrong structure")
        return not wrong

    def key(self, key: Any, path: tuple[str, ...], where: str, seen: dict[tuple[str, ...], str]) -> None:
        """A value needs a place, and the place must be its alone."""
        if not isinstance(key, str) or not path_of(key):
            self.add(where, "没有 key，填写的内容无处保存", "has no key, so its value has no place")
            return
        for length in range(1, len(path) + 1):
            taken = seen.get(path[:length])
            if taken is not None and (length == len(path) or taken == "value"):
                self.add(where, f"的 key“{'.'.join(path)}”重复", f"the key {'.'.join(path)} is used twice")
                return
        for length in range(1, len(path)):
            seen.setdefault(path[:length], "group")
        seen[path] = "value"

    def feel(self, text: str, where: str, place: str) -> None:
        """The syntax of one expression."""
        try:
            compile_expression(text)
        except FeelSyntaxError as error:
            self.add(
                where, f"的 {place} 表达式有误（第 {error.line} 行第 {error.column} 列）：{error.reason}", f"{place}: {error.words.en}",
            )

    def rules(self, component: Mapping[str, Any], where: str) -> None:
        """Limits, patterns, options and subtypes."""
        rules = component.get("validate") or {}
        for name in ("min", "max", "minLength", "maxLength"):
            if not _is_limit(rules.get(name)):
                self.add(where, f"的 {name} 应为数字或表达式", f"{name} must be a number or an expression")
        if not _is_limit(component.get("increment")) or not _is_digits(component.get("decimalDigits")):
            self.add(where, "的 increment 或 decimalDigits 应为数字", "increment and decimalDigits must be numbers")
        if rules.get("pattern"):
            try:
                compile_pattern(str(rules["pattern"]))
            except re2.error as error:
                self.add(where, f"的 pattern 不受支持：{error}", f"the pattern is not supported: {error}")
        kind = component["type"]
        if kind in _CHOICES and not any(component.get(name) for name in ("values", "valuesKey", "valuesExpression")):
            self.add(where, "没有选项", "has no options")
        if kind == "datetime" and component.get("subtype", "date") not in ("date", "time", "datetime"):
            self.add(where, f"的 subtype“{component['subtype']}”不受支持", f"subtype {component['subtype']!r} is not supported")
        if kind == EXPRESSION and not component.get("expression"):
            self.add(where, "没有表达式", "has no expression")


def form_expressions(schema: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Every FEEL text of a form that may be used: its component's key or id, the setting, and the text without "="."""
    waiting = list(reversed(schema.get("components") or ()))
    while waiting:
        component = waiting.pop()
        where = str(component.get("key") or component.get("id") or component.get("path") or "?")
        yield from ((where, setting, text) for text, setting in _expressions(component))
        waiting.extend(reversed(component.get("components") or ()))


def _expressions(component: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every FEEL text of a component and the name of its setting."""
    hide = (component.get("conditional") or {}).get("hide")
    if isinstance(hide, str) and hide:
        yield hide.removeprefix("="), "conditional.hide"
    if component.get("type") == EXPRESSION and isinstance(component.get("expression"), str) and component["expression"]:
        yield component["expression"].removeprefix("="), "expression"
    rules = component.get("validate") or {}
    settings = {name: component.get(name) for name in ("disabled", "readonly", "valuesExpression", "label", "text", "content", "description")}
    for name, value in {**settings, **{f"validate.{name}": rules.get(name) for name in ("min", "max", "minLength", "maxLength")}}.items():
        if isinstance(value, str) and value.startswith("="):
            yield value[1:], name


def _is_limit(value: Any) -> bool:
    if value is None or value == "" or (isinstance(value, str) and value.startswith("=")):
        return True
    try:
        return not isinstance(value, bool) and Decimal(str(value)).is_finite()
    except InvalidOperation:
        return False


def _is_digits(value: Any) -> bool:
    return value is None or (isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 20)
