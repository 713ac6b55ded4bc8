"""A host for the machine that answers every question about data both ways, one way after the other. It knows no data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from workflows.graph import Node
from workflows.machine import MachineError

MOST_CHOICES = 40  # in one pass through a door; a longer row of answers only runs another round of an automatic loop
MOST_WAYS = 512  # through one door
Found = TypeVar("Found")


class TooManyChoices(Exception):
    """One pass asks more than is worth following."""


class ChoosingHost:
    """Answers conditions from a script; beyond its end every answer is yes."""

    def __init__(self, script: list[bool]) -> None:
        self.script = script
        self.asked = 0

    def _next(self) -> bool:
        if self.asked >= MOST_CHOICES:
            raise TooManyChoices
        if self.asked == len(self.script):
            self.script.append(True)
        self.asked += 1
        return self.script[self.asked - 1]

    def condition(self, expression: str, scope: str, counters: Mapping[str, int] | None = None) -> bool:
        """Either way; a literal answers itself."""
        text = expression.strip()
        return text == "true" if text in ("true", "false") else self._next()

    def count(self, expression: str, scope: str) -> int:
        """Instances of one activity behave alike: one stands for all."""
        return 1

    def perform(self, node: Node, token: str, scope: str) -> None:
        """Inline work succeeds; its errors are explored as events of their own."""

    def begin(self, node: Node, token: str, scope: str) -> None:
        """There are no variables."""

    def end(self, node: Node, token: str, scope: str) -> None:
        """There are no variables."""

    def gather(self, node: Node, token: str, scope: str) -> None:
        """There are no variables."""

    def caught(self, event: Node, code: str | None, scope: str, message: str | None = None) -> None:
        """There are no variables."""

    def thrown(self, node: Node, scope: str) -> Mapping[str, Any]:
        """There are no variables."""
        return {}


class Ways:
    """Runs a door once for every row of answers; `complete` turns False when some rows were left out."""

    def __init__(self) -> None:
        self.complete = True

    def all(self, door: Callable[[ChoosingHost], Found]) -> Iterator[Found]:
        """What each way through the door gives. A way on which no condition holds and no default exists is none: data will take another."""
        script: list[bool] = []
        for _ in range(MOST_WAYS):
            host = ChoosingHost(script)
            try:
                yield door(host)
            except MachineError:
                pass
            except TooManyChoices:
                del script[MOST_CHOICES:]
            script = script[:max(host.asked, 0)]
            while script and not script[-1]:
                script.pop()
            if not script:
                return
            script[-1] = False
        self.complete = False
