"""The operations of human work as races: which two acts meet, on which seat, and what may come of them. Knows nothing of processes or threads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import insert, select

from tasks.models import Organisation, Seat
from tests.engine_walk import END, START, chain, extensions, process
from tests.web_office import Office
from workflows.engine import StartItem
from workflows.history import SYSTEM
from workflows.models import ProcessInstance, Wait

SEAT, CASE = Seat.__table__, ProcessInstance.__table__
Act = tuple[str, int, Any]  # the verb, the person, what it needs
ONE, BOTH, FIRST = "one", "both", "first"  # exactly one wins · both do · the first always does, and the second did before or is told
REASON = "重新核对材料"


@dataclass(frozen=True, slots=True)
class Pair:
    """Two acts that meet. `told`: the loser is told who was faster, and when; else nobody was, and he is told what his seat waits for."""

    case: int
    first: Act
    second: Act
    rule: str = ONE
    told: bool = True


def quoted(expression: str) -> str:
    """An expression as the value of an attribute."""
    return expression.replace('"', "&quot;")


WHOLE = extensions(subject="= case.name", parties="= {office: case.office}", process_owner=quoted('= role("univ_clerk", case.office)'))


def task(identity: str, **settings: str) -> str:
    """A user task of the clerks of the case's office."""
    shown = extensions(**{name: quoted(value) for name, value in settings.items()})
    return f'<bpmn:userTask id="{identity}" name="{identity}" camunda:candidateGroups="{quoted("= role(" + chr(34) + "univ_clerk" + chr(34) + ", case.office)")}">{shown}</bpmn:userTask>'


def voted(identity: str, rule: str) -> bytes:
    """A vote of the people of the case, then one more step."""
    vote = task("vote", participants="= case.members", voting='{"rule": "' + rule + '"}')
    return process(WHOLE + START + vote + task("file") + END + chain("start", "vote", "file", "end"), identity)


def late(node: str) -> str:
    """A timer of an hour on an activity."""
    return (
        f'<bpmn:boundaryEvent id="late" attachedToRef="{node}"><bpmn:timerEventDefinition><bpmn:timeDuration>PT1H</bpmn:timeDuration>'
        '</bpmn:timerEventDefinition></bpmn:boundaryEvent>'
    )


FORK, JOIN = '<bpmn:parallelGateway id="fork"/>', '<bpmn:parallelGateway id="join"/>'
BRANCH = {"return_to": "any", "signers": "before,parallel,after", "bulk": "true"}
DIAGRAMS: Mapping[str, bytes] = {
    "branches": process(
        WHOLE + START + task("draft") + FORK + task("left", **BRANCH) + task("right", **BRANCH) + JOIN + task("check") + END
        + chain("start", "draft", "fork", "left", "join", "check", "end") + chain("fork", "right", "join"), "branches",
    ),
    "vote_all": voted("vote_all", "all"),
    "vote_any": voted("vote_any", "any"),
    "moved": process(
        WHOLE + START + task("act") + late("act") + task("later") + task("other") + END
        + chain("start", "act", "other", "end") + chain("late", "later", "end"), "moved",
    ),
}


