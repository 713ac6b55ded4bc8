"""Whole cohort sheets: good rows go on, wrong ones are named by cell, rows about one person become one."""

from datetime import date
from io import BytesIO

import pytest
import xlsxwriter
from sqlalchemy import insert

from tasks.models import Organisation
from tasks.roster.checks import Asker, check_rows
from tasks.roster.columns import read_roster
from tasks.roster.mapping import match
from tests import databases
from workflows.errors import Rejection
from workflows.store import Store
from workflows.workbook import read_rows

K1, K2 = "149999200311059015", "429999200402199221"
MOTHER = "42999919750318928X"
ROSTER = read_roster("p", {
    "columns": [
        {"key": "name", "zh": "姓名", "type": "name", "required": True},
        {"key": "id_number", "zh": "身份证号", "type": "id_number", "required": True},
        {"key": "university", "zh": "高校代码", "type": "organisation", "required": True, "kinds": ["university", "campus"]},
        {"key": "faculty", "zh": "院系代码", "type": "organisation", "inside": "university", "unknown": "warning"},
        {"key": "county", "zh": "生源县代码", "type": "organisation", "kinds": ["county"]},
        {"key": "mobile", "zh": "手机号", "type": "mobile"},
        {"key": "graduation", "zh": "预计毕业日期", "type": "date"},
        {"key": "contracts", "zh": "合同号", "type": "list"},
        {"key": "co_id", "zh": "共同借款人身份证号", "type": "id_number"},
    ],
    "person": {"id_number": "id_number", "name": "name", "mobile": "mobile"},
    "importers": [
        {"role": "univ_clerk", "own": "university", "unknown": "error"},
        {"role": "county_clerk", "own": "county", "unknown": {"university": "warning", "county": "error"}},
    ],
})
HEADER = [column.zh for column in ROSTER.columns]
UNIVERSITY = Asker(ROSTER.importer("univ_clerk"), "U1401")
COUNTY = Asker(ROSTER.importer("county_clerk"), "C429999")


@pytest.fixture
def connection(database):
    engine = databases.engine()
    places = [
        ("U1401", "甲省示例大学", "university", "/U1401/", True), ("U4201", "乙省样板师范大学", "university", "/U4201/", True),
        ("CS", "计算机学院", "faculty", "/U1401/CS/", True), ("C429999", "乙省样板县学生资助管理中心", "county", "/42/C429999/", True),
        ("U0000", "已撤销学院", "university", "/U0000/", False),
    ]
    with Store(engine).transaction() as opened:
        opened.execute(insert(Organisation), [
            {"code": code, "name": name, "kind": kind, "path": path, "active": active, "on_platform": True, "parent_id": None}
            for code, name, kind, path, active in places
        ])
        yield opened
    engine.dispose()


def xlsx(rows, header=HEADER, merge=None):
    buffer = BytesIO()
    with xlsxwriter.Workbook(buffer) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate([header, *rows]):
            for position, cell in enumerate(row):
                if isinstance(cell, date):
                    sheet.write_datetime(number, position, cell, book.add_format({"num_format": "yyyy-mm-dd"}))
                elif cell is not None:
                    sheet.write(number, position, cell)
        if merge:
            sheet.merge_range(*merge)
    return buffer.getvalue()


def check(connection, rows, asker=UNIVERSITY, header=HEADER, filename="名单.xlsx"):
    data = rows if isinstance(rows, bytes) else xlsx(rows, header)
    sheet = read_rows(data, filename, HEADER)
    return check_rows(connection, ROSTER, match(ROSTER, sheet.header), sheet.rows, asker)


def reasons(checked):
    return [(problem.address, problem.zh) for problem in checked.problems]


def test_a_good_row_is_understood(connection):
    checked = check(connection, [["李样二", K2, "U1401", "CS", "C429999", "13800000002", date(2027, 6, 30), "HT1；HT2", MOTHER.lower()]])
    assert reasons(checked) == []
    assert checked.good[0].values == {
        "name": "李样二", "id_number": K2, "university": "U1401", "faculty": "CS", "county": "C429999", "mobile": "13800000002",
        "graduation": date(2027, 6, 30), "contracts": ["HT1", "HT2"], "co_id": MOTHER,
    }


def test_an_organisation_may_be_named_in_full(connection):
    assert check(connection, [["李样二", K2, "甲省示例大学"]]).good[0].values["university"] == "U1401"


def test_rows_about_one_person_become_one_and_their_contracts_are_united(connection):
    checked = check(connection, [
        ["李样二", K2, "U1401", "", "", "", "", "HT1"], ["李样二", f"{K2} ", "U1401", "", "", "", "", "HT2"],
        ["李样二", f"\u200b{K2}", "U1401", "", "", "13800000002", "", "HT1", MOTHER.lower()],
    ])
    assert (len(checked.good), checked.merged, checked.good[0].also) == (1, 2, [3, 4])
    assert checked.good[0].values["contracts"] == ["HT1", "HT2"]
    assert checked.good[0].values["mobile"] == "13800000002"
    assert reasons(checked) == []


