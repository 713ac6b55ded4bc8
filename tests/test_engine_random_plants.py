"""Proves the comparison of whole cases in the engine: faults planted around the machine, one at a time, must make both sides differ."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.test_engine_random import run
from workflows import calls, host, settling
from workflows.calls import Calls
from workflows.signals import Signals

MOST = 60
Nothing = Callable[..., Any]


def nothing(*_: Any, **__: Any) -> tuple[()]:
    """Does not do what it should."""
    return ()


@pytest.mark.parametrize(("owner", "name", "fault", "features"), [
    (calls, "handed_in", nothing, "call"), (host, "mapped", nothing, "call"), (Calls, "_stop", nothing, "call boundary"),
    (Calls, "_hand_over", staticmethod(nothing), "many counting"), (Calls, "_look_inside", nothing, "many condition boundary"),
    (Signals, "throw", nothing, "signal boundary"), (settling, "_drop_wait", nothing, "boundary"),
], ids=lambda value: value if isinstance(value, str) else "")
def test_a_fault_planted_around_the_machine_is_seen(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, fault: Nothing, features: str, database: str) -> None:
    if database != "sqlite":
        pytest.skip("what is planted does not depend on the database")
    monkeypatch.setattr(owner, name, fault)
    with pytest.raises((AssertionError, StopIteration)):
        for seed in range(MOST):
            run(seed, frozenset({"sequence", *features.split()}), 1).walk.engine.dispose()
