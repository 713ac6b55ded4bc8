"""How built-in functions are declared: name, signature, meaning in two languages and example, with the checks every call shares.

The declared signatures are the documentation too; docs/feel.md is generated from them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, DecimalException
from typing import Any, TypeVar

from workflows.feel.errors import FeelError
from workflows.feel.runtime import Run
from workflows.feel.temporal import Date, DateTime, DaysTimeDuration, Time, YearsMonthsDuration
from workflows.feel.values import FeelValue, Function, Range

Implementation = Callable[..., FeelValue]
Declared = TypeVar("Declared", bound=Callable[..., FeelValue])
_KINDS: dict[str, type | tuple[type, ...]] = {
    "number": Decimal,
    "string": str,
    "boolean": bool,
    "list": list,
    "context": dict,
    "date": Date,
    "time": Time,
    "date and time": DateTime,
    "days and time duration": DaysTimeDuration,
    "years and months duration": YearsMonthsDuration,
    "range": Range,
    "function": Function,
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter. `kinds` are the accepted type names; none means anything, null included.

    `nullable` parameters take null as a value, `optional` ones may be left out, a `variadic` one takes all the rest.
    """

    name: str
    kinds: tuple[str, ...] = ()
    optional: bool = False
    nullable: bool = False
    variadic: bool = False

    def accept(self, value: FeelValue) -> tuple[bool, FeelValue]:
        """Whether the value fits, and the value after the conversions to and from a singleton list."""
        if not self.kinds:
            return True, value
        if value is None:
            return self.nullable, None
        if self._is(value):
            return True, value
        if type(value) is list and len(value) == 1 and self._is(value[0]):
            return True, value[0]
        return ("list" in self.kinds, [value])

    def _is(self, value: FeelValue) -> bool:
        return any(isinstance(value, _KINDS[kind]) for kind in self.kinds)


@dataclass(frozen=True, slots=True)
class Signature:
    """One way to call a built-in function."""

    parameters: tuple[Parameter, ...]
    call: Implementation
    with_run: bool

    def takes(self, count: int) -> bool:
        """Whether a call with so many positional arguments is of this form."""
        if self.parameters and self.parameters[-1].variadic:
            return count >= len(self.parameters)
        required = sum(not parameter.optional for parameter in self.parameters)
        return required <= count <= len(self.parameters)

    def fits(self, arguments: Sequence[FeelValue]) -> list[FeelValue] | None:
        """The arguments after conversion; None when one does not fit."""
        fitted = []
        last = len(self.parameters) - 1
        for index, argument in enumerate(arguments):
            parameter = self.parameters[min(index, last)]
            fine, value = parameter.accept(argument)
            if not fine:
                return None
            fitted.append(value)
        return fitted

    def names(self) -> list[str]:
        """The names of the parameters in order."""
        return [parameter.name for parameter in self.parameters]

    def text(self) -> str:
        """The parameters as the documentation shows them."""
        shown = []
        for parameter in self.parameters:
            kinds = f": {' | '.join(parameter.kinds)}" if parameter.kinds else ""
            shown.append(f"{parameter.name}{'?' if parameter.optional else ''}{'…' if parameter.variadic else ''}{kinds}")
        return ", ".join(shown)


@dataclass(slots=True)
class BuiltIn:
    """A documented built-in function with all its signatures."""

    name: str
    group: str
    chinese: str
    english: str
    example: str
    signatures: list[Signature]
    deep: bool

    def invoke(self, arguments: Sequence[FeelValue], run: Run) -> FeelValue:
        """Call the first signature that fits; null when none does."""
        count = len(arguments)
        for signature in self.signatures:
            if signature.takes(count):
                fitted = signature.fits(arguments)
                if fitted is not None:
                    return self._call(signature, fitted, run)
        return None

    def _call(self, signature: Signature, arguments: list[FeelValue], run: Run) -> FeelValue:
        for argument in arguments:
            if type(argument) is list:
                run.charge(len(argument))
                if self.deep:
                    run.charge_value(argument)
            elif type(argument) is str and len(argument) > 255:
                run.charge(len(argument) >> 8)
        try:
            return signature.call(run, *arguments) if signature.with_run else signature.call(*arguments)
        except FeelError:
            raise
        except (DecimalException, ValueError, OverflowError):
            return None

    def invoke_named(self, given: Mapping[str, FeelValue], run: Run) -> FeelValue:
        """Call the signature that has all these names; a required argument left out is null.

        Where two signatures have the same names, such as before(point, range) and before(range, point), the order of the
        call decides.
        """
        for signature in sorted(self.signatures, key=lambda one: one.names() != list(given)):
            names = signature.names()
            if not set(given) <= set(names):
                continue
            while names and names[-1] not in given and signature.parameters[len(names) - 1].optional:
                names.pop()
            fitted = signature.fits([given.get(name) for name in names])
            if fitted is not None:
                return self._call(signature, fitted, run)
        return None


REGISTRY: dict[str, BuiltIn] = {}


def built_in(
    name: str, parameters: str, chinese: str = "", english: str = "", example: str = "", *, group: str = "",
    with_run: bool = False, deep: bool = False,
) -> Callable[[Declared], Declared]:
    """Declare a built-in function, or one more signature of it (the first declaration carries the texts).

    `deep` functions look into nested lists and contexts, and are charged for all of it.
    `parameters` reads `name: kind | kind, name?: kind, name...: kind`; a kind ending in `?` takes null too.
    """

    def declare(implementation: Declared) -> Declared:
        entry = REGISTRY.setdefault(name, BuiltIn(name, group, chinese, english, example, [], deep))
        entry.signatures.append(Signature(_parameters(parameters), implementation, with_run))
        return implementation

    return declare


def _parameters(text: str) -> tuple[Parameter, ...]:
    return tuple(_parameter(part.strip()) for part in text.split(",") if part.strip())


def _parameter(text: str) -> Parameter:
    name, _, kinds = (part.strip() for part in text.partition(":"))
    nullable = kinds.endswith("?")
    optional, variadic = name.endswith("?"), name.endswith("...")
    accepted = tuple(kind.strip() for kind in kinds.rstrip("?").split("|") if kind.strip())
    return Parameter(name.rstrip("?."), accepted, optional, nullable, variadic)


def function_of(entry: BuiltIn) -> Function:
    """The function value of a declared built-in."""
    first: Any = entry.signatures[0]
    names = [parameter.name for parameter in first.parameters]
    return Function(entry.name, names, entry.invoke, call_named=entry.invoke_named)
