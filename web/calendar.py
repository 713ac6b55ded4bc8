"""The calendar pages: working days of a year, import of the yearly notice, deadlines per organisation. Counts nothing itself."""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import Any

from flask import Blueprint, Response, current_app, flash, redirect, render_template, request, url_for

from tasks.permissions import may, require
from web.context import actor, connection, house
from web.i18n import now, translate as _, words
from web.labels import organisation_name
from web.security import requires
from workflows.business_calendar import SHANGHAI, end_of_day
from workflows.calendar_deadlines import changes, cycles, labels_in, moment_of_entry
from workflows.calendar_notice import Notice, read_notice, read_notice_sheet
from workflows.errors import NotFound, Rejection
from workflows.workbook import Row, Sheet, read_rows

blueprint = Blueprint("calendar_pages", __name__, url_prefix="/calendar")

EVERYWHERE = "*"
FIRST_YEAR, LAST_YEAR = 2000, 2100
MOST_CHOICES = 500
NOTICE_MONTH = 11  # the State Council publishes next year's days in autumn
LONGEST_NOTICE = 20_000


@blueprint.before_request
def staff_only() -> None:
    """Dates are open to everybody who works here; students read theirs on their own pages."""
    if actor() is not None and not any(one.role != "student" for one in actor().memberships):
        raise NotFound("没有找到该页面。", "There is no such page.")


@blueprint.get("")
def year_page() -> str:
    """One year, month by month: working days, holidays, make-up days, and whether the year is official."""
    this = house().clock.today().year
    chosen = _year(request.args.get("year", ""), this)
    official = house().calendar.official_years(connection())
    return render_template(
        "calendar/year.html", tabs=_tabs("year"), year=chosen, months=_months(chosen), official=chosen in official,
        source=official.get(chosen), missing=_missing(official), years=_years(chosen, this, official), today=house().clock.today(),
        may_edit=may(actor(), "calendar.official"), changes=_changes("days"),
    )


@blueprint.post("/day")
@requires("calendar.official")
def set_day() -> Response:
    """Change one day."""
    day = _day(request.form.get("day", ""))
    try:
        house().calendar.set_day(connection(), day, request.form.get("working") == "1", request.form.get("reason", ""), actor().person_id)
        flash(_("已修改 {day}。", day=day.isoformat()), "success")
    except Rejection as refused:
        flash(words(refused.both), "danger")
    return redirect(url_for("calendar_pages.year_page", year=day.year, _anchor=f"month-{day.month}"), code=303)


@blueprint.get("/notice")
@requires("calendar.official")
def notice_page() -> str:
    """Where the text of the yearly notice is pasted, or a sheet chosen."""
    return _notice_form({})


@blueprint.post("/notice")
@requires("calendar.official")
def preview() -> Any:
    """What the notice says, day by day; nothing is saved yet."""
    typed = request.form.get("year", "").strip()
    year = int(typed) if typed.isdigit() else None
    text, file = request.form.get("text", "")[:LONGEST_NOTICE], request.files.get("file")
    try:
        if file is not None and file.filename:
            notice = read_notice_sheet(read_rows(file.read(), file.filename, ("日期", "类型", "date", "kind"), maximum_rows=800), year)
        else:
            notice = read_notice(text, year)
    except Rejection as refused:
        return _notice_form({"file": words(refused.both)}), 422
    problems = [words(problem) for problem in notice.problems]
    if problems:
        return _notice_form({"text": problems}), 422
    return render_template("calendar/preview.html", notice=notice, groups=_groups(notice), known=notice.year in _official())


@blueprint.post("/notice/save")
@requires("calendar.official")
def save_notice() -> Response:
    """Make the previewed year official."""
    rows = [Row(number, [*line.split("|", 2)]) for number, line in enumerate(request.form.getlist("day"), 1) if line.count("|") == 2]
    year = _year(request.form.get("year", ""), 0)
    notice = read_notice_sheet(Sheet(["date", "kind", "note"], rows), year)
    notice.source = request.form.get("source", "")[:200] or notice.source
    house().calendar.import_notice(connection(), notice, actor().person_id)
    flash(_("{year} 年工作日历已生效。", year=year), "success")
    return redirect(url_for("calendar_pages.year_page", year=year), code=303)


