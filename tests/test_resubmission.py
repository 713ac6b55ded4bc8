"""重新提交: every step again, or straight back to whoever returned it – when nothing that decides the way has changed."""

from __future__ import annotations

import json
import random
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from tasks.models import Membership, Person, Seat, SeatOffer
from tasks.operation_models import Agency
from tests.prover_nets import SHAPES
from tests.prover_trees import Answers, graph_of
from tests.reference_drawing import Drawer
from tests.reference_growth import Grower
from tests.reference_host import NoVariables
from tests.returning_walk import END, START, Office, chain, flow, fork, join, process, step
from workflows.causal_past import CausalPast, human_in
from workflows.errors import Conflict, Rejection
from workflows.machine import Happening, Machine
from workflows.models import LocalVariables
from workflows.modifying import Plan, going_back

pytestmark = pytest.mark.usefixtures("database")

LINE = process(
    START + step("apply") + step("check") + step("sign", resubmit="straight") + END + chain("start", "apply", "check", "sign", "end")
)
BRANCHES = process(
    START + step("apply") + fork("split") + step("left", resubmit="straight") + step("right") + join("merge") + step("sign", resubmit="straight") + END
    + chain("start", "apply", "split", "left", "merge", "sign", "end") + chain("split", "right", "merge")
)


def test_every_step_again_is_the_rule() -> None:
    office = Office(LINE.replace(b"straight", b"every_step")).begin().done("apply", "check")
    office.give_back("sign", "apply")
    office.finish("apply", "check", "sign")


def test_straight_goes_back_to_the_returner_and_logs_what_was_skipped() -> None:
    office = Office(LINE).begin().done("apply", "check")
    office.perform_claim("sign", "sun")
    office.give_back("sign", "apply", "sun")
    office.done("apply")
    assert office.open == ["sign"] and office.seat("sign").owner_id == office.people["sun"]
    assert [fact.node_id for fact in office.history("skipped")] == ["check"]
    assert office.records()[0].resubmitted_at is not None
    office.finish("sign", who="sun")


def test_the_returner_may_choose_where_the_model_lets_him() -> None:
    choosing = LINE.replace(b"straight", b"choose")
    office = Office(choosing).begin().done("apply", "check")
    office.give_back("sign", "apply", resubmit="straight")
    office.done("apply")
    assert office.open == ["sign"]
    office.give_back("sign", "apply", resubmit="every_step")
    office.finish("apply", "check", "sign")


def test_straight_restores_the_joins() -> None:
    office = Office(BRANCHES).begin().done("apply", "right")
    before = office.marking
    office.give_back("left", "apply")
    office.done("apply")
    assert office.marking == before and before[1] == {"right_to_merge": 1}
    office.finish("left", "sign")


def test_straight_takes_back_the_arrivals_that_waited_again() -> None:
    office = Office(BRANCHES).begin().done("apply", "left", "right")
    before = office.marking
    office.give_back("sign", "left")
    assert office.marking[1] == {"right_to_merge": 1}
    office.done("left")
    assert office.marking == before
    office.finish("sign")


def test_straight_and_then_another_return_still_knows_the_joins() -> None:
    office = Office(BRANCHES).begin().done("apply", "left", "right")
    office.give_back("sign", "left")
    office.done("left")
    office.give_back("sign", "left")
    assert office.open == ["left"] and office.marking[1] == {"right_to_merge": 1}
    office.done("left")
    office.give_back("sign", "right")
    assert office.open == ["right"] and office.marking[1] == {"left_to_merge": 1}
    office.done("right")
    office.finish("sign")


IN_A_LINE = process(
    START + step("apply") + step("check", resubmit="straight") + step("audit") + step("sign", resubmit="straight") + END
    + chain("start", "apply", "check", "audit", "sign", "end")
)


def test_what_comes_back_straight_had_itself_been_returned_to_and_goes_straight_on() -> None:
    office = Office(IN_A_LINE).begin().done("apply", "check", "audit")
    office.give_back("sign", "check")
    office.give_back("check", "apply")
    office.done("apply")
    assert office.open == ["check"]
    office.done("check")
    assert office.open == ["sign"] and {fact.node_id for fact in office.history("skipped")} == {"audit"}
    office.finish("sign")


INNER = process(START + step("draw") + step("verify", resubmit="straight", separate_from="draw") + END + chain("start", "draw", "verify", "end"), "inner")
MIDDLE = process(START + step("open") + '<bpmn:callActivity id="deeper" name="deeper" calledElement="inner"/>' + END + chain("start", "open", "deeper", "end"), "middle")
CALLING = process(
    START + step("apply") + step("check") + fork("split") + '<bpmn:callActivity id="call" name="call" calledElement="middle"/>' + step("beside") + join("merge")
    + step("sign") + END + chain("start", "apply", "check", "split", "call", "merge", "sign", "end") + chain("split", "beside", "merge")
)


