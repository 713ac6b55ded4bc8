"""The names of our own settings: the camunda:property entries a diagram may carry, where each belongs and what it does.

It knows names and words only; what a setting does is decided by whoever reads it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from workflows.graph.model import HUMAN


class Setting(NamedTuple):
    """What one setting does, in both languages."""

    zh: str
    en: str


def listed(text: str | None) -> list[str]:
    """The parts of a comma-separated setting; none when it is absent or empty."""
    return [part.strip() for part in (text or "").split(",") if part.strip()]


USER_TASK_SETTINGS: Mapping[str, Setting] = {
    "outcomes": Setting(
        "可选的办理结果：列表 {value, zh, en, style, requires, always, novalidate, confirm}；requires 为该结果必填的字段，always 表示即使 refuse_completion 有话说也可选",
        "the outcomes a person may choose: list of {value, zh, en, style, requires, always, novalidate, confirm}; requires = fields needed for this outcome, always = allowed although refuse_completion speaks",
    ),
    "title": Setting("FEEL：列表中的标题，文字或 {zh, en}", "FEEL: the title shown in lists, text or {zh, en}"),
    "summary": Setting("FEEL：标题下的一段文字，文字或 {zh, en}", "FEEL: the text under the title, or {zh, en}"),
    "facts": Setting(
        "FEEL：办理页显示的事实，列表 {zh, en, value}，value 可为 {zh, en}；缺省用流程的",
        "FEEL: facts on the task page, list of {zh, en, value}, where value may be {zh, en}; else those of the process",
    ),
    "list_facts": Setting("FEEL：列表行中的事实，列表 {zh, en, value}", "FEEL: facts in the list row, list of {zh, en, value}"),
    "flags": Setting("FEEL：提示，列表 {code, zh, en}", "FEEL: marks shown with the task, list of {code, zh, en}"),
    "open_first": Setting("FEEL：为真时必须打开逐件查看，批量办理时跳过", "FEEL: true = must be opened; skipped in bulk"),
    "bulk": Setting("true：可以批量办理", "true: may be decided in bulk"),
    "decision": Setting("先于其他设置求值的决策；进入时和每个时间点各求一次", "a decision evaluated before the other settings, on entry and at each time mark"),
    "decision_result": Setting(
        "决策结果在其他设置中的名称；缺省为决策名",
        "the name of the decision's result in the other settings; else the decision's own name",
    ),
    "duty": Setting("FEEL：必须办理的候选组", "FEEL: the candidate group that must act"),
    "clause": Setting("FEEL：无权办理者被告知的依据，文字或 {zh, en}", "FEEL: the rule told to somebody who may not act, text or {zh, en}"),
    "time_marks": Setting("FEEL：时间列表，到时重新确定谁可办理；领取和草稿保留", "FEEL: moments at which who may act is worked out anew; claims and drafts stay"),
    "reminders": Setting(
        "FEEL：提醒，列表 {at, to}；to 为 \"candidates\" 或候选列表；已过的不发",
        "FEEL: reminders, list of {at, to}; to = \"candidates\" or a list of candidates; those past are skipped",
    ),
    "escalation": Setting(
        "FEEL：逾期上报，列表 {at, to, mark, mark_for, text}：通知上级并在事项上留记录",
        "FEEL: escalation, list of {at, to, mark, mark_for, text}: a notice upwards and a record on the case",
    ),
    "separate_from": Setting(
        "经办与复核分离：逗号分隔的环节，其办理人不得办理本环节（任何轮次）",
        "four-eyes: ids separated by commas; whoever acted there, in any round, may not act here",
    ),
    "applicant": Setting("true：申请人的环节；回到此处轮次加一", "true: the applicant's activity; coming back to it raises the round"),
    "proxy": Setting("可代申请人办理的角色，逗号分隔", "roles of the case's organisations that may act for the applicant, separated by commas"),
    "refuse_completion": Setting(
        "FEEL：暂不能办理的理由 {zh, en, link}，否则 null",
        "FEEL: why it may not be completed now, {zh, en, link}, else null",
    ),
    "fingerprint": Setting("其文字供 seen_before 比对的变量", "the variable whose text seen_before remembers"),
    "numbers": Setting("true：办理后给事项编号（只一次）", "true: completing it gives the case its number, once"),
    "stage": Setting("FEEL 或文字：从此处起事项的状态", "FEEL or text: the stage of the case from here on"),
    "participants": Setting("FEEL：会签人列表，每个候选项一票", "FEEL: list of candidates, each with a vote of its own"),
    "voting": Setting(
        "表决规则，JSON 或 FEEL：{rule, ratio, wait_for_all, veto, agree, refuse, abstain, outcome_agreed, outcome_refused}；见“会签”一节",
        "how votes decide, JSON or FEEL: {rule, ratio, wait_for_all, veto, agree, refuse, abstain, outcome_agreed, outcome_refused}; see Countersigning",
    ),
    "opinion_field": Setting("表单中哪个字段是意见", "which field of the form is the opinion"),
    "empty_assignee": Setting(
        "无人可办理时：process_owner（缺省）交流程负责人并报警；从不自动通过",
        "when nobody may act: process_owner (the default) gives it to the process's owner with an alarm; it never passes by itself",
    ),
    "same_person": Setting(
        "同一人自动跳过：off（缺省）、consecutive（前一步由他同意）、approved（此前已同意且此后无数据变化）",
        "skip whoever agreed already: off (default), consecutive (he agreed at the step before), approved (agreed before, and no value changed since)",
    ),
    "applicant_is_approver": Setting(
        "申请人即审批人时：self（缺省，本人办理）、skip（系统通过）、superior（交上级）",
        "when the applicant is the one to approve: self (default), skip (the system passes it), superior (to the superior)",
    ),
    "superior": Setting("FEEL：上级候选项", "FEEL: the candidate above"),
    "on_timeout": Setting(
        "超时处理，JSON：{at, do, to, outcome}；at 为 due 或 FEEL，do 为 remind、forward 或 outcome；结果不得为同意",
        "what happens when time is up, JSON: {at, do, to, outcome}; at = due or FEEL, do = remind, forward or outcome, which may not agree",
    ),
    "operations": Setting(
        "除领取、放回、保存、办理外恰好可用的操作，逗号分隔；缺省为 forward,delegate,ask,comment,circulate,urge,snooze 及 signers、return_to 所允许的",
        "exactly these operations besides claim, release, save and complete, separated by commas; else forward,delegate,ask,comment,circulate,urge,snooze "
        "and what signers and return_to allow",
    ),
    "claim_expires": Setting(
        "领取多少小时后自动退回待认领（非工作日不计；等待意见、挂起或十五分钟内保存过草稿时不退）",
        "hours after which a claim goes back to the pool by itself (days off not counted; not while it waits for an opinion, the case is suspended, or a "
        "draft was saved within 15 minutes)",
    ),
    "signers": Setting("可以加签：before（前）、parallel（并）、after（后），逗号分隔；缺省不可", "signers may be added: before, parallel, after, separated by commas; else none"),
    "signers_decide": Setting(
        "true：加签人有决定权：前、后加签人不同意即转为不同意，并加签人的票计入总数；缺省只提供意见",
        "true: signers decide: the refusal of one before or after turns the vote, one beside has a vote; else they only advise",
    ),
    "return_to": Setting(
        "可退回到：applicant（申请人）、previous（上一步）、any（任意已办环节）或环节编号，逗号分隔；缺省不可退回",
        "where it may be returned to: applicant, previous, any, or ids of activities, separated by commas; else it cannot be returned",
    ),
    "resubmit": Setting(
        "退回后重新提交：every_step（缺省，逐级）、straight（直接回到退回人）、choose（退回人选择）",
        "submitting again after a return: every_step (default), straight (to whoever returned it), choose (he chooses)",
    ),
    "point_of_no_return": Setting("true：办完后不得再退回到此前", "true: once done, nothing goes back to before it"),
    "signers_may_return": Setting("true：加签人也可以退回；缺省只能答复“建议退回”", "true: a signer may return the case; else he only suggests it"),
    "field_permissions": Setting(
        "字段权限，JSON：{字段: visible（只读）、editable、hidden 或 required}；键 * 指未列出的字段；值也可按角色写 {\"role:角色\": 权限, \"*\": 权限}；见“字段与附件”一节",
        "rights on fields, JSON: {field: visible (read-only), editable, hidden or required}; the key * is every field not named; a right may be given by role, "
        "{\"role:…\": right, \"*\": right}; see Fields and files",
    ),
    "opinion": Setting(
        "意见：required（必填）、optional（可填）、none（不填）；表单中没有意见字段时自动加上",
        "the opinion: required, optional or none; a form without a field for it gets one",
    ),
    "attachments": Setting(
        "可上传的文件，JSON：{types: [pdf, jpg, png, webp, docx, xlsx], megabytes: 10, opinion: true}；opinion 表示意见也可附文件",
        "the files it takes, JSON: {types: [pdf, jpg, png, webp, docx, xlsx], megabytes: 10, opinion: true}; opinion = files beside the opinion, too",
    ),
    "signature": Setting("true：须本人签名，任何自动规则都不得代办", "true: it is signed by hand; no automatic rule decides it"),
}
ACTIVITY_SETTINGS: Mapping[str, Setting] = {
    "stage": Setting("FEEL 或文字：从此处起事项的状态", "FEEL or text: the stage of the case from here on"),
    "connector": Setting("服务或发送任务使用的连接器", "the connector a service or send task uses"),
    "payload": Setting("FEEL：随消息或作业发出的内容", "FEEL: what is sent with the message or the job"),
    "idempotency_key": Setting("FEEL：使作业可以安全重复的键", "FEEL: the key that makes a job safe to repeat"),
    "retries": Setting("作业最多尝试几次", "how often a job is tried"),
    "time_limit": Setting("连接器一次调用最多多久：秒数或 ISO 8601 时长", "how long one call of the connector may take: seconds, or an ISO 8601 duration"),
    "correlation": Setting("FEEL：找到所属事项的消息键", "FEEL: the key by which a message finds its case"),
    "message_variable": Setting("存放消息或结果内容的变量", "the variable that receives what the message or the result holds"),
    "sent_by": Setting("可从事项页发出此消息的角色，逗号分隔", "roles that may send the message from the case page, separated by commas"),
    "sent_by_party": Setting("发送人的单位须是哪类参与方，逗号分隔", "the kinds of party the sender's organisation must be, separated by commas"),
    "output_collection": Setting("汇总各实例结果的变量", "the variable that receives the list of all instances' results"),
    "output_element": Setting("FEEL：一个实例的结果", "FEEL: one instance's result"),
    "point_of_no_return": Setting("true：完成后不得再退回到此前", "true: once done, nothing goes back to before it"),
}
EVENT_SETTINGS: Mapping[str, Setting] = {
    "correlation": Setting("FEEL：找到所属事项的消息键", "FEEL: the key by which a message finds its case"),
    "payload": Setting("FEEL：随消息或信号发出的内容", "FEEL: what is sent with the message or signal"),
    "point_of_no_return": Setting("true：发生后不得再退回到此前", "true: once it has happened, nothing goes back to before it"),
    "message_variable": Setting("存放消息内容的变量", "the variable that receives what the message holds"),
    "calendar_key": Setting(
        "定时事件：日历中的期限键；到该期限时触发，不再填写时间",
        "timers: a key of the calendar; it is due at that deadline of the case's cycle, and no time is written",
    ),
    "calendar_organisation": Setting(
        "FEEL 或机构代码：哪个机构的期限；缺省为 case.university", "FEEL or a code: whose deadline; else that of case.university",
    ),
    "stage": Setting("FEEL 或文字：从此处起事项的状态", "FEEL or text: the stage of the case from here on"),
    "sent_by": Setting("可从事项页发出此消息的角色，逗号分隔", "roles that may send the message from the case page, separated by commas"),
    "sent_by_party": Setting("发送人的单位须是哪类参与方，逗号分隔", "the kinds of party the sender's organisation must be, separated by commas"),
}
PROCESS_SETTINGS: Mapping[str, Setting] = {
    "business_key": Setting("FEEL：每个键只有一件事项", "FEEL: no two cases of the process share this key"),
    "subject": Setting("FEEL：事项关于谁或什么，显示在列表中", "FEEL: whom or what the case is about, as lists show it"),
    "subject_person": Setting("FEEL：事项所涉人员的编号", "FEEL: the id of the person the case is about"),
    "process_owner": Setting("FEEL：流程负责人，无人可办理时由他办理", "FEEL: who answers for the process and gets what nobody else may do"),
    "start_roles": Setting("可以手工发起的角色，逗号分隔", "roles that may start a case by hand, separated by commas"),
    "parties": Setting("FEEL：参与方，类别 → 机构代码，决定谁看得到事项", "FEEL: kind → organisation code; decides who sees the case"),
    "items": Setting("FEEL：可检索的子项，列表 {kind, value}", "FEEL: searchable child rows, list of {kind, value}"),
    "number_prefix": Setting("FEEL 或文字：编号前缀", "FEEL or text: the prefix of the case number"),
    "stages": Setting("JSON：状态及其名称 {code: {zh, en}}", "JSON: the stages and their names, {code: {zh, en}}"),
    "withdrawable": Setting("申请人可从哪些环节撤回，逗号分隔", "activities from which the applicant may take the case back, separated by commas"),
    "personal_fields": Setting(
        "含个人信息的表单字段，逗号分隔：加密保存，只对申请人及代办人显示原文",
        "form fields with personal data, separated by commas: sealed at rest, in clear only for the applicant and whoever acts for him",
    ),
    "derived": Setting(
        "事实变化后重新求值的决策，逗号分隔；结果写入同名变量",
        "decisions worked out anew when facts change outside of the flow, separated by commas; their results are variables of the same name",
    ),
    "facts": Setting("FEEL：事项页显示的事实，列表 {zh, en, value}", "FEEL: facts on the case page, list of {zh, en, value}"),
}
FEEL_SETTINGS = frozenset({"correlation", "output_element"})
PLACES = (
    ("User tasks", USER_TASK_SETTINGS), ("Other activities", ACTIVITY_SETTINGS), ("Events", EVENT_SETTINGS), ("The process", PROCESS_SETTINGS),
)


def known_settings(element_type: str) -> Mapping[str, Setting]:
    """The settings an element of this BPMN type may carry, with what each is for."""
    if element_type in HUMAN:
        return USER_TASK_SETTINGS
    if element_type == "process":
        return PROCESS_SETTINGS
    return EVENT_SETTINGS if element_type.endswith("Event") else ACTIVITY_SETTINGS


def settings_page() -> str:
    """Every setting as Markdown tables, one per place, English and Chinese: a part of the guide for people who draw processes."""
    tables = []
    for place, settings in PLACES:
        rows = [f"| `{name}` | {setting.en} | {setting.zh} |" for name, setting in settings.items()]
        tables.append("\n".join([f"### {place}", "", "| property | meaning | 含义 |", "|---|---|---|", *rows]))
    return "\n\n".join(tables) + "\n"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like `name`, if any is like it."""
    found = difflib.get_close_matches(name[:80], list(known), n=1, cutoff=0.5)
    return found[0] if found else None
