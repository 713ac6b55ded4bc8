"""Progress of long work: a bar while it runs, then what was done and why each item that is left was left."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, flash, jsonify, make_response, redirect, render_template, request, url_for

from tasks.left_items import left_items
from web.context import actor, connection, house, is_htmx, wants_json
from web.i18n import now, translate as _, words
from web.inbox import list_answer
from web.undo import forget, remember

blueprint = Blueprint("commands", __name__, url_prefix="/commands")

UNDO_TIME = timedelta(seconds=30)
ENDED = ("done", "failed", "cancelled")
DECISION = "bulk_complete"


@blueprint.get("/<int:command_id>")
def page(command_id: int) -> Any:
    """The whole page, or only the bar when htmx polls."""
    view = house().commands.view(connection(), command_id, actor())
    shown = _shown(view)
    if not is_htmx():
        return render_template("commands/command.html", **shown)
    response = make_response(render_template("commands/_progress.html", **shown))
    if shown["finished"]:
        response.headers["HX-Trigger"] = json.dumps(_settled(view, shown["undo"]))
    return response


@blueprint.get("/<int:command_id>.json")
def data(command_id: int) -> Response:
    """The same for programs."""
    view = house().commands.view(connection(), command_id, actor())
    left = [vars(item) for item in left_items(connection(), view)]
    return jsonify(
        id=view.id, kind=view.kind, status=view.status, total=view.total, done=view.done, succeeded=view.succeeded, skipped=view.skipped,
        percent=view.percent, items_left=left, finished=view.status in ENDED,
    )


@blueprint.post("/<int:command_id>/undo")
def undo(command_id: int) -> Any:
    """Take a bulk decision back as a whole."""
    undone, left = house().tasks.undo_command(connection(), actor(), command_id)
    forget()
    text = _("已撤销 {count} 件。", count=undone)
    if left:
        text += _("{count} 件不能撤销：{reason}", count=len(left), reason=words(left[0]))
    kind = "warning" if left else "success"
    if request.headers.get("HX-Target") == "inbox-list":
        return list_answer({"toast": {"text": text, "kind": kind}})
    if wants_json():
        return jsonify(ok=True, message=text, undone=undone, left=left)
    flash(text, kind)
    if is_htmx():
        return Response(status=204)
    return redirect(url_for("commands.page", command_id=command_id), code=303)


def _shown(view: Any) -> dict[str, Any]:
    finished = view.status in ENDED
    return {
        "command": view, "finished": finished, "heading": _heading(view), "left": left_items(connection(), view),
        "undo": _undo(view) if finished else None,
    }


def _heading(view: Any) -> str:
    """What the bar says."""
    if view.status == "failed":
        return _("办理中断，已完成的部分有效")
    if view.status not in ENDED:
        return _("正在办理…") if view.done else _("排队中…")
    return _("已办理 {count} 件", count=view.succeeded) + (_("，{count} 件未办", count=view.skipped) if view.skipped else "")


def _undo(view: Any) -> dict[str, Any] | None:
    """The event of the undo bar, while the decision may still be taken back."""
    if view.kind != DECISION or not view.succeeded or view.finished_at is None:
        return None
    until = view.finished_at + UNDO_TIME
    return remember(url_for("commands.undo", command_id=view.id), _heading(view), until) if until > now() else None


def _settled(view: Any, undo_event: dict[str, Any] | None) -> dict[str, Any]:
    """When the bar is full: a word, the way back, and a fresh list."""
    events: dict[str, Any] = {"refresh": {"target": "#inbox-list"}}
    if undo_event:
        events["undo"] = undo_event
    if view.skipped or not undo_event:
        events["toast"] = {"text": _heading(view), "kind": "warning" if view.skipped else "success"}
    return events
