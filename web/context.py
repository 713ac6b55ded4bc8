"""What one request stands on: the house, one connection, the person. It decides nothing about work."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any

from flask import Response, current_app, g, request
from sqlalchemy import Connection

READING = ("GET", "HEAD", "OPTIONS")


def house() -> Any:
    """The wired services of this application (`app.House`)."""
    return current_app.extensions["banjie"]


def connection() -> Connection:
    """This request's only connection: a snapshot for GET and HEAD, a transaction for everything else."""
    opened: Connection = g.connection
    return opened


def actor() -> Any:
    """Who asks, in which acting identity (`tasks.people.Actor`), or None before login."""
    return g.get("actor")


def after_commit(work: Callable[[], None]) -> None:
    """Run `work` once this request's transaction is kept; never when it is rolled back."""
    g.after_commit.append(work)


def open_connection() -> None:
    """Before each request: reading methods get a snapshot, all others a transaction."""
    g.after_commit = []
    if request.endpoint != "static":
        reading = request.method in READING or getattr(current_app.view_functions.get(request.endpoint or ""), "reads_first", False)
        _open(house().store.read() if reading else house().store.transaction())


def reads_first(view: Callable[..., Any]) -> Callable[..., Any]:
    """This view, though asked by POST, reads from a snapshot and writes in short transactions of its own."""
    view.reads_first = True  # type: ignore[attr-defined]
    return view


def reopen_for_reading() -> None:
    """After a failure: drop all that the request wrote and give the error page a fresh snapshot."""
    abandon()
    _open(house().store.read())


def keep(response: Response) -> Response:
    """After a request that returned normally: commit (whatever the status), then run what waited for it."""
    _close(None)
    for work in g.pop("after_commit", []):
        work()
    return response


def abandon(error: BaseException | None = None) -> None:
    """Roll back what this request wrote; harmless when nothing is open."""
    g.after_commit = []
    _close(error or RuntimeError("request abandoned"))


def is_htmx() -> bool:
    """Whether htmx asked and will swap the answer into the page."""
    return request.headers.get("HX-Request") == "true"


def wants_json() -> bool:
    """Whether the caller is a program: it sent JSON, asked for a .json address or prefers JSON."""
    if request.is_json or request.path.endswith(".json"):
        return True
    best = request.accept_mimetypes.best_match(["text/html", "application/json"], default="text/html")
    return best == "application/json" and request.accept_mimetypes["text/html"] < request.accept_mimetypes["application/json"]


def _open(context: AbstractContextManager[Connection]) -> None:
    g.connection = context.__enter__()
    g.connection_context = context


def _close(error: BaseException | None) -> None:
    context = g.pop("connection_context", None)
    g.pop("connection", None)
    if context is None:
        return
    if error is None:
        context.__exit__(None, None, None)
        return
    _roll_back(context, error, error.__traceback__)


def _roll_back(context: AbstractContextManager[Connection], error: BaseException, trace: TracebackType | None) -> None:
    try:
        context.__exit__(type(error), error, trace)
    except type(error) as raised:
        if raised is not error:
            raise
