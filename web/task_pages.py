"""One task: its page, and the verbs on it. Each handler reads the form, calls one service method and shows or leads on."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Response, flash, jsonify, make_response, redirect, render_template, request, url_for

from tasks.lifecycle import LIVE
from web.attachments import accepted, file_facts
from web.context import actor, connection, house, is_htmx, wants_json
from web.i18n import local_datetime, same_site, translate as _, words
from web.inbox import list_answer
from web.labels import outcome_label
from web.operations import offered
from web.presenting import change_words, diagram_state, form_data, schema_words, split_facts, timeline_items
from web.undo import forget, pending, remember
from workflows.errors import Rejection

blueprint = Blueprint("tasks", __name__, url_prefix="/tasks")

WAY = ("view", "sort", "queue")  # where the person came from and what follows


@blueprint.get("/<int:seat_id>")
def page(seat_id: int) -> Any:
    """The task with all that is needed to decide it; when it was decided meanwhile, by whom and when."""
    view = house().tasks.task_view(connection(), actor(), seat_id)
    shown = _shown(view)
    if view.seat.status not in LIVE:
        return make_response(render_template("tasks/decided.html", **shown))
    return render_template("tasks/task.html", **shown)


@blueprint.post("/<int:seat_id>/complete")
def complete(seat_id: int) -> Any:
    """Decide the task with an outcome and the form's values; leads to the next task of the same view."""
    sent = _sent()
    done = house().tasks.complete(connection(), actor(), seat_id, sent["values"], sent["outcome"], sent["revision"])
    text = _("已提交。") if _is_own(sent) else _("已办理 1 件")
    remember(url_for("tasks.undo", seat_id=seat_id), text, done.undo_until)
    return _led_on(_next(), text, {"undo_until": done.undo_until.isoformat() if done.undo_until else None})


@blueprint.post("/<int:seat_id>/draft")
def draft(seat_id: int) -> Response:
    """Keep what was typed so far; says when."""
    saved_at = house().tasks.save_draft(connection(), actor(), seat_id, _sent()["values"])
    return jsonify(ok=True, saved_at=local_datetime(saved_at)[-5:])


@blueprint.post("/<int:seat_id>/claim")
def claim(seat_id: int) -> Any:
    """Take the task."""
    house().tasks.claim(connection(), actor(), seat_id, _revision(request.form.get("revision")))
    return _stay(seat_id, _("已领取，由您办理。"))


@blueprint.post("/<int:seat_id>/release")
def release(seat_id: int) -> Any:
    """Give the task back to the pool."""
    house().tasks.release(connection(), actor(), seat_id)
    return _stay(seat_id, _("已放回，其他有权办理的人可以领取。"))


@blueprint.post("/<int:seat_id>/undo")
def undo(seat_id: int) -> Any:
    """Take the decision back while that is possible."""
    house().tasks.undo(connection(), actor(), seat_id)
    forget()
    if request.headers.get("HX-Target") == "inbox-list":
        return list_answer({"toast": {"text": _("已撤销，事项回到待办。"), "kind": "success"}})
    if is_htmx():  # the undo bar of another page, which it loads again by itself
        flash(_("已撤销，事项回到待办。"), "success")
        return Response(status=204)
    return _stay(seat_id, _("已撤销，事项回到待办。"))


@blueprint.post("/<int:seat_id>/urge")
def urge(seat_id: int) -> Any:
    """Remind whoever should act."""
    house().tasks.urge(connection(), actor(), seat_id)
    return _back(_("已催办。"), same_site(request.form.get("next", ""), url_for("tasks.page", seat_id=seat_id)))


@blueprint.post("/<int:seat_id>/reassign")
def reassign(seat_id: int) -> Any:
    """Give the task to another person, with the reason."""
    person = _revision(request.form.get("person_id"))
    if person is None:
        raise Rejection("请选择改派给谁。", "Choose whom to give it to.", fields={"person_id": {"zh": "请选择改派给谁", "en": "Choose a person"}})
    house().tasks.reassign(connection(), actor(), seat_id, person, request.form.get("reason", "").strip())
    return _back(_("已改派。"), same_site(request.form.get("next", ""), url_for("tasks.page", seat_id=seat_id)))


def _sent() -> dict[str, Any]:
    """Outcome, revision and values, from the form entry's JSON or from a plain form."""
    if not request.is_json:
        kept = {key: value for key, value in request.form.items() if key not in ("csrf_token", "outcome", "revision", *WAY)}
        return {"outcome": request.form.get("outcome", ""), "revision": _revision(request.form.get("revision")), "values": kept}
    body = request.get_json()
    if not isinstance(body, dict):
        raise Rejection("请求内容应为 JSON 对象。", "The body must be a JSON object.")
    values = {**(body.get("data") or body.get("values") or {}), **(body.get("extra") or {})}
    return {"outcome": str(body.get("outcome") or ""), "revision": _revision(body.get("revision")), "values": values}


