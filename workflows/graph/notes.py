"""Collects findings while a file is read, with names and lines, and checks expressions. It knows no BPMN rule."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workflows.feel import Words
from workflows.graph.messages import KINDS, WORDS
from workflows.graph.model import Finding

MAXIMUM_FINDINGS = 1_000
MAXIMUM_FEEL = 300_000
CheckExpression = Callable[[str], str | None]  # what is wrong; `Words` also say it in English


class Notes:
    """All findings of one file; `check_expression` says what is wrong with a FEEL text, or None."""

    def __init__(self, check_expression: CheckExpression | None = None) -> None:
        self.findings: list[Finding] = []
        self._check_expression = check_expression
        self._seen: set[tuple[str, str, int, str]] = set()
        self._counts = {"error": 0, "warning": 0}
        self._feel = 0

    def full(self, severity: str) -> bool:
        """True when no more findings of this severity are taken; warnings never crowd out errors."""
        return self._counts[severity] > MAXIMUM_FINDINGS

    def add(self, code: str, place: Any = None, severity: str | None = None, **facts: object) -> None:
        """Note a finding at `place` (an XML element, a Node, a Flow or None); `facts` fill in the words."""
        words = WORDS[code]
        kind = severity or words.severity
        if self.full(kind):
            return
        if self._counts[kind] == MAXIMUM_FINDINGS:
            words, code, place, facts = WORDS["too-many"], "too-many", None, {"limit": MAXIMUM_FINDINGS}
        identity, name, line = located(place)
        if str(facts.get("kind")) in KINDS:
            facts["kind"] = Words(KINDS[str(facts["kind"])], str(facts["kind"]))
        english = {key: value.en if isinstance(value, Words) else value for key, value in facts.items()}
        texts = [_filled(text, english if position % 2 else facts) for position, text in enumerate(words[1:])]
        key = (code, identity, line, texts[1])
        if key not in self._seen:
            self._seen.add(key)
            self._counts[kind] += 1
            self.findings.append(Finding(kind, code, identity, name, line, *texts))

    def expression(self, place: Any, attribute: str, text: str | None) -> str | None:
        """Check a text that must be FEEL after "=" and return the FEEL; None when it is missing or wrong."""
        text = (text or "").strip()
        if not text or text == "=":
            self.add("expression-empty", place, attribute=attribute)
        elif text.startswith("="):
            return self.feel(place, attribute, text[1:])
        elif is_foreign(text):
            self.add("expression-foreign", place, attribute=attribute, text=shortened(text))
        else:
            self.add("expression-equals", place, attribute=attribute, text=shortened(text))
        return None

    def feel(self, place: Any, attribute: str, text: str) -> str | None:
        """Check FEEL without "=" and return it; None when it is wrong."""
        if is_foreign(text):
            self.add("expression-foreign", place, attribute=attribute, text=shortened(text))
            return None
        self._feel += len(text)
        if self._feel > MAXIMUM_FEEL:
            self.add("too-much-feel", limit=f"{MAXIMUM_FEEL:,}")
            return None
        reason = self._check_expression(text.strip()) if self._check_expression else None
        if reason is not None:
            self.add("expression-syntax", place, attribute=attribute, text=shortened(text.strip()), reason=reason)
            return None
        return text.strip()

    def value(self, place: Any, attribute: str, text: str) -> None:
        """Check a text that is a literal, or FEEL after "="."""
        if text.lstrip().startswith("="):
            self.expression(place, attribute, text)
        elif is_foreign(text):
            self.add("expression-foreign", place, attribute=attribute, text=shortened(text))


def is_foreign(text: str) -> bool:
    """True for the expression syntax of other engines: ${…} or #{…}."""
    return "${" in text or "#{" in text


def shortened(text: str) -> str:
    """The text, cut where a person would stop reading."""
    return text if len(text) <= 120 else text[:119] + "…"


def located(place: Any) -> tuple[str, str, int]:
    """Id and name of an XML element, or of the nearest around it that has an id below the root, or of a graph object; and its own line."""
    if place is None:
        return "", "", 0
    if hasattr(place, "sourceline"):
        holder = place
        while not holder.get("id") and holder.getparent() is not None and holder.getparent().get("targetNamespace") is None:
            holder = holder.getparent()
        return shortened(holder.get("id") or ""), shortened(holder.get("name") or ""), place.sourceline or 0
    return shortened(place.id), shortened(place.name), place.line


def _filled(text: str, facts: dict[str, object]) -> str:
    for name, value in facts.items():
        text = text.replace("{" + name + "}", str(value))
    return text
