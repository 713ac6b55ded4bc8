"""The inbox: what waits for a person, as a list he works off. It reads the form and calls one service method per request."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

from flask import Blueprint, Response, flash, jsonify, make_response, redirect, render_template, request, url_for

from tasks import security_log
from web.bulk import command_key, ticked, values_of
from web.context import actor, after_commit, connection, house, is_htmx
from web.i18n import now, translate as _, words
from web.inbox_lists import LIGHTS, MORE_VIEWS, SORTS, VIEWS, filters_of, matching_rows, query_of, shown_list, state_of, texts
from web.undo import announce, remember
from workflows.errors import Forbidden, Rejection

blueprint = Blueprint("inbox", __name__)

MOST_AT_ONCE = 200  # items of what is done within the request; decisions are a command and have no such bound
EACH = {"claim": "已领取 {count} 件", "release": "已放回 {count} 件", "snooze": "已收起 {count} 件，到时回到待办", "wake": "{count} 件已回到待办"}


@blueprint.get("/inbox")
def page() -> str:
    """The whole page, or only the list when htmx asks for it."""
    state = state_of(request.args)
    listed = shown_list(state)
    if is_htmx():
        return render_template("inbox/_list.html", **listed)
    return render_template("inbox/inbox.html", **listed)


@blueprint.get("/inbox/list")
def part() -> Response:
    """The list alone, for polling: 304 while nothing in it has changed."""
    listed = shown_list(state_of(request.args))
    response = make_response(render_template("inbox/_list.html", **listed))
    response.add_etag()
    response.headers["X-Counts"] = json.dumps(texts())
    return response.make_conditional(request)


@blueprint.get("/inbox/counts")
def figures() -> Response:
    """The figures on the tabs as JSON and as the header the page reads; 304 while unchanged."""
    found = texts()
    response = make_response(found)
    response.headers["X-Counts"] = json.dumps(found)
    response.add_etag()
    return response.make_conditional(request)


@blueprint.get("/inbox/matching")
def matching() -> Response:
    """Every item the filters shown match, on all pages, as it is now: what is ticked by it later is decided only if it has not changed."""
    found = matching_rows(state_of(request.args))
    return jsonify(
        tasks=[{
            "seat": row.seat_id, "revision": row.revision, "name": row.subject or row.number or f"#{row.instance_id}", "must_open": bool(row.summary.get("open_first")),
        } for row in found.rows], more=found.next is not None,
    )


@blueprint.post("/inbox/bulk")
def bulk() -> Any:
    """One verb on one row or on all ticked rows; answers with the list as it is afterwards."""
    verb, items = request.form.get("verb", ""), ticked(request.form)
    if not items:
        raise Rejection("请先勾选要办理的事项。", "Tick the items first.")
    if verb in EACH and len(items) > MOST_AT_ONCE:
        raise Rejection(f"一次最多 {MOST_AT_ONCE} 件，请少选一些。", f"At most {MOST_AT_ONCE} at a time; choose fewer.")
    if verb in EACH:
        return _answer(_each(verb, items))
    values = values_of(request.form)
    if len(items) == 1:
        return _answer(_one(verb, *items[0], values))
    return _as_command(verb, items, values)


def _each(verb: str, items: list[tuple[int, int]]) -> dict[str, Any]:
    refused: dict[int, str] = {}
    for seat_id, revision in items:
        try:
            with house().store.savepoint(connection()):
                _take(verb, seat_id, revision)
        except Rejection as refusal:
            refused[seat_id] = words(next(iter(refusal.fields.values()), refusal.both))
            if isinstance(refusal, Forbidden):
                _log(refusal, seat_id)
    done = len(items) - len(refused)
    return {"refused": refused, "toast": _with_refused(_(EACH[verb], count=done), refused)}


def _log(refusal: Forbidden, seat_id: int) -> None:
    """One refused row of many: the request goes on, so its own transaction keeps the record."""
    security_log.record(
        connection(), now(), security_log.REFUSED, person_id=actor().person_id, address=request.remote_addr,
        detail={"words": refusal.both, "seat": seat_id},
    )


def _take(verb: str, seat_id: int, revision: int) -> None:
    desk, snoozing = house().tasks, house().inbox.snoozing
    if verb == "claim":
        desk.claim(connection(), actor(), seat_id, revision)
    elif verb == "release":
        desk.release(connection(), actor(), seat_id)
    elif verb == "snooze":
        snoozing.snooze(connection(), actor(), seat_id, {"until": request.form.get("until")})
    else:
        snoozing.wake(connection(), actor(), seat_id)


def _with_refused(text: str, refused: dict[int, str]) -> dict[str, str]:
    if not refused:
        return {"text": text, "kind": "success"}
    reason = next(iter(refused.values()))
    return {"text": f"{text}；" + _("{count} 件未办：{reason}", count=len(refused), reason=reason), "kind": "warning"}


def _one(outcome: str, seat_id: int, revision: int, values: dict[str, Any]) -> dict[str, Any]:
    opened = request.form.get("opened") == "1"  # the whole case was before him, beside the list
    done = house().tasks.complete(connection(), actor(), seat_id, values, outcome, revision, bulk=not opened)
    undo = remember(url_for("tasks.undo", seat_id=seat_id), _("已办理 1 件"), done.undo_until)
    return {"refused": {}, "undo": undo}


def _as_command(verb: str, items: list[tuple[int, int]], values: dict[str, Any]) -> Any:
    key = command_key(actor().person_id, verb, items, values)
    command_id = house().tasks.bulk_complete(connection(), actor(), items, verb, values, key)
    after_commit(house().wake)
    url = url_for("commands.page", command_id=command_id)
    if not is_htmx():
        return redirect(url, code=303)
    return _answer({"refused": {}, "progress": {"url": url}})


def _answer(result: dict[str, Any]) -> Any:
    if not is_htmx():
        return redirect(url_for("inbox.page", **query_of(state_of(request.form))), code=303)
    return list_answer(result)


def list_answer(result: dict[str, Any]) -> Response:
    """The list as it is now, for the page that htmx shows, with the events of `result` (toast, undo, progress)."""
    shown = {key: values[0] for key, values in parse_qs(urlsplit(request.headers.get("HX-Current-URL", "")).query).items()}
    listed = shown_list(state_of(shown))
    response = make_response(render_template("inbox/_list.html", **listed, refused=result.get("refused", {}), with_tabs=True))
    triggers = {name: result[name] for name in ("toast", "undo", "progress") if result.get(name)}
    response.headers["HX-Trigger"] = json.dumps(triggers)
    response.headers["X-Counts"] = json.dumps(texts())
    return response


@blueprint.post("/inbox/block")
def block() -> Any:
    """领取 20: the next of the pool as it is sorted and filtered, in one transaction; on to one's own list."""
    state = state_of(request.form)
    taken = house().inbox.blocks.claim(connection(), actor(), sort=state["sort"], filters=filters_of(state))
    if not taken.seats:
        raise Rejection("没有可以领取的事项，可能已被同事领完。", "There is nothing left to claim; colleagues may have taken it.")
    flash(_("已领取 {count} 件，由您办理。", count=len(taken.seats)), "success")
    kept = {name: value for name, value in query_of(state).items() if name not in ("view", "after")}
    return redirect(url_for("inbox.page", view="mine", **kept), code=303)


