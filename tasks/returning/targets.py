"""Where a step may be returned to: human completions in its causal past, and for the others why not. Reads only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection, select

from tasks.returning.consequences import called_by, done_for_good, inside_of
from workflows import history
from workflows.case import Case
from workflows.causal_past import CausalPast, Completion, human_in
from workflows.engine import INSTANCE, ProcessEngine
from workflows.errors import Conflict, Rejection
from workflows.graph import listed
from workflows.models import Job, table_of
from workflows.modifying import Plan, going_back
from workflows.work import JOB_KIND

Human = Callable[[Completion], bool]
WHOLE = frozenset({"subProcess", "callActivity"})
JOB = table_of(Job)


@dataclass(frozen=True)
class Target:
    """One place to go back to; `case` is the row it is in (the case itself or one around it), `whole` a sub-process to start again."""

    case: Case
    done: Completion
    whole: bool = False
    plan: Plan | None = None
    refused: Rejection | None = None
    previous: bool = False  # it handed the work here
    passed: bool = False  # it lies in the causal past; else only somebody has done it
    held: tuple[int, ...] = field(default=())  # messages that have not gone out yet and are taken back

    @property
    def value(self) -> str:
        """What stands for it in a dialog: case and token."""
        return f"{self.case.id}:{self.done.token}"

    @property
    def name(self) -> dict[str, str]:
        """The activity's name in both languages."""
        node = self.case.version.graph.nodes[self.done.node]
        both = self.case.version.both(self.done.node)
        return {"zh": both["zh"] or node.name or node.id, "en": both["en"] or node.name or node.id}


class Past:
    """The causal past of one token, and of the calls around its case."""

    def __init__(self, engine: ProcessEngine, connection: Connection, case: Case, token: str) -> None:
        self._engine = engine
        self._connection = connection
        self.levels: list[tuple[Case, CausalPast, str]] = []
        while True:
            live = {one: entry[2] for one, entry in case.state["t"].items()}
            self.levels.append((case, CausalPast(history.facts(connection, case.id), live), token))
            if case.parent_id is None:
                break
            case, token = self._around(case), str(case.parent_token)

    def _around(self, case: Case) -> Case:
        known = case.family.get(case.parent_id or 0)
        if known is not None:
            return known
        row = self._connection.execute(select(INSTANCE).where(INSTANCE.c.id == case.parent_id)).one()
        found = self._engine.attach(self._connection, row, case.author)
        found.join(case.family)
        return found

    def targets(self) -> list[Target]:
        """Everything people have done in the case, latest first: reachable, or refused with the reason."""
        found: list[Target] = []
        handed_here = False
        for case, past, token in self.levels:
            here = self._level(case, past, token, nearest=not handed_here)
            handed_here = handed_here or any(one.previous for one in here)
            found += here
        return found

    def _level(self, case: Case, past: CausalPast, token: str, nearest: bool) -> list[Target]:
        human = human_in(case.version.graph.nodes)
        wholes = {done.token: done for done in self._wholes(case, past, token)}
        previous = {done.token for done in handed_by(past, token, human, wholes)} if nearest else set()
        reachable = [Target(case, done, previous=done.token in previous, passed=True) for done in past.human_past(token, human)]
        reachable += [Target(case, done, whole=True, previous=done.token in previous, passed=True) for done in wholes.values()]
        known = {one.done.node for one in reachable}
        listed = [self.planned(one, past) for one in reachable]
        listed += [
            Target(case, done, refused=self._why_not(case, past, done, wholes))
            for done in latest(past, human) if done.node not in known and not case.is_open(done.token) and done.token not in past.undone
        ]
        return sorted(listed, key=lambda one: (one.refused is not None, -one.done.sequence))

    def _wholes(self, case: Case, past: CausalPast, token: str) -> Iterable[Completion]:
        """Sub-processes and calls in the past that are over and in which people have worked."""
        human, nodes = human_in(case.version.graph.nodes), case.version.graph.nodes
        before = past.ancestors([token])
        seen: dict[str, Completion] = {}
        for one in before:
            node = nodes.get(past.nodes.get(one, ""))
            if node is None or node.type not in WHOLE or "#" in one or one in case.state["t"]:
                continue
            following = past.descendants(one)
            inner = [
                done for done in past.completions.values() if human(done) and done.token in following and inside(case, done.node, node.id)
            ]
            called = node.type == "callActivity" or node.multi_instance is not None
            if inner or called:
                at = max(inner, key=lambda done: done.sequence) if inner else None
                entered = past.entered.get(one, 0)
                done = past.completions.get(one) or Completion(node.id, one, entered, at.at if at else case.now, None, None, case.round, {})
                mine = replace(done, node=node.id, person=None)
                if node.id not in seen or seen[node.id].sequence < mine.sequence:
                    seen[node.id] = mine
        return [done for done in seen.values() if not any(inside(case, done.node, other.node) for other in seen.values() if other is not done)]

    def _why_not(self, case: Case, past: CausalPast, done: Completion, wholes: dict[str, Completion]) -> Rejection:
        nodes = case.version.graph.nodes
        around = next((one for one in wholes.values() if inside(case, done.node, one.node)), None)
        if around is not None:
            name = nodes[around.node].name or around.node
            return Conflict(f"该环节在已结束的子流程“{name}”内，不能退回到其中；请退回到“{name}”的开始。",
                            f"It lies inside the sub-process {name}, which is over; go back to the start of {name} instead.")
        return Conflict("该环节在并行的另一条分支上，没有把事项交到这里，不能退回；请与其办理人沟通，或退回到分支之前。",
                        "It is on a parallel branch and did not hand the case here; ask its handler, or go back to before the branches.")

    def planned(self, target: Target, past: CausalPast) -> Target:
        """The target with its plan and the messages still to be held back, or with the reason why it is refused."""
        case = target.case
        refused, held = self._no_return(target, past)
        if refused is not None:
            return replace(target, refused=refused)
        try:
            plan = going_back(case.version.machine, case.state, past, target.done, whole=target.whole)
        except Conflict as reason:
            return replace(target, refused=reason)
        if self._running(case, plan):
            return replace(target, refused=Conflict("其后有对外请求正在执行，请稍后再退回。", "A call to the outside is under way after it; try again in a moment."))
        return replace(target, plan=plan, held=held)

    def _no_return(self, target: Target, past: CausalPast) -> tuple[Rejection | None, tuple[int, ...]]:
        """Whether something was done since that nothing takes back, here or in what was called; else the messages that can still be held back."""
        case, done = target.case, target.done
        after = 0 if target.whole else done.sequence
        descending = past.descendants(done.token, 0 if target.whole else done.newest)
        facts = [*past.facts_after(done.token, after, descending)]
        calls = {done.token, *descending} if target.whole else descending
        return done_for_good(self._engine, self._connection, case, facts, calls, {done.node})

    def _running(self, case: Case, plan: Plan) -> bool:
        """Whether a call to the outside is under way in what would be cancelled."""
        tokens = inside_of(case, plan.cancel)
        keys = [f"work:{case.id}:{token}" for token, *_ in case.version.machine.tokens(case.state) if token.partition("#")[0] in tokens]
        for row in called_by(self._connection, case.id, tokens):
            keys += [f"work:{row.id}:{token}" for token, *_ in self._engine.version(self._connection, row.definition_id).machine.tokens(row.state)]
        leased = select(JOB.c.id).where(JOB.c.kind == JOB_KIND, JOB.c.unique_key.in_(keys), JOB.c.lease_until > case.now)
        return bool(keys) and self._connection.execute(leased.limit(1)).first() is not None


