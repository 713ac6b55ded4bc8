"""The renewal declaration audit as drawn: its decision tables, expressions and forms against the rules of the domain.

It runs no case; scenarios do that.
"""

from __future__ import annotations

import functools
import itertools
import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from tests import databases
from workflows.business_calendar import SHANGHAI, BusinessCalendar, FrozenClock
from workflows.decisions import DecisionModel, read_decisions
from workflows.feel import compile_expression
from workflows.graph import ProcessGraph, read_graph
from workflows.plain_yaml import read_yaml

FOLDER = Path(__file__).parents[1] / "bpmn" / "renewal_declaration_audit"
SHARED = FOLDER.parent / "shared"
CLERK_1401, CLERK_4201 = "univ_clerk@U1401", "univ_clerk@U4201"
CLERK_14, CLERK_42 = "county_clerk@C149999", "county_clerk@C429999"
GOOD_TEXT = "本学年我认真学习专业课程，成绩位于班级前列，遵守学校纪律，积极参加社会实践活动。" * 3
ASKED = {"statement": GOOD_TEXT, "enrolment_confirmed": True, "requested_amount": None}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def moment(text: str) -> dict[str, str]:
    """A date and time as variables hold it."""
    return {"$datetime": at(text).isoformat()}


class World:
    """What the host functions of an expression answer, over the shipped calendars and organisations."""

    def __init__(self, connection: Connection) -> None:
        listed = read_yaml((SHARED / "organisations.yaml").read_text())["organisations"]
        self._rows = {row["code"]: row for row in listed}
        self._connection = connection
        self.earlier_texts: dict[str, set[str]] = {"own": set(), "others": set()}
        self.calendar = BusinessCalendar(FrozenClock(at("2026-06-18T09:00:00")), lambda _, code: self.line(code))
        self.calendar.seed_official_years(connection)
        self.calendar.load_calendars(connection, (SHARED / "calendars.yaml").read_text())

    def line(self, code: str) -> list[str]:
        """Codes from the organisation up to its root, then its province."""
        line = []
        while code in self._rows:
            line.append(code)
            code = str(self._rows[code].get("parent"))
        province = self.province(line[0]) if line else None
        return line if province in line or province is None else [*line, province]

    def province(self, code: str) -> str | None:
        row = self._rows[code]
        own = row.get("province") or (code if row["kind"] == "province" else None)
        return own or (self.province(str(row["parent"])) if row.get("parent") else None)

    def organisation(self, code: object) -> dict[str, Any] | None:
        row = self._rows.get(code) if isinstance(code, str) else None
        if row is None:
            return None
        return {
            "code": code, "name": row["name"], "kind": row["kind"], "province": self.province(str(code)),
            "on_platform": row.get("on_platform", True), "active": True, "parent": row.get("parent"),
        }

    def functions(self) -> dict[str, Any]:
        return {
            **self.calendar.functions(self._connection, "2026"), "org": self.organisation,
            "role": lambda role, code: f"{role}@{code}" if role and code else None,
            "seen_before": lambda text, scope: text in self.earlier_texts[scope],
        }


@pytest.fixture
def world(database: str) -> Iterator[World]:
    engine = databases.engine()
    with engine.begin() as connection:
        yield World(connection)
    engine.dispose()


@functools.cache
def model(name: str) -> DecisionModel:
    return read_decisions((FOLDER / f"{name}.dmn").read_bytes())


def decide(world: World, name: str, now: str, variables: Mapping[str, Any]) -> tuple[Any, list[str]]:
    """The decision's value and the rules that matched; a word of complaint of the table fails the test."""
    result = model(name).evaluate(name, variables, world.functions(), at(now))
    assert not result.errors
    return result.value, [match.rule_id for match in result.matched if match.decision_id == name]


def audit(world: World, now: str, university: str, county: str, submitted: str, **submission: Any) -> tuple[dict[str, Any], str]:
    """D1 for a declaration: its answer and its only row."""
    case = {"cycle": "2026", "university": university, "origin_county": county}
    facts = {"at": moment(submitted), "resubmitted": False, "at_counter": False, **submission}
    value, rows = decide(world, "audit_authority", now, {"case": case, "submission": facts})
    assert len(rows) == 1
    return value, rows[0]


