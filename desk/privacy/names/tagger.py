"""A linear model tells which words are parts of a person's name, from the word and its neighbours.

Trained on English by `python -m evals.training.names`. Only words that could be a name are looked at: those
of the name lists, and those that are no everyday English. Elsewhere a first name and a surname count.
"""

from __future__ import annotations

import math
import re
import zlib
from array import array
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Final

import numpy as np

from desk.privacy.names.words import FOLDER, fold, kind, shape_of
from desk.privacy.spans import Found

WEIGHTS: Final = FOLDER / "weights.npz"
FEATURES: Final = 1 << 15
# Characters; a message has no more. Hostile text costs as much as is read of it.
LONGEST_READ: Final = 16_000
# So sure of one word that a name is seen there; less is enough for a word beside it.
FIRST, BESIDE = 0.05, 0.03
# Below this share of everyday words a text is not English, and capitals may mean something else there.
_ENGLISH = 0.6
# Letters that touch digits are a part of a number or a code, never of a name.
_TOKEN = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*+(?!\w)|\w+|\n|[^\w\s]")
_JOINED = re.compile(r"[ ’'.-]{1,2}")
_SENTENCE = frozenset("^.!?\n")


class Words:
    """A text as words, digits and signs, with what is known of each."""

    def __init__(self, text: str) -> None:
        found = [(match.start(), match.end(), match.group()) for match in _TOKEN.finditer(text)]
        self.places = [(start, end) for start, end, _ in found]
        known = [_known(word) for _, _, word in found]
        self.shapes = [shape for shape, _, _ in known]
        self.folded = [folded for _, folded, _ in known]
        self.kinds = [lists for _, _, lists in known]

    def candidates(self) -> list[int]:
        """The words that could be part of a name."""
        shouted = not {"x", "Xx"} & set(self.shapes)
        looks = zip(self.folded, self.kinds, self.shapes, strict=True)
        found = {
            at
            for at, (word, known, shape) in enumerate(looks)
            if len(word) > 1 and known[0] not in "c." and (shouted or shape != "ABC")
        }
        # A word that is a name and an everyday word, such as Mark, is looked at beside another name alone.
        near = {place for at in found for place in (at - 1, at + 1)}
        return sorted(found | {at for at in near if self._look(at)[0][:2] in {"cf", "cl"}})

    def pairs(self) -> Iterator[int]:
        """Words with a capital that the lists know as a first name and a surname, side by side."""
        for at in range(len(self.kinds) - 1):
            capitals = self.shapes[at] == self.shapes[at + 1] == "Xx"
            if capitals and "f" in self.kinds[at] and "l" in self.kinds[at + 1]:
                yield from (at, at + 1)

    def are_english(self) -> bool:
        """Whether the tagger was trained on such a text."""
        words = [known for known, shape in zip(self.kinds, self.shapes, strict=True) if shape == "x"]
        return sum("c" in known for known in words) >= _ENGLISH * len(words)

    def around(self, at: int) -> tuple[object, ...]:
        """All that the features of this word are made of, in this text."""
        near = slice(max(0, at - 2), at + 3)
        edges = min(at, 2), min(len(self.places) - at, 3)
        return *edges, *self.folded[near], *self.shapes[near]

    def features(self, at: int) -> list[int]:
        """Where in the weights to look for this word."""
        return [zlib.crc32(feature.encode()) % FEATURES for feature in self._features(at)]

    def _features(self, at: int) -> Iterator[str]:
        word, known, shape = self.folded[at], self.kinds[at], self.shapes[at]
        before, before2 = self._word(at - 1), self._word(at - 2)
        after, after2 = self._word(at + 1), self._word(at + 2)
        (known_b, shape_b), (known_a, shape_a) = self._look(at - 1), self._look(at + 1)
        first = before in _SENTENCE
        yield "1"
        yield f"known {known}"
        yield f"shape {shape} {known}"
        yield f"left {known_b} {shape_b} {known} {shape}"
        yield f"right {known_a} {shape_a} {known} {shape}"
        yield f"kinds {known_b} {known} {known_a}"
        yield f"wide {self._look(at - 2)[0]} {known_b} {known} {known_a} {self._look(at + 2)[0]}"
        yield f"before {before}"
        yield f"after {after}"
        yield f"before2 {before2}"
        yield f"after2 {after2}"
        yield f"both before {before2} {before}"
        yield f"both after {after} {after2}"
        yield f"before, known {before} {known}"
        yield f"after, known {after} {known}"
        yield f"before, shape {before} {shape}"
        yield f"after, shape {after} {shape}"
        yield f"both before, known {before2} {before} {known}"
        yield f"around {before} {after}"
        yield f"first {first} {shape} {known}"
        yield f"length {min(len(self.places), 6)} {shape} {known}"
        yield f"begins {word[:3]}"
        yield f"ends {word[-3:]}"
        yield f"ends {word[-2:]}"
        yield f"letters {min(len(word), 12)}"
        if known != "n":
            yield f"word {word}"

    def _word(self, at: int) -> str:
        if not 0 <= at < len(self.folded):
            return "^" if at < 0 else "$"
        return "0" if self.shapes[at] == "0" else self.folded[at]

    def _look(self, at: int) -> tuple[str, str]:
        if not 0 <= at < len(self.folded):
            return "^", "^"
        return self.kinds[at], self.shapes[at]


def find_names(text: str) -> Iterator[Found]:
    """Names as the tagger sees them, words side by side as one; it looks no further than a message may go."""
    text = text[:LONGEST_READ]
    words = Words(text)
    sure = _sure(words)
    reached = -1
    for at in (at for at, chance in sure.items() if chance >= FIRST):
        if at <= reached:
            continue
        first = last = at
        while _continues(text, words, sure, first - 1, first) and first - 1 > reached:
            first -= 1
        while _continues(text, words, sure, last + 1, last):
            last += 1
        reached = last
        yield Found(words.places[first][0], words.places[last][1], "PERSON")


def _continues(text: str, words: Words, sure: dict[int, float], at: int, beside: int) -> bool:
    if sure.get(at, 0.0) < BESIDE:
        return False
    left, right = min(at, beside), max(at, beside)
    return _JOINED.fullmatch(text, words.places[left][1], words.places[right][0]) is not None


def _sure(words: Words) -> dict[int, float]:
    """By place, how likely each candidate is part of a name."""
    if not words.are_english():
        return dict.fromkeys(words.pairs(), 1.0)
    candidates = words.candidates()
    if not candidates:
        return {}
    weights, bias = _model()
    chances: dict[tuple[object, ...], float] = {}
    sure: dict[int, float] = {}
    for at in candidates:
        around = words.around(at)
        if around not in chances:
            score = bias + sum(weights[place] for place in words.features(at))
            chances[around] = 1 / (1 + math.exp(-score))
        sure[at] = chances[around]
    return sure


@cache
def _model() -> tuple[array[float], float]:
    with np.load(WEIGHTS) as stored:
        scale, bias = (float(value) for value in stored["scale_and_bias"])
        return array("f", stored["weights"] * np.float32(scale)), bias


@lru_cache(maxsize=8192)  # most words of a text come again, and all of a hostile one
def _known(word: str) -> tuple[str, str, str]:
    """A word's shape, how it is folded, and what the lists know of it."""
    shape, folded = shape_of(word), fold(word)
    return shape, folded, kind(folded) if shape not in {"0", "."} else "."
