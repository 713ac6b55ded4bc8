"""What tests of meeting operations do by name: an agency in a committee, somebody's lists, a suspension, an end of a post, a day off."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sqlalchemy import select

from app import House
from tasks.actors import system_actor
from tasks.keys.agencies import Absence
from tasks.models import Membership
from tests.voting_stage import Committee


def agency(committee: Committee, agent: str, principal: str) -> None:
    house, now = committee.house, committee.house.clock.now()
    with house.store.transaction() as connection:
        actor = house.people.actor(connection, committee.people[principal])
        absence = Absence(committee.people[agent], None, now, now + timedelta(days=3))
        house.tasks.keys.agencies.create(connection, actor, committee.people[principal], absence)
    house.clock.set(now + timedelta(seconds=5))  # type: ignore[attr-defined]
    house.work_off()


def listed(stage: Any, who: str, view: str = "todo") -> set[int]:
    house = stage.house
    with house.store.read() as connection:
        return {row.seat_id for row in house.worklist.page(connection, house.people.actor(connection, stage.people[who]), view).rows}


def steer(stage: Any, verb: str) -> None:
    """Suspend or resume the case, as the house itself."""
    with stage.house.store.transaction() as connection:
        stage.house.tasks.operations.perform(connection, system_actor("cli"), verb, stage.instance, {"reason": "待核实材料"})


def operate(committee: Committee, verb: str, who: str, seat: int, **given: Any) -> None:
    with committee.house.store.transaction() as connection:
        committee.house.tasks.operations.perform(connection, committee.house.people.actor(connection, committee.people[who]), verb, seat, given)


def end_post(stage: Any, who: str) -> None:
    house = stage.house
    with house.store.transaction() as connection:
        number = connection.execute(select(Membership.id).where(Membership.person_id == stage.people[who])).scalar_one()
        until = house.clock.today() - timedelta(days=1)
        house.people.administration.change_membership(connection, system_actor("cli"), number, valid_from=None, valid_to=until)
    house.work_off()


def disable(stage: Any, who: str) -> None:
    with stage.house.store.transaction() as connection:
        stage.house.people.administration.disable_person(connection, system_actor(), stage.people[who])
    stage.house.work_off()


def day_off(house: House, day: date) -> None:
    with house.store.transaction() as connection:
        house.calendar.set_day(connection, day, False, "全市停电放假", None)
    house.work_off()