class RaceDesk:
    """Prepares cases for each kind of race."""

    def __init__(self, office: Office) -> None:
        self.office, self.house = office, office.house
        with self.house.store.transaction() as connection:
            place = connection.execute(insert(Organisation).values(
                code="P", name="本平台", kind="platform", path="/P/", province="14", on_platform=True, active=True
            ).returning(Organisation.id)).scalar_one()
            self.steerer = office._person(connection, "周管理", "zhou", ("process_admin", place))
            for name, content in DIAGRAMS.items():
                self.house.definitions.deploy(connection, {f"{name}.bpmn": content}, None)
        self.kinds: dict[str, Callable[[int], Pair]] = {
            "last_voters": self.last_voters, "any_voters": self.any_voters, "sibling": self.sibling, "returns": self.returns, "bulk": self.bulk,
            "delegate": self.delegate, "take_back": self.take_back, "decide": self.decide, "before": self.before, "remove": self.remove,
            "suspend": self.suspend, "terminate": self.terminate, "jump": self.jump, "timer": self.timer,
        }
        self.processes = {"last_voters": "vote_all", "any_voters": "vote_any", "jump": "moved", "timer": "moved"}

    # cases

    def start(self, kind: str, count: int) -> list[int]:
        """So many cases, brought to where the two acts meet."""
        facts = {"name": "联合审核", "office": "U1", "members": [f"person:{self.office.clerk}", f"person:{self.office.other}"]}
        process_id = self.processes.get(kind, "branches")
        with self.house.store.transaction() as connection:
            cases = [one.id for one in self.house.engine.start_many(connection, process_id, [StartItem(facts)] * count, SYSTEM)]
        if process_id == "branches":
            for case in cases:
                self.do("complete", self.office.clerk, self.seat(case, "draft"), {}, "complete")
        self.office.clock.advance(timedelta(hours=2) if process_id == "moved" else timedelta(minutes=1))
        return cases

    def do(self, verb: str, person: int, *needs: Any) -> Any:
        """One command of one person before the race."""
        with self.house.store.transaction() as connection:
            return getattr(self.house.tasks, verb)(connection, self.house.people.actor(connection, person), *needs)

    def operate(self, verb: str, who: int, subject: int, /, **given: Any) -> Any:
        """One operation of one person before the race."""
        with self.house.store.transaction() as connection:
            return self.house.tasks.operations.perform(connection, self.house.people.actor(connection, who), verb, subject, given)

    def rows(self, query: Any) -> list[Any]:
        """Rows of a query."""
        with self.house.store.read() as connection:
            return list(connection.execute(query).all())

    def seat(self, case: int, node: str, nth: int = 0) -> int:
        """A live seat of an activity."""
        query = select(SEAT.c.id).where(SEAT.c.instance_id == case, SEAT.c.node_id == node, SEAT.c.status.in_(("open", "parked"))).order_by(SEAT.c.id)
        return int(self.rows(query)[nth].id)

    def child(self, case: int) -> int:
        """The newest child seat of a case."""
        query = select(SEAT.c.id).where(SEAT.c.instance_id == case, SEAT.c.parent_seat_id.is_not(None)).order_by(SEAT.c.id.desc())
        return int(self.rows(query)[0].id)

    def back(self, person: int, seat: int) -> Act:
        """Return a seat to the draft."""
        with self.house.store.read() as connection:
            actor = self.house.people.actor(connection, person)
            to = next(one.value for one in self.house.tasks.operations.choices(connection, actor, "return", seat)["to"] if one.zh == "draft")
        return self.act("return", person, seat, to=to, reason=REASON)

    @staticmethod
    def act(verb: str, who: int, subject: int, /, **given: Any) -> Act:
        """An operation as an act."""
        return "operate", who, (verb, subject, given)

    @staticmethod
    def complete(person: int, seat: int, outcome: str = "complete") -> Act:
        """A decision as an act."""
        return "complete", person, (seat, {"opinion": "已核对"} if outcome != "complete" else {}, outcome)

    # the pairs

    def last_voters(self, case: int) -> Pair:
        """Two people give the last two votes of an activity that needs both."""
        return Pair(case, self.complete(self.office.clerk, self.seat(case, "vote")), self.complete(self.office.other, self.seat(case, "vote", 1)), BOTH)

    def any_voters(self, case: int) -> Pair:
        """The first vote decides."""
        return Pair(case, self.complete(self.office.clerk, self.seat(case, "vote")), self.complete(self.office.other, self.seat(case, "vote", 1)))

    def sibling(self, case: int) -> Pair:
        """One branch goes back to before the fork while the other is completed."""
        return Pair(case, self.back(self.office.clerk, self.seat(case, "left")), self.complete(self.office.other, self.seat(case, "right")), FIRST)

    def returns(self, case: int) -> Pair:
        """Both branches go back to before the fork."""
        return Pair(case, self.back(self.office.clerk, self.seat(case, "left")), self.back(self.office.other, self.seat(case, "right")))

    def bulk(self, case: int) -> Pair:
        """A command over selected items meets a single decision."""
        seat = self.seat(case, "left")
        revision = self.rows(select(SEAT.c.revision).where(SEAT.c.id == seat))[0].revision
        command = self.do("bulk_complete", self.office.clerk, [(seat, revision)], "complete", {})
        return Pair(case, ("bulk", self.office.clerk, (command,)), self.complete(self.office.other, seat))

    def delegate(self, case: int) -> Pair:
        """One asks for an opinion, the other decides."""
        seat = self.seat(case, "left")
        return Pair(case, self.act("delegate", self.office.clerk, seat, person=self.office.other), self.complete(self.office.other, seat))

    def _delegated(self, case: int) -> int:
        seat = self.seat(case, "left")
        self.operate("delegate", self.office.clerk, seat, person=self.office.other)
        return seat

    def take_back(self, case: int) -> Pair:
        """The owner takes a delegation back while the delegate answers."""
        seat = self._delegated(case)
        return Pair(case, self.act("take_back", self.office.clerk, seat), self.complete(self.office.other, self.child(case), "suggest_agree"))

    def decide(self, case: int) -> Pair:
        """The owner decides while the delegate answers."""
        seat = self._delegated(case)
        return Pair(case, self.complete(self.office.clerk, seat), self.complete(self.office.other, self.child(case), "suggest_agree"), FIRST)

    def before(self, case: int) -> Pair:
        """The signer before answers while the seat above tries to decide."""
        seat = self.seat(case, "left")
        self.operate("add_before", self.office.clerk, seat, people=[self.office.other])
        return Pair(case, self.complete(self.office.other, self.child(case), "suggest_agree"), self.complete(self.office.clerk, seat), FIRST, told=False)

    def remove(self, case: int) -> Pair:
        """A signer is removed while he signs."""
        seat = self.seat(case, "left")
        self.operate("add_before", self.office.clerk, seat, people=[self.office.other])
        child = self.child(case)
        return Pair(case, self.act("remove_signer", self.office.clerk, seat, signer=str(child)), self.complete(self.office.other, child, "suggest_agree"))

    def suspend(self, case: int) -> Pair:
        """The case is suspended while somebody decides."""
        return Pair(case, self.act("suspend", self.steerer, case, reason=REASON), self.complete(self.office.clerk, self.seat(case, "left")), FIRST)

    def terminate(self, case: int) -> Pair:
        """The case is ended while somebody decides."""
        return Pair(case, self.act("terminate", self.steerer, case, reason=REASON), self.complete(self.office.clerk, self.seat(case, "left")), FIRST)

    def jump(self, case: int) -> Pair:
        """A token is moved by hand while its timer fires."""
        token = self.rows(select(SEAT.c.token).where(SEAT.c.instance_id == case, SEAT.c.status == "open"))[0].token
        wait = self.rows(select(Wait.wait_id).where(Wait.instance_id == case))[0].wait_id
        return Pair(case, self.act("jump", self.steerer, case, **{"from": token, "to": "other", "reason": REASON}), ("fire", 0, (case, wait)))

    def timer(self, case: int) -> Pair:
        """Somebody decides while the time runs out."""
        wait = self.rows(select(Wait.wait_id).where(Wait.instance_id == case))[0].wait_id
        return Pair(case, self.complete(self.office.clerk, self.seat(case, "act")), ("fire", 0, (case, wait)))
