"""Which deployed models name a person: by "person:42", by his login in quotation marks, or by his number where people stand. Reads only."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, select

from tasks.models import Person
from workflows.definitions import Definitions, ProcessVersion
from workflows.models import Definition, ProcessInstance

PEOPLE = frozenset({"assignee", "candidateUsers", "participants", "process_owner", "superior", "voting", "on_timeout"})  # where a number is a person
SHORTEST = 3  # characters of a login that is looked for in texts
SNIPPET = 120


@dataclass(frozen=True, slots=True)
class Reference:
    """One place that names somebody: a setting of an activity (or of the process), or a line of a decision table."""

    process_id: str
    process: str
    version: int
    current: bool
    place: str
    setting: str
    text: str


def references(connection: Connection, definitions: Definitions, person_id: int) -> list[Reference]:
    """Every place in current models, and in older ones that cases still run on, that names the person."""
    login = connection.execute(select(Person.login).where(Person.id == person_id)).scalar()
    running = select(ProcessInstance.definition_id).where(ProcessInstance.status.in_(("active", "suspended")))
    query = select(Definition.id, Definition.current).where(Definition.current | Definition.id.in_(running)).order_by(Definition.process_id, Definition.version.desc())
    found: list[Reference] = []
    for row in connection.execute(query).all():
        version = definitions.get(connection, row.id)
        for place, setting, text in _texts(version):
            if _names(person_id, login, setting, text):
                found.append(Reference(version.process_id, version.name, version.version, bool(row.current), place, setting, " ".join(text.split())[:SNIPPET]))
    return found


def _texts(version: ProcessVersion) -> Iterator[tuple[str, str, str]]:
    """Place, setting and text of everything a model says about people."""
    for name, text in version.graph.properties.items():
        yield version.name, name, text
    for node in version.graph.nodes.values():
        for name, value in (*node.attributes.items(), *node.properties.items()):
            yield node.name or node.id, name, str(value)
    for name, content in version.resources.items():
        if name.endswith(".dmn"):
            for line in content.decode("utf-8", "replace").splitlines():
                yield name, "decision", line


def _names(person_id: int, login: str | None, setting: str, text: str) -> bool:
    if re.search(rf"\bperson:{person_id}\b", text):
        return True
    if login and len(login) >= SHORTEST and re.search(rf"[\"']{re.escape(login)}[\"']|&quot;{re.escape(login)}&quot;", text):
        return True
    return setting in PEOPLE and re.search(rf"(?<![\w.:\"-]){person_id}(?![\w.\"-])", text) is not None
