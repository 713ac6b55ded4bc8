"""Cases: the list one may search, one case with its history, and what one may do to it as a whole."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, flash, jsonify, redirect, render_template, request, url_for

from web.context import actor, connection, house, wants_json
from web.i18n import translate as _, words
from web.labels import (
    label, node_label, organisation_name, owner_words, parties_line, prefixed, process_name, processes, stage_label, units_below, version,
    waits_for_applicant,
)
from web.operations import offered
from web.presenting import diagram_state, safe_items, split_facts, timeline_items
from web.security import requires
from web.undo import forget
from workflows.errors import Rejection

blueprint = Blueprint("cases", __name__, url_prefix="/cases")

STATUSES = (("active", "办理中"), ("suspended", "已挂起"), ("completed", "已办结"), ("terminated", "已终止"), ("void", "已作废"))
FILTERS = ("text", "status", "stage", "organisation", "process_id")


@blueprint.get("")
@requires("cases.list")
def listing() -> str:
    """The cases the person may see, narrowed by search and filters."""
    state = {name: request.args.get(name, "").strip() for name in FILTERS}
    asked = {name: value or None for name, value in state.items()}
    found = house().worklist.cases(connection(), actor(), after=request.args.get("after") or None, **asked)
    kept = {name: value for name, value in state.items() if value}
    return render_template(
        "cases/list.html", rows=found.rows, state=state, filtered=bool(kept), statuses=_statuses(), stages=_stages(state["process_id"]),
        process_choices=[(process.process_id, process_name(process)) for process in processes()], organisations=units_below(state["organisation"]),
        next_url=url_for("cases.listing", **kept, after=found.next) if found.next else "",
        previous_url=url_for("cases.listing", **kept, after=found.previous) if found.previous else "",
        export=kept, stage_label=stage_label, parties_line=parties_line, activity=_activity,
    )


@blueprint.get("/<int:instance_id>")
def page(instance_id: int) -> str:
    """One case: facts, open tasks, history, position in the diagram."""
    view = house().tasks.case_view(connection(), actor(), instance_id)
    process = version(view.instance.definition_id)
    facts, texts = split_facts(view.facts)
    return render_template(
        "cases/case.html", view=view, case=view.instance, process=process, facts=facts, texts=texts, items=safe_items(view.items),
        timeline=timeline_items(view.timeline, process), diagram=diagram_state(process, view.diagram), statuses=dict(_statuses()),
        stage_label=stage_label, node_label=node_label, prefixed=prefixed, title=process_name(process), organisation_name=organisation_name,
        owner_words=owner_words, waits_for_applicant=waits_for_applicant, operations=offered("case", view.may),
    )


@blueprint.post("/<int:instance_id>/withdraw")
def withdraw(instance_id: int) -> Any:
    """The applicant takes his application back."""
    house().tasks.withdraw_case(connection(), actor(), instance_id)
    forget()  # what was handed in is taken back already
    return _done(_("已撤回，可以修改后重新提交。"), instance_id)


@blueprint.post("/<int:instance_id>/read")
def read(instance_id: int) -> Any:
    """The copies of this case that were sent to the person are read."""
    house().tasks.circulations.read(connection(), actor(), instance_id)
    return "", 204


@blueprint.post("/<int:instance_id>/message/<name>")
def message(instance_id: int, name: str) -> Any:
    """Send the case a message that its model allows, such as a visit at the counter."""
    payload = {key: value for key, value in request.form.items() if key not in ("csrf_token", "next")}
    if request.is_json:
        payload = request.get_json()
        if not isinstance(payload, dict):
            raise Rejection("请求内容应为 JSON 对象。", "The body must be a JSON object.")
    house().tasks.send_message(connection(), actor(), instance_id, name, payload)
    return _done(_("已登记。"), instance_id)


def _done(text: str, instance_id: int) -> Any:
    target = url_for("mine.page") if request.form.get("next") == "mine" else url_for("cases.page", instance_id=instance_id)
    if wants_json():
        return jsonify(ok=True, message=text, redirect=target)
    flash(text, "success")
    return redirect(target, code=303)


def _statuses() -> list[tuple[str, str]]:
    return [(value, _(text)) for value, text in STATUSES]


def _stages(process_id: str) -> list[tuple[str, str]]:
    """The stages the models name, for the filter."""
    found: dict[str, str] = {}
    for process in processes():
        if not process_id or process.process_id == process_id:
            for stage, named in json.loads(process.graph.properties.get("stages") or "{}").items():
                found.setdefault(stage, words(named))
    return list(found.items())


def _activity(row: Any, seat: dict[str, Any]) -> str:
    return label(version(row.definition_id), seat["node_id"])
