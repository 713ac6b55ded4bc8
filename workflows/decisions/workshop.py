"""Compiles the FEEL texts of one model with the model's types and names, turning every failure into a finding."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from workflows.decisions.findings import Finding
from workflows.decisions.item_definitions import TypeTable
from workflows.decisions.running import Code, DecisionRun
from workflows.decisions.xml import Xml, children, local_name
from workflows.feel import Expression, FeelError, UnaryTests, Words
from workflows.feel.expression import guarded
from workflows.feel.names import canonical, perhaps, where
from workflows.feel.parser import parse_expression, parse_unary_tests
from workflows.feel.runtime import Scope
from workflows.feel.types import Type
from workflows.feel.values import FeelValue, Names

MAXIMUM_FINDINGS = 500
MAXIMUM_FEEL = 300_000
MAXIMUM_TEXTS = 8_000
TOO_MANY = Words(f"问题超过 {MAXIMUM_FINDINGS} 条，其余未列出", f"there are more than {MAXIMUM_FINDINGS} findings; the rest is not listed")
TOO_MUCH = Words(
    f"文件中不同的表达式超过 {MAXIMUM_TEXTS:,} 个或共 {MAXIMUM_FEEL:,} 字，其余未读取",
    f"the file has more than {MAXIMUM_TEXTS:,} different expressions, or {MAXIMUM_FEEL:,} characters of them; the rest is not read",
)
Compiled = TypeVar("Compiled", Expression, UnaryTests)


@dataclass(frozen=True, slots=True)
class Formula:
    """One compiled text of a model, where it stands, and the names it may use there."""

    text: str
    compiled: Expression | UnaryTests
    known: frozenset[str]
    line: int
    element_id: str
    name: str


class Workshop:
    """What compiling the parts of one model shares. `names` are those that may stand anywhere after a dot."""

    def __init__(self, root: Xml) -> None:
        self.findings: list[Finding] = []
        self.called: set[str] = set()
        self.formulas: list[Formula] = []
        self.names = frozenset(_component_names(root))
        self._counts = {"error": 0, "warning": 0}
        self._feel = 0
        self._canonical: dict[frozenset[str], frozenset[str]] = {}
        self._language = root.get("expressionLanguage", "")
        self.types = TypeTable(list(children(root, "itemDefinition")), lambda text, at: self.unary_tests(text, at, ()))
        self._expressions: dict[tuple[str, frozenset[str]], Expression] = {}
        self._tests: dict[tuple[str, frozenset[str]], UnaryTests] = {}

    def find_type(self, reference: str | None, at: Xml) -> Type | None:
        """The type a typeRef names; an unknown one is a finding and counts as no type."""
        if not reference:
            return None
        try:
            found = self.types.find(reference)
        except FeelError as error:
            self.remark("error", at, error.words, Words("请减少类型的层数", "use fewer levels of types"))
            return None
        if found is None:
            self.remark("warning", at, Words(f"类型 {reference} 没有定义", f"the type {reference} is not defined"), Words("请写成 itemDefinition，或使用内置类型", "define it as an item definition, or use a built-in type"))
        return found

    def speaks_feel(self, element: Xml | None) -> bool:
        """Whether an expression or a cell is FEEL by its own language or the model's; another language is a finding."""
        language = self._language if element is None else element.get("expressionLanguage") or self._language
        if element is None or not language or "feel" in language.lower():
            return True
        self.remark("error", element, Words(f"不支持表达式语言 {_short(language)}", f"the expression language {_short(language)} is not supported"), Words("请用 FEEL", "write FEEL"))
        return False

    def expression(self, text: str, at: Xml, known: Iterable[str]) -> Expression | None:
        """A compiled expression, or None and a finding."""
        def compiled(names: frozenset[str]) -> Expression:
            return Expression(text, parse_expression(text, names, self.types.find))

        return self._once(self._expressions, text, at, known, compiled, Words("表达式", "expression"), Words("请更正表达式", "correct the expression"))

    def code(self, text: str, at: Xml, known: Iterable[str]) -> Code:
        """Like expression, as code; a broken expression is null and a problem of the run."""
        compiled = self.expression(text, at, known)
        if compiled is None:
            return broken(Words(f"表达式 {_short(text)} 无法读取", f"the expression {_short(text)} cannot be read"))
        run_code = compiled.code

        def evaluate(names: Names, run: DecisionRun) -> FeelValue:
            return guarded(run_code, Scope(names, None, run))

        return evaluate

    def unary_tests(self, text: str, at: Xml, known: Iterable[str]) -> UnaryTests | None:
        """A compiled cell, or None and a finding."""
        def compiled(names: frozenset[str]) -> UnaryTests:
            return UnaryTests(text, parse_unary_tests(text, names, self.types.find))

        advice = Words("请更正单元格；文字要加双引号", "correct the cell; texts need double quotes")
        return self._once(self._tests, text, at, known, compiled, Words("单元格", "test"), advice)

    def _once(
        self, kept: dict[tuple[str, frozenset[str]], Compiled], text: str, at: Xml, known: Iterable[str],
        compiled: Callable[[frozenset[str]], Compiled], kind: Words, advice: Words,
    ) -> Compiled | None:
        """What `compiled` makes of a text, made once for the same names; None and a finding when it cannot be read."""
        key = (text, self.names | frozenset(known))
        if key not in kept:
            self._feel += len(text)
            if self._feel > MAXIMUM_FEEL or len(self._expressions) + len(self._tests) >= MAXIMUM_TEXTS:
                self.remark("error", at, TOO_MUCH, Words("请拆分为多个文件", "split it into several files"), once=True)
                return None
            try:
                kept[key] = guarded(compiled, key[1])
                self._check_names(kept[key], at, key[1])
            except FeelError as error:
                reason = Words(f"{kind} {_short(text)} 无法读取：{error}", f"the {kind.en} {_short(text)} cannot be read: {error.words.en}")
                self.remark("error", at, reason, advice)
                return None
        return kept[key]

    def _check_names(self, compiled: Expression | UnaryTests, at: Xml, known: frozenset[str]) -> None:
        """A warning for every name nothing gives a value to; the text is kept, and the host's functions it calls noted."""
        names = self._canonical.get(known)
        if names is None:
            names = self._canonical[known] = frozenset(canonical(one) for one in known)
        for name in sorted(compiled.names - names - {"?"}):
            if self._counts["warning"] > MAXIMUM_FINDINGS:
                break
            like, place = perhaps(name, names), where(compiled.text, name)
            self.remark("warning", at, Words(f"名字 {name} 在这里没有来源，值会是 null{place}", f"the name {name} is not known here and will be null{place.en}"),
                        Words(f"请从 {name} 画一条需求线，或更正名字{like}", f"draw a requirement from {name}, or correct the name{like.en}"))
        self.called |= compiled.called - names
        self.formulas.append(Formula(compiled.text, compiled, names, at.sourceline or 0, *self._place(at)))

    def remark(self, severity: str, at: Xml, reason: Words, advice: Words, once: bool = False) -> None:
        """Keep a finding that points at an element, or at the nearest one around it that has an id; `once`: unless it is known already.

        Beyond MAXIMUM_FINDINGS of a severity none are kept, and the last one says so.
        """
        count = self._counts[severity]
        if count > MAXIMUM_FINDINGS or (once and any(finding.reason == reason for finding in self.findings)):
            return
        self._counts[severity] += 1
        if count == MAXIMUM_FINDINGS:
            reason, advice = TOO_MANY, Words("请先解决以上问题再检查", "solve those above and check again")
        self.findings.append(Finding(severity, at.sourceline or 0, *self._place(at), reason, advice))

    @staticmethod
    def _place(at: Xml) -> tuple[str, str]:
        """The id and the name nearest to an element: its own, or those of elements around it."""
        holder: Xml | None = at
        while holder is not None and not holder.get("id"):
            holder = holder.getparent()
        owner: Xml | None = at
        while owner is not None and not owner.get("name"):
            owner = owner.getparent()
        return "" if holder is None else _short(holder.get("id", "")), "" if owner is None else _short(owner.get("name", ""))


def broken(reason: Words) -> Code:
    """Code for what could not be compiled: null, and a problem each time it is needed."""

    def evaluate(names: Names, run: DecisionRun) -> FeelValue:
        run.problem(reason)
        return None

    return evaluate


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "…"


def _component_names(root: Xml) -> Iterable[str]:
    """Names that an expression may read after a dot, wherever it stands."""
    for element in root.iter():
        kind = local_name(element)
        if kind in ("itemComponent", "column", "output") and element.get("name"):
            yield element.get("name", "")
        elif kind == "contextEntry":
            yield from (variable.get("name", "") for variable in children(element, "variable") if variable.get("name"))
