"""Translates XPath/XML Schema regular expressions (XPath Functions 7.6) to RE2's dialect; it runs none."""

from __future__ import annotations

import re

from workflows.feel.character_sets import Ranges, category, complement, difference, to_class, union, with_cases

FLAGS = frozenset("smixq")
_SPACES = " \t\n\r"
_INITIAL: Ranges = (
    (0x3A, 0x3A), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A), (0xC0, 0xD6), (0xD8, 0xF6), (0xF8, 0x2FF), (0x370, 0x37D),
    (0x37F, 0x1FFF), (0x200C, 0x200D), (0x2070, 0x218F), (0x2C00, 0x2FEF), (0x3001, 0xD7FF), (0xF900, 0xFDCF),
    (0xFDF0, 0xFFFD),
)
_NAME: Ranges = union((*_INITIAL, (0x2D, 0x2E), (0x30, 0x39), (0xB7, 0xB7), (0x300, 0x36F), (0x203F, 0x2040)))
_BLANK: Ranges = ((0x9, 0xA), (0xD, 0xD), (0x20, 0x20))
_CATEGORIES = {"d": ("Nd",), "w": ("L", "M", "N", "S")}
_PLAIN_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"} | {mark: mark for mark in "\\|.?*+(){}-[]^$"}
_CATEGORY_NAMES = frozenset(
    "L Lu Ll Lt Lm Lo M Mn Mc Me N Nd Nl No P Pc Pd Ps Pe Pi Pf Po Z Zs Zl Zp S Sm Sc Sk So C Cc Cf Co Cn".split()
)
_BLOCKS: dict[str, tuple[int, int]] = {
    "BasicLatin": (0, 0x7F), "Latin-1Supplement": (0x80, 0xFF), "LatinExtended-A": (0x100, 0x17F),
    "LatinExtended-B": (0x180, 0x24F), "IPAExtensions": (0x250, 0x2AF), "SpacingModifierLetters": (0x2B0, 0x2FF),
    "CombiningDiacriticalMarks": (0x300, 0x36F), "Greek": (0x370, 0x3FF), "GreekandCoptic": (0x370, 0x3FF),
    "Cyrillic": (0x400, 0x4FF), "Armenian": (0x530, 0x58F), "Hebrew": (0x590, 0x5FF), "Arabic": (0x600, 0x6FF),
    "Syriac": (0x700, 0x74F), "Thaana": (0x780, 0x7BF), "Devanagari": (0x900, 0x97F), "Bengali": (0x980, 0x9FF),
    "Tamil": (0xB80, 0xBFF), "Thai": (0xE00, 0xE7F), "Lao": (0xE80, 0xEFF), "Tibetan": (0xF00, 0xFFF),
    "Georgian": (0x10A0, 0x10FF), "HangulJamo": (0x1100, 0x11FF), "Mongolian": (0x1800, 0x18AF),
    "LatinExtendedAdditional": (0x1E00, 0x1EFF), "GreekExtended": (0x1F00, 0x1FFF), "GeneralPunctuation": (0x2000, 0x206F),
    "SuperscriptsandSubscripts": (0x2070, 0x209F), "CurrencySymbols": (0x20A0, 0x20CF), "LetterlikeSymbols": (0x2100, 0x214F),
    "NumberForms": (0x2150, 0x218F), "Arrows": (0x2190, 0x21FF), "MathematicalOperators": (0x2200, 0x22FF),
    "MiscellaneousTechnical": (0x2300, 0x23FF), "BoxDrawing": (0x2500, 0x257F), "GeometricShapes": (0x25A0, 0x25FF),
    "MiscellaneousSymbols": (0x2600, 0x26FF), "Dingbats": (0x2700, 0x27BF), "CJKRadicalsSupplement": (0x2E80, 0x2EFF),
    "KangxiRadicals": (0x2F00, 0x2FDF), "CJKSymbolsandPunctuation": (0x3000, 0x303F), "Hiragana": (0x3040, 0x309F),
    "Katakana": (0x30A0, 0x30FF), "Bopomofo": (0x3100, 0x312F), "EnclosedCJKLettersandMonths": (0x3200, 0x32FF),
    "CJKCompatibility": (0x3300, 0x33FF), "CJKUnifiedIdeographsExtensionA": (0x3400, 0x4DBF),
    "CJKUnifiedIdeographs": (0x4E00, 0x9FFF), "HangulSyllables": (0xAC00, 0xD7AF), "PrivateUse": (0xE000, 0xF8FF),
    "CJKCompatibilityIdeographs": (0xF900, 0xFAFF), "AlphabeticPresentationForms": (0xFB00, 0xFB4F),
    "ArabicPresentationForms-A": (0xFB50, 0xFDFF), "HalfwidthandFullwidthForms": (0xFF00, 0xFFEF), "Specials": (0xFFF0, 0xFFFF),
}


class NotSupported(ValueError):
    """The pattern is malformed, or uses what has no linear-time meaning (back references, lookaround)."""


def translate(pattern: str, flags: str) -> str:
    """The RE2 text of a pattern with XPath flags s, m, i, x and q; NotSupported when there is none."""
    if not set(flags) <= FLAGS:
        raise NotSupported(f"unknown flag in {flags!r}")
    inline = "".join(flag for flag in "smi" if flag in flags)
    prefix = f"(?{inline})" if inline else ""
    if "q" in flags:
        return prefix + re.escape(pattern)
    return prefix + _Translator(_without_spaces(pattern) if "x" in flags else pattern, flags).translate()


