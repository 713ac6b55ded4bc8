"""Plays scenarios.yaml: given / when / then over the whole house in memory, with a frozen clock. Knows no process by name."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, insert, select

from tasks.keys.agencies import Absence
from tasks.keys.agency_dates import SETTLE
from tasks.lifecycle import LIVE
from tasks.models import SeatOffer, SecurityLog
from tasks.operations import Choice
from tasks.people import Actor
from tasks.scenarios.cast import Cast, moment_of
from tasks.scenarios.expectations import unmet
from tasks.scenarios.shape import malformed
from tasks.seats import SEAT
from tasks.starting import Starting
from workflows.engine import INSTANCE
from workflows.errors import Forbidden, Rejection
from workflows.paths import PathRecorder
from workflows.plain_yaml import YamlError, read_yaml

log = logging.getLogger(__name__)

MAXIMUM_ROUNDS = 2000
Build = Callable[[datetime, Any], Any]  # (clock time, the house to copy or None) → a house in memory


@dataclass
class ScenarioResult:
    """What became of one scenario."""

    id: str
    name: str
    problems: list[str] = field(default_factory=list)
    second_opinion: str | None = None
    path: list[dict[str, Any]] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return not self.problems


class ScenarioBook:
    """All scenarios of one process folder."""

    def __init__(self, files: Mapping[str, bytes], shared: Mapping[str, bytes], build: Build, folder: str | None = None) -> None:
        """`folder` is the folder's name: of several processes, the one that is named so is started unless a scenario names another."""
        self._folder = folder
        self._files = files
        self._shared = shared
        self._build = build
        self._book: dict[str, Any] = _read(files["scenarios.yaml"])
        self._stage: Any = None

    @property
    def ids(self) -> list[str]:
        return [str(scenario["id"]) for scenario in self._book.get("scenarios", [])]

    def run_all(self, only: str | None = None) -> Iterator[ScenarioResult]:
        """Play every scenario (or the one named `only`), each in a house of its own."""
        for scenario in self._book.get("scenarios", []):
            if only is None or scenario["id"] == only:
                yield self._run(scenario)

    def empty_stage(self) -> Any:
        """The house every scenario starts from, made once: the cast is there, the process deployed, nothing has happened."""
        if self._stage is None:
            earliest = min(moment_of(scenario["clock"]) for scenario in self._book["scenarios"])
            stage = self._build(earliest, None)
            with stage.store.transaction() as connection:
                Cast(connection, stage, self._shared, {})
                stage.definitions.deploy(connection, self._files, None)
            self._stage = stage
        return self._stage

    def _run(self, scenario: Mapping[str, Any]) -> ScenarioResult:
        result = ScenarioResult(str(scenario["id"]), str(scenario.get("name", "")))
        play = Play(self._build(moment_of(scenario["clock"]), self.empty_stage()), self._book, self._files, self._shared)
        play.process_id = scenario.get("process") or play.process_named(self._folder)
        recorder = PathRecorder(play.house.engine)
        steps = [*scenario.get("given", []), *scenario.get("steps", [])]
        for number, step in enumerate(steps, 1):
            try:
                problems = play.step(step)
            except Rejection as refusal:
                problems = [f"refused: {refusal.zh}", *[f"  {key}: {words['zh']}" for key, words in refusal.fields.items()]]
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                # A value of the wrong shape somewhere in the step; where it broke is for whoever looks for it.
                log.debug("step %s of %s", number, scenario["id"], exc_info=True)
                problems = [f"cannot be played: {type(error).__name__}: {error}"]
            result.problems += [f"step {number} ({_shown(step)}): {problem}" for problem in problems]
            if result.problems:
                break
        result.second_opinion = recorder.opinion()
        return result


def _read(content: bytes) -> dict[str, Any]:
    """The book, when the runner can read every step of it. Raises Rejection with every place where it cannot."""
    try:
        book = read_yaml(content)
    except YamlError as error:
        raise Rejection(f"scenarios.yaml 无法读取：{error}", f"scenarios.yaml cannot be read: {error.words.en}", status=422) from None
    if problems := malformed(book):
        words = "\n  ".join(problems)
        raise Rejection(f"scenarios.yaml 有 {len(problems)} 处无法读取：", f"scenarios.yaml cannot be read:\n  {words}", status=422)
    return dict(book)


