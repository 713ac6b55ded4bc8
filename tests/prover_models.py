"""Random diagrams of the reference grower as whole processes of people: every user task gets random settings. It deploys and runs nothing."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from xml.sax.saxutils import quoteattr

from tests.prover_office import APPLICANTS, LINES, PEOPLE
from tests.reference_drawing import Drawer
from tests.reference_growth import TOPICS, Grower
from tests.reference_scopes import Block

FEATURES = frozenset({
    "sequence", "choice", "together", "some", "loop", "sub", "boundary", "catch", "instances", "repeat", "terminate", "first", "link", "listeners",
    "call", "many", "enough", "undo", "shout", "signal", "condition",
})
FEATURES_OF_BRANCHES = frozenset({"sequence", "choice", "together", "some", "sub", "boundary", "catch", "loop"})
# How often a diagram is one fork and its join, the tasks after it may return into a branch, and a task in it is simply one person's.
FORKED, RETURNING, PLAIN = 0.5, 0.8, 0.6
RESUBMITTED = ("every_step", "straight", "choose", "choose")
PROCESS = "random"
OUTCOMES = (
    {"value": "approve", "zh": "同意", "en": "Approve", "style": "primary"},
    {"value": "reject", "zh": "不同意", "en": "Reject", "style": "danger"},
    {"value": "abstain", "zh": "弃权", "en": "Abstain"},
    {"value": "expire", "zh": "逾期", "en": "Expired"},
)
TASK = re.compile(r'<bpmn:userTask id="(\w+)" camunda:candidateGroups="clerk"([^>]*)>')
ASKED = re.compile(r">= (\w+_(?:\d+|again|enough|if))<")
MESSAGE = re.compile(r"(<bpmn:(?:boundaryEvent|intermediateCatchEvent|startEvent) [^>]*>)(?=<bpmn:messageEventDefinition)")
EVERY_OPERATION = "forward,delegate,add_before,add_parallel,add_after,ask,return,urge,snooze,comment,circulate"
STAFF = tuple(number for login, number in PEOPLE.items() if login not in (*APPLICANTS, "chen"))


@dataclass(frozen=True)
class Model:
    """The files of a process, its user tasks, and the names its conditions ask for."""

    files: dict[str, bytes]
    tasks: tuple[str, ...]
    asked: tuple[str, ...]
    drawn: Mapping[str, str]  # the diagrams without settings, the outermost first
    back: Mapping[str, tuple[str, ...]]  # user tasks after a join → those in the branches before it


def grown(source: random.Random) -> Model:
    """A random process; every second one leads through a fork and a join, with people before, in and after it."""
    return forked(source) if source.random() < FORKED else _anything(source)


def _anything(source: random.Random) -> Model:
    others = sorted(FEATURES - {"sequence", "sub"})
    features = FEATURES if source.random() < 0.3 else frozenset({"sequence", "sub", *source.sample(others, source.randint(2, 5))})
    tree = Grower(source, features, 0.25).tree(source.randint(1, 3))
    tree.inner = [Block("sequence", "", [Block("task", "apply"), *tree.inner, Block("task", "last")])]
    return dressed(source, _drawn(tree), {})


def forked(source: random.Random) -> Model:
    """Branches of people between a fork and its join, somebody after the join, all of it perhaps again or inside a sub-process."""
    grower = Grower(source, FEATURES_OF_BRANCHES, 0.15)
    branches = [_branch(source, grower) for _ in range(source.choice([2, 2, 3]))]
    after = [Block("task", grower.name("t")) for _ in range(source.choice([1, 1, 2]))]
    body = Block("sequence", "", [Block("together", grower.name("g"), branches), *after])
    around = source.choice(["", "", "", "loop", "sub"])
    if around:
        body = Block(around, grower.name("g"), [body])
    inside = tuple(name for branch in branches for name in _tasks(branch))
    root = Block("sub", "process", [Block("sequence", "", [Block("task", "apply"), body, Block("task", "last")])])
    return dressed(source, _drawn(root), {name: inside for name in (*(one.name for one in after), "last")})


def _drawn(tree: Block) -> dict[str, str]:
    drawer = Drawer()
    outermost = drawer.draw(tree).decode()
    return {PROCESS: outermost} | {name: xml.decode() for name, xml in drawer.called.items()}


def _branch(source: random.Random, grower: Grower) -> Block:
    """One to three steps, the first or the last of a person."""
    person, more = Block("task", grower.name("t")), source.choice([0, 0, 1])
    parts = [person, grower.block(more, False, False)] if source.random() < 0.6 else [grower.block(more, False, False), person]
    return Block("sequence", "", parts if source.random() < 0.5 else [person])


def _tasks(block: Block) -> list[str]:
    own = [block.name] if block.kind == "task" else []
    return own + [name for part in block.inner for name in _tasks(part)]


def voted(source: random.Random) -> Model:
    """A few steps in a row, each decided by votes."""
    steps = [Block("task", name) for name in ("apply", "t1", "t2", "t3", "last")]
    return dressed(source, _drawn(Block("sub", "process", [Block("sequence", "", steps)])), {}, kind="votes")


def dressed(
    source: random.Random, drawn: Mapping[str, str], back: Mapping[str, tuple[str, ...]], known: tuple[str, ...] = (), kind: str = ""
) -> Model:
    """Drawn diagrams (the process and those it calls) with random settings on every process and every user task.

    `back`: tasks that mostly may return, and where to; `known`: names that may be asked for besides;
    `kind`: who does every task, see `_settings`.
    """
    wardrobe = Wardrobe(source, back, known, kind)
    files = {f"{name}.bpmn": wardrobe.dress(name, text).encode() for name, text in drawn.items()}
    asked = tuple(wardrobe.asked)
    return Model(files | {"answers.form": _form(asked)}, tuple(wardrobe.tasks), asked, drawn, back)


def _form(asked: Iterable[str]) -> bytes:
    fields = [{"type": "textarea", "id": "opinion", "key": "opinion", "label": "意见"}, {"type": "number", "id": "amount", "key": "amount", "label": "金额"}]
    fields += [{"type": "checkbox", "id": name, "key": name, "label": name} for name in asked]
    return json.dumps({"type": "default", "id": "answers", "schemaVersion": 18, "components": fields}).encode()


class Wardrobe:
    """Puts settings on diagrams, one after the other; keeps what they ask for and their tasks."""

    def __init__(self, source: random.Random, back: Mapping[str, tuple[str, ...]], known: tuple[str, ...], kind: str) -> None:
        self.random, self.back, self.kind = source, back, kind
        self.asked: dict[str, None] = dict.fromkeys(known)
        self.tasks: list[str] = []

    def dress(self, name: str, text: str) -> str:
        """One diagram; the outermost has the case's facts, the others are called."""
        source, tasks = self.random, tuple(dict.fromkeys(match[1] for match in TASK.finditer(text)))
        self.tasks += tasks
        text = self._conditions(text, [task for task in tasks if source.random() < 0.4])
        settings = {task: self._settings(task, tasks) for task in tasks}
        text = TASK.sub(lambda match: _task(match, *settings[match[1]]), text)
        drawn = "process" if name == PROCESS else name
        text = MESSAGE.sub(lambda match: match[1] + _box({"sent_by": source.choice(["univ_principal", "county_principal,univ_principal"])}), text)
        return text.replace(
            f'<bpmn:process id="{drawn}" isExecutable="true">',
            f'<bpmn:process id="{name}" name="随机" isExecutable="true">{_process(source, tasks, outermost=name == PROCESS)}',
        )

    def _conditions(self, text: str, outcomes: list[str]) -> str:
        """Some conditions ask for the outcome of a task, the others for names of the form."""
        source = self.random

        def condition(match: re.Match[str]) -> str:
            if outcomes and source.random() < 0.4:
                return f'>= {source.choice(outcomes)}_outcome = "{source.choice(["approve", "reject"])}"<'
            self.asked[match[1]] = None
            return match[0]

        return ASKED.sub(condition, text)

    def _settings(self, task: str, tasks: tuple[str, ...]) -> tuple[dict[str, str], dict[str, str]]:
        source = self.random
        attributes, properties = _settings(source, task, tasks, self.kind or ("pool" if self.back and source.random() < PLAIN else ""))
        if task in self.back and source.random() < RETURNING:
            properties |= {"return_to": source.choice(["any", ",".join(self.back[task])]), "resubmit": source.choice(RESUBMITTED)}
        return attributes, properties


