"""People and organisations: trees, dated memberships, acting identities, and what an administrator may do."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, insert, select

from tasks.hand_over import open_seats_of
from tasks.models import Membership, Person, Seat, SeatOffer, SecurityLog
from tasks.shared_organisations import create_first_administrator, load_organisations
from tasks.organisations import Organisations
from tasks.organisation_administration import add_organisation, change_organisation, move_organisation
from tasks.people import Actor, People, system_actor
from tasks.people_import import import_people
from tasks.personal_data import PersonalData
from tests import databases
from workflows.business_calendar import FrozenClock
from workflows.errors import Conflict, Forbidden, InvalidForm, NotFound, Rejection
from workflows.models import FAR_FUTURE, Definition, ProcessInstance
from workflows.store import Store

CAST = (Path(__file__).parent.parent / "bpmn" / "shared" / "organisations.yaml").read_text("utf-8")


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(datetime(2026, 7, 6, 9, 0))


@pytest.fixture
def people(clock: FrozenClock) -> People:
    return People(clock, PersonalData(secrets.token_bytes(32)))


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    engine = databases.engine()
    yield Store(engine)
    engine.dispose()


@pytest.fixture
def ids(store: Store, people: People) -> dict[str, int]:
    with store.transaction() as connection:
        return load_organisations(connection, people, CAST, "correct horse battery")


@pytest.fixture
def connection(store: Store, ids: dict[str, int]) -> Iterator[Connection]:
    with store.transaction() as connection:
        yield connection


@pytest.fixture
def administrator(connection: Connection, people: People, ids: dict[str, int]) -> Actor:
    return people.actor(connection, ids["renyuanguanli"])


# organisations


def test_the_cast_loads_once_however_often_it_is_loaded(connection: Connection, people: People, ids: dict[str, int]) -> None:
    before = [connection.execute(select(func.count()).select_from(table)).scalar_one() for table in (Person, Membership)]
    assert load_organisations(connection, people, CAST, "correct horse battery") == ids
    assert [connection.execute(select(func.count()).select_from(table)).scalar_one() for table in (Person, Membership)] == before


def test_a_county_descends_from_city_and_province(connection: Connection, people: People) -> None:
    assert people.ancestors(connection, "C149999") == ["C149999", "1499", "14"]


def test_a_class_descends_from_its_university_and_lies_in_its_province(connection: Connection, people: People) -> None:
    assert people.ancestors(connection, "U1401-CS-2301") == ["U1401-CS-2301", "U1401-CS", "U1401", "14"]


def test_a_campus_belongs_to_its_university_but_lies_where_it_stands(connection: Connection, people: People) -> None:
    assert people.ancestors(connection, "U1402-ED") == ["U1402-ED", "U1402", "U4201", "14"]
    assert people.organisation(connection, "U4201").province == "42"


def test_an_unknown_code_is_nothing_and_descends_from_nothing(connection: Connection, people: People) -> None:
    assert people.organisation(connection, "U9999") is None
    assert people.organisation(connection, None) is None
    assert people.org(connection, "U9999") is None
    assert people.ancestors(connection, "U9999") == []


def test_expressions_see_an_organisation_as_a_context(connection: Connection, people: People) -> None:
    assert people.org(connection, "U6199") == {
        "code": "U6199", "name": "丁省未上线学院", "kind": "university", "province": "61", "on_platform": False, "active": True, "parent": None,
    }


def test_a_renamed_organisation_shows_at_once_here_and_on_the_next_look_elsewhere(store: Store, people: People, ids: dict[str, int]) -> None:
    elsewhere = Organisations(check_every=0)
    with store.read() as connection:
        assert elsewhere.get(connection, "U1401").name == people.organisation(connection, "U1401").name == "甲省示例大学"
    with store.transaction() as connection:
        people.organisations.change(connection, "U1401", name="甲省范例大学")
        assert people.organisation(connection, "U1401").name == "甲省范例大学"
    with store.read() as connection:
        assert elsewhere.get(connection, "U1401").name == "甲省范例大学"


def test_an_edit_that_is_rolled_back_leaves_nothing_in_memory(store: Store, people: People, ids: dict[str, int]) -> None:
    with pytest.raises(RuntimeError), store.transaction() as connection:
        people.organisations.change(connection, "U1401", name="不算数")
        assert people.organisation(connection, "U1401").name == "不算数"
        raise RuntimeError
    with store.read() as connection:
        assert people.organisation(connection, "U1401").name == "甲省示例大学"


def test_reading_organisations_costs_no_statement_once_they_are_known(store: Store, people: People, ids: dict[str, int]) -> None:
    fresh = Organisations(check_every=3600)
    with store.read() as connection:
        fresh.tree(connection)
    assert fresh.get(None, "U1401").name == "甲省示例大学"  # type: ignore[arg-type]  # needs no connection any more


def test_a_moved_faculty_takes_its_classes_along(connection: Connection, people: People) -> None:
    people.organisations.move(connection, "U1401-CS", "U4201")
    assert people.ancestors(connection, "U1401-CS-2301") == ["U1401-CS-2301", "U1401-CS", "U4201", "42"]


def test_a_moved_university_leaves_a_campus_in_its_own_province(connection: Connection, people: People) -> None:
    people.organisations.add(connection, code="GROUP", name="联合大学", kind="university", province="41")
    people.organisations.move(connection, "U4201", "GROUP")
    assert people.organisation(connection, "U4201-ED").province == "41"
    assert people.organisation(connection, "U1402").province == "14"


def test_an_organisation_cannot_stand_under_itself(connection: Connection, people: People) -> None:
    with pytest.raises(Rejection):
        people.organisations.move(connection, "U1401", "U1401-CS-2301")


def test_an_organisation_with_active_ones_below_stays_open(connection: Connection, people: People) -> None:
    with pytest.raises(Conflict, match="计算机 2201 班"):
        people.organisations.change(connection, "U1401-CS", active=False)
    people.organisations.change(connection, "U1401-CS-2301", active=False)
    assert people.organisation(connection, "U1401-CS-2301").active is False


@pytest.mark.parametrize("code", ["", "a/b", "U 1", "x@y", "中文", "U" * 41])
def test_a_code_that_would_break_a_path_or_a_candidate_is_refused(connection: Connection, people: People, code: str) -> None:
    with pytest.raises(InvalidForm):
        people.organisations.add(connection, code=code, name="名称", kind="county", parent="14")


def test_a_code_is_used_once(connection: Connection, people: People) -> None:
    with pytest.raises(Conflict):
        people.organisations.add(connection, code="U1401", name="另一所", kind="university", province="14")


# acting identity and dates


def test_somebody_without_membership_acts_for_himself(connection: Connection, people: People, ids: dict[str, int]) -> None:
    student = people.actor(connection, ids["K1"])
    assert (student.role, student.organisation_code, student.candidates) == ("student", None, (f"person:{ids['K1']}",))


def test_the_first_membership_acts_unless_another_is_chosen(connection: Connection, people: People, ids: dict[str, int]) -> None:
    first = people.actor(connection, ids["xujingban"])
    assert (first.role, first.organisation_code) == ("univ_clerk", "U4201")
    second = people.actor(connection, ids["xujingban"], first.memberships[1].id)
    assert second.organisation_code == "U1402"
    assert second.candidates == (f"person:{ids['xujingban']}", "univ_clerk@U4201", "univ_clerk@U1402")
    someone_elses = people.actor(connection, ids["gaojingban"]).membership_id
    assert people.actor(connection, ids["xujingban"], someone_elses).organisation_code == "U4201"


def test_an_actor_survives_being_written_down(connection: Connection, people: People, ids: dict[str, int]) -> None:
    actor = people.actor(connection, ids["xujingban"], channel="import", address="10.0.0.1")
    assert Actor.from_json(actor.to_json()) == actor


def test_a_membership_counts_from_its_first_to_its_last_day_in_shanghai(
    connection: Connection, people: People, ids: dict[str, int], clock: FrozenClock, administrator: Actor,
) -> None:
    person = ids["chenjingban"]
    people.administration.add_membership(connection, administrator, person, "county_principal", "C149999", date(2026, 7, 10), date(2026, 7, 12))
    seen = {}
    for moment in ("2026-07-09 23:59", "2026-07-10 00:00", "2026-07-12 23:59", "2026-07-13 00:00"):
        clock.set(datetime.fromisoformat(moment))
        seen[moment] = "county_principal@C149999" in people.actor(connection, person).candidates
        assert seen[moment] == (person in [one.id for one in people.members(connection, "county_principal", "C149999")])
    assert list(seen.values()) == [False, True, True, False]


def test_a_disabled_organisation_gives_nobody_a_role(connection: Connection, people: People, ids: dict[str, int]) -> None:
    people.organisations.change(connection, "C419999", active=False)
    assert people.actor(connection, ids["xiejingban"]).memberships == ()
    assert people.members(connection, "county_clerk", "C419999") == []


def test_nobody_and_a_disabled_person_cannot_act(connection: Connection, people: People, ids: dict[str, int], administrator: Actor) -> None:
    with pytest.raises(NotFound):
        people.actor(connection, 99999)
    people.administration.disable_person(connection, administrator, ids["chenjingban"])
    with pytest.raises(Forbidden):
        people.actor(connection, ids["chenjingban"])
    assert people.members(connection, "county_clerk", "C149999") == []


def test_names_come_in_one_go(connection: Connection, people: People, ids: dict[str, int]) -> None:
    assert people.names(connection, [ids["K1"], ids["K2"]]) == {ids["K1"]: "张测一", ids["K2"]: "李样二"}
    assert people.names(connection, []) == {}
    assert people.name(connection, 99999) == ""


# administration


def add_clerk(people: People, connection: Connection, actor: Actor, **values: object) -> int:
    entry = {"name": "新经办", "login": "xinjingban", "role_code": "county_clerk", "organisation_code": "C149999"} | values
    return people.administration.add_person(connection, actor, **entry).person_id  # type: ignore[arg-type]


def test_an_administrator_adds_somebody_who_can_then_act(connection: Connection, people: People, administrator: Actor) -> None:
    person = add_clerk(people, connection, administrator, login=" XinJingBan ", mobile="138 0000 0099")
    assert people.actor(connection, person).candidates == (f"person:{person}", "county_clerk@C149999")
    row = connection.execute(select(Person.login, Person.mobile_masked, Person.password_hash).where(Person.id == person)).one()
    assert tuple(row) == ("xinjingban", "138****0099", None)


def test_what_an_administrator_does_is_logged(connection: Connection, people: People, administrator: Actor) -> None:
    person = add_clerk(people, connection, administrator)
    rows = connection.execute(select(SecurityLog.kind, SecurityLog.person_id, SecurityLog.detail)).all()
    assert [(row.kind, row.person_id, row.detail["about"]) for row in rows] == [
        ("person.added", administrator.person_id, person), ("membership.added", administrator.person_id, person),
    ]


def test_a_taken_login_or_id_number_is_refused(connection: Connection, people: People, administrator: Actor) -> None:
    with pytest.raises(Conflict, match="登录名"):
        add_clerk(people, connection, administrator, login="chenjingban")
    with pytest.raises(Conflict, match="证件号"):
        add_clerk(people, connection, administrator, id_number="42999920040219 9221")


def test_all_wrong_fields_are_named_at_once(connection: Connection, people: People, administrator: Actor) -> None:
    with pytest.raises(InvalidForm) as caught:
        add_clerk(people, connection, administrator, name=" ", login="1", id_number="149999200311059016", mobile="12345")
    assert set(caught.value.fields) == {"name", "login", "id_number", "mobile"}


def test_a_role_exists_only_where_it_makes_sense(connection: Connection, people: People, administrator: Actor) -> None:
    with pytest.raises(InvalidForm, match="只能设在"):
        add_clerk(people, connection, administrator, role_code="univ_clerk")
    with pytest.raises(InvalidForm, match="没有"):
        add_clerk(people, connection, administrator, role_code="boss")
    with pytest.raises(InvalidForm, match="只能设在"):
        add_clerk(people, connection, administrator, role_code="process_admin")


def test_the_same_role_is_not_given_twice_for_the_same_days(
    connection: Connection, people: People, ids: dict[str, int], administrator: Actor,
) -> None:
    with pytest.raises(Conflict):
        people.administration.add_membership(connection, administrator, ids["chenjingban"], "county_clerk", "C149999", date(2027, 1, 1))


@pytest.fixture
def local(connection: Connection, people: People, administrator: Actor) -> Actor:
    """The people administrator of 甲省示例大学."""
    account = people.administration.add_person(
        connection, administrator, name="校管理", login="xiaoguanli", role_code="people_admin", organisation_code="U1401"
    )
    return people.actor(connection, account.person_id)


def test_a_local_administrator_stays_inside_his_organisation(
    connection: Connection, people: People, ids: dict[str, int], local: Actor,
) -> None:
    people.administration.change_person(connection, local, ids["gaojingban"], name="高经办二")
    for login in ("chenjingban", "xujingban", "renyuanguanli", "K1"):
        with pytest.raises(Forbidden):
            people.administration.reset_password(connection, local, ids[login])
    with pytest.raises(Forbidden):
        add_clerk(people, connection, local)
    with pytest.raises(Forbidden):
        add_organisation(connection, people, local, parent=None, code="X1", name="自立", kind="university")
    add_organisation(connection, people, local, parent="U1401-CS", code="U1401-CS-2401", name="计算机 2401 班", kind="class")


def test_a_local_administrator_cannot_reach_above_himself_through_his_own_staff(
    connection: Connection, people: People, ids: dict[str, int], local: Actor, administrator: Actor,
) -> None:
    people.administration.add_membership(connection, administrator, ids["gaojingban"], "auditor", "PLATFORM")
    with pytest.raises(Forbidden):
        people.administration.reset_password(connection, local, ids["gaojingban"])
    with pytest.raises(InvalidForm):
        people.administration.add_membership(connection, local, local.person_id, "process_admin", "U1401")


def test_organisations_are_changed_only_inside_the_scope_and_with_a_record(
    connection: Connection, people: People, ids: dict[str, int], local: Actor,
) -> None:
    change_organisation(connection, people, local, "U1401-CS", name="计算机与人工智能学院")
    move_organisation(connection, people, local, "U1401-CS-2301", "U1401-EE")
    assert people.organisation(connection, "U1401-CS-2301").parent == "U1401-EE"
    with pytest.raises(Forbidden):
        move_organisation(connection, people, local, "U1401-CS-2301", "U4201-ED")
    with pytest.raises(Forbidden):
        change_organisation(connection, people, local, "U4201", active=False)
    with pytest.raises(Forbidden):
        move_organisation(connection, people, local, "U1401-CS-2301", None)
    rows = connection.execute(select(SecurityLog.kind).where(SecurityLog.kind.startswith("organisation."))).scalars().all()
    assert rows == ["organisation.changed", "organisation.moved"]


def test_the_list_of_people_ends_where_the_scope_ends(connection: Connection, people: People, local: Actor, administrator: Actor) -> None:
    mine = {row.login for row in people.directory.page(connection, local)}
    assert mine == {"gaojingban", "zhouzhuren", "hefudao", "songxueyuan", "maguanli", "lvcaiwu", "xiaobanzhang", "xiaoguanli"}
    found = people.directory.page(connection, administrator, search="经办")
    assert {row.name for row in found} == {"陈经办", "邓经办", "谢经办", "高经办", "许经办"}
    below = people.directory.page(connection, administrator, organisation_code="U1401-CS")
    assert {row.name for row in below} == {"何辅导", "宋学院", "小班长"}
    first = people.directory.page(connection, administrator, limit=2)
    rest = people.directory.page(connection, administrator, after=first[-1].id)
    assert len(first) == 2 and not {row.id for row in first} & {row.id for row in rest}


def test_ordinary_staff_administers_nobody(connection: Connection, people: People, ids: dict[str, int]) -> None:
    clerk = people.actor(connection, ids["gaojingban"])
    with pytest.raises(Forbidden, match="人员与日历管理员"):
        people.directory.page(connection, clerk)
    with pytest.raises(Forbidden):
        people.administration.disable_person(connection, clerk, ids["zhouzhuren"])


def test_nobody_disables_himself_or_the_last_administrator(
    connection: Connection, people: People, ids: dict[str, int], administrator: Actor,
) -> None:
    with pytest.raises(Forbidden):
        people.administration.disable_person(connection, administrator, administrator.person_id)
    with pytest.raises(Conflict, match="最后一位"):
        people.administration.disable_person(connection, system_actor("cli"), administrator.person_id)
    with pytest.raises(Conflict, match="最后一位"):
        people.administration.change_membership(connection, administrator, administrator.membership_id, valid_from=None, valid_to=date(2026, 7, 5))
    people.administration.add_membership(connection, administrator, ids["shenjiyuan"], "people_admin", "PLATFORM")
    people.administration.disable_person(connection, system_actor("cli"), administrator.person_id)


def test_an_ended_membership_no_longer_acts(connection: Connection, people: People, ids: dict[str, int], administrator: Actor) -> None:
    membership = people.actor(connection, ids["chenjingban"]).membership_id
    people.administration.change_membership(connection, administrator, membership, valid_from=None, valid_to=date(2026, 7, 5))
    assert people.actor(connection, ids["chenjingban"]).memberships == ()


def test_a_real_start_has_a_first_administrator_and_nobody_else(store: Store, people: People) -> None:
    with store.transaction() as connection:
        first = create_first_administrator(connection, people, login="admin", name="首任", password="correct horse battery")
        actor = people.actor(connection, first)
        assert {one.role for one in actor.memberships} == {"people_admin", "process_admin"}
        assert people.credentials.sign_in(connection, "admin", "correct horse battery").accepted
        add_organisation(connection, people, actor, parent=None, code="51", name="戊省中心", kind="province")
        with pytest.raises(InvalidForm):
            create_first_administrator(connection, people, login="admin2", name="二", password="123")


# import of staff


ROWS = [
    (2, {"name": "甲一", "login": "jiayi", "role": "县级资助中心经办人", "organisation": "C149999", "from": "2026-07-01", "to": ""}),
    (3, {"name": "乙二", "login": "yier", "role": "univ_clerk", "organisation": "C149999"}),
    (4, {"name": "", "login": "bing", "role": "county_clerk", "organisation": "C149999"}),
    (5, {"name": "丁四", "login": "dingsi", "role": "county_clerk", "organisation": "C000000"}),
    (6, {"name": "戊五", "login": "wuwu", "role": "市级督导", "organisation": 1499.0, "from": date(2026, 9, 1)}),
    (7, {"name": "甲一", "login": "jiayi", "role": "county_principal", "organisation": "C149999", "to": "2026/12/31"}),
    (8, {"name": "冒名", "login": "jiayi", "role": "county_clerk", "organisation": "C149999"}),
    (9, {"name": "己六", "login": "jiliu", "role": "county_clerk", "organisation": "C149999", "from": "明天"}),
]


def test_good_rows_of_a_sheet_are_kept_and_bad_ones_say_why(connection: Connection, people: People, administrator: Actor) -> None:
    done = import_people(connection, administrator, people.administration, ROWS)
    assert [(one.row, one.status) for one in done] == [
        (2, "created"), (3, "refused"), (4, "refused"), (5, "refused"), (6, "created"), (7, "added"), (8, "refused"), (9, "refused"),
    ]
    reasons = {one.row: one.refused["zh"] for one in done if one.refused}
    assert "只能设在" in reasons[3] and reasons[4] == "缺少：姓名。" and "C000000" in reasons[5] and "另一人员" in reasons[8] and "2026-09-01" in reasons[9]
    assert all(one.refused["en"] for one in done if one.refused)
    assert connection.execute(select(Person.id).where(Person.login.in_(["yier", "bing", "dingsi", "jiliu"]))).all() == []
    code = next(one.code for one in done if one.row == 2)
    assert people.credentials.activate(connection, "jiayi", code, "long enough secret").accepted


def test_the_same_sheet_again_changes_nothing(connection: Connection, people: People, administrator: Actor) -> None:
    import_people(connection, administrator, people.administration, ROWS)
    before = [connection.execute(select(func.count()).select_from(table)).scalar_one() for table in (Person, Membership)]
    again = import_people(connection, administrator, people.administration, ROWS)
    assert {one.status for one in again} == {"unchanged", "refused"}
    assert [connection.execute(select(func.count()).select_from(table)).scalar_one() for table in (Person, Membership)] == before


# leaving


@pytest.fixture
def seats(connection: Connection, ids: dict[str, int], clock: FrozenClock) -> list[int]:
    """Three live seats: two claimed by 陈经办, one offered to him in person; and one of his that is done."""
    now = clock.now()
    connection.execute(insert(Definition).values(
        id=1, process_id="p", version=1, name="p", digest="d", current=True, deployed_at=now
    ))
    connection.execute(insert(ProcessInstance).values(
        id=1, definition_id=1, process_id="p", status="active", round=1, revision=1, state={}, variables={}, history_sequence=0,
        history_hash=b"", started_at=now, last_change_at=now,
    ))
    row = {
        "instance_id": 1, "definition_id": 1, "process_id": "p", "node_id": "n", "created_at": now, "yellow_at": FAR_FUTURE, "priority": 50,
        "round": 1, "revision": 1, "summary": {}, "urged": 0,
    }
    owner, entries = ids["chenjingban"], []
    for number, (status, owner_id) in enumerate([("open", owner), ("parked", owner), ("open", None), ("completed", owner)], 1):
        entries.append({**row, "id": number, "token": str(number), "status": status, "owner_id": owner_id, "due_at": now + timedelta(days=number)})
    connection.execute(insert(Seat), entries)
    offer = {"candidate": f"person:{owner}", "seat_id": 3, "due_at": now, "created_at": now, "priority": 50}
    connection.execute(insert(SeatOffer).values(offer))
    return [1, 2, 3]


def test_a_leaver_s_open_seats_are_listed_by_due_time(connection: Connection, ids: dict[str, int], seats: list[int]) -> None:
    assert [row.id for row in open_seats_of(connection, ids["chenjingban"])] == seats


def test_an_organisation_with_open_items_stays_open(connection: Connection, people: People, clock: FrozenClock, seats: list[int]) -> None:
    offer = {"candidate": "county_clerk@C149999", "seat_id": 3, "due_at": clock.now(), "created_at": clock.now(), "priority": 50}
    connection.execute(insert(SeatOffer).values(offer))
    with pytest.raises(Conflict, match="1 条未办"):
        people.organisations.change(connection, "C149999", active=False)