def due(answer: Mapping[str, Any]) -> str:
    value = answer["due"]
    moment_due = value if isinstance(value, datetime) else datetime.fromisoformat(str(value.get("$datetime") if isinstance(value, dict) else value))
    return moment_due.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")


def graph() -> ProcessGraph:
    return read_graph((FOLDER / "renewal_declaration_audit.bpmn").read_bytes()).graphs["renewal_declaration_audit"]


# D1


def test_an_in_province_declaration_belongs_to_its_university_alone(world: World) -> None:
    answer, row = audit(world, "2026-06-18T09:00:00", "U1401", "C149999", "2026-06-18T09:00:00")
    assert row == "in_province"
    assert answer["candidate_groups"] == [CLERK_1401]
    assert due(answer) == "2026-07-10 23:59:59"
    assert "不得代为审核" in answer["clause_zh"]


def test_a_county_never_audits_an_in_province_declaration(world: World) -> None:
    nows = ["2026-06-18T09:00:00", "2026-07-11T00:00:00", "2026-09-30T09:00:00"]
    for now, resubmitted, counter in itertools.product(nows, [True, False], [True, False]):
        submission = {"resubmitted": resubmitted, "last_decider": "university", "at_counter": counter, "counter_at": moment(now)}
        answer, _ = audit(world, now, "U1401", "C149999", "2026-06-18T09:00:00", **submission)
        assert answer["candidate_groups"] == [CLERK_1401]
        assert answer["duty"] == CLERK_1401


def test_after_the_close_the_university_has_two_working_days(world: World) -> None:
    answer, _ = audit(world, "2026-07-17T10:00:00", "U1401", "C149999", "2026-07-17T10:00:00")
    assert due(answer) == "2026-07-21 23:59:59"


def test_an_out_of_province_declaration_goes_to_whoever_is_first(world: World) -> None:
    answer, row = audit(world, "2026-06-20T09:00:00", "U1401", "C429999", "2026-06-20T09:00:00")
    assert row == "out_of_province_in_time"
    assert answer["candidate_groups"] == [CLERK_1401, CLERK_42]
    assert answer["duty"] == CLERK_1401
    assert due(answer) == "2026-07-10 23:59:59"


def test_the_last_second_of_the_close_is_still_in_time(world: World) -> None:
    _, row = audit(world, "2026-07-10T23:59:59", "U1401", "C429999", "2026-06-20T09:00:00")
    assert row == "out_of_province_in_time"


def test_the_county_must_audit_what_the_university_left(world: World) -> None:
    answer, row = audit(world, "2026-07-11T00:00:00", "U1401", "C429999", "2026-06-20T09:00:00")
    assert row == "fallback"
    assert answer["duty"] == CLERK_42
    assert answer["candidate_groups"] == [CLERK_1401, CLERK_42]
    assert due(answer) == "2026-07-14 23:59:59"
    assert answer["escalate_first"] == ["county_principal@C429999"]
    assert answer["escalate_second"] == "city_supervisor@4299"


def test_a_county_without_a_city_escalates_to_the_province(world: World) -> None:
    answer, _ = audit(world, "2026-07-20T00:00:00", "U4201", "C419999", "2026-06-20T09:00:00")
    assert answer["escalate_second"] == "province_clerk@41"


def test_a_declaration_after_the_close_gives_the_university_three_working_days(world: World) -> None:
    answer, row = audit(world, "2026-07-18T10:00:00", "U1401", "C429999", "2026-07-17T10:00:00")
    assert row == "out_of_province_in_time"
    assert due(answer) == "2026-07-22 23:59:59"


