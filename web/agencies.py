"""代理设置: who stands in for me and for whom I stand in; an administrator sees and sets it for the people of his scope. Decides nothing."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for

from tasks.keys.agencies import Absence
from web.context import actor, connection, house
from web.i18n import now, translate as _
from web.labels import node_label, process_name
from web.scope import form, tried
from workflows.business_calendar import SHANGHAI
from workflows.errors import InvalidForm

blueprint = Blueprint("agencies", __name__, url_prefix="/agencies")

FIELDS = ("agent", "process", "valid_from", "valid_to", "reason")


@blueprint.get("")
def page() -> str:
    """My own absences, and the work of others I may do."""
    return _page(actor().person_id, {}, {})


@blueprint.get("/people/<int:person_id>")
def of_person(person_id: int) -> str:
    """The same for somebody an administrator looks after."""
    house().people.directory.manageable(connection(), actor(), person_id)
    return _page(person_id, {}, {})


@blueprint.post("/people/<int:person_id>")
def create(person_id: int) -> Any:
    """Let somebody stand in."""
    typed = form(*FIELDS)
    _answer, errors = tried(lambda: _agencies().create(connection(), actor(), person_id, _absence(typed)), "agent")
    if errors:
        return _page(person_id, typed, errors), 422
    flash(_("代理已设置。"), "success")
    return _back(person_id)


@blueprint.post("/<int:agency_id>/change")
def change(agency_id: int) -> Any:
    """Move its end or its beginning, or name somebody else."""
    agency = _agencies().get(connection(), actor(), agency_id)
    typed = {name: (request.form.get(f"{name}-{agency_id}") or "").strip() for name in FIELDS}
    _answer, errors = tried(lambda: _agencies().change(connection(), actor(), agency_id, _absence(typed)), "agent")
    if errors:
        return _page(agency.principal_id, typed, errors), 422
    flash(_("代理已修改。"), "success")
    return _back(agency.principal_id)


@blueprint.post("/<int:agency_id>/revoke")
def revoke(agency_id: int) -> Any:
    """End it now."""
    principal = _agencies().get(connection(), actor(), agency_id).principal_id
    _answer, errors = tried(lambda: _agencies().revoke(connection(), actor(), agency_id), "agent")
    if errors:
        return _page(principal, {}, errors), 422
    flash(_("代理已撤销；已领取或已起草的事项可逐件收回。"), "success")
    return _back(principal)


def _agencies() -> Any:
    return house().tasks.keys.agencies


def _back(person_id: int) -> Any:
    house().wake()
    mine = person_id == actor().person_id
    return redirect(url_for("agencies.page") if mine else url_for("agencies.of_person", person_id=person_id), code=303)


def _absence(typed: dict[str, str]) -> Absence:
    """What was filled in; raises InvalidForm for a moment or a person that is none."""
    moments = {name: _moment(typed[name]) for name in ("valid_from", "valid_to")}
    wrong = {name: {"zh": "请填写日期和时间", "en": "give a date and a time"} for name, moment in moments.items() if moment is None}
    if not typed["agent"].isdecimal():
        wrong["agent"] = {"zh": "请选择代理人", "en": "choose who stands in"}
    if wrong or moments["valid_from"] is None or moments["valid_to"] is None:
        raise InvalidForm(wrong)
    return Absence(int(typed["agent"]), typed["process"] or None, moments["valid_from"], moments["valid_to"], typed["reason"])


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)
    except ValueError:
        return None


def _page(person_id: int, typed: dict[str, str], errors: dict[str, Any]) -> str:
    agencies, opened = _agencies(), connection()
    processes = {version.process_id: process_name(version) for version in house().definitions.all_current(opened)}
    here = now().astimezone(SHANGHAI)
    blank = {"valid_from": _text(here), "valid_to": _text((here + timedelta(days=7)).replace(hour=18, minute=0))}
    return render_template(
        "agencies/agencies.html", person_id=person_id, mine=person_id == actor().person_id, name=house().people.name(opened, person_id),
        given=agencies.given(opened, person_id), held=agencies.held(opened, person_id), claimed=agencies.with_agents(opened, person_id),
        agents=[(str(number), name) for number, name in agencies.possible_agents(opened, person_id)], processes=processes,
        typed={**blank, **{key: value for key, value in typed.items() if value}}, errors=errors, moment=now(), node_label=node_label, text_of=_text,
    )


def _text(moment: datetime) -> str:
    """As a field for date and time wants it."""
    return moment.astimezone(SHANGHAI).strftime("%Y-%m-%dT%H:%M")
