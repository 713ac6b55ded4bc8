"""Lists people work down: who has not declared, the class list, audit lists, return notices, and their spreadsheets."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for

from tasks.lists.lists import NAMES
from tasks.lists.queries import Filters
from tasks.permissions import may, require
from tasks.roles import role
from web.context import actor, connection, house, reopen_for_reading
from web.downloads import workbook
from web.i18n import language, translate as _
from web.labels import organisation_name, prefixed, process_name
from workflows.errors import NotFound, Rejection

blueprint = Blueprint("lists", __name__)

PAGE_SIZE = 100
SHOWN = ("not_yet", "audit", "returns", "expired")


def _state() -> dict[str, str]:
    return {name: request.values.get(name, "").strip() for name in ("process_id", "cycle", "organisation", "stage", "status", "text")}


def _process(chosen: str) -> Any:
    """The process asked for, else the first that has lists. Raises NotFound when there is none."""
    offered = [process for process in house().definitions.all_current(connection()) if process.roster]
    found = next((process for process in offered if process.process_id == chosen), offered[0] if offered and not chosen else None)
    if found is None:
        raise NotFound("没有提供名单的流程。", "No process here has lists.")
    return found


def _filters(state: dict[str, str]) -> Filters:
    return Filters(cycle=state["cycle"], organisation=state["organisation"], stage=state["stage"], status=state["status"], text=state["text"])


def _frame(state: dict[str, str], process: Any) -> dict[str, Any]:
    """What every list page's filter row needs."""
    lists = house().lists
    offered = [(one.process_id, process_name(one)) for one in house().definitions.all_current(connection()) if one.roster]
    return {
        "state": state, "process": process, "processes": offered, "process_title": process_name(process),
        "cycles": lists.cycles(connection(), process.process_id), "language": language(),
        "organisation_title": organisation_name(state["organisation"]) if state["organisation"] else "",
    }


def _with_defaults(state: dict[str, str]) -> tuple[dict[str, str], Any]:
    process = _process(state["process_id"])
    cycle = state["cycle"] or house().lists.cycle(house().lists.roster(connection(), process.process_id))
    return {**state, "process_id": process.process_id, "cycle": cycle}, process


@blueprint.get("/not-yet")
def not_yet() -> Any:
    """Faculties and classes with how many have declared; a class representative goes to his own list."""
    if not may(actor(), "class.list"):
        require(actor(), "cases.list")
    if role(actor().role).sees == "class_list":
        return redirect(url_for("lists.class_list"))
    state, process = _with_defaults(_state())
    branches = house().lists.not_yet(connection(), actor(), process.process_id, _filters(state))
    return render_template(
        "lists/not_yet.html", branches=branches, total=sum(branch.total for branch in branches),
        missing=sum(branch.not_yet for branch in branches), **_frame(state, process),
    )


@blueprint.get("/class")
def class_list() -> str:
    """Names and done or not done of the classes this person represents: nothing else is even read."""
    return render_template("lists/class.html", classes=house().lists.classes.of(connection(), actor()))


@blueprint.post("/class/remind")
def remind() -> Response:
    """Remind those who have not declared, once a day."""
    count = house().lists.classes.remind(connection(), actor(), request.form.get("process_id", ""), request.form.get("class_code", ""))
    flash(_("已提醒 {count} 名同学。", count=count), "success")
    return redirect(url_for("lists.class_list"), code=303)


@blueprint.get("/lists")
def lists() -> Response:
    """The lists begin with those who have not declared."""
    return redirect(url_for("lists.listing", name=SHOWN[0]))


@blueprint.get("/lists/<name>")
def listing(name: str) -> str:
    """A list as a page."""
    require(actor(), "cases.list")
    if name not in SHOWN:
        raise NotFound("没有这个清单。", "There is no such list.")
    state, process = _with_defaults(_state())
    after = request.args.get("after", "0")
    page = house().lists.page(
        connection(), actor(), process.process_id, name, _filters(state), int(after) if after.isdigit() else 0, PAGE_SIZE, language()
    )
    offered = house().lists.roster(connection(), process.process_id).lists
    tabs = [
        {"label": _(NAMES[one][0]), "url": url_for("lists.listing", name=one, **_kept(state)), "active": one == name}
        for one in SHOWN if one in offered or one != "expired"
    ]
    return render_template(
        "lists/list.html", name=name, title=_(NAMES[name][0]), page=page, tabs=tabs,
        branches=house().lists.not_yet(connection(), actor(), process.process_id, Filters(cycle=state["cycle"])),
        stages=_stages(process), next_url=url_for("lists.listing", name=name, **_kept(state), after=page.next) if page.next else "",
        first_url=url_for("lists.listing", name=name, **_kept(state)) if after != "0" else "", **_frame(state, process),
    )


def _kept(state: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in state.items() if value}


def _stages(process: Any) -> list[tuple[str, str]]:
    return [(stage, prefixed(process, "stage", stage)) for stage in house().stages(process)]


@blueprint.post("/lists/<name>/export")
def export(name: str) -> Response:
    """A list as a spreadsheet: masked, only what the person may see, written to the security log. Built on a snapshot."""
    require(actor(), "cases.export")
    if name not in NAMES:
        raise NotFound("没有这个清单。", "There is no such list.")
    reopen_for_reading()
    state, process = _with_defaults(_state())
    return _export(name, process, _filters(state))


@blueprint.post("/cases/export")
def export_cases() -> Response:
    """The results of the cases list, with its filters."""
    require(actor(), "cases.export")
    reopen_for_reading()
    state = _state()
    if not state["process_id"] and len(house().lists.processes(connection())) > 1:
        raise Rejection("请先在筛选中选择一个流程再导出。", "Choose one process in the filters first.", status=422)
    return _export("export", _process(state["process_id"]), _filters(state))


def _export(name: str, process: Any, filters: Filters) -> Response:
    lists, process_id = house().lists, process.process_id
    content, rows = lists.spreadsheet(connection(), actor(), process_id, name, filters, language())
    with house().store.transaction() as writing:
        lists.note_export(writing, actor(), process_id, name, filters, rows, request.remote_addr)
    return workbook(f"{process_name(process)}-{_(NAMES[name][0])}-{filters.cycle}".rstrip("-"), content)
