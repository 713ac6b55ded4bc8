"""People of the house: the list, one account with its memberships, and the way in. Decides nothing; services check the scope."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for

from tasks.credentials import CODE_VALID_FOR
from tasks.hand_over import open_seats_of
from web.context import actor, connection, house
from web.i18n import now, translate as _
from web.labels import organisation_name
from web.scope import day, first_line, form, organisation_choices, role_choices, role_name, tried
from web.security import requires
from workflows.errors import NotFound

blueprint = Blueprint("people", __name__, url_prefix="/people")

MANAGE = "people.manage"
PAGE = 30
ACTIVE = {"": True, "disabled": False, "all": None}
NEW = ("name", "login", "role", "organisation", "valid_from", "valid_to", "id_number", "mobile")


@blueprint.get("")
@requires(MANAGE)
def listing() -> str:
    """The staff of the acting identity's scope."""
    state = {name: request.args.get(name, "").strip() for name in ("text", "organisation", "role", "active")}
    if state["organisation"] and house().people.organisation(connection(), state["organisation"]) is None:
        raise NotFound(f"没有代码为“{state['organisation']}”的单位。", f"There is no organisation {state['organisation']}.")
    after, before = _number("after"), _number("before")
    rows = list(house().people.directory.page(
        connection(), actor(), search=state["text"], organisation_code=state["organisation"] or None, role_code=state["role"] or None,
        active=ACTIVE.get(state["active"], True), after=after or 0, before=before, limit=PAGE + 1,
    ))
    more = len(rows) > PAGE
    rows = (rows[-PAGE:] if before is not None else rows[:PAGE]) if more else rows
    kept = {name: value for name, value in state.items() if value}
    return render_template(
        "people/list.html", rows=rows, state=state, filtered=bool(kept), moment=now(), memberships=_current(rows), role_name=role_name,
        roles=role_choices(), organisations=organisation_choices(), organisation_name=organisation_name,
        next_url=url_for("people.listing", **kept, after=rows[-1].id) if rows and (more or before is not None) else "",
        previous_url=url_for("people.listing", **kept, before=rows[0].id) if rows and (more if before is not None else after) else "",
    )


@blueprint.get("/new")
@requires(MANAGE)
def new() -> str:
    """The form for somebody new."""
    typed = {name: request.args.get(name, "") for name in NEW}
    return _new_page(typed, {})


@blueprint.post("/new")
@requires(MANAGE)
def add() -> Any:
    """Add somebody; the one-time code is on the answer and nowhere else."""
    typed = form(*NEW)
    account, errors = tried(lambda: house().people.administration.add_person(
        connection(), actor(), name=typed["name"], login=typed["login"], role_code=typed["role"], organisation_code=typed["organisation"],
        valid_from=day("valid_from"), valid_to=day("valid_to"), id_number=typed["id_number"] or None, mobile=typed["mobile"] or None,
    ))
    if errors:
        return _new_page(typed, errors), 422
    return code_page(typed["name"], typed["login"].lower(), account.code, url_for("people.page", person_id=account.person_id), _("账号已建立"))


@blueprint.get("/<int:person_id>")
@requires(MANAGE)
def page(person_id: int) -> str:
    """One account: data, memberships, open work."""
    return _person_page(person_id, {}, {})


@blueprint.post("/<int:person_id>")
@requires(MANAGE)
def change(person_id: int) -> Any:
    """Correct name, login or mobile number."""
    typed = form("name", "login", "mobile")
    _answer, errors = tried(lambda: house().people.administration.change_person(
        connection(), actor(), person_id, name=typed["name"], login=typed["login"] or None, mobile=typed["mobile"] or None
    ), "login")
    if errors:
        return _person_page(person_id, typed, errors), 422
    flash(_("已保存。"), "success")
    return _back(person_id)