def test_straight_goes_on_with_a_called_process_where_it_stood_with_its_holder_its_past_and_its_four_eyes() -> None:
    office = Office(INNER, MIDDLE, CALLING).begin().done("apply", "check", "open").do("draw", "sun").do("beside")
    office.perform_claim("verify", "wang")
    before = office.marking
    assert "“verify”取消：wang正在办理" in office.lines("verify", "apply", "wang")
    office.give_back("verify", "apply", "wang")
    assert office.open == ["apply"]
    office.done("apply")
    assert office.open == ["verify"] and office.marking == before and office.seat("verify").owner_id == office.people["wang"]
    office.command(lambda house, connection: connection.execute(update(Seat).where(Seat.node_id == "verify").values(owner_id=None)))
    with pytest.raises(Rejection):
        office.do("verify", "sun")
    office.give_back("verify", "draw", "wang")
    office.do("draw", "sun")
    assert office.open == ["verify"]
    office.do("verify", "wang").finish("sign")


def test_what_comes_back_in_a_called_process_had_itself_been_returned_to_and_goes_straight_on() -> None:
    inner = process(START + step("draw", resubmit="straight") + step("audit") + step("verify", resubmit="straight") + END + chain("start", "draw", "audit", "verify", "end"), "inner")
    office = Office(inner, MIDDLE, CALLING).begin().done("apply", "check", "open", "draw", "audit", "beside")
    office.give_back("verify", "draw")
    office.give_back("draw", "apply")
    office.done("apply")
    assert office.open == ["draw"]
    office.done("draw")
    assert office.open == ["verify"]
    office.finish("verify", "sign")


def test_straight_starts_a_called_process_anew_when_what_is_handed_in_has_changed() -> None:
    handing = CALLING.replace(b'calledElement="middle"/>', b'calledElement="middle"><bpmn:extensionElements><camunda:in source="amount" target="amount"/></bpmn:extensionElements></bpmn:callActivity>')
    office = Office(INNER, MIDDLE, handing).begin(amount=1).done("apply", "check", "open").do("draw", "sun")
    office.give_back("verify", "apply", "wang")
    office.set(amount=2)
    office.done("apply")
    assert office.open == ["check"] and office.history("every_step")[0].detail["because"] == "changed"


@pytest.mark.parametrize("sequential", [False, True])
def test_straight_goes_on_with_the_instances_of_a_sub_process_where_they_stood(sequential: bool) -> None:
    body = step("one") + step("two", resubmit="straight")
    office = Office(process(
        START + step("apply") + '<bpmn:subProcess id="each" name="each">'
        f'<bpmn:multiInstanceLoopCharacteristics isSequential="{str(sequential).lower()}" camunda:collection="= people" camunda:elementVariable="who"/>'
        + '<bpmn:startEvent id="begin"/>' + body + '<bpmn:endEvent id="close"/>' + chain("begin", "one", "two", "close") + "</bpmn:subProcess>"
        + step("sign") + END + chain("start", "apply", "each", "sign", "end")
    )).begin(people=["甲", "乙"]).done("apply", "one", "two", "one")
    was = office.rows(select(LocalVariables.scope, LocalVariables.variables).order_by(LocalVariables.instance_id, LocalVariables.scope))
    assert office.open == ["two"]
    office.give_back("two", "apply")
    office.done("apply")
    assert office.open == ["two"]
    again = office.rows(select(LocalVariables.scope, LocalVariables.variables).order_by(LocalVariables.instance_id, LocalVariables.scope))
    assert [row.variables for row in again if row.variables] == [row.variables for row in was if row.variables]
    office.finish("two", "sign")


ASKED = process(
    START + step("apply") + fork("decide", "exclusive", "decide_to_check") + step("check") + step("audit") + join("again", "exclusive")
    + step("sign", resubmit="straight") + END + chain("start", "apply", "decide", "check", "again", "sign", "end")
    + flow("decide", "audit", "= amount &gt; 100") + chain("audit", "again")
)


def test_every_step_is_forced_when_a_gateway_on_the_way_reads_a_changed_field() -> None:
    office = Office(ASKED).begin(amount=7).done("apply", "check")
    office.give_back("sign", "apply")
    office.set(amount=500)
    office.done("apply")
    assert office.open == ["audit"]
    assert office.history("every_step")[0].detail["because"] == "changed"
    office.finish("audit", "sign")


