"""What becomes of the values of a decision: checked against the form, a number given, texts remembered, personal data sealed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row

from tasks.actors import Actor
from tasks.attached_files import check_files
from tasks.field_view import acting_roles, node_view
from tasks.form_checking import checked
from tasks.personal_data import PersonalData
from tasks.personal_fields import PersonalFields
from tasks.security_log import note_hidden_fields
from tasks.texts import remember
from workflows import numbers
from workflows.activity_fields import opinion_field
from workflows.case import Case
from workflows.engine import ProcessEngine
from workflows.errors import Rejection
from workflows.graph import Node


class Filling:
    """Makes the values a person gave into values of the case."""

    def __init__(self, engine: ProcessEngine, personal_data: PersonalData) -> None:
        self._engine = engine
        self._fields = PersonalFields(personal_data)

    def check(
        self, connection: Connection, actor: Actor, row: Row[Any], case: Case, node: Node, values: Mapping[str, Any], outcome: str
    ) -> dict[str, Any]:
        """The values as the form and the rights of this person (`row` of locked_seat) admit them.

        Raises InvalidForm, or what the model says against completing now. What he sent for hidden fields is left out and logged.
        """
        view = node_view(case.version, node, acting_roles(actor, row))
        kept, sent = view.admitted(values)
        note_hidden_fields(connection, actor, case.now, row, sent)
        try:
            patch = checked(case, node, self._engine.functions(connection, case), kept, outcome, view)
            check_files(connection, case, node, patch)
        except Rejection as refused:
            refused.detail |= {"hidden_fields": sent} if sent else {}  # the command is rolled back, its log row too
            raise
        return patch

    def number(self, connection: Connection, case: Case, node: Node) -> None:
        """Give the case its number at the step that numbers cases."""
        if node.properties.get("numbers") == "true" and case.number is None:
            case.number = numbers.next_number(connection, case, self._engine.functions(connection, case))

    @staticmethod
    def opinion(node: Node, patch: Mapping[str, Any]) -> dict[str, Any]:
        """The opinion of a decision as its history row carries it: also when it reads like the one before."""
        said = patch.get(opinion_field(node)) if node.properties.get("opinion") else None
        return {"opinion": said} if isinstance(said, str) and said else {}

    def keep(self, connection: Connection, case: Case, node: Node, patch: dict[str, Any]) -> dict[str, Any]:
        """The values to store; shared texts are remembered for the next case."""
        remember(connection, case, node, patch)
        return self._fields.seal(case.version, patch, case.variables)
