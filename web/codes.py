"""Activation codes for borrowers: who has none yet, a list to print, a new code for one who lost his password. Decides nothing."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for

from tasks.credentials import CODE_VALID_FOR
from tasks.student_accounts import STATES
from web.context import actor, connection, house
from web.i18n import now, translate as _
from web.people import code_page
from web.scope import first_line, in_scope, kind_name, tried
from web.security import requires
from workflows.errors import NotFound, Rejection

blueprint = Blueprint("codes", __name__, url_prefix="/codes")

ISSUE = "codes.issue"
PAGE = 50
MOST = 500  # codes on one printed list
UNITS = ("campus", "faculty", "class")


@blueprint.get("")
@requires(ISSUE)
def listing() -> str:
    """Borrowers of the office and how far each is with his account."""
    state = {name: request.args.get(name, "").strip() for name in ("organisation", "state", "text")}
    after, before = _number("after"), _number("before")
    rows = _rows(state, after=after or 0, before=before, limit=PAGE + 1)
    more = len(rows) > PAGE
    rows = (rows[-PAGE:] if before is not None else rows[:PAGE]) if more else rows
    kept = {name: value for name, value in state.items() if value}
    return render_template(
        "people/codes.html", rows=rows, state=state, filtered=bool(kept), kept=kept, states=_states(), organisations=_units(), most=MOST,
        classes=house().people.students.classes_of(connection(), [row.id for row in rows]),
        next_url=url_for("codes.listing", **kept, after=rows[-1].id) if rows and (more or before is not None) else "",
        previous_url=url_for("codes.listing", **kept, before=rows[0].id) if rows and (more if before is not None else after) else "",
    )


@blueprint.post("")
@requires(ISSUE)
def issue() -> Any:
    """Codes for the ticked borrowers, or (`all`) for everybody of the list who has none; shown once, to print."""
    state = {name: request.form.get(name, "").strip() for name in ("organisation", "text")}
    if request.form.get("all"):
        rows = _rows({**state, "state": "none"}, limit=MOST)
        chosen = [row.id for row in rows]
    else:
        chosen = [int(text) for text in request.form.getlist("person") if text.isdecimal()][:MOST]
    codes = house().people.students.codes(connection(), actor(), chosen) if chosen else {}
    if not codes:
        flash(_("没有需要发码的学生：请勾选尚未激活的学生。"), "warning")
        return redirect(url_for("codes.listing", **{name: value for name, value in state.items() if value}), code=303)
    return render_template(
        "people/codes_issued.html", rows=_printed(codes), until=now() + CODE_VALID_FOR, address=url_for("sign_in.activate", _external=True),
        back_url=url_for("codes.listing", **{name: value for name, value in state.items() if value}),
    )


@blueprint.post("/<int:person_id>/reset")
@requires(ISSUE)
def reset(person_id: int) -> Any:
    """A new code for one borrower who lost his password."""
    code, errors = tried(lambda: house().people.students.reset(connection(), actor(), person_id))
    if errors:
        flash(first_line(errors), "danger")
        return redirect(url_for("codes.listing"), code=303)
    return code_page(house().people.name(connection(), person_id), "", code, url_for("codes.listing"), _("密码已重置"))


def _rows(state: dict[str, str], **window: Any) -> list[Any]:
    organisation = house().people.organisation(connection(), state["organisation"]) if state["organisation"] else None
    if state["organisation"] and organisation is None:
        raise NotFound(f"没有代码为“{state['organisation']}”的单位。", f"There is no organisation {state['organisation']}.")
    if state["state"] and state["state"] not in STATES:
        raise Rejection("没有这种状态。", "There is no such state.")
    found = house().people.students.page(
        connection(), actor(), organisation=organisation, search=state["text"], state=state["state"], **window
    )
    return list(found)


def _printed(codes: dict[int, str]) -> list[dict[str, Any]]:
    """The lines of the printed list, by class and student number."""
    classes = house().people.students.classes_of(connection(), list(codes))
    rows = house().people.students.described(connection(), list(codes))
    lines = [{"row": row, "code": codes[row.id], "unit": classes.get(row.id, "")} for row in rows]
    return sorted(lines, key=lambda line: (line["unit"], line["row"].student_number or "", line["row"].name))


def _states() -> list[tuple[str, str]]:
    return [("none", _("未发码或已过期")), ("issued", _("已发码，未激活")), ("activated", _("已激活"))]


def _units() -> list[tuple[str, str]]:
    """Faculties and classes of the acting office, indented as they stand."""
    own = [one for one in in_scope() if one.kind in UNITS and one.active]
    depth = min((one.path.count("/") for one in own), default=0)
    return [(one.code, "　" * (one.path.count("/") - depth) + f"{one.name}（{kind_name(one.kind)}）") for one in own]


def _number(name: str) -> int | None:
    text = request.args.get(name, "")
    return int(text) if text.isdecimal() and len(text) < 12 else None