def _without_spaces(pattern: str) -> str:
    """Flag x takes blanks away before the pattern is read, except inside brackets (XPath Functions 7.6.1.1)."""
    kept, depth, escaped = [], 0, False
    for character in pattern:
        if character in _SPACES and not depth:
            continue
        kept.append(character)
        depth += 0 if escaped else (character == "[") - (character == "]" and depth > 0)
        escaped = character == "\\" and not escaped
    return "".join(kept)


class _Translator:
    """Reads one pattern from left to right."""

    def __init__(self, pattern: str, flags: str) -> None:
        self.pattern = pattern
        self.dot_all = "s" in flags
        self.any_case = "i" in flags
        self.position = 0

    def translate(self) -> str:
        pieces = []
        while self.position < len(self.pattern):
            pieces.append(self._one(self.pattern[self.position]))
        return "".join(pieces)

    def _one(self, character: str) -> str:
        self.position += 1
        match character:
            case "\\":
                return self._escape()
            case "[":
                return self._class()
            case "." if not self.dot_all:
                return r"[^\n\r]"
            case "]":
                raise NotSupported("a closing bracket has no opening one")
        following = self.pattern[self.position : self.position + 2]
        if character == "(" and following.startswith("?") and following != "?:":
            raise NotSupported("groups with ? other than (?: are not part of XPath")
        if character == "{" and not re.match(r"\d+(,\d*)?\}", self.pattern[self.position :], re.ASCII):
            raise NotSupported("a brace opens no repetition")
        return character

    def _escape(self) -> str:
        """An escape outside brackets, in RE2's own words where it has them."""
        code = self._code()
        if code in _PLAIN_ESCAPES:
            return "\\" + code
        if code in "dD":
            return r"\p{Nd}" if code == "d" else r"\P{Nd}"
        if code in "wW":
            return r"[\p{L}\p{M}\p{N}\p{S}]" if code == "w" else r"[^\p{L}\p{M}\p{N}\p{S}]"
        if code in "pP":
            name = self._category_name()
            return f"\\{code}{{{name}}}" if name in _CATEGORY_NAMES and name not in ("C", "Cn") else to_class(
                self._named(name, code)
            )
        return to_class(self._code_set(code))

    def _code(self) -> str:
        code = self.pattern[self.position : self.position + 1]
        self.position += 1
        if not code or (code not in _PLAIN_ESCAPES and code not in "dDwWpPsSiIcC"):
            raise NotSupported(f"the escape \\{code} is not known, or is a back reference")
        return code

    def _code_set(self, code: str) -> Ranges:
        """The characters a class escape stands for."""
        small = code.lower()
        if small in _CATEGORIES:
            ranges = union(pair for name in _CATEGORIES[small] for pair in category(name))
        else:
            ranges = {"s": _BLANK, "i": _INITIAL, "c": _NAME}[small]
        return complement(ranges) if code.isupper() else ranges

    def _category_name(self) -> str:
        match = re.compile(r"\{([A-Za-z0-9-]+)\}").match(self.pattern, self.position)
        if match is None:
            raise NotSupported("a category needs braces")
        self.position = match.end()
        return match[1]

    def _named(self, name: str, code: str) -> Ranges:
        if name in _CATEGORY_NAMES:
            ranges = category(name)
        elif name.startswith("Is") and name[2:] in _BLOCKS:
            ranges = (_BLOCKS[name[2:]],)
        else:
            raise NotSupported(f"the category {name} is not known")
        return complement(ranges) if code == "P" else ranges

    def _class(self) -> str:
        ranges = self._class_set()
        return to_class(ranges)

    def _class_set(self) -> Ranges:
        """The characters of a class, from after its opening bracket to after its closing one."""
        negated = self.pattern.startswith("^", self.position)
        self.position += negated
        parts: list[tuple[int, int]] = []
        removed: Ranges = ()
        start = self.position
        while not self._at("]") or self.position == start:
            if self.position >= len(self.pattern) or self._at("[") or (self._at("]") and self.position == start):
                raise NotSupported("a class is empty, not closed, or opens another one")
            if self.pattern.startswith("-[", self.position) and self.position > start:
                self.position += 2
                removed = self._class_set()
                if not self._at("]"):
                    raise NotSupported("a subtraction must end its class")
                break
            parts += self._class_part(start)
        self.position += 1
        whole = union(parts)
        if self.any_case:
            whole, removed = with_cases(whole), with_cases(removed)
        return difference(complement(whole) if negated else whole, removed)

    def _class_part(self, start: int) -> Ranges:
        """One character, one range or one class escape."""
        low = self._class_character()
        if not isinstance(low, int):
            return low
        if low == ord("-") and self.position - 1 > start and not self._at("]") and not self.pattern.startswith("-[", self.position):
            raise NotSupported("a hyphen inside a class must be first or last")
        if not self._at("-") or self.pattern[self.position + 1 : self.position + 2] in ("]", "[", ""):
            return ((low, low),)
        self.position += 1
        high = self._class_character()
        if not isinstance(high, int) or high < low:
            raise NotSupported("a range in a class is reversed")
        return ((low, high),)

    def _class_character(self) -> int | Ranges:
        character = self.pattern[self.position]
        self.position += 1
        if character != "\\":
            return ord(character)
        code = self._code()
        if code in _PLAIN_ESCAPES:
            return ord(_PLAIN_ESCAPES[code])
        return self._named(self._category_name(), code) if code in "pP" else self._code_set(code)

    def _at(self, character: str) -> bool:
        return self.pattern.startswith(character, self.position)


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
