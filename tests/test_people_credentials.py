"""Getting in: passwords, lockout, one-time codes, and that a stranger learns nothing from how an attempt ends."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, insert, select

from tasks import passwords
from tasks.credentials import CODE_VALID_FOR, FAILURES_ALLOWED, FAILURES_PER_ADDRESS, LOCKED_FOR
from tasks.models import Person, SecurityLog
from tasks.people import Actor, People
from tasks.personal_data import PersonalData
from tasks.shared_organisations import load_organisations
from tests import databases
from workflows.business_calendar import FrozenClock
from workflows.errors import Forbidden, InvalidForm
from workflows.models import Definition, ProcessInstance
from workflows.store import Store

PASSWORD, NEW = "correct horse battery", "another long secret"
CAST = """
organisations:
  - {code: PLATFORM, name: 本平台, kind: platform}
  - {code: U1, name: 某大学, kind: university, province: "14"}
  - {code: U2, name: 另一大学, kind: university, province: "14"}
people:
  - {login: guanli, name: 管理员, memberships: [people_admin@PLATFORM]}
  - {login: jingban, name: 经办人, memberships: [univ_clerk@U1]}
  - {login: waibu, name: 外部人, memberships: [univ_clerk@U2]}
students:
  - {key: K2, name: 李样二, id_number: "429999200402199221"}