@blueprint.post("/<int:person_id>/memberships")
@requires(MANAGE)
def add_membership(person_id: int) -> Any:
    """One more role at an organisation."""
    typed = form("role", "organisation", "valid_from", "valid_to")
    _answer, errors = tried(lambda: house().people.administration.add_membership(
        connection(), actor(), person_id, typed["role"], typed["organisation"], day("valid_from"), day("valid_to")
    ), "role")
    if errors:
        return _person_page(person_id, typed, errors), 422
    flash(_("已增加任职。"), "success")
    return _back(person_id)


@blueprint.post("/<int:person_id>/memberships/<int:membership_id>")
@requires(MANAGE)
def change_membership(person_id: int, membership_id: int) -> Response:
    """New dates for a membership; a last day ends it."""
    first, last = f"from-{membership_id}", f"to-{membership_id}"
    _answer, errors = tried(lambda: house().people.administration.change_membership(
        connection(), actor(), membership_id, valid_from=day(first), valid_to=day(last)
    ))
    if errors:
        flash(first_line(errors), "danger")
    else:
        flash(_("任职日期已保存。"), "success")
    return _back(person_id)


@blueprint.post("/<int:person_id>/reset")
@requires(MANAGE)
def reset(person_id: int) -> Any:
    """Take the password away and show a one-time code, once."""
    code, errors = tried(lambda: house().people.administration.reset_password(connection(), actor(), person_id))
    if errors:
        flash(first_line(errors), "danger")
        return _back(person_id)
    person = house().people.directory.manageable(connection(), actor(), person_id)
    return code_page(person.name, person.login or "", code, url_for("people.page", person_id=person_id), _("密码已重置"))


@blueprint.post("/<int:person_id>/enable")
@requires(MANAGE)
def enable(person_id: int) -> Response:
    """Let somebody in again."""
    house().people.administration.enable_person(connection(), actor(), person_id)
    flash(_("账号已启用。"), "success")
    return _back(person_id)


def code_page(name: str, login: str, code: str, back_url: str, title: str) -> str:
    """The answer that shows one code; it is stored nowhere in readable form."""
    return render_template(
        "people/code.html", name=name, login=login, code=code, back_url=back_url, title=title, until=now() + CODE_VALID_FOR,
        address=url_for("sign_in.activate", _external=True),
    )


def _new_page(typed: dict[str, str], errors: dict[str, str]) -> str:
    return render_template("people/new.html", typed=typed, errors=errors, roles=role_choices(), organisations=organisation_choices())


def _person_page(person_id: int, typed: dict[str, str], errors: dict[str, str]) -> str:
    directory = house().people.directory
    person = directory.manageable(connection(), actor(), person_id)
    today = house().clock.today()
    memberships = [{"row": row, "state": _state(row, today)} for row in directory.memberships_of(connection(), [person_id])[person_id]]
    return render_template(
        "people/person.html", person=person, typed=typed, errors=errors, memberships=memberships, role_name=role_name, roles=role_choices(),
        organisations=organisation_choices(), open_count=len(open_seats_of(connection(), person_id)), moment=now(), today=today,
        is_self=person_id == actor().person_id,
    )


def _current(rows: list[Any]) -> dict[int, list[Any]]:
    """Person id → the memberships that are not over, for the list."""
    today = house().clock.today()
    found = house().people.directory.memberships_of(connection(), [row.id for row in rows])
    return {person: [row for row in held if _state(row, today) != "ended"] for person, held in found.items()}


def _state(row: Any, today: Any) -> str:
    if row.valid_to is not None and row.valid_to < today:
        return "ended"
    return "future" if row.valid_from is not None and row.valid_from > today else "valid"


def _number(name: str) -> int | None:
    text = request.args.get(name, "")
    return int(text) if text.isdecimal() and len(text) < 12 else None


def _back(person_id: int) -> Response:
    return redirect(url_for("people.page", person_id=person_id), code=303)  # type: ignore[return-value]
