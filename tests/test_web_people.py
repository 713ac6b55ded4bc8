"""The pages for people, organisations and activation codes: inside the scope, each row with its reason, codes shown once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import insert, select, update

from tasks.models import Membership, Organisation, Person, Seat
from tests.web_office import LONG_ID, Office
from workflows.business_calendar import FrozenClock
from workflows.workbook import SheetColumn, read_rows, write_workbook

CODE = re.compile(r"\b[2-9A-Z]{5}-?[2-9A-Z]{5}\b")


@pytest.fixture
def office(tmp_path: Path, clock: FrozenClock, database: str) -> Iterator[Office]:
    built = Office(tmp_path, clock)
    with built.house.store.transaction() as connection:
        platform = connection.execute(insert(Organisation).values(
            code="PLATFORM", name="本平台", kind="platform", path="/PLATFORM/", on_platform=True, active=True
        )).inserted_primary_key[0]
        connection.execute(Membership.__table__.delete().where(Membership.person_id == built.stranger))
        connection.execute(insert(Membership).values(person_id=built.stranger, organisation_id=platform, role="people_admin"))
    yield built
    built.close()


@pytest.fixture
def administrator(office: Office) -> FlaskClient:
    """李外人, who administers the whole platform here."""
    return office.browser(office.stranger)


@pytest.fixture
def local(office: Office) -> FlaskClient:
    """Somebody who administers the people of 甲单位 only."""
    with office.house.store.transaction() as connection:
        person = office._person(connection, "吴校管", "wu", ("people_admin", 1))
    return office.browser(person)


def person_row(office: Office, login: str) -> Any:
    with office.house.store.read() as connection:
        return connection.execute(select(Person.__table__).where(Person.login == login)).first()


def organisation_row(office: Office, code: str) -> Any:
    with office.house.store.read() as connection:
        return connection.execute(select(Organisation.__table__).where(Organisation.code == code)).first()


def sheet(columns: list[str], *rows: list[Any]) -> dict[str, Any]:
    content = write_workbook([SheetColumn(title, "identifier") for title in columns], rows, "表")
    return {"file": (BytesIO(content), "表.xlsx")}


def add(client: FlaskClient, **changed: str) -> Any:
    data = {"name": "新同事", "login": "xintongshi", "role": "univ_clerk", "organisation": "U1", "mobile": "13800001234", "id_number": LONG_ID}
    return client.post("/people/new", data={**data, **changed})


# people


def test_the_list_is_searched_filtered_and_masked(office: Office, administrator: FlaskClient) -> None:
    page = administrator.get("/people").text
    assert "钱经办" in page and "赵申请" not in page and "1499**********9015" in page and LONG_ID not in page
    found = administrator.get("/people?text=qian").text
    assert "钱经办" in found and "孙经办" not in found
    assert "钱经办" not in administrator.get("/people?organisation=U2").text
    assert "李外人" in administrator.get("/people?role=people_admin").text and "钱经办" not in administrator.get("/people?role=people_admin").text
    assert administrator.get("/people?organisation=NONE").status_code == 404


def test_the_list_is_turned_page_by_page(office: Office, administrator: FlaskClient) -> None:
    with office.house.store.transaction() as connection:
        for number in range(64):
            office._person(connection, f"职员{number:03d}", f"staff{number:03d}", ("univ_clerk", 1))

    def names(page: str) -> list[str]:
        return re.findall(r"职员\d{3}", page)

    def turn(page: str, way: str) -> str:
        links = re.findall(rf'href="(/people\?[^"]*{way}=\d+)"', page)
        return administrator.get(links[0].replace("&amp;", "&")).text if links else ""

    first = administrator.get("/people?text=职员").text
    second = turn(first, "after")
    assert len(names(first)) == 30 and not turn(first, "before")
    assert names(second)[0] == "职员030" and len(names(second)) == 30 and names(turn(second, "before")) == names(first)
    last = turn(second, "after")
    assert names(last) == ["职员060", "职员061", "职员062", "职员063"] and not turn(last, "after")
    assert names(turn(last, "before")) == names(second)


def test_ordinary_staff_has_none_of_these_pages(office: Office) -> None:
    clerk = office.browser(office.clerk)
    for address in ("/people", "/people/new", "/people/1", "/people/1/leave", "/people/import", "/organisations", "/organisations/U1", "/organisations/import"):
        assert clerk.get(address).status_code == 403, address
    for address in ("/people/new", "/people/2/disable", "/people/2/hand-over", "/people/2/reset", "/people/import", "/organisations/U1/move"):
        assert clerk.post(address).status_code == 403, address


def test_a_new_person_gets_a_code_that_is_shown_once_and_works(office: Office, administrator: FlaskClient) -> None:
    answer = add(administrator)
    code = CODE.search(answer.text)
    row = person_row(office, "xintongshi")
    assert answer.status_code == 200 and code and row.mobile_masked == "138****1234" and row.password_hash is None
    assert not CODE.search(administrator.get(f"/people/{row.id}").text)
    stranger = office.app.test_client()
    answer = stranger.post("/activate", data={"login": "xintongshi", "code": code[0], "password": "a long enough one", "again": "a long enough one"})
    assert answer.status_code == 303 and person_row(office, "xintongshi").password_hash


@pytest.mark.parametrize(("changed", "said"), [
    ({"login": "QIAN"}, "已被使用"), ({"login": "9x"}, "以字母开头"), ({"name": " "}, "请填写姓名"), ({"role": "county_clerk"}, "只能设在"),
    ({"organisation": "NONE"}, "没有代码为"), ({"mobile": "12"}, "11 位"), ({"valid_from": "2026-13-01"}, "日期不存在"),
    ({"valid_from": "2026-09-02", "valid_to": "2026-09-01"}, "早于开始日期"), ({"id_number": "149999200311059016"}, "校验"),
])
def test_a_wrong_form_comes_back_with_the_reason_and_leaves_nothing(
    office: Office, administrator: FlaskClient, changed: dict[str, str], said: str,
) -> None:
    answer = add(administrator, **changed)
    assert answer.status_code == 422 and said in answer.text
    assert person_row(office, "xintongshi") is None


def test_name_login_and_mobile_are_corrected(office: Office, administrator: FlaskClient) -> None:
    assert administrator.post(f"/people/{office.clerk}", data={"name": "钱经理", "login": "QianJL", "mobile": "13900005678"}).status_code == 303
    row = person_row(office, "qianjl")
    assert (row.name, row.mobile_masked) == ("钱经理", "139****5678")
    assert administrator.post(f"/people/{office.clerk}", data={"name": "钱经理", "login": "sun"}).status_code == 422


def test_memberships_are_added_changed_and_ended(office: Office, administrator: FlaskClient, clock: FrozenClock) -> None:
    place = f"/people/{office.clerk}/memberships"
    data = {"role": "univ_principal", "organisation": "U1", "valid_from": "2026-07-01", "valid_to": ""}
    assert administrator.post(place, data=data).status_code == 303
    again = administrator.post(place, data=data)
    assert again.status_code == 422 and "已有同一身份" in again.text
    with office.house.store.read() as connection:
        held = connection.execute(select(Membership.id).where(Membership.person_id == office.clerk, Membership.role == "univ_principal")).scalar_one()
    assert "未开始" in administrator.get(f"/people/{office.clerk}").text
    administrator.post(f"{place}/{held}", data={f"from-{held}": "2026-06-01", f"to-{held}": "2026-06-17"})
    assert "已结束" in administrator.get(f"/people/{office.clerk}").text
    wrong = administrator.post(f"{place}/{held}", data={f"from-{held}": "2026-06-01", f"to-{held}": "2026-05-01"}, follow_redirects=True)
    assert "早于开始日期" in wrong.text


def test_a_local_administrator_reaches_nobody_outside(office: Office, local: FlaskClient, administrator: FlaskClient) -> None:
    assert "钱经办" in local.get("/people").text and "李外人" not in local.get("/people?active=all").text
    assert local.get(f"/people/{office.stranger}").status_code == 403
    assert local.get(f"/people/{office.applicant}").status_code == 403  # a borrower with no case here
    assert add(local, organisation="U2").status_code == 403
    taken = local.post(f"/people/{office.applicant}/memberships", data={"role": "univ_clerk", "organisation": "U1"})
    assert taken.status_code == 403
    with office.house.store.read() as connection:
        assert connection.execute(select(Membership.id).where(Membership.person_id == office.applicant)).first() is None


def test_a_reset_password_is_gone_and_the_code_appears_once(office: Office, administrator: FlaskClient) -> None:
    answer = administrator.post(f"/people/{office.clerk}/reset")
    assert answer.status_code == 200 and CODE.search(answer.text) and answer.headers["Cache-Control"] == "no-store"
    assert person_row(office, "qian").password_hash is None
    own = administrator.post(f"/people/{office.stranger}/reset", follow_redirects=True)
    assert own.status_code == 403


# leaving


def claimed(office: Office, count: int) -> list[int]:
    """Audit seats that the clerk has claimed."""
    seats = [seat.id for seat in office.submitted(count)]
    with office.house.store.transaction() as connection:
        actor = office.house.people.actor(connection, office.clerk)
        for seat in seats:
            office.house.tasks.claim(connection, actor, seat)
    return seats


def owners(office: Office, seats: list[int]) -> list[int | None]:
    with office.house.store.read() as connection:
        return list(connection.execute(select(Seat.owner_id).where(Seat.id.in_(seats)).order_by(Seat.id)).scalars())


def test_the_seats_of_a_leaver_go_to_a_colleague_or_back_to_the_pool(office: Office, administrator: FlaskClient) -> None:
    seats = claimed(office, 3)
    page = administrator.get(f"/people/{office.clerk}/leave").text
    assert page.count('name="seat"') == 3 and "孙经办（可接 3 件）" in page
    place = f"/people/{office.clerk}/hand-over"
    answer = administrator.post(place, data={"seat": seats[0], "to": office.other, "reason": "调离"})
    office.house.work_off()
    assert answer.status_code == 303 and owners(office, seats) == [office.other, office.clerk, office.clerk]
    administrator.post(place, data={"seat": seats[1], "to": "pool"})
    office.house.work_off()
    assert owners(office, seats) == [office.other, None, office.clerk]
    assert administrator.post(place, data={"to": "pool"}).status_code == 422
    moved = administrator.post(place, data={"seat": seats[2], "to": office.applicant})
    office.house.work_off()
    refused = administrator.get(moved.location)
    assert "未能移交" in refused.text and owners(office, seats)[2] == office.clerk
    told = office.browser(office.other).get("/notices").text
    assert "由李外人改派给您，理由：调离" in told


def test_somebody_disabled_is_out_and_his_work_goes_on(office: Office, administrator: FlaskClient) -> None:
    seats = claimed(office, 2)
    clerk = office.browser(office.clerk)
    assert clerk.get("/inbox").status_code == 200
    answer = administrator.post(f"/people/{office.clerk}/disable", data={"to": "pool"})
    office.house.work_off()
    assert answer.status_code == 303 and owners(office, seats) == [None, None]
    assert clerk.get("/inbox").status_code == 303 and not person_row(office, "qian").active
    assert "钱经办" not in administrator.get("/people").text and "钱经办" in administrator.get("/people?active=disabled").text
    with office.house.store.read() as connection:
        colleague = office.house.people.actor(connection, office.other)
        assert office.house.worklist.counts(connection, colleague)["pool"].number == 2
    administrator.post(f"/people/{office.clerk}/enable")
    assert person_row(office, "qian").active


def test_work_may_stay_with_somebody_disabled_until_it_is_decided(office: Office, administrator: FlaskClient) -> None:
    seats = claimed(office, 1)
    administrator.post(f"/people/{office.clerk}/disable", data={"to": "keep"})
    assert owners(office, seats) == [office.clerk]
    assert "名下还有 1 件" in administrator.get(f"/people/{office.clerk}").text


def test_nobody_is_disabled_half_when_it_is_refused(office: Office, administrator: FlaskClient, local: FlaskClient) -> None:
    assert administrator.post(f"/people/{office.stranger}/disable", data={"to": "keep"}).status_code == 403
    seats = claimed(office, 1)
    with office.house.store.transaction() as connection:
        connection.execute(insert(Membership).values(person_id=office.clerk, organisation_id=2, role="univ_clerk"))
    assert local.post(f"/people/{office.clerk}/disable", data={"to": "pool"}).status_code == 403
    assert owners(office, seats) == [office.clerk] and person_row(office, "qian").active


# people from a sheet


def test_a_sheet_of_people_is_entered_row_by_row(office: Office, administrator: FlaskClient) -> None:
    columns = ["姓名*", "登录名*", "角色*", "单位代码*", "开始日期", "手机号"]
    rows = [
        ["周一", "zhouyi", "高校资助中心经办人", "U1", "2026-09-01", "13800001111"], ["吴二", "wuer", "没有的角色", "U1", None, None],
        ["郑三", "zhengsan", "univ_clerk", "NONE", None, None], [None, "wangsi", "univ_clerk", "U1", None, None],
    ]
    page = administrator.post("/people/import", data=sheet(columns, *rows)).text
    assert len(CODE.findall(page)) == 1 and ">zhouyi<" in page and "没有“没有的角色”这种角色" in page and "没有代码为“NONE”的单位" in page and "缺少：姓名" in page
    assert person_row(office, "zhouyi").mobile_masked == "138****1111" and person_row(office, "wuer") is None
    again = administrator.post("/people/import", data=sheet(columns, *rows)).text
    assert "无变化" in again and not CODE.search(again)


def test_a_sheet_that_is_none_or_lacks_a_column_is_refused_in_words(administrator: FlaskClient) -> None:
    assert administrator.post("/people/import", data={}).status_code == 422
    broken = administrator.post("/people/import", data={"file": (BytesIO(b"PK\x03\x04 no sheet"), "a.xlsx")})
    assert broken.status_code == 422 and "已损坏" in broken.text
    answer = administrator.post("/people/import", data=sheet(["姓名", "登录名"], ["周一", "zhouyi"]))
    assert answer.status_code == 422 and "表头缺少列：角色、单位代码" in answer.text


@pytest.mark.parametrize(("address", "heading"), [("/people/import/template", "登录名*"), ("/organisations/import/template", "上级单位代码")])
def test_the_blank_sheet_can_be_read_back(administrator: FlaskClient, address: str, heading: str) -> None:
    answer = administrator.get(address)
    assert answer.status_code == 200 and heading in read_rows(answer.data, "x.xlsx").header


# organisations


def test_the_tree_shows_who_stands_under_whom_and_is_searched(office: Office, administrator: FlaskClient) -> None:
    new = {"code": "U1-CS", "name": "计算机学院", "kind": "faculty", "organisation": "U1", "on_platform": "1"}
    assert administrator.post("/organisations/new", data=new).status_code == 303
    page = administrator.get("/organisations").text
    assert page.index("甲单位") < page.index("计算机学院") < page.index("乙单位") and "└" in page
    found = administrator.get("/organisations?text=计算机").text
    assert "甲单位" in found and "乙单位" not in found  # the way down to it
    assert "乙单位" not in administrator.get("/organisations?under=U1").text
    taken = administrator.post("/organisations/new", data=new)
    assert taken.status_code == 422 and "已被使用" in taken.text
    wrong = administrator.post("/organisations/new", data={**new, "code": "a b", "kind": "x"})
    assert wrong.status_code == 422 and "只能用字母" in wrong.text and "这种单位类型" in wrong.text


def test_an_organisation_is_renamed_moved_and_taken_off_the_platform(office: Office, administrator: FlaskClient) -> None:
    administrator.post("/organisations/new", data={"code": "F1", "name": "文学院", "kind": "faculty", "organisation": "U1", "on_platform": "1"})
    administrator.post("/organisations/F1", data={"name": "文学与新闻学院", "province": "14"})
    row = organisation_row(office, "F1")
    assert (row.name, row.on_platform) == ("文学与新闻学院", False)
    administrator.post("/organisations/F1/move", data={"organisation": "U2"})
    assert organisation_row(office, "F1").path == "/U2/F1/"
    circle = administrator.post("/organisations/U2/move", data={"organisation": "F1"})
    assert circle.status_code == 422 and "下级之下" in circle.text


def test_an_organisation_with_open_work_or_units_below_is_not_closed(office: Office, administrator: FlaskClient) -> None:
    office.submitted(1)
    refused = administrator.post("/organisations/U1/active", data={"active": "0"}, follow_redirects=True).text
    assert "未办事项" in refused and organisation_row(office, "U1").active
    administrator.post("/organisations/U2/active", data={"active": "0"})
    assert not organisation_row(office, "U2").active
    assert "乙单位" not in administrator.get("/organisations").text and "乙单位" in administrator.get("/organisations?closed=1").text
    administrator.post("/organisations/U2/active", data={"active": "1"})
    assert organisation_row(office, "U2").active


def test_a_local_administrator_changes_only_what_stands_below_him(office: Office, local: FlaskClient) -> None:
    assert local.get("/organisations/U2").status_code == 403 and "乙单位" not in local.get("/organisations").text
    assert local.post("/organisations/U2", data={"name": "夺来"}).status_code == 403
    assert local.post("/organisations/new", data={"code": "X", "name": "自立", "kind": "university"}).status_code == 403
    assert local.post("/organisations/U1/move", data={"organisation": "U2"}).status_code == 403


COLUMNS = ["单位代码", "单位名称", "类型", "上级单位代码", "所在省代码", "是否上线"]


def test_a_sheet_of_organisations_is_entered_in_any_order_and_again_without_change(office: Office, administrator: FlaskClient) -> None:
    rows = [
        ["F1-01", "文学 1 班", "班级", "F1", None, "是"], ["F1", "文学院", "faculty", "U1", None, None], [61, "丁省中心", "省级资助管理中心", None, None, "否"],
        ["F2", "无上级", "院系", "NONE", None, None], ["F3", "错类型", "书院", "U1", None, None], ["F4", None, "院系", "U1", None, None],
        ["F1", "重复", "院系", "U1", None, None], ["F5", "圈一", "院系", "F6", None, None], ["F6", "圈二", "院系", "F5", None, None],
        ["F7", "错上线", "院系", "U1", None, "也许"], ["U1", "甲单位（新）", "高校", None, None, None],
    ]
    page = administrator.post("/organisations/import", data=sheet(COLUMNS, *rows)).text
    for said in ("上级单位。", "没有“书院”这种单位类型", "缺少：单位名称", "与第 3 行的代码重复", "“是”或“否”"):
        assert said in page, said
    assert page.count("没有代码为“F") >= 2
    assert organisation_row(office, "F1-01").path == "/U1/F1/F1-01/" and organisation_row(office, "F1-01").province == "14"
    assert organisation_row(office, "61").province == "61" and not organisation_row(office, "61").on_platform
    assert organisation_row(office, "U1").name == "甲单位（新）" and organisation_row(office, "F5") is None
    good = [rows[0], rows[1], rows[2], rows[10]]
    again = administrator.post("/organisations/import", data=sheet(COLUMNS, *good)).text
    assert again.count("无变化") == 5 and "已新增" not in again and "已更正" not in again  # four rows and their sum


def test_a_sheet_moves_and_corrects_but_never_changes_the_kind(office: Office, administrator: FlaskClient) -> None:
    administrator.post("/organisations/import", data=sheet(COLUMNS, ["F1", "文学院", "院系", "U1", None, None]))
    page = administrator.post("/organisations/import", data=sheet(
        COLUMNS, ["F1", "文学院", "院系", "U2", None, "否"], ["U2", "乙单位", "校区", None, None, None],
    )).text
    row = organisation_row(office, "F1")
    assert (row.path, row.on_platform) == ("/U2/F1/", False) and "类型不能更改" in page and organisation_row(office, "U2").kind == "university"


def test_a_local_sheet_is_refused_row_by_row_outside_the_scope(office: Office, local: FlaskClient) -> None:
    page = local.post("/organisations/import", data=sheet(
        COLUMNS, ["F1", "文学院", "院系", "U1", None, None], ["F2", "外院", "院系", "U2", None, None], ["U2", "夺来", "高校", None, None, None],
    )).text
    assert organisation_row(office, "F1") and organisation_row(office, "F2") is None and organisation_row(office, "U2").name == "乙单位"
    assert page.count("不在您") == 2


# codes of borrowers


@pytest.fixture
def students(office: Office) -> list[int]:
    """Three borrowers of 甲单位, each with a case; the last has activated."""
    with office.house.store.transaction() as connection:
        found = [office._person(connection, f"学生{sign}", None, None) for sign in "甲乙丙"]
        connection.execute(update(Person).where(Person.id == found[2]).values(password_hash="x"))
    for person in found:
        office.start(1, person=person)
    return found


def test_codes_are_given_to_those_without_one_and_listed_once(office: Office, students: list[int]) -> None:
    clerk = office.browser(office.clerk)
    page = clerk.get("/codes").text
    assert page.count('name="person"') == 2 and "1499**********9015" in page and LONG_ID not in page
    printed = clerk.post("/codes", data={"person": [str(person) for person in students]}).text
    assert len(CODE.findall(printed)) == 2 and "学生丙" not in printed
    assert clerk.get("/codes?state=issued").text.count("已发码，未激活</span>") == 2 and not CODE.search(clerk.get("/codes").text)
    assert "学生丙" in clerk.get("/codes?state=activated").text and "学生甲" in clerk.get("/codes?text=甲").text
    nobody = clerk.post("/codes", data={"all": "1", "text": "学生"}, follow_redirects=True).text
    assert "没有需要发码的学生" in nobody  # both have a valid one already
    office.clock.advance(timedelta(days=15))
    assert len(CODE.findall(office.browser(office.clerk).post("/codes", data={"all": "1", "text": "学生"}).text)) == 2


def test_a_lost_password_is_reset_one_by_one(office: Office, students: list[int]) -> None:
    answer = office.browser(office.clerk).post(f"/codes/{students[2]}/reset")
    assert answer.status_code == 200 and CODE.search(answer.text)
    with office.house.store.read() as connection:
        assert connection.execute(select(Person.password_hash).where(Person.id == students[2])).scalar() is None


def test_codes_are_not_given_for_staff_or_for_borrowers_of_another_office(office: Office, students: list[int], administrator: FlaskClient) -> None:
    with office.house.store.transaction() as connection:
        other = office.browser(office._person(connection, "外单位", "wai", ("univ_clerk", 2)))
    assert "学生甲" not in other.get("/codes").text and "还没有学生" in other.get("/codes").text
    answer = other.post("/codes", data={"person": str(students[0])}, follow_redirects=True).text
    assert "没有需要发码的学生" in answer and other.post(f"/codes/{students[0]}/reset").status_code == 403
    assert office.browser(office.clerk).post(f"/codes/{office.other}/reset").status_code == 403
    assert administrator.get("/codes").status_code == 403


@pytest.mark.parametrize("address", ["/people", "/people/new", "/people/import", "/organisations", "/organisations/new", "/organisations/U1", "/people/1", "/people/1/leave"])
def test_every_page_speaks_english(administrator: FlaskClient, address: str) -> None:
    text = administrator.get(address, headers={"Accept-Language": "en"}).text
    data = re.compile(r"钱经办|孙经办|李外人|甲单位|乙单位|本平台|中文|办结|>李<")
    assert not re.findall(r"[\u4e00-\u9fff]+", data.sub("", text))
