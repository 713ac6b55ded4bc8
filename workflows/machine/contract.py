"""What the token machine and its host say to each other: the host's duties, what happened, and what can go wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from workflows.graph import Node

ROOT = "0"
State = dict[str, Any]
Cause = tuple[str, ...]


class MachineError(Exception):
    """The machine cannot do what was asked; the state is to be discarded. `zh` and `en` are for the person who asked."""

    def __init__(self, zh: str, en: str, node: str | None = None) -> None:
        super().__init__(en)
        self.zh = zh
        self.en = en
        self.node = node


class MigrationRefused(MachineError):
    """Tokens sit on elements that the new version lacks or moved; `names` lists them."""

    def __init__(self, names: list[str]) -> None:
        listed_zh, listed_en = "、".join(names), ", ".join(names)
        super().__init__(
            f"事项停在新版本没有或已移动的环节：{listed_zh}。请先办完、跳转，或补充对应关系。",
            f"The case is at elements that the new version lacks or moved: {listed_en}. Finish them, jump, or map them first.",
        )
        self.names = names


class BpmnError(Exception):
    """A BPMN error raised by inline work; `code` is what error boundary events and event sub-processes match."""

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(message or code)
        self.code = code
        self.message = message or None


class Happening(NamedTuple):
    """One thing that happened; immutable. `cause` holds the ids of the tokens (or join firings) that led to it.

    Kinds, with what `token` is:

    - opened: an activity waits for a person, a job or a message; token = activity instance id (`detail`: type, and index within
      a loop or multi-instance; ids of instances read "12#3")
    - call: a called process, or one instance of a multi-instance sub-process, needs a state row of its own (`detail`: type, index)
    - completed / cancelled: that activity instance is over; performed: inline work was done
    - scope_opened / scope_closed: a sub-process; everything caused inside its scope is in the past of its token
    - instances_opened / instances_completed: the multi-instance or loop around its instances (`detail`: instances)
    - passed: an event; fired: a gateway (`detail`: taken flow ids; for joins also arrivals as (flow, cause) pairs, and token is
      the firing's own id); message_thrown, signal_thrown (`detail`: name; waits of this case that listen; what the host carries)
    - escalation / error_uncaught (`detail`: code, caught)
    - compensated: compensation begins (`detail`: activities)
    - wait / unwait: a timer, message, signal or condition is listened to, or no longer; `wait` is its id, token what it hangs on
    - deadlocked: tokens rest at joins and nothing else is open in that scope (`detail`: joins); ended: the case is over
    """

    kind: str
    node: str | None = None
    token: str | None = None
    scope: str = ROOT
    cause: Cause = ()
    wait: str | None = None
    detail: Mapping[str, Any] = {}


class Host(Protocol):
    """What the machine asks of its host during a door; nothing else reaches data from inside the machine.

    `scope` is the scope instance ("0": the whole case, else the id of the sub-process token); local variables hang on it.
    """

    def condition(self, expression: str, scope: str, counters: Mapping[str, int] | None = None) -> bool:
        """Whether FEEL (without "=") is true; `counters` are the loop's variables and given for loops only."""

    def count(self, expression: str, scope: str) -> int:
        """The number FEEL gives, or the length of the list it gives."""

    def perform(self, node: Node, token: str, scope: str) -> None:
        """Do inline work (script, decision); may raise BpmnError."""

    def begin(self, node: Node, token: str, scope: str) -> None:
        """Local variables begin: a piece of work of an activity with mappings, a loop or several instances is entered."""

    def end(self, node: Node, token: str, scope: str) -> None:
        """That piece of work is done: results go outwards before anything after it is decided."""

    def gather(self, node: Node, token: str, scope: str) -> None:
        """All instances of a multi-instance activity are over: their results become one list."""

    def caught(self, event: Node, code: str | None, scope: str, message: str | None) -> None:
        """An event that names variables has caught an error or escalation; asked before tokens leave it."""

    def thrown(self, node: Node, scope: str) -> Mapping[str, Any]:
        """What a message or signal carries, seen from `scope` (a token with variables of its own, or a scope instance)."""
