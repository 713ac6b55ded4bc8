"""Refuses .xlsx files that would unpack into more memory than a sheet may take. It reads no cell's content."""

from __future__ import annotations

import re
import zipfile
import zlib
from io import BytesIO

import re2

from workflows.errors import Rejection

MAXIMUM_UNPACKED = 400 * 1024 * 1024
MAXIMUM_AREA = 12_000_000  # cells of the rectangle around everything: the reader keeps it whole
MAXIMUM_PARTS = 2_000
PIECE = 4 * 1024 * 1024

# Most sheets end before column AA and row 300,000: only others are measured cell by cell. RE2, since every byte is looked at.
_FAR_CELL = re2.compile(rb'[ \t\r\n]r="(?:[A-Z]{2,}|[A-Z]*(?:[3-9]\d{5}|\d{7,})")')
_CELL = re.compile(rb'[ \t\r\n]r="([A-Z]*)(\d+)"')
_TAIL = 64


def check_extent(data: bytes) -> None:
    """Raise a Rejection when the archive is broken, unpacks too large, or a sheet's cells lie too far apart."""
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            entries = archive.infolist()
            if len(entries) > MAXIMUM_PARTS or sum(entry.file_size for entry in entries) > MAXIMUM_UNPACKED:
                raise _too_large()
            for entry in entries:
                if entry.filename.lower().startswith("xl/worksheets/") and entry.filename.endswith(".xml"):
                    _check_sheet(archive, entry)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError) as error:
        raise Rejection(
            "文件已损坏或带密码，请用 Excel 或 WPS 打开后另存为 .xlsx。", "The file is broken or protected; open it and save it as .xlsx.", status=422
        ) from error


def _check_sheet(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    columns, rows, tail = 0, 0, b""
    with archive.open(entry) as part:
        while piece := part.read(PIECE):
            text = tail + piece
            if _FAR_CELL.search(text):
                columns, rows = _measure(text, columns, rows)
                if columns * rows > MAXIMUM_AREA:
                    raise _too_large()
            tail = piece[-_TAIL:]


def _measure(text: bytes, columns: int, rows: int) -> tuple[int, int]:
    """The furthest column and row named in a piece, not less than what is known."""
    places = set(_CELL.findall(text))
    rows = max([rows, *(int(row[:9]) for _, row in places)])
    return max([columns, 26, *(_column(letters) for letters in {letters for letters, _ in places})]), rows


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters[:6]:
        number = number * 26 + letter - 64
    return number


def _too_large() -> Rejection:
    return Rejection(
        "表格展开后过大，或有单元格离数据太远。请只保留数据区域，删除其余行列后重新保存。",
        "The sheet is too large when unpacked, or some cells lie far from the data. Delete the other rows and columns and save again.", status=422,
    )
