"""What random people try: verbs and registered operations on random seats and cases with random arguments, allowed ones and others."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from app import House
from tasks.standing import near, see
from tests.prover_around import HEADS, SPANS, Around
from tests.prover_attempts import NAMES, WISE, Act, Attempt
from tests.prover_models import Model
from tests.prover_office import APPLICANTS, PEOPLE, Office, document
from workflows.errors import Rejection

# verb → how often; the rest of the register comes with weight 2, on seats of people who might
VERBS = {
    "complete": 34, "claim": 7, "release": 3, "save_draft": 3, "undo": 5, "withdraw": 3, "withdraw_case": 2, "reassign": 3, "urge": 1, "bulk": 3,
    "time": 9, "work": 3, "disable": 1, "enable": 2, "membership": 1, "message": 2, "signal": 1, "send_message": 2, "agency": 3, "end_agency": 1,
    "hand_over": 1.5, "migrate": 1.5, "return_to_pool": 1.5, "undo_bulk": 2,
}
MORE = {"return": 4, "withdraw": 3, "jump": 1, "terminate": 0.3, "void": 0.2, "suspend": 0.7, "resume": 4, "comment": 0.5, "circulate": 0.5, "snooze": 0.3, "delegate": 1, "take_back": 1, "take_back_from_agent": 1}
FEWER = (0.8, 0.25, 0.08)  # how often a case starts where none, one or more are at work
DULL = ("ask", "circulate", "snooze")
REGRETS = 0.5  # of the bulk decisions are taken back while it is time
INFORMED = 0.42  # are of a verb the house offers him


class Acts(Around):
    """Chooses attempts over an office with a deployed model."""

    def __init__(self, office: Office, model: Model, source: random.Random) -> None:
        super().__init__(office, model, source)
        registered = office.house.tasks.operations.known
        self.verbs = {**VERBS, **{verb: MORE.get(verb, 0.7) for verb in registered if verb not in VERBS}}
        self.branches = {task for tasks in model.back.values() for task in tasks}
        self.chosen: tuple[Any, int] | None = None

    def attempt(self) -> Attempt:
        """The next one."""
        at_work = self.office.rows("SELECT count(*) FROM process_instance WHERE status = 'active'")[0][0]
        if self.random.random() < FEWER[min(at_work, 2)]:
            return self.start()
        verb, self.chosen = self._informed() if self.random.random() < INFORMED else (None, None)
        if self.regretted is not None and self.random.random() < REGRETS:
            verb, self.regretted = self.regretted, None
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
        seat = self.seat(("open", "parked", "queued"))
        if seat is None:
            return None
        subject = self.office.rows("SELECT subject_person FROM process_instance WHERE id = ?", seat["instance_id"])[0][0]
        person = subject if subject and self.random.random() < 0.7 else self.anybody()
        return self._on(seat, person, "urge", lambda house, connection, actor: house.tasks.urge(connection, actor, seat["id"]))

    def _reassign(self) -> Attempt | None:
        seat = self.seat(("open", "parked"))
        if seat is None:
            return None
        other, person = self.somebody(seat), self.random.choice([*(PEOPLE[one] for one in HEADS), self.anybody()])
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
        case = self.case("active")
        if case is None:
            return None
        subject = self.office.rows("SELECT subject_person FROM process_instance WHERE id = ?", case)[0][0]
        person = subject if subject and self.random.random() < WISE else PEOPLE[self.random.choice(APPLICANTS)]
        return self._doing(f"withdraw case {case}", person, lambda house, connection, actor: house.tasks.withdraw_case(connection, actor, case))

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

    def _remove_signer(self) -> Attempt | None:
        """Mostly a signer that is still asked, by whoever added him."""
        self.chosen = self._of("SELECT *, added_by AS person FROM seat WHERE added_by IS NOT NULL AND status IN ('open', 'queued')")
        return self._registered("remove_signer")

    def _take_back_from_agent(self) -> Attempt | None:
        """Mostly a seat that somebody's agent has a key to, by the absent himself."""
        self.chosen = self._of(
            "SELECT s.*, CAST(substr(s.claimed_as, 8) AS INTEGER) AS person FROM seat s "
            "WHERE s.status IN ('open', 'parked') AND s.claimed_as LIKE 'person:%' AND s.claimed_as != 'person:' || s.owner_id"
        ) or self._of(
            "SELECT s.*, o.principal_id AS person FROM seat s JOIN seat_offer o ON o.seat_id = s.id WHERE s.status IN ('open', 'parked') AND o.principal_id IS NOT NULL"
        )
        return self._registered("take_back_from_agent")

    def _take_back(self) -> Attempt | None:
        """Mostly a seat that waits for a delegate, by whoever holds it."""
        self.chosen = self._of(
            "SELECT s.*, s.owner_id AS person FROM seat s JOIN seat d ON d.parent_seat_id = s.id AND d.kind = 'delegate' AND d.status = 'open' "
            "WHERE s.status = 'parked' AND s.owner_id IS NOT NULL"
        )
        return self._registered("take_back")

    def _of(self, query: str) -> tuple[Any, int] | None:
        rows = self.office.rows(query)
        row = self.random.choice(rows) if rows else None
        return None if row is None or self.random.random() > WISE else (row, int(row["person"]))

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


__all__ = ["NAMES", "Act", "Acts", "Attempt", "document"]