def dressed_again(source: random.Random, model: Model) -> dict[str, bytes]:
    """The files of another version: the same diagram, other settings."""
    return dressed(source, model.drawn, model.back, model.asked).files


def _process(source: random.Random, tasks: tuple[str, ...], *, outermost: bool) -> str:
    given = {"subject": "= case.name", "subject_person": "= case.applicant", "parties": '= {office: "U1"}'} if outermost else {}
    if source.random() < 0.8:
        given["process_owner"] = source.choice(['= "univ_principal@U1"', f"= {PEOPLE['wang']}", '= ["person:4", "univ_principal@U2"]'])
    if source.random() < 0.6:
        given["withdrawable"] = ",".join(tasks)
    return _box(given)


def _box(properties: dict[str, str]) -> str:
    listed = "".join(f"<camunda:property name={quoteattr(name)} value={quoteattr(value)}/>" for name, value in properties.items())
    return f"<bpmn:extensionElements><camunda:properties>{listed}</camunda:properties></bpmn:extensionElements>"


def _task(match: re.Match[str], attributes: dict[str, str], properties: dict[str, str]) -> str:
    given = "".join(f" camunda:{name}={quoteattr(value)}" for name, value in attributes.items())
    return f'<bpmn:userTask id="{match[1]}" name="{match[1]}" camunda:formRef="answers"{given}{match[2]}>{_box(properties)}'


