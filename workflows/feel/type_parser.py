"""The reader's tools for tokens and names, and the grammar of types (DMN 10.3.2.7, rules 54 and on)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workflows.feel.errors import FeelSyntaxError, Words
from workflows.feel.lexer import Token, syntax_error
from workflows.feel.names import KEYWORDS, KnownNames, joined
from workflows.feel.types import ANY, UNKNOWN, Type, scalar_type

_ONE_SIGN = Words("相等只写一个 =", "compare with one =")


class TypeParser:
    """A cursor over tokens that can read names and types. `types` finds the declared types of a model by name."""

    def __init__(
        self, text: str, tokens: list[Token], known: KnownNames, types: Callable[[str], Any] | None = None
    ) -> None:
        self.text = text
        self.tokens = tokens
        self.index = 0
        self.known = known
        self.types = types

    @property
    def token(self) -> Token:
        return self.tokens[self.index]

    def following(self) -> Token:
        return self.tokens[min(self.index + 1, len(self.tokens) - 1)]

    def advance(self, count: int) -> None:
        self.index = min(self.index + count, len(self.tokens) - 1)

    def next(self) -> Token:
        token = self.token
        self.advance(1)
        return token

    def at(self, mark: str) -> bool:
        return self.token.kind == "mark" and self.token.text == mark

    def accept(self, mark: str) -> bool:
        found = self.at(mark)
        self.advance(1 if found else 0)
        return found

    def accept_word(self, word: str) -> bool:
        found = self.token.kind == "name" and self.token.text == word
        self.advance(1 if found else 0)
        return found

    def expect(self, mark: str) -> None:
        if not self.accept(mark):
            raise self.error(Words(f"这里应是 {mark}", f"{mark} is expected"))

    def expect_word(self, word: str) -> None:
        if not self.accept_word(word):
            raise self.error(Words(f"这里应是 {word}", f"the word {word} is expected"))

    def expect_end(self) -> None:
        if self.token.kind != "end":
            hint = _ONE_SIGN if self.token.text == "=" else None
            raise self.error(Words(f"{self.token.text} 不应出现在这里", f"{self.token.text} is not expected here"), hint)

    def error(self, reason: Words, hint: Words | None = None) -> FeelSyntaxError:
        token = self.token
        found = Words("已到末尾", "the text ends") if token.kind == "end" else Words(f"遇到 {token.text}", f"found {token.text}")
        if token.kind == "mark" and token.text == "=" and self.index and self.tokens[self.index - 1].text == "=":
            hint = _ONE_SIGN
        return syntax_error(self.text, token.start, Words(f"{reason}：{found}", f"{reason.en}: {found.en}"), hint)

    def name(self, what: Words) -> str:
        """Read a name: the longest known one, or as many adjacent words as there are."""
        count = max(self.known.longest(self.tokens, self.index), self.adjacent_words())
        if count == 0:
            raise self.error(Words(f"这里应是{what}", f"{what.en} is expected"))
        found = self.tokens[self.index : self.index + count]
        self.advance(count)
        return joined(found)

    def adjacent_words(self) -> int:
        """How many word tokens follow each other here; a whole number may follow a word, as in `Plan 2`."""
        count = 0
        while (token := self.tokens[min(self.index + count, len(self.tokens) - 1)]).kind in ("name", "number"):
            if token.text in KEYWORDS and not (count and self._part_of_name(self.index + count)):
                break
            if token.kind == "number" and (not count or not token.text.isdigit()):
                break
            count += 1
        return count

    def _part_of_name(self, index: int) -> bool:
        """A keyword that no expression can have at this place belongs to the name."""
        return self.tokens[index].text == "instance" and self.tokens[min(index + 1, len(self.tokens) - 1)].text != "of"

    def name_until_colon(self) -> str | None:
        """The name made of every token up to a colon; None when something that cannot be part of a name comes first."""
        start = self.index
        while self.token.kind in ("name", "number") or (self.token.kind == "mark" and self.token.text in "+-*/.'’**?"):
            self.advance(1)
        if self.at(":") and self.index > start:
            return joined(self.tokens[start : self.index])
        self.index = start
        return None

    def type(self) -> Type:
        """A type: a name, list<T>, range<T>, context<a: T, …> or function<T, …> -> T."""
        first = self.token.text
        if self.following().text == "<" and first in ("list", "range"):
            self.advance(2)
            element = self.type()
            self.close_angle()
            return Type(first, element)
        if self.following().text == "<" and first == "context":
            self.advance(2)
            return self.context_type()
        if self.following().text in ("<", "->") and first == "function":
            self.advance(1)
            return self.function_type()
        return self.named_type()

    def close_angle(self) -> None:
        self.expect(">")

    def context_type(self) -> Type:
        entries: dict[str, Type] = {}
        while not self.at(">"):
            name = self.name_until_colon()
            if name is None:
                raise self.error(Words("这里应是上下文的键", "the name of a context entry is expected"))
            self.expect(":")
            entries[name] = self.type()
            if not self.accept(","):
                break
        self.close_angle()
        return Type("context", entries=entries)

    def function_type(self) -> Type:
        parameters: list[Type] = []
        if self.accept("<"):
            while not self.at(">"):
                parameters.append(self.type())
                if not self.accept(","):
                    break
            self.close_angle()
        result = self.type() if self.accept("->") else ANY
        return Type("function", result, parameters=tuple(parameters))

    def named_type(self) -> Type:
        if self.token.text == "function" and self.token.kind == "name":
            self.advance(1)
            return Type("function")
        if self.token.text == "null" and self.token.kind == "name":
            self.advance(1)
            return Type("Null")
        name = self.name(Words("类型", "a type"))
        while self.accept("."):
            name += "." + self.name(Words("类型", "a type"))
        declared = self.types(name) if self.types is not None else None
        if isinstance(declared, Type):
            return declared
        return scalar_type(name) or UNKNOWN
