"""What somebody hands in with a decision, checked against the model: the outcome, its own refusal, and the form. Stores nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tasks.assignment import outcomes, refusal
from tasks.field_view import UNRESTRICTED, FieldView
from workflows.case import Case
from workflows.errors import InvalidForm, Rejection
from workflows.forms import validate
from workflows.graph import Node
from workflows.host import Functions


def checked(
    case: Case, node: Node, functions: Functions, values: Mapping[str, Any], outcome: str, view: FieldView = UNRESTRICTED
) -> dict[str, Any]:
    """The values to store, after the outcome, the model's own refusal and the form were checked; `case` as the activity sees it.

    Values of fields that `view` hides or locks stay as they are in the case, whatever was sent.
    Raises Rejection (an outcome there is not, or the model's reason) or InvalidForm with every field that is wrong.
    """
    offered = {item["value"]: item for item in outcomes(case, node, functions)}
    if outcome not in offered:
        raise Rejection(f"没有“{outcome}”这个办理结果。", f"There is no outcome {outcome} here.", status=422)
    if reason := refusal(case, node, functions):
        if not offered[outcome].get("always"):
            raise Rejection(reason["zh"], reason["en"], status=409, detail={"link": reason.get("link")})
    schema = case.version.form_of(node)
    if schema is None:
        return {}
    data = {**case.feel(), "outcome": outcome}
    result = validate(schema, {key: value for key, value in values.items() if key != "outcome"}, data, functions, case.now, view.permissions)
    problems = dict(result.errors)
    for key in offered[outcome].get("requires", ()):
        if key not in problems and view.rights.get(key) not in ("hidden", "visible") and result.values.get(key) in (None, "", []):
            problems[key] = {"zh": "请填写此项", "en": "Please fill in this field"}
    if problems:
        raise InvalidForm(problems)
    return dict(result.values)