def test_a_student_at_the_counter_is_served_by_the_county_the_same_day(world: World) -> None:
    answer, row = audit(
        world, "2026-07-18T10:00:00", "U1401", "C429999", "2026-07-17T10:00:00", at_counter=True, counter_at=moment("2026-07-18T10:00:00")
    )
    assert row == "at_the_counter"
    assert answer["candidate_groups"] == [CLERK_42]
    assert due(answer) == "2026-07-18 23:59:59"


def test_a_university_off_the_platform_is_not_waited_for(world: World) -> None:
    answer, row = audit(world, "2026-06-22T10:00:00", "U6199", "C149999", "2026-06-22T10:00:00")
    assert row == "not_on_platform"
    assert answer["candidate_groups"] == [CLERK_14]
    assert due(answer) == "2026-06-25 23:59:59"


def test_a_university_outside_the_bank_register_counts_as_off_the_platform(world: World) -> None:
    case = {"cycle": "2026", "university": "U1401", "origin_county": "C429999", "in_bank_register": False}
    submission = {"at": moment("2026-06-22T10:00:00"), "resubmitted": False, "at_counter": False}
    _, rows = decide(world, "audit_authority", "2026-06-22T10:00:00", {"case": case, "submission": submission})
    assert rows == ["not_on_platform"]


def test_nobody_may_decide_while_the_university_is_unknown(world: World) -> None:
    answer, row = audit(world, "2026-06-22T10:00:00", "U9999", "C149999", "2026-06-22T10:00:00")
    assert row == "unknown_university"
    assert answer["candidate_groups"] == []
    assert answer["duty"] is None
    assert due(answer) == "2026-06-23 23:59:59"


def test_a_corrected_declaration_goes_back_to_the_university_that_returned_it(world: World) -> None:
    answer, row = audit(
        world, "2026-06-24T10:00:00", "U1401", "C429999", "2026-06-24T10:00:00", resubmitted=True, last_decider="university"
    )
    assert row == "resubmitted"
    assert answer["candidate_groups"] == [CLERK_1401]
    assert due(answer) == "2026-06-29 23:59:59"
    assert len(answer["time_marks"]) == 1


def test_the_county_joins_three_working_days_after_a_correction(world: World) -> None:
    answer, row = audit(
        world, "2026-06-30T00:00:00", "U1401", "C429999", "2026-06-24T10:00:00", resubmitted=True, last_decider="university"
    )
    assert row == "resubmitted_county_joins"
    assert answer["candidate_groups"] == [CLERK_1401, CLERK_42]
    assert answer["duty"] == CLERK_1401


def test_a_correction_for_the_county_stays_with_the_county(world: World) -> None:
    for now in ("2026-06-24T10:00:00", "2026-07-20T10:00:00"):
        answer, _ = audit(world, now, "U1401", "C429999", "2026-06-24T10:00:00", resubmitted=True, last_decider="county")
        assert answer["candidate_groups"] == [CLERK_42]
        assert answer["escalate_first"] == ["county_principal@C429999"]


def test_the_province_of_a_university_is_that_of_its_campus(world: World) -> None:
    _, at_campus = audit(world, "2026-06-24T10:00:00", "U1402", "C149999", "2026-06-24T10:00:00")
    _, at_head_office = audit(world, "2026-06-24T10:00:00", "U4201", "C149999", "2026-06-24T10:00:00")
    assert (at_campus, at_head_office) == ("in_province", "out_of_province_in_time")


def test_d1_has_exactly_one_row_for_every_situation(world: World) -> None:
    """UNIQUE and complete: every combination of its six inputs matches one row."""
    nows = ["2026-06-22T10:00:00", "2026-06-29T10:00:00", "2026-07-20T10:00:00"]
    deciders: list[dict[str, Any]] = [
        {"resubmitted": False, "last_decider": None}, {"resubmitted": True, "last_decider": "county"},
        {"resubmitted": True, "last_decider": "university"},
    ]
    rows = set()
    for now, university, decider, counter in itertools.product(nows, ["U1401", "U4201", "U6199", "U9999"], deciders, [True, False]):
        visit = {"at_counter": counter, "counter_at": moment(now) if counter else None}
        _, row = audit(world, now, university, "C149999", "2026-06-22T10:00:00", **decider, **visit)
        rows.add(row)
    assert rows == {
        "in_province", "out_of_province_in_time", "fallback", "resubmitted", "resubmitted_county_joins", "not_on_platform",
        "at_the_counter", "unknown_university",
    }


