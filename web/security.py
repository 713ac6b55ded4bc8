"""The door: sessions and their limits, cross-site protection, headers, and the rule that nothing is open unless it says so.

It knows who is here and what the route demands; what a person may see of a case is decided in tasks.permissions.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, ParamSpec, TypeVar
from urllib.parse import quote, urlsplit

from flask import Flask, Response, abort, current_app, flash, g, redirect, request, session, url_for
from flask.sessions import SecureCookieSessionInterface
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from flask_wtf.csrf import CSRFProtect
from werkzeug import Response as AnyResponse

from tasks.actors import Actor
from tasks.permissions import require
from web.context import READING, connection, house, is_htmx, wants_json
from web.i18n import translate as _
from workflows.errors import Conflict

IDLE = timedelta(minutes=30)
ABSOLUTE = timedelta(hours=12)
NOTED_EVERY = timedelta(minutes=1)  # how exactly the session remembers its last use: a cookie less on most answers

POLICY = {
    "default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "img-src": "'self' data:", "font-src": "'self'",
    "connect-src": "'self'", "base-uri": "'none'", "form-action": "'self'", "frame-ancestors": "'self'",
}
HEADERS = {
    "X-Content-Type-Options": "nosniff", "X-Frame-Options": "SAMEORIGIN", "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")
View = Callable[Arguments, Answer]

csrf = CSRFProtect()
login_manager = LoginManager()


class SignedIn(UserMixin):  # type: ignore[misc]
    """The person of a session, as Flask-Login wants him; `id` is "person:session version"."""

    def __init__(self, actor: Actor, version: int) -> None:
        self.actor = actor
        self.id = f"{actor.person_id}:{version}"


class SecureOverHttps(SecureCookieSessionInterface):
    """The session cookie is marked Secure whenever the request came by https."""

    def get_cookie_secure(self, app: Flask) -> bool:
        return bool(app.config["SESSION_COOKIE_SECURE"]) or request.is_secure


def register(app: Flask) -> None:
    """Guard every route of `app`."""
    app.config.update(
        SESSION_COOKIE_NAME="banjie", SESSION_COOKIE_HTTPONLY=True, SESSION_COOKIE_SAMESITE="Lax", SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=ABSOLUTE, WTF_CSRF_TIME_LIMIT=None,
    )
    app.session_interface = SecureOverHttps()
    login_manager.init_app(app)
    login_manager.user_loader(_load)
    app.before_request(guard)
    csrf.init_app(app)  # after the guard: who is not here is sent to sign in, not told about tokens
    app.after_request(add_headers)


# marks on views


def public(view: View[Arguments, Answer]) -> View[Arguments, Answer]:
    """This view answers without sign-in."""
    view.public = True  # type: ignore[attr-defined]
    return view


def requires(action: str) -> Callable[[View[Arguments, Answer]], View[Arguments, Answer]]:
    """This view demands an action of tasks.permissions of the acting identity; refused with the reason otherwise."""

    def mark(view: View[Arguments, Answer]) -> View[Arguments, Answer]:
        @wraps(view)
        def checked(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Answer:
            require(g.actor, action)
            return view(*args, **kwargs)

        checked.requires = action  # type: ignore[attr-defined]
        return checked

    return mark


def needs_style_attributes(view: View[Arguments, Answer]) -> View[Arguments, Answer]:
    """This page's editor writes style attributes (bpmn-js, dmn-js); no other page may."""
    view.style_attributes = True  # type: ignore[attr-defined]
    return view


# each request


def guard() -> AnyResponse | None:
    """Before each request: who is here, is his session still good, and does the view let him in. Deny by default."""
    g.actor = None
    if request.endpoint is None or request.endpoint == "static":
        return None
    expired = _end_if_expired()
    if current_user.is_authenticated:
        g.actor = current_user.actor
        _refuse_old_page()
        _note_use()
        return _insist_on_new_password()
    if _is_public():
        return None
    return refuse_stranger(expired)


