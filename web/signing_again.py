"""A page that outlives its session: the same person proves himself again over the page, and nobody else's session can act through it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Flask, Response, current_app, g, jsonify, request
from flask_wtf.csrf import generate_csrf
from itsdangerous import BadSignature, URLSafeSerializer

from web.context import abandon, actor, house, reopen_for_reading
from web.i18n import translate as _, words
from web.security import csrf, enter, public

blueprint = Blueprint("signing_again", __name__)

PURPOSE = "painted for"


def register(app: Flask) -> None:
    """Give templates `painted_for()`, and every answer to a signed-in person the header that says who he is."""
    app.register_blueprint(blueprint)
    app.jinja_env.globals.update(painted_for=painted_for, painted_key=painted_key)
    app.after_request(say_who)


def painted_for() -> str:
    """Person and identity the page is painted for."""
    who = actor()
    return f"{who.person_id}:{who.membership_id or 0}" if who is not None else ""


def painted_key() -> str:
    """The same, signed: whoever signs in over the page must be the one it was painted for."""
    return str(_signer().dumps([actor().person_id, actor().membership_id])) if actor() is not None else ""


def say_who(response: Response) -> Response:
    """A page compares this with whom it was painted for and says so when somebody else has signed in meanwhile."""
    if g.get("actor") is not None:
        response.headers["X-Person"] = painted_for()
    return response


@blueprint.post("/login/again")
@public
@csrf.exempt
def again() -> Any:
    """`{"key", "password"}` of a page whose session is over: a new session for the same person, counted and locked like any sign-in."""
    sent = request.get_json(silent=True) or {}
    try:
        person_id, membership_id = _signer().loads(str(sent.get("key", "")))
    except (BadSignature, ValueError):
        return jsonify(ok=False, message=_("页面已失效，请重新登录。"), again=False), 400
    abandon()
    credentials = house().people.credentials
    with house().store.read() as reading:
        attempt = credentials.try_own_password(reading, person_id, str(sent.get("password", "")), request.remote_addr)
    with house().store.transaction() as writing:
        outcome = credentials.settle(writing, attempt)
    reopen_for_reading()
    if outcome.refused:
        return jsonify(ok=False, message=words(outcome.refused), again=True), 401
    enter(outcome.person_id, outcome.session_version, membership_id)
    g.pop("csrf_token", None)
    return jsonify(ok=True, csrf=generate_csrf(), person=painted_for())


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt=PURPOSE)