# D2


def flags(world: World, **changes: Any) -> list[str]:
    variables = {
        "case": {"cycle": "2026", **changes.pop("case", {})}, "submission": {"entered_by": {"on_behalf_of": changes.pop("on_behalf_of", None)}},
        **ASKED, **changes,
    }
    value, _ = decide(world, "declaration_check", "2026-06-18T09:00:00", variables)
    return [flag["code"] for flag in value or []]


def test_a_good_declaration_carries_no_flag(world: World) -> None:
    assert flags(world) == []


@pytest.mark.parametrize(("length", "flagged"), [(99, True), (100, False), (200, False), (201, True), (46, True)])
def test_the_length_is_flagged_outside_its_range(world: World, length: int, flagged: bool) -> None:
    assert ("length" in flags(world, statement=("学习" * 200)[:length])) is flagged


def test_blanks_do_not_make_a_declaration_longer(world: World) -> None:
    assert "length" in flags(world, statement="学习 \n" * 40)


def test_a_copied_text_is_flagged(world: World) -> None:
    assert flags(world, case={"last_statement": GOOD_TEXT}) == ["same_as_last_year"]
    world.earlier_texts["own"].add(GOOD_TEXT)
    assert flags(world) == ["same_as_last_year"]
    world.earlier_texts["own"].clear()
    world.earlier_texts["others"].add(GOOD_TEXT)
    assert flags(world) == ["same_as_another"]


def test_what_is_not_known_is_not_flagged(world: World) -> None:
    assert flags(world, case={"roll_status": None, "contact_updated": None}) == []


@pytest.mark.parametrize(("changes", "flag"), [
    ({"case": {"roll_status": "休学"}}, "roll_differs"), ({"enrolment_confirmed": False}, "enrolment_not_confirmed"),
    ({"case": {"contact_updated": False}}, "contact_not_updated"), ({"requested_amount": 20001}, "amount_over_cap"),
    ({"statement": "我希望继续获得国家的贷款支持。" * 8}, "no_content"), ({"on_behalf_of": 7}, "proxy_entry"),
])
def test_each_rule_of_d2_raises_its_flag(world: World, changes: dict[str, Any], flag: str) -> None:
    assert flags(world, **changes) == [flag]


def test_a_postgraduate_may_ask_for_more(world: World) -> None:
    assert flags(world, requested_amount=25000, case={"level": "postgraduate"}) == []


# eligibility


def findings(world: World, **facts: Any) -> dict[str, str]:
    value, _ = decide(world, "eligibility", "2026-06-18T09:00:00", {"case": {"cycle": "2026", **facts}})
    return {found["code"]: found["effect"] for found in value or []}


def test_absent_data_are_not_checked_and_never_held_against_the_borrower(world: World) -> None:
    assert findings(world) == {}


def test_further_study_is_blocked_until_the_plan_change_is_effective(world: World) -> None:
    assert findings(world, further_study=True) == {"further_study_first": "block"}
    assert findings(world, further_study=True, plan_change="effective") == {}


@pytest.mark.parametrize("state", ["opened", "voided"])
def test_an_open_or_voided_plan_change_blocks(world: World, state: str) -> None:
    assert findings(world, plan_change=state) == {"plan_change_open": "block"}


def test_only_procedures_block_and_facts_flag(world: World) -> None:
    facts = {"campus_loan": True, "platform_logins": 1, "expected_graduation": {"$date": "2026-06-30"}, "enrolment_event": "suspension"}
    assert findings(world, **facts) == {"not_studying": "flag", "graduating": "flag", "campus_loan": "flag", "few_logins": "flag"}
    assert findings(world, platform_logins=2, expected_graduation={"$date": "2027-06-30"}) == {}


