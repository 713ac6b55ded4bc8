"""An applicant's own cases, made for a phone: where each stands, what he must do now, in plain words."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, url_for

from tasks.returning.applicant import withdrawable
from tasks.worklist import Filters
from web.context import actor, connection, house
from web.labels import node_label, parties_line, process_name, stage_label, version
from web.undo import pending

blueprint = Blueprint("mine", __name__)


@blueprint.get("/mine")
def page() -> str:
    """One card per case, those that wait for him first."""
    cases = house().worklist.my_cases(connection(), actor())
    waiting = house().worklist.page(connection(), actor(), "mine", size=50, filters=Filters()).rows
    tasks: dict[int, list[Any]] = {}
    whole = house().worklist.whole_of(connection(), [row.instance_id for row in waiting])
    for row in waiting:
        tasks.setdefault(whole[row.instance_id], []).append(row)
    cards = [_card(case, tasks.get(case.instance_id, [])) for case in cases]
    return render_template(
        "mine/mine.html", cards=sorted(cards, key=lambda card: not card["tasks"]), pending_undo=bool(pending()),
        stage_label=stage_label, node_label=node_label, parties_line=parties_line,
    )


def _card(case: Any, tasks: list[Any]) -> dict[str, Any]:
    process = version(case.definition_id)
    links = {task.seat_id: url_for("tasks.page", seat_id=task.seat_id, view="own") for task in tasks}
    return {"case": case, "name": process_name(process), "tasks": tasks, "links": links, "withdrawable": _withdrawable(case, process)}


def _withdrawable(case: Any, process: Any) -> bool:
    """Whether the model lets the applicant take the case back where it stands now."""
    here = {seat["node_id"] for seat in case.open}
    return case.status == "active" and bool(here) and here <= withdrawable(process)