def test_a_field_nobody_reads_on_the_way_does_not_force_it() -> None:
    office = Office(ASKED).begin(amount=7, remark="a").done("apply", "check")
    office.give_back("sign", "apply")
    office.set(remark="b")
    office.done("apply")
    assert office.open == ["sign"]
    office.finish("sign")


def test_every_step_is_forced_when_an_assignment_reads_a_changed_field() -> None:
    office = Office(LINE.replace(b'id="check" name="check" camunda:candidateGroups="univ_clerk@U1"', b'id="check" name="check" camunda:candidateGroups="= office"'))
    office.begin(office="univ_clerk@U1").done("apply", "check")
    office.give_back("sign", "apply")
    office.set(office="univ_principal@U1")
    office.done("apply")
    assert office.open == ["check"]
    office.do("check", "zhou")
    office.finish("sign")


def test_every_step_is_forced_when_the_target_vanished() -> None:
    office = Office(LINE).begin().done("apply", "check")
    office.give_back("sign", "apply")
    office.deploy(LINE.replace(b'"sign"', b'"seal"').replace(b'_sign"', b'_seal"').replace(b'"sign_', b'"seal_'))
    office.migrate()
    office.done("apply")
    assert office.open == ["check"]
    assert office.history("every_step")[0].detail["because"] == "target_gone"
    office.finish("check", "seal")


def test_a_returner_who_may_no_longer_act_leaves_the_work_to_the_pool() -> None:
    office = Office(LINE).begin().done("apply", "check")
    office.perform_claim("sign", "sun")
    office.give_back("sign", "apply", "sun")
    office.command(lambda house, connection: connection.execute(update(Person).where(Person.id == office.people["sun"]).values(active=False)))
    office.command(lambda house, connection: connection.execute(Membership.__table__.delete().where(Membership.person_id == office.people["sun"])))
    office.done("apply")
    assert office.seat("sign").owner_id is None
    office.finish("sign")


VOTES = process(
    START + step("apply") + step("vote", participants="= [&quot;person:2&quot;, &quot;person:3&quot;, &quot;person:6&quot;]", resubmit="straight") + step("sign") + END
    + chain("start", "apply", "vote", "sign", "end")
)


def test_agreements_are_kept_when_no_field_changed() -> None:
    office = Office(VOTES).begin().done("apply").do("vote", "qian")
    office.give_back("vote", "apply", "sun")
    office.done("apply")
    assert sorted(seat.participant for seat in office.seats("vote")) == ["person:3", "person:6"]
    [kept] = office.history("vote_kept")
    assert kept.detail["person"] == office.people["qian"]
    office.do("vote", "sun").do("vote", "wang")
    office.finish("sign")


def test_agreements_are_asked_again_when_a_field_changed() -> None:
    office = Office(VOTES).begin(remark="a").done("apply").do("vote", "qian")
    office.give_back("vote", "apply", "sun")
    office.set(remark="b")
    office.done("apply")
    assert len(office.seats("vote")) == 3 and office.history("vote_kept") == []


def test_an_agreement_that_a_rule_cast_is_nobodys_to_keep() -> None:
    named = json.dumps([{"value": "approve", "zh": "同意", "en": "Approve"}, {"value": "reject", "zh": "不同意", "en": "Reject"}]).replace('"', "&quot;")
    office = Office(process(
        START + step("apply", outcomes=named)
        + step("vote", participants="= [&quot;person:2&quot;, &quot;person:3&quot;]", resubmit="straight", outcomes=named, same_person="consecutive")
        + END + chain("start", "apply", "vote", "end")
    )).begin().do("apply", "qian", "approve")
    cast = office.rows(select(Seat.__table__).where(Seat.node_id == "vote", Seat.status == "completed"))
    assert [(seat.participant, seat.completed_by) for seat in cast] == [("person:2", None)]
    office.give_back("vote", "apply", "sun")
    office.do("apply", "qian", "reject")
    assert [seat.participant for seat in office.seats("vote")] == ["person:2", "person:3"] and office.history("vote_kept") == []


@pytest.mark.parametrize("decide", ["", "true"])
def test_what_a_parallel_signer_said_is_not_kept_as_the_decision_of_whom_he_signed_beside(decide: str) -> None:
    office = Office(process(
        START + step("apply") + step("sign", signers="parallel", signers_decide=decide, resubmit="straight") + END + chain("start", "apply", "sign", "end")
    )).begin().done("apply")
    mine = office.seat("sign").id
    office.perform("add_parallel", mine, people=[office.people["wang"]], text="请看")
    signer = next(seat for seat in office.seats("sign") if seat.kind == "parallel")
    said = "complete" if decide else "suggest_agree"
    office.command(lambda house, connection: house.tasks.complete(connection, office.actor(house, connection, "wang"), signer.id, {}, said))
    office.perform("return", mine, to=office.value("sign", "apply", "qian"), reason="材料不全")
    office.done("apply")
    assert office.open == ["sign"] and office.history("vote_kept") == []


