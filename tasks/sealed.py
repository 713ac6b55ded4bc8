"""JSON values with personal data inside, encrypted for rows that live between two steps of work. Knows no meaning of them."""

from __future__ import annotations

import base64
import zlib
from typing import Any

import orjson

from tasks.personal_data import PersonalData


def seal(personal_data: PersonalData, purpose: str, value: Any) -> str:
    """`value` as compressed, encrypted text that opens for the same `purpose` only."""
    packed = base64.b64encode(zlib.compress(orjson.dumps(value), 3)).decode()
    return base64.b64encode(personal_data.encrypt(purpose, packed)).decode()


def unseal(personal_data: PersonalData, purpose: str, sealed: str) -> Any:
    """What `seal` was given. Raises WrongKey when it was sealed elsewhere or for another purpose."""
    packed = personal_data.decrypt(purpose, base64.b64decode(sealed))
    return orjson.loads(zlib.decompress(base64.b64decode(packed)))
