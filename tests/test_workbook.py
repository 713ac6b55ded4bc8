"""Sheets come in as they are, with addresses; broken or huge ones are refused in words; nothing goes out as a formula."""

import io
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from workflows.errors import Rejection
from workflows.workbook import SheetColumn, cell_address, read_rows, write_error_sheet, write_template, write_workbook


def xlsx(*rows: tuple[Any, ...], merge: str = "", at: tuple[int, int] = (0, 0), first_hidden: bool = False) -> bytes:
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as book:
        if first_hidden:
            book.add_worksheet("字典").write(0, 0, "x")
        sheet = book.add_worksheet("名单")
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        for number, row in enumerate(rows, at[0]):
            for position, value in enumerate(row, at[1]):
                if isinstance(value, date):
                    sheet.write_datetime(number, position, datetime(value.year, value.month, value.day), day)
                elif value is not None:
                    sheet.write(number, position, value)
        if merge:
            sheet.merge_range(merge, rows[0][0] if merge.startswith("A1") else "合并")
        if first_hidden:
            sheet.activate()
            book.worksheets()[0].hide()
    return buffer.getvalue()


def part(data: bytes, name: str) -> str:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.read(name).decode()


def repacked(data: bytes, name: str, change: Any) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as archive, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as copy:
        for entry in archive.namelist():
            copy.writestr(entry, change(archive.read(entry)) if entry == name else archive.read(entry))
    return buffer.getvalue()


SHEET1 = "xl/worksheets/sheet1.xml"


@pytest.mark.parametrize(("row", "column", "address"), [(1, 1, "A1"), (7, 26, "Z7"), (7, 27, "AA7"), (9, 702, "ZZ9"), (10, 703, "AAA10")])
def test_cells_are_named_as_the_spreadsheet_names_them(row: int, column: int, address: str):
    assert cell_address(row, column) == address


def test_rows_keep_numbers_and_types_and_empty_rows_are_left_out():
    data = xlsx(("姓名", "学号", "毕业", "金额"), ("张测一", "0012", date(2027, 6, 30), 8000.5), (None, "  "), ("李样二", None, None, 3))
    sheet = read_rows(data, "名单.xlsx")
    assert sheet.header == ["姓名", "学号", "毕业", "金额"] and sheet.name == "名单"
    assert [(row.number, row.cells) for row in sheet.rows] == [
        (2, ["张测一", "0012", date(2027, 6, 30), 8000.5]), (4, ["李样二", None, None, 3.0]),
    ]


def test_an_id_number_that_became_a_number_is_still_seen_as_one():
    sheet = read_rows(xlsx(("姓名", "身份证号"), ("张测一", 149999200311059015)), "a.xlsx")
    assert isinstance(sheet.rows[0].cells[1], float)


def test_a_title_above_the_headings_is_skipped():
    data = xlsx(("2026 年借款学生名单",), (None,), ("姓名", "身份证号", "学号"), ("张测一", "x", "1"))
    sheet = read_rows(data, "a.xlsx")
    assert (sheet.header_row, sheet.header, sheet.rows[0].number) == (3, ["姓名", "身份证号", "学号"], 4)


def test_expected_headings_win_over_a_row_that_only_looks_like_headings():
    data = xlsx(("单位", "甲省示例大学", "2026"), ("姓 名", "学号"), ("张测一", "1"))
    assert read_rows(data, "a.xlsx", expected=["姓 名", "学号"]).header_row == 2


def test_a_sheet_that_starts_at_column_c_keeps_its_addresses():
    sheet = read_rows(xlsx(("姓名", "学号"), ("张测一", "1"), at=(4, 2)), "a.xlsx")
    assert sheet.header == ["", "", "姓名", "学号"] and sheet.rows[0].number == 6
    assert sheet.rows[0].cells[2] == "张测一" and cell_address(6, 3) == "C6"


