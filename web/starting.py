"""Starting a case by hand: the processes this person may start, and the door that starts one. It knows no process by name."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for

from tasks.starting import Starting
from web.context import actor, connection, house
from web.i18n import translate as _
from web.labels import label, process_name

blueprint = Blueprint("starting", __name__)


@blueprint.get("/start")
def page() -> str:
    """The processes one may start, with a sentence on each."""
    found = _starting().startable(connection(), actor())
    return render_template("start/start.html", processes=[
        {"id": process.process_id, "name": process_name(process), "about": label(process, f"{process.process_id}.about", " ").strip()} for process in found
    ])


@blueprint.post("/start/<process_id>")
def start(process_id: str) -> Any:
    """Start a case and lead to its first task, when that is one's own."""
    instance_id, seat_id = _starting().start(connection(), actor(), process_id)
    if seat_id is not None:
        return redirect(url_for("tasks.page", seat_id=seat_id), code=303)
    flash(_("已发起，等待办理。"), "success")
    return redirect(url_for("cases.page", instance_id=instance_id), code=303)


def _starting() -> Starting:
    return Starting(house().engine, house().definitions, house().clock)
