"""Import pages: upload, columns, preview, progress, result, history. Each handler reads the request and calls one service."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for

from tasks.permissions import require
from tasks.roster.file import summary
from tasks.roster.sheets import error_sheet, template as template_sheet
from web.context import actor, after_commit, connection, house, is_htmx, reopen_for_reading
from web.downloads import workbook
from web.i18n import language, translate as _
from web.labels import process_name, version
from workflows.errors import Rejection

blueprint = Blueprint("imports", __name__, url_prefix="/import")

SHOWN_DIGITS = 8  # a cell with more may be somebody's ID or mobile number
LARGEST_FILE = 16 * 1024 * 1024  # bytes; 50,000 rows of the template are about 5 MB


@blueprint.get("")
def page() -> str:
    """Choose a process and a file; the person's own imports below."""
    return _upload_page({})


def _upload_page(errors: dict[str, str]) -> str:
    require(actor(), "cohort.import")
    offered = house().rosters.access.offered(connection(), actor())
    chosen = request.values.get("process_id") or (offered[0][0].process_id if offered else "")
    roster = next((roster for process, roster in offered if process.process_id == chosen), None)
    return render_template(
        "imports/upload.html", offered=[(process.process_id, process_name(process)) for process, _roster in offered], chosen=chosen,
        roster=roster, cycle=request.values.get("cycle") or (house().rosters.access.cycle(roster) if roster else ""),
        history=house().rosters.imports.history(connection(), actor()), errors=errors, names=_names(), summary=_summary,
    )


@blueprint.post("")
def upload() -> Any:
    """Read and check a file. The reading is done on a snapshot: the only writer is not held while rows are checked."""
    process_id, cycle, sent = request.form.get("process_id", ""), request.form.get("cycle", ""), request.files.get("file")
    if sent is None or not sent.filename:
        reopen_for_reading()
        return _upload_page({"file": _("请选择要导入的文件。")}), 422
    data = sent.stream.read(LARGEST_FILE + 1)
    if len(data) > LARGEST_FILE:
        raise Rejection("文件超过 16 MB，请拆分后分次导入。", "The file is larger than 16 MB; split it.", status=413)
    reopen_for_reading()
    try:
        prepared = house().rosters.rosters.read(connection(), actor(), process_id, sent.filename, data, cycle)
    except Rejection as refusal:
        if refusal.status != 422:
            raise
        return _upload_page({"file": refusal.words(language())}), 422
    with house().store.transaction() as writing:
        command_id = house().rosters.rosters.keep(writing, actor(), prepared)
    return redirect(url_for("imports.one", command_id=command_id), code=303)


@blueprint.get("/template")
def template() -> Response:
    """The blank sheet with its instructions."""
    process_id = request.args.get("process_id", "")
    roster, _rule = house().rosters.access.permitted(connection(), actor(), process_id)
    process = house().definitions.current(connection(), process_id)
    name = _("{process}-导入模板", process=process_name(process))
    return workbook(name, template_sheet(roster, language()))


@blueprint.get("/<int:command_id>")
def one(command_id: int) -> str:
    """An import at its present step; only the bar when htmx polls a running one."""
    imported = house().rosters.imports.load(connection(), actor(), command_id)
    if is_htmx():
        return render_template("imports/_progress.html", imported=imported, text=_heading(imported), polled=True)
    return _import_page(imported)


def _import_page(imported: Any, errors: dict[str, str] | None = None, chosen: dict[str, int] | None = None) -> str:
    imports = house().rosters.imports
    roster = house().rosters.access.roster(connection(), imported.argument["process_id"])
    step = "mapping" if imported.step == "checked" and "columns" in request.args else imported.step
    shown: dict[str, Any] = {
        "imported": imported, "step": step, "roster": roster, "process": _names().get(roster.process_id, roster.process_id),
        "errors": errors or {}, "language": language(), "text": _heading(imported), "summary": _summary,
    }
    if step == "mapping":
        sheet = imports.part(imported, "sheet") or {"header": [], "rows": []}
        shown |= {"sheet": sheet, "mapping": chosen if chosen is not None else imported.argument["mapping"], "samples": _samples(sheet)}
    else:
        findings = imports.part(imported, "findings") or {"preview": [], "problems": [], "problems_total": 0, "rejected": [], "preview_columns": []}
        shown |= {
            "findings": findings, "left": imports.left(connection(), imported) if step == "done" else [],
            "columns": [roster.column(key) for key in findings["preview_columns"] if any(column.key == key for column in roster.columns)],
        }
    return render_template("imports/import.html", **shown)


def _samples(sheet: dict[str, Any]) -> list[str]:
    """The first filled cell below each heading, shortened, so that a person recognises his column; long numbers stay hidden."""
    found = []
    for position in range(len(sheet["header"])):
        cells = (str(cells[position]) for _number, cells in sheet["rows"][:20] if position < len(cells) and cells[position] not in (None, ""))
        sample = next(cells, "")
        found.append("…" if sum(sign.isdigit() for sign in sample) > SHOWN_DIGITS else sample[:8])
    return found


@blueprint.post("/<int:command_id>/columns")
def columns(command_id: int) -> Any:
    """Say what the columns mean; checked again with that."""
    typed = {key.removeprefix("column."): value for key, value in request.form.items() if key.startswith("column.")}
    chosen = {key: int(value) for key, value in typed.items() if value.isdigit()}
    try:
        with house().store.savepoint(connection()):
            house().rosters.rosters.choose_columns(connection(), actor(), command_id, chosen)
    except Rejection as refusal:
        if refusal.status != 422:
            raise
        imported = house().rosters.imports.load(connection(), actor(), command_id)
        return _import_page(imported, {"columns": refusal.words(language())}, chosen), 422
    return redirect(url_for("imports.one", command_id=command_id), code=303)


@blueprint.post("/<int:command_id>/confirm")
def confirm(command_id: int) -> Response:
    """Let the good rows be entered by the worker."""
    house().rosters.rosters.confirm(connection(), actor(), command_id)
    after_commit(house().wake)
    return redirect(url_for("imports.one", command_id=command_id), code=303)


@blueprint.post("/<int:command_id>/discard")
def discard(command_id: int) -> Response:
    """Forget a preview."""
    house().rosters.rosters.discard(connection(), actor(), command_id)
    flash(_("已取消导入，文件内容已删除。"), "info")
    return redirect(url_for("imports.page"), code=303)


@blueprint.get("/<int:command_id>/errors.xlsx")
def errors(command_id: int) -> Response:
    """The rejected rows as they were sent, with what is wrong: to be corrected and sent again."""
    imported = house().rosters.imports.load(connection(), actor(), command_id)
    sheet = error_sheet(
        house().rosters.imports.part(imported, "findings") or {}, house().rosters.imports.left(connection(), imported, 100_000), language()
    )
    return workbook(_("错误行-{id}", id=command_id), sheet)


def _heading(imported: Any) -> str:
    if imported.status == "failed":
        return _("导入中断，已完成的部分有效")
    if imported.status == "done":
        return _("导入完成：{summary}", summary=_summary(imported.result or {}))
    return _("正在导入…") if imported.done else _("排队中…")


def _summary(counts: dict[str, Any]) -> str:
    return summary(counts, language())


def _names() -> dict[str, str]:
    return {process.process_id: process_name(version(process.id)) for process in house().definitions.all_current(connection())}
