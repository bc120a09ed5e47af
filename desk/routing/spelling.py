"""Reads a misspelled word as the word of the examples that was meant: "cancdling" as "cancelling"."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator
from typing import Final

# A word that one example alone has may be misspelled itself.
_SHARED_BY: Final = 2
_SHORTEST: Final = 4
_LONGEST_WORD: Final = 24
# Longer messages are stories, in which one word more or less decides nothing.
_LONGEST_TEXT: Final = 500
_WORD: Final = re.compile(r"[^\W\d_]+")


class Spelling:
    """The words that some texts share, found by what is left of them without one letter.

    Source: the symmetric deletes of Garbe's SymSpell; one letter too many, missing or wrong, or two in the
    wrong order, is one slip. What `known` holds, words of the language in small letters, is never misspelled.
    """

    def __init__(self, texts: Iterable[str], known: Container[str] = ()) -> None:
        counted = Counter(word for text in texts for word in set(_WORD.findall(text.lower())))
        self._known = known
        self._shared = {word: count for word, count in counted.items() if count >= _SHARED_BY}
        self._near: dict[str, list[str]] = defaultdict(list)
        for word in self._shared:
            if _SHORTEST <= len(word) <= _LONGEST_WORD:
                for rest in {word, *_without_one(word)}:
                    self._near[rest].append(word)

    def __call__(self, text: str) -> str:
        """The text with its misspelled words as they were meant; some 20 microseconds for each of them."""
        if len(text) > _LONGEST_TEXT:
            return text
        return _WORD.sub(lambda match: self._meant(match.group()), text)

    def _meant(self, written: str) -> str:
        word = written.lower()
        if not _SHORTEST <= len(word) <= _LONGEST_WORD or self._is_right(word):
            return written
        near = {found for rest in {word, *_without_one(word)} for found in self._near.get(rest, ())}
        near = {found for found in near if _one_slip(word, found)}
        if near:
            return max(near, key=lambda found: (self._shared[found], found))
        return self._in_two(word) or written

    def _is_right(self, word: str) -> bool:
        """Whether a word is spelled as it should be, as "expires" where "expire" is known."""
        forms = (word, word[:-1]) if word.endswith("s") else (word,)
        return any(form in self._shared or form in self._known for form in forms)

    def _in_two(self, word: str) -> str | None:
        """Two words between which a space is missing: "tocancel"."""
        for at in range(1, len(word) - 1):
            left, right = word[:at], word[at:]
            if left in self._shared and right in self._shared and len(right) >= _SHORTEST:
                return f"{left} {right}"
        return None


def _without_one(word: str) -> Iterator[str]:
    return (word[:at] + word[at + 1 :] for at in range(len(word)))


def _one_slip(written: str, meant: str) -> bool:
    """Whether one slip makes the one of the other; they are not the same."""
    if len(written) != len(meant):
        longer, shorter = sorted((written, meant), key=len, reverse=True)
        return shorter in _without_one(longer)
    if len(written) == _SHORTEST:  # another letter makes another word of it: "nein" is not "mein"
        return sorted(written) == sorted(meant)
    differ = [at for at, (one, other) in enumerate(zip(written, meant, strict=True)) if one != other]
    if len(differ) == 1:
        return True
    swapped = written[differ[0] : differ[-1] + 1] == meant[differ[0] : differ[-1] + 1][::-1]
    return len(differ) == 2 and differ[1] - differ[0] == 1 and swapped
