"""Lists people work down: who has not declared, the class representative's names, exports that cannot bite."""

import zipfile
from datetime import timedelta
from io import BytesIO

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import func, select

from tasks.lists.queries import Filters
from tasks.models import Notification, Person, Seat, SecurityLog
from tests.roster_process import FOLDER, PROCESS, id_number, row, sheet
from workflows.errors import Conflict, Forbidden, NotFound

CYCLE = Filters(cycle="2026")


def actor(house, cast, login):
    with house.store.read() as connection:
        return cast.actor(connection, login)


@pytest.fixture
def desk(house, cast):
    """AC-10: a class of 30 borrowers, 12 of whom have not declared; and two students of another class."""
    with house.store.transaction() as connection:
        house.definitions.deploy(connection, FOLDER, None)
    names = [f"学生{'甲乙丙丁戊己庚辛壬癸'[n % 10]}{'一二三'[n // 10]}" for n in range(30)]
    place = {"faculty": "U1401-CS", "county": "C149999"}
    rows = [
        row(name, id_number(n), student_number=f"2023{n:04d}", mobile=f"1380000{n:04d}", class_="U1401-CS-2301", contracts=f"HT{n}", **place)
        for n, name in enumerate(names)
    ]
    rows += [row("外班某", id_number(100 + n), class_="U1401-CS-2302", **place) for n in range(2)]
    import_rows(house, cast, rows)
    declare(house, 18)
    return house


def import_rows(house, cast, rows):
    who = actor(house, cast, "gaojingban")
    with house.store.read() as connection:
        prepared = house.rosters.rosters.read(connection, who, PROCESS, "名单.xlsx", sheet(rows))
    with house.store.transaction() as connection:
        command_id = house.rosters.rosters.keep(connection, who, prepared)
        house.rosters.rosters.confirm(connection, who, command_id)
    house.commands.run_all(command_id)


def declare(house, count):
    with house.store.transaction() as connection:
        waiting = connection.execute(
            select(Seat.id, Seat.instance_id).where(Seat.node_id == "declare", Seat.status == "open").order_by(Seat.instance_id).limit(count)
        ).all()
        for seat in waiting:
            case = house.engine.load(connection, seat.instance_id)
            student = house.people.actor(connection, case.subject_person)
            house.tasks.complete(connection, student, seat.id, {}, "submit")


def test_a_class_representative_sees_twelve_names_and_nothing_else(desk, cast):
    with desk.store.read() as connection:
        listed = desk.lists.class_list(connection, cast.actor(connection, "xiaobanzhang"))
    assert len(listed) == 1
    assert (len(listed[0].missing), len(listed[0].done), listed[0].total) == (12, 18, 30)
    shown = repr(listed[0])
    assert "外班某" not in shown and "1499" not in shown and "138" not in shown and "HT" not in shown


def test_the_class_is_reminded_once_a_day_and_only_those_who_are_missing(desk, cast):
    rep = actor(desk, cast, "xiaobanzhang")

    def remind():
        with desk.store.transaction() as connection:
            return desk.lists.classes.remind(connection, rep, PROCESS, "U1401-CS-2301")

    assert remind() == 12
    with pytest.raises(Conflict, match="每天最多一次"):
        remind()
    with desk.store.read() as connection:
        told = connection.execute(select(Notification.candidate, Notification.text)).all()
    assert len(told) == 13  # twelve and the representative's own receipt
    assert not any("1499" in str(line.text) for line in told)
    desk.clock.advance(timedelta(days=1))
    assert remind() == 12


def test_a_representative_reminds_no_other_class_and_others_have_no_class_list(desk, cast):
    with desk.store.transaction() as connection:
        with pytest.raises(NotFound):
            desk.lists.classes.remind(connection, cast.actor(connection, "xiaobanzhang"), PROCESS, "U1401-CS-2302")
        with pytest.raises(Forbidden):
            desk.lists.class_list(connection, cast.actor(connection, "guoshenpi"))


def test_a_representative_sees_no_case_through_the_other_lists(desk, cast):
    with desk.store.read() as connection:
        page = desk.lists.page(connection, cast.actor(connection, "xiaobanzhang"), PROCESS, "export", CYCLE)
    assert page.rows == []


def test_the_not_yet_tree_counts_by_university_faculty_and_class(desk, cast):
    with desk.store.read() as connection:
        tree = desk.lists.not_yet(connection, cast.actor(connection, "gaojingban"), PROCESS, CYCLE)
    university = tree[0]
    faculty = university.children[0]
    assert [(one.code, one.total, one.not_yet) for one in (university, faculty, *faculty.children)] == [
        ("U1401", 32, 14), ("U1401-CS", 32, 14), ("U1401-CS-2301", 30, 12), ("U1401-CS-2302", 2, 2),
    ]
    assert (faculty.children[0].percent, faculty.name) == (60, "计算机学院")


