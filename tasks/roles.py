"""The roles of the house as data: what each is called, does, sees and may do, and at which kinds of organisation.

`sees` is one of: own (cases about himself), class_list (names and done or not done of his class, no case),
organisation (cases with a party in his organisation and below), region (the same, a province with the universities
that lie in it), aggregates (figures only), nothing. Every person sees his own cases in any role.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

PLATFORM = ("national", "platform")
SCHOOL = ("university", "campus")
STAFF = frozenset({"cases.list", "cases.export", "case.start", "cohort.import", "codes.issue"})
LEADS = STAFF | {"cases.supervise", "seats.reassign", "seats.urge"}
REGION = frozenset({"cases.list", "cases.export", "cases.supervise", "seats.reassign", "seats.urge", "incidents.resolve"})


@dataclass(frozen=True)
class Role:
    """One role: its names, what it does, what it sees, whom it supervises and what it may do."""

    zh: str
    en: str
    does_zh: str
    does_en: str
    sees: str = "nothing"
    supervises: bool = False
    actions: frozenset[str] = field(default_factory=frozenset)
    kinds: tuple[str, ...] = ()  # of organisations where the role exists; empty: anywhere


ROLES: Mapping[str, Role] = {
    "student": Role("借款学生", "Borrower", "申报、确认、申请变更、投诉", "declares, confirms, asks for changes, complains", sees="own"),
    "class_rep": Role(
        "班级资助学生", "Class representative", "提醒本班同学，收取材料", "reminds classmates, collects paper", sees="class_list",
        actions=frozenset({"class.list"}), kinds=("class",),
    ),
    "counselor": Role(
        "辅导员", "Counsellor", "培训、初审、联系学生", "trains, pre-screens, keeps contact", sees="organisation",
        actions=frozenset({"cases.list", "class.list", "case.start", "codes.issue"}), kinds=("class", "faculty"),
    ),
    "faculty_lead": Role(
        "学院资助负责人", "Faculty aid lead", "确认毕业生，汇总，登记台账", "confirms graduates, summarises, keeps the ledger", sees="organisation",
        supervises=True, actions=frozenset({"cases.list", "cases.export", "class.list", "case.start", "seats.urge", "cases.supervise"}),
        kinds=("faculty",),
    ),
    "univ_clerk": Role(
        "高校资助中心经办人", "University aid clerk", "审核续贷声明、录入回执、接收汇总", "audits declarations, enters receipts, accepts summaries",
        sees="organisation", actions=STAFF | {"class.list"}, kinds=SCHOOL,
    ),
    "univ_principal": Role(
        "高校资助中心负责人", "University aid principal", "复核、通报", "reviews, issues bulletins", sees="organisation", supervises=True,
        actions=LEADS | {"class.list", "calendar.edit"}, kinds=SCHOOL,
    ),
    "univ_finance": Role(
        "高校财务", "University finance", "维护收费标准与账户，上传凭证", "keeps fee standards, accounts and certificates", kinds=SCHOOL,
    ),
    "hs_officer": Role(
        "高中资助负责人", "High-school officer", "组织预申请、宣传", "keeps pre-application lists, outreach", sees="organisation",
        actions=frozenset({"cases.list"}), kinds=("high_school",),
    ),
    "township_officer": Role(
        "乡镇资助负责人", "Township officer", "组织预申请、宣传", "keeps pre-application lists, outreach", sees="organisation",
        actions=frozenset({"cases.list"}), kinds=("township",),
    ),
    "volunteer": Role("大学生志愿者", "Volunteer", "引导排队", "guides the queue"),
    "county_clerk": Role(
        "县级资助中心经办人", "County aid clerk", "录入、受理、审核", "enters, accepts, audits", sees="organisation", actions=STAFF, kinds=("county",),
    ),
    "county_principal": Role(
        "县级资助中心负责人", "County aid principal", "复核、退回", "reviews, returns", sees="organisation", supervises=True,
        actions=LEADS, kinds=("county",),
    ),
    "city_supervisor": Role(
        "市级督导", "City supervisor", "预警、约谈、督办", "warns, interviews, orders", sees="region", supervises=True, actions=REGION, kinds=("city",),
    ),
    "province_clerk": Role(
        "省中心经办人", "Province clerk", "设定周期与期限，督导，上报资金", "sets cycle dates, supervises, reports funds", sees="region",
        supervises=True, actions=REGION | {"calendar.edit"}, kinds=("province",),
    ),
    "province_principal": Role(
        "省中心负责人", "Province principal", "督导、审批", "supervises, approves", sees="region", supervises=True,
        actions=REGION | {"calendar.edit"}, kinds=("province",),
    ),
    "national_viewer": Role("全国中心", "National viewer", "接收报告", "receives reports", sees="aggregates", kinds=PLATFORM),
    "bank_reviewer": Role(
        "开行分行经办人", "Bank reviewer", "审查、退回", "checks, returns", sees="organisation", actions=frozenset({"cases.list"}),
        kinds=("bank_branch",),
    ),
    "bank_approver": Role(
        "开行分行审批人", "Bank approver", "审批、发放", "approves, disburses", sees="organisation", actions=frozenset({"cases.list"}),
        kinds=("bank_branch",),
    ),
    "data_admin": Role("系统数据管理员", "Data administrator", "审批敏感信息查看与导出", "approves unmasking and export"),
    "people_admin": Role(
        "人员与日历管理员", "People and calendar administrator", "管理单位、人员、账号与期限", "manages organisations, people, accounts and deadlines",
        actions=frozenset({"people.manage", "organisations.manage", "calendar.edit", "calendar.official", "log.read"}),
    ),
    "process_admin": Role(
        "流程管理员", "Process administrator", "编辑流程、决策表与日历", "edits processes, decisions and calendars", kinds=PLATFORM,
        actions=frozenset({"model.view", "model.deploy", "calendar.edit", "calendar.official"}),
    ),
    "auditor": Role(
        "审计", "Auditor", "查阅审计日志", "reads the audit log", actions=frozenset({"log.read", "model.view"}), kinds=PLATFORM,
    ),
}

SEEING = frozenset({"organisation", "region"})


def role(code: str) -> Role:
    """The role with `code`; one that was taken out of the table sees and may do nothing."""
    return ROLES.get(code, Role(code, code, "", ""))
