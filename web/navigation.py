"""The frame of every page: the menu this person may use, who he is, the banner of the demo clock, and where he starts. It grants nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Flask, current_app, g, redirect, request
from werkzeug import Response
from werkzeug.exceptions import HTTPException
from werkzeug.local import LocalProxy

from tasks import notices
from tasks.permissions import may
from tasks.roles import ROLES
from tasks.starting import may_start
from web.context import actor, connection, house
from web.i18n import local_datetime, now, translate as _, words
from web.labels import processes

blueprint = Blueprint("home", __name__)

OWN, OFFICE, CLASS, STARTER, ANYBODY = "own", "office", "class", "starter", "anybody"  # beside the actions of tasks.permissions


@dataclass(frozen=True)
class Entry:
    """One line of the menu; `needs` is an action of tasks.permissions or one of the five words above."""

    path: str
    label: str
    short: str
    icon: str
    needs: str
    group: str = ""
    count: str = ""


MENU = (
    Entry("/mine", "我的事项", "我的", "case", OWN),
    Entry("/class", "班级名单", "班级", "users", CLASS),
    Entry("/inbox", "待办", "待办", "inbox", OFFICE, count="todo"),
    Entry("/start", "发起事项", "发起", "plus", STARTER),
    Entry("/cases", "全部事项", "事项", "case", "cases.list"),
    Entry("/notices", "通知", "通知", "bell", ANYBODY, count="notices"),
    Entry("/lists", "清单", "清单", "list", "cases.list"),
    Entry("/not-yet", "未申报名单", "未申报", "users", "cases.list"),
    Entry("/import", "导入名单", "导入", "import", "cohort.import"),
    Entry("/counter", "窗口登记", "窗口", "user", "case.start"),
    Entry("/codes", "激活码", "激活码", "key", "codes.issue"),
    Entry("/supervisor", "督办", "督办", "chart", "cases.supervise", "督导"),
    Entry("/processes", "流程", "流程", "flow", "model.view", "管理"),
    Entry("/people", "人员与账号", "人员", "people", "people.manage", "管理"),
    Entry("/organisations", "单位管理", "单位", "org", "organisations.manage", "管理"),
    Entry("/calendar", "日历与期限", "日历", "calendar", "calendar.edit", "管理"),
)


def register(app: Flask) -> None:
    """Give every template its frame."""
    app.register_blueprint(blueprint)
    app.context_processor(lambda: {"nav": LocalProxy(_menu), "shell": LocalProxy(_shell)})  # a fragment without a frame asks for neither


def _menu() -> list[dict[str, Any]]:
    if "menu" not in g:
        g.menu = menu()
    found: list[dict[str, Any]] = g.menu
    return found


def _shell() -> dict[str, Any]:
    if "shell" not in g:
        g.shell = shell()
    found: dict[str, Any] = g.shell
    return found


@blueprint.get("/")
def start() -> Response:
    """The first page this person works on."""
    if actor() is None:
        return redirect("/login")
    return redirect(next((entry.path for entry in _entries()), "/notices"))


def menu() -> list[dict[str, Any]]:
    """The entries this person may use, with what waits behind them."""
    if actor() is None or "connection" not in g:
        return []
    figures = {"todo": str(counts()["todo"]), "notices": str(notices.unread(connection(), actor()))}
    return [
        {
            "label": _(entry.label), "short": _(entry.short), "url": entry.path, "icon": entry.icon, "group": _(entry.group) if entry.group else "",
            "active": request.path == entry.path or request.path.startswith(f"{entry.path}/"), "count_key": entry.count,
            "badge": figures[entry.count] if figures.get(entry.count, "0") != "0" else "",
        }
        for entry in _entries()
    ]


def counts() -> Any:
    """The figures of the person's worklist, asked once per request."""
    if "counts" not in g:
        g.counts = house().worklist.counts(connection(), actor())
    return g.counts


def _entries() -> list[Entry]:
    who = actor()
    return [entry for entry in MENU if _may(who, entry.needs) and _exists(entry.path)]


def _may(who: Any, needs: str) -> bool:
    if needs == ANYBODY:
        return True
    if needs in (OWN, OFFICE):
        return (needs == OFFICE) == any(one.role != "student" for one in who.memberships)
    if needs == STARTER:
        return any(may_start(process, who) for process in processes())
    if needs == CLASS:  # who sees a class but no case of it
        return may(who, "class.list") and not may(who, "cases.list")
    return may(who, needs)


def _exists(path: str) -> bool:
    """Whether this installation has the page."""
    known: dict[str, bool] = current_app.extensions.setdefault("menu_paths", {})
    if path not in known:
        try:
            current_app.url_map.bind("").match(path, method="GET")
            known[path] = True
        except HTTPException as missing:
            known[path] = missing.code == 308
    return known[path]


def shell() -> dict[str, Any]:
    """Who is here, in which identity, and the addresses of the frame's own buttons."""
    who = actor()
    frame: dict[str, Any] = {"home_url": "/", "login_url": "/login", "language_url": "/language", "demo": _demo()}
    if who is None:
        return frame
    identities = [
        {"id": one.id, "label": _role(one.role), "note": one.organisation_name, "active": one.id == who.membership_id}
        for one in who.memberships
    ]
    acting = next((one for one in identities if one["active"]), None)
    note = f"{acting['label']} · {acting['note']}" if acting else _role(who.role)
    return frame | {
        "user": {"name": who.name, "note": note}, "identities": identities, "identity_url": "/identity", "logout_url": "/logout",
        "account_url": "/password", "agencies_url": "/agencies" if who.acting is not None else None,
    }


def _role(code: str) -> str:
    found = ROLES.get(code)
    return words({"zh": found.zh, "en": found.en}) if found else code


def _demo() -> dict[str, str] | None:
    if not getattr(house(), "demo", False):
        return None
    return {"text": _("演示环境：人员和数据均为虚构，系统时间为 {time}。", time=local_datetime(now()))}
