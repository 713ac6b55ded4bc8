"""`run.py bench`: what everything costs on this machine, beside the floor measured in the same run. Prints and writes figures, asserts nothing."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Engine, Integer, LargeBinary, MetaData, Table, Text, event, insert, select, text

from app import House, build_house
from tasks.actors import Actor, MembershipView, build_actor
from tasks.installation import migrate
from tasks.models import Seat, SeatOffer
from tasks.personal_data import load_or_create_keys
from tasks.scenarios.cast import Cast
from tasks.seats import SEAT
from tasks.service import author_of
from tests import bench_engine, bench_http, bench_processes, bench_roster, databases, postgresql
from workflows.business_calendar import SHANGHAI, FrozenClock
from workflows.definitions import read_folder
from workflows.engine import StartItem
from workflows.history import GENESIS
from workflows.models import ProcessInstance
from workflows.store import create_database_engine

ROOT = Path(__file__).resolve().parent.parent
VALUES = {"title": "测试事项", "amount": 8000, "reason": "按规定办理", "urgent": False}
GROUPS = 20
COUNTED = 10  # completions whose statements are counted
Figures = dict[str, float]

FLOOR = Table("bench_floor", MetaData(), Column("id", Integer, primary_key=True), Column("a", Text), Column("b", Text), Column("document", LargeBinary))


def main() -> None:
    """Parse arguments, run, write."""
    parser = argparse.ArgumentParser(prog="run.py bench", description="Print what everything costs, beside the floor of the same run.")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--quick", action="store_true", help="smaller numbers, for a first look")
    parser.add_argument("--database", choices=databases.NAMES, default="sqlite", help="PostgreSQL is started for the run, as durable as in an office")
    arguments = parser.parse_args()
    figures = run_bench(print, quick=arguments.quick, database=arguments.database)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")


def run_bench(report: Callable[[str], None], *, quick: bool = False, database: str = "sqlite") -> Figures:
    """Measure everything in a database of its own; times in milliseconds unless the name says otherwise."""
    postgresql.SETTINGS.update(postgresql.DURABLE)
    databases.chosen[:] = [database]
    with tempfile.TemporaryDirectory(prefix="banjie-bench-") as folder:
        bench = Bench(Path(folder), report, quick)
        bench.run()
        return bench.figures


class Bench:
    """One run."""

    def __init__(self, folder: Path, report: Callable[[str], None], quick: bool) -> None:
        self.folder = folder
        self.report = report
        self.scale = 10 if quick else 1
        self.figures: Figures = {}
        url = databases.url_without_tables(folder, "bench.sqlite")
        migrate(url)
        os.environ["DATABASE_URL"] = url  # the server that is measured over HTTP is another process
        self.engine: Engine = create_database_engine(url)
        self.clock = FrozenClock(datetime(2026, 6, 18, 9, tzinfo=SHANGHAI))
        self.house: House = build_house(self.engine, self.clock, load_or_create_keys(folder / "secret.key"))
        with self.house.store.transaction() as connection:
            self.cast = Cast(connection, self.house, read_folder(ROOT / "bpmn" / "shared"), {})
            for process in (ROOT / "tests" / "processes" / "two_tasks", ROOT / "bpmn" / "renewal_declaration_audit"):
                self.house.definitions.deploy(connection, read_folder(process), None)
            self.clerk = self.cast.actor(connection, "gaojingban")
            self.principal = self.cast.actor(connection, "zhouzhuren")
        # Statements are counted in a house of its own: who listens to every statement makes every statement slower.
        self.counted: House = build_house(create_database_engine(url), self.clock, load_or_create_keys(folder / "secret.key"))

    def statements(self, times: int, work: Callable[[Any, int], Any]) -> float:
        """SQL statements of each of `times` pieces of work, given a connection and their number, after one that reads what is kept in memory."""
        sent: list[str] = []

        def note(*given: Any) -> None:
            sent.append(given[2])

        for number in range(times + 1):
            if number == 1:
                event.listen(self.counted.store.engine, "before_cursor_execute", note)
            with self.counted.store.transaction() as connection:
                work(connection, number)
        event.remove(self.counted.store.engine, "before_cursor_execute", note)
        return sum(not statement.startswith(("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE", "PRAGMA")) for statement in sent) / times

    def run(self) -> None:
        """Every measurement, cheapest first."""
        self.floor()
        bench_engine.measure(self.put, self.scale)
        self.start_and_complete()
        self.renewal()
        self.bulk()
        self.two_processes()
        self.over_http()
        self.imports()
        self.inbox(2_000)
        self.inbox(200_000 // self.scale)

    def put(self, name: str, value: float, words: str) -> None:
        """Keep a figure and print it."""
        self.figures[name] = round(value, 4)
        self.report(f"{name:<28}{value:>12.3f}  {words}")

    def timed(self, times: int, work: Callable[[int], Any]) -> list[float]:
        """Milliseconds of each of `times` calls, after a tenth more to warm up."""
        warm = max(3, times // 10)
        found = []
        for number in range(times + warm):
            started = time.perf_counter()
            work(number)
            if number >= warm:
                found.append((time.perf_counter() - started) * 1000)
        return found

    def floor(self) -> None:
        """The rows of one completion written by bare SQL, at the same durability."""
        with self.house.store.transaction() as connection:
            FLOOR.create(connection)
        document = b"x" * 700

        def work(_number: int) -> None:
            with self.house.store.transaction() as connection:
                for _ in range(6):
                    connection.execute(text("INSERT INTO bench_floor (a, b, document) VALUES ('one', 'two', :document)"), {"document": document})
                connection.execute(text("UPDATE bench_floor SET document = :document WHERE id = 1"), {"document": document})
                connection.execute(text("DELETE FROM bench_floor WHERE id = 2"))

        self.put("floor_ms", statistics.median(self.timed(300 // self.scale, work)), "same rows by bare SQL, same durability")

    def start_and_complete(self) -> None:
        """Two user tasks in a row with four variables each, as the peers were measured."""
        facts = {"name": "某", "university": "U1401", "cycle": "2026"}

        def start(_number: int) -> None:
            with self.house.store.transaction() as connection:
                self.house.tasks.start(connection, self.clerk, "two_tasks", facts)

        number = 400 // self.scale
        self.put("start_ms", statistics.median(self.timed(number + COUNTED + 1, start)), "start a case (service layer)")
        times: list[float] = []
        for node, actor in (("enter", self.clerk), ("check", self.principal)):
            seats = self.open_seats(node)
            times += self.timed(number, lambda n, seats=seats, actor=actor: self.complete(actor, seats[n], VALUES, "complete"))  # type: ignore[misc]
            name = "complete_statements" if node == "enter" else "complete_last_statements"
            counted = self.statements(COUNTED, lambda connection, n, seats=seats, actor=actor: self.counted.tasks.complete(  # type: ignore[misc]
                connection, actor, seats[-1 - n], VALUES, "complete"
            ))
            self.put(name, counted, f"SQL statements per completion of “{node}”")
        self.put("complete_ms", statistics.median(times), "complete a user task (service layer)")
        self.put("complete_p95_ms", statistics.quantiles(times, n=20)[-1], "the same, 95th percentile")

    def complete(self, actor: Actor, seat_id: int, values: dict[str, Any], outcome: str) -> None:
        """One completion in its own transaction."""
        with self.house.store.transaction() as connection:
            self.house.tasks.complete(connection, actor, seat_id, values, outcome)

    def open_seats(self, node: str) -> list[int]:
        """Ids of the open seats of an activity."""
        with self.house.store.read() as connection:
            return list(connection.execute(select(SEAT.c.id).where(SEAT.c.node_id == node, SEAT.c.status == "open")).scalars())

    def renewal(self) -> None:
        """The renewal declaration audit: submission with its three decisions, approval, stored state."""
        number = 200 // self.scale
        with self.house.store.transaction() as connection:
            bench_roster.start_cases(connection, self.house, self.clerk, number + max(3, number // 10), "U1401", first=1)
        self.open_declarations()
        seats = self.open_seats("audit_declaration")
        times = self.timed(number, lambda n: self.complete(self.clerk, seats[n], {}, "approve"))
        self.put("p01_approve_ms", statistics.median(times), "approve a renewal declaration")

    def open_declarations(self) -> None:
        """Let every open declaration be submitted by its student."""
        with self.house.store.read() as connection:
            rows = connection.execute(
                select(SEAT.c.id, ProcessInstance.subject_person).join(ProcessInstance, ProcessInstance.id == SEAT.c.instance_id)
                .where(SEAT.c.node_id == "submit_declaration", SEAT.c.status == "open")
            ).all()
            students = [build_actor(row.subject_person, "某", (), acting=None, channel="web") for row in rows]
        values = bench_roster.DECLARATION
        started = time.perf_counter()
        for number, (row, student) in enumerate(zip(rows, students, strict=True)):
            self.complete(student, row.id, {**values, "statement": f"{values['statement']}第{row.id}份。"}, "submit")
        if "p01_submit_ms" in self.figures:
            return
        self.put("p01_submit_ms", (time.perf_counter() - started) * 1000 / max(1, len(rows)), "submit a renewal declaration (mean)")
        with self.house.store.read() as connection:
            sizes = connection.execute(text("SELECT max(length(state)) FROM process_instance WHERE process_id = 'renewal_declaration_audit'"))
            self.put("state_bytes", float(sizes.scalar_one()), "largest stored marking of a renewal declaration audit, bytes")

    def bulk(self) -> None:
        """Approve 500 selected cases as one command, one record each."""
        number = 500 // self.scale
        with self.house.store.transaction() as connection:
            bench_roster.start_cases(connection, self.house, self.clerk, number, "U1401", first=100_000)
        self.open_declarations()
        with self.house.store.read() as connection:
            query = select(SEAT.c.id, SEAT.c.revision).where(SEAT.c.node_id == "audit_declaration", SEAT.c.status == "open")
            items = [(row.id, row.revision) for row in connection.execute(query.limit(number))]
        started = time.perf_counter()
        with self.house.store.transaction() as connection:
            command = self.house.tasks.bulk_complete(connection, self.clerk, items, "approve", {})
        self.house.commands.run_all(command)
        self.put("bulk_500_s", time.perf_counter() - started, f"approve {number} selected cases, seconds")
        with self.house.store.read() as connection:
            counts = self.house.commands.counts(connection, command)
        self.put("bulk_500_done", float(counts.get("done", 0)), "of them approved")

    def two_processes(self) -> None:
        """Completions per second of two processes at once: PostgreSQL has many writers, SQLite one."""
        number = 1_200 // self.scale + 60
        facts = StartItem({"name": "某", "university": "U1401", "cycle": "2026"})
        with self.house.store.transaction() as connection:
            self.house.engine.start_many(connection, "two_tasks", [facts] * number, author_of(self.clerk))
        url, keys = self.engine.url.render_as_string(hide_password=False), (self.folder / "secret.key").read_bytes()
        found = bench_processes.measure(url, keys, self.clock.now(), self.clerk, self.open_seats("enter")[-number:], VALUES)
        self.put("complete_two_per_s", found, "completions per second of two processes (service layer)")

    def over_http(self) -> None:
        """Completions per second through the web server of one process, with session and CSRF."""
        number = 600 // self.scale
        facts = StartItem({"name": "某", "university": "U1401", "cycle": "2026"})
        with self.house.store.transaction() as connection:
            self.house.engine.start_many(connection, "two_tasks", [facts] * number, author_of(self.clerk))
            self.house.people.credentials.set_password(connection, self.clerk.person_id, bench_http.PASSWORD)
        seats = self.open_seats("enter")[-number:]
        found = bench_http.measure(self.folder, self.clock.now(), seats, VALUES)
        self.put("complete_http_per_s", found.per_second, f"completions over HTTP per second, {found.clients} clients, one process")
        self.put("complete_http_p95_ms", found.p95, "the same, 95th percentile of one request")
        self.put("complete_http_errors", float(found.errors), "requests that were not answered with 200")

    def imports(self) -> None:
        """An Excel file of 10,000 rows, read, checked and made into cases."""
        number = 10_000 // self.scale
        file = self.folder / "roster.xlsx"
        bench_roster.write_file(self.house, file, number)
        started = time.perf_counter()
        self.house.rosters.files.run(file, "renewal_declaration_audit", "xujingban", lambda _line: None)
        self.put("import_10000_s", time.perf_counter() - started, f"import {number} Excel rows into cases, seconds")

    def inbox(self, size: int) -> None:
        """First and deep page in each sort, and the counts, for a person in 20 groups."""
        actor = self.crowd(size)
        pages: dict[str, list[float]] = {}
        with self._reading() as connection:
            cursor = self._deep(connection, actor)
            for sort in ("due", "arrival", "priority"):
                pages[sort] = self.timed(40, lambda _n, sort=sort: self.house.worklist.page(connection, actor, "pool", sort=sort))  # type: ignore[misc]
            pages["deep"] = self.timed(40, lambda _n: self.house.worklist.page(connection, actor, "pool", after=cursor))
            counts = self.timed(40, lambda _n: self.house.worklist.counts(connection, actor))
        sent = self.statements(1, lambda connection, _n: self.counted.worklist.page(connection, actor, "pool"))
        self.put(f"inbox_statements_{size}", sent, "SQL statements of a page")
        worst = max(statistics.median(times) for times in pages.values())
        self.put(f"inbox_ms_{size}", worst, f"worst of first page in three sorts and page 120, {size} open, {GROUPS} groups")
        for name, times in pages.items():
            self.put(f"inbox_{name}_ms_{size}", statistics.median(times), f"page of 25 ({name})")
        self.put(f"inbox_counts_ms_{size}", statistics.median(counts), "all counts of the inbox")

    @contextmanager
    def _reading(self) -> Iterator[Any]:
        with self.house.store.read() as connection:
            yield connection

    def _deep(self, connection: Any, actor: Actor) -> str | None:
        cursor = None
        for _ in range(min(119, 40)):
            page = self.house.worklist.page(connection, actor, "pool", size=75, after=cursor)
            if page.next is None:
                return cursor
            cursor = page.next
        return cursor

    def crowd(self, size: int) -> Actor:
        """`size` open seats spread over 20 groups of one person."""
        groups = [f"bench_{size}_{number}" for number in range(GROUPS)]
        with self.house.store.transaction() as connection:
            version = self.house.definitions.current(connection, "two_tasks")
            now = self.clock.now()
            instance = {
                "definition_id": version.id, "process_id": "two_tasks", "status": "active", "round": 1, "revision": 1, "state": {}, "variables": {},
                "history_sequence": 0, "history_hash": GENESIS, "started_at": now, "last_change_at": now, "subject": "某某",
            }
            first = (connection.execute(text("SELECT max(id) FROM process_instance")).scalar() or 0) + 1
            seat = (connection.execute(text("SELECT max(id) FROM seat")).scalar() or 0) + 1
            spread = [now + timedelta(minutes=number) for number in range(997)]
            for begin in range(0, size, 5_000):
                numbers = range(begin, min(size, begin + 5_000))
                connection.execute(insert(ProcessInstance), [{**instance, "id": first + n} for n in numbers])
                connection.execute(insert(Seat), [
                    {"id": seat + n, "instance_id": first + n, "definition_id": version.id, "process_id": "two_tasks", "node_id": "bench",
                     "token": "1", "status": "open", "created_at": spread[n * 7 % 997], "due_at": spread[n % 997],
                     "yellow_at": spread[n % 997], "priority": n % 100, "round": 1, "revision": 0, "summary": {"subject": "某某"}, "urged": 0}
                    for n in numbers
                ])
                connection.execute(insert(SeatOffer), [
                    {"candidate": f"{groups[n % GROUPS]}@U1401", "seat_id": seat + n, "due_at": spread[n % 997],
                     "created_at": spread[n * 7 % 997], "priority": n % 100}
                    for n in numbers
                ])
        # What PostgreSQL does by itself some minutes after so many rows came in.
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("ANALYZE" if databases.kind() == "sqlite" else "VACUUM ANALYZE")
        views = tuple(MembershipView(n, group, "U1401", "某校", "university", "/U1401/", "14") for n, group in enumerate(groups, 1))
        return build_actor(self.clerk.person_id, "某", views, acting=None, channel="web")


if __name__ == "__main__":
    main()

