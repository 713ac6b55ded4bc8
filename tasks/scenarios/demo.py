"""The demo: invented borrowers, imported and half-way through, as each process folder's demo.yaml tells. Knows no process by name."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, insert, select

from tasks.installation import deploy_shipped
from tasks.personal_data import check_character
from tasks.roster.columns import read_roster
from tasks.roster.facts import plain_values
from tasks.scenarios.cast import Cast, moment_of
from tasks.seats import SEAT
from tasks.service import author_of
from workflows.business_calendar import SHANGHAI, FrozenClock, SystemClock
from workflows.definitions import read_folder
from workflows.errors import Rejection
from workflows.models import ProcessInstance, Setting
from workflows.plain_yaml import read_yaml

DEMO_START = datetime(2026, 7, 6, 9, 0, tzinfo=SHANGHAI)
PASSWORD = "banjie-demo-2026"
SEED = 20260706
SURNAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦许何吕施张孔曹严华金魏陶姜谢邹苏潘葛范彭鲁韦马方任袁柳史唐薛雷贺汤罗"
GIVEN = "试样例构拟虚假设仿测演示甲乙丙丁戊己庚辛"


def demo_is_seeded(engine: Engine) -> datetime | None:
    """When (in real time) this demo was seeded, or None."""
    with engine.connect() as connection:
        value = connection.execute(select(Setting.value).where(Setting.name == "demo_seeded_at")).scalar()
        connection.rollback()
    return datetime.fromisoformat(value) if value else None


def seed_demo(
    build: Callable[..., Any], engine: Engine, keys: bytes, folder: Path, report: Callable[[int, int], None]
) -> datetime:
    """Fill an empty database with the cast, the shipped processes and their demo cases; returns the real time of the seeding."""
    clock = FrozenClock(DEMO_START - timedelta(days=60))
    house = build(engine, clock, keys, demo=True)
    shared = read_folder(folder / "shared")
    with house.store.transaction() as connection:
        deploy_shipped(connection, house.definitions, house.calendar, folder)
        cast = Cast(connection, house, shared, {}, PASSWORD)
        processes = house.definitions.all_current(connection)
    for process in processes:
        if "demo.yaml" in process.resources:
            Seeding(house, clock, cast, process).run(report)
    now = SystemClock().now()
    with house.store.transaction() as connection:
        connection.execute(insert(Setting).values(name="demo_seeded_at", value=now.isoformat()))
    return now


@dataclass(frozen=True)
class Act:
    """One thing somebody does in the demo."""

    at: datetime
    case: int
    plan: Mapping[str, Any]


class Seeding:
    """Plays demo.yaml of one process from its first import to the demo's start."""

    def __init__(self, house: Any, clock: FrozenClock, cast: Cast, process: Any) -> None:
        self._house = house
        self._clock = clock
        self._cast = cast
        self._process = process
        self._plan: dict[str, Any] = read_yaml(process.resources["demo.yaml"])
        self._random = random.Random(SEED)
        self._rows: list[dict[str, Any]] = []

    def run(self, report: Callable[[int, int], None]) -> None:
        """Import, then let people act day by day."""
        cases = [case for batch in self._plan["imports"] for case in self._import(batch)]
        acts = sorted(self._acts(cases), key=lambda act: act.at)
        for number, act in enumerate(acts, 1):
            self._pass_time(act.at)
            self._do(act)
            if number % 20 == 0 or number == len(acts):
                report(number, len(acts))
        self._pass_time(DEMO_START)

    def _pass_time(self, moment: datetime) -> None:
        """Go to `moment`, stopping each midnight so that marks and timers are passed in order."""
        while self._clock.now().astimezone(SHANGHAI).date() < moment.date():
            midnight = datetime.combine(self._clock.now().astimezone(SHANGHAI).date() + timedelta(days=1), datetime.min.time(), SHANGHAI)
            self._clock.set(midnight)
            self._house.work_off()
        self._clock.set(max(moment, self._clock.now()))

    def _import(self, batch: Mapping[str, Any]) -> list[int]:
        self._pass_time(moment_of(batch["at"]))
        with self._house.store.transaction() as connection:
            actor = self._cast.actor(connection, batch["as"], "import")
            roster = read_roster(self._process.process_id, self._process.roster)
            rows = [self._row(batch, number) for number in range(batch["count"])]
            rows += [self._cast.row(key) for key in batch.get("students", [])]
            payload = [{"row": number, "values": plain_values(row)} for number, row in enumerate(rows, 1)]
            cycle = str(batch.get("cycle", roster.cycle or 2026))
            entered = self._house.rosters.entry.enter(connection, author_of(actor), roster, cycle, payload)
        return [outcome.instance_id for outcome in entered if outcome.instance_id]

    def _row(self, batch: Mapping[str, Any], number: int) -> dict[str, Any]:
        choice = self._random.choice(batch["groups"])
        name = self._random.choice(SURNAMES) + "".join(self._random.choice(GIVEN) for _ in range(self._random.choice((1, 2))))
        serial = len(self._rows) + 1
        row = {
            "name": name, "id_number": self._id_number(choice["origin_county"], serial), "student_number": f"{choice.get('year', 2023)}{serial:05d}",
            "mobile": f"139{serial:08d}", "contracts": [f"{choice['origin_county'][1:]}2025{serial:06d}"],
            "expected_graduation": date(2027, 6, 30), **{key: value for key, value in choice.items() if key != "year"},
            **{key: self._random.choice(values) for key, values in batch.get("choose", {}).items()},
        }
        self._rows.append(row)
        return row

    @staticmethod
    def _id_number(county: str, serial: int) -> str:
        """A number with a right checksum in an area that does not exist."""
        born = date(2003, 1, 1) + timedelta(days=serial)
        digits = f"{county[1:]}{born:%Y%m%d}{serial % 1000:03d}"
        return digits + check_character(digits)

    def _acts(self, cases: list[int]) -> Iterator[Act]:
        for case in cases:
            for plan in self._plan["acts"]:
                if self._random.random() < plan["share"]:
                    first, last = moment_of(plan["between"][0]), moment_of(plan["between"][1])
                    yield Act(first + (last - first) * self._random.random(), case, plan)

    def _do(self, act: Act) -> None:
        """Act like a person who finds the task open; who comes too late, or finds it not his, does nothing."""
        plan = act.plan
        try:
            with self._house.store.transaction() as connection:
                seat = connection.execute(
                    select(SEAT).where(SEAT.c.instance_id == act.case, SEAT.c.node_id == plan["activity"], SEAT.c.status == "open")
                ).first()
                if seat is None:
                    return
                actor = self._actor(connection, seat, plan)
                if plan.get("do") == "claim":
                    self._house.tasks.claim(connection, actor, seat.id)
                else:
                    self._house.tasks.complete(connection, actor, seat.id, self._values(plan), plan["outcome"])
        except Rejection:
            return

    def _actor(self, connection: Connection, seat: Any, plan: Mapping[str, Any]) -> Any:
        if plan.get("as"):
            return self._cast.actor(connection, self._random.choice(plan["as"]))
        person = connection.execute(select(ProcessInstance.subject_person).where(ProcessInstance.id == seat.instance_id)).scalar_one()
        return self._house.people.actor(connection, person, None, "web")

    def _values(self, plan: Mapping[str, Any]) -> dict[str, Any]:
        values = dict(plan.get("values", {}))
        for key, texts in plan.get("texts", {}).items():
            text = self._random.choice(texts)
            values[key] = text.replace("{n}", str(self._random.randrange(2, 40)))
        return values
