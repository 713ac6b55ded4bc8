"""`run.py faults`: the running server is killed with -9 at random moments of a bulk approval and of an import, started again, and everything is counted.

It knows the tables; what a whole case is, it says in `problems`. A fault is printed with its round and makes the exit code 1.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import waitress
from sqlalchemy import Connection, func, select, text

from app import House, build_house, create_app
from tasks.actors import build_actor
from tasks.installation import migrate
from tasks.lifecycle import LIVE
from tasks.models import CaseParty, Person, SeatOffer, UndoRecord
from tasks.personal_data import load_or_create_keys
from tasks.scenarios.cast import Cast
from tasks.seats import SEAT
from tests import bench_roster
from workflows.business_calendar import SHANGHAI, FrozenClock
from workflows.definitions import read_folder
from workflows.history import facts, verify
from workflows.models import Command, CommandItem, HistoryRow, OutboxMessage, ProcessInstance, Wait
from workflows.store import create_database_engine

ROOT = Path(__file__).resolve().parent.parent
MOMENT = datetime(2026, 6, 18, 9, tzinfo=SHANGHAI)
DATABASE, KEY = "banjie.sqlite", "secret.key"
INSTANCE, HISTORY = ProcessInstance.__table__, HistoryRow.__table__
CLERK, IMPORTER = "gaojingban", "xujingban"
PATIENCE = 180.0
JITTER = 0.4  # seconds; about as long as a chunk takes
Report = Callable[[str], None]


def main() -> None:
    """Parse arguments, run, exit 1 when anything was half done."""
    parser = argparse.ArgumentParser(prog="run.py faults", description="Kill the server at random moments; count that nothing is half done.")
    parser.add_argument("--rounds", type=int, default=4, help="rounds of each kind (bulk approval, import)")
    parser.add_argument("--kills", type=int, default=3, help="kills per round")
    parser.add_argument("--cases", type=int, default=500, help="cases in one bulk approval")
    parser.add_argument("--rows", type=int, default=2500, help="rows in one import")
    parser.add_argument("--seed", type=int, default=None, help="repeat the moments of an earlier run")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve)
        return
    found = Faults(print, arguments.seed).run(arguments.rounds, arguments.kills, arguments.cases, arguments.rows)
    sys.exit(1 if found else 0)


def serve(folder: Path) -> None:
    """The web server with its worker over the installation in `folder`, until killed; says its port when it answers."""
    app = create_app({"INSTANCE_PATH": folder, "CLOCK": FrozenClock(MOMENT), "WORKER": True})
    server = waitress.create_server(app, host="127.0.0.1", port=0, threads=4)
    print(server.effective_port, flush=True)
    server.run()


@dataclass(frozen=True)
class Prepared:
    """An installation with one command that waits for the worker."""

    folder: Path
    command_id: int
    items: int


class Faults:
    """Rounds of kills over copies of two prepared installations."""

    def __init__(self, report: Report, seed: int | None = None) -> None:
        self._report = report
        self.seed = random.randrange(10**6) if seed is None else seed
        self._random = random.Random(self.seed)
        self.kills = self.kills_inside = 0

    def run(self, rounds: int, kills: int, cases: int, rows: int) -> list[str]:
        """Play all rounds; returns the problems found, none when everything held."""
        found: list[str] = []
        started = time.monotonic()
        self._report(f"seed {self.seed}")
        with tempfile.TemporaryDirectory(prefix="banjie-faults-") as folder:
            for name, prepare, size in (("bulk approval", prepare_bulk, cases), ("import", prepare_import, rows)):
                prepared = prepare(Path(folder) / name.replace(" ", "_"), size)
                for number in range(1, rounds + 1):
                    found += [f"{name}, round {number}: {problem}" for problem in self._round(prepared, kills, f"{name} {number}")]
        self._report(f"{self.kills} kills, {self.kills_inside} of them inside the work, {time.monotonic() - started:.0f} s")
        for problem in found:
            self._report(f"FAULT {problem}")
        self._report(f"{len(found)} faults")
        return found

    def _round(self, prepared: Prepared, kills: int, name: str) -> list[str]:
        with copied(prepared) as copy:
            stands: list[str] = []
            for part in range(1, kills + 1):
                # Anywhere in the work, and then anywhere in the chunk at hand: between two commits or in the middle of one.
                target = int(copy.items * self._random.uniform((part - 1) / kills, part / (kills + 0.5)))
                with running(copy.folder) as server:
                    wait_until(copy, lambda command, target=target: command.done >= target)  # type: ignore[misc]
                    time.sleep(self._random.uniform(0, JITTER))
                    server.send_signal(signal.SIGKILL)
                    server.wait()
                done = progress(copy)
                self.kills += 1
                self.kills_inside += done < copy.items
                stands.append(str(done))
            with running(copy.folder):
                wait_until_done(copy)
            found = examine(copy)
        self._report(f"{name}: killed at {', '.join(stands)} of {copy.items}; {'whole' if not found else f'{len(found)} problems'}")
        return found


# the server


@contextlib.contextmanager
def running(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A server over `folder` that answers; it is killed at the end of the block at the latest."""
    command = [sys.executable, "-m", "tests.faults", "--serve", str(folder)]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        if not server.stdout or not server.stdout.readline().strip().isdigit():
            raise RuntimeError("the server did not start")
        yield server
    finally:
        server.kill()
        server.wait()
        if server.stdout:
            server.stdout.close()


