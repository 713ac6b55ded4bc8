"""What a page of the inbox shows: rows with their verbs and differences, figures, tabs, filters, saved views. It reads and decides nothing."""

from __future__ import annotations

from typing import Any

from flask import g, session, url_for

from tasks.subjects import case_parties
from tasks.worklist import Filters, Page
from web.bulk import Choice, verbs_for_rows
from web.context import actor, connection, house
from web.i18n import translate as _, words
from web.labels import activities, outcome_label, parties_line, process_name, processes, task_title, units_below
from web.navigation import counts
from web.presenting import change_words

VIEWS = (
    ("todo", "全部待办"), ("mine", "我的"), ("pool", "待认领"), ("done", "已办"), ("started", "我发起"),
)
MORE_VIEWS = (
    ("later", "稍后"), ("drafts", "草稿"), ("copies", "抄送我的"), ("watched", "我关注的"), ("others", "他人已办"),
)
SORTS = (("due", "按期限"), ("arrival", "按到达时间"), ("priority", "按优先级"))
LIGHTS = (("red", "逾期"), ("yellow", "临期"), ("green", "正常"), ("grey", "未计时"))
FILTERS = ("process_id", "node_id", "light", "flag", "organisation", "text")
WORKING = ("todo", "mine", "pool")
OF_CASES = ("copies", "watched")  # lists of cases, not of seats
PAGE_SIZE = 25
MATCHING = 1000  # items that may be ticked beyond the page
QUEUE = 12  # how many following tasks a row's link carries, so that one decision leads to the next


def state_of(given: Any) -> dict[str, str]:
    """View, sort, cursor and filters as asked; unknown views and sorts fall back to the first."""
    state = {name: given.get(name, "").strip() for name in ("view", "sort", "after", *FILTERS)}
    if state["view"] not in dict((*VIEWS, *MORE_VIEWS)):
        state["view"] = "todo"
    if state["sort"] not in dict(SORTS):
        state["sort"] = "due"
    return state


def query_of(state: dict[str, str]) -> dict[str, str]:
    """The parts of an address that stand for a state."""
    return {key: value for key, value in state.items() if value}


def shown_list(state: dict[str, str]) -> dict[str, Any]:
    """All a list needs: rows, figures, verbs and the addresses of its neighbours."""
    found = _page(state)
    figures, today = counts(), progress()
    working = state["view"] in WORKING
    verbs = verbs_for_rows(found.rows) if working else {}
    cases = [row.instance_id for row in found.rows] if state["view"] not in OF_CASES else []
    parties = case_parties(connection(), cases)
    return {
        "parties": parties, "parties_line": parties_line, "differences": _differences(found.rows) if working else {}, "working": working,
        "state": state, "rows": found.rows, "counts": figures, "tabs": _tabs(state, figures), "verbs": verbs, "choices": _choices(verbs),
        "sorts": [(value, _(label)) for value, label in SORTS], "lights": [(value, _(label)) for value, label in LIGHTS],
        "facets": _facets(found.rows, state), "links": _links(state, found), "queues": _queues(found.rows, state), "today": today,
        "filtered": any(state[name] for name in FILTERS), "pending_undo": bool(session.get("undo")), "task_title": task_title, "outcome_label": outcome_label,
        "more_views": _more(state, today), "saved": _saved(state, today), "query": query_of(state | {"after": ""}), "snoozes": house().inbox.snoozing.moments(connection()),
    }


def _page(state: dict[str, str]) -> Any:
    size = PAGE_SIZE
    if state["view"] in OF_CASES:
        after = int(state["after"]) if state["after"].isdigit() else None
        desk = house().tasks
        listed = desk.circulations.received if state["view"] == "copies" else desk.watching.watched
        rows = listed(connection(), actor(), after=after, size=size + 1)
        return Page(rows[:size], str(rows[size - 1].id) if len(rows) > size else None, None)
    return house().worklist.page(
        connection(), actor(), state["view"], sort=state["sort"], after=state["after"] or None, size=size, filters=filters_of(state)
    )


def matching_rows(state: dict[str, str]) -> Any:
    """Everything of a working view that the filters match, in its order, up to what one command takes; `next` when there is more."""
    view = state["view"] if state["view"] in WORKING else "todo"
    return house().worklist.page(connection(), actor(), view, sort=state["sort"], size=MATCHING, filters=filters_of(state))


