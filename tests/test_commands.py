"""Long work as rows: chunks that commit, items that fail alone, a crash that leaves a whole chunk undone."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, text

from app import House
from tasks.commands import REST, ItemByItem, Outcome
from tasks.models import SecurityLog
from tasks.people import Actor, system_actor
from workflows.business_calendar import FrozenClock
from workflows.errors import Forbidden, NotFound, Rejection
from workflows.models import Command, CommandItem, Incident, Setting


def note(connection: Connection, name: str) -> None:
    connection.execute(insert(Setting).values(name=name, value="done"))


def noted(house: House) -> set[str]:
    with house.store.read() as connection:
        return set(connection.execute(select(Setting.name).where(Setting.name.like("item%"))).scalars())


def do_item(connection: Connection, _command: Any, item: Any) -> Outcome:
    """Notes its number; refuses what is marked odd, forbids what is marked secret – after it has written."""
    note(connection, f"item {item.payload['number']}")
    if item.payload.get("odd"):
        raise Rejection("奇数不办", "Odd ones are not done")
    if item.payload.get("secret"):
        raise Forbidden("无权办理", "Not yours")
    return Outcome("done")


@pytest.fixture
def commands(house: House) -> Any:
    house.commands.register("note", ItemByItem(do_item, chunk=10, on_finish=lambda _connection, command: {"kept": command.succeeded}))
    return house.commands


def create(house: House, payloads: Sequence[Any], **options: Any) -> int:
    with house.store.transaction() as connection:
        return int(house.commands.create(connection, system_actor(), "note", {"why": "test"}, payloads, **options))


def row(house: House, command_id: int) -> Any:
    with house.store.read() as connection:
        return connection.execute(select(Command.__table__).where(Command.id == command_id)).one()


def test_a_command_is_done_in_chunks_and_counts_as_it_goes(house: House, commands: Any) -> None:
    command = create(house, [{"number": number} for number in range(25)])
    seen: list[tuple[int, int]] = []
    commands.run_all(command, lambda done, total: seen.append((done, total)))
    found = row(house, command)
    assert seen == [(10, 25), (20, 25)] and len(noted(house)) == 25
    assert (found.status, found.done, found.succeeded, found.skipped, found.result) == ("done", 25, 25, 0, {"kept": 25})
    assert found.finished_at == house.clock.now()


@pytest.mark.parametrize("size", [0, 1, 9, 10, 11, 20])
def test_every_size_ends(house: House, commands: Any, size: int) -> None:
    command = create(house, [{"number": number} for number in range(size)])
    house.work_off()
    found = row(house, command)
    assert (found.status, found.done, found.total) == ("done", size, size) and found.finished_at is not None


def test_a_refused_item_is_rolled_back_alone_and_keeps_its_reason(house: House, commands: Any) -> None:
    command = create(house, [{"number": number, "odd": number % 2} for number in range(6)])
    commands.run_all(command)
    assert noted(house) == {"item 0", "item 2", "item 4"}
    with house.store.read() as connection:
        assert commands.counts(connection, command) == {"done": 3, "skipped": 3}
        view = commands.view(connection, command, system_actor())
    assert [(item["position"], item["reason"]["zh"], item["reason"]["en"]) for item in view.items_left] == [
        (position, "奇数不办", "Odd ones are not done") for position in (2, 4, 6)
    ]
    assert (view.succeeded, view.skipped, view.percent, view.result) == (3, 3, 100, {"kept": 3})


def test_an_item_somebody_had_no_right_to_is_in_the_security_log(house: House, commands: Any) -> None:
    command = create(house, [{"number": 1, "secret": True}])
    commands.run_all(command)
    with house.store.read() as connection:
        logged = connection.execute(select(SecurityLog.kind, SecurityLog.detail)).all()
    assert [(entry.kind, entry.detail["command"], entry.detail["position"]) for entry in logged] == [("refused", command, 1)]


def test_a_crash_in_a_chunk_undoes_that_chunk_only_and_the_next_run_finishes(house: House) -> None:
    broken = [True]

    def fragile(connection: Connection, command: Any, item: Any) -> Outcome:
        if item.payload["number"] == 15 and broken:
            raise MemoryError
        return do_item(connection, command, item)

    house.commands.register("note", ItemByItem(fragile, chunk=10))
    command = create(house, [{"number": number} for number in range(30)])
    with pytest.raises(MemoryError):
        house.commands.run_all(command)
    assert noted(house) == {f"item {number}" for number in range(10)}
    assert (row(house, command).done, row(house, command).status) == (10, "running")
    broken.clear()
    house.work_off()
    assert len(noted(house)) == 30 and row(house, command).done == 30


def test_a_command_that_keeps_breaking_holds_up_no_other_and_becomes_an_incident(
    house: House, clock: FrozenClock, commands: Any, caplog: pytest.LogCaptureFixture
) -> None:
    broken = [True]

    def explode(connection: Connection, command: Any, item: Any) -> Outcome:
        if broken:
            raise MemoryError
        return do_item(connection, command, item)

    house.commands.register("explode", ItemByItem(explode))
    with house.store.transaction() as connection:
        first = house.commands.create(connection, system_actor(), "explode", {}, [{"number": 1}])
    second = create(house, [{"number": 2}])
    with caplog.at_level(logging.CRITICAL):
        house.work_off()
        house.work_off()
        assert (row(house, first).status, row(house, second).status) == ("waiting", "done")
        for _ in range(4):
            clock.advance(REST)
            house.work_off()
    with house.store.read() as connection:
        found = connection.execute(select(Incident.kind, Incident.detail)).all()
    assert [(incident.kind, incident.detail) for incident in found] == [("command_failed", {"command": first})]
    broken.clear()
    clock.advance(REST)
    house.work_off()
    assert row(house, first).status == "done" and noted(house) == {"item 1", "item 2"}


def test_the_same_key_gives_the_first_command_again(house: House, commands: Any) -> None:
    first = create(house, [{"number": 1}], idempotency_key="page 7")
    again = create(house, [{"number": 1}, {"number": 2}], idempotency_key="page 7")
    other = create(house, [{"number": 3}], idempotency_key="page 8")
    assert first == again != other and row(house, first).total == 1


def test_a_previewed_command_waits_until_it_is_confirmed(house: House, commands: Any) -> None:
    command = create(house, [{"number": 1}], status="preview")
    house.work_off()
    assert noted(house) == set() and not commands.run_chunk(command)
    with house.store.transaction() as connection:
        commands.confirm(connection, command)
    house.work_off()
    assert noted(house) == {"item 1"}


def test_older_commands_come_first_and_a_finished_one_is_never_run_again(house: House, commands: Any) -> None:
    first, second = create(house, [{"number": 1}]), create(house, [{"number": 2}])
    assert commands.run_next() and noted(house) == {"item 1"}
    house.work_off()
    assert noted(house) == {"item 1", "item 2"}
    assert not commands.run_chunk(first) and not commands.run_chunk(second) and not commands.run_next()


def test_only_who_gave_a_command_sees_it(house: House, commands: Any, cast: Any) -> None:
    with house.store.transaction() as connection:
        clerk: Actor = cast.actor(connection, "gaojingban")
        command = commands.create(connection, clerk, "note", {}, [{"number": 1}])
    with house.store.read() as connection:
        assert commands.view(connection, command, clerk).total == 1
        with pytest.raises(Forbidden):
            commands.view(connection, command, cast.actor(connection, "dengjingban"))
        with pytest.raises(NotFound):
            commands.view(connection, 999, clerk)
        assert connection.execute(select(CommandItem.status)).scalar_one() == "waiting"
        assert connection.execute(text("SELECT count(*) FROM setting WHERE name LIKE 'item%'")).scalar_one() == 0
