"""The operations of human work beside the decision, as data: words, arguments and who performs them. Pages, JSON and documentation read it.

It decides nothing itself: guards are in `tasks.lifecycle` and in whoever performs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import Connection

from tasks.actors import Actor
from workflows.errors import InvalidForm, NotFound, Words

Kind = Literal["person", "people", "text", "choice", "flag", "moment"]
FIELD_TEXT = 500  # characters of a reason or remark


@dataclass(frozen=True, slots=True)
class Argument:
    """What a person gives with an operation; `choices` of kinds person, people and choice come from `Operation.choices`."""

    key: str
    kind: Kind
    zh: str
    en: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing that may be chosen; `refused` says why it is shown and cannot be."""

    value: str
    zh: str
    en: str
    refused: Words | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a preview: what would happen to whom. `tone`: plain, gain, loss or warning."""

    zh: str
    en: str
    tone: str = "plain"


@dataclass(frozen=True, slots=True)
class Preview:
    """What an operation would do, worked out without doing it; `refused` when it would be refused."""

    lines: Sequence[Line] = ()
    refused: Words | None = None
    revision: int | None = None  # of the case the preview was made for; performing it on another revision is refused


@dataclass(frozen=True, slots=True)
class Answer:
    """What the person is told after an operation; `undo` when the handler may withdraw it."""

    zh: str
    en: str
    stay: bool = True  # False: this seat is no longer his work, lead on to the next


Arguments = Mapping[str, Any]
Perform = Callable[[Connection, Actor, int, Arguments], Answer]
Choices = Callable[[Connection, Actor, int], Mapping[str, Sequence[Choice]]]
Searching = Callable[[Connection, Actor, int, str], Mapping[str, Sequence[Choice]]]  # the last: part of a name or of an office
Previewing = Callable[[Connection, Actor, int, Arguments], Preview]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation on a seat or a case. `rule`: what it does, in one or two sentences, for the dialog and the documentation."""

    verb: str
    about: Literal["seat", "case"]
    zh: str
    en: str
    rule_zh: str
    rule_en: str
    perform: Perform
    arguments: Sequence[Argument] = ()
    choices: Choices | None = None
    preview: Previewing | None = None
    tone: str = "plain"  # danger: the button and dialog warn
    icon: str = ""
    search: Searching | None = None  # where there may be more choices than a list can hold


@dataclass
class Operations:
    """The register of operations; each service adds its own when the house is built."""

    known: dict[str, Operation] = field(default_factory=dict)

    def register(self, *operations: Operation) -> None:
        """Add operations; a verb has one meaning."""
        for operation in operations:
            if operation.verb in self.known:
                raise ValueError(f"operation {operation.verb} is registered twice")
            self.known[operation.verb] = operation

    def get(self, verb: str) -> Operation:
        """The operation of that verb; raises NotFound."""
        found = self.known.get(verb)
        if found is None:
            raise NotFound(f"没有“{verb}”这个操作。", f"There is no operation {verb}.")
        return found

    def perform(self, connection: Connection, actor: Actor, verb: str, subject_id: int, given: Arguments) -> Answer:
        """Check the arguments and perform; `subject_id` is a seat's or a case's number. Raises InvalidForm and whatever the guards say."""
        operation = self.get(verb)
        return operation.perform(connection, actor, subject_id, checked(operation, given))

    def preview(self, connection: Connection, actor: Actor, verb: str, subject_id: int, given: Arguments) -> Preview:
        """What performing would do; changes nothing."""
        operation = self.get(verb)
        return operation.preview(connection, actor, subject_id, given) if operation.preview else Preview()

    def choices(self, connection: Connection, actor: Actor, verb: str, subject_id: int) -> Mapping[str, Sequence[Choice]]:
        """What may be chosen for the arguments of an operation."""
        operation = self.get(verb)
        return operation.choices(connection, actor, subject_id) if operation.choices else {}

    def search(self, connection: Connection, actor: Actor, verb: str, subject_id: int, text: str) -> Mapping[str, Sequence[Choice]]:
        """The same for what `text` names, also beyond what a list holds."""
        operation = self.get(verb)
        return operation.search(connection, actor, subject_id, text) if operation.search else self.choices(connection, actor, verb, subject_id)


def checked(operation: Operation, given: Arguments) -> dict[str, Any]:
    """The arguments in their types: person → int, people → list of int, text stripped, flag → bool. Unknown keys are left out."""
    values: dict[str, Any] = {"revision": _number(given.get("revision"))}
    problems: dict[str, Words] = {}
    for argument in operation.arguments:
        value = _typed(argument, given.get(argument.key))
        if argument.required and value in (None, "", []):
            problems[argument.key] = {"zh": f"请填写“{argument.zh}”", "en": f"Please give: {argument.en}"}
        elif isinstance(value, str) and len(value) > FIELD_TEXT:
            problems[argument.key] = {"zh": f"“{argument.zh}”不超过 {FIELD_TEXT} 字", "en": f"{argument.en}: at most {FIELD_TEXT} characters"}
        values[argument.key] = value
    if problems:
        raise InvalidForm(problems)
    return values


def _typed(argument: Argument, value: Any) -> Any:
    if argument.kind == "person":
        return _number(value)
    if argument.kind == "people":
        parts = value if isinstance(value, list) else str(value or "").split(",")
        return [number for part in parts if (number := _number(part)) is not None]
    if argument.kind == "flag":
        return value in (True, "true", "on", "1", 1)
    return str(value).strip() if value is not None else None


def _number(value: Any) -> int | None:
    text = str(value).strip() if value is not None else ""
    return int(text) if text.isascii() and text.isdigit() else None
