"""The acceptance cases of the renewal declaration audit at full size: a class, a cohort file, bulk, versions, the calendar's edge."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import func, select

from tasks.models import CaseActor, CaseItem, Notification
from tests.conftest import shanghai
from tests.renewal_stage import FILES, PROCESS, TEXTS, TOO_SHORT, Office, Stage, declaration
from tests.roster_process import id_number, sheet
from workflows.calendar_notice import read_notice
from workflows.errors import CalendarMissing, Conflict, DeploymentRefused
from workflows.models import CommandItem, HistoryRow, Incident, ProcessInstance

DIAGRAM = f"{PROCESS}.bpmn"
HEADER = ["姓名", "身份证号", "学号", "高校代码", "院系代码", "班级代码", "生源地县级中心代码", "手机号码", "合同编号", "共同借款人姓名", "共同借款人身份证号"]
K2, K2_MOTHER = "429999200402199221", "42999919750318928x"
SURNAMES, GIVEN = "赵钱孙李周吴郑王冯陈", "甲乙丙丁戊己庚辛壬癸"


@pytest.fixture
def stage(request, database):
    built = Stage(getattr(request, "param", "2026-06-18T09:00"))
    yield built
    built.close()


@pytest.fixture
def office(tmp_path, database):
    built = Office(tmp_path, "2026-06-18T09:00")
    yield built
    built.close()


def at(moment):
    return pytest.mark.parametrize("stage", [moment], indirect=True, ids=[""])


def named(number):
    """An invented name; different for a few hundred numbers."""
    return f"{SURNAMES[number % 10]}{GIVEN[number // 10 % 10]}{GIVEN[number // 100 % 10]}"


def line(number, university="U1401", class_="U1401-CS-2301", county="C149999", contracts="", co_name="", co_id=""):
    mobile = f"138{number:08d}"
    return [named(number), id_number(number), f"2023{number:05d}", university, "", class_, county, mobile, contracts, co_name, co_id]


def import_rows(place, login, rows, folder):
    """Import a file as the command line does; returns the lines it prints."""
    path = folder / "名单.xlsx"
    path.write_bytes(sheet(rows, HEADER))
    printed = []
    place.house.rosters.import_file(place.house, path, PROCESS, login, printed.append)
    return printed


def enter(place, count, login="gaojingban", folder=None):
    """Import `count` students of one class; their cases are called 0, 1, 2 …"""
    import_rows(place, login, [line(number) for number in range(count)], folder)
    for row in place.rows(select(ProcessInstance.id).order_by(ProcessInstance.id)):
        place.cases.setdefault(str(len(place.cases)), row.id)


def declare(place, keys, by=None, text=TEXTS["k1"]):
    """Each of these students hands in a text of his own (or `by` somebody for him)."""
    with place.house.store.transaction() as connection:
        for key in keys:
            seat = place.seat(key, connection=connection)
            subject = place.case_in(connection, key).subject_person
            actor = place.cast.actor(connection, by) if by else place.house.people.actor(connection, subject)
            place.house.tasks.complete(connection, actor, seat.id, declaration(f"{text}{int(key):04d}"), "submit")


# AC-10


def test_ac_10_the_class_representative_sees_twelve_names_and_reminds_once_a_day(office, tmp_path):
    enter(office, 30, folder=tmp_path)
    declare(office, [str(number) for number in range(18)])
    office.advance("2026-07-07T10:00")
    missing, others = [named(number) for number in range(18, 30)], [named(number) for number in range(18)]
    browser = office.browser("xiaobanzhang")
    page = browser.get("/class").get_data(as_text=True)
    undone = page.split("未提交 12 人", 1)[1].split("</ul>", 1)[0]
    assert "未提交 12 人" in page
    assert all(name in undone for name in missing)
    assert not any(f"<li>{name}</li>" in undone for name in others)
    assert undone.count("<li>") == 12
    for secret in ("149999", "1499*", "138", "2023", "元", TEXTS["k1"][:10]):
        assert secret not in page.split("<main", 1)[1].split("</main", 1)[0]
    sent = {"process_id": PROCESS, "class_code": "U1401-CS-2301"}
    assert browser.post("/class/remind", data=sent).status_code == 303
    again = browser.post("/class/remind", data=sent)
    assert again.status_code == 409
    assert "每天最多一次" in (again.get_json()["error"]["zh"] if again.is_json else again.get_data(as_text=True))
    assert reminders(office) == 12
    office.advance("2026-07-08T10:00")
    assert office.browser("xiaobanzhang").post("/class/remind", data=sent).status_code == 303
    assert reminders(office) == 24


def reminders(place):
    query = select(func.count()).where(Notification.kind == "class_reminder", Notification.unique_key.like("%:%:%:%:%"))
    return place.rows(query)[0][0]


# AC-17


def test_ac_17_a_file_with_one_student_three_times_makes_one_case_and_the_same_file_again_none(office, tmp_path):
    rows = [
        ["李样二", K2, "20230102", "U1401", "", "U1401-CS-2301", "C429999", "13800000002", "42999920250001", "", ""],
        ["李样二", f"{K2} ", "20230102", "U1401", "", "U1401-CS-2301", "C429999", "13800000002", "42999920250002", "", ""],
        ["李样二", K2, "20230102", "U1401", "", "U1401-CS-2301", "C429999", "13800000002", "42999920250001", "李母乙", K2_MOTHER],
        ["张测一", "149999200311059016", "20230101", "U1401", "", "U1401-CS-2301", "C149999", "", "", "", ""],
        line(7),
    ]
    first = "\n".join(import_rows(office, "gaojingban", rows, tmp_path))
    second = "\n".join(import_rows(office, "gaojingban", rows, tmp_path))
    assert "新建 2，合并 2，未变 0，拒绝 1" in first
    assert "新建 0" in second
    assert "校验码错误" in first
    assert K2 not in first
    assert [row[0] for row in office.rows(select(ProcessInstance.subject).order_by(ProcessInstance.id))] == ["李样二", named(7)]
    assert sorted(row[0] for row in office.rows(select(CaseItem.value))) == ["42999920250001", "42999920250002"]
    office.cases["K2"] = office.rows(select(ProcessInstance.id).where(ProcessInstance.subject == "李样二"))[0].id
    facts = office.case("K2").variables["case"]
    assert facts["co_borrower"]["name"] == "李母乙"
    assert facts["co_borrower"]["id_number"]["masked"] == "4299**********928X"


# AC-18


def test_ac_18_of_five_hundred_ticked_rows_498_are_approved_each_with_its_record_and_two_say_why_not(stage, tmp_path):
    enter(stage, 500, folder=tmp_path)
    declare(stage, [str(number) for number in range(498)])
    declare(stage, ["498"], text="本学年学习认真，")
    declare(stage, ["499"], by="gaojingban")
    seats = {key: stage.seat(key) for key in stage.cases}
    with stage.house.store.transaction() as connection:
        actor = stage.cast.actor(connection, "gaojingban")
        ticked = [(seat.id, seat.revision) for seat in seats.values()]
        command = stage.house.tasks.bulk_complete(connection, actor, ticked, "approve", {})
    stage.house.commands.run_all(command)
    with stage.house.store.read() as connection:
        assert stage.house.commands.counts(connection, command) == {"done": 498, "skipped": 2}
        person = stage.cast.person(connection, "gaojingban")
    records = stage.rows(select(HistoryRow.instance_id, HistoryRow.detail).where(
        HistoryRow.kind == "activity_completed", HistoryRow.node_id == "audit_declaration", HistoryRow.person == person
    ))
    assert len({row.instance_id for row in records}) == len(records) == 498
    assert {row.detail["outcome"] for row in records} == {"approve"}
    left = {row.position: row.reason for row in stage.rows(
        select(CommandItem.position, CommandItem.reason).where(CommandItem.command_id == command, CommandItem.status == "skipped")
    )}
    assert set(left) == {499, 500}
    assert "打开" in left[499]
    assert "须为不同人员" in left[500]
    assert {stage.case(key).status for key in ("498", "499")} == {"active"}
    assert len(stage.rows(select(CaseActor.instance_id).where(CaseActor.node_id == "audit_declaration"))) == 498


# AC-73


def test_ac_73_three_hundred_running_cases_finish_as_they_began_and_new_ones_start_on_the_new_diagram(office, tmp_path):
    enter(office, 300, folder=tmp_path)
    declare(office, list(office.cases))
    old = office.case("0").definition_id
    office.advance("2026-07-05T10:00")
    diagram = FILES[DIAGRAM].decode()
    changed = diagram.replace('name="审核续贷声明"', 'name="审核续贷声明（新）"')
    assert changed != diagram
    browser = office.browser("liuchengguanli")
    published = browser.post(f"/processes/{PROCESS}/deploy/{DIAGRAM}", data=changed.encode(), content_type="application/xml")
    assert published.status_code == 201, published.get_data(as_text=True)
    office.start("gaojingban", "K1")
    office.declare("K1", TEXTS["k4"])
    new = office.case("K1").definition_id
    assert new != old
    assert office.task("gaojingban", "K1").process.version == 2
    with office.house.store.transaction() as connection:
        actor = office.cast.actor(connection, "gaojingban")
        ticked = [(seat.id, seat.revision) for seat in (office.seat(key, connection=connection) for key in office.cases)]
        command = office.house.tasks.bulk_complete(connection, actor, ticked, "approve", {})
    office.house.commands.run_all(command)
    ended = office.rows(
        select(ProcessInstance.definition_id, ProcessInstance.stage, func.count()).group_by(ProcessInstance.definition_id, ProcessInstance.stage)
    )
    assert sorted(tuple(row) for row in ended) == [(old, "approved", 300), (new, "approved", 1)]


def test_ac_73_a_diagram_without_the_four_eyes_rule_is_not_published(office):
    diagram = FILES[DIAGRAM].decode()
    rule = '<camunda:property name="separate_from" value="submit_declaration,correct_declaration" />'
    assert rule in diagram
    browser = office.browser("liuchengguanli")
    weaker = rule.replace(",correct_declaration", "")
    for replacement in ("", weaker):
        refused = browser.post(f"/processes/{PROCESS}/deploy/{DIAGRAM}", data=diagram.replace(rule, replacement).encode())
        assert refused.status_code == 422
        assert "须为不同人员" in refused.get_data(as_text=True) or any(
            "须为不同人员" in found["reason"] for found in refused.get_json()["findings"]
        )
    with pytest.raises(DeploymentRefused), office.house.store.transaction() as connection:
        office.house.definitions.deploy(connection, {**FILES, DIAGRAM: diagram.replace(rule, "").encode()}, None)
    with office.house.store.read() as connection:
        assert office.house.definitions.current(connection, PROCESS).version == 1


# AC-74


def test_ac_74_a_limit_that_reaches_into_a_year_without_a_table_raises_an_alarm_and_guesses_nothing(office):
    diagram = FILES[DIAGRAM].decode().replace("working days after(returned.at, 5)", "working days after(returned.at, 20)")
    with office.house.store.transaction() as connection:
        office.house.definitions.deploy(connection, {**FILES, DIAGRAM: diagram.encode()}, None)
        office.house.calendar.set_deadline(
            connection, "14", "2026", "acceptance_window_end", shanghai("2026-12-31T23:59:59"), "受理期延长到年底", None
        )
    office.advance("2026-12-10T09:00")
    office.start("gaojingban", "K1")
    office.declare("K1", TEXTS["k1"])
    before = office.case("K1")
    with pytest.raises(CalendarMissing, match="2027 年的工作日历尚未录入"):
        office.complete("gaojingban", "K1", "return", TOO_SHORT)
    after = office.case("K1")
    assert (after.stage, after.revision, after.round) == ("submitted", before.revision, 1)
    (alarm,) = office.rows(select(Incident.kind, Incident.message, Incident.resolved_at))
    assert (alarm.kind, alarm.resolved_at) == ("calendar_missing", None)
    with pytest.raises(CalendarMissing):
        office.complete("gaojingban", "K1", "return", TOO_SHORT)
    assert len(office.rows(select(Incident.id))) == 1
    for supervisor in ("tangshengban", "zhouzhuren"):
        assert "2027 年的工作日历尚未录入" in office.browser(supervisor).get("/supervisor").get_data(as_text=True)
    with office.house.store.transaction() as connection:
        office.house.calendar.import_notice(connection, notice_2027(), None)
    assert office.rows(select(Incident.resolved_at))[0][0] is not None
    office.complete("gaojingban", "K1", "return", TOO_SHORT)
    assert office.seat("K1").due_at.isoformat() == "2027-01-08T15:59:59+00:00"
    assert "没有异常" in office.browser("tangshengban").get("/supervisor").get_data(as_text=True)


def notice_2027():
    """An invented notice: New Year's Day alone."""
    notice = read_notice("国务院办公厅关于2027年部分节假日安排的通知\n一、元旦：1月1日（周五）放假，共1天。", 2027)
    assert date(2027, 1, 1) in {day.day for day in notice.days}
    return notice


def test_ac_74_the_supervisors_page_works_in_a_year_without_a_table(office):
    office.start("gaojingban", "K1")
    office.clock.set(office.clock.now() + timedelta(days=300))
    assert office.browser("tangshengban").get("/supervisor").status_code == 200


def test_a_second_class_reminder_is_a_conflict_at_the_service_too(stage, tmp_path):
    enter(stage, 3, folder=tmp_path)
    with stage.house.store.transaction() as connection:
        actor = stage.cast.actor(connection, "xiaobanzhang")
        assert stage.house.lists.classes.remind(connection, actor, PROCESS, "U1401-CS-2301") == 3
        with pytest.raises(Conflict):
            stage.house.lists.classes.remind(connection, actor, PROCESS, "U1401-CS-2301")
