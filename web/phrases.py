"""The phrases above an opinion field: kept and dropped by the person who uses them."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request

from web.context import actor, connection, house
from workflows.errors import Rejection

blueprint = Blueprint("phrases", __name__, url_prefix="/tasks/<int:seat_id>/phrases")


@blueprint.post("")
def keep(seat_id: int) -> Response:
    """Keep a phrase, or count one more use of it; answers with those he has now."""
    return jsonify(ok=True, phrases=house().tasks.phrases.remember(connection(), actor(), seat_id, _text()))


@blueprint.post("/forget")
def forget(seat_id: int) -> Response:
    """Drop a phrase; answers with those that are left."""
    return jsonify(ok=True, phrases=house().tasks.phrases.forget(connection(), actor(), seat_id, _text()))


def _text() -> str:
    body = request.get_json(silent=True) if request.is_json else request.form
    text = body.get("text") if hasattr(body, "get") else None
    if not isinstance(text, str):
        raise Rejection("请求中没有文字。", "The request holds no text.", status=422)
    return text