def _revision(text: Any) -> int | None:
    try:
        return int(text) if text not in (None, "") else None
    except (TypeError, ValueError) as wrong:
        raise Rejection("请求中的编号不是数字。", "A number in the request is not a number.") from wrong


def _is_own(sent: dict[str, Any]) -> bool:
    return request.args.get("view") == "own"


def _way() -> dict[str, str]:
    return {name: request.values.get(name, "") for name in WAY if request.values.get(name)}


def _next() -> str:
    """The next task of the view the person works off, else the view itself, else his own cases."""
    way = _way()
    if way.get("view") == "own":
        return url_for("mine.page")
    first, _comma, rest = way.pop("queue", "").partition(",")
    if first.isdigit():
        return url_for("tasks.page", seat_id=int(first), queue=rest or None, **way)
    return url_for("inbox.page", **way)


def _led_on(target: str, text: str, facts: dict[str, Any]) -> Any:
    if wants_json():
        return jsonify(ok=True, redirect=target, location=target, **facts)  # the undo bar of the next page says the words
    flash(text, "success")
    return redirect(target, code=303)


def _stay(seat_id: int, text: str) -> Any:
    return _back(text, url_for("tasks.page", seat_id=seat_id, **_way()))


def _back(text: str, default: str) -> Any:
    """To where the person was, with a word on what was done; programs get JSON."""
    if wants_json():
        return jsonify(ok=True, message=text, redirect=default)
    flash(text, "success")
    if is_htmx():
        return Response(status=204, headers={"HX-Redirect": default})
    return redirect(default, code=303)


def _shown(view: Any) -> dict[str, Any]:
    """What both pages of a task need."""
    few, more = _outcomes(view.outcomes)
    facts, texts = split_facts(view.facts)
    way, since = _way(), house().inbox.looks.since(connection(), actor(), view.seat.instance_id, view.process)
    return {
        "view": view, "seat": view.seat, "name": words(view.node_name), "facts": facts, "texts": texts, "few": few, "more": more,
        "timeline": timeline_items(view.timeline, view.process), "diagram": diagram_state(view.process, view.diagram),
        "form": _form(view), "way": way, "next_url": _next(), "pending_undo": bool(pending()),
        "outcome": outcome_label(view.seat) if view.seat.outcome else "", "back_url": _return_url(way),
        "files": [file for file in view.form.files if file.field is None or _names_no(view, file.field)], "takes": view.form.takes,
        "attach_url": url_for("attachments.attach", seat_id=view.seat.seat_id) if view.form.attaches else "", "expected": view.expected,
        "differences": change_words(view.differences, view.process), "since": change_words(since, view.process), "operations": offered("seat", view.may),
    }


def _names_no(view: Any, field: str) -> bool:
    """Whether the form on the page does not show the files of a field itself."""
    return view.schema is None or f'"{field.rpartition("[].")[2]}"' not in json.dumps(view.schema, ensure_ascii=False)


def _return_url(way: dict[str, str]) -> str:
    if way.get("view") == "own":
        return url_for("mine.page")
    return url_for("inbox.page", **{name: way[name] for name in ("view", "sort") if name in way})


def _outcomes(offered: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The few outcomes shown as buttons and those in the menu; the model's `style: "more"` decides, else the first three."""
    few = [outcome for outcome in offered if outcome.get("style") != "more"]
    more = [outcome for outcome in offered if outcome.get("style") == "more"]
    return few[:3], few[3:] + more


def _form(view: Any) -> dict[str, Any] | None:
    """What the form entry is given: schema, data with the person's draft on top, and options."""
    if view.schema is None:
        return None
    return {
        "schema": schema_words(view.schema, view.process), "data": form_data(view), "options": _form_options(view),
        "read_only": not {"complete", "save"} & set(view.may),
    }


def _form_options(view: Any) -> dict[str, Any]:
    """What the form entry knows beside schema and data: the revision, the opinion's phrases, the files its fields name."""
    panel, seat_id = view.form, view.seat.seat_id
    return {
        "revision": view.seat.revision, "opinion": panel.opinion, "phrases": list(panel.phrases),
        "phrases_url": url_for("phrases.keep", seat_id=seat_id), "attach_url": url_for("attachments.attach", seat_id=seat_id),
        "accept": accepted(panel.takes), "most": panel.takes.most, "files": [file_facts(file) for file in panel.files],
    }
