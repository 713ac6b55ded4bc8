"""The beat of an open page: says which seat its person has before him and hears who else does. A hint; it decides nothing."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, request

from web.context import actor, connection, house, reads_first
from workflows.errors import Rejection

blueprint = Blueprint("pulse", __name__)

MOST = 60  # seats a page may ask about


@blueprint.post("/inbox/pulse")
@reads_first
def pulse() -> Response:
    """`{"looking": seat or null, "sequence": last fact seen or null, "shown": [seats]}` → `{"others": {seat: [names]}}`."""
    sent = request.get_json(silent=True)
    if not isinstance(sent, dict):
        raise Rejection("请求内容应为 JSON 对象。", "The body must be a JSON object.")
    looking, sequence = _number(sent.get("looking")), _number(sent.get("sequence"))
    listed = sent.get("shown")
    shown = [seat for one in (listed if isinstance(listed, list) else [])[:MOST] if (seat := _number(one)) is not None]
    room = house().inbox
    others = room.presences.others(connection(), actor(), [*shown, *([looking] if looking is not None else [])])
    if looking is not None and room.presences.is_offered(connection(), actor(), looking):
        _remember(looking, sequence)
    return jsonify(others={str(seat): names for seat, names in others.items()})


def _remember(looking: int, sequence: int | None) -> None:
    """One upsert in a transaction of its own; a second one when the person has had the time to read the case."""
    room = house().inbox
    with house().store.transaction() as writing:
        room.presences.beat(writing, actor(), looking)
        if sequence is not None:
            room.looks.looked(writing, actor(), looking, sequence)


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