@blueprint.get("/deadlines")
def deadlines_page() -> str:
    """The dates that hold for one organisation in one cycle, and whose they are."""
    found = cycles(connection())
    this = str(house().clock.today().year)
    cycle = request.args.get("cycle", "").strip()[:20] or (this if this in found or not found else found[0])
    code = request.args.get("organisation", "").strip() or actor().organisation_code or EVERYWHERE
    if code != EVERYWHERE and house().people.organisation(connection(), code) is None:
        raise NotFound(f"没有代码为“{code}”的单位。", f"There is no organisation {code}.")
    rows = house().calendar.deadlines(connection(), code, cycle)
    people = house().people.names(connection(), [row.changed_by for row in rows if row.changed_by])
    return render_template(
        "calendar/deadlines.html", tabs=_tabs("deadlines"), cycle=cycle, cycles=sorted({cycle, this, *found}, reverse=True), code=code,
        name=_name(code), choices=_choices(code), rows=sorted(rows, key=lambda row: row.at), labels=_labels(), people=people,
        may_edit=_may_edit(code), moment=now(), SHANGHAI=SHANGHAI, names={row.source: _name(row.source) for row in rows}, changes=_changes("deadlines"),
    )


@blueprint.post("/deadlines")
@requires("calendar.edit")
def set_deadline() -> Response:
    """Give an organisation its own date, change it, or (`inherit`) take it back."""
    form = {name: request.form.get(name, "").strip() for name in ("organisation", "cycle", "key", "day", "time", "reason")}
    _require_edit(form["organisation"])
    try:
        at = None if request.form.get("inherit") else _moment(form["day"], form["time"])
        house().calendar.set_deadline(
            connection(), form["organisation"], form["cycle"], form["key"], at, form["reason"], actor().person_id
        )
        flash(_("已恢复继承上级日期。") if at is None else _("日期已保存。"), "success")
    except Rejection as refused:
        flash(words(refused.both), "danger")
    return redirect(url_for("calendar_pages.deadlines_page", organisation=form["organisation"], cycle=form["cycle"]), code=303)


def _notice_form(errors: dict[str, Any]) -> str:
    text = request.form.get("text", "")[:LONGEST_NOTICE]
    year = request.form.get("year") or request.args.get("year", "")
    return render_template("calendar/notice.html", errors=errors, text=text, year=year)


def _tabs(active: str) -> list[dict[str, Any]]:
    return [
        {"label": _("工作日历"), "url": url_for("calendar_pages.year_page"), "active": active == "year"},
        {"label": _("期限"), "url": url_for("calendar_pages.deadlines_page"), "active": active == "deadlines"},
    ]


def _official() -> Any:
    return house().calendar.official_years(connection())


def _missing(official: Any) -> list[int]:
    """Years that computations reach now and that have no table: this one, and the next once its notice should be in."""
    today = house().clock.today()
    wanted = [today.year, *([today.year + 1] if today.month >= NOTICE_MONTH else [])]
    return [year for year in wanted if year not in official]


def _years(chosen: int, this: int, official: Any) -> list[dict[str, Any]]:
    shown = sorted({chosen, this - 1, this, this + 1, *official})
    return [
        {"label": _("{year} 年", year=year), "url": url_for("calendar_pages.year_page", year=year), "active": year == chosen,
         "count": None if year in official else _("未录入")}
        for year in shown
    ]


def _months(year: int) -> list[dict[str, Any]]:
    exceptions = house().calendar.days_of_year(connection(), year)
    return [{"number": month, "weeks": _weeks(year, month, exceptions)} for month in range(1, 13)]


