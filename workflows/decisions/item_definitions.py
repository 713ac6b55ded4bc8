"""The declared types of a model: item definitions made into FEEL types, with components, collections and allowed values."""

from __future__ import annotations

from collections.abc import Callable

from workflows.decisions.xml import Xml, child, children, text_of, type_reference
from workflows.feel import FeelError, FeelLimitError, UnaryTests, Words
from workflows.feel.runtime import Run
from workflows.feel.types import ANY, Type, scalar_type
from workflows.feel.values import FeelValue, Names

MAXIMUM_TYPE_DEPTH = 40
CompileTests = Callable[[str, Xml], UnaryTests | None]


class TypeTable:
    """The types of one model by name. Types are made when first asked for; a type inside itself is Any there."""

    def __init__(self, definitions: list[Xml], compile_tests: CompileTests) -> None:
        self._definitions = {definition.get("name", ""): definition for definition in definitions}
        self._compile_tests = compile_tests
        self._made: dict[str, Type] = {}
        self._making: set[str] = set()
        self._asking: set[str] = set()  # names the model imported without a name is being asked for
        self.imported: dict[str, TypeTable] = {}

    def names(self) -> list[str]:
        """The declared names."""
        return list(self._definitions)

    def find(self, name: str) -> Type | None:
        """A type by the name a typeRef gives, built-in or declared, here or as `import.name`; None when unknown."""
        if name in self._made:
            return self._made[name]
        definition = self._definitions.get(name)
        if definition is not None:
            return self._make(name, definition)
        table, _, rest = name.partition(".")
        while rest:
            if table in self.imported:
                return self.imported[table].find(rest)
            more, _, rest = rest.partition(".")
            table = f"{table}.{more}"
        if "" in self.imported and name not in self._asking:
            self._asking.add(name)
            merged = self.imported[""].find(name)
            self._asking.discard(name)
            if merged is not None:
                return merged
        built_in = scalar_type(name)
        return self.find(name.partition(":")[2]) if built_in is None and ":" in name else built_in

    def _make(self, name: str, definition: Xml) -> Type:
        if name in self._making:
            return ANY
        if len(self._making) > MAXIMUM_TYPE_DEPTH:
            raise FeelLimitError(Words(f"类型嵌套超过 {MAXIMUM_TYPE_DEPTH} 层", f"types are nested deeper than {MAXIMUM_TYPE_DEPTH} levels"))
        self._making.add(name)
        try:
            made = self._from_definition(definition)
        finally:
            self._making.discard(name)
        self._made[name] = made
        return made

    def _from_definition(self, definition: Xml) -> Type:
        base = self._base(definition)
        base = self._allowing(base, child(definition, "allowedValues"), definition)
        if definition.get("isCollection") in ("true", "1"):
            base = Type("list", base)
        return self._allowing(base, child(definition, "typeConstraint"), definition)

    def _base(self, definition: Xml) -> Type:
        components = list(children(definition, "itemComponent"))
        if components:
            entries = {part.get("name", ""): self._from_definition(part) for part in components}
            return Type("context", entries=entries, partial=True)
        function = child(definition, "functionItem")
        if function is not None:
            parameters = tuple(self._referred(type_reference(part)) for part in children(function, "parameters"))
            return Type("function", self._referred(function.get("outputTypeRef")), parameters=parameters)
        return self._referred(type_reference(definition))

    def _referred(self, name: str | None) -> Type:
        return ANY if name is None else self.find(name) or ANY

    def _allowing(self, base: Type, constraint: Xml | None, definition: Xml) -> Type:
        text = text_of(constraint, "text")
        tests = None if text is None else self._compile_tests(text, definition)
        if tests is None:
            return base
        inherited = base.allowed
        order = tests.literals if base.kind != "list" else None

        def allowed(value: FeelValue) -> bool:
            if inherited is not None and not inherited(value):
                return False
            return _passes(tests, value)

        return Type(base.kind, base.element, base.entries, base.parameters, base.name, allowed, base.partial, order)


def _passes(tests: UnaryTests, value: FeelValue) -> bool:
    try:
        return tests.test(value, Names(), Run(None, None)) is True
    except FeelError:
        return False