def handed_by(past: CausalPast, token: str, human: Human, wholes: dict[str, Completion]) -> list[Completion]:
    """Whoever handed the work here: the nearest human completions, or sub-processes in which people worked."""
    def counts(done: Completion) -> bool:
        return done.token in wholes or human(done)
    known = dict(past.completions)
    past.completions |= {one: done for one, done in wholes.items() if one not in known}
    found = past.handed_by(token, counts)
    past.completions = known
    return found


def latest(past: CausalPast, human: Human) -> list[Completion]:
    """The latest human completion of every activity, wherever it was."""
    found: dict[str, Completion] = {}
    for done in past.completions.values():
        if human(done) and (done.node not in found or found[done.node].sequence < done.sequence):
            found[done.node] = done
    return list(found.values())


def inside(case: Case, node_id: str, scope: str) -> bool:
    """Whether a node is drawn inside a sub-process, at any depth."""
    nodes = case.version.graph.nodes
    around = nodes[node_id].scope if node_id in nodes else ""
    while around in nodes:
        if around == scope:
            return True
        around = nodes[around].scope
    return False


def allowed(targets: Sequence[Target], setting: str | None) -> list[Target]:
    """The targets the model offers by `return_to`: applicant, previous, any, or ids of activities."""
    wanted = set(listed(setting))
    if "any" in wanted:
        return list(targets)
    return [
        one for one in targets
        if one.done.node in wanted or ("previous" in wanted and one.previous)
        or ("applicant" in wanted and one.done.node in one.case.version.applicant_nodes)
    ]


__all__ = ["Past", "Target", "allowed"]
