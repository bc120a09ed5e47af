"""What is known of a word by itself: whether it is a first name, a surname, or a word of everyday English."""

from __future__ import annotations

import unicodedata
import zlib
from array import array
from bisect import bisect_left
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent
LISTS: Final = ("common_words.txt", "first_names.txt", "surnames.txt")
_MARKS: Final = "cfl"
_LONGEST_ACRONYM = 5
_LETTERS = str.maketrans({"ß": "ss", "ø": "o", "ł": "l", "đ": "d", "æ": "ae", "ı": "i", "’": "'"})


def fold(word: str) -> str:
    """Small letters without accents."""
    lowered = word.lower().translate(_LETTERS)
    if lowered.isascii():
        return lowered
    return "".join(sign for sign in unicodedata.normalize("NFKD", lowered) if not unicodedata.combining(sign))


def kind(folded: str) -> str:
    """Which lists hold the word: some of c (common), f (first name), l (surname), or n for none."""
    key = zlib.crc32(folded.encode())
    return "".join(mark for mark, known in zip(_MARKS, _known(), strict=True) if _holds(known, key)) or "n"


def shape_of(word: str) -> str:
    """How a word is written: `0` with digits, `.` a sign, `x` small, `ABC` and `X` capitals, or `Xx`."""
    if not word.isalpha() and any(sign.isdigit() for sign in word):
        return "0"
    if not word[0].isalpha():
        return "."
    if word.islower():
        return "x"
    if word.isupper():
        return "ABC" if len(word) <= _LONGEST_ACRONYM else "X"
    return "Xx"


@cache
def _known() -> tuple[array[int], ...]:
    """Each list as sorted hashes, a tenth of the memory of words; one word in 80,000 passes for another."""
    return tuple(array("I", sorted(zlib.crc32(word.encode()) for word in read_words(name))) for name in LISTS)


def read_words(name: str) -> Iterable[str]:
    """The folded words of a list; lines that begin with # say where they come from."""
    return (line for line in (FOLDER / name).read_text().splitlines() if not line.startswith("#"))


def _holds(known: array[int], key: int) -> bool:
    at = bisect_left(known, key)
    return at < len(known) and known[at] == key
