"""The calendar pages: everybody who works here reads, only the entitled change, and every change says why."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import insert, select

from tasks.models import Membership, Organisation
from tests.web_office import Office
from workflows.business_calendar import FrozenClock, end_of_day
from workflows.models import CalendarChange

NOTICE = "国务院办公厅关于2027年部分节假日安排的通知\n一、元旦：1月1日（周五）至3日（周日）放假，共3天。\n二、春节：2月5日（周五）至11日（周四）放假调休，共7天。1月31日（周日）上班。"


@pytest.fixture
def office(tmp_path: Path, clock: FrozenClock, database: str) -> Iterator[Office]:
    built = Office(tmp_path, clock)
    with built.house.store.transaction() as connection:
        platform = connection.execute(insert(Organisation).values(
            code="PLATFORM", name="本平台", kind="platform", path="/PLATFORM/", on_platform=True, active=True
        )).inserted_primary_key[0]
        for person, role, organisation in ((built.other, "univ_principal", 1), (built.stranger, "process_admin", platform)):
            connection.execute(Membership.__table__.delete().where(Membership.person_id == person))
            connection.execute(insert(Membership).values(person_id=person, organisation_id=organisation, role=role))
        text = Path("bpmn/shared/calendars.yaml").read_text(encoding="utf-8")
        built.house.calendar.load_calendars(connection, text)
    yield built
    built.close()


@pytest.fixture
def clerk(office: Office) -> FlaskClient:
    return office.browser(office.clerk)


@pytest.fixture
def principal(office: Office) -> FlaskClient:
    return office.browser(office.other)


@pytest.fixture
def administrator(office: Office) -> FlaskClient:
    return office.browser(office.stranger)


def reasons(office: Office) -> list[str]:
    with office.house.store.read() as connection:
        return list(connection.execute(select(CalendarChange.reason).where(CalendarChange.person.is_not(None)).order_by(CalendarChange.id)).scalars())


def working(office: Office, day: str) -> bool:
    with office.house.store.read() as connection:
        return office.house.calendar.is_working_day(connection, date.fromisoformat(day))


def test_staff_read_the_year_and_only_the_platform_may_change_it(clerk: FlaskClient, administrator: FlaskClient) -> None:
    page = clerk.get("/calendar?year=2026").text
    assert page.count('class="month"') == 12 and "国庆节" in page and page.count("day-make-up") == 7  # six days and the legend
    assert "day-dialog" not in page and "导入年度通知" not in page
    assert page.count("data-fill") == 0 and administrator.get("/calendar?year=2026").text.count("data-fill") == 365


def test_a_student_has_no_calendar_page(office: Office) -> None:
    assert office.browser(office.applicant).get("/calendar").status_code == 404


def test_a_year_without_a_table_raises_an_alarm_on_the_page(office: Office, clerk: FlaskClient) -> None:
    assert "尚未录入" not in clerk.get("/calendar").text
    assert "没有正式的工作日历" in clerk.get("/calendar?year=2027").text
    office.clock.set(end_of_day(date(2026, 11, 5)))
    assert "2027 年的工作日历尚未录入" in office.browser(office.clerk).get("/calendar").text


@pytest.mark.parametrize("address", ["/calendar?year=1", "/calendar?year=abc", "/calendar?year=99999999", "/calendar/deadlines?organisation=NONE"])
def test_addresses_that_make_no_sense_are_not_found(clerk: FlaskClient, address: str) -> None:
    assert clerk.get(address).status_code == 404


def test_one_day_is_changed_with_a_reason(office: Office, administrator: FlaskClient) -> None:
    assert administrator.post("/calendar/day", data={"day": "2026-07-08", "working": "0", "reason": " "}).status_code == 303
    assert working(office, "2026-07-08")
    answer = administrator.post("/calendar/day", data={"day": "2026-07-08", "working": "0", "reason": "台风停工"}, follow_redirects=True)
    assert "已修改 2026-07-08" in answer.text and "台风停工" in answer.text
    assert not working(office, "2026-07-08") and reasons(office) == ["台风停工"]
    assert administrator.post("/calendar/day", data={"day": "x"}).status_code == 422


def test_a_notice_is_previewed_and_then_saved(office: Office, administrator: FlaskClient) -> None:
    preview = administrator.post("/calendar/notice", data={"text": NOTICE})
    assert "放假 10 天，调休上班 1 天" in preview.text and "没有读到" in preview.text
    assert reasons(office) == []
    days = [part.split('"')[0] for part in preview.text.split('name="day" value="')[1:]]
    saved = administrator.post("/calendar/notice/save", data={"year": "2027", "source": "通知", "day": days}, follow_redirects=True)
    assert "2027 年工作日历已生效" in saved.text and "来源：通知" in saved.text
    assert working(office, "2027-01-31") and not working(office, "2027-02-08")


def test_a_wrong_notice_comes_back_with_its_problems_and_its_text(administrator: FlaskClient) -> None:
    answer = administrator.post("/calendar/notice", data={"text": NOTICE.replace("周五", "周四")})
    assert answer.status_code == 422 and "文中写的是周四" in answer.text and "二、春节" in answer.text
    assert administrator.post("/calendar/notice", data={}).status_code == 422
    assert administrator.post("/calendar/notice/save", data={"year": "2027", "day": ["2027-01-01|maybe|x"]}).status_code == 422


def test_a_sheet_of_days_is_previewed_too(administrator: FlaskClient) -> None:
    good = (io.BytesIO("日期,类型\n2027-01-01,放假\n2027-01-31,上班\n".encode()), "days.csv")
    assert "调休上班 1 天" in administrator.post("/calendar/notice", data={"file": good}).text
    broken = administrator.post("/calendar/notice", data={"file": (io.BytesIO(b"PK\x03\x04x"), "days.xlsx")})
    assert broken.status_code == 422 and "损坏" in broken.text


def test_deadlines_show_where_they_come_from(clerk: FlaskClient) -> None:
    page = clerk.get("/calendar/deadlines").text
    assert "续贷声明集中审核截止" in page and "2026-07-10 23:59" in page and "继承自" in page
    assert "deadline-dialog" not in page


def test_an_office_sets_its_own_date_and_takes_it_back(office: Office, principal: FlaskClient) -> None:
    sent = {"organisation": "U1", "cycle": "2026", "key": "renewal_audit", "day": "2026-07-05", "time": "23:59", "reason": "本校提前审核"}
    page = principal.post("/calendar/deadlines", data=sent, follow_redirects=True).text
    assert "日期已保存" in page and "2026-07-05 23:59" in page and "本单位" in page and "本校提前审核" in page
    with office.house.store.read() as connection:
        assert office.house.calendar.deadline(connection, "2026", "renewal_audit", "U1") == end_of_day(date(2026, 7, 5))
    back = {"organisation": "U1", "cycle": "2026", "key": "renewal_audit", "inherit": "1", "reason": "随省统一"}
    page = principal.post("/calendar/deadlines", data=back, follow_redirects=True).text
    assert "已恢复继承上级日期" in page and "2026-07-10 23:59" in page
    assert reasons(office) == ["本校提前审核", "随省统一"]


@pytest.mark.parametrize("change", [{"reason": ""}, {"day": "2026-02-30"}, {"day": ""}, {"time": "25:00"}, {"key": ""}, {"cycle": ""}, {"key": "a/b"}])
def test_a_date_with_a_mistake_is_not_saved(office: Office, principal: FlaskClient, change: dict[str, Any]) -> None:
    sent = {"organisation": "U1", "cycle": "2026", "key": "renewal_audit", "day": "2026-07-05", "time": "09:00", "reason": "本校提前审核"} | change
    assert "flash-danger" in principal.post("/calendar/deadlines", data=sent, follow_redirects=True).text
    assert reasons(office) == []


def test_nobody_changes_what_is_not_his(office: Office, clerk: FlaskClient, principal: FlaskClient) -> None:
    sent = {"cycle": "2026", "key": "renewal_audit", "day": "2026-07-05", "time": "09:00", "reason": "本校提前审核"}
    for browser, organisation in ((clerk, "U1"), (principal, "U2"), (principal, "*"), (principal, "NONE")):
        assert browser.post("/calendar/deadlines", data=sent | {"organisation": organisation}).status_code == 403, organisation
    for path in ("/calendar/day", "/calendar/notice", "/calendar/notice/save"):
        assert principal.post(path, data={"day": "2026-07-08"}).status_code == 403, path
    assert principal.get("/calendar/notice").status_code == 403
    assert reasons(office) == []


def test_the_platform_sets_the_dates_of_everybody(administrator: FlaskClient) -> None:
    sent = {"organisation": "*", "cycle": "2027", "key": "renewal_audit", "day": "2027-07-09", "time": "23:59", "reason": "新年度安排"}
    page = administrator.post("/calendar/deadlines", data=sent, follow_redirects=True).text
    assert "2027-07-09 23:59" in page and "全部单位" in page


def test_the_pages_are_read_in_english_too(administrator: FlaskClient) -> None:
    administrator.set_cookie("language", "en")
    assert "The working days of 2027" not in administrator.get("/calendar?year=2027").text
    assert "2027 has no official working days" in administrator.get("/calendar?year=2027").text
    assert "Declarations audited by" in administrator.get("/calendar/deadlines").text
    answer = administrator.post("/calendar/notice", data={"text": NOTICE.replace("周五", "周四")})
    assert "it is a Friday" in answer.text
