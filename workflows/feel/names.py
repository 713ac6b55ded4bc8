"""Which words are keywords, and which names with spaces or marks in them are known while a text is read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from workflows.feel.errors import FeelSyntaxError
from workflows.feel.lexer import Token, tokenize

KEYWORDS = frozenset((
    "if", "then", "else", "for", "in", "return", "some", "every", "satisfies", "instance", "between", "and", "or", "not",
    "function", "external", "true", "false", "null",
))
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
        try:
            parts = tuple(token.text for token in tokenize(name)[:-1])
        except FeelSyntaxError:
            return
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
