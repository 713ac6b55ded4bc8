"""Organisations: the tree, one organisation with its changes, and their import. Decides nothing; services check the scope."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for

from tasks.organisation_administration import MANAGE, add_organisation, change_organisation, move_organisation
from tasks.organisation_import import COLUMNS, REQUIRED, import_organisations, template
from tasks.organisations import EVERYTHING, KINDS, OrganisationRow
from tasks.permissions import require
from web.context import actor, connection, house, reopen_for_reading
from web.downloads import workbook
from web.i18n import chinese, language, translate as _, words
from web.scope import first_line, form, in_scope, kind_name, organisation_choices, tree, tried
from web.security import requires
from web.sheet_upload import counted, headings, uploaded_rows
from workflows.errors import Rejection

blueprint = Blueprint("organisations", __name__, url_prefix="/organisations")

WHOLE_TREE = 300  # organisations shown at once; above, two levels below the chosen one
MOST_FOUND = 100
NEW = ("code", "name", "kind", "organisation", "province", "on_platform")


@blueprint.get("")
@requires(MANAGE)
def listing() -> str:
    """The tree below one organisation, or what a search found."""
    text, under, closed = request.args.get("text", "").strip(), request.args.get("under", "").strip(), request.args.get("closed") == "1"
    mine = [one for one in in_scope() if one.active or closed]
    top = house().people.organisations.require(connection(), under) if under else None
    if text:
        found = [one for one in mine if text.lower() in one.name.lower() or text.lower() in one.code.lower()]
        lines = [{"row": one, "depth": 0, "where": _where(one), "below": 0} for one in found[:MOST_FOUND]]
    else:
        lines = _tree([one for one in mine if top is None or one.path.startswith(top.path)])
    return render_template(
        "organisations/list.html", lines=lines, text=text, top=top, closed=closed, people=_people([line["row"] for line in lines]),
        kind_name=kind_name, province_name=_province_name, trail=_trail(top) if top else [], total=len(mine),
    )


@blueprint.get("/new")
@requires(MANAGE)
def new() -> str:
    """The form for a new organisation."""
    parent = request.args.get("parent", "")
    return _new_page({"organisation": parent, "kind": "", "on_platform": "1"}, {})


@blueprint.post("/new")
@requires(MANAGE)
def add() -> Any:
    """Add an organisation."""
    typed = form(*NEW)
    row, errors = tried(lambda: add_organisation(
        connection(), house().people, actor(), parent=typed["organisation"] or None, code=typed["code"], name=typed["name"], kind=typed["kind"],
        province=typed["province"] or None, on_platform=bool(typed["on_platform"]),
    ), "code")
    if errors:
        return _new_page(typed, errors), 422
    flash(_("已增加单位。"), "success")
    return _to(row.code)


@blueprint.get("/import")
@requires(MANAGE)
def importing() -> str:
    """Choose a file."""
    return _import_page([], {})


@blueprint.get("/import/template")
@requires(MANAGE)
def blank() -> Response:
    """The blank sheet."""
    return workbook(_("单位导入模板"), template(chinese()))


@blueprint.post("/import")
@requires(MANAGE)
def upload() -> Any:
    """Enter the good rows. The file is read outside the transaction."""
    reopen_for_reading()
    try:
        rows = uploaded_rows(COLUMNS, REQUIRED)
    except Rejection as error:
        return _import_page([], {"file": error.words(language())}), 422
    with house().store.transaction() as writing:
        results = import_organisations(writing, house().people, actor(), rows)
    reopen_for_reading()  # the page shows what was just written
    return _import_page(results, {})


@blueprint.get("/<code>")
@requires(MANAGE)
def page(code: str) -> str:
    """One organisation."""
    return _page(code, {}, {})


@blueprint.post("/<code>")
@requires(MANAGE)
def change(code: str) -> Any:
    """Rename, put into another province, switch on or off the platform."""
    typed = form("name", "province", "on_platform")
    _answer, errors = tried(lambda: change_organisation(
        connection(), house().people, actor(), code, name=typed["name"], province=typed["province"] or None, on_platform=bool(typed["on_platform"])
    ))
    if errors:
        return _page(code, typed, errors), 422
    flash(_("已保存。"), "success")
    return _to(code)


@blueprint.post("/<code>/move")
@requires(MANAGE)
def move(code: str) -> Any:
    """Hang it under another organisation."""
    typed = form("organisation")
    _answer, errors = tried(lambda: move_organisation(connection(), house().people, actor(), code, typed["organisation"] or None), "organisation")
    if errors:
        return _page(code, typed, errors), 422
    flash(_("已移动，下级单位一并移动。"), "success")
    return _to(code)


@blueprint.post("/<code>/active")
@requires(MANAGE)
def switch(code: str) -> Any:
    """Disable or enable it."""
    active = request.form.get("active") == "1"
    _answer, errors = tried(lambda: change_organisation(connection(), house().people, actor(), code, active=active))
    if errors:
        flash(first_line(errors), "danger")
    else:
        flash(_("单位已启用。") if active else _("单位已停用。"), "success")
    return _to(code)


def _new_page(typed: dict[str, str], errors: dict[str, str]) -> str:
    return render_template(
        "organisations/new.html", typed=typed, errors=errors, kinds=[(code, words(pair)) for code, pair in KINDS.items()],
        organisations=organisation_choices(), may_be_root=_may_be_root(),
    )


def _page(code: str, typed: dict[str, str], errors: dict[str, str]) -> str:
    row = house().people.organisations.require(connection(), code)
    require(actor(), MANAGE, row)
    children = house().people.organisations.children(connection(), code)
    return render_template(
        "organisations/organisation.html", row=row, typed=typed, errors=errors, trail=_trail(row), kind_name=kind_name, province_name=_province_name,
        children=children, people=_people([row, *children]), organisations=organisation_choices(), may_be_root=_may_be_root(),
    )


def _import_page(results: Any, errors: dict[str, str]) -> str:
    return render_template(
        "organisations/import.html", results=results, counts=counted(results), errors=errors, headings=headings(COLUMNS, REQUIRED), words=words,
    )


def _tree(rows: list[OrganisationRow]) -> list[dict[str, Any]]:
    """The rows as they stand under each other, deeper ones left out when there are too many."""
    shown = {row.code for row in rows}
    children: dict[str, list[OrganisationRow]] = {}
    for row in rows:
        children.setdefault(row.parent if row.parent in shown and row.parent else "", []).append(row)
    deepest = None if len(rows) <= WHOLE_TREE else 1
    lines: list[dict[str, Any]] = []

    def put(row: OrganisationRow, depth: int) -> None:
        below = children.get(row.code, [])
        cut = deepest is not None and depth >= deepest
        lines.append({"row": row, "depth": depth, "where": "", "below": len(below) if cut else 0})
        for child in () if cut else below:
            put(child, depth + 1)

    for root in children.get("", []):
        put(root, 0)
    return lines


def _trail(row: OrganisationRow) -> list[OrganisationRow]:
    """From the root down to the organisation itself."""
    known = tree()
    return [known[code] for code in row.path.split("/") if code in known]


def _where(row: OrganisationRow) -> str:
    return " › ".join(one.name for one in _trail(row)[:-1])


def _people(rows: list[OrganisationRow]) -> dict[str, int]:
    """Code → how many people work there today."""
    found: dict[str, int] = house().people.directory.figures(connection(), [row.id for row in rows], house().clock.today())
    return found


def _province_name(code: str | None) -> str:
    found = tree().get(code or "")
    return found.name if found else code or ""


def _may_be_root() -> bool:
    return actor().acting is not None and actor().acting.kind in EVERYTHING


def _to(code: str) -> Any:
    return redirect(url_for("organisations.page", code=code), code=303)
