"""A small committee on the stage: people of one office, the demo processes of votes with settings a test may change, and verbs by name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from sqlalchemy import Connection, insert, select

from app import House
from tasks.actors import system_actor
from tasks.models import CaseActor, Membership, Notification, Organisation, Person, Seat, SeatOffer
from tasks.operation_models import Voting
from workflows import history
from workflows.definitions import read_folder
from workflows.engine import INSTANCE, StartItem
from workflows.models import Incident

FOLDER = Path(__file__).resolve().parent / "processes" / "committee"
SEAT = Seat.__table__
PEOPLE = ("zhao", "qian", "sun", "li", "zhou")  # members of the committee
NAMES = {"zhao": "赵委员", "qian": "钱委员", "sun": "孙委员", "li": "李委员", "zhou": "周委员", "head": "吴主任", "clerk": "郑文书", "boss": "王院长"}


def with_settings(files: Mapping[str, bytes], diagram: str, settings: Mapping[str, str | None]) -> dict[str, bytes]:
    """The files with settings replaced, added or (None) taken out: "name" of the first user task, "element:name" of another element or the process."""
    lines = files[diagram].decode().split("\n")
    for name, value in settings.items():
        place, _, key = name.rpartition(":")
        begin = next(number for number, line in enumerate(lines) if (f'id="{place}"' if place else "<userTask ") in line)
        opened = next(number for number in range(begin, len(lines)) if "<camunda:properties>" in lines[number])
        closed = next(number for number in range(opened, len(lines)) if "</camunda:properties>" in lines[number])
        kept = [line for line in lines[opened + 1:closed] if f'property name="{key}"' not in line]
        added = [] if value is None else [f'          <camunda:property name="{key}" value={quoteattr(value)} />']
        lines[opened + 1:closed] = [*kept, *added]
    return {**files, diagram: "\n".join(lines).encode()}


class Committee:
    """People, the deployed processes, and one case."""

    def __init__(self, house: House, process: str = "committee", folder: Path = FOLDER, **settings: str | None) -> None:
        self.house, self.process = house, process
        self.files = with_settings(read_folder(folder), f"{process}.bpmn", settings)
        with house.store.transaction() as connection:
            connection.execute(insert(Organisation).values(
                code="U1", name="甲单位", kind="university", path="/U1/", province="14", on_platform=True, active=True
            ))
            house.calendar.seed_official_years(connection)
            self.people = {login: self._person(connection, login) for login in NAMES}
            for login in PEOPLE:
                self._join(connection, login, "univ_clerk")
            self._join(connection, "head", "univ_principal")
            self._join(connection, "clerk", "univ_clerk")
            house.definitions.deploy_all(connection, self.files, None)
        self.instance = 0

    def _person(self, connection: Connection, login: str) -> int:
        return int(connection.execute(insert(Person).values(
            name=NAMES[login], login=login, must_change_password=False, active=True, failed_logins=0, session_version=1,
            created_at=self.house.clock.now(),
        ).returning(Person.id)).scalar_one())

    def _join(self, connection: Connection, login: str, role: str) -> None:
        organisation = select(Organisation.id).where(Organisation.code == "U1").scalar_subquery()
        connection.execute(insert(Membership).values(person_id=self.people[login], organisation_id=organisation, role=role))

    def start(self, *members: str, applicant: str | None = None) -> int:
        """A case whose members are people by login, or candidate lines such as "univ_principal@U1"."""
        lines = [self.people.get(member, member) for member in members]
        return self.start_with(members=lines, applicant=self.people.get(applicant or ""))

    def start_chain(self, first: str, second: str, third: str, applicant: str | None = None) -> int:
        """A case of the approval in three steps, each for a person by login or a candidate line."""
        lines = {name: f"person:{self.people[who]}" if who in self.people else who for name, who in zip(("first", "second", "third"), (first, second, third), strict=True)}
        return self.start_with(**lines, applicant=self.people.get(applicant or ""))

    def start_with(self, **given: Any) -> int:
        """A case with these facts."""
        facts = {"name": "采购申请", "office": "U1", **given}
        with self.house.store.transaction() as connection:
            actor = self.house.people.actor(connection, self.people["clerk"])
            self.instance = self.house.tasks.start_many(connection, actor, self.process, [StartItem(facts)])[0]
        return self.instance

    def do(self, verb: str, who: str, *arguments: Any, **options: Any) -> Any:
        """One command of one person in its own transaction."""
        with self.house.store.transaction() as connection:
            actor = self.house.people.actor(connection, self.people[who])
            return getattr(self.house.tasks, verb)(connection, actor, *arguments, **options)

    def vote(self, who: str, outcome: str = "approve", seat: Any = None, **values: Any) -> Any:
        """Cast this person's vote on the seat offered to him."""
        return self.do("complete", who, (seat or self.seat_of(who)).id, values, outcome)

    def rows(self, query: Any) -> list[Any]:
        with self.house.store.read() as connection:
            return list(connection.execute(query).all())

    def seats(self, node: str | None = None) -> list[Any]:
        """All seats of the case, oldest first."""
        query = select(SEAT).where(SEAT.c.instance_id == self.instance).order_by(SEAT.c.id)
        return self.rows(query if node is None else query.where(SEAT.c.node_id == node))

    def seat_of(self, who: str) -> Any:
        """The seat that stands for this person or that he voted on."""
        person = self.people[who]
        mine = [seat for seat in self.seats() if seat.participant == f"person:{person}" or person in (seat.owner_id, seat.completed_by)]
        offered = [seat for seat in self.seats() if seat.participant is None and seat.status == "open" and who in self.offers(seat)]
        return [*offered, *mine][0]

    def states(self) -> list[str]:
        """The states of the voting activity's seats in their order."""
        return [seat.status for seat in self.seats() if seat.node_id != "file"]

    def offers(self, seat: Any) -> set[str]:
        names = {f"person:{number}": login for login, number in self.people.items()}
        return {names.get(row.candidate, row.candidate) for row in self.rows(select(SeatOffer.candidate).where(SeatOffer.seat_id == seat.id))}

    @property
    def case(self) -> Any:
        return self.rows(select(INSTANCE).where(INSTANCE.c.id == self.instance))[0]

    @property
    def outcome(self) -> str | None:
        """The outcome of the voting activity."""
        found = [value for name, value in self.case.variables.items() if name.endswith("_outcome") and not name.startswith("file")]
        return found[0] if found else None

    def kinds(self) -> list[str]:
        """The kinds of the case's history."""
        with self.house.store.read() as connection:
            return [row.kind for row in history.facts(connection, self.instance)]

    def facts(self, *kinds: str) -> list[Any]:
        with self.house.store.read() as connection:
            return list(history.facts(connection, self.instance, kinds))

    def told(self, kind: str = "vote_closed") -> set[str]:
        names = {f"person:{number}": login for login, number in self.people.items()}
        rows = self.rows(select(Notification.candidate).where(Notification.kind == kind))
        return {names.get(row.candidate, row.candidate) for row in rows}

    def incidents(self) -> list[str]:
        return [row.kind for row in self.rows(select(Incident.kind).where(Incident.resolved_at.is_(None)).order_by(Incident.id))]

    def actors(self) -> set[str]:
        names = {number: login for login, number in self.people.items()}
        return {names[row.person_id] for row in self.rows(select(CaseActor.person_id).where(CaseActor.instance_id == self.instance))}

    def voting(self) -> Any:
        return self.rows(select(Voting.__table__).where(Voting.instance_id == self.instance))[0]

    def disable(self, who: str) -> None:
        """The platform's administrator disables somebody's account."""
        with self.house.store.transaction() as connection:
            self.house.people.administration.disable_person(connection, system_actor(), self.people[who])

    def intact(self) -> bool:
        """Whether the history's chain holds."""
        with self.house.store.read() as connection:
            return list(history.verify(connection)) == []
