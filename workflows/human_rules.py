"""The settings of human activities, read and checked: who may do what beside the decision, votes, rules that act by themselves. Reads no data and no people."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from workflows.activity_fields import demands_fields
from workflows.feel import FeelError, compile_expression
from workflows.forms import fields
from workflows.graph import HUMAN, Finding, Node, ProcessGraph, listed
from workflows.process_version import form_reference, stem

RULES = ("all", "any", "first_agreement", "ratio", "majority", "sequential")
VOTING_KEYS = frozenset({"rule", "ratio", "wait_for_all", "veto", "agree", "refuse", "abstain", "outcome_agreed", "outcome_refused"})
LISTS = (("agree", "A"), ("refuse", "R"), ("abstain", "B"))
REFUSING, ABSTAINING = frozenset({"reject", "return", "disagree"}), frozenset({"abstain"})
CHOICES: Mapping[str, tuple[str, ...]] = {
    "same_person": ("off", "consecutive", "approved"), "applicant_is_approver": ("self", "skip", "superior"), "empty_assignee": ("process_owner",),
    "resubmit": ("every_step", "straight", "choose"), "point_of_no_return": ("true", "false"),
    "signature": ("true", "false"), "signers_decide": ("true", "false"), "signers_may_return": ("true", "false"),
}
NAMED: Mapping[str, tuple[str, ...]] = {  # settings that list names, separated by commas
    "signers": ("before", "parallel", "after"),
    "operations": (
        "forward", "delegate", "add_before", "add_parallel", "add_after", "remove_signer", "ask", "return", "urge", "snooze", "comment", "circulate",
    ),
}
TIMEOUTS = ("remind", "forward", "outcome")
Said = tuple[str, str, str]  # code, Chinese, English


def natural_side(item: Mapping[str, Any]) -> str:
    """What an outcome counts as when the model does not say: A agrees, R refuses, B abstains."""
    if str(item.get("value")) in ABSTAINING:
        return "B"
    return "R" if item.get("style") == "danger" or str(item.get("value")) in REFUSING else "A"


def human_findings(graph: ProcessGraph, forms: Mapping[str, Any]) -> Iterator[Finding]:
    """An error for every setting of a human activity that would not do what it says, or may not."""
    for node in graph.nodes.values():
        if node.type in HUMAN:
            for code, zh, en in (*_choices(node), *_claims(node), *_return_to(node, graph), *_participants(node), *_voting(node), *_timeout(node), *_rules(node, graph, forms)):
                yield Finding("error", code, node.id, node.name or "", node.line, zh, en, "", "")


def _choices(node: Node) -> Iterator[Said]:
    for name, known in CHOICES.items():
        value = node.properties.get(name)
        if value is not None and value not in known:
            extra = ("；无人可办理时不得自动通过", "; nothing passes because nobody may act") if (name, value) == ("empty_assignee", "skip") else ("", "")
            yield "setting-value", f"{name} 不能是“{value}”，可用 {'、'.join(known)}{extra[0]}", f"{name} cannot be {value}; use {', '.join(known)}{extra[1]}"
    for name, known in NAMED.items():
        for part in listed(node.properties.get(name)):
            if part not in known:
                yield "setting-value", f"{name} 中没有“{part}”，可用 {'、'.join(known)}", f"{name} knows no {part}; use {', '.join(known)}"
    if node.properties.get("applicant_is_approver") == "superior" and not node.properties.get("superior"):
        yield "superior-missing", "applicant_is_approver 为 superior，但没有写 superior（上级候选项）", "applicant_is_approver is superior, but no superior is named"


def _return_to(node: Node, graph: ProcessGraph) -> Iterator[Said]:
    for part in listed(node.properties.get("return_to")):
        target = graph.nodes.get(part)
        if part not in ("applicant", "previous", "any") and (target is None or target.type not in (*HUMAN, "subProcess", "callActivity")):
            yield (
                "setting-value", f"return_to 中的“{part}”不是人工环节；可用 applicant、previous、any 或人工环节的编号",
                f"return_to names {part}, which is no human activity; use applicant, previous, any, or ids of human activities",
            )


def _claims(node: Node) -> Iterator[Said]:
    text = node.properties.get("claim_expires")
    if text is not None and not re.fullmatch(r"(?!0+(\.0+)?$)[0-9]{1,4}(\.[0-9]{1,2})?", text.strip()):
        yield "claim-expires", f"claim_expires 须为大于零的小时数，现为“{text}”", f"claim_expires is a number of hours above zero, not {text}"


def _participants(node: Node) -> Iterator[Said]:
    settings = node.properties
    if settings.get("voting") and not settings.get("participants"):
        yield "participants-missing", "有表决规则，但没有会签人 participants", "there is a voting rule, but there are no participants"
    if settings.get("participants") and node.attributes.get("assignee"):
        yield "participants-assignee", "participants 与 assignee 不能同时使用", "participants and assignee cannot be used together"


def static_outcomes(node: Node) -> list[dict[str, Any]] | None:
    """The outcomes where the diagram writes them out; None where they are computed."""
    text = node.properties.get("outcomes", "")
    if not text:
        return [{"value": "complete"}]
    found = _json(text)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else None


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _voting(node: Node) -> Iterator[Said]:
    text = node.properties.get("voting", "")
    if not text or text.startswith("="):
        return
    given = _json(text)
    if not isinstance(given, dict):
        yield "voting", "voting 不是 JSON 对象，也不是以 = 开头的 FEEL", "voting is neither a JSON object nor FEEL that begins with ="
        return
    for key in sorted(set(given) - VOTING_KEYS):
        yield "voting", f"voting 中没有“{key}”这一项，可用 {'、'.join(sorted(VOTING_KEYS))}", f"voting has no entry {key}; it may have {', '.join(sorted(VOTING_KEYS))}"
    yield from _voting_rule(given)
    yield from _voting_outcomes(node, given)


def _voting_rule(given: Mapping[str, Any]) -> Iterator[Said]:
    rule, ratio = given.get("rule", "all"), given.get("ratio")
    if rule not in RULES:
        yield "voting", f"没有“{rule}”这种表决规则，可用 {'、'.join(RULES)}", f"there is no voting rule {rule}; use {', '.join(RULES)}"
    if ratio is not None and not _is_share(ratio):
        yield "voting", f"比例“{ratio}”应是 0 与 1 之间的分数，如 \"2/3\"", f"the ratio {ratio} must be a fraction above 0 and up to 1, such as \"2/3\""
    elif ratio is None and rule == "ratio":
        yield "voting", "比例表决没有写 ratio，如 \"2/3\"", "a vote by ratio names no ratio, such as \"2/3\""
    elif ratio is not None and rule not in ("ratio", "sequential"):
        yield "voting", f"规则 {rule} 不用 ratio", f"the rule {rule} has no ratio"
    if given.get("wait_for_all", False) not in (True, False):
        yield "voting", "wait_for_all 应是 true 或 false", "wait_for_all is true or false"
    for name in ("veto", "agree", "refuse", "abstain"):
        if not isinstance(given.get(name, []), list):
            yield "voting", f"voting 的 {name} 应是列表", f"{name} of voting must be a list"


def _is_share(ratio: Any) -> bool:
    try:
        return isinstance(ratio, (str, int)) and not isinstance(ratio, bool) and 0 < Fraction(ratio) <= 1
    except (ValueError, ZeroDivisionError):
        return False


def _voting_outcomes(node: Node, given: Mapping[str, Any]) -> Iterator[Said]:
    offered = static_outcomes(node)
    if offered is None:
        return
    values = {str(item.get("value")): item for item in offered}
    named = [(name, value) for name, _ in LISTS if isinstance(given.get(name), list) for value in given[name]]
    named += [(name, given[name]) for name in ("outcome_agreed", "outcome_refused") if given.get(name)]
    for name, value in named:
        if value not in values:
            yield "voting", f"{name} 写的“{value}”不是该环节的办理结果", f"{name} names {value}, which is no outcome of the activity"
    counted = [value for name, value in named if not name.startswith("outcome_")]
    for value in sorted({value for value in counted if counted.count(value) > 1}):
        yield "voting", f"结果“{value}”同时列为两种意见", f"the outcome {value} is listed twice"
    sides = {_side(item, given) for item in offered}
    if "A" not in sides:
        yield "voting", "没有一个办理结果算作同意", "no outcome counts as agreeing"
    if "B" in sides and "R" not in sides and not given.get("outcome_refused"):
        yield "voting", "弃权可使表决不通过，但没有表示不通过的结果；请写 outcome_refused", "abstaining can fail the vote, but no outcome says so; name outcome_refused"


def _side(item: Mapping[str, Any], given: Mapping[str, Any]) -> str:
    value = str(item.get("value"))
    return next((side for name, side in LISTS if isinstance(given.get(name), list) and value in given[name]), natural_side(item))


def timeout_of(node: Node) -> dict[str, Any] | None:
    """The `on_timeout` setting, or None where there is none that can be read."""
    text = node.properties.get("on_timeout")
    given = _json(text) if text else None
    return given if isinstance(given, dict) else None


def _timeout(node: Node) -> Iterator[Said]:
    if not node.properties.get("on_timeout"):
        return
    given = timeout_of(node)
    if given is None:
        yield "timeout", "on_timeout 不是 JSON 对象", "on_timeout is no JSON object"
        return
    for key in sorted(set(given) - {"at", "do", "to", "outcome"}):
        yield "timeout", f"on_timeout 中没有“{key}”这一项", f"on_timeout has no entry {key}"
    at, action = str(given.get("at", "due")), given.get("do")
    if action not in TIMEOUTS:
        yield "timeout", f"on_timeout 的 do 不能是“{action}”，可用 {'、'.join(TIMEOUTS)}", f"do of on_timeout cannot be {action}; use {', '.join(TIMEOUTS)}"
    if at == "due" and not node.attributes.get("dueDate"):
        yield "timeout", "on_timeout 按期限处理，但该环节没有 dueDate", "on_timeout goes by the due date, but the activity has no dueDate"
    for name, text in (("at", at if at != "due" else "=0"), ("to", str(given.get("to") or "=0"))):
        if problem := _formula_problem(text):
            yield "timeout", f"on_timeout 的 {name} 无法读取：{problem[0]}", f"{name} of on_timeout cannot be read: {problem[1]}"
    if action == "forward" and not given.get("to"):
        yield "timeout", "on_timeout 要转交上级，但没有写 to", "on_timeout forwards, but names nobody (to)"
    if action == "outcome":
        yield from _timeout_outcome(node, given)


def _formula_problem(text: str) -> tuple[str, str] | None:
    if not text.startswith("="):
        return None
    try:
        compile_expression(text[1:])
    except FeelError as error:
        return str(error), error.words.en
    return None


def _timeout_outcome(node: Node, given: Mapping[str, Any]) -> Iterator[Said]:
    offered, outcome = static_outcomes(node), str(given.get("outcome"))
    if offered is None:
        yield "timeout", "办理结果是算出来的，超时不能选定其一", "the outcomes are computed; a timeout cannot choose one"
        return
    item = next((one for one in offered if str(one.get("value")) == outcome), None)
    voting = _json(node.properties.get("voting", ""))
    if item is None:
        yield "timeout", f"on_timeout 的结果“{outcome}”不是该环节的办理结果", f"the outcome {outcome} of on_timeout is no outcome of the activity"
    elif agrees(item, voting if isinstance(voting, dict) else {}):
        yield "timeout-agrees", f"超时不得自动同意（“{outcome}”）", f"a timeout may not agree by itself ({outcome})"


def agrees(item: Mapping[str, Any], voting: Mapping[str, Any]) -> bool:
    """Whether an outcome counts as agreement; what is named expire or expired never does."""
    return str(item.get("value")) not in ("expire", "expired") and _side(item, voting) == "A"


# where no rule may decide


def deciding_rules(node: Node) -> list[str]:
    """The settings of `node` by which the system may decide it without a person."""
    settings, found = node.properties, []
    if settings.get("same_person") in ("consecutive", "approved"):
        found.append("same_person")
    if settings.get("applicant_is_approver") == "skip":
        found.append("applicant_is_approver")
    if (timeout_of(node) or {}).get("do") == "outcome":
        found.append("on_timeout")
    return found


def needs_hand(node: Node, graph: ProcessGraph, schema: Any, outcome: Mapping[str, Any] | None) -> tuple[str, str] | None:
    """Why only a person may decide `node` (with this outcome), in Chinese and English, or None.

    `schema` is the activity's form, or None. Reasons: a signature, a mandatory field or opinion, either side of a four-eyes rule.
    """
    settings = node.properties
    if settings.get("signature") == "true":
        return "须本人签名", "it is signed by hand"
    if settings.get("opinion") == "required" or (outcome or {}).get("requires"):
        return "有必填的意见或字段", "an opinion or a field is mandatory"
    if schema is not None and any(entry.required for entry in fields(schema)):
        return "表单有必填字段", "its form has mandatory fields"
    if demands_fields(node):
        return "表单有必填字段", "its form has mandatory fields"
    if settings.get("separate_from") or any(_checks(other, node.id) for other in graph.nodes.values()):
        return "它在经办与复核分离的一侧", "it is one side of a four-eyes rule"
    return None


def _checks(node: Node, other: str) -> bool:
    text = node.properties.get("separate_from", "")
    return text.startswith("=") or other in listed(text)


def _rules(node: Node, graph: ProcessGraph, forms: Mapping[str, Any]) -> Iterator[Said]:
    form = stem(form_reference(node))
    offered = static_outcomes(node) or []
    for rule in deciding_rules(node):
        outcome = next((item for item in offered if rule == "on_timeout" and str(item.get("value")) == (timeout_of(node) or {}).get("outcome")), None)
        if outcome is None:
            outcome = next((item for item in offered if natural_side(item) == "A"), None)
        if reason := needs_hand(node, graph, forms.get(form), outcome):
            yield "rule-needs-hand", f"{rule} 不能替人办理该环节：{reason[0]}", f"{rule} may not decide this activity for a person: {reason[1]}"
