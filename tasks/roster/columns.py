"""What a process says about its cohort sheet (roster.yaml): columns, who may import, lists. It knows no process and no file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workflows.errors import Rejection

TYPES = ("id_number", "text", "mobile", "date", "organisation", "list", "number", "boolean", "name")
LONGEST_TEXT = 200  # characters, the width of our text columns


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the sheet; `maps_to` is a path such as case.university, person.mobile or items.contract."""

    key: str
    zh: str
    en: str
    type: str
    required: bool = False
    aliases: tuple[str, ...] = ()
    maps_to: tuple[str, ...] = ()
    example: str = ""
    kinds: tuple[str, ...] = ()
    unknown: str = "error"
    max_length: int = LONGEST_TEXT
    pattern: str = ""
    inside: str = ""  # key of the organisation column that must contain this one

    @property
    def names(self) -> tuple[str, ...]:
        """Every heading under which the column is recognised."""
        return (self.zh, self.en, self.key, *self.aliases)

    def label(self, language: str) -> str:
        """The heading in a language."""
        return self.zh if language.startswith("zh") else self.en


@dataclass(frozen=True, slots=True)
class Importer:
    """A role that may import: `own` columns must lie inside its organisation; `unknown` says what an unregistered code is."""

    role: str
    own: tuple[str, ...] = ()
    unknown: Mapping[str, str] = field(default_factory=dict)
    counter: bool = False

    def severity(self, column: Column) -> str:
        """error or warning, for an organisation code of `column` that is not in the register."""
        return self.unknown.get(column.key) or self.unknown.get("*") or column.unknown


@dataclass(frozen=True, slots=True)
class ListColumn:
    """A column of a list or export; `source` is read by tasks.lists."""

    key: str
    zh: str
    en: str
    source: str


@dataclass(frozen=True, slots=True)
class CaseList:
    """A list of cases that a process offers: which stages belong to it and what it shows."""

    stages: tuple[str, ...] = ()
    columns: tuple[ListColumn, ...] = ()
    tree: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Roster:
    """The parsed roster.yaml of one version of a process."""

    process_id: str
    columns: tuple[Column, ...]
    person: Mapping[str, str]
    cycle: str
    importers: tuple[Importer, ...]
    counter: tuple[Importer, ...]
    fixed: Mapping[str, Any]
    lists: Mapping[str, CaseList]

    def column(self, key: str) -> Column:
        """The column with this key."""
        return next(column for column in self.columns if column.key == key)

    @property
    def identity(self) -> Column:
        """The column that says whom a row is about: rows with the same value are one row."""
        key = self.person.get("id_number")
        return self.column(key) if key else self.columns[0]

    def importer(self, role: str | None, *, counter: bool = False) -> Importer | None:
        """The rule for `role`, or None when it may not import (or, with `counter`, not register one person)."""
        rules = (*self.counter, *self.importers) if counter else self.importers
        return next((rule for rule in rules if rule.role == role), None)


def read_roster(process_id: str, document: Mapping[str, Any]) -> Roster:
    """Parse roster.yaml.

    Raises Rejection naming the first mistake: an unknown type, a key used twice, a person field without its column.
    """
    columns = tuple(_column(entry) for entry in document.get("columns") or ())
    _check(columns)
    person = {key: value for key, value in (document.get("person") or {}).items() if isinstance(value, str)}
    known = {column.key for column in columns}
    for name, key in person.items():
        if name not in ("fact", "key_fact") and key not in known:
            raise _mistake(f"person.{name} 指向不存在的列“{key}”", f"person.{name} names the unknown column {key!r}")
    lists = {name: _case_list(entry) for name, entry in (document.get("lists") or {}).items() if isinstance(entry, Mapping)}
    lists["export"] = _case_list(document.get("export") or {})
    return Roster(
        process_id=process_id, columns=columns, person=person, cycle=str(document.get("cycle") or ""),
        importers=_importers(document.get("importers")), counter=_importers(document.get("counter"), counter=True),
        fixed=dict(document.get("fixed") or {}), lists=lists,
    )


def _column(entry: Mapping[str, Any]) -> Column:
    key = str(entry.get("key") or "")
    if entry.get("type") not in TYPES:
        raise _mistake(f"列“{key}”的类型应为 {'、'.join(TYPES)} 之一", f"column {key!r}: type must be one of {', '.join(TYPES)}")
    return Column(
        key=key, zh=str(entry.get("zh") or key), en=str(entry.get("en") or key), type=str(entry["type"]),
        required=bool(entry.get("required")), aliases=_texts(entry.get("aliases")), maps_to=_texts(entry.get("maps_to")),
        example=str(entry.get("example") or ""), kinds=_texts(entry.get("kinds") or entry.get("kind")),
        unknown=str(entry.get("unknown") or "error"), max_length=int(entry.get("max_length") or LONGEST_TEXT),
        pattern=str(entry.get("pattern") or ""), inside=str(entry.get("inside") or ""),
    )


def _check(columns: Sequence[Column]) -> None:
    if not columns:
        raise _mistake("没有定义任何列", "no columns are defined")
    seen: set[str] = set()
    for column in columns:
        if column.key in seen:
            raise _mistake(f"列“{column.key}”重复", f"column {column.key!r} is defined twice")
        seen.add(column.key)


def _importers(entries: Any, *, counter: bool = False) -> tuple[Importer, ...]:
    if isinstance(entries, Mapping):
        roles = entries.get("roles")
        if roles is None:
            entries = [{"role": role, **(rule or {})} for role, rule in entries.items()]
        else:
            entries = [{**entries, "role": role} for role in roles]
    rules = []
    for entry in entries or ():
        unknown = entry.get("unknown") or {}
        for role in _texts(entry.get("roles") or entry.get("role")):
            rules.append(Importer(
                role=role, own=_texts(entry.get("own")), counter=counter,
                unknown={"*": unknown} if isinstance(unknown, str) else dict(unknown),
            ))
    return tuple(rules)


def _case_list(entry: Any) -> CaseList:
    document = entry if isinstance(entry, Mapping) else {"columns": entry}
    return CaseList(
        stages=_texts(document.get("stages")), columns=tuple(_list_column(item) for item in document.get("columns") or ()),
        tree=_texts(document.get("tree")), roles=_texts(document.get("roles")),
    )


def _list_column(entry: Any) -> ListColumn:
    if isinstance(entry, str):
        return ListColumn(entry, entry, entry, entry)
    key = str(entry.get("key") or entry.get("source"))
    return ListColumn(key, str(entry.get("zh") or key), str(entry.get("en") or key), str(entry.get("source") or key))


def _texts(value: Any) -> tuple[str, ...]:
    if value is None or value == "":
        return ()
    return (value,) if isinstance(value, str) else tuple(str(item) for item in value)


def _mistake(zh: str, en: str) -> Rejection:
    return Rejection(f"roster.yaml：{zh}。", f"roster.yaml: {en}.", status=422)
