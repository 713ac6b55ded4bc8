"""What somebody tries, and the choosing of whom and what it is tried on. It knows no verbs."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from app import House
from tests.prover_models import Model
from tests.prover_office import PEOPLE, Office

Act = Callable[[House, Connection], Any]
NAMES = {number: login for login, number in PEOPLE.items()}
WISE = 0.85  # of the attempts are by somebody who might


@dataclass(frozen=True)
class Attempt:
    """One thing somebody tries. `person` None: nobody does it, the house itself or time does. `several`: more than one transaction."""

    label: str
    act: Act | None = None
    person: int | None = None
    several: Callable[[], Any] | None = None
    verb: str = ""


class Chooser:
    """Chooses seats, cases and people over an office with a deployed model."""

    def __init__(self, office: Office, model: Model, source: random.Random) -> None:
        self.office, self.model, self.random = office, model, source

    def lines(self, person: int) -> list[str]:
        """The candidate lines of somebody, by the table of memberships."""
        rows = self.office.rows(
            "SELECT m.role || '@' || o.code FROM membership m JOIN organisation o ON o.id = m.organisation_id WHERE m.person_id = ? AND o.active "
            "AND (m.valid_to IS NULL OR m.valid_to >= ?)", person, self.office.clock.now().date().isoformat()
        )
        return [f"person:{person}", *(row[0] for row in rows)]

    def seat(self, statuses: tuple[str, ...] = ("open",), kinds: tuple[str, ...] = ()) -> Any:
        """A random seat, mostly of these states."""
        query = "SELECT s.*, i.status AS case_status FROM seat s JOIN process_instance i ON i.id = s.instance_id"
        rows = self.office.rows(query)
        if not rows:
            return None
        fit = [row for row in rows if row["status"] in statuses and (not kinds or row["kind"] in kinds)]
        return self.random.choice(fit) if fit and self.random.random() < 0.93 else self.random.choice(rows)

    def somebody(self, seat: Any) -> int:
        """Mostly somebody the seat is offered to or who holds it, else anybody."""
        if self.random.random() < WISE:
            lines = {row[0] for row in self.office.rows("SELECT candidate FROM seat_offer WHERE seat_id = ?", seat["id"])}
            out = {row[0] for row in self.office.rows("SELECT person_id FROM seat_exclusion WHERE seat_id = ?", seat["id"])}
            out |= {row[0] for row in self.office.rows("SELECT id FROM person WHERE NOT active")}
            fit = [person for person in NAMES if person not in out and lines & set(self.lines(person))]
            if fit:
                return int(self.random.choice(fit))
        return self.anybody()

    def anybody(self) -> int:
        return self.random.choice(list(NAMES))

    def _doing(self, label: str, person: int, act: Callable[[House, Connection, Any], Any]) -> Attempt:
        def whole(house: House, connection: Connection) -> Any:
            return act(house, connection, self.office.actor(connection, person))

        return Attempt(f"{NAMES[person]} {label}", whole, person)

    def _on(self, seat: Any, person: int, verb: str, act: Callable[[House, Connection, Any], Any]) -> Attempt:
        return self._doing(f"{verb} seat {seat['id']} ({seat['node_id']} {seat['kind']} {seat['status']} of case {seat['instance_id']})", person, act)

    def case(self, *statuses: str) -> int | None:
        """A random case."""
        rows = [row for row in self.office.rows("SELECT id, status FROM process_instance") if not statuses or row["status"] in statuses]
        return int(self.random.choice(rows)["id"]) if rows else None


__all__ = ["NAMES", "WISE", "Act", "Attempt", "Chooser"]
