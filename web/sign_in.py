"""Sign-in, activation, password, acting identity and sign-out. Passwords are tested before a transaction opens: hashing holds no lock."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, current_app, redirect, render_template, request, session, url_for
from werkzeug import Response

from tasks import security_log
from tasks.credentials import Credentials, Outcome
from web.context import abandon, actor, connection, house, reopen_for_reading
from web.i18n import words
from web.security import enter, leave, public, safe_next
from workflows.errors import InvalidForm, Words

blueprint = Blueprint("sign_in", __name__)


@blueprint.get("/login")
@public
def login() -> Any:
    """The sign-in page; who is in already goes where he wanted."""
    if actor() is not None:
        return redirect(safe_next(request.args.get("next")), code=303)
    return _login_page({})


@blueprint.post("/login")
@public
def sign_in() -> Any:
    """Test login and password; the attempt is written down whichever way it ends."""
    name, password = request.form.get("login", ""), request.form.get("password", "")
    abandon()
    with house().store.read() as reading:
        attempt = _credentials().try_password(reading, name, password, request.remote_addr)
    with house().store.transaction() as writing:
        outcome = _credentials().settle(writing, attempt)
    reopen_for_reading()
    if outcome.refused:
        return _login_page({"login": outcome.refused}), 401
    _enter(outcome)
    return redirect(safe_next(request.form.get("next")), code=303)


@blueprint.post("/logout")
@public
def logout() -> Response:
    """End the session."""
    person = actor()
    if person is not None:
        at = house().clock.now()
        security_log.record(connection(), at, security_log.SIGNED_OUT, person_id=person.person_id, address=request.remote_addr)
    leave()
    return redirect(url_for("sign_in.login"), code=303)


@blueprint.post("/identity")
def choose_identity() -> Response:
    """Act in another of one's memberships from here on."""
    chosen = request.form.get("identity", "")
    if any(str(one.id) == chosen for one in actor().memberships):
        session["acting"] = int(chosen)
    return redirect(safe_next(request.form.get("next")), code=303)


@blueprint.get("/activate")
@public
def activate() -> Any:
    """The page where an account is taken with its one-time code."""
    return render_template("activate.html", errors={}, login=request.args.get("login", ""))


@blueprint.post("/activate")
@public
def take_account() -> Any:
    """Number or login, code and a new password; a wrong code is counted."""
    name, password = request.form.get("login", ""), request.form.get("password", "")
    if password != request.form.get("again", ""):
        return _activation_page({"again": _different()}), 422
    try:
        outcome = _credentials().activate(connection(), name, request.form.get("code", ""), password, request.remote_addr)
    except InvalidForm as error:
        reopen_for_reading()
        return _activation_page(error.fields), 422
    if outcome.refused:
        return _activation_page({"code": outcome.refused}), 401
    _enter(outcome)
    return redirect("/", code=303)


@blueprint.get("/password")
def password() -> Any:
    """The page where one changes one's own password."""
    return render_template("change_password.html", errors={}, forced=actor().must_change_password)


@blueprint.post("/password", endpoint="set_password")
def set_password() -> Any:
    """Old password, new password twice; other sessions of the account end."""
    person, chosen = actor(), request.form.get("password", "")
    if chosen != request.form.get("again", ""):
        return _password_page({"again": _different()})
    abandon()
    with house().store.read() as reading:
        attempt = _credentials().try_own_password(reading, person.person_id, request.form.get("old", ""), request.remote_addr)
    with house().store.transaction() as writing:
        outcome = _credentials().settle(writing, attempt, security_log.PASSWORD_PROVED)
    try:
        errors: Any = {"old": outcome.refused} if outcome.refused else None
        if errors is None:
            with house().store.transaction() as writing:
                version = _credentials().change_password(writing, person.person_id, chosen)
    except InvalidForm as error:
        errors = error.fields
    reopen_for_reading()
    if errors:
        return _password_page(errors)
    acting = session.get("acting")
    enter(person.person_id, version)
    session["acting"] = acting
    return redirect("/", code=303)


def _enter(outcome: Outcome) -> None:
    if outcome.person_id is not None:
        enter(outcome.person_id, outcome.session_version)


def _credentials() -> Credentials:
    found: Credentials = house().people.credentials
    return found


def _different() -> Words:
    return {"zh": "两次输入的新密码不一致", "en": "the two new passwords differ"}


def _login_page(errors: dict[str, Words]) -> str:
    demo = current_app.config.get("DEMO_LOGINS", ()) if house().demo else ()
    target = safe_next(request.values.get("next"), "")
    return render_template("login.html", errors=_in_words(errors), login=request.form.get("login", ""), next=target, demo_logins=demo)


def _activation_page(errors: Any) -> str:
    return render_template("activate.html", errors=_in_words(errors), login=request.form.get("login", ""))


def _password_page(errors: Any) -> tuple[str, int]:
    return render_template("change_password.html", errors=_in_words(errors), forced=actor().must_change_password), 422


def _in_words(errors: Any) -> dict[str, str]:
    return {name: words(pair) for name, pair in errors.items()}