def test_a_block_says_where_to_go(world: World) -> None:
    value, _ = decide(world, "eligibility", "2026-06-18T09:00:00", {"case": {"cycle": "2026", "further_study": True}})
    assert "plan_change" in value[0]["link"]


# the drawing


def test_the_diagram_has_no_error() -> None:
    reading = read_graph((FOLDER / "renewal_declaration_audit.bpmn").read_bytes())
    assert [finding for finding in reading.findings if finding.severity == "error"] == []


def test_every_expression_compiles() -> None:
    drawn = graph()
    texts = [
        text for holder in (drawn, *drawn.nodes.values()) for text in (*holder.attributes.values(), *holder.properties.values())
        if isinstance(text, str) and text.startswith("=")
    ]
    texts += [node.script for node in drawn.nodes.values() if node.script] + [flow.condition for flow in drawn.flows.values() if flow.condition]
    assert len(texts) > 60
    for text in texts:
        compile_expression(text.removeprefix("="))


def test_the_activities_carry_the_ids_that_forms_and_statistics_key_on() -> None:
    tasks = {node.id for node in graph().nodes.values() if node.type == "userTask"}
    assert tasks == {"submit_declaration", "audit_declaration", "correct_declaration", "resolve_unknown_university", "nudge_university"}


def test_whoever_entered_a_declaration_may_not_audit_it() -> None:
    assert graph().nodes["audit_declaration"].properties["separate_from"] == "submit_declaration,correct_declaration"


def test_every_outcome_has_a_way_out() -> None:
    drawn = graph()
    read = " ".join(flow.condition or "" for flow in drawn.flows.values())
    for node in drawn.nodes.values():
        outcomes = json.loads(node.properties.get("outcomes", "[]"))
        if len(outcomes) > 1:
            named = {outcome["value"] for outcome in outcomes if f'{node.id}_outcome = "{outcome["value"]}"' in read}
            assert len(named) >= len(outcomes) - 1  # the default flow takes the rest
            assert named < {outcome["value"] for outcome in outcomes}


def test_what_an_outcome_requires_is_a_field_of_its_form() -> None:
    for node in graph().nodes.values():
        for outcome in json.loads(node.properties.get("outcomes", "[]")):
            keys = {field.get("key") for field in form(node.attributes["formRef"])["components"]}
            assert set(outcome.get("requires", [])) <= keys


def form(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((FOLDER / f"{name}.form").read_text())
    return schema


def test_every_return_reason_has_a_text_long_enough_to_send() -> None:
    fields = {field.get("key"): field for field in form("audit")["components"]}
    codes = [option["value"] for option in fields["return_reasons"]["values"]]
    assert codes == [f"R{number:02d}" for number in range(1, 11)]
    texts = fields["return_text"]["properties"]
    assert fields["return_text"]["validate"]["minLength"] == 10
    assert all(len(texts[code]) >= 10 for code in codes if code != "R10")


def test_every_activity_field_and_outcome_has_words_in_both_languages() -> None:
    chinese, english = (read_yaml((FOLDER / f"labels.{language}.yaml").read_text()) for language in ("zh-CN", "en"))
    drawn = graph()
    needed = {node.id for node in drawn.nodes.values() if node.type == "userTask"}
    needed |= {node.event.name for node in drawn.nodes.values() if node.event.kind == "message" and node.event.name}
    for name in ("submit", "audit", "correct", "resolve", "nudge"):
        needed |= {field["key"] for field in form(name)["components"] if "key" in field}
    for node in drawn.nodes.values():
        needed |= {outcome["value"] for outcome in json.loads(node.properties.get("outcomes", "[]"))}
        needed |= {text for text in [node.properties.get("stage")] if text}
    assert needed <= set(chinese)
    assert set(chinese) <= set(english)
    diagram = (FOLDER / "renewal_declaration_audit.bpmn").read_text()
    assert [name for name in set(english) - set(chinese) if f'id="{name}"' not in diagram] == []  # Chinese stands in the diagram itself
    assert not [key for key, text in english.items() if re.search("[一-鿿]", str(text))]