@contextlib.contextmanager
def copied(prepared: Prepared) -> Iterator[Prepared]:
    """The installation once more, for one round."""
    with tempfile.TemporaryDirectory(prefix="banjie-fault-") as folder:
        for file in prepared.folder.iterdir():
            shutil.copy2(file, folder)
        yield Prepared(Path(folder), prepared.command_id, prepared.items)


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[House]:
    """A house over the installation, for looking."""
    engine = create_database_engine(f"sqlite:///{folder / DATABASE}")
    try:
        yield build_house(engine, FrozenClock(MOMENT), load_or_create_keys(folder / KEY))
    finally:
        engine.dispose()


def progress(prepared: Prepared) -> int:
    """How many items are done."""
    with opened(prepared.folder) as house, house.store.read() as connection:
        return int(connection.execute(select(Command.done).where(Command.id == prepared.command_id)).scalar_one())


def wait_until(prepared: Prepared, reached: Callable[[Any], bool]) -> None:
    """Watch the command until it stands where `reached` says; it must not take for ever."""
    give_up = time.monotonic() + PATIENCE
    with opened(prepared.folder) as house:
        while time.monotonic() < give_up:
            with house.store.read() as connection:
                command = connection.execute(select(Command.status, Command.done).where(Command.id == prepared.command_id)).one()
            if command.status == "done" or reached(command):
                return
            time.sleep(0.01)
    raise RuntimeError(f"the command did not get on in {PATIENCE:.0f} s")


def wait_until_done(prepared: Prepared) -> None:
    """Wait for the server's worker to finish the command."""
    wait_until(prepared, lambda command: command.status == "done")


# what is prepared


def _installed(folder: Path) -> None:
    folder.mkdir(parents=True)
    migrate(f"sqlite:///{folder / DATABASE}")


def _peopled(house: House, connection: Connection) -> Cast:
    cast = Cast(connection, house, read_folder(ROOT / "bpmn" / "shared"), {})
    house.definitions.deploy(connection, read_folder(ROOT / "bpmn" / bench_roster.PROCESS), None)
    return cast


def prepare_bulk(folder: Path, number: int) -> Prepared:
    """`number` submitted declarations, and the command that approves them all."""
    _installed(folder)
    with opened(folder) as house:
        with house.store.transaction() as connection:
            clerk = _peopled(house, connection).actor(connection, CLERK)
            bench_roster.start_cases(connection, house, clerk, number, "U1401", first=1)
            _submit_all(connection, house)
        with house.store.transaction() as connection:
            seats = connection.execute(select(SEAT.c.id, SEAT.c.revision).where(SEAT.c.node_id == "audit_declaration")).all()
            command = house.tasks.bulk_complete(connection, clerk, [(seat.id, seat.revision) for seat in seats], "approve", {})
    return Prepared(folder, command, number)


