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
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from app import House, build_house
from tasks.models import Person, Seat
from tests import databases
from tests.race_checks import problems_of_case, problems_of_database, problems_of_lists
from tests.race_desk import BOTH, FIRST, Act, Pair, RaceDesk
from tests.web_office import Office
from workflows.business_calendar import SHANGHAI, FrozenClock
from workflows.errors import Conflict, Forbidden, Rejection
from workflows.models import CommandItem, HistoryRow
from workflows.store import create_database_engine

SEAT, HISTORY = Seat.__table__, HistoryRow.__table__
FILLED = {"text": "去省城参加培训，往返车票", "amount": 90}
RETURNED = {"return_reason": "R1", "return_text": "事由不清"}
SPAWN = multiprocessing.get_context("spawn")
LISTED = 60  # cases of a kind whose lists are compared with what the guards accept


def perform(house: House, act: Act) -> Any:
    """Do one act in a transaction of its own; whether it took effect."""
    verb, person, needs = act
    if verb == "bulk":
        return run_bulk(house, *needs)
    with house.store.transaction() as connection:
        if verb == "fire":
            house.engine.fire_timer(connection, *needs)
            fired = select(func.count()).select_from(HISTORY).where(HISTORY.c.kind == "timer_fired", HISTORY.c.instance_id == needs[0])
            return connection.execute(fired).scalar_one() > 0
        actor = house.people.actor(connection, person)
        verbs: dict[str, Callable[..., Any]] = {
            "claim": house.tasks.claim, "complete": house.tasks.complete, "withdraw": house.tasks.withdraw_case, "undo": house.tasks.undo,
            "operate": house.tasks.operations.perform,
        }
        verbs[verb](connection, actor, *needs)
        return True


def run_bulk(house: House, command: int) -> bool:
    """Run a command of one item, as the worker does; raises Conflict with the words the item was left with."""
    house.commands.run_all(command)
    with house.store.read() as connection:
        if house.commands.counts(connection, command).get("done"):
            return True
        words = connection.execute(select(CommandItem.reason).where(CommandItem.command_id == command)).scalar_one()
    raise Conflict(str(words), str(words))


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
            pipe.send(("refused", refusal.zh, isinstance(refusal, Conflict | Forbidden)))
        except Exception as error:  # whatever it is, it is what the race must never bring
            pipe.send(("broken", f"{type(error).__name__}: {error}"))
    house.store.engine.dispose()


@dataclass
class Figures:
    """What the rounds of one kind came to."""

    rounds: int = 0
    winners: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    seconds: float = 0.0


