"""What an administrator may choose from on his forms: roles, organisations of his scope, dates; and refusals as form errors. Decides nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from flask import request

from tasks.organisations import KINDS, OrganisationRow, lies_inside
from tasks.roles import ROLES
from web.context import actor, connection, house
from web.i18n import language, translate as _, words
from workflows.errors import Forbidden, InvalidForm, Rejection

MOST_CHOICES = 2000  # organisations offered while one types; any other code of the scope may still be typed
OF_BORROWERS = ("student",)


def tree() -> dict[str, OrganisationRow]:
    """Every organisation by code."""
    found: dict[str, OrganisationRow] = house().people.organisations.tree(connection()).by_code
    return found


def in_scope() -> list[OrganisationRow]:
    """The organisations the acting identity looks after, each after the one it stands under."""
    acting = actor().acting
    found = [one for one in tree().values() if acting is not None and lies_inside(one.path, one.province, acting.kind, acting.path)]
    return sorted(found, key=lambda one: one.path)


def organisation_choices(*, active: bool = True) -> list[tuple[str, str]]:
    """Code and name of what may be chosen, for a list that helps typing."""
    return [(one.code, f"{one.name}（{kind_name(one.kind)}）") for one in in_scope() if one.active or not active][:MOST_CHOICES]


def role_choices(*, all_roles: bool = False) -> list[tuple[str, str]]:
    """The roles that exist at some organisation of the scope."""
    kinds = {one.kind for one in in_scope()}
    return [
        (code, role_name(code)) for code, found in ROLES.items()
        if code not in OF_BORROWERS and (all_roles or not found.kinds or kinds & set(found.kinds))
    ]


def role_name(code: str) -> str:
    """What the role is called; its code when it is no longer in the table."""
    found = ROLES.get(code)
    return words({"zh": found.zh, "en": found.en}) if found else code


def kind_name(kind: str) -> str:
    """What this kind of organisation is called."""
    return words(KINDS.get(kind), kind)


def form(*names: str) -> dict[str, str]:
    """The named fields of the posted form, trimmed."""
    return {name: request.form.get(name, "").strip() for name in names}


def day(name: str) -> date | None:
    """A date of the posted form, None when it is empty. Raises InvalidForm."""
    text = request.form.get(name, "").strip()
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise InvalidForm({name: {"zh": "日期不存在", "en": "there is no such date"}}) from None


def tried(work: Callable[[], Any], field: str = "form") -> tuple[Any, dict[str, str]]:
    """What `work` answers, and no errors; or None and what is wrong by field (`field`: where a sentence without one goes).

    Nothing of a refused work is kept. Forbidden is no slip of the pen: it goes on to its own page.
    """
    try:
        with house().store.savepoint(connection()):
            return work(), {}
    except Forbidden:
        raise
    except InvalidForm as error:
        return None, {name: words(pair) for name, pair in error.fields.items()}
    except Rejection as error:
        return None, {"organisation" if error.status == 404 else field: error.words(language())}


def first_line(errors: dict[str, str]) -> str:
    """All that is wrong in one sentence, for a message above the page."""
    return _("没有保存：{reason}", reason="；".join(errors.values()))
