"""What a person fills in at a seat: the form as he gets it, its values, his draft, the opinion with his phrases, and the files. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from tasks.actors import Actor
from tasks.attachments import AttachedFile, Attachments
from tasks.case_picture import form_data
from tasks.children.answers import advice_form
from tasks.field_view import UNRESTRICTED, FieldView
from tasks.personal_fields import PersonalFields
from tasks.standing import Standing
from tasks.talking.phrases import phrases
from workflows.activity_fields import OPINION, opinion_field
from workflows.attachment_settings import AttachmentRule, attachment_rule
from workflows.case import Case
from workflows.forms import fields
from workflows.graph import Node

FILLING = frozenset({"complete", "answer", "save"})


@dataclass(frozen=True)
class FormPanel:
    """The form of a seat for one person. `opinion`: the key of the opinion in it, None where there is none to write."""

    schema: dict[str, Any] | None
    data: dict[str, Any]
    draft: dict[str, Any] | None
    opinion: str | None
    phrases: Sequence[str]
    files: Sequence[AttachedFile]
    takes: AttachmentRule  # which files, where it takes any
    attaches: bool  # whether this person may attach files to his opinion now


def form_panel(
    connection: Connection, actor: Actor, case: Case, node: Node, view: FieldView, standing: Standing, personal: PersonalFields, *, advises: bool
) -> FormPanel:
    """The panel of the activity `node` for somebody with this view; personal fields in clear for the applicant and who fills it in for him."""
    own, fills = case.subject_person == actor.person_id, bool(standing.verbs & FILLING)
    schema = _schema(case, node, view, advises)
    data = form_data(case, personal if own or standing.stands_in else None, view)
    key = OPINION if advises else opinion_field(node)
    if advises or node.properties.get("opinion"):
        data.pop(key, None)  # what somebody else wrote is no beginning of this opinion
    draft = view.draft(personal.open(case.version, standing.draft)) if standing.draft else None
    if draft is not None and advises and OPINION in standing.draft:
        draft[OPINION] = standing.draft[OPINION]
    writes = fills and schema is not None and node.id not in case.version.applicant_nodes and key in {one.key for one in fields(schema)}
    rule = attachment_rule(node)
    return FormPanel(
        schema, data, draft, key if writes else None, phrases(connection, actor, node.id) if writes else [],
        Attachments.of_case(connection, actor, case, view), rule, rule.opinion and fills,
    )


def _schema(case: Case, node: Node, view: FieldView, advises: bool) -> dict[str, Any] | None:
    schema = case.version.form_of(node)
    if schema is not None and view is not UNRESTRICTED:
        schema = view.schema(schema)
    return advice_form(schema) if advises else schema
