"""Days are counted by the State Council's table or not at all; dates are inherited, explained and never stale."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, select, update

from tests import databases
from workflows.business_calendar import SHANGHAI, BusinessCalendar, FrozenClock, SystemClock, end_of_day, local_day
from workflows.calendar_deadlines import changes, cycles, moment_of_entry, read_calendars, read_labels
from workflows.calendar_notice import Notice, read_notice, read_notice_sheet
from workflows.calendar_years import days_of_year, known_days
from workflows.errors import CalendarMissing, Rejection
from workflows.feel import compile_expression
from workflows.models import CalendarDay, CalendarYear
from workflows.store import Store, create_database_engine
from workflows.workbook import Row, Sheet

TREE = {"CLASS1": ["CLASS1", "FACULTY1", "U1401", "14"], "U1401": ["U1401", "14"], "C149999": ["C149999", "1499", "14"], "U6199": ["U6199"]}
NOTICE_2026 = """国务院办公厅关于2026年部分节假日安排的通知
一、元旦：1月1日（周四）至3日（周六）放假调休，共3天。1月4日（周日）上班。
二、春节：2月15日（农历腊月二十八、周日）至23日（农历正月初七、周一）放假调休，共9天。2月14日（周六）、2月28日（周六）上班。
三、清明节：4月4日（周六）至6日（周一）放假，共3天。
四、劳动节：5月1日（周五）至5日（周二）放假调休，共5天。5月9日（周六）上班。
五、端午节：6月19日（周五）至21日（周日）放假，共3天。
六、中秋节：9月25日（周五）至27日（周日）放假，共3天。
七、国庆节：10月1日（周四）至7日（周三）放假调休，共7天。9月20日（周日）、10月10日（周六）上班。
节假日期间，各地区、各部门要妥善安排好值班和安全、保卫、疫情防控等工作。"""


def ancestors(connection: Connection, code: str) -> Sequence[str]:
    return TREE.get(code, [code])


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


@pytest.fixture
def store(tmp_path: Path, database: str) -> Iterator[Store]:
    engine = create_database_engine(databases.url(tmp_path))
    yield Store(engine)
    engine.dispose()


@pytest.fixture
def calendar(store: Store) -> BusinessCalendar:
    calendar = BusinessCalendar(FrozenClock(local("2026-07-06T09:00")), ancestors)
    with store.transaction() as connection:
        calendar.seed_official_years(connection)
    return calendar


@pytest.fixture
def connection(store: Store, calendar: BusinessCalendar) -> Iterator[Connection]:
    with store.transaction() as connection:
        yield connection


def test_the_clock_of_the_demo_is_shifted_and_always_utc():
    shifted = SystemClock(timedelta(days=-100)).now()
    assert shifted.tzinfo is UTC
    assert timedelta(days=99) < SystemClock().now() - shifted < timedelta(days=101)


def test_a_frozen_clock_moves_only_when_told():
    clock = FrozenClock(local("2026-07-10T23:59:59"))
    assert clock.now() == datetime(2026, 7, 10, 15, 59, 59, tzinfo=UTC) and clock.today() == date(2026, 7, 10)
    clock.advance(timedelta(seconds=1))
    assert clock.today() == date(2026, 7, 11)


def test_a_day_ends_at_the_last_second_in_shanghai():
    assert end_of_day(date(2026, 10, 10)) == datetime(2026, 10, 10, 15, 59, 59, tzinfo=UTC)
    assert local_day(datetime(2026, 10, 10, 16, 0, tzinfo=UTC)) == date(2026, 10, 11)


@pytest.mark.parametrize("day", ["2026-01-04", "2026-02-14", "2026-02-28", "2026-05-09", "2026-09-20", "2026-10-10", "2026-07-10", "2024-02-04", "2025-10-11"])
def test_make_up_days_and_weekdays_are_worked(calendar: BusinessCalendar, connection: Connection, day: str):
    assert calendar.is_working_day(connection, date.fromisoformat(day))


@pytest.mark.parametrize("day", [
    *(f"2026-06-{day}" for day in (19, 20, 21)), *(f"2026-09-{day}" for day in (25, 26, 27)), *(f"2026-10-0{day}" for day in range(1, 8)),
    "2026-07-11", "2026-10-11", "2025-10-08", "2024-02-12",
])
def test_holidays_and_plain_weekends_are_off(calendar: BusinessCalendar, connection: Connection, day: str):
    assert not calendar.is_working_day(connection, date.fromisoformat(day))


@pytest.mark.parametrize(("start", "days", "end"), [
    ("2026-09-21T10:00", 20, "2026-10-26"),  # the employer update of the domain rules
    ("2026-06-20T08:00", 3, "2026-06-24"), ("2026-07-11T00:00", 2, "2026-07-14"), ("2026-07-17T09:00", 3, "2026-07-22"),
    ("2026-09-18T23:59", 1, "2026-09-20"), ("2026-09-19T00:00", 1, "2026-09-20"), ("2026-07-10T12:00", 0, "2026-07-10"),
    ("2026-07-11T12:00", 0, "2026-07-11"), ("2026-12-20T09:00", -3, "2026-12-16"), ("2025-12-31T20:00", 1, "2026-01-04"),
    ("2025-12-30T20:00", 1, "2025-12-31"), ("2023-12-31T20:00", 1, "2024-01-02"),
])
def test_working_days_start_with_the_next_day_and_end_with_the_last_second(
    calendar: BusinessCalendar, connection: Connection, start: str, days: int, end: str
):
    assert calendar.working_days_after(connection, local(start), days) == end_of_day(date.fromisoformat(end))


def test_a_start_in_utc_counts_by_its_day_in_shanghai(calendar: BusinessCalendar, connection: Connection):
    late = datetime(2026, 7, 8, 16, 30, tzinfo=UTC)  # 00:30 on the 9th in Shanghai
    assert calendar.working_days_after(connection, late, 1) == end_of_day(date(2026, 7, 10))


def test_counting_between_is_the_inverse_of_counting_after(calendar: BusinessCalendar, connection: Connection):
    start = local("2026-09-21T10:00")
    for days in (1, 5, 20, 60):
        end = calendar.working_days_after(connection, start, days)
        assert calendar.working_days_between(connection, start, end) == days
        assert calendar.working_days_between(connection, end, start) == -days
    assert calendar.working_days_between(connection, start, start) == 0


def test_a_year_without_an_official_table_is_never_guessed(calendar: BusinessCalendar, connection: Connection):
    checks = [
        lambda: calendar.is_working_day(connection, date(2027, 3, 1)),
        lambda: calendar.working_days_after(connection, local("2026-12-31T09:00"), 1),
        lambda: calendar.working_days_after(connection, local("2026-12-20T09:00"), 30),
        lambda: calendar.working_days_between(connection, local("2026-12-01T09:00"), local("2027-01-05T09:00")),
        lambda: calendar.working_days_after(connection, local("2029-01-01T09:00"), 1),
    ]
    years = []
    for check in checks:
        with pytest.raises(CalendarMissing) as missing:
            check()
        years.append(missing.value.year)
    assert years == [2027, 2027, 2027, 2027, 2029]
    with pytest.raises(CalendarMissing) as missing:
        calendar.working_days_after(connection, local("2024-01-03T09:00"), -10)
    assert missing.value.year == 2023


def test_a_gap_between_official_years_is_not_jumped_over(calendar: BusinessCalendar, connection: Connection):
    connection.execute(update(CalendarYear).where(CalendarYear.year == 2025).values(official=False))
    calendar.changed(connection)
    with pytest.raises(CalendarMissing) as missing:
        calendar.working_days_between(connection, local("2024-12-01T09:00"), local("2026-02-01T09:00"))
    assert missing.value.year == 2025


def test_seeding_twice_changes_nothing_and_keeps_edits(calendar: BusinessCalendar, connection: Connection):
    calendar.set_day(connection, date(2026, 7, 8), False, "台风停工一天", 7)
    assert calendar.seed_official_years(connection) == []
    assert not calendar.is_working_day(connection, date(2026, 7, 8))


def test_the_notice_gives_the_same_year_as_the_seed(calendar: BusinessCalendar, connection: Connection):
    notice = read_notice(NOTICE_2026)
    assert (notice.year, notice.problems, notice.warnings) == (2026, [], [])
    assert sum(entry.working for entry in notice.days) == 6 and len(notice.days) == 39
    days = [date(2026, 1, 1) + timedelta(days=count) for count in range(365)]
    before = [calendar.is_working_day(connection, day) for day in days]
    calendar.import_notice(connection, notice, 7)
    assert [calendar.is_working_day(connection, day) for day in days] == before
    assert days_of_year(connection, 2026)[date(2026, 10, 4)] == (False, "国庆节")


def test_the_seed_names_the_same_days_off_as_the_notice():
    assert {(entry.day, entry.working) for entry in known_days(2026)} == {(entry.day, entry.working) for entry in read_notice(NOTICE_2026).days}


def test_importing_a_notice_makes_the_year_official(calendar: BusinessCalendar, connection: Connection):
    text = "国务院办公厅关于2027年部分节假日安排的通知\n元旦：1月1日（星期五）至3日（星期日）放假，共3天。"
    notice = read_notice(text)
    assert notice.problems == [] and len(notice.warnings) == 1
    calendar.import_notice(connection, notice, 7)
    assert calendar.working_days_after(connection, local("2026-12-31T09:00"), 1) == end_of_day(date(2027, 1, 4))
    assert 2027 in calendar.official_years(connection)
    assert changes(connection)[0].person == 7


def test_a_holiday_that_begins_in_the_year_before_and_one_month_written_once():
    text = "关于2028年部分节假日安排的通知：元旦：2027年12月31日至2028年1月2日放假，共3天。国庆节：10月1日至8日放假调休，共8天。9月24日、10月14日上班"
    notice = read_notice(text)
    days = {entry.day: entry.working for entry in notice.days}
    assert days[date(2027, 12, 31)] is False and days[date(2028, 10, 8)] is False and days[date(2028, 10, 14)] is True
    assert len(days) == 13 and notice.problems == []


def test_advice_about_leave_is_not_a_holiday():
    text = "关于2024年部分节假日安排的通知\n春节：2月10日至17日放假调休，共8天。2月4日（星期日）、2月18日（星期日）上班。鼓励各单位安排职工在除夕（2月9日）休息。"
    notice = read_notice(text)
    assert date(2024, 2, 9) not in {entry.day for entry in notice.days} and len(notice.days) == 10


@pytest.mark.parametrize(("text", "words"), [
    ("元旦：1月1日放假。", "年份"), ("2027年 元旦：1月1日（周四）放假，共1天。", "是周五"), ("2026年 元旦：1月1日至3日放假，共4天。", "天数"),
    ("2026年 清明节：4月31日放假。", "不存在"), ("2026年 国庆节：10月7日至1日放假。", "不合理"), ("2026年的安排", "没有读到"),
    ("2026年 元旦：1月1日放假。1月1日上班。", "既写放假又写上班"),
])
def test_a_doubtful_notice_cannot_be_saved(calendar: BusinessCalendar, connection: Connection, text: str, words: str):
    notice = read_notice(text)
    assert any(words in problem["zh"] for problem in notice.problems)
    with pytest.raises(Rejection, match="不能保存"):
        calendar.import_notice(connection, notice, 7)


def test_the_notice_of_another_year_is_not_taken_for_the_chosen_one():
    assert read_notice(NOTICE_2026, 2027).problems[0]["zh"] == "通知是 2026 年的，不是 2027 年。"


def test_a_sheet_of_days_is_read_as_a_notice():
    rows = [Row(2, ["2027-01-01", "放假", "元旦"]), Row(3, [datetime(2027, 2, 6), "上班", None]), Row(4, ["2027/2/30", "放假", None])]
    notice = read_notice_sheet(Sheet(["日期", "类型", "说明"], rows))
    assert (notice.year, [(entry.day.isoformat(), entry.working, entry.note) for entry in notice.days]) == (
        2027, [("2027-01-01", False, "元旦"), ("2027-02-06", True, "调休上班")],
    )
    assert notice.problems[0]["zh"].startswith("A4")
    assert read_notice_sheet(Sheet(["a", "b"], [])).problems


def test_one_day_is_changed_with_a_reason_only(calendar: BusinessCalendar, connection: Connection):
    with pytest.raises(Rejection) as refused:
        calendar.set_day(connection, date(2026, 7, 8), False, " ", 7)
    assert "reason" in refused.value.fields
    with pytest.raises(Rejection, match="没有变化"):
        calendar.set_day(connection, date(2026, 7, 8), True, "本来就上班", 7)
    calendar.set_day(connection, date(2026, 7, 8), False, "台风停工一天", 7)
    calendar.set_day(connection, date(2026, 7, 8), True, "台风未至，恢复", 8)
    assert [(row.subject, row.before, row.after, row.person) for row in changes(connection)[:2]] == [
        ("2026-07-08", "休息日", "工作日", 8), ("2026-07-08", "工作日", "休息日", 7),
    ]


def test_deadlines_are_inherited_down_the_tree_and_from_everybody(calendar: BusinessCalendar, connection: Connection):
    for code, day in (("*", "2026-07-01"), ("14", "2026-07-10"), ("U1401", "2026-07-05")):
        calendar.set_deadline(connection, code, "2026", "renewal_audit", end_of_day(date.fromisoformat(day)), "本年度安排", 7)
    found = {code: calendar.deadline(connection, "2026", "renewal_audit", code) for code in (*TREE, "*")}
    assert {code: local_day(at).day for code, at in found.items() if at} == {"CLASS1": 5, "U1401": 5, "C149999": 10, "U6199": 1, "*": 1}
    assert calendar.deadline(connection, "2027", "renewal_audit", "U1401") is None


def test_the_list_says_whose_date_it_is_and_what_it_replaces(calendar: BusinessCalendar, connection: Connection):
    calendar.set_deadline(connection, "14", "2026", "renewal_audit", end_of_day(date(2026, 7, 10)), "省里安排", 7)
    calendar.set_deadline(connection, "U1401", "2026", "renewal_audit", end_of_day(date(2026, 7, 5)), "本校提前", 8)
    own, inherited = calendar.deadlines(connection, "U1401", "2026")[0], calendar.deadlines(connection, "C149999", "2026")[0]
    assert (own.own, own.source, own.note, own.changed_by, local_day(own.replaces or own.at).day) == (True, "U1401", "本校提前", 8, 10)
    assert (inherited.own, inherited.source) == (False, "14")
    calendar.set_deadline(connection, "U1401", "2026", "renewal_audit", None, "改回全省日期", 8)
    assert calendar.deadlines(connection, "U1401", "2026")[0].source == "14"
    with pytest.raises(Rejection, match="没有自己的日期"):
        calendar.set_deadline(connection, "U1401", "2026", "renewal_audit", None, "再改一次", 8)


def test_a_changed_date_is_recorded_with_before_after_and_reason(calendar: BusinessCalendar, connection: Connection):
    with pytest.raises(Rejection) as refused:
        calendar.set_deadline(connection, "14", "2026", "k", end_of_day(date(2026, 7, 10)), "", 7)
    assert refused.value.status == 422
    calendar.set_deadline(connection, "14", "2026", "k", end_of_day(date(2026, 7, 10)), "首次设定", 7)
    calendar.set_deadline(connection, "14", "2026", "k", end_of_day(date(2026, 7, 12)), "因台风顺延", 7)
    row = changes(connection)[0]
    assert (row.subject, row.before, row.after, row.reason) == ("14/2026/k", "2026-07-10 23:59:59", "2026-07-12 23:59:59", "因台风顺延")


def test_the_shipped_dates_load_once_and_never_overwrite(calendar: BusinessCalendar, connection: Connection):
    text = Path("bpmn/shared/calendars.yaml").read_text(encoding="utf-8")
    calendar.set_deadline(connection, "14", "2026", "renewal_audit", end_of_day(date(2026, 7, 8)), "本省提前", 7)
    assert calendar.load_calendars(connection, text) > 30
    assert calendar.load_calendars(connection, text) == 0
    assert calendar.deadline(connection, "2026", "renewal_audit", "C149999") == end_of_day(date(2026, 7, 8))
    assert calendar.deadline(connection, "2026", "renewal_audit", "42") == datetime(2026, 7, 10, 15, 59, 59, tzinfo=UTC)
    assert calendar.deadline(connection, "2026", "acceptance_window_start", "41") == datetime(2026, 7, 14, 16, 0, tzinfo=UTC)
    assert calendar.deadline(connection, "2026", "acceptance_window_end", "41") == end_of_day(date(2026, 9, 20))
    assert cycles(connection) == ["2026"]


@pytest.mark.parametrize("text", ["deadlines: [", "deadlines: {'2026': {'14': {k: tomorrow}}}", "deadlines: {'2026': [x]}", "- a"])
def test_a_broken_calendar_file_is_refused_in_words(calendar: BusinessCalendar, connection: Connection, text: str):
    with pytest.raises(Rejection):
        calendar.load_calendars(connection, text)


def test_a_date_alone_means_its_last_second_and_a_time_is_local():
    assert moment_of_entry("2026-07-10", "k") == end_of_day(date(2026, 7, 10))
    assert moment_of_entry("2026-07-15T00:00", "k") == datetime(2026, 7, 14, 16, 0, tzinfo=UTC)


def test_an_edit_is_seen_by_its_own_transaction_and_by_others_right_after_the_commit(store: Store, calendar: BusinessCalendar):
    day = date(2026, 7, 8)
    with store.read() as reader:
        assert calendar.is_working_day(reader, day)
    with store.transaction() as editor:
        calendar.set_day(editor, day, False, "台风停工一天", 7)
        assert not calendar.is_working_day(editor, day)
        with store.read() as reader:
            assert calendar.is_working_day(reader, day)
    with store.read() as reader:
        assert not calendar.is_working_day(reader, day)


def test_an_edit_that_was_rolled_back_leaves_no_trace_in_memory(store: Store, calendar: BusinessCalendar):
    day = date(2026, 7, 8)
    with pytest.raises(ZeroDivisionError), store.transaction() as editor:
        calendar.set_day(editor, day, False, "台风停工一天", 7)
        assert not calendar.is_working_day(editor, day)
        raise ZeroDivisionError
    with store.read() as reader:
        assert calendar.is_working_day(reader, day)
    with store.transaction() as editor:
        calendar.set_day(editor, date(2026, 7, 9), False, "台风停工一天", 7)
    with store.read() as reader:
        assert calendar.is_working_day(reader, day) and not calendar.is_working_day(reader, date(2026, 7, 9))


def test_a_reader_that_began_before_an_edit_does_not_bring_the_old_days_back(store: Store, calendar: BusinessCalendar):
    day = date(2026, 7, 8)
    with store.read() as early:
        early.execute(select(CalendarDay.day).limit(1)).all()
        with store.transaction() as editor:
            calendar.set_day(editor, day, False, "台风停工一天", 7)
        with store.read() as late:
            assert not calendar.is_working_day(late, day)
        calendar.is_working_day(early, day)
        with store.read() as late:
            assert not calendar.is_working_day(late, day)


def test_an_edit_of_another_process_is_noticed_within_about_a_second(
    store: Store, calendar: BusinessCalendar, monkeypatch: pytest.MonkeyPatch
):
    day, seconds = date(2026, 7, 8), [1000.0]
    monkeypatch.setattr("workflows.business_calendar.monotonic", lambda: seconds[0])
    other = BusinessCalendar(FrozenClock(local("2026-07-06T09:00")), ancestors)
    with store.read() as reader:
        assert calendar.is_working_day(reader, day)
    with store.transaction() as editor:
        other.set_day(editor, day, False, "台风停工一天", 7)
    seconds[0] += 1.01
    with store.read() as reader:
        assert not calendar.is_working_day(reader, day)


def test_feel_counts_days_and_reads_deadlines(calendar: BusinessCalendar, connection: Connection):
    calendar.set_deadline(connection, "14", "2026", "renewal_audit", end_of_day(date(2026, 7, 10)), "省里安排", 7)
    functions = calendar.functions(connection, "2026")

    def value(text: str, **variables: object) -> object:
        return compile_expression(text).evaluate(variables, functions, calendar.clock.now())

    assert value('working days after(date("2026-09-21"), 20) = date and time("2026-10-26T23:59:59+08:00")') is True
    assert value("string(working days after(x, 20))", x="2026-09-21") == "2026-10-26T23:59:59+08:00"
    assert value('deadline("renewal_audit", "U1401") = date and time("2026-07-10T23:59:59+08:00")') is True
    assert value('deadline("renewal_audit", org)', org={"code": "U1401"}) == end_of_day(date(2026, 7, 10))
    assert value('working days between(date("2026-09-21"), date("2026-10-26"))') == 20
    assert value('end of day(date and time("2026-07-10T16:30:00Z")) = date and time("2026-07-11T23:59:59+08:00")') is True
    assert value('deadline("nothing", "U1401")') is None
    assert value("working days after(null, 3)") is None and value('working days after("soon", 3)') is None
    assert value('working days after(date("2026-09-21"), 1.5)') is None


def test_a_missing_year_stops_an_expression_instead_of_becoming_null(calendar: BusinessCalendar, connection: Connection):
    expression = compile_expression('working days after(date("2026-12-31"), 1)')
    with pytest.raises(CalendarMissing):
        expression.evaluate({}, calendar.functions(connection, "2026"), calendar.clock.now())


def test_a_notice_without_days_is_nothing_to_save(calendar: BusinessCalendar, connection: Connection):
    with pytest.raises(Rejection):
        calendar.import_notice(connection, Notice(2027, "x"), 7)


def test_every_shipped_date_has_a_name_in_both_languages():
    text = Path("bpmn/shared/calendars.yaml").read_text(encoding="utf-8")
    assert {row["key"] for row in read_calendars(text)} == set(read_labels(text))
