"""The columns of a person as they are stored, and the rules for what may stand in them. It reads and writes no table."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Any

from tasks.organisations import KINDS, OrganisationRow
from tasks.personal_data import PersonalData, mask_id_number, mask_mobile, normalise_id_number, normalise_mobile, valid_id_number
from tasks.roles import ROLES, role
from workflows.errors import InvalidForm, Words

LOGIN = re.compile(r"[a-z][a-z0-9._-]{2,39}")
MOBILE = re.compile(r"1[3-9]\d{9}")
LONGEST_NAME = 100


@dataclass(frozen=True)
class NewAccount:
    """A person just added, and the one-time code he activates his account with (shown once, stored nowhere)."""

    person_id: int
    code: str


def normalise_login(text: str) -> str:
    """Login names are kept in lower case and found in any."""
    return text.strip().lower()


def blank_account() -> dict[str, Any]:
    """The columns of an account nobody has entered yet."""
    return {"active": True, "must_change_password": False, "failed_logins": 0, "session_version": 0}


def sealed(personal_data: PersonalData, id_number: str | None, mobile: str | None) -> dict[str, Any]:
    """The stored columns of an ID number and a mobile number: cipher, index and mask."""
    found: dict[str, Any] = {}
    if id_number:
        number = normalise_id_number(id_number)
        found |= {
            "id_number_cipher": personal_data.encrypt("person.id_number", number), "id_number_masked": mask_id_number(number),
            "id_number_index": personal_data.blind_index(number),
        }
    if mobile:
        number = normalise_mobile(mobile)
        found |= {"mobile_cipher": personal_data.encrypt("person.mobile", number), "mobile_masked": mask_mobile(number)}
    return found


def check_person(name: str, login: str | None, id_number: str | None = None, mobile: str | None = None) -> None:
    """Raise InvalidForm with every field that will not do."""
    wrong: dict[str, Words] = {}
    if not name or len(name) > LONGEST_NAME:
        wrong["name"] = {"zh": "请填写姓名", "en": "give a name"}
    if login is not None and not LOGIN.fullmatch(login):
        wrong["login"] = {
            "zh": "登录名为 3–40 位小写字母、数字、点或横线，以字母开头", "en": "a login has 3–40 letters, digits, dots or dashes and starts with a letter",
        }
    reason = valid_id_number(id_number) if id_number else None
    if reason:
        wrong["id_number"] = reason
    if mobile and not MOBILE.fullmatch(normalise_mobile(mobile)):
        wrong["mobile"] = {"zh": "手机号应为 11 位", "en": "a mobile number has 11 digits"}
    if wrong:
        raise InvalidForm(wrong)


def check_membership(role_code: str, organisation: OrganisationRow, valid_from: date | None, valid_to: date | None) -> None:
    """Raise InvalidForm unless the role exists at that kind of organisation and the dates are in order."""
    wrong: dict[str, Words] = {}
    kinds = role(role_code).kinds
    if role_code not in ROLES:
        wrong["role"] = {"zh": f"没有“{role_code}”这种角色", "en": f"there is no role {role_code!r}"}
    elif kinds and organisation.kind not in kinds:
        zh, en = "、".join(KINDS[kind]["zh"] for kind in kinds), ", ".join(KINDS[kind]["en"] for kind in kinds)
        wrong["role"] = {"zh": f"“{role(role_code).zh}”只能设在：{zh}", "en": f"{role(role_code).en} exists only at: {en}"}
    if valid_from and valid_to and valid_to < valid_from:
        wrong["valid_to"] = {"zh": "结束日期早于开始日期", "en": "the last day lies before the first"}
    if wrong:
        raise InvalidForm(wrong)
