"""Commands on cases: start, complete, messages, timers, modification. Runs the machine, keeps its waits, facts and messages. Knows no people."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from workflows.business_calendar import Clock
from workflows.case import Case
from workflows.definitions import Definitions, ProcessVersion
from workflows.errors import Conflict, NotFound, Rejection
from workflows.feel.values import to_json
from workflows.graph import Node
from workflows.history import GENESIS, SYSTEM, Author, write
from workflows.host import EngineHost, Functions, assignments, feel
from workflows.jobs import raise_incident
from workflows.machine import Happening, MachineError
from workflows.models import BufferedMessage, OutboxMessage, ProcessInstance, Wait, table_of
from workflows.timers import next_round, timer_due

INSTANCE = table_of(ProcessInstance)
SAVED = (
    "number", "status", "stage", "round", "state", "variables", "history_sequence", "history_hash", "last_change_at", "ended_at",
)
SAVE_CASE = update(INSTANCE).where(INSTANCE.c.id == bindparam("b_id"), INSTANCE.c.revision == bindparam("b_revision")).values(
    {name: bindparam(f"b_{name}") for name in SAVED} | {"revision": INSTANCE.c.revision + 1}
)
DROP_WAIT = delete(Wait).where(Wait.instance_id == bindparam("b_instance"), Wait.wait_id == bindparam("b_wait"))
EARLY_MESSAGES = (
    select(BufferedMessage.id, BufferedMessage.payload, Wait.wait_id, Wait.instance_id.label("case_id"))
    .join(Wait, (Wait.name == BufferedMessage.name) & (Wait.correlation_key == BufferedMessage.correlation_key))
    .where(
        Wait.instance_id.in_(bindparam("cases", expanding=True)), Wait.kind == "message", BufferedMessage.delivered_to.is_(None)
    ).order_by(BufferedMessage.id)
)
INSERT_WAIT, INSERT_MESSAGE = insert(Wait), insert(OutboxMessage)
RECORDED = {"opened", "completed", "cancelled", "passed", "fired", "error_uncaught", "escalation"}
Outcome = tuple[Case, list[Happening]]


class Listener(Protocol):
    """Hears what happened to cases, in the same transaction, before they are saved."""

    def __call__(self, connection: Connection, outcomes: Sequence[Outcome]) -> None: ...


@dataclass(frozen=True, slots=True)
class StartItem:
    """One case to start: its facts become the variable `case`."""

    facts: Mapping[str, Any]
    variables: Mapping[str, Any] = field(default_factory=dict)


class ProcessEngine:
    """The enactment service: every public method is one command inside the caller's transaction."""

    def __init__(
        self, definitions: Definitions, clock: Clock, functions: Callable[[Connection, Case], Functions],
        outbox_delay: timedelta = timedelta(seconds=30),
    ) -> None:
        self._definitions = definitions
        self._clock = clock
        self._functions = functions
        self._outbox_delay = outbox_delay
        self.listeners: list[Listener] = []
        self.after_events: list[Callable[[Connection, Case], None]] = []

    def functions(self, connection: Connection, case: Case) -> Functions:
        """The host functions expressions of `case` may call."""
        return self._functions(connection, case)

    def now(self) -> datetime:
        """The engine's clock."""
        return self._clock.now()

    def version(self, connection: Connection, definition_id: int) -> ProcessVersion:
        """A process version by its number."""
        return self._definitions.get(connection, definition_id)

    # loading and saving

    def load(self, connection: Connection, instance_id: int, author: Author = SYSTEM) -> Case:
        """Lock a case for this transaction and read it."""
        row = connection.execute(select(INSTANCE).where(INSTANCE.c.id == instance_id).with_for_update()).first()
        if row is None:
            raise NotFound("没有这个事项。", "There is no such case.")
        return self.attach(connection, row, author)

    def attach(self, connection: Connection, row: Any, author: Author) -> Case:
        """A Case over an instance row that the caller has read and locked."""
        return Case(row, self._definitions.get(connection, row.definition_id), self._clock.now(), author)

    def save(self, connection: Connection, cases: Sequence[Case]) -> None:
        """Write what the command changed: facts, waits, messages, and last the cases, each guarded by its revision."""
        write(connection, [row for case in cases for row in case.chain.take()])
        waits = [wait for case in cases for wait in case.waits]
        unwaits = [{"b_instance": case.id, "b_wait": wait} for case in cases for wait in case.unwaits]
        messages = [message for case in cases for message in case.outbox]
        if unwaits:
            self._remember_dropped(connection, cases)
            connection.execute(DROP_WAIT, unwaits)
        if waits:
            connection.execute(INSERT_WAIT, waits)
        if messages:
            connection.execute(INSERT_MESSAGE, messages)
        written = connection.execute(SAVE_CASE, [_row_of(case) for case in cases])
        if len(cases) == 1 and written.rowcount == 0:
            raise Conflict("该事项刚刚被他人更改，请刷新。", "This case was changed by somebody else just now; reload.")
        for case in cases:
            case.revision += 1
            case.waits, case.unwaits, case.outbox = [], [], []

    @staticmethod
    def _remember_dropped(connection: Connection, cases: Sequence[Case]) -> None:
        """An undo needs the waits as they were, due times included."""
        for case in cases:
            if case.unwaits:
                query = select(Wait.__table__).where(Wait.instance_id == case.id, Wait.wait_id.in_(case.unwaits))
                case.dropped_waits += [
                    {**row._mapping, "due_at": row.due_at.isoformat() if row.due_at else None} for row in connection.execute(query)
                ]

    def restore(self, connection: Connection, case: Case, before: Mapping[str, Any], kind: str, detail: Mapping[str, Any]) -> None:
        """Put marking, variables and waits back as `before` says; token numbers go on counting, history keeps both ways."""
        case.state = case.version.machine.restored(before["state"], case.state)
        case.variables, case.inputs = dict(before["variables"]), None
        case.status, case.stage, case.round = before["status"], before["stage"], before["round"]
        case.ended_at = None
        now_waiting = set(connection.execute(select(Wait.wait_id).where(Wait.instance_id == case.id)).scalars())
        restored = {wait["wait_id"]: wait for wait in before.get("dropped_waits", [])}
        kept = {str(wait) for wait in case.version.machine.waits(case.state)}
        case.unwaits = sorted(now_waiting - kept)
        case.waits = [
            {**{name: wait[name] for name in ("instance_id", "wait_id", "node_id", "kind", "repeat", "name", "correlation_key")},
             "due_at": datetime.fromisoformat(wait["due_at"]) if wait["due_at"] else None}
            for wait_id, wait in restored.items() if wait_id in kept and wait_id not in now_waiting
        ]
        case.record(kind, detail=detail)
        self.save(connection, [case])

    # commands

    def start(self, connection: Connection, process_id: str, item: StartItem, author: Author) -> Case:
        """Start one case of the current version."""
        return self.start_many(connection, process_id, [item], author)[0]

    def start_many(self, connection: Connection, process_id: str, items: Sequence[StartItem], author: Author) -> list[Case]:
        """Start many cases in few statements; business keys must be new (the database refuses a second case of a key)."""
        version = self._definitions.current(connection, process_id)
        now = self._clock.now()
        rows = [self._new_row(connection, version, item, now) for item in items]
        returning = insert(INSTANCE).returning(INSTANCE.c.id, sort_by_parameter_order=True)
        ids = connection.execute(returning, rows).scalars().all()
        outcomes: list[Outcome] = []
        for row, instance_id in zip(rows, ids, strict=True):
            case = Case({**row, "id": instance_id, "ended_at": None}, version, now, author)
            case.record("started", detail={"version": version.version})
            with refusing():
                case.state, happenings = version.machine.start(EngineHost(case, self.functions(connection, case)))
            outcomes.append((case, happenings))
        self.settle(connection, outcomes)
        return [case for case, _ in outcomes]

    def _new_row(self, connection: Connection, version: ProcessVersion, item: StartItem, now: datetime) -> dict[str, Any]:
        row: dict[str, Any] = {
            "definition_id": version.id, "process_id": version.process_id, "business_key": None, "cycle": item.facts.get("cycle"),
            "number": None, "subject": None, "subject_person": None, "status": "active", "stage": None, "round": 0, "revision": 0,
            "state": {}, "variables": {"case": dict(item.facts), **item.variables}, "history_sequence": 0, "history_hash": GENESIS,
            "started_at": now, "last_change_at": now,
        }
        case = Case({**row, "id": 0, "ended_at": None}, version, now, SYSTEM)
        functions = self.functions(connection, case)
        properties = version.graph.properties
        for column in ("business_key", "subject", "subject_person"):
            value = feel(case, functions, properties.get(column))
            row[column] = to_json(value)
        return row

    def complete(self, connection: Connection, case: Case, token: str, patch: Mapping[str, Any], detail: Mapping[str, Any]) -> list[Happening]:
        """A waiting activity is done: store its values, move the token on, settle everything that follows."""
        node = case.version.graph.nodes[self.node_of(case, token)]
        changes = case.set(patch)
        case.record("activity_completed", node=node.id, token=token, detail={**detail, "changes": changes})
        with refusing():
            happenings = case.version.machine.complete(case.state, token, EngineHost(case, self.functions(connection, case)))
        self.settle(connection, [(case, happenings)])
        return happenings

    def modify(
        self, connection: Connection, case: Case, *, cancel: Sequence[str], start: Sequence[str], kind: str, detail: Mapping[str, Any]
    ) -> list[Happening]:
        """One atomic modification of the marking: cancel tokens, start activities, leave one audit row that names the reason."""
        case.record(kind, detail={**detail, "cancel": list(cancel), "start": list(start)})
        if start and case.status == "completed":
            case.status, case.ended_at = "active", None
        host = EngineHost(case, self.functions(connection, case))
        with refusing():
            happenings = case.version.machine.modify(case.state, host, cancel=list(cancel), start=list(start))
        self.settle(connection, [(case, happenings)])
        return happenings

    def trigger(self, connection: Connection, case: Case, wait_id: str, payload: Any, kind: str) -> None:
        """A timer is due or a message has come for a waiting case."""
        node_id = connection.execute(
            select(Wait.node_id).where(Wait.instance_id == case.id, Wait.wait_id == wait_id)
        ).scalar_one()
        node = case.version.graph.nodes[node_id]
        variable = node.event.message_variable or node.properties.get("message_variable")
        changes = case.set(assignments(variable, payload, case.variables)) if variable and payload is not None else {}
        case.record(kind, node=node_id, detail={"changes": changes, **({"payload": payload} if payload is not None else {})})
        with refusing():
            happenings = case.version.machine.trigger(case.state, wait_id, EngineHost(case, self.functions(connection, case)))
        self.settle(connection, [(case, happenings)])
        for listener in self.after_events:
            listener(connection, case)

    def correlate(
        self, connection: Connection, name: str, key: str | None, payload: Any, idempotency_key: str, author: Author = SYSTEM
    ) -> int | None:
        """Deliver a message to the case that waits for it, or keep it until one does; the same idempotency key does nothing.

        Returns the case's id, or None when nobody waits yet.
        """
        if connection.execute(select(BufferedMessage.id).where(BufferedMessage.idempotency_key == idempotency_key)).first():
            return None
        query = select(Wait.instance_id, Wait.wait_id).where(Wait.kind == "message", Wait.name == name, Wait.correlation_key == key)
        waiting = connection.execute(query.order_by(Wait.id).limit(1)).first()
        now = self._clock.now()
        connection.execute(insert(BufferedMessage).values(
            idempotency_key=idempotency_key, name=name, correlation_key=key, payload=payload, received_at=now,
            delivered_to=waiting.instance_id if waiting else None, delivered_at=now if waiting else None,
        ))
        if waiting is None:
            return None
        self.trigger(connection, self.load(connection, waiting.instance_id, author), waiting.wait_id, payload, "message_received")
        return int(waiting.instance_id)

    def fire_timer(self, connection: Connection, instance_id: int, wait_id: str) -> None:
        """A timer of a case is due: move its token, unless it was cancelled meanwhile."""
        mine = (Wait.instance_id == instance_id, Wait.wait_id == wait_id)
        case = self.load(connection, instance_id)
        wait = connection.execute(select(Wait.due_at, Wait.repeat, Wait.node_id).where(*mine)).first()
        if wait is None or wait.due_at is None or wait.due_at > self._clock.now() or case.status != "active":
            return
        self.trigger(connection, case, wait_id, None, "timer_fired")
        if case.version.graph.nodes[wait.node_id].event.timer == "cycle":
            due, left = next_round(wait.due_at, wait.repeat)
            connection.execute(update(Wait).where(*mine).values(due_at=due, repeat=left))

    def due_timers(self, connection: Connection, limit: int = 200) -> list[tuple[int, str]]:
        """(case, wait) of timers that are due, earliest first."""
        query = (
            select(Wait.instance_id, Wait.wait_id).join(INSTANCE, INSTANCE.c.id == Wait.instance_id)
            .where(Wait.due_at <= self._clock.now(), INSTANCE.c.status == "active").order_by(Wait.due_at).limit(limit)
        )
        return [(row.instance_id, row.wait_id) for row in connection.execute(query)]

    def next_timer(self, connection: Connection) -> datetime | None:
        """When the next timer is due."""
        return connection.execute(select(Wait.due_at).where(Wait.due_at.is_not(None)).order_by(Wait.due_at).limit(1)).scalar()

    def next_release(self, connection: Connection) -> datetime | None:
        """When the next held message may be sent."""
        query = select(OutboxMessage.release_at).where(OutboxMessage.status == "held").order_by(OutboxMessage.release_at)
        return connection.execute(query.limit(1)).scalar()

    # what follows from what happened

    def settle(self, connection: Connection, outcomes: Sequence[Outcome]) -> None:
        """Record what happened, mirror waits, throw messages, tell the listeners, save; then hand over early messages."""
        for case, happenings in outcomes:
            functions = self.functions(connection, case)
            for happening in happenings:
                self._follow(case, functions, happening)
            if any(happening.kind == "deadlocked" for happening in happenings):
                raise_incident(
                    connection, case.now, "deadlock", f"事项停在汇合处，没有可办理的环节（{case.subject or case.id}）",
                    instance_id=case.id, unique_key=f"deadlock:{case.id}",
                )
        for listener in self.listeners:
            listener(connection, outcomes)
        self.save(connection, [case for case, _ in outcomes])
        self._deliver_early(connection, [case for case, happenings in outcomes if any(one.kind == "wait" for one in happenings)])

    def _follow(self, case: Case, functions: Functions, happening: Happening) -> None:
        node = case.version.graph.nodes.get(happening.node) if happening.node else None
        kind = happening.kind
        if kind in RECORDED:
            self._record(case, happening)
        if node is not None and kind in ("opened", "passed"):
            stage = feel(case, functions, node.properties.get("stage"))
            case.stage = str(stage) if stage is not None else case.stage
        if kind == "opened" and happening.node in case.version.applicant_nodes:
            case.round += 1
        elif kind == "wait":
            case.waits.append(self._wait_row(case, functions, happening))
        elif kind == "unwait":
            self._drop_wait(case, str(happening.wait))
        elif kind == "message_thrown" and node is not None:
            self._throw(case, functions, node, happening)
        elif kind == "ended":
            case.status, case.ended_at = "completed", case.now
            case.record("ended", detail={"stage": case.stage})

    def _record(self, case: Case, happening: Happening) -> None:
        if happening.kind == "completed":
            return  # the completing command has recorded it with its author and values
        detail: dict[str, Any] = {"cause": [str(token) for token in happening.cause]} if happening.cause else {}
        arrivals = happening.detail.get("arrivals") if happening.detail else None
        if arrivals:
            detail["arrivals"] = [[flow, str(token)] for flow, token in arrivals]
        token = str(happening.token) if happening.token is not None else None
        case.record(f"activity_{happening.kind}" if happening.kind in ("opened", "cancelled") else happening.kind,
                    node=happening.node, token=token, detail=detail)

    def _wait_row(self, case: Case, functions: Functions, happening: Happening) -> dict[str, Any]:
        node = case.version.graph.nodes[str(happening.node)]
        event = node.event
        row: dict[str, Any] = {
            "instance_id": case.id, "wait_id": str(happening.wait), "node_id": node.id, "kind": event.kind,
            "due_at": None, "repeat": None, "name": None, "correlation_key": None,
        }
        if event.kind == "timer":
            row["due_at"], row["repeat"] = timer_due(event, case.now, lambda text: feel(case, functions, text))
        else:
            row["name"] = event.name
            row["correlation_key"] = _key(case, functions, node)
        return row

    def _drop_wait(self, case: Case, wait_id: str) -> None:
        kept = [wait for wait in case.waits if wait["wait_id"] != wait_id]
        if len(kept) == len(case.waits):
            case.unwaits.append(wait_id)
        case.waits = kept

    def _throw(self, case: Case, functions: Functions, node: Node, happening: Happening) -> None:
        case.outbox.append({
            "instance_id": case.id, "node_id": node.id, "token": str(happening.token), "name": node.event.name or node.id,
            "correlation_key": _key(case, functions, node), "payload": to_json(feel(case, functions, node.properties.get("payload"))),
            "status": "held", "created_at": case.now, "release_at": case.now + self._outbox_delay,
        })
        case.record("message_thrown", node=node.id, token=str(happening.token), detail={"message": case.outbox[-1]["name"]})

    def _deliver_early(self, connection: Connection, cases: Sequence[Case]) -> None:
        """Messages that came before their case waited for them: one statement finds them for all cases of a chunk."""
        by_id = {case.id: case for case in cases}
        if not by_id:
            return
        early = connection.execute(EARLY_MESSAGES, {"cases": list(by_id)}).all()
        for message in early:
            case = by_id[message.case_id]
            if str(message.wait_id) not in {str(wait) for wait in case.version.machine.waits(case.state)}:
                continue
            delivered = update(BufferedMessage).where(BufferedMessage.id == message.id, BufferedMessage.delivered_to.is_(None))
            if connection.execute(delivered.values(delivered_to=case.id, delivered_at=case.now)).rowcount:
                self.trigger(connection, case, message.wait_id, message.payload, "message_received")

    @staticmethod
    def node_of(case: Case, token: str) -> str:
        """Where a token is; raises Conflict when it is gone."""
        for found in case.version.machine.tokens(case.state):
            if str(found[0]) == token:
                return str(found[1])
        raise Conflict("该环节已经结束，请刷新。", "This step is over; reload.")

    def outbox_is_due(self, connection: Connection) -> bool:
        """Whether a held message may be sent now."""
        query = select(OutboxMessage.id).where(OutboxMessage.status == "held", OutboxMessage.release_at <= self._clock.now())
        return connection.execute(query.limit(1)).first() is not None

    def release_outbox(self, connection: Connection, limit: int = 200) -> int:
        """Send messages whose holding time is over: to cases of this house that wait for them, and out."""
        now = self._clock.now()
        query = select(OutboxMessage.__table__).where(OutboxMessage.status == "held", OutboxMessage.release_at <= now)
        rows = connection.execute(query.order_by(OutboxMessage.release_at).limit(limit)).all()
        for row in rows:
            self.correlate(connection, row.name, row.correlation_key, row.payload, f"outbox:{row.id}")
        if rows:
            ids = [row.id for row in rows]
            connection.execute(update(OutboxMessage).where(OutboxMessage.id.in_(ids)).values(status="sent", sent_at=now))
        return len(rows)


def _key(case: Case, functions: Functions, node: Node) -> str | None:
    """The correlation key of a message this node throws or waits for."""
    text = node.event.correlation
    key = None if text is None else feel(case, functions, text if text.startswith("=") else f"={text}")
    return None if key is None else str(key)


@contextmanager
def refusing() -> Iterator[None]:
    """What the machine cannot do, as a refusal: the transaction is rolled back, so its half-changed state is thrown away."""
    try:
        yield
    except MachineError as error:
        raise Rejection(error.zh, error.en, status=409) from error


def _row_of(case: Case) -> dict[str, Any]:
    return {
        "b_id": case.id, "b_revision": case.revision, "b_number": case.number, "b_status": case.status, "b_stage": case.stage,
        "b_round": case.round, "b_state": case.state, "b_variables": case.variables, "b_history_sequence": case.chain.sequence,
        "b_history_hash": case.chain.head, "b_last_change_at": case.now, "b_ended_at": case.ended_at,
    }


__all__ = ["Case", "Listener", "ProcessEngine", "Rejection", "StartItem"]
