"""Folds disguised spellings of a text to plain ones, and remembers where every character came from."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

_ESCAPE = r"%[2-7][0-9A-Fa-f]|\\u[0-9A-Fa-f]{4}|&#[0-9]{2,6};|&#x[0-9A-Fa-f]{2,5};|&commat;|&period;"
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
        if isinstance(self.offsets, range) and start < end:  # nothing moved
            return start, end
        if start >= end:
            at = self.offsets[start] if start < len(self.offsets) else self.length
            return at, at
        following = self.offsets[end] if end < len(self.offsets) else self.length
        return self.offsets[start], max(following, self.offsets[end - 1] + 1)


def normalise(text: str) -> Normalised:
    """Fold `text`: NFKC, look-alike letters and digits to ASCII, accents, marks and format characters off.

    Percent, `\\u` and numeric HTML escapes are read as the character they stand for. Linear time.
    """
    escaped = "%" in text or "\\" in text or "&" in text
    if not escaped and text.isascii():  # nearly always
        return Normalised(text, range(len(text)), len(text))
    folds = {char: _fold(char) for char in set(text) if not char.isascii()}
    resized = "".join(sorted(char for char, folded in folds.items() if len(folded) != 1))
    # Most characters stand for one other, so that nothing moves: the rest is put between what these become.
    folded = text.translate({ord(char): plain for char, plain in folds.items() if len(plain) == 1})
    if not resized and not escaped:
        return Normalised(folded, range(len(text)), len(text))
    pieces: list[str] = []
    offsets: list[int] = []
    at = 0
    for piece in _resizing(resized, escaped=escaped).finditer(text):
        start, end = piece.span()
        pieces += folded[at:start], (part := folds.get(piece.group()) or _unescaped(piece.group()))
        offsets.extend(range(at, start))
        offsets.extend([start] * len(part))
        at = end
    if not pieces:  # what looked like an escape was none
        return Normalised(folded, range(len(text)), len(text))
    pieces.append(folded[at:])
    offsets.extend(range(at, len(text)))
    return Normalised("".join(pieces), offsets, len(text))


def small(text: str) -> str:
    """The text in small letters, each where it stood."""
    lowered = text.lower()
    return lowered if len(lowered) == len(text) else text.replace("\u0130", "i").lower()


@lru_cache(maxsize=256)
def _resizing(characters: str, *, escaped: bool) -> re.Pattern[str]:
    """What does not stand for exactly one character: escapes, and these."""
    parts = [_ESCAPE] if escaped else []
    return re.compile("|".join([*parts, f"[{re.escape(characters)}]"] if characters else parts))


def _unescaped(piece: str) -> str:
    """What an escape stands for, folded; nothing for a character that is dropped."""
    return _fold(_unescape(piece)) if len(piece) > 1 else ""


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
