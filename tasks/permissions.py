"""Who sees and may do what: roles and actions as data, and the one SQL predicate behind every list, page and export.

Rights follow from today's memberships, seats and parties; nothing is ever copied into grant rows. It knows no HTTP.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from sqlalchemy import ColumnElement, CompoundSelect, exists, false, or_, select, true, union
from sqlalchemy.orm import aliased

from tasks.actors import Actor, MembershipView
from tasks.models import CaseActor, CaseParty, Organisation, Seat, SeatOffer
from tasks.operation_models import Circulation
from tasks.organisations import EVERYTHING, OrganisationRow, lies_inside, scope_condition
from tasks.roles import ROLES, SEEING, role
from workflows.errors import Forbidden, Words
from workflows.models import ProcessInstance


_OWN = aliased(ProcessInstance)


@dataclass(frozen=True)
class Action:
    """Something a role may do inside its organisation's scope. `scoped`: False when it concerns no organisation."""

    name: str
    zh: str
    en: str
    scoped: bool = True


ACTIONS: Mapping[str, Action] = {
    action.name: action
    for action in (
        Action("people.manage", "管理人员", "manage people"),
        Action("organisations.manage", "管理单位", "manage organisations"),
        Action("calendar.edit", "编辑日历与期限", "edit calendars and deadlines"),
        Action("calendar.official", "录入法定工作日历", "enter the official working days", scoped=False),
        Action("model.view", "查看流程模型", "see process models", scoped=False),
        Action("model.deploy", "发布流程模型", "deploy process models", scoped=False),
        Action("cohort.import", "导入借款学生名单", "import a roster of borrowers"),
        Action("case.start", "为学生办理登记", "start a case"),
        Action("codes.issue", "发放激活码", "hand out activation codes"),
        Action("cases.list", "查看本单位事项", "list the cases of the office"),
        Action("cases.export", "导出办理结果", "export results"),
        Action("cases.supervise", "督办", "supervise cases"),
        Action("class.list", "查看班级申报名单", "see the class's list of who has declared"),
        Action("seats.reassign", "改派事项", "reassign items"),
        Action("seats.urge", "催办", "urge"),
        Action("incidents.resolve", "处置异常", "resolve incidents"),
        Action("log.read", "查阅安全日志", "read the security log", scoped=False),
    )
}


def visible_cases(actor: Actor, *, listing: bool = False) -> ColumnElement[bool]:
    """SQL over ProcessInstance: the cases `actor` may see, in every identity he holds today.

    His own; those he takes part in (acted, holds a seat, is offered one); those with a party in the scope of an
    organisation where he holds a seeing role. With `listing`, the same set in the shape that serves a short list of a
    small office (ids collected first); without it, the shape for one case and for broad scopes (tested row by row).
    """
    if actor.is_system:
        return true()
    if listing and not any(_broad(one) for one in actor.memberships):
        return ProcessInstance.id.in_(_collected(actor))
    return or_(takes_part(actor), has_party(_seeing(actor)))


def takes_part(actor: Actor) -> ColumnElement[bool]:
    """SQL over ProcessInstance: the case is about `actor`, or he acted in it, holds or is offered a seat, or was sent a copy."""
    offered = exists().where(SeatOffer.seat_id == Seat.id, SeatOffer.candidate.in_(actor.candidates))
    return or_(
        ProcessInstance.subject_person == actor.person_id,
        exists().where(CaseActor.instance_id == ProcessInstance.id, CaseActor.person_id == actor.person_id),
        exists().where(Seat.instance_id == ProcessInstance.id, or_(Seat.owner_id == actor.person_id, offered)),
        exists().where(Circulation.instance_id == ProcessInstance.id, Circulation.person_id == actor.person_id),
    )


def supervised_cases(actor: Actor) -> ColumnElement[bool]:
    """SQL over ProcessInstance: the cases with a party in the scope of an organisation that `actor` supervises."""
    if actor.is_system:
        return true()
    return has_party(_supervised(actor))


class Anywhere(Enum):
    """Stands for "no particular organisation": the right is asked for as such. None means an unknown one, and is refused."""

    ANYWHERE = "anywhere"


ANYWHERE = Anywhere.ANYWHERE
Target = OrganisationRow | Anywhere | None


def may(actor: Actor, action: str, organisation: Target = ANYWHERE) -> bool:
    """Whether the acting identity of `actor` may do `action` to `organisation` (None, an unknown one: no)."""
    return refusal(actor, action, organisation) is None


def require(actor: Actor, action: str, organisation: Target = ANYWHERE) -> None:
    """Raise Forbidden, in words, unless `may`."""
    words = refusal(actor, action, organisation)
    if words is not None:
        detail = {"action": action, "target_organisation": organisation.code if isinstance(organisation, OrganisationRow) else ""}
        raise Forbidden(words["zh"], words["en"], detail=detail)


