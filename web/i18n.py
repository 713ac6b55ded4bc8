"""Words of the pages: Chinese in the source, English from dictionaries, and moments as people here read them.

It knows no page. Dictionaries are JSON files in `locales/en/`, one per area, merged when the site starts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask, g, redirect, request
from werkzeug import Response

from web.context import house
from workflows.business_calendar import SHANGHAI

LANGUAGES = {"zh-CN": "中文", "en": "English"}
COOKIE = "language"
NO_DATE_YEAR = 9999
DICTIONARIES = Path(__file__).parent / "locales" / "en"

blueprint = Blueprint("language", __name__)


def register(app: Flask) -> None:
    """Give templates `_`, `lang` and the filters of this module."""
    english()  # a broken dictionary stops the start, not a page
    app.register_blueprint(blueprint)
    app.jinja_env.globals.update(_=translate)
    app.jinja_env.filters.update(
        localdatetime=local_datetime, localdate=local_date, due_text=due_text, words=words, masked=masked, isomoment=iso_moment
    )
    app.context_processor(lambda: {"lang": language(), "languages": LANGUAGES})


@blueprint.post("/language")
@blueprint.post("/language/<lang>")
def choose(lang: str = "") -> Response:
    """Remember the reader's language and go back to where he was."""
    chosen = lang or request.form.get("lang", "")
    answer = redirect(same_site(request.form.get("next", "")), code=303)
    if chosen in LANGUAGES:
        answer.set_cookie(COOKIE, chosen, max_age=31_536_000, samesite="Lax", httponly=True, secure=request.is_secure)
    return answer


choose.public = True  # type: ignore[attr-defined]  # the login page offers it too


def same_site(target: str, default: str = "/") -> str:
    """`target` when it is a path of this site, else `default`: an open redirect would lend our name to strangers."""
    if target.startswith("/") and not target.startswith(("//", "/\\")) and "\n" not in target:
        return target
    return default


def language() -> str:
    """"zh-CN" or "en": the cookie set by choosing, else the person's own, else what the browser prefers, else Chinese."""
    if "language" not in g:
        g.language = _wanted_language()
    chosen: str = g.language
    return chosen


def _wanted_language() -> str:
    own = getattr(g.get("actor"), "language", None)
    for wanted in (request.cookies.get(COOKIE), own):
        if wanted in LANGUAGES:
            return str(wanted)
    return "en" if request.accept_languages.best_match(["zh", "zh-CN", "zh-Hans", "en"], default="zh") == "en" else "zh-CN"


def chinese() -> bool:
    """Whether this page is read in Chinese."""
    return language() == "zh-CN"


@cache
def english() -> Mapping[str, str]:
    """Chinese source string → English, from every dictionary file."""
    found: dict[str, str] = {}
    for path in sorted(DICTIONARIES.glob("*.json")):
        found.update(json.loads(path.read_text(encoding="utf-8")))
    return found


def translate(source: str, /, **values: Any) -> str:
    """`source` in the reader's language, with `{name}` places filled from `values`."""
    text = source if chinese() else english().get(source, source)
    return text.format(**values) if values else text


def words(pair: Any, default: str = "") -> str:
    """The reader's half of {"zh": …, "en": …}, or of something with these two attributes; plain text stays as it is."""
    if pair is None:
        return default
    first, second = ("zh", "en") if chinese() else ("en", "zh")
    if isinstance(pair, Mapping):
        return str(pair.get(first) or pair.get(second) or default)
    if hasattr(pair, "zh") and hasattr(pair, "en"):
        return str(getattr(pair, first) or getattr(pair, second) or default)
    return str(pair)


def now() -> datetime:
    """This moment, by the one clock of the house."""
    moment: datetime = house().clock.now()
    return moment


def has_date(moment: datetime | None) -> bool:
    """Whether a column that sorts holds a real moment."""
    return moment is not None and moment.year < NO_DATE_YEAR


def local_datetime(moment: datetime | None, empty: str = "—") -> str:
    """Asia/Shanghai, to the minute; the year only when it is not this one."""
    if moment is None or not has_date(moment):
        return empty
    local = moment.astimezone(SHANGHAI)
    return local.strftime("%m-%d %H:%M" if local.year == now().astimezone(SHANGHAI).year else "%Y-%m-%d %H:%M")


def local_date(moment: datetime | None, empty: str = "—") -> str:
    """Asia/Shanghai, the day alone."""
    return moment.astimezone(SHANGHAI).strftime("%Y-%m-%d") if moment is not None and has_date(moment) else empty


def iso_moment(moment: datetime | None) -> str:
    """Asia/Shanghai with offset, for `datetime` attributes; empty when there is no date."""
    return moment.astimezone(SHANGHAI).isoformat(timespec="seconds") if moment is not None and has_date(moment) else ""


def due_text(moment: datetime | None) -> str:
    """How far a due time is, as one says it: 今天 23:59 止, 还剩 3 天, 逾期 2 天."""
    if moment is None or not has_date(moment):
        return translate("无期限")
    here, local = now().astimezone(SHANGHAI), moment.astimezone(SHANGHAI)
    days = (local.date() - here.date()).days
    if local < here:
        return _overdue(here - local, -days)
    if days <= 1:
        return translate("今天 {time} 止" if days == 0 else "明天 {time} 止", time=f"{local:%H:%M}")
    return translate("还剩 {count} 天", count=days)


def _overdue(late: timedelta, days: int) -> str:
    if days >= 1:
        return translate("逾期 {count} 天", count=days)
    hours = int(late.total_seconds() // 3600)
    return translate("逾期 {count} 小时", count=hours) if hours else translate("刚刚逾期")


def masked(value: str | None) -> str:
    """An ID number or phone with its middle hidden, also when it came unmasked."""
    if not value or "*" in value:
        return value or ""
    shown = (4, 4) if len(value) >= 15 else (3, 4)
    return value[: shown[0]] + "*" * max(len(value) - sum(shown), 4) + value[-shown[1] :] if len(value) > sum(shown) else "*" * len(value)
