"""Folders with several executable processes: pools that talk by messages, siblings that call each other, and all-or-nothing deployment."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from command_line import scenario_house
from engine_walk import DIAGRAMS, END, START, EngineWalk, chain, extensions, flow, process, user
from tasks.models import Membership, Organisation
from tasks.scenarios.process_check import check_path
from tests.web_office import Office
from workflows.business_calendar import SHANGHAI, FrozenClock
from workflows.definitions import ResourceFinding, check
from workflows.errors import DeploymentRefused
from workflows.models import Definition

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT / "bpmn" / "shared"
TWO_POOLS = {"orders.bpmn": (DIAGRAMS / "two_pools.bpmn").read_bytes()}
needs_database = pytest.mark.usefixtures("database")


def caller(called: str, identity: str = "process", more: str = "") -> bytes:
    """A process that calls another one."""
    content = START + f'<bpmn:callActivity id="call" calledElement="{called}"{more}/>' + END + chain("start", "call", "end")
    return process(content, identity)


def working(task: str, identity: str, rule: str = "") -> bytes:
    """A process of one task."""
    return process(START + user(task, rule) + END + chain("start", task, "end"), identity)


def deployed(walk: EngineWalk, files: dict[str, bytes]) -> dict[str, int]:
    """Deploy a folder; the version of each of its processes."""
    versions = walk.command(lambda house, connection: house.definitions.deploy_all(connection, files, None))
    return {version.process_id: version.version for version in versions}


def faults(files: dict[str, bytes]) -> list[tuple[str, str, str]]:
    """File, element and code of every error."""
    return [(one.resource, one.finding.element_id, one.finding.code) for one in check(files) if one.severity == "error"]


def warned(files: dict[str, bytes], code: str) -> list[ResourceFinding]:
    """The warnings of a code."""
    return [one for one in check(files) if one.severity == "warning" and one.finding.code == code]


# pools that talk


@needs_database
def test_two_pools_of_a_file_talk_by_messages_both_ways_and_each_answer_finds_its_own_case() -> None:
    walk = EngineWalk()
    assert deployed(walk, TWO_POOLS) == {"process": 1, "bank_process": 1}
    for order in ("A", "B"):
        walk.start("process", order=order)
    walk.later(minutes=1)
    banks = {row.variables["case"]["order"]: row.id for row in walk.instances() if row.process_id == "bank_process"}
    assert set(banks) == {"A", "B"} and walk.open == ["look", "look"]
    second = next(number for number, seat in enumerate(walk.seats("look")) if seat.instance_id == banks["B"])
    walk.complete("look", second, look_outcome="yes").later(minutes=1)
    assert walk.open == ["act", "look"]
    (told,) = walk.seats("act")
    assert walk.row(told.instance_id).variables["order"] == "B" and walk.row(told.instance_id).variables["said"] == {"paid": "yes"}
    walk.complete("look", look_outcome="no").later(minutes=1).complete_all("act")
    assert walk.ended and {row.status for row in walk.instances()} == {"completed"}


def test_a_message_flow_whose_ends_speak_of_different_messages_is_warned_about() -> None:
    crossed = TWO_POOLS["orders.bpmn"].replace(b'sourceRef="tell" targetRef="hear"', b'sourceRef="look" targetRef="hear"')
    (found,) = warned({"orders.bpmn": crossed}, "message-flow")
    assert found.finding.element_id == "look" and "awaited: answered" in found.finding.reason_en
    assert not warned(TWO_POOLS, "message-flow")


def test_pools_that_are_not_executable_stay_documentation() -> None:
    files = {"p.bpmn": (DIAGRAMS / "collaboration.bpmn").read_bytes()}
    assert faults(files) == [] and len(warned(files, "not-executable")) == 1


def test_a_file_that_only_documents_may_stand_beside_one_that_runs_but_not_alone() -> None:
    picture = working("look", "view").replace(b'isExecutable="true"', b'isExecutable="false"')
    assert [code for *_, code in faults({"view.bpmn": picture})] == ["nothing-executable"]
    both = {"view.bpmn": picture, "work.bpmn": working("act", "work")}
    assert faults(both) == [] and [one.resource for one in warned(both, "nothing-executable")] == ["view.bpmn"]


# versions


@needs_database
def test_a_change_of_one_file_is_a_new_version_of_every_process_of_the_folder() -> None:
    walk = EngineWalk()
    files = {"one.bpmn": working("act", "one"), "two.bpmn": working("look", "two")}
    assert deployed(walk, files) == {"one": 1, "two": 1}
    assert deployed(walk, files) == {"one": 1, "two": 1}, "the same files change nothing"
    assert deployed(walk, {**files, "two.bpmn": working("see", "two")}) == {"one": 2, "two": 2}
    assert deployed(walk, {"two.bpmn": working("alone", "two")}) == {"two": 3}
    assert deployed(walk, {**files, "two.bpmn": working("see", "two")}) == {"one": 2, "two": 4}, "what is current with these files stays"
    running = walk.start("one").complete("act")
    assert running.ended


@needs_database
def test_a_house_that_has_forgotten_everything_reads_each_version_from_its_own_rows() -> None:
    walk = EngineWalk()
    deployed(walk, {"both.bpmn": TWO_POOLS["orders.bpmn"], "third.bpmn": working("act", "third")})
    for identity in ("process", "bank_process", "third"):
        version = walk.command(lambda house, connection, wanted=identity: house.definitions.current(connection, wanted))
        assert version.process_id == version.graph.id == identity
        assert version.bpmn == ("third.bpmn" if identity == "third" else "both.bpmn")


@needs_database
def test_the_process_with_the_id_of_its_file_is_the_one_the_folder_is_about() -> None:
    walk = EngineWalk()
    files = {"a.bpmn": working("act", "zero"), "main.bpmn": working("look", "main")}
    assert walk.command(lambda house, connection: house.definitions.deploy(connection, files, None)).process_id == "main"
    assert next(iter(deployed(walk, files))) == "main"
    roster = {**files, "roster.yaml": b"process: zero\n"}
    versions = walk.command(lambda house, connection: house.definitions.deploy_all(connection, roster, None))
    assert [(one.process_id, one.roster is not None) for one in versions] == [("zero", True), ("main", False)]


# calling


@needs_database
@pytest.mark.parametrize("binding", ["latest", "deployment"])
@pytest.mark.parametrize("names", [("a.bpmn", "b.bpmn"), ("b.bpmn", "a.bpmn")])
def test_a_call_activity_runs_a_sibling_in_whatever_order_the_files_stand(names: tuple[str, str], binding: str) -> None:
    calls = caller("child", more=f' camunda:calledElementBinding="{binding}"')
    walk = EngineWalk()
    deployed(walk, {names[0]: calls, names[1]: working("old", "child")})
    deployed(walk, dict(sorted({names[0]: calls, names[1]: working("new", "child")}.items())))
    walk.start()
    assert walk.open == ["new"], "the version that came with the caller"
    deployed(walk, {"child.bpmn": working("newest", "child")})
    again = walk.start()
    assert again.open == sorted(["new", "newest" if binding == "latest" else "new"])
    walk.complete_all("new").complete_all("newest")
    assert walk.ended


def test_a_circle_of_calls_across_the_files_of_a_folder_is_refused() -> None:
    found = faults({"a.bpmn": caller("two", "one"), "b.bpmn": caller("one", "two")})
    assert {(resource, element) for resource, element, code in found if code == "called-cycle"} == {("a.bpmn", "one"), ("b.bpmn", "two")}


@needs_database
def test_a_circle_through_a_process_that_is_deployed_already_is_refused() -> None:
    walk = EngineWalk()
    deployed(walk, {"c.bpmn": caller("one", "three")})
    with pytest.raises(DeploymentRefused) as refused:
        deployed(walk, {"a.bpmn": caller("two", "one"), "b.bpmn": caller("three", "two")})
    assert {one.resource for one in refused.value.findings if one.finding.code == "called-cycle"} == {"a.bpmn", "b.bpmn"}


# all or nothing


@needs_database
def test_an_error_in_one_pool_refuses_them_all_and_every_finding_names_its_file_and_line() -> None:
    walk = EngineWalk()
    broken = process(START + user("act") + END + flow("start", "act"), "broken")
    files = {"good.bpmn": working("act", "good"), "broken.bpmn": broken, "worse.bpmn": caller("", "worse")}
    with pytest.raises(DeploymentRefused) as refused:
        deployed(walk, files)
    errors = [one for one in refused.value.findings if one.severity == "error"]
    assert {one.resource for one in errors} == {"broken.bpmn", "worse.bpmn"} and all(one.finding.line for one in errors)
    assert walk.rows(select(Definition.id)) == []


@needs_database
def test_a_sibling_may_not_drop_a_four_eyes_rule() -> None:
    walk = EngineWalk()
    two = START + user("first") + user("second", extensions(separate_from="first")) + END + chain("start", "first", "second", "end")
    free = two.replace('<camunda:property name="separate_from" value="first"/>', "")
    files = {"main.bpmn": working("act", "main"), "eyes.bpmn": process(two, "eyes")}
    deployed(walk, files)
    with pytest.raises(DeploymentRefused) as refused:
        deployed(walk, {**files, "eyes.bpmn": process(free, "eyes")})
    assert [(one.resource, one.finding.code) for one in refused.value.findings if one.severity == "error"] == [("eyes.bpmn", "four_eyes_removed")]


def test_two_processes_of_one_id_two_starts_by_one_message_and_one_label_for_two_elements_are_refused() -> None:
    twice = faults({"a.bpmn": working("act", "same"), "b.bpmn": working("look", "same")})
    assert twice == [("b.bpmn", "same", "process_twice")]
    by_message = START.replace("/>", '><bpmn:messageEventDefinition messageRef="paid"/></bpmn:startEvent>')
    starts = {f"{name}.bpmn": process(by_message + user("act") + END + chain("start", "act", "end"), name) for name in ("one", "two")}
    assert faults(starts) == [("two.bpmn", "start", "message_start_twice")]
    files = {"a.bpmn": working("act", "one"), "b.bpmn": working("act", "two").replace(b'name="act"', b'name="other"')}
    assert faults(files) == [], "each process has its own elements"
    assert faults({**files, "labels.en.yaml": b"act: Decide\n"}) == [("b.bpmn", "act", "label_shared")]


def test_what_a_caller_hands_over_is_known_in_the_sibling_it_calls() -> None:
    asking = process(START + user("act", extensions(title="= handed")) + END + chain("start", "act", "end"), "child")
    assert warned({"child.bpmn": asking}, "name-unknown")
    given = caller("child").replace(b"/><bpmn:endEvent", b"><bpmn:extensionElements><camunda:in sourceExpression=\"= 1\" target=\"handed\"/>"
                                    b"</bpmn:extensionElements></bpmn:callActivity><bpmn:endEvent")
    assert b"handed" in given and not warned({"child.bpmn": asking, "main.bpmn": given}, "name-unknown")


# checking and scenarios

SCENARIOS = """
cases: {}
scenarios:
  - id: P-1
    name: the bank answers
    clock: 2026-06-18T09:00
    PROCESS
    steps:
      - start: {case: order, facts: {order: 7}}
      - {do: advance, by: {minutes: 1}}
      - {do: find, case: asked, process: bank_process}
      - expect: {case: asked, open: [look]}