def test_the_not_yet_list_of_a_class_names_its_students_masked(desk, cast):
    with desk.store.read() as connection:
        who = cast.actor(connection, "hefudao")
        page = desk.lists.page(connection, who, PROCESS, "not_yet", Filters(cycle="2026", organisation="U1401-CS-2301"))
    assert len(page.rows) == 12
    assert all("138****" in " ".join(cells) for _id, cells in page.rows)


def test_lists_show_only_what_the_asker_may_see(desk, cast):
    with desk.store.read() as connection:
        mine = desk.lists.page(connection, cast.actor(connection, "chenjingban"), PROCESS, "export", CYCLE)
        strangers = desk.lists.page(connection, cast.actor(connection, "dengjingban"), PROCESS, "export", CYCLE)
    assert (len(mine.rows), len(strangers.rows)) == (32, 0)


def test_the_audit_list_holds_what_waits_for_the_audit(desk, cast):
    with desk.store.read() as connection:
        who = cast.actor(connection, "songxueyuan")
        page = desk.lists.page(connection, who, PROCESS, "audit", CYCLE)
        by_stage = desk.lists.page(connection, who, PROCESS, "export", Filters(cycle="2026", stage="draft"))
    assert (len(page.rows), len(by_stage.rows)) == (18, 14)


def test_pages_follow_each_other_without_gap_or_repeat(desk, cast):
    with desk.store.read() as connection:
        who = cast.actor(connection, "gaojingban")
        seen, after = [], 0
        while after is not None:
            page = desk.lists.page(connection, who, PROCESS, "export", CYCLE, after=after, size=10)
            seen += [instance_id for instance_id, _cells in page.rows]
            after = page.next
    assert len(seen) == len(set(seen)) == 32


def test_the_export_is_masked_and_carries_student_and_contract_numbers(desk, cast):
    with desk.store.read() as connection:
        data, rows = desk.lists.spreadsheet(connection, cast.actor(connection, "gaojingban"), PROCESS, "export", CYCLE)
    table = CalamineWorkbook.from_filelike(BytesIO(data)).get_sheet_by_index(0).to_python()
    assert rows == 32 and len(table) == 33
    assert table[0] == ["编号", "姓名", "身份证号", "学号", "合同号", "高校", "毕业", "状态"]
    first = dict(zip(table[0], table[1], strict=True))
    assert (first["学号"], first["合同号"], first["高校"], first["状态"]) == ("20230000", "HT0", "甲省示例大学", "已提交")
    assert first["身份证号"] == id_number(0)[:4] + "**********" + id_number(0)[-4:]


def test_an_export_leaves_a_line_in_the_security_log(desk, cast):
    with desk.store.transaction() as connection:
        who = cast.actor(connection, "gaojingban")
        desk.lists.note_export(connection, who, PROCESS, "export", CYCLE, 32, "127.0.0.1")
    with desk.store.read() as connection:
        line = connection.execute(select(SecurityLog.__table__).where(SecurityLog.kind == "export")).one()
    assert (line.person_id, line.detail["rows"], line.detail["filters"]) == (who.person_id, 32, {"cycle": "2026"})
    assert "person.id_number" in line.detail["fields"]


def test_a_value_that_looks_like_a_formula_stays_text_in_the_export(house, cast):
    with house.store.transaction() as connection:
        house.definitions.deploy(connection, FOLDER, None)
    import_rows(house, cast, [row("学生甲", id_number(1), student_number="=HYPERLINK(\"http://example.org\")", contracts="@SUM(A1)")])
    with house.store.read() as connection:
        data, _rows = house.lists.spreadsheet(connection, cast.actor(connection, "gaojingban"), PROCESS, "export", CYCLE)
        assert connection.execute(select(func.count()).select_from(Person).where(Person.student_number.startswith("="))).scalar_one() == 1
    table = CalamineWorkbook.from_filelike(BytesIO(data)).get_sheet_by_index(0).to_python()
    assert table[1][3] == "=HYPERLINK(\"http://example.org\")"
    assert b"<f>" not in b"".join(_parts(data))


def _parts(data):
    with zipfile.ZipFile(BytesIO(data)) as archive:
        return [archive.read(name) for name in archive.namelist() if name.endswith(".xml")]
