"""The case beside the list: all that is needed to judge one task, as a fragment that a page may fetch ahead. Each handler reads and shows."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, make_response, render_template, request

from web.bulk import choices
from web.context import actor, connection, house
from web.i18n import words
from web.inbox_lists import in_words
from web.operations import offered
from web.presenting import change_words, split_facts, timeline_items

blueprint = Blueprint("preview", __name__)

NEWEST = 4  # entries of the history that are shown at once
KEY_FACTS = 5


@blueprint.get("/tasks/<int:seat_id>/preview")
def preview(seat_id: int) -> Response:
    """One task as the inbox shows it beside the list; 304 while it has not changed."""
    response = make_response(render_template("tasks/_preview.html", **_shown(seat_id)))
    response.add_etag()
    return response.make_conditional(request)


def _shown(seat_id: int) -> dict[str, Any]:
    view, room = house().tasks.task_view(connection(), actor(), seat_id), house().inbox
    case = view.seat.instance_id
    facts, texts = split_facts(view.facts)
    items = timeline_items(view.timeline, view.process)
    acting = bool({"complete", "answer"} & view.may)
    return {
        "view": view, "seat": view.seat, "name": words(view.node_name), "facts": facts, "texts": texts, "key_facts": KEY_FACTS,
        "timeline": items[:NEWEST], "earlier_items": max(0, len(items) - NEWEST),
        "choices": choices(view.process, view.schema or {}, view.outcomes) if acting else [],
        "open": {outcome["value"] for outcome in view.outcomes if outcome.get("always") or not view.notices},
        "since": change_words(view.fields.changes(room.looks.since(connection(), actor(), case, view.process)), view.process),
        "earlier": in_words(view.fields.changes(room.earlier.differences(connection(), actor(), [case]).get(case, [])), view.process),
        "differences": change_words(view.differences, view.process), "operations": offered("seat", view.may - {"snooze"}),
        "scope": f"{view.seat.definition_id}-{view.seat.node_id}", "attachments": view.form.files,
    }
