"""The seats of an activity that has just been entered: one for its pool, or one for each participant. Says what to open; writes only the rule."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from tasks.actors import Actor
from tasks.assignment import Assignment
from tasks.candidate_lines import lines_of
from tasks.operation_models import Voting
from tasks.permissions import may
from tasks.votes.participants import barred, distinct, people_ids, people_of
from tasks.votes.rules import frozen
from workflows.case import Case
from workflows.feel.values import to_json
from workflows.graph import Node
from workflows.host import Functions, feel
from workflows.store import put

OPEN, QUEUED = "open", "queued"
APPLICANT_RULES = frozenset({"skip", "superior"})


@dataclass(frozen=True, slots=True)
class Place:
    """One seat to open. `alarm`: nobody the model names may act; the process owner does, if there is one."""

    candidates: tuple[str, ...]
    status: str = OPEN
    position: int = 0
    participant: str | None = None
    veto: bool = False
    alarm: bool = False
    excluded: int | None = None  # the applicant, who may not approve his own case


@dataclass(frozen=True, slots=True)
class Entered:
    """A user activity that has just been entered, with what its settings say."""

    case: Case
    node: Node
    token: str
    assignment: Assignment


def process_owner(case: Case, functions: Functions) -> tuple[str, ...]:
    """Whoever answers for the process (`process_owner`), as candidate lines; empty when the model names nobody."""
    return tuple(lines_of(to_json(feel(case, functions, case.version.graph.properties.get("process_owner")))))


def owns_process(actor: Actor, case: Case, functions: Functions) -> bool:
    """Whether somebody answers for the process of a case: whom the model names, else whoever may change processes."""
    named = process_owner(case, functions)
    return bool(set(named) & set(actor.candidates)) if named else may(actor, "model.deploy")


def is_plain(case: Case, node: Node) -> bool:
    """Whether the activity has one seat for its pool and no rule that looks at the people behind it."""
    settings = node.properties
    return not (
        settings.get("participants") or settings.get("empty_assignee") or settings.get("applicant_is_approver") in APPLICANT_RULES
        or case.version.graph.properties.get("process_owner")
    )


def participants_of(case: Case, node: Node, functions: Functions) -> list[str]:
    """The candidate lines that each have a vote in an activity (`participants`); empty where nobody votes."""
    setting = node.properties.get("participants")
    return lines_of(to_json(feel(case, functions, setting))) if setting else []


def places(connection: Connection, entered: Entered, functions: Functions, staffed: Collection[str]) -> list[Place]:
    """The seats to open for `entered`; an activity with participants has its voting rule written down here.

    `staffed`: those candidate lines of plain activities that somebody stands behind today.
    """
    case, node = entered.case.at(entered.token), entered.node
    if is_plain(case, node):
        return [pooled(entered.assignment.candidates, staffed)]
    if not node.properties.get("participants"):
        return [placed(connection, case, node, functions, entered.assignment.candidates)]
    return _voting_places(connection, entered, functions)


def pooled(candidates: tuple[str, ...], staffed: Collection[str]) -> Place:
    """The one seat of a plain activity; an alarm says when nobody at all stands behind its lines."""
    return Place(candidates, alarm=not any(line in staffed for line in candidates))


def is_office_pool(case: Case, node: Node, candidates: Sequence[str]) -> bool:
    """Whether the activity is plain and all its lines are offices: whether somebody stands behind them is asked as its seat is opened."""
    return bool(candidates) and is_plain(case, node) and all("@" in line for line in candidates)


def staffed_lines(connection: Connection, openings: Sequence[Entered]) -> set[str]:
    """The candidate lines of the plain ones among `openings` that somebody stands behind today."""
    plain = [opening for opening in openings if is_plain(opening.case, opening.node)]
    lines = {line for opening in plain for line in opening.assignment.candidates}
    return staffed(connection, lines, plain[0].case) if lines else set()


def staffed(connection: Connection, lines: Iterable[str], case: Case) -> set[str]:
    """Those of these candidate lines that somebody stands behind today."""
    return {line for line, people in people_of(connection, lines, case).items() if people}


def _voting_places(connection: Connection, entered: Entered, functions: Functions) -> list[Place]:
    case, node = entered.case.at(entered.token), entered.node
    lines = participants_of(case, node, functions)
    rule = frozen(case, node, functions)
    people = people_of(connection, [*lines, *rule["veto"]], case)
    holders = people_ids({line: people[line] for line in rule["veto"]})
    put(connection, Voting, ["instance_id", "token"], {
        "instance_id": case.id, "token": entered.token, "node_id": node.id, "round": case.round, "rule": rule, "outcome": None, "decided_at": None,
    })
    kept = distinct(lines, people)
    if not kept:
        return [placed(connection, case, node, functions, ())]
    queued = rule["rule"] == "sequential"
    return [
        Place((), QUEUED, number, line, veto) if queued and number > 1 else placed(connection, case, node, functions, (line,), number, veto)
        for number, line in enumerate(kept, start=1)
        for veto in [line in rule["veto"] or bool(people[line] and people[line] <= holders)]
    ]


def placed(
    connection: Connection, case: Case, node: Node, functions: Functions, candidates: tuple[str, ...], position: int = 0, veto: bool = False
) -> Place:
    """The place of these candidates once the applicant's rule and the empty-assignee rule were applied."""
    line = candidates[0] if position and candidates else None
    people = people_of(connection, candidates, case)
    able = _able(connection, case, node, people)
    applicant = case.subject_person if node.properties.get("applicant_is_approver") in APPLICANT_RULES else None
    if applicant is not None and able == {applicant} and node.properties.get("applicant_is_approver") == "superior":
        candidates = tuple(lines_of(to_json(feel(case, functions, node.properties.get("superior")))))
        able = _able(connection, case, node, people_of(connection, candidates, case)) - {applicant}
    elif applicant is not None and able == {applicant}:
        return Place(candidates, OPEN, position, line, veto)  # the rule `skip` decides it, or he does where no rule may
    excluded = applicant if applicant in people_ids(people) else None
    if able:
        return Place(candidates, OPEN, position, line, veto, excluded=excluded)
    owner = process_owner(case, functions)
    return Place(owner or candidates, OPEN, position, line, veto, alarm=True, excluded=excluded)


def _able(connection: Connection, case: Case, node: Node, people: dict[str, frozenset[int]]) -> frozenset[int]:
    """The people behind the lines whom no four-eyes rule keeps out."""
    return people_ids(people) - barred(connection, case, case.version.kept_apart[node.id])


def seat_values(place: Place) -> dict[str, Any]:
    """The columns of the seat that the place decides."""
    return {"status": place.status, "position": place.position, "participant": place.participant, "veto": place.veto}