class Races:
    """An office over one database, and two processes that race each other in it."""

    def __init__(self, folder: Path) -> None:
        self.office = Office(folder, FrozenClock(datetime(2026, 6, 18, 9, tzinfo=SHANGHAI)))
        self.house = self.office.house
        self.desk = RaceDesk(self.office)
        url = self.house.store.engine.url.render_as_string(hide_password=False)
        self.names: dict[int, str] = {}
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
        cases: list[int] = []
        while figures.rounds < rounds:
            for one in self._prepared(kind, min(batch, rounds - figures.rounds)):
                pair = self._pair(kind, one)
                cases.append(pair.case)
                self._round(kind, pair, figures)
        figures.seconds = time.monotonic() - began
        with self.house.store.read() as connection:
            people = (self.office.clerk, self.office.other, self.office.applicant)
            problems = [*problems_of_database(connection), *problems_of_lists(self.house, connection, people, cases[-LISTED:])]
        figures.faults += [f"{kind}: {problem}" for problem in problems]
        return figures

    def _prepared(self, kind: str, count: int) -> list[Any]:
        if kind in self.desk.kinds:
            return self.desk.start(kind, count)
        return self.office.submitted(count)

    def _pair(self, kind: str, one: Any) -> Pair:
        office = self.office
        if kind in self.desk.kinds:
            return self.desk.kinds[kind](one)
        approve: tuple[Any, ...] = (one.id, {}, "approve", one.revision)
        case = self.number(select(SEAT.c.instance_id).where(SEAT.c.id == one.id))
        if kind == "claim":
            return Pair(case, ("claim", office.clerk, (one.id,)), ("claim", office.other, (one.id,)))
        if kind == "complete":
            return Pair(case, ("complete", office.clerk, approve), ("complete", office.other, approve))
        if kind == "withdraw":
            return Pair(case, ("complete", office.clerk, approve), ("withdraw", office.applicant, (case,)))
        back = perform(self.house, ("complete", office.clerk, (one.id, RETURNED, "return", one.revision)))
        assert back
        again = ("complete", office.applicant, (office.seat(case).id, FILLED, "submit"))
        return Pair(case, ("undo", office.clerk, (one.id,)), again)

    def _round(self, kind: str, pair: Pair, figures: Figures) -> None:
        acts = (pair.first, pair.second)
        answers = self.race(*acts, swap=figures.rounds % 2 == 1)
        figures.rounds += 1
        won = [position for position, answer in enumerate(answers) if answer[0] == "done" and answer[1]]
        figures.winners["+".join(name_of(acts[position]) for position in won)] += 1
        figures.faults += [f"{kind}: {problem}" for problem in self._wrong(pair, won, answers)]
        with self.house.store.read() as connection:
            figures.faults += [f"{kind}: {problem}, after {answers}" for problem in problems_of_case(self.house, connection, pair.case)]

    def _wrong(self, pair: Pair, won: list[int], answers: list[Any]) -> list[str]:
        """What is wrong with who won, and with what the other was told."""
        found = [f"broken: {answer[1]}" for answer in answers if answer[0] == "broken"]
        expected = {BOTH: ([0, 1],), FIRST: ([0], [0, 1])}.get(pair.rule, ([0], [1]))
        if won not in expected:
            found.append(f"won by {won}: {answers}")
        for position, answer in enumerate(answers):
            if answer[0] == "refused" and not (answer[2] and self._says_who(pair, 1 - position, answer[1])):
                found.append(f"told {answer[1]}")
        return found

    def _says_who(self, pair: Pair, winner: int, words: str) -> bool:
        """The loser is told who was faster, and when."""
        if not pair.told:
            return bool(words)
        if not self.names:
            with self.house.store.read() as connection:
                self.names[0] = "系统"
                self.names.update(connection.execute(select(Person.id, Person.name)).all())
        minute = f"{self.office.clock.now().astimezone(SHANGHAI):%m-%d %H:%M}"
        return minute in words and self.names[(pair.first, pair.second)[winner][1]] in words


def name_of(act: Act) -> str:
    """What an act is called in the figures."""
    return str(act[2][0]) if act[0] == "operate" else act[0]


KINDS = (
    "claim", "complete", "withdraw", "undo", "timer", "last_voters", "any_voters", "sibling", "returns", "bulk", "delegate", "take_back", "decide",
    "before", "remove", "suspend", "terminate", "jump",
)


def main() -> None:
    """Run many rounds on each database and print what came of them; exit 1 when any round had not exactly one winner."""
    parser = argparse.ArgumentParser(prog="run.py races", description="Two processes act at the same moment; the database must hold what exactly one of them did, or both in turn.")
    parser.add_argument("--rounds", type=int, default=2000, help="rounds of each kind on each database")
    parser.add_argument("--kinds", default=",".join(KINDS), help="which kinds, by name, separated by commas")
    parser.add_argument("--database", choices=(*databases.NAMES, "both"), default="both")
    arguments = parser.parse_args()
    faults = 0
    for name in databases.NAMES if arguments.database == "both" else [arguments.database]:
        databases.chosen[:] = [name]
        with tempfile.TemporaryDirectory() as folder:
            races = Races(Path(folder))
            for kind in arguments.kinds.split(","):
                figures = races.run(kind, arguments.rounds)
                faults += len(figures.faults)
                won = ", ".join(f"{who} {number:,}" for who, number in sorted(figures.winners.items()))
                sys.stdout.write(
                    f"{name:11} {kind:11} {figures.rounds:>7,} rounds  {figures.rounds / figures.seconds:6.0f}/s  won by {won}  faults {len(figures.faults)}\n"
                )
                sys.stdout.writelines(f"    {fault}\n" for fault in figures.faults[:10])
                sys.stdout.flush()
            races.close()
        databases.release()
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
