"""What random people try: verbs and registered operations on random seats and cases with random arguments, allowed ones and others."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from app import House
from tasks.actors import system_actor
from tasks.keys.agencies import Absence
from tasks.standing import near, see
from tests.prover_models import PROCESS, Model
from tests.prover_office import APPLICANTS, CAST, PEOPLE, Office, document
from workflows.engine import StartItem
from workflows.errors import Rejection

Act = Callable[[House, Connection], Any]
NAMES = {number: login for login, number in PEOPLE.items()}
# verb → how often; the rest of the register comes with weight 2, on seats of people who might
VERBS = {
    "complete": 34, "claim": 7, "release": 3, "save_draft": 3, "undo": 5, "withdraw": 3, "withdraw_case": 2, "reassign": 3, "urge": 1, "bulk": 3,
    "time": 9, "disable": 1, "enable": 2, "membership": 1, "message": 2, "agency": 3, "end_agency": 1,
}
MORE = {"return": 4, "withdraw": 3, "jump": 1, "terminate": 0.3, "void": 0.2, "suspend": 0.7, "resume": 4, "comment": 0.5, "circulate": 0.5, "snooze": 0.3, "delegate": 1, "take_back": 1}
FEWER = (0.8, 0.25, 0.08)  # how often a case starts where none, one or more are at work
DULL = ("ask", "circulate", "snooze")
SPANS = (timedelta(seconds=20), timedelta(minutes=5), timedelta(hours=2), timedelta(days=1), timedelta(days=4), timedelta(days=12))
WISE = 0.85  # of the attempts are by somebody who might
INFORMED = 0.42  # are of a verb the house offers him


@dataclass(frozen=True)
class Attempt:
    """One thing somebody tries. `person` None: nobody does it, the house itself or time does. `several`: more than one transaction."""

    label: str
    act: Act | None = None
    person: int | None = None
    several: Callable[[], Any] | None = None
    verb: str = ""


class Acts:
    """Chooses attempts over an office with a deployed model."""

    def __init__(self, office: Office, model: Model, source: random.Random) -> None:
        self.office, self.model, self.random = office, model, source
        registered = office.house.tasks.operations.known
        self.verbs = {**VERBS, **{verb: MORE.get(verb, 0.7) for verb in registered if verb not in VERBS}}
        self.busy = 0
        self.branches = {task for tasks in model.back.values() for task in tasks}
        self.chosen: tuple[Any, int] | None = None

    def attempt(self) -> Attempt:
        """The next one."""
        at_work = self.office.rows("SELECT count(*) FROM process_instance WHERE status = 'active'")[0][0]
        if self.random.random() < FEWER[min(at_work, 2)]:
            return self.start()
        verb, self.chosen = self._informed() if self.random.random() < INFORMED else (None, None)
        names = list(self.verbs)
        verb = verb or self.random.choices(names, [self.verbs[name] for name in names])[0]
        own = getattr(self, f"_{verb}", None)
        if own is not None:
            found: Attempt | None = own()
        else:
            found = self._registered(verb)
        found, verb = (found, verb) if found is not None else (self._complete() or self._time(), "instead")
        return replace(found, verb=verb)

    def start(self) -> Attempt:
        """The first: a case starts."""
        found = self._start()
        return replace(found or self._time(), verb="start")

    # choosing

    def _informed(self) -> tuple[str | None, tuple[Any, int] | None]:
        """A verb that somebody may use on some seat now, as the house says; plain completions are left to chance."""
        rows = self.office.rows("SELECT * FROM seat WHERE status IN ('open', 'parked') ORDER BY id")
        if not rows:
            return None, None
        seat = self.random.choice(rows)
        person = self.somebody(seat)
        try:
            verbs = self.office.look(lambda house, connection: self._verbs(house, connection, person, seat["id"]))
        except Rejection:
            return None, None
        able = sorted(verbs & set(self.verbs) - {"complete", "claim", "save", "urge", "comment"})
        able = [verb for verb in able if verb not in DULL or self.random.random() < 0.25]
        return (self.random.choice(able), (seat, person)) if able else (None, None)

    def _verbs(self, house: House, connection: Connection, person: int, seat: int) -> frozenset[str]:
        actor = self.office.actor(connection, person)
        row = see(connection, actor, seat)
        return frozenset() if row is None else near(connection, actor, row, house.engine.version(connection, row.definition_id)).verbs

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

    # the plain verbs

    def _complete(self) -> Attempt | None:
        seat = self.seat(("open",) if self.random.random() < 0.9 else ("parked",))
        if seat is None:
            return None
        person, values = self.somebody(seat), self.values(seat)
        outcome = self.outcome(seat)
        revision = seat["revision"] if self.random.random() < 0.5 else None
        return self._on(seat, person, f"{outcome} {values}", lambda house, connection, actor: house.tasks.complete(
            connection, actor, seat["id"], values, outcome, revision
        ))

    def outcome(self, seat: Any) -> str:
        """Mostly one that is offered."""
        advice = seat["kind"] in ("delegate", "before", "after", "asked") or (seat["kind"] == "parallel" and not seat["counts"])
        if advice and self.random.random() < 0.9:
            if seat["kind"] == "asked":
                return "answer"
            if not (seat["counts"] and seat["kind"] in ("before", "after")):
                return self.random.choice(["suggest_agree", "suggest_agree", "suggest_disagree", "hand_back" if seat["kind"] == "delegate" else "suggest_return"])
        return self.random.choice(["approve", "approve", "approve", "reject", "abstain", "expire", "complete"] if self.random.random() < 0.1 else ["approve", "approve", "reject"])

    def values(self, seat: Any) -> dict[str, Any]:
        """Values of the form; an opinion where one may be demanded."""
        found: dict[str, Any] = {"opinion": "同意办理"} if self.random.random() < 0.8 else {}
        if self.random.random() < 0.2:
            found["amount"] = self.random.randint(1, 9)
        for name in self.model.asked:
            if seat["kind"] in ("main", "parallel") and self.random.random() < 0.3:
                found[name] = self.random.random() < 0.5
        return found

    def _claim(self) -> Attempt | None:
        return self._simple("claim", ("open",))

    def _release(self) -> Attempt | None:
        rows = self.office.rows("SELECT * FROM seat WHERE owner_id IS NOT NULL AND status = 'open'")
        if not rows:
            return None
        seat = self.random.choice(rows)
        person = seat["owner_id"] if self.random.random() < WISE else self.anybody()
        return self._on(seat, person, "release", lambda house, connection, actor: house.tasks.release(connection, actor, seat["id"]))

    def _simple(self, verb: str, statuses: tuple[str, ...], *more: Any) -> Attempt | None:
        seat = self.seat(statuses)
        if seat is None:
            return None
        person = self.somebody(seat)
        return self._on(seat, person, verb, lambda house, connection, actor: getattr(house.tasks, verb)(connection, actor, seat["id"], *more))

    def _save_draft(self) -> Attempt | None:
        return self._simple("save_draft", ("open", "parked"), {"opinion": "草稿"})

    def _urge(self) -> Attempt | None:
        return self._simple("urge", ("open",))

    def _reassign(self) -> Attempt | None:
        seat, other = self.seat(("open", "parked")), self.anybody()
        if seat is None:
            return None
        person = self.random.choice([PEOPLE["li"], PEOPLE["sun"], self.anybody()])
        return self._on(seat, person, f"reassign to {NAMES[other]}", lambda house, connection, actor: house.tasks.reassign(
            connection, actor, seat["id"], other, "工作调整"
        ))

    def _back(self, verb: str, act: Callable[[House, Connection, Any, int], Any]) -> Attempt | None:
        rows = self.office.rows("SELECT * FROM seat WHERE completed_by IS NOT NULL ORDER BY completed_at DESC, id DESC LIMIT 4")
        if not rows:
            return None
        seat = rows[0] if self.random.random() < 0.6 else self.random.choice(rows)
        person = seat["completed_by"] if self.random.random() < 0.85 else self.anybody()
        return self._on(seat, person, verb, lambda house, connection, actor: act(house, connection, actor, seat["id"]))

    def _undo(self) -> Attempt | None:
        return self._back("undo", lambda house, connection, actor, seat: house.tasks.undo(connection, actor, seat))

    def _withdraw(self) -> Attempt | None:
        return self._back("withdraw", lambda house, connection, actor, seat: house.tasks.operations.perform(connection, actor, "withdraw", seat, {}))

    def _withdraw_case(self) -> Attempt | None:
        case = self.case()
        if case is None:
            return None
        person = self.random.choice([PEOPLE[one] for one in APPLICANTS])
        return self._doing(f"withdraw case {case}", person, lambda house, connection, actor: house.tasks.withdraw_case(connection, actor, case))

    def case(self, *statuses: str) -> int | None:
        """A random case."""
        rows = [row for row in self.office.rows("SELECT id, status FROM process_instance") if not statuses or row["status"] in statuses]
        return int(self.random.choice(rows)["id"]) if rows else None

    def _bulk(self) -> Attempt | None:
        rows = self.office.rows("SELECT id, revision, status FROM seat ORDER BY id DESC LIMIT 12")
        if not rows:
            return None
        ticked = [(int(row["id"]), int(row["revision"]) + (self.random.random() < 0.1)) for row in rows if self.random.random() < 0.6]
        person = self.somebody(self.seat(("open",)))
        outcome = self.random.choice(["approve", "reject"])

        def act(house: House, connection: Connection, actor: Any) -> Any:
            return house.tasks.bulk_complete(connection, actor, ticked, outcome, {"opinion": "批量办理"}, None)

        return self._doing(f"{outcome} {len(ticked)} in bulk {ticked}", person, act) if ticked else None

    # the register

    def _registered(self, verb: str) -> Attempt | None:
        operation = self.office.house.tasks.operations.known[verb]
        if operation.about == "case":
            wanted = {"resume": ("suspended",), "void": ()}.get(verb, ("active", "suspended"))
            subject = self.case(*wanted)
            if subject is None:
                return None
            person = self.random.choice([PEOPLE["chen"], PEOPLE["li"], self.anybody()])
            label = f"{verb} case {subject}"
        else:
            seat = self.seat(("parked",) if verb == "take_back" else ("open", "parked", "queued") if verb == "remove_signer" else ("open",))
            if seat is None:
                return None
            subject, person = int(seat["id"]), self.somebody(seat)
            if self.chosen is not None:
                (seat, person), subject = self.chosen, int(self.chosen[0]["id"])
            elif verb == "remove_signer" and seat["added_by"] and self.random.random() < WISE:
                person = int(seat["added_by"])
            label = f"{verb} seat {subject} ({seat['node_id']} {seat['kind']} {seat['status']} of case {seat['instance_id']})"
        given = self._arguments(operation, person, subject)
        return self._doing(f"{label} {given}", person, lambda house, connection, actor: house.tasks.operations.perform(
            connection, actor, verb, subject, given
        ))

    def _arguments(self, operation: Any, person: int, subject: int) -> dict[str, Any]:
        try:
            choices = self.office.look(lambda house, connection: house.tasks.operations.choices(
                connection, self.office.actor(connection, person), operation.verb, subject
            ))
        except Rejection:
            choices = {}
        return {argument.key: value for argument in operation.arguments if (value := self._argument(argument, choices.get(argument.key) or ())) is not None}

    def _argument(self, argument: Any, offered: Any) -> Any:
        values = [one.value for one in offered if one.refused is None] if self.random.random() < 0.9 else [one.value for one in offered]
        if argument.kind == "person":
            return int(self.random.choice(values)) if values and self.random.random() < 0.9 else self.anybody()
        if argument.kind == "people":
            people = [int(value) for value in values] if values and self.random.random() < 0.9 else list(NAMES)
            return self.random.sample(people, min(len(people), self.random.choice([1, 1, 2])))
        if argument.kind == "choice":
            inside = [one.value for one in offered if one.refused is None and one.en in self.branches]
            values = inside if inside and self.random.random() < 0.7 else values
            return self.random.choice(values) if values else None
        if argument.kind == "flag":
            return self.random.random() < 0.5
        if argument.kind == "moment":
            return (self.office.clock.now() + self.random.choice(SPANS)).isoformat()
        return "情况说明" if argument.required or self.random.random() < 0.7 else None

    def _return(self) -> Attempt | None:
        """Mostly from behind a join into a branch before it, where somebody stands behind one; else as any other verb."""
        behind = [seat for seat in self.office.rows("SELECT * FROM seat WHERE status = 'open' AND kind = 'main'") if seat["node_id"] in self.model.back]
        if not behind or self.random.random() > WISE:
            return self._registered("return")
        seat = self.random.choice(behind)
        person = self.somebody(seat)
        given = self._arguments(self.office.house.tasks.operations.known["return"], person, seat["id"])
        return self._on(seat, person, f"return {given}", lambda house, connection, actor: house.tasks.operations.perform(
            connection, actor, "return", seat["id"], given
        ))

    # the world around

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


__all__ = ["NAMES", "Act", "Acts", "Attempt", "document"]
