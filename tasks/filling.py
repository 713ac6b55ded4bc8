"""What becomes of the values of a decision: checked against the form, a number given, texts remembered, personal data sealed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from tasks.form_checking import checked
from tasks.personal_data import PersonalData
from tasks.personal_fields import PersonalFields
from tasks.texts import remember
from workflows import numbers
from workflows.case import Case
from workflows.engine import ProcessEngine
from workflows.graph import Node


class Filling:
    """Makes the values a person gave into values of the case."""

    def __init__(self, engine: ProcessEngine, personal_data: PersonalData) -> None:
        self._engine = engine
        self._fields = PersonalFields(personal_data)

    def check(self, connection: Connection, case: Case, node: Node, values: Mapping[str, Any], outcome: str) -> dict[str, Any]:
        """The values as the form admits them; raises InvalidForm, or what the model says against completing now."""
        return checked(case, node, self._engine.functions(connection, case), values, outcome)

    def number(self, connection: Connection, case: Case, node: Node) -> None:
        """Give the case its number at the step that numbers cases."""
        if node.properties.get("numbers") == "true" and case.number is None:
            case.number = numbers.next_number(connection, case, self._engine.functions(connection, case))

    def keep(self, connection: Connection, case: Case, node: Node, patch: dict[str, Any]) -> dict[str, Any]:
        """The values to store; shared texts are remembered for the next case."""
        remember(connection, case, node, patch)
        return self._fields.seal(case.version, patch, case.variables)