@blueprint.post("/inbox/views")
def save_view() -> Any:
    """Keep the filters shown under a name."""
    query = query_of(state_of(request.form) | {"after": ""})
    house().inbox.views.save(connection(), actor(), request.form.get("name", ""), query, shared=bool(request.form.get("shared")))
    flash(_("视图已保存。"), "success")
    return redirect(url_for("inbox.page", **query), code=303)


@blueprint.post("/inbox/views/<int:view_id>")
def change_view(view_id: int) -> Any:
    """Rename, share or delete one's own view."""
    views, wanted = house().inbox.views, request.form.get("change", "")
    if wanted == "delete":
        views.delete(connection(), actor(), view_id)
    elif wanted == "rename":
        views.rename(connection(), actor(), view_id, request.form.get("name", ""))
    elif wanted in ("share", "keep"):
        views.share(connection(), actor(), view_id, wanted == "share")
    else:
        raise Rejection("不认识的操作。", "Unknown action.")
    return redirect(url_for("inbox.page"), code=303)


@blueprint.get("/inbox/undo")
def undo_bar() -> Response:
    """Says on a fresh page what may still be taken back: an empty answer whose event opens the bar."""
    return announce(make_response("", 204))


__all__ = ["LIGHTS", "MORE_VIEWS", "SORTS", "VIEWS", "blueprint", "list_answer"]
