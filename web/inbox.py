"""The inbox: what waits for a person, as a list he works off. It reads the form and calls one service method per request."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

from flask import Blueprint, Response, make_response, redirect, render_template, request, session, url_for

from tasks import security_log
from tasks.subjects import case_parties, subject_numbers
from tasks.worklist import Filters
from web.bulk import Choice, command_key, ticked, values_of, verbs_for_rows
from web.context import actor, after_commit, connection, house, is_htmx
from web.i18n import now, translate as _, words
from web.labels import activities, organisation_name, outcome_label, parties_line, process_name, processes, task_title
from web.navigation import counts
from web.undo import announce, remember
from workflows.errors import Forbidden, Rejection

blueprint = Blueprint("inbox", __name__)

VIEWS = (
    ("todo", "全部待办"), ("mine", "我的"), ("pool", "待认领"), ("done", "已办"), ("started", "我发起"),
)
SORTS = (("due", "按期限"), ("arrival", "按到达时间"), ("priority", "按优先级"))
LIGHTS = (("red", "逾期"), ("yellow", "临期"), ("green", "正常"), ("grey", "未计时"))
FILTERS = ("process_id", "node_id", "light", "flag", "organisation", "text")
PAGE_SIZE = 25
QUEUE = 12  # how many following tasks a row's link carries, so that one decision leads to the next


@blueprint.get("/inbox")
def page() -> str:
    """The whole page, or only the list when htmx asks for it."""
    state = _state(request.args)
    listed = _list(state)
    if is_htmx():
        return render_template("inbox/_list.html", **listed)
    return render_template("inbox/inbox.html", **listed)


@blueprint.get("/inbox/list")
def part() -> Response:
    """The list alone, for polling: 304 while nothing in it has changed."""
    listed = _list(_state(request.args))
    response = make_response(render_template("inbox/_list.html", **listed))
    response.add_etag()
    response.headers["X-Counts"] = json.dumps(_texts(listed["counts"]))
    return response.make_conditional(request)


@blueprint.get("/inbox/counts")
def figures() -> Response:
    """The figures on the tabs as JSON and as the header the page reads; 304 while unchanged."""
    found = _texts(counts())
    response = make_response(found)
    response.headers["X-Counts"] = json.dumps(found)
    response.add_etag()
    return response.make_conditional(request)


@blueprint.post("/inbox/bulk")
def bulk() -> Any:
    """One verb on one row or on all ticked rows; answers with the list as it is afterwards."""
    verb, items = request.form.get("verb", ""), ticked(request.form)
    if not items:
        raise Rejection("请先勾选要办理的事项。", "Tick the items first.")
    if verb in ("claim", "release"):
        return _answer(_each(verb, items))
    values = values_of(request.form)
    if len(items) == 1:
        return _answer(_one(verb, *items[0], values))
    return _as_command(verb, items, values)


def _each(verb: str, items: list[tuple[int, int]]) -> dict[str, Any]:
    refused: dict[int, str] = {}
    for seat_id, revision in items:
        try:
            with house().store.savepoint(connection()):
                _take(verb, seat_id, revision)
        except Rejection as refusal:
            refused[seat_id] = words({"zh": refusal.zh, "en": refusal.en})
            if isinstance(refusal, Forbidden):
                _log(refusal, seat_id)
    done = len(items) - len(refused)
    text = _("已领取 {count} 件", count=done) if verb == "claim" else _("已放回 {count} 件", count=done)
    return {"refused": refused, "toast": _with_refused(text, refused)}


def _log(refusal: Forbidden, seat_id: int) -> None:
    """One refused row of many: the request goes on, so its own transaction keeps the record."""
    security_log.record(
        connection(), now(), security_log.REFUSED, person_id=actor().person_id, address=request.remote_addr,
        detail={"words": {"zh": refusal.zh, "en": refusal.en}, "seat": seat_id},
    )


def _take(verb: str, seat_id: int, revision: int) -> None:
    if verb == "claim":
        house().tasks.claim(connection(), actor(), seat_id, revision)
    else:
        house().tasks.release(connection(), actor(), seat_id)


def _with_refused(text: str, refused: dict[int, str]) -> dict[str, str]:
    if not refused:
        return {"text": text, "kind": "success"}
    reason = next(iter(refused.values()))
    return {"text": f"{text}；" + _("{count} 件未办：{reason}", count=len(refused), reason=reason), "kind": "warning"}


def _one(outcome: str, seat_id: int, revision: int, values: dict[str, Any]) -> dict[str, Any]:
    done = house().tasks.complete(connection(), actor(), seat_id, values, outcome, revision, bulk=True)
    undo = remember(url_for("tasks.undo", seat_id=seat_id), _("已办理 1 件"), done.undo_until)
    return {"refused": {}, "undo": undo}


def _as_command(verb: str, items: list[tuple[int, int]], values: dict[str, Any]) -> Any:
    key = command_key(actor().person_id, verb, items, values)
    command_id = house().tasks.bulk_complete(connection(), actor(), items, verb, values, key)
    after_commit(house().wake)
    url = url_for("commands.page", command_id=command_id)
    if not is_htmx():
        return redirect(url, code=303)
    return _answer({"refused": {}, "progress": {"url": url}})


def _answer(result: dict[str, Any]) -> Any:
    if not is_htmx():
        return redirect(url_for("inbox.page", **_query(_state(request.form))), code=303)
    return list_answer(result)


def list_answer(result: dict[str, Any]) -> Response:
    """The list as it is now, for the page that htmx shows, with the events of `result` (toast, undo, progress)."""
    shown = {key: values[0] for key, values in parse_qs(urlsplit(request.headers.get("HX-Current-URL", "")).query).items()}
    listed = _list(_state(shown))
    response = make_response(render_template("inbox/_list.html", **listed, refused=result.get("refused", {}), with_tabs=True))
    triggers = {name: result[name] for name in ("toast", "undo", "progress") if result.get(name)}
    response.headers["HX-Trigger"] = json.dumps(triggers)
    response.headers["X-Counts"] = json.dumps(_texts(listed["counts"]))
    return response


@blueprint.get("/inbox/undo")
def undo_bar() -> Response:
    """Says on a fresh page what may still be taken back: an empty answer whose event opens the bar."""
    return announce(make_response("", 204))


def _texts(found: Any) -> dict[str, str]:
    return {key: str(count) for key, count in found.items()}


def _state(given: Any) -> dict[str, str]:
    """View, sort, cursor and filters as asked; unknown views and sorts fall back to the first."""
    state = {name: given.get(name, "").strip() for name in ("view", "sort", "after", *FILTERS)}
    if state["view"] not in dict(VIEWS):
        state["view"] = "todo"
    if state["sort"] not in dict(SORTS):
        state["sort"] = "due"
    return state


def _query(state: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in state.items() if value}


def _list(state: dict[str, str]) -> dict[str, Any]:
    """All a list needs: rows, figures, verbs and the addresses of its neighbours."""
    filters = Filters(**{name: state[name] or None for name in FILTERS})
    found = house().worklist.page(
        connection(), actor(), state["view"], sort=state["sort"], after=state["after"] or None, size=PAGE_SIZE, filters=filters
    )
    figures = counts()
    verbs = verbs_for_rows(found.rows) if state["view"] in ("todo", "mine", "pool") else {}
    cases = [row.instance_id for row in found.rows]
    return {
        "numbers": subject_numbers(connection(), cases), "parties": case_parties(connection(), cases), "parties_line": parties_line,
        "state": state, "rows": found.rows, "counts": figures, "tabs": _tabs(state, figures), "verbs": verbs, "choices": _choices(verbs),
        "sorts": [(value, _(label)) for value, label in SORTS], "lights": [(value, _(label)) for value, label in LIGHTS],
        "facets": _facets(found.rows, state), "links": _links(state, found), "queues": _queues(found.rows, state),
        "filtered": any(state[name] for name in FILTERS), "pending_undo": bool(session.get("undo")), "task_title": task_title, "outcome_label": outcome_label,
    }


def _choices(verbs: dict[Any, list[Choice]]) -> list[Choice]:
    """The verbs of the bulk bar: what any row of the page offers, once each, in the order of the models."""
    return list({choice.value: choice for offered in verbs.values() for choice in offered}.values())


def _tabs(state: dict[str, str], figures: Any) -> list[dict[str, Any]]:
    kept = {name: state[name] for name in ("sort", "process_id") if state[name]}
    return [
        {
            "label": _(label), "url": url_for("inbox.page", **({"view": view} | kept)), "active": view == state["view"],
            "count": str(figures[view]) if view in figures else None, "count_key": view,
        }
        for view, label in VIEWS
    ]


def _facets(rows: list[Any], state: dict[str, str]) -> dict[str, list[tuple[str, str]]]:
    """What the filters offer: processes, activities, the flags on this page, and the person's organisations."""
    flags = {flag["code"]: words(flag) for row in rows for flag in row.summary.get("flags") or ()}
    if state["flag"]:
        flags.setdefault(state["flag"], state["flag"])
    return {
        "process_id": [(process.process_id, process_name(process)) for process in processes()],
        "node_id": list(activities(state["process_id"]).items()), "flag": sorted(flags.items()),
        "organisation": _below(state["organisation"]),
    }


