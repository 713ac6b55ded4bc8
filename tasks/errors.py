"""Refusals that concern people and their work. They know no HTTP page."""

from __future__ import annotations

from datetime import datetime

from workflows.business_calendar import SHANGHAI
from workflows.errors import Conflict, Forbidden, Words


def already_decided(name: str, at: datetime, office: str | None = None) -> Conflict:
    """The loser of a race: who decided, for which office, and when (Asia/Shanghai)."""
    moment = at.astimezone(SHANGHAI)
    of_office = f" ({office})" if office else ""
    return Conflict(
        f"已由{office or ''}{name}于 {moment:%m-%d %H:%M} 办理，您的操作未生效。",
        f"Already decided by {name}{of_office} at {moment:%m-%d %H:%M}; yours was not applied.",
    )


def already_claimed(name: str, at: datetime) -> Conflict:
    """Somebody else holds the seat."""
    moment = at.astimezone(SHANGHAI)
    return Conflict(f"已由{name}于 {moment:%m-%d %H:%M} 领取。", f"Already claimed by {name} at {moment:%m-%d %H:%M}.")


def ended(name: str | None, at: datetime, zh: str, en: str) -> Conflict:
    """Somebody, or without a name the system, took the work away: `zh` and `en` say how, as “退回” and "returned"."""
    moment = at.astimezone(SHANGHAI)
    return Conflict(
        f"该事项已由{name or '系统'}于 {moment:%m-%d %H:%M} {zh}，您的操作未生效。",
        f"Already {en} by {name or 'the system'} at {moment:%m-%d %H:%M}; yours was not applied.",
    )


def last_act(name: str | None, at: datetime) -> Words:
    """The end of a refusal: who was there before, or without a name the system, and when."""
    moment = at.astimezone(SHANGHAI)
    return {"zh": f"最近一次办理：{name or '系统'}，{moment:%m-%d %H:%M}。", "en": f" The last act was by {name or 'the system'} at {moment:%m-%d %H:%M}."}


def already_answered(name: str, at: datetime) -> Conflict:
    """Whoever was asked has given his opinion; there is nothing to take back."""
    moment = at.astimezone(SHANGHAI)
    return Conflict(
        f"{name}已于 {moment:%m-%d %H:%M} 答复，无需收回，由您办理。", f"{name} answered at {moment:%m-%d %H:%M}; nothing is left to take back, you decide it.",
    )


def changed_meanwhile() -> Conflict:
    """The page shows an older state of the case."""
    return Conflict("该事项在您打开后已有变化，请刷新后再办理。", "This item has changed since you opened it; reload and try again.")


def four_eyes(reason: str) -> Forbidden:
    """The person took part in the step that this one checks."""
    return Forbidden(
        f"经办与复核须为不同人员：{reason}，不能由您办理。", f"Four-eyes rule: {reason}; another person must do this.",
        clause={"zh": "经办与复核分离", "en": "separate persons enter and check"},
    )


def voted_already(name: str, at: datetime) -> Conflict:
    """One person has one vote in an activity, whether he acts for himself or for somebody."""
    moment = at.astimezone(SHANGHAI)
    return Conflict(
        f"{name}已于 {moment:%m-%d %H:%M} 在本环节表决，每人一票。", f"{name} voted here at {moment:%m-%d %H:%M}; everybody has one vote.",
    )


def kept_out(reason: str) -> Forbidden:
    """Why somebody whom the seat's line would let in may not act: he voted here, it is his own case, or four eyes."""
    if reason == "voted":
        return Forbidden("您已在本环节表决，每人一票。", "You have voted at this step; everybody has one vote.", clause={"zh": "每人一票", "en": "one vote each"})
    if reason == "applicant":
        return Forbidden("这是您本人的事项，须由他人审批。", "This is your own case; somebody else decides it.", clause={"zh": "申请人不得自批", "en": "nobody approves his own case"})
    return four_eyes("您已参与该事项的前序环节")


def not_yours(clause: Words | None = None) -> Forbidden:
    """The seat is not offered to this person."""
    zh = "该事项未分派给您。"
    en = "This item is not offered to you."
    if clause:
        return Forbidden(f"{zh}{clause['zh']}", f"{en} {clause['en']}", clause=clause)
    return Forbidden(zh, en)