def test_merged_cells_count_for_every_row_they_cover():
    data = xlsx(("班级", "姓名"), (None, "张测一"), (None, "李样二"), ("二班", "王例三"), merge="A2:A3")
    assert [row.cells for row in read_rows(data, "a.xlsx").rows] == [["合并", "张测一"], ["合并", "李样二"], ["二班", "王例三"]]


def test_a_merged_title_does_not_become_the_heading():
    data = xlsx(("名单", None, None), ("班级", "姓名", "学号"), ("1", "张测一", "2"), merge="A1:C1")
    assert read_rows(data, "a.xlsx").header == ["班级", "姓名", "学号"]


def test_the_first_visible_sheet_is_read():
    assert read_rows(xlsx(("姓名", "学号"), ("张测一", "1"), first_hidden=True), "a.xlsx").name == "名单"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_csv_is_read_in_the_encodings_of_the_office(encoding: str, delimiter: str):
    text = delimiter.join(["姓名", "学号"]) + "\r\n" + delimiter.join(['"张\n测一"', "001"]) + "\r\n\r\n" + delimiter.join(["李䶮", ""]) + "\r\n"
    sheet = read_rows(text.encode(encoding), "名单.csv")
    assert sheet.header == ["姓名", "学号"]
    assert [(row.number, row.cells) for row in sheet.rows] == [(2, ["张\n测一", "001"]), (4, ["李䶮", None])]


@pytest.mark.parametrize(("data", "words"), [
    (b"", "空"), (b"\n\n", "空"), (b"\xd0\xcf\x11\xe0rest", "旧版"), (b"PK\x03\x04broken", "损坏"), (b"\xff\x00\x81", "编码"), (b"a,b\x00,c\n1,2", "损坏"),
])
def test_broken_files_are_refused_in_plain_words(data: bytes, words: str):
    with pytest.raises(Rejection, match=words) as refused:
        read_rows(data, "a.csv")
    assert refused.value.status == 422 and refused.value.en


