"""docs/operations.md: every operation with its rule, guards and arguments, written from the tables the code uses. It decides nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tasks.lifecycle import ADVICE, ANY_KIND, MAIN, VERBS, Verb
from tasks.operations import Operation
from tasks.standing import DEFAULT_OPERATIONS
from workflows.graph.settings import USER_TASK_SETTINGS

HEAD = """# 人工办理的操作 / Operations of human work

本页由程序所用的同一张表生成。This page is written from the tables the code itself uses; the rules behind them are below the tables.

A seat (席位) is one person-vote inside one activity instance. States: `open` 待办, `parked` 等待他人意见, `queued` 未轮到, `completed` 已办,
`cancelled` 已取消. Seats of kind `main` and `parallel` vote; `delegate`, `before`, `after` and `asked` give an opinion, unless the model
lets signers decide. An operation shows only where the model allows it (`operations`, `signers`, `return_to` of the user task); without
`operations` these are offered: {defaults}.
"""
RELATIONS = {
    "potential_owner": ("可办理人", "may take it"), "actual_owner": ("办理人", "holds it"), "substitute": ("代理人", "acts for its holder"),
    "stand_in": ("代申请人办理者", "may act for the applicant"), "business_administrator": ("督导", "may steer the case"),
    "process_owner": ("流程负责人", "answers for the process"), "task_initiator": ("申请人", "the applicant"),
    "adder": ("加签人", "added this signer"), "past_owner": ("原办理人", "decided it"), "stakeholder": ("可见全部内容者", "sees the case in full"),
    "principal": ("被代理人", "is the one acted for"), "delegator": ("委派人", "delegated it"),
}
RULES = """
## 表决 / Votes

A, R, B, O = agreed, refused, abstained, not yet decided (queued ones included); N = A + R + B + O. Acted seats of people disabled later
stay in N; removed and advisory seats are not in N. 同意、反对、弃权、未表决分别计入 A、R、B、O；停用人员已表决的票保留，已移除的和仅供参考的席位不计入。

| rule 规则 | passes when 通过 | fails when 不通过 |
|---|---|---|
| `all` 会签 | every vote that counts agrees; A ≥ N 全部同意 | A + O < N 有人不同意 |
| `any` 或签 | the first act agrees 首个办理者同意 | the first act refuses 首个办理者不同意 |
| `first_agreement` | A ≥ 1 有一人同意 | O = 0 and A = 0 全部表决而无人同意 |
| `ratio` 比例 p/q | A ≥ max(1, ⌈N·p/q⌉) | A + O < max(1, ⌈N·p/q⌉) |
| `majority` 过半 | A ≥ ⌊N/2⌋ + 1 | A + O < ⌊N/2⌋ + 1 |
| `sequential` 依次 | as `all`, one after the other 逐个办理 | the first refusal 首个不同意 |

`wait_for_all`: decided only when O = 0 全部表决后才计算. `veto` 一票否决: one refusal of a holder fails; a pass waits until every holder has acted.
The outcome is the fold of the ordered votes at the first decisive prefix; open and parked seats are then cancelled with a notice.
结果取自按先后排列的表决中最早能够定案的一段；其余席位随即取消并通知。

## 退回 / Returns

Candidates are human-completed activities in the causal past (who handed it here), across rounds. Business fields stay; the outcomes of every
undone activity become null; nothing goes back past a point of no return. 可退回的是把事项交到此处的、由人办结的环节（跨轮次）；业务数据保留，
被退回的各环节结果清空；已经对外发出的，不能退回到发出之前。

| case 情形 | cancelled 取消 | started 开始 |
|---|---|---|
| same branch 同一分支 | the step with all its seats, children, timers 本环节及其席位、加签、定时 | the target 目标环节 |
| before a fork, from after its join 分支之前，自汇合之后 | the step 本环节 | the target |
| before a fork, from inside a branch 分支之前，自某一分支内 | every token that descends from the fork, those waiting at the join, timers, sub-processes 该分支点产生的全部 | the target |
| inside one branch, from after the join 某一分支内，自汇合之后 | the step 本环节 | the target; the other branches' arrivals wait again 其他分支的到达重新等候 |
| a sibling branch 并行的另一分支 | – | refused 不允许 |
| outside a sub-process, from inside 子流程之外 | the whole sub-process 整个子流程 | the target |
| inside a finished sub-process or called process 已结束的子流程之内 | – | refused; its start is offered 不允许，可退回到子流程开头 |
| inclusive gateway 包容网关 | as parallel 同并行 | conditions are evaluated anew 条件重新计算 |

重新提交 submitting again: `every_step` 逐级 takes every step again; `straight` 直达 restores what the return cancelled, joins included. Every step is forced
when a changed field is read between the two, or a target vanished by migration.
"""


def page(operations: Sequence[Operation]) -> str:
    """The whole page in Chinese and English."""
    defaults = ", ".join(f"`{verb}`" for verb in sorted(DEFAULT_OPERATIONS))
    return "\n".join([HEAD.format(defaults=defaults), *_lifecycle(), *_register(operations), RULES, *_settings()]) + "\n"


def _lifecycle() -> Iterator[str]:
    yield "## 席位的状态与操作 / The life of a seat\n"
    yield "| verb | from 状态 | to 变为 | seats 席位 | by 由谁 | case 事项 |\n|---|---|---|---|---|---|"
    for verb in VERBS.values():
        by = "<br>".join(f"{RELATIONS[name][0]} {RELATIONS[name][1]}" for name in sorted(verb.by))
        yield f"| `{verb.name}` | {_listed(verb.states)} | {f'`{verb.to}`' if verb.to else '–'} | {_kinds(verb)} | {by} | {_listed(verb.cases)} |"
    yield ""


def _kinds(verb: Verb) -> str:
    if verb.kinds == ANY_KIND:
        return "all 全部"
    return {MAIN: "votes 表决", ADVICE: "opinions 征求意见"}.get(verb.kinds, _listed(verb.kinds))


def _listed(values: frozenset[str]) -> str:
    return ", ".join(f"`{value}`" for value in sorted(values))


def _register(operations: Sequence[Operation]) -> Iterator[str]:
    yield "## 操作 / Operations\n"
    for operation in operations:
        yield f"### {operation.zh} / {operation.en} (`{operation.verb}`, {'席位 seat' if operation.about == 'seat' else '事项 case'})\n"
        yield f"{operation.rule_zh}\n\n{operation.rule_en}\n"
        if operation.arguments:
            yield "| argument 参数 | kind 类型 | | |\n|---|---|---|---|"
            for one in operation.arguments:
                yield f"| `{one.key}` | {one.kind} | {one.zh} / {one.en} | {'required 必填' if one.required else ''} |"
            yield ""
        if operation.preview is not None:
            yield "办理前先显示将发生什么。A preview says first what would happen.\n"


SETTINGS = (
    "operations", "participants", "voting", "signers", "signers_decide", "signers_may_return", "return_to", "resubmit", "separate_from", "same_person",
    "empty_assignee", "applicant_is_approver", "superior", "on_timeout", "signature", "claim_expires", "field_permissions", "attachments", "opinion",
)


def _settings() -> Iterator[str]:
    yield "## 设置 / Settings of a user task\n"
    yield "| property | | |\n|---|---|---|"
    for name in SETTINGS:
        if name in USER_TASK_SETTINGS:
            yield f"| `{name}` | {USER_TASK_SETTINGS[name].zh} | {USER_TASK_SETTINGS[name].en} |"
