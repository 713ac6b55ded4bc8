"""The organisation trees: who stands under whom, in which province, and the edits of an administrator.

It answers from memory; it knows no people. The two trees and the branches share one table, a root has no parent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from time import monotonic
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, false, func, insert, or_, select, true, update

from tasks.models import Organisation, SeatOffer
from workflows.errors import Conflict, InvalidForm, NotFound, Rejection, Words
from workflows.models import DataVersion

VERSION_NAME = "organisations"
EVERY_CODE = "*"
CHECK_EVERY = 1.0  # seconds between two looks for edits of other processes
EDIT_WINDOW = 5.0  # seconds after an edit of this process in which every call looks: it may yet commit or be rolled back
CODE = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,39}")

KINDS: Mapping[str, Words] = {
    "platform": {"zh": "平台", "en": "Platform"},
    "national": {"zh": "全国资助管理中心", "en": "National aid centre"},
    "province": {"zh": "省级资助管理中心", "en": "Provincial aid centre"},
    "city": {"zh": "市级资助管理机构", "en": "City aid office"},
    "county": {"zh": "县级资助管理中心", "en": "County aid centre"},
    "township": {"zh": "乡镇受理点", "en": "Township acceptance point"},
    "high_school": {"zh": "高中", "en": "High school"},
    "university": {"zh": "高校", "en": "University"},
    "campus": {"zh": "校区", "en": "Campus"},
    "faculty": {"zh": "院系", "en": "Faculty"},
    "class": {"zh": "班级", "en": "Class"},
    "bank_branch": {"zh": "开行分行", "en": "Bank branch"},
    "office": {"zh": "其他单位", "en": "Other office"},
}
EVERYTHING = ("platform", "national")  # kinds whose scope is all organisations


@dataclass(frozen=True, slots=True)
class OrganisationRow:
    """One organisation as it stands now."""

    id: int
    code: str
    name: str
    kind: str
    parent: str | None
    path: str
    province: str | None
    on_platform: bool
    active: bool

    def as_context(self) -> dict[str, Any]:
        """What FEEL's `org(code)` answers."""
        return {
            "code": self.code, "name": self.name, "kind": self.kind, "province": self.province, "on_platform": self.on_platform,
            "active": self.active, "parent": self.parent,
        }


@dataclass(frozen=True, slots=True)
class Tree:
    """Every organisation at one version of the table."""

    version: int
    by_code: Mapping[str, OrganisationRow]
    by_id: Mapping[int, OrganisationRow]