def _below(chosen: str) -> list[tuple[str, str]]:
    """The organisations right below the person's own (a university's faculties, a province's counties), and the one chosen now."""
    code = actor().organisation_code
    found = {row.code: row.name for row in house().people.organisations.children(connection(), code)} if code else {}
    if chosen and chosen not in found:
        found[chosen] = organisation_name(chosen)
    return list(found.items())


def _links(state: dict[str, str], found: Any) -> dict[str, str]:
    def at(cursor: str | None) -> str:
        return url_for("inbox.page", **_query(state | {"after": cursor or ""})) if cursor else ""

    return {
        "next": at(found.next), "previous": at(found.previous), "poll": url_for("inbox.part", **_query(state)),
        "clear": url_for("inbox.page", view=state["view"], sort=state["sort"]),
    }


def _queues(rows: list[Any], state: dict[str, str]) -> dict[int, str]:
    """Address of each row's task, with the tasks that follow it and the view to come back to."""
    ids = [row.seat_id for row in rows]
    back = {name: state[name] for name in ("view", "sort") if state[name]}
    return {
        seat_id: url_for("tasks.page", seat_id=seat_id, queue=",".join(map(str, ids[place + 1 : place + 1 + QUEUE])) or None, **back)
        for place, seat_id in enumerate(ids)
    }
