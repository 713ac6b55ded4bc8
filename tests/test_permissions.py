"""Who sees which case and who may do what: one predicate, tested row by row and as a list, for every role."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, select

from tasks.models import CaseActor, CaseParty, Membership, Seat, SeatOffer
from tasks.shared_organisations import load_organisations
from tasks.organisations import KINDS
from tasks.people import Actor, People, system_actor
from tasks.permissions import ACTIONS, may, refusal, require, supervised_cases, visible_cases
from tasks.personal_data import PersonalData
from tasks.roles import ROLES
from tasks.sight import sight
from tests import databases
from workflows.business_calendar import FrozenClock
from workflows.errors import Forbidden
from workflows.models import FAR_FUTURE, Definition, HistoryRow, ProcessInstance
from workflows.store import Store

CAST = (Path(__file__).parent.parent / "bpmn" / "shared" / "organisations.yaml").read_text("utf-8")

# name → (borrower, university, class, origin county)
CASES = {
    "in-province": ("K1", "U1401", "U1401-CS-2301", "C149999"),
    "out-of-province": ("K2", "U1401", "U1401-CS-2301", "C429999"),
    "other faculty": ("K4", "U1401", "U1401-LAW-2401", "C149999"),
    "normal university": ("K5", "U4201", "U4201-ED-2201", "C429999"),
    "campus": ("K10", "U1402", "U1402-ED-2401", "C429999"),
    "third province": ("K6", "U4201", "U4201-MA-2401", "C419999"),
    "off platform": ("K9", "U6199", None, "C149999"),
}
NUMBERS = {name: number for number, name in enumerate(CASES, 1)}


class Office:
    """The cast with seven cases."""

    def __init__(self, connection: Connection, people: People) -> None:
        self.connection = connection
        self.people = people
        self.ids = load_organisations(connection, people, CAST, None)
        now = people.clock.now()
        self.moments = {"created_at": now, "due_at": FAR_FUTURE}
        connection.execute(insert(Definition).values(id=1, process_id="p", version=1, name="p", digest="d", current=True, deployed_at=now))
        for name, (student, university, group, county) in CASES.items():
            self._case(NUMBERS[name], self.ids[student], {"university": university, "class": group, "origin_county": county})

    def _case(self, number: int, subject: int, parties: dict[str, str | None]) -> None:
        now = self.people.clock.now()
        self.connection.execute(insert(ProcessInstance).values(
            id=number, definition_id=1, process_id="p", subject_person=subject, status="active", round=1, revision=1, state={}, variables={},
            history_sequence=0, history_hash=b"", started_at=now, last_change_at=now,
        ))
        rows = [{"instance_id": number, "kind": kind, "organisation_code": code} for kind, code in parties.items() if code]
        self.connection.execute(insert(CaseParty), rows)
        self.connection.execute(insert(Seat).values(
            id=number, instance_id=number, definition_id=1, process_id="p", node_id="n", token="1", status="open", yellow_at=FAR_FUTURE,
            priority=50, round=1, revision=1, summary={}, urged=0, **self.moments,
        ))

    def actor(self, who: str) -> Actor:
        return self.people.actor(self.connection, self.ids[who])

    def newcomer(self, who: str, role: str, code: str) -> Actor:
        """Somebody of the cast with one more membership."""
        organisation = self.people.organisation(self.connection, code)
        self.connection.execute(insert(Membership).values(person_id=self.ids[who], organisation_id=organisation.id, role=role))
        return self.actor(who)

    def sees(self, actor: Actor) -> set[str]:
        """Names of the cases seen; the listing shape must give the same."""
        names = {number: name for name, number in NUMBERS.items()}
        found = [
            {names[row.id] for row in self.connection.execute(select(ProcessInstance.id).where(visible_cases(actor, listing=listing)))}
            for listing in (False, True)
        ]
        assert found[0] == found[1]
        return found[0]

    def supervises(self, actor: Actor) -> set[int]:
        return set(self.connection.execute(select(ProcessInstance.id).where(supervised_cases(actor))).scalars())


@pytest.fixture
def office(database: str) -> Iterator[Office]:
    engine = databases.engine()
    people = People(FrozenClock(datetime(2026, 7, 6, 9, 0)), PersonalData(secrets.token_bytes(32)))
    with Store(engine).transaction() as connection:
        yield Office(connection, people)
    engine.dispose()


SIGHT = {
    "K1": {"in-province"},
    "K8": set(),
    "chenjingban": {"in-province", "other faculty", "off platform"},
    "linfuze": {"in-province", "other faculty", "off platform"},
    "dengjingban": {"out-of-province", "normal university", "campus"},
    "jiangfuze": {"out-of-province", "normal university", "campus"},
    "xiejingban": {"third province"},
    "fangfuze": {"third province"},
    "gaojingban": {"in-province", "out-of-province", "other faculty"},
    "zhouzhuren": {"in-province", "out-of-province", "other faculty"},
    "songxueyuan": {"in-province", "out-of-province"},
    "hefudao": {"in-province", "out-of-province"},
    "lvcaiwu": set(),
    "xiaobanzhang": set(),
    "xujingban": {"normal university", "third province", "campus"},
    "qinzhuren": {"normal university", "third province", "campus"},
    "guoshenpi": set(),
    "sududao": {"in-province", "other faculty", "off platform"},
    "shiyidu": {"out-of-province", "normal university", "campus"},
    "tangshengban": {"in-province", "out-of-province", "other faculty", "campus", "off platform"},
    "shengyiban": {"out-of-province", "normal university", "third province", "campus"},
    "luoguanli": set(),
    "maguanli": set(),
    "liuchengguanli": set(),
    "renyuanguanli": set(),
    "shenjiyuan": set(),
}


@pytest.mark.parametrize("who", SIGHT)
def test_everybody_sees_the_cases_of_his_own_office_and_no_other(office: Office, who: str) -> None:
    assert office.sees(office.actor(who)) == SIGHT[who]


def test_every_member_of_the_cast_has_his_sight_stated() -> None:
    staff = {line.split("login: ")[1].split(",")[0] for line in CAST.splitlines() if "memberships:" in line and "login:" in line}
    assert staff <= set(SIGHT)


def test_a_branch_sees_the_contracts_it_is_a_party_of(office: Office) -> None:
    office.connection.execute(insert(CaseParty).values(instance_id=NUMBERS["third province"], kind="bank", organisation_code="B41"))
    assert office.sees(office.actor("guoshenpi")) == {"third province"}


def test_the_national_centre_sees_no_case(office: Office) -> None:
    assert office.sees(office.newcomer("shenjiyuan", "national_viewer", "PLATFORM")) == set()


def test_several_identities_see_together_whichever_acts(office: Office) -> None:
    both = office.newcomer("xiejingban", "county_clerk", "C149999")
    assert office.sees(both) == {"third province", "in-province", "other faculty", "off platform"}


@pytest.mark.parametrize("how", ["acted", "holds", "is offered in person", "is offered by role"])
def test_whoever_takes_part_in_a_case_sees_it(office: Office, how: str) -> None:
    person, number = office.ids["xiejingban"], NUMBERS["in-province"]
    if how == "acted":
        office.connection.execute(insert(CaseActor).values(instance_id=number, node_id="n", person_id=person))
    elif how == "holds":
        office.connection.execute(Seat.__table__.update().where(Seat.id == number).values(owner_id=person))
    else:
        candidate = f"person:{person}" if how.endswith("person") else "county_clerk@C419999"
        office.connection.execute(insert(SeatOffer).values(candidate=candidate, seat_id=number, priority=50, **office.moments))
    assert office.sees(office.actor("xiejingban")) == {"third province", "in-province"}


def test_a_code_that_begins_alike_is_another_organisation(office: Office) -> None:
    office.people.organisations.add(office.connection, code="U14010", name="相似大学", kind="university", province="42")
    office._case(99, office.ids["K7"], {"university": "U14010"})
    names = set(office.connection.execute(select(ProcessInstance.id).where(visible_cases(office.actor("gaojingban")))).scalars())
    assert 99 not in names


def test_the_house_itself_sees_everything(office: Office) -> None:
    assert office.sees(system_actor()) == set(CASES)


def test_supervisors_supervise_what_they_answer_for_and_clerks_nothing(office: Office) -> None:
    assert office.supervises(office.actor("sududao")) == {NUMBERS[name] for name in SIGHT["sududao"]}
    assert office.supervises(office.actor("zhouzhuren")) == {NUMBERS[name] for name in SIGHT["zhouzhuren"]}
    for who in ("gaojingban", "chenjingban", "hefudao", "K1", "luoguanli", "renyuanguanli"):
        assert office.supervises(office.actor(who)) == set()


# actions


def test_a_right_ends_where_the_scope_ends(office: Office) -> None:
    principal = office.actor("tangshengban")
    find = office.people.organisation
    for code in ("14", "C149999", "U1401", "U1401-CS-2301", "U1402", "B14"):
        assert may(principal, "seats.reassign", find(office.connection, code)), code
    for code in ("42", "C429999", "U4201", "U6199", "PLATFORM"):
        assert not may(principal, "seats.reassign", find(office.connection, code)), code


def test_an_unknown_organisation_and_an_unknown_action_are_refused(office: Office) -> None:
    principal = office.actor("zhouzhuren")
    assert may(principal, "seats.reassign")
    assert not may(principal, "seats.reassign", None)
    assert not may(principal, "seats.explode")


def test_the_reason_names_who_may_in_both_languages(office: Office) -> None:
    words = refusal(office.actor("gaojingban"), "model.deploy")
    assert words is not None and "流程管理员" in words["zh"] and "Process administrator" in words["en"]


def test_somebody_who_could_in_another_identity_is_told_which(office: Office) -> None:
    both = office.newcomer("gaojingban", "univ_principal", "U1401")
    with pytest.raises(Forbidden, match="切换为“高校资助中心负责人"):
        require(both, "cases.supervise")
    principal = next(one.id for one in both.memberships if one.role == "univ_principal")
    require(office.people.actor(office.connection, both.person_id, principal), "cases.supervise")


def test_only_the_platform_changes_what_concerns_everybody(office: Office) -> None:
    assert may(office.actor("liuchengguanli"), "model.deploy")
    local = office.newcomer("maguanli", "people_admin", "U1401")
    local = office.people.actor(office.connection, local.person_id, local.memberships[1].id)
    assert may(local, "people.manage", office.people.organisation(office.connection, "U1401-CS"))
    assert not may(local, "calendar.official")
    assert not may(local, "log.read")


@pytest.mark.parametrize("who", ["K1", "xiaobanzhang", "luoguanli", "gaojingban", "chenjingban"])
def test_who_does_not_administer_may_not(office: Office, who: str) -> None:
    for action in ("people.manage", "organisations.manage", "calendar.edit", "model.deploy", "log.read", "seats.reassign"):
        assert not may(office.actor(who), action)


def test_roles_and_actions_are_complete_data() -> None:
    for code, role in ROLES.items():
        assert role.zh and role.en and role.does_zh and role.does_en, code
        assert role.sees in ("own", "class_list", "organisation", "region", "aggregates", "nothing"), code
        assert role.actions <= set(ACTIONS), code
        assert set(role.kinds) <= set(KINDS), code
    assert all(any(name in role.actions for role in ROLES.values()) for name in ACTIONS)


def test_administrators_auditors_and_class_representatives_have_no_case_in_their_role() -> None:
    for code in ("process_admin", "people_admin", "auditor", "data_admin", "class_rep", "volunteer", "univ_finance", "national_viewer"):
        assert ROLES[code].sees not in ("organisation", "region")
        assert not ROLES[code].supervises


# how much of it


def offer(office: Office, name: str, candidate: str) -> None:
    office.connection.execute(insert(SeatOffer).values(candidate=candidate, seat_id=NUMBERS[name], priority=50, **office.moments))


def acted(office: Office, name: str, organisation: str) -> None:
    office.connection.execute(insert(HistoryRow).values(
        instance_id=NUMBERS[name], sequence=1, at=office.people.clock.now(), kind="completed", organisation=organisation, definition_id=1,
        round=1, detail={}, hash=b"",
    ))


def looks(office: Office, name: str) -> dict[str, str]:
    who = ("K1", "K2", "gaojingban", "zhouzhuren", "songxueyuan", "chenjingban", "dengjingban", "tangshengban", "shengyiban", "xiejingban")
    return {one: sight(office.connection, office.actor(one), NUMBERS[name]) for one in who}


def test_the_county_of_an_in_province_student_sees_the_status_only(office: Office) -> None:
    offer(office, "in-province", "univ_clerk@U1401")
    assert looks(office, "in-province") == {
        "K1": "full", "K2": "none", "gaojingban": "full", "zhouzhuren": "full", "songxueyuan": "status", "chenjingban": "status",
        "dengjingban": "none", "tangshengban": "full", "shengyiban": "none", "xiejingban": "none",
    }


def test_both_offices_see_a_shared_case_while_it_is_open_and_afterwards_only_who_decided(office: Office) -> None:
    for candidate in ("univ_clerk@U1401", "county_clerk@C429999"):
        offer(office, "out-of-province", candidate)
    seen = looks(office, "out-of-province")
    assert (seen["gaojingban"], seen["dengjingban"], seen["tangshengban"], seen["shengyiban"]) == ("full",) * 4
    office.connection.execute(SeatOffer.__table__.delete())
    acted(office, "out-of-province", "C429999")
    seen = looks(office, "out-of-province")
    assert (seen["gaojingban"], seen["dengjingban"]) == ("status", "full")
    assert (seen["tangshengban"], seen["shengyiban"], seen["xiejingban"]) == ("full", "full", "none")


def test_whoever_acted_himself_keeps_seeing_the_case(office: Office) -> None:
    office.connection.execute(insert(CaseActor).values(
        instance_id=NUMBERS["out-of-province"], node_id="n", person_id=office.ids["gaojingban"]
    ))
    seen = looks(office, "out-of-province")
    assert (seen["gaojingban"], seen["zhouzhuren"]) == ("full", "status")
