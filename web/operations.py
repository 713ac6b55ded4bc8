"""The operations beside the decision: one dialog, one preview and one door for every verb of the register.

It knows verbs by name only to sort the menu; what a verb does and who may use it stands elsewhere.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, flash, jsonify, redirect, render_template, request, url_for

from tasks.colleagues import MOST
from tasks.operations import Operation, Preview
from tasks.sight import guard_looking
from web.context import actor, connection, house, is_htmx, wants_json
from web.i18n import same_site, translate as _, words
from workflows.errors import InvalidForm, NotFound, Rejection

blueprint = Blueprint("operations", __name__)

CHOSEN = ("person", "people", "choice")  # arguments whose values come from a list
FEW = 8  # choices that are shown without a field to narrow them
GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (  # of the menu; what is in none comes last
    ("他人参与", ("forward", "delegate", "take_back", "take_back_from_agent", "add_before", "add_parallel", "add_after", "remove_signer")),
    ("去向", ("return", "withdraw", "jump", "suspend", "resume", "terminate", "void")),
    ("沟通", ("ask", "comment", "circulate", "watch", "unwatch", "snooze")),
)


def offered(about: str, may: frozenset[str]) -> list[Operation]:
    """The operations of the register that a person may use, in the order they were registered."""
    return [operation for verb, operation in house().tasks.operations.known.items() if operation.about == about and verb in may]


@blueprint.app_template_filter("grouped")
def grouped(operations: list[Operation]) -> list[tuple[str, list[Operation]]]:
    """The operations as the menu shows them: under what they are about, in the order people look for them."""
    named = {operation.verb: operation for operation in operations}
    groups = [(_(title), [named.pop(verb) for verb in verbs if verb in named]) for title, verbs in GROUPS]
    return [(title, found) for title, found in [*groups, (_("其他"), list(named.values()))] if found]


@blueprint.get("/tasks/<int:subject_id>/operations/<verb>", defaults={"about": "seat"})
@blueprint.get("/cases/<int:subject_id>/operations/<verb>", defaults={"about": "case"})
def dialog(about: str, subject_id: int, verb: str) -> str:
    """What the operation does, what it needs and what it would lead to; a dialog over the page, or a page of its own."""
    operation = _operation(about, verb)
    guard_looking(connection(), actor(), about, subject_id)
    return _dialog(operation, subject_id, {}, {})


@blueprint.get("/tasks/<int:subject_id>/operations/<verb>/preview", defaults={"about": "seat"})
@blueprint.get("/cases/<int:subject_id>/operations/<verb>/preview", defaults={"about": "case"})
def preview(about: str, subject_id: int, verb: str) -> str:
    """What would happen with what was chosen so far; a GET, so that it cannot change anything."""
    operation = _operation(about, verb)
    guard_looking(connection(), actor(), about, subject_id)
    return render_template("operations/_preview.html", preview=_preview(operation, subject_id, _given()), operation=operation)


@blueprint.get("/tasks/<int:subject_id>/operations/<verb>/search", defaults={"about": "seat"})
@blueprint.get("/cases/<int:subject_id>/operations/<verb>/search", defaults={"about": "case"})
def search(about: str, subject_id: int, verb: str) -> str:
    """What may be chosen for the argument `key` and holds `text`, as the dialog lists it."""
    operation = _operation(about, verb)
    guard_looking(connection(), actor(), about, subject_id)
    found = house().tasks.operations.search(connection(), actor(), verb, subject_id, request.args.get("text", ""))
    argument = next((one for one in operation.arguments if one.key == request.args.get("key")), None)
    if argument is None:
        raise NotFound("没有这一项。", "There is no such argument.")
    return render_template("operations/_options.html", argument=argument, options=found.get(argument.key, ()), value="")


@blueprint.post("/tasks/<int:subject_id>/operations/<verb>", defaults={"about": "seat"})
@blueprint.post("/cases/<int:subject_id>/operations/<verb>", defaults={"about": "case"})
def perform(about: str, subject_id: int, verb: str) -> Any:
    """Do it; back to the task, or on to the next when this one is no longer his."""
    operation, given = _operation(about, verb), _given()
    try:
        answer = house().tasks.operations.perform(connection(), actor(), verb, subject_id, given)
    except InvalidForm as wrong:
        if wants_json():
            raise
        guard_looking(connection(), actor(), about, subject_id)
        return _dialog(operation, subject_id, given, {key: words(text) for key, text in wrong.fields.items()}), 422
    text = words({"zh": answer.zh, "en": answer.en})
    page = url_for("tasks.page", seat_id=subject_id) if about == "seat" else url_for("cases.page", instance_id=subject_id)
    target = same_site(str(given.get("next") or ""), page if answer.stay else url_for("inbox.page"))
    if wants_json():
        return jsonify(ok=True, message=text, redirect=target, stay=answer.stay)
    flash(text, "success")
    if is_htmx():
        return Response(status=204, headers={"HX-Redirect": target})
    return redirect(target, code=303)


def _operation(about: str, verb: str) -> Operation:
    operation: Operation = house().tasks.operations.get(verb)
    if operation.about != about:
        raise NotFound(f"没有“{verb}”这个操作。", f"There is no operation {verb} here.")
    return operation


def _given() -> dict[str, Any]:
    """What was sent: a JSON object, a form or a query; ticked boxes of one name become a list."""
    if request.is_json:
        body = request.get_json()
        if not isinstance(body, dict):
            raise Rejection("请求内容应为 JSON 对象。", "The body must be a JSON object.")
        return body
    sent = request.values
    given: dict[str, Any] = {}
    for key in sent:
        found = [value for value in sent.getlist(key) if value != ""]
        given[key] = found if len(found) > 1 else found[0] if found else ""
    return given


def _nothing_to_choose(operation: Operation, choices: Any) -> Preview | None:
    """The refusal of a dialog in which a required choice has nothing to choose."""
    for argument in operation.arguments:
        possible = [choice for choice in choices.get(argument.key, ()) if choice.refused is None]
        if argument.required and argument.kind in CHOSEN and not possible:
            return Preview(refused={"zh": f"没有可以选择的“{argument.zh}”，现在不能{operation.zh}。", "en": f"Nothing can be chosen for “{argument.en}”: this is not possible now."})
    return None


def _only_ways(operation: Operation, choices: Any) -> dict[str, Any]:
    """What need not be asked: a required choice of which only one is possible."""
    found: dict[str, Any] = {argument.key: "" for argument in operation.arguments if argument.kind in CHOSEN}
    for argument in operation.arguments:
        possible = [choice.value for choice in choices.get(argument.key, ()) if choice.refused is None]
        if argument.required and argument.kind in CHOSEN and len(possible) == 1:
            found[argument.key] = possible[0]
    return found


def _preview(operation: Operation, subject_id: int, given: dict[str, Any]) -> Any:
    """The preview, or the refusal it meets: a dialog that opens must say why it can do nothing. Nothing until all choices are made."""
    missing = [one for one in operation.arguments if one.required and one.kind in CHOSEN and not given.get(one.key)]
    if missing and given.keys() & {one.key for one in operation.arguments}:
        return Preview()
    try:
        return house().tasks.operations.preview(connection(), actor(), operation.verb, subject_id, given)
    except Rejection as refused:
        return {"lines": [], "refused": refused.both, "revision": None}


def _dialog(operation: Operation, subject_id: int, given: dict[str, Any], errors: dict[str, str]) -> str:
    choices = house().tasks.operations.choices(connection(), actor(), operation.verb, subject_id)
    shown = _nothing_to_choose(operation, choices)
    given = {**_only_ways(operation, choices), **given}
    kind = "seat" if operation.about == "seat" else "case"
    place: dict[str, Any] = {"about": kind, "subject_id": subject_id, "verb": operation.verb}
    template = "operations/_dialog.html" if is_htmx() else "operations/page.html"
    return render_template(
        template, operation=operation, choices=choices, given=given, errors=errors, few=FEW, subject_id=subject_id,
        preview=shown or _preview(operation, subject_id, given), next=given.get("next") or request.args.get("next") or "",
        action=url_for("operations.perform", **place), search_url=url_for("operations.search", **place) if operation.search else "", most=MOST, preview_url=url_for("operations.preview", **place) if operation.preview else "",
        back=url_for("tasks.page", seat_id=subject_id) if kind == "seat" else url_for("cases.page", instance_id=subject_id),
    )
