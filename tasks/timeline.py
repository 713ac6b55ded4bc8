"""A case's history as sentences for people: who did what, when, in which round, and what changed. Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from tasks.children.words import ANSWER_WORDS, SENTENCES as CHILD_SENTENCES
from tasks.people import People
from tasks.personal_fields import is_sealed
from workflows.activity_fields import opinion_field
from workflows.case import Case

SENTENCES: Mapping[str, tuple[str, str]] = {
    "started": ("建档，等待办理", "Case opened"),
    "activity_completed": ("{node}：{outcome}", "{node}: {outcome}"),
    "voted": ("“{node}”表决：{outcome}", "Voted on “{node}”: {outcome}"),
    "vote_reached": ("“{node}”轮到下一位", "“{node}” reached the next in turn"),
    "vote_dropped": ("“{node}”的一个席位取消（{rule}）", "A vote on “{node}” was taken out ({rule})"),
    "skipped_by_rule": ("系统按规则办理“{node}”：{outcome}（{rule}）", "Decided by rule at “{node}”: {outcome} ({rule})"),
    "timeout_reminded": ("“{node}”超时，已提醒", "Time is up for “{node}”; a reminder went out"),
    "timeout_forwarded": ("“{node}”超时，转交上级", "Time is up for “{node}”; passed to the superior"),
    "claimed": ("领取“{node}”", "Claimed “{node}”"),
    "released": ("取消领取“{node}”", "Released “{node}”"),
    "returned_to_pool": ("“{node}”被收回待认领", "“{node}” was put back into the pool"),
    "forwarded": ("“{node}”转办给{name}：{reason}", "“{node}” forwarded to {name}: {reason}"),
    "taken_from_agent": ("从代理人{name}收回“{node}”", "“{node}” taken back from {name}, the agent"),
    "claim_expired": ("“{node}”领取超时，退回待认领", "The claim of “{node}” expired; it is back in the pool"),
    "claim_lapsed": ("领取人已不在该岗位，“{node}”退回待认领", "The holder left the post; “{node}” is back in the pool"),
    "reassigned": ("“{node}”改派", "“{node}” reassigned"),
    "urged": ("催办“{node}”", "Urged “{node}”"),
    "escalated": ("“{node}”逾期上报", "“{node}” escalated"),
    "reassessed": ("“{node}”办理责任或期限重新确定", "Duty or deadline of “{node}” worked out anew"),
    "returned": ("退回到“{to}”：{reason}", "Returned to “{to}”: {reason}"),
    "every_step": ("重新提交：逐级办理", "Submitted again: every step"),
    "skipped": ("重新提交：跳过“{node}”", "Submitted again: “{node}” skipped"),
    "vote_kept": ("“{node}”：沿用原意见", "“{node}”: the earlier agreement is kept"),
    "given_back": ("“{node}”交回原办理人", "“{node}” given back to whoever had it"),
    "decision_withdrawn": ("撤回“{node}”的办理", "Decision on “{node}” withdrawn"),
    "jumped": ("跳转到“{to}”：{reason}", "Moved to “{to}”: {reason}"),
    "terminated": ("终止：{reason}", "Terminated: {reason}"),
    "voided": ("作废：{reason}", "Voided: {reason}"),
    "suspended": ("挂起：{reason}", "Suspended: {reason}"),
    "resumed": ("恢复办理", "Resumed"),
    "withdrawn": ("申请人撤回", "Withdrawn by the applicant"),
    "undone": ("撤销办理“{node}”", "Decision on “{node}” undone"),
    "message_received": ("收到消息：{node}", "Message received: {node}"),
    "message_thrown": ("发出消息：{node}", "Message sent: {node}"),
    "retimed": ("“{node}”的时间随日历调整", "“{node}” moved with the calendar"),
    "timer_fired": ("到期：{node}", "Timer: {node}"),
    "migrated": ("转到新版流程", "Moved to a new version"),
    "commented": ("留言", "Remark"),
    "circulated": ("抄送“{node}”", "Sent a copy of “{node}”"),
    "attached": ("上传附件“{name}”", "Attached “{name}”"),
    "detached": ("移除附件“{name}”", "Removed the attachment “{name}”"),
    "ended": ("办结", "Closed"),
    **CHILD_SENTENCES,
}

TALLIED = ("“{node}”表决结果：{outcome}", "Result of “{node}”: {outcome}")  # nobody's own decision, but what the votes came to
FILES = ("attached", "detached")
OPINION_KEYS = ("opinion", "return_text", "note")
RULES: Mapping[str, tuple[str, str]] = {
    "duplicate_voter": ("每人一票", "one vote each"), "voter_left": ("人员已离任", "the holder left"),
    "same_person": ("同一人已同意", "the same person agreed already"), "applicant_is_approver": ("申请人即审批人", "the applicant is the approver"),
    "no_opinion": ("未发表意见", "gave no opinion"), "timeout": ("超时", "time was up"),
}


@dataclass(frozen=True)
class TimelineItem:
    """One line of the timeline."""

    at: datetime
    kind: str
    node_id: str | None
    zh: str
    en: str
    person: str | None
    role: str | None
    organisation: str | None
    on_behalf_of: str | None
    channel: str | None
    round: int
    opinion: str | None
    outcome: str | None
    changes: list[dict[str, Any]]
    opinion_key: str | None = None  # the form field the opinion was written in
    file_field: str | None = None  # the form field a file was attached to


def timeline(connection: Connection, people: People, case: Case, rows: Sequence[Row[Any]]) -> list[TimelineItem]:
    """The facts people care about, oldest first."""
    shown = [row for row in rows if row.kind in SENTENCES and not _unremarkable(row)]
    names = people.names(connection, {person for row in shown for person in (row.person, row.on_behalf_of) if person})
    labels = _labels(case)
    return [_item(connection, people, case, row, names, labels) for row in shown]


def _unremarkable(row: Row[Any]) -> bool:
    detail = row.detail or {}
    return row.kind == "reassessed" and detail.get("before") == detail.get("after")


def _labels(case: Case) -> dict[str, dict[str, str]]:
    labels: dict[str, dict[str, str]] = {}
    zh, en = case.version.labels.get("zh-CN", {}), case.version.labels.get("en", {})
    for key in zh:
        labels[key] = {"zh": str(zh[key]), "en": str(en.get(key) or zh[key])}
    return labels


def _item(
    connection: Connection, people: People, case: Case, row: Row[Any], names: Mapping[int, str], labels: Mapping[str, dict[str, str]]
) -> TimelineItem:
    detail = row.detail or {}
    node_id = row.node_id or detail.get("node")
    outcome = detail.get("outcome")
    node, decided = case.version.both(node_id), _outcome_words(case, node_id, outcome)
    zh, en = _sentence(row.kind, detail)
    rule = RULES.get(detail.get("rule", ""), ("", ""))
    organisation = people.organisation(connection, row.organisation) if row.organisation else None
    changes = detail.get("changes", {})
    opinion, opinion_key = _opinion(case, node_id, detail, changes)
    return TimelineItem(
        row.at, row.kind, node_id, _said(zh, case, detail, node["zh"], decided["zh"], rule[0], "zh"),
        _said(en, case, detail, node["en"], decided["en"], rule[1], "en"),
        names.get(row.person) if row.person and "tally" not in detail else None, row.role, organisation.name if organisation else row.organisation,
        names.get(row.on_behalf_of) if row.on_behalf_of else None, row.channel, row.round, opinion, outcome,
        [
            {"key": key, **labels[key], "before": before, "after": after}
            for key, (before, after) in changes.items() if key in labels and (is_sealed(after) or not isinstance(after, dict))
        ],
        opinion_key, (detail.get("field") or opinion_key) if row.kind in FILES else None,
    )


def _opinion(case: Case, node_id: str | None, detail: Mapping[str, Any], changes: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """What somebody wrote, and the form field it was written in; a remark belongs to no field."""
    node = case.version.graph.nodes.get(node_id or "")
    key = opinion_field(node) if node is not None else "opinion"
    if detail.get("opinion") or "file" in detail:
        return detail.get("opinion"), key
    if detail.get("text"):
        return detail["text"], None
    found = next((name for name in (key, *OPINION_KEYS) if name in changes and isinstance(changes[name][1], str) and changes[name][1]), None)
    return (changes[found][1], found) if found else (None, None)


def _said(sentence: str, case: Case, detail: Mapping[str, Any], node: str, outcome: str, rule: str, language: str) -> str:
    """The sentence with its names; `to` (an activity), `name` (people) and `reason` come from the fact."""
    to = detail.get("to")
    place = case.version.both(to)[language] if isinstance(to, str) else ""
    return sentence.format(node=node, outcome=outcome, rule=rule, to=place, name=detail.get("name") or "", reason=detail.get("reason") or "")


def _sentence(kind: str, detail: Mapping[str, Any]) -> tuple[str, str]:
    """A decision by votes or by a rule is nobody's own and says so."""
    if "tally" in detail:
        return TALLIED
    return SENTENCES["skipped_by_rule" if kind in ("activity_completed", "voted") and detail.get("rule") in RULES else kind]


def _outcome_words(case: Case, node_id: str | None, outcome: str | None) -> dict[str, str]:
    for key in filter(None, (f"{node_id}.{outcome}", f"outcome.{outcome}", outcome)):
        words = case.version.labels.get("zh-CN", {}).get(key)
        if words:
            return {"zh": str(words), "en": str(case.version.labels.get("en", {}).get(key) or words)}
    return dict(ANSWER_WORDS.get(outcome or "") or {"zh": outcome or "完成", "en": outcome or "completed"})
