"""The types of FEEL: what a value is an instance of, and how a value is coerced where a type is declared (DMN 10.3.2.9)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from workflows.feel.temporal import Date, DateTime, DaysTimeDuration, Time, YearsMonthsDuration, Zone
from workflows.feel.values import FeelValue, Function, Range

_SCALARS: dict[str, type | tuple[type, ...]] = {
    "number": Decimal,
    "string": str,
    "boolean": bool,
    "date": Date,
    "time": Time,
    "date and time": DateTime,
    "dateTime": DateTime,
    "days and time duration": DaysTimeDuration,
    "dayTimeDuration": DaysTimeDuration,
    "years and months duration": YearsMonthsDuration,
    "yearMonthDuration": YearsMonthsDuration,
    "duration": (DaysTimeDuration, YearsMonthsDuration),
}


@dataclass(frozen=True, slots=True)
class Type:
    """One type. `kind` is a scalar's name, Any, Null, list, context, function, range or unknown.

    `element` is the type of list elements, of range endpoints or of a function's result; `entries` those of a context;
    `parameters` those of a function. `allowed` decides whether a value is among the allowed ones of an item definition,
    `ordered_values` are those in their order; a `partial` context may lack entries.
    """

    kind: str
    element: Type | None = None
    entries: Mapping[str, Type] = field(default_factory=dict)
    parameters: tuple[Type, ...] | None = None
    name: str = ""
    allowed: Callable[[FeelValue], bool] | None = None
    partial: bool = False
    ordered_values: tuple[FeelValue, ...] | None = None

    def accepts(self, value: FeelValue, strict: bool = False) -> bool:
        """Whether a value conforms; null conforms to every type.

        `strict` is what `instance of` asks: allowed values do not count, and no entry of a context may be missing.
        """
        if value is None:
            return True
        return self._kind_accepts(value, strict) and (strict or self.allowed is None or self.allowed(value))

    def _kind_accepts(self, value: FeelValue, strict: bool) -> bool:
        kind = self.kind
        scalar = _SCALARS.get(kind)
        if scalar is not None:
            return isinstance(value, scalar)
        if kind == "Any":
            return True
        if kind == "list":
            element = self.element
            return isinstance(value, list) and (element is None or all(element.accepts(item, strict) for item in value))
        if kind == "context":
            return isinstance(value, dict) and all(
                (name in value or (self.partial and not strict)) and type_.accepts(value.get(name), strict) for name, type_ in self.entries.items()
            )
        if kind == "range":
            return isinstance(value, Range) and self._accepts_range(value)
        return kind == "function" and isinstance(value, Function) and self._accepts_function(value)

    def _accepts_range(self, value: Range) -> bool:
        if self.element is None or self.element.kind == "Any":
            return True
        ends = [end for end in (value.start, value.end) if end is not None]
        return bool(ends) and all(self.element.accepts(end) for end in ends)

    def _accepts_function(self, value: Function) -> bool:
        if self.parameters is None:
            return True
        if len(self.parameters) != len(value.parameters):
            return False
        given = zip(self.parameters, value.types, strict=True)
        result = self.element or ANY
        return all(conforms(wanted, offered or ANY) for wanted, offered in given) and conforms(
            value.result or ANY, result
        )


UTC_ZONE = Zone.fixed(0)
ANY = Type("Any")
LIST = Type("list", ANY)
UNKNOWN = Type("unknown")


def is_instance(value: FeelValue, type_: Type) -> bool | None:
    """`value instance of type_`: unlike conformance at a boundary, null is an instance of Null and Any only."""
    if type_.kind == "unknown":
        return None
    if value is None:
        return type_.kind == "Null"
    return type_.accepts(value, strict=True)


def conforms(narrow: Type, wide: Type) -> bool:
    """Whether every value of `narrow` is one of `wide` (DMN 10.3.2.9.2)."""
    if wide.kind == "Any" or narrow.kind == "Null":
        return True
    if narrow.kind != wide.kind:
        return False
    if wide.kind in ("list", "range"):
        return conforms(narrow.element or ANY, wide.element or ANY)
    if wide.kind == "context":
        return all(name in narrow.entries and conforms(narrow.entries[name], t) for name, t in wide.entries.items())
    if wide.kind == "function" and wide.parameters is not None:
        if narrow.parameters is None or len(narrow.parameters) != len(wide.parameters):
            return False
        inward = all(conforms(w, n) for n, w in zip(narrow.parameters, wide.parameters, strict=True))
        return inward and conforms(narrow.element or ANY, wide.element or ANY)
    return True


def coerce(value: FeelValue, type_: Type | None) -> FeelValue:
    """`value` fitted to a declared type, or null when it does not conform (DMN 10.3.2.9.4).

    Conversions are to a singleton list, from a singleton list, and from a date to its midnight in UTC.
    """
    if type_ is None or value is None or type_.accepts(value):
        return value
    if type_.kind == "list" and not isinstance(value, list):
        wrapped = [value]
        return wrapped if type_.accepts(wrapped) else None
    if isinstance(value, list) and len(value) == 1 and type_.kind != "list":
        return coerce(value[0], type_)
    if type_.kind in ("date and time", "dateTime") and isinstance(value, Date):
        return midnight(value)
    return None


def midnight(value: Date) -> DateTime:
    """A date read as a date and time: its midnight in UTC (DMN 10.3.2.7)."""
    return DateTime(value, Time(0, 0, 0, 0, UTC_ZONE))


def scalar_type(name: str) -> Type | None:
    """The built-in type of that name, None when there is none."""
    normal = " ".join(name.split())
    if normal in _SCALARS or normal in ("Any", "Null"):
        return Type(_ALIASES.get(normal, normal))
    plain: dict[str, Any] = {"list": LIST, "context": Type("context"), "function": Type("function"), "range": Type("range")}
    return plain.get(normal)


_ALIASES = {
    "dateTime": "date and time",
    "dayTimeDuration": "days and time duration",
    "yearMonthDuration": "years and months duration",
}
