"""The claim gate: an answer streams through it, and what it claims must stand in a source."""

from __future__ import annotations

import re
from itertools import chain

from graphs.grounding.denials import DENYING, is_denial
from graphs.grounding.figure_words import (
    CURRENCIES,
    MONTHS,
    NUMBERS,
    SCALES,
    STATED,
    UNITS,
    UNSURE_MONTHS,
    WEEKDAYS,
)
from graphs.grounding.leaks import Secret
from graphs.grounding.number_words import ONE
from graphs.grounding.sentences import ends_sentence, plain
from graphs.grounding.sources import Source, Sources

__all__ = ["ClaimGate", "Source", "Sources", "may_claim"]

_LONGEST_SENTENCE = 1000
_LONGEST_WORD = 400
_TAIL = 5  # words that a claim of several words may span: "within one full business day"

_CLAIMING = frozenset(
    chain(
        NUMBERS,
        SCALES,
        WEEKDAYS,
        MONTHS.keys() - UNSURE_MONTHS,
        chain.from_iterable(STATED.values()),
        (word for word in chain.from_iterable(CURRENCIES.values()) if word.isalpha()),
        ("free", "gratis", "percent", "prozent", "twice"),
        DENYING,
    )
)
_UNITS = frozenset(word for unit in chain.from_iterable(UNITS.values()) for word in unit.split())
_PARTS = re.compile(r"[-/]")
_GAP = re.compile(r"(\s+)")
_CLAIMING_STEMS = ("kosten", "gratuit")
_SIGNS = re.compile(r"[\d€$£¥%@<>]|\w[.:/]+\w|\]\(|//|\[[A-Z]")
_EDGES = "\"'“”‘’()[]{}<>*_`~.,;:!?…-–—"


class ClaimGate:
    """Lets text through as it streams, but holds a sentence from its first claim until it is checked.

    What comes out is a prefix of the stripped text, however the text is cut; once `rejected` names claims
    without a source, nothing more comes out. A `secret` must not be quoted at length either.
    """

    def __init__(self, sources: Sources, secret: Secret | None = None) -> None:
        self.rejected: list[str] = []
        self._sources = sources
        self._quoting = secret.listen() if secret else None
        self._pieces: list[str] = []  # what came since the last white space, not yet a whole word
        self._length = 0
        self._space = ""
        self._sentence: list[str] = []
        self._sentence_length = 0
        self._hints = _Hints()
        self._held: list[str] | None = None
        self._began = False

    def feed(self, piece: str) -> str:
        """What may be shown after the next piece of the answer."""
        out: list[str] = []
        for part in _GAP.split(piece):
            if self.rejected:
                break
            if part.isspace():
                self._end_word(out)
                self._space += part
                if "\n" in part:
                    self._end_sentence(out)
            elif part:
                self._grow_word(part)
        return "".join(out)

    def finish(self) -> str:
        """What may be shown of the rest."""
        out: list[str] = []
        self._end_word(out)
        self._end_sentence(out)
        return "".join(out)

    def _grow_word(self, part: str) -> None:
        self._pieces.append(part)
        self._length += len(part)
        if self._length > _LONGEST_WORD:
            self.rejected = ["a word without end"]

    def _end_word(self, out: list[str]) -> None:
        if self.rejected or not self._pieces:
            return
        word, self._pieces, self._length = "".join(self._pieces), [], 0
        if self._quoting and self._quoting.hears(word):
            self.rejected = ["the instructions"]
            return
        spaced = self._space + word if self._began else word
        self._space, self._began = "", True
        self._sentence.append(spaced)
        self._sentence_length += len(spaced)
        if self._held is None and self._hints.hears(word):
            self._held = []
        (out if self._held is None else self._held).append(spaced)
        if ends_sentence(word):
            self._end_sentence(out)
        elif self._sentence_length > _LONGEST_SENTENCE:
            self._end_overlong(out)

    def _end_sentence(self, out: list[str]) -> None:
        if self.rejected:
            return
        if self._held is not None:
            self.rejected = self._sources.lacks("".join(self._sentence).strip())
            if not self.rejected:
                out += self._held
        self._sentence, self._sentence_length, self._held = [], 0, None
        self._hints = _Hints()

    def _end_overlong(self, out: list[str]) -> None:
        """Without a claim it is let go by parts; with one it is too long to be told apart from its rivals."""
        if self._held is not None:
            self.rejected = ["a sentence without end"]
        self._end_sentence(out)


class _Hints:
    """Hears the words of one sentence, and tells with which of them it may hold a claim."""

    def __init__(self) -> None:
        self._tail: list[str] = []

    def hears(self, word: str) -> bool:
        """Whether with this word the sentence holds something that has to stand in a source."""
        read = plain(word)
        self._tail = [*self._tail[1 - _TAIL :], read]
        lowered = read.casefold().strip(_EDGES)
        if lowered in _CLAIMING or _SIGNS.search(read):
            return True
        if lowered in _UNITS:
            return ONE.search(" ".join(self._tail)) is not None
        if lowered.isalpha():
            return lowered.startswith(_CLAIMING_STEMS)
        return is_denial(lowered) or any(
            part in _CLAIMING or is_denial(part) for part in _PARTS.split(lowered)
        )


def may_claim(sentence: str) -> bool:
    """Whether the gate would hold this sentence to look for its claims in the sources."""
    hints = _Hints()
    return any(hints.hears(word) for word in sentence.split())