"""
NUMBER = "429999200402199221"


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(datetime(2026, 7, 6, 9, 0))


@pytest.fixture
def people(clock: FrozenClock) -> People:
    return People(clock, PersonalData(secrets.token_bytes(32)))


@pytest.fixture
def connection(database: str) -> Iterator[Connection]:
    engine = databases.engine()
    with Store(engine).transaction() as connection:
        yield connection
    engine.dispose()


@pytest.fixture
def ids(connection: Connection, people: People) -> dict[str, int]:
    return load_organisations(connection, people, CAST, PASSWORD)


@pytest.fixture
def clerk(connection: Connection, people: People, ids: dict[str, int], clock: FrozenClock) -> Actor:
    """经办人, whose office has a case of K2."""
    now = clock.now()
    connection.execute(insert(Definition).values(id=1, process_id="p", version=1, name="p", digest="d", current=True, deployed_at=now))
    connection.execute(insert(ProcessInstance).values(
        id=1, definition_id=1, process_id="p", subject_person=ids["K2"], status="active", round=1, revision=1, state={}, variables={},
        history_sequence=0, history_hash=b"", started_at=now, last_change_at=now,
    ))
    connection.exec_driver_sql("INSERT INTO case_party (instance_id, kind, organisation_code) VALUES (1, 'university', 'U1')")
    return people.actor(connection, ids["jingban"])


def kinds(connection: Connection) -> list[str]:
    return list(connection.execute(select(SecurityLog.kind).order_by(SecurityLog.id)).scalars())


def test_the_right_password_lets_in_however_the_login_is_typed(connection: Connection, people: People, ids: dict[str, int]) -> None:
    outcome = people.credentials.sign_in(connection, " JingBan ", PASSWORD, "10.0.0.1")
    assert outcome.accepted and outcome.person_id == ids["jingban"] and not outcome.must_change_password
    assert kinds(connection) == ["sign_in.done"]


def test_every_failure_reads_the_same(connection: Connection, people: People, ids: dict[str, int]) -> None:
    sign_in = people.credentials.sign_in
    connection.execute(Person.__table__.update().where(Person.id == ids["waibu"]).values(active=False))
    said = [
        sign_in(connection, "jingban", "wrong").refused, sign_in(connection, "nobody", PASSWORD).refused,
        sign_in(connection, "waibu", PASSWORD).refused, sign_in(connection, NUMBER, PASSWORD).refused, sign_in(connection, "", "").refused,
    ]
    assert all(one == said[0] and one["zh"] and one["en"] for one in said)


def test_an_unknown_login_costs_as_many_hashes_as_a_wrong_password(
    connection: Connection, people: People, ids: dict[str, int], monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[str] = []

    class Counting:
        def __init__(self, hasher: object) -> None:
            self.hasher = hasher

        def verify(self, stored: str, password: str) -> bool:
            calls.append(stored)
            return self.hasher.verify(stored, password)  # type: ignore[attr-defined,no-any-return]

    monkeypatch.setattr(passwords, "HASHER", Counting(passwords.HASHER))
    for login in ("jingban", "nobody", NUMBER):
        calls.clear()
        people.credentials.try_password(connection, login, "wrong", None)
        assert len(calls) == 1
        assert "$argon2id$v=19$m=19456,t=2,p=1$" in calls[0]


def test_five_failures_lock_for_a_quarter_of_an_hour(connection: Connection, people: People, ids: dict[str, int], clock: FrozenClock) -> None:
    for _ in range(FAILURES_ALLOWED):
        assert not people.credentials.sign_in(connection, "jingban", "wrong").accepted
    assert kinds(connection) == ["sign_in.failed"] * 4 + ["sign_in.locked"]
    assert not people.credentials.sign_in(connection, "jingban", PASSWORD).accepted
    clock.advance(LOCKED_FOR - timedelta(seconds=1))
    assert not people.credentials.sign_in(connection, "jingban", PASSWORD).accepted
    clock.advance(timedelta(seconds=1))
    assert people.credentials.sign_in(connection, "jingban", PASSWORD).accepted


def test_a_success_clears_the_count(connection: Connection, people: People, ids: dict[str, int]) -> None:
    for _ in range(2):
        for _ in range(FAILURES_ALLOWED - 1):
            people.credentials.sign_in(connection, "jingban", "wrong")
        assert people.credentials.sign_in(connection, "jingban", PASSWORD).accepted


def test_an_attempt_that_was_hashing_while_the_account_was_locked_is_refused(
    connection: Connection, people: People, ids: dict[str, int],
) -> None:
    attempt = people.credentials.try_password(connection, "jingban", PASSWORD, None)
    for _ in range(FAILURES_ALLOWED):
        people.credentials.sign_in(connection, "jingban", "wrong")
    assert not people.credentials.settle(connection, attempt).accepted


def test_an_address_that_fails_over_many_accounts_has_to_wait(
    connection: Connection, people: People, ids: dict[str, int], clock: FrozenClock,
) -> None:
    row = {"at": clock.now(), "kind": "sign_in.failed", "address": "10.0.0.9", "detail": {}}
    connection.execute(insert(SecurityLog), [row] * FAILURES_PER_ADDRESS)
    assert "15 分钟" in (people.credentials.sign_in(connection, "jingban", PASSWORD, "10.0.0.9").refused or {})["zh"]
    assert people.credentials.sign_in(connection, "jingban", PASSWORD, "10.0.0.8").accepted
    clock.advance(LOCKED_FOR + timedelta(seconds=1))
    assert people.credentials.sign_in(connection, "jingban", PASSWORD, "10.0.0.9").accepted


def test_the_log_holds_neither_password_nor_what_was_typed(connection: Connection, people: People, ids: dict[str, int]) -> None:
    people.credentials.sign_in(connection, "my secret typed here", "wrong")
    people.credentials.sign_in(connection, "jingban", "hunter2hunter2")
    text = str(connection.execute(select(SecurityLog.__table__)).all())
    assert "my secret" not in text and "hunter2" not in text


# passwords


@pytest.mark.parametrize("password", ["short", "1234567890", "abcdefghijkl", "aaaaaaaaaaaaaaa", "jingban-2026-07", "x" * 129, "经办人经办人经办人经办"])
def test_a_weak_password_is_refused_with_its_reason(connection: Connection, people: People, ids: dict[str, int], password: str) -> None:
    with pytest.raises(InvalidForm) as caught:
        people.credentials.change_password(connection, ids["jingban"], password)
    assert caught.value.fields["password"]["zh"] and caught.value.fields["password"]["en"]


def test_a_changed_password_ends_other_sessions_and_the_old_password(connection: Connection, people: People, ids: dict[str, int]) -> None:
    before = people.credentials.sign_in(connection, "jingban", PASSWORD).session_version
    assert people.actor_in_session(connection, ids["jingban"], before, None, None) is not None
    version = people.credentials.change_password(connection, ids["jingban"], NEW)
    assert people.actor_in_session(connection, ids["jingban"], before, None, None) is None
    assert people.actor_in_session(connection, ids["jingban"], version, None, None) is not None
    assert not people.credentials.sign_in(connection, "jingban", PASSWORD).accepted
    assert people.credentials.sign_in(connection, "jingban", NEW).accepted
    with pytest.raises(InvalidForm, match="相同"):
        people.credentials.change_password(connection, ids["jingban"], NEW)


def test_a_disabled_person_is_out_at_once(connection: Connection, people: People, ids: dict[str, int]) -> None:
    version = people.credentials.sign_in(connection, "jingban", PASSWORD).session_version
    administrator = people.actor(connection, ids["guanli"])
    people.administration.disable_person(connection, administrator, ids["jingban"])
    assert people.actor_in_session(connection, ids["jingban"], version, None, None) is None
    assert not people.credentials.sign_in(connection, "jingban", PASSWORD).accepted
    people.administration.enable_person(connection, administrator, ids["jingban"])
    assert people.credentials.sign_in(connection, "jingban", PASSWORD).accepted
    assert people.actor_in_session(connection, ids["jingban"], version, None, None) is None


def test_a_reset_password_is_replaced_by_a_code(connection: Connection, people: People, ids: dict[str, int]) -> None:
    code = people.administration.reset_password(connection, people.actor(connection, ids["guanli"]), ids["jingban"])
    assert not people.credentials.sign_in(connection, "jingban", PASSWORD).accepted
    assert people.credentials.activate(connection, "jingban", code, NEW).accepted
    assert people.credentials.sign_in(connection, "jingban", NEW).accepted


def test_a_temporary_password_must_be_changed(connection: Connection, people: People, ids: dict[str, int]) -> None:
    people.credentials.set_password(connection, ids["jingban"], NEW, must_change=True)
    assert people.credentials.sign_in(connection, "jingban", NEW).must_change_password
    assert people.actor(connection, ids["jingban"]).must_change_password
    people.credentials.change_password(connection, ids["jingban"], PASSWORD)
    assert not people.actor(connection, ids["jingban"]).must_change_password


# activation


def test_a_student_activates_with_his_number_and_code_and_then_signs_in_with_his_number(
    connection: Connection, people: People, clerk: Actor, ids: dict[str, int],
) -> None:
    assert not people.credentials.sign_in(connection, NUMBER, "").accepted
    code = people.students.codes(connection, clerk, [ids["K2"]])[ids["K2"]]
    stored = connection.execute(select(Person.activation_hash).where(Person.id == ids["K2"])).scalar_one()
    assert code.replace("-", "") not in stored
    outcome = people.credentials.activate(connection, f" {NUMBER} ", code.lower().replace("-", " "), NEW, "10.0.0.1")
    assert outcome.accepted and outcome.person_id == ids["K2"]
    assert people.actor_in_session(connection, ids["K2"], outcome.session_version, None, None) is not None
    assert people.credentials.sign_in(connection, NUMBER, NEW).accepted


def test_a_code_works_once(connection: Connection, people: People, clerk: Actor, ids: dict[str, int]) -> None:
    code = people.students.codes(connection, clerk, [ids["K2"]])[ids["K2"]]
    assert people.credentials.activate(connection, NUMBER, code, NEW).accepted
    assert not people.credentials.activate(connection, NUMBER, code, "yet another secret").accepted


def test_a_code_expires(connection: Connection, people: People, clerk: Actor, ids: dict[str, int], clock: FrozenClock) -> None:
    code = people.students.codes(connection, clerk, [ids["K2"]])[ids["K2"]]
    clock.advance(CODE_VALID_FOR)
    assert not people.credentials.activate(connection, NUMBER, code, NEW).accepted


def test_a_new_code_ends_the_one_before(connection: Connection, people: People, clerk: Actor, ids: dict[str, int]) -> None:
    first = people.students.codes(connection, clerk, [ids["K2"]])[ids["K2"]]
    second = people.students.codes(connection, clerk, [ids["K2"]])[ids["K2"]]
    assert not people.credentials.activate(connection, NUMBER, first, NEW).accepted
    assert people.credentials.activate(connection, NUMBER, second, NEW).accepted


def test_wrong_codes_lock_and_read_alike_for_known_and_unknown(connection: Connection, people: People, clerk: Actor, ids: dict[str, int]) -> None:
    code = people.students.codes(connection, clerk, [ids["K2"]])[ids["K2"]]
    known = [people.credentials.activate(connection, NUMBER, "AAAAA-AAAAA", NEW).refused for _ in range(FAILURES_ALLOWED)]
    unknown = people.credentials.activate(connection, "149999200311059015", code, NEW).refused
    assert set(map(str, known)) == {str(unknown)}
    assert not people.credentials.activate(connection, NUMBER, code, NEW).accepted


def test_a_weak_first_password_uses_up_neither_code_nor_attempt(connection: Connection, people: People, clerk: Actor, ids: dict[str, int]) -> None:
    code = people.students.codes(connection, clerk, [ids["K2"]])[ids["K2"]]
    for _ in range(FAILURES_ALLOWED + 1):
        with pytest.raises(InvalidForm):
            people.credentials.activate(connection, NUMBER, code, "short")
    assert people.credentials.activate(connection, NUMBER, code, NEW).accepted


def test_only_an_office_that_sees_a_case_of_the_student_gives_him_a_code(
    connection: Connection, people: People, clerk: Actor, ids: dict[str, int],
) -> None:
    stranger = people.actor(connection, ids["waibu"])
    assert people.students.codes(connection, stranger, [ids["K2"]]) == {}
    with pytest.raises(Forbidden):
        people.students.reset(connection, stranger, ids["K2"])
    with pytest.raises(Forbidden):
        people.students.codes(connection, people.actor(connection, ids["K2"]), [ids["K2"]])


def test_a_list_of_codes_leaves_out_staff_and_those_who_have_a_password(
    connection: Connection, people: People, clerk: Actor, ids: dict[str, int],
) -> None:
    connection.execute(ProcessInstance.__table__.update().values(subject_person=ids["guanli"]))
    assert people.students.codes(connection, clerk, [ids["guanli"]]) == {}
    connection.execute(ProcessInstance.__table__.update().values(subject_person=ids["K2"]))
    people.credentials.set_password(connection, ids["K2"], NEW)
    assert people.students.codes(connection, clerk, [ids["K2"]]) == {}
    code = people.students.reset(connection, clerk, ids["K2"])
    assert not people.credentials.sign_in(connection, NUMBER, NEW).accepted
    assert people.credentials.activate(connection, NUMBER, code, PASSWORD).accepted
