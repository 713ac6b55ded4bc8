"""Process models: the list, a diagram with its findings, the editors, and deploying a new version. Decides nothing about models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, jsonify, render_template, request, url_for

from tasks.permissions import may
from web.context import actor, connection, house
from web.i18n import chinese, translate as _, words
from web.labels import process_name, processes
from web.presenting import diagram_state
from web.security import needs_style_attributes, requires
from workflows.definitions import ResourceFinding, check
from workflows.errors import DeploymentRefused, NotFound, Rejection

blueprint = Blueprint("processes", __name__, url_prefix="/processes")
EDITABLE = (".bpmn", ".dmn")


@blueprint.get("")
@requires("model.view")
def listing() -> str:
    """Every deployed process."""
    shown = [
        {"id": one.process_id, "name": process_name(one), "version": one.version, "running": running}
        for one, running in house().definitions.running(connection(), processes())
    ]
    return render_template("processes/list.html", processes=shown)


@blueprint.get("/<process_id>")
@requires("model.view")
def page(process_id: str) -> str:
    """One process: its diagram, its files, its versions, and what the checks say."""
    current = house().definitions.current(connection(), process_id)
    chosen = request.args.get("version", type=int)
    rows = house().definitions.versions(connection(), process_id)
    shown = house().definitions.get(connection(), next((row.id for row in rows if row.version == chosen), current.id))
    names = house().people.names(connection(), {row.deployed_by for row in rows if row.deployed_by})
    running = house().definitions.running_by_version(connection(), process_id)
    return render_template(
        "processes/process.html", process=shown, current=current, name=process_name(shown), versions=rows, names=names, running=running,
        findings=_findings(check(shown.resources)), editable=[name for name in shown.resources if name.endswith(EDITABLE)],
        xml=shown.resources[shown.bpmn].decode(), drawn=diagram_state(shown, {})["state"],
    )


@blueprint.get("/<process_id>/edit")
@blueprint.get("/<process_id>/edit/<path:resource>")
@requires("model.view")
@needs_style_attributes
def edit(process_id: str, resource: str = "") -> str:
    """The editor for the diagram or a decision table of the current version."""
    current = house().definitions.current(connection(), process_id)
    name = resource or current.bpmn
    if name not in current.resources or not name.endswith(EDITABLE):
        raise NotFound("流程中没有这个文件。", "The process has no such file.")
    kind = "modeler" if name.endswith(".bpmn") else "dmn"
    return render_template(
        "processes/edit.html", kind=kind, process=current, name=process_name(current), resource=name, xml=current.resources[name].decode(),
        lint_url=url_for("processes.lint", process_id=process_id, resource=name), read_only=not _may_deploy(),
        deploy_url=url_for("processes.deploy", process_id=process_id, resource=name),
    )


@blueprint.post("/<process_id>/lint/<path:resource>")
@requires("model.view")
def lint(process_id: str, resource: str) -> Response:
    """What the checks say of the file as it stands in the editor, together with the other files of the process."""
    files, _current = _with(process_id, resource)
    return jsonify(findings=[found for found in _findings(house().definitions.check(connection(), files)) if found["resource"] in (resource, "")])


@blueprint.post("/<process_id>/deploy/<path:resource>")
@requires("model.deploy")
def deploy(process_id: str, resource: str) -> Any:
    """Deploy the process with this file changed; running cases stay on their version."""
    files, current = _with(process_id, resource)
    try:
        deployed = house().definitions.deploy_all(connection(), files, actor().person_id)
    except DeploymentRefused as refused:
        return jsonify(message=words(refused.both), findings=_findings(refused.findings)), 422
    version = next((one for one in deployed if one.process_id == process_id), None)
    if version is None:
        raise Rejection("流程的标识不能更改；请新建流程。", "The id of a process cannot be changed; make a new process.", status=422)
    same = version.version == current.version
    text = _("内容没有变化，仍为第 {n} 版。", n=version.version) if same else _("已发布第 {n} 版；在办事项仍按原版本办完。", n=version.version)
    return jsonify(message=text, version=version.version, location=url_for("processes.page", process_id=process_id)), 200 if same else 201


def _with(process_id: str, resource: str) -> tuple[Mapping[str, bytes], Any]:
    current = house().definitions.current(connection(), process_id)
    if resource not in current.resources or not resource.endswith(EDITABLE):
        raise NotFound("流程中没有这个文件。", "The process has no such file.")
    return {**current.resources, resource: request.get_data()}, current


def _may_deploy() -> bool:
    return bool(may(actor(), "model.deploy"))


def _findings(found: list[ResourceFinding]) -> list[dict[str, Any]]:
    """Findings as the editors take them, errors first."""
    shown = [
        {
            "resource": one.resource, "element_id": one.finding.element_id, "severity": one.severity, "line": one.finding.line,
            "name": one.finding.name, "reason": one.finding.reason_zh if chinese() else one.finding.reason_en,
            "advice": one.finding.advice_zh if chinese() else one.finding.advice_en,
        }
        for one in found
    ]
    return sorted(shown, key=lambda one: (one["severity"] != "error", one["resource"], one["line"]))
