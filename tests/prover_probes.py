"""Dear invariants: there and back again on a copy of the database, and lists against guards for real people."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import and_

from tasks.models import Seat
from tasks.standing import near, seats_with_facts
from tests.prover_acts import NAMES
from tests.prover_office import Office, document
from tests.prover_world import LIVE, World, counts
from workflows.definitions import ProcessVersion
from workflows.errors import Rejection
from workflows.models import ProcessInstance

Versions = Mapping[int, ProcessVersion]
AT_WORK = seats_with_facts(and_(Seat.__table__.c.status.in_(LIVE), ProcessInstance.__table__.c.status == "active"))
AGAIN = timedelta(seconds=61)


def lists_are_what_guards_accept(office: Office, world: World) -> None:
    """Invariant 7 for everybody; AssertionError says whose list is wrong."""
    able = [row[0] for row in office.rows("SELECT id FROM person WHERE active ORDER BY id")]
    page, counts = office.house.worklist.page, office.house.worklist.counts
    with office.house.store.read() as connection:
        for person in able:
            actor = office.actor(connection, person)
            listed = [row.seat_id for row in page(connection, actor, "todo", size=400).rows]
            badge = counts(connection, actor)["todo"].number
            assert badge == len(set(listed)) == len(listed), f"7: the badge of {NAMES[person]} says {badge}, his list has {listed}"
            accepted = {
                row.seat_id for row in connection.execute(AT_WORK, {"candidates": actor.candidates, "person": person})
                if near(connection, actor, row, world.versions[row.definition_id]).verbs & {"complete", "answer"}
            }
            if wrong := set(listed) ^ accepted:
                wrong -= {row.seat_id for row in page(connection, actor, "later", size=400).rows} - set(listed)
                assert not wrong, f"7: {NAMES[person]} is shown {sorted(wrong & set(listed))} he may not do and not shown {sorted(wrong & accepted)}"


def _may(office: Office, seat: Mapping[str, Any], source: random.Random) -> int | None:
    """Somebody this seat is offered to."""
    lines = [row[0] for row in office.rows("SELECT candidate FROM seat_offer WHERE seat_id = ? ORDER BY candidate", seat["id"])]
    found = [int(line.removeprefix("person:")) for line in lines if line.startswith("person:")]
    for line in (line for line in lines if "@" in line):
        role, unit = line.split("@")
        query = "SELECT m.person_id FROM membership m JOIN organisation o ON o.id = m.organisation_id JOIN person p ON p.id = m.person_id WHERE m.role = ? AND o.code = ? AND p.active"
        found += [row[0] for row in office.rows(query, role, unit)]
    return source.choice(sorted(set(found))) if found else None


def _open_seat(office: Office, source: random.Random, wanted: str = "") -> Any:
    query = "SELECT s.* FROM seat s JOIN process_instance i ON i.id = s.instance_id WHERE s.status = 'open' AND s.kind = 'main' AND i.status = 'active' ORDER BY s.id"
    rows = office.rows(query)
    return source.choice(rows) if rows else None


# complete ∘ withdraw


def takes_back(office: Office, versions: Versions, source: random.Random) -> str:
    """Complete a seat and take it back at once or a minute later, on a copy; says how far it came."""
    seat = _open_seat(office, source)
    person = _may(office, seat, source) if seat is not None else None
    if seat is None or person is None:
        return "nobody may complete"
    trial = office.copy()
    try:
        before = World(trial, versions)
        outcome, later = source.choice(["approve", "reject"]), source.random() < 0.5
        try:
            trial.command(lambda house, connection: house.tasks.complete(connection, trial.actor(connection, person), seat["id"], {"opinion": "试"}, outcome))
        except Rejection:
            return "complete refused"
        if later:
            trial.later(AGAIN)
        try:
            trial.command(lambda house, connection: house.tasks.operations.perform(connection, trial.actor(connection, person), "withdraw", seat["id"], {}))
        except Rejection:
            return "withdraw refused"
        what = f"4: {NAMES[person]} did {outcome} on seat {seat['id']} ({seat['node_id']}) and took it back{' later' if later else ''}"
        _same(before, World(trial, _all(trial, versions)), person, seat, what)
        return "taken back later" if later else "taken back"
    finally:
        trial.close()


def _all(trial: Office, versions: Versions) -> Versions:
    return versions


def _same(before: World, after: World, person: int, seat: Mapping[str, Any], what: str) -> None:
    for number, case in before.cases.items():
        now = after.cases[number]
        assert before.marking(case) == after.marking(now), f"{what}: {before.marking(case)} became {after.marking(now)}"
        then, there = ({name: value for name, value in one["variables"].items() if value is not None} for one in (case, now))
        assert then == there, f"{what}: values {then} became {there}"
        assert case["status"] == now["status"], f"{what}: {case['status']} became {now['status']}"
    then, there = (Counter(_held(one, seat["node_id"], person) for one in world.seats.values() if one["status"] in LIVE and counts(one)) for world in (before, after))
    left = [_told(one) for one in after.seats.values() if one["status"] in LIVE and one["instance_id"] == seat["instance_id"]]
    assert then == there, f"{what}: seats {then - there} became {there - then}; live are {left}"


def _told(seat: Mapping[str, Any]) -> str:
    return f"{seat['id']} {seat['node_id']} {seat['token']} {seat['kind']} {seat['status']} of {seat['participant']} held by {seat['owner_id']}"


def _held(seat: Mapping[str, Any], node: str, person: int) -> tuple[Any, ...]:
    """What must be as it was; completing an unclaimed seat is claim + complete, so the one taken back may be his."""
    owner = seat["owner_id"]
    if seat["node_id"] == node and owner in (None, person):
        owner = "his or the pool's"
    return seat["instance_id"], seat["node_id"], seat["status"], seat["kind"], owner, seat["participant"], seat["due_at"], seat["priority"]


# return ∘ 直达


def goes_back_and_straight(office: Office, versions: Versions, source: random.Random) -> str:
    """Return a seat and submit again straight, with the same outcome and no field changed, on a copy; says how far it came."""
    seat = _open_seat(office, source)
    person = _may(office, seat, source) if seat is not None else None
    if seat is None or person is None:
        return "nobody may return"
    trial = office.copy()
    try:
        return _there_and_back(trial, versions, source, seat, person)
    except Rejection:
        return "return refused"
    finally:
        trial.close()


def _there_and_back(trial: Office, versions: Versions, source: random.Random, seat: Mapping[str, Any], person: int) -> str:
    before = World(trial, versions)
    if before.node(seat).properties.get("resubmit") not in ("straight", "choose"):
        return "not straight"
    offered = trial.look(lambda house, connection: house.tasks.operations.choices(connection, trial.actor(connection, person), "return", seat["id"]))
    targets = [one.value for one in offered["to"] if one.refused is None]
    if not targets:
        return "nowhere to return to"
    given = {"to": source.choice(targets), "reason": "材料不全", "resubmit": "straight"}
    trial.command(lambda house, connection: house.tasks.operations.perform(connection, trial.actor(connection, person), "return", seat["id"], given))
    record = trial.rows("SELECT * FROM return_record ORDER BY id DESC LIMIT 1")[0]
    if record["mode"] != "straight" or record["to_token"] is None:
        return "every step"
    seats = trial.rows("SELECT * FROM seat WHERE instance_id = ? AND token = ? AND status != 'cancelled'", record["instance_id"], record["to_token"])
    outcome = before.cases[record["instance_id"]]["variables"].get(f"{record['to_node']}_outcome")
    if len(seats) != 1 or outcome is None or trial.rows("SELECT 1 FROM voting WHERE instance_id = ? AND token = ?", record["instance_id"], record["to_token"]):
        return "several decide there"
    other = _may(trial, seats[0], source)
    if other is None:
        return "nobody may resubmit"
    opinion = before.cases[record["instance_id"]]["variables"].get("opinion")
    values = {} if opinion is None else {"opinion": opinion}
    try:
        trial.command(lambda house, connection: house.tasks.complete(connection, trial.actor(connection, other), seats[0]["id"], values, outcome))
    except Rejection:
        return "resubmitting refused"
    if trial.rows("SELECT 1 FROM history WHERE kind = 'every_step' AND instance_id = ? AND sequence > (SELECT max(sequence) FROM history WHERE kind = 'returned' AND instance_id = ?)",
                  record["instance_id"], record["instance_id"]):
        return "every step again"
    after = World(trial, versions)
    what = f"4: {NAMES[person]} returned seat {seat['id']} ({seat['node_id']}) to {given['to']} ({record['to_node']}) and it came straight back"
    number = record["instance_id"]
    assert before.marking(before.cases[number]) == after.marking(after.cases[number]), (
        f"{what}: {before.marking(before.cases[number])} became {after.marking(after.cases[number])}"
    )
    return "straight"


__all__ = ["document", "goes_back_and_straight", "lists_are_what_guards_accept", "takes_back"]
