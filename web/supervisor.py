"""The supervisor's pages: figures of open, overdue and stalled work, the list behind each, reassign and urge. Decides nothing."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for

from tasks.supervision import REASONS
from web.context import actor, after_commit, connection, house
from web.i18n import same_site, translate as _, words
from web.labels import node_label, organisation_name, owner_words, prefixed, processes, stage_label
from web.security import requires
from workflows.errors import NotFound, Rejection

blueprint = Blueprint("supervisor", __name__, url_prefix="/supervisor")


@blueprint.get("")
@requires("cases.supervise")
def overview() -> str:
    """Open, overdue and stalled work by organisation and by person."""
    found = house().supervision.overview(connection(), actor(), request.args.get("by"))
    dimensions = [
        {"label": _dimension(kind), "url": url_for("supervisor.overview", by=kind), "active": kind == found.dimension}
        for kind in found.dimensions
    ]
    return render_template(
        "supervisor/overview.html", found=found, dimensions=dimensions, reasons=reason_words(), dimension=_dimension(found.dimension),
        incidents=house().supervision.incidents(connection(), actor()),
    )


@blueprint.get("/list")
@requires("cases.supervise")
def listing() -> str:
    """The tasks behind a figure."""
    state = {name: request.args.get(name, "").strip() for name in ("reason", "by", "organisation", "person")}
    person = int(state["person"]) if state["person"].isdigit() else None
    page = house().supervision.stalled(
        connection(), actor(), reason=state["reason"] or None, dimension=state["by"] or None, organisation=state["organisation"] or None,
        person=person, after=request.args.get("after") or None,
    )
    kept = {name: value for name, value in state.items() if value}
    candidates = house().tasks.possible(connection(), [found.row.seat_id for found in page.rows])
    return render_template(
        "supervisor/list.html", rows=page.rows, state=state, reasons=reason_words(), node_label=node_label, owner_words=owner_words, stage_label=stage_label,
        title=_title(state, person), candidates=candidates, here=request.full_path.rstrip("?"),
        next_url=url_for("supervisor.listing", **kept, after=page.next) if page.next else "",
        previous_url=url_for("supervisor.listing", **kept, after=page.previous) if page.previous else "",
        reason_tabs=_tabs(kept),
    )


@blueprint.post("/seats/<int:seat_id>/urge")
@requires("seats.urge")
def urge(seat_id: int) -> Any:
    """Urge whoever holds or may take a task."""
    house().tasks.urge(connection(), actor(), seat_id)
    flash(_("已催办。"), "success")
    return redirect(same_site(request.form.get("next", ""), url_for("supervisor.overview")), code=303)


@blueprint.post("/seats/<int:seat_id>/reassign")
@requires("seats.reassign")
def reassign(seat_id: int) -> Any:
    """Give a task to another person, with a reason."""
    person = request.form.get("person", "")
    if not person.isdigit():
        raise Rejection("请选择改派给谁。", "Choose whom to give it to.", status=422)
    house().tasks.reassign(connection(), actor(), seat_id, int(person), request.form.get("reason", ""))
    flash(_("已改派。"), "success")
    return redirect(same_site(request.form.get("next", ""), url_for("supervisor.overview")), code=303)


@blueprint.post("/incidents/<int:incident_id>/retry")
@requires("incidents.resolve")
def retry(incident_id: int) -> Any:
    """Let the job behind an incident be tried again."""
    if incident_id not in {incident.id for incident in house().supervision.incidents(connection(), actor())}:
        raise NotFound("没有这项异常，或不在您的督办范围。", "There is no such incident in your scope.")
    house().jobs.retry(connection(), incident_id)
    after_commit(house().wake)
    flash(_("已安排重试。"), "success")
    return redirect(url_for("supervisor.overview"), code=303)


def reason_words() -> dict[str, str]:
    """Every reason to call work stalled, in the reader's language."""
    return {name: words({"zh": zh, "en": en}) for name, (zh, en) in REASONS.items()}


def _dimension(kind: str) -> str:
    for process in processes():
        found = prefixed(process, "party", kind)
        if found and found != kind:
            return found
    return kind


def _tabs(kept: dict[str, str]) -> list[dict[str, Any]]:
    rest = {name: value for name, value in kept.items() if name != "reason"}
    offered = [("", _("停滞")), ("open", _("全部在办")), *reason_words().items()]
    return [
        {"label": label, "url": url_for("supervisor.listing", **rest, **({"reason": name} if name else {})), "active": kept.get("reason", "") == name}
        for name, label in offered
    ]


def _title(state: dict[str, str], person: int | None) -> str:
    if person is not None:
        return str(house().people.name(connection(), person))
    return organisation_name(state["organisation"]) if state["organisation"] else _("停滞事项")
