"""The renewal declaration audit's own roster: AC-17 and AC-19 as its offices import it."""

from io import BytesIO

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import select

from tasks.lists.queries import Filters
from tasks.models import CaseItem, CaseParty, ScheduleMark, Seat
from tests.roster_process import id_number, sheet
from workflows.errors import InvalidForm
from workflows.models import ProcessInstance, Wait

K2 = "429999200402199221"
MOTHER = "42999919750318928X"
PROCESS = "renewal_declaration_audit"
HEADER = ["姓名", "身份证号", "学号", "高校代码", "院系代码", "班级代码", "生源地县级中心代码", "手机号码", "合同编号", "共同借款人姓名", "共同借款人身份证号"]


def line(name, number, university="U1401", contracts="", co_name="", co_id=""):
    return [name, number, "20230102", university, "", "U1401-CS-2301" if university == "U1401" else "", "C429999", "13800000002", contracts, co_name, co_id]


def run(house, cast, login, rows):
    with house.store.read() as connection:
        who = cast.actor(connection, login)
        prepared = house.rosters.rosters.read(connection, who, PROCESS, "名单.xlsx", sheet(rows, HEADER))
    with house.store.transaction() as connection:
        command_id = house.rosters.rosters.keep(connection, who, prepared)
        house.rosters.rosters.confirm(connection, who, command_id)
    house.commands.run_all(command_id)
    with house.store.read() as connection:
        return house.rosters.imports.load(connection, who, command_id).result


AC_17 = [
    line("李样二", K2, contracts="42999920250001"), line("李样二", f"{K2} ", contracts="42999920250002"),
    line("李样二", K2, contracts="42999920250001", co_name="李母乙", co_id=MOTHER.lower()),
    line("张测一", "149999200311059016"),
]


def test_ac_17_one_case_two_merged_one_rejected_and_the_second_time_none(house, cast, renewal):
    assert run(house, cast, "gaojingban", AC_17) == {"created": 1, "merged": 2, "unchanged": 0, "rejected": 1, "warnings": 0}
    assert run(house, cast, "gaojingban", AC_17)["created"] == 0
    with house.store.read() as connection:
        case = connection.execute(select(ProcessInstance.__table__)).one()
        contracts = connection.execute(select(CaseItem.value).order_by(CaseItem.value)).scalars().all()
        parties = {row.kind: row.organisation_code for row in connection.execute(select(CaseParty.kind, CaseParty.organisation_code))}
    assert (case.subject, case.stage, case.cycle, case.number) == ("李样二", "draft", "2026", None)
    assert contracts == ["42999920250001", "42999920250002"]
    assert parties == {"university": "U1401", "faculty": "U1401-CS", "class": "U1401-CS-2301", "origin_county": "C429999"}


def test_ac_19_a_county_brings_in_a_student_of_an_unregistered_university(house, cast, renewal):
    assert run(house, cast, "gaojingban", [line("李样二", K2, "U7777")])["rejected"] == 1
    result = run(house, cast, "dengjingban", [line("李样二", K2, "U7777")])
    assert (result["created"], result["warnings"]) == (1, 1)


def test_a_county_imports_its_own_students_of_every_university(house, cast, renewal):
    rows = [line("甲某", id_number(1), "U1401"), line("乙某", id_number(2), "U4201"), line("丙某", id_number(3), "U6199")]
    assert run(house, cast, "dengjingban", rows)["created"] == 3
    assert run(house, cast, "chenjingban", rows) == {"created": 0, "merged": 0, "unchanged": 0, "rejected": 3, "warnings": 0}


def test_two_offices_that_import_the_same_student_make_one_case(house, cast, renewal):
    run(house, cast, "gaojingban", [line("李样二", K2, contracts="A1")])
    assert run(house, cast, "dengjingban", [line("李样二", K2, contracts="A2")])["merged"] == 1


def test_the_not_yet_tree_of_a_county_stands_under_universities(house, cast, renewal):
    rows = [line("甲某", id_number(1), "U1401"), line("乙某", id_number(2), "U4201")]
    run(house, cast, "dengjingban", rows)
    with house.store.read() as connection:
        tree = house.lists.not_yet(connection, cast.actor(connection, "dengjingban"), PROCESS, Filters(cycle="2026"))
    assert {branch.code: branch.total for branch in tree} == {"": 1, "U1401": 1}


