"""Two people at once: exactly one of them wins, the other is told who was faster and when, and the case stays whole."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from tasks.models import Seat, SeatOffer
from tests.conftest import shanghai
from tests.races import KINDS, Races
from tests.web_office import Office
from workflows.business_calendar import FrozenClock
from workflows.errors import Rejection
from workflows.history import verify
from workflows.models import HistoryRow, ProcessInstance

ROUNDS = 120
PROCESS_ROUNDS = 10  # of each kind; run.py races does thousands
SEAT, HISTORY = Seat.__table__, HistoryRow.__table__
RETURNED = {"return_reason": "R1", "return_text": "事由不清"}
Act = Callable[[Any, Any], None]


class Race:
    """An office and two rivals who start at the same moment, each in a thread and a transaction of his own."""

    def __init__(self, folder: Path) -> None:
        self.office = Office(folder, FrozenClock(shanghai("2026-06-18T09:00")))
        self.house = self.office.house
        self._random = random.Random(20260618)

    def run(self, acts: list[tuple[int, Act]]) -> list[Rejection | None]:
        """Let everybody act at once; None for who got through, the refusal for who did not."""
        answers: list[Rejection | None] = [None] * len(acts)
        broken: list[BaseException] = []
        gate = threading.Barrier(len(acts))

        def act(position: int, person: int, what: Act) -> None:
            gate.wait()
            try:
                with self.house.store.transaction() as connection:
                    what(connection, self.house.people.actor(connection, person))
            except Rejection as refusal:
                answers[position] = refusal
            except BaseException as error:  # noqa: BLE001 - a thread's failure must fail the test
                broken.append(error)

        threads = [threading.Thread(target=act, args=(position, *one)) for position, one in enumerate(acts)]
        self._random.shuffle(threads)
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert broken == []
        return answers

    def count(self, query: Any) -> int:
        with self.house.store.read() as connection:
            return int(connection.execute(query).scalar_one())

    def whole(self) -> None:
        """Chains are intact and closed seats are offered to nobody."""
        with self.house.store.read() as connection:
            assert list(verify(connection)) == []
        stale = select(func.count()).select_from(SeatOffer).join(SEAT, SEAT.c.id == SeatOffer.seat_id).where(SEAT.c.status != "open")
        assert self.count(stale) == 0


@pytest.fixture
def race(tmp_path: Path, database: str) -> Iterator[Race]:
    found = Race(tmp_path)
    yield found
    found.office.close()


def claim(house: Any, seat: Any) -> Act:
    return lambda connection, actor: house.tasks.claim(connection, actor, seat.id)


def decide(house: Any, seat: Any, outcome: str = "approve") -> Act:
    values = RETURNED if outcome == "return" else {}
    return lambda connection, actor: house.tasks.complete(connection, actor, seat.id, values, outcome, seat.revision)


def test_of_two_claimers_one_wins_and_the_other_is_told_who(race: Race) -> None:
    office, wins = race.office, Counter[int]()
    names = {office.clerk: "钱经办", office.other: "孙经办"}
    for seat in office.submitted(ROUNDS):
        rivals = [office.clerk, office.other]
        answers = race.run([(person, claim(race.house, seat)) for person in rivals])
        winners = [person for person, answer in zip(rivals, answers, strict=True) if answer is None]
        assert len(winners) == 1 and office.seat_by_id(seat.id).owner_id == winners[0]
        refusal = next(answer for answer in answers if answer is not None)
        assert refusal.status == 409 and names[winners[0]] in refusal.zh and "06-18 09:01" in refusal.zh and "09:01" in refusal.en
        wins[winners[0]] += 1
    assert race.count(select(func.count()).where(HISTORY.c.kind == "claimed")) == ROUNDS == wins.total()
    race.whole()


def test_of_two_deciders_one_decides_and_the_other_is_told_who(race: Race) -> None:
    office = race.office
    names = {office.clerk: "钱经办", office.other: "孙经办"}
    seats = office.submitted(ROUNDS)
    for number, seat in enumerate(seats):
        rivals = [office.clerk, office.other]
        outcomes = ("approve", "return") if number % 2 else ("approve", "approve")
        answers = race.run([(person, decide(race.house, seat, outcome)) for person, outcome in zip(rivals, outcomes, strict=True)])
        winners = [position for position, answer in enumerate(answers) if answer is None]
        assert len(winners) == 1
        stored = office.seat_by_id(seat.id)
        assert (stored.status, stored.owner_id, stored.outcome) == ("completed", rivals[winners[0]], outcomes[winners[0]])
        refusal = next(answer for answer in answers if answer is not None)
        assert refusal.status == 409 and names[rivals[winners[0]]] in refusal.zh and "06-18 09:01" in refusal.zh
    decided = select(func.count()).where(HISTORY.c.kind == "activity_completed", HISTORY.c.node_id == "audit_claim")
    assert race.count(decided) == ROUNDS
    race.whole()


def test_a_decision_and_a_withdrawal_never_both_happen(race: Race) -> None:
    office, winners = race.office, Counter[str]()
    for seat in office.submitted(ROUNDS):
        instance = race.count(select(SEAT.c.instance_id).where(SEAT.c.id == seat.id))
        decided, withdrawn = race.run([
            (office.clerk, decide(race.house, seat)),
            (office.applicant, lambda connection, actor, case=instance: race.house.tasks.withdraw_case(connection, actor, case)),  # type: ignore[misc]
        ])
        assert (decided is None) != (withdrawn is None)
        refusal = decided or withdrawn
        assert refusal is not None and refusal.status == 409
        status = race.count(select(func.count()).where(ProcessInstance.id == instance, ProcessInstance.status == "completed"))
        assert status == (1 if decided is None else 0)
        winners["decided" if decided is None else "withdrawn"] += 1
    ended = race.count(select(func.count()).where(ProcessInstance.status == "completed"))
    open_again = race.count(select(func.count()).where(SEAT.c.node_id == "fill_claim", SEAT.c.status == "open"))
    assert (ended, open_again) == (winners["decided"], winners["withdrawn"])
    race.whole()


def test_an_undo_and_the_next_persons_claim_never_both_happen(race: Race) -> None:
    office = race.office
    for seat in office.submitted(ROUNDS):
        race.run([(office.clerk, decide(race.house, seat, "return"))])
        instance = race.count(select(SEAT.c.instance_id).where(SEAT.c.id == seat.id))
        follower = office.seat(instance)
        filled = {"text": "去省城参加培训，往返车票", "amount": 90}
        undone, submitted = race.run([
            (office.clerk, lambda connection, actor, one=seat: race.house.tasks.undo(connection, actor, one.id)),  # type: ignore[misc]
            (office.applicant, lambda connection, actor, one=follower: race.house.tasks.complete(connection, actor, one.id, filled, "submit")),  # type: ignore[misc]
        ])
        assert (undone is None) != (submitted is None)
        refusal = undone or submitted
        assert refusal is not None and refusal.status == 409
        stands = office.seat_by_id(seat.id).status
        assert stands == ("open" if undone is None else "completed")
        live = select(func.count()).where(SEAT.c.instance_id == instance, SEAT.c.status == "open")
        assert race.count(live) == 1
    race.whole()


def test_a_bulk_decision_and_single_decisions_share_the_work_without_doing_any_twice(race: Race) -> None:
    office = race.office
    seats = office.submitted(ROUNDS)
    with race.house.store.transaction() as connection:
        actor = race.house.people.actor(connection, office.clerk)
        command = race.house.tasks.bulk_complete(connection, actor, [(seat.id, seat.revision) for seat in seats], "approve", {})
    singly: list[bool] = []

    def one_by_one() -> None:
        for seat in reversed(seats):
            singly.append(race.run([(office.other, decide(race.house, seat))]) == [None])

    rival = threading.Thread(target=one_by_one)
    rival.start()
    race.house.commands.run_all(command)
    rival.join()
    with race.house.store.read() as connection:
        counts = race.house.commands.counts(connection, command)
    assert counts.get("done", 0) + sum(singly) == ROUNDS and counts.get("skipped", 0) == sum(singly)
    decided = select(func.count()).where(HISTORY.c.kind == "activity_completed", HISTORY.c.node_id == "audit_claim")
    assert race.count(decided) == ROUNDS
    race.whole()


def test_two_workers_on_one_command_do_every_item_once(race: Race) -> None:
    office = race.office
    seats = office.submitted(ROUNDS)
    with race.house.store.transaction() as connection:
        actor = race.house.people.actor(connection, office.clerk)
        command = race.house.tasks.bulk_complete(connection, actor, [(seat.id, seat.revision) for seat in seats], "approve", {})
    workers = [threading.Thread(target=race.house.commands.run_all, args=(command,)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    with race.house.store.read() as connection:
        view = race.house.commands.view(connection, command, race.house.people.actor(connection, office.clerk))
    assert (view.status, view.total, view.done, view.succeeded, view.skipped) == ("done", ROUNDS, ROUNDS, ROUNDS, 0)


def test_of_two_processes_one_wins_or_both_in_turn_and_the_case_stays_whole(tmp_path: Path, database: str) -> None:
    races = Races(tmp_path)
    found = {kind: races.run(kind, PROCESS_ROUNDS) for kind in KINDS}
    races.close()
    assert [fault for figures in found.values() for fault in figures.faults] == []
    assert {figures.winners.total() for figures in found.values()} == {PROCESS_ROUNDS}


def test_a_case_one_had_to_wait_for_is_read_as_the_other_left_it(race: Race) -> None:
    case_id = race.office.start()[0]
    held = threading.Event()
    seen: list[Any] = []

    def first() -> None:
        with race.house.store.transaction() as connection:
            case = race.house.engine.load(connection, case_id)
            held.set()
            time.sleep(0.3)  # the other waits for the row by now
            race.house.engine.set_variables(connection, case, {"text": "改过"}, {})

    def second() -> None:
        held.wait()
        with race.house.store.transaction() as connection:
            seen.append(race.house.engine.load(connection, case_id).variables.get("text"))

    threads = [threading.Thread(target=one) for one in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == ["改过"]
