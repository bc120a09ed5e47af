"""Finds where a tenant's own words (titles, authors, brands, its support address) stand in a text."""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import lru_cache

from desk.privacy.normalise import normalise

_WORD = re.compile(r"\w+")


class AllowedRanges:
    """The places of a normalised text that hold an allowed term, without case, on whole words."""

    def __init__(self, text: str, terms: frozenset[str]) -> None:
        self._ranges: list[tuple[int, int]] = []
        if not terms:
            return
        lowered = text.lower()
        index = _standing_in(lowered, terms)
        if not index:
            return
        reached = 0
        for word in _WORD.finditer(lowered):
            start = word.start()
            for term in index.get(word.group(), ()):
                end = start + len(term)
                if end > reached and lowered.startswith(term, start) and _is_whole(lowered, end):
                    self._ranges.append((start, end))
                    reached = end

    def holds(self, start: int, end: int) -> bool:
        """Whether `text[start:end]` lies inside one occurrence of a term."""
        if not self._ranges:
            return False
        at = bisect_right(self._ranges, start, key=lambda found: found[0])
        return at > 0 and self._ranges[at - 1][1] >= end


def _standing_in(lowered: str, terms: frozenset[str]) -> dict[str, list[str]]:
    """The terms that stand somewhere in a text of small letters, under their first words: most times none."""
    index = _by_first_word(terms)
    firsts = index.keys() & set(_WORD.findall(lowered))
    standing = {first: [term for term in index[first] if term in lowered] for first in firsts}
    return {first: found for first, found in standing.items() if found}


def _is_whole(text: str, end: int) -> bool:
    """Whether what ends here does not end within a word."""
    return not (text[end : end + 1].isalnum() and text[end - 1].isalnum())


@lru_cache(maxsize=256)
def _by_first_word(terms: frozenset[str]) -> dict[str, list[str]]:
    """The terms, folded, under their first words."""
    index: dict[str, list[str]] = {}
    for term in terms:
        folded = " ".join(normalise(term).text.lower().split())
        first = _WORD.search(folded)
        if first:
            index.setdefault(first.group(), []).append(folded[first.start() :])
    return index
