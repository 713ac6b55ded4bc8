"""Who handed a step of a case here: the causes of tokens and the arrivals of joins, read from the case's history. It moves nothing.

Pure functions over history rows; the cost is the length of one case's history, paid only when somebody wants to go back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from workflows.graph import HUMAN


class Fact(Protocol):
    """A history row."""

    @property
    def sequence(self) -> int: ...
    @property
    def at(self) -> datetime: ...
    @property
    def kind(self) -> str: ...
    @property
    def node_id(self) -> str | None: ...
    @property
    def token(self) -> str | None: ...
    @property
    def person(self) -> int | None: ...
    @property
    def on_behalf_of(self) -> int | None: ...
    @property
    def round(self) -> int: ...
    @property
    def detail(self) -> Any: ...


@dataclass(frozen=True, slots=True)
class Completion:
    """One completed activity instance: `token` names it in the causes of what followed; `sequence` is the fact of its completion.

    `newest`: the newest id the case had given out when it was completed; what followed from the completion is newer.
    """

    node: str
    token: str
    sequence: int
    at: datetime
    person: int | None
    on_behalf_of: int | None
    round: int
    detail: Mapping[str, Any]
    newest: int = 0


class Firing(NamedTuple):
    """A join that fired: the arrivals it consumed, as flow → ids of the tokens that led there."""

    node: str
    arrivals: Mapping[str, tuple[str, ...]]


class CausalPast:
    """The causal order of one case: tokens and join firings with what led to each.

    `live` are the causes of tokens that are open now, from the marking; rows of steps that wait for an event come only when they are over.
    """

    def __init__(self, facts: Iterable[Fact], live: Mapping[str, Sequence[str]]) -> None:
        self.causes: dict[str, set[str]] = {}
        self.nodes: dict[str, str] = {}
        self.entered: dict[str, int] = {}
        self.completions: dict[str, Completion] = {}
        self.firings: dict[str, Firing] = {}
        self.facts: list[Fact] = []
        self.undone: set[str] = set()  # completions that a return, jump or withdrawal has made void
        self._batches: list[set[str]] = []
        for fact in self._valid(list(facts)):
            self.facts.append(fact)
            self._read(fact)
        for token, causes in live.items():
            self._link(token, causes)
        self._children: dict[str, list[str]] = {}
        for token, found in self.causes.items():
            for cause in found:
                self._children.setdefault(cause, []).append(token)

    @staticmethod
    def _valid(facts: list[Fact]) -> list[Fact]:
        """Without what a person took back: facts from his decision up to the fact that undid it."""
        void: set[int] = set()
        decided: dict[Any, int] = {}
        for fact in facts:
            detail = fact.detail or {}
            if fact.kind == "activity_completed" and detail.get("seat") is not None:
                decided[detail["seat"]] = fact.sequence
            elif fact.kind == "undone" and detail.get("seat") in decided:
                void.update(range(decided.pop(detail["seat"]), fact.sequence + 1))
        return [fact for fact in facts if fact.sequence not in void]

    def _read(self, fact: Fact) -> None:
        detail = fact.detail or {}
        token = fact.token
        if token is not None and detail.get("cause") is not None:
            self._link(token, detail["cause"])
            self.entered.setdefault(token, fact.sequence)
            if fact.node_id is not None:
                self.nodes.setdefault(token, fact.node_id)
        if fact.kind == "fired" and token is not None:
            arrivals: dict[str, tuple[str, ...]] = {}
            for flow, cause in detail.get("arrivals", ()):
                arrivals[flow] = (*arrivals.get(flow, ()), *([cause] if cause else []))
            self.firings[token] = Firing(str(fact.node_id), arrivals)
        elif fact.kind == "activity_completed" and token is not None and fact.node_id is not None:
            self._completed(fact, token.partition("#")[0], detail)
        if detail.get("undone"):
            self._batches.append(set(detail["undone"]))
            self.undone |= self._batches[-1]
        for firing in detail.get("firings_undone", ()):
            self.firings.pop(firing, None)
        for firing in detail.get("firings_again", ()):
            if (row := self._fired_row(firing)) is not None:
                self._read(row)

    def _fired_row(self, firing: str) -> Fact | None:
        return next((fact for fact in self.facts if fact.kind == "fired" and fact.token == firing), None)

    def _completed(self, fact: Fact, activity: str, detail: Mapping[str, Any]) -> None:
        done = Completion(
            str(fact.node_id), activity, fact.sequence, fact.at, fact.person, fact.on_behalf_of, fact.round, detail, int(detail.get("newest", 0)),
        )
        self.nodes.setdefault(activity, done.node)
        instead = detail.get("instead_of")
        if instead is not None and instead in self.completions:
            # What was put back hangs on the first decision; this one took its place.
            first = self.completions[instead]
            self.completions[instead] = replace(done, token=instead, sequence=first.sequence, newest=first.newest)
            batch = next((one for one in reversed(self._batches) if instead in one), set())
            self.undone -= batch
        else:
            self.completions[activity] = done

    def _link(self, token: str, causes: Iterable[str]) -> None:
        known = self.causes.setdefault(token, set())
        known.update(str(cause) for cause in causes if str(cause) != token)
        activity, _, index = token.partition("#")
        if index:
            known.add(activity)

    # looking back

    def ancestors(self, tokens: Iterable[str]) -> set[str]:
        """Everything that led to these tokens, without themselves."""
        found: set[str] = set()
        stack = [str(token) for token in tokens]
        while stack:
            token = stack.pop()
            activity, _, index = token.partition("#")
            for cause in self.causes.get(token, set()) | ({activity} if index else set()):
                if cause not in found:
                    found.add(cause)
                    stack.append(cause)
        return found

    def handed_by(self, token: str, human: Callable[[Completion], bool]) -> list[Completion]:
        """The nearest human completions on every way back from a token: whoever handed it here; several behind a join."""
        found = self._completed_before(token, human)
        return sorted(found.values(), key=lambda done: -done.sequence)

    def human_past(self, token: str, human: Callable[[Completion], bool]) -> list[Completion]:
        """The latest human completion of every activity in a token's causal past, latest first, across rounds."""
        latest: dict[str, Completion] = {}
        for done in self._completed_before(token, human, beyond=True).values():
            known = latest.get(done.node)
            if known is None or known.sequence < done.sequence:
                latest[done.node] = done
        return sorted(latest.values(), key=lambda done: -done.sequence)

    def _completed_before(self, token: str, human: Callable[[Completion], bool], *, beyond: bool = False) -> dict[str, Completion]:
        """The human completions that led to a token; behind them one looks only with `beyond`.

        What a non-interrupting event started while an activity was open comes from its being open, not from its completion.
        """
        found: dict[str, Completion] = {}
        seen: set[str] = set()
        stack = [token]
        while stack:
            current = stack.pop()
            if current in seen:
                continue
            seen.add(current)
            activity, _, index = current.partition("#")
            for cause in self.causes.get(current, set()) | ({activity} if index else set()):
                done = self.completions.get(cause.partition("#")[0])
                if done is not None and int(activity) > done.newest and human(done):
                    found[done.token] = done
                    if not beyond:
                        continue
                stack.append(cause)
        return found

    # looking forward

    def descendants(self, token: str, newest: int = 0) -> set[str]:
        """Everything that followed from a token; directly from it only what is newer than the id `newest` (see `Completion`).

        So what a non-interrupting boundary event started while the activity was open does not follow from its completion.
        """
        found: set[str] = set()
        stack = [child for child in self._children.get(token, ()) if "#" not in child and int(child) > newest]
        while stack:
            child = stack.pop()
            if child not in found and child != token:
                found.add(child)
                stack.extend(self._children.get(child, ()))
        return found

    def follows(self, causes: Iterable[str], token: str, descending: set[str]) -> bool:
        """Whether an arrival or message with these causes comes from `token` or what descends from it."""
        return any(cause == token or cause in descending or cause.partition("#")[0] in descending for cause in map(str, causes))

    def facts_after(self, token: str, after: int, descending: set[str]) -> list[Fact]:
        """The facts that followed from a completion: of its descendants, or caused by them, later than the fact `after`."""
        found = []
        for fact in self.facts:
            causes = (fact.detail or {}).get("cause") or ()
            mine = fact.token is not None and (fact.token in descending or fact.token.partition("#")[0] in descending)
            if fact.sequence > after and (mine or self.follows(causes, token, descending)):
                found.append(fact)
        return found


def human_in(nodes: Mapping[str, Any]) -> Callable[[Completion], bool]:
    """Whether a completion is a person's act on an activity the graph still has; what a rule of the system did is nobody's."""
    def human(done: Completion) -> bool:
        node = nodes.get(done.node)
        return node is not None and node.type in HUMAN and done.person is not None
    return human
