"""Remembers texts people handed in, as hashes, so that a copied one is noticed. Stores no text."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection, insert, select

from workflows.case import Case
from workflows.graph import Node
from workflows.models import TextFingerprint


def fingerprint(text: str) -> bytes:
    """A hash that ignores spacing, width and case: a copy stays a copy when it is reformatted."""
    folded = "".join(unicodedata.normalize("NFKC", text).casefold().split())
    return hashlib.sha256(folded.encode()).digest()[:16]


def remember(connection: Connection, case: Case, node: Node, values: Mapping[str, Any]) -> None:
    """Store the hash of the variable named by the activity's `fingerprint` setting."""
    name = node.properties.get("fingerprint")
    text = values.get(name) if name else None
    if isinstance(text, str) and text.strip():
        remember_text(connection, text, str(case.subject_person), case.cycle or "", case.id)


def remember_text(connection: Connection, text: str, owner: str, cycle: str, instance_id: int | None) -> None:
    """Store one text's hash for its owner and cycle, once."""
    row = {"fingerprint": fingerprint(text), "owner": owner, "cycle": cycle}
    known = select(TextFingerprint.id).where(*[getattr(TextFingerprint, name) == value for name, value in row.items()])
    if connection.execute(known).first() is None:
        connection.execute(insert(TextFingerprint).values(**row, instance_id=instance_id))


def seen_before(connection: Connection, case: Case) -> Callable[[Any, Any], bool | None]:
    """The FEEL function `seen_before(text, scope)`: "own" = the same person in another cycle, "others" = anybody else."""

    def seen(text: Any, scope: Any) -> bool | None:
        if not isinstance(text, str) or not text.strip():
            return None
        same = select(TextFingerprint.id).where(TextFingerprint.fingerprint == fingerprint(text))
        owner = str(case.subject_person)
        if scope == "own":
            same = same.where(TextFingerprint.owner == owner, TextFingerprint.cycle != (case.cycle or ""))
        else:
            same = same.where(TextFingerprint.owner != owner)
        return connection.execute(same.limit(1)).first() is not None

    return seen
