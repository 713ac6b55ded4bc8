"""Composition root: builds the house (every service, wired once) and the web application around it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Engine

import web
from tasks.commands import Commands
from tasks.deadlines import Deadlines
from tasks.desk import Desk
from tasks.expressions import host_functions
from tasks.ground import Ground
from tasks.inbox.room import InboxRoom
from tasks.lists.lists import Lists
from tasks.operation_models import Base
from tasks.people import People
from tasks.personal_data import PersonalData, load_or_create_keys
from tasks.reassessment import Reassessment
from tasks.roster.setup import RosterDesk
from tasks.seats import Seats
from tasks.supervision import Supervision
from tasks.worklist import Worklist
from workflows.alarms import alarm_after_failure, end_calendar_alarms
from workflows.business_calendar import BusinessCalendar, Clock, SystemClock
from workflows.definitions import Definitions, ProcessVersion
from workflows.engine import ProcessEngine
from workflows.jobs import Jobs, Worker
from workflows.store import Store, copy_memory, create_database_engine, prepare
from workflows.timer_work import fire_due_timers

ROOT = Path(__file__).resolve().parent
INSTANCE = ROOT / "instance"
# With one writer and one interpreter lock, few threads answer more requests than many; three keep a slow one from holding up all.
SERVER_THREADS = 3


@dataclass
class House:
    """Every service of one installation."""

    store: Store
    clock: Clock
    personal_data: PersonalData
    people: People
    calendar: BusinessCalendar
    definitions: Definitions
    engine: ProcessEngine
    commands: Commands
    worklist: Worklist
    tasks: Desk
    deadlines: Deadlines
    jobs: Jobs
    rosters: RosterDesk
    lists: Lists
    supervision: Supervision
    inbox: InboxRoom
    demo: bool = False
    worker: Worker | None = None
    security_log: Callable[..., None] | None = None

    def wake(self) -> None:
        """Tell the worker that there is work; without one of our own, another process will find it."""
        if self.worker is not None:
            self.worker.ring()

    def stages(self, process: ProcessVersion) -> list[str]:
        """The stages a case of this process can be in, as the process lists them (`stages`, JSON)."""
        return list(json.loads(process.graph.properties.get("stages") or "{}"))

    def steps(self) -> dict[str, Callable[[], bool]]:
        """What the worker does round and round; each answers whether it found work."""
        return {
            "commands": self.commands.run_next,
            "timers": lambda: fire_due_timers(self.store, self.engine) > 0,
            "marks": self.deadlines.pass_due,
            **self.tasks.keys.steps(),
            "outbox": self._release_outbox,
            "jobs": lambda: self.jobs.run_due() > 0,
            "calls": lambda: self.jobs.call_due() > 0,
            "presence": self.inbox.sweep,
        }

    def new_worker(self) -> Worker:
        """A worker for this house, not started; calls to the outside world do not hold up its other steps."""
        return Worker(self.steps(), apart=("calls",))

    def _release_outbox(self) -> bool:
        with self.store.read() as connection:
            if not self.engine.outbox_is_due(connection):
                return False
        with self.store.transaction() as connection:
            return self.engine.release_outbox(connection) > 0

    def work_off(self, rounds: int = 10_000) -> None:
        """Do all work that is due now, in this thread."""
        worker = Worker(self.steps())
        for _ in range(rounds):
            if not worker.round():
                return


def build_house(engine: Engine, clock: Clock, keys: bytes, *, demo: bool = False) -> House:
    """Wire every service over one database; `keys` is the content of the key file."""
    return wire_house(engine, clock, PersonalData(keys), demo=demo)


def wire_house(engine: Engine, clock: Clock, personal_data: PersonalData, *, demo: bool = False) -> House:
    """Wire every service over one database, with the keys already read."""
    store = Store(engine)
    people = People(clock, personal_data)
    calendar = BusinessCalendar(clock, people.ancestors)
    definitions = Definitions(clock)
    process_engine = ProcessEngine(definitions, clock, host_functions(calendar, people))
    seats = Seats(process_engine)
    store.on_replaced += [definitions.forget, seats.forget]
    store.on_failure.append(alarm_after_failure(store, clock))
    calendar.on_edit.append(lambda connection, edit: end_calendar_alarms(connection, calendar, edit))
    commands = Commands(store, clock)
    worklist = Worklist(clock)
    desk = Desk(Ground(store, process_engine, seats, people, commands, worklist, clock, calendar, definitions))
    jobs = _jobs(store, clock, process_engine)
    desk.keys.use(jobs)
    reassessment = Reassessment(process_engine, seats, people.organisations, jobs, clock)
    calendar.on_edit.append(reassessment.after_calendar_edit)
    people.organisations.on_change.append(reassessment.ask)
    return House(
        store, clock, personal_data, people, calendar, definitions, process_engine, commands, worklist, desk,
        Deadlines(store, process_engine, seats, desk.automatic, clock), jobs,
        RosterDesk(definitions, process_engine, desk, personal_data, commands, people, clock, store),
        Lists(definitions, people, clock), Supervision(calendar, people, worklist, clock),
        InboxRoom(store, process_engine, definitions, desk, worklist, calendar, clock), demo,
    )


def _jobs(store: Store, clock: Clock, engine: ProcessEngine) -> Jobs:
    """The job table, with the work that cases ask for."""
    jobs = Jobs(store, clock.now)
    for kind, handler in engine.job_handlers.items():
        jobs.register(kind, handler)
    return jobs


def memory_house(clock: Clock, like: House | None = None) -> House:
    """A house over a database in memory, for checks and scenarios: an empty one, or a copy of what `like` holds, with its keys."""
    engine = create_database_engine("sqlite://")
    if like is not None:
        copy_memory(like.store.engine, engine)
        return wire_house(engine, clock, like.personal_data)
    Base.metadata.create_all(engine)
    return build_house(engine, clock, load_or_create_keys(None))


def create_app(config: dict[str, Any] | None = None) -> Flask:
    """The web application; `config` may set SQLALCHEMY_DATABASE_URI, CLOCK, DEMO, INSTANCE_PATH, SECRET_KEY, WORKER."""
    settings = dict(config or {})
    instance = Path(settings.pop("INSTANCE_PATH", INSTANCE))
    instance.mkdir(parents=True, exist_ok=True)
    app = Flask("app", root_path=str(ROOT), instance_path=str(instance), template_folder="templates", static_folder="static")
    keys = load_or_create_keys(instance / "secret.key")
    app.config.from_mapping(
        SQLALCHEMY_DATABASE_URI=f"sqlite:///{instance / 'banjie.sqlite'}", SECRET_KEY=PersonalData(keys).derived_key("session"),
        DEMO=False, MAX_CONTENT_LENGTH=32 * 1024 * 1024,
    )
    app.config.from_mapping(settings)
    database = SQLAlchemy(metadata=Base.metadata)
    database.init_app(app)
    with app.app_context():
        engine = database.engine
    prepare(engine)
    clock = app.config.get("CLOCK") or SystemClock(app.config.get("CLOCK_OFFSET", timedelta()))
    house = build_house(engine, clock, keys, demo=app.config["DEMO"])
    app.extensions["banjie"] = house
    web.register(app)
    if app.config.get("WORKER"):
        house.worker = house.new_worker()
        house.worker.start()
    return app


__all__ = ["House", "build_house", "create_app", "memory_house", "wire_house"]