def _refuse_old_page() -> None:
    """A page says for whom it was painted; when somebody else, or another identity, is signed in meanwhile, nothing it sends is done."""
    painted = request.headers.get("X-Painted-For")
    if painted and request.method not in READING and painted != f"{g.actor.person_id}:{g.actor.membership_id or 0}":
        raise Conflict(
            f"登录身份已改变，现在是{g.actor.name}，操作没有执行。请重新载入页面。",
            f"The sign-in changed to {g.actor.name} meanwhile; nothing was done. Reload the page.",
        )


def refuse_stranger(expired: bool = False) -> AnyResponse:
    """Not signed in: programs and htmx get 401, a page leads to the sign-in and back."""
    if is_htmx() or wants_json():
        abort(401)
    if expired:
        flash(_("登录已过期，请重新登录。"), "warning")
    target = request.full_path.rstrip("?") if request.method == "GET" else "/"
    return redirect(url_for("sign_in.login") + ("" if target == "/" else f"?next={quote(target)}"), code=303)


def enter(actor_id: int, version: int, acting: int | None = None) -> None:
    """Start a fresh session for a person who has proved who he is, in the identity `acting` when he still has it."""
    session.clear()
    moment = _now()
    actor = house().people.actor_in_session(connection(), actor_id, version, acting, request.remote_addr)
    if actor is None:
        return
    login_user(SignedIn(actor, version))
    g.actor = actor
    session["started"] = session["used"] = moment.timestamp()
    if acting is not None:
        session["acting"] = acting


def leave() -> None:
    """End this session."""
    logout_user()
    session.clear()


def safe_next(target: str | None, default: str = "/") -> str:
    """`target` when it is a path of this site and no way back to the sign-in, else `default`.

    Browsers drop control characters and read a backslash as a slash, so neither may occur.
    """
    if not target or not target.startswith("/") or target.startswith("//") or "\\" in target or not target.isprintable():
        return default
    parts = urlsplit(target)
    if parts.scheme or parts.netloc or parts.path.rstrip("/") in ("/login", "/logout", "/activate"):
        return default
    return target


def add_headers(response: Response) -> Response:
    """After each request: the content policy and the other headers; answers with personal data are kept nowhere."""
    if request.endpoint == "static" and response.mimetype in ("text/javascript", "text/css"):  # no documents: what rules documents says nothing of them
        for name in ("X-Content-Type-Options", "Cross-Origin-Resource-Policy"):
            response.headers.setdefault(name, HEADERS[name])
        return response
    policy = POLICY | ({"style-src-attr": "'unsafe-inline'"} if getattr(_view(), "style_attributes", False) else {})
    response.headers.setdefault("Content-Security-Policy", "; ".join(f"{name} {value}" for name, value in policy.items()))
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.is_secure:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    if request.endpoint != "static" and "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "no-store"
    return response


def _load(user_id: str) -> SignedIn | None:
    person, _colon, version = user_id.partition(":")
    if "connection" not in g or not person.isdigit() or not version.isdigit():
        return None
    actor = house().people.actor_in_session(connection(), int(person), int(version), session.get("acting"), request.remote_addr)
    return SignedIn(actor, int(version)) if actor is not None else None


def _end_if_expired() -> bool:
    """Whether there was a session that idled or lived too long; it is over then."""
    started, used = session.get("started"), session.get("used")
    if "_user_id" not in session:
        return False
    now = _now().timestamp()
    fresh = isinstance(started, float) and isinstance(used, float) and started - 60 <= now  # from the future: another clock
    if fresh and now - started <= ABSOLUTE.total_seconds() and now - used <= IDLE.total_seconds():
        return False
    leave()
    return True


def _note_use() -> None:
    if request.headers.get("X-Poll"):  # a page that refreshes itself is nobody at the desk
        return
    now = _now().timestamp()
    if now - session["used"] >= NOTED_EVERY.total_seconds():
        session["used"] = now


def _insist_on_new_password() -> AnyResponse | None:
    if not g.actor.must_change_password or _is_public() or request.endpoint in ("sign_in.password", "sign_in.set_password"):
        return None
    if is_htmx() or wants_json():
        abort(403)
    return redirect(url_for("sign_in.password"), code=303)


def _is_public() -> bool:
    return bool(getattr(_view(), "public", False))


def _view() -> Any:
    return current_app.view_functions.get(request.endpoint or "")


def _now() -> datetime:
    moment: datetime = house().clock.now()
    return moment
