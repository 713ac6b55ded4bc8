"""One student registered at the counter: a page with the columns of the cohort sheet as fields."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for

from tasks.permissions import require
from web.context import actor, connection, house, reopen_for_reading
from web.i18n import language, translate as _, words
from web.labels import process_name
from workflows.errors import InvalidForm

blueprint = Blueprint("counter", __name__, url_prefix="/counter")

OUTCOMES = {
    "done": "已登记。", "merged": "该学生已有事项，已补充新的内容。", "unchanged": "该学生已有相同事项，未作改动。",
}


@blueprint.get("")
def page() -> str:
    """An empty form for the chosen process."""
    return _form({}, {})


def _form(values: dict[str, str], errors: dict[str, str], warnings: tuple[Any, ...] = ()) -> str:
    require(actor(), "case.start")
    offered = house().rosters.access.offered(connection(), actor(), counter=True)
    chosen = request.values.get("process_id") or (offered[0][0].process_id if offered else "")
    roster = next((roster for process, roster in offered if process.process_id == chosen), None)
    rule = roster.importer(actor().role, counter=True) if roster else None
    values = {**dict.fromkeys(rule.own if rule else (), actor().organisation_code or ""), **values}  # his own office is what he registers for
    return render_template(
        "imports/counter.html", offered=[(process.process_id, process_name(process)) for process, _roster in offered], chosen=chosen,
        roster=roster, values=values, errors=errors, warnings=[words({"zh": item.zh, "en": item.en}) for item in warnings],
        cycle=request.values.get("cycle") or (house().rosters.access.cycle(roster) if roster else ""), language=language(),
    )


@blueprint.post("")
def start() -> Any:
    """Register the student, or show what is wrong at each field; warnings are taken only when ticked."""
    typed = {key.removeprefix("f-"): value for key, value in request.form.items() if key.startswith("f-")}
    try:
        registered = house().rosters.counter.register(
            connection(), actor(), request.form.get("process_id", ""), typed, accept_warnings=request.form.get("accept") == "1",
            cycle=request.form.get("cycle", ""),
        )
    except InvalidForm as refusal:
        reopen_for_reading()
        return _form(typed, {f"f-{key}": words(pair) for key, pair in refusal.fields.items()}), 422
    if registered.outcome == "warned":
        return _form(typed, {}, registered.warnings), 422
    flash(_(OUTCOMES[registered.outcome]), "success")
    if registered.instance_id is None:
        return redirect(url_for("counter.page"), code=303)
    return redirect(url_for("cases.page", instance_id=registered.instance_id), code=303)
