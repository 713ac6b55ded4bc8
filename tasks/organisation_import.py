"""Organisations from an Excel sheet: one row, one organisation; new ones are added, known ones corrected, bad rows say why.

It reads no file format. The order of the rows does not matter: a parent may stand below its children.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from tasks.actors import Actor
from tasks.import_rows import cell_text, demand, refusal_words
from tasks.organisation_administration import correct_organisation, enter_organisation, move_organisation
from tasks.organisations import KINDS, OrganisationRow
from tasks.people import People
from workflows.errors import Rejection, Words
from workflows.store import Store
from workflows.workbook import SheetColumn, write_template

# Key of a parsed row → the headings it is recognised by; Chinese and English templates use the first two.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "code": ("单位代码", "code", "代码"),
    "name": ("单位名称", "name", "名称"),
    "kind": ("类型", "kind", "单位类型"),
    "parent": ("上级单位代码", "parent", "上级代码", "上级单位"),
    "province": ("所在省代码", "province", "省代码"),
    "on_platform": ("是否上线", "on_platform", "上线"),
}
REQUIRED = ("code", "name", "kind")
KIND_BY_WORDS = {words.lower(): code for code, pair in KINDS.items() for words in (code, pair["zh"], pair["en"])}
YES, NO = ("是", "yes", "y", "true", "1"), ("否", "no", "n", "false", "0")
_HELP: Mapping[str, tuple[str, str]] = {
    "code": ("唯一，字母、数字、- 和 _", "unique; letters, digits, - and _"), "name": ("", ""),
    "kind": ("可从下拉列表选择", "from the list"), "parent": ("一级单位空着", "empty for an organisation without a parent"),
    "province": ("两位数字；空着时随上级", "two digits; empty: as its parent"), "on_platform": ("是或否；空着为是", "yes or no; empty: yes"),
}
_RULES = (
    ("一行一个单位；上级可以在同一张表里，行的先后不限。", "One organisation per row; its parent may stand in the same sheet, in any order."),
    ("代码已存在的单位按表更正名称、上级、省和上线状态；类型不能更改。", "Known codes are corrected: name, parent, province, on the platform; the kind cannot change."),
    ("有错误的行不会导入并说明原因；同一文件可重复导入，没有变化的行不动。", "Rows with errors are left out with the reason; importing a file again changes nothing."),
)


@dataclass(frozen=True)
class ImportedRow:
    """What became of one row: created, changed, unchanged or refused (with the reason)."""

    row: int
    name: str
    status: str
    code: str = ""
    refused: Words | None = None


@dataclass(frozen=True)
class _Line:
    row: int
    code: str
    name: str
    kind: str
    parent: str
    province: str
    on_platform: bool | None


def template(chinese: bool) -> bytes:
    """The blank sheet with drop-downs and instructions, in Chinese or English."""
    which, language = (0, "zh") if chinese else (1, "en")
    choices = {"kind": tuple(pair[language] for pair in KINDS.values()), "on_platform": (YES[which], NO[which])}
    columns = [
        SheetColumn(names[which], "identifier", width=22, help=_HELP[key][which], required=key in REQUIRED, choices=choices.get(key, ()))
        for key, names in COLUMNS.items()
    ]
    return write_template(columns, "单位" if chinese else "Organisations", [rule[which] for rule in _RULES])


def import_organisations(
    connection: Connection, people: People, actor: Actor, rows: Iterable[tuple[int, Mapping[str, Any]]],
) -> list[ImportedRow]:
    """Add or correct the organisations of `rows` (row number as the sheet shows it, cells by key of COLUMNS), each by itself."""
    results: list[ImportedRow] = []
    lines: dict[str, _Line] = {}
    for number, cells in rows:
        try:
            line = _line(number, cells)
            if line.code in lines:
                raise Rejection(f"与第 {lines[line.code].row} 行的代码重复。", f"The same code as in row {lines[line.code].row}.")
            lines[line.code] = line
        except Rejection as error:
            results.append(_refused(number, cell_text(cells, "name"), cell_text(cells, "code"), error))
    known = dict(people.organisations.tree(connection).by_code)
    fresh = [line for line in _parents_first(lines) if line.code not in known]
    results += [_add(connection, people, actor, line, known) for line in fresh]
    if fresh:
        people.organisations.changed(connection)
    added = {line.code for line in fresh}
    present = [line for line in lines.values() if line.code not in added]
    results += [_correct(connection, people, actor, line, known) for line in sorted(present, key=lambda line: not _moves(line, known))]
    people.organisations.changed(connection)
    people.organisations.many_touched(connection)
    return sorted(results, key=lambda result: result.row)


def _parents_first(lines: Mapping[str, _Line]) -> list[_Line]:
    """Each line after the line of its parent; a circle is left in the order of the sheet, where its first line finds no parent."""
    ordered: dict[str, _Line] = {}
    for line in lines.values():
        chain: dict[str, _Line] = {}
        current: _Line | None = line
        while current is not None and current.code not in chain and current.code not in ordered:
            chain[current.code] = current
            current = lines.get(current.parent)
        for code in reversed(chain):
            ordered[code] = chain[code]
    return list(ordered.values())


def _add(connection: Connection, people: People, actor: Actor, line: _Line, known: dict[str, OrganisationRow]) -> ImportedRow:
    try:
        with Store.savepoint(connection):
            above = _parent(line, known)
            province = _province(line, known)
            known[line.code] = enter_organisation(
                connection, people, actor, above, code=line.code, name=line.name, kind=line.kind, province=province,
                on_platform=line.on_platform is not False,
            )
    except Rejection as error:
        return _refused(line.row, line.name, line.code, error)
    return ImportedRow(line.row, line.name, "created", line.code)


def _correct(connection: Connection, people: People, actor: Actor, line: _Line, known: Mapping[str, OrganisationRow]) -> ImportedRow:
    row = known[line.code]
    try:
        with Store.savepoint(connection):
            if row.kind != line.kind:
                raise Rejection(
                    f"该代码已是“{KINDS[row.kind]['zh']}”，类型不能更改。", f"This code is a {KINDS[row.kind]['en']} already; its kind cannot change."
                )
            changes = _changes(line, row, known)
            _parent(line, known)
            moves = _moves(line, known)
            if moves:
                move_organisation(connection, people, actor, line.code, line.parent)
            if changes:
                correct_organisation(connection, people, actor, row, **changes)
    except Rejection as error:
        people.organisations.tree(connection)  # it may remember the move that was just taken back
        return _refused(line.row, line.name, line.code, error)
    return ImportedRow(line.row, line.name, "changed" if changes or moves else "unchanged", line.code)


def _moves(line: _Line, known: Mapping[str, OrganisationRow]) -> bool:
    return bool(line.parent) and line.parent != known[line.code].parent


def _changes(line: _Line, row: OrganisationRow, known: Mapping[str, OrganisationRow]) -> dict[str, Any]:
    wanted = {"name": line.name, "province": _province(line, known), "on_platform": line.on_platform}
    return {key: value for key, value in wanted.items() if value is not None and value != getattr(row, key)}


def _parent(line: _Line, known: Mapping[str, OrganisationRow]) -> OrganisationRow | None:
    if not line.parent:
        return None
    if line.parent not in known:
        raise Rejection(f"没有代码为“{line.parent}”的上级单位。", f"There is no organisation with the code {line.parent!r} to stand above it.")
    return known[line.parent]


def _province(line: _Line, known: Mapping[str, OrganisationRow]) -> str | None:
    """The province of the row; any two digits will do, since a university may lie in a province that does not work here."""
    if line.province and not (len(line.province) == 2 and line.province.isdigit()) and line.province not in known:
        raise Rejection(f"省代码“{line.province}”应为两位数字。", f"The province {line.province!r} should have two digits.")
    return line.province or None


def _line(number: int, cells: Mapping[str, Any]) -> _Line:
    demand(cells, REQUIRED, COLUMNS)
    kind = KIND_BY_WORDS.get(cell_text(cells, "kind").lower())
    if kind is None:
        raise Rejection(f"没有“{cell_text(cells, 'kind')}”这种单位类型。", f"There is no kind {cell_text(cells, 'kind')!r}.")
    on_platform = cell_text(cells, "on_platform").lower()
    if on_platform and on_platform not in (*YES, *NO):
        raise Rejection("“是否上线”应填“是”或“否”。", "Write yes or no into the column on_platform.")
    return _Line(
        number, cell_text(cells, "code"), cell_text(cells, "name"), kind, cell_text(cells, "parent"), cell_text(cells, "province"),
        on_platform in YES if on_platform else None,
    )


def _refused(number: int, name: str, code: str, error: Rejection) -> ImportedRow:
    return ImportedRow(number, name, "refused", code, refusal_words(error))
