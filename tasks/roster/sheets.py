"""The sheets an import gives back: the blank template with its instructions, and the rejected rows with their reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tasks.roster.columns import Column, Roster
from tasks.roster.rows import unpack_cell
from workflows.workbook import SheetColumn, write_error_sheet, write_template

_KINDS = {"id_number": "identifier", "mobile": "identifier", "text": "identifier", "list": "identifier", "organisation": "identifier", "date": "date"}
_HELP = {
    "id_number": ("18 位，文本格式，末位 X 大小写均可", "18 characters as text; x or X"), "mobile": ("11 位手机号", "11 digits"),
    "date": ("如 2027-06-30", "such as 2027-06-30"), "list": ("多个用逗号或分号隔开", "several are separated by commas or semicolons"),
    "boolean": ("填“是”或“否”", "yes or no"), "organisation": ("机构代码或全称", "code or full name of the organisation"),
    "number": ("数字", "a number"),
}
_RULES = (
    ("一行一名学生；列的顺序可以改变，不需要的选填列可以删除。", "One student per row; columns may be moved, optional ones removed."),
    ("身份证号、学号、合同号须为文本格式；Excel 把长数字改成 4.3E+17 后无法恢复。", "Numbers such as ID numbers must be text: Excel destroys long numbers."),
    ("同一学生出现多行时自动合并；重复导入同一文件不会产生新的事项。", "Several rows about one student are merged; importing a file again creates nothing."),
    ("有错误的行不会导入，可下载错误表改正后再次导入。", "Rows with errors are left out; download them, correct them and import again."),
)


def template(roster: Roster, language: str) -> bytes:
    """The blank sheet of a process, with a second sheet that explains each column."""
    chinese = language.startswith("zh")
    columns = [_sheet_column(column, language) for column in roster.columns]
    return write_template(columns, "名单" if chinese else "Roster", [rule[0 if chinese else 1] for rule in _RULES])


def _sheet_column(column: Column, language: str) -> SheetColumn:
    words = _HELP.get(column.type, ("", ""))
    chinese = language.startswith("zh")
    choices = (("是", "否") if chinese else ("yes", "no")) if column.type == "boolean" else ()
    return SheetColumn(
        column.label(language), _KINDS.get(column.type, "text"), help=words[0 if chinese else 1], required=column.required,
        choices=choices, example=column.example,
    )


def error_sheet(findings: Mapping[str, Any], left: Sequence[Mapping[str, Any]], language: str) -> bytes:
    """The rejected rows as they were sent, with the reasons; rows that failed only when they were entered come last."""
    key = "zh" if language.startswith("zh") else "en"
    rows = [(item["row"], [unpack_cell(cell) for cell in item["cells"]], item[key]) for item in findings.get("rejected", ())]
    rows += [(item["row"] or 0, [], [item[key]]) for item in left]
    headings = None if key == "zh" else {"row": "Original row", "error": "Error"}
    return write_error_sheet(findings.get("header", ()), rows, "错误行" if key == "zh" else "Errors", headings)
