"""Which words are keywords, and which names with spaces or marks in them are known while a text is read."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import islice

from workflows.feel.errors import FeelSyntaxError, Words
from workflows.feel.lexer import Token, tokenize

KEYWORDS = frozenset((
    "if", "then", "else", "for", "in", "return", "some", "every", "satisfies", "instance", "between", "and", "or", "not",
    "function", "external", "true", "false", "null",
))
MOST_COMPARED = 500
BUILT_IN_NAMES_WITH_KEYWORDS = (
    "date and time", "years and months duration", "days and time duration", "working days between",
)


class KnownNames:
    """A stack of known names, each kept as its token texts; only names of several tokens matter to the reader."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._by_first: dict[str, list[tuple[str, ...]]] = {}
        self._added: list[tuple[str, ...]] = []
        for name in (*BUILT_IN_NAMES_WITH_KEYWORDS, *names):
            self.add(name)

    def add(self, name: str) -> None:
        """Make `name` known from here to the end of the open scope."""
        if name.isidentifier() and name not in KEYWORDS:
            return
        parts = _parts(name)
        if len(parts) > 1:
            self._by_first.setdefault(parts[0], []).append(parts)
            self._added.append(parts)

    @contextmanager
    def scope(self) -> Iterator[None]:
        """Names added inside are forgotten on leaving."""
        mark = len(self._added)
        yield
        while len(self._added) > mark:
            parts = self._added.pop()
            self._by_first[parts[0]].remove(parts)

    def longest(self, tokens: Sequence[Token], index: int) -> int:
        """How many tokens at `index` the longest known name takes; 0 when none fits."""
        best = 0
        for parts in self._by_first.get(tokens[index].text, ()):
            length = len(parts)
            if length > best and all(
                index + i < len(tokens) and tokens[index + i].text == part for i, part in enumerate(parts)
            ):
                best = length
        return best


@lru_cache(maxsize=4096)
def _parts(name: str) -> tuple[str, ...]:
    """The token texts of a name, none when it is not made of tokens; every text of a model asks for the same names."""
    try:
        return tuple(token.text for token in tokenize(name)[:-1])
    except FeelSyntaxError:
        return ()


def joined(tokens: Sequence[Token]) -> str:
    """One name from its tokens: words are parted by one space, marks stand close, as in `a+b` and `monthly income`."""
    text = ""
    previous_word = False
    for token in tokens:
        word = token.kind in ("name", "number")
        text += f" {token.text}" if word and previous_word else token.text
        previous_word = word
    return text


def canonical(name: str) -> str:
    """The one spelling of a name, whatever its spaces: `a + b` and `a+b` are one name (DMN 10.3.1.4)."""
    if name.isidentifier():
        return name
    try:
        return joined(tokenize(name)[:-1])
    except FeelSyntaxError:
        return " ".join(name.split())


def where(text: str, *parts: str) -> Words:
    """Line and column at which a name (or a path, given part by part) is read in a text, in brackets; empty when it is not found.

    A property of the same name is not it. The text must be readable.
    """
    tokens = tokenize(text)
    wanted = [token.text for part in parts for token in tokenize(part)[:-1]]
    for index in range(len(tokens) - len(wanted)):
        after_dot = index > 0 and tokens[index - 1].text == "."
        if not after_dot and [token.text for token in tokens[index : index + len(wanted)]] == wanted:
            before = text[: tokens[index].start]
            line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
            return Words(f"（第 {line} 行第 {column} 列）", f" (line {line}, column {column})")
    return Words("", "")


def perhaps(name: str, known: Iterable[str]) -> Words:
    """The known name most like `name`, as the ending of an advice; empty when none is like it."""
    short = name[:80]
    alike = (one for one in known if one != name and 0.4 < len(one) / max(1, len(short)) < 2.5)
    found = difflib.get_close_matches(short, list(islice(alike, MOST_COMPARED)), n=1, cutoff=0.6)
    return Words(f"，是否为“{found[0]}”", f"; perhaps {found[0]}") if found else Words("", "")
