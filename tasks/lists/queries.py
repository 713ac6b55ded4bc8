"""The SQL conditions of lists: filters, who has not declared, cases of an organisation and all below it. It shows nothing."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, or_, select

from tasks.models import CaseParty, Organisation
from tasks.organisations import OrganisationRow, path_below
from tasks.roster.columns import CaseList
from workflows.models import ProcessInstance

CASE = ProcessInstance


@dataclass(frozen=True, slots=True)
class Filters:
    """What narrows a list; empty means everything the asker may see."""

    cycle: str = ""
    organisation: str = ""
    stage: str = ""
    status: str = ""
    text: str = ""  # the start of a name, or a whole number


def missing_condition(listed: CaseList) -> ColumnElement[bool]:
    """SQL over ProcessInstance: the person has not declared. By the stages the process names, else: no number given yet."""
    if listed.stages:
        return and_(CASE.status == "active", CASE.stage.in_(listed.stages))
    return and_(CASE.status == "active", CASE.number.is_(None))


def filtered(filters: Filters) -> list[ColumnElement[bool]]:
    """SQL over ProcessInstance for everything but the organisation."""
    wanted = ((CASE.cycle, filters.cycle), (CASE.stage, filters.stage), (CASE.status, filters.status))
    conditions = [column == value for column, value in wanted if value]
    if filters.text:
        conditions.append(or_(CASE.subject.startswith(filters.text, autoescape=True), CASE.number == filters.text))
    return conditions


def inside(code: str, found: OrganisationRow | None) -> ColumnElement[bool]:
    """Cases with a party in the organisation or below; a code that is not registered matches as it is written."""
    match = CaseParty.organisation_code == code
    if found is not None:
        match = or_(match, CaseParty.organisation_code.in_(select(Organisation.code).where(path_below(found.path))))
    return select(CaseParty.instance_id).where(CaseParty.instance_id == CASE.id, match).exists()