def refusal(actor: Actor, action: str, organisation: Target = ANYWHERE) -> Words | None:
    """None when allowed, else why not: no role for it, or an organisation outside the scope. Unknown actions are refused.

    Only the acting identity counts: whoever holds several chooses one before he administers. What concerns no
    organisation concerns the whole platform: only an identity there may do it.
    """
    if actor.is_system:
        return None
    declared = ACTIONS.get(action)
    if declared is None:
        return {"zh": f"没有名为“{action}”的操作。", "en": f"There is no action named {action!r}."}
    acting = actor.acting
    if acting is None or action not in role(acting.role).actions:
        return _missing_right(actor, declared)
    if not declared.scoped and acting.kind not in EVERYTHING:
        return {"zh": f"{declared.zh}须由平台级身份办理。", "en": f"Only an identity of the platform may {declared.en}."}
    if not declared.scoped or organisation is ANYWHERE:
        return None
    if not isinstance(organisation, OrganisationRow):
        return {"zh": f"该单位不存在，不能{declared.zh}。", "en": f"There is no such organisation to {declared.en}."}
    if not _in_scope(acting, organisation):
        return {
            "zh": f"{organisation.name}不在您（{acting.organisation_name}）的管理范围内，不能{declared.zh}。",
            "en": f"{organisation.name} lies outside the scope of {acting.organisation_name}; you may not {declared.en} there.",
        }
    return None


def steers(actor: Actor) -> ColumnElement[bool]:
    """SQL over ProcessInstance: whether the acting identity may reassign work of one of the case's parties."""
    acting = actor.acting
    if actor.is_system:
        return true()
    return has_party([scope_condition(acting.kind, acting.path)] if acting is not None and "seats.reassign" in role(acting.role).actions else [])


def may_in_any_identity(actor: Actor, action: str) -> Sequence[MembershipView]:
    """The memberships that would allow `action`: what the page offers to switch to."""
    return [one for one in actor.memberships if action in role(one.role).actions]


def _collected(actor: Actor) -> CompoundSelect[int]:
    """The ids of all cases `actor` sees, each found through an index of its own."""
    scopes = _seeing(actor)
    codes = select(Organisation.code).where(or_(*scopes)) if scopes else select(Organisation.code).where(false())
    return union(
        select(_OWN.id).where(_OWN.subject_person == actor.person_id),
        select(CaseActor.instance_id).where(CaseActor.person_id == actor.person_id),
        select(Seat.instance_id).where(Seat.owner_id == actor.person_id),
        select(Circulation.instance_id).where(Circulation.person_id == actor.person_id),
        select(Seat.instance_id).join(SeatOffer, SeatOffer.seat_id == Seat.id).where(SeatOffer.candidate.in_(actor.candidates)),
        select(CaseParty.instance_id).where(CaseParty.organisation_code.in_(codes)),
    )


def has_party(scopes: Sequence[ColumnElement[bool]]) -> ColumnElement[bool]:
    """SQL over ProcessInstance: the case has a party in one of the scopes: from its few parties to their organisations, not the other way round."""
    if not scopes:
        return false()
    party = select(CaseParty.instance_id).join(Organisation, Organisation.code == CaseParty.organisation_code)
    return party.where(CaseParty.instance_id == ProcessInstance.id, or_(*scopes)).exists()


def _seeing(actor: Actor) -> list[ColumnElement[bool]]:
    return [scope_condition(one.kind, one.path) for one in actor.memberships if role(one.role).sees in SEEING]


def _supervised(actor: Actor) -> list[ColumnElement[bool]]:
    return [scope_condition(one.kind, one.path) for one in actor.memberships if role(one.role).supervises]


def _broad(membership: MembershipView) -> bool:
    """Whether so many cases lie in the scope that collecting their ids first would cost more than testing each row."""
    return role(membership.role).sees == "region" and membership.kind in ("province", *EVERYTHING)


def _in_scope(acting: MembershipView, organisation: OrganisationRow) -> bool:
    return lies_inside(organisation.path, organisation.province, acting.kind, acting.path)


def _missing_right(actor: Actor, action: Action) -> Words:
    elsewhere = may_in_any_identity(actor, action.name)
    if elsewhere:
        one = elsewhere[0]
        return {
            "zh": f"当前身份不能{action.zh}，请切换为“{role(one.role).zh}（{one.organisation_name}）”。",
            "en": f"In this identity you may not {action.en}; switch to {role(one.role).en} ({one.organisation_name}).",
        }
    names = [found for found in ROLES.values() if action.name in found.actions]
    return {
        "zh": f"您的角色不能{action.zh}；可由以下角色办理：{'、'.join(one.zh for one in names)}。",
        "en": f"Your role may not {action.en}; these may: {', '.join(one.en for one in names)}.",
    }
