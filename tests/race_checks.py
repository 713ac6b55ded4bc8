"""What must hold of a case after two people acted on it at once: marking, seats, offers and waits say the same. Reads only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, func, select, text

from app import House
from tasks.actors import Actor
from tasks.lifecycle import LIVE
from tasks.models import Seat, SeatOffer
from tasks.standing import near, see
from workflows.graph import HUMAN
from workflows.history import SYSTEM, verify
from workflows.models import Incident, ProcessInstance, Wait

SEAT, OFFER, CASE = Seat.__table__, SeatOffer.__table__, ProcessInstance.__table__
VIEWS = ("mine", "pool")
PAGE = 75


def problems_of_case(house: House, connection: Connection, case_id: int) -> list[str]:
    """What is wrong with one case; nothing when all is well."""
    row = connection.execute(select(CASE).where(CASE.c.id == case_id)).one()
    case = house.engine.attach(connection, row, SYSTEM)
    machine, state = case.version.machine, case.state
    seats = connection.execute(select(SEAT).where(SEAT.c.instance_id == case_id)).all()
    live = [seat for seat in seats if seat.status in LIVE]
    offered = set(connection.execute(select(OFFER.c.seat_id).where(OFFER.c.seat_id.in_([seat.id for seat in seats]))).scalars())
    human = {
        token for token, node, *_ in machine.tokens(state)
        if case.version.graph.nodes[node].type in HUMAN and token not in state.get("m", {})
    }
    found = []
    if human != {seat.token for seat in live}:
        stuck = select(func.count()).select_from(Incident).where(Incident.instance_id == case_id, Incident.resolved_at.is_(None))
        if not connection.execute(stuck).scalar_one():
            found.append(f"live activities {sorted(human)}, seats of {sorted(seat.token for seat in live)}")
    if orphans := offered - {seat.id for seat in live}:
        found.append(f"closed seats {sorted(orphans)} are offered")
    if unreachable := [seat.id for seat in live if seat.status == "open" and seat.id not in offered]:
        found.append(f"open seats {unreachable} are offered to nobody")
    found += _children(seats)
    waits = set(connection.execute(select(Wait.wait_id).where(Wait.instance_id == case_id)).scalars())
    if waits != set(machine.waits(state)):
        found.append(f"waits {sorted(waits)}, the marking has {sorted(machine.waits(state))}")
    if (row.status in ("active", "suspended")) != bool(state["t"] or machine.waits(state)):
        found.append(f"a case that is {row.status} with tokens {state['t']}")
    return [f"case {case_id}: {problem}" for problem in found]


def _children(seats: Sequence[Any]) -> Iterable[str]:
    """Parked ⇔ an open child blocks it; no child outlives the seat above it."""
    by_id = {seat.id: seat for seat in seats}
    held = {seat.parent_seat_id for seat in seats if seat.parent_seat_id is not None and seat.blocking and seat.status in ("open", "parked")}
    for seat in seats:
        if seat.status in ("open", "parked") and (seat.status == "parked") != (seat.id in held):
            yield f"seat {seat.id} is {seat.status}, but {'a' if seat.id in held else 'no'} child blocks it"
        above = by_id.get(seat.parent_seat_id)
        if seat.status in LIVE and above is not None and above.status not in LIVE and seat.kind != "after":
            yield f"seat {seat.id} waits below seat {above.id}, which is {above.status}"


def problems_of_lists(house: House, connection: Connection, people: Iterable[int], cases: Sequence[int]) -> list[str]:
    """Per person: what his lists show of these cases is what he may complete or answer now."""
    found = []
    live = connection.execute(select(SEAT.c.id).where(SEAT.c.instance_id.in_(cases), SEAT.c.status.in_(("open", "parked")))).scalars().all()
    for person in people:
        actor = house.people.actor(connection, person)
        listed = _listed(house, connection, actor) & set(live)
        may = {seat for seat in live if _may_act(house, connection, actor, seat)}
        if listed != may:
            found.append(f"{actor.name}: listed only {sorted(listed - may)}, accepted only {sorted(may - listed)}")
    return found


def _listed(house: House, connection: Connection, actor: Actor) -> set[int]:
    seats: set[int] = set()
    for view in VIEWS:
        after = None
        while True:
            page = house.worklist.page(connection, actor, view, size=PAGE, after=after)
            seats |= {row.seat_id for row in page.rows}
            if page.next is None:
                break
            after = page.next
    return seats


def _may_act(house: House, connection: Connection, actor: Actor, seat_id: int) -> bool:
    row: Any = see(connection, actor, seat_id)
    return bool({"complete", "answer"} & near(connection, actor, row, house.engine.version(connection, row.definition_id)).verbs)


def problems_of_database(connection: Connection) -> list[str]:
    """What is wrong with the database as a whole: a broken chain, a deadlock."""
    found = [f"history: {broken}" for broken in verify(connection)]
    if connection.dialect.name == "postgresql":
        locked = connection.execute(text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")).scalar_one()
        found += [f"{locked} deadlocks"] if locked else []
    return found
