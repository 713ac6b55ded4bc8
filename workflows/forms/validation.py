"""Judges one submission against a compiled form: hidden values dropped, unknown names refused, expressions recomputed.

It trusts nothing the browser computed and never raises on what was submitted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from workflows.feel import Expression, FeelError
from workflows.feel.values import to_json
from workflows.forms.schema import Input, Level, Path, compile_schema
from workflows.forms.values import MOST_ENTRIES, Wrong, is_empty

Functions = Mapping[str, Callable[..., Any]]
Words = dict[str, str]

MOST_ROUNDS = 4  # of deciding what is hidden: conditions may depend on each other
MOST_UNKNOWN = 20  # unknown names reported one by one
_CHOSEN = ("radio", "select", "checklist", "taglist", "datetime", "date", "time")


@dataclass
class FormResult:
    """`values`: what to store, by top-level name; `errors`: place → words, empty when the submission is good."""

    values: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, Words] = field(default_factory=dict)


def validate(
    schema: Mapping[str, Any], submitted: Mapping[str, Any], data: Mapping[str, Any], functions: Functions | None = None,
    now: datetime | None = None, permissions: Mapping[str, str] | None = None,
) -> FormResult:
    """Judge `submitted` (the JSON a form-js form sends) against its schema.

    `data` are the case's variables: what expressions read, and where values the person may not change stay as they
    are. `permissions` gives single fields another right: visible (shown, not changed), editable, hidden or required.
    Values of hidden, disabled and read-only fields are ignored; a name the form does not have is an error.
    """
    run = _Run(functions, now, permissions or {})
    result = FormResult()
    if not isinstance(submitted, Mapping):
        result.errors[""] = {"zh": "提交的内容不是表单。", "en": "What was submitted is not a form."}
        return result
    place = _Place(run, compile_schema(schema), submitted, data, dict(data), "", result)
    result.values = place.judge()
    return result


class _Run:
    """What one submission carries through all its levels."""

    def __init__(self, functions: Functions | None, now: datetime | None, permissions: Mapping[str, str]) -> None:
        self.functions = functions
        self.now = now
        self.permissions = permissions

    def evaluate(self, expression: Expression, variables: Mapping[str, Any]) -> Any:
        """The value, or null when the expression cannot be computed within its limits."""
        try:
            return expression.evaluate(variables, self.functions, self.now)
        except FeelError:
            return None


class _Place:
    """One level of one submission: the form, or a row of a list."""

    def __init__(
        self, run: _Run, level: Level, submitted: Mapping[str, Any], data: Mapping[str, Any], variables: dict[str, Any], prefix: str,
        result: FormResult,
    ) -> None:
        self.run = run
        self.now = run.now
        self.level = level
        self.submitted = submitted
        self.data = data
        self.outer = variables
        self.variables = variables
        self.prefix = prefix
        self.result = result

    def judge(self) -> dict[str, Any]:
        """The values of this level; errors go to the result."""
        self._refuse_unknown(self.submitted, self.level.declared, self.prefix)
        read, wrong = self._read()
        hidden = self._hidden(read) if self.level.asks else {place for place, entry in self._entries() if self._right(entry) == "hidden"}
        values: dict[str, Any] = {}
        for place, entry in self._entries():
            if place in hidden:
                continue
            if entry.expression is not None:
                self._keep(values, entry.path, to_json(self.run.evaluate(entry.expression, self.variables)))
            elif self._locked(entry):
                continue
            elif place in wrong:
                self._error(entry, wrong[place])
            elif entry.rows is not None:
                self._keep(values, entry.path, self._rows(entry, read[place]))
            else:
                self._check(entry, read[place])
                self._keep(values, entry.path, read[place])
        return values

    def limit(self, setting: Any) -> Any:
        """A limit of a check: the number as written, or what its expression gives."""
        if isinstance(setting, Expression):
            setting = self.run.evaluate(setting, self.variables)
        if isinstance(setting, str):
            try:
                return Decimal(setting)
            except ArithmeticError:
                return None
        return Decimal(str(setting)) if isinstance(setting, float) else None if isinstance(setting, (bool, dict)) else setting

    def lookup(self, name: str) -> Any:
        """What the data hold under a name, dots included."""
        return _dig(self.variables, tuple(name.split(".")))

    def _entries(self) -> enumerate[Input]:
        return enumerate(self.level.inputs)

    def _right(self, entry: Input) -> str | None:
        return self.run.permissions.get(entry.name) if self.run.permissions else None

    def _refuse_unknown(self, submitted: Mapping[str, Any], declared: Mapping[str, Any], prefix: str) -> None:
        for name, value in submitted.items():
            if name not in declared:
                if len(self.result.errors) < MOST_UNKNOWN:
                    shown = prefix + str(name)[:60].encode("utf-8", "replace").decode()
                    self.result.errors[shown] = {"zh": f"表单中没有“{shown}”这一项。", "en": f"The form has no field {shown}."}
            elif isinstance(declared[name], dict) and isinstance(value, Mapping):
                self._refuse_unknown(value, declared[name], f"{prefix}{name}.")

    def _read(self) -> tuple[dict[int, Any], dict[int, Wrong]]:
        read: dict[int, Any] = {}
        wrong: dict[int, Wrong] = {}
        for place, entry in self._entries():
            if entry.expression is not None:
                continue
            try:
                read[place] = entry.read(_dig(self.submitted, entry.path))
            except Wrong as problem:
                wrong[place] = problem
        return read, wrong

    def _hidden(self, read: Mapping[int, Any]) -> set[int]:
        """Which inputs do not show, decided until it no longer changes: a hidden value counts for no condition."""
        hidden: set[int] = set()
        for _ in range(MOST_ROUNDS):
            self._see(read, hidden)
            true = {number for number, condition in enumerate(self.level.hides) if self._is_true(condition)}
            now = {place for place, entry in self._entries() if self._hides(entry, true)}
            if now == hidden:
                break
            hidden = now
        else:
            self._see(read, hidden)
        return hidden

    def _hides(self, entry: Input, true: set[int]) -> bool:
        return self._right(entry) == "hidden" or any(number in true for number in entry.hides)

    def _see(self, read: Mapping[int, Any], hidden: set[int]) -> None:
        """Put what was entered over the data, for expressions; then compute the expression fields once."""
        self.variables = variables = dict(self.outer)
        for place, entry in self._entries():
            if entry.expression is None and place not in hidden and not self._locked(entry):
                _put(variables, entry.path, _visible(entry, read.get(place)))
        for place, entry in self._entries():
            if entry.expression is not None and place not in hidden:
                _put(variables, entry.path, to_json(self.run.evaluate(entry.expression, variables)))

    def _is_true(self, condition: Any) -> bool:
        return (self.run.evaluate(condition, self.variables) if isinstance(condition, Expression) else condition) is True

    def _locked(self, entry: Input) -> bool:
        right = self._right(entry)
        if right in ("editable", "required"):
            return False
        return right == "visible" or self._is_true(entry.disabled) or self._is_true(entry.readonly)

    def _check(self, entry: Input, value: Any) -> None:
        missing = value is False if entry.type == "checkbox" else is_empty(value)
        if missing and (entry.required or self._right(entry) == "required"):
            self._error(entry, _required(entry))
            return
        try:
            for check in entry.checks:
                check(value, self)
        except Wrong as problem:
            self._error(entry, problem)

    def _rows(self, entry: Input, raw: Any) -> list[Any]:
        before = _dig(self.data, entry.path)
        before = before if isinstance(before, list) else []
        kept = bool(before) and any(right == "hidden" and name.startswith(f"{entry.name}[].") for name, right in self.run.permissions.items())
        if raw is None and kept:
            return before
        if raw is None:
            raw = []
        if not isinstance(raw, list) or len(raw) > MOST_ENTRIES or not all(isinstance(row, dict) for row in raw):
            self._error(entry, Wrong("应为若干行。", "This must be a list of rows."))
            return before
        fixed = len(before) or int(entry.component.get("defaultRepetitions") or 1)
        if (kept or entry.component.get("allowAddRemove") is False) and len(raw) != fixed:  # what is hidden in a row stays with its row
            self._error(entry, Wrong(f"不能增加或删除行，应有 {fixed} 行。", f"Rows cannot be added or removed; there must be {fixed}."))
            return before
        return [self._row(entry, number, row, before[number] if number < len(before) else {}) for number, row in enumerate(raw)]

    def _row(self, entry: Input, number: int, row: dict[str, Any], before: Any) -> dict[str, Any]:
        assert entry.rows is not None
        known = before if isinstance(before, dict) else {}
        variables = {**self.variables, **known, "this": known, "parent": self.outer.get("this", self.variables), "i": number + 1}
        prefix = f"{self.prefix}{'.'.join(entry.path)}[{number}]."
        inner = _Place(self.run, entry.rows, row, known, variables, prefix, self.result)
        kept = {name: value for name, value in known.items() if name in entry.rows.declared}
        return {**kept, **inner.judge()}

    def _keep(self, values: dict[str, Any], path: Path, value: Any) -> None:
        """Write a value; beside it, what the person may not change stays as it is in the data."""
        top = path[0]
        if len(path) > 1 and top not in values and isinstance(self.data.get(top), Mapping):
            values[top] = to_json(self.data[top])
        _put(values, path, value)

    def _error(self, entry: Input, problem: Wrong) -> None:
        self.result.errors[self.prefix + ".".join(entry.path)] = {"zh": problem.zh, "en": problem.en}


def _required(entry: Input) -> Wrong:
    label = "" if entry.label.startswith("=") else entry.label.rstrip("*＊ ：:")
    if entry.type == "checkbox":
        return Wrong(f"请勾选“{label}”。" if label else "请勾选此项。", f"Tick “{label}”." if label else "Tick this box.")
    verb, english = ("选择", "Choose") if entry.type in _CHOSEN else ("上传", "Upload") if entry.type == "filepicker" else ("填写", "Fill in")
    return Wrong(f"请{verb}“{label}”。" if label else f"请{verb}此项。", f"{english} “{label}”." if label else f"{english} this field.")


def _dig(values: Any, path: Path) -> Any:
    for name in path:
        if not isinstance(values, Mapping):
            return None
        values = values.get(name)
    return values


def _put(values: dict[str, Any], path: Path, value: Any) -> None:
    """Write into nested contexts, copying those on the way: the data given in stay untouched."""
    for name in path[:-1]:
        inner = values.get(name)
        values[name] = values = dict(inner) if isinstance(inner, Mapping) else {}
    values[path[-1]] = value


def _visible(entry: Input, value: Any) -> Any:
    """What an expression may see of a value not judged yet: plain values, and rows of plain entries the form declares."""
    if entry.rows is not None:
        rows = [row for row in value[:MOST_ENTRIES] if isinstance(row, dict)] if isinstance(value, list) else []
        return [{name: _plain(row.get(name)) for name in entry.rows.declared} for row in rows]
    return [_plain(item) for item in value] if isinstance(value, list) else _plain(value)


def _plain(value: Any) -> Any:
    return value if isinstance(value, (str, int, bool)) or isinstance(value, float) and value - value == 0 else None
