"""Finds the values that a vault already holds wherever they reappear in a text, in any spelling."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np

from desk.privacy.names.words import fold
from desk.privacy.names.words import kind as known_as
from desk.privacy.persons import EVERYDAY_NAMES
from desk.privacy.vaults import COMPACT_TYPES, DIGIT_TYPES, LITERAL, SCANNED, Vault

_WIDEST_GAP = 5  # characters between two digits or letters of one number
_TOO_MANY_FOR_CHANCE = 12
_MOST_WORDS = 24  # of a value; one that seems to go on for pages is known by its beginning
_SHARED_TAIL = 9  # digits that a number has in common with and without its country prefix
# For each ASCII sign, whether it is kept.
_DIGITS = np.array([chr(sign).isdigit() for sign in range(128)])
_LETTERS_AND_DIGITS = np.array([chr(sign).isalnum() for sign in range(128)])


class Squeezed:
    """The letters and digits of a text without what parts them, and where each one stood."""

    def __init__(self, text: str, *, digits_only: bool) -> None:
        kept = _DIGITS if digits_only else _LETTERS_AND_DIGITS
        # Whatever is not ASCII becomes one sign that is not kept, so that places stay what they are.
        signs = np.frombuffer(text.encode("ascii", "replace"), np.uint8)
        kept_signs = kept[signs]
        self.at: list[int] = np.flatnonzero(kept_signs).tolist()
        self.text = signs[kept_signs].tobytes().decode("ascii").upper()

    def occurrences(self, needle: str) -> Iterator[tuple[int, int]]:
        """First and last index into `at` of each occurrence that no wide gap tears apart."""
        found = self.text.find(needle)
        while found >= 0:
            last = found + len(needle) - 1
            close = all(self.gap(index) <= _WIDEST_GAP for index in range(found + 1, last + 1))
            if close:
                yield found, last
            found = self.text.find(needle, last + 1 if close else found + 1)

    def gap(self, index: int) -> int:
        """Distance in the text from the sign before; 1 if they touch."""
        return self.at[index] - self.at[index - 1]


class _Haystack:
    """The forms of one normalised text that values are looked up in; each made when first needed."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def lowered(self) -> str:
        return self.text.lower()

    @cached_property
    def digits(self) -> Squeezed:
        return Squeezed(self.text, digits_only=True)

    @cached_property
    def compact(self) -> Squeezed:
        return Squeezed(self.text, digits_only=False)

    @cached_property
    def scanned(self) -> Squeezed:
        squeezed = Squeezed(self.text, digits_only=False)
        squeezed.text = squeezed.text.translate(SCANNED)
        return squeezed


def find_repetitions(text: str, vault: Vault) -> Iterator[tuple[int, int, str]]:
    """Start, end and type of every vault value in a normalised text; they may overlap."""
    haystack = _Haystack(text)
    for kind, value in vault.tokens:
        if kind == LITERAL or not value:
            continue
        if kind in DIGIT_TYPES:
            tail = min(len(value), _SHARED_TAIL) if kind == "PHONE" else len(value)
            found = _find_number(haystack.digits, value, tail)
        elif kind in COMPACT_TYPES:
            found = _find_compact(text, haystack.scanned if kind == "SSN" else haystack.compact, value)
        else:
            found = _find_words(haystack, value, capitalised=kind == "PERSON" and _is_everyday(value))
        for start, end in found:
            yield start, end, kind
        if kind == "EMAIL":
            for start, end in _find_spaced_out(haystack, value):
                yield start, end, kind


def _is_everyday(name: str) -> bool:
    """Whether the name is also a word that stands in any text."""
    return name in EVERYDAY_NAMES or "c" in known_as(fold(name))


def _find_number(digits: Squeezed, value: str, tail: int) -> Iterator[tuple[int, int]]:
    """A number by its last digits, and as many of the digits before them as are its own."""
    prefix = value[:-tail]
    for first, last in digits.occurrences(value[-tail:]):
        begin = first
        while begin and prefix.endswith(digits.text[begin - 1 : first]) and digits.gap(begin) <= _WIDEST_GAP:
            begin -= 1
        apart = len(value) >= _SHARED_TAIL or begin == 0 or digits.gap(begin) > 1
        if apart and (last + 1 == len(digits.at) or digits.gap(last + 1) > 1):
            yield digits.at[begin], digits.at[last] + 1


def _find_compact(text: str, squeezed: Squeezed, value: str) -> Iterator[tuple[int, int]]:
    for first, last in squeezed.occurrences(value):
        start, end = squeezed.at[first], squeezed.at[last] + 1
        if not _is_digit(text, start - 1) and not _is_digit(text, end):
            yield start, end


def _find_spaced_out(haystack: _Haystack, address: str) -> Iterator[tuple[int, int]]:
    """An e-mail address by its letters and digits alone, if they are too many to meet by chance."""
    letters = "".join([char for char in address.upper() if char.isalnum() and char.isascii()])
    if len(letters) >= _TOO_MANY_FOR_CHANCE:
        for first, last in haystack.compact.occurrences(letters):
            start, end = haystack.compact.at[first], haystack.compact.at[last] + 1
            if _stands_alone(haystack.text, start, end):
                yield start, end


def _is_digit(text: str, index: int) -> bool:
    return 0 <= index < len(text) and text[index].isdigit()


def _find_words(haystack: _Haystack, value: str, *, capitalised: bool) -> Iterator[tuple[int, int]]:
    """A value of words, on whole words, with any white space between them."""
    text, (head, *rest) = haystack.lowered, value.split()[:_MOST_WORDS]
    start = text.find(head)
    while start >= 0:
        end = _end_of(text, start + len(head), rest)
        alone = bool(end) and _stands_alone(text, start, end)
        found = alone and (not capitalised or haystack.text[start].isupper())
        if found:
            yield start, end
        start = text.find(head, end if found else start + 1)


def _end_of(text: str, end: int, words: list[str]) -> int:
    """Where the following words end; 0 if they do not follow."""
    for word in words:
        gap = end
        while gap < len(text) and gap < end + 8 and text[gap].isspace():
            gap += 1
        if gap == end or not text.startswith(word, gap):
            return 0
        end = gap + len(word)
    return end


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Whether no word goes on over the edges; a letter beside a digit is an edge."""
    before, after = text[max(0, start - 1) : start], text[end : end + 1]
    return not (_goes_on(before, text[start]) or _goes_on(text[end - 1], after))


def _goes_on(left: str, right: str) -> bool:
    return (left.isalpha() and right.isalpha()) or (left.isdigit() and right.isdigit())
