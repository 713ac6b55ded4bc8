"""Form fields that hold personal data: kept as a masked text and a sealed value, opened only for the applicant's own form. Writes no table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tasks.personal_data import PersonalData, mask_id_number, mask_mobile, normalise_id_number, normalise_mobile
from tasks.sealed import seal, unseal
from workflows.definitions import ProcessVersion
from workflows.graph import listed

HIDDEN = "***"


def personal_fields(version: ProcessVersion) -> frozenset[str]:
    """The form fields that hold personal data (`personal_fields` of the process)."""
    return frozenset(listed(version.graph.properties.get("personal_fields")))


def is_sealed(value: Any) -> bool:
    """Whether a stored value is personal data: {"masked", "sealed"}; FEEL sees a context, so its presence can be tested."""
    return isinstance(value, Mapping) and {"masked", "sealed"} <= value.keys()


def mask(value: Any) -> str:
    """What others see of a personal value: the ends of an ID or mobile number, the first character of another text."""
    if not isinstance(value, str):
        return HIDDEN
    if len(normalise_id_number(value)) == 18:
        return mask_id_number(value)
    if normalise_mobile(value).isdigit() and len(normalise_mobile(value)) >= 7:
        return mask_mobile(value)
    return value[:1] + HIDDEN


class PersonalFields:
    """Seals and opens the personal fields of a process version."""

    def __init__(self, personal_data: PersonalData) -> None:
        self._personal_data = personal_data

    def seal(self, version: ProcessVersion, values: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
        """`values` with personal fields sealed; one that equals what is `known` keeps its old seal, so that nothing changed."""
        names = personal_fields(version)
        return {name: self._one(name, value, known.get(name)) if name in names else value for name, value in values.items()}

    def _one(self, name: str, value: Any, known: Any) -> Any:
        if value in (None, "", []) or is_sealed(value):
            return value
        if is_sealed(known) and unseal(self._personal_data, _purpose(name), known["sealed"]) == value:
            return dict(known)
        return {"masked": mask(value), "sealed": seal(self._personal_data, _purpose(name), value)}

    def open(self, version: ProcessVersion, values: Mapping[str, Any]) -> dict[str, Any]:
        """`values` with personal fields in clear: for the applicant's own form and for whoever fills it in for him."""
        names = personal_fields(version)
        return {
            name: unseal(self._personal_data, _purpose(name), value["sealed"]) if name in names and is_sealed(value) else value
            for name, value in values.items()
        }


def shown(name: str, value: Any, hidden: frozenset[str]) -> Any:
    """A stored value for everybody else's eyes."""
    if is_sealed(value):
        return value["masked"]
    return mask(value) if name in hidden and isinstance(value, str) else value


def _purpose(name: str) -> str:
    return f"field.{name}"
