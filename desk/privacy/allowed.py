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
        index = _by_first_word(terms)
        if not index:
            return
        lowered = text.lower()
        reached = 0
        for word in _WORD.finditer(lowered):
            end = max((_end(lowered, word.start(), term) for term in index.get(word.group(), ())), default=0)
            if end > reached:
                self._ranges.append((word.start(), end))
                reached = end

    def holds(self, start: int, end: int) -> bool:
        """Whether `text[start:end]` lies inside one occurrence of a term."""
        if not self._ranges:
            return False
        at = bisect_right(self._ranges, start, key=lambda found: found[0])
        return at > 0 and self._ranges[at - 1][1] >= end


def _end(text: str, start: int, term: str) -> int:
    """Where the term ends if it stands at `start` as whole words, else 0."""
    end = start + len(term)
    whole = text.startswith(term, start) and not (text[end : end + 1].isalnum() and term[-1].isalnum())
    return end if whole else 0


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
