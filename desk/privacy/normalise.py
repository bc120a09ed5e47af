"""Folds disguised spellings of a text to plain ones, and remembers where every character came from."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

_PIECE = re.compile(
    r"(?P<escape>%[2-7][0-9A-Fa-f]|\\u[0-9A-Fa-f]{4}|&#[0-9]{2,6};|&#x[0-9A-Fa-f]{2,5};|&commat;|&period;)"
    r"|(?P<plain>[^\x80-\U0010FFFF%\\&]+|[%\\&])"
    r"|(?P<other>[^\x00-\x7F])"
)
_ESCAPE_SIGNS = re.compile(r"[%\\&]")
_NAMED = {"&commat;": "@", "&period;": "."}
_LATIN = "AaBCcEeHIiJjKMNOoPpSsTXxYyIid-----..@"
_LOOKALIKE = "АаВСсЕеНІіЈјКМΝОоРрЅѕТХхУуΙıԁ‐–—−⸺。･＠"
_GREEK = str.maketrans("ΑΒΕΖΗΚΜΟΡΤΥΧοικνυαρχ", "ABEZHKMOPTYXoikvuapx")
_CONFUSABLE = str.maketrans(_LOOKALIKE, _LATIN) | _GREEK
_LONGEST_EXPANSION = 4


@dataclass(frozen=True, slots=True)
class Normalised:
    """A folded text; `offsets[i]` is the original index of its code point `i`, `length` the original's."""

    text: str
    offsets: Sequence[int]
    length: int

    def original_span(self, start: int, end: int) -> tuple[int, int]:
        """The original half-open range behind `text[start:end]`, with the dropped characters inside it."""
        if start >= end:
            at = self.offsets[start] if start < len(self.offsets) else self.length
            return at, at
        following = self.offsets[end] if end < len(self.offsets) else self.length
        return self.offsets[start], max(following, self.offsets[end - 1] + 1)


def normalise(text: str) -> Normalised:
    """Fold `text`: NFKC, look-alike letters and digits to ASCII, accents, marks and format characters off.

    Percent, `\\u` and numeric HTML escapes are read as the character they stand for. Linear time.
    """
    if text.isascii() and not _ESCAPE_SIGNS.search(text):
        return Normalised(text, range(len(text)), len(text))
    pieces: list[str] = []
    offsets: list[int] = []
    for piece in _PIECE.finditer(text):
        start = piece.start()
        if piece.lastgroup == "plain":
            pieces.append(piece.group())
            offsets.extend(range(start, piece.end()))
            continue
        folded = _fold(piece.group() if piece.lastgroup == "other" else _unescape(piece.group()))
        pieces.append(folded)
        offsets.extend([start] * len(folded))
    return Normalised("".join(pieces), offsets, len(text))


def _unescape(escape: str) -> str:
    if escape in _NAMED:
        return _NAMED[escape]
    if escape.startswith("&#"):
        digits = escape[2:-1]
        code = int(digits[1:], 16) if digits[0] == "x" else int(digits)
    else:
        code = int(escape.lstrip("%\\u"), 16)
    return chr(code)


@lru_cache(maxsize=8192)
def _fold(char: str) -> str:
    """What stands for one character: usually one character, none for a mark or format character."""
    if _is_dropped(char):
        return ""
    composed = unicodedata.normalize("NFKC", char)
    if len(composed) > _LONGEST_EXPANSION:
        return char  # a ligature of a whole phrase hides no value, and would blow the text up
    return "".join(_plain(part) for part in composed if not _is_dropped(part)).translate(_CONFUSABLE)


def _is_dropped(char: str) -> bool:
    return unicodedata.category(char) in {"Cf", "Mn", "Me"} or char in "\u115f\u1160\u3164\uffa0\u2800"


def _plain(char: str) -> str:
    digit = unicodedata.decimal(char, None)
    if digit is not None:
        return str(digit)
    if char.isspace():
        return "\n" if char in "\x85\u2028\u2029" else " " if not char.isascii() else char
    if unicodedata.category(char) in {"Cs", "Pd"}:
        return "-" if unicodedata.category(char) == "Pd" else "\ufffd"
    decomposed = unicodedata.normalize("NFD", char)
    return decomposed[0] if all(unicodedata.combining(mark) for mark in decomposed[1:]) else char
