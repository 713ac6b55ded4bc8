"""What a case says otherwise than the same person's case of an earlier cycle ("differs from last year"). Reads stored values; runs no rule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, func, select
from sqlalchemy.orm import aliased

from tasks.actors import Actor
from tasks.case_fields import Subject, case_views_of
from tasks.case_picture import field_labels
from tasks.personal_fields import personal_fields, shown
from workflows.definitions import Definitions, ProcessVersion
from workflows.forms import fields
from workflows.models import ProcessInstance

NOW, THEN, OTHER = aliased(ProcessInstance), aliased(ProcessInstance), aliased(ProcessInstance)
LONG = 60  # characters from which a text is only said to be the same or not
LATEST = (
    select(func.max(OTHER.id))
    .where(OTHER.subject_person == NOW.subject_person, OTHER.process_id == NOW.process_id, OTHER.id < NOW.id, OTHER.cycle.is_distinct_from(NOW.cycle))
    .correlate(NOW).scalar_subquery()
)
PAIRS = select(NOW.id, NOW.definition_id, NOW.subject_person, NOW.variables.label("now"), THEN.variables.label("then"), THEN.cycle, THEN.id.label("earlier_id")).join(
    THEN, THEN.id == LATEST
)


class Earlier:
    """Compares cases with those of the cycle before."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions

    def differences(self, connection: Connection, actor: Actor, instance_ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
        """By case that has an earlier one: `{key, zh, en, before, after, cycle}` of what differs and the reader may see; one statement.

        A long text is named only when it was not changed at all (`same` true): copying last year's words is what a reader must notice.
        """
        if not instance_ids:
            return {}
        rows = connection.execute(PAIRS.where(NOW.id.in_(set(instance_ids)))).all()
        versions = {row.id: self._definitions.get(connection, row.definition_id) for row in rows}
        views = case_views_of(connection, actor, [Subject(row.id, row.id, row.subject_person, versions[row.id]) for row in rows])
        return {row.id: views[row.id].changes(self._compared(versions[row.id], row)) for row in rows}

    @staticmethod
    def _compared(version: ProcessVersion, row: Any) -> Iterator[dict[str, Any]]:
        hidden, (facts, written) = personal_fields(version), _labels(version)
        now, then = ({name: (each or {}).get("case", {}).get(name) for name in facts} | {name: (each or {}).get(name) for name in written}
                     for each in (row.now, row.then))
        for key, words in (facts | written).items():
            before, after = then[key], now[key]
            if after in (None, "", []) and before in (None, "", []):
                continue
            long = any(isinstance(one, str) and len(one) > LONG for one in (before, after))
            if long == (before == after):
                yield {"key": key, **words, "before": shown(key, before, hidden), "after": shown(key, after, hidden), "cycle": row.cycle, "same": long}


def _labels(version: ProcessVersion) -> tuple[dict[str, dict[str, str]], dict[str, dict[str, str]]]:
    """Words for the facts a case starts with, and for the fields an applicant fills in."""
    forms = [version.form_of(version.graph.nodes[node_id]) for node_id in sorted(version.applicant_nodes)]
    written = {field.key for schema in forms if schema for field in fields(schema) if field.key}
    zh, en = version.labels.get("zh-CN", {}), version.labels.get("en", {})
    known = field_labels(version)
    facts = {key: {"zh": str(words), "en": str(en.get(key) or words)} for key, words in zh.items() if key.isidentifier() and key not in known}
    return facts, {key: words for key, words in known.items() if key in written}
