"""A small office on the stage that signs reports: people by login, one case, verbs and operations by name."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, select, update

from app import House
from tasks.models import Membership, Notification, Organisation, Person, Seat, SeatOffer
from tasks.operation_models import Base
from tasks.operations import Answer, Preview
from workflows import history
from workflows.definitions import read_folder
from workflows.engine import INSTANCE, StartItem
from workflows.models import Incident

FOLDER = Path(__file__).resolve().parent / "processes" / "signed_report"
SEAT = Seat.__table__
NAMES = {
    "writer": "文起草", "qian": "钱审核", "sun": "孙审核", "li": "李审核", "zhou": "周审核", "wu": "吴审核", "head": "郑主任", "applicant": "赵申请",
    "stranger": "冯外人", "maker": "陈流程", "proxy": "褚代办",
}
ROLES = {
    "writer": ("univ_finance", "U1"), "qian": ("univ_clerk", "U1"), "sun": ("univ_clerk", "U1"), "li": ("univ_clerk", "U1"), "zhou": ("univ_clerk", "U1"),
    "wu": ("univ_finance", "U1"), "head": ("univ_principal", "U1"), "stranger": ("univ_clerk", "U2"), "maker": ("process_admin", "P"),
    "proxy": ("volunteer", "U1"),
}


class Report:
    """People, the deployed process, and one case whose report waits for its review."""

    def __init__(self, house: House, **settings: str | None) -> None:
        self.house = house
        files = read_folder(FOLDER)
        text = files["signed_report.bpmn"].decode()
        for name, value in settings.items():  # of the activity "review"
            line = f'<camunda:property name="{name}"'
            if line in text:
                start = text.index(line)
                text = text[:start] + text[text.index("/>", start) + 2:]
            if value is not None:
                at = text.index('<camunda:property name="reminders"')
                text = f"{text[:at]}{line} value=\"{value}\" />\n          {text[at:]}"
        with house.store.transaction() as connection:
            for code, kind in (("U1", "university"), ("U2", "university"), ("P", "platform")):
                connection.execute(insert(Organisation).values(
                    code=code, name=f"{code}单位", kind=kind, path=f"/{code}/", province="14", on_platform=True, active=True
                ))
            house.calendar.seed_official_years(connection)
            self.people = {login: self._person(connection, login) for login in NAMES}
            for login, (role, code) in ROLES.items():
                organisation = select(Organisation.id).where(Organisation.code == code).scalar_subquery()
                connection.execute(insert(Membership).values(person_id=self.people[login], organisation_id=organisation, role=role))
            house.definitions.deploy_all(connection, {**files, "signed_report.bpmn": text.encode()}, None)
        self.instance = self._start()

    def _person(self, connection: Connection, login: str) -> int:
        return int(connection.execute(insert(Person).values(
            name=NAMES[login], login=login, must_change_password=False, active=True, failed_logins=0, session_version=1,
            created_at=self.house.clock.now(),
        ).returning(Person.id)).scalar_one())

    def _start(self) -> int:
        remind = (self.house.clock.now() + timedelta(hours=20)).isoformat()
        facts = {
            "name": "年度报告", "office": "U1", "writer": self.people["writer"], "applicant": self.people["applicant"], "remind": {"$datetime": remind},
        }
        with self.house.store.transaction() as connection:
            actor = self.house.people.actor(connection, self.people["writer"])
            self.instance = self.house.tasks.start_many(connection, actor, "signed_report", [StartItem(facts)])[0]
        self.do("complete", "writer", self.seat("write").id, {}, "complete")
        return self.instance

    # doing

    def do(self, verb: str, who: str, *arguments: Any, **options: Any) -> Any:
        """One command of one person in its own transaction."""
        with self.house.store.transaction() as connection:
            actor = self.house.people.actor(connection, self.people[who])
            return getattr(self.house.tasks, verb)(connection, actor, *arguments, **options)

    def perform(self, verb: str, who: str, seat: Any, **given: Any) -> Answer:
        """One operation of one person; people are given by login."""
        with self.house.store.transaction() as connection:
            actor = self.house.people.actor(connection, self.people[who])
            return self.house.tasks.operations.perform(connection, actor, verb, seat.id, self.given(given))

    def given(self, given: dict[str, Any]) -> dict[str, Any]:
        named = {"person": lambda login: self.people[login], "people": lambda logins: [self.people[login] for login in logins]}
        return {key: named[key](value) if key in named else value for key, value in given.items()}

    def preview(self, verb: str, who: str, seat: Any, **given: Any) -> Preview:
        with self.house.store.read() as connection:
            actor = self.house.people.actor(connection, self.people[who])
            return self.house.tasks.operations.preview(connection, actor, verb, seat.id, self.given(given))

    def choices(self, verb: str, who: str, seat: Any) -> dict[str, list[Any]]:
        with self.house.store.read() as connection:
            actor = self.house.people.actor(connection, self.people[who])
            return {key: list(found) for key, found in self.house.tasks.operations.choices(connection, actor, verb, seat.id).items()}

    def decide(self, who: str, outcome: str = "approve", seat: Any = None, **values: Any) -> Any:
        """Complete or answer the seat (the newest one this person holds)."""
        return self.do("complete", who, (seat or self.seat_of(who)).id, values, outcome)

    def view(self, who: str, seat: Any) -> Any:
        with self.house.store.read() as connection:
            return self.house.tasks.task_view(connection, self.house.people.actor(connection, self.people[who]), seat.id)

    def todo(self, who: str) -> set[int]:
        """The seats in somebody's to-do list."""
        with self.house.store.read() as connection:
            actor = self.house.people.actor(connection, self.people[who])
            return {row.seat_id for row in self.house.worklist.page(connection, actor).rows}

    def disable(self, who: str) -> None:
        with self.house.store.transaction() as connection:
            connection.execute(update(Person).where(Person.id == self.people[who]).values(active=False))

    # reading

    def rows(self, query: Any) -> list[Any]:
        with self.house.store.read() as connection:
            return list(connection.execute(query).all())

    def seats(self) -> list[Any]:
        return self.rows(select(SEAT).where(SEAT.c.instance_id == self.instance).order_by(SEAT.c.id))

    def seat(self, node: str = "review") -> Any:
        """The newest main seat of an activity."""
        return [seat for seat in self.seats() if seat.node_id == node and seat.kind == "main"][-1]

    def seat_of(self, who: str) -> Any:
        """The newest seat this person holds."""
        return [seat for seat in self.seats() if seat.owner_id == self.people[who]][-1]

    def again(self, seat: Any) -> Any:
        """The same seat as it stands now."""
        return self.rows(select(SEAT).where(SEAT.c.id == seat.id))[0]

    def offers(self, seat: Any) -> set[str]:
        names = {f"person:{number}": login for login, number in self.people.items()}
        return {names.get(row.candidate, row.candidate) for row in self.rows(select(SeatOffer.candidate).where(SeatOffer.seat_id == seat.id))}

    def told(self, who: str, kind: str | None = None) -> list[str]:
        """The Chinese words of somebody's notices, oldest first."""
        query = select(Notification.kind, Notification.text).where(Notification.candidate == f"person:{self.people[who]}").order_by(Notification.id)
        return [row.text["zh"] for row in self.rows(query) if kind in (None, row.kind)]

    @property
    def case(self) -> Any:
        return self.rows(select(INSTANCE).where(INSTANCE.c.id == self.instance))[0]

    @property
    def outcome(self) -> str | None:
        """What the review came to."""
        return self.case.variables.get("review_outcome")  # type: ignore[no-any-return]

    def facts(self, kind: str) -> list[Any]:
        with self.house.store.read() as connection:
            return [row for row in history.facts(connection, self.instance) if row.kind == kind]

    def incidents(self) -> list[str]:
        """The kinds of the open incidents."""
        return [row.kind for row in self.rows(select(Incident.kind).where(Incident.resolved_at.is_(None)).order_by(Incident.id))]

    def whole(self) -> None:
        """What always holds: the chain verifies; parked ⇔ an open blocking child; closed seats are offered to nobody; no activity is open without a seat."""
        with self.house.store.read() as connection:
            assert list(history.verify(connection)) == []
        seats = {seat.id: seat for seat in self.seats()}
        for seat in seats.values():
            children = [one for one in seats.values() if one.parent_seat_id == seat.id and one.blocking and one.status in ("open", "parked")]
            if seat.status in ("open", "parked"):
                assert (seat.status == "parked") == bool(children), seat
            if seat.status not in ("open", "parked"):
                assert self.offers(seat) == set(), seat
            ancestors, at = set(), seat
            while at.parent_seat_id is not None:
                assert at.id not in ancestors
                ancestors.add(at.id)
                at = seats[at.parent_seat_id]


def dump(connection: Connection) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table but the security log."""
    return {
        table.name: sorted((tuple(map(repr, row)) for row in connection.execute(select(table))), key=repr)
        for table in Base.metadata.sorted_tables if table.name != "security_log"
    }