@pytest.mark.parametrize(("said", "left"), [("approve", ["person:3", "person:6"]), ("reject", ["person:2", "person:3", "person:6"])])
def test_agreements_are_asked_again_where_they_would_decide_without_a_signer_who_refused(said: str, left: list[str]) -> None:
    named = json.dumps([{"value": "approve", "zh": "同意", "en": "Approve"}, {"value": "reject", "zh": "不同意", "en": "Reject"}]).replace('"', "&quot;")
    rule = "{&quot;rule&quot;: &quot;majority&quot;}"
    office = Office(process(
        START + step("apply") + step(
            "vote", participants="= [&quot;person:2&quot;, &quot;person:3&quot;, &quot;person:6&quot;]", voting=rule, outcomes=named,
            signers="parallel", signers_decide="true", resubmit="straight",
        ) + END + chain("start", "apply", "vote", "end")
    )).begin().done("apply")
    office.perform("add_parallel", office.seat("vote").id, people=[office.people["zhou"]])
    office.do("vote", "zhou", said, nth=next(place for place, seat in enumerate(office.seats("vote")) if seat.kind == "parallel"))
    office.do("vote", "qian", "approve")
    if said == "reject":
        office.do("vote", "sun", "approve")
    before = office.marking
    office.give_back("vote", "apply", "wang" if said == "reject" else "sun")
    office.done("apply")
    assert office.marking == before and sorted(seat.participant for seat in office.seats("vote")) == left


@pytest.mark.parametrize("kind", ["after", "parallel"])
def test_a_decision_that_still_waited_for_a_signer_is_asked_for_again(kind: str) -> None:
    office = Office(process(
        START + step("apply") + fork("split") + step("left", signers="after,parallel", signers_decide="true") + step("right", resubmit="straight") + join("merge") + END
        + chain("start", "apply", "split", "left", "merge", "end") + chain("split", "right", "merge")
    )).begin().done("apply")
    office.perform(f"add_{kind}", office.seat("left").id, people=[office.people["wang"]])
    office.do("left")
    before = office.marking
    office.give_back("right", "apply")
    office.done("apply")
    assert office.marking == before and office.history("vote_kept") == []


def test_a_whole_sub_process_comes_back_as_it_was() -> None:
    inner = (
        '<bpmn:subProcess id="inner" name="inner"><bpmn:startEvent id="begin"/>' + fork("two") + step("one", resubmit="straight") + step("other")
        + join("both") + '<bpmn:endEvent id="close"/>' + chain("begin", "two", "one", "both", "close") + chain("two", "other", "both") + "</bpmn:subProcess>"
    )
    office = Office(process(START + step("apply") + inner + END + chain("start", "apply", "inner", "end"))).begin().done("apply", "other")
    before = office.marking
    office.give_back("one", "apply")
    office.done("apply")
    assert office.marking == before
    office.finish("one")


# invariant 4 on random diagrams


class Told:
    """A case of a random diagram whose happenings are kept as history rows."""

    def __init__(self, seed: int) -> None:
        self.source = random.Random(seed)
        tree = Grower(self.source, frozenset({"task", "sequence", "together", "choice", "some", "loop", "sub"})).tree(self.source.randint(2, 4))
        self.graph = graph_of(Drawer().draw(tree), SHAPES)
        self.machine, self.host = Machine(self.graph), Asking(self.source.getrandbits(32))
        self.rows: list[Any] = []
        self.state, happened = self.machine.start(self.host)
        self.tell(happened)

    def tell(self, happenings: list[Happening]) -> None:
        for one in happenings:
            if one.kind in ("opened", "cancelled", "passed", "fired", "scope_opened", "instances_opened"):
                arrivals = one.detail.get("arrivals")
                detail = {"cause": list(one.cause), **({"arrivals": [list(pair) for pair in arrivals]} if arrivals else {})}
                self.rows.append(Row(len(self.rows) + 1, f"activity_{one.kind}" if one.kind in ("opened", "cancelled") else one.kind, one.node, one.token, detail))

    def complete(self, token: str) -> None:
        self.host.step += 1
        node = self.state["t"][token][0]
        self.rows.append(Row(len(self.rows) + 1, "activity_completed", node, token, {"newest": self.state["n"]}))
        self.tell(self.machine.complete(self.state, token, self.host))

    def undo_facts(self, plan: Plan) -> None:
        """The audit row of a return."""
        self.rows.append(Row(len(self.rows) + 1, "returned", None, None, plan.facts()))

    def past(self) -> CausalPast:
        return CausalPast(self.rows, {token: entry[2] for token, entry in self.state["t"].items()})

    def work(self) -> list[str]:
        return [token for token, node, _, _ in self.machine.tokens(self.state) if self.graph.nodes[node].type == "userTask"]

    def marking(self) -> tuple[Counter[Any], Counter[Any]]:
        tokens = self.state["t"]

        def place(scope: str) -> str:
            return "" if scope == "0" else tokens[scope][0]
        return (
            Counter((entry[0], place(entry[1])) for entry in tokens.values()),
            Counter((flow_id, place(scope)) for flow_id, scope, _ in self.machine.arrivals(self.state)),
        )


