"""A small office that goes back and forth: people who complete, return and withdraw in cases of small diagrams, every step saved and loaded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from sqlalchemy import insert, select

from app import House
from tasks.actors import Actor, system_actor
from tasks.models import Membership, Organisation, Person, Seat
from tasks.operation_models import ReturnRecord
from tests.engine_walk import END, START, EngineWalk, chain, flow, process
from workflows.engine import StartItem
from workflows.history import SYSTEM, facts, verify
from workflows.machine import Machine
from workflows.models import OutboxMessage

SEAT = Seat.__table__
__all__ = ["END", "START", "Office", "chain", "fork", "flow", "join", "process", "step"]


def step(identity: str, inner: str = "", *, line: str = "univ_clerk@U1", return_to: str = "any", **settings: str) -> str:
    """A user task that may return; `settings` are its camunda properties."""
    listed = {"return_to": return_to, **settings}
    properties = "".join(f'<camunda:property name="{name}" value="{value}"/>' for name, value in listed.items() if value)
    box = f"<bpmn:extensionElements><camunda:properties>{properties}</camunda:properties></bpmn:extensionElements>"
    return f'<bpmn:userTask id="{identity}" name="{identity}" camunda:candidateGroups="{line}">{box}{inner}</bpmn:userTask>'


def fork(identity: str, kind: str = "parallel", default: str | None = None) -> str:
    """A gateway."""
    more = f' default="{default}"' if default else ""
    return f'<bpmn:{kind}Gateway id="{identity}" name="{identity}"{more}/>'


join = fork


class Office(EngineWalk):
    """One database, five people, one case."""

    PEOPLE: Mapping[str, tuple[str, str] | None] = {
        "zhao": None, "qian": ("univ_clerk", "U1"), "sun": ("univ_clerk", "U1"), "zhou": ("univ_principal", "U1"), "li": ("univ_clerk", "U2"),
        "wang": ("univ_clerk", "U1"),
    }

    def __init__(self, *diagrams: str | bytes, **more: Any) -> None:
        super().__init__(**more)
        self.people: dict[str, int] = {}
        house = self.house
        with house.store.transaction() as connection:
            places = {}
            for code in ("U1", "U2"):
                places[code] = connection.execute(insert(Organisation).values(
                    code=code, name=code, kind="university", path=f"/{code}/", province="14", on_platform=True, active=True
                )).inserted_primary_key[0]
            for name, place in self.PEOPLE.items():
                person = connection.execute(insert(Person).values(
                    name=name, login=name, must_change_password=False, active=True, failed_logins=0, session_version=1, created_at=self.clock.now(),
                )).inserted_primary_key[0]
                self.people[name] = int(person)
                if place:
                    connection.execute(insert(Membership).values(person_id=person, organisation_id=places[place[1]], role=place[0]))
            house.calendar.seed_official_years(connection)
        for diagram in diagrams:
            self.deploy(diagram)

    def begin(self, process_id: str = "process", **variables: Any) -> Office:
        """Start a case of zhao."""
        house = self.house
        with house.store.transaction() as connection:
            facts_given = {"person": self.people["zhao"], "unit": "U1"}
            self.case_id = house.engine.start_many(connection, process_id, [StartItem(facts_given, variables)], SYSTEM)[0].id
        return self

    def actor(self, house: House, connection: Any, who: str) -> Actor:
        return house.people.actor(connection, self.people[who])

    def seat(self, node: str, nth: int = 0) -> Any:
        """The live seat of an activity."""
        return self.seats(node)[nth]

    def do(self, node: str, who: str = "qian", outcome: str = "complete", nth: int = 0, **values: Any) -> Office:
        """Decide a seat of an activity."""
        seat = self.seat(node, nth)

        def act(house: House, connection: Any) -> None:
            house.tasks.complete(connection, self.actor(house, connection, who), seat.id, values, outcome)

        self.command(act)
        return self

    def done(self, *nodes: str, who: str = "qian") -> Office:
        """Decide activities one after the other."""
        for node in nodes:
            self.do(node, who)
        return self

    def perform_claim(self, node: str, who: str) -> None:
        """Claim a seat."""
        seat = self.seat(node)
        self.command(lambda house, connection: house.tasks.claim(connection, self.actor(house, connection, who), seat.id))

    def set(self, **patch: Any) -> None:
        """Correct data of the case."""
        def act(house: House, connection: Any) -> None:
            house.engine.set_variables(connection, house.engine.load(connection, self.case_id), patch, {})

        self.command(act)

    def migrate(self, mapping: Mapping[str, str] | None = None) -> None:
        """Carry the case to the current version."""
        def act(house: House, connection: Any) -> None:
            version = house.definitions.current(connection, "process")
            house.tasks.migrate(connection, system_actor(), self.case_id, version.id, mapping or {})

        self.command(act)

    def outbox(self) -> list[Any]:
        """What the case has thrown, oldest first."""
        return self.rows(select(OutboxMessage.__table__).order_by(OutboxMessage.id))

    # operations

    def perform(self, verb: str, subject: int, who: str = "qian", **given: Any) -> Any:
        """Perform an operation."""
        return self.command(lambda house, connection: house.tasks.operations.perform(connection, self.actor(house, connection, who), verb, subject, given))

    def preview(self, verb: str, subject: int, who: str = "qian", **given: Any) -> Any:
        """What an operation would do, read only."""
        house = self.house
        with house.store.read() as connection:
            return house.tasks.operations.preview(connection, self.actor(house, connection, who), verb, subject, given)

    def choices(self, verb: str, subject: int, who: str = "qian") -> Mapping[str, Any]:
        """What may be chosen."""
        house = self.house
        with house.store.read() as connection:
            return house.tasks.operations.choices(connection, self.actor(house, connection, who), verb, subject)

    def targets(self, node: str, who: str = "qian") -> dict[str, str | None]:
        """Where an activity may be returned to: name → None, or why not."""
        found = self.choices("return", self.seat(node).id, who)["to"]
        return {one.zh: one.refused["zh"] if one.refused else None for one in found}

    def value(self, node: str, to: str, who: str = "qian") -> str:
        return next(str(one.value) for one in self.choices("return", self.seat(node).id, who)["to"] if one.zh.split("（")[0] == to)

    def give_back(self, node: str, to: str, who: str = "qian", **given: Any) -> Any:
        """Return an activity to another."""
        return self.perform("return", self.seat(node).id, who, to=self.value(node, to, who), reason="材料不全", **given)

    def lines(self, node: str, to: str, who: str = "qian") -> list[str]:
        """The preview of a return."""
        found = self.preview("return", self.seat(node).id, who, to=self.value(node, to, who))
        assert found.refused is None, found.refused
        return [one.zh for one in found.lines]

    # looking

    @property
    def marking(self) -> tuple[Counter[tuple[str, str]], Counter[str]]:
        """Activities by node and the node of their scope, and arrivals by flow."""
        state = self.row().state
        tokens: dict[str, Any] = state["t"]
        places = Counter((entry[0], "" if entry[1] == "0" else tokens[entry[1]][0]) for entry in tokens.values())
        machine = self.machine()
        return places, Counter(one for one, _, _ in machine.arrivals(state))

    def machine(self) -> Machine:
        house, definition = self.house, self.row().definition_id
        with house.store.read() as connection:
            return house.engine.version(connection, definition).machine

    def history(self, *kinds: str) -> list[Any]:
        """The facts of the case, of these kinds."""
        with self.house.store.read() as connection:
            return list(facts(connection, self.case_id, kinds or None))

    def records(self) -> list[Any]:
        return self.rows(select(ReturnRecord.__table__).order_by(ReturnRecord.id))

    def finish(self, *nodes: str, who: str = "qian") -> None:
        """Do these steps; then the case must be over with nothing left: no token lost, none double."""
        self.done(*nodes, who=who)
        assert self.row().status == "completed", (self.open, self.marking)
        assert self.open == []
        self.intact()

    def intact(self) -> None:
        """The history is unbroken and every live token of a person has a seat."""
        with self.house.store.read() as connection:
            assert list(verify(connection)) == []
        state = self.row().state
        nodes = self.machine().plan.nodes
        live = {token for token, entry in state["t"].items() if nodes[entry[0]].type == "userTask" and token not in state.get("m", {})}
        seats = {row.token for row in self.rows(select(SEAT.c.token).where(SEAT.c.instance_id == self.case_id, SEAT.c.status.in_(("open", "parked", "queued"))))}
        assert live <= seats, (live, seats)
        assert {token.partition("#")[0] for token in seats} <= set(state["t"])
