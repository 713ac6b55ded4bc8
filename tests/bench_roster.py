"""Invented borrowers in any number, as cases and as an Excel file, for the bench."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from app import House
from tasks.actors import Actor
from tasks.personal_data import check_character
from tasks.roster.columns import read_roster
from tasks.roster.facts import plain_values
from tasks.service import author_of
from workflows.workbook_writing import SheetColumn, write_workbook

PROCESS = "renewal_declaration_audit"
DECLARATION = {
    "statement": "本学年我认真完成各门课程的学习，遵守学校纪律，积极参加集体活动和志愿服务，生活节俭。因家庭经济仍有困难，需要继续申请助学贷款，"
    "保证贷款用于学费和住宿费，及时更新个人联系方式，毕业后按合同按时还本付息，珍惜个人信用。",
    "mobile": "13900000000", "enrolment_confirmed": True,
}
CYCLE = "2026"
NUMERALS = "零一二三四五六七八九"


def borrowers(number: int, university: str, first: int) -> Iterator[dict[str, Any]]:
    """Rows by column key; the ID numbers have right checksums in an area that does not exist."""
    for serial in range(first, first + number):
        born = date(1990, 1, 1) + timedelta(days=serial % 5000)
        digits = f"{499900 + serial // 5_000_00:06d}{born:%Y%m%d}{serial // 5000 % 1000:03d}"
        yield {
            "name": "测" + "".join(NUMERALS[int(digit)] for digit in str(serial)), "id_number": digits + check_character(digits), "student_number": f"{serial:09d}", "university": university,
            "origin_county": "C429999", "mobile": f"139{serial:08d}", "expected_graduation": date(2027, 6, 30),
            "contracts": [f"HT{serial:09d}"], "platform_logins": 3, "contact_updated": True,
        }


def start_cases(connection: Connection, house: House, actor: Actor, number: int, university: str, *, first: int) -> None:
    """Enter borrowers the way a confirmed import does, in one chunk."""
    version = house.definitions.current(connection, PROCESS)
    roster = read_roster(PROCESS, version.roster or {})
    rows = [{"row": position, "values": plain_values(row)} for position, row in enumerate(borrowers(number, university, first), 1)]
    outcomes = house.rosters.entry.enter(connection, author_of(actor), roster, CYCLE, rows)
    refused = [outcome.reason for outcome in outcomes if outcome.status != "done"]
    if refused:
        raise RuntimeError(f"{len(refused)} cases were not started: {refused[0]}")


def write_file(house: House, path: Path, number: int) -> None:
    """An Excel file of `number` good rows for the university U4201."""
    with house.store.read() as connection:
        version = house.definitions.current(connection, PROCESS)
    roster = read_roster(PROCESS, version.roster or {})
    rows = list(borrowers(number, "U4201", 1_000_000))
    keys = [column.key for column in roster.columns if column.key in rows[0]]
    columns = [SheetColumn(column.zh) for column in roster.columns if column.key in keys]
    path.write_bytes(write_workbook(columns, ([_cell(row[key]) for key in keys] for row in rows), "借款学生名单"))


def _cell(value: Any) -> Any:
    if isinstance(value, list):
        return "、".join(value)
    return str(value) if isinstance(value, date) else value