def _submit_all(connection: Connection, house: House) -> None:
    query = select(SEAT.c.id, INSTANCE.c.subject_person).join(INSTANCE, INSTANCE.c.id == SEAT.c.instance_id)
    for number, seat in enumerate(connection.execute(query.where(SEAT.c.status == "open")).all()):
        student = build_actor(seat.subject_person, "某", (), acting=None, channel="web")
        values = {**bench_roster.DECLARATION, "statement": f"{bench_roster.DECLARATION['statement']}第{number}份。"}
        house.tasks.complete(connection, student, seat.id, values, "submit")


def prepare_import(folder: Path, number: int) -> Prepared:
    """A confirmed import of `number` good rows."""
    _installed(folder)
    with opened(folder) as house:
        with house.store.transaction() as connection:
            who = _peopled(house, connection).actor(connection, IMPORTER, "import")
        file = folder / "roster.xlsx"
        bench_roster.write_file(house, file, number)
        with house.store.transaction() as connection:
            rosters = house.rosters.rosters
            command = rosters.keep(connection, who, rosters.read(connection, who, bench_roster.PROCESS, file.name, file.read_bytes()))
            rosters.confirm(connection, who, command)
    return Prepared(folder, command, number)


# what must be true afterwards


def examine(prepared: Prepared) -> list[str]:
    """Everything that is not whole in the installation."""
    with opened(prepared.folder) as house, house.store.read() as connection:
        command = connection.execute(select(Command.__table__).where(Command.id == prepared.command_id)).one()
        found = [*database_problems(connection), *command_problems(connection, command, prepared.items), *problems(connection, house)]
        if command.kind == "bulk_complete":
            return [*found, *bulk_problems(connection, command)]
        return [*found, *import_problems(connection, command)]


def database_problems(connection: Connection) -> Iterator[str]:
    """What SQLite itself finds, and broken chains of the audit trail."""
    answer = connection.execute(text("PRAGMA integrity_check")).scalar_one()
    if answer != "ok":
        yield f"integrity: {answer}"
    dangling = connection.execute(text("PRAGMA foreign_key_check")).all()
    if dangling:
        yield f"{len(dangling)} rows point to nothing"
    for case, sequence, problem in verify(connection):
        yield f"history of case {case}, row {sequence}: {problem}"


def command_problems(connection: Connection, command: Any, items: int) -> Iterator[str]:
    """The command's own counts against its items."""
    by_status = Counter(connection.execute(select(CommandItem.status).where(CommandItem.command_id == command.id)).scalars())
    if (command.total, command.done) != (items, items):
        yield f"the command says {command.done} of {command.total}, not {items}"
    if by_status.get("waiting"):
        yield f"{by_status['waiting']} items still wait"
    if by_status.get("done", 0) + by_status.get("merged", 0) != command.succeeded or command.succeeded + command.skipped != command.done:
        yield f"counts {command.succeeded} + {command.skipped} do not match the items {dict(by_status)}"
    if command.finished_at is None:
        yield "the command has no end"