def _settings(source: random.Random, task: str, tasks: tuple[str, ...], kind: str) -> tuple[dict[str, str], dict[str, str]]:
    """Attributes and properties of one user task; `kind`: who does it, pool, assignee or votes, else any of them."""
    attributes: dict[str, str] = {}
    properties: dict[str, str] = {"outcomes": json.dumps(OUTCOMES[: source.choice([2, 3, 3, 4])], ensure_ascii=False)}
    if task == "apply":
        properties["applicant"] = "true"
        return {"assignee": "= case.applicant"}, {**properties, "operations": "ask,comment,urge,snooze"}
    kind = kind or source.choice(["pool", "pool", "assignee", "votes", "votes"])
    if kind == "pool":
        attributes["candidateGroups"] = ",".join(source.sample(LINES, source.choice([1, 1, 2])))
        if source.random() < 0.2:
            attributes["candidateUsers"] = str(source.choice(STAFF))
    elif kind == "assignee":
        attributes["assignee"] = str(source.choice(STAFF))
    else:
        attributes["candidateGroups"] = source.choice(LINES)
        properties |= _votes(source)
    if source.random() < 0.6:
        attributes["dueDate"] = source.choice(['= working days after(now(), 3)', '= now() + duration("P2D")', '= date and time("2026-07-10T17:00:00+08:00")'])
    properties |= _operations(source, tasks) | _rules(source, task, tasks, "dueDate" in attributes)
    return attributes, properties


def _votes(source: random.Random) -> dict[str, str]:
    lines = [*LINES, *(f"person:{person}" for person in STAFF)]
    chosen = source.sample(lines, source.randint(2, 5))
    rule: dict[str, object] = {"rule": source.choice(["all", "any", "first_agreement", "ratio", "majority", "sequential", "sequential"])}
    if rule["rule"] == "ratio" or (rule["rule"] == "sequential" and source.random() < 0.5):
        rule["ratio"] = source.choice(["1/2", "2/3", "1/3", "1", "3/5"])
    if source.random() < 0.2:
        rule["wait_for_all"] = True
    if source.random() < 0.25:
        rule["veto"] = source.sample(chosen, 1)
    if source.random() < 0.2:
        rule |= {"outcome_agreed": "approve", "outcome_refused": "reject"}
    found = {"participants": f"= {json.dumps(chosen)}"}
    if source.random() < 0.9:
        found["voting"] = json.dumps(rule)
    return found


def _operations(source: random.Random, tasks: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    if source.random() < 0.5:
        found["signers"] = ",".join(source.sample(["before", "parallel", "after"], source.randint(1, 3)))
        if source.random() < 0.4:
            found["signers_decide"] = "true"
        if source.random() < 0.3:
            found["signers_may_return"] = "true"
    if source.random() < 0.6:
        found["return_to"] = source.choice(["any", "any", "any", "previous", "applicant", "applicant,previous", source.choice(tasks)])
        found["resubmit"] = source.choice(RESUBMITTED)
    if source.random() < 0.1:
        found["operations"] = EVERY_OPERATION
    if source.random() < 0.7:
        found["bulk"] = "true"
    if source.random() < 0.25:
        found["claim_expires"] = source.choice(["2", "8"])
    return found


def _rules(source: random.Random, task: str, tasks: tuple[str, ...], due: bool) -> dict[str, str]:
    found: dict[str, str] = {}
    others = [other for other in tasks if other != task]
    if others and source.random() < 0.25:
        found["separate_from"] = ",".join(source.sample(others, min(len(others), source.choice([1, 1, 2]))))
    elif source.random() < 0.2:
        found["same_person"] = source.choice(["consecutive", "approved"])
    if source.random() < 0.1:
        found["applicant_is_approver"] = "skip"
    if due and source.random() < 0.4:
        do = source.choice(["remind", "forward", "outcome"])
        found["on_timeout"] = json.dumps({"at": "due", "do": do} | {"forward": {"to": source.choice(LINES)}, "outcome": {"outcome": "reject"}}.get(do, {}))
    if source.random() < 0.08:
        found["point_of_no_return"] = "true"
    if source.random() < 0.1:
        found["opinion"] = "required"
    return found