def _shown(step: Mapping[str, Any]) -> str:
    return str(step.get("do") or next(iter(step)))


class Play:
    """One scenario in progress: the house, the cast and the cases it has started."""

    def __init__(self, house: Any, book: Mapping[str, Any], files: Mapping[str, bytes], shared: Mapping[str, bytes]) -> None:
        self.house = house
        self.cases: dict[str, int] = {}
        self.commands: dict[str, int] = {}
        with house.store.transaction() as connection:
            self.cast = Cast(connection, house, shared, book.get("cases", {}), loaded=True)
            versions = house.definitions.deploy_all(connection, files, None)
        self.processes = [version.process_id for version in versions]
        self.process_id: str | None = self.process_named(None)

    def process_named(self, folder: str | None) -> str | None:
        """The process a scenario starts unless it says which: the only one, or the one named as the folder."""
        return folder if folder in self.processes else self.processes[0] if len(self.processes) == 1 else None

    def step(self, step: Mapping[str, Any]) -> list[str]:
        """Do one step; returns what was not as expected."""
        if "start" in step:
            return self._verb({"do": "start", **step["start"]})
        if "expect" in step:
            with self.house.store.read() as connection:
                return unmet(connection, self, step["expect"])
        return self._verb(step)

    def _verb(self, step: Mapping[str, Any]) -> list[str]:
        """A verb that must work, or, with `refused`, must be refused for the given reason."""
        refused = step.get("refused")
        try:
            getattr(self, f"_do_{step['do']}")(step)
        except Rejection as error:
            if isinstance(error, Forbidden):
                self._log(step, error)
            if not refused:
                raise
            return _wrong_refusal(error, refused)
        return ["it was not refused"] if refused else []

    def _log(self, step: Mapping[str, Any], error: Forbidden) -> None:
        """What the web layer does for every forbidden attempt."""
        actor = self.actor(step.get("as"))
        with self.house.store.transaction() as connection:
            connection.execute(insert(SecurityLog).values(
                at=self.house.clock.now(), person_id=actor.person_id, kind="refused", instance_id=self.cases.get(str(step.get("case"))),
                address=None, detail={"words": error.both},
            ))

    # who and what

    def actor(self, name: str | None, channel: str = "web") -> Actor:
        """The actor named in a step: a login, "@K1" for a student, or nobody for the system."""
        with self.house.store.read() as connection:
            return self.cast.actor(connection, name, channel)

    def instance(self, step: Mapping[str, Any]) -> int:
        name = str(step.get("case") or next(iter(self.cases)))
        if name not in self.cases:
            raise Rejection(f"场景中没有事项 {name}。", f"The scenario has no case {name}.")
        return self.cases[name]

    def seat(self, connection: Connection, step: Mapping[str, Any]) -> Any:
        """The seat of a step: the live one of the named activity, of several the actor's own, else the latest one."""
        query = select(SEAT).where(SEAT.c.instance_id == self.instance(step))
        if step.get("activity"):
            query = query.where(SEAT.c.node_id == step["activity"])
        rows = connection.execute(query.order_by(SEAT.c.id.desc())).all()
        live = [row for row in rows if row.status in LIVE]
        if not rows:
            raise Rejection(f"没有环节 {step.get('activity')}。", f"There is no activity {step.get('activity')} in the case.")
        if len(live) > 1 and step.get("as"):
            candidates = self.cast.actor(connection, step["as"]).candidates
            offered = select(SeatOffer.seat_id).where(SeatOffer.seat_id.in_([row.id for row in live]), SeatOffer.candidate.in_(candidates))
            own = set(connection.execute(offered).scalars())
            live = [row for row in live if row.id in own] or live
        return (live or rows)[0]

    # verbs

    def _do_start(self, step: Mapping[str, Any]) -> None:
        actor = self.actor(step.get("as"), str(step.get("channel", "import")))
        names = step["case"] if isinstance(step["case"], list) else [step["case"]]
        process_id = str(step.get("process") or self.process_id)
        if process_id not in self.processes:
            raise Rejection(
                f"请用 process 写明启动哪个流程：{'、'.join(self.processes)}。", f"Say by process which one starts: {', '.join(self.processes)}."
            )
        with self.house.store.transaction() as connection:
            for name in names:
                self.cases[str(name)] = self.cast.start(connection, actor, process_id, str(name), step.get("facts", {}))

    def _do_begin(self, step: Mapping[str, Any]) -> None:
        """Somebody starts a case by hand."""
        process_id = str(step.get("process") or self.process_id)
        starting = Starting(self.house.engine, self.house.definitions, self.house.clock)
        with self.house.store.transaction() as connection:
            self.cases[str(step["case"])] = starting.start(connection, self.cast.actor(connection, step["as"]), process_id)[0]

    def _do_operate(self, step: Mapping[str, Any]) -> None:
        """An operation of the register, on the seat of the activity or on the case; people in its arguments are logins."""
        operations, verb = self.house.tasks.operations, str(step["verb"])
        with self.house.store.transaction() as connection:
            actor = self.cast.actor(connection, step["as"])
            about_seat = operations.get(verb).about == "seat"
            subject = self.seat(connection, step).id if about_seat else self.instance(step)
            choices = operations.choices(connection, actor, verb, subject)
            given = {key: self._argument(connection, choices.get(key, ()), key, value) for key, value in step.get("arguments", {}).items()}
            operations.perform(connection, actor, verb, subject, given)

    def _do_stand_in(self, step: Mapping[str, Any]) -> None:
        """Somebody is away from `since` (now) `until` then, and another works for him; passes the moment after which keys are given out."""
        with self.house.store.transaction() as connection:
            principal, agent = (self.cast.actor(connection, step[name]) for name in ("for", "as"))
            since = moment_of(step["since"]) if "since" in step else self.house.clock.now()
            absence = Absence(agent.person_id, step.get("process"), since, moment_of(step["until"]), str(step.get("reason", "")))
            self.house.tasks.keys.agencies.create(connection, principal, principal.person_id, absence)
        self.house.clock.set(self.house.clock.now() + SETTLE)
        self.house.work_off()

    def _argument(self, connection: Connection, choices: Sequence[Choice], key: str, value: Any) -> Any:
        """People by their logins, places by the activity's id: what the dialog would send for them."""
        if key in ("person", "people"):
            ids = [str(self.cast.actor(connection, name).person_id) for name in (value if isinstance(value, list) else [value])]
            return ids if key == "people" else ids[0]
        name = str(self.house.definitions.current(connection, self.processes[0]).label(str(value), "zh-CN"))
        return next((choice.value for choice in choices if choice.zh.startswith(name)), value)

    def _do_find(self, step: Mapping[str, Any]) -> None:
        """Give a case that a message, a signal or a call has started its name: the newest of its process that has none."""
        query = select(INSTANCE.c.id).where(INSTANCE.c.process_id == step["process"], INSTANCE.c.id.not_in(list(self.cases.values())))
        with self.house.store.read() as connection:
            found = connection.execute(query.order_by(INSTANCE.c.id.desc()).limit(1)).scalar()
        if found is None:
            raise Rejection(f"没有流程“{step['process']}”的其他事项。", f"There is no other case of {step['process']}.")
        self.cases[str(step["case"])] = found

    def _do_complete(self, step: Mapping[str, Any]) -> None:
        actor = self.actor(step["as"])
        with self.house.store.transaction() as connection:
            seat = self.seat(connection, step)
            revision = step.get("revision")
            self.house.tasks.complete(connection, actor, seat.id, step.get("values", {}), step["outcome"], revision)

    def _do_claim(self, step: Mapping[str, Any]) -> None:
        with self.house.store.transaction() as connection:
            self.house.tasks.claim(connection, self.cast.actor(connection, step["as"]), self.seat(connection, step).id)

    def _do_release(self, step: Mapping[str, Any]) -> None:
        with self.house.store.transaction() as connection:
            self.house.tasks.release(connection, self.cast.actor(connection, step["as"]), self.seat(connection, step).id)

    def _do_draft(self, step: Mapping[str, Any]) -> None:
        with self.house.store.transaction() as connection:
            actor = self.cast.actor(connection, step["as"])
            self.house.tasks.save_draft(connection, actor, self.seat(connection, step).id, step.get("values", {}))

    def _do_undo(self, step: Mapping[str, Any]) -> None:
        with self.house.store.transaction() as connection:
            actor = self.cast.actor(connection, step["as"])
            if step.get("command"):
                self.house.tasks.undo_command(connection, actor, self.commands[step["command"]])
                return
            query = select(SEAT.c.id).where(
                SEAT.c.instance_id == self.instance(step), SEAT.c.completed_by == actor.person_id, SEAT.c.status == "completed"
            )
            self.house.tasks.undo(connection, actor, connection.execute(query.order_by(SEAT.c.id.desc()).limit(1)).scalar_one())

    def _do_withdraw(self, step: Mapping[str, Any]) -> None:
        with self.house.store.transaction() as connection:
            self.house.tasks.withdraw_case(connection, self.cast.actor(connection, step["as"]), self.instance(step))

    def _do_urge(self, step: Mapping[str, Any]) -> None:
        with self.house.store.transaction() as connection:
            self.house.tasks.urge(connection, self.cast.actor(connection, step["as"]), self.seat(connection, step).id)

    def _do_reassign(self, step: Mapping[str, Any]) -> None:
        with self.house.store.transaction() as connection:
            actor, other = self.cast.actor(connection, step["as"]), self.cast.actor(connection, step["to"])
            self.house.tasks.reassign(connection, actor, self.seat(connection, step).id, other.person_id, step.get("reason", ""))

    def _do_message(self, step: Mapping[str, Any]) -> None:
        with self.house.store.transaction() as connection:
            if step.get("as"):
                actor = self.cast.actor(connection, step["as"])
                self.house.tasks.send_message(connection, actor, self.instance(step), step["name"], step.get("payload", {}))
                return
            key = step.get("key") or self.cast.expression(connection, self.house, self.instance(step), step["correlation"])
            identity = step.get("id") or f"{step['name']}:{key}:{self.house.clock.now().isoformat()}"
            self.house.engine.correlate(connection, step["name"], key, step.get("payload"), identity)

    def _do_bulk(self, step: Mapping[str, Any]) -> None:
        actor = self.actor(step["as"])
        names = list(self.cases) if step.get("cases", "all") == "all" else step["cases"]
        with self.house.store.transaction() as connection:
            seats = [self.seat(connection, {"case": name, "activity": step["activity"]}) for name in names]
            command = self.house.tasks.bulk_complete(
                connection, actor, [(seat.id, seat.revision) for seat in seats], step["outcome"], step.get("values", {})
            )
        self.commands[str(step.get("id", "bulk"))] = command
        self.house.commands.run_all(command)

    def _do_class_list(self, step: Mapping[str, Any]) -> None:
        with self.house.store.read() as connection:
            self.class_list = self.house.lists.class_list(connection, self.cast.actor(connection, step["as"]))

    def _do_advance(self, step: Mapping[str, Any]) -> None:
        """Move the clock; on the way stop at every moment something is due, as a running worker would."""
        clock = self.house.clock
        target = moment_of(step["to"]) if "to" in step else clock.now() + timedelta(**step["by"])
        for _ in range(MAXIMUM_ROUNDS):
            self.house.work_off()
            moment = self._next_moment()
            if moment is None or moment > target:
                break
            clock.set(max(moment, clock.now()))
        clock.set(target)
        self.house.work_off()

    def _next_moment(self) -> datetime | None:
        with self.house.store.read() as connection:
            found = [
                self.house.engine.next_timer(connection), self.house.deadlines.next_mark(connection), self.house.engine.next_release(connection)
            ]
        return min((moment for moment in found if moment is not None), default=None)

    def security_log_rows(self, connection: Connection) -> int:
        return int(connection.execute(select(func.count()).select_from(SecurityLog).where(SecurityLog.kind == "refused")).scalar_one())

    def row(self, connection: Connection, name: str) -> Any:
        return connection.execute(select(INSTANCE).where(INSTANCE.c.id == self.instance({"case": name}))).one()


def _wrong_refusal(error: Rejection, refused: Any) -> list[str]:
    if refused is True:
        return []
    problems = []
    if "status" in refused and error.status != refused["status"]:
        problems.append(f"refused with {error.status}, expected {refused['status']}: {error.zh}")
    words = " ".join([error.zh, error.en, *[text["zh"] for text in error.fields.values()]])
    for part in [refused["contains"]] if isinstance(refused.get("contains"), str) else refused.get("contains", []):
        if part not in words:
            problems.append(f"refused with “{error.zh}”, which does not say “{part}”")
    for key in refused.get("fields", []):
        if key not in error.fields:
            problems.append(f"field {key} was not named; named: {', '.join(error.fields) or 'none'}")
    return problems
