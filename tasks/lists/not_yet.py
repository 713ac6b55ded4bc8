"""Who has not declared, as a tree of organisations with figures, from one grouped query. It knows no page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, func, select

from tasks.lists.queries import CASE, missing_condition
from tasks.models import CaseParty
from tasks.organisations import Tree
from tasks.roster.columns import CaseList

TREE = ("university", "faculty", "class")
SCHOOLS = ("university", "campus", "faculty")
NOWHERE = ""  # the branch of those whose row named none of these organisations


@dataclass(slots=True)
class Branch:
    """An organisation in the not-yet tree with the figures of all below it."""

    code: str
    name: str
    kind: str
    total: int = 0
    not_yet: int = 0
    children: list[Branch] = field(default_factory=list)

    @property
    def done(self) -> int:
        """How many have declared."""
        return self.total - self.not_yet

    @property
    def percent(self) -> int:
        """Share of those who have declared, rounded down: 100 only when nobody is missing."""
        return self.done * 100 // self.total if self.total else 100


def not_yet_tree(connection: Connection, listed: CaseList, conditions: Sequence[ColumnElement[bool]], tree: Tree) -> list[Branch]:
    """The organisations that are parties of the cases, nested by the kinds of party the process names, with their figures."""
    kinds = listed.tree or TREE
    parties = [_party(kind) for kind in kinds]
    columns = [party.c.organisation_code for party in parties]
    query = select(*columns, func.count(), func.sum(case((missing_condition(listed), 1), else_=0))).select_from(CASE.__table__)
    for party, kind in zip(parties, kinds, strict=True):
        query = query.outerjoin(party, and_(party.c.instance_id == CASE.id, party.c.kind == kind))
    roots: list[Branch] = []
    for row in connection.execute(query.where(*conditions).group_by(*columns)):
        _count(roots, kinds, list(row[:-2]), int(row[-2]), int(row[-1] or 0), tree)
    return _sorted(_under_parents(roots, tree))


def _party(kind: str) -> Any:
    return CaseParty.__table__.alias(f"party_{kind}")


def _count(roots: list[Branch], kinds: Sequence[str], codes: list[str | None], total: int, missing: int, tree: Tree) -> None:
    level = roots
    if not any(codes):
        codes, kinds = [NOWHERE], kinds[:1]
    for kind, code in zip(kinds, codes, strict=True):
        if code is None:
            continue
        branch = next((one for one in level if one.code == code), None)
        if branch is None:
            known = tree.by_code.get(code)
            branch = Branch(code, known.name if known else code, known.kind if known else kind)
            level.append(branch)
        branch.total += total
        branch.not_yet += missing
        level = branch.children


def _under_parents(roots: list[Branch], tree: Tree) -> list[Branch]:
    """Faculties of several universities stand under theirs: a name such as 计算机学院 says nothing alone."""
    found: dict[str, Branch] = {}
    for root in roots:
        known = tree.by_code.get(root.code)
        parent = tree.by_code.get(known.parent) if known is not None and known.parent else None
        if parent is None or parent.kind not in SCHOOLS:
            found[root.code] = root
            continue
        above = found.setdefault(parent.code, Branch(parent.code, parent.name, parent.kind))
        above.total += root.total
        above.not_yet += root.not_yet
        above.children.append(root)
    return list(found.values())


def _sorted(branches: list[Branch]) -> list[Branch]:
    for branch in branches:
        branch.children = _sorted(branch.children)
    return sorted(branches, key=lambda branch: branch.code)
