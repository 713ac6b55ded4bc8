"""Reads the yearly State Council notice on public holidays, as pasted text or as a sheet, into days one can check.

It knows the wording of the notice only: no tables, no clock.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from workflows.workbook import Sheet, cell_address

WEEKDAYS = "一二三四五六日"
FESTIVALS = ("元旦", "春节", "清明", "劳动", "端午", "中秋", "国庆")
LONGEST_HOLIDAY = 15

_YEAR = re.compile(r"关于\s*(\d{4})\s*年|(\d{4})\s*年部分节假日|(\d{4})\s*年")
_DAY = r"(?:(\d{4})年)?(?:(\d{1,2})月)?(\d{1,2})日"
_REMARK = r"(?:（([^（）]*)）|\(([^()]*)\))?"
_SPAN = re.compile(rf"{_DAY}\s*{_REMARK}\s*(?:(?:至|到|—|－|-|~|～)\s*{_DAY}\s*{_REMARK})?")
_NAME = re.compile(r"^\s*(?:[（(]?[一二三四五六七八九十\d]+[）)]?[、.．]?\s*)?([^\s：:，。、\d][^：:，。\d]{0,15})[：:]")
_COUNT = re.compile(r"共\s*(\d+)\s*天|放假\s*(\d+)\s*天")
_WEEKDAY = re.compile(r"(?:周|星期)([一二三四五六日天])")
_WORKING_WORDS = {"上班", "班", "工作日", "调休上班", "补班", "workday", "working", "work"}
_REST_WORDS = {"放假", "休", "休息", "休息日", "节假日", "holiday", "off", "rest"}


@dataclass(frozen=True)
class NoticeDay:
    """One day of a notice: people work or do not, and why."""

    day: date
    working: bool
    note: str


@dataclass
class Notice:
    """What a notice says; `problems` forbid saving, `warnings` ask for a second look (each {"zh", "en"})."""

    year: int
    source: str
    days: list[NoticeDay] = field(default_factory=list)
    problems: list[dict[str, str]] = field(default_factory=list)
    warnings: list[dict[str, str]] = field(default_factory=list)

    def add(self, entry: NoticeDay) -> None:
        """Take a day; the same day said twice in two ways is a problem."""
        for known in self.days:
            if known.day == entry.day:
                if known.working != entry.working:
                    self.problem(f"{entry.day} 既写放假又写上班。", f"{entry.day} is both off and working.")
                return
        self.days.append(entry)

    def problem(self, zh: str, en: str) -> None:
        """Note something that must be corrected first."""
        self.problems.append({"zh": zh, "en": en})

    def warn(self, zh: str, en: str) -> None:
        """Note something to look at."""
        self.warnings.append({"zh": zh, "en": en})


def read_notice(text: str, year: int | None = None) -> Notice:
    """Read the pasted text of a notice, e.g. "元旦：1月1日（周四）至3日（周六）放假调休，共3天。1月4日（周日）上班。"

    `year` is needed only when the text does not name it. Weekdays and the number of days written in the text are
    checked against the calendar: a wrong year or a slip of the pen shows as a problem with its sentence.
    """
    named = _YEAR.search(text)
    found = int(next(group for group in named.groups() if group)) if named else None
    notice = Notice(year or found or 0, "")
    if not 2000 <= notice.year <= 2100:
        notice.problem("文中没有写明年份，请填写年份。", "The text does not name the year; enter it.")
        return notice
    if year and named and "关于" in named.group() and found != year:
        notice.problem(f"通知是 {found} 年的，不是 {year} 年。", f"The notice is about {found}, not {year}.")
    notice.source = f"国务院办公厅关于{notice.year}年部分节假日安排的通知"
    name = ""
    for line in text.splitlines():
        for sentence in re.split(r"[。；;]", line):
            started = _NAME.match(sentence)
            name = started.group(1).strip() if started else name
            _read_sentence(notice, name, sentence)
    _check_whole(notice, text)
    notice.days.sort(key=lambda entry: entry.day)
    return notice


def read_notice_sheet(sheet: Sheet, year: int | None = None) -> Notice:
    """Read a sheet with a date column (日期/date) and a kind column (类型/kind: 放假 or 上班), an optional 说明/note."""
    columns = {title.strip().lower(): index for index, title in enumerate(sheet.header)}
    day_column = _column(columns, ("日期", "date", "day"))
    kind_column = _column(columns, ("类型", "类别", "kind", "type"))
    notice = Notice(year or 0, "导入的日历表")
    if day_column is None or kind_column is None:
        notice.problem("表中须有“日期”和“类型”两列。", "The sheet needs the columns “date” and “kind”.")
        return notice
    note_column = _column(columns, ("说明", "名称", "备注", "note", "name"))
    for row in sheet.rows:
        day, kind = _sheet_day(row.cells[day_column]), str(row.cells[kind_column] or "").strip().lower()
        where = cell_address(row.number, day_column + 1)
        if day is None or kind not in _WORKING_WORDS | _REST_WORDS:
            notice.problem(f"{where} 所在行无法识别：需要日期和“放假”或“上班”。", f"Row of {where}: a date and “holiday” or “workday” are needed.")
            continue
        note = str(row.cells[note_column] or "") if note_column is not None else ""
        notice.add(NoticeDay(day, kind in _WORKING_WORDS, note or ("调休上班" if kind in _WORKING_WORDS else "放假")))
    _settle_year(notice)
    _check_whole(notice, " ".join(entry.note for entry in notice.days))
    notice.days.sort(key=lambda entry: entry.day)
    return notice


def _read_sentence(notice: Notice, name: str, sentence: str) -> None:
    """One sentence either gives days off or make-up days; advice ("在除夕（2月9日）休息") gives neither."""
    working = "上班" in sentence
    if not working and "放假" not in sentence:
        return
    spans = list(_spans(notice, sentence))
    days = [day for span in spans for day in span]
    count = _COUNT.search(sentence)
    if count and not working and len(days) != int(count.group(1) or count.group(2)):
        notice.problem(f"“{sentence.strip()}”：写明的天数与日期不符（日期共 {len(days)} 天）。", f"“{sentence.strip()}”: the dates make {len(days)} days.")
    for day in days:
        notice.add(NoticeDay(day, working, "调休上班" if working else name or "放假"))


def _spans(notice: Notice, sentence: str) -> Iterator[list[date]]:
    month = 0
    for match in _SPAN.finditer(sentence):
        y1, m1, d1, r1, r1b, y2, m2, d2, r2, r2b = match.groups()
        month = int(m1 or month)
        first = _day(notice, sentence, y1, month, d1, r1 or r1b)
        last = first
        if d2 and first:
            month = int(m2 or month)
            # "2026年12月31日至1月2日": the end lies in the year after the start.
            last = _day(notice, sentence, y2 or str(first.year + (month < first.month)), month, d2, r2 or r2b)
        if first and last:
            yield _stretch(notice, sentence, first, last)


def _day(notice: Notice, sentence: str, year: str | None, month: int, day: str, remark: str | None) -> date | None:
    try:
        found = date(int(year or notice.year), month, int(day))
    except ValueError:
        notice.problem(f"“{sentence.strip()}”中的日期不存在。", f"There is no such date in “{sentence.strip()}”.")
        return None
    weekday = _WEEKDAY.search(remark or "")
    if weekday and WEEKDAYS.index(weekday.group(1).replace("天", "日")) != found.weekday():
        written, real = weekday.group(1), WEEKDAYS[found.weekday()]
        notice.problem(f"{found} 是周{real}，文中写的是周{written}。", f"The weekday written for {found} is wrong: it is a {found:%A}.")
    return found


def _stretch(notice: Notice, sentence: str, first: date, last: date) -> list[date]:
    length = (last - first).days + 1
    if not 1 <= length <= LONGEST_HOLIDAY:
        notice.problem(f"“{sentence.strip()}”的起止日期不合理。", f"Start and end do not fit in “{sentence.strip()}”.")
        return []
    return [first + timedelta(days=count) for count in range(length)]


def _check_whole(notice: Notice, text: str) -> None:
    if not notice.days and not notice.problems:
        notice.problem("没有读到任何放假或上班日期。", "No day off and no make-up day was found.")
    missing = [name for name in FESTIVALS if name not in text]
    if missing:
        notice.warn(f"没有读到：{'、'.join(missing)}。", f"Not mentioned: {', '.join(missing)}.")
    for entry in notice.days:
        if entry.working and entry.day.weekday() < 5:
            notice.warn(f"{entry.day} 本来就是工作日。", f"{entry.day} is a weekday anyway.")


def _settle_year(notice: Notice) -> None:
    years = [entry.day.year for entry in notice.days]
    if years and not notice.year:
        notice.year = max(set(years), key=years.count)
    if years and notice.year not in years:
        notice.problem(f"表中没有 {notice.year} 年的日期。", f"The sheet has no date of {notice.year}.")


def _column(columns: dict[str, int], names: Sequence[str]) -> int | None:
    return next((columns[name] for name in names if name in columns), None)


def _sheet_day(value: object) -> date | None:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return date(*(int(part) for part in re.split(r"[-/.年月]", str(value).strip().rstrip("日"))[:3]))
    except (ValueError, TypeError):
        return None
