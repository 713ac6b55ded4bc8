"""抄送与传阅: shows a step of a case to people, as something to read. Never a token, never a task, and it cannot fail the case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, Select, func, insert, select, update

from tasks.actors import Actor
from tasks.colleagues import colleagues
from tasks.models import Notification, Person
from tasks.operation_models import Circulation
from tasks.operations import Answer, Argument, Arguments, Choice, Operation
from tasks.talking.comments import told_about
from workflows.business_calendar import Clock, local_day
from workflows.engine import ProcessEngine
from workflows.errors import InvalidForm
from workflows.models import AnyRow, ProcessInstance
from workflows.store import insert_missing

TABLE = Circulation.__table__


class Circulations:
    """The operation circulate, and what was sent to a person to read."""

    def __init__(self, engine: ProcessEngine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def operations(self) -> Sequence[Operation]:
        """As data for the register."""
        return [Operation(
            "circulate", "seat", "抄送", "Send a copy",
            "把该环节的内容抄送给他人阅知；对方只能查看，不需要办理，不影响进度。同一环节同一轮不会重复抄送。",
            "Shows this step to others, to read only; nobody has to act and nothing waits. Nobody gets the same step of a round twice.",
            self.circulate, (Argument("people", "people", "抄送给", "To", True), Argument("text", "text", "附言", "Note")),
            self.choices, icon="copy", search=self.choices,
        )]

    def circulate(self, connection: Connection, actor: Actor, seat_id: int, given: Arguments) -> Answer:
        """Send the step to `people`. Raises InvalidForm for somebody outside the sender's unit, and what the guards say."""
        row, case = told_about(self._engine, connection, actor, seat_id, "circulate")
        wanted = [person for person in given["people"] if person != actor.person_id]
        if not wanted or set(wanted) - set(colleagues(connection, actor, local_day(case.now), wanted)):
            raise InvalidForm({"people": {"zh": "只能抄送给本单位及下级单位的在职人员", "en": "Only active people of your unit or below can be sent a copy"}})
        have = select(TABLE.c.person_id).where(
            TABLE.c.instance_id == case.root, TABLE.c.node_id == row.seat_node_id, TABLE.c.round == case.round, TABLE.c.person_id.in_(wanted)
        )
        had = set(connection.execute(have).scalars())
        new = [person for person in dict.fromkeys(wanted) if person not in had]
        insert_missing(connection, Circulation, [
            {"instance_id": case.root, "node_id": row.seat_node_id, "round": case.round, "person_id": person, "sent_by": actor.person_id,
             "text": given.get("text") or None, "sent_at": case.now, "read_at": None}
            for person in new
        ])
        if new:
            case.record("circulated", node=row.seat_node_id, token=row.seat_token, detail={"seat": seat_id, "to": new, "text": given.get("text")})
            connection.execute(insert(Notification), [
                {"candidate": f"person:{person}", "kind": "circulated", "instance_id": case.root, "seat_id": None, "created_at": case.now,
                 "text": {"zh": f"{case.subject or ''}：{actor.name}抄送给您", "en": f"{case.subject or ''}: a copy from {actor.name}"}}
                for person in new
            ])
        self._engine.save(connection, [case])
        return Answer(f"已抄送 {len(new)} 人。" if new else "这些人已收到过抄送。", f"Sent to {len(new)}." if new else "They have it already.")

    def choices(self, connection: Connection, actor: Actor, seat_id: int, text: str = "") -> Mapping[str, Sequence[Choice]]:
        """The people of the sender's unit and below; with `text`, those it names."""
        people = colleagues(connection, actor, self._clock.today(), text=text)
        return {"people": [
            Choice(str(person), f"{name}（{where}）", f"{name} ({where})") for person, (name, where) in people.items() if person != actor.person_id
        ]}

    # reading

    def received(self, connection: Connection, actor: Actor, *, after: int | None = None, size: int = 25) -> Sequence[AnyRow]:
        """抄送我的: what was sent to the person, unread first, then newest; `after` is the last number of the page before."""
        unread = TABLE.c.read_at.is_(None)
        query = (
            select(TABLE, ProcessInstance.subject, ProcessInstance.number, ProcessInstance.process_id, ProcessInstance.definition_id, Person.name.label("sender"))
            .join(ProcessInstance, ProcessInstance.id == TABLE.c.instance_id).outerjoin(Person, Person.id == TABLE.c.sent_by)
            .where(TABLE.c.person_id == actor.person_id).order_by(unread.desc(), TABLE.c.id.desc()).limit(size)
        )
        return connection.execute(query.where(TABLE.c.id < after) if after is not None else query).all()

    def unread(self, connection: Connection, actor: Actor) -> int:
        """How many copies the person has not read."""
        found: int = connection.execute(
            select(func.count()).select_from(TABLE).where(TABLE.c.person_id == actor.person_id, TABLE.c.read_at.is_(None))
        ).scalar_one()
        return found

    @staticmethod
    def unread_of(actor: Actor, instance_id: int) -> Select[int]:
        """A query: how many unread copies of one case the person has."""
        return select(func.count()).select_from(TABLE).where(
            TABLE.c.person_id == actor.person_id, TABLE.c.instance_id == instance_id, TABLE.c.read_at.is_(None)
        )

    def read(self, connection: Connection, actor: Actor, instance_id: int) -> int:
        """The person has looked at the case: its copies are read. Returns how many there were."""
        written = connection.execute(update(Circulation).where(
            TABLE.c.person_id == actor.person_id, TABLE.c.instance_id == instance_id, TABLE.c.read_at.is_(None)
        ).values(read_at=self._clock.now()))
        return written.rowcount

