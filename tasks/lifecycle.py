"""The life of a seat as one table: which verb, from which states, by whom, to which state (WS-HumanTask 1.1 §4.10). Asks no database."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from workflows.errors import Conflict, Forbidden, Rejection

OPEN, PARKED, QUEUED, COMPLETED, CANCELLED = "open", "parked", "queued", "completed", "cancelled"
STATES = (OPEN, PARKED, QUEUED, COMPLETED, CANCELLED)
LIVE = (OPEN, PARKED, QUEUED)
IN_TURN = (OPEN, PARKED)  # live, and not waiting for those before it
RETURNED = "returned"  # the outcome of a cancelled seat whose holder returned the case: he acted on it

MAIN = frozenset({"main", "parallel"})  # seats that vote
ADVICE = frozenset({"delegate", "before", "after", "asked", "advisory"})  # seats that answer; see `reading`
ANY_KIND = MAIN | ADVICE

# How a person stands to a seat (WS-HumanTask generic human roles, and ours where it has none).
POTENTIAL_OWNER = "potential_owner"  # the seat is offered to him and no four-eyes rule keeps him out
ACTUAL_OWNER = "actual_owner"  # he holds it
SUBSTITUTE = "substitute"  # it is offered to him as somebody's agent
STAND_IN = "stand_in"  # the model lets him act for the applicant
BUSINESS_ADMINISTRATOR = "business_administrator"  # he may steer the cases of one of its parties
PROCESS_OWNER = "process_owner"  # he answers for this process: whom the model names, else whoever may change it
TASK_INITIATOR = "task_initiator"  # the case is his own
ADDER = "adder"  # he added this signer
PAST_OWNER = "past_owner"  # he decided it
STAKEHOLDER = "stakeholder"  # he sees the case in full
PRINCIPAL = "principal"  # his agent has a key to it, or holds it for him
DELEGATOR = "delegator"  # he may decide it, and it waits for nothing but the advice of somebody it was delegated to
RELATIONS = (
    POTENTIAL_OWNER, ACTUAL_OWNER, SUBSTITUTE, STAND_IN, BUSINESS_ADMINISTRATOR, PROCESS_OWNER, TASK_INITIATOR, ADDER, PAST_OWNER,
    STAKEHOLDER, PRINCIPAL, DELEGATOR,
)


@dataclass(frozen=True, slots=True)
class Verb:
    """One row of the table. `to` None: the state stays; `cases`: the states of the case in which the verb exists.

    `when_parked`: who may also use it on a parked seat, although `states` leave that out.
    """

    name: str
    states: frozenset[str]
    by: frozenset[str]
    to: str | None = None
    kinds: frozenset[str] = MAIN
    cases: frozenset[str] = frozenset({"active"})
    when_parked: frozenset[str] = frozenset()


def _verb(
    name: str, states: str, by: Collection[str], to: str | None = None, kinds: frozenset[str] = MAIN, cases: str = "active",
    when_parked: Collection[str] = (),
) -> Verb:
    return Verb(name, frozenset(states.split()), frozenset(by), to, kinds, frozenset(cases.split()), frozenset(when_parked))


ACTING = (POTENTIAL_OWNER, ACTUAL_OWNER, SUBSTITUTE)
VERBS: Mapping[str, Verb] = {
    verb.name: verb
    for verb in (
        _verb("claim", OPEN, (POTENTIAL_OWNER, SUBSTITUTE), OPEN, ANY_KIND),
        _verb("release", OPEN, (ACTUAL_OWNER,), OPEN, frozenset({"main"})),  # a signer's seat has no pool
        _verb("save", OPEN, (*ACTING, STAND_IN), None, ANY_KIND, when_parked=(DELEGATOR,)),
        _verb("complete", OPEN, (*ACTING, STAND_IN), COMPLETED, when_parked=(DELEGATOR,)),  # takes the delegation back and decides
        _verb("answer", OPEN, ACTING, COMPLETED, ADVICE, when_parked=(DELEGATOR,)),
        _verb("forward", OPEN, ACTING, OPEN),
        _verb("delegate", OPEN, ACTING, PARKED, MAIN | {"delegate"}),
        _verb("take_back", PARKED, (ACTUAL_OWNER,), OPEN, MAIN | {"delegate"}),
        _verb("take_back_from_agent", f"{OPEN} {PARKED}", (PRINCIPAL,), OPEN, ANY_KIND),
        _verb("add_before", f"{OPEN} {PARKED}", ACTING, PARKED),
        _verb("add_parallel", f"{OPEN} {PARKED}", ACTING),
        _verb("add_after", f"{OPEN} {PARKED}", ACTING),
        _verb("remove_signer", f"{OPEN} {PARKED} {QUEUED}", (ADDER, PROCESS_OWNER), CANCELLED, ANY_KIND),
        _verb("ask", f"{OPEN} {PARKED}", ACTING),
        _verb("return", f"{OPEN} {PARKED}", ACTING, CANCELLED, ANY_KIND),
        _verb("reassign", f"{OPEN} {PARKED}", (BUSINESS_ADMINISTRATOR,), OPEN, ANY_KIND),
        _verb("urge", f"{OPEN} {PARKED} {QUEUED}", (STAKEHOLDER, TASK_INITIATOR), None, ANY_KIND),
        _verb("snooze", OPEN, ACTING, None, ANY_KIND),
        _verb("undo", COMPLETED, (PAST_OWNER,), OPEN, ANY_KIND, "active completed"),
        _verb("withdraw", COMPLETED, (PAST_OWNER,), CANCELLED, MAIN, "active completed"),
        _verb("comment", " ".join(STATES), (STAKEHOLDER, TASK_INITIATOR, *ACTING), None, ANY_KIND, "active suspended completed terminated"),
        _verb("circulate", " ".join(STATES), (STAKEHOLDER, *ACTING), None, ANY_KIND, "active suspended completed terminated"),
    )
}


def reading(kind: str, counts: bool) -> str:
    """The kind under which the table reads a seat: a parallel signer who does not count only gives an opinion."""
    return "advisory" if kind == "parallel" and not counts else kind


def refusal(
    verb: str, status: str, kind: str, case_status: str, relations: Collection[str]
) -> Rejection | None:
    """Why `verb` is refused for somebody who stands to the seat in `relations`, or None when it is allowed.

    Facts that only the database knows (who holds the seat, which clause keeps a person out) are said by the caller.
    """
    rule = VERBS.get(verb)
    if rule is None:
        return Rejection(f"没有“{verb}”这个操作。", f"There is no operation {verb}.", status=404)
    if case_status not in rule.cases:
        if case_status == "suspended":
            return Conflict("该事项已挂起，恢复后才能办理。", "The case is suspended; it can be worked on once it is resumed.")
        return Conflict("该事项已结束，不能再办理。", "The case is over; nothing can be done on it any more.")
    if status not in rule.states and not (status == PARKED and rule.when_parked & set(relations)):
        return Conflict(*STATE_WORDS.get(status, STATE_WORDS[COMPLETED]))
    if kind not in rule.kinds:
        return Conflict(*KIND_WORDS[kind in ADVICE])
    if not (rule.by | (rule.when_parked if status == PARKED else frozenset())) & set(relations):
        return Forbidden("您不能对该事项执行此操作。", "You may not do this to the item.")
    return None


STATE_WORDS: Mapping[str, tuple[str, str]] = {
    OPEN: ("该事项正在办理，不能这样操作。", "The item is open; this cannot be done now."),
    PARKED: ("该事项正在等待他人意见，请先收回。", "The item waits for somebody's opinion; take it back first."),
    QUEUED: ("还没有轮到该事项。", "It is not this item's turn yet."),
    COMPLETED: ("该事项已办结，请刷新。", "The item is already done; reload."),
    CANCELLED: ("该事项已不需要办理，请刷新列表。", "This item no longer needs to be done; refresh the list."),
}
KIND_WORDS: Mapping[bool, tuple[str, str]] = {
    True: ("征求意见的事项不能这样办理，请答复或交回。", "This seat gives an opinion; answer it or hand it back."),
    False: ("该事项由您办理，不是征求意见。", "This seat decides; it is not asked for an opinion."),
}
