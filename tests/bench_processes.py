"""Completions per second of two processes of the operating system over one database, each with its own share of the open seats."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from app import build_house
from tasks.actors import Actor
from workflows.business_calendar import FrozenClock
from workflows.store import create_database_engine

SPAWN = multiprocessing.get_context("spawn")
WARM = 30  # completions of each process before the clock starts: statements are prepared, models are read
PROCESSES = 2


def complete(url: str, keys: bytes, now: datetime, actor: Actor, seats: Sequence[int], values: Mapping[str, Any], gate: Any, pipe: Any) -> None:
    """One process: complete its seats, one transaction each; answers with when it began and ended."""
    house = build_house(create_database_engine(url), FrozenClock(now), keys)

    def done(share: Sequence[int]) -> None:
        for seat in share:
            with house.store.transaction() as connection:
                house.tasks.complete(connection, actor, seat, values, "complete")

    done(seats[:WARM])
    gate.wait()
    began = time.monotonic()
    done(seats[WARM:])
    pipe.send((began, time.monotonic()))
    house.store.engine.dispose()


def measure(url: str, keys: bytes, now: datetime, actor: Actor, seats: Sequence[int], values: Mapping[str, Any]) -> float:
    """Completions per second while both work; `seats` are open seats that `actor` may complete with `values`."""
    gate, started = SPAWN.Barrier(PROCESSES), []
    for share in (seats[number::PROCESSES] for number in range(PROCESSES)):
        ours, theirs = SPAWN.Pipe()
        one = SPAWN.Process(target=complete, args=(url, keys, now, actor, share, values, gate, theirs), daemon=True)
        one.start()
        started.append((one, ours))
    times = [pipe.recv() for _, pipe in started]
    for one, _ in started:
        one.join(timeout=10)
    return (len(seats) - WARM * PROCESSES) / (max(ended for _, ended in times) - min(began for began, _ in times))
