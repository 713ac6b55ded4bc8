"""Staff from an Excel sheet: one row, one person in one role; good rows are kept, bad ones say why. It reads no file format."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, select

from tasks.account_fields import normalise_login
from tasks.actors import Actor
from tasks.import_rows import cell_text, demand, refusal_words
from tasks.models import Person
from tasks.people_administration import PeopleAdministration
from tasks.roles import ROLES
from workflows.errors import Conflict, Rejection, Words
from workflows.store import Store
from workflows.workbook import SheetColumn, write_template

# Key of a parsed row → the headings it is recognised by; the first one stands in the blank template.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "name": ("姓名", "name"),
    "login": ("登录名", "login"),
    "role": ("角色", "role"),
    "organisation": ("单位代码", "organisation"),
    "from": ("开始日期", "from"),
    "to": ("结束日期", "to"),
    "mobile": ("手机号", "mobile"),
}
_HELP: Mapping[str, tuple[str, str]] = {
    "name": ("", ""), "login": ("3–40 位小写字母、数字、点或横线，以字母开头", "3–40 letters, digits, dots or dashes, starting with a letter"),
    "role": ("角色名称，可从下拉列表选择", "name of the role, from the list"), "organisation": ("“单位”页上的代码", "the code shown on the organisations page"),
    "from": ("如 2026-09-01；空着表示立即生效", "such as 2026-09-01; empty: at once"), "to": ("含当日；空着表示长期", "inclusive; empty: no end"),
    "mobile": ("11 位手机号", "11 digits"),
}
_RULES = (
    ("一行是一人的一个角色；同一人有几个角色时写几行，登录名相同。", "A row is one person in one role; for several roles write several rows with the same login."),
    ("新账号会得到一次性激活码，结果页只显示一次。", "New accounts get a one-time code, shown once on the result page."),
    ("有错误的行不会导入并说明原因；同一文件可重复导入，不会产生重复账号。", "Rows with errors are left out with the reason; importing a file again changes nothing."),
)
REQUIRED = ("name", "login", "role", "organisation")
ROLE_BY_WORDS = {words.lower(): code for code, found in ROLES.items() for words in (code, found.zh, found.en)}


@dataclass(frozen=True)
class ImportedRow:
    """What became of one row: created (with the one-time code), added (a further role), unchanged or refused (with the reason)."""

    row: int
    name: str
    status: str
    person_id: int | None = None
    code: str | None = None
    refused: Words | None = None


def import_people(
    connection: Connection, actor: Actor, administration: PeopleAdministration, rows: Iterable[tuple[int, Mapping[str, Any]]],
) -> list[ImportedRow]:
    """Add the people of `rows` (row number as the sheet shows it, cells by key of COLUMNS); the same sheet again changes nothing.

    Each row is kept or dropped by itself. Dates are dates or text as 2026-09-01, both inclusive, empty is open.
    """
    return [_row(connection, actor, administration, number, cells) for number, cells in rows]


def template(chinese: bool) -> bytes:
    """The blank sheet with drop-downs and instructions, in Chinese or English."""
    which = 0 if chinese else 1
    choices = tuple(found.zh if chinese else found.en for code, found in ROLES.items() if code != "student")
    columns = [
        SheetColumn(
            names[which], "date" if key in ("from", "to") else "identifier", width=18, help=_HELP[key][which], required=key in REQUIRED,
            choices=choices if key == "role" else (),
        )
        for key, names in COLUMNS.items()
    ]
    return write_template(columns, "人员" if chinese else "People", [rule[which] for rule in _RULES])


def _row(connection: Connection, actor: Actor, administration: PeopleAdministration, number: int, cells: Mapping[str, Any]) -> ImportedRow:
    name = cell_text(cells, "name")
    try:
        with Store.savepoint(connection):
            return _enter(connection, actor, administration, number, cells)
    except Rejection as error:
        return ImportedRow(number, name, "refused", refused=refusal_words(error))


def _enter(connection: Connection, actor: Actor, administration: PeopleAdministration, number: int, cells: Mapping[str, Any]) -> ImportedRow:
    demand(cells, REQUIRED, COLUMNS)
    name, login = cell_text(cells, "name"), normalise_login(cell_text(cells, "login"))
    role_code, organisation = _role(cell_text(cells, "role")), cell_text(cells, "organisation")
    dates = _date(cells, "from"), _date(cells, "to")
    known = connection.execute(select(Person.id, Person.name).where(Person.login == login)).first()
    if known is None:
        account = administration.add_person(
            connection, actor, name=name, login=login, role_code=role_code, organisation_code=organisation, valid_from=dates[0],
            valid_to=dates[1], mobile=cell_text(cells, "mobile") or None,
        )
        return ImportedRow(number, name, "created", account.person_id, account.code)
    if known.name != name:
        raise Conflict(f"登录名“{login}”已属于另一人员。", f"The login {login!r} belongs to somebody else.")
    held = administration.directory.holds(connection, known.id, role_code, organisation, *dates)
    if held:
        return ImportedRow(number, name, "unchanged", known.id)
    administration.directory.manageable(connection, actor, known.id)
    administration.add_membership(connection, actor, known.id, role_code, organisation, *dates)
    return ImportedRow(number, name, "added", known.id)


def _role(text: str) -> str:
    found = ROLE_BY_WORDS.get(text.lower())
    if found is None:
        raise Rejection(f"没有“{text}”这种角色。", f"There is no role {text!r}.")
    return found


def _date(cells: Mapping[str, Any], key: str) -> date | None:
    value = cells.get(key)
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date) or not cell_text(cells, key):
        return value if isinstance(value, date) else None
    try:
        return date.fromisoformat(cell_text(cells, key).replace("/", "-").replace(".", "-"))
    except ValueError as error:
        raise Rejection(f"{COLUMNS[key][0]}应写作 2026-09-01。", f"Write the date {COLUMNS[key][1]!r} as 2026-09-01.") from error