def filters_of(state: dict[str, str]) -> Filters:
    """The filters of a state."""
    return Filters(**{name: state[name] or None for name in FILTERS})


def progress() -> Any:
    """The person's figures of today, asked once per request."""
    if "progress" not in g:
        g.progress = house().inbox.days.today(connection(), actor())
    return g.progress


def texts() -> dict[str, str]:
    """Every figure the page shows, as text by its key."""
    today = progress()
    return {key: str(count) for key, count in counts().items()} | {
        "done_today": str(today.done), "pace": str(today.pace or ""), "later": str(today.later), "drafts": str(today.drafts), "copies": str(today.unread),
    }


def _differences(rows: Any) -> dict[int, list[dict[str, str]]]:
    """What each case on the page says otherwise than last year's of the same person, in the reader's words."""
    found = house().inbox.earlier.differences(connection(), actor(), [row.instance_id for row in rows])
    versions = {row.instance_id: row.definition_id for row in rows}
    return {case: in_words(changes, house().definitions.get(connection(), versions[case])) for case, changes in found.items() if changes}


def in_words(changes: list[dict[str, Any]], process: Any) -> list[dict[str, Any]]:
    """Label, before and after of each change; codes of organisations by their names."""
    named = [change | {side: _named(change[side]) for side in ("before", "after")} for change in changes]
    shown = change_words([change for change in named if not change.get("same")], process)
    return shown + [{"label": words(change), "same": True} for change in named if change.get("same")]


def _named(value: Any) -> Any:
    """An organisation's name for its code."""
    found = house().people.organisation(connection(), value) if isinstance(value, str) and 0 < len(value) <= 30 and value.isascii() else None
    return found.name if found else value


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


def _more(state: dict[str, str], today: Any) -> list[dict[str, Any]]:
    """The rarer lists, behind a menu."""
    figures = {"later": today.later, "drafts": today.drafts, "copies": today.unread}
    return [
        {"label": _(label), "url": url_for("inbox.page", view=view), "active": view == state["view"], "count": figures.get(view), "key": view}
        for view, label in MORE_VIEWS
    ]


def _saved(state: dict[str, str], today: Any) -> list[dict[str, Any]]:
    """The saved views, each with its address."""
    here = query_of(state | {"after": ""})
    kept = [(one, {name: str(one.query[name]) for name in ("view", "sort", *FILTERS) if one.query.get(name)}) for one in today.views]
    return [
        {"id": one.id, "name": one.name, "own": one.own, "shared": one.shared, "active": query == here, "url": url_for("inbox.page", **query)}
        for one, query in kept
    ]


def _facets(rows: list[Any], state: dict[str, str]) -> dict[str, list[tuple[str, str]]]:
    """What the filters offer: processes, activities, the flags on this page, and the person's organisations."""
    seats = rows if state["view"] not in OF_CASES else []
    flags = {flag["code"]: words(flag) for row in seats for flag in row.summary.get("flags") or ()}
    if state["flag"]:
        flags.setdefault(state["flag"], state["flag"])
    return {
        "process_id": [(process.process_id, process_name(process)) for process in processes()],
        "node_id": list(activities(state["process_id"]).items()), "flag": sorted(flags.items()),
        "organisation": units_below(state["organisation"]),
    }


def _links(state: dict[str, str], found: Any) -> dict[str, str]:
    def at(cursor: str | None) -> str:
        return url_for("inbox.page", **query_of(state | {"after": cursor or ""})) if cursor else ""

    return {
        "next": at(found.next), "previous": at(found.previous), "poll": url_for("inbox.part", **query_of(state)),
        "clear": url_for("inbox.page", view=state["view"], sort=state["sort"]),
    }


def _queues(rows: list[Any], state: dict[str, str]) -> dict[int, str]:
    """Address of each row's task, with the tasks that follow it and the view to come back to."""
    if state["view"] in OF_CASES:
        return {}
    ids = [row.seat_id for row in rows]
    back = {name: state[name] for name in ("view", "sort") if state[name]}
    return {
        seat_id: url_for("tasks.page", seat_id=seat_id, queue=",".join(map(str, ids[place + 1 : place + 1 + QUEUE])) or None, **back)
        for place, seat_id in enumerate(ids)
    }