"""


def checked(folder: Path) -> tuple[bool, str]:
    """What `check` says of a folder."""
    lines: list[str] = []
    build: Any = scenario_house
    return check_path(folder, SHARED, build, lines.append), "\n".join(lines)


@pytest.mark.parametrize("name, says, passes", [("orders", "process: process", True), ("process", "", True), ("orders", "", False)])
def test_a_scenario_says_which_process_it_starts_unless_one_is_named_as_the_folder(tmp_path: Path, name: str, says: str, passes: bool) -> None:
    folder = tmp_path / name
    folder.mkdir()
    content = TWO_POOLS["orders.bpmn"].replace(b"{order: order}", b"{order: case.order}").replace(b'"= order"', b'"= case.order"')
    (folder / "orders.bpmn").write_bytes(content)
    (folder / "scenarios.yaml").write_text(SCENARIOS.replace("PROCESS", says), encoding="utf-8")
    fine, text = checked(folder)
    assert fine == passes, text
    assert ("1 of 1 scenarios passed" in text) == passes
    assert passes or "bank_process" in text


# pages and verbs


@needs_database
def test_the_processes_page_shows_every_pool_and_the_editor_deploys_them_together(tmp_path: Path) -> None:
    office = Office(tmp_path, FrozenClock(datetime(2026, 6, 18, 9, tzinfo=SHANGHAI)))
    with office.house.store.transaction() as connection:
        office.house.definitions.deploy_all(connection, TWO_POOLS, None)
        connection.execute(Membership.__table__.update().where(Membership.person_id == office.clerk).values(role="process_admin"))
        connection.execute(Organisation.__table__.update().where(Organisation.code == "U1").values(kind="platform"))
    client = office.browser(office.clerk)
    listed = client.get("/processes").text
    assert "/processes/bank_process" in listed and 'href="/processes/process"' in listed
    for identity in ("process", "bank_process"):
        assert client.get(f"/processes/{identity}").status_code == 200
    changed = TWO_POOLS["orders.bpmn"].replace(b'name="look"', b'name="look well"')
    assert client.post("/processes/bank_process/lint/orders.bpmn", data=changed).status_code == 200
    answer = client.post("/processes/bank_process/deploy/orders.bpmn", data=changed)
    assert (answer.status_code, answer.json["version"]) == (201, 2) and "/bank_process" in answer.json["location"]
    with office.house.store.read() as connection:
        assert [office.house.definitions.current(connection, one).version for one in ("process", "bank_process")] == [2, 2]
    renamed = client.post("/processes/bank_process/deploy/orders.bpmn", data=changed.replace(b"bank_process", b"other_bank"))
    assert renamed.status_code == 422
    with office.house.store.read() as connection:
        assert "other_bank" not in [version.process_id for version in office.house.definitions.all_current(connection)]
