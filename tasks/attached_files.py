"""What a file that somebody attaches really is: its kind by content, its name made harmless, and whether a form's references hold. Stores nothing."""

from __future__ import annotations

import io
import struct
import unicodedata
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from tasks.operation_models import Attachment
from workflows.attachment_settings import MEGABYTE, AttachmentRule
from workflows.case import Case
from workflows.errors import InvalidForm, Rejection
from workflows.forms import fields
from workflows.graph import Node

FILE = Attachment.__table__
PREFIX = "files::"  # of an attachment's number in the value of a form field
LONGEST_NAME = 120  # characters
MOST_PIXELS = 100_000_000
MOST_PARTS = 2_000  # files inside an office document
MOST_UNPACKED = 200 * MEGABYTE
MOST_SHRUNK = 200  # times smaller than unpacked, beyond which a document is no document
MEDIA_TYPES: Mapping[str, str] = {
    "pdf": "application/pdf", "jpg": "image/jpeg", "png": "image/png", "webp": "image/webp",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
SHOWN = frozenset({"application/pdf", "image/jpeg", "image/png", "image/webp"})  # what a browser may show; the rest is only downloaded
ENDINGS: Mapping[str, str] = {"pdf": "pdf", "jpg": "jpg", "jpeg": "jpg", "png": "png", "webp": "webp", "docx": "docx", "xlsx": "xlsx"}
INSIDE: Mapping[str, str] = {"word/document.xml": "docx", "xl/workbook.xml": "xlsx"}


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file that passed every check."""

    name: str
    kind: str

    @property
    def media_type(self) -> str:
        """As it is served."""
        return MEDIA_TYPES[self.kind]


def known_file(name: str, content: bytes, rule: AttachmentRule) -> KnownFile:
    """What a file is; raises Rejection in words: empty, too large (413), of a kind not taken, or not what its name says (422)."""
    shown = safe_name(name)
    if not content:
        raise _refused(f"“{shown}”是空文件。", f"{shown} is empty.")
    if len(content) > rule.most:
        raise too_large(rule)
    kind = ENDINGS.get(shown.rpartition(".")[2].lower() if "." in shown else "")
    if kind not in rule.kinds:
        allowed = "、".join(rule.kinds)
        raise _refused(f"不能上传“{shown}”，只接受 {allowed} 文件。", f"{shown} cannot be attached; only {', '.join(rule.kinds)}.")
    if _kind_of(content) != kind:
        raise _refused(f"“{shown}”的内容不是 {kind} 文件，请重新导出后上传。", f"{shown} does not hold a {kind} file; export it again.")
    return KnownFile(shown, kind)


def too_large(rule: AttachmentRule) -> Rejection:
    """The refusal of a file beyond the bound, with the bound."""
    most = f"{rule.most / MEGABYTE:g}"
    return Rejection(f"文件超过 {most} MB，请压缩或拆分后上传。", f"The file is larger than {most} MB; make it smaller or split it.", status=413)


def safe_name(name: str) -> str:
    """The last part of a path, without signs that hide or reorder what is read, at most 120 characters; its ending is kept."""
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    plain = "".join(sign for sign in last if sign.isprintable() and unicodedata.category(sign) != "Cf").strip(" .")
    plain = "".join("_" if sign in '<>:"|?*' else sign for sign in plain)
    if len(plain) > LONGEST_NAME:
        stem, dot, ending = plain.rpartition(".")
        plain = f"{stem[:LONGEST_NAME - len(ending) - 1]}{dot}{ending}" if stem and len(ending) <= 10 else plain[:LONGEST_NAME]
    return plain or "附件"


def _kind_of(content: bytes) -> str | None:
    if content.startswith(b"%PDF-"):
        return "pdf" if b"%%EOF" in content[-2048:] else None
    if content.startswith(b"\xff\xd8\xff"):
        return "jpg"
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png" if _is_bounded_png(content) else None
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "webp"
    return _office_kind(content) if content.startswith(b"PK\x03\x04") else None


def _is_bounded_png(content: bytes) -> bool:
    """A PNG begins with its size; one that would unpack to more than a screen can hold is refused."""
    if content[12:16] != b"IHDR" or len(content) < 24:
        return False
    width, height = struct.unpack(">II", content[16:24])
    return bool(0 < width * height <= MOST_PIXELS)


def _office_kind(content: bytes) -> str | None:
    """docx or xlsx by what the package lists; never unpacked. A package that hides its size, carries macros or leaves its folder is none."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            parts = package.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError, struct.error):
        return None
    names = {part.filename for part in parts}
    unpacked = sum(part.file_size for part in parts)
    if len(parts) > MOST_PARTS or len(names) != len(parts) or unpacked > min(MOST_UNPACKED, MOST_SHRUNK * len(content) + MEGABYTE):
        return None
    if "[Content_Types].xml" not in names or any(_is_hostile(part) for part in parts):
        return None
    return next((kind for name, kind in INSIDE.items() if name in names), None)


def _is_hostile(part: zipfile.ZipInfo) -> bool:
    path = part.filename.replace("\\", "/")
    return path.startswith("/") or ".." in path.split("/") or path.lower().endswith("vbaproject.bin") or bool(part.flag_bits & 1)


def _refused(zh: str, en: str) -> Rejection:
    return Rejection(zh, en, status=422)


# references in form values


def references(value: Any) -> list[int]:
    """The attachments a field's value names."""
    texts = value if isinstance(value, list) else [value]
    found = [text.removeprefix(PREFIX) for text in texts if isinstance(text, str) and text.startswith(PREFIX)]
    return [int(number) if number.isascii() and number.isdigit() and len(number) < 19 else 0 for number in found]


def check_files(connection: Connection, case: Case, node: Node, patch: Mapping[str, Any]) -> None:
    """Every attachment a patch names must be a file of this case, of that field, and not removed. Raises InvalidForm."""
    if not case.version.file_keys:
        return
    named = dict(_named(case.version.form_of(node), patch))
    if not named:
        return
    numbers = {number for found in named.values() for number in found}
    query = select(FILE.c.id, FILE.c.field).where(FILE.c.id.in_(numbers), FILE.c.instance_id == case.root, FILE.c.removed_at.is_(None))
    fields_of = {row.id: row.field for row in connection.execute(query)}
    wrong = [key for key, found in named.items() if any(fields_of.get(number) != key for number in found)]
    if wrong:
        raise InvalidForm({key: {"zh": "附件无效，请重新上传。", "en": "The attachment is not valid; upload it again."} for key in wrong})


def _named(schema: Mapping[str, Any] | None, patch: Mapping[str, Any]) -> Iterable[tuple[str, list[int]]]:
    """Key and attachments of every field of files that holds some; in rows of a list, those of all rows together."""
    for one in fields(schema) if schema is not None else ():
        if one.type == "filepicker":
            found = [number for value in _values(patch, one.key.replace("[]", ".[]").split(".")) for number in references(value)]
            if found:
                yield one.key, found


def _values(values: Any, path: list[str]) -> Iterable[Any]:
    if not path:
        yield values
    elif path[0] == "[]":
        for row in values if isinstance(values, list) else ():
            yield from _values(row, path[1:])
    elif isinstance(values, Mapping) and path[0] in values:
        yield from _values(values[path[0]], path[1:])