class Row:
    """A history row of a test."""

    def __init__(self, sequence: int, kind: str, node: str | None, token: str | None, detail: dict[str, Any]) -> None:
        self.sequence, self.kind, self.node_id, self.token, self.detail = sequence, kind, node, token, detail
        self.at, self.person, self.on_behalf_of, self.round = None, 1, None, 1


class Asking(NoVariables):
    """Answers by chance, the same within one step."""

    def __init__(self, seed: int) -> None:
        self.answers, self.step = Answers(seed), 0

    def condition(self, expression: str, scope: str, counters: Any = None) -> bool:
        self.answers.step = self.step
        return bool(self.answers(expression))

    def count(self, expression: str, scope: str) -> int:
        return 2

    def perform(self, node: Any, token: str, scope: str) -> None:
        """Nothing to do."""


@settings(max_examples=120)
@given(st.integers(0, 2**32))
def test_return_and_straight_resubmission_restore_every_activity_scope_and_arrival(seed: int) -> None:
    told = Told(seed)
    for _ in range(told.source.randint(1, 14)):
        work = told.work()
        if not work:
            break
        told.complete(told.source.choice(work))
    if not told.work():
        return
    token = told.source.choice(told.work())
    past = told.past()
    for done in past.human_past(token, human_in(told.graph.nodes)):
        try:
            plan = going_back(told.machine, told.state, past, done)
        except Conflict:
            continue
        before, marking = _copy(told.state), told.marking()
        state = _copy(told.state)
        told.machine.modify(state, told.host, cancel=plan.cancel, start=list(plan.start), redeposit=plan.redeposit, discard=plan.discard)  # type: ignore[arg-type]
        again = next(one for one, entry in state["t"].items() if entry[0] == done.node and one not in before["t"])
        told.machine.reinstate(state, told.host, again, before, plan.cancel, plan.discard, plan.redeposit)
        told.state, kept = state, told.state
        assert told.marking() == marking
        told.state = kept


def _copy(state: dict[str, Any]) -> dict[str, Any]:
    copied: dict[str, Any] = json.loads(json.dumps(state))
    return copied


def test_undo_of_a_straight_resubmission_opens_the_step_again_and_it_goes_straight_once_more() -> None:
    office = Office(LINE).begin().done("apply", "check")
    office.perform_claim("sign", "sun")
    office.give_back("sign", "apply", "sun")
    office.done("apply")
    seat = office.history("activity_completed")[-1].detail["seat"]
    office.command(lambda house, connection: house.tasks.undo(connection, office.actor(house, connection, "qian"), seat))
    assert office.open == ["apply"]
    office.done("apply")
    assert office.open == ["sign"]
    office.finish("sign", who="sun")


def test_a_returner_who_may_no_longer_act_is_stood_in_for_by_his_agent() -> None:
    office = Office(LINE).begin().done("apply", "check")
    office.perform_claim("sign", "sun")
    office.give_back("sign", "apply", "sun")
    sun, li, now = office.people["sun"], office.people["li"], office.clock.now()

    def leave(house: Any, connection: Any) -> None:
        connection.execute(Membership.__table__.delete().where(Membership.person_id == sun))
        connection.execute(Agency.__table__.insert().values(
            principal_id=sun, agent_id=li, process_id=None, valid_from=now, valid_to=now + timedelta(days=3), reason="休假", created_by=sun, created_at=now,
            begun_at=now, ended_at=None,
        ))

    office.command(leave)
    office.done("apply")
    offers = office.rows(select(SeatOffer.candidate, SeatOffer.principal_id).where(SeatOffer.seat_id == office.seat("sign").id))
    assert [tuple(row) for row in offers] == [(f"person:{li}", sun)]
    office.finish("sign", who="li")
