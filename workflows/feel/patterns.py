"""Translates XPath/XML Schema regular expressions (XPath Functions 7.6) to RE2's dialect; it runs none."""

from __future__ import annotations

import re

FLAGS = frozenset("smixq")
# XML name characters, for \i and \c.
_INITIAL = r":A-Z_a-z\x{C0}-\x{D6}\x{D8}-\x{F6}\x{F8}-\x{2FF}\x{370}-\x{37D}\x{37F}-\x{1FFF}\x{200C}\x{200D}\x{2070}-\x{218F}"
_INITIAL += r"\x{2C00}-\x{2FEF}\x{3001}-\x{D7FF}\x{F900}-\x{FDCF}\x{FDF0}-\x{FFFD}"
_NAME = _INITIAL + r"\-.0-9\x{B7}\x{300}-\x{36F}\x{203F}\x{2040}"
_CLASSES = {
    "d": r"\p{Nd}", "D": r"\P{Nd}", "i": _INITIAL, "c": _NAME, "s": r" \t\n\r", "w": r"\p{L}\p{M}\p{N}\p{S}",
    "W": r"\p{P}\p{Z}\p{C}",
}
_NEGATED = {"S": "s", "I": "i", "C": "c"}
_PLAIN_ESCAPES = frozenset("nrt\\|.?*+(){}-[]^$")
_BLOCKS = {
    "BasicLatin": r"\x{0}-\x{7F}", "Latin-1Supplement": r"\x{80}-\x{FF}", "LatinExtended-A": r"\x{100}-\x{17F}",
    "LatinExtended-B": r"\x{180}-\x{24F}", "IPAExtensions": r"\x{250}-\x{2AF}", "GreekandCoptic": r"\x{370}-\x{3FF}",
    "Greek": r"\x{370}-\x{3FF}", "Cyrillic": r"\x{400}-\x{4FF}", "Hebrew": r"\x{590}-\x{5FF}", "Arabic": r"\x{600}-\x{6FF}",
    "Hiragana": r"\x{3040}-\x{309F}", "Katakana": r"\x{30A0}-\x{30FF}", "GeneralPunctuation": r"\x{2000}-\x{206F}",
    "CJKUnifiedIdeographs": r"\x{4E00}-\x{9FFF}", "CJKSymbolsandPunctuation": r"\x{3000}-\x{303F}",
    "HangulSyllables": r"\x{AC00}-\x{D7AF}", "CurrencySymbols": r"\x{20A0}-\x{20CF}", "Arrows": r"\x{2190}-\x{21FF}",
    "MathematicalOperators": r"\x{2200}-\x{22FF}", "Thai": r"\x{E00}-\x{E7F}", "Armenian": r"\x{530}-\x{58F}",
}


class NotSupported(ValueError):
    """The pattern is malformed, or uses what has no linear-time meaning (back references, lookaround, subtraction)."""


def translate(pattern: str, flags: str) -> str:
    """The RE2 text of a pattern with XPath flags s, m, i, x and q."""
    if not set(flags) <= FLAGS:
        raise NotSupported(f"unknown flag in {flags!r}")
    inline = "".join(flag for flag in "smi" if flag in flags)
    prefix = f"(?{inline})" if inline else ""
    if "q" in flags:
        return prefix + re.escape(pattern)
    return prefix + _Translator(pattern, "x" in flags, "s" in flags).translate()


class _Translator:
    def __init__(self, pattern: str, free_spacing: bool, dot_all: bool) -> None:
        self.pattern = pattern
        self.free_spacing = free_spacing
        self.dot_all = dot_all
        self.position = 0

    def translate(self) -> str:
        pieces = []
        while self.position < len(self.pattern):
            pieces.append(self._one(self.pattern[self.position]))
        return "".join(pieces)

    def _one(self, character: str) -> str:
        if character == "\\":
            return self._escape(False)
        if character == "[":
            return self._class()
        self.position += 1
        if self.free_spacing and character in " \t\n\r":
            return ""
        if character == "." and not self.dot_all:
            return r"[^\n\r]"
        following = self.pattern[self.position : self.position + 2]
        if character == "(" and following.startswith("?") and following != "?:":
            raise NotSupported("groups with ? other than (?: are not part of XPath")
        if character == "{" and not re.match(r"\d+(,\d*)?\}", self.pattern[self.position :], re.ASCII):
            raise NotSupported("a brace opens no repetition")
        if character == "]" or (character == "}" and "{" not in self.pattern):
            raise NotSupported("a closing bracket has no opening one")
        return character

    def _escape(self, in_class: bool) -> str:
        self.position += 2
        code = self.pattern[self.position - 1 : self.position]
        if code in _PLAIN_ESCAPES and code:
            return "\\" + code
        if code in ("p", "P"):
            return self._category(code, in_class)
        if code in _CLASSES:
            return _CLASSES[code] if in_class else f"[{_CLASSES[code]}]"
        if code in _NEGATED:
            if in_class:
                if code == "S":
                    return r"\x{0}-\x{8}\x{B}\x{C}\x{E}-\x{1F}\x{21}-\x{10FFFF}"
                raise NotSupported("a negated name class inside brackets")
            return f"[^{_CLASSES[_NEGATED[code]]}]"
        raise NotSupported(f"the escape \\{code} is not known, or is a back reference")

    def _category(self, code: str, in_class: bool) -> str:
        match = re.compile(r"\{([A-Za-z0-9-]+)\}").match(self.pattern, self.position)
        if match is None:
            raise NotSupported("a category needs braces")
        self.position = match.end()
        name = match[1]
        if not name.startswith("Is"):
            return f"\\{code}{{{name}}}"
        block = _BLOCKS.get(name[2:])
        if block is None or (in_class and code == "P"):
            raise NotSupported(f"the block {name} is not known")
        return block if in_class else f"[{'^' if code == 'P' else ''}{block}]"

    def _class(self) -> str:
        self.position += 1
        pieces = ["["]
        if self.pattern.startswith("^", self.position):
            pieces.append("^")
            self.position += 1
        empty = True
        while self.position < len(self.pattern):
            character = self.pattern[self.position]
            if character == "]" and not empty:
                self.position += 1
                return "".join(pieces) + "]"
            if character == "[" or (character == "]" and empty):
                raise NotSupported("class subtraction and empty classes are not supported")
            pieces.append(self._escape(True) if character == "\\" else self._plain(character))
            empty = False
        raise NotSupported("a class is not closed")

    def _plain(self, character: str) -> str:
        self.position += 1
        if character == "-" and self.pattern.startswith("[", self.position):
            raise NotSupported("class subtraction is not supported")
        return "" if self.free_spacing and character in " \t\n\r" else character


def replacement_template(text: str, groups: int) -> list[str | int] | None:
    """The parts of an XPath replacement text: strings and group numbers; None when it is malformed.

    `$12` with fewer than 12 groups is group 1 and the digit 2 (XPath Functions 7.6.3).
    """
    parts: list[str | int] = []
    position = 0
    while position < len(text):
        character = text[position]
        position += 1
        if character == "\\":
            if text[position : position + 1] not in ("\\", "$"):
                return None
            parts.append(text[position])
            position += 1
        elif character == "$":
            digits = re.compile(r"[0-9]+").match(text, position)
            if digits is None:
                return None
            number = digits[0]
            while len(number) > 1 and int(number) > groups:
                number = number[:-1]
            parts.append(int(number) if int(number) <= groups else "")
            position += len(number)
        else:
            parts.append(character)
    return parts
