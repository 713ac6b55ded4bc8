"""Reads names: the caller's variables, names bound in the expression, and the entries of filtered items."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from workflows.feel.builtins import BUILT_INS
from workflows.feel.properties import get_property
from workflows.feel.runtime import Scope
from workflows.feel.values import FeelValue, Names, is_tagged

Code = Callable[[Scope], FeelValue]


def outer(text: str, hops: int) -> Code:
    """A name from the caller's variables, made a FEEL value when it is read."""
    built_in = BUILT_INS.get(text)

    def read(scope: Scope) -> FeelValue:
        for _ in range(hops):
            scope = scope.parent  # type: ignore[assignment]
        value = scope.frame.get(text)
        kind = type(value)
        if kind is str or kind is Decimal or kind is bool:
            return value
        if value is None:
            return built_in
        return value if type(scope.frame) is Names else scope.run.convert(scope.frame, text, value)

    return read


def local(text: str, hops: int) -> Code:
    item = text == "item"

    def read(scope: Scope) -> FeelValue:
        for _ in range(hops):
            scope = scope.parent  # type: ignore[assignment]
        return scope.frame[text] if type(scope.frame) is dict and (not item or text in scope.frame) else scope.frame

    return read


def item_or(text: str, items: tuple[int, ...], otherwise: Code) -> Code:
    """A name that the nearest filtered item with such an entry binds, else what it means outside the filters."""

    def read(scope: Scope) -> FeelValue:
        holder, above = scope, 0
        for hops in items:
            while above < hops:
                holder, above = holder.parent, above + 1  # type: ignore[assignment]
            frame = holder.frame
            if type(frame) is dict:
                if text in frame:
                    return frame[text]
            else:
                value = get_property(frame, text, scope.run) if type(frame) is not list else None
                if value is not None:
                    return value
        return otherwise(scope)

    return read


def outer_path(text: str, keys: tuple[str, ...], hops: int) -> Code:
    """A path from the caller's variables; only what it ends at is converted, so its cost does not grow with the document."""

    def read(scope: Scope) -> FeelValue:
        for _ in range(hops):
            scope = scope.parent  # type: ignore[assignment]
        if type(scope.frame) is Names:
            value = scope.frame.get(text)
            for key in keys:
                value = get_property(value, key, scope.run)
            return value
        value = scope.frame.get(text)
        for index, key in enumerate(keys):
            if type(value) is dict and not (len(value) == 1 and is_tagged(value)):
                value = value.get(key)
                continue
            value = scope.run.convert(scope.frame, (text, keys[:index]), value)
            for rest in keys[index:]:
                value = get_property(value, rest, scope.run)
            return value
        kind = type(value)
        return value if kind is str or kind is bool else scope.run.convert(scope.frame, (text, keys), value)

    return read
