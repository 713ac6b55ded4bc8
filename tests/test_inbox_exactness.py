"""待办 ∪ 待认领 is exactly what the guards accept: everybody of the cast against every seat, by trying it and rolling it back."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select

from app import House
from tasks.actors import author_of
from tasks.lifecycle import ACTUAL_OWNER, POTENTIAL_OWNER, SUBSTITUTE
from tasks.models import Membership, Organisation, Person, Seat
from tasks.roster.columns import read_roster
from tasks.roster.facts import plain_values
from tasks.scenarios.cast import Cast
from tasks.standing import duty_is_mine, near, see
from tests.browser_desk import PROCESS, STATEMENT, id_number
from workflows.business_calendar import FrozenClock
from workflows.errors import Conflict, Forbidden, NotFound, Rejection
from workflows.models import ProcessInstance

ROW = {
    "university": "U1401", "faculty": "U1401-CS", "class": "U1401-CS-2301", "mobile": "13900000000", "expected_graduation": date(2027, 6, 30),
    "platform_logins": 3, "contact_updated": True, "roll_status": "在籍",
}


class Dropped(Exception):
    """Ends a trial; its savepoint is rolled back."""


@pytest.fixture
def stage(house: House, cast: Cast, renewal: Any) -> list[int]:
    """Audits of two counties and universities: untouched, claimed, delegated, asked about, returned, approved, not yet submitted."""
    with house.store.transaction() as connection:
        roster = read_roster(PROCESS, renewal.roster)
        colleague = connection.execute(insert(Person).values(
            name="高同事", login="gaotongshi", must_change_password=False, active=True, failed_logins=0, session_version=1, created_at=house.clock.now()
        ).returning(Person.id)).scalar_one()
        place = connection.execute(select(Organisation.id).where(Organisation.code == "U1401")).scalar_one()
        connection.execute(insert(Membership).values(person_id=colleague, organisation_id=place, role="univ_clerk"))
        clerk = cast.actor(connection, "gaojingban", "import")
        cases = []
        for number in range(8):
            county = ("C149999", "C429999")[number % 2]
            facts = {**ROW, "name": f"全员{number}", "id_number": id_number(900 + number, county[1:]), "student_number": f"20239{number:03d}", "origin_county": county}
            entered = house.rosters.entry.enter(connection, author_of(clerk), roster, "2026", [{"row": 1, "values": plain_values(facts)}])[0]
            assert entered.instance_id, entered.reason
            cases.append(int(entered.instance_id))
            if number < 7:
                submit(house, connection, cases[-1], number)
        audits = [seat_of(connection, case) for case in cases[:7]]
        gao, deng = cast.actor(connection, "gaojingban", "web"), cast.actor(connection, "dengjingban", "web")
        house.tasks.claim(connection, gao, audits[1])
        house.tasks.complete(connection, gao, audits[2], {}, "approve")
        house.tasks.complete(connection, gao, audits[3], {"return_reasons": ["R01"], "return_text": "请充实到一百字以上再提交，写明情况。"}, "return")
        for seat, verb, who in ((audits[4], "ask", gao), (audits[5], "delegate", gao), (audits[6], "claim", deng)):
            involve(house, connection, who, seat, verb)
    return cases


def submit(house: House, connection: Connection, case: int, number: int) -> None:
    person = connection.execute(select(ProcessInstance.subject_person).where(ProcessInstance.id == case)).scalar_one()
    values = {"statement": STATEMENT.format(n=number), "mobile": "13900000000", "enrolment_confirmed": True}
    house.tasks.complete(connection, house.people.actor(connection, person, None, "web"), seat_of(connection, case), values, "submit")


def seat_of(connection: Connection, case: int) -> int:
    return int(connection.execute(select(Seat.id).where(Seat.instance_id == case, Seat.status == "open")).scalar_one())


def involve(house: House, connection: Connection, who: Any, seat: int, verb: str) -> None:
    """The verb on the seat where the person may use it, with the first colleague who can be chosen."""
    if verb == "claim":
        try:
            house.tasks.claim(connection, who, seat)
        except Rejection:
            pass
        return
    choices = house.tasks.operations.choices(connection, who, verb, seat)
    chosen = next((choice.value for choice in next(iter(choices.values()), ()) if choice.refused is None), None)
    if chosen is not None:
        house.tasks.operations.perform(connection, who, verb, seat, {"person": chosen, "people": chosen, "text": "请看一下"})


def accepted(house: House, connection: Connection, who: Any, seat: int) -> bool:
    """Whether complete or answer lets the person in; what the form or the model then wants does not count. Nothing is kept."""
    try:
        with house.store.savepoint(connection):
            try:
                house.tasks.complete(connection, who, seat, {}, "approve")
            except (Forbidden, Conflict, NotFound):
                raise
            except Rejection:
                pass
            raise Dropped
    except Dropped:
        return True
    except Rejection:
        return False


def in_his_own_right(house: House, connection: Connection, who: Any, seat: int) -> bool:
    """Not as a stand-in for an applicant, nor by taking another office's claim over: these are offered on the case, not in the list."""
    row = see(connection, who, seat)
    assert row is not None
    relations = near(connection, who, row, house.definitions.get(connection, row.definition_id)).relations
    return bool(relations & {POTENTIAL_OWNER, ACTUAL_OWNER, SUBSTITUTE}) and not (duty_is_mine(who, row) and row.offered_as is None)


def test_the_whole_cast_against_every_seat(house: House, stage: list[int], clock: FrozenClock) -> None:
    with house.store.transaction() as connection:
        people = connection.execute(select(Person.id).where(Person.id.in_(select(Membership.person_id)))).scalars().all()
        applicants = connection.execute(select(ProcessInstance.subject_person).where(ProcessInstance.id.in_(stage))).scalars().all()
        seats = connection.execute(select(Seat.id)).scalars().all()
        found = 0
        for person in {*people, *applicants} - {None}:
            who = house.people.actor(connection, person, None, "web")
            listed = {row.seat_id for row in house.worklist.page(connection, who, "todo", size=500).rows}
            wanted = {seat for seat in seats if accepted(house, connection, who, seat) and in_his_own_right(house, connection, who, seat)}
            assert listed == wanted, who.name
            assert str(house.worklist.counts(connection, who)["todo"]) == str(len(wanted)), who.name
            found += len(wanted)
        kinds = set(connection.execute(select(Seat.kind)).scalars())
    assert found >= 12 and {"main", "asked", "delegate"} <= kinds, (found, kinds)