class Organisations:
    """Reads the trees once per edit, and edits them. Rights are the caller's business (see tasks.people)."""

    def __init__(self, check_every: float = CHECK_EVERY) -> None:
        self.on_change: list[Callable[[Connection, str], None]] = []  # told in the editor's transaction, with a code or EVERY_CODE
        self._check_every = check_every
        self._tree: Tree | None = None
        self._next_check = 0.0
        self._watch_until = 0.0
        self._lock = Lock()

    def tree(self, connection: Connection) -> Tree:
        """All organisations; edits of this process show at once, those of another within a second."""
        tree, now = self._tree, monotonic()
        if tree is not None and now < self._next_check and now >= self._watch_until:
            return tree
        version = _read_version(connection)
        if tree is None or tree.version != version:
            tree = _read_tree(connection, version)
        with self._lock:
            self._tree, self._next_check = tree, now + self._check_every
        return tree

    def get(self, connection: Connection, code: str | None) -> OrganisationRow | None:
        """The organisation with `code`, or None."""
        return self.tree(connection).by_code.get(code) if code else None

    def require(self, connection: Connection, code: str) -> OrganisationRow:
        """The organisation with `code`; NotFound when there is none."""
        found = self.get(connection, code)
        if found is None:
            raise NotFound(f"没有代码为“{code}”的单位。", f"There is no organisation with the code {code!r}.")
        return found

    def ancestors(self, connection: Connection, code: str) -> list[str]:
        """The code itself, its parents up to the root, then the province it lies in; empty for an unknown code."""
        found = self.get(connection, code)
        if found is None:
            return []
        codes = [part for part in reversed(found.path.split("/")) if part]
        return codes if found.province is None or found.province in codes else [*codes, found.province]

    def children(self, connection: Connection, code: str) -> list[OrganisationRow]:
        """The organisations directly below `code`, in order of their codes."""
        below = (one for one in self.tree(connection).by_code.values() if one.parent == code)
        return sorted(below, key=lambda one: one.code)

    def inside(self, connection: Connection, code: str, within: str) -> bool:
        """Whether organisation `code` lies in the scope of organisation `within` (see `scope`)."""
        inner, outer = self.get(connection, code), self.get(connection, within)
        return inner is not None and outer is not None and lies_inside(inner.path, inner.province, outer.kind, outer.path)

    def add(
        self, connection: Connection, *, code: str, name: str, kind: str, parent: str | None = None, province: str | None = None,
        on_platform: bool = True,
    ) -> OrganisationRow:
        """Add an organisation; without `province` it lies where its parent does (a province in itself).

        Raises InvalidForm for a bad code, name or kind, Conflict when the code is taken, NotFound for an unknown parent.
        """
        code, name = code.strip(), name.strip()
        check_fields(code, name, kind)
        if self.get(connection, code) is not None:
            raise Conflict(f"单位代码“{code}”已被使用。", f"The code {code!r} is already in use.")
        above = self.require(connection, parent) if parent else None
        self.enter(connection, above, code=code, name=name, kind=kind, province=province, on_platform=on_platform)
        self.changed(connection)
        self._touched(connection, code)
        return self.require(connection, code)

    @staticmethod
    def enter(
        connection: Connection, above: OrganisationRow | None, *, code: str, name: str, kind: str, province: str | None, on_platform: bool,
    ) -> OrganisationRow:
        """Write one checked organisation below `above` without reading the tree again: `changed` must follow, once for many."""
        province = province or _inherited_province(code, kind, above)
        path = f"{above.path if above else '/'}{code}/"
        values = {
            "code": code, "name": name, "kind": kind, "parent_id": above.id if above else None, "on_platform": on_platform, "active": True,
            "path": path, "province": province,
        }
        found = connection.execute(insert(Organisation).values(values).returning(Organisation.id)).scalar_one()
        return OrganisationRow(int(found), code, name, kind, above.code if above else None, path, province, on_platform, True)

    @staticmethod
    def correct(connection: Connection, row: OrganisationRow, values: Mapping[str, Any]) -> None:
        """Write checked columns of one organisation without reading the tree again: `changed` must follow, once for many."""
        connection.execute(update(Organisation).where(Organisation.id == row.id).values(dict(values)))

    def change(
        self, connection: Connection, code: str, *, name: str | None = None, on_platform: bool | None = None, active: bool | None = None,
        province: str | None = None,
    ) -> OrganisationRow:
        """Rename, mark as on or off the platform, enable or disable, or put into another province.

        Disabling is refused (Conflict) while active organisations or open items hang on it.
        """
        row = self.require(connection, code)
        if name is not None and not name.strip():
            raise InvalidForm({"name": {"zh": "名称不能为空", "en": "the name is empty"}})
        if active is False:
            self._check_may_close(connection, row)
        values = {"name": name.strip() if name else None, "on_platform": on_platform, "active": active, "province": province}
        changed = {key: value for key, value in values.items() if value is not None}
        if changed:
            self.correct(connection, row, changed)
            self.changed(connection)
            if changed.keys() - {"name"}:
                self._touched(connection, code)
        return self.require(connection, code)

    def move(self, connection: Connection, code: str, parent: str | None) -> OrganisationRow:
        """Hang `code` with all below it under `parent` (None: a root); those who lay in its province move along."""
        row = self.require(connection, code)
        above = self.require(connection, parent) if parent else None
        if above is not None and above.path.startswith(row.path):
            raise Rejection("不能把单位移到它自己或它的下级之下。", "An organisation cannot stand under itself or one of its own.")
        path = f"{above.path if above else '/'}{code}/"
        province = _inherited_province(code, row.kind, above) or row.province
        below = [one for one in self.tree(connection).by_code.values() if one.path.startswith(row.path)]
        for one in below:
            values = {"path": path + one.path[len(row.path) :], "province": province if one.province == row.province else one.province}
            connection.execute(update(Organisation).where(Organisation.id == one.id).values(values))
        connection.execute(update(Organisation).where(Organisation.id == row.id).values(parent_id=above.id if above else None))
        self.changed(connection)
        self._touched(connection, code)
        return self.require(connection, code)

    def _check_may_close(self, connection: Connection, row: OrganisationRow) -> None:
        active = [one.name for one in self.children(connection, row.code) if one.active]
        if active:
            raise Conflict(f"请先停用下级单位：{'、'.join(active[:5])}。", f"Disable the organisations below first: {', '.join(active[:5])}.")
        offers = select(func.count()).select_from(SeatOffer).where(SeatOffer.candidate.endswith(f"@{row.code}", autoescape=True))
        count = connection.execute(offers).scalar_one()
        if count:
            raise Conflict(f"该单位还有 {count} 条未办事项，请先改派。", f"{count} open items are offered to this organisation; reassign them first.")

    def _touched(self, connection: Connection, code: str) -> None:
        for listener in self.on_change:
            listener(connection, code)

    def many_touched(self, connection: Connection) -> None:
        """After many rows at once: whoever listens is told that any organisation may be another now."""
        self._touched(connection, EVERY_CODE)

    def changed(self, connection: Connection) -> None:
        """Let every process read the tree again."""
        raised = connection.execute(
            update(DataVersion).where(DataVersion.name == VERSION_NAME).values(version=DataVersion.version + 1)
        )
        if not raised.rowcount:
            connection.execute(insert(DataVersion).values(name=VERSION_NAME, version=1))
        with self._lock:
            self._watch_until = monotonic() + EDIT_WINDOW