def test_every_list_and_the_export_can_be_written(house, cast, renewal):
    run(house, cast, "gaojingban", AC_17)
    with house.store.read() as connection:
        who = cast.actor(connection, "gaojingban")
        for name in ("not_yet", "audit", "returns", "expired", "export"):
            for language in ("zh-CN", "en"):
                data, rows = house.lists.spreadsheet(connection, who, PROCESS, name, Filters(cycle="2026"), language)
                table = CalamineWorkbook.from_filelike(BytesIO(data)).get_sheet_by_index(0).to_python()
                assert len(table) == rows + 1
        assert rows == 1


def test_a_walk_in_is_registered_by_the_county_for_its_own_county_only(house, cast, renewal):
    typed = {"name": "李样二", "id_number": K2, "student_number": "20230102", "university": "U4201", "origin_county": "C429999"}
    with house.store.transaction() as connection:
        with pytest.raises(InvalidForm) as caught:
            house.rosters.counter.register(connection, cast.actor(connection, "chenjingban"), PROCESS, typed)
        assert "origin_county" in caught.value.fields
        assert house.rosters.counter.register(connection, cast.actor(connection, "dengjingban"), PROCESS, typed).outcome == "done"


def test_a_class_that_a_later_sheet_names_sees_the_case_from_then_on(house, cast, renewal):
    row = line("乙某", id_number(5))
    run(house, cast, "gaojingban", [[*row[:4], "", "", *row[6:]]])
    assert run(house, cast, "gaojingban", [row])["merged"] == 1
    with house.store.read() as connection:
        parties = {found.kind: found.organisation_code for found in connection.execute(select(CaseParty.kind, CaseParty.organisation_code))}
        listed = house.lists.class_list(connection, cast.actor(connection, "xiaobanzhang"))
    assert parties["class"] == "U1401-CS-2301"
    assert listed[0].missing == ["乙某"]


def test_students_of_different_classes_and_counties_keep_their_own_reminders(house, cast, renewal):
    """Settings that read equal values are evaluated once per chunk; this pins that unequal ones are not shared."""
    rows = []
    for serial, (class_, county) in enumerate([("U1401-CS-2301", "C429999"), ("U1401-CS-2302", "C429999"), ("U1401-CS-2301", "C149999")] * 2):
        rows.append([f"某{'甲乙丙丁戊己'[serial]}", id_number(serial), "1", "U1401", "", class_, county, "", "", "", ""])
    run(house, cast, "gaojingban", rows)
    together = reminders(house)
    one_by_one = {}
    for serial, one in enumerate(rows):
        run(house, cast, "gaojingban", [[one[0], id_number(100 + serial), *one[2:]]])
    for (name, due, marks) in list(reminders(house))[len(rows):]:
        one_by_one[name] = (due, marks)
    assert {name: (due, marks) for name, due, marks in together} == one_by_one
    assert len({str(marks) for _name, _due, marks in together}) >= 2


def reminders(house):
    with house.store.read() as connection:
        seats = connection.execute(
            select(ProcessInstance.subject, Seat.due_at, Seat.schedule_id).join(Seat, Seat.instance_id == ProcessInstance.id).order_by(Seat.id)
        ).all()
        return [
            (seat.subject, seat.due_at, [
                (mark.at, mark.kind, mark.argument) for mark in connection.execute(
                    select(ScheduleMark.at, ScheduleMark.kind, ScheduleMark.argument).where(ScheduleMark.schedule_id == seat.schedule_id)
                    .order_by(ScheduleMark.at, ScheduleMark.id)
                )
            ]) for seat in seats
        ]


def test_other_systems_know_a_borrower_by_a_key_that_tells_nothing_of_him(house, cast, renewal):
    run(house, cast, "gaojingban", [line("李样二", K2)])
    run(house, cast, "dengjingban", [line("李样二", K2, contracts="A2")])
    with house.store.read() as connection:
        case = connection.execute(select(ProcessInstance.__table__)).one()
        keys = set(connection.execute(select(Wait.correlation_key).where(Wait.kind == "message")).scalars())
    key = case.variables["case"]["borrower_key"]
    assert key == house.personal_data.blind_index(K2).hex()
    assert keys == {f"{key}|2026"}
    assert case.business_key == f"{key}|2026"
    assert case.variables["case"]["contracts"] == ["A2"]
