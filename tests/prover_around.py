"""What random people try around the seats of a case: time and messages, people who come and go, administrators, bulk and hand-over."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from app import House
from tasks.actors import system_actor
from tasks.keys.agencies import Absence
from tests.prover_attempts import NAMES, WISE, Attempt, Chooser
from tests.prover_models import PROCESS, TOPICS, Model
from tests.prover_office import APPLICANTS, CAST, PEOPLE, Office
from workflows.engine import StartItem

SPANS = (timedelta(seconds=20), timedelta(minutes=5), timedelta(hours=2), timedelta(days=1), timedelta(days=4), timedelta(days=12))
HEADS = ("li", "li", "li", "sun", "wu", "wang")  # who may steer the work of a unit; the cases are the first one's


class Around(Chooser):
    """The world around the seats."""

    def __init__(self, office: Office, model: Model, source: random.Random) -> None:
        super().__init__(office, model, source)
        self.busy = 0
        self.regretted: str | None = None  # what somebody may want to take back at once

    def _start(self) -> Attempt | None:
        live = self.office.rows("SELECT count(*) FROM process_instance WHERE status IN ('active', 'suspended')")[0][0]
        if live >= 3:
            return None
        facts = {"name": "事项", "applicant": PEOPLE[self.random.choice(APPLICANTS)]}
        variables = {name: self.random.random() < 0.4 for name in self.model.asked}
        person = self.anybody()
        return self._doing(f"start {variables}", person, lambda house, connection, actor: house.tasks.start_many(
            connection, actor, PROCESS, [StartItem(facts, variables)]
        ))

    def _time(self) -> Attempt:
        by = self.random.choice(SPANS)

        def pass_by() -> None:
            self.office.later(by)
            self.office.work_off()

        return Attempt(f"time passes by {by}", several=pass_by)

    def _able(self, active: bool) -> list[int]:
        return [row[0] for row in self.office.rows("SELECT id FROM person WHERE active = ? ORDER BY id", active)]

    def _disable(self) -> Attempt | None:
        people = [person for person in self._able(True) if CAST[NAMES[person]] and NAMES[person] not in ("chu", "chen")]
        if len(people) < 6:
            return None
        person = self.random.choice(people)
        return Attempt(f"disable {NAMES[person]}", lambda house, connection: house.people.administration.disable_person(connection, system_actor(), person))

    def _enable(self) -> Attempt | None:
        people = self._able(False)
        if not people:
            return None
        person = self.random.choice(people)
        return Attempt(f"enable {NAMES[person]}", lambda house, connection: house.people.administration.enable_person(connection, system_actor(), person))

    def _membership(self) -> Attempt | None:
        row = self.random.choice(self.office.rows("SELECT id, valid_to FROM membership"))
        until = None if row["valid_to"] else self.office.clock.now().date() - timedelta(days=1)
        return Attempt(f"membership {row['id']} until {until}", lambda house, connection: house.people.administration.change_membership(
            connection, system_actor(), row["id"], valid_from=None, valid_to=until
        ))

    def _message(self) -> Attempt:
        self.busy += 1
        key = f"{self.office.clock.now().isoformat()}/{self.busy}"
        return Attempt("a message comes", lambda house, connection: house.engine.correlate(connection, "answer", None, None, key))

    def _agency(self) -> Attempt:
        """Somebody stands in for somebody else, from now or from later on; mostly the absent himself says so."""
        principal, agent = self.anybody(), self.anybody()
        begin = self.office.clock.now() + self.random.choice([timedelta(0), timedelta(0), timedelta(hours=1), timedelta(days=1)])
        absence = Absence(agent, self.random.choice([None, PROCESS]), begin, begin + self.random.choice(SPANS[2:]), "出差")
        person = principal if self.random.random() < 0.85 else PEOPLE["chu"]
        return self._doing(f"says that {NAMES[agent]} stands in for {NAMES[principal]} from {begin} to {absence.valid_to}", person, lambda house, connection, actor: (
            house.tasks.keys.agencies.create(connection, actor, principal, absence)
        ))

    def _end_agency(self) -> Attempt | None:
        rows = self.office.rows("SELECT id, principal_id FROM agency WHERE ended_at IS NULL")
        if not rows:
            return None
        row = self.random.choice(rows)
        person = row["principal_id"] if self.random.random() < 0.85 else self.anybody()
        return self._doing(f"revokes agency {row['id']}", person, lambda house, connection, actor: house.tasks.keys.agencies.revoke(connection, actor, row["id"]))

    def _signal(self) -> Attempt:
        """A signal from outside, to every case that listens."""
        topic = self.random.choice(TOPICS)
        return Attempt(f"the signal {topic} comes", lambda house, connection: house.engine.signals.throw(connection, topic, {}))

    def _send_message(self) -> Attempt | None:
        """Staff send a case the message it waits for, as the model lets them."""
        rows = self.office.rows("SELECT instance_id, name FROM wait WHERE kind = 'message' ORDER BY id")
        if not rows:
            return None
        row = self.random.choice(rows)
        person = PEOPLE[self.random.choice(HEADS)] if self.random.random() < WISE else self.anybody()
        return self._doing(f"sends {row['name']} to case {row['instance_id']}", person, lambda house, connection, actor: house.tasks.send_message(
            connection, actor, row["instance_id"], row["name"], {}
        ))

    # administrators

    def _work(self) -> Attempt:
        return Attempt("the work that is due is done", several=self.office.work_off)

    def _commanded(self, label: str, act: Attempt) -> Attempt:
        """A command is given and at once worked off; the person and his transaction are those of the attempt."""
        def whole() -> None:
            assert act.act is not None
            self.office.command(act.act)
            self.office.work_off()

        return Attempt(f"{act.label}, {label}", several=whole) if self.random.random() < 0.5 else act

    def _bulk(self) -> Attempt | None:
        """Somebody ticks what is offered to him, or anything."""
        person = self.somebody(self.seat(("open",)) or {"id": 0})
        rows = self.office.rows("SELECT id, revision FROM seat ORDER BY id DESC LIMIT 12")
        if self.random.random() < WISE:
            lines = self.lines(person)
            marks = ", ".join("?" for _ in lines)
            query = f"SELECT DISTINCT s.id, s.revision FROM seat s JOIN seat_offer o ON o.seat_id = s.id WHERE s.status = 'open' AND o.candidate IN ({marks})"  # noqa: S608
            rows = self.office.rows(query, *lines) or rows
        ticked = [(int(row["id"]), int(row["revision"]) + (self.random.random() < 0.1)) for row in rows if self.random.random() < 0.7]
        outcome = self.random.choice(["approve", "reject"])

        def act(house: House, connection: Connection, actor: Any) -> Any:
            return house.tasks.bulk_complete(connection, actor, ticked, outcome, {"opinion": "批量办理"}, None)

        if not ticked:
            return None
        given = self._commanded("at once", self._doing(f"{outcome} {len(ticked)} in bulk {ticked}", person, act))
        self.regretted = "undo_bulk" if given.several is not None else None
        return given

    def _undo_bulk(self) -> Attempt | None:
        rows = self.office.rows("SELECT id, person FROM command WHERE kind = 'bulk_complete' ORDER BY id DESC LIMIT 1")
        if not rows:
            return None
        row = rows[0]
        person = row["person"] if self.random.random() < WISE else self.anybody()
        return self._doing(f"undo bulk {row['id']}", person, lambda house, connection, actor: house.tasks.undo_command(connection, actor, row["id"]))

    def _hand_over(self) -> Attempt:
        """All that somebody holds goes to somebody else, or back to the pools."""
        leaver, other = self.anybody(), self.random.choice([None, self.anybody(), self.anybody()])
        person = PEOPLE["chu"] if self.random.random() < WISE else self.anybody()
        to = "their pools" if other is None else NAMES[other]
        given = self._doing(f"hands over what {NAMES[leaver]} has to {to}", person, lambda house, connection, actor: house.tasks.hand_over(
            connection, actor, leaver, other, "离职交接"
        ))
        return self._commanded("at once", given)

    def _migrate(self) -> Attempt | None:
        """A case goes on under the newest version of its process."""
        case = self.case("active", "suspended")
        if case is None:
            return None
        query = "SELECT max(d.id) FROM definition d JOIN process_instance i ON i.process_id = d.process_id WHERE i.id = ?"
        version = self.office.rows(query, case)[0][0]
        person = PEOPLE["chen"] if self.random.random() < WISE else self.anybody()
        return self._doing(f"migrate case {case} to definition {version}", person, lambda house, connection, actor: house.tasks.migrate(
            connection, actor, case, version, {}
        ))

    def _return_to_pool(self) -> Attempt | None:
        rows = self.office.rows("SELECT * FROM seat WHERE owner_id IS NOT NULL AND status IN ('open', 'parked')")
        if not rows:
            return None
        seat, person = self.random.choice(rows), PEOPLE[self.random.choice(HEADS)]
        return self._on(seat, person, "return to its pool", lambda house, connection, actor: house.tasks.return_to_pool(connection, actor, seat["id"], "工作调整"))


__all__ = ["HEADS", "SPANS", "Around"]