def test_a_torn_or_foreign_workbook_is_refused():
    good = xlsx(("姓名", "学号"), ("张测一", "1"))
    for data in (good[: len(good) // 2], repacked(good, SHEET1, lambda xml: xml[:200]), repacked(good, "xl/workbook.xml", lambda _: b"<x/>")):
        with pytest.raises(Rejection):
            read_rows(data, "a.xlsx")
    with pytest.raises(Rejection, match="损坏"):
        read_rows(b"not a workbook", "a.xlsx")


def test_limits_on_rows_and_columns_are_told():
    with pytest.raises(Rejection, match="超过 2 行"):
        read_rows(xlsx(("a", "b"), *((str(n), "x") for n in range(3))), "a.xlsx", maximum_rows=2)
    with pytest.raises(Rejection, match="最多 200 列"):
        read_rows((",".join(f"c{n}" for n in range(201)) + "\n").encode(), "a.csv")


@pytest.mark.parametrize("place", [b"XFD1048576", b"ZZ299999", b"B9999999"])
def test_a_far_cell_cannot_make_the_reader_fill_the_memory(place: bytes):
    good = xlsx(("姓名", "学号"), ("张测一", "1"))
    with pytest.raises(Rejection, match="离数据太远"):
        read_rows(repacked(good, SHEET1, lambda xml: xml.replace(b'r="B2"', b'r="' + place + b'"')), "a.xlsx")


def test_a_wide_but_short_sheet_is_read():
    assert len(read_rows(xlsx(tuple(f"列{n}" for n in range(150)), tuple("x" for _ in range(150))), "a.xlsx").header) == 150


@pytest.mark.parametrize("text", ["=1+1", "+86", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "=HYPERLINK(\"http://x\")", "＝1", "{=1}", "http://x", "123"])
def test_no_text_is_ever_written_as_formula_link_or_number(text: str):
    data = write_workbook([SheetColumn("甲")], [[text]], "表")
    xml = part(data, SHEET1)
    assert "<f>" not in xml and "<hyperlink" not in xml.lower()
    assert read_rows(data, "a.xlsx").rows[0].cells[0] == text
    if text[0] in "=+-@\t":
        quoted = [style for style in part(data, "xl/styles.xml").split("<cellXfs")[1].split("<xf ") if 'quotePrefix="1"' in style]
        assert len(quoted) == 1


def test_identifiers_keep_every_digit_and_other_values_their_type():
    columns = [SheetColumn("身份证号", "identifier"), SheetColumn("金额", "number"), SheetColumn("日期", "date"), SheetColumn("时间", "datetime"), SheetColumn("是否")]
    moment = datetime(2026, 7, 10, 15, 59, 59, tzinfo=UTC)
    sheet = read_rows(write_workbook(columns, [["149999200311059015", Decimal("8000.5"), date(2026, 7, 10), moment, True], [149999200311059015]], "表"), "a.xlsx")
    assert sheet.rows[0].cells == ["149999200311059015", 8000.5, date(2026, 7, 10), datetime(2026, 7, 10, 23, 59, 59), "是"]
    assert sheet.rows[1].cells[0] == "149999200311059015"
    big = read_rows(write_workbook([SheetColumn("a", "number"), SheetColumn("b")], [[10**17, "x"]], "表"), "a.xlsx")
    assert big.rows[0].cells[0] == str(10**17)


def test_the_heading_stays_in_sight_and_the_same_rows_give_the_same_bytes():
    data = write_workbook([SheetColumn("姓名"), SheetColumn("学号", "identifier")], [["张测一", "1"]], "名单：[2026]/*?")
    assert 'state="frozen"' in part(data, SHEET1) and "autoFilter" in part(data, SHEET1)
    assert 'name="名单：-2026----"' in part(data, "xl/workbook.xml")
    assert data == write_workbook([SheetColumn("姓名"), SheetColumn("学号", "identifier")], [["张测一", "1"]], "名单：[2026]/*?")


def test_a_template_explains_itself_and_can_be_read_back():
    columns = [
        SheetColumn("姓名", required=True, help="与身份证一致", example="张测一"), SheetColumn("身份证号", "identifier", required=True),
        SheetColumn("在读", choices=("是", "否")),
    ]
    data = write_template(columns, "导入模板", ["请勿修改表头。"])
    assert "dataValidation" in part(data, SHEET1) and '"是,否"' in part(data, SHEET1)
    assert "填写说明" in part(data, "xl/workbook.xml")
    assert "与身份证一致" in part(data, "xl/worksheets/sheet2.xml")
    sheet = read_rows(data, "模板.xlsx")
    assert sheet.header == ["姓名*", "身份证号*", "在读"] and sheet.rows == []


def test_the_error_sheet_shows_the_row_as_it_was_and_names_the_cell():
    data = write_error_sheet(["姓名", "身份证号"], [(7, ["张测一", "149999200311059016"], ["B7：校验码错误", "A7：x"]), (9, ["=cmd"], ["B9：不能为空"])])
    sheet = read_rows(data, "错误.xlsx")
    assert sheet.header == ["姓名", "身份证号", "错误", "原行号"]
    assert sheet.rows[0].cells == ["张测一", "149999200311059016", "B7：校验码错误；A7：x", 7.0]
    assert sheet.rows[1].cells[0] == "=cmd" and "<f>" not in part(data, SHEET1)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.none() | st.text(max_size=8) | st.integers() | st.floats() | st.booleans() | st.dates(date(1900, 3, 1)), max_size=4), max_size=5))
def test_whatever_is_exported_can_be_opened_again(rows: list[list[Any]]):
    data = write_workbook([SheetColumn("a"), SheetColumn("b", "number"), SheetColumn("c", "identifier"), SheetColumn("d", "date")], rows, "x")
    assert read_rows(data, "a.xlsx").header == ["a", "b", "c", "d"]


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes):
    for name in ("a.csv", "a.xlsx"):
        try:
            sheet = read_rows(data, name)
        except Rejection:
            continue
        assert all(len(row.cells) == len(sheet.header) for row in sheet.rows)