def test_where_rows_about_one_person_differ_the_first_stands_with_a_warning(connection):
    checked = check(connection, [["李样二", K2, "U1401"], ["李样贰", K2, "U1401"]])
    assert checked.good[0].values["name"] == "李样二"
    assert reasons(checked) == [("A3", "姓名：与第 2 行同一人但内容不同，以第 2 行为准")]


def test_a_wrong_row_is_named_by_cell_and_the_others_go_on(connection):
    checked = check(connection, [["张测一", "149999200311059016", "U1401"], ["李样二", K2, "U1401"]])
    assert reasons(checked) == [("B2", "身份证号：校验码错误")]
    assert [row.values["id_number"] for row in checked.good] == [K2]


def test_every_wrong_cell_of_a_row_is_named_at_once(connection):
    checked = check(connection, [["", K1, "U1401", "", "", "123", "明年"]])
    assert [address for address, _ in reasons(checked)] == ["A2", "F2", "G2"]


def test_an_id_number_stored_as_number_is_refused_with_the_cure(connection):
    checked = check(connection, [["李样二", 429999200402199221, "U1401"]])
    assert reasons(checked) == [("B2", "身份证号：该单元格是数字，请设为文本")]


def test_an_unknown_university_is_an_error_in_a_universitys_own_import(connection):
    checked = check(connection, [["李样二", K2, "U9999"]])
    assert reasons(checked) == [("C2", "高校代码：机构代码“U9999”未登记")]
    assert not checked.good


def test_an_unknown_university_is_taken_with_a_warning_from_a_county(connection):
    checked = check(connection, [["李样二", K2, "U9999", "", "C429999"]], COUNTY)
    assert [(problem.severity, problem.address) for problem in checked.problems] == [("warning", "C2")]
    assert checked.good[0].values["university"] == "U9999"


def test_a_closed_organisation_is_not_accepted(connection):
    assert reasons(check(connection, [["李样二", K2, "U0000"]])) == [("C2", "高校代码：机构“已撤销学院”已停用")]


def test_a_university_imports_its_own_students_only(connection):
    checked = check(connection, [["李样二", K2, "U4201"]])
    assert "不是您所在的单位" in checked.problems[0].zh
    assert not checked.good


def test_a_code_of_the_wrong_kind_is_refused(connection):
    assert "机构类型" in check(connection, [["李样二", K2, "U1401", "", "U1401"]]).problems[0].zh


def test_a_faculty_must_belong_to_the_rows_university(connection):
    checked = check(connection, [["李样二", K2, "U4201", "CS", "C429999"]], COUNTY)
    assert reasons(checked) == [("D2", "院系代码：“计算机学院”不属于“U4201”")]


def test_a_too_long_text_is_refused(connection):
    assert "200" in check(connection, [["李样二", K2, "U1401", "x" * 201]]).problems[0].zh


def test_a_csv_in_gb18030_is_read_like_a_sheet(connection):
    text = f"姓名,身份证号,高校代码,手机号\n李样二,{K2},U1401,13800000002\n"
    checked = check(connection, text.encode("gb18030"), filename="名单.csv")
    assert checked.good[0].values["name"] == "李样二"


def test_a_csv_saved_after_excel_destroyed_the_ids_is_refused_row_by_row(connection):
    text = "姓名,身份证号,高校代码\n李样二,4.29999E+17,U1401\n"
    assert reasons(check(connection, text.encode("utf-8-sig"), filename="名单.csv")) == [("B2", "身份证号：该单元格是数字，请设为文本")]


def test_a_formula_cell_counts_by_what_it_shows(connection):
    buffer = BytesIO()
    with xlsxwriter.Workbook(buffer) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, HEADER[:3])
        sheet.write_string(1, 0, "李样二")
        sheet.write_formula(1, 1, f'="{K2}"', value=K2)
        sheet.write_string(1, 2, "U1401")
    assert check(connection, buffer.getvalue()).good[0].values["id_number"] == K2


def test_a_title_above_the_headings_and_merged_cells_do_not_matter(connection):
    buffer = BytesIO()
    with xlsxwriter.Workbook(buffer) as book:
        sheet = book.add_worksheet()
        sheet.merge_range(0, 0, 0, 3, "2026 年借款学生名单")
        sheet.write_row(1, 0, HEADER[:4])
        sheet.write_row(2, 0, ["李样二", K2])
        sheet.write_row(3, 0, ["张测一", K1])
        sheet.merge_range(2, 2, 3, 2, "U1401")
    checked = check(connection, buffer.getvalue())
    assert [row.values["university"] for row in checked.good] == ["U1401", "U1401"]
    assert [row.number for row in checked.good] == [3, 4]


@pytest.mark.parametrize(("data", "filename"), [
    (b"", "a.xlsx"), (b"%PDF-1.7 nothing of a sheet", "a.xlsx"), (b"PK\x03\x04 broken", "a.xlsx"), (b"\xd0\xcf\x11\xe0 old", "a.xls"), (b"", "a.csv"),
])
def test_a_file_that_is_no_sheet_is_refused_in_words(connection, data, filename):
    with pytest.raises(Rejection) as caught:
        check(connection, data, filename=filename)
    assert caught.value.zh and caught.value.status == 422