def _weeks(year: int, month: int, exceptions: dict[date, tuple[bool, str | None]]) -> list[list[dict[str, Any] | None]]:
    first = date(year, month, 1)
    cells: list[dict[str, Any] | None] = [None] * first.weekday()
    day = first
    while day.month == month:
        working, note = exceptions.get(day, (day.weekday() < 5, None))
        kind = "make-up" if working and day.weekday() >= 5 else "work" if working else "holiday" if day in exceptions else "weekend"
        cells.append({"day": day, "working": working, "note": note, "kind": kind})
        day += timedelta(days=1)
    cells += [None] * (-len(cells) % 7)
    return [cells[start : start + 7] for start in range(0, len(cells), 7)]


def _groups(notice: Notice) -> list[dict[str, Any]]:
    """The days of a notice as one reads them: runs of days off with their name, then the make-up days."""
    groups: list[dict[str, Any]] = []
    for entry in notice.days:
        last = groups[-1] if groups else None
        follows = last is not None and last["working"] == entry.working and last["note"] == entry.note
        if last is not None and follows and last["last"] + timedelta(days=1) == entry.day:
            last["last"] = entry.day
        else:
            groups.append({"first": entry.day, "last": entry.day, "working": entry.working, "note": entry.note})
    return groups


def _changes(kind: str) -> list[dict[str, Any]]:
    rows = changes(connection(), kind)
    people = house().people.names(connection(), [row.person for row in rows if row.person])
    return [{"row": row, "who": people.get(row.person) or _("系统"), "what": _subject(row.subject)} for row in rows]


def _subject(subject: str) -> str:
    code, slash, rest = subject.partition("/")
    if not slash:
        return subject
    cycle, _slash, key = rest.partition("/")
    return f"{_name(code)} · {cycle} · {words(_labels().get(key), key)}"


def _choices(code: str) -> list[tuple[str, str]]:
    """Organisations to look at: the chosen one, those above the acting one, those it may edit, and everybody."""
    tree = house().people.organisations.tree(connection()).by_code
    own = [one for one in house().people.ancestors(connection(), actor().organisation_code or "") if one in tree]
    editable = [one.code for one in tree.values() if one.active and one.kind != "class" and may(actor(), "calendar.edit", one)]
    shown = dict.fromkeys([code, *own, *sorted(editable)[:MOST_CHOICES], EVERYWHERE])
    return [(one, _name(one) if one == EVERYWHERE else f"{_name(one)}（{one}）") for one in shown]


def _may_edit(code: str) -> bool:
    if code == EVERYWHERE:
        return may(actor(), "calendar.official")
    return may(actor(), "calendar.edit", house().people.organisation(connection(), code))


def _require_edit(code: str) -> None:
    """Raise Forbidden unless the acting identity may change the dates of this organisation; everybody's belong to the platform."""
    if code == EVERYWHERE:
        require(actor(), "calendar.official")
    else:
        require(actor(), "calendar.edit", house().people.organisation(connection(), code))


def _name(code: str) -> str:
    return _("全部单位") if code == EVERYWHERE else organisation_name(code)


def _labels() -> dict[str, dict[str, str]]:
    return labels_in(current_app.root_path)


def _year(text: str, default: int) -> int:
    text = text.strip()
    if not text and default:
        return default
    if not text.isdecimal() or not FIRST_YEAR <= int(text[:5]) <= LAST_YEAR:
        raise NotFound("没有这一年的日历。", "There is no calendar of that year.")
    return int(text)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Rejection("日期不存在。", "There is no such date.", status=422) from None


def _moment(day: str, clock: str) -> Any:
    """The last second of a day, or a local time on it (23:59 means its last second)."""
    if not clock or clock == "23:59":
        return end_of_day(moment_of_entry(day, _("日期")).astimezone(SHANGHAI).date())
    try:
        return moment_of_entry(f"{_day(day).isoformat()}T{time.fromisoformat(clock):%H:%M:%S}", _("日期"))
    except ValueError:
        raise Rejection("时间不存在，请写成 09:30。", "There is no such time; write 09:30.", status=422) from None