def scope_condition(kind: str, path: str) -> ColumnElement[bool]:
    """SQL over Organisation: what an organisation of `kind` at `path` looks after.

    A province: its counties and whatever else lies in it; the platform and the national centre: everything;
    anybody else: itself and all below it.
    """
    if kind in EVERYTHING:
        return true()
    below = path_below(path)
    return or_(below, Organisation.province == path.strip("/")) if kind == "province" else below


def path_below(path: str) -> ColumnElement[bool]:
    """SQL over Organisation: `path` itself and below, as a range that the index serves on every database."""
    if not path.endswith("/"):
        return false()
    return and_(Organisation.path >= path, Organisation.path < path[:-1] + "0")  # "0" is the character after "/"


def lies_inside(path: str, province: str | None, outer_kind: str, outer_path: str) -> bool:
    """The same as `scope_condition`, for one organisation in memory."""
    if outer_kind in EVERYTHING or path.startswith(outer_path):
        return True
    return outer_kind == "province" and province == outer_path.strip("/")


def _inherited_province(code: str, kind: str, above: OrganisationRow | None) -> str | None:
    if kind == "province":
        return code
    return above.province if above else None


def check_fields(code: str, name: str, kind: str) -> None:
    """Raise InvalidForm with every field of a new organisation that will not do."""
    wrong: dict[str, Words] = {}
    if not CODE.fullmatch(code):
        wrong["code"] = {"zh": "单位代码只能用字母、数字、- 和 _，最长 40 位", "en": "a code consists of letters, digits, - and _, at most 40"}
    if not name:
        wrong["name"] = {"zh": "名称不能为空", "en": "the name is empty"}
    if kind not in KINDS:
        wrong["kind"] = {"zh": f"没有“{kind}”这种单位类型", "en": f"there is no kind {kind!r}"}
    if wrong:
        raise InvalidForm(wrong)


def _read_version(connection: Connection) -> int:
    found = connection.execute(select(DataVersion.version).where(DataVersion.name == VERSION_NAME)).scalar()
    return int(found) if found is not None else 0


def _read_tree(connection: Connection, version: int) -> Tree:
    table = Organisation
    columns = (table.id, table.code, table.name, table.kind, table.parent_id, table.path, table.province, table.on_platform, table.active)
    found: Sequence[Any] = connection.execute(select(*columns)).all()
    codes = {row.id: row.code for row in found}
    rows = [
        OrganisationRow(row.id, row.code, row.name, row.kind, codes.get(row.parent_id), row.path, row.province, row.on_platform, row.active)
        for row in found
    ]
    return Tree(version, {row.code: row for row in rows}, {row.id: row for row in rows})
