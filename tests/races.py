"""Two processes of the operating system over one database, acting at the same moment, round after round: exactly one of them may win.

`python3 run.py races` prints the figures of many rounds on SQLite and on PostgreSQL. It judges by what the database holds.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, text

from app import House, build_house
from tasks.models import Seat, SeatOffer
from tests import databases
from tests.engine_walk import END, START, chain, process, user
from tests.web_office import Office
from workflows.business_calendar import SHANGHAI, FrozenClock
from workflows.engine import StartItem
from workflows.errors import Conflict, Rejection
from workflows.history import SYSTEM, verify
from workflows.models import HistoryRow, ProcessInstance, Wait
from workflows.store import create_database_engine

SEAT, HISTORY, CASE = Seat.__table__, HistoryRow.__table__, ProcessInstance.__table__
FILLED = {"text": "去省城参加培训，往返车票", "amount": 90}
RETURNED = {"return_reason": "R1", "return_text": "事由不清"}
SPAWN = multiprocessing.get_context("spawn")
TIMED = process(
    START + user("act") + '<bpmn:boundaryEvent id="late" attachedToRef="act"><bpmn:timerEventDefinition><bpmn:timeDuration>PT1H</bpmn:timeDuration>'
    '</bpmn:timerEventDefinition></bpmn:boundaryEvent>' + END + chain("start", "act", "end") + chain("late", "end"), "timed",
)
Act = tuple[str, int, Any]  # the verb, the person, what it needs


def perform(house: House, act: Act) -> Any:
    """Do one act in a transaction of its own; whether it took effect."""
    verb, person, needs = act
    with house.store.transaction() as connection:
        if verb == "fire":
            before = connection.execute(select(func.count()).select_from(HISTORY).where(HISTORY.c.kind == "timer_fired")).scalar_one()
            house.engine.fire_timer(connection, *needs)
            return connection.execute(select(func.count()).select_from(HISTORY).where(HISTORY.c.kind == "timer_fired")).scalar_one() > before
        if verb == "finish":
            case = house.engine.load(connection, needs[0])
            house.engine.complete(connection, case, needs[1], {}, {})
            return True
        actor = house.people.actor(connection, person)
        verbs: dict[str, Callable[..., Any]] = {
            "claim": house.tasks.claim, "complete": house.tasks.complete, "withdraw": house.tasks.withdraw_case, "undo": house.tasks.undo,
        }
        verbs[verb](connection, actor, *needs)
        return True


def rival(url: str, keys: bytes, gate: Any, pipe: Any) -> None:
    """One process: waits for an act, starts it together with the other, answers with what became of it."""
    clock = FrozenClock(datetime(2026, 6, 18, 9, tzinfo=SHANGHAI))
    house = build_house(create_database_engine(url), clock, keys)
    while (order := pipe.recv()) is not None:
        moment, act = order
        clock.set(moment)
        gate.wait()
        try:
            pipe.send(("done", perform(house, act)))
        except Rejection as refusal:
            pipe.send(("refused", refusal.status, refusal.zh, isinstance(refusal, Conflict)))
        except Exception as error:  # whatever it is, it is what the race must never bring
            pipe.send(("broken", f"{type(error).__name__}: {error}"))
    house.store.engine.dispose()


@dataclass
class Figures:
    """What the rounds of one kind came to."""

    rounds: int = 0
    winners: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    busy: int = 0  # refused because the database broke a deadlock
    seconds: float = 0.0


class Races:
    """An office over one database, and two processes that race each other in it."""

    def __init__(self, folder: Path) -> None:
        self.office = Office(folder, FrozenClock(datetime(2026, 6, 18, 9, tzinfo=SHANGHAI)))
        self.house = self.office.house
        with self.house.store.transaction() as connection:
            self.house.definitions.deploy(connection, {"timed.bpmn": TIMED}, None)
        url = self.house.store.engine.url.render_as_string(hide_password=False)
        self._gate = SPAWN.Barrier(2)
        self._rivals = []
        for _ in range(2):
            ours, theirs = SPAWN.Pipe()
            started = SPAWN.Process(target=rival, args=(url, (folder / "secret.key").read_bytes(), self._gate, theirs), daemon=True)
            started.start()
            self._rivals.append((started, ours))

    def close(self) -> None:
        """End both processes and let go of the database."""
        for started, pipe in self._rivals:
            pipe.send(None)
            started.join(timeout=10)
            pipe.close()
        self.office.close()

    def race(self, first: Act, second: Act, swap: bool) -> list[Any]:
        """Both acts at once, each in its process; the answers in the order given."""
        order = [1, 0] if swap else [0, 1]
        for position, act in zip(order, (first, second), strict=True):
            self._rivals[position][1].send((self.office.clock.now(), act))
        answers = [pipe.recv() for _, pipe in self._rivals]
        return [answers[position] for position in order]

    def number(self, query: Any) -> Any:
        """What a query counts."""
        with self.house.store.read() as connection:
            return connection.execute(query).scalar_one()

    def run(self, kind: str, rounds: int, batch: int = 50) -> Figures:
        """So many rounds of one kind."""
        figures, began = Figures(), time.monotonic()
        while figures.rounds < rounds:
            for one in self._prepared(kind, min(batch, rounds - figures.rounds)):
                self._round(kind, one, figures)
        figures.seconds = time.monotonic() - began
        figures.faults += [f"{kind}: {problem}" for problem in self.whole()]
        return figures

    def _prepared(self, kind: str, count: int) -> list[Any]:
        if kind != "timer":
            return self.office.submitted(count)
        with self.house.store.transaction() as connection:
            cases = self.house.engine.start_many(connection, "timed", [StartItem({}) for _ in range(count)], SYSTEM)
        self.office.clock.advance(timedelta(hours=2))
        with self.house.store.read() as connection:
            waits = dict(connection.execute(select(Wait.instance_id, Wait.wait_id).where(Wait.instance_id.in_([case.id for case in cases]))).all())
            seats = connection.execute(select(SEAT).where(SEAT.c.instance_id.in_(waits))).all()
        return [(seat, waits[seat.instance_id]) for seat in seats]

    def _acts(self, kind: str, one: Any) -> tuple[Act, Act]:
        office = self.office
        if kind == "timer":
            seat, wait = one
            return ("finish", 0, (seat.instance_id, seat.token)), ("fire", 0, (seat.instance_id, wait))
        approve: tuple[Any, ...] = (one.id, {}, "approve", one.revision)
        if kind == "claim":
            return ("claim", office.clerk, (one.id,)), ("claim", office.other, (one.id,))
        if kind == "complete":
            return ("complete", office.clerk, approve), ("complete", office.other, approve)
        case = self.number(select(SEAT.c.instance_id).where(SEAT.c.id == one.id))
        if kind == "withdraw":
            return ("complete", office.clerk, approve), ("withdraw", office.applicant, (case,))
        back = perform(self.house, ("complete", office.clerk, (one.id, RETURNED, "return", one.revision)))
        assert back
        return ("undo", office.clerk, (one.id,)), ("complete", office.applicant, (office.seat(case).id, FILLED, "submit"))

    def _round(self, kind: str, one: Any, figures: Figures) -> None:
        first, second = self._acts(kind, one)
        answers = self.race(first, second, swap=figures.rounds % 2 == 1)
        figures.rounds += 1
        won = [position for position, answer in enumerate(answers) if answer[0] == "done" and answer[1]]
        if len(won) != 1:
            figures.faults.append(f"{kind}: {len(won)} winners: {answers}")
            return
        figures.winners[f"{won[0]}:{(first, second)[won[0]][0]}"] += 1
        loser = answers[1 - won[0]]
        if loser[0] == "broken":
            figures.faults.append(f"{kind}: {loser[1]}")
        elif loser[0] == "refused" and (loser[1] != 409 or not self._says_who(kind, loser[2])):
            figures.busy += "同一时间" in loser[2]
            figures.faults.append(f"{kind}: told {loser[1]} {loser[2]}")

    def _says_who(self, kind: str, words: str) -> bool:
        """Of two clerks the loser is told who was faster, and when."""
        if kind not in ("claim", "complete"):
            return bool(words)
        minute = f"{self.office.clock.now().astimezone(SHANGHAI):%m-%d %H:%M}"
        return minute in words and ("钱经办" in words or "孙经办" in words)

    def whole(self) -> list[str]:
        """What is wrong with the database as a whole."""
        with self.house.store.read() as connection:
            found = [f"history: {broken}" for broken in verify(connection)]
            stale = select(func.count()).select_from(SeatOffer).join(SEAT, SEAT.c.id == SeatOffer.seat_id).where(SEAT.c.status != "open")
            if connection.execute(stale).scalar_one():
                found.append("closed seats are offered")
            twice = select(SEAT.c.instance_id).where(SEAT.c.status == "open").group_by(SEAT.c.instance_id).having(func.count() > 1)
            if connection.execute(twice).first() is not None:
                found.append("a case has two open seats")
            if connection.dialect.name == "postgresql":
                locked = connection.execute(text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")).scalar_one()
                found += [f"{locked} deadlocks"] if locked else []
        return found


KINDS = ("claim", "complete", "withdraw", "undo", "timer")


def main() -> None:
    """Run many rounds on each database and print what came of them; exit 1 when any round had not exactly one winner."""
    parser = argparse.ArgumentParser(prog="run.py races", description="Two processes act at the same moment; exactly one may win.")
    parser.add_argument("--rounds", type=int, default=2000, help="rounds of each kind on each database")
    parser.add_argument("--database", choices=(*databases.NAMES, "both"), default="both")
    arguments = parser.parse_args()
    faults = 0
    for name in databases.NAMES if arguments.database == "both" else [arguments.database]:
        databases.chosen[:] = [name]
        with tempfile.TemporaryDirectory() as folder:
            races = Races(Path(folder))
            for kind in KINDS:
                figures = races.run(kind, arguments.rounds)
                faults += len(figures.faults)
                won = ", ".join(f"{who} {number:,}" for who, number in sorted(figures.winners.items()))
                sys.stdout.write(
                    f"{name:11} {kind:9} {figures.rounds:>7,} rounds  {figures.rounds / figures.seconds:6.0f}/s  won by {won}  faults {len(figures.faults)}\n"
                )
                sys.stdout.writelines(f"    {fault}\n" for fault in figures.faults[:10])
                sys.stdout.flush()
            races.close()
        databases.release()
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
