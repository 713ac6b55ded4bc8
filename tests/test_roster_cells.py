"""Cells of a cohort sheet: what people really type and what spreadsheets do to it."""

from datetime import date, datetime
from decimal import Decimal

import pytest

from tasks.roster.cells import CellRefused, read_cell, visible_text
from tasks.roster.columns import Column, read_roster
from tasks.roster.mapping import check_mapping, header_digest, match, missing, plain_heading
from workflows.errors import Rejection

K2 = "429999200402199221"
MOTHER = "42999919750318928X"


def column(kind, **settings):
    return Column("c", "列", "column", kind, **settings)


def refused(kind, cell, **settings):
    with pytest.raises(CellRefused) as caught:
        read_cell(column(kind, **settings), cell)
    return caught.value.words


@pytest.mark.parametrize("typed", [K2, f" {K2} ", f"{K2}\u200b", f"\ufeff{K2}\u00a0", "４２９９９９２００４０２１９９２２１", f"'{K2}", "429999 20040219 9221"])
def test_an_id_number_is_read_through_blanks_hidden_signs_and_wide_digits(typed):
    assert read_cell(column("id_number"), typed) == K2


def test_a_lower_case_x_is_the_same_id_number():
    assert read_cell(column("id_number"), MOTHER.lower()) == MOTHER


def test_a_wrong_check_digit_is_named():
    assert refused("id_number", "149999200311059016")["zh"] == "校验码错误"


@pytest.mark.parametrize("cell", [4.29999200402199e17, 429999200402199221, "4.29999E+17", "4.29999200402199e17"])
def test_an_id_number_that_the_spreadsheet_made_a_number_is_not_guessed(cell):
    assert refused("id_number", cell)["zh"] == "该单元格是数字，请设为文本"


@pytest.mark.parametrize("cell", ["42999920040219922", "429999200402309221", "4299992004021992A1", "无"])
def test_other_broken_id_numbers_are_refused_with_a_reason(cell):
    assert refused("id_number", cell)["zh"]


def test_an_empty_cell_is_nothing_unless_required():
    assert read_cell(column("id_number"), " \u200b") is None
    assert refused("id_number", None, required=True)["zh"] == "不能为空"


@pytest.mark.parametrize(("cell", "read"), [
    ("2027-06-30", date(2027, 6, 30)), ("2027/6/3", date(2027, 6, 3)), ("2027.06.30", date(2027, 6, 30)), ("20270630", date(2027, 6, 30)),
    ("2027年6月30日", date(2027, 6, 30)), ("2027年6月", date(2027, 6, 1)), ("2027-06", date(2027, 6, 1)), (20270630.0, date(2027, 6, 30)),
    (datetime(2027, 6, 30), date(2027, 6, 30)), (date(2027, 6, 30), date(2027, 6, 30)), (46568.0, date(2027, 6, 30)),
    ("2027-06-30 00:00:00", date(2027, 6, 30)),
])
def test_dates_are_read_in_every_common_way_of_writing(cell, read):
    assert read_cell(column("date"), cell) == read


@pytest.mark.parametrize("cell", ["2027-13-01", "2027-02-30", "明年", 5.0, "06/30/2027"])
def test_a_date_that_is_none_is_refused(cell):
    assert refused("date", cell)["en"]


@pytest.mark.parametrize("cell", ["13800000001", "138 0000 0001", "138-0000-0001", "+8613800000001", 13800000001.0, 13800000001])
def test_a_mobile_number_may_be_text_or_number(cell):
    assert read_cell(column("mobile"), cell) == "13800000001"


@pytest.mark.parametrize("cell", ["12800000001", "1380000000", "电话"])
def test_a_wrong_mobile_number_is_refused(cell):
    assert "11 位" in refused("mobile", cell)["zh"]


def test_a_student_number_typed_as_number_keeps_its_digits():
    assert read_cell(column("text"), 2023010203.0) == "2023010203"


def test_a_text_of_too_many_digits_or_signs_is_refused():
    assert refused("text", 1.2345678901234567e17)["zh"] == "该单元格是数字，请设为文本"
    assert "200" in refused("text", "长" * 201)["zh"]


def test_contract_numbers_are_split_and_kept_once():
    assert read_cell(column("list"), "HT001；HT002, HT001、HT003") == ["HT001", "HT002", "HT003"]


@pytest.mark.parametrize(("cell", "read"), [("是", True), ("否", False), (True, True), (1.0, True), ("N", False), ("√", True)])
def test_yes_and_no_are_read(cell, read):
    assert read_cell(column("boolean"), cell) is read


def test_numbers_keep_their_decimals():
    assert read_cell(column("number"), "12,000.50") == Decimal("12000.50")
    assert refused("number", "一万")["zh"]


def test_a_name_is_letters_without_padding():
    assert read_cell(column("name"), "张　测") == "张测"
    assert read_cell(column("name"), "阿·测") == "阿·测"
    assert read_cell(column("name"), "Ada  Test") == "Ada Test"
    assert "数字" in refused("name", "13800000001")["zh"]


def test_visible_text_drops_what_nobody_sees():
    assert visible_text("\u200e U1401\u00ad\r\n") == "U1401"


ROSTER = {
    "columns": [
        {"key": "name", "zh": "姓名", "en": "Name", "type": "name", "required": True, "aliases": ["学生姓名"]},
        {"key": "id_number", "zh": "身份证号", "en": "ID number", "type": "id_number", "required": True, "aliases": ["公民身份号码"]},
    ],
    "person": {"id_number": "id_number", "name": "name"},
}


def test_headings_are_recognised_by_name_alias_and_without_remarks():
    roster = read_roster("p", ROSTER)
    assert match(roster, ["*学生姓名", "身份证号（必填）", "备注", None]) == {"name": 0, "id_number": 1}
    assert match(roster, ["ID Number", "name"]) == {"id_number": 0, "name": 1}
    assert plain_heading(" 身 份\u200b证号： ") == "身份证号"


def test_a_missing_required_column_is_named():
    roster = read_roster("p", ROSTER)
    assert missing(roster, {"name": 0}) == ["id_number"]
    with pytest.raises(Rejection, match="身份证号") as caught:
        check_mapping(roster, ["姓名"], {"name": 0})
    assert caught.value.detail == {"missing": ["id_number"]}


def test_one_column_cannot_have_two_meanings():
    with pytest.raises(Rejection, match="两次"):
        check_mapping(read_roster("p", ROSTER), ["姓名"], {"name": 0, "id_number": 0})


def test_the_same_headings_have_the_same_digest():
    assert header_digest(["姓名 ", "身份证号"]) == header_digest(["姓名", "身份证号"]) != header_digest(["身份证号", "姓名"])


def test_a_roster_with_an_unknown_type_is_refused_with_the_column_named():
    with pytest.raises(Rejection, match="x"):
        read_roster("p", {"columns": [{"key": "x", "type": "colour"}]})