def problems(connection: Connection, house: House) -> Iterator[str]:
    """Cases that are not whole: each has one start, its parties, one live seat per waiting user activity, and offers only where open."""
    keys = Counter(connection.execute(select(INSTANCE.c.process_id + ":" + INSTANCE.c.business_key)).scalars())
    yield from (f"business key {key} {count} times" for key, count in keys.items() if count > 1)
    numbers = Counter(number for number in connection.execute(select(INSTANCE.c.number)).scalars() if number)
    yield from (f"number {number} {count} times" for number, count in numbers.items() if count > 1)
    starts = Counter(connection.execute(select(HISTORY.c.instance_id).where(HISTORY.c.kind == "started")).scalars())
    with_parties = set(connection.execute(select(CaseParty.instance_id)).scalars())
    live: dict[int, set[tuple[str, str]]] = {}
    for seat in connection.execute(select(SEAT.c.instance_id, SEAT.c.token, SEAT.c.node_id).where(SEAT.c.status.in_(LIVE))):
        live.setdefault(seat.instance_id, set()).add((seat.token, seat.node_id))
    waiting = set(connection.execute(select(Wait.instance_id)).scalars())
    for case in connection.execute(select(INSTANCE)):
        version = house.definitions.get(connection, case.definition_id)
        wanted = {
            (str(token[0]), str(token[1])) for token in version.machine.tokens(case.state) if version.graph.nodes[token[1]].type == "userTask"
        }
        if starts[case.id] != 1:
            yield f"case {case.id} was started {starts[case.id]} times"
        if case.id not in with_parties:
            yield f"case {case.id} belongs to nobody"
        if live.get(case.id, set()) != wanted:
            yield f"case {case.id}: seats {live.get(case.id)} for activities {wanted}"
        if case.status == "completed" and (case.ended_at is None or case.id in waiting):
            yield f"case {case.id} has ended and still waits"
    unoffered = select(SEAT.c.id).where(SEAT.c.status == "open", ~select(SeatOffer.seat_id).where(SeatOffer.seat_id == SEAT.c.id).exists())
    yield from (f"seat {seat} is offered to nobody" for seat in connection.execute(unoffered).scalars())
    stale = select(SeatOffer.seat_id).join(SEAT, SEAT.c.id == SeatOffer.seat_id).where(SEAT.c.status.not_in(LIVE))
    yield from (f"seat {seat} is closed and still offered" for seat in connection.execute(stale).scalars())


def bulk_problems(connection: Connection, command: Any) -> Iterator[str]:
    """Every seat decided once: one fact, one undo record, one message."""
    decided: Counter[int] = Counter()
    for case_id in connection.execute(select(INSTANCE.c.id)).scalars():
        decided.update(
            int(fact.detail["seat"]) for fact in facts(connection, case_id, ["activity_completed"]) if fact.detail.get("command") == command.id
        )
    items = connection.execute(select(CommandItem.payload, CommandItem.status).where(CommandItem.command_id == command.id)).all()
    for item in items:
        seat_id = item.payload["seat_id"]
        if item.status != "done":
            yield f"seat {seat_id} was left: {item.status}"
        if decided[seat_id] != 1:
            yield f"seat {seat_id} was decided {decided[seat_id]} times"
    sent = Counter(connection.execute(select(OutboxMessage.instance_id).where(OutboxMessage.name == "declaration.approved")).scalars())
    yield from (f"case {case} sends its result {count} times" for case, count in sent.items() if count != 1)
    for name, count in (
        ("approved seats", connection.execute(select(func.count()).where(SEAT.c.outcome == "approve", SEAT.c.status == "completed")).scalar_one()),
        ("messages", len(sent)), ("ways back", connection.execute(select(func.count()).where(UndoRecord.command_id == command.id)).scalar_one()),
    ):
        if count != len(items):
            yield f"{count} {name} for {len(items)} items"


def import_problems(connection: Connection, command: Any) -> Iterator[str]:
    """As many cases and people as rows, each of one person, and the result says so."""
    items = connection.execute(select(CommandItem.instance_id).where(CommandItem.command_id == command.id)).scalars().all()
    cases = connection.execute(select(INSTANCE.c.id, INSTANCE.c.subject_person)).all()
    if sorted(items, key=str) != sorted((case.id for case in cases), key=str):
        yield f"{len(set(items))} cases named by the items, {len(cases)} in the database"
    subjects = {case.subject_person for case in cases}
    if len(subjects) != len(cases):
        yield f"{len(cases)} cases of {len(subjects)} people"
    imported = set(connection.execute(select(Person.id).where(Person.id_number_index.is_not(None))).scalars())
    cast = set(connection.execute(select(Person.id).where(Person.id_number_index.is_not(None), Person.id < min(subjects, default=0))).scalars())
    if imported - cast != subjects:
        yield f"{len(imported - cast - subjects)} people without a case"
    if not command.result or command.result.get("created") != len(cases):
        yield f"the result says {command.result}"


if __name__ == "__main__":
    main()
