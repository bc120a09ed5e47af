"""Leaks: tells when an answer quotes the instructions that the model was given, however it is spaced."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cached_property, lru_cache

from graphs.grounding.sentences import plain

# Letters and digits in a row, without what stands between them: about seven words. Shorter stretches are
# everyday phrases; longer ones that the service says by itself are `known`.
LONGEST_QUOTE = 30
_BETWEEN = re.compile(r"[\W_]+")


class Secret:
    """A text that must not be quoted at length; what also stands in `known` texts is no secret."""

    def __init__(self, text: str, known: Iterable[str] = ()) -> None:
        self._text = _squeezed_once(text)
        self._told = tuple(known)

    @cached_property
    def _known(self) -> tuple[str, ...]:
        # Most answers quote nothing, and these are long.
        return tuple(map(_squeezed, self._told))

    def listen(self) -> Quoting:
        """A listener for one answer."""
        return Quoting(self)

    def holds(self, stretch: str) -> bool:
        """Whether a squeezed stretch stands in the secret and nowhere else."""
        return stretch in self._text and not any(stretch in text for text in self._known)


class Quoting:
    """Hears an answer word by word."""

    def __init__(self, secret: Secret) -> None:
        self._secret = secret
        self._last = ""

    def hears(self, word: str) -> bool:
        """Whether with this word the answer has quoted too much."""
        heard = self._last + _squeezed(word)
        self._last = heard[1 - LONGEST_QUOTE :]
        surplus = len(heard) - LONGEST_QUOTE
        if surplus < 0:
            return False
        holds = self._secret.holds
        if holds(heard[surplus:]):
            return True
        return any(holds(heard[at : at + LONGEST_QUOTE]) for at in range(0, surplus, LONGEST_QUOTE))


def _squeezed(text: str) -> str:
    read = plain(text).casefold()
    return read if read.isalnum() else _BETWEEN.sub("", read)


_squeezed_once = lru_cache(maxsize=64)(_squeezed)  # for the few instructions there are, no customer's words
