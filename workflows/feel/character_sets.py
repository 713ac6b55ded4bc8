"""Sets of characters as ranges of code points, for class subtraction such as [A-Z-[OI]], which RE2 itself does not do."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import lru_cache

Ranges = tuple[tuple[int, int], ...]
LAST = 0x10FFFF


def union(parts: Iterable[tuple[int, int]]) -> Ranges:
    """Ranges sorted and merged."""
    merged: list[tuple[int, int]] = []
    for low, high in sorted(parts):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], high))
        else:
            merged.append((low, high))
    return tuple(merged)


def complement(ranges: Ranges) -> Ranges:
    """Every other code point."""
    gaps, start = [], 0
    for low, high in ranges:
        if low > start:
            gaps.append((start, low - 1))
        start = high + 1
    return tuple([*gaps, (start, LAST)] if start <= LAST else gaps)


def difference(left: Ranges, right: Ranges) -> Ranges:
    """What is in left and not in right."""
    return complement(union((*complement(left), *right)))


def with_cases(ranges: Ranges) -> Ranges:
    """The ranges with the upper and lower case of each character that has one."""
    cased = _cased_pairs()
    added = [(other, other) for code, other in cased if any(low <= code <= high for low, high in ranges)]
    return union((*ranges, *added))


@lru_cache(maxsize=1)
def _cased_pairs() -> tuple[tuple[int, int], ...]:
    pairs = []
    for code in range(0x1E943):
        character = chr(code)
        for other in (character.lower(), character.upper()):
            if other != character and len(other) == 1:
                pairs += [(code, ord(other)), (ord(other), code)]
    return tuple(sorted(set(pairs)))


@lru_cache(maxsize=64)
def category(name: str) -> Ranges:
    """The code points of a Unicode general category such as Lu, or of a group such as L."""
    return union(pair for own, ranges in _categories().items() if own.startswith(name) for pair in ranges)


@lru_cache(maxsize=1)
def _categories() -> dict[str, list[tuple[int, int]]]:
    """The ranges of every two-letter category, found in one pass over all characters."""
    found: dict[str, list[tuple[int, int]]] = {}
    for code in range(LAST + 1):
        ranges = found.setdefault(unicodedata.category(chr(code)), [])
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1] = (ranges[-1][0], code)
        else:
            ranges.append((code, code))
    return found


def to_class(ranges: Ranges) -> str:
    """The ranges as an RE2 class, which no flag changes."""
    inner = "".join(f"\\x{{{low:X}}}-\\x{{{high:X}}}" for low, high in ranges)
    return f"(?-i:[{inner}])" if ranges else r"[^\x{0}-\x{10FFFF}]"
